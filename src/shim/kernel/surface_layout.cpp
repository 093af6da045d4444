// SPDX-License-Identifier: MIT
#include "shim/kernel/surface_layout.h"

#include <svga3d_surfacedefs.h>

#include <algorithm>

namespace svga::shim {

namespace {

uint32_t divideUp(uint32_t value, uint32_t by) {
    return value / by + (value % by != 0);
}

SVGA3dSize levelSize(SVGA3dSize base, uint32_t level) {
    return {std::max(base.width >> level, 1u), std::max(base.height >> level, 1u), std::max(base.depth >> level, 1u)};
}

} // namespace

std::optional<SurfaceLayout> SurfaceLayout::create(const Description& description) {
    constexpr uint32_t kMaxLevels = 24; // DRM_VMW_MAX_MIP_LEVELS
    constexpr uint32_t kMaxSamples = 32;
    const auto& size = description.size;
    if (description.format <= SVGA3D_FORMAT_INVALID || description.format >= SVGA3D_FORMAT_MAX)
        return std::nullopt;
    if (size.width == 0 || size.height == 0 || size.depth == 0 || description.levels == 0 ||
        description.levels > kMaxLevels || description.layers == 0 ||
        description.layers > SVGA3D_MAX_SURFACE_ARRAYSIZE || description.samples > kMaxSamples)
        return std::nullopt;
    const auto& format = g_SVGA3dSurfaceDescs[description.format];
    if (format.bytesPerBlock == 0)
        return std::nullopt;

    SurfaceLayout layout;
    layout.description_ = description;
    layout.description_.samples = std::max(description.samples, 1u);
    layout.block_ = format.blockSize;
    layout.bytesPerBlock_ = format.bytesPerBlock;
    layout.planar_ = (format.blockDesc & SVGA3DBLOCKDESC_PLANAR_YUV) != 0;
    constexpr uint64_t kLimit = UINT32_MAX;
    for (uint32_t i = 0; i < description.levels; ++i) {
        Level level{};
        level.offset = layout.layerSize_;
        level.texels = levelSize(size, i);
        level.blocks = {divideUp(level.texels.width, format.blockSize.width),
                        divideUp(level.texels.height, format.blockSize.height),
                        divideUp(level.texels.depth, format.blockSize.depth)};
        // Each factor fits 32 bits and each product is checked before the next, so nothing overflows.
        level.rowPitch = uint64_t{level.blocks.width} * format.bytesPerBlock;
        level.slicePitch = level.rowPitch * level.blocks.height;
        if (level.rowPitch > kLimit || level.slicePitch > kLimit)
            return std::nullopt;
        level.size = level.slicePitch * level.blocks.depth;
        if (level.size > kLimit)
            return std::nullopt;
        layout.layerSize_ += level.size;
        layout.levels_.push_back(level);
    }
    if (layout.layerSize_ > kLimit)
        return std::nullopt;
    layout.size_ = layout.layerSize_ * description.layers * layout.description_.samples;
    if (layout.size_ > kLimit)
        return std::nullopt;
    return layout;
}

SurfaceLayout::Subresource SurfaceLayout::subresource(uint32_t index) const {
    if (multisampled())
        return {0, size_, 0};
    const uint32_t layer = index / description_.levels;
    const Level& level = levels_[index % description_.levels];
    return {layer * layerSize_ + level.offset, level.size, index % description_.levels};
}

std::pair<uint32_t, uint32_t> SurfaceLayout::overlapping(uint64_t begin, uint64_t end) const {
    end = std::min(end, size_);
    if (begin >= end)
        return {0, 0};
    if (multisampled())
        return {0, 1};
    const auto at = [this](uint64_t offset) {
        const uint64_t layer = offset / layerSize_;
        const uint64_t rest = offset % layerSize_;
        uint32_t level = 0;
        while (level + 1 < description_.levels && levels_[level + 1].offset <= rest)
            ++level;
        return static_cast<uint32_t>(layer) * description_.levels + level;
    };
    return {at(begin), at(end - 1) + 1};
}

SubresourceRange SurfaceLayout::clip(SubresourceRange range) const {
    if (multisampled())
        return {};
    range.firstLevel = std::min(range.firstLevel, levels());
    range.levels = std::min(range.levels, levels() - range.firstLevel);
    range.firstLayer = std::min(range.firstLayer, layers());
    range.layers = std::min(range.layers, layers() - range.firstLayer);
    return range;
}

void SurfaceLayout::boxes(uint64_t begin, uint64_t end, std::vector<SubresourceBox>& out) const {
    const auto [first, last] = overlapping(begin, end);
    for (uint32_t i = first; i < last; ++i) {
        const Subresource place = subresource(i);
        const uint64_t from = std::max(begin, place.offset) - place.offset;
        const uint64_t to = std::min(end, place.offset + place.size) - place.offset;
        levelBoxes(i, levels_[place.level], from, to, out);
    }
}

void SurfaceLayout::addBox(uint32_t subresource, const Level& level, SVGA3dBox b,
                           std::vector<SubresourceBox>& out) const {
    const uint64_t bytes = uint64_t{b.w} * b.h * b.d * bytesPerBlock_;
    SVGA3dBox box;
    box.x = b.x * block_.width;
    box.y = b.y * block_.height;
    box.z = b.z * block_.depth;
    // The last block of a row or column may reach beyond the level.
    box.w = std::min(b.w * block_.width, level.texels.width - box.x);
    box.h = std::min(b.h * block_.height, level.texels.height - box.y);
    box.d = std::min(b.d * block_.depth, level.texels.depth - box.z);
    out.push_back({subresource, box, bytes});
}

void SurfaceLayout::levelBoxes(uint32_t subresource, const Level& level, uint64_t begin, uint64_t end,
                               std::vector<SubresourceBox>& out) const {
    const uint64_t width = level.blocks.width;
    const uint64_t height = level.blocks.height;
    if (planar_) { // Planes share the level; a box cannot name a part of one.
        addBox(subresource, level, {0, 0, 0, level.blocks.width, level.blocks.height, level.blocks.depth}, out);
        return;
    }
    uint64_t block = begin / bytesPerBlock_;
    const uint64_t stop = (end + bytesPerBlock_ - 1) / bytesPerBlock_;
    // From the first block on, take the largest box that begins there and lies within the run: slices, rows, blocks.
    while (block < stop) {
        const uint64_t left = stop - block;
        const auto x = static_cast<uint32_t>(block % width);
        const auto y = static_cast<uint32_t>(block / width % height);
        const auto z = static_cast<uint32_t>(block / width / height);
        SVGA3dBox box{x, y, z, 1, 1, 1};
        if (x != 0 || left < width) {
            box.w = static_cast<uint32_t>(std::min(left, width - x));
        } else {
            box.w = static_cast<uint32_t>(width);
            const uint64_t rows = left / width;
            if (y != 0 || rows < height) {
                box.h = static_cast<uint32_t>(std::min(rows, height - y));
            } else {
                box.h = static_cast<uint32_t>(height);
                box.d = static_cast<uint32_t>(rows / height);
            }
        }
        addBox(subresource, level, box, out);
        block += uint64_t{box.w} * box.h * box.d;
    }
}

} // namespace svga::shim
