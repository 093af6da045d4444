// SPDX-License-Identifier: MIT
#include "vulkan/descriptor_set.h"

#include "vulkan/buffer.h"
#include "vulkan/device.h"

#include <algorithm>

#include "util/mesa-blake3.h"
#include "vk_descriptor_update_template.h"

namespace svga::vulkan {

namespace {

bool isDynamic(VkDescriptorType type) {
    return type == VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC || type == VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC;
}

bool hasSampler(VkDescriptorType type) {
    return type == VK_DESCRIPTOR_TYPE_SAMPLER || type == VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
}

bool isImage(VkDescriptorType type) {
    return hasSampler(type) || type == VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE || type == VK_DESCRIPTOR_TYPE_STORAGE_IMAGE ||
           type == VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT;
}

Sampler* samplerOf(VkSampler handle) {
    return reinterpret_cast<Sampler*>(handle);
}

void destroyLayout(vk_device* device, vk_descriptor_set_layout* base) {
    DescriptorSetLayout& layout = as<DescriptorSetLayout>(base);
    vk_object_base_finish(&layout.base);
    release(*device, nullptr, &layout);
}

/** What the runtime tells pipeline layouts apart by. */
void hash(DescriptorSetLayout& layout) {
    struct mesa_blake3 context;
    _mesa_blake3_init(&context);
    for (const DescriptorSetLayout::Binding& binding : layout.bindings) {
        const std::array<uint32_t, 3> words{static_cast<uint32_t>(binding.type), binding.count,
                                            static_cast<uint32_t>(binding.immutableSamplers.size())};
        _mesa_blake3_update(&context, words.data(), sizeof(words));
    }
    _mesa_blake3_final(&context, layout.blake3);
}

void fill(DescriptorSetLayout& layout, const VkDescriptorSetLayoutCreateInfo& info) {
    for (uint32_t i = 0; i < info.bindingCount; ++i) {
        const VkDescriptorSetLayoutBinding& from = info.pBindings[i];
        if (from.binding >= layout.bindings.size())
            layout.bindings.resize(from.binding + 1);
        DescriptorSetLayout::Binding& binding = layout.bindings[from.binding];
        binding.type = from.descriptorType;
        binding.count = from.descriptorCount;
        if (from.pImmutableSamplers && hasSampler(binding.type))
            for (uint32_t element = 0; element < binding.count; ++element)
                binding.immutableSamplers.push_back(samplerOf(from.pImmutableSamplers[element]));
    }
    for (DescriptorSetLayout::Binding& binding : layout.bindings) {
        binding.first = layout.descriptors;
        binding.firstDynamic = layout.dynamicOffsets;
        layout.descriptors += binding.count;
        if (isDynamic(binding.type))
            layout.dynamicOffsets += binding.count;
    }
    hash(layout);
}

} // namespace

DescriptorSet::DescriptorSet(DescriptorSetLayout& layout)
    : layout_(layout)
    , descriptors_(layout.descriptors) {
    for (const DescriptorSetLayout::Binding& binding : layout.bindings)
        for (size_t element = 0; element < binding.immutableSamplers.size(); ++element)
            descriptors_[binding.first + element].sampler = binding.immutableSamplers[element];
}

const Descriptor* DescriptorSet::find(uint32_t binding, uint32_t element) const {
    const auto& bindings = layout_->bindings;
    if (binding >= bindings.size() || element >= bindings[binding].count)
        return nullptr;
    return &descriptors_[bindings[binding].first + element];
}

std::span<Descriptor> DescriptorSet::range(uint32_t binding, uint32_t element, uint32_t count) {
    const size_t first = layout_->bindings.at(binding).first + element;
    return std::span(descriptors_).subspan(first, count);
}

void DescriptorSet::write(Descriptor& descriptor, VkDescriptorType type, bool immutableSampler, const void* info) {
    // A mutable descriptor is no longer what it was.
    descriptor = {.sampler = immutableSampler ? descriptor.sampler : nullptr};
    switch (type) {
    case VK_DESCRIPTOR_TYPE_SAMPLER:
    case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
    case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
    case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
    case VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT: {
        const auto& image = *static_cast<const VkDescriptorImageInfo*>(info);
        if (hasSampler(type) && !immutableSampler)
            descriptor.sampler = samplerOf(image.sampler);
        if (type != VK_DESCRIPTOR_TYPE_SAMPLER)
            descriptor.image = reinterpret_cast<ImageView*>(image.imageView);
        break;
    }
    case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
    case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
        descriptor.texels =
            static_cast<BufferView*>(vk_buffer_view_from_handle(*static_cast<const VkBufferView*>(info)));
        break;
    default: {
        const auto& buffer = *static_cast<const VkDescriptorBufferInfo*>(info);
        descriptor.buffer = static_cast<Buffer*>(vk_buffer_from_handle(buffer.buffer));
        descriptor.offset = buffer.offset;
        descriptor.range = descriptor.buffer ? vk_buffer_range(descriptor.buffer, buffer.offset, buffer.range) : 0;
        break;
    }
    }
}

void DescriptorSet::write(const VkWriteDescriptorSet& write) {
    const bool immutable = !layout_->bindings.at(write.dstBinding).immutableSamplers.empty();
    uint32_t i = 0;
    for (Descriptor& descriptor : range(write.dstBinding, write.dstArrayElement, write.descriptorCount)) {
        const void* info = write.pBufferInfo ? static_cast<const void*>(write.pBufferInfo + i) : nullptr;
        if (write.descriptorType == VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER ||
            write.descriptorType == VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER)
            info = write.pTexelBufferView + i;
        else if (isImage(write.descriptorType))
            info = write.pImageInfo + i;
        this->write(descriptor, write.descriptorType, immutable, info);
        ++i;
    }
}

void DescriptorSet::write(const vk_descriptor_update_template& updates, const void* data) {
    for (uint32_t i = 0; i < updates.entry_count; ++i) {
        const vk_descriptor_template_entry& entry = updates.entries[i];
        const bool immutable = !layout_->bindings.at(entry.binding).immutableSamplers.empty();
        const auto* info = static_cast<const std::byte*>(data) + entry.offset;
        for (Descriptor& descriptor : range(entry.binding, entry.array_element, entry.array_count)) {
            write(descriptor, entry.type, immutable, info);
            info += entry.stride;
        }
    }
}

void DescriptorSet::copy(const DescriptorSet& from, const VkCopyDescriptorSet& copy) {
    const size_t first = from.layout_->bindings.at(copy.srcBinding).first + copy.srcArrayElement;
    const bool immutable = !layout_->bindings.at(copy.dstBinding).immutableSamplers.empty();
    const auto to = range(copy.dstBinding, copy.dstArrayElement, copy.descriptorCount);
    for (size_t i = 0; i < to.size(); ++i) {
        Sampler* own = to[i].sampler;
        to[i] = from.descriptors_.at(first + i);
        if (immutable)
            to[i].sampler = own;
    }
}

} // namespace svga::vulkan

using namespace svga::vulkan;

namespace {

DescriptorSet& setOf(VkDescriptorSet handle) {
    return as<DescriptorSet>(
        vk_object_base_from_u64_handle(reinterpret_cast<uintptr_t>(handle), VK_OBJECT_TYPE_DESCRIPTOR_SET));
}

DescriptorPool& poolOf(VkDescriptorPool handle) {
    return as<DescriptorPool>(
        vk_object_base_from_u64_handle(reinterpret_cast<uintptr_t>(handle), VK_OBJECT_TYPE_DESCRIPTOR_POOL));
}

void destroySet(DescriptorSet* set) {
    vk_object_base_finish(set);
    delete set;
}

void give(DescriptorPool& pool, DescriptorSet* set) {
    for (const auto& binding : set->layout().bindings)
        pool.left[binding.type] += binding.count;
    ++pool.setsLeft;
    pool.sets.erase(set);
    destroySet(set);
}

bool take(DescriptorPool& pool, const DescriptorSetLayout& layout) {
    std::unordered_map<uint32_t, uint64_t> wanted;
    for (const auto& binding : layout.bindings)
        wanted[binding.type] += binding.count;
    if (pool.setsLeft == 0 ||
        std::ranges::any_of(wanted, [&](const auto& want) { return want.second > pool.left[want.first]; }))
        return false;
    --pool.setsLeft;
    for (const auto& [type, count] : wanted)
        pool.left[type] -= count;
    return true;
}

} // namespace

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateDescriptorSetLayout(VkDevice handle,
                                                              const VkDescriptorSetLayoutCreateInfo* info,
                                                              const VkAllocationCallbacks*,
                                                              VkDescriptorSetLayout* out) {
    vk_device* device = vk_device_from_handle(handle);
    return guarded(device, VK_ERROR_OUT_OF_HOST_MEMORY, [&] {
        // Of the device's memory: it may outlive what the application made it with.
        auto* layout = allocate<DescriptorSetLayout>(*device, nullptr);
        vk_object_base_init(device, &layout->base, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT);
        layout->ref_cnt = 1;
        layout->destroy = destroyLayout;
        try {
            fill(*layout, *info);
        } catch (...) {
            destroyLayout(device, layout);
            throw;
        }
        *out = vk_descriptor_set_layout_to_handle(layout);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_GetDescriptorSetLayoutSupport(VkDevice handle,
                                                              const VkDescriptorSetLayoutCreateInfo* info,
                                                              VkDescriptorSetLayoutSupport* support) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < info->bindingCount; ++i)
        count += info->pBindings[i].descriptorCount;
    support->supported = count <= vk_device_from_handle(handle)->physical->properties.maxPerSetDescriptors;
}

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateDescriptorPool(VkDevice handle, const VkDescriptorPoolCreateInfo* info,
                                                         const VkAllocationCallbacks* allocator,
                                                         VkDescriptorPool* out) {
    vk_device* device = vk_device_from_handle(handle);
    return guarded(device, VK_ERROR_OUT_OF_HOST_MEMORY, [&] {
        auto* pool = allocate<DescriptorPool>(*device, allocator);
        vk_object_base_init(device, pool, VK_OBJECT_TYPE_DESCRIPTOR_POOL);
        pool->setsLeft = info->maxSets;
        for (uint32_t i = 0; i < info->poolSizeCount; ++i)
            pool->left[info->pPoolSizes[i].type] += info->pPoolSizes[i].descriptorCount;
        *out = reinterpret_cast<VkDescriptorPool>(static_cast<vk_object_base*>(pool));
    });
}

VKAPI_ATTR VkResult VKAPI_CALL svga_ResetDescriptorPool(VkDevice, VkDescriptorPool handle, VkDescriptorPoolResetFlags) {
    DescriptorPool& pool = poolOf(handle);
    while (!pool.sets.empty())
        give(pool, *pool.sets.begin());
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL svga_DestroyDescriptorPool(VkDevice handle, VkDescriptorPool poolHandle,
                                                      const VkAllocationCallbacks* allocator) {
    if (!poolHandle)
        return;
    DescriptorPool& pool = poolOf(poolHandle);
    for (DescriptorSet* set : pool.sets)
        destroySet(set);
    vk_object_base_finish(&pool);
    release(*vk_device_from_handle(handle), allocator, &pool);
}

VKAPI_ATTR VkResult VKAPI_CALL svga_AllocateDescriptorSets(VkDevice handle, const VkDescriptorSetAllocateInfo* info,
                                                           VkDescriptorSet* out) {
    vk_device* device = vk_device_from_handle(handle);
    DescriptorPool& pool = poolOf(info->descriptorPool);
    std::fill_n(out, info->descriptorSetCount, VkDescriptorSet{});
    uint32_t made = 0;
    const VkResult result = guarded(device, VK_ERROR_OUT_OF_HOST_MEMORY, [&] {
        for (; made < info->descriptorSetCount; ++made) {
            auto& layout = as<DescriptorSetLayout>(vk_descriptor_set_layout_from_handle(info->pSetLayouts[made]));
            if (!take(pool, layout))
                return VK_ERROR_OUT_OF_POOL_MEMORY;
            auto set = std::make_unique<DescriptorSet>(layout);
            vk_object_base_init(device, set.get(), VK_OBJECT_TYPE_DESCRIPTOR_SET);
            pool.sets.insert(set.get());
            out[made] = reinterpret_cast<VkDescriptorSet>(static_cast<vk_object_base*>(set.release()));
        }
        return VK_SUCCESS;
    });
    if (result != VK_SUCCESS)
        while (made-- > 0)
            give(pool, &setOf(std::exchange(out[made], VkDescriptorSet{})));
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL svga_FreeDescriptorSets(VkDevice, VkDescriptorPool pool, uint32_t count,
                                                       const VkDescriptorSet* sets) {
    for (uint32_t i = 0; i < count; ++i)
        if (sets[i])
            give(poolOf(pool), &setOf(sets[i]));
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL svga_UpdateDescriptorSets(VkDevice, uint32_t writeCount, const VkWriteDescriptorSet* writes,
                                                     uint32_t copyCount, const VkCopyDescriptorSet* copies) {
    for (uint32_t i = 0; i < writeCount; ++i)
        setOf(writes[i].dstSet).write(writes[i]);
    for (uint32_t i = 0; i < copyCount; ++i)
        setOf(copies[i].dstSet).copy(setOf(copies[i].srcSet), copies[i]);
}

VKAPI_ATTR void VKAPI_CALL svga_UpdateDescriptorSetWithTemplate(VkDevice, VkDescriptorSet set,
                                                                VkDescriptorUpdateTemplate updates, const void* data) {
    setOf(set).write(*vk_descriptor_update_template_from_handle(updates), data);
}

} // extern "C"
