// SPDX-License-Identifier: MIT
// Each way to call an ioctl wrongly, and the errno it has to fail with.
#include "uapi_test.h"

#include <sys/mman.h>
#include <xf86drm.h>

#include <cerrno>
#include <functional>

namespace svga::uapi {
namespace {

constexpr uint32_t kDead = 0x7ffffff0; ///< a handle that nobody has
constexpr uint64_t kNowhere = 0x10000; ///< nothing is mapped there

struct Case {
    const char* what;
    int expected;
    std::function<int()> call;
};

class BadInput : public UapiTest {
protected:
    static void expect(const std::vector<Case>& cases) {
        for (const Case& one : cases)
            EXPECT_EQ(one.call(), one.expected) << one.what;
    }

    /// An ioctl whose argument, of type T, \p change makes wrong.
    template <typename T>
    std::function<int()> exchange(unsigned index, std::function<void(T&)> change) {
        return [=, this] {
            T arg{};
            change(arg);
            return node.exchange(index, arg);
        };
    }
    template <typename T>
    std::function<int()> write(unsigned index, std::function<void(T&)> change) {
        return [=, this] {
            T arg{};
            change(arg);
            return node.write(index, arg);
        };
    }
    std::function<int()> nullArgument(unsigned direction, unsigned index, std::size_t size) {
        return [=, this] { return node.command(direction, index, nullptr, size); };
    }
};

TEST_F(BadInput, Parameters) {
    std::vector<uint32_t> devcaps(1024);
    using Param = drm_vmw_getparam_arg;
    using Cap = drm_vmw_get_3d_cap_arg;
    expect({
        {"unknown parameter", -EINVAL, exchange<Param>(DRM_VMW_GET_PARAM, [](auto& arg) { arg.param = 0x7fffffff; })},
        {"no argument", -EFAULT, nullArgument(_IOC_READ | _IOC_WRITE, DRM_VMW_GET_PARAM, sizeof(Param))},
        {"capabilities: padding", -EINVAL,
         write<Cap>(DRM_VMW_GET_3D_CAP,
                    [&](auto& arg) {
                        arg.buffer = reinterpret_cast<uintptr_t>(devcaps.data());
                        arg.max_size = 16;
                        arg.pad64 = 1;
                    })},
        {"capabilities: no room", -EINVAL,
         write<Cap>(DRM_VMW_GET_3D_CAP, [&](auto& arg) { arg.buffer = reinterpret_cast<uintptr_t>(devcaps.data()); })},
        {"capabilities: NULL", -EFAULT, write<Cap>(DRM_VMW_GET_3D_CAP, [](auto& arg) { arg.max_size = 64; })},
        {"capabilities: a pointer to nowhere", -EFAULT,
         write<Cap>(DRM_VMW_GET_3D_CAP,
                    [](auto& arg) {
                        arg.buffer = kNowhere;
                        arg.max_size = 64;
                    })},
    });
}

TEST_F(BadInput, Objects) {
    using ContextArg = drm_vmw_context_arg;
    using Extended = drm_vmw_extended_context_arg;
    using SurfaceArg = drm_vmw_surface_arg;
    using Create = drm_vmw_gb_surface_create_ext_arg;
    using Reference = drm_vmw_gb_surface_reference_ext_arg;
    using Close = drm_vmw_handle_close_arg;
    const auto image = [](Create& arg) {
        auto& base = arg.req.base;
        base.svga3d_flags = SVGA3D_SURFACE_BIND_SHADER_RESOURCE;
        base.format = SVGA3D_R8_UNORM;
        base.mip_levels = 1;
        base.array_size = 1;
        base.base_size = {64, 64, 1, 0};
        base.buffer_handle = SVGA3D_INVALID_ID;
        base.drm_surface_flags = static_cast<drm_vmw_surface_flags>(drm_vmw_surface_flag_create_buffer);
        arg.req.version = drm_vmw_gb_surface_v1;
    };
    const Buffer small(node, 4096);
    expect({
        {"context of an unknown kind", -EINVAL,
         exchange<Extended>(DRM_VMW_CREATE_EXTENDED_CONTEXT,
                            [](auto& arg) { arg.req = static_cast<enum drm_vmw_extended_context>(77); })},
        {"unref of a dead context", -EINVAL,
         write<ContextArg>(DRM_VMW_UNREF_CONTEXT, [](auto& arg) { arg.cid = kDead; })},
        {"unref of a dead surface", -EINVAL,
         write<SurfaceArg>(DRM_VMW_UNREF_SURFACE, [](auto& arg) { arg.sid = kDead; })},
        {"close of a dead buffer object", -EINVAL,
         write<Close>(DRM_VMW_HANDLE_CLOSE, [](auto& arg) { arg.handle = kDead; })},
        {"surface of no format", -EINVAL,
         exchange<Create>(DRM_VMW_GB_SURFACE_CREATE_EXT,
                          [&](auto& arg) {
                              image(arg);
                              arg.req.base.format = 0x7fffffff;
                          })},
        {"surface with too many mip levels", -EINVAL,
         exchange<Create>(DRM_VMW_GB_SURFACE_CREATE_EXT,
                          [&](auto& arg) {
                              image(arg);
                              arg.req.base.mip_levels = 1000;
                          })},
        {"surface on a dead buffer object", -ESRCH,
         exchange<Create>(DRM_VMW_GB_SURFACE_CREATE_EXT,
                          [&](auto& arg) {
                              image(arg);
                              arg.req.base.buffer_handle = kDead;
                          })},
        {"surface on a buffer object that is too small", -EINVAL,
         exchange<Create>(DRM_VMW_GB_SURFACE_CREATE_EXT,
                          [&](auto& arg) {
                              image(arg);
                              arg.req.base.base_size = {4096, 4096, 1, 0};
                              arg.req.base.buffer_handle = small.handle();
                          })},
        {"reference of a dead surface", -EINVAL,
         exchange<Reference>(DRM_VMW_GB_SURFACE_REF_EXT,
                             [](auto& arg) {
                                 arg.req.sid = kDead;
                                 arg.req.handle_type = DRM_VMW_HANDLE_LEGACY;
                             })},
        {"surface: no argument", -EFAULT,
         nullArgument(_IOC_READ | _IOC_WRITE, DRM_VMW_GB_SURFACE_CREATE_EXT, sizeof(Create))},
        {"reference: no argument", -EFAULT,
         nullArgument(_IOC_READ | _IOC_WRITE, DRM_VMW_GB_SURFACE_REF_EXT, sizeof(Reference))},
        {"unref: no argument", -EFAULT, nullArgument(_IOC_WRITE, DRM_VMW_UNREF_SURFACE, sizeof(SurfaceArg))},
        {"buffer object: no argument", -EFAULT,
         nullArgument(_IOC_READ | _IOC_WRITE, DRM_VMW_ALLOC_BO, sizeof(drm_vmw_alloc_bo_arg))},
    });
    drm_prime_handle prime{};
    prime.handle = kDead;
    EXPECT_EQ(node.core(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), -ENOENT);
}

TEST_F(BadInput, Execution) {
    const Context context(node);
    struct {
        SVGA3dCmdHeader header;
        SVGA3dCmdDXBufferCopy body;
    } copy{{SVGA_3D_CMD_DX_BUFFER_COPY, sizeof(SVGA3dCmdDXBufferCopy)}, {kDead, kDead, 0, 0, 16}};
    const struct {
        SVGA3dCmdHeader header;
        SVGA3dCmdDestroyGBMob body;
    } privileged{{SVGA_3D_CMD_DESTROY_GB_MOB, sizeof(SVGA3dCmdDestroyGBMob)}, {1}};
    // The device has these; vmwgfx does not let them through.
    const struct {
        SVGA3dCmdHeader header;
        SVGA3dCmdDXReadbackQuery body;
    } queryReadback{{SVGA_3D_CMD_DX_READBACK_QUERY, sizeof(SVGA3dCmdDXReadbackQuery)}, {0}};
    const struct {
        SVGA3dCmdHeader header;
        SVGA3dCmdDXSetIndexBuffer_v2 body;
    } indexBuffer{{SVGA_3D_CMD_DX_SET_INDEX_BUFFER_V2, sizeof(SVGA3dCmdDXSetIndexBuffer_v2)},
                  {SVGA3D_INVALID_ID, SVGA3D_R32_UINT, 0, 0}};
    const Image from(node, 1), to(node, 1);
    const struct {
        SVGA3dCmdHeader header;
        SVGA3dCmdDXResolveCopy body;
    } resolve{{SVGA_3D_CMD_DX_RESOLVE_COPY, sizeof(SVGA3dCmdDXResolveCopy)},
              {0, to.surface(), 0, from.surface(), SVGA3D_R8G8B8A8_UNORM}};
    const SVGA3dCmdHeader unknown{SVGA_3D_CMD_MAX + 1000, 0};
    const SVGA3dCmdHeader longer{SVGA_3D_CMD_DX_BUFFER_COPY, 4096};
    const auto execute = [&](std::function<void(drm_vmw_execbuf_arg&)> change) {
        return write<drm_vmw_execbuf_arg>(DRM_VMW_EXECBUF, [&context, change](auto& arg) {
            arg.version = DRM_VMW_EXECBUF_VERSION;
            arg.context_handle = context.id();
            arg.imported_fence_fd = -1;
            change(arg);
        });
    };
    const auto commands = [&](const auto& bytes) {
        return execute([&bytes](auto& arg) {
            arg.commands = reinterpret_cast<uintptr_t>(&bytes);
            arg.command_size = sizeof(bytes);
        });
    };
    expect({
        {"version 0", -EINVAL, execute([](auto& arg) { arg.version = 0; })},
        {"version from the future", -EINVAL, execute([](auto& arg) { arg.version = 99; })},
        {"dead context", -EINVAL, execute([](auto& arg) { arg.context_handle = kDead; })},
        {"NULL commands", -EFAULT, execute([](auto& arg) { arg.command_size = 64; })},
        {"commands from nowhere", -EFAULT, execute([](auto& arg) {
             arg.commands = kNowhere;
             arg.command_size = 64;
         })},
        {"more commands than there may be", -EINVAL, execute([&](auto& arg) {
             arg.commands = reinterpret_cast<uintptr_t>(&copy);
             arg.command_size = UINT32_MAX;
         })},
        {"fence that is none", -EINVAL, execute([](auto& arg) {
             arg.flags = DRM_VMW_EXECBUF_FLAG_IMPORT_FENCE_FD;
             arg.imported_fence_fd = -1;
         })},
        {"dead surfaces", -EINVAL, commands(copy)},
        {"a command of the kernel's own", -EPERM, commands(privileged)},
        {"an unknown command", -EINVAL, commands(unknown)},
        {"a readback of a query", -EINVAL, commands(queryReadback)},
        {"an index buffer with a size", -EINVAL, commands(indexBuffer)},
        {"a resolve", -EINVAL, commands(resolve)},
        {"a command that is cut off", -EINVAL, commands(longer)},
        {"no argument", -EFAULT, nullArgument(_IOC_WRITE, DRM_VMW_EXECBUF, sizeof(drm_vmw_execbuf_arg))},
    });
}

TEST_F(BadInput, FencesAndCpuAccess) {
    using Wait = drm_vmw_fence_wait_arg;
    using Signaled = drm_vmw_fence_signaled_arg;
    using Fence = drm_vmw_fence_arg;
    using Sync = drm_vmw_synccpu_arg;
    const Buffer buffer(node, 4096);
    const auto sync = [&](std::function<void(Sync&)> change) {
        return write<Sync>(DRM_VMW_SYNCCPU, [&buffer, change](auto& arg) {
            arg.op = drm_vmw_synccpu_grab;
            arg.handle = buffer.handle();
            arg.flags = static_cast<drm_vmw_synccpu_flags>(drm_vmw_synccpu_read | drm_vmw_synccpu_allow_cs);
            change(arg);
        });
    };
    expect({
        {"wait for a dead fence", -EINVAL, exchange<Wait>(DRM_VMW_FENCE_WAIT, [](auto& arg) { arg.handle = kDead; })},
        {"wait for a context", -EINVAL,
         [this] {
             const Context context(node);
             return waitForFence(node, context.id(), 0);
         }},
        {"ask for a dead fence", -EINVAL,
         exchange<Signaled>(DRM_VMW_FENCE_SIGNALED, [](auto& arg) { arg.handle = kDead; })},
        {"unref of a dead fence", -EINVAL, write<Fence>(DRM_VMW_FENCE_UNREF, [](auto& arg) { arg.handle = kDead; })},
        {"wait: no argument", -EFAULT, nullArgument(_IOC_READ | _IOC_WRITE, DRM_VMW_FENCE_WAIT, sizeof(Wait))},
        {"CPU access: dead handle", -ESRCH, sync([](auto& arg) { arg.handle = kDead; })},
        {"CPU access: no flags", -EINVAL, sync([](auto& arg) { arg.flags = static_cast<drm_vmw_synccpu_flags>(0); })},
        {"CPU access: unknown flags", -EINVAL,
         sync([](auto& arg) { arg.flags = static_cast<drm_vmw_synccpu_flags>(drm_vmw_synccpu_read | 1u << 20); })},
        {"CPU access: unknown operation", -EINVAL,
         sync([](auto& arg) { arg.op = static_cast<drm_vmw_synccpu_op>(9); })},
        {"CPU access: no argument", -EFAULT, nullArgument(_IOC_WRITE, DRM_VMW_SYNCCPU, sizeof(Sync))},
    });
}

class BadTrackingInput : public BadInput {
protected:
    void SetUp() override {
        if (node.parameter(DRM_VMW_PARAM_DIRTY_TRACKING).value_or(0) < 1)
            GTEST_SKIP() << "this kernel has no dirty-tracking ioctls (DRM_VMW_PARAM_DIRTY_TRACKING)";
        image = std::make_unique<Image>(node, 16);
        plain = std::make_unique<Buffer>(node, 16 * kPage);
        before = queryDirty(node, image->buffer());
    }
    /// Whatever was refused left no trace.
    void TearDown() override {
        if (!image)
            return;
        const Dirty after = queryDirty(node, image->buffer());
        EXPECT_EQ(after.declared_pages, before.declared_pages);
        EXPECT_EQ(after.mode, before.mode);
        EXPECT_EQ(after.pinned, before.pinned);
        EXPECT_EQ(after.num_ranges, before.num_ranges);
    }
    /// A handle of another open file, which has more of them than this one.
    uint32_t foreignHandle() {
        uint32_t handle = 0;
        for (int i = 0; i < 16; ++i) {
            theirs.push_back(std::make_unique<Image>(other, 4));
            handle = theirs.back()->buffer();
        }
        return handle;
    }

    std::unique_ptr<Image> image;
    std::unique_ptr<Buffer> plain;
    Dirty before{};
    Node other{Settings::instance().node};
    std::vector<std::unique_ptr<Image>> theirs;
};

TEST_F(BadTrackingInput, Query) {
    const auto query = [this](std::function<void(drm_vmw_bo_dirty_query_arg&)> change) {
        return exchange<drm_vmw_bo_dirty_query_arg>(DRM_VMW_BO_DIRTY_QUERY, [this, change](auto& arg) {
            arg.handle = image->buffer();
            change(arg);
        });
    };
    ASSERT_EQ(access(node, {entryOf(*image, DRM_VMW_BO_ACCESS_WRITE, 3, 1)}), 0); // a range there is to be written
    before = queryDirty(node, image->buffer());
    const uint32_t foreign = foreignHandle();
    const uint32_t closed = Buffer(node, 4096).handle();
    expect({
        {"unknown flag", -EINVAL, query([](auto& arg) { arg.flags = 2; })},
        {"all flags", -EINVAL, query([](auto& arg) { arg.flags = UINT32_MAX; })},
        {"padding", -EINVAL, query([](auto& arg) { arg.pad = 1; })},
        {"handle 0", -ENOENT, query([](auto& arg) { arg.handle = 0; })},
        {"dead handle", -ENOENT, query([](auto& arg) { arg.handle = kDead; })},
        {"closed handle", -ENOENT, query([=](auto& arg) { arg.handle = closed; })},
        {"foreign handle", -ENOENT, query([=](auto& arg) { arg.handle = foreign; })},
        {"NULL ranges", -EFAULT, query([](auto& arg) { arg.num_ranges = 1; })},
        {"ranges nowhere", -EFAULT, query([](auto& arg) {
             arg.num_ranges = UINT32_MAX;
             arg.ranges = kNowhere;
         })},
        {"no argument", -EFAULT,
         nullArgument(_IOC_READ | _IOC_WRITE, DRM_VMW_BO_DIRTY_QUERY, sizeof(drm_vmw_bo_dirty_query_arg))},
    });
}

TEST_F(BadTrackingInput, AccessEntry) {
    const auto entry = [this](std::function<void(drm_vmw_bo_access&)> change) {
        return [this, change] {
            drm_vmw_bo_access one = entryOf(*image, DRM_VMW_BO_ACCESS_WRITE, 0, 1, false);
            change(one);
            return access(node, {one});
        };
    };
    const uint32_t foreign = foreignHandle();
    const uint32_t closed = Buffer(node, 4096).handle();
    expect({
        {"no flag", -EINVAL, entry([](auto& one) { one.flags = 0; })},
        {"unknown flag", -EINVAL, entry([](auto& one) { one.flags |= 8; })},
        {"highest flag", -EINVAL, entry([](auto& one) { one.flags |= 1u << 31; })},
        {"handle 0", -ENOENT, entry([](auto& one) { one.handle = 0; })},
        {"dead handle", -ENOENT, entry([](auto& one) { one.handle = kDead; })},
        {"closed handle", -ENOENT, entry([=](auto& one) { one.handle = closed; })},
        {"foreign handle", -ENOENT, entry([=](auto& one) { one.handle = foreign; })},
        {"a buffer object that is not tracked", -ENODATA, entry([this](auto& one) { one.handle = plain->handle(); })},
        {"empty range", -EINVAL, entry([](auto& one) { one.length = 0; })},
        {"offset at the end", -EINVAL, entry([](auto& one) { one.offset = 16 * kPage; })},
        {"one byte too long", -EINVAL, entry([](auto& one) { one.length = 16 * kPage + 1; })},
        {"over the end", -EINVAL, entry([](auto& one) {
             one.offset = 15 * kPage;
             one.length = kPage + 1;
         })},
        {"a range that wraps around", -EINVAL, entry([](auto& one) {
             one.offset = UINT64_MAX - kPage + 1;
             one.length = 2 * kPage;
         })},
        {"as long as there are numbers", -EINVAL, entry([](auto& one) {
             one.offset = 1;
             one.length = UINT64_MAX;
         })},
    });
}

TEST_F(BadTrackingInput, AccessCall) {
    const drm_vmw_bo_access good = entryOf(*image, DRM_VMW_BO_ACCESS_READ, 0, 1, false);
    const std::vector<drm_vmw_bo_access> many(DRM_VMW_BO_ACCESS_MAX + 1, good);
    const auto call = [&good, this](std::function<void(drm_vmw_bo_access_arg&)> change) {
        return exchange<drm_vmw_bo_access_arg>(DRM_VMW_BO_ACCESS, [&good, change](auto& arg) {
            arg.accesses = reinterpret_cast<uintptr_t>(&good);
            arg.num_accesses = 1;
            change(arg);
        });
    };
    expect({
        {"unknown flag", -EINVAL, call([](auto& arg) { arg.flags = 2; })},
        {"padding", -EINVAL, call([](auto& arg) { arg.pad = 1; })},
        {"NULL entries", -EFAULT, call([](auto& arg) { arg.accesses = 0; })},
        {"entries nowhere", -EFAULT, call([](auto& arg) { arg.accesses = kNowhere; })},
        {"one entry too many", -EINVAL, call([&](auto& arg) {
             arg.accesses = reinterpret_cast<uintptr_t>(many.data());
             arg.num_accesses = DRM_VMW_BO_ACCESS_MAX + 1;
         })},
        {"as many entries as there are numbers", -EINVAL, call([](auto& arg) { arg.num_accesses = UINT32_MAX; })},
        {"as many as there may be", 0, call([&](auto& arg) {
             arg.accesses = reinterpret_cast<uintptr_t>(many.data());
             arg.num_accesses = DRM_VMW_BO_ACCESS_MAX;
         })},
        {"no entries", 0, call([](auto& arg) {
             arg.accesses = 0;
             arg.num_accesses = 0;
         })},
        {"no argument", -EFAULT,
         nullArgument(_IOC_READ | _IOC_WRITE, DRM_VMW_BO_ACCESS, sizeof(drm_vmw_bo_access_arg))},
    });
}

TEST_F(BadTrackingInput, Tracking) {
    const auto track = [this](std::function<void(drm_vmw_bo_tracking_arg&)> change) {
        return write<drm_vmw_bo_tracking_arg>(DRM_VMW_BO_TRACKING, [this, change](auto& arg) {
            arg.handle = image->buffer();
            arg.mode = DRM_VMW_BO_TRACKING_EXPLICIT;
            change(arg);
        });
    };
    const uint32_t foreign = foreignHandle();
    expect({
        {"mode NONE", -EINVAL, track([](auto& arg) { arg.mode = DRM_VMW_BO_TRACKING_NONE; })},
        {"unknown mode", -EINVAL, track([](auto& arg) { arg.mode = DRM_VMW_BO_TRACKING_EXPLICIT + 1; })},
        {"highest mode", -EINVAL, track([](auto& arg) { arg.mode = UINT32_MAX; })},
        {"flag", -EINVAL, track([](auto& arg) { arg.flags = 1; })},
        {"padding", -EINVAL, track([](auto& arg) { arg.pad = 1; })},
        {"handle 0", -ENOENT, track([](auto& arg) { arg.handle = 0; })},
        {"dead handle", -ENOENT, track([](auto& arg) { arg.handle = kDead; })},
        {"foreign handle", -ENOENT, track([=](auto& arg) { arg.handle = foreign; })},
        {"a buffer object that is not tracked", -ENODATA, track([this](auto& arg) { arg.handle = plain->handle(); })},
        {"no argument", -EFAULT, nullArgument(_IOC_WRITE, DRM_VMW_BO_TRACKING, sizeof(drm_vmw_bo_tracking_arg))},
    });
}

} // namespace
} // namespace svga::uapi
