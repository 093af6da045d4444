// SPDX-License-Identifier: MIT
/** \file Rasterizer, depth, stencil and blend state, render targets of all sorts. */
#include "tests/dx/dx_fixture.h"

#include <algorithm>
#include <cmath>

namespace svga::device::test {

using namespace vgpu10::test;

namespace {
constexpr Vec4 kRedF{1, 0, 0, 1}, kGreenF{0, 1, 0, 1}, kBlueF{0, 0, 1, 1};
}

TEST_F(DxTest, ViewportBoundsAndPlaces) {
    setUpScene();
    setViewport(4, 8, 8, 4);
    drawQuad(kRedF);
    for (uint32_t y = 0; y < kSize; ++y)
        for (uint32_t x = 0; x < kSize; ++x)
            EXPECT_EQ(pixel(target, x, y), x >= 4 && x < 12 && y >= 8 && y < 12 ? kRed : kBlack) << x << ' ' << y;
}

TEST_F(DxTest, ScissorCutsOnlyWhereEnabled) {
    setUpScene();
    send(SVGA_3D_CMD_DX_SET_SCISSORRECTS, SVGA3dCmdDXSetScissorRects{}, std::vector<SVGASignedRect>{{2, 3, 5, 7}});
    drawQuad(kRedF);
    EXPECT_EQ(pixel(target, 10, 10), kRed);
    auto state = plainRasterizer();
    state.scissorEnable = 1;
    setRasterizer(rasterizer(state));
    drawQuad(kGreenF);
    EXPECT_EQ(pixel(target, 2, 3), kGreen);
    EXPECT_EQ(pixel(target, 4, 6), kGreen);
    EXPECT_EQ(pixel(target, 1, 3), kRed);
    EXPECT_EQ(pixel(target, 5, 6), kRed);
    EXPECT_EQ(pixel(target, 4, 7), kRed);
    EXPECT_EQ(pixel(target, 2, 2), kRed);
}

TEST_F(DxTest, CullsByWinding) {
    setUpScene();
    auto state = plainRasterizer();
    state.cullMode = SVGA3D_CULL_BACK; // quad() is clockwise as seen, which is D3D's front
    const uint32_t cullBack = rasterizer(state);
    state.frontCounterClockwise = 1;
    const uint32_t cullClockwise = rasterizer(state);
    setRasterizer(cullClockwise);
    drawQuad(kRedF);
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
    setRasterizer(cullBack);
    drawQuad(kGreenF);
    EXPECT_EQ(pixel(target, 8, 8), kGreen);
}

TEST_F(DxTest, WireframeLeavesTheInside) {
    setUpScene();
    auto state = plainRasterizer();
    state.fillMode = SVGA3D_FILLMODE_LINE;
    setRasterizer(rasterizer(state));
    const std::vector<Vertex> vertices = {{{-0.9f, -0.9f, 0.5f, 1}, {1, 0, 0, 1}},
                                          {{-0.9f, 0.9f, 0.5f, 1}, {1, 0, 0, 1}},
                                          {{0.9f, -0.9f, 0.5f, 1}, {1, 0, 0, 1}}};
    setVertices(bufferOf(vertices), sizeof(Vertex));
    draw(3);
    EXPECT_EQ(pixel(target, 0, 8), kRed);
    EXPECT_EQ(pixel(target, 3, 12), kBlack);
}

TEST_F(DxTest, ProvokingVertexOfFlatShading) {
    setUpScene();
    Assembler flat(VGPU10_PIXEL_SHADER, 4, 0);
    flat.inputPixel(1, VGPU10_INTERPOLATION_CONSTANT).output(0);
    flat.op(VGPU10_OPCODE_MOV, {o(0), v(1).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_PS, shader(SVGA3D_SHADERTYPE_PS, flat));
    const std::vector<Vertex> vertices = {
        {{-1, -1, 0.5f, 1}, {1, 0, 0, 1}}, {{-1, 3, 0.5f, 1}, {0, 1, 0, 1}}, {{3, -1, 0.5f, 1}, {0, 0, 1, 1}}};
    setVertices(bufferOf(vertices), sizeof(Vertex));
    draw(3);
    EXPECT_EQ(pixel(target, 8, 8), kRed);
    auto state = plainRasterizer();
    state.provokingVertexLast = 1;
    setRasterizer(rasterizer(state));
    draw(3);
    EXPECT_EQ(pixel(target, 8, 8), kBlue);
}

TEST_F(DxTest, DepthTestAndBias) {
    setUpScene();
    const uint32_t depth = texture(kSize, kSize, SVGA3D_D24_UNORM_S8_UINT, SVGA3D_SURFACE_BIND_DEPTH_STENCIL);
    const uint32_t view = depthView(depth, SVGA3D_D24_UNORM_S8_UINT);
    clearDepth(view, 1.0f, 0);
    setTargets({targetView}, view);
    setDepthStencil(depthStencil(plainDepth(SVGA3D_COMPARISON_LESS)));
    drawQuad(kRedF, -1, -1, 1, 1, 0.5f);
    drawQuad(kGreenF, -1, -1, 0, 1, 0.75f); // behind
    drawQuad(kBlueF, 0, -1, 1, 1, 0.25f);   // before
    EXPECT_EQ(pixel(target, 2, 2), kRed);
    EXPECT_EQ(pixel(target, 12, 2), kBlue);

    drawQuad(kGreenF, -1, -1, 0, 1, 0.5f); // the same depth is not less
    EXPECT_EQ(pixel(target, 2, 2), kRed);
    auto state = plainRasterizer();
    state.depthBias = -1000;
    setRasterizer(rasterizer(state));
    drawQuad(kGreenF, -1, -1, 0, 1, 0.5f);
    EXPECT_EQ(pixel(target, 2, 2), kGreen);

    const uint32_t readOnly = depthView(depth, SVGA3D_D24_UNORM_S8_UINT, SVGA3D_DXDSVIEW_CREATE_READ_ONLY_DEPTH);
    setTargets({targetView}, readOnly);
    drawQuad(kRedF, 0, -1, 1, 1, 0.1f); // seen, but its depth is not kept
    drawQuad(kGreenF, 0, -1, 1, 1, 0.2f);
    EXPECT_EQ(pixel(target, 12, 2), kGreen);
}

TEST_F(DxTest, DepthRangeAndClip) {
    setUpScene();
    const uint32_t depth = texture(kSize, kSize, SVGA3D_D32_FLOAT, SVGA3D_SURFACE_BIND_DEPTH_STENCIL);
    const uint32_t view = depthView(depth, SVGA3D_D32_FLOAT);
    clearDepth(view, 1.0f, 0);
    setTargets({targetView}, view);
    setViewport(0, 0, kSize, kSize, 0.5f, 0.75f);
    drawQuad(kRedF, -1, -1, 1, 1, 0.5f);
    EXPECT_FLOAT_EQ(read<float>(depth).at(0), 0.625f);
    drawQuad(kGreenF, -1, -1, 1, 1, 1.5f); // clipped
    EXPECT_EQ(pixel(target, 8, 8), kRed);
    auto state = plainRasterizer();
    state.depthClipEnable = 0;
    setRasterizer(rasterizer(state));
    drawQuad(kGreenF, -1, -1, 1, 1, 1.5f);
    EXPECT_EQ(pixel(target, 8, 8), kGreen);
    EXPECT_FLOAT_EQ(read<float>(depth).at(0), 0.75f);
}

TEST_F(DxTest, StencilWritesTestsAndClears) {
    setUpScene();
    const uint32_t depth = texture(kSize, kSize, SVGA3D_D24_UNORM_S8_UINT, SVGA3D_SURFACE_BIND_DEPTH_STENCIL);
    const uint32_t view = depthView(depth, SVGA3D_D24_UNORM_S8_UINT);
    clearDepth(view, 1.0f, 7);
    setTargets({targetView}, view);
    auto state = plainDepth(SVGA3D_COMPARISON_ALWAYS);
    state.stencilEnable = 1;
    state.frontStencilPassOp = state.backStencilPassOp = SVGA3D_STENCILOP_REPLACE;
    setDepthStencil(depthStencil(state), 3);
    drawQuad(kRedF, -1, -1, 0, 1);
    state.frontStencilPassOp = state.backStencilPassOp = SVGA3D_STENCILOP_INCR;
    state.frontStencilFunc = state.backStencilFunc = SVGA3D_COMPARISON_EQUAL;
    setDepthStencil(depthStencil(state), 3);
    drawQuad(kGreenF);
    EXPECT_EQ(pixel(target, 2, 2), kGreen);
    EXPECT_EQ(pixel(target, 12, 2), kBlack);
    EXPECT_EQ(read<uint32_t>(depth).at(0) >> 24, 4u);
    EXPECT_EQ(read<uint32_t>(depth).at(15) >> 24, 7u);

    clearDepth(view, 0.25f, 9, SVGA3D_CLEAR_STENCIL);
    EXPECT_EQ(read<uint32_t>(depth).at(0) >> 24, 9u);
    const uint32_t before = read<uint32_t>(depth).at(0) & 0xffffff;
    clearDepth(view, 0.0f, 1, SVGA3D_CLEAR_DEPTH);
    EXPECT_EQ(read<uint32_t>(depth).at(0), 9u << 24);
    EXPECT_NE(before, 0u);
}

TEST_F(DxTest, BlendsFactorsAndEquations) {
    struct Case {
        const char* name;
        uint8_t source, destination, equation;
        Rgba expected;
    };
    // Source (0.5, 0, 0, 0.5) over (0, 0.5, 0, 1), blend factor 0.25.
    const Case cases[] = {
        {"add", SVGA3D_BLENDOP_ONE, SVGA3D_BLENDOP_ONE, SVGA3D_BLENDEQ_ADD, {128, 128, 0, 255}},
        {"over", SVGA3D_BLENDOP_SRCALPHA, SVGA3D_BLENDOP_INVSRCALPHA, SVGA3D_BLENDEQ_ADD, {64, 64, 0, 191}},
        {"factor", SVGA3D_BLENDOP_BLENDFACTOR, SVGA3D_BLENDOP_ZERO, SVGA3D_BLENDEQ_ADD, {32, 0, 0, 32}},
        {"reverse", SVGA3D_BLENDOP_ONE, SVGA3D_BLENDOP_ONE, SVGA3D_BLENDEQ_REVSUBTRACT, {0, 128, 0, 127}},
        {"max", SVGA3D_BLENDOP_ONE, SVGA3D_BLENDOP_ONE, SVGA3D_BLENDEQ_MAXIMUM, {128, 128, 0, 255}},
        {"destination", SVGA3D_BLENDOP_DESTCOLOR, SVGA3D_BLENDOP_DESTALPHA, SVGA3D_BLENDEQ_ADD, {0, 128, 0, 255}},
    };
    setUpScene();
    for (const Case& test : cases) {
        clear(targetView, {0, 128 / 255.0f, 0, 1});
        auto state = plainBlend();
        state.perRT[0].blendEnable = 1;
        state.perRT[0].srcBlend = state.perRT[0].srcBlendAlpha = test.source;
        state.perRT[0].destBlend = state.perRT[0].destBlendAlpha = test.destination;
        state.perRT[0].blendOp = state.perRT[0].blendOpAlpha = test.equation;
        setBlend(blend(state), {0.25f, 0.25f, 0.25f, 0.25f});
        drawQuad({128 / 255.0f, 0, 0, 128 / 255.0f});
        const Rgba got = pixel(target, 8, 8);
        for (const auto& [a, b] : {std::pair(got.r, test.expected.r),
                                   {got.g, test.expected.g},
                                   {got.b, test.expected.b},
                                   {got.a, test.expected.a}})
            EXPECT_NEAR(a, b, 1) << test.name << ' ' << got;
    }
}

TEST_F(DxTest, WriteMaskIndependentBlendAndSeveralTargets) {
    setUpScene();
    const uint32_t second = texture(kSize, kSize, SVGA3D_R8G8B8A8_UNORM, SVGA3D_SURFACE_BIND_RENDER_TARGET);
    const uint32_t secondView = renderTargetView(second);
    clear(secondView, {0, 0, 1, 1});
    Assembler two(VGPU10_PIXEL_SHADER, 4, 0);
    two.inputPixel(1, VGPU10_INTERPOLATION_LINEAR).output(0).output(2);
    two.op(VGPU10_OPCODE_MOV, {o(0), v(1).swizzle("xyzw")});
    two.op(VGPU10_OPCODE_MOV, {o(2), v(1).swizzle("yxzw")}).op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_PS, shader(SVGA3D_SHADERTYPE_PS, two));
    auto state = plainBlend();
    state.independentBlendEnable = 1;
    state.perRT[0].renderTargetWriteMask = SVGA3D_COLOR_WRITE_ENABLE_RED;
    state.perRT[2].blendEnable = 1;
    state.perRT[2].destBlend = SVGA3D_BLENDOP_ONE;
    setBlend(blend(state));
    setTargets({targetView, kNone, secondView}); // slot 1 stays empty
    drawQuad({1, 1, 1, 1}, -1, -1, 1, 1);
    EXPECT_EQ(pixel(target, 8, 8), (Rgba{255, 0, 0, 0}));
    drawQuad({0, 0, 0, 1});
    EXPECT_EQ(pixel(second, 8, 8), kWhite);
}

TEST_F(DxTest, TargetsTheShaderLeavesOutKeepTheirPixels) {
    setUpScene();
    const uint32_t second = texture(kSize, kSize, SVGA3D_R8G8B8A8_UNORM, SVGA3D_SURFACE_BIND_RENDER_TARGET);
    const uint32_t secondView = renderTargetView(second);
    clear(secondView, kBlueF);
    setTargets({targetView, secondView});
    drawQuad(kRedF);
    EXPECT_EQ(pixel(target, 8, 8), kRed);
    EXPECT_EQ(pixel(second, 8, 8), kBlue);
    setShader(SVGA3D_SHADERTYPE_PS, kNone);
    drawQuad(kGreenF);
    EXPECT_EQ(pixel(target, 8, 8), kRed);
}

TEST_F(DxTest, DualSourceBlend) {
    setUpScene();
    Assembler dual(VGPU10_PIXEL_SHADER, 4, 0);
    dual.inputPixel(1, VGPU10_INTERPOLATION_LINEAR).output(0).output(1);
    dual.op(VGPU10_OPCODE_MOV, {o(0), v(1).swizzle("xyzw")});
    dual.op(VGPU10_OPCODE_MOV, {o(1), imm(0.0f, 0.5f, 1.0f, 1.0f)}).op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_PS, shader(SVGA3D_SHADERTYPE_PS, dual));
    auto state = plainBlend();
    state.perRT[0].blendEnable = 1;
    state.perRT[0].srcBlend = SVGA3D_BLENDOP_SRC1COLOR;
    setBlend(blend(state));
    drawQuad({1, 1, 1, 1});
    const Rgba got = pixel(target, 8, 8);
    EXPECT_EQ(got.r, 0);
    EXPECT_NEAR(got.g, 128, 1);
    EXPECT_EQ(got.b, 255);
}

TEST_F(DxTest, LogicOp) {
    setUpScene();
    clear(targetView, {0, 0xf0 / 255.0f, 1, 1});
    auto state = plainBlend();
    state.perRT[0].logicOpEnable = 1;
    state.perRT[0].logicOp = SVGA3D_DX11_LOGICOP_XOR;
    setBlend(blend(state));
    drawQuad({0, 1, 1, 0});
    EXPECT_EQ(pixel(target, 8, 8), (Rgba{0, 0x0f, 0, 255}));
}

TEST_F(DxTest, AlphaTargetsHoldTheShadersAlpha) {
    setUpScene();
    const uint32_t alpha = texture(kSize, kSize, SVGA3D_A8_UNORM, SVGA3D_SURFACE_BIND_RENDER_TARGET);
    const uint32_t view = renderTargetView(alpha, SVGA3D_A8_UNORM);
    const auto texel = [&] { return int(read<uint8_t>(alpha).at(0)); };
    clear(view, {1, 1, 1, 0.2f});
    EXPECT_EQ(texel(), 51);
    setTargets({view});
    drawQuad({1, 0.5f, 0, 0.4f});
    EXPECT_EQ(texel(), 102);
    // source alpha * (1 - target alpha) + target alpha * source alpha, in the alpha equation alone
    auto state = plainBlend();
    state.perRT[0].blendEnable = 1;
    state.perRT[0].srcBlendAlpha = SVGA3D_BLENDOP_INVDESTALPHA;
    state.perRT[0].destBlendAlpha = SVGA3D_BLENDOP_SRCALPHA;
    setBlend(blend(state));
    drawQuad({0, 0, 0, 0.8f});
    EXPECT_NEAR(texel(), std::lround(255 * (0.8 * (1 - 0.4) + 0.4 * 0.8)), 1);
    // Alpha is masked by its own bit.
    state = plainBlend();
    state.perRT[0].renderTargetWriteMask = SVGA3D_COLOR_WRITE_ENABLE_ALL & ~SVGA3D_COLOR_WRITE_ENABLE_ALPHA;
    setBlend(blend(state));
    const int before = texel();
    drawQuad({1, 1, 1, 1});
    EXPECT_EQ(texel(), before);
}

TEST_F(DxTest, SrgbTargetsEncode) {
    setUpScene(SVGA3D_R8G8B8A8_UNORM_SRGB);
    drawQuad({0.5f, 0, 0, 0.5f});
    EXPECT_NEAR(pixel(target, 8, 8).r, 188, 1);
    EXPECT_NEAR(pixel(target, 8, 8).a, 128, 1);
    clear(targetView, {0.5f, 0, 0, 1});
    EXPECT_NEAR(pixel(target, 8, 8).r, 188, 1);
}

TEST_F(DxTest, TypelessSurfaceSeenAsLinearAndSrgb) {
    setUpScene();
    const uint32_t typeless = texture(kSize, kSize, SVGA3D_R8G8B8A8_TYPELESS, SVGA3D_SURFACE_BIND_RENDER_TARGET);
    clear(renderTargetView(typeless, SVGA3D_R8G8B8A8_UNORM_SRGB), {0.5f, 0, 0, 1});
    EXPECT_NEAR(pixel(typeless, 0, 0).r, 188, 1);
    clear(renderTargetView(typeless, SVGA3D_R8G8B8A8_UNORM), {0.5f, 0, 0, 1});
    EXPECT_NEAR(pixel(typeless, 0, 0).r, 128, 1);
}

TEST_F(DxTest, IntegerTargets) {
    setUpScene(SVGA3D_R32G32B32A32_UINT);
    clear(targetView, {7, 65536, 0, 3});
    EXPECT_EQ(read<uint32_t>(target).at(1), 65536u);
    Assembler integer(VGPU10_PIXEL_SHADER, 4, 0);
    integer.output(0);
    integer.op(VGPU10_OPCODE_MOV, {o(0), imm(1u, 0xffffffffu, 0x7fc00001u, 4u)}).op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_PS, shader(SVGA3D_SHADERTYPE_PS, integer));
    drawQuad({});
    const auto texels = read<uint32_t>(target);
    EXPECT_EQ((std::array{texels[0], texels[1], texels[2], texels[3]}), (std::array{1u, 0xffffffffu, 0x7fc00001u, 4u}));
}

TEST_F(DxTest, MipAndSliceOfTargets) {
    setUpScene();
    SurfaceDesc desc;
    desc.format = SVGA3D_R8G8B8A8_UNORM;
    desc.flags = SVGA3D_SURFACE_BIND_RENDER_TARGET | SVGA3D_SURFACE_BIND_SHADER_RESOURCE | SVGA3D_SURFACE_ARRAY;
    desc.size = {8, 8, 1};
    desc.mipLevels = 2;
    desc.arraySize = 3;
    const uint32_t array = surface(desc);
    clear(renderTargetView(array, SVGA3D_R8G8B8A8_UNORM, 1, 2, 1), kGreenF);
    const auto texels = read<Rgba>(array);
    const std::size_t element = 64 + 16; // texels of one array element
    EXPECT_EQ(texels[2 * element + 64], kGreen);
    EXPECT_EQ(texels[2 * element + 79], kGreen);
    EXPECT_EQ(texels[2 * element], kBlack);
    EXPECT_EQ(texels[1 * element + 64], kBlack);
    setTargets({renderTargetView(array, SVGA3D_R8G8B8A8_UNORM, 0, 1, 1)});
    setViewport(0, 0, 8, 8);
    drawQuad(kRedF);
    EXPECT_EQ(read<Rgba>(array)[element + 63], kRed);
    EXPECT_EQ(read<Rgba>(array)[63], kBlack);
}

TEST_F(DxTest, TargetsOfDifferentSizesAreDrawnWhereAllAre) {
    setUpScene();
    const uint32_t small = texture(8, 8, SVGA3D_R8G8B8A8_UNORM, SVGA3D_SURFACE_BIND_RENDER_TARGET);
    setTargets({targetView, renderTargetView(small)});
    drawQuad(kRedF);
    EXPECT_EQ(pixel(target, 7, 7), kRed);
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
}

TEST_F(DxTest, MultisampledTargetResolves) {
    setUpScene();
    SurfaceDesc desc;
    desc.format = SVGA3D_R8G8B8A8_UNORM;
    desc.flags = SVGA3D_SURFACE_BIND_RENDER_TARGET | SVGA3D_SURFACE_MULTISAMPLE;
    desc.size = {kSize, kSize, 1};
    desc.sampleCount = 4;
    const uint32_t samples = surface(desc);
    const uint32_t view = renderTargetView(samples);
    clear(view, {0, 0, 0, 0});
    setTargets({view});
    auto multisample = plainRasterizer();
    multisample.multisampleEnable = SVGA3D_MULTISAMPLE_RAST_ENABLE;
    setRasterizer(rasterizer(multisample));
    // An edge through the middle of pixel column 8: half of its samples.
    drawQuad({1, 1, 1, 1}, -1, -1, 1.0f / kSize, 1);
    const auto resolve = [&] {
        send(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{target, 0, samples, 0, SVGA3D_R8G8B8A8_UNORM});
    };
    resolve();
    EXPECT_EQ(pixel(target, 7, 8), kWhite);
    EXPECT_NEAR(pixel(target, 8, 8).r, 128, 1);
    EXPECT_EQ(pixel(target, 9, 8), kBlack);

    clear(view, {0, 0, 0, 0});
    setBlend(blend(plainBlend()), {1, 1, 1, 1}, 0x1); // one sample of four
    drawQuad({1, 1, 1, 1});
    resolve();
    EXPECT_NEAR(pixel(target, 3, 3).r, 64, 1);

    clear(view, {0, 0, 0, 0});
    auto coverage = plainBlend();
    coverage.alphaToCoverageEnable = 1;
    setBlend(blend(coverage));
    drawQuad({1, 1, 1, 0.5f});
    resolve();
    EXPECT_NEAR(pixel(target, 3, 3).r, 128, 1);
}

TEST_F(DxTest, WithoutMultisamplingPixelsAreWhole) {
    setUpScene();
    SurfaceDesc desc;
    desc.format = SVGA3D_R8G8B8A8_UNORM;
    desc.flags = SVGA3D_SURFACE_BIND_RENDER_TARGET | SVGA3D_SURFACE_MULTISAMPLE;
    desc.size = {kSize, kSize, 1};
    desc.sampleCount = 4;
    const uint32_t samples = surface(desc);
    const uint32_t samplesView = renderTargetView(samples);
    // A slanting triangle whose colours change across it, and one whose colour is the place that the shader is told.
    setVertices(bufferOf<Vertex>({{{-0.9f, -0.8f, 0.5f, 1}, {1, 0, 0, 1}},
                                  {{0.1f, 0.95f, 0.5f, 1}, {0, 1, 0, 1}},
                                  {{0.85f, -0.33f, 0.5f, 1}, {0, 0, 1, 1}}}),
                sizeof(Vertex));
    Assembler place(VGPU10_PIXEL_SHADER, 4, 0);
    place.inputPixelValue(0, VGPU10_NAME_POSITION).output(0);
    place.op(VGPU10_OPCODE_MUL, {o(0), v(0).swizzle("xyzw"), imm(1.0f / kSize)});
    place.op(VGPU10_OPCODE_RET);
    for (uint32_t pixelShader : {kNone, shader(SVGA3D_SHADERTYPE_PS, place)}) {
        if (pixelShader != kNone)
            setShader(SVGA3D_SHADERTYPE_PS, pixelShader);
        setTargets({targetView});
        clear(targetView, {0, 0, 0, 0});
        draw(3);
        const auto expected = read<Rgba>(target);
        setTargets({samplesView});
        clear(samplesView, {0, 0, 0, 0});
        draw(3); // the plain rasterizer has multisampling off
        const auto sheets = read<Rgba>(samples);
        uint32_t covered = 0;
        for (uint32_t i = 0; i < 4 * kSize * kSize; ++i) {
            const Rgba &seen = sheets[i], &wanted = expected[i % (kSize * kSize)];
            EXPECT_NEAR(seen.r, wanted.r, 1) << "sample " << i / (kSize * kSize) << ", pixel " << i % (kSize * kSize);
            EXPECT_NEAR(seen.g, wanted.g, 1) << "sample " << i / (kSize * kSize) << ", pixel " << i % (kSize * kSize);
            EXPECT_NEAR(seen.b, wanted.b, 1) << "sample " << i / (kSize * kSize) << ", pixel " << i % (kSize * kSize);
            EXPECT_EQ(seen.a != 0, wanted.a != 0);
            covered += seen.a != 0;
        }
        EXPECT_GT(covered, 4u * 60);
    }
}

TEST_F(DxTest, PointsAndLines) {
    setUpScene();
    const std::vector<Vertex> vertices = {{{-1 + 5.0f / kSize, 1 - 5.0f / kSize, 0.5f, 1}, {1, 0, 0, 1}},
                                          {{1 - 5.0f / kSize, 1 - 5.0f / kSize, 0.5f, 1}, {1, 0, 0, 1}}};
    setVertices(bufferOf(vertices), sizeof(Vertex));
    setTopology(SVGA3D_PRIMITIVE_POINTLIST);
    draw(1);
    auto texels = read<Rgba>(target);
    EXPECT_EQ(std::count(texels.begin(), texels.begin() + kSize * kSize, kRed), 1);
    EXPECT_EQ(pixel(target, 2, 2), kRed);
    setTopology(SVGA3D_PRIMITIVE_LINELIST);
    draw(2);
    texels = read<Rgba>(target);
    EXPECT_EQ(pixel(target, 8, 2), kRed);
    EXPECT_EQ(pixel(target, 8, 1), kBlack);
    EXPECT_EQ(pixel(target, 8, 3), kBlack);
}

TEST_F(DxTest, LineStippleRepeatsEachBit) {
    if (!device.features().stippledLines)
        GTEST_SKIP() << "the device has no stippled lines";
    setUpScene();
    // Through the centres of a row of pixels, all of it.
    setVertices(
        bufferOf<Vertex>({{{-1, 1.0f / kSize, 0.5f, 1}, {1, 0, 0, 1}}, {{1, 1.0f / kSize, 0.5f, 1}, {1, 0, 0, 1}}}),
        sizeof(Vertex));
    setTopology(SVGA3D_PRIMITIVE_LINELIST);
    for (uint8_t factor : {1, 2, 3}) {
        auto state = plainRasterizer();
        state.lineStippleEnable = 1;
        state.lineStippleFactor = static_cast<uint8_t>(factor - 1);
        state.lineStipplePattern = 0x5335;
        setRasterizer(rasterizer(state));
        clear(targetView, {0, 0, 0, 0});
        draw(2);
        for (uint32_t x = 0; x < kSize; ++x)
            EXPECT_EQ(pixel(target, x, 7), (0x5335 >> (x / factor % 16)) & 1 ? kRed : kBlack)
                << "factor " << int(factor) << ", pixel " << x;
    }
}

} // namespace svga::device::test
