// SPDX-License-Identifier: MIT
#include "device/dx/commands.h"

#include <algorithm>

namespace svga::device {

namespace {

/** \brief A destroyed entry is all zero, which reads as undefined; ids beyond the table are already. */
template <typename Entry>
void destroy(DxContext& context, uint32_t id) {
    if (context.find<Entry>(id))
        context.tableOf<Entry>().write(id, Entry{});
}

template <typename Entry>
void define(DxContext& context, uint32_t id, const Entry& entry) {
    context.tableOf<Entry>().write(id, entry);
}

SVGACOTableDXSRViewEntry entryOf(const SVGA3dCmdDXDefineShaderResourceView& command) {
    SVGACOTableDXSRViewEntry entry{};
    entry.sid = command.sid;
    entry.format = command.format;
    entry.resourceDimension = command.resourceDimension;
    entry.desc = command.desc;
    return entry;
}

SVGACOTableDXRTViewEntry entryOf(const SVGA3dCmdDXDefineRenderTargetView& command) {
    SVGACOTableDXRTViewEntry entry{};
    entry.sid = command.sid;
    entry.format = command.format;
    entry.resourceDimension = command.resourceDimension;
    entry.desc = command.desc;
    return entry;
}

template <typename Command>
SVGACOTableDXDSViewEntry depthViewEntryOf(const Command& command) {
    SVGACOTableDXDSViewEntry entry{};
    entry.sid = command.sid;
    entry.format = command.format;
    entry.resourceDimension = command.resourceDimension;
    entry.mipSlice = command.mipSlice;
    entry.firstArraySlice = command.firstArraySlice;
    entry.arraySize = command.arraySize;
    entry.flags = command.flags;
    return entry;
}

SVGACOTableDXUAViewEntry entryOf(const SVGA3dCmdDXDefineUAView& command) {
    SVGACOTableDXUAViewEntry entry{};
    entry.sid = command.sid;
    entry.format = command.format;
    entry.resourceDimension = command.resourceDimension;
    entry.desc = command.desc;
    return entry;
}

SVGACOTableDXBlendStateEntry entryOf(const SVGA3dCmdDXDefineBlendState& command) {
    SVGACOTableDXBlendStateEntry entry{};
    entry.alphaToCoverageEnable = command.alphaToCoverageEnable;
    entry.independentBlendEnable = command.independentBlendEnable;
    std::copy(std::begin(command.perRT), std::end(command.perRT), entry.perRT);
    return entry;
}

SVGACOTableDXDepthStencilEntry entryOf(const SVGA3dCmdDXDefineDepthStencilState& command) {
    // The entry is the command without its id.
    SVGACOTableDXDepthStencilEntry entry;
    static_assert(sizeof(command) == sizeof(command.depthStencilId) + sizeof(entry));
    std::memcpy(&entry, &command.depthEnable, sizeof(entry));
    return entry;
}

template <typename Command>
SVGACOTableDXRasterizerStateEntry rasterizerEntryOf(const Command& command) {
    SVGACOTableDXRasterizerStateEntry entry{};
    entry.fillMode = command.fillMode;
    entry.cullMode = command.cullMode;
    entry.frontCounterClockwise = command.frontCounterClockwise;
    entry.provokingVertexLast = command.provokingVertexLast;
    entry.depthBias = command.depthBias;
    entry.depthBiasClamp = command.depthBiasClamp;
    entry.slopeScaledDepthBias = command.slopeScaledDepthBias;
    entry.depthClipEnable = command.depthClipEnable;
    entry.scissorEnable = command.scissorEnable;
    entry.multisampleEnable = command.multisampleEnable;
    entry.antialiasedLineEnable = command.antialiasedLineEnable;
    entry.lineWidth = command.lineWidth;
    entry.lineStippleEnable = command.lineStippleEnable;
    entry.lineStippleFactor = command.lineStippleFactor;
    entry.lineStipplePattern = command.lineStipplePattern;
    return entry;
}

SVGACOTableDXSamplerEntry entryOf(const SVGA3dCmdDXDefineSamplerState& command) {
    SVGACOTableDXSamplerEntry entry{};
    entry.filter = command.filter;
    entry.addressU = command.addressU;
    entry.addressV = command.addressV;
    entry.addressW = command.addressW;
    entry.mipLODBias = command.mipLODBias;
    entry.maxAnisotropy = command.maxAnisotropy;
    entry.comparisonFunc = command.comparisonFunc;
    entry.borderColor = command.borderColor;
    entry.minLOD = command.minLOD;
    entry.maxLOD = command.maxLOD;
    return entry;
}

void defineElementLayout(DxContext& context, uint32_t id, const std::vector<SVGA3dInputElementDesc>& elements) {
    SVGACOTableDXElementLayoutEntry entry{};
    if (elements.size() > std::size(entry.descs))
        throw CommandError("element layout {} has {} elements, {} at most", id, elements.size(),
                           std::size(entry.descs));
    entry.elid = id;
    entry.numDescs = uint32_t(elements.size());
    std::copy(elements.begin(), elements.end(), entry.descs);
    define(context, id, entry);
}

void addViewCommands(DxRegistrar& registrar) {
    registrar.add<SVGA3dCmdDXDefineShaderResourceView>(
        SVGA_3D_CMD_DX_DEFINE_SHADERRESOURCE_VIEW, "DX_DEFINE_SHADERRESOURCE_VIEW",
        [](DxContext& c, const auto& cmd) { define(c, cmd.shaderResourceViewId, entryOf(cmd)); });
    registrar.add<SVGA3dCmdDXDestroyShaderResourceView>(
        SVGA_3D_CMD_DX_DESTROY_SHADERRESOURCE_VIEW, "DX_DESTROY_SHADERRESOURCE_VIEW",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXSRViewEntry>(c, cmd.shaderResourceViewId); });
    registrar.add<SVGA3dCmdDXDefineRenderTargetView>(
        SVGA_3D_CMD_DX_DEFINE_RENDERTARGET_VIEW, "DX_DEFINE_RENDERTARGET_VIEW",
        [](DxContext& c, const auto& cmd) { define(c, cmd.renderTargetViewId, entryOf(cmd)); });
    registrar.add<SVGA3dCmdDXDestroyRenderTargetView>(
        SVGA_3D_CMD_DX_DESTROY_RENDERTARGET_VIEW, "DX_DESTROY_RENDERTARGET_VIEW",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXRTViewEntry>(c, cmd.renderTargetViewId); });
    registrar.add<SVGA3dCmdDXDefineDepthStencilView>(
        SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW, "DX_DEFINE_DEPTHSTENCIL_VIEW",
        [](DxContext& c, const auto& cmd) { define(c, cmd.depthStencilViewId, depthViewEntryOf(cmd)); });
    registrar.add<SVGA3dCmdDXDefineDepthStencilView_v2>(
        SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW_V2, "DX_DEFINE_DEPTHSTENCIL_VIEW_V2",
        [](DxContext& c, const auto& cmd) { define(c, cmd.depthStencilViewId, depthViewEntryOf(cmd)); });
    registrar.add<SVGA3dCmdDXDestroyDepthStencilView>(
        SVGA_3D_CMD_DX_DESTROY_DEPTHSTENCIL_VIEW, "DX_DESTROY_DEPTHSTENCIL_VIEW",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXDSViewEntry>(c, cmd.depthStencilViewId); });
    registrar.add<SVGA3dCmdDXDefineUAView>(
        SVGA_3D_CMD_DX_DEFINE_UA_VIEW, "DX_DEFINE_UA_VIEW",
        [](DxContext& c, const auto& cmd) { define(c, cmd.uaViewId, entryOf(cmd)); });
    registrar.add<SVGA3dCmdDXDestroyUAView>(
        SVGA_3D_CMD_DX_DESTROY_UA_VIEW, "DX_DESTROY_UA_VIEW",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXUAViewEntry>(c, cmd.uaViewId); });
}

void addStateObjectCommands(DxRegistrar& registrar) {
    registrar.addList<SVGA3dCmdDXDefineElementLayout, SVGA3dInputElementDesc>(
        SVGA_3D_CMD_DX_DEFINE_ELEMENTLAYOUT, "DX_DEFINE_ELEMENTLAYOUT",
        [](DxContext& c, const auto& cmd, const auto& elements) {
            defineElementLayout(c, cmd.elementLayoutId, elements);
        });
    registrar.add<SVGA3dCmdDXDestroyElementLayout>(
        SVGA_3D_CMD_DX_DESTROY_ELEMENTLAYOUT, "DX_DESTROY_ELEMENTLAYOUT",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXElementLayoutEntry>(c, cmd.elementLayoutId); });
    registrar.add<SVGA3dCmdDXDefineBlendState>(
        SVGA_3D_CMD_DX_DEFINE_BLEND_STATE, "DX_DEFINE_BLEND_STATE",
        [](DxContext& c, const auto& cmd) { define(c, cmd.blendId, entryOf(cmd)); });
    registrar.add<SVGA3dCmdDXDestroyBlendState>(
        SVGA_3D_CMD_DX_DESTROY_BLEND_STATE, "DX_DESTROY_BLEND_STATE",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXBlendStateEntry>(c, cmd.blendId); });
    registrar.add<SVGA3dCmdDXDefineDepthStencilState>(
        SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_STATE, "DX_DEFINE_DEPTHSTENCIL_STATE",
        [](DxContext& c, const auto& cmd) { define(c, cmd.depthStencilId, entryOf(cmd)); });
    registrar.add<SVGA3dCmdDXDestroyDepthStencilState>(
        SVGA_3D_CMD_DX_DESTROY_DEPTHSTENCIL_STATE, "DX_DESTROY_DEPTHSTENCIL_STATE",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXDepthStencilEntry>(c, cmd.depthStencilId); });
    registrar.add<SVGA3dCmdDXDefineRasterizerState>(
        SVGA_3D_CMD_DX_DEFINE_RASTERIZER_STATE, "DX_DEFINE_RASTERIZER_STATE",
        [](DxContext& c, const auto& cmd) { define(c, cmd.rasterizerId, rasterizerEntryOf(cmd)); });
    registrar.add<SVGA3dCmdDXDefineRasterizerState_v2>(
        SVGA_3D_CMD_DX_DEFINE_RASTERIZER_STATE_V2, "DX_DEFINE_RASTERIZER_STATE_V2", [](DxContext& c, const auto& cmd) {
            auto entry = rasterizerEntryOf(cmd);
            if (cmd.forcedSampleCount > SVGA3D_MAX_SAMPLES ||
                (cmd.forcedSampleCount & (cmd.forcedSampleCount - 1)) != 0)
                throw CommandError("rasterizer state {} forces {} samples", cmd.rasterizerId, cmd.forcedSampleCount);
            entry.forcedSampleCount = uint8_t(cmd.forcedSampleCount);
            define(c, cmd.rasterizerId, entry);
        });
    registrar.add<SVGA3dCmdDXDestroyRasterizerState>(
        SVGA_3D_CMD_DX_DESTROY_RASTERIZER_STATE, "DX_DESTROY_RASTERIZER_STATE",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXRasterizerStateEntry>(c, cmd.rasterizerId); });
    registrar.add<SVGA3dCmdDXDefineSamplerState>(
        SVGA_3D_CMD_DX_DEFINE_SAMPLER_STATE, "DX_DEFINE_SAMPLER_STATE",
        [](DxContext& c, const auto& cmd) { define(c, cmd.samplerId, entryOf(cmd)); });
    registrar.add<SVGA3dCmdDXDestroySamplerState>(
        SVGA_3D_CMD_DX_DESTROY_SAMPLER_STATE, "DX_DESTROY_SAMPLER_STATE",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXSamplerEntry>(c, cmd.samplerId); });
}

void bindAllShaders(DxContext& context, uint32_t mobid, const uint32_t* onlyFrom) {
    CoTable& table = context.tableOf<SVGACOTableDXShaderEntry>();
    const uint32_t count = table.capacity(sizeof(SVGACOTableDXShaderEntry));
    for (uint32_t id = 0; id < count; ++id) {
        auto entry = table.read<SVGACOTableDXShaderEntry>(id);
        if (!entry || entry->type < SVGA3D_SHADERTYPE_MIN || entry->type >= SVGA3D_SHADERTYPE_MAX ||
            (onlyFrom && entry->mobid != *onlyFrom))
            continue;
        entry->mobid = mobid;
        table.write(id, *entry);
    }
    context.invalidateShaders();
}

void addShaderCommands(DxRegistrar& registrar, ContextTable& contexts) {
    registrar.add<SVGA3dCmdDXDefineShader>(SVGA_3D_CMD_DX_DEFINE_SHADER, "DX_DEFINE_SHADER",
                                           [](DxContext& c, const auto& cmd) {
                                               stageOf(cmd.type);
                                               SVGACOTableDXShaderEntry entry{};
                                               entry.type = cmd.type;
                                               entry.sizeInBytes = cmd.sizeInBytes;
                                               entry.mobid = SVGA3D_INVALID_ID;
                                               define(c, cmd.shaderId, entry);
                                               c.invalidateShader(cmd.shaderId);
                                           });
    registrar.add<SVGA3dCmdDXDestroyShader>(SVGA_3D_CMD_DX_DESTROY_SHADER, "DX_DESTROY_SHADER",
                                            [](DxContext& c, const auto& cmd) {
                                                destroy<SVGACOTableDXShaderEntry>(c, cmd.shaderId);
                                                c.invalidateShader(cmd.shaderId);
                                            });
    registrar.addDirect<SVGA3dCmdDXBindShader>(
        SVGA_3D_CMD_DX_BIND_SHADER, "DX_BIND_SHADER", [&contexts](uint32_t contextId, const auto& cmd) {
            DxContext& context = contexts.get(cmd.cid == SVGA3D_INVALID_ID ? contextId : cmd.cid);
            auto entry = context.get<SVGACOTableDXShaderEntry>(cmd.shid);
            entry.mobid = cmd.mobid;
            entry.offsetInBytes = cmd.offsetInBytes;
            define(context, cmd.shid, entry);
            context.invalidateShader(cmd.shid);
        });
    registrar.addDirect<SVGA3dCmdDXBindAllShader>(
        SVGA_3D_CMD_DX_BIND_ALL_SHADER, "DX_BIND_ALL_SHADER",
        [&contexts](uint32_t, const auto& cmd) { bindAllShaders(contexts.get(cmd.cid), cmd.mobid, nullptr); });
    registrar.addDirect<SVGA3dCmdDXCondBindAllShader>(SVGA_3D_CMD_DX_COND_BIND_ALL_SHADER, "DX_COND_BIND_ALL_SHADER",
                                                      [&contexts](uint32_t, const auto& cmd) {
                                                          const uint32_t from = cmd.testMobid;
                                                          bindAllShaders(contexts.get(cmd.cid), cmd.mobid, &from);
                                                      });
}

void addStreamOutputCommands(DxRegistrar& registrar) {
    registrar.add<SVGA3dCmdDXDefineStreamOutput>(
        SVGA_3D_CMD_DX_DEFINE_STREAMOUTPUT, "DX_DEFINE_STREAMOUTPUT", [](DxContext& c, const auto& cmd) {
            SVGACOTableDXStreamOutputEntry entry{};
            if (cmd.numOutputStreamEntries > std::size(entry.decl))
                throw CommandError("stream output {} has {} entries, {} at most", cmd.soid, cmd.numOutputStreamEntries,
                                   std::size(entry.decl));
            entry.numOutputStreamEntries = cmd.numOutputStreamEntries;
            std::copy(std::begin(cmd.decl), std::end(cmd.decl), entry.decl);
            std::copy(std::begin(cmd.streamOutputStrideInBytes), std::end(cmd.streamOutputStrideInBytes),
                      entry.streamOutputStrideInBytes);
            entry.rasterizedStream = cmd.rasterizedStream;
            entry.mobid = SVGA3D_INVALID_ID;
            define(c, cmd.soid, entry);
        });
    registrar.add<SVGA3dCmdDXDefineStreamOutputWithMob>(
        SVGA_3D_CMD_DX_DEFINE_STREAMOUTPUT_WITH_MOB, "DX_DEFINE_STREAMOUTPUT_WITH_MOB",
        [](DxContext& c, const auto& cmd) {
            if (cmd.numOutputStreamEntries > SVGA3D_MAX_STREAMOUT_DECLS)
                throw CommandError("stream output {} has {} entries, {} at most", cmd.soid, cmd.numOutputStreamEntries,
                                   SVGA3D_MAX_STREAMOUT_DECLS);
            SVGACOTableDXStreamOutputEntry entry{};
            entry.numOutputStreamEntries = cmd.numOutputStreamEntries;
            entry.numOutputStreamStrides = cmd.numOutputStreamStrides;
            std::copy(std::begin(cmd.streamOutputStrideInBytes), std::end(cmd.streamOutputStrideInBytes),
                      entry.streamOutputStrideInBytes);
            entry.rasterizedStream = cmd.rasterizedStream;
            entry.mobid = SVGA3D_INVALID_ID;
            entry.usesMob = 1;
            define(c, cmd.soid, entry);
        });
    registrar.add<SVGA3dCmdDXBindStreamOutput>(
        SVGA_3D_CMD_DX_BIND_STREAMOUTPUT, "DX_BIND_STREAMOUTPUT", [](DxContext& c, const auto& cmd) {
            auto entry = c.get<SVGACOTableDXStreamOutputEntry>(cmd.soid);
            if (uint64_t(entry.numOutputStreamEntries) * sizeof(SVGA3dStreamOutputDeclarationEntry) > cmd.sizeInBytes)
                throw CommandError("stream output {}: {} entries do not fit in {} bytes", cmd.soid,
                                   entry.numOutputStreamEntries, cmd.sizeInBytes);
            entry.mobid = cmd.mobid;
            entry.offsetInBytes = cmd.offsetInBytes;
            entry.usesMob = 1;
            define(c, cmd.soid, entry);
        });
    registrar.add<SVGA3dCmdDXDestroyStreamOutput>(
        SVGA_3D_CMD_DX_DESTROY_STREAMOUTPUT, "DX_DESTROY_STREAMOUTPUT",
        [](DxContext& c, const auto& cmd) { destroy<SVGACOTableDXStreamOutputEntry>(c, cmd.soid); });
}

} // namespace

void addObjectCommands(DxRegistrar& registrar, ContextTable& contexts, DrawEngine&) {
    addViewCommands(registrar);
    addStateObjectCommands(registrar);
    addShaderCommands(registrar, contexts);
    addStreamOutputCommands(registrar);
}

} // namespace svga::device
