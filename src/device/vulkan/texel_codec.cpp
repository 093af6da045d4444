// SPDX-License-Identifier: MIT
#include "device/vulkan/texel_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace svga::device {

namespace {

/** The unsigned floats of B10G11R11: 5 bits of exponent, biased by 15, over \p mantissaBits. */
struct SmallFloat {
    int mantissaBits;

    float decode(uint32_t bits) const {
        uint32_t mantissa = bits & ((1u << mantissaBits) - 1);
        int exponent = static_cast<int>(bits >> mantissaBits) & 31;
        if (exponent == 31)
            return mantissa ? NAN : INFINITY;
        if (exponent == 0)
            return std::ldexp(static_cast<float>(mantissa), -14 - mantissaBits);
        return std::ldexp(static_cast<float>(mantissa | 1u << mantissaBits), exponent - 15 - mantissaBits);
    }

    uint32_t encode(float value) const {
        const uint32_t infinity = 31u << mantissaBits;
        if (std::isnan(value))
            return infinity | 1;
        if (std::isinf(value))
            return value > 0 ? infinity : 0;
        if (value <= 0)
            return 0;
        int exponent = std::max(std::ilogb(value), -14);
        // The leading one, where the number is normal, carries into the exponent.
        auto mantissa = static_cast<uint32_t>(std::lrint(std::ldexp(value, mantissaBits - exponent)));
        uint64_t bits = (static_cast<uint64_t>(exponent + 14) << mantissaBits) + mantissa;
        return static_cast<uint32_t>(std::min<uint64_t>(bits, infinity - 1));
    }
};
constexpr SmallFloat kFloat11{6}, kFloat10{5};

constexpr TexelCodec kR32G32B32{
    12,
    [](const std::byte* texel) {
        Texel value{0, 0, 0, 1};
        std::memcpy(value.data(), texel, 12);
        return value;
    },
    [](const Texel& value, std::byte* texel) { std::memcpy(texel, value.data(), 12); },
};

constexpr TexelCodec kB10G11R11{
    4,
    [](const std::byte* texel) {
        uint32_t word;
        std::memcpy(&word, texel, 4);
        return Texel{kFloat11.decode(word & 0x7ff), kFloat11.decode(word >> 11 & 0x7ff), kFloat10.decode(word >> 22),
                     1};
    },
    [](const Texel& value, std::byte* texel) {
        uint32_t word = kFloat11.encode(value[0]) | kFloat11.encode(value[1]) << 11 | kFloat10.encode(value[2]) << 22;
        std::memcpy(texel, &word, 4);
    },
};

} // namespace

const TexelCodec* texelCodec(VkFormat format) {
    switch (format) {
    case VK_FORMAT_R32G32B32_SFLOAT:
        return &kR32G32B32;
    case VK_FORMAT_B10G11R11_UFLOAT_PACK32:
        return &kB10G11R11;
    default:
        return nullptr;
    }
}

} // namespace svga::device
