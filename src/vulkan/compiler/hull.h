// SPDX-License-Identifier: MIT
/**
 * \file
 * A tessellation control shader as the phases of a hull shader.
 *
 * In SPIR-V the invocations of a patch work side by side, each on its control point, and any of them may write what
 * belongs to the patch. VGPU10 has a control point phase, run for each control point, and then fork phases for the
 * patch, which read what the first phase wrote. So the shader is compiled twice: once for what it writes to control
 * points, and once for what it writes to the patch, run for each invocation's number that writes there (mostly the
 * first alone). A barrier lies between the phases and nowhere else: what one control point's output makes of another's
 * cannot be had.
 */
#pragma once

#include "vulkan/compiler/nir_headers.h"

#include <memory>

namespace svga::vulkan {

struct NirDeleter {
    void operator()(nir_shader* nir) const { ralloc_free(nir); }
};
using NirOwner = std::unique_ptr<nir_shader, NirDeleter>;

struct PatchPhase {
    NirOwner nir;
    uint32_t instances = 1; ///< runs, numbered as the invocations are
};

/** \brief Leaves the control point phase in \p nir, as lowerToRegisters() left it, and returns the other one. */
PatchPhase splitPatchPhase(nir_shader& nir);

} // namespace svga::vulkan
