// SPDX-License-Identifier: MIT
#include "vulkan/compiler/lowering.h"

#include "vulkan/compiler/nir_headers.h"
#include "vulkan/compiler/nir_passes.h"

#include "compiler/spirv/nir_spirv.h"

#include <algorithm>

namespace svga::vulkan {
namespace {

constexpr uint32_t kMaxSharedMemory = 32768;
/// Bytes from which on a constant array is read from the immediate constant buffer.
constexpr uint32_t kLargeConstant = 16;

int vec4Slots(const glsl_type* type, bool) {
    return static_cast<int>(glsl_count_attribute_slots(type, false));
}

void sharedTypeSize(const glsl_type* type, unsigned* size, unsigned* align) {
    const unsigned component = glsl_type_is_boolean(type) ? 4 : glsl_get_bit_size(type) / 8;
    const unsigned length = glsl_get_vector_elements(type);
    *size = component * length;
    *align = component;
}

void optimizeLate(nir_shader* nir) {
    bool progress;
    do {
        progress = false;
        NIR_PASS(progress, nir, nir_opt_algebraic_late);
        NIR_PASS(progress, nir, nir_opt_constant_folding);
        NIR_PASS(progress, nir, nir_copy_prop);
        NIR_PASS(progress, nir, nir_opt_dce);
        NIR_PASS(progress, nir, nir_opt_cse);
    } while (progress);
}

/** \brief Memory is words: what is wider is two of them. */
nir_mem_access_size_align accessSize(nir_intrinsic_op, uint8_t bytes, uint8_t bitSize, uint32_t alignMul,
                                     uint32_t alignOffset, bool, gl_access_qualifier, const void*) {
    const uint32_t align = nir_combined_align(alignMul, alignOffset);
    nir_mem_access_size_align result{};
    if (bitSize < 32 || align < 4) {
        result.num_components = 1;
        result.bit_size = 32;
        result.align = 4;
        result.shift = nir_mem_access_shift_method_scalar;
        return result;
    }
    result.num_components = static_cast<uint8_t>(std::min<uint32_t>(4, std::max<uint32_t>(1, bytes / 4)));
    result.bit_size = 32;
    result.align = 4;
    result.shift = nir_mem_access_shift_method_scalar;
    return result;
}

void lowerVariables(nir_shader* nir) {
    SVGA_NIR_PASS(nir, nir_lower_variable_initializers, static_cast<nir_variable_mode>(~0));
    SVGA_NIR_PASS(nir, nir_split_var_copies);
    SVGA_NIR_PASS(nir, nir_lower_var_copies);
    SVGA_NIR_PASS(nir, nir_lower_global_vars_to_local);
    SVGA_NIR_PASS(nir, nir_split_struct_vars, nir_var_function_temp);
    SVGA_NIR_PASS(nir, nir_lower_vars_to_ssa);
}

void lowerSystemValues(nir_shader* nir, const CompileOptions& options) {
    if (nir->info.stage == MESA_SHADER_FRAGMENT) {
        nir_input_attachment_options attachments{};
        attachments.use_fragcoord_sysval = true;
        SVGA_NIR_PASS(nir, nir_lower_input_attachments, &attachments);
    }
    nir_lower_subgroups_options subgroups{};
    subgroups.subgroup_size = kSubgroupSize;
    subgroups.ballot_bit_size = 32;
    subgroups.ballot_components = 1;
    subgroups.lower_to_scalar = true;
    subgroups.lower_subgroup_masks = true;
    subgroups.lower_relative_shuffle = true;
    subgroups.lower_inverse_ballot = true;
    subgroups.lower_rotate_to_shuffle = true;
    subgroups.lower_vote_trivial = true;
    SVGA_NIR_PASS(nir, nir_lower_system_values);
    if (gl_shader_stage_uses_workgroup(nir->info.stage)) {
        nir_lower_compute_system_values_options compute{};
        compute.has_base_workgroup_id = true;
        SVGA_NIR_PASS(nir, nir_lower_compute_system_values, &compute);
    }
    SVGA_NIR_PASS(nir, nir_lower_subgroups, &subgroups);
    SVGA_NIR_PASS(nir, lowerTrivialSubgroups);
    if (nir->info.stage == MESA_SHADER_FRAGMENT)
        SVGA_NIR_PASS(nir, nir_lower_is_helper_invocation);
    if (nir->info.stage == MESA_SHADER_TESS_EVAL)
        SVGA_NIR_PASS(nir, nir_lower_tess_coord_z, options.tessellation.primitive == TESS_PRIMITIVE_TRIANGLES);
    if (nir->info.stage == MESA_SHADER_TESS_CTRL || nir->info.stage == MESA_SHADER_TESS_EVAL)
        SVGA_NIR_PASS(nir, nir_lower_patch_vertices, options.patchControlPoints, nullptr);
}

void lowerMemory(nir_shader* nir) {
    SVGA_NIR_PASS(nir, nir_lower_explicit_io, nir_var_mem_push_const, nir_address_format_32bit_offset);
    SVGA_NIR_PASS(nir, nir_lower_explicit_io, nir_var_mem_ubo | nir_var_mem_ssbo,
                  nir_address_format_32bit_index_offset);
    // What Vulkan's memory model says of accesses and barriers becomes coherence of the accesses, as VGPU10 has it.
    SVGA_NIR_PASS(nir, nir_lower_memory_model);
    if (nir->info.stage == MESA_SHADER_COMPUTE) {
        if (!nir->info.shared_memory_explicit_layout)
            SVGA_NIR_PASS(nir, nir_lower_vars_to_explicit_types, nir_var_mem_shared, sharedTypeSize);
        SVGA_NIR_PASS(nir, nir_lower_explicit_io, nir_var_mem_shared, nir_address_format_32bit_offset);
        if (nir->info.zero_initialize_shared_memory && nir->info.shared_size > 0) {
            nir->info.shared_size = (nir->info.shared_size + 15) & ~15u;
            SVGA_NIR_PASS(nir, nir_zero_initialize_shared_memory, nir->info.shared_size, 16);
        }
        if (nir->info.shared_size > kMaxSharedMemory)
            throw Error("{} bytes of shared memory are more than {}", nir->info.shared_size, kMaxSharedMemory);
    }
    nir_lower_mem_access_bit_sizes_options sizes{};
    sizes.callback = accessSize;
    sizes.modes = nir_var_mem_ubo | nir_var_mem_ssbo | nir_var_mem_shared | nir_var_mem_push_const;
    sizes.may_lower_unaligned_stores_to_atomics = true;
    SVGA_NIR_PASS(nir, nir_lower_mem_access_bit_sizes, &sizes);
}

void lowerTextures(nir_shader* nir) {
    nir_lower_tex_options tex{};
    tex.lower_txp = ~0u;
    tex.lower_txp_array = true;
    tex.lower_txf_offset = true;
    tex.lower_rect = true;
    tex.lower_tg4_offsets = true;
    tex.lower_invalid_implicit_lod = true;
    tex.lower_offset_filter = offsetNeedsLowering;
    SVGA_NIR_PASS(nir, nir_lower_tex, &tex);
    nir_lower_image_options images{};
    images.lower_cube_size = true;
    images.lower_image_samples_to_one = true;
    SVGA_NIR_PASS(nir, nir_lower_image, &images);
}

/** \brief Inputs and outputs that the stage cannot index at run time are copied to variables that it can. */
void lowerInterface(nir_shader* nir) {
    nir_function_impl* entry = nir_shader_get_entrypoint(nir);
    switch (nir->info.stage) {
    case MESA_SHADER_VERTEX:
    case MESA_SHADER_FRAGMENT:
        SVGA_NIR_PASS(nir, nir_lower_io_to_temporaries, entry, true, true);
        break;
    case MESA_SHADER_TESS_EVAL:
    case MESA_SHADER_GEOMETRY:
        SVGA_NIR_PASS(nir, nir_lower_io_to_temporaries, entry, true, false);
        break;
    default:
        break;
    }
}

/** \brief Tessellation factors and distances that are indexed at run time: they are components, not registers. */
void lowerCompactIndexing(nir_shader* nir) {
    set* variables = _mesa_pointer_set_create(nullptr);
    nir_foreach_variable_with_modes(variable, nir, nir_var_shader_in | nir_var_shader_out) if (variable->data.compact)
        _mesa_set_add(variables, variable);
    SVGA_NIR_PASS(nir, nir_lower_indirect_var_derefs, variables);
    _mesa_set_destroy(variables, nullptr);
}

void lowerInputsAndOutputs(nir_shader* nir) {
    lowerCompactIndexing(nir);
    nir_foreach_variable_with_modes(variable, nir, nir_var_shader_in | nir_var_shader_out)
        variable->data.driver_location = 0;
    auto options = nir_lower_io_lower_64bit_to_32;
    if (nir->info.stage == MESA_SHADER_FRAGMENT)
        options = static_cast<nir_lower_io_options>(options | nir_lower_io_use_interpolated_input_intrinsics);
    SVGA_NIR_PASS(nir, nir_lower_io, static_cast<nir_variable_mode>(nir_var_shader_in | nir_var_shader_out), vec4Slots,
                  options);
    SVGA_NIR_PASS(nir, nir_opt_constant_folding);
}

bool isDouble(const nir_alu_instr* alu) {
    if (alu->def.bit_size == 64)
        return true;
    for (unsigned n = 0; n < nir_op_infos[alu->op].num_inputs; ++n)
        if (nir_src_bit_size(alu->src[n].src) == 64)
            return true;
    return false;
}

/** \brief Instructions that VGPU10 does for one component at a time, and those that pack components. */
bool isScalarOnly(const nir_instr* instr, const void*) {
    if (instr->type != nir_instr_type_alu)
        return false;
    const nir_alu_instr* alu = nir_instr_as_alu(instr);
    switch (alu->op) {
    case nir_op_pack_half_2x16:
    case nir_op_unpack_half_2x16:
    case nir_op_pack_uvec2_to_uint:
    case nir_op_pack_uvec4_to_uint:
        return true;
    default:
        return isDouble(alu);
    }
}

/**
 * \brief No register holds three or four doubles: where an array of them is indexed at run time, arrays are picked from
 * by branches, and then are no arrays.
 */
void lowerWideArrays(nir_shader* nir) {
    nir_foreach_function_temp_variable(variable, nir_shader_get_entrypoint(nir)) {
        const glsl_type* element = glsl_without_array_or_matrix(variable->type);
        if (!glsl_type_is_vector(element) || glsl_get_bit_size(element) != 64 || glsl_get_vector_elements(element) < 3)
            continue;
        SVGA_NIR_PASS(nir, nir_lower_indirect_derefs, nir_var_function_temp, UINT32_MAX);
        return;
    }
}

/** \brief Arithmetic is done in 32 bits; conversions tell where a value is narrower. */
unsigned arithmeticBits(const nir_instr* instr, void*) {
    if (instr->type != nir_instr_type_alu)
        return 0;
    const nir_alu_instr* alu = nir_instr_as_alu(instr);
    const nir_op_info& info = nir_op_infos[alu->op];
    if (info.is_conversion || alu->op == nir_op_mov || nir_op_is_vec(alu->op) || alu->op == nir_op_bcsel)
        return 0;
    bool narrow = alu->def.bit_size > 1 && alu->def.bit_size < 32;
    for (unsigned n = 0; n < info.num_inputs; ++n)
        narrow |= nir_src_bit_size(alu->src[n].src) > 1 && nir_src_bit_size(alu->src[n].src) < 32;
    return narrow ? 32 : 0;
}

} // namespace

void optimize(nir_shader* nir) {
    bool progress;
    do {
        progress = false;
        NIR_PASS(progress, nir, nir_split_array_vars, nir_var_function_temp);
        NIR_PASS(progress, nir, nir_opt_deref);
        NIR_PASS(progress, nir, nir_lower_vars_to_ssa);
        NIR_PASS(progress, nir, nir_opt_copy_prop_vars);
        NIR_PASS(progress, nir, nir_opt_dead_write_vars);
        NIR_PASS(progress, nir, nir_copy_prop);
        NIR_PASS(progress, nir, nir_opt_remove_phis);
        NIR_PASS(progress, nir, nir_opt_dce);
        NIR_PASS(progress, nir, nir_opt_dead_cf);
        NIR_PASS(progress, nir, nir_opt_if, nir_opt_if_optimize_phi_true_false);
        NIR_PASS(progress, nir, nir_opt_cse);
        NIR_PASS(progress, nir, nir_opt_peephole_select, 8, true, true);
        NIR_PASS(progress, nir, nir_opt_algebraic);
        NIR_PASS(progress, nir, nir_opt_constant_folding);
        NIR_PASS(progress, nir, nir_opt_undef);
        NIR_PASS(progress, nir, nir_opt_loop);
        NIR_PASS(progress, nir, nir_opt_loop_unroll);
    } while (progress);
    NIR_PASS(progress, nir, nir_remove_dead_variables, nir_var_function_temp, nullptr);
}

void lower(nir_shader& nir, const CompileOptions& options, ResourceTable& resources) {
    lowerToRegisters(nir, options, resources);
    lowerToInstructions(nir);
}

void lowerToRegisters(nir_shader& shader, const CompileOptions& options, ResourceTable& resources) {
    nir_shader* nir = &shader;
    lowerVariables(nir);
    lowerInterface(nir);
    lowerSystemValues(nir, options);
    lowerVariables(nir);
    optimize(nir);
    SVGA_NIR_PASS(nir, nir_shrink_vec_array_vars, nir_var_function_temp);
    SVGA_NIR_PASS(nir, nir_lower_frexp);
    SVGA_NIR_PASS(nir, nir_lower_flrp, 16 | 32 | 64, false);
    nir_shader_gather_info(nir, nir_shader_get_entrypoint(nir));
    if (!((nir->info.bit_sizes_float | nir->info.bit_sizes_int) & (8 | 16 | 64))) // constants are words
        SVGA_NIR_PASS(nir, nir_opt_large_constants, glsl_get_vec4_size_align_bytes, kLargeConstant);
    lowerTextures(nir);
    lowerMemory(nir);
    optimize(nir);
    SVGA_NIR_PASS(nir, nir_remove_dead_derefs);
    assignResources(*nir, resources);
    if (options.texelSamplers)
        SVGA_NIR_PASS(nir, lowerTexelCoordinates, options.texelSamplers);
    if (!options.swizzles.empty())
        SVGA_NIR_PASS(nir, lowerTextureSwizzles, options.swizzles);
    SVGA_NIR_PASS(nir, nir_opt_constant_folding);
    SVGA_NIR_PASS(nir, nir_opt_dce);

    lowerInputsAndOutputs(nir);
    SVGA_NIR_PASS(nir, lowerDriverValues, options);
    SVGA_NIR_PASS(nir, nir_lower_ubo_vec4);
    SVGA_NIR_PASS(nir, nir_lower_wrmasks, isMemoryStore, nullptr);
    SVGA_NIR_PASS(nir, nir_lower_array_deref_of_vec, nir_var_function_temp, nullptr,
                  static_cast<nir_lower_array_deref_of_vec_options>(
                      nir_lower_direct_array_deref_of_vec_load | nir_lower_indirect_array_deref_of_vec_load |
                      nir_lower_direct_array_deref_of_vec_store | nir_lower_indirect_array_deref_of_vec_store));
    optimize(nir);
}

void lowerToInstructions(nir_shader& shader) {
    nir_shader* nir = &shader;
    nir_shader_gather_info(nir, nir_shader_get_entrypoint(nir));
    if ((nir->info.bit_sizes_float | nir->info.bit_sizes_int) & 64) {
        lowerWideArrays(nir);
        optimize(nir);
        SVGA_NIR_PASS(nir, nir_lower_phis_to_scalar, true);
    }
    SVGA_NIR_PASS(nir, lowerNarrowConversions);
    SVGA_NIR_PASS(nir, nir_lower_doubles, nullptr, nir->options->lower_doubles_options);
    SVGA_NIR_PASS(nir, nir_lower_alu_to_scalar, isScalarOnly, nullptr);
    SVGA_NIR_PASS(nir, nir_lower_int64);
    SVGA_NIR_PASS(nir, nir_lower_pack);
    SVGA_NIR_PASS(nir, nir_lower_alu_to_scalar, isScalarOnly, nullptr);
    SVGA_NIR_PASS(nir, lowerIntegerModulo);
    optimize(nir);
    SVGA_NIR_PASS(nir, nir_lower_alu_to_scalar, isScalarOnly, nullptr);
    optimizeLate(nir);
    SVGA_NIR_PASS(nir, lowerNarrowConversions);
    SVGA_NIR_PASS(nir, nir_lower_bit_size, arithmeticBits, nullptr);
    optimizeLate(nir);
    SVGA_NIR_PASS(nir, nir_lower_bool_to_int32);
    SVGA_NIR_PASS(nir, nir_copy_prop);
    SVGA_NIR_PASS(nir, nir_opt_dce);
    SVGA_NIR_PASS(nir, nir_lower_locals_to_regs, 32);
    SVGA_NIR_PASS(nir, nir_convert_from_ssa, true, false);
    SVGA_NIR_PASS(nir, nir_opt_dce);
    nir_legacy_trivialize(nir, true);
    nir_sweep(nir);
}

const nir_shader_compiler_options& nirOptions() {
    static const nir_shader_compiler_options kOptions = [] {
        nir_shader_compiler_options o{};
        o.fuse_ffma32 = true;
        o.lower_flrp16 = o.lower_flrp32 = o.lower_flrp64 = true;
        o.lower_fpow = true;
        o.lower_fmod = true;
        o.lower_fdph = true;
        o.lower_ldexp = true;
        o.lower_isign = o.lower_fsign = o.lower_iabs = true;
        o.lower_fisnormal = o.lower_scmp = o.lower_vector_cmp = true;
        o.lower_bitfield_extract = o.lower_bitfield_insert = true;
        o.has_bfe = true;
        o.lower_ufind_msb = o.lower_ifind_msb = o.has_find_msb_rev = true;
        o.lower_hadd = o.lower_hadd64 = true;
        o.lower_uadd_sat = o.lower_usub_sat = o.lower_iadd_sat = true;
        o.lower_mul_32x16 = o.lower_mul_2x32_64 = true;
        o.lower_pack_half_2x16 = o.lower_unpack_half_2x16 = true;
        o.lower_pack_unorm_2x16 = o.lower_unpack_unorm_2x16 = true;
        o.lower_pack_snorm_2x16 = o.lower_unpack_snorm_2x16 = true;
        o.lower_pack_unorm_4x8 = o.lower_unpack_unorm_4x8 = true;
        o.lower_pack_snorm_4x8 = o.lower_unpack_snorm_4x8 = true;
        o.lower_pack_64_2x32 = o.lower_pack_64_4x16 = true;
        o.lower_pack_32_2x16 = o.lower_pack_32_2x16_split = true;
        o.lower_unpack_32_2x16_split = o.lower_pack_split = true;
        o.lower_extract_byte = o.lower_extract_word = true;
        o.lower_insert_byte = o.lower_insert_word = true;
        o.has_fsub = o.has_isub = true;
        o.vertex_id_zero_based = true;
        o.lower_device_index_to_zero = true;
        o.max_unroll_iterations = 32;
        o.lower_int64_options = static_cast<nir_lower_int64_options>(~0u);
        o.lower_doubles_options = static_cast<nir_lower_doubles_options>(
            nir_lower_dsqrt | nir_lower_drsq | nir_lower_dtrunc | nir_lower_dfloor | nir_lower_dceil |
            nir_lower_dfract | nir_lower_dround_even | nir_lower_dmod | nir_lower_dsign | nir_lower_dsat);
        return o;
    }();
    return kOptions;
}

const spirv_to_nir_options& spirvOptions() {
    static const spirv_to_nir_options kOptions = [] {
        spirv_to_nir_options o{};
        o.environment = NIR_SPIRV_VULKAN;
        o.ubo_addr_format = nir_address_format_32bit_index_offset;
        o.ssbo_addr_format = nir_address_format_32bit_index_offset;
        o.push_const_addr_format = nir_address_format_32bit_offset;
        o.shared_addr_format = nir_address_format_32bit_offset;
        o.phys_ssbo_addr_format = nir_address_format_64bit_global;
        o.skip_os_break_in_debug_build = true; // what is malformed is refused
        o.min_ubo_alignment = 16;
        o.min_ssbo_alignment = 16;
        return o;
    }();
    return kOptions;
}

} // namespace svga::vulkan
