// SPDX-License-Identifier: MIT
/**
 * \file
 * A swarm of triangles, in Vulkan. Each frame moves a quarter of them, by writing their vertices straight into
 * HOST_COHERENT memory that stays mapped, and nothing else tells the driver of it: no flush, no copy. The last frame
 * comes back through coherent memory too.
 */
#include "util/error.h"
#include "util/png_file.h"

#include "picture.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <numbers>
#include <string>
#include <vector>

namespace svga::demo {
namespace {

using namespace svga::test;

constexpr uint32_t kTriangles = 20'000;
constexpr uint32_t kParts = 4; ///< of the swarm; one moves in a frame

constexpr const char* kVertexShader = R"(#version 450
    layout(location = 0) in vec2 position;
    layout(location = 1) in vec4 color;
    layout(location = 0) out vec4 passed;
    void main() { gl_Position = vec4(position, 0.5, 1.0); passed = color; })";
constexpr const char* kFragmentShader = R"(#version 450
    layout(location = 0) in vec4 passed;
    layout(location = 0) out vec4 color;
    void main() { color = passed; })";

struct Vertex {
    float x, y;
    uint32_t color; ///< red in the low byte
};

void place(std::span<Vertex> triangle, uint32_t index, uint32_t frame) {
    const float turn = 2 * std::numbers::pi_v<float>;
    const float share = static_cast<float>(index) / kTriangles, time = static_cast<float>(frame) / 100;
    const float radius = 0.25f + 0.6f * std::sqrt(share);
    const float x = radius * std::cos(turn * (7 * share + time)) * std::cos(turn * 3 * share);
    const float y = radius * std::sin(turn * (5 * share + time));
    const auto level = [&](float phase) {
        return static_cast<uint32_t>(127.5f * (1 + std::sin(turn * (share + phase) + time)));
    };
    const uint32_t color = level(0) | level(1 / 3.f) << 8 | level(2 / 3.f) << 16 | 0xff000000;
    for (uint32_t corner = 0; corner < triangle.size(); ++corner) {
        const float angle = turn * (static_cast<float>(corner) / 3 + 5 * share + time);
        triangle[corner] = {x + 0.02f * std::cos(angle), y + 0.02f * std::sin(angle), color};
    }
}

void run(uint32_t frames, uint32_t size, const std::string& output) {
    Gpu gpu;
    Picture picture(gpu, size, size);
    GraphicsPipeline::Settings settings;
    settings.vertexShader = kVertexShader;
    settings.fragmentShader = kFragmentShader;
    settings.stride = sizeof(Vertex);
    settings.attributes = {{0, 0, VK_FORMAT_R32G32_SFLOAT, 0}, {1, 0, VK_FORMAT_R8G8B8A8_UNORM, 8}};
    const GraphicsPipeline pipeline(gpu, picture, settings);
    const CoherentBuffer vertices(gpu, 3 * kTriangles * sizeof(Vertex));
    const std::span<Vertex> mapped = vertices.memory.as<Vertex>();
    for (uint32_t index = 0; index < kTriangles; ++index)
        place(mapped.subspan(3 * size_t{index}, 3), index, 0);

    for (uint32_t frame = 0; frame < frames; ++frame) {
        const uint32_t part = frame % kParts;
        for (uint32_t index = part * (kTriangles / kParts); index < (part + 1) * (kTriangles / kParts); ++index)
            place(mapped.subspan(3 * size_t{index}, 3), index, frame);
        picture.draw({0.02f, 0.02f, 0.05f, 1}, [&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            vertices.bindVertices(commands);
            vkCmdDraw(commands, 3 * kTriangles, 1, 0, 0);
        });
    }

    std::vector<uint8_t> pixels;
    for (uint32_t y = 0; y < size; ++y)
        for (uint32_t x = 0; x < size; ++x)
            for (uint32_t shift : {0, 8, 16, 24})
                pixels.push_back(static_cast<uint8_t>(picture.at(x, y) >> shift));
    writePng(output, size, size, pixels);
    fmt::print("{}: frame {} of {} triangles on {}\n", output, frames, kTriangles, gpu.properties().deviceName);
}

} // namespace
} // namespace svga::demo

int main(int argc, char** argv) {
    CLI::App app{"Draws with Vulkan what streams through HOST_COHERENT memory that stays mapped"};
    uint32_t frames = 300, size = 512;
    std::string output = "coherent-swarm.png";
    app.add_option("--frames", frames, "frames to draw")->check(CLI::Range(1u, 1000000u))->capture_default_str();
    app.add_option("--size", size, "width and height in pixels")->check(CLI::Range(16u, 8192u))->capture_default_str();
    app.add_option("--output", output, "picture of the last frame (PNG)")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        svga::demo::run(frames, size, output);
    } catch (const std::exception& error) {
        fmt::print(stderr, "coherent-swarm: {}\n", error.what());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
