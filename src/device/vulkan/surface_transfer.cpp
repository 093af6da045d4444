// SPDX-License-Identifier: MIT
#include "device/vulkan/surface_transfer.h"

#include <cmath>
#include <cstring>

namespace svga::device {

namespace {

constexpr double kUnorm24 = (1u << 24) - 1;

uint32_t unorm24FromFloat(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    if (!(value > 0.0f)) // NaN too
        return 0;
    return static_cast<uint32_t>(std::lround(std::fmin(value, 1.0f) * kUnorm24));
}

uint32_t floatFromUnorm24(uint32_t value) {
    float depth = static_cast<float>(value / kUnorm24);
    uint32_t bits;
    std::memcpy(&bits, &depth, 4);
    return bits;
}

uint32_t load32(const std::byte* from) {
    uint32_t value;
    std::memcpy(&value, from, 4);
    return value;
}
void store32(std::byte* to, uint32_t value) {
    std::memcpy(to, &value, 4);
}

/** \brief Guest texels of \p packing <-> the depth and stencil planes of an image of \p format. */
struct DepthConverter {
    DepthPacking packing;
    bool floatDepth; ///< the image's depth is 32 bit float, else 24 bit unorm in the low bits

    uint32_t texelSize() const { return packing == DepthPacking::D32S8X24 ? 8 : 4; }

    void split(const std::byte* packed, std::byte* depth, std::byte* stencil, std::size_t count) const {
        for (std::size_t i = 0; i < count; ++i, packed += texelSize(), depth += 4, ++stencil) {
            uint32_t word = load32(packed);
            if (packing == DepthPacking::D32S8X24) {
                store32(depth, word);
                *stencil = packed[4];
                continue;
            }
            bool stencilLow = packing == DepthPacking::S8D24;
            uint32_t depth24 = stencilLow ? word >> 8 : word & 0xffffff;
            store32(depth, floatDepth ? floatFromUnorm24(depth24) : depth24);
            *stencil = static_cast<std::byte>(stencilLow ? word : word >> 24);
        }
    }

    void join(const std::byte* depth, const std::byte* stencil, std::byte* packed, std::size_t count) const {
        for (std::size_t i = 0; i < count; ++i, packed += texelSize(), depth += 4, ++stencil) {
            uint32_t word = load32(depth), stencil8 = std::to_integer<uint32_t>(*stencil);
            if (packing == DepthPacking::D32S8X24) {
                store32(packed, word);
                store32(packed + 4, stencil8);
                continue;
            }
            uint32_t depth24 = floatDepth ? unorm24FromFloat(word) : word & 0xffffff;
            store32(packed, packing == DepthPacking::S8D24 ? depth24 << 8 | stencil8 : depth24 | stencil8 << 24);
        }
    }
};

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
    if (region.empty() || surface.multisampled())
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

void update(GpuQueue& queue, GpuSurface& surface, const Region& region) {
    Mob& mob = surface.boundMob();
    if (region.empty() || surface.zeroCopy() || surface.multisampled())
        return;
    Staging packed = texelStaging(queue, region.packedSize(), surface.format().bytesPerBlock);
    surface.layout().forEachRun(region, [&](uint64_t mobOffset, uint64_t packedOffset, uint64_t bytes) {
        mob.read(mobOffset, packed.bytes.subspan(packedOffset, bytes));
    });
    upload(queue, surface, region, packed);
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
    Mob& mob = surface->boundMob();
    if (region.empty() || surface->zeroCopy() || surface->multisampled())
        return;
    surface->layout().forEachRun(region, [&](uint64_t mobOffset, uint64_t, uint64_t bytes) {
        if (mobOffset > mob.size() || bytes > mob.size() - mobOffset)
            throw CommandError("surface {}: MOB {} of {} bytes is too small for it", surface->desc().id, mob.id(),
                               mob.size());
    });
    auto [color, stencil] = download(queue_, *surface, region);
    pending_.push_back({surface, surface->mob(), surface->layout(), region, color, stencil});
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
            readback.mob->write(mobOffset, packed.subspan(packedOffset, bytes));
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
