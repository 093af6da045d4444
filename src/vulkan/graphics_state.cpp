// SPDX-License-Identifier: MIT
#include "vulkan/graphics_state.h"

#include "vulkan/formats.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "util/bitscan.h"

namespace svga::vulkan {

namespace {

/** Vulkan's and the device's comparisons are in one order. */
SVGA3dComparisonFunc comparison(uint32_t op) {
    return static_cast<SVGA3dComparisonFunc>(SVGA3D_COMPARISON_NEVER + op - VK_COMPARE_OP_NEVER);
}

uint8_t stencilOp(uint8_t op) {
    switch (op) {
    case VK_STENCIL_OP_ZERO:
        return SVGA3D_STENCILOP_ZERO;
    case VK_STENCIL_OP_REPLACE:
        return SVGA3D_STENCILOP_REPLACE;
    case VK_STENCIL_OP_INCREMENT_AND_CLAMP:
        return SVGA3D_STENCILOP_INCRSAT;
    case VK_STENCIL_OP_DECREMENT_AND_CLAMP:
        return SVGA3D_STENCILOP_DECRSAT;
    case VK_STENCIL_OP_INVERT:
        return SVGA3D_STENCILOP_INVERT;
    case VK_STENCIL_OP_INCREMENT_AND_WRAP:
        return SVGA3D_STENCILOP_INCR;
    case VK_STENCIL_OP_DECREMENT_AND_WRAP:
        return SVGA3D_STENCILOP_DECR;
    default:
        return SVGA3D_STENCILOP_KEEP;
    }
}

uint8_t blendFactor(uint8_t factor) {
    switch (factor) {
    case VK_BLEND_FACTOR_ONE:
        return SVGA3D_BLENDOP_ONE;
    case VK_BLEND_FACTOR_SRC_COLOR:
        return SVGA3D_BLENDOP_SRCCOLOR;
    case VK_BLEND_FACTOR_ONE_MINUS_SRC_COLOR:
        return SVGA3D_BLENDOP_INVSRCCOLOR;
    case VK_BLEND_FACTOR_DST_COLOR:
        return SVGA3D_BLENDOP_DESTCOLOR;
    case VK_BLEND_FACTOR_ONE_MINUS_DST_COLOR:
        return SVGA3D_BLENDOP_INVDESTCOLOR;
    case VK_BLEND_FACTOR_SRC_ALPHA:
        return SVGA3D_BLENDOP_SRCALPHA;
    case VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA:
        return SVGA3D_BLENDOP_INVSRCALPHA;
    case VK_BLEND_FACTOR_DST_ALPHA:
        return SVGA3D_BLENDOP_DESTALPHA;
    case VK_BLEND_FACTOR_ONE_MINUS_DST_ALPHA:
        return SVGA3D_BLENDOP_INVDESTALPHA;
    case VK_BLEND_FACTOR_CONSTANT_COLOR:
        return SVGA3D_BLENDOP_BLENDFACTOR;
    case VK_BLEND_FACTOR_ONE_MINUS_CONSTANT_COLOR:
        return SVGA3D_BLENDOP_INVBLENDFACTOR;
    case VK_BLEND_FACTOR_CONSTANT_ALPHA:
        return SVGA3D_BLENDOP_BLENDFACTORALPHA;
    case VK_BLEND_FACTOR_ONE_MINUS_CONSTANT_ALPHA:
        return SVGA3D_BLENDOP_INVBLENDFACTORALPHA;
    case VK_BLEND_FACTOR_SRC_ALPHA_SATURATE:
        return SVGA3D_BLENDOP_SRCALPHASAT;
    case VK_BLEND_FACTOR_SRC1_COLOR:
        return SVGA3D_BLENDOP_SRC1COLOR;
    case VK_BLEND_FACTOR_ONE_MINUS_SRC1_COLOR:
        return SVGA3D_BLENDOP_INVSRC1COLOR;
    case VK_BLEND_FACTOR_SRC1_ALPHA:
        return SVGA3D_BLENDOP_SRC1ALPHA;
    case VK_BLEND_FACTOR_ONE_MINUS_SRC1_ALPHA:
        return SVGA3D_BLENDOP_INVSRC1ALPHA;
    default:
        return SVGA3D_BLENDOP_ZERO;
    }
}

/** Vulkan's and the device's equations are in one order. */
uint8_t blendEquation(VkBlendOp op) {
    return static_cast<uint8_t>(uint32_t{SVGA3D_BLENDEQ_ADD} + op - uint32_t{VK_BLEND_OP_ADD});
}

uint32_t topology(uint8_t topology, uint32_t controlPoints) {
    switch (topology) {
    case VK_PRIMITIVE_TOPOLOGY_POINT_LIST:
        return SVGA3D_PRIMITIVE_POINTLIST;
    case VK_PRIMITIVE_TOPOLOGY_LINE_LIST:
        return SVGA3D_PRIMITIVE_LINELIST;
    case VK_PRIMITIVE_TOPOLOGY_LINE_STRIP:
        return SVGA3D_PRIMITIVE_LINESTRIP;
    case VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP:
        return SVGA3D_PRIMITIVE_TRIANGLESTRIP;
    case VK_PRIMITIVE_TOPOLOGY_TRIANGLE_FAN:
        return SVGA3D_PRIMITIVE_TRIANGLEFAN;
    case VK_PRIMITIVE_TOPOLOGY_LINE_LIST_WITH_ADJACENCY:
        return SVGA3D_PRIMITIVE_LINELIST_ADJ;
    case VK_PRIMITIVE_TOPOLOGY_LINE_STRIP_WITH_ADJACENCY:
        return SVGA3D_PRIMITIVE_LINESTRIP_ADJ;
    case VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST_WITH_ADJACENCY:
        return SVGA3D_PRIMITIVE_TRIANGLELIST_ADJ;
    case VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP_WITH_ADJACENCY:
        return SVGA3D_PRIMITIVE_TRIANGLESTRIP_ADJ;
    case VK_PRIMITIVE_TOPOLOGY_PATCH_LIST:
        return SVGA3D_PRIMITIVE_1_CONTROL_POINT_PATCH + controlPoints - 1;
    default:
        return SVGA3D_PRIMITIVE_TRIANGLELIST;
    }
}

uint8_t logicOp(uint8_t op) {
    switch (op) {
    case VK_LOGIC_OP_CLEAR:
        return SVGA3D_DX11_LOGICOP_CLEAR;
    case VK_LOGIC_OP_AND:
        return SVGA3D_DX11_LOGICOP_AND;
    case VK_LOGIC_OP_AND_REVERSE:
        return SVGA3D_DX11_LOGICOP_AND_REVERSE;
    case VK_LOGIC_OP_AND_INVERTED:
        return SVGA3D_DX11_LOGICOP_AND_INVERTED;
    case VK_LOGIC_OP_NO_OP:
        return SVGA3D_DX11_LOGICOP_NOOP;
    case VK_LOGIC_OP_XOR:
        return SVGA3D_DX11_LOGICOP_XOR;
    case VK_LOGIC_OP_OR:
        return SVGA3D_DX11_LOGICOP_OR;
    case VK_LOGIC_OP_NOR:
        return SVGA3D_DX11_LOGICOP_NOR;
    case VK_LOGIC_OP_EQUIVALENT:
        return SVGA3D_DX11_LOGICOP_EQUIV;
    case VK_LOGIC_OP_INVERT:
        return SVGA3D_DX11_LOGICOP_INVERT;
    case VK_LOGIC_OP_OR_REVERSE:
        return SVGA3D_DX11_LOGICOP_OR_REVERSE;
    case VK_LOGIC_OP_COPY_INVERTED:
        return SVGA3D_DX11_LOGICOP_COPY_INVERTED;
    case VK_LOGIC_OP_OR_INVERTED:
        return SVGA3D_DX11_LOGICOP_OR_INVERTED;
    case VK_LOGIC_OP_NAND:
        return SVGA3D_DX11_LOGICOP_NAND;
    case VK_LOGIC_OP_SET:
        return SVGA3D_DX11_LOGICOP_SET;
    default:
        return SVGA3D_DX11_LOGICOP_COPY;
    }
}

SVGA3dDXBlendStatePerRT blendOf(const vk_color_blend_attachment_state& from, bool written) {
    SVGA3dDXBlendStatePerRT to{};
    to.blendEnable = from.blend_enable;
    to.srcBlend = blendFactor(from.src_color_blend_factor);
    to.destBlend = blendFactor(from.dst_color_blend_factor);
    to.blendOp = blendEquation(from.color_blend_op);
    to.srcBlendAlpha = blendFactor(from.src_alpha_blend_factor);
    to.destBlendAlpha = blendFactor(from.dst_alpha_blend_factor);
    to.blendOpAlpha = blendEquation(from.alpha_blend_op);
    to.renderTargetWriteMask = written ? from.write_mask & SVGA3D_COLOR_WRITE_ENABLE_ALL : 0;
    to.logicOp = SVGA3D_DX11_LOGICOP_COPY;
    return to;
}

} // namespace

float yScale(const vk_dynamic_graphics_state& state) {
    return state.vp.viewports[0].height < 0 ? 1.0f : -1.0f;
}

bool stencilFacesDiffer(const vk_dynamic_graphics_state& state, const TargetInfo& targets) {
    const auto& front = state.ds.stencil.front;
    const auto& back = state.ds.stencil.back;
    return targets.hasStencil && state.ds.stencil.test_enable &&
           (front.compare_mask != back.compare_mask || front.write_mask != back.write_mask ||
            front.reference != back.reference);
}

template <typename Body>
void GraphicsState::set(uint32_t command, const Body& body, std::span<const std::byte> array) {
    std::string bytes(reinterpret_cast<const char*>(&body), sizeof(body));
    bytes.append(reinterpret_cast<const char*>(array.data()), array.size());
    std::string& last = set_[command];
    if (last == bytes)
        return;
    encoder_.emit<Body>(
        command, 0, [&body](Body& to) { to = body; }, array);
    last = std::move(bytes);
}

void GraphicsState::setInputLayout(const vk_dynamic_graphics_state& state, uint32_t attributesRead) {
    SVGA3dCmdDXSetInputLayout body{SVGA3D_INVALID_ID};
    std::vector<SVGA3dInputElementDesc> elements;
    if (state.vi) {
        u_foreach_bit(location, state.vi->attributes_valid & attributesRead) {
            const vk_vertex_attribute_state& attribute = state.vi->attributes[location];
            const vk_vertex_binding_state& binding = state.vi->bindings[attribute.binding];
            const Format* format = findFormat(attribute.format);
            if (!format)
                throw Error("vertices have format {}, which the device has not", static_cast<int>(attribute.format));
            SVGA3dInputElementDesc element{};
            element.inputSlot = attribute.binding;
            element.alignedByteOffset = attribute.offset;
            element.format = format->typed;
            const bool perInstance = binding.input_rate == VK_VERTEX_INPUT_RATE_INSTANCE;
            element.inputSlotClass = perInstance ? SVGA3D_INPUT_PER_INSTANCE_DATA : SVGA3D_INPUT_PER_VERTEX_DATA;
            element.instanceDataStepRate = perInstance ? binding.divisor : 0;
            element.inputRegister = location;
            elements.push_back(element);
        }
    }
    if (!elements.empty())
        body.elementLayoutId = objects_.state(ContextObjects::ElementLayout, SVGA3dCmdDXDefineElementLayout{},
                                              std::as_bytes(std::span(elements)));
    set(SVGA_3D_CMD_DX_SET_INPUT_LAYOUT, body);
}

void GraphicsState::setVertexBuffers(const vk_dynamic_graphics_state& state, std::span<const VertexBuffer> buffers) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < buffers.size(); ++i)
        if (buffers[i].surface)
            count = i + 1;
    if (count == 0)
        return;
    // Compared by surface, named by id: an id is known only while the command is written.
    std::vector<std::byte> key(count * (sizeof(void*) + 2 * sizeof(uint32_t)));
    std::vector<SVGA3dVertexBuffer> bindings(count);
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t stride = state.vi_binding_strides[i];
        bindings[i] = {SVGA3D_INVALID_ID, stride, buffers[i].offset};
        std::byte* at = key.data() + i * (sizeof(void*) + 2 * sizeof(uint32_t));
        const void* surface = buffers[i].surface.get();
        std::memcpy(at, &surface, sizeof(surface));
        std::memcpy(at + sizeof(surface), &bindings[i].stride, 2 * sizeof(uint32_t));
    }
    std::string bytes(reinterpret_cast<const char*>(key.data()), key.size());
    std::string& last = set_[SVGA_3D_CMD_DX_SET_VERTEX_BUFFERS];
    if (last == bytes)
        return;
    std::vector<std::byte> command(sizeof(SVGA3dCmdDXSetVertexBuffers) + count * sizeof(SVGA3dVertexBuffer));
    encoder_.emitBytes(
        SVGA_3D_CMD_DX_SET_VERTEX_BUFFERS, count,
        [&]() -> std::span<const std::byte> {
            for (uint32_t i = 0; i < count; ++i)
                if (buffers[i].surface)
                    bindings[i].sid = encoder_.name(*buffers[i].surface);
            std::memcpy(command.data() + sizeof(SVGA3dCmdDXSetVertexBuffers), bindings.data(),
                        count * sizeof(SVGA3dVertexBuffer));
            return command;
        },
        command.size());
    last = std::move(bytes);
}

void GraphicsState::setTopology(const vk_dynamic_graphics_state& state) {
    set(SVGA_3D_CMD_DX_SET_TOPOLOGY, SVGA3dCmdDXSetTopology{static_cast<SVGA3dPrimitiveType>(
                                         topology(state.ia.primitive_topology, state.ts.patch_control_points))});
}

void GraphicsState::setViewportsAndScissors(const vk_dynamic_graphics_state& state, bool rasterizes) {
    std::vector<SVGA3dViewport> viewports;
    for (uint32_t i = 0; i < state.vp.viewport_count; ++i) {
        const VkViewport& from = state.vp.viewports[i];
        const float top = std::min(from.y, from.y + from.height);
        viewports.push_back({from.x, top, from.width, std::fabs(from.height), from.minDepth, from.maxDepth});
    }
    set(SVGA_3D_CMD_DX_SET_VIEWPORTS, SVGA3dCmdDXSetViewports{}, std::as_bytes(std::span(viewports)));
    std::vector<SVGASignedRect> scissors;
    for (uint32_t i = 0; i < state.vp.scissor_count; ++i) {
        const VkRect2D& from = state.vp.scissors[i];
        const auto end = [](int32_t begin, uint32_t size) {
            return static_cast<int32_t>(std::min<int64_t>(int64_t{begin} + size, INT32_MAX));
        };
        scissors.push_back(rasterizes
                               ? SVGASignedRect{from.offset.x, from.offset.y, end(from.offset.x, from.extent.width),
                                                end(from.offset.y, from.extent.height)}
                               : SVGASignedRect{});
    }
    set(SVGA_3D_CMD_DX_SET_SCISSORRECTS, SVGA3dCmdDXSetScissorRects{}, std::as_bytes(std::span(scissors)));
}

void GraphicsState::setRasterizer(const vk_dynamic_graphics_state& state, const TargetInfo& targets, Faces faces) {
    const vk_rasterization_state& from = state.rs;
    SVGA3dCmdDXDefineRasterizerState body{};
    body.fillMode = from.polygon_mode == VK_POLYGON_MODE_LINE    ? SVGA3D_FILLMODE_LINE
                    : from.polygon_mode == VK_POLYGON_MODE_POINT ? SVGA3D_FILLMODE_POINT
                                                                 : SVGA3D_FILLMODE_FILL;
    body.cullMode = from.cull_mode == VK_CULL_MODE_FRONT_BIT || faces == Faces::Back   ? SVGA3D_CULL_FRONT
                    : from.cull_mode == VK_CULL_MODE_BACK_BIT || faces == Faces::Front ? SVGA3D_CULL_BACK
                                                                                       : SVGA3D_CULL_NONE;
    body.frontCounterClockwise = from.front_face == VK_FRONT_FACE_COUNTER_CLOCKWISE;
    body.provokingVertexLast = from.provoking_vertex == VK_PROVOKING_VERTEX_MODE_LAST_VERTEX_EXT;
    if (from.depth_bias.enable) {
        constexpr double kLeast = std::numeric_limits<int32_t>::min(), kMost = std::numeric_limits<int32_t>::max();
        body.depthBias = static_cast<int32_t>(
            std::fmax(kLeast, std::fmin(kMost, std::round(double{from.depth_bias.constant_factor}))));
        body.depthBiasClamp = from.depth_bias.clamp;
        body.slopeScaledDepthBias = from.depth_bias.slope_factor;
    }
    body.depthClipEnable = !from.depth_clamp_enable;
    body.scissorEnable = 1;
    body.multisampleEnable = targets.samples > 1;
    body.lineWidth = from.line.width;
    set(SVGA_3D_CMD_DX_SET_RASTERIZER_STATE,
        SVGA3dCmdDXSetRasterizerState{objects_.state(ContextObjects::RasterizerState, body)});
}

void GraphicsState::setBlend(const vk_dynamic_graphics_state& state) {
    SVGA3dCmdDXDefineBlendState body{};
    body.alphaToCoverageEnable = state.ms.alpha_to_coverage_enable;
    body.independentBlendEnable = 1;
    for (uint32_t i = 0; i < SVGA3D_DX_MAX_RENDER_TARGETS; ++i) {
        const bool used = i < state.cb.attachment_count;
        body.perRT[i] = blendOf(used ? state.cb.attachments[i] : vk_color_blend_attachment_state{},
                                used && state.cb.color_write_enables & (1u << i));
        if (state.cb.logic_op_enable) {
            body.perRT[i].blendEnable = 0;
            body.perRT[i].logicOpEnable = 1;
            body.perRT[i].logicOp = logicOp(state.cb.logic_op);
        }
    }
    SVGA3dCmdDXSetBlendState set{};
    set.blendId = objects_.state(ContextObjects::BlendState, body);
    std::copy_n(state.cb.blend_constants, 4, set.blendFactor);
    set.sampleMask = state.ms.sample_mask;
    this->set(SVGA_3D_CMD_DX_SET_BLEND_STATE, set);
}

void GraphicsState::setDepthStencil(const vk_dynamic_graphics_state& state, const TargetInfo& targets, Faces faces) {
    const vk_depth_stencil_state& from = state.ds;
    const auto& shared = faces == Faces::Back ? from.stencil.back : from.stencil.front;
    SVGA3dCmdDXDefineDepthStencilState body{};
    body.depthEnable = targets.hasDepth && from.depth.test_enable;
    body.depthWriteMask = body.depthEnable && from.depth.write_enable;
    body.depthFunc = comparison(from.depth.compare_op);
    body.stencilEnable = body.frontEnable = body.backEnable = targets.hasStencil && from.stencil.test_enable;
    body.stencilReadMask = shared.compare_mask;
    body.stencilWriteMask = shared.write_mask;
    body.frontStencilFailOp = stencilOp(from.stencil.front.op.fail);
    body.frontStencilDepthFailOp = stencilOp(from.stencil.front.op.depth_fail);
    body.frontStencilPassOp = stencilOp(from.stencil.front.op.pass);
    body.frontStencilFunc = comparison(from.stencil.front.op.compare);
    body.backStencilFailOp = stencilOp(from.stencil.back.op.fail);
    body.backStencilDepthFailOp = stencilOp(from.stencil.back.op.depth_fail);
    body.backStencilPassOp = stencilOp(from.stencil.back.op.pass);
    body.backStencilFunc = comparison(from.stencil.back.op.compare);
    set(SVGA_3D_CMD_DX_SET_DEPTHSTENCIL_STATE,
        SVGA3dCmdDXSetDepthStencilState{objects_.state(ContextObjects::DepthStencilState, body), shared.reference});
}

void GraphicsState::setTargets(std::span<const uint32_t> colors, uint32_t depthStencil) {
    set(SVGA_3D_CMD_DX_SET_RENDERTARGETS, SVGA3dCmdDXSetRenderTargets{depthStencil}, std::as_bytes(colors));
}

} // namespace svga::vulkan
