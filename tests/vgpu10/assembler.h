// SPDX-License-Identifier: MIT
/**
 * \file
 * Assembles VGPU10 token streams for tests, encoded as Mesa's svga driver encodes them.
 *
 *     Assembler a(VGPU10_PIXEL_SHADER, 4, 1);
 *     a.output(0).temps(1);
 *     a.op(VGPU10_OPCODE_MOV, {r(0), imm(1.0f)}).op(VGPU10_OPCODE_MOV, {o(0), r(0)}).op(VGPU10_OPCODE_RET);
 *     translate(a.finish(), ...);
 *
 * The same operand is written as destination (mask) or source (swizzle) by what it says: r(0).mask("xy"),
 * r(0).swizzle("yyyy").
 */
#pragma once

#include <cstdint>

#include <VGPU10ShaderTokens.h>

#include <array>
#include <bit>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace svga::vgpu10::test {

class Reg {
public:
    explicit Reg(uint32_t type, std::initializer_list<uint32_t> indices = {},
                 uint32_t components = VGPU10_OPERAND_4_COMPONENT) {
        token_.value = 0;
        token_.operandType = type;
        token_.numComponents = components;
        token_.indexDimension = static_cast<uint32_t>(indices.size());
        for (const uint32_t index : indices)
            indices_.push_back({index, {}});
        if (components == VGPU10_OPERAND_4_COMPONENT) {
            token_.selectionMode = VGPU10_OPERAND_4_COMPONENT_MASK_MODE;
            token_.mask = 0xf;
        }
    }

    Reg mask(std::string_view components) const {
        Reg reg = *this;
        reg.token_.selectionMode = VGPU10_OPERAND_4_COMPONENT_MASK_MODE;
        reg.token_.mask = 0;
        for (const char c : components)
            reg.token_.mask |= 1u << component(c);
        return reg;
    }
    Reg swizzle(std::string_view components) const {
        Reg reg = *this;
        reg.token_.selectionMode = VGPU10_OPERAND_4_COMPONENT_SWIZZLE_MODE;
        reg.token_.mask = 0;
        reg.token_.swizzleX = component(components[0]);
        reg.token_.swizzleY = component(components[1]);
        reg.token_.swizzleZ = component(components[2]);
        reg.token_.swizzleW = component(components[3]);
        return reg;
    }
    Reg select(char c) const {
        Reg reg = *this;
        reg.token_.selectionMode = VGPU10_OPERAND_4_COMPONENT_SELECT_1_MODE;
        reg.token_.mask = 0;
        reg.token_.selectMask = component(c);
        return reg;
    }
    Reg neg() const { return modified(VGPU10_OPERAND_MODIFIER_NEG); }
    Reg abs() const { return modified(VGPU10_OPERAND_MODIFIER_ABS); }
    Reg absNeg() const { return modified(VGPU10_OPERAND_MODIFIER_ABSNEG); }
    /** \brief Adds a register component to an index. */
    Reg relative(size_t index, const Reg& address) const {
        Reg reg = *this;
        reg.indices_[index].second = address.encode();
        return reg;
    }
    static Reg immediate(std::array<uint32_t, 4> words) {
        Reg reg(VGPU10_OPERAND_TYPE_IMMEDIATE32);
        reg.token_.mask = 0;
        reg.words_.assign(words.begin(), words.end());
        return reg;
    }
    static Reg immediate(uint32_t word) {
        Reg reg(VGPU10_OPERAND_TYPE_IMMEDIATE32, {}, VGPU10_OPERAND_1_COMPONENT);
        reg.words_ = {word};
        return reg;
    }

    std::vector<uint32_t> encode() const {
        VGPU10OperandToken0 token = token_;
        const auto representation = [&](size_t i) {
            return i < indices_.size() && !indices_[i].second.empty() ? VGPU10_OPERAND_INDEX_IMMEDIATE32_PLUS_RELATIVE
                                                                      : VGPU10_OPERAND_INDEX_IMMEDIATE32;
        };
        token.index0Representation = representation(0);
        token.index1Representation = representation(1);
        token.extended = modifier_ != VGPU10_OPERAND_MODIFIER_NONE;
        std::vector<uint32_t> words{token.value};
        if (token.extended) {
            VGPU10OperandToken1 extended;
            extended.value = 0;
            extended.extendedOperandType = VGPU10_EXTENDED_OPERAND_MODIFIER;
            extended.operandModifier = modifier_;
            words.push_back(extended.value);
        }
        words.insert(words.end(), words_.begin(), words_.end());
        for (const auto& [immediate, address] : indices_) {
            words.push_back(immediate);
            words.insert(words.end(), address.begin(), address.end());
        }
        return words;
    }

private:
    static uint32_t component(char c) { return static_cast<uint32_t>(std::string_view("xyzw").find(c)); }
    Reg modified(uint32_t modifier) const {
        Reg reg = *this;
        reg.modifier_ = modifier;
        return reg;
    }

    VGPU10OperandToken0 token_;
    uint32_t modifier_ = VGPU10_OPERAND_MODIFIER_NONE;
    std::vector<std::pair<uint32_t, std::vector<uint32_t>>> indices_;
    std::vector<uint32_t> words_;
};

inline Reg r(uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_TEMP, {n});
}
inline Reg v(uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_INPUT, {n});
}
inline Reg v(uint32_t vertex, uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_INPUT, {vertex, n});
}
inline Reg o(uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_OUTPUT, {n});
}
inline Reg x(uint32_t array, uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_INDEXABLE_TEMP, {array, n});
}
inline Reg cb(uint32_t slot, uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_CONSTANT_BUFFER, {slot, n});
}
inline Reg icb(uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_IMMEDIATE_CONSTANT_BUFFER, {n});
}
inline Reg t(uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_RESOURCE, {n}).swizzle("xyzw");
}
inline Reg s(uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_SAMPLER, {n}, VGPU10_OPERAND_0_COMPONENT);
}
inline Reg u(uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_UAV, {n});
}
inline Reg g(uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_THREAD_GROUP_SHARED_MEMORY, {n});
}
inline Reg stream(uint32_t n) {
    return Reg(VGPU10_OPERAND_TYPE_STREAM, {n}, VGPU10_OPERAND_0_COMPONENT);
}
inline Reg special(uint32_t type) {
    return Reg(type, {});
}
inline Reg nullReg() {
    return Reg(VGPU10_OPERAND_TYPE_NULL, {}, VGPU10_OPERAND_0_COMPONENT);
}
inline Reg imm(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    return Reg::immediate({a, b, c, d});
}
inline Reg imm(float a, float b, float c, float d) {
    return Reg::immediate({std::bit_cast<uint32_t>(a), std::bit_cast<uint32_t>(b), std::bit_cast<uint32_t>(c),
                           std::bit_cast<uint32_t>(d)});
}
inline Reg imm(uint32_t a) {
    return Reg::immediate(a);
}
inline Reg imm(float a) {
    return Reg::immediate(std::bit_cast<uint32_t>(a));
}

/** \brief Bits of the opcode token beside the opcode. */
struct Control {
    bool saturate = false;
    bool nonZero = false;
    uint32_t bits = 0; ///< or-ed in as they are
    std::array<int, 3> offset{};
};

class Assembler {
public:
    Assembler(uint32_t program, uint32_t major, uint32_t minor) {
        VGPU10ProgramToken token;
        token.value = 0;
        token.programType = program;
        token.majorVersion = major;
        token.minorVersion = minor;
        tokens_ = {token.value, 0};
    }

    Assembler& op(uint32_t opcode, std::initializer_list<Reg> operands = {}, Control control = {}) {
        return emit(opcode, std::span(operands.begin(), operands.size()), {}, control);
    }
    Assembler& emit(uint32_t opcode, std::span<const Reg> operands, std::initializer_list<uint32_t> words = {},
                    Control control = {}) {
        VGPU10OpcodeToken0 token;
        token.value = control.bits;
        token.opcodeType = opcode;
        token.saturate |= control.saturate;
        token.testBoolean |= control.nonZero;
        const size_t start = tokens_.size();
        const bool extended = control.offset != std::array<int, 3>{};
        token.extended = extended;
        tokens_.push_back(token.value);
        if (extended) {
            VGPU10OpcodeToken1 controls;
            controls.value = 0;
            controls.opcodeType = VGPU10_EXTENDED_OPCODE_SAMPLE_CONTROLS;
            controls.offsetU = static_cast<uint32_t>(control.offset[0]);
            controls.offsetV = static_cast<uint32_t>(control.offset[1]);
            controls.offsetW = static_cast<uint32_t>(control.offset[2]);
            tokens_.push_back(controls.value);
        }
        for (const Reg& operand : operands) {
            const auto encoded = operand.encode();
            tokens_.insert(tokens_.end(), encoded.begin(), encoded.end());
        }
        tokens_.insert(tokens_.end(), words);
        token.instructionLength = static_cast<uint32_t>(tokens_.size() - start);
        tokens_[start] = token.value;
        return *this;
    }
    Assembler& declare(uint32_t opcode, std::initializer_list<Reg> operands, std::initializer_list<uint32_t> words = {},
                       uint32_t bits = 0) {
        return emit(opcode, std::span(operands.begin(), operands.size()), words, {.bits = bits});
    }

    Assembler& temps(uint32_t count) { return declare(VGPU10_OPCODE_DCL_TEMPS, {}, {count}); }
    Assembler& indexableTemp(uint32_t array, uint32_t size) {
        return declare(VGPU10_OPCODE_DCL_INDEXABLE_TEMP, {}, {array, size, 4});
    }
    Assembler& input(uint32_t n) { return declare(VGPU10_OPCODE_DCL_INPUT, {v(n)}); }
    Assembler& inputVertices(uint32_t vertices, uint32_t n) {
        return declare(VGPU10_OPCODE_DCL_INPUT, {v(vertices, n)});
    }
    Assembler& inputValue(uint32_t n, uint32_t name, std::string_view mask = "x") {
        return declare(VGPU10_OPCODE_DCL_INPUT_SIV, {v(n).mask(mask)}, {name});
    }
    Assembler& inputPixel(uint32_t n, uint32_t interpolation) {
        return declare(VGPU10_OPCODE_DCL_INPUT_PS, {v(n)}, {}, interpolation << 11);
    }
    Assembler& inputPixelValue(uint32_t n, uint32_t name, std::string_view mask = "xyzw") {
        return declare(VGPU10_OPCODE_DCL_INPUT_PS_SGV, {v(n).mask(mask)}, {name}, VGPU10_INTERPOLATION_CONSTANT << 11);
    }
    Assembler& output(uint32_t n, std::string_view mask = "xyzw") {
        return declare(VGPU10_OPCODE_DCL_OUTPUT, {o(n).mask(mask)});
    }
    Assembler& outputValue(uint32_t n, uint32_t name, std::string_view mask = "xyzw") {
        return declare(VGPU10_OPCODE_DCL_OUTPUT_SIV, {o(n).mask(mask)}, {name});
    }
    Assembler& constantBuffer(uint32_t slot, uint32_t size) {
        return declare(VGPU10_OPCODE_DCL_CONSTANT_BUFFER, {cb(slot, size).swizzle("xyzw")});
    }
    Assembler& sampler(uint32_t n) { return declare(VGPU10_OPCODE_DCL_SAMPLER, {s(n)}); }
    Assembler& resource(uint32_t n, uint32_t dimension, uint32_t returnType = VGPU10_RETURN_TYPE_FLOAT) {
        return declare(VGPU10_OPCODE_DCL_RESOURCE, {bare(VGPU10_OPERAND_TYPE_RESOURCE, n)}, {returnType * 0x1111},
                       dimension << 11);
    }
    Assembler& resourceRaw(uint32_t n) {
        return declare(VGPU10_OPCODE_DCL_RESOURCE_RAW, {bare(VGPU10_OPERAND_TYPE_RESOURCE, n)});
    }
    Assembler& resourceStructured(uint32_t n, uint32_t stride) {
        return declare(VGPU10_OPCODE_DCL_RESOURCE_STRUCTURED, {bare(VGPU10_OPERAND_TYPE_RESOURCE, n)}, {stride});
    }
    Assembler& uavRaw(uint32_t n) { return declare(VGPU10_OPCODE_DCL_UAV_RAW, {bare(VGPU10_OPERAND_TYPE_UAV, n)}); }
    Assembler& uavStructured(uint32_t n, uint32_t stride) {
        return declare(VGPU10_OPCODE_DCL_UAV_STRUCTURED, {bare(VGPU10_OPERAND_TYPE_UAV, n)}, {stride});
    }
    Assembler& uavTyped(uint32_t n, uint32_t dimension, uint32_t returnType) {
        return declare(VGPU10_OPCODE_DCL_UAV_TYPED, {bare(VGPU10_OPERAND_TYPE_UAV, n)}, {returnType * 0x1111},
                       dimension << 11);
    }
    Assembler& sharedRaw(uint32_t n, uint32_t bytes) {
        return declare(VGPU10_OPCODE_DCL_TGSM_RAW, {bare(VGPU10_OPERAND_TYPE_THREAD_GROUP_SHARED_MEMORY, n)}, {bytes});
    }
    Assembler& sharedStructured(uint32_t n, uint32_t stride, uint32_t count) {
        return declare(VGPU10_OPCODE_DCL_TGSM_STRUCTURED, {bare(VGPU10_OPERAND_TYPE_THREAD_GROUP_SHARED_MEMORY, n)},
                       {stride, count});
    }
    Assembler& threadGroup(uint32_t w, uint32_t h, uint32_t d) {
        return declare(VGPU10_OPCODE_DCL_THREAD_GROUP, {}, {w, h, d});
    }
    Assembler& geometry(uint32_t primitive, uint32_t topology, uint32_t vertices) {
        declare(VGPU10_OPCODE_DCL_GS_INPUT_PRIMITIVE, {}, {}, primitive << 11);
        declare(VGPU10_OPCODE_DCL_MAX_OUTPUT_VERTEX_COUNT, {}, {vertices});
        return declare(VGPU10_OPCODE_DCL_GS_OUTPUT_PRIMITIVE_TOPOLOGY, {}, {}, topology << 11);
    }
    Assembler& immediates(std::span<const std::array<uint32_t, 4>> constants) {
        tokens_.push_back(VGPU10_OPCODE_CUSTOMDATA | VGPU10_CUSTOMDATA_DCL_IMMEDIATE_CONSTANT_BUFFER << 11);
        tokens_.push_back(static_cast<uint32_t>(2 + 4 * constants.size()));
        for (const auto& constant : constants)
            tokens_.insert(tokens_.end(), constant.begin(), constant.end());
        return *this;
    }

    std::vector<uint32_t> finish() const {
        std::vector<uint32_t> tokens = tokens_;
        tokens[1] = static_cast<uint32_t>(tokens.size());
        return tokens;
    }

private:
    static Reg bare(uint32_t type, uint32_t n) { return Reg(type, {n}, VGPU10_OPERAND_0_COMPONENT); }

    std::vector<uint32_t> tokens_;
};

} // namespace svga::vgpu10::test
