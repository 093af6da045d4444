// SPDX-License-Identifier: MIT
#include "pipeline.h"

#include <algorithm>

namespace svga::test {

namespace {

constexpr uint32_t kSets = 64; ///< of a pipeline, at most

VkShaderStageFlagBits flagOf(Stage stage) {
    switch (stage) {
    case Stage::Vertex:
        return VK_SHADER_STAGE_VERTEX_BIT;
    case Stage::TessControl:
        return VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT;
    case Stage::TessEvaluation:
        return VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT;
    case Stage::Geometry:
        return VK_SHADER_STAGE_GEOMETRY_BIT;
    case Stage::Fragment:
        return VK_SHADER_STAGE_FRAGMENT_BIT;
    default:
        return VK_SHADER_STAGE_COMPUTE_BIT;
    }
}

} // namespace

VkShaderModule createModule(const Gpu& gpu, Stage stage, const std::string& glsl) {
    const std::vector<uint32_t> spirv = vulkan::test::toSpirv(stage, glsl);
    VkShaderModuleCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
    info.codeSize = spirv.size() * sizeof(uint32_t);
    info.pCode = spirv.data();
    VkShaderModule module;
    check(vkCreateShaderModule(gpu.device(), &info, nullptr, &module), "vkCreateShaderModule");
    return module;
}

const char* const kEverything = R"(#version 450
    void main() { gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0); })";

Pipeline::Pipeline(Gpu& gpu, const PipelineInfo& info)
    : gpu_(gpu)
    , info_(info)
    , bindPoint_(info.glsl.contains(Stage::Compute) ? VK_PIPELINE_BIND_POINT_COMPUTE
                                                    : VK_PIPELINE_BIND_POINT_GRAPHICS) {
    createLayout();
    std::vector<VkPipelineShaderStageCreateInfo> stages;
    for (const auto& [stage, glsl] : info.glsl) {
        VkPipelineShaderStageCreateInfo create{};
        create.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
        create.stage = flagOf(stage);
        create.module = createModule(gpu, stage, glsl);
        create.pName = "main";
        create.pSpecializationInfo = info.specialisation;
        stages.push_back(create);
    }
    if (bindPoint_ == VK_PIPELINE_BIND_POINT_COMPUTE)
        createCompute(stages.front());
    else
        createGraphics(stages);
    for (const VkPipelineShaderStageCreateInfo& stage : stages)
        vkDestroyShaderModule(gpu.device(), stage.module, nullptr);
}

Pipeline::~Pipeline() {
    vkDestroyPipeline(gpu_.device(), pipeline_, nullptr);
    vkDestroyPipelineLayout(gpu_.device(), layout_, nullptr);
    vkDestroyDescriptorPool(gpu_.device(), pool_, nullptr);
    vkDestroyDescriptorSetLayout(gpu_.device(), setLayout_, nullptr);
}

void Pipeline::createLayout() {
    VkDescriptorSetLayoutCreateInfo setInfo{};
    setInfo.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
    setInfo.flags = info_.setFlags;
    setInfo.bindingCount = static_cast<uint32_t>(info_.bindings.size());
    setInfo.pBindings = info_.bindings.data();
    std::vector<VkMutableDescriptorTypeListEXT> lists;
    for (const VkDescriptorSetLayoutBinding& binding : info_.bindings) {
        const bool isMutable = binding.descriptorType == VK_DESCRIPTOR_TYPE_MUTABLE_EXT;
        lists.push_back({isMutable ? static_cast<uint32_t>(info_.mutableTypes.size()) : 0, info_.mutableTypes.data()});
    }
    VkMutableDescriptorTypeCreateInfoEXT mutableInfo{};
    mutableInfo.sType = VK_STRUCTURE_TYPE_MUTABLE_DESCRIPTOR_TYPE_CREATE_INFO_EXT;
    mutableInfo.mutableDescriptorTypeListCount = static_cast<uint32_t>(lists.size());
    mutableInfo.pMutableDescriptorTypeLists = lists.data();
    if (!info_.mutableTypes.empty())
        setInfo.pNext = &mutableInfo;
    check(vkCreateDescriptorSetLayout(gpu_.device(), &setInfo, nullptr, &setLayout_), "vkCreateDescriptorSetLayout");
    const VkPushConstantRange range{VK_SHADER_STAGE_ALL, 0, info_.pushed};
    VkPipelineLayoutCreateInfo layoutInfo{};
    layoutInfo.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
    layoutInfo.setLayoutCount = 1;
    layoutInfo.pSetLayouts = &setLayout_;
    layoutInfo.pushConstantRangeCount = info_.pushed ? 1 : 0;
    layoutInfo.pPushConstantRanges = &range;
    check(vkCreatePipelineLayout(gpu_.device(), &layoutInfo, nullptr, &layout_), "vkCreatePipelineLayout");
}

void Pipeline::createCompute(const VkPipelineShaderStageCreateInfo& stage) {
    VkComputePipelineCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
    create.stage = stage;
    create.layout = layout_;
    check(vkCreateComputePipelines(gpu_.device(), VK_NULL_HANDLE, 1, &create, nullptr, &pipeline_),
          "vkCreateComputePipelines");
}

void Pipeline::createGraphics(std::span<const VkPipelineShaderStageCreateInfo> stages) {
    VkPipelineVertexInputStateCreateInfo input{};
    input.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO;
    VkPipelineInputAssemblyStateCreateInfo assembly{};
    assembly.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO;
    assembly.topology = info_.topology;
    VkPipelineTessellationStateCreateInfo tessellation{};
    tessellation.sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO;
    tessellation.patchControlPoints = info_.patchSize;
    VkPipelineViewportStateCreateInfo viewports{};
    viewports.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO;
    viewports.viewportCount = viewports.scissorCount = 1;
    VkPipelineRasterizationStateCreateInfo rasterization{};
    rasterization.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO;
    rasterization.cullMode = info_.cull;
    rasterization.frontFace = VK_FRONT_FACE_CLOCKWISE;
    rasterization.lineWidth = 1;
    VkPipelineMultisampleStateCreateInfo multisample{};
    multisample.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO;
    multisample.rasterizationSamples = info_.samples;
    VkPipelineDepthStencilStateCreateInfo depthStencil = info_.depthStencil;
    depthStencil.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO;
    VkPipelineColorBlendAttachmentState written{};
    written.colorWriteMask = 0xf;
    const std::vector<VkPipelineColorBlendAttachmentState> attachments(info_.colors.size(), written);
    VkPipelineColorBlendStateCreateInfo blending{};
    blending.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO;
    blending.attachmentCount = static_cast<uint32_t>(attachments.size());
    blending.pAttachments = attachments.data();
    blending.logicOpEnable = info_.logicOp.has_value();
    blending.logicOp = info_.logicOp.value_or(VK_LOGIC_OP_COPY);
    std::vector<VkDynamicState> dynamicStates{VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR};
    dynamicStates.insert(dynamicStates.end(), info_.dynamic.begin(), info_.dynamic.end());
    VkPipelineDynamicStateCreateInfo dynamic{};
    dynamic.sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO;
    dynamic.dynamicStateCount = static_cast<uint32_t>(dynamicStates.size());
    dynamic.pDynamicStates = dynamicStates.data();
    VkPipelineRenderingCreateInfo rendering{};
    rendering.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO;
    rendering.viewMask = info_.viewMask;
    rendering.colorAttachmentCount = static_cast<uint32_t>(info_.colors.size());
    rendering.pColorAttachmentFormats = info_.colors.data();
    const VkFormat format = info_.depthStencilFormat;
    rendering.depthAttachmentFormat = format;
    if (format == VK_FORMAT_D24_UNORM_S8_UINT || format == VK_FORMAT_D32_SFLOAT_S8_UINT)
        rendering.stencilAttachmentFormat = format;
    VkGraphicsPipelineCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO;
    create.pNext = &rendering;
    create.stageCount = static_cast<uint32_t>(stages.size());
    create.pStages = stages.data();
    create.pVertexInputState = &input;
    create.pInputAssemblyState = &assembly;
    create.pTessellationState = info_.patchSize ? &tessellation : nullptr;
    create.pViewportState = &viewports;
    create.pRasterizationState = &rasterization;
    create.pMultisampleState = &multisample;
    create.pDepthStencilState = &depthStencil;
    create.pColorBlendState = &blending;
    create.pDynamicState = &dynamic;
    create.layout = layout_;
    check(vkCreateGraphicsPipelines(gpu_.device(), VK_NULL_HANDLE, 1, &create, nullptr, &pipeline_),
          "vkCreateGraphicsPipelines");
}

VkDescriptorSet Pipeline::allocate() {
    if (!pool_) {
        std::vector<VkDescriptorPoolSize> sizes;
        for (const VkDescriptorSetLayoutBinding& binding : info_.bindings)
            sizes.push_back({binding.descriptorType, kSets * binding.descriptorCount});
        VkDescriptorPoolCreateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
        info.maxSets = kSets;
        info.poolSizeCount = static_cast<uint32_t>(sizes.size());
        info.pPoolSizes = sizes.data();
        check(vkCreateDescriptorPool(gpu_.device(), &info, nullptr, &pool_), "vkCreateDescriptorPool");
    }
    VkDescriptorSetAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
    info.descriptorPool = pool_;
    info.descriptorSetCount = 1;
    info.pSetLayouts = &setLayout_;
    VkDescriptorSet set;
    check(vkAllocateDescriptorSets(gpu_.device(), &info, &set), "vkAllocateDescriptorSets");
    return set;
}

VkWriteDescriptorSet Pipeline::writeOf(VkDescriptorSet set, uint32_t binding, VkDescriptorType type) const {
    VkWriteDescriptorSet write{};
    write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    write.dstSet = set;
    write.dstBinding = binding;
    write.descriptorCount = 1;
    write.descriptorType =
        type == kOfLayout
            ? std::ranges::find(info_.bindings, binding, &VkDescriptorSetLayoutBinding::binding)->descriptorType
            : type;
    return write;
}

void Pipeline::write(VkDescriptorSet set, uint32_t binding, const Buffer& buffer, VkDeviceSize offset,
                     VkDeviceSize range, VkDescriptorType type) const {
    const VkDescriptorBufferInfo info{buffer.handle(), offset, range};
    VkWriteDescriptorSet write = writeOf(set, binding, type);
    write.pBufferInfo = &info;
    vkUpdateDescriptorSets(gpu_.device(), 1, &write, 0, nullptr);
}

void Pipeline::write(VkDescriptorSet set, uint32_t binding, VkImageView view, VkSampler sampler,
                     VkDescriptorType type) const {
    const VkDescriptorImageInfo info{sampler, view, VK_IMAGE_LAYOUT_GENERAL};
    VkWriteDescriptorSet write = writeOf(set, binding, type);
    write.pImageInfo = &info;
    vkUpdateDescriptorSets(gpu_.device(), 1, &write, 0, nullptr);
}

void Pipeline::bind(VkCommandBuffer commands, VkDescriptorSet set, const std::vector<uint32_t>& dynamicOffsets) const {
    vkCmdBindPipeline(commands, bindPoint_, pipeline_);
    if (set)
        vkCmdBindDescriptorSets(commands, bindPoint_, layout_, 0, 1, &set, static_cast<uint32_t>(dynamicOffsets.size()),
                                dynamicOffsets.data());
}

void render(Gpu& gpu, VkCommandBuffer commands, const Targets& targets, const std::function<void()>& draws) {
    const auto attachment = [](VkImageView view, bool clears, const VkClearValue& value) {
        VkRenderingAttachmentInfo info{};
        info.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO;
        info.imageView = view;
        info.imageLayout = VK_IMAGE_LAYOUT_GENERAL;
        info.loadOp = clears ? VK_ATTACHMENT_LOAD_OP_CLEAR : VK_ATTACHMENT_LOAD_OP_LOAD;
        info.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
        info.clearValue = value;
        return info;
    };
    VkClearValue colorValue{}, depthValue{}, stencilValue{};
    if (targets.clearColor)
        std::ranges::copy(*targets.clearColor, colorValue.color.float32);
    depthValue.depthStencil.depth = targets.clearDepth.value_or(0);
    stencilValue.depthStencil.stencil = targets.clearStencil.value_or(0);
    VkRenderingAttachmentInfo color = attachment(targets.color, targets.clearColor.has_value(), colorValue);
    if (targets.resolve) {
        color.resolveMode = VK_RESOLVE_MODE_AVERAGE_BIT;
        color.resolveImageView = targets.resolve;
        color.resolveImageLayout = VK_IMAGE_LAYOUT_GENERAL;
    }
    VkRenderingAttachmentInfo depth = attachment(targets.depth, targets.clearDepth.has_value(), depthValue),
                              stencil = attachment(targets.stencil, targets.clearStencil.has_value(), stencilValue);
    if (targets.resolveDepthStencil)
        for (VkRenderingAttachmentInfo* of : {&depth, &stencil}) {
            of->resolveMode = VK_RESOLVE_MODE_SAMPLE_ZERO_BIT;
            of->resolveImageView = targets.resolveDepthStencil;
            of->resolveImageLayout = VK_IMAGE_LAYOUT_GENERAL;
        }
    VkRenderingInfo info{};
    info.sType = VK_STRUCTURE_TYPE_RENDERING_INFO;
    info.flags = targets.secondary ? VK_RENDERING_CONTENTS_SECONDARY_COMMAND_BUFFERS_BIT : 0;
    info.renderArea = targets.area.value_or(VkRect2D{{}, targets.extent});
    info.layerCount = targets.layers;
    info.viewMask = targets.viewMask;
    info.colorAttachmentCount = targets.color ? 1 : 0;
    info.pColorAttachments = &color;
    info.pDepthAttachment = targets.depth ? &depth : nullptr;
    info.pStencilAttachment = targets.stencil ? &stencil : nullptr;
    gpu.beginRendering(commands, info);
    if (!targets.secondary)
        setWholeViewport(commands, targets.extent);
    draws();
    gpu.endRendering(commands);
    barrier(commands, VK_ACCESS_MEMORY_WRITE_BIT, VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT);
}

void setWholeViewport(VkCommandBuffer commands, VkExtent2D extent) {
    const VkViewport viewport{0, 0, float(extent.width), float(extent.height), 0, 1};
    const VkRect2D scissor{{}, extent};
    vkCmdSetViewport(commands, 0, 1, &viewport);
    vkCmdSetScissor(commands, 0, 1, &scissor);
}

} // namespace svga::test
