// SPDX-License-Identifier: MIT
#include "device/vgpu10/decoder.h"

#include "device/vgpu10/opcodes.h"

#include <VGPU10ShaderTokens.h>
#include <svga3d_reg.h>

#include <cstring>

namespace svga::vgpu10 {
namespace {

constexpr uint32_t kMaxTokens = 1u << 18;
constexpr uint32_t kMaxImmediateConstants = VGPU10_MAX_IMMEDIATE_CONSTANT_BUFFER_ELEMENT_COUNT;
/// r0[x1[r2.x].y] is as deep as relative addressing nests.
constexpr int kMaxOperandDepth = 3;

constexpr uint32_t bits(uint32_t value, uint32_t first, uint32_t count) {
    return (value >> first) & ((1u << count) - 1);
}

/** \brief Reads words of one instruction, never past its end. */
class Reader {
public:
    Reader(std::span<const uint32_t> tokens, uint32_t begin, uint32_t end, const char* name)
        : tokens_(tokens)
        , at_(begin)
        , end_(end)
        , name_(name) {}

    uint32_t next() {
        if (at_ >= end_)
            throw TranslateError("token {}: {} is cut short", at_, name_);
        return tokens_[at_++];
    }
    uint32_t at() const { return at_; }
    bool done() const { return at_ == end_; }

private:
    std::span<const uint32_t> tokens_;
    uint32_t at_, end_;
    const char* name_;
};

void readSelection(Operand& operand, uint32_t token, uint32_t at) {
    const uint32_t components = bits(token, 0, 2);
    if (components == VGPU10_OPERAND_N_COMPONENT)
        throw TranslateError("token {}: operand with N components", at);
    if (components != VGPU10_OPERAND_4_COMPONENT) {
        operand.mask = 0x1;
        operand.swizzle = {0, 0, 0, 0};
        return;
    }
    switch (bits(token, 2, 2)) {
    case VGPU10_OPERAND_4_COMPONENT_MASK_MODE:
        operand.mask = bits(token, 4, 4);
        break;
    case VGPU10_OPERAND_4_COMPONENT_SWIZZLE_MODE:
        for (uint32_t c = 0; c < 4; ++c)
            operand.swizzle[c] = bits(token, 4 + 2 * c, 2);
        break;
    case VGPU10_OPERAND_4_COMPONENT_SELECT_1_MODE:
        operand.swizzle.fill(bits(token, 4, 2));
        break;
    default:
        throw TranslateError("token {}: unknown component selection mode", at);
    }
}

void readModifiers(Operand& operand, Reader& in) {
    uint32_t extended;
    do {
        extended = in.next();
        switch (bits(extended, 0, 6)) {
        case VGPU10_EXTENDED_OPERAND_EMPTY:
            break;
        case VGPU10_EXTENDED_OPERAND_MODIFIER: {
            const uint32_t modifier = bits(extended, 6, 8);
            if (modifier > VGPU10_OPERAND_MODIFIER_ABSNEG)
                throw TranslateError("token {}: unknown operand modifier {}", in.at() - 1, modifier);
            operand.negate = modifier & VGPU10_OPERAND_MODIFIER_NEG;
            operand.absolute = modifier & VGPU10_OPERAND_MODIFIER_ABS;
            break;
        }
        default:
            throw TranslateError("token {}: unknown extended operand", in.at() - 1);
        }
    } while (extended >> 31);
}

Operand readOperand(Reader& in, int depth);

OperandIndex readIndex(Reader& in, uint32_t representation, int depth) {
    OperandIndex index;
    const auto immediate64 = [&] {
        index.immediate = in.next();
        if (in.next() != 0)
            throw TranslateError("token {}: 64-bit register index out of range", in.at() - 1);
    };
    const auto relative = [&] { index.relative = std::make_unique<Operand>(readOperand(in, depth + 1)); };
    switch (representation) {
    case VGPU10_OPERAND_INDEX_IMMEDIATE32:
        index.immediate = in.next();
        break;
    case VGPU10_OPERAND_INDEX_IMMEDIATE64:
        immediate64();
        break;
    case VGPU10_OPERAND_INDEX_RELATIVE:
        relative();
        break;
    case VGPU10_OPERAND_INDEX_IMMEDIATE32_PLUS_RELATIVE:
        index.immediate = in.next();
        relative();
        break;
    case VGPU10_OPERAND_INDEX_IMMEDIATE64_PLUS_RELATIVE:
        immediate64();
        relative();
        break;
    default:
        throw TranslateError("token {}: unknown index representation {}", in.at(), representation);
    }
    return index;
}

Operand readOperand(Reader& in, int depth) {
    if (depth >= kMaxOperandDepth)
        throw TranslateError("token {}: relative addressing nests too deeply", in.at());
    const uint32_t at = in.at();
    const uint32_t token = in.next();
    Operand operand;
    operand.type = bits(token, 12, 8);
    if (operand.type >= VGPU10_NUM_OPERANDS)
        throw TranslateError("token {}: unknown operand type {}", at, operand.type);
    readSelection(operand, token, at);
    if (token >> 31)
        readModifiers(operand, in);

    const bool scalar = bits(token, 0, 2) == VGPU10_OPERAND_1_COMPONENT;
    if (operand.type == VGPU10_OPERAND_TYPE_IMMEDIATE32) {
        if (scalar)
            operand.immediate.fill(in.next());
        else
            for (uint32_t& word : operand.immediate)
                word = in.next();
        operand.swizzle = {0, 1, 2, 3};
        return operand;
    }
    if (operand.type == VGPU10_OPERAND_TYPE_IMMEDIATE64) {
        operand.immediate[0] = in.next();
        operand.immediate[1] = in.next();
        operand.immediate[2] = scalar ? operand.immediate[0] : in.next();
        operand.immediate[3] = scalar ? operand.immediate[1] : in.next();
        operand.swizzle = {0, 1, 2, 3};
        return operand;
    }
    operand.dimension = bits(token, 20, 2);
    for (uint32_t i = 0; i < operand.dimension; ++i)
        operand.index[i] = readIndex(in, bits(token, 22 + 3 * i, 3), depth);
    return operand;
}

void readExtendedOpcode(Instruction& instruction, Reader& in) {
    uint32_t extended;
    do {
        extended = in.next();
        switch (bits(extended, 0, 6)) {
        case VGPU10_EXTENDED_OPCODE_SAMPLE_CONTROLS:
            for (uint32_t c = 0; c < 3; ++c)
                instruction.texelOffset[c] = static_cast<int8_t>(bits(extended, 9 + 4 * c, 4) << 4) >> 4;
            break;
        // What these two repeat is in the resource's declaration.
        case VGPU10_EXTENDED_OPCODE_RESOURCE_DIM:
        case VGPU10_EXTENDED_OPCODE_RESOURCE_RETURN_TYPE:
        case VGPU10_EXTENDED_OPCODE_EMPTY:
            break;
        default:
            throw TranslateError("token {}: unknown extended opcode", in.at() - 1);
        }
    } while (extended >> 31);
}

/** \return the offset of the next instruction */
uint32_t readCustomData(Program& program, std::span<const uint32_t> tokens, uint32_t at) {
    if (tokens.size() - at < 2 || tokens[at + 1] < 2 || tokens[at + 1] > tokens.size() - at)
        throw TranslateError("token {}: CUSTOMDATA is cut short", at);
    const uint32_t length = tokens[at + 1];
    if (tokens[at] >> 11 == VGPU10_CUSTOMDATA_DCL_IMMEDIATE_CONSTANT_BUFFER) {
        if (!program.immediateConstants.empty())
            throw TranslateError("token {}: second immediate constant buffer", at);
        if ((length - 2) % 4 != 0 || (length - 2) / 4 > kMaxImmediateConstants)
            throw TranslateError("token {}: immediate constant buffer of {} words", at, length - 2);
        program.immediateConstants.resize((length - 2) / 4);
        if (length > 2)
            std::memcpy(program.immediateConstants.data(), &tokens[at + 2], (length - 2) * sizeof(uint32_t));
    }
    return at + length;
}

/** \return the offset of the next instruction */
uint32_t readInstruction(Program& program, std::span<const uint32_t> tokens, uint32_t at) {
    const uint32_t token = tokens[at];
    Instruction instruction;
    instruction.opcode = bits(token, 0, 11);
    instruction.control = token;
    instruction.offset = at;
    if (instruction.opcode == VGPU10_OPCODE_CUSTOMDATA)
        return readCustomData(program, tokens, at);
    if (instruction.opcode == VGPU10_OPCODE_VMWARE)
        instruction.vmwareOpcode = bits(token, 11, 4);

    const OpcodeShape shape = opcodeShape(instruction.opcode, instruction.vmwareOpcode);
    if (!shape.name)
        throw TranslateError("token {}: opcode {} is not supported", at, instruction.opcode);
    const uint32_t length = bits(token, 24, 7);
    if (length == 0 || length > tokens.size() - at)
        throw TranslateError("token {}: {} of {} tokens passes the end of the shader", at, shape.name, length);

    Reader in(tokens, at + 1, at + length, shape.name);
    if (token >> 31)
        readExtendedOpcode(instruction, in);
    const uint32_t operands = shape.destinations + shape.sources;
    instruction.operands.reserve(operands);
    for (uint32_t i = 0; i < operands; ++i)
        instruction.operands.push_back(readOperand(in, 0));
    for (uint32_t i = 0; i < shape.words; ++i)
        instruction.words.push_back(in.next());
    if (!in.done())
        throw TranslateError("token {}: {} has more tokens than its {} operands take", in.at(), shape.name, operands);
    program.instructions.push_back(std::move(instruction));
    return at + length;
}

/** \brief Signatures are optional: anything else behind the bytecode is ignored. */
Signatures readSignatures(std::span<const uint32_t> words) {
    constexpr size_t kHeaderWords = sizeof(SVGA3dDXShaderSignatureHeader) / sizeof(uint32_t);
    constexpr size_t kEntryWords = sizeof(SVGA3dDXShaderSignatureEntry) / sizeof(uint32_t);
    Signatures signatures;
    if (words.size() < kHeaderWords || words[0] != SVGADX_SIGNATURE_HEADER_VERSION_0)
        return signatures;
    std::span<const uint32_t> entries = words.subspan(kHeaderWords);
    std::vector<SignatureEntry>* const lists[] = {&signatures.inputs, &signatures.outputs, &signatures.patchConstants};
    for (size_t i = 0; i < 3; ++i) {
        const size_t count = words[1 + i];
        if (count > entries.size() / kEntryWords)
            throw TranslateError("signature list {} of {} entries passes the end of the shader", i, count);
        for (size_t e = 0; e < count; ++e) {
            const auto entry = entries.subspan(e * kEntryWords, kEntryWords);
            lists[i]->push_back({entry[0], entry[1], static_cast<uint8_t>(entry[2] & 0xf)});
        }
        entries = entries.subspan(count * kEntryWords);
    }
    return signatures;
}

Stage stageOf(uint32_t programType) {
    switch (programType) {
    case VGPU10_PIXEL_SHADER:
        return Stage::Pixel;
    case VGPU10_VERTEX_SHADER:
        return Stage::Vertex;
    case VGPU10_GEOMETRY_SHADER:
        return Stage::Geometry;
    case VGPU10_HULL_SHADER:
        return Stage::Hull;
    case VGPU10_DOMAIN_SHADER:
        return Stage::Domain;
    case VGPU10_COMPUTE_SHADER:
        return Stage::Compute;
    default:
        throw TranslateError("token 0: unknown program type {}", programType);
    }
}

} // namespace

const char* Instruction::name() const {
    return opcodeShape(opcode, vmwareOpcode).name;
}

bool Instruction::isDeclaration() const {
    return opcodeShape(opcode, vmwareOpcode).declaration;
}

Program decode(std::span<const uint32_t> tokens) {
    if (tokens.size() < 2)
        throw TranslateError("a shader of {} tokens has no header", tokens.size());
    Program program;
    program.minorVersion = bits(tokens[0], 0, 4);
    program.majorVersion = bits(tokens[0], 4, 4);
    program.stage = stageOf(tokens[0] >> 16);
    if (program.majorVersion != 4 && program.majorVersion != 5)
        throw TranslateError("token 0: shader model {}.{}", program.majorVersion, program.minorVersion);
    const uint32_t length = tokens[1];
    if (length < 2 || length > tokens.size() || length > kMaxTokens)
        throw TranslateError("token 1: length of {} tokens where {} were given", length, tokens.size());

    const auto body = tokens.first(length);
    for (uint32_t at = 2; at < length;)
        at = readInstruction(program, body, at);
    program.signatures = readSignatures(tokens.subspan(length));
    return program;
}

} // namespace svga::vgpu10
