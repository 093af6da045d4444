// SPDX-License-Identifier: MIT
#include "device/vgpu10/translator_impl.h"

#include <algorithm>

namespace svga::vgpu10 {

using spv::BuiltIn;
using spv::Op;
using spv::StorageClass;

namespace {

struct TessellationLevel {
    BuiltIn builtin;
    uint32_t element;
};

std::optional<TessellationLevel> tessellationLevel(uint32_t systemValue) {
    switch (systemValue) {
    case VGPU10_NAME_FINAL_QUAD_U_EQ_0_EDGE_TESSFACTOR:
    case VGPU10_NAME_FINAL_QUAD_V_EQ_0_EDGE_TESSFACTOR:
    case VGPU10_NAME_FINAL_QUAD_U_EQ_1_EDGE_TESSFACTOR:
    case VGPU10_NAME_FINAL_QUAD_V_EQ_1_EDGE_TESSFACTOR:
        return TessellationLevel{BuiltIn::TessLevelOuter, systemValue - VGPU10_NAME_FINAL_QUAD_U_EQ_0_EDGE_TESSFACTOR};
    case VGPU10_NAME_FINAL_QUAD_U_INSIDE_TESSFACTOR:
    case VGPU10_NAME_FINAL_QUAD_V_INSIDE_TESSFACTOR:
        return TessellationLevel{BuiltIn::TessLevelInner, systemValue - VGPU10_NAME_FINAL_QUAD_U_INSIDE_TESSFACTOR};
    case VGPU10_NAME_FINAL_TRI_U_EQ_0_EDGE_TESSFACTOR:
    case VGPU10_NAME_FINAL_TRI_V_EQ_0_EDGE_TESSFACTOR:
    case VGPU10_NAME_FINAL_TRI_W_EQ_0_EDGE_TESSFACTOR:
        return TessellationLevel{BuiltIn::TessLevelOuter, systemValue - VGPU10_NAME_FINAL_TRI_U_EQ_0_EDGE_TESSFACTOR};
    case VGPU10_NAME_FINAL_TRI_INSIDE_TESSFACTOR:
        return TessellationLevel{BuiltIn::TessLevelInner, 0};
    // Mesa, the only guest, stores gl_TessLevelOuter[0] as detail and [1] as density, against the names' meaning in
    // D3D.
    case VGPU10_NAME_FINAL_LINE_DETAIL_TESSFACTOR:
        return TessellationLevel{BuiltIn::TessLevelOuter, 0};
    case VGPU10_NAME_FINAL_LINE_DENSITY_TESSFACTOR:
        return TessellationLevel{BuiltIn::TessLevelOuter, 1};
    default:
        return std::nullopt;
    }
}

/// D3D has two series of numbers here; SPIR-V's validator wants one, and Mesa numbers so.
constexpr const char* kSharedRegister = "patch constant and control point have the same register";

bool isPatchPhase(const Phase& phase) {
    return phase.kind == PhaseKind::Fork || phase.kind == PhaseKind::Join;
}

} // namespace

void Translator::setHullExecutionModes() {
    b_.capability(spv::Capability::Tessellation);
    b_.executionMode(spv::ExecutionMode::OutputVertices, {std::max(1u, declarations_.outputControlPoints)});
    // Mesa declares the quad domain for isolines; what tells is the output primitive.
    if (declarations_.tessDomain == VGPU10_TESSELLATOR_DOMAIN_ISOLINE ||
        declarations_.tessOutputPrimitive == VGPU10_TESSELLATOR_OUTPUT_LINE)
        b_.executionMode(spv::ExecutionMode::Isolines);
    else if (declarations_.tessDomain == VGPU10_TESSELLATOR_DOMAIN_TRI)
        b_.executionMode(spv::ExecutionMode::Triangles);
    else if (declarations_.tessDomain == VGPU10_TESSELLATOR_DOMAIN_QUAD)
        b_.executionMode(spv::ExecutionMode::Quads);
    else
        fail("hull shader without a domain");
    switch (declarations_.tessPartitioning) {
    case VGPU10_TESSELLATOR_PARTITIONING_FRACTIONAL_ODD:
        b_.executionMode(spv::ExecutionMode::SpacingFractionalOdd);
        break;
    case VGPU10_TESSELLATOR_PARTITIONING_FRACTIONAL_EVEN:
        b_.executionMode(spv::ExecutionMode::SpacingFractionalEven);
        break;
    default:
        b_.executionMode(spv::ExecutionMode::SpacingEqual);
        break;
    }
    if (declarations_.tessOutputPrimitive == VGPU10_TESSELLATOR_OUTPUT_POINT)
        b_.executionMode(spv::ExecutionMode::PointMode);
    b_.executionMode(declarations_.tessOutputPrimitive == VGPU10_TESSELLATOR_OUTPUT_TRIANGLE_CCW
                         ? spv::ExecutionMode::VertexOrderCcw
                         : spv::ExecutionMode::VertexOrderCw);
}

void Translator::declareHullOutputs() {
    phaseInstance_ = b_.variable(StorageClass::Private, b_.type(Kind::Uint), b_.constant(Kind::Uint, 0));
    const Id perVertex = b_.arrayType(b_.type(Kind::Float, 4), std::max(1u, declarations_.outputControlPoints));
    for (const Phase& phase : declarations_.phases) {
        for (const RegisterDeclaration& output : phase.outputs) {
            if (isPatchPhase(phase)) {
                patchCount_ = std::max(patchCount_, output.index + 1);
                if (tessellationLevel(output.systemValue) || patchVariables_.contains(output.index))
                    continue;
                require(output.index < kMaxLocations, "patch constant is above the last location");
                const Id variable = b_.variable(StorageClass::Output, b_.type(Kind::Float, 4));
                b_.decorate(variable, spv::Decoration::Location, {output.index});
                b_.decorate(variable, spv::Decoration::Patch);
                patchVariables_[output.index] = variable;
            } else if (!varyings_.contains(output.index)) {
                // Mesa's stand-in for a shader without control point outputs lies past the last location.
                outputCount_ = std::max(outputCount_, output.index + 1);
                if (output.index >= kMaxLocations)
                    continue;
                const Id variable = b_.variable(StorageClass::Output, perVertex);
                b_.decorate(variable, spv::Decoration::Location, {output.index});
                varyings_[output.index] = variable;
            }
        }
    }
    for (const auto& [index, variable] : patchVariables_)
        require(!varyings_.contains(index), kSharedRegister);
    if (outputCount_ > 0)
        outputs_ = privateArray(outputCount_);
    if (patchCount_ > 0)
        patch_ = privateArray(patchCount_);
}

/** \brief vocp[vertex][register]: what the control point phase wrote. */
Value Translator::loadControlPointOutput(const Operand& operand) {
    requireStage(Stage::Hull);
    require(operand.dimension == 2, "output control point takes a vertex and a register");
    const auto found = varyings_.find(constantIndex(operand, 1));
    require(found != varyings_.end(), "output control point was not declared");
    readsControlPointOutputs_ = true;
    const uint32_t count = std::max(1u, declarations_.outputControlPoints);
    Index vertex = evaluate(operand.index[0]);
    if (vertex)
        vertex.dynamic = ext(GLSLstd450UMin, {vertex.dynamic, Kind::Uint, 1}, constantValue(Kind::Uint, count - 1)).id;
    else
        require(vertex.constant < count, "there is no such output control point");
    const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Output, b_.type(Kind::Float, 4)),
                             {found->second, indexId(vertex)});
    return bitcast(loadVariable(pointer, Kind::Float, 4), Kind::Uint);
}

void Translator::writeControlPoint() {
    const Value vertex = builtinInput(BuiltIn::InvocationId, Kind::Int, 1);
    const Id pointerType = b_.pointerType(StorageClass::Output, b_.type(Kind::Float, 4));
    for (const auto& [index, variable] : varyings_) {
        const Id pointer = b_.op(Op::OpAccessChain, pointerType, {variable, vertex.id});
        b_.effect(Op::OpStore, {pointer, loadOutput(index).id});
    }
}

/** \brief Without a control point phase the control points pass unchanged, renumbered as the signatures say. */
void Translator::passControlPointThrough() {
    std::map<uint32_t, uint32_t> sources; // output register -> input register
    const auto& inputs = program_.signatures.inputs;
    const auto& outputs = program_.signatures.outputs;
    for (size_t n = 0; n < std::min(inputs.size(), outputs.size()); ++n)
        sources.try_emplace(outputs[n].registerIndex, inputs[n].registerIndex);
    if (sources.empty())
        for (const RegisterDeclaration& input : declarations_.inputs)
            sources.try_emplace(input.index, input.index);
    const Id element = b_.type(Kind::Float, 4);
    const Id array = b_.arrayType(element, std::max(1u, declarations_.outputControlPoints));
    const Value vertex = builtinInput(BuiltIn::InvocationId, Kind::Int, 1);
    for (const auto& [output, input] : sources) {
        require(output < kMaxLocations && input < kMaxLocations, "signature names a register above the last location");
        require(!patchVariables_.contains(output), kSharedRegister);
        const Id from = inputVariable({.index = input, .mask = 0xf});
        const Id to = b_.variable(StorageClass::Output, array);
        b_.decorate(to, spv::Decoration::Location, {output});
        const Id source = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Input, element), {from, vertex.id});
        const Id target = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Output, element), {to, vertex.id});
        b_.effect(Op::OpStore, {target, loadVariable(source, Kind::Float, 4).id});
    }
}

void Translator::writePatchConstants() {
    const auto value = [&](uint32_t index) {
        const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Private, registerType_),
                                 {patch_, b_.constant(Kind::Uint, index)});
        return bitcast(loadVariable(pointer, Kind::Uint, 4), Kind::Float);
    };
    for (const auto& [index, variable] : patchVariables_)
        b_.effect(Op::OpStore, {variable, value(index).id});
    const Id element = b_.type(Kind::Float);
    for (const Phase& phase : declarations_.phases) {
        if (!isPatchPhase(phase))
            continue;
        for (const RegisterDeclaration& output : phase.outputs) {
            const auto level = tessellationLevel(output.systemValue);
            if (!level)
                continue;
            const bool known = builtinOutputs_.contains(level->builtin);
            const uint32_t size = level->builtin == BuiltIn::TessLevelOuter ? 4 : 2;
            const Id variable = builtin(level->builtin, StorageClass::Output, b_.arrayType(element, size));
            if (!known)
                b_.decorate(variable, spv::Decoration::Patch);
            const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Output, element),
                                     {variable, b_.constant(Kind::Uint, level->element)});
            const uint32_t component = output.mask ? static_cast<uint32_t>(std::countr_zero(output.mask)) : 0;
            b_.effect(Op::OpStore, {pointer, extract(value(output.index), component).id});
        }
    }
}

void Translator::emitHullPhases(std::span<const Id> phaseFunctions) {
    const auto& phases = declarations_.phases;
    const bool hasControlPointPhase = !phases.empty() && phases.front().kind == PhaseKind::ControlPoint;
    if (hasControlPointPhase) {
        b_.op(Op::OpFunctionCall, b_.voidType(), {phaseFunctions.front()});
        writeControlPoint();
    } else {
        passControlPointThrough();
    }
    if (readsControlPointOutputs_)
        b_.effect(Op::OpControlBarrier,
                  {b_.constant(Kind::Uint, static_cast<uint32_t>(spv::Scope::Workgroup)),
                   b_.constant(Kind::Uint, static_cast<uint32_t>(spv::Scope::Invocation)), b_.constant(Kind::Uint, 0)});
    // Patch constants belong to the patch: one invocation computes them all.
    const Id then = b_.newId(), merge = b_.newId();
    const Value first =
        op(Op::OpIEqual, Kind::Bool, builtinInput(BuiltIn::InvocationId, Kind::Int, 1), constantValue(Kind::Int, 0));
    b_.effect(Op::OpSelectionMerge, {merge, 0});
    b_.effect(Op::OpBranchConditional, {first.id, then, merge});
    openBlock(then);
    for (size_t n = hasControlPointPhase ? 1 : 0; n < phases.size(); ++n) {
        for (uint32_t instance = 0; instance < phases[n].instances; ++instance) {
            b_.effect(Op::OpStore, {phaseInstance_, b_.constant(Kind::Uint, instance)});
            b_.op(Op::OpFunctionCall, b_.voidType(), {phaseFunctions[n]});
        }
    }
    writePatchConstants();
    branch(merge);
    openBlock(merge);
}

// ---- Domain shader

void Translator::declarePatchConstants() {
    for (const RegisterDeclaration& input : declarations_.patchConstants) {
        patchCount_ = std::max(patchCount_, input.index + 1);
        if (tessellationLevel(input.systemValue) || patchVariables_.contains(input.index))
            continue;
        require(input.index < kMaxLocations, "patch constant is above the last location");
        require(!inputVariables_.contains(input.index), kSharedRegister);
        const Id variable = b_.variable(StorageClass::Input, b_.type(Kind::Float, 4));
        b_.decorate(variable, spv::Decoration::Location, {input.index});
        b_.decorate(variable, spv::Decoration::Patch);
        patchVariables_[input.index] = variable;
    }
    if (patchCount_ > 0)
        patch_ = privateArray(patchCount_);
}

void Translator::readPatchConstants() {
    const auto target = [&](uint32_t index) {
        return b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Private, registerType_),
                     {patch_, b_.constant(Kind::Uint, index)});
    };
    for (const auto& [index, variable] : patchVariables_)
        b_.effect(Op::OpStore, {target(index), bitcast(loadVariable(variable, Kind::Float, 4), Kind::Uint).id});
    const Id element = b_.type(Kind::Float);
    for (const RegisterDeclaration& input : declarations_.patchConstants) {
        const auto level = tessellationLevel(input.systemValue);
        if (!level || input.mask == 0)
            continue;
        const bool known = builtinInputs_.contains(level->builtin);
        const uint32_t size = level->builtin == BuiltIn::TessLevelOuter ? 4 : 2;
        const Id variable = builtin(level->builtin, StorageClass::Input, b_.arrayType(element, size));
        if (!known)
            b_.decorate(variable, spv::Decoration::Patch);
        const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Input, element),
                                 {variable, b_.constant(Kind::Uint, level->element)});
        const Value value = bitcast(loadVariable(pointer, Kind::Float, 1), Kind::Uint);
        storeRegister(target(input.index), input.mask, replicate(value, componentCount(input.mask)));
    }
}

} // namespace svga::vgpu10
