// SPDX-License-Identifier: MIT
/**
 * \file
 * The one counter set of the whole stack.
 *
 * The launcher creates a page of shared memory that holds one Counters object and hands its path to every process it
 * starts (environment variable SVGA_SHIM_COUNTERS). The embedded kernel in each of them adds to it, so that the figures are
 * there even when a program is killed or never returns from main. All members only ever grow, are added to from any
 * thread of any process, and carry no ordering: read them when the writers are gone, or as an approximation.
 */
#pragma once

#include <atomic>
#include <cstdint>

namespace svga {

struct Counters {
    using Counter = std::atomic<uint64_t>;
    static_assert(Counter::is_always_lock_free, "counters are shared between processes");

    Counter write_faults;        ///< first writes to a protected page that were seen (async: pages found written)
    Counter read_faults;         ///< first touches of a page whose newest content was on the device
    Counter pages_dirtied;       ///< pages found written at a submission
    Counter bytes_written;       ///< bytes of those pages (pages_dirtied * page size)
    Counter bytes_uploaded;      ///< bytes of the boxes the embedded kernel had the device update from guest memory
    Counter bytes_read_back;     ///< bytes the embedded kernel had the device write back to guest memory
    Counter submits;             ///< execution requests (EXECBUF) accepted
    Counter fences_waited;       ///< times a thread blocked until a fence signalled
    Counter userspace_updates;   ///< UPDATE_* commands that came from user space
    Counter userspace_readbacks; ///< READBACK_* commands that came from user space
    Counter scans;               ///< times mappings were scanned for written pages
    Counter scan_nanoseconds;    ///< time spent in those scans
    Counter tracker;             ///< shim::TrackerMode in use plus one; 0: no device was opened
    Counter zero_copy;           ///< 1 where the device draws buffers straight from guest memory
    Counter devices;             ///< devices opened, each with a process of its own
};

} // namespace svga
