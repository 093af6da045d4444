// SPDX-License-Identifier: MIT
//
// What coherence costs, by the counters of the stack. Only under svga-run: other drivers do not count.
#include "gpu.h"

#include "stack_counters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace svga::test {

namespace {

constexpr VkDeviceSize kPage = 4096;

class Cost : public testing::Test {
protected:
    void SetUp() override {
        counters = stackCounters();
        if (!counters)
            GTEST_SKIP() << "not under svga-run: nobody counts";
        if (counters->tracker == kTrackerAll)
            GTEST_SKIP() << "tracker 'all' takes every mapped page for written: it is right, not tight";
    }

    Gpu gpu;
    StackCounters counters;
};

} // namespace

TEST_F(Cost, AHundredPagesOf64MiBAFrame) {
    constexpr uint32_t kPages = 100;
    CoherentBuffer large(gpu, 64 << 20), gathered(gpu, kPages * sizeof(uint32_t));
    const std::span<uint32_t> words = large.memory.as<uint32_t>();
    std::fill(words.begin(), words.end(), 1u);
    const auto word = [](uint32_t frame, uint32_t i) { return (frame * 7 + i * 163) * (kPage / 4) + i; };
    const auto draw = [&](uint32_t frame) {
        gpu.run([&](VkCommandBuffer commands) {
            std::vector<VkBufferCopy> regions;
            for (uint32_t i = 0; i < kPages; ++i)
                regions.push_back({4 * VkDeviceSize{word(frame, i)}, 4 * i, 4});
            vkCmdCopyBuffer(commands, large.buffer.handle(), gathered.buffer.handle(),
                            static_cast<uint32_t>(regions.size()), regions.data());
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
    };
    draw(0);
    const uint64_t updates = counters->userspace_updates, readbacks = counters->userspace_readbacks;
    for (uint32_t frame = 1; frame <= 10; ++frame) {
        for (uint32_t i = 0; i < kPages; ++i)
            words[word(frame, i)] = frame * 1000 + i;
        const uint64_t before = counters->bytes_uploaded;
        draw(frame);
        const uint64_t uploaded = counters->bytes_uploaded - before;
        for (uint32_t i = 0; i < kPages; ++i)
            ASSERT_EQ(gathered.memory.as<uint32_t>()[i], frame * 1000 + i) << "frame " << frame;
        if (counters->zero_copy) {
            EXPECT_EQ(uploaded, 0u) << "frame " << frame;
        } else {
            EXPECT_LE(uploaded, 2 * kPages * kPage) << "frame " << frame;
            EXPECT_GE(uploaded, kPages * sizeof(uint32_t)) << "something must have been uploaded";
        }
    }
    EXPECT_EQ(counters->userspace_updates, updates);
    EXPECT_EQ(counters->userspace_readbacks, readbacks);
}

TEST_F(Cost, FlushAndInvalidateDoNothing) {
    CoherentBuffer large(gpu, 64 << 20);
    gpu.run([&](VkCommandBuffer commands) { vkCmdFillBuffer(commands, large.buffer.handle(), 0, VK_WHOLE_SIZE, 3); });
    large.memory.as<uint32_t>()[12345] = 4;
    const auto all = [this] {
        return std::array<uint64_t, 7>{
            counters->submits,           counters->bytes_uploaded,      counters->bytes_read_back, counters->scans,
            counters->userspace_updates, counters->userspace_readbacks, counters->fences_waited};
    };
    const auto before = all();
    VkMappedMemoryRange range{};
    range.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE;
    range.memory = large.memory.handle();
    range.size = VK_WHOLE_SIZE;
    for (int i = 0; i < 100; ++i) {
        check(vkFlushMappedMemoryRanges(gpu.device(), 1, &range), "vkFlushMappedMemoryRanges");
        check(vkInvalidateMappedMemoryRanges(gpu.device(), 1, &range), "vkInvalidateMappedMemoryRanges");
    }
    EXPECT_EQ(all(), before);
    EXPECT_EQ(large.memory.as<uint32_t>()[12345], 4u);
    EXPECT_EQ(large.memory.as<uint32_t>()[12346], 3u);
}

} // namespace svga::test
