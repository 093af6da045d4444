// SPDX-License-Identifier: MIT
#include "device/interrupts.h"

#include <sys/eventfd.h>

namespace svga::device {

void Interrupts::setEventFd(UniqueFd eventFd) {
    std::lock_guard lock(mutex_);
    eventFd_ = std::move(eventFd);
    signalLocked(status_); // what was raised before somebody listened is not lost
}

void Interrupts::raise(uint32_t bits) {
    std::lock_guard lock(mutex_);
    status_ |= bits;
    signalLocked(bits);
}

void Interrupts::setMask(uint32_t mask) {
    std::lock_guard lock(mutex_);
    uint32_t unmasked = mask & ~mask_;
    mask_ = mask;
    signalLocked(status_ & unmasked);
}

uint32_t Interrupts::mask() const {
    std::lock_guard lock(mutex_);
    return mask_;
}

uint32_t Interrupts::status() const {
    std::lock_guard lock(mutex_);
    return status_;
}

void Interrupts::acknowledge(uint32_t bits) {
    std::lock_guard lock(mutex_);
    status_ &= ~bits;
}

void Interrupts::reset() {
    std::lock_guard lock(mutex_);
    status_ = 0;
    mask_ = 0;
}

void Interrupts::signalLocked(uint32_t bits) {
    if (eventFd_ && (bits & mask_))
        ::eventfd_write(eventFd_.get(), 1); // a hostile descriptor that refuses costs only its owner
}

} // namespace svga::device
