// SPDX-License-Identifier: MIT
#include "shim/tracker/page_set.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace svga::shim {

void PageSet::add(PageRun run) {
    if (!run.size)
        return;
    uint64_t start = run.offset;
    uint64_t stop = end(run);
    auto next = ends_.upper_bound(start);
    if (next != ends_.begin() && std::prev(next)->second >= start)
        --next;
    while (next != ends_.end() && next->first <= stop) {
        start = std::min(start, next->first);
        stop = std::max(stop, next->second);
        next = ends_.erase(next);
    }
    ends_.emplace_hint(next, start, stop);
}

void PageSet::remove(PageRun run) {
    for (const PageRun& part : within(run)) {
        auto whole = std::prev(ends_.upper_bound(part.offset));
        const uint64_t stop = whole->second;
        if (whole->first == part.offset)
            ends_.erase(whole);
        else
            whole->second = part.offset;
        if (stop > end(part))
            ends_.emplace(end(part), stop);
    }
}

std::vector<PageRun> PageSet::within(PageRun run) const {
    std::vector<PageRun> parts;
    auto next = ends_.upper_bound(run.offset);
    if (next != ends_.begin() && std::prev(next)->second > run.offset)
        --next;
    for (; next != ends_.end() && next->first < end(run); ++next) {
        const uint64_t start = std::max(next->first, run.offset);
        parts.push_back({start, std::min(next->second, end(run)) - start});
    }
    return parts;
}

std::vector<PageRun> PageSet::take(PageRun run) {
    std::vector<PageRun> parts = within(run);
    remove(run);
    return parts;
}

std::vector<PageRun> PageSet::missingFrom(PageRun run) const {
    std::vector<PageRun> gaps;
    uint64_t at = run.offset;
    for (const PageRun& part : within(run)) {
        if (part.offset > at)
            gaps.push_back({at, part.offset - at});
        at = end(part);
    }
    if (at < end(run))
        gaps.push_back({at, end(run) - at});
    return gaps;
}

PageRun PageSet::runAround(uint64_t offset) const {
    const auto next = ends_.upper_bound(offset);
    uint64_t start = 0;
    if (next != ends_.begin()) {
        const auto last = std::prev(next);
        if (last->second > offset)
            return {last->first, last->second - last->first};
        start = last->second;
    }
    const uint64_t stop = next == ends_.end() ? std::numeric_limits<uint64_t>::max() : next->first;
    return {start, stop - start};
}

bool PageSet::contains(uint64_t offset) const {
    const auto next = ends_.upper_bound(offset);
    return next != ends_.begin() && std::prev(next)->second > offset;
}

void sortAndMerge(std::vector<PageRun>& runs) {
    std::sort(runs.begin(), runs.end(), [](const PageRun& a, const PageRun& b) { return a.offset < b.offset; });
    size_t count = 0;
    for (const PageRun& run : runs) {
        if (count && end(runs[count - 1]) >= run.offset) {
            PageRun& last = runs[count - 1];
            last.size = std::max(end(last), end(run)) - last.offset;
        } else {
            runs[count++] = run;
        }
    }
    runs.resize(count);
}

} // namespace svga::shim
