// SPDX-License-Identifier: MIT
#include "vulkan/compiler/hull.h"

#include "vulkan/compiler/compiler.h"
#include "vulkan/compiler/lowering.h"

namespace svga::vulkan {
namespace {

enum class Keep { ControlPoint, Patch };

/** \brief Drops what the other phase writes, and barriers. */
bool dropStores(nir_builder*, nir_intrinsic_instr* intrinsic, void* data) {
    const Keep keep = *static_cast<const Keep*>(data);
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_barrier:
        break;
    case nir_intrinsic_store_output:
        if (keep == Keep::Patch)
            return false;
        break;
    case nir_intrinsic_store_per_vertex_output:
        if (keep == Keep::ControlPoint)
            return false;
        break;
    default:
        return false;
    }
    nir_instr_remove(&intrinsic->instr);
    return true;
}

bool setInvocation(nir_builder* b, nir_intrinsic_instr* intrinsic, void* data) {
    if (intrinsic->intrinsic != nir_intrinsic_load_invocation_id)
        return false;
    b->cursor = nir_before_instr(&intrinsic->instr);
    nir_def_replace(&intrinsic->def, nir_imm_int(b, *static_cast<const int*>(data)));
    return true;
}

void keepPhase(nir_shader* nir, Keep keep) {
    nir_shader_intrinsics_pass(nir, dropStores, nir_metadata_control_flow, &keep);
    optimize(nir);
}

NirOwner clone(const nir_shader& nir) {
    return NirOwner(nir_shader_clone(nullptr, &nir));
}

NirOwner forInvocation(const nir_shader& nir, int number) {
    NirOwner copy = clone(nir);
    nir_shader_intrinsics_pass(copy.get(), setInvocation, nir_metadata_control_flow, &number);
    optimize(copy.get());
    return copy;
}

bool writesPatch(nir_shader& nir) {
    nir_foreach_function_impl(impl, &nir) nir_foreach_block(block, impl) nir_foreach_instr(
        instr, block) if (instr->type == nir_instr_type_intrinsic &&
                          nir_instr_as_intrinsic(instr)->intrinsic == nir_intrinsic_store_output) return true;
    return false;
}

bool asksForInvocation(nir_shader& nir) {
    nir_foreach_function_impl(impl, &nir) nir_foreach_block(block, impl) nir_foreach_instr(
        instr, block) if (instr->type == nir_instr_type_intrinsic &&
                          nir_instr_as_intrinsic(instr)->intrinsic == nir_intrinsic_load_invocation_id) return true;
    return false;
}

} // namespace

PatchPhase splitPatchPhase(nir_shader& nir) {
    PatchPhase patch{clone(nir), 1};
    keepPhase(&nir, Keep::ControlPoint);
    keepPhase(patch.nir.get(), Keep::Patch);
    if (!asksForInvocation(*patch.nir))
        return patch;
    const int invocations = nir.info.tess.tcs_vertices_out;
    for (int number = 1; number < invocations; ++number) {
        if (!writesPatch(*forInvocation(*patch.nir, number)))
            continue;
        patch.instances = nir.info.tess.tcs_vertices_out;
        return patch;
    }
    patch.nir = forInvocation(*patch.nir, 0);
    return patch;
}

TessellationModes tessellationModes(const nir_shader& control, const nir_shader& evaluation) {
    const auto& a = control.info.tess;
    const auto& b = evaluation.info.tess;
    TessellationModes modes;
    modes.primitive =
        static_cast<uint8_t>(b._primitive_mode != TESS_PRIMITIVE_UNSPECIFIED ? b._primitive_mode : a._primitive_mode);
    modes.spacing = static_cast<uint8_t>(b.spacing != TESS_SPACING_UNSPECIFIED ? b.spacing : a.spacing);
    modes.counterclockwise = a.ccw || b.ccw;
    modes.points = a.point_mode || b.point_mode;
    return modes;
}

} // namespace svga::vulkan
