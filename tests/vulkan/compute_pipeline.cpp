// SPDX-License-Identifier: MIT
#include "compute_pipeline.h"

#include "pipeline.h"

namespace svga::test {

ComputePipeline::ComputePipeline(Gpu& gpu, const std::vector<VkDescriptorType>& bindings, const std::string& glsl,
                                 uint32_t pushed, const VkSpecializationInfo* specialisation)
    : gpu_(gpu)
    , bindings_(bindings) {
    std::vector<VkDescriptorSetLayoutBinding> layoutBindings;
    std::vector<VkDescriptorPoolSize> sizes;
    for (uint32_t i = 0; i < bindings.size(); ++i) {
        layoutBindings.push_back({i, bindings[i], 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
        sizes.push_back({bindings[i], 1000});
    }
    VkDescriptorSetLayoutCreateInfo setInfo{};
    setInfo.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
    setInfo.bindingCount = static_cast<uint32_t>(layoutBindings.size());
    setInfo.pBindings = layoutBindings.data();
    check(vkCreateDescriptorSetLayout(gpu.device(), &setInfo, nullptr, &setLayout_), "vkCreateDescriptorSetLayout");

    const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, pushed};
    VkPipelineLayoutCreateInfo layoutInfo{};
    layoutInfo.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
    layoutInfo.setLayoutCount = 1;
    layoutInfo.pSetLayouts = &setLayout_;
    layoutInfo.pushConstantRangeCount = pushed ? 1 : 0;
    layoutInfo.pPushConstantRanges = &range;
    check(vkCreatePipelineLayout(gpu.device(), &layoutInfo, nullptr, &layout_), "vkCreatePipelineLayout");

    const VkShaderModule module = createModule(gpu, Stage::Compute, glsl);
    VkComputePipelineCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = module;
    info.stage.pName = "main";
    info.stage.pSpecializationInfo = specialisation;
    info.layout = layout_;
    const VkResult result = vkCreateComputePipelines(gpu.device(), VK_NULL_HANDLE, 1, &info, nullptr, &pipeline_);
    vkDestroyShaderModule(gpu.device(), module, nullptr);
    check(result, "vkCreateComputePipelines");

    VkDescriptorPoolCreateInfo poolInfo{};
    poolInfo.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
    poolInfo.maxSets = 1000;
    poolInfo.poolSizeCount = static_cast<uint32_t>(sizes.size());
    poolInfo.pPoolSizes = sizes.data();
    check(vkCreateDescriptorPool(gpu.device(), &poolInfo, nullptr, &pool_), "vkCreateDescriptorPool");
}

ComputePipeline::~ComputePipeline() {
    vkDestroyDescriptorPool(gpu_.device(), pool_, nullptr);
    vkDestroyPipeline(gpu_.device(), pipeline_, nullptr);
    vkDestroyPipelineLayout(gpu_.device(), layout_, nullptr);
    vkDestroyDescriptorSetLayout(gpu_.device(), setLayout_, nullptr);
}

VkDescriptorSet ComputePipeline::allocate() const {
    VkDescriptorSetAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
    info.descriptorPool = pool_;
    info.descriptorSetCount = 1;
    info.pSetLayouts = &setLayout_;
    VkDescriptorSet set;
    check(vkAllocateDescriptorSets(gpu_.device(), &info, &set), "vkAllocateDescriptorSets");
    return set;
}

void ComputePipeline::write(VkDescriptorSet set, uint32_t binding, const Buffer& buffer, VkDeviceSize offset,
                            VkDeviceSize range) const {
    const VkDescriptorBufferInfo bufferInfo{buffer.handle(), offset, range};
    VkWriteDescriptorSet write{};
    write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    write.dstSet = set;
    write.dstBinding = binding;
    write.descriptorCount = 1;
    write.descriptorType = bindings_.at(binding);
    write.pBufferInfo = &bufferInfo;
    vkUpdateDescriptorSets(gpu_.device(), 1, &write, 0, nullptr);
}

void ComputePipeline::bind(VkCommandBuffer commands, VkDescriptorSet set,
                           const std::vector<uint32_t>& dynamicOffsets) const {
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0, 1, &set,
                            static_cast<uint32_t>(dynamicOffsets.size()), dynamicOffsets.data());
}

} // namespace svga::test
