// SPDX-License-Identifier: MIT
/**
 * \file
 * Writes VGPU10 instructions: the encoding of opcodes and operands (VGPU10ShaderTokens.h), and nothing of what they
 * mean.
 *
 * An operand is written as a destination (the components of its mask) or as a source (its swizzle) by where it stands
 * in an instruction.
 */
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include <VGPU10ShaderTokens.h>

namespace svga::vulkan {

using Swizzle = std::array<uint8_t, 4>;
inline constexpr Swizzle kIdentity{0, 1, 2, 3};

/** \brief Mask of the lowest \p components components. */
constexpr uint8_t lowMask(uint32_t components) {
    return static_cast<uint8_t>((1u << components) - 1);
}

/** \brief A component of a temporary, added to an index. */
struct RelativeIndex {
    uint32_t temp = 0;
    uint8_t component = 0;
};

struct OperandIndex {
    uint32_t immediate = 0;
    std::optional<RelativeIndex> relative;
};

struct Operand {
    uint32_t type = VGPU10_OPERAND_TYPE_NULL;
    uint32_t components = VGPU10_OPERAND_4_COMPONENT; ///< VGPU10_OPERAND_NUM_COMPONENTS
    uint8_t mask = 0xf;
    Swizzle swizzle = kIdentity;
    bool negate = false, absolute = false;
    uint8_t dimension = 0;
    std::array<OperandIndex, 2> index;
    std::array<uint32_t, 4> immediate{}; ///< IMMEDIATE32 and IMMEDIATE64

    Operand masked(uint8_t components_) const;
    /** \brief Its components picked by \p by: what was component by[n] is component n. */
    Operand swizzled(const Swizzle& by) const;
    /** \brief Component \p n in all. */
    Operand scalar(uint8_t n) const { return swizzled({n, n, n, n}); }
    /** \brief Moved up: what was component n is component n + \p by, for writing to later components of a register. */
    Operand shifted(uint32_t by) const;
    Operand negated() const;
    Operand magnitude() const;
    /** \brief Encoded as one selected component, the first of the swizzle, where the instruction asks for that. */
    Operand selected() const;

    bool selectOne = false;
};

Operand registerOperand(uint32_t type, std::initializer_list<OperandIndex> indices);
inline Operand temp(uint32_t n) {
    return registerOperand(VGPU10_OPERAND_TYPE_TEMP, {{n, {}}});
}
Operand immediate(std::array<uint32_t, 4> words);
inline Operand immediate(uint32_t word) {
    return immediate(std::array<uint32_t, 4>{word, word, word, word});
}
Operand immediate(float value);
/** \brief Without components: samplers, streams, and the null destination. */
Operand bare(uint32_t type, std::initializer_list<OperandIndex> indices);
inline Operand nullOperand() {
    return bare(VGPU10_OPERAND_TYPE_NULL, {});
}

/** \brief The fields of an opcode token beside the opcode, and the texel offset that follows it. */
struct Control {
    bool saturate = false;
    bool nonZero = false; ///< of a condition: taken where it is not zero
    uint8_t precise = 0;  ///< components whose value may not be changed by refactoring
    uint32_t bits = 0;    ///< or-ed in as they are
    std::array<int8_t, 3> texelOffset{};
};

class TokenBuilder {
public:
    /** \throws Error where the instruction is longer than its length field can say */
    void op(uint32_t opcode, std::initializer_list<Operand> destinations = {},
            std::initializer_list<Operand> sources = {}, Control control = {});
    /** \brief A declaration: at most one operand, then plain words. */
    void declare(uint32_t opcode, std::initializer_list<Operand> operands, std::initializer_list<uint32_t> words = {},
                 uint32_t bits = 0);
    void append(std::span<const uint32_t> tokens) { tokens_.insert(tokens_.end(), tokens.begin(), tokens.end()); }
    void immediateConstants(std::span<const std::array<uint32_t, 4>> constants);

    const std::vector<uint32_t>& tokens() const { return tokens_; }
    bool empty() const { return tokens_.empty(); }

private:
    void operand(const Operand& operand, bool destination);
    void finish(size_t start);

    std::vector<uint32_t> tokens_;
};

} // namespace svga::vulkan
