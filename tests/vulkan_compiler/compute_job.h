// SPDX-License-Identifier: MIT
/**
 * \file
 * A compute shader in GLSL, compiled to VGPU10, translated back by the device's translator and run on the Vulkan
 * device.
 */
#pragma once

#include "glsl.h"
#include "vgpu10/shader_runner.h"

#include <bit>

namespace svga::vulkan::test {

using vgpu10::test::ShaderRunner;
using vgpu10::test::Words;

/** \brief One device for all tests of a program. */
ShaderRunner& runner();

/** \brief Resources by binding number; all are in descriptor set 0. Storage is read back. */
struct ComputeJob {
    std::map<uint32_t, Words> uniform, storage;
    std::map<uint32_t, vgpu10::test::Texture> images;
    std::map<uint32_t, vgpu10::test::Texture> textures;
    std::map<uint32_t, vgpu10::test::SamplerState> samplers;
    std::map<uint32_t, Words> texelBuffers;
    Words push;
    std::array<uint32_t, 3> groups{1, 1, 1}, base{};
    std::vector<std::string> options;
};

/** \brief Compiles and runs. \throws Error from any step */
void run(const std::string& glsl, ComputeJob& job);

/** \brief The contents of constant buffer 0: the driver's constants, then push constants. */
Words constantBuffer0(const ComputeJob& job);

inline uint32_t bits(float value) {
    return std::bit_cast<uint32_t>(value);
}
inline float number(uint32_t word) {
    return std::bit_cast<float>(word);
}

} // namespace svga::vulkan::test
