// SPDX-License-Identifier: MIT
/**
 * \file
 * One opened SVGA device.
 *
 * The Device is the root of the core: it knows what kernel and device can do, and every other object (Bo, Surface,
 * Context, Fence, Query, Shader) is made on one and must be gone before it.
 *
 * The core has a single memory model: everything is coherent. Each surface is backed by a buffer object that the kernel
 * tracks page by page; the CPU maps it once and keeps it mapped, the kernel uploads what was written before the next
 * submission that uses it and reads back what the device wrote when the CPU touches it. Nothing here ever uploads,
 * reads back or stages. That needs vmwgfx 2.20 or later, guest-backed objects and DX contexts; without them there is no
 * Device.
 */
#pragma once

#include "gallium/winsys/svga/core/kernel.h"
#include "gallium/winsys/svga/core/ref.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace svga::winsys {

class Surface;

/** \brief What the kernel told about itself and the device when the Device was made. */
struct DeviceInfo {
    DrmVersion version;
    uint64_t maxMobMemory;         ///< bytes of guest memory that all MOBs in use together may take
    uint64_t maxMobSize;           ///< bytes of the largest MOB, so of the largest surface
    uint16_t deviceId;             ///< PCI device id: 0x0405 SVGA II, 0x0406 SVGA III
    bool intraSurfaceCopy;         ///< copies within one surface are accepted
    bool sm41, sm5, gl43;          ///< shader models beyond 4.0; each implies the one before
    bool dirtyTracking;            ///< the kernel has the ioctls of svga_coherent_drm.h
    std::vector<uint32_t> devcaps; ///< raw values by SVGA3D_DEVCAP_* index
};

/** \brief An opened device. Any thread. */
class Device {
public:
    /** Oldest kernel driver with everything the core relies on. */
    static constexpr DrmVersion kRequiredVersion{2, 20};

    /** \brief Asks \p kernel for everything in DeviceInfo. Throws Error, in one line, where something required is
     * missing. */
    explicit Device(std::unique_ptr<Kernel> kernel);
    ~Device();

    Kernel& kernel() { return *kernel_; }
    const DeviceInfo& info() const { return info_; }

    /** \brief Value of a device capability; nothing for an index that the kernel does not report. */
    std::optional<uint32_t> devcap(uint32_t index) const;

    /** \brief Hands \p message to the hypervisor's log. Where nobody listens it goes nowhere. */
    void hostLog(const std::string& message);

private:
    friend class Context;
    friend class Fence;
    friend class Surface;

    /** \brief Value of DRM_VMW_PARAM_* \p param, or nothing where the kernel does not know it. */
    std::optional<uint64_t> param(uint32_t param);
    void readDevcaps();

    /** \brief Notes that the device has passed \p seqno: all fences up to it have signalled, no ioctl needed. */
    void notePassed(uint32_t seqno);
    bool hasPassed(uint32_t seqno) const;

    std::unique_ptr<Kernel> kernel_;
    DeviceInfo info_{};

    /** High half non-zero: low half is the newest sequence number known to have passed. */
    std::atomic<uint64_t> passedSeqno_{0};

    /**
     * All live surfaces by kernel handle. A handle names one surface on one device node, so one that an import brings
     * is the same surface, and has to be the same object, or the commands pending on it would be overlooked.
     */
    std::mutex surfacesMutex_;
    std::unordered_map<uint32_t, Surface*> surfaces_;
};

} // namespace svga::winsys
