// SPDX-License-Identifier: MIT
/** Whatever a token stream holds, the result is a valid module or a TranslateError. */
#include "samples.h"
#include "validate.h"

#include "device/vgpu10/translator.h"

#include <gtest/gtest.h>

#include <random>

namespace svga::vgpu10::test {
namespace {

std::vector<std::vector<uint32_t>> samples() {
    return {vertexSample().finish(),  pixelSample().finish(),   geometrySample().finish(),
            streamsSample().finish(), flowSample().finish(),    hullSample().finish(),
            domainSample().finish(),  textureSample().finish(), interpolationSample().finish(),
            computeSample().finish()};
}

struct Outcome {
    uint32_t translated = 0, refused = 0;
};

void attempt(const std::vector<uint32_t>& tokens, Outcome& outcome) {
    TranslateOptions options;
    options.renderTargets = {NumericType::Float, NumericType::Sint, NumericType::Uint};
    try {
        const ShaderModule module = translate(tokens, options);
        ++outcome.translated;
        const std::string error = validationError(module.spirv);
        if (!error.empty())
            ADD_FAILURE() << error;
    } catch (const TranslateError&) {
        ++outcome.refused;
    }
    try {
        inspect(tokens);
    } catch (const TranslateError&) {
    }
}

TEST(Malformed, TruncatedAtEveryToken) {
    for (const auto& sample : samples()) {
        for (size_t length = 0; length < sample.size(); ++length) {
            std::vector<uint32_t> cut(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(length));
            EXPECT_THROW(translate(cut, {}), TranslateError);
            if (length < 2)
                continue;
            cut[1] = static_cast<uint32_t>(length); // the header agrees: cut within or between instructions
            Outcome outcome;
            SCOPED_TRACE(length);
            attempt(cut, outcome);
        }
    }
}

TEST(Malformed, FlippedBits) {
    std::mt19937 random(20);
    Outcome outcome;
    for (const auto& sample : samples()) {
        for (int n = 0; n < 1500 && !::testing::Test::HasFailure(); ++n) {
            std::vector<uint32_t> tokens = sample;
            SCOPED_TRACE(n);
            for (uint32_t flips = 1 + random() % 3; flips-- > 0;)
                tokens[2 + random() % (tokens.size() - 2)] ^= 1u << (random() % 32);
            attempt(tokens, outcome);
        }
    }
    // Both happen, else the test says little.
    EXPECT_GT(outcome.translated, 500u);
    EXPECT_GT(outcome.refused, 500u);
}

TEST(Malformed, ReplacedFields) {
    std::mt19937 random(21);
    Outcome outcome;
    for (const auto& sample : samples()) {
        for (int n = 0; n < 1500 && !::testing::Test::HasFailure(); ++n) {
            std::vector<uint32_t> tokens = sample;
            SCOPED_TRACE(n);
            uint32_t& token = tokens[2 + random() % (tokens.size() - 2)];
            switch (random() % 4) {
            case 0:
                token = (token & ~0x7ffu) | random() % VGPU10_NUM_OPCODES;
                break; // opcode
            case 1:
                token = (token & ~0xff000u) | (random() % VGPU10_NUM_OPERANDS) << 12;
                break; // operand type
            case 2:
                token = random() % 70;
                break; // small number
            default:
                token = tokens[2 + random() % (tokens.size() - 2)];
                break; // another token
            }
            attempt(tokens, outcome);
        }
    }
    EXPECT_GT(outcome.translated, 500u);
    EXPECT_GT(outcome.refused, 500u);
}

TEST(Malformed, InstructionsMoved) {
    // Swaps whole instructions: declarations late, blocks that close what they did not open.
    std::mt19937 random(22);
    Outcome outcome;
    for (const auto& sample : samples()) {
        std::vector<std::vector<uint32_t>> instructions;
        for (size_t at = 2; at < sample.size();) {
            const bool custom = (sample[at] & 0x7ff) == VGPU10_OPCODE_CUSTOMDATA;
            const size_t length = custom ? sample[at + 1] : (sample[at] >> 24) & 0x7f;
            instructions.emplace_back(sample.begin() + static_cast<std::ptrdiff_t>(at),
                                      sample.begin() + static_cast<std::ptrdiff_t>(at + length));
            at += length;
        }
        for (int n = 0; n < 500 && !::testing::Test::HasFailure(); ++n) {
            auto shuffled = instructions;
            SCOPED_TRACE(n);
            for (uint32_t swaps = 1 + random() % 4; swaps-- > 0;)
                std::swap(shuffled[random() % shuffled.size()], shuffled[random() % shuffled.size()]);
            std::vector<uint32_t> tokens{sample[0], sample[1]};
            for (const auto& instruction : shuffled)
                tokens.insert(tokens.end(), instruction.begin(), instruction.end());
            attempt(tokens, outcome);
        }
    }
    EXPECT_GT(outcome.translated, 100u);
}

} // namespace
} // namespace svga::vgpu10::test
