// SPDX-License-Identifier: MIT
/** \file Contexts and COTables that move, and guests that do wrong. */
#include "tests/dx/dx_fixture.h"

#include <algorithm>

namespace svga::device::test {

using namespace vgpu10::test;

namespace {
constexpr Vec4 kRedF{1, 0, 0, 1}, kGreenF{0, 1, 0, 1};
}

TEST_F(DxTest, TablesMoveWithTheirObjects) {
    setUpScene();
    drawQuad(kRedF);
    for (uint32_t type = 0; type < SVGA_COTABLE_MAX; ++type) {
        const auto id = SVGACOTableType(type);
        send(SVGA_3D_CMD_DX_READBACK_COTABLE, SVGA3dCmdDXReadbackCOTable{kContext, id});
        FakeMob& old = mobs.at(coTableMobs[type]);
        FakeMob& larger = mobs.add(2 * old.size());
        std::copy(old.bytes.begin(), old.bytes.end(), larger.bytes.begin());
        std::fill(old.bytes.begin(), old.bytes.end(), std::byte{0xee});
        send(SVGA_3D_CMD_DX_GROW_COTABLE, SVGA3dCmdDXGrowCOTable{kContext, larger.id(), id, uint32_t(old.size())});
        // What lies behind reads as undefined, whatever was there.
        EXPECT_EQ(larger.bytes.back(), std::byte{0});
    }
    drawQuad(kGreenF);
    EXPECT_EQ(pixel(target, 8, 8), kGreen);
}

TEST_F(DxTest, AContextComesBackFromItsMob) {
    setUpScene();
    send(SVGA_3D_CMD_DX_READBACK_CONTEXT, SVGA3dCmdDXReadbackContext{kContext});
    const auto saved = mobs.at(contextMob).readValue<SVGADXContextMobFormat>(0);
    EXPECT_EQ(saved.renderState.renderTargetViewIds[0], targetView);
    EXPECT_EQ(saved.renderState.renderTargetViewIds[1], kNone);
    EXPECT_EQ(saved.inputAssembly.topology, uint32_t(SVGA3D_PRIMITIVE_TRIANGLELIST));
    EXPECT_EQ(saved.numViewports, 1);
    EXPECT_EQ(saved.cotables[SVGA_COTABLE_SAMPLER].mobid, coTableMobs[SVGA_COTABLE_SAMPLER]);

    send(SVGA_3D_CMD_DX_BIND_CONTEXT, SVGA3dCmdDXBindContext{kContext, kNone, 0});
    send(SVGA_3D_CMD_DX_INVALIDATE_CONTEXT, SVGA3dCmdDXInvalidateContext{kContext});
    drawQuad(kRedF); // nothing is bound
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
    send(SVGA_3D_CMD_DX_BIND_CONTEXT, SVGA3dCmdDXBindContext{kContext, contextMob, 1});
    drawQuad(kRedF);
    EXPECT_EQ(pixel(target, 8, 8), kRed);
}

TEST_F(DxTest, AContextMobOfGarbageDoesNoHarm) {
    setUpScene();
    for (uint8_t pattern : {0x00, 0x01, 0x7f, 0xff}) {
        auto& bytes = mobs.at(contextMob).bytes;
        std::fill(bytes.begin(), bytes.end(), std::byte{pattern});
        send(SVGA_3D_CMD_DX_BIND_CONTEXT, SVGA3dCmdDXBindContext{kContext, contextMob, 1});
        draw(3);
        send(SVGA_3D_CMD_DX_DRAW_INDEXED, SVGA3dCmdDXDrawIndexed{3, 0, 0});
        send(SVGA_3D_CMD_DX_DRAW_AUTO, SVGA3dCmdDXDrawAuto{});
        send(SVGA_3D_CMD_DX_DISPATCH, SVGA3dCmdDXDispatch{1, 1, 1});
        send(SVGA_3D_CMD_DX_READBACK_CONTEXT, SVGA3dCmdDXReadbackContext{kContext});
    }
    queue->finish();
}

TEST_F(DxTest, COTablesOfGarbageDoNoHarm) {
    setUpScene();
    for (uint8_t pattern : {0x00, 0x01, 0x04, 0x7f, 0xff}) {
        for (uint32_t type = 0; type < SVGA_COTABLE_MAX; ++type) {
            auto& bytes = mobs.at(coTableMobs[type]).bytes;
            std::fill(bytes.begin(), bytes.end(), std::byte{pattern});
        }
        // Nothing a guest may do is more than an error of that command.
        const auto attempt = [](auto&& action) {
            try {
                action();
            } catch (const CommandError&) {
            }
        };
        attempt([&] { draw(3); });
        attempt([&] { clear(targetView, kRedF); });
        attempt([&] { clearDepth(3, 1, 1); });
        attempt([&] { send(SVGA_3D_CMD_DX_GENMIPS, SVGA3dCmdDXGenMips{3}); });
        attempt([&] { send(SVGA_3D_CMD_DX_SET_STREAMOUTPUT, SVGA3dCmdDXSetStreamOutput{3}); });
        attempt([&] { draw(3); });
        attempt([&] { send(SVGA_3D_CMD_DX_BEGIN_QUERY, SVGA3dCmdDXBeginQuery{3}); });
        attempt([&] { send(SVGA_3D_CMD_DX_END_QUERY, SVGA3dCmdDXEndQuery{3}); });
        attempt([&] { send(SVGA_3D_CMD_DX_BIND_ALL_QUERY, SVGA3dCmdDXBindAllQuery{kContext, 5}); });
        attempt([&] { send(SVGA_3D_CMD_DX_READBACK_ALL_QUERY, SVGA3dCmdDXReadbackAllQuery{kContext}); });
        attempt([&] { send(SVGA_3D_CMD_DX_BIND_ALL_SHADER, SVGA3dCmdDXBindAllShader{kContext, 5}); });
    }
    contexts->finishQueries();
    queue->finish();
}

TEST_F(DxTest, EveryIndexIsChecked) {
    setUpScene();
    const std::vector<uint32_t> five(5, kNone);
    const auto bad = [&](const char* what, auto&& action) { EXPECT_THROW(action(), CommandError) << what; };
    bad("context", [&] { send(SVGA_3D_CMD_DX_BIND_CONTEXT, SVGA3dCmdDXBindContext{99, contextMob, 0}); });
    bad("context MOB", [&] { send(SVGA_3D_CMD_DX_BIND_CONTEXT, SVGA3dCmdDXBindContext{kContext, 5, 0}); });
    bad("table type", [&] {
        send(SVGA_3D_CMD_DX_SET_COTABLE,
             SVGA3dCmdDXSetCOTable{kContext, contextMob, std::bit_cast<SVGACOTableType>(99), 0});
    });
    bad("valid size", [&] {
        send(SVGA_3D_CMD_DX_SET_COTABLE,
             SVGA3dCmdDXSetCOTable{kContext, coTableMobs[0], SVGA_COTABLE_RTVIEW, 1u << 30});
    });
    bad("view id", [&] {
        SVGA3dCmdDXDefineRenderTargetView command{};
        command.renderTargetViewId = 1u << 20;
        send(SVGA_3D_CMD_DX_DEFINE_RENDERTARGET_VIEW, command);
    });
    bad("clear id", [&] { clear(kNone, kRedF); });
    bad("shader type", [&] { setShader(std::bit_cast<SVGA3dShaderType>(7), 1); });
    bad("shader bind", [&] { send(SVGA_3D_CMD_DX_BIND_SHADER, SVGA3dCmdDXBindShader{kContext, 1u << 20, 1, 0}); });
    bad("constant slot", [&] { setConstants(SVGA3D_SHADERTYPE_VS, 16, 1, 16); });
    bad("constant size", [&] { setConstants(SVGA3D_SHADERTYPE_VS, 0, 1, 65552); });
    bad("constant offset slot", [&] {
        send(SVGA_3D_CMD_DX_SET_PS_CONSTANT_BUFFER_OFFSET, SVGA3dCmdDXSetConstantBufferOffset{16, 0});
    });
    bad("resources", [&] {
        send(SVGA_3D_CMD_DX_SET_SHADER_RESOURCES, SVGA3dCmdDXSetShaderResources{124, SVGA3D_SHADERTYPE_PS}, five);
    });
    bad("resources start", [&] {
        send(SVGA_3D_CMD_DX_SET_SHADER_RESOURCES, SVGA3dCmdDXSetShaderResources{0xfffffffe, SVGA3D_SHADERTYPE_PS},
             five);
    });
    bad("samplers", [&] { send(SVGA_3D_CMD_DX_SET_SAMPLERS, SVGA3dCmdDXSetSamplers{17, SVGA3D_SHADERTYPE_PS}, five); });
    send(SVGA_3D_CMD_DX_SET_SAMPLERS, SVGA3dCmdDXSetSamplers{12, SVGA3D_SHADERTYPE_PS}, five); // Mesa sends too many
    bad("vertex buffers", [&] { setVertices(1, 16, 0, 32); });
    bad("index format", [&] {
        send(SVGA_3D_CMD_DX_SET_INDEX_BUFFER, SVGA3dCmdDXSetIndexBuffer{1, SVGA3D_R8_UINT, 0});
    });
    bad("targets", [&] { setTargets(std::vector<uint32_t>(9, kNone)); });
    bad("viewports",
        [&] { send(SVGA_3D_CMD_DX_SET_VIEWPORTS, SVGA3dCmdDXSetViewports{}, std::vector<SVGA3dViewport>(17)); });
    bad("half a viewport",
        [&] { send(SVGA_3D_CMD_DX_SET_VIEWPORTS, SVGA3dCmdDXSetViewports{}, std::vector<uint32_t>(5)); });
    bad("elements", [&] { elementLayout(std::vector<SVGA3dInputElementDesc>(33)); });
    bad("query type", [&] { query(std::bit_cast<SVGA3dQueryType>(16), 1, 0); });
    bad("query place", [&] {
        const uint32_t id = query(SVGA3D_QUERYTYPE_OCCLUSION, contextMob, 0xfffffff0);
        send(SVGA_3D_CMD_DX_END_QUERY, SVGA3dCmdDXEndQuery{id});
    });
    bad("dispatch", [&] { send(SVGA_3D_CMD_DX_DISPATCH, SVGA3dCmdDXDispatch{UINT32_MAX, 1, 1}); });
    bad("no body", [&] { table.find(SVGA_3D_CMD_DX_DRAW)->handler(kContext, CommandBody({})); });

    drawQuad(kGreenF); // and all is as it was
    EXPECT_EQ(pixel(target, 8, 8), kGreen);
}

TEST_F(DxTest, DestroyedWhileBoundReadsAsUnbound) {
    setUpScene();
    Assembler a(VGPU10_PIXEL_SHADER, 4, 0);
    a.output(0).constantBuffer(0, 1).resource(0, VGPU10_RESOURCE_DIMENSION_TEXTURE2D).temps(1);
    a.op(VGPU10_OPCODE_LD, {r(0), imm(0u, 0u, 0u, 0u), t(0)});
    a.op(VGPU10_OPCODE_ADD, {o(0), r(0).swizzle("xyzw"), cb(0, 0).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    const uint32_t pixelShader = shader(SVGA3D_SHADERTYPE_PS, a);
    setShader(SVGA3D_SHADERTYPE_PS, pixelShader);
    const uint32_t image = texture(1, 1);
    uploadOf(image, std::vector<Rgba>{kRed});
    const uint32_t view = resourceView(image, SVGA3D_RESOURCE_TEXTURE2D);
    setResources(SVGA3D_SHADERTYPE_PS, {view});
    const uint32_t constants = bufferOf(std::vector<Vec4>{kGreenF});
    setConstants(SVGA3D_SHADERTYPE_PS, 0, constants, 16);
    drawQuad({});
    EXPECT_EQ(pixel(target, 8, 8), (Rgba{255, 255, 0, 255}));
    surfaces->destroy(constants);
    drawQuad({});
    EXPECT_EQ(pixel(target, 8, 8), kRed);
    send(SVGA_3D_CMD_DX_DESTROY_SHADERRESOURCE_VIEW, SVGA3dCmdDXDestroyShaderResourceView{view});
    drawQuad({});
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
    clear(targetView, {0, 0, 1, 1});
    send(SVGA_3D_CMD_DX_DESTROY_SHADER, SVGA3dCmdDXDestroyShader{pixelShader});
    drawQuad({});
    EXPECT_EQ(pixel(target, 8, 8), kBlue);
    surfaces->destroy(target);
    setShader(SVGA3D_SHADERTYPE_PS, kNone);
    drawQuad({});
    clear(targetView, kRedF);
    queue->finish();
}

TEST_F(DxTest, ABadShaderDrawsNothingAndAnotherDoes) {
    setUpScene();
    const uint32_t id = nextId++;
    FakeMob& mob = mobs.add(4096);
    send(SVGA_3D_CMD_DX_DEFINE_SHADER, SVGA3dCmdDXDefineShader{id, SVGA3D_SHADERTYPE_PS, 4096});
    setShader(SVGA3D_SHADERTYPE_PS, id);
    drawQuad(kRedF); // not bound to memory yet
    send(SVGA_3D_CMD_DX_BIND_SHADER, SVGA3dCmdDXBindShader{kContext, id, mob.id(), 0});
    drawQuad(kRedF); // garbage
    send(SVGA_3D_CMD_DX_BIND_SHADER, SVGA3dCmdDXBindShader{kContext, id, mob.id(), 64});
    drawQuad(kRedF); // beyond its MOB
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
    const auto tokens = colorPixelShader().finish();
    mob.write(128, std::as_bytes(std::span(tokens)));
    send(SVGA_3D_CMD_DX_DEFINE_SHADER,
         SVGA3dCmdDXDefineShader{id, SVGA3D_SHADERTYPE_PS, uint32_t(tokens.size() * sizeof(uint32_t))});
    send(SVGA_3D_CMD_DX_BIND_SHADER, SVGA3dCmdDXBindShader{kContext, id, mob.id(), 128});
    drawQuad(kRedF);
    EXPECT_EQ(pixel(target, 8, 8), kRed);
    setShader(SVGA3D_SHADERTYPE_VS, id); // a pixel shader as vertex shader
    drawQuad(kGreenF);
    EXPECT_EQ(pixel(target, 8, 8), kRed);
}

TEST_F(DxTest, DrawsBeyondTheirBuffersDoNoHarm) {
    setUpScene();
    const uint32_t vertices = bufferOf(quad(kRedF));
    setVertices(vertices, sizeof(Vertex));
    draw(600, 3);
    setVertices(vertices, 4000000);
    draw(6);
    setVertices(vertices, sizeof(Vertex), 0xffffff00);
    draw(6);
    send(SVGA_3D_CMD_DX_SET_INDEX_BUFFER,
         SVGA3dCmdDXSetIndexBuffer{bufferOf(std::vector<uint16_t>{0, 1, 2, 60000, 60001, 60002}), SVGA3D_R16_UINT, 0});
    setVertices(vertices, sizeof(Vertex));
    send(SVGA_3D_CMD_DX_DRAW_INDEXED, SVGA3dCmdDXDrawIndexed{6000, 0, -5});
    send(SVGA_3D_CMD_DX_DRAW_INDEXED, SVGA3dCmdDXDrawIndexed{6, 0xfffffff0, 0});
    send(SVGA_3D_CMD_DX_DRAW_INSTANCED_INDIRECT, SVGA3dCmdDXDrawInstancedIndirect{vertices, 0xfffffffc});
    send(SVGA_3D_CMD_DX_DRAW_INSTANCED_INDIRECT, SVGA3dCmdDXDrawInstancedIndirect{kNone, 0});
    queue->finish();
    send(SVGA_3D_CMD_DX_DRAW_INDEXED, SVGA3dCmdDXDrawIndexed{3, 0, 0});
    EXPECT_EQ(pixel(target, 2, 2), kRed);
}

TEST_F(DxTest, TwoContextsAreApart) {
    setUpScene();
    send(SVGA_3D_CMD_DX_DEFINE_CONTEXT, SVGA3dCmdDXDefineContext{2});
    const CommandTable::Entry* draws = table.find(SVGA_3D_CMD_DX_DRAW);
    const SVGA3dCmdDXDraw command{6, 0};
    setVertices(bufferOf(quad(kRedF)), sizeof(Vertex));
    draws->handler(2, CommandBody(std::as_bytes(std::span(&command, 1))));
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
    draws->handler(kContext, CommandBody(std::as_bytes(std::span(&command, 1))));
    EXPECT_EQ(pixel(target, 8, 8), kRed);
    send(SVGA_3D_CMD_DX_DESTROY_CONTEXT, SVGA3dCmdDXDestroyContext{2});
    EXPECT_THROW(draws->handler(2, CommandBody(std::as_bytes(std::span(&command, 1)))), CommandError);
}

} // namespace svga::device::test
