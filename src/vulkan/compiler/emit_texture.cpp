// SPDX-License-Identifier: MIT
#include "vulkan/compiler/emitter.h"

namespace svga::vulkan {

void Emitter::emitTexture(nir_tex_instr* tex) {
    fail(tex->instr, "is not supported");
}

} // namespace svga::vulkan
