// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/bo.h"

#include "util/error.h"

#include <svga_coherent_drm.h>
#include <vmwgfx_drm.h>

#include <cerrno>
#include <cstring>

namespace svga::winsys {

namespace {

/** From 16 pages on, a call costs less than a fault for each of them (bench/tracker_bench, WriteAndCollect). */
constexpr uint64_t kLeastAnnounced = 16 * 4096;
/** What is announced is uploaded, written or not; of what is larger a part is often all that is written. */
constexpr uint64_t kMostAnnounced = 16u << 20;

void closeHandle(Device& device, uint32_t handle) {
    drm_vmw_handle_close_arg arg{};
    arg.handle = handle;
    device.kernel().write(DRM_VMW_UNREF_DMABUF, arg);
}

drm_vmw_synccpu_flags syncFlags(const CpuAccess& access) {
    uint32_t flags = drm_vmw_synccpu_read;
    if (access.write)
        flags |= drm_vmw_synccpu_write;
    if (!access.exclusive)
        flags |= drm_vmw_synccpu_allow_cs;
    return static_cast<drm_vmw_synccpu_flags>(flags);
}

} // namespace

Ref<Bo> Bo::create(Device& device, uint32_t size) {
    drm_vmw_alloc_bo_arg arg{};
    arg.req.size = size;
    if (const int result = device.kernel().exchange(DRM_VMW_ALLOC_DMABUF, arg))
        throw Error("cannot allocate a buffer object of {} bytes: {}", size, std::strerror(-result));
    return adopt(device, arg.rep.handle, arg.rep.map_handle, size);
}

Ref<Bo> Bo::adopt(Device& device, uint32_t handle, uint64_t mapHandle, uint32_t size) {
    try {
        return Ref<Bo>::adopt(new Bo(device, handle, mapHandle, size));
    } catch (...) {
        closeHandle(device, handle);
        throw;
    }
}

Bo::Bo(Device& device, uint32_t handle, uint64_t mapHandle, uint32_t size)
    : device_(device)
    , handle_(handle)
    , mapHandle_(mapHandle)
    , size_(size) {}

Bo::~Bo() {
    unmap();
    closeHandle(device_, handle_);
}

void* Bo::map() {
    if (void* address = address_.load(std::memory_order_acquire))
        return address;
    const std::lock_guard lock(mapMutex_);
    void* address = address_.load(std::memory_order_relaxed);
    if (!address) {
        address = device_.kernel().map(mapHandle_, size_, nullptr);
        if (!address)
            throw Error("cannot map buffer object {} of {} bytes: {}", handle_, size_, std::strerror(errno));
        address_.store(address, std::memory_order_release);
    }
    return address;
}

void Bo::mapAt(void* address, size_t size) {
    if (!device_.kernel().map(mapHandle_, size, address))
        throw Error("cannot map {} bytes of buffer object {} at {}: {}", size, handle_,
                    static_cast<const void*>(address), std::strerror(errno));
}

void Bo::unmap() {
    const std::lock_guard lock(mapMutex_);
    if (void* address = address_.exchange(nullptr, std::memory_order_relaxed))
        device_.kernel().unmap(address, size_);
}

bool Bo::beginCpuAccess(const CpuAccess& access) {
    drm_vmw_synccpu_arg arg{};
    arg.op = drm_vmw_synccpu_grab;
    arg.handle = handle_;
    arg.flags = syncFlags(access);
    if (access.dontBlock)
        arg.flags = static_cast<drm_vmw_synccpu_flags>(arg.flags | drm_vmw_synccpu_dontblock);
    for (;;) {
        const int result = device_.kernel().write(DRM_VMW_SYNCCPU, arg);
        if (result == 0)
            return true;
        if (result != -EBUSY)
            throw Error("cannot wait for buffer object {}: {}", handle_, std::strerror(-result));
        // A blocking grab says EBUSY where a signal cut its wait short (vmw_user_bo_synccpu_ioctl): it waits again.
        if (access.dontBlock)
            return false;
    }
}

void Bo::endCpuAccess(const CpuAccess& access) {
    if (!access.exclusive)
        return; // such a grab is over as soon as it is granted
    drm_vmw_synccpu_arg arg{};
    arg.op = drm_vmw_synccpu_release;
    arg.handle = handle_;
    arg.flags = syncFlags(access);
    device_.kernel().write(DRM_VMW_SYNCCPU, arg);
}

void* Bo::beginMapping(const CpuAccess& access, bool synchronized) {
    void* address = map();
    if (synchronized && !beginCpuAccess(access))
        return nullptr;
    const std::lock_guard lock(mapMutex_);
    ++mappings_;
    if (synchronized && access.exclusive)
        exclusiveAccess_.push_back(access);
    return address;
}

void Bo::endMapping() {
    const std::lock_guard lock(mapMutex_);
    if (mappings_ == 0)
        return;
    --mappings_;
    if (exclusiveAccess_.size() > mappings_) {
        endCpuAccess(exclusiveAccess_.back());
        exclusiveAccess_.pop_back();
    }
}

void Bo::announceWrite(uint64_t offset, uint64_t length, bool discard) {
    if (!device_.info().dirtyTracking || length < kLeastAnnounced || length > kMostAnnounced ||
        untracked_.load(std::memory_order_relaxed))
        return;
    drm_vmw_bo_access entry{};
    entry.handle = handle_;
    entry.flags = DRM_VMW_BO_ACCESS_WRITE | (discard ? DRM_VMW_BO_ACCESS_DISCARD : 0);
    entry.offset = offset;
    entry.length = length;
    entry.address = reinterpret_cast<uintptr_t>(map()) + offset;
    drm_vmw_bo_access_arg arg{};
    arg.accesses = reinterpret_cast<uintptr_t>(&entry);
    arg.num_accesses = 1;
    // Any other failure loses no more than this does: the pages fault.
    if (device_.kernel().exchange(DRM_VMW_BO_ACCESS, arg) == -ENODATA)
        untracked_.store(true, std::memory_order_relaxed);
}

bool Bo::isMapped() const {
    const std::lock_guard lock(mapMutex_);
    return mappings_ != 0;
}

} // namespace svga::winsys
