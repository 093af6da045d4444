// SPDX-License-Identifier: MIT
#include "fake_kernel.h"

#include "gallium/winsys/svga/core/surface.h"

#include <svga3d_types.h>
#include <svga_reg.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace svga::winsys::test {

namespace {

using Direction = Kernel::Direction;

/** Size and direction of each ioctl as vmwgfx_drv.c declares them: another encoding does not reach the handler there.
 */
struct Signature {
    Direction direction;
    size_t size;
};

const std::map<unsigned, Signature> kSignatures = {
    {DRM_VMW_GET_PARAM, {Direction::WriteRead, sizeof(drm_vmw_getparam_arg)}},
    {DRM_VMW_ALLOC_DMABUF, {Direction::WriteRead, sizeof(drm_vmw_alloc_bo_arg)}},
    {DRM_VMW_UNREF_DMABUF, {Direction::Write, sizeof(drm_vmw_handle_close_arg)}},
    {DRM_VMW_UNREF_CONTEXT, {Direction::Write, sizeof(drm_vmw_context_arg)}},
    {DRM_VMW_UNREF_SURFACE, {Direction::Write, sizeof(drm_vmw_surface_arg)}},
    {DRM_VMW_EXECBUF, {Direction::Write, sizeof(drm_vmw_execbuf_arg)}},
    {DRM_VMW_GET_3D_CAP, {Direction::Write, sizeof(drm_vmw_get_3d_cap_arg)}},
    {DRM_VMW_FENCE_WAIT, {Direction::WriteRead, sizeof(drm_vmw_fence_wait_arg)}},
    {DRM_VMW_FENCE_SIGNALED, {Direction::WriteRead, sizeof(drm_vmw_fence_signaled_arg)}},
    {DRM_VMW_FENCE_UNREF, {Direction::Write, sizeof(drm_vmw_fence_arg)}},
    {DRM_VMW_SYNCCPU, {Direction::Write, sizeof(drm_vmw_synccpu_arg)}},
    {DRM_VMW_CREATE_EXTENDED_CONTEXT, {Direction::WriteRead, sizeof(drm_vmw_extended_context_arg)}},
    {DRM_VMW_GB_SURFACE_CREATE_EXT, {Direction::WriteRead, sizeof(drm_vmw_gb_surface_create_ext_arg)}},
    {DRM_VMW_GB_SURFACE_REF_EXT, {Direction::WriteRead, sizeof(drm_vmw_gb_surface_reference_ext_arg)}},
    {DRM_VMW_BO_ACCESS, {Direction::WriteRead, sizeof(drm_vmw_bo_access_arg)}},
    {DRM_VMW_MSG, {Direction::WriteRead, sizeof(drm_vmw_msg_arg)}},
};

template <typename T>
T* pointer(uint64_t address) {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

uint64_t newMemory(FakeState& state, uint64_t size) {
    const uint64_t offset = state.nextOffset;
    state.nextOffset += (size + 0xfff) & ~uint64_t(0xfff);
    state.memory[offset] = std::make_shared<FakeState::Memory>();
    state.memory[offset]->bytes.resize(size);
    return offset;
}

uint32_t newBuffer(FakeState& state, uint64_t mapHandle) {
    const uint32_t handle = state.nextHandle++;
    state.buffers[handle] = mapHandle;
    return handle;
}

template <typename Map>
int erase(Map& map, uint32_t key) {
    return map.erase(key) ? 0 : -EINVAL;
}

int getParam(FakeState& state, drm_vmw_getparam_arg& arg) {
    const auto value = state.params.find(arg.param);
    if (value == state.params.end())
        return -EINVAL;
    arg.value = value->second;
    return 0;
}

int getDevcaps(FakeState& state, const drm_vmw_get_3d_cap_arg& arg) {
    std::memcpy(pointer<void>(arg.buffer), state.devcaps.data(),
                std::min<size_t>(arg.max_size, state.devcaps.size() * sizeof(uint32_t)));
    return 0;
}

int allocate(FakeState& state, drm_vmw_alloc_bo_arg& arg) {
    const uint32_t size = arg.req.size;
    if (size == 0)
        return -EINVAL;
    const uint64_t mapHandle = newMemory(state, size);
    arg.rep = {};
    arg.rep.map_handle = mapHandle;
    arg.rep.handle = newBuffer(state, mapHandle);
    return 0;
}

SurfaceDesc descOf(const drm_vmw_gb_surface_create_ext_req& request) {
    SurfaceDesc desc;
    desc.flags = uint64_t(request.svga3d_flags_upper_32_bits) << 32 | request.base.svga3d_flags;
    desc.format = request.base.format;
    desc.width = request.base.base_size.width;
    desc.height = request.base.base_size.height;
    desc.depth = request.base.base_size.depth;
    desc.layers = request.base.array_size;
    desc.mipLevels = request.base.mip_levels;
    desc.sampleCount = request.base.multisample_count;
    return desc;
}

/** \param buffer the handle that the caller has of the backing already; SVGA3D_INVALID_ID: it gets one */
drm_vmw_gb_surface_create_rep describe(FakeState& state, uint32_t handle, uint32_t buffer = SVGA3D_INVALID_ID) {
    const FakeState::FakeSurface& surface = state.surfaces.at(handle);
    drm_vmw_gb_surface_create_rep reply{};
    reply.handle = handle;
    reply.backup_size = static_cast<uint32_t>(backingSize(descOf(surface.request)));
    reply.buffer_handle = buffer != SVGA3D_INVALID_ID ? buffer : newBuffer(state, surface.mapHandle);
    reply.buffer_size = static_cast<uint32_t>(surface.memory->bytes.size());
    reply.buffer_map_handle = surface.mapHandle;
    return reply;
}

uint32_t newSurface(FakeState& state, const drm_vmw_gb_surface_create_ext_req& request) {
    const uint32_t handle = state.nextHandle++;
    const uint64_t mapHandle = newMemory(state, backingSize(descOf(request)));
    state.surfaces[handle] = {request, state.memory[mapHandle], mapHandle, 1};
    return handle;
}

int createSurface(FakeState& state, drm_vmw_gb_surface_create_ext_arg& arg) {
    const uint32_t buffer = arg.req.base.buffer_handle;
    if (buffer == SVGA3D_INVALID_ID) {
        arg.rep = describe(state, newSurface(state, arg.req));
        return 0;
    }
    const auto entry = state.buffers.find(buffer);
    if (entry == state.buffers.end() || state.memory.at(entry->second)->bytes.size() < backingSize(descOf(arg.req)))
        return -EINVAL;
    const uint32_t handle = state.nextHandle++;
    state.surfaces[handle] = {arg.req, state.memory.at(entry->second), entry->second, 1};
    arg.rep = describe(state, handle, buffer);
    return 0;
}

int referenceSurface(FakeState& state, drm_vmw_gb_surface_reference_ext_arg& arg) {
    uint32_t handle = static_cast<uint32_t>(arg.req.sid);
    if (arg.req.handle_type == DRM_VMW_HANDLE_PRIME) {
        const auto prime = state.primes.find(arg.req.sid);
        if (prime == state.primes.end())
            return -EINVAL;
        handle = prime->second;
    }
    const auto surface = state.surfaces.find(handle);
    if (surface == state.surfaces.end())
        return -EINVAL;
    ++surface->second.references;
    drm_vmw_gb_surface_ref_ext_rep reply{};
    reply.creq = surface->second.request;
    reply.creq.base.drm_surface_flags =
        surface->second.tellCoherent ? drm_vmw_surface_flag_coherent : static_cast<drm_vmw_surface_flags>(0);
    reply.crep = describe(state, handle);
    arg.rep = reply;
    return 0;
}

int closeSurface(FakeState& state, uint32_t handle) {
    const auto surface = state.surfaces.find(handle);
    if (surface == state.surfaces.end())
        return -EINVAL;
    if (--surface->second.references == 0)
        state.surfaces.erase(surface);
    return 0;
}

int syncCpu(FakeState& state, const drm_vmw_synccpu_arg& arg) {
    constexpr uint32_t kAccess = drm_vmw_synccpu_read | drm_vmw_synccpu_write;
    constexpr uint32_t kAll = kAccess | drm_vmw_synccpu_dontblock | drm_vmw_synccpu_allow_cs;
    if (!(arg.flags & kAccess) || arg.flags & ~kAll || !state.buffers.contains(arg.handle))
        return -EINVAL;
    state.syncs.push_back(arg);
    if (arg.op == drm_vmw_synccpu_grab && state.busy && arg.flags & drm_vmw_synccpu_dontblock)
        return -EBUSY;
    return 0;
}

int declareAccess(FakeState& state, const drm_vmw_bo_access_arg& arg) {
    if (!state.params.contains(DRM_VMW_PARAM_DIRTY_TRACKING) || arg.flags & ~DRM_VMW_BO_ACCESS_FENCE || arg.pad != 0 ||
        arg.num_accesses > DRM_VMW_BO_ACCESS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < arg.num_accesses; ++i) {
        const drm_vmw_bo_access& access = pointer<const drm_vmw_bo_access>(arg.accesses)[i];
        const auto buffer = state.buffers.find(access.handle);
        if (buffer == state.buffers.end())
            return -ENOENT;
        FakeState::Memory& memory = *state.memory.at(buffer->second);
        const uint64_t size = memory.bytes.size();
        const auto mapped = reinterpret_cast<uintptr_t>(memory.bytes.data()) + access.offset;
        if (access.length == 0 || access.length > size || access.offset > size - access.length ||
            (access.address != 0 && (memory.mappings == 0 || access.address != mapped)))
            return -EINVAL;
        if (state.tracksNothing)
            return -ENODATA;
        state.accesses.push_back(access);
    }
    return 0;
}

int execute(FakeState& state, const drm_vmw_execbuf_arg& arg) {
    if (arg.version != DRM_VMW_EXECBUF_VERSION || !state.contexts.contains(arg.context_handle))
        return -EINVAL;
    const auto* commands = pointer<const uint8_t>(arg.commands);
    state.executions.push_back({{commands, commands + arg.command_size}, arg});
    if (state.fenceLost)
        return 0;
    drm_vmw_fence_rep reply{};
    reply.handle = state.nextHandle++;
    reply.seqno = state.nextSeqno++;
    reply.passed_seqno = state.passedSeqno;
    // A kernel that was not asked for a sync file says 0 here, or -1, depending on its age.
    reply.fd = arg.flags & DRM_VMW_EXECBUF_FLAG_EXPORT_FENCE_FD ? std::exchange(state.exportedFd, -1) : 0;
    state.fences[reply.handle] = reply.seqno;
    std::memcpy(pointer<void>(arg.fence_rep), &reply, sizeof(reply));
    return 0;
}

bool hasPassed(const FakeState& state, uint32_t fence) {
    return static_cast<int32_t>(state.passedSeqno - state.fences.at(fence)) >= 0;
}

int waitFence(FakeState& state, const drm_vmw_fence_wait_arg& arg) {
    if (!state.fences.contains(arg.handle) || arg.flags != DRM_VMW_FENCE_FLAG_EXEC)
        return -EINVAL;
    state.waits.push_back(arg);
    if (hasPassed(state, arg.handle))
        return 0;
    std::this_thread::sleep_for(std::chrono::microseconds(std::min<uint64_t>(arg.timeout_us, 1000)));
    return -EBUSY;
}

int fenceSignalled(FakeState& state, drm_vmw_fence_signaled_arg& arg) {
    if (!state.fences.contains(arg.handle) || arg.flags != DRM_VMW_FENCE_FLAG_EXEC)
        return -EINVAL;
    arg.signaled = hasPassed(state, arg.handle);
    arg.passed_seqno = state.passedSeqno;
    return 0;
}

int createContext(FakeState& state, drm_vmw_extended_context_arg& arg) {
    if (arg.req != drm_vmw_context_dx)
        return -EINVAL;
    const uint32_t id = state.nextHandle++;
    state.contexts[id] = true;
    arg.rep.cid = static_cast<int32_t>(id);
    return 0;
}

int dispatch(FakeState& state, unsigned index, void* argument) {
    switch (index) {
    case DRM_VMW_GET_PARAM:
        return getParam(state, *static_cast<drm_vmw_getparam_arg*>(argument));
    case DRM_VMW_GET_3D_CAP:
        return getDevcaps(state, *static_cast<drm_vmw_get_3d_cap_arg*>(argument));
    case DRM_VMW_ALLOC_DMABUF:
        return allocate(state, *static_cast<drm_vmw_alloc_bo_arg*>(argument));
    case DRM_VMW_UNREF_DMABUF:
        return erase(state.buffers, static_cast<drm_vmw_handle_close_arg*>(argument)->handle);
    case DRM_VMW_GB_SURFACE_CREATE_EXT:
        return createSurface(state, *static_cast<drm_vmw_gb_surface_create_ext_arg*>(argument));
    case DRM_VMW_GB_SURFACE_REF_EXT:
        return referenceSurface(state, *static_cast<drm_vmw_gb_surface_reference_ext_arg*>(argument));
    case DRM_VMW_UNREF_SURFACE:
        return closeSurface(state, static_cast<uint32_t>(static_cast<drm_vmw_surface_arg*>(argument)->sid));
    case DRM_VMW_SYNCCPU:
        return syncCpu(state, *static_cast<drm_vmw_synccpu_arg*>(argument));
    case DRM_VMW_CREATE_EXTENDED_CONTEXT:
        return createContext(state, *static_cast<drm_vmw_extended_context_arg*>(argument));
    case DRM_VMW_UNREF_CONTEXT:
        return erase(state.contexts, static_cast<uint32_t>(static_cast<drm_vmw_context_arg*>(argument)->cid));
    case DRM_VMW_EXECBUF:
        return execute(state, *static_cast<drm_vmw_execbuf_arg*>(argument));
    case DRM_VMW_FENCE_WAIT:
        return waitFence(state, *static_cast<drm_vmw_fence_wait_arg*>(argument));
    case DRM_VMW_FENCE_SIGNALED:
        return fenceSignalled(state, *static_cast<drm_vmw_fence_signaled_arg*>(argument));
    case DRM_VMW_FENCE_UNREF:
        return erase(state.fences, static_cast<drm_vmw_fence_arg*>(argument)->handle);
    case DRM_VMW_BO_ACCESS:
        return declareAccess(state, *static_cast<drm_vmw_bo_access_arg*>(argument));
    case DRM_VMW_MSG:
        state.hostMessages.push_back(pointer<const char>(static_cast<drm_vmw_msg_arg*>(argument)->send));
        return 0;
    default:
        return -ENOTTY;
    }
}

} // namespace

FakeState::FakeState()
    : params{{DRM_VMW_PARAM_3D, 1},
             {DRM_VMW_PARAM_HW_CAPS, SVGA_CAP_GBOBJECTS | SVGA_CAP_DX},
             {DRM_VMW_PARAM_3D_CAPS_SIZE, 262 * sizeof(uint32_t)},
             {DRM_VMW_PARAM_MAX_MOB_MEMORY, 64u << 20},
             {DRM_VMW_PARAM_MAX_MOB_SIZE, 16u << 20},
             {DRM_VMW_PARAM_DX, 1},
             {DRM_VMW_PARAM_HW_CAPS2, 1},
             {DRM_VMW_PARAM_SM4_1, 1},
             {DRM_VMW_PARAM_SM5, 1},
             {DRM_VMW_PARAM_GL43, 1},
             {DRM_VMW_PARAM_DEVICE_ID, 0x0406}} {
    for (uint32_t i = 0; i < 262; ++i)
        devcaps.push_back(1000 + i);
}

uint32_t FakeState::addForeignSurface(uint32_t width, uint32_t mipLevels, bool tellCoherent) {
    drm_vmw_gb_surface_create_ext_req request{};
    request.base.format = SVGA3D_B8G8R8A8_UNORM;
    request.base.mip_levels = mipLevels;
    request.base.array_size = 1;
    request.base.base_size = {width, 4, 1, 0};
    const uint32_t handle = newSurface(*this, request);
    surfaces.at(handle).tellCoherent = tellCoherent;
    return handle;
}

int FakeKernel::command(unsigned index, Direction direction, void* argument, size_t size) {
    const std::lock_guard lock(state_->mutex);
    ++state_->calls[index];
    const auto signature = kSignatures.find(index);
    if (signature == kSignatures.end() || signature->second.direction != direction || signature->second.size != size)
        return -EINVAL;
    std::deque<int>& failures = state_->failures[index];
    if (!failures.empty()) {
        const int error = failures.front();
        failures.pop_front();
        return error;
    }
    return dispatch(*state_, index, argument);
}

std::optional<DrmVersion> FakeKernel::version() {
    return state_->isDrm ? std::optional(state_->version) : std::nullopt;
}

void* FakeKernel::map(uint64_t offset, size_t size, void*) {
    std::this_thread::sleep_for(state_->mapDelay);
    const std::lock_guard lock(state_->mutex);
    const auto memory = state_->memory.find(offset);
    if (state_->cannotMap || memory == state_->memory.end() || size > memory->second->bytes.size()) {
        errno = ENOMEM;
        return nullptr;
    }
    ++memory->second->mappings;
    return memory->second->bytes.data();
}

void FakeKernel::unmap(void* address, size_t) {
    const std::lock_guard lock(state_->mutex);
    for (auto& [offset, memory] : state_->memory)
        if (memory->bytes.data() == address)
            --memory->mappings;
}

int FakeKernel::exportHandle(uint32_t handle, UniqueFd& fd) {
    const std::lock_guard lock(state_->mutex);
    if (!state_->surfaces.contains(handle))
        return -ENOENT;
    fd.reset(eventfd(0, EFD_CLOEXEC));
    state_->primes[fd.get()] = handle;
    return 0;
}

int FakeKernel::waitSyncFile(int fd, int milliseconds) {
    {
        const std::lock_guard lock(state_->mutex);
        state_->syncFileWaits.push_back(milliseconds);
    }
    pollfd entry{fd, POLLIN, 0};
    const int ready = poll(&entry, 1, milliseconds);
    return ready > 0 ? entry.revents & POLLNVAL ? -EINVAL : 0 : -ETIME;
}

int FakeKernel::mergeSyncFiles(int, int, UniqueFd& merged) {
    if (state_->cannotMerge)
        return -ENOTTY;
    merged.reset(eventfd(0, EFD_CLOEXEC));
    return 0;
}

} // namespace svga::winsys::test
