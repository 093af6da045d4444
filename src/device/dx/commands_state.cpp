// SPDX-License-Identifier: MIT
#include "device/dx/commands.h"

#include <algorithm>

namespace svga::device {

namespace {

/** \brief \p items into \p slots from \p start on. \throws CommandError where they do not fit. */
template <typename Slot, std::size_t N, typename Item, typename Assign>
void assignSlots(Slot (&slots)[N], uint32_t start, const std::vector<Item>& items, const char* what, Assign assign) {
    if (start > N || items.size() > N - start)
        throw CommandError("{} {} to {} are out of range, there are {}", what, start, start + items.size(), N);
    for (std::size_t i = 0; i < items.size(); ++i)
        assign(slots[start + i], items[i], start + uint32_t(i));
}

template <std::size_t N>
void assignIds(uint32_t (&slots)[N], uint32_t start, const std::vector<uint32_t>& ids, const char* what) {
    assignSlots(slots, start, ids, what, [](uint32_t& slot, uint32_t id, uint32_t) { slot = id; });
}

auto& stageState(DxContext& context, SVGA3dShaderType type) {
    return context.state.guest.shaderState[shaderStateIndex(stageOf(type))];
}

void setConstantBuffer(DxContext& context, const SVGA3dCmdDXSetSingleConstantBuffer& command) {
    auto& buffers = stageState(context, command.type).constantBuffers;
    if (command.slot >= std::size(buffers))
        throw CommandError("constant buffer slot {} is out of range", command.slot);
    if (command.sizeInBytes > SVGA3D_DX_MAX_CONSTBUF_BINDING_SIZE)
        throw CommandError("constant buffer slot {}: {} bytes, {} at most", command.slot, command.sizeInBytes,
                           SVGA3D_DX_MAX_CONSTBUF_BINDING_SIZE);
    buffers[command.slot] = {command.sid, command.offsetInBytes, command.sizeInBytes};
}

template <SVGA3dShaderType type>
void setConstantBufferOffset(DxContext& context, const SVGA3dCmdDXSetConstantBufferOffset& command) {
    auto& buffers = stageState(context, type).constantBuffers;
    if (command.slot >= std::size(buffers))
        throw CommandError("constant buffer slot {} is out of range", command.slot);
    buffers[command.slot].offsetInBytes = command.offsetInBytes;
}

void addShaderStateCommands(DxRegistrar& registrar) {
    registrar.add<SVGA3dCmdDXSetShader>(SVGA_3D_CMD_DX_SET_SHADER, "DX_SET_SHADER", [](DxContext& c, const auto& cmd) {
        stageState(c, cmd.type).shaderId = cmd.shaderId;
    });
    registrar.add<SVGA3dCmdDXSetSingleConstantBuffer>(SVGA_3D_CMD_DX_SET_SINGLE_CONSTANT_BUFFER,
                                                      "DX_SET_SINGLE_CONSTANT_BUFFER", setConstantBuffer);
    using Offset = SVGA3dCmdDXSetConstantBufferOffset;
    registrar.add<Offset>(SVGA_3D_CMD_DX_SET_VS_CONSTANT_BUFFER_OFFSET, "DX_SET_VS_CONSTANT_BUFFER_OFFSET",
                          setConstantBufferOffset<SVGA3D_SHADERTYPE_VS>);
    registrar.add<Offset>(SVGA_3D_CMD_DX_SET_PS_CONSTANT_BUFFER_OFFSET, "DX_SET_PS_CONSTANT_BUFFER_OFFSET",
                          setConstantBufferOffset<SVGA3D_SHADERTYPE_PS>);
    registrar.add<Offset>(SVGA_3D_CMD_DX_SET_GS_CONSTANT_BUFFER_OFFSET, "DX_SET_GS_CONSTANT_BUFFER_OFFSET",
                          setConstantBufferOffset<SVGA3D_SHADERTYPE_GS>);
    registrar.add<Offset>(SVGA_3D_CMD_DX_SET_HS_CONSTANT_BUFFER_OFFSET, "DX_SET_HS_CONSTANT_BUFFER_OFFSET",
                          setConstantBufferOffset<SVGA3D_SHADERTYPE_HS>);
    registrar.add<Offset>(SVGA_3D_CMD_DX_SET_DS_CONSTANT_BUFFER_OFFSET, "DX_SET_DS_CONSTANT_BUFFER_OFFSET",
                          setConstantBufferOffset<SVGA3D_SHADERTYPE_DS>);
    registrar.add<Offset>(SVGA_3D_CMD_DX_SET_CS_CONSTANT_BUFFER_OFFSET, "DX_SET_CS_CONSTANT_BUFFER_OFFSET",
                          setConstantBufferOffset<SVGA3D_SHADERTYPE_CS>);
    registrar.addList<SVGA3dCmdDXSetShaderResources, uint32_t>(
        SVGA_3D_CMD_DX_SET_SHADER_RESOURCES, "DX_SET_SHADER_RESOURCES",
        [](DxContext& c, const auto& cmd, const auto& ids) {
            assignIds(stageState(c, cmd.type).shaderResources, cmd.startView, ids, "shader resources");
        });
    registrar.addList<SVGA3dCmdDXSetSamplers, uint32_t>(
        SVGA_3D_CMD_DX_SET_SAMPLERS, "DX_SET_SAMPLERS", [](DxContext& c, const auto& cmd, auto& ids) {
            // Mesa sends the ids of more samplers than there are slots; none of its shaders uses those.
            auto& slots = stageState(c, cmd.type).samplers;
            if (cmd.startSampler < std::size(slots))
                ids.resize(std::min(ids.size(), std::size(slots) - cmd.startSampler));
            assignIds(slots, cmd.startSampler, ids, "samplers");
        });
    registrar.addList<SVGA3dCmdDXSetUAViews, uint32_t>(
        SVGA_3D_CMD_DX_SET_UA_VIEWS, "DX_SET_UA_VIEWS", [](DxContext& c, const auto& cmd, const auto& ids) {
            // Registers below the splice index are render targets; the views given take the ones from there on.
            auto& guest = c.state.guest;
            if (cmd.uavSpliceIndex > SVGA3D_MAX_SIMULTANEOUS_RTUAV)
                throw CommandError("unordered access views begin at {}, which is out of range", cmd.uavSpliceIndex);
            assignIds(guest.uaViewIds, 0, ids, "unordered access views");
            std::fill(std::begin(guest.uaViewIds) + ids.size(), std::end(guest.uaViewIds), SVGA3D_INVALID_ID);
            guest.uavSpliceIndex = cmd.uavSpliceIndex;
        });
    registrar.addList<SVGA3dCmdDXSetCSUAViews, uint32_t>(
        SVGA_3D_CMD_DX_SET_CS_UA_VIEWS, "DX_SET_CS_UA_VIEWS", [](DxContext& c, const auto& cmd, const auto& ids) {
            assignIds(c.state.guest.csuaViewIds, cmd.startIndex, ids, "compute unordered access views");
        });
}

void setVertexBuffer(DxContext& context, uint32_t slot, uint32_t stride, uint32_t offset, uint32_t size) {
    auto& binding = context.state.guest.inputAssembly.vertexBuffers[slot];
    binding.stride = stride;
    binding.offset = offset;
    context.state.vertexBufferSizes[slot] = size;
}

void setIndexBuffer(DxContext& context, SVGA3dSurfaceFormat format, uint32_t offset, uint32_t size) {
    if (format != SVGA3D_R16_UINT && format != SVGA3D_R32_UINT && format != SVGA3D_FORMAT_INVALID)
        throw CommandError("index buffer format {} is neither R16_UINT nor R32_UINT", uint32_t(format));
    auto& inputs = context.state.guest.inputAssembly;
    inputs.indexBufferFormat = format;
    inputs.indexBufferOffset = offset;
    context.state.indexBufferSize = size;
}

void addInputCommands(DxRegistrar& registrar) {
    registrar.add<SVGA3dCmdDXSetInputLayout>(
        SVGA_3D_CMD_DX_SET_INPUT_LAYOUT, "DX_SET_INPUT_LAYOUT",
        [](DxContext& c, const auto& cmd) { c.state.guest.inputAssembly.layoutId = cmd.elementLayoutId; });
    registrar.add<SVGA3dCmdDXSetTopology>(
        SVGA_3D_CMD_DX_SET_TOPOLOGY, "DX_SET_TOPOLOGY",
        [](DxContext& c, const auto& cmd) { c.state.guest.inputAssembly.topology = cmd.topology; });
    registrar.addList<SVGA3dCmdDXSetVertexBuffers, SVGA3dVertexBuffer>(
        SVGA_3D_CMD_DX_SET_VERTEX_BUFFERS, "DX_SET_VERTEX_BUFFERS",
        [](DxContext& c, const auto& cmd, const auto& items) {
            assignSlots(c.state.guest.inputAssembly.vertexBuffers, cmd.startBuffer, items, "vertex buffers",
                        [&c](auto& binding, const auto& item, uint32_t slot) {
                            binding.bufferId = item.sid;
                            setVertexBuffer(c, slot, item.stride, item.offset, UINT32_MAX);
                        });
        });
    registrar.addList<SVGA3dCmdDXSetVertexBuffers_v2, SVGA3dVertexBuffer_v2>(
        SVGA_3D_CMD_DX_SET_VERTEX_BUFFERS_V2, "DX_SET_VERTEX_BUFFERS_V2",
        [](DxContext& c, const auto& cmd, const auto& items) {
            assignSlots(c.state.guest.inputAssembly.vertexBuffers, cmd.startBuffer, items, "vertex buffers",
                        [&c](auto& binding, const auto& item, uint32_t slot) {
                            binding.bufferId = item.sid;
                            setVertexBuffer(c, slot, item.stride, item.offset, item.sizeInBytes);
                        });
        });
    registrar.addList<SVGA3dCmdDXSetVertexBuffersOffsetAndSize, SVGA3dVertexBufferOffsetAndSize>(
        SVGA_3D_CMD_DX_SET_VERTEX_BUFFERS_OFFSET_AND_SIZE, "DX_SET_VERTEX_BUFFERS_OFFSET_AND_SIZE",
        [](DxContext& c, const auto& cmd, const auto& items) {
            assignSlots(c.state.guest.inputAssembly.vertexBuffers, cmd.startBuffer, items, "vertex buffers",
                        [&c](auto&, const auto& item, uint32_t slot) {
                            setVertexBuffer(c, slot, item.stride, item.offset, item.sizeInBytes);
                        });
        });
    registrar.add<SVGA3dCmdDXSetIndexBuffer>(SVGA_3D_CMD_DX_SET_INDEX_BUFFER, "DX_SET_INDEX_BUFFER",
                                             [](DxContext& c, const auto& cmd) {
                                                 setIndexBuffer(c, cmd.format, cmd.offset, UINT32_MAX);
                                                 c.state.guest.inputAssembly.indexBufferSid = cmd.sid;
                                             });
    registrar.add<SVGA3dCmdDXSetIndexBuffer_v2>(SVGA_3D_CMD_DX_SET_INDEX_BUFFER_V2, "DX_SET_INDEX_BUFFER_V2",
                                                [](DxContext& c, const auto& cmd) {
                                                    setIndexBuffer(c, cmd.format, cmd.offset, cmd.sizeInBytes);
                                                    c.state.guest.inputAssembly.indexBufferSid = cmd.sid;
                                                });
    registrar.add<SVGA3dCmdDXSetIndexBufferOffsetAndSize>(
        SVGA_3D_CMD_DX_SET_INDEX_BUFFER_OFFSET_AND_SIZE, "DX_SET_INDEX_BUFFER_OFFSET_AND_SIZE",
        [](DxContext& c, const auto& cmd) { setIndexBuffer(c, cmd.format, cmd.offset, cmd.sizeInBytes); });
}

void addRenderStateCommands(DxRegistrar& registrar) {
    registrar.addList<SVGA3dCmdDXSetRenderTargets, uint32_t>(
        SVGA_3D_CMD_DX_SET_RENDERTARGETS, "DX_SET_RENDERTARGETS", [](DxContext& c, const auto& cmd, const auto& ids) {
            auto& render = c.state.guest.renderState;
            assignIds(render.renderTargetViewIds, 0, ids, "render targets");
            std::fill(std::begin(render.renderTargetViewIds) + ids.size(), std::end(render.renderTargetViewIds),
                      SVGA3D_INVALID_ID);
            render.depthStencilViewId = cmd.depthStencilViewId;
        });
    registrar.add<SVGA3dCmdDXSetBlendState>(
        SVGA_3D_CMD_DX_SET_BLEND_STATE, "DX_SET_BLEND_STATE", [](DxContext& c, const auto& cmd) {
            auto& render = c.state.guest.renderState;
            render.blendStateId = cmd.blendId;
            static_assert(sizeof(render.blendFactor) == sizeof(cmd.blendFactor));
            std::memcpy(render.blendFactor, cmd.blendFactor, sizeof(cmd.blendFactor));
            render.sampleMask = cmd.sampleMask;
        });
    registrar.add<SVGA3dCmdDXSetDepthStencilState>(
        SVGA_3D_CMD_DX_SET_DEPTHSTENCIL_STATE, "DX_SET_DEPTHSTENCIL_STATE", [](DxContext& c, const auto& cmd) {
            c.state.guest.renderState.depthStencilStateId = cmd.depthStencilId;
            c.state.guest.renderState.stencilRef = cmd.stencilRef;
        });
    registrar.add<SVGA3dCmdDXSetRasterizerState>(
        SVGA_3D_CMD_DX_SET_RASTERIZER_STATE, "DX_SET_RASTERIZER_STATE",
        [](DxContext& c, const auto& cmd) { c.state.guest.renderState.rasterizerStateId = cmd.rasterizerId; });
    registrar.addList<SVGA3dCmdDXSetViewports, SVGA3dViewport>(
        SVGA_3D_CMD_DX_SET_VIEWPORTS, "DX_SET_VIEWPORTS", [](DxContext& c, const auto&, const auto& items) {
            auto& guest = c.state.guest;
            assignSlots(guest.viewports, 0, items, "viewports",
                        [](auto& slot, const auto& item, uint32_t) { slot = item; });
            guest.numViewports = uint8_t(items.size());
        });
    registrar.addList<SVGA3dCmdDXSetScissorRects, SVGASignedRect>(
        SVGA_3D_CMD_DX_SET_SCISSORRECTS, "DX_SET_SCISSORRECTS", [](DxContext& c, const auto&, const auto& items) {
            auto& guest = c.state.guest;
            assignSlots(guest.scissorRects, 0, items, "scissor rectangles",
                        [](auto& slot, const auto& item, uint32_t) { slot = item; });
            guest.numScissorRects = uint8_t(items.size());
        });
}

void addStreamOutputStateCommands(DxRegistrar& registrar, DrawEngine& engine) {
    registrar.add<SVGA3dCmdDXSetStreamOutput>(
        SVGA_3D_CMD_DX_SET_STREAMOUTPUT, "DX_SET_STREAMOUTPUT",
        [](DxContext& c, const auto& cmd) { c.state.guest.streamOut.soid = cmd.soid; });
    registrar.addList<SVGA3dCmdDXSetSOTargets, SVGA3dSoTarget>(
        SVGA_3D_CMD_DX_SET_SOTARGETS, "DX_SET_SOTARGETS", [&engine](DxContext& c, const auto&, const auto& items) {
            auto& slots = c.state.guest.streamOut.targets;
            std::vector<uint32_t> ids;
            for (const SVGA3dSoTarget& item : items)
                ids.push_back(item.sid);
            assignIds(slots, 0, ids, "stream output targets");
            std::fill(std::begin(slots) + items.size(), std::end(slots), SVGA3D_INVALID_ID);
            for (const SVGA3dSoTarget& item : items) {
                const auto surface = findSurface(engine.surfaces(), item.sid);
                if (surface && surface->buffer() && item.offset != SVGA3D_DX_SO_OFFSET_APPEND)
                    engine.streamOutputs().setRange(surface, item.offset, item.sizeInBytes);
            }
        });
}

} // namespace

void addStateCommands(DxRegistrar& registrar, DrawEngine& engine) {
    addShaderStateCommands(registrar);
    addInputCommands(registrar);
    addRenderStateCommands(registrar);
    addStreamOutputStateCommands(registrar, engine);
}

} // namespace svga::device
