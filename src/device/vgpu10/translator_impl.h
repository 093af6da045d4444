// SPDX-License-Identifier: MIT
/**
 * \file
 * The translation of one shader: private to the translator_*.cpp files, which each hold one part of this class.
 *
 * Registers are module-scope Private variables of type uvec4. The entry point copies the stage's inputs into v#, calls
 * one function for each phase and copies o# to the stage's outputs, so a RET anywhere in the shader is a plain return.
 */
#pragma once

#include "device/vgpu10/declarations.h"
#include "device/vgpu10/spirv_builder.h"

#include <VGPU10ShaderTokens.h>

#include <array>
#include <bit>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace svga::vgpu10 {

/** \brief A SPIR-V value: scalar or vector. Doubles count as one component each. */
struct Value {
    Id id = 0;
    Kind kind = Kind::Uint;
    uint32_t width = 1;
};

inline uint32_t componentCount(uint8_t mask) {
    return static_cast<uint32_t>(std::popcount(mask));
}

class Translator {
public:
    Translator(const Program& program, const TranslateOptions& options);
    ShaderModule translate();

private:
    /** \brief An index into a register file: a constant, or a uint computed by the shader. */
    struct Index {
        uint32_t constant = 0;
        Id dynamic = 0;
        explicit operator bool() const { return dynamic != 0; }
    };

    struct IndexableTemp {
        Id variable = 0;
        uint32_t size = 0;
    };

    struct Image {
        ResourceDimension dimension = ResourceDimension::Unknown;
        Kind kind = Kind::Float; ///< of a texel's components
        Id type = 0;
        Id variable = 0;
        uint32_t slot = 0;
    };

    /** \brief An array of 32-bit words: a raw or structured buffer or shared memory. */
    struct Memory {
        Id variable = 0;
        spv::StorageClass storage = spv::StorageClass::StorageBuffer;
        uint32_t words = 0; ///< 0: a runtime array
        uint32_t stride = 0;
        bool writable = false;
    };

    enum class FlowKind : uint8_t { If, Loop, Switch };
    struct Flow {
        FlowKind kind = FlowKind::If;
        bool dead = false; ///< in code that is never reached: nothing is emitted
        Id merge = 0;
        bool mergeReached = false;
        Id elseLabel = 0;                 ///< If: 0 once ELSE was seen
        Id header = 0, continueLabel = 0; ///< Loop
        // Switch
        size_t mark = 0;
        Id selector = 0;
        Id defaultLabel = 0;
        bool blockIsFresh = false; ///< the current case label has no code yet
        Id caseLabel = 0;
        std::vector<std::pair<uint32_t, Id>> cases{};
    };

    [[noreturn]] void fail(const char* what) const;
    void require(bool condition, const char* what) const {
        if (!condition)
            fail(what);
    }
    void requireStage(Stage stage) const { require(program_.stage == stage, "not in this stage"); }

    // translator.cpp: the module as a whole
    void emitPhase(const Phase& phase, Id function);
    void emitInstruction(const Instruction& i);
    void emitEntryPoint(std::span<const Id> phaseFunctions);
    void callPhases(std::span<const Id> phaseFunctions);
    void setExecutionModes();

    // translator_operands.cpp: registers, modifiers, value plumbing
    Id privateRegister();
    Id privateArray(uint32_t size);
    Index evaluate(const OperandIndex& index);
    uint32_t constantIndex(const Operand& operand, uint32_t position) const;
    Id indexId(const Index& index) { return index ? index.dynamic : b_.constant(Kind::Uint, index.constant); }
    Id elementPointer(Id array, const OperandIndex& index, uint32_t size);
    Id temp(uint32_t index);
    Id registerPointer(const Operand& operand);
    Value loadRegister(const Operand& operand);
    Value loadConstantBuffer(const Operand& operand);
    Value loadImmediateConstant(const Operand& operand);
    Value loadPerVertexInput(const Operand& operand);
    Value loadControlPointOutput(const Operand& operand);
    Value load(const Operand& operand, Kind kind, uint8_t mask);
    Value loadScalar(const Operand& operand, Kind kind) { return load(operand, kind, 1); }
    Value loadDoubles(const Operand& operand, uint32_t count);
    Value applyModifiers(const Operand& operand, Value value);
    void store(const Operand& destination, Value value, bool saturate = false);
    void storeRegister(Id pointer, uint8_t mask, Value words);
    Value bitcast(Value value, Kind kind);
    Value replicate(Value scalar, uint32_t width);
    Value extract(Value vector, uint32_t component);
    Value shuffle(Value vector, std::span<const uint8_t> components);
    Value construct(Kind kind, std::span<const Id> scalars);
    Value zeroExtend(Value vector, uint32_t width);
    Value constantValue(Kind kind, uint32_t bits, uint32_t width = 1) {
        return {b_.splat(kind, bits, width), kind, width};
    }
    Value floatValue(float value, uint32_t width = 1) {
        return constantValue(Kind::Float, std::bit_cast<uint32_t>(value), width);
    }
    Value op(spv::Op opcode, Kind result, Value a);
    Value op(spv::Op opcode, Kind result, Value a, Value b);
    Value ext(GLSLstd450 instruction, Value a);
    Value ext(GLSLstd450 instruction, Value a, Value b);
    Value ext(GLSLstd450 instruction, Value a, Value b, Value c);
    Value select(Value condition, Value a, Value b);
    Value loadVariable(Id variable, Kind kind, uint32_t width);

    // translator_alu.cpp
    bool emitAlu(const Instruction& i);
    bool emitFloat(const Instruction& i);
    bool emitInteger(const Instruction& i);
    bool emitBits(const Instruction& i);
    bool emitConversion(const Instruction& i);
    bool emitDouble(const Instruction& i);
    void emitMove(const Instruction& i);
    void emitDot(const Instruction& i, uint32_t width);
    void emitUnsignedDivide(const Instruction& i);
    void emitSignedDivide(const Instruction& i);
    void emitWideMultiply(const Instruction& i, spv::Op extended);
    void emitHalfConversion(const Instruction& i);
    bool isSmallInteger(const Operand& operand, uint8_t mask) const;
    Value addFloats(const Instruction& i, uint8_t mask);
    Value fraction(Value value);
    Value floatToInt(Value value);
    Value floatToUint(Value value);

    // translator_flow.cpp
    bool emitFlow(const Instruction& i);
    void emitIf(const Instruction& i);
    void emitElse();
    void emitEndIf();
    void emitLoop();
    void emitEndLoop();
    void emitSwitch(const Instruction& i);
    void emitCase(const Instruction& i, bool isDefault);
    void emitEndSwitch();
    void emitJump(bool isContinue);
    void emitReturn();
    template <typename Jump>
    void emitConditional(const Instruction& i, Jump jump);
    Value condition(const Instruction& i);
    Flow& flow(FlowKind kind);
    void branch(Id target);
    void openBlock(Id label);
    void closeMerge(const Flow& flow);

    // translator_io.cpp
    void declareInputs();
    void declareOutputs();
    void declareStreamOutput(std::array<uint8_t, kMaxLocations>& used);
    Id inputVariable(const RegisterDeclaration& declaration);
    void decorateInterpolation(Id variable, uint32_t mode);
    void readInputs();
    Value readInput(const RegisterDeclaration& declaration);
    Value readSystemValue(uint32_t systemValue);
    Id builtin(spv::BuiltIn builtin, spv::StorageClass storage, Id type);
    Value builtinInput(spv::BuiltIn builtin, Kind kind, uint32_t width);
    Value specialRegister(uint32_t operandType);
    void writeOutputs(uint32_t stream);
    void writeVaryings(uint32_t stream);
    void writeSystemValues(uint32_t stream);
    void writeDistances(uint32_t stream, uint32_t systemValue, spv::BuiltIn builtin);
    void writeCaptured(uint32_t stream);
    void writePixelOutputs();
    Value loadOutput(uint32_t index);
    const std::vector<RegisterDeclaration>& stageOutputs() const;
    bool emitGeometry(const Instruction& i);
    void emitVertex(uint32_t stream, bool emit, bool cut);
    bool emitInterpolation(const Instruction& i);
    uint32_t rasterizedStream() const { return options_.streamOutput ? options_.streamOutput->rasterizedStream : 0; }
    bool findStreams() const;

    // translator_hull.cpp
    void declareHullOutputs();
    void declarePatchConstants();
    void readPatchConstants();
    void emitHullPhases(std::span<const Id> phaseFunctions);
    void writeControlPoint();
    void writePatchConstants();
    void passControlPointThrough();
    void setHullExecutionModes();

    // translator_texture.cpp
    bool emitTexture(const Instruction& i);
    void emitSample(const Instruction& i);
    void emitGather(const Instruction& i);
    void emitFetch(const Instruction& i);
    void emitLod(const Instruction& i);
    void emitResourceInfo(const Instruction& i);
    void emitSampleInfo(const Instruction& i);
    void emitSamplePosition(const Instruction& i);
    void emitBufferInfo(const Instruction& i);
    bool emitDerivative(const Instruction& i);
    Image& image(const Operand& operand);
    Image& uavImage(const Operand& operand);
    Image declareImage(ResourceDimension dimension, NumericType type, bool storage, spv::ImageFormat format,
                       uint32_t binding);
    Id loadImage(const Image& image);
    Id sampledImage(const Image& image, const Operand& sampler);
    std::optional<Id> constantOffset(const Instruction& i, const Image& image);
    void storeSwizzled(const Instruction& i, Value texel, const Operand& resource);
    Value querySamples(const Operand& operand);
    Id samplePositionTable();

    // translator_memory.cpp
    bool emitMemory(const Instruction& i);
    Memory& memory(const Operand& operand);
    void emitLoadWords(const Instruction& i, const Operand& target, Value word);
    void emitStoreWords(const Instruction& i, const Operand& target, Value word, const Operand& source);
    void emitLoadTyped(const Instruction& i);
    void emitStoreTyped(const Instruction& i);
    void emitAtomic(const Instruction& i, bool returns);
    void emitSync(const Instruction& i);
    Id wordPointer(const Memory& memory, Value word);
    Value inBounds(const Memory& memory, Value word);
    Id atomicPointer(const Operand& target, const Operand& address, bool exchanges, Kind& kind, Value& bounds);
    Value structureWord(const Memory& memory, const Operand& structure, const Operand& offset);

    const Program& program_;
    const TranslateOptions& options_;
    const Declarations declarations_;
    ShaderInfo info_;
    SpirvBuilder b_;

    const Instruction* current_ = nullptr;
    const Phase* phase_ = nullptr;
    std::vector<Flow> flows_;
    bool dead_ = false; ///< the current block has ended and no label has opened another

    Id registerType_ = 0;
    std::map<uint32_t, Id> temps_;
    std::map<uint32_t, IndexableTemp> indexableTemps_;
    std::map<uint32_t, Id> constantBuffers_;
    Id immediateConstants_ = 0;
    std::map<uint32_t, Image> images_, uavImages_;
    std::map<uint32_t, Id> samplers_;
    std::map<std::pair<uint32_t, uint32_t>, Memory> memories_; ///< by operand type and slot
    Id samplePositions_ = 0;

    uint32_t inputCount_ = 0, outputCount_ = 0, patchCount_ = 0; ///< registers in the arrays below
    Id inputs_ = 0, outputs_ = 0, patch_ = 0;
    uint32_t perVertexCount_ = 0;
    std::map<uint32_t, Id> inputVariables_; ///< by register; arrays where the stage reads whole primitives
    std::map<uint32_t, Kind> inputKinds_;
    std::map<uint32_t, Id> varyings_; ///< by register
    std::map<uint32_t, Id> patchVariables_;
    struct Capture {
        Id variable = 0;
        uint32_t registerIndex = 0;
        uint8_t mask = 0;
        uint32_t stream = 0;
    };
    std::vector<Capture> captures_;
    std::map<spv::BuiltIn, Id> builtinInputs_, builtinOutputs_;
    std::map<uint32_t, Id> emitFunctions_; ///< geometry: by stream
    Id depth_ = 0, coverage_ = 0;          ///< Private float and uint
    Id phaseInstance_ = 0;                 ///< hull: Private uint
    bool readsControlPointOutputs_ = false;
    Id entryPoint_ = 0;
    const bool usesStreams_; ///< geometry: some vertex goes to a stream other than 0
};

} // namespace svga::vgpu10
