// SPDX-License-Identifier: MIT
// Writes that the kernel is told of ahead.
#include "winsys_fixture.h"

#include "gallium/winsys/svga/core/surface.h"

#include <svga3d_types.h>

#include <cerrno>

namespace svga::winsys::test {

namespace {

constexpr uint32_t kWrite = DRM_VMW_BO_ACCESS_WRITE;
constexpr uint32_t kDiscard = DRM_VMW_BO_ACCESS_DISCARD;

SurfaceDesc texture(uint32_t width, uint32_t height) {
    SurfaceDesc desc;
    desc.format = SVGA3D_B8G8R8A8_UNORM;
    desc.width = width;
    desc.height = height;
    return desc;
}

SurfaceDesc buffer(uint32_t bytes) {
    SurfaceDesc desc;
    desc.format = SVGA3D_BUFFER;
    desc.width = bytes;
    return desc;
}

class AnnounceTest : public WinsysTest {
protected:
    void SetUp() override {
        state_->params[DRM_VMW_PARAM_DIRTY_TRACKING] = 1;
        WinsysTest::SetUp();
    }

    /// What has been announced since the last call.
    std::vector<drm_vmw_bo_access> announced() { return std::exchange(state_->accesses, {}); }
};

} // namespace

TEST_F(AnnounceTest, AllOfWhatIsDiscarded) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(100000));
    void* address = surface->map({.write = true, .discard = true});
    surface->unmap();
    const auto accesses = announced();
    ASSERT_EQ(accesses.size(), 1u);
    EXPECT_EQ(accesses[0].handle, surface->bo()->handle());
    EXPECT_EQ(accesses[0].flags, kWrite | kDiscard);
    EXPECT_EQ(accesses[0].offset, 0u);
    EXPECT_EQ(accesses[0].length, 100000u);
    EXPECT_EQ(accesses[0].address, reinterpret_cast<uintptr_t>(address));
    surface->map({.write = true, .discard = true});
    surface->unmap();
    EXPECT_EQ(announced().size(), 1u) << "each time: it holds until the next submission";
}

TEST_F(AnnounceTest, NothingOfWhichNoMoreIsKnown) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(100000));
    surface->map({.write = true});
    surface->unmap();
    surface->map({});
    surface->unmap();
    surface->map({.discard = true}); // nothing is written
    surface->unmap();
    EXPECT_TRUE(announced().empty());
}

TEST_F(AnnounceTest, AllOfATextureThatIsBeingFilled) {
    const Ref<Surface> surface = Surface::create(*device_, texture(256, 256));
    surface->map({.write = true});
    surface->unmap();
    const auto accesses = announced();
    ASSERT_EQ(accesses.size(), 1u);
    EXPECT_EQ(accesses[0].flags, kWrite);
    EXPECT_EQ(accesses[0].length, 256u * 256 * 4);
    surface->map({.write = true});
    surface->unmap();
    EXPECT_TRUE(announced().empty()) << "it has content now";
}

TEST_F(AnnounceTest, NothingOfATextureThatWasReadFirst) {
    const Ref<Surface> surface = Surface::create(*device_, texture(256, 256));
    surface->map({});
    surface->unmap();
    surface->map({.write = true});
    surface->unmap();
    EXPECT_TRUE(announced().empty());
}

TEST_F(AnnounceTest, WhatRenewalZeroes) {
    const Ref<Surface> surface = Surface::create(*device_, texture(256, 256));
    surface->map({.write = true});
    surface->unmap();
    announced();
    surface->renew(100000);
    const auto accesses = announced();
    ASSERT_EQ(accesses.size(), 1u);
    EXPECT_EQ(accesses[0].flags, kWrite | kDiscard);
    EXPECT_EQ(accesses[0].offset, 0u);
    EXPECT_EQ(accesses[0].length, 100000u);
    surface->map({.write = true});
    surface->unmap();
    EXPECT_EQ(announced().size(), 1u) << "new again";
}

TEST_F(AnnounceTest, NothingThatIsSmallOrHuge) {
    for (const uint32_t size : {100u, 16 * 4096 - 1u, (16u << 20)}) {
        const Ref<Surface> surface = Surface::create(*device_, buffer(size));
        surface->map({.write = true, .discard = true});
        surface->unmap();
        EXPECT_EQ(announced().size(), size == 16u << 20 ? 1u : 0u) << size;
    }
    Ref<Bo> bo = Bo::create(*device_, 32u << 20);
    bo->announceWrite(0, 32u << 20, false);
    EXPECT_TRUE(announced().empty());
    bo->announceWrite(4096, 16 * 4096, false);
    EXPECT_EQ(announced().size(), 1u);
}

TEST_F(AnnounceTest, NothingWhereTheMapFails) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(100000));
    state_->busy = true;
    EXPECT_EQ(surface->map({.write = true, .dontBlock = true, .discard = true}), nullptr);
    EXPECT_TRUE(announced().empty());
}

TEST_F(AnnounceTest, NothingMoreOfWhatTheKernelDoesNotTrack) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(100000));
    state_->tracksNothing = true;
    for (int i = 0; i < 3; ++i) {
        EXPECT_NE(surface->map({.write = true, .discard = true}), nullptr);
        surface->unmap();
    }
    EXPECT_EQ(calls(DRM_VMW_BO_ACCESS), 1u);
}

TEST_F(AnnounceTest, AFailureIsNoMatter) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(100000));
    state_->failNext(DRM_VMW_BO_ACCESS, -ENOMEM);
    EXPECT_NE(surface->map({.write = true, .discard = true}), nullptr);
    surface->unmap();
    surface->map({.write = true, .discard = true});
    surface->unmap();
    EXPECT_EQ(announced().size(), 1u);
}

TEST_F(WinsysTest, AStockKernelIsToldNothing) {
    EXPECT_FALSE(device_->info().dirtyTracking);
    const Ref<Surface> surface = Surface::create(*device_, buffer(100000));
    surface->map({.write = true, .discard = true});
    surface->unmap();
    EXPECT_EQ(calls(DRM_VMW_BO_ACCESS), 0u);
}

} // namespace svga::winsys::test
