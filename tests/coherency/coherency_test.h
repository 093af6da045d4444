// SPDX-License-Identifier: MIT
#pragma once

#include "gl_context.h"
#include "gpu_copy.h"
#include "mapped_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace svga::coherency {

inline constexpr std::size_t kPage = 4096;

/** \brief Settings of the whole run, from the command line. */
struct Settings {
    uint64_t firstSeed = 1;
    uint64_t seeds = 20;
    static Settings& instance();
};

/** \brief A test with a context of its own, current; fails on any GL error that is left at its end. */
class CoherencyTest : public ::testing::Test {
protected:
    void TearDown() override { EXPECT_EQ(glGetError(), GLenum(GL_NO_ERROR)); }

    GlContext context_;
    GpuCopy gpuCopy_;
};

/** \brief Bytes that differ at each position and from one \p salt to the next. */
inline std::vector<std::byte> pattern(std::size_t size, uint32_t salt) {
    std::vector<std::byte> bytes(size);
    uint32_t state = salt * 2654435761u + 1;
    for (std::byte& b : bytes) {
        state = state * 1664525u + 1013904223u;
        b = static_cast<std::byte>(state >> 24);
    }
    return bytes;
}

/** \brief Equal, or the first byte that differs: a gtest assertion on megabytes should not print megabytes. */
inline ::testing::AssertionResult sameBytes(std::span<const std::byte> actual, std::span<const std::byte> expected) {
    if (actual.size() != expected.size())
        return ::testing::AssertionFailure() << actual.size() << " bytes, expected " << expected.size();
    if (std::memcmp(actual.data(), expected.data(), actual.size()) == 0)
        return ::testing::AssertionSuccess();
    std::size_t first = 0, wrong = 0;
    for (std::size_t i = actual.size(); i-- > 0;)
        if (actual[i] != expected[i])
            first = i, ++wrong;
    return ::testing::AssertionFailure() << wrong << " of " << actual.size() << " bytes differ, the first at " << first
                                         << " (page " << first / kPage << "): " << std::to_integer<int>(actual[first])
                                         << ", expected " << std::to_integer<int>(expected[first]);
}

} // namespace svga::coherency
