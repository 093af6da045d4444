// SPDX-License-Identifier: MIT
/**
 * \file
 * VGPU10 token stream -> list of instructions.
 *
 * The decoder knows the encoding (VGPU10ShaderTokens.h) and nothing of meaning: after it no other code reads tokens, so
 * bounds are checked here and only here. Declarations are instructions too.
 */
#pragma once

#include "device/vgpu10/translator.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace svga::vgpu10 {

struct Operand;

/** \brief One index of a register operand: immediate plus, where relative is set, a register component. */
struct OperandIndex {
    uint32_t immediate = 0;
    std::unique_ptr<Operand> relative;
};

struct Operand {
    uint32_t type = 0;                          ///< VGPU10_OPERAND_TYPE
    uint8_t mask = 0xf;                         ///< destination: components written, x = bit 0
    std::array<uint8_t, 4> swizzle{0, 1, 2, 3}; ///< source: the component read for each of x, y, z, w
    bool negate = false;
    bool absolute = false;
    uint8_t dimension = 0; ///< number of indices
    std::array<OperandIndex, 3> index;
    std::array<uint32_t, 4>
        immediate{}; ///< IMMEDIATE32: a scalar is replicated. IMMEDIATE64: two doubles, low word first
};

struct Instruction {
    uint32_t opcode = 0;       ///< VGPU10_OPCODE_TYPE
    uint32_t vmwareOpcode = 0; ///< VGPU10_VMWARE_OPCODE_TYPE where opcode is VGPU10_OPCODE_VMWARE
    uint32_t control = 0;      ///< the whole opcode token; its other fields depend on the opcode
    uint32_t offset = 0;       ///< token offset of the opcode token
    std::array<int8_t, 3> texelOffset{};
    std::vector<Operand> operands; ///< destinations, then sources
    std::vector<uint32_t> words;   ///< the plain words of a declaration

    bool saturate() const { return (control >> 13) & 1; }
    bool testNonZero() const { return (control >> 18) & 1; }
    bool precise() const { return (control >> 19) & 0xf; }
    const char* name() const;
    bool isDeclaration() const;
};

struct SignatureEntry {
    uint32_t registerIndex = 0;
    uint32_t semantic = 0; ///< SVGA3dDXSignatureSemanticName
    uint8_t mask = 0;
};

/** \brief The signatures that follow the bytecode of shader model 5 shaders (SVGA3dDXShaderSignatureHeader). */
struct Signatures {
    std::vector<SignatureEntry> inputs, outputs, patchConstants;
};

struct Program {
    Stage stage = Stage::Vertex;
    uint32_t majorVersion = 4, minorVersion = 0;
    std::vector<Instruction> instructions;
    std::vector<std::array<uint32_t, 4>> immediateConstants;
    Signatures signatures;
};

/** \throws TranslateError where the stream is malformed, naming the token offset */
Program decode(std::span<const uint32_t> tokens);

} // namespace svga::vgpu10
