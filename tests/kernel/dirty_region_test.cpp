// SPDX-License-Identifier: MIT
// From dirty ranges to boxes, held against a model that knows of every byte whether it is dirty and whether a box
// covers it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

extern "C" {
#include "vmwgfx_dirty_region.h"
}

namespace {

constexpr uint64_t kPage = 4096;

struct Range {
    uint64_t start, end;
};

/** Bytes of one subresource that a set of boxes covers, counted box by box. */
class Coverage {
public:
    explicit Coverage(const vmw_dirty_layout& layout)
        : layout_(layout)
        , covered_(vmw_dirty_layout_bytes(&layout)) {}

    void add(const vmw_dirty_box& box) {
        ASSERT_GT(uint64_t{box.w} * box.h * box.d, 0u);
        ASSERT_LE(uint64_t{box.x} + box.w, layout_.width);
        ASSERT_LE(uint64_t{box.y} + box.h, layout_.height);
        ASSERT_LE(uint64_t{box.z} + box.d, layout_.depth);
        for (uint64_t z = box.z; z < uint64_t{box.z} + box.d; ++z)
            for (uint64_t y = box.y; y < uint64_t{box.y} + box.h; ++y) {
                const uint64_t first = ((z * layout_.height + y) * layout_.width + box.x) * layout_.block_bytes;
                std::fill_n(covered_.begin() + static_cast<std::ptrdiff_t>(first),
                            uint64_t{box.w} * layout_.block_bytes, 1);
            }
        bytes_ += vmw_dirty_box_bytes(&layout_, &box);
    }

    void add(const vmw_dirty_region& region) {
        ASSERT_LE(region.num_boxes, uint32_t{VMW_DIRTY_REGION_BOXES});
        std::for_each_n(region.boxes, region.num_boxes, [this](const vmw_dirty_box& box) { add(box); });
        boxes_ += region.num_boxes;
    }

    bool operator[](uint64_t byte) const { return covered_[byte] != 0; }
    uint64_t bytes() const { return bytes_; }
    uint32_t boxes() const { return boxes_; }

private:
    vmw_dirty_layout layout_;
    std::vector<uint8_t> covered_;
    uint64_t bytes_ = 0;
    uint32_t boxes_ = 0;
};

/** What the region of the ranges covers. */
Coverage cover(const vmw_dirty_layout& layout, const std::vector<Range>& ranges) {
    Coverage coverage(layout);
    vmw_dirty_region region;
    vmw_dirty_region_init(&region, &layout);
    for (const Range& range : ranges)
        vmw_dirty_region_add(&region, range.start, range.end);
    coverage.add(region);
    return coverage;
}

/** Bytes of the blocks which the ranges touch: what an upload cannot do without. */
std::vector<uint8_t> needed(const vmw_dirty_layout& layout, const std::vector<Range>& ranges) {
    std::vector<uint8_t> bytes(vmw_dirty_layout_bytes(&layout));
    for (const Range& range : ranges)
        for (uint64_t at = range.start / layout.block_bytes * layout.block_bytes;
             at < std::min<uint64_t>((range.end + layout.block_bytes - 1) / layout.block_bytes * layout.block_bytes,
                                     bytes.size());
             ++at)
            bytes[at] = 1;
    return bytes;
}

Range page(uint64_t first, uint64_t count = 1) {
    return {first * kPage, (first + count) * kPage};
}

TEST(DirtyRegion, TwoPagesOfAWideImageAreTwoBoxes) {
    // 2048x64 of 4 bytes: a line is two pages. One bounding box loses the second half of line 0 when its origin moves
    // to 0.
    const vmw_dirty_layout layout{2048, 64, 1, 4};
    vmw_dirty_region region;
    vmw_dirty_region_init(&region, &layout);
    for (const Range& range : {page(1), page(4)})
        vmw_dirty_region_add(&region, range.start, range.end);
    ASSERT_EQ(region.num_boxes, 2u);
    EXPECT_EQ(region.boxes[0].x, 1024u);
    EXPECT_EQ(region.boxes[0].y, 0u);
    EXPECT_EQ(region.boxes[0].w, 1024u);
    EXPECT_EQ(region.boxes[0].h, 1u);
    EXPECT_EQ(region.boxes[1].x, 0u);
    EXPECT_EQ(region.boxes[1].y, 2u);
    EXPECT_EQ(region.boxes[1].w, 1024u);
}

TEST(DirtyRegion, FirstAndLastPageAreNotTheWholeImage) {
    const vmw_dirty_layout layout{1024, 1024, 1, 4};
    const Coverage coverage = cover(layout, {page(0), page(1023)});
    EXPECT_EQ(coverage.boxes(), 2u);
    EXPECT_EQ(coverage.bytes(), 2 * kPage);
}

TEST(DirtyRegion, ARunOverLinesAndSlicesIsAtMostFiveBoxes) {
    const vmw_dirty_layout layout{10000, 30, 20, 4}; // long lines, so that no part of one is worth merging
    const Coverage coverage = cover(layout, {page(25, 900)});
    EXPECT_EQ(coverage.boxes(), 5u);
    EXPECT_EQ(coverage.bytes(), 900 * kPage);
}

TEST(DirtyRegion, ABufferIsIntervals) {
    const vmw_dirty_layout layout{1 << 20, 1, 1, 1};
    const Coverage coverage = cover(layout, {page(0), page(100, 2), page(255)});
    EXPECT_EQ(coverage.boxes(), 3u);
    EXPECT_EQ(coverage.bytes(), 4 * kPage);
}

TEST(DirtyRegion, NeighboursMergeWhereTheGapCostsNoMoreThanACommand) {
    const vmw_dirty_layout layout{1 << 20, 1, 1, 1};
    EXPECT_EQ(cover(layout, {page(0), page(2)}).boxes(), 1u);
    EXPECT_EQ(cover(layout, {page(0), page(3)}).boxes(), 2u);
}

TEST(DirtyRegion, ARangeMayEndBeyondTheSubresource) {
    const vmw_dirty_layout layout{10, 10, 1, 12};
    const Coverage coverage = cover(layout, {{0, kPage}});
    EXPECT_EQ(coverage.boxes(), 1u);
    EXPECT_EQ(coverage.bytes(), 1200u);
}

TEST(DirtyRegion, ManyPagesBecomeNoMoreBoxesThanTheLimit) {
    const vmw_dirty_layout layout{1 << 24, 1, 1, 1};
    std::vector<Range> ranges;
    for (uint64_t i = 0; i < 500; ++i)
        ranges.push_back(page(i * 8));
    const Coverage coverage = cover(layout, ranges);
    EXPECT_LE(coverage.boxes(), uint32_t{VMW_DIRTY_REGION_BOXES});
    for (const Range& range : ranges)
        ASSERT_TRUE(coverage[range.start] && coverage[range.end - 1]);
}

/** Random layouts, small enough to look at each byte, and random pages of them. Ranges are ascending, as a bitmap gives
 * them. */
TEST(DirtyRegion, RandomSequencesLoseNothingAndWasteLittle) {
    // Units smaller than pages make the same cases with fewer bytes.
    const uint64_t units[] = {4096, 64, 256};
    const uint32_t blockBytes[] = {1, 2, 4, 8, 12, 16};
    std::mt19937 random(20240611);
    auto below = [&random](uint32_t bound) { return static_cast<uint32_t>(random() % bound); };
    for (int sequence = 0; sequence < 100'000; ++sequence) {
        const uint64_t unit = units[sequence % 20 == 0 ? 0 : 1 + below(2)];
        vmw_dirty_layout layout{1 + below(unit == 4096 ? 1500 : 60), 1 + below(20), 1, blockBytes[below(6)]};
        if (below(3) == 0)
            layout.depth = 1 + below(6);
        if (below(6) == 0)
            layout = {1 + below(20000), 1, 1, 1};
        const uint64_t size = vmw_dirty_layout_bytes(&layout), num = (size + unit - 1) / unit;
        const uint32_t density = 1 + below(9);
        std::vector<Range> ranges;
        for (uint64_t i = 0; i < num; ++i) {
            if (below(10) >= density)
                continue;
            if (!ranges.empty() && ranges.back().end == i * unit)
                ranges.back().end += unit;
            else
                ranges.push_back({i * unit, (i + 1) * unit});
        }
        const Coverage coverage = cover(layout, ranges);
        const auto wanted = needed(layout, ranges);
        for (uint64_t byte = 0; byte < size; ++byte)
            ASSERT_TRUE(coverage[byte] || !wanted[byte])
                << "byte " << byte << " of sequence " << sequence << " is lost";
        // A merge may never cost more than the two boxes did, unless there is no room for another box.
        const auto boxes = 5 * ranges.size();
        if (boxes <= VMW_DIRTY_REGION_BOXES) {
            const auto bytes = static_cast<uint64_t>(std::count(wanted.begin(), wanted.end(), 1));
            ASSERT_LE(coverage.bytes() + coverage.boxes() * uint64_t{VMW_DIRTY_BOX_COST},
                      bytes + boxes * uint64_t{VMW_DIRTY_BOX_COST})
                << "sequence " << sequence;
        }
        if (testing::Test::HasFatalFailure())
            return;
    }
}

} // namespace
