// SPDX-License-Identifier: MIT
#include "winsys_fixture.h"

#include "gallium/winsys/svga/core/context.h"

#include <svga3d_cmd.h>
#include <svga3d_types.h>

#include <cerrno>
#include <cstring>
#include <sys/eventfd.h>

namespace svga::winsys::test {

namespace {

class ContextTest : public WinsysTest {
protected:
    void SetUp() override {
        WinsysTest::SetUp();
        context_ = std::make_unique<Context>(*device_);
    }
    void TearDown() override {
        context_.reset();
        WinsysTest::TearDown();
    }

    CommandStream& stream() { return context_->stream(); }

    Ref<Surface> newSurface(uint32_t bytes = 4096) {
        SurfaceDesc desc;
        desc.format = SVGA3D_BUFFER;
        desc.width = bytes;
        return Surface::create(*device_, desc);
    }

    /** \brief Emits a command of \p words words behind its header; the first is \p surface's id. */
    void emit(uint32_t id, uint32_t words, Surface* surface, bool internal = false) {
        auto* memory = static_cast<uint32_t*>(stream().reserve(8 + 4 * words, 1));
        ASSERT_NE(memory, nullptr);
        memory[0] = id;
        memory[1] = 4 * words;
        std::memset(memory + 2, 0x5a, 4 * words);
        if (surface)
            memory[2] = stream().reference(*surface, internal);
        stream().commit();
    }

    Ref<Fence> submit() { return context_->submit({}); }

    std::unique_ptr<Context> context_;
};

} // namespace

TEST_F(ContextTest, CommandsCarryTheHandlesOfWhatTheyName) {
    const Ref<Surface> surface = newSurface();
    const Ref<Bo> bo = Bo::create(*device_, 4096);
    auto* words = static_cast<uint32_t*>(stream().reserve(16, 2));
    words[0] = SVGA_3D_CMD_DX_DRAW;
    words[1] = 8;
    words[2] = stream().reference(*surface, false);
    words[3] = stream().reference(*bo);
    stream().commit();
    submit();

    ASSERT_EQ(state_->executions.size(), 1u);
    const Execution& execution = state_->executions[0];
    ASSERT_EQ(execution.commands.size(), 16u);
    uint32_t sent[4];
    std::memcpy(sent, execution.commands.data(), sizeof(sent));
    EXPECT_EQ(sent[2], surface->handle());
    EXPECT_EQ(sent[3], bo->handle());
    EXPECT_EQ(execution.arg.version, 2u);
    EXPECT_EQ(execution.arg.context_handle, context_->id());
    EXPECT_EQ(execution.arg.flags, 0u);
    EXPECT_EQ(execution.arg.imported_fence_fd, -1);
    EXPECT_EQ(execution.arg.throttle_us, 0u);
}

TEST_F(ContextTest, ABatchKeepsWhatItNamesAlive) {
    Ref<Surface> surface = newSurface();
    Ref<Bo> bo = Bo::create(*device_, 64);
    stream().reserve(0, 2);
    stream().reference(*surface, false);
    stream().reference(*bo);
    stream().commit();
    surface = {};
    bo = {};
    EXPECT_EQ(state_->surfaces.size(), 1u);
    EXPECT_EQ(state_->buffers.size(), 2u);
    submit();
    EXPECT_EQ(state_->surfaces.size(), 0u);
    EXPECT_EQ(state_->buffers.size(), 0u);
}

TEST_F(ContextTest, ASurfaceIsPendingUntilEveryBatchIsSubmitted) {
    Context other(*device_);
    const Ref<Surface> surface = newSurface();
    EXPECT_FALSE(surface->isPending());
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    other.stream().reserve(0, 1);
    other.stream().reference(*surface, false);
    other.stream().commit();
    submit();
    EXPECT_TRUE(surface->isPending());
    other.submit({});
    EXPECT_FALSE(surface->isPending());
}

TEST_F(ContextTest, InternalTransfersDoNotConflictWithMaps) {
    const Ref<Surface> surface = newSurface();
    emit(SVGA_3D_CMD_INVALIDATE_GB_SURFACE, 1, surface.get(), true);
    EXPECT_TRUE(surface->isPending()) << "who puts it to another use would see it invalidated then";
    EXPECT_FALSE(stream().references(*surface));
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    EXPECT_TRUE(stream().references(*surface));
    submit();
    EXPECT_FALSE(surface->isPending());
}

TEST_F(ContextTest, WhatABindingMayWriteConflictsWithMapsInLaterBatches) {
    for (const uint32_t binding : {SVGA_3D_CMD_DX_DEFINE_RENDERTARGET_VIEW, SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW,
                                   SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW_V2, SVGA_3D_CMD_DX_DEFINE_UA_VIEW}) {
        const Ref<Surface> written = newSurface(), read = newSurface();
        emit(binding, 1, written.get());
        emit(SVGA_3D_CMD_DX_DEFINE_SHADERRESOURCE_VIEW, 1, read.get());
        submit();
        EXPECT_FALSE(stream().references(*written)) << "nothing is under way, command " << binding;
        emit(SVGA_3D_CMD_INVALIDATE_GB_SURFACE, 1, read.get(), true);
        EXPECT_FALSE(stream().references(*written)) << "nothing that writes is under way, command " << binding;
        emit(SVGA_3D_CMD_DX_DRAW, 1, nullptr);
        EXPECT_TRUE(stream().references(*written)) << "the draw may write it, command " << binding;
        EXPECT_FALSE(stream().references(*read)) << "command " << binding;
        submit();
    }
}

TEST_F(ContextTest, WhatTheDeviceMayHaveWrittenIsZeroedAgain) {
    const Ref<Surface> surface = newSurface();
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    submit();
    std::vector<uint8_t>& bytes = state_->surfaces.at(surface->handle()).memory->bytes;
    bytes[7] = 1;
    surface->renew(4096);
    EXPECT_EQ(bytes[7], 0);
}

TEST_F(ContextTest, WhatIsNotCommittedIsGone) {
    const Ref<Surface> surface = newSurface();
    const Ref<Bo> bo = Bo::create(*device_, 64);
    stream().reserve(32, 2);
    stream().reference(*surface, false);
    stream().reference(*bo);
    EXPECT_TRUE(surface->isPending());
    stream().reserve(8, 0);
    EXPECT_FALSE(surface->isPending());
    EXPECT_FALSE(stream().references(*surface));
    stream().commit();
    EXPECT_EQ(stream().commands().size(), 8u);
}

TEST_F(ContextTest, AFullBatchHasToBeSubmitted) {
    EXPECT_EQ(stream().reserve(CommandStream::kCapacity + 1, 0), nullptr);
    EXPECT_NE(stream().reserve(CommandStream::kCapacity, 0), nullptr);
    stream().commit();
    EXPECT_EQ(stream().reserve(4, 0), nullptr);
    submit();
    EXPECT_EQ(state_->executions[0].commands.size(), CommandStream::kCapacity);
    EXPECT_NE(stream().reserve(4, 0), nullptr);
    EXPECT_EQ(stream().reserve(4, CommandStream::kMaxReferences + 1), nullptr);
}

TEST_F(ContextTest, ABatchOfMuchMemoryEndsWhereItMay) {
    // Of 64 MiB for MOBs, a batch may refer to half.
    std::vector<Ref<Surface>> surfaces;
    for (int i = 0; i < 4; ++i) {
        surfaces.push_back(newSurface(8 << 20));
        emit(SVGA_3D_CMD_DX_DRAW, 1, surfaces.back().get());
        emit(SVGA_3D_CMD_DX_DRAW, 1, surfaces.back().get()); // counts once
    }
    EXPECT_NE(stream().reserve(4, 0), nullptr) << "nobody said that it may end here";
    stream().allowEarlySubmit();
    EXPECT_EQ(stream().reserve(4, 0), nullptr);
    submit();
    stream().allowEarlySubmit();
    EXPECT_NE(stream().reserve(4, 0), nullptr);
}

TEST_F(ContextTest, NoSyncCommandForACoherentSurfaceLeaves) {
    const Ref<Surface> surface = newSurface();
    for (const uint32_t id : {SVGA_3D_CMD_UPDATE_GB_IMAGE, SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA_3D_CMD_READBACK_GB_IMAGE,
                              SVGA_3D_CMD_READBACK_GB_IMAGE_PARTIAL, SVGA_3D_CMD_READBACK_GB_SURFACE,
                              SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, SVGA_3D_CMD_DX_READBACK_SUBRESOURCE}) {
        emit(id, 8, surface.get(), true);
        EXPECT_EQ(stream().commands().size(), 0u) << "command " << id;
    }
    EXPECT_FALSE(surface->isPending());
    submit();
    EXPECT_EQ(state_->executions.size(), 0u);
    emit(SVGA_3D_CMD_INVALIDATE_GB_SURFACE, 1, surface.get(), true);
    EXPECT_EQ(stream().commands().size(), 12u) << "that one is no transfer";
}

TEST_F(ContextTest, ADroppedCommandLeavesTheBatchAsItWas) {
    const Ref<Surface> drawn = newSurface();
    const Ref<Surface> updated = newSurface();
    emit(SVGA_3D_CMD_DX_DRAW, 1, drawn.get());
    const std::vector<uint8_t> before(stream().commands().begin(), stream().commands().end());
    emit(SVGA_3D_CMD_UPDATE_GB_IMAGE, 8, updated.get());
    EXPECT_EQ(std::vector<uint8_t>(stream().commands().begin(), stream().commands().end()), before);
    EXPECT_TRUE(stream().references(*drawn));
    EXPECT_FALSE(updated->isPending());
}

TEST_F(ContextTest, SyncCommandsForOthersSurfacesStay) {
    const uint32_t handle = state_->addForeignSurface(16, 1, false);
    const Ref<Surface> surface = Surface::import(*device_, {SharedHandle::Type::Kernel, handle});
    emit(SVGA_3D_CMD_READBACK_GB_SURFACE, 1, surface.get(), true);
    emit(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, 8, surface.get(), true);
    EXPECT_EQ(stream().commands().size(), 12u + 40u);
    state_->surfaces.at(handle).references = 1;
}

TEST_F(ContextTest, OnlyWholeSyncCommandsAreDropped) {
    const Ref<Surface> surface = newSurface();
    auto* words = static_cast<uint32_t*>(stream().reserve(24, 1));
    words[0] = SVGA_3D_CMD_UPDATE_GB_SURFACE;
    words[1] = 4;
    words[2] = stream().reference(*surface, true);
    words[3] = SVGA_3D_CMD_DX_DRAW;
    words[4] = 4;
    words[5] = 0;
    stream().commit();
    EXPECT_EQ(stream().commands().size(), 24u) << "there is a draw behind it";
    words = static_cast<uint32_t*>(stream().reserve(12, 1));
    words[0] = SVGA_3D_CMD_UPDATE_GB_SURFACE;
    words[1] = 0xffffffff; // says more than was reserved
    words[2] = stream().reference(*surface, true);
    stream().commit();
    EXPECT_EQ(stream().commands().size(), 36u);
}

TEST_F(ContextTest, NothingToDoMakesNoSubmission) {
    EXPECT_FALSE(submit()) << "nothing was ever submitted";
    const Ref<Surface> surface = newSurface();
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    const Ref<Fence> fence = submit();
    ASSERT_TRUE(fence);
    stream().reserve(0, 1);
    stream().reference(*surface, false);
    stream().commit();
    EXPECT_EQ(submit().get(), fence.get()) << "it covers all there was";
    EXPECT_FALSE(surface->isPending());
    EXPECT_EQ(state_->executions.size(), 1u);
}

TEST_F(ContextTest, FencesAreExportedOnRequest) {
    const int exported = eventfd(1, EFD_CLOEXEC);
    state_->exportedFd = exported;
    const Ref<Fence> fence = context_->submit({.exportFence = true, .waitFor = {}});
    ASSERT_EQ(state_->executions.size(), 1u) << "even of an empty batch";
    EXPECT_EQ(state_->executions[0].arg.flags, unsigned(DRM_VMW_EXECBUF_FLAG_EXPORT_FENCE_FD));
    EXPECT_EQ(fence->fd(), exported);
    emit(SVGA_3D_CMD_DX_DRAW, 1, nullptr);
    EXPECT_EQ(submit()->fd(), -1) << "what the kernel says of a sync file nobody asked for is no descriptor";
}

TEST_F(ContextTest, SubmissionsWaitForImportedFences) {
    UniqueFd wait(eventfd(0, EFD_CLOEXEC));
    const int number = wait.get();
    context_->submit({.exportFence = false, .waitFor = std::move(wait)});
    ASSERT_EQ(state_->executions.size(), 1u);
    EXPECT_EQ(state_->executions[0].arg.flags, unsigned(DRM_VMW_EXECBUF_FLAG_IMPORT_FENCE_FD));
    EXPECT_EQ(state_->executions[0].arg.imported_fence_fd, number);
    uint64_t value = 1;
    EXPECT_EQ(write(number, &value, sizeof(value)), -1) << "and it is closed then";
}

TEST_F(ContextTest, BusyBuffersAreWaitedFor) {
    emit(SVGA_3D_CMD_DX_DRAW, 1, nullptr);
    state_->failNext(DRM_VMW_EXECBUF, -EBUSY);
    state_->failNext(DRM_VMW_EXECBUF, -EBUSY);
    EXPECT_TRUE(submit());
    EXPECT_EQ(calls(DRM_VMW_EXECBUF), 3u);
    EXPECT_EQ(state_->executions.size(), 1u);
}

TEST_F(ContextTest, ARefusedBatchIsLostAndSaysSo) {
    const Ref<Surface> surface = newSurface();
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    state_->failNext(DRM_VMW_EXECBUF, -EINVAL);
    EXPECT_NE(errorOf([&] { submit(); }).find("the kernel refuses a batch of 12 bytes"), std::string::npos);
    EXPECT_FALSE(surface->isPending());
    EXPECT_EQ(stream().commands().size(), 0u);
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    EXPECT_TRUE(submit());
}

TEST_F(ContextTest, WithoutAFenceTheKernelHasWaited) {
    emit(SVGA_3D_CMD_DX_DRAW, 1, nullptr);
    submit();
    state_->fenceLost = true;
    emit(SVGA_3D_CMD_DX_DRAW, 1, nullptr);
    EXPECT_FALSE(submit());
    EXPECT_FALSE(submit()) << "nor is an older fence worth waiting for";
}

TEST_F(ContextTest, MapsOrderThemselvesBehindTheBatch) {
    const Ref<Surface> surface = newSurface();
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    Context::Mapping mapping = context_->map(*surface, {.write = true});
    EXPECT_TRUE(mapping.submitFirst);
    EXPECT_EQ(mapping.address, nullptr);
    EXPECT_EQ(calls(DRM_VMW_SYNCCPU), 0u);

    mapping = context_->map(*surface, {.write = true, .unsynchronized = true});
    EXPECT_FALSE(mapping.submitFirst);
    EXPECT_NE(mapping.address, nullptr);
    surface->unmap();

    submit();
    mapping = context_->map(*surface, {.write = true});
    EXPECT_FALSE(mapping.submitFirst);
    EXPECT_NE(mapping.address, nullptr);
    surface->unmap();

    state_->busy = true;
    mapping = context_->map(*surface, {.dontBlock = true});
    EXPECT_FALSE(mapping.submitFirst) << "submitting would not help";
    EXPECT_EQ(mapping.address, nullptr);
}

TEST_F(ContextTest, AnotherContextsBatchIsItsOwnAffair) {
    Context other(*device_);
    const Ref<Surface> surface = newSurface();
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    const Context::Mapping mapping = other.map(*surface, {});
    EXPECT_FALSE(mapping.submitFirst) << "submitting the other's batch would change nothing";
    EXPECT_NE(mapping.address, nullptr);
    surface->unmap();
}

TEST_F(ContextTest, AContextThatCannotBeMadeSaysSo) {
    state_->failNext(DRM_VMW_CREATE_EXTENDED_CONTEXT, -ENOSPC);
    EXPECT_EQ(errorOf([&] { Context context(*device_); }), "cannot create a DX context: No space left on device");
}

TEST_F(ContextTest, ADestroyedContextLetsGoOfItsBatch) {
    Ref<Surface> surface = newSurface();
    emit(SVGA_3D_CMD_DX_DRAW, 1, surface.get());
    context_.reset();
    EXPECT_FALSE(surface->isPending());
    EXPECT_EQ(state_->contexts.size(), 0u);
    EXPECT_EQ(state_->executions.size(), 0u);
}

} // namespace svga::winsys::test
