// SPDX-License-Identifier: MIT
/**
 * \file
 * GLSL -> SPIR-V -> VGPU10: glslang, and the Vulkan driver's compiler as svga-spirv-to-vgpu10 runs it.
 */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace svga::vulkan::test {

/** \brief glslang's name for a stage, and the tool's. */
enum class Stage { Vertex, TessControl, TessEvaluation, Geometry, Fragment, Compute };

struct Binding {
    uint32_t file, kind, dimension, written, reg, set, binding, element; ///< as vulkan::ShaderBinding
};

struct Compiled {
    std::vector<uint32_t> tokens; ///< with the signature behind them
    std::vector<Binding> bindings;
    uint32_t uavCount = 0, vertexInputs = 0, renderTargets = 0;

    /** \brief Register of an array element of a binding. \throws Error: the shader does not use it so */
    uint32_t reg(uint32_t file, uint32_t binding, uint32_t element = 0) const;
};

inline constexpr uint32_t kConstantBuffer = 0, kSampler = 1, kResource = 2, kUav = 3; ///< vulkan::RegisterFile

/** \throws Error with glslang's log */
std::vector<uint32_t> toSpirv(Stage stage, const std::string& glsl);

/** \brief Runs the tool on \p spirv. \throws Error with what it says */
Compiled compileSpirv(Stage stage, const std::vector<uint32_t>& spirv, const std::vector<std::string>& options = {});

Compiled compileGlsl(Stage stage, const std::string& glsl, const std::vector<std::string>& options = {});

} // namespace svga::vulkan::test
