// SPDX-License-Identifier: MIT
#include "vulkan/compiler/emitter.h"

namespace svga::vulkan {

bool Emitter::emitSystemValue(nir_intrinsic_instr* intrinsic) {
    const auto special = [&](uint32_t type, uint8_t components) {
        specials_[type] |= components;
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)}, {registerOperand(type, {})});
        return true;
    };
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_load_workgroup_id:
        return special(VGPU10_OPERAND_TYPE_INPUT_THREAD_GROUP_ID, 0x7);
    case nir_intrinsic_load_local_invocation_id:
        return special(VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP, 0x7);
    case nir_intrinsic_load_local_invocation_index:
        return special(VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP_FLATTENED, 0x1);
    default:
        return false;
    }
}

bool Emitter::emitInputOutput(nir_intrinsic_instr*) {
    return false;
}

} // namespace svga::vulkan
