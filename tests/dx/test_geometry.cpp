// SPDX-License-Identifier: MIT
/** \file Vertex input, indices, instances, indirect draws, geometry shaders and stream output. */
#include "tests/dx/dx_fixture.h"

#include <algorithm>

namespace svga::device::test {

using namespace vgpu10::test;

namespace {

constexpr Vec4 kRedF{1, 0, 0, 1}, kGreenF{0, 1, 0, 1};

/** \brief One point through: a quad around it, each way \p half in clip space, with the point's colour. */
Assembler pointToQuad(float half) {
    Assembler a(VGPU10_GEOMETRY_SHADER, 4, 0);
    a.geometry(VGPU10_PRIMITIVE_POINT, VGPU10_PRIMITIVE_TOPOLOGY_TRIANGLESTRIP, 4);
    a.declare(VGPU10_OPCODE_DCL_INPUT_SIV, {v(1, 0)}, {VGPU10_NAME_POSITION});
    a.inputVertices(1, 1);
    a.outputValue(0, VGPU10_NAME_POSITION).output(1);
    for (const auto& [x, y] : {std::pair(-half, -half), {-half, half}, {half, -half}, {half, half}}) {
        a.op(VGPU10_OPCODE_ADD, {o(0), v(0, 0).swizzle("xyzw"), imm(x, y, 0.0f, 0.0f)});
        a.op(VGPU10_OPCODE_MOV, {o(1), v(0, 1).swizzle("xyzw")});
        a.op(VGPU10_OPCODE_EMIT);
    }
    a.op(VGPU10_OPCODE_CUT);
    a.op(VGPU10_OPCODE_RET);
    return a;
}

} // namespace

TEST_F(DxTest, VertexBuffersOfSeveralSlotsOffsetsAndFormats) {
    setUpScene();
    const uint32_t layout = elementLayout({{2, 4, SVGA3D_R32G32_FLOAT, SVGA3D_INPUT_PER_VERTEX_DATA, 0, 0},
                                           {5, 0, SVGA3D_R8G8B8A8_UNORM, SVGA3D_INPUT_PER_VERTEX_DATA, 0, 1}});
    send(SVGA_3D_CMD_DX_SET_INPUT_LAYOUT, SVGA3dCmdDXSetInputLayout{layout});
    // 12 bytes a vertex: something, x, y. What a format lacks is 0 and, for w, 1.
    const uint32_t positions = bufferOf(std::vector<float>{99, 99, 99, 77, -1, -1, 77, -1, 3, 77, 3, -1});
    const uint32_t colors = bufferOf(std::vector<Rgba>{kGreen, kGreen, kGreen});
    setVertices(positions, 12, 12, 2);
    setVertices(colors, 4, 0, 5);
    draw(3);
    EXPECT_EQ(pixel(target, 8, 8), kGreen);
}

TEST_F(DxTest, IntegerVertexAttributesKeepTheirBits) {
    setUpScene();
    Assembler vertex(VGPU10_VERTEX_SHADER, 4, 0);
    vertex.input(0).input(1).outputValue(0, VGPU10_NAME_POSITION).output(1);
    vertex.op(VGPU10_OPCODE_MOV, {o(0), v(0).swizzle("xyzw")});
    vertex.op(VGPU10_OPCODE_ITOF, {o(1), v(1).swizzle("xyzw")});
    vertex.op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_VS, shader(SVGA3D_SHADERTYPE_VS, vertex));
    const uint32_t layout = elementLayout({{0, 0, SVGA3D_R32G32B32A32_FLOAT, SVGA3D_INPUT_PER_VERTEX_DATA, 0, 0},
                                           {1, 0, SVGA3D_R8G8B8A8_SINT, SVGA3D_INPUT_PER_VERTEX_DATA, 0, 1}});
    send(SVGA_3D_CMD_DX_SET_INPUT_LAYOUT, SVGA3dCmdDXSetInputLayout{layout});
    setVertices(bufferOf(std::vector<Vec4>{{-1, -1, 0.5f, 1}, {-1, 3, 0.5f, 1}, {3, -1, 0.5f, 1}}), 16);
    setVertices(bufferOf(std::vector<Rgba>(3, Rgba{1, 0xff, 0, 1})), 4, 0, 1);
    draw(3);
    EXPECT_EQ(pixel(target, 8, 8), kRed); // -1 is cut to 0
}

TEST_F(DxTest, InputsNobodyFeedsAreZero) {
    setUpScene();
    const uint32_t layout = elementLayout({{0, 0, SVGA3D_R32G32B32A32_FLOAT, SVGA3D_INPUT_PER_VERTEX_DATA, 0, 0}});
    send(SVGA_3D_CMD_DX_SET_INPUT_LAYOUT, SVGA3dCmdDXSetInputLayout{layout});
    clear(targetView, {1, 1, 1, 1});
    drawQuad(kRedF);
    const Rgba got = pixel(target, 8, 8);
    EXPECT_EQ((std::array{got.r, got.g, got.b}), (std::array<uint8_t, 3>{0, 0, 0}));
}

TEST_F(DxTest, StripsAreCutAtTheHighestIndex) {
    setUpScene();
    setTopology(SVGA3D_PRIMITIVE_TRIANGLESTRIP);
    auto vertices = std::vector<Vertex>{};
    for (const auto& [x, y] : {std::pair(-1.0f, -1.0f),
                               {-1.0f, 1.0f},
                               {-0.5f, -1.0f},
                               {-0.5f, 1.0f},
                               {0.5f, -1.0f},
                               {0.5f, 1.0f},
                               {1.0f, -1.0f},
                               {1.0f, 1.0f}})
        vertices.push_back({{x, y, 0.5f, 1}, {1, 0, 0, 1}});
    setVertices(bufferOf(vertices), sizeof(Vertex));
    const std::vector<uint16_t> narrow = {0, 1, 2, 3, 0xffff, 4, 5, 6, 7};
    send(SVGA_3D_CMD_DX_SET_INDEX_BUFFER, SVGA3dCmdDXSetIndexBuffer{bufferOf(narrow), SVGA3D_R16_UINT, 0});
    send(SVGA_3D_CMD_DX_DRAW_INDEXED, SVGA3dCmdDXDrawIndexed{9, 0, 0});
    EXPECT_EQ(pixel(target, 1, 8), kRed);
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
    EXPECT_EQ(pixel(target, 14, 8), kRed);
    clear(targetView, {});
    const std::vector<uint32_t> wide = {0, 1, 2, 3, 0xffffffff, 4, 5, 6, 7};
    send(SVGA_3D_CMD_DX_SET_INDEX_BUFFER, SVGA3dCmdDXSetIndexBuffer{bufferOf(wide), SVGA3D_R32_UINT, 0});
    send(SVGA_3D_CMD_DX_DRAW_INDEXED, SVGA3dCmdDXDrawIndexed{9, 0, 0});
    EXPECT_EQ(pixel(target, 1, 8), kRed);
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
}

TEST_F(DxTest, InstancesStepTheirAttributes) {
    setUpScene();
    Assembler vertex(VGPU10_VERTEX_SHADER, 4, 0);
    vertex.input(0).input(1).input(2).inputValue(3, VGPU10_NAME_INSTANCE_ID);
    vertex.outputValue(0, VGPU10_NAME_POSITION).output(1).temps(1);
    vertex.op(VGPU10_OPCODE_ADD, {o(0), v(0).swizzle("xyzw"), v(2).swizzle("xyzw")});
    vertex.op(VGPU10_OPCODE_UTOF, {r(0), v(3).swizzle("xxxx")}); // 0, 1, 2, ... whatever the first instance is
    vertex.op(VGPU10_OPCODE_MUL, {r(0), r(0).swizzle("xxxx"), imm(0.0f, 0.0f, 0.2f, 0.0f)});
    vertex.op(VGPU10_OPCODE_ADD, {o(1), v(1).swizzle("xyzw"), r(0).swizzle("xyzw")});
    vertex.op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_VS, shader(SVGA3D_SHADERTYPE_VS, vertex));
    const uint32_t layout = elementLayout({{0, 0, SVGA3D_R32G32B32A32_FLOAT, SVGA3D_INPUT_PER_VERTEX_DATA, 0, 0},
                                           {1, 16, SVGA3D_R32G32B32A32_FLOAT, SVGA3D_INPUT_PER_INSTANCE_DATA, 2, 1},
                                           {1, 0, SVGA3D_R32G32B32A32_FLOAT, SVGA3D_INPUT_PER_INSTANCE_DATA, 1, 2}});
    send(SVGA_3D_CMD_DX_SET_INPUT_LAYOUT, SVGA3dCmdDXSetInputLayout{layout});
    // A column of 4 pixels each: instance n is moved by n columns.
    setVertices(bufferOf(quad({}, -1, -1, -0.5f, 1)), sizeof(Vertex), 0, 0);
    std::vector<std::array<Vec4, 2>> instances;
    for (int n = 0; n < 5; ++n)
        instances.push_back({Vec4{0.5f * float(n - 1), 0, 0, 0}, n == 0 ? Vec4{1, 0, 0, 1} : Vec4{0, 1, 0, 1}});
    setVertices(bufferOf(instances), 32, 0, 1);
    send(SVGA_3D_CMD_DX_DRAW_INSTANCED, SVGA3dCmdDXDrawInstanced{6, 4, 0, 1});
    // Instances 1 to 4 are at columns 0 to 3; the colours step every second instance, from the first instance on.
    EXPECT_EQ(pixel(target, 1, 8), (Rgba{0, 255, 0, 255}));
    EXPECT_EQ(pixel(target, 5, 8), (Rgba{0, 255, 51, 255}));
    EXPECT_EQ(pixel(target, 9, 8), (Rgba{0, 255, 102, 255}));
    EXPECT_EQ(pixel(target, 13, 8), (Rgba{0, 255, 153, 255}));
}

TEST_F(DxTest, IndirectDrawsTakeTheirArgumentsFromABuffer) {
    setUpScene();
    setVertices(bufferOf(quad(kRedF)), sizeof(Vertex));
    const uint32_t arguments = bufferOf(std::vector<uint32_t>{9, 9, 6, 1, 0, 0, 6, 1, 0, 0, 0});
    send(SVGA_3D_CMD_DX_DRAW_INSTANCED_INDIRECT, SVGA3dCmdDXDrawInstancedIndirect{arguments, 8});
    EXPECT_EQ(pixel(target, 8, 8), kRed);
    setVertices(bufferOf(quad(kGreenF)), sizeof(Vertex));
    send(SVGA_3D_CMD_DX_SET_INDEX_BUFFER,
         SVGA3dCmdDXSetIndexBuffer{bufferOf(std::vector<uint16_t>{0, 1, 2, 3, 4, 5}), SVGA3D_R16_UINT, 0});
    send(SVGA_3D_CMD_DX_DRAW_INDEXED_INSTANCED_INDIRECT, SVGA3dCmdDXDrawIndexedInstancedIndirect{arguments, 24});
    EXPECT_EQ(pixel(target, 8, 8), kGreen);
}

TEST_F(DxTest, GeometryShaderMakesQuadsOfPoints) {
    setUpScene();
    setShader(SVGA3D_SHADERTYPE_GS, shader(SVGA3D_SHADERTYPE_GS, pointToQuad(0.25f)));
    setTopology(SVGA3D_PRIMITIVE_POINTLIST);
    const std::vector<Vertex> points = {{{-0.5f, 0, 0.5f, 1}, {1, 0, 0, 1}}, {{0.5f, 0, 0.5f, 1}, {0, 1, 0, 1}}};
    setVertices(bufferOf(points), sizeof(Vertex));
    draw(2);
    EXPECT_EQ(pixel(target, 3, 8), kRed);
    EXPECT_EQ(pixel(target, 12, 7), kGreen);
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
    EXPECT_EQ(pixel(target, 3, 3), kBlack);
    setShader(SVGA3D_SHADERTYPE_GS, kNone);
    clear(targetView, {});
    draw(2);
    EXPECT_EQ(pixel(target, 3, 6), kBlack); // points again
}

TEST_F(DxTest, GeometryShaderChoosesTheLayer) {
    setUpScene();
    SurfaceDesc desc;
    desc.format = SVGA3D_R8G8B8A8_UNORM;
    desc.flags = SVGA3D_SURFACE_BIND_RENDER_TARGET | SVGA3D_SURFACE_ARRAY;
    desc.size = {8, 8, 1};
    desc.arraySize = 3;
    const uint32_t array = surface(desc);
    const uint32_t view = renderTargetView(array, SVGA3D_R8G8B8A8_UNORM, 0, 1, 2);
    clear(view, {0, 0, 1, 1});
    setTargets({view});
    setViewport(0, 0, 8, 8);
    Assembler a(VGPU10_GEOMETRY_SHADER, 4, 0);
    a.geometry(VGPU10_PRIMITIVE_TRIANGLE, VGPU10_PRIMITIVE_TOPOLOGY_TRIANGLESTRIP, 3);
    a.declare(VGPU10_OPCODE_DCL_INPUT_SIV, {v(3, 0)}, {VGPU10_NAME_POSITION});
    a.inputVertices(3, 1);
    a.outputValue(0, VGPU10_NAME_POSITION).output(1).outputValue(2, VGPU10_NAME_RENDER_TARGET_ARRAY_INDEX, "x");
    for (uint32_t n = 0; n < 3; ++n) {
        a.op(VGPU10_OPCODE_MOV, {o(0), v(n, 0).swizzle("xyzw")});
        a.op(VGPU10_OPCODE_MOV, {o(1), v(n, 1).swizzle("xyzw")});
        a.op(VGPU10_OPCODE_MOV, {o(2).mask("x"), imm(1u)});
        a.op(VGPU10_OPCODE_EMIT);
    }
    a.op(VGPU10_OPCODE_CUT).op(VGPU10_OPCODE_RET);
    setShader(SVGA3D_SHADERTYPE_GS, shader(SVGA3D_SHADERTYPE_GS, a));
    drawQuad(kRedF);
    const auto texels = read<Rgba>(array);
    EXPECT_EQ(texels[0], kBlack);
    EXPECT_EQ(texels[64 + 9], kBlue);
    EXPECT_EQ(texels[128 + 9], kRed);
}

class StreamOutputTest : public DxTest {
protected:
    uint32_t streamOutput(const std::vector<SVGA3dStreamOutputDeclarationEntry>& entries, uint32_t stride,
                          uint32_t rasterizedStream = 0) {
        SVGA3dCmdDXDefineStreamOutput command{};
        command.soid = nextId++;
        command.numOutputStreamEntries = uint32_t(entries.size());
        std::copy(entries.begin(), entries.end(), command.decl);
        command.streamOutputStrideInBytes[0] = stride;
        command.rasterizedStream = rasterizedStream;
        send(SVGA_3D_CMD_DX_DEFINE_STREAMOUTPUT, command);
        return command.soid;
    }
    void setStreamOutput(uint32_t id) { send(SVGA_3D_CMD_DX_SET_STREAMOUTPUT, SVGA3dCmdDXSetStreamOutput{id}); }
    void setSoTarget(uint32_t sid, uint32_t offset, uint32_t size) {
        send(SVGA_3D_CMD_DX_SET_SOTARGETS, SVGA3dCmdDXSetSOTargets{}, std::vector<SVGA3dSoTarget>{{sid, offset, size}});
    }
    uint32_t outputBuffer(uint32_t floats) { return bufferOf(std::vector<float>(floats, -7.0f)); }
    static SVGA3dStreamOutputDeclarationEntry entry(uint32_t reg, uint8_t mask) {
        SVGA3dStreamOutputDeclarationEntry e{};
        e.registerIndex = reg;
        e.registerMask = mask;
        return e;
    }
    const std::vector<Vertex> triangle = {{{-1, -1, 0.5f, 1}, {0.1f, 0.2f, 0.3f, 0.4f}},
                                          {{-1, 3, 0.5f, 1}, {0.5f, 0.6f, 0.7f, 0.8f}},
                                          {{3, -1, 0.5f, 1}, {0.9f, 1.0f, 1.1f, 1.2f}}};
};

TEST_F(StreamOutputTest, WritesRegistersWithGapsAtAnOffsetAndAppends) {
    setUpScene();
    const uint32_t output = outputBuffer(64);
    // position.xy, a gap of one, colour.yzw
    setStreamOutput(
        streamOutput({entry(0, 0x3), entry(kNone, 0x1), entry(1, 0xe)}, 24, SVGA3D_DX_SO_NO_RASTERIZED_STREAM));
    setSoTarget(output, 16, 1000);
    setVertices(bufferOf(triangle), sizeof(Vertex));
    draw(3);
    auto floats = read<float>(output);
    EXPECT_EQ(floats[3], -7.0f);
    EXPECT_EQ(floats[4], -1.0f);
    EXPECT_EQ(floats[5], -1.0f);
    EXPECT_EQ(floats[6], -7.0f);
    EXPECT_EQ(floats[7], 0.2f);
    EXPECT_EQ(floats[9], 0.4f);
    EXPECT_EQ(floats[16], 3.0f);
    EXPECT_EQ(floats[21], 1.2f);
    EXPECT_EQ(floats[22], -7.0f);
    EXPECT_EQ(pixel(target, 8, 8), kBlack); // not rasterized

    setSoTarget(kNone, 0, 0);
    setSoTarget(output, SVGA3D_DX_SO_OFFSET_APPEND, 0);
    draw(3);
    floats = read<float>(output);
    EXPECT_EQ(floats[22], -1.0f);
    EXPECT_EQ(floats[25], 0.2f);
    EXPECT_EQ(floats[40], -7.0f);
}

TEST_F(StreamOutputTest, RasterizesAsWellAndDrawsWhatWasWritten) {
    setUpScene();
    const uint32_t output = outputBuffer(256);
    setStreamOutput(streamOutput({entry(0, 0xf), entry(1, 0xf)}, 32));
    setSoTarget(output, 0, 1024);
    auto vertices = triangle;
    for (auto& vertex : vertices)
        std::copy_n(Vec4{0, 1, 0, 1}.begin(), 4, vertex.color);
    setVertices(bufferOf(vertices), sizeof(Vertex));
    draw(3);
    EXPECT_EQ(pixel(target, 8, 8), kGreen);

    setStreamOutput(kNone);
    setSoTarget(kNone, 0, 0);
    clear(targetView, {});
    setVertices(output, sizeof(Vertex));
    send(SVGA_3D_CMD_DX_DRAW_AUTO, SVGA3dCmdDXDrawAuto{});
    EXPECT_EQ(pixel(target, 8, 8), kGreen);
    clear(targetView, {});
    setVertices(output, sizeof(Vertex), sizeof(Vertex)); // two vertices are left: no triangle
    send(SVGA_3D_CMD_DX_DRAW_AUTO, SVGA3dCmdDXDrawAuto{});
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
}

TEST_F(StreamOutputTest, OfAGeometryShaderWithoutPixelShaderFromAMob) {
    setUpScene();
    setShader(SVGA3D_SHADERTYPE_GS, shader(SVGA3D_SHADERTYPE_GS, pointToQuad(0.25f)));
    setShader(SVGA3D_SHADERTYPE_PS, kNone);
    setTopology(SVGA3D_PRIMITIVE_POINTLIST);
    const uint32_t output = outputBuffer(64);
    FakeMob& declarations = mobs.add(4096);
    const std::vector entries = {entry(0, 0xf)};
    declarations.write(64, std::as_bytes(std::span(entries)));
    const uint32_t id = nextId++;
    SVGA3dCmdDXDefineStreamOutputWithMob define{};
    define.soid = id;
    define.numOutputStreamEntries = 1;
    define.numOutputStreamStrides = 1;
    define.streamOutputStrideInBytes[0] = 16;
    send(SVGA_3D_CMD_DX_DEFINE_STREAMOUTPUT_WITH_MOB, define);
    send(SVGA_3D_CMD_DX_BIND_STREAMOUTPUT, SVGA3dCmdDXBindStreamOutput{id, declarations.id(), 64, sizeof(entries[0])});
    setStreamOutput(id);
    setSoTarget(output, 0, 256);
    setVertices(bufferOf(std::vector<Vertex>{{{0.5f, 0.5f, 0.5f, 1}, {}}}), sizeof(Vertex));
    draw(1);
    const auto floats = read<float>(output);
    // The strip's two triangles, as lists.
    EXPECT_EQ(floats[0], 0.25f);
    EXPECT_EQ(floats[1], 0.25f);
    EXPECT_EQ(floats[23], 1.0f);
    EXPECT_EQ(floats[24], -7.0f);
}

TEST_F(StreamOutputTest, CountsWhatFitsAndWhatWasNeeded) {
    setUpScene();
    const uint32_t results = mobs.add(4096).id();
    const uint32_t statistics = query(SVGA3D_QUERYTYPE_STREAMOUTPUTSTATS, results, 0);
    const uint32_t overflow = query(SVGA3D_QUERYTYPE_STREAMOVERFLOWPREDICATE, results, 64);
    const uint32_t output = outputBuffer(64);
    setStreamOutput(streamOutput({entry(0, 0xf)}, 16));
    setSoTarget(output, 0, 5 * 16); // one triangle and a part
    setVertices(bufferOf(quad(kRedF)), sizeof(Vertex));
    for (uint32_t id : {statistics, overflow})
        send(SVGA_3D_CMD_DX_BEGIN_QUERY, SVGA3dCmdDXBeginQuery{id});
    draw(6);
    for (uint32_t id : {statistics, overflow})
        send(SVGA_3D_CMD_DX_END_QUERY, SVGA3dCmdDXEndQuery{id});
    contexts->finishQueries();
    EXPECT_EQ(mobs.at(results).readValue<uint32_t>(0), uint32_t(SVGA3D_QUERYSTATE_SUCCEEDED));
    EXPECT_EQ(mobs.at(results).readValue<uint64_t>(4), 1u);
    EXPECT_EQ(mobs.at(results).readValue<uint64_t>(12), 2u);
    EXPECT_EQ(mobs.at(results).readValue<uint32_t>(64), uint32_t(SVGA3D_QUERYSTATE_SUCCEEDED));
    EXPECT_EQ(mobs.at(results).readValue<uint32_t>(68), 1u);
    EXPECT_EQ(read<float>(output)[12], -7.0f);
}

} // namespace svga::device::test
