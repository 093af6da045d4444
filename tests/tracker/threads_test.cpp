// SPDX-License-Identifier: MIT
// Threads that write, read, map and unmap while the tracker works: nothing is lost, nothing hangs.
#include "guest.h"

#include <dirent.h>
#include <signal.h>

#include <array>
#include <condition_variable>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace svga::shim::test {
namespace {

using Runs = std::vector<PageRun>;

/** \brief Words of a page: some belong to one CPU thread each, one to the device. */
struct Words {
    static constexpr unsigned kThreads = 3;
    static constexpr size_t kDevice = 100;
    static volatile uint64_t& of(uint8_t* page, size_t word) {
        return reinterpret_cast<volatile uint64_t*>(page)[word];
    }
};

/** \brief A thread that increments its word of random pages and knows what each must hold. */
class Writer {
public:
    Writer(unsigned index, uint64_t pageCount)
        : index_(index)
        , expected_(pageCount)
        , random_(index) {}

    void step(const Mapping& mapping) {
        const uint64_t page = std::uniform_int_distribution<uint64_t>(0, expected_.size() - 1)(random_);
        volatile uint64_t& word = Words::of(mapping.page(page), index_);
        if (word != expected_[page])
            ++lost;
        word = ++expected_[page];
    }

    bool matches(uint8_t* page, uint64_t index) const { return Words::of(page, index_) == expected_[index]; }

    uint64_t lost = 0; ///< words that did not hold what this thread wrote

private:
    unsigned index_;
    std::vector<uint64_t> expected_;
    std::mt19937 random_;
};

class Threads : public TrackerTest {
protected:
    std::vector<Writer> writers() const {
        std::vector<Writer> all;
        for (unsigned i = 0; i < Words::kThreads; ++i)
            all.emplace_back(i, kPages);
        return all;
    }

    void uploadWritten(Runs ranges) {
        for (const PageRun& run : collect(std::move(ranges)))
            device.upload(run);
    }
};
INSTANTIATE_TEST_SUITE_P(Mode, Threads, kAllModes, modeName);

class ReadingThreads : public Threads {
protected:
    void SetUp() override {
        Threads::SetUp();
        if (!IsSkipped() && !tracker->readsAreTracked())
            GTEST_SKIP() << "only UFFD_USER_MODE_ONLY is allowed here";
    }
};
INSTANTIATE_TEST_SUITE_P(Mode, ReadingThreads, kFaultModes, modeName);

TEST_P(Threads, LoseNoWriteToCollects) {
    tracker->enable(memory.run());
    std::optional<Mapping> a(std::in_place, *tracker, memory, memory.run());
    std::optional<Mapping> b(std::in_place, *tracker, memory, memory.run());
    std::vector<Writer> all = writers();
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (Writer& writer : all)
        threads.emplace_back([&] {
            for (unsigned i = 0; !stop; ++i)
                writer.step(i % 2 ? *a : *b);
        });
    for (unsigned cycle = 0; cycle < 2000; ++cycle)
        uploadWritten({pages(0, 1 + cycle % kPages)});
    stop = true;
    for (std::thread& thread : threads)
        thread.join();
    a.reset();
    b.reset();
    uploadWritten({memory.run()});
    EXPECT_EQ(std::memcmp(device.page(0), memory.page(0), memory.size()), 0);
    for (const Writer& writer : all)
        EXPECT_EQ(writer.lost, 0u);
}

TEST_P(ReadingThreads, LoseNoWriteToReadbacks) {
    // The embedded kernel's cycle: invalidate what the device will draw to, upload what the CPU wrote there, draw.
    // Whatever is lost on the way is overwritten by the readback of the next touch and missed by the thread that wrote
    // it.
    tracker->enable(memory.run());
    Mapping a(*tracker, memory, memory.run());
    Mapping b(*tracker, memory, memory.run());
    Runs runs;
    for (uint64_t first = 0; first < kPages; first += 4)
        runs.push_back(pages(first, 3)); // the fourth page comes alone
    device.setRuns(runs);
    std::vector<Writer> all = writers();
    std::atomic<unsigned> running{Words::kThreads};
    std::vector<std::thread> threads;
    for (Writer& writer : all)
        threads.emplace_back([&] {
            for (unsigned i = 0; i < 6000; ++i)
                writer.step(i % 2 ? a : b);
            --running;
        });
    std::vector<uint64_t> drawn(kPages);
    std::mt19937 random(1);
    for (unsigned cycle = 0; running || cycle < 100; ++cycle) {
        std::lock_guard lock(device.mutex);
        const uint64_t first = std::uniform_int_distribution<uint64_t>(0, kPages - 1)(random);
        const uint64_t count = std::uniform_int_distribution<uint64_t>(1, kPages - first)(random);
        tracker->invalidate(pages(first, count));
        uploadWritten({pages(first, count)});
        for (uint64_t page = first; page < first + count; ++page)
            Words::of(device.page(page), Words::kDevice) = ++drawn[page];
    }
    for (std::thread& thread : threads)
        thread.join();
    for (const Writer& writer : all)
        EXPECT_EQ(writer.lost, 0u);
    for (uint64_t page = 0; page < kPages; ++page) {
        EXPECT_EQ(Words::of(a.page(page), Words::kDevice), drawn[page]) << "page " << page;
        for (const Writer& writer : all)
            EXPECT_TRUE(writer.matches(a.page(page), page)) << "page " << page;
    }
    EXPECT_GT(device.readbacks, 0u);
}

TEST_P(Threads, MapAndUnmapAtWill) {
    tracker->enable(memory.run());
    std::atomic<bool> stop{false};
    std::vector<Writer> all = writers();
    std::vector<std::thread> threads;
    for (Writer& writer : all)
        threads.emplace_back([&] {
            for (unsigned i = 0; i < 300; ++i) {
                Mapping mapping(*tracker, memory, memory.run(), i % 3 ? 0 : MAP_POPULATE);
                for (unsigned k = 0; k < 10; ++k)
                    writer.step(mapping);
                if (i % 2)
                    mapping.unmap(i % kPages, 1);
            }
        });
    std::thread device_([&] {
        std::mt19937 random(1);
        while (!stop) {
            std::lock_guard lock(device.mutex);
            const uint64_t page = std::uniform_int_distribution<uint64_t>(0, kPages - 1)(random);
            tracker->invalidate(pages(page));
            uploadWritten({pages(page)});
            Words::of(device.page(page), Words::kDevice) = Words::of(device.page(page), Words::kDevice) + 1;
        }
    });
    for (std::thread& thread : threads)
        thread.join();
    stop = true;
    device_.join();
    Mapping mapping(*tracker, memory, memory.run());
    for (const Writer& writer : all) {
        EXPECT_EQ(writer.lost, 0u);
        for (uint64_t page = 0; page < kPages; ++page)
            EXPECT_TRUE(writer.matches(mapping.page(page), page)) << "page " << page;
    }
}

TEST_P(ReadingThreads, LoseTheirMappingWhileTheyWait) {
    tracker->enable(memory.run());
    std::mutex mutex;
    std::condition_variable changed;
    bool waiting = false;
    bool unmapped = false;
    device.setOnReadBack([&](uint64_t) {
        std::unique_lock lock(mutex);
        waiting = true;
        changed.notify_all();
        changed.wait(lock, [&] { return unmapped; });
    });
    Mapping other(*tracker, memory, memory.run());
    std::optional<Mapping> mapping(std::in_place, *tracker, memory, memory.run());
    tracker->invalidate(memory.run());
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    UniqueFd out(ends[0]);
    UniqueFd in(ends[1]);
    ssize_t result = 0;
    int error = 0;
    // By system call, which gets EFAULT where an access of the program's own would be a SIGSEGV.
    std::thread reader([&, address = mapping->page(4)] {
        result = ::write(in.get(), address, 1);
        error = errno;
    });
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return waiting; });
        mapping.reset();
        unmapped = true;
        changed.notify_all();
    }
    reader.join();
    EXPECT_EQ(result, -1);
    EXPECT_EQ(error, EFAULT);
    EXPECT_EQ(other.read(5), 0) << "the handler thread goes on";
    EXPECT_EQ(device.readbacks, 2u);
}

TEST_P(ReadingThreads, WaitForOneReadbackTogether) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    device.setRuns({memory.run()});
    for (unsigned cycle = 1; cycle <= 200; ++cycle) {
        device.draw(memory.run(), static_cast<uint8_t>(cycle));
        std::array<std::thread, 4> readers;
        for (unsigned i = 0; i < readers.size(); ++i)
            readers[i] = std::thread([&, i] { EXPECT_EQ(mapping.read(i * 3 % kPages), static_cast<uint8_t>(cycle)); });
        for (std::thread& reader : readers)
            reader.join();
        EXPECT_EQ(device.readbacks, cycle);
    }
}

TEST_P(ReadingThreads, GoOnWhenTheTrackerEnds) {
    tracker->enable(memory.run());
    std::memset(memory.page(0), 7, memory.size());
    void* address = ::mmap(nullptr, memory.size(), PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd(), 0);
    ASSERT_NE(address, MAP_FAILED);
    tracker->addMapping(address, 0, memory.size());
    tracker->invalidate(memory.run());
    tracker.reset();
    EXPECT_EQ(*static_cast<volatile uint8_t*>(address), 7);
    *static_cast<volatile uint8_t*>(address) = 8;
    EXPECT_EQ(memory.page(0)[0], 8);
    ::munmap(address, memory.size());
}

TEST_P(ReadingThreads, OfTheTrackerTakeNoSignals) {
    DIR* tasks = ::opendir("/proc/self/task");
    ASSERT_NE(tasks, nullptr);
    unsigned found = 0;
    while (const dirent* entry = ::readdir(tasks)) {
        const std::string task = std::string("/proc/self/task/") + entry->d_name;
        std::string threadName;
        std::getline(std::ifstream(task + "/comm"), threadName);
        if (threadName != "svga-tracker")
            continue;
        ++found;
        std::ifstream status(task + "/status");
        for (std::string line; std::getline(status, line);) {
            if (line.rfind("SigBlk:", 0) != 0)
                continue;
            const uint64_t blocked = std::stoull(line.substr(7), nullptr, 16);
            for (int signal : {SIGUSR1, SIGTERM, SIGALRM, SIGCHLD, SIGPROF})
                EXPECT_TRUE(blocked >> (signal - 1) & 1) << strsignal(signal);
        }
    }
    ::closedir(tasks);
    EXPECT_EQ(found, 1u);
    sigset_t mine;
    ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &mine), 0);
    EXPECT_EQ(::sigismember(&mine, SIGTERM), 0) << "the creating thread's mask is as it was";
}

class HandledWrites : public ReadingThreads {};
INSTANTIATE_TEST_SUITE_P(Mode, HandledWrites, testing::Values(TrackerMode::Thread), modeName);

/** \brief Waits until a thread of this process sleeps, as in a page fault that waits to be served. */
void awaitSleep(pid_t thread) {
    for (;;) {
        std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
        std::string stat;
        std::getline(file, stat);
        const size_t nameEnd = stat.rfind(") ");
        if (nameEnd != std::string::npos && (stat[nameEnd + 2] == 'S' || stat[nameEnd + 2] == 'D'))
            return;
        std::this_thread::yield();
    }
}

TEST_P(HandledWrites, DoNotCountBeforeTheyHappen) {
    // A write waits for the handler thread while its page is invalidated. If it counted as written now, the next
    // collect would have old content uploaded over what the device drew.
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    mapping.read(5);
    tracker->invalidate(pages(4));
    std::atomic<pid_t> writer{0};
    std::atomic<bool> start{false};
    Runs early{pages(0)};
    device.setOnReadBack([&](uint64_t offset) {
        if (offset == 5 * kPage) {
            early = collect();
            return;
        }
        start = true;
        while (!writer)
            std::this_thread::yield();
        awaitSleep(writer);
        device.draw(pages(5), 9);
    });
    std::thread reader([&] { EXPECT_EQ(mapping.read(4), 0); });
    std::thread writing([&] {
        while (!start)
            std::this_thread::yield();
        writer = ::gettid();
        mapping.write(5, 1);
    });
    reader.join();
    writing.join();
    EXPECT_EQ(collect(), Runs{pages(5)});
    EXPECT_EQ(early, Runs{});
    EXPECT_EQ(mapping.page(5)[0], 1);
    EXPECT_EQ(mapping.page(5)[1], 9);
    EXPECT_EQ(device.readbacks, 2u);
}

} // namespace
} // namespace svga::shim::test
