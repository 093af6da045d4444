// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/fence.h"

#include "util/error.h"

#include <vmwgfx_drm.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <fcntl.h>

namespace svga::winsys {

namespace {

using Clock = std::chrono::steady_clock;

/** The kernel scales its timeout by the tick rate in 64 bits: longer waits are made of these. */
constexpr uint64_t kLongestWait = 3600ull * 1000 * 1000 * 1000;

uint64_t divideUp(uint64_t value, uint64_t divisor) {
    return value / divisor + (value % divisor != 0);
}

} // namespace

Ref<Fence> Fence::adopt(Device& device, uint32_t handle, uint32_t seqno, UniqueFd fd) {
    return Ref<Fence>::adopt(new Fence(device, handle, seqno, std::move(fd)));
}

Ref<Fence> Fence::import(Device& device, UniqueFd fd) {
    return Ref<Fence>::adopt(new Fence(device, std::nullopt, 0, std::move(fd)));
}

Fence::Fence(Device& device, std::optional<uint32_t> handle, uint32_t seqno, UniqueFd fd)
    : device_(device)
    , handle_(handle)
    , seqno_(seqno)
    , fd_(std::move(fd)) {}

Fence::~Fence() {
    if (!handle_)
        return;
    drm_vmw_fence_arg arg{};
    arg.handle = *handle_;
    device_.kernel().write(DRM_VMW_FENCE_UNREF, arg);
}

bool Fence::isSignalled() {
    if (signalled_.load(std::memory_order_acquire))
        return true;
    if (!handle_)
        return wait(0);
    if (!device_.hasPassed(seqno_)) {
        drm_vmw_fence_signaled_arg arg{};
        arg.handle = *handle_;
        arg.flags = DRM_VMW_FENCE_FLAG_EXEC;
        if (const int result = device_.kernel().exchange(DRM_VMW_FENCE_SIGNALED, arg))
            throw Error("cannot ask for fence {}: {}", *handle_, std::strerror(-result));
        device_.notePassed(arg.passed_seqno);
        if (!arg.signaled)
            return false;
    }
    signalled_.store(true, std::memory_order_release);
    return true;
}

bool Fence::wait(uint64_t nanoseconds) {
    if (signalled_.load(std::memory_order_acquire))
        return true;
    if (handle_ && (nanoseconds == 0 || device_.hasPassed(seqno_)))
        return isSignalled();
    const Clock::time_point start = Clock::now();
    for (uint64_t left = nanoseconds;;) {
        const uint64_t slice = std::min(left, kLongestWait);
        if (handle_ ? waitKernel(slice) : waitSyncFile(slice)) {
            signalled_.store(true, std::memory_order_release);
            return true;
        }
        if (nanoseconds == kInfinite)
            continue;
        const uint64_t passed = std::chrono::nanoseconds(Clock::now() - start).count();
        if (passed >= nanoseconds)
            return false;
        left = nanoseconds - passed;
    }
}

bool Fence::waitKernel(uint64_t nanoseconds) {
    drm_vmw_fence_wait_arg arg{};
    arg.handle = *handle_;
    arg.timeout_us = divideUp(nanoseconds, 1000);
    arg.flags = DRM_VMW_FENCE_FLAG_EXEC;
    const int result = device_.kernel().exchange(DRM_VMW_FENCE_WAIT, arg);
    if (result == 0)
        return true;
    if (result == -EBUSY || result == -ETIME)
        return false;
    throw Error("cannot wait for fence {}: {}", *handle_, std::strerror(-result));
}

bool Fence::waitSyncFile(uint64_t nanoseconds) {
    const uint64_t milliseconds = std::min<uint64_t>(divideUp(nanoseconds, 1000 * 1000), INT_MAX);
    const int result = device_.kernel().waitSyncFile(fd_.get(), static_cast<int>(milliseconds));
    if (result == 0)
        return true;
    if (result == -ETIME)
        return false;
    throw Error("cannot wait for sync file {}: {}", fd_.get(), std::strerror(-result));
}

void accumulateSyncFile(Device& device, UniqueFd& accumulated, int fd) {
    UniqueFd merged;
    if (!accumulated) {
        merged.reset(fcntl(fd, F_DUPFD_CLOEXEC, 3));
        if (!merged)
            throw Error("cannot duplicate sync file {}: {}", fd, std::strerror(errno));
    } else if (device.kernel().mergeSyncFiles(accumulated.get(), fd, merged)) {
        if (const int result = device.kernel().waitSyncFile(fd, -1))
            throw Error("cannot wait for sync file {}: {}", fd, std::strerror(-result));
        return;
    }
    accumulated = std::move(merged);
}

} // namespace svga::winsys
