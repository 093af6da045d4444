// SPDX-License-Identifier: MIT
#include "device/vulkan/surface_copy.h"

#include "device/vulkan/surface_transfer.h"

#include <algorithm>
#include <cstring>

namespace svga::device {

namespace {

constexpr VkImageLayout kLayout = VK_IMAGE_LAYOUT_GENERAL;

VkImageSubresourceLayers layersOf(const GpuSurface& surface, const Region& region) {
    return {surface.aspects(), region.level, region.layer, 1};
}

bool overlap(int64_t a, int64_t b, int64_t size) {
    return a < b + size && b < a + size;
}

bool overlap(const Region& a, const Region& b) {
    return a.subresource == b.subresource && overlap(a.offset.x, b.offset.x, a.extent.width) &&
           overlap(a.offset.y, b.offset.y, a.extent.height) && overlap(a.offset.z, b.offset.z, a.extent.depth);
}

bool sameExtent(const Region& a, const Region& b) {
    return a.extent.width == b.extent.width && a.extent.height == b.extent.height && a.extent.depth == b.extent.depth;
}

/** Whether the host copies hold the same bits for a texel, so that they can go through a buffer. */
bool sameBits(const GpuSurface& a, const GpuSurface& b) {
    if (needsConversion(a) || needsConversion(b))
        return a.imageFormat() == b.imageFormat() && a.packing() == b.packing();
    return a.format().bytesPerBlock == b.format().bytesPerBlock;
}

/** Whether vkCmdCopyImage does it. */
bool directly(const GpuSurface& destination, const Region& to, const GpuSurface& source, const Region& from) {
    if (&destination == &source && overlap(to, from))
        return false;
    bool depth = source.packing() != DepthPacking::None || destination.packing() != DepthPacking::None;
    bool formats = depth ? source.imageFormat() == destination.imageFormat()
                         : viewCompatible(source.imageFormat(), destination.imageFormat());
    bool line = source.imageType() == VK_IMAGE_TYPE_1D || destination.imageType() == VK_IMAGE_TYPE_1D;
    return formats && sameExtent(to, from) && (!line || source.imageType() == destination.imageType());
}

void copyImage(GpuQueue& queue, GpuSurface& destination, const Region& to, GpuSurface& source, const Region& from) {
    if (!sameBits(destination, source))
        throw CommandError("surfaces {} and {}: no copy between formats {} and {}", source.desc().id,
                           destination.desc().id, static_cast<uint32_t>(source.desc().format),
                           static_cast<uint32_t>(destination.desc().format));
    bool direct = directly(destination, to, source, from);
    if (source.desc().sampleCount != destination.desc().sampleCount || (!direct && source.multisampled()))
        throw CommandError("surfaces {} and {}: no copy from {} to {} samples", source.desc().id, destination.desc().id,
                           source.desc().sampleCount, destination.desc().sampleCount);
    if (from.empty())
        return;
    if (direct) {
        VkImageCopy copy{layersOf(source, from), from.offset, layersOf(destination, to), to.offset, from.extent};
        vkCmdCopyImage(queue.transfer(), source.image(), kLayout, destination.image(), kLayout, 1, &copy);
        return;
    }
    // Through a buffer, one aspect after the other.
    for (VkImageAspectFlagBits aspect :
         {VK_IMAGE_ASPECT_COLOR_BIT, VK_IMAGE_ASPECT_DEPTH_BIT, VK_IMAGE_ASPECT_STENCIL_BIT}) {
        bool converted = needsConversion(source);
        if (converted && !(source.aspects() & aspect))
            continue;
        if (!converted && aspect != VK_IMAGE_ASPECT_COLOR_BIT)
            break;
        // One plane, in the first pass, where no conversion is needed: the packed texels, whatever each side's aspect.
        uint32_t bytes = converted ? 4 : source.format().bytesPerBlock;
        uint64_t texels = uint64_t{from.blocks.width} * from.blocks.height * from.blocks.depth;
        Staging plane = texelStaging(queue, texels * bytes, bytes);
        VkBufferImageCopy read = packedCopy(source, from, plane.offset);
        VkBufferImageCopy write = packedCopy(destination, to, plane.offset);
        if (converted)
            read.imageSubresource.aspectMask = write.imageSubresource.aspectMask = aspect;
        vkCmdCopyImageToBuffer(queue.transfer(), source.image(), kLayout, plane.buffer, 1, &read);
        vkCmdCopyBufferToImage(queue.transfer(), plane.buffer, destination.image(), kLayout, 1, &write);
    }
}

void requireBuffer(const GpuSurface& surface) {
    if (!surface.desc().isBuffer())
        throw CommandError("surface {} is not a buffer", surface.desc().id);
}

void requireImage(const GpuSurface& surface) {
    if (surface.desc().isBuffer())
        throw CommandError("surface {} is a buffer, not an image", surface.desc().id);
}

const FormatInfo& requireFormat(SVGA3dSurfaceFormat format) {
    const FormatInfo* info = formatInfo(format);
    if (!info || info->vulkan == VK_FORMAT_UNDEFINED)
        throw CommandError("format {} is not supported", static_cast<uint32_t>(format));
    return *info;
}

} // namespace

void copyBuffer(GpuQueue& queue, GpuSurface& destination, uint64_t destinationOffset, GpuSurface& source,
                uint64_t sourceOffset, uint64_t size) {
    requireBuffer(source);
    requireBuffer(destination);
    auto check = [&](const GpuSurface& buffer, uint64_t offset) {
        if (offset > buffer.bufferSize() || size > buffer.bufferSize() - offset)
            throw CommandError("surface {}: bytes [{}, +{}) are outside its {}", buffer.desc().id, offset, size,
                               buffer.bufferSize());
    };
    check(source, sourceOffset);
    check(destination, destinationOffset);
    if (size == 0)
        return;
    VkBuffer from = source.buffer(), to = destination.buffer();
    const bool sameMemory = source.sharesMemory(destination);
    if (sameMemory && sourceOffset == destinationOffset)
        return;
    if (sameMemory && overlap(static_cast<int64_t>(sourceOffset), static_cast<int64_t>(destinationOffset),
                              static_cast<int64_t>(size))) {
        Staging between = texelStaging(queue, size, 1);
        VkBufferCopy out{sourceOffset, between.offset, size}, in{between.offset, destinationOffset, size};
        vkCmdCopyBuffer(queue.transfer(), from, between.buffer, 1, &out);
        vkCmdCopyBuffer(queue.transfer(), between.buffer, to, 1, &in);
        return;
    }
    VkBufferCopy copy{sourceOffset, destinationOffset, size};
    vkCmdCopyBuffer(queue.transfer(), from, to, 1, &copy);
}

void copyRegion(GpuQueue& queue, GpuSurface& destination, uint32_t destinationSubresource, GpuSurface& source,
                uint32_t sourceSubresource, const SVGA3dCopyBox& box) {
    if (source.desc().isBuffer() && destination.desc().isBuffer()) {
        if (sourceSubresource != 0 || destinationSubresource != 0 || box.h != 1 || box.d != 1 || box.y != 0 ||
            box.z != 0 || box.srcy != 0 || box.srcz != 0)
            throw CommandError("a copy between buffers has one row");
        copyBuffer(queue, destination, box.x, source, box.srcx, box.w);
        return;
    }
    requireImage(source);
    requireImage(destination);
    Region from = source.layout().region(sourceSubresource, {box.srcx, box.srcy, box.srcz, box.w, box.h, box.d});
    const FormatInfo& format = destination.format();
    if (box.x % format.blockWidth || box.y % format.blockHeight || box.x > INT32_MAX || box.y > INT32_MAX ||
        box.z > INT32_MAX)
        throw CommandError("destination ({}, {}, {}) is not on a block's corner", box.x, box.y, box.z);
    Region to = destination.layout().regionOfBlocks(destinationSubresource,
                                                    {static_cast<int32_t>(box.x / format.blockWidth),
                                                     static_cast<int32_t>(box.y / format.blockHeight),
                                                     static_cast<int32_t>(box.z)},
                                                    from.blocks);
    copyImage(queue, destination, to, source, from);
}

void copyWhole(GpuQueue& queue, GpuSurface& destination, GpuSurface& source) {
    if (&destination == &source)
        return;
    const SurfaceDesc &a = destination.desc(), &b = source.desc();
    if (a.isBuffer() && b.isBuffer()) {
        copyBuffer(queue, destination, 0, source, 0, std::min(destination.bufferSize(), source.bufferSize()));
        return;
    }
    requireImage(source);
    requireImage(destination);
    if (a.mipLevels != b.mipLevels || a.arraySize != b.arraySize || a.size.width != b.size.width ||
        a.size.height != b.size.height || a.size.depth != b.size.depth)
        throw CommandError("surfaces {} and {} differ in size", b.id, a.id);
    for (uint32_t i = 0; i < a.subresources(); ++i)
        copyImage(queue, destination, destination.layout().whole(i), source, source.layout().whole(i));
}

void copyFromBuffer(GpuQueue& queue, GpuSurface& destination, uint32_t subresource, const SVGA3dBox& box,
                    GpuSurface& source, const BufferRows& rows) {
    requireBuffer(source);
    requireImage(destination);
    Region region = destination.layout().region(subresource, box);
    if (destination.multisampled())
        throw CommandError("surface {} has samples: nothing can be transferred to it", destination.desc().id);
    if (region.empty())
        return;
    uint64_t end = rows.offset + (region.blocks.depth - 1) * rows.slicePitch + (region.blocks.height - 1) * rows.pitch +
                   region.rowBytes;
    if (end > source.bufferSize())
        throw CommandError("surface {}: rows end at byte {} of {}", source.desc().id, end, source.bufferSize());

    const FormatInfo& format = destination.format();
    bool oneRow = region.blocks.height == 1 && region.blocks.depth == 1, oneSlice = region.blocks.depth == 1;
    bool pitchFits = oneRow || (rows.pitch >= region.rowBytes && rows.pitch % format.bytesPerBlock == 0);
    bool sliceFits = oneSlice || (pitchFits && rows.pitch != 0 && rows.slicePitch % rows.pitch == 0 &&
                                  rows.slicePitch / rows.pitch >= region.blocks.height);
    bool aligned = rows.offset % format.bytesPerBlock == 0 && rows.offset % 4 == 0;
    if (!needsConversion(destination) && pitchFits && sliceFits && aligned) {
        VkBufferImageCopy copy = packedCopy(destination, region, rows.offset);
        if (!oneRow)
            copy.bufferRowLength = static_cast<uint32_t>(rows.pitch / format.bytesPerBlock) * format.blockWidth;
        if (!oneSlice)
            copy.bufferImageHeight = static_cast<uint32_t>(rows.slicePitch / rows.pitch) * format.blockHeight;
        VkBuffer buffer = source.buffer();
        vkCmdCopyBufferToImage(queue.transfer(), buffer, destination.image(), kLayout, 1, &copy);
        return;
    }

    // Gathered row by row first.
    Staging packed = texelStaging(queue, region.packedSize(), format.bytesPerBlock);
    std::vector<VkBufferCopy> gather;
    gather.reserve(std::size_t{region.blocks.height} * region.blocks.depth);
    for (uint32_t z = 0; z < region.blocks.depth; ++z)
        for (uint32_t y = 0; y < region.blocks.height; ++y)
            gather.push_back({rows.offset + z * rows.slicePitch + y * rows.pitch,
                              packed.offset + gather.size() * region.rowBytes, region.rowBytes});
    VkBuffer buffer = source.buffer();
    vkCmdCopyBuffer(queue.transfer(), buffer, packed.buffer, static_cast<uint32_t>(gather.size()), gather.data());
    if (!needsConversion(destination)) {
        upload(queue, destination, region, packed);
        return;
    }
    queue.finish(); // the CPU takes depth and stencil apart
    std::vector<std::byte> texels(packed.bytes.begin(), packed.bytes.end());
    Staging again = texelStaging(queue, texels.size(), format.bytesPerBlock);
    std::memcpy(again.bytes.data(), texels.data(), texels.size());
    upload(queue, destination, region, again);
}

void resolve(GpuQueue& queue, GpuSurface& destination, uint32_t destinationSubresource, GpuSurface& source,
             uint32_t sourceSubresource, SVGA3dSurfaceFormat copyFormat) {
    requireImage(source);
    requireImage(destination);
    Region from = source.layout().whole(sourceSubresource);
    Region to = destination.layout().whole(destinationSubresource);
    if (!sameExtent(from, to) || from.extent.depth != 1)
        throw CommandError("surfaces {} and {}: subresources differ in size", source.desc().id, destination.desc().id);
    if (destination.multisampled())
        throw CommandError("surface {} has samples: nothing can be resolved into it", destination.desc().id);
    if (!source.multisampled()) {
        copyImage(queue, destination, to, source, from);
        return;
    }
    const FormatInfo& given = requireFormat(copyFormat);
    // Mesa gives a typeless surface's own format, which does not say how to average: what was drawn with does.
    bool guess = given.typeless && source.viewedAs() != VK_FORMAT_UNDEFINED;
    VkFormat format = guess ? source.viewedAs() : given.vulkan;
    bool depth = source.packing() != DepthPacking::None;
    if (depth ? source.imageFormat() != destination.imageFormat() : destination.packing() != DepthPacking::None)
        throw CommandError("surfaces {} and {}: no resolve between their formats", source.desc().id,
                           destination.desc().id);
    VkImageUsageFlags needed =
        depth ? VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT : VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
    if (!(source.imageUsage() & destination.imageUsage() & needed))
        throw CommandError("surfaces {} and {}: no resolve, the device does not draw to their format", source.desc().id,
                           destination.desc().id);

    // Rendering nothing resolves: so the samples mean what the view's format says, and depth works alike.
    auto view = [&](GpuSurface& surface, uint32_t layer, uint32_t level) {
        ImageViewKey key;
        key.format = depth ? surface.imageFormat() : format;
        key.aspect = surface.aspects();
        key.firstLevel = level;
        key.firstLayer = layer;
        key.type = surface.imageType() == VK_IMAGE_TYPE_1D ? VK_IMAGE_VIEW_TYPE_1D : VK_IMAGE_VIEW_TYPE_2D;
        return surface.view(key);
    };
    VkRenderingAttachmentInfo attachment{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
    attachment.imageView = view(source, from.layer, from.level);
    attachment.imageLayout = attachment.resolveImageLayout = kLayout;
    attachment.resolveImageView = view(destination, to.layer, to.level);
    bool average = !depth && numericType(format) == vgpu10::NumericType::Float;
    attachment.resolveMode = average ? VK_RESOLVE_MODE_AVERAGE_BIT : VK_RESOLVE_MODE_SAMPLE_ZERO_BIT;
    attachment.loadOp = VK_ATTACHMENT_LOAD_OP_LOAD;
    attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    VkRenderingInfo info{VK_STRUCTURE_TYPE_RENDERING_INFO};
    info.renderArea.extent = {from.extent.width, from.extent.height};
    info.layerCount = 1;
    if (depth) {
        info.pDepthAttachment = (source.aspects() & VK_IMAGE_ASPECT_DEPTH_BIT) ? &attachment : nullptr;
        info.pStencilAttachment = (source.aspects() & VK_IMAGE_ASPECT_STENCIL_BIT) ? &attachment : nullptr;
    } else {
        info.colorAttachmentCount = 1;
        info.pColorAttachments = &attachment;
    }
    VkCommandBuffer commands = queue.transfer();
    vkCmdBeginRendering(commands, &info);
    vkCmdEndRendering(commands);
}

void stretch(GpuQueue& queue, GpuSurface& destination, uint32_t destinationSubresource, const SVGA3dBox& destinationBox,
             GpuSurface& source, uint32_t sourceSubresource, const SVGA3dBox& sourceBox, bool linear) {
    requireImage(source);
    requireImage(destination);
    Region from = source.layout().region(sourceSubresource, sourceBox);
    Region to = destination.layout().region(destinationSubresource, destinationBox);
    if (from.empty() || to.empty())
        return;
    if (sameExtent(from, to) && source.imageFormat() == destination.imageFormat() &&
        source.desc().sampleCount == destination.desc().sampleCount) {
        copyImage(queue, destination, to, source, from);
        return;
    }
    auto refuse = [&](const char* why) {
        throw CommandError("surfaces {} and {}: no scaled copy: {}", source.desc().id, destination.desc().id, why);
    };
    if (source.multisampled() || destination.multisampled())
        refuse("multisampled");
    if (&source == &destination && from.subresource == to.subresource && from.level == to.level)
        refuse("within one subresource");
    bool depth = source.packing() != DepthPacking::None || destination.packing() != DepthPacking::None;
    if (depth && source.imageFormat() != destination.imageFormat())
        refuse("depth formats differ");
    if (source.format().numericType != destination.format().numericType)
        refuse("integers and others do not mix");
    const VulkanDevice& device = source.device();
    VkFormatFeatureFlags sourceFeatures = device.formatProperties(source.imageFormat()).optimalTilingFeatures;
    VkFormatFeatureFlags destinationFeatures = device.formatProperties(destination.imageFormat()).optimalTilingFeatures;
    if (!(sourceFeatures & VK_FORMAT_FEATURE_BLIT_SRC_BIT) || !(destinationFeatures & VK_FORMAT_FEATURE_BLIT_DST_BIT))
        refuse("the device does not draw to the format");
    linear = linear && !depth && (sourceFeatures & VK_FORMAT_FEATURE_SAMPLED_IMAGE_FILTER_LINEAR_BIT);

    auto end = [](const Region& region) {
        return VkOffset3D{region.offset.x + static_cast<int32_t>(region.extent.width),
                          region.offset.y + static_cast<int32_t>(region.extent.height),
                          region.offset.z + static_cast<int32_t>(region.extent.depth)};
    };
    VkImageBlit blit{layersOf(source, from), {from.offset, end(from)}, layersOf(destination, to), {to.offset, end(to)}};
    vkCmdBlitImage(queue.transfer(), source.image(), kLayout, destination.image(), kLayout, 1, &blit,
                   linear ? VK_FILTER_LINEAR : VK_FILTER_NEAREST);
}

} // namespace svga::device
