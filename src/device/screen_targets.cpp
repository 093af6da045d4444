// SPDX-License-Identifier: MIT
#include "device/screen_targets.h"

#include <svga_reg.h>

namespace svga::device {

namespace {

constexpr uint32_t kMaxTargets = SVGA_MAX_DISPLAYS;

} // namespace

void ScreenTargets::registerCommands(CommandTable& table) {
    table.add(SVGA_3D_CMD_DEFINE_GB_SCREENTARGET, "DEFINE_GB_SCREENTARGET", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdDefineGBScreenTarget>();
        if (command.stid >= kMaxTargets)
            throw CommandError("screen target {} of {}", command.stid, kMaxTargets);
        if (command.width > SVGA_MAX_SCREEN_SIZE || command.height > SVGA_MAX_SCREEN_SIZE)
            throw CommandError("screen target of {} x {} is too large", command.width, command.height);
        targets_.insert_or_assign(
            command.stid,
            Target{.width = command.width, .height = command.height, .xRoot = command.xRoot, .yRoot = command.yRoot});
        ++changes_;
    });
    table.add(SVGA_3D_CMD_DESTROY_GB_SCREENTARGET, "DESTROY_GB_SCREENTARGET", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdDestroyGBScreenTarget>();
        const Target& target = at(command.stid);
        if (leaving_)
            leaving_(command.stid, target);
        targets_.erase(command.stid);
        ++changes_;
    });
    table.add(SVGA_3D_CMD_BIND_GB_SCREENTARGET, "BIND_GB_SCREENTARGET", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdBindGBScreenTarget>();
        at(command.stid).image = command.image;
        ++changes_;
    });
    table.add(SVGA_3D_CMD_UPDATE_GB_SCREENTARGET, "UPDATE_GB_SCREENTARGET", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdUpdateGBScreenTarget>();
        update(command.stid, command.rect);
    });
    table.add(SVGA_3D_CMD_UPDATE_GB_SCREENTARGET_V2, "UPDATE_GB_SCREENTARGET_V2", [this](uint32_t, CommandBody body) {
        auto command = body.take<SVGA3dCmdUpdateGBScreenTarget_v2>();
        update(command.stid, command.rect);
    });
}

void ScreenTargets::update(uint32_t id, const SVGA3dRect& rect) {
    const Target& target = at(id);
    if (rect.x > target.width || rect.w > target.width - rect.x || rect.y > target.height ||
        rect.h > target.height - rect.y)
        throw CommandError("screen target {}: {} x {} at {}, {} is outside its {} x {}", id, rect.w, rect.h, rect.x,
                           rect.y, target.width, target.height);
    ++changes_;
}

ScreenTargets::Target& ScreenTargets::at(uint32_t id) {
    auto it = targets_.find(id);
    if (it == targets_.end())
        throw CommandError("screen target {} is not defined", id);
    return it->second;
}

const ScreenTargets::Target* ScreenTargets::find(uint32_t id) const {
    auto it = targets_.find(id);
    return it == targets_.end() ? nullptr : &it->second;
}

} // namespace svga::device
