// SPDX-License-Identifier: MIT
#include "device/mob_table.h"

#include "util/object_tables.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

namespace svga::device {

namespace {

template <typename Command>
MobLayout layoutOf(const Command& command) {
    return {command.ptDepth, command.base, command.sizeInBytes};
}

template <typename Command>
MobLayout tableLayoutOf(const Command& command) {
    return {command.ptDepth, command.baseAddress, command.sizeInBytes};
}

} // namespace

void MobTable::registerCommands(CommandTable& table) {
    table.add(SVGA_3D_CMD_SET_OTABLE_BASE, "SET_OTABLE_BASE", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdSetOTableBase>();
        setObjectTable(command.type, tableLayoutOf(command), command.validSizeInBytes, false);
    });
    table.add(SVGA_3D_CMD_SET_OTABLE_BASE64, "SET_OTABLE_BASE64", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdSetOTableBase64>();
        setObjectTable(command.type, tableLayoutOf(command), command.validSizeInBytes, false);
    });
    table.add(SVGA_3D_CMD_GROW_OTABLE, "GROW_OTABLE", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdGrowOTable>();
        setObjectTable(command.type, tableLayoutOf(command), command.validSizeInBytes, true);
    });
    table.add(SVGA_3D_CMD_READBACK_OTABLE, "READBACK_OTABLE", [](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdReadbackOTable>();
        if (static_cast<uint32_t>(command.type) >= SVGA_OTABLE_DX_MAX)
            throw CommandError("object table {} is unknown", static_cast<uint32_t>(command.type));
    });
    table.add(SVGA_3D_CMD_DEFINE_GB_MOB, "DEFINE_GB_MOB", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdDefineGBMob>();
        define(command.mobid, layoutOf(command), false);
    });
    table.add(SVGA_3D_CMD_DEFINE_GB_MOB64, "DEFINE_GB_MOB64", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdDefineGBMob64>();
        define(command.mobid, layoutOf(command), false);
    });
    table.add(SVGA_3D_CMD_REDEFINE_GB_MOB64, "REDEFINE_GB_MOB64", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdRedefineGBMob64>();
        define(command.mobid, layoutOf(command), true);
    });
    table.add(SVGA_3D_CMD_UPDATE_GB_MOB_MAPPING, "UPDATE_GB_MOB_MAPPING", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdUpdateGBMobMapping>();
        auto layout = layouts_.find(command.mobid);
        if (layout == layouts_.end())
            throw CommandError("MOB {} is not defined", command.mobid);
        define(command.mobid, MobLayout(layout->second), true);
    });
    table.add(SVGA_3D_CMD_DESTROY_GB_MOB, "DESTROY_GB_MOB", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdDestroyGBMob>();
        if (mobs_.erase(command.mobid) == 0)
            throw CommandError("MOB {} is not defined", command.mobid);
        layouts_.erase(command.mobid);
    });
}

void MobTable::setObjectTable(SVGAOTableType type, const MobLayout& layout, uint32_t validSize, bool grow) {
    if (static_cast<uint32_t>(type) >= SVGA_OTABLE_DX_MAX)
        throw CommandError("object table {} is unknown", static_cast<uint32_t>(type));
    if (layout.format == SVGA3D_MOBFMT_INVALID) { // the guest takes its memory back
        capacities_[type] = 0;
        return;
    }
    if (validSize > layout.sizeInBytes)
        throw CommandError("object table {}: {} valid bytes of {}", static_cast<uint32_t>(type), validSize,
                           layout.sizeInBytes);
    uint32_t capacity = static_cast<uint32_t>(layout.sizeInBytes) / kObjectTableEntrySizes[type];
    if (grow && capacity < capacities_[type])
        throw CommandError("object table {} grows from {} to {} objects", static_cast<uint32_t>(type),
                           capacities_[type], capacity);
    capacities_[type] = capacity;
}

void MobTable::define(uint32_t id, const MobLayout& layout, bool redefine) {
    if (id >= capacities_[SVGA_OTABLE_MOB])
        throw CommandError("MOB {} does not fit the object table of {}", id, capacities_[SVGA_OTABLE_MOB]);
    if (mobs_.contains(id) != redefine)
        throw CommandError("MOB {} is {}", id, redefine ? "not defined" : "defined already");
    mobs_.insert_or_assign(id, factory_(id, layout));
    layouts_.insert_or_assign(id, layout);
}

std::shared_ptr<Mob> MobTable::get(uint32_t mobId) const {
    auto it = mobs_.find(mobId);
    if (it == mobs_.end())
        throw CommandError("MOB {} is not defined", mobId);
    return it->second;
}

} // namespace svga::device
