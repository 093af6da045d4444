// SPDX-License-Identifier: MIT
/** Stages drawn with: inputs, outputs, system values, textures, stream output, tessellation. */
#include "assembler.h"
#include "shader_runner.h"

#include <gtest/gtest.h>
#include <svga3d_reg.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace svga::vgpu10::test {
namespace {

uint32_t bitsOf(float value) {
    return std::bit_cast<uint32_t>(value);
}

ShaderRunner& runner() {
    static ShaderRunner instance;
    return instance;
}

Words floats(std::initializer_list<float> values) {
    Words words;
    for (const float value : values)
        words.push_back(bitsOf(value));
    return words;
}

/** \brief Passes attribute 0 as position and the next \p varyings attributes on. */
std::vector<uint32_t> passThrough(uint32_t varyings) {
    Assembler a(VGPU10_VERTEX_SHADER, 4, 1);
    a.input(0).outputValue(0, VGPU10_NAME_POSITION);
    for (uint32_t n = 1; n <= varyings; ++n)
        a.input(n).output(n);
    for (uint32_t n = 0; n <= varyings; ++n)
        a.op(VGPU10_OPCODE_MOV, {o(n), v(n).swizzle("xyzw")});
    return a.op(VGPU10_OPCODE_RET).finish();
}

/** \brief A target of four words a pixel that takes bits as they are. */
void addUintTarget(DrawJob& job) {
    job.targets.push_back(VK_FORMAT_R32G32B32A32_UINT);
    job.pixel->options.renderTargets[job.targets.size() - 1] = NumericType::Uint;
}

/** \brief One point on a one-pixel target; the pixel shader's o0 is the result. */
Words drawPixel(const std::function<void(Assembler&)>& body, const std::function<void(StageJob&)>& resources = {}) {
    DrawJob job;
    job.vertex.tokens = passThrough(0);
    job.attributes = {VK_FORMAT_R32G32B32A32_SFLOAT};
    job.vertices = floats({0, 0, 0.5f, 1});
    Assembler a(VGPU10_PIXEL_SHADER, 5, 0);
    a.output(0).temps(8);
    body(a);
    job.pixel.emplace();
    job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
    if (resources)
        resources(*job.pixel);
    addUintTarget(job);
    return runner().draw(job).targets[0];
}

TEST(Draw, AttributesAndTargetsOfEachNumericClass) {
    DrawJob job;
    job.vertex.tokens = passThrough(3);
    job.vertex.options.vertexInputs = {NumericType::Float, NumericType::Sint, NumericType::Uint, NumericType::Float};
    job.attributes = {VK_FORMAT_R32G32B32A32_SFLOAT, VK_FORMAT_R32G32B32A32_SINT, VK_FORMAT_R32G32B32A32_UINT,
                      VK_FORMAT_R32G32B32A32_SFLOAT};
    job.vertices = floats({0, 0, 0, 1});
    const Words data{0xffffffff, 5, 0x80000000,   7,          0xfffffffe, 0x7fc00001,
                     1,          2, bitsOf(1.5f), bitsOf(-2), bitsOf(3),  bitsOf(4)};
    job.vertices.insert(job.vertices.end(), data.begin(), data.end());
    Assembler a(VGPU10_PIXEL_SHADER, 4, 1);
    for (uint32_t n = 0; n < 3; ++n)
        a.inputPixel(n + 1, VGPU10_INTERPOLATION_CONSTANT).output(n);
    for (uint32_t n = 0; n < 3; ++n)
        a.op(VGPU10_OPCODE_MOV, {o(n), v(n + 1).swizzle("xyzw")});
    job.pixel.emplace();
    job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
    job.pixel->options.renderTargets = {NumericType::Sint, NumericType::Uint, NumericType::Float};
    job.targets = {VK_FORMAT_R32G32B32A32_SINT, VK_FORMAT_R32G32B32A32_UINT, VK_FORMAT_R32G32B32A32_SFLOAT};
    const DrawResult result = runner().draw(job);
    for (size_t n = 0; n < 3; ++n)
        EXPECT_EQ(result.targets[n], Words(data.begin() + static_cast<std::ptrdiff_t>(4 * n),
                                           data.begin() + static_cast<std::ptrdiff_t>(4 * n + 4)));
}

TEST(Draw, VertexAndInstanceIdsStartAtZero) {
    Assembler a(VGPU10_VERTEX_SHADER, 4, 1);
    a.inputValue(0, VGPU10_NAME_VERTEX_ID).inputValue(1, VGPU10_NAME_INSTANCE_ID).output(0);
    a.op(VGPU10_OPCODE_MOV, {o(0).mask("x"), v(0).swizzle("xxxx")})
        .op(VGPU10_OPCODE_MOV, {o(0).mask("y"), v(1).swizzle("xxxx")});
    a.op(VGPU10_OPCODE_MOV, {o(0).mask("zw"), imm(77u)});
    DrawJob job;
    job.vertex.tokens = a.op(VGPU10_OPCODE_RET).finish();
    StreamOutput stream;
    stream.entries = {{0, 0x3, 0, 0, 4}};
    stream.strideInBytes = {12, 0, 0, 0};
    job.vertex.options.streamOutput = &stream;
    job.vertexCount = 2, job.instanceCount = 2, job.firstVertex = 5, job.firstInstance = 3;
    job.capture = {4 * 12, 0, 0, 0};
    EXPECT_EQ(runner().draw(job).captured[0], (Words{0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1}));
}

TEST(Draw, StreamOutputOfPartsToSeveralBuffers) {
    DrawJob job;
    job.vertex.tokens = passThrough(2);
    job.attributes.assign(3, VK_FORMAT_R32G32B32A32_SFLOAT);
    job.vertices = floats({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
    StreamOutput stream;
    stream.entries = {{0, 0xf, 0, 0, 0}, {1, 0x6, 0, 0, 20}, {2, 0x8, 1, 0, 0}, {2, 0xf, 1, 0, 4}, {1, 0x1, 2, 0, 0}};
    stream.strideInBytes = {28, 20, 4, 0};
    job.vertex.options.streamOutput = &stream;
    job.capture = {28, 20, 4, 0};
    const DrawResult result = runner().draw(job);
    EXPECT_EQ(result.captured[0], (Words{bitsOf(1), bitsOf(2), bitsOf(3), bitsOf(4), 0, bitsOf(6), bitsOf(7)}));
    EXPECT_EQ(result.captured[1], floats({12, 9, 10, 11, 12}));
    EXPECT_EQ(result.captured[2], floats({5}));
}

/** \brief Two triangles over the whole target; attribute 1 is given for each corner: bottom left, right, top left,
 * right. */
DrawJob quad(uint32_t width, uint32_t height, std::array<std::array<float, 4>, 4> attribute, float w = 1) {
    DrawJob job;
    job.vertex.tokens = passThrough(1);
    job.attributes.assign(2, VK_FORMAT_R32G32B32A32_SFLOAT);
    const float corners[4][2] = {{-1, -1}, {1, -1}, {-1, 1}, {1, 1}};
    for (size_t n = 0; n < 4; ++n) {
        const float scale = corners[n][0] > 0 ? w : 1;
        const Words vertex = floats({corners[n][0] * scale, corners[n][1] * scale, 0.25f * scale, scale,
                                     attribute[n][0], attribute[n][1], attribute[n][2], attribute[n][3]});
        job.vertices.insert(job.vertices.end(), vertex.begin(), vertex.end());
    }
    job.vertexCount = 4;
    job.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    job.width = width, job.height = height;
    job.pixel.emplace();
    return job;
}

std::vector<float> asFloats(const Words& words) {
    std::vector<float> values;
    for (const uint32_t word : words)
        values.push_back(std::bit_cast<float>(word));
    return values;
}

TEST(Draw, FragmentPositionHasWNotItsReciprocal) {
    DrawJob job = quad(4, 2, {}, 4);
    Assembler a(VGPU10_PIXEL_SHADER, 4, 1);
    a.inputPixelValue(0, VGPU10_NAME_POSITION).output(0);
    a.op(VGPU10_OPCODE_MOV, {o(0), v(0).swizzle("xyzw")});
    job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
    job.targets = {VK_FORMAT_R32G32B32A32_SFLOAT};
    const auto pixels = asFloats(runner().draw(job).targets[0]);
    for (uint32_t y = 0; y < 2; ++y)
        for (uint32_t x = 0; x < 4; ++x) {
            const float* p = &pixels[(y * 4 + x) * 4];
            const float center = static_cast<float>(x) + 0.5f;
            EXPECT_FLOAT_EQ(p[0], center);
            EXPECT_FLOAT_EQ(p[1], static_cast<float>(y) + 0.5f);
            EXPECT_NEAR(p[2], 0.25f, 1e-5f);
            // 1/w is linear on the screen: 1 at the left, 1/4 at the right.
            EXPECT_NEAR(p[3], 1 / (1 - 0.75f * center / 4), 1e-3f);
        }
}

TEST(Draw, InterpolationModes) {
    for (const uint32_t mode :
         {VGPU10_INTERPOLATION_LINEAR, VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE, VGPU10_INTERPOLATION_CONSTANT}) {
        DrawJob job = quad(4, 1, {{{10, 0, 0, 0}, {20, 0, 0, 0}, {10, 0, 0, 0}, {20, 0, 0, 0}}}, 4);
        Assembler a(VGPU10_PIXEL_SHADER, 4, 1);
        a.inputPixel(1, mode).output(0).op(VGPU10_OPCODE_MOV, {o(0), v(1).swizzle("xxxx")});
        job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
        job.targets = {VK_FORMAT_R32G32B32A32_SFLOAT};
        const auto pixels = asFloats(runner().draw(job).targets[0]);
        for (uint32_t x = 0; x < 4; ++x) {
            const float at = (static_cast<float>(x) + 0.5f) / 4;
            const float perspective = at / 4 / (1 - at + at / 4);
            const float value = pixels[x * 4];
            if (mode == VGPU10_INTERPOLATION_LINEAR)
                EXPECT_NEAR(value, 10 + 10 * perspective, 1e-2f) << x;
            else if (mode == VGPU10_INTERPOLATION_LINEAR_NOPERSPECTIVE)
                EXPECT_NEAR(value, 10 + 10 * at, 1e-2f) << x;
            else
                EXPECT_TRUE(value == 10 || value == 20) << value; // a provoking vertex's, never between
        }
    }
}

TEST(Draw, DerivativesDiscardAndDepth) {
    DrawJob job = quad(4, 4, {{{0, 0, 0, 0}, {8, 0, 0, 0}, {0, 4, 0, 0}, {8, 4, 0, 0}}});
    Assembler a(VGPU10_PIXEL_SHADER, 5, 0);
    const Reg depth(VGPU10_OPERAND_TYPE_OUTPUT_DEPTH, {}, VGPU10_OPERAND_1_COMPONENT);
    a.inputPixel(1, VGPU10_INTERPOLATION_LINEAR).inputPixelValue(0, VGPU10_NAME_POSITION).output(0).temps(2);
    a.declare(VGPU10_OPCODE_DCL_OUTPUT, {depth});
    a.op(VGPU10_OPCODE_DERIV_RTX, {r(0).mask("x"), v(1).swizzle("xxxx")})
        .op(VGPU10_OPCODE_DERIV_RTY, {r(0).mask("y"), v(1).swizzle("yyyy")});
    a.op(VGPU10_OPCODE_LT, {r(1).mask("x"), v(0).swizzle("xxxx"), imm(1.0f)});
    a.op(VGPU10_OPCODE_DISCARD, {r(1).select('x')}, {.nonZero = true});         // the leftmost column
    a.op(VGPU10_OPCODE_DERIV_RTX_FINE, {r(0).mask("z"), v(0).swizzle("xxxx")}); // still defined beside it
    a.op(VGPU10_OPCODE_MOV, {r(0).mask("w"), imm(1.0f)}).op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MUL, {depth, v(0).select('y'), imm(0.125f)});
    job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
    job.targets = {VK_FORMAT_R32G32B32A32_SFLOAT};
    job.depth = true;
    const DrawResult result = runner().draw(job);
    const auto pixels = asFloats(result.targets[0]);
    for (uint32_t n = 0; n < 16; ++n) {
        const bool kept = n % 4 != 0;
        EXPECT_NEAR(pixels[n * 4], kept ? 2.0f : 0.0f, 1e-4f);
        EXPECT_NEAR(pixels[n * 4 + 1], kept ? -1.0f : 0.0f, 1e-4f); // y goes down the target
        EXPECT_NEAR(pixels[n * 4 + 2], kept ? 1.0f : 0.0f, 1e-4f);
        EXPECT_FLOAT_EQ(result.depth[n], kept ? (static_cast<float>(n / 4) + 0.5f) / 8 : 0.0f);
    }
}

// The three other invocations of the only pixel's quad are helpers.
TEST(Draw, HelpersCoverNothing) {
    DrawJob job = quad(1, 1, {});
    Assembler a(VGPU10_PIXEL_SHADER, 5, 0);
    const Reg coverage = special(VGPU10_OPERAND_TYPE_INPUT_COVERAGE_MASK);
    a.declare(VGPU10_OPCODE_DCL_INPUT, {coverage}).output(0).temps(1);
    a.op(VGPU10_OPCODE_UTOF, {r(0), coverage.swizzle("xxxx")});
    a.op(VGPU10_OPCODE_DERIV_RTX_FINE, {r(0).mask("y"), r(0).swizzle("xxxx")});
    a.op(VGPU10_OPCODE_DERIV_RTY_FINE, {r(0).mask("z"), r(0).swizzle("xxxx")});
    a.op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")});
    job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
    job.targets = {VK_FORMAT_R32G32B32A32_SFLOAT};
    const auto pixel = asFloats(runner().draw(job).targets[0]);
    EXPECT_EQ(pixel[0], 1.0f);
    EXPECT_EQ(std::abs(pixel[1]), 1.0f);
    EXPECT_EQ(std::abs(pixel[2]), 1.0f);
}

// With early tests a fragment's depth is written whether it is discarded later or not.
TEST(Draw, EarlyDepthTests) {
    for (const bool early : {false, true}) {
        DrawJob job = quad(2, 2, {});
        Assembler a(VGPU10_PIXEL_SHADER, 5, 0);
        if (early)
            a.declare(VGPU10_OPCODE_DCL_GLOBAL_FLAGS, {}, {}, 1u << 13);
        a.inputPixelValue(0, VGPU10_NAME_POSITION).output(0).temps(1);
        a.op(VGPU10_OPCODE_LT, {r(0).mask("x"), v(0).swizzle("xxxx"), imm(1.0f)});
        a.op(VGPU10_OPCODE_DISCARD, {r(0).select('x')}, {.nonZero = true}); // the left column
        a.op(VGPU10_OPCODE_MOV, {o(0), imm(1.0f)});
        job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
        job.targets = {VK_FORMAT_R32G32B32A32_SFLOAT};
        job.depth = true;
        const DrawResult result = runner().draw(job);
        const auto pixels = asFloats(result.targets[0]);
        for (size_t n = 0; n < 4; ++n) {
            const bool kept = n % 2 != 0;
            EXPECT_EQ(pixels[n * 4], kept ? 1.0f : 0.0f);
            EXPECT_EQ(result.depth[n], kept || early ? 0.25f : 0.0f);
        }
    }
}

// What the shader promises of its depth is kept here: the quad lies at 0.25.
TEST(Draw, ConservativeDepth) {
    const auto depthOf = [](VGPU10_OPERAND_TYPE type, float value) {
        DrawJob job = quad(1, 1, {});
        Assembler a(VGPU10_PIXEL_SHADER, 5, 0);
        const Reg depth(type, {}, VGPU10_OPERAND_1_COMPONENT);
        a.output(0).declare(VGPU10_OPCODE_DCL_OUTPUT, {depth});
        a.op(VGPU10_OPCODE_MOV, {depth, imm(value)}).op(VGPU10_OPCODE_MOV, {o(0), imm(1.0f)});
        job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
        job.targets = {VK_FORMAT_R32G32B32A32_SFLOAT};
        job.depth = true;
        return runner().draw(job).depth.at(0);
    };
    EXPECT_EQ(depthOf(VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_GREATER_EQUAL, 0.75f), 0.75f);
    EXPECT_EQ(depthOf(VGPU10_OPERAND_TYPE_OUTPUT_DEPTH_LESS_EQUAL, 0.125f), 0.125f);
}

TEST(Draw, FrontFaceAndPrimitiveId) {
    DrawJob job = quad(4, 4, {});
    Assembler a(VGPU10_PIXEL_SHADER, 4, 1);
    a.inputPixelValue(0, VGPU10_NAME_IS_FRONT_FACE).inputPixelValue(2, VGPU10_NAME_PRIMITIVE_ID).output(0).temps(1);
    a.op(VGPU10_OPCODE_MOV, {r(0), v(0).swizzle("xxxx")}).op(VGPU10_OPCODE_MOV, {r(0).mask("y"), v(2).swizzle("xxxx")});
    a.op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")});
    job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
    addUintTarget(job);
    const Words pixels = runner().draw(job).targets[0];
    // Counter-clockwise in y-up clip space is front; the strip's two triangles split the target along its diagonal.
    EXPECT_EQ(pixels[4 * 12], ~0u);
    EXPECT_EQ(pixels[4 * 12 + 1], 0u);
    EXPECT_EQ(pixels[4 * 3], ~0u);
    EXPECT_EQ(pixels[4 * 3 + 1], 1u);
}

TEST(Draw, SampleRate) {
    DrawJob job = quad(1, 1, {});
    job.samples = VK_SAMPLE_COUNT_4_BIT;
    Assembler a(VGPU10_PIXEL_SHADER, 4, 1);
    const Reg rasterizer = special(VGPU10_OPERAND_TYPE_RASTERIZER).swizzle("xyzw");
    a.inputPixelValue(0, VGPU10_NAME_SAMPLE_INDEX, "x").output(0).output(1).temps(2);
    a.op(VGPU10_OPCODE_UTOF, {r(0), v(0).swizzle("xxxx")});
    a.op(VGPU10_OPCODE_SAMPLE_INFO, {r(0).mask("y"), rasterizer.swizzle("xxxx")}); // a float
    a.op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_SAMPLE_POS, {r(1), rasterizer, v(0).select('x')});
    a.op(VGPU10_OPCODE_MUL, {o(1), r(1).swizzle("xyzw").abs(), imm(16.0f)});
    job.pixel->tokens = a.op(VGPU10_OPCODE_RET).finish();
    job.pixel->options.rasterizerSamples = 4;
    job.targets = {VK_FORMAT_R32G32B32A32_SFLOAT, VK_FORMAT_R32G32B32A32_SFLOAT};
    const DrawResult result = runner().draw(job);
    EXPECT_FLOAT_EQ(asFloats(result.targets[0])[0], (0 + 1 + 2 + 3) / 4.0f); // resolved: every sample ran by itself
    EXPECT_FLOAT_EQ(asFloats(result.targets[0])[1], 4);
    EXPECT_FLOAT_EQ(asFloats(result.targets[1])[0], (2 + 6 + 6 + 2) / 4.0f);
    EXPECT_FLOAT_EQ(asFloats(result.targets[1])[1], (6 + 2 + 2 + 6) / 4.0f);
}

TEST(Draw, ClipDistances) {
    DrawJob job = quad(4, 1, {{{-1, 0, 0, 0}, {1, 0, 0, 0}, {-1, 0, 0, 0}, {1, 0, 0, 0}}});
    Assembler vs(VGPU10_VERTEX_SHADER, 4, 1);
    vs.input(0).input(1).outputValue(0, VGPU10_NAME_POSITION).outputValue(3, VGPU10_NAME_CLIP_DISTANCE, "y");
    vs.op(VGPU10_OPCODE_MOV, {o(0), v(0).swizzle("xyzw")})
        .op(VGPU10_OPCODE_MOV, {o(3).mask("y"), v(1).swizzle("xxxx")});
    job.vertex.tokens = vs.op(VGPU10_OPCODE_RET).finish();
    Assembler ps(VGPU10_PIXEL_SHADER, 4, 1);
    ps.output(0).op(VGPU10_OPCODE_MOV, {o(0), imm(1u)});
    job.pixel->tokens = ps.op(VGPU10_OPCODE_RET).finish();
    addUintTarget(job);
    const Words pixels = runner().draw(job).targets[0];
    EXPECT_EQ((Words{pixels[0], pixels[4], pixels[8], pixels[12]}), (Words{0, 0, 1, 1}));
}

TEST(Draw, GeometryShaderToLayers) {
    DrawJob job;
    job.vertex.tokens = passThrough(1);
    job.attributes.assign(2, VK_FORMAT_R32G32B32A32_SFLOAT);
    job.vertices = floats({0, 0, 0, 1, 5, 6, 7, 8});
    Assembler gs(VGPU10_GEOMETRY_SHADER, 4, 1);
    gs.geometry(VGPU10_PRIMITIVE_POINT, VGPU10_PRIMITIVE_TOPOLOGY_POINTLIST, 2)
        .inputVertices(1, 0)
        .inputVertices(1, 1)
        .temps(1);
    gs.outputValue(0, VGPU10_NAME_POSITION).output(1).outputValue(2, VGPU10_NAME_RENDER_TARGET_ARRAY_INDEX, "x");
    gs.op(VGPU10_OPCODE_MOV, {o(0), v(0, 0).swizzle("xyzw")});
    for (uint32_t layer = 0; layer < 2; ++layer) {
        gs.op(VGPU10_OPCODE_MOV, {o(1), v(0, 1).swizzle("xyzw")})
            .op(VGPU10_OPCODE_MOV, {o(1).mask("x"), imm(static_cast<float>(layer))});
        gs.op(VGPU10_OPCODE_MOV, {o(2).mask("x"), imm(layer)}).op(VGPU10_OPCODE_EMIT).op(VGPU10_OPCODE_CUT);
    }
    job.geometry.emplace();
    job.geometry->tokens = gs.op(VGPU10_OPCODE_RET).finish();
    Assembler ps(VGPU10_PIXEL_SHADER, 4, 1);
    ps.inputPixel(1, VGPU10_INTERPOLATION_CONSTANT)
        .inputPixelValue(2, VGPU10_NAME_RENDER_TARGET_ARRAY_INDEX, "x")
        .output(0);
    ps.op(VGPU10_OPCODE_MOV, {o(0), v(1).swizzle("xyzw")})
        .op(VGPU10_OPCODE_MOV, {o(0).mask("w"), v(2).swizzle("xxxx")});
    job.pixel.emplace();
    job.pixel->tokens = ps.op(VGPU10_OPCODE_RET).finish();
    addUintTarget(job);
    job.layers = 2;
    EXPECT_EQ(runner().draw(job).targets[0],
              (Words{bitsOf(0), bitsOf(6), bitsOf(7), 0, bitsOf(1), bitsOf(6), bitsOf(7), 1}));
}

// Adjacency: a line's neighbours are before and after it, a triangle's between its corners.
TEST(Draw, GeometryShaderInputs) {
    struct Case {
        uint32_t primitive, vertices;
        VkPrimitiveTopology topology;
    };
    for (const auto& [primitive, vertices, topology] : {
             Case{VGPU10_PRIMITIVE_LINE, 2, VK_PRIMITIVE_TOPOLOGY_LINE_LIST},
             Case{VGPU10_PRIMITIVE_LINE_ADJ, 4, VK_PRIMITIVE_TOPOLOGY_LINE_LIST_WITH_ADJACENCY},
             Case{VGPU10_PRIMITIVE_TRIANGLE, 3, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST},
             Case{VGPU10_PRIMITIVE_TRIANGLE_ADJ, 6, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST_WITH_ADJACENCY},
         }) {
        SCOPED_TRACE(vertices);
        DrawJob job;
        job.vertex.tokens = passThrough(0);
        job.attributes.assign(1, VK_FORMAT_R32G32B32A32_SFLOAT);
        job.topology = topology;
        job.vertexCount = vertices;
        Words expected;
        for (uint32_t n = 0; n < vertices; ++n) {
            const Words vertex = floats({static_cast<float>(n), 5, 6, 7});
            job.vertices.insert(job.vertices.end(), vertex.begin(), vertex.end());
            expected.push_back(bitsOf(static_cast<float>(n)));
        }
        Assembler gs(VGPU10_GEOMETRY_SHADER, 4, 1);
        gs.geometry(primitive, VGPU10_PRIMITIVE_TOPOLOGY_LINESTRIP, vertices).inputVertices(vertices, 0);
        gs.outputValue(0, VGPU10_NAME_POSITION);
        for (uint32_t n = 0; n < vertices; ++n) {
            gs.op(VGPU10_OPCODE_MOV, {o(0), v(n, 0).swizzle("xyzw")});
            gs.op(n % 2 ? VGPU10_OPCODE_EMITTHENCUT : VGPU10_OPCODE_EMIT);
        }
        if (vertices % 2) // a strip of one vertex is no line
            expected.pop_back();
        expected.resize(vertices + 1);
        job.geometry.emplace();
        job.geometry->tokens = gs.op(VGPU10_OPCODE_RET).finish();
        StreamOutput output;
        output.entries = {{0, 0x1, 0, 0, 0}};
        output.strideInBytes = {4, 0, 0, 0};
        job.geometry->options.streamOutput = &output;
        job.capture = {4 * (vertices + 1), 0, 0, 0};
        EXPECT_EQ(runner().draw(job).captured[0], expected);
    }
}

TEST(Draw, GeometryStreams) {
    DrawJob job;
    job.vertex.tokens = passThrough(0);
    job.attributes.assign(1, VK_FORMAT_R32G32B32A32_SFLOAT);
    job.vertices = floats({1, 2, 3, 4});
    Assembler gs(VGPU10_GEOMETRY_SHADER, 5, 0);
    gs.geometry(VGPU10_PRIMITIVE_POINT, VGPU10_PRIMITIVE_TOPOLOGY_POINTLIST, 8).inputVertices(1, 0);
    for (uint32_t n = 4; n-- > 0;)
        gs.declare(VGPU10_OPCODE_DCL_STREAM, {stream(n)}).output(n);
    for (uint32_t n = 0; n < 4; ++n)
        for (uint32_t vertex = 0; vertex <= n % 2; ++vertex) {
            gs.op(VGPU10_OPCODE_ADD, {o(n), v(0, 0).swizzle("xyzw"), imm(static_cast<float>(10 * n + 100 * vertex))});
            gs.op(VGPU10_OPCODE_EMIT_STREAM, {stream(n)}).op(VGPU10_OPCODE_CUT_STREAM, {stream(n)});
        }
    job.geometry.emplace();
    job.geometry->tokens = gs.op(VGPU10_OPCODE_RET).finish();
    StreamOutput output;
    for (uint32_t n = 0; n < 4; ++n)
        output.entries.push_back({n, 0x3, n, n, 0});
    output.strideInBytes = {8, 8, 8, 8};
    job.geometry->options.streamOutput = &output;
    job.capture = {16, 16, 16, 16};
    const DrawResult result = runner().draw(job);
    EXPECT_EQ(result.captured[0], (floats({1, 2, 0, 0})));
    EXPECT_EQ(result.captured[1], (floats({11, 12, 111, 112})));
    EXPECT_EQ(result.captured[2], (floats({21, 22, 0, 0})));
    EXPECT_EQ(result.captured[3], (floats({31, 32, 131, 132})));
}

Assembler hullDeclarations(VGPU10_TESSELLATOR_PARTITIONING partitioning) {
    Assembler hs(VGPU10_HULL_SHADER, 5, 0);
    hs.op(VGPU10_OPCODE_HS_DECLS);
    hs.declare(VGPU10_OPCODE_DCL_INPUT_CONTROL_POINT_COUNT, {}, {}, 3u << 11);
    hs.declare(VGPU10_OPCODE_DCL_OUTPUT_CONTROL_POINT_COUNT, {}, {}, 3u << 11);
    hs.declare(VGPU10_OPCODE_DCL_TESS_DOMAIN, {}, {}, VGPU10_TESSELLATOR_DOMAIN_TRI << 11);
    hs.declare(VGPU10_OPCODE_DCL_TESS_OUTPUT_PRIMITIVE, {}, {}, VGPU10_TESSELLATOR_OUTPUT_TRIANGLE_CCW << 11);
    hs.declare(VGPU10_OPCODE_DCL_TESS_PARTITIONING, {}, {}, partitioning << 11);
    return hs;
}

/** \brief Outer levels of 1, the inner one from register 1 of a control point; patch constant 6 is \p point + 40. */
void addPatchConstants(Assembler& hs, const Reg& point) {
    hs.op(VGPU10_OPCODE_HS_FORK_PHASE).output(6);
    for (uint32_t n = 0; n < 3; ++n)
        hs.outputValue(2 + n, VGPU10_NAME_FINAL_TRI_U_EQ_0_EDGE_TESSFACTOR + n, "x");
    hs.outputValue(5, VGPU10_NAME_FINAL_TRI_INSIDE_TESSFACTOR, "x");
    for (uint32_t n = 0; n < 3; ++n)
        hs.op(VGPU10_OPCODE_MOV, {o(2 + n).mask("x"), imm(1.0f)});
    const Reg controlPoint(VGPU10_OPERAND_TYPE_INPUT_CONTROL_POINT, {2, 1});
    hs.op(VGPU10_OPCODE_MOV, {o(5).mask("x"), controlPoint.swizzle("xxxx")});
    hs.op(VGPU10_OPCODE_ADD, {o(6), point.swizzle("xyzw"), imm(40.0f)});
    hs.op(VGPU10_OPCODE_RET);
}

/** \brief Patches of three vertices at (0, 0), (1, 0) and (0, 1), register 1 of each (3, 0, 0, 0). What the triangles
 * that the hull shader \p hull makes of them are captured as: for each vertex x and y, and patch constant 6 with the
 * inner level for its w. */
std::vector<float> tessellate(std::vector<uint32_t> hull) {
    DrawJob job;
    job.vertex.tokens = passThrough(1);
    job.attributes.assign(2, VK_FORMAT_R32G32B32A32_SFLOAT);
    for (uint32_t n = 0; n < 3; ++n) {
        const Words vertex = floats({static_cast<float>(n == 1), static_cast<float>(n == 2), 0, 1, 3, 0, 0, 0});
        job.vertices.insert(job.vertices.end(), vertex.begin(), vertex.end());
    }
    job.vertexCount = 3, job.patchSize = 3;
    job.topology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST;
    job.hull.emplace();
    job.hull->tokens = std::move(hull);

    Assembler ds(VGPU10_DOMAIN_SHADER, 5, 0);
    const Reg point = special(VGPU10_OPERAND_TYPE_INPUT_DOMAIN_POINT);
    const auto vertex = [](uint32_t n, uint32_t reg) { return Reg(VGPU10_OPERAND_TYPE_INPUT_CONTROL_POINT, {n, reg}); };
    ds.declare(VGPU10_OPCODE_DCL_INPUT_CONTROL_POINT_COUNT, {}, {}, 3u << 11);
    ds.declare(VGPU10_OPCODE_DCL_TESS_DOMAIN, {}, {}, VGPU10_TESSELLATOR_DOMAIN_TRI << 11);
    ds.declare(VGPU10_OPCODE_DCL_INPUT, {vertex(3, 0)});
    ds.declare(VGPU10_OPCODE_DCL_INPUT, {Reg(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {6})});
    ds.declare(VGPU10_OPCODE_DCL_INPUT_SIV, {Reg(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {5}).mask("x")},
               {VGPU10_NAME_FINAL_TRI_INSIDE_TESSFACTOR});
    ds.outputValue(0, VGPU10_NAME_POSITION).output(1).temps(1);
    ds.op(VGPU10_OPCODE_MUL, {r(0), point.swizzle("xxxx"), vertex(0, 0).swizzle("xyzw")});
    ds.op(VGPU10_OPCODE_MAD, {r(0), point.swizzle("yyyy"), vertex(1, 0).swizzle("xyzw"), r(0).swizzle("xyzw")});
    ds.op(VGPU10_OPCODE_MAD, {o(0), point.swizzle("zzzz"), vertex(2, 0).swizzle("xyzw"), r(0).swizzle("xyzw")});
    ds.op(VGPU10_OPCODE_MOV, {o(1), Reg(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {6}).swizzle("xyzw")});
    ds.op(VGPU10_OPCODE_MOV, {o(1).mask("w"), Reg(VGPU10_OPERAND_TYPE_INPUT_PATCH_CONSTANT, {5}).swizzle("xxxx")});
    job.domain.emplace();
    job.domain->tokens = ds.op(VGPU10_OPCODE_RET).finish();
    StreamOutput output;
    output.entries = {{0, 0x3, 0, 0, 0}, {1, 0xf, 0, 0, 8}};
    output.strideInBytes = {24, 0, 0, 0};
    job.domain->options.streamOutput = &output;
    job.capture = {24 * 3 * 10, 0, 0, 0};
    return asFloats(runner().draw(job).captured[0]);
}

/** \brief The control points doubled. */
std::vector<float> tessellateDoubled(VGPU10_TESSELLATOR_PARTITIONING partitioning) {
    Assembler hs = hullDeclarations(partitioning);
    hs.op(VGPU10_OPCODE_HS_CONTROL_POINT_PHASE).inputVertices(3, 0).inputVertices(3, 1).output(0).temps(1);
    hs.op(VGPU10_OPCODE_MOV,
          {r(0).mask("x"), Reg(VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT_ID, {}, VGPU10_OPERAND_1_COMPONENT)});
    hs.op(VGPU10_OPCODE_MUL, {o(0), v(0, 0).relative(0, r(0).select('x')).swizzle("xyzw"), imm(2.0f)})
        .op(VGPU10_OPCODE_RET);
    addPatchConstants(hs, Reg(VGPU10_OPERAND_TYPE_OUTPUT_CONTROL_POINT, {1, 0}));
    return tessellate(hs.finish());
}

TEST(Draw, Tessellation) {
    const auto captured = tessellateDoubled(VGPU10_TESSELLATOR_PARTITIONING_INTEGER);
    // Inner level 3, outer levels 1: seven triangles that fill the doubled triangle.
    float area = 0;
    for (size_t n = 0; n < 7; ++n) {
        const float *a = &captured[n * 18], *b = a + 6, *c = b + 6;
        const float part = ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2;
        // The domain's v goes down, as in D3D: counter-clockwise there is clockwise where it goes up. Mesa turns GL's
        // cw into this CCW.
        EXPECT_LT(part, 0.0f);
        area -= part;
        EXPECT_FLOAT_EQ(a[2], 42); // the second control point's doubled x
        EXPECT_FLOAT_EQ(a[5], 3);
    }
    EXPECT_NEAR(area, 2.0f, 1e-4f);
    EXPECT_FLOAT_EQ(captured[7 * 18 + 2], 0) << "an eighth triangle";
}

// Odd leaves 3 and 1 as they are. Even makes 4 of the 3, unevenly, and 2 of the 1.
TEST(Draw, FractionalTessellation) {
    EXPECT_EQ(tessellateDoubled(VGPU10_TESSELLATOR_PARTITIONING_FRACTIONAL_ODD),
              tessellateDoubled(VGPU10_TESSELLATOR_PARTITIONING_INTEGER));
    const auto even = tessellateDoubled(VGPU10_TESSELLATOR_PARTITIONING_FRACTIONAL_EVEN);
    EXPECT_FLOAT_EQ(even[9 * 18 + 2], 42) << "fewer than ten triangles";
}

/** \brief What follows the tokens of shader model 5: each register is of a generic float vector. */
std::vector<uint32_t> signature(std::initializer_list<uint32_t> inputs, std::initializer_list<uint32_t> outputs) {
    std::vector<uint32_t> words{SVGADX_SIGNATURE_HEADER_VERSION_0, static_cast<uint32_t>(inputs.size()),
                                static_cast<uint32_t>(outputs.size()), 0u};
    for (const auto& registers : {inputs, outputs})
        for (const uint32_t n : registers)
            words.insert(words.end(),
                         {n, SVGADX_SIGNATURE_SEMANTIC_NAME_UNDEFINED, 0xf, SVGADX_SIGNATURE_REGISTER_COMPONENT_FLOAT,
                          SVGADX_SIGNATURE_MIN_PRECISION_DEFAULT});
    return words;
}

// Without a control point phase the signatures tell which register becomes which.
TEST(Draw, ControlPointsPassAsTheSignaturesSay) {
    Assembler hs = hullDeclarations(VGPU10_TESSELLATOR_PARTITIONING_INTEGER);
    hs.inputVertices(3, 0).inputVertices(3, 1);
    addPatchConstants(hs, Reg(VGPU10_OPERAND_TYPE_INPUT_CONTROL_POINT, {1, 0}));
    const auto positions = [&](const std::vector<uint32_t>& signatures) {
        std::vector<uint32_t> tokens = hs.finish();
        tokens.insert(tokens.end(), signatures.begin(), signatures.end());
        const auto captured = tessellate(tokens);
        EXPECT_FLOAT_EQ(captured[2], 41);
        EXPECT_FLOAT_EQ(captured[5], 3);
        std::vector<float> sums{0, 0};
        for (size_t vertex = 0; vertex < 7u * 3; ++vertex)
            for (size_t axis = 0; axis < 2; ++axis)
                sums[axis] += captured[vertex * 6 + axis];
        return sums;
    };
    const auto unchanged = positions({});
    EXPECT_GT(unchanged[0], 0.0f);
    EXPECT_NEAR(unchanged[0], unchanged[1], 1e-4f);
    EXPECT_EQ(positions(signature({0, 1}, {0, 1})), unchanged);
    const auto moved = positions(signature({1}, {0})); // (3, 0) of all three: each triangle is that point
    EXPECT_NEAR(moved[0], 7 * 3 * 3.0f, 1e-3f);
    EXPECT_EQ(moved[1], 0.0f);
}

Texture ramp(VkImageViewType view, VkImageType type, VkExtent3D extent, uint32_t layers, uint32_t levels = 1) {
    Texture texture;
    texture.view = view;
    texture.type = type;
    texture.extent = extent;
    texture.layers = layers;
    texture.levels = levels;
    for (uint32_t level = 0; level < levels; ++level)
        for (uint32_t z = 0; z < std::max(1u, extent.depth >> level) * layers; ++z)
            for (uint32_t y = 0; y < std::max(1u, extent.height >> level); ++y)
                for (uint32_t x = 0; x < std::max(1u, extent.width >> level); ++x)
                    for (const uint32_t value : {x, y, z, level})
                        texture.data.push_back(bitsOf(static_cast<float>(value)));
    return texture;
}

TEST(Draw, FetchSampleAndQuery) {
    struct Dimension {
        uint32_t dimension;
        VkImageViewType view;
        VkImageType type;
        VkExtent3D extent;
        uint32_t layers;
        std::array<uint32_t, 4> texel;    ///< what LD at (2, 1, 1), level 0 gives
        std::array<uint32_t, 3> size;     ///< of level 1
        std::array<float, 4> coordinates; ///< of the middle of that texel
    };
    const Dimension dimensions[] = {
        {VGPU10_RESOURCE_DIMENSION_TEXTURE1D,
         VK_IMAGE_VIEW_TYPE_1D,
         VK_IMAGE_TYPE_1D,
         {4, 1, 1},
         1,
         {2, 0, 0, 0},
         {2, 0, 0},
         {0.625f, 0, 0, 0}},
        {VGPU10_RESOURCE_DIMENSION_TEXTURE1DARRAY,
         VK_IMAGE_VIEW_TYPE_1D_ARRAY,
         VK_IMAGE_TYPE_1D,
         {4, 1, 1},
         3,
         {2, 0, 1, 0},
         {2, 3, 0},
         {0.625f, 1, 0, 0}},
        {VGPU10_RESOURCE_DIMENSION_TEXTURE2D,
         VK_IMAGE_VIEW_TYPE_2D,
         VK_IMAGE_TYPE_2D,
         {4, 4, 1},
         1,
         {2, 1, 0, 0},
         {2, 2, 0},
         {0.625f, 0.375f, 0, 0}},
        {VGPU10_RESOURCE_DIMENSION_TEXTURE2DARRAY,
         VK_IMAGE_VIEW_TYPE_2D_ARRAY,
         VK_IMAGE_TYPE_2D,
         {4, 4, 1},
         3,
         {2, 1, 1, 0},
         {2, 2, 3},
         {0.625f, 0.375f, 1, 0}},
        {VGPU10_RESOURCE_DIMENSION_TEXTURE3D,
         VK_IMAGE_VIEW_TYPE_3D,
         VK_IMAGE_TYPE_3D,
         {4, 4, 4},
         1,
         {2, 1, 1, 0},
         {2, 2, 2},
         {0.625f, 0.375f, 0.375f, 0}},
    };
    for (const Dimension& d : dimensions) {
        SCOPED_TRACE(d.dimension);
        const auto run = [&](const std::function<void(Assembler&)>& body) {
            return drawPixel(
                [&](Assembler& a) {
                    a.resource(5, d.dimension).sampler(2);
                    body(a);
                },
                [&](StageJob& job) {
                    job.textures[5] = ramp(d.view, d.type, d.extent, d.layers, 2);
                    job.samplers[2] = {};
                });
        };
        Words expected;
        for (const uint32_t value : d.texel)
            expected.push_back(bitsOf(static_cast<float>(value)));
        const auto& c = d.coordinates;
        const Reg at = imm(c[0], c[1], c[2], c[3]);
        EXPECT_EQ(run([&](Assembler& a) { a.op(VGPU10_OPCODE_LD, {o(0), imm(2u, 1u, 1u, 0u), t(5)}); }), expected);
        EXPECT_EQ(run([&](Assembler& a) {
                      a.op(VGPU10_OPCODE_LD, {o(0), imm(1u, 1u, 1u, 0u), t(5)}, {.offset = {1, 0, 0}});
                  }),
                  expected);
        EXPECT_EQ(run([&](Assembler& a) {
                      a.op(VGPU10_OPCODE_SAMPLE_L, {o(0), at, t(5), s(2), imm(0.0f)});
                  }),
                  expected);
        EXPECT_EQ(run([&](Assembler& a) { a.op(VGPU10_OPCODE_SAMPLE, {o(0), at, t(5), s(2)}); }), expected);
        EXPECT_EQ(run([&](Assembler& a) {
                      a.op(VGPU10_OPCODE_SAMPLE_D, {o(0), at, t(5), s(2), imm(0.0f), imm(0.0f)});
                  }),
                  expected);
        EXPECT_EQ(run([&](Assembler& a) {
                      a.op(VGPU10_OPCODE_SAMPLE_B, {o(0), at, t(5), s(2), imm(0.0f)});
                  }),
                  expected);
        EXPECT_EQ(run([&](Assembler& a) {
                      a.op(VGPU10_OPCODE_SAMPLE_L, {o(0), at, t(5).swizzle("wzyx"), s(2), imm(0.0f)});
                  }),
                  (Words{expected[3], expected[2], expected[1], expected[0]}));
        const Words second = run([&](Assembler& a) {
            a.op(VGPU10_OPCODE_SAMPLE_L, {o(0), at, t(5), s(2), imm(1.0f)});
        });
        EXPECT_EQ(second[3], bitsOf(1.0f)); // from the second level
        EXPECT_EQ(run([&](Assembler& a) {
                      a.op(VGPU10_OPCODE_RESINFO, {o(0), imm(1u), t(5)}, {.bits = 2u << 11});
                  }),
                  (Words{d.size[0], d.size[1], d.size[2], 2}));
        EXPECT_EQ(run([&](Assembler& a) {
                      a.op(VGPU10_OPCODE_RESINFO, {o(0), imm(7u), t(5)}, {.bits = 2u << 11});
                  }),
                  (Words{0, 0, 0, 2}));
        const Words reciprocal = run([&](Assembler& a) {
            a.op(VGPU10_OPCODE_RESINFO, {o(0), imm(0u), t(5)}, {.bits = 1u << 11});
        });
        EXPECT_EQ(reciprocal[0], bitsOf(0.25f));
        EXPECT_EQ(run([&](Assembler& a) { a.op(VGPU10_OPCODE_LD, {o(0), imm(99u, 1u, 1u, 0u), t(5)}); })[0], 0u);
    }
}

TEST(Draw, CubesGathersAndComparisons) {
    const auto cube = [](StageJob& job) {
        job.textures[0] = ramp(VK_IMAGE_VIEW_TYPE_CUBE, VK_IMAGE_TYPE_2D, {2, 2, 1}, 6);
        job.textures[1] = ramp(VK_IMAGE_VIEW_TYPE_CUBE_ARRAY, VK_IMAGE_TYPE_2D, {2, 2, 1}, 12);
    };
    const auto faces = drawPixel(
        [](Assembler& a) {
            a.resource(0, VGPU10_RESOURCE_DIMENSION_TEXTURECUBE)
                .resource(1, VGPU10_RESOURCE_DIMENSION_TEXTURECUBEARRAY)
                .sampler(0);
            a.op(VGPU10_OPCODE_SAMPLE_L, {r(0), imm(0.1f, -1.0f, 0.1f, 0.0f), t(0), s(0), imm(0.0f)}); // -y: face 3
            a.op(VGPU10_OPCODE_SAMPLE_L,
                 {r(1), imm(0.1f, 0.1f, 1.0f, 1.0f), t(1), s(0), imm(0.0f)}); // +z of cube 1: 6 + 4
            a.op(VGPU10_OPCODE_RESINFO, {r(2), imm(0u), t(1)}, {.bits = 2u << 11});
            a.op(VGPU10_OPCODE_MOV, {r(3), r(0).swizzle("zzzz")})
                .op(VGPU10_OPCODE_MOV, {r(3).mask("y"), r(1).swizzle("zzzz")});
            a.op(VGPU10_OPCODE_MOV, {r(3).mask("zw"), r(2).swizzle("xxxz")})
                .op(VGPU10_OPCODE_MOV, {o(0), r(3).swizzle("xyzw")});
        },
        cube);
    EXPECT_EQ(faces, (Words{bitsOf(3), bitsOf(10), 2, 2}));

    const auto flat = [](StageJob& job) {
        job.textures[0] = ramp(VK_IMAGE_VIEW_TYPE_2D, VK_IMAGE_TYPE_2D, {4, 4, 1}, 1);
    };
    // Around the corner of texels (1, 1) and (2, 2): lower left, lower right, upper right, upper left.
    const auto gather = [&](uint32_t opcode, char component, std::initializer_list<Reg> offset, Control control = {}) {
        return drawPixel(
            [&](Assembler& a) {
                a.resource(0, VGPU10_RESOURCE_DIMENSION_TEXTURE2D).sampler(0);
                std::vector<Reg> operands{o(0), imm(0.5f, 0.5f, 0.0f, 0.0f)};
                operands.insert(operands.end(), offset);
                operands.push_back(t(0));
                operands.push_back(Reg(VGPU10_OPERAND_TYPE_SAMPLER, {0}).select(component));
                a.emit(opcode, operands, {}, control);
            },
            flat);
    };
    EXPECT_EQ(gather(VGPU10_OPCODE_GATHER4, 'x', {}), floats({1, 2, 2, 1}));
    EXPECT_EQ(gather(VGPU10_OPCODE_GATHER4, 'y', {}), floats({2, 2, 1, 1}));
    EXPECT_EQ(gather(VGPU10_OPCODE_GATHER4, 'y', {}, {.offset = {0, 1, 0}}), floats({3, 3, 2, 2}));
    EXPECT_EQ(gather(VGPU10_OPCODE_GATHER4_PO, 'x', {imm(1u, 0u, 0u, 0u)}), floats({2, 3, 3, 2}));
    EXPECT_EQ(gather(VGPU10_OPCODE_GATHER4_PO, 'x', {imm(0xffffffffu, 0u, 0u, 0u)}), floats({0, 1, 1, 0}));

    const auto depth = [](StageJob& job) {
        Texture texture;
        texture.format = VK_FORMAT_D32_SFLOAT;
        texture.extent = {2, 1, 1};
        texture.data = floats({0.25f, 0.75f});
        job.textures[0] = texture;
        job.samplers[0].compare = VK_COMPARE_OP_LESS;
    };
    const auto compared = drawPixel(
        [](Assembler& a) {
            a.resource(0, VGPU10_RESOURCE_DIMENSION_TEXTURE2D).sampler(0);
            a.op(VGPU10_OPCODE_SAMPLE_C, {r(0), imm(0.25f, 0.5f, 0.0f, 0.0f), t(0), s(0), imm(0.5f)});
            a.op(VGPU10_OPCODE_SAMPLE_C_LZ, {r(1), imm(0.75f, 0.5f, 0.0f, 0.0f), t(0), s(0), imm(0.5f)});
            a.op(VGPU10_OPCODE_MOV, {r(0).mask("y"), r(1).swizzle("xxxx")});
            a.op(VGPU10_OPCODE_GATHER4_C, {r(2), imm(0.5f, 0.5f, 0.0f, 0.0f), t(0), s(0), imm(0.5f)});
            a.op(VGPU10_OPCODE_MOV, {r(0).mask("zw"), r(2).swizzle("xxxy")})
                .op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")});
        },
        depth);
    EXPECT_EQ(compared, floats({0, 1, 0, 1})); // reference < texel
}

TEST(Draw, TypedBuffersAndIntegerTextures) {
    const auto out = drawPixel(
        [](Assembler& a) {
            a.resource(0, VGPU10_RESOURCE_DIMENSION_BUFFER, VGPU10_RETURN_TYPE_UINT);
            a.resource(1, VGPU10_RESOURCE_DIMENSION_TEXTURE2D, VGPU10_RETURN_TYPE_SINT);
            a.op(VGPU10_OPCODE_LD, {r(0), imm(2u), t(0)}).op(VGPU10_OPCODE_LD, {r(1), imm(9u), t(0)});
            a.op(VGPU10_OPCODE_LD, {r(2), imm(0u), t(1)}).op(VGPU10_OPCODE_BUFINFO, {r(3), t(0)});
            a.op(VGPU10_OPCODE_MOV, {r(0).mask("y"), r(1).swizzle("xxxx")})
                .op(VGPU10_OPCODE_MOV, {r(0).mask("z"), r(2).swizzle("yyyy")});
            a.op(VGPU10_OPCODE_MOV, {r(0).mask("w"), r(3).swizzle("xxxx")})
                .op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")});
        },
        [](StageJob& job) {
            job.buffers[0] = {7, 8, 9};
            job.textures[1].format = VK_FORMAT_R32G32B32A32_SINT;
            job.textures[1].data = {1, 0xfffffffe, 3, 4};
        });
    EXPECT_EQ(out, (Words{9, 0, 0xfffffffe, 3}));
}

TEST(Draw, FlowTakesTheRightWay) {
    // A loop that skips 2, stops at 5 and sums squares; then a switch with fall-through and a default.
    const auto run = [](uint32_t selector) {
        return drawPixel([&](Assembler& a) {
            a.op(VGPU10_OPCODE_MOV, {r(0), imm(0u)}).op(VGPU10_OPCODE_LOOP);
            a.op(VGPU10_OPCODE_IEQ, {r(1).mask("x"), r(0).swizzle("xxxx"), imm(5u)});
            a.op(VGPU10_OPCODE_BREAKC, {r(1).select('x')}, {.nonZero = true});
            a.op(VGPU10_OPCODE_IADD, {r(0).mask("x"), r(0).swizzle("xxxx"), imm(1u)});
            a.op(VGPU10_OPCODE_IEQ, {r(1).mask("x"), r(0).swizzle("xxxx"), imm(2u)});
            a.op(VGPU10_OPCODE_CONTINUEC, {r(1).select('x')}, {.nonZero = true});
            a.op(VGPU10_OPCODE_IMAD,
                 {r(0).mask("y"), r(0).swizzle("xxxx"), r(0).swizzle("xxxx"), r(0).swizzle("yyyy")});
            a.op(VGPU10_OPCODE_ENDLOOP).op(VGPU10_OPCODE_SWITCH, {imm(selector)});
            a.op(VGPU10_OPCODE_CASE, {imm(1u)}).op(VGPU10_OPCODE_IADD, {r(0).mask("z"), r(0).swizzle("zzzz"), imm(1u)});
            a.op(VGPU10_OPCODE_CASE, {imm(2u)})
                .op(VGPU10_OPCODE_IADD, {r(0).mask("z"), r(0).swizzle("zzzz"), imm(10u)})
                .op(VGPU10_OPCODE_BREAK);
            a.op(VGPU10_OPCODE_DEFAULT).op(VGPU10_OPCODE_MOV, {r(0).mask("z"), imm(99u)}).op(VGPU10_OPCODE_BREAK);
            a.op(VGPU10_OPCODE_CASE, {imm(3u)}).op(VGPU10_OPCODE_MOV, {o(0), imm(5u)}).op(VGPU10_OPCODE_RET);
            a.op(VGPU10_OPCODE_ENDSWITCH).op(VGPU10_OPCODE_IF, {r(0).select('z')}, {.nonZero = true});
            a.op(VGPU10_OPCODE_MOV, {r(0).mask("w"), imm(1u)})
                .op(VGPU10_OPCODE_ELSE)
                .op(VGPU10_OPCODE_MOV, {r(0).mask("w"), imm(2u)});
            a.op(VGPU10_OPCODE_ENDIF).op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")});
        });
    };
    EXPECT_EQ(run(1), (Words{5, 1 + 9 + 16 + 25, 11, 1}));
    EXPECT_EQ(run(2), (Words{5, 51, 10, 1}));
    EXPECT_EQ(run(3), (Words{5, 5, 5, 5}));
    EXPECT_EQ(run(9), (Words{5, 51, 99, 1}));
}

TEST(Dispatch, AtomicsOnEveryKindOfMemory) {
    struct Operation {
        uint32_t opcode;
        uint32_t expected; ///< of 64 threads, each with its number + 1, on memory that holds 5
    };
    const Operation operations[] = {
        {VGPU10_OPCODE_IMM_ATOMIC_IADD, 5 + 64 * 65 / 2},
        {VGPU10_OPCODE_IMM_ATOMIC_AND, 0},
        {VGPU10_OPCODE_IMM_ATOMIC_OR, 0x7f},
        {VGPU10_OPCODE_IMM_ATOMIC_XOR, 5 ^ 64},
        {VGPU10_OPCODE_IMM_ATOMIC_IMAX, 64},
        {VGPU10_OPCODE_IMM_ATOMIC_IMIN, 1},
        {VGPU10_OPCODE_IMM_ATOMIC_UMAX, 64},
        {VGPU10_OPCODE_IMM_ATOMIC_UMIN, 1},
    };
    for (const Operation& operation : operations) {
        SCOPED_TRACE(operation.opcode);
        Assembler a(VGPU10_COMPUTE_SHADER, 5, 0);
        a.threadGroup(64, 1, 1).temps(2).uavRaw(0).uavStructured(1, 8).sharedRaw(0, 16);
        a.uavTyped(2, VGPU10_RESOURCE_DIMENSION_BUFFER, VGPU10_RETURN_TYPE_UINT);
        a.uavTyped(3, VGPU10_RESOURCE_DIMENSION_TEXTURE2D, VGPU10_RETURN_TYPE_UINT);
        const Reg thread = special(VGPU10_OPERAND_TYPE_INPUT_THREAD_ID_IN_GROUP_FLATTENED).select('x');
        a.op(VGPU10_OPCODE_IADD, {r(0).mask("x"), thread, imm(1u)});
        a.op(VGPU10_OPCODE_STORE_RAW, {g(0).mask("x"), imm(4u), imm(5u)})
            .op(VGPU10_OPCODE_SYNC, {}, {.bits = 3u << 11});
        a.op(operation.opcode, {r(1).mask("x"), g(0), imm(4u), r(0).select('x')});
        a.op(operation.opcode, {r(1).mask("x"), g(0), imm(400u), r(0).select('x')}); // out of bounds
        a.op(operation.opcode, {r(1).mask("x"), u(0), imm(8u), r(0).select('x')});
        a.op(operation.opcode, {r(1).mask("x"), u(1), imm(1u, 4u, 0u, 0u), r(0).select('x')});
        a.op(operation.opcode, {r(1).mask("x"), u(2), imm(1u), r(0).select('x')});
        a.op(operation.opcode, {r(1).mask("x"), u(3), imm(1u, 0u, 0u, 0u), r(0).select('x')});
        a.op(VGPU10_OPCODE_SYNC, {}, {.bits = 3u << 11});
        a.op(VGPU10_OPCODE_LD_RAW, {r(1).mask("x"), imm(4u), g(0).swizzle("xyzw")});
        a.op(VGPU10_OPCODE_STORE_RAW, {u(0).mask("x"), imm(0u), r(1).select('x')}).op(VGPU10_OPCODE_RET);
        StageJob job;
        job.tokens = a.finish();
        job.uavBuffers[0] = {0, 0, 5};
        job.uavBuffers[1] = {5, 5, 5, 5};
        job.uavBuffers[2] = {5, 5};
        job.uavTextures[3].format = VK_FORMAT_R32_UINT;
        job.uavTextures[3].extent = {2, 1, 1};
        job.uavTextures[3].data = {5, 5};
        runner().dispatch(job, 1);
        EXPECT_EQ(job.uavBuffers[0], (Words{operation.expected, 0, operation.expected}));
        EXPECT_EQ(job.uavBuffers[1], (Words{5, 5, 5, operation.expected}));
        EXPECT_EQ(job.uavBuffers[2], (Words{5, operation.expected}));
        EXPECT_EQ(job.uavTextures[3].data, (Words{5, operation.expected}));
    }
}

TEST(Dispatch, ExchangesGiveTheOldValue) {
    Assembler a(VGPU10_COMPUTE_SHADER, 5, 0);
    a.threadGroup(1, 1, 1).temps(1).uavRaw(0);
    a.uavTyped(1, VGPU10_RESOURCE_DIMENSION_TEXTURE2D, VGPU10_RETURN_TYPE_FLOAT);
    a.op(VGPU10_OPCODE_IMM_ATOMIC_EXCH, {r(0).mask("x"), u(0), imm(0u), imm(20u)});
    a.op(VGPU10_OPCODE_IMM_ATOMIC_EXCH, {r(0).mask("w"), u(1), imm(1u, 0u, 0u, 0u), imm(2.5f)});
    a.op(VGPU10_OPCODE_IMM_ATOMIC_CMP_EXCH, {r(0).mask("y"), u(0), imm(4u), imm(11u), imm(21u)}); // equal: stored
    a.op(VGPU10_OPCODE_IMM_ATOMIC_CMP_EXCH, {r(0).mask("z"), u(0), imm(8u), imm(11u), imm(22u)}); // not equal
    a.op(VGPU10_OPCODE_ATOMIC_CMP_STORE, {u(0), imm(12u), imm(13u), imm(23u)});
    a.op(VGPU10_OPCODE_STORE_RAW, {u(0).mask("xyzw"), imm(16u), r(0).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    StageJob job;
    job.tokens = a.finish();
    job.options.floatImageAtomics = true;
    const auto bits = [](float value) { return std::bit_cast<uint32_t>(value); };
    job.uavTextures[1].format = VK_FORMAT_R32_SFLOAT;
    job.uavTextures[1].extent = {2, 1, 1};
    job.uavTextures[1].data = {bits(0.5f), bits(1.5f)};
    job.uavBuffers[0] = {10, 11, 12, 13, 0, 0, 0, 0};
    runner().dispatch(job, 1);
    EXPECT_EQ(job.uavBuffers[0], (Words{20, 21, 12, 23, 10, 11, 12, bits(1.5f)}));
    EXPECT_EQ(job.uavTextures[1].data, (Words{bits(0.5f), bits(2.5f)}));
}

TEST(Dispatch, StructuredRawAndTypedAccess) {
    Assembler a(VGPU10_COMPUTE_SHADER, 5, 0);
    a.threadGroup(1, 1, 1).temps(4).resourceStructured(0, 12).resourceRaw(1).uavStructured(0, 8).uavRaw(1);
    a.uavTyped(2, VGPU10_RESOURCE_DIMENSION_TEXTURE2DARRAY, VGPU10_RETURN_TYPE_FLOAT).sharedStructured(0, 8, 2);
    const Reg group = special(VGPU10_OPERAND_TYPE_INPUT_THREAD_GROUP_ID);
    a.op(VGPU10_OPCODE_LD_STRUCTURED, {r(0).mask("xy"), imm(1u), imm(4u), t(0)}); // 14, 15
    a.op(VGPU10_OPCODE_LD_RAW, {r(0).mask("zw"), imm(4u), t(1).swizzle("xxyx")}); // 32, 31
    a.op(VGPU10_OPCODE_STORE_STRUCTURED, {u(0).mask("xy"), group.select('x'), imm(0u), r(0).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_STORE_STRUCTURED, {g(0).mask("xy"), imm(1u), imm(0u), r(0).swizzle("zwzw")});
    a.op(VGPU10_OPCODE_STORE_STRUCTURED, {g(0).mask("x"), imm(7u), imm(0u), imm(1u)}); // out of bounds
    a.op(VGPU10_OPCODE_LD_STRUCTURED, {r(1).mask("xy"), imm(1u), imm(0u), g(0).swizzle("yxxx")});
    a.op(VGPU10_OPCODE_LD_STRUCTURED, {r(1).mask("z"), imm(2u), imm(0u), g(0).swizzle("xxxx")}); // out of bounds
    a.op(VGPU10_OPCODE_LD_UAV_TYPED, {r(2), imm(1u, 0u, 1u, 0u), u(2).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_STORE_UAV_TYPED, {u(2), imm(0u, 0u, 1u, 0u), r(2).swizzle("wzyx")});
    a.op(VGPU10_OPCODE_RESINFO, {r(3).mask("xyz"), imm(0u), u(2).swizzle("xyzw")}, {.bits = 2u << 11});
    a.op(VGPU10_OPCODE_BUFINFO, {r(3).mask("w"), u(0).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_BUFINFO, {r(1).mask("w"), t(1)});
    a.op(VGPU10_OPCODE_IF, {group.select('x')}); // one group writes what follows
    a.op(VGPU10_OPCODE_STORE_RAW, {u(1), imm(0u), r(1).swizzle("xyzw")})
        .op(VGPU10_OPCODE_STORE_RAW, {u(1), imm(16u), r(3).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_ENDIF).op(VGPU10_OPCODE_RET);
    StageJob job;
    job.tokens = a.finish();
    job.buffers[0] = {10, 11, 12, 13, 14, 15};
    job.buffers[1] = {30, 31, 32, 33};
    job.uavBuffers[0].resize(6);
    job.uavBuffers[1].resize(8);
    job.uavTextures[2] = ramp(VK_IMAGE_VIEW_TYPE_2D_ARRAY, VK_IMAGE_TYPE_2D, {2, 1, 1}, 2);
    runner().dispatch(job, 3);
    EXPECT_EQ(job.uavBuffers[0], (Words{14, 15, 14, 15, 14, 15}));
    EXPECT_EQ(job.uavBuffers[1], (Words{31, 32, 0, 16, 2, 1, 2, 3}));
    const Words& texels = job.uavTextures[2].data;
    EXPECT_EQ(Words(texels.begin() + 8, texels.begin() + 12), floats({0, 1, 0, 1}));
}

} // namespace
} // namespace svga::vgpu10::test
