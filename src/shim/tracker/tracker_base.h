// SPDX-License-Identifier: MIT
/**
 * \file
 * What all trackers have in common: which ranges are followed, where they are mapped, and what is known to be written.
 */
#pragma once

#include "shim/tracker/mapping_table.h"
#include "shim/tracker/page_set.h"
#include "shim/tracker/tracker.h"

#include <mutex>
#include <span>
#include <vector>

namespace svga::shim {

/** \brief State and helpers for the trackers. Every helper is called with mutex_ held. */
class TrackerBase : public Tracker {
protected:
    explicit TrackerBase(Counters& counters);

    /** \throws Error unless \p run consists of whole pages and does not wrap around. */
    void check(PageRun run) const;

    /** \brief The mapping that a caller describes, rounded up to whole pages as mmap does. \throws Error */
    Piece checkedMapping(void* address, uint64_t offset, uint64_t size) const;

    /** \brief Appends the followed parts of \p piece to \p pieces. */
    void appendFollowed(const Piece& piece, std::vector<Piece>& pieces) const;

    /** \brief The followed pieces that show \p run, in every mapping. */
    std::vector<Piece> followedShowing(PageRun run) const;

    /** \brief The followed pieces within [address, address + size). */
    std::vector<Piece> followedAt(uintptr_t address, uint64_t size) const;

    /** \brief Sorts \p found, appends it to \p written and counts it. */
    void report(std::vector<PageRun>& found, std::vector<PageRun>& written);

    const uint64_t pageSize_;
    Counters& counters_;

    std::mutex mutex_;
    MappingTable mappings_;
    PageSet enabled_;
    PageSet written_; ///< known to be written, and not yet reported
};

} // namespace svga::shim
