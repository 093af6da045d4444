// SPDX-License-Identifier: MIT
#pragma once

#include "device/vulkan/gpu_queue.h"
#include "device/vulkan/sample_sheets.h"
#include "device/vulkan/surface.h"
#include "device/vulkan/surface_layout.h"
#include "device/vulkan/vulkan_device.h"

#include <map>
#include <unordered_map>

namespace svga::device {

/** \brief No memory for a surface: it may be there once the GPU is done with surfaces that were destroyed. */
class OutOfMemory : public CommandError {
public:
    using CommandError::CommandError;
};

/** \brief Host memory that surfaces may take in all, so that a guest cannot exhaust the machine. */
class SurfaceBudget {
public:
    explicit SurfaceBudget(uint64_t limit)
        : limit_(limit) {}
    /** \throws OutOfMemory where \p bytes more would go over the limit. */
    void take(uint64_t bytes);
    void giveBack(uint64_t bytes) { used_ -= bytes; }
    uint64_t used() const { return used_; }

private:
    uint64_t limit_, used_ = 0;
};

/** \brief What all surfaces share. */
struct SurfaceEnvironment {
    const VulkanDevice& device;
    GpuQueue& queue;
    SurfaceBudget budget;
    bool zeroCopy; ///< buffers are imported from their MOB where Vulkan lets us
    SampleSheets sheets;
};

/**
 * \brief A buffer of Vulkan and its memory: its own, or a MOB's pages. Kept by the queue until the GPU is done with it.
 */
class BufferStorage {
public:
    enum class Zeroed {
        ByGpu, ///< a command is recorded: not while a rendering is open that is to go on
        ByCpu, ///< the memory is one the CPU can write
    };
    /** \brief Own memory, zero. \throws CommandError when there is none. */
    BufferStorage(SurfaceEnvironment& environment, VkDeviceSize size, Zeroed zeroed);
    /** \brief The memory of \p mob, which must be at least \p size. Null where Vulkan cannot import it. */
    static std::shared_ptr<BufferStorage> import(SurfaceEnvironment& environment, VkDeviceSize size,
                                                 std::shared_ptr<Mob> mob);
    BufferStorage(const BufferStorage&) = delete;
    ~BufferStorage();

    VkBuffer buffer() const { return buffer_; }
    /** Of the VkBuffer: the surface's size rounded up to what vector loads and fills like. */
    VkDeviceSize paddedSize() const { return paddedSize_; }
    bool imported() const { return mob_ != nullptr; }
    VkBufferView view(VkFormat format, VkDeviceSize offset, VkDeviceSize size);

private:
    struct ImportTag {};
    BufferStorage(ImportTag, SurfaceEnvironment& environment, VkDeviceSize size, std::shared_ptr<Mob> mob);
    bool importMemory();
    VkBuffer aliasFor(VkBufferUsageFlags texelUses);

    SurfaceEnvironment& environment_;
    VkDeviceSize paddedSize_;
    uint64_t budgeted_ = 0;
    VkBuffer buffer_ = VK_NULL_HANDLE;
    VmaAllocation allocation_ = VK_NULL_HANDLE;
    VkDeviceMemory importedMemory_ = VK_NULL_HANDLE;
    std::shared_ptr<Mob> mob_;
    /// Buffers on the same memory for views of formats that lack one of the uses buffer_ has: Vulkan wants all of them.
    std::map<VkBufferUsageFlags, VkBuffer> aliases_;
    std::map<std::tuple<VkFormat, VkDeviceSize, VkDeviceSize>, VkBufferView> views_;
};

/** \brief The one implementation of Surface: see there. Contents are zero at first. */
class GpuSurface final : public Surface {
public:
    /** \throws CommandError where the description makes no sense, Vulkan has no such image, or memory is out. */
    GpuSurface(SurfaceEnvironment& environment, const SurfaceDesc& desc);
    GpuSurface(const GpuSurface&) = delete;
    ~GpuSurface() override;

    const SurfaceDesc& desc() const override { return desc_; }
    VkBuffer buffer() const override;
    VkDeviceSize bufferSize() const override { return desc_.isBuffer() ? desc_.size.width : 0; }
    VkImage image() const override { return image_; }
    VkFormat imageFormat() const override { return imageInfo_.format; }
    VkImageView view(const ImageViewKey& key) override;
    VkBufferView bufferView(VkFormat format, VkDeviceSize offset, VkDeviceSize size) override;
    uint64_t generation() const override { return generation_; }

    const VulkanDevice& device() const { return environment_.device; }
    SurfaceEnvironment& environment() const { return environment_; }
    const FormatInfo& format() const { return *format_; }
    const SurfaceLayout& layout() const { return layout_; }
    VkImageType imageType() const { return imageInfo_.imageType; }
    VkImageUsageFlags imageUsage() const { return imageInfo_.usage; }
    /** All aspects of the image. */
    VkImageAspectFlags aspects() const { return aspects_; }
    /** The format of the view that was asked for last: what a typeless surface's texels mean now. Undefined: none yet.
     */
    VkFormat viewedAs() const { return viewedAs_; }
    bool multisampled() const { return imageInfo_.samples > VK_SAMPLE_COUNT_1_BIT; }
    /** How depth and stencil are packed in the MOB; None for colour images. */
    DepthPacking packing() const { return packing_; }

    /** \brief Null: not bound. */
    const std::shared_ptr<Mob>& mob() const { return mob_; }
    /** \throws CommandError "not bound". */
    Mob& boundMob() const;
    /** \brief Null unbinds. \p pitch: bytes per row of level 0, or 0. \throws CommandError where the pitch is too
     * small. */
    void bind(std::shared_ptr<Mob> mob, uint32_t pitch);
    /** \brief A buffer whose only copy is the MOB. */
    bool zeroCopy() const { return storage_ && storage_->imported(); }
    /** \brief Whether what is written to one is written to the other: the same buffer, or two in place in one MOB. */
    bool sharesMemory(const GpuSurface& other) const {
        return this == &other || (zeroCopy() && other.zeroCopy() && mob_ == other.mob_);
    }

private:
    struct ViewHash {
        std::size_t operator()(const ImageViewKey& key) const;
    };

    void createImage();
    VkImageCreateInfo describeImage() const;
    void checkImageLimits() const;
    void clearImage();
    BufferStorage& storage() const;
    VkImageView createView(const ImageViewKey& key);
    void checkView(const ImageViewKey& key) const;

    SurfaceEnvironment& environment_;
    SurfaceDesc desc_;
    const FormatInfo* format_;
    SurfaceLayout layout_;
    std::shared_ptr<Mob> mob_;

    // Images
    VkImageCreateInfo imageInfo_{};
    VkImage image_ = VK_NULL_HANDLE;
    VmaAllocation allocation_ = VK_NULL_HANDLE;
    VkImageAspectFlags aspects_ = 0;
    DepthPacking packing_ = DepthPacking::None;
    uint64_t budgeted_ = 0;
    VkFormat viewedAs_ = VK_FORMAT_UNDEFINED;
    std::unordered_map<ImageViewKey, VkImageView, ViewHash> views_;

    // Buffers. Made when first needed, since a buffer that is imported from its MOB needs no memory of its own.
    mutable std::shared_ptr<BufferStorage> storage_;
    mutable uint64_t generation_ = 0;
};

} // namespace svga::device
