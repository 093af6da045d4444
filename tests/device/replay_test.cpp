// SPDX-License-Identifier: MIT
// Recordings of programs, played to the device that draws; and the same recordings with their bytes changed.
#include "device/player.h"
#include "device/renderer.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

namespace svga::device::test {
namespace {

RendererFactory vulkan(bool copyOnly = true) {
    return [copyOnly](const MobLookup& mobs) { return createVulkanRenderer(mobs, {.copyOnly = copyOnly}); };
}

std::string recording(const std::string& name) {
    return std::string(SVGA_TEST_RECORDINGS) + "/" + name + ".svgarec";
}

/** \brief What is drawn to \p surfaceId at the end of a recording. */
std::vector<std::byte> drawn(const std::string& name, uint32_t surfaceId, bool copyOnly) {
    RecordingReader reader(recording(name));
    Player player(vulkan(copyOnly));
    player.play(reader);
    EXPECT_EQ(player.failures(), 0u);
    EXPECT_GT(player.writes().count, 0u);
    return player.dumpSurface(surfaceId);
}

/**
 * piglit's bufferstorage-persistent draw: four rows of squares of 5 x 5 pixels, white on black, whose vertices were
 * written to a persistent mapping between the draws.
 */
TEST(Replay, DrawsFromAPersistentMapping) {
    constexpr uint32_t width = 160, height = 160, surface = 2;
    for (bool copyOnly : {true, false}) {
        std::vector<std::byte> bytes = drawn("persistent-draw", surface, copyOnly);
        ASSERT_EQ(bytes.size(), width * height * 4);
        uint32_t white = 0;
        for (std::size_t pixel = 0; pixel < bytes.size(); pixel += 4) {
            uint32_t color = 0;
            std::memcpy(&color, bytes.data() + pixel, 3);
            ASSERT_TRUE(color == 0 || color == 0xffffff) << "pixel " << pixel / 4;
            white += color != 0;
        }
        EXPECT_EQ(white, 4 * 5 * 5u) << copyOnly;
        auto at = [&](uint32_t x, uint32_t y) { return bytes[(y * width + x) * 4]; };
        EXPECT_EQ(at(15, 15), std::byte{0xff}) << copyOnly;
        EXPECT_EQ(at(11, 15), std::byte{0});
    }
}

/** Recordings whose bytes were changed: errors are told, and the next one plays. */
TEST(Replay, ChangedRecordingsAreSurvived) {
    spdlog::set_level(spdlog::level::off);
    std::ifstream file(recording("persistent-draw"), std::ios::binary);
    const std::string original((std::istreambuf_iterator<char>(file)), {});
    ASSERT_GT(original.size(), 1000u);
    auto path = std::filesystem::temp_directory_path() / fmt::format("svga-replay-test-{}", ::getpid());
    const char* wanted = std::getenv("SVGA_TEST_SEEDS");
    const uint32_t seeds = wanted ? static_cast<uint32_t>(std::stoul(wanted)) : 20;
    uint64_t failures = 0;
    for (uint32_t seed = 0; seed < seeds; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        std::string changed = original;
        for (uint32_t i = 0; i < 1 + seed % 8; ++i) {
            // Words within commands and data, mostly: what is known to be wrong at once tests little.
            std::size_t at = sizeof(RecordingHeader) + random() % (changed.size() - sizeof(RecordingHeader) - 4);
            static constexpr std::array<uint32_t, 8> kTelling = {0,          1,          2,       0x7fffffff,
                                                                 0x80000000, 0xffffffff, 0x10000, 16};
            uint32_t value = random() % 2 ? kTelling[random() % kTelling.size()] : static_cast<uint32_t>(random());
            std::memcpy(changed.data() + at / 4 * 4, &value, random() % 3 ? sizeof(value) : 1);
        }
        std::ofstream(path, std::ios::binary) << changed;
        try {
            RecordingReader reader(path.string());
            Player player(vulkan(seed % 2 == 0));
            player.play(reader);
            failures += player.failures();
        } catch (const Error&) { // a record that makes no sense
        }
    }
    std::filesystem::remove(path);
    EXPECT_GT(failures, 0u);
}

} // namespace
} // namespace svga::device::test
