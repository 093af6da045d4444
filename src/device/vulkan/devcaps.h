// SPDX-License-Identifier: MIT
/**
 * \file
 * SVGA3D_DEVCAP_*: what a guest is told of 3D, derived from what the Vulkan device says.
 */
#pragma once

#include "device/vulkan/vulkan_device.h"

#include <svga3d_reg.h>

#include <cstdint>

namespace svga::device {

struct DevcapOptions {
    /// The value of SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS; 0: buffers are copied.
    uint32_t bufferInPlaceRuns = 0;
};

/** \brief The value of a SVGA3D_DEVCAP_* or SVGA_COHERENT_DEVCAP_* index; floats as their bits; 0 for unknown indices.
 */
uint32_t devcap(const VulkanDevice& device, const DevcapOptions& options, uint32_t index);

/** \brief SVGA3D_DXFMT_* of a format. */
uint32_t formatCaps(const VulkanDevice& device, SVGA3dSurfaceFormat format);

} // namespace svga::device
