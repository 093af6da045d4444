// SPDX-License-Identifier: MIT
/** Whole shaders as Mesa emits them, every stage: translated and valid. */
#include "assembler.h"
#include "validate.h"

#include "device/vgpu10/translator.h"

#include <gtest/gtest.h>

namespace svga::vgpu10::test {
namespace {

ShaderModule expectValid(const Assembler& assembler, const TranslateOptions& options = {}) {
    ShaderModule module;
    EXPECT_NO_THROW(module = translate(assembler.finish(), options));
    EXPECT_EQ(validationError(module.spirv), "");
    return module;
}

void expectError(const Assembler& assembler, std::string_view message) {
    try {
        translate(assembler.finish(), {});
        ADD_FAILURE() << "translated, but should not: " << message;
    } catch (const TranslateError& error) {
        EXPECT_NE(std::string_view(error.what()).find(message), std::string_view::npos) << error.what();
    }
}

TEST(Translate, VertexShader) {
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
    const ShaderModule module = expectValid(a);
    EXPECT_EQ(module.info.inputs.size(), 4u);
    EXPECT_EQ(module.info.outputs.size(), 3u);
    EXPECT_EQ(module.info.constantBuffers.size(), 1u);
}

TEST(Translate, VertexInputsOfEachNumericClass) {
    Assembler a(VGPU10_VERTEX_SHADER, 4, 1);
    a.input(0).input(1).input(2).outputValue(0, VGPU10_NAME_POSITION).output(1).output(2);
    for (uint32_t n = 0; n < 3; ++n)
        a.op(VGPU10_OPCODE_MOV, {o(n), v(n).swizzle("xyzw")});
    TranslateOptions options;
    options.vertexInputs[1] = NumericType::Sint;
    options.vertexInputs[2] = NumericType::Uint;
    expectValid(a, options);
    options.lastBeforeRasterizer = false;
    expectValid(a, options);
}

TEST(Translate, StreamOutputOfParts) {
    Assembler a(VGPU10_VERTEX_SHADER, 4, 1);
    a.input(0).outputValue(0, VGPU10_NAME_POSITION).output(1);
    a.op(VGPU10_OPCODE_MOV, {o(0), v(0).swizzle("xyzw")}).op(VGPU10_OPCODE_MOV, {o(1), v(0).swizzle("wzyx")});
    StreamOutput stream;
    stream.entries = {{0, 0xf, 0, 0, 0}, {1, 0x6, 0, 0, 16}, {1, 0xf, 1, 0, 0}};
    stream.strideInBytes = {24, 16, 0, 0};
    TranslateOptions options;
    options.streamOutput = &stream;
    expectValid(a, options);
    stream.entries.push_back({1, 0x1, 0, 0, 20}); // overlaps the second
    EXPECT_THROW(translate(a.finish(), options), TranslateError);
}

TEST(Translate, PixelShaderWithEverySystemValue) {
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
    TranslateOptions options;
    options.renderTargets = {NumericType::Float, NumericType::Sint, NumericType::Uint};
    const ShaderModule module = expectValid(a, options);
    EXPECT_TRUE(module.info.writesDepth);
    EXPECT_TRUE(module.info.usesDiscard);
    EXPECT_TRUE(module.info.perSample);
    options.forcePerSample = true;
    expectValid(a, options);
    options.dualSourceBlend = true;
    expectValid(a, options);
}

TEST(Translate, GeometryShader) {
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
    const ShaderModule module = expectValid(a);
    EXPECT_EQ(module.info.gsInputPrimitive, static_cast<uint32_t>(VGPU10_PRIMITIVE_TRIANGLE));
}

TEST(Translate, GeometryShaderOfFourStreams) {
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
    StreamOutput output;
    for (uint32_t n = 0; n < 4; ++n)
        output.entries.push_back({n + 1, 0xf, n, n, 0});
    output.strideInBytes = {16, 16, 16, 16};
    TranslateOptions options;
    options.streamOutput = &output;
    expectValid(a, options);
    expectValid(a);
}

TEST(Translate, ControlFlowThatLeavesNothingReachable) {
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
    expectValid(a);
}

TEST(Translate, EveryTextureInstructionOnEveryDimension) {
    for (uint32_t dimension = VGPU10_RESOURCE_DIMENSION_BUFFER; dimension <= VGPU10_RESOURCE_DIMENSION_TEXTURECUBEARRAY;
         ++dimension) {
        const bool cube = dimension == VGPU10_RESOURCE_DIMENSION_TEXTURECUBE ||
                          dimension == VGPU10_RESOURCE_DIMENSION_TEXTURECUBEARRAY;
        const bool ms = dimension == VGPU10_RESOURCE_DIMENSION_TEXTURE2DMS ||
                        dimension == VGPU10_RESOURCE_DIMENSION_TEXTURE2DMSARRAY;
        const bool buffer = dimension == VGPU10_RESOURCE_DIMENSION_BUFFER;
        const bool gathers = cube || dimension == VGPU10_RESOURCE_DIMENSION_TEXTURE2D ||
                             dimension == VGPU10_RESOURCE_DIMENSION_TEXTURE2DARRAY;
        for (const uint32_t type : {VGPU10_RETURN_TYPE_FLOAT, VGPU10_RETURN_TYPE_SINT, VGPU10_RETURN_TYPE_UINT}) {
            for (const uint32_t program : {VGPU10_PIXEL_SHADER, VGPU10_VERTEX_SHADER}) {
                Assembler a(program, 5, 0);
                const Control offset{.offset = {cube || buffer ? 0 : -1, 0, 0}};
                a.sampler(0).resource(3, dimension, type).temps(2).output(0);
                a.op(VGPU10_OPCODE_MOV, {r(1), imm(0.25f, 0.5f, 0.75f, 0.0f)});
                const Reg at = r(1).swizzle("xyzw"), out = r(0), scalar = r(1).select('w');
                if (!ms && !buffer) {
                    a.op(VGPU10_OPCODE_SAMPLE, {out, at, t(3), s(0)}, offset);
                    a.op(VGPU10_OPCODE_SAMPLE_L, {out.mask("xz"), at, t(3), s(0), scalar}, offset);
                    a.op(VGPU10_OPCODE_SAMPLE_B, {out, at, t(3), s(0), scalar});
                    a.op(VGPU10_OPCODE_SAMPLE_D, {out, at, t(3), s(0), at, at}, offset);
                    if (type == VGPU10_RETURN_TYPE_FLOAT && dimension != VGPU10_RESOURCE_DIMENSION_TEXTURE3D) {
                        a.op(VGPU10_OPCODE_SAMPLE_C, {out, at, t(3), s(0), scalar});
                        a.op(VGPU10_OPCODE_SAMPLE_C_LZ, {out, at, t(3), s(0), scalar}, offset);
                    }
                    if (program == VGPU10_PIXEL_SHADER)
                        a.op(VGPU10_OPCODE_LOD, {out, at, t(3), s(0)});
                }
                if (gathers) {
                    a.op(VGPU10_OPCODE_GATHER4, {out, at, t(3), Reg(VGPU10_OPERAND_TYPE_SAMPLER, {0}).select('y')},
                         offset);
                    if (!cube)
                        a.op(VGPU10_OPCODE_GATHER4_PO, {out, at, at, t(3), s(0)});
                    if (type == VGPU10_RETURN_TYPE_FLOAT) {
                        a.op(VGPU10_OPCODE_GATHER4_C, {out, at, t(3), s(0), scalar}, offset);
                        if (!cube)
                            a.op(VGPU10_OPCODE_GATHER4_PO_C, {out, at, at, t(3), s(0), scalar});
                    }
                }
                if (ms)
                    a.op(VGPU10_OPCODE_LD_MS, {out, at, t(3), scalar}, offset);
                else if (!cube)
                    a.op(VGPU10_OPCODE_LD, {out, at, t(3)}, offset);
                if (buffer)
                    a.op(VGPU10_OPCODE_BUFINFO, {out, t(3)});
                else
                    for (uint32_t result = 0; result < 3; ++result)
                        a.op(VGPU10_OPCODE_RESINFO, {out, scalar, t(3)}, {.bits = result << 11});
                if (ms) {
                    a.op(VGPU10_OPCODE_SAMPLE_INFO, {out, t(3)}, {.bits = 1u << 11});
                    a.op(VGPU10_OPCODE_SAMPLE_POS, {out, t(3), scalar});
                }
                a.op(VGPU10_OPCODE_MOV, {o(0), out.swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
                SCOPED_TRACE(testing::Message()
                             << "dimension " << dimension << " type " << type << " program " << program);
                const ShaderModule module = expectValid(a);
                ASSERT_EQ(module.info.resources.size(), 1u);
                EXPECT_EQ(module.info.resources[0].slot, 3u);
            }
        }
    }
}

TEST(Translate, PixelOnlyInstructions) {
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
    EXPECT_TRUE(expectValid(a).info.usesRasterizerSamples);
}

TEST(Translate, Tessellation) {
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
    EXPECT_EQ(expectValid(hull).info.hsControlPoints, 3u);

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
    expectValid(domain);
}

TEST(Translate, ErrorsNameTheToken) {
    Assembler undeclared(VGPU10_PIXEL_SHADER, 4, 0);
    undeclared.op(VGPU10_OPCODE_MOV, {r(0), imm(1.0f)});
    expectError(undeclared, "token 2: MOV: temporary was not declared");
    Assembler open(VGPU10_PIXEL_SHADER, 4, 0);
    open.op(VGPU10_OPCODE_LOOP);
    expectError(open, "not closed");
    Assembler stray(VGPU10_PIXEL_SHADER, 4, 0);
    stray.op(VGPU10_OPCODE_BREAK);
    expectError(stray, "outside of any loop");
    Assembler stage(VGPU10_VERTEX_SHADER, 4, 0);
    stage.op(VGPU10_OPCODE_EMIT);
    expectError(stage, "not in this stage");
    EXPECT_THROW(translate(std::vector<uint32_t>{}, {}), TranslateError);
    EXPECT_THROW(translate(std::vector<uint32_t>{0x10040, 0xffffffff}, {}), TranslateError);
}

} // namespace
} // namespace svga::vgpu10::test
