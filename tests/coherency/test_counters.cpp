// SPDX-License-Identifier: MIT
// What coherence costs, by the counters of the stack. Only under svga-run: other drivers do not count.
#include "coherency_test.h"

#include "tests/stack_counters.h"

#include <algorithm>
#include <array>

namespace svga::coherency {
namespace {

class CounterTest : public CoherencyTest {
protected:
    void SetUp() override {
        counters_ = test::stackCounters();
        if (!counters_)
            GTEST_SKIP() << "not under svga-run: nobody counts";
        if (counters_->tracker == test::kTrackerAll)
            GTEST_SKIP() << "tracker 'all' takes every mapped page for written: it is right, not tight";
    }

    void draw(const MappedBuffer& buffer, PlainBuffer& copy) {
        gpuCopy_(buffer.name(), 0, copy.name(), 0, copy.size());
        waitFence();
    }
    uint64_t uploaded() const { return counters_->bytes_uploaded; }
    test::StackCounters counters_;
};

TEST_F(CounterTest, SparseWritesUploadAtMostTwiceThePagesWritten) {
    MappedBuffer buffer(64u << 20);
    PlainBuffer copy(kPage);
    std::fill(buffer.bytes().begin(), buffer.bytes().end(), std::byte{1});
    draw(buffer, copy);
    for (uint32_t round = 0; round < 3; ++round) {
        std::size_t pages = 0;
        for (std::size_t page = 500 + round; page < buffer.size() / kPage; page += 1000, ++pages)
            buffer.bytes()[page * kPage + 40] = static_cast<std::byte>(round + 2);
        const uint64_t before = uploaded();
        draw(buffer, copy);
        EXPECT_LE(uploaded() - before, 2 * pages * kPage) << pages << " pages written, round " << round;
        if (!counters_->zero_copy) {
            EXPECT_GE(uploaded() - before, pages) << "something must have been uploaded";
        }
    }
}

TEST_F(CounterTest, IdleBufferIsUploadedOnce) {
    MappedBuffer buffer(4u << 20);
    PlainBuffer copy(kPage);
    std::fill(buffer.bytes().begin(), buffer.bytes().end(), std::byte{9});
    draw(buffer, copy);
    const uint64_t before = uploaded();
    for (int i = 0; i < 20; ++i)
        draw(buffer, copy);
    EXPECT_EQ(uploaded(), before) << "nobody wrote to the buffer";
}

TEST_F(CounterTest, ReadingIsNotWriting) {
    MappedBuffer buffer(1u << 20);
    PlainBuffer copy(buffer.size());
    std::fill(buffer.bytes().begin(), buffer.bytes().end(), std::byte{3});
    draw(buffer, copy);
    const uint64_t before = uploaded();
    std::size_t sum = 0;
    for (const std::byte b : buffer.bytes())
        sum += std::to_integer<std::size_t>(b);
    EXPECT_EQ(sum, 3 * buffer.size());
    draw(buffer, copy);
    EXPECT_EQ(uploaded(), before);
}

TEST_F(CounterTest, OneReadbackServesAllPages) {
    MappedBuffer buffer(1u << 20);
    PlainBuffer source(buffer.size());
    const auto expected = pattern(buffer.size(), 77);
    source.write(0, expected);
    const uint64_t before = counters_->bytes_read_back;
    gpuCopy_(source.name(), 0, buffer.name(), 0, buffer.size());
    waitFence();
    ASSERT_TRUE(sameBytes(buffer.bytes(), expected));
    ASSERT_TRUE(sameBytes(buffer.bytes(), expected));
    EXPECT_LE(counters_->bytes_read_back - before, buffer.size());
}

TEST_F(CounterTest, FillingATextureTakesNoFaults) {
    constexpr GLsizei kSize = 1024;
    const auto texels = pattern(std::size_t{kSize} * kSize * 4, 31);
    std::vector<std::byte> back(texels.size());
    const uint64_t before = counters_->write_faults;
    std::array<GLuint, 2> textures{};
    glGenTextures(2, textures.data());
    for (const GLuint texture : textures) {
        glBindTexture(GL_TEXTURE_2D, texture);
        glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0);
        glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, kSize, kSize, 0, GL_RGBA, GL_UNSIGNED_BYTE,
                     texture == textures[0] ? texels.data() : nullptr);
    }
    glCopyImageSubData(textures[0], GL_TEXTURE_2D, 0, 0, 0, 0, textures[1], GL_TEXTURE_2D, 0, 0, 0, 0, kSize, kSize, 1);
    glGetTexImage(GL_TEXTURE_2D, 0, GL_RGBA, GL_UNSIGNED_BYTE, back.data());
    glDeleteTextures(2, textures.data());
    EXPECT_TRUE(sameBytes(back, texels));
    // Of its 1024 pages the kernel was told; some others may be written on the way.
    EXPECT_LE(counters_->write_faults - before, 64u);
}

} // namespace
} // namespace svga::coherency
