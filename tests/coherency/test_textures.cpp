// SPDX-License-Identifier: MIT
// Textures filled from, and read into, coherent pixel buffers.
#include "coherency_test.h"

#include <algorithm>
#include <array>

namespace svga::coherency {
namespace {

struct TextureCase {
    const char* name;
    GLenum target, internalFormat, format, type;
    GLsizei width, height, depth;
    std::size_t bytesPerPixel;
};

class Textures : public CoherencyTest, public ::testing::WithParamInterface<TextureCase> {
protected:
    void SetUp() override {
        glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
        glPixelStorei(GL_PACK_ALIGNMENT, 1);
        glGenTextures(1, &texture_);
        const TextureCase& c = GetParam();
        glBindTexture(c.target, texture_);
        glTexParameteri(c.target, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
        glTexParameteri(c.target, GL_TEXTURE_MAX_LEVEL, 0);
        if (c.depth > 1)
            glTexImage3D(c.target, 0, static_cast<GLint>(c.internalFormat), c.width, c.height, c.depth, 0, c.format,
                         c.type, nullptr);
        else
            glTexImage2D(c.target, 0, static_cast<GLint>(c.internalFormat), c.width, c.height, 0, c.format, c.type,
                         nullptr);
    }
    void TearDown() override {
        glBindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
        glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
        glDeleteTextures(1, &texture_);
        CoherencyTest::TearDown();
    }
    std::size_t size() const {
        const TextureCase& c = GetParam();
        return static_cast<std::size_t>(c.width) * c.height * c.depth * c.bytesPerPixel;
    }
    void upload(GLuint buffer, std::size_t offset) {
        const TextureCase& c = GetParam();
        glBindBuffer(GL_PIXEL_UNPACK_BUFFER, buffer);
        const void* from = reinterpret_cast<const void*>(offset);
        if (c.depth > 1)
            glTexSubImage3D(c.target, 0, 0, 0, 0, c.width, c.height, c.depth, c.format, c.type, from);
        else
            glTexSubImage2D(c.target, 0, 0, 0, c.width, c.height, c.format, c.type, from);
        glBindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
    }
    void download(GLuint buffer, std::size_t offset) {
        const TextureCase& c = GetParam();
        glBindBuffer(GL_PIXEL_PACK_BUFFER, buffer);
        glGetTexImage(c.target, 0, c.format, c.type, reinterpret_cast<void*>(offset));
        glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
    }

    GLuint texture_ = 0;
};

TEST_P(Textures, ThroughCoherentPixelBuffers) {
    const std::size_t odd = 4 * 37 * GetParam().bytesPerPixel;
    MappedBuffer up(size() + odd), down(size() + 2 * odd);
    std::fill(down.bytes().begin(), down.bytes().end(), std::byte{0xcc});
    for (uint32_t round = 0; round < 3; ++round) {
        const auto expected = pattern(size(), 20 + round);
        std::copy(expected.begin(), expected.end(), up.bytes().begin() + static_cast<std::ptrdiff_t>(odd));
        upload(up.name(), odd);
        download(down.name(), odd);
        waitFence();
        ASSERT_TRUE(sameBytes(down.bytes().subspan(odd, size()), expected)) << "round " << round;
        ASSERT_TRUE(std::all_of(down.bytes().begin(), down.bytes().begin() + static_cast<std::ptrdiff_t>(odd),
                                [](std::byte b) { return b == std::byte{0xcc}; }))
            << "bytes before the image were touched";
        ASSERT_TRUE(std::all_of(down.bytes().end() - static_cast<std::ptrdiff_t>(odd), down.bytes().end(),
                                [](std::byte b) { return b == std::byte{0xcc}; }))
            << "bytes after the image were touched";
    }
}

class Images : public Textures {};

TEST_P(Images, RowsRewritten) {
    // Rows far apart are rewritten through the pixel buffer; the rest of the image must stay as it was.
    const TextureCase& c = GetParam();
    MappedBuffer up(size());
    auto model = pattern(size(), 30);
    std::copy(model.begin(), model.end(), up.bytes().begin());
    upload(up.name(), 0);
    const std::size_t row = c.width * c.bytesPerPixel;
    for (uint32_t round = 0; round < 4; ++round) {
        waitFence();
        for (const GLint y : {GLint(round), c.height / 2, c.height - 1}) {
            const auto line = pattern(row, 50 + round + static_cast<uint32_t>(y));
            std::copy(line.begin(), line.end(), up.bytes().begin() + static_cast<std::ptrdiff_t>(y * row));
            std::copy(line.begin(), line.end(), model.begin() + static_cast<std::ptrdiff_t>(y * row));
            glBindBuffer(GL_PIXEL_UNPACK_BUFFER, up.name());
            glTexSubImage2D(c.target, 0, 0, y, c.width, 1, c.format, c.type, reinterpret_cast<const void*>(y * row));
            glBindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
        }
        std::vector<std::byte> seen(size());
        glGetTexImage(c.target, 0, c.format, c.type, seen.data());
        ASSERT_TRUE(sameBytes(seen, model)) << "round " << round;
    }
}

using RenderTarget = CoherencyTest;

TEST_F(RenderTarget, ReadIntoCoherentBuffer) {
    constexpr GLsizei kWidth = 300, kHeight = 211;
    GLuint renderbuffer = 0, framebuffer = 0;
    glGenRenderbuffers(1, &renderbuffer);
    glBindRenderbuffer(GL_RENDERBUFFER, renderbuffer);
    glRenderbufferStorage(GL_RENDERBUFFER, GL_RGBA8, kWidth, kHeight);
    glGenFramebuffers(1, &framebuffer);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, renderbuffer);
    MappedBuffer down(static_cast<std::size_t>(kWidth) * kHeight * 4);
    for (uint32_t round = 1; round < 6; ++round) {
        glClearColor(static_cast<float>(round) / 255.0f, 0.0f, 1.0f, static_cast<float>(255 - round) / 255.0f);
        glClear(GL_COLOR_BUFFER_BIT);
        glBindBuffer(GL_PIXEL_PACK_BUFFER, down.name());
        glReadPixels(0, 0, kWidth, kHeight, GL_RGBA, GL_UNSIGNED_BYTE, nullptr);
        glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
        waitFence();
        const std::array<std::byte, 4> pixel{static_cast<std::byte>(round), std::byte{0}, std::byte{255},
                                             static_cast<std::byte>(255 - round)};
        for (std::size_t i = 0; i < down.size(); ++i)
            ASSERT_EQ(down.bytes()[i], pixel[i % 4]) << "pixel " << i / 4 << ", round " << round;
    }
    glDeleteFramebuffers(1, &framebuffer);
    glDeleteRenderbuffers(1, &renderbuffer);
}

constexpr TextureCase kImages[] = {
    {"Rgba8", GL_TEXTURE_2D, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, 300, 211, 1, 4},
    {"Bgra8", GL_TEXTURE_2D, GL_RGBA8, GL_BGRA, GL_UNSIGNED_BYTE, 64, 64, 1, 4},
    {"WidePitch", GL_TEXTURE_2D, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, 2048, 64, 1, 4},
    {"R8", GL_TEXTURE_2D, GL_R8, GL_RED, GL_UNSIGNED_BYTE, 777, 35, 1, 1},
    {"Rgba32ui", GL_TEXTURE_2D, GL_RGBA32UI, GL_RGBA_INTEGER, GL_UNSIGNED_INT, 65, 33, 1, 16},
};
constexpr TextureCase kLayered[] = {
    {"Array", GL_TEXTURE_2D_ARRAY, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, 33, 17, 9, 4},
    {"Volume", GL_TEXTURE_3D, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, 40, 30, 20, 4},
};
const auto caseName = [](const auto& info) { return info.param.name; };

INSTANTIATE_TEST_SUITE_P(TwoDimensional, Textures, ::testing::ValuesIn(kImages), caseName);
INSTANTIATE_TEST_SUITE_P(Layered, Textures, ::testing::ValuesIn(kLayered), caseName);
INSTANTIATE_TEST_SUITE_P(TwoDimensional, Images, ::testing::ValuesIn(kImages), caseName);

} // namespace
} // namespace svga::coherency
