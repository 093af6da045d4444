// SPDX-License-Identifier: MIT
#include "tests/dx/dx_fixture.h"

#include <cstring>

namespace svga::device::test {

using namespace vgpu10::test;

TEST_F(DxTest, ClearsARenderTarget) {
    setUpScene();
    clear(targetView, {0, 1, 0, 1});
    for (const auto& [x, y] : {std::pair(0u, 0u), {15u, 0u}, {0u, 15u}, {15u, 15u}, {7u, 8u}})
        EXPECT_EQ(pixel(target, x, y), kGreen);
}

TEST_F(DxTest, ClearsIntegerTargetsByValue) {
    struct Case {
        SVGA3dSurfaceFormat format;
        float given;
        uint32_t expected;
    };
    for (const Case& c : {Case{SVGA3D_R32_UINT, 7, 7}, Case{SVGA3D_R32_UINT, -1, 0xffffffff},
                          Case{SVGA3D_R32_UINT, -16777216, 0xff000000}, Case{SVGA3D_R32_UINT, 5e9f, 0xffffffff},
                          Case{SVGA3D_R32_SINT, -1, 0xffffffff}, Case{SVGA3D_R32_SINT, -5e9f, 0x80000000}}) {
        const uint32_t integers = texture(kSize, kSize, c.format, SVGA3D_SURFACE_BIND_RENDER_TARGET);
        clear(renderTargetView(integers, c.format), {c.given, 0, 0, 0});
        const Rgba bytes = pixel(integers, 3, 5);
        uint32_t value = 0;
        std::memcpy(&value, &bytes, sizeof(value));
        EXPECT_EQ(value, c.expected) << c.given << " in format " << c.format;
    }
}

TEST_F(DxTest, DrawsATriangleWithYUp) {
    setUpScene();
    // The lower left half of clip space.
    const std::vector<Vertex> vertices = {
        {{-1, -1, 0.5f, 1}, {1, 0, 0, 1}}, {{-1, 1, 0.5f, 1}, {1, 0, 0, 1}}, {{1, -1, 0.5f, 1}, {1, 0, 0, 1}}};
    setVertices(bufferOf(vertices), sizeof(Vertex));
    draw(3);
    EXPECT_EQ(pixel(target, 1, 14), kRed);
    EXPECT_EQ(pixel(target, 1, 4), kRed);
    EXPECT_EQ(pixel(target, 14, 1), kBlack);
    EXPECT_EQ(pixel(target, 12, 6), kBlack);
}

/** Constants of both stages, an index buffer with an offset, a texture and a sampler: all of a usual draw. */
TEST_F(DxTest, DrawsATexturedQuadWithConstantsAndIndices) {
    setUpScene();
    Assembler vertex(VGPU10_VERTEX_SHADER, 4, 0);
    vertex.input(0).input(1).outputValue(0, VGPU10_NAME_POSITION).output(1).constantBuffer(0, 2);
    vertex.op(VGPU10_OPCODE_MAD, {o(0), v(0).swizzle("xyzw"), cb(0, 0).swizzle("xyzw"), cb(0, 1).swizzle("xyzw")});
    vertex.op(VGPU10_OPCODE_MOV, {o(1), v(1).swizzle("xyzw")});
    vertex.op(VGPU10_OPCODE_RET);
    Assembler pixelShader(VGPU10_PIXEL_SHADER, 4, 0);
    pixelShader.inputPixel(1, VGPU10_INTERPOLATION_LINEAR).output(0).temps(1).constantBuffer(2, 1);
    pixelShader.sampler(1).resource(3, VGPU10_RESOURCE_DIMENSION_TEXTURE2D);
    pixelShader.op(VGPU10_OPCODE_SAMPLE, {r(0), v(1).swizzle("xyzw"), t(3), s(1)});
    pixelShader.op(VGPU10_OPCODE_MUL, {o(0), r(0).swizzle("xyzw"), cb(2, 0).swizzle("xyzw")});
    pixelShader.op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_VS, shader(SVGA3D_SHADERTYPE_VS, vertex));
    setShader(SVGA3D_SHADERTYPE_PS, shader(SVGA3D_SHADERTYPE_PS, pixelShader));

    const uint32_t image = texture(2, 2);
    uploadOf(image, std::vector<Rgba>{kRed, kGreen, kBlue, kWhite});
    setResources(SVGA3D_SHADERTYPE_PS, {kNone, kNone, kNone, resourceView(image, SVGA3D_RESOURCE_TEXTURE2D)});
    setSamplers(SVGA3D_SHADERTYPE_PS, {kNone, samplerState(0)});

    // Scale by one half, moved to the right half; the buffer begins with 256 bytes of something else.
    std::vector<Vec4> constants(18, Vec4{9, 9, 9, 9});
    constants[16] = {0.5f, 1, 1, 1};
    constants[17] = {0.5f, 0, 0, 0};
    setConstants(SVGA3D_SHADERTYPE_VS, 0, bufferOf(constants), 32, 256);
    setConstants(SVGA3D_SHADERTYPE_PS, 2, bufferOf(std::vector<Vec4>{{1, 1, 1, 1}}), 16);

    // Texture coordinates in place of colours; a vertex that no index names lies first.
    std::vector<Vertex> vertices = {{{9, 9, 9, 1}, {}},
                                    {{-1, -1, 0.5f, 1}, {0, 1, 0, 0}},
                                    {{-1, 1, 0.5f, 1}, {0, 0, 0, 0}},
                                    {{1, 1, 0.5f, 1}, {1, 0, 0, 0}},
                                    {{1, -1, 0.5f, 1}, {1, 1, 0, 0}}};
    setVertices(bufferOf(vertices), sizeof(Vertex));
    const std::vector<uint16_t> indices = {77, 77, 77, 0, 1, 2, 0, 2, 3};
    send(SVGA_3D_CMD_DX_SET_INDEX_BUFFER, SVGA3dCmdDXSetIndexBuffer{bufferOf(indices), SVGA3D_R16_UINT, 4});
    send(SVGA_3D_CMD_DX_DRAW_INDEXED, SVGA3dCmdDXDrawIndexed{6, 1, 1});

    EXPECT_EQ(pixel(target, 3, 3), kBlack);
    EXPECT_EQ(pixel(target, 9, 2), kRed);
    EXPECT_EQ(pixel(target, 14, 2), kGreen);
    EXPECT_EQ(pixel(target, 9, 13), kBlue);
    EXPECT_EQ(pixel(target, 14, 13), kWhite);
}

} // namespace svga::device::test
