// SPDX-License-Identifier: MIT
// The dirty-tracking ioctls. What they promise is said in svga_coherent_drm.h.
#include "shim/kernel/device_file.h"
#include "shim/kernel/user_memory.h"

#include <svga_coherent_drm.h>

#include <algorithm>
#include <cerrno>

namespace svga::shim {

namespace {

/// The handle's buffer object. With the lock held.
std::shared_ptr<BufferObject> findBuffer(const Handles& handles, uint32_t handle) {
    auto buffer = handles.find<BufferObject>(handle);
    if (!buffer)
        throw IoctlError(ENOENT);
    return buffer;
}

std::shared_ptr<BufferObject> findTracked(const Handles& handles, uint32_t handle) {
    auto buffer = findBuffer(handles, handle);
    if (!buffer->isTracked())
        throw IoctlError(ENODATA);
    return buffer;
}

/// How writes are found. Both userfaultfd's ways protect pages until the first write.
uint32_t modeOf(const BufferObject& buffer, TrackerMode tracker) {
    if (buffer.tracking.mode == DRM_VMW_BO_TRACKING_EXPLICIT)
        return DRM_VMW_BO_TRACKING_EXPLICIT;
    return tracker == TrackerMode::All ? DRM_VMW_BO_TRACKING_PAGETABLE : DRM_VMW_BO_TRACKING_MKWRITE;
}

uint64_t pageCount(const std::vector<PageRun>& runs) {
    uint64_t bytes = 0;
    for (const PageRun& run : runs)
        bytes += run.size;
    return bytes / kPageSize;
}

} // namespace

void DeviceFile::queryDirty(drm_vmw_bo_dirty_query_arg& arg) {
    if ((arg.flags & ~uint32_t{DRM_VMW_BO_DIRTY_QUERY_SCAN}) != 0 || arg.pad != 0)
        throw IoctlError(EINVAL);
    drm_vmw_bo_dirty_query_arg reply{};
    reply.ranges = arg.ranges;
    reply.handle = arg.handle;
    reply.flags = arg.flags;
    std::vector<PageRun> dirty;
    {
        auto held = kernel().lock();
        const auto buffer = findBuffer(handles_, arg.handle);
        if (buffer->isTracked()) {
            Coherence& coherence = kernel_->coherence();
            if ((arg.flags & DRM_VMW_BO_DIRTY_QUERY_SCAN) != 0)
                coherence.scan(*buffer);
            dirty = coherence.dirty(*buffer);
            const Tracking& tracking = buffer->tracking;
            const FaultCounts faults = kernel_->tracker().faults(buffer->memory.offset);
            reply.mode = modeOf(*buffer, kernel_->tracker().mode());
            reply.pinned = tracking.mode != DRM_VMW_BO_TRACKING_AUTO;
            reply.dirty_pages = pageCount(dirty);
            reply.stale_pages = pageCount(coherence.stale(*buffer));
            reply.read_faults = faults.touches;
            reply.write_faults = faults.writes;
            reply.declared_pages = tracking.declaredPages;
            reply.scans = tracking.scans;
            reply.uploaded_pages = tracking.uploadedPages;
            reply.uploaded_bytes = tracking.uploadedBytes;
            reply.read_back_bytes = tracking.readBackBytes;
        }
    }
    std::vector<drm_vmw_bo_range> ranges;
    for (std::size_t i = 0; i < dirty.size() && i < arg.num_ranges; ++i)
        ranges.push_back({dirty[i].offset, dirty[i].size});
    copyToUser(arg.ranges, ranges.data(), ranges.size() * sizeof(ranges[0]));
    reply.num_ranges = static_cast<uint32_t>(dirty.size());
    arg = reply;
}

/** \brief A checked entry of DRM_VMW_BO_ACCESS; bytes of the buffer object. */
struct DeviceFile::Access {
    std::shared_ptr<BufferObject> buffer;
    uint32_t flags;
    uint64_t begin, end;
    uintptr_t address;
};

/// With the lock held.
DeviceFile::Access DeviceFile::checkAccess(const drm_vmw_bo_access& given) {
    constexpr uint32_t kKnownFlags = DRM_VMW_BO_ACCESS_READ | DRM_VMW_BO_ACCESS_WRITE | DRM_VMW_BO_ACCESS_DISCARD;
    if (given.flags == 0 || (given.flags & ~kKnownFlags) != 0)
        throw IoctlError(EINVAL);
    auto buffer = findBuffer(handles_, given.handle);
    const uint64_t size = buffer->memory.size;
    if (given.length == 0 || given.length > size || given.offset > size - given.length)
        throw IoctlError(EINVAL);
    if (!buffer->isTracked())
        throw IoctlError(ENODATA);
    return {std::move(buffer), given.flags, given.offset, given.offset + given.length, given.address};
}

/// \return the seqno of the readback under way; 0: the memory is current.
uint64_t DeviceFile::carryOut(const Access& access, bool wait, Kernel::Lock& held) {
    BufferObject& buffer = *access.buffer;
    const uint64_t size = access.end - access.begin;
    const bool write = (access.flags & DRM_VMW_BO_ACCESS_WRITE) != 0;
    if (access.address != 0) {
        const auto shown = kernel_->shownAt(access.address, size);
        if (!shown || shown->offset != buffer.memory.offset + access.begin)
            throw IoctlError(EINVAL);
        if (write && !shown->writable)
            throw IoctlError(EACCES);
    }
    Coherence& coherence = kernel_->coherence();
    if ((access.flags & DRM_VMW_BO_ACCESS_DISCARD) != 0)
        coherence.discard(buffer, access.begin, access.end);
    if ((access.flags & ~uint32_t{DRM_VMW_BO_ACCESS_DISCARD}) == 0)
        return 0;
    const PageRun pages = pagesOf(buffer.memory.offset + access.begin, buffer.memory.offset + access.end);
    uint64_t seqno = 0;
    if (!wait)
        seqno = kernel_->startReadback(access.buffer, pages.offset, pages.size);
    else if (!kernel_->readBackAndWait(access.buffer, pages.offset, pages.size, held))
        throw IoctlError(EIO);
    coherence.validate(buffer);
    if (!buffer.isTracked()) // the last surface went while the lock was given up
        return seqno;
    coherence.prepareAccess(buffer, access.begin, access.end, write);
    return seqno;
}

void DeviceFile::declareAccess(drm_vmw_bo_access_arg& arg) {
    const bool fence = (arg.flags & DRM_VMW_BO_ACCESS_FENCE) != 0;
    if ((arg.flags & ~uint32_t{DRM_VMW_BO_ACCESS_FENCE}) != 0 || arg.pad != 0 ||
        arg.num_accesses > DRM_VMW_BO_ACCESS_MAX)
        throw IoctlError(EINVAL);
    arg.fence_handle = 0;
    if (arg.num_accesses == 0)
        return;
    std::vector<drm_vmw_bo_access> given(arg.num_accesses);
    copyFromUser(given.data(), arg.accesses, given.size() * sizeof(given[0]));
    auto held = kernel().lock();
    std::vector<Access> accesses; // let go of before the lock is
    for (const drm_vmw_bo_access& entry : given)
        accesses.push_back(checkAccess(entry));
    uint64_t seqno = 0;
    for (const Access& access : accesses)
        seqno = std::max(seqno, carryOut(access, !fence, held));
    if (fence && seqno != 0)
        arg.fence_handle = handles_.add(std::make_shared<FenceObject>(FenceObject{seqno}));
}

void DeviceFile::setTracking(const drm_vmw_bo_tracking_arg& arg) {
    if (arg.mode == DRM_VMW_BO_TRACKING_NONE || arg.mode > DRM_VMW_BO_TRACKING_EXPLICIT || arg.flags != 0 ||
        arg.pad != 0)
        throw IoctlError(EINVAL);
    auto held = kernel().lock();
    const auto buffer = findTracked(handles_, arg.handle);
    kernel_->coherence().setMode(*buffer, static_cast<enum drm_vmw_bo_tracking_mode>(arg.mode));
}

} // namespace svga::shim
