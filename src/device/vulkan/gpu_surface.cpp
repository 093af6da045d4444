// SPDX-License-Identifier: MIT
#include "device/vulkan/gpu_surface.h"

#include "device/vulkan/vulkan_error.h"

#include <algorithm>
#include <cstring>

namespace svga::device {

namespace {

/// More views of one image than any sane guest makes.
constexpr std::size_t kMaxViews = 16384;

const FormatInfo& knownFormat(const SurfaceDesc& desc) {
    const FormatInfo* info = formatInfo(desc.format);
    if (!info || (!desc.isBuffer() && info->image == VK_FORMAT_UNDEFINED))
        throw CommandError("surface {}: format {} is not supported", desc.id, static_cast<uint32_t>(desc.format));
    return *info;
}

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

} // namespace

GpuSurface::GpuSurface(SurfaceEnvironment& environment, const SurfaceDesc& desc)
    : environment_(environment)
    , desc_(desc)
    , format_(&knownFormat(desc))
    , layout_(desc, *format_) {
    if (desc.isBuffer() && desc.sampleCount > 1)
        throw CommandError("surface {}: a buffer with {} samples", desc.id, desc.sampleCount);
    if (!desc.isBuffer())
        createImage();
    else if (!environment.zeroCopy)
        storage_ = std::make_shared<BufferStorage>(environment, desc.size.width, BufferStorage::Zeroed::ByGpu);
}

GpuSurface::~GpuSurface() {
    for (auto& [key, view] : views_)
        vkDestroyImageView(environment_.device.handle(), view, nullptr);
    if (image_)
        vmaDestroyImage(environment_.device.allocator(), image_, allocation_);
    environment_.budget.giveBack(budgeted_);
}

void GpuSurface::createImage() {
    bool asDepth = format_->depthStencil ||
                   ((desc_.flags & SVGA3D_SURFACE_BIND_DEPTH_STENCIL) && format_->depthImage != VK_FORMAT_UNDEFINED);
    packing_ = asDepth ? format_->packing : DepthPacking::None;
    imageInfo_ = describeImage();
    aspects_ = aspectsOf(imageInfo_.format);
    checkImageLimits();

    uint64_t bytes = layout_.size() * imageInfo_.samples;
    environment_.budget.take(bytes);
    budgeted_ = bytes;
    VmaAllocationCreateInfo memory{};
    memory.usage = VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE;
    VkResult result =
        vmaCreateImage(environment_.device.allocator(), &imageInfo_, &memory, &image_, &allocation_, nullptr);
    if (result != VK_SUCCESS) {
        environment_.budget.giveBack(bytes);
        throw OutOfMemory("surface {}: no image of {} bytes: {}", desc_.id, bytes, resultName(result));
    }
    try {
        clearImage();
    } catch (...) {
        // The destructor does not run for an object that was never finished. Nothing was recorded but barriers.
        environment_.queue.finish();
        vmaDestroyImage(environment_.device.allocator(), image_, allocation_);
        environment_.budget.giveBack(bytes);
        throw;
    }
}

VkImageCreateInfo GpuSurface::describeImage() const {
    const VulkanDevice& device = environment_.device;
    bool asDepth = packing_ != DepthPacking::None;
    VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
    info.format = asDepth ? format_->depthImage : format_->image;
    // Not every GPU has 24 bit depth; the packing tells the transfers to convert.
    if (info.format == VK_FORMAT_D24_UNORM_S8_UINT && device.formatProperties(info.format).optimalTilingFeatures == 0)
        info.format = VK_FORMAT_D32_SFLOAT_S8_UINT;
    bool volume = (desc_.flags & SVGA3D_SURFACE_VOLUME) || desc_.size.depth > 1;
    bool flat = (desc_.flags & SVGA3D_SURFACE_1D) && desc_.size.height == 1;
    info.imageType = volume ? VK_IMAGE_TYPE_3D : flat ? VK_IMAGE_TYPE_1D : VK_IMAGE_TYPE_2D;
    info.extent = {desc_.size.width, desc_.size.height, desc_.size.depth};
    info.mipLevels = desc_.mipLevels;
    info.arrayLayers = desc_.arraySize;
    info.samples = static_cast<VkSampleCountFlagBits>(std::max(desc_.sampleCount, 1u));
    info.tiling = VK_IMAGE_TILING_OPTIMAL;
    info.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;

    VkFormatFeatureFlags features = device.formatProperties(info.format).optimalTilingFeatures;
    info.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    if (features & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT)
        info.usage |= VK_IMAGE_USAGE_SAMPLED_BIT;
    if (features & VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT)
        info.usage |= VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
    if (features & VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT)
        info.usage |= VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
    if ((features & VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT) && (desc_.flags & SVGA3D_SURFACE_BIND_UAVIEW))
        info.usage |= VK_IMAGE_USAGE_STORAGE_BIT;

    if (!asDepth)
        info.flags |= VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT;
    if (volume && !asDepth && !format_->compressed())
        info.flags |= VK_IMAGE_CREATE_2D_ARRAY_COMPATIBLE_BIT;
    if (info.imageType == VK_IMAGE_TYPE_2D && info.extent.width == info.extent.height && info.arrayLayers >= 6 &&
        info.samples == VK_SAMPLE_COUNT_1_BIT)
        info.flags |= VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT;
    return info;
}

void GpuSurface::checkImageLimits() const {
    const VkImageCreateInfo& info = imageInfo_;
    const VkImageFormatProperties limits =
        environment_.device.imageProperties(info.format, info.imageType, info.usage, info.flags);
    if (limits.maxExtent.width == 0)
        throw CommandError("surface {}: the device has no such images of format {}", desc_.id,
                           static_cast<uint32_t>(desc_.format));
    if (info.extent.width > limits.maxExtent.width || info.extent.height > limits.maxExtent.height ||
        info.extent.depth > limits.maxExtent.depth || info.mipLevels > limits.maxMipLevels ||
        info.arrayLayers > limits.maxArrayLayers)
        throw CommandError("surface {}: {}x{}x{}, {} levels, {} layers; the device has at most {}x{}x{}, {}, {}",
                           desc_.id, info.extent.width, info.extent.height, info.extent.depth, info.mipLevels,
                           info.arrayLayers, limits.maxExtent.width, limits.maxExtent.height, limits.maxExtent.depth,
                           limits.maxMipLevels, limits.maxArrayLayers);
    auto samples = static_cast<uint32_t>(info.samples);
    if ((samples & (samples - 1)) != 0 || (samples & limits.sampleCounts) == 0 ||
        (samples > 1 && (info.mipLevels > 1 || info.imageType != VK_IMAGE_TYPE_2D)))
        throw CommandError("surface {}: {} samples are not supported for it", desc_.id, samples);
}

void GpuSurface::clearImage() {
    GpuQueue& queue = environment_.queue;
    const VkImageSubresourceRange all{aspects_, 0, imageInfo_.mipLevels, 0, imageInfo_.arrayLayers};
    // A block format cannot be cleared: zeroes are copied in, one layer of one level after another.
    bool compressed = format_->compressed();
    Staging zeroes;
    if (compressed) {
        zeroes = queue.staging(layout_.level(0).size);
        std::memset(zeroes.bytes.data(), 0, zeroes.bytes.size());
    }

    VkCommandBuffer commands = queue.transfer();
    VkImageMemoryBarrier2 barrier{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2};
    barrier.srcStageMask = barrier.dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
    barrier.dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT;
    barrier.oldLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    barrier.newLayout = VK_IMAGE_LAYOUT_GENERAL;
    barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    barrier.image = image_;
    barrier.subresourceRange = all;
    VkDependencyInfo dependency{VK_STRUCTURE_TYPE_DEPENDENCY_INFO};
    dependency.imageMemoryBarrierCount = 1;
    dependency.pImageMemoryBarriers = &barrier;
    vkCmdPipelineBarrier2(commands, &dependency);

    if (compressed) {
        for (uint32_t level = 0; level < imageInfo_.mipLevels; ++level) {
            const SurfaceLayout::Level& size = layout_.level(level);
            std::vector<VkBufferImageCopy> copies;
            for (uint32_t layer = 0; layer < imageInfo_.arrayLayers; ++layer)
                copies.push_back(
                    {zeroes.offset, 0, 0, {aspects_, level, layer, 1}, {}, {size.width, size.height, size.depth}});
            vkCmdCopyBufferToImage(commands, zeroes.buffer, image_, VK_IMAGE_LAYOUT_GENERAL,
                                   static_cast<uint32_t>(copies.size()), copies.data());
        }
    } else if (packing_ != DepthPacking::None) {
        VkClearDepthStencilValue zero{};
        vkCmdClearDepthStencilImage(commands, image_, VK_IMAGE_LAYOUT_GENERAL, &zero, 1, &all);
    } else {
        VkClearColorValue zero{};
        vkCmdClearColorImage(commands, image_, VK_IMAGE_LAYOUT_GENERAL, &zero, 1, &all);
    }
}

BufferStorage& GpuSurface::storage() const {
    if (!storage_) {
        // May happen in the midst of a rendering.
        storage_ = std::make_shared<BufferStorage>(environment_, desc_.size.width, BufferStorage::Zeroed::ByCpu);
        ++generation_;
    }
    return *storage_;
}

VkBuffer GpuSurface::buffer() const {
    return desc_.isBuffer() ? storage().buffer() : VK_NULL_HANDLE;
}

VkBufferView GpuSurface::bufferView(VkFormat format, VkDeviceSize offset, VkDeviceSize size) {
    if (!desc_.isBuffer())
        throw CommandError("surface {} is not a buffer", desc_.id);
    if (offset > storage().paddedSize() || size > storage().paddedSize() - offset)
        throw CommandError("surface {}: bytes [{}, +{}) are outside its {}", desc_.id, offset, size, bufferSize());
    return storage().view(format, offset, size);
}

Mob& GpuSurface::boundMob() const {
    if (!mob_)
        throw CommandError("surface {} is not bound to a MOB", desc_.id);
    return *mob_;
}

void GpuSurface::bind(std::shared_ptr<Mob> mob, uint32_t pitch) {
    SurfaceLayout layout(desc_, *format_, desc_.isBuffer() ? 0 : pitch);
    if (desc_.isBuffer() && environment_.zeroCopy && mob != mob_) {
        std::shared_ptr<BufferStorage> next;
        // The MOB's bytes are the buffer's from now on.
        if (mob && mob->size() >= desc_.size.width && !mob->contiguous().empty()) {
            next = BufferStorage::import(environment_, desc_.size.width, mob);
            if (!next) // The guest counts on it (svga_coherent_device.h), so it must not quietly become a copy.
                throw CommandError("surface {}: Vulkan does not import MOB {}", desc_.id, mob->id());
        } else if (zeroCopy()) { // The host copy outlives the MOB.
            next = std::make_shared<BufferStorage>(environment_, desc_.size.width, BufferStorage::Zeroed::ByCpu);
            VkBufferCopy whole{0, 0, next->paddedSize()};
            vkCmdCopyBuffer(environment_.queue.transfer(), storage_->buffer(), next->buffer(), 1, &whole);
        }
        if (next) {
            if (storage_)
                environment_.queue.keepAlive(std::move(storage_));
            storage_ = std::move(next);
            ++generation_;
        }
    }
    mob_ = std::move(mob);
    layout_ = std::move(layout);
}

std::size_t GpuSurface::ViewHash::operator()(const ImageViewKey& key) const {
    std::size_t hash = 0;
    for (uint32_t value : {uint32_t(key.type), uint32_t(key.format), uint32_t(key.aspect), uint32_t(key.swizzle.r),
                           uint32_t(key.swizzle.g), uint32_t(key.swizzle.b), uint32_t(key.swizzle.a), key.firstLevel,
                           key.levels, key.firstLayer, key.layers, key.firstSlice, key.slices})
        hash = (hash ^ value) * 0x9e3779b97f4a7c15ull + (hash >> 29);
    return hash;
}

VkImageView GpuSurface::view(const ImageViewKey& wanted) {
    if (desc_.isBuffer())
        throw CommandError("surface {} is a buffer, it has no image views", desc_.id);
    ImageViewKey key = wanted;
    if (!environment_.device.features().imageSlicedViewOf3D)
        key.firstSlice = 0, key.slices = VK_REMAINING_3D_SLICES_EXT;
    if (packing_ != DepthPacking::None) {
        // A colour-like format shows depth; Vulkan wants the image's own format.
        if (key.aspect & VK_IMAGE_ASPECT_COLOR_BIT)
            key.aspect = VK_IMAGE_ASPECT_DEPTH_BIT;
        key.aspect &= aspects_;
        key.format = imageInfo_.format;
    }
    auto it = views_.find(key);
    if (it == views_.end()) {
        checkView(key);
        it = views_.emplace(key, createView(key)).first;
    }
    viewedAs_ = key.format;
    return it->second;
}

void GpuSurface::checkView(const ImageViewKey& key) const {
    auto refuse = [&](const char* why) {
        throw CommandError("surface {}: no view of type {}, format {}, levels [{}, +{}), layers [{}, +{}): {}",
                           desc_.id, static_cast<int>(key.type), static_cast<int>(key.format), key.firstLevel,
                           key.levels, key.firstLayer, key.layers, why);
    };
    if (views_.size() >= kMaxViews)
        refuse("it has too many views");
    if (key.aspect == 0 || (key.aspect & ~aspects_))
        refuse("aspect");
    if (packing_ == DepthPacking::None && !viewCompatible(imageInfo_.format, key.format))
        refuse("format");
    if (key.levels == 0 || key.firstLevel >= imageInfo_.mipLevels || key.levels > imageInfo_.mipLevels - key.firstLevel)
        refuse("levels");

    bool slices = imageInfo_.imageType == VK_IMAGE_TYPE_3D && key.type != VK_IMAGE_VIEW_TYPE_3D;
    uint32_t layers = slices ? layout_.level(key.firstLevel).depth : imageInfo_.arrayLayers;
    if (key.layers == 0 || key.firstLayer >= layers || key.layers > layers - key.firstLayer)
        refuse("layers");
    if (key.isSliced() && (key.type != VK_IMAGE_VIEW_TYPE_3D || key.levels != 1 || key.slices == 0 ||
                           key.firstSlice >= layout_.level(key.firstLevel).depth ||
                           key.slices > layout_.level(key.firstLevel).depth - key.firstSlice))
        refuse("slices");

    bool fits = false;
    switch (key.type) {
    case VK_IMAGE_VIEW_TYPE_1D:
    case VK_IMAGE_VIEW_TYPE_1D_ARRAY:
        fits = imageInfo_.imageType == VK_IMAGE_TYPE_1D;
        break;
    case VK_IMAGE_VIEW_TYPE_2D:
    case VK_IMAGE_VIEW_TYPE_2D_ARRAY:
        fits = imageInfo_.imageType == VK_IMAGE_TYPE_2D ||
               (slices && (imageInfo_.flags & VK_IMAGE_CREATE_2D_ARRAY_COMPATIBLE_BIT) && key.levels == 1);
        break;
    case VK_IMAGE_VIEW_TYPE_CUBE:
    case VK_IMAGE_VIEW_TYPE_CUBE_ARRAY:
        fits = (imageInfo_.flags & VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT) && key.layers % 6 == 0;
        break;
    case VK_IMAGE_VIEW_TYPE_3D:
        fits = imageInfo_.imageType == VK_IMAGE_TYPE_3D;
        break;
    default:
        break;
    }
    bool one = key.type == VK_IMAGE_VIEW_TYPE_1D || key.type == VK_IMAGE_VIEW_TYPE_2D;
    if (!fits || (one && key.layers != 1) || (key.type == VK_IMAGE_VIEW_TYPE_CUBE && key.layers != 6))
        refuse("type");
}

VkImageView GpuSurface::createView(const ImageViewKey& key) {
    // What the image may be used for, the view's format may not.
    VkFormatFeatureFlags features = environment_.device.formatProperties(key.format).optimalTilingFeatures;
    VkImageViewUsageCreateInfo usage{VK_STRUCTURE_TYPE_IMAGE_VIEW_USAGE_CREATE_INFO};
    usage.usage = imageInfo_.usage & (VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    auto allow = [&](VkImageUsageFlags flag, VkFormatFeatureFlags feature) {
        if (features & feature)
            usage.usage |= imageInfo_.usage & flag;
    };
    allow(VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT);
    allow(VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT, VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT);
    bool slices = imageInfo_.imageType == VK_IMAGE_TYPE_3D && key.type != VK_IMAGE_VIEW_TYPE_3D;
    if (!slices) { // 2D views of 3D images are for rendering alone
        if (!key.isSliced())
            allow(VK_IMAGE_USAGE_SAMPLED_BIT, VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT);
        allow(VK_IMAGE_USAGE_STORAGE_BIT, VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT);
    }

    VkImageViewCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO, &usage};
    info.image = image_;
    info.viewType = key.type;
    info.format = key.format;
    info.components = key.swizzle;
    info.subresourceRange = {key.aspect, key.firstLevel, key.levels, key.firstLayer, key.layers};
    VkImageViewSlicedCreateInfoEXT sliced{VK_STRUCTURE_TYPE_IMAGE_VIEW_SLICED_CREATE_INFO_EXT, nullptr, key.firstSlice,
                                          key.slices};
    if (key.isSliced())
        usage.pNext = &sliced;
    VkImageView view = VK_NULL_HANDLE;
    VkResult result = vkCreateImageView(environment_.device.handle(), &info, nullptr, &view);
    if (result != VK_SUCCESS)
        throw CommandError("surface {}: vkCreateImageView: {}", desc_.id, resultName(result));
    return view;
}

} // namespace svga::device
