// SPDX-License-Identifier: MIT
#include "device/vgpu10/translator_impl.h"

#include <algorithm>

namespace svga::vgpu10 {

using spv::BuiltIn;
using spv::Decoration;
using spv::Op;
using spv::StorageClass;

namespace {

Kind kindOf(NumericType type) {
    switch (type) {
    case NumericType::Sint:
        return Kind::Int;
    case NumericType::Uint:
        return Kind::Uint;
    case NumericType::Float:
        break;
    }
    return Kind::Float;
}

/// Vertices that a hull or domain shader's input arrays have room for: Vulkan's gl_MaxPatchVertices.
constexpr uint32_t kMaxPatchVertices = 32;

} // namespace

// ---- Inputs

Id Translator::builtin(BuiltIn builtin, StorageClass storage, Id type) {
    auto& known = storage == StorageClass::Input ? builtinInputs_ : builtinOutputs_;
    const auto [found, added] = known.try_emplace(builtin, 0);
    if (added) {
        found->second = b_.variable(storage, type);
        b_.decorate(found->second, Decoration::BuiltIn, {static_cast<uint32_t>(builtin)});
    }
    return found->second;
}

Value Translator::builtinInput(BuiltIn name, Kind kind, uint32_t width) {
    const bool known = builtinInputs_.contains(name);
    const Id variable = builtin(name, StorageClass::Input, b_.type(kind, width));
    if (!known && program_.stage == Stage::Pixel && (kind == Kind::Int || kind == Kind::Uint))
        b_.decorate(variable, Decoration::Flat);
    return loadVariable(variable, kind, width);
}

void Translator::decorateInterpolation(Id variable, uint32_t mode) {
    const bool perSample = mode == VGPU10_INTERPOLATION_LINEAR_SAMPLE ||
                           mode == VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_SAMPLE ||
                           (options_.forcePerSample && mode != VGPU10_INTERPOLATION_CONSTANT);
    switch (mode) {
    case VGPU10_INTERPOLATION_CONSTANT:
        b_.decorate(variable, Decoration::Flat);
        break;
    case VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE:
    case VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_CENTROID:
    case VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_SAMPLE:
        b_.decorate(variable, Decoration::NoPerspective);
        break;
    default:
        break;
    }
    if (perSample) {
        b_.capability(spv::Capability::SampleRateShading);
        b_.decorate(variable, Decoration::Sample);
    } else if (mode == VGPU10_INTERPOLATION_LINEAR_CENTROID ||
               mode == VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_CENTROID) {
        b_.decorate(variable, Decoration::Centroid);
    }
}

/** \brief The interface variable of a register; the parts that a register is declared in share it. */
Id Translator::inputVariable(const RegisterDeclaration& declaration) {
    const auto [found, added] = inputVariables_.try_emplace(declaration.index, 0);
    if (!added)
        return found->second;
    require(declaration.index < kMaxLocations, "input register is above the last location");
    Kind kind = Kind::Float;
    if (program_.stage == Stage::Vertex)
        kind = kindOf(options_.vertexInputs[declaration.index]);
    Id type = b_.type(kind, 4);
    if (perVertexCount_ > 0)
        type = b_.arrayType(type, perVertexCount_);
    found->second = b_.variable(StorageClass::Input, type);
    inputKinds_[declaration.index] = kind;
    b_.decorate(found->second, Decoration::Location, {declaration.index});
    if (program_.stage == Stage::Pixel)
        decorateInterpolation(found->second, declaration.interpolation);
    return found->second;
}

void Translator::declareInputs() {
    switch (program_.stage) {
    case Stage::Geometry:
        perVertexCount_ = verticesOf(declarations_.gsInputPrimitive);
        break;
    case Stage::Hull:
    case Stage::Domain:
        perVertexCount_ = kMaxPatchVertices;
        break;
    case Stage::Compute:
        require(declarations_.inputs.empty(), "compute shader with input registers");
        break;
    default:
        break;
    }
    for (const RegisterDeclaration& input : declarations_.inputs) {
        if (perVertexCount_ > 0)
            inputVariable(input);
        else
            inputCount_ = std::max(inputCount_, input.index + 1);
    }
    if (inputCount_ > 0)
        inputs_ = privateArray(inputCount_);
    if (program_.stage == Stage::Domain)
        declarePatchConstants();
}

Value Translator::readSystemValue(uint32_t systemValue) {
    const auto difference = [&](BuiltIn value, BuiltIn base) {
        b_.capability(spv::Capability::DrawParameters);
        return op(Op::OpISub, Kind::Int, builtinInput(value, Kind::Int, 1), builtinInput(base, Kind::Int, 1));
    };
    if (program_.stage == Stage::Vertex) {
        switch (systemValue) {
        // D3D's ids start at zero in every draw.
        case VGPU10_NAME_VERTEX_ID:
            return difference(BuiltIn::VertexIndex, BuiltIn::BaseVertex);
        case VGPU10_NAME_INSTANCE_ID:
            return difference(BuiltIn::InstanceIndex, BuiltIn::BaseInstance);
        default:
            fail("vertex shader input of unsupported system value");
        }
    }
    switch (systemValue) {
    case VGPU10_NAME_POSITION: {
        // VGPU10 has w where Vulkan has 1/w.
        Value position = builtinInput(BuiltIn::FragCoord, Kind::Float, 4);
        if (options_.forcePerSample) { // Vulkan tells where the sample is
            const Value centre = op(Op::OpFAdd, Kind::Float, ext(GLSLstd450Floor, position), floatValue(0.5f, 4));
            position.id = b_.op(Op::OpVectorShuffle, b_.type(Kind::Float, 4), {centre.id, position.id, 0, 1, 6, 7});
        }
        const Value w = op(Op::OpFDiv, Kind::Float, floatValue(1.0f), extract(position, 3));
        return {b_.op(Op::OpCompositeInsert, b_.type(Kind::Float, 4), {w.id, position.id, 3}), Kind::Float, 4};
    }
    case VGPU10_NAME_RENDER_TARGET_ARRAY_INDEX:
        b_.capability(spv::Capability::Geometry);
        return builtinInput(BuiltIn::Layer, Kind::Int, 1);
    case VGPU10_NAME_VIEWPORT_ARRAY_INDEX:
        b_.capability(spv::Capability::MultiViewport);
        return builtinInput(BuiltIn::ViewportIndex, Kind::Int, 1);
    case VGPU10_NAME_PRIMITIVE_ID:
        b_.capability(spv::Capability::Geometry);
        return builtinInput(BuiltIn::PrimitiveId, Kind::Int, 1);
    case VGPU10_NAME_IS_FRONT_FACE:
        return builtinInput(BuiltIn::FrontFacing, Kind::Bool, 1);
    case VGPU10_NAME_SAMPLE_INDEX:
        b_.capability(spv::Capability::SampleRateShading);
        return builtinInput(BuiltIn::SampleId, Kind::Int, 1);
    default:
        fail("pixel shader input of unsupported system value");
    }
}

/** \brief The components that a declaration names, as a full register. */
Value Translator::readInput(const RegisterDeclaration& declaration) {
    const uint32_t name = declaration.systemValue;
    const bool fromPreviousStage =
        name == VGPU10_NAME_UNDEFINED || name == VGPU10_NAME_CLIP_DISTANCE || name == VGPU10_NAME_CULL_DISTANCE;
    if (fromPreviousStage) {
        const Id variable = inputVariable(declaration);
        return bitcast(loadVariable(variable, inputKinds_.at(declaration.index), 4), Kind::Uint);
    }
    const Value value = bitcast(readSystemValue(name), Kind::Uint);
    return value.width == 1 ? replicate(value, 4) : value;
}

void Translator::readInputs() {
    if (program_.stage == Stage::Pixel && options_.forcePerSample) {
        b_.capability(spv::Capability::SampleRateShading);
        builtinInput(BuiltIn::SampleId, Kind::Int, 1);
        info_.perSample = true;
    }
    if (inputCount_ > 0) {
        const Id pointerType = b_.pointerType(StorageClass::Private, registerType_);
        for (const RegisterDeclaration& input : declarations_.inputs) {
            if (input.mask == 0)
                continue;
            std::array<uint8_t, 4> components{};
            uint32_t count = 0;
            for (uint8_t c = 0; c < 4; ++c)
                if (input.mask & (1 << c))
                    components[count++] = c;
            const Value value = shuffle(readInput(input), std::span(components).first(count));
            const Id pointer = b_.op(Op::OpAccessChain, pointerType, {inputs_, b_.constant(Kind::Uint, input.index)});
            storeRegister(pointer, input.mask, value);
        }
    }
    if (program_.stage == Stage::Domain)
        readPatchConstants();
}

/** \brief Source registers with a name of their own. */
Value Translator::specialRegister(uint32_t operandType) {
    const Stage stage = program_.stage;
    switch (operandType) {
    case VGPU10_OPERAND_TYPE_INPUT_PRIMITIVEID:
        require(stage == Stage::Geometry || stage == Stage::Hull || stage == Stage::Domain, "no primitive id here");
        return builtinInput(BuiltIn::PrimitiveId, Kind::Int, 1);
    case VGPU10_OPERAND_TYPE_INPUT_GS_INSTANCE_ID:
        requireStage(Stage::Geometry);
        return builtinInput(BuiltIn::InvocationId, Kind::Int, 1);
    case VGPU10_OPERAND_TYPE_INPUT_COVERAGE_MASK: {
        requireStage(Stage::Pixel);
        const Id type = b_.arrayType(b_.type(Kind::Int), 1);
        const bool known = builtinInputs_.contains(BuiltIn::SampleMask);
        const Id variable = builtin(BuiltIn::SampleMask, StorageClass::Input, type);
        if (!known)
            b_.decorate(variable, Decoration::Flat);
        const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Input, b_.type(Kind::Int)),
                                 {variable, b_.constant(Kind::Uint, 0)});
        // A helper invocation covers nothing: lavapipe's SampleMask does not say so.
        return select(builtinInput(BuiltIn::HelperInvocation, Kind::Bool, 1), {b_.constant(Kind::Int, 0), Kind::Int, 1},
                      loadVariable(pointer, Kind::Int, 1));
    }
    case VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT_ID:
        requireStage(Stage::Hull);
        return builtinInput(BuiltIn::InvocationId, Kind::Int, 1);
    case VGPU10_OPERAND_TYPE_INPUT_FORK_INSTANCE_ID:
    case VGPU10_OPERAND_TYPE_INPUT_JOIN_INSTANCE_ID:
        requireStage(Stage::Hull);
        return loadVariable(phaseInstance_, Kind::Uint, 1);
    case VGPU10_OPERAND_TYPE_INPUT_DOMAIN_POINT:
        requireStage(Stage::Domain);
        return builtinInput(BuiltIn::TessCoord, Kind::Float, 3);
    case VGPU10_OPERAND_TYPE_INPUT_THREAD_ID:
        requireStage(Stage::Compute);
        return builtinInput(BuiltIn::GlobalInvocationId, Kind::Uint, 3);
    case VGPU10_OPERAND_TYPE_INPUT_THREAD_GROUP_ID:
        requireStage(Stage::Compute);
        return builtinInput(BuiltIn::WorkgroupId, Kind::Uint, 3);
    case VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP:
        requireStage(Stage::Compute);
        return builtinInput(BuiltIn::LocalInvocationId, Kind::Uint, 3);
    case VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP_FLATTENED:
        requireStage(Stage::Compute);
        return builtinInput(BuiltIn::LocalInvocationIndex, Kind::Uint, 1);
    default:
        fail("source register is not supported");
    }
}

// ---- Outputs

const std::vector<RegisterDeclaration>& Translator::stageOutputs() const {
    static const std::vector<RegisterDeclaration> kNone;
    return declarations_.phases.empty() ? kNone : declarations_.phases.front().outputs;
}

bool Translator::findStreams() const {
    return program_.stage == Stage::Geometry &&
           (std::ranges::any_of(stageOutputs(), [](const RegisterDeclaration& d) { return d.stream != 0; }) ||
            std::ranges::any_of(program_.instructions, [](const Instruction& i) {
                return (i.opcode == VGPU10_OPCODE_EMIT_STREAM || i.opcode == VGPU10_OPCODE_CUT_STREAM ||
                        i.opcode == VGPU10_OPCODE_EMITTHENCUT_STREAM) &&
                       i.operands[0].index[0].immediate != 0;
            }));
}

void Translator::declareOutputs() {
    switch (program_.stage) {
    case Stage::Compute:
        require(stageOutputs().empty(), "compute shader with output registers");
        return;
    case Stage::Hull:
        declareHullOutputs();
        return;
    default:
        break;
    }
    for (const RegisterDeclaration& output : stageOutputs())
        outputCount_ = std::max(outputCount_, output.index + 1);
    if (program_.stage == Stage::Pixel) {
        if (outputCount_ > 0)
            outputs_ = privateArray(outputCount_);
        require(outputCount_ <= options_.renderTargets.size(), "pixel shader output is above the last render target");
        if (declarations_.writesDepth)
            depth_ = b_.variable(StorageClass::Private, b_.type(Kind::Float), b_.constant(Kind::Float, 0));
        if (declarations_.writesCoverage)
            coverage_ = b_.variable(StorageClass::Private, b_.type(Kind::Uint), b_.constant(Kind::Uint, 0));
        return;
    }

    std::array<uint8_t, kMaxLocations> used{}; // components taken at each location
    for (const RegisterDeclaration& output : stageOutputs()) {
        // What only the rasterizer reads needs no location.
        const bool positionOnly = output.systemValue == VGPU10_NAME_POSITION && options_.lastBeforeRasterizer;
        if (positionOnly || output.stream != rasterizedStream())
            continue;
        const auto [found, added] = varyings_.try_emplace(output.index, 0);
        if (!added)
            continue;
        require(output.index < kMaxLocations, "output register is above the last location");
        found->second = b_.variable(StorageClass::Output, b_.type(Kind::Float, 4));
        b_.decorate(found->second, Decoration::Location, {output.index});
        if (usesStreams_)
            b_.decorate(found->second, Decoration::Stream, {output.stream});
        used[output.index] = 0xf;
    }
    if (options_.streamOutput)
        declareStreamOutput(used);
    if (outputCount_ > 0)
        outputs_ = privateArray(outputCount_);
    if (usesStreams_)
        b_.capability(spv::Capability::GeometryStreams);
}

/**
 * \brief Gives each captured run of components a variable of its own, at components that no varying takes.
 *
 * A varying itself is captured only where the whole register is, so that varyings are always four floats.
 */
void Translator::declareStreamOutput(std::array<uint8_t, kMaxLocations>& used) {
    const StreamOutput& output = *options_.streamOutput;
    require(output.rasterizedStream < VGPU11_MAX_GS_STREAMS, "rasterized stream is out of range");
    std::array<std::vector<bool>, 4> written;
    std::array<std::optional<uint32_t>, 4> streamOfSlot;
    std::array<bool, kMaxRegisters> whole{};
    if (output.entries.empty())
        return;
    for (const StreamOutputEntry& entry : output.entries) {
        require(entry.outputSlot < 4 && entry.stream < VGPU11_MAX_GS_STREAMS,
                "stream output slot or stream is out of range");
        require(entry.registerIndex < kMaxRegisters, "stream output register is out of range");
        require(entry.stream == 0 || program_.stage == Stage::Geometry,
                "stream output of a stream without a geometry shader");
        const uint8_t mask = entry.registerMask;
        const auto shift = static_cast<uint32_t>(std::countr_zero(mask));
        const uint32_t width = componentCount(mask);
        require(mask != 0 && mask <= 0xf && mask >> shift == (1 << width) - 1,
                "stream output mask is no run of components");
        const uint32_t stride = output.strideInBytes[entry.outputSlot];
        require(entry.byteOffset % 4 == 0 && stride % 4 == 0 && entry.byteOffset <= stride &&
                    4 * width <= stride - entry.byteOffset,
                "stream output entry passes its stride");
        require(stride <= 2048, "stream output stride is too large");
        auto& words = written[entry.outputSlot];
        words.resize(stride / 4);
        for (uint32_t w = entry.byteOffset / 4; w < entry.byteOffset / 4 + width; ++w) {
            require(!words[w], "stream output entries overlap");
            words[w] = true;
        }
        auto& slotStream = streamOfSlot[entry.outputSlot];
        require(!slotStream || *slotStream == entry.stream, "one stream output slot takes two streams");
        slotStream = entry.stream;
        outputCount_ = std::max(outputCount_, entry.registerIndex + 1);

        Id variable = 0;
        const auto varying = varyings_.find(entry.registerIndex);
        if (mask == 0xf && varying != varyings_.end() && entry.stream == rasterizedStream() &&
            !whole[entry.registerIndex]) {
            variable = varying->second;
            whole[entry.registerIndex] = true;
        } else {
            uint32_t location = 0, component = 0;
            const auto fits = [&] { return (used[location] & (((1 << width) - 1) << component)) == 0; };
            while (location < kMaxLocations && !fits()) {
                component = component + width < 4 ? component + 1 : 0;
                location += component == 0;
            }
            require(location < kMaxLocations, "stream output needs more locations than there are");
            used[location] |= ((1 << width) - 1) << component;
            variable = b_.variable(StorageClass::Output, b_.type(Kind::Float, width));
            b_.decorate(variable, Decoration::Location, {location});
            if (component)
                b_.decorate(variable, Decoration::Component, {component});
            if (usesStreams_)
                b_.decorate(variable, Decoration::Stream, {entry.stream});
            captures_.push_back({variable, entry.registerIndex, mask, entry.stream});
        }
        b_.decorate(variable, Decoration::XfbBuffer, {entry.outputSlot});
        b_.decorate(variable, Decoration::XfbStride, {stride});
        b_.decorate(variable, Decoration::Offset, {entry.byteOffset});
    }
    b_.capability(spv::Capability::TransformFeedback);
    b_.executionMode(spv::ExecutionMode::Xfb);
}

Value Translator::loadOutput(uint32_t index) {
    const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Private, registerType_),
                             {outputs_, b_.constant(Kind::Uint, index)});
    return bitcast(loadVariable(pointer, Kind::Uint, 4), Kind::Float);
}

void Translator::writeVaryings(uint32_t stream) {
    if (stream != rasterizedStream())
        return;
    for (const auto& [index, variable] : varyings_)
        b_.effect(Op::OpStore, {variable, loadOutput(index).id});
}

void Translator::writeCaptured(uint32_t stream) {
    for (const Capture& capture : captures_) {
        if (capture.stream != stream)
            continue;
        std::array<uint8_t, 4> components{};
        uint32_t count = 0;
        for (uint8_t c = 0; c < 4; ++c)
            if (capture.mask & (1 << c))
                components[count++] = c;
        const Value value = shuffle(loadOutput(capture.registerIndex), std::span(components).first(count));
        b_.effect(Op::OpStore, {capture.variable, value.id});
    }
}

/** \brief Clip or cull distances: all components so declared, in the order of registers. */
void Translator::writeDistances(uint32_t stream, uint32_t systemValue, BuiltIn name) {
    std::map<uint32_t, uint8_t> masks;
    for (const RegisterDeclaration& output : stageOutputs())
        if (output.systemValue == systemValue && output.stream == stream)
            masks[output.index] |= output.mask;
    std::vector<Id> distances;
    for (const auto& [index, mask] : masks) {
        const Value value = loadOutput(index);
        for (uint32_t c = 0; c < 4; ++c)
            if (mask & (1 << c))
                distances.push_back(extract(value, c).id);
    }
    if (distances.empty())
        return;
    require(distances.size() <= 8, "more than 8 clip or cull distances");
    b_.capability(name == BuiltIn::ClipDistance ? spv::Capability::ClipDistance : spv::Capability::CullDistance);
    const Id type = b_.arrayType(b_.type(Kind::Float), static_cast<uint32_t>(distances.size()));
    const Id variable = builtin(name, StorageClass::Output, type);
    b_.effect(Op::OpStore, {variable, b_.op(Op::OpCompositeConstruct, type, distances)});
}

void Translator::writeSystemValues(uint32_t stream) {
    const auto put = [&](BuiltIn name, Value value) {
        const Id variable = builtin(name, StorageClass::Output, b_.type(value.kind, value.width));
        b_.effect(Op::OpStore, {variable, value.id});
    };
    const bool geometry = program_.stage == Stage::Geometry;
    for (const RegisterDeclaration& output : stageOutputs()) {
        if (output.stream != stream || output.mask == 0)
            continue;
        const auto scalar = [&] {
            return bitcast(extract(loadOutput(output.index), static_cast<uint32_t>(std::countr_zero(output.mask))),
                           Kind::Int);
        };
        switch (output.systemValue) {
        case VGPU10_NAME_UNDEFINED:
        case VGPU10_NAME_CLIP_DISTANCE:
        case VGPU10_NAME_CULL_DISTANCE:
            break;
        case VGPU10_NAME_POSITION:
            put(BuiltIn::Position, loadOutput(output.index));
            break;
        case VGPU10_NAME_RENDER_TARGET_ARRAY_INDEX:
            b_.capability(geometry ? spv::Capability::Geometry : spv::Capability::ShaderLayer);
            put(BuiltIn::Layer, scalar());
            break;
        case VGPU10_NAME_VIEWPORT_ARRAY_INDEX:
            b_.capability(geometry ? spv::Capability::MultiViewport : spv::Capability::ShaderViewportIndex);
            put(BuiltIn::ViewportIndex, scalar());
            break;
        case VGPU10_NAME_PRIMITIVE_ID:
            require(geometry, "primitive id output outside of a geometry shader");
            put(BuiltIn::PrimitiveId, scalar());
            break;
        default:
            fail("output of unsupported system value");
        }
    }
    writeDistances(stream, VGPU10_NAME_CLIP_DISTANCE, BuiltIn::ClipDistance);
    writeDistances(stream, VGPU10_NAME_CULL_DISTANCE, BuiltIn::CullDistance);
    // Points are one pixel: VGPU10 has no point size.
    const bool points = geometry && declarations_.gsOutputTopology == VGPU10_PRIMITIVE_TOPOLOGY_POINTLIST;
    if (points)
        b_.capability(spv::Capability::GeometryPointSize);
    if (points || program_.stage == Stage::Vertex)
        put(BuiltIn::PointSize, floatValue(1.0f));
}

void Translator::writeOutputs(uint32_t stream) {
    writeVaryings(stream);
    writeCaptured(stream);
    if (options_.lastBeforeRasterizer && stream == rasterizedStream())
        writeSystemValues(stream);
}

void Translator::writePixelOutputs() {
    std::map<uint32_t, Id> targets;
    for (const RegisterDeclaration& output : stageOutputs()) {
        const auto [found, added] = targets.try_emplace(output.index, 0);
        if (!added)
            continue;
        const bool second = options_.dualSourceBlend && output.index == 1;
        if (options_.dualSourceBlend && output.index > 1)
            continue; // dual-source blending leaves room for no other target
        const Kind kind = kindOf(options_.renderTargets[second ? 0 : output.index]);
        found->second = b_.variable(StorageClass::Output, b_.type(kind, 4));
        b_.decorate(found->second, Decoration::Location, {second ? 0 : output.index});
        if (options_.dualSourceBlend)
            b_.decorate(found->second, Decoration::Index, {second ? 1u : 0u});
        Value value = bitcast(loadOutput(output.index), kind);
        if (options_.alphaTargets >> (second ? 0 : output.index) & 1)
            value = replicate(extract(value, 3), 4);
        b_.effect(Op::OpStore, {found->second, value.id});
    }
    if (depth_) {
        const Id variable = builtin(BuiltIn::FragDepth, StorageClass::Output, b_.type(Kind::Float));
        b_.effect(Op::OpStore, {variable, loadVariable(depth_, Kind::Float, 1).id});
    }
    if (coverage_) {
        const Id variable = builtin(BuiltIn::SampleMask, StorageClass::Output, b_.arrayType(b_.type(Kind::Int), 1));
        const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Output, b_.type(Kind::Int)),
                                 {variable, b_.constant(Kind::Uint, 0)});
        b_.effect(Op::OpStore, {pointer, bitcast(loadVariable(coverage_, Kind::Uint, 1), Kind::Int).id});
    }
}

// ---- Geometry shaders

void Translator::emitVertex(uint32_t stream, bool emit, bool cut) {
    const Id number = b_.constant(Kind::Int, stream);
    if (emit) {
        const auto [found, added] = emitFunctions_.try_emplace(stream, 0);
        if (added)
            found->second = b_.newId();
        b_.op(Op::OpFunctionCall, b_.voidType(), {found->second});
        if (usesStreams_)
            b_.effect(Op::OpEmitStreamVertex, {number});
        else
            b_.effect(Op::OpEmitVertex);
    }
    if (cut) {
        if (usesStreams_)
            b_.effect(Op::OpEndStreamPrimitive, {number});
        else
            b_.effect(Op::OpEndPrimitive);
    }
}

bool Translator::emitGeometry(const Instruction& i) {
    const auto stream = [&] {
        require(i.operands[0].type == VGPU10_OPERAND_TYPE_STREAM, "operand is no stream");
        const uint32_t number = constantIndex(i.operands[0], 0);
        require(number < VGPU11_MAX_GS_STREAMS, "no such stream");
        return number;
    };
    switch (i.opcode) {
    case VGPU10_OPCODE_EMIT:
        requireStage(Stage::Geometry);
        emitVertex(0, true, false);
        return true;
    case VGPU10_OPCODE_CUT:
        requireStage(Stage::Geometry);
        emitVertex(0, false, true);
        return true;
    case VGPU10_OPCODE_EMITTHENCUT:
        requireStage(Stage::Geometry);
        emitVertex(0, true, true);
        return true;
    case VGPU10_OPCODE_EMIT_STREAM:
        requireStage(Stage::Geometry);
        emitVertex(stream(), true, false);
        return true;
    case VGPU10_OPCODE_CUT_STREAM:
        requireStage(Stage::Geometry);
        emitVertex(stream(), false, true);
        return true;
    case VGPU10_OPCODE_EMITTHENCUT_STREAM:
        requireStage(Stage::Geometry);
        emitVertex(stream(), true, true);
        return true;
    default:
        return false;
    }
}

// ---- Interpolation on request

bool Translator::emitInterpolation(const Instruction& i) {
    if (i.opcode != VGPU10_OPCODE_EVAL_CENTROID && i.opcode != VGPU10_OPCODE_EVAL_SAMPLE_INDEX &&
        i.opcode != VGPU10_OPCODE_EVAL_SNAPPED)
        return false;
    requireStage(Stage::Pixel);
    const Operand& source = i.operands[1];
    require(source.type == VGPU10_OPERAND_TYPE_INPUT && source.dimension == 1, "source is no input register");
    const uint32_t index = constantIndex(source, 0);
    const auto declared = std::ranges::find_if(declarations_.inputs, [&](const RegisterDeclaration& d) {
        return d.index == index && d.systemValue == VGPU10_NAME_UNDEFINED;
    });
    require(declared != declarations_.inputs.end(), "source is no interpolated input");
    b_.capability(spv::Capability::InterpolationFunction);
    const Id variable = inputVariable(*declared), type = b_.type(Kind::Float, 4);
    Id result = 0;
    if (i.opcode == VGPU10_OPCODE_EVAL_CENTROID) {
        result = b_.ext(GLSLstd450InterpolateAtCentroid, type, {variable});
    } else if (i.opcode == VGPU10_OPCODE_EVAL_SAMPLE_INDEX) {
        result = b_.ext(GLSLstd450InterpolateAtSample, type, {variable, loadScalar(i.operands[2], Kind::Int).id});
    } else {
        // Offsets are sixteenths of a pixel in the low four bits, signed.
        const Value words = load(i.operands[2], Kind::Int, 0x3);
        const Value shift = constantValue(Kind::Uint, 28, 2);
        const Value snapped =
            op(Op::OpShiftRightArithmetic, Kind::Int, op(Op::OpShiftLeftLogical, Kind::Int, words, shift), shift);
        const Value offset =
            op(Op::OpFMul, Kind::Float, op(Op::OpConvertSToF, Kind::Float, snapped), floatValue(1.0f / 16, 2));
        result = b_.ext(GLSLstd450InterpolateAtOffset, type, {variable, offset.id});
    }
    std::array<uint8_t, 4> components{};
    uint32_t count = 0;
    for (uint32_t c = 0; c < 4; ++c)
        if (i.operands[0].mask & (1 << c))
            components[count++] = source.swizzle[c];
    if (count > 0)
        store(i.operands[0],
              applyModifiers(source, shuffle({result, Kind::Float, 4}, std::span(components).first(count))),
              i.saturate());
    return true;
}

} // namespace svga::vgpu10
