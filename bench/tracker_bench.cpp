// SPDX-License-Identifier: MIT
// What dirty tracking costs: the first write to a page, a collect, and the first touch of what the device has newer.
// The argument is shim::TrackerMode; a mode that this process may not have is skipped.
#include "shim/tracker/tracker.h"
#include "util/error.h"
#include "util/unique_fd.h"

#include <benchmark/benchmark.h>

#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace svga;
using namespace svga::shim;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kPages = 16384; // 64 MiB

/** \brief Reads back aligned runs at no cost: what is measured is the tracker. */
class FreeReadback final : public ReadbackHandler {
public:
    explicit FreeReadback(uint64_t runSize)
        : runSize_(runSize) {}
    PageRun readBack(uint64_t offset) noexcept override { return {offset / runSize_ * runSize_, runSize_}; }

private:
    uint64_t runSize_;
};

/** \brief 64 MiB of guest memory, followed and mapped, each page touched once. */
class Setup {
public:
    Setup(benchmark::State& state, uint64_t readbackSize = kPages * kPage)
        : readback_(readbackSize)
        , memory_(::memfd_create("guest", MFD_CLOEXEC)) {
        const auto mode = static_cast<TrackerMode>(state.range(0));
        state.SetLabel(std::string(name(mode)));
        try {
            if (::ftruncate(memory_.get(), kPages * kPage))
                throw Error("ftruncate");
            const TrackerChoice choices[] = {TrackerChoice::Async, TrackerChoice::Thread, TrackerChoice::All};
            tracker_ = createTracker(choices[state.range(0)], memory_.get(), readback_, counters_);
            bytes_ = static_cast<volatile uint8_t*>(
                ::mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0));
            tracker_->addMapping(const_cast<uint8_t*>(bytes_), 0, kPages * kPage);
            tracker_->enable(all());
            write(1);
            collect(all());
        } catch (const std::exception& error) {
            tracker_.reset();
            state.SkipWithError(error.what());
        }
    }
    ~Setup() {
        if (tracker_)
            ::munmap(const_cast<uint8_t*>(bytes_), kPages * kPage);
    }

    explicit operator bool() const { return tracker_ != nullptr; }
    Tracker& tracker() { return *tracker_; }
    static PageRun all() { return {0, kPages * kPage}; }

    void write(uint64_t stride) {
        for (uint64_t page = 0; page < kPages; page += stride)
            bytes_[page * kPage] = 1;
    }
    void writeFirst(uint64_t pages) {
        for (uint64_t page = 0; page < pages; ++page)
            bytes_[page * kPage] = 1;
    }
    void read(uint64_t pages) {
        for (uint64_t page = 0; page < pages; ++page)
            benchmark::DoNotOptimize(bytes_[page * kPage]);
    }
    void collect(PageRun range) {
        written_.clear();
        tracker_->collect({&range, 1}, written_);
    }

private:
    FreeReadback readback_;
    UniqueFd memory_;
    Counters counters_{};
    std::unique_ptr<Tracker> tracker_;
    volatile uint8_t* bytes_ = nullptr;
    std::vector<PageRun> written_;
};

void reportPages(benchmark::State& state, uint64_t pages) {
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * pages));
}

/// One page's first write after a collect. Second argument: every n-th page.
void FirstWrite(benchmark::State& state) {
    Setup setup(state);
    const auto stride = static_cast<uint64_t>(state.range(1));
    for (auto _ : state) {
        setup.write(stride);
        state.PauseTiming();
        setup.collect(Setup::all());
        state.ResumeTiming();
    }
    reportPages(state, kPages / stride);
}

/// Collect when every n-th page was written.
void Collect(benchmark::State& state) {
    Setup setup(state);
    const auto stride = static_cast<uint64_t>(state.range(1));
    for (auto _ : state) {
        state.PauseTiming();
        setup.write(stride);
        state.ResumeTiming();
        setup.collect(Setup::all());
    }
    reportPages(state, kPages / stride);
}

/// Collect when nothing was written. Second argument: pages.
void CollectClean(benchmark::State& state) {
    Setup setup(state);
    for (auto _ : state)
        setup.collect({0, static_cast<uint64_t>(state.range(1)) * kPage});
}

/// Invalidate, then touch every page of 4 MiB. Second argument: pages that one readback brings.
void Readback(benchmark::State& state) {
    constexpr uint64_t touched = 1024;
    Setup setup(state, static_cast<uint64_t>(state.range(1)) * kPage);
    if (setup && !setup.tracker().readsAreTracked())
        state.SkipWithError("reads are not tracked here");
    for (auto _ : state) {
        setup.tracker().invalidate({0, touched * kPage});
        setup.read(touched);
    }
    reportPages(state, touched);
}

/// Write pages and collect them, faulted or announced (third argument). Second argument: pages. From where announcing
/// costs less on is what winsys::Bo::announceWrite() goes by.
void WriteAndCollect(benchmark::State& state) {
    Setup setup(state);
    const auto pages = static_cast<uint64_t>(state.range(1));
    for (auto _ : state) {
        if (state.range(2))
            setup.tracker().prepare({0, pages * kPage}, true);
        setup.writeFirst(pages);
        setup.collect({0, pages * kPage});
    }
    reportPages(state, pages);
}

BENCHMARK(FirstWrite)->ArgsProduct({{0, 1}, {1, 64}})->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(Collect)->ArgsProduct({{0, 1}, {1, 64}})->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(CollectClean)->ArgsProduct({{0, 1, 2}, {4, kPages}})->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(Readback)->ArgsProduct({{0, 1}, {1, 16, 1024}})->Unit(benchmark::kMicrosecond)->UseRealTime();

BENCHMARK(WriteAndCollect)
    ->ArgsProduct({{0, 1}, {1, 4, 8, 16, 64, 1024}, {0, 1}})
    ->ArgNames({"mode", "pages", "announced"})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

} // namespace

BENCHMARK_MAIN();
