// SPDX-License-Identifier: MIT
/**
 * \file
 * Guest-backed surfaces: a buffer or an image of the Vulkan device, and its bytes in a MOB.
 *
 * A surface has a host copy (VkBuffer or VkImage) and, while bound, a MOB with its guest copy in SVGA3D's linear
 * layout: array elements one after another, in each its mip levels, each tightly packed in blocks. update() copies
 * guest to host, readback() host to guest. A buffer whose MOB can be imported by Vulkan has only one copy, and both do
 * nothing.
 *
 * Command thread only.
 */
#pragma once

#include "device/mob.h"
#include "device/vulkan/sliced_view.h"

#include <vulkan/vulkan.h>

#include <svga3d_reg.h>

#include <cstdint>
#include <memory>

namespace svga::device {

/** \brief What DEFINE_GB_SURFACE(_V2.._V4) says. */
struct SurfaceDesc {
    uint32_t id = 0;
    SVGA3dSurfaceAllFlags flags = 0;
    SVGA3dSurfaceFormat format = SVGA3D_FORMAT_INVALID;
    uint32_t mipLevels = 1; ///< at least 1
    uint32_t arraySize = 1; ///< at least 1; cubes: 6 per cube
    uint32_t sampleCount = 1;
    SVGA3dSize size{1, 1, 1}; ///< level 0, in texels; buffers: width in bytes
    uint32_t bufferByteStride = 0;

    bool isBuffer() const { return format == SVGA3D_BUFFER; }
    uint32_t subresources() const { return mipLevels * arraySize; }
};

/** \brief A view of an image: key of Surface::view(). */
struct ImageViewKey {
    VkImageViewType type = VK_IMAGE_VIEW_TYPE_2D;
    VkFormat format = VK_FORMAT_UNDEFINED;
    VkImageAspectFlags aspect = VK_IMAGE_ASPECT_COLOR_BIT;
    VkComponentMapping swizzle{};
    uint32_t firstLevel = 0, levels = 1;
    uint32_t firstLayer = 0, layers = 1;
    /** Of a 3D view of one level for storage; no other may have less than all. */
    uint32_t firstSlice = 0, slices = VK_REMAINING_3D_SLICES_EXT;

    bool isSliced() const { return firstSlice != 0 || slices != VK_REMAINING_3D_SLICES_EXT; }
    bool operator==(const ImageViewKey& other) const {
        return type == other.type && format == other.format && aspect == other.aspect && swizzle.r == other.swizzle.r &&
               swizzle.g == other.swizzle.g && swizzle.b == other.swizzle.b && swizzle.a == other.swizzle.a &&
               firstLevel == other.firstLevel && levels == other.levels && firstLayer == other.firstLayer &&
               layers == other.layers && firstSlice == other.firstSlice && slices == other.slices;
    }
};

class Surface {
public:
    virtual ~Surface() = default;

    virtual const SurfaceDesc& desc() const = 0;

    /** Buffers: the VkBuffer (usable as vertex, index, uniform, texel, storage, transfer, transform feedback,
     * indirect). Images: VK_NULL_HANDLE. */
    virtual VkBuffer buffer() const = 0;
    virtual VkDeviceSize bufferSize() const = 0;
    /** Images: always VK_IMAGE_LAYOUT_GENERAL. Buffers: VK_NULL_HANDLE. */
    virtual VkImage image() const = 0;
    virtual VkFormat imageFormat() const = 0;

    /** \brief A cached view; lives as long as the surface. \throws CommandError where level or layer is out of range or
     * Vulkan refuses. */
    virtual VkImageView view(const ImageViewKey& key) = 0;
    /** \brief A cached texel buffer view, bytes [offset, offset + size). \throws CommandError likewise. */
    virtual VkBufferView bufferView(VkFormat format, VkDeviceSize offset, VkDeviceSize size) = 0;

    /** \brief Changes each time buffer(), image() or views were replaced (a zero-copy buffer bound to another MOB). */
    virtual uint64_t generation() const = 0;
};

/** \brief Looks surfaces up by id. \throws CommandError where there is none. shared_ptr: for GpuQueue::keepAlive(). */
class SurfaceLookup {
public:
    virtual ~SurfaceLookup() = default;
    virtual std::shared_ptr<Surface> get(uint32_t surfaceId) const = 0;
};

} // namespace svga::device
