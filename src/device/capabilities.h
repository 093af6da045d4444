// SPDX-License-Identifier: MIT
/**
 * \file
 * What the device tells of itself in SVGA_REG_CAPABILITIES and SVGA_REG_CAP2, and its fixed sizes.
 */
#pragma once

#include "device/guest_mob.h"

#include <svga_reg.h>

#include <cstdint>

namespace svga::device {

// PITCHLOCK is there because vmwgfx refuses a device without it.
inline constexpr uint32_t kCapabilities =
    SVGA_CAP_CURSOR | SVGA_CAP_CURSOR_BYPASS | SVGA_CAP_ALPHA_CURSOR | SVGA_CAP_3D | SVGA_CAP_PITCHLOCK |
    SVGA_CAP_IRQMASK | SVGA_CAP_GMR | SVGA_CAP_GMR2 | SVGA_CAP_COMMAND_BUFFERS | SVGA_CAP_CMD_BUFFERS_2 |
    SVGA_CAP_GBOBJECTS | SVGA_CAP_DX | SVGA_CAP_HP_CMD_QUEUE | SVGA_CAP_NO_BB_RESTRICTION | SVGA_CAP_CAP2_REGISTER;

// EXTRA_REGS (fence and interrupt registers in BAR 0) must be there: an SVGA III has no FIFO for them to be in.
inline constexpr uint32_t kCapabilities2 = SVGA_CAP2_GROW_OTABLE | SVGA_CAP2_INTRA_SURFACE_COPY | SVGA_CAP2_DX2 |
                                           SVGA_CAP2_GB_MEMSIZE_2 | SVGA_CAP2_OTABLE_PTDEPTH_2 | SVGA_CAP2_CURSOR_MOB |
                                           SVGA_CAP2_CB_MAX_SIZE_4MB | SVGA_CAP2_DX3 | SVGA_CAP2_COTABLE_COPY |
                                           SVGA_CAP2_EXTRA_REGS;

// vmwgfx writes gamma ramps to the palette registers, without a look at the size of the BAR.
inline constexpr uint64_t kRegisterBarSize = 8192;
static_assert(SVGA_SCRATCH_BASE * sizeof(uint32_t) <= kRegisterBarSize, "BAR 0 has room for the palette");
inline constexpr uint64_t kVideoMemorySize = 16u << 20;
inline constexpr uint32_t kMaxPrimaryMemory = 256u << 20;
inline constexpr uint32_t kGuestBackedMemoryKiB = 4u << 20; ///< the guest may back objects with 4 GiB
inline constexpr uint32_t kMaxCursorDimension = 256;

} // namespace svga::device
