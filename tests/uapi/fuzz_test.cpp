// SPDX-License-Identifier: MIT
// Random calls of the dirty-tracking ioctls from several threads, right and wrong, against objects that come and go.
#include "uapi_test.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <random>
#include <set>
#include <thread>

namespace svga::uapi {
namespace {

constexpr unsigned kThreads = 4;
constexpr unsigned kSlots = 12;
constexpr uint32_t kRows = 32;

class Fuzz : public TrackingTest {
protected:
    /// What a call may fail with: all that is documented, and no memory.
    void check(int result, const char* call) {
        static const std::set<int> kKnown{0, -EINVAL, -ENOENT, -ENODATA, -EFAULT, -EACCES, -ENOMEM, -EINTR};
        if (!kKnown.contains(result)) {
            const std::lock_guard lock(mutex);
            ADD_FAILURE() << call << " failed with " << -result;
        }
    }

    std::shared_ptr<Image> pick(std::mt19937_64& random) {
        const std::lock_guard lock(mutex);
        return slots[random() % kSlots];
    }

    void replace(std::mt19937_64& random) {
        auto fresh = random() % 4 == 0 ? nullptr : std::make_shared<Image>(node, kRows, random() % 2 + 1);
        const std::lock_guard lock(mutex);
        slots[random() % kSlots].swap(fresh);
    } // the old one goes, unless another thread has it

    static uint64_t anyNumber(std::mt19937_64& random) {
        switch (random() % 4) {
        case 0:
            return random();
        case 1:
            return random() % (kRows * kPage);
        case 2:
            return random() % kRows * kPage;
        default:
            return random() % 3;
        }
    }

    static uint32_t anyHandle(std::mt19937_64& random, const Image* image) {
        return image != nullptr && random() % 8 != 0 ? image->buffer() : static_cast<uint32_t>(anyNumber(random));
    }

    void callAccess(std::mt19937_64& random) {
        std::vector<std::shared_ptr<Image>> held; // mappings stay while the call names them
        std::vector<drm_vmw_bo_access> entries(random() % 8);
        for (auto& entry : entries) {
            held.push_back(pick(random));
            const Image* image = held.back().get();
            const uint64_t page = random() % kRows;
            entry = {anyHandle(random, image), static_cast<uint32_t>(random() % 7 + 1), page * kPage,
                     (random() % (kRows - page) + 1) * kPage, 0};
            if (image != nullptr && random() % 2 != 0)
                entry.address = image->address(page);
            if (random() % 32 == 0)
                entry.flags = static_cast<uint32_t>(anyNumber(random));
            if (random() % 32 == 0)
                entry.offset = anyNumber(random);
            if (random() % 32 == 0)
                entry.length = anyNumber(random);
            if (random() % 32 == 0)
                entry.address = anyNumber(random);
        }
        drm_vmw_bo_access_arg arg{};
        arg.accesses = reinterpret_cast<uintptr_t>(entries.data());
        arg.num_accesses = static_cast<uint32_t>(entries.size());
        arg.flags = random() % 3 == 0 ? DRM_VMW_BO_ACCESS_FENCE : 0;
        if (random() % 64 == 0)
            arg.accesses = anyNumber(random) & ~uint64_t{0xfff} & 0xffff;
        if (random() % 64 == 0)
            arg.num_accesses = static_cast<uint32_t>(random()) | 0x10000;
        if (random() % 64 == 0)
            arg.flags = static_cast<uint32_t>(anyNumber(random));
        const bool fence = (arg.flags & DRM_VMW_BO_ACCESS_FENCE) != 0;
        const int result = node.exchange(DRM_VMW_BO_ACCESS, arg);
        check(result, "BO_ACCESS");
        if (result == 0 && fence && arg.fence_handle != 0) {
            check(waitForFence(node, arg.fence_handle), "FENCE_WAIT");
            check(unrefFence(node, arg.fence_handle), "FENCE_UNREF");
        }
    }

    void callQuery(std::mt19937_64& random) {
        const auto image = pick(random);
        std::array<drm_vmw_bo_range, 8> ranges{};
        drm_vmw_bo_dirty_query_arg arg{};
        arg.handle = anyHandle(random, image.get());
        arg.flags = random() % 2;
        arg.ranges = reinterpret_cast<uintptr_t>(ranges.data());
        arg.num_ranges = random() % (ranges.size() + 1);
        if (random() % 32 == 0)
            arg.flags = static_cast<uint32_t>(anyNumber(random));
        if (random() % 32 == 0)
            arg.pad = static_cast<uint32_t>(anyNumber(random));
        if (random() % 32 == 0)
            arg.ranges = 0;
        check(node.exchange(DRM_VMW_BO_DIRTY_QUERY, arg), "BO_DIRTY_QUERY");
    }

    void callTracking(std::mt19937_64& random) {
        const auto image = pick(random);
        drm_vmw_bo_tracking_arg arg{};
        arg.handle = anyHandle(random, image.get());
        arg.mode = random() % 6;
        arg.flags = random() % 32 == 0;
        check(node.write(DRM_VMW_BO_TRACKING, arg), "BO_TRACKING");
    }

    void touch(std::mt19937_64& random) {
        const auto image = pick(random);
        if (!image)
            return;
        for (uint64_t page = random() % kRows; page < kRows; page += random() % 8 + 1) {
            if (random() % 2 != 0)
                *static_cast<volatile uint8_t*>(image->page(page)) = static_cast<uint8_t>(random());
            else
                (void)*static_cast<volatile uint8_t*>(image->page(page));
        }
    }

    void submit(Context& own, std::mt19937_64& random) {
        const auto from = pick(random);
        const auto to = pick(random);
        if (!from || !to || from == to)
            return;
        Commands commands;
        const auto row = static_cast<uint32_t>(random() % kRows);
        commands.copy(*to, 0, *from, 0, row, kRows - row);
        uint32_t fence = 0;
        check(own.submit(commands, fence), "EXECBUF");
        if (random() % 4 == 0)
            check(waitForFence(node, fence), "FENCE_WAIT");
        check(unrefFence(node, fence), "FENCE_UNREF");
    }

    void work(uint64_t seed, const std::atomic<bool>& stop) {
        std::mt19937_64 random(seed);
        Context own(node);
        while (!stop) {
            switch (random() % 16) {
            case 0:
                replace(random);
                break;
            case 1:
            case 2:
                submit(own, random);
                break;
            case 3:
                callTracking(random);
                break;
            case 4:
            case 5:
            case 6:
                callQuery(random);
                break;
            case 7:
            case 8:
            case 9:
                touch(random);
                break;
            default:
                callAccess(random);
            }
            ++calls;
        }
    }

    std::mutex mutex;
    std::array<std::shared_ptr<Image>, kSlots> slots;
    std::atomic<uint64_t> calls{0};
};

TEST_F(Fuzz, LeavesDeviceAndKernelSane) {
    for (auto& slot : slots)
        slot = std::make_shared<Image>(node, kRows);
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i)
        threads.emplace_back([this, i, &stop] { work(Settings::instance().seed * kThreads + i, stop); });
    std::this_thread::sleep_for(Settings::instance().fuzz);
    stop = true;
    for (auto& thread : threads)
        thread.join();
    RecordProperty("calls", std::to_string(calls));
    slots = {};
    EXPECT_GT(calls, 0u);

    const Image image(node, kRows);
    image.fill(7, 70);
    EXPECT_TRUE(deviceHolds(image, 7, 70));
    draw(image, 80);
    EXPECT_TRUE(image.holds(31, 80));
    settle(image);
    ASSERT_EQ(access(node, {entryOf(image, DRM_VMW_BO_ACCESS_WRITE, 0, kRows)}), 0);
    EXPECT_EQ(queryDirty(node, image.buffer()).declared_pages, kRows);
}

} // namespace
} // namespace svga::uapi
