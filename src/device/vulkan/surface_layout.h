// SPDX-License-Identifier: MIT
/**
 * \file
 * Where the texels of a surface are in its MOB.
 *
 * The guest's layout is linear: array elements one after another, in each its mip levels, in each its slices, in each
 * its rows of blocks, all tightly packed (a surface bound with a pitch has that many bytes a row in level 0 instead). A
 * subresource is numbered element * mipLevels + level. Pure arithmetic on a description that SurfaceLayout has found
 * sound.
 */
#pragma once

#include "device/vulkan/format.h"
#include "device/vulkan/surface.h"

#include <cstdint>
#include <vector>

namespace svga::device {

/** \brief A box that was checked against its subresource. */
struct Region {
    uint32_t subresource, level, layer;
    VkOffset3D offset; ///< in texels, on block boundaries
    VkExtent3D extent; ///< in texels; clipped to the level where its last block reaches over the edge
    VkOffset3D block;  ///< offset in blocks
    VkExtent3D blocks; ///< extent in blocks
    uint32_t rowBytes; ///< blocks.width * bytes per block
    bool empty() const { return blocks.width == 0 || blocks.height == 0 || blocks.depth == 0; }
    uint64_t packedSize() const { return uint64_t{rowBytes} * blocks.height * blocks.depth; }
};

class SurfaceLayout {
public:
    struct Level {
        uint32_t width, height, depth; ///< in texels
        uint32_t blocksWide, blocksHigh, blocksDeep;
        uint64_t rowPitch, slicePitch, size;
        uint64_t offset; ///< in the array element
    };

    /** \throws CommandError where sizes overflow, there are more levels than the size has, or \p basePitch is less than
     * a row. */
    SurfaceLayout(const SurfaceDesc& desc, const FormatInfo& format, uint32_t basePitch = 0);

    const Level& level(uint32_t level) const { return levels_[level]; }
    uint32_t mipLevels() const { return static_cast<uint32_t>(levels_.size()); }
    uint32_t subresources() const { return mipLevels() * layers_; }
    uint64_t offset(uint32_t subresource) const {
        return elementSize_ * (subresource / mipLevels()) + levels_[subresource % mipLevels()].offset;
    }
    /** Bytes of the whole surface; of a multisampled one, of each of its sheets (sample_sheets.h), which follow each
     * other. */
    uint64_t size() const { return elementSize_ * layers_; }

    /** \throws CommandError where the subresource does not exist or \p box is not inside it or not on block boundaries.
     */
    Region region(uint32_t subresource, const SVGA3dBox& box) const;
    /** \brief All of a subresource. \throws CommandError likewise. */
    Region whole(uint32_t subresource) const;
    /** \brief As region(), the box given by block and size in blocks (of a copy between formats of different blocks).
     */
    Region regionOfBlocks(uint32_t subresource, VkOffset3D block, VkExtent3D blocks) const;

    /**
     * \brief Calls \p run(mobOffset, packedOffset, bytes) for each contiguous run of \p region: packed is the region
     * alone, row after row.
     */
    template <typename Run>
    void forEachRun(const Region& region, Run run) const {
        const Level& level = levels_[region.level];
        uint64_t start = offset(region.subresource) + uint64_t(region.block.z) * level.slicePitch +
                         uint64_t(region.block.y) * level.rowPitch + uint64_t(region.block.x) * bytesPerBlock_;
        uint32_t rows = region.blocks.height, slices = region.blocks.depth;
        uint64_t bytes = region.rowBytes;
        if (bytes == level.rowPitch) { // whole rows follow each other
            bytes *= rows;
            rows = 1;
            if (bytes == level.slicePitch) {
                bytes *= slices;
                slices = 1;
            }
        }
        uint64_t packed = 0;
        for (uint32_t z = 0; z < slices; ++z)
            for (uint32_t y = 0; y < rows; ++y, packed += bytes)
                run(start + z * level.slicePitch + y * level.rowPitch, packed, bytes);
    }

private:
    void checkSubresource(uint32_t subresource) const;

    uint32_t blockWidth_, blockHeight_, blockDepth_, bytesPerBlock_;
    uint32_t layers_;
    uint64_t elementSize_ = 0;
    std::vector<Level> levels_;
};

} // namespace svga::device
