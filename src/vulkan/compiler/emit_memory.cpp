// SPDX-License-Identifier: MIT
#include "vulkan/compiler/emitter.h"

#include <algorithm>

namespace svga::vulkan {
namespace {

/** \brief Of an atomic operation whose result is wanted. \return 0: there is none such */
uint32_t atomicOpcode(nir_atomic_op op) {
    switch (op) {
    case nir_atomic_op_iadd:
        return VGPU10_OPCODE_IMM_ATOMIC_IADD;
    case nir_atomic_op_imin:
        return VGPU10_OPCODE_IMM_ATOMIC_IMIN;
    case nir_atomic_op_umin:
        return VGPU10_OPCODE_IMM_ATOMIC_UMIN;
    case nir_atomic_op_imax:
        return VGPU10_OPCODE_IMM_ATOMIC_IMAX;
    case nir_atomic_op_umax:
        return VGPU10_OPCODE_IMM_ATOMIC_UMAX;
    case nir_atomic_op_iand:
        return VGPU10_OPCODE_IMM_ATOMIC_AND;
    case nir_atomic_op_ior:
        return VGPU10_OPCODE_IMM_ATOMIC_OR;
    case nir_atomic_op_ixor:
        return VGPU10_OPCODE_IMM_ATOMIC_XOR;
    case nir_atomic_op_xchg:
        return VGPU10_OPCODE_IMM_ATOMIC_EXCH;
    case nir_atomic_op_cmpxchg:
        return VGPU10_OPCODE_IMM_ATOMIC_CMP_EXCH;
    default:
        return 0;
    }
}

constexpr uint32_t kSyncThreads = 1u << 11, kSyncShared = 1u << 12, kSyncUavGroup = 1u << 13, kSyncUavGlobal = 1u << 14;

Operand sharedMemory() {
    return registerOperand(VGPU10_OPERAND_TYPE_THREAD_GROUP_SHARED_MEMORY, {{0, {}}});
}

} // namespace

Operand Emitter::uav(const nir_src& src) const {
    return registerOperand(VGPU10_OPERAND_TYPE_UAV, {{static_cast<uint32_t>(nir_src_as_uint(src)), {}}});
}

void Emitter::emitConstantBuffer(nir_intrinsic_instr* intrinsic) {
    const auto slot = static_cast<uint32_t>(nir_src_as_uint(intrinsic->src[0]));
    OperandIndex element = indexOf(intrinsic->src[1]);
    if (slot == 0) {
        const bool driver = !element.relative && element.immediate < kPushConstantOffset / 16;
        (driver ? result_.usesDriverConstants : result_.usesPushConstants) = true;
    }
    // A constant that passes the end of any buffer reads as zero, and cannot be said.
    if (!element.relative && element.immediate >= VGPU10_MAX_CONSTANT_BUFFER_ELEMENT_COUNT) {
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)}, {immediate(0u)});
        return;
    }
    const auto first = static_cast<uint8_t>(nir_intrinsic_component(intrinsic));
    Swizzle swizzle{};
    for (uint8_t c = 0; c < 4; ++c)
        swizzle[c] = std::min<uint8_t>(3, static_cast<uint8_t>(first + c));
    code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)},
             {registerOperand(VGPU10_OPERAND_TYPE_CONSTANT_BUFFER, {{slot, {}}, element}).swizzled(swizzle)});
}

/** \brief Constant arrays, laid out so that each vector begins an element. */
void Emitter::emitImmediateConstant(nir_intrinsic_instr* intrinsic) {
    const auto base = static_cast<uint32_t>(nir_intrinsic_base(intrinsic)) / 16;
    OperandIndex element{base, {}};
    if (nir_src_is_const(intrinsic->src[0])) {
        element.immediate += static_cast<uint32_t>(nir_src_as_uint(intrinsic->src[0])) / 16;
    } else {
        const Operand at = scratch();
        code_.op(VGPU10_OPCODE_USHR, {at.masked(0x1)}, {source(intrinsic->src[0]).scalar(0), immediate(4u)});
        element.relative = RelativeIndex{at.index[0].immediate, 0};
    }
    if (!element.relative && element.immediate >= nir_.constant_data_size / 16) {
        code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)}, {immediate(0u)});
        return;
    }
    code_.op(VGPU10_OPCODE_MOV, {destination(&intrinsic->def)},
             {registerOperand(VGPU10_OPERAND_TYPE_IMMEDIATE_CONSTANT_BUFFER, {element})});
}

/** \brief \p data is the first of the sources that the operation takes; an exchange has the comparison first. */
void Emitter::emitAtomic(nir_intrinsic_instr* intrinsic, const Operand& target, const Operand& address, unsigned data) {
    const nir_atomic_op op = nir_intrinsic_atomic_op(intrinsic);
    const uint32_t opcode = atomicOpcode(op);
    if (opcode == 0 || intrinsic->def.bit_size != 32)
        fail(intrinsic->instr, "the device has no such atomic operation");
    const Operand result = destination(&intrinsic->def);
    const Operand first = source(intrinsic->src[data]).scalar(0);
    if (op == nir_atomic_op_cmpxchg)
        code_.op(opcode, {result, target}, {address, first, source(intrinsic->src[data + 1]).scalar(0)});
    else
        code_.op(opcode, {result, target}, {address, first});
}

void Emitter::emitBarrier(nir_intrinsic_instr* intrinsic) {
    const bool compute = nir_.info.stage == MESA_SHADER_COMPUTE;
    const nir_variable_mode modes = nir_intrinsic_memory_modes(intrinsic);
    const mesa_scope scope = nir_intrinsic_memory_scope(intrinsic);
    uint32_t bits = 0;
    if (compute && nir_intrinsic_execution_scope(intrinsic) >= SCOPE_WORKGROUP)
        bits |= kSyncThreads;
    if (compute && scope != SCOPE_NONE && modes & nir_var_mem_shared)
        bits |= kSyncShared;
    if (scope > SCOPE_SUBGROUP && modes & (nir_var_mem_ssbo | nir_var_image | nir_var_mem_global))
        bits |= compute && scope <= SCOPE_WORKGROUP ? kSyncUavGroup : kSyncUavGlobal;
    if (bits)
        code_.op(VGPU10_OPCODE_SYNC, {}, {}, {.bits = bits});
}

bool Emitter::emitMemory(nir_intrinsic_instr* intrinsic) {
    const auto& src = intrinsic->src;
    const auto stored = [&](const nir_src& data) {
        return static_cast<uint8_t>(nir_intrinsic_write_mask(intrinsic) & mask(data.ssa));
    };
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_load_constant:
        emitImmediateConstant(intrinsic);
        return true;
    case nir_intrinsic_load_ubo_vec4:
        emitConstantBuffer(intrinsic);
        return true;
    case nir_intrinsic_load_ssbo:
        code_.op(VGPU10_OPCODE_LD_RAW, {destination(&intrinsic->def)}, {source(src[1]).scalar(0), uav(src[0])});
        return true;
    case nir_intrinsic_store_ssbo:
        code_.op(VGPU10_OPCODE_STORE_RAW, {uav(src[1]).masked(stored(src[0]))},
                 {source(src[2]).scalar(0), source(src[0])});
        return true;
    case nir_intrinsic_ssbo_atomic:
    case nir_intrinsic_ssbo_atomic_swap:
        emitAtomic(intrinsic, uav(src[0]), source(src[1]).scalar(0), 2);
        return true;
    case nir_intrinsic_get_ssbo_size:
        code_.op(VGPU10_OPCODE_BUFINFO, {destination(&intrinsic->def)}, {uav(src[0])});
        return true;
    case nir_intrinsic_load_shared:
        code_.op(VGPU10_OPCODE_LD_RAW, {destination(&intrinsic->def)},
                 {sharedAddress(intrinsic, src[0]), sharedMemory()});
        return true;
    case nir_intrinsic_store_shared:
        code_.op(VGPU10_OPCODE_STORE_RAW, {sharedMemory().masked(stored(src[0]))},
                 {sharedAddress(intrinsic, src[1]), source(src[0])});
        return true;
    case nir_intrinsic_shared_atomic:
    case nir_intrinsic_shared_atomic_swap:
        emitAtomic(intrinsic, sharedMemory(), sharedAddress(intrinsic, src[0]), 1);
        return true;
    case nir_intrinsic_barrier:
        emitBarrier(intrinsic);
        return true;
    default:
        return false;
    }
}

/** \brief A byte offset in shared memory: the source and the intrinsic's constant base. */
Operand Emitter::sharedAddress(nir_intrinsic_instr* intrinsic, const nir_src& offset) {
    const auto base = static_cast<uint32_t>(nir_intrinsic_base(intrinsic));
    if (nir_src_is_const(offset))
        return immediate(base + static_cast<uint32_t>(nir_src_as_uint(offset)));
    if (base == 0)
        return source(offset).scalar(0);
    const Operand sum = scratch();
    code_.op(VGPU10_OPCODE_IADD, {sum.masked(1)}, {source(offset).scalar(0), immediate(base)});
    return sum.scalar(0);
}

bool Emitter::emitImage(nir_intrinsic_instr* intrinsic) {
    const auto& src = intrinsic->src;
    switch (intrinsic->intrinsic) {
    case nir_intrinsic_image_load:
        code_.op(VGPU10_OPCODE_LD_UAV_TYPED, {destination(&intrinsic->def)}, {source(src[1]), uav(src[0])});
        return true;
    case nir_intrinsic_image_store:
        code_.op(VGPU10_OPCODE_STORE_UAV_TYPED, {uav(src[0])}, {source(src[1]), source(src[3])});
        return true;
    case nir_intrinsic_image_atomic:
    case nir_intrinsic_image_atomic_swap:
        emitAtomic(intrinsic, uav(src[0]), source(src[1]), 3);
        return true;
    case nir_intrinsic_image_size: {
        const Operand target = destination(&intrinsic->def);
        if (nir_intrinsic_image_dim(intrinsic) == GLSL_SAMPLER_DIM_BUF)
            code_.op(VGPU10_OPCODE_BUFINFO, {target}, {uav(src[0]).scalar(0)});
        else
            code_.op(VGPU10_OPCODE_RESINFO, {target}, {immediate(0u), uav(src[0])},
                     {.bits = VGPU10_RESINFO_RETURN_UINT << 11});
        return true;
    }
    default:
        return false;
    }
}

} // namespace svga::vulkan
