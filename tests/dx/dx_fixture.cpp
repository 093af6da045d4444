// SPDX-License-Identifier: MIT
#include "tests/dx/dx_fixture.h"

#include <algorithm>

namespace svga::device::test {

using namespace vgpu10::test;

void DxTest::SetUp() {
    registerSurfaceCommands(table, *surfaces, [this](uint32_t id) { return contexts->predicateSkips(id); });
    registerDxCommands(table, *contexts);
    send(SVGA_3D_CMD_DX_DEFINE_CONTEXT, SVGA3dCmdDXDefineContext{kContext});
    contextMob = mobs.add(sizeof(SVGADXContextMobFormat)).id();
    send(SVGA_3D_CMD_DX_BIND_CONTEXT, SVGA3dCmdDXBindContext{kContext, contextMob, 0});
    for (uint32_t type = 0; type < SVGA_COTABLE_MAX; ++type) {
        coTableMobs[type] = mobs.add(65536).id();
        send(SVGA_3D_CMD_DX_SET_COTABLE, SVGA3dCmdDXSetCOTable{kContext, coTableMobs[type], SVGACOTableType(type), 0});
    }
}

void DxTest::TearDown() {
    queue->finish();
    contexts.reset();
    surfaces.reset();
    GpuTest::TearDown();
}

uint32_t DxTest::surface(SurfaceDesc desc) {
    desc.id = nextSurface++;
    surfaces->define(desc);
    uint64_t texels = 0;
    for (uint32_t level = 0; level < desc.mipLevels; ++level)
        texels += uint64_t(std::max(desc.size.width >> level, 1u)) * std::max(desc.size.height >> level, 1u) *
                  std::max(desc.size.depth >> level, 1u);
    const uint64_t bytes = desc.isBuffer() ? desc.size.width : texels * desc.arraySize * 16 * desc.sampleCount;
    FakeMob& mob = mobs.add(bytes);
    std::fill(mob.bytes.begin(), mob.bytes.end(), std::byte{0});
    surfaces->bind(desc.id, mob.id());
    return desc.id;
}

uint32_t DxTest::buffer(std::span<const std::byte> bytes) {
    SurfaceDesc desc;
    desc.format = SVGA3D_BUFFER;
    desc.flags = SVGA3D_SURFACE_BIND_VERTEX_BUFFER;
    desc.size.width = uint32_t(bytes.size());
    const uint32_t sid = surface(desc);
    upload(sid, bytes);
    return sid;
}

uint32_t DxTest::texture(uint32_t width, uint32_t height, SVGA3dSurfaceFormat format, SVGA3dSurfaceAllFlags flags) {
    SurfaceDesc desc;
    desc.format = format;
    desc.flags = flags | SVGA3D_SURFACE_BIND_SHADER_RESOURCE;
    desc.size = {width, height, 1};
    return surface(desc);
}

void DxTest::upload(uint32_t sid, std::span<const std::byte> bytes, uint64_t offset) {
    surfaces->at(sid)->mob()->write(offset, bytes);
    surfaces->update(sid);
}

std::vector<std::byte> DxTest::bytesOf(uint32_t sid) {
    surfaces->readback(sid);
    queue->finish();
    std::vector<std::byte> bytes(surfaces->at(sid)->mob()->size());
    surfaces->at(sid)->mob()->read(0, bytes);
    return bytes;
}

uint32_t DxTest::shader(SVGA3dShaderType type, const Assembler& assembler) {
    const std::vector<uint32_t> tokens = assembler.finish();
    const uint32_t size = uint32_t(tokens.size() * sizeof(uint32_t));
    FakeMob& mob = mobs.add(size + 256);
    mob.write(256, std::as_bytes(std::span(tokens)));
    const uint32_t id = nextId++;
    send(SVGA_3D_CMD_DX_DEFINE_SHADER, SVGA3dCmdDXDefineShader{id, type, size});
    send(SVGA_3D_CMD_DX_BIND_SHADER, SVGA3dCmdDXBindShader{kContext, id, mob.id(), 256});
    return id;
}

uint32_t DxTest::renderTargetView(uint32_t sid, SVGA3dSurfaceFormat format, uint32_t level, uint32_t firstSlice,
                                  uint32_t slices) {
    SVGA3dCmdDXDefineRenderTargetView command{};
    command.renderTargetViewId = nextId++;
    command.sid = sid;
    command.format = format;
    command.resourceDimension = SVGA3D_RESOURCE_TEXTURE2D;
    command.desc.tex = {level, firstSlice, slices};
    send(SVGA_3D_CMD_DX_DEFINE_RENDERTARGET_VIEW, command);
    return command.renderTargetViewId;
}

uint32_t DxTest::depthView(uint32_t sid, SVGA3dSurfaceFormat format, uint8_t flags) {
    SVGA3dCmdDXDefineDepthStencilView command{};
    command.depthStencilViewId = nextId++;
    command.sid = sid;
    command.format = format;
    command.resourceDimension = SVGA3D_RESOURCE_TEXTURE2D;
    command.arraySize = 1;
    command.flags = flags;
    send(SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW, command);
    return command.depthStencilViewId;
}

uint32_t DxTest::resourceView(uint32_t sid, SVGA3dResourceType dimension, SVGA3dSurfaceFormat format, uint32_t level,
                              uint32_t levels, uint32_t firstSlice, uint32_t slices) {
    SVGA3dCmdDXDefineShaderResourceView command{};
    command.shaderResourceViewId = nextId++;
    command.sid = sid;
    command.format = format;
    command.resourceDimension = dimension;
    command.desc.tex = {level, firstSlice, levels, slices};
    send(SVGA_3D_CMD_DX_DEFINE_SHADERRESOURCE_VIEW, command);
    return command.shaderResourceViewId;
}

uint32_t DxTest::bufferView(uint32_t sid, SVGA3dSurfaceFormat format, uint32_t first, uint32_t count) {
    SVGA3dCmdDXDefineShaderResourceView command{};
    command.shaderResourceViewId = nextId++;
    command.sid = sid;
    command.format = format;
    command.resourceDimension = SVGA3D_RESOURCE_BUFFER;
    command.desc.buffer.firstElement = first;
    command.desc.buffer.numElements = count;
    send(SVGA_3D_CMD_DX_DEFINE_SHADERRESOURCE_VIEW, command);
    return command.shaderResourceViewId;
}

uint32_t DxTest::samplerState(SVGA3dFilter filter, uint8_t address, Vec4 border, uint8_t comparison) {
    SVGA3dCmdDXDefineSamplerState command{};
    command.samplerId = nextId++;
    command.filter = filter;
    command.addressU = command.addressV = command.addressW = address;
    command.maxAnisotropy = 1;
    command.comparisonFunc = comparison;
    std::copy(border.begin(), border.end(), command.borderColor.value);
    command.maxLOD = 1000;
    send(SVGA_3D_CMD_DX_DEFINE_SAMPLER_STATE, command);
    return command.samplerId;
}

uint32_t DxTest::elementLayout(const std::vector<SVGA3dInputElementDesc>& elements) {
    const uint32_t id = nextId++;
    send(SVGA_3D_CMD_DX_DEFINE_ELEMENTLAYOUT, SVGA3dCmdDXDefineElementLayout{id}, elements);
    return id;
}

uint32_t DxTest::rasterizer(SVGA3dCmdDXDefineRasterizerState state) {
    state.rasterizerId = nextId++;
    send(SVGA_3D_CMD_DX_DEFINE_RASTERIZER_STATE, state);
    return state.rasterizerId;
}

uint32_t DxTest::blend(SVGA3dCmdDXDefineBlendState state) {
    state.blendId = nextId++;
    send(SVGA_3D_CMD_DX_DEFINE_BLEND_STATE, state);
    return state.blendId;
}

uint32_t DxTest::depthStencil(SVGA3dCmdDXDefineDepthStencilState state) {
    state.depthStencilId = nextId++;
    send(SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_STATE, state);
    return state.depthStencilId;
}

uint32_t DxTest::query(SVGA3dQueryType type, uint32_t mob, uint32_t offset) {
    const uint32_t id = nextId++;
    send(SVGA_3D_CMD_DX_DEFINE_QUERY, SVGA3dCmdDXDefineQuery{id, type, 0});
    send(SVGA_3D_CMD_DX_BIND_QUERY, SVGA3dCmdDXBindQuery{id, mob});
    send(SVGA_3D_CMD_DX_SET_QUERY_OFFSET, SVGA3dCmdDXSetQueryOffset{id, offset});
    return id;
}

SVGA3dCmdDXDefineRasterizerState DxTest::plainRasterizer() {
    SVGA3dCmdDXDefineRasterizerState state{};
    state.fillMode = SVGA3D_FILLMODE_FILL;
    state.cullMode = SVGA3D_CULL_NONE;
    state.depthClipEnable = 1;
    state.lineWidth = 1;
    return state;
}

SVGA3dCmdDXDefineBlendState DxTest::plainBlend() {
    SVGA3dCmdDXDefineBlendState state{};
    for (auto& target : state.perRT) {
        target.srcBlend = target.srcBlendAlpha = SVGA3D_BLENDOP_ONE;
        target.destBlend = target.destBlendAlpha = SVGA3D_BLENDOP_ZERO;
        target.blendOp = target.blendOpAlpha = SVGA3D_BLENDEQ_ADD;
        target.renderTargetWriteMask = SVGA3D_COLOR_WRITE_ENABLE_ALL;
    }
    return state;
}

SVGA3dCmdDXDefineDepthStencilState DxTest::plainDepth(uint8_t function) {
    SVGA3dCmdDXDefineDepthStencilState state{};
    state.depthEnable = 1;
    state.depthWriteMask = SVGA3D_DEPTH_WRITE_MASK_ALL;
    state.depthFunc = function;
    state.frontEnable = state.backEnable = 1;
    state.stencilReadMask = state.stencilWriteMask = 0xff;
    state.frontStencilFailOp = state.frontStencilDepthFailOp = state.frontStencilPassOp = SVGA3D_STENCILOP_KEEP;
    state.backStencilFailOp = state.backStencilDepthFailOp = state.backStencilPassOp = SVGA3D_STENCILOP_KEEP;
    state.frontStencilFunc = state.backStencilFunc = SVGA3D_COMPARISON_ALWAYS;
    return state;
}

void DxTest::setShader(SVGA3dShaderType type, uint32_t id) {
    send(SVGA_3D_CMD_DX_SET_SHADER, SVGA3dCmdDXSetShader{id, type});
}

void DxTest::setTargets(const std::vector<uint32_t>& colors, uint32_t depth) {
    send(SVGA_3D_CMD_DX_SET_RENDERTARGETS, SVGA3dCmdDXSetRenderTargets{depth}, colors);
}

void DxTest::setViewport(float x, float y, float width, float height, float minDepth, float maxDepth) {
    send(SVGA_3D_CMD_DX_SET_VIEWPORTS, SVGA3dCmdDXSetViewports{},
         std::vector<SVGA3dViewport>{{x, y, width, height, minDepth, maxDepth}});
}

void DxTest::setVertices(uint32_t sid, uint32_t stride, uint32_t offset, uint32_t slot) {
    send(SVGA_3D_CMD_DX_SET_VERTEX_BUFFERS, SVGA3dCmdDXSetVertexBuffers{slot},
         std::vector<SVGA3dVertexBuffer>{{sid, stride, offset}});
}

void DxTest::setTopology(SVGA3dPrimitiveType type) {
    send(SVGA_3D_CMD_DX_SET_TOPOLOGY, SVGA3dCmdDXSetTopology{type});
}

void DxTest::setConstants(SVGA3dShaderType type, uint32_t slot, uint32_t sid, uint32_t size, uint32_t offset) {
    send(SVGA_3D_CMD_DX_SET_SINGLE_CONSTANT_BUFFER, SVGA3dCmdDXSetSingleConstantBuffer{slot, type, sid, offset, size});
}

void DxTest::setResources(SVGA3dShaderType type, const std::vector<uint32_t>& ids) {
    send(SVGA_3D_CMD_DX_SET_SHADER_RESOURCES, SVGA3dCmdDXSetShaderResources{0, type}, ids);
}

void DxTest::setSamplers(SVGA3dShaderType type, const std::vector<uint32_t>& ids) {
    send(SVGA_3D_CMD_DX_SET_SAMPLERS, SVGA3dCmdDXSetSamplers{0, type}, ids);
}

void DxTest::setRasterizer(uint32_t id) {
    send(SVGA_3D_CMD_DX_SET_RASTERIZER_STATE, SVGA3dCmdDXSetRasterizerState{id});
}

void DxTest::setBlend(uint32_t id, Vec4 factor, uint32_t mask) {
    send(SVGA_3D_CMD_DX_SET_BLEND_STATE,
         SVGA3dCmdDXSetBlendState{id, {factor[0], factor[1], factor[2], factor[3]}, mask});
}

void DxTest::setDepthStencil(uint32_t id, uint32_t reference) {
    send(SVGA_3D_CMD_DX_SET_DEPTHSTENCIL_STATE, SVGA3dCmdDXSetDepthStencilState{id, reference});
}

void DxTest::clear(uint32_t view, Vec4 color) {
    SVGA3dCmdDXClearRenderTargetView command{};
    command.renderTargetViewId = view;
    std::copy(color.begin(), color.end(), command.rgba.value);
    send(SVGA_3D_CMD_DX_CLEAR_RENDERTARGET_VIEW, command);
}

void DxTest::clearDepth(uint32_t view, float depth, uint8_t stencil, uint16_t flags) {
    send(SVGA_3D_CMD_DX_CLEAR_DEPTHSTENCIL_VIEW, SVGA3dCmdDXClearDepthStencilView{flags, stencil, view, depth});
}

void DxTest::draw(uint32_t count, uint32_t first) {
    send(SVGA_3D_CMD_DX_DRAW, SVGA3dCmdDXDraw{count, first});
}

Assembler DxTest::passVertexShader() {
    Assembler a(VGPU10_VERTEX_SHADER, 4, 0);
    a.input(0).input(1).outputValue(0, VGPU10_NAME_POSITION).output(1);
    a.op(VGPU10_OPCODE_MOV, {o(0), v(0).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV, {o(1), v(1).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_RET);
    return a;
}

Assembler DxTest::colorPixelShader() {
    Assembler a(VGPU10_PIXEL_SHADER, 4, 0);
    a.inputPixel(1, VGPU10_INTERPOLATION_LINEAR).output(0);
    a.op(VGPU10_OPCODE_MOV, {o(0), v(1).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_RET);
    return a;
}

void DxTest::setUpScene(SVGA3dSurfaceFormat format) {
    target = texture(kSize, kSize, format, SVGA3D_SURFACE_BIND_RENDER_TARGET);
    targetView = renderTargetView(target, format);
    clear(targetView, {0, 0, 0, 0});
    setTargets({targetView});
    setShader(SVGA3D_SHADERTYPE_VS, shader(SVGA3D_SHADERTYPE_VS, passVertexShader()));
    setShader(SVGA3D_SHADERTYPE_PS, shader(SVGA3D_SHADERTYPE_PS, colorPixelShader()));
    const uint32_t layout = elementLayout({{0, 0, SVGA3D_R32G32B32A32_FLOAT, SVGA3D_INPUT_PER_VERTEX_DATA, 0, 0},
                                           {0, 16, SVGA3D_R32G32B32A32_FLOAT, SVGA3D_INPUT_PER_VERTEX_DATA, 0, 1}});
    send(SVGA_3D_CMD_DX_SET_INPUT_LAYOUT, SVGA3dCmdDXSetInputLayout{layout});
    setTopology(SVGA3D_PRIMITIVE_TRIANGLELIST);
    setViewport(0, 0, kSize, kSize);
    setRasterizer(rasterizer(plainRasterizer()));
    setBlend(blend(plainBlend()));
    setDepthStencil(depthStencil(plainDepth(SVGA3D_COMPARISON_ALWAYS)));
}

std::vector<Vertex> DxTest::quad(Vec4 color, float left, float bottom, float right, float top, float z) {
    const auto at = [&](float x, float y) { return Vertex{{x, y, z, 1}, {color[0], color[1], color[2], color[3]}}; };
    return {at(left, bottom), at(left, top), at(right, top), at(left, bottom), at(right, top), at(right, bottom)};
}

void DxTest::drawQuad(Vec4 color, float left, float bottom, float right, float top, float z) {
    setVertices(bufferOf(quad(color, left, bottom, right, top, z)), sizeof(Vertex));
    draw(6);
}

} // namespace svga::device::test
