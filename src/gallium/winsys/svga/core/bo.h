// SPDX-License-Identifier: MIT
/**
 * \file
 * Buffer objects: guest memory that the device can reach as a MOB.
 */
#pragma once

#include "gallium/winsys/svga/core/device.h"

namespace svga::winsys {

/** \brief What the CPU is about to do with memory that the device may be using. */
struct CpuAccess {
    bool write = false;     ///< it will write; otherwise it only reads
    bool dontBlock = false; ///< fail instead of waiting for the device
    /**
     * Keep other processes' submissions (and this one's) that use the memory out until Bo::endCpuAccess(). Not for
     * mappings that live across submissions: those would wait for themselves.
     */
    bool exclusive = false;
};

/**
 * \brief A kernel buffer object, mapped at first need and then until it is destroyed.
 *
 * Its handle is what a command stream carries as MOB id; the kernel puts the real one there. The kernel hands out
 * zeroed memory and keeps it alive until the device has finished with it, so dropping the last reference early is safe.
 * Any thread.
 */
class Bo final : public RefCounted<Bo> {
public:
    /** \brief Allocates \p size bytes of zeroed memory. Throws Error. */
    static Ref<Bo> create(Device& device, uint32_t size);

    /** \brief Takes over kernel handle \p handle of \p size bytes, mappable at offset \p mapHandle. */
    static Ref<Bo> adopt(Device& device, uint32_t handle, uint64_t mapHandle, uint32_t size);

    uint32_t handle() const { return handle_; }
    uint32_t size() const { return size_; } ///< bytes

    /** \brief The memory, for reading and writing; the same address each time. Waits for nothing. Throws Error. */
    void* map();

    /**
     * \brief Maps the first \p size bytes, whole pages, once more: at \p address, in place of what is mapped there.
     * Whoever asks for that unmaps it (munmap()). Throws Error.
     */
    void mapAt(void* address, size_t size);

    /** \brief Gives the address space back. No pointer from map() may be in use any more. */
    void unmap();

    /**
     * \brief Waits until the device's submitted work allows \p access.
     * \return false where it would have had to wait and access.dontBlock is set. Throws Error on any other failure.
     *
     * An exclusive access that was granted is ended by endCpuAccess() with the same argument.
     */
    bool beginCpuAccess(const CpuAccess& access);
    void endCpuAccess(const CpuAccess& access);

    /**
     * \brief Says that draws may write here without naming the surface: it has a view to render to or to store through.
     * Such a view stays bound from batch to batch.
     */
    void markOutput() { output_.store(true, std::memory_order_relaxed); }
    bool isOutput() const { return output_.load(std::memory_order_relaxed); }

    /**
     * \brief The memory, ready for \p access: waits as beginCpuAccess() does, unless \p synchronized is false.
     * \return null where it would have had to wait and access.dontBlock is set. Throws Error.
     *
     * Ended by endMapping(), through whichever surface is on the memory then. Which of several mappings ends is not
     * known: exclusive accesses are held as long as one of the rest may need them.
     */
    void* beginMapping(const CpuAccess& access, bool synchronized);
    void endMapping();

    /**
     * \brief Announces that the CPU is going to write [\p offset, \p offset + \p length) of the mapped memory before it
     * is next submitted, most of it at least: the kernel takes all of it for written, without a page fault for each
     * page.
     *
     * \param discard what is there may be lost, and is not read back for the sake of what is overwritten.
     * A hint. Nothing happens where the kernel does not take such, has nothing to track here (the device draws from the
     * memory itself), or the range is so small that faults cost less, or so large that uploading in vain would cost
     * more.
     */
    void announceWrite(uint64_t offset, uint64_t length, bool discard);

    /** \brief Whether there are mappings that have not ended. */
    bool isMapped() const;
    /** \brief Whether several surfaces have their content here. */
    bool isShared() const { return surfaces_.load(std::memory_order_relaxed) > 1; }

private:
    friend class RefCounted<Bo>;
    friend class Surface;
    Bo(Device& device, uint32_t handle, uint64_t mapHandle, uint32_t size);
    ~Bo();

    Device& device_;
    const uint32_t handle_;
    const uint64_t mapHandle_;
    const uint32_t size_;

    mutable std::mutex mapMutex_;
    std::atomic<void*> address_{nullptr};
    std::atomic<bool> output_{false};
    std::atomic<bool> untracked_{false};     ///< the kernel has said so
    size_t mappings_ = 0;                    ///< begun and not ended
    std::vector<CpuAccess> exclusiveAccess_; ///< what some of them hold
    std::atomic<uint32_t> surfaces_{0};      ///< surfaces of this Device that are backed by it
};

} // namespace svga::winsys
