// SPDX-License-Identifier: MIT
#include "device/vulkan/surface_layout.h"

#include <algorithm>

namespace svga::device {

namespace {

constexpr uint32_t divideUp(uint32_t value, uint32_t by) {
    return value / by + (value % by != 0);
}

uint32_t fullChain(const SVGA3dSize& size) {
    uint32_t largest = std::max({size.width, size.height, size.depth}), levels = 1;
    while (largest >>= 1)
        ++levels;
    return levels;
}

/** One axis of a box: \p start and \p length within \p size texels of \p block each. */
void checkAxis(const char* axis, uint32_t start, uint32_t length, uint32_t size, uint32_t block) {
    uint32_t padded = divideUp(size, block) * block;
    if (start > padded || length > padded - start)
        throw CommandError("box {} [{}, +{}) is outside the {} texels of the level", axis, start, length, size);
    bool reachesEdge = start + length >= size;
    if (start % block != 0 || (length % block != 0 && !reachesEdge))
        throw CommandError("box {} [{}, +{}) is not on boundaries of {} texels", axis, start, length, block);
}

} // namespace

SurfaceLayout::SurfaceLayout(const SurfaceDesc& desc, const FormatInfo& format, uint32_t basePitch)
    : blockWidth_(format.blockWidth)
    , blockHeight_(format.blockHeight)
    , blockDepth_(format.blockDepth)
    , bytesPerBlock_(format.bytesPerBlock)
    , layers_(desc.arraySize) {
    // 65536 texels a side and 16 bytes each leave the sum of all levels far below 2^64, 2^16 elements included.
    constexpr uint32_t kMaxSide = 1u << 16, kMaxLayers = 1u << 12;
    const SVGA3dSize& size = desc.size;
    if (size.width == 0 || size.height == 0 || size.depth == 0)
        throw CommandError("surface {}: size {}x{}x{} has nothing in it", desc.id, size.width, size.height, size.depth);
    bool sideTooLong = !desc.isBuffer() && std::max({size.width, size.height, size.depth}) > kMaxSide;
    bool notABuffer = desc.isBuffer() && (size.width > INT32_MAX || size.height != 1 || size.depth != 1 ||
                                          desc.mipLevels != 1 || layers_ != 1);
    if (sideTooLong || notABuffer || layers_ == 0 || layers_ > kMaxLayers)
        throw CommandError("surface {}: bad size {}x{}x{}, {} levels, {} layers", desc.id, size.width, size.height,
                           size.depth, desc.mipLevels, layers_);
    if (desc.mipLevels == 0 || desc.mipLevels > fullChain(size))
        throw CommandError("surface {}: {} levels for a size of {}x{}x{}", desc.id, desc.mipLevels, size.width,
                           size.height, size.depth);

    levels_.reserve(desc.mipLevels);
    for (uint32_t i = 0; i < desc.mipLevels; ++i) {
        Level level{};
        level.width = std::max(size.width >> i, 1u);
        level.height = std::max(size.height >> i, 1u);
        level.depth = std::max(size.depth >> i, 1u);
        level.blocksWide = divideUp(level.width, blockWidth_);
        level.blocksHigh = divideUp(level.height, blockHeight_);
        level.blocksDeep = divideUp(level.depth, blockDepth_);
        level.rowPitch = uint64_t{level.blocksWide} * bytesPerBlock_;
        if (i == 0 && basePitch != 0) {
            if (basePitch < level.rowPitch)
                throw CommandError("surface {}: pitch {} is less than a row of {} bytes", desc.id, basePitch,
                                   level.rowPitch);
            level.rowPitch = basePitch;
        }
        level.slicePitch = level.rowPitch * level.blocksHigh;
        level.size = level.slicePitch * level.blocksDeep;
        level.offset = elementSize_;
        elementSize_ += level.size;
        levels_.push_back(level);
    }
}

void SurfaceLayout::checkSubresource(uint32_t subresource) const {
    if (subresource >= subresources())
        throw CommandError("no subresource {}, there are {}", subresource, subresources());
}

Region SurfaceLayout::region(uint32_t subresource, const SVGA3dBox& box) const {
    checkSubresource(subresource);
    const Level& level = levels_[subresource % mipLevels()];
    checkAxis("x", box.x, box.w, level.width, blockWidth_);
    checkAxis("y", box.y, box.h, level.height, blockHeight_);
    checkAxis("z", box.z, box.d, level.depth, blockDepth_);
    return regionOfBlocks(subresource,
                          {static_cast<int32_t>(box.x / blockWidth_), static_cast<int32_t>(box.y / blockHeight_),
                           static_cast<int32_t>(box.z / blockDepth_)},
                          {divideUp(box.w, blockWidth_), divideUp(box.h, blockHeight_), divideUp(box.d, blockDepth_)});
}

Region SurfaceLayout::whole(uint32_t subresource) const {
    checkSubresource(subresource);
    const Level& level = levels_[subresource % mipLevels()];
    return regionOfBlocks(subresource, {}, {level.blocksWide, level.blocksHigh, level.blocksDeep});
}

Region SurfaceLayout::regionOfBlocks(uint32_t subresource, VkOffset3D block, VkExtent3D blocks) const {
    checkSubresource(subresource);
    Region region{};
    region.subresource = subresource;
    region.level = subresource % mipLevels();
    region.layer = subresource / mipLevels();
    region.block = block;
    region.blocks = blocks;
    region.rowBytes = blocks.width * bytesPerBlock_;

    const Level& level = levels_[region.level];
    auto axis = [&](int32_t first, uint32_t count, uint32_t available, uint32_t size, uint32_t side, int32_t& offset,
                    uint32_t& extent) {
        if (first < 0 || static_cast<uint32_t>(first) > available || count > available - static_cast<uint32_t>(first))
            throw CommandError("blocks [{}, +{}) are outside the {} of the level", first, count, available);
        uint32_t start = static_cast<uint32_t>(first) * side;
        offset = static_cast<int32_t>(start);
        extent = start >= size ? 0 : std::min(count * side, size - start);
    };
    axis(block.x, blocks.width, level.blocksWide, level.width, blockWidth_, region.offset.x, region.extent.width);
    axis(block.y, blocks.height, level.blocksHigh, level.height, blockHeight_, region.offset.y, region.extent.height);
    axis(block.z, blocks.depth, level.blocksDeep, level.depth, blockDepth_, region.offset.z, region.extent.depth);
    return region;
}

} // namespace svga::device
