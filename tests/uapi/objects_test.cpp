// SPDX-License-Identifier: MIT
// What every vmwgfx with DX contexts does: objects, execution, fences, sharing.
#include "uapi_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include <cerrno>

namespace svga::uapi {
namespace {

class Objects : public UapiTest {
protected:
    Context context{node};
};

TEST_F(Objects, ParametersAreThoseOfADxDevice) {
    EXPECT_EQ(node.parameter(DRM_VMW_PARAM_3D), 1u);
    EXPECT_EQ(node.parameter(DRM_VMW_PARAM_DX), 1u);
    EXPECT_GT(node.parameter(DRM_VMW_PARAM_MAX_MOB_SIZE).value_or(0), 0u);
    const auto version = node.parameter(DRM_VMW_PARAM_DIRTY_TRACKING);
    EXPECT_TRUE(!version || *version >= 1) << "no parameter, or a version from 1 on";
}

TEST_F(Objects, CopiesGoFromMappingToMapping) {
    const Image from(node, 32);
    const Image to(node, 32);
    for (int round = 1; round <= 4; ++round) {
        for (uint64_t page = 0; page < 32; ++page)
            from.fill(page, static_cast<uint8_t>(page * 4 + round));
        Commands commands;
        commands.copy(to, 0, from, 0, 0, 32);
        ASSERT_EQ(context.run(commands), 0);
        for (uint64_t page = 0; page < 32; ++page)
            ASSERT_TRUE(to.holds(page, static_cast<uint8_t>(page * 4 + round)))
                << "round " << round << " page " << page;
    }
}

TEST_F(Objects, CopiesGoThroughTheDeviceAlone) {
    const Image first(node, 8);
    const Image second(node, 8);
    const Image third(node, 8);
    first.fill(3, 33);
    Commands commands;
    commands.copy(second, 0, first, 0, 0, 8);
    commands.copy(third, 0, second, 0, 0, 8);
    ASSERT_EQ(context.run(commands), 0);
    EXPECT_TRUE(third.holds(3, 33));
    EXPECT_TRUE(third.holds(4, 0));
}

TEST_F(Objects, LayersAreCopiedOneByOne) {
    const Image from(node, 4, 3);
    const Image to(node, 4, 3);
    for (uint64_t page = 0; page < 12; ++page)
        from.fill(page, static_cast<uint8_t>(page + 1));
    Commands commands;
    commands.copy(to, 2, from, 0, 0, 4);
    ASSERT_EQ(context.run(commands), 0);
    for (uint64_t page = 0; page < 8; ++page)
        EXPECT_TRUE(to.holds(page, 0));
    for (uint64_t page = 8; page < 12; ++page)
        EXPECT_TRUE(to.holds(page, static_cast<uint8_t>(page - 8 + 1)));
}

TEST_F(Objects, BuffersAreCopied) {
    const auto create = [this](uint32_t size) {
        drm_vmw_gb_surface_create_ext_arg arg{};
        arg.req.base.svga3d_flags = SVGA3D_SURFACE_BIND_VERTEX_BUFFER | SVGA3D_SURFACE_HINT_VERTEXBUFFER;
        arg.req.base.format = SVGA3D_BUFFER;
        arg.req.base.mip_levels = 1;
        arg.req.base.array_size = 1;
        arg.req.base.base_size = {size, 1, 1, 0};
        arg.req.base.buffer_handle = SVGA3D_INVALID_ID;
        arg.req.base.drm_surface_flags = static_cast<drm_vmw_surface_flags>(
            drm_vmw_surface_flag_shareable | drm_vmw_surface_flag_create_buffer | drm_vmw_surface_flag_coherent);
        arg.req.version = drm_vmw_gb_surface_v1;
        EXPECT_EQ(node.exchange(DRM_VMW_GB_SURFACE_CREATE_EXT, arg), 0);
        return arg.rep;
    };
    constexpr uint32_t kSize = 20000;
    const auto from = create(kSize);
    const auto to = create(kSize);
    const Mapping source(node, from.buffer_map_handle, kSize, PROT_READ | PROT_WRITE);
    const Mapping target(node, to.buffer_map_handle, kSize, PROT_READ | PROT_WRITE);
    for (uint32_t i = 0; i < kSize; ++i)
        source.data()[i] = static_cast<uint8_t>(i * 7 + 1);
    Commands commands;
    commands.add(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{to.handle, from.handle, 100, 0, 10000});
    ASSERT_EQ(context.run(commands), 0);
    EXPECT_EQ(target.data()[99], 0);
    for (uint32_t i = 0; i < 10000; ++i)
        ASSERT_EQ(target.data()[100 + i], static_cast<uint8_t>(i * 7 + 1)) << i;
    EXPECT_EQ(target.data()[10100], 0);
    for (const auto& surface : {from, to}) {
        drm_vmw_surface_arg arg{};
        arg.sid = static_cast<int32_t>(surface.handle);
        EXPECT_EQ(node.write(DRM_VMW_UNREF_SURFACE, arg), 0);
        EXPECT_EQ(node.write(DRM_VMW_UNREF_SURFACE, arg), -EINVAL);
        drm_vmw_handle_close_arg close{};
        close.handle = surface.buffer_handle;
        EXPECT_EQ(node.write(DRM_VMW_HANDLE_CLOSE, close), 0);
        EXPECT_EQ(node.write(DRM_VMW_HANDLE_CLOSE, close), -EINVAL);
    }
}

TEST_F(Objects, FencesSignalAndGoAway) {
    const Image from(node, 4);
    const Image to(node, 4);
    Commands commands;
    commands.copy(to, 0, from, 0, 0, 4);
    uint32_t fence = 0;
    ASSERT_EQ(context.submit(commands, fence), 0);
    ASSERT_EQ(waitForFence(node, fence), 0);
    drm_vmw_fence_signaled_arg signaled{};
    signaled.handle = fence;
    signaled.flags = DRM_VMW_FENCE_FLAG_EXEC;
    EXPECT_EQ(node.exchange(DRM_VMW_FENCE_SIGNALED, signaled), 0);
    EXPECT_EQ(signaled.signaled, 1);
    EXPECT_EQ(waitForFence(node, fence, 0), 0);
    EXPECT_EQ(unrefFence(node, fence), 0);
    EXPECT_EQ(unrefFence(node, fence), -EINVAL);
    EXPECT_EQ(waitForFence(node, fence, 0), -EINVAL);
}

TEST_F(Objects, ASurfaceIsTheSameThroughADescriptor) {
    const Image image(node, 8);
    image.fill(5, 55);
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
    EXPECT_EQ(arg.rep.creq.base.format, static_cast<uint32_t>(SVGA3D_R8_UNORM));
    EXPECT_EQ(arg.rep.creq.base.base_size.width, kPage);
    EXPECT_EQ(arg.rep.creq.base.base_size.height, 8u);
    EXPECT_EQ(arg.rep.crep.backup_size, 8 * kPage);
    if (node.parameter(DRM_VMW_PARAM_DIRTY_TRACKING)) {
        EXPECT_NE(static_cast<uint32_t>(arg.rep.creq.base.drm_surface_flags) & drm_vmw_surface_flag_coherent, 0u)
            << "who imports a surface learns that it is coherent";
    }
    const Mapping mapping(other, arg.rep.crep.buffer_map_handle, 8 * kPage, PROT_READ | PROT_WRITE);
    EXPECT_EQ(mapping.data()[5 * kPage], 55);
    mapping.data()[6 * kPage] = 66;
    EXPECT_EQ(image.page(6)[0], 66);
}

TEST_F(Objects, CpuAccessIsGrantedAndReleased) {
    const Buffer buffer(node, 4096);
    drm_vmw_synccpu_arg arg{};
    arg.op = drm_vmw_synccpu_grab;
    arg.handle = buffer.handle();
    arg.flags = static_cast<drm_vmw_synccpu_flags>(drm_vmw_synccpu_read | drm_vmw_synccpu_write);
    EXPECT_EQ(node.write(DRM_VMW_SYNCCPU, arg), 0);
    arg.op = drm_vmw_synccpu_release;
    EXPECT_EQ(node.write(DRM_VMW_SYNCCPU, arg), 0);
}

} // namespace
} // namespace svga::uapi
