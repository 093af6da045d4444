// SPDX-License-Identifier: MIT
#pragma once

#include <vulkan/vulkan.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace svga::device {

using Texel = std::array<float, 4>;

/** \brief Texels of one format as four floats: for what Vulkan devices sample and draw to, but do not blit to. */
struct TexelCodec {
    uint32_t bytes; ///< of a texel
    Texel (*decode)(const std::byte* texel);
    /** Rounds to nearest; what is out of range becomes the nearest that is in range. */
    void (*encode)(const Texel& value, std::byte* texel);
};

/** \brief Null where there is none: only R32G32B32_SFLOAT and B10G11R11_UFLOAT_PACK32 have one. */
const TexelCodec* texelCodec(VkFormat format);

} // namespace svga::device
