// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/drm_kernel.h"
#include "gallium/winsys/svga/gallium/face.h"

#include <cerrno>
#include <span>

#include <fcntl.h>

namespace svga::winsys {

namespace {

void destroyScreen(struct svga_winsys_screen* screen) {
    delete static_cast<Screen*>(screen);
}

SVGA3dHardwareVersion hardwareVersion(struct svga_winsys_screen*) {
    return SVGA3D_HWVERSION_WS8_B1; // the first with guest-backed objects
}

int getFd(struct svga_winsys_screen* screen) {
    return deviceOf(screen).kernel().fd();
}

bool getCap(struct svga_winsys_screen* screen, SVGA3dDevCapIndex index, SVGA3dDevCapResult* result) {
    const std::optional<uint32_t> value = deviceOf(screen).devcap(index);
    if (value)
        result->u = *value;
    return value.has_value();
}

SurfaceDesc describe(SVGA3dSurfaceAllFlags flags, SVGA3dSurfaceFormat format, unsigned usage, SVGA3dSize size,
                     uint32 layers, uint32 mipLevels, unsigned sampleCount) {
    SurfaceDesc desc;
    desc.flags = flags;
    desc.format = format;
    desc.width = size.width;
    desc.height = size.height;
    desc.depth = size.depth;
    desc.layers = layers;
    desc.mipLevels = mipLevels;
    desc.sampleCount = sampleCount;
    desc.scanout = usage & SVGA_SURFACE_USAGE_SCANOUT;
    // The driver asks for coherence where a resource may be mapped persistently; the rest is coherent all the same.
    desc.persistent = usage & SVGA_SURFACE_USAGE_COHERENT && format == SVGA3D_BUFFER;
    return desc;
}

struct svga_winsys_surface* createSurface(struct svga_winsys_screen* screen, SVGA3dSurfaceAllFlags flags,
                                          SVGA3dSurfaceFormat format, unsigned usage, SVGA3dSize size, uint32 layers,
                                          uint32 mipLevels, unsigned sampleCount) {
    return guarded<struct svga_winsys_surface*>(nullptr, [&] {
        return toGallium<struct svga_winsys_surface>(
            Surface::create(deviceOf(screen), describe(flags, format, usage, size, layers, mipLevels, sampleCount)));
    });
}

struct svga_winsys_surface* surfaceFromHandle(struct svga_winsys_screen* screen, struct winsys_handle* handle,
                                              SVGA3dSurfaceFormat* format) {
    return guarded<struct svga_winsys_surface*>(nullptr, [&] {
        if (handle->offset != 0)
            throw Error("cannot import a surface at offset {} of a buffer", handle->offset);
        SharedHandle shared{SharedHandle::Type::Kernel, handle->handle};
        if (handle->type == WINSYS_HANDLE_TYPE_FD)
            shared.type = SharedHandle::Type::Prime;
        else if (handle->type != WINSYS_HANDLE_TYPE_SHARED && handle->type != WINSYS_HANDLE_TYPE_KMS)
            throw Error("cannot import a surface from a handle of type {}", handle->type);
        Ref<Surface> surface = Surface::import(deviceOf(screen), shared);
        if (surface->mipLevels() != 1)
            throw Error("cannot import surface {}: it has {} mip levels", surface->handle(), surface->mipLevels());
        *format = static_cast<SVGA3dSurfaceFormat>(surface->format());
        return toGallium<struct svga_winsys_surface>(std::move(surface));
    });
}

bool surfaceGetHandle(struct svga_winsys_screen*, struct svga_winsys_surface* surface, unsigned stride,
                      struct winsys_handle* handle) {
    if (!surface)
        return false;
    return guarded(false, [&] {
        Surface& object = *fromGallium(surface);
        switch (handle->type) {
        case WINSYS_HANDLE_TYPE_SHARED:
        case WINSYS_HANDLE_TYPE_KMS:
            handle->handle = object.exportKernelHandle();
            break;
        case WINSYS_HANDLE_TYPE_FD:
            handle->handle = static_cast<unsigned>(object.exportPrime().release());
            break;
        default:
            throw Error("cannot export a surface as a handle of type {}", handle->type);
        }
        handle->stride = stride;
        handle->offset = 0;
        return true;
    });
}

bool surfaceIsFlushed(struct svga_winsys_screen*, struct svga_winsys_surface* surface) {
    return !fromGallium(surface)->isPending();
}

void surfaceReference(struct svga_winsys_screen*, struct svga_winsys_surface** destination,
                      struct svga_winsys_surface* source) {
    referenceOpaque(destination, source);
}

bool surfaceCanCreate(struct svga_winsys_screen* screen, SVGA3dSurfaceFormat format, SVGA3dSize size, uint32 layers,
                      uint32 mipLevels, uint32 sampleCount) {
    return backingSize(describe(0, format, 0, size, layers, mipLevels, sampleCount)) <=
           deviceOf(screen).info().maxMobSize;
}

void surfaceInit(struct svga_winsys_screen*, struct svga_winsys_surface* surface, unsigned bytes,
                 SVGA3dSurfaceAllFlags) {
    guarded(false, [&] {
        fromGallium(surface)->renew(bytes);
        return true;
    });
}

struct svga_winsys_buffer* createBuffer(struct svga_winsys_screen* screen, unsigned, unsigned, unsigned size) {
    return guarded<struct svga_winsys_buffer*>(
        nullptr, [&] { return toGallium<struct svga_winsys_buffer>(Bo::create(deviceOf(screen), size)); });
}

void* mapBuffer(struct svga_winsys_screen*, struct svga_winsys_buffer* buffer, unsigned flags) {
    return guarded<void*>(nullptr, [&]() -> void* {
        Bo& bo = *fromGallium(buffer);
        void* address = bo.map();
        const CpuAccess access{.write = bool(flags & PIPE_MAP_WRITE), .dontBlock = bool(flags & PIPE_MAP_DONTBLOCK)};
        if (!(flags & PIPE_MAP_UNSYNCHRONIZED) && !bo.beginCpuAccess(access))
            return nullptr;
        return address;
    });
}

void unmapBuffer(struct svga_winsys_screen*, struct svga_winsys_buffer*) {
    // Stays mapped; the access that mapBuffer() began was not exclusive.
}

void destroyBuffer(struct svga_winsys_screen*, struct svga_winsys_buffer* buffer) {
    fromGallium(buffer)->unref();
}

void fenceReference(struct svga_winsys_screen*, struct pipe_fence_handle** destination,
                    struct pipe_fence_handle* source) {
    referenceOpaque(destination, source);
}

int fenceSignalled(struct svga_winsys_screen*, struct pipe_fence_handle* fence, unsigned) {
    return !fence || guarded(false, [&] { return fromGallium(fence)->isSignalled(); }) ? 0 : -1;
}

int fenceFinish(struct svga_winsys_screen*, struct pipe_fence_handle* fence, uint64_t timeout, unsigned) {
    return !fence || guarded(false, [&] { return fromGallium(fence)->wait(timeout); }) ? 0 : -1;
}

int fenceGetFd(struct svga_winsys_screen*, struct pipe_fence_handle* fence, bool duplicate) {
    const int fd = fence ? fromGallium(fence)->fd() : -1;
    return fd >= 0 && duplicate ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : fd;
}

void fenceCreateFd(struct svga_winsys_screen* screen, struct pipe_fence_handle** fence, int32_t fd) {
    *fence = guarded<struct pipe_fence_handle*>(nullptr, [&] {
        UniqueFd own(fcntl(fd, F_DUPFD_CLOEXEC, 3));
        if (!own)
            throw Error("cannot duplicate sync file {}: {}", fd, std::strerror(errno));
        return toGallium<struct pipe_fence_handle>(Fence::import(deviceOf(screen), std::move(own)));
    });
}

int fenceServerSync(struct svga_winsys_screen* screen, int32_t* contextFd, struct pipe_fence_handle* fence) {
    const int fd = fence ? fromGallium(fence)->fd() : -1;
    if (fd < 0)
        return 0; // of this device, which works in order
    UniqueFd accumulated(*contextFd);
    const int result = guarded(-1, [&] {
        accumulateSyncFile(deviceOf(screen), accumulated, fd);
        return 0;
    });
    *contextFd = accumulated.release();
    return result;
}

/** The interface has one for VGPU9 as well, where shaders are not numbered by the driver. */
struct svga_winsys_gb_shader* createGbShader(struct svga_winsys_screen* screen, SVGA3dShaderType, const uint32* code,
                                             uint32 codeBytes) {
    return createShader(deviceOf(screen), SVGA3D_INVALID_ID, code, codeBytes, nullptr, 0);
}

void destroyGbShader(struct svga_winsys_screen*, struct svga_winsys_gb_shader* shader) {
    fromGallium(shader)->unref();
}

struct svga_winsys_gb_query* createQuery(struct svga_winsys_screen* screen, uint32 size) {
    return guarded<struct svga_winsys_gb_query*>(
        nullptr, [&] { return reinterpret_cast<struct svga_winsys_gb_query*>(new Query(deviceOf(screen), size)); });
}

void destroyQuery(struct svga_winsys_screen*, struct svga_winsys_gb_query* query) {
    delete fromGallium(query);
}

int initQuery(struct svga_winsys_screen*, struct svga_winsys_gb_query* query, unsigned offset, SVGA3dQueryState state) {
    return guarded(-1, [&] {
        fromGallium(query)->setState(offset, state);
        return 0;
    });
}

void queryResult(struct svga_winsys_screen*, struct svga_winsys_gb_query* query, unsigned offset,
                 SVGA3dQueryState* state, void* result, uint32 size) {
    const bool read = guarded(false, [&] {
        const Query& object = *fromGallium(query);
        const auto current = static_cast<SVGA3dQueryState>(object.state(offset));
        if (result)
            object.readResult(offset, result, size);
        if (state)
            *state = current;
        return true;
    });
    if (!read && state)
        *state = SVGA3D_QUERYSTATE_FAILED;
}

// The driver's statistics are for a page shared with VMware's hypervisor, which release builds of Mesa do not keep
// either.
void incrementStat(struct svga_winsys_screen*, enum svga_stats_count) {}
void pushStatTime(struct svga_winsys_screen*, enum svga_stats_time, struct svga_winsys_stats_timeframe*) {}
void popStatTime(struct svga_winsys_screen*) {}

void hostLog(struct svga_winsys_screen* screen, const char* message) {
    guarded(false, [&] {
        deviceOf(screen).hostLog(message ? message : "");
        return true;
    });
}

} // namespace

struct svga_winsys_gb_shader* createShader(Device& device, uint32_t id, const uint32_t* code, uint32_t codeBytes,
                                           const void* signature, uint32_t signatureBytes) {
    return guarded<struct svga_winsys_gb_shader*>(nullptr, [&] {
        const auto bytes = [](const void* data, uint32_t size) {
            return std::span(static_cast<const uint8_t*>(data), data ? size : 0);
        };
        return toGallium<struct svga_winsys_gb_shader>(
            Shader::create(device, id, bytes(code, codeBytes), bytes(signature, signatureBytes)));
    });
}

Screen::Screen(std::unique_ptr<Kernel> kernel)
    : svga_winsys_screen{}
    , device(std::move(kernel)) {
    destroy = destroyScreen;
    get_hw_version = hardwareVersion;
    get_fd = getFd;
    get_cap = getCap;
    context_create = createContext;
    surface_create = createSurface;
    surface_from_handle = surfaceFromHandle;
    surface_get_handle = surfaceGetHandle;
    surface_is_flushed = surfaceIsFlushed;
    surface_reference = surfaceReference;
    surface_can_create = surfaceCanCreate;
    surface_init = surfaceInit;
    buffer_create = createBuffer;
    buffer_map = mapBuffer;
    buffer_unmap = unmapBuffer;
    buffer_destroy = destroyBuffer;
    fence_reference = fenceReference;
    fence_signalled = fenceSignalled;
    fence_finish = fenceFinish;
    fence_get_fd = fenceGetFd;
    fence_create_fd = fenceCreateFd;
    fence_server_sync = fenceServerSync;
    shader_create = createGbShader;
    shader_destroy = destroyGbShader;
    query_create = createQuery;
    query_destroy = destroyQuery;
    query_init = initQuery;
    query_get_result = queryResult;
    stats_inc = incrementStat;
    stats_time_push = pushStatTime;
    stats_time_pop = popStatTime;
    host_log = hostLog;

    const DeviceInfo& info = device.info();
    have_gb_objects = true;
    have_gb_dma = false; // surfaces are reached through their backing alone
    have_coherent = true;
    have_vgpu10 = true;
    have_sm4_1 = info.sm41;
    have_sm5 = info.sm5;
    have_gl43 = info.gl43;
    need_to_rebind_resources = false;
    have_generate_mipmap_cmd = true;
    have_set_predication_cmd = true;
    have_transfer_from_buffer_cmd = false; // it is there, but staging has no place where all memory is coherent
    have_fence_fd = true;
    have_intra_surface_copy = info.intraSurfaceCopy;
    have_constant_buffer_offset_cmd = info.sm5;
    have_index_vertex_buffer_offset_cmd = false;
    have_rasterizer_state_v2_cmd = info.sm5;
    device_id = info.deviceId;
}

struct svga_winsys_screen* createScreen(std::unique_ptr<Kernel> kernel) {
    return guarded<struct svga_winsys_screen*>(nullptr, [&] { return new Screen(std::move(kernel)); });
}

} // namespace svga::winsys

struct svga_winsys_screen* svga_drm_winsys_screen_create(int fd) {
    using namespace svga::winsys;
    return guarded<struct svga_winsys_screen*>(nullptr, [&] { return createScreen(std::make_unique<DrmKernel>(fd)); });
}
