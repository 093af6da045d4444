// SPDX-License-Identifier: MIT
#include "device/vgpu10/spirv_builder.h"

#include <bit>

namespace svga::vgpu10 {
namespace {

constexpr uint32_t kSpirvVersion = 0x00010600;

std::vector<uint32_t> stringWords(std::string_view text) {
    std::vector<uint32_t> words(text.size() / 4 + 1);
    for (size_t i = 0; i < text.size(); ++i)
        words[i / 4] |= static_cast<uint32_t>(static_cast<unsigned char>(text[i])) << (8 * (i % 4));
    return words;
}

bool isFloatArithmetic(spv::Op opcode) {
    switch (opcode) {
    case spv::Op::OpFAdd:
    case spv::Op::OpFSub:
    case spv::Op::OpFMul:
    case spv::Op::OpFDiv:
    case spv::Op::OpDot:
    case spv::Op::OpFNegate:
        return true;
    default:
        return false;
    }
}

} // namespace

SpirvBuilder::SpirvBuilder()
    : glsl_(newId()) {
    capability(spv::Capability::Shader);
}

void SpirvBuilder::append(std::vector<uint32_t>& section, spv::Op opcode, std::initializer_list<uint32_t> head,
                          std::span<const uint32_t> operands) {
    const auto words = static_cast<uint32_t>(1 + head.size() + operands.size());
    section.push_back(words << 16 | static_cast<uint32_t>(opcode));
    section.insert(section.end(), head);
    section.insert(section.end(), operands.begin(), operands.end());
}

Id SpirvBuilder::intern(spv::Op opcode, Id resultType, std::span<const uint32_t> operands) {
    std::vector<uint32_t> key{static_cast<uint32_t>(opcode), resultType};
    key.insert(key.end(), operands.begin(), operands.end());
    const auto [found, added] = interned_.try_emplace(std::move(key), nextId_);
    if (!added)
        return found->second;
    const Id id = newId();
    if (resultType)
        append(globals_, opcode, {resultType, id}, operands);
    else
        append(globals_, opcode, {id}, operands);
    return id;
}

Id SpirvBuilder::voidType() {
    return intern(spv::Op::OpTypeVoid, 0, {});
}

Id SpirvBuilder::type(Kind kind, uint32_t width) {
    Id scalar = 0;
    switch (kind) {
    case Kind::Float:
        scalar = intern(spv::Op::OpTypeFloat, 0, {32});
        break;
    case Kind::Int:
        scalar = intern(spv::Op::OpTypeInt, 0, {32, 1});
        break;
    case Kind::Uint:
        scalar = intern(spv::Op::OpTypeInt, 0, {32, 0});
        break;
    case Kind::Bool:
        scalar = intern(spv::Op::OpTypeBool, 0, {});
        break;
    case Kind::Double:
        capability(spv::Capability::Float64);
        scalar = intern(spv::Op::OpTypeFloat, 0, {64});
        break;
    }
    return width == 1 ? scalar : intern(spv::Op::OpTypeVector, 0, {scalar, width});
}

Id SpirvBuilder::pointerType(spv::StorageClass storage, Id pointee) {
    return intern(spv::Op::OpTypePointer, 0, {static_cast<uint32_t>(storage), pointee});
}

Id SpirvBuilder::arrayType(Id element, uint32_t length) {
    return intern(spv::Op::OpTypeArray, 0, {element, constant(Kind::Uint, length)});
}

Id SpirvBuilder::imageType(Kind sampled, spv::Dim dim, bool arrayed, bool multisampled, bool storage,
                           spv::ImageFormat format) {
    // Depth is 2, "not said": whether an image is compared against is said by each instruction.
    return intern(spv::Op::OpTypeImage, 0,
                  {type(sampled), static_cast<uint32_t>(dim), 2, arrayed, multisampled, storage ? 2u : 1u,
                   static_cast<uint32_t>(format)});
}

Id SpirvBuilder::samplerType() {
    return intern(spv::Op::OpTypeSampler, 0, {});
}

Id SpirvBuilder::sampledImageType(Id image) {
    return intern(spv::Op::OpTypeSampledImage, 0, {image});
}

Id SpirvBuilder::functionType(Id result) {
    return intern(spv::Op::OpTypeFunction, 0, {result});
}

Id SpirvBuilder::structType(std::initializer_list<Id> members) {
    return intern(spv::Op::OpTypeStruct, 0, members);
}

Id SpirvBuilder::constant(Kind kind, uint32_t bits) {
    return intern(spv::Op::OpConstant, type(kind), {bits});
}

Id SpirvBuilder::constantDouble(double value) {
    const auto bits = std::bit_cast<uint64_t>(value);
    return intern(spv::Op::OpConstant, type(Kind::Double),
                  {static_cast<uint32_t>(bits), static_cast<uint32_t>(bits >> 32)});
}

Id SpirvBuilder::constantBool(bool value) {
    return intern(value ? spv::Op::OpConstantTrue : spv::Op::OpConstantFalse, type(Kind::Bool), {});
}

Id SpirvBuilder::splat(Kind kind, uint32_t bits, uint32_t width) {
    const Id scalar = constant(kind, bits);
    const Id parts[] = {scalar, scalar, scalar, scalar};
    return width == 1 ? scalar : composite(type(kind, width), std::span(parts, width));
}

Id SpirvBuilder::splatDouble(double value, uint32_t width) {
    const Id scalar = constantDouble(value);
    const Id parts[] = {scalar, scalar};
    return width == 1 ? scalar : composite(type(Kind::Double, width), std::span(parts, width));
}

Id SpirvBuilder::composite(Id type, std::span<const Id> parts) {
    return intern(spv::Op::OpConstantComposite, type, parts);
}

Id SpirvBuilder::null(Id type) {
    return intern(spv::Op::OpConstantNull, type, {});
}

Id SpirvBuilder::bufferBlock(Id element, uint32_t stride, uint32_t length, bool readOnly) {
    const auto [found, added] = blocks_.try_emplace({element, stride, length, readOnly}, 0);
    if (!added)
        return found->second;
    // Decorated types must be distinct from plain ones of the same shape, so these are never interned.
    const Id array = newId();
    if (length)
        append(globals_, spv::Op::OpTypeArray, {array, element, constant(Kind::Uint, length)}, {});
    else
        append(globals_, spv::Op::OpTypeRuntimeArray, {array, element}, {});
    decorate(array, spv::Decoration::ArrayStride, {stride});
    const Id block = newId();
    append(globals_, spv::Op::OpTypeStruct, {block, array}, {});
    decorate(block, spv::Decoration::Block);
    decorateMember(block, 0, spv::Decoration::Offset, {0});
    if (readOnly)
        decorateMember(block, 0, spv::Decoration::NonWritable);
    return found->second = block;
}

Id SpirvBuilder::variable(spv::StorageClass storage, Id type, Id initializer) {
    const Id pointer = pointerType(storage, type);
    const Id id = newId();
    if (initializer)
        append(globals_, spv::Op::OpVariable, {pointer, id, static_cast<uint32_t>(storage), initializer}, {});
    else
        append(globals_, spv::Op::OpVariable, {pointer, id, static_cast<uint32_t>(storage)}, {});
    interface_.push_back(id);
    return id;
}

void SpirvBuilder::executionMode(spv::ExecutionMode mode, std::initializer_list<uint32_t> operands) {
    std::vector<uint32_t> words{static_cast<uint32_t>(mode)};
    words.insert(words.end(), operands);
    executionModes_.push_back(std::move(words));
}

void SpirvBuilder::decorate(Id target, spv::Decoration decoration, std::initializer_list<uint32_t> operands) {
    append(decorations_, spv::Op::OpDecorate, {target, static_cast<uint32_t>(decoration)},
           std::span(operands.begin(), operands.size()));
}

void SpirvBuilder::decorateMember(Id target, uint32_t member, spv::Decoration decoration,
                                  std::initializer_list<uint32_t> operands) {
    append(decorations_, spv::Op::OpMemberDecorate, {target, member, static_cast<uint32_t>(decoration)},
           std::span(operands.begin(), operands.size()));
}

void SpirvBuilder::beginFunction(Id id, Id resultType) {
    const Id type = functionType(resultType);
    append(code_, spv::Op::OpFunction, {resultType, id, 0, type}, {});
    label(newId());
}

void SpirvBuilder::endFunction() {
    append(code_, spv::Op::OpFunctionEnd, {}, {});
}

void SpirvBuilder::label(Id id) {
    append(code_, spv::Op::OpLabel, {id}, {});
}

Id SpirvBuilder::op(spv::Op opcode, Id resultType, std::span<const uint32_t> operands) {
    const Id id = newId();
    append(code_, opcode, {resultType, id}, operands);
    if (precise_ && isFloatArithmetic(opcode))
        decorate(id, spv::Decoration::NoContraction);
    return id;
}

Id SpirvBuilder::ext(GLSLstd450 instruction, Id resultType, std::initializer_list<uint32_t> operands) {
    const Id id = newId();
    append(code_, spv::Op::OpExtInst, {resultType, id, glsl_, static_cast<uint32_t>(instruction)},
           std::span(operands.begin(), operands.size()));
    return id;
}

void SpirvBuilder::effect(spv::Op opcode, std::span<const uint32_t> operands) {
    append(code_, opcode, {}, operands);
}

void SpirvBuilder::insertAt(size_t mark, spv::Op opcode, std::span<const uint32_t> operands) {
    std::vector<uint32_t> words;
    append(words, opcode, {}, operands);
    code_.insert(code_.begin() + static_cast<std::ptrdiff_t>(mark), words.begin(), words.end());
}

std::vector<uint32_t> SpirvBuilder::finish(spv::ExecutionModel model, Id entryPoint, std::string_view name) {
    constexpr uint32_t kGenerator = 0;
    std::vector<uint32_t> module{spv::MagicNumber, kSpirvVersion, kGenerator, nextId_, 0};
    for (const uint32_t capability : capabilities_)
        append(module, spv::Op::OpCapability, {capability}, {});
    append(module, spv::Op::OpExtInstImport, {glsl_}, stringWords("GLSL.std.450"));
    append(module, spv::Op::OpMemoryModel,
           {static_cast<uint32_t>(spv::AddressingModel::Logical), static_cast<uint32_t>(spv::MemoryModel::GLSL450)},
           {});
    std::vector<uint32_t> entry = stringWords(name);
    entry.insert(entry.end(), interface_.begin(), interface_.end());
    append(module, spv::Op::OpEntryPoint, {static_cast<uint32_t>(model), entryPoint}, entry);
    for (const auto& mode : executionModes_)
        append(module, spv::Op::OpExecutionMode, {entryPoint}, mode);
    for (const auto* section : {&decorations_, &globals_, &code_})
        module.insert(module.end(), section->begin(), section->end());
    return module;
}

} // namespace svga::vgpu10
