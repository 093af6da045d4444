// SPDX-License-Identifier: MIT
#include "shim/kernel/surface_layout.h"

#include <gtest/gtest.h>

#include <svga3d_surfacedefs.h>

#include <algorithm>
#include <random>
#include <vector>

namespace svga::shim {
namespace {

SurfaceLayout make(SVGA3dSurfaceFormat format, SVGA3dSize size, uint32_t levels = 1, uint32_t layers = 1,
                   uint32_t samples = 1) {
    return SurfaceLayout::create({format, size, levels, layers, samples}).value();
}

/// The bytes of the MOB that a box covers, block by block, counted in \p covered. The slow way.
void paint(const SurfaceLayout& layout, SVGA3dSurfaceFormat format, SVGA3dSize base, const SubresourceBox& part,
           std::vector<int>& covered) {
    const auto& desc = g_SVGA3dSurfaceDescs[format];
    const auto place = layout.subresource(part.subresource);
    const uint32_t width = std::max(base.width >> place.level, 1u);
    const uint32_t height = std::max(base.height >> place.level, 1u);
    const uint64_t columns = (width + desc.blockSize.width - 1) / desc.blockSize.width;
    const uint64_t rows = (height + desc.blockSize.height - 1) / desc.blockSize.height;
    uint64_t bytes = 0;
    for (uint32_t z = part.box.z; z < part.box.z + part.box.d; z += desc.blockSize.depth) {
        for (uint32_t y = part.box.y; y < part.box.y + part.box.h; y += desc.blockSize.height) {
            for (uint32_t x = part.box.x; x < part.box.x + part.box.w; x += desc.blockSize.width) {
                const uint64_t block =
                    (uint64_t{z} * rows + y / desc.blockSize.height) * columns + x / desc.blockSize.width;
                for (uint32_t i = 0; i < desc.bytesPerBlock; ++i, ++bytes)
                    ++covered.at(place.offset + block * desc.bytesPerBlock + i);
            }
        }
    }
    EXPECT_EQ(bytes, part.bytes);
}

TEST(SurfaceLayout, PacksLevelsAndLayersTightly) {
    const auto layout = make(SVGA3D_B8G8R8A8_UNORM, {16, 8, 1}, 3, 2);
    EXPECT_EQ(layout.subresource(0).offset, 0u);
    EXPECT_EQ(layout.subresource(0).size, 16u * 8 * 4);
    EXPECT_EQ(layout.subresource(1).offset, 16u * 8 * 4);
    EXPECT_EQ(layout.subresource(2).size, 4u * 2 * 4);
    EXPECT_EQ(layout.subresource(3).offset, 16u * 8 * 4 + 8 * 4 * 4 + 4 * 2 * 4);
    EXPECT_EQ(layout.size(), 2 * layout.subresource(3).offset);
}

TEST(SurfaceLayout, CountsBlocksOfCompressedLevels) {
    const auto layout = make(SVGA3D_BC1_UNORM, {10, 6, 1}, 4);
    EXPECT_EQ(layout.subresource(0).size, 3u * 2 * 8);
    EXPECT_EQ(layout.subresource(3).size, 8u); // 1x1 texels: one block
}

TEST(SurfaceLayout, MultisampledSurfacesHoldASheetPerSample) {
    EXPECT_EQ(make(SVGA3D_R8G8B8A8_UNORM, {4, 4, 1}, 1, 1, 4).size(), 4u * 4 * 4 * 4);
}

TEST(SurfaceLayout, AMultisampledSurfaceIsOneSubresource) {
    const auto layout = make(SVGA3D_R8G8B8A8_UNORM, {4, 4, 1}, 1, 3, 4);
    EXPECT_EQ(layout.subresources(), 1u);
    EXPECT_EQ(layout.subresource(0).size, layout.size());
    EXPECT_EQ(layout.overlapping(layout.size() - 1, layout.size() + 5), (std::pair<uint32_t, uint32_t>{0, 1}));
    EXPECT_EQ(layout.overlapping(layout.size(), layout.size() + 5), (std::pair<uint32_t, uint32_t>{0, 0}));
    const auto part = layout.clip({0, 1, 2, 1});
    EXPECT_EQ(part.firstLayer, 0u);
    EXPECT_EQ(part.layers, 1u);
    EXPECT_EQ(part.levels, 1u);
}

TEST(SurfaceLayout, RefusesWhatCannotBe) {
    const SurfaceLayout::Description good{SVGA3D_R8_UNORM, {4, 4, 1}, 1, 1, 1};
    ASSERT_TRUE(SurfaceLayout::create(good));
    const auto refused = [&](auto change) {
        auto bad = good;
        change(bad);
        return !SurfaceLayout::create(bad);
    };
    EXPECT_TRUE(refused([](auto& d) { d.format = SVGA3D_FORMAT_INVALID; }));
    EXPECT_TRUE(refused([](auto& d) { d.format = SVGA3D_FORMAT_MAX; }));
    EXPECT_TRUE(refused([](auto& d) { d.size.width = 0; }));
    EXPECT_TRUE(refused([](auto& d) { d.size.depth = 0; }));
    EXPECT_TRUE(refused([](auto& d) { d.levels = 0; }));
    EXPECT_TRUE(refused([](auto& d) { d.levels = 25; }));
    EXPECT_TRUE(refused([](auto& d) { d.layers = 0; }));
    EXPECT_TRUE(refused([](auto& d) { d.layers = 4096; }));
    EXPECT_TRUE(refused([](auto& d) { d.samples = 33; }));
    EXPECT_TRUE(refused([](auto& d) { d.size = {UINT32_MAX, 2, 1}; }));
    EXPECT_TRUE(refused([](auto& d) { d.size = {1u << 20, 1u << 20, 1}; }));
    EXPECT_TRUE(refused([](auto& d) { d.size = {UINT32_MAX, UINT32_MAX, UINT32_MAX}; }));
    EXPECT_TRUE(refused([](auto& d) { d.size = {1u << 16, 1u << 14, 1}, d.layers = 8; }));
    EXPECT_TRUE(refused([](auto& d) { d.size = {1u << 16, 1u << 14, 1}, d.samples = 8; }));
}

TEST(SurfaceLayout, BoxesOfABufferAreItsBytes) {
    std::vector<SubresourceBox> boxes;
    make(SVGA3D_BUFFER, {100000, 1, 1}).boxes(4096, 12288, boxes);
    ASSERT_EQ(boxes.size(), 1u);
    EXPECT_EQ(boxes[0].box.x, 4096u);
    EXPECT_EQ(boxes[0].box.w, 8192u);
    EXPECT_EQ(boxes[0].bytes, 8192u);
}

// The far edge of the earlier of two ranges: what vmwgfx's one bounding box loses (vmw_subres_dirty_add).
TEST(SurfaceLayout, BoxesKeepTheFarEdge) {
    const auto layout = make(SVGA3D_B8G8R8A8_UNORM, {2048, 64, 1}); // pitch: 8192 bytes
    std::vector<SubresourceBox> boxes;
    layout.boxes(4096, 8192, boxes);
    ASSERT_EQ(boxes.size(), 1u);
    EXPECT_EQ(boxes[0].box.x, 1024u);
    EXPECT_EQ(boxes[0].box.w, 1024u);
    EXPECT_EQ(boxes[0].box.h, 1u);
}

TEST(SurfaceLayout, BoxesCoverWhatWasTouchedAndNothingElse) {
    std::mt19937 random(20);
    const SVGA3dSurfaceFormat formats[] = {SVGA3D_R8_UNORM,           SVGA3D_R16_UNORM,         SVGA3D_B8G8R8A8_UNORM,
                                           SVGA3D_BC1_UNORM,          SVGA3D_BC3_UNORM,         SVGA3D_R32G32B32_FLOAT,
                                           SVGA3D_R16G16B16A16_FLOAT, SVGA3D_R32G32B32A32_FLOAT};
    const auto pick = [&](uint32_t first, uint32_t last) {
        return std::uniform_int_distribution<uint32_t>(first, last)(random);
    };
    for (int round = 0; round < 3000; ++round) {
        const auto format = formats[pick(0, std::size(formats) - 1)];
        const auto& block = g_SVGA3dSurfaceDescs[format];
        const bool volume = pick(0, 3) == 0;
        const SVGA3dSize size{pick(1, 70), pick(1, 20), volume ? pick(1, 6) : 1};
        const auto layout = make(format, size, pick(1, 4), volume ? 1 : pick(1, 3));
        const uint64_t begin = pick(0, static_cast<uint32_t>(layout.size()) - 1);
        const uint64_t end = pick(static_cast<uint32_t>(begin) + 1, static_cast<uint32_t>(layout.size()) + 100);
        std::vector<SubresourceBox> boxes;
        layout.boxes(begin, end, boxes);

        std::vector<int> covered(layout.size(), 0);
        for (const SubresourceBox& box : boxes)
            paint(layout, format, size, box, covered);
        // Levels and layers begin at multiples of the block's size, so blocks can be counted from the MOB's start.
        for (uint64_t at = 0; at < covered.size(); ++at) {
            const uint64_t first = at / block.bytesPerBlock * block.bytesPerBlock;
            const bool touched = first < end && first + block.bytesPerBlock > begin;
            ASSERT_EQ(covered[at], touched ? 1 : 0) << "byte " << at << " of [" << begin << ", " << end << ")";
        }
    }
}

TEST(SurfaceLayout, OverlappingFindsEachSubresource) {
    const auto layout = make(SVGA3D_R8_UNORM, {13, 7, 1}, 4, 3);
    for (uint64_t at = 0; at < layout.size(); ++at) {
        const auto [first, last] = layout.overlapping(at, at + 1);
        ASSERT_EQ(last, first + 1);
        const auto place = layout.subresource(first);
        ASSERT_LE(place.offset, at);
        ASSERT_LT(at, place.offset + place.size);
    }
    EXPECT_EQ(layout.overlapping(layout.size(), layout.size() + 10), std::pair(0u, 0u));
    EXPECT_EQ(layout.overlapping(0, layout.size()), std::pair(0u, 12u));
}

} // namespace
} // namespace svga::shim
