// SPDX-License-Identifier: MIT
/**
 * \file
 * Stream output as Vulkan's transform feedback.
 *
 * D3D keeps with each buffer how far stream output has filled it: it goes on there (offset APPEND), and DRAW_AUTO draws
 * that much. Here that position is a 32-bit counter on the GPU per surface, in bytes from the buffer's start.
 */
#pragma once

#include "device/dx/dx_context.h"
#include "device/vulkan/gpu_queue.h"
#include "device/vulkan/surface.h"
#include "device/vulkan/vulkan_device.h"

#include <array>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace svga::device {

class StreamOutputs {
public:
    StreamOutputs(const VulkanDevice& device, GpuQueue& queue, const SurfaceLookup& surfaces, const MobLookup& mobs);
    ~StreamOutputs();
    StreamOutputs(const StreamOutputs&) = delete;
    StreamOutputs& operator=(const StreamOutputs&) = delete;

    /** \brief Has the next stream output to \p surface fill \p size bytes from \p offset on. Outside rendering. \throws
     * CommandError */
    void setRange(const std::shared_ptr<Surface>& surface, uint32_t offset, uint32_t size);

    /** \brief Where \p surface's fill position is: an offset into counters(). Outside rendering. \throws CommandError
     */
    VkDeviceSize counterOf(const std::shared_ptr<Surface>& surface);
    VkBuffer counters() const { return counters_; }

    /**
     * \brief The declaration bound in \p context, without what goes to slots that have no buffer; nothing where none is
     * bound or nothing would be written and rasterized stream 0.
     */
    std::optional<vgpu10::StreamOutput> declaration(const DxContext& context) const;

    /** \brief Looks up the targets for the next begin(); false where none is bound. Outside rendering; keeps surfaces
     * alive. */
    bool prepare(const DxContext& context);
    void begin(VkCommandBuffer commands);
    void end(VkCommandBuffer commands);

private:
    struct Counter {
        std::weak_ptr<Surface> surface;
        uint32_t index;
        uint64_t end = UINT64_MAX; ///< of the range that may be filled; appending keeps it

        VkDeviceSize offset() const { return index * sizeof(uint32_t); }
    };
    struct Bindings {
        std::array<VkBuffer, SVGA3D_DX_MAX_SOTARGETS> buffers, counterBuffers;
        std::array<VkDeviceSize, SVGA3D_DX_MAX_SOTARGETS> offsets, sizes, counterOffsets;
        uint32_t count = 0;
    };

    Counter& counter(const std::shared_ptr<Surface>& surface);

    const VulkanDevice& device_;
    GpuQueue& queue_;
    const SurfaceLookup& surfaces_;
    const MobLookup& mobs_;
    VkBuffer counters_ = VK_NULL_HANDLE;
    VmaAllocation memory_ = nullptr;
    std::unordered_map<const Surface*, Counter> known_;
    std::vector<uint32_t> freeIndices_;
    Bindings bindings_;
};

} // namespace svga::device
