// SPDX-License-Identifier: MIT
// Accesses that are announced: no faults, and the right pages reported for them.
#include "guest.h"

#include <sys/resource.h>

namespace svga::shim::test {
namespace {

using Runs = std::vector<PageRun>;

/// Page faults of this thread so far, whoever served them.
long faultsTaken() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt;
}

#ifdef __SANITIZE_ADDRESS__
/// Faults that the instrumentation of an access may take itself, on its shadow memory.
constexpr long kInstrumentationFaults = 32;
#else
constexpr long kInstrumentationFaults = 0;
#endif

class Prepare : public TrackerTest {
protected:
    void needReadTracking() {
        if (!tracker->readsAreTracked())
            GTEST_SKIP() << "reads are not tracked here";
    }

    /// Faults taken by \p access.
    template <typename Access>
    static long faultsOf(Access access) {
        const long before = faultsTaken();
        access();
        return faultsTaken() - before;
    }
};
INSTANTIATE_TEST_SUITE_P(Mode, Prepare, kFaultModes, modeName);

class PrepareAll : public TrackerTest {};
INSTANTIATE_TEST_SUITE_P(Mode, PrepareAll, kAllModes, modeName);

TEST_P(PrepareAll, ReportsWhatIsToBeWrittenOnce) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    tracker->prepare(pages(4, 8), true);
    EXPECT_EQ(collect(), exact() ? Runs{pages(4, 8)} : Runs{memory.run()});
    EXPECT_EQ(collect(), exact() ? Runs{} : Runs{memory.run()});
    mapping.write(5, 1);
    EXPECT_EQ(collect(), exact() ? Runs{pages(5)} : Runs{memory.run()}) << "protected again";
}

TEST_P(PrepareAll, ReportsItAfterTheMappingWentAway) {
    tracker->enable(memory.run());
    {
        Mapping mapping(*tracker, memory, pages(0, 8));
        tracker->prepare(pages(2, 3), true);
    }
    EXPECT_EQ(collect(), exact() ? Runs{pages(2, 3)} : Runs{pages(0, 8)});
}

TEST_P(Prepare, SparesWritesTheirFaults) {
    needReadTracking();
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    for (int round = 0; round < 3; ++round) { // untouched, then mapped and protected
        tracker->prepare(memory.run(), true);
        EXPECT_LE(faultsOf([&] {
                      for (uint64_t page = 0; page < kPages; ++page)
                          mapping.write(page, 1);
                  }),
                  kInstrumentationFaults);
        EXPECT_EQ(collect(), Runs{memory.run()});
    }
    EXPECT_EQ(tracker->faults(0), FaultCounts{});
    EXPECT_EQ(counters.write_faults, 0u);
}

TEST_P(Prepare, SparesReadsTheirFaults) {
    needReadTracking();
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(7, 1);
    tracker->prepare(memory.run(), false);
    EXPECT_LE(faultsOf([&] {
                  for (uint64_t page = 0; page < kPages; ++page)
                      (void)mapping.read(page);
              }),
              kInstrumentationFaults);
    EXPECT_EQ(collect(), Runs{pages(7)}) << "only what was written";
    mapping.write(9, 1);
    EXPECT_EQ(collect(), Runs{pages(9)});
}

TEST_P(Prepare, MapsTheGapsBetweenMappedPages) {
    needReadTracking();
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    tracker->prepare(pages(0, 10), false);
    tracker->prepare(pages(30, 2), true);
    tracker->prepare(memory.run(), true);
    EXPECT_LE(faultsOf([&] {
                  for (uint64_t page = 0; page < kPages; ++page)
                      mapping.write(page, 1);
              }),
              kInstrumentationFaults);
}

TEST_P(Prepare, CountsTheFaultsThatWerePaid) {
    tracker->enable(pages(0, 32));
    tracker->enable(pages(32, 32));
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(1, 1);
    mapping.write(40, 1);
    tracker->prepare(pages(0, 64), true); // 1 and 40 were paid for
    mapping.write(1, 2);
    mapping.write(2, 2);
    collect();
    mapping.write(2, 3);
    mapping.write(3, 3);
    collect();
    EXPECT_EQ(tracker->faults(0).writes, 3u);
    EXPECT_EQ(tracker->faults(pages(32).offset).writes, 1u);
    EXPECT_EQ(counters.write_faults, 4u);
    if (tracker->readsAreTracked()) {
        EXPECT_EQ(tracker->faults(0).touches, 1u);
    }
    tracker->disable(pages(0, 32));
    EXPECT_EQ(tracker->faults(0), FaultCounts{});
}

TEST_P(Prepare, LeavesInvalidatedPagesAlone) {
    needReadTracking();
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    device.draw(pages(3), 77);
    tracker->prepare(pages(0, 8), true);
    EXPECT_EQ(collect(), (Runs{pages(0, 3), pages(4, 4)}));
    EXPECT_EQ(device.readbacks, 0u);
    EXPECT_EQ(mapping.read(3), 77);
    EXPECT_EQ(device.readbacks, 1u);
    mapping.write(3, 78);
    EXPECT_EQ(collect(), Runs{pages(3)});
}

TEST_P(Prepare, AWriteBeforeInvalidationIsStillReported) {
    needReadTracking();
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    tracker->prepare(pages(2, 2), true);
    mapping.write(2, 5);
    device.draw(pages(2, 2), 77);
    EXPECT_EQ(collect(), Runs{pages(2, 2)});
}

TEST_P(Prepare, WorksInEveryMapping) {
    needReadTracking();
    tracker->enable(memory.run());
    Mapping one(*tracker, memory, memory.run());
    Mapping two(*tracker, memory, pages(8, 8));
    tracker->prepare(pages(4, 8), true);
    EXPECT_LE(faultsOf([&] {
                  one.write(4, 1);
                  one.write(8, 1);
                  two.write(0, 1);
              }),
              kInstrumentationFaults);
    EXPECT_EQ(collect(), Runs{pages(4, 8)});
    EXPECT_EQ(counters.write_faults, 0u);
}

TEST_P(PrepareAll, OfWhatNobodyFollowsIsNothing) {
    Mapping mapping(*tracker, memory, memory.run());
    tracker->prepare(pages(0, 4), true);
    EXPECT_EQ(collect(), Runs{});
    EXPECT_THROW(tracker->prepare({1, kPage}, true), std::exception);
}

} // namespace
} // namespace svga::shim::test
