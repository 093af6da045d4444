// SPDX-License-Identifier: MIT
/**
 * \file
 * Guest memory: what is RAM to the device.
 *
 * One sparse memfd, of which the device maps all and the application maps the pieces that buffer objects take up.
 * Guest-physical address and file offset are the same number. Pages cost memory once they are touched; freed pages are
 * given back and read as zero when they are allocated again.
 */
#pragma once

#include "shim/kernel/page_runs.h"
#include "util/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace svga::shim {

/** \brief Hands out contiguous page runs of [begin, end): the smallest free one that fits. Not thread safe. */
class PageAllocator {
public:
    PageAllocator(uint64_t begin, uint64_t end);

    /** \brief \p size is rounded up to whole pages. Empty where no free run is large enough, or size is 0. */
    std::optional<PageRun> allocate(uint64_t size);
    /** \brief \p run came from allocate(). */
    void free(PageRun run);

    uint64_t freeBytes() const { return freeBytes_; }

private:
    void insert(uint64_t begin, uint64_t end);
    void erase(std::map<uint64_t, uint64_t>::iterator it);

    std::map<uint64_t, uint64_t> byOffset_;    ///< free runs: begin -> end
    std::multimap<uint64_t, uint64_t> bySize_; ///< size -> begin
    uint64_t freeBytes_ = 0;
};

class GuestMemory {
public:
    /** \throws Error where the memfd cannot be made or mapped. */
    explicit GuestMemory(uint64_t size);
    ~GuestMemory();
    GuestMemory(const GuestMemory&) = delete;
    GuestMemory& operator=(const GuestMemory&) = delete;

    uint64_t size() const { return size_; }
    int fd() const { return fd_.get(); }

    /** \brief The embedded kernel's own view, never tracked. */
    std::byte* at(uint64_t offset) const { return base_ + offset; }

    /** \brief Zeroed pages, or empty: out of guest memory. Any thread, as free(). */
    std::optional<PageRun> allocate(uint64_t size);
    void free(PageRun run);

private:
    uint64_t size_;
    UniqueFd fd_;
    std::byte* base_ = nullptr;
    std::mutex mutex_;
    PageAllocator allocator_;
};

} // namespace svga::shim
