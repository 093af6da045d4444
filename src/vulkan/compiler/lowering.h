// SPDX-License-Identifier: MIT
/**
 * \file
 * From NIR as it comes from SPIR-V to NIR that the emitter takes.
 *
 * What lower() leaves:
 *  - one function, no phis: values that merge are in registers (decl_reg, load_reg, store_reg), arrays that are indexed
 *    at run time in registers with elements. Loads and stores of registers, negations, absolute values and saturation
 *    are such that they fold into the instructions that use and make the values (nir_legacy.h);
 *  - vectors of at most four 32-bit components (doubles: two), booleans are 0 or ~0 in 32 bits;
 *  - resources are register numbers (resources.h), constant buffers are read by load_ubo_vec4, shared memory by byte
 *    offsets;
 *  - inputs and outputs are load_input, load_interpolated_input, load_per_vertex_input, store_output and their like,
 *    whose base is the register;
 *  - system values are those that VGPU10 has; the driver's own are read from constant buffer 0.
 */
#pragma once

#include "vulkan/compiler/compiler.h"
#include "vulkan/compiler/resources.h"

namespace svga::vulkan {

void lower(nir_shader& nir, const CompileOptions& options, ResourceTable& resources);

// The halves of it, for a hull shader, which is two programs from the middle on.

/** \brief Resources, inputs, outputs and system values are registers after it; the rest is as NIR likes it best. */
void lowerToRegisters(nir_shader& nir, const CompileOptions& options, ResourceTable& resources);

/** \brief Instructions are those that the device has after it, and values that merge are in registers. */
void lowerToInstructions(nir_shader& nir);

/** \brief NIR's optimizations, until there is nothing left to do. */
void optimize(nir_shader* nir);

} // namespace svga::vulkan
