// SPDX-License-Identifier: MIT
#include "device/vulkan/depth_packing.h"

#include <cmath>
#include <cstring>

namespace svga::device {

namespace {

constexpr double kUnorm24 = (1u << 24) - 1;

uint32_t unorm24FromFloat(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    if (!(value > 0.0f)) // NaN too
        return 0;
    return static_cast<uint32_t>(std::lround(std::fmin(value, 1.0f) * kUnorm24));
}

uint32_t floatFromUnorm24(uint32_t value) {
    float depth = static_cast<float>(value / kUnorm24);
    uint32_t bits;
    std::memcpy(&bits, &depth, 4);
    return bits;
}

uint32_t load32(const std::byte* from) {
    uint32_t value;
    std::memcpy(&value, from, 4);
    return value;
}
void store32(std::byte* to, uint32_t value) {
    std::memcpy(to, &value, 4);
}

} // namespace

void DepthConverter::split(const std::byte* packed, std::byte* depth, std::byte* stencil, std::size_t count) const {
    for (std::size_t i = 0; i < count; ++i, packed += texelSize(), depth += 4, ++stencil) {
        uint32_t word = load32(packed);
        if (packing == DepthPacking::D32S8X24) {
            store32(depth, word);
            *stencil = packed[4];
            continue;
        }
        bool stencilLow = packing == DepthPacking::S8D24;
        uint32_t depth24 = stencilLow ? word >> 8 : word & 0xffffff;
        store32(depth, floatDepth ? floatFromUnorm24(depth24) : depth24);
        *stencil = static_cast<std::byte>(stencilLow ? word : word >> 24);
    }
}

void DepthConverter::join(const std::byte* depth, const std::byte* stencil, std::byte* packed,
                          std::size_t count) const {
    for (std::size_t i = 0; i < count; ++i, packed += texelSize(), depth += 4, ++stencil) {
        uint32_t word = load32(depth), stencil8 = std::to_integer<uint32_t>(*stencil);
        if (packing == DepthPacking::D32S8X24) {
            store32(packed, word);
            store32(packed + 4, stencil8);
            continue;
        }
        uint32_t depth24 = floatDepth ? unorm24FromFloat(word) : word & 0xffffff;
        store32(packed, packing == DepthPacking::S8D24 ? depth24 << 8 | stencil8 : depth24 | stencil8 << 24);
    }
}

} // namespace svga::device
