// SPDX-License-Identifier: MIT
#include "image.h"

namespace svga::test {

namespace {

VkImageAspectFlags aspectsOf(VkFormat format) {
    switch (format) {
    case VK_FORMAT_D16_UNORM:
    case VK_FORMAT_D32_SFLOAT:
        return VK_IMAGE_ASPECT_DEPTH_BIT;
    case VK_FORMAT_D24_UNORM_S8_UINT:
    case VK_FORMAT_D32_SFLOAT_S8_UINT:
        return VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;
    default:
        return VK_IMAGE_ASPECT_COLOR_BIT;
    }
}

VkBufferImageCopy wholeLayer(const ImageInfo& info, VkImageAspectFlagBits aspect, uint32_t layer) {
    VkBufferImageCopy region{};
    region.imageSubresource = {static_cast<VkImageAspectFlags>(aspect), 0, layer, 1};
    region.imageExtent = {info.extent.width, info.extent.height, 1};
    return region;
}

} // namespace

Image::Image(Gpu& gpu, const ImageInfo& info)
    : Image(gpu, info, nullptr) {}

Image::Image(Gpu& gpu, const ImageInfo& info, std::shared_ptr<Allocation> memory)
    : gpu_(gpu)
    , info_(info)
    , memory_(std::move(memory)) {
    VkImageCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    create.flags = info.flags;
    create.imageType = VK_IMAGE_TYPE_2D;
    create.format = info.format;
    create.extent = {info.extent.width, info.extent.height, 1};
    create.mipLevels = info.levels;
    create.arrayLayers = info.layers;
    create.samples = info.samples;
    create.usage = info.usage | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    check(vkCreateImage(gpu.device(), &create, nullptr, &handle_), "vkCreateImage");
    VkMemoryRequirements needs;
    vkGetImageMemoryRequirements(gpu.device(), handle_, &needs);
    if (!memory_)
        memory_ = std::make_shared<Allocation>(gpu, needs.size, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    check(vkBindImageMemory(gpu.device(), handle_, memory_->handle(), 0), "vkBindImageMemory");
    gpu.run([&](VkCommandBuffer commands) {
        VkImageMemoryBarrier barrier{};
        barrier.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
        barrier.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
        barrier.newLayout = VK_IMAGE_LAYOUT_GENERAL;
        barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
        barrier.image = handle_;
        barrier.subresourceRange = {aspectsOf(info_.format), 0, info_.levels, 0, info_.layers};
        vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0,
                             nullptr, 0, nullptr, 1, &barrier);
    });
}

Image::~Image() {
    for (VkImageView view : views_)
        vkDestroyImageView(gpu_.device(), view, nullptr);
    vkDestroyImage(gpu_.device(), handle_, nullptr);
}

VkImageView Image::view(const ViewInfo& info) {
    VkImageViewCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO;
    create.image = handle_;
    create.viewType = info.type;
    create.format = info_.format;
    create.components = info.components;
    create.subresourceRange = {info.aspects, 0, info_.levels, info.firstLayer, info.layers};
    VkImageView view;
    check(vkCreateImageView(gpu_.device(), &create, nullptr, &view), "vkCreateImageView");
    views_.push_back(view);
    return view;
}

void Image::copyFrom(VkCommandBuffer commands, const Buffer& buffer, VkImageAspectFlagBits aspect, uint32_t layer) {
    const VkBufferImageCopy region = wholeLayer(info_, aspect, layer);
    vkCmdCopyBufferToImage(commands, buffer.handle(), handle_, VK_IMAGE_LAYOUT_GENERAL, 1, &region);
    barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT);
}

void Image::copyTo(VkCommandBuffer commands, const Buffer& buffer, VkImageAspectFlagBits aspect, uint32_t layer) {
    barrier(commands, VK_ACCESS_MEMORY_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT);
    const VkBufferImageCopy region = wholeLayer(info_, aspect, layer);
    vkCmdCopyImageToBuffer(commands, handle_, VK_IMAGE_LAYOUT_GENERAL, buffer.handle(), 1, &region);
    barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
}

Sampler::Sampler(Gpu& gpu, const std::function<void(VkSamplerCreateInfo&)>& change)
    : gpu_(gpu) {
    VkSamplerCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO;
    info.addressModeU = info.addressModeV = info.addressModeW = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE;
    info.maxLod = VK_LOD_CLAMP_NONE;
    if (change)
        change(info);
    check(vkCreateSampler(gpu.device(), &info, nullptr, &handle_), "vkCreateSampler");
}

Sampler::~Sampler() {
    vkDestroySampler(gpu_.device(), handle_, nullptr);
}

} // namespace svga::test
