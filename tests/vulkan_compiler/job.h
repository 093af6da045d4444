// SPDX-License-Identifier: MIT
/**
 * \file
 * Shaders in GLSL, compiled to VGPU10, translated back by the device's translator and run on the Vulkan device.
 */
#pragma once

#include "glsl.h"
#include "vgpu10/shader_runner.h"

#include <bit>

namespace svga::vulkan::test {

using vgpu10::test::SamplerState;
using vgpu10::test::ShaderRunner;
using vgpu10::test::Texture;
using vgpu10::test::Words;

/** \brief One device for all tests of a program. */
ShaderRunner& runner();

/** \brief Resources by binding number (plus array element); all are in descriptor set 0. Storage is read back. */
struct Resources {
    std::map<uint32_t, Words> uniform, storage;
    std::map<uint32_t, Texture> images, textures;
    std::map<uint32_t, SamplerState> samplers;
    std::map<uint32_t, Words> texelBuffers; ///< of R32_UINT; storage ones are in storage
    Words push;
};

struct ComputeJob : Resources {
    std::array<uint32_t, 3> groups{1, 1, 1}, base{};
    std::vector<std::string> options; ///< of the compiler's tool
};

/** \brief Compiles and runs. \throws Error from any step */
void run(const std::string& glsl, ComputeJob& job);

struct GraphicsJob : Resources {
    std::map<Stage, std::string> glsl;
    vgpu10::test::DrawJob draw; ///< but for its stages
    std::array<vgpu10::NumericType, 32> attributeTypes{}, targetTypes{};
    bool perSample = false;

    /** \brief A triangle over the whole target, by a vertex shader without inputs where glsl has none. */
    static const char* const kFullscreen;
};

vgpu10::test::DrawResult run(GraphicsJob& job);

inline uint32_t bits(float value) {
    return std::bit_cast<uint32_t>(value);
}
inline float number(uint32_t word) {
    return std::bit_cast<float>(word);
}

} // namespace svga::vulkan::test
