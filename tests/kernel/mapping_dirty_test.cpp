// SPDX-License-Identifier: MIT
// The kernel's helpers that find and stop writes to shared mappings (mm/mapping_dirty_helpers.c), which the driver's
// dirty tracking rests on, held against models that know every byte which was written. By the module
// kernel/tests/mapping_dirty_*, in a virtual machine, as root.
#include "../../kernel/tests/mapping_dirty_device.h"

#include "util/unique_fd.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bitset>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace {

using svga::UniqueFd;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kPages = MAPPING_DIRTY_PAGES;
constexpr uint64_t kHugePages = 512; ///< pages that a huge entry maps

using Set = std::set<uint64_t>;

/** A bitmap of all pages as the kernel has it. */
class Bitmap {
public:
    uint64_t address() { return reinterpret_cast<uintptr_t>(words_.data()); }
    bool operator[](uint64_t page) const { return words_[page / 64] >> page % 64 & 1; }
    Set pages() const {
        Set set;
        for (uint64_t page = 0; page < kPages; ++page)
            if ((*this)[page])
                set.insert(page);
        return set;
    }

private:
    std::array<uint64_t, kPages / 64> words_{};
};

class Device {
public:
    Device()
        : fd_(::open(MAPPING_DIRTY_NODE, O_RDWR | O_CLOEXEC)) {}

    bool isThere() const { return static_cast<bool>(fd_); }
    int fd() const { return fd_.get(); }

    void reset(mapping_dirty_way way) {
        mapping_dirty_reset reset{way, 0};
        ASSERT_EQ(::ioctl(fd(), MAPPING_DIRTY_RESET, &reset), 0);
    }
    void hold(bool on) { ASSERT_EQ(::ioctl(fd(), MAPPING_DIRTY_HOLD, on ? 1ul : 0ul), 0); }

    mapping_dirty_call call(unsigned long number, Bitmap* bitmap, uint64_t first = 0, uint64_t num = kPages,
                            uint64_t start = kPages, uint64_t end = 0) {
        mapping_dirty_call call{first, num, bitmap ? bitmap->address() : 0, start, end, 0};
        EXPECT_EQ(::ioctl(fd(), number, &call), 0);
        return call;
    }
    uint64_t protect(uint64_t first = 0, uint64_t num = kPages) {
        return call(MAPPING_DIRTY_PROTECT, nullptr, first, num).count;
    }
    /** The pages whose dirty bits were set, and are no longer. */
    Set clean(uint64_t first = 0, uint64_t num = kPages) {
        Bitmap bitmap;
        call(MAPPING_DIRTY_CLEAN, &bitmap, first, num);
        return bitmap.pages();
    }
    /** The pages that faults have noted since the last call, which are write-protected from now on. */
    Set take() {
        Bitmap bitmap;
        call(MAPPING_DIRTY_TAKE, &bitmap);
        return bitmap.pages();
    }
    int hugeEntries() { return ::ioctl(fd(), MAPPING_DIRTY_HUGE_ENTRIES); }
    Set noted() {
        Bitmap bitmap;
        call(MAPPING_DIRTY_NOTED, &bitmap);
        return bitmap.pages();
    }

private:
    UniqueFd fd_;
};

/** A mapping of \p num pages from page \p first on. */
class Mapping {
public:
    Mapping(const Device& device, uint64_t first = 0, uint64_t num = kPages, int protection = PROT_READ | PROT_WRITE)
        : first_(first)
        , num_(num) {
        void* address =
            ::mmap(nullptr, num * kPage, protection, MAP_SHARED, device.fd(), static_cast<off_t>(first * kPage));
        if (address == MAP_FAILED)
            throw std::runtime_error("mmap");
        address_ = static_cast<uint8_t*>(address);
    }
    ~Mapping() {
        if (address_)
            ::munmap(address_, num_ * kPage);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    uint8_t* page(uint64_t page) const { return address_ + (page - first_) * kPage; }
    void write(uint64_t page, uint8_t value = 1, uint64_t byte = 0) const {
        const_cast<volatile uint8_t*>(this->page(page))[byte] = value;
    }
    void read(uint64_t page) const { (void)*const_cast<volatile uint8_t*>(this->page(page)); }

    /** Unmaps a part, whose addresses stay taken: they are this mapping's until it goes. */
    void unmap(uint64_t page, uint64_t num) const {
        ASSERT_NE(::mmap(this->page(page), num * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                  MAP_FAILED);
    }
    /** Moves it to another address. */
    void move() {
        void* place = ::mmap(nullptr, num_ * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        void* moved = ::mremap(address_, num_ * kPage, num_ * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, place);
        ASSERT_NE(moved, MAP_FAILED);
        address_ = static_cast<uint8_t*>(moved);
    }

private:
    uint64_t first_, num_;
    uint8_t* address_ = nullptr;
};

template <typename Work>
pid_t startChild(const Work& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        work();
        ::_exit(0);
    }
    return child;
}

void expectEnded(pid_t child) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
}

template <typename Work>
void inChild(const Work& work) {
    expectEnded(startChild(work));
}

class MappingDirty : public testing::Test {
protected:
    void SetUp() override {
        if (!device.isThere())
            GTEST_SKIP() << "the module mapping_dirty is not loaded";
        device.reset(MAPPING_DIRTY_PAGE_TABLE);
    }
    void TearDown() override {
        if (device.isThere())
            device.hold(false);
    }
    Device device;
};

TEST_F(MappingDirty, CleanTellsEachWrittenPageOnce) {
    const Mapping mapping(device);
    std::mt19937 random(1);
    for (int round = 0; round < 50; ++round) {
        Set written;
        for (unsigned i = random() % 200; i > 0; --i) {
            const uint64_t page = random() % kPages;
            mapping.read(random() % kPages);
            mapping.write(page, static_cast<uint8_t>(round), random() % kPage);
            written.insert(page);
        }
        ASSERT_EQ(device.clean(), written);
    }
    EXPECT_EQ(device.clean(), Set{});
}

TEST_F(MappingDirty, CleanLeavesPagesOutsideItsRangeAlone) {
    const Mapping mapping(device);
    for (uint64_t page = 100; page < 700; ++page)
        mapping.write(page);
    Bitmap bitmap;
    auto call = device.call(MAPPING_DIRTY_CLEAN, &bitmap, 500, 30);
    EXPECT_EQ(call.count, 30u);
    EXPECT_EQ(bitmap.pages().size(), 30u);
    EXPECT_EQ(*bitmap.pages().begin(), 500u);
    EXPECT_EQ(call.end, 530u);
    EXPECT_LE(call.start, 500u); // it begins with the length of the range, so it may be too low, and never too high
    call = device.call(MAPPING_DIRTY_CLEAN, &bitmap, 0, kPages, call.start, call.end);
    EXPECT_EQ(call.count, 570u);
    EXPECT_EQ(bitmap.pages().size(), 600u);
    EXPECT_LE(call.start, 100u);
    EXPECT_EQ(call.end, 700u);
}

TEST_F(MappingDirty, CleanSeesAllMappingsOfAllProcesses) {
    const Mapping mapping(device), again(device), part(device, 700, 100);
    std::unique_ptr<Mapping> readOnly = std::make_unique<Mapping>(device, 0, kPages, PROT_READ);
    for (uint8_t round = 0; round < 5; ++round) {
        mapping.write(1, round);
        again.write(2, round);
        part.write(750, round);
        readOnly->read(3);
        // One that has the parent's mappings, and one with a mapping of its own; both are gone when it is looked.
        inChild([&] { mapping.write(4, round); });
        // Its page table was the only place that knew of the write: dirty bits go with a mapping.
        EXPECT_EQ(device.clean(), (Set{1, 2, 750}));
    }
    int pipes[2], answers[2];
    ASSERT_EQ(::pipe(pipes), 0);
    ASSERT_EQ(::pipe(answers), 0);
    const pid_t child = startChild([&] {
        const Mapping own(device, 1000, 200);
        char byte;
        while (::read(pipes[0], &byte, 1) == 1 && byte == 'w') {
            mapping.write(4, 1);
            own.write(1100, 1);
            (void)!::write(answers[1], "d", 1);
        }
    });
    for (int round = 0; round < 5; ++round) {
        char byte;
        ASSERT_EQ(::write(pipes[1], "w", 1), 1);
        ASSERT_EQ(::read(answers[0], &byte, 1), 1);
        mapping.write(5);
        EXPECT_EQ(device.clean(), (Set{4, 5, 1100}));
    }
    ASSERT_EQ(::write(pipes[1], "e", 1), 1);
    expectEnded(child);
    for (const int fd : {pipes[0], pipes[1], answers[0], answers[1]})
        ::close(fd);
}

TEST_F(MappingDirty, ForkKeepsWhatTheParentWrote) {
    const Mapping mapping(device);
    mapping.write(10);
    inChild([&] { mapping.read(10); });
    EXPECT_EQ(device.clean(), Set{10});
    // A child's copy of a writable entry is clean and writable: a write of its own has to show.
    mapping.write(11);
    inChild([&] {
        if (device.clean() != Set{11})
            ::_exit(1);
        mapping.write(11);
        mapping.write(12);
        if (device.clean() != Set{11, 12})
            ::_exit(2);
    });
}

TEST_F(MappingDirty, MovedMappingsKeepTheirDirtyBits) {
    Mapping mapping(device);
    const Mapping other(device);
    for (const uint64_t page : {0u, 511u, 512u, 1535u})
        mapping.write(page);
    mapping.move();
    EXPECT_EQ(device.clean(), (Set{0, 511, 512, 1535}));
    mapping.write(7);
    other.write(8);
    mapping.move();
    mapping.write(9);
    EXPECT_EQ(device.clean(), (Set{7, 8, 9}));
}

TEST_F(MappingDirty, ThatIsUnmappedInPartStaysTrackedInTheRest) {
    const Mapping mapping(device);
    for (uint64_t page = 0; page < kPages; ++page)
        mapping.write(page);
    mapping.unmap(400, 300);
    const Set found = device.clean();
    EXPECT_EQ(found.size(), kPages - 300);
    for (uint64_t page = 400; page < 700; ++page) // the dirty bits went with the page table entries
        EXPECT_FALSE(found.contains(page));
    mapping.write(399);
    mapping.write(700);
    EXPECT_EQ(device.clean(), (Set{399, 700}));
}

TEST_F(MappingDirty, ProtectMakesEachPageFaultOnce) {
    device.reset(MAPPING_DIRTY_FAULT);
    const Mapping mapping(device), other(device);
    std::mt19937 random(2);
    Set written;
    for (int round = 0; round < 50; ++round) {
        written.clear();
        for (unsigned i = random() % 200; i > 0; --i) {
            const uint64_t page = random() % kPages;
            (i % 2 ? mapping : other).write(page, static_cast<uint8_t>(round), random() % kPage);
            mapping.read(random() % kPages);
            written.insert(page);
        }
        ASSERT_EQ(device.take(), written);
    }
    EXPECT_EQ(device.protect(), 0u); // nothing is writable
    mapping.write(3);
    mapping.write(900);
    other.write(900);
    EXPECT_EQ(device.protect(0, 512), 1u);
    EXPECT_EQ(device.protect(), 2u); // an entry in each mapping
    EXPECT_EQ(device.noted(), (Set{3, 900}));
}

TEST_F(MappingDirty, ProtectHoldsForChildrenAndMovedMappings) {
    device.reset(MAPPING_DIRTY_FAULT);
    Mapping mapping(device);
    for (uint64_t page = 0; page < kPages; ++page)
        mapping.write(page);
    EXPECT_EQ(device.take().size(), kPages);
    inChild([&] { mapping.write(20); });
    mapping.move();
    mapping.write(30);
    EXPECT_EQ(device.take(), (Set{20, 30}));
    // What is writable in the parent is so in the child, until the next call.
    mapping.write(40);
    inChild([&] {
        mapping.write(40);
        if (device.take() != Set{40})
            ::_exit(1);
        mapping.write(40);
        if (device.take() != Set{40})
            ::_exit(2);
    });
}

/** What a driver must not do: note a write and leave making the page writable to the caller of pfn_mkwrite(). */
TEST_F(MappingDirty, ALateWriteIsLost) {
    for (const auto way : {MAPPING_DIRTY_LATE_FAULT, MAPPING_DIRTY_FAULT}) {
        device.reset(way);
        const Mapping mapping(device);
        mapping.read(5);
        device.hold(true);
        std::thread writer([&] { mapping.write(5, 77); });
        while (!device.noted().contains(5))
            std::this_thread::yield();
        // The write has been noted and has not happened, so what is copied now is old.
        EXPECT_EQ(device.take(), Set{5});
        const bool wasEarly = *mapping.page(5) != 77;
        device.hold(false);
        writer.join();
        EXPECT_TRUE(wasEarly);
        EXPECT_EQ(*mapping.page(5), 77);
        // A page that was made writable under the lock has been write-protected since, and faulted again. One that
        // became writable afterwards stays so: nothing tells of this write, nor of others.
        mapping.write(5, 78);
        EXPECT_EQ(device.noted(), way == MAPPING_DIRTY_FAULT ? Set{5} : Set{});
    }
}

/** Writers, children, mappings that move, shrink and go, against calls that look for writes: no byte may be missed. */
class Race : public MappingDirty, public testing::WithParamInterface<mapping_dirty_way> {
protected:
    static constexpr unsigned kWriters = 3;

    void SetUp() override {
        MappingDirty::SetUp();
        if (!IsSkipped())
            device.reset(GetParam());
    }

    /** Writes one of the bytes that are this writer's alone, and remembers it. */
    void write(unsigned writer, const Mapping& mapping, std::mt19937& random, uint64_t first, uint64_t num) {
        const uint64_t page = first + random() % num, byte = random() % (kPage / kWriters) * kWriters + writer;
        const auto value = static_cast<uint8_t>(random());
        mapping.write(page, value, byte);
        model[page * kPage + byte] = value;
    }

    /** A mapping is about to go, and with it what its page table knows; a driver learns of it by vm_ops. */
    void tellOfEnd(uint64_t first, uint64_t num) {
        const std::lock_guard lock(mutex);
        for (uint64_t page = first; page < first + num; ++page)
            closed.insert(page);
    }

    void writeInPlace(unsigned writer) {
        std::mt19937 random(writer);
        const Mapping mapping(device);
        while (!stop)
            write(writer, mapping, random, 0, kPages);
        tellOfEnd(0, kPages);
    }

    void writeAndMove(unsigned writer) {
        std::mt19937 random(writer);
        Mapping mapping(device, 100, 1200);
        while (!stop) {
            for (int i = 0; i < 50; ++i)
                write(writer, mapping, random, 100, 1200);
            mapping.move();
        }
        tellOfEnd(100, 1200);
    }

    void writeAndUnmap(unsigned writer) {
        std::mt19937 random(writer);
        while (!stop) {
            const Mapping mapping(device, 300, 900);
            for (int i = 0; i < 50; ++i)
                write(writer, mapping, random, 300, 900);
            tellOfEnd(300, 900);
            mapping.unmap(500, 100);
            mapping.unmap(300, 50);
        }
    }

    /** Children that share what the parent has mapped, and end. */
    void fork() {
        const Mapping mapping(device);
        std::mt19937 random(99);
        while (!stop) {
            const uint64_t page = random() % kPages;
            inChild([&] { mapping.read(page); });
        }
    }

    /** Copies what was written since the last time. */
    void copy(const Mapping& view) {
        Set pages;
        {
            const std::lock_guard lock(mutex);
            pages.swap(closed);
        }
        pages.merge(GetParam() == MAPPING_DIRTY_FAULT ? device.take() : device.clean());
        for (const uint64_t page : pages)
            std::memcpy(&copied[page * kPage], view.page(page), kPage);
        total += pages.size();
    }

    std::atomic<bool> stop{false};
    std::mutex mutex;
    Set closed; ///< pages of mappings that go away
    std::vector<uint8_t> model = std::vector<uint8_t>(kPages * kPage), copied = model;
    uint64_t total = 0;
};

TEST_P(Race, LosesNoByte) {
    std::vector<std::thread> threads;
    threads.emplace_back([this] { writeInPlace(0); });
    threads.emplace_back([this] { writeAndMove(1); });
    threads.emplace_back([this] { writeAndUnmap(2); });
    threads.emplace_back([this] { fork(); });
    const Mapping view(device, 0, kPages, PROT_READ);
    for (int round = 0; round < 60; ++round)
        copy(view);
    stop = true;
    for (std::thread& thread : threads)
        thread.join();
    copy(view);
    EXPECT_GT(total, 0u);
    for (uint64_t page = 0; page < kPages; ++page)
        for (uint64_t byte = 0; byte < kPage; ++byte) {
            ASSERT_EQ(view.page(page)[byte], model[page * kPage + byte]) << "the test itself, page " << page;
            ASSERT_EQ(copied[page * kPage + byte], model[page * kPage + byte]) << "page " << page << ", byte " << byte;
        }
}

INSTANTIATE_TEST_SUITE_P(Ways, Race, testing::Values(MAPPING_DIRTY_PAGE_TABLE, MAPPING_DIRTY_FAULT),
                         [](const auto& info) { return info.param == MAPPING_DIRTY_FAULT ? "Fault" : "PageTable"; });

/** The helpers skip entries that map 2 MiB. Where none of those is writable, nothing is missed. */
TEST_F(MappingDirty, HugeEntriesThatAreNotWritableAreSkipped) {
    device.reset(MAPPING_DIRTY_HUGE);
    const Mapping mapping(device);
    for (uint64_t page = 0; page < kPages; page += kHugePages)
        mapping.read(page);
    EXPECT_EQ(device.hugeEntries(), 3);
    EXPECT_EQ(device.protect(), 0u);
    EXPECT_EQ(device.clean(), Set{});
    // A write replaces the entry with small ones, and from there on it is as ever.
    mapping.write(600, 9);
    mapping.write(1000, 9);
    EXPECT_EQ(device.clean(), (Set{600, 1000}));
    EXPECT_EQ(device.protect(), 2u);
    EXPECT_EQ(*mapping.page(1000), 9);
}

/** A writable one hides what is written through it, and each call says so in the kernel's log. Not run unless it is
 * asked for. */
TEST_F(MappingDirty, DISABLED_WritesThroughHugeEntriesAreNotFound) {
    device.reset(MAPPING_DIRTY_HUGE_WRITABLE);
    const Mapping mapping(device);
    mapping.write(600, 9);
    mapping.write(5, 9);
    ASSERT_EQ(device.hugeEntries(), 2);
    EXPECT_EQ(device.clean(), Set{});             // two warnings
    EXPECT_EQ(device.protect(0, kHugePages), 0u); // and one
    // A mapping of small entries beside it is tracked.
    const Mapping small(device, 1, 1000);
    small.write(600, 10);
    EXPECT_EQ(device.clean(kHugePages, kHugePages), Set{600}); // and one
}

} // namespace
