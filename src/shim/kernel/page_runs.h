// SPDX-License-Identifier: MIT
#pragma once

#include "shim/tracker/tracker.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

namespace svga::shim {

inline constexpr uint64_t kPageSize = 4096;

constexpr uint64_t pageFloor(uint64_t value) {
    return value & ~(kPageSize - 1);
}
constexpr uint64_t pageCeil(uint64_t value) {
    return pageFloor(value + kPageSize - 1);
}

/** \brief The whole pages that hold bytes [begin, end). */
constexpr PageRun pagesOf(uint64_t begin, uint64_t end) {
    return {pageFloor(begin), pageCeil(end) - pageFloor(begin)};
}

/** \brief A set of pages as disjoint runs that do not touch each other, in order. */
class PageRunSet {
public:
    bool empty() const { return runs_.empty(); }
    void clear() { runs_.clear(); }

    void add(PageRun run) {
        if (run.size == 0)
            return;
        uint64_t begin = run.offset;
        uint64_t end = run.offset + run.size;
        auto it = runs_.upper_bound(begin);
        if (it != runs_.begin() && std::prev(it)->second >= begin) {
            --it;
            begin = it->first;
        }
        while (it != runs_.end() && it->first <= end) {
            end = std::max(end, it->second);
            it = runs_.erase(it);
        }
        runs_.emplace(begin, end);
    }

    std::vector<PageRun> runs() const {
        std::vector<PageRun> list;
        list.reserve(runs_.size());
        for (auto [begin, end] : runs_)
            list.push_back({begin, end - begin});
        return list;
    }

private:
    std::map<uint64_t, uint64_t> runs_; ///< begin -> end
};

} // namespace svga::shim
