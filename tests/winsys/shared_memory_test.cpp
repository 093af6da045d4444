// SPDX-License-Identifier: MIT
// Surfaces on the same memory: a persistent buffer's replacement moves there, what is put to another use parts.
#include "winsys_fixture.h"

#include "gallium/winsys/svga/core/context.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace svga::winsys::test {

namespace {

constexpr uint64_t kVertices = SVGA3D_SURFACE_BIND_VERTEX_BUFFER | SVGA3D_SURFACE_HINT_STATIC;
constexpr uint64_t kStreamOutput = kVertices | SVGA3D_SURFACE_BIND_STREAM_OUTPUT;
constexpr uint32_t kSize = 16384;

struct BufferCopy {
    SVGA3dCmdHeader header;
    SVGA3dCmdDXBufferCopy body;
};

class SharedMemoryTest : public WinsysTest {
protected:
    void SetUp() override {
        WinsysTest::SetUp();
        context_ = std::make_unique<Context>(*device_);
    }
    void TearDown() override {
        context_.reset();
        WinsysTest::TearDown();
    }

    Ref<Surface> newBuffer(uint64_t flags, bool persistent = true, uint32_t bytes = kSize) {
        SurfaceDesc desc;
        desc.format = SVGA3D_BUFFER;
        desc.flags = flags;
        desc.width = bytes;
        desc.persistent = persistent;
        return Surface::create(*device_, desc);
    }
    /** \brief A buffer that the application has mapped for good. */
    Ref<Surface> newMapped(uint32_t bytes = kSize) {
        Ref<Surface> surface = newBuffer(kVertices, true, bytes);
        EXPECT_NE(surface->map({.write = true}), nullptr);
        return surface;
    }

    /** \brief Emits a copy as the driver does; returns what went into the batch. */
    BufferCopy copy(Surface& destination, Surface& source, uint32_t width = kSize, uint32_t destinationX = 0,
                    uint32_t sourceX = 0) {
        CommandStream& stream = context_->stream();
        const size_t at = stream.commands().size();
        auto* memory = static_cast<BufferCopy*>(stream.reserve(sizeof(BufferCopy), 2));
        memory->header = {SVGA_3D_CMD_DX_BUFFER_COPY, sizeof(SVGA3dCmdDXBufferCopy)};
        memory->body.dest = stream.reference(destination, false);
        memory->body.src = stream.reference(source, false);
        memory->body.destX = destinationX;
        memory->body.srcX = sourceX;
        memory->body.width = width;
        stream.commit();
        BufferCopy committed;
        std::memcpy(&committed, stream.commands().data() + at, sizeof(committed));
        return committed;
    }
    void draw(Surface& surface) {
        auto* words = static_cast<uint32_t*>(context_->stream().reserve(12, 1));
        words[0] = SVGA_3D_CMD_DX_DRAW;
        words[1] = 4;
        words[2] = context_->stream().reference(surface, false);
        context_->stream().commit();
    }
    void submit() { context_->submit({}); }

    FakeState::FakeSurface& inKernel(const Surface& surface) { return state_->surfaces.at(surface.handle()); }
    bool share(const Surface& a, const Surface& b) {
        EXPECT_EQ(a.bo().get() == b.bo().get(), inKernel(a).memory == inKernel(b).memory);
        return a.bo().get() == b.bo().get();
    }

    std::unique_ptr<Context> context_;
};

} // namespace

TEST_F(SharedMemoryTest, AReplacementMovesOntoTheMappedMemory) {
    const Ref<Surface> old = newMapped();
    const Ref<Surface> replacement = newBuffer(kStreamOutput);
    const uint32_t handle = replacement->handle();
    const BufferCopy sent = copy(*replacement, *old);
    EXPECT_TRUE(share(*old, *replacement));
    EXPECT_NE(replacement->handle(), handle);
    EXPECT_EQ(sent.body.dest, replacement->handle());
    EXPECT_EQ(sent.body.src, old->handle());
    EXPECT_EQ(sent.body.width, kSize);
    EXPECT_EQ(state_->surfaces.size(), 2u) << "the one it was is gone";
    EXPECT_EQ(state_->buffers.size(), 1u);
    const auto& request = inKernel(*replacement).request;
    EXPECT_EQ(request.base.svga3d_flags, kStreamOutput);
    EXPECT_TRUE(unsigned(request.base.drm_surface_flags) & drm_vmw_surface_flag_coherent);
    submit();
    EXPECT_EQ(state_->executions.size(), 1u);

    EXPECT_EQ(replacement->map({}), old->map({}));
    replacement->unmap();
    old->unmap();
    EXPECT_TRUE(old->bo()->isMapped());
    replacement->unmap();
    EXPECT_FALSE(old->bo()->isMapped()) << "a mapping ends through whichever is in use then";
}

TEST_F(SharedMemoryTest, SizesAreRoundedUpAsTheDriverDoes) {
    const Ref<Surface> old = newMapped();
    const Ref<Surface> replacement = newBuffer(kStreamOutput);
    copy(*replacement, *old, kSize / 2 + 16);
    EXPECT_TRUE(share(*old, *replacement));
}

TEST_F(SharedMemoryTest, ThereIsRoomForAStreamOutputPosition) {
    for (const uint32_t bytes : {16u, 4096u, 8192u, 1u << 20}) {
        const Ref<Surface> old = newMapped(bytes);
        EXPECT_GE(old->bo()->size(), bytes + sizeof(SVGA3dDXSOState));
        const Ref<Surface> replacement = newBuffer(kStreamOutput, true, bytes);
        copy(*replacement, *old, bytes);
        EXPECT_TRUE(share(*old, *replacement)) << bytes;
        submit();
    }
}

TEST_F(SharedMemoryTest, OtherCopiesAreCopies) {
    const Ref<Surface> old = newMapped();
    const auto staysApart = [&](const char* what, Surface& to, Surface& from, uint32_t width = kSize, uint32_t toX = 0,
                                uint32_t fromX = 0) {
        const uint32_t handle = to.handle();
        const BufferCopy sent = copy(to, from, width, toX, fromX);
        EXPECT_FALSE(share(to, from)) << what;
        EXPECT_EQ(to.handle(), handle) << what;
        EXPECT_EQ(sent.body.dest, handle) << what;
    };
    staysApart("the same flags", *newBuffer(kVertices), *old);
    staysApart("only hints differ", *newBuffer(kVertices | SVGA3D_SURFACE_HINT_DYNAMIC), *old);
    staysApart("half of it", *newBuffer(kStreamOutput), *old, kSize / 2);
    staysApart("not in 16 bytes", *newBuffer(kStreamOutput), *old, kSize - 4);
    staysApart("to elsewhere", *newBuffer(kStreamOutput), *old, kSize - 16, 16, 0);
    staysApart("from elsewhere", *newBuffer(kStreamOutput), *old, kSize - 16, 0, 16);
    staysApart("another size", *newBuffer(kStreamOutput, true, 2 * kSize), *old);
    staysApart("never to be mapped for good", *newBuffer(kStreamOutput, false), *old);
    const Ref<Surface> unmapped = newBuffer(kVertices);
    staysApart("the source is not mapped", *newBuffer(kStreamOutput), *unmapped);

    const Ref<Surface> drawn = newBuffer(kStreamOutput);
    draw(*drawn);
    staysApart("a command named it", *drawn, *old);
    submit();
    const Ref<Surface> drawnBefore = newBuffer(kStreamOutput);
    draw(*drawnBefore);
    submit();
    staysApart("a command of the last batch named it", *drawnBefore, *old);
    const Ref<Surface> mapped = newBuffer(kStreamOutput);
    mapped->map({});
    mapped->unmap();
    staysApart("it was mapped", *mapped, *old);
    const Ref<Surface> exported = newBuffer(kStreamOutput);
    exported->exportKernelHandle();
    staysApart("it was exported", *exported, *old);
}

TEST_F(SharedMemoryTest, ASurfaceAnotherContextNamesStaysWhereItIs) {
    Context other(*device_);
    const Ref<Surface> old = newMapped();
    const Ref<Surface> fresh = newBuffer(kStreamOutput);
    other.stream().reserve(4, 1);
    const uint32_t named = other.stream().reference(*fresh, false);
    copy(*fresh, *old);
    EXPECT_EQ(fresh->handle(), named);
    EXPECT_FALSE(share(*fresh, *old));
}

TEST_F(SharedMemoryTest, ACopyOntoItselfMovesNothing) {
    const Ref<Surface> old = newMapped();
    const Ref<Surface> replacement = newBuffer(kStreamOutput);
    copy(*replacement, *old);
    const uint32_t handle = replacement->handle();
    copy(*replacement, *old);
    copy(*old, *replacement);
    EXPECT_EQ(replacement->handle(), handle);
    EXPECT_TRUE(share(*old, *replacement));
}

TEST_F(SharedMemoryTest, ReplacementsAreReplaced) {
    const Ref<Surface> first = newMapped();
    const Ref<Surface> second = newBuffer(kStreamOutput);
    copy(*second, *first);
    const Ref<Surface> third = newBuffer(SVGA3D_SURFACE_BIND_CONSTANT_BUFFER);
    copy(*third, *second);
    EXPECT_TRUE(share(*third, *first));
}

TEST_F(SharedMemoryTest, MapsOrderThemselvesBehindAllUsesOfTheMemory) {
    const Ref<Surface> old = newMapped();
    const Ref<Surface> replacement = newBuffer(kStreamOutput);
    copy(*replacement, *old);
    submit();
    draw(*replacement);
    EXPECT_TRUE(context_->map(*old, {.write = true}).submitFirst);
    submit();
    draw(*old);
    EXPECT_TRUE(context_->map(*replacement, {}).submitFirst);
    submit();
    state_->syncs.clear();
    EXPECT_NE(context_->map(*replacement, {}).address, nullptr);
    ASSERT_EQ(state_->syncs.size(), 1u);
    EXPECT_EQ(state_->syncs[0].handle, old->bo()->handle()) << "and who waits, waits for the memory";
}

TEST_F(SharedMemoryTest, SharedMemoryCountsOnceInABatch) {
    // Of 64 MiB for MOBs, a batch may refer to half.
    const Ref<Surface> old = newMapped(12 << 20);
    const Ref<Surface> replacement = newBuffer(kStreamOutput, true, 12 << 20);
    context_->stream().allowEarlySubmit();
    copy(*replacement, *old, 12 << 20);
    draw(*newBuffer(kVertices, false, 8 << 20));
    EXPECT_NE(context_->stream().reserve(4, 0), nullptr);
    draw(*newBuffer(kVertices, false, 13 << 20));
    EXPECT_EQ(context_->stream().reserve(4, 0), nullptr);
}

TEST_F(SharedMemoryTest, RenewedSurfacesPartAndStartFromZero) {
    const Ref<Surface> old = newMapped();
    const Ref<Surface> replacement = newBuffer(kStreamOutput);
    copy(*replacement, *old);
    submit();
    std::fill(inKernel(*old).memory->bytes.begin(), inKernel(*old).memory->bytes.end(), 0xee);
    const void* address = replacement->map({});
    const uint32_t handle = old->handle();

    old->renew(0);
    EXPECT_FALSE(share(*old, *replacement));
    EXPECT_NE(old->handle(), handle);
    EXPECT_FALSE(state_->surfaces.contains(handle));
    EXPECT_EQ(std::count(inKernel(*old).memory->bytes.begin(), inKernel(*old).memory->bytes.end(), 0),
              ptrdiff_t(inKernel(*old).memory->bytes.size()));
    EXPECT_EQ(inKernel(*replacement).memory->bytes[5], 0xee) << "what the other has is left alone";
    EXPECT_EQ(replacement->map({}), address);
    EXPECT_FALSE(old->bo()->isMapped());

    // Alone on its memory it keeps that, and is good for the next replacement.
    const Ref<Bo> memory = old->bo();
    draw(*old);
    submit();
    old->renew(0);
    EXPECT_EQ(old->bo().get(), memory.get());
    const Ref<Surface> third = newMapped();
    const Ref<Surface> cached = newBuffer(kStreamOutput);
    cached->map({.write = true});
    cached->unmap();
    cached->renew(0);
    copy(*cached, *third);
    EXPECT_TRUE(share(*cached, *third)) << "a surface out of the cache replaces as a new one does";
}

TEST_F(SharedMemoryTest, WhatABatchNamesIsNotRenewed) {
    const Ref<Surface> old = newMapped();
    draw(*old);
    EXPECT_NE(errorOf([&] { old->renew(0); }).find("named by commands"), std::string::npos);
}

TEST_F(SharedMemoryTest, AMovedSurfaceIsFoundByItsNewHandle) {
    const Ref<Surface> old = newMapped();
    const Ref<Surface> replacement = newBuffer(kStreamOutput);
    copy(*replacement, *old);
    const Ref<Surface> imported =
        Surface::import(*device_, {SharedHandle::Type::Kernel, replacement->exportKernelHandle()});
    EXPECT_EQ(imported.get(), replacement.get());
}

TEST_F(SharedMemoryTest, EitherOutlivesTheOther) {
    Ref<Surface> old = newMapped();
    Ref<Surface> replacement = newBuffer(kStreamOutput);
    copy(*replacement, *old);
    submit();
    const void* address = old->map({});
    old = {};
    EXPECT_EQ(replacement->map({}), address);
    EXPECT_FALSE(replacement->bo()->isShared());
    EXPECT_EQ(inKernel(*replacement).memory->mappings, 1);
    replacement = {};
    EXPECT_TRUE(state_->buffers.empty());
}

TEST_F(SharedMemoryTest, WhereTheKernelRefusesNothingHasMoved) {
    const Ref<Surface> old = newMapped();
    const Ref<Surface> replacement = newBuffer(kStreamOutput);
    const uint32_t handle = replacement->handle();
    state_->failNext(DRM_VMW_GB_SURFACE_CREATE_EXT, -ENOMEM);
    EXPECT_NE(errorOf([&] { copy(*replacement, *old); }).find("Cannot allocate memory"), std::string::npos);
    EXPECT_EQ(replacement->handle(), handle);
    EXPECT_FALSE(share(*old, *replacement));
    EXPECT_TRUE(context_->stream().commands().empty());
}

} // namespace svga::winsys::test
