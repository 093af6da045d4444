// SPDX-License-Identifier: MIT
#include "embedded_device.h"

#include "shim/kernel/shared_files.h"

#include <fcntl.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <cerrno>
#include <fstream>
#include <thread>

namespace svga::shim {
namespace {

using test::EmbeddedDevice;

class DeviceFileTest : public ::testing::Test {
protected:
    EmbeddedDevice device;

    int parameter(uint32_t which, uint64_t* value = nullptr) {
        drm_vmw_getparam_arg arg{};
        arg.param = which;
        const int result = device.command(DRM_VMW_GET_PARAM, arg);
        if (value != nullptr)
            *value = arg.value;
        return result;
    }

    CommandStream nop() {
        CommandStream commands;
        const SVGA3dCmdHeader header{SVGA_3D_CMD_NOP, 0};
        commands.append(&header, sizeof(header));
        return commands;
    }
};

TEST_F(DeviceFileTest, SaysItIsVmwgfx) {
    char name[16] = {};
    drm_version version{};
    version.name = name;
    version.name_len = sizeof(name);
    ASSERT_EQ(device.file->ioctl(DRM_IOCTL_VERSION, &version), 0);
    EXPECT_STREQ(name, "vmwgfx");
    EXPECT_EQ(version.name_len, 6u);
    EXPECT_EQ(version.version_major, 2);
    EXPECT_EQ(version.version_minor, 20);
}

TEST_F(DeviceFileTest, AnswersParametersFromTheDevice) {
    uint64_t value = 0;
    ASSERT_EQ(parameter(DRM_VMW_PARAM_DX, &value), 0);
    EXPECT_EQ(value, 1u);
    ASSERT_EQ(parameter(DRM_VMW_PARAM_HW_CAPS, &value), 0);
    EXPECT_EQ(value, device.kernel->capabilities().capabilities);
    ASSERT_EQ(parameter(DRM_VMW_PARAM_3D_CAPS_SIZE, &value), 0);
    EXPECT_EQ(value, SVGA3D_DEVCAP_MAX * sizeof(uint32_t));
    EXPECT_EQ(parameter(DRM_VMW_PARAM_USER_SRF), -EINVAL);
    EXPECT_EQ(parameter(1000), -EINVAL);

    std::vector<uint32_t> devcaps(SVGA3D_DEVCAP_MAX, 0xdddddddd);
    drm_vmw_get_3d_cap_arg arg{};
    arg.buffer = reinterpret_cast<uint64_t>(devcaps.data());
    arg.max_size = static_cast<uint32_t>(10 * sizeof(uint32_t));
    ASSERT_EQ(device.command(DRM_VMW_GET_3D_CAP, arg), 0);
    EXPECT_EQ(devcaps[0], device.kernel->capabilities().devcaps[0]);
    EXPECT_EQ(devcaps[10], 0xdddddddd); // no more than was asked for
}

TEST_F(DeviceFileTest, RefusesWhatItDoesNotHave) {
    uint64_t argument[64] = {};
    const auto driver = [&](unsigned number) {
        return device.file->ioctl(_IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, DRM_COMMAND_BASE + number, 64),
                                  argument);
    };
    EXPECT_EQ(driver(DRM_VMW_CREATE_SURFACE), -EINVAL);
    EXPECT_EQ(driver(DRM_VMW_CREATE_CONTEXT), -EINVAL);
    EXPECT_EQ(driver(DRM_VMW_CREATE_SHADER), -EINVAL);
    EXPECT_EQ(driver(DRM_VMW_CLAIM_STREAM), -EINVAL);
    EXPECT_EQ(driver(DRM_VMW_MKSSTAT_ADD), -ENOSYS);
    EXPECT_EQ(driver(DRM_VMW_MSG), -ENOSYS);
    EXPECT_EQ(driver(0x3f), -EINVAL);
    EXPECT_EQ(device.file->ioctl(0x5401 /* TCGETS */, argument), -ENOTTY);
    EXPECT_EQ(device.file->ioctl(DRM_IOCTL_MODE_GETRESOURCES, argument), -EACCES); // a render node
    EXPECT_EQ(device.file->ioctl(DRM_IOCTL_GET_MAGIC, argument), -EACCES);
    drm_get_cap cap{DRM_CAP_SYNCOBJ, 7};
    EXPECT_EQ(device.file->ioctl(DRM_IOCTL_GET_CAP, &cap), 0);
    EXPECT_EQ(cap.value, 0u);
    cap.capability = 0x7777;
    EXPECT_EQ(device.file->ioctl(DRM_IOCTL_GET_CAP, &cap), -EOPNOTSUPP);
    EXPECT_EQ(device.file->ioctl(DRM_IOCTL_VERSION, nullptr), -EFAULT);
}

TEST_F(DeviceFileTest, BuffersHaveZeroedMemoryOfTheirOwn) {
    drm_vmw_alloc_bo_arg arg{};
    arg.req.size = 5000;
    ASSERT_EQ(device.command(DRM_VMW_ALLOC_BO, arg), 0);
    const auto reply = arg.rep;
    {
        test::Mapping memory(*device.kernel, *device.file, reply.map_handle, 5000);
        for (int i = 0; i < 5000; ++i)
            ASSERT_EQ(memory[i], 0);
        memory[4999] = 1;
    }
    EXPECT_LT(device.file->mapOffset(reply.map_handle, 8193), 0);     // beyond its pages
    EXPECT_LT(device.file->mapOffset(reply.map_handle + 8192, 1), 0); // somebody else's, or nobody's
    EXPECT_LT(device.file->mapOffset(UINT64_MAX - 4095, 4096), 0);
    drm_vmw_handle_close_arg close{};
    close.handle = reply.handle;
    EXPECT_EQ(device.command(DRM_VMW_HANDLE_CLOSE, close), 0);
    EXPECT_EQ(device.command(DRM_VMW_HANDLE_CLOSE, close), -EINVAL);
    EXPECT_LT(device.file->mapOffset(reply.map_handle, 1), 0);
    arg = {};
    EXPECT_EQ(device.command(DRM_VMW_ALLOC_BO, arg), -EINVAL);
}

TEST_F(DeviceFileTest, RefusesSurfacesThatCannotBe) {
    drm_vmw_gb_surface_create_ext_arg good{};
    good.req.base.format = SVGA3D_R8G8B8A8_UNORM;
    good.req.base.base_size = {16, 16, 1, 0};
    good.req.base.mip_levels = 1;
    good.req.base.array_size = 1;
    good.req.base.buffer_handle = SVGA3D_INVALID_ID;
    good.req.base.drm_surface_flags = drm_vmw_surface_flag_create_buffer;
    auto arg = good;
    ASSERT_EQ(device.command(DRM_VMW_GB_SURFACE_CREATE_EXT, arg), 0);
    EXPECT_EQ(arg.rep.backup_size, 16u * 16 * 4);
    const auto refused = [&](auto change) {
        auto bad = good;
        change(bad.req);
        return device.command(DRM_VMW_GB_SURFACE_CREATE_EXT, bad);
    };
    EXPECT_EQ(refused([](auto& r) { r.base.format = 100000; }), -EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.base.base_size.width = 0; }), -EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.base.mip_levels = 0; }), -EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.base.base_size = {1u << 30, 1u << 30, 1, 0}; }), -EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.base.buffer_handle = 0x999; }), -ESRCH);
    EXPECT_EQ(refused([](auto& r) { r.must_be_zero = 1; }), -EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.version = static_cast<drm_vmw_surface_version>(3); }), -EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.base.drm_surface_flags = static_cast<drm_vmw_surface_flags>(0x40); }), -EINVAL);

    drm_vmw_alloc_bo_arg small{};
    small.req.size = 64;
    ASSERT_EQ(device.command(DRM_VMW_ALLOC_BO, small), 0);
    EXPECT_EQ(refused([&](auto& r) { r.base.buffer_handle = small.rep.handle; }), -EINVAL); // does not fit
}

TEST_F(DeviceFileTest, FencesPassAndAreCounted) {
    drm_vmw_fence_rep fence{};
    ASSERT_EQ(device.execute(nop(), SVGA3D_INVALID_ID, &fence), 0);
    EXPECT_EQ(fence.error, 0);
    EXPECT_EQ(device.wait(fence), 0);
    drm_vmw_fence_signaled_arg query{};
    query.handle = fence.handle;
    query.flags = DRM_VMW_FENCE_FLAG_EXEC;
    ASSERT_EQ(device.command(DRM_VMW_FENCE_SIGNALED, query), 0);
    EXPECT_EQ(query.signaled, 1);
    EXPECT_GE(query.passed_seqno, fence.seqno);
    drm_vmw_fence_arg unref{fence.handle, 0};
    EXPECT_EQ(device.command(DRM_VMW_FENCE_UNREF, unref), 0);
    EXPECT_EQ(device.command(DRM_VMW_FENCE_UNREF, unref), -EINVAL);
    EXPECT_EQ(device.wait(fence), -EINVAL);
    EXPECT_EQ(device.counters->submits.load(), 1u);
}

TEST_F(DeviceFileTest, RefusesBadExecutions) {
    EXPECT_EQ(device.execute(nop(), 0x12345), -EINVAL); // no such context
    drm_vmw_execbuf_arg arg{};
    arg.version = 3;
    arg.context_handle = SVGA3D_INVALID_ID;
    EXPECT_EQ(device.command(DRM_VMW_EXECBUF, arg), -EINVAL);
    arg.version = 2;
    arg.flags = 4;
    EXPECT_EQ(device.command(DRM_VMW_EXECBUF, arg), -EINVAL);
    arg.flags = 0;
    arg.command_size = 5u << 20;
    EXPECT_EQ(device.command(DRM_VMW_EXECBUF, arg), -EINVAL);
    EXPECT_EQ(device.counters->submits.load(), 0u);
}

TEST_F(DeviceFileTest, FenceDescriptorsArePolledMergedAndDescribed) {
    const auto exported = [&] {
        const auto commands = nop();
        drm_vmw_fence_rep reply{};
        drm_vmw_execbuf_arg arg{};
        arg.commands = reinterpret_cast<uint64_t>(commands.bytes().data());
        arg.command_size = static_cast<uint32_t>(commands.size());
        arg.fence_rep = reinterpret_cast<uint64_t>(&reply);
        arg.version = 2;
        arg.flags = DRM_VMW_EXECBUF_FLAG_EXPORT_FENCE_FD;
        arg.context_handle = SVGA3D_INVALID_ID;
        EXPECT_EQ(device.command(DRM_VMW_EXECBUF, arg), 0);
        return reply.fd;
    };
    const int first = exported();
    const int second = exported();
    ASSERT_GE(first, 0);
    ASSERT_GE(second, 0);
    sync_merge_data merge{};
    merge.fd2 = second;
    ASSERT_EQ(device.descriptors.find(first)->ioctl(SYNC_IOC_MERGE, &merge), 0);
    pollfd event{merge.fence, POLLIN, 0};
    EXPECT_EQ(::poll(&event, 1, 20000), 1);
    EXPECT_EQ(event.revents, POLLIN);
    sync_fence_info detail{};
    sync_file_info info{};
    info.num_fences = 1;
    info.sync_fence_info = reinterpret_cast<uint64_t>(&detail);
    ASSERT_EQ(device.descriptors.find(merge.fence)->ioctl(SYNC_IOC_FILE_INFO, &info), 0);
    EXPECT_EQ(info.status, 1);
    EXPECT_EQ(info.num_fences, 1u);
    EXPECT_STREQ(detail.driver_name, "vmwgfx");
    merge.fd2 = 0; // standard input is no fence
    EXPECT_EQ(device.descriptors.find(first)->ioctl(SYNC_IOC_MERGE, &merge), -EINVAL);
    for (int fd : {first, second, merge.fence}) {
        device.descriptors.remove(fd);
        ::close(fd);
    }
}

TEST_F(DeviceFileTest, HandlesArePerFileAndSharedByPrime) {
    const auto surface = device.createSurface(SVGA3D_B8G8R8A8_UNORM, {64, 64, 1, 0}, 1, 1, 0);
    auto other = device.open();
    drm_vmw_gb_surface_reference_ext_arg reference{};
    reference.req.sid = static_cast<int32_t>(surface.handle);
    reference.req.handle_type = DRM_VMW_HANDLE_LEGACY;
    EXPECT_EQ(device.command(DRM_VMW_GB_SURFACE_REF_EXT, reference, other.get()), -EINVAL);

    drm_prime_handle prime{surface.handle, DRM_CLOEXEC, -1};
    ASSERT_EQ(device.file->ioctl(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
    ASSERT_GE(prime.fd, 0);
    reference = {};
    reference.req.sid = prime.fd;
    reference.req.handle_type = DRM_VMW_HANDLE_PRIME;
    ASSERT_EQ(device.command(DRM_VMW_GB_SURFACE_REF_EXT, reference, other.get()), 0);
    EXPECT_EQ(reference.rep.creq.base.format, static_cast<uint32_t>(SVGA3D_B8G8R8A8_UNORM));
    EXPECT_EQ(reference.rep.creq.base.base_size.width, 64u);
    EXPECT_EQ(reference.rep.creq.base.mip_levels, 1u);
    EXPECT_EQ(reference.rep.crep.buffer_map_handle, surface.mapHandle);
    // It is one more name for the same memory, which outlives the first.
    drm_vmw_surface_arg unref{};
    unref.sid = static_cast<int32_t>(surface.handle);
    EXPECT_EQ(device.command(DRM_VMW_UNREF_SURFACE, unref), 0);
    EXPECT_EQ(device.command(DRM_VMW_UNREF_SURFACE, unref), -EINVAL);
    EXPECT_GE(other->mapOffset(reference.rep.crep.buffer_map_handle, 4096), 0);
    device.descriptors.remove(prime.fd);
    ::close(prime.fd);
}

TEST_F(DeviceFileTest, SyncCpuWaitsAndKeepsOut) {
    drm_vmw_alloc_bo_arg bo{};
    bo.req.size = 4096;
    ASSERT_EQ(device.command(DRM_VMW_ALLOC_BO, bo), 0);
    const auto surface = device.createBuffer(4096);
    CommandStream bind;
    bind.add(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{surface.handle, bo.rep.handle});
    const auto sync = [&](drm_vmw_synccpu_op op, uint32_t flags) {
        drm_vmw_synccpu_arg arg{};
        arg.op = op;
        arg.flags = static_cast<drm_vmw_synccpu_flags>(flags);
        arg.handle = bo.rep.handle;
        return device.command(DRM_VMW_SYNCCPU, arg);
    };
    EXPECT_EQ(sync(drm_vmw_synccpu_grab, 0), -EINVAL);
    EXPECT_EQ(sync(drm_vmw_synccpu_grab, 0x100 | drm_vmw_synccpu_read), -EINVAL);
    ASSERT_EQ(sync(drm_vmw_synccpu_grab, drm_vmw_synccpu_write), 0);
    EXPECT_EQ(device.execute(bind), -EBUSY);
    ASSERT_EQ(sync(drm_vmw_synccpu_release, drm_vmw_synccpu_write), 0);
    EXPECT_EQ(device.execute(bind), 0);
    EXPECT_EQ(sync(drm_vmw_synccpu_grab, drm_vmw_synccpu_read | drm_vmw_synccpu_allow_cs), 0);
    EXPECT_EQ(device.execute(bind), 0);
}

TEST_F(DeviceFileTest, ContextsGrowTheirTables) {
    drm_vmw_extended_context_arg arg{};
    arg.req = drm_vmw_context_legacy;
    EXPECT_EQ(device.command(DRM_VMW_CREATE_EXTENDED_CONTEXT, arg), -EINVAL);
    arg.req = drm_vmw_context_dx;
    ASSERT_EQ(device.command(DRM_VMW_CREATE_EXTENDED_CONTEXT, arg), 0);
    const auto context = static_cast<uint32_t>(arg.rep.cid);
    for (uint32_t id : {0u, 511u, 512u, 5000u}) {
        CommandStream define;
        SVGA3dCmdDXDefineSamplerState sampler{};
        sampler.samplerId = id;
        sampler.addressU = sampler.addressV = sampler.addressW = SVGA3D_TEX_ADDRESS_WRAP;
        define.add(SVGA_3D_CMD_DX_DEFINE_SAMPLER_STATE, sampler);
        device.run(define, context);
    }
    drm_vmw_context_arg unref{};
    unref.cid = static_cast<int32_t>(context);
    EXPECT_EQ(device.command(DRM_VMW_UNREF_CONTEXT, unref), 0);
    EXPECT_EQ(device.command(DRM_VMW_UNREF_CONTEXT, unref), -EINVAL);
}

TEST_F(DeviceFileTest, AHangUpOfTheDeviceEndsEveryWait) {
    auto surface = device.createBuffer(4096);
    auto mapping = device.map(surface);
    // The process is gone: as if killed.
    ::shutdown(device.kernel->socketFd(), SHUT_RDWR);
    drm_vmw_fence_rep fence{};
    const int result = device.execute(nop(), SVGA3D_INVALID_ID, &fence);
    EXPECT_TRUE(result == -EIO || (result == 0 && device.wait(fence) == -EIO)) << result;
    for (int i = 0; i < 500 && !device.kernel->lost(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(device.kernel->lost());
    EXPECT_EQ(device.execute(nop()), -EIO);
    (*mapping)[0] = 1; // memory stays
}

} // namespace
} // namespace svga::shim
