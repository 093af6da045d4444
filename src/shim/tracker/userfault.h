// SPDX-License-Identifier: MIT
/**
 * \file
 * A userfaultfd: page faults of registered mappings, served by this process.
 */
#pragma once

#include "util/unique_fd.h"

#include <cstddef>
#include <cstdint>

struct uffd_msg;

namespace svga::shim {

class Userfault {
public:
    /**
     * \brief Opens a userfaultfd, with faults by system calls if the process may have that.
     *
     * Tried in this order: userfaultfd(2), /dev/userfaultfd, userfaultfd(2) with UFFD_USER_MODE_ONLY.
     * \param features UFFD_FEATURE_* that must be there.
     * \param fullFeatures those that are asked for as well where faults by system calls are served, if the kernel has
     * them. \throws Error
     */
    Userfault(uint64_t features, uint64_t fullFeatures);

    /** \brief Whether faults by system calls are served; otherwise (UFFD_USER_MODE_ONLY) they fail with EFAULT. */
    bool servesSystemCalls() const { return servesSystemCalls_; }

    /** \brief The features that were enabled. */
    uint64_t features() const { return features_; }

    int fd() const { return fd_.get(); }

    /** \param mode UFFDIO_REGISTER_MODE_*. \throws Error */
    void add(uintptr_t address, uint64_t size, uint64_t mode);

    /** \brief Back to a mapping like any other; wakes all who wait there. Nothing happens where nothing is mapped. */
    void remove(uintptr_t address, uint64_t size) noexcept;

    /** \brief Write-protects, also what is not populated yet. \return 0 or an errno value */
    int protect(uintptr_t address, uint64_t size) noexcept;

    /** \brief Makes writable and wakes who waits for that. \return 0 or an errno value */
    int unprotect(uintptr_t address, uint64_t size) noexcept;

    /** \brief How far proceed() came. */
    struct Progress {
        uint64_t size; ///< bytes mapped
        int error;     ///< 0, or the errno value of what stopped it
    };

    /**
     * \brief Maps pages that exist, protected or \p writable, until the first that cannot be, and wakes who waits.
     *
     * Stops with EEXIST at a page that is mapped already, EFAULT at one that does not exist, ENOENT outside registered
     * mappings.
     */
    Progress proceed(uintptr_t address, uint64_t size, bool writable = false) noexcept;

    /** \brief Lets who waits at these addresses try again, whatever is mapped there now. */
    void wake(uintptr_t address, uint64_t size) noexcept;

    /**
     * \brief Reads the next pending message.
     *
     * One at a time: serving it may wake others who wait, and their messages go with them - unless they were read
     * already. \return false if none is pending
     */
    bool read(uffd_msg& message) noexcept;

private:
    UniqueFd fd_;
    uint64_t features_ = 0;
    bool servesSystemCalls_ = false;
};

} // namespace svga::shim
