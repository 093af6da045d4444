// SPDX-License-Identifier: MIT
#pragma once

#include "device/vulkan/format.h"

#include <cstddef>

namespace svga::device {

/**
 * \brief Converts between the guest's texels of depth with stencil and the two planes Vulkan copies.
 *
 * The depth plane has 4 bytes a texel, the stencil plane 1. Depth of 24 bits survives a device that has it as float
 * only: the way there and back is exact.
 */
struct DepthConverter {
    DepthPacking packing; ///< D24S8, S8D24 or D32S8X24
    bool floatDepth;      ///< the depth plane is 32 bit float; else 24 bit unorm in the low bits

    std::size_t texelSize() const { return packing == DepthPacking::D32S8X24 ? 8 : 4; }
    void split(const std::byte* packed, std::byte* depth, std::byte* stencil, std::size_t texels) const;
    /** What the guest's texel leaves unused becomes zero. */
    void join(const std::byte* depth, const std::byte* stencil, std::byte* packed, std::size_t texels) const;
};

} // namespace svga::device
