// SPDX-License-Identifier: MIT
#include "device/vgpu10/declarations.h"

#include <VGPU10ShaderTokens.h>

#include <algorithm>

namespace svga::vgpu10 {
namespace {

constexpr uint32_t kMaxSharedMemory = 32768;
constexpr uint32_t kMaxStructureStride = 2048;
constexpr uint32_t kMaxPhaseInstances = 32;
constexpr uint32_t kMaxControlPoints = 32;
constexpr uint32_t kMaxGsVertices = 1024;
constexpr uint32_t kMaxGsInstances = 32;
constexpr uint32_t kMaxThreads = 1024;

ResourceDimension dimensionOf(uint32_t dimension, const Instruction& at) {
    switch (dimension) {
    case VGPU10_RESOURCE_DIMENSION_BUFFER:
        return ResourceDimension::Buffer;
    case VGPU10_RESOURCE_DIMENSION_TEXTURE1D:
        return ResourceDimension::Texture1D;
    case VGPU10_RESOURCE_DIMENSION_TEXTURE2D:
        return ResourceDimension::Texture2D;
    case VGPU10_RESOURCE_DIMENSION_TEXTURE2DMS:
        return ResourceDimension::Texture2DMS;
    case VGPU10_RESOURCE_DIMENSION_TEXTURE3D:
        return ResourceDimension::Texture3D;
    case VGPU10_RESOURCE_DIMENSION_TEXTURECUBE:
        return ResourceDimension::TextureCube;
    case VGPU10_RESOURCE_DIMENSION_TEXTURE1DARRAY:
        return ResourceDimension::Texture1DArray;
    case VGPU10_RESOURCE_DIMENSION_TEXTURE2DARRAY:
        return ResourceDimension::Texture2DArray;
    case VGPU10_RESOURCE_DIMENSION_TEXTURE2DMSARRAY:
        return ResourceDimension::Texture2DMSArray;
    case VGPU10_RESOURCE_DIMENSION_TEXTURECUBEARRAY:
        return ResourceDimension::TextureCubeArray;
    default:
        throw TranslateError("token {}: {} of unknown dimension {}", at.offset, at.name(), dimension);
    }
}

/** \brief The four components always agree in what a shader can use, so the first speaks for all. */
NumericType numericTypeOf(uint32_t returnTypes, const Instruction& at) {
    switch (returnTypes & 0xf) {
    case VGPU10_RETURN_TYPE_UNORM:
    case VGPU10_RETURN_TYPE_SNORM:
    case VGPU10_RETURN_TYPE_FLOAT:
    case VGPU10_RETURN_TYPE_MIXED:
        return NumericType::Float;
    case VGPU10_RETURN_TYPE_SINT:
        return NumericType::Sint;
    case VGPU10_RETURN_TYPE_UINT:
        return NumericType::Uint;
    default:
        throw TranslateError("token {}: {} of return type {}", at.offset, at.name(), returnTypes & 0xf);
    }
}

/** \brief Walks the instruction list once and files each declaration. */
class Collector {
public:
    explicit Collector(const Program& program)
        : program_(program) {}

    Declarations collect() {
        out_.phases.emplace_back();
        if (program_.stage == Stage::Hull)
            out_.phases.clear();
        for (size_t i = 0; i < program_.instructions.size(); ++i) {
            const Instruction& instruction = program_.instructions[i];
            if (startPhase(instruction, i))
                continue;
            if (instruction.isDeclaration())
                declare(instruction);
        }
        // Uses are looked at once everything is declared, wherever it is.
        for (const Instruction& instruction : program_.instructions)
            scan(instruction);
        if (!out_.phases.empty())
            out_.phases.back().end = program_.instructions.size();
        return std::move(out_);
    }

private:
    static uint32_t field(const Instruction& i, uint32_t first, uint32_t count) {
        return (i.control >> first) & ((1u << count) - 1);
    }

    [[noreturn]] static void fail(const Instruction& i, const char* what) {
        throw TranslateError("token {}: {}: {}", i.offset, i.name(), what);
    }

    static uint32_t limited(const Instruction& i, uint32_t value, uint32_t limit, const char* what) {
        if (value > limit)
            throw TranslateError("token {}: {}: {} {} is above {}", i.offset, i.name(), what, value, limit);
        return value;
    }

    bool startPhase(const Instruction& i, size_t at) {
        PhaseKind kind;
        switch (i.opcode) {
        case VGPU10_OPCODE_HS_DECLS:
            kind = PhaseKind::Main;
            break;
        case VGPU10_OPCODE_HS_CONTROL_POINT_PHASE:
            kind = PhaseKind::ControlPoint;
            break;
        case VGPU10_OPCODE_HS_FORK_PHASE:
            kind = PhaseKind::Fork;
            break;
        case VGPU10_OPCODE_HS_JOIN_PHASE:
            kind = PhaseKind::Join;
            break;
        default:
            return false;
        }
        if (program_.stage != Stage::Hull)
            fail(i, "hull shader phase in another stage");
        if (!out_.phases.empty())
            out_.phases.back().end = at;
        if (kind == PhaseKind::ControlPoint &&
            std::ranges::any_of(out_.phases, [](const Phase& p) { return p.kind != PhaseKind::Main; }))
            fail(i, "the control point phase must be the first");
        if (kind == PhaseKind::Main)
            return true;
        out_.phases.emplace_back();
        out_.phases.back().kind = kind;
        out_.phases.back().begin = at + 1;
        return true;
    }

    Phase& phase(const Instruction& i) {
        if (out_.phases.empty())
            fail(i, "outside of any hull shader phase");
        return out_.phases.back();
    }

    static uint32_t slot(const Instruction& i, uint32_t limit) {
        const Operand& operand = i.operands.at(0);
        if (operand.dimension < 1 || operand.index[0].relative)
            fail(i, "slot is not an immediate");
        if (operand.index[0].immediate >= limit)
            throw TranslateError("token {}: {}: slot {}, of {}", i.offset, i.name(), operand.index[0].immediate, limit);
        return operand.index[0].immediate;
    }

    static void expect(const Instruction& i, uint32_t type) {
        if (i.operands.at(0).type != type)
            fail(i, "unexpected operand type");
    }

    RegisterDeclaration readRegister(const Instruction& i) {
        const Operand& operand = i.operands.at(0);
        if (operand.dimension < 1 || operand.dimension > 2)
            fail(i, "register without an index");
        const OperandIndex& index = operand.index[operand.dimension - 1];
        if (index.relative || operand.index[0].relative)
            fail(i, "register index is not an immediate");
        RegisterDeclaration declaration;
        declaration.index = limited(i, index.immediate, kMaxRegisters - 1, "register");
        declaration.mask = operand.mask;
        declaration.stream = stream_;
        if (!i.words.empty())
            declaration.systemValue = limited(i, i.words[0] & 0xffff, VGPU10_NAME_MAX, "system value");
        return declaration;
    }

    void declareInput(const Instruction& i) {
        switch (i.operands.at(0).type) {
        case VGPU10_OPERAND_TYPE_INPUT:
        case VGPU10_OPERAND_TYPE_INPUT_CONTROL_POINT: {
            RegisterDeclaration declaration = readRegister(i);
            if (program_.stage == Stage::Pixel)
                declaration.interpolation = field(i, 11, 4);
            // Both hull phases declare the same input control points.
            const bool known = std::ranges::any_of(out_.inputs, [&](const RegisterDeclaration& d) {
                return d.index == declaration.index && d.mask == declaration.mask &&
                       d.systemValue == declaration.systemValue;
            });
            if (!known)
                out_.inputs.push_back(declaration);
            break;
        }
        case VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT:
            out_.patchConstants.push_back(readRegister(i));
            break;
        // Registers with names of their own: there is one of each, created where it is used.
        case VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT:
        case VGPU10_OPERAND_TYPE_INPUT_PRIMITIVEID:
        case VGPU10_OPERAND_TYPE_INPUT_COVERAGE_MASK:
        case VGPU10_OPERAND_TYPE_INPUT_GS_INSTANCE_ID:
        case VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT_ID:
        case VGPU10_OPERAND_TYPE_INPUT_FORK_INSTANCE_ID:
        case VGPU10_OPERAND_TYPE_INPUT_JOIN_INSTANCE_ID:
        case VGPU10_OPERAND_TYPE_INPUT_DOMAIN_POINT:
        case VGPU10_OPERAND_TYPE_INPUT_THREAD_ID:
        case VGPU10_OPERAND_TYPE_INPUT_THREAD_GROUP_ID:
        case VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP:
        case VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP_FLATTENED:
            break;
        default:
            fail(i, "no input register");
        }
    }

    void declareOutput(const Instruction& i) {
        const uint32_t type = i.operands.at(0).type;
        switch (type) {
        case VGPU10_OPERAND_TYPE_OUTPUT:
            phase(i).outputs.push_back(readRegister(i));
            break;
        case VGPU10_OPERAND_TYPE_OUTPUT_DEPTH:
        case VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_GREATER_EQUAL:
        case VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_LESS_EQUAL:
            if (program_.stage != Stage::Pixel)
                fail(i, "depth output outside of a pixel shader");
            out_.writesDepth = true;
            out_.depthOutput = type;
            break;
        case VGPU10_OPERAND_TYPE_OUTPUT_COVERAGE_MASK:
            if (program_.stage != Stage::Pixel)
                fail(i, "coverage output outside of a pixel shader");
            out_.writesCoverage = true;
            break;
        default:
            fail(i, "no output register");
        }
    }

    void declareIndexableTemp(const Instruction& i) {
        const uint32_t array = limited(i, i.words.at(0), VGPU10_MAX_TEMPS - 1, "array");
        const uint32_t size = limited(i, i.words.at(1), VGPU10_MAX_TEMPS, "size");
        if (size == 0)
            fail(i, "empty array");
        auto& arrays = phase(i).indexableTemps;
        arrays[array] = std::max(arrays[array], size);
        uint32_t total = 0;
        for (const auto& [number, registers] : arrays)
            total += registers;
        limited(i, total, VGPU10_MAX_TEMPS, "registers in all");
    }

    void declareConstantBuffer(const Instruction& i) {
        expect(i, VGPU10_OPERAND_TYPE_CONSTANT_BUFFER);
        const Operand& operand = i.operands.at(0);
        const uint32_t at = slot(i, BindingLayout::kConstantBufferCount);
        if (operand.dimension != 2 || operand.index[1].relative)
            fail(i, "no size");
        uint32_t size = limited(i, operand.index[1].immediate, VGPU10_MAX_CONSTANT_BUFFER_ELEMENT_COUNT, "size");
        if (size == 0) // D3D: not said
            size = VGPU10_MAX_CONSTANT_BUFFER_ELEMENT_COUNT;
        out_.constantBuffers[at] = std::max(out_.constantBuffers[at], size);
    }

    void declareResource(const Instruction& i) {
        expect(i, VGPU10_OPERAND_TYPE_RESOURCE);
        ResourceDeclaration resource;
        if (i.opcode == VGPU10_OPCODE_DCL_RESOURCE) {
            resource.dimension = dimensionOf(field(i, 11, 5), i);
            resource.returnType = numericTypeOf(i.words.at(0), i);
        } else if (i.opcode == VGPU10_OPCODE_DCL_RESOURCE_RAW) {
            resource.dimension = ResourceDimension::RawBuffer;
            resource.returnType = NumericType::Uint;
        } else {
            resource.dimension = ResourceDimension::StructuredBuffer;
            resource.returnType = NumericType::Uint;
            resource.stride = readStride(i, i.words.at(0));
        }
        if (!out_.resources.emplace(slot(i, BindingLayout::kShaderResourceCount), resource).second)
            fail(i, "slot declared twice");
    }

    static uint32_t readStride(const Instruction& i, uint32_t stride) {
        if (stride == 0 || stride % 4 != 0)
            fail(i, "structure stride is no multiple of 4");
        return limited(i, stride, kMaxStructureStride, "structure stride");
    }

    void declareUav(const Instruction& i) {
        expect(i, VGPU10_OPERAND_TYPE_UAV);
        UavDeclaration uav;
        uav.coherent = field(i, 16, 1);
        uav.hasCounter = field(i, 23, 1);
        if (i.opcode == VGPU10_OPCODE_DCL_UAV_TYPED) {
            uav.dimension = dimensionOf(field(i, 11, 5), i);
            uav.returnType = numericTypeOf(i.words.at(0), i);
            if (uav.dimension == ResourceDimension::Texture2DMS || uav.dimension == ResourceDimension::Texture2DMSArray)
                fail(i, "multisampled view");
        } else if (i.opcode == VGPU10_OPCODE_DCL_UAV_RAW) {
            uav.dimension = ResourceDimension::RawBuffer;
            uav.returnType = NumericType::Uint;
        } else {
            uav.dimension = ResourceDimension::StructuredBuffer;
            uav.returnType = NumericType::Uint;
            uav.stride = readStride(i, i.words.at(0));
        }
        if (!out_.uavs.emplace(slot(i, BindingLayout::kUavCount), uav).second)
            fail(i, "slot declared twice");
    }

    void declareSharedMemory(const Instruction& i) {
        expect(i, VGPU10_OPERAND_TYPE_THREAD_GROUP_SHARED_MEMORY);
        if (program_.stage != Stage::Compute)
            fail(i, "shared memory outside of a compute shader");
        SharedMemoryDeclaration memory;
        if (i.opcode == VGPU10_OPCODE_DCL_TGSM_RAW) {
            memory.bytes = limited(i, i.words.at(0), kMaxSharedMemory, "bytes");
        } else {
            memory.stride = readStride(i, i.words.at(0));
            const uint32_t count = limited(i, i.words.at(1), kMaxSharedMemory, "structures");
            memory.bytes = limited(i, memory.stride * count, kMaxSharedMemory, "bytes");
        }
        if (memory.bytes < 4)
            fail(i, "empty shared memory");
        if (!out_.sharedMemory.emplace(slot(i, kMaxRegisters), memory).second)
            fail(i, "declared twice");
        uint32_t total = 0;
        for (const auto& [number, m] : out_.sharedMemory)
            total += (m.bytes + 3) & ~3u;
        limited(i, total, kMaxSharedMemory, "bytes in all");
    }

    void declareThreadGroup(const Instruction& i) {
        uint64_t threads = 1;
        for (uint32_t c = 0; c < 3; ++c) {
            out_.threadGroup[c] = i.words.at(c);
            threads *= limited(i, i.words.at(c), kMaxThreads, "threads");
        }
        if (threads == 0 || threads > kMaxThreads)
            fail(i, "thread group is empty or too large");
    }

    void declare(const Instruction& i) {
        switch (i.opcode) {
        case VGPU10_OPCODE_DCL_INPUT:
        case VGPU10_OPCODE_DCL_INPUT_SGV:
        case VGPU10_OPCODE_DCL_INPUT_SIV:
        case VGPU10_OPCODE_DCL_INPUT_PS:
        case VGPU10_OPCODE_DCL_INPUT_PS_SGV:
        case VGPU10_OPCODE_DCL_INPUT_PS_SIV:
            declareInput(i);
            break;
        case VGPU10_OPCODE_DCL_OUTPUT:
        case VGPU10_OPCODE_DCL_OUTPUT_SGV:
        case VGPU10_OPCODE_DCL_OUTPUT_SIV:
            declareOutput(i);
            break;
        case VGPU10_OPCODE_DCL_TEMPS:
            phase(i).temps = std::max(phase(i).temps, limited(i, i.words.at(0), VGPU10_MAX_TEMPS, "registers"));
            break;
        case VGPU10_OPCODE_DCL_INDEXABLE_TEMP:
            declareIndexableTemp(i);
            break;
        case VGPU10_OPCODE_DCL_INDEX_RANGE:
            break; // every register can be indexed here
        case VGPU10_OPCODE_DCL_CONSTANT_BUFFER:
            declareConstantBuffer(i);
            break;
        case VGPU10_OPCODE_DCL_SAMPLER:
            expect(i, VGPU10_OPERAND_TYPE_SAMPLER);
            out_.samplers[slot(i, BindingLayout::kSamplerCount)] |= field(i, 11, 4) == VGPU10_SAMPLER_MODE_COMPARISON;
            break;
        case VGPU10_OPCODE_DCL_RESOURCE:
        case VGPU10_OPCODE_DCL_RESOURCE_RAW:
        case VGPU10_OPCODE_DCL_RESOURCE_STRUCTURED:
            declareResource(i);
            break;
        case VGPU10_OPCODE_DCL_UAV_TYPED:
        case VGPU10_OPCODE_DCL_UAV_RAW:
        case VGPU10_OPCODE_DCL_UAV_STRUCTURED:
            declareUav(i);
            break;
        case VGPU10_OPCODE_DCL_TGSM_RAW:
        case VGPU10_OPCODE_DCL_TGSM_STRUCTURED:
            declareSharedMemory(i);
            break;
        case VGPU10_OPCODE_DCL_GLOBAL_FLAGS:
            out_.earlyDepthStencil |= field(i, 13, 1) != 0;
            break;
        default:
            declareStageProperty(i);
            break;
        }
    }

    void declareStageProperty(const Instruction& i) {
        switch (i.opcode) {
        case VGPU10_OPCODE_DCL_STREAM:
            expect(i, VGPU10_OPERAND_TYPE_STREAM);
            stream_ = slot(i, VGPU11_MAX_GS_STREAMS);
            break;
        case VGPU10_OPCODE_DCL_GS_INPUT_PRIMITIVE:
            out_.gsInputPrimitive = field(i, 11, 6);
            break;
        case VGPU10_OPCODE_DCL_GS_OUTPUT_PRIMITIVE_TOPOLOGY:
            // Mesa repeats it for each stream; all must agree.
            if (out_.gsOutputTopology && out_.gsOutputTopology != field(i, 11, 7))
                fail(i, "streams of different topologies");
            out_.gsOutputTopology = field(i, 11, 7);
            break;
        case VGPU10_OPCODE_DCL_MAX_OUTPUT_VERTEX_COUNT:
            out_.gsMaxVertices = limited(i, i.words.at(0), kMaxGsVertices, "vertices");
            break;
        case VGPU10_OPCODE_DCL_GS_INSTANCE_COUNT:
            out_.gsInstances = std::max(1u, limited(i, i.words.at(0), kMaxGsInstances, "instances"));
            break;
        case VGPU10_OPCODE_DCL_INPUT_CONTROL_POINT_COUNT:
            out_.inputControlPoints = limited(i, field(i, 11, 6), kMaxControlPoints, "control points");
            break;
        case VGPU10_OPCODE_DCL_OUTPUT_CONTROL_POINT_COUNT:
            out_.outputControlPoints = limited(i, field(i, 11, 6), kMaxControlPoints, "control points");
            break;
        case VGPU10_OPCODE_DCL_TESS_DOMAIN:
            out_.tessDomain = field(i, 11, 2);
            break;
        case VGPU10_OPCODE_DCL_TESS_PARTITIONING:
            out_.tessPartitioning = field(i, 11, 3);
            break;
        case VGPU10_OPCODE_DCL_TESS_OUTPUT_PRIMITIVE:
            out_.tessOutputPrimitive = field(i, 11, 3);
            break;
        case VGPU10_OPCODE_DCL_HS_MAX_TESSFACTOR:
            break; // Vulkan's limit is the same 64
        case VGPU10_OPCODE_DCL_HS_FORK_PHASE_INSTANCE_COUNT:
        case VGPU10_OPCODE_DCL_HS_JOIN_PHASE_INSTANCE_COUNT:
            phase(i).instances = limited(i, i.words.at(0), kMaxPhaseInstances, "instances");
            break;
        case VGPU10_OPCODE_DCL_THREAD_GROUP:
            declareThreadGroup(i);
            break;
        default:
            fail(i, "declaration is not supported");
        }
    }

    /** \brief Facts about resources that only their uses tell. */
    void scan(const Instruction& i) {
        switch (i.opcode) {
        case VGPU10_OPCODE_DISCARD:
            out_.usesDiscard = true;
            break;
        case VGPU10_OPCODE_SAMPLE_POS:
        case VGPU10_OPCODE_SAMPLE_INFO:
            out_.usesRasterizerSamples |= i.operands.at(1).type == VGPU10_OPERAND_TYPE_RASTERIZER;
            break;
        case VGPU10_OPCODE_SAMPLE_C:
        case VGPU10_OPCODE_SAMPLE_C_LZ:
        case VGPU10_OPCODE_GATHER4_C:
            markComparison(i.operands.at(3));
            break;
        case VGPU10_OPCODE_GATHER4_PO_C:
            markComparison(i.operands.at(4));
            break;
        default:
            break;
        }
        const bool immediate = i.opcode >= VGPU10_OPCODE_IMM_ATOMIC_IADD && i.opcode <= VGPU10_OPCODE_IMM_ATOMIC_UMIN;
        const bool plain = i.opcode >= VGPU10_OPCODE_ATOMIC_AND && i.opcode <= VGPU10_OPCODE_ATOMIC_UMIN;
        if (immediate || plain) {
            const Operand& target = i.operands.at(immediate ? 1 : 0);
            const auto uav = out_.uavs.find(target.index[0].immediate);
            if (target.type == VGPU10_OPERAND_TYPE_UAV && uav != out_.uavs.end())
                uav->second.atomic = true;
        }
    }

    void markComparison(const Operand& sampler) {
        const auto found = out_.samplers.find(sampler.index[0].immediate);
        if (sampler.type == VGPU10_OPERAND_TYPE_SAMPLER && found != out_.samplers.end())
            found->second = true;
    }

    const Program& program_;
    Declarations out_;
    uint32_t stream_ = 0;
};

} // namespace

Declarations collectDeclarations(const Program& program) {
    return Collector(program).collect();
}

uint32_t verticesOf(uint32_t primitive) {
    switch (primitive) {
    case VGPU10_PRIMITIVE_POINT:
        return 1;
    case VGPU10_PRIMITIVE_LINE:
        return 2;
    case VGPU10_PRIMITIVE_TRIANGLE:
        return 3;
    case VGPU10_PRIMITIVE_LINE_ADJ:
        return 4;
    case VGPU10_PRIMITIVE_TRIANGLE_ADJ:
        return 6;
    default:
        return 0;
    }
}

ShaderInfo describe(const Program& program, const Declarations& declarations) {
    ShaderInfo info;
    info.stage = program.stage;
    for (const auto& [slot, size] : declarations.constantBuffers)
        info.constantBuffers.push_back({slot, size});
    for (const auto& [slot, resource] : declarations.resources)
        info.resources.push_back({slot, resource.dimension, resource.returnType});
    for (const auto& [slot, comparison] : declarations.samplers)
        info.samplers.push_back({slot, comparison, {}});
    for (const auto& [slot, uav] : declarations.uavs)
        info.uavs.push_back({slot, uav.dimension, uav.returnType, uav.hasCounter});
    for (const RegisterDeclaration& input : declarations.inputs) {
        info.inputs.push_back({input.index, input.mask, input.systemValue});
        info.perSample |=
            program.stage == Stage::Pixel && (input.systemValue == VGPU10_NAME_SAMPLE_INDEX ||
                                              input.interpolation == VGPU10_INTERPOLATION_LINEAR_SAMPLE ||
                                              input.interpolation == VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_SAMPLE);
    }
    for (const Phase& phase : declarations.phases)
        for (const RegisterDeclaration& output : phase.outputs)
            info.outputs.push_back({output.index, output.mask, output.systemValue});
    info.writesDepth = declarations.writesDepth;
    info.usesDiscard = declarations.usesDiscard;
    info.usesRasterizerSamples = declarations.usesRasterizerSamples;
    info.gsInputPrimitive = declarations.gsInputPrimitive;
    info.gsOutputTopology = declarations.gsOutputTopology;
    info.gsInstances = declarations.gsInstances;
    info.hsControlPoints = declarations.inputControlPoints;
    if (program.stage == Stage::Compute) {
        if (declarations.threadGroup[0] == 0)
            throw TranslateError("compute shader without DCL_THREAD_GROUP");
        info.threadGroup = declarations.threadGroup;
    }
    if (program.stage == Stage::Geometry) {
        if (verticesOf(declarations.gsInputPrimitive) == 0)
            throw TranslateError("geometry shader of input primitive {}", declarations.gsInputPrimitive);
        if (declarations.gsOutputTopology == VGPU10_PRIMITIVE_TOPOLOGY_UNDEFINED ||
            declarations.gsOutputTopology > VGPU10_PRIMITIVE_TOPOLOGY_TRIANGLESTRIP)
            throw TranslateError("geometry shader of output topology {}", declarations.gsOutputTopology);
    }
    return info;
}

} // namespace svga::vgpu10
