// SPDX-License-Identifier: MIT
//
// Coherent memory: nothing here ever flushes or invalidates.
#include "gpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>

namespace svga::test {

namespace {

constexpr VkDeviceSize kPage = 4096;

class Coherency : public testing::Test {
protected:
    void copy(const Buffer& from, const Buffer& to, std::span<const VkBufferCopy> regions) {
        gpu.run([&](VkCommandBuffer commands) {
            vkCmdCopyBuffer(commands, from.handle(), to.handle(), static_cast<uint32_t>(regions.size()),
                            regions.data());
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
    }
    void copy(const Buffer& from, const Buffer& to, VkBufferCopy region) { copy(from, to, {&region, 1}); }

    VkCommandBuffer recordCopy(const Buffer& from, const Buffer& to, VkDeviceSize size) {
        return gpu.record([&](VkCommandBuffer commands) {
            const VkBufferCopy region{0, 0, size};
            vkCmdCopyBuffer(commands, from.handle(), to.handle(), 1, &region);
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT);
        });
    }

    Gpu gpu;
    std::mt19937 random{12345};
};

void fillRandom(std::span<uint32_t> words, std::mt19937& random) {
    std::generate(words.begin(), words.end(), [&] { return static_cast<uint32_t>(random()); });
}

} // namespace

TEST_F(Coherency, CpuWritesAreCopiedAndSeenByTheCpu) {
    CoherentBuffer source(gpu, 16 * kPage), destination(gpu, 16 * kPage);
    for (int round = 0; round < 5; ++round) {
        fillRandom(source.memory.as<uint32_t>(), random);
        copy(source.buffer, destination.buffer, {0, 0, 16 * kPage});
        ASSERT_TRUE(std::ranges::equal(source.memory.bytes(), destination.memory.bytes())) << "round " << round;
    }
}

TEST_F(Coherency, FreshMemoryIsWrittenByTheDeviceFirst) {
    CoherentBuffer buffer(gpu, 64 * kPage);
    gpu.run([&](VkCommandBuffer commands) {
        vkCmdFillBuffer(commands, buffer.buffer.handle(), 0, VK_WHOLE_SIZE, 0xabcd1234);
    });
    for (uint32_t word : buffer.memory.as<uint32_t>())
        ASSERT_EQ(word, 0xabcd1234u);
}

TEST_F(Coherency, AResubmittedCopySeesWhatWasWrittenSince) {
    CoherentBuffer source(gpu, kPage), destination(gpu, kPage);
    const VkCommandBuffer commands = recordCopy(source.buffer, destination.buffer, kPage);
    for (uint32_t round = 1; round <= 50; ++round) {
        source.memory.as<uint32_t>()[round] = round;
        gpu.wait(gpu.submit({&commands, 1}));
        ASSERT_EQ(destination.memory.as<uint32_t>()[round], round);
    }
}

TEST_F(Coherency, PiecesOfManySizesAndOffsets) {
    constexpr VkDeviceSize kSize = 32 * kPage;
    CoherentBuffer source(gpu, kSize), destination(gpu, kSize);
    std::vector<std::byte> expected(kSize);
    fillRandom(source.memory.as<uint32_t>(), random);
    for (int round = 0; round < 20; ++round) {
        std::vector<VkBufferCopy> regions;
        // Regions of one copy must not overlap: each has a slot of its own.
        for (VkDeviceSize slot = 0; slot < 8; ++slot) {
            const VkDeviceSize room = kSize / 8, size = 4 * (1 + random() % (room / 8));
            const VkDeviceSize to = slot * room + 4 * (random() % ((room - size) / 4 + 1));
            const VkDeviceSize from = 4 * (random() % ((kSize - size) / 4 + 1));
            regions.push_back({from, to, size});
            std::memcpy(expected.data() + to, source.memory.bytes().data() + from, size);
        }
        copy(source.buffer, destination.buffer, regions);
        ASSERT_TRUE(std::ranges::equal(destination.memory.bytes(), expected)) << "round " << round;
    }
}

TEST_F(Coherency, SeveralBuffersAndAnAliasInOneAllocation) {
    Allocation memory(gpu, 16 * kPage, Gpu::kCoherent);
    Buffer first(gpu, memory, 0, kPage), second(gpu, memory, kPage + 256, 3 * kPage),
        third(gpu, memory, 8 * kPage, kPage);
    Buffer all(gpu, memory, 0, 16 * kPage);
    std::fill_n(memory.as<uint32_t>().data(), kPage / 4, 0x11111111);
    copy(first, second, {0, 512, kPage});
    copy(all, third, {kPage + 256 + 512, 0, kPage});
    for (VkDeviceSize i = 0; i < kPage / 4; ++i) {
        ASSERT_EQ(memory.as<uint32_t>()[(8 * kPage) / 4 + i], 0x11111111u);
        ASSERT_EQ(memory.as<uint32_t>()[(kPage + 256 + 512) / 4 + i], 0x11111111u);
    }
    EXPECT_EQ(memory.as<uint32_t>()[(kPage + 256) / 4], 0u);
}

TEST_F(Coherency, CpuAndDeviceWriteDifferentBytesOfAPageInOneSubmission) {
    CoherentBuffer source(gpu, kPage), shared(gpu, 4 * kPage);
    fillRandom(source.memory.as<uint32_t>(), random);
    for (uint32_t round = 0; round < 20; ++round) {
        std::memset(shared.memory.bytes().data(), 0, 4 * kPage);
        const VkCommandBuffer commands = gpu.record([&](VkCommandBuffer buffer) {
            // The device takes the even, the CPU the odd 64 bytes of each page.
            std::vector<VkBufferCopy> regions;
            for (VkDeviceSize at = 0; at < 4 * kPage; at += 128)
                regions.push_back({at % kPage, at, 64});
            vkCmdCopyBuffer(buffer, source.buffer.handle(), shared.buffer.handle(),
                            static_cast<uint32_t>(regions.size()), regions.data());
            barrier(buffer, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
        for (VkDeviceSize at = 64; at < 4 * kPage; at += 128)
            std::memset(shared.memory.bytes().data() + at, static_cast<int>(round + 1), 64);
        gpu.wait(gpu.submit({&commands, 1}));
        for (VkDeviceSize at = 0; at < 4 * kPage; ++at) {
            const std::byte expected =
                at % 128 < 64 ? source.memory.bytes()[at % kPage] : static_cast<std::byte>(round + 1);
            ASSERT_EQ(shared.memory.bytes()[at], expected) << "round " << round << " byte " << at;
        }
    }
}

TEST_F(Coherency, ThroughDeviceLocalMemoryAndBack) {
    constexpr VkDeviceSize kSize = 100 * kPage;
    CoherentBuffer source(gpu, kSize), destination(gpu, kSize);
    Allocation local(gpu, kSize, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    Buffer between(gpu, local, 0, kSize);
    fillRandom(source.memory.as<uint32_t>(), random);
    gpu.run([&](VkCommandBuffer commands) {
        const VkBufferCopy region{0, 0, kSize};
        vkCmdCopyBuffer(commands, source.buffer.handle(), between.handle(), 1, &region);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT);
        vkCmdCopyBuffer(commands, between.handle(), destination.buffer.handle(), 1, &region);
    });
    EXPECT_TRUE(std::ranges::equal(source.memory.bytes(), destination.memory.bytes()));
}

TEST_F(Coherency, ManyThreadsWriteWhileTheDeviceCopies) {
    constexpr uint32_t kThreads = 4, kRounds = 20;
    constexpr VkDeviceSize kShare = 8 * kPage;
    CoherentBuffer source(gpu, kThreads * kShare), destination(gpu, kThreads * kShare);
    const VkCommandBuffer commands = recordCopy(source.buffer, destination.buffer, kThreads * kShare);
    for (uint32_t round = 0; round < kRounds; ++round) {
        std::vector<std::thread> threads;
        for (uint32_t thread = 0; thread < kThreads; ++thread)
            threads.emplace_back([&, thread] {
                std::fill_n(source.memory.as<uint32_t>().data() + thread * kShare / 4, kShare / 4,
                            round * kThreads + thread);
            });
        for (std::thread& thread : threads)
            thread.join();
        gpu.wait(gpu.submit({&commands, 1}));
        for (uint32_t i = 0; i < kThreads * kShare / 4; ++i)
            ASSERT_EQ(destination.memory.as<uint32_t>()[i], round * kThreads + i / (kShare / 4));
    }
}

VkSemaphore timelineSemaphore(Gpu& gpu) {
    VkSemaphoreTypeCreateInfo type{};
    type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    VkSemaphoreCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
    info.pNext = &type;
    VkSemaphore semaphore;
    check(vkCreateSemaphore(gpu.device(), &info, nullptr, &semaphore), "vkCreateSemaphore");
    return semaphore;
}

TEST_F(Coherency, ReadAfterATimelineSemaphore) {
    const VkSemaphore semaphore = timelineSemaphore(gpu);
    const auto waitSemaphores =
        reinterpret_cast<PFN_vkWaitSemaphoresKHR>(vkGetDeviceProcAddr(gpu.device(), "vkWaitSemaphoresKHR"));
    CoherentBuffer source(gpu, kPage), destination(gpu, kPage);
    const VkCommandBuffer commands = recordCopy(source.buffer, destination.buffer, kPage);
    for (uint64_t value = 1; value <= 20; ++value) {
        source.memory.as<uint64_t>()[7] = value;
        VkTimelineSemaphoreSubmitInfo timeline{};
        timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
        timeline.signalSemaphoreValueCount = 1;
        timeline.pSignalSemaphoreValues = &value;
        const VkFence fence = gpu.submit({&commands, 1}, &timeline, 1, &semaphore);
        VkSemaphoreWaitInfo waitInfo{};
        waitInfo.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
        waitInfo.semaphoreCount = 1;
        waitInfo.pSemaphores = &semaphore;
        waitInfo.pValues = &value;
        check(waitSemaphores(gpu.device(), &waitInfo, UINT64_MAX), "vkWaitSemaphores");
        EXPECT_EQ(destination.memory.as<uint64_t>()[7], value);
        gpu.wait(fence);
    }
    vkDestroySemaphore(gpu.device(), semaphore, nullptr);
}

// The driver may not touch them any more once the fence has signalled.
TEST_F(Coherency, TimelineSemaphoresGoWithTheFence) {
    const uint64_t value = 1;
    VkTimelineSemaphoreSubmitInfo timeline{};
    timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
    timeline.waitSemaphoreValueCount = timeline.signalSemaphoreValueCount = 1;
    timeline.pWaitSemaphoreValues = timeline.pSignalSemaphoreValues = &value;
    for (int round = 0; round < 300; ++round) {
        const VkSemaphore first = timelineSemaphore(gpu), second = timelineSemaphore(gpu);
        const VkFence before = gpu.submit({}, &timeline, 1, &first);
        const VkFence after = gpu.submit({}, &timeline, 1, &second, 1, &first);
        gpu.wait(after);
        vkDestroySemaphore(gpu.device(), first, nullptr);
        vkDestroySemaphore(gpu.device(), second, nullptr);
        gpu.wait(before);
    }
}

TEST_F(Coherency, SubmissionsChainedBySemaphores) {
    VkSemaphoreCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
    VkSemaphore semaphore;
    check(vkCreateSemaphore(gpu.device(), &info, nullptr, &semaphore), "vkCreateSemaphore");
    CoherentBuffer source(gpu, kPage), between(gpu, kPage), destination(gpu, kPage);
    const VkCommandBuffer there = recordCopy(source.buffer, between.buffer, kPage);
    const VkCommandBuffer further = recordCopy(between.buffer, destination.buffer, kPage);
    for (int round = 0; round < 10; ++round) {
        fillRandom(source.memory.as<uint32_t>(), random);
        const VkFence first = gpu.submit({&there, 1}, nullptr, 1, &semaphore);
        const VkFence second = gpu.submit({&further, 1}, nullptr, 0, nullptr, 1, &semaphore);
        gpu.wait(second);
        EXPECT_TRUE(std::ranges::equal(source.memory.bytes(), destination.memory.bytes()));
        gpu.wait(first);
    }
    vkDestroySemaphore(gpu.device(), semaphore, nullptr);
}

TEST_F(Coherency, ManyAllocationsAtOnce) {
    std::vector<std::unique_ptr<CoherentBuffer>> buffers;
    for (uint32_t i = 0; i < 200; ++i) {
        buffers.push_back(std::make_unique<CoherentBuffer>(gpu, kPage));
        buffers.back()->memory.as<uint32_t>()[i] = i;
    }
    CoherentBuffer gathered(gpu, 256 * 4);
    gpu.run([&](VkCommandBuffer commands) {
        for (uint32_t i = 0; i < buffers.size(); ++i) {
            const VkBufferCopy region{4 * i, 4 * i, 4};
            vkCmdCopyBuffer(commands, buffers[i]->buffer.handle(), gathered.buffer.handle(), 1, &region);
        }
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    for (uint32_t i = 0; i < buffers.size(); ++i)
        ASSERT_EQ(gathered.memory.as<uint32_t>()[i], i);
}

} // namespace svga::test
