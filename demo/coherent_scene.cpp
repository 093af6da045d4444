// SPDX-License-Identifier: MIT
/**
 * \file
 * A waving, textured cloth. Each frame writes all of its vertices, its texture and its uniforms straight into
 * persistent coherent mappings, three frames deep, and nothing else tells the driver of it: no upload, no flush, no
 * barrier. A fence per frame keeps the CPU from overwriting what the GPU has not yet read. The last frame comes back
 * through a coherent mapping too.
 */
#include "util/png_file.h"

#include "gl_context.h"
#include "gpu_copy.h"
#include "mapped_buffer.h"

#include "util/error.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <string>
#include <vector>

namespace svga::demo {
namespace {

using coherency::buildProgram;
using coherency::GlContext;
using coherency::MappedBuffer;

constexpr uint32_t kGrid = 96;    ///< quads along each edge of the cloth
constexpr GLsizei kTexture = 128; ///< texels along each edge of the texture
constexpr std::size_t kFramesInFlight = 3;
constexpr float kPi = std::numbers::pi_v<float>;

constexpr const char* kVertexShader = R"(#version 330
layout(std140) uniform Frame { mat4 transform; vec4 light; };
in vec3 position;
in vec3 normal;
in vec2 coordinate;
out vec3 surfaceNormal;
out vec2 textureCoordinate;
void main() {
    gl_Position = transform * vec4(position, 1.0);
    surfaceNormal = normal;
    textureCoordinate = coordinate;
}
)";

constexpr const char* kFragmentShader = R"(#version 330
layout(std140) uniform Frame { mat4 transform; vec4 light; };
uniform sampler2D image;
in vec3 surfaceNormal;
in vec2 textureCoordinate;
out vec4 colour;
void main() {
    float diffuse = abs(dot(normalize(surfaceNormal), normalize(light.xyz)));
    colour = vec4(texture(image, textureCoordinate).rgb * (0.25 + 0.75 * diffuse), 1.0);
}
)";

struct Vertex {
    float position[3];
    float normal[3];
    float coordinate[2];
};

struct FrameUniforms { // std140
    std::array<float, 16> transform;
    std::array<float, 4> light;
};

using Matrix = std::array<float, 16>; // column major

Matrix multiply(const Matrix& a, const Matrix& b) {
    Matrix result{};
    for (int column = 0; column < 4; ++column)
        for (int row = 0; row < 4; ++row)
            for (int i = 0; i < 4; ++i)
                result[column * 4 + row] += a[i * 4 + row] * b[column * 4 + i];
    return result;
}

Matrix view(float time) {
    const float near = 1.0f, far = 10.0f, focal = 1.8f;
    const Matrix projection{
        focal, 0, 0, 0, 0, focal, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0, 2 * far * near / (near - far), 0};
    const float yaw = 0.35f * std::sin(time * 0.7f), tilt = -0.9f;
    const Matrix turn{std::cos(yaw), 0, -std::sin(yaw), 0, 0, 1, 0, 0, std::sin(yaw), 0, std::cos(yaw), 0, 0, 0, 0, 1};
    const Matrix lean{1, 0, 0, 0,     0, std::cos(tilt), std::sin(tilt), 0, 0, -std::sin(tilt), std::cos(tilt),
                      0, 0, 0, -3.4f, 1};
    return multiply(projection, multiply(lean, turn));
}

/** The cloth at \p time: height of two waves, normals from their slopes. */
void writeVertices(Vertex* out, float time) {
    for (uint32_t j = 0; j <= kGrid; ++j)
        for (uint32_t i = 0; i <= kGrid; ++i) {
            const float u = static_cast<float>(i) / kGrid, v = static_cast<float>(j) / kGrid;
            const float x = 2 * u - 1, y = 2 * v - 1;
            const float a = 5 * x + 2 * time, b = 4 * y + 3 * x - 1.5f * time;
            const float height = 0.12f * std::sin(a) + 0.08f * std::sin(b);
            const float slopeX = 0.6f * std::cos(a) + 0.24f * std::cos(b), slopeY = 0.32f * std::cos(b);
            *out++ = Vertex{{x, y, height}, {-slopeX, -slopeY, 1}, {u, v}};
        }
}

/** Rings that drift, over a chequer. */
void writeTexture(uint32_t* out, float time) {
    for (int y = 0; y < kTexture; ++y)
        for (int x = 0; x < kTexture; ++x) {
            const float dx = static_cast<float>(x) / kTexture - 0.5f - 0.2f * std::cos(time);
            const float dy = static_cast<float>(y) / kTexture - 0.5f - 0.2f * std::sin(time);
            const float ring = 0.5f + 0.5f * std::sin(40 * std::sqrt(dx * dx + dy * dy) - 4 * time);
            const bool dark = ((x / 16) ^ (y / 16)) & 1;
            const auto level = [](float value) { return static_cast<uint32_t>(255 * value); };
            *out++ = level(dark ? 0.2f + 0.6f * ring : 0.9f) | level(0.3f + 0.6f * ring) << 8 |
                     level(dark ? 0.8f : 0.25f + 0.3f * ring) << 16 | 0xff000000u;
        }
}

std::vector<uint32_t> clothIndices() {
    std::vector<uint32_t> indices;
    for (uint32_t j = 0; j < kGrid; ++j)
        for (uint32_t i = 0; i < kGrid; ++i) {
            const uint32_t corner = j * (kGrid + 1) + i;
            for (const uint32_t offset : {0u, 1u, kGrid + 1, kGrid + 1, 1u, kGrid + 2})
                indices.push_back(corner + offset);
        }
    return indices;
}

/** \brief All GL objects of the scene; render() draws one frame, pixels() reads the last. */
class Scene {
public:
    explicit Scene(GLsizei size)
        : size_(size)
        , indexCount_(static_cast<GLsizei>(kGrid * kGrid * 6))
        , vertices_(kFramesInFlight * kVertexBytes)
        , texels_(kFramesInFlight * kTexelBytes)
        , uniforms_(kFramesInFlight * kUniformStride)
        , indices_(indexCount_ * sizeof(uint32_t))
        , readback_(static_cast<std::size_t>(size) * size * 4) {
        program_ = buildProgram(kVertexShader, kFragmentShader);
        glUniformBlockBinding(program_, glGetUniformBlockIndex(program_, "Frame"), 0);
        const auto indices = clothIndices();
        std::copy(indices.begin(), indices.end(), indices_.words().begin());

        glGenTextures(1, &texture_);
        glBindTexture(GL_TEXTURE_2D, texture_);
        glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, kTexture, kTexture, 0, GL_RGBA, GL_UNSIGNED_BYTE, nullptr);
        glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
        glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0);

        glGenRenderbuffers(2, renderbuffers_.data());
        glBindRenderbuffer(GL_RENDERBUFFER, renderbuffers_[0]);
        glRenderbufferStorage(GL_RENDERBUFFER, GL_RGBA8, size, size);
        glBindRenderbuffer(GL_RENDERBUFFER, renderbuffers_[1]);
        glRenderbufferStorage(GL_RENDERBUFFER, GL_DEPTH24_STENCIL8, size, size);
        glGenFramebuffers(1, &framebuffer_);
        glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
        glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, renderbuffers_[0]);
        glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_STENCIL_ATTACHMENT, GL_RENDERBUFFER, renderbuffers_[1]);
        if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE)
            throw Error("a {0}x{0} framebuffer is not complete on this driver", size);
        glViewport(0, 0, size, size);
        glEnable(GL_DEPTH_TEST);
        glGenVertexArrays(1, &vertexArray_);
    }

    ~Scene() {
        for (const GLsync fence : fences_)
            glDeleteSync(fence);
        glDeleteVertexArrays(1, &vertexArray_);
        glDeleteFramebuffers(1, &framebuffer_);
        glDeleteRenderbuffers(2, renderbuffers_.data());
        glDeleteTextures(1, &texture_);
        glDeleteProgram(program_);
    }
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;

    void render(uint32_t frame) {
        const std::size_t part = frame % kFramesInFlight;
        waitFor(part);
        const float time = static_cast<float>(frame) * 2 * kPi / 150;
        std::byte* vertices = vertices_.bytes().data() + part * kVertexBytes;
        std::byte* texels = texels_.bytes().data() + part * kTexelBytes;
        writeVertices(reinterpret_cast<Vertex*>(vertices), time);
        writeTexture(reinterpret_cast<uint32_t*>(texels), time);
        *reinterpret_cast<FrameUniforms*>(uniforms_.bytes().data() + part * kUniformStride) =
            FrameUniforms{view(time), {0.4f, 0.5f, 1.0f, 0.0f}};

        glBindBuffer(GL_PIXEL_UNPACK_BUFFER, texels_.name());
        glBindTexture(GL_TEXTURE_2D, texture_);
        glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, kTexture, kTexture, GL_RGBA, GL_UNSIGNED_BYTE,
                        reinterpret_cast<const void*>(part * kTexelBytes));
        glBindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
        glBindBufferRange(GL_UNIFORM_BUFFER, 0, uniforms_.name(), static_cast<GLintptr>(part * kUniformStride),
                          sizeof(FrameUniforms));
        bindVertices(part * kVertexBytes);
        glUseProgram(program_);
        glClearColor(0.08f, 0.09f, 0.12f, 1.0f);
        glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
        glDrawElements(GL_TRIANGLES, indexCount_, GL_UNSIGNED_INT, nullptr);
        fences_[part] = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);
        glFlush();
    }

    /** The last frame, top row first. */
    std::vector<uint8_t> pixels() {
        glBindBuffer(GL_PIXEL_PACK_BUFFER, readback_.name());
        glReadPixels(0, 0, size_, size_, GL_RGBA, GL_UNSIGNED_BYTE, nullptr);
        glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
        coherency::waitFence();
        const std::size_t row = static_cast<std::size_t>(size_) * 4;
        std::vector<uint8_t> result(row * size_);
        for (GLsizei y = 0; y < size_; ++y)
            std::memcpy(result.data() + y * row, readback_.bytes().data() + (size_ - 1 - y) * row, row);
        return result;
    }

private:
    static constexpr std::size_t kVertexBytes = (kGrid + 1) * (kGrid + 1) * sizeof(Vertex);
    static constexpr std::size_t kTexelBytes = kTexture * kTexture * sizeof(uint32_t);
    static constexpr std::size_t kUniformStride = 256; // no driver wants a coarser GL_UNIFORM_BUFFER_OFFSET_ALIGNMENT

    void waitFor(std::size_t part) {
        GLsync& fence = fences_[part];
        if (!fence)
            return;
        const GLenum result = glClientWaitSync(fence, GL_SYNC_FLUSH_COMMANDS_BIT, 10'000'000'000ull);
        if (result != GL_ALREADY_SIGNALED && result != GL_CONDITION_SATISFIED)
            throw Error("a frame was not drawn within ten seconds");
        glDeleteSync(fence);
        fence = nullptr;
    }

    void bindVertices(std::size_t base) {
        glBindVertexArray(vertexArray_);
        glBindBuffer(GL_ARRAY_BUFFER, vertices_.name());
        const auto attribute = [&](const char* name, GLint components, std::size_t offset) {
            const auto location = static_cast<GLuint>(glGetAttribLocation(program_, name));
            glVertexAttribPointer(location, components, GL_FLOAT, GL_FALSE, sizeof(Vertex),
                                  reinterpret_cast<const void*>(base + offset));
            glEnableVertexAttribArray(location);
        };
        attribute("position", 3, offsetof(Vertex, position));
        attribute("normal", 3, offsetof(Vertex, normal));
        attribute("coordinate", 2, offsetof(Vertex, coordinate));
        glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, indices_.name());
    }

    GLsizei size_;
    GLsizei indexCount_;
    MappedBuffer vertices_, texels_, uniforms_, indices_, readback_;
    GLuint program_ = 0, texture_ = 0, framebuffer_ = 0, vertexArray_ = 0;
    std::array<GLuint, 2> renderbuffers_{};
    std::array<GLsync, kFramesInFlight> fences_{};
};

void run(uint32_t frames, GLsizei size, const std::string& output) {
    GlContext context;
    fmt::print("{}\n", context.description());
    Scene scene(size);
    for (uint32_t frame = 0; frame < frames; ++frame)
        scene.render(frame);
    writePng(output, static_cast<uint32_t>(size), static_cast<uint32_t>(size), scene.pixels());
    if (const GLenum error = glGetError())
        throw Error("OpenGL error {:#x}", error);
    fmt::print("{}: frame {} of a scene that streamed through coherent mappings\n", output, frames);
}

} // namespace
} // namespace svga::demo

int main(int argc, char** argv) {
    CLI::App app{"Draws a scene whose vertices, texture and uniforms stream through persistent coherent mappings"};
    uint32_t frames = 300;
    GLsizei size = 512;
    std::string output = "coherent-scene.png";
    app.add_option("--frames", frames, "frames to draw")->check(CLI::Range(1u, 1000000u))->capture_default_str();
    app.add_option("--size", size, "width and height in pixels")->check(CLI::Range(16, 8192))->capture_default_str();
    app.add_option("--output", output, "picture of the last frame (PNG)")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        svga::demo::run(frames, size, output);
    } catch (const std::exception& error) {
        fmt::print(stderr, "coherent-scene: {}\n", error.what());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
