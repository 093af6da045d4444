// SPDX-License-Identifier: MIT
/**
 * \file
 * A stage's inputs and outputs: the registers that it declares, and the signature that tells the device of them.
 *
 * Stages link by register number. Location n is register n; what is built in has registers behind the last location,
 * the same in every stage. System values that no other stage provides (vertex ids, the front face, the sample) take
 * registers that the stage uses for nothing else.
 */
#pragma once

#include "vulkan/compiler/nir_headers.h"
#include "vulkan/compiler/tokens.h"

#include <map>
#include <vector>

namespace svga::vulkan {

/** \brief Some components of a register with one meaning. */
struct InterfaceRegister {
    uint32_t reg = 0;
    uint32_t systemValue = 0; ///< VGPU10_SYSTEM_NAME
    uint8_t mask = 0;
    uint32_t interpolation = 0; ///< VGPU10_INTERPOLATION_MODE, fragment inputs
};

/** \brief Registers of one direction, in the order of their numbers. */
class InterfaceList {
public:
    /** \brief Adds components to a register's declaration. */
    InterfaceRegister& use(uint32_t reg, uint32_t systemValue, uint8_t mask);
    const std::map<std::pair<uint32_t, uint32_t>, InterfaceRegister>& entries() const { return entries_; }
    bool empty() const { return entries_.empty(); }

private:
    std::map<std::pair<uint32_t, uint32_t>, InterfaceRegister> entries_; ///< by register and system value
};

/** \brief Where a varying slot is: a register, the first of its components, and what it is to the device. */
struct VaryingPlace {
    uint32_t reg = 0;
    uint8_t component = 0;
    uint32_t systemValue = 0;
};

/**
 * \brief Place of component \p component of \p slot. Of the clip distances, those from \p clipDistances on cull.
 * \throws Error for a slot that has none
 */
VaryingPlace varyingPlace(uint32_t slot, uint32_t component, uint32_t clipDistances);

/** \brief SVGA3dDXShaderSignatureHeader and its entries. */
std::vector<uint32_t> encodeSignature(const InterfaceList& inputs, const InterfaceList& outputs,
                                      const InterfaceList& patchConstants);

} // namespace svga::vulkan
