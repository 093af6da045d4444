// SPDX-License-Identifier: MIT
/**
 * \file
 * NIR passes of our own, and the filters that NIR's passes ask. Each pass tells whether it changed anything.
 */
#pragma once

#include "vulkan/compiler/compiler.h"
#include "vulkan/compiler/nir_headers.h"

namespace svga::vulkan {

/** \brief Offset in constant buffer 0 that is loaded from by driverConstant(). */
nir_def* driverConstant(nir_builder* b, size_t offset, uint32_t components);

/** \brief The storage buffer at \p binding of set 0, as loads and stores of programs that the driver makes name it. */
nir_def* storageBuffer(nir_builder* b, uint32_t binding);

/**
 * \brief System values that the driver tells, push constants, and what Vulkan has another way than VGPU10: the sign of
 * y, 1/w of the fragment's position, sample positions.
 */
bool lowerDriverValues(nir_shader* nir, const CompileOptions& options);

/** \brief imod, whose sign is the divisor's, by irem, whose sign is the dividend's. */
bool lowerIntegerModulo(nir_shader* nir);

/** \brief Conversions of and to numbers of 8 and 16 bits, of which VGPU10 has few, go by 32 bits. */
bool lowerNarrowConversions(nir_shader* nir);

/** \brief Component mappings of sampled images, whose registers are assigned. */
bool lowerTextureSwizzles(nir_shader* nir, const std::vector<TextureSwizzle>& swizzles);

/** \brief Coordinates in texels, for the samplers of registers that \p samplers has bits of, become those from 0 to 1.
 */
bool lowerTexelCoordinates(nir_shader* nir, uint32_t samplers);

/** \brief Subgroup operations where the subgroup is one invocation. */
bool lowerTrivialSubgroups(nir_shader* nir);

/** \brief Whether a texture instruction's offset is none that VGPU10 can encode. */
bool offsetNeedsLowering(const nir_instr* instr, const void*);

/** \brief Stores that need a mask without gaps. */
bool isMemoryStore(const nir_instr* instr, const void*);

} // namespace svga::vulkan
