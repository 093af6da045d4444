// SPDX-License-Identifier: MIT
//
// Copies to and from images.
//
// The device copies between images, and from buffers to images. Compute programs copy from images to buffers, and join
// depth and stencil, which Vulkan copies apart and the device together. Only what no view shows as bits - compressed
// blocks, shared exponents, depth of 24 bits - the CPU copies, in the coherent memory of image and buffer, once the
// device has done what came before. A linear image is a range of a buffer.
#include "vulkan/buffer.h"
#include "vulkan/device.h"
#include "vulkan/executor.h"
#include "vulkan/image.h"

#include <svga3d_dx.h>
#include <svga3d_surfacedefs.h>

#include <algorithm>

#include "util/format/u_format.h"
#include "vk_format.h"

namespace svga::vulkan {

namespace {

/** Where texels are in memory: of a subresource in its surface, or of a region in a buffer. */
struct Layout {
    uint64_t offset, row, slice; ///< bytes
};

uint32_t levelSize(uint32_t size, uint32_t level) {
    return std::max(size >> level, 1u);
}

uint64_t blocks(uint32_t pixels, uint32_t block) {
    return (uint64_t{pixels} + block - 1) / block;
}

/** Of a mip level of an image, in the memory of its surface: see backingSize(). */
Layout imageLayout(const Image& image, uint32_t layer, uint32_t level) {
    const SVGA3dSurfaceDesc& format = g_SVGA3dSurfaceDescs[image.info->surface];
    const auto row = [&](uint32_t of) {
        return blocks(levelSize(image.extent.width, of), format.blockSize.width) * format.pitchBytesPerBlock;
    };
    const auto slice = [&](uint32_t of) {
        return row(of) * blocks(levelSize(image.extent.height, of), format.blockSize.height);
    };
    uint64_t perLayer = 0, before = 0;
    for (uint32_t of = 0; of < image.mip_levels; ++of) {
        if (of == level)
            before = perLayer;
        perLayer += slice(of) * levelSize(image.extent.depth, of);
    }
    return {layer * perLayer + before, row(level), slice(level)};
}

/** Bytes of a block of \p aspect as Vulkan has it in buffers. */
uint32_t bufferBlockBytes(const Image& image, VkImageAspectFlags aspect) {
    if (aspect == VK_IMAGE_ASPECT_STENCIL_BIT)
        return 1;
    if (aspect == VK_IMAGE_ASPECT_DEPTH_BIT)
        return image.format == VK_FORMAT_D16_UNORM ? 2 : 4;
    return vk_format_get_blocksize(image.format);
}

Layout bufferLayout(const Image& image, const VkBufferImageCopy2& region) {
    const uint32_t width = region.bufferRowLength ? region.bufferRowLength : region.imageExtent.width;
    const uint32_t height = region.bufferImageHeight ? region.bufferImageHeight : region.imageExtent.height;
    const uint64_t row = blocks(width, vk_format_get_blockwidth(image.format)) *
                         bufferBlockBytes(image, region.imageSubresource.aspectMask);
    return {region.bufferOffset, row, row * blocks(height, vk_format_get_blockheight(image.format))};
}

/** Calls \p copyRow for each row of blocks of \p region: with its first block in the image's memory, in the buffer's,
 * and the number of blocks. */
template <typename CopyRow>
void forEachRow(const Image& image, std::byte* imageBytes, const VkBufferImageCopy2& region, std::byte* bufferBytes,
                CopyRow&& copyRow) {
    const uint32_t blockWidth = vk_format_get_blockwidth(image.format),
                   blockHeight = vk_format_get_blockheight(image.format);
    const uint32_t block = vk_format_get_blocksize(image.format);
    const Layout buffer = bufferLayout(image, region);
    const uint64_t columns = blocks(region.imageExtent.width, blockWidth),
                   rows = blocks(region.imageExtent.height, blockHeight);
    const uint32_t layers = vk_image_subresource_layer_count(&image, &region.imageSubresource);
    for (uint32_t layer = 0; layer < layers; ++layer) {
        const Layout texels =
            imageLayout(image, region.imageSubresource.baseArrayLayer + layer, region.imageSubresource.mipLevel);
        for (uint32_t z = 0; z < region.imageExtent.depth; ++z)
            for (uint64_t y = 0; y < rows; ++y)
                copyRow(imageBytes + texels.offset + (region.imageOffset.z + z) * texels.slice +
                            (region.imageOffset.y / blockHeight + y) * texels.row +
                            uint64_t{region.imageOffset.x / blockWidth} * block,
                        bufferBytes + buffer.offset + (layer + z) * buffer.slice + y * buffer.row, columns);
    }
}

template <typename CopyRow>
void copyByCpu(Executor& executor, const Image& image, const Buffer& buffer, const VkBufferImageCopy2& region,
               CopyRow&& copyRow) {
    executor.finish();
    const winsys::MapAccess access{.write = true, .unsynchronized = true};
    auto* imageBytes = static_cast<std::byte*>(image.surface->map(access));
    auto* bufferBytes = static_cast<std::byte*>(buffer.surface->map(access)) + buffer.offset;
    forEachRow(image, imageBytes, region, bufferBytes, std::forward<CopyRow>(copyRow));
    buffer.surface->unmap();
    image.surface->unmap();
}

/** To the buffer: blocks that are in memory as they are there. */
void copyBlocksByCpu(Executor& executor, const Image& image, const Buffer& buffer, const VkBufferImageCopy2& region) {
    const uint32_t block = vk_format_get_blocksize(image.format);
    copyByCpu(executor, image, buffer, region,
              [block](const std::byte* from, std::byte* to, uint64_t count) { std::memcpy(to, from, count * block); });
}

/** From the buffer: stencil beside depth of 24 bits. */
void copyStencilByCpu(Executor& executor, const Image& image, const Buffer& buffer, const VkBufferImageCopy2& region) {
    copyByCpu(executor, image, buffer, region, [](std::byte* to, const std::byte* from, uint64_t count) {
        for (uint64_t i = 0; i < count; ++i)
            to[i * sizeof(uint32_t) + 3] = from[i];
    });
}

/** The part of a buffer that a copy is of, as a program has it bound. */
struct BoundPart {
    uint64_t first, bytes; ///< of the surface
    uint32_t offset;       ///< of the first texel in it
};

BoundPart boundPart(const Buffer& buffer, const Layout& layout, const VkExtent3D& extent, uint32_t texelBytes) {
    const uint64_t begin = buffer.offset + layout.offset;
    const uint64_t end = begin + (extent.depth - 1) * layout.slice + (extent.height - 1) * layout.row +
                         uint64_t{extent.width} * texelBytes;
    const uint64_t first = begin & ~uint64_t{kRawViewAlignment - 1};
    return {first, end - first, static_cast<uint32_t>(begin - first)};
}

/** Slices and layers are one. */
TexelCopy texelCopy(const Image& image, const VkBufferImageCopy2& region) {
    const bool slices = image.image_type == VK_IMAGE_TYPE_3D;
    const auto z = slices ? static_cast<uint32_t>(region.imageOffset.z) : region.imageSubresource.baseArrayLayer;
    const uint32_t count =
        slices ? region.imageExtent.depth : vk_image_subresource_layer_count(&image, &region.imageSubresource);
    const Layout layout = bufferLayout(image, region);
    TexelCopy copy{};
    copy.origin = {static_cast<uint32_t>(region.imageOffset.x), static_cast<uint32_t>(region.imageOffset.y), z};
    copy.extent = {region.imageExtent.width, region.imageExtent.height, count};
    copy.row = static_cast<uint32_t>(layout.row);
    copy.slice = static_cast<uint32_t>(layout.slice);
    return copy;
}

/** \p from: the first texel's offset is of \p buffer */
void copyToImage(Encoder& encoder, winsys::Surface& buffer, const Layout& from, const Image& image,
                 const VkBufferImageCopy2& region) {
    const uint32_t layers = vk_image_subresource_layer_count(&image, &region.imageSubresource);
    for (uint32_t layer = 0; layer < layers; ++layer)
        encoder.emit<SVGA3dCmdDXTransferFromBuffer>(SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER, 2, [&](auto& body) {
            body.srcSid = encoder.name(buffer);
            body.srcOffset = static_cast<uint32_t>(from.offset + layer * from.slice);
            body.srcPitch = static_cast<uint32_t>(from.row);
            body.srcSlicePitch = static_cast<uint32_t>(from.slice);
            body.destSid = encoder.name(*image.surface);
            body.destSubResource =
                image.subresource(region.imageSubresource.baseArrayLayer + layer, region.imageSubresource.mipLevel);
            body.destBox = {static_cast<uint32_t>(region.imageOffset.x),
                            static_cast<uint32_t>(region.imageOffset.y),
                            static_cast<uint32_t>(region.imageOffset.z),
                            region.imageExtent.width,
                            region.imageExtent.height,
                            region.imageExtent.depth};
        });
}

/** A linear image as the buffer that it is. */
Buffer asBuffer(const Image& linear) {
    Buffer buffer{};
    buffer.surface = linear.surface;
    buffer.offset = linear.offset;
    return buffer;
}

/** Texels of a linear image, from \p at on, as a copy between a buffer and what \p place says of an image has them. */
VkBufferImageCopy2 linearPart(const Image& linear, const VkOffset3D& at, const VkImageSubresourceLayers& place,
                              const VkOffset3D& offset, const VkExtent3D& extent) {
    const uint32_t texel = vk_format_get_blocksize(linear.format);
    VkBufferImageCopy2 region{};
    region.bufferOffset = uint64_t{linear.linearRow()} * static_cast<uint32_t>(at.y) + uint64_t{texel} * at.x;
    region.bufferRowLength = linear.linearRow() / texel;
    region.imageSubresource = place;
    region.imageOffset = offset;
    region.imageExtent = extent;
    return region;
}

void copyBufferToImage(Executor& executor, const Buffer& buffer, const Image& image, const VkBufferImageCopy2& region) {
    if (image.info->stencil != SVGA3D_FORMAT_INVALID) {
        const bool keepsDepth = image.aspects & VK_IMAGE_ASPECT_DEPTH_BIT &&
                                region.imageSubresource.aspectMask == VK_IMAGE_ASPECT_STENCIL_BIT;
        if (keepsDepth && !TexelLayout::of(image, VK_IMAGE_ASPECT_DEPTH_BIT)->exact)
            copyStencilByCpu(executor, image, buffer, region);
        else
            executor.copyToDepthOrStencil(buffer, image, region);
        return;
    }
    Layout from = bufferLayout(image, region);
    from.offset += buffer.offset;
    if (!image.isLinear()) {
        copyToImage(executor.encoder(), *buffer.surface, from, image, region);
        return;
    }
    const VkBufferImageCopy2 to = linearPart(image, region.imageOffset, {}, {}, {});
    for (uint32_t y = 0; y < region.imageExtent.height; ++y)
        executor.copyBytes(*image.surface, image.offset + to.bufferOffset + uint64_t{y} * image.linearRow(),
                           *buffer.surface, from.offset + y * from.row,
                           uint64_t{region.imageExtent.width} * vk_format_get_blocksize(image.format));
}

void copyImageToBuffer(Executor& executor, const Image& image, const Buffer& buffer, const VkBufferImageCopy2& region) {
    if (image.isLinear()) {
        const Layout to = bufferLayout(image, region);
        const VkBufferImageCopy2 from = linearPart(image, region.imageOffset, {}, {}, {});
        for (uint32_t y = 0; y < region.imageExtent.height; ++y)
            executor.copyBytes(*buffer.surface, buffer.offset + to.offset + y * to.row, *image.surface,
                               image.offset + from.bufferOffset + uint64_t{y} * image.linearRow(),
                               uint64_t{region.imageExtent.width} * vk_format_get_blocksize(image.format));
    } else if (const auto layout = TexelLayout::of(image, region.imageSubresource.aspectMask);
               layout && layout->exact) {
        executor.copyToBuffer(image, buffer, region, *layout);
    } else {
        copyBlocksByCpu(executor, image, buffer, region);
    }
}

void clearLinear(Executor& executor, const Image& image, const VkClearColorValue& color) {
    const uint32_t texel = vk_format_get_blocksize(image.format), row = texel * image.extent.width;
    const UploadRing::Range range = executor.uploads().take(row, kUploadAlignment);
    for (uint32_t x = 0; x < image.extent.width; ++x)
        util_format_pack_rgba(vk_format_to_pipe_format(image.format), range.data + x * texel, &color, 1);
    for (uint32_t y = 0; y < image.extent.height; ++y)
        executor.copyBytes(*image.surface, image.offset + uint64_t{y} * image.linearRow(), *range.surface, range.offset,
                           row);
}

/** Layers of a two-dimensional image are copied to and from slices of a three-dimensional one. */
void copyImage(Executor& executor, const Image& from, const Image& to, const VkImageCopy2& region) {
    Encoder& encoder = executor.encoder();
    const bool fromSlices = from.image_type == VK_IMAGE_TYPE_3D, toSlices = to.image_type == VK_IMAGE_TYPE_3D;
    const uint32_t layers =
        fromSlices || toSlices
            ? std::max(region.extent.depth, vk_image_subresource_layer_count(&from, &region.srcSubresource))
            : vk_image_subresource_layer_count(&from, &region.srcSubresource);
    for (uint32_t i = 0; i < layers; ++i)
        encoder.emit<SVGA3dCmdDXPredCopyRegion>(SVGA_3D_CMD_DX_PRED_COPY_REGION, 2, [&](auto& body) {
            body.dstSid = encoder.name(*to.surface);
            body.dstSubResource = to.subresource(region.dstSubresource.baseArrayLayer + (toSlices ? 0 : i),
                                                 region.dstSubresource.mipLevel);
            body.srcSid = encoder.name(*from.surface);
            body.srcSubResource = from.subresource(region.srcSubresource.baseArrayLayer + (fromSlices ? 0 : i),
                                                   region.srcSubresource.mipLevel);
            body.box.x = static_cast<uint32_t>(region.dstOffset.x);
            body.box.y = static_cast<uint32_t>(region.dstOffset.y);
            body.box.z = static_cast<uint32_t>(region.dstOffset.z) + (toSlices ? i : 0);
            body.box.w = region.extent.width;
            body.box.h = region.extent.height;
            body.box.d = 1;
            body.box.srcx = static_cast<uint32_t>(region.srcOffset.x);
            body.box.srcy = static_cast<uint32_t>(region.srcOffset.y);
            body.box.srcz = static_cast<uint32_t>(region.srcOffset.z) + (fromSlices ? i : 0);
        });
}

/** Depth or stencil alone, by way of a buffer: the device copies both. */
void copyAspect(Executor& executor, const Image& from, const Image& to, const VkImageCopy2& region) {
    VkBufferImageCopy2 out{}, in{};
    out.imageSubresource = region.srcSubresource;
    out.imageOffset = region.srcOffset;
    in.imageSubresource = region.dstSubresource;
    in.imageOffset = region.dstOffset;
    out.imageExtent = in.imageExtent = region.extent;
    Buffer between{};
    between.surface = executor.scratch(bufferLayout(from, out).slice * region.extent.depth *
                                       vk_image_subresource_layer_count(&from, &region.srcSubresource));
    copyImageToBuffer(executor, from, between, out);
    copyBufferToImage(executor, between, to, in);
}

} // namespace

winsys::Ref<winsys::Surface> Executor::scratch(uint64_t bytes) {
    return scratch_.emplace_back(createBufferSurface(encoder_.device(), bytes));
}

void Executor::runProgram(const Program& program, const TexelCopy& copy, std::span<const uint32_t> views) {
    constexpr uint32_t kGroup = TexelPrograms::kGroup;
    runProgram(program, std::as_bytes(std::span(&copy, 1)), views,
               {(copy.extent[0] + kGroup - 1) / kGroup, (copy.extent[1] + kGroup - 1) / kGroup, copy.extent[2]});
}

void Executor::copyToBuffer(const Image& image, const Buffer& buffer, const VkBufferImageCopy2& region,
                            const TexelLayout& layout) {
    if (objects_.trim())
        forgetBound();
    TexelCopy copy = texelCopy(image, region);
    const BoundPart part =
        boundPart(buffer, bufferLayout(image, region), {copy.extent[0], copy.extent[1], copy.extent[2]}, layout.bytes);
    copy.offset = part.offset;
    const std::array views{
        image.texels(objects_, layout.view, region.imageSubresource.mipLevel),
        rawView(objects_, RegisterFile::UnorderedAccess, *buffer.surface, part.first, part.bytes),
    };
    runProgram(texelPrograms_.toBuffer(objects_, layout, image.image_type), copy, views);
}

void Executor::copyToDepthOrStencil(const Buffer& buffer, const Image& image, const VkBufferImageCopy2& region) {
    if (objects_.trim())
        forgetBound();
    const VkImageAspectFlags aspect = region.imageSubresource.aspectMask;
    const VkImageAspectFlags otherAspect =
        aspect == VK_IMAGE_ASPECT_DEPTH_BIT ? VK_IMAGE_ASPECT_STENCIL_BIT : VK_IMAGE_ASPECT_DEPTH_BIT;
    const TexelLayout given = *TexelLayout::of(image, aspect), kept = *TexelLayout::of(image, otherAspect);
    TexelCopy copy = texelCopy(image, region);
    const BoundPart part =
        boundPart(buffer, bufferLayout(image, region), {copy.extent[0], copy.extent[1], copy.extent[2]}, given.bytes);
    copy.offset = part.offset;
    const uint64_t row = uint64_t{copy.extent[0]} * TexelPrograms::joinedBytes(given, kept);
    const Layout joined{0, row, row * copy.extent[1]};
    winsys::Surface& scratch = *this->scratch(joined.slice * copy.extent[2]);
    const std::array views{
        image.texels(objects_, kept.view, region.imageSubresource.mipLevel),
        rawView(objects_, RegisterFile::UnorderedAccess, *buffer.surface, part.first, part.bytes),
        rawView(objects_, RegisterFile::UnorderedAccess, scratch, 0, joined.slice * copy.extent[2]),
    };
    runProgram(texelPrograms_.join(objects_, given, kept), copy, views);
    copyToImage(encoder_, scratch, joined, image, region);
}

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR void VKAPI_CALL svga_CmdCopyBufferToImage2(VkCommandBuffer handle, const VkCopyBufferToImageInfo2* info) {
    Executor::run(handle, [&](Executor& executor) {
        const Buffer& buffer = as<Buffer>(vk_buffer_from_handle(info->srcBuffer));
        const Image& image = as<Image>(vk_image_from_handle(info->dstImage));
        for (const VkBufferImageCopy2& region : std::span(info->pRegions, info->regionCount))
            copyBufferToImage(executor, buffer, image, region);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdCopyImageToBuffer2(VkCommandBuffer handle, const VkCopyImageToBufferInfo2* info) {
    Executor::run(handle, [&](Executor& executor) {
        const Image& image = as<Image>(vk_image_from_handle(info->srcImage));
        const Buffer& buffer = as<Buffer>(vk_buffer_from_handle(info->dstBuffer));
        for (const VkBufferImageCopy2& region : std::span(info->pRegions, info->regionCount))
            copyImageToBuffer(executor, image, buffer, region);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdCopyImage2(VkCommandBuffer handle, const VkCopyImageInfo2* info) {
    Executor::run(handle, [&](Executor& executor) {
        const Image& from = as<Image>(vk_image_from_handle(info->srcImage));
        const Image& to = as<Image>(vk_image_from_handle(info->dstImage));
        for (const VkImageCopy2& region : std::span(info->pRegions, info->regionCount)) {
            if (from.isLinear())
                copyBufferToImage(
                    executor, asBuffer(from), to,
                    linearPart(from, region.srcOffset, region.dstSubresource, region.dstOffset, region.extent));
            else if (to.isLinear())
                copyImageToBuffer(
                    executor, from, asBuffer(to),
                    linearPart(to, region.dstOffset, region.srcSubresource, region.srcOffset, region.extent));
            else if (region.srcSubresource.aspectMask != from.aspects)
                copyAspect(executor, from, to, region);
            else
                copyImage(executor, from, to, region);
        }
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdClearColorImage(VkCommandBuffer handle, VkImage imageHandle, VkImageLayout layout,
                                                   const VkClearColorValue* color, uint32_t rangeCount,
                                                   const VkImageSubresourceRange* ranges) {
    Executor::run(handle, [&](Executor& executor) {
        Image& image = as<Image>(vk_image_from_handle(imageHandle));
        if (image.isLinear()) {
            clearLinear(executor, image, *color);
            return;
        }
        const MetaScope meta(executor);
        vk_meta_clear_color_image(&executor, &executor.device().meta, &image, layout, image.format, color, rangeCount,
                                  ranges);
    });
}

} // extern "C"
