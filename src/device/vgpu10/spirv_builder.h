// SPDX-License-Identifier: MIT
/**
 * \file
 * A small SPIR-V emitter.
 *
 * It keeps the sections of a module in order, interns types and constants, and hands out ids; it knows nothing of what
 * it emits. It is used in place of glslang's SpvBuilder because that one asserts on misuse, which a guest's shader must
 * never reach.
 */
#pragma once

#include <spirv/unified1/GLSL.std.450.h>
#include <spirv/unified1/spirv.hpp11>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <vector>

namespace svga::vgpu10 {

using Id = uint32_t;

/** \brief Scalar types a value can have. Bool has no storage; Double is two 32-bit register components. */
enum class Kind : uint8_t { Float, Int, Uint, Bool, Double };

class SpirvBuilder {
public:
    SpirvBuilder();

    Id newId() { return nextId_++; }
    Id bound() const { return nextId_; }

    // Types and constants: the same arguments give the same id.
    Id voidType();
    Id type(Kind kind, uint32_t width = 1);
    Id pointerType(spv::StorageClass storage, Id pointee);
    Id arrayType(Id element, uint32_t length);
    Id imageType(Kind sampled, spv::Dim dim, bool arrayed, bool multisampled, bool storage, spv::ImageFormat format);
    Id samplerType();
    Id sampledImageType(Id image);
    Id functionType(Id result);
    Id structType(std::initializer_list<Id> members);
    Id constant(Kind kind, uint32_t bits); ///< Float, Int, Uint
    Id constantDouble(double value);
    Id constantBool(bool value);
    Id splat(Kind kind, uint32_t bits, uint32_t width);
    Id splatDouble(double value, uint32_t width);
    Id composite(Id type, std::span<const Id> parts);
    Id null(Id type);

    /** \brief struct { uvec4 or uint elements[length] } laid out for a buffer; length 0: a runtime array. */
    Id bufferBlock(Id element, uint32_t stride, uint32_t length, bool readOnly);

    /** \brief A module-scope variable; every one is part of the entry point's interface. */
    Id variable(spv::StorageClass storage, Id type, Id initializer = 0);

    void capability(spv::Capability capability) { capabilities_.insert(static_cast<uint32_t>(capability)); }
    void executionMode(spv::ExecutionMode mode, std::initializer_list<uint32_t> operands = {});
    void decorate(Id target, spv::Decoration decoration, std::initializer_list<uint32_t> operands = {});
    void decorateMember(Id target, uint32_t member, spv::Decoration decoration,
                        std::initializer_list<uint32_t> operands = {});

    // Code
    /** \brief Opens a function without parameters; \p id may have been handed out before for calls to it. */
    void beginFunction(Id id, Id resultType);
    void endFunction();
    void label(Id id);
    Id op(spv::Op opcode, Id resultType, std::span<const uint32_t> operands);
    Id op(spv::Op opcode, Id resultType, std::initializer_list<uint32_t> operands) {
        return op(opcode, resultType, std::span(operands.begin(), operands.size()));
    }
    Id ext(GLSLstd450 instruction, Id resultType, std::initializer_list<uint32_t> operands);
    void effect(spv::Op opcode, std::span<const uint32_t> operands);
    void effect(spv::Op opcode, std::initializer_list<uint32_t> operands = {}) {
        effect(opcode, std::span(operands.begin(), operands.size()));
    }
    /** \brief Place in the code for an instruction whose operands are known only later (OpSwitch). */
    size_t mark() const { return code_.size(); }
    void insertAt(size_t mark, spv::Op opcode, std::span<const uint32_t> operands);
    /** \brief Where set, arithmetic results get NoContraction. */
    void setPrecise(bool precise) { precise_ = precise; }

    std::vector<uint32_t> finish(spv::ExecutionModel model, Id entryPoint, std::string_view name);

private:
    Id intern(spv::Op opcode, Id resultType, std::span<const uint32_t> operands);
    Id intern(spv::Op opcode, Id resultType, std::initializer_list<uint32_t> operands) {
        return intern(opcode, resultType, std::span(operands.begin(), operands.size()));
    }
    static void append(std::vector<uint32_t>& section, spv::Op opcode, std::initializer_list<uint32_t> head,
                       std::span<const uint32_t> operands);

    Id nextId_ = 1;
    Id glsl_;
    bool precise_ = false;
    std::set<uint32_t> capabilities_;
    std::vector<Id> interface_;
    std::vector<std::vector<uint32_t>> executionModes_;
    std::vector<uint32_t> decorations_;
    std::vector<uint32_t> globals_;
    std::vector<uint32_t> code_;
    std::map<std::vector<uint32_t>, Id> interned_;
    std::map<std::vector<uint32_t>, Id> blocks_;
};

} // namespace svga::vgpu10
