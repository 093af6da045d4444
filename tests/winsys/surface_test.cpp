// SPDX-License-Identifier: MIT
#include "winsys_fixture.h"

#include "gallium/winsys/svga/core/surface.h"

#include <svga3d_dx.h>
#include <svga3d_types.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace svga::winsys::test {

namespace {

constexpr unsigned kCoherent =
    drm_vmw_surface_flag_shareable | drm_vmw_surface_flag_create_buffer | drm_vmw_surface_flag_coherent;

SurfaceDesc texture(uint32_t width, uint32_t height, uint32_t format = SVGA3D_B8G8R8A8_UNORM) {
    SurfaceDesc desc;
    desc.format = format;
    desc.width = width;
    desc.height = height;
    return desc;
}

SurfaceDesc buffer(uint32_t bytes, uint64_t flags = 0) {
    SurfaceDesc desc = texture(bytes, 1, SVGA3D_BUFFER);
    desc.flags = flags;
    return desc;
}

class SurfaceTest : public WinsysTest {
protected:
    const drm_vmw_gb_surface_create_ext_req& request(const Surface& surface) {
        return state_->surfaces.at(surface.handle()).request;
    }
    std::vector<uint8_t>& bytes(const Surface& surface) { return state_->surfaces.at(surface.handle()).memory->bytes; }
};

} // namespace

TEST(BackingSizeTest, CountsEveryImage) {
    EXPECT_EQ(backingSize(buffer(1000)), 1000u);
    EXPECT_EQ(backingSize(texture(16, 16)), 1024u);
    SurfaceDesc desc = texture(16, 4);
    desc.mipLevels = 5; // 16x4, 8x2, 4x1, 2x1, 1x1
    EXPECT_EQ(backingSize(desc), 4u * (64 + 16 + 4 + 2 + 1));
    desc.layers = 6;
    EXPECT_EQ(backingSize(desc), 4u * 87 * 6);
    desc = texture(16, 16);
    desc.depth = 3;
    EXPECT_EQ(backingSize(desc), 3072u);
    desc = texture(16, 16);
    desc.sampleCount = 4;
    EXPECT_EQ(backingSize(desc), 4096u);
}

TEST(BackingSizeTest, RoundsUpToBlocks) {
    EXPECT_EQ(backingSize(texture(5, 5, SVGA3D_BC1_UNORM)), 2u * 2 * 8);
    EXPECT_EQ(backingSize(texture(1, 1, SVGA3D_BC3_UNORM)), 16u);
}

TEST(BackingSizeTest, StreamOutputTargetsEndWithTheirPosition) {
    EXPECT_EQ(backingSize(buffer(1000, SVGA3D_SURFACE_BIND_STREAM_OUTPUT)), 1000 + sizeof(SVGA3dDXSOState));
}

TEST(BackingSizeTest, DoesNotOverflow) {
    SurfaceDesc desc = texture(~0u, ~0u);
    desc.depth = ~0u;
    desc.layers = ~0u;
    EXPECT_EQ(backingSize(desc), std::numeric_limits<uint64_t>::max());
    desc.mipLevels = ~0u;
    EXPECT_EQ(backingSize(desc), std::numeric_limits<uint64_t>::max());
    EXPECT_EQ(backingSize(texture(4, 4, 0xffff)), 0u);
}

TEST_F(SurfaceTest, EverySurfaceIsCoherent) {
    SurfaceDesc desc = texture(64, 32);
    desc.flags = SVGA3D_SURFACE_BIND_RENDER_TARGET | SVGA3D_SURFACE_MULTISAMPLE;
    desc.layers = 3;
    desc.mipLevels = 1;
    desc.sampleCount = 4;
    const Ref<Surface> surface = Surface::create(*device_, desc);
    const drm_vmw_gb_surface_create_ext_req& asked = request(*surface);
    EXPECT_EQ(unsigned(asked.base.drm_surface_flags), kCoherent);
    EXPECT_EQ(asked.version, drm_vmw_gb_surface_v1);
    EXPECT_EQ(uint64_t(asked.svga3d_flags_upper_32_bits) << 32 | asked.base.svga3d_flags, desc.flags);
    EXPECT_EQ(asked.base.format, desc.format);
    EXPECT_EQ(asked.base.base_size.width, 64u);
    EXPECT_EQ(asked.base.base_size.height, 32u);
    EXPECT_EQ(asked.base.base_size.depth, 1u);
    EXPECT_EQ(asked.base.array_size, 3u);
    EXPECT_EQ(asked.base.mip_levels, 1u);
    EXPECT_EQ(asked.base.multisample_count, 4u);
    EXPECT_EQ(asked.base.buffer_handle, uint32_t(SVGA3D_INVALID_ID));
    EXPECT_EQ(asked.multisample_pattern, uint32_t(SVGA3D_MS_PATTERN_STANDARD));
    EXPECT_EQ(asked.quality_level, uint32_t(SVGA3D_MS_QUALITY_FULL));
    EXPECT_EQ(asked.buffer_byte_stride, 0u);
    EXPECT_EQ(asked.must_be_zero, 0u);
    EXPECT_TRUE(surface->isCoherent());
}

TEST_F(SurfaceTest, ScanoutIsAskedFor) {
    SurfaceDesc desc = texture(64, 32);
    desc.scanout = true;
    const Ref<Surface> surface = Surface::create(*device_, desc);
    EXPECT_EQ(unsigned(request(*surface).base.drm_surface_flags), kCoherent | drm_vmw_surface_flag_scanout);
    EXPECT_EQ(request(*surface).multisample_pattern, uint32_t(SVGA3D_MS_PATTERN_NONE));
}

TEST_F(SurfaceTest, RefusesWhatTheDeviceCannotHold) {
    EXPECT_THROW(Surface::create(*device_, buffer((16u << 20) + 1)), std::exception);
    EXPECT_THROW(Surface::create(*device_, texture(~0u, ~0u)), std::exception);
    EXPECT_THROW(Surface::create(*device_, texture(4, 4, 0xffff)), std::exception);
    SurfaceDesc desc = texture(4, 4);
    desc.flags = SVGA3D_SURFACE_MULTISAMPLE;
    EXPECT_THROW(Surface::create(*device_, desc), std::exception);
    EXPECT_EQ(calls(DRM_VMW_GB_SURFACE_CREATE_EXT), 0u);
    EXPECT_NO_THROW(Surface::create(*device_, buffer(16u << 20)));
}

TEST_F(SurfaceTest, ReportsWhatTheKernelSays) {
    state_->failNext(DRM_VMW_GB_SURFACE_CREATE_EXT, -ENOMEM);
    EXPECT_EQ(errorOf([&] { Surface::create(*device_, buffer(256)); }),
              "cannot create a surface of 256 bytes: Cannot allocate memory");
}

TEST_F(SurfaceTest, CoherentMapsWaitButHoldNothing) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(8192));
    void* address = surface->map({.write = true});
    EXPECT_EQ(address, bytes(*surface).data());
    ASSERT_EQ(state_->syncs.size(), 1u);
    EXPECT_EQ(unsigned(state_->syncs[0].flags),
              unsigned(drm_vmw_synccpu_read | drm_vmw_synccpu_write | drm_vmw_synccpu_allow_cs));
    EXPECT_EQ(state_->syncs[0].handle, surface->bo()->handle());
    surface->unmap();
    EXPECT_EQ(state_->syncs.size(), 1u);
    EXPECT_EQ(surface->map({}), address) << "it stayed mapped";
    EXPECT_EQ(state_->surfaces.at(surface->handle()).memory->mappings, 1);
    surface->unmap();
}

TEST_F(SurfaceTest, UnsynchronizedMapsDoNotWait) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(8192));
    state_->busy = true;
    EXPECT_NE(surface->map({.write = true, .unsynchronized = true}), nullptr);
    surface->unmap();
    EXPECT_EQ(calls(DRM_VMW_SYNCCPU), 0u);
    EXPECT_EQ(surface->map({.dontBlock = true}), nullptr);
}

TEST_F(SurfaceTest, ForeignSurfacesAreHeldWhileMapped) {
    const uint32_t handle = state_->addForeignSurface(16, 1, false);
    const Ref<Surface> surface = Surface::import(*device_, {SharedHandle::Type::Kernel, handle});
    EXPECT_FALSE(surface->isCoherent());
    EXPECT_EQ(surface->format(), uint32_t(SVGA3D_B8G8R8A8_UNORM));

    EXPECT_NE(surface->map({.write = true}), nullptr);
    EXPECT_NE(surface->map({.unsynchronized = true}), nullptr);
    ASSERT_EQ(state_->syncs.size(), 1u);
    EXPECT_EQ(unsigned(state_->syncs[0].flags), unsigned(drm_vmw_synccpu_read | drm_vmw_synccpu_write));
    surface->unmap();
    EXPECT_EQ(state_->syncs.size(), 1u) << "one mapping is left that may be the one that writes";
    surface->unmap();
    ASSERT_EQ(state_->syncs.size(), 2u);
    EXPECT_EQ(state_->syncs[1].op, drm_vmw_synccpu_release);
    EXPECT_EQ(state_->syncs[1].flags, state_->syncs[0].flags);
    surface->unmap();
    EXPECT_EQ(state_->syncs.size(), 2u) << "one unmap too many releases nothing";
    state_->surfaces.at(handle).references = 1; // the other process lets go
}

TEST_F(SurfaceTest, AKernelThatTellsMakesImportsCoherent) {
    const uint32_t handle = state_->addForeignSurface(16, 1, true);
    const Ref<Surface> surface = Surface::import(*device_, {SharedHandle::Type::Kernel, handle});
    EXPECT_TRUE(surface->isCoherent());
    state_->surfaces.at(handle).references = 1;
}

TEST_F(SurfaceTest, AnImportOfOurOwnIsTheSameObject) {
    Ref<Surface> surface = Surface::create(*device_, texture(16, 16));
    {
        const Ref<Surface> byHandle =
            Surface::import(*device_, {SharedHandle::Type::Kernel, surface->exportKernelHandle()});
        EXPECT_EQ(byHandle.get(), surface.get());
        EXPECT_TRUE(byHandle->isCoherent());
    }
    const UniqueFd fd = surface->exportPrime();
    Ref<Surface> byFd = Surface::import(*device_, {SharedHandle::Type::Prime, uint32_t(fd.get())});
    EXPECT_EQ(byFd.get(), surface.get());
    EXPECT_EQ(state_->surfaces.at(surface->handle()).references, 1u);
    EXPECT_EQ(state_->buffers.size(), 1u) << "the import's own buffer handle is closed";
    surface = {};
    EXPECT_EQ(state_->surfaces.size(), 1u);
    EXPECT_NE(byFd->map({}), nullptr);
    byFd->unmap();
}

TEST_F(SurfaceTest, ImportErrorsNameTheHandle) {
    EXPECT_EQ(errorOf([&] {
                  Surface::import(*device_, {SharedHandle::Type::Kernel, 77});
              }),
              "cannot import the surface of handle 77: Invalid argument");
    EXPECT_EQ(errorOf([&] {
                  Surface::import(*device_, {SharedHandle::Type::Prime, 78});
              }),
              "cannot import the surface of file descriptor 78: Invalid argument");
}

TEST_F(SurfaceTest, ZeroingANewSurfaceTouchesNothing) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(8192));
    surface->renew(8192);
    EXPECT_EQ(calls(DRM_VMW_SYNCCPU), 0u);
    EXPECT_EQ(state_->surfaces.at(surface->handle()).memory->mappings, 0);
}

TEST_F(SurfaceTest, ZeroingAUsedSurfaceZeroesWhatIsAsked) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(100, SVGA3D_SURFACE_BIND_STREAM_OUTPUT));
    surface->map({.write = true});
    surface->unmap();
    std::fill(bytes(*surface).begin(), bytes(*surface).end(), 0xee);
    surface->renew(10);
    std::vector<uint8_t> expected(116, 0xee);
    std::fill_n(expected.begin(), 10, 0);
    std::fill_n(expected.begin() + 100, sizeof(SVGA3dDXSOState), 0); // the stream-output position
    EXPECT_EQ(bytes(*surface), expected);
    surface->renew(~uint64_t(0));
    EXPECT_EQ(bytes(*surface), std::vector<uint8_t>(116, 0));
}

TEST_F(SurfaceTest, AReadOnlyMapLeavesANewSurfaceNew) {
    const Ref<Surface> surface = Surface::create(*device_, buffer(4096));
    surface->map({});
    surface->unmap();
    surface->renew(4096);
    EXPECT_EQ(calls(DRM_VMW_SYNCCPU), 1u);
}

} // namespace svga::winsys::test
