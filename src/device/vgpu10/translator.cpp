// SPDX-License-Identifier: MIT
#include "device/vgpu10/translator.h"

#include "device/vgpu10/translator_impl.h"

#include <algorithm>

namespace svga::vgpu10 {

using spv::Op;

namespace {

/// SPIR-V's universal limit on the id bound; also keeps what a hostile shader can cost in memory in bounds.
constexpr Id kMaxIds = 4194303;

spv::ExecutionModel executionModel(Stage stage) {
    switch (stage) {
    case Stage::Vertex:
        return spv::ExecutionModel::Vertex;
    case Stage::Hull:
        return spv::ExecutionModel::TessellationControl;
    case Stage::Domain:
        return spv::ExecutionModel::TessellationEvaluation;
    case Stage::Geometry:
        return spv::ExecutionModel::Geometry;
    case Stage::Pixel:
        return spv::ExecutionModel::Fragment;
    case Stage::Compute:
        break;
    }
    return spv::ExecutionModel::GLCompute;
}

spv::ExecutionMode gsInputMode(uint32_t primitive) {
    switch (primitive) {
    case VGPU10_PRIMITIVE_POINT:
        return spv::ExecutionMode::InputPoints;
    case VGPU10_PRIMITIVE_LINE:
        return spv::ExecutionMode::InputLines;
    case VGPU10_PRIMITIVE_LINE_ADJ:
        return spv::ExecutionMode::InputLinesAdjacency;
    case VGPU10_PRIMITIVE_TRIANGLE_ADJ:
        return spv::ExecutionMode::InputTrianglesAdjacency;
    default:
        return spv::ExecutionMode::Triangles;
    }
}

/** \brief A geometry shader's output is always strips; Mesa names the lists. */
spv::ExecutionMode gsOutputMode(uint32_t topology) {
    switch (topology) {
    case VGPU10_PRIMITIVE_TOPOLOGY_POINTLIST:
        return spv::ExecutionMode::OutputPoints;
    case VGPU10_PRIMITIVE_TOPOLOGY_LINELIST:
    case VGPU10_PRIMITIVE_TOPOLOGY_LINESTRIP:
    case VGPU10_PRIMITIVE_TOPOLOGY_LINELIST_ADJ:
    case VGPU10_PRIMITIVE_TOPOLOGY_LINESTRIP_ADJ:
        return spv::ExecutionMode::OutputLineStrip;
    default:
        return spv::ExecutionMode::OutputTriangleStrip;
    }
}

} // namespace

Translator::Translator(const Program& program, const TranslateOptions& options)
    : program_(program)
    , options_(options)
    , declarations_(collectDeclarations(program))
    , info_(describe(program, declarations_))
    , registerType_(b_.type(Kind::Uint, 4))
    , usesStreams_(findStreams()) {}

void Translator::setExecutionModes() {
    switch (program_.stage) {
    case Stage::Geometry:
        b_.capability(spv::Capability::Geometry);
        b_.executionMode(gsInputMode(declarations_.gsInputPrimitive));
        b_.executionMode(gsOutputMode(declarations_.gsOutputTopology));
        b_.executionMode(spv::ExecutionMode::OutputVertices, {std::max(1u, declarations_.gsMaxVertices)});
        b_.executionMode(spv::ExecutionMode::Invocations, {declarations_.gsInstances});
        break;
    case Stage::Pixel:
        b_.executionMode(spv::ExecutionMode::OriginUpperLeft);
        if (declarations_.earlyDepthStencil)
            b_.executionMode(spv::ExecutionMode::EarlyFragmentTests);
        if (declarations_.writesDepth)
            b_.executionMode(spv::ExecutionMode::DepthReplacing);
        if (declarations_.depthOutput == VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_GREATER_EQUAL)
            b_.executionMode(spv::ExecutionMode::DepthGreater);
        else if (declarations_.depthOutput == VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_LESS_EQUAL)
            b_.executionMode(spv::ExecutionMode::DepthLess);
        break;
    case Stage::Compute:
        b_.executionMode(spv::ExecutionMode::LocalSize,
                         {declarations_.threadGroup[0], declarations_.threadGroup[1], declarations_.threadGroup[2]});
        break;
    case Stage::Hull:
        setHullExecutionModes();
        break;
    case Stage::Domain:
        b_.capability(spv::Capability::Tessellation);
        break; // the hull shader states the modes
    case Stage::Vertex:
        break;
    }
}

void Translator::emitInstruction(const Instruction& i) {
    b_.setPrecise(i.precise());
    if (emitFlow(i) || dead_)
        return;
    const bool done = emitAlu(i) || emitTexture(i) || emitMemory(i) || emitGeometry(i) || emitInterpolation(i);
    require(done, "is not supported");
}

void Translator::emitPhase(const Phase& phase, Id function) {
    phase_ = &phase;
    temps_.clear();
    indexableTemps_.clear();
    for (const auto& [number, size] : phase.indexableTemps)
        indexableTemps_[number] = {privateArray(size), size};
    b_.beginFunction(function, b_.voidType());
    dead_ = false;
    for (size_t n = phase.begin; n < phase.end; ++n) {
        const Instruction& i = program_.instructions[n];
        if (i.isDeclaration())
            continue;
        current_ = &i;
        emitInstruction(i);
        require(b_.bound() < kMaxIds, "shader is too large");
    }
    current_ = nullptr;
    require(flows_.empty(), "a block is not closed at the end of the shader");
    b_.setPrecise(false);
    if (!dead_)
        b_.effect(Op::OpReturn);
    b_.endFunction();
}

void Translator::callPhases(std::span<const Id> phaseFunctions) {
    if (program_.stage == Stage::Hull) {
        emitHullPhases(phaseFunctions);
        return;
    }
    for (const Id function : phaseFunctions)
        b_.op(Op::OpFunctionCall, b_.voidType(), {function});
}

void Translator::emitEntryPoint(std::span<const Id> phaseFunctions) {
    const Id main = b_.newId();
    b_.beginFunction(main, b_.voidType());
    dead_ = false;
    readInputs();
    callPhases(phaseFunctions);
    switch (program_.stage) {
    case Stage::Vertex:
    case Stage::Domain:
        writeOutputs(rasterizedStream());
        break;
    case Stage::Pixel:
        writePixelOutputs();
        break;
    default:
        break; // hull shaders write in emitHullPhases, geometry shaders at each EMIT
    }
    b_.effect(Op::OpReturn);
    b_.endFunction();
    for (const auto& [stream, function] : emitFunctions_) {
        b_.beginFunction(function, b_.voidType());
        writeOutputs(stream);
        b_.effect(Op::OpReturn);
        b_.endFunction();
    }
    entryPoint_ = main;
}

ShaderModule Translator::translate() {
    setExecutionModes();
    declareInputs();
    declareOutputs();
    std::vector<Id> functions;
    for (const Phase& phase : declarations_.phases) {
        functions.push_back(b_.newId());
        emitPhase(phase, functions.back());
    }
    phase_ = nullptr;
    emitEntryPoint(functions);
    require(b_.bound() < kMaxIds, "shader is too large");
    return {b_.finish(executionModel(program_.stage), entryPoint_, "main"), std::move(info_)};
}

ShaderInfo inspect(std::span<const uint32_t> tokens) {
    const Program program = decode(tokens);
    return describe(program, collectDeclarations(program));
}

ShaderModule translate(std::span<const uint32_t> tokens, const TranslateOptions& options) {
    const Program program = decode(tokens);
    return Translator(program, options).translate();
}

} // namespace svga::vgpu10
