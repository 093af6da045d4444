// SPDX-License-Identifier: MIT
/**
 * \file
 * Shaders: one stage of a pipeline, compiled. Pipelines are the runtime's (vk_pipeline), which makes and binds shaders.
 */
#pragma once

#include "vulkan/compiler/compiler.h"
#include "vulkan/mesa.h"

#include <svga3d_reg.h>

#include <optional>

#include "vk_shader.h"

namespace svga::vulkan {

struct Shader : vk_shader {
    CompiledShader code;
    std::optional<uint32_t> id; ///< in the queue's context, where it has been used; the executor's

    SVGA3dShaderType type() const;
};

/** \brief The stage as the device knows it. */
SVGA3dShaderType shaderType(gl_shader_stage stage);

extern const vk_device_shader_ops kShaderOps;

} // namespace svga::vulkan
