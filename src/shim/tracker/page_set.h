// SPDX-License-Identifier: MIT
/**
 * \file
 * Sets of pages, kept as runs: what is followed, what is stale, what was written.
 */
#pragma once

#include "shim/tracker/tracker.h"

#include <cstdint>
#include <map>
#include <vector>

namespace svga::shim {

inline uint64_t end(const PageRun& run) {
    return run.offset + run.size;
}

/** \brief A set of pages of guest memory; adjacent runs are one. Cost is in runs, not pages. Not locked. */
class PageSet {
public:
    void add(PageRun run);
    void remove(PageRun run);

    /** \brief The part of the set within \p run, in ascending order. */
    std::vector<PageRun> within(PageRun run) const;

    /** \brief As within(), and takes that part out of the set. */
    std::vector<PageRun> take(PageRun run);

    /** \brief The part of \p run that is not in the set, in ascending order. */
    std::vector<PageRun> missingFrom(PageRun run) const;

    /** \brief The longest run around \p offset whose pages are all in the set (or all outside it, where \p offset is).
     */
    PageRun runAround(uint64_t offset) const;

    bool contains(uint64_t offset) const;
    bool empty() const { return ends_.empty(); }

private:
    std::map<uint64_t, uint64_t> ends_; ///< end of each run, by its start
};

/** \brief Sorts \p runs and joins those that touch or overlap. */
void sortAndMerge(std::vector<PageRun>& runs);

} // namespace svga::shim
