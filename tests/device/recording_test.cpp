// SPDX-License-Identifier: MIT
// A device that is recorded, and the recording played: the same reads, the same writes.
#include "test_guest.h"

#include "device/player.h"
#include "device/recording.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <random>

namespace svga::device::test {
namespace {

/** \brief A renderer that adds up: SUM {mob, offset, size, result} writes the sum of a MOB's bytes to another place of
 * it. */
class SumRenderer final : public Renderer {
public:
    static constexpr uint32_t kSum = SVGA_3D_CMD_MAX;
    struct Sum {
        uint32_t mob, offset, size, result;
    };

    explicit SumRenderer(const MobLookup& mobs)
        : mobs_(mobs) {}
    void registerCommands(CommandTable& table) override {
        table.add(kSum, "SUM", [this](uint32_t, CommandBody body) {
            auto command = body.take<Sum>();
            auto mob = mobs_.get(command.mob);
            if (command.size > mob->size())
                throw CommandError("too large");
            std::vector<std::byte> bytes(command.size);
            mob->read(command.offset, bytes);
            uint32_t sum = 0;
            for (std::byte byte : bytes)
                sum += std::to_integer<uint32_t>(byte);
            mob->write(command.result, std::as_bytes(std::span(&sum, 1)));
        });
    }
    uint32_t devcap(uint32_t) const override { return 0; }
    uint64_t submit() override { return 0; }
    void wait(uint64_t) override {}

private:
    const MobLookup& mobs_;
};

RendererFactory sums() {
    return [](const MobLookup& mobs) { return std::make_unique<SumRenderer>(mobs); };
}

class RecordingTest : public ::testing::Test {
protected:
    RecordingTest()
        : path_(std::filesystem::temp_directory_path() / fmt::format("svga-recording-test-{}", ::getpid())) {}
    ~RecordingTest() override { std::filesystem::remove(path_); }
    std::string path() const { return path_.string(); }

    /** Records a guest that writes, has sums made and defines MOBs anew. \return the sums the guest saw */
    std::vector<uint32_t> record() {
        std::vector<uint32_t> results;
        auto random = [engine = std::mt19937(3)]() mutable { return static_cast<uint32_t>(engine()); };
        TestGuest guest(std::make_shared<Recorder>(path()), sums());
        guest.bringUp();
        uint64_t memory = guest.allocate(16 * kPageSize);
        for (uint32_t round = 0; round < 20; ++round) {
            CommandStream commands;
            // Defined and read in one buffer; the id is used again each round.
            commands.command(SVGA_3D_CMD_DEFINE_GB_MOB64,
                             SVGA3dCmdDefineGBMob64{round % 3, SVGA3D_MOBFMT_RANGE, TestGuest::page(memory) + round % 4,
                                                    12 * kPageSize});
            auto content = guest.memory(memory, 16 * kPageSize);
            for (int i = 0; i < 30; ++i)
                content[random() % content.size()] = static_cast<std::byte>(random());
            for (uint32_t i = 0; i < 3; ++i)
                commands.command(SumRenderer::kSum, SumRenderer::Sum{round % 3, random() % 4096, random() % 20000,
                                                                     uint32_t{11 * kPageSize} + 4 * i});
            commands.command(SVGA_3D_CMD_DESTROY_GB_MOB, SVGA3dCmdDestroyGBMob{round % 3});
            EXPECT_EQ(guest.execute(commands).status, SVGA_CB_STATUS_COMPLETED);
            for (uint32_t i = 0; i < 3; ++i)
                results.push_back(guest.at<uint32_t>(memory + (round % 4 + 11) * kPageSize + 4 * i));
        }
        return results;
    }

private:
    std::filesystem::path path_;
};

/** What a player's renderer writes, in order. */
TEST_F(RecordingTest, PlaysBackWhatTheGuestSaw) {
    std::vector<uint32_t> seen = record();
    std::vector<uint32_t> played;
    class Listener final : public Renderer {
    public:
        Listener(const MobLookup& mobs, std::vector<uint32_t>& results)
            : sums_(mobs)
            , mobs_(mobs)
            , results_(results) {}
        void registerCommands(CommandTable& table) override {
            sums_.registerCommands(table);
            auto handler = table.find(SumRenderer::kSum)->handler;
            table.add(SumRenderer::kSum, "SUM", [this, handler](uint32_t context, CommandBody body) {
                auto copy = body;
                handler(context, body);
                auto command = copy.take<SumRenderer::Sum>();
                results_.push_back(mobs_.get(command.mob)->readValue<uint32_t>(command.result));
            });
        }
        uint32_t devcap(uint32_t) const override { return 0; }
        uint64_t submit() override { return 0; }
        void wait(uint64_t) override {}

    private:
        SumRenderer sums_;
        const MobLookup& mobs_;
        std::vector<uint32_t>& results_;
    };
    RecordingReader reader(path());
    Player player([&](const MobLookup& mobs) { return std::make_unique<Listener>(mobs, played); });
    player.play(reader);
    EXPECT_EQ(played, seen);
    EXPECT_EQ(player.failures(), 0u);
    EXPECT_EQ(player.commands(), 1u + 20 * 5);
    EXPECT_EQ(player.writes().count, 60u);
    EXPECT_EQ(player.writes().bytes, 240u);
    EXPECT_EQ(player.statistics().commands.at("SUM").count, 60u);

    RecordingReader again(path());
    Player second(sums());
    second.play(again);
    EXPECT_EQ(second.writes().hash, player.writes().hash);
    RecordingReader part(path());
    Player third(sums());
    third.play(part, 40);
    EXPECT_EQ(third.commands(), 40u);
    EXPECT_NE(third.writes().hash, player.writes().hash);
}

TEST_F(RecordingTest, WhatIsNoRecordingIsAnError) {
    EXPECT_THROW(RecordingReader("/nonexistent/file"), Error);
    EXPECT_THROW(Recorder("/nonexistent/file"), Error);
    std::ofstream(path()) << "short";
    EXPECT_THROW(RecordingReader(path()).next(), Error);
    std::ofstream(path()) << std::string(4096, 'x');
    EXPECT_THROW(RecordingReader(path()).next(), Error);
    RecordingHeader header;
    header.version = 99;
    std::ofstream(path()).write(reinterpret_cast<const char*>(&header), sizeof(header));
    EXPECT_THROW(RecordingReader(path()).next(), Error);
}

TEST_F(RecordingTest, HostileRecordingsAreSurvived) {
    record();
    std::ifstream file(path(), std::ios::binary);
    std::string original((std::istreambuf_iterator<char>(file)), {});
    int whole = 0;
    for (uint32_t seed = 0; seed < 300; ++seed) {
        std::mt19937 random(seed);
        std::string changed = original;
        for (uint32_t i = 0; i < 1 + seed % 4; ++i)
            changed[sizeof(RecordingHeader) + random() % (std::min<std::size_t>(changed.size(), 4000) - 16)] =
                static_cast<char>(random());
        if (seed % 3 == 0)
            changed.resize(random() % changed.size());
        std::ofstream(path(), std::ios::binary) << changed;
        try {
            RecordingReader reader(path());
            Player player(sums());
            player.play(reader);
            ++whole;
        } catch (const Error&) { // nonsense, told as such
        }
    }
    EXPECT_GT(whole, 0);
}

TEST_F(RecordingTest, ARecordingThatIsCutOffPlaysToThere) {
    record();
    auto size = std::filesystem::file_size(path());
    std::filesystem::resize_file(path(), size / 2);
    RecordingReader reader(path());
    Player player(sums());
    player.play(reader);
    EXPECT_EQ(player.failures(), 0u);
    EXPECT_GT(player.commands(), 10u);
}

} // namespace
} // namespace svga::device::test
