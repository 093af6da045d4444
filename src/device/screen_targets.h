// SPDX-License-Identifier: MIT
#pragma once

#include "device/command_table.h"

#include <svga3d_reg.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <unordered_map>

namespace svga::device {

/**
 * \brief The guest's screens and which surface each shows.
 *
 * The device has no display of its own: the commands are checked and kept, for who wants to look. Command thread only,
 * except changes().
 */
class ScreenTargets {
public:
    struct Target {
        uint32_t width = 0, height = 0;
        int32_t xRoot = 0, yRoot = 0;
        SVGA3dSurfaceImageId image{SVGA3D_INVALID_ID, 0, 0};
    };

    void registerCommands(CommandTable& table);

    /** \brief \p leaving is called with each target that is about to be destroyed. Before any command. */
    void observe(std::function<void(uint32_t id, const Target&)> leaving) { leaving_ = std::move(leaving); }

    /** \brief Null where there is no such target. */
    const Target* find(uint32_t id) const;

    /** \brief Grows with each command that may change what a screen shows. Any thread. */
    uint64_t changes() const { return changes_; }

private:
    Target& at(uint32_t id);
    void update(uint32_t id, const SVGA3dRect& rect);

    std::unordered_map<uint32_t, Target> targets_;
    std::function<void(uint32_t id, const Target&)> leaving_;
    std::atomic<uint64_t> changes_{0};
};

} // namespace svga::device
