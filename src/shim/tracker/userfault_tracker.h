// SPDX-License-Identifier: MIT
#pragma once

#include "shim/tracker/pagemap.h"
#include "shim/tracker/tracker_base.h"
#include "shim/tracker/userfault.h"
#include "util/unique_fd.h"

#include <sys/types.h>

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace svga::shim {

/**
 * \brief The modes Async and Thread.
 *
 * What holds of a followed page in each of its mappings, whenever mutex_ is free:
 *
 *  - mapped and protected: clean, current. CPU reads run at full speed; the first write is noticed: Async - by the
 * kernel, which removes the protection; Thread - by the handler thread, which removes it and adds the page to written_.
 *  - mapped and unprotected: written, current. collect() protects it again before it reports it.
 *  - not mapped, protection marker in the page table: clean. A touch is a minor fault: the handler thread maps the page
 *    protected, after readBack() if the page is stale.
 *  - not mapped, no marker: it was written, then dropped by invalidate() before it was collected. A scan sees it as
 * written, and the handler thread scans before it maps a page, lest the mark be lost. (Thread: the page is in written_
 * anyway.)
 *
 * Stale pages are never mapped. invalidate() drops them from every mapping (MADV_DONTNEED keeps protection markers
 * of shared memory); as only the handler thread maps pages, and does it under mutex_, none slips in again.
 * That rests on every page existing in the page cache: a page that does not is no minor fault but served by the kernel.
 * enable() therefore allocates its range before it registers the mappings.
 *
 * Without faults by system calls (UFFD_USER_MODE_ONLY) mappings are registered for write-protection alone: reads are
 * not noticed, nothing is ever stale, and no system call of the application can fail for our sake.
 */
class UserfaultTracker final : public TrackerBase {
public:
    /** \throws Error where the kernel or the process lacks what \p mode needs. */
    UserfaultTracker(TrackerMode mode, int guestMemory, ReadbackHandler& handler, Counters& counters);
    ~UserfaultTracker() override;

    TrackerMode mode() const override { return mode_; }
    bool readsAreTracked() const override { return readsAreTracked_; }
    void addMapping(void* address, uint64_t offset, uint64_t size) override;
    void removeMapping(void* address, uint64_t size) override;
    void enable(PageRun range) override;
    void disable(PageRun range) override;
    void collect(std::span<const PageRun> ranges, std::vector<PageRun>& written) override;
    void invalidate(PageRun range) override;
    void validate(PageRun range) override;
    std::vector<PageRun> stale(PageRun range) override;
    void prepare(PageRun range, bool write) override;
    FaultCounts faults(uint64_t offset) override;

private:
    void follow(const std::vector<Piece>& pieces);
    void unfollow(const std::vector<Piece>& pieces) noexcept;
    void drop(PageRun run) noexcept;
    void harvest(std::vector<Piece> pieces);
    uintptr_t extendScan(const std::vector<Piece>& pieces, size_t& next) const;
    void scan(uintptr_t start, uintptr_t end);
    void countWrites(PageRun run);

    void serveFaults() noexcept;
    void serveWrite(uintptr_t page);
    void serveTouch(uintptr_t page);
    void readBack(std::unique_lock<std::mutex>& lock, uint64_t offset);
    void mapAround(uintptr_t page);
    bool mapPages(uintptr_t start, uintptr_t end);

    const TrackerMode mode_;
    const int guestMemory_;
    ReadbackHandler& handler_;
    Userfault userfault_;
    std::unique_ptr<PagemapScanner> scanner_; ///< Async only
    bool readsAreTracked_;
    uint64_t registration_; ///< UFFDIO_REGISTER_MODE_*

    PageSet stale_;                ///< the device has newer content; under mutex_
    bool readingBack_ = false;     ///< the handler thread is in readBack(); under mutex_
    PageSet invalidatedMeanwhile_; ///< since that readBack() began: what it returns is no word on these; under mutex_

    PageSet prepared_;                       ///< made writable by prepare() and not protected since; under mutex_
    std::map<uint64_t, FaultCounts> faults_; ///< by the offset that a range was enabled at; under mutex_

    std::vector<PagemapScanner::AddressRange> scanned_; ///< scratch of harvest(); under mutex_

    const pid_t process_; ///< a fork's child has neither the thread nor the registrations
    UniqueFd stop_;       ///< an eventfd: readable when the thread is to end
    std::thread thread_;
};

} // namespace svga::shim
