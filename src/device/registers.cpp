// SPDX-License-Identifier: MIT
#include "device/registers.h"

#include "device/capabilities.h"
#include "device/machine.h"

#include <svga3d_types.h>

namespace svga::device {

Registers::Registers(Interrupts& interrupts)
    : interrupts_(interrupts) {
    reset();
}

void Registers::reset() {
    for (auto& value : values_)
        value = 0;
    values_[SVGA_REG_ID] = SVGA_MAKE_ID(SVGA_VERSION_3);
    values_[SVGA_REG_WIDTH] = 1280;
    values_[SVGA_REG_HEIGHT] = 800;
    values_[SVGA_REG_MAX_WIDTH] = SVGA_MAX_SCREEN_SIZE;
    values_[SVGA_REG_MAX_HEIGHT] = SVGA_MAX_SCREEN_SIZE;
    values_[SVGA_REG_DEPTH] = 24;
    values_[SVGA_REG_BITS_PER_PIXEL] = 32;
    values_[SVGA_REG_HOST_BITS_PER_PIXEL] = 32;
    values_[SVGA_REG_RED_MASK] = 0xff0000;
    values_[SVGA_REG_GREEN_MASK] = 0x00ff00;
    values_[SVGA_REG_BLUE_MASK] = 0x0000ff;
    values_[SVGA_REG_VRAM_SIZE] = kVideoMemorySize;
    values_[SVGA_REG_FB_SIZE] = kVideoMemorySize;
    values_[SVGA_REG_CAPABILITIES] = kCapabilities;
    values_[SVGA_REG_CAP2] = kCapabilities2;
    values_[SVGA_REG_NUM_DISPLAYS] = 1;
    values_[SVGA_REG_GMR_MAX_IDS] = 8192;
    values_[SVGA_REG_GMR_MAX_DESCRIPTOR_LENGTH] = 4096;
    values_[SVGA_REG_GMRS_MAX_PAGES] = 1u << 18;
    values_[SVGA_REG_MEMORY_SIZE] = kMaxPrimaryMemory + kVideoMemorySize;
    values_[SVGA_REG_MAX_PRIMARY_MEM] = kMaxPrimaryMemory;
    values_[SVGA_REG_SUGGESTED_GBOBJECT_MEM_SIZE_KB] = kGuestBackedMemoryKiB;
    values_[SVGA_REG_GBOBJECT_MEM_SIZE_KB] = kGuestBackedMemoryKiB;
    values_[SVGA_REG_SCREENTARGET_MAX_WIDTH] = SVGA_MAX_SCREEN_SIZE;
    values_[SVGA_REG_SCREENTARGET_MAX_HEIGHT] = SVGA_MAX_SCREEN_SIZE;
    values_[SVGA_REG_MOB_MAX_SIZE] = kMaxMobSize;
    values_[SVGA_REG_CURSOR_MAX_DIMENSION] = kMaxCursorDimension;
    values_[SVGA_REG_CURSOR_MAX_BYTE_SIZE] = kMaxCursorDimension * kMaxCursorDimension * 4 + sizeof(SVGAGBCursorHeader);
    values_[SVGA_REG_CURSOR_MOBID] = SVGA3D_INVALID_ID;
    ++cursorChanges_;
}

uint32_t Registers::read(uint32_t index, const Machine& machine) const {
    switch (index) {
    case SVGA_REG_BUSY:
        return 0;
    case SVGA_REG_IRQMASK:
        return interrupts_.mask();
    case SVGA_REG_IRQ_STATUS:
        return interrupts_.status();
    case SVGA_REG_FENCE:
        return machine.fencePassed();
    case SVGA_REG_FENCE_GOAL:
        return machine.fenceGoal();
    case SVGA_REG_DEV_CAP:
        return machine.devcap(values_[SVGA_REG_DEV_CAP]);
    default:
        return index < values_.size() ? values_[index].load() : 0;
    }
}

void Registers::write(uint32_t index, uint32_t value, Machine& machine) {
    switch (index) {
    case SVGA_REG_IRQMASK:
        interrupts_.setMask(value);
        break;
    case SVGA_REG_IRQ_STATUS:
        interrupts_.acknowledge(value);
        break;
    case SVGA_REG_FENCE_GOAL:
        machine.setFenceGoal(value);
        break;
    case SVGA_REG_COMMAND_LOW:
        machine.submit(uint64_t{values_[SVGA_REG_COMMAND_HIGH]} << 32 | (value & ~uint32_t{SVGA_CB_CONTEXT_MASK}),
                       value & SVGA_CB_CONTEXT_MASK);
        break;
    case SVGA_REG_ID: // a driver may ask for another version: there is only this one
    case SVGA_REG_MAX_WIDTH:
    case SVGA_REG_MAX_HEIGHT:
    case SVGA_REG_HOST_BITS_PER_PIXEL:
    case SVGA_REG_RED_MASK:
    case SVGA_REG_GREEN_MASK:
    case SVGA_REG_BLUE_MASK:
    case SVGA_REG_FB_SIZE:
    case SVGA_REG_VRAM_SIZE:
    case SVGA_REG_CAPABILITIES:
    case SVGA_REG_CAP2:
    case SVGA_REG_GMR_MAX_IDS:
    case SVGA_REG_GMR_MAX_DESCRIPTOR_LENGTH:
    case SVGA_REG_GMRS_MAX_PAGES:
    case SVGA_REG_MEMORY_SIZE:
    case SVGA_REG_MAX_PRIMARY_MEM:
    case SVGA_REG_SUGGESTED_GBOBJECT_MEM_SIZE_KB:
    case SVGA_REG_GBOBJECT_MEM_SIZE_KB:
    case SVGA_REG_SCREENTARGET_MAX_WIDTH:
    case SVGA_REG_SCREENTARGET_MAX_HEIGHT:
    case SVGA_REG_MOB_MAX_SIZE:
    case SVGA_REG_CURSOR_MAX_BYTE_SIZE:
    case SVGA_REG_CURSOR_MAX_DIMENSION:
    case SVGA_REG_FENCE:
        break; // read-only
    case SVGA_REG_CURSOR_MOBID:
    case SVGA_REG_CURSOR4_ON:
    case SVGA_REG_CURSOR4_X:
    case SVGA_REG_CURSOR4_Y:
    case SVGA_REG_CURSOR4_SUBMIT:
        values_[index] = value;
        ++cursorChanges_; // after the value: who sees the change finds it
        break;
    default:
        if (index < values_.size())
            values_[index] = value;
    }
}

CursorState Registers::cursor() const {
    return {values_[SVGA_REG_CURSOR4_ON] != SVGA_CURSOR_ON_HIDE, static_cast<int32_t>(values_[SVGA_REG_CURSOR4_X]),
            static_cast<int32_t>(values_[SVGA_REG_CURSOR4_Y]), values_[SVGA_REG_CURSOR_MOBID]};
}

} // namespace svga::device
