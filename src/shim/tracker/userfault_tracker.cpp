// SPDX-License-Identifier: MIT
#include "shim/tracker/userfault_tracker.h"

#include "shim/tracker/kernel_check.h"
#include "shim/tracker/system_call.h"
#include "shim/tracker/userfault_uapi.h"
#include "util/error.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>

namespace svga::shim {

namespace {

/// Tracked pages nobody asked about are scanned along, and remembered, if that saves a system call: the cost of one in
/// pages.
constexpr uint64_t kScanGapPages = 32;

/// A touch maps the current pages around it, within an aligned window of this size: cheap per page, bounded in time.
constexpr uint64_t kMapWindow = 4u << 20;

/// Pages found mapped on the way that mapping a window steps over, before it is left to later touches.
constexpr unsigned kMapSkips = 8;

uint64_t requiredFeatures(TrackerMode mode) {
    constexpr uint64_t protection = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM;
    constexpr uint64_t asynchronous = UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_WP_ASYNC;
    return mode == TrackerMode::Async ? protection | asynchronous : protection;
}

/** \brief Starts a thread that no signal of the application is ever delivered to. */
template <typename Function>
std::thread startThread(const char* name, Function function) {
    sigset_t all;
    sigset_t previous;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous);
    std::thread thread;
    try {
        thread = std::thread(std::move(function));
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &previous, nullptr);
        throw;
    }
    pthread_sigmask(SIG_SETMASK, &previous, nullptr);
    pthread_setname_np(thread.native_handle(), name);
    return thread;
}

} // namespace

UserfaultTracker::UserfaultTracker(TrackerMode mode, int guestMemory, ReadbackHandler& handler, Counters& counters)
    : TrackerBase(counters)
    , mode_(mode)
    , guestMemory_(guestMemory)
    , handler_(handler)
    , userfault_(requiredFeatures(mode), UFFD_FEATURE_MINOR_SHMEM)
    , scanner_(mode == TrackerMode::Async ? std::make_unique<PagemapScanner>() : nullptr)
    , process_(::getpid())
    , stop_(::eventfd(0, EFD_CLOEXEC)) {
    if (!stop_)
        throw Error("eventfd: {}", std::strerror(errno));
    if (mode == TrackerMode::Thread && !userfault_.servesSystemCalls())
        throw Error(
            "only UFFD_USER_MODE_ONLY is allowed here: a read(2) into a protected mapping would fail "
            "(root, CAP_SYS_PTRACE, sysctl vm.unprivileged_userfaultfd=1 or access to /dev/userfaultfd would help)");
    readsAreTracked_ = userfault_.servesSystemCalls() && canProceedProtected(userfault_);
    registration_ = UFFDIO_REGISTER_MODE_WP | (readsAreTracked_ ? UFFDIO_REGISTER_MODE_MINOR : 0);
    if (scanner_)
        checkAsyncProtection(userfault_, *scanner_);
    if (mode == TrackerMode::Thread || readsAreTracked_)
        thread_ = startThread("svga-tracker", [this] { serveFaults(); });
}

UserfaultTracker::~UserfaultTracker() {
    if (!thread_.joinable())
        return;
    if (::getpid() != process_) {
        thread_.detach();
        return;
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t size = sys::write(stop_.get(), &one, sizeof one);
    thread_.join();
    // Closing the userfaultfd unregisters all mappings and lets who waits go on.
}

void UserfaultTracker::addMapping(void* address, uint64_t offset, uint64_t size) {
    const Piece mapping = checkedMapping(address, offset, size);
    std::lock_guard lock(mutex_);
    std::vector<Piece> pieces;
    appendFollowed(mapping, pieces);
    follow(pieces);
    mappings_.add(mapping);
    // MAP_POPULATE and mremap bring pages along.
    for (const PageRun& run : stale_.within(mapping.run()))
        drop(run);
}

void UserfaultTracker::removeMapping(void* address, uint64_t size) {
    const Piece removed = checkedMapping(address, 0, size);
    std::lock_guard lock(mutex_);
    const std::vector<Piece> pieces = followedAt(removed.address, removed.size);
    harvest(pieces);
    unfollow(pieces);
    mappings_.remove(removed.address, removed.size);
}

void UserfaultTracker::enable(PageRun range) {
    check(range);
    std::lock_guard lock(mutex_);
    std::vector<Piece> pieces;
    for (const PageRun& run : enabled_.missingFrom(range)) {
        const auto offset = static_cast<off_t>(run.offset);
        if (readsAreTracked_ && sys::fallocate(guestMemory_, FALLOC_FL_KEEP_SIZE, offset, static_cast<off_t>(run.size)))
            throw Error("allocating [{:#x}, +{:#x}) of guest memory: {}", run.offset, run.size, std::strerror(errno));
        const std::vector<Piece> shown = mappings_.showing(run);
        pieces.insert(pieces.end(), shown.begin(), shown.end());
    }
    follow(pieces);
    enabled_.add(range);
    faults_.try_emplace(range.offset);
}

void UserfaultTracker::disable(PageRun range) {
    check(range);
    std::lock_guard lock(mutex_);
    unfollow(followedShowing(range));
    enabled_.remove(range);
    written_.remove(range);
    stale_.remove(range);
    invalidatedMeanwhile_.remove(range);
    prepared_.remove(range);
    faults_.erase(faults_.lower_bound(range.offset), faults_.lower_bound(end(range)));
}

void UserfaultTracker::collect(std::span<const PageRun> ranges, std::vector<PageRun>& written) {
    for (const PageRun& range : ranges)
        check(range);
    std::lock_guard lock(mutex_);
    if (mode_ == TrackerMode::Async) {
        std::vector<Piece> pieces;
        for (const PageRun& range : ranges)
            for (const Piece& piece : mappings_.showing(range))
                appendFollowed(piece, pieces);
        harvest(std::move(pieces));
    }
    std::vector<PageRun> found;
    for (const PageRun& range : ranges)
        for (const PageRun& run : written_.take(range))
            found.push_back(run);
    if (mode_ == TrackerMode::Thread) {
        for (const PageRun& run : found) {
            for (const Piece& piece : followedShowing(run))
                userfault_.protect(piece.address, piece.size);
            prepared_.remove(run);
        }
    }
    report(found, written);
}

void UserfaultTracker::invalidate(PageRun range) {
    check(range);
    std::lock_guard lock(mutex_);
    if (!readsAreTracked_)
        return;
    for (const PageRun& followed : enabled_.within(range)) {
        if (readingBack_)
            invalidatedMeanwhile_.add(followed);
        for (const PageRun& fresh : stale_.missingFrom(followed))
            drop(fresh);
        stale_.add(followed);
    }
}

void UserfaultTracker::validate(PageRun range) {
    check(range);
    std::lock_guard lock(mutex_);
    stale_.remove(range);
    invalidatedMeanwhile_.remove(range);
}

std::vector<PageRun> UserfaultTracker::stale(PageRun range) {
    check(range);
    std::lock_guard lock(mutex_);
    return stale_.within(range);
}

void UserfaultTracker::prepare(PageRun range, bool write) {
    check(range);
    std::lock_guard lock(mutex_);
    if (prepared_.missingFrom(range).empty())
        return;
    std::vector<Piece> pieces;
    for (const PageRun& followed : enabled_.within(range)) {
        for (const PageRun& current : stale_.missingFrom(followed)) {
            const std::vector<Piece> shown = followedShowing(current);
            pieces.insert(pieces.end(), shown.begin(), shown.end());
        }
    }
    // What is mapped already is mapped anew, for an entry that was protected stays read-only until its next fault.
    if (readsAreTracked_) {
        for (const Piece& piece : pieces)
            drop(piece.run());
    }
    harvest(pieces); // before anything is mapped or made writable: what was written by now is known by that alone
    for (const Piece& piece : pieces) {
        if (write) {
            written_.add(piece.run());
            prepared_.add(piece.run());
            userfault_.unprotect(piece.address, piece.size);
        }
        if (readsAreTracked_)
            userfault_.proceed(piece.address, piece.size, write);
    }
}

FaultCounts UserfaultTracker::faults(uint64_t offset) {
    std::lock_guard lock(mutex_);
    const auto entry = faults_.find(offset);
    return entry == faults_.end() ? FaultCounts{} : entry->second;
}

/** \brief Registers and protects; all or nothing. */
void UserfaultTracker::follow(const std::vector<Piece>& pieces) {
    try {
        for (const Piece& piece : pieces) {
            userfault_.add(piece.address, piece.size, registration_);
            if (const int error = userfault_.protect(piece.address, piece.size))
                throw Error("userfaultfd: protecting [{:#x}, {:#x}): {}", piece.address, piece.end(),
                            std::strerror(error));
        }
    } catch (...) {
        unfollow(pieces);
        throw;
    }
}

void UserfaultTracker::unfollow(const std::vector<Piece>& pieces) noexcept {
    for (const Piece& piece : pieces)
        userfault_.remove(piece.address, piece.size);
}

/** \brief Takes the pages of \p run out of every mapping; locked ones (mlock) too. */
void UserfaultTracker::drop(PageRun run) noexcept {
    for (const Piece& piece : followedShowing(run))
        sys::madvise(reinterpret_cast<void*>(piece.address), piece.size, MADV_DONTNEED_LOCKED);
}

/** \brief Async: adds to written_ what was written through \p pieces, and protects that again. Thread: nothing to do.
 */
void UserfaultTracker::harvest(std::vector<Piece> pieces) {
    if (mode_ != TrackerMode::Async)
        return;
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.address < b.address; });
    scanned_.clear();
    for (size_t next = 0; next < pieces.size();) {
        const uintptr_t start = pieces[next].address;
        scan(start, extendScan(pieces, next));
    }
    // Only now: a page may be found in several mappings.
    for (const auto& range : scanned_)
        for (const Piece& piece : mappings_.at(range.start, range.end - range.start))
            prepared_.remove(piece.run());
}

/**
 * \brief Where a scan that begins with piece \p next may end: over as many pieces as are close by.
 * \param next left at the first piece that it does not reach
 */
uintptr_t UserfaultTracker::extendScan(const std::vector<Piece>& pieces, size_t& next) const {
    uintptr_t stop = pieces[next].end();
    for (++next; next < pieces.size(); ++next) {
        const Piece& piece = pieces[next];
        if (piece.address > stop) {
            const uint64_t gap = piece.address - stop;
            uint64_t followed = 0;
            if (gap <= kScanGapPages * pageSize_)
                for (const Piece& between : followedAt(stop, gap))
                    followed += between.size;
            if (followed != gap)
                break;
        }
        stop = std::max(stop, piece.end());
    }
    return stop;
}

void UserfaultTracker::scan(uintptr_t start, uintptr_t end) {
    const size_t known = scanned_.size();
    const auto before = std::chrono::steady_clock::now();
    const int error = scanner_->scan(start, end, scanned_);
    const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - before;
    ++counters_.scans;
    counters_.scan_nanoseconds += static_cast<uint64_t>(spent.count());
    // Someone mapped something else there behind our back. What the kernel protected before it noticed is unknown.
    if (error) {
        scanned_.resize(known);
        scanned_.push_back({start, end});
    }
    for (size_t i = known; i < scanned_.size(); ++i) {
        const auto& range = scanned_[i];
        for (const Piece& piece : mappings_.at(range.start, range.end - range.start)) {
            for (const PageRun& run : prepared_.missingFrom(piece.run()))
                countWrites(run);
            written_.add(piece.run());
        }
    }
}

void UserfaultTracker::countWrites(PageRun run) {
    counters_.write_faults += run.size / pageSize_;
    for (uint64_t at = run.offset; at < end(run);) {
        const auto next = faults_.upper_bound(at);
        const uint64_t stop = next == faults_.end() ? end(run) : std::min(next->first, end(run));
        if (next != faults_.begin())
            std::prev(next)->second.writes += (stop - at) / pageSize_;
        at = stop;
    }
}

/** \brief The handler thread. */
void UserfaultTracker::serveFaults() noexcept {
    std::array<pollfd, 2> waits{pollfd{userfault_.fd(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
    for (;;) {
        if (::syscall(SYS_poll, waits.data(), waits.size(), -1) < 0 && errno != EINTR)
            return;
        if (waits[1].revents)
            return;
        uffd_msg message;
        if (!userfault_.read(message) || message.event != UFFD_EVENT_PAGEFAULT)
            continue;
        const uintptr_t page = message.arg.pagefault.address / pageSize_ * pageSize_;
        if (message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
            serveWrite(page);
        else
            serveTouch(page);
        // Whatever came of it - the mapping may be gone by now - who waits there must look again.
        userfault_.wake(page, pageSize_);
    }
}

/** \brief Thread: the first write to a protected page. */
void UserfaultTracker::serveWrite(uintptr_t page) {
    std::lock_guard lock(mutex_);
    for (const Piece& piece : followedAt(page, pageSize_)) {
        // Dropped since the fault: the writer comes back with a touch. Counting the page as written now would let
        // content that is older than the device's be taken for newer.
        if (stale_.contains(piece.offset))
            return;
        countWrites(piece.run());
        written_.add(piece.run());
        userfault_.unprotect(piece.address, piece.size);
    }
}

/** \brief The first touch of a page that is not mapped. */
void UserfaultTracker::serveTouch(uintptr_t page) {
    std::unique_lock lock(mutex_);
    uint64_t offset = 0;
    for (;;) {
        const std::vector<Piece> pieces = followedAt(page, pageSize_);
        if (pieces.empty())
            return;
        offset = pieces.front().offset;
        if (!stale_.contains(offset))
            break;
        ++counters_.read_faults;
        readBack(lock, offset);
    }
    if (const auto next = faults_.upper_bound(offset); next != faults_.begin())
        ++std::prev(next)->second.touches;
    mapAround(page);
}

/** \brief Makes the page at \p offset, and whatever comes with it, current - unless it was invalidated again meanwhile.
 */
void UserfaultTracker::readBack(std::unique_lock<std::mutex>& lock, uint64_t offset) {
    readingBack_ = true;
    lock.unlock();
    const PageRun current = handler_.readBack(offset);
    lock.lock();
    readingBack_ = false;
    stale_.remove({offset, pageSize_});
    stale_.remove(current);
    for (const PageRun& run : invalidatedMeanwhile_.take({0, std::numeric_limits<uint64_t>::max()}))
        stale_.add(run);
}

/** \brief Maps \p page, and the current pages around it. */
void UserfaultTracker::mapAround(uintptr_t page) {
    const Piece mapping = *mappings_.find(page);
    const uint64_t offset = mapping.offset + (page - mapping.address);
    uint64_t first = std::max(mapping.offset, offset / kMapWindow * kMapWindow);
    uint64_t last = std::min(mapping.offset + mapping.size, (offset / kMapWindow + 1) * kMapWindow);
    for (const PageRun& bounds : {enabled_.runAround(offset), stale_.runAround(offset)}) {
        first = std::max(first, bounds.offset);
        last = std::min(last, end(bounds));
    }
    const uintptr_t start = mapping.address + (first - mapping.offset);
    const uintptr_t stop = mapping.address + (last - mapping.offset);
    harvest({{start, first, last - first}});
    if (mapPages(page, stop))
        mapPages(start, page);
}

/** \return whether the first page was not mapped before and is now. */
bool UserfaultTracker::mapPages(uintptr_t start, uintptr_t stop) {
    bool firstMapped = false;
    unsigned skips = 0;
    for (uintptr_t at = start; at < stop && skips <= kMapSkips;) {
        const Userfault::Progress progress = userfault_.proceed(at, stop - at);
        if (at == start)
            firstMapped = progress.size > 0;
        at += progress.size;
        if (!progress.error)
            break;
        if (!firstMapped || (progress.error != EEXIST && progress.error != EFAULT))
            break;
        at += pageSize_;
        ++skips;
    }
    return firstMapped;
}

} // namespace svga::shim
