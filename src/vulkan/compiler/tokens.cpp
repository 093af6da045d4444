// SPDX-License-Identifier: MIT
#include "vulkan/compiler/tokens.h"

#include "util/error.h"

#include <bit>

namespace svga::vulkan {
namespace {

constexpr uint32_t kMaxInstructionLength = 127;

} // namespace

Operand Operand::masked(uint8_t components_) const {
    Operand result = *this;
    result.mask = components_;
    return result;
}

Operand Operand::swizzled(const Swizzle& by) const {
    Operand result = *this;
    for (size_t c = 0; c < 4; ++c) {
        if (type == VGPU10_OPERAND_TYPE_IMMEDIATE32)
            result.immediate[c] = immediate[by[c]];
        else
            result.swizzle[c] = swizzle[by[c]];
    }
    return result;
}

Operand Operand::shifted(uint32_t by) const {
    Swizzle moved{};
    for (uint32_t c = 0; c < 4; ++c)
        moved[c] = static_cast<uint8_t>(c < by ? 0 : c - by);
    Operand result = swizzled(moved);
    result.mask = static_cast<uint8_t>(mask << by & 0xf);
    return result;
}

Operand Operand::negated() const {
    Operand result = *this;
    result.negate = !negate;
    return result;
}

Operand Operand::magnitude() const {
    Operand result = *this;
    result.absolute = true;
    result.negate = false;
    return result;
}

Operand Operand::selected() const {
    Operand result = *this;
    result.components = VGPU10_OPERAND_4_COMPONENT;
    result.selectOne = true;
    return result;
}

Operand registerOperand(uint32_t type, std::initializer_list<OperandIndex> indices) {
    Operand result;
    result.type = type;
    for (const OperandIndex& index : indices)
        result.index[result.dimension++] = index;
    return result;
}

Operand immediate(std::array<uint32_t, 4> words) {
    Operand result;
    result.type = VGPU10_OPERAND_TYPE_IMMEDIATE32;
    result.immediate = words;
    return result;
}

Operand immediate(float value) {
    return immediate(std::bit_cast<uint32_t>(value));
}

Operand bare(uint32_t type, std::initializer_list<OperandIndex> indices) {
    Operand result = registerOperand(type, indices);
    result.components = VGPU10_OPERAND_0_COMPONENT;
    return result;
}

void TokenBuilder::operand(const Operand& operand, bool destination) {
    VGPU10OperandToken0 token;
    token.value = 0;
    token.numComponents = operand.components;
    token.operandType = operand.type;
    token.indexDimension = operand.dimension;
    const bool isImmediate =
        operand.type == VGPU10_OPERAND_TYPE_IMMEDIATE32 || operand.type == VGPU10_OPERAND_TYPE_IMMEDIATE64;
    if (operand.components == VGPU10_OPERAND_4_COMPONENT && destination) {
        token.selectionMode = VGPU10_OPERAND_4_COMPONENT_MASK_MODE;
        token.mask = operand.mask;
    } else if (operand.selectOne) {
        token.selectionMode = VGPU10_OPERAND_4_COMPONENT_SELECT_1_MODE;
        token.selectMask = operand.swizzle[0];
    } else if (operand.components == VGPU10_OPERAND_4_COMPONENT) {
        const Swizzle swizzle = isImmediate ? kIdentity : operand.swizzle;
        token.selectionMode = VGPU10_OPERAND_4_COMPONENT_SWIZZLE_MODE;
        token.swizzleX = swizzle[0];
        token.swizzleY = swizzle[1];
        token.swizzleZ = swizzle[2];
        token.swizzleW = swizzle[3];
    }
    const auto representation = [&](size_t n) {
        const auto& index = operand.index[n];
        if (!index.relative)
            return VGPU10_OPERAND_INDEX_IMMEDIATE32;
        return index.immediate ? VGPU10_OPERAND_INDEX_IMMEDIATE32_PLUS_RELATIVE : VGPU10_OPERAND_INDEX_RELATIVE;
    };
    token.index0Representation = representation(0);
    token.index1Representation = representation(1);
    token.extended = operand.negate || operand.absolute;
    tokens_.push_back(token.value);
    if (token.extended) {
        VGPU10OperandToken1 modifier;
        modifier.value = 0;
        modifier.extendedOperandType = VGPU10_EXTENDED_OPERAND_MODIFIER;
        modifier.operandModifier = (operand.negate ? uint32_t{VGPU10_OPERAND_MODIFIER_NEG} : 0) |
                                   (operand.absolute ? uint32_t{VGPU10_OPERAND_MODIFIER_ABS} : 0);
        tokens_.push_back(modifier.value);
    }
    if (isImmediate) {
        append(operand.immediate);
        return;
    }
    for (size_t n = 0; n < operand.dimension; ++n) {
        const OperandIndex& index = operand.index[n];
        if (!index.relative || index.immediate)
            tokens_.push_back(index.immediate);
        if (!index.relative)
            continue;
        VGPU10OperandToken0 relative;
        relative.value = 0;
        relative.numComponents = VGPU10_OPERAND_4_COMPONENT;
        relative.selectionMode = VGPU10_OPERAND_4_COMPONENT_SELECT_1_MODE;
        relative.selectMask = index.relative->component;
        relative.operandType = VGPU10_OPERAND_TYPE_TEMP;
        relative.indexDimension = VGPU10_OPERAND_INDEX_1D;
        tokens_.push_back(relative.value);
        tokens_.push_back(index.relative->temp);
    }
}

/** \brief Fills in the length of the instruction that begins at \p start. */
void TokenBuilder::finish(size_t start) {
    const size_t length = tokens_.size() - start;
    if (length > kMaxInstructionLength)
        throw Error("an instruction of {} tokens is longer than VGPU10 allows", length);
    VGPU10OpcodeToken0 token;
    token.value = tokens_[start];
    token.instructionLength = static_cast<uint32_t>(length);
    tokens_[start] = token.value;
}

void TokenBuilder::op(uint32_t opcode, std::initializer_list<Operand> destinations,
                      std::initializer_list<Operand> sources, Control control) {
    VGPU10OpcodeToken0 token;
    token.value = control.bits;
    token.opcodeType = opcode;
    token.saturate |= control.saturate;
    token.testBoolean |= control.nonZero;
    token.preciseValues |= control.precise;
    token.extended = control.texelOffset != std::array<int8_t, 3>{};
    const size_t start = tokens_.size();
    tokens_.push_back(token.value);
    if (token.extended) {
        VGPU10OpcodeToken1 offset;
        offset.value = 0;
        offset.opcodeType = VGPU10_EXTENDED_OPCODE_SAMPLE_CONTROLS;
        offset.offsetU = static_cast<uint32_t>(control.texelOffset[0]) & 0xf;
        offset.offsetV = static_cast<uint32_t>(control.texelOffset[1]) & 0xf;
        offset.offsetW = static_cast<uint32_t>(control.texelOffset[2]) & 0xf;
        tokens_.push_back(offset.value);
    }
    for (const Operand& destination : destinations)
        operand(destination, true);
    for (const Operand& source : sources)
        operand(source, false);
    finish(start);
}

void TokenBuilder::declare(uint32_t opcode, std::initializer_list<Operand> operands,
                           std::initializer_list<uint32_t> words, uint32_t bits) {
    VGPU10OpcodeToken0 token;
    token.value = bits;
    token.opcodeType = opcode;
    const size_t start = tokens_.size();
    tokens_.push_back(token.value);
    for (const Operand& o : operands)
        operand(o, opcode != VGPU10_OPCODE_DCL_CONSTANT_BUFFER);
    tokens_.insert(tokens_.end(), words);
    finish(start);
}

void TokenBuilder::immediateConstants(std::span<const std::array<uint32_t, 4>> constants) {
    tokens_.push_back(VGPU10_OPCODE_CUSTOMDATA | VGPU10_CUSTOMDATA_DCL_IMMEDIATE_CONSTANT_BUFFER << 11);
    tokens_.push_back(static_cast<uint32_t>(2 + 4 * constants.size()));
    for (const auto& constant : constants)
        append(constant);
}

} // namespace svga::vulkan
