// SPDX-License-Identifier: MIT
#include "vulkan/compiler/emitter.h"

#include <algorithm>

namespace svga::vulkan {
namespace {

/** \brief Registers with a name of their own that have one component. */
bool isScalarRegister(uint32_t type) {
    switch (type) {
    case VGPU10_OPERAND_TYPE_INPUT_PRIMITIVEID:
    case VGPU10_OPERAND_TYPE_INPUT_COVERAGE_MASK:
    case VGPU10_OPERAND_TYPE_INPUT_GS_INSTANCE_ID:
    case VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT_ID:
    case VGPU10_OPERAND_TYPE_INPUT_FORK_INSTANCE_ID:
    case VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP_FLATTENED:
    case VGPU10_OPERAND_TYPE_OUTPUT_DEPTH:
    case VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_GREATER_EQUAL:
    case VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_LESS_EQUAL:
    case VGPU10_OPERAND_TYPE_OUTPUT_COVERAGE_MASK:
        return true;
    default:
        return false;
    }
}

Operand named(uint32_t type) {
    Operand operand = registerOperand(type, {});
    if (isScalarRegister(type))
        operand.components = VGPU10_OPERAND_1_COMPONENT;
    return operand;
}

bool hasSample(uint32_t interpolation) {
    return interpolation == VGPU10_INTERPOLATION_LINEAR_SAMPLE ||
           interpolation == VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_SAMPLE;
}

bool hasCentroid(uint32_t interpolation) {
    return interpolation == VGPU10_INTERPOLATION_LINEAR_CENTROID ||
           interpolation == VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_CENTROID;
}

/** \brief Values that the rasterizer makes, not the stage before: declared as generated. */
bool isGenerated(uint32_t systemValue) {
    switch (systemValue) {
    case VGPU10_NAME_VERTEX_ID:
    case VGPU10_NAME_INSTANCE_ID:
    case VGPU10_NAME_PRIMITIVE_ID:
    case VGPU10_NAME_IS_FRONT_FACE:
    case VGPU10_NAME_SAMPLE_INDEX:
        return true;
    default:
        return false;
    }
}

/** \brief The first slot that an input or output intrinsic may mean. */
uint32_t slotOf(nir_intrinsic_instr* intrinsic) {
    const nir_src* offset = nir_get_io_offset_src(intrinsic);
    return nir_intrinsic_io_semantics(intrinsic).location +
           (nir_src_is_const(*offset) ? static_cast<uint32_t>(nir_src_as_uint(*offset)) : 0);
}

/** \brief How many slots it may mean: more than one where its location is only known at run time. */
uint32_t slotCount(nir_intrinsic_instr* intrinsic) {
    return nir_src_is_const(*nir_get_io_offset_src(intrinsic)) ? 1 : nir_intrinsic_io_semantics(intrinsic).num_slots;
}

} // namespace

Operand Emitter::namedInput(uint32_t type, uint8_t components) {
    specials_[type] |= components;
    return named(type);
}

/** \brief A register for a system value of this stage alone: the highest that nothing else takes. */
uint32_t Emitter::freeInput(uint32_t systemValue) {
    for (const auto& [key, entry] : inputs_.entries())
        if (entry.systemValue == systemValue)
            return entry.reg;
    for (uint32_t reg = VGPU10_MAX_INPUTS; reg-- > 0;) {
        if (usedInputs_ >> reg & 1)
            continue;
        usedInputs_ |= 1u << reg;
        return reg;
    }
    throw Error("the stage's inputs need more than {} registers", VGPU10_MAX_INPUTS);
}

void Emitter::findUsedInputs() {
    if (nir_.info.stage == MESA_SHADER_FRAGMENT)
        usedInputs_ = ~((1u << kMaxLocations) - 1); // what is built in has its places
    nir_foreach_shader_in_variable(variable, &nir_) {
        const bool vertex = nir_.info.stage == MESA_SHADER_VERTEX;
        const uint32_t base = vertex ? uint32_t{VERT_ATTRIB_GENERIC0} : uint32_t{VARYING_SLOT_VAR0};
        const auto location = static_cast<uint32_t>(variable->data.location);
        const uint32_t slots = glsl_count_attribute_slots(variable->type, false);
        for (uint32_t n = location; n < location + slots; ++n)
            if (n >= base && n - base < VGPU10_MAX_INPUTS)
                usedInputs_ |= 1u << (n - base);
    }
}

// ---- Inputs

uint32_t Emitter::interpolationOf(uint32_t slot, uint32_t component) const {
    const bool perSample = options_.perSample || nir_.info.fs.uses_sample_shading;
    const auto mode = [&](uint32_t plain, uint32_t centroid, uint32_t sample, const nir_variable& v) {
        return v.data.sample || perSample ? sample : v.data.centroid ? centroid : plain;
    };
    nir_foreach_shader_in_variable(variable, &nir_) {
        const auto location = static_cast<uint32_t>(variable->data.location);
        const uint32_t slots = glsl_count_attribute_slots(variable->type, false);
        const uint32_t first = variable->data.location_frac;
        const glsl_type* type = glsl_without_array_or_matrix(variable->type);
        const uint32_t count = glsl_type_is_struct_or_ifc(type) ? 4 : glsl_get_components(type);
        if (slot < location || slot >= location + slots || component < first ||
            component >= first + std::max(1u, count))
            continue;
        if (variable->data.interpolation == INTERP_MODE_FLAT ||
            glsl_base_type_is_integer(glsl_get_base_type(glsl_without_array(variable->type))))
            return VGPU10_INTERPOLATION_CONSTANT;
        if (variable->data.interpolation == INTERP_MODE_NOPERSPECTIVE)
            return mode(VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE, VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_CENTROID,
                        VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_SAMPLE, *variable);
        return mode(VGPU10_INTERPOLATION_LINEAR, VGPU10_INTERPOLATION_LINEAR_CENTROID,
                    VGPU10_INTERPOLATION_LINEAR_SAMPLE, *variable);
    }
    return VGPU10_INTERPOLATION_LINEAR;
}

VaryingPlace Emitter::inputPlace(uint32_t slot, uint32_t component) const {
    if (nir_.info.stage != MESA_SHADER_VERTEX)
        return varyingPlace(slot, component, nir_.info.clip_distance_array_size);
    if (slot < VERT_ATTRIB_GENERIC0 || slot >= VERT_ATTRIB_GENERIC0 + VGPU10_MAX_INPUTS)
        throw Error("the device has no vertex attribute for slot {}", slot);
    return {slot - VERT_ATTRIB_GENERIC0, static_cast<uint8_t>(component), VGPU10_NAME_UNDEFINED};
}

/** \brief The input register of \p intrinsic, declared, swizzled so that the value's first component is x. */
Operand Emitter::inputRegister(nir_intrinsic_instr* intrinsic) {
    const uint32_t slot = slotOf(intrinsic);
    const uint32_t first = nir_intrinsic_component(intrinsic);
    const uint32_t count = intrinsic->def.num_components * (intrinsic->def.bit_size == 64 ? 2u : 1u);
    if (first + count > 4)
        fail(intrinsic->instr, "passes the end of its register");
    const nir_src* vertex = nir_get_io_arrayed_index_src(intrinsic);
    const VaryingPlace place = inputPlace(slot, first);
    for (uint32_t n = slot; n < slot + slotCount(intrinsic); ++n) {
        for (uint32_t c = first; c < first + count; ++c) { // of distances, some clip and some cull
            const VaryingPlace part = inputPlace(n, c);
            InterfaceRegister& entry =
                inputs_.use(part.reg, part.systemValue, static_cast<uint8_t>(1u << (part.component & 3)));
            if (nir_.info.stage == MESA_SHADER_VERTEX)
                result_.vertexInputs |= 1u << part.reg;
            if (nir_.info.stage == MESA_SHADER_FRAGMENT)
                entry.interpolation = interpolationOf(n, c);
        }
    }
    Swizzle swizzle{};
    for (uint32_t c = 0; c < 4; ++c)
        swizzle[c] = static_cast<uint8_t>(std::min(3u, place.component + c));
    OperandIndex reg{place.reg, {}};
    if (slotCount(intrinsic) > 1) {
        reg = indexOf(*nir_get_io_offset_src(intrinsic), place.reg);
        indexedInputs_.emplace(place.reg, slotCount(intrinsic));
    }
    const Operand input = vertex ? registerOperand(perVertexInput(), {indexOf(*vertex), reg})
                                 : registerOperand(VGPU10_OPERAND_TYPE_INPUT, {reg});
    return input.swizzled(swizzle);
}

uint32_t Emitter::perVertexInput() const {
    return nir_.info.stage == MESA_SHADER_GEOMETRY || phase_ == Phase::ControlPoint
               ? VGPU10_OPERAND_TYPE_INPUT
               : VGPU10_OPERAND_TYPE_INPUT_CONTROL_POINT;
}

/** \brief Where in the pixel: at_sample and at_offset keep what the evaluation needs in the barycentric's register. */
bool Emitter::emitBarycentric(nir_intrinsic_instr* intrinsic) {
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_load_barycentric_pixel:
    case nir_intrinsic_load_barycentric_centroid:
    case nir_intrinsic_load_barycentric_sample:
        return true;
    case nir_intrinsic_load_barycentric_at_sample:
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def).masked(0x1)}, {source(intrinsic->src[0])});
        return true;
    case nir_intrinsic_load_barycentric_at_offset: {
        // In sixteenths of a pixel, from -8 to 7.
        const Operand at = destination(&intrinsic->def).masked(0x3);
        code_.op(VGPU10_OPCODE_MUL, {at}, {source(intrinsic->src[0]), immediate(16.0f)});
        code_.op(VGPU10_OPCODE_ROUND_NE, {at}, {at});
        code_.op(VGPU10_OPCODE_FTOI, {at}, {at});
        code_.op(VGPU10_OPCODE_IMAX, {at}, {at, immediate(static_cast<uint32_t>(-8))});
        code_.op(VGPU10_OPCODE_IMIN, {at}, {at, immediate(7u)});
        return true;
    }
    default:
        return false;
    }
}

void Emitter::emitInterpolated(nir_intrinsic_instr* intrinsic) {
    const nir_intrinsic_instr* where = nir_src_as_intrinsic(intrinsic->src[0]);
    if (!where)
        fail(intrinsic->instr, "is interpolated at no place that is known");
    const Operand input = inputRegister(intrinsic);
    const Operand target = destination(&intrinsic->def);
    const uint32_t declared = interpolationOf(slotOf(intrinsic), nir_intrinsic_component(intrinsic));
    switch (where->intrinsic) {
    case nir_intrinsic_load_barycentric_at_sample:
        code_.op(VGPU10_OPCODE_EVAL_SAMPLE_INDEX, {target}, {input, source(intrinsic->src[0]).scalar(0)});
        break;
    case nir_intrinsic_load_barycentric_at_offset:
        code_.op(VGPU10_OPCODE_EVAL_SNAPPED, {target}, {input, source(intrinsic->src[0])});
        break;
    case nir_intrinsic_load_barycentric_centroid:
        code_.op(hasCentroid(declared) || hasSample(declared) ? VGPU10_OPCODE_MOV : VGPU10_OPCODE_EVAL_CENTROID,
                 {target}, {input});
        break;
    default:
        code_.op(VGPU10_OPCODE_MOV, {target}, {input});
        break;
    }
}

// ---- Outputs

/** \brief The output register of \p intrinsic for its first component, and the components' masks declared. */
void Emitter::emitStoreOutput(nir_intrinsic_instr* intrinsic) {
    const uint32_t slot = slotOf(intrinsic);
    const uint32_t first = nir_intrinsic_component(intrinsic);
    const nir_def* stored = intrinsic->src[0].ssa;
    uint8_t written = static_cast<uint8_t>(nir_intrinsic_write_mask(intrinsic) & lowMask(stored->num_components));
    if (stored->bit_size == 64)
        written = static_cast<uint8_t>((written & 1 ? 0x3 : 0) | (written & 2 ? 0xc : 0));
    const auto place = outputPlace(slot, first);
    if (!place)
        return;
    for (uint32_t n = slot; n < slot + slotCount(intrinsic); ++n)
        for (uint32_t c = 0; c < 4; ++c) {
            if (!(written >> c & 1))
                continue;
            const auto part = outputPlace(n, first + c);
            if (!part || part->component > 3)
                fail(intrinsic->instr, "passes the end of its register");
            outputs_.use(part->reg, part->systemValue, static_cast<uint8_t>(1u << part->component));
        }
    const Operand moved = value(stored).shifted(place->component);
    code_.op(VGPU10_OPCODE_MOV,
             {registerOperand(VGPU10_OPERAND_TYPE_OUTPUT, {outputIndex(intrinsic, place->reg)})
                  .masked(static_cast<uint8_t>(written << place->component & 0xf))},
             {moved});
}

/** \brief Where an output goes. \return none: the device has no use for it */
std::optional<VaryingPlace> Emitter::outputPlace(uint32_t slot, uint32_t component) const {
    if (slot == VARYING_SLOT_PSIZ) // points are one pixel
        return std::nullopt;
    if (slot == VARYING_SLOT_TESS_LEVEL_OUTER || slot == VARYING_SLOT_TESS_LEVEL_INNER)
        return tessellationPlace(slot, component);
    return varyingPlace(slot, component, nir_.info.clip_distance_array_size);
}

/** \brief An output of this stage that it reads back: tessellation control alone does. */
Operand Emitter::outputRegister(nir_intrinsic_instr* intrinsic) {
    const uint32_t first = nir_intrinsic_component(intrinsic);
    const auto place = outputPlace(slotOf(intrinsic), first);
    if (!place)
        fail(intrinsic->instr, "reads an output that cannot be read");
    Swizzle swizzle{};
    for (uint32_t c = 0; c < 4; ++c)
        swizzle[c] = static_cast<uint8_t>(std::min(3u, place->component + c));
    const auto read = static_cast<uint8_t>(mask(&intrinsic->def) << place->component & 0xf);
    if (intrinsic->intrinsic == nir_intrinsic_load_output) {
        if (phase_ != Phase::Patch)
            fail(intrinsic->instr, "is read where control points are written");
        for (uint32_t n = 0; n < slotCount(intrinsic); ++n)
            outputs_.use(outputPlace(slotOf(intrinsic) + n, first)->reg, place->systemValue, read);
        return registerOperand(VGPU10_OPERAND_TYPE_OUTPUT, {outputIndex(intrinsic, place->reg)}).swizzled(swizzle);
    }
    const nir_src& vertex = *nir_get_io_arrayed_index_src(intrinsic);
    if (phase_ == Phase::Patch) {
        // VGPU10 wants the register's number here.
        if (slotCount(intrinsic) > 1)
            fail(intrinsic->instr, "is read from a location that is only known at run time");
        controlPointsRead_.use(place->reg, place->systemValue, read);
        return registerOperand(VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT, {indexOf(vertex), {place->reg, {}}})
            .swizzled(swizzle);
    }
    const nir_intrinsic_instr* index = nir_src_as_intrinsic(vertex);
    if (!index || index->intrinsic != nir_intrinsic_load_invocation_id)
        fail(intrinsic->instr, "is another invocation's, read where control points are written");
    for (uint32_t n = 0; n < slotCount(intrinsic); ++n)
        outputs_.use(outputPlace(slotOf(intrinsic) + n, first)->reg, place->systemValue, read);
    return registerOperand(VGPU10_OPERAND_TYPE_OUTPUT, {outputIndex(intrinsic, place->reg)}).swizzled(swizzle);
}

/** \brief \p reg, or what is as far from it as the intrinsic's offset says; locations of patches count downwards. */
OperandIndex Emitter::outputIndex(nir_intrinsic_instr* intrinsic, uint32_t reg) {
    const nir_src& offset = *nir_get_io_offset_src(intrinsic);
    if (slotCount(intrinsic) == 1)
        return {reg, {}};
    const uint32_t location = nir_intrinsic_io_semantics(intrinsic).location;
    const bool patch = location >= VARYING_SLOT_PATCH0;
    auto& ranges = nir_.info.stage == MESA_SHADER_TESS_EVAL ? indexedPatchConstants_ : indexedOutputs_;
    ranges[patch ? reg + 1 - slotCount(intrinsic) : reg] = slotCount(intrinsic);
    if (!patch)
        return indexOf(offset, reg);
    const Operand back = scratch();
    code_.op(VGPU10_OPCODE_INEG, {back.masked(0x1)}, {source(offset)});
    return {reg, RelativeIndex{back.index[0].immediate, 0}};
}

/** \brief Domain: what belongs to the patch. */
Operand Emitter::patchConstant(nir_intrinsic_instr* intrinsic) {
    const uint32_t slot = slotOf(intrinsic), first = nir_intrinsic_component(intrinsic);
    const auto place = outputPlace(slot, first);
    if (!place)
        return immediate(1.0f); // a factor that the primitive has no use for
    Swizzle swizzle{};
    for (uint32_t c = 0; c < 4; ++c)
        swizzle[c] = static_cast<uint8_t>(std::min(3u, place->component + c));
    const auto read = static_cast<uint8_t>(mask(&intrinsic->def) << place->component & 0xf);
    for (uint32_t n = 0; n < slotCount(intrinsic); ++n)
        patchConstants_.use(outputPlace(slot + n, first)->reg, place->systemValue, read);
    return registerOperand(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {outputIndex(intrinsic, place->reg)})
        .swizzled(swizzle);
}

void Emitter::emitStoreFragment(nir_intrinsic_instr* intrinsic) {
    const uint32_t slot = slotOf(intrinsic);
    const Operand stored = source(intrinsic->src[0]);
    const auto put = [&](uint32_t type) {
        namedOutputs_.insert(type);
        code_.op(VGPU10_OPCODE_MOV, {named(type)}, {stored.scalar(0)});
    };
    switch (slot) {
    case FRAG_RESULT_DEPTH:
        put(nir_.info.fs.depth_layout == FRAG_DEPTH_LAYOUT_GREATER ? VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_GREATER_EQUAL
            : nir_.info.fs.depth_layout == FRAG_DEPTH_LAYOUT_LESS  ? VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_LESS_EQUAL
                                                                   : VGPU10_OPERAND_TYPE_OUTPUT_DEPTH);
        return;
    case FRAG_RESULT_SAMPLE_MASK:
        put(VGPU10_OPERAND_TYPE_OUTPUT_COVERAGE_MASK);
        return;
    default:
        break;
    }
    if (slot < FRAG_RESULT_DATA0 || slot >= FRAG_RESULT_DATA0 + VGPU10_MAX_PS_OUTPUTS)
        fail(intrinsic->instr, "the device has no such output");
    const uint32_t second = nir_intrinsic_io_semantics(intrinsic).dual_source_blend_index;
    const uint32_t reg = slot - FRAG_RESULT_DATA0 + second;
    const uint32_t first = nir_intrinsic_component(intrinsic);
    const auto written = static_cast<uint8_t>(
        (nir_intrinsic_write_mask(intrinsic) & lowMask(intrinsic->src[0].ssa->num_components)) << first & 0xf);
    // A render target's output is whole: what is not written is undefined.
    outputs_.use(reg, VGPU10_NAME_UNDEFINED, 0xf);
    result_.renderTargets |= 1u << (slot - FRAG_RESULT_DATA0);
    code_.op(VGPU10_OPCODE_MOV, {registerOperand(VGPU10_OPERAND_TYPE_OUTPUT, {{reg, {}}}).masked(written)},
             {stored.shifted(first)});
}

bool Emitter::emitInputOutput(nir_intrinsic_instr* intrinsic) {
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_load_input:
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)},
                 {nir_.info.stage == MESA_SHADER_TESS_EVAL ? patchConstant(intrinsic) : inputRegister(intrinsic)});
        return true;
    case nir_intrinsic_load_per_vertex_input:
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)}, {inputRegister(intrinsic)});
        return true;
    case nir_intrinsic_load_output:
    case nir_intrinsic_load_per_vertex_output:
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)}, {outputRegister(intrinsic)});
        return true;
    case nir_intrinsic_store_per_vertex_output:
        emitStoreOutput(intrinsic);
        return true;
    case nir_intrinsic_load_interpolated_input:
        emitInterpolated(intrinsic);
        return true;
    case nir_intrinsic_store_output:
        if (nir_.info.stage == MESA_SHADER_FRAGMENT)
            emitStoreFragment(intrinsic);
        else
            emitStoreOutput(intrinsic);
        return true;
    default:
        return emitBarycentric(intrinsic);
    }
}

// ---- System values

void Emitter::emitGenerated(nir_intrinsic_instr* intrinsic, uint32_t systemValue) {
    const uint32_t reg = freeInput(systemValue);
    inputs_.use(reg, systemValue, 0x1).interpolation = VGPU10_INTERPOLATION_CONSTANT;
    code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)},
             {registerOperand(VGPU10_OPERAND_TYPE_INPUT, {{reg, {}}}).scalar(0)});
}

Operand Emitter::sampleIndex() {
    const uint32_t reg = freeInput(VGPU10_NAME_SAMPLE_INDEX);
    inputs_.use(reg, VGPU10_NAME_SAMPLE_INDEX, 0x1).interpolation = VGPU10_INTERPOLATION_CONSTANT;
    return registerOperand(VGPU10_OPERAND_TYPE_INPUT, {{reg, {}}}).scalar(0);
}

void Emitter::emitDiscard(nir_intrinsic_instr* intrinsic, bool conditional, bool terminates) {
    const Operand condition = conditional ? source(intrinsic->src[0]).scalar(0) : immediate(~0u);
    code_.op(VGPU10_OPCODE_DISCARD, {}, {condition}, {.nonZero = true});
    // What is discarded runs on as a helper; a loop that only the discard leaves would never end.
    if (terminates && loopDepth_ > 0)
        code_.op(VGPU10_OPCODE_RETC, {}, {condition}, {.nonZero = true});
}

bool Emitter::emitSystemValue(nir_intrinsic_instr* intrinsic) {
    const auto special = [&](uint32_t type, uint8_t components) {
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)}, {namedInput(type, components)});
        return true;
    };
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_emit_vertex:
    case nir_intrinsic_end_primitive:
        if (nir_intrinsic_stream_id(intrinsic) != 0)
            fail(intrinsic->instr, "streams are not supported");
        code_.op(intrinsic->intrinsic == nir_intrinsic_emit_vertex ? VGPU10_OPCODE_EMIT : VGPU10_OPCODE_CUT);
        return true;
    case nir_intrinsic_load_primitive_id:
        return special(VGPU10_OPERAND_TYPE_INPUT_PRIMITIVEID, 0x1);
    case nir_intrinsic_load_invocation_id:
        return special(phase_ == Phase::Whole          ? VGPU10_OPERAND_TYPE_INPUT_GS_INSTANCE_ID
                       : phase_ == Phase::ControlPoint ? VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT_ID
                                                       : VGPU10_OPERAND_TYPE_INPUT_FORK_INSTANCE_ID,
                       0x1);
    case nir_intrinsic_load_tess_coord:
        return special(VGPU10_OPERAND_TYPE_INPUT_DOMAIN_POINT, 0x7);
    case nir_intrinsic_load_tess_coord_xy:
        return special(VGPU10_OPERAND_TYPE_INPUT_DOMAIN_POINT, 0x3);
    case nir_intrinsic_load_workgroup_id:
        return special(VGPU10_OPERAND_TYPE_INPUT_THREAD_GROUP_ID, 0x7);
    case nir_intrinsic_load_local_invocation_id:
        return special(VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP, 0x7);
    case nir_intrinsic_load_local_invocation_index:
        return special(VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP_FLATTENED, 0x1);
    case nir_intrinsic_load_sample_mask_in:
        return special(VGPU10_OPERAND_TYPE_INPUT_COVERAGE_MASK, 0x1);
    case nir_intrinsic_load_vertex_id_zero_base:
        emitGenerated(intrinsic, VGPU10_NAME_VERTEX_ID);
        return true;
    case nir_intrinsic_load_instance_id:
        emitGenerated(intrinsic, VGPU10_NAME_INSTANCE_ID);
        return true;
    case nir_intrinsic_load_front_face:
        emitGenerated(intrinsic, VGPU10_NAME_IS_FRONT_FACE);
        return true;
    case nir_intrinsic_load_sample_id:
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)}, {sampleIndex()});
        return true;
    case nir_intrinsic_load_sample_pos:
        code_.op(VGPU10_OPCODE_SAMPLE_POS, {destination(&intrinsic->def)},
                 {registerOperand(VGPU10_OPERAND_TYPE_RASTERIZER, {}), sampleIndex()});
        return true;
    case nir_intrinsic_load_frag_coord: {
        const VaryingPlace place = varyingPlace(VARYING_SLOT_POS, 0, 0);
        inputs_.use(place.reg, VGPU10_NAME_POSITION, 0xf).interpolation = VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE;
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)},
                 {registerOperand(VGPU10_OPERAND_TYPE_INPUT, {{place.reg, {}}})});
        return true;
    }
    case nir_intrinsic_terminate:
    case nir_intrinsic_terminate_if:
        emitDiscard(intrinsic, intrinsic->intrinsic == nir_intrinsic_terminate_if, true);
        return true;
    case nir_intrinsic_demote:
    case nir_intrinsic_demote_if:
        emitDiscard(intrinsic, intrinsic->intrinsic == nir_intrinsic_demote_if, false);
        return true;
    case nir_intrinsic_ddx:
    case nir_intrinsic_ddy:
    case nir_intrinsic_ddx_fine:
    case nir_intrinsic_ddy_fine:
    case nir_intrinsic_ddx_coarse:
    case nir_intrinsic_ddy_coarse:
        emitDerivative(intrinsic);
        return true;
    default:
        return false;
    }
}

void Emitter::emitDerivative(nir_intrinsic_instr* intrinsic) {
    const uint32_t opcode = [&] {
        switch (intrinsic->intrinsic) {
        case nir_intrinsic_ddx:
            return VGPU10_OPCODE_DERIV_RTX;
        case nir_intrinsic_ddy:
            return VGPU10_OPCODE_DERIV_RTY;
        case nir_intrinsic_ddx_fine:
            return VGPU10_OPCODE_DERIV_RTX_FINE;
        case nir_intrinsic_ddy_fine:
            return VGPU10_OPCODE_DERIV_RTY_FINE;
        case nir_intrinsic_ddx_coarse:
            return VGPU10_OPCODE_DERIV_RTX_COARSE;
        default:
            return VGPU10_OPCODE_DERIV_RTY_COARSE;
        }
    }();
    code_.op(opcode, {destination(&intrinsic->def)}, {source(intrinsic->src[0])});
}

// ---- Declarations

/** \brief Vertices of the primitive that the stage reads; 0: it reads single ones. */
uint32_t Emitter::inputVertices() const {
    switch (nir_.info.stage) {
    case MESA_SHADER_GEOMETRY:
        return nir_.info.gs.vertices_in;
    case MESA_SHADER_TESS_CTRL:
    case MESA_SHADER_TESS_EVAL:
        return options_.patchControlPoints ? options_.patchControlPoints : VGPU11_MAX_HS_INPUT_CONTROL_POINTS;
    default:
        return 0;
    }
}

void Emitter::declareGeometry(TokenBuilder& declarations) {
    const uint32_t primitive = [&] {
        switch (nir_.info.gs.input_primitive) {
        case MESA_PRIM_POINTS:
            return VGPU10_PRIMITIVE_POINT;
        case MESA_PRIM_LINES:
            return VGPU10_PRIMITIVE_LINE;
        case MESA_PRIM_LINES_ADJACENCY:
            return VGPU10_PRIMITIVE_LINE_ADJ;
        case MESA_PRIM_TRIANGLES:
            return VGPU10_PRIMITIVE_TRIANGLE;
        case MESA_PRIM_TRIANGLES_ADJACENCY:
            return VGPU10_PRIMITIVE_TRIANGLE_ADJ;
        default:
            throw Error("a geometry shader of input primitive {}", static_cast<int>(nir_.info.gs.input_primitive));
        }
    }();
    const uint32_t topology = nir_.info.gs.output_primitive == MESA_PRIM_POINTS ? VGPU10_PRIMITIVE_TOPOLOGY_POINTLIST
                              : nir_.info.gs.output_primitive == MESA_PRIM_LINE_STRIP
                                  ? VGPU10_PRIMITIVE_TOPOLOGY_LINESTRIP
                                  : VGPU10_PRIMITIVE_TOPOLOGY_TRIANGLESTRIP;
    declarations.declare(VGPU10_OPCODE_DCL_GS_INPUT_PRIMITIVE, {}, {}, primitive << 11);
    declarations.declare(VGPU10_OPCODE_DCL_GS_OUTPUT_PRIMITIVE_TOPOLOGY, {}, {}, topology << 11);
    declarations.declare(VGPU10_OPCODE_DCL_MAX_OUTPUT_VERTEX_COUNT, {}, {nir_.info.gs.vertices_out});
    if (nir_.info.gs.invocations > 1)
        declarations.declare(VGPU10_OPCODE_DCL_GS_INSTANCE_COUNT, {}, {nir_.info.gs.invocations});
}

void Emitter::declareInterface(TokenBuilder& declarations) {
    const bool fragment = nir_.info.stage == MESA_SHADER_FRAGMENT;
    if (fragment && options_.perSample)
        sampleIndex();
    const uint32_t vertices = inputVertices();
    const auto inputOperand = [&](uint32_t reg) {
        return vertices ? registerOperand(perVertexInput(), {{vertices, {}}, {reg, {}}})
                        : registerOperand(VGPU10_OPERAND_TYPE_INPUT, {{reg, {}}});
    };
    for (const auto& [key, entry] : inputs_.entries()) {
        const Operand reg = inputOperand(entry.reg).masked(entry.mask);
        const uint32_t mode = fragment ? entry.interpolation << 11 : 0;
        if (entry.systemValue == VGPU10_NAME_UNDEFINED)
            declarations.declare(fragment ? VGPU10_OPCODE_DCL_INPUT_PS : VGPU10_OPCODE_DCL_INPUT, {reg}, {}, mode);
        else if (isGenerated(entry.systemValue))
            declarations.declare(fragment ? VGPU10_OPCODE_DCL_INPUT_PS_SGV : VGPU10_OPCODE_DCL_INPUT_SGV, {reg},
                                 {entry.systemValue}, mode);
        else
            declarations.declare(fragment ? VGPU10_OPCODE_DCL_INPUT_PS_SIV : VGPU10_OPCODE_DCL_INPUT_SIV, {reg},
                                 {entry.systemValue}, mode);
    }
    for (const auto& [key, entry] : patchConstants_.entries()) {
        const Operand reg =
            registerOperand(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {{entry.reg, {}}}).masked(entry.mask);
        if (entry.systemValue == VGPU10_NAME_UNDEFINED)
            declarations.declare(VGPU10_OPCODE_DCL_INPUT, {reg});
        else
            declarations.declare(VGPU10_OPCODE_DCL_INPUT_SIV, {reg}, {entry.systemValue});
    }
    for (const auto& [key, entry] : controlPointsRead_.entries())
        declarations.declare(VGPU10_OPCODE_DCL_INPUT,
                             {registerOperand(VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT,
                                              {{nir_.info.tess.tcs_vertices_out, {}}, {entry.reg, {}}})
                                  .masked(entry.mask)});
    for (const auto& [reg, count] : indexedInputs_)
        declarations.declare(VGPU10_OPCODE_DCL_INDEX_RANGE, {inputOperand(reg)}, {count});
    for (const auto& [reg, count] : indexedPatchConstants_)
        declarations.declare(VGPU10_OPCODE_DCL_INDEX_RANGE,
                             {registerOperand(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {{reg, {}}})}, {count});
    for (const auto& [type, components] : specials_)
        declarations.declare(VGPU10_OPCODE_DCL_INPUT, {named(type).masked(components)});
    for (const auto& [key, entry] : outputs_.entries()) {
        const Operand reg = registerOperand(VGPU10_OPERAND_TYPE_OUTPUT, {{entry.reg, {}}}).masked(entry.mask);
        if (entry.systemValue == VGPU10_NAME_UNDEFINED)
            declarations.declare(VGPU10_OPCODE_DCL_OUTPUT, {reg});
        else
            declarations.declare(isGenerated(entry.systemValue) ? VGPU10_OPCODE_DCL_OUTPUT_SGV
                                                                : VGPU10_OPCODE_DCL_OUTPUT_SIV,
                                 {reg}, {entry.systemValue});
    }
    for (const auto& [reg, count] : indexedOutputs_)
        declarations.declare(VGPU10_OPCODE_DCL_INDEX_RANGE, {registerOperand(VGPU10_OPERAND_TYPE_OUTPUT, {{reg, {}}})},
                             {count});
    for (const uint32_t type : namedOutputs_)
        declarations.declare(VGPU10_OPCODE_DCL_OUTPUT, {named(type)});
}

} // namespace svga::vulkan
