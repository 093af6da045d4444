// SPDX-License-Identifier: MIT
#pragma once

#include "shim/kernel/page_runs.h"

#include <sys/stat.h>

#include <cstdint>

namespace svga::shim {

/** \brief A file description of the embedded kernel's, behind one or more descriptors. Any thread. */
class OpenFile {
public:
    virtual ~OpenFile() = default;

    /** \return 0 or a negative errno. \p argument is the caller's memory. */
    virtual int ioctl(unsigned long request, void* argument) = 0;
    /** \brief Adjusts what fstat() said of the real file behind it. */
    virtual void stat(struct stat& out) const = 0;

    /**
     * \brief Where in guest memory an mmap() of [offset, offset + size) of this file lies.
     * \return an offset, or a negative errno.
     */
    virtual int64_t mapOffset(uint64_t offset, uint64_t size) = 0;
    /** \brief Such an mmap() was done; \p offset is of guest memory. */
    virtual void mapped(void* address, uint64_t offset, uint64_t size, bool writable) = 0;
};

} // namespace svga::shim
