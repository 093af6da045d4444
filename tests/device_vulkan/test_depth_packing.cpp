// SPDX-License-Identifier: MIT
#include "device/vulkan/depth_packing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

namespace svga::device::test {
namespace {

TEST(DepthPacking, Unorm24SurvivesFloat) {
    constexpr std::size_t kChunk = 1 << 16;
    std::vector<uint32_t> packed(kChunk), back(kChunk);
    std::vector<float> depth(kChunk);
    std::vector<uint8_t> stencil(kChunk);
    for (DepthPacking packing : {DepthPacking::D24S8, DepthPacking::S8D24}) {
        DepthConverter converter{packing, true};
        for (uint32_t first = 0; first < 1u << 24; first += kChunk) {
            for (uint32_t i = 0; i < kChunk; ++i) {
                uint32_t value = first + i, low = (first >> 16) & 0xff;
                packed[i] = packing == DepthPacking::D24S8 ? value | low << 24 : value << 8 | low;
            }
            auto bytes = [](auto& v) { return std::as_writable_bytes(std::span(v)).data(); };
            converter.split(bytes(packed), bytes(depth), bytes(stencil), kChunk);
            converter.join(bytes(depth), bytes(stencil), bytes(back), kChunk);
            ASSERT_EQ(packed, back) << first;
            ASSERT_NEAR(depth[1], (first + 1) / double(0xffffff), 1e-7);
            ASSERT_EQ(stencil[1], (first >> 16) & 0xff);
        }
    }
}

TEST(DepthPacking, PlacesOfEachPacking) {
    uint32_t packed[2] = {0xab123456, 0}, depth = 0, back[2] = {};
    uint8_t stencil = 0;
    auto bytes = [](auto& v) { return reinterpret_cast<std::byte*>(&v); };
    DepthConverter{DepthPacking::D24S8, false}.split(bytes(packed), bytes(depth), bytes(stencil), 1);
    EXPECT_EQ(depth, 0x123456u);
    EXPECT_EQ(stencil, 0xab);
    depth |= 0xff000000; // what a device leaves there does not matter
    DepthConverter{DepthPacking::D24S8, false}.join(bytes(depth), bytes(stencil), bytes(back), 1);
    EXPECT_EQ(back[0], 0xab123456u);

    DepthConverter{DepthPacking::S8D24, false}.split(bytes(packed), bytes(depth), bytes(stencil), 1);
    EXPECT_EQ(depth, 0xab1234u);
    EXPECT_EQ(stencil, 0x56);

    uint32_t wide[2] = {0x3f000000, 0xdeadbe77};
    DepthConverter{DepthPacking::D32S8X24, true}.split(bytes(wide), bytes(depth), bytes(stencil), 1);
    EXPECT_EQ(depth, 0x3f000000u);
    EXPECT_EQ(stencil, 0x77);
    DepthConverter{DepthPacking::D32S8X24, true}.join(bytes(depth), bytes(stencil), bytes(back), 1);
    EXPECT_EQ(back[0], 0x3f000000u);
    EXPECT_EQ(back[1], 0x77u);
}

TEST(DepthPacking, FloatsBeyondTheRangeAreClamped) {
    float depth[4] = {-1.0f, 2.0f, NAN, INFINITY};
    uint8_t stencil[4] = {};
    uint32_t packed[4];
    DepthConverter{DepthPacking::D24S8, true}.join(std::as_bytes(std::span(depth)).data(),
                                                   std::as_bytes(std::span(stencil)).data(),
                                                   std::as_writable_bytes(std::span(packed)).data(), 4);
    EXPECT_EQ(packed[0], 0u);
    EXPECT_EQ(packed[1], 0xffffffu);
    EXPECT_EQ(packed[2], 0u);
    EXPECT_EQ(packed[3], 0xffffffu);
}

} // namespace
} // namespace svga::device::test
