// SPDX-License-Identifier: MIT
/**
 * \file
 * Surfaces: textures, render targets and buffers of the device, each with the guest memory that backs it.
 */
#pragma once

#include "gallium/winsys/svga/core/bo.h"

namespace svga::winsys {

/** \brief What a surface is to be. Values as the device knows them (svga3d_types.h). */
struct SurfaceDesc {
    uint64_t flags = 0;  ///< SVGA3D_SURFACE_*, all 64 bits
    uint32_t format = 0; ///< SVGA3dSurfaceFormat
    uint32_t width = 1;  ///< of mip level 0, in pixels; bytes for SVGA3D_BUFFER
    uint32_t height = 1;
    uint32_t depth = 1;
    uint32_t layers = 1; ///< array layers times cube faces
    uint32_t mipLevels = 1;
    uint32_t sampleCount = 0; ///< samples a pixel; 0 or 1: not multisampled
    bool scanout = false;     ///< may be shown on a screen
};

/**
 * \brief Bytes of guest memory that back a surface of this description: layer by layer, in it mip level by mip level,
 * in it slice by slice, rows packed; stream-output targets have the device's write position (SVGA3dDXSOState) behind
 * that.
 *
 * Saturates at UINT64_MAX; 0 for a format that the device does not have.
 */
uint64_t backingSize(const SurfaceDesc& desc);

/** \brief How a surface is named by who shares it. */
struct SharedHandle {
    enum class Type { Kernel, Prime };
    Type type;
    uint32_t value; ///< kernel handle (KMS), or prime file descriptor
};

/** \brief How the CPU is going to use a mapping. */
struct MapAccess {
    bool write = false;
    bool unsynchronized = false; ///< do not wait for the device: the caller knows that it does not mind
    bool dontBlock = false;      ///< fail instead of waiting
};

/**
 * \brief A surface and its coherent backing. Any thread.
 *
 * One object for one kernel handle on each Device, also where it is imported again: what is pending on it is known to
 * all who hold it.
 */
class Surface final : public RefCounted<Surface> {
public:
    /** \brief Makes a surface and zeroed backing for it. Throws Error. */
    static Ref<Surface> create(Device& device, const SurfaceDesc& desc);

    /** \brief Takes a reference to a surface that someone shares. Throws Error. */
    static Ref<Surface> import(Device& device, const SharedHandle& shared);

    uint32_t handle() const { return handle_; } ///< surface id for commands
    Bo& bo() const { return *bo_; }
    uint32_t format() const { return desc_.format; }
    uint32_t mipLevels() const { return desc_.mipLevels; }

    /**
     * \brief Whether the kernel keeps backing and device in step. Always so for surfaces made here; a surface of
     * another process may be one that its user space synchronises by commands, and stock kernels do not tell.
     */
    bool isCoherent() const { return coherent_; }

    /** \brief The handle, for use by others with this device node (KMS). */
    uint32_t exportKernelHandle();

    /** \brief Exports the surface as a file descriptor (dma-buf). Throws Error. */
    UniqueFd exportPrime();

    /**
     * \brief The backing, ready for \p access: waits for the submitted work that uses it, as access says.
     * \return null where access.dontBlock is set and the device is busy with it. Throws Error on any other failure.
     *
     * The same address each time. Commands not submitted yet are the caller's affair: see Context::map(). Pair with
     * unmap(). Submissions that use a coherent surface go on meanwhile; those that use another wait until then, in
     * every process, as what they see of it must not be half of a change.
     */
    void* map(const MapAccess& access);
    void unmap();

    /**
     * \brief Makes the first \p bytes of the backing, and the stream-output position if there is one, read as zero.
     *
     * A surface that nobody has used yet is zeroed as the kernel made it: then no page is touched, so none becomes
     * dirty.
     */
    void zero(uint64_t bytes);

    /**
     * \brief Whether a not yet submitted command stream names the surface, be it only to invalidate it: until then it
     * cannot be put to another use.
     */
    bool isPending() const { return pending_.load(std::memory_order_acquire) != 0; }

private:
    friend class RefCounted<Surface>;
    friend class CommandStream;
    Surface(Device& device, uint32_t handle, const SurfaceDesc& desc, bool coherent, Ref<Bo> bo);
    ~Surface();

    /** \brief Enters the surface in the Device's table. */
    static Ref<Surface> enroll(Device& device, uint32_t handle, const SurfaceDesc& desc, bool coherent, Ref<Bo> bo);

    Device& device_;
    const uint32_t handle_;
    const SurfaceDesc desc_;
    const bool coherent_;
    const Ref<Bo> bo_;

    std::atomic<uint32_t> pending_{0}; ///< command streams that use it
    std::atomic<bool> used_{false};    ///< someone may have written it: mapped, named in a command stream, shared

    std::mutex mapsMutex_;
    size_t mapCount_ = 0;                   ///< map() calls not yet unmapped
    std::vector<CpuAccess> exclusiveGrabs_; ///< what some of them hold
};

} // namespace svga::winsys
