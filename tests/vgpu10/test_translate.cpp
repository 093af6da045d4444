// SPDX-License-Identifier: MIT
/** Whole shaders as Mesa emits them, every stage: translated and valid. */
#include "samples.h"
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
    const Assembler a = vertexSample();
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
    const Assembler a = pixelSample();
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
    const Assembler a = geometrySample();
    const ShaderModule module = expectValid(a);
    EXPECT_EQ(module.info.gsInputPrimitive, static_cast<uint32_t>(VGPU10_PRIMITIVE_TRIANGLE));
}

TEST(Translate, GeometryShaderOfFourStreams) {
    const Assembler a = streamsSample();
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
    const Assembler a = flowSample();
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
    const Assembler a = interpolationSample();
    EXPECT_TRUE(expectValid(a).info.usesRasterizerSamples);
}

TEST(Translate, Tessellation) {
    EXPECT_EQ(expectValid(hullSample()).info.hsControlPoints, 3u);
    expectValid(domainSample());
}

TEST(Translate, TexturesAndMemory) {
    expectValid(textureSample());
    EXPECT_EQ(expectValid(computeSample()).info.uavs.size(), 4u);
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
