// SPDX-License-Identifier: MIT
#pragma once

#include "device/picture.h"

#include <svga_reg.h>

#include <array>
#include <cstdint>

namespace svga::device {

class Interrupts;
class Machine;

/**
 * \brief The SVGA_REG_* registers: register n is the 32-bit word n of BAR 0.
 *
 * Most hold what was written; those that do something or tell something are handled here. vfio-user thread only.
 */
class Registers {
public:
    explicit Registers(Interrupts& interrupts);

    /** \param index below kRegisterBarSize / 4; registers that do not exist read 0 and ignore writes. */
    uint32_t read(uint32_t index, const Machine& machine) const;
    void write(uint32_t index, uint32_t value, Machine& machine);

    CursorState cursor() const;

private:
    Interrupts* interrupts_;
    std::array<uint32_t, SVGA_REG_TOP> values_{};
};

} // namespace svga::device
