// SPDX-License-Identifier: MIT
#pragma once

#include "device/command_table.h"

#include <svga3d_reg.h>

#include <cstdint>
#include <unordered_map>

namespace svga::device {

/**
 * \brief The guest's screens and which surface each shows.
 *
 * The device has no display of its own: the commands are checked and kept, and shown to nobody. Command thread only.
 */
class ScreenTargets {
public:
    struct Target {
        uint32_t width = 0, height = 0;
        int32_t xRoot = 0, yRoot = 0;
        SVGA3dSurfaceImageId image{SVGA3D_INVALID_ID, 0, 0};
        uint64_t updates = 0; ///< UPDATE_GB_SCREENTARGET commands so far
    };

    void registerCommands(CommandTable& table);

    /** \brief Null where there is no such target. */
    const Target* find(uint32_t id) const;

private:
    Target& at(uint32_t id);
    void update(uint32_t id, const SVGA3dRect& rect);

    std::unordered_map<uint32_t, Target> targets_;
};

} // namespace svga::device
