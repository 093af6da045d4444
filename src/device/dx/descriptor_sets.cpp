// SPDX-License-Identifier: MIT
#include "device/dx/descriptors.h"
#include "device/vulkan/vulkan_error.h"

#include <array>

namespace svga::device {

namespace {

constexpr uint32_t kSetsPerPool = 512;
constexpr VkDescriptorPoolSize kPoolSizes[] = {{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 4096},
                                               {VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 4096},
                                               {VK_DESCRIPTOR_TYPE_SAMPLER, 4096},
                                               {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, 2048},
                                               {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, 512},
                                               {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2048},
                                               {VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 512}};

} // namespace

/** \brief Pools nobody uses. Pools come back from whatever thread lets go of the last reference. */
struct DescriptorSets::FreeList {
    explicit FreeList(VkDevice device)
        : device(device) {}
    ~FreeList() {
        for (VkDescriptorPool pool : pools)
            vkDestroyDescriptorPool(device, pool, nullptr);
    }

    VkDevice device;
    std::mutex mutex;
    std::vector<VkDescriptorPool> pools;
};

struct DescriptorSets::Pool {
    VkDescriptorPool handle = VK_NULL_HANDLE;
    uint32_t sets = 0; ///< made of it since it was reset
    std::shared_ptr<FreeList> home;

    ~Pool() {
        if (!handle)
            return;
        std::lock_guard lock(home->mutex);
        home->pools.push_back(handle);
    }
};

DescriptorSets::DescriptorSets(const VulkanDevice& device, GpuQueue& queue)
    : device_(device)
    , queue_(queue)
    , free_(std::make_shared<FreeList>(device.handle())) {}

std::shared_ptr<DescriptorSets::Pool> DescriptorSets::takePool() {
    auto pool = std::make_shared<Pool>();
    pool->home = free_;
    {
        std::lock_guard lock(free_->mutex);
        if (!free_->pools.empty()) {
            pool->handle = free_->pools.back();
            free_->pools.pop_back();
        }
    }
    if (pool->handle) {
        check(vkResetDescriptorPool(device_.handle(), pool->handle, 0), "vkResetDescriptorPool");
        return pool;
    }
    VkDescriptorPoolCreateInfo create{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    create.maxSets = kSetsPerPool;
    create.poolSizeCount = std::size(kPoolSizes);
    create.pPoolSizes = kPoolSizes;
    check(vkCreateDescriptorPool(device_.handle(), &create, nullptr, &pool->handle), "vkCreateDescriptorPool");
    return pool;
}

VkDescriptorSet DescriptorSets::make(const PipelineLayout& layout, const std::vector<Descriptor>& values) {
    VkDescriptorSet set = VK_NULL_HANDLE;
    VkDescriptorSetAllocateInfo allocate{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
    allocate.descriptorSetCount = 1;
    allocate.pSetLayouts = &layout.set;
    VkResult result = VK_ERROR_OUT_OF_POOL_MEMORY;
    // Counted here, as an implementation need not refuse what goes beyond the limit: lavapipe's pools grow for ever.
    if (current_ && current_->sets < kSetsPerPool) {
        allocate.descriptorPool = current_->handle;
        result = vkAllocateDescriptorSets(device_.handle(), &allocate, &set);
    }
    if (result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_FRAGMENTED_POOL) {
        current_ = takePool();
        allocate.descriptorPool = current_->handle;
        result = vkAllocateDescriptorSets(device_.handle(), &allocate, &set);
    }
    check(result, "vkAllocateDescriptorSets");
    ++current_->sets;
    queue_.keepAlive(current_);

    std::vector<VkWriteDescriptorSet> writes(values.size());
    std::vector<VkDescriptorBufferInfo> buffers(values.size());
    std::vector<VkDescriptorImageInfo> images(values.size());
    std::vector<VkBufferView> views(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Descriptor& value = values[i];
        VkWriteDescriptorSet& write = writes[i];
        write = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
        write.dstSet = set;
        write.dstBinding = value.binding;
        write.descriptorCount = 1;
        write.descriptorType = VkDescriptorType(value.type);
        write.pBufferInfo = &buffers[i];
        write.pImageInfo = &images[i];
        write.pTexelBufferView = &views[i];
        switch (write.descriptorType) {
        case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
        case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
            buffers[i] = {VkBuffer(value.handle), value.offset, value.handle ? value.size : VK_WHOLE_SIZE};
            break;
        case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
        case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
            views[i] = VkBufferView(value.handle);
            break;
        case VK_DESCRIPTOR_TYPE_SAMPLER:
            images[i].sampler = VkSampler(value.handle);
            break;
        default:
            images[i].imageView = VkImageView(value.handle);
            images[i].imageLayout = VK_IMAGE_LAYOUT_GENERAL;
        }
    }
    vkUpdateDescriptorSets(device_.handle(), uint32_t(writes.size()), writes.data(), 0, nullptr);
    return set;
}

} // namespace svga::device
