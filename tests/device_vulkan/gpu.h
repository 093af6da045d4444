// SPDX-License-Identifier: MIT
#pragma once

#include "device/vulkan/gpu_queue.h"
#include "device/vulkan/vulkan_device.h"

#include <gtest/gtest.h>

namespace svga::device::test {

/** \brief One Vulkan device for all tests of a program: creating it takes a while. */
inline const VulkanDevice& sharedDevice() {
    static std::unique_ptr<VulkanDevice> device = VulkanDevice::create();
    return *device;
}

/** \brief A test with a queue of its own; fails where the validation layer found an error. */
class GpuTest : public ::testing::Test {
protected:
    const VulkanDevice& device = sharedDevice();
    uint32_t errorsBefore = device.validationErrors();
    std::unique_ptr<GpuQueue> queue = GpuQueue::create(device);

    void TearDown() override { EXPECT_EQ(device.validationErrors(), errorsBefore); }
};

} // namespace svga::device::test
