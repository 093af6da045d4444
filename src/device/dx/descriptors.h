// SPDX-License-Identifier: MIT
/**
 * \file
 * From what a context has bound to a Vulkan descriptor set.
 */
#pragma once

#include "device/dx/dx_context.h"
#include "device/dx/pipelines.h"
#include "device/vulkan/surface.h"

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace svga::device {

/** \brief One descriptor to be written, in words so that a whole set can be compared with the last one. */
struct Descriptor {
    uint32_t binding = 0;
    uint32_t type = 0;   ///< VkDescriptorType
    uint64_t handle = 0; ///< VkBuffer, VkImageView, VkSampler or VkBufferView; 0: null descriptor
    uint64_t offset = 0; ///< buffers
    uint64_t size = 0;
    bool operator==(const Descriptor&) const = default;
};

/** \brief VkSamplers by their COTable entry. */
class Samplers {
public:
    Samplers(const VulkanDevice& device, GpuQueue& queue)
        : device_(device)
        , queue_(queue) {}
    ~Samplers();
    Samplers(const Samplers&) = delete;
    Samplers& operator=(const Samplers&) = delete;

    /** \p comparison: what the shader uses it for, which in Vulkan is the sampler's property. */
    VkSampler get(const SVGACOTableDXSamplerEntry& entry, bool comparison);

private:
    struct Key {
        SVGACOTableDXSamplerEntry entry;
        uint32_t comparison;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const { return hashBytes(&key, sizeof(key)); }
    };
    struct KeyEqual {
        bool operator()(const Key& a, const Key& b) const { return std::memcmp(&a, &b, sizeof(a)) == 0; }
    };

    VkSampler create(const SVGACOTableDXSamplerEntry& entry, bool comparison) const;
    void clear();

    const VulkanDevice& device_;
    GpuQueue& queue_;
    std::unordered_map<Key, VkSampler, KeyHash, KeyEqual> samplers_;
};

/** \brief Descriptor sets from pools that are reused when the GPU is done with all sets of one. */
class DescriptorSets {
public:
    DescriptorSets(const VulkanDevice& device, GpuQueue& queue);

    /** \brief A set with \p values written, for the command buffer that is being recorded. \throws Error */
    VkDescriptorSet make(const PipelineLayout& layout, const std::vector<Descriptor>& values);

private:
    struct Pool;
    struct FreeList;

    std::shared_ptr<Pool> takePool();

    const VulkanDevice& device_;
    GpuQueue& queue_;
    std::shared_ptr<FreeList> free_;
    std::shared_ptr<Pool> current_;
};

/** \brief The surface \p id; null where there is none: what refers to a destroyed surface reads as unbound. */
std::shared_ptr<Surface> findSurface(const SurfaceLookup& surfaces, uint32_t id);

/** \brief The type of the image that is made for \p desc, which is no buffer. */
VkImageType imageTypeOf(const SurfaceDesc& desc);

/** \brief Aspects of a depth/stencil format; 0 for a colour format. */
VkImageAspectFlags depthStencilAspects(VkFormat format);

/** \brief Looks up what \p context has bound for each use of a pipeline layout. */
class ResourceResolver {
public:
    ResourceResolver(const VulkanDevice& device, const SurfaceLookup& surfaces, Samplers& samplers)
        : device_(device)
        , surfaces_(surfaces)
        , samplers_(samplers) {}

    /** \brief Fills \p out. \p writes: whether any of what it names can be written to. */
    void resolve(const DxContext& context, const PipelineLayout& layout, std::vector<Descriptor>& out, bool& writes);

private:
    Descriptor constantBuffer(const DxContext& context, const ResourceUse& use);
    Descriptor shaderResource(const DxContext& context, const ResourceUse& use);
    Descriptor sampler(const DxContext& context, const ResourceUse& use);
    Descriptor uav(const DxContext& context, const ResourceUse& use);
    Descriptor bufferView(Surface& surface, const ResourceUse& use, SVGA3dSurfaceFormat format, uint32_t first,
                          uint32_t count, bool raw);

    const VulkanDevice& device_;
    const SurfaceLookup& surfaces_;
    Samplers& samplers_;
};

} // namespace svga::device
