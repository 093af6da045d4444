// SPDX-License-Identifier: MIT
#include "device/dx/commands.h"

#include <algorithm>
#include <array>

namespace svga::device {

namespace {

void setCoTable(ContextTable& contexts, DrawEngine& engine, uint32_t cid, uint32_t mobid, uint32_t type,
                uint32_t validSize) {
    DxContext& context = contexts.get(cid);
    CoTable& table = context.table(type);
    auto mob = mobid == SVGA3D_INVALID_ID ? nullptr : engine.mobs().get(mobid);
    if (mob && validSize > mob->size())
        throw CommandError("COTable {} of context {}: {} valid bytes in a MOB of {}", type, cid, validSize,
                           mob->size());
    table.bind(std::move(mob), validSize);
    if (type == SVGA_COTABLE_DXSHADER)
        context.invalidateShaders();
}

void copyCoTable(ContextTable& contexts, DrawEngine& engine, const SVGA3dCmdDXCopyCOTableIntoMob& command) {
    const auto& source = contexts.get(command.cid).table(command.type).mob();
    if (!source)
        throw CommandError("COTable {} of context {} is not bound", uint32_t(command.type), command.cid);
    const auto target = engine.mobs().get(command.mobid);
    std::array<std::byte, 4096> bytes;
    for (uint64_t offset = 0; offset < source->size() && offset < target->size(); offset += bytes.size()) {
        const auto part = std::span(bytes).first(
            std::min<uint64_t>({bytes.size(), source->size() - offset, target->size() - offset}));
        source->read(offset, part);
        target->write(offset, part);
    }
}

} // namespace

void addContextCommands(DxRegistrar& registrar, ContextTable& contexts, DrawEngine& engine) {
    registrar.addDirect<SVGA3dCmdDXDefineContext>(SVGA_3D_CMD_DX_DEFINE_CONTEXT, "DX_DEFINE_CONTEXT",
                                                  [&](uint32_t, const auto& command) { contexts.define(command.cid); });
    registrar.addDirect<SVGA3dCmdDXDestroyContext>(
        SVGA_3D_CMD_DX_DESTROY_CONTEXT, "DX_DESTROY_CONTEXT",
        [&](uint32_t, const auto& command) { contexts.destroy(command.cid); });
    registrar.addDirect<SVGA3dCmdDXBindContext>(
        SVGA_3D_CMD_DX_BIND_CONTEXT, "DX_BIND_CONTEXT", [&](uint32_t, const auto& command) {
            auto mob = command.mobid == SVGA3D_INVALID_ID ? nullptr : engine.mobs().get(command.mobid);
            contexts.get(command.cid).bind(std::move(mob), command.validContents != 0);
        });
    registrar.addDirect<SVGA3dCmdDXReadbackContext>(
        SVGA_3D_CMD_DX_READBACK_CONTEXT, "DX_READBACK_CONTEXT",
        [&](uint32_t, const auto& command) { contexts.get(command.cid).readback(); });
    registrar.addDirect<SVGA3dCmdDXInvalidateContext>(
        SVGA_3D_CMD_DX_INVALIDATE_CONTEXT, "DX_INVALIDATE_CONTEXT",
        [&](uint32_t, const auto& command) { contexts.get(command.cid).state = BoundState(); });

    registrar.addDirect<SVGA3dCmdDXSetCOTable>(
        SVGA_3D_CMD_DX_SET_COTABLE, "DX_SET_COTABLE", [&](uint32_t, const auto& command) {
            setCoTable(contexts, engine, command.cid, command.mobid, command.type, command.validSizeInBytes);
        });
    registrar.addDirect<SVGA3dCmdDXGrowCOTable>(
        SVGA_3D_CMD_DX_GROW_COTABLE, "DX_GROW_COTABLE", [&](uint32_t, const auto& command) {
            // The guest has copied what the smaller table held.
            setCoTable(contexts, engine, command.cid, command.mobid, command.type, command.validSizeInBytes);
        });
    // The table's memory is what it is: there is nothing to write back.
    registrar.addDirect<SVGA3dCmdDXReadbackCOTable>(
        SVGA_3D_CMD_DX_READBACK_COTABLE, "DX_READBACK_COTABLE",
        [&](uint32_t, const auto& command) { contexts.get(command.cid).table(command.type); });
    registrar.addDirect<SVGA3dCmdDXCopyCOTableIntoMob>(
        SVGA_3D_CMD_DX_COPY_COTABLE_INTO_MOB, "DX_COPY_COTABLE_INTO_MOB",
        [&](uint32_t, const auto& command) { copyCoTable(contexts, engine, command); });
}

} // namespace svga::device
