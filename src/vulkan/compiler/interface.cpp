// SPDX-License-Identifier: MIT
#include "vulkan/compiler/interface.h"

#include "vulkan/compiler/compiler.h"

#include <svga3d_reg.h>

namespace svga::vulkan {
namespace {

// Registers behind the last location.
constexpr uint32_t kIndices = kMaxLocations;       ///< x: layer, y: viewport, z: primitive
constexpr uint32_t kDistances = kMaxLocations + 1; ///< two registers
constexpr uint32_t kPosition = kMaxLocations + 3;
static_assert(kPosition < VGPU10_MAX_INPUTS);

} // namespace

InterfaceRegister& InterfaceList::use(uint32_t reg, uint32_t systemValue, uint8_t mask) {
    InterfaceRegister& entry = entries_[{reg, systemValue}];
    entry.reg = reg;
    entry.systemValue = systemValue;
    entry.mask |= mask;
    return entry;
}

VaryingPlace varyingPlace(uint32_t slot, uint32_t component, uint32_t clipDistances) {
    const auto c = static_cast<uint8_t>(component);
    if (slot >= VARYING_SLOT_VAR0 && slot < VARYING_SLOT_VAR0 + kMaxLocations)
        return {slot - VARYING_SLOT_VAR0, c, VGPU10_NAME_UNDEFINED};
    if (slot >= VARYING_SLOT_PATCH0 && slot < VARYING_SLOT_PATCH0 + kMaxLocations)
        return {kMaxLocations - 1 - (slot - VARYING_SLOT_PATCH0), c, VGPU10_NAME_UNDEFINED};
    switch (slot) {
    case VARYING_SLOT_POS:
        return {kPosition, c, VGPU10_NAME_POSITION};
    case VARYING_SLOT_CLIP_DIST0:
    case VARYING_SLOT_CLIP_DIST1: {
        const uint32_t number = 4 * (slot - VARYING_SLOT_CLIP_DIST0) + component;
        return {kDistances + number / 4, static_cast<uint8_t>(number % 4),
                number < clipDistances ? VGPU10_NAME_CLIP_DISTANCE : VGPU10_NAME_CULL_DISTANCE};
    }
    case VARYING_SLOT_LAYER:
        return {kIndices, 0, VGPU10_NAME_RENDER_TARGET_ARRAY_INDEX};
    case VARYING_SLOT_VIEWPORT:
        return {kIndices, 1, VGPU10_NAME_VIEWPORT_ARRAY_INDEX};
    case VARYING_SLOT_PRIMITIVE_ID:
        return {kIndices, 2, VGPU10_NAME_PRIMITIVE_ID};
    default:
        break;
    }
    if (slot >= VARYING_SLOT_VAR0 && slot < VARYING_SLOT_PATCH0)
        throw Error("location {} is above the last one, {}", slot - VARYING_SLOT_VAR0, kMaxLocations - 1);
    throw Error("the device passes no {} between stages",
                gl_varying_slot_name_for_stage(static_cast<gl_varying_slot>(slot), MESA_SHADER_VERTEX));
}

uint32_t varyingRegister(uint32_t varyingSlot) {
    return varyingPlace(varyingSlot, 0, 4).reg;
}

std::vector<uint32_t> encodeSignature(const InterfaceList& inputs, const InterfaceList& outputs,
                                      const InterfaceList& patchConstants) {
    const InterfaceList* const lists[] = {&inputs, &outputs, &patchConstants};
    std::vector<uint32_t> words{SVGADX_SIGNATURE_HEADER_VERSION_0};
    for (const InterfaceList* list : lists)
        words.push_back(static_cast<uint32_t>(list->entries().size()));
    for (const InterfaceList* list : lists)
        for (const auto& [key, entry] : list->entries())
            words.insert(words.end(),
                         {entry.reg, entry.systemValue, entry.mask, SVGADX_SIGNATURE_REGISTER_COMPONENT_UNKNOWN,
                          SVGADX_SIGNATURE_MIN_PRECISION_DEFAULT});
    return words;
}

} // namespace svga::vulkan
