// SPDX-License-Identifier: MIT
#include "device/vgpu10/translator_impl.h"

#include <cmath>

namespace svga::vgpu10 {

using spv::Op;

namespace {

struct ExtOp {
    GLSLstd450 instruction;
    uint32_t sources;
};

/** \brief Operations of one to two sources that GLSL.std.450 has with D3D's meaning. */
std::optional<ExtOp> floatExt(uint32_t opcode) {
    switch (opcode) {
    case VGPU10_OPCODE_EXP:
        return ExtOp{GLSLstd450Exp2, 1};
    case VGPU10_OPCODE_LOG:
        return ExtOp{GLSLstd450Log2, 1};
    case VGPU10_OPCODE_ROUND_NE:
        return ExtOp{GLSLstd450RoundEven, 1};
    case VGPU10_OPCODE_ROUND_NI:
        return ExtOp{GLSLstd450Floor, 1};
    case VGPU10_OPCODE_ROUND_PI:
        return ExtOp{GLSLstd450Ceil, 1};
    case VGPU10_OPCODE_ROUND_Z:
        return ExtOp{GLSLstd450Trunc, 1};
    case VGPU10_OPCODE_RSQ:
        return ExtOp{GLSLstd450InverseSqrt, 1};
    case VGPU10_OPCODE_SQRT:
        return ExtOp{GLSLstd450Sqrt, 1};
    // Where one operand is NaN the result is the other one.
    case VGPU10_OPCODE_MIN:
        return ExtOp{GLSLstd450NMin, 2};
    case VGPU10_OPCODE_MAX:
        return ExtOp{GLSLstd450NMax, 2};
    default:
        return std::nullopt;
    }
}

struct BinaryOp {
    Op opcode;
    Kind operands;
    Kind result;
};

std::optional<BinaryOp> binary(uint32_t opcode) {
    switch (opcode) {
    case VGPU10_OPCODE_MUL:
        return BinaryOp{Op::OpFMul, Kind::Float, Kind::Float};
    case VGPU10_OPCODE_DIV:
        return BinaryOp{Op::OpFDiv, Kind::Float, Kind::Float};
    case VGPU10_OPCODE_EQ:
        return BinaryOp{Op::OpFOrdEqual, Kind::Float, Kind::Bool};
    case VGPU10_OPCODE_NE:
        return BinaryOp{Op::OpFUnordNotEqual, Kind::Float, Kind::Bool};
    case VGPU10_OPCODE_LT:
        return BinaryOp{Op::OpFOrdLessThan, Kind::Float, Kind::Bool};
    case VGPU10_OPCODE_GE:
        return BinaryOp{Op::OpFOrdGreaterThanEqual, Kind::Float, Kind::Bool};
    case VGPU10_OPCODE_IADD:
        return BinaryOp{Op::OpIAdd, Kind::Uint, Kind::Uint};
    case VGPU10_OPCODE_AND:
        return BinaryOp{Op::OpBitwiseAnd, Kind::Uint, Kind::Uint};
    case VGPU10_OPCODE_OR:
        return BinaryOp{Op::OpBitwiseOr, Kind::Uint, Kind::Uint};
    case VGPU10_OPCODE_XOR:
        return BinaryOp{Op::OpBitwiseXor, Kind::Uint, Kind::Uint};
    case VGPU10_OPCODE_IEQ:
        return BinaryOp{Op::OpIEqual, Kind::Uint, Kind::Bool};
    case VGPU10_OPCODE_INE:
        return BinaryOp{Op::OpINotEqual, Kind::Uint, Kind::Bool};
    case VGPU10_OPCODE_ILT:
        return BinaryOp{Op::OpSLessThan, Kind::Int, Kind::Bool};
    case VGPU10_OPCODE_IGE:
        return BinaryOp{Op::OpSGreaterThanEqual, Kind::Int, Kind::Bool};
    case VGPU10_OPCODE_ULT:
        return BinaryOp{Op::OpULessThan, Kind::Uint, Kind::Bool};
    case VGPU10_OPCODE_UGE:
        return BinaryOp{Op::OpUGreaterThanEqual, Kind::Uint, Kind::Bool};
    default:
        return std::nullopt;
    }
}

std::optional<BinaryOp> doubleComparison(uint32_t opcode) {
    switch (opcode) {
    case VGPU10_OPCODE_DEQ:
        return BinaryOp{Op::OpFOrdEqual, Kind::Double, Kind::Bool};
    case VGPU10_OPCODE_DNE:
        return BinaryOp{Op::OpFUnordNotEqual, Kind::Double, Kind::Bool};
    case VGPU10_OPCODE_DLT:
        return BinaryOp{Op::OpFOrdLessThan, Kind::Double, Kind::Bool};
    case VGPU10_OPCODE_DGE:
        return BinaryOp{Op::OpFOrdGreaterThanEqual, Kind::Double, Kind::Bool};
    default:
        return std::nullopt;
    }
}

/** \brief Components to compute. Where none is written one is, and store() drops it. */
uint8_t maskOf(const Operand& destination) {
    return destination.type == VGPU10_OPERAND_TYPE_NULL || destination.mask == 0 ? 0x1 : destination.mask;
}

} // namespace

bool Translator::emitAlu(const Instruction& i) {
    return emitFloat(i) || emitInteger(i) || emitBits(i) || emitConversion(i) || emitDouble(i);
}

void Translator::emitDot(const Instruction& i, uint32_t width) {
    const auto mask = static_cast<uint8_t>((1 << width) - 1);
    const Value a = load(i.operands[1], Kind::Float, mask);
    const Value b = load(i.operands[2], Kind::Float, mask);
    store(i.operands[0], {b_.op(Op::OpDot, b_.type(Kind::Float), {a.id, b.id}), Kind::Float, 1}, i.saturate());
}

/** \brief MOV, MOVC and SWAPC keep bits, unless a modifier makes them float operations. */
void Translator::emitMove(const Instruction& i) {
    bool modified = i.saturate();
    for (const Operand& operand : i.operands)
        modified |= operand.negate || operand.absolute;
    const Kind kind = modified ? Kind::Float : Kind::Uint;
    const auto isTrue = [&](const Operand& condition, uint8_t mask) {
        const Value bits = load(condition, Kind::Uint, mask);
        return op(Op::OpINotEqual, Kind::Bool, bits, constantValue(Kind::Uint, 0, bits.width));
    };
    const uint8_t mask = maskOf(i.operands[0]);
    if (i.opcode == VGPU10_OPCODE_MOV) {
        store(i.operands[0], load(i.operands[1], kind, mask), i.saturate());
    } else if (i.opcode == VGPU10_OPCODE_MOVC) {
        const Value condition = isTrue(i.operands[1], mask);
        const Value a = load(i.operands[2], kind, mask), b = load(i.operands[3], kind, mask);
        store(i.operands[0], select(condition, a, b), i.saturate());
    } else {
        const uint8_t mask1 = maskOf(i.operands[1]);
        const Value second =
            select(isTrue(i.operands[2], mask), load(i.operands[4], kind, mask), load(i.operands[3], kind, mask));
        const Value first =
            select(isTrue(i.operands[2], mask1), load(i.operands[3], kind, mask1), load(i.operands[4], kind, mask1));
        store(i.operands[0], second, i.saturate());
        store(i.operands[1], first, i.saturate());
    }
}

/** \brief x - floor(x), below 1 even where that rounds up to it. Unlike GLSL.std.450's Fract it keeps NaNs. */
Value Translator::fraction(Value value) {
    const bool isDouble = value.kind == Kind::Double;
    const auto number = [&](double d, float f) {
        return isDouble ? Value{b_.splatDouble(d, value.width), Kind::Double, value.width} : floatValue(f, value.width);
    };
    b_.setPrecise(true); // else a driver may turn it into a Fract of its own
    const Value result = op(Op::OpFSub, value.kind, value, ext(GLSLstd450Floor, value));
    b_.setPrecise(current_->precise());
    const Value rounded = op(Op::OpFOrdGreaterThanEqual, Kind::Bool, result, number(1.0, 1.0f));
    return select(rounded, number(std::nextafter(1.0, 0.0), std::nextafter(1.0f, 0.0f)), result);
}

/** \brief Whether a source's components are known here and each is a positive denormal. */
bool Translator::isSmallInteger(const Operand& operand, uint8_t mask) const {
    const std::array<uint32_t, 4>* words = nullptr;
    if (operand.type == VGPU10_OPERAND_TYPE_IMMEDIATE32)
        words = &operand.immediate;
    else if (operand.type == VGPU10_OPERAND_TYPE_IMMEDIATE_CONSTANT_BUFFER && operand.dimension == 1 &&
             !operand.index[0].relative && operand.index[0].immediate < program_.immediateConstants.size())
        words = &program_.immediateConstants[operand.index[0].immediate];
    if (!words || operand.negate)
        return false;
    for (uint32_t c = 0; c < 4; ++c) {
        const uint32_t word = (*words)[operand.swizzle[c]];
        if ((mask & (1 << c)) && (word == 0 || word > 0x7fffff))
            return false;
    }
    return true;
}

/**
 * \brief ADD, but with what Mesa makes of it for the index of an atomic counter: a sum of integers.
 *
 * It holds as a sum of floats where denormals are kept: their bits add up like integers. Vulkan devices flush them, so
 * where one source is a constant denormal the integer sum is taken if the other one is denormal too.
 */
Value Translator::addFloats(const Instruction& i, uint8_t mask) {
    const Value a = load(i.operands[1], Kind::Float, mask), b = load(i.operands[2], Kind::Float, mask);
    const Value sum = op(Op::OpFAdd, Kind::Float, a, b);
    const bool first = isSmallInteger(i.operands[1], mask), second = isSmallInteger(i.operands[2], mask);
    if (!first && !second)
        return sum;
    const Value other = bitcast(first ? b : a, Kind::Uint);
    const Value denormal = op(Op::OpULessThan, Kind::Bool, other, constantValue(Kind::Uint, 0x800000, other.width));
    const Value integers = op(Op::OpIAdd, Kind::Uint, bitcast(a, Kind::Uint), bitcast(b, Kind::Uint));
    return select(denormal, bitcast(integers, Kind::Float), sum);
}

bool Translator::emitFloat(const Instruction& i) {
    if (i.operands.empty())
        return false;
    const Operand& destination = i.operands[0];
    const uint8_t mask = maskOf(destination);
    const auto source = [&](size_t n) { return load(i.operands[n], Kind::Float, mask); };
    if (const auto e = floatExt(i.opcode)) {
        const Value result =
            e->sources == 1 ? ext(e->instruction, source(1)) : ext(e->instruction, source(1), source(2));
        store(destination, result, i.saturate());
        return true;
    }
    if (const auto e = binary(i.opcode)) {
        const Value a = load(i.operands[1], e->operands, mask), b = load(i.operands[2], e->operands, mask);
        store(destination, op(e->opcode, e->result, a, b), e->result == Kind::Float && i.saturate());
        return true;
    }
    switch (i.opcode) {
    case VGPU10_OPCODE_MOV:
    case VGPU10_OPCODE_MOVC:
    case VGPU10_OPCODE_SWAPC:
        emitMove(i);
        return true;
    case VGPU10_OPCODE_DP2:
        emitDot(i, 2);
        return true;
    case VGPU10_OPCODE_DP3:
        emitDot(i, 3);
        return true;
    case VGPU10_OPCODE_DP4:
        emitDot(i, 4);
        return true;
    case VGPU10_OPCODE_MAD: {
        const Value product = op(Op::OpFMul, Kind::Float, source(1), source(2));
        store(destination, op(Op::OpFAdd, Kind::Float, product, source(3)), i.saturate());
        return true;
    }
    case VGPU10_OPCODE_ADD:
        store(destination, addFloats(i, mask), i.saturate());
        return true;
    case VGPU10_OPCODE_FRC:
        store(destination, fraction(source(1)), i.saturate());
        return true;
    case VGPU10_OPCODE_RCP: {
        const Value value = source(1);
        store(destination, op(Op::OpFDiv, Kind::Float, floatValue(1.0f, value.width), value), i.saturate());
        return true;
    }
    case VGPU10_OPCODE_SINCOS: {
        // Both are computed before either is stored: a destination may be the source.
        const Value sine = ext(GLSLstd450Sin, source(2));
        const Value cosine = ext(GLSLstd450Cos, load(i.operands[2], Kind::Float, maskOf(i.operands[1])));
        store(i.operands[0], sine, i.saturate());
        store(i.operands[1], cosine, i.saturate());
        return true;
    }
    default:
        return false;
    }
}

void Translator::emitUnsignedDivide(const Instruction& i) {
    const auto compute = [&](const Operand& destination, Op opcode) {
        const uint8_t mask = maskOf(destination);
        const Value a = load(i.operands[2], Kind::Uint, mask), b = load(i.operands[3], Kind::Uint, mask);
        const Value zero = constantValue(Kind::Uint, 0, a.width);
        const Value isZero = op(Op::OpIEqual, Kind::Bool, b, zero);
        const Value divisor = select(isZero, constantValue(Kind::Uint, 1, a.width), b);
        return select(isZero, constantValue(Kind::Uint, ~0u, a.width), op(opcode, Kind::Uint, a, divisor));
    };
    const Value quotient = compute(i.operands[0], Op::OpUDiv);
    const Value remainder = compute(i.operands[1], Op::OpUMod);
    store(i.operands[0], quotient);
    store(i.operands[1], remainder);
}

/** \brief VMware's IDIV: as UDIV, signed. Division by zero gives all ones; INT_MIN / -1 gives INT_MIN. */
void Translator::emitSignedDivide(const Instruction& i) {
    const auto compute = [&](const Operand& destination, Op opcode, uint32_t overflow) {
        const uint8_t mask = maskOf(destination);
        const Value a = load(i.operands[2], Kind::Int, mask), b = load(i.operands[3], Kind::Int, mask);
        const auto equals = [&](Value v, uint32_t bits) {
            return op(Op::OpIEqual, Kind::Bool, v, constantValue(Kind::Int, bits, v.width));
        };
        const Value isZero = equals(b, 0);
        const Value overflows = op(Op::OpLogicalAnd, Kind::Bool, equals(a, 0x80000000u), equals(b, ~0u));
        const Value undefined = op(Op::OpLogicalOr, Kind::Bool, isZero, overflows);
        const Value divisor = select(undefined, constantValue(Kind::Int, 1, a.width), b);
        const Value result =
            select(overflows, constantValue(Kind::Int, overflow, a.width), op(opcode, Kind::Int, a, divisor));
        return select(isZero, constantValue(Kind::Int, ~0u, a.width), result);
    };
    const Value quotient = compute(i.operands[0], Op::OpSDiv, 0x80000000u);
    const Value remainder = compute(i.operands[1], Op::OpSRem, 0);
    store(i.operands[0], quotient);
    store(i.operands[1], remainder);
}

/** \brief Instructions of two results that SPIR-V gives as a struct: high and low words, or sum and carry. */
void Translator::emitWideMultiply(const Instruction& i, Op extended) {
    const bool multiply = extended == Op::OpUMulExtended || extended == Op::OpSMulExtended;
    const Kind kind = extended == Op::OpSMulExtended ? Kind::Int : Kind::Uint;
    const auto compute = [&](const Operand& destination, uint32_t member) {
        const uint8_t mask = maskOf(destination);
        const Value a = load(i.operands[2], kind, mask), b = load(i.operands[3], kind, mask);
        const Id type = b_.type(kind, a.width);
        const Id pair = b_.op(extended, b_.structType({type, type}), {a.id, b.id});
        return Value{b_.op(Op::OpCompositeExtract, type, {pair, member}), kind, a.width};
    };
    // The multiplications name the high word first; SPIR-V's structs have the low word first.
    const Value first = compute(i.operands[0], multiply ? 1 : 0);
    const Value second = compute(i.operands[1], multiply ? 0 : 1);
    store(i.operands[0], first);
    store(i.operands[1], second);
}

bool Translator::emitInteger(const Instruction& i) {
    if (i.operands.empty())
        return false;
    const Operand& destination = i.operands[0];
    const uint8_t mask = maskOf(destination);
    const auto source = [&](size_t n, Kind kind = Kind::Uint) { return load(i.operands[n], kind, mask); };
    const auto shift = [&](Op opcode, Kind kind) {
        const Value value = source(1, kind);
        const Value amount = op(Op::OpBitwiseAnd, Kind::Uint, source(2), constantValue(Kind::Uint, 31, value.width));
        store(destination, op(opcode, kind, value, amount));
    };
    switch (i.opcode) {
    case VGPU10_OPCODE_INEG:
        store(destination, op(Op::OpSNegate, Kind::Uint, source(1)));
        return true;
    case VGPU10_OPCODE_NOT:
        store(destination, op(Op::OpNot, Kind::Uint, source(1)));
        return true;
    case VGPU10_OPCODE_ISHL:
        shift(Op::OpShiftLeftLogical, Kind::Uint);
        return true;
    case VGPU10_OPCODE_USHR:
        shift(Op::OpShiftRightLogical, Kind::Uint);
        return true;
    case VGPU10_OPCODE_ISHR:
        shift(Op::OpShiftRightArithmetic, Kind::Int);
        return true;
    case VGPU10_OPCODE_IMAX:
        store(destination, ext(GLSLstd450SMax, source(1, Kind::Int), source(2, Kind::Int)));
        return true;
    case VGPU10_OPCODE_IMIN:
        store(destination, ext(GLSLstd450SMin, source(1, Kind::Int), source(2, Kind::Int)));
        return true;
    case VGPU10_OPCODE_UMAX:
        store(destination, ext(GLSLstd450UMax, source(1), source(2)));
        return true;
    case VGPU10_OPCODE_UMIN:
        store(destination, ext(GLSLstd450UMin, source(1), source(2)));
        return true;
    case VGPU10_OPCODE_IMAD:
    case VGPU10_OPCODE_UMAD:
        store(destination, op(Op::OpIAdd, Kind::Uint, op(Op::OpIMul, Kind::Uint, source(1), source(2)), source(3)));
        return true;
    case VGPU10_OPCODE_IMUL:
        emitWideMultiply(i, Op::OpSMulExtended);
        return true;
    case VGPU10_OPCODE_UMUL:
        emitWideMultiply(i, Op::OpUMulExtended);
        return true;
    case VGPU10_OPCODE_UADDC:
        emitWideMultiply(i, Op::OpIAddCarry);
        return true;
    case VGPU10_OPCODE_USUBB:
        emitWideMultiply(i, Op::OpISubBorrow);
        return true;
    case VGPU10_OPCODE_UDIV:
        emitUnsignedDivide(i);
        return true;
    case VGPU10_OPCODE_VMWARE:
        if (i.vmwareOpcode != VGPU10_VMWARE_OPCODE_IDIV)
            return false;
        emitSignedDivide(i);
        return true;
    default:
        return false;
    }
}

bool Translator::emitBits(const Instruction& i) {
    if (i.operands.empty())
        return false;
    const Operand& destination = i.operands[0];
    const uint8_t mask = maskOf(destination);
    const auto source = [&](size_t n) { return load(i.operands[n], Kind::Uint, mask); };
    const auto number = [&](uint32_t value) { return constantValue(Kind::Uint, value, componentCount(mask)); };
    const auto low5 = [&](Value v) { return op(Op::OpBitwiseAnd, Kind::Uint, v, number(31)); };
    // VGPU10 counts the first high bit from the top.
    const auto fromTop = [&](Value bit) {
        const Value none = op(Op::OpIEqual, Kind::Bool, bit, number(~0u));
        return select(none, bit, op(Op::OpISub, Kind::Uint, number(31), bit));
    };
    switch (i.opcode) {
    case VGPU10_OPCODE_COUNTBITS:
        store(destination, op(Op::OpBitCount, Kind::Uint, source(1)));
        return true;
    case VGPU10_OPCODE_BFREV:
        store(destination, op(Op::OpBitReverse, Kind::Uint, source(1)));
        return true;
    case VGPU10_OPCODE_FIRSTBIT_LO:
        store(destination, ext(GLSLstd450FindILsb, source(1)));
        return true;
    case VGPU10_OPCODE_FIRSTBIT_HI:
        store(destination, fromTop(ext(GLSLstd450FindUMsb, source(1))));
        return true;
    case VGPU10_OPCODE_FIRSTBIT_SHI:
        store(destination, fromTop(bitcast(ext(GLSLstd450FindSMsb, bitcast(source(1), Kind::Int)), Kind::Uint)));
        return true;
    case VGPU10_OPCODE_UBFE: {
        const Value ones =
            op(Op::OpISub, Kind::Uint, op(Op::OpShiftLeftLogical, Kind::Uint, number(1), low5(source(1))), number(1));
        const Value shifted = op(Op::OpShiftRightLogical, Kind::Uint, source(3), low5(source(2)));
        store(destination, op(Op::OpBitwiseAnd, Kind::Uint, shifted, ones));
        return true;
    }
    case VGPU10_OPCODE_IBFE: {
        // Shift the field's top bit up to bit 31, then down again; a field that passes bit 31 needs no first shift.
        const Value width = low5(source(1)), offset = low5(source(2));
        const Value end = ext(GLSLstd450UMin, op(Op::OpIAdd, Kind::Uint, width, offset), number(32));
        const Value left = low5(op(Op::OpISub, Kind::Uint, number(32), end));
        const Value right = low5(op(Op::OpIAdd, Kind::Uint, left, offset));
        const Value raised = op(Op::OpShiftLeftLogical, Kind::Int, bitcast(source(3), Kind::Int), left);
        const Value field = bitcast(op(Op::OpShiftRightArithmetic, Kind::Int, raised, right), Kind::Uint);
        store(destination, select(op(Op::OpIEqual, Kind::Bool, width, number(0)), number(0), field));
        return true;
    }
    case VGPU10_OPCODE_BFI: {
        const Value offset = low5(source(2));
        const Value ones =
            op(Op::OpISub, Kind::Uint, op(Op::OpShiftLeftLogical, Kind::Uint, number(1), low5(source(1))), number(1));
        const Value field = op(Op::OpShiftLeftLogical, Kind::Uint, ones, offset);
        const Value inserted = op(Op::OpShiftLeftLogical, Kind::Uint, source(3), offset);
        store(destination, op(Op::OpBitwiseOr, Kind::Uint, op(Op::OpBitwiseAnd, Kind::Uint, inserted, field),
                              op(Op::OpBitwiseAnd, Kind::Uint, source(4), op(Op::OpNot, Kind::Uint, field))));
        return true;
    }
    default:
        return false;
    }
}

/** \brief D3D: NaN gives 0, what does not fit saturates. SPIR-V leaves both undefined, so they never reach it. */
Value Translator::floatToInt(Value value) {
    const bool isDouble = value.kind == Kind::Double;
    const auto number = [&](double n) {
        return isDouble ? Value{b_.splatDouble(n, value.width), Kind::Double, value.width}
                        : floatValue(static_cast<float>(n), value.width);
    };
    const double largest = isDouble ? 2147483647.0 : 2147483520.0;
    const Value clamped = ext(GLSLstd450NClamp, value, number(-2147483648.0), number(largest));
    const Value converted = op(Op::OpConvertFToS, Kind::Int, clamped);
    const Value above = op(Op::OpFOrdGreaterThanEqual, Kind::Bool, value, number(2147483648.0));
    const Value saturated = select(above, constantValue(Kind::Int, 0x7fffffff, value.width), converted);
    return select(op(Op::OpIsNan, Kind::Bool, value), constantValue(Kind::Int, 0, value.width), saturated);
}

Value Translator::floatToUint(Value value) {
    const bool isDouble = value.kind == Kind::Double;
    const auto number = [&](double n) {
        return isDouble ? Value{b_.splatDouble(n, value.width), Kind::Double, value.width}
                        : floatValue(static_cast<float>(n), value.width);
    };
    // NClamp of NaN is the lower bound.
    const Value clamped = ext(GLSLstd450NClamp, value, number(0.0), number(isDouble ? 4294967295.0 : 4294967040.0));
    const Value above = op(Op::OpFOrdGreaterThanEqual, Kind::Bool, value, number(4294967296.0));
    return select(above, constantValue(Kind::Uint, ~0u, value.width), op(Op::OpConvertFToU, Kind::Uint, clamped));
}

void Translator::emitHalfConversion(const Instruction& i) {
    const bool pack = i.opcode == VGPU10_OPCODE_F32TOF16;
    const Value source = load(i.operands[1], pack ? Kind::Float : Kind::Uint, i.operands[0].mask);
    std::array<Id, 4> parts{};
    for (uint32_t c = 0; c < source.width; ++c) {
        const Value value = extract(source, c);
        if (pack) {
            const std::array<Id, 2> pair{value.id, b_.constant(Kind::Float, 0)};
            parts[c] = b_.ext(GLSLstd450PackHalf2x16, b_.type(Kind::Uint), {construct(Kind::Float, pair).id});
        } else {
            const Id pair = b_.ext(GLSLstd450UnpackHalf2x16, b_.type(Kind::Float, 2), {value.id});
            parts[c] = extract({pair, Kind::Float, 2}, 0).id;
        }
    }
    store(i.operands[0], construct(pack ? Kind::Uint : Kind::Float, std::span(parts).first(source.width)),
          !pack && i.saturate());
}

bool Translator::emitConversion(const Instruction& i) {
    if (i.operands.empty())
        return false;
    const Operand& destination = i.operands[0];
    const uint8_t mask = maskOf(destination);
    switch (i.opcode) {
    case VGPU10_OPCODE_FTOI:
        store(destination, floatToInt(load(i.operands[1], Kind::Float, mask)));
        return true;
    case VGPU10_OPCODE_FTOU:
        store(destination, floatToUint(load(i.operands[1], Kind::Float, mask)));
        return true;
    case VGPU10_OPCODE_ITOF:
        store(destination, op(Op::OpConvertSToF, Kind::Float, load(i.operands[1], Kind::Int, mask)), i.saturate());
        return true;
    case VGPU10_OPCODE_UTOF:
        store(destination, op(Op::OpConvertUToF, Kind::Float, load(i.operands[1], Kind::Uint, mask)), i.saturate());
        return true;
    case VGPU10_OPCODE_F32TOF16:
    case VGPU10_OPCODE_F16TOF32:
        if (destination.mask != 0 && destination.type != VGPU10_OPERAND_TYPE_NULL)
            emitHalfConversion(i);
        return true;
    default:
        return false;
    }
}

bool Translator::emitDouble(const Instruction& i) {
    if (i.operands.empty())
        return false;
    const Operand& destination = i.operands[0];
    const uint32_t components = componentCount(maskOf(destination));
    const auto results = [&] { // doubles that the destination takes
        require(components % 2 == 0, "mask splits a double");
        return components / 2;
    };
    const auto source = [&](size_t n) { return loadDoubles(i.operands[n], results()); };
    const auto scalars = [&](size_t n) { // sources of a result that is one word for each double
        require(components <= 2, "more results than a register has doubles");
        return loadDoubles(i.operands[n], components);
    };
    const auto one = [&](uint32_t width) { return Value{b_.splatDouble(1.0, width), Kind::Double, width}; };
    const auto put = [&](Value value) { store(destination, value, i.saturate()); };
    if (const auto comparison = doubleComparison(i.opcode)) {
        store(destination, op(comparison->opcode, Kind::Bool, scalars(1), scalars(2)));
        return true;
    }
    switch (i.opcode) {
    case VGPU10_OPCODE_DADD:
        put(op(Op::OpFAdd, Kind::Double, source(1), source(2)));
        return true;
    case VGPU10_OPCODE_DMUL:
        put(op(Op::OpFMul, Kind::Double, source(1), source(2)));
        return true;
    case VGPU10_OPCODE_DDIV:
        put(op(Op::OpFDiv, Kind::Double, source(1), source(2)));
        return true;
    case VGPU10_OPCODE_DMIN:
        put(ext(GLSLstd450NMin, source(1), source(2)));
        return true;
    case VGPU10_OPCODE_DMAX:
        put(ext(GLSLstd450NMax, source(1), source(2)));
        return true;
    case VGPU10_OPCODE_DFMA:
        put(ext(GLSLstd450Fma, source(1), source(2), source(3)));
        return true;
    case VGPU10_OPCODE_DRCP:
        put(op(Op::OpFDiv, Kind::Double, one(results()), source(1)));
        return true;
    case VGPU10_OPCODE_DMOV:
        put(source(1));
        return true;
    case VGPU10_OPCODE_DMOVC: {
        // One condition for each double: the components that the swizzle gives for x and y.
        const Value bits = load(i.operands[1], Kind::Uint, static_cast<uint8_t>((1 << results()) - 1));
        const Value condition = op(Op::OpINotEqual, Kind::Bool, bits, constantValue(Kind::Uint, 0, bits.width));
        put(select(condition, source(2), source(3)));
        return true;
    }
    case VGPU10_OPCODE_DTOF:
        put(op(Op::OpFConvert, Kind::Float, scalars(1)));
        return true;
    case VGPU10_OPCODE_DTOI:
        store(destination, floatToInt(scalars(1)));
        return true;
    case VGPU10_OPCODE_DTOU:
        store(destination, floatToUint(scalars(1)));
        return true;
    case VGPU10_OPCODE_FTOD:
    case VGPU10_OPCODE_ITOD:
    case VGPU10_OPCODE_UTOD: {
        const bool isFloat = i.opcode == VGPU10_OPCODE_FTOD, isSigned = i.opcode == VGPU10_OPCODE_ITOD;
        const Value from = load(i.operands[1],
                                isFloat    ? Kind::Float
                                : isSigned ? Kind::Int
                                           : Kind::Uint,
                                static_cast<uint8_t>((1 << results()) - 1));
        put(op(isFloat ? Op::OpFConvert : isSigned ? Op::OpConvertSToF : Op::OpConvertUToF, Kind::Double, from));
        return true;
    }
    case VGPU10_OPCODE_VMWARE:
        if (i.vmwareOpcode == VGPU10_VMWARE_OPCODE_DFRC)
            store(destination, fraction(source(1)));
        else if (i.vmwareOpcode == VGPU10_VMWARE_OPCODE_DRSQ)
            store(destination, ext(GLSLstd450InverseSqrt, source(1)));
        else
            return false;
        return true;
    default:
        return false;
    }
}

} // namespace svga::vgpu10
