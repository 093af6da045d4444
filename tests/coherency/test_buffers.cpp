// SPDX-License-Identifier: MIT
// CPU writes that the GPU must see, with no call in between.
#include "coherency_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>

namespace svga::coherency {
namespace {

class Buffers : public CoherencyTest {
protected:
    /** What the GPU sees of \p source, fetched by drawing. */
    std::vector<std::byte> seenByGpu(const MappedBuffer& source, std::size_t offset, std::size_t size) {
        PlainBuffer copy(size);
        gpuCopy_(source.name(), offset, copy.name(), 0, size);
        std::vector<std::byte> bytes(size);
        copy.read(0, bytes);
        return bytes;
    }
};

TEST_F(Buffers, OneWordRewrittenBetweenDraws) {
    MappedBuffer buffer(kPage);
    PlainBuffer copies(64 * sizeof(uint32_t));
    for (uint32_t i = 0; i < 64; ++i) {
        waitFence(); // the draw before has read its word: writing the next one is no race
        buffer.words()[17] = 0xabc00000u + i;
        gpuCopy_(buffer.name(), 17 * sizeof(uint32_t), copies.name(), i * sizeof(uint32_t), sizeof(uint32_t));
    }
    std::vector<uint32_t> seen(64);
    copies.read(0, std::as_writable_bytes(std::span(seen)));
    for (uint32_t i = 0; i < 64; ++i)
        EXPECT_EQ(seen[i], 0xabc00000u + i) << "draw " << i;
}

TEST_F(Buffers, ManyPagesOddSize) {
    MappedBuffer buffer(257 * kPage + 1236);
    const auto expected = pattern(buffer.size(), 1);
    std::copy(expected.begin(), expected.end(), buffer.bytes().begin());
    EXPECT_TRUE(sameBytes(seenByGpu(buffer, 0, buffer.size()), expected));
}

TEST_F(Buffers, OddStrides) {
    MappedBuffer buffer(199 * kPage + 4);
    std::vector<std::byte> expected(buffer.size());
    std::fill(buffer.bytes().begin(), buffer.bytes().end(), std::byte{0});
    EXPECT_TRUE(sameBytes(seenByGpu(buffer, 0, buffer.size()), expected));
    for (const std::size_t stride : {std::size_t{4099}, std::size_t{8191}, std::size_t{12289}, std::size_t{65537}}) {
        waitFence();
        for (std::size_t at = stride / 3; at + 7 <= buffer.size(); at += stride)
            for (std::size_t i = 0; i < 7; ++i)
                buffer.bytes()[at + i] = expected[at + i] = static_cast<std::byte>(stride + at + i);
        EXPECT_TRUE(sameBytes(seenByGpu(buffer, 0, buffer.size()), expected)) << "stride " << stride;
    }
}

TEST_F(Buffers, LargeSparse) {
    MappedBuffer buffer(80u << 20);
    const std::size_t stride = (1u << 20) + 12 * kPage + 20;
    for (uint32_t round = 0; round < 3; ++round) {
        waitFence();
        std::vector<std::pair<std::size_t, std::vector<std::byte>>> written;
        for (std::size_t at = round * 4096 * 5; at + 64 <= buffer.size(); at += stride) {
            written.emplace_back(at, pattern(64, static_cast<uint32_t>(at + round)));
            std::copy(written.back().second.begin(), written.back().second.end(),
                      buffer.bytes().begin() + static_cast<std::ptrdiff_t>(at));
        }
        for (const auto& [at, bytes] : written)
            ASSERT_TRUE(sameBytes(seenByGpu(buffer, at, bytes.size()), bytes))
                << "offset " << at << ", round " << round;
    }
}

TEST_F(Buffers, SeveralSmallBuffers) {
    std::vector<MappedBuffer> buffers;
    for (uint32_t i = 0; i < 40; ++i)
        buffers.emplace_back(64 + 4 * i);
    for (uint32_t round = 0; round < 4; ++round) {
        waitFence();
        for (uint32_t i = 0; i < buffers.size(); ++i) {
            const auto bytes = pattern(buffers[i].size(), round * 100 + i);
            std::copy(bytes.begin(), bytes.end(), buffers[i].bytes().begin());
        }
        for (uint32_t i = 0; i < buffers.size(); ++i)
            ASSERT_TRUE(
                sameBytes(seenByGpu(buffers[i], 0, buffers[i].size()), pattern(buffers[i].size(), round * 100 + i)))
                << "buffer " << i << ", round " << round;
    }
}

TEST_F(Buffers, ReadSystemCallIntoMapping) {
    MappedBuffer buffer(5 * kPage);
    std::fill(buffer.bytes().begin(), buffer.bytes().end(), std::byte{0});
    seenByGpu(buffer, 0, buffer.size()); // from here on the pages are clean, whatever that means below
    waitFence();

    const auto data = pattern(3 * kPage, 7);
    const int file = memfd_create("data", MFD_CLOEXEC);
    ASSERT_GE(file, 0);
    ASSERT_EQ(write(file, data.data(), data.size()), static_cast<ssize_t>(data.size()));
    ASSERT_EQ(lseek(file, 0, SEEK_SET), 0);
    std::vector<std::byte> expected(buffer.size());
    ASSERT_EQ(read(file, buffer.bytes().data() + 100, kPage + 11), static_cast<ssize_t>(kPage + 11));
    std::copy_n(data.begin(), kPage + 11, expected.begin() + 100);
    ASSERT_EQ(pread(file, buffer.bytes().data() + 3 * kPage + 1, kPage, 77), static_cast<ssize_t>(kPage));
    std::copy_n(data.begin() + 77, kPage, expected.begin() + 3 * kPage + 1);
    close(file);
    EXPECT_TRUE(sameBytes(seenByGpu(buffer, 0, buffer.size()), expected));
}

TEST_F(Buffers, PersistentWithExplicitFlush) {
    MappedBuffer buffer(9 * kPage, GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_FLUSH_EXPLICIT_BIT);
    const auto expected = pattern(buffer.size(), 3);
    std::copy(expected.begin(), expected.end(), buffer.bytes().begin());
    glBindBuffer(GL_COPY_WRITE_BUFFER, buffer.name());
    glFlushMappedBufferRange(GL_COPY_WRITE_BUFFER, 0, static_cast<GLsizeiptr>(buffer.size()));
    EXPECT_TRUE(sameBytes(seenByGpu(buffer, 0, buffer.size()), expected));
}

TEST_F(Buffers, PersistentWithMemoryBarrier) {
    if (!epoxy_has_gl_extension("GL_ARB_shader_image_load_store") && epoxy_gl_version() < 42)
        GTEST_SKIP() << "glMemoryBarrier needs OpenGL 4.2; explicit flushes stand for it";
    MappedBuffer buffer(9 * kPage, GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT);
    const auto expected = pattern(buffer.size(), 4);
    std::copy(expected.begin(), expected.end(), buffer.bytes().begin());
    glMemoryBarrier(GL_CLIENT_MAPPED_BUFFER_BARRIER_BIT);
    EXPECT_TRUE(sameBytes(seenByGpu(buffer, 0, buffer.size()), expected));
}

TEST_F(Buffers, ExplicitFlushOnCoherentKeepsTheRestCoherent) {
    MappedBuffer buffer(8 * kPage,
                        GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT | GL_MAP_FLUSH_EXPLICIT_BIT);
    auto expected = pattern(buffer.size(), 5);
    std::copy(expected.begin(), expected.end(), buffer.bytes().begin());
    glBindBuffer(GL_COPY_WRITE_BUFFER, buffer.name());
    glFlushMappedBufferRange(GL_COPY_WRITE_BUFFER, 0, kPage); // one page flushed, seven left to coherence
    EXPECT_TRUE(sameBytes(seenByGpu(buffer, 0, buffer.size()), expected));
    waitFence();
    expected[5 * kPage + 9] = buffer.bytes()[5 * kPage + 9] = std::byte{0x5a};
    EXPECT_TRUE(sameBytes(seenByGpu(buffer, 0, buffer.size()), expected));
}

TEST_F(Buffers, SubRangeMapping) {
    PlainBuffer copy(64 * kPage);
    GLuint name = 0;
    glGenBuffers(1, &name);
    glBindBuffer(GL_ARRAY_BUFFER, name);
    const std::vector<std::byte> zeros(64 * kPage);
    glBufferStorage(GL_ARRAY_BUFFER, 64 * kPage, zeros.data(), kCoherentReadWrite);
    const std::size_t offset = 13 * kPage + 320, size = 20 * kPage + 44;
    auto* mapping = static_cast<std::byte*>(glMapBufferRange(GL_ARRAY_BUFFER, offset, size, kCoherentReadWrite));
    ASSERT_NE(mapping, nullptr);
    auto expected = zeros;
    const auto data = pattern(size, 6);
    std::copy(data.begin(), data.end(), mapping);
    std::copy(data.begin(), data.end(), expected.begin() + offset);
    gpuCopy_(name, 0, copy.name(), 0, copy.size());
    std::vector<std::byte> seen(copy.size());
    copy.read(0, seen);
    EXPECT_TRUE(sameBytes(seen, expected));
    glBindBuffer(GL_ARRAY_BUFFER, name);
    EXPECT_TRUE(glUnmapBuffer(GL_ARRAY_BUFFER));
    glDeleteBuffers(1, &name);
}

TEST_F(Buffers, MappedAgainAfterUnmap) {
    GLuint name = 0;
    glGenBuffers(1, &name);
    glBindBuffer(GL_ARRAY_BUFFER, name);
    glBufferStorage(GL_ARRAY_BUFFER, 6 * kPage, nullptr, kCoherentReadWrite);
    PlainBuffer copy(6 * kPage);
    for (uint32_t round = 0; round < 5; ++round) {
        glBindBuffer(GL_ARRAY_BUFFER, name);
        auto* mapping = static_cast<std::byte*>(glMapBufferRange(GL_ARRAY_BUFFER, 0, 6 * kPage, kCoherentReadWrite));
        ASSERT_NE(mapping, nullptr);
        const auto expected = pattern(6 * kPage, 10 + round);
        if (round > 0) {
            EXPECT_TRUE(sameBytes({mapping, 6 * kPage}, pattern(6 * kPage, 9 + round))) << "round " << round;
        }
        std::copy(expected.begin(), expected.end(), mapping);
        if (round % 2) {
            EXPECT_TRUE(glUnmapBuffer(GL_ARRAY_BUFFER));
        }
        gpuCopy_(name, 0, copy.name(), 0, copy.size());
        std::vector<std::byte> seen(copy.size());
        copy.read(0, seen);
        EXPECT_TRUE(sameBytes(seen, expected)) << "round " << round;
        if (round % 2 == 0) {
            glBindBuffer(GL_ARRAY_BUFFER, name);
            EXPECT_TRUE(glUnmapBuffer(GL_ARRAY_BUFFER));
        }
    }
    glDeleteBuffers(1, &name);
}

TEST_F(Buffers, CopyFromBufferThatWasNeverUnmapped) {
    const auto expected = pattern(3 * kPage, 5);
    GLuint name = 0;
    glGenBuffers(1, &name);
    glBindBuffer(GL_COPY_READ_BUFFER, name);
    const auto size = static_cast<GLsizeiptr>(expected.size());
    glBufferStorage(GL_COPY_READ_BUFFER, size, nullptr, kCoherentReadWrite);
    void* const address = glMapBufferRange(GL_COPY_READ_BUFFER, 0, size, kCoherentReadWrite);
    ASSERT_NE(address, nullptr);
    std::copy(expected.begin(), expected.end(), static_cast<std::byte*>(address));
    PlainBuffer copy(expected.size());
    glBindBuffer(GL_COPY_WRITE_BUFFER, copy.name());
    glCopyBufferSubData(GL_COPY_READ_BUFFER, GL_COPY_WRITE_BUFFER, 0, 0, size);
    std::vector<std::byte> seen(expected.size());
    copy.read(0, seen);
    EXPECT_TRUE(sameBytes(seen, expected));
    glDeleteBuffers(1, &name);
}

TEST_F(Buffers, IndirectDrawsAndTheirVertexNumbers) {
    if (!epoxy_has_gl_extension("GL_ARB_draw_indirect"))
        GTEST_SKIP() << "no GL_ARB_draw_indirect";
    const GLuint program = buildProgram("#version 330\n"
                                        "flat out int number;\n"
                                        "void main() { number = gl_VertexID; gl_Position = vec4(0.0); }\n",
                                        nullptr, "number");
    GLuint vertexArray = 0;
    glGenVertexArrays(1, &vertexArray);
    glBindVertexArray(vertexArray);
    glUseProgram(program);
    MappedBuffer commands(kPage), indices(kPage);
    PlainBuffer numbers(6 * sizeof(int32_t));
    std::iota(indices.words().begin(), indices.words().end(), 0u);
    glBindBuffer(GL_DRAW_INDIRECT_BUFFER, commands.name());
    glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, indices.name());
    glEnable(GL_RASTERIZER_DISCARD);
    for (uint32_t round = 0; round < 8; ++round) {
        const uint32_t first = 5 + 10 * round, base = 100 * round;
        const uint32_t words[] = {3, 1, first, 0, /* indexed: */ 3, 1, first, base, 0};
        std::ranges::copy(words, commands.words().begin());
        glBindBufferBase(GL_TRANSFORM_FEEDBACK_BUFFER, 0, numbers.name());
        glBeginTransformFeedback(GL_POINTS);
        glDrawArraysIndirect(GL_POINTS, nullptr);
        glDrawElementsIndirect(GL_POINTS, GL_UNSIGNED_INT, reinterpret_cast<const void*>(16));
        glEndTransformFeedback();
        std::vector<uint32_t> seen(6);
        numbers.read(0, std::as_writable_bytes(std::span(seen)));
        const std::vector<uint32_t> expected = {first,        first + 1,        first + 2,
                                                base + first, base + first + 1, base + first + 2};
        ASSERT_EQ(seen, expected) << "round " << round;
    }
    // The position of the first index is no part of a vertex's number.
    glBeginTransformFeedback(GL_POINTS);
    glDrawElementsBaseVertex(GL_POINTS, 3, GL_UNSIGNED_INT, reinterpret_cast<const void*>(16), 1000);
    glEndTransformFeedback();
    std::vector<uint32_t> seen(3);
    numbers.read(0, std::as_writable_bytes(std::span(seen)));
    EXPECT_EQ(seen, (std::vector<uint32_t>{1004, 1005, 1006}));
    glDisable(GL_RASTERIZER_DISCARD);
    glDeleteVertexArrays(1, &vertexArray);
    glDeleteProgram(program);
}

TEST_F(Buffers, IndicesAndUniforms) {
    // One point per pixel of an 8x8 target: its place by index, its colour by a uniform block; both stream through
    // coherent memory.
    const GLuint program =
        buildProgram("#version 330\n"
                     "in uint place;\n"
                     "void main() {\n"
                     "    gl_Position = vec4((float(place % 8u) + 0.5) / 4.0 - 1.0, (float(place / 8u) + 0.5) / 4.0 - "
                     "1.0, 0.0, 1.0);\n"
                     "    gl_PointSize = 1.0;\n"
                     "}\n",
                     "#version 330\n"
                     "layout(std140) uniform Block { uvec4 colour[64]; };\n"
                     "out uint result;\n"
                     "void main() { result = colour[int(gl_FragCoord.x) + 8 * int(gl_FragCoord.y)].x; }\n");
    GLuint texture = 0, framebuffer = 0, vertexArray = 0;
    glGenTextures(1, &texture);
    glBindTexture(GL_TEXTURE_2D, texture);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_R32UI, 8, 8, 0, GL_RED_INTEGER, GL_UNSIGNED_INT, nullptr);
    glGenFramebuffers(1, &framebuffer);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glFramebufferTexture(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, texture, 0);
    ASSERT_EQ(glCheckFramebufferStatus(GL_FRAMEBUFFER), GLenum(GL_FRAMEBUFFER_COMPLETE));
    glViewport(0, 0, 8, 8);
    glGenVertexArrays(1, &vertexArray);
    glBindVertexArray(vertexArray);

    MappedBuffer places(64 * sizeof(uint32_t)), indices(64 * sizeof(uint32_t)), colours(64 * 16);
    glBindBuffer(GL_ARRAY_BUFFER, places.name());
    const auto location = static_cast<GLuint>(glGetAttribLocation(program, "place"));
    glVertexAttribIPointer(location, 1, GL_UNSIGNED_INT, 0, nullptr);
    glEnableVertexAttribArray(location);
    glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, indices.name());
    glUniformBlockBinding(program, glGetUniformBlockIndex(program, "Block"), 0);
    glBindBufferBase(GL_UNIFORM_BUFFER, 0, colours.name());
    glUseProgram(program);
    // Mesa's svga driver (25.0) clears through float and takes 2^32 - 1 for -1; this is the largest it gets right.
    constexpr uint32_t kNothing = 1u << 24;
    for (uint32_t frame = 0; frame < 10; ++frame) {
        const GLuint clear[4] = {kNothing, 0, 0, 0};
        glClearBufferuiv(GL_COLOR, 0, clear);
        const uint32_t count = 20 + 4 * frame; // the first `count` places, in a frame's own order
        for (uint32_t i = 0; i < 64; ++i) {
            places.words()[i] = (i + frame * 5) % 64;
            indices.words()[i] = i < count ? (i * 7 + frame) % 64 : 0;
            colours.words()[i * 4] = frame * 1000 + i;
        }
        glDrawElements(GL_POINTS, static_cast<GLsizei>(count), GL_UNSIGNED_INT, nullptr);
        std::vector<uint32_t> expected(64, kNothing), seen(64);
        for (uint32_t i = 0; i < count; ++i) {
            const uint32_t place = ((i * 7 + frame) % 64 + frame * 5) % 64;
            expected[place] = frame * 1000 + place;
        }
        glReadPixels(0, 0, 8, 8, GL_RED_INTEGER, GL_UNSIGNED_INT, seen.data());
        ASSERT_EQ(seen, expected) << "frame " << frame;
    }
    glBindBufferBase(GL_UNIFORM_BUFFER, 0, 0);
    glDeleteVertexArrays(1, &vertexArray);
    glDeleteFramebuffers(1, &framebuffer);
    glDeleteTextures(1, &texture);
    glDeleteProgram(program);
}

} // namespace
} // namespace svga::coherency
