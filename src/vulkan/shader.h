// SPDX-License-Identifier: MIT
/**
 * \file
 * Shaders: one stage of a pipeline, compiled. Pipelines are the runtime's (vk_pipeline), which makes and binds shaders.
 *
 * The device's views have no component mapping, and which views a shader will sample is known only when it draws. A
 * shader that samples keeps its NIR, and is compiled once more for each set of mappings that it meets: what most views
 * have, none, costs nothing.
 */
#pragma once

#include "vulkan/compiler/compiler.h"
#include "vulkan/mesa.h"

#include <svga3d_reg.h>

#include <map>
#include <optional>

#include "vk_shader.h"

namespace svga::vulkan {

class ContextObjects;

struct Shader : vk_shader {
    CompiledShader code; ///< where no view has a component mapping
    CompileOptions options;
    std::vector<uint8_t> nir; ///< serialised, as it was before it was compiled; empty where it samples no images
    /// In the queue's context, where they have been used: by swizzles and texelSamplers of
    /// CompileOptions. The executor's.
    std::map<std::pair<std::vector<TextureSwizzle>, uint32_t>, uint32_t> ids;

    SVGA3dShaderType type() const;
    /** \brief Its id for views with \p swizzles and samplers some of which take texels. Queue's thread. Throws Error.
     */
    uint32_t idFor(ContextObjects& objects, const std::vector<TextureSwizzle>& swizzles, uint32_t texelSamplers);
};

/** \brief The stage as the device knows it. */
SVGA3dShaderType shaderType(gl_shader_stage stage);

extern const vk_device_shader_ops kShaderOps;

} // namespace svga::vulkan
