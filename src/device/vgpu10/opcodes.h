// SPDX-License-Identifier: MIT
/**
 * \file
 * The shape of every VGPU10 instruction: how many destination and source operands follow the opcode tokens, and how
 * many plain 32-bit words follow those. One table serves the decoder and the messages of TranslateError.
 */
#pragma once

#include <cstdint>

namespace svga::vgpu10 {

struct OpcodeShape {
    const char* name = nullptr; ///< null: the opcode does not exist or is none this device knows
    uint8_t destinations = 0;
    uint8_t sources = 0;
    uint8_t words = 0;
    bool declaration = false;
};

/** \brief Shape of an opcode (VGPU10_OPCODE_TYPE); for VGPU10_OPCODE_VMWARE that of the sub-opcode. */
OpcodeShape opcodeShape(uint32_t opcode, uint32_t vmwareOpcode);

} // namespace svga::vgpu10
