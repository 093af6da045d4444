// SPDX-License-Identifier: MIT
// What the dirty-tracking ioctls promise where they are called as they should be.
#include "uapi_test.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace svga::uapi {
namespace {

constexpr uint32_t kRead = DRM_VMW_BO_ACCESS_READ;
constexpr uint32_t kWrite = DRM_VMW_BO_ACCESS_WRITE;
constexpr uint32_t kDiscard = DRM_VMW_BO_ACCESS_DISCARD;

using Query = TrackingTest;
using Access = TrackingTest;
using Modes = TrackingTest;

TEST_F(Query, OfABufferNobodyTracksIsEmpty) {
    const Buffer buffer(node, 64 << 10);
    const Mapping mapping(node, buffer.mapHandle(), 64 << 10, PROT_READ | PROT_WRITE);
    mapping.data()[0] = 1;
    const Dirty dirty = queryDirty(node, buffer.handle());
    EXPECT_EQ(dirty.mode, static_cast<uint32_t>(DRM_VMW_BO_TRACKING_NONE));
    EXPECT_EQ(dirty.pinned, 0u);
    EXPECT_EQ(dirty.num_ranges, 0u);
    EXPECT_EQ(dirty.dirty_pages, 0u);
    EXPECT_EQ(dirty.stale_pages, 0u);
    EXPECT_EQ(dirty.read_faults + dirty.write_faults + dirty.declared_pages + dirty.scans, 0u);
    EXPECT_EQ(dirty.uploaded_pages + dirty.uploaded_bytes + dirty.read_back_bytes, 0u);
}

TEST_F(Query, TellsThePagesThatWereWritten) {
    const Image image(node, 64);
    const bool exact = settle(image);
    for (const uint64_t page : {3, 17, 40})
        image.fill(page, 1);
    for (int i = 0; i < 2; ++i) { // it changes nothing
        const Dirty dirty = queryDirty(node, image.buffer());
        EXPECT_TRUE(dirty.holds(3) && dirty.holds(17) && dirty.holds(40));
        uint64_t pages = 0;
        uint64_t end = 0;
        for (const auto& run : dirty.runs) {
            EXPECT_EQ(run.offset % kPage, 0u);
            EXPECT_EQ(run.length % kPage, 0u);
            EXPECT_TRUE(end == 0 || run.offset > end) << "ascending, with clean pages between";
            end = run.offset + run.length;
            pages += run.length / kPage;
        }
        EXPECT_LE(end, 64 * kPage);
        EXPECT_EQ(dirty.dirty_pages, pages);
        if (exact) {
            EXPECT_EQ(pages, 3u);
        }
        const Dirty known = queryDirty(node, image.buffer(), 0);
        EXPECT_TRUE(known.holds(3) && known.holds(17) && known.holds(40)) << "a scan has found them already";
    }
    EXPECT_TRUE(deviceHolds(image, 17, 1));
    if (exact) {
        EXPECT_EQ(queryDirty(node, image.buffer()).dirty_pages, 0u);
    }
}

TEST_F(Query, WritesNoMoreRangesThanThereIsRoomFor) {
    const Image image(node, 64);
    settle(image);
    for (uint64_t page = 0; page < 64; page += 8)
        image.fill(page, 1);
    const Dirty all = queryDirty(node, image.buffer());
    ASSERT_GE(all.num_ranges, 1u);
    drm_vmw_bo_range ranges[3] = {{1, 1}, {1, 1}, {1, 1}};
    drm_vmw_bo_dirty_query_arg arg{};
    arg.handle = image.buffer();
    arg.ranges = reinterpret_cast<uintptr_t>(ranges);
    arg.num_ranges = 1;
    ASSERT_EQ(node.exchange(DRM_VMW_BO_DIRTY_QUERY, arg), 0);
    EXPECT_EQ(arg.num_ranges, all.num_ranges);
    EXPECT_EQ(arg.dirty_pages, all.dirty_pages);
    EXPECT_EQ(ranges[0].offset, all.runs[0].offset);
    EXPECT_EQ(ranges[0].length, all.runs[0].length);
    EXPECT_EQ(ranges[1].length, 1u) << "not touched";
    arg.num_ranges = 0;
    arg.ranges = 0;
    ASSERT_EQ(node.exchange(DRM_VMW_BO_DIRTY_QUERY, arg), 0);
    EXPECT_EQ(arg.num_ranges, all.num_ranges);
}

TEST_F(Query, CountsUploads) {
    const Image image(node, 64);
    const bool exact = settle(image);
    const Dirty before = queryDirty(node, image.buffer());
    image.fill(0, 1);
    image.fill(63, 2);
    EXPECT_TRUE(deviceHolds(image, 63, 2));
    const Dirty after = queryDirty(node, image.buffer());
    EXPECT_GE(after.uploaded_pages - before.uploaded_pages, 2u);
    EXPECT_GE(after.uploaded_bytes - before.uploaded_bytes, 2 * kPage);
    if (exact) {
        EXPECT_EQ(after.uploaded_pages - before.uploaded_pages, 2u);
        EXPECT_EQ(after.uploaded_bytes - before.uploaded_bytes, 2 * kPage) << "not the pages between";
    }
    EXPECT_EQ(after.read_back_bytes, before.read_back_bytes) << "nothing was newer on the device";
}

TEST_F(Query, CountsFaultsByWhatTheyWereFor) {
    const Image image(node, 64);
    settle(image);
    ASSERT_EQ(setMode(node, image.buffer(), DRM_VMW_BO_TRACKING_MKWRITE), 0);
    settle(image);
    const Dirty before = queryDirty(node, image.buffer());
    if (before.mode != DRM_VMW_BO_TRACKING_MKWRITE)
        GTEST_SKIP() << "this kernel takes no faults for writes";
    image.fill(9, 1);
    image.fill(50, 1);
    const Dirty after = queryDirty(node, image.buffer());
    EXPECT_GE(after.write_faults - before.write_faults, 1u);
    EXPECT_LE(after.write_faults - before.write_faults, 2u);
}

TEST_F(Access, WriteMakesPagesDirty) {
    const Image image(node, 64);
    const bool exact = settle(image);
    const Dirty before = queryDirty(node, image.buffer());
    // Bytes in the middle of pages 4 and 6.
    const drm_vmw_bo_access entry{image.buffer(), kWrite, 4 * kPage + 100, 2 * kPage, 0};
    ASSERT_EQ(access(node, {entry}), 0);
    const Dirty after = queryDirty(node, image.buffer(), 0);
    EXPECT_TRUE(after.holds(4) && after.holds(5) && after.holds(6));
    EXPECT_EQ(after.declared_pages - before.declared_pages, 3u);
    if (exact) {
        EXPECT_EQ(after.dirty_pages, 3u);
    }
    EXPECT_TRUE(deviceHolds(image, 5, 0));
    if (exact) {
        EXPECT_EQ(queryDirty(node, image.buffer()).dirty_pages, 0u) << "it holds until the next submission";
        EXPECT_EQ(queryDirty(node, image.buffer()).uploaded_pages - before.uploaded_pages, 3u);
    }
    image.fill(5, 77); // not declared again, and seen all the same
    EXPECT_TRUE(queryDirty(node, image.buffer()).holds(5));
    EXPECT_TRUE(deviceHolds(image, 5, 77));
}

TEST_F(Access, DeclaredPagesTakeNoFaults) {
    const Image image(node, 1024);
    for (uint8_t round = 1; round <= 3; ++round) { // untouched at first, then mapped and clean
        const Dirty before = queryDirty(node, image.buffer());
        ASSERT_EQ(access(node, {entryOf(image, kWrite, 0, 1024)}), 0);
        for (uint64_t page = 0; page < 1024; ++page)
            image.fill(page, round);
        const Dirty after = queryDirty(node, image.buffer());
        EXPECT_EQ(after.write_faults, before.write_faults);
        EXPECT_EQ(after.read_faults, before.read_faults);
        EXPECT_EQ(after.declared_pages - before.declared_pages, 1024u);
        EXPECT_EQ(after.dirty_pages, 1024u);
        EXPECT_TRUE(deviceHolds(image, 1023, round));
    }
}

TEST_F(Access, ManyEntriesAreOneCall) {
    const Image one(node, 16);
    const Image two(node, 16);
    settle(one);
    settle(two);
    std::vector<drm_vmw_bo_access> entries;
    for (uint64_t page = 0; page < 16; page += 2)
        entries.push_back(entryOf(one, kWrite, page, 1, page % 4 == 0));
    entries.push_back(entryOf(two, kWrite | kRead, 3, 2));
    ASSERT_EQ(access(node, entries), 0);
    EXPECT_EQ(queryDirty(node, one.buffer()).declared_pages, 8u);
    EXPECT_EQ(queryDirty(node, two.buffer()).declared_pages, 2u);
    EXPECT_TRUE(queryDirty(node, one.buffer(), 0).holds(14));
    EXPECT_TRUE(queryDirty(node, two.buffer(), 0).holds(4));
}

TEST_F(Access, ReadBringsWhatTheDeviceWrote) {
    const Image image(node, 64);
    settle(image);
    draw(image, 99);
    const Dirty drawn = queryDirty(node, image.buffer());
    ASSERT_EQ(access(node, {entryOf(image, kRead, 0, 64)}), 0);
    const Dirty read = queryDirty(node, image.buffer());
    EXPECT_EQ(read.stale_pages, 0u);
    if (drawn.stale_pages != 0) { // otherwise the kernel brings it before the fence signals
        EXPECT_EQ(drawn.stale_pages, 64u);
        EXPECT_GE(read.read_back_bytes - drawn.read_back_bytes, 64 * kPage);
    }
    for (uint64_t page = 0; page < 64; ++page)
        ASSERT_TRUE(image.holds(page, 99)) << page;
    const Dirty after = queryDirty(node, image.buffer());
    EXPECT_EQ(after.read_faults, read.read_faults) << "the pages are there";
    EXPECT_EQ(after.read_back_bytes, read.read_back_bytes);
    EXPECT_EQ(after.declared_pages, drawn.declared_pages);
}

TEST_F(Access, ReadOfAPartLeavesTheRest) {
    const Image image(node, 16, 3);
    settle(image);
    draw(image, 42);
    const Dirty drawn = queryDirty(node, image.buffer());
    if (drawn.stale_pages == 0)
        GTEST_SKIP() << "this kernel brings what the device wrote before the fence signals";
    ASSERT_EQ(access(node, {entryOf(image, kRead, 20, 4)}), 0);
    const Dirty read = queryDirty(node, image.buffer());
    EXPECT_GE(read.stale_pages, 32u) << "a subresource at most";
    EXPECT_LE(read.stale_pages, 44u);
    EXPECT_LE(read.read_back_bytes - drawn.read_back_bytes, 16 * kPage);
    EXPECT_TRUE(image.holds(21, 42));
    EXPECT_TRUE(image.holds(0, 42)) << "and the rest comes when it is touched";
    EXPECT_TRUE(image.holds(47, 42));
}

TEST_F(Access, ReadWithAFenceDoesNotWait) {
    const Image image(node, 64);
    settle(image);
    uint32_t fence = 123;
    ASSERT_EQ(access(node, {entryOf(image, kRead, 0, 64)}, DRM_VMW_BO_ACCESS_FENCE, &fence), 0);
    EXPECT_EQ(fence, 0u) << "there is nothing to read back";
    draw(image, 7);
    const bool stale = queryDirty(node, image.buffer()).stale_pages != 0;
    ASSERT_EQ(access(node, {entryOf(image, kRead, 0, 64)}, DRM_VMW_BO_ACCESS_FENCE, &fence), 0);
    if (stale) {
        ASSERT_NE(fence, 0u);
        EXPECT_TRUE(image.holds(63, 7)) << "touching it before the fence waits";
        EXPECT_EQ(waitForFence(node, fence), 0);
        EXPECT_EQ(unrefFence(node, fence), 0);
    }
    EXPECT_EQ(queryDirty(node, image.buffer()).stale_pages, 0u);
    EXPECT_TRUE(image.holds(0, 7));
}

TEST_F(Access, WriteToAPartKeepsTheRest) {
    const Image image(node, 64);
    settle(image);
    draw(image, 50);
    // From the middle of page 5 to the middle of page 8.
    const uint64_t begin = 5 * kPage + kPage / 2;
    const uint64_t size = 3 * kPage;
    for (const uint32_t flags : {kWrite, kWrite | kDiscard}) {
        ASSERT_EQ(access(node, {{image.buffer(), flags, begin, size, image.address(0) + begin}}), 0);
        std::memset(image.page(0) + begin, 60, size);
        EXPECT_TRUE(deviceHolds(image, 6, 60));
        Image target(node, 64);
        Commands commands;
        commands.copy(target, 0, image, 0, 0, 64);
        ASSERT_EQ(context->run(commands), 0);
        for (uint64_t at = 0; at < 64 * kPage; at += 64) {
            const uint8_t expected = at >= begin && at < begin + size ? 60 : 50;
            ASSERT_EQ(target.page(0)[at], expected) << at;
            ASSERT_EQ(image.page(0)[at], expected) << at;
        }
        draw(image, 50);
    }
}

TEST_F(Access, DiscardReadsNothingBack) {
    const Image image(node, 64);
    settle(image);
    draw(image, 1);
    const Dirty drawn = queryDirty(node, image.buffer());
    ASSERT_EQ(access(node, {entryOf(image, kWrite | kDiscard, 0, 64)}), 0);
    const Dirty discarded = queryDirty(node, image.buffer());
    EXPECT_EQ(discarded.stale_pages, 0u);
    for (uint64_t page = 0; page < 64; ++page)
        image.fill(page, 2);
    EXPECT_TRUE(deviceHolds(image, 0, 2));
    EXPECT_TRUE(deviceHolds(image, 63, 2));
    const Dirty after = queryDirty(node, image.buffer());
    EXPECT_EQ(after.read_back_bytes, drawn.read_back_bytes);
    EXPECT_EQ(after.read_faults, drawn.read_faults);
    EXPECT_TRUE(image.holds(31, 2));
}

TEST_F(Access, DiscardAloneDropsAReadback) {
    const Image image(node, 64);
    settle(image);
    draw(image, 1);
    const Dirty drawn = queryDirty(node, image.buffer());
    ASSERT_EQ(access(node, {entryOf(image, kDiscard, 0, 64)}), 0);
    EXPECT_EQ(queryDirty(node, image.buffer()).stale_pages, 0u);
    (void)*static_cast<volatile uint8_t*>(image.page(3));
    EXPECT_EQ(queryDirty(node, image.buffer()).read_back_bytes, drawn.read_back_bytes);
    for (uint64_t page = 0; page < 64; ++page)
        image.fill(page, 3);
    EXPECT_TRUE(deviceHolds(image, 40, 3));
}

TEST_F(Access, DiscardOfOneLayerKeepsTheOthers) {
    const Image image(node, 8, 3);
    settle(image);
    draw(image, 10);
    ASSERT_EQ(access(node, {entryOf(image, kWrite | kDiscard, 8, 8)}), 0);
    for (uint64_t page = 8; page < 16; ++page)
        image.fill(page, 20);
    for (uint64_t page = 0; page < 24; ++page)
        EXPECT_TRUE(deviceHolds(image, page, page / 8 == 1 ? 20 : 10)) << page;
    for (uint64_t page = 0; page < 24; ++page)
        EXPECT_TRUE(image.holds(page, page / 8 == 1 ? 20 : 10)) << page;
}

TEST_F(Access, SurfacesThatShareMemoryAllGetWhatIsDeclared) {
    const Buffer buffer(node, 16 * kPage);
    const Image one(node, 16, 1, &buffer);
    const Image two(node, 16, 1, &buffer);
    settle(one);
    settle(two);
    ASSERT_EQ(access(node, {entryOf(one, kWrite, 0, 16)}), 0);
    for (uint64_t page = 0; page < 16; ++page)
        one.fill(page, 5);
    EXPECT_TRUE(deviceHolds(one, 15, 5));
    EXPECT_TRUE(deviceHolds(two, 0, 5));
    EXPECT_TRUE(deviceHolds(two, 15, 5));
}

TEST_F(Access, AnAddressMustBeWhereTheRangeIsMapped) {
    const Image image(node, 16);
    const Image other(node, 16);
    const Mapping readOnly(node, image.mapHandle(), 16 * kPage, PROT_READ);
    settle(image);
    auto entry = entryOf(image, kWrite, 2, 4);
    entry.address = image.address(3);
    EXPECT_EQ(access(node, {entry}), -EINVAL) << "another offset";
    entry.address = image.address(2) + 1;
    EXPECT_EQ(access(node, {entry}), -EINVAL) << "another byte";
    entry.address = other.address(2);
    EXPECT_EQ(access(node, {entry}), -EINVAL) << "another buffer object";
    entry.address = reinterpret_cast<uintptr_t>(this);
    EXPECT_EQ(access(node, {entry}), -EINVAL) << "no mapping of this device";
    entry.address = kPage;
    EXPECT_EQ(access(node, {entry}), -EINVAL) << "nothing";
    entry.address = UINT64_MAX - kPage + 1;
    EXPECT_EQ(access(node, {entry}), -EINVAL) << "no address";
    entry.address = readOnly.address() + 2 * kPage;
    EXPECT_EQ(access(node, {entry}), -EACCES);
    entry.flags = kRead;
    EXPECT_EQ(access(node, {entry}), 0);
    {
        const Mapping part(node, image.mapHandle(), 5 * kPage, PROT_READ | PROT_WRITE);
        entry.flags = kWrite;
        entry.address = part.address() + 2 * kPage;
        EXPECT_NE(access(node, {entry}), 0) << "more than is mapped";
        entry.length = 3 * kPage;
        EXPECT_EQ(access(node, {entry}), 0);
    }
    EXPECT_EQ(queryDirty(node, image.buffer()).declared_pages, 3u);
}

TEST_F(Access, EntriesAreCheckedBeforeTheFirstIsCarriedOut) {
    const Image image(node, 16);
    settle(image);
    auto bad = entryOf(image, kWrite, 0, 1);
    bad.handle = 0x7ffffff0;
    EXPECT_EQ(access(node, {entryOf(image, kWrite, 0, 4), bad}), -ENOENT);
    EXPECT_EQ(queryDirty(node, image.buffer()).declared_pages, 0u);
    auto unmapped = entryOf(image, kWrite, 8, 1);
    unmapped.address = kPage;
    EXPECT_EQ(access(node, {entryOf(image, kWrite, 0, 4), unmapped}), -EINVAL);
    EXPECT_EQ(queryDirty(node, image.buffer()).declared_pages, 4u) << "those before the one that fails have been done";
    EXPECT_EQ(access(node, {}), 0);
}

TEST_F(Access, WorksForManyImagesOfOneProcess) {
    std::vector<std::unique_ptr<Image>> images;
    std::vector<drm_vmw_bo_access> entries;
    for (int i = 0; i < 64; ++i) {
        images.push_back(std::make_unique<Image>(node, 4));
        entries.push_back(entryOf(*images.back(), kWrite | kDiscard, 0, 4));
    }
    ASSERT_EQ(access(node, entries), 0);
    for (const auto& image : images) {
        image->fill(2, 9);
        EXPECT_TRUE(queryDirty(node, image->buffer(), 0).holds(2));
    }
    EXPECT_TRUE(deviceHolds(*images[40], 2, 9));
}

TEST_F(Modes, AreTakenAndGivenBack) {
    const Image image(node, 16);
    settle(image);
    const Dirty first = queryDirty(node, image.buffer());
    EXPECT_EQ(first.pinned, 0u);
    EXPECT_TRUE(first.mode == DRM_VMW_BO_TRACKING_PAGETABLE || first.mode == DRM_VMW_BO_TRACKING_MKWRITE);
    std::vector<uint32_t> inUse;
    for (const uint32_t mode : {DRM_VMW_BO_TRACKING_PAGETABLE, DRM_VMW_BO_TRACKING_MKWRITE}) {
        ASSERT_EQ(setMode(node, image.buffer(), mode), 0);
        const Dirty pinned = queryDirty(node, image.buffer());
        EXPECT_EQ(pinned.pinned, 1u);
        inUse.push_back(pinned.mode);
        image.fill(mode, static_cast<uint8_t>(mode));
        EXPECT_TRUE(queryDirty(node, image.buffer()).holds(mode));
        EXPECT_TRUE(deviceHolds(image, mode, static_cast<uint8_t>(mode)));
    }
    if (inUse[0] != inUse[1]) { // both are there, or one stands for both
        EXPECT_EQ(inUse[0], static_cast<uint32_t>(DRM_VMW_BO_TRACKING_PAGETABLE));
        EXPECT_EQ(inUse[1], static_cast<uint32_t>(DRM_VMW_BO_TRACKING_MKWRITE));
    }
    ASSERT_EQ(setMode(node, image.buffer(), DRM_VMW_BO_TRACKING_AUTO), 0);
    EXPECT_EQ(queryDirty(node, image.buffer()).pinned, 0u);
}

TEST_F(Modes, ChangesLoseNoWrites) {
    const Image image(node, 16);
    settle(image);
    uint64_t page = 0;
    for (const uint32_t mode : {DRM_VMW_BO_TRACKING_MKWRITE, DRM_VMW_BO_TRACKING_PAGETABLE, DRM_VMW_BO_TRACKING_AUTO,
                                DRM_VMW_BO_TRACKING_MKWRITE, DRM_VMW_BO_TRACKING_EXPLICIT}) {
        image.fill(page, 8);
        ASSERT_EQ(setMode(node, image.buffer(), mode), 0);
        ++page;
    }
    const Dirty dirty = queryDirty(node, image.buffer());
    for (uint64_t i = 0; i < page; ++i)
        EXPECT_TRUE(dirty.holds(i)) << i;
    EXPECT_TRUE(deviceHolds(image, 0, 8));
    EXPECT_TRUE(deviceHolds(image, 4, 8));
}

TEST_F(Modes, ExplicitTakesWhatIsDeclaredAlone) {
    const Image image(node, 64);
    settle(image);
    ASSERT_EQ(setMode(node, image.buffer(), DRM_VMW_BO_TRACKING_EXPLICIT), 0);
    settle(image);
    const Dirty before = queryDirty(node, image.buffer());
    EXPECT_EQ(before.mode, static_cast<uint32_t>(DRM_VMW_BO_TRACKING_EXPLICIT));
    EXPECT_EQ(before.pinned, 1u);
    EXPECT_EQ(before.dirty_pages, 0u);
    image.fill(3, 1);
    EXPECT_EQ(queryDirty(node, image.buffer()).dirty_pages, 0u) << "nobody looks";
    ASSERT_EQ(access(node, {entryOf(image, kWrite, 10, 2)}), 0);
    image.fill(10, 2);
    image.fill(11, 3);
    const Dirty declared = queryDirty(node, image.buffer());
    EXPECT_EQ(declared.dirty_pages, 2u);
    EXPECT_TRUE(declared.holds(10) && declared.holds(11));
    EXPECT_TRUE(deviceHolds(image, 11, 3));
    const Dirty after = queryDirty(node, image.buffer());
    EXPECT_EQ(after.uploaded_pages - before.uploaded_pages, 2u);
    EXPECT_EQ(after.write_faults, before.write_faults);
    EXPECT_EQ(after.dirty_pages, 0u);
    draw(image, 30); // what the device writes comes back as ever
    EXPECT_TRUE(image.holds(3, 30));
    ASSERT_EQ(setMode(node, image.buffer(), DRM_VMW_BO_TRACKING_AUTO), 0);
    image.fill(5, 31);
    EXPECT_TRUE(deviceHolds(image, 5, 31));
}

TEST_F(Modes, EndWithTheLastSurface) {
    const Buffer buffer(node, 16 * kPage);
    {
        const Image image(node, 16, 1, &buffer);
        settle(image);
        ASSERT_EQ(access(node, {entryOf(image, kWrite, 0, 2)}), 0);
        ASSERT_EQ(setMode(node, buffer.handle(), DRM_VMW_BO_TRACKING_EXPLICIT), 0);
    }
    // Tracking may outlast the surface for a while, but not to the next one's eyes.
    const Image image(node, 16, 1, &buffer);
    const Dirty dirty = queryDirty(node, buffer.handle());
    EXPECT_EQ(dirty.pinned, 0u);
    EXPECT_NE(dirty.mode, static_cast<uint32_t>(DRM_VMW_BO_TRACKING_EXPLICIT));
    EXPECT_EQ(dirty.declared_pages, 0u);
}

TEST_F(Modes, AreSeenByAllWhoShareTheMemory) {
    const Image image(node, 16);
    settle(image);
    drm_prime_handle prime{};
    prime.handle = image.surface();
    prime.flags = DRM_CLOEXEC;
    ASSERT_EQ(node.core(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
    const UniqueFd descriptor(prime.fd);
    Node other(Settings::instance().node);
    drm_vmw_gb_surface_reference_ext_arg arg{};
    arg.req.sid = descriptor.get();
    arg.req.handle_type = DRM_VMW_HANDLE_PRIME;
    ASSERT_EQ(other.exchange(DRM_VMW_GB_SURFACE_REF_EXT, arg), 0);
    const uint32_t handle = arg.rep.crep.buffer_handle;
    ASSERT_EQ(setMode(other, handle, DRM_VMW_BO_TRACKING_EXPLICIT), 0);
    EXPECT_EQ(queryDirty(node, image.buffer()).mode, static_cast<uint32_t>(DRM_VMW_BO_TRACKING_EXPLICIT));
    const drm_vmw_bo_access entry{handle, kWrite, 0, kPage, 0};
    ASSERT_EQ(access(other, {entry}), 0);
    EXPECT_TRUE(queryDirty(node, image.buffer()).holds(0));
}

} // namespace
} // namespace svga::uapi
