// SPDX-License-Identifier: MIT
#include "shader_runner.h"

#include "validate.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace svga::vgpu10::test {
namespace {

constexpr uint32_t kBytesPerTexel = 16;

void check(VkResult result, const char* what) {
    if (result != VK_SUCCESS)
        throw Error("{}: VkResult {}", what, static_cast<int>(result));
}

ShaderModule translateChecked(const StageJob& job) {
    ShaderModule module = translate(job.tokens, job.options);
    if (const std::string error = validationError(module.spirv); !error.empty())
        throw Error("module is not valid: {}", error);
    return module;
}

} // namespace

struct ShaderRunner::Buffer {
    VmaAllocator allocator = nullptr;
    VkBuffer handle = VK_NULL_HANDLE;
    VmaAllocation allocation = nullptr;
    VkDeviceSize size = 0;
    void* mapped = nullptr;
    VkDevice device = VK_NULL_HANDLE;
    VkBufferView view = VK_NULL_HANDLE;
    ~Buffer() {
        if (view)
            vkDestroyBufferView(device, view, nullptr);
        vmaDestroyBuffer(allocator, handle, allocation);
    }
    Words words() const {
        Words words(size / 4);
        std::memcpy(words.data(), mapped, words.size() * 4);
        return words;
    }
};

struct ShaderRunner::Image {
    VmaAllocator allocator = nullptr;
    VkDevice device = VK_NULL_HANDLE;
    VkImage handle = VK_NULL_HANDLE;
    VmaAllocation allocation = nullptr;
    VkImageView view = VK_NULL_HANDLE;
    ~Image() {
        vkDestroyImageView(device, view, nullptr);
        vmaDestroyImage(allocator, handle, allocation);
    }
};

struct ShaderRunner::Bindings {
    VkDevice device = VK_NULL_HANDLE;
    std::vector<VkDescriptorSetLayoutBinding> layout;
    std::vector<std::function<void(VkDescriptorSet)>> writes;
    std::vector<std::shared_ptr<void>> owned;
    std::vector<std::function<void()>> readBacks;
    std::vector<VkSampler> samplers;
    std::vector<VkShaderModule> modules;
    VkDescriptorSetLayout setLayout = VK_NULL_HANDLE;
    VkDescriptorPool pool = VK_NULL_HANDLE;
    VkDescriptorSet set = VK_NULL_HANDLE;
    VkPipelineLayout pipelineLayout = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
    ~Bindings() {
        vkDestroyPipeline(device, pipeline, nullptr);
        vkDestroyPipelineLayout(device, pipelineLayout, nullptr);
        vkDestroyDescriptorPool(device, pool, nullptr);
        vkDestroyDescriptorSetLayout(device, setLayout, nullptr);
        for (const VkSampler sampler : samplers)
            vkDestroySampler(device, sampler, nullptr);
        for (const VkShaderModule module : modules)
            vkDestroyShaderModule(device, module, nullptr);
    }
};

ShaderRunner::ShaderRunner()
    : device_(device::VulkanDevice::create())
    , queue_(device::GpuQueue::create(*device_)) {}

ShaderRunner::~ShaderRunner() = default;

std::shared_ptr<ShaderRunner::Buffer> ShaderRunner::buffer(VkDeviceSize size, VkBufferUsageFlags usage,
                                                           const Words* data) {
    auto result = std::make_shared<Buffer>();
    result->allocator = device_->allocator();
    result->device = device_->handle();
    result->size = size;
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    info.size = std::max<VkDeviceSize>(size, 4);
    info.usage = usage | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    VmaAllocationCreateInfo allocation{};
    allocation.usage = VMA_MEMORY_USAGE_AUTO;
    allocation.flags = VMA_ALLOCATION_CREATE_HOST_ACCESS_RANDOM_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT;
    VmaAllocationInfo allocated{};
    check(vmaCreateBuffer(result->allocator, &info, &allocation, &result->handle, &result->allocation, &allocated),
          "buffer");
    result->mapped = allocated.pMappedData;
    std::memset(result->mapped, 0, size);
    if (data && !data->empty())
        std::memcpy(result->mapped, data->data(), std::min<size_t>(size, data->size() * 4));
    return result;
}

std::shared_ptr<ShaderRunner::Image> ShaderRunner::image(const Texture& texture, VkImageUsageFlags usage,
                                                         VkImageAspectFlags aspect) {
    auto result = std::make_shared<Image>();
    result->allocator = device_->allocator();
    result->device = device_->handle();
    VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
    const bool cube = texture.view == VK_IMAGE_VIEW_TYPE_CUBE || texture.view == VK_IMAGE_VIEW_TYPE_CUBE_ARRAY;
    info.flags = cube ? VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT : 0;
    info.imageType = texture.type;
    info.format = texture.format;
    info.extent = texture.extent;
    info.mipLevels = texture.levels;
    info.arrayLayers = texture.layers;
    info.samples = texture.samples;
    info.usage = usage | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    VmaAllocationCreateInfo allocation{};
    allocation.usage = VMA_MEMORY_USAGE_AUTO;
    check(vmaCreateImage(result->allocator, &info, &allocation, &result->handle, &result->allocation, nullptr),
          "image");
    VkImageViewCreateInfo view{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
    view.image = result->handle;
    view.viewType = texture.view;
    view.format = texture.format;
    view.subresourceRange = {aspect, 0, texture.levels, 0, texture.layers};
    check(vkCreateImageView(result->device, &view, nullptr, &result->view), "image view");

    VkImageMemoryBarrier barrier{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
    barrier.newLayout = VK_IMAGE_LAYOUT_GENERAL;
    barrier.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
    barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    barrier.image = result->handle;
    barrier.subresourceRange = {aspect, 0, texture.levels, 0, texture.layers};
    vkCmdPipelineBarrier(queue_->transfer(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0,
                         0, nullptr, 0, nullptr, 1, &barrier);
    return result;
}

void ShaderRunner::copy(Image& image, const Texture& texture, Buffer& buffer, bool upload, VkImageAspectFlags aspect) {
    VkDeviceSize offset = 0;
    const VkDeviceSize texel = aspect == VK_IMAGE_ASPECT_DEPTH_BIT || texture.format == VK_FORMAT_R32_UINT ||
                                       texture.format == VK_FORMAT_R32_SINT
                                   ? 4
                                   : kBytesPerTexel;
    for (uint32_t level = 0; level < texture.levels; ++level) {
        VkBufferImageCopy region{};
        region.bufferOffset = offset;
        region.imageSubresource = {aspect, level, 0, texture.layers};
        region.imageExtent = {std::max(1u, texture.extent.width >> level), std::max(1u, texture.extent.height >> level),
                              std::max(1u, texture.extent.depth >> level)};
        if (upload)
            vkCmdCopyBufferToImage(queue_->transfer(), buffer.handle, image.handle, VK_IMAGE_LAYOUT_GENERAL, 1,
                                   &region);
        else
            vkCmdCopyImageToBuffer(queue_->transfer(), image.handle, VK_IMAGE_LAYOUT_GENERAL, buffer.handle, 1,
                                   &region);
        offset +=
            texel * texture.layers * region.imageExtent.width * region.imageExtent.height * region.imageExtent.depth;
    }
}

void ShaderRunner::bind(Bindings& bindings, StageJob& job, const ShaderInfo& info, VkShaderStageFlags stages) {
    const uint32_t base = job.options.bindings.base;
    const auto add = [&](uint32_t binding, VkDescriptorType type, VkDescriptorBufferInfo bufferInfo,
                         VkDescriptorImageInfo imageInfo, VkBufferView view) {
        bindings.layout.push_back({base + binding, type, 1, stages, nullptr});
        bindings.writes.push_back([=, device = device_->handle()](VkDescriptorSet set) {
            VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
            write.dstSet = set;
            write.dstBinding = base + binding;
            write.descriptorCount = 1;
            write.descriptorType = type;
            write.pBufferInfo = &bufferInfo;
            write.pImageInfo = &imageInfo;
            write.pTexelBufferView = &view;
            vkUpdateDescriptorSets(device, 1, &write, 0, nullptr);
        });
    };
    const auto addBuffer = [&](uint32_t binding, VkDescriptorType type, std::shared_ptr<Buffer> b) {
        bindings.owned.push_back(b);
        add(binding, type, {b->handle, 0, VK_WHOLE_SIZE}, {}, VK_NULL_HANDLE);
    };
    const auto addTexelBuffer = [&](uint32_t binding, VkDescriptorType type, std::shared_ptr<Buffer> b) {
        bindings.owned.push_back(b);
        VkBufferViewCreateInfo view{VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO};
        view.buffer = b->handle;
        view.format = VK_FORMAT_R32_UINT;
        view.range = VK_WHOLE_SIZE;
        check(vkCreateBufferView(device_->handle(), &view, nullptr, &b->view), "buffer view");
        add(binding, type, {}, {}, b->view);
    };
    const auto isBlock = [](ResourceDimension d) {
        return d == ResourceDimension::RawBuffer || d == ResourceDimension::StructuredBuffer;
    };
    for (const auto& constants : info.constantBuffers) {
        const Words& data = job.constantBuffers[constants.slot];
        addBuffer(BindingLayout::kConstantBuffers + constants.slot, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
                  buffer(std::max<size_t>(16, data.size() * 4), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, &data));
    }
    for (const auto& sampler : info.samplers) {
        const SamplerState& state = job.samplers[sampler.slot];
        VkSamplerCreateInfo create{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
        create.magFilter = create.minFilter = state.filter;
        create.addressModeU = create.addressModeV = create.addressModeW = state.address;
        create.maxLod = VK_LOD_CLAMP_NONE;
        create.compareEnable = state.compare.has_value();
        create.compareOp = state.compare.value_or(VK_COMPARE_OP_NEVER);
        VkSampler handle = VK_NULL_HANDLE;
        check(vkCreateSampler(device_->handle(), &create, nullptr, &handle), "sampler");
        bindings.samplers.push_back(handle);
        add(BindingLayout::kSamplers + sampler.slot, VK_DESCRIPTOR_TYPE_SAMPLER, {}, {handle, VK_NULL_HANDLE, {}},
            VK_NULL_HANDLE);
    }
    for (const auto& resource : info.resources) {
        const uint32_t binding = BindingLayout::kShaderResources + resource.slot;
        if (isBlock(resource.dimension) || resource.dimension == ResourceDimension::Buffer) {
            const Words& data = job.buffers[resource.slot];
            const bool block = isBlock(resource.dimension);
            auto b =
                buffer(data.size() * 4,
                       block ? VK_BUFFER_USAGE_STORAGE_BUFFER_BIT : VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT, &data);
            if (block)
                addBuffer(binding, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, b);
            else
                addTexelBuffer(binding, VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, b);
            continue;
        }
        const Texture& texture = job.textures[resource.slot];
        const bool isDepth = texture.format == VK_FORMAT_D32_SFLOAT;
        const VkImageAspectFlags aspect = isDepth ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT;
        auto i = image(texture, VK_IMAGE_USAGE_SAMPLED_BIT, aspect);
        if (!texture.data.empty()) {
            auto staging = buffer(texture.data.size() * 4, 0, &texture.data);
            copy(*i, texture, *staging, true, aspect);
            bindings.owned.push_back(staging);
        }
        bindings.owned.push_back(i);
        add(binding, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, {}, {VK_NULL_HANDLE, i->view, VK_IMAGE_LAYOUT_GENERAL},
            VK_NULL_HANDLE);
    }
    for (const auto& uav : info.uavs) {
        const uint32_t binding = BindingLayout::kUavs + uav.slot;
        if (isBlock(uav.dimension) || uav.dimension == ResourceDimension::Buffer) {
            Words& data = job.uavBuffers[uav.slot];
            auto b = buffer(data.size() * 4,
                            VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT, &data);
            if (isBlock(uav.dimension))
                addBuffer(binding, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, b);
            else
                addTexelBuffer(binding, VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, b);
            bindings.readBacks.push_back([b, &data] { data = b->words(); });
            continue;
        }
        Texture& texture = job.uavTextures[uav.slot];
        auto i = image(texture, VK_IMAGE_USAGE_STORAGE_BIT, VK_IMAGE_ASPECT_COLOR_BIT);
        auto staging = buffer(texture.data.size() * 4, 0, &texture.data);
        copy(*i, texture, *staging, true, VK_IMAGE_ASPECT_COLOR_BIT);
        bindings.owned.push_back(i);
        add(binding, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, {}, {VK_NULL_HANDLE, i->view, VK_IMAGE_LAYOUT_GENERAL},
            VK_NULL_HANDLE);
        bindings.readBacks.push_back([this, i, staging, &texture] {
            copy(*i, texture, *staging, false, VK_IMAGE_ASPECT_COLOR_BIT);
            queue_->finish();
            texture.data = staging->words();
        });
    }
}

void ShaderRunner::finishBindings(Bindings& bindings) {
    const VkDevice device = device_->handle();
    VkDescriptorSetLayoutCreateInfo layout{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    layout.bindingCount = static_cast<uint32_t>(bindings.layout.size());
    layout.pBindings = bindings.layout.data();
    check(vkCreateDescriptorSetLayout(device, &layout, nullptr, &bindings.setLayout), "set layout");
    std::vector<VkDescriptorPoolSize> sizes;
    for (const auto& binding : bindings.layout)
        sizes.push_back({binding.descriptorType, 1});
    if (sizes.empty())
        sizes.push_back({VK_DESCRIPTOR_TYPE_SAMPLER, 1});
    VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    pool.maxSets = 1;
    pool.poolSizeCount = static_cast<uint32_t>(sizes.size());
    pool.pPoolSizes = sizes.data();
    check(vkCreateDescriptorPool(device, &pool, nullptr, &bindings.pool), "descriptor pool");
    VkDescriptorSetAllocateInfo allocate{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
    allocate.descriptorPool = bindings.pool;
    allocate.descriptorSetCount = 1;
    allocate.pSetLayouts = &bindings.setLayout;
    check(vkAllocateDescriptorSets(device, &allocate, &bindings.set), "descriptor set");
    for (const auto& write : bindings.writes)
        write(bindings.set);
    VkPipelineLayoutCreateInfo pipelineLayout{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    pipelineLayout.setLayoutCount = 1;
    pipelineLayout.pSetLayouts = &bindings.setLayout;
    check(vkCreatePipelineLayout(device, &pipelineLayout, nullptr, &bindings.pipelineLayout), "pipeline layout");
}

void ShaderRunner::readBack(Bindings& bindings) {
    for (const auto& readBack : bindings.readBacks)
        readBack();
}

VkShaderModule ShaderRunner::module(const ShaderModule& shader) {
    VkShaderModuleCreateInfo info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    info.codeSize = shader.spirv.size() * 4;
    info.pCode = shader.spirv.data();
    VkShaderModule handle = VK_NULL_HANDLE;
    check(vkCreateShaderModule(device_->handle(), &info, nullptr, &handle), "shader module");
    return handle;
}

void ShaderRunner::dispatch(StageJob& job, uint32_t groupsX, uint32_t groupsY, uint32_t groupsZ) {
    const ShaderModule shader = translateChecked(job);
    Bindings bindings;
    bindings.device = device_->handle();
    bind(bindings, job, shader.info, VK_SHADER_STAGE_COMPUTE_BIT);
    finishBindings(bindings);
    bindings.modules.push_back(module(shader));
    VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
    info.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO};
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = bindings.modules[0];
    info.stage.pName = "main";
    info.layout = bindings.pipelineLayout;
    check(vkCreateComputePipelines(bindings.device, VK_NULL_HANDLE, 1, &info, nullptr, &bindings.pipeline), "pipeline");
    const VkCommandBuffer commands = queue_->transfer();
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, bindings.pipeline);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, bindings.pipelineLayout, 0, 1, &bindings.set, 0,
                            nullptr);
    vkCmdDispatch(commands, groupsX, groupsY, groupsZ);
    queue_->finish();
    readBack(bindings);
}

DrawResult ShaderRunner::draw(DrawJob& job) {
    const VkDevice device = device_->handle();
    Bindings bindings;
    bindings.device = device;
    std::vector<VkPipelineShaderStageCreateInfo> stages;
    uint32_t bindingBase = 0;
    const auto addStage = [&](StageJob& stage, VkShaderStageFlagBits bit) {
        stage.options.bindings.base = BindingLayout::kBindingsPerStage * bindingBase++;
        const ShaderModule shader = translateChecked(stage);
        bind(bindings, stage, shader.info, bit);
        bindings.modules.push_back(module(shader));
        VkPipelineShaderStageCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO};
        info.stage = bit;
        info.module = bindings.modules.back();
        info.pName = "main";
        stages.push_back(info);
    };
    job.vertex.options.lastBeforeRasterizer = !job.geometry && !job.hull;
    addStage(job.vertex, VK_SHADER_STAGE_VERTEX_BIT);
    if (job.hull) {
        addStage(*job.hull, VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT);
        job.domain->options.lastBeforeRasterizer = !job.geometry;
        addStage(*job.domain, VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT);
    }
    if (job.geometry)
        addStage(*job.geometry, VK_SHADER_STAGE_GEOMETRY_BIT);
    if (job.pixel)
        addStage(*job.pixel, VK_SHADER_STAGE_FRAGMENT_BIT);
    finishBindings(bindings);

    std::vector<VkVertexInputAttributeDescription> attributes;
    uint32_t offset = 0;
    for (uint32_t n = 0; n < job.attributes.size(); ++n) {
        attributes.push_back({n, 0, job.attributes[n], offset});
        offset += 16;
    }
    const VkVertexInputBindingDescription vertexBinding{0, job.stride ? job.stride : offset,
                                                        VK_VERTEX_INPUT_RATE_VERTEX};
    VkPipelineVertexInputStateCreateInfo vertexInput{VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
    vertexInput.vertexAttributeDescriptionCount = static_cast<uint32_t>(attributes.size());
    vertexInput.pVertexAttributeDescriptions = attributes.data();
    vertexInput.vertexBindingDescriptionCount = attributes.empty() ? 0 : 1;
    vertexInput.pVertexBindingDescriptions = &vertexBinding;
    VkPipelineInputAssemblyStateCreateInfo assembly{VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO};
    assembly.topology = job.topology;
    VkPipelineTessellationStateCreateInfo tessellation{VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO};
    tessellation.patchControlPoints = job.patchSize;
    // As the renderer has it: y up.
    const VkViewport viewport{
        0, static_cast<float>(job.height), static_cast<float>(job.width), -static_cast<float>(job.height), 0, 1};
    const VkRect2D area{{0, 0}, {job.width, job.height}};
    VkPipelineViewportStateCreateInfo viewports{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
    viewports.viewportCount = viewports.scissorCount = 1;
    viewports.pViewports = &viewport;
    viewports.pScissors = &area;
    VkPipelineRasterizationStateCreateInfo raster{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
    raster.rasterizerDiscardEnable = !job.pixel;
    raster.lineWidth = 1;
    raster.frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE;
    VkPipelineMultisampleStateCreateInfo multisample{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
    multisample.rasterizationSamples = job.samples;
    VkPipelineDepthStencilStateCreateInfo depthStencil{VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO};
    depthStencil.depthTestEnable = depthStencil.depthWriteEnable = job.depth;
    depthStencil.depthCompareOp = VK_COMPARE_OP_ALWAYS;
    std::vector<VkPipelineColorBlendAttachmentState> blends(job.targets.size());
    for (auto& blend : blends)
        blend.colorWriteMask = 0xf;
    VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
    blend.attachmentCount = static_cast<uint32_t>(blends.size());
    blend.pAttachments = blends.data();
    VkPipelineRenderingCreateInfo rendering{VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO};
    rendering.colorAttachmentCount = static_cast<uint32_t>(job.targets.size());
    rendering.pColorAttachmentFormats = job.targets.data();
    rendering.depthAttachmentFormat = job.depth ? VK_FORMAT_D32_SFLOAT : VK_FORMAT_UNDEFINED;
    VkGraphicsPipelineCreateInfo info{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO};
    info.pNext = &rendering;
    info.stageCount = static_cast<uint32_t>(stages.size());
    info.pStages = stages.data();
    info.pVertexInputState = &vertexInput;
    info.pInputAssemblyState = &assembly;
    info.pTessellationState = job.hull ? &tessellation : nullptr;
    info.pViewportState = &viewports;
    info.pRasterizationState = &raster;
    info.pMultisampleState = &multisample;
    info.pDepthStencilState = &depthStencil;
    info.pColorBlendState = &blend;
    info.layout = bindings.pipelineLayout;
    check(vkCreateGraphicsPipelines(device, VK_NULL_HANDLE, 1, &info, nullptr, &bindings.pipeline), "pipeline");

    // Attachments
    Texture target;
    target.extent = {job.width, job.height, 1};
    target.layers = job.layers;
    target.view = job.layers > 1 ? VK_IMAGE_VIEW_TYPE_2D_ARRAY : VK_IMAGE_VIEW_TYPE_2D;
    target.samples = job.samples;
    std::vector<std::shared_ptr<Image>> images, resolved;
    std::vector<VkRenderingAttachmentInfo> attachments;
    for (const VkFormat format : job.targets) {
        target.format = format;
        target.samples = job.samples;
        images.push_back(image(target, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, VK_IMAGE_ASPECT_COLOR_BIT));
        target.samples = VK_SAMPLE_COUNT_1_BIT;
        resolved.push_back(job.samples == VK_SAMPLE_COUNT_1_BIT
                               ? images.back()
                               : image(target, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, VK_IMAGE_ASPECT_COLOR_BIT));
        VkRenderingAttachmentInfo attachment{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
        attachment.imageView = images.back()->view;
        attachment.imageLayout = VK_IMAGE_LAYOUT_GENERAL;
        attachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
        if (job.samples != VK_SAMPLE_COUNT_1_BIT) {
            attachment.resolveMode = VK_RESOLVE_MODE_AVERAGE_BIT;
            attachment.resolveImageView = resolved.back()->view;
            attachment.resolveImageLayout = VK_IMAGE_LAYOUT_GENERAL;
        }
        attachments.push_back(attachment);
    }
    VkRenderingInfo renderingInfo{VK_STRUCTURE_TYPE_RENDERING_INFO};
    renderingInfo.renderArea = area;
    renderingInfo.layerCount = job.layers;
    renderingInfo.colorAttachmentCount = static_cast<uint32_t>(attachments.size());
    renderingInfo.pColorAttachments = attachments.data();
    VkRenderingAttachmentInfo depthAttachment{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
    std::shared_ptr<Image> depthImage;
    if (job.depth) {
        target.format = VK_FORMAT_D32_SFLOAT;
        target.samples = job.samples;
        depthImage = image(target, VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT, VK_IMAGE_ASPECT_DEPTH_BIT);
        depthAttachment.imageView = depthImage->view;
        depthAttachment.imageLayout = VK_IMAGE_LAYOUT_GENERAL;
        depthAttachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
        renderingInfo.pDepthAttachment = &depthAttachment;
    }
    auto vertices = buffer(job.vertices.size() * 4, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, &job.vertices);
    std::array<std::shared_ptr<Buffer>, 4> capture;
    for (uint32_t n = 0; n < 4; ++n)
        if (job.capture[n])
            capture[n] = buffer(job.capture[n], VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT);

    bool restarted = false;
    const VkCommandBuffer commands = queue_->rendering(renderingInfo, 1, restarted);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, bindings.pipeline);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, bindings.pipelineLayout, 0, 1, &bindings.set, 0,
                            nullptr);
    const VkDeviceSize zero = 0;
    if (!attributes.empty())
        vkCmdBindVertexBuffers(commands, 0, 1, &vertices->handle, &zero);
    const bool captures = std::ranges::any_of(capture, [](const auto& b) { return b != nullptr; });
    for (uint32_t n = 0; n < 4; ++n)
        if (capture[n])
            device_->functions().cmdBindTransformFeedbackBuffers(commands, n, 1, &capture[n]->handle, &zero,
                                                                 &capture[n]->size);
    if (captures)
        device_->functions().cmdBeginTransformFeedback(commands, 0, 0, nullptr, nullptr);
    vkCmdDraw(commands, job.vertexCount, job.instanceCount, job.firstVertex, job.firstInstance);
    if (captures)
        device_->functions().cmdEndTransformFeedback(commands, 0, 0, nullptr, nullptr);
    queue_->endRendering();

    DrawResult result;
    target.samples = VK_SAMPLE_COUNT_1_BIT;
    const VkDeviceSize pixels = static_cast<VkDeviceSize>(job.width) * job.height * job.layers;
    std::vector<std::shared_ptr<Buffer>> read;
    for (size_t n = 0; n < resolved.size(); ++n) {
        target.format = job.targets[n];
        read.push_back(buffer(pixels * kBytesPerTexel, 0));
        copy(*resolved[n], target, *read.back(), false, VK_IMAGE_ASPECT_COLOR_BIT);
    }
    if (depthImage) {
        read.push_back(buffer(pixels * 4, 0));
        copy(*depthImage, target, *read.back(), false, VK_IMAGE_ASPECT_DEPTH_BIT);
    }
    queue_->finish();
    for (size_t n = 0; n < resolved.size(); ++n)
        result.targets.push_back(read[n]->words());
    if (depthImage) {
        result.depth.resize(pixels);
        std::memcpy(result.depth.data(), read.back()->mapped, pixels * 4);
    }
    for (uint32_t n = 0; n < 4; ++n)
        if (capture[n])
            result.captured[n] = capture[n]->words();
    readBack(bindings);
    return result;
}

} // namespace svga::vgpu10::test
