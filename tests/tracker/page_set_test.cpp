// SPDX-License-Identifier: MIT
#include "guest.h"

#include "shim/tracker/mapping_table.h"
#include "shim/tracker/page_set.h"

#include <random>
#include <set>

namespace svga::shim::test {
namespace {

using Runs = std::vector<PageRun>;

TEST(PageSet, JoinsAndSplitsRuns) {
    PageSet set;
    EXPECT_TRUE(set.empty());
    set.add(pages(2, 2));
    set.add(pages(6, 2));
    set.add(pages(4, 2));
    EXPECT_EQ(set.within(pages(0, 100)), Runs{pages(2, 6)});
    set.remove(pages(3, 2));
    EXPECT_EQ(set.within(pages(0, 100)), (Runs{pages(2), pages(5, 3)}));
    EXPECT_EQ(set.within(pages(6, 1)), Runs{pages(6)});
    EXPECT_EQ(set.missingFrom(pages(0, 10)), (Runs{pages(0, 2), pages(3, 2), pages(8, 2)}));
    EXPECT_EQ(set.runAround(6 * kPage), pages(5, 3));
    EXPECT_EQ(set.runAround(3 * kPage), pages(3, 2));
    EXPECT_EQ(set.runAround(0), pages(0, 2));
    EXPECT_EQ(set.runAround(9 * kPage).offset, 8 * kPage);
    set.add({0, 0});
    EXPECT_EQ(set.take(pages(0, 6)), (Runs{pages(2), pages(5)}));
    EXPECT_EQ(set.within(pages(0, 100)), Runs{pages(6, 2)});
}

TEST(PageSet, MatchesAModel) {
    std::mt19937 random(3);
    const auto below = [&](uint64_t bound) { return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random); };
    PageSet set;
    std::set<uint64_t> model;
    for (unsigned step = 0; step < 5000; ++step) {
        const uint64_t first = below(64);
        const uint64_t count = below(64 - first + 1);
        const bool add = below(2);
        if (add)
            set.add(pages(first, count));
        else
            set.remove(pages(first, count));
        for (uint64_t page = first; page < first + count; ++page) {
            if (add)
                model.insert(page);
            else
                model.erase(page);
        }
        std::set<uint64_t> found;
        for (const PageRun& run : set.within(pages(0, 64)))
            for (uint64_t at = run.offset; at < run.offset + run.size; at += kPage)
                found.insert(at / kPage);
        ASSERT_EQ(found, model) << "at step " << step;
        ASSERT_EQ(set.contains(first * kPage), model.count(first) == 1);
    }
}

TEST(SortAndMerge, JoinsTouchingAndOverlappingRuns) {
    Runs runs{pages(8, 2), pages(0, 4), pages(4), pages(1, 1), pages(12)};
    sortAndMerge(runs);
    EXPECT_EQ(runs, (Runs{pages(0, 5), pages(8, 2), pages(12)}));
}

TEST(MappingTable, FindsPartsByAddressAndByOffset) {
    MappingTable table;
    const uintptr_t base = 0x10000 * kPage;
    const auto at = [&](uint64_t page) { return base + page * kPage; };
    table.add({at(0), 100 * kPage, 10 * kPage});
    table.add({at(10), 105 * kPage, 10 * kPage});

    EXPECT_FALSE(table.find(at(0) - 1));
    EXPECT_EQ(table.find(at(10) - 1)->address, at(0));
    EXPECT_EQ(table.find(at(10))->offset, 105 * kPage);
    EXPECT_FALSE(table.find(at(20)));

    auto pieces = table.showing(pages(107, 1));
    ASSERT_EQ(pieces.size(), 2u);
    EXPECT_EQ(pieces[0].address, at(7));
    EXPECT_EQ(pieces[1].address, at(12));
    EXPECT_EQ(pieces[1].size, kPage);

    pieces = table.at(at(8), 4 * kPage);
    ASSERT_EQ(pieces.size(), 2u);
    EXPECT_EQ(pieces[0].offset, 108 * kPage);
    EXPECT_EQ(pieces[0].size, 2 * kPage);
    EXPECT_EQ(pieces[1].address, at(10));
    EXPECT_EQ(pieces[1].size, 2 * kPage);
}

TEST(MappingTable, SplitsAndReplaces) {
    MappingTable table;
    const uintptr_t base = 0x10000 * kPage;
    const auto at = [&](uint64_t page) { return base + page * kPage; };
    table.add({at(0), 0, 10 * kPage});
    table.remove(at(3), 2 * kPage);
    EXPECT_FALSE(table.find(at(3)));
    EXPECT_EQ(table.find(at(2))->size, 3 * kPage);
    EXPECT_EQ(table.find(at(5))->offset, 5 * kPage);
    EXPECT_EQ(table.showing(pages(0, 10)).size(), 2u);

    table.add({at(2), 50 * kPage, 6 * kPage});
    EXPECT_EQ(table.find(at(2))->offset, 50 * kPage);
    EXPECT_EQ(table.find(at(8))->offset, 8 * kPage);
    EXPECT_EQ(table.showing(pages(0, 10)).size(), 2u);
    table.remove(at(0), 10 * kPage);
    EXPECT_TRUE(table.showing(pages(0, 100)).empty());
    EXPECT_TRUE(table.at(at(0), 10 * kPage).empty());
}

} // namespace
} // namespace svga::shim::test
