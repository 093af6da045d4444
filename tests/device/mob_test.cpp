// SPDX-License-Identifier: MIT
// MOBs: every page table format, hostile tables, memory that goes away.
#include "device/guest_mob.h"
#include "device/mob_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>

namespace svga::device::test {
namespace {

constexpr uint64_t kPages = 4096;

/** \brief Guest memory of 16 MiB at a guest-physical address, and the test's own view of it. */
class MobTest : public ::testing::Test {
protected:
    MobTest()
        : fd(::memfd_create("guest", MFD_CLOEXEC)) {
        if (::ftruncate(fd.get(), kPages * kPageSize) != 0)
            throw Error("ftruncate");
        view = {static_cast<std::byte*>(
                    ::mmap(nullptr, kPages * kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0)),
                kPages * kPageSize};
        memory.map(kBase * kPageSize, view.size(), UniqueFd(::dup(fd.get())), 0, true);
    }
    ~MobTest() override { ::munmap(view.data(), view.size()); }

    template <typename Entry>
    void putTable(uint64_t page, const std::vector<Entry>& entries) {
        std::memcpy(view.data() + (page - kBase) * kPageSize, entries.data(), entries.size() * sizeof(Entry));
    }
    /** Marks each page with its own number. */
    void markPages() {
        for (uint64_t i = 0; i < kPages; ++i)
            std::memcpy(view.data() + i * kPageSize, &i, sizeof(i));
    }
    static uint64_t markOf(const Mob& mob, uint64_t page) { return mob.readValue<uint64_t>(page * kPageSize) + kBase; }

    static constexpr uint64_t kBase = 0x100000; ///< page number of the first page
    UniqueFd fd;
    std::span<std::byte> view;
    GuestMemory memory;
};

TEST_F(MobTest, ReadsEveryFormat) {
    markPages();
    EXPECT_EQ(markOf(GuestMob(1, memory, {SVGA3D_MOBFMT_PT_0, kBase + 5, 4096}), 0), kBase + 5);
    EXPECT_EQ(markOf(GuestMob(1, memory, {SVGA3D_MOBFMT_PT64_0, kBase + 5, 1}), 0), kBase + 5);
    GuestMob range(1, memory, {SVGA3D_MOBFMT_RANGE, kBase + 7, 3 * kPageSize});
    for (uint64_t i = 0; i < 3; ++i)
        EXPECT_EQ(markOf(range, i), kBase + 7 + i);

    putTable<uint32_t>(kBase + 100, {kBase + 9, kBase + 3, kBase + 4});
    GuestMob one(1, memory, {SVGA3D_MOBFMT_PT_1, kBase + 100, 2 * kPageSize + 1});
    EXPECT_EQ(one.size(), 3 * kPageSize);
    EXPECT_EQ(markOf(one, 0), kBase + 9);
    EXPECT_EQ(markOf(one, 1), kBase + 3);
    EXPECT_EQ(markOf(one, 2), kBase + 4);

    putTable<uint64_t>(kBase + 101, {kBase + 8, kBase + 2});
    GuestMob one64(1, memory, {SVGA3D_MOBFMT_PT64_1, kBase + 101, 2 * kPageSize});
    EXPECT_EQ(markOf(one64, 0), kBase + 8);
    EXPECT_EQ(markOf(one64, 1), kBase + 2);

    // Two levels, and more pages than one table holds.
    for (auto format : {SVGA3D_MOBFMT_PT_2, SVGA3D_MOBFMT_PT64_2}) {
        bool wide = format == SVGA3D_MOBFMT_PT64_2;
        uint64_t perTable = wide ? 512 : 1024;
        std::vector<uint64_t> pages;
        for (uint64_t i = 0; i < perTable + 3; ++i)
            pages.push_back(kBase + 1000 + (i * 37) % 3000);
        for (uint64_t i = 0; i < pages.size(); ++i) {
            uint64_t table = kBase + 200 + i / perTable;
            if (wide)
                std::memcpy(view.data() + (table - kBase) * kPageSize + i % perTable * 8, &pages[i], 8);
            else
                std::memcpy(view.data() + (table - kBase) * kPageSize + i % perTable * 4, &pages[i], 4);
        }
        if (wide)
            putTable<uint64_t>(kBase + 300, {kBase + 200, kBase + 201});
        else
            putTable<uint32_t>(kBase + 300, {kBase + 200, kBase + 201});
        GuestMob two(1, memory, {format, kBase + 300, pages.size() * kPageSize});
        ASSERT_EQ(two.size(), pages.size() * kPageSize);
        for (uint64_t i = 0; i < pages.size(); ++i)
            ASSERT_EQ(markOf(two, i), pages[i]) << i;
        markPages();
    }
    EXPECT_EQ(GuestMob(1, memory, {SVGA3D_MOBFMT_EMPTY, SVGA3D_MOB_EMPTY_BASE, 4096}).size(), 0u);
}

TEST_F(MobTest, RefusesHostileTables) {
    auto refused = [this](SVGAMobFormat format, uint64_t base, uint64_t size) {
        EXPECT_THROW(GuestMob(1, memory, {format, base, size}), CommandError) << format << " " << base << " " << size;
    };
    for (uint64_t base : {uint64_t{0}, kBase - 1, kBase + kPages, uint64_t{1} << 52, ~uint64_t{0}})
        for (auto format : {SVGA3D_MOBFMT_PT_0, SVGA3D_MOBFMT_PT_1, SVGA3D_MOBFMT_PT_2, SVGA3D_MOBFMT_RANGE,
                            SVGA3D_MOBFMT_PT64_0, SVGA3D_MOBFMT_PT64_1, SVGA3D_MOBFMT_PT64_2})
            refused(format, base, kPageSize);
    refused(SVGA3D_MOBFMT_RANGE, kBase + kPages - 1, 2 * kPageSize); // across the end
    refused(SVGA3D_MOBFMT_RANGE, (uint64_t{1} << 52) - 1, 2 * kPageSize);
    refused(SVGA3D_MOBFMT_RANGE, kBase, kMaxMobSize + 1);
    refused(SVGA3D_MOBFMT_PT_0, kBase, 2 * kPageSize);     // more than one page
    refused(SVGA3D_MOBFMT_PT64_1, kBase, 513 * kPageSize); // more than a table
    refused(SVGA3D_MOBFMT_PT64_2, kBase, kMaxMobSize + 4096);
    refused(SVGA3D_MOBFMT_INVALID, kBase, kPageSize);
    refused(static_cast<SVGAMobFormat>(8), kBase, kPageSize);
    refused(static_cast<SVGAMobFormat>(0x80000000), kBase, kPageSize);
    // Page 0 of a table is fine, page 1 is not in guest memory, or overflows.
    for (uint64_t bad : {uint64_t{0}, kBase + kPages, ~uint64_t{0}, uint64_t{1} << 52}) {
        putTable<uint64_t>(kBase + 10, {kBase + 11, bad});
        refused(SVGA3D_MOBFMT_PT64_1, kBase + 10, 2 * kPageSize);
        putTable<uint64_t>(kBase + 20, {kBase + 10, bad});
        refused(SVGA3D_MOBFMT_PT64_2, kBase + 20, 513 * kPageSize);
    }
    // A table that is its own entry ends, as its depth does: the entries are just pages.
    std::vector<uint64_t> itself(512, kBase + 30);
    putTable(kBase + 30, itself);
    GuestMob cycle(1, memory, {SVGA3D_MOBFMT_PT64_2, kBase + 30, 2048 * kPageSize});
    EXPECT_EQ(cycle.readValue<uint64_t>(2047 * kPageSize), kBase + 30);
}

TEST_F(MobTest, ChecksEveryAccess) {
    GuestMob mob(1, memory, {SVGA3D_MOBFMT_RANGE, kBase, 2 * kPageSize});
    std::array<std::byte, 8> bytes{};
    mob.read(2 * kPageSize - 8, bytes);
    mob.write(2 * kPageSize - 8, bytes);
    mob.read(2 * kPageSize, std::span(bytes).first(0));
    for (uint64_t offset : {2 * kPageSize - 7, 2 * kPageSize, ~uint64_t{0}, ~uint64_t{0} - 7}) {
        EXPECT_THROW(mob.read(offset, bytes), CommandError) << offset;
        EXPECT_THROW(mob.write(offset, bytes), CommandError) << offset;
    }
    GuestMob empty(1, memory, {SVGA3D_MOBFMT_RANGE, kBase, 0});
    EXPECT_THROW(empty.read(0, bytes), CommandError);
    EXPECT_TRUE(empty.contiguous().empty());
}

TEST_F(MobTest, CopiesAcrossScatteredPages) {
    std::mt19937 random(1);
    std::vector<uint64_t> pages{kBase + 50, kBase + 51, kBase + 7, kBase + 400, kBase + 8};
    putTable(kBase + 10, pages);
    GuestMob mob(1, memory, {SVGA3D_MOBFMT_PT64_1, kBase + 10, pages.size() * kPageSize});
    std::vector<std::byte> model(mob.size());
    for (int i = 0; i < 2000; ++i) {
        uint64_t offset = random() % mob.size();
        std::vector<std::byte> bytes(random() % (mob.size() - offset) + 1);
        for (auto& byte : bytes)
            byte = static_cast<std::byte>(random());
        mob.write(offset, bytes);
        std::copy(bytes.begin(), bytes.end(), model.begin() + static_cast<std::ptrdiff_t>(offset));
        offset = random() % mob.size();
        std::vector<std::byte> read(random() % (mob.size() - offset) + 1);
        mob.read(offset, read);
        ASSERT_TRUE(std::equal(read.begin(), read.end(), model.begin() + static_cast<std::ptrdiff_t>(offset)));
    }
    for (uint64_t i = 0; i < pages.size(); ++i)
        EXPECT_EQ(0,
                  std::memcmp(view.data() + (pages[i] - kBase) * kPageSize, model.data() + i * kPageSize, kPageSize));
}

TEST_F(MobTest, IsContiguousWhereItsRunsAllowIt) {
    // One run: guest memory itself.
    GuestMob range(1, memory, {SVGA3D_MOBFMT_RANGE, kBase + 3, 2 * kPageSize});
    auto bytes = range.contiguous();
    ASSERT_EQ(bytes.size(), 2 * kPageSize);
    view[3 * kPageSize + 17] = std::byte{42};
    EXPECT_EQ(bytes[17], std::byte{42});

    // Several: one mapping of them, shared both ways, and the same each time.
    std::vector<uint64_t> pages{kBase + 60, kBase + 20, kBase + 21, kBase + 5};
    putTable(kBase + 10, pages);
    GuestMob mob(1, memory, {SVGA3D_MOBFMT_PT64_1, kBase + 10, pages.size() * kPageSize});
    auto mapped = mob.contiguous();
    ASSERT_EQ(mapped.size(), pages.size() * kPageSize);
    EXPECT_EQ(mapped.data(), mob.contiguous().data());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(mapped.data()) % kPageSize, 0u);
    for (uint64_t i = 0; i < pages.size(); ++i) {
        mapped[i * kPageSize + 9] = static_cast<std::byte>(i + 1);
        EXPECT_EQ(view[(pages[i] - kBase) * kPageSize + 9], static_cast<std::byte>(i + 1));
    }

    // Too many: none.
    std::vector<uint64_t> scattered;
    for (uint64_t i = 0; i <= kMaxContiguousRuns; ++i)
        scattered.push_back(kBase + 1000 + 2 * i);
    putTable(kBase + 10, scattered);
    GuestMob many(1, memory, {SVGA3D_MOBFMT_PT64_1, kBase + 10, scattered.size() * kPageSize});
    EXPECT_TRUE(many.contiguous().empty());
    GuestMob few(1, memory, {SVGA3D_MOBFMT_PT64_1, kBase + 10, kMaxContiguousRuns * kPageSize});
    EXPECT_EQ(few.contiguous().size(), kMaxContiguousRuns * kPageSize);
}

TEST_F(MobTest, FollowsMemoryThatIsMappedAnew) {
    GuestMob mob(1, memory, {SVGA3D_MOBFMT_RANGE, kBase, kPageSize});
    mob.write(0, std::as_bytes(std::span("one", 4)));
    ASSERT_TRUE(memory.unmap(kBase * kPageSize, view.size()));
    std::array<std::byte, 4> bytes{};
    EXPECT_THROW(mob.read(0, bytes), CommandError);
    // Elsewhere in the file, and read-only.
    std::memcpy(view.data() + 8 * kPageSize, "two", 4);
    memory.map(kBase * kPageSize, kPageSize, UniqueFd(::dup(fd.get())), 8 * kPageSize, false);
    mob.read(0, bytes);
    EXPECT_EQ(0, std::memcmp(bytes.data(), "two", 4));
    EXPECT_THROW(mob.write(0, bytes), CommandError);
    EXPECT_TRUE(GuestMob(2, memory, {SVGA3D_MOBFMT_RANGE, kBase, kPageSize}).contiguous().empty());
}

TEST_F(MobTest, SpansRangesThatMeet) {
    uint64_t end = (kBase + kPages) * kPageSize;
    memory.map(end, 2 * kPageSize, UniqueFd(::dup(fd.get())), 0, true); // the file's first pages once more
    GuestMob mob(1, memory, {SVGA3D_MOBFMT_RANGE, kBase + kPages - 1, 3 * kPageSize});
    uint64_t value = 0x1122334455667788;
    mob.write(kPageSize - 4, std::as_bytes(std::span(&value, 1)));
    EXPECT_EQ(mob.readValue<uint64_t>(kPageSize - 4), value);
    uint32_t low = 0;
    std::memcpy(&low, view.data(), 4);
    EXPECT_EQ(low, 0x11223344u);
    EXPECT_EQ(mob.contiguous().size(), 3 * kPageSize);
}

TEST_F(MobTest, MemoryRangesDoNotOverlap) {
    auto map = [this](uint64_t page, uint64_t pages) {
        memory.map(page * kPageSize, pages * kPageSize, UniqueFd(::dup(fd.get())), 0, true);
    };
    EXPECT_THROW(map(kBase, 1), GuestMemoryError);
    EXPECT_THROW(map(kBase - 1, 2), GuestMemoryError);
    EXPECT_THROW(map(kBase + kPages - 1, 2), GuestMemoryError);
    EXPECT_THROW(map(kBase - 1, kPages + 2), GuestMemoryError);
    map(kBase - 1, 1);
    map(kBase + kPages, 1);
    EXPECT_FALSE(memory.unmap(kBase * kPageSize, kPageSize));       // a part
    EXPECT_FALSE(memory.unmap((kBase + 1) * kPageSize, kPageSize)); // its middle
    EXPECT_TRUE(memory.unmap(0, ~uint64_t{0}));                     // all
    std::byte byte;
    EXPECT_FALSE(memory.read(kBase * kPageSize, std::span(&byte, 1)));
    EXPECT_FALSE(memory.read(~uint64_t{0}, std::span(&byte, 1)));
}

/** Random tables: either refused, or all of the MOB can be read. */
TEST_F(MobTest, FuzzedTablesAreRefusedOrReadable) {
    std::mt19937_64 random(7);
    int defined = 0;
    for (int i = 0; i < 3000; ++i) {
        for (int entry = 0; entry < 64; ++entry) {
            uint64_t value = random() % 50 ? kBase + random() % kPages : random() >> (random() % 64);
            std::memcpy(view.data() + random() % 16 * kPageSize + random() % 512 * 8, &value, 8);
        }
        MobLayout layout{static_cast<SVGAMobFormat>(random() % 9), kBase + random() % 16,
                         random() % 4 ? random() % (64 * kPageSize) : random() % (kMaxMobSize * 2)};
        try {
            GuestMob mob(1, memory, layout);
            std::vector<std::byte> bytes(std::min<uint64_t>(mob.size(), 1 << 20));
            mob.read(mob.size() - bytes.size(), bytes);
            ++defined;
        } catch (const CommandError&) {
        }
    }
    EXPECT_GT(defined, 100);
}

} // namespace
} // namespace svga::device::test
