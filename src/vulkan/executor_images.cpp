// SPDX-License-Identifier: MIT
//
// Copies to and from images.
//
// The device copies between images, and from buffers to color images. For the rest - from images to buffers, and to
// depth and stencil, which Vulkan has apart and the device together - the CPU copies in the coherent memory of image
// and buffer, once the device has done what came before.
#include "vulkan/buffer.h"
#include "vulkan/executor.h"
#include "vulkan/image.h"

#include <svga3d_dx.h>
#include <svga3d_surfacedefs.h>

#include <algorithm>

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

/** Copies one texel (or block) between what the device has and what Vulkan has in buffers of an aspect. */
void copyTexel(const Image& image, VkImageAspectFlags aspect, std::byte* inImage, std::byte* inBuffer, bool toBuffer) {
    const auto move = [toBuffer](std::byte* image, std::byte* buffer, size_t size) {
        std::memcpy(toBuffer ? buffer : image, toBuffer ? image : buffer, size);
    };
    const bool d24 = image.info->surface == SVGA3D_R24G8_TYPELESS,
               d32s8 = image.info->surface == SVGA3D_R32G8X24_TYPELESS;
    if (aspect == VK_IMAGE_ASPECT_STENCIL_BIT)
        move(inImage + (d24 ? 3 : 4), inBuffer, 1);
    else if (aspect == VK_IMAGE_ASPECT_DEPTH_BIT && d24)
        move(inImage, inBuffer, 3);
    else if (aspect == VK_IMAGE_ASPECT_DEPTH_BIT && d32s8)
        move(inImage, inBuffer, 4);
    else
        move(inImage, inBuffer, bufferBlockBytes(image, aspect));
}

/** Whether texels are the same in both, so that rows can be copied whole. */
bool isPacked(const Image& image) {
    return image.info->surface != SVGA3D_R24G8_TYPELESS && image.info->surface != SVGA3D_R32G8X24_TYPELESS;
}

void copyByCpu(const Image& image, std::byte* imageBytes, const VkBufferImageCopy2& region, std::byte* bufferBytes,
               bool toBuffer) {
    const VkImageAspectFlags aspect = region.imageSubresource.aspectMask;
    const uint32_t blockWidth = vk_format_get_blockwidth(image.format),
                   blockHeight = vk_format_get_blockheight(image.format);
    const uint32_t imageBlock = g_SVGA3dSurfaceDescs[image.info->surface].pitchBytesPerBlock,
                   bufferBlock = bufferBlockBytes(image, aspect);
    const Layout buffer = bufferLayout(image, region);
    const uint64_t columns = blocks(region.imageExtent.width, blockWidth),
                   rows = blocks(region.imageExtent.height, blockHeight);
    const uint32_t layers = vk_image_subresource_layer_count(&image, &region.imageSubresource);
    for (uint32_t layer = 0; layer < layers; ++layer) {
        const Layout texels =
            imageLayout(image, region.imageSubresource.baseArrayLayer + layer, region.imageSubresource.mipLevel);
        for (uint32_t z = 0; z < region.imageExtent.depth; ++z)
            for (uint64_t y = 0; y < rows; ++y) {
                std::byte* inImage = imageBytes + texels.offset + (region.imageOffset.z + z) * texels.slice +
                                     (region.imageOffset.y / blockHeight + y) * texels.row +
                                     uint64_t{region.imageOffset.x / blockWidth} * imageBlock;
                std::byte* inBuffer = bufferBytes + buffer.offset + (layer + z) * buffer.slice + y * buffer.row;
                if (isPacked(image)) {
                    std::memcpy(toBuffer ? inBuffer : inImage, toBuffer ? inImage : inBuffer, columns * bufferBlock);
                    continue;
                }
                for (uint64_t x = 0; x < columns; ++x)
                    copyTexel(image, aspect, inImage + x * imageBlock, inBuffer + x * bufferBlock, toBuffer);
            }
    }
}

void copyByCpu(Executor& executor, Image& image, Buffer& buffer, std::span<const VkBufferImageCopy2> regions,
               bool toBuffer) {
    executor.finish();
    const winsys::MapAccess access{.write = true, .unsynchronized = true};
    auto* imageBytes = static_cast<std::byte*>(image.surface->map(access));
    auto* bufferBytes = static_cast<std::byte*>(buffer.surface->map(access)) + buffer.offset;
    for (const VkBufferImageCopy2& region : regions)
        copyByCpu(image, imageBytes, region, bufferBytes, toBuffer);
    buffer.surface->unmap();
    image.surface->unmap();
}

void copyToImage(Executor& executor, const Buffer& buffer, const Image& image, const VkBufferImageCopy2& region) {
    Encoder& encoder = executor.encoder();
    const Layout from = bufferLayout(image, region);
    const uint32_t layers = vk_image_subresource_layer_count(&image, &region.imageSubresource);
    for (uint32_t layer = 0; layer < layers; ++layer)
        encoder.emit<SVGA3dCmdDXTransferFromBuffer>(SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER, 2, [&](auto& body) {
            body.srcSid = encoder.name(*buffer.surface);
            body.srcOffset = static_cast<uint32_t>(buffer.offset + from.offset + layer * from.slice);
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

} // namespace

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR void VKAPI_CALL svga_CmdCopyBufferToImage2(VkCommandBuffer handle, const VkCopyBufferToImageInfo2* info) {
    Executor::run(handle, [&](Executor& executor) {
        Buffer& buffer = as<Buffer>(vk_buffer_from_handle(info->srcBuffer));
        Image& image = as<Image>(vk_image_from_handle(info->dstImage));
        if (image.aspects != VK_IMAGE_ASPECT_COLOR_BIT)
            return copyByCpu(executor, image, buffer, {info->pRegions, info->regionCount}, false);
        for (uint32_t i = 0; i < info->regionCount; ++i)
            copyToImage(executor, buffer, image, info->pRegions[i]);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdCopyImageToBuffer2(VkCommandBuffer handle, const VkCopyImageToBufferInfo2* info) {
    Executor::run(handle, [&](Executor& executor) {
        copyByCpu(executor, as<Image>(vk_image_from_handle(info->srcImage)),
                  as<Buffer>(vk_buffer_from_handle(info->dstBuffer)), {info->pRegions, info->regionCount}, true);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdCopyImage2(VkCommandBuffer handle, const VkCopyImageInfo2* info) {
    Executor::run(handle, [&](Executor& executor) {
        const Image& from = as<Image>(vk_image_from_handle(info->srcImage));
        const Image& to = as<Image>(vk_image_from_handle(info->dstImage));
        for (uint32_t i = 0; i < info->regionCount; ++i)
            copyImage(executor, from, to, info->pRegions[i]);
    });
}

} // extern "C"
