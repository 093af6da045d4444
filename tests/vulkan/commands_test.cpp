// SPDX-License-Identifier: MIT
//
// Commands that copy and fill, how they are recorded and submitted, and what happens where there is no memory left.
#include "gpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <thread>

namespace svga::test {

namespace {

class Commands : public testing::Test {
protected:
    Gpu gpu;
};

} // namespace

TEST_F(Commands, FillKeepsToItsRange) {
    CoherentBuffer buffer(gpu, 1 << 20);
    const std::span<uint32_t> words = buffer.memory.as<uint32_t>();
    std::fill(words.begin(), words.end(), 7u);
    gpu.run([&](VkCommandBuffer commands) {
        vkCmdFillBuffer(commands, buffer.buffer.handle(), 1000, 300000, 0xdeadbeef);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    for (size_t i = 0; i < words.size(); ++i)
        ASSERT_EQ(words[i], i >= 250 && i < 75250 ? 0xdeadbeefu : 7u) << i;
}

TEST_F(Commands, FillOfAWholeBufferLeavesItsOddBytes) {
    Allocation memory(gpu, 4096, Gpu::kCoherent);
    Buffer buffer(gpu, memory, 0, 1023);
    gpu.run([&](VkCommandBuffer commands) { vkCmdFillBuffer(commands, buffer.handle(), 0, VK_WHOLE_SIZE, ~0u); });
    for (size_t i = 0; i < 1020; ++i)
        ASSERT_EQ(memory.bytes()[i], std::byte{0xff});
    for (size_t i = 1020; i < 1023; ++i)
        EXPECT_EQ(memory.bytes()[i], std::byte{0});
}

TEST_F(Commands, UpdateTakesTheDataAtRecording) {
    CoherentBuffer buffer(gpu, 65536);
    std::vector<uint32_t> data(65536 / 4);
    std::iota(data.begin(), data.end(), 1u);
    const VkCommandBuffer commands = gpu.record([&](VkCommandBuffer recording) {
        vkCmdUpdateBuffer(recording, buffer.buffer.handle(), 0, 65536, data.data());
        barrier(recording, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    std::fill(data.begin(), data.end(), 0u);
    for (int round = 0; round < 10; ++round) {
        std::ranges::fill(buffer.memory.bytes(), std::byte{0});
        gpu.wait(gpu.submit({&commands, 1}));
        for (uint32_t i = 0; i < 65536 / 4; ++i)
            ASSERT_EQ(buffer.memory.as<uint32_t>()[i], i + 1);
    }
}

TEST_F(Commands, SecondaryCommandBuffersRunWhereTheyAreCalled) {
    CoherentBuffer buffer(gpu, 4096);
    const VkCommandBuffer second =
        gpu.record([&](VkCommandBuffer commands) { vkCmdFillBuffer(commands, buffer.buffer.handle(), 1024, 2048, 2); },
                   VK_COMMAND_BUFFER_LEVEL_SECONDARY);
    gpu.run([&](VkCommandBuffer commands) {
        vkCmdFillBuffer(commands, buffer.buffer.handle(), 0, 4096, 1);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
        vkCmdExecuteCommands(commands, 1, &second);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
        vkCmdFillBuffer(commands, buffer.buffer.handle(), 2048, 256, 3);
    });
    const std::span<uint32_t> words = buffer.memory.as<uint32_t>();
    for (uint32_t i = 0; i < 1024; ++i)
        ASSERT_EQ(words[i], i < 256 || i >= 768 ? 1u : i >= 512 && i < 576 ? 3u : 2u) << i;
}

TEST_F(Commands, MoreThanABatchHolds) {
    CoherentBuffer buffer(gpu, 1 << 20);
    gpu.run([&](VkCommandBuffer commands) {
        for (uint32_t i = 0; i < 10000; ++i)
            vkCmdFillBuffer(commands, buffer.buffer.handle(), 64 * i, 64, i);
    });
    for (uint32_t i = 0; i < 10000; ++i)
        ASSERT_EQ(buffer.memory.as<uint32_t>()[16 * i + 5], i);
}

TEST_F(Commands, ManySubmissionsInFlight) {
    CoherentBuffer buffer(gpu, 4096);
    std::vector<VkFence> fences;
    for (uint32_t i = 0; i < 200; ++i) {
        const VkCommandBuffer commands = gpu.record(
            [&](VkCommandBuffer recording) { vkCmdFillBuffer(recording, buffer.buffer.handle(), 4 * i, 4, i + 1); });
        fences.push_back(gpu.submit({&commands, 1}));
    }
    for (VkFence fence : fences)
        gpu.wait(fence);
    for (uint32_t i = 0; i < 200; ++i)
        ASSERT_EQ(buffer.memory.as<uint32_t>()[i], i + 1);
}

TEST_F(Commands, AnAllocationThatCannotBeFails) {
    for (const VkMemoryPropertyFlags properties :
         {Gpu::kCoherent, VkMemoryPropertyFlags{VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT}}) {
        VkMemoryAllocateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
        info.memoryTypeIndex = gpu.memoryType(properties);
        info.allocationSize = VkDeviceSize{1} << 48;
        VkDeviceMemory memory = VK_NULL_HANDLE;
        const VkResult result = vkAllocateMemory(gpu.device(), &info, nullptr, &memory);
        vkFreeMemory(gpu.device(), memory, nullptr);
        if (result == VK_SUCCESS)
            GTEST_SKIP() << "this driver gives what it does not have";
        EXPECT_EQ(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    }
    // And the device is none the worse for it.
    CoherentBuffer buffer(gpu, 4096);
    gpu.run([&](VkCommandBuffer commands) { vkCmdFillBuffer(commands, buffer.buffer.handle(), 0, 4096, 5); });
    EXPECT_EQ(buffer.memory.as<uint32_t>()[1023], 5u);
}

TEST_F(Commands, MemoryThatIsGivenBackCanBeHadAgain) {
    const VkDeviceSize share = gpu.memory().memoryHeaps[0].size / 16;
    for (int i = 0; i < 64; ++i)
        Allocation(gpu, std::min<VkDeviceSize>(share, 32 << 20), Gpu::kCoherent);
}

TEST_F(Commands, EventsGoBothWays) {
    VkEventCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO;
    VkEvent fromHost, fromDevice;
    check(vkCreateEvent(gpu.device(), &info, nullptr, &fromHost), "vkCreateEvent");
    check(vkCreateEvent(gpu.device(), &info, nullptr, &fromDevice), "vkCreateEvent");
    CoherentBuffer source(gpu, 4096), destination(gpu, 4096);
    const VkCommandBuffer commands = gpu.record([&](VkCommandBuffer recording) {
        vkCmdSetEvent(recording, fromDevice, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
        vkCmdWaitEvents(recording, 1, &fromHost, VK_PIPELINE_STAGE_HOST_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, nullptr,
                        0, nullptr, 0, nullptr);
        const VkBufferCopy region{0, 0, 4096};
        vkCmdCopyBuffer(recording, source.buffer.handle(), destination.buffer.handle(), 1, &region);
        barrier(recording, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    const VkFence fence = gpu.submit({&commands, 1});
    while (vkGetEventStatus(gpu.device(), fromDevice) == VK_EVENT_RESET)
        std::this_thread::yield();
    EXPECT_EQ(vkGetFenceStatus(gpu.device(), fence), VK_NOT_READY);
    source.memory.as<uint32_t>()[1000] = 77; // after the submission, before the event that its copy waits for
    check(vkSetEvent(gpu.device(), fromHost), "vkSetEvent");
    gpu.wait(fence);
    EXPECT_EQ(destination.memory.as<uint32_t>()[1000], 77u);
    vkDestroyEvent(gpu.device(), fromHost, nullptr);
    vkDestroyEvent(gpu.device(), fromDevice, nullptr);
}

} // namespace svga::test
