// SPDX-License-Identifier: MIT
#include "shim/tracker/all_tracker.h"

namespace svga::shim {

void AllTracker::addMapping(void* address, uint64_t offset, uint64_t size) {
    const Piece mapping = checkedMapping(address, offset, size);
    std::lock_guard lock(mutex_);
    mappings_.add(mapping);
}

void AllTracker::removeMapping(void* address, uint64_t size) {
    const Piece removed = checkedMapping(address, 0, size);
    std::lock_guard lock(mutex_);
    for (const Piece& piece : followedAt(removed.address, removed.size))
        written_.add(piece.run());
    mappings_.remove(removed.address, removed.size);
}

void AllTracker::enable(PageRun range) {
    check(range);
    std::lock_guard lock(mutex_);
    enabled_.add(range);
}

void AllTracker::disable(PageRun range) {
    check(range);
    std::lock_guard lock(mutex_);
    enabled_.remove(range);
    written_.remove(range);
}

void AllTracker::collect(std::span<const PageRun> ranges, std::vector<PageRun>& written) {
    for (const PageRun& range : ranges)
        check(range);
    std::lock_guard lock(mutex_);
    std::vector<PageRun> found;
    for (const PageRun& range : ranges) {
        for (const PageRun& run : written_.take(range))
            found.push_back(run);
        for (const Piece& piece : followedShowing(range))
            found.push_back(piece.run());
    }
    report(found, written);
}

void AllTracker::invalidate(PageRun range) {
    check(range);
}

void AllTracker::validate(PageRun range) {
    check(range);
}

std::vector<PageRun> AllTracker::stale(PageRun range) {
    check(range);
    return {};
}

void AllTracker::prepare(PageRun range, bool write) {
    check(range);
    if (!write)
        return;
    std::lock_guard lock(mutex_);
    for (const PageRun& run : enabled_.within(range)) {
        for (const Piece& piece : mappings_.showing(run))
            written_.add(piece.run());
    }
}

} // namespace svga::shim
