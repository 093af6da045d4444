// SPDX-License-Identifier: MIT
#include "device/vulkan/surface_transfer.h"

#include "device/vulkan/depth_packing.h"

namespace svga::device {

namespace {

DepthConverter converterFor(const GpuSurface& surface) {
    return {surface.packing(), surface.imageFormat() == VK_FORMAT_D32_SFLOAT_S8_UINT};
}

std::size_t texelCount(const Region& region) {
    return std::size_t{region.extent.width} * region.extent.height * region.extent.depth;
}

VkBufferImageCopy planeCopy(const Region& region, VkImageAspectFlags aspect, VkDeviceSize offset) {
    return {offset, 0, 0, {aspect, region.level, region.layer, 1}, region.offset, region.extent};
}

/** The two planes of a depth/stencil image; records nothing. */
std::pair<Staging, Staging> planeStaging(GpuQueue& queue, const Region& region) {
    return {texelStaging(queue, texelCount(region) * 4, 4), texelStaging(queue, texelCount(region), 4)};
}

} // namespace

Staging texelStaging(GpuQueue& queue, uint64_t size, uint32_t bytesPerBlock) {
    Staging staging;
    // Blocks start at multiples of their size, which need not be a power of two.
    try {
        staging = queue.staging(size + bytesPerBlock);
    } catch (const CommandError&) {
        throw;
    } catch (const Error& error) {
        throw CommandError("{}", error.what());
    }
    uint64_t skip = (bytesPerBlock - staging.offset % bytesPerBlock) % bytesPerBlock;
    return {staging.buffer, staging.offset + skip, staging.bytes.subspan(skip, size)};
}

bool needsConversion(const GpuSurface& surface) {
    return surface.packing() != DepthPacking::None && surface.packing() != DepthPacking::D16 &&
           surface.packing() != DepthPacking::D32;
}

VkBufferImageCopy packedCopy(const GpuSurface& surface, const Region& region, VkDeviceSize offset) {
    const FormatInfo& format = surface.format();
    VkBufferImageCopy copy = planeCopy(region, surface.aspects(), offset);
    copy.bufferRowLength = region.blocks.width * format.blockWidth;
    copy.bufferImageHeight = region.blocks.height * format.blockHeight;
    return copy;
}

void upload(GpuQueue& queue, GpuSurface& surface, const Region& region, const Staging& packed) {
    if (region.empty())
        return;
    if (surface.desc().isBuffer()) {
        VkBuffer buffer = surface.buffer();
        VkBufferCopy copy{packed.offset, static_cast<VkDeviceSize>(region.offset.x), region.rowBytes};
        vkCmdCopyBuffer(queue.transfer(), packed.buffer, buffer, 1, &copy);
        return;
    }
    if (!needsConversion(surface)) {
        VkBufferImageCopy copy = packedCopy(surface, region, packed.offset);
        vkCmdCopyBufferToImage(queue.transfer(), packed.buffer, surface.image(), VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
        return;
    }
    auto [depth, stencil] = planeStaging(queue, region);
    converterFor(surface).split(packed.bytes.data(), depth.bytes.data(), stencil.bytes.data(), texelCount(region));
    VkCommandBuffer commands = queue.transfer();
    VkBufferImageCopy copy = planeCopy(region, VK_IMAGE_ASPECT_DEPTH_BIT, depth.offset);
    vkCmdCopyBufferToImage(commands, depth.buffer, surface.image(), VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
    copy = planeCopy(region, VK_IMAGE_ASPECT_STENCIL_BIT, stencil.offset);
    vkCmdCopyBufferToImage(commands, stencil.buffer, surface.image(), VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
}

namespace {

/** The texels of \p region, in the sheet that begins at \p base. */
Staging packedFromMob(GpuQueue& queue, const GpuSurface& surface, const Region& region, uint64_t base) {
    Mob& mob = surface.boundMob();
    Staging packed = texelStaging(queue, region.packedSize(), surface.format().bytesPerBlock);
    surface.layout().forEachRun(region, [&](uint64_t mobOffset, uint64_t packedOffset, uint64_t bytes) {
        mob.read(base + mobOffset, packed.bytes.subspan(packedOffset, bytes));
    });
    return packed;
}

/** A surface for one layer of one sheet, which lives until the GPU is done with it. */
std::shared_ptr<GpuSurface> makeSheet(const GpuSurface& surface) {
    SurfaceDesc desc = surface.desc();
    desc.sampleCount = 1;
    desc.arraySize = 1;
    auto sheet = std::make_shared<GpuSurface>(surface.environment(), desc);
    surface.environment().queue.keepAlive(sheet);
    return sheet;
}

/** \p region of layer 0. */
Region inSheet(Region region) {
    region.subresource = region.layer = 0;
    return region;
}

VkRect2D areaOf(const Region& region) {
    return {{region.offset.x, region.offset.y}, {region.extent.width, region.extent.height}};
}

} // namespace

void update(GpuQueue& queue, GpuSurface& surface, const Region& region) {
    surface.boundMob();
    if (region.empty() || surface.zeroCopy())
        return;
    if (!surface.multisampled()) {
        upload(queue, surface, region, packedFromMob(queue, surface, region, 0));
        return;
    }
    SampleSheets& sheets = surface.environment().sheets;
    if (!sheets.canMove(surface))
        return;
    auto sheet = makeSheet(surface);
    for (uint32_t sample = 0; sample < surface.desc().sampleCount; ++sample) {
        upload(queue, *sheet, inSheet(region), packedFromMob(queue, surface, region, sample * surface.layout().size()));
        sheets.insert(*sheet, areaOf(region), surface, region.layer, sample);
    }
}

namespace {

/** Records the copy of \p region into staging: packed bytes, or the two planes. */
std::pair<Staging, Staging> download(GpuQueue& queue, const GpuSurface& surface, const Region& region) {
    if (surface.desc().isBuffer()) {
        VkBuffer buffer = surface.buffer();
        Staging bytes = texelStaging(queue, region.rowBytes, 1);
        VkBufferCopy copy{static_cast<VkDeviceSize>(region.offset.x), bytes.offset, region.rowBytes};
        vkCmdCopyBuffer(queue.transfer(), buffer, bytes.buffer, 1, &copy);
        return {bytes, {}};
    }
    if (!needsConversion(surface)) {
        Staging packed = texelStaging(queue, region.packedSize(), surface.format().bytesPerBlock);
        VkBufferImageCopy copy = packedCopy(surface, region, packed.offset);
        vkCmdCopyImageToBuffer(queue.transfer(), surface.image(), VK_IMAGE_LAYOUT_GENERAL, packed.buffer, 1, &copy);
        return {packed, {}};
    }
    auto [depth, stencil] = planeStaging(queue, region);
    VkCommandBuffer commands = queue.transfer();
    VkBufferImageCopy copy = planeCopy(region, VK_IMAGE_ASPECT_DEPTH_BIT, depth.offset);
    vkCmdCopyImageToBuffer(commands, surface.image(), VK_IMAGE_LAYOUT_GENERAL, depth.buffer, 1, &copy);
    copy = planeCopy(region, VK_IMAGE_ASPECT_STENCIL_BIT, stencil.offset);
    vkCmdCopyImageToBuffer(commands, surface.image(), VK_IMAGE_LAYOUT_GENERAL, stencil.buffer, 1, &copy);
    return {depth, stencil};
}

/** What download() brought, as packed texels; \p joined is where planes are put together. */
std::span<const std::byte> packedBytes(const GpuSurface& surface, const Region& region, const Staging& color,
                                       const Staging& stencil, std::vector<std::byte>& joined) {
    if (!needsConversion(surface))
        return color.bytes;
    joined.resize(region.packedSize());
    converterFor(surface).join(color.bytes.data(), stencil.bytes.data(), joined.data(), texelCount(region));
    return joined;
}

} // namespace

void Readbacks::add(std::shared_ptr<GpuSurface> surface, const Region& region) {
    surface->boundMob();
    if (region.empty() || surface->zeroCopy())
        return;
    if (!surface->multisampled()) {
        add(surface, *surface, region, region, 0);
        return;
    }
    SampleSheets& sheets = surface->environment().sheets;
    if (!sheets.canMove(*surface))
        return;
    auto sheet = makeSheet(*surface);
    for (uint32_t sample = 0; sample < surface->desc().sampleCount; ++sample) {
        sheets.extract(*surface, region.layer, sample, areaOf(region), *sheet);
        add(sheet, *surface, inSheet(region), region, sample * surface->layout().size());
    }
}

/** \p region of \p source to \p place of what \p bound is bound to, in the sheet at \p base. */
void Readbacks::add(std::shared_ptr<GpuSurface> source, const GpuSurface& bound, const Region& region,
                    const Region& place, uint64_t base) {
    const Mob& mob = bound.boundMob();
    bound.layout().forEachRun(place, [&](uint64_t mobOffset, uint64_t, uint64_t bytes) {
        if (base + mobOffset > mob.size() || bytes > mob.size() - base - mobOffset)
            throw CommandError("surface {}: MOB {} of {} bytes is too small for it", bound.desc().id, mob.id(),
                               mob.size());
    });
    auto [color, stencil] = download(queue_, *source, region);
    pending_.push_back({std::move(source), bound.mob(), bound.layout(), place, base, color, stencil});
}

void Readbacks::complete() {
    if (pending_.empty())
        return;
    std::vector<Pending> pending = std::move(pending_);
    pending_.clear();
    // The staging memory is the batch's: nothing may be recorded between the wait and the last read of it.
    queue_.finish();
    std::vector<std::byte> joined;
    for (const Pending& readback : pending) {
        auto packed = packedBytes(*readback.surface, readback.region, readback.color, readback.stencil, joined);
        readback.layout.forEachRun(readback.region, [&](uint64_t mobOffset, uint64_t packedOffset, uint64_t bytes) {
            readback.mob->write(readback.base + mobOffset, packed.subspan(packedOffset, bytes));
        });
    }
}

std::vector<std::byte> Readbacks::fetch(GpuQueue& queue, const GpuSurface& surface, const Region& region) {
    if (region.empty() || surface.multisampled())
        return std::vector<std::byte>(region.packedSize());
    auto [color, stencil] = download(queue, surface, region);
    queue.finish();
    std::vector<std::byte> joined;
    auto packed = packedBytes(surface, region, color, stencil, joined);
    return joined.empty() ? std::vector<std::byte>(packed.begin(), packed.end()) : joined;
}

} // namespace svga::device
