// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/device.h"

#include "util/error.h"

#include <svga_coherent_drm.h>
#include <svga_reg.h>
#include <vmwgfx_drm.h>

#include <cassert>
#include <cstring>

namespace svga::winsys {

namespace {

constexpr uint16_t kDefaultDeviceId = 0x0405;
constexpr uint64_t kDefaultMaxMobMemory = 256u << 20;
constexpr uint64_t kDefaultMaxMobSize = 128u << 20;
/** Far above any device's number of capabilities: what a kernel may at most make us allocate. */
constexpr uint64_t kMaxDevcapBytes = 1u << 20;

bool olderThan(DrmVersion a, DrmVersion b) {
    return a.major != b.major ? a.major < b.major : a.minor < b.minor;
}

} // namespace

Device::Device(std::unique_ptr<Kernel> kernel)
    : kernel_(std::move(kernel)) {
    const std::optional<DrmVersion> version = kernel_->version();
    if (!version)
        throw Error("not a DRM device");
    info_.version = *version;
    if (olderThan(*version, kRequiredVersion))
        throw Error("vmwgfx {}.{} or later is needed, the kernel has {}.{}", kRequiredVersion.major,
                    kRequiredVersion.minor, version->major, version->minor);
    if (!param(DRM_VMW_PARAM_3D).value_or(0))
        throw Error("the device has no 3D acceleration (is it switched on for this virtual machine?)");
    if (!(param(DRM_VMW_PARAM_HW_CAPS).value_or(0) & SVGA_CAP_GBOBJECTS))
        throw Error("the device has no guest-backed objects");

    // The kernel reports the capabilities of guest-backed objects and of SM 4.1 only to those who asked for these
    // parameters, so they come before readDevcaps().
    info_.maxMobMemory = param(DRM_VMW_PARAM_MAX_MOB_MEMORY).value_or(kDefaultMaxMobMemory);
    info_.maxMobSize = param(DRM_VMW_PARAM_MAX_MOB_SIZE).value_or(0);
    if (info_.maxMobSize == 0)
        info_.maxMobSize = kDefaultMaxMobSize;
    if (!param(DRM_VMW_PARAM_DX).value_or(0))
        throw Error("the device has no DX contexts (virtual hardware version 12 or later has)");
    info_.intraSurfaceCopy = param(DRM_VMW_PARAM_HW_CAPS2).value_or(0) != 0;
    info_.sm41 = param(DRM_VMW_PARAM_SM4_1).value_or(0) != 0;
    info_.sm5 = info_.sm41 && param(DRM_VMW_PARAM_SM5).value_or(0) != 0;
    info_.gl43 = info_.sm5 && param(DRM_VMW_PARAM_GL43).value_or(0) != 0;
    info_.dirtyTracking = param(DRM_VMW_PARAM_DIRTY_TRACKING).value_or(0) != 0;
    info_.deviceId = static_cast<uint16_t>(param(DRM_VMW_PARAM_DEVICE_ID).value_or(0));
    if (info_.deviceId == 0)
        info_.deviceId = kDefaultDeviceId;
    readDevcaps();
}

Device::~Device() {
    assert(surfaces_.empty());
}

std::optional<uint64_t> Device::param(uint32_t param) {
    drm_vmw_getparam_arg arg{};
    arg.param = param;
    if (kernel_->exchange(DRM_VMW_GET_PARAM, arg))
        return std::nullopt;
    return arg.value;
}

void Device::readDevcaps() {
    const uint64_t bytes = param(DRM_VMW_PARAM_3D_CAPS_SIZE).value_or(0);
    if (bytes < sizeof(uint32_t) || bytes > kMaxDevcapBytes)
        throw Error("the kernel reports {} bytes of 3D capabilities", bytes);
    info_.devcaps.resize(bytes / sizeof(uint32_t));
    drm_vmw_get_3d_cap_arg arg{};
    arg.buffer = reinterpret_cast<uintptr_t>(info_.devcaps.data());
    arg.max_size = static_cast<uint32_t>(info_.devcaps.size() * sizeof(uint32_t));
    if (const int result = kernel_->write(DRM_VMW_GET_3D_CAP, arg))
        throw Error("cannot read the device's 3D capabilities: {}", std::strerror(-result));
}

std::optional<uint32_t> Device::devcap(uint32_t index) const {
    if (index >= info_.devcaps.size())
        return std::nullopt;
    return info_.devcaps[index];
}

void Device::hostLog(const std::string& message) {
    const std::string command = "log " + message;
    drm_vmw_msg_arg arg{};
    arg.send = reinterpret_cast<uintptr_t>(command.c_str());
    arg.send_only = 1;
    // Only VMware's hypervisor has such a log: a failure is no news.
    (void)kernel_->exchange(DRM_VMW_MSG, arg);
}

void Device::notePassed(uint32_t seqno) {
    constexpr uint64_t kValid = uint64_t(1) << 32;
    uint64_t known = passedSeqno_.load(std::memory_order_relaxed);
    // Sequence numbers wrap, so "newer" is a signed distance.
    while (!(known & kValid) || static_cast<int32_t>(seqno - static_cast<uint32_t>(known)) > 0)
        if (passedSeqno_.compare_exchange_weak(known, kValid | seqno, std::memory_order_release))
            return;
}

bool Device::hasPassed(uint32_t seqno) const {
    const uint64_t known = passedSeqno_.load(std::memory_order_acquire);
    return known >> 32 && static_cast<int32_t>(static_cast<uint32_t>(known) - seqno) >= 0;
}

} // namespace svga::winsys
