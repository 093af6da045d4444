// SPDX-License-Identifier: MIT
// The Gallium face, called as the svga pipe driver calls it.
#include "fake_kernel.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

// Behind everything else, because of the macros in Mesa's headers.
#include "gallium/winsys/svga/gallium/face.h"

namespace svga::winsys::test {

namespace {

class GalliumTest : public ::testing::Test {
protected:
    void SetUp() override {
        screen_ = createScreen(std::make_unique<FakeKernel>(state_));
        ASSERT_NE(screen_, nullptr);
        context_ = screen_->context_create(screen_);
        ASSERT_NE(context_, nullptr);
    }

    void TearDown() override {
        context_->destroy(context_);
        screen_->destroy(screen_);
        EXPECT_TRUE(state_->isEmpty());
    }

    struct svga_winsys_surface* newBuffer(unsigned bytes = 4096, SVGA3dSurfaceAllFlags flags = 0) {
        return screen_->surface_create(screen_, flags, SVGA3D_BUFFER, 0, {bytes, 1, 1}, 1, 1, 0);
    }

    void release(struct svga_winsys_surface* surface) { screen_->surface_reference(screen_, &surface, nullptr); }

    /** \brief Emits a draw that uses \p surface; returns the id that went into the command. */
    uint32 draw(struct svga_winsys_surface* surface, unsigned flags = SVGA_RELOC_READ) {
        auto* words = static_cast<uint32*>(context_->reserve(context_, 12, 1));
        words[0] = SVGA_3D_CMD_DX_DRAW;
        words[1] = 4;
        context_->surface_relocation(context_, &words[2], nullptr, surface, flags);
        const uint32 id = words[2];
        context_->commit(context_);
        return id;
    }

    const std::shared_ptr<FakeState> state_ = std::make_shared<FakeState>();
    struct svga_winsys_screen* screen_ = nullptr;
    struct svga_winsys_context* context_ = nullptr;
};

} // namespace

TEST_F(GalliumTest, EveryFunctionIsThere) {
    // Function pointers fill each struct but for the fields behind them: a hole would be a null.
    const auto countNull = [](const void* object, std::initializer_list<size_t> offsets) {
        size_t holes = 0;
        for (const size_t offset : offsets) {
            void* function;
            std::memcpy(&function, static_cast<const char*>(object) + offset, sizeof(function));
            holes += function == nullptr;
        }
        return holes;
    };
#define AT(type, member) offsetof(struct type, member)
    EXPECT_EQ(countNull(screen_, {AT(svga_winsys_screen, destroy),
                                  AT(svga_winsys_screen, get_hw_version),
                                  AT(svga_winsys_screen, get_fd),
                                  AT(svga_winsys_screen, get_cap),
                                  AT(svga_winsys_screen, context_create),
                                  AT(svga_winsys_screen, surface_create),
                                  AT(svga_winsys_screen, surface_from_handle),
                                  AT(svga_winsys_screen, surface_get_handle),
                                  AT(svga_winsys_screen, surface_is_flushed),
                                  AT(svga_winsys_screen, surface_reference),
                                  AT(svga_winsys_screen, surface_can_create),
                                  AT(svga_winsys_screen, surface_init),
                                  AT(svga_winsys_screen, buffer_create),
                                  AT(svga_winsys_screen, buffer_map),
                                  AT(svga_winsys_screen, buffer_unmap),
                                  AT(svga_winsys_screen, buffer_destroy),
                                  AT(svga_winsys_screen, fence_reference),
                                  AT(svga_winsys_screen, fence_signalled),
                                  AT(svga_winsys_screen, fence_finish),
                                  AT(svga_winsys_screen, fence_get_fd),
                                  AT(svga_winsys_screen, fence_create_fd),
                                  AT(svga_winsys_screen, fence_server_sync),
                                  AT(svga_winsys_screen, shader_create),
                                  AT(svga_winsys_screen, shader_destroy),
                                  AT(svga_winsys_screen, query_create),
                                  AT(svga_winsys_screen, query_destroy),
                                  AT(svga_winsys_screen, query_init),
                                  AT(svga_winsys_screen, query_get_result),
                                  AT(svga_winsys_screen, stats_inc),
                                  AT(svga_winsys_screen, stats_time_push),
                                  AT(svga_winsys_screen, stats_time_pop),
                                  AT(svga_winsys_screen, host_log)}),
              0u);
    EXPECT_EQ(
        countNull(context_, {AT(svga_winsys_context, destroy), AT(svga_winsys_context, reserve),
                             AT(svga_winsys_context, get_command_buffer_size),
                             AT(svga_winsys_context, surface_relocation), AT(svga_winsys_context, region_relocation),
                             AT(svga_winsys_context, shader_relocation), AT(svga_winsys_context, context_relocation),
                             AT(svga_winsys_context, mob_relocation), AT(svga_winsys_context, query_relocation),
                             AT(svga_winsys_context, query_bind), AT(svga_winsys_context, commit),
                             AT(svga_winsys_context, flush), AT(svga_winsys_context, surface_map),
                             AT(svga_winsys_context, surface_unmap), AT(svga_winsys_context, shader_create),
                             AT(svga_winsys_context, shader_destroy), AT(svga_winsys_context, resource_rebind)}),
        0u);
#undef AT
}

TEST_F(GalliumTest, TheScreenIsCoherentAndStagesNothing) {
    EXPECT_TRUE(screen_->have_gb_objects && screen_->have_coherent && screen_->have_vgpu10);
    EXPECT_FALSE(screen_->have_gb_dma);
    EXPECT_FALSE(screen_->have_transfer_from_buffer_cmd);
    EXPECT_FALSE(screen_->need_to_rebind_resources);
    EXPECT_TRUE(screen_->have_sm4_1 && screen_->have_sm5 && screen_->have_gl43);
    EXPECT_TRUE(screen_->have_fence_fd && screen_->have_generate_mipmap_cmd && screen_->have_set_predication_cmd);
    EXPECT_EQ(screen_->device_id, 0x0406);
    EXPECT_EQ(screen_->get_fd(screen_), 42);
    EXPECT_EQ(screen_->get_hw_version(screen_), SVGA3D_HWVERSION_WS8_B1);
    EXPECT_TRUE(context_->force_coherent && context_->have_gb_objects);
    EXPECT_EQ(context_->imported_fence_fd, -1);
    EXPECT_TRUE(state_->contexts.contains(context_->cid));
}

TEST_F(GalliumTest, CapabilitiesEndWithTheLastOne) {
    SVGA3dDevCapResult result;
    EXPECT_TRUE(screen_->get_cap(screen_, SVGA3dDevCapIndex(261), &result));
    EXPECT_EQ(result.u, 1261u);
    EXPECT_FALSE(screen_->get_cap(screen_, SVGA3dDevCapIndex(262), &result));
}

TEST_F(GalliumTest, MapsRetryBehindTheBatchAndNeverRebind) {
    struct svga_winsys_surface* surface = newBuffer();
    EXPECT_TRUE(screen_->surface_is_flushed(screen_, surface));
    draw(surface);
    EXPECT_FALSE(screen_->surface_is_flushed(screen_, surface));
    bool retry = false, rebind = true;
    const unsigned discard = PIPE_MAP_WRITE | PIPE_MAP_DISCARD_WHOLE_RESOURCE | PIPE_MAP_PERSISTENT | PIPE_MAP_COHERENT;
    EXPECT_EQ(context_->surface_map(context_, surface, discard, &retry, &rebind), nullptr);
    EXPECT_TRUE(retry);
    EXPECT_FALSE(rebind);
    EXPECT_EQ(context_->flush(context_, nullptr), PIPE_OK);
    rebind = true;
    EXPECT_NE(context_->surface_map(context_, surface, discard, &retry, &rebind), nullptr);
    EXPECT_FALSE(retry);
    EXPECT_FALSE(rebind);
    rebind = true;
    context_->surface_unmap(context_, surface, &rebind);
    EXPECT_FALSE(rebind);
    ASSERT_EQ(state_->syncs.size(), 1u);
    EXPECT_EQ(unsigned(state_->syncs[0].flags),
              unsigned(drm_vmw_synccpu_read | drm_vmw_synccpu_write | drm_vmw_synccpu_allow_cs));
    EXPECT_EQ(state_->buffers.size(), 1u) << "a discard changes no backing";
    release(surface);
}

TEST_F(GalliumTest, AReplacedBufferStaysMapped) {
    const auto persistent = [&](SVGA3dSurfaceAllFlags flags) {
        struct svga_winsys_surface* surface =
            screen_->surface_create(screen_, flags, SVGA3D_BUFFER, SVGA_SURFACE_USAGE_COHERENT, {4096, 1, 1}, 1, 1, 0);
        screen_->surface_init(screen_, surface, 0, flags);
        return surface;
    };
    struct svga_winsys_surface* old = persistent(SVGA3D_SURFACE_BIND_VERTEX_BUFFER);
    bool retry = true, rebind = true;
    void* map = context_->surface_map(context_, old, PIPE_MAP_WRITE | PIPE_MAP_PERSISTENT, &retry, &rebind);
    ASSERT_NE(map, nullptr);

    struct svga_winsys_surface* replacement =
        persistent(SVGA3D_SURFACE_BIND_VERTEX_BUFFER | SVGA3D_SURFACE_BIND_STREAM_OUTPUT);
    auto* words = static_cast<uint32*>(context_->reserve(context_, 28, 2));
    words[0] = SVGA_3D_CMD_DX_BUFFER_COPY;
    words[1] = 20;
    context_->surface_relocation(context_, &words[2], nullptr, replacement, SVGA_RELOC_WRITE);
    context_->surface_relocation(context_, &words[3], nullptr, old, SVGA_RELOC_READ);
    words[4] = words[5] = 0;
    words[6] = 4096;
    context_->commit(context_);
    EXPECT_EQ(draw(replacement), fromGallium(replacement)->handle());
    context_->flush(context_, nullptr);
    uint32 sent[7];
    std::memcpy(sent, state_->executions.at(0).commands.data(), sizeof(sent));
    EXPECT_EQ(sent[2], fromGallium(replacement)->handle());
    EXPECT_EQ(sent[3], fromGallium(old)->handle());
    EXPECT_EQ(context_->surface_map(context_, replacement, PIPE_MAP_READ, &retry, &rebind), map);
    context_->surface_unmap(context_, replacement, &rebind);
    EXPECT_FALSE(rebind);

    // What the driver's cache gives out again is a buffer of its own.
    screen_->surface_init(screen_, old, 0, SVGA3D_SURFACE_BIND_VERTEX_BUFFER);
    EXPECT_NE(context_->surface_map(context_, old, PIPE_MAP_WRITE, &retry, &rebind), map);
    context_->surface_unmap(context_, old, &rebind);
    release(old);
    release(replacement);
}

TEST_F(GalliumTest, UnsynchronizedMapsNeitherRetryNorWait) {
    struct svga_winsys_surface* surface = newBuffer();
    draw(surface);
    bool retry = true, rebind = true;
    EXPECT_NE(context_->surface_map(context_, surface, PIPE_MAP_WRITE | PIPE_MAP_UNSYNCHRONIZED, &retry, &rebind),
              nullptr);
    EXPECT_FALSE(retry);
    context_->surface_unmap(context_, surface, &rebind);
    EXPECT_EQ(state_->syncs.size(), 0u);
    release(surface);
}

TEST_F(GalliumTest, BusySurfacesFailDontblockMaps) {
    struct svga_winsys_surface* surface = newBuffer();
    state_->busy = true;
    bool retry = true, rebind = true;
    EXPECT_EQ(context_->surface_map(context_, surface, PIPE_MAP_READ | PIPE_MAP_DONTBLOCK, &retry, &rebind), nullptr);
    EXPECT_FALSE(retry);
    release(surface);
}

TEST_F(GalliumTest, RelocationsFillInHandles) {
    struct svga_winsys_surface* surface = newBuffer();
    struct svga_winsys_buffer* buffer = screen_->buffer_create(screen_, 16, SVGA_BUFFER_USAGE_PINNED, 4096);
    struct svga_winsys_gb_query* query = screen_->query_create(screen_, 256);
    const uint32 code[4] = {1, 2, 3, 4};
    struct svga_winsys_gb_shader* shader =
        context_->shader_create(context_, 9, SVGA3D_SHADERTYPE_VS, code, sizeof(code), nullptr, 0);
    const uint32 backing = fromGallium(surface)->bo()->handle();

    uint32 sid = 0, surfaceMob = 0, none = 0, noneMob = 0, mob = 0, offset = 0, shid = 0, shaderMob = 0,
           shaderOffset = 7, queryMob = 0, cid = 0;
    struct SVGAGuestPtr region = {};
    context_->reserve(context_, 4, 8);
    context_->surface_relocation(context_, &sid, &surfaceMob, surface, SVGA_RELOC_READ);
    context_->surface_relocation(context_, &none, &noneMob, nullptr, SVGA_RELOC_READ);
    context_->mob_relocation(context_, &mob, &offset, buffer, 32, SVGA_RELOC_READ);
    context_->mob_relocation(context_, nullptr, nullptr, buffer, 0, SVGA_RELOC_READ);
    context_->region_relocation(context_, &region, buffer, 64, SVGA_RELOC_READ);
    context_->shader_relocation(context_, &shid, &shaderMob, &shaderOffset, shader, SVGA_RELOC_READ);
    context_->query_relocation(context_, &queryMob, query);
    context_->context_relocation(context_, &cid);
    context_->commit(context_);

    EXPECT_EQ(sid, fromGallium(surface)->handle());
    EXPECT_EQ(surfaceMob, backing);
    EXPECT_EQ(none, uint32(SVGA3D_INVALID_ID));
    EXPECT_EQ(noneMob, uint32(SVGA3D_INVALID_ID));
    EXPECT_EQ(mob, fromGallium(buffer)->handle());
    EXPECT_EQ(offset, 32u);
    EXPECT_EQ(region.gmrId, mob);
    EXPECT_EQ(region.offset, 64u);
    EXPECT_EQ(shid, 9u);
    EXPECT_EQ(shaderMob, fromGallium(shader)->bo().handle());
    EXPECT_EQ(shaderOffset, 0u);
    EXPECT_EQ(queryMob, fromGallium(query)->bo().handle());
    EXPECT_EQ(cid, context_->cid);
    EXPECT_EQ(context_->num_surf_reloc, 1u);
    EXPECT_EQ(context_->num_shader_reloc, 1u);
    EXPECT_EQ(context_->get_command_buffer_size(context_), 4u);

    release(surface);
    screen_->buffer_destroy(screen_, buffer);
    screen_->query_destroy(screen_, query);
    context_->shader_destroy(context_, shader);
    EXPECT_EQ(state_->buffers.size(), 4u) << "the batch still uses them";
    EXPECT_EQ(context_->flush(context_, nullptr), PIPE_OK);
    EXPECT_EQ(state_->buffers.size(), 0u);
    EXPECT_EQ(context_->num_command_buffers, 1u);
}

TEST_F(GalliumTest, RebindingReferencesWithoutACommand) {
    struct svga_winsys_surface* surface = newBuffer();
    draw(surface);
    context_->flush(context_, nullptr);
    EXPECT_EQ(context_->resource_rebind(context_, surface, nullptr, SVGA_RELOC_READ), PIPE_OK);
    EXPECT_FALSE(screen_->surface_is_flushed(screen_, surface));
    EXPECT_EQ(context_->get_command_buffer_size(context_), 0u);
    context_->flush(context_, nullptr);
    EXPECT_TRUE(screen_->surface_is_flushed(screen_, surface));
    EXPECT_EQ(state_->executions.size(), 1u);
    release(surface);
}

TEST_F(GalliumTest, FullBatchesReserveNothing) {
    EXPECT_NE(context_->reserve(context_, CommandStream::kCapacity, 0), nullptr);
    context_->commit(context_);
    EXPECT_EQ(context_->reserve(context_, 4, 0), nullptr);
    EXPECT_NE(context_->resource_rebind(context_, nullptr, nullptr, 0), PIPE_ERROR_OUT_OF_MEMORY)
        << "that takes no room";
    context_->flush(context_, nullptr);
    EXPECT_NE(context_->reserve(context_, 4, 0), nullptr);
}

TEST_F(GalliumTest, TheDriversHintEndsBatchesOfMuchMemory) {
    std::vector<struct svga_winsys_surface*> surfaces;
    for (int i = 0; i < 4; ++i) {
        surfaces.push_back(newBuffer(8 << 20));
        draw(surfaces.back());
    }
    EXPECT_NE(context_->reserve(context_, 4, 0), nullptr);
    context_->hints |= SVGA_HINT_FLAG_CAN_PRE_FLUSH;
    EXPECT_EQ(context_->reserve(context_, 4, 0), nullptr);
    context_->flush(context_, nullptr);
    EXPECT_EQ(context_->hints, 0u);
    EXPECT_NE(context_->reserve(context_, 4, 0), nullptr);
    for (struct svga_winsys_surface* surface : surfaces)
        release(surface);
}

TEST_F(GalliumTest, FencesFollowTheFlush) {
    struct pipe_fence_handle* fence = nullptr;
    EXPECT_EQ(screen_->fence_finish(screen_, nullptr, OS_TIMEOUT_INFINITE, 0), 0);
    EXPECT_EQ(screen_->fence_signalled(screen_, nullptr, 0), 0);
    draw(nullptr);
    EXPECT_EQ(context_->flush(context_, &fence), PIPE_OK);
    ASSERT_NE(fence, nullptr);
    EXPECT_NE(screen_->fence_signalled(screen_, fence, 0), 0);
    EXPECT_NE(screen_->fence_finish(screen_, fence, 1000, 0), 0) << "the timeout counts";
    state_->pass(1);
    EXPECT_EQ(screen_->fence_finish(screen_, fence, OS_TIMEOUT_INFINITE, SVGA_FENCE_FLAG_QUERY), 0);
    EXPECT_EQ(screen_->fence_signalled(screen_, fence, 0), 0);
    EXPECT_EQ(screen_->fence_get_fd(screen_, fence, true), -1);
    screen_->fence_reference(screen_, &fence, nullptr);
    EXPECT_EQ(fence, nullptr);
}

TEST_F(GalliumTest, FailedWaitsAreNotSignals) {
    struct pipe_fence_handle* fence = nullptr;
    draw(nullptr);
    context_->flush(context_, &fence);
    state_->failNext(DRM_VMW_FENCE_WAIT, -EIO);
    EXPECT_NE(screen_->fence_finish(screen_, fence, OS_TIMEOUT_INFINITE, 0), 0);
    screen_->fence_reference(screen_, &fence, nullptr);
}

TEST_F(GalliumTest, FenceFilesGoOutAndComeIn) {
    state_->exportedFd = eventfd(1, EFD_CLOEXEC);
    const int exported = state_->exportedFd;
    context_->hints |= SVGA_HINT_FLAG_EXPORT_FENCE_FD;
    struct pipe_fence_handle* fence = nullptr;
    context_->flush(context_, &fence);
    EXPECT_EQ(context_->hints, 0u);
    EXPECT_EQ(screen_->fence_get_fd(screen_, fence, false), exported);
    const UniqueFd copy(screen_->fence_get_fd(screen_, fence, true));
    EXPECT_NE(copy.get(), exported);
    ASSERT_GE(copy.get(), 0);
    EXPECT_TRUE(fcntl(copy.get(), F_GETFD) & FD_CLOEXEC);

    struct pipe_fence_handle* imported = nullptr;
    screen_->fence_create_fd(screen_, &imported, copy.get());
    ASSERT_NE(imported, nullptr);
    EXPECT_EQ(screen_->fence_signalled(screen_, imported, 0), 0);
    EXPECT_EQ(screen_->fence_finish(screen_, imported, OS_TIMEOUT_INFINITE, 0), 0);
    EXPECT_EQ(screen_->fence_server_sync(screen_, &context_->imported_fence_fd, imported), 0);
    const int waiting = context_->imported_fence_fd;
    ASSERT_GE(waiting, 0);
    context_->flush(context_, nullptr);
    EXPECT_EQ(context_->imported_fence_fd, -1);
    EXPECT_EQ(state_->executions.back().arg.imported_fence_fd, waiting);
    EXPECT_EQ(fcntl(waiting, F_GETFD), -1);

    screen_->fence_reference(screen_, &imported, nullptr);
    screen_->fence_reference(screen_, &fence, nullptr);
    EXPECT_EQ(fcntl(exported, F_GETFD), -1);
    screen_->fence_create_fd(screen_, &imported, -1);
    EXPECT_EQ(imported, nullptr);
}

TEST_F(GalliumTest, OurOwnFencesNeedNoServerSync) {
    struct pipe_fence_handle* fence = nullptr;
    draw(nullptr);
    context_->flush(context_, &fence);
    EXPECT_EQ(screen_->fence_server_sync(screen_, &context_->imported_fence_fd, fence), 0);
    EXPECT_EQ(context_->imported_fence_fd, -1);
    screen_->fence_reference(screen_, &fence, nullptr);
}

TEST_F(GalliumTest, SurfacesAreSharedByHandleAndDescriptor) {
    struct svga_winsys_surface* surface =
        screen_->surface_create(screen_, 0, SVGA3D_B8G8R8A8_UNORM,
                                SVGA_SURFACE_USAGE_SHARED | SVGA_SURFACE_USAGE_SCANOUT, {64, 64, 1}, 1, 1, 0);
    ASSERT_NE(surface, nullptr);
    EXPECT_TRUE(unsigned(state_->surfaces.at(fromGallium(surface)->handle()).request.base.drm_surface_flags) &
                drm_vmw_surface_flag_scanout);
    for (const unsigned type : {WINSYS_HANDLE_TYPE_SHARED, WINSYS_HANDLE_TYPE_KMS, WINSYS_HANDLE_TYPE_FD}) {
        struct winsys_handle handle = {};
        handle.type = type;
        ASSERT_TRUE(screen_->surface_get_handle(screen_, surface, 256, &handle));
        EXPECT_EQ(handle.stride, 256u);
        EXPECT_EQ(handle.offset, 0u);
        const UniqueFd fd(type == WINSYS_HANDLE_TYPE_FD ? int(handle.handle) : -1);
        SVGA3dSurfaceFormat format = SVGA3D_FORMAT_INVALID;
        struct svga_winsys_surface* imported = screen_->surface_from_handle(screen_, &handle, &format);
        EXPECT_EQ(imported, surface);
        EXPECT_EQ(format, SVGA3D_B8G8R8A8_UNORM);
        release(imported);
    }
    struct winsys_handle handle = {};
    handle.type = WINSYS_HANDLE_TYPE_SHMID;
    EXPECT_FALSE(screen_->surface_get_handle(screen_, surface, 256, &handle));
    EXPECT_FALSE(screen_->surface_get_handle(screen_, nullptr, 256, &handle));
    release(surface);
}

TEST_F(GalliumTest, ImportsThatCannotBeSampledAreRefused) {
    const uint32_t mipmapped = state_->addForeignSurface(64, 2, false);
    SVGA3dSurfaceFormat format;
    struct winsys_handle handle = {};
    handle.type = WINSYS_HANDLE_TYPE_KMS;
    handle.handle = mipmapped;
    EXPECT_EQ(screen_->surface_from_handle(screen_, &handle, &format), nullptr);
    EXPECT_EQ(state_->surfaces.at(mipmapped).references, 1u);
    EXPECT_TRUE(state_->buffers.empty());
    state_->surfaces.erase(mipmapped);
    handle.offset = 4096;
    EXPECT_EQ(screen_->surface_from_handle(screen_, &handle, &format), nullptr);
    handle.offset = 0;
    handle.type = WINSYS_HANDLE_TYPE_SHMID;
    EXPECT_EQ(screen_->surface_from_handle(screen_, &handle, &format), nullptr);
}

TEST_F(GalliumTest, SizesAreChecked) {
    EXPECT_TRUE(screen_->surface_can_create(screen_, SVGA3D_B8G8R8A8_UNORM, {2048, 2048, 1}, 1, 1, 1));
    EXPECT_FALSE(screen_->surface_can_create(screen_, SVGA3D_B8G8R8A8_UNORM, {2048, 2048, 1}, 1, 2, 1));
    EXPECT_FALSE(screen_->surface_can_create(screen_, SVGA3D_B8G8R8A8_UNORM, {2048, 2048, 1}, 1, 1, 4));
    EXPECT_FALSE(screen_->surface_can_create(screen_, SVGA3D_B8G8R8A8_UNORM, {65536, 65536, 65536}, 65536, 1, 1));
    EXPECT_EQ(newBuffer(32 << 20), nullptr);
}

TEST_F(GalliumTest, BuffersMapForTheCpu) {
    struct svga_winsys_buffer* buffer = screen_->buffer_create(screen_, 16, 0, 4096);
    void* map = screen_->buffer_map(screen_, buffer, PIPE_MAP_WRITE);
    EXPECT_NE(map, nullptr);
    screen_->buffer_unmap(screen_, buffer);
    EXPECT_EQ(state_->syncs.size(), 1u);
    state_->busy = true;
    EXPECT_EQ(screen_->buffer_map(screen_, buffer, PIPE_MAP_READ | PIPE_MAP_DONTBLOCK), nullptr);
    EXPECT_EQ(screen_->buffer_map(screen_, buffer, PIPE_MAP_WRITE | PIPE_MAP_UNSYNCHRONIZED), map);
    EXPECT_EQ(state_->syncs.size(), 2u);
    screen_->buffer_destroy(screen_, buffer);
    state_->failNext(DRM_VMW_ALLOC_DMABUF, -ENOMEM);
    EXPECT_EQ(screen_->buffer_create(screen_, 16, 0, 4096), nullptr);
}

TEST_F(GalliumTest, QueriesReportTheirState) {
    struct svga_winsys_gb_query* query = screen_->query_create(screen_, 64);
    EXPECT_EQ(screen_->query_init(screen_, query, 16, SVGA3D_QUERYSTATE_NEW), 0);
    SVGA3dQueryState state = SVGA3D_QUERYSTATE_SUCCEEDED;
    uint32 result = 1;
    screen_->query_get_result(screen_, query, 16, &state, &result, sizeof(result));
    EXPECT_EQ(state, SVGA3D_QUERYSTATE_NEW);
    EXPECT_EQ(result, 0u);
    screen_->query_get_result(screen_, query, 64, &state, &result, sizeof(result));
    EXPECT_EQ(state, SVGA3D_QUERYSTATE_FAILED);
    EXPECT_NE(screen_->query_init(screen_, query, 64, SVGA3D_QUERYSTATE_NEW), 0);
    EXPECT_EQ(context_->query_bind(context_, query, SVGA_QUERY_FLAG_SET), PIPE_OK);
    screen_->query_destroy(screen_, query);
}

TEST_F(GalliumTest, HostLogAndStatisticsDoNoHarm) {
    screen_->host_log(screen_, "hello");
    EXPECT_EQ(state_->hostMessages, std::vector<std::string>{"log hello"});
    struct svga_winsys_stats_timeframe frame = {};
    screen_->stats_inc(screen_, SVGA_STATS_COUNT_SAMPLER);
    screen_->stats_time_push(screen_, SVGA_STATS_TIME_BLIT, &frame);
    screen_->stats_time_pop(screen_);
}

TEST_F(GalliumTest, ARefusedBatchEndsTheProgramWithALine) {
    draw(nullptr);
    EXPECT_DEATH(
        {
            state_->failNext(DRM_VMW_EXECBUF, -EIO);
            context_->flush(context_, nullptr);
        },
        "svga: the kernel refuses a batch of 12 bytes for context [0-9]+: Input/output error");
}

TEST(GalliumErrorTest, AnUnfitDeviceMakesNoScreenAndOneLine) {
    const auto state = std::make_shared<FakeState>();
    state->version = {2, 19};
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(createScreen(std::make_unique<FakeKernel>(state)), nullptr);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "svga: vmwgfx 2.20 or later is needed, the kernel has 2.19\n");
}

TEST(GalliumErrorTest, AFileThatIsNoDeviceMakesNoScreen) {
    const UniqueFd fd(open("/dev/null", O_RDWR | O_CLOEXEC));
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(svga_drm_winsys_screen_create(fd.get()), nullptr);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "svga: not a DRM device\n");
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(svga_drm_winsys_screen_create(-1), nullptr);
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("cannot duplicate"), std::string::npos);
}

} // namespace svga::winsys::test
