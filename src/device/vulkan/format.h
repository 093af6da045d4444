// SPDX-License-Identifier: MIT
/**
 * \file
 * What each SVGA3dSurfaceFormat is in Vulkan: the one table all of the device goes by.
 *
 * A surface's image is created with a format that keeps every bit of the guest's texels, and views give them meaning.
 * Typeless formats stand for a family: their image has the family's most usual format, and is mutable.
 *
 * Depth and stencil are special. Vulkan has no views across the border between colour and depth, so a surface whose
 * format, or whose use as depth buffer, makes it one is a depth image; a colour-like view of it (R32_FLOAT of a D32
 * surface) is a view of its depth aspect. And Vulkan copies depth and stencil apart, where the guest has them in one
 * texel: DepthPacking says how.
 */
#pragma once

#include "device/vgpu10/translator.h"

#include <vulkan/vulkan.h>

#include <svga3d_reg.h>

#include <cstdint>

namespace svga::device {

/** \brief Where depth and stencil are in the guest's texel. */
enum class DepthPacking : uint8_t {
    None,     ///< not depth
    D16,      ///< 16 bit unorm
    D32,      ///< 32 bit float
    D24S8,    ///< depth in the low 24 bits, stencil above
    S8D24,    ///< stencil in the low 8 bits, depth above (D3D9's D24S8 and D24X8)
    D32S8X24, ///< a 32 bit float, then 8 bits of stencil, then 24 unused
};

/** \brief What is known of one SVGA3dSurfaceFormat. Block sizes are those of svga3d_surfacedefs.h. */
struct FormatInfo {
    VkFormat vulkan = VK_FORMAT_UNDEFINED; ///< as view or vertex format; typeless: the family's most usual one
    VkFormat image = VK_FORMAT_UNDEFINED; ///< what an image is created with; undefined: there are no such surfaces here
    /// What an image is created with when it is bound as depth/stencil; undefined: it cannot be.
    VkFormat depthImage = VK_FORMAT_UNDEFINED;
    DepthPacking packing = DepthPacking::None;             ///< of depthImage
    VkComponentMapping swizzle{};                          ///< for sampling (A8, X8, luminance, stencil)
    VkImageAspectFlags aspect = VK_IMAGE_ASPECT_COLOR_BIT; ///< of a view with this format
    vgpu10::NumericType numericType = vgpu10::NumericType::Float;
    uint32_t blockWidth = 1, blockHeight = 1, blockDepth = 1, bytesPerBlock = 0;
    /// A depth format whatever the surface is bound as.
    bool depthStencil = false;
    bool typeless = false;

    bool compressed() const { return blockWidth > 1; }
    /** \brief Its one component is alpha, which Vulkan has as red. */
    bool alphaAsRed() const { return swizzle.a == VK_COMPONENT_SWIZZLE_R; }
};

/** \brief Null for formats that the device does not know (unassigned numbers, and those it cannot draw with, e.g.
 * planar YUV). */
const FormatInfo* formatInfo(SVGA3dSurfaceFormat format);

/** \brief Bytes of one texel or block of a colour format in the table; 0 for others. */
uint32_t blockBytes(VkFormat colorFormat);

/** \brief The numeric class of a colour format in the table; Float for others. */
vgpu10::NumericType numericType(VkFormat colorFormat);

/** \brief Whether an image of \p image can have a view of \p view (both colour formats in the table). */
bool viewCompatible(VkFormat image, VkFormat view);

} // namespace svga::device
