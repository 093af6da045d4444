// SPDX-License-Identifier: MIT
/**
 * \file
 * Surfaces: textures, render targets and buffers of the device, each with the guest memory that backs it.
 *
 * Two surfaces may be backed by the same memory. A buffer surface can only be bound to the device in the ways that its
 * flags say, so where a buffer needs another binding the driver above makes one more surface with the flags it lacks
 * and has the device copy the content over. Of a buffer that stays mapped meanwhile the pointer leads to the memory of
 * the first surface, and must go on to lead to the content: so the new surface moves onto that memory, before any
 * command uses it (see CommandStream::commit() and Surface::moveOnto()). Memory and Bo are then the same, and what the
 * CPU has to wait for is asked and kept by Bo. A surface that is put to another use parts from the others (renew()).
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
    bool persistent = false;  ///< a buffer that may stay mapped while the device uses it

    bool operator==(const SurfaceDesc&) const = default;
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
    bool discard = false;        ///< with write: all that was in the surface may be lost
};

/**
 * \brief A surface and its coherent backing. Any thread.
 *
 * One object for one kernel handle on each Device, also where it is imported again: what is pending on it is known to
 * all who hold it. Handle and backing may change, but only while no command names the surface and nobody has mapped or
 * shared it since it was made or renewed.
 */
class Surface final : public RefCounted<Surface> {
public:
    /** \brief Makes a surface and zeroed backing for it. Throws Error. */
    static Ref<Surface> create(Device& device, const SurfaceDesc& desc);

    /** \brief Takes a reference to a surface that someone shares. Throws Error. */
    static Ref<Surface> import(Device& device, const SharedHandle& shared);

    uint32_t handle() const; ///< surface id for commands
    Ref<Bo> bo() const;      ///< the backing
    uint64_t flags() const { return desc_.flags; } ///< SVGA3D_SURFACE_*
    uint32_t format() const { return desc_.format; }
    uint32_t width() const { return desc_.width; } ///< of mip level 0, in pixels; bytes of a buffer
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
     * Where what will be written is known, the kernel is told (Bo::announceWrite()): all of it where everything is
     * discarded, and of a texture that nobody has used yet, for that is being filled.
     *
     * The same address each time until renew(). Commands not submitted yet are the caller's affair: see Context::map().
     * Pair with unmap(). Submissions that use a coherent surface go on meanwhile; those that use another wait until
     * then, in every process, as what they see of it must not be half of a change.
     */
    void* map(const MapAccess& access);
    void unmap();

    /**
     * \brief Begins a new life for a surface that its last user gave up: no command may be pending on it.
     *
     * The first \p bytes of the backing, and the stream-output position if there is one, read as zero afterwards. A
     * surface that nobody has used yet is zeroed as the kernel made it: then no page is touched, so none becomes dirty.
     * Memory that another surface shares stays with that one, and this surface gets new memory. Throws Error.
     */
    void renew(uint64_t bytes);

    /**
     * \brief Moves the surface onto the memory of \p source, where it looks like the replacement of that: both are
     * persistent buffers of one size, this one can be bound in ways that the source cannot, nothing but the caller's
     * uncommitted commands has named, mapped or shared it yet, and the source is mapped.
     * \return whether it moved; its handle is another one then, and its content that of the memory. Throws Error.
     */
    bool moveOnto(const Surface& source);

    /**
     * \brief Whether a not yet submitted command stream names the surface, be it only to invalidate it: until then it
     * cannot be put to another use.
     */
    bool isPending() const { return pending_.load(std::memory_order_acquire) != 0; }

private:
    friend class RefCounted<Surface>;
    friend class CommandStream;

    /** \brief What the kernel has of a surface: a handle, which closes with it, and the backing. */
    class KernelSurface {
    public:
        /** \brief Makes one for \p desc, on memory of its own. Throws Error. */
        static KernelSurface create(Device& device, const SurfaceDesc& desc);
        /** \brief Makes one on \p bo. Throws Error. */
        static KernelSurface createOn(Device& device, const SurfaceDesc& desc, Ref<Bo> bo);

        KernelSurface(Device& device, uint32_t handle, Ref<Bo> bo);
        KernelSurface(KernelSurface&& other) noexcept;
        KernelSurface& operator=(KernelSurface&& other) noexcept;
        ~KernelSurface();

        uint32_t handle() const { return handle_; }
        const Ref<Bo>& bo() const { return bo_; }

    private:
        Device* device_;
        uint32_t handle_;
        Ref<Bo> bo_; ///< null: moved from
    };

    Surface(Device& device, KernelSurface kernel, const SurfaceDesc& desc, bool coherent);
    ~Surface();

    /** \brief Enters the surface in the Device's table. */
    static Ref<Surface> enroll(Device& device, KernelSurface kernel, const SurfaceDesc& desc, bool coherent);
    /** \brief Leaves the Device's table. */
    void strike();
    /** \brief Becomes \p kernel, with mutex_ held. */
    void become(KernelSurface kernel);
    /** \brief A command stream begins to name the surface. \return its handle, which does not change until endUse(). */
    uint32_t beginUse();
    void endUse() { pending_.fetch_sub(1, std::memory_order_acq_rel); }
    /** \brief The commands that name it are part of a batch. */
    void commitUse() { fresh_.store(false, std::memory_order_relaxed); }
    void zero(uint64_t bytes);
    void* beginMapping(Bo& bo, const MapAccess& access);

    Device& device_;
    const SurfaceDesc desc_;
    const bool coherent_;

    std::atomic<uint32_t> pending_{0}; ///< command streams that use it
    std::atomic<bool> used_{false};    ///< someone may have written it: mapped, named in a command stream, shared
    std::atomic<bool> fresh_{true};    ///< not mapped, named in committed commands or shared since made or renewed

    mutable std::mutex mutex_; ///< guards what follows, and the first use of what has none yet
    KernelSurface kernel_;
};

} // namespace svga::winsys
