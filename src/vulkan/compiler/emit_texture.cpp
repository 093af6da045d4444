// SPDX-License-Identifier: MIT
#include "vulkan/compiler/emitter.h"

namespace svga::vulkan {
namespace {

Operand resource(const nir_tex_instr* tex) {
    return registerOperand(VGPU10_OPERAND_TYPE_RESOURCE, {{tex->texture_index, {}}});
}

Operand samplerOf(const nir_tex_instr* tex) {
    return bare(VGPU10_OPERAND_TYPE_SAMPLER, {{tex->sampler_index, {}}});
}

const nir_src* find(const nir_tex_instr* tex, nir_tex_src_type type) {
    const int n = nir_tex_instr_src_index(tex, type);
    return n < 0 ? nullptr : &tex->src[n].src;
}

bool isZero(const nir_src* src) {
    return !src || (nir_src_is_const(*src) && nir_src_as_uint(*src) == 0);
}

/** \brief The offset as the instruction itself can hold it; \return false: it is not constant, or too large */
bool constantOffset(const nir_tex_instr* tex, Control& control) {
    const nir_src* offset = find(tex, nir_tex_src_offset);
    if (!offset)
        return true;
    if (!nir_src_is_const(*offset))
        return false;
    for (unsigned c = 0; c < nir_src_num_components(*offset); ++c) {
        const int64_t value = nir_src_comp_as_int(*offset, c);
        if (value < -8 || value > 7)
            return false;
        control.texelOffset[c] = static_cast<int8_t>(value);
    }
    return true;
}

} // namespace

void Emitter::emitSample(nir_tex_instr* tex) {
    const auto operand = [&](nir_tex_src_type type) {
        const nir_src* src = find(tex, type);
        if (!src)
            fail(tex->instr, "lacks a source");
        return source(*src);
    };
    Control control;
    if (!constantOffset(tex, control))
        fail(tex->instr, "has an offset that is not constant");
    const Operand target = destination(&tex->def), coordinates = operand(nir_tex_src_coord);
    const Operand image = resource(tex), sampler = samplerOf(tex);
    if (tex->is_shadow) {
        // There is no comparison at a level but zero, and none with a bias or given gradients: the level is then that
        // of the implicit gradients.
        const bool levelZero = nir_.info.stage != MESA_SHADER_FRAGMENT || tex->op == nir_texop_txl;
        code_.op(levelZero ? VGPU10_OPCODE_SAMPLE_C_LZ : VGPU10_OPCODE_SAMPLE_C, {target},
                 {coordinates, image, sampler, operand(nir_tex_src_comparator).scalar(0)}, control);
        return;
    }
    switch (tex->op) {
    case nir_texop_tex:
        code_.op(VGPU10_OPCODE_SAMPLE, {target}, {coordinates, image, sampler}, control);
        break;
    case nir_texop_txb:
        code_.op(VGPU10_OPCODE_SAMPLE_B, {target}, {coordinates, image, sampler, operand(nir_tex_src_bias).scalar(0)},
                 control);
        break;
    case nir_texop_txl:
        code_.op(VGPU10_OPCODE_SAMPLE_L, {target}, {coordinates, image, sampler, operand(nir_tex_src_lod).scalar(0)},
                 control);
        break;
    default:
        code_.op(VGPU10_OPCODE_SAMPLE_D, {target},
                 {coordinates, image, sampler, operand(nir_tex_src_ddx), operand(nir_tex_src_ddy)}, control);
        break;
    }
}

void Emitter::emitFetch(nir_tex_instr* tex) {
    const nir_src* coordinates = find(tex, nir_tex_src_coord);
    if (!coordinates)
        fail(tex->instr, "lacks coordinates");
    Control control;
    if (!constantOffset(tex, control))
        fail(tex->instr, "has an offset that is not constant");
    const Operand target = destination(&tex->def);
    if (tex->op == nir_texop_txf_ms) {
        const nir_src* sample = find(tex, nir_tex_src_ms_index);
        code_.op(VGPU10_OPCODE_LD_MS, {target},
                 {source(*coordinates), resource(tex), sample ? source(*sample).scalar(0) : immediate(0u)}, control);
        return;
    }
    if (tex->sampler_dim == GLSL_SAMPLER_DIM_BUF) {
        code_.op(VGPU10_OPCODE_LD, {target}, {source(*coordinates).scalar(0), resource(tex)}, control);
        return;
    }
    // The level is the address' last component.
    const nir_src* level = find(tex, nir_tex_src_lod);
    const Operand address = scratch();
    code_.op(VGPU10_OPCODE_MOV, {address.masked(lowMask(nir_src_num_components(*coordinates)))},
             {source(*coordinates)});
    code_.op(VGPU10_OPCODE_MOV, {address.masked(0x8)}, {level ? source(*level).scalar(0) : immediate(0u)});
    code_.op(VGPU10_OPCODE_LD, {target}, {address, resource(tex)}, control);
}

void Emitter::emitGather(nir_tex_instr* tex) {
    const nir_src* coordinates = find(tex, nir_tex_src_coord);
    const nir_src* comparator = find(tex, nir_tex_src_comparator);
    if (!coordinates || tex->is_shadow != (comparator != nullptr))
        fail(tex->instr, "lacks a source");
    const Operand target = destination(&tex->def), at = source(*coordinates), image = resource(tex);
    const Operand sampler = samplerOf(tex).scalar(static_cast<uint8_t>(tex->is_shadow ? 0 : tex->component)).selected();
    Control control;
    if (constantOffset(tex, control)) {
        if (comparator)
            code_.op(VGPU10_OPCODE_GATHER4_C, {target}, {at, image, sampler, source(*comparator).scalar(0)}, control);
        else
            code_.op(VGPU10_OPCODE_GATHER4, {target}, {at, image, sampler}, control);
        return;
    }
    const Operand offset = source(*find(tex, nir_tex_src_offset));
    if (comparator)
        code_.op(VGPU10_OPCODE_GATHER4_PO_C, {target}, {at, offset, image, sampler, source(*comparator).scalar(0)});
    else
        code_.op(VGPU10_OPCODE_GATHER4_PO, {target}, {at, offset, image, sampler});
}

void Emitter::emitTextureQuery(nir_tex_instr* tex) {
    const Operand target = destination(&tex->def), image = resource(tex);
    const nir_src* level = find(tex, nir_tex_src_lod);
    switch (tex->op) {
    case nir_texop_txs:
        if (tex->sampler_dim == GLSL_SAMPLER_DIM_BUF) {
            code_.op(VGPU10_OPCODE_BUFINFO, {target}, {image.scalar(0)});
            return;
        }
        code_.op(VGPU10_OPCODE_RESINFO, {target}, {isZero(level) ? immediate(0u) : source(*level).scalar(0), image},
                 {.bits = VGPU10_RESINFO_RETURN_UINT << 11});
        return;
    case nir_texop_query_levels:
        code_.op(VGPU10_OPCODE_RESINFO, {target}, {immediate(0u), image.scalar(3)},
                 {.bits = VGPU10_RESINFO_RETURN_UINT << 11});
        return;
    case nir_texop_texture_samples:
        code_.op(VGPU10_OPCODE_SAMPLE_INFO, {target}, {image.scalar(0)},
                 {.bits = VGPU10_INSTRUCTION_RETURN_UINT << 11});
        return;
    default: {
        const nir_src* coordinates = find(tex, nir_tex_src_coord);
        if (!coordinates)
            fail(tex->instr, "lacks coordinates");
        code_.op(VGPU10_OPCODE_LOD, {target}, {source(*coordinates), image, samplerOf(tex)});
        return;
    }
    }
}

void Emitter::emitTexture(nir_tex_instr* tex) {
    if (tex->is_sparse || find(tex, nir_tex_src_min_lod))
        fail(tex->instr, "needs what sparse images need");
    switch (tex->op) {
    case nir_texop_tex:
    case nir_texop_txb:
    case nir_texop_txl:
    case nir_texop_txd:
        emitSample(tex);
        break;
    case nir_texop_txf:
    case nir_texop_txf_ms:
        emitFetch(tex);
        break;
    case nir_texop_tg4:
        emitGather(tex);
        break;
    case nir_texop_txs:
    case nir_texop_query_levels:
    case nir_texop_texture_samples:
    case nir_texop_lod:
        emitTextureQuery(tex);
        break;
    default:
        fail(tex->instr, "is not supported");
    }
}

} // namespace svga::vulkan
