// SPDX-License-Identifier: MIT
/**
 * \file
 * Sheets: the samples of a multisampled image, one at a time.
 *
 * In guest memory a multisampled surface is as many sheets as it has samples, one after another: sheet n holds sample n
 * of every texel, laid out like a surface with one sample (vmwgfx's vmw_surface_cache.h). Vulkan copies no single
 * samples, so they are drawn: one triangle over the texels, whose pixel shader fetches them from one image and writes
 * the other. Colour goes as unsigned integers of the texels' size, so that its bits stay; depth as depth; stencil bit
 * by bit, with discard, since few devices let a shader export it.
 */
#pragma once

#include <vulkan/vulkan.h>

#include <array>
#include <cstdint>
#include <map>

namespace svga::device {

class GpuQueue;
class GpuSurface;
class VulkanDevice;

class SampleSheets {
public:
    /** Both must outlive this. Makes nothing yet. */
    SampleSheets(const VulkanDevice& device, GpuQueue& queue)
        : device_(device)
        , queue_(queue) {}
    SampleSheets(const SampleSheets&) = delete;
    /** The GPU must be done with what was recorded. */
    ~SampleSheets();

    /** \brief Whether the device can move samples of \p surface, which is multisampled: it can, where it draws to its
     * format. */
    bool canMove(const GpuSurface& surface) const;

    /**
     * \brief Records the move of \p area of one sample of one layer between \p samples and layer 0 of \p sheet.
     *
     * The surfaces have the same format and size and canMove() was true. What of the two was written is kept alive by
     * the caller. \throws Error when out of memory.
     */
    void extract(GpuSurface& samples, uint32_t layer, uint32_t sample, const VkRect2D& area, GpuSurface& sheet) {
        move({&samples, layer}, {&sheet, 0}, sample, area);
    }
    void insert(GpuSurface& sheet, const VkRect2D& area, GpuSurface& samples, uint32_t layer, uint32_t sample) {
        move({&sheet, 0}, {&samples, layer}, sample, area);
    }

private:
    struct Place {
        GpuSurface* surface;
        uint32_t layer;
    };
    /// What a pipeline is made for. Of the two images one is multisampled.
    struct Key {
        VkFormat format; ///< of the target
        VkImageAspectFlagBits aspect;
        bool fromSamples;
        uint32_t targetSamples, sampleMask;
        auto operator<=>(const Key&) const = default;
    };
    class Views;

    void move(Place from, Place to, uint32_t sample, const VkRect2D& area);
    void draw(VkCommandBuffer commands, const Views& views, const Key& key, uint32_t sample);
    VkPipeline pipeline(const Key& key);
    VkPipeline create(const Key& key);
    void createLayouts();

    const VulkanDevice& device_;
    GpuQueue& queue_;
    VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
    VkPipelineLayout layout_ = VK_NULL_HANDLE;
    std::map<Key, VkPipeline> pipelines_;
};

} // namespace svga::device
