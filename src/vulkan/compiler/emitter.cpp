// SPDX-License-Identifier: MIT
#include "vulkan/compiler/emitter.h"

#include "vulkan/compiler/hull.h"
#include "vulkan/compiler/lowering.h"

#include <algorithm>
#include <cstring>

namespace svga::vulkan {

Emitter::Emitter(nir_shader& nir, const CompileOptions& options, ResourceTable& resources, Phase phase)
    : nir_(nir)
    , phase_(phase)
    , options_(options)
    , resources_(resources)
    , impl_(nir_shader_get_entrypoint(&nir))
    , registers_(allocateRegisters(*impl_)) {}

void Emitter::fail(const nir_instr& instr, const char* why) {
    char* text = nir_instr_as_str(&instr, nullptr);
    const std::string copy = text ? text : "an instruction";
    ralloc_free(text);
    throw Error("{}: {}", copy, why);
}

// ---- Operands

Operand Emitter::value(const nir_def* def) {
    if (def->parent_instr->type == nir_instr_type_undef)
        return immediate(0u);
    if (def->parent_instr->type == nir_instr_type_load_const) {
        const nir_load_const_instr* load = nir_instr_as_load_const(def->parent_instr);
        std::array<uint32_t, 4> words{};
        const uint32_t wordsEach = def->bit_size == 64 ? 2 : 1;
        for (uint32_t w = 0; w < 4; ++w) {
            const uint32_t c = std::min<uint32_t>(w / wordsEach, def->num_components - 1u);
            const uint64_t bits = nir_const_value_as_uint(load->value[c], def->bit_size);
            words[w] = static_cast<uint32_t>(w % wordsEach ? bits >> 32 : bits);
        }
        return immediate(words);
    }
    if (const nir_intrinsic_instr* load = nir_load_reg_for_def(def))
        return registerValue(load->src[0].ssa, static_cast<uint32_t>(nir_intrinsic_base(load)),
                             load->intrinsic == nir_intrinsic_load_reg_indirect ? load->src[1].ssa : nullptr);
    const uint32_t reg = registers_.temps.at(def->index);
    if (reg == RegisterMap::kNone)
        fail(*def->parent_instr, "its value is in no register");
    return temp(reg);
}

Operand Emitter::registerValue(const nir_def* handle, uint32_t base, const nir_def* indirect) {
    const auto array = registers_.arrays.find(handle);
    if (array == registers_.arrays.end())
        return temp(registers_.temps.at(handle->index));
    const OperandIndex element = indirect ? indexOf(indirect, base) : OperandIndex{base, {}};
    return registerOperand(VGPU10_OPERAND_TYPE_INDEXABLE_TEMP, {{array->second, {}}, element});
}

uint8_t Emitter::mask(const nir_def* def) const {
    const uint32_t words = def->num_components * (def->bit_size == 64 ? 2u : 1u);
    if (words > 4)
        fail(*def->parent_instr, "has more components than a register");
    return lowMask(words);
}

Operand Emitter::destination(nir_def* def) {
    const nir_legacy_alu_dest folded = nir_legacy_chase_alu_dest(def);
    if (folded.dest.is_ssa) {
        const uint32_t reg = registers_.temps.at(folded.dest.ssa->index);
        return reg == RegisterMap::kNone ? nullOperand() : temp(reg).masked(mask(folded.dest.ssa));
    }
    uint8_t written = static_cast<uint8_t>(folded.write_mask);
    if (def->bit_size == 64)
        written = static_cast<uint8_t>((written & 1 ? 0x3 : 0) | (written & 2 ? 0xc : 0));
    return registerValue(folded.dest.reg.handle, folded.dest.reg.base_offset, folded.dest.reg.indirect)
        .masked(written & mask(def));
}

Operand Emitter::scratch() {
    scratchCount_ = std::max(scratchCount_, ++scratchUsed_);
    return temp(registers_.count + scratchUsed_ - 1);
}

OperandIndex Emitter::indexOf(const nir_def* def, uint32_t base) {
    if (def->parent_instr->type == nir_instr_type_load_const) {
        const nir_load_const_instr* load = nir_instr_as_load_const(def->parent_instr);
        return {base + static_cast<uint32_t>(nir_const_value_as_uint(load->value[0], def->bit_size)), {}};
    }
    Operand index = value(def);
    if (index.type != VGPU10_OPERAND_TYPE_TEMP) { // an array's element, or a constant
        const Operand copy = scratch();
        code_.op(VGPU10_OPCODE_MOV, {copy.masked(0x1)}, {index});
        index = copy;
    }
    return {base, RelativeIndex{index.index[0].immediate, index.swizzle[0]}};
}

// ---- Control flow

void Emitter::emitBlock(nir_block* block) {
    nir_foreach_instr(instr, block) {
        scratchUsed_ = 0;
        emitInstruction(instr);
    }
}

void Emitter::emitIf(nir_if* branch) {
    code_.op(VGPU10_OPCODE_IF, {}, {source(branch->condition).scalar(0)}, {.nonZero = true});
    emitList(&branch->then_list);
    if (!nir_cf_list_is_empty_block(&branch->else_list)) {
        code_.op(VGPU10_OPCODE_ELSE);
        emitList(&branch->else_list);
    }
    code_.op(VGPU10_OPCODE_ENDIF);
}

void Emitter::emitLoop(nir_loop* loop) {
    if (nir_loop_has_continue_construct(loop))
        throw Error("a loop has a continue construct that was not lowered");
    ++loopDepth_;
    code_.op(VGPU10_OPCODE_LOOP);
    emitList(&loop->body);
    code_.op(VGPU10_OPCODE_ENDLOOP);
    --loopDepth_;
}

void Emitter::emitList(exec_list* list) {
    foreach_list_typed(nir_cf_node, node, node, list) {
        switch (node->type) {
        case nir_cf_node_block:
            emitBlock(nir_cf_node_as_block(node));
            break;
        case nir_cf_node_if:
            emitIf(nir_cf_node_as_if(node));
            break;
        case nir_cf_node_loop:
            emitLoop(nir_cf_node_as_loop(node));
            break;
        default:
            throw Error("a function was not inlined");
        }
    }
}

void Emitter::emitJump(nir_jump_instr* jump) {
    switch (jump->type) {
    case nir_jump_break:
        code_.op(VGPU10_OPCODE_BREAK);
        break;
    case nir_jump_continue:
        code_.op(VGPU10_OPCODE_CONTINUE);
        break;
    case nir_jump_return:
    case nir_jump_halt:
        code_.op(VGPU10_OPCODE_RET);
        break;
    default:
        fail(jump->instr, "is not structured");
    }
}

// ---- Instructions

void Emitter::emitInstruction(nir_instr* instr) {
    switch (instr->type) {
    case nir_instr_type_alu:
        emitAlu(nir_instr_as_alu(instr));
        break;
    case nir_instr_type_intrinsic:
        emitIntrinsic(nir_instr_as_intrinsic(instr));
        break;
    case nir_instr_type_tex:
        emitTexture(nir_instr_as_tex(instr));
        break;
    case nir_instr_type_jump:
        emitJump(nir_instr_as_jump(instr));
        break;
    case nir_instr_type_load_const:
    case nir_instr_type_undef:
    case nir_instr_type_deref:
        break;
    default:
        fail(*instr, "is not supported");
    }
}

/** \brief Loads stand where they are used; a store is done where its value is made, if that is not a constant. */
bool Emitter::emitRegister(nir_intrinsic_instr* intrinsic) {
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_decl_reg:
    case nir_intrinsic_load_reg:
    case nir_intrinsic_load_reg_indirect:
        return true;
    case nir_intrinsic_store_reg:
    case nir_intrinsic_store_reg_indirect:
        break;
    default:
        return false;
    }
    const nir_def* stored = intrinsic->src[0].ssa;
    if (nir_store_reg_for_def(stored) == intrinsic)
        return true;
    const nir_def* indirect =
        intrinsic->intrinsic == nir_intrinsic_store_reg_indirect ? intrinsic->src[2].ssa : nullptr;
    const Operand reg =
        registerValue(intrinsic->src[1].ssa, static_cast<uint32_t>(nir_intrinsic_base(intrinsic)), indirect);
    uint8_t written = static_cast<uint8_t>(nir_intrinsic_write_mask(intrinsic));
    if (stored->bit_size == 64)
        written = static_cast<uint8_t>((written & 1 ? 0x3 : 0) | (written & 2 ? 0xc : 0));
    code_.op(VGPU10_OPCODE_MOV, {reg.masked(written & mask(stored))}, {value(stored)},
             {.saturate = nir_intrinsic_legacy_fsat(intrinsic) != 0});
    return true;
}

void Emitter::emitIntrinsic(nir_intrinsic_instr* intrinsic) {
    if (!(emitRegister(intrinsic) || emitMemory(intrinsic) || emitImage(intrinsic) || emitInputOutput(intrinsic) ||
          emitSystemValue(intrinsic)))
        fail(intrinsic->instr, "is not supported");
}

// ---- The shader

namespace {

uint32_t programType(gl_shader_stage stage) {
    switch (stage) {
    case MESA_SHADER_VERTEX:
        return VGPU10_VERTEX_SHADER;
    case MESA_SHADER_TESS_CTRL:
        return VGPU10_HULL_SHADER;
    case MESA_SHADER_TESS_EVAL:
        return VGPU10_DOMAIN_SHADER;
    case MESA_SHADER_GEOMETRY:
        return VGPU10_GEOMETRY_SHADER;
    case MESA_SHADER_FRAGMENT:
        return VGPU10_PIXEL_SHADER;
    case MESA_SHADER_COMPUTE:
        return VGPU10_COMPUTE_SHADER;
    default:
        throw Error("the device has no {} shaders", _mesa_shader_stage_to_string(stage));
    }
}

} // namespace

void Emitter::declareResources(TokenBuilder& declarations) {
    if (result_.usesDriverConstants || result_.usesPushConstants)
        declarations.declare(VGPU10_OPCODE_DCL_CONSTANT_BUFFER,
                             {registerOperand(VGPU10_OPERAND_TYPE_CONSTANT_BUFFER,
                                              {{0, {}}, {(kPushConstantOffset + kMaxPushConstants) / 16, {}}})},
                             {}, VGPU10_CB_DYNAMIC_INDEXED << 11);
    for (const ResourceTable::Entry& entry : resources_.entries()) {
        const auto resource = [&](uint32_t type) { return bare(type, {{entry.reg, {}}}); };
        const uint32_t dimension = static_cast<uint32_t>(entry.dimension) << 11;
        const uint32_t coherent = entry.coherent ? 1u << 16 : 0;
        switch (entry.kind) {
        case ViewKind::ConstantBuffer:
            declarations.declare(VGPU10_OPCODE_DCL_CONSTANT_BUFFER,
                                 {registerOperand(VGPU10_OPERAND_TYPE_CONSTANT_BUFFER,
                                                  {{entry.reg, {}}, {VGPU10_MAX_CONSTANT_BUFFER_ELEMENT_COUNT, {}}})},
                                 {}, VGPU10_CB_DYNAMIC_INDEXED << 11);
            break;
        case ViewKind::Sampler:
            declarations.declare(VGPU10_OPCODE_DCL_SAMPLER, {resource(VGPU10_OPERAND_TYPE_SAMPLER)}, {},
                                 entry.comparison ? VGPU10_SAMPLER_MODE_COMPARISON << 11 : 0);
            break;
        case ViewKind::RawBuffer:
            declarations.declare(VGPU10_OPCODE_DCL_UAV_RAW, {resource(VGPU10_OPERAND_TYPE_UAV)}, {}, coherent);
            break;
        case ViewKind::Texture:
        case ViewKind::TypedBuffer:
        case ViewKind::Image:
            if (entry.file == RegisterFile::ShaderResource)
                declarations.declare(VGPU10_OPCODE_DCL_RESOURCE, {resource(VGPU10_OPERAND_TYPE_RESOURCE)},
                                     {entry.returnType * 0x1111}, dimension);
            else
                declarations.declare(VGPU10_OPCODE_DCL_UAV_TYPED, {resource(VGPU10_OPERAND_TYPE_UAV)},
                                     {entry.returnType * 0x1111}, dimension | coherent);
            break;
        }
    }
}

void Emitter::declareCommon(TokenBuilder& declarations) {
    declareInterface(declarations);
    const uint32_t temps = registers_.count + scratchCount_;
    if (temps > VGPU10_MAX_TEMPS)
        throw Error("the shader needs {} temporaries, of {}", temps, VGPU10_MAX_TEMPS);
    if (temps > 0)
        declarations.declare(VGPU10_OPCODE_DCL_TEMPS, {}, {temps});
    uint32_t elements = 0;
    for (uint32_t n = 0; n < registers_.arrayShapes.size(); ++n) {
        const auto& shape = registers_.arrayShapes[n];
        elements += shape.elements;
        declarations.declare(VGPU10_OPCODE_DCL_INDEXABLE_TEMP, {}, {n, shape.elements, 4});
    }
    if (elements + temps > VGPU10_MAX_TEMPS)
        throw Error("the shader's arrays need {} temporaries, of {}", elements + temps, VGPU10_MAX_TEMPS);
}

void Emitter::declareGlobals(TokenBuilder& declarations) {
    uint32_t flags = 1u << 11; // refactoring allowed: what may not be is marked as precise
    if (usesDoubles_)
        flags |= 1u << 12;
    if (nir_.info.stage == MESA_SHADER_FRAGMENT && nir_.info.fs.early_fragment_tests)
        flags |= 1u << 13;
    flags |= 1u << 14; // raw buffers
    declarations.declare(VGPU10_OPCODE_DCL_GLOBAL_FLAGS, {}, {}, flags);
    declareResources(declarations);
    declareImmediateConstants(declarations);
}

void Emitter::declareImmediateConstants(TokenBuilder& declarations) const {
    std::vector<std::array<uint32_t, 4>> constants((nir_.constant_data_size + 15) / 16);
    if (constants.empty())
        return;
    if (constants.size() > VGPU10_MAX_IMMEDIATE_CONSTANT_BUFFER_ELEMENT_COUNT)
        throw Error("the shader's constant arrays need {} elements, of {}", constants.size(),
                    VGPU10_MAX_IMMEDIATE_CONSTANT_BUFFER_ELEMENT_COUNT);
    std::memcpy(constants.data(), nir_.constant_data, nir_.constant_data_size);
    declarations.immediateConstants(constants);
}

void Emitter::declareThreads(TokenBuilder& declarations) {
    for (size_t c = 0; c < 3; ++c)
        result_.workgroupSize[c] = nir_.info.workgroup_size[c];
    declarations.declare(VGPU10_OPCODE_DCL_THREAD_GROUP, {},
                         {result_.workgroupSize[0], result_.workgroupSize[1], result_.workgroupSize[2]});
    if (nir_.info.shared_size > 0)
        declarations.declare(VGPU10_OPCODE_DCL_TGSM_RAW,
                             {bare(VGPU10_OPERAND_TYPE_THREAD_GROUP_SHARED_MEMORY, {{0, {}}})},
                             {(nir_.info.shared_size + 3) & ~3u});
}

/** \brief \p tokens behind the header that tells the stage and the length. */
std::vector<uint32_t> Emitter::program(const TokenBuilder& tokens) const {
    VGPU10ProgramToken version;
    version.value = 0;
    version.programType = programType(nir_.info.stage);
    version.majorVersion = 5;
    std::vector<uint32_t> words{version.value, static_cast<uint32_t>(tokens.tokens().size() + 2)};
    words.insert(words.end(), tokens.tokens().begin(), tokens.tokens().end());
    return words;
}

void Emitter::run() {
    findUsedInputs();
    emitList(&impl_->body);
    code_.op(VGPU10_OPCODE_RET);
}

bool makesPolygons(const shader_info& info) {
    if (info.stage == MESA_SHADER_GEOMETRY)
        return info.gs.output_primitive == MESA_PRIM_TRIANGLE_STRIP;
    return info.stage == MESA_SHADER_TESS_EVAL && !info.tess.point_mode &&
           info.tess._primitive_mode != TESS_PRIMITIVE_ISOLINES;
}

void Emitter::finish() {
    result_.makesPolygons = makesPolygons(nir_.info);
    result_.bindings = resources_.bindings();
    result_.uavCount = resources_.uavCount();
}

CompiledShader Emitter::emit() {
    run();
    TokenBuilder out;
    declareGlobals(out);
    switch (nir_.info.stage) {
    case MESA_SHADER_COMPUTE:
        declareThreads(out);
        break;
    case MESA_SHADER_TESS_EVAL:
        declareTessellation(out);
        break;
    default:
        break;
    }
    declareCommon(out);
    if (nir_.info.stage == MESA_SHADER_GEOMETRY)
        declareGeometry(out);
    out.append(code_.tokens());
    result_.tokens = program(out);
    result_.signature = encodeSignature(inputs_, outputs_, patchConstants_);
    finish();
    return std::move(result_);
}

CompiledShader compile(nir_shader& nir, const CompileOptions& options) {
    programType(nir.info.stage);
    ResourceTable resources(options.firstUav);
    if (nir.info.stage != MESA_SHADER_TESS_CTRL) {
        lower(nir, options, resources);
        return Emitter(nir, options, resources).emit();
    }
    lowerToRegisters(nir, options, resources);
    const PatchPhase patch = splitPatchPhase(nir);
    lowerToInstructions(nir);
    lowerToInstructions(*patch.nir);
    Emitter controlPoint(nir, options, resources, Emitter::Phase::ControlPoint);
    Emitter patchEmitter(*patch.nir, options, resources, Emitter::Phase::Patch);
    return Emitter::emitHull(controlPoint, patchEmitter, patch.instances);
}

} // namespace svga::vulkan
