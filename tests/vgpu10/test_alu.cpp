// SPDX-License-Identifier: MIT
/**
 * Every ALU instruction, run on the Vulkan device over the values where they go wrong, and compared with the same
 * computed here. One compute shader for each instruction does all its forms (plain, modifiers, saturate, swizzle,
 * mask); one thread for each row of operands.
 */
#include "assembler.h"
#include "shader_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

namespace svga::vgpu10::test {
namespace {

float f(uint32_t bits) {
    return std::bit_cast<float>(bits);
}
uint32_t bitsOf(float value) {
    return std::bit_cast<uint32_t>(value);
}
uint32_t truth(bool value) {
    return value ? ~0u : 0;
}
int32_t s32(uint32_t bits) {
    return static_cast<int32_t>(bits);
}

ShaderRunner& runner() {
    static ShaderRunner instance;
    return instance;
}

constexpr float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::nanf("");

enum class Type { Float, Int };

using Sources = std::array<uint32_t, 4>;

struct Case {
    uint32_t opcode;
    const char* name;
    uint32_t destinations, sources;
    Type in, out;
    uint32_t (*compute)(const Sources& s, uint32_t destination);
    double tolerance = 0; ///< relative, and absolute below 1
    bool tame = false;    ///< only moderate values: the result is only approximate elsewhere
    uint32_t control = 0;
};

std::vector<uint32_t> values(Type type, bool tame) {
    if (type == Type::Int)
        return {0,          1,          2,          3,          5,          31,     32,         33,
                0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0xfffffffe, 0xffff, 0x12345678, 0xdeadbeef};
    std::vector<uint32_t> list;
    if (tame)
        for (const float v :
             {0.0f, 0.25f, -0.25f, 0.5f, 1.0f, -1.0f, 1.5f, -1.5f, 2.0f, 2.75f, -3.0f, 4.5f, 6.0f, -6.25f, 0.1f, 7.0f})
            list.push_back(bitsOf(v));
    else
        for (const float v :
             {0.0f, -0.0f, 0.5f, -0.5f, 1.0f, -1.0f, 1.5f, 2.5f, -2.5f, 123.456f, 3e9f, -3e9f, 5e9f, kInf, -kInf, kNan})
            list.push_back(bitsOf(v));
    return list;
}

uint32_t minNum(uint32_t a, uint32_t b) {
    return bitsOf(std::fmin(f(a), f(b)));
}
uint32_t maxNum(uint32_t a, uint32_t b) {
    return bitsOf(std::fmax(f(a), f(b)));
}

uint32_t toInt(float v) {
    if (std::isnan(v))
        return 0;
    if (v >= 2147483648.0f)
        return 0x7fffffff;
    if (v <= -2147483648.0f)
        return 0x80000000;
    return static_cast<uint32_t>(static_cast<int32_t>(v));
}

uint32_t toUint(float v) {
    if (!(v > 0))
        return 0;
    return v >= 4294967296.0f ? ~0u : static_cast<uint32_t>(v);
}

uint32_t countDown(uint32_t v) {
    return v ? static_cast<uint32_t>(std::countl_zero(v)) : ~0u;
}

uint32_t reverse(uint32_t v) {
    uint32_t r = 0;
    for (int n = 0; n < 32; ++n)
        r |= ((v >> n) & 1) << (31 - n);
    return r;
}

uint32_t signedField(uint32_t width, uint32_t offset, uint32_t value) {
    width &= 31, offset &= 31;
    if (width == 0)
        return 0;
    if (width + offset >= 32)
        return static_cast<uint32_t>(s32(value) >> offset);
    return static_cast<uint32_t>(s32(value << (32 - width - offset)) >> (32 - width));
}

uint32_t signedDivide(uint32_t a, uint32_t b, uint32_t destination) {
    if (b == 0)
        return ~0u;
    if (a == 0x80000000u && b == ~0u)
        return destination == 0 ? a : 0;
    return static_cast<uint32_t>(destination == 0 ? s32(a) / s32(b) : s32(a) % s32(b));
}

#define OP(name) VGPU10_OPCODE_##name, #name
constexpr Type F = Type::Float, I = Type::Int;

const Case kCases[] = {
    {OP(MOV), 1, 1, F, F, [](const Sources& s, uint32_t) { return s[0]; }},
    {OP(ADD), 1, 2, F, F, [](const Sources& s, uint32_t) { return bitsOf(f(s[0]) + f(s[1])); }},
    {OP(MUL), 1, 2, F, F, [](const Sources& s, uint32_t) { return bitsOf(f(s[0]) * f(s[1])); }},
    {OP(DIV), 1, 2, F, F, [](const Sources& s, uint32_t) { return bitsOf(f(s[0]) / f(s[1])); }, 1e-6},
    {OP(MAD), 1, 3, F, F, [](const Sources& s, uint32_t) { return bitsOf(f(s[0]) * f(s[1]) + f(s[2])); }, 1e-5},
    {OP(MIN), 1, 2, F, F, [](const Sources& s, uint32_t) { return minNum(s[0], s[1]); }},
    {OP(MAX), 1, 2, F, F, [](const Sources& s, uint32_t) { return maxNum(s[0], s[1]); }},
    {OP(RCP), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(1.0f / f(s[0])); }, 1e-5},
    {OP(SQRT), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(std::sqrt(f(s[0]))); }, 1e-5},
    {OP(RSQ), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(1.0f / std::sqrt(f(s[0]))); }, 1e-4, true},
    {OP(EXP), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(std::exp2(f(s[0]))); }, 1e-4, true},
    {OP(LOG), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(std::log2(f(s[0]))); }, 1e-4, true},
    {OP(SINCOS), 2, 1, F, F, [](const Sources& s, uint32_t d) { return bitsOf(d == 0 ? std::sin(f(s[0])) : std::cos(f(s[0]))); }, 1e-3, true},
    {OP(FRC), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(f(s[0]) - std::floor(f(s[0]))); }, 1e-6},
    {OP(ROUND_NE), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(std::nearbyint(f(s[0]))); }},
    {OP(ROUND_NI), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(std::floor(f(s[0]))); }},
    {OP(ROUND_PI), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(std::ceil(f(s[0]))); }},
    {OP(ROUND_Z), 1, 1, F, F, [](const Sources& s, uint32_t) { return bitsOf(std::trunc(f(s[0]))); }},
    {OP(EQ), 1, 2, F, I, [](const Sources& s, uint32_t) { return truth(f(s[0]) == f(s[1])); }},
    {OP(NE), 1, 2, F, I, [](const Sources& s, uint32_t) { return truth(f(s[0]) != f(s[1])); }},
    {OP(LT), 1, 2, F, I, [](const Sources& s, uint32_t) { return truth(f(s[0]) < f(s[1])); }},
    {OP(GE), 1, 2, F, I, [](const Sources& s, uint32_t) { return truth(f(s[0]) >= f(s[1])); }},
    {OP(FTOI), 1, 1, F, I, [](const Sources& s, uint32_t) { return toInt(f(s[0])); }},
    {OP(FTOU), 1, 1, F, I, [](const Sources& s, uint32_t) { return toUint(f(s[0])); }},
    {OP(ITOF), 1, 1, I, F, [](const Sources& s, uint32_t) { return bitsOf(static_cast<float>(s32(s[0]))); }},
    {OP(UTOF), 1, 1, I, F, [](const Sources& s, uint32_t) { return bitsOf(static_cast<float>(s[0])); }, 1e-6},
    {OP(AND), 1, 2, I, I, [](const Sources& s, uint32_t) { return s[0] & s[1]; }},
    {OP(OR), 1, 2, I, I, [](const Sources& s, uint32_t) { return s[0] | s[1]; }},
    {OP(XOR), 1, 2, I, I, [](const Sources& s, uint32_t) { return s[0] ^ s[1]; }},
    {OP(NOT), 1, 1, I, I, [](const Sources& s, uint32_t) { return ~s[0]; }},
    {OP(INEG), 1, 1, I, I, [](const Sources& s, uint32_t) { return 0 - s[0]; }},
    {OP(IADD), 1, 2, I, I, [](const Sources& s, uint32_t) { return s[0] + s[1]; }},
    {OP(IMAD), 1, 3, I, I, [](const Sources& s, uint32_t) { return s[0] * s[1] + s[2]; }},
    {OP(UMAD), 1, 3, I, I, [](const Sources& s, uint32_t) { return s[0] * s[1] + s[2]; }},
    {OP(IMAX), 1, 2, I, I, [](const Sources& s, uint32_t) { return static_cast<uint32_t>(std::max(s32(s[0]), s32(s[1]))); }},
    {OP(IMIN), 1, 2, I, I, [](const Sources& s, uint32_t) { return static_cast<uint32_t>(std::min(s32(s[0]), s32(s[1]))); }},
    {OP(UMAX), 1, 2, I, I, [](const Sources& s, uint32_t) { return std::max(s[0], s[1]); }},
    {OP(UMIN), 1, 2, I, I, [](const Sources& s, uint32_t) { return std::min(s[0], s[1]); }},
    {OP(IEQ), 1, 2, I, I, [](const Sources& s, uint32_t) { return truth(s[0] == s[1]); }},
    {OP(INE), 1, 2, I, I, [](const Sources& s, uint32_t) { return truth(s[0] != s[1]); }},
    {OP(ILT), 1, 2, I, I, [](const Sources& s, uint32_t) { return truth(s32(s[0]) < s32(s[1])); }},
    {OP(IGE), 1, 2, I, I, [](const Sources& s, uint32_t) { return truth(s32(s[0]) >= s32(s[1])); }},
    {OP(ULT), 1, 2, I, I, [](const Sources& s, uint32_t) { return truth(s[0] < s[1]); }},
    {OP(UGE), 1, 2, I, I, [](const Sources& s, uint32_t) { return truth(s[0] >= s[1]); }},
    {OP(ISHL), 1, 2, I, I, [](const Sources& s, uint32_t) { return s[0] << (s[1] & 31); }},
    {OP(USHR), 1, 2, I, I, [](const Sources& s, uint32_t) { return s[0] >> (s[1] & 31); }},
    {OP(ISHR), 1, 2, I, I, [](const Sources& s, uint32_t) { return static_cast<uint32_t>(s32(s[0]) >> (s[1] & 31)); }},
    {OP(UDIV), 2, 2, I, I, [](const Sources& s, uint32_t d) { return s[1] == 0 ? ~0u : d == 0 ? s[0] / s[1] : s[0] % s[1]; }},
    {VGPU10_OPCODE_VMWARE, "IDIV", 2, 2, I, I, [](const Sources& s, uint32_t d) { return signedDivide(s[0], s[1], d); }, 0, false, VGPU10_VMWARE_OPCODE_IDIV << 11},
    {OP(UMUL), 2, 2, I, I, [](const Sources& s, uint32_t d) { return static_cast<uint32_t>((uint64_t{s[0]} * s[1]) >> (d == 0 ? 32 : 0)); }},
    {OP(IMUL), 2, 2, I, I, [](const Sources& s, uint32_t d) { return static_cast<uint32_t>((int64_t{s32(s[0])} * s32(s[1])) >> (d == 0 ? 32 : 0)); }},
    {OP(UADDC), 2, 2, I, I, [](const Sources& s, uint32_t d) { return d == 0 ? s[0] + s[1] : uint32_t{s[0] + s[1] < s[0]}; }},
    {OP(USUBB), 2, 2, I, I, [](const Sources& s, uint32_t d) { return d == 0 ? s[0] - s[1] : uint32_t{s[0] < s[1]}; }},
    {OP(COUNTBITS), 1, 1, I, I, [](const Sources& s, uint32_t) { return static_cast<uint32_t>(std::popcount(s[0])); }},
    {OP(BFREV), 1, 1, I, I, [](const Sources& s, uint32_t) { return reverse(s[0]); }},
    {OP(FIRSTBIT_HI), 1, 1, I, I, [](const Sources& s, uint32_t) { return countDown(s[0]); }},
    {OP(FIRSTBIT_LO), 1, 1, I, I, [](const Sources& s, uint32_t) { return s[0] ? static_cast<uint32_t>(std::countr_zero(s[0])) : ~0u; }},
    {OP(FIRSTBIT_SHI), 1, 1, I, I, [](const Sources& s, uint32_t) { return countDown(s32(s[0]) < 0 ? ~s[0] : s[0]); }},
    {OP(UBFE), 1, 3, I, I, [](const Sources& s, uint32_t) { return (s[2] >> (s[1] & 31)) & ((1u << (s[0] & 31)) - 1); }},
    {OP(IBFE), 1, 3, I, I, [](const Sources& s, uint32_t) { return signedField(s[0], s[1], s[2]); }},
    {OP(BFI), 1, 4, I, I, [](const Sources& s, uint32_t) { const uint32_t m = ((1u << (s[0] & 31)) - 1) << (s[1] & 31); return ((s[2] << (s[1] & 31)) & m) | (s[3] & ~m); }},
    {OP(MOVC), 1, 3, I, I, [](const Sources& s, uint32_t) { return s[0] ? s[1] : s[2]; }},
    {OP(SWAPC), 2, 3, I, I, [](const Sources& s, uint32_t d) { return (s[0] != 0) == (d == 0) ? s[2] : s[1]; }},
    {OP(F16TOF32), 1, 1, I, F, [](const Sources& s, uint32_t) {
         const uint32_t h = s[0] & 0xffff, sign = h >> 15 << 31, e = (h >> 10) & 31, m = h & 0x3ff;
         if (e == 31)
             return sign | 0x7f800000 | m << 13;
         const float v = e == 0 ? std::ldexp(static_cast<float>(m), -24) : std::ldexp(static_cast<float>(m | 0x400), static_cast<int>(e) - 25);
         return bitsOf(sign ? -v : v);
     }},
};

/** \brief One form of an instruction. */
struct Form {
    std::string name;
    int modified = -1; ///< source that has the modifier
    bool negate = false, absolute = false, saturate = false, swizzled = false, masked = false;
};

std::vector<Form> formsOf(const Case& c) {
    std::vector<Form> forms{{.name = "plain"}, {.name = "swizzle", .swizzled = true}, {.name = "mask", .masked = true}};
    const bool moves =
        c.opcode == VGPU10_OPCODE_MOVC || c.opcode == VGPU10_OPCODE_SWAPC || c.opcode == VGPU10_OPCODE_F16TOF32;
    const bool bitwise = c.in == Type::Int && (moves || c.sources > 2);
    for (uint32_t n = 0; n < c.sources && !bitwise; ++n) {
        forms.push_back({.name = "neg" + std::to_string(n), .modified = static_cast<int>(n), .negate = true});
        if (c.in == Type::Float) {
            forms.push_back({.name = "abs" + std::to_string(n), .modified = static_cast<int>(n), .absolute = true});
            forms.push_back({.name = "absneg" + std::to_string(n),
                             .modified = static_cast<int>(n),
                             .negate = true,
                             .absolute = true});
        }
    }
    if (c.out == Type::Float && c.opcode != VGPU10_OPCODE_VMWARE)
        forms.push_back({.name = "saturate", .saturate = true});
    return forms;
}

bool same(uint32_t got, uint32_t expected, const Case& c) {
    if (got == expected)
        return true;
    if (c.out != Type::Float)
        return false;
    const float a = f(got), b = f(expected);
    if (std::isnan(a) || std::isnan(b))
        return std::isnan(a) && std::isnan(b);
    const auto flushed = [](float v) { return std::fabs(v) < std::numeric_limits<float>::min() ? 0.0f : v; };
    if (flushed(a) == flushed(b))
        return true;
    return std::fabs(double{a} - b) <= c.tolerance * std::max(1.0, std::fabs(double{b}));
}

/// Marks what a masked destination must leave alone.
constexpr uint32_t kUntouched = 0xabcdef01;
constexpr uint32_t kThreads = 64;

/** \brief Each thread writes eight words for each form: the two destinations. */
std::vector<uint32_t> program(const Case& c, const std::vector<Form>& forms) {
    Assembler a(VGPU10_COMPUTE_SHADER, 5, 0);
    a.threadGroup(kThreads, 1, 1).resourceRaw(0).uavRaw(0).temps(8);
    const Reg thread = special(VGPU10_OPERAND_TYPE_INPUT_THREAD_ID).select('x');
    const auto bytesOfRow = static_cast<uint32_t>(32 * forms.size());
    a.op(VGPU10_OPCODE_ISHL, {r(0).mask("x"), thread, imm(6u)});
    a.op(VGPU10_OPCODE_UMUL, {nullReg(), r(0).mask("y"), thread, imm(bytesOfRow)});
    for (uint32_t n = 0; n < 4; ++n) {
        a.op(VGPU10_OPCODE_IADD, {r(0).mask("z"), r(0).swizzle("xxxx"), imm(16 * n)});
        a.op(VGPU10_OPCODE_LD_RAW, {r(1 + n), r(0).select('z'), t(0)});
    }
    for (const Form& form : forms) {
        a.op(VGPU10_OPCODE_MOV, {r(5), imm(kUntouched)}).op(VGPU10_OPCODE_MOV, {r(6), imm(kUntouched)});
        std::vector<Reg> operands;
        for (uint32_t n = 0; n < c.destinations; ++n)
            operands.push_back(r(5 + n).mask(form.masked ? "xz" : "xyzw"));
        for (uint32_t n = 0; n < c.sources; ++n) {
            Reg source = r(1 + n).swizzle(form.swizzled ? "wxzz" : "xyzw");
            if (form.modified == static_cast<int>(n))
                source = form.negate ? (form.absolute ? source.absNeg() : source.neg()) : source.abs();
            operands.push_back(source);
        }
        a.emit(c.opcode, operands, {}, {.saturate = form.saturate, .bits = c.control});
        for (uint32_t n = 0; n < 2; ++n) {
            a.op(VGPU10_OPCODE_STORE_RAW, {u(0), r(0).select('y'), r(5 + n).swizzle("xyzw")});
            a.op(VGPU10_OPCODE_IADD, {r(0).mask("y"), r(0).swizzle("yyyy"), imm(16u)});
        }
    }
    a.op(VGPU10_OPCODE_RET);
    return a.finish();
}

uint32_t modify(uint32_t value, Type type, const Form& form) {
    if (type == Type::Int)
        return form.negate ? 0 - value : value;
    if (form.absolute)
        value &= 0x7fffffff;
    return form.negate ? value ^ 0x80000000 : value;
}

void PrintTo(const Case& c, std::ostream* out) {
    *out << c.name;
}

class Alu : public ::testing::TestWithParam<Case> {};

TEST_P(Alu, ComputesWhatTheCpuComputes) {
    const Case& c = GetParam();
    const std::vector<uint32_t> list = values(c.in, c.tame);
    const auto count = static_cast<uint32_t>(list.size());
    // Each row has 4 components: all pairs of values, the other sources rotating.
    const uint32_t rows = count * count;
    Words input;
    for (uint32_t row = 0; row < rows; ++row)
        for (uint32_t source = 0; source < 4; ++source)
            for (uint32_t k = 0; k < 4; ++k) {
                const uint32_t pick[] = {row % count + k, row / count, row + row / count + 5 * k, row * 3 + k};
                input.push_back(list[pick[source] % count]);
            }
    const std::vector<Form> forms = formsOf(c);
    const size_t rowWords = 8 * forms.size();
    StageJob job;
    job.tokens = program(c, forms);
    job.buffers[0] = input;
    job.uavBuffers[0].resize(rows * rowWords);
    runner().dispatch(job, rows / kThreads);
    for (size_t index = 0; index < forms.size(); ++index) {
        const Form& form = forms[index];
        SCOPED_TRACE(form.name);
        const uint32_t* output = &job.uavBuffers[0][8 * index];
        uint32_t wrong = 0;
        for (uint32_t row = 0; row < rows && wrong < 5; ++row) {
            for (uint32_t destination = 0; destination < c.destinations; ++destination) {
                for (uint32_t k = 0; k < 4; ++k) {
                    constexpr uint32_t kSwizzle[] = {3, 0, 2, 2};
                    Sources sources{};
                    for (uint32_t n = 0; n < c.sources; ++n) {
                        sources[n] = input[row * 16 + n * 4 + (form.swizzled ? kSwizzle[k] : k)];
                        if (form.modified == static_cast<int>(n))
                            sources[n] = modify(sources[n], c.in, form);
                    }
                    uint32_t expected = c.compute(sources, destination);
                    if (form.saturate) {
                        const float v = f(expected);
                        expected = bitsOf(v > 1 ? 1.0f : v > 0 ? v : 0.0f);
                    }
                    if (form.masked && (k & 1))
                        expected = kUntouched;
                    const uint32_t got = output[row * rowWords + destination * 4 + k];
                    if (form.masked && (k & 1) ? got != expected : !same(got, expected, c)) {
                        ADD_FAILURE() << std::hex << "sources " << sources[0] << " " << sources[1] << " " << sources[2]
                                      << ": got " << got << ", expected " << expected << " (" << f(got) << ", "
                                      << f(expected) << ") in destination " << destination << " component " << k;
                        ++wrong;
                    }
                }
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Opcodes, Alu, ::testing::ValuesIn(kCases),
                         [](const auto& instance) { return std::string(instance.param.name); });

/** \brief Runs a body over one row of four sources and gives r5. */
Words runOnce(const std::array<std::array<uint32_t, 4>, 4>& sources, const std::function<void(Assembler&)>& body) {
    Assembler a(VGPU10_COMPUTE_SHADER, 5, 0);
    a.threadGroup(1, 1, 1).resourceRaw(0).uavRaw(0).temps(8).indexableTemp(2, 4);
    body(a);
    a.op(VGPU10_OPCODE_STORE_RAW, {u(0), imm(0u), r(5).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    StageJob job;
    job.tokens = a.finish();
    for (const auto& source : sources)
        job.buffers[0].insert(job.buffers[0].end(), source.begin(), source.end());
    job.uavBuffers[0].resize(4);
    runner().dispatch(job, 1);
    return job.uavBuffers[0];
}

void loadSources(Assembler& a) {
    for (uint32_t n = 0; n < 4; ++n)
        a.op(VGPU10_OPCODE_LD_RAW, {r(1 + n), imm(16 * n), t(0)});
}

std::array<uint32_t, 4> floats(float a, float b, float c, float d) {
    return {bitsOf(a), bitsOf(b), bitsOf(c), bitsOf(d)};
}

TEST(AluSpecial, DotProducts) {
    const std::array<std::array<uint32_t, 4>, 4> in{floats(1, 2, 3, 4), floats(5, 6, 7, 8), {}, {}};
    const float expected[] = {17, 38, 70};
    const uint32_t opcodes[] = {VGPU10_OPCODE_DP2, VGPU10_OPCODE_DP3, VGPU10_OPCODE_DP4};
    for (uint32_t n = 0; n < 3; ++n) {
        const Words out = runOnce(in, [&](Assembler& a) {
            loadSources(a);
            a.op(opcodes[n], {r(5), r(1).swizzle("xyzw"), r(2).swizzle("xyzw")});
        });
        EXPECT_EQ(out, Words(4, bitsOf(expected[n])));
        const Words half = runOnce(in, [&](Assembler& a) {
            loadSources(a);
            a.op(VGPU10_OPCODE_MOV, {r(5), imm(0u)});
            a.op(opcodes[n], {r(5).mask("y"), r(1).swizzle("xyzw").neg(), r(2).swizzle("xyzw")});
        });
        EXPECT_EQ(half, (Words{0, bitsOf(-expected[n]), 0, 0}));
    }
}

TEST(AluSpecial, HalfConversions) {
    const Words out = runOnce({floats(1.0f, -2.5f, 65504.0f, 0.0f), {}, {}, {}}, [&](Assembler& a) {
        loadSources(a);
        a.op(VGPU10_OPCODE_F32TOF16, {r(5), r(1).swizzle("xyzw")});
    });
    EXPECT_EQ(out, (Words{0x3c00, 0xc100, 0x7bff, 0}));
}

TEST(AluSpecial, MovesKeepTheBitsOfNans) {
    const std::array<uint32_t, 4> odd{0x7fa00001, 0xffc12345, 0x00000001, 0x80000001};
    const Words out = runOnce({odd, {}, {}, {}}, [&](Assembler& a) {
        loadSources(a);
        a.op(VGPU10_OPCODE_MOV, {r(6), r(1).swizzle("xyzw")});
        a.op(VGPU10_OPCODE_MOVC, {r(5), imm(1u), r(6).swizzle("xyzw"), r(2).swizzle("xyzw")});
    });
    EXPECT_EQ(out, Words(odd.begin(), odd.end()));
}

TEST(AluSpecial, SmallIntegersAddAsFloats) {
    // Mesa adds a constant index to an atomic counter's offset with ADD.
    const Words out = runOnce({std::array<uint32_t, 4>{0, 3, bitsOf(1.0f), 0x7fffff}, {}, {}, {}}, [&](Assembler& a) {
        loadSources(a);
        a.op(VGPU10_OPCODE_ADD, {r(5), r(1).swizzle("xyzw"), imm(2u)});
    });
    EXPECT_EQ(out, (Words{2, 5, bitsOf(1.0f), 0x800001}));
}

TEST(AluSpecial, IndexableTempsAreClamped) {
    const Words out =
        runOnce({std::array<uint32_t, 4>{1, 0xfffffff0, 7, 2}, {11, 12, 13, 14}, {}, {}}, [&](Assembler& a) {
            loadSources(a);
            for (uint32_t n = 0; n < 4; ++n)
                a.op(VGPU10_OPCODE_MOV, {x(2, n), imm(100 + n)});
            a.op(VGPU10_OPCODE_MOV, {x(2, 1).relative(1, r(1).select('x')), r(2).swizzle("xyzw")}); // x2[2]
            a.op(VGPU10_OPCODE_MOV, {r(5).mask("x"), x(2, 0).relative(1, r(1).select('w')).swizzle("yyyy")});
            a.op(VGPU10_OPCODE_MOV,
                 {r(5).mask("y"), x(2, 0).relative(1, r(1).select('y')).swizzle("yyyy")}); // past the end
            a.op(VGPU10_OPCODE_MOV,
                 {r(5).mask("z"), x(2, 0).relative(1, r(1).select('z')).swizzle("yyyy")}); // past the end
            a.op(VGPU10_OPCODE_MOV, {r(5).mask("w"), x(2, 1).swizzle("yyyy")});
        });
    EXPECT_EQ(out, (Words{12, 103, 103, 101}));
}

TEST(AluSpecial, ConstantsOutOfBoundsAreZero) {
    Assembler a(VGPU10_COMPUTE_SHADER, 5, 0);
    a.threadGroup(1, 1, 1).constantBuffer(3, 4).uavRaw(0).temps(2);
    const std::array<uint32_t, 4> constants[] = {{1, 2, 3, 4}, {5, 6, 7, 8}};
    a.immediates(constants);
    a.op(VGPU10_OPCODE_MOV, {r(0), cb(3, 0).swizzle("xyzw")}); // 1, 2, 100, 4
    a.op(VGPU10_OPCODE_MOV, {r(1).mask("x"), cb(3, 1).relative(1, r(0).select('x')).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV, {r(1).mask("y"), cb(3, 9).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV, {r(1).mask("z"), icb(0).relative(0, r(0).select('x')).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_MOV, {r(1).mask("w"), icb(0).relative(0, r(0).select('z')).swizzle("xyzw")});
    a.op(VGPU10_OPCODE_STORE_RAW, {u(0), imm(0u), r(1).swizzle("xyzw")}).op(VGPU10_OPCODE_RET);
    StageJob job;
    job.tokens = a.finish();
    job.constantBuffers[3] = {1, 2, 100, 4, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0};
    job.uavBuffers[0].resize(4);
    runner().dispatch(job, 1);
    EXPECT_EQ(job.uavBuffers[0], (Words{9, 0, 7, 0}));
}

std::array<uint32_t, 4> doubles(double a, double b) {
    std::array<uint32_t, 4> words;
    const double pair[] = {a, b};
    std::memcpy(words.data(), pair, sizeof(pair));
    return words;
}

TEST(AluSpecial, Doubles) {
    if (!runner().device().features().shaderFloat64)
        GTEST_SKIP() << "the Vulkan device has no doubles";
    const auto run = [&](uint32_t opcode, uint32_t sources, uint32_t control = 0, std::string_view mask = "xyzw") {
        return runOnce({doubles(3.5, -0.25), doubles(2.0, 8.0), doubles(1.0, 2.0), {}}, [&](Assembler& a) {
            loadSources(a);
            a.op(VGPU10_OPCODE_MOV, {r(5), imm(0u)});
            std::vector<Reg> operands{r(5).mask(mask)};
            for (uint32_t n = 0; n < sources; ++n)
                operands.push_back(r(1 + n).swizzle("xyzw"));
            a.emit(opcode, operands, {}, {.bits = control});
        });
    };
    const auto words = [](double a, double b) {
        const auto array = doubles(a, b);
        return Words(array.begin(), array.end());
    };
    EXPECT_EQ(run(VGPU10_OPCODE_DADD, 2), words(5.5, 7.75));
    EXPECT_EQ(run(VGPU10_OPCODE_DMUL, 2), words(7.0, -2.0));
    EXPECT_EQ(run(VGPU10_OPCODE_DDIV, 2), words(1.75, -0.03125));
    EXPECT_EQ(run(VGPU10_OPCODE_DMIN, 2), words(2.0, -0.25));
    EXPECT_EQ(run(VGPU10_OPCODE_DMAX, 2), words(3.5, 8.0));
    EXPECT_EQ(run(VGPU10_OPCODE_DFMA, 3), words(8.0, 0.0));
    EXPECT_EQ(run(VGPU10_OPCODE_DMOV, 1), words(3.5, -0.25));
    EXPECT_EQ(run(VGPU10_OPCODE_DRCP, 1), words(1 / 3.5, -4.0));
    EXPECT_EQ(run(VGPU10_OPCODE_VMWARE, 1, VGPU10_VMWARE_OPCODE_DFRC << 11), words(0.5, 0.75));
    EXPECT_EQ(run(VGPU10_OPCODE_DLT, 2, 0, "xy"), (Words{0, ~0u, 0, 0}));
    EXPECT_EQ(run(VGPU10_OPCODE_DGE, 2, 0, "xy"), (Words{~0u, 0, 0, 0}));
    EXPECT_EQ(run(VGPU10_OPCODE_DEQ, 2, 0, "xy"), (Words{0, 0, 0, 0}));
    EXPECT_EQ(run(VGPU10_OPCODE_DNE, 2, 0, "xy"), (Words{~0u, ~0u, 0, 0}));
    EXPECT_EQ(run(VGPU10_OPCODE_DTOF, 1, 0, "xy"), (Words{bitsOf(3.5f), bitsOf(-0.25f), 0, 0}));
    EXPECT_EQ(run(VGPU10_OPCODE_DTOI, 1, 0, "xy"), (Words{3, 0, 0, 0}));
    EXPECT_EQ(run(VGPU10_OPCODE_DTOU, 1, 0, "xy"), (Words{3, 0, 0, 0}));
    const Words root = run(VGPU10_OPCODE_VMWARE, 1, VGPU10_VMWARE_OPCODE_DRSQ << 11, "xy");
    EXPECT_NEAR(std::bit_cast<double>(uint64_t{root[1]} << 32 | root[0]), 1 / std::sqrt(3.5), 1e-9);
    const Words converted = runOnce({floats(1.5f, -2.0f, 0, 0), {}, {}, {}}, [&](Assembler& a) {
        loadSources(a);
        a.op(VGPU10_OPCODE_FTOD, {r(5), r(1).swizzle("yxxx")});
    });
    EXPECT_EQ(converted, words(-2.0, 1.5));
    const Words chosen =
        runOnce({doubles(1, 2), doubles(3, 4), std::array<uint32_t, 4>{0, 5, 0, 0}, {}}, [&](Assembler& a) {
            loadSources(a);
            a.op(VGPU10_OPCODE_DMOVC, {r(5), r(3).swizzle("xyxx"), r(1).swizzle("xyzw"), r(2).swizzle("xyzw")});
        });
    EXPECT_EQ(chosen, words(3, 2));
}

} // namespace
} // namespace svga::vgpu10::test
