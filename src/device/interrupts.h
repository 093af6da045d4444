// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.h"

#include <cstdint>
#include <mutex>

namespace svga::device {

/**
 * \brief The device's one interrupt: status bits, a mask, and the eventfd by which the guest is told.
 *
 * Message signalled: the guest is told once for each bit that is raised while it is in the mask, and for bits that are
 * pending when they are unmasked. Any thread.
 */
class Interrupts {
public:
    void setEventFd(UniqueFd eventFd);

    /** \param bits SVGA_IRQFLAG_* */
    void raise(uint32_t bits);

    void setMask(uint32_t mask);
    uint32_t mask() const;
    uint32_t status() const;
    void acknowledge(uint32_t bits);
    /** \brief No bit pending, all masked; the eventfd stays. */
    void reset();

private:
    void signalLocked(uint32_t bits);

    mutable std::mutex mutex_;
    UniqueFd eventFd_;
    uint32_t status_ = 0;
    uint32_t mask_ = 0;
};

} // namespace svga::device
