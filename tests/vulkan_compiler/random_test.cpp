// SPDX-License-Identifier: MIT
/**
 * Random programs: written out as GLSL and run here at the same time. They nest branches and loops with breaks and
 * continues over variables, vectors and arrays, so that what lives in which register when is put to the test.
 */
#include "job.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <memory>
#include <random>

namespace svga::vulkan::test {
namespace {

constexpr uint32_t kVariables = 6, kVectors = 2, kArray = 8, kThreads = 32;

struct State {
    std::array<uint32_t, kVariables> v{};
    std::array<std::array<uint32_t, 4>, kVectors> w{};
    std::array<uint32_t, kArray> a{};
    std::vector<uint32_t> counters; ///< of the loops around
    uint32_t n = 0;                 ///< the thread
};

struct Expression {
    std::string glsl;
    std::function<uint32_t(const State&)> value;
};

enum class Jump { None, Break, Continue };

struct Statement {
    std::string glsl;
    std::function<Jump(State&)> execute;
};

class Generator {
public:
    explicit Generator(uint32_t seed)
        : random_(seed) {}

    Statement block(uint32_t depth, uint32_t length) {
        std::vector<Statement> list;
        for (uint32_t k = 0; k < length; ++k)
            list.push_back(statement(depth));
        std::string glsl;
        for (const Statement& s : list)
            glsl += s.glsl;
        return {glsl, [list](State& state) {
                    for (const Statement& s : list)
                        if (const Jump jump = s.execute(state); jump != Jump::None)
                            return jump;
                    return Jump::None;
                }};
    }

private:
    uint32_t pick(uint32_t count) { return std::uniform_int_distribution<uint32_t>(0, count - 1)(random_); }

    Expression leaf() {
        switch (pick(6)) {
        case 0: {
            const uint32_t word = pick(2) ? pick(16) : random_();
            return {std::to_string(word) + "u", [word](const State&) { return word; }};
        }
        case 1: {
            const uint32_t w = pick(kVectors), c = pick(4);
            return {"w" + std::to_string(w) + "." + "xyzw"[c], [=](const State& s) { return s.w[w][c]; }};
        }
        case 2:
            return {"n", [](const State& s) { return s.n; }};
        case 3:
            if (loops_ > 0) {
                const uint32_t loop = pick(loops_);
                return {"i" + std::to_string(loop), [=](const State& s) { return s.counters[loop]; }};
            }
            [[fallthrough]];
        default: {
            const uint32_t v = pick(kVariables);
            return {"v" + std::to_string(v), [=](const State& s) { return s.v[v]; }};
        }
        }
    }

    Expression expression(uint32_t depth) {
        if (depth == 0 || pick(5) == 0)
            return leaf();
        using Binary = uint32_t (*)(uint32_t, uint32_t);
        struct Form {
            const char *before, *between, *after;
            Binary compute;
        };
        static const Form kForms[] = {
            {"(", " + ", ")", [](uint32_t a, uint32_t b) { return a + b; }},
            {"(", " - ", ")", [](uint32_t a, uint32_t b) { return a - b; }},
            {"(", " * ", ")", [](uint32_t a, uint32_t b) { return a * b; }},
            {"(", " & ", ")", [](uint32_t a, uint32_t b) { return a & b; }},
            {"(", " | ", ")", [](uint32_t a, uint32_t b) { return a | b; }},
            {"(", " ^ ", ")", [](uint32_t a, uint32_t b) { return a ^ b; }},
            {"(", " >> (31u & ", "))", [](uint32_t a, uint32_t b) { return a >> (b & 31); }},
            {"(", " << (31u & ", "))", [](uint32_t a, uint32_t b) { return a << (b & 31); }},
            {"(", " / (1u | ", "))", [](uint32_t a, uint32_t b) { return a / (b | 1); }},
            {"(", " % (1u | ", "))", [](uint32_t a, uint32_t b) { return a % (b | 1); }},
            {"min(", ", ", ")", [](uint32_t a, uint32_t b) { return std::min(a, b); }},
            {"max(", ", ", ")", [](uint32_t a, uint32_t b) { return std::max(a, b); }},
            {"uint(", " < ", ")", [](uint32_t a, uint32_t b) { return uint32_t{a < b}; }},
            {"uint(int(", ") >= int(", "))",
             [](uint32_t a, uint32_t b) { return uint32_t{static_cast<int32_t>(a) >= static_cast<int32_t>(b)}; }},
            {"uint(int(", ") / int(3u | (0xffffu & ", ")))",
             [](uint32_t a, uint32_t b) {
                 return static_cast<uint32_t>(static_cast<int32_t>(a) / static_cast<int32_t>(3 | (0xffff & b)));
             }},
            {"(uint(bitCount(", ")) + ", ")",
             [](uint32_t a, uint32_t b) { return static_cast<uint32_t>(std::popcount(a)) + b; }},
            {"uint(float(65535u & ", ") * 0.5 + float(255u & ", "))",
             [](uint32_t a, uint32_t b) { return (a & 65535) / 2 + (b & 255); }},
        };
        const Expression a = expression(depth - 1), b = expression(depth - 1);
        const uint32_t which = pick(std::size(kForms) + 3);
        if (which < std::size(kForms)) {
            const Form& f = kForms[which];
            return {f.before + a.glsl + f.between + b.glsl + f.after,
                    [=](const State& s) { return f.compute(a.value(s), b.value(s)); }};
        }
        if (which == std::size(kForms)) {
            const Expression c = expression(depth - 1);
            return {"(" + a.glsl + " > " + b.glsl + " ? " + c.glsl + " : " + a.glsl + ")",
                    [=](const State& s) { return a.value(s) > b.value(s) ? c.value(s) : a.value(s); }};
        }
        if (which == std::size(kForms) + 1)
            return {"a[7u & " + a.glsl + "]", [=](const State& s) { return s.a[7 & a.value(s)]; }};
        const uint32_t w = pick(kVectors);
        return {"w" + std::to_string(w) + "[3u & " + a.glsl + "]",
                [=](const State& s) { return s.w[w][3 & a.value(s)]; }};
    }

    Statement assignment() {
        const Expression value = expression(3);
        switch (pick(6)) {
        case 0: {
            const Expression at = expression(1);
            return {"a[7u & " + at.glsl + "] = " + value.glsl + ";\n", [=](State& s) {
                        const uint32_t word = value.value(s);
                        s.a[7 & at.value(s)] = word;
                        return Jump::None;
                    }};
        }
        case 1: {
            const uint32_t w = pick(kVectors), x = pick(4), y = (x + 1 + pick(3)) % 4;
            const Expression second = expression(2);
            return {"w" + std::to_string(w) + "." + "xyzw"[x] + "xyzw"[y] + " = uvec2(" + value.glsl + ", " +
                        second.glsl + ");\n",
                    [=](State& s) {
                        const uint32_t first = value.value(s), other = second.value(s);
                        s.w[w][x] = first;
                        s.w[w][y] = other;
                        return Jump::None;
                    }};
        }
        case 2: {
            const uint32_t w = pick(kVectors), from = pick(kVectors), turn = pick(4);
            const char* const swizzles[] = {"xyzw", "yzwx", "zwxy", "wxyz"};
            return {"w" + std::to_string(w) + " = w" + std::to_string(from) + "." + swizzles[turn] + " ^ " + "uvec4(" +
                        value.glsl + ");\n",
                    [=](State& s) {
                        const auto old = s.w[from];
                        const uint32_t word = value.value(s);
                        for (uint32_t c = 0; c < 4; ++c)
                            s.w[w][c] = old[(c + turn) % 4] ^ word;
                        return Jump::None;
                    }};
        }
        default: {
            const uint32_t v = pick(kVariables);
            return {"v" + std::to_string(v) + " = " + value.glsl + ";\n", [=](State& s) {
                        s.v[v] = value.value(s);
                        return Jump::None;
                    }};
        }
        }
    }

    Statement loop(uint32_t depth) {
        const uint32_t count = 1 + pick(5);
        const Expression more = expression(1);
        const uint32_t number = loops_++;
        const Statement body = block(depth - 1, 2 + pick(3));
        --loops_;
        const std::string i = "i" + std::to_string(number);
        // Of a count that the compiler knows, and of one that it does not.
        const bool known = pick(2) == 0;
        const std::string bound = known ? std::to_string(count) + "u" : "(3u & " + more.glsl + ")";
        return {"{ uint bound" + std::to_string(number) + " = " + bound + ";\nfor (uint " + i + " = 0u; " + i +
                    " < bound" + std::to_string(number) + "; ++" + i + ") {\n" + body.glsl + "}\n}\n",
                [=](State& s) {
                    const uint32_t end = known ? count : 3 & more.value(s);
                    s.counters.resize(number + 1);
                    for (uint32_t k = 0; k < end; ++k) {
                        s.counters[number] = k;
                        const Jump jump = body.execute(s);
                        s.counters.resize(number + 1);
                        if (jump == Jump::Break)
                            break;
                    }
                    s.counters.resize(number);
                    return Jump::None;
                }};
    }

    Statement statement(uint32_t depth) {
        const uint32_t which = pick(10);
        if (depth > 0 && which < 2) {
            const Expression condition = expression(2);
            const Statement yes = block(depth - 1, 1 + pick(3)), no = block(depth - 1, pick(3));
            return {"if ((" + condition.glsl + " & 1u) != 0u) {\n" + yes.glsl + "} else {\n" + no.glsl + "}\n",
                    [=](State& s) { return condition.value(s) & 1 ? yes.execute(s) : no.execute(s); }};
        }
        if (depth > 0 && which < 4)
            return loop(depth);
        if (loops_ > 0 && which == 4) {
            const Expression condition = expression(1);
            const bool isBreak = pick(2) == 0;
            return {"if ((" + condition.glsl + " & 3u) == 1u) " + (isBreak ? "break" : "continue") + ";\n",
                    [=](State& s) {
                        if ((condition.value(s) & 3) != 1)
                            return Jump::None;
                        return isBreak ? Jump::Break : Jump::Continue;
                    }};
        }
        return assignment();
    }

    std::mt19937 random_;
    uint32_t loops_ = 0;
};

class Random : public ::testing::TestWithParam<uint32_t> {};

TEST_P(Random, ProgramsDoWhatTheyDoHere) {
    Generator generator(GetParam());
    const Statement program = generator.block(3, 10);
    std::string glsl = "#version 450\nlayout(local_size_x = 32) in;\n"
                       "layout(std430, set = 0, binding = 0) buffer Out { uint words[]; } o;\nvoid main() {\n"
                       "uint n = gl_LocalInvocationIndex;\nuint a[8];\n"
                       "for (uint k = 0u; k < 8u; ++k) a[k] = k * 77u + n;\n";
    constexpr uint32_t kWords = kVariables + 4 * kVectors + kArray;
    for (uint32_t v = 0; v < kVariables; ++v)
        glsl += "uint v" + std::to_string(v) + " = o.words[n * " + std::to_string(kWords) + "u + " + std::to_string(v) +
                "u];\n";
    for (uint32_t w = 0; w < kVectors; ++w)
        glsl += "uvec4 w" + std::to_string(w) + " = uvec4(n, 1u, n * n, " + std::to_string(w) + "u);\n";
    glsl += program.glsl;
    const auto put = [&](uint32_t at, const std::string& value) {
        glsl += "o.words[n * " + std::to_string(kWords) + "u + " + std::to_string(at) + "u] = " + value + ";\n";
    };
    for (uint32_t v = 0; v < kVariables; ++v)
        put(v, "v" + std::to_string(v));
    for (uint32_t c = 0; c < 4 * kVectors; ++c)
        put(kVariables + c, "w" + std::to_string(c / 4) + "[" + std::to_string(c % 4) + "]");
    for (uint32_t k = 0; k < kArray; ++k)
        put(kVariables + 4 * kVectors + k, "a[" + std::to_string(k) + "]");
    glsl += "}\n";

    ComputeJob job;
    job.storage[0].resize(kThreads * kWords);
    std::vector<State> states(kThreads);
    for (uint32_t n = 0; n < kThreads; ++n) {
        State& s = states[n];
        s.n = n;
        for (uint32_t v = 0; v < kVariables; ++v)
            s.v[v] = job.storage[0][n * kWords + v] = (n * kVariables + v) * 2654435761u;
        for (uint32_t w = 0; w < kVectors; ++w)
            s.w[w] = {n, 1, n * n, w};
        for (uint32_t k = 0; k < kArray; ++k)
            s.a[k] = k * 77 + n;
        program.execute(s);
    }
    run(glsl, job);
    for (uint32_t n = 0; n < kThreads; ++n) {
        Words expected(states[n].v.begin(), states[n].v.end());
        for (const auto& w : states[n].w)
            expected.insert(expected.end(), w.begin(), w.end());
        expected.insert(expected.end(), states[n].a.begin(), states[n].a.end());
        const Words got(job.storage[0].begin() + n * kWords, job.storage[0].begin() + (n + 1) * kWords);
        ASSERT_EQ(got, expected) << "thread " << n << " of\n" << glsl;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Random, ::testing::Range(1u, 13u));

} // namespace
} // namespace svga::vulkan::test
