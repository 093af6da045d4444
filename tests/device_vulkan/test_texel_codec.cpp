// SPDX-License-Identifier: MIT
#include "device/vulkan/texel_codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace svga::device::test {
namespace {

Texel decode(VkFormat format, uint32_t word) {
    return texelCodec(format)->decode(reinterpret_cast<const std::byte*>(&word));
}
uint32_t encode(VkFormat format, const Texel& value) {
    uint32_t word = 0;
    texelCodec(format)->encode(value, reinterpret_cast<std::byte*>(&word));
    return word;
}
constexpr VkFormat kPacked = VK_FORMAT_B10G11R11_UFLOAT_PACK32;

TEST(TexelCodec, EveryNumberOfPackedFloatsSurvives) {
    for (uint32_t bits = 0; bits < 1u << 11; ++bits) {
        bool nan11 = (bits >> 6) == 31 && (bits & 63) > 1, nan10 = (bits >> 5 & 31) == 31 && (bits & 31) > 1;
        uint32_t word = (nan11 ? 0 : bits | bits << 11) | (nan10 ? 0 : (bits & 0x3ff) << 22);
        ASSERT_EQ(encode(kPacked, decode(kPacked, word)), word) << bits;
    }
}

TEST(TexelCodec, KnownNumbers) {
    EXPECT_EQ(decode(kPacked, 15u << 6)[0], 1.0f);
    EXPECT_EQ(decode(kPacked, 15u << 17)[1], 1.0f);
    EXPECT_EQ(decode(kPacked, 15u << 27)[2], 1.0f);
    EXPECT_EQ(decode(kPacked, 0)[3], 1.0f);
    EXPECT_EQ(decode(kPacked, (30u << 6) | 63)[0], 65024.0f); // the largest
    EXPECT_EQ(decode(kPacked, 1)[0], std::ldexp(1.0f, -20));  // the smallest
    EXPECT_TRUE(std::isinf(decode(kPacked, 31u << 6)[0]));
}

TEST(TexelCodec, RoundsAndClamps) {
    EXPECT_EQ(encode(kPacked, {-1.0f, -INFINITY, 0.0f, 1.0f}), 0u);
    EXPECT_EQ(encode(kPacked, {1e30f, 0, 0, 1}), (31u << 6) - 1);
    EXPECT_EQ(encode(kPacked, {INFINITY, 0, 0, 1}), 31u << 6);
    EXPECT_TRUE(std::isnan(decode(kPacked, encode(kPacked, {NAN, 0, 0, 1}))[0]));
    EXPECT_EQ(encode(kPacked, {1.0f + 0.6f / 64, 0, 0, 1}), (15u << 6) + 1);
    EXPECT_EQ(encode(kPacked, {1.0f + 0.4f / 64, 0, 0, 1}), 15u << 6);
    EXPECT_EQ(encode(kPacked, {std::nextafter(2.0f, 0.0f), 0, 0, 1}), 16u << 6); // carries into the exponent
}

TEST(TexelCodec, OthersHaveNone) {
    EXPECT_EQ(texelCodec(VK_FORMAT_R8G8B8A8_UNORM), nullptr);
    EXPECT_EQ(texelCodec(VK_FORMAT_UNDEFINED), nullptr);
}

} // namespace
} // namespace svga::device::test
