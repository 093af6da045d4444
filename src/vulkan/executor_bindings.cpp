// SPDX-License-Identifier: MIT
//
// Commands that bind descriptors and push constants.
#include "vulkan/executor.h"

#include <algorithm>

#include "vk_descriptor_update_template.h"
#include "vk_pipeline_layout.h"

namespace svga::vulkan {

void Executor::bindDescriptorSets(const VkBindDescriptorSetsInfoKHR& info) {
    const auto bind = [&info](BoundSets& to) {
        uint32_t taken = 0;
        for (uint32_t i = 0; i < info.descriptorSetCount; ++i) {
            vk_object_base* base = vk_object_base_from_u64_handle(reinterpret_cast<uintptr_t>(info.pDescriptorSets[i]),
                                                                  VK_OBJECT_TYPE_DESCRIPTOR_SET);
            if (!base)
                continue;
            const DescriptorSet& set = as<DescriptorSet>(base);
            const uint32_t number = info.firstSet + i, count = set.layout().dynamicOffsets;
            to.sets.at(number) = &set;
            std::copy_n(info.pDynamicOffsets + taken, std::min<uint32_t>(count, kMaxDynamicBuffers),
                        to.dynamicOffsets[number].begin());
            taken += count;
        }
    };
    if (info.stageFlags & VK_SHADER_STAGE_COMPUTE_BIT)
        bind(compute_);
    if (info.stageFlags & VK_SHADER_STAGE_ALL_GRAPHICS)
        bind(graphics_);
}

void Executor::push(const VkPushConstantsInfoKHR& info) {
    std::memcpy(std::span(pushConstants_).subspan(info.offset, info.size).data(), info.pValues, info.size);
}

DescriptorSet& Executor::pushedSet(BoundSets& at, VkPipelineLayout layoutHandle, uint32_t number) {
    vk_descriptor_set_layout* base = vk_pipeline_layout_from_handle(layoutHandle)->set_layouts[number];
    DescriptorSetLayout& layout = as<DescriptorSetLayout>(base);
    std::unique_ptr<DescriptorSet>& set = at.pushed.at(number);
    if (!set || &set->layout() != &layout)
        set = std::make_unique<DescriptorSet>(layout);
    at.sets[number] = set.get();
    return *set;
}

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR void VKAPI_CALL svga_CmdBindDescriptorSets2KHR(VkCommandBuffer handle,
                                                          const VkBindDescriptorSetsInfoKHR* info) {
    Executor::run(handle, [&](Executor& executor) { executor.bindDescriptorSets(*info); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdPushConstants2KHR(VkCommandBuffer handle, const VkPushConstantsInfoKHR* info) {
    Executor::run(handle, [&](Executor& executor) { executor.push(*info); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdPushDescriptorSet2KHR(VkCommandBuffer handle,
                                                         const VkPushDescriptorSetInfoKHR* info) {
    Executor::run(handle, [&](Executor& executor) {
        executor.pushDescriptors(info->stageFlags, info->layout, info->set, [info](DescriptorSet& set) {
            for (uint32_t i = 0; i < info->descriptorWriteCount; ++i)
                set.write(info->pDescriptorWrites[i]);
        });
    });
}

VKAPI_ATTR void VKAPI_CALL
svga_CmdPushDescriptorSetWithTemplate2KHR(VkCommandBuffer handle, const VkPushDescriptorSetWithTemplateInfoKHR* info) {
    Executor::run(handle, [&](Executor& executor) {
        const vk_descriptor_update_template& updates =
            *vk_descriptor_update_template_from_handle(info->descriptorUpdateTemplate);
        executor.pushDescriptors(vk_shader_stages_from_bind_point(updates.bind_point), info->layout, info->set,
                                 [&](DescriptorSet& set) { set.write(updates, info->pData); });
    });
}

} // extern "C"
