// SPDX-License-Identifier: MIT
/**
 * \file
 * What a monitor would show: the image of a screen target with the cursor over it.
 */
#pragma once

#include "device/mob.h"
#include "device/renderer.h"
#include "device/screen_targets.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace svga::device {

/** \brief 8-bit RGBA, opaque, first row at the top. */
struct Picture {
    uint32_t width = 0, height = 0;
    std::vector<uint8_t> pixels;
};

/** \brief The cursor as the SVGA_REG_CURSOR* registers have it. */
struct CursorState {
    bool shown = false;
    int32_t x = 0, y = 0; ///< of the hot spot, on the screen
    uint32_t mobId = 0;   ///< of an SVGAGBCursorHeader and its image
};

/**
 * \brief The picture of \p target.
 *
 * Where the target has no image, or one in a format that no monitor shows, it is black. A cursor that is not an alpha
 * cursor, or whose MOB does not hold what its header says, is left out. Command thread only, or while that stands.
 */
Picture makePicture(const ScreenTargets::Target& target, Renderer& renderer, const CursorState& cursor,
                    const MobLookup& mobs);

} // namespace svga::device
