// SPDX-License-Identifier: MIT
#include "device/vgpu10/opcodes.h"

#include <VGPU10ShaderTokens.h>

#include <array>

namespace svga::vgpu10 {
namespace {

constexpr std::array<OpcodeShape, VGPU10_NUM_OPCODES> makeTable() {
    std::array<OpcodeShape, VGPU10_NUM_OPCODES> t{};
    // Destinations, sources.
#define OP(name, dst, src) t[VGPU10_OPCODE_##name] = OpcodeShape{#name, dst, src, 0, false};
    // Operands, words.
#define DCL(name, operands, words) t[VGPU10_OPCODE_##name] = OpcodeShape{#name, 0, operands, words, true};

    // Float arithmetic
    OP(ADD, 1, 2)
    OP(DIV, 1, 2)
    OP(DP2, 1, 2) OP(DP3, 1, 2) OP(DP4, 1, 2) OP(EXP, 1, 1) OP(FRC, 1, 1) OP(LOG, 1, 1) OP(MAD, 1, 3) OP(MIN, 1, 2)
        OP(MAX, 1, 2) OP(MUL, 1, 2) OP(ROUND_NE, 1, 1) OP(ROUND_NI, 1, 1) OP(ROUND_PI, 1, 1) OP(ROUND_Z, 1, 1)
            OP(RSQ, 1, 1) OP(RCP, 1, 1) OP(SQRT, 1, 1) OP(SINCOS, 2, 1) OP(EQ, 1, 2) OP(GE, 1, 2) OP(LT, 1, 2)
                OP(NE, 1, 2)
        // Integer arithmetic and bits
        OP(AND, 1, 2) OP(IADD, 1, 2) OP(IEQ, 1, 2) OP(IGE, 1, 2) OP(ILT, 1, 2) OP(IMAD, 1, 3) OP(IMAX, 1, 2)
            OP(IMIN, 1, 2) OP(IMUL, 2, 2) OP(INE, 1, 2) OP(INEG, 1, 1) OP(ISHL, 1, 2) OP(ISHR, 1, 2) OP(NOT, 1, 1)
                OP(OR, 1, 2) OP(UDIV, 2, 2) OP(ULT, 1, 2) OP(UGE, 1, 2) OP(UMUL, 2, 2) OP(UMAD, 1, 3) OP(UMAX, 1, 2)
                    OP(UMIN, 1, 2) OP(USHR, 1, 2) OP(XOR, 1, 2) OP(UADDC, 2, 2) OP(USUBB, 2, 2) OP(COUNTBITS, 1, 1)
                        OP(FIRSTBIT_HI, 1, 1) OP(FIRSTBIT_LO, 1, 1) OP(FIRSTBIT_SHI, 1, 1) OP(UBFE, 1, 3) OP(IBFE, 1, 3)
                            OP(BFI, 1, 4) OP(BFREV, 1, 1) OP(MSAD, 1, 3)
        // Moves and conversions
        OP(MOV, 1, 1) OP(MOVC, 1, 3) OP(SWAPC, 2, 3) OP(FTOI, 1, 1) OP(FTOU, 1, 1) OP(ITOF, 1, 1) OP(UTOF, 1, 1)
            OP(F32TOF16, 1, 1) OP(F16TOF32, 1, 1)
        // Doubles
        OP(DADD, 1, 2) OP(DMAX, 1, 2) OP(DMIN, 1, 2) OP(DMUL, 1, 2) OP(DEQ, 1, 2) OP(DGE, 1, 2) OP(DLT, 1, 2)
            OP(DNE, 1, 2) OP(DMOV, 1, 1) OP(DMOVC, 1, 3) OP(DTOF, 1, 1) OP(FTOD, 1, 1) OP(DDIV, 1, 2) OP(DFMA, 1, 3)
                OP(DRCP, 1, 1) OP(DTOI, 1, 1) OP(DTOU, 1, 1) OP(ITOD, 1, 1) OP(UTOD, 1, 1)
        // Control flow
        OP(BREAK, 0, 0) OP(BREAKC, 0, 1) OP(CALL, 0, 1) OP(CALLC, 0, 2) OP(CASE, 0, 1) OP(CONTINUE, 0, 0)
            OP(CONTINUEC, 0, 1) OP(DEFAULT, 0, 0) OP(DISCARD, 0, 1) OP(ELSE, 0, 0) OP(ENDIF, 0, 0) OP(ENDLOOP, 0, 0)
                OP(ENDSWITCH, 0, 0) OP(IF, 0, 1) OP(LABEL, 0, 1) OP(LOOP, 0, 0) OP(NOP, 0, 0) OP(RET, 0, 0)
                    OP(RETC, 0, 1) OP(SWITCH, 0, 1)
        // Geometry
        OP(CUT, 0, 0) OP(EMIT, 0, 0) OP(EMITTHENCUT, 0, 0) OP(EMIT_STREAM, 0, 1) OP(CUT_STREAM, 0, 1)
            OP(EMITTHENCUT_STREAM, 0, 1)
        // Textures
        OP(LD, 1, 2) OP(LD_MS, 1, 3) OP(RESINFO, 1, 2) OP(SAMPLE, 1, 3) OP(SAMPLE_C, 1, 4) OP(SAMPLE_C_LZ, 1, 4)
            OP(SAMPLE_L, 1, 4) OP(SAMPLE_D, 1, 5) OP(SAMPLE_B, 1, 4) OP(LOD, 1, 3) OP(GATHER4, 1, 3)
                OP(SAMPLE_POS, 1, 2) OP(SAMPLE_INFO, 1, 1) OP(BUFINFO, 1, 1) OP(GATHER4_C, 1, 4) OP(GATHER4_PO, 1, 4)
                    OP(GATHER4_PO_C, 1, 5)
        // Derivatives and interpolation
        OP(DERIV_RTX, 1, 1) OP(DERIV_RTY, 1, 1) OP(DERIV_RTX_COARSE, 1, 1) OP(DERIV_RTX_FINE, 1, 1)
            OP(DERIV_RTY_COARSE, 1, 1) OP(DERIV_RTY_FINE, 1, 1) OP(EVAL_SNAPPED, 1, 2) OP(EVAL_SAMPLE_INDEX, 1, 2)
                OP(EVAL_CENTROID, 1, 1)
        // Memory
        OP(LD_UAV_TYPED, 1, 2) OP(STORE_UAV_TYPED, 1, 2) OP(LD_RAW, 1, 2) OP(STORE_RAW, 1, 2) OP(LD_STRUCTURED, 1, 3)
            OP(STORE_STRUCTURED, 1, 3) OP(ATOMIC_AND, 1, 2) OP(ATOMIC_OR, 1, 2) OP(ATOMIC_XOR, 1, 2)
                OP(ATOMIC_CMP_STORE, 1, 3) OP(ATOMIC_IADD, 1, 2) OP(ATOMIC_IMAX, 1, 2) OP(ATOMIC_IMIN, 1, 2)
                    OP(ATOMIC_UMAX, 1, 2) OP(ATOMIC_UMIN, 1, 2) OP(IMM_ATOMIC_ALLOC, 1, 1) OP(IMM_ATOMIC_CONSUME, 1, 1)
                        OP(IMM_ATOMIC_IADD, 2, 2) OP(IMM_ATOMIC_AND, 2, 2) OP(IMM_ATOMIC_OR, 2, 2)
                            OP(IMM_ATOMIC_XOR, 2, 2) OP(IMM_ATOMIC_EXCH, 2, 2) OP(IMM_ATOMIC_CMP_EXCH, 2, 3)
                                OP(IMM_ATOMIC_IMAX, 2, 2) OP(IMM_ATOMIC_IMIN, 2, 2) OP(IMM_ATOMIC_UMAX, 2, 2)
                                    OP(IMM_ATOMIC_UMIN, 2, 2) OP(SYNC, 0, 0)
        // Hull shader phases
        OP(HS_DECLS, 0, 0) OP(HS_CONTROL_POINT_PHASE, 0, 0) OP(HS_FORK_PHASE, 0, 0) OP(HS_JOIN_PHASE, 0, 0)

        // Declarations
        DCL(DCL_RESOURCE, 1, 1) DCL(DCL_CONSTANT_BUFFER, 1, 0) DCL(DCL_SAMPLER, 1, 0) DCL(DCL_INDEX_RANGE, 1, 1)
            DCL(DCL_GS_OUTPUT_PRIMITIVE_TOPOLOGY, 0,
                0) DCL(DCL_GS_INPUT_PRIMITIVE, 0, 0) DCL(DCL_MAX_OUTPUT_VERTEX_COUNT, 0, 1) DCL(DCL_INPUT, 1, 0)
                DCL(DCL_INPUT_SGV, 1, 1) DCL(DCL_INPUT_SIV, 1, 1) DCL(DCL_INPUT_PS, 1, 0) DCL(DCL_INPUT_PS_SGV, 1, 1)
                    DCL(DCL_INPUT_PS_SIV, 1, 1) DCL(DCL_OUTPUT, 1, 0) DCL(DCL_OUTPUT_SGV, 1, 1)
                        DCL(DCL_OUTPUT_SIV, 1, 1) DCL(DCL_TEMPS, 0, 1) DCL(DCL_INDEXABLE_TEMP, 0, 3)
                            DCL(DCL_GLOBAL_FLAGS, 0, 0) DCL(DCL_STREAM, 1, 0) DCL(DCL_INPUT_CONTROL_POINT_COUNT, 0, 0)
                                DCL(DCL_OUTPUT_CONTROL_POINT_COUNT, 0, 0) DCL(DCL_TESS_DOMAIN, 0, 0)
                                    DCL(DCL_TESS_PARTITIONING, 0, 0) DCL(DCL_TESS_OUTPUT_PRIMITIVE, 0, 0)
                                        DCL(DCL_HS_MAX_TESSFACTOR, 0, 1) DCL(DCL_HS_FORK_PHASE_INSTANCE_COUNT, 0, 1)
                                            DCL(DCL_HS_JOIN_PHASE_INSTANCE_COUNT, 0, 1) DCL(DCL_THREAD_GROUP, 0, 3)
                                                DCL(DCL_UAV_TYPED, 1, 1) DCL(DCL_UAV_RAW, 1, 0)
                                                    DCL(DCL_UAV_STRUCTURED, 1, 1) DCL(DCL_TGSM_RAW, 1, 1)
                                                        DCL(DCL_TGSM_STRUCTURED, 1, 2) DCL(DCL_RESOURCE_RAW, 1, 0)
                                                            DCL(DCL_RESOURCE_STRUCTURED, 1, 1)
                                                                DCL(DCL_GS_INSTANCE_COUNT, 0, 1)
#undef OP
#undef DCL
                                                                    return t;
}

constexpr auto kTable = makeTable();

} // namespace

OpcodeShape opcodeShape(uint32_t opcode, uint32_t vmwareOpcode) {
    if (opcode == VGPU10_OPCODE_VMWARE) {
        switch (vmwareOpcode) {
        case VGPU10_VMWARE_OPCODE_IDIV:
            return {"VMWARE_IDIV", 2, 2, 0, false};
        case VGPU10_VMWARE_OPCODE_DFRC:
            return {"VMWARE_DFRC", 1, 1, 0, false};
        case VGPU10_VMWARE_OPCODE_DRSQ:
            return {"VMWARE_DRSQ", 1, 1, 0, false};
        default:
            return {};
        }
    }
    return opcode < kTable.size() ? kTable[opcode] : OpcodeShape{};
}

} // namespace svga::vgpu10
