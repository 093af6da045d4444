// SPDX-License-Identifier: MIT
#include "gpu.h"

#include "util/error.h"

#include <cstdlib>
#include <cstring>
#include <thread>

namespace svga::device::test {
namespace {

using GpuQueueTest = GpuTest;

void copy(GpuQueue& queue, const Staging& from, const Staging& to) {
    VkBufferCopy region{from.offset, to.offset, from.bytes.size()};
    vkCmdCopyBuffer(queue.transfer(), from.buffer, to.buffer, 1, &region);
}

TEST_F(GpuQueueTest, DeviceHasWhatVgpu10Needs) {
    const auto& features = device.features();
    EXPECT_TRUE(features.geometryShader);
    EXPECT_TRUE(features.transformFeedback);
    EXPECT_TRUE(features.nullDescriptor);
    EXPECT_NE(device.functions().cmdSetVertexInput, nullptr);
    EXPECT_NE(device.functions().cmdBeginTransformFeedback, nullptr);
    EXPECT_EQ(features.externalMemoryHost, device.importAlignment() != 0);
}

TEST(VulkanDevice, SaysWhatToDoWhereThereIsNone) {
    ::testing::GTEST_FLAG(death_test_style) = "threadsafe"; // a process of its own: the driver has threads here
    EXPECT_EXIT(
        {
            setenv("VK_DRIVER_FILES", "/nonexistent.json", 1);
            setenv("VK_ICD_FILENAMES", "/nonexistent.json", 1);
            try {
                VulkanDevice::create();
            } catch (const Error& error) {
                std::fprintf(stderr, "%s\n", error.what());
                std::exit(7);
            }
            std::exit(0);
        },
        ::testing::ExitedWithCode(7), "no Vulkan device: .*install mesa-vulkan-drivers or set VK_DRIVER_FILES");
}

TEST_F(GpuQueueTest, TransfersAreOrderedAndReadable) {
    Staging a = queue->staging(1000), b = queue->staging(1000), c = queue->staging(1000);
    for (std::size_t i = 0; i < a.bytes.size(); ++i)
        a.bytes[i] = static_cast<std::byte>(i * 7);
    copy(*queue, a, b);
    copy(*queue, b, c);
    queue->finish();
    EXPECT_EQ(std::memcmp(a.bytes.data(), c.bytes.data(), 1000), 0);
}

TEST_F(GpuQueueTest, StagingPiecesAreAlignedAndApart) {
    Staging a = queue->staging(1), b = queue->staging(257), big = queue->staging(9u << 20);
    EXPECT_EQ(a.offset % 256, 0u);
    EXPECT_EQ(b.offset % 256, 0u);
    EXPECT_EQ(big.bytes.size(), 9u << 20);
    EXPECT_EQ(a.bytes.size(), 1u);
    if (a.buffer == b.buffer) {
        EXPECT_GE(b.offset, a.offset + 1);
    }
}

TEST_F(GpuQueueTest, EmptySubmitReachesTheValueBefore) {
    uint64_t first = queue->submit();
    EXPECT_EQ(queue->submit(), first);
    queue->transfer();
    uint64_t second = queue->submit();
    EXPECT_GT(second, first);
    queue->wait(second);
    EXPECT_EQ(queue->submit(), second);
}

TEST_F(GpuQueueTest, KeepsObjectsUntilTheirBatchIsDone) {
    auto object = std::make_shared<int>(1);
    std::weak_ptr<int> watch = object;
    queue->transfer();
    queue->keepAlive(std::move(object));
    EXPECT_FALSE(watch.expired());
    queue->finish();
    queue->submit(); // collects
    EXPECT_TRUE(watch.expired());

    // Kept after the batch that used it was submitted, and nothing recorded since.
    object = std::make_shared<int>(2);
    watch = object;
    queue->keepAlive(std::move(object));
    queue->finish();
    EXPECT_TRUE(watch.expired());
}

TEST_F(GpuQueueTest, AnyThreadMayWait) {
    for (int i = 0; i < 50; ++i) {
        Staging a = queue->staging(64), b = queue->staging(64);
        std::memset(a.bytes.data(), i, 64);
        copy(*queue, a, b);
        uint64_t value = queue->submit();
        std::thread([&] {
            queue->wait(value);
            EXPECT_EQ(static_cast<int>(b.bytes[63]), i);
        }).join();
    }
}

} // namespace
} // namespace svga::device::test
