// SPDX-License-Identifier: MIT
// Which pages has the CPU written? In every mode; what All reports too much is said where it does.
#include "guest.h"

#include "util/error.h"

#include <fcntl.h>

#include <random>
#include <set>

namespace svga::shim::test {
namespace {

using Runs = std::vector<PageRun>;

class Writes : public TrackerTest {};
INSTANTIATE_TEST_SUITE_P(Mode, Writes, kAllModes, modeName);

/// Of the modes that tell written pages from others.
class ExactWrites : public TrackerTest {};
INSTANTIATE_TEST_SUITE_P(Mode, ExactWrites, kFaultModes, modeName);

TEST_P(Writes, AreReportedByOneCollect) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(1, 1);
    mapping.write(5, 1);
    mapping.write(6, 1);
    EXPECT_EQ(collect(), exact() ? (Runs{pages(1), pages(5, 2)}) : Runs{memory.run()});
    EXPECT_EQ(collect(), exact() ? Runs{} : Runs{memory.run()});
    mapping.write(6, 2);
    EXPECT_EQ(collect(), exact() ? Runs{pages(6)} : Runs{memory.run()});
}

TEST_P(Writes, AreReportedWithinTheRangesAsked) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    for (uint64_t page : {3, 10, 11, 40})
        mapping.write(page, 1);
    // Unsorted, overlapping, adjacent.
    EXPECT_EQ(collect({pages(11, 2), pages(10), pages(10, 2), pages(3)}),
              exact() ? (Runs{pages(3), pages(10, 2)}) : (Runs{pages(3), pages(10, 3)}));
    EXPECT_EQ(collect({pages(40)}), Runs{pages(40)}) << "not asked before, so not lost";
    EXPECT_EQ(collect({}), Runs{});
}

TEST_P(Writes, AppendToWhatTheCallerHas) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, pages(2));
    mapping.write(0, 1);
    Runs written{pages(50)};
    tracker->collect(Runs{memory.run()}, written);
    EXPECT_EQ(written, (Runs{pages(50), pages(2)}));
}

TEST_P(Writes, OfRangesNobodyFollowsAreNot) {
    tracker->enable(pages(8, 4));
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(7, 1);
    mapping.write(8, 1);
    mapping.write(12, 1);
    EXPECT_EQ(collect(), exact() ? Runs{pages(8)} : Runs{pages(8, 4)});
    tracker->disable(pages(8, 4));
    mapping.write(8, 2);
    EXPECT_EQ(collect(), Runs{});
}

TEST_P(Writes, StartCleanWhenEnabledAfterMapping) {
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(4, 1);
    tracker->enable(pages(0, 32));
    tracker->enable(pages(16, 48)); // overlapping: the rest is enabled as well, and nothing is forgotten
    EXPECT_EQ(collect(), exact() ? Runs{} : Runs{memory.run()});
    mapping.write(20, 1);
    tracker->enable(memory.run());
    mapping.write(60, 1);
    EXPECT_EQ(collect(), exact() ? (Runs{pages(20), pages(60)}) : Runs{memory.run()});
}

TEST_P(Writes, ThroughSeveralMappings) {
    tracker->enable(memory.run());
    Mapping a(*tracker, memory, memory.run());
    Mapping b(*tracker, memory, pages(8, 8));
    a.write(9, 1);
    b.write(2, 1); // page 10
    b.write(1, 2); // page 9 again
    EXPECT_EQ(a.read(10), 1);
    EXPECT_EQ(collect(), exact() ? Runs{pages(9, 2)} : Runs{memory.run()});
    b.write(1, 3);
    EXPECT_EQ(collect(), exact() ? Runs{pages(9)} : Runs{memory.run()}) << "protected again in every mapping";
    a.write(9, 3);
    EXPECT_EQ(collect(), exact() ? Runs{pages(9)} : Runs{memory.run()});
}

TEST_P(Writes, BeforeUnmappingAreReportedAfter) {
    tracker->enable(memory.run());
    {
        Mapping mapping(*tracker, memory, pages(4, 4));
        mapping.write(1, 1);
    }
    EXPECT_EQ(collect(), exact() ? Runs{pages(5)} : Runs{pages(4, 4)});
    EXPECT_EQ(collect(), Runs{}) << "nothing is mapped any more";
}

TEST_P(Writes, SurviveAPartialUnmap) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, pages(0, 16));
    mapping.write(2, 1);
    mapping.write(5, 1);
    mapping.unmap(4, 4);
    mapping.write(9, 1);
    EXPECT_EQ(collect(), exact() ? (Runs{pages(2), pages(5), pages(9)}) : Runs{pages(0, 16)});
    mapping.write(15, 1);
    mapping.write(0, 1);
    EXPECT_EQ(collect(), exact() ? (Runs{pages(0), pages(15)}) : (Runs{pages(0, 4), pages(8, 8)}));
}

TEST_P(Writes, FollowAMovedMapping) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, pages(0, 8));
    mapping.write(1, 1);
    // As the interposer reports mremap. The new place is unmapped by hand below.
    tracker->removeMapping(mapping.page(0), 8 * kPage);
    auto* moved = static_cast<uint8_t*>(::mremap(mapping.page(0), 8 * kPage, 16 * kPage, MREMAP_MAYMOVE));
    ASSERT_NE(moved, MAP_FAILED);
    tracker->addMapping(moved, 0, 16 * kPage);
    EXPECT_EQ(moved[kPage], 1);
    EXPECT_EQ(collect(), exact() ? Runs{pages(1)} : Runs{pages(0, 16)});
    moved[3 * kPage] = 1;
    moved[12 * kPage] = 1;
    EXPECT_EQ(collect(), exact() ? (Runs{pages(3), pages(12)}) : Runs{pages(0, 16)});
    tracker->removeMapping(moved, 16 * kPage);
    ::munmap(moved, 16 * kPage);
}

TEST_P(Writes, BySystemCallsCount) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    UniqueFd file(::memfd_create("file", MFD_CLOEXEC));
    const std::vector<uint8_t> content(2 * kPage, 0x5a);
    ASSERT_EQ(::pwrite(file.get(), content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));

    EXPECT_EQ(::pread(file.get(), mapping.page(3) + 16, kPage, 0), static_cast<ssize_t>(kPage)); // straddles 3 and 4
    EXPECT_EQ(::read(file.get(), mapping.page(20), kPage), static_cast<ssize_t>(kPage));
    EXPECT_EQ(memory.page(20)[kPage - 1], 0x5a);
    EXPECT_EQ(memory.page(4)[15], 0x5a);
    EXPECT_EQ(collect(), exact() ? (Runs{pages(3, 2), pages(20)}) : Runs{memory.run()});
}

TEST_P(Writes, IntoReadOnlyTurnedMappingsAreFollowed) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(2, 1);
    ASSERT_EQ(::mprotect(mapping.page(0), memory.size(), PROT_READ), 0);
    EXPECT_EQ(collect(), exact() ? Runs{pages(2)} : Runs{memory.run()});
    ASSERT_EQ(::mprotect(mapping.page(0), memory.size(), PROT_READ | PROT_WRITE), 0);
    EXPECT_EQ(collect(), exact() ? Runs{} : Runs{memory.run()});
    mapping.write(3, 1);
    EXPECT_EQ(collect(), exact() ? Runs{pages(3)} : Runs{memory.run()});
}

TEST_P(Writes, AreCounted) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, pages(0, 4));
    mapping.write(0, 1);
    mapping.write(2, 1);
    mapping.write(2, 2);
    const uint64_t scans = counters.scans; // the first touch scans as well
    collect();
    EXPECT_EQ(counters.pages_dirtied, exact() ? 2u : 4u);
    EXPECT_EQ(counters.bytes_written, (exact() ? 2 : 4) * kPage);
    EXPECT_EQ(counters.write_faults, exact() ? 2u : 0u);
    EXPECT_EQ(counters.read_faults, 0u);
    EXPECT_EQ(counters.scans - scans, GetParam() == TrackerMode::Async ? 1u : 0u);
}

TEST_P(Writes, OfThePartsThatAreNoPagesAreErrors) {
    EXPECT_THROW(tracker->enable({1, kPage}), Error);
    EXPECT_THROW(tracker->disable({0, kPage + 1}), Error);
    EXPECT_THROW(tracker->invalidate({0 - kPage, 2 * kPage}), Error);
    EXPECT_THROW(tracker->validate({1, 1}), Error);
    EXPECT_THROW(collect({{0 - kPage, 2 * kPage}}), Error);
    EXPECT_THROW(tracker->addMapping(memory.page(0) + 1, 0, kPage), Error);
    EXPECT_THROW(tracker->addMapping(memory.page(0), 1, kPage), Error);
    EXPECT_THROW(tracker->addMapping(memory.page(0), 0, ~uint64_t{0}), Error);
    EXPECT_EQ(collect({}), Runs{});
}

TEST_P(ExactWrites, AreNotReads) {
    std::memset(memory.page(0), 7, memory.size() / 2); // half exists, half does not yet
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    for (uint64_t page = 0; page < kPages; ++page)
        EXPECT_EQ(mapping.read(page), page < kPages / 2 ? 7 : 0);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    UniqueFd out(ends[0]);
    UniqueFd in(ends[1]);
    EXPECT_EQ(::write(in.get(), mapping.page(5), kPage), static_cast<ssize_t>(kPage));
    EXPECT_EQ(collect(), Runs{});
    mapping.write(33, 1);
    EXPECT_EQ(collect(), Runs{pages(33)}) << "a page that was read is still protected";
}

TEST_P(ExactWrites, AreFollowedInAMappingThatWasPopulated) {
    std::memset(memory.page(0), 7, memory.size());
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run(), MAP_POPULATE);
    EXPECT_EQ(collect(), Runs{});
    mapping.write(9, 1);
    EXPECT_EQ(collect(), Runs{pages(9)});
}

TEST_P(ExactWrites, SurviveTheApplicationsOwnMadvise) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(9, 1);
    ASSERT_EQ(::madvise(mapping.page(0), memory.size(), MADV_DONTNEED), 0);
    EXPECT_EQ(mapping.read(9), 1);
    EXPECT_EQ(mapping.read(10), 0);
    EXPECT_EQ(collect(), Runs{pages(9)});
}

TEST_P(ExactWrites, MatchAModelOverRandomOperations) {
    std::mt19937 random(7);
    const auto below = [&](uint64_t bound) { return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random); };
    std::set<uint64_t> dirty;
    std::vector<std::pair<PageRun, std::unique_ptr<Mapping>>> mappings;
    tracker->enable(memory.run());
    for (unsigned step = 0; step < 4000; ++step) {
        const uint64_t first = below(kPages);
        const PageRun run = pages(first, 1 + below(kPages - first));
        switch (below(8)) {
        case 0:
            if (mappings.size() < 6)
                mappings.emplace_back(run, std::make_unique<Mapping>(*tracker, memory, run));
            break;
        case 1:
            if (!mappings.empty())
                mappings.erase(mappings.begin() + static_cast<ptrdiff_t>(below(mappings.size())));
            break;
        case 2: {
            std::vector<PageRun> expected;
            for (uint64_t page = first; page < first + run.size / kPage; ++page) {
                if (!dirty.erase(page))
                    continue;
                if (!expected.empty() && expected.back().offset + expected.back().size == page * kPage)
                    expected.back().size += kPage;
                else
                    expected.push_back(pages(page));
            }
            ASSERT_EQ(collect({run}), expected) << "at step " << step;
            break;
        }
        default:
            if (!mappings.empty()) {
                auto& [mapped, mapping] = mappings[below(mappings.size())];
                const uint64_t page = below(mapped.size / kPage);
                if (below(2)) {
                    mapping->write(page, 1);
                    dirty.insert(mapped.offset / kPage + page);
                } else {
                    mapping->read(page);
                }
            }
        }
    }
}

class AsyncScans : public TrackerTest {};
INSTANTIATE_TEST_SUITE_P(Mode, AsyncScans, testing::Values(TrackerMode::Async), modeName);

TEST_P(AsyncScans, CoverMappingsCloseTogetherAtOnce) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(0, 1);
    mapping.write(10, 1);
    mapping.write(20, 1);
    const uint64_t scans = counters.scans;
    EXPECT_EQ(collect({pages(0, 2), pages(20, 2)}), (Runs{pages(0), pages(20)}));
    EXPECT_EQ(counters.scans - scans, 1u);
    EXPECT_EQ(collect({pages(10)}), Runs{pages(10)}) << "scanned along, but not asked for";
    EXPECT_EQ(collect({pages(0), pages(60)}), Runs{});
    EXPECT_EQ(counters.scans - scans, 4u) << "far apart";
}

TEST_P(AsyncScans, LeaveGapsThatAreNotFollowedAlone) {
    tracker->enable(pages(0, 2));
    tracker->enable(pages(4, 2));
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(1, 1);
    mapping.write(3, 1);
    mapping.write(4, 1);
    const uint64_t scans = counters.scans;
    EXPECT_EQ(collect({pages(0, 6)}), (Runs{pages(1), pages(4)}));
    EXPECT_EQ(counters.scans - scans, 2u);
}

TEST_P(AsyncScans, CountEverythingWhereAMappingWasReplacedBehindOurBack) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, pages(0, 8));
    mapping.write(1, 1);
    ASSERT_NE(::mmap(mapping.page(4), kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), MAP_FAILED);
    EXPECT_EQ(collect(), Runs{pages(0, 8)});
}

TEST_P(AsyncScans, ReportMoreRunsThanFitOneCall) {
    GuestMemory large(4096);
    FakeDevice largeDevice(large);
    Counters figures{};
    const auto largeTracker = createTracker(TrackerChoice::Async, large.fd(), largeDevice, figures);
    largeTracker->enable(large.run());
    Mapping mapping(*largeTracker, large, large.run());
    Runs expected;
    for (uint64_t page = 1; page < 4096; page += 2) {
        mapping.write(page, 1);
        expected.push_back(pages(page));
    }
    Runs written;
    largeTracker->collect(Runs{large.run()}, written);
    EXPECT_EQ(written, expected);
}

} // namespace
} // namespace svga::shim::test
