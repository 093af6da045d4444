// SPDX-License-Identifier: MIT
/** \file Textures of every dimension, as shaders see them. */
#include "tests/dx/dx_fixture.h"

namespace svga::device::test {

using namespace vgpu10::test;

class TextureTest : public DxTest {
protected:
    /**
     * \brief The colour \p view's texture has at \p coordinates, through \p sampler: by SAMPLE_L at \p level, or,
     * without a sampler, by LD of integer coordinates.
     */
    Rgba sample(uint32_t dimension, uint32_t view, const std::array<uint32_t, 4>& coordinates, uint32_t sampler,
                float level = 0) {
        Assembler a(VGPU10_PIXEL_SHADER, 4, 1);
        a.output(0).temps(1).resource(0, dimension);
        const Reg at = imm(coordinates[0], coordinates[1], coordinates[2], coordinates[3]);
        if (sampler != kNone) {
            a.sampler(0);
            a.op(VGPU10_OPCODE_SAMPLE_L, {r(0), at, t(0), s(0), imm(level)});
        } else if (dimension == VGPU10_RESOURCE_DIMENSION_TEXTURE2DMS) {
            a.op(VGPU10_OPCODE_LD_MS, {r(0), at, t(0), imm(coordinates[3])});
        } else {
            a.op(VGPU10_OPCODE_LD, {r(0), at, t(0)});
        }
        a.op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
        setShader(SVGA3D_SHADERTYPE_PS, shader(SVGA3D_SHADERTYPE_PS, a));
        setResources(SVGA3D_SHADERTYPE_PS, {view});
        setSamplers(SVGA3D_SHADERTYPE_PS, {sampler});
        clear(targetView, {0.5f, 0.5f, 0.5f, 0.5f});
        drawQuad({});
        return pixel(target, 8, 8);
    }
    static std::array<uint32_t, 4> at(float x, float y = 0, float z = 0, float w = 0) {
        return {std::bit_cast<uint32_t>(x), std::bit_cast<uint32_t>(y), std::bit_cast<uint32_t>(z),
                std::bit_cast<uint32_t>(w)};
    }
    /** \brief The colour with number \p n. */
    static Rgba shade(uint32_t n) { return {uint8_t(n * 8), uint8_t(255 - n), uint8_t(n), 255}; }
    static std::vector<Rgba> shades(uint32_t count) {
        std::vector<Rgba> texels(count);
        for (uint32_t n = 0; n < count; ++n)
            texels[n] = shade(n);
        return texels;
    }
    uint32_t image(SVGA3dSize size, SVGA3dSurfaceAllFlags flags, uint32_t layers = 1, uint32_t levels = 1,
                   SVGA3dSurfaceFormat format = SVGA3D_R8G8B8A8_UNORM) {
        SurfaceDesc desc;
        desc.format = format;
        desc.flags = flags | SVGA3D_SURFACE_BIND_SHADER_RESOURCE;
        desc.size = size;
        desc.arraySize = layers;
        desc.mipLevels = levels;
        return surface(desc);
    }

    void SetUp() override {
        DxTest::SetUp();
        setUpScene();
        nearest = samplerState(0);
    }
    uint32_t nearest = 0;
};

TEST_F(TextureTest, OneDimensional) {
    const uint32_t plain = image({4, 1, 1}, SVGA3D_SURFACE_1D);
    uploadOf(plain, shades(4));
    EXPECT_EQ(
        sample(VGPU10_RESOURCE_DIMENSION_TEXTURE1D, resourceView(plain, SVGA3D_RESOURCE_TEXTURE1D), at(0.6f), nearest),
        shade(2));
    const uint32_t array = image({4, 1, 1}, SVGA3D_SURFACE_1D | SVGA3D_SURFACE_ARRAY, 3);
    uploadOf(array, shades(12));
    const uint32_t view = resourceView(array, SVGA3D_RESOURCE_TEXTURE1D, SVGA3D_R8G8B8A8_UNORM, 0, 1, 1, 2);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE1DARRAY, view, at(0.1f, 1), nearest), shade(8));
}

TEST_F(TextureTest, ArraysAndLevels) {
    const uint32_t array = image({4, 4, 1}, SVGA3D_SURFACE_ARRAY, 3, 2);
    uploadOf(array, shades(60) /* 20 texels each */);
    const uint32_t all = resourceView(array, SVGA3D_RESOURCE_TEXTURE2D, SVGA3D_R8G8B8A8_UNORM, 0, 2, 0, 3);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2DARRAY, all, at(0.1f, 0.1f, 1), nearest), shade(20));
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2DARRAY, all, at(0.9f, 0.9f, 1), nearest, 1), shade(39));
    const uint32_t part = resourceView(array, SVGA3D_RESOURCE_TEXTURE2D, SVGA3D_R8G8B8A8_UNORM, 1, 1, 2, 1);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2DARRAY, part, at(0.1f, 0.1f, 0), nearest), shade(56));
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2D, part, at(0.1f, 0.9f), nearest), shade(58));
}

TEST_F(TextureTest, Volume) {
    const uint32_t volume = image({2, 2, 4}, SVGA3D_SURFACE_VOLUME);
    uploadOf(volume, shades(16));
    const uint32_t view = resourceView(volume, SVGA3D_RESOURCE_TEXTURE3D);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE3D, view, at(0.9f, 0.1f, 0.6f), nearest), shade(9));
    // A slice of it as a render target
    const uint32_t slice = renderTargetView(volume, SVGA3D_R8G8B8A8_UNORM, 0, 3, 1);
    clear(slice, {0, 1, 0, 1});
    EXPECT_EQ(read<Rgba>(volume)[12], kGreen);
    EXPECT_EQ(read<Rgba>(volume)[11], shade(11));
}

// Where the device sees slices alone (VK_EXT_image_sliced_view_of_3d), z counts from the first of the view.
TEST_F(TextureTest, SlicesOfAVolumeAreStoredTo) {
    if (!device.features().imageSlicedViewOf3D)
        GTEST_SKIP() << "the Vulkan device has no views of slices";
    const uint32_t volume = image({2, 1, 4}, SVGA3D_SURFACE_VOLUME | SVGA3D_SURFACE_BIND_UAVIEW, 1, 1, SVGA3D_R32_UINT);
    uploadOf(volume, std::vector<uint32_t>(8, 0));
    SVGA3dCmdDXDefineUAView view{};
    view.uaViewId = nextId++;
    view.sid = volume;
    view.format = SVGA3D_R32_UINT;
    view.resourceDimension = SVGA3D_RESOURCE_TEXTURE3D;
    view.desc.tex3D.firstW = 1;
    view.desc.tex3D.wSize = 2;
    send(SVGA_3D_CMD_DX_DEFINE_UA_VIEW, view);
    send(SVGA_3D_CMD_DX_SET_CS_UA_VIEWS, SVGA3dCmdDXSetCSUAViews{0}, std::vector{view.uaViewId});

    Assembler a(VGPU10_COMPUTE_SHADER, 5, 0);
    a.threadGroup(1, 1, 1).temps(1).uavTyped(0, VGPU10_RESOURCE_DIMENSION_TEXTURE3D, VGPU10_RETURN_TYPE_UINT);
    a.op(VGPU10_OPCODE_RESINFO, {r(0), imm(0u), u(0).swizzle("xyzw")}, {.bits = 2u << 11});
    a.op(VGPU10_OPCODE_STORE_UAV_TYPED, {u(0), imm(1u, 0u, 0u, 0u), r(0).swizzle("zzzz")});
    a.op(VGPU10_OPCODE_STORE_UAV_TYPED, {u(0), imm(0u, 0u, 1u, 0u), imm(7u, 7u, 7u, 7u)});
    a.op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_CS, shader(SVGA3D_SHADERTYPE_CS, a));
    send(SVGA_3D_CMD_DX_DISPATCH, SVGA3dCmdDXDispatch{1, 1, 1});
    std::vector<uint32_t> texels = read<uint32_t>(volume);
    texels.resize(8);
    EXPECT_EQ(texels, (std::vector<uint32_t>{0, 0, 0, 2, 7, 0, 0, 0}));
}

TEST_F(TextureTest, CubesAndTheirArrays) {
    const auto flags = SVGA3D_SURFACE_CUBEMAP | SVGA3D_SURFACE_ARRAY;
    const uint32_t cubes = image({1, 1, 1}, flags, 12);
    uploadOf(cubes, shades(12));
    const uint32_t one = resourceView(cubes, SVGA3D_RESOURCE_TEXTURECUBE, SVGA3D_R8G8B8A8_UNORM, 0, 1, 0, 6);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURECUBE, one, at(1, 0, 0), nearest), shade(0));
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURECUBE, one, at(0, -1, 0), nearest), shade(3));
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURECUBE, one, at(0, 0, -1), nearest), shade(5));
    const uint32_t two = resourceView(cubes, SVGA3D_RESOURCE_TEXTURECUBE, SVGA3D_R8G8B8A8_UNORM, 0, 1, 0, 12);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURECUBEARRAY, two, at(0, 1, 0, 1), nearest), shade(8));
}

TEST_F(TextureTest, TypedBuffers) {
    const uint32_t texels = bufferOf(shades(16));
    const uint32_t view = bufferView(texels, SVGA3D_R8G8B8A8_UNORM, 4, 8);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_BUFFER, view, {3, 0, 0, 0}, kNone), shade(7));
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_BUFFER, view, {8, 0, 0, 0}, kNone), kBlack); // past its end
}

TEST_F(TextureTest, SamplesOfAMultisampledTexture) {
    SurfaceDesc desc;
    desc.format = SVGA3D_R8G8B8A8_UNORM;
    desc.flags = SVGA3D_SURFACE_BIND_RENDER_TARGET | SVGA3D_SURFACE_BIND_SHADER_RESOURCE | SVGA3D_SURFACE_MULTISAMPLE;
    desc.size = {kSize, kSize, 1};
    desc.sampleCount = 4;
    const uint32_t samples = surface(desc);
    const uint32_t samplesView = renderTargetView(samples);
    clear(samplesView, {0, 0, 1, 1});
    setTargets({samplesView});
    setBlend(blend(plainBlend()), {1, 1, 1, 1}, 0x4);
    drawQuad({1, 0, 0, 1});
    setTargets({targetView});
    setBlend(blend(plainBlend()));
    const uint32_t view = resourceView(samples, SVGA3D_RESOURCE_TEXTURE2D);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2DMS, view, {8, 8, 0, 2}, kNone), kRed);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2DMS, view, {8, 8, 0, 1}, kNone), kBlue);
}

TEST_F(TextureTest, FiltersAddressesAndBorders) {
    const uint32_t pair = texture(2, 1);
    uploadOf(pair, std::vector<Rgba>{kBlack, kWhite});
    const uint32_t view = resourceView(pair, SVGA3D_RESOURCE_TEXTURE2D);
    const auto at2D = VGPU10_RESOURCE_DIMENSION_TEXTURE2D;
    const uint32_t linear = samplerState(SVGA3D_FILTER_MAG_LINEAR | SVGA3D_FILTER_MIN_LINEAR);
    EXPECT_NEAR(sample(at2D, view, at(0.5f, 0.5f), linear).r, 128, 1);
    EXPECT_EQ(sample(at2D, view, at(1.25f, 0.5f), samplerState(0, SVGA3D_TEX_ADDRESS_WRAP)), kBlack);
    EXPECT_EQ(sample(at2D, view, at(1.25f, 0.5f), samplerState(0, SVGA3D_TEX_ADDRESS_MIRROR)), kWhite);
    EXPECT_EQ(sample(at2D, view, at(-0.75f, 0.5f), samplerState(0, SVGA3D_TEX_ADDRESS_MIRRORONCE)), kWhite);
    EXPECT_EQ(sample(at2D, view, at(-0.25f, 0.5f), samplerState(0, SVGA3D_TEX_ADDRESS_CLAMP)), kBlack);
    EXPECT_EQ(sample(at2D, view, at(1.25f, 0.5f), samplerState(0, SVGA3D_TEX_ADDRESS_BORDER, {0, 1, 0, 1})), kGreen);
}

TEST_F(TextureTest, BorderOfAnAlphaTexture) {
    const uint32_t alpha = texture(1, 1, SVGA3D_A8_UNORM);
    const uint32_t view = resourceView(alpha, SVGA3D_RESOURCE_TEXTURE2D, SVGA3D_A8_UNORM);
    const uint32_t bordered = samplerState(0, SVGA3D_TEX_ADDRESS_BORDER, {1, 1, 1, 0.8f});
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2D, view, at(1.5f, 0.5f), bordered), (Rgba{0, 0, 0, 204}));
    const uint32_t colour = texture(1, 1);
    const uint32_t colourView = resourceView(colour, SVGA3D_RESOURCE_TEXTURE2D);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2D, colourView, at(1.5f, 0.5f), bordered),
              (Rgba{255, 255, 255, 204}));
}

TEST_F(TextureTest, DepthIsComparedAndRead) {
    const uint32_t depth = image({4, 4, 1}, SVGA3D_SURFACE_BIND_DEPTH_STENCIL, 1, 1, SVGA3D_R32_TYPELESS);
    clearDepth(depthView(depth, SVGA3D_D32_FLOAT), 0.5f, 0);
    const uint32_t view = resourceView(depth, SVGA3D_RESOURCE_TEXTURE2D, SVGA3D_R32_FLOAT);
    EXPECT_NEAR(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2D, view, at(0.5f, 0.5f), nearest).r, 128, 1);

    Assembler a(VGPU10_PIXEL_SHADER, 4, 1);
    a.output(0).temps(1).resource(0, VGPU10_RESOURCE_DIMENSION_TEXTURE2D);
    a.declare(VGPU10_OPCODE_DCL_SAMPLER, {s(0)}, {}, VGPU10_SAMPLER_MODE_COMPARISON << 11);
    const Reg center = imm(0.5f, 0.5f, 0.0f, 0.0f);
    a.op(VGPU10_OPCODE_SAMPLE_C_LZ, {r(0).mask("x"), center, t(0).swizzle("xxxx"), s(0), imm(0.25f)});
    a.op(VGPU10_OPCODE_SAMPLE_C_LZ, {r(0).mask("y"), center, t(0).swizzle("xxxx"), s(0), imm(0.75f)});
    a.op(VGPU10_OPCODE_MOV, {r(0).mask("zw"), imm(0.0f, 0.0f, 0.0f, 1.0f)});
    a.op(VGPU10_OPCODE_MOV, {o(0), r(0).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_PS, shader(SVGA3D_SHADERTYPE_PS, a));
    setSamplers(SVGA3D_SHADERTYPE_PS,
                {samplerState(SVGA3D_FILTER_COMPARE, SVGA3D_TEX_ADDRESS_CLAMP, {}, SVGA3D_COMPARISON_LESS)});
    drawQuad({});
    EXPECT_EQ(pixel(target, 8, 8), kRed); // 0.25 < 0.5, not 0.75 < 0.5
}

TEST_F(TextureTest, MipmapsAreMade) {
    const uint32_t chain = image({4, 4, 1}, SVGA3D_SURFACE_BIND_RENDER_TARGET, 1, 3);
    std::vector<Rgba> texels(16, kBlack);
    for (uint32_t n : {0u, 1u, 4u, 5u})
        texels[n] = kWhite; // a quarter
    uploadOf(chain, texels);
    const uint32_t view = resourceView(chain, SVGA3D_RESOURCE_TEXTURE2D, SVGA3D_R8G8B8A8_UNORM, 0, 3);
    send(SVGA_3D_CMD_DX_GENMIPS, SVGA3dCmdDXGenMips{view});
    const auto all = read<Rgba>(chain);
    EXPECT_EQ(all[16], kWhite);
    EXPECT_EQ(all[17], kBlack);
    EXPECT_NEAR(all[20].r, 64, 1);
}

TEST_F(TextureTest, NothingBoundReadsZero) {
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2D, kNone, at(0.5f, 0.5f), kNone), kBlack);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE3D, 60000, at(0.5f, 0.5f), nearest), kBlack);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_BUFFER, kNone, {0, 0, 0, 0}, kNone), kBlack);
    // A view of another dimension than the shader's is nothing to it.
    const uint32_t volume = image({2, 2, 4}, SVGA3D_SURFACE_VOLUME);
    uploadOf(volume, shades(16));
    const uint32_t view = resourceView(volume, SVGA3D_RESOURCE_TEXTURE3D);
    EXPECT_EQ(sample(VGPU10_RESOURCE_DIMENSION_TEXTURE2D, view, at(0.5f, 0.5f), nearest), kBlack);

    Assembler constants(VGPU10_PIXEL_SHADER, 4, 0);
    constants.output(0).constantBuffer(0, 4);
    constants.op(VGPU10_OPCODE_MOV, {o(0), cb(0, 3).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_PS, shader(SVGA3D_SHADERTYPE_PS, constants));
    drawQuad({});
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
}

} // namespace svga::device::test
