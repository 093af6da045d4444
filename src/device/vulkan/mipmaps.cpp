// SPDX-License-Identifier: MIT
#include "device/vulkan/surface_copy.h"
#include "device/vulkan/surface_transfer.h"
#include "device/vulkan/texel_codec.h"

#include <cstring>

namespace svga::device {

namespace {

constexpr VkImageLayout kLayout = VK_IMAGE_LAYOUT_GENERAL;

VkOffset3D corner(const SurfaceLayout::Level& level) {
    return {static_cast<int32_t>(level.width), static_cast<int32_t>(level.height), static_cast<int32_t>(level.depth)};
}

/** Copies the levels of \p range between images of the same shape. */
void copyLevels(GpuQueue& queue, GpuSurface& to, GpuSurface& from, const MipRange& range) {
    std::vector<VkImageCopy> copies;
    for (uint32_t i = range.firstLevel; i < range.firstLevel + range.levels; ++i) {
        const auto& level = from.layout().level(i);
        VkImageSubresourceLayers layers{from.aspects(), i, range.firstLayer, range.layers};
        copies.push_back({layers, {}, layers, {}, {level.width, level.height, level.depth}});
    }
    vkCmdCopyImage(queue.transfer(), from.image(), kLayout, to.image(), kLayout, static_cast<uint32_t>(copies.size()),
                   copies.data());
}

/** Blits each level but the first from the one before. */
void blitLevels(GpuQueue& queue, GpuSurface& surface, const MipRange& range, bool linear) {
    for (uint32_t i = range.firstLevel + 1; i < range.firstLevel + range.levels; ++i) {
        VkImageBlit blit{};
        blit.srcSubresource = {surface.aspects(), i - 1, range.firstLayer, range.layers};
        blit.srcOffsets[1] = corner(surface.layout().level(i - 1));
        blit.dstSubresource = {surface.aspects(), i, range.firstLayer, range.layers};
        blit.dstOffsets[1] = corner(surface.layout().level(i));
        vkCmdBlitImage(queue.transfer(), surface.image(), kLayout, surface.image(), kLayout, 1, &blit,
                       linear ? VK_FILTER_LINEAR : VK_FILTER_NEAREST);
    }
}

/** A surface of the same shape and another format, which lives until the GPU is done with it. */
std::shared_ptr<GpuSurface> makeAside(SurfaceEnvironment& environment, const GpuSurface& surface,
                                      SVGA3dSurfaceFormat format) {
    SurfaceDesc desc = surface.desc();
    desc.format = format;
    auto aside = std::make_shared<GpuSurface>(environment, desc);
    environment.queue.keepAlive(aside);
    return aside;
}

/** For formats the device does not blit to: in floats, converted by the CPU. */
void convertedMips(SurfaceEnvironment& environment, GpuSurface& surface, const TexelCodec& codec,
                   const MipRange& range) {
    GpuQueue& queue = environment.queue;
    auto aside = makeAside(environment, surface, SVGA3D_R32G32B32A32_FLOAT);
    const uint32_t levels = surface.desc().mipLevels;
    for (uint32_t layer = range.firstLayer; layer < range.firstLayer + range.layers; ++layer) {
        const uint32_t base = layer * levels + range.firstLevel;
        std::vector<std::byte> texels = Readbacks::fetch(queue, surface, surface.layout().whole(base));
        const Region region = aside->layout().whole(base);
        Staging floats = texelStaging(queue, region.packedSize(), sizeof(Texel));
        for (std::size_t i = 0; i < texels.size() / codec.bytes; ++i) {
            Texel texel = codec.decode(texels.data() + i * codec.bytes);
            std::memcpy(floats.bytes.data() + i * sizeof(Texel), &texel, sizeof(Texel));
        }
        upload(queue, *aside, region, floats);
        queue.keepAlive(aside); // fetch() submits: each batch that uses it keeps it
    }
    blitLevels(queue, *aside, range, true);
    for (uint32_t layer = range.firstLayer; layer < range.firstLayer + range.layers; ++layer)
        for (uint32_t level = range.firstLevel + 1; level < range.firstLevel + range.levels; ++level) {
            const uint32_t subresource = layer * levels + level;
            std::vector<std::byte> floats = Readbacks::fetch(queue, *aside, aside->layout().whole(subresource));
            const Region region = surface.layout().whole(subresource);
            Staging texels = texelStaging(queue, region.packedSize(), codec.bytes);
            for (std::size_t i = 0; i < floats.size() / sizeof(Texel); ++i) {
                Texel texel;
                std::memcpy(&texel, floats.data() + i * sizeof(Texel), sizeof(Texel));
                codec.encode(texel, texels.bytes.data() + i * codec.bytes);
            }
            upload(queue, surface, region, texels);
        }
}

} // namespace

void generateMips(SurfaceEnvironment& environment, GpuSurface& surface, SVGA3dSurfaceFormat viewFormat,
                  const MipRange& range) {
    const FormatInfo* format = formatInfo(viewFormat);
    if (!format || format->image == VK_FORMAT_UNDEFINED || surface.desc().isBuffer() || surface.multisampled())
        throw CommandError("surface {}: no mipmaps of format {} can be made", surface.desc().id,
                           static_cast<uint32_t>(viewFormat));
    const SurfaceDesc& desc = surface.desc();
    if (range.levels == 0 || range.firstLevel >= desc.mipLevels || range.levels > desc.mipLevels - range.firstLevel ||
        range.layers == 0 || range.firstLayer >= desc.arraySize || range.layers > desc.arraySize - range.firstLayer)
        throw CommandError("surface {}: levels [{}, +{}), layers [{}, +{}) are outside its {} and {}", desc.id,
                           range.firstLevel, range.levels, range.firstLayer, range.layers, desc.mipLevels,
                           desc.arraySize);
    bool depth = surface.packing() != DepthPacking::None;
    if (!depth && !viewCompatible(surface.imageFormat(), format->vulkan))
        throw CommandError("surface {}: no view of format {}", desc.id, static_cast<uint32_t>(viewFormat));
    VkFormat vulkan = depth ? surface.imageFormat() : format->vulkan;
    VkFormatFeatureFlags features = environment.device.formatProperties(vulkan).optimalTilingFeatures;
    const TexelCodec* codec = depth ? nullptr : texelCodec(vulkan);
    bool blits = (features & VK_FORMAT_FEATURE_BLIT_SRC_BIT) && (features & VK_FORMAT_FEATURE_BLIT_DST_BIT);
    if (!blits && !codec)
        throw CommandError("surface {}: the device does not blit to format {}", desc.id,
                           static_cast<uint32_t>(viewFormat));
    if (range.levels == 1)
        return;
    if (!blits) {
        convertedMips(environment, surface, *codec, range);
        return;
    }

    bool linear = !depth && (features & VK_FORMAT_FEATURE_SAMPLED_IMAGE_FILTER_LINEAR_BIT);
    if (vulkan == surface.imageFormat()) {
        blitLevels(environment.queue, surface, range, linear);
        return;
    }
    // A blit takes an image's own format: where the view has another one (sRGB of typeless), it is done on the side.
    auto aside = makeAside(environment, surface, viewFormat);
    if (aside->imageFormat() != vulkan)
        throw CommandError("surface {}: format {} has no images of its own", desc.id,
                           static_cast<uint32_t>(viewFormat));
    copyLevels(environment.queue, *aside, surface, range);
    blitLevels(environment.queue, *aside, range, linear);
    copyLevels(environment.queue, surface, *aside, range);
}

} // namespace svga::device
