// SPDX-License-Identifier: MIT
#include "shim/kernel/guest_memory.h"
#include "shim/kernel/page_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

namespace svga::shim {
namespace {

TEST(PageAllocator, GivesWholePagesWithinItsRange) {
    PageAllocator allocator(kPageSize, 5 * kPageSize);
    const auto run = allocator.allocate(1);
    ASSERT_TRUE(run);
    EXPECT_EQ(*run, (PageRun{kPageSize, kPageSize}));
    EXPECT_FALSE(allocator.allocate(0));
    EXPECT_FALSE(allocator.allocate(4 * kPageSize));
    EXPECT_FALSE(allocator.allocate(UINT64_MAX));
    EXPECT_TRUE(allocator.allocate(3 * kPageSize));
    EXPECT_EQ(allocator.freeBytes(), 0u);
    EXPECT_FALSE(allocator.allocate(1));
}

TEST(PageAllocator, AgreesWithAPlainModel) {
    constexpr uint64_t kPages = 64;
    std::mt19937 random(7);
    PageAllocator allocator(0, kPages * kPageSize);
    std::vector<bool> used(kPages, false);
    std::vector<PageRun> live;
    for (int step = 0; step < 20000; ++step) {
        if (random() % 2 == 0) {
            const uint64_t size = (1 + random() % 9) * kPageSize - random() % kPageSize;
            const uint64_t pages = pageCeil(size) / kPageSize;
            const auto run = allocator.allocate(size);
            uint64_t longest = 0, current = 0;
            for (bool page : used)
                longest = std::max(longest, current = page ? 0 : current + 1);
            ASSERT_EQ(run.has_value(), longest >= pages); // nothing that would fit is refused: free runs are joined
            if (!run)
                continue;
            ASSERT_EQ(run->size, pages * kPageSize);
            for (uint64_t i = 0; i < pages; ++i) {
                ASSERT_FALSE(used.at(run->offset / kPageSize + i));
                used[run->offset / kPageSize + i] = true;
            }
            live.push_back(*run);
        } else if (!live.empty()) {
            const std::size_t index = random() % live.size();
            const PageRun run = live[index];
            live.erase(live.begin() + static_cast<std::ptrdiff_t>(index));
            allocator.free(run);
            for (uint64_t i = 0; i < run.size / kPageSize; ++i)
                used[run.offset / kPageSize + i] = false;
        }
        const auto free = static_cast<uint64_t>(std::count(used.begin(), used.end(), false));
        ASSERT_EQ(allocator.freeBytes(), free * kPageSize);
    }
}

TEST(GuestMemory, FreedPagesReadAsZeroAgain) {
    GuestMemory memory(16 * kPageSize);
    const auto first = memory.allocate(15 * kPageSize); // all: page 0 is never given out
    ASSERT_TRUE(first);
    std::memset(memory.at(first->offset), 0x5a, first->size);
    memory.free(*first);
    const auto second = memory.allocate(15 * kPageSize);
    ASSERT_TRUE(second);
    for (uint64_t i = 0; i < second->size; ++i)
        ASSERT_EQ(memory.at(second->offset)[i], std::byte{0});
}

TEST(PageRunSet, AgreesWithAPlainModel) {
    constexpr uint64_t kPages = 40;
    std::mt19937 random(3);
    for (int round = 0; round < 500; ++round) {
        PageRunSet set;
        std::vector<bool> model(kPages, false);
        for (int step = 0; step < 12; ++step) {
            const uint64_t first = random() % kPages;
            const uint64_t count = random() % std::min<uint64_t>(8, kPages - first + 1);
            set.add({first * kPageSize, count * kPageSize});
            for (uint64_t i = 0; i < count; ++i)
                model[first + i] = true;
            std::vector<bool> got(kPages, false);
            uint64_t previousEnd = 0;
            for (const PageRun& run : set.runs()) {
                ASSERT_GT(run.size, 0u);
                ASSERT_TRUE(previousEnd == 0 || run.offset > previousEnd); // in order, and joined where they touch
                previousEnd = run.offset + run.size;
                for (uint64_t at = run.offset; at < previousEnd; at += kPageSize)
                    got.at(at / kPageSize) = true;
            }
            ASSERT_EQ(got, model);
        }
    }
}

} // namespace
} // namespace svga::shim
