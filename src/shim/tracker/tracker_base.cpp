// SPDX-License-Identifier: MIT
#include "shim/tracker/tracker_base.h"

#include "util/error.h"

#include <unistd.h>

#include <limits>

namespace svga::shim {

TrackerBase::TrackerBase(Counters& counters)
    : pageSize_(static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)))
    , counters_(counters) {}

void TrackerBase::check(PageRun run) const {
    if (run.offset % pageSize_ || run.size % pageSize_)
        throw Error("tracker: [{:#x}, +{:#x}) of guest memory is not made of whole pages", run.offset, run.size);
    if (run.size > std::numeric_limits<uint64_t>::max() - run.offset)
        throw Error("tracker: [{:#x}, +{:#x}) of guest memory wraps around", run.offset, run.size);
}

Piece TrackerBase::checkedMapping(void* address, uint64_t offset, uint64_t size) const {
    const auto start = reinterpret_cast<uintptr_t>(address);
    const uint64_t rounded = (size + pageSize_ - 1) / pageSize_ * pageSize_;
    if (start % pageSize_ || rounded < size || rounded > std::numeric_limits<uintptr_t>::max() - start)
        throw Error("tracker: [{:#x}, +{:#x}) is no mapping", start, size);
    check({offset, rounded});
    return {start, offset, rounded};
}

void TrackerBase::appendFollowed(const Piece& piece, std::vector<Piece>& pieces) const {
    for (const PageRun& run : enabled_.within(piece.run()))
        pieces.push_back({piece.address + (run.offset - piece.offset), run.offset, run.size});
}

std::vector<Piece> TrackerBase::followedShowing(PageRun run) const {
    std::vector<Piece> pieces;
    for (const Piece& piece : mappings_.showing(run))
        appendFollowed(piece, pieces);
    return pieces;
}

std::vector<Piece> TrackerBase::followedAt(uintptr_t address, uint64_t size) const {
    std::vector<Piece> pieces;
    for (const Piece& piece : mappings_.at(address, size))
        appendFollowed(piece, pieces);
    return pieces;
}

void TrackerBase::report(std::vector<PageRun>& found, std::vector<PageRun>& written) {
    sortAndMerge(found);
    uint64_t bytes = 0;
    for (const PageRun& run : found)
        bytes += run.size;
    counters_.pages_dirtied += bytes / pageSize_;
    counters_.bytes_written += bytes;
    written.insert(written.end(), found.begin(), found.end());
}

} // namespace svga::shim
