// SPDX-License-Identifier: MIT
/** Numbers that are not of 32 bits, and subgroups of one invocation. */
#include "job.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace svga::vulkan::test {
namespace {

template <typename T>
std::vector<T> evaluate(const std::string& extensions, const std::string& type, const std::string& body,
                        const std::vector<T>& in, size_t count) {
    ComputeJob job;
    job.storage[0].resize(in.size() * sizeof(T) / 4);
    std::memcpy(job.storage[0].data(), in.data(), in.size() * sizeof(T));
    job.storage[1].resize(count * sizeof(T) / 4);
    run("#version 450\n" + extensions + "\nlayout(local_size_x = 1) in;\n" +
            "layout(std430, set = 0, binding = 0) buffer In { " + type + " v[]; } i;\n" +
            "layout(std430, set = 0, binding = 1) buffer Out { " + type + " v[]; } o;\nvoid main() {\n" + body + "}\n",
        job);
    std::vector<T> out(count);
    std::memcpy(out.data(), job.storage[1].data(), count * sizeof(T));
    return out;
}

TEST(Wide, Doubles) {
    const double a = 3.75, b = -2.5, c = 1e10;
    const auto v = evaluate<double>("", "double",
                                    R"(
double a = i.v[0], b = i.v[1], c = i.v[2];
o.v[0] = a + b; o.v[1] = a * b - c; o.v[2] = a / b; o.v[3] = -a; o.v[4] = abs(b);
o.v[5] = min(a, b); o.v[6] = max(a, b); o.v[7] = double(a < b) + double(a >= b) * 2.0LF;
o.v[8] = sqrt(c); o.v[9] = floor(b); o.v[10] = fract(a); o.v[11] = double(float(a)); o.v[12] = double(int(b));
o.v[13] = a > b ? a : c; o.v[14] = fma(a, b, c); o.v[15] = inversesqrt(a);
dvec4 d = dvec4(a, b, c, 1.0LF); dvec4 e = d.wzyx * 2.0LF;
o.v[16] = e.x; o.v[17] = e.y; o.v[18] = e.z; o.v[19] = e.w;
o.v[20] = dot(dvec3(a, b, c), dvec3(1.0LF)); o.v[21] = packDouble2x32(unpackDouble2x32(a));
o.v[22] = double(uint(a)); o.v[23] = ceil(a); o.v[24] = trunc(b); o.v[25] = sign(b);
double array[4] = double[4](1.0LF, 2.0LF, 3.0LF, 4.0LF);
o.v[26] = array[uint(a) & 3u]; o.v[27] = 0.1LF + a; o.v[28] = mod(a, 2.0LF);
)",
                                    {a, b, c}, 29);
    const double expected[] = {
        a + b, a * b - c, a / b, -a,  2.5,       b, a, 2, 1e5, -3, 0.75, a,       -2,  a, a * b + c, 1 / std::sqrt(a),
        2,     2e10,      -5,    7.5, a + b + c, a, 3, 4, -2,  -1, 4,    0.1 + a, 1.75};
    for (size_t n = 0; n < 29; ++n)
        EXPECT_NEAR(v[n], expected[n], 1e-9 * std::abs(expected[n])) << n;
}

TEST(Wide, VectorsOfDoublesThroughLoopsAndArrays) {
    const auto v = evaluate<double>("", "double",
                                    R"(
dvec3 sum = dvec3(1.0LF, 2.0LF, 3.0LF); dvec4 array[3]; double k = i.v[0];
for (int n = 0; n < int(k); ++n) { sum = sum.yzx + dvec3(i.v[1]); array[n % 3] = dvec4(sum, k) * dvec4(1.0LF, 2.0LF, 3.0LF, 4.0LF); }
o.v[0] = sum.x; o.v[1] = sum.y; o.v[2] = sum.z;
o.v[3] = array[int(k) % 3].x; o.v[4] = array[int(k) % 3].w; o.v[5] = array[1].z;
dmat3 m = dmat3(2.0LF); m[int(k) % 3][1] = 5.0LF;
o.v[6] = (m * sum).y;
)",
                                    {5, 0.25}, 7);
    std::array<double, 3> sum{1, 2, 3};
    std::array<std::array<double, 4>, 3> array{};
    for (size_t n = 0; n < 5; ++n) {
        sum = {sum[1] + 0.25, sum[2] + 0.25, sum[0] + 0.25};
        array[n % 3] = {sum[0], sum[1] * 2, sum[2] * 3, 20};
    }
    const double expected[] = {sum[0], sum[1], sum[2], array[2][0], 20, array[1][2], 2 * sum[1] + 5 * sum[2]};
    for (size_t n = 0; n < 7; ++n)
        EXPECT_DOUBLE_EQ(v[n], expected[n]) << n;
}

TEST(Wide, Integers64) {
    const uint64_t a = 0x123456789abcdef0, b = 0xfffffffffffffff0, c = 37;
    const auto v = evaluate<uint64_t>("#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require", "uint64_t",
                                      R"(
uint64_t a = i.v[0], b = i.v[1], c = i.v[2];
o.v[0] = a + b; o.v[1] = a - b; o.v[2] = a * b; o.v[3] = a / c; o.v[4] = a % c; o.v[5] = a << uint(c); o.v[6] = a >> uint(c);
o.v[7] = a & b; o.v[8] = a | b; o.v[9] = a ^ b; o.v[10] = ~a; o.v[11] = uint64_t(a < b) + uint64_t(a == c) * 2ul;
o.v[12] = uint64_t(int64_t(b) >> 2); o.v[13] = uint64_t(int64_t(b) / 3l); o.v[14] = uint64_t(uint(a)); o.v[15] = uint64_t(int64_t(int(uint(b))));
o.v[16] = min(a, b); o.v[17] = uint64_t(max(int64_t(a), int64_t(b))); o.v[18] = uint64_t(-int64_t(c)); o.v[19] = uint64_t(float(c)); o.v[20] = c > 5ul ? a : b;
)",
                                      {a, b, c}, 21);
    const uint64_t expected[] = {a + b,
                                 a - b,
                                 a * b,
                                 a / c,
                                 a % c,
                                 a << c,
                                 a >> c,
                                 a & b,
                                 a | b,
                                 a ^ b,
                                 ~a,
                                 1,
                                 static_cast<uint64_t>(static_cast<int64_t>(b) >> 2),
                                 static_cast<uint64_t>(-16 / 3),
                                 0x9abcdef0,
                                 b,
                                 a,
                                 a,
                                 static_cast<uint64_t>(-37),
                                 37,
                                 a};
    for (size_t n = 0; n < 21; ++n)
        EXPECT_EQ(v[n], expected[n]) << n;
}

TEST(Narrow, StorageOf16And8Bits) {
    ComputeJob job;
    job.storage[0] = {0x3c00c000, 0x80017fff, 0x04030201, 0xfffefdfc};
    job.storage[1].resize(8);
    job.storage[2].assign(4, 0xaaaaaaaa);
    run(R"(#version 450
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
layout(local_size_x = 1) in;
layout(std430, set = 0, binding = 0) buffer A { float16_t h[2]; int16_t s[2]; uint8_t b[8]; } a;
layout(std430, set = 0, binding = 1) buffer Out { uint v[]; } o;
layout(std430, set = 0, binding = 2) buffer B { float16_t h[2]; int16_t s[2]; uint8_t b[8]; } b;
void main() {
    o.v[0] = floatBitsToUint(float(a.h[0])); o.v[1] = floatBitsToUint(float(a.h[1] * a.h[0]));
    o.v[2] = uint(int(a.s[0])); o.v[3] = uint(int(a.s[1])); o.v[4] = uint(a.b[2]) + uint(a.b[5]) * 256u;
    o.v[5] = uint(int(a.s[1] + a.s[0])); o.v[6] = uint(uint8_t(a.b[7] + uint8_t(3)));
    b.h[1] = float16_t(1.5); b.s[0] = int16_t(-2); b.b[3] = uint8_t(7); b.b[4] = a.b[0];
})",
        job);
    EXPECT_EQ(job.storage[1][0], bits(-2.0f));
    EXPECT_EQ(job.storage[1][1], bits(-2.0f));
    EXPECT_EQ(job.storage[1][2], 0x7fffu);
    EXPECT_EQ(job.storage[1][3], 0xffff8001u);
    EXPECT_EQ(job.storage[1][4], 3 + 0xfdu * 256);
    EXPECT_EQ(job.storage[1][5], 0u);
    EXPECT_EQ(job.storage[1][6], 2u);
    EXPECT_EQ(job.storage[2], (Words{0x3e00aaaa, 0xaaaafffe, 0x07aaaaaa, 0xaaaaaa01}));
}

TEST(Narrow, FunctionsOfHalves) {
    ComputeJob job;
    job.storage[0].resize(4);
    run(R"(#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
layout(local_size_x = 1) in;
layout(std430, set = 0, binding = 0) buffer Out { float v[]; } o;
void main() {
    float16_t one = float16_t(gl_WorkGroupID.x + 1u);
    o.v[0] = float(atan(one, one)); o.v[1] = float(mix(one, one + one, float16_t(0.5)));
    o.v[2] = float(atan(f16vec2(one, -one), f16vec2(one)).y); o.v[3] = float(smoothstep(float16_t(0), one + one, one));
})",
        job);
    const std::array<float, 4> expected{0.785398f, 1.5f, -0.785398f, 0.5f};
    for (size_t n = 0; n < expected.size(); ++n)
        EXPECT_NEAR(std::bit_cast<float>(job.storage[0][n]), expected[n], 0.002f) << n;
}

TEST(Narrow, Conversions) {
    ComputeJob job;
    job.storage[0] = {0xfffffff9, 200, std::bit_cast<uint32_t>(-3.7f), 1};
    job.storage[1].resize(24);
    run(R"(#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_float64 : require
layout(local_size_x = 1) in;
layout(std430, set = 0, binding = 0) buffer In { int seven; uint big; float f; uint yes; } a;
layout(std430, set = 0, binding = 1) buffer Out { float v[]; } o;
void main() {
    int8_t i8 = int8_t(a.seven); uint8_t u8 = uint8_t(a.big); int16_t i16 = int16_t(a.seven); bool yes = a.yes == 1u;
    float16_t h = float16_t(a.f); uint16_t u16 = uint16_t(a.seven);
    o.v[0] = float(float16_t(i8)); o.v[1] = float(float16_t(u8)); o.v[2] = float(float16_t(i16)); o.v[3] = float(float16_t(a.big));
    o.v[4] = float(int8_t(h)); o.v[5] = float(uint8_t(-h)); o.v[6] = float(int16_t(a.f)); o.v[7] = float(int(h));
    o.v[8] = float(double(h)); o.v[9] = float(float16_t(double(a.f))); o.v[10] = float(double(i8)); o.v[11] = float(int16_t(double(a.f)));
    o.v[12] = float(int64_t(i8)); o.v[13] = float(int(int64_t(h))); o.v[14] = float(float16_t(int64_t(a.seven))); o.v[15] = float(double(u16));
    o.v[16] = float(float16_t(yes)); o.v[17] = float(int8_t(yes)); o.v[18] = float(uint16_t(!yes)); o.v[19] = float(int8_t(int64_t(a.seven)));
})",
        job);
    const std::array<float, 20> expected{-7, 200, -7, 200, -3, 3,     -3, -3, -3.7f, -3.7f,
                                         -7, -3,  -7, -3,  -7, 65529, 1,  1,  0,     -7};
    for (size_t n = 0; n < expected.size(); ++n)
        EXPECT_NEAR(std::bit_cast<float>(job.storage[1][n]), expected[n], 0.002f) << n;
}

TEST(Subgroup, OfOneInvocation) {
    ComputeJob job;
    job.storage[0].resize(4 * 16);
    run(R"(#version 450
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_vote : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require
layout(local_size_x = 4) in;
layout(std430, set = 0, binding = 0) buffer Out { uint v[]; } o;
void main() {
    uint n = gl_LocalInvocationIndex, at = n * 16u;
    o.v[at] = gl_SubgroupSize; o.v[at + 1u] = gl_SubgroupInvocationID; o.v[at + 2u] = gl_NumSubgroups; o.v[at + 3u] = gl_SubgroupID;
    o.v[at + 4u] = uint(subgroupElect()); o.v[at + 5u] = uint(subgroupAll(n == 2u)); o.v[at + 6u] = uint(subgroupAny(n == 2u));
    o.v[at + 7u] = subgroupBallot(n != 1u).x; o.v[at + 8u] = subgroupAdd(n + 5u); o.v[at + 9u] = subgroupExclusiveAdd(n);
    o.v[at + 10u] = subgroupBroadcastFirst(n); o.v[at + 11u] = subgroupInclusiveMax(n); o.v[at + 12u] = subgroupShuffle(n, 0u);
    o.v[at + 13u] = uint(subgroupAllEqual(n)); o.v[at + 14u] = subgroupBallotBitCount(uvec4(3u, 0u, 0u, 0u));
    subgroupBarrier();
})",
        job);
    for (uint32_t n = 0; n < 4; ++n) {
        const Words expected{1, 0, 4, n, 1, n == 2, n == 2, n != 1, n + 5, 0, n, n, n, 1, 1};
        EXPECT_EQ(Words(job.storage[0].begin() + n * 16, job.storage[0].begin() + n * 16 + 15), expected);
    }
}

TEST(Subgroup, ShufflesScansAndClustersOfOneInvocation) {
    ComputeJob job;
    job.storage[0].resize(4 * 8);
    run(R"(#version 450
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_clustered : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_KHR_shader_subgroup_shuffle_relative : require
layout(local_size_x = 4) in;
layout(std430, set = 0, binding = 0) buffer Out { uint v[]; } o;
void main() {
    uint n = gl_LocalInvocationIndex, at = n * 8u;
    o.v[at] = subgroupShuffleXor(n, 0u); o.v[at + 1u] = subgroupShuffleUp(n + 1u, 0u); o.v[at + 2u] = subgroupClusteredMax(n + 2u, 1u);
    o.v[at + 3u] = subgroupMul(n + 3u); o.v[at + 4u] = subgroupExclusiveMin(n); o.v[at + 5u] = subgroupInverseBallot(uvec4(1u)) ? 1u : 0u;
    o.v[at + 6u] = gl_SubgroupEqMask.x * 16u + gl_SubgroupLtMask.x; o.v[at + 7u] = floatBitsToUint(subgroupAdd(vec2(n, 2.0)).x);
})",
        job);
    for (uint32_t n = 0; n < 4; ++n)
        EXPECT_EQ(Words(job.storage[0].begin() + n * 8, job.storage[0].begin() + n * 8 + 8),
                  (Words{n, n + 1, n + 2, n + 3, ~0u, 1, 16, bits(static_cast<float>(n))}));
}

} // namespace
} // namespace svga::vulkan::test
