// SPDX-License-Identifier: MIT
/**
 * \file
 * Shaders that between them use every part of the translator: what the tests of whole shaders and of malformed streams
 * start from.
 */
#pragma once

#include "assembler.h"

namespace svga::vgpu10::test {

inline Assembler vertexSample() {
    Assembler a(VGPU10_VERTEX_SHADER, 4, 1);
    a.op(VGPU10_OPCODE_NOP);
    a.input(0).input(1).inputValue(2, VGPU10_NAME_VERTEX_ID).inputValue(3, VGPU10_NAME_INSTANCE_ID);
    a.outputValue(0, VGPU10_NAME_POSITION).output(1).outputValue(2, VGPU10_NAME_CLIP_DISTANCE, "xy");
    a.temps(2).constantBuffer(0, 4).indexableTemp(1, 4);
    const std::array<uint32_t, 4> constants[] = {{0, 0x3f800000, 0x3f000000, 0xbf800000}};
    a.immediates(constants);
    a.op(VGPU10_OPCODE_DP4, {r(0).mask("x"), v(0).swizzle("xyzw"), cb(0, 0).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MAD,
         {r(0).mask("yz"), v(0).swizzle("xyzw").neg(), icb(0).swizzle("yyyy"), r(0).swizzle("xxxx").abs()});
    a.op(VGPU10_OPCODE_MOV, {x(1, 2), v(2).swizzle("xxxx")});
    a.op(VGPU10_OPCODE_MOV, {r(1), x(1, 0).relative(1, r(0).select('x')).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV, {r(1).mask("x"), cb(0, 1).relative(1, v(3).select('x')).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")}, {.saturate = true});
    a.op(VGPU10_OPCODE_MOV, {o(1), r(1).swizzle("wzyx")});
    a.op(VGPU10_OPCODE_MOV, {o(2).mask("xy"), r(1).swizzle("wzyx")});
    a.op(VGPU10_OPCODE_RET);
    return a;
}

inline Assembler pixelSample() {
    Assembler a(VGPU10_PIXEL_SHADER, 4, 1);
    for (uint32_t mode = VGPU10_INTERPOLATION_CONSTANT; mode <= VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE_SAMPLE;
         ++mode)
        a.inputPixel(mode, mode);
    a.inputPixelValue(0, VGPU10_NAME_POSITION).inputPixelValue(8, VGPU10_NAME_IS_FRONT_FACE);
    a.inputPixelValue(9, VGPU10_NAME_PRIMITIVE_ID).inputPixelValue(10, VGPU10_NAME_SAMPLE_INDEX, "x");
    a.inputPixelValue(11, VGPU10_NAME_RENDER_TARGET_ARRAY_INDEX, "x")
        .inputPixelValue(12, VGPU10_NAME_VIEWPORT_ARRAY_INDEX, "x");
    a.output(0).output(1).output(2);
    a.declare(VGPU10_OPCODE_DCL_OUTPUT, {Reg(VGPU10_OPERAND_TYPE_OUTPUT_DEPTH, {}, VGPU10_OPERAND_1_COMPONENT)});
    a.declare(VGPU10_OPCODE_DCL_OUTPUT,
              {Reg(VGPU10_OPERAND_TYPE_OUTPUT_COVERAGE_MASK, {}, VGPU10_OPERAND_0_COMPONENT)});
    a.temps(1);
    a.op(VGPU10_OPCODE_MOV, {r(0), v(0).swizzle("xyzw")});
    for (uint32_t n = 1; n <= 12; ++n)
        a.op(VGPU10_OPCODE_IADD, {r(0), r(0).swizzle("xyzw"), v(n).select('x')});
    a.op(VGPU10_OPCODE_DISCARD, {r(0).select('x')}, {.nonZero = true});
    for (uint32_t n = 0; n < 3; ++n)
        a.op(VGPU10_OPCODE_MOV, {o(n), r(0).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV, {Reg(VGPU10_OPERAND_TYPE_OUTPUT_DEPTH, {}, VGPU10_OPERAND_1_COMPONENT), r(0).select('y')});
    a.op(VGPU10_OPCODE_MOV,
         {Reg(VGPU10_OPERAND_TYPE_OUTPUT_COVERAGE_MASK, {}, VGPU10_OPERAND_1_COMPONENT), r(0).select('z')});
    a.op(VGPU10_OPCODE_RET);
    return a;
}

inline Assembler geometrySample() {
    Assembler a(VGPU10_GEOMETRY_SHADER, 4, 1);
    a.geometry(VGPU10_PRIMITIVE_TRIANGLE, VGPU10_PRIMITIVE_TOPOLOGY_TRIANGLESTRIP, 3);
    a.declare(VGPU10_OPCODE_DCL_INPUT_SIV, {v(3, 0)}, {VGPU10_NAME_POSITION}).inputVertices(3, 1);
    a.declare(VGPU10_OPCODE_DCL_INPUT, {Reg(VGPU10_OPERAND_TYPE_INPUT_PRIMITIVEID, {}, VGPU10_OPERAND_0_COMPONENT)});
    a.outputValue(0, VGPU10_NAME_POSITION).output(1).outputValue(2, VGPU10_NAME_RENDER_TARGET_ARRAY_INDEX, "x");
    a.outputValue(3, VGPU10_NAME_PRIMITIVE_ID).outputValue(4, VGPU10_NAME_VIEWPORT_ARRAY_INDEX, "x");
    a.temps(2);
    a.op(VGPU10_OPCODE_MOV, {r(0), imm(0u)});
    a.op(VGPU10_OPCODE_LOOP);
    a.op(VGPU10_OPCODE_IGE, {r(1).mask("x"), r(0).swizzle("xyzw"), imm(3u)});
    a.op(VGPU10_OPCODE_BREAKC, {r(1).select('x')}, {.nonZero = true});
    a.op(VGPU10_OPCODE_MOV, {o(0), v(0, 0).relative(0, r(0).select('x')).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV,
         {o(1), v(0, 0).relative(0, r(0).select('x')).relative(1, r(0).select('y')).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV,
         {o(2).mask("x"), Reg(VGPU10_OPERAND_TYPE_INPUT_PRIMITIVEID, {}, VGPU10_OPERAND_0_COMPONENT)});
    a.op(VGPU10_OPCODE_MOV, {o(3), v(1, 1).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_EMIT);
    a.op(VGPU10_OPCODE_IADD, {r(0).mask("x"), r(0).swizzle("xyzw"), imm(1u)});
    a.op(VGPU10_OPCODE_ENDLOOP).op(VGPU10_OPCODE_CUT).op(VGPU10_OPCODE_RET);
    return a;
}

inline Assembler streamsSample() {
    Assembler a(VGPU10_GEOMETRY_SHADER, 5, 0);
    a.declare(VGPU10_OPCODE_DCL_GLOBAL_FLAGS, {}, {}, 1u << 12);
    a.geometry(VGPU10_PRIMITIVE_POINT, VGPU10_PRIMITIVE_TOPOLOGY_POINTLIST, 4).inputVertices(1, 0);
    a.declare(VGPU10_OPCODE_DCL_GS_INSTANCE_COUNT, {}, {2});
    for (uint32_t n = 4; n-- > 0;) {
        a.declare(VGPU10_OPCODE_DCL_STREAM, {stream(n)});
        a.declare(VGPU10_OPCODE_DCL_GS_OUTPUT_PRIMITIVE_TOPOLOGY, {}, {}, VGPU10_PRIMITIVE_TOPOLOGY_POINTLIST << 11);
        a.output(n + 1);
    }
    a.outputValue(0, VGPU10_NAME_POSITION);
    for (uint32_t n = 0; n < 4; ++n) {
        a.op(VGPU10_OPCODE_MOV, {o(n + 1), v(0, 0).swizzle("xyzw")});
        a.op(VGPU10_OPCODE_EMIT_STREAM, {stream(n)}).op(VGPU10_OPCODE_CUT_STREAM, {stream(n)});
    }
    a.op(VGPU10_OPCODE_RET);
    return a;
}

inline Assembler flowSample() {
    Assembler a(VGPU10_PIXEL_SHADER, 4, 0);
    a.output(0).temps(1);
    a.op(VGPU10_OPCODE_MOV, {r(0), imm(0u)});
    a.op(VGPU10_OPCODE_LOOP);
    a.op(VGPU10_OPCODE_IF, {r(0).select('x')}, {.nonZero = true}).op(VGPU10_OPCODE_BREAK);
    a.op(VGPU10_OPCODE_MOV, {r(0), imm(1u)}); // dead
    a.op(VGPU10_OPCODE_IF, {r(0).select('x')}).op(VGPU10_OPCODE_ELSE).op(VGPU10_OPCODE_ENDIF);
    a.op(VGPU10_OPCODE_LOOP).op(VGPU10_OPCODE_BREAK).op(VGPU10_OPCODE_ENDLOOP);
    a.op(VGPU10_OPCODE_ELSE).op(VGPU10_OPCODE_CONTINUE).op(VGPU10_OPCODE_ENDIF);
    a.op(VGPU10_OPCODE_MOV, {r(0), imm(2u)}); // dead
    a.op(VGPU10_OPCODE_ENDLOOP);
    a.op(VGPU10_OPCODE_SWITCH, {r(0).select('x')});
    a.op(VGPU10_OPCODE_CASE, {imm(1u)}).op(VGPU10_OPCODE_CASE, {imm(2u)}).op(VGPU10_OPCODE_MOV, {r(0), imm(3u)});
    a.op(VGPU10_OPCODE_DEFAULT).op(VGPU10_OPCODE_MOV, {o(0), imm(3u)}).op(VGPU10_OPCODE_BREAK);
    a.op(VGPU10_OPCODE_CASE, {imm(7u)}).op(VGPU10_OPCODE_RETC, {r(0).select('x')}).op(VGPU10_OPCODE_RET);
    a.op(VGPU10_OPCODE_ENDSWITCH);
    a.op(VGPU10_OPCODE_LOOP).op(VGPU10_OPCODE_SWITCH, {r(0).select('y')});
    a.op(VGPU10_OPCODE_CASE, {imm(1u)}).op(VGPU10_OPCODE_CONTINUEC, {r(0).select('x')}).op(VGPU10_OPCODE_BREAK);
    a.op(VGPU10_OPCODE_ENDSWITCH).op(VGPU10_OPCODE_RET).op(VGPU10_OPCODE_ENDLOOP);
    a.op(VGPU10_OPCODE_MOV, {o(0), imm(3u)}); // dead
    a.op(VGPU10_OPCODE_RET);
    return a;
}

inline Assembler interpolationSample() {
    Assembler a(VGPU10_PIXEL_SHADER, 5, 0);
    a.inputPixel(0, VGPU10_INTERPOLATION_LINEAR).output(0).temps(1);
    for (const uint32_t opcode : {VGPU10_OPCODE_DERIV_RTX, VGPU10_OPCODE_DERIV_RTY, VGPU10_OPCODE_DERIV_RTX_COARSE,
                                  VGPU10_OPCODE_DERIV_RTX_FINE, VGPU10_OPCODE_DERIV_RTY_COARSE,
                                  VGPU10_OPCODE_DERIV_RTY_FINE, VGPU10_OPCODE_EVAL_CENTROID})
        a.op(opcode, {r(0).mask("xy"), v(0).swizzle("yxwz")});
    a.op(VGPU10_OPCODE_EVAL_SNAPPED, {r(0), v(0).swizzle("xyzw"), imm(7u, 8u, 0u, 0u)});
    a.op(VGPU10_OPCODE_EVAL_SAMPLE_INDEX, {r(0), v(0).swizzle("xyzw"), imm(1u)});
    a.op(VGPU10_OPCODE_SAMPLE_POS, {r(0), special(VGPU10_OPERAND_TYPE_RASTERIZER).swizzle("xyzw"), imm(1u)});
    a.op(VGPU10_OPCODE_SAMPLE_INFO, {r(0), special(VGPU10_OPERAND_TYPE_RASTERIZER).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    return a;
}

inline Assembler hullSample() {
    Assembler hull(VGPU10_HULL_SHADER, 5, 0);
    hull.op(VGPU10_OPCODE_HS_DECLS);
    hull.declare(VGPU10_OPCODE_DCL_INPUT_CONTROL_POINT_COUNT, {}, {}, 3u << 11);
    hull.declare(VGPU10_OPCODE_DCL_OUTPUT_CONTROL_POINT_COUNT, {}, {}, 3u << 11);
    hull.declare(VGPU10_OPCODE_DCL_TESS_DOMAIN, {}, {}, VGPU10_TESSELLATOR_DOMAIN_TRI << 11);
    hull.declare(VGPU10_OPCODE_DCL_TESS_OUTPUT_PRIMITIVE, {}, {}, VGPU10_TESSELLATOR_OUTPUT_TRIANGLE_CW << 11);
    hull.declare(VGPU10_OPCODE_DCL_TESS_PARTITIONING, {}, {}, VGPU10_TESSELLATOR_PARTITIONING_INTEGER << 11);
    hull.constantBuffer(0, 1);
    hull.op(VGPU10_OPCODE_HS_CONTROL_POINT_PHASE);
    const Reg pointId(VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT_ID, {}, VGPU10_OPERAND_0_COMPONENT);
    hull.declare(VGPU10_OPCODE_DCL_INPUT, {pointId}).inputVertices(3, 0).output(0).temps(1);
    hull.op(VGPU10_OPCODE_MOV,
            {r(0).mask("x"), Reg(VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT_ID, {}, VGPU10_OPERAND_1_COMPONENT)});
    hull.op(VGPU10_OPCODE_MOV, {o(0), v(0, 0).relative(0, r(0).select('x')).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    hull.op(VGPU10_OPCODE_HS_FORK_PHASE);
    hull.outputValue(2, VGPU10_NAME_FINAL_TRI_INSIDE_TESSFACTOR, "x");
    for (uint32_t n = 0; n < 3; ++n)
        hull.outputValue(3 + n, VGPU10_NAME_FINAL_TRI_U_EQ_0_EDGE_TESSFACTOR + n, "x");
    hull.output(1).temps(2);
    hull.op(VGPU10_OPCODE_MOV, {r(1), Reg(VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT, {1, 0}).swizzle("xyzw")});
    for (uint32_t n = 0; n < 4; ++n)
        hull.op(VGPU10_OPCODE_MOV, {o(2 + n).mask("x"), cb(0, 0).swizzle("xxxx")});
    hull.op(VGPU10_OPCODE_MOV, {o(1), r(1).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    return hull;
}

inline Assembler domainSample() {
    Assembler domain(VGPU10_DOMAIN_SHADER, 5, 0);
    domain.declare(VGPU10_OPCODE_DCL_INPUT_CONTROL_POINT_COUNT, {}, {}, 3u << 11);
    domain.declare(VGPU10_OPCODE_DCL_TESS_DOMAIN, {}, {}, VGPU10_TESSELLATOR_DOMAIN_TRI << 11);
    domain.declare(VGPU10_OPCODE_DCL_INPUT, {special(VGPU10_OPERAND_TYPE_INPUT_DOMAIN_POINT).mask("xyz")});
    domain.declare(VGPU10_OPCODE_DCL_INPUT, {Reg(VGPU10_OPERAND_TYPE_INPUT_CONTROL_POINT, {3, 0})});
    domain.declare(VGPU10_OPCODE_DCL_INPUT, {Reg(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {1})});
    domain.declare(VGPU10_OPCODE_DCL_INPUT_SIV, {Reg(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {2}).mask("x")},
                   {VGPU10_NAME_FINAL_TRI_INSIDE_TESSFACTOR});
    domain.outputValue(0, VGPU10_NAME_POSITION).output(1).temps(1);
    domain.op(VGPU10_OPCODE_MUL, {r(0), special(VGPU10_OPERAND_TYPE_INPUT_DOMAIN_POINT).swizzle("xxxx"),
                                  Reg(VGPU10_OPERAND_TYPE_INPUT_CONTROL_POINT, {0, 0}).swizzle("xyzw")});
    domain.op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")});
    domain.op(VGPU10_OPCODE_ADD, {o(1), Reg(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {1}).swizzle("xyzw"),
                                  Reg(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {2}).swizzle("xxxx")});
    domain.op(VGPU10_OPCODE_RET);
    return domain;
}

inline Assembler textureSample() {
    Assembler a(VGPU10_PIXEL_SHADER, 5, 0);
    a.inputPixel(1, VGPU10_INTERPOLATION_LINEAR).output(0).temps(3).sampler(0).sampler(1);
    a.resource(0, VGPU10_RESOURCE_DIMENSION_TEXTURE2D).resource(1, VGPU10_RESOURCE_DIMENSION_TEXTURECUBEARRAY);
    a.resource(2, VGPU10_RESOURCE_DIMENSION_TEXTURE2DMS, VGPU10_RETURN_TYPE_UINT);
    a.resource(3, VGPU10_RESOURCE_DIMENSION_BUFFER, VGPU10_RETURN_TYPE_SINT);
    const Reg at = v(1).swizzle("xyzw");
    a.op(VGPU10_OPCODE_SAMPLE, {r(0), at, t(0), s(0)}, {.offset = {1, -2, 0}});
    a.op(VGPU10_OPCODE_SAMPLE_C, {r(1).mask("x"), at, t(1), s(1), v(1).select('w')});
    a.op(VGPU10_OPCODE_SAMPLE_D, {r(1).mask("y"), at, t(0), s(0), at, at.neg()});
    a.op(VGPU10_OPCODE_FTOI, {r(2), at});
    a.op(VGPU10_OPCODE_LD, {r(0).mask("z"), r(2).swizzle("xyzw"), t(0)});
    a.op(VGPU10_OPCODE_LD_MS, {r(1).mask("zw"), r(2).swizzle("xyzw"), t(2), r(2).select('w')});
    a.op(VGPU10_OPCODE_LD, {r(0).mask("w"), r(2).swizzle("xyzw"), t(3)});
    a.op(VGPU10_OPCODE_GATHER4, {r(2), at, t(0), Reg(VGPU10_OPERAND_TYPE_SAMPLER, {0}).select('z')});
    a.op(VGPU10_OPCODE_RESINFO, {r(2).mask("xy"), imm(0u), t(1)}, {.bits = 2u << 11});
    a.op(VGPU10_OPCODE_LOD, {r(2).mask("z"), at, t(0), s(0)});
    a.op(VGPU10_OPCODE_ADD, {r(0), r(0).swizzle("xyzw"), r(1).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MAD, {o(0), r(0).swizzle("xyzw"), r(2).swizzle("xyzw"), imm(1.0f, 2.0f, 3.0f, 4.0f)},
         {.saturate = true});
    a.op(VGPU10_OPCODE_RET);
    return a;
}

inline Assembler computeSample() {
    Assembler a(VGPU10_COMPUTE_SHADER, 5, 0);
    a.declare(VGPU10_OPCODE_DCL_GLOBAL_FLAGS, {}, {}, 1u << 12);
    a.threadGroup(8, 2, 1).temps(4).uavRaw(0).uavStructured(1, 16).resourceStructured(2, 8).resourceRaw(3);
    a.uavTyped(2, VGPU10_RESOURCE_DIMENSION_TEXTURE2D, VGPU10_RETURN_TYPE_UINT);
    a.uavTyped(3, VGPU10_RESOURCE_DIMENSION_BUFFER, VGPU10_RETURN_TYPE_SINT).sharedRaw(0, 64).sharedStructured(1, 8, 4);
    a.op(VGPU10_OPCODE_MOV, {r(0), special(VGPU10_OPERAND_TYPE_INPUT_THREAD_ID).swizzle("xyzz")});
    a.op(VGPU10_OPCODE_IADD,
         {r(0), r(0).swizzle("xyzw"), special(VGPU10_OPERAND_TYPE_INPUT_THREAD_GROUP_ID).swizzle("xyzz")});
    a.op(VGPU10_OPCODE_IADD,
         {r(0), r(0).swizzle("xyzw"), special(VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP).swizzle("xyzz")});
    a.op(VGPU10_OPCODE_LD_STRUCTURED, {r(1).mask("xy"), r(0).select('x'), imm(0u), t(2)});
    a.op(VGPU10_OPCODE_LD_RAW, {r(1).mask("zw"), r(0).select('x'), t(3)});
    a.op(VGPU10_OPCODE_STORE_RAW, {g(0), r(0).select('y'), r(1).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_STORE_STRUCTURED, {g(1).mask("xy"), r(0).select('y'), imm(0u), r(1).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_SYNC, {}, {.bits = 3u << 11});
    a.op(VGPU10_OPCODE_IMM_ATOMIC_IADD, {r(2).mask("x"), g(0), r(0).swizzle("xyzw"), imm(1u)});
    a.op(VGPU10_OPCODE_IMM_ATOMIC_CMP_EXCH, {r(2).mask("y"), u(0), r(0).swizzle("xyzw"), imm(1u), imm(2u)});
    a.op(VGPU10_OPCODE_IMM_ATOMIC_UMAX, {r(2).mask("z"), u(2), r(0).swizzle("xyzw"), r(1).select('x')});
    a.op(VGPU10_OPCODE_ATOMIC_OR, {u(3), r(0).swizzle("xyzw"), imm(3u)});
    a.op(VGPU10_OPCODE_LD_UAV_TYPED, {r(3), r(0).swizzle("xyzw"), u(3).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_STORE_UAV_TYPED, {u(2), r(0).swizzle("xyzw"), r(3).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_STORE_STRUCTURED, {u(1).mask("xyz"), r(0).select('x'), imm(4u), r(2).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_DFMA, {r(3), r(1).swizzle("xyzw"), r(2).swizzle("zwxy"), r(3).swizzle("xyzw").neg()});
    a.op(VGPU10_OPCODE_DLT, {r(3).mask("x"), r(3).swizzle("xyzw"), r(1).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_BUFINFO, {r(3).mask("y"), u(0).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_RESINFO, {r(3).mask("z"), imm(0u), u(2).swizzle("xyzw")}, {.bits = 2u << 11});
    a.op(VGPU10_OPCODE_STORE_RAW, {u(0).mask("xy"), r(0).select('x'), r(3).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_RET);
    return a;
}

} // namespace svga::vgpu10::test
