// SPDX-License-Identifier: MIT
#include "vulkan/compiler/emitter.h"

#include <algorithm>

namespace svga::vulkan {
namespace {

/** \brief A NIR instruction that is one of VGPU10's, with the same sources, each component for itself. */
struct SimpleOp {
    uint32_t opcode;
    bool saturate = false;
    bool negateSecond = false;
    bool swapped = false; ///< of two destinations, the second one is the result
    uint8_t destinations = 1;
};

std::optional<SimpleOp> floatOp(nir_op op) {
    switch (op) {
    case nir_op_fadd:
        return SimpleOp{VGPU10_OPCODE_ADD};
    case nir_op_fsub:
        return SimpleOp{.opcode = VGPU10_OPCODE_ADD, .negateSecond = true};
    case nir_op_fmul:
        return SimpleOp{VGPU10_OPCODE_MUL};
    case nir_op_fdiv:
        return SimpleOp{VGPU10_OPCODE_DIV};
    case nir_op_ffma:
        return SimpleOp{VGPU10_OPCODE_MAD};
    case nir_op_fmin:
        return SimpleOp{VGPU10_OPCODE_MIN};
    case nir_op_fmax:
        return SimpleOp{VGPU10_OPCODE_MAX};
    case nir_op_frcp:
        return SimpleOp{VGPU10_OPCODE_RCP};
    case nir_op_frsq:
        return SimpleOp{VGPU10_OPCODE_RSQ};
    case nir_op_fsqrt:
        return SimpleOp{VGPU10_OPCODE_SQRT};
    case nir_op_fexp2:
        return SimpleOp{VGPU10_OPCODE_EXP};
    case nir_op_flog2:
        return SimpleOp{VGPU10_OPCODE_LOG};
    case nir_op_ffract:
        return SimpleOp{VGPU10_OPCODE_FRC};
    case nir_op_ffloor:
        return SimpleOp{VGPU10_OPCODE_ROUND_NI};
    case nir_op_fceil:
        return SimpleOp{VGPU10_OPCODE_ROUND_PI};
    case nir_op_ftrunc:
        return SimpleOp{VGPU10_OPCODE_ROUND_Z};
    case nir_op_fround_even:
        return SimpleOp{VGPU10_OPCODE_ROUND_NE};
    case nir_op_fsat:
        return SimpleOp{.opcode = VGPU10_OPCODE_MOV, .saturate = true};
    case nir_op_fsin:
        return SimpleOp{.opcode = VGPU10_OPCODE_SINCOS, .destinations = 2};
    case nir_op_fcos:
        return SimpleOp{.opcode = VGPU10_OPCODE_SINCOS, .swapped = true, .destinations = 2};
    case nir_op_flt32:
        return SimpleOp{VGPU10_OPCODE_LT};
    case nir_op_fge32:
        return SimpleOp{VGPU10_OPCODE_GE};
    case nir_op_feq32:
        return SimpleOp{VGPU10_OPCODE_EQ};
    case nir_op_fneu32:
        return SimpleOp{VGPU10_OPCODE_NE};
    case nir_op_f2i32:
        return SimpleOp{VGPU10_OPCODE_FTOI};
    case nir_op_f2u32:
        return SimpleOp{VGPU10_OPCODE_FTOU};
    case nir_op_i2f32:
        return SimpleOp{VGPU10_OPCODE_ITOF};
    case nir_op_u2f32:
        return SimpleOp{VGPU10_OPCODE_UTOF};
    default:
        return std::nullopt;
    }
}

std::optional<SimpleOp> integerOp(nir_op op) {
    switch (op) {
    case nir_op_mov:
    case nir_op_b2b32:
        return SimpleOp{VGPU10_OPCODE_MOV};
    case nir_op_b32csel:
        return SimpleOp{VGPU10_OPCODE_MOVC};
    case nir_op_iadd:
        return SimpleOp{VGPU10_OPCODE_IADD};
    case nir_op_isub:
        return SimpleOp{.opcode = VGPU10_OPCODE_IADD, .negateSecond = true};
    case nir_op_imul:
        return SimpleOp{.opcode = VGPU10_OPCODE_IMUL, .swapped = true, .destinations = 2};
    case nir_op_imul_high:
        return SimpleOp{.opcode = VGPU10_OPCODE_IMUL, .destinations = 2};
    case nir_op_umul_high:
        return SimpleOp{.opcode = VGPU10_OPCODE_UMUL, .destinations = 2};
    case nir_op_udiv:
        return SimpleOp{.opcode = VGPU10_OPCODE_UDIV, .destinations = 2};
    case nir_op_umod:
        return SimpleOp{.opcode = VGPU10_OPCODE_UDIV, .swapped = true, .destinations = 2};
    case nir_op_uadd_carry:
        return SimpleOp{.opcode = VGPU10_OPCODE_UADDC, .swapped = true, .destinations = 2};
    case nir_op_usub_borrow:
        return SimpleOp{.opcode = VGPU10_OPCODE_USUBB, .swapped = true, .destinations = 2};
    case nir_op_ineg:
        return SimpleOp{VGPU10_OPCODE_INEG};
    case nir_op_imin:
        return SimpleOp{VGPU10_OPCODE_IMIN};
    case nir_op_imax:
        return SimpleOp{VGPU10_OPCODE_IMAX};
    case nir_op_umin:
        return SimpleOp{VGPU10_OPCODE_UMIN};
    case nir_op_umax:
        return SimpleOp{VGPU10_OPCODE_UMAX};
    case nir_op_iand:
        return SimpleOp{VGPU10_OPCODE_AND};
    case nir_op_ior:
        return SimpleOp{VGPU10_OPCODE_OR};
    case nir_op_ixor:
        return SimpleOp{VGPU10_OPCODE_XOR};
    case nir_op_inot:
        return SimpleOp{VGPU10_OPCODE_NOT};
    case nir_op_ishl:
        return SimpleOp{VGPU10_OPCODE_ISHL};
    case nir_op_ishr:
        return SimpleOp{VGPU10_OPCODE_ISHR};
    case nir_op_ushr:
        return SimpleOp{VGPU10_OPCODE_USHR};
    case nir_op_ilt32:
        return SimpleOp{VGPU10_OPCODE_ILT};
    case nir_op_ige32:
        return SimpleOp{VGPU10_OPCODE_IGE};
    case nir_op_ieq32:
        return SimpleOp{VGPU10_OPCODE_IEQ};
    case nir_op_ine32:
        return SimpleOp{VGPU10_OPCODE_INE};
    case nir_op_ult32:
        return SimpleOp{VGPU10_OPCODE_ULT};
    case nir_op_uge32:
        return SimpleOp{VGPU10_OPCODE_UGE};
    case nir_op_bit_count:
        return SimpleOp{VGPU10_OPCODE_COUNTBITS};
    case nir_op_bitfield_reverse:
        return SimpleOp{VGPU10_OPCODE_BFREV};
    case nir_op_find_lsb:
        return SimpleOp{VGPU10_OPCODE_FIRSTBIT_LO};
    case nir_op_ufind_msb_rev:
        return SimpleOp{VGPU10_OPCODE_FIRSTBIT_HI};
    case nir_op_ifind_msb_rev:
        return SimpleOp{VGPU10_OPCODE_FIRSTBIT_SHI};
    default:
        return std::nullopt;
    }
}

uint32_t components(nir_op op) {
    switch (op) {
    case nir_op_fdot2:
        return 2;
    case nir_op_fdot3:
        return 3;
    case nir_op_fdot4:
        return 4;
    default:
        return 0;
    }
}

} // namespace

/** \brief A source with its swizzle and modifiers; a double's components are pairs of words. */
Operand Emitter::aluSource(const nir_alu_instr* alu, unsigned n) {
    const nir_legacy_alu_src src = nir_legacy_chase_alu_src(&alu->src[n], true);
    Operand from = src.src.is_ssa ? value(src.src.ssa)
                                  : registerValue(src.src.reg.handle, src.src.reg.base_offset, src.src.reg.indirect);
    Swizzle swizzle{};
    if (nir_src_bit_size(alu->src[n].src) == 64) {
        const unsigned pairs = nir_ssa_alu_instr_src_components(alu, n);
        const auto component = [&](unsigned lane) { return src.swizzle[std::min(lane / 2, pairs - 1)]; };
        if (nir_src_is_const(alu->src[n].src)) { // of more doubles than an operand holds, those that are asked for
            for (unsigned lane = 0; lane < 4; ++lane)
                from.immediate[lane] =
                    static_cast<uint32_t>(nir_src_comp_as_uint(alu->src[n].src, component(lane)) >> 32 * (lane % 2));
            from.type = VGPU10_OPERAND_TYPE_IMMEDIATE64;
            return from;
        }
        for (unsigned lane = 0; lane < 4; ++lane)
            swizzle[lane] = static_cast<uint8_t>(2 * component(lane) + lane % 2);
        from = from.swizzled(swizzle);
        if (from.type == VGPU10_OPERAND_TYPE_IMMEDIATE32) // undefined
            from.type = VGPU10_OPERAND_TYPE_IMMEDIATE64;
        return from;
    }
    const unsigned count = nir_ssa_alu_instr_src_components(alu, n);
    for (unsigned c = 0; c < 4; ++c)
        swizzle[c] = src.swizzle[std::min(c, count - 1)];
    from = from.swizzled(swizzle);
    if (src.fabs)
        from = from.magnitude();
    return src.fneg ? from.negated() : from;
}

namespace {

bool isSameRegister(const Operand& a, const Operand& b) {
    if (a.type != b.type || a.dimension != b.dimension)
        return false;
    // Elements of one array may be the same whatever their indices say: the array's number is what counts.
    return a.index[0].immediate == b.index[0].immediate;
}

/** \brief Word \p word of the component that \p src takes of a constant; what is undefined is zero. */
uint32_t constantWord(const nir_alu_src& src, uint32_t word) {
    if (!nir_src_is_const(src.src))
        return 0;
    return static_cast<uint32_t>(nir_src_comp_as_uint(src.src, src.swizzle[0]) >> 32 * word);
}

} // namespace

/** \brief vec2, vec3, vec4: one move for the components that come from the same value. */
void Emitter::emitVector(nir_alu_instr* alu) {
    const Operand result = destination(&alu->def);
    Operand target = result;
    // A register that is also read may not be written piece by piece.
    for (unsigned n = 0; n < alu->def.num_components; ++n)
        if (isSameRegister(value(alu->src[n].src.ssa), result))
            target = scratch().masked(result.mask);
    const uint32_t words = alu->def.bit_size == 64 ? 2 : 1;
    const unsigned count = alu->def.num_components;
    uint8_t done = 0;
    for (unsigned first = 0; first < count; ++first) {
        if (done >> first & 1)
            continue;
        const nir_def* from = alu->src[first].src.ssa;
        Swizzle swizzle{};
        std::array<uint32_t, 4> constants{};
        uint8_t written = 0;
        for (unsigned c = first; c < count; ++c) {
            const nir_alu_src& src = alu->src[c];
            const bool constant = isImmediate(*from) && isImmediate(*src.src.ssa);
            if (done >> c & 1 || !(constant || src.src.ssa == from))
                continue;
            done |= static_cast<uint8_t>(1 << c);
            for (uint32_t w = 0; w < words; ++w) {
                const uint32_t lane = c * words + w;
                swizzle[lane] = static_cast<uint8_t>(src.swizzle[0] * words + w);
                constants[lane] = constant ? constantWord(src, w) : 0;
                written |= static_cast<uint8_t>(1 << lane);
            }
        }
        written &= result.mask;
        if (written)
            code_.op(VGPU10_OPCODE_MOV, {target.masked(written)},
                     {isImmediate(*from) ? immediate(constants) : value(from).swizzled(swizzle)});
    }
    if (!isSameRegister(target, result))
        code_.op(VGPU10_OPCODE_MOV, {result}, {target});
}

bool Emitter::emitSimple(nir_alu_instr* alu) {
    auto simple = floatOp(alu->op);
    if (!simple)
        simple = integerOp(alu->op);
    if (!simple)
        return false;
    const Operand target = destination(&alu->def);
    Control control{.saturate = simple->saturate || nir_legacy_chase_alu_dest(&alu->def).fsat,
                    .precise = alu->exact ? target.mask : uint8_t{0}};
    std::array<Operand, 4> sources;
    const unsigned count = nir_op_infos[alu->op].num_inputs;
    for (unsigned n = 0; n < count; ++n)
        sources[n] = aluSource(alu, n);
    if (simple->negateSecond)
        sources[1] = sources[1].negated();
    if (simple->destinations == 2) {
        const Operand first = simple->swapped ? nullOperand() : target;
        const Operand second = simple->swapped ? target : nullOperand();
        if (count == 1)
            code_.op(simple->opcode, {first, second}, {sources[0]}, control);
        else
            code_.op(simple->opcode, {first, second}, {sources[0], sources[1]}, control);
    } else if (count == 1) {
        code_.op(simple->opcode, {target}, {sources[0]}, control);
    } else if (count == 2) {
        code_.op(simple->opcode, {target}, {sources[0], sources[1]}, control);
    } else {
        code_.op(simple->opcode, {target}, {sources[0], sources[1], sources[2]}, control);
    }
    return true;
}

/** \brief What takes more than one instruction, or other sources than NIR's. */
bool Emitter::emitBits(nir_alu_instr* alu) {
    const Operand target = destination(&alu->def);
    const auto src = [&](unsigned n) { return aluSource(alu, n); };
    switch (alu->op) {
    case nir_op_fneg:
        code_.op(VGPU10_OPCODE_MOV, {target}, {src(0).negated()});
        return true;
    case nir_op_fabs:
        code_.op(VGPU10_OPCODE_MOV, {target}, {src(0).magnitude()});
        return true;
    case nir_op_b2f32:
        code_.op(VGPU10_OPCODE_AND, {target}, {src(0), immediate(1.0f)});
        return true;
    case nir_op_b2i32:
        code_.op(VGPU10_OPCODE_AND, {target}, {src(0), immediate(1u)});
        return true;
    case nir_op_fdot2:
    case nir_op_fdot3:
    case nir_op_fdot4:
        code_.op(
            VGPU10_OPCODE_DP2 + components(alu->op) - 2, {target}, {src(0), src(1)},
            {.saturate = nir_legacy_chase_alu_dest(&alu->def).fsat, .precise = alu->exact ? target.mask : uint8_t{0}});
        return true;
    case nir_op_idiv:
    case nir_op_irem: {
        const Operand quotient = alu->op == nir_op_idiv ? target : nullOperand();
        const Operand remainder = alu->op == nir_op_idiv ? nullOperand() : target;
        code_.op(VGPU10_OPCODE_VMWARE, {quotient, remainder}, {src(0), src(1)},
                 {.bits = VGPU10_VMWARE_OPCODE_IDIV << 11});
        return true;
    }
    case nir_op_ubfe:
    case nir_op_ibfe: // value, offset, width here; width, offset, value there
        code_.op(alu->op == nir_op_ubfe ? VGPU10_OPCODE_UBFE : VGPU10_OPCODE_IBFE, {target}, {src(2), src(1), src(0)});
        return true;
    case nir_op_pack_half_2x16_split: {
        const Operand low = scratch().masked(target.mask), high = scratch().masked(target.mask);
        code_.op(VGPU10_OPCODE_F32TOF16, {low}, {src(0)});
        code_.op(VGPU10_OPCODE_F32TOF16, {high}, {src(1)});
        code_.op(VGPU10_OPCODE_UMAD, {target}, {high, immediate(0x10000u), low});
        return true;
    }
    case nir_op_unpack_half_2x16_split_x:
        code_.op(VGPU10_OPCODE_F16TOF32, {target}, {src(0)});
        return true;
    case nir_op_unpack_half_2x16_split_y: {
        const Operand high = scratch().masked(target.mask);
        code_.op(VGPU10_OPCODE_USHR, {high}, {src(0), immediate(16u)});
        code_.op(VGPU10_OPCODE_F16TOF32, {target}, {high});
        return true;
    }
    case nir_op_fquantize2f16: {
        // What is too small for a half becomes zero, and keeps its sign.
        const Operand half = scratch().masked(target.mask), small = scratch().masked(target.mask);
        const Operand zero = scratch().masked(target.mask);
        code_.op(VGPU10_OPCODE_F32TOF16, {half}, {src(0)});
        code_.op(VGPU10_OPCODE_F16TOF32, {half}, {half});
        code_.op(VGPU10_OPCODE_LT, {small}, {src(0).magnitude(), immediate(6.103515625e-05f)});
        code_.op(VGPU10_OPCODE_AND, {zero}, {src(0), immediate(0x80000000u)});
        code_.op(VGPU10_OPCODE_MOVC, {target}, {small, zero, half});
        return true;
    }
    default:
        return false;
    }
}

/**
 * \brief Conversions of and to numbers of 8 and 16 bits, which lower() leaves nothing else of: they are the low bits of
 * a component, whatever lies above.
 */
bool Emitter::emitSmall(nir_alu_instr* alu) {
    const Operand target = destination(&alu->def);
    const Operand from = aluSource(alu, 0);
    const unsigned bits = nir_src_bit_size(alu->src[0].src);
    const auto extended = [&](bool isSigned) {
        if (bits == 32)
            return from;
        const Operand wide = scratch().masked(target.mask);
        if (isSigned)
            code_.op(VGPU10_OPCODE_IBFE, {wide}, {immediate(uint32_t{bits}), immediate(0u), from});
        else
            code_.op(VGPU10_OPCODE_AND, {wide}, {from, immediate((1u << bits) - 1)});
        return wide;
    };
    switch (alu->op) {
    case nir_op_mov:
    case nir_op_i2i8:
    case nir_op_i2i16:
    case nir_op_u2u8:
    case nir_op_u2u16:
        code_.op(VGPU10_OPCODE_MOV, {target}, {from});
        return true;
    case nir_op_b32csel:
        code_.op(VGPU10_OPCODE_MOVC, {target}, {from, aluSource(alu, 1), aluSource(alu, 2)});
        return true;
    case nir_op_i2i32:
        code_.op(VGPU10_OPCODE_MOV, {target}, {extended(true)});
        return true;
    case nir_op_u2u32:
        code_.op(VGPU10_OPCODE_MOV, {target}, {extended(false)});
        return true;
    case nir_op_f2f16:
    case nir_op_f2f16_rtne:
        code_.op(VGPU10_OPCODE_F32TOF16, {target}, {from});
        return true;
    case nir_op_f2f32:
        code_.op(VGPU10_OPCODE_F16TOF32, {target}, {from});
        return true;
    case nir_op_i2f32:
        code_.op(VGPU10_OPCODE_ITOF, {target}, {extended(true)});
        return true;
    case nir_op_u2f32:
        code_.op(VGPU10_OPCODE_UTOF, {target}, {extended(false)});
        return true;
    default:
        return false;
    }
}

/** \brief Doubles: one at a time (two words), as lower() left them. */
bool Emitter::emitDouble(nir_alu_instr* alu) {
    const Operand target = destination(&alu->def);
    const auto src = [&](unsigned n) { return aluSource(alu, n); };
    const auto op = [&](uint32_t opcode, uint32_t bits = 0) {
        const Control control{.precise = alu->exact ? target.mask : uint8_t{0}, .bits = bits};
        switch (nir_op_infos[alu->op].num_inputs) {
        case 1:
            code_.op(opcode, {target}, {src(0)}, control);
            break;
        case 2:
            code_.op(opcode, {target}, {src(0), src(1)}, control);
            break;
        default:
            code_.op(opcode, {target}, {src(0), src(1), src(2)}, control);
            break;
        }
        return true;
    };
    switch (alu->op) {
    case nir_op_mov:
        return op(VGPU10_OPCODE_MOV);
    case nir_op_fadd:
        return op(VGPU10_OPCODE_DADD);
    case nir_op_fsub:
        code_.op(VGPU10_OPCODE_DADD, {target}, {src(0), src(1).negated()});
        return true;
    case nir_op_fmul:
        return op(VGPU10_OPCODE_DMUL);
    case nir_op_fdiv:
        return op(VGPU10_OPCODE_DDIV);
    case nir_op_ffma:
        return op(VGPU10_OPCODE_DFMA);
    case nir_op_fmin:
        return op(VGPU10_OPCODE_DMIN);
    case nir_op_fmax:
        return op(VGPU10_OPCODE_DMAX);
    case nir_op_frcp:
        return op(VGPU10_OPCODE_DRCP);
    case nir_op_frsq:
        return op(VGPU10_OPCODE_VMWARE, VGPU10_VMWARE_OPCODE_DRSQ << 11);
    case nir_op_ffract:
        return op(VGPU10_OPCODE_VMWARE, VGPU10_VMWARE_OPCODE_DFRC << 11);
    case nir_op_fneg:
        code_.op(VGPU10_OPCODE_DMOV, {target}, {src(0).negated()});
        return true;
    case nir_op_fabs:
        code_.op(VGPU10_OPCODE_DMOV, {target}, {src(0).magnitude()});
        return true;
    case nir_op_flt32:
        return op(VGPU10_OPCODE_DLT);
    case nir_op_fge32:
        return op(VGPU10_OPCODE_DGE);
    case nir_op_feq32:
        return op(VGPU10_OPCODE_DEQ);
    case nir_op_fneu32:
        return op(VGPU10_OPCODE_DNE);
    case nir_op_b32csel:
        return op(VGPU10_OPCODE_DMOVC);
    case nir_op_f2f32:
        return op(VGPU10_OPCODE_DTOF);
    case nir_op_f2f64:
        return op(VGPU10_OPCODE_FTOD);
    case nir_op_f2i32:
        return op(VGPU10_OPCODE_DTOI);
    case nir_op_f2u32:
        return op(VGPU10_OPCODE_DTOU);
    case nir_op_i2f64:
        return op(VGPU10_OPCODE_ITOD);
    case nir_op_u2f64:
        return op(VGPU10_OPCODE_UTOD);
    case nir_op_b2f64:
        code_.op(VGPU10_OPCODE_AND, {target},
                 {src(0).scalar(0), immediate(std::array<uint32_t, 4>{0, 0x3ff00000, 0, 0x3ff00000})});
        return true;
    case nir_op_pack_64_2x32_split: {
        const Operand pair = scratch();
        code_.op(VGPU10_OPCODE_MOV, {pair.masked(0x5)}, {src(0).scalar(0)});
        code_.op(VGPU10_OPCODE_MOV, {pair.masked(0xa)}, {src(1).scalar(0)});
        code_.op(VGPU10_OPCODE_MOV, {target}, {pair});
        return true;
    }
    case nir_op_unpack_64_2x32_split_x:
        code_.op(VGPU10_OPCODE_MOV, {target}, {src(0).scalar(0)});
        return true;
    case nir_op_unpack_64_2x32_split_y:
        code_.op(VGPU10_OPCODE_MOV, {target}, {src(0).scalar(1)});
        return true;
    default:
        return false;
    }
}

void Emitter::emitAlu(nir_alu_instr* alu) {
    switch (alu->op) {
    case nir_op_fneg:
    case nir_op_fabs:
        if (nir_legacy_float_mod_folds(alu))
            return;
        break;
    case nir_op_fsat:
        if (nir_legacy_fsat_folds(alu))
            return;
        break;
    default:
        break;
    }
    bool wide = alu->def.bit_size == 64, narrow = alu->def.bit_size < 32;
    for (unsigned n = 0; n < nir_op_infos[alu->op].num_inputs; ++n) {
        wide |= nir_src_bit_size(alu->src[n].src) == 64;
        narrow |= nir_src_bit_size(alu->src[n].src) < 32;
    }
    if (nir_op_is_vec(alu->op)) {
        emitVector(alu);
    } else if (wide) {
        usesDoubles_ = true;
        if (!emitDouble(alu))
            fail(alu->instr, "is not supported for 64 bits");
    } else if (narrow) {
        if (!emitSmall(alu))
            fail(alu->instr, "is not supported for 8 and 16 bits");
    } else if (emitBits(alu)) {
        // What takes several instructions is saturated by one more.
        if (components(alu->op) == 0 && nir_legacy_chase_alu_dest(&alu->def).fsat) {
            const Operand target = destination(&alu->def);
            code_.op(VGPU10_OPCODE_MOV, {target}, {target}, {.saturate = true});
        }
    } else if (!emitSimple(alu)) {
        fail(alu->instr, "is not supported");
    }
}

} // namespace svga::vulkan
