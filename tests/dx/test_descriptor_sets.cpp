// SPDX-License-Identifier: MIT
#include "device/dx/descriptors.h"
#include "device/dx/pipelines.h"
#include "tests/device_vulkan/gpu.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace svga::device::test {

namespace {

long mappingsOfThisProcess() {
    std::ifstream maps("/proc/self/maps");
    long count = 0;
    for (std::string line; std::getline(maps, line);)
        ++count;
    return count;
}

} // namespace

// lavapipe backs each descriptor set with a mapping of its own and lets a pool grow without limit; the 65,530 mappings
// that Linux gives a process end such a device after some minutes of drawing.
TEST(DescriptorSetTest, PoolsAreReusedOnceTheGpuIsDoneWithThem) {
    auto device = VulkanDevice::create();
    auto queue = GpuQueue::create(*device);
    const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_VERTEX_BIT,
                                               nullptr};
    VkDescriptorSetLayoutCreateInfo create{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    create.bindingCount = 1;
    create.pBindings = &binding;
    PipelineLayout layout;
    ASSERT_EQ(vkCreateDescriptorSetLayout(device->handle(), &create, nullptr, &layout.set), VK_SUCCESS);
    {
        DescriptorSets sets(*device, *queue);
        const long before = mappingsOfThisProcess();
        for (int submission = 0; submission < 200; ++submission) {
            for (int draw = 0; draw < 50; ++draw)
                EXPECT_NE(sets.make(layout, {}), VkDescriptorSet(VK_NULL_HANDLE));
            queue->finish();
        }
        EXPECT_LT(mappingsOfThisProcess() - before, 3000) << "of the 10,000 sets that were made";
    }
    vkDestroyDescriptorSetLayout(device->handle(), layout.set, nullptr);
}

} // namespace svga::device::test
