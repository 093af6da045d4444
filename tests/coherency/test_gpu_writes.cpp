// SPDX-License-Identifier: MIT
// GPU writes that the CPU must see once a fence after them has signalled, and GPU and CPU writing side by side.
#include "coherency_test.h"

#include <unistd.h>

#include <algorithm>

namespace svga::coherency {
namespace {

/** \brief How the CPU learns that the GPU is done. */
enum class Sync { Fence, Finish };

class GpuWrites : public CoherencyTest, public ::testing::WithParamInterface<Sync> {
protected:
    static void sync() {
        if (GetParam() == Sync::Fence)
            waitFence();
        else
            glFinish();
    }
};

TEST_P(GpuWrites, SeenAfterDrawing) {
    PlainBuffer source(66 * kPage + 8);
    MappedBuffer destination(source.size());
    for (uint32_t round = 0; round < 6; ++round) {
        const auto expected = pattern(source.size(), 40 + round);
        source.write(0, expected);
        gpuCopy_(source.name(), 0, destination.name(), 0, source.size());
        sync();
        EXPECT_TRUE(sameBytes(destination.bytes(), expected)) << "round " << round;
    }
}

TEST_P(GpuWrites, StreamOutputIntoMapping) {
    PlainBuffer source(5 * kPage + 8);
    MappedBuffer destination(source.size());
    const auto expected = pattern(source.size(), 46);
    source.write(0, expected);
    gpuCopy_.streamOutput(source.name(), 0, destination.name(), 0, source.size());
    sync();
    EXPECT_TRUE(sameBytes(destination.bytes(), expected));
}

TEST_P(GpuWrites, SeenAfterCopyBufferSubData) {
    PlainBuffer source(3 * kPage);
    MappedBuffer destination(8 * kPage);
    auto expected = pattern(destination.size(), 1);
    std::copy(expected.begin(), expected.end(), destination.bytes().begin());
    const auto data = pattern(source.size(), 2);
    source.write(0, data);
    // Offsets and a size that are no multiple of anything.
    glBindBuffer(GL_COPY_READ_BUFFER, source.name());
    glBindBuffer(GL_COPY_WRITE_BUFFER, destination.name());
    glCopyBufferSubData(GL_COPY_READ_BUFFER, GL_COPY_WRITE_BUFFER, 5, 2 * kPage + 3, 2 * kPage + 1);
    sync();
    std::copy_n(data.begin() + 5, 2 * kPage + 1, expected.begin() + 2 * kPage + 3);
    EXPECT_TRUE(sameBytes(destination.bytes(), expected));
}

TEST_P(GpuWrites, QueryResultsIntoMapping) {
    if (!epoxy_has_gl_extension("GL_ARB_query_buffer_object"))
        GTEST_SKIP() << "no GL_ARB_query_buffer_object";
    constexpr uint32_t kPrimitives = 37;
    PlainBuffer source(kPrimitives * sizeof(uint32_t)), captured(source.size());
    MappedBuffer results(kPage);
    auto expected = pattern(results.size(), 15);
    std::copy(expected.begin(), expected.end(), results.bytes().begin());
    GLuint query = 0;
    glGenQueries(1, &query);
    glBeginQuery(GL_TRANSFORM_FEEDBACK_PRIMITIVES_WRITTEN, query);
    gpuCopy_.streamOutput(source.name(), 0, captured.name(), 0, source.size());
    glEndQuery(GL_TRANSFORM_FEEDBACK_PRIMITIVES_WRITTEN);
    glBindBuffer(GL_QUERY_BUFFER, results.name());
    glGetQueryObjectuiv(query, GL_QUERY_RESULT, reinterpret_cast<GLuint*>(100));
    glGetQueryObjectui64v(query, GL_QUERY_RESULT, reinterpret_cast<GLuint64*>(200));
    glGetQueryObjectuiv(query, GL_QUERY_RESULT_AVAILABLE, reinterpret_cast<GLuint*>(300));
    glGetQueryObjectui64v(query, GL_QUERY_RESULT_NO_WAIT, reinterpret_cast<GLuint64*>(400));
    glBindBuffer(GL_QUERY_BUFFER, 0);
    sync();
    auto expect = [&](std::size_t at, auto value) { std::memcpy(expected.data() + at, &value, sizeof(value)); };
    expect(100, kPrimitives);
    expect(200, uint64_t{kPrimitives});
    expect(300, uint32_t{1});
    expect(400, uint64_t{kPrimitives});
    EXPECT_TRUE(sameBytes(results.bytes(), expected));
    glDeleteQueries(1, &query);
}

TEST_P(GpuWrites, WriteAfterRead) {
    // The CPU reads what the GPU wrote, writes beside and over it, and the GPU reads all of that: twenty times around.
    MappedBuffer buffer(4 * kPage);
    PlainBuffer other(4 * kPage);
    auto model = pattern(buffer.size(), 8);
    std::copy(model.begin(), model.end(), buffer.bytes().begin());
    for (uint32_t round = 0; round < 20; ++round) {
        gpuCopy_(buffer.name(), 0, other.name(), 0, buffer.size());
        const auto patch = pattern(256, round);
        const std::size_t at = (round * 1028) % (buffer.size() - 256) / 4 * 4;
        other.write(at, patch);
        std::copy(patch.begin(), patch.end(), model.begin() + static_cast<std::ptrdiff_t>(at));
        gpuCopy_(other.name(), 0, buffer.name(), 0, buffer.size());
        sync();
        ASSERT_TRUE(sameBytes(buffer.bytes(), model)) << "round " << round;
        const std::size_t mine = (at + 2000) % buffer.size();
        buffer.bytes()[mine] = model[mine] = static_cast<std::byte>(round + 1);
        buffer.bytes()[at] = model[at] = static_cast<std::byte>(round + 2);
    }
}

TEST_P(GpuWrites, WriteSystemCallFromMapping) {
    PlainBuffer source(2 * kPage);
    MappedBuffer destination(2 * kPage);
    std::fill(destination.bytes().begin(), destination.bytes().end(), std::byte{0});
    const auto expected = pattern(source.size(), 12);
    source.write(0, expected);
    gpuCopy_(source.name(), 0, destination.name(), 0, source.size());
    sync();
    // The first touch of what the GPU wrote is the kernel's, on behalf of write(2).
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(write(ends[1], destination.bytes().data(), destination.size()), static_cast<ssize_t>(destination.size()));
    std::vector<std::byte> received(destination.size());
    ASSERT_EQ(read(ends[0], received.data(), received.size()), static_cast<ssize_t>(received.size()));
    close(ends[0]);
    close(ends[1]);
    EXPECT_TRUE(sameBytes(received, expected));
}

TEST_P(GpuWrites, ReadSystemCallOverWhatTheGpuWrote) {
    PlainBuffer source(4 * kPage);
    MappedBuffer destination(4 * kPage);
    std::fill(destination.bytes().begin(), destination.bytes().end(), std::byte{0});
    auto expected = pattern(source.size(), 13);
    source.write(0, expected);
    gpuCopy_(source.name(), 0, destination.name(), 0, source.size());
    sync();
    const auto data = pattern(100, 14);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    ASSERT_EQ(write(ends[1], data.data(), data.size()), static_cast<ssize_t>(data.size()));
    ASSERT_EQ(read(ends[0], destination.bytes().data() + kPage - 50, data.size()), static_cast<ssize_t>(data.size()));
    close(ends[0]);
    close(ends[1]);
    std::copy(data.begin(), data.end(), expected.begin() + kPage - 50);
    EXPECT_TRUE(sameBytes(destination.bytes(), expected));
    gpuCopy_(destination.name(), 0, source.name(), 0, source.size());
    std::vector<std::byte> seen(source.size());
    source.read(0, seen);
    EXPECT_TRUE(sameBytes(seen, expected));
}

TEST_P(GpuWrites, CpuAndGpuWriteDifferentBytesOfAPage) {
    // While a draw that writes the first half of each page may still be running the CPU writes the second halves.
    MappedBuffer buffer(8 * kPage);
    PlainBuffer source(kPage / 2);
    std::fill(buffer.bytes().begin(), buffer.bytes().end(), std::byte{0});
    std::vector<std::byte> model(buffer.size());
    for (uint32_t round = 0; round < 10; ++round) {
        const auto fromGpu = pattern(kPage / 2, 300 + round);
        source.write(0, fromGpu);
        for (std::size_t page = 0; page < 8; ++page) {
            gpuCopy_(source.name(), 0, buffer.name(), page * kPage, kPage / 2);
            if (page == 3)
                glFlush(); // half of it is under way, half in the batch
        }
        for (std::size_t page = 0; page < 8; ++page) {
            const auto fromCpu = pattern(kPage / 2, 700 + round * 8 + static_cast<uint32_t>(page));
            std::copy(fromCpu.begin(), fromCpu.end(),
                      buffer.bytes().begin() + static_cast<std::ptrdiff_t>(page * kPage + kPage / 2));
            std::copy(fromCpu.begin(), fromCpu.end(),
                      model.begin() + static_cast<std::ptrdiff_t>(page * kPage + kPage / 2));
            std::copy(fromGpu.begin(), fromGpu.end(), model.begin() + static_cast<std::ptrdiff_t>(page * kPage));
        }
        sync();
        ASSERT_TRUE(sameBytes(buffer.bytes(), model)) << "as the CPU sees it, round " << round;
        PlainBuffer copy(buffer.size());
        gpuCopy_(buffer.name(), 0, copy.name(), 0, copy.size());
        std::vector<std::byte> seen(copy.size());
        copy.read(0, seen);
        ASSERT_TRUE(sameBytes(seen, model)) << "as the GPU sees it, round " << round;
    }
}

INSTANTIATE_TEST_SUITE_P(Sync, GpuWrites, ::testing::Values(Sync::Fence, Sync::Finish),
                         [](const auto& info) { return info.param == Sync::Fence ? "Fence" : "Finish"; });

} // namespace
} // namespace svga::coherency
