// SPDX-License-Identifier: MIT
#pragma once

#include "device/picture.h"

#include <svga_reg.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace svga::device {

class Interrupts;
class Machine;

/**
 * \brief The SVGA_REG_* registers: register n is the 32-bit word n of BAR 0.
 *
 * Most hold what was written; those that do something or tell something are handled here. vfio-user thread only, except
 * cursor() and cursorChanges().
 */
class Registers {
public:
    explicit Registers(Interrupts& interrupts);
    void reset();

    /** \param index below kRegisterBarSize / 4; registers that do not exist read 0 and ignore writes. */
    uint32_t read(uint32_t index, const Machine& machine) const;
    void write(uint32_t index, uint32_t value, Machine& machine);

    /** \brief The cursor as of some moment during the call. Any thread. */
    CursorState cursor() const;
    /** \brief Grows with each write that may change the cursor. Any thread. */
    uint64_t cursorChanges() const { return cursorChanges_; }

private:
    Interrupts& interrupts_;
    std::array<std::atomic<uint32_t>, SVGA_REG_TOP> values_{};
    std::atomic<uint64_t> cursorChanges_{0};
};

} // namespace svga::device
