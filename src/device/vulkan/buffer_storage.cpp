// SPDX-License-Identifier: MIT
#include "device/vulkan/gpu_surface.h"
#include "device/vulkan/vulkan_error.h"

#include <algorithm>
#include <cstring>

namespace svga::device {

namespace {

/// Sizes are rounded up to this: a constant buffer is read in vectors of 16 bytes.
constexpr VkDeviceSize kGranularity = 16;
/// More views of one buffer than any sane guest makes.
constexpr std::size_t kMaxViews = 4096;

constexpr VkBufferUsageFlags kTexelUses =
    VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT;
constexpr auto kHandleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;

VkBufferUsageFlags bufferUsage(const VulkanDevice& device) {
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                               VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT |
                               VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                               VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |
                               VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    if (device.features().transformFeedback)
        usage |= VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT;
    if (device.features().conditionalRendering)
        usage |= VK_BUFFER_USAGE_CONDITIONAL_RENDERING_BIT_EXT;
    return usage;
}

} // namespace

void SurfaceBudget::take(uint64_t bytes) {
    if (bytes > limit_ - std::min(limit_, used_))
        throw OutOfMemory("no room for {} bytes: surfaces take {} of {}", bytes, used_, limit_);
    used_ += bytes;
}

BufferStorage::BufferStorage(SurfaceEnvironment& environment, VkDeviceSize size, Zeroed zeroed)
    : environment_(environment)
    , paddedSize_((size + kGranularity - 1) & ~(kGranularity - 1)) {
    environment.budget.take(paddedSize_);
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    info.size = paddedSize_;
    info.usage = bufferUsage(environment.device);
    VmaAllocationCreateInfo memory{};
    memory.usage = VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE;
    memory.flags = VMA_ALLOCATION_CREATE_CAN_ALIAS_BIT; // aliasFor()
    if (zeroed == Zeroed::ByCpu) {
        memory.flags |= VMA_ALLOCATION_CREATE_HOST_ACCESS_SEQUENTIAL_WRITE_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT;
        memory.requiredFlags = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    }
    VmaAllocationInfo allocated{};
    VkResult result =
        vmaCreateBuffer(environment.device.allocator(), &info, &memory, &buffer_, &allocation_, &allocated);
    if (result != VK_SUCCESS) {
        environment.budget.giveBack(paddedSize_);
        throw OutOfMemory("no buffer of {} bytes: {}", size, resultName(result));
    }
    budgeted_ = paddedSize_;
    if (zeroed == Zeroed::ByCpu)
        std::memset(allocated.pMappedData, 0, paddedSize_);
    else
        vkCmdFillBuffer(environment.queue.transfer(), buffer_, 0, VK_WHOLE_SIZE, 0);
}

BufferStorage::BufferStorage(ImportTag, SurfaceEnvironment& environment, VkDeviceSize size, std::shared_ptr<Mob> mob)
    : environment_(environment)
    , paddedSize_((size + kGranularity - 1) & ~(kGranularity - 1))
    , mob_(std::move(mob)) {}

std::shared_ptr<BufferStorage> BufferStorage::import(SurfaceEnvironment& environment, VkDeviceSize size,
                                                     std::shared_ptr<Mob> mob) {
    std::shared_ptr<BufferStorage> storage(new BufferStorage(ImportTag{}, environment, size, std::move(mob)));
    return storage->importMemory() ? storage : nullptr;
}

bool BufferStorage::importMemory() {
    const VulkanDevice& device = environment_.device;
    std::span<std::byte> pages = mob_->contiguous();
    VkDeviceSize alignment = device.importAlignment();
    if (alignment == 0 || pages.size() < paddedSize_ || reinterpret_cast<uintptr_t>(pages.data()) % alignment != 0 ||
        pages.size() % alignment != 0)
        return false;

    VkExternalMemoryBufferCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO};
    external.handleTypes = kHandleType;
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, &external};
    info.size = paddedSize_;
    info.usage = bufferUsage(device);
    if (vkCreateBuffer(device.handle(), &info, nullptr, &buffer_) != VK_SUCCESS)
        return false;

    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device.handle(), buffer_, &needs);
    VkMemoryHostPointerPropertiesEXT pointer{VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
    VkResult result =
        device.functions().getMemoryHostPointerProperties(device.handle(), kHandleType, pages.data(), &pointer);
    uint32_t types = needs.memoryTypeBits & pointer.memoryTypeBits;
    if (result != VK_SUCCESS || types == 0 || needs.size > pages.size())
        return false;

    VkImportMemoryHostPointerInfoEXT import{VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT};
    import.handleType = kHandleType;
    import.pHostPointer = pages.data();
    VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &import};
    allocate.allocationSize = pages.size();
    allocate.memoryTypeIndex = static_cast<uint32_t>(__builtin_ctz(types));
    return vkAllocateMemory(device.handle(), &allocate, nullptr, &importedMemory_) == VK_SUCCESS &&
           vkBindBufferMemory(device.handle(), buffer_, importedMemory_, 0) == VK_SUCCESS;
}

BufferStorage::~BufferStorage() {
    const VulkanDevice& device = environment_.device;
    for (auto& [key, view] : views_)
        vkDestroyBufferView(device.handle(), view, nullptr);
    for (auto& [uses, alias] : aliases_)
        vkDestroyBuffer(device.handle(), alias, nullptr);
    if (allocation_) {
        vmaDestroyBuffer(device.allocator(), buffer_, allocation_);
    } else {
        vkDestroyBuffer(device.handle(), buffer_, nullptr);
        vkFreeMemory(device.handle(), importedMemory_, nullptr);
    }
    environment_.budget.giveBack(budgeted_);
}

VkBuffer BufferStorage::aliasFor(VkBufferUsageFlags texelUses) {
    if (texelUses == kTexelUses)
        return buffer_;
    auto [it, added] = aliases_.try_emplace(texelUses, VK_NULL_HANDLE);
    if (!added)
        return it->second;
    const VulkanDevice& device = environment_.device;
    VkExternalMemoryBufferCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO};
    external.handleTypes = kHandleType;
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, importedMemory_ ? &external : nullptr};
    info.size = paddedSize_;
    info.usage = (bufferUsage(device) & ~kTexelUses) | texelUses;
    VkResult result = importedMemory_ ? vkCreateBuffer(device.handle(), &info, nullptr, &it->second)
                                      : vmaCreateAliasingBuffer(device.allocator(), allocation_, &info, &it->second);
    if (result == VK_SUCCESS && importedMemory_)
        result = vkBindBufferMemory(device.handle(), it->second, importedMemory_, 0);
    if (result != VK_SUCCESS) {
        vkDestroyBuffer(device.handle(), it->second, nullptr);
        aliases_.erase(it);
        throw CommandError("no buffer for texel views: {}", resultName(result));
    }
    return it->second;
}

VkBufferView BufferStorage::view(VkFormat format, VkDeviceSize offset, VkDeviceSize size) {
    auto known = views_.find({format, offset, size});
    if (known != views_.end())
        return known->second;
    const VulkanDevice& device = environment_.device;
    const VkPhysicalDeviceLimits& limits = device.properties().limits;
    VkFormatFeatureFlags features = device.formatProperties(format).bufferFeatures;
    VkBufferUsageFlags uses = 0;
    if (features & VK_FORMAT_FEATURE_UNIFORM_TEXEL_BUFFER_BIT)
        uses |= VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT;
    if (features & VK_FORMAT_FEATURE_STORAGE_TEXEL_BUFFER_BIT)
        uses |= VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT;
    uint32_t texel = blockBytes(format);
    VkBufferView view = VK_NULL_HANDLE;
    VkResult result = VK_ERROR_FORMAT_NOT_SUPPORTED;
    if (texel != 0 && size % texel == 0 && size / texel <= limits.maxTexelBufferElements && size != 0 &&
        offset % limits.minTexelBufferOffsetAlignment == 0 && uses != 0 && views_.size() < kMaxViews) {
        VkBufferViewCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO};
        info.buffer = aliasFor(uses);
        info.format = format;
        info.offset = offset;
        info.range = size;
        result = vkCreateBufferView(device.handle(), &info, nullptr, &view);
    }
    if (result != VK_SUCCESS)
        throw CommandError("no view of format {} of a buffer's bytes [{}, +{})", static_cast<int>(format), offset,
                           size);
    views_.emplace(std::tuple(format, offset, size), view);
    return view;
}

} // namespace svga::device
