// SPDX-License-Identifier: MIT
#include "shim/kernel/command_table.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>
#include <svga3d_limits.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace svga::shim {

namespace {

constexpr int8_t kNoTable = -1;
constexpr bool kContext = true;
constexpr bool kAnywhere = false;

/// Builds one entry; the rest of the file reads as a table.
class Entry {
public:
    Entry(uint32_t id, const char* name, std::size_t bodySize, bool needsContext, Effect effect = Effect::None)
        : info_{id, name, static_cast<uint32_t>(bodySize), 0, 0, needsContext, effect, kNoTable, {}, 0, std::nullopt} {}

    Entry& field(std::size_t offset, Reference reference, Presence presence = Presence::Required) {
        info_.fields.at(info_.fieldCount++) = {static_cast<uint16_t>(offset), reference, presence};
        return *this;
    }
    Entry& array(std::size_t elementSize, uint32_t maxElements) {
        info_.elementSize = static_cast<uint32_t>(elementSize);
        info_.maxElements = maxElements;
        return *this;
    }
    Entry& each(std::size_t offset, Reference reference, Presence presence = Presence::Required) {
        info_.element = ReferenceField{static_cast<uint16_t>(offset), reference, presence};
        return *this;
    }
    Entry& in(SVGACOTableType type) {
        info_.coTable = static_cast<int8_t>(type);
        return *this;
    }
    operator CommandInfo() const { return info_; }

private:
    CommandInfo info_;
};

using R = Reference;
using E = Effect;
constexpr auto kOptional = Presence::Optional;

#define COMMAND(suffix) SVGA_3D_CMD_##suffix, #suffix

void addBindings(std::vector<CommandInfo>& t) {
    using Constant = SVGA3dCmdDXSetSingleConstantBuffer;
    t.push_back(Entry(COMMAND(DX_SET_SINGLE_CONSTANT_BUFFER), sizeof(Constant), kContext, E::BindInput)
                    .field(offsetof(Constant, sid), R::Surface, kOptional));
    t.push_back(Entry(COMMAND(DX_SET_SHADER_RESOURCES), sizeof(SVGA3dCmdDXSetShaderResources), kContext, E::BindInput)
                    .array(4, SVGA3D_DX_MAX_SRVIEWS)
                    .each(0, R::ShaderView, kOptional));
    t.push_back(Entry(COMMAND(DX_SET_VERTEX_BUFFERS), sizeof(SVGA3dCmdDXSetVertexBuffers), kContext, E::BindInput)
                    .array(sizeof(SVGA3dVertexBuffer), SVGA3D_DX_MAX_VERTEXBUFFERS)
                    .each(offsetof(SVGA3dVertexBuffer, sid), R::Surface, kOptional));
    t.push_back(Entry(COMMAND(DX_SET_INDEX_BUFFER), sizeof(SVGA3dCmdDXSetIndexBuffer), kContext, E::BindInput)
                    .field(offsetof(SVGA3dCmdDXSetIndexBuffer, sid), R::Surface, kOptional));
    t.push_back(Entry(COMMAND(DX_SET_RENDERTARGETS), sizeof(SVGA3dCmdDXSetRenderTargets), kContext, E::BindOutput)
                    .field(0, R::DepthView, kOptional)
                    .array(4, SVGA3D_DX_MAX_RENDER_TARGETS)
                    .each(0, R::RenderView, kOptional));
    t.push_back(Entry(COMMAND(DX_SET_SOTARGETS), sizeof(SVGA3dCmdDXSetSOTargets), kContext, E::BindOutput)
                    .array(sizeof(SVGA3dSoTarget), SVGA3D_DX_MAX_SOTARGETS)
                    .each(offsetof(SVGA3dSoTarget, sid), R::Surface, kOptional));
    t.push_back(Entry(COMMAND(DX_SET_UA_VIEWS), sizeof(SVGA3dCmdDXSetUAViews), kContext, E::BindOutput)
                    .array(4, SVGA3D_DX11_1_MAX_UAVIEWS)
                    .each(0, R::UnorderedView, kOptional));
    t.push_back(Entry(COMMAND(DX_SET_CS_UA_VIEWS), sizeof(SVGA3dCmdDXSetCSUAViews), kContext, E::BindOutput)
                    .array(4, SVGA3D_DX11_1_MAX_UAVIEWS)
                    .each(0, R::UnorderedView, kOptional));
}

void addState(std::vector<CommandInfo>& t) {
    const auto plain = [&t](uint32_t id, const char* name, std::size_t size) {
        t.push_back(Entry(id, name, size, kContext));
    };
    plain(COMMAND(DX_SET_SHADER), sizeof(SVGA3dCmdDXSetShader));
    plain(COMMAND(DX_SET_INPUT_LAYOUT), sizeof(SVGA3dCmdDXSetInputLayout));
    plain(COMMAND(DX_SET_TOPOLOGY), sizeof(SVGA3dCmdDXSetTopology));
    plain(COMMAND(DX_SET_BLEND_STATE), sizeof(SVGA3dCmdDXSetBlendState));
    plain(COMMAND(DX_SET_DEPTHSTENCIL_STATE), sizeof(SVGA3dCmdDXSetDepthStencilState));
    plain(COMMAND(DX_SET_RASTERIZER_STATE), sizeof(SVGA3dCmdDXSetRasterizerState));
    plain(COMMAND(DX_SET_STREAMOUTPUT), sizeof(SVGA3dCmdDXSetStreamOutput));
    plain(COMMAND(DX_SET_QUERY_OFFSET), sizeof(SVGA3dCmdDXSetQueryOffset));
    plain(COMMAND(DX_BEGIN_QUERY), sizeof(SVGA3dCmdDXBeginQuery));
    plain(COMMAND(DX_END_QUERY), sizeof(SVGA3dCmdDXEndQuery));
    plain(COMMAND(DX_SET_PREDICATION), sizeof(SVGA3dCmdDXSetPredication));
    for (auto [id, name] :
         {std::pair{COMMAND(DX_SET_VS_CONSTANT_BUFFER_OFFSET)}, std::pair{COMMAND(DX_SET_PS_CONSTANT_BUFFER_OFFSET)},
          std::pair{COMMAND(DX_SET_GS_CONSTANT_BUFFER_OFFSET)}, std::pair{COMMAND(DX_SET_HS_CONSTANT_BUFFER_OFFSET)},
          std::pair{COMMAND(DX_SET_DS_CONSTANT_BUFFER_OFFSET)}, std::pair{COMMAND(DX_SET_CS_CONSTANT_BUFFER_OFFSET)}})
        plain(id, name, sizeof(SVGA3dCmdDXSetConstantBufferOffset));
    // Mesa sends more than there are slots; vmwgfx does not count them, and the device leaves out the rest.
    t.push_back(Entry(COMMAND(DX_SET_SAMPLERS), sizeof(SVGA3dCmdDXSetSamplers), kContext).array(4, UINT16_MAX));
    t.push_back(Entry(COMMAND(DX_SET_VIEWPORTS), sizeof(SVGA3dCmdDXSetViewports), kContext)
                    .array(sizeof(SVGA3dViewport), SVGA3D_DX_MAX_VIEWPORTS));
    t.push_back(Entry(COMMAND(DX_SET_SCISSORRECTS), sizeof(SVGA3dCmdDXSetScissorRects), kContext)
                    .array(sizeof(SVGASignedRect), SVGA3D_DX_MAX_SCISSORRECTS));
    t.push_back(Entry(COMMAND(NOP), 0, kAnywhere));
    t.back().elementSize = 4; // a NOP may have any length
    t.back().maxElements = UINT32_MAX;
}

void addObjects(std::vector<CommandInfo>& t) {
    const auto define = [&t](uint32_t id, const char* name, std::size_t size, SVGACOTableType table) {
        t.push_back(Entry(id, name, size, kContext, E::DefineState).in(table));
    };
    const auto destroy = [&t](uint32_t id, const char* name) { t.push_back(Entry(id, name, 4, kContext)); };
    t.push_back(
        Entry(COMMAND(DX_DEFINE_ELEMENTLAYOUT), sizeof(SVGA3dCmdDXDefineElementLayout), kContext, E::DefineState)
            .in(SVGA_COTABLE_ELEMENTLAYOUT)
            .array(sizeof(SVGA3dInputElementDesc), SVGA3D_DX_SM41_MAX_VERTEXINPUTREGISTERS));
    define(COMMAND(DX_DEFINE_BLEND_STATE), sizeof(SVGA3dCmdDXDefineBlendState), SVGA_COTABLE_BLENDSTATE);
    define(COMMAND(DX_DEFINE_DEPTHSTENCIL_STATE), sizeof(SVGA3dCmdDXDefineDepthStencilState),
           SVGA_COTABLE_DEPTHSTENCIL);
    define(COMMAND(DX_DEFINE_RASTERIZER_STATE), sizeof(SVGA3dCmdDXDefineRasterizerState), SVGA_COTABLE_RASTERIZERSTATE);
    define(COMMAND(DX_DEFINE_RASTERIZER_STATE_V2), sizeof(SVGA3dCmdDXDefineRasterizerState_v2),
           SVGA_COTABLE_RASTERIZERSTATE);
    define(COMMAND(DX_DEFINE_SAMPLER_STATE), sizeof(SVGA3dCmdDXDefineSamplerState), SVGA_COTABLE_SAMPLER);
    define(COMMAND(DX_DEFINE_QUERY), sizeof(SVGA3dCmdDXDefineQuery), SVGA_COTABLE_DXQUERY);
    define(COMMAND(DX_DEFINE_SHADER), sizeof(SVGA3dCmdDXDefineShader), SVGA_COTABLE_DXSHADER);
    define(COMMAND(DX_DEFINE_STREAMOUTPUT), sizeof(SVGA3dCmdDXDefineStreamOutput), SVGA_COTABLE_STREAMOUTPUT);
    define(COMMAND(DX_DEFINE_STREAMOUTPUT_WITH_MOB), sizeof(SVGA3dCmdDXDefineStreamOutputWithMob),
           SVGA_COTABLE_STREAMOUTPUT);
    destroy(COMMAND(DX_DESTROY_ELEMENTLAYOUT));
    destroy(COMMAND(DX_DESTROY_BLEND_STATE));
    destroy(COMMAND(DX_DESTROY_DEPTHSTENCIL_STATE));
    destroy(COMMAND(DX_DESTROY_RASTERIZER_STATE));
    destroy(COMMAND(DX_DESTROY_SAMPLER_STATE));

    t.push_back(Entry(COMMAND(DX_BIND_QUERY), sizeof(SVGA3dCmdDXBindQuery), kContext, E::Attach)
                    .in(SVGA_COTABLE_DXQUERY)
                    .field(offsetof(SVGA3dCmdDXBindQuery, mobid), R::Mob, kOptional));
    t.push_back(Entry(COMMAND(DX_BIND_SHADER), sizeof(SVGA3dCmdDXBindShader), kAnywhere, E::Attach)
                    .in(SVGA_COTABLE_DXSHADER)
                    .field(offsetof(SVGA3dCmdDXBindShader, cid), R::Context)
                    .field(offsetof(SVGA3dCmdDXBindShader, mobid), R::Mob, kOptional));
    t.push_back(Entry(COMMAND(DX_BIND_STREAMOUTPUT), sizeof(SVGA3dCmdDXBindStreamOutput), kContext, E::Attach)
                    .in(SVGA_COTABLE_STREAMOUTPUT)
                    .field(offsetof(SVGA3dCmdDXBindStreamOutput, mobid), R::Mob, kOptional));
    t.push_back(Entry(COMMAND(DX_DESTROY_QUERY), 4, kContext, E::Detach).in(SVGA_COTABLE_DXQUERY));
    t.push_back(Entry(COMMAND(DX_DESTROY_SHADER), 4, kContext, E::Detach).in(SVGA_COTABLE_DXSHADER));
    t.push_back(Entry(COMMAND(DX_DESTROY_STREAMOUTPUT), 4, kContext, E::Detach).in(SVGA_COTABLE_STREAMOUTPUT));
}

void addViews(std::vector<CommandInfo>& t) {
    const auto view = [&t](uint32_t id, const char* name, std::size_t size, SVGACOTableType table) {
        // All of them begin with the view's id and the surface's.
        t.push_back(Entry(id, name, size, kContext, E::DefineView).in(table).field(4, R::Surface));
    };
    const auto destroy = [&t](uint32_t id, const char* name, SVGACOTableType table) {
        t.push_back(Entry(id, name, 4, kContext, E::DestroyView).in(table));
    };
    view(COMMAND(DX_DEFINE_SHADERRESOURCE_VIEW), sizeof(SVGA3dCmdDXDefineShaderResourceView), SVGA_COTABLE_SRVIEW);
    view(COMMAND(DX_DEFINE_RENDERTARGET_VIEW), sizeof(SVGA3dCmdDXDefineRenderTargetView), SVGA_COTABLE_RTVIEW);
    view(COMMAND(DX_DEFINE_DEPTHSTENCIL_VIEW), sizeof(SVGA3dCmdDXDefineDepthStencilView), SVGA_COTABLE_DSVIEW);
    view(COMMAND(DX_DEFINE_DEPTHSTENCIL_VIEW_V2), sizeof(SVGA3dCmdDXDefineDepthStencilView_v2), SVGA_COTABLE_DSVIEW);
    view(COMMAND(DX_DEFINE_UA_VIEW), sizeof(SVGA3dCmdDXDefineUAView), SVGA_COTABLE_UAVIEW);
    destroy(COMMAND(DX_DESTROY_SHADERRESOURCE_VIEW), SVGA_COTABLE_SRVIEW);
    destroy(COMMAND(DX_DESTROY_RENDERTARGET_VIEW), SVGA_COTABLE_RTVIEW);
    destroy(COMMAND(DX_DESTROY_DEPTHSTENCIL_VIEW), SVGA_COTABLE_DSVIEW);
    destroy(COMMAND(DX_DESTROY_UA_VIEW), SVGA_COTABLE_UAVIEW);
}

void addWork(std::vector<CommandInfo>& t) {
    const auto draw = [&t](uint32_t id, const char* name, std::size_t size) {
        t.push_back(Entry(id, name, size, kContext, E::Draw));
    };
    draw(COMMAND(DX_DRAW), sizeof(SVGA3dCmdDXDraw));
    draw(COMMAND(DX_DRAW_INDEXED), sizeof(SVGA3dCmdDXDrawIndexed));
    draw(COMMAND(DX_DRAW_INSTANCED), sizeof(SVGA3dCmdDXDrawInstanced));
    draw(COMMAND(DX_DRAW_INDEXED_INSTANCED), sizeof(SVGA3dCmdDXDrawIndexedInstanced));
    draw(COMMAND(DX_DRAW_AUTO), sizeof(SVGA3dCmdDXDrawAuto));
    t.push_back(Entry(COMMAND(DX_DRAW_INDEXED_INSTANCED_INDIRECT), sizeof(SVGA3dCmdDXDrawIndexedInstancedIndirect),
                      kContext, E::Draw)
                    .field(0, R::Surface));
    t.push_back(Entry(COMMAND(DX_DRAW_INSTANCED_INDIRECT), sizeof(SVGA3dCmdDXDrawInstancedIndirect), kContext, E::Draw)
                    .field(0, R::Surface));
    t.push_back(Entry(COMMAND(DX_DISPATCH), sizeof(SVGA3dCmdDXDispatch), kContext, E::Dispatch));
    t.push_back(Entry(COMMAND(DX_DISPATCH_INDIRECT), sizeof(SVGA3dCmdDXDispatchIndirect), kContext, E::Dispatch)
                    .field(0, R::Surface));

    t.push_back(
        Entry(COMMAND(DX_CLEAR_RENDERTARGET_VIEW), sizeof(SVGA3dCmdDXClearRenderTargetView), kContext, E::ClearView)
            .field(0, R::RenderView));
    t.push_back(
        Entry(COMMAND(DX_CLEAR_DEPTHSTENCIL_VIEW), sizeof(SVGA3dCmdDXClearDepthStencilView), kContext, E::ClearView)
            .field(offsetof(SVGA3dCmdDXClearDepthStencilView, depthStencilViewId), R::DepthView));
    t.push_back(Entry(COMMAND(DX_CLEAR_UA_VIEW_UINT), sizeof(SVGA3dCmdDXClearUAViewUint), kContext, E::ClearView)
                    .field(0, R::UnorderedView));
    t.push_back(Entry(COMMAND(DX_CLEAR_UA_VIEW_FLOAT), sizeof(SVGA3dCmdDXClearUAViewFloat), kContext, E::ClearView)
                    .field(0, R::UnorderedView));

    // The field that comes first is the destination, the one after it the source.
    const auto copy = [&t](uint32_t id, const char* name, std::size_t size, Effect effect, std::size_t destination,
                           std::size_t source) {
        t.push_back(Entry(id, name, size, kAnywhere, effect).field(destination, R::Surface).field(source, R::Surface));
    };
    copy(COMMAND(DX_PRED_COPY_REGION), sizeof(SVGA3dCmdDXPredCopyRegion), E::CopyToSubresource,
         offsetof(SVGA3dCmdDXPredCopyRegion, dstSid), offsetof(SVGA3dCmdDXPredCopyRegion, srcSid));
    copy(COMMAND(DX_BUFFER_COPY), sizeof(SVGA3dCmdDXBufferCopy), E::WriteBuffer, offsetof(SVGA3dCmdDXBufferCopy, dest),
         offsetof(SVGA3dCmdDXBufferCopy, src));
    copy(COMMAND(DX_TRANSFER_FROM_BUFFER), sizeof(SVGA3dCmdDXTransferFromBuffer), E::CopyToSubresource,
         offsetof(SVGA3dCmdDXTransferFromBuffer, destSid), offsetof(SVGA3dCmdDXTransferFromBuffer, srcSid));
    t.push_back(Entry(COMMAND(SURFACE_COPY), sizeof(SVGA3dCmdSurfaceCopy), kAnywhere, E::CopyWhole)
                    .field(offsetof(SVGA3dCmdSurfaceCopy, dest), R::Surface)
                    .field(offsetof(SVGA3dCmdSurfaceCopy, src), R::Surface)
                    .array(sizeof(SVGA3dCopyBox), UINT16_MAX));
    t.push_back(Entry(COMMAND(INTRA_SURFACE_COPY), sizeof(SVGA3dCmdIntraSurfaceCopy), kAnywhere, E::IntraSurfaceCopy)
                    .field(0, R::Surface));
    t.push_back(
        Entry(COMMAND(DX_GENMIPS), sizeof(SVGA3dCmdDXGenMips), kContext, E::GenerateMips).field(0, R::ShaderView));
}

void addSynchronisation(std::vector<CommandInfo>& t) {
    const auto sync = [&t](uint32_t id, const char* name, std::size_t size, Effect effect) {
        t.push_back(Entry(id, name, size, kAnywhere, effect).field(0, R::Surface));
    };
    sync(COMMAND(UPDATE_GB_IMAGE), sizeof(SVGA3dCmdUpdateGBImage), E::Update);
    sync(COMMAND(UPDATE_GB_SURFACE), sizeof(SVGA3dCmdUpdateGBSurface), E::Update);
    sync(COMMAND(DX_UPDATE_SUBRESOURCE), sizeof(SVGA3dCmdDXUpdateSubResource), E::Update);
    sync(COMMAND(READBACK_GB_IMAGE), sizeof(SVGA3dCmdReadbackGBImage), E::Readback);
    sync(COMMAND(READBACK_GB_SURFACE), sizeof(SVGA3dCmdReadbackGBSurface), E::Readback);
    sync(COMMAND(DX_READBACK_SUBRESOURCE), sizeof(SVGA3dCmdDXReadbackSubResource), E::Readback);
    sync(COMMAND(INVALIDATE_GB_IMAGE), sizeof(SVGA3dCmdInvalidateGBImage), E::Invalidate);
    sync(COMMAND(INVALIDATE_GB_SURFACE), sizeof(SVGA3dCmdInvalidateGBSurface), E::Invalidate);
    sync(COMMAND(DX_INVALIDATE_SUBRESOURCE), sizeof(SVGA3dCmdDXInvalidateSubResource), E::Invalidate);
    t.push_back(Entry(COMMAND(BIND_GB_SURFACE), sizeof(SVGA3dCmdBindGBSurface), kAnywhere, E::BindSurface)
                    .field(offsetof(SVGA3dCmdBindGBSurface, sid), R::Surface)
                    .field(offsetof(SVGA3dCmdBindGBSurface, mobid), R::Mob, kOptional));
}

#undef COMMAND

std::vector<CommandInfo> buildTable() {
    std::vector<CommandInfo> table;
    addBindings(table);
    addState(table);
    addObjects(table);
    addViews(table);
    addWork(table);
    addSynchronisation(table);
    std::sort(table.begin(), table.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return table;
}

} // namespace

std::span<const CommandInfo> commandTable() {
    // Never destroyed: a program may submit until its very end, after the destructors of statics have run.
    static const auto& table = *new const std::vector<CommandInfo>(buildTable());
    return table;
}

const CommandInfo* findCommand(uint32_t id) {
    static const auto& byId = *[] { // never destroyed, as the table
        auto* index = new std::vector<const CommandInfo*>(SVGA_3D_CMD_MAX - SVGA_3D_CMD_BASE, nullptr);
        for (const CommandInfo& info : commandTable())
            index->at(info.id - SVGA_3D_CMD_BASE) = &info;
        return index;
    }();
    return id - SVGA_3D_CMD_BASE < byId.size() ? byId[id - SVGA_3D_CMD_BASE] : nullptr;
}

} // namespace svga::shim
