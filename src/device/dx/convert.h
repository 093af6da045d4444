// SPDX-License-Identifier: MIT
/**
 * \file
 * SVGA3D's enumerations in Vulkan's terms. Values come from guest memory: one that is out of range gives the
 * default D3D10 gives an unset state.
 */
#pragma once

#include <vulkan/vulkan.h>

#include <svga3d_reg.h>

#include <cstdint>

namespace svga::device {

VkCompareOp compareOp(uint8_t function, VkCompareOp otherwise);
VkStencilOp stencilOp(uint8_t operation);
/** \p alpha: of the alpha equation, where a colour factor stands for its alpha. */
VkBlendFactor blendFactor(uint8_t factor, bool alpha, VkBlendFactor otherwise);
VkBlendOp blendEquation(uint8_t equation);
VkLogicOp logicOp(uint8_t operation);
VkCullModeFlags cullMode(uint8_t mode);
VkPolygonMode polygonMode(uint8_t mode);
VkSamplerAddressMode addressMode(uint8_t mode);

/** \brief Whether \p factor reads the pixel shader's second colour output. */
bool usesSecondSource(uint8_t factor);

struct Topology {
    VkPrimitiveTopology topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    VkPrimitiveTopology classOf = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST; ///< one per class: what a pipeline is made with
    bool strip = false;                                                ///< the cut index restarts it
    uint32_t controlPoints = 0;                                        ///< of a patch; 0: not a patch
};

/** \return false where \p type is no topology. */
bool topologyOf(uint32_t type, Topology& out);

} // namespace svga::device
