// SPDX-License-Identifier: MIT
/**
 * \file
 * Where the bytes of a guest-backed surface lie in its MOB.
 *
 * Layers one after another (array elements, cube faces), in each layer its mip levels, each level a tightly packed box
 * of blocks: rows, then slices. Subresource number = layer * levels + level. Block sizes come from
 * svga3d_surfacedefs.h. A multisampled surface holds one such sheet for each sample; since no command names a sheet, it
 * counts as one subresource, all of it.
 */
#pragma once

#include <cstdint>
#include <svga3d_reg.h>

#include <optional>
#include <vector>

namespace svga::shim {

/** \brief A box of one subresource, in texels (buffers: bytes), and how many bytes of the MOB it covers. */
struct SubresourceBox {
    uint32_t subresource;
    SVGA3dBox box;
    uint64_t bytes;
};

struct SubresourceRange {
    uint32_t firstLevel = 0, levels = 1;
    uint32_t firstLayer = 0, layers = 1;
};

class SurfaceLayout {
public:
    struct Subresource {
        uint64_t offset; ///< in the MOB
        uint64_t size;   ///< bytes
        uint32_t level;
    };

    struct Description {
        SVGA3dSurfaceFormat format = SVGA3D_FORMAT_INVALID;
        SVGA3dSize size{1, 1, 1};
        uint32_t levels = 1;
        uint32_t layers = 1;
        uint32_t samples = 1; ///< 0 and 1 mean the same
    };

    /** \brief Empty where the format is unknown, a dimension is out of range or the size exceeds 32 bits. */
    static std::optional<SurfaceLayout> create(const Description& description);

    uint64_t size() const { return size_; }
    uint32_t levels() const { return multisampled() ? 1 : description_.levels; }
    uint32_t layers() const { return multisampled() ? 1 : description_.layers; }
    uint32_t subresources() const { return levels() * layers(); }
    bool multisampled() const { return description_.samples > 1; }
    Subresource subresource(uint32_t index) const;

    /**
     * \brief Appends boxes that together cover exactly the blocks that have a byte in [begin, end), none twice.
     *
     * Not for multisampled surfaces, which are only ever transferred whole.
     */
    void boxes(uint64_t begin, uint64_t end, std::vector<SubresourceBox>& out) const;

    /** \brief First and one past the last subresource that has a byte in [begin, end). */
    std::pair<uint32_t, uint32_t> overlapping(uint64_t begin, uint64_t end) const;

    /** \brief Cuts \p range to what the surface has; of a multisampled one, any part stands for all of it. */
    SubresourceRange clip(SubresourceRange range) const;

private:
    struct Level {
        uint64_t offset; ///< within a layer
        uint64_t size;
        uint64_t rowPitch, slicePitch;
        SVGA3dSize texels;
        SVGA3dSize blocks;
    };

    SurfaceLayout() = default;
    void levelBoxes(uint32_t subresource, const Level& level, uint64_t begin, uint64_t end,
                    std::vector<SubresourceBox>& out) const;
    void addBox(uint32_t subresource, const Level& level, SVGA3dBox blocks, std::vector<SubresourceBox>& out) const;

    Description description_;
    SVGA3dSize block_{1, 1, 1};
    uint32_t bytesPerBlock_ = 1;
    bool planar_ = false;
    std::vector<Level> levels_;
    uint64_t layerSize_ = 0;
    uint64_t size_ = 0;
};

} // namespace svga::shim
