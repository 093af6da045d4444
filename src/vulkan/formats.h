// SPDX-License-Identifier: MIT
/**
 * \file
 * What each VkFormat is on the SVGA device, and what it can be used for.
 *
 * An image's surface is of the typeless format of its family, so that views of every format of the family can be made
 * of it; a family of one has none. Depth and stencil are read through formats that show one of them: the surface knows
 * both.
 */
#pragma once

#include "vulkan/mesa.h"

#include <svga3d_reg.h>

namespace svga::vulkan {

struct PhysicalDevice;

/** \brief Formats of the device that stand for a VkFormat. */
struct Format {
    SVGA3dSurfaceFormat typed = SVGA3D_FORMAT_INVALID; ///< of views to draw to, to store through, of vertices
    SVGA3dSurfaceFormat surface = SVGA3D_FORMAT_INVALID;
    SVGA3dSurfaceFormat depth = SVGA3D_FORMAT_INVALID;   ///< of a view that reads depth
    SVGA3dSurfaceFormat stencil = SVGA3D_FORMAT_INVALID; ///< of a view that reads stencil
};

/** \brief Null where the device has no such format. */
const Format* findFormat(VkFormat format);

/** \brief What \p device can do with images of optimal tiling (linear ones are only copied) and buffers of \p format.
 */
VkFormatFeatureFlags2 optimalFeatures(const PhysicalDevice& device, VkFormat format);
VkFormatFeatureFlags2 linearFeatures(const PhysicalDevice& device, VkFormat format);
VkFormatFeatureFlags2 bufferFeatures(const PhysicalDevice& device, VkFormat format);
/** \brief In how many samples images of \p format can be drawn. */
VkSampleCountFlags sampleCounts(const PhysicalDevice& device, VkFormat format);

} // namespace svga::vulkan
