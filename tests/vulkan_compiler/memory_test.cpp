// SPDX-License-Identifier: MIT
/** Memory and control flow of compute shaders: buffers, push constants, shared memory, atomics, arrays, loops, ids. */
#include "job.h"

#include "util/error.h"

#include <VGPU10ShaderTokens.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace svga::vulkan::test {
namespace {

TEST(Memory, UniformBuffersArePickedByOffset) {
    ComputeJob job;
    for (uint32_t n = 0; n < 64; ++n)
        job.uniform[3].push_back(bits(static_cast<float>(n)));
    job.storage[0].resize(16 * 8);
    run(R"(#version 450
layout(local_size_x = 8) in;
layout(std140, set = 0, binding = 3) uniform U { float a; vec2 b; vec3 c; mat3 m; float array[4]; vec4 tail[6]; } u;
layout(std430, set = 0, binding = 0) buffer Out { float words[]; } result;
void main() {
    uint n = gl_LocalInvocationIndex, at = n * 16u;
    result.words[at] = u.a;
    result.words[at + 1u] = u.b.y;
    result.words[at + 2u] = u.c.z;
    result.words[at + 3u] = u.m[2].y;
    result.words[at + 4u] = u.m[n % 3u][n % 2u];
    result.words[at + 5u] = u.array[n & 3u];
    result.words[at + 6u] = u.tail[n % 6u].z;
    result.words[at + 7u] = u.tail[n % 6u][n & 3u];
    vec3 product = u.m * vec3(1.0, 2.0, 3.0);
    result.words[at + 8u] = product.x;
})",
        job);
    for (uint32_t n = 0; n < 8; ++n) {
        const uint32_t* got = &job.storage[0][n * 16];
        EXPECT_EQ(number(got[0]), 0);
        EXPECT_EQ(number(got[1]), 3);
        EXPECT_EQ(number(got[2]), 6);
        EXPECT_EQ(number(got[3]), 8 + 8 + 1);
        EXPECT_EQ(number(got[4]), static_cast<float>(8 + 4 * (n % 3) + n % 2));
        EXPECT_EQ(number(got[5]), static_cast<float>(20 + 4 * (n & 3)));
        EXPECT_EQ(number(got[6]), static_cast<float>(36 + 4 * (n % 6) + 2));
        EXPECT_EQ(number(got[7]), static_cast<float>(36 + 4 * (n % 6) + (n & 3)));
        EXPECT_EQ(number(got[8]), 8 * 1 + 12 * 2 + 16 * 3);
    }
}

TEST(Memory, PushConstants) {
    ComputeJob job;
    for (uint32_t n = 0; n < 32; ++n)
        job.push.push_back(100 + n);
    job.storage[0].resize(32);
    run(R"(#version 450
layout(local_size_x = 8) in;
layout(push_constant) uniform P { uint a; uvec2 b; uvec4 c; uint array[8]; } p;
layout(std430, set = 0, binding = 0) buffer Out { uint words[]; } result;
void main() {
    uint n = gl_LocalInvocationIndex;
    result.words[n * 4u] = p.a + p.b.y;
    result.words[n * 4u + 1u] = p.c.w;
    result.words[n * 4u + 2u] = p.array[n];
    result.words[n * 4u + 3u] = p.c[n & 3u];
})",
        job);
    for (uint32_t n = 0; n < 8; ++n) {
        EXPECT_EQ(job.storage[0][n * 4], 100u + 103);
        EXPECT_EQ(job.storage[0][n * 4 + 1], 107u);
        EXPECT_EQ(job.storage[0][n * 4 + 2], 108u + n);
        EXPECT_EQ(job.storage[0][n * 4 + 3], 104u + (n & 3));
    }
}

TEST(Memory, StorageBuffersOfEveryShape) {
    ComputeJob job;
    for (uint32_t n = 0; n < 128; ++n)
        job.storage[0].push_back(n * 3 + 1);
    job.storage[1].resize(128, 7);
    run(R"(#version 450
layout(local_size_x = 4) in;
struct S { uint a; uvec3 b; uvec2 c; };
layout(std430, set = 0, binding = 0) readonly buffer In { uint head; S items[]; } source;
layout(std430, set = 0, binding = 1) buffer Out { uvec4 v[8]; uint n; uint words[]; } result;
void main() {
    uint n = gl_LocalInvocationIndex;
    S item = source.items[n];
    result.v[n] = uvec4(item.a, item.b);
    result.v[n + 4u].yw = item.c;
    if (n == 0u) { result.n = uint(source.items.length()); result.words[1] = uint(result.words.length()); }
    result.words[4u + n] = source.items[n].b[n % 3u];
})",
        job);
    const auto in = [](uint32_t word) { return word * 3 + 1; };
    for (uint32_t n = 0; n < 4; ++n) {
        const uint32_t item = 4 + n * 12; // words: 16-byte head, items of 48 bytes
        EXPECT_EQ(job.storage[1][n * 4], in(item));
        for (uint32_t c = 0; c < 3; ++c)
            EXPECT_EQ(job.storage[1][n * 4 + 1 + c], in(item + 4 + c));
        const uint32_t* masked = &job.storage[1][(n + 4) * 4];
        EXPECT_EQ(masked[0], 7u);
        EXPECT_EQ(masked[1], in(item + 8));
        EXPECT_EQ(masked[2], 7u);
        EXPECT_EQ(masked[3], in(item + 9));
        EXPECT_EQ(job.storage[1][33 + 4 + n], in(item + 4 + n % 3));
    }
    EXPECT_EQ(job.storage[1][32], (128u - 4) / 12);
    EXPECT_EQ(job.storage[1][34], 128u - 33);
}

TEST(Memory, ScalarLayout) {
    ComputeJob job;
    for (uint32_t n = 0; n < 64; ++n)
        job.uniform[1].push_back(n * 5);
    job.storage[2] = job.uniform[1];
    job.storage[0].resize(8 * 8);
    run(R"(#version 450
#extension GL_EXT_scalar_block_layout : require
layout(local_size_x = 8) in;
struct S { uint a; uvec3 b; uvec2 c; };
layout(scalar, set = 0, binding = 0) buffer Out { uint words[]; } o;
layout(scalar, set = 0, binding = 1) uniform U { uint x; S s[8]; uvec4 last; } u;
layout(scalar, set = 0, binding = 2) buffer B { uint x; S s[8]; uvec4 last; } b;
void main() {
    uint n = gl_LocalInvocationIndex, at = n * 8u;
    o.words[at] = u.s[n].a; o.words[at + 1u] = u.s[n].b.z; o.words[at + 2u] = u.s[n].c.y; o.words[at + 3u] = u.last[n & 3u];
    o.words[at + 4u] = b.s[n].a; o.words[at + 5u] = b.s[n].b.z; o.words[at + 6u] = b.s[n].c.y; o.words[at + 7u] = b.last[n & 3u];
})",
        job);
    for (uint32_t n = 0; n < 8; ++n)
        for (const uint32_t half : {0u, 4u}) {
            const uint32_t* got = &job.storage[0][n * 8 + half];
            EXPECT_EQ(got[0], (1 + n * 6) * 5);
            EXPECT_EQ(got[1], (1 + n * 6 + 3) * 5);
            EXPECT_EQ(got[2], (1 + n * 6 + 5) * 5);
            EXPECT_EQ(got[3], (49 + (n & 3)) * 5);
        }
}

TEST(Memory, AtomicsOnBuffersAndSharedMemory) {
    for (const bool shared : {false, true}) {
        ComputeJob job;
        job.storage[0] = {0, 0, ~0u, 0x80000000, 0x7fffffff, ~0u, 0, 0x0f0f, 5, 7, 0, 0};
        job.storage[1].resize(64);
        const Words before = job.storage[0];
        std::string glsl = R"(#version 450
layout(local_size_x = 64) in;
layout(std430, set = 0, binding = 0) buffer B { uint words[12]; } b;
layout(std430, set = 0, binding = 1) buffer C { uint words[]; } c;
shared uint s[12];
shared int si[2];
#define M(n) MEMORY[n]
void main() {
    uint n = gl_LocalInvocationIndex;
    if (n < 12u) s[n] = b.words[n];
    barrier();
    c.words[n] = atomicAdd(M(0), 2u);
    atomicMax(M(1), n * 5u);
    atomicMin(M(2), n + 9u);
    atomicAnd(M(5), ~(1u << (n & 15u)));
    atomicOr(M(6), 1u << (n & 31u));
    atomicXor(M(7), n);
    atomicExchange(M(8), 77u);
    atomicCompSwap(M(9), 7u, 99u);
    atomicAdd(M(10), n == 3u ? 4u : 0u);
    barrier();
    if (n < 12u) b.words[n] = M(n);
})";
        const std::string memory = shared ? "s" : "b.words";
        glsl.replace(glsl.find("MEMORY"), 6, memory);
        run(glsl, job);
        const Words& got = job.storage[0];
        EXPECT_EQ(got[0], 128u);
        EXPECT_EQ(got[1], 63u * 5);
        EXPECT_EQ(got[2], 9u);
        EXPECT_EQ(got[5], 0xffff0000u);
        EXPECT_EQ(got[6], ~0u);
        EXPECT_EQ(got[7], 0x0f0fu); // 0 ^ 1 ^ ... ^ 63 is 0
        EXPECT_EQ(got[8], 77u);
        EXPECT_EQ(got[9], 99u);
        EXPECT_EQ(got[10], 4u);
        EXPECT_EQ(got[11], before[11]);
        std::ranges::sort(job.storage[1]);
        for (uint32_t n = 0; n < 64; ++n)
            EXPECT_EQ(job.storage[1][n], n * 2);
    }
}

TEST(Memory, SignedAtomics) {
    ComputeJob job;
    job.storage[0] = {5, 5, 0, 0};
    run(R"(#version 450
layout(local_size_x = 16) in;
layout(std430, set = 0, binding = 0) buffer B { int words[4]; } b;
void main() {
    int n = int(gl_LocalInvocationIndex) - 8;
    atomicMin(b.words[0], n);
    atomicMax(b.words[1], n);
    atomicAdd(b.words[2], n);
})",
        job);
    EXPECT_EQ(job.storage[0], (Words{static_cast<uint32_t>(-8), 7, static_cast<uint32_t>(-8), 0}));
}

TEST(Memory, SharedMemoryBetweenBarriers) {
    ComputeJob job;
    job.groups = {2, 1, 1};
    job.storage[0].resize(256);
    run(R"(#version 450
layout(local_size_x = 128) in;
layout(std430, set = 0, binding = 0) buffer Out { uint words[]; } result;
shared uvec3 vectors[128];
shared uint sum[128];
void main() {
    uint n = gl_LocalInvocationIndex;
    vectors[n] = uvec3(n, n * 2u, gl_WorkGroupID.x);
    sum[n] = n;
    memoryBarrierShared();
    barrier();
    for (uint step = 64u; step > 0u; step >>= 1) {
        if (n < step) sum[n] += sum[n + step];
        barrier();
    }
    result.words[gl_GlobalInvocationID.x] = vectors[127u - n].y + vectors[n ^ 1u].z * 1000u + sum[0];
})",
        job);
    for (uint32_t n = 0; n < 256; ++n)
        EXPECT_EQ(job.storage[0][n], (127 - n % 128) * 2 + n / 128 * 1000 + 127 * 64);
}

/** \brief Whether raw unordered access view \p reg is declared as coherent in all of the device. */
bool isGloballyCoherent(const Compiled& shader, uint32_t reg) {
    for (size_t at = 2; at < shader.tokens[1];) {
        VGPU10OpcodeToken0 token;
        token.value = shader.tokens[at];
        if (token.opcodeType == VGPU10_OPCODE_DCL_UAV_RAW && shader.tokens[at + 2] == reg)
            return token.globallyCoherent;
        at += token.instructionLength;
    }
    throw Error("view {} is not declared", reg);
}

// Vulkan's memory model says of barriers what VGPU10 says of views.
TEST(Memory, WhatIsMadeAvailableOrVisibleIsCoherent) {
    const auto compiled = [](const char* semantics) {
        return compileGlsl(Stage::Compute, std::string(R"(#version 450
#pragma use_vulkan_memory_model
#extension GL_KHR_memory_scope_semantics : require
layout(set = 0, binding = 0) buffer Before { uint before; };
layout(set = 0, binding = 1) buffer After { uint after; };
layout(set = 0, binding = 2) buffer Read { uint read; };
void main() {
    before = 1;
    memoryBarrier(gl_ScopeDevice, gl_StorageSemanticsBuffer, )") +
                                               semantics + R"();
    after = read;
})");
    };
    const auto coherent = [](const Compiled& shader) {
        std::array<bool, 3> of{};
        for (uint32_t binding = 0; binding < 3; ++binding)
            of[binding] = isGloballyCoherent(shader, shader.reg(kUav, binding));
        return of;
    };
    EXPECT_EQ(coherent(compiled("gl_SemanticsAcquireRelease")), (std::array{false, false, false}));
    EXPECT_EQ(coherent(compiled("gl_SemanticsRelease | gl_SemanticsMakeAvailable")), (std::array{true, false, false}));
    EXPECT_EQ(coherent(compiled("gl_SemanticsAcquire | gl_SemanticsMakeVisible")), (std::array{false, false, true}));
}

TEST(Ids, AllOfThem) {
    ComputeJob job;
    job.groups = {2, 3, 2};
    job.base = {10, 20, 30};
    job.storage[0].resize(2 * 3 * 2 * 24 * 16);
    run(R"(#version 450
layout(local_size_x = 4, local_size_y = 3, local_size_z = 2) in;
layout(std430, set = 0, binding = 0) buffer Out { uint words[]; } result;
void main() {
    uvec3 group = gl_WorkGroupID - uvec3(10, 20, 30);
    uint at = (((group.z * 3u + group.y) * 2u + group.x) * 24u + gl_LocalInvocationIndex) * 16u;
    for (int c = 0; c < 3; ++c) {
        result.words[at + c] = gl_WorkGroupID[c];
        result.words[at + 3 + c] = gl_LocalInvocationID[c];
        result.words[at + 6 + c] = gl_GlobalInvocationID[c];
        result.words[at + 9 + c] = gl_NumWorkGroups[c];
        result.words[at + 12 + c] = gl_WorkGroupSize[c];
    }
    result.words[at + 15] = gl_LocalInvocationIndex;
})",
        job);
    const std::array<uint32_t, 3> size{4, 3, 2};
    for (uint32_t group = 0; group < 12; ++group) {
        const std::array<uint32_t, 3> id{10 + group % 2, 20 + group / 2 % 3, 30 + group / 6};
        for (uint32_t n = 0; n < 24; ++n) {
            const std::array<uint32_t, 3> local{n % 4, n / 4 % 3, n / 12};
            const uint32_t* got = &job.storage[0][(group * 24 + n) * 16];
            for (uint32_t c = 0; c < 3; ++c) {
                ASSERT_EQ(got[c], id[c]);
                ASSERT_EQ(got[3 + c], local[c]);
                ASSERT_EQ(got[6 + c], id[c] * size[c] + local[c]);
                ASSERT_EQ(got[9 + c], job.groups[c]);
                ASSERT_EQ(got[12 + c], size[c]);
            }
            ASSERT_EQ(got[15], n);
        }
    }
}

TEST(Flow, LoopsBranchesAndSwitches) {
    ComputeJob job;
    job.storage[0].resize(64 * 4);
    run(R"(#version 450
layout(local_size_x = 64) in;
layout(std430, set = 0, binding = 0) buffer Out { uint words[]; } result;
uint early(uint n) {
    for (uint k = 0u; k < 100u; ++k) {
        if (k * k > n) return k;
        if (k == 5u) return 1000u + n;
    }
    return 7u;
}
void main() {
    uint n = gl_LocalInvocationIndex;
    uint sum = 0u, a = 1u, b = 0u;
    for (uint i = 0u; i < n; ++i) {
        if ((i & 1u) == 1u) continue;
        for (uint j = 0u; j < 8u; ++j) {
            if (j > i) break;
            sum += j;
        }
        if (sum > 200u) break;
        uint t = a; a = b + 1u; b = t; // swaps go round the loop
    }
    result.words[n * 4u] = sum * 10000u + a * 100u + b;
    uint k = n;
    do { k = (k & 1u) == 0u ? k / 2u : 3u * k + 1u; ++b; } while (k > 4u);
    result.words[n * 4u + 1u] = k * 256u + b;
    uint s;
    switch (n % 7u) {
    case 0u: s = 10u; break;
    case 1u: s = 20u; // falls through
    case 2u: s = 30u + n; break;
    case 5u: if (n > 30u) { s = 1u; break; } s = 2u; break;
    default: s = 99u;
    }
    result.words[n * 4u + 2u] = s;
    result.words[n * 4u + 3u] = early(n);
})",
        job);
    for (uint32_t n = 0; n < 64; ++n) {
        uint32_t sum = 0, a = 1, b = 0;
        for (uint32_t i = 0; i < n; ++i) {
            if (i & 1)
                continue;
            for (uint32_t j = 0; j < 8 && j <= i; ++j)
                sum += j;
            if (sum > 200)
                break;
            const uint32_t t = a;
            a = b + 1;
            b = t;
        }
        EXPECT_EQ(job.storage[0][n * 4], sum * 10000 + a * 100 + b) << n;
        uint32_t k = n;
        do {
            k = k % 2 == 0 ? k / 2 : 3 * k + 1;
            ++b;
        } while (k > 4);
        EXPECT_EQ(job.storage[0][n * 4 + 1], k * 256 + b) << n;
        const uint32_t cases[] = {10, 30 + n, 30 + n, 99, 99, n > 30 ? 1u : 2u, 99};
        EXPECT_EQ(job.storage[0][n * 4 + 2], cases[n % 7]) << n;
        uint32_t root = 0;
        while (root * root <= n && root != 5)
            ++root;
        EXPECT_EQ(job.storage[0][n * 4 + 3], root * root > n ? root : 1000 + n) << n;
    }
}

TEST(Flow, ArraysIndexedAtRunTime) {
    ComputeJob job;
    job.storage[0].resize(32 * 4);
    run(R"(#version 450
layout(local_size_x = 32) in;
layout(std430, set = 0, binding = 0) buffer Out { uint words[]; } result;
struct S { uvec2 a; uint b[3]; };
const uint table[8] = uint[8](3u, 1u, 4u, 1u, 5u, 9u, 2u, 6u);
void main() {
    uint n = gl_LocalInvocationIndex;
    uint array[16];
    for (uint k = 0u; k < 16u; ++k) array[k] = k * k;
    array[n & 15u] += 1000u;
    S s[4];
    for (uint k = 0u; k < 4u; ++k) { s[k].a = uvec2(k, n); s[k].b[k % 3u] = k + 50u; s[k].b[(k + 1u) % 3u] = k; }
    s[n & 3u].a.y = 5u;
    uvec4 v = uvec4(1, 2, 3, 4);
    v[n & 3u] = 9u;
    mat4 m = mat4(0.0);
    m[n & 3u][n >> 3] = 2.0;
    result.words[n * 4u] = array[(n * 7u) & 15u];
    result.words[n * 4u + 1u] = table[n & 7u] * 100u + s[(n + 1u) & 3u].a.y;
    result.words[n * 4u + 2u] = s[n & 3u].b[(n & 3u) % 3u] + s[n & 3u].a.y * 1000u;
    result.words[n * 4u + 3u] = v.x + v.y * 10u + v.z * 100u + v.w * 1000u + uint(m[n & 3u][n >> 3]) * 10000u;
})",
        job);
    const uint32_t table[] = {3, 1, 4, 1, 5, 9, 2, 6};
    for (uint32_t n = 0; n < 32; ++n) {
        const uint32_t at = n * 7 & 15;
        EXPECT_EQ(job.storage[0][n * 4], at * at + (at == (n & 15) ? 1000 : 0)) << n;
        EXPECT_EQ(job.storage[0][n * 4 + 1], table[n & 7] * 100 + n) << n;
        EXPECT_EQ(job.storage[0][n * 4 + 2], (n & 3) + 50 + 5000) << n;
        uint32_t v[] = {1, 2, 3, 4};
        v[n & 3] = 9;
        EXPECT_EQ(job.storage[0][n * 4 + 3], v[0] + v[1] * 10 + v[2] * 100 + v[3] * 1000 + 20000) << n;
    }
}

TEST(Flow, ConstantArrays) {
    ComputeJob job;
    job.storage[0].resize(16 * 4);
    std::string numbers;
    for (uint32_t n = 0; n < 300; ++n)
        numbers += (n ? ", " : "") + std::to_string(n * n) + "u";
    run("#version 450\nlayout(local_size_x = 16) in;\n"
        "layout(std430, set = 0, binding = 0) buffer Out { uint words[]; } o;\n"
        "const uint table[300] = uint[300](" +
            numbers +
            R"();
const vec3 vectors[3] = vec3[3](vec3(1.0, 2.0, 3.0), vec3(4.0, 5.0, 6.0), vec3(7.0, 8.0, 9.0));
const mat2 matrices[2] = mat2[2](mat2(1.0, 2.0, 3.0, 4.0), mat2(5.0, 6.0, 7.0, 8.0));
const bool flags[4] = bool[4](true, false, false, true);
void main() {
    uint n = gl_LocalInvocationIndex;
    o.words[n * 4u] = table[n * 18u];
    o.words[n * 4u + 1u] = uint(vectors[n % 3u].z * 10.0 + vectors[(n + 1u) % 3u][n % 3u]);
    o.words[n * 4u + 2u] = uint(matrices[n & 1u][n >> 1 & 1u].y);
    o.words[n * 4u + 3u] = flags[n & 3u] ? 7u : 8u;
})",
        job);
    for (uint32_t n = 0; n < 16; ++n) {
        const uint32_t* got = &job.storage[0][n * 4];
        EXPECT_EQ(got[0], n * 18 * n * 18);
        EXPECT_EQ(got[1], (3 + 3 * (n % 3)) * 10 + 3 * ((n + 1) % 3) + 1 + n % 3);
        EXPECT_EQ(got[2], (n & 1) * 4 + (n >> 1 & 1) * 2 + 2);
        EXPECT_EQ(got[3], (n & 3) == 0 || (n & 3) == 3 ? 7u : 8u);
    }
}

TEST(Memory, SharedMemoryThatBeginsAsZero) {
    ComputeJob job;
    job.groups = {2, 1, 1};
    job.storage[0].resize(2 * 40);
    run(R"(#version 450
#extension GL_EXT_null_initializer : require
layout(local_size_x = 8) in;
layout(std430, set = 0, binding = 0) buffer Out { uint words[]; } o;
shared uint s[39] = {};
void main() {
    atomicAdd(s[3], 1u);
    barrier();
    for (uint n = gl_LocalInvocationIndex; n < 39u; n += 8u) o.words[gl_WorkGroupID.x * 40u + n] = s[n];
})",
        job);
    for (uint32_t n = 0; n < 80; ++n)
        EXPECT_EQ(job.storage[0][n], n % 40 == 3 ? 8u : 0u);
}

TEST(Flow, ManyValuesLiveAtOnce) {
    constexpr uint32_t kValues = 80;
    std::string glsl = "#version 450\nlayout(local_size_x = 16) in;\n"
                       "layout(std430, set = 0, binding = 0) buffer B { uint words[]; } b;\nvoid main() {\n"
                       "uint n = gl_LocalInvocationIndex;\n";
    for (uint32_t v = 0; v < kValues; ++v)
        glsl += "uint v" + std::to_string(v) + " = b.words[n * 80u + " + std::to_string(v) + "u] * " +
                std::to_string(v + 3) + "u;\n";
    glsl += "barrier();\n";
    for (uint32_t v = 0; v < kValues; ++v)
        glsl += "b.words[n * 80u + " + std::to_string(v) + "u] = v" + std::to_string(kValues - 1 - v) + " ^ v" +
                std::to_string(v * 7 % kValues) + ";\n";
    glsl += "}\n";
    ComputeJob job;
    for (uint32_t n = 0; n < 16 * kValues; ++n)
        job.storage[0].push_back(n * 2654435761u);
    const Words before = job.storage[0];
    run(glsl, job);
    for (uint32_t n = 0; n < 16; ++n)
        for (uint32_t v = 0; v < kValues; ++v) {
            const auto value = [&](uint32_t k) { return before[n * kValues + k] * (k + 3); };
            ASSERT_EQ(job.storage[0][n * kValues + v], value(kValues - 1 - v) ^ value(v * 7 % kValues));
        }
}

TEST(Descriptors, ArraysByConstantsAndAtRunTime) {
    ComputeJob job;
    for (uint32_t n = 0; n < 4; ++n) {
        job.storage[10 + n] = {100 * n, 0, 0, 0};
        job.uniform[20 + n] = {7 * n, 0, 0, 0};
    }
    job.storage[0].resize(32);
    run(R"(#version 450
#extension GL_EXT_nonuniform_qualifier : enable
layout(local_size_x = 8) in;
layout(std430, set = 0, binding = 0) buffer Out { uint words[]; } result;
layout(std430, set = 0, binding = 10) buffer B { uint words[]; } b[4];
layout(std140, set = 0, binding = 20) uniform U { uint word; } u[4];
void main() {
    uint n = gl_LocalInvocationIndex, k = n & 3u;
    result.words[n * 4u] = b[2].words[0] + u[3].word;
    result.words[n * 4u + 1u] = b[nonuniformEXT(k)].words[0];
    result.words[n * 4u + 2u] = u[nonuniformEXT(k)].word;
    atomicAdd(b[nonuniformEXT(k)].words[1], n + 1u);
    if (n == 7u) b[k].words[3] = uint(b[k].words.length());
})",
        job);
    for (uint32_t n = 0; n < 8; ++n) {
        EXPECT_EQ(job.storage[0][n * 4], 221u);
        EXPECT_EQ(job.storage[0][n * 4 + 1], 100 * (n & 3));
        EXPECT_EQ(job.storage[0][n * 4 + 2], 7 * (n & 3));
    }
    for (uint32_t k = 0; k < 4; ++k)
        EXPECT_EQ(job.storage[10 + k][1], 2 * k + 6);
    EXPECT_EQ(job.storage[13][3], 4u);
}

} // namespace
} // namespace svga::vulkan::test
