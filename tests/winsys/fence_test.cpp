// SPDX-License-Identifier: MIT
#include "winsys_fixture.h"

#include "gallium/winsys/svga/core/context.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace svga::winsys::test {

namespace {

constexpr uint64_t kMillisecond = 1000 * 1000;

class FenceTest : public WinsysTest {
protected:
    /** \brief A fence as a submission makes it. */
    Ref<Fence> newFence(uint32_t seqno) {
        const uint32_t handle = state_->nextHandle++;
        state_->fences[handle] = seqno;
        return Fence::adopt(*device_, handle, seqno, UniqueFd());
    }
};

UniqueFd syncFile(bool signalled) {
    return UniqueFd(eventfd(signalled, EFD_CLOEXEC));
}

} // namespace

TEST_F(FenceTest, SignalsWhenTheDeviceHasPassedIt) {
    const Ref<Fence> fence = newFence(5);
    state_->pass(4);
    EXPECT_FALSE(fence->isSignalled());
    state_->pass(5);
    EXPECT_TRUE(fence->isSignalled());
    EXPECT_EQ(calls(DRM_VMW_FENCE_SIGNALED), 2u);
    EXPECT_TRUE(fence->isSignalled());
    EXPECT_TRUE(fence->wait(Fence::kInfinite));
    EXPECT_EQ(calls(DRM_VMW_FENCE_SIGNALED), 2u) << "once signalled, always signalled";
    EXPECT_EQ(calls(DRM_VMW_FENCE_WAIT), 0u);
}

TEST_F(FenceTest, OneAnswerTellsOfAllOlderFences) {
    const Ref<Fence> older = newFence(5), asked = newFence(6), newer = newFence(8);
    state_->pass(7);
    EXPECT_TRUE(asked->isSignalled());
    EXPECT_TRUE(older->isSignalled());
    EXPECT_EQ(calls(DRM_VMW_FENCE_SIGNALED), 1u);
    EXPECT_FALSE(newer->isSignalled());
    EXPECT_EQ(calls(DRM_VMW_FENCE_SIGNALED), 2u);
}

TEST_F(FenceTest, SubmissionsTellAsWell) {
    Context context(*device_);
    const Ref<Fence> fence = newFence(1);
    state_->nextSeqno = 3;
    state_->pass(2);
    context.submit({.exportFence = true, .waitFor = {}});
    EXPECT_TRUE(fence->isSignalled());
    EXPECT_EQ(calls(DRM_VMW_FENCE_SIGNALED), 0u);
}

TEST_F(FenceTest, SequenceNumbersWrap) {
    const Ref<Fence> before = newFence(0xfffffffe), after = newFence(2), later = newFence(3);
    state_->pass(0xffffffff);
    EXPECT_TRUE(before->isSignalled());
    EXPECT_FALSE(after->isSignalled());
    state_->pass(2);
    EXPECT_TRUE(after->isSignalled());
    EXPECT_FALSE(later->isSignalled());
}

TEST_F(FenceTest, AnOldAnswerDoesNotTurnBackTheClock) {
    const Ref<Fence> first = newFence(10);
    state_->pass(20);
    EXPECT_TRUE(first->isSignalled());
    const Ref<Fence> second = newFence(30);
    state_->pass(5); // as an answer that another thread took longer to note
    EXPECT_FALSE(second->isSignalled());
    EXPECT_TRUE(newFence(20)->isSignalled());
}

TEST_F(FenceTest, WaitsAsLongAsItIsTold) {
    const Ref<Fence> fence = newFence(1);
    EXPECT_FALSE(fence->wait(0));
    EXPECT_EQ(calls(DRM_VMW_FENCE_WAIT), 0u) << "no time is a question, not a wait";
    EXPECT_FALSE(fence->wait(2 * kMillisecond + 1));
    ASSERT_FALSE(state_->waits.empty());
    EXPECT_EQ(state_->waits[0].timeout_us, 2001u) << "rounded up";
    EXPECT_EQ(state_->waits[0].flags, DRM_VMW_FENCE_FLAG_EXEC);
    EXPECT_EQ(state_->waits[0].cookie_valid, 0);
    state_->pass(1);
    EXPECT_TRUE(fence->wait(kMillisecond));
}

TEST_F(FenceTest, LongWaitsStayInTheKernelsRange) {
    const Ref<Fence> fence = newFence(1);
    state_->failNext(DRM_VMW_FENCE_WAIT, -EBUSY); // an hour later
    state_->pass(1);
    EXPECT_TRUE(fence->wait(Fence::kInfinite));
    EXPECT_EQ(calls(DRM_VMW_FENCE_WAIT), 2u);
    EXPECT_EQ(state_->waits[0].timeout_us, 3600ull * 1000 * 1000);
}

TEST_F(FenceTest, ErrorsAreNotSignals) {
    const Ref<Fence> fence = newFence(1);
    state_->failNext(DRM_VMW_FENCE_WAIT, -EIO);
    EXPECT_NE(errorOf([&] { fence->wait(Fence::kInfinite); }).find("Input/output error"), std::string::npos);
    state_->failNext(DRM_VMW_FENCE_SIGNALED, -EIO);
    EXPECT_THROW(fence->isSignalled(), std::exception);
    EXPECT_FALSE(fence->isSignalled());
}

TEST_F(FenceTest, TheKernelsFenceGoesWithTheLastReference) {
    Ref<Fence> fence = newFence(1);
    Ref<Fence> other = fence;
    fence = {};
    EXPECT_EQ(calls(DRM_VMW_FENCE_UNREF), 0u);
    other = {};
    EXPECT_EQ(calls(DRM_VMW_FENCE_UNREF), 1u);
}

TEST_F(FenceTest, ImportedFencesAskTheirFile) {
    const Ref<Fence> open = Fence::import(*device_, syncFile(false));
    EXPECT_FALSE(open->isSignalled());
    EXPECT_FALSE(open->wait(kMillisecond + 1));
    EXPECT_EQ(state_->syncFileWaits, (std::vector<int>{0, 2}));
    const Ref<Fence> done = Fence::import(*device_, syncFile(true));
    EXPECT_TRUE(done->isSignalled());
    EXPECT_TRUE(done->wait(Fence::kInfinite));
    EXPECT_EQ(state_->syncFileWaits.size(), 3u);
    EXPECT_EQ(calls(DRM_VMW_FENCE_SIGNALED) + calls(DRM_VMW_FENCE_WAIT) + calls(DRM_VMW_FENCE_UNREF), 0u);
}

TEST_F(FenceTest, SyncFilesAccumulate) {
    const UniqueFd first = syncFile(false), second = syncFile(true);
    UniqueFd accumulated;
    accumulateSyncFile(*device_, accumulated, first.get());
    ASSERT_TRUE(accumulated);
    EXPECT_NE(accumulated.get(), first.get()) << "the caller keeps its own";
    const int alone = accumulated.get();
    accumulateSyncFile(*device_, accumulated, second.get());
    EXPECT_NE(accumulated.get(), alone);
    EXPECT_EQ(fcntl(alone, F_GETFD), -1);
    EXPECT_TRUE(state_->syncFileWaits.empty());
}

TEST_F(FenceTest, WhatCannotBeMergedIsWaitedFor) {
    const UniqueFd first = syncFile(false), second = syncFile(true);
    UniqueFd accumulated;
    accumulateSyncFile(*device_, accumulated, first.get());
    const int alone = accumulated.get();
    state_->cannotMerge = true;
    accumulateSyncFile(*device_, accumulated, second.get());
    EXPECT_EQ(accumulated.get(), alone);
    EXPECT_EQ(state_->syncFileWaits, (std::vector<int>{-1}));
}

} // namespace svga::winsys::test
