// SPDX-License-Identifier: MIT
#pragma once

#include "device/vgpu10/translator.h"

#include <vulkan/vulkan.h>

#include <svga3d_reg.h>

#include <cstdint>

namespace svga::device {

/** \brief What is known of one SVGA3dSurfaceFormat; the one table all of the device goes by (svga3d_surfacedefs.h has
 * the block sizes). */
struct FormatInfo {
    VkFormat vulkan = VK_FORMAT_UNDEFINED; ///< as view or vertex format; typeless: a format of the same block
    VkFormat typelessFamily =
        VK_FORMAT_UNDEFINED;      ///< what an image is created with (mutable) so that all views of it work
    VkComponentMapping swizzle{}; ///< sampling (e.g. A8, X8 formats)
    VkImageAspectFlags aspect = VK_IMAGE_ASPECT_COLOR_BIT; ///< of a view with this format
    vgpu10::NumericType numericType = vgpu10::NumericType::Float;
    uint32_t blockWidth = 1, blockHeight = 1, blockDepth = 1, bytesPerBlock = 0;
    bool depthStencil = false;
};

/** \brief Null for formats that the device does not know. */
const FormatInfo* formatInfo(SVGA3dSurfaceFormat format);

} // namespace svga::device
