// SPDX-License-Identifier: MIT
/**
 * \file
 * Keeping coherent surfaces coherent.
 *
 * A coherent surface has bytes in guest memory, where the CPU maps them, and a copy on the device. Of each page the
 * tracker knows whether the CPU has written it; of each subresource it is known here whether the device's copy is
 * newer.
 *
 * Before a batch: pages written since the last one become boxes, and the device is told to update them. Subresources
 * the batch writes become "newer on the device". How that comes back to the CPU depends on the tracker:
 *
 *  - It can make a CPU access wait (Tracker::readsAreTracked): the pages are invalidated before the batch is
 *    submitted, and the first touch reads back the subresources that the touched page holds (readBack).
 *    While a subresource is newer on the device none of its pages can be written, so no CPU write is ever overwritten.
 *  - It cannot: memory must be current when the fence signals, so the batch ends with a readback. The CPU may write
 * other bytes of the same page meanwhile, so such a surface is bound to a Shadow; merge() then copies to guest memory
 * only the bytes that the device changed. In mode All a page is uploaded only where it differs from the shadow.
 *
 * A surface whose memory is mapped nowhere is read back when it is mapped, not before.
 *
 * Several surfaces may share memory: each has a device's copy of its own. What the CPU wrote goes to each when it is
 * next used. What the device wrote to one is brought to memory before a batch uses another, and goes on to that from
 * there (settle). So of surfaces that share memory one at most is newer on the device; where a batch writes several,
 * ordering them is up to its commands, and the one written last counts.
 * All functions are called with the embedded kernel's lock held.
 */
#pragma once

#include "shim/kernel/objects.h"
#include "shim/tracker/tracker.h"

#include <memory>
#include <span>
#include <vector>

namespace svga::shim {

class CommandStream;
class Kernel;

/** \brief The subresources of a surface that a batch writes. */
struct SurfaceWrite {
    std::shared_ptr<Surface> surface;
    std::vector<bool> subresources;
    uint64_t order = 0; ///< of the last write: the higher the later
};

class Coherence {
public:
    explicit Coherence(Kernel& kernel);

    /** \brief Starts keeping \p surface coherent with the buffer object it is bound to. */
    void follow(Surface& surface);
    void unfollow(Surface& surface, CommandStream& commands);

    /**
     * \brief Prepares a batch that names \p surfaces and writes \p writes.
     *
     * \param before gets the updates the device must do first.
     * \param after gets the readbacks it must do last.
     * \param merges gets the surfaces to merge() when the batch is retired.
     */
    void prepare(std::span<const std::shared_ptr<Surface>> surfaces, std::span<const SurfaceWrite> writes,
                 CommandStream& before, CommandStream& after, std::vector<std::shared_ptr<Surface>>& merges);

    /**
     * \brief Has the device write back what is newer in the guest memory [offset, offset + size), a part of \p buffer.
     *
     * \param merges gets the surfaces to merge() after that. \return whether anything is newer.
     */
    bool readBack(BufferObject& buffer, uint64_t offset, uint64_t size, CommandStream& commands,
                  std::vector<Surface*>& merges);
    /** \brief The longest run of \p buffer around guest memory \p offset in which nothing is newer on the device. */
    PageRun currentAround(const BufferObject& buffer, uint64_t offset) const;

    /** \brief Brings what the device has read back into the shadow of \p surface to guest memory. */
    void merge(Surface& surface, uint64_t retired);

    // What the dirty-tracking ioctls ask of a buffer object that is tracked. Ranges are bytes of it, and count in whole
    // pages; memory that is to be accessed must be current (Kernel::startReadback()).

    /** \brief Notes what the CPU has written up to now, as the next batch would. */
    void scan(BufferObject& buffer);
    /** \brief The pages noted as written, and not uploaded to all surfaces. */
    std::vector<PageRun> dirty(const BufferObject& buffer) const;
    /** \brief The pages for which the device has, or is about to write, newer content. */
    std::vector<PageRun> stale(const BufferObject& buffer) const;
    /** \brief The CPU is about to read, or write, [begin, end): no faults need be taken for it. */
    void prepareAccess(BufferObject& buffer, uint64_t begin, uint64_t end, bool write);
    /** \brief Forgets what the device has newer in subresources that lie in [begin, end) as a whole. */
    void discard(BufferObject& buffer, uint64_t begin, uint64_t end);
    /** \brief Lets the CPU touch what is current without asking. */
    void validate(BufferObject& buffer);
    void setMode(BufferObject& buffer, enum drm_vmw_bo_tracking_mode mode);

    /** \brief The whole of \p surface is taken from guest memory before the next batch that names it. */
    void markWritten(Surface& surface);

private:
    PageRun pages(const Surface& surface, uint32_t subresource) const;
    void settle(std::span<const std::shared_ptr<Surface>> surfaces);
    static void markOthersWritten(const Surface& surface, PageRun pages);
    void collect(std::span<const std::shared_ptr<Surface>> surfaces);
    void collect(std::span<BufferObject* const> buffers);
    void upload(Surface& surface, CommandStream& commands);
    /// In the counters of the process and of the memory.
    void countUploaded(Surface& surface, uint64_t bytes);
    void uploadRuns(Surface& surface, std::span<const PageRun> runs, CommandStream& commands);
    void updateShadow(Surface& surface, std::vector<PageRun>& runs);
    bool needsShadow(const Surface& surface, bool written) const;
    void makeShadow(Surface& surface, CommandStream& commands);
    void readBackSubresource(Surface& surface, uint32_t subresource, CommandStream& commands);

    Kernel& kernel_;
};

} // namespace svga::shim
