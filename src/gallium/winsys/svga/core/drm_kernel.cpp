// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/drm_kernel.h"

#include "util/error.h"

#include <linux/sync_file.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>

namespace svga::winsys {

DrmKernel::DrmKernel(int fd)
    : fd_(fcntl(fd, F_DUPFD_CLOEXEC, 3)) {
    if (!fd_)
        throw Error("cannot duplicate the device's file descriptor {}: {}", fd, std::strerror(errno));
}

int DrmKernel::command(unsigned index, Direction direction, void* argument, size_t size) {
    // libdrm restarts on EINTR and EAGAIN.
    return direction == Direction::Write ? drmCommandWrite(fd_.get(), index, argument, size)
                                         : drmCommandWriteRead(fd_.get(), index, argument, size);
}

std::optional<DrmVersion> DrmKernel::version() {
    std::unique_ptr<drmVersion, decltype(&drmFreeVersion)> version(drmGetVersion(fd_.get()), drmFreeVersion);
    if (!version)
        return std::nullopt;
    return DrmVersion{version->version_major, version->version_minor};
}

void* DrmKernel::map(uint64_t offset, size_t size, void* address) {
    const int flags = MAP_SHARED | (address ? MAP_FIXED : 0);
    void* mapped = mmap(address, size, PROT_READ | PROT_WRITE, flags, fd_.get(), static_cast<off_t>(offset));
    return mapped == MAP_FAILED ? nullptr : mapped;
}

void DrmKernel::unmap(void* address, size_t size) {
    munmap(address, size);
}

int DrmKernel::exportHandle(uint32_t handle, UniqueFd& fd) {
    int exported = -1;
    if (drmPrimeHandleToFD(fd_.get(), handle, DRM_CLOEXEC, &exported))
        return -errno;
    fd.reset(exported);
    return 0;
}

int DrmKernel::waitSyncFile(int fd, int milliseconds) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
    pollfd entry{fd, POLLIN, 0};
    for (;;) {
        const int ready = poll(&entry, 1, milliseconds);
        if (ready > 0)
            return entry.revents & (POLLERR | POLLNVAL) ? -EINVAL : 0;
        if (ready == 0)
            return -ETIME;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
        if (milliseconds > 0) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
            milliseconds = left > 0 ? static_cast<int>(left) : 0;
        }
    }
}

int DrmKernel::mergeSyncFiles(int a, int b, UniqueFd& merged) {
    sync_merge_data data{};
    std::snprintf(data.name, sizeof(data.name), "vmwgfx");
    data.fd2 = b;
    if (drmIoctl(a, SYNC_IOC_MERGE, &data))
        return -errno;
    merged.reset(data.fence);
    return 0;
}

} // namespace svga::winsys
