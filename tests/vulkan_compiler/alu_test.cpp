// SPDX-License-Identifier: MIT
/**
 * Arithmetic: expressions of GLSL, each run over many rows of operands and compared with the same computed here. Many
 * expressions share a shader, so that registers are reused and immediates, swizzles and masks meet.
 */
#include "job.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace svga::vulkan::test {
namespace {

struct Row {
    std::array<uint32_t, 3> words;
    float f(size_t n) const { return number(words[n]); }
    int32_t i(size_t n) const { return static_cast<int32_t>(words[n]); }
    uint32_t u(size_t n) const { return words[n]; }
};

struct Case {
    const char* expression; ///< of a, b and c; gives a uint
    std::function<uint32_t(const Row&)> compute;
    double tolerance = -1; ///< of float results: relative, absolute below 1; negative: to the bit
};

uint32_t truth(bool value) {
    return value ? 1 : 0;
}
uint32_t word(int32_t value) {
    return static_cast<uint32_t>(value);
}

/** \brief Runs all \p cases over all \p rows. \p types: GLSL's of a, b and c. */
void check(const char* types, const std::vector<Case>& cases, const std::vector<Row>& rows) {
    std::string glsl =
        "#version 450\nlayout(local_size_x = 64) in;\n"
        "layout(std430, set = 0, binding = 0) readonly buffer In { uint words[]; } source;\n"
        "layout(std430, set = 0, binding = 1) writeonly buffer Out { uint words[]; } result;\n"
        "uint modf_whole(float x) { float whole; modf(x, whole); return floatBitsToUint(whole); }\n"
        "uint modf_part(float x) { float whole; return floatBitsToUint(modf(x, whole)); }\n"
        "uint frexp_part(float x) { int e; return floatBitsToUint(frexp(x, e)); }\n"
        "uint frexp_exponent(float x) { int e; frexp(x, e); return uint(e); }\n"
        "uint precisely(float a, float b, float c) { precise float r = a * b + c; return floatBitsToUint(r); }\n"
        "void main() {\n    uint n = gl_GlobalInvocationID.x;\n    if (n >= uint(source.words.length()) "
        "/ 3u) return;\n";
    const std::string type = types;
    const char* names[] = {"a", "b", "c"};
    for (size_t n = 0; n < 3; ++n) {
        const std::string word = "source.words[n * 3u + " + std::to_string(n) + "u]";
        glsl += "    " + type + " " + names[n] + " = " +
                (type == "float" ? "uintBitsToFloat(" + word + ")" : type + "(" + word + ")") + ";\n";
    }
    for (size_t n = 0; n < cases.size(); ++n)
        glsl += "    result.words[n * " + std::to_string(cases.size()) + "u + " + std::to_string(n) +
                "u] = " + cases[n].expression + ";\n";
    glsl += "}\n";
    ComputeJob job;
    for (const Row& row : rows)
        job.storage[0].insert(job.storage[0].end(), row.words.begin(), row.words.end());
    job.storage[1].resize(rows.size() * cases.size(), 0xcccccccc);
    job.groups = {static_cast<uint32_t>(rows.size() + 63) / 64, 1, 1};
    run(glsl, job);
    for (size_t r = 0; r < rows.size(); ++r) {
        for (size_t n = 0; n < cases.size(); ++n) {
            const uint32_t expected = cases[n].compute(rows[r]), got = job.storage[1][r * cases.size() + n];
            if (cases[n].tolerance < 0) {
                EXPECT_EQ(got, expected) << cases[n].expression << " of " << std::hex << rows[r].u(0) << ", "
                                         << rows[r].u(1) << ", " << rows[r].u(2);
                continue;
            }
            const float e = number(expected), g = number(got);
            if (std::isnan(e) || (std::isinf(e) && e == g))
                continue;
            EXPECT_LE(std::abs(e - g), cases[n].tolerance * std::max(1.0f, std::abs(e)))
                << cases[n].expression << " of " << rows[r].f(0) << ", " << rows[r].f(1) << ", " << rows[r].f(2)
                << " is " << g << ", not " << e;
        }
    }
}

std::vector<Row> integers() {
    const uint32_t values[] = {0, 1, 2, 3, 7, 31, 32, 100, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff9, 0x12345678};
    std::vector<Row> rows;
    for (uint32_t a : values)
        for (uint32_t b : values)
            rows.push_back({{a, b, (a ^ b) * 2654435761u}});
    return rows;
}

std::vector<Row> floats() {
    const float values[] = {0.0f, 0.25f, 0.5f, 1.0f, -1.0f, 1.5f, -2.5f, 3.75f, 10.0f, -0.125f, 100.5f};
    std::vector<Row> rows;
    for (float a : values)
        for (float b : values)
            rows.push_back({{bits(a), bits(b), bits(a * 0.5f - b)}});
    return rows;
}

TEST(Alu, Unsigned) {
    check("uint",
          {
              {"a + b", [](const Row& r) { return r.u(0) + r.u(1); }},
              {"a - b", [](const Row& r) { return r.u(0) - r.u(1); }},
              {"a * b", [](const Row& r) { return r.u(0) * r.u(1); }},
              {"a * b + c", [](const Row& r) { return r.u(0) * r.u(1) + r.u(2); }},
              {"b == 0u ? 5u : a / b", [](const Row& r) { return r.u(1) ? r.u(0) / r.u(1) : 5; }},
              {"b == 0u ? 5u : a % b", [](const Row& r) { return r.u(1) ? r.u(0) % r.u(1) : 5; }},
              {"a / 7u", [](const Row& r) { return r.u(0) / 7; }},
              {"a % 10u", [](const Row& r) { return r.u(0) % 10; }},
              {"a & b", [](const Row& r) { return r.u(0) & r.u(1); }},
              {"a | b", [](const Row& r) { return r.u(0) | r.u(1); }},
              {"a ^ b", [](const Row& r) { return r.u(0) ^ r.u(1); }},
              {"~a", [](const Row& r) { return ~r.u(0); }},
              {"a << (b & 31u)", [](const Row& r) { return r.u(0) << (r.u(1) & 31); }},
              {"a >> (b & 31u)", [](const Row& r) { return r.u(0) >> (r.u(1) & 31); }},
              {"min(a, b)", [](const Row& r) { return std::min(r.u(0), r.u(1)); }},
              {"max(a, b)", [](const Row& r) { return std::max(r.u(0), r.u(1)); }},
              {"clamp(a, 3u, 90u)", [](const Row& r) { return std::clamp(r.u(0), 3u, 90u); }},
              {"uint(a < b)", [](const Row& r) { return truth(r.u(0) < r.u(1)); }},
              {"uint(a >= b)", [](const Row& r) { return truth(r.u(0) >= r.u(1)); }},
              {"uint(a == b)", [](const Row& r) { return truth(r.u(0) == r.u(1)); }},
              {"uint(a != b)", [](const Row& r) { return truth(r.u(0) != r.u(1)); }},
              {"a < b ? c : a", [](const Row& r) { return r.u(0) < r.u(1) ? r.u(2) : r.u(0); }},
              {"uint(bitCount(a))", [](const Row& r) { return static_cast<uint32_t>(std::popcount(r.u(0))); }},
              {"bitfieldReverse(a)",
               [](const Row& r) {
                   uint32_t v = 0;
                   for (int n = 0; n < 32; ++n)
                       v |= (r.u(0) >> n & 1) << (31 - n);
                   return v;
               }},
              {"uint(findLSB(a))", [](const Row& r) { return r.u(0) ? std::countr_zero(r.u(0)) : ~0u; }},
              {"uint(findMSB(a))", [](const Row& r) { return r.u(0) ? 31u - std::countl_zero(r.u(0)) : ~0u; }},
              {"bitfieldExtract(a, int(b & 15u), int(c & 15u))",
               [](const Row& r) { return r.u(0) >> (r.u(1) & 15) & ((1u << (r.u(2) & 15)) - 1); }},
              {"bitfieldExtract(a, 0, 32)", [](const Row& r) { return r.u(0); }},
              {"bitfieldInsert(a, b, int(c & 15u), 9)",
               [](const Row& r) {
                   const uint32_t field = 0x1ffu << (r.u(2) & 15);
                   return (r.u(0) & ~field) | (r.u(1) << (r.u(2) & 15) & field);
               }},
              {"bitfieldInsert(a, b, int(c & 15u), int(b & 15u))",
               [](const Row& r) {
                   const uint32_t field = ((1u << (r.u(1) & 15)) - 1) << (r.u(2) & 15);
                   return (r.u(0) & ~field) | (r.u(1) << (r.u(2) & 15) & field);
               }},
          },
          integers());
}

TEST(Alu, Carries) {
    std::string glsl = R"(#version 450
layout(local_size_x = 64) in;
layout(std430, set = 0, binding = 0) readonly buffer In { uint words[]; } source;
layout(std430, set = 0, binding = 1) writeonly buffer Out { uint words[]; } result;
void main() {
    uint n = gl_GlobalInvocationID.x;
    if (n >= uint(source.words.length()) / 3u) return;
    uint a = source.words[n * 3u], b = source.words[n * 3u + 1u];
    uint carry, borrow, high, low;
    int shigh, slow;
    result.words[n * 8u] = uaddCarry(a, b, carry);
    result.words[n * 8u + 1u] = carry;
    result.words[n * 8u + 2u] = usubBorrow(a, b, borrow);
    result.words[n * 8u + 3u] = borrow;
    umulExtended(a, b, high, low);
    result.words[n * 8u + 4u] = high;
    result.words[n * 8u + 5u] = low;
    imulExtended(int(a), int(b), shigh, slow);
    result.words[n * 8u + 6u] = uint(shigh);
    result.words[n * 8u + 7u] = uint(slow);
})";
    const auto rows = integers();
    ComputeJob job;
    for (const Row& row : rows)
        job.storage[0].insert(job.storage[0].end(), row.words.begin(), row.words.end());
    job.storage[1].resize(rows.size() * 8);
    job.groups = {static_cast<uint32_t>(rows.size() + 63) / 64, 1, 1};
    run(glsl, job);
    for (size_t n = 0; n < rows.size(); ++n) {
        const uint64_t a = rows[n].u(0), b = rows[n].u(1);
        const int64_t product = static_cast<int64_t>(rows[n].i(0)) * rows[n].i(1);
        const uint32_t* got = &job.storage[1][n * 8];
        EXPECT_EQ(got[0], static_cast<uint32_t>(a + b));
        EXPECT_EQ(got[1], static_cast<uint32_t>((a + b) >> 32));
        EXPECT_EQ(got[2], static_cast<uint32_t>(a - b));
        EXPECT_EQ(got[3], truth(a < b));
        EXPECT_EQ(got[4], static_cast<uint32_t>(a * b >> 32));
        EXPECT_EQ(got[5], static_cast<uint32_t>(a * b));
        EXPECT_EQ(got[6], static_cast<uint32_t>(product >> 32));
        EXPECT_EQ(got[7], static_cast<uint32_t>(product));
    }
}

TEST(Alu, Signed) {
    const auto dividable = [](const Row& r) { return r.i(1) != 0 && !(r.u(0) == 0x80000000 && r.i(1) == -1); };
    check("int",
          {
              {"uint(-a)", [](const Row& r) { return 0u - r.u(0); }},
              {"uint(abs(a))", [](const Row& r) { return r.i(0) < 0 ? 0u - r.u(0) : r.u(0); }},
              {"uint(sign(a))", [](const Row& r) { return word((r.i(0) > 0) - (r.i(0) < 0)); }},
              {"uint(min(a, b))", [](const Row& r) { return word(std::min(r.i(0), r.i(1))); }},
              {"uint(max(a, b))", [](const Row& r) { return word(std::max(r.i(0), r.i(1))); }},
              {"uint(a < b)", [](const Row& r) { return truth(r.i(0) < r.i(1)); }},
              {"uint(a >= b)", [](const Row& r) { return truth(r.i(0) >= r.i(1)); }},
              {"uint(a >> (b & 31))", [](const Row& r) { return word(r.i(0) >> (r.i(1) & 31)); }},
              {"(b == 0 || (a == 0x80000000 && b == -1)) ? 5u : uint(a / b)",
               [=](const Row& r) { return dividable(r) ? word(r.i(0) / r.i(1)) : 5; }},
              {"uint(a / 7)", [](const Row& r) { return word(r.i(0) / 7); }},
              {"uint(a / 8)", [](const Row& r) { return word(r.i(0) / 8); }},
              {"uint(findMSB(a))",
               [](const Row& r) {
                   const uint32_t v = r.i(0) < 0 ? ~r.u(0) : r.u(0);
                   return v ? 31u - std::countl_zero(v) : ~0u;
               }},
              {"uint(bitfieldExtract(a, b & 15, 5))",
               [](const Row& r) { return word(static_cast<int32_t>(r.u(0) << (27 - (r.u(1) & 15))) >> 27); }},
              {"uint(clamp(a, -3, 50))", [](const Row& r) { return word(std::clamp(r.i(0), -3, 50)); }},
              {"floatBitsToUint(float(a))", [](const Row& r) { return bits(static_cast<float>(r.i(0))); }},
              {"floatBitsToUint(float(uint(a)))", [](const Row& r) { return bits(static_cast<float>(r.u(0))); }},
              {"uint(bool(a))", [](const Row& r) { return truth(r.i(0) != 0); }},
              {"floatBitsToUint(float(bool(a)))", [](const Row& r) { return bits(r.i(0) ? 1.0f : 0.0f); }},
              {"uint(any(equal(ivec3(a, b, c), ivec3(b, 7, 31))))",
               [](const Row& r) { return truth(r.i(0) == r.i(1) || r.i(1) == 7 || r.i(2) == 31); }},
              {"uint(all(lessThan(ivec2(a, b), ivec2(b, 100))))",
               [](const Row& r) { return truth(r.i(0) < r.i(1) && r.i(1) < 100); }},
              {"uint(ivec3(a, b, c) == ivec3(b, a, c))", [](const Row& r) { return truth(r.i(0) == r.i(1)); }},
          },
          integers());
}

TEST(Alu,
     Modulo) { // the sign of the result is only defined where no operand is negative: SPIR-V's OpSMod is not GLSL's
    check("int",
          {
              {"uint(b == 0 ? 5 : (a & 0xffff) % (b & 0xff | 1))",
               [](const Row& r) { return word(r.i(1) == 0 ? 5 : (r.i(0) & 0xffff) % ((r.i(1) & 0xff) | 1)); }},
          },
          integers());
}

TEST(Alu, Float) {
    check(
        "float",
        {
            {"floatBitsToUint(a + b)", [](const Row& r) { return bits(r.f(0) + r.f(1)); }},
            {"floatBitsToUint(a - b)", [](const Row& r) { return bits(r.f(0) - r.f(1)); }},
            {"floatBitsToUint(a * b)", [](const Row& r) { return bits(r.f(0) * r.f(1)); }},
            {"floatBitsToUint(-a)", [](const Row& r) { return bits(r.f(0)) ^ 0x80000000; }},
            {"floatBitsToUint(abs(a))", [](const Row& r) { return bits(std::abs(r.f(0))); }},
            {"floatBitsToUint(a / b)", [](const Row& r) { return bits(r.f(1) ? r.f(0) / r.f(1) : NAN); }, 1e-6},
            {"floatBitsToUint(fma(a, b, c))", [](const Row& r) { return bits(std::fma(r.f(0), r.f(1), r.f(2))); },
             1e-6},
            {"floatBitsToUint(mod(a, b))",
             [](const Row& r) { return bits(r.f(1) ? r.f(0) - r.f(1) * std::floor(r.f(0) / r.f(1)) : NAN); }, 1e-5},
            {"floatBitsToUint(min(a, b))", [](const Row& r) { return bits(std::fmin(r.f(0), r.f(1))); }, 0},
            {"floatBitsToUint(max(a, b))", [](const Row& r) { return bits(std::fmax(r.f(0), r.f(1))); }, 0},
            {"floatBitsToUint(clamp(a, 0.0, 1.0))", [](const Row& r) { return bits(std::clamp(r.f(0), 0.0f, 1.0f)); },
             0},
            {"floatBitsToUint(mix(a, b, 0.25))", [](const Row& r) { return bits(r.f(0) * 0.75f + r.f(1) * 0.25f); },
             1e-6},
            {"floatBitsToUint(step(a, b))", [](const Row& r) { return bits(r.f(1) < r.f(0) ? 0.0f : 1.0f); }},
            {"floatBitsToUint(smoothstep(0.0, 4.0, a))",
             [](const Row& r) {
                 const float t = std::clamp(r.f(0) / 4, 0.0f, 1.0f);
                 return bits(t * t * (3 - 2 * t));
             },
             1e-6},
            {"floatBitsToUint(sign(a))", [](const Row& r) { return bits(float((r.f(0) > 0) - (r.f(0) < 0))); }, 0},
            {"floatBitsToUint(floor(a))", [](const Row& r) { return bits(std::floor(r.f(0))); }, 0},
            {"floatBitsToUint(ceil(a))", [](const Row& r) { return bits(std::ceil(r.f(0))); }, 0},
            {"floatBitsToUint(trunc(a))", [](const Row& r) { return bits(std::trunc(r.f(0))); }, 0},
            {"floatBitsToUint(roundEven(a))", [](const Row& r) { return bits(std::nearbyint(r.f(0))); }, 0},
            {"floatBitsToUint(fract(a))", [](const Row& r) { return bits(r.f(0) - std::floor(r.f(0))); }, 1e-6},
            {"floatBitsToUint(sqrt(abs(a)))", [](const Row& r) { return bits(std::sqrt(std::abs(r.f(0)))); }, 1e-5},
            {"floatBitsToUint(inversesqrt(abs(a)))",
             [](const Row& r) { return bits(r.f(0) ? 1 / std::sqrt(std::abs(r.f(0))) : NAN); }, 1e-5},
            {"floatBitsToUint(exp2(b))", [](const Row& r) { return bits(r.f(1) < 50 ? std::exp2(r.f(1)) : NAN); },
             1e-4},
            {"floatBitsToUint(log2(abs(a)))",
             [](const Row& r) { return bits(r.f(0) ? std::log2(std::abs(r.f(0))) : NAN); }, 1e-4},
            {"floatBitsToUint(exp(a * 0.125))", [](const Row& r) { return bits(std::exp(r.f(0) * 0.125f)); }, 1e-3},
            {"floatBitsToUint(log(abs(a)))",
             [](const Row& r) { return bits(r.f(0) ? std::log(std::abs(r.f(0))) : NAN); }, 1e-4},
            {"floatBitsToUint(pow(abs(a), 1.5))", [](const Row& r) { return bits(std::pow(std::abs(r.f(0)), 1.5f)); },
             1e-3},
            {"floatBitsToUint(sin(a))",
             [](const Row& r) { return bits(std::abs(r.f(0)) < 20 ? std::sin(r.f(0)) : NAN); }, 1e-3},
            {"floatBitsToUint(cos(a))",
             [](const Row& r) { return bits(std::abs(r.f(0)) < 20 ? std::cos(r.f(0)) : NAN); }, 1e-3},
            {"floatBitsToUint(tan(a * 0.1))",
             [](const Row& r) { return bits(std::abs(r.f(0)) < 12 ? std::tan(r.f(0) * 0.1f) : NAN); }, 1e-3},
            {"floatBitsToUint(atan(a, b))",
             [](const Row& r) { return bits(r.f(0) || r.f(1) ? std::atan2(r.f(0), r.f(1)) : NAN); }, 1e-2},
            {"floatBitsToUint(asin(clamp(a, -1.0, 1.0)))",
             [](const Row& r) { return bits(std::asin(std::clamp(r.f(0), -1.0f, 1.0f))); }, 1e-2},
            {"floatBitsToUint(tanh(a))", [](const Row& r) { return bits(std::tanh(r.f(0))); }, 1e-3},
            {"floatBitsToUint(ldexp(a, 3))", [](const Row& r) { return bits(std::ldexp(r.f(0), 3)); }, 0},
            {"uint(a < b)", [](const Row& r) { return truth(r.f(0) < r.f(1)); }},
            {"uint(a >= b)", [](const Row& r) { return truth(r.f(0) >= r.f(1)); }},
            {"uint(a == b)", [](const Row& r) { return truth(r.f(0) == r.f(1)); }},
            {"uint(a != b)", [](const Row& r) { return truth(r.f(0) != r.f(1)); }},
            {"uint(isnan(a / b))", [](const Row& r) { return truth(r.f(0) == 0 && r.f(1) == 0); }},
            {"uint(isinf(a / b))", [](const Row& r) { return truth(r.f(0) != 0 && r.f(1) == 0); }},
            {"uint(int(a))", [](const Row& r) { return word(static_cast<int32_t>(r.f(0))); }},
            {"uint(abs(a))", [](const Row& r) { return static_cast<uint32_t>(std::abs(r.f(0))); }},
            {"floatBitsToUint(dot(vec2(a, b), vec2(b, c)))",
             [](const Row& r) { return bits(r.f(0) * r.f(1) + r.f(1) * r.f(2)); }, 1e-5},
            {"floatBitsToUint(dot(vec3(a, b, c), vec3(b, 2.0, a)))",
             [](const Row& r) { return bits(r.f(0) * r.f(1) + r.f(1) * 2 + r.f(2) * r.f(0)); }, 1e-5},
            {"floatBitsToUint(dot(vec4(a, b, c, 1.0), vec4(1.0, a, b, c)))",
             [](const Row& r) { return bits(r.f(0) + r.f(1) * r.f(0) + r.f(2) * r.f(1) + r.f(2)); }, 1e-5},
            {"floatBitsToUint(length(vec3(a, b, c)))",
             [](const Row& r) { return bits(std::sqrt(r.f(0) * r.f(0) + r.f(1) * r.f(1) + r.f(2) * r.f(2))); }, 1e-5},
            {"floatBitsToUint(cross(vec3(a, b, c), vec3(c, a, b)).y)",
             [](const Row& r) { return bits(r.f(2) * r.f(2) - r.f(0) * r.f(1)); }, 1e-5},
            {"floatBitsToUint((mat2(a, b, c, 1.0) * vec2(b, a)).y)",
             [](const Row& r) { return bits(r.f(1) * r.f(1) + r.f(0)); }, 1e-5},
            {"floatBitsToUint(determinant(mat2(a, b, c, 1.0)))",
             [](const Row& r) { return bits(r.f(0) - r.f(1) * r.f(2)); }, 1e-5},
            {"packHalf2x16(vec2(a, b))",
             [](const Row& r) {
                 const auto half = [](float v) { // of numbers that a half holds exactly
                     if (v == 0)
                         return bits(v) >> 16;
                     const uint32_t w = bits(v);
                     return (w >> 16 & 0x8000) | ((w >> 23 & 0xff) - 112) << 10 | (w >> 13 & 0x3ff);
                 };
                 return half(r.f(0)) | half(r.f(1)) << 16;
             }},
            {"floatBitsToUint(unpackHalf2x16(packHalf2x16(vec2(a, b))).x)", [](const Row& r) { return bits(r.f(0)); }},
            {"floatBitsToUint(unpackHalf2x16(packHalf2x16(vec2(a, b))).y)", [](const Row& r) { return bits(r.f(1)); }},
            {"packUnorm4x8(vec4(a, b, 0.5, 1.0)) & 0xffff0000u", [](const Row&) { return 0xff800000u; }},
            {"packSnorm2x16(vec2(clamp(a, -1.0, 1.0), 1.0)) >> 16", [](const Row&) { return 32767u; }},
            {"floatBitsToUint(unpackUnorm4x8(0x80ff0040u).y)", [](const Row&) { return bits(0.0f); }},
            {"floatBitsToUint(unpackSnorm4x8(floatBitsToUint(a)).w)",
             [](const Row& r) {
                 return bits(std::max(-1.0f, static_cast<float>(static_cast<int8_t>(r.u(0) >> 24)) / 127.0f));
             },
             1e-6},
        },
        floats());
}

TEST(Alu, Functions) {
    check("float",
          {
              {"modf_whole(a)", [](const Row& r) { return bits(std::trunc(r.f(0))); }, 0},
              {"modf_part(a)", [](const Row& r) { return bits(r.f(0) - std::trunc(r.f(0))); }, 1e-6},
              {"frexp_part(a)",
               [](const Row& r) {
                   int exponent;
                   return bits(std::frexp(r.f(0), &exponent));
               },
               0},
              {"frexp_exponent(a)",
               [](const Row& r) {
                   int exponent;
                   std::frexp(r.f(0), &exponent);
                   return word(exponent);
               }},
              {"floatBitsToUint(ldexp(a, int(b)))",
               [](const Row& r) { return bits(std::ldexp(r.f(0), static_cast<int>(r.f(1)))); }, 1e-6},
              {"floatBitsToUint(round(a))",
               [](const Row& r) {
                   return bits(std::abs(r.f(0) - std::trunc(r.f(0))) == 0.5f ? NAN : std::round(r.f(0)));
               },
               0},
              {"floatBitsToUint(sinh(a * 0.1))", [](const Row& r) { return bits(std::sinh(r.f(0) * 0.1f)); }, 1e-3},
              {"floatBitsToUint(cosh(a * 0.1))", [](const Row& r) { return bits(std::cosh(r.f(0) * 0.1f)); }, 1e-3},
              {"floatBitsToUint(asinh(a))", [](const Row& r) { return bits(std::asinh(r.f(0))); }, 1e-3},
              {"floatBitsToUint(acosh(abs(a) + 1.0))",
               [](const Row& r) { return bits(std::acosh(std::abs(r.f(0)) + 1)); }, 1e-3},
              {"floatBitsToUint(atanh(clamp(a, -0.5, 0.5)))",
               [](const Row& r) { return bits(std::atanh(std::clamp(r.f(0), -0.5f, 0.5f))); }, 1e-3},
              {"floatBitsToUint(acos(clamp(a, -1.0, 1.0)))",
               [](const Row& r) { return bits(std::acos(std::clamp(r.f(0), -1.0f, 1.0f))); }, 1e-2},
              {"floatBitsToUint(atan(a))", [](const Row& r) { return bits(std::atan(r.f(0))); }, 1e-2},
              {"floatBitsToUint(radians(a) + degrees(b))",
               [](const Row& r) { return bits(r.f(0) * 0.017453292f + r.f(1) * 57.29578f); }, 1e-4},
              {"floatBitsToUint(reflect(vec2(a, b), vec2(0.0, 1.0)).y)", [](const Row& r) { return bits(-r.f(1)); },
               1e-5},
              {"floatBitsToUint(refract(vec2(0.6, -0.8), vec2(0.0, 1.0), 1.0).y)",
               [](const Row&) { return bits(-0.8f); }, 1e-5},
              {"floatBitsToUint(faceforward(vec2(a, b), vec2(1.0, 0.0), vec2(1.0, 0.0)).x)",
               [](const Row& r) { return bits(-r.f(0)); }, 0},
              {"floatBitsToUint(normalize(vec3(3.0, a * 0.0, 4.0)).z)", [](const Row&) { return bits(0.8f); }, 1e-5},
              {"floatBitsToUint(distance(vec2(a, b), vec2(b, a)))",
               [](const Row& r) { return bits(std::sqrt(2.0f) * std::abs(r.f(0) - r.f(1))); }, 1e-4},
              {"floatBitsToUint(determinant(mat3(a, 1.0, 0.0, 0.0, b, 1.0, 1.0, 0.0, 2.0)))",
               [](const Row& r) { return bits(2 * r.f(0) * r.f(1) + 1); }, 1e-4},
              {"floatBitsToUint((inverse(mat4(2.0)) * vec4(a, b, c, 1.0)).z)",
               [](const Row& r) { return bits(r.f(2) / 2); }, 1e-4},
              {"floatBitsToUint((transpose(mat3x2(a, b, c, 1.0, 2.0, 3.0)) * vec2(1.0, 2.0)).x)",
               [](const Row& r) { return bits(r.f(0) + 2 * r.f(1)); }, 1e-5},
              {"floatBitsToUint(outerProduct(vec2(a, b), vec3(1.0, c, 2.0))[1].y)",
               [](const Row& r) { return bits(r.f(1) * r.f(2)); }, 1e-5},
              {"floatBitsToUint(matrixCompMult(mat2(a, b, c, 1.0), mat2(b, c, a, 2.0))[0].y)",
               [](const Row& r) { return bits(r.f(1) * r.f(2)); }, 1e-5},
              {"floatBitsToUint(mix(vec2(a, b), vec2(c), bvec2(a > b, true)).x)",
               [](const Row& r) { return bits(r.f(0) > r.f(1) ? r.f(2) : r.f(0)); }, 0},
              {"uint(any(greaterThan(vec3(a, b, c), vec3(3.0))))",
               [](const Row& r) { return truth(r.f(0) > 3 || r.f(1) > 3 || r.f(2) > 3); }},
              {"uint(all(not(equal(vec2(a, b), vec2(b, c)))))",
               [](const Row& r) { return truth(r.f(0) != r.f(1) && r.f(1) != r.f(2)); }},
              {"uint((a > b) ^^ (b > c))", [](const Row& r) { return truth((r.f(0) > r.f(1)) != (r.f(1) > r.f(2))); }},
              {"packSnorm4x8(vec4(a * 0.01)) & 0xffu",
               [](const Row& r) {
                   return word(static_cast<int32_t>(std::nearbyint(std::clamp(r.f(0) * 0.01f, -1.0f, 1.0f) * 127))) &
                          0xff;
               }},
              {"packUnorm2x16(vec2(abs(a) * 0.5, 1.0)) >> 16", [](const Row&) { return 0xffffu; }},
              {"floatBitsToUint(unpackUnorm2x16(0x8000ffffu ^ floatBitsToUint(a * 0.0)).x)",
               [](const Row& r) { return bits(std::signbit(r.f(0)) ? NAN : 1.0f); }, 1e-5},
              {"floatBitsToUint(unpackSnorm2x16(0x80007fffu).y)", [](const Row&) { return bits(-1.0f); }, 1e-5},
              {"floatBitsToUint(vec4(a, b, c, 1.0)[int(abs(b)) & 3])",
               [](const Row& r) {
                   const float v[] = {r.f(0), r.f(1), r.f(2), 1};
                   return bits(v[static_cast<int>(std::abs(r.f(1))) & 3]);
               },
               0},
              {"floatBitsToUint(-abs(a) + clamp(-b, 0.0, 1.0) * -c)",
               [](const Row& r) { return bits(-std::abs(r.f(0)) + std::clamp(-r.f(1), 0.0f, 1.0f) * -r.f(2)); }, 1e-5},
              {"floatBitsToUint(clamp(a + b * c, 0.0, 1.0))",
               [](const Row& r) { return bits(std::clamp(r.f(0) + r.f(1) * r.f(2), 0.0f, 1.0f)); }, 1e-5},
              {"precisely(a, b, c)",
               [](const Row& r) {
                   const float product = r.f(0) * r.f(1);
                   return bits(product + r.f(2));
               }},
          },
          floats());
}

} // namespace
} // namespace svga::vulkan::test
