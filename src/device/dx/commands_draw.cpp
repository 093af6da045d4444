// SPDX-License-Identifier: MIT
#include "device/dx/commands.h"

namespace svga::device {

namespace {

void addDraws(DxRegistrar& registrar, DrawEngine& engine) {
    using Kind = DrawCall::Kind;
    registrar.add<SVGA3dCmdDXDraw>(SVGA_3D_CMD_DX_DRAW, "DX_DRAW", [&](DxContext& c, const auto& cmd) {
        engine.draw(c, {.kind = Kind::Plain, .count = cmd.vertexCount, .first = cmd.startVertexLocation});
    });
    registrar.add<SVGA3dCmdDXDrawIndexed>(SVGA_3D_CMD_DX_DRAW_INDEXED, "DX_DRAW_INDEXED",
                                          [&](DxContext& c, const auto& cmd) {
                                              engine.draw(c, {.kind = Kind::Indexed,
                                                              .count = cmd.indexCount,
                                                              .first = cmd.startIndexLocation,
                                                              .baseVertex = cmd.baseVertexLocation});
                                          });
    registrar.add<SVGA3dCmdDXDrawInstanced>(SVGA_3D_CMD_DX_DRAW_INSTANCED, "DX_DRAW_INSTANCED",
                                            [&](DxContext& c, const auto& cmd) {
                                                engine.draw(c, {.kind = Kind::Plain,
                                                                .count = cmd.vertexCountPerInstance,
                                                                .instances = cmd.instanceCount,
                                                                .first = cmd.startVertexLocation,
                                                                .firstInstance = cmd.startInstanceLocation});
                                            });
    registrar.add<SVGA3dCmdDXDrawIndexedInstanced>(SVGA_3D_CMD_DX_DRAW_INDEXED_INSTANCED, "DX_DRAW_INDEXED_INSTANCED",
                                                   [&](DxContext& c, const auto& cmd) {
                                                       engine.draw(c, {.kind = Kind::Indexed,
                                                                       .count = cmd.indexCountPerInstance,
                                                                       .instances = cmd.instanceCount,
                                                                       .first = cmd.startIndexLocation,
                                                                       .baseVertex = cmd.baseVertexLocation,
                                                                       .firstInstance = cmd.startInstanceLocation});
                                                   });
    registrar.add<SVGA3dCmdDXDrawAuto>(SVGA_3D_CMD_DX_DRAW_AUTO, "DX_DRAW_AUTO",
                                       [&](DxContext& c, const auto&) { engine.draw(c, {.kind = Kind::Auto}); });
    registrar.add<SVGA3dCmdDXDrawInstancedIndirect>(SVGA_3D_CMD_DX_DRAW_INSTANCED_INDIRECT,
                                                    "DX_DRAW_INSTANCED_INDIRECT", [&](DxContext& c, const auto& cmd) {
                                                        engine.draw(c, {.kind = Kind::Indirect,
                                                                        .argumentsSid = cmd.argsBufferSid,
                                                                        .argumentsOffset = cmd.byteOffsetForArgs});
                                                    });
    registrar.add<SVGA3dCmdDXDrawIndexedInstancedIndirect>(
        SVGA_3D_CMD_DX_DRAW_INDEXED_INSTANCED_INDIRECT, "DX_DRAW_INDEXED_INSTANCED_INDIRECT",
        [&](DxContext& c, const auto& cmd) {
            engine.draw(c, {.kind = Kind::IndexedIndirect,
                            .argumentsSid = cmd.argsBufferSid,
                            .argumentsOffset = cmd.byteOffsetForArgs});
        });
    registrar.add<SVGA3dCmdDXDispatch>(SVGA_3D_CMD_DX_DISPATCH, "DX_DISPATCH", [&](DxContext& c, const auto& cmd) {
        engine.dispatch(c, {cmd.threadGroupCountX, cmd.threadGroupCountY, cmd.threadGroupCountZ});
    });
    registrar.add<SVGA3dCmdDXDispatchIndirect>(
        SVGA_3D_CMD_DX_DISPATCH_INDIRECT, "DX_DISPATCH_INDIRECT",
        [&](DxContext& c, const auto& cmd) { engine.dispatchIndirect(c, cmd.argsBufferSid, cmd.byteOffsetForArgs); });
}

} // namespace

void addDrawCommands(DxRegistrar& registrar, DrawEngine& engine) {
    addDraws(registrar, engine);
    registrar.add<SVGA3dCmdDXClearRenderTargetView>(
        SVGA_3D_CMD_DX_CLEAR_RENDERTARGET_VIEW, "DX_CLEAR_RENDERTARGET_VIEW", [&](DxContext& c, const auto& cmd) {
            const auto view = c.get<SVGACOTableDXRTViewEntry>(cmd.renderTargetViewId);
            if (!engine.predicateSkips(c))
                engine.clearColor(view, cmd.rgba);
        });
    registrar.add<SVGA3dCmdDXClearDepthStencilView>(
        SVGA_3D_CMD_DX_CLEAR_DEPTHSTENCIL_VIEW, "DX_CLEAR_DEPTHSTENCIL_VIEW", [&](DxContext& c, const auto& cmd) {
            const auto view = c.get<SVGACOTableDXDSViewEntry>(cmd.depthStencilViewId);
            if (!engine.predicateSkips(c))
                engine.clearDepthStencil(view, (cmd.flags & SVGA3D_CLEAR_DEPTH) != 0,
                                         (cmd.flags & SVGA3D_CLEAR_STENCIL) != 0, cmd.depth, uint8_t(cmd.stencil));
        });
    registrar.add<SVGA3dCmdDXGenMips>(SVGA_3D_CMD_DX_GENMIPS, "DX_GENMIPS", [&](DxContext& c, const auto& cmd) {
        const auto view = c.get<SVGACOTableDXSRViewEntry>(cmd.shaderResourceViewId);
        // Not predicated: a guest's GL makes mipmaps whatever its render condition.
        if (!findSurface(engine.surfaces(), view.sid))
            return;
        const auto& part = view.desc.tex;
        engine.surfaces().generateMips(view.sid, view.format,
                                       {part.mostDetailedMip, part.mipLevels, part.firstArraySlice, part.arraySize});
    });
    // A hint about residency: there is nothing to do.
    registrar.add<SVGA3dCmdDXHint>(SVGA_3D_CMD_DX_HINT, "DX_HINT", [](DxContext&, const auto&) {});
}

} // namespace svga::device
