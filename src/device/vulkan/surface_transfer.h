// SPDX-License-Identifier: MIT
/**
 * \file
 * Bytes between a surface and its MOB, or any packed host memory.
 *
 * Packed means: the texels of a Region as the guest has them, row after row, nothing between. Depth with stencil is
 * taken apart on the way in and put together on the way out, on the CPU, since Vulkan copies the two aspects apart.
 */
#pragma once

#include "device/vulkan/gpu_surface.h"

#include <memory>
#include <vector>

namespace svga::device {

/** \brief Staging memory that texels of \p bytesPerBlock may be copied from and to. \throws CommandError when out of
 * memory. */
Staging texelStaging(GpuQueue& queue, uint64_t size, uint32_t bytesPerBlock);

/** \brief Whether packed texels and image planes differ, so that the CPU must convert (24 bit depth, depth with
 * stencil). */
bool needsConversion(const GpuSurface& surface);

/** \brief A copy between an image's region and packed memory at \p offset of \p buffer. Not for needsConversion(). */
VkBufferImageCopy packedCopy(const GpuSurface& surface, const Region& region, VkDeviceSize offset);

/**
 * \brief Records the copy of packed texels, which are in \p packed now, to \p region of a surface that is not
 * multisampled.
 */
void upload(GpuQueue& queue, GpuSurface& surface, const Region& region, const Staging& packed);

/**
 * \brief Copies \p region of the MOB to the host copy: of each sheet, where the surface is multisampled (and nothing
 * where the device cannot move its samples). \throws CommandError where unbound, or the MOB is too small.
 */
void update(GpuQueue& queue, GpuSurface& surface, const Region& region);

/**
 * \brief Copies from host copies to MOBs: first recorded, then, when the GPU has done them, written.
 *
 * One wait for all of them. Used within one command: the queue must not be submitted between add() and complete().
 */
class Readbacks {
public:
    explicit Readbacks(GpuQueue& queue)
        : queue_(queue) {}

    /** \throws CommandError where unbound, or the MOB is too small for the region. */
    void add(std::shared_ptr<GpuSurface> surface, const Region& region);
    bool empty() const { return pending_.empty(); }
    /** \brief Submits, waits and writes to the MOBs. */
    void complete();

    /** \brief Brings one region into packed memory, at once; zeroes where the surface is multisampled. */
    static std::vector<std::byte> fetch(GpuQueue& queue, const GpuSurface& surface, const Region& region);

private:
    struct Pending {
        std::shared_ptr<GpuSurface> surface;
        std::shared_ptr<Mob> mob;
        SurfaceLayout layout; ///< of the binding, as the surface may be bound anew meanwhile
        Region region;
        uint64_t base;          ///< in the MOB: where the sheet begins
        Staging color, stencil; ///< depth is in color
    };

    void add(std::shared_ptr<GpuSurface> source, const GpuSurface& bound, const Region& region, const Region& place,
             uint64_t base);

    GpuQueue& queue_;
    std::vector<Pending> pending_;
};

} // namespace svga::device
