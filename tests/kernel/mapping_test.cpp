// SPDX-License-Identifier: MIT
// Tracking of mappings that processes do things to: several mappings, fork, mremap, partial munmap, and writers that
// race submissions. Each test knows every byte that was written and asks the device for it. Runs in a virtual machine,
// on a kernel with the patches.
#include "../uapi/node.h"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <random>
#include <thread>

namespace {

using namespace svga::uapi;

constexpr uint32_t kModes[] = {DRM_VMW_BO_TRACKING_AUTO, DRM_VMW_BO_TRACKING_PAGETABLE, DRM_VMW_BO_TRACKING_MKWRITE};

class Mappings : public testing::TestWithParam<uint32_t> {
protected:
    static constexpr uint32_t kPages = 600; // more than one page of page table entries

    void SetUp() override {
        if (node.parameter(DRM_VMW_PARAM_DIRTY_TRACKING).value_or(0) < 1)
            GTEST_SKIP() << "this kernel has no dirty-tracking ioctls";
        context = std::make_unique<Context>(node);
        image = std::make_unique<Image>(node, kPages);
        seen = std::make_unique<Image>(node, kPages);
        model.assign(kPages, 0);
        submit();
        ASSERT_EQ(setMode(node, image->buffer(), GetParam()), 0);
    }

    /** Has the device copy the image, so that the kernel uploads what it takes for written. */
    void submit() {
        Commands commands;
        commands.copy(*seen, 0, *image, 0, 0, kPages);
        ASSERT_EQ(context->run(commands), 0);
    }

    void write(uint8_t* mapping, uint64_t page, uint8_t value) {
        mapping[page * kPage + page % kPage] = value;
        model[page] = value;
    }

    /** Whether the device has each page as it was last written. */
    void expectUploaded() {
        submit();
        for (uint64_t page = 0; page < kPages; ++page)
            ASSERT_EQ(seen->page(page)[page % kPage], model[page]) << "page " << page;
    }

    /** The first pages; DRM maps a buffer object from its start only. */
    uint8_t* map(uint64_t pages = kPages) {
        void* address = mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, node.fd(),
                             static_cast<off_t>(image->mapHandle()));
        EXPECT_NE(address, MAP_FAILED);
        return static_cast<uint8_t*>(address);
    }

    /** Does work in a child process, which shares the mappings. */
    template <typename Work>
    void inChild(const Work& work) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            work();
            _exit(0);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_EQ(status, 0);
    }

    Node node{"/dev/dri/renderD128"};
    std::unique_ptr<Context> context;
    std::unique_ptr<Image> image, seen;
    std::vector<uint8_t> model;
};

TEST_P(Mappings, AreAllTracked) {
    uint8_t* const second = map();
    uint8_t* const part = map(50);
    for (uint8_t round = 1; round < 6; ++round) {
        write(image->page(0), 1, round);
        write(second, 2, round);
        write(part, 3, round);
        expectUploaded();
    }
    munmap(second, kPages * kPage);
    munmap(part, 50 * kPage);
}

TEST_P(Mappings, OfAChildAreTracked) {
    write(image->page(0), 7, 1);
    expectUploaded();
    for (uint8_t round = 2; round < 6; ++round) {
        inChild([&] {
            image->page(7)[7] = round;
            image->page(599)[599] = round;
        });
        model[7] = model[599] = round;
        write(image->page(0), 300, round);
        expectUploaded();
    }
}

TEST_P(Mappings, ThatMoveKeepWhatWasWritten) {
    uint8_t* mapping = map();
    void* const elsewhere = mmap(nullptr, (kPages + 1) * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(elsewhere, MAP_FAILED);
    write(mapping, 11, 1);
    expectUploaded();
    write(mapping, 12, 2);
    void* const moved = mremap(mapping, kPages * kPage, kPages * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere);
    ASSERT_NE(moved, MAP_FAILED);
    mapping = static_cast<uint8_t*>(moved);
    write(mapping, 11, 3);
    write(mapping, 13, 3);
    expectUploaded();
    write(mapping, 13, 4);
    expectUploaded();
    munmap(mapping, kPages * kPage);
}

TEST_P(Mappings, ThatShrinkStayTrackedInTheRest) {
    uint8_t* const mapping = map();
    for (uint64_t page = 0; page < kPages; ++page)
        write(mapping, page, 1);
    expectUploaded();
    ASSERT_EQ(munmap(mapping + 200 * kPage, 200 * kPage), 0);
    for (uint8_t round = 2; round < 5; ++round) {
        write(mapping, 199, round);
        write(mapping, 400, round);
        write(image->page(0), 300, round);
        expectUploaded();
    }
    munmap(mapping, 200 * kPage);
    munmap(mapping + 400 * kPage, 200 * kPage);
}

TEST_P(Mappings, ThatGoAwayLoseNothing) {
    for (uint8_t round = 1; round < 5; ++round) {
        uint8_t* const mapping = map();
        write(mapping, 42, round);
        munmap(mapping, kPages * kPage);
        expectUploaded();
    }
}

TEST_P(Mappings, WrittenWhileTheDeviceIsFedLoseNothing) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> writers;
    // Each writer counts up in pages of its own, so that the last value of each page is known when it has stopped.
    std::vector<std::vector<uint8_t>> last(3, std::vector<uint8_t>(kPages, 0));
    for (unsigned writer = 0; writer < 3; ++writer)
        writers.emplace_back([&, writer] {
            uint8_t* const mapping = map();
            std::mt19937 random(writer);
            while (!stop) {
                const uint64_t page = random() % (kPages / 3) * 3 + writer;
                mapping[page * kPage + page % kPage] = ++last[writer][page];
            }
            munmap(mapping, kPages * kPage);
        });
    std::thread others([&] {
        // Mappings that come and go, and read, while the page tables are walked.
        while (!stop) {
            uint8_t* const mapping = map(300);
            for (uint64_t page = 0; page < 300; page += 7)
                (void)*const_cast<volatile uint8_t*>(mapping + page * kPage);
            munmap(mapping + 100 * kPage, 100 * kPage);
            munmap(mapping, 100 * kPage);
            munmap(mapping + 200 * kPage, 100 * kPage);
        }
    });
    for (int i = 0; i < 100; ++i)
        submit();
    stop = true;
    for (std::thread& writer : writers)
        writer.join();
    others.join();
    for (uint64_t page = 0; page < kPages; ++page)
        model[page] = last[page % 3][page];
    expectUploaded();
}

INSTANTIATE_TEST_SUITE_P(Modes, Mappings, testing::ValuesIn(kModes), [](const auto& info) {
    return info.param == DRM_VMW_BO_TRACKING_AUTO        ? "Auto"
           : info.param == DRM_VMW_BO_TRACKING_PAGETABLE ? "PageTable"
                                                         : "MkWrite";
});

} // namespace
