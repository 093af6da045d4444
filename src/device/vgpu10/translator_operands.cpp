// SPDX-License-Identifier: MIT
#include "device/vgpu10/translator_impl.h"

#include <algorithm>

namespace svga::vgpu10 {

using spv::Op;
using spv::StorageClass;

void Translator::fail(const char* what) const {
    if (current_)
        throw TranslateError("token {}: {}: {}", current_->offset, current_->name(), what);
    throw TranslateError("{}", what);
}

// ---- Values

Value Translator::op(Op opcode, Kind result, Value a) {
    return {b_.op(opcode, b_.type(result, a.width), {a.id}), result, a.width};
}

Value Translator::op(Op opcode, Kind result, Value a, Value b) {
    return {b_.op(opcode, b_.type(result, a.width), {a.id, b.id}), result, a.width};
}

Value Translator::ext(GLSLstd450 instruction, Value a) {
    return {b_.ext(instruction, b_.type(a.kind, a.width), {a.id}), a.kind, a.width};
}

Value Translator::ext(GLSLstd450 instruction, Value a, Value b) {
    return {b_.ext(instruction, b_.type(a.kind, a.width), {a.id, b.id}), a.kind, a.width};
}

Value Translator::ext(GLSLstd450 instruction, Value a, Value b, Value c) {
    return {b_.ext(instruction, b_.type(a.kind, a.width), {a.id, b.id, c.id}), a.kind, a.width};
}

Value Translator::select(Value condition, Value a, Value b) {
    return {b_.op(Op::OpSelect, b_.type(a.kind, a.width), {condition.id, a.id, b.id}), a.kind, a.width};
}

Value Translator::loadVariable(Id variable, Kind kind, uint32_t width) {
    return {b_.op(Op::OpLoad, b_.type(kind, width), {variable}), kind, width};
}

Value Translator::bitcast(Value value, Kind kind) {
    if (value.kind == kind)
        return value;
    if (value.kind == Kind::Bool) // a VGPU10 boolean is 0 or all ones
        return bitcast(
            select(value, constantValue(Kind::Uint, ~0u, value.width), constantValue(Kind::Uint, 0, value.width)),
            kind);
    uint32_t width = value.width;
    if (value.kind == Kind::Double)
        width *= 2;
    else if (kind == Kind::Double)
        width /= 2;
    return {b_.op(Op::OpBitcast, b_.type(kind, width), {value.id}), kind, width};
}

Value Translator::extract(Value vector, uint32_t component) {
    if (vector.width == 1)
        return vector;
    return {b_.op(Op::OpCompositeExtract, b_.type(vector.kind), {vector.id, component}), vector.kind, 1};
}

Value Translator::construct(Kind kind, std::span<const Id> scalars) {
    if (scalars.size() == 1)
        return {scalars[0], kind, 1};
    const auto width = static_cast<uint32_t>(scalars.size());
    return {b_.op(Op::OpCompositeConstruct, b_.type(kind, width), scalars), kind, width};
}

Value Translator::replicate(Value scalar, uint32_t width) {
    const std::array<Id, 4> parts{scalar.id, scalar.id, scalar.id, scalar.id};
    return construct(scalar.kind, std::span(parts).first(width));
}

Value Translator::shuffle(Value vector, std::span<const uint8_t> components) {
    if (vector.width == 1)
        return replicate(vector, static_cast<uint32_t>(components.size()));
    if (components.size() == 1)
        return extract(vector, components[0]);
    constexpr std::array<uint8_t, 4> kIdentity{0, 1, 2, 3};
    if (components.size() == vector.width && std::ranges::equal(components, std::span(kIdentity).first(vector.width)))
        return vector;
    std::vector<uint32_t> operands{vector.id, vector.id};
    operands.insert(operands.end(), components.begin(), components.end());
    const auto width = static_cast<uint32_t>(components.size());
    return {b_.op(Op::OpVectorShuffle, b_.type(vector.kind, width), operands), vector.kind, width};
}

/** \brief Cuts or pads with zeros. */
Value Translator::zeroExtend(Value vector, uint32_t width) {
    if (vector.width == width)
        return vector;
    std::vector<Id> parts;
    for (uint32_t c = 0; c < width; ++c)
        parts.push_back(c < vector.width ? extract(vector, c).id : b_.constant(vector.kind, 0));
    return construct(vector.kind, parts);
}

// ---- Registers

Id Translator::privateRegister() {
    return b_.variable(StorageClass::Private, registerType_, b_.null(registerType_));
}

Id Translator::privateArray(uint32_t size) {
    const Id type = b_.arrayType(registerType_, size);
    return b_.variable(StorageClass::Private, type, b_.null(type));
}

Translator::Index Translator::evaluate(const OperandIndex& index) {
    if (!index.relative)
        return {index.immediate, 0};
    Value offset = loadScalar(*index.relative, Kind::Uint);
    if (index.immediate != 0)
        offset = op(Op::OpIAdd, Kind::Uint, offset, constantValue(Kind::Uint, index.immediate));
    return {0, offset.id};
}

uint32_t Translator::constantIndex(const Operand& operand, uint32_t position) const {
    require(position < operand.dimension, "operand has too few indices");
    require(!operand.index[position].relative, "register number must be an immediate");
    return operand.index[position].immediate;
}

/** \brief Pointer to an element of a Private array of registers; a computed index is clamped to the array. */
Id Translator::elementPointer(Id array, const OperandIndex& at, uint32_t size) {
    require(size > 0, "register was not declared");
    Index index = evaluate(at);
    if (index)
        index.dynamic = ext(GLSLstd450UMin, {index.dynamic, Kind::Uint, 1}, constantValue(Kind::Uint, size - 1)).id;
    else
        require(index.constant < size, "register was not declared");
    return b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Private, registerType_), {array, indexId(index)});
}

Id Translator::temp(uint32_t index) {
    require(index < phase_->temps, "temporary was not declared");
    const auto [found, added] = temps_.try_emplace(index, 0);
    if (added)
        found->second = privateRegister();
    return found->second;
}

/** \brief Pointer to a register that can be read and written; 0 where the operand is of no such kind. */
Id Translator::registerPointer(const Operand& operand) {
    switch (operand.type) {
    case VGPU10_OPERAND_TYPE_TEMP:
        require(operand.dimension == 1, "r# takes one index");
        return temp(constantIndex(operand, 0));
    case VGPU10_OPERAND_TYPE_INDEXABLE_TEMP: {
        require(operand.dimension == 2, "x# takes two indices");
        const auto found = indexableTemps_.find(constantIndex(operand, 0));
        require(found != indexableTemps_.end(), "array was not declared");
        return elementPointer(found->second.variable, operand.index[1], found->second.size);
    }
    case VGPU10_OPERAND_TYPE_OUTPUT:
        require(operand.dimension == 1, "o# takes one index");
        if (phase_->kind == PhaseKind::Fork || phase_->kind == PhaseKind::Join)
            return elementPointer(patch_, operand.index[0], patchCount_);
        return elementPointer(outputs_, operand.index[0], outputCount_);
    default:
        return 0;
    }
}

Value Translator::loadConstantBuffer(const Operand& operand) {
    require(operand.dimension == 2, "cb# takes two indices");
    const uint32_t slot = constantIndex(operand, 0);
    const auto declared = declarations_.constantBuffers.find(slot);
    require(declared != declarations_.constantBuffers.end(), "constant buffer was not declared");
    const Index index = evaluate(operand.index[1]);
    if (!index && index.constant >= declared->second)
        return {b_.null(registerType_), Kind::Uint, 4};

    const auto [found, added] = constantBuffers_.try_emplace(slot, 0);
    if (added) {
        // A computed index may pass what was declared and must then read what the buffer holds: the block is as large
        // as a constant buffer can be, and the descriptor's range is what bounds it.
        const Id block = b_.bufferBlock(registerType_, 16, VGPU10_MAX_CONSTANT_BUFFER_ELEMENT_COUNT, false);
        found->second = b_.variable(StorageClass::Uniform, block);
        b_.decorate(found->second, spv::Decoration::DescriptorSet, {options_.bindings.set});
        b_.decorate(found->second, spv::Decoration::Binding,
                    {options_.bindings.base + BindingLayout::kConstantBuffers + slot});
    }
    const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Uniform, registerType_),
                             {found->second, b_.constant(Kind::Uint, 0), indexId(index)});
    return loadVariable(pointer, Kind::Uint, 4);
}

Value Translator::loadImmediateConstant(const Operand& operand) {
    require(operand.dimension == 1, "icb takes one index");
    const auto& constants = program_.immediateConstants;
    const auto size = static_cast<uint32_t>(constants.size());
    const auto vector = [&](const std::array<uint32_t, 4>& words) {
        std::array<Id, 4> parts{};
        for (uint32_t c = 0; c < 4; ++c)
            parts[c] = b_.constant(Kind::Uint, words[c]);
        return b_.composite(registerType_, parts);
    };
    Index index = evaluate(operand.index[0]);
    if (!index) {
        require(index.constant < size, "passes the end of the immediate constant buffer");
        return {vector(constants[index.constant]), Kind::Uint, 4};
    }
    if (!immediateConstants_) {
        std::vector<Id> elements;
        for (const auto& words : constants)
            elements.push_back(vector(words));
        elements.push_back(vector({})); // what lies out of bounds reads as zero
        const Id type = b_.arrayType(registerType_, size + 1);
        immediateConstants_ = b_.variable(StorageClass::Private, type, b_.composite(type, elements));
    }
    index.dynamic = ext(GLSLstd450UMin, {index.dynamic, Kind::Uint, 1}, constantValue(Kind::Uint, size)).id;
    const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Private, registerType_),
                             {immediateConstants_, index.dynamic});
    return loadVariable(pointer, Kind::Uint, 4);
}

/** \brief v[vertex][register] of geometry and hull shaders, vcp and vicp: straight from the interface's arrays. */
Value Translator::loadPerVertexInput(const Operand& operand) {
    require(operand.dimension == 2, "input takes a vertex and a register");
    require(perVertexCount_ > 0, "stage reads no primitives");
    Index vertex = evaluate(operand.index[0]);
    if (vertex)
        vertex.dynamic =
            ext(GLSLstd450UMin, {vertex.dynamic, Kind::Uint, 1}, constantValue(Kind::Uint, perVertexCount_ - 1)).id;
    else
        require(vertex.constant < perVertexCount_, "primitive has no such vertex");
    const auto loadFrom = [&](Id variable) {
        const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Input, b_.type(Kind::Float, 4)),
                                 {variable, indexId(vertex)});
        return bitcast(loadVariable(pointer, Kind::Float, 4), Kind::Uint);
    };
    const Index index = evaluate(operand.index[1]);
    if (!index) {
        const auto found = inputVariables_.find(index.constant);
        require(found != inputVariables_.end(), "input was not declared");
        return loadFrom(found->second);
    }
    // Registers are separate variables, so a computed register number picks among all of them.
    Value result{b_.null(registerType_), Kind::Uint, 4};
    for (const auto& [number, variable] : inputVariables_) {
        const Value here =
            op(Op::OpIEqual, Kind::Bool, {index.dynamic, Kind::Uint, 1}, constantValue(Kind::Uint, number));
        result = select(replicate(here, 4), loadFrom(variable), result);
    }
    return result;
}

/** \brief The bits of a source register, before swizzle and modifiers. */
Value Translator::loadRegister(const Operand& operand) {
    if (const Id pointer = registerPointer(operand))
        return loadVariable(pointer, Kind::Uint, 4);
    switch (operand.type) {
    case VGPU10_OPERAND_TYPE_IMMEDIATE32:
    case VGPU10_OPERAND_TYPE_IMMEDIATE64: {
        std::array<Id, 4> parts{};
        for (uint32_t c = 0; c < 4; ++c)
            parts[c] = b_.constant(Kind::Uint, operand.immediate[c]);
        return {b_.composite(registerType_, parts), Kind::Uint, 4};
    }
    case VGPU10_OPERAND_TYPE_INPUT:
        if (perVertexCount_ > 0)
            return loadPerVertexInput(operand);
        require(operand.dimension == 1, "v# takes one index");
        return loadVariable(elementPointer(inputs_, operand.index[0], inputCount_), Kind::Uint, 4);
    case VGPU10_OPERAND_TYPE_INPUT_CONTROL_POINT:
        return loadPerVertexInput(operand);
    case VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT:
        return loadControlPointOutput(operand);
    case VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT:
        require(operand.dimension == 1, "vpc takes one index");
        return loadVariable(elementPointer(patch_, operand.index[0], patchCount_), Kind::Uint, 4);
    case VGPU10_OPERAND_TYPE_CONSTANT_BUFFER:
        return loadConstantBuffer(operand);
    case VGPU10_OPERAND_TYPE_IMMEDIATE_CONSTANT_BUFFER:
        return loadImmediateConstant(operand);
    case VGPU10_OPERAND_TYPE_NULL:
        return {b_.null(registerType_), Kind::Uint, 4};
    default:
        return zeroExtend(bitcast(specialRegister(operand.type), Kind::Uint), 4);
    }
}

Value Translator::applyModifiers(const Operand& operand, Value value) {
    const bool isFloat = value.kind == Kind::Float || value.kind == Kind::Double;
    if (operand.absolute) {
        if (isFloat)
            value = ext(GLSLstd450FAbs, value);
        else
            value = bitcast(ext(GLSLstd450SAbs, bitcast(value, Kind::Int)), value.kind);
    }
    if (operand.negate)
        value = op(isFloat ? Op::OpFNegate : Op::OpSNegate, value.kind, value);
    return value;
}

/**
 * \brief The components of a source that an instruction needs for \p mask: the swizzle at each set bit.
 * \return as many components as the mask has bits
 */
Value Translator::load(const Operand& operand, Kind kind, uint8_t mask) {
    std::array<uint8_t, 4> components{};
    uint32_t count = 0;
    for (uint32_t c = 0; c < 4; ++c)
        if (mask & (1 << c))
            components[count++] = operand.swizzle[c];
    require(count > 0, "empty mask");
    return applyModifiers(operand, bitcast(shuffle(loadRegister(operand), std::span(components).first(count)), kind));
}

/** \brief The first \p count doubles of a source: swizzle xy is the first, zw the second. */
Value Translator::loadDoubles(const Operand& operand, uint32_t count) {
    const Value words = shuffle(loadRegister(operand), std::span(operand.swizzle).first(2 * count));
    return applyModifiers(operand, bitcast(words, Kind::Double));
}

/** \brief Writes components of a register, keeping the others. \p words has as many components as \p mask bits. */
void Translator::storeRegister(Id pointer, uint8_t mask, Value words) {
    if (mask != 0xf) {
        const Value old = loadVariable(pointer, Kind::Uint, 4);
        if (words.width == 1) {
            const auto component = static_cast<uint32_t>(std::countr_zero(mask));
            words = {b_.op(Op::OpCompositeInsert, registerType_, {words.id, old.id, component}), Kind::Uint, 4};
        } else {
            std::array<uint32_t, 6> operands{old.id, words.id};
            uint32_t from = 4;
            for (uint32_t c = 0; c < 4; ++c)
                operands[2 + c] = mask & (1 << c) ? from++ : c;
            words = {b_.op(Op::OpVectorShuffle, registerType_, operands), Kind::Uint, 4};
        }
    }
    b_.effect(Op::OpStore, {pointer, words.id});
}

void Translator::store(const Operand& destination, Value value, bool saturate) {
    if (saturate && value.kind == Kind::Float)
        value = ext(GLSLstd450NClamp, value, floatValue(0.0f, value.width), floatValue(1.0f, value.width));
    else if (saturate && value.kind == Kind::Double)
        value = ext(GLSLstd450NClamp, value, {b_.splatDouble(0.0, value.width), Kind::Double, value.width},
                    {b_.splatDouble(1.0, value.width), Kind::Double, value.width});
    switch (destination.type) {
    case VGPU10_OPERAND_TYPE_NULL:
        return;
    case VGPU10_OPERAND_TYPE_OUTPUT_DEPTH:
    case VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_GREATER_EQUAL:
    case VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_LESS_EQUAL:
        require(depth_ != 0, "depth output was not declared");
        b_.effect(Op::OpStore, {depth_, bitcast(extract(value, 0), Kind::Float).id});
        return;
    case VGPU10_OPERAND_TYPE_OUTPUT_COVERAGE_MASK:
        require(coverage_ != 0, "coverage output was not declared");
        b_.effect(Op::OpStore, {coverage_, bitcast(extract(value, 0), Kind::Uint).id});
        return;
    default:
        break;
    }
    if (destination.mask == 0)
        return;
    const Id pointer = registerPointer(destination);
    require(pointer != 0, "destination cannot be written");
    value = bitcast(value, Kind::Uint);
    if (value.width == 1)
        value = replicate(value, componentCount(destination.mask));
    require(value.width == componentCount(destination.mask), "destination mask does not fit the result");
    storeRegister(pointer, destination.mask, value);
}

} // namespace svga::vgpu10
