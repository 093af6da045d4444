// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/context.h"

#include "util/error.h"

#include <vmwgfx_drm.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace svga::winsys {

namespace {

/** A batch that uses half of what all MOBs may take leaves the kernel room to swap in the next one's. */
constexpr uint64_t kMemoryShare = 2;
/** Beyond this a batch gains nothing by growing, and what it names cannot be given back before it has run. */
constexpr uint64_t kMaxBatchMemory = uint64_t{512} << 20;
constexpr std::chrono::milliseconds kBusyPause{1};

uint32_t createContext(Device& device) {
    drm_vmw_extended_context_arg arg{};
    arg.req = drm_vmw_context_dx;
    if (const int result = device.kernel().exchange(DRM_VMW_CREATE_EXTENDED_CONTEXT, arg))
        throw Error("cannot create a DX context: {}", std::strerror(-result));
    return static_cast<uint32_t>(arg.rep.cid);
}

void destroyContext(Device& device, uint32_t id) {
    drm_vmw_context_arg arg{};
    arg.cid = static_cast<int32_t>(id);
    device.kernel().write(DRM_VMW_UNREF_CONTEXT, arg);
}

/** \brief Runs EXECBUF. A buffer that a process holds for exclusive CPU access shows as EBUSY until it lets go. */
int execute(Kernel& kernel, drm_vmw_execbuf_arg& arg) {
    for (;;) {
        const int result = kernel.write(DRM_VMW_EXECBUF, arg);
        if (result != -EBUSY)
            return result;
        std::this_thread::sleep_for(kBusyPause);
    }
}

} // namespace

Context::Context(Device& device)
    : device_(device)
    , id_(0)
    , stream_(std::min(device.info().maxMobMemory / kMemoryShare, kMaxBatchMemory)) {
    id_ = createContext(device); // last: nothing after it can fail
}

Context::~Context() {
    stream_.clear();
    destroyContext(device_, id_);
}

Ref<Fence> Context::submit(Submission submission) {
    const std::span<const uint8_t> commands = stream_.commands();
    if (commands.empty() && !submission.exportFence && !submission.waitFor) {
        stream_.clear();
        return lastFence_;
    }
    drm_vmw_fence_rep fence{};
    fence.error = -EFAULT; // what remains where the kernel could not tell us of the fence
    fence.fd = -1;
    drm_vmw_execbuf_arg arg{};
    arg.commands = reinterpret_cast<uintptr_t>(commands.data());
    arg.command_size = static_cast<uint32_t>(commands.size());
    arg.fence_rep = reinterpret_cast<uintptr_t>(&fence);
    arg.version = DRM_VMW_EXECBUF_VERSION;
    arg.context_handle = id_;
    arg.imported_fence_fd = submission.waitFor.get();
    if (submission.waitFor)
        arg.flags |= DRM_VMW_EXECBUF_FLAG_IMPORT_FENCE_FD;
    if (submission.exportFence)
        arg.flags |= DRM_VMW_EXECBUF_FLAG_EXPORT_FENCE_FD;
    const int result = execute(device_.kernel(), arg);
    stream_.clear();
    if (result)
        throw Error("the kernel refuses a batch of {} bytes for context {}: {}", arg.command_size, id_,
                    std::strerror(-result));
    if (fence.error) {
        // No fence could be made, so the kernel has waited itself.
        lastFence_ = {};
        return {};
    }
    device_.notePassed(fence.passed_seqno);
    lastFence_ = Fence::adopt(device_, fence.handle, fence.seqno, UniqueFd(submission.exportFence ? fence.fd : -1));
    return lastFence_;
}

Context::Mapping Context::map(Surface& surface, const MapAccess& access) {
    if (!access.unsynchronized && stream_.references(surface))
        return {nullptr, true};
    return {surface.map(access), false};
}

} // namespace svga::winsys
