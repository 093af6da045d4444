// SPDX-License-Identifier: MIT
#include "picture.h"

#include "pipeline.h"

#include <algorithm>

namespace svga::test {

namespace {

constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;
constexpr VkImageSubresourceLayers kLayers{VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};

VkRenderPass createRenderPass(VkDevice device) {
    VkAttachmentDescription attachment{};
    attachment.format = kFormat;
    attachment.samples = VK_SAMPLE_COUNT_1_BIT;
    attachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    attachment.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
    attachment.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
    attachment.finalLayout = VK_IMAGE_LAYOUT_GENERAL;
    const VkAttachmentReference reference{0, VK_IMAGE_LAYOUT_GENERAL};
    VkSubpassDescription subpass{};
    subpass.colorAttachmentCount = 1;
    subpass.pColorAttachments = &reference;
    VkRenderPassCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO;
    info.attachmentCount = 1;
    info.pAttachments = &attachment;
    info.subpassCount = 1;
    info.pSubpasses = &subpass;
    VkRenderPass renderPass;
    check(vkCreateRenderPass(device, &info, nullptr, &renderPass), "vkCreateRenderPass");
    return renderPass;
}

void toGeneral(VkCommandBuffer commands, VkImage image, VkImageLayout from) {
    VkImageMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
    barrier.srcAccessMask = barrier.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
    barrier.oldLayout = from;
    barrier.newLayout = VK_IMAGE_LAYOUT_GENERAL;
    barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    barrier.image = image;
    barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0,
                         nullptr, 0, nullptr, 1, &barrier);
}

} // namespace

Picture::Picture(Gpu& gpu, uint32_t width, uint32_t height)
    : gpu_(gpu)
    , width_(width)
    , height_(height)
    , texels_(gpu, VkDeviceSize{4} * width * height) {
    VkImageCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    info.imageType = VK_IMAGE_TYPE_2D;
    info.format = kFormat;
    info.extent = {width, height, 1};
    info.mipLevels = info.arrayLayers = 1;
    info.samples = VK_SAMPLE_COUNT_1_BIT;
    info.usage =
        VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    check(vkCreateImage(gpu.device(), &info, nullptr, &image_), "vkCreateImage");
    VkMemoryRequirements needs;
    vkGetImageMemoryRequirements(gpu.device(), image_, &needs);
    memory_.emplace(gpu, needs.size, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    check(vkBindImageMemory(gpu.device(), image_, memory_->handle(), 0), "vkBindImageMemory");
    VkImageViewCreateInfo viewInfo{};
    viewInfo.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO;
    viewInfo.image = image_;
    viewInfo.viewType = VK_IMAGE_VIEW_TYPE_2D;
    viewInfo.format = kFormat;
    viewInfo.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    check(vkCreateImageView(gpu.device(), &viewInfo, nullptr, &view_), "vkCreateImageView");
    renderPass_ = createRenderPass(gpu.device());
    VkFramebufferCreateInfo framebuffer{};
    framebuffer.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO;
    framebuffer.renderPass = renderPass_;
    framebuffer.attachmentCount = 1;
    framebuffer.pAttachments = &view_;
    framebuffer.width = width;
    framebuffer.height = height;
    framebuffer.layers = 1;
    check(vkCreateFramebuffer(gpu.device(), &framebuffer, nullptr, &framebuffer_), "vkCreateFramebuffer");
}

Picture::~Picture() {
    vkDestroyFramebuffer(gpu_.device(), framebuffer_, nullptr);
    vkDestroyRenderPass(gpu_.device(), renderPass_, nullptr);
    vkDestroyImageView(gpu_.device(), view_, nullptr);
    vkDestroyImage(gpu_.device(), image_, nullptr);
}

void Picture::read(VkCommandBuffer commands) {
    barrier(commands, VK_ACCESS_MEMORY_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT);
    const VkBufferImageCopy region{0, 0, 0, kLayers, {}, {width_, height_, 1}};
    vkCmdCopyImageToBuffer(commands, image_, VK_IMAGE_LAYOUT_GENERAL, texels_.buffer.handle(), 1, &region);
    barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
}

void Picture::draw(const std::array<float, 4>& clear, const std::function<void(VkCommandBuffer)>& commands) {
    gpu_.run([&](VkCommandBuffer buffer) {
        const VkClearValue value{{{clear[0], clear[1], clear[2], clear[3]}}};
        VkRenderPassBeginInfo begin{};
        begin.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO;
        begin.renderPass = renderPass_;
        begin.framebuffer = framebuffer_;
        begin.renderArea.extent = {width_, height_};
        begin.clearValueCount = 1;
        begin.pClearValues = &value;
        vkCmdBeginRenderPass(buffer, &begin, VK_SUBPASS_CONTENTS_INLINE);
        commands(buffer);
        vkCmdEndRenderPass(buffer);
        read(buffer);
    });
}

void Picture::upload(const Buffer& from, VkDeviceSize offset) {
    gpu_.run([&](VkCommandBuffer commands) {
        toGeneral(commands, image_, VK_IMAGE_LAYOUT_UNDEFINED);
        const VkBufferImageCopy region{offset, 0, 0, kLayers, {}, {width_, height_, 1}};
        vkCmdCopyBufferToImage(commands, from.handle(), image_, VK_IMAGE_LAYOUT_GENERAL, 1, &region);
        read(commands);
    });
}

void Picture::copyFrom(const Picture& from, int32_t x, int32_t y) {
    gpu_.run([&](VkCommandBuffer commands) {
        const VkImageCopy region{kLayers, {}, kLayers, {x, y, 0}, {from.width_, from.height_, 1}};
        vkCmdCopyImage(commands, from.image_, VK_IMAGE_LAYOUT_GENERAL, image_, VK_IMAGE_LAYOUT_GENERAL, 1, &region);
        read(commands);
    });
}

void Picture::blitFrom(const Picture& from) {
    gpu_.run([&](VkCommandBuffer commands) {
        const auto corner = [](const Picture& of) {
            return VkOffset3D{static_cast<int32_t>(of.width_), static_cast<int32_t>(of.height_), 1};
        };
        const VkImageBlit region{kLayers, {{}, corner(from)}, kLayers, {{}, corner(*this)}};
        vkCmdBlitImage(commands, from.image_, VK_IMAGE_LAYOUT_GENERAL, image_, VK_IMAGE_LAYOUT_GENERAL, 1, &region,
                       VK_FILTER_NEAREST);
        read(commands);
    });
}

uint32_t Picture::count(uint32_t value) const {
    const std::span<uint32_t> texels = texels_.memory.as<uint32_t>().first(size_t{width_} * height_);
    return static_cast<uint32_t>(std::ranges::count(texels, value));
}

GraphicsPipeline::GraphicsPipeline(Gpu& gpu, const Picture& target, const Settings& settings)
    : gpu_(gpu) {
    const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_FRAGMENT_BIT,
                                               nullptr};
    VkDescriptorSetLayoutCreateInfo setInfo{};
    setInfo.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
    setInfo.bindingCount = settings.uniform ? 1 : 0;
    setInfo.pBindings = &binding;
    check(vkCreateDescriptorSetLayout(gpu.device(), &setInfo, nullptr, &setLayout_), "vkCreateDescriptorSetLayout");
    if (settings.uniform) {
        const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1};
        VkDescriptorPoolCreateInfo poolInfo{};
        poolInfo.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
        poolInfo.maxSets = 1;
        poolInfo.poolSizeCount = 1;
        poolInfo.pPoolSizes = &size;
        check(vkCreateDescriptorPool(gpu.device(), &poolInfo, nullptr, &pool_), "vkCreateDescriptorPool");
        VkDescriptorSetAllocateInfo allocate{};
        allocate.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
        allocate.descriptorPool = pool_;
        allocate.descriptorSetCount = 1;
        allocate.pSetLayouts = &setLayout_;
        check(vkAllocateDescriptorSets(gpu.device(), &allocate, &set_), "vkAllocateDescriptorSets");
    }
    VkPipelineLayoutCreateInfo layoutInfo{};
    layoutInfo.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
    layoutInfo.setLayoutCount = 1;
    layoutInfo.pSetLayouts = &setLayout_;
    check(vkCreatePipelineLayout(gpu.device(), &layoutInfo, nullptr, &layout_), "vkCreatePipelineLayout");

    std::array<VkPipelineShaderStageCreateInfo, 2> stages{};
    stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT;
    stages[0].module = createModule(gpu, Stage::Vertex, settings.vertexShader);
    stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT;
    stages[1].module = createModule(gpu, Stage::Fragment, settings.fragmentShader);
    for (VkPipelineShaderStageCreateInfo& stage : stages) {
        stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
        stage.pName = "main";
    }
    const VkVertexInputBindingDescription vertices{0, settings.stride, VK_VERTEX_INPUT_RATE_VERTEX};
    VkPipelineVertexInputStateCreateInfo input{};
    input.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO;
    input.vertexBindingDescriptionCount = settings.stride ? 1 : 0;
    input.pVertexBindingDescriptions = &vertices;
    input.vertexAttributeDescriptionCount = static_cast<uint32_t>(settings.attributes.size());
    input.pVertexAttributeDescriptions = settings.attributes.data();
    VkPipelineInputAssemblyStateCreateInfo assembly{};
    assembly.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO;
    assembly.topology = settings.topology;
    const VkViewport viewport{0, 0, float(target.width()), float(target.height()), 0, 1};
    const VkRect2D scissor{{}, {target.width(), target.height()}};
    VkPipelineViewportStateCreateInfo viewports{};
    viewports.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO;
    viewports.viewportCount = viewports.scissorCount = 1;
    viewports.pViewports = &viewport;
    viewports.pScissors = &scissor;
    VkPipelineRasterizationStateCreateInfo rasterization{};
    rasterization.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO;
    rasterization.cullMode = settings.cull;
    rasterization.frontFace = settings.front;
    rasterization.lineWidth = 1;
    VkPipelineMultisampleStateCreateInfo multisample{};
    multisample.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO;
    multisample.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
    VkPipelineColorBlendAttachmentState blend{};
    blend.blendEnable = settings.blend;
    blend.srcColorBlendFactor = blend.dstColorBlendFactor = VK_BLEND_FACTOR_ONE;
    blend.srcAlphaBlendFactor = blend.dstAlphaBlendFactor = VK_BLEND_FACTOR_ONE;
    blend.colorWriteMask = 0xf;
    VkPipelineColorBlendStateCreateInfo blending{};
    blending.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO;
    blending.attachmentCount = 1;
    blending.pAttachments = &blend;
    VkGraphicsPipelineCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO;
    info.stageCount = stages.size();
    info.pStages = stages.data();
    info.pVertexInputState = &input;
    info.pInputAssemblyState = &assembly;
    info.pViewportState = &viewports;
    info.pRasterizationState = &rasterization;
    info.pMultisampleState = &multisample;
    info.pColorBlendState = &blending;
    info.layout = layout_;
    info.renderPass = target.renderPass();
    const VkResult result = vkCreateGraphicsPipelines(gpu.device(), VK_NULL_HANDLE, 1, &info, nullptr, &pipeline_);
    for (const VkPipelineShaderStageCreateInfo& stage : stages)
        vkDestroyShaderModule(gpu.device(), stage.module, nullptr);
    check(result, "vkCreateGraphicsPipelines");
}

GraphicsPipeline::~GraphicsPipeline() {
    vkDestroyPipeline(gpu_.device(), pipeline_, nullptr);
    vkDestroyPipelineLayout(gpu_.device(), layout_, nullptr);
    vkDestroyDescriptorPool(gpu_.device(), pool_, nullptr);
    vkDestroyDescriptorSetLayout(gpu_.device(), setLayout_, nullptr);
}

void GraphicsPipeline::write(const Buffer& buffer, VkDeviceSize offset, VkDeviceSize range) const {
    const VkDescriptorBufferInfo bufferInfo{buffer.handle(), offset, range};
    VkWriteDescriptorSet write{};
    write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    write.dstSet = set_;
    write.descriptorCount = 1;
    write.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
    write.pBufferInfo = &bufferInfo;
    vkUpdateDescriptorSets(gpu_.device(), 1, &write, 0, nullptr);
}

void GraphicsPipeline::bind(VkCommandBuffer commands) const {
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);
    if (set_)
        vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 0, 1, &set_, 0, nullptr);
}

} // namespace svga::test
