// SPDX-License-Identifier: MIT
/**
 * \file
 * Copies between host copies of surfaces: by bits, resolved, scaled, and mipmaps made from level to level.
 *
 * All are recorded in the queue's transfer scope. All throw CommandError where formats or shapes do not allow the copy;
 * the surfaces are then unchanged.
 */
#pragma once

#include "device/vulkan/gpu_surface.h"

namespace svga::device {

/**
 * \brief Copies bits: \p box of a subresource of \p source to a subresource of \p destination.
 *
 * Formats need blocks of the same number of bytes; \p box has its size in source texels. Source and destination may be
 * the same subresource and may overlap. Between two buffers a box is a range of bytes.
 */
void copyRegion(GpuQueue& queue, GpuSurface& destination, uint32_t destinationSubresource, GpuSurface& source,
                uint32_t sourceSubresource, const SVGA3dCopyBox& box);

/** \brief All subresources. Both surfaces must have the same number of them and the same size. */
void copyWhole(GpuQueue& queue, GpuSurface& destination, GpuSurface& source);

/** \brief Copies bytes between buffers; ranges may overlap. */
void copyBuffer(GpuQueue& queue, GpuSurface& destination, uint64_t destinationOffset, GpuSurface& source,
                uint64_t sourceOffset, uint64_t size);

/** \brief Rows of texels in a buffer: where the first is, and bytes from one row, one slice, to the next. */
struct BufferRows {
    uint64_t offset, pitch, slicePitch;
};
void copyFromBuffer(GpuQueue& queue, GpuSurface& destination, uint32_t subresource, const SVGA3dBox& box,
                    GpuSurface& source, const BufferRows& rows);

/**
 * \brief The average of each texel's samples (of integers, of depth and of stencil: sample 0).
 *
 * \p format gives the samples their meaning; where it is typeless, the source's last view does. A source with one
 * sample is copied.
 */
void resolve(GpuQueue& queue, GpuSurface& destination, uint32_t destinationSubresource, GpuSurface& source,
             uint32_t sourceSubresource, SVGA3dSurfaceFormat format);

/** \brief Scales and converts. Depth only to its own format, without filtering. */
void stretch(GpuQueue& queue, GpuSurface& destination, uint32_t destinationSubresource, const SVGA3dBox& destinationBox,
             GpuSurface& source, uint32_t sourceSubresource, const SVGA3dBox& sourceBox, bool linear);

/** \brief The part of a surface a shader resource view shows. */
struct MipRange {
    uint32_t firstLevel = 0, levels = 1, firstLayer = 0, layers = 1;
};
/** \brief Makes every level of \p range but its first from the one before, by filtering texels read as \p format. */
void generateMips(SurfaceEnvironment& environment, GpuSurface& surface, SVGA3dSurfaceFormat format,
                  const MipRange& range);

} // namespace svga::device
