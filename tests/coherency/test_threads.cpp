// SPDX-License-Identifier: MIT
// Threads that write, draw, map and unmap at the same time.
#include "coherency_test.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

namespace svga::coherency {
namespace {

using Threads = CoherencyTest;

TEST_F(Threads, TwoWriteWhileAThirdDraws) {
    // Each writer counts its words up, all to one value before the next. Whatever moment a draw sees, a word never goes
    // back, and once the writers have stopped the GPU sees their last value everywhere.
    constexpr std::size_t kWords = 24 * kPage / sizeof(uint32_t);
    constexpr uint32_t kLast = 300;
    MappedBuffer buffer(kWords * sizeof(uint32_t));
    PlainBuffer copy(buffer.size());
    std::fill(buffer.words().begin(), buffer.words().end(), 0u);

    std::atomic<int> running{2};
    auto writer = [&](std::size_t parity) {
        // Neighbouring pages belong to different writers, and so do the halves of every eighth page.
        for (uint32_t value = 1; value <= kLast; ++value)
            for (std::size_t i = 0; i < kWords; ++i) {
                const std::size_t page = i / 1024;
                const std::size_t owner = page % 8 == 7 ? (i / 512) % 2 : page % 2;
                if (owner == parity)
                    std::atomic_ref(buffer.words()[i]).store(value, std::memory_order_relaxed);
            }
        --running;
    };
    std::thread first(writer, 0), second(writer, 1);
    std::vector<uint32_t> before(kWords), seen(kWords);
    std::size_t wentBack = 0, outOfRange = 0;
    bool last = false;
    while (!last) {
        last = running == 0;
        gpuCopy_(buffer.name(), 0, copy.name(), 0, copy.size());
        copy.read(0, std::as_writable_bytes(std::span(seen)));
        for (std::size_t i = 0; i < kWords; ++i) {
            wentBack += seen[i] < before[i];
            outOfRange += seen[i] > kLast;
        }
        before = seen;
    }
    first.join();
    second.join();
    EXPECT_EQ(wentBack, 0u);
    EXPECT_EQ(outOfRange, 0u);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), kLast), static_cast<std::ptrdiff_t>(kWords));
}

TEST_F(Threads, CpuWritesBesideGpuWrites) {
    // One thread keeps writing the upper half of every page while draws write the lower half: neither may lose a byte.
    constexpr std::size_t kPages = 12;
    MappedBuffer buffer(kPages * kPage);
    PlainBuffer source(kPage / 2);
    std::fill(buffer.words().begin(), buffer.words().end(), 0u);
    std::atomic<bool> stop{false};
    uint32_t written = 0;
    std::thread writer([&] {
        do {
            ++written;
            for (std::size_t page = 0; page < kPages; ++page)
                for (std::size_t i = 512; i < 1024; ++i)
                    std::atomic_ref(buffer.words()[page * 1024 + i]).store(written, std::memory_order_relaxed);
        } while (!stop);
    });
    std::size_t lost = 0;
    for (uint32_t round = 0; round < 30; ++round) {
        const auto expected = pattern(kPage / 2, round);
        source.write(0, expected);
        for (std::size_t page = 0; page < kPages; ++page)
            gpuCopy_(source.name(), 0, buffer.name(), page * kPage, kPage / 2);
        waitFence();
        for (std::size_t page = 0; page < kPages; ++page)
            lost += !sameBytes(buffer.bytes().subspan(page * kPage, kPage / 2), expected);
    }
    stop = true;
    writer.join();
    EXPECT_EQ(lost, 0u) << "half pages written by the GPU and not seen, or overwritten, of " << 30 * kPages;
    PlainBuffer copy(buffer.size());
    gpuCopy_(buffer.name(), 0, copy.name(), 0, copy.size());
    std::vector<uint32_t> seen(buffer.words().size());
    copy.read(0, std::as_writable_bytes(std::span(seen)));
    std::size_t wrongOnCpu = 0, wrongOnGpu = 0;
    for (std::size_t page = 0; page < kPages; ++page)
        for (std::size_t i = page * 1024 + 512; i < (page + 1) * 1024; ++i) {
            wrongOnCpu += buffer.words()[i] != written;
            wrongOnGpu += seen[i] != written;
        }
    EXPECT_EQ(wrongOnCpu, 0u);
    EXPECT_EQ(wrongOnGpu, 0u);
}

TEST_F(Threads, MapUnmapDestroyFromTwoThreads) {
    GlContext contexts[2] = {GlContext(&context_), GlContext(&context_)};
    context_.makeCurrent();
    std::atomic<uint32_t> wrong{0};
    std::exception_ptr failure[2];
    auto churn = [&](std::size_t self) {
        try {
            contexts[self].makeCurrent();
            GpuCopy gpuCopy;
            PlainBuffer copy(16 * kPage);
            for (uint32_t i = 0; i < 60; ++i) {
                const std::size_t size = (1 + (i * 7 + self) % 16) * kPage - 4 * (i % 5);
                const auto expected = pattern(size, i * 2 + static_cast<uint32_t>(self));
                MappedBuffer buffer(size);
                std::copy(expected.begin(), expected.end(), buffer.bytes().begin());
                gpuCopy(buffer.name(), 0, copy.name(), 0, size);
                if (i % 3 == 0)
                    continue; // destroyed while mapped, and while a draw still reads it
                std::vector<std::byte> seen(size);
                copy.read(0, seen);
                wrong += !sameBytes(seen, expected);
                if (i % 3 == 1) {
                    glBindBuffer(GL_ARRAY_BUFFER, buffer.name());
                    wrong += glUnmapBuffer(GL_ARRAY_BUFFER) != GL_TRUE;
                }
            }
            wrong += glGetError() != GL_NO_ERROR;
        } catch (...) {
            failure[self] = std::current_exception();
        }
        GlContext::releaseCurrent();
    };
    std::thread first(churn, 0), second(churn, 1);
    first.join();
    second.join();
    for (const auto& error : failure)
        if (error)
            std::rethrow_exception(error);
    EXPECT_EQ(wrong, 0u);
}

} // namespace
} // namespace svga::coherency
