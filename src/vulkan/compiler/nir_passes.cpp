// SPDX-License-Identifier: MIT
#include "vulkan/compiler/nir_passes.h"

#include <algorithm>

namespace svga::vulkan {
namespace {

constexpr int kMinTexelOffset = -8, kMaxTexelOffset = 7;

nir_def* loadConstantBuffer0(nir_builder* b, nir_def* byteOffset, unsigned components, unsigned alignMul,
                             unsigned alignOffset) {
    nir_intrinsic_instr* load = nir_intrinsic_instr_create(b->shader, nir_intrinsic_load_ubo);
    load->num_components = static_cast<uint8_t>(components);
    load->src[0] = nir_src_for_ssa(nir_imm_int(b, 0));
    load->src[1] = nir_src_for_ssa(byteOffset);
    nir_intrinsic_set_align(load, alignMul, alignOffset);
    nir_intrinsic_set_range_base(load, 0);
    nir_intrinsic_set_range(load, ~0u);
    nir_intrinsic_set_access(load, static_cast<gl_access_qualifier>(ACCESS_CAN_REORDER | ACCESS_NON_WRITEABLE));
    nir_def_init(&load->instr, &load->def, components, 32);
    nir_builder_instr_insert(b, &load->instr);
    return &load->def;
}

struct DriverValueState {
    const CompileOptions& options;
    bool perSample;
};

nir_def* pushConstant(nir_builder* b, nir_intrinsic_instr* intrinsic) {
    const unsigned base = nir_intrinsic_base(intrinsic) + kPushConstantOffset;
    unsigned alignMul = 4, alignOffset = 0;
    if (nir_src_is_const(intrinsic->src[0])) {
        alignMul = 16;
        alignOffset = static_cast<unsigned>(nir_src_as_uint(intrinsic->src[0]) + base) % 16;
    } else if (nir_intrinsic_has_align_mul(intrinsic) && nir_intrinsic_align_mul(intrinsic)) {
        alignMul = std::min(16u, nir_intrinsic_align_mul(intrinsic));
        alignOffset = (nir_intrinsic_align_offset(intrinsic) + base) % alignMul;
    }
    return loadConstantBuffer0(b, nir_iadd_imm(b, intrinsic->src[0].ssa, base), intrinsic->def.num_components, alignMul,
                               alignOffset);
}

/** \brief VGPU10 has w where Vulkan has 1/w, and tells the pixel's centre also where each sample is shaded. */
nir_def* fragCoord(nir_builder* b, bool perSample) {
    nir_def* position = nir_load_frag_coord(b);
    nir_def* xy = nir_trim_vector(b, position, 2);
    if (perSample)
        xy = nir_fadd(b, nir_ffloor(b, xy), nir_fadd_imm(b, nir_load_sample_pos(b), 0.5));
    return nir_vec4(b, nir_channel(b, xy, 0), nir_channel(b, xy, 1), nir_channel(b, position, 2),
                    nir_frcp(b, nir_channel(b, position, 3)));
}

nir_def* driverValue(nir_builder* b, nir_intrinsic_instr* intrinsic, const DriverValueState& state) {
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_load_first_vertex:
    case nir_intrinsic_load_base_vertex:
        return driverConstant(b, offsetof(DriverConstants, firstVertex), 1);
    case nir_intrinsic_load_base_instance:
        return driverConstant(b, offsetof(DriverConstants, firstInstance), 1);
    case nir_intrinsic_load_draw_id:
        return driverConstant(b, offsetof(DriverConstants, drawIndex), 1);
    case nir_intrinsic_load_view_index:
        return driverConstant(b, offsetof(DriverConstants, viewIndex), 1);
    case nir_intrinsic_load_num_workgroups:
        return driverConstant(b, offsetof(DriverConstants, workgroupCount), 3);
    case nir_intrinsic_load_base_workgroup_id:
        return driverConstant(b, offsetof(DriverConstants, baseWorkgroup), 3);
    case nir_intrinsic_load_push_constant:
        return pushConstant(b, intrinsic);
    case nir_intrinsic_load_per_vertex_input: // points are one pixel
        return nir_intrinsic_io_semantics(intrinsic).location == VARYING_SLOT_PSIZ ? nir_imm_float(b, 1.0f) : nullptr;
    case nir_intrinsic_load_frag_coord:
        return fragCoord(b, state.perSample);
    case nir_intrinsic_load_sample_pos:
        return nir_fadd_imm(b, nir_load_sample_pos(b), 0.5);
    case nir_intrinsic_load_sample_mask_in:
        if (!state.perSample)
            return nullptr;
        return nir_iand(b, nir_load_sample_mask_in(b), nir_ishl(b, nir_imm_int(b, 1), nir_load_sample_id(b)));
    case nir_intrinsic_load_helper_invocation: // covers nothing
        return nir_ieq_imm(b, nir_load_sample_mask_in(b), 0);
    case nir_intrinsic_load_point_coord: // points are one pixel
        return nir_imm_vec2(b, 0.5f, 0.5f);
    default:
        return nullptr;
    }
}

bool flipPosition(nir_builder* b, nir_intrinsic_instr* store) {
    if (nir_intrinsic_io_semantics(store).location != VARYING_SLOT_POS)
        return false;
    const unsigned first = nir_intrinsic_component(store);
    const unsigned count = store->src[0].ssa->num_components;
    if (first > 1 || first + count < 2)
        return false;
    b->cursor = nir_before_instr(&store->instr);
    nir_def* yScale = driverConstant(b, offsetof(DriverConstants, yScale), 1);
    std::array<nir_def*, 4> parts{};
    for (unsigned c = 0; c < count; ++c) {
        parts[c] = nir_channel(b, store->src[0].ssa, c);
        if (first + c == 1)
            parts[c] = nir_fmul(b, parts[c], yScale);
    }
    nir_src_rewrite(&store->src[0], nir_vec(b, parts.data(), count));
    return true;
}

bool lowerDriverValue(nir_builder* b, nir_intrinsic_instr* intrinsic, void* data) {
    const auto& state = *static_cast<const DriverValueState*>(data);
    if (intrinsic->intrinsic == nir_intrinsic_store_output)
        return state.options.lastBeforeRasterizer && b->shader->info.stage != MESA_SHADER_FRAGMENT &&
               flipPosition(b, intrinsic);
    b->cursor = nir_before_instr(&intrinsic->instr);
    nir_def* value = driverValue(b, intrinsic, state);
    if (!value)
        return false;
    nir_def_replace(&intrinsic->def, value);
    return true;
}

bool lowerModulo(nir_builder* b, nir_alu_instr* alu, void*) {
    if (alu->op != nir_op_imod)
        return false;
    b->cursor = nir_before_instr(&alu->instr);
    nir_def* dividend = nir_ssa_for_alu_src(b, alu, 0);
    nir_def* divisor = nir_ssa_for_alu_src(b, alu, 1);
    nir_def* remainder = nir_irem(b, dividend, divisor);
    nir_def* differs = nir_ilt_imm(b, nir_ixor(b, remainder, divisor), 0);
    nir_def* adjust = nir_iand(b, differs, nir_ine_imm(b, remainder, 0));
    nir_def_replace(&alu->def, nir_bcsel(b, adjust, nir_iadd(b, remainder, divisor), remainder));
    return true;
}

nir_def* identityOf(nir_builder* b, nir_intrinsic_instr* intrinsic) {
    const auto op = static_cast<nir_op>(nir_intrinsic_reduction_op(intrinsic));
    const nir_const_value identity = nir_alu_binop_identity(op, intrinsic->def.bit_size);
    std::array<nir_const_value, NIR_MAX_VEC_COMPONENTS> values;
    values.fill(identity);
    return nir_build_imm(b, intrinsic->def.num_components, intrinsic->def.bit_size, values.data());
}

nir_def* trivialSubgroup(nir_builder* b, nir_intrinsic_instr* intrinsic) {
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_load_subgroup_invocation:
    case nir_intrinsic_first_invocation:
        return nir_imm_int(b, 0);
    case nir_intrinsic_load_subgroup_id:
        return nir_load_local_invocation_index(b);
    case nir_intrinsic_load_num_subgroups: {
        const uint16_t* size = b->shader->info.workgroup_size;
        return nir_imm_int(b, size[0] * size[1] * size[2]);
    }
    case nir_intrinsic_elect:
        return nir_imm_true(b);
    case nir_intrinsic_ballot:
        return nir_b2i32(b, intrinsic->src[0].ssa);
    case nir_intrinsic_read_invocation:
    case nir_intrinsic_read_first_invocation:
    case nir_intrinsic_shuffle:
    case nir_intrinsic_reduce:
    case nir_intrinsic_inclusive_scan:
        return intrinsic->src[0].ssa;
    case nir_intrinsic_exclusive_scan:
        return identityOf(b, intrinsic);
    default:
        return nullptr;
    }
}

bool lowerSubgroup(nir_builder* b, nir_intrinsic_instr* intrinsic, void*) {
    b->cursor = nir_before_instr(&intrinsic->instr);
    nir_def* value = trivialSubgroup(b, intrinsic);
    if (!value)
        return false;
    nir_def_replace(&intrinsic->def, value);
    return true;
}

bool readsTexels(const nir_tex_instr* tex) {
    switch (tex->op) {
    case nir_texop_tex:
    case nir_texop_txb:
    case nir_texop_txl:
    case nir_texop_txd:
    case nir_texop_txf:
    case nir_texop_txf_ms:
    case nir_texop_tg4:
        return true;
    default:
        return false;
    }
}

/** \brief Zero or one, of the type that \p tex reads. */
nir_def* constantTexel(nir_builder* b, const nir_tex_instr* tex, bool one) {
    const unsigned bits = tex->def.bit_size;
    return nir_alu_type_get_base_type(tex->dest_type) == nir_type_float ? nir_imm_floatN_t(b, one, bits)
                                                                        : nir_imm_intN_t(b, one, bits);
}

bool lowerTextureSwizzle(nir_builder* b, nir_instr* instr, void* data) {
    if (instr->type != nir_instr_type_tex || !readsTexels(nir_instr_as_tex(instr)))
        return false;
    nir_tex_instr* tex = nir_instr_as_tex(instr);
    const auto& swizzles = *static_cast<const std::vector<TextureSwizzle>*>(data);
    const auto swizzle = std::ranges::find(swizzles, tex->texture_index, &TextureSwizzle::reg);
    if (swizzle == swizzles.end())
        return false;
    b->cursor = nir_after_instr(instr);
    // A comparison's result stands for red; green and blue are then 0 and alpha is 1.
    const auto source = [&](unsigned component) -> uint8_t {
        const uint8_t from = swizzle->components[component];
        if (!tex->is_shadow || from == 0 || from > 3)
            return from;
        return from == 3 ? TextureSwizzle::kOne : TextureSwizzle::kZero;
    };
    if (tex->op == nir_texop_tg4) {
        const uint8_t from = source(tex->component);
        if (from < 4)
            tex->component = from;
        else
            nir_def_rewrite_uses(&tex->def, nir_replicate(b, constantTexel(b, tex, from == TextureSwizzle::kOne),
                                                          tex->def.num_components));
        return true;
    }
    const unsigned wanted = tex->def.num_components;
    tex->def.num_components = static_cast<uint8_t>(nir_tex_instr_dest_size(tex)); // what nobody read may be wanted now
    std::array<nir_def*, 4> parts;
    for (unsigned c = 0; c < wanted; ++c) {
        const uint8_t from = source(c);
        parts[c] = from < 4 ? nir_channel(b, &tex->def, from) : constantTexel(b, tex, from == TextureSwizzle::kOne);
    }
    nir_def* mapped = nir_vec(b, parts.data(), wanted);
    nir_def_rewrite_uses_after(&tex->def, mapped, mapped->parent_instr);
    return true;
}

bool lowerTexelCoordinate(nir_builder* b, nir_instr* instr, void* data) {
    if (instr->type != nir_instr_type_tex)
        return false;
    nir_tex_instr* tex = nir_instr_as_tex(instr);
    const int coordinate = nir_tex_instr_src_index(tex, nir_tex_src_coord);
    if ((tex->op != nir_texop_tex && tex->op != nir_texop_txl) || coordinate < 0 ||
        !(*static_cast<const uint32_t*>(data) >> tex->sampler_index & 1))
        return false;
    b->cursor = nir_before_instr(instr);
    nir_src& source = tex->src[coordinate].src;
    nir_src_rewrite(&source, nir_fdiv(b, source.ssa, nir_i2f32(b, nir_get_texture_size(b, tex))));
    return true;
}

/** \brief Whether the emitter knows the conversion: narrow integers are the low bits of wider ones. */
bool isNarrowConversion(nir_op op, unsigned from, unsigned to) {
    switch (op) {
    case nir_op_i2i8:
    case nir_op_i2i16:
    case nir_op_i2i32:
    case nir_op_u2u8:
    case nir_op_u2u16:
    case nir_op_u2u32:
        return from <= 32;
    case nir_op_i2f32:
    case nir_op_u2f32:
        return true;
    case nir_op_f2f16:
    case nir_op_f2f16_rtne:
        return from == 32;
    case nir_op_f2f32:
        return to == 32;
    default:
        return false;
    }
}

bool lowerNarrowConversion(nir_builder* b, nir_alu_instr* alu, void*) {
    const nir_op_info& info = nir_op_infos[alu->op];
    const unsigned from = nir_src_bit_size(alu->src[0].src), to = alu->def.bit_size;
    const bool narrow = from == 8 || from == 16 || to == 8 || to == 16;
    if (!info.is_conversion || !narrow || isNarrowConversion(alu->op, from, to))
        return false;
    const nir_alu_type fromType = nir_alu_type_get_base_type(info.input_types[0]),
                       toType = nir_alu_type_get_base_type(info.output_type);
    const auto type = [](nir_alu_type base, unsigned bits) { return static_cast<nir_alu_type>(base | bits); };
    b->cursor = nir_before_instr(&alu->instr);
    nir_def* value = nir_ssa_for_alu_src(b, alu, 0);
    if (from == 8 || from == 16)
        value = nir_type_convert(b, value, type(fromType, from), type(fromType, 32), nir_rounding_mode_undef);
    value = nir_type_convert(b, value, type(fromType, value->bit_size), type(toType, std::max(to, 32u)),
                             nir_rounding_mode_undef);
    if (to == 8 || to == 16) {
        nir_def* wide = value;
        value = nir_type_convert(b, wide, type(toType, 32), type(toType, to), nir_rounding_mode_undef);
        if (alu->op == nir_op_f2f16_rtz) // what was rounded up, to infinity perhaps, is one too far from zero
            value = nir_bcsel(b, nir_flt(b, nir_fabs(b, wide), nir_fabs(b, nir_f2f32(b, value))),
                              nir_iadd_imm(b, value, -1), value);
    }
    nir_def_replace(&alu->def, value);
    return true;
}

} // namespace

nir_def* driverConstant(nir_builder* b, size_t offset, uint32_t components) {
    return loadConstantBuffer0(b, nir_imm_int(b, static_cast<int>(offset)), components, 16,
                               static_cast<unsigned>(offset % 16));
}

nir_def* storageBuffer(nir_builder* b, uint32_t binding) {
    nir_def* resource = nir_vulkan_resource_index(b, 2, 32, nir_imm_int(b, 0));
    nir_intrinsic_set_binding(nir_instr_as_intrinsic(resource->parent_instr), binding);
    return nir_channel(b, nir_load_vulkan_descriptor(b, 2, 32, resource), 0);
}

bool lowerDriverValues(nir_shader* nir, const CompileOptions& options) {
    DriverValueState state{options, nir->info.stage == MESA_SHADER_FRAGMENT &&
                                        (options.perSample || nir->info.fs.uses_sample_shading)};
    return nir_shader_intrinsics_pass(nir, lowerDriverValue, nir_metadata_control_flow, &state);
}

bool lowerIntegerModulo(nir_shader* nir) {
    return nir_shader_alu_pass(nir, lowerModulo, nir_metadata_control_flow, nullptr);
}

bool lowerNarrowConversions(nir_shader* nir) {
    return nir_shader_alu_pass(nir, lowerNarrowConversion, nir_metadata_control_flow, nullptr);
}

bool lowerTextureSwizzles(nir_shader* nir, const std::vector<TextureSwizzle>& swizzles) {
    return nir_shader_instructions_pass(nir, lowerTextureSwizzle, nir_metadata_control_flow,
                                        const_cast<std::vector<TextureSwizzle>*>(&swizzles));
}

bool lowerTexelCoordinates(nir_shader* nir, uint32_t samplers) {
    return nir_shader_instructions_pass(nir, lowerTexelCoordinate, nir_metadata_control_flow, &samplers);
}

bool lowerTrivialSubgroups(nir_shader* nir) {
    return nir_shader_intrinsics_pass(nir, lowerSubgroup, nir_metadata_control_flow, nullptr);
}

bool offsetNeedsLowering(const nir_instr* instr, const void*) {
    nir_tex_instr* tex = nir_instr_as_tex(const_cast<nir_instr*>(instr));
    const int source = nir_tex_instr_src_index(tex, nir_tex_src_offset);
    if (source < 0 || tex->op == nir_texop_tg4) // gathers take any offset
        return false;
    const nir_src& offset = tex->src[source].src;
    if (!nir_src_is_const(offset))
        return true;
    for (unsigned c = 0; c < nir_src_num_components(offset); ++c) {
        const int64_t value = nir_src_comp_as_int(offset, c);
        if (value < kMinTexelOffset || value > kMaxTexelOffset)
            return true;
    }
    return false;
}

bool isMemoryStore(const nir_instr* instr, const void*) {
    if (instr->type != nir_instr_type_intrinsic)
        return false;
    const nir_intrinsic_op op = nir_instr_as_intrinsic(instr)->intrinsic;
    return op == nir_intrinsic_store_ssbo || op == nir_intrinsic_store_shared;
}

} // namespace svga::vulkan
