// SPDX-License-Identifier: MIT
#pragma once

#include "gpu.h"

#include <cstring>
#include <memory>

namespace svga::test {

struct ImageInfo {
    VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
    VkExtent2D extent{16, 16};
    VkImageUsageFlags usage = 0; ///< but for copies to and from it, which it always can
    uint32_t layers = 1, levels = 1;
    VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
    VkImageCreateFlags flags = 0;
};

/** \brief What shows a part of an image. */
struct ViewInfo {
    VkImageAspectFlags aspects = VK_IMAGE_ASPECT_COLOR_BIT;
    VkComponentMapping components{};
    VkImageViewType type = VK_IMAGE_VIEW_TYPE_2D;
    uint32_t firstLayer = 0, layers = 1;
};

/** \brief A two-dimensional image with memory of its own, always in the general layout. */
class Image {
public:
    Image(Gpu& gpu, const ImageInfo& info);
    /** \brief One like \p other in the same memory; both have VK_IMAGE_CREATE_ALIAS_BIT. */
    static Image aliasOf(const Image& other) { return {other.gpu_, other.info_, other.memory_}; }
    ~Image();
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;

    VkImage handle() const { return handle_; }
    const ImageInfo& info() const { return info_; }

    /** \brief A view, which lives as long as the image. */
    VkImageView view(const ViewInfo& info = {});

    /** \brief The texels of a layer of level 0 that \p buffer holds, row by row, become the image's, or the image's the
     * buffer's. Records commands. */
    void copyFrom(VkCommandBuffer commands, const Buffer& buffer, VkImageAspectFlagBits aspect, uint32_t layer = 0);
    void copyTo(VkCommandBuffer commands, const Buffer& buffer, VkImageAspectFlagBits aspect, uint32_t layer = 0);

    /** \brief Writes, or reads, all texels of a layer of level 0. */
    template <typename Texel>
    void write(std::span<const Texel> texels, VkImageAspectFlagBits aspect = VK_IMAGE_ASPECT_COLOR_BIT,
               uint32_t layer = 0) {
        CoherentBuffer buffer(gpu_, texels.size_bytes());
        std::memcpy(buffer.memory.bytes().data(), texels.data(), texels.size_bytes());
        gpu_.run([&](VkCommandBuffer commands) { copyFrom(commands, buffer.buffer, aspect, layer); });
    }
    template <typename Texel>
    std::vector<Texel> read(VkImageAspectFlagBits aspect = VK_IMAGE_ASPECT_COLOR_BIT, uint32_t layer = 0) {
        const size_t count = size_t{info_.extent.width} * info_.extent.height;
        CoherentBuffer buffer(gpu_, count * sizeof(Texel));
        gpu_.run([&](VkCommandBuffer commands) { copyTo(commands, buffer.buffer, aspect, layer); });
        const std::span<Texel> texels = buffer.memory.as<Texel>().first(count);
        return {texels.begin(), texels.end()};
    }

private:
    Image(Gpu& gpu, const ImageInfo& info, std::shared_ptr<Allocation> memory);

    Gpu& gpu_;
    ImageInfo info_;
    VkImage handle_ = VK_NULL_HANDLE;
    std::shared_ptr<Allocation> memory_;
    std::vector<VkImageView> views_;
};

/** \brief A sampler that takes the nearest texel, clamped, but for what \p change changes. */
class Sampler {
public:
    explicit Sampler(Gpu& gpu, const std::function<void(VkSamplerCreateInfo&)>& change = {});
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    VkSampler handle() const { return handle_; }

private:
    Gpu& gpu_;
    VkSampler handle_ = VK_NULL_HANDLE;
};

} // namespace svga::test
