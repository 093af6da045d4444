// SPDX-License-Identifier: MIT
/**
 * \file
 * Fences: when the device has done its work.
 */
#pragma once

#include "gallium/winsys/svga/core/device.h"

namespace svga::winsys {

/** \brief A point in a device's work: of this device (made by Context::submit()), or a sync file from anywhere. Any
 * thread. */
class Fence final : public RefCounted<Fence> {
public:
    static constexpr uint64_t kInfinite = ~uint64_t(0);

    /** \brief Wraps kernel fence \p handle of sequence number \p seqno; \p fd is its sync file, or empty. */
    static Ref<Fence> adopt(Device& device, uint32_t handle, uint32_t seqno, UniqueFd fd);

    /** \brief Wraps sync file \p fd. */
    static Ref<Fence> import(Device& device, UniqueFd fd);

    /** \brief Whether it has signalled, without waiting. Throws Error where the kernel does not say. */
    bool isSignalled();

    /**
     * \brief Waits for up to \p nanoseconds; kInfinite waits as long as it takes.
     * \return false where the time ran out. Throws Error where the kernel cannot wait.
     */
    bool wait(uint64_t nanoseconds);

    /** \brief The fence as a sync file, or -1. Stays the fence's. */
    int fd() const { return fd_.get(); }

private:
    friend class RefCounted<Fence>;
    Fence(Device& device, std::optional<uint32_t> handle, uint32_t seqno, UniqueFd fd);
    ~Fence();

    bool waitKernel(uint64_t nanoseconds);
    bool waitSyncFile(uint64_t nanoseconds);

    Device& device_;
    const std::optional<uint32_t> handle_; ///< nothing: imported
    const uint32_t seqno_;
    const UniqueFd fd_;
    std::atomic<bool> signalled_{false};
};

/**
 * \brief Makes \p accumulated (a sync file, or empty) wait for \p fd as well; \p fd stays the caller's.
 *
 * Where the kernel cannot merge the two it waits for \p fd here and now, which is slower and as right. Throws Error.
 */
void accumulateSyncFile(Device& device, UniqueFd& accumulated, int fd);

} // namespace svga::winsys
