// SPDX-License-Identifier: MIT
/**
 * \file
 * Descriptors.
 *
 * A set is an array in the CPU's memory of what was written to it: VGPU10 has registers, not descriptors in memory, and
 * what goes into them is looked up here when a draw or dispatch is executed.
 */
#pragma once

#include "vulkan/limits.h"
#include "vulkan/mesa.h"

#include <array>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "vk_descriptor_set_layout.h"

struct vk_descriptor_update_template;

namespace svga::vulkan {

struct Buffer;
struct BufferView;
struct ImageView;
struct Sampler;

/** \brief What one descriptor refers to: as its type has it. */
struct Descriptor {
    Buffer* buffer = nullptr;
    uint64_t offset = 0, range = 0; ///< bytes, of the buffer
    BufferView* texels = nullptr;
    ImageView* image = nullptr;
    Sampler* sampler = nullptr;
};

/** \brief A VkDescriptorSetLayout. Lives as long as a set or pipeline layout made with it. */
struct DescriptorSetLayout : vk_descriptor_set_layout {
    struct Binding {
        VkDescriptorType type = VK_DESCRIPTOR_TYPE_MAX_ENUM;
        uint32_t count = 0;        ///< array elements
        uint32_t first = 0;        ///< index of the first one's descriptor
        uint32_t firstDynamic = 0; ///< index of the first one's dynamic offset
        std::vector<Sampler*> immutableSamplers;
    };
    std::vector<Binding> bindings; ///< by number
    uint32_t descriptors = 0;
    uint32_t dynamicOffsets = 0;
};

/** \brief Holds a reference to a layout. */
class LayoutRef {
public:
    explicit LayoutRef(DescriptorSetLayout& layout)
        : layout_(&layout) {
        vk_descriptor_set_layout_ref(layout_);
    }
    ~LayoutRef() { vk_descriptor_set_layout_unref(layout_->base.device, layout_); }
    LayoutRef(const LayoutRef&) = delete;
    LayoutRef& operator=(const LayoutRef&) = delete;
    const DescriptorSetLayout& operator*() const { return *layout_; }
    const DescriptorSetLayout* operator->() const { return layout_; }

private:
    DescriptorSetLayout* layout_;
};

/** \brief A VkDescriptorSet, or one that commands push into. */
class DescriptorSet : public vk_object_base {
public:
    explicit DescriptorSet(DescriptorSetLayout& layout);

    const DescriptorSetLayout& layout() const { return *layout_; }

    /** \brief Null where the layout has no such descriptor. */
    const Descriptor* find(uint32_t binding, uint32_t element) const;

    void write(const VkWriteDescriptorSet& write);
    /** \brief What vkUpdateDescriptorSetWithTemplate() writes. */
    void write(const vk_descriptor_update_template& updates, const void* data);
    void copy(const DescriptorSet& from, const VkCopyDescriptorSet& copy);

private:
    /** \brief The \p count descriptors from \p element of \p binding on; they go on in the next bindings. */
    std::span<Descriptor> range(uint32_t binding, uint32_t element, uint32_t count);
    void write(Descriptor& descriptor, VkDescriptorType type, bool immutableSampler, const void* info);

    LayoutRef layout_;
    std::vector<Descriptor> descriptors_;
};

/** \brief A VkDescriptorPool. */
struct DescriptorPool : vk_object_base {
    std::unordered_set<DescriptorSet*> sets;
    uint32_t setsLeft = 0;
    std::unordered_map<uint32_t, uint64_t> left; ///< descriptors, by type
};

} // namespace svga::vulkan
