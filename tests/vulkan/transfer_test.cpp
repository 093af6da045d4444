// SPDX-License-Identifier: MIT
//
// Copies between images and buffers, bit by bit.
#include "image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <random>

namespace svga::test {

namespace {

struct FormatCase {
    VkFormat format;
    VkImageAspectFlagBits aspect;
    uint32_t bytes, block = 1; ///< of a block, and its texels in each direction
};

class Transfer : public testing::TestWithParam<FormatCase> {
protected:
    bool isSupported() const {
        VkFormatProperties properties;
        vkGetPhysicalDeviceFormatProperties(gpu.physicalDevice(), GetParam().format, &properties);
        return properties.optimalTilingFeatures & VK_FORMAT_FEATURE_TRANSFER_SRC_BIT;
    }

    /** Random bits that survive: numbers that are none of the format's may be made others, and unused ones any. */
    std::vector<uint8_t> texels(size_t size) {
        std::vector<uint8_t> bytes(size);
        std::ranges::generate(bytes, [this] { return static_cast<uint8_t>(random()); });
        const FormatCase& c = GetParam();
        const bool floatDepth = c.aspect == VK_IMAGE_ASPECT_DEPTH_BIT &&
                                (c.format == VK_FORMAT_D32_SFLOAT || c.format == VK_FORMAT_D32_SFLOAT_S8_UINT);
        const bool depth24 = c.aspect == VK_IMAGE_ASPECT_DEPTH_BIT &&
                             (c.format == VK_FORMAT_X8_D24_UNORM_PACK32 || c.format == VK_FORMAT_D24_UNORM_S8_UINT);
        for (size_t at = 3; depth24 && at < size; at += 4)
            bytes[at] = 0;
        for (size_t at = 0; floatDepth && at < size; at += 4) {
            uint32_t word;
            std::memcpy(&word, &bytes[at], 4);
            const float depth = static_cast<float>(word) / 4294967296.0f; // from 0 to 1
            std::memcpy(&bytes[at], &depth, 4);
        }
        return bytes;
    }

    Gpu gpu;
    std::mt19937 random{4711};
};

} // namespace

/** Regions at odd places, with rows and slices longer than they need be; what lies between stays as it is. */
TEST_P(Transfer, TexelsComeAndGoBitByBit) {
    if (!isSupported())
        GTEST_SKIP() << "there is no such format";
    const FormatCase& c = GetParam();
    Image image(gpu, {.format = c.format, .extent = {20, 12}, .layers = 3});
    const uint32_t columns = 20 / c.block, rows = 12 / c.block;
    const std::vector<uint8_t> whole = texels(size_t{3} * columns * rows * c.bytes);
    CoherentBuffer from(gpu, whole.size()), to(gpu, 65536);
    std::ranges::copy(whole, from.memory.as<uint8_t>().begin());
    std::ranges::fill(to.memory.as<uint8_t>(), uint8_t{0xa5});
    const VkImageSubresourceLayers all{static_cast<VkImageAspectFlags>(c.aspect), 0, 0, 3};
    const VkBufferImageCopy there{0, 0, 0, all, {}, {20, 12, 1}};
    // Layers 1 and 2, from block (1, 1) on: 3 by 2 blocks, in rows of 5 and slices of 4 rows.
    const auto blocks = [&c](uint32_t count) { return count * c.block; };
    const VkDeviceSize offset = 12 * VkDeviceSize{std::max(c.bytes, 4u)};
    const VkBufferImageCopy back{offset,
                                 blocks(5),
                                 blocks(4),
                                 {all.aspectMask, 0, 1, 2},
                                 {int32_t(blocks(1)), int32_t(blocks(1)), 0},
                                 {blocks(3), blocks(2), 1}};
    gpu.run([&](VkCommandBuffer commands) {
        vkCmdCopyBufferToImage(commands, from.buffer.handle(), image.handle(), VK_IMAGE_LAYOUT_GENERAL, 1, &there);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT);
        vkCmdCopyImageToBuffer(commands, image.handle(), VK_IMAGE_LAYOUT_GENERAL, to.buffer.handle(), 1, &back);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    std::vector<uint8_t> expected(65536, 0xa5);
    for (uint32_t layer = 0; layer < 2; ++layer)
        for (uint32_t y = 0; y < 2; ++y)
            std::copy_n(whole.begin() + (((layer + 1) * rows + y + 1) * columns + 1) * c.bytes, 3 * c.bytes,
                        expected.begin() + static_cast<ptrdiff_t>(offset) + ((layer * 4 + y) * 5) * c.bytes);
    const std::span<const uint8_t> result = to.memory.as<uint8_t>();
    for (size_t i = 0; i < expected.size(); ++i)
        ASSERT_EQ(result[i], expected[i]) << "byte " << i;
}

constexpr VkImageAspectFlagBits kColorAspect = VK_IMAGE_ASPECT_COLOR_BIT, kDepthAspect = VK_IMAGE_ASPECT_DEPTH_BIT,
                                kStencilAspect = VK_IMAGE_ASPECT_STENCIL_BIT;

INSTANTIATE_TEST_SUITE_P(
    Formats, Transfer,
    testing::Values(
        FormatCase{VK_FORMAT_R8_UNORM, kColorAspect, 1}, FormatCase{VK_FORMAT_R8_SNORM, kColorAspect, 1},
        FormatCase{VK_FORMAT_R8G8_UINT, kColorAspect, 2}, FormatCase{VK_FORMAT_R5G6B5_UNORM_PACK16, kColorAspect, 2},
        FormatCase{VK_FORMAT_A1R5G5B5_UNORM_PACK16, kColorAspect, 2}, FormatCase{VK_FORMAT_R16_SFLOAT, kColorAspect, 2},
        FormatCase{VK_FORMAT_R8G8B8A8_SRGB, kColorAspect, 4}, FormatCase{VK_FORMAT_R8G8B8A8_SNORM, kColorAspect, 4},
        FormatCase{VK_FORMAT_B8G8R8A8_UNORM, kColorAspect, 4}, FormatCase{VK_FORMAT_B8G8R8A8_SRGB, kColorAspect, 4},
        FormatCase{VK_FORMAT_A2B10G10R10_UNORM_PACK32, kColorAspect, 4},
        FormatCase{VK_FORMAT_B10G11R11_UFLOAT_PACK32, kColorAspect, 4},
        FormatCase{VK_FORMAT_E5B9G9R9_UFLOAT_PACK32, kColorAspect, 4},
        FormatCase{VK_FORMAT_R16G16_SNORM, kColorAspect, 4}, FormatCase{VK_FORMAT_R32_SFLOAT, kColorAspect, 4},
        FormatCase{VK_FORMAT_R16G16B16A16_SFLOAT, kColorAspect, 8}, FormatCase{VK_FORMAT_R32G32_SINT, kColorAspect, 8},
        FormatCase{VK_FORMAT_R32G32B32A32_SFLOAT, kColorAspect, 16},
        FormatCase{VK_FORMAT_BC1_RGBA_UNORM_BLOCK, kColorAspect, 8, 4},
        FormatCase{VK_FORMAT_BC7_SRGB_BLOCK, kColorAspect, 16, 4}, FormatCase{VK_FORMAT_D16_UNORM, kDepthAspect, 2},
        FormatCase{VK_FORMAT_D32_SFLOAT, kDepthAspect, 4}, FormatCase{VK_FORMAT_X8_D24_UNORM_PACK32, kDepthAspect, 4},
        FormatCase{VK_FORMAT_D24_UNORM_S8_UINT, kDepthAspect, 4},
        FormatCase{VK_FORMAT_D24_UNORM_S8_UINT, kStencilAspect, 1}, FormatCase{VK_FORMAT_S8_UINT, kStencilAspect, 1},
        FormatCase{VK_FORMAT_D32_SFLOAT_S8_UINT, kDepthAspect, 4},
        FormatCase{VK_FORMAT_D32_SFLOAT_S8_UINT, kStencilAspect, 1}),
    [](const auto& info) {
        return std::to_string(info.param.format) + (info.param.aspect == kColorAspect   ? ""
                                                    : info.param.aspect == kDepthAspect ? "Depth"
                                                                                        : "Stencil");
    });

/** Every number that 24 bits can tell comes back, though shaders see it as a float. */
TEST(DepthAndStencil, Of24BitsIsExact) {
    Gpu gpu;
    VkFormatProperties properties;
    vkGetPhysicalDeviceFormatProperties(gpu.physicalDevice(), VK_FORMAT_X8_D24_UNORM_PACK32, &properties);
    if (!(properties.optimalTilingFeatures & VK_FORMAT_FEATURE_TRANSFER_SRC_BIT))
        GTEST_SKIP() << "there is no such format";
    Image image(gpu, {.format = VK_FORMAT_X8_D24_UNORM_PACK32, .extent = {4096, 4096}});
    std::vector<uint32_t> depths(1 << 24);
    std::iota(depths.begin(), depths.end(), 0u);
    image.write(std::span<const uint32_t>(depths), kDepthAspect);
    const std::vector<uint32_t> read = image.read<uint32_t>(kDepthAspect);
    const auto [at, same] = std::ranges::mismatch(depths, read, {}, {}, [](uint32_t word) { return word & 0xffffff; });
    EXPECT_EQ(at, depths.end()) << *at << " became " << *same;
}

/** A copy of one aspect leaves the other as it was. */
TEST(DepthAndStencil, AreCopiedApart) {
    Gpu gpu;
    const auto depths = [](float value) { return std::vector<float>(256, value); };
    const auto stencils = [](uint8_t value) { return std::vector<uint8_t>(256, value); };
    Image image(gpu, {.format = VK_FORMAT_D32_SFLOAT_S8_UINT});
    image.write(std::span<const float>(depths(0.3f)), kDepthAspect);
    image.write(std::span<const uint8_t>(stencils(0x99)), kStencilAspect);
    EXPECT_EQ(image.read<float>(kDepthAspect), depths(0.3f));
    image.write(std::span<const float>(depths(0.7f)), kDepthAspect);
    EXPECT_EQ(image.read<uint8_t>(kStencilAspect), stencils(0x99));
    EXPECT_EQ(image.read<float>(kDepthAspect), depths(0.7f));
}

TEST(DepthAndStencil, Of24BitsAreCopiedApart) {
    Gpu gpu;
    VkFormatProperties properties;
    vkGetPhysicalDeviceFormatProperties(gpu.physicalDevice(), VK_FORMAT_D24_UNORM_S8_UINT, &properties);
    if (!(properties.optimalTilingFeatures & VK_FORMAT_FEATURE_TRANSFER_SRC_BIT))
        GTEST_SKIP() << "there is no such format";
    Image image(gpu, {.format = VK_FORMAT_D24_UNORM_S8_UINT});
    const auto depths = [](uint32_t value) { return std::vector<uint32_t>(256, value); };
    const auto stencils = [](uint8_t value) { return std::vector<uint8_t>(256, value); };
    const auto readDepths = [&] {
        std::vector<uint32_t> words = image.read<uint32_t>(kDepthAspect);
        for (uint32_t& word : words)
            word &= 0xffffff;
        return words;
    };
    image.write(std::span<const uint32_t>(depths(0x600001)), kDepthAspect);
    image.write(std::span<const uint8_t>(stencils(0x99)), kStencilAspect);
    EXPECT_EQ(readDepths(), depths(0x600001));
    image.write(std::span<const uint32_t>(depths(0xa00001)), kDepthAspect);
    EXPECT_EQ(image.read<uint8_t>(kStencilAspect), stencils(0x99));
    EXPECT_EQ(readDepths(), depths(0xa00001));
}

TEST(DepthAndStencil, AreCopiedApartBetweenImages) {
    Gpu gpu;
    if (std::string_view(gpu.properties().deviceName).starts_with("llvmpipe"))
        GTEST_SKIP() << "lavapipe (25.0) copies both";
    Image from(gpu, {.format = VK_FORMAT_D32_SFLOAT_S8_UINT}), to(gpu, {.format = VK_FORMAT_D32_SFLOAT_S8_UINT});
    const auto fill = [](Image& image, float depth, uint8_t stencil) {
        image.write(std::span<const float>(std::vector<float>(256, depth)), kDepthAspect);
        image.write(std::span<const uint8_t>(std::vector<uint8_t>(256, stencil)), kStencilAspect);
    };
    for (const VkImageAspectFlagBits aspect : {kDepthAspect, kStencilAspect}) {
        fill(from, 0.3f, 0x33);
        fill(to, 0.7f, 0x77);
        const VkImageSubresourceLayers one{static_cast<VkImageAspectFlags>(aspect), 0, 0, 1};
        const VkImageCopy region{one, {}, one, {4, 4, 0}, {8, 8, 1}};
        gpu.run([&](VkCommandBuffer commands) {
            vkCmdCopyImage(commands, from.handle(), VK_IMAGE_LAYOUT_GENERAL, to.handle(), VK_IMAGE_LAYOUT_GENERAL, 1,
                           &region);
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT);
        });
        const std::vector<float> depths = to.read<float>(kDepthAspect);
        const std::vector<uint8_t> stencils = to.read<uint8_t>(kStencilAspect);
        for (uint32_t y = 0; y < 16; ++y)
            for (uint32_t x = 0; x < 16; ++x) {
                const bool inside = x >= 4 && x < 12 && y >= 4 && y < 12;
                ASSERT_EQ(depths[y * 16 + x], inside && aspect == kDepthAspect ? 0.3f : 0.7f) << x << ", " << y;
                ASSERT_EQ(stencils[y * 16 + x], inside && aspect == kStencilAspect ? 0x33 : 0x77) << x << ", " << y;
            }
    }
}

namespace {

/** An image of linear tiling in memory that the CPU sees. */
class LinearImage {
public:
    LinearImage(Gpu& gpu, VkExtent2D extent)
        : gpu_(gpu) {
        VkImageCreateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
        info.imageType = VK_IMAGE_TYPE_2D;
        info.format = VK_FORMAT_R8G8B8A8_UNORM;
        info.extent = {extent.width, extent.height, 1};
        info.mipLevels = info.arrayLayers = 1;
        info.samples = VK_SAMPLE_COUNT_1_BIT;
        info.tiling = VK_IMAGE_TILING_LINEAR;
        info.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
        info.initialLayout = VK_IMAGE_LAYOUT_PREINITIALIZED;
        check(vkCreateImage(gpu.device(), &info, nullptr, &handle), "vkCreateImage");
        VkMemoryRequirements needs;
        vkGetImageMemoryRequirements(gpu.device(), handle, &needs);
        // Not at the beginning of its memory.
        memory_.emplace(gpu, needs.size + needs.alignment, Gpu::kCoherent);
        check(vkBindImageMemory(gpu.device(), handle, memory_->handle(), needs.alignment), "vkBindImageMemory");
        const VkImageSubresource subresource{VK_IMAGE_ASPECT_COLOR_BIT, 0, 0};
        VkSubresourceLayout layout;
        vkGetImageSubresourceLayout(gpu.device(), handle, &subresource, &layout);
        first_ = (needs.alignment + layout.offset) / 4;
        row_ = layout.rowPitch / 4;
    }
    ~LinearImage() { vkDestroyImage(gpu_.device(), handle, nullptr); }
    LinearImage(const LinearImage&) = delete;
    LinearImage& operator=(const LinearImage&) = delete;

    uint32_t& at(uint32_t x, uint32_t y) { return memory_->as<uint32_t>()[first_ + y * row_ + x]; }

    VkImage handle = VK_NULL_HANDLE;

private:
    Gpu& gpu_;
    std::optional<Allocation> memory_;
    size_t first_ = 0, row_ = 0; ///< texels
};

} // namespace

TEST(LinearImages, AreRowsOfCoherentMemory) {
    Gpu gpu;
    LinearImage from(gpu, {19, 7}), to(gpu, {19, 7});
    Image between(gpu, {.extent = {32, 16}});
    for (uint32_t round = 1; round <= 3; ++round) {
        for (uint32_t y = 0; y < 7; ++y)
            for (uint32_t x = 0; x < 19; ++x)
                from.at(x, y) = round << 16 | y << 8 | x;
        gpu.run([&](VkCommandBuffer commands) {
            for (const VkImage image : {from.handle, to.handle}) {
                VkImageMemoryBarrier barrier{};
                barrier.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
                barrier.srcAccessMask = VK_ACCESS_HOST_WRITE_BIT;
                barrier.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
                barrier.oldLayout = round == 1 ? VK_IMAGE_LAYOUT_PREINITIALIZED : VK_IMAGE_LAYOUT_GENERAL;
                barrier.newLayout = VK_IMAGE_LAYOUT_GENERAL;
                barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
                barrier.image = image;
                barrier.subresourceRange = {kColorAspect, 0, 1, 0, 1};
                vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_HOST_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0,
                                     nullptr, 0, nullptr, 1, &barrier);
            }
            const VkImageSubresourceLayers layers{kColorAspect, 0, 0, 1};
            const VkClearColorValue color{{0, 0, 1, 1}};
            const VkImageSubresourceRange range{kColorAspect, 0, 1, 0, 1};
            vkCmdClearColorImage(commands, to.handle, VK_IMAGE_LAYOUT_GENERAL, &color, 1, &range);
            const VkImageCopy there{layers, {1, 2, 0}, layers, {5, 3, 0}, {18, 5, 1}};
            vkCmdCopyImage(commands, from.handle, VK_IMAGE_LAYOUT_GENERAL, between.handle(), VK_IMAGE_LAYOUT_GENERAL, 1,
                           &there);
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT);
            const VkImageCopy back{layers, {5, 3, 0}, layers, {0, 1, 0}, {18, 4, 1}};
            vkCmdCopyImage(commands, between.handle(), VK_IMAGE_LAYOUT_GENERAL, to.handle, VK_IMAGE_LAYOUT_GENERAL, 1,
                           &back);
            const VkImageCopy along{layers, {3, 0, 0}, layers, {2, 6, 0}, {10, 1, 1}};
            vkCmdCopyImage(commands, from.handle, VK_IMAGE_LAYOUT_GENERAL, to.handle, VK_IMAGE_LAYOUT_GENERAL, 1,
                           &along);
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
        for (uint32_t y = 0; y < 7; ++y)
            for (uint32_t x = 0; x < 19; ++x) {
                uint32_t expected = 0xffff0000; // blue
                if (y >= 1 && y < 5 && x < 18)
                    expected = round << 16 | (y + 1) << 8 | (x + 1);
                if (y == 6 && x >= 2 && x < 12)
                    expected = round << 16 | (x + 1);
                ASSERT_EQ(to.at(x, y), expected) << "round " << round << ": " << x << ", " << y;
            }
    }
}

} // namespace svga::test
