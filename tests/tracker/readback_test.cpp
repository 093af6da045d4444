// SPDX-License-Identifier: MIT
// Reads of what the device has newer, and the order of writes and invalidations.
#include "guest.h"

#include "util/error.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace svga::shim::test {
namespace {

using Runs = std::vector<PageRun>;

class Readback : public TrackerTest {
protected:
    void SetUp() override {
        TrackerTest::SetUp();
        if (IsSkipped() || HasFatalFailure())
            return;
        if (!tracker->readsAreTracked())
            GTEST_SKIP() << "only UFFD_USER_MODE_ONLY is allowed here";
        tracker->enable(memory.run());
    }
};
INSTANTIATE_TEST_SUITE_P(Mode, Readback, kFaultModes, modeName);

TEST_P(Readback, HappensOnTheFirstTouch) {
    Mapping mapping(*tracker, memory, memory.run());
    mapping.read(4);
    device.draw(pages(4), 9);
    EXPECT_EQ(device.readbacks, 0u);
    EXPECT_EQ(mapping.read(3), 0);
    EXPECT_EQ(mapping.read(5), 0);
    EXPECT_EQ(device.readbacks, 0u) << "the neighbours are current";
    EXPECT_EQ(mapping.read(4), 9);
    EXPECT_EQ(mapping.read(4), 9);
    EXPECT_EQ(device.readbacks, 1u);
    EXPECT_EQ(counters.read_faults, 1u);
    EXPECT_EQ(collect(), Runs{}) << "neither reading nor reading back is a write by the CPU";
}

TEST_P(Readback, OfMemoryThatTheCpuNeverTouched) {
    // Nothing ever wrote there, so without enable() allocating it a touch would be served with zeros.
    Mapping mapping(*tracker, memory, memory.run());
    device.draw(memory.run(), 9);
    EXPECT_EQ(mapping.read(40), 9);
    Mapping late(*tracker, memory, memory.run());
    EXPECT_EQ(late.read(41), 9);
    EXPECT_EQ(device.readbacks, 2u);
}

TEST_P(Readback, MakesItsWholeRunCurrentInEveryMapping) {
    Mapping a(*tracker, memory, memory.run());
    Mapping b(*tracker, memory, pages(8, 16));
    device.setRuns({pages(10, 10)});
    device.draw(pages(10, 10), 9);
    EXPECT_EQ(b.read(4), 9);
    for (uint64_t page = 10; page < 20; ++page) {
        EXPECT_EQ(a.read(page), 9);
        EXPECT_EQ(b.read(page - 8), 9);
    }
    EXPECT_EQ(device.readbacks, 1u);
    EXPECT_EQ(counters.read_faults, 1u);
    a.write(12, 1);
    b.write(5, 1);
    EXPECT_EQ(collect(), Runs{pages(12, 2)});
}

TEST_P(Readback, PrecedesAWrite) {
    Mapping mapping(*tracker, memory, memory.run());
    device.draw(pages(4), 9);
    mapping.write(4, 1);
    EXPECT_EQ(device.readbacks, 1u);
    EXPECT_EQ(collect(), Runs{pages(4)});
    EXPECT_EQ(memory.page(4)[0], 1);
    EXPECT_EQ(memory.page(4)[1], 9) << "the device's bytes beside the CPU's";
}

TEST_P(Readback, OnTouchBySystemCalls) {
    Mapping mapping(*tracker, memory, memory.run());
    device.draw(pages(4, 2), 9);
    UniqueFd file(::memfd_create("file", MFD_CLOEXEC));
    ASSERT_EQ(::pwrite(file.get(), mapping.page(4), kPage, 0), static_cast<ssize_t>(kPage));
    std::vector<uint8_t> content(kPage);
    ASSERT_EQ(::pread(file.get(), content.data(), kPage, 0), static_cast<ssize_t>(kPage));
    EXPECT_EQ(content, std::vector<uint8_t>(kPage, 9));
    EXPECT_EQ(collect(), Runs{});

    content.assign(16, 5);
    ASSERT_EQ(::pwrite(file.get(), content.data(), 16, 0), 16);
    ASSERT_EQ(::pread(file.get(), mapping.page(5) + 32, 16, 0), 16);
    EXPECT_EQ(collect(), Runs{pages(5)});
    EXPECT_EQ(memory.page(5)[31], 9);
    EXPECT_EQ(memory.page(5)[32], 5);
    EXPECT_EQ(memory.page(5)[48], 9);
    EXPECT_EQ(device.readbacks, 2u);
}

TEST_P(Readback, AWriteBeforeTheDropIsReportedAfterIt) {
    Mapping a(*tracker, memory, memory.run());
    Mapping b(*tracker, memory, memory.run());
    a.write(4, 1);
    b.write(5, 1);
    tracker->invalidate(pages(0, 8));
    EXPECT_EQ(collect(), Runs{pages(4, 2)});
    EXPECT_EQ(collect(), Runs{});
}

TEST_P(Readback, AWriteBeforeTheDropSurvivesATouchBeforeTheCollect) {
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(4, 1);
    device.draw(pages(4), 1);
    EXPECT_EQ(mapping.read(4), 1);
    EXPECT_EQ(device.readbacks, 1u);
    EXPECT_EQ(collect(), Runs{pages(4)});
    EXPECT_EQ(collect(), Runs{});
}

TEST_P(Readback, AWriteBeforeTheDropSurvivesUnmapping) {
    {
        Mapping mapping(*tracker, memory, memory.run());
        mapping.write(4, 1);
        tracker->invalidate(pages(4));
    }
    EXPECT_EQ(collect(), Runs{pages(4)});
}

TEST_P(Readback, IsForgottenByValidate) {
    Mapping mapping(*tracker, memory, memory.run());
    device.draw(pages(0, 8), 9);
    std::memset(memory.page(2), 3, kPage);
    tracker->validate(pages(2, 2));
    EXPECT_EQ(mapping.read(2), 3);
    EXPECT_EQ(mapping.read(3), 0);
    EXPECT_EQ(device.readbacks, 0u);
    EXPECT_EQ(mapping.read(1), 9);
    EXPECT_EQ(mapping.read(4), 9);
    EXPECT_EQ(device.readbacks, 2u);
    EXPECT_EQ(counters.read_faults, 2u);
}

TEST_P(Readback, IsOfStalePagesAlone) {
    Mapping mapping(*tracker, memory, memory.run());
    device.draw(pages(0, 8), 9);
    EXPECT_EQ(tracker->stale(memory.run()), Runs{pages(0, 8)});
    device.setRuns({pages(0, 4)});
    EXPECT_EQ(mapping.read(1), 9);
    EXPECT_EQ(tracker->stale(memory.run()), Runs{pages(4, 4)});
    mapping.write(2, 1); // not collected before the next readback of a run that has it
    device.draw(pages(3, 2), 10);
    EXPECT_EQ(tracker->stale(pages(0, 6)), Runs{pages(3, 3)});
    EXPECT_EQ(mapping.read(3), 10);
    EXPECT_EQ(mapping.read(2), 1);
    EXPECT_EQ(collect(), Runs{pages(2)});
}

TEST_P(Readback, IsForgottenByDisable) {
    Mapping mapping(*tracker, memory, memory.run());
    device.draw(pages(0, 8), 9);
    tracker->disable(pages(4, 4));
    EXPECT_EQ(mapping.read(4), 0);
    tracker->enable(pages(4, 4));
    EXPECT_EQ(mapping.read(5), 0);
    EXPECT_EQ(device.readbacks, 0u);
    EXPECT_EQ(mapping.read(3), 9);
}

TEST_P(Readback, TouchesOnlyWhatIsEnabled) {
    tracker->disable(pages(8, 8));
    Mapping mapping(*tracker, memory, memory.run());
    device.draw(memory.run(), 9);
    EXPECT_EQ(mapping.read(8), 0);
    EXPECT_EQ(mapping.read(7), 9);
}

TEST_P(Readback, IsRepeatedIfInvalidatedMeanwhile) {
    Mapping mapping(*tracker, memory, memory.run());
    device.setRuns({pages(0, 8)});
    device.draw(pages(0, 8), 9);
    device.setOnReadBack([&](uint64_t) {
        if (device.readbacks == 1)
            device.draw(pages(4, 2), 11); // newer than what this readback brought
    });
    EXPECT_EQ(mapping.read(0), 9);
    EXPECT_EQ(device.readbacks, 1u);
    EXPECT_EQ(mapping.read(4), 11);
    EXPECT_EQ(device.readbacks, 2u);

    device.draw(pages(0, 8), 12);
    device.setOnReadBack([&](uint64_t) {
        if (device.readbacks == 3)
            device.draw(pages(4), 13);
    });
    EXPECT_EQ(mapping.read(4), 13) << "the very page that is waited for";
    EXPECT_EQ(device.readbacks, 4u);
}

TEST_P(Readback, HappensAgainAfterEachDraw) {
    Mapping mapping(*tracker, memory, memory.run());
    for (uint8_t frame = 1; frame < 100; ++frame) {
        device.draw(pages(4, 4), frame);
        device.draw(pages(6, 4), frame);
        EXPECT_EQ(mapping.read(5), frame);
        EXPECT_EQ(mapping.read(9), frame);
    }
    EXPECT_EQ(device.readbacks, 198u);
    EXPECT_EQ(collect(), Runs{});
}

TEST_P(Readback, OfPopulatedLockedAndMovedMappings) {
    std::memset(memory.page(0), 7, memory.size());
    device.draw(memory.run(), 9);
    Mapping populated(*tracker, memory, pages(0, 8), MAP_POPULATE);
    EXPECT_EQ(populated.read(0), 9);

    Mapping locked(*tracker, memory, pages(8, 8));
    EXPECT_EQ(locked.read(0), 9);
    if (::mlock(locked.page(0), 8 * kPage) == 0) {
        device.draw(pages(8, 8), 10);
        EXPECT_EQ(locked.read(1), 10);
    }

    Mapping moving(*tracker, memory, pages(16, 8));
    EXPECT_EQ(moving.read(0), 9);
    tracker->removeMapping(moving.page(0), 8 * kPage);
    device.draw(pages(16, 8), 11); // the moved pages are in the page table still
    // Somewhere else, where nothing of the process is.
    void* const place = ::mmap(nullptr, 8 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(place, MAP_FAILED);
    auto* moved =
        static_cast<uint8_t*>(::mremap(moving.page(0), 8 * kPage, 8 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, place));
    ASSERT_NE(moved, MAP_FAILED);
    tracker->addMapping(moved, 16 * kPage, 8 * kPage);
    EXPECT_EQ(*static_cast<volatile uint8_t*>(moved), 11);
    tracker->removeMapping(moved, 8 * kPage);
    ::munmap(moved, 8 * kPage);
}

TEST_P(Readback, ToleratesMemoryThatWasPunchedOut) {
    std::memset(memory.page(0), 7, memory.size());
    Mapping mapping(*tracker, memory, memory.run());
    for (uint64_t page : {10, 11, 13, 40})
        ASSERT_EQ(::fallocate(memory.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(page * kPage),
                              static_cast<off_t>(kPage)),
                  0);
    for (uint64_t page = 0; page < kPages; ++page)
        EXPECT_EQ(mapping.read(page), page == 10 || page == 11 || page == 13 || page == 40 ? 0 : 7);
    mapping.write(11, 1);
    EXPECT_EQ(collect(), Runs{pages(11)});
}

TEST_P(Readback, EnablingAllocates) {
    struct stat status {};
    ASSERT_EQ(::fstat(memory.fd(), &status), 0);
    EXPECT_EQ(static_cast<uint64_t>(status.st_blocks) * 512, memory.size());
    // Past the end of guest memory: that cannot be had, and guest memory does not grow.
    EXPECT_THROW(tracker->enable({uint64_t{1} << 62, uint64_t{1} << 62}), Error);
    ASSERT_EQ(::fstat(memory.fd(), &status), 0);
    EXPECT_EQ(static_cast<uint64_t>(status.st_size), memory.size());
}

TEST_P(Readback, OfThePageAloneIfTheHandlerNamesAnother) {
    // What the handler returns is not trusted to contain the page that was asked for.
    struct Confused final : ReadbackHandler {
        PageRun readBack(uint64_t) noexcept override {
            ++calls;
            return pages(60);
        }
        std::atomic<unsigned> calls{0};
    } confused;
    const auto choice = GetParam() == TrackerMode::Async ? TrackerChoice::Async : TrackerChoice::Thread;
    const auto other = createTracker(choice, memory.fd(), confused, counters);
    other->enable(memory.run());
    Mapping mapping(*other, memory, memory.run());
    other->invalidate(pages(4));
    EXPECT_EQ(mapping.read(4), 0);
    EXPECT_EQ(confused.calls, 1u);
}

TEST_P(Readback, OfManyCurrentPagesIsOneTouch) {
    // Pages that exist but are not mapped yet - the device wrote them, or another mapping did - come in whole windows.
    GuestMemory large(1024);
    std::memset(large.page(0), 7, large.size());
    FakeDevice largeDevice(large);
    Counters figures{};
    const auto other = createTracker(GetParam() == TrackerMode::Async ? TrackerChoice::Async : TrackerChoice::Thread,
                                     large.fd(), largeDevice, figures);
    other->enable(large.run());
    Mapping mapping(*other, large, large.run());
    EXPECT_EQ(mapping.read(500), 7);
    Runs written;
    other->collect(Runs{large.run()}, written); // not before the handler thread is done
    EXPECT_EQ(written, Runs{});
    uint64_t present = 0;
    UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY));
    for (uint64_t page = 0; page < 1024; ++page) {
        uint64_t entry = 0;
        const auto at = static_cast<off_t>(reinterpret_cast<uintptr_t>(mapping.page(page)) / kPage * sizeof entry);
        ASSERT_EQ(::pread(pagemap.get(), &entry, sizeof entry, at), static_cast<ssize_t>(sizeof entry));
        present += entry >> 63;
    }
    EXPECT_EQ(present, 1024u);
    EXPECT_EQ(figures.read_faults, 0u);
    EXPECT_EQ(largeDevice.readbacks, 0u);
}

TEST(ReadbackWithoutReadTracking, IsNotAskedFor) {
    GuestMemory memory(8);
    FakeDevice device(memory);
    Counters counters{};
    const auto tracker = createTracker(TrackerChoice::All, memory.fd(), device, counters);
    EXPECT_FALSE(tracker->readsAreTracked());
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    tracker->invalidate(memory.run());
    EXPECT_EQ(mapping.read(4), 0);
    tracker->validate(memory.run());
    EXPECT_EQ(device.readbacks, 0u);
}

} // namespace
} // namespace svga::shim::test
