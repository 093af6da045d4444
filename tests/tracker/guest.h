// SPDX-License-Identifier: MIT
/**
 * \file
 * What the tracker's tests stand on: guest memory with the embedded kernel's own view of it, an application's mappings,
 * and a device that reads back from a copy of its own.
 */
#pragma once

#include "shim/tracker/tracker.h"
#include "util/unique_fd.h"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace svga::shim::test {

inline const uint64_t kPage = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));

inline PageRun pages(uint64_t first, uint64_t count = 1) {
    return {first * kPage, count * kPage};
}

/** \brief Guest memory, and a view of it that is never tracked. */
class GuestMemory {
public:
    explicit GuestMemory(uint64_t pageCount)
        : fd_(::memfd_create("guest", MFD_CLOEXEC))
        , size_(pageCount * kPage) {
        if (!fd_ || ::ftruncate(fd_.get(), static_cast<off_t>(size_)))
            throw std::runtime_error("memfd");
        void* view = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
        if (view == MAP_FAILED)
            throw std::runtime_error("mmap");
        view_ = static_cast<uint8_t*>(view);
    }
    GuestMemory(const GuestMemory&) = delete;
    GuestMemory& operator=(const GuestMemory&) = delete;
    ~GuestMemory() { ::munmap(view_, size_); }

    int fd() const { return fd_.get(); }
    uint64_t size() const { return size_; }
    PageRun run() const { return {0, size_}; }
    uint8_t* page(uint64_t index) { return view_ + index * kPage; }

private:
    UniqueFd fd_;
    uint64_t size_;
    uint8_t* view_;
};

/** \brief An application's mapping of guest memory, reported as the interposer of mmap and munmap does. */
class Mapping {
public:
    Mapping(Tracker& tracker, GuestMemory& memory, PageRun run, int flags = 0)
        : tracker_(&tracker)
        , size_(run.size) {
        void* address = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | flags, memory.fd(),
                               static_cast<off_t>(run.offset));
        if (address == MAP_FAILED)
            throw std::runtime_error("mmap");
        bytes_ = static_cast<uint8_t*>(address);
        tracker.addMapping(address, run.offset, size_);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { unmap(0, size_ / kPage); }

    /** \brief Unmaps some pages; those may be unmapped already. */
    void unmap(uint64_t first, uint64_t count) {
        tracker_->removeMapping(page(first), count * kPage);
        ::munmap(page(first), count * kPage);
    }

    uint8_t* page(uint64_t index) const { return bytes_ + index * kPage; }
    void write(uint64_t index, uint8_t value) { *const_cast<volatile uint8_t*>(page(index)) = value; }
    uint8_t read(uint64_t index) const { return *const_cast<const volatile uint8_t*>(page(index)); }

private:
    Tracker* tracker_;
    uint64_t size_;
    uint8_t* bytes_;
};

/** \brief A device with a copy of guest memory of its own; what was drawn there comes back by readBack(). */
class FakeDevice final : public ReadbackHandler {
public:
    explicit FakeDevice(GuestMemory& memory)
        : memory_(memory)
        , content_(memory.size()) {}

    PageRun readBack(uint64_t offset) noexcept override {
        ++readbacks;
        PageRun run{offset, kPage};
        std::function<void(uint64_t)> then;
        {
            std::lock_guard lock(mutex);
            for (const PageRun& whole : runs_)
                if (offset >= whole.offset && offset < whole.offset + whole.size)
                    run = whole;
            for (const PageRun& stale : tracker->stale(run))
                std::memcpy(memory_.page(0) + stale.offset, content_.data() + stale.offset, stale.size);
            then = onReadBack_;
        }
        if (then)
            then(offset);
        return run;
    }

    // A page fault orders what happens before and after it, but not in the eyes of a race detector: hence the lock.

    /** \brief Draws: a touch from the moment of the invalidation on waits until the drawing is done. */
    void draw(PageRun run, uint8_t value) {
        std::lock_guard lock(mutex);
        tracker->invalidate(run);
        std::memset(content_.data() + run.offset, value, run.size);
    }

    /** \brief These are read back as a whole; other pages are read back one by one. */
    void setRuns(std::vector<PageRun> runs) {
        std::lock_guard lock(mutex);
        runs_ = std::move(runs);
    }

    /** \brief Called at the end of readBack(), on its thread. */
    void setOnReadBack(std::function<void(uint64_t)> function) {
        std::lock_guard lock(mutex);
        onReadBack_ = std::move(function);
    }

    /** \brief Call with the mutex held while a readback may happen. */
    uint8_t* page(uint64_t index) { return content_.data() + index * kPage; }
    void upload(const PageRun& run) { std::memcpy(page(0) + run.offset, memory_.page(0) + run.offset, run.size); }

    Tracker* tracker = nullptr;
    std::mutex mutex;                   ///< held while the device or a readback works on the content
    std::atomic<unsigned> readbacks{0}; ///< calls of readBack()

private:
    GuestMemory& memory_;
    std::vector<uint8_t> content_;
    std::vector<PageRun> runs_;
    std::function<void(uint64_t)> onReadBack_;
};

/** \brief 64 pages of guest memory and a tracker of the mode that is the parameter. */
class TrackerTest : public testing::TestWithParam<TrackerMode> {
protected:
    static constexpr uint64_t kPages = 64;

    void SetUp() override {
        const auto choice = GetParam() == TrackerMode::Async    ? TrackerChoice::Async
                            : GetParam() == TrackerMode::Thread ? TrackerChoice::Thread
                                                                : TrackerChoice::All;
        try {
            tracker = createTracker(choice, memory.fd(), device, counters);
        } catch (const std::exception& error) {
            GTEST_SKIP() << error.what();
        }
        ASSERT_EQ(tracker->mode(), GetParam());
        device.tracker = tracker.get();
    }

    /** \brief Whether exactly the written pages are reported, or all that are mapped. */
    bool exact() const { return GetParam() != TrackerMode::All; }

    std::vector<PageRun> collect(std::vector<PageRun> ranges) {
        std::vector<PageRun> written;
        tracker->collect(ranges, written);
        return written;
    }
    std::vector<PageRun> collect() { return collect({memory.run()}); }

    GuestMemory memory{kPages};
    FakeDevice device{memory};
    Counters counters{};
    std::unique_ptr<Tracker> tracker;
};

inline std::string modeName(const testing::TestParamInfo<TrackerMode>& info) {
    switch (info.param) {
    case TrackerMode::Async:
        return "Async";
    case TrackerMode::Thread:
        return "Thread";
    case TrackerMode::All:
        return "All";
    }
    return "Unknown";
}

inline const auto kAllModes = testing::Values(TrackerMode::Async, TrackerMode::Thread, TrackerMode::All);
inline const auto kFaultModes = testing::Values(TrackerMode::Async, TrackerMode::Thread);

} // namespace svga::shim::test

namespace svga::shim {
inline void PrintTo(const PageRun& run, std::ostream* out) {
    *out << '[' << run.offset / test::kPage << ", +" << run.size / test::kPage << ") pages";
}
} // namespace svga::shim
