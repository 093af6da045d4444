// SPDX-License-Identifier: MIT
#include "device/dx/pipelines.h"

#include "device/vulkan/vulkan_error.h"

#include <algorithm>

namespace svga::device {

using vgpu10::BindingLayout;
using vgpu10::ResourceDimension;
using vgpu10::Stage;

namespace {

/// A guest can ask for any number; at this many all go.
constexpr std::size_t kMaxPipelines = 4096;

VkDescriptorType resourceType(ResourceDimension dimension, bool writable) {
    switch (dimension) {
    case ResourceDimension::Buffer:
        return writable ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER;
    case ResourceDimension::RawBuffer:
    case ResourceDimension::StructuredBuffer:
        return VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    default:
        return writable ? VK_DESCRIPTOR_TYPE_STORAGE_IMAGE : VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
    }
}

std::vector<ResourceUse> usesOf(const vgpu10::ShaderInfo& info) {
    using Kind = ResourceUse::Kind;
    std::vector<ResourceUse> uses;
    const Stage stage = info.stage;
    const uint32_t base = uint32_t(stage) * BindingLayout::kBindingsPerStage;
    for (const auto& cb : info.constantBuffers)
        uses.push_back({stage, Kind::ConstantBuffer, cb.slot, base + BindingLayout::kConstantBuffers + cb.slot,
                        VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER});
    for (const auto& sampler : info.samplers)
        uses.push_back({stage, Kind::Sampler, sampler.slot, base + BindingLayout::kSamplers + sampler.slot,
                        VK_DESCRIPTOR_TYPE_SAMPLER, ResourceDimension::Unknown, sampler.comparison, sampler.resources});
    for (const auto& resource : info.resources)
        uses.push_back({stage, Kind::ShaderResource, resource.slot,
                        base + BindingLayout::kShaderResources + resource.slot, resourceType(resource.dimension, false),
                        resource.dimension});
    for (const auto& uav : info.uavs)
        uses.push_back({stage, Kind::Uav, uav.slot, base + BindingLayout::kUavs + uav.slot,
                        resourceType(uav.dimension, true), uav.dimension});
    return uses;
}

std::vector<VkPipelineShaderStageCreateInfo> stagesOf(const PipelineKey& key) {
    std::vector<VkPipelineShaderStageCreateInfo> stages;
    for (Stage stage : kGraphicsStages) {
        const ShaderVariant* variant = key.stages[std::size_t(stage)];
        if (!variant)
            continue;
        VkPipelineShaderStageCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO};
        info.stage = vulkanStage(stage);
        info.module = variant->module;
        info.pName = "main";
        stages.push_back(info);
    }
    return stages;
}

constexpr VkDynamicState kDynamicStates[] = {
    VK_DYNAMIC_STATE_VIEWPORT_WITH_COUNT, VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT,
    VK_DYNAMIC_STATE_LINE_WIDTH,          VK_DYNAMIC_STATE_DEPTH_BIAS,
    VK_DYNAMIC_STATE_DEPTH_BIAS_ENABLE,   VK_DYNAMIC_STATE_BLEND_CONSTANTS,
    VK_DYNAMIC_STATE_STENCIL_TEST_ENABLE, VK_DYNAMIC_STATE_STENCIL_OP,
    VK_DYNAMIC_STATE_STENCIL_REFERENCE,   VK_DYNAMIC_STATE_STENCIL_COMPARE_MASK,
    VK_DYNAMIC_STATE_STENCIL_WRITE_MASK,  VK_DYNAMIC_STATE_DEPTH_TEST_ENABLE,
    VK_DYNAMIC_STATE_DEPTH_WRITE_ENABLE,  VK_DYNAMIC_STATE_DEPTH_COMPARE_OP,
    VK_DYNAMIC_STATE_CULL_MODE,           VK_DYNAMIC_STATE_FRONT_FACE,
    VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY,  VK_DYNAMIC_STATE_PRIMITIVE_RESTART_ENABLE,
    VK_DYNAMIC_STATE_VERTEX_INPUT_EXT};

/** \brief VkPipelineRasterizationStateCreateInfo and what the device's extensions add to it. Not to be moved. */
struct Rasterization {
    VkPipelineRasterizationStateCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
    VkPipelineRasterizationDepthClipStateCreateInfoEXT clip{
        VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_DEPTH_CLIP_STATE_CREATE_INFO_EXT};
    VkPipelineRasterizationProvokingVertexStateCreateInfoEXT provoking{
        VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_PROVOKING_VERTEX_STATE_CREATE_INFO_EXT};
    VkPipelineRasterizationLineStateCreateInfoEXT line{
        VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_LINE_STATE_CREATE_INFO_EXT};
    VkPipelineRasterizationStateStreamCreateInfoEXT stream{
        VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_STREAM_CREATE_INFO_EXT};

    Rasterization(const Rasterization&) = delete;
    Rasterization(const PipelineKey& key, const VulkanDevice::Features& features) {
        info.polygonMode = features.fillModeNonSolid ? VkPolygonMode(key.polygonMode) : VK_POLYGON_MODE_FILL;
        info.rasterizerDiscardEnable = key.rasterizerDiscard;
        // D3D clamps the depth that is written to the viewport's range, whether or not primitives are clipped by it.
        info.depthClampEnable = features.depthClipEnable || !key.depthClip;
        clip.depthClipEnable = key.depthClip;
        if (features.depthClipEnable)
            chain(clip);
        provoking.provokingVertexMode = key.provokingVertexLast ? VK_PROVOKING_VERTEX_MODE_LAST_VERTEX_EXT
                                                                : VK_PROVOKING_VERTEX_MODE_FIRST_VERTEX_EXT;
        if (features.provokingVertexLast)
            chain(provoking);
        line.lineRasterizationMode = VkLineRasterizationModeEXT(key.lineMode);
        line.stippledLineEnable = key.stippleFactor != 0 && features.stippledLines;
        line.lineStippleFactor = std::max(key.stippleFactor, 1u);
        line.lineStipplePattern = uint16_t(key.stipplePattern);
        if (features.lineRasterization)
            chain(line);
        stream.rasterizationStream = key.rasterizedStream;
        if (key.rasterizedStream != 0)
            chain(stream);
    }

    template <typename T>
    void chain(T& extension) {
        extension.pNext = const_cast<void*>(info.pNext);
        info.pNext = &extension;
    }
};

std::array<VkPipelineColorBlendAttachmentState, kMaxRenderTargets> blendAttachments(const PipelineKey& key) {
    std::array<VkPipelineColorBlendAttachmentState, kMaxRenderTargets> attachments{};
    for (uint32_t i = 0; i < key.colorCount; ++i) {
        const PipelineKey::Blend& blend = key.blend[i];
        attachments[i] = {blend.enable,
                          VkBlendFactor(blend.srcColor),
                          VkBlendFactor(blend.dstColor),
                          VkBlendOp(blend.colorOp),
                          VkBlendFactor(blend.srcAlpha),
                          VkBlendFactor(blend.dstAlpha),
                          VkBlendOp(blend.alphaOp),
                          blend.writeMask};
    }
    return attachments;
}

} // namespace

Pipelines::Pipelines(const VulkanDevice& device, GpuQueue& queue)
    : device_(device)
    , queue_(queue) {
    VkPipelineCacheCreateInfo create{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    check(vkCreatePipelineCache(device.handle(), &create, nullptr, &cache_), "vkCreatePipelineCache");
}

Pipelines::~Pipelines() {
    clear();
    vkDestroyPipelineCache(device_.handle(), cache_, nullptr);
}

void Pipelines::clear() {
    for (auto& [key, entry] : graphics_)
        vkDestroyPipeline(device_.handle(), entry.pipeline.handle, nullptr);
    for (auto& [key, entry] : compute_)
        vkDestroyPipeline(device_.handle(), entry.pipeline.handle, nullptr);
    for (auto& [key, layout] : layouts_) {
        vkDestroyPipelineLayout(device_.handle(), layout->handle, nullptr);
        vkDestroyDescriptorSetLayout(device_.handle(), layout->set, nullptr);
    }
    graphics_.clear();
    compute_.clear();
    layouts_.clear();
}

void Pipelines::clearIfFull() {
    if (graphics_.size() + compute_.size() < kMaxPipelines)
        return;
    queue_.finish();
    clear();
}

const PipelineLayout& Pipelines::layoutOf(const std::vector<const ShaderVariant*>& variants) {
    auto layout = std::make_unique<PipelineLayout>();
    for (const ShaderVariant* variant : variants) {
        auto uses = usesOf(variant->info);
        layout->uses.insert(layout->uses.end(), uses.begin(), uses.end());
    }
    std::vector<uint32_t> key;
    for (const ResourceUse& use : layout->uses) {
        key.insert(key.end(), {use.binding, uint32_t(use.type), uint32_t(use.dimension), uint32_t(use.comparison),
                               uint32_t(use.sampled.count())});
        for (uint32_t slot = 0; slot < use.sampled.size(); ++slot)
            if (use.sampled[slot])
                key.push_back(slot);
    }
    auto [place, isNew] = layouts_.try_emplace(std::move(key));
    if (!isNew)
        return *place->second;

    try {
        std::vector<VkDescriptorSetLayoutBinding> bindings;
        for (const ResourceUse& use : layout->uses)
            bindings.push_back({use.binding, use.type, 1, VkShaderStageFlags(vulkanStage(use.stage)), nullptr});
        VkDescriptorSetLayoutCreateInfo set{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
        set.bindingCount = uint32_t(bindings.size());
        set.pBindings = bindings.data();
        check(vkCreateDescriptorSetLayout(device_.handle(), &set, nullptr, &layout->set),
              "vkCreateDescriptorSetLayout");
        VkPipelineLayoutCreateInfo create{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
        create.setLayoutCount = 1;
        create.pSetLayouts = &layout->set;
        check(vkCreatePipelineLayout(device_.handle(), &create, nullptr, &layout->handle), "vkCreatePipelineLayout");
    } catch (...) {
        vkDestroyDescriptorSetLayout(device_.handle(), layout->set, nullptr);
        layouts_.erase(place);
        throw;
    }
    place->second = std::move(layout);
    return *place->second;
}

const Pipeline& Pipelines::graphics(const PipelineKey& key, const std::vector<std::shared_ptr<Shader>>& shaders) {
    if (auto known = graphics_.find(key); known != graphics_.end())
        return known->second.pipeline;
    clearIfFull();
    std::vector<const ShaderVariant*> variants;
    for (Stage stage : kGraphicsStages)
        if (const ShaderVariant* variant = key.stages[std::size_t(stage)])
            variants.push_back(variant);
    Entry entry;
    entry.shaders = shaders;
    entry.pipeline.layout = &layoutOf(variants);
    entry.pipeline.handle = create(key, *entry.pipeline.layout);
    return graphics_.emplace(key, std::move(entry)).first->second.pipeline;
}

const Pipeline& Pipelines::compute(const ShaderVariant& variant, const std::shared_ptr<Shader>& shader) {
    if (auto known = compute_.find(&variant); known != compute_.end())
        return known->second.pipeline;
    clearIfFull();
    Entry entry;
    entry.shaders = {shader};
    entry.pipeline.layout = &layoutOf({&variant});
    VkComputePipelineCreateInfo create{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
    create.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    create.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    create.stage.module = variant.module;
    create.stage.pName = "main";
    create.layout = entry.pipeline.layout->handle;
    check(vkCreateComputePipelines(device_.handle(), cache_, 1, &create, nullptr, &entry.pipeline.handle),
          "vkCreateComputePipelines");
    return compute_.emplace(&variant, std::move(entry)).first->second.pipeline;
}

VkPipeline Pipelines::create(const PipelineKey& key, const PipelineLayout& layout) {
    const auto stages = stagesOf(key);
    const Rasterization rasterization(key, device_.features());
    const auto attachments = blendAttachments(key);

    VkPipelineVertexInputStateCreateInfo vertexInput{VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
    VkPipelineInputAssemblyStateCreateInfo assembly{VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO};
    assembly.topology = VkPrimitiveTopology(key.topologyClass);
    VkPipelineTessellationStateCreateInfo tessellation{VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO};
    tessellation.patchControlPoints = key.patchControlPoints;
    VkPipelineViewportStateCreateInfo viewports{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
    VkPipelineDepthStencilStateCreateInfo depthStencil{VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO};
    depthStencil.maxDepthBounds = 1.0f;

    VkPipelineMultisampleStateCreateInfo multisample{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
    multisample.rasterizationSamples = VkSampleCountFlagBits(key.samples);
    multisample.pSampleMask = &key.sampleMask;
    multisample.alphaToCoverageEnable = key.alphaToCoverage;

    VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
    blend.attachmentCount = std::max(key.colorCount, kFewestColorAttachments);
    blend.pAttachments = attachments.data();
    blend.logicOpEnable = key.logicOpEnable && device_.features().logicOp;
    blend.logicOp = VkLogicOp(key.logicOp);

    VkPipelineDynamicStateCreateInfo dynamic{VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO};
    dynamic.dynamicStateCount = std::size(kDynamicStates);
    dynamic.pDynamicStates = kDynamicStates;

    std::array<VkFormat, kMaxRenderTargets> formats;
    for (uint32_t i = 0; i < kMaxRenderTargets; ++i)
        formats[i] = VkFormat(key.colorFormats[i]);
    VkPipelineRenderingCreateInfo rendering{VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO};
    rendering.colorAttachmentCount = blend.attachmentCount;
    rendering.pColorAttachmentFormats = formats.data();
    rendering.depthAttachmentFormat = VkFormat(key.depthFormat);
    rendering.stencilAttachmentFormat = VkFormat(key.stencilFormat);

    VkGraphicsPipelineCreateInfo create{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO};
    create.pNext = &rendering;
    create.stageCount = uint32_t(stages.size());
    create.pStages = stages.data();
    create.pVertexInputState = &vertexInput;
    create.pInputAssemblyState = &assembly;
    create.pTessellationState = key.patchControlPoints ? &tessellation : nullptr;
    create.pViewportState = &viewports;
    create.pRasterizationState = &rasterization.info;
    create.pMultisampleState = &multisample;
    create.pDepthStencilState = &depthStencil;
    create.pColorBlendState = &blend;
    create.pDynamicState = &dynamic;
    create.layout = layout.handle;

    VkPipeline pipeline = VK_NULL_HANDLE;
    check(vkCreateGraphicsPipelines(device_.handle(), cache_, 1, &create, nullptr, &pipeline),
          "vkCreateGraphicsPipelines");
    return pipeline;
}

} // namespace svga::device
