// SPDX-License-Identifier: MIT
/**
 * \file
 * Dirty tracking of mapped guest memory, from user space.
 *
 * Guest memory is one memfd. The embedded kernel sees it through a mapping of its own (never tracked); the application
 * sees pieces of it through mappings that it makes and unmaps at will, several of the same piece if it likes. A Tracker
 * answers, for any range of guest memory and over all mappings of it, the two questions that coherence rests on:
 *
 *  - which pages has the CPU written since I last asked? (collect)
 *  - tell me before the CPU next touches these pages, for the device has newer content. (invalidate, ReadbackHandler)
 *
 * Both are answered by the kernel's own page tables (userfaultfd), so writes and reads by system calls - read(2) into a
 * mapping, write(2) from it - count like any other. No signal handler is involved.
 *
 * Limits: only MAP_SHARED mappings are to be reported (what a private one is written to is no guest memory). Device DMA
 * by the kernel into pinned pages (O_DIRECT, io_uring buffers) goes past the page tables and is not seen. A child of
 * fork() shares guest memory but nothing of the tracker: its mappings are not followed, and it must not call the
 * tracker it inherits (destroying that is safe, and does nothing).
 *
 * Offsets and sizes are bytes of guest memory, in whole pages of the system; anything else is an Error. All functions
 * may be called from any thread, except that a ReadbackHandler's thread must not destroy the tracker.
 */
#pragma once

#include "util/counters.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace svga::shim {

enum class TrackerMode : uint8_t {
    Async,  ///< userfaultfd asynchronous write-protect + PAGEMAP_SCAN (Linux >= 6.7)
    Thread, ///< userfaultfd with a handler thread that notes each first write
    All     ///< no userfaultfd: every mapped page counts as written
};

std::string_view name(TrackerMode mode);

/** \brief A run of whole pages of guest memory. */
struct PageRun {
    uint64_t offset;
    uint64_t size;
    bool operator==(const PageRun&) const = default;
};

/** \brief Page faults of the application that tracking has cost. */
struct FaultCounts {
    uint64_t touches = 0; ///< served by mapping pages
    uint64_t writes = 0;  ///< of a protected page, which became writable
    bool operator==(const FaultCounts&) const = default;
};

/** \brief Brings guest memory up to date; implemented by the embedded kernel. */
class ReadbackHandler {
public:
    virtual ~ReadbackHandler() = default;

    /**
     * \brief Called on the tracker's thread when the CPU touches an invalidated page.
     *
     * Waits for the device, has it write its content back to pages that are stale(), and returns the run (containing \p
     * offset) that is current now. The run's pages become accessible when it returns, except those that invalidate()
     * was called for in the meantime: it is then called again. It may call the tracker. It must not touch application
     * mappings, and must not wait for a lock under which application memory is touched (mind stdio: fwrite() from a
     * mapping holds its stream's). It cannot fail: where the device is lost the old content stands.
     */
    virtual PageRun readBack(uint64_t offset) noexcept = 0;
};

class Tracker {
public:
    virtual ~Tracker() = default;

    virtual TrackerMode mode() const = 0;

    /**
     * \brief Whether invalidated pages are noticed on touch, by user code and by system calls alike.
     *
     * False in mode All, and where only UFFD_USER_MODE_ONLY is allowed (a system call would fail with EFAULT):
     * the embedded kernel must then read back before the fence signals.
     */
    virtual bool readsAreTracked() const = 0;

    /** \brief The application has mapped [offset, offset + size) of guest memory at \p address. \throws Error */
    virtual void addMapping(void* address, uint64_t offset, uint64_t size) = 0;

    /**
     * \brief [address, address + size) is about to be unmapped or replaced; may be part of a mapping, or of several.
     *
     * Writes made through it so far are still reported by the next collect(). A mapping that mremap moves is removed
     * before and added after.
     */
    virtual void removeMapping(void* address, uint64_t size) = 0;

    /**
     * \brief Starts following a range: from now on writes to it are noticed. Pages start clean.
     *
     * Mappings of ranges that nobody follows cost nothing. Ranges may be enabled before or after they are mapped.
     * Where reads are tracked the range is allocated, and must not be punched out of guest memory while it is enabled.
     * \throws Error
     */
    virtual void enable(PageRun range) = 0;

    /** \brief Stops following a range: its mappings are ordinary ones again, and what was not collected is forgotten.
     */
    virtual void disable(PageRun range) = 0;

    /**
     * \brief Appends to \p written the pages of \p ranges written since the last collect, sorted and merged.
     *
     * \p ranges may be in any order and overlap. Pages that are not enabled are not reported.
     * Re-protects first, so that a write which races with the call is either reported now or by the next call, never
     * lost.
     */
    virtual void collect(std::span<const PageRun> ranges, std::vector<PageRun>& written) = 0;

    /**
     * \brief The device is about to get newer content for \p range: the CPU's next touch must wait for a readback.
     *
     * From the return of this call no CPU access to the range completes until readBack() has returned for it (or
     * validate() was called). Writes made before are still reported by the next collect(). A touch may ask for a
     * readback at once: whoever invalidates keeps readBack() waiting until the device's commands are on their way. Only
     * the enabled part of the range is affected; nothing happens where reads are not tracked.
     */
    virtual void invalidate(PageRun range) = 0;

    /** \brief Guest memory of \p range is current: touches no longer need a readback. */
    virtual void validate(PageRun range) = 0;

    /**
     * \brief The pages of \p range that are invalidated and were not read back since, in ascending order.
     *
     * These alone may a readback write: the CPU may have written the others, and that not been collected yet.
     */
    virtual std::vector<PageRun> stale(PageRun range) = 0;

    /**
     * \brief The CPU is about to access \p range: spares it the page faults, in every mapping there is.
     *
     * With \p write the range counts as written: the next collect() reports it, wherever it is mapped. Only the enabled
     * part of the range is affected, and pages that are invalidated are left out.
     */
    virtual void prepare(PageRun range, bool write) = 0;

    /** \brief The faults paid in the range that was enabled at \p offset, since then. */
    virtual FaultCounts faults(uint64_t offset) = 0;
};

/** \brief What to use; Best is the first of Async, Thread and All that this system and process may use. */
enum class TrackerChoice : uint8_t { Best, Async, Thread, All };

/**
 * \brief Makes the tracker of this process's mappings of one guest memory.
 *
 * \param guestMemory the memfd that is guest memory; offsets of the mappings are offsets in it. Only borrowed for the
 * tracker's life: enable() allocates through it, because a touch is noticed only where a page exists. \param handler
 * outlives the tracker, as does \p counters. \throws Error if the chosen mode cannot be had here; the message says why.
 */
std::unique_ptr<Tracker> createTracker(TrackerChoice choice, int guestMemory, ReadbackHandler& handler,
                                       Counters& counters);

} // namespace svga::shim
