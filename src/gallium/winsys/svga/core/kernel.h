// SPDX-License-Identifier: MIT
/**
 * \file
 * The seam between the winsys and the operating system.
 *
 * Everything the core asks of the kernel goes through one Kernel object: the vmwgfx ioctls, mappings of buffer objects,
 * handles shared with other processes, and sync files. DrmKernel (drm_kernel.h) is the real one; the unit tests have a
 * fake.
 */
#pragma once

#include "util/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace svga::winsys {

struct DrmVersion {
    int major;
    int minor;
};

/**
 * \brief The services of one open vmwgfx device node.
 *
 * All members may be called from any thread. Results are 0 (or what the member says) on success and -errno on failure;
 * an implementation restarts what a signal interrupted, so -EINTR is never seen.
 */
class Kernel {
public:
    /** How an ioctl's argument travels. The kernel refuses a vmwgfx ioctl whose encoded direction is not the documented
     * one. */
    enum class Direction { Write, WriteRead };

    virtual ~Kernel() = default;

    /** \brief Runs driver ioctl \p index (DRM_VMW_*) on the \p size bytes at \p argument. */
    virtual int command(unsigned index, Direction direction, void* argument, size_t size) = 0;

    /** \brief Version of the kernel driver, or nothing where the node is no DRM device. */
    virtual std::optional<DrmVersion> version() = 0;

    /** \brief The device node's file descriptor; owned by this object. */
    virtual int fd() const = 0;

    /**
     * \brief Maps \p size bytes at \p offset (a map handle), readable and writable: at \p address in place of what is
     * there, or anywhere where that is null. Null on failure, reason in errno.
     */
    virtual void* map(uint64_t offset, size_t size, void* address) = 0;
    virtual void unmap(void* address, size_t size) = 0;

    /** \brief Exports a surface as a prime file descriptor. */
    virtual int exportHandle(uint32_t handle, UniqueFd& fd) = 0;

    /** \brief Waits for a sync file: 0 when signalled, -ETIME after \p milliseconds; -1 waits without end. */
    virtual int waitSyncFile(int fd, int milliseconds) = 0;

    /** \brief Makes a sync file that signals when both \p a and \p b have. */
    virtual int mergeSyncFiles(int a, int b, UniqueFd& merged) = 0;

    /** \brief Runs an ioctl that only takes. */
    template <typename Argument>
    int write(unsigned index, Argument& argument) {
        return command(index, Direction::Write, &argument, sizeof(argument));
    }

    /** \brief Runs an ioctl that takes and gives. */
    template <typename Argument>
    int exchange(unsigned index, Argument& argument) {
        return command(index, Direction::WriteRead, &argument, sizeof(argument));
    }
};

} // namespace svga::winsys
