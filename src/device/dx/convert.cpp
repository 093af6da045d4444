// SPDX-License-Identifier: MIT
#include "device/dx/convert.h"

namespace svga::device {

VkCompareOp compareOp(uint8_t function, VkCompareOp otherwise) {
    if (function < SVGA3D_COMPARISON_MIN || function >= SVGA3D_COMPARISON_MAX)
        return otherwise;
    return VkCompareOp(function - SVGA3D_COMPARISON_MIN); // both: never, less, equal, ..., always
}

VkStencilOp stencilOp(uint8_t operation) {
    switch (operation) {
    case SVGA3D_STENCILOP_ZERO:
        return VK_STENCIL_OP_ZERO;
    case SVGA3D_STENCILOP_REPLACE:
        return VK_STENCIL_OP_REPLACE;
    case SVGA3D_STENCILOP_INCRSAT:
        return VK_STENCIL_OP_INCREMENT_AND_CLAMP;
    case SVGA3D_STENCILOP_DECRSAT:
        return VK_STENCIL_OP_DECREMENT_AND_CLAMP;
    case SVGA3D_STENCILOP_INVERT:
        return VK_STENCIL_OP_INVERT;
    case SVGA3D_STENCILOP_INCR:
        return VK_STENCIL_OP_INCREMENT_AND_WRAP;
    case SVGA3D_STENCILOP_DECR:
        return VK_STENCIL_OP_DECREMENT_AND_WRAP;
    default:
        return VK_STENCIL_OP_KEEP;
    }
}

VkBlendFactor blendFactor(uint8_t factor, bool alpha, VkBlendFactor otherwise) {
    switch (factor) {
    case SVGA3D_BLENDOP_ZERO:
        return VK_BLEND_FACTOR_ZERO;
    case SVGA3D_BLENDOP_ONE:
        return VK_BLEND_FACTOR_ONE;
    case SVGA3D_BLENDOP_SRCCOLOR:
        return VK_BLEND_FACTOR_SRC_COLOR;
    case SVGA3D_BLENDOP_INVSRCCOLOR:
        return VK_BLEND_FACTOR_ONE_MINUS_SRC_COLOR;
    case SVGA3D_BLENDOP_SRCALPHA:
        return VK_BLEND_FACTOR_SRC_ALPHA;
    case SVGA3D_BLENDOP_INVSRCALPHA:
        return VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA;
    case SVGA3D_BLENDOP_DESTALPHA:
        return VK_BLEND_FACTOR_DST_ALPHA;
    case SVGA3D_BLENDOP_INVDESTALPHA:
        return VK_BLEND_FACTOR_ONE_MINUS_DST_ALPHA;
    case SVGA3D_BLENDOP_DESTCOLOR:
        return VK_BLEND_FACTOR_DST_COLOR;
    case SVGA3D_BLENDOP_INVDESTCOLOR:
        return VK_BLEND_FACTOR_ONE_MINUS_DST_COLOR;
    case SVGA3D_BLENDOP_SRCALPHASAT:
        return VK_BLEND_FACTOR_SRC_ALPHA_SATURATE;
    case SVGA3D_BLENDOP_BLENDFACTOR:
        return alpha ? VK_BLEND_FACTOR_CONSTANT_ALPHA : VK_BLEND_FACTOR_CONSTANT_COLOR;
    case SVGA3D_BLENDOP_INVBLENDFACTOR:
        return alpha ? VK_BLEND_FACTOR_ONE_MINUS_CONSTANT_ALPHA : VK_BLEND_FACTOR_ONE_MINUS_CONSTANT_COLOR;
    case SVGA3D_BLENDOP_SRC1COLOR:
        return VK_BLEND_FACTOR_SRC1_COLOR;
    case SVGA3D_BLENDOP_INVSRC1COLOR:
        return VK_BLEND_FACTOR_ONE_MINUS_SRC1_COLOR;
    case SVGA3D_BLENDOP_SRC1ALPHA:
        return VK_BLEND_FACTOR_SRC1_ALPHA;
    case SVGA3D_BLENDOP_INVSRC1ALPHA:
        return VK_BLEND_FACTOR_ONE_MINUS_SRC1_ALPHA;
    case SVGA3D_BLENDOP_BLENDFACTORALPHA:
        return VK_BLEND_FACTOR_CONSTANT_ALPHA;
    case SVGA3D_BLENDOP_INVBLENDFACTORALPHA:
        return VK_BLEND_FACTOR_ONE_MINUS_CONSTANT_ALPHA;
    default:
        return otherwise;
    }
}

bool usesSecondSource(uint8_t factor) {
    return factor >= SVGA3D_BLENDOP_SRC1COLOR && factor <= SVGA3D_BLENDOP_INVSRC1ALPHA;
}

VkBlendOp blendEquation(uint8_t equation) {
    switch (equation) {
    case SVGA3D_BLENDEQ_SUBTRACT:
        return VK_BLEND_OP_SUBTRACT;
    case SVGA3D_BLENDEQ_REVSUBTRACT:
        return VK_BLEND_OP_REVERSE_SUBTRACT;
    case SVGA3D_BLENDEQ_MINIMUM:
        return VK_BLEND_OP_MIN;
    case SVGA3D_BLENDEQ_MAXIMUM:
        return VK_BLEND_OP_MAX;
    default:
        return VK_BLEND_OP_ADD;
    }
}

VkLogicOp logicOp(uint8_t operation) {
    switch (operation) {
    case SVGA3D_DX11_LOGICOP_CLEAR:
        return VK_LOGIC_OP_CLEAR;
    case SVGA3D_DX11_LOGICOP_SET:
        return VK_LOGIC_OP_SET;
    case SVGA3D_DX11_LOGICOP_COPY_INVERTED:
        return VK_LOGIC_OP_COPY_INVERTED;
    case SVGA3D_DX11_LOGICOP_NOOP:
        return VK_LOGIC_OP_NO_OP;
    case SVGA3D_DX11_LOGICOP_INVERT:
        return VK_LOGIC_OP_INVERT;
    case SVGA3D_DX11_LOGICOP_AND:
        return VK_LOGIC_OP_AND;
    case SVGA3D_DX11_LOGICOP_NAND:
        return VK_LOGIC_OP_NAND;
    case SVGA3D_DX11_LOGICOP_OR:
        return VK_LOGIC_OP_OR;
    case SVGA3D_DX11_LOGICOP_NOR:
        return VK_LOGIC_OP_NOR;
    case SVGA3D_DX11_LOGICOP_XOR:
        return VK_LOGIC_OP_XOR;
    case SVGA3D_DX11_LOGICOP_EQUIV:
        return VK_LOGIC_OP_EQUIVALENT;
    case SVGA3D_DX11_LOGICOP_AND_REVERSE:
        return VK_LOGIC_OP_AND_REVERSE;
    case SVGA3D_DX11_LOGICOP_AND_INVERTED:
        return VK_LOGIC_OP_AND_INVERTED;
    case SVGA3D_DX11_LOGICOP_OR_REVERSE:
        return VK_LOGIC_OP_OR_REVERSE;
    case SVGA3D_DX11_LOGICOP_OR_INVERTED:
        return VK_LOGIC_OP_OR_INVERTED;
    default:
        return VK_LOGIC_OP_COPY;
    }
}

VkCullModeFlags cullMode(uint8_t mode) {
    switch (mode) {
    case SVGA3D_CULL_FRONT:
        return VK_CULL_MODE_FRONT_BIT;
    case SVGA3D_CULL_BACK:
        return VK_CULL_MODE_BACK_BIT;
    default:
        return VK_CULL_MODE_NONE;
    }
}

VkPolygonMode polygonMode(uint8_t mode) {
    switch (mode) {
    case SVGA3D_FILLMODE_POINT:
        return VK_POLYGON_MODE_POINT;
    case SVGA3D_FILLMODE_LINE:
        return VK_POLYGON_MODE_LINE;
    default:
        return VK_POLYGON_MODE_FILL;
    }
}

VkSamplerAddressMode addressMode(uint8_t mode) {
    switch (mode) {
    case SVGA3D_TEX_ADDRESS_WRAP:
        return VK_SAMPLER_ADDRESS_MODE_REPEAT;
    case SVGA3D_TEX_ADDRESS_MIRROR:
        return VK_SAMPLER_ADDRESS_MODE_MIRRORED_REPEAT;
    case SVGA3D_TEX_ADDRESS_BORDER:
        return VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER;
    case SVGA3D_TEX_ADDRESS_MIRRORONCE:
        return VK_SAMPLER_ADDRESS_MODE_MIRROR_CLAMP_TO_EDGE;
    default:
        return VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE;
    }
}

bool topologyOf(uint32_t type, Topology& out) {
    constexpr auto kPoints = VK_PRIMITIVE_TOPOLOGY_POINT_LIST;
    constexpr auto kLines = VK_PRIMITIVE_TOPOLOGY_LINE_LIST;
    constexpr auto kTriangles = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    switch (type) {
    case SVGA3D_PRIMITIVE_POINTLIST:
        out = {kPoints, kPoints};
        return true;
    case SVGA3D_PRIMITIVE_LINELIST:
        out = {kLines, kLines};
        return true;
    case SVGA3D_PRIMITIVE_LINESTRIP:
        out = {VK_PRIMITIVE_TOPOLOGY_LINE_STRIP, kLines, true};
        return true;
    case SVGA3D_PRIMITIVE_TRIANGLELIST:
        out = {kTriangles, kTriangles};
        return true;
    case SVGA3D_PRIMITIVE_TRIANGLESTRIP:
        out = {VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP, kTriangles, true};
        return true;
    case SVGA3D_PRIMITIVE_TRIANGLEFAN:
        out = {VK_PRIMITIVE_TOPOLOGY_TRIANGLE_FAN, kTriangles, true};
        return true;
    case SVGA3D_PRIMITIVE_LINELIST_ADJ:
        out = {VK_PRIMITIVE_TOPOLOGY_LINE_LIST_WITH_ADJACENCY, kLines};
        return true;
    case SVGA3D_PRIMITIVE_LINESTRIP_ADJ:
        out = {VK_PRIMITIVE_TOPOLOGY_LINE_STRIP_WITH_ADJACENCY, kLines, true};
        return true;
    case SVGA3D_PRIMITIVE_TRIANGLELIST_ADJ:
        out = {VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST_WITH_ADJACENCY, kTriangles};
        return true;
    case SVGA3D_PRIMITIVE_TRIANGLESTRIP_ADJ:
        out = {VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP_WITH_ADJACENCY, kTriangles, true};
        return true;
    default:
        break;
    }
    if (type < SVGA3D_PRIMITIVE_1_CONTROL_POINT_PATCH || type > SVGA3D_PRIMITIVE_32_CONTROL_POINT_PATCH)
        return false;
    out = {VK_PRIMITIVE_TOPOLOGY_PATCH_LIST, VK_PRIMITIVE_TOPOLOGY_PATCH_LIST, false,
           type - SVGA3D_PRIMITIVE_1_CONTROL_POINT_PATCH + 1};
    return true;
}

} // namespace svga::device
