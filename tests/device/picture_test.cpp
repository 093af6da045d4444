// SPDX-License-Identifier: MIT
// What a monitor would show: screen target, image and cursor, through registers and guest memory.
#include "test_guest.h"

#include "device/capabilities.h"
#include "device/statistics.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <sstream>

namespace svga::device::test {
namespace {

constexpr uint32_t kSurface = 7;
constexpr uint32_t kCursorMob = 3;

/** Whatever is read is an image of 4 x 2 with pixel (x, y) of blue x, green y, red 200; the fourth byte is noise. */
class ImageRenderer final : public Renderer {
public:
    explicit ImageRenderer(SVGA3dSurfaceFormat format)
        : format_(format) {}
    void registerCommands(CommandTable&) override {}
    uint32_t devcap(uint32_t) const override { return 0; }
    uint64_t submit() override { return 0; }
    void wait(uint64_t) override {}
    std::optional<ImageBytes> readImage(const SVGA3dSurfaceImageId& image) override {
        if (image.sid != kSurface)
            return std::nullopt;
        ImageBytes bytes{format_, 4, 2, {}};
        for (uint8_t y = 0; y < 2; ++y)
            for (uint8_t x = 0; x < 4; ++x)
                for (const uint8_t value : {x, y, uint8_t{200}, uint8_t{99}})
                    bytes.bytes.push_back(std::byte{value});
        return bytes;
    }

private:
    SVGA3dSurfaceFormat format_;
};

using Pixel = std::array<int, 4>;

class PictureTest : public testing::Test {
protected:
    explicit PictureTest(SVGA3dSurfaceFormat format = SVGA3D_B8G8R8X8_UNORM)
        : guest_(nullptr, [format](const MobLookup&) { return std::make_unique<ImageRenderer>(format); }) {
        guest_.bringUp();
    }

    void showScreen(uint32_t width, uint32_t height, uint32_t surface = kSurface) {
        CommandStream commands;
        commands
            .command(SVGA_3D_CMD_DEFINE_GB_SCREENTARGET, SVGA3dCmdDefineGBScreenTarget{0, width, height, 0, 0, 0, 0})
            .command(SVGA_3D_CMD_BIND_GB_SCREENTARGET, SVGA3dCmdBindGBScreenTarget{0, {surface, 0, 0}});
        ASSERT_EQ(guest_.execute(commands).status, SVGA_CB_STATUS_COMPLETED);
    }

    /// Two pixels side by side, the hot spot on the second: half transparent black, and opaque colour.
    void showCursor(uint32_t x, uint32_t y, SVGAGBCursorType type = SVGA_ALPHA_CURSOR, uint32_t width = 2) {
        const uint64_t memory = guest_.allocate(kPageSize);
        auto& header = guest_.at<SVGAGBCursorHeader>(memory);
        header.type = type;
        header.header.alphaHeader = {1, 0, width, 1};
        header.sizeInBytes = width * 4;
        guest_.at<std::array<uint8_t, 8>>(memory + sizeof(header)) = {0, 0, 0, 128, 10, 20, 30, 255};
        CommandStream commands;
        commands.command(SVGA_3D_CMD_DEFINE_GB_MOB64,
                         SVGA3dCmdDefineGBMob64{kCursorMob, SVGA3D_MOBFMT_RANGE, TestGuest::page(memory), kPageSize});
        ASSERT_EQ(guest_.execute(commands).status, SVGA_CB_STATUS_COMPLETED);
        guest_.writeRegister(SVGA_REG_CURSOR_MOBID, kCursorMob);
        guest_.writeRegister(SVGA_REG_CURSOR4_X, x);
        guest_.writeRegister(SVGA_REG_CURSOR4_Y, y);
        guest_.writeRegister(SVGA_REG_CURSOR4_ON, SVGA_CURSOR_ON_SHOW);
        guest_.writeRegister(SVGA_REG_CURSOR4_SUBMIT, 1);
    }

    Pixel pixel(const Picture& picture, uint32_t x, uint32_t y) {
        const uint8_t* at = &picture.pixels.at(4 * (std::size_t{picture.width} * y + x));
        return {at[0], at[1], at[2], at[3]};
    }

    TestGuest guest_;
};

TEST_F(PictureTest, NothingWithoutAScreen) {
    EXPECT_FALSE(guest_.function().picture());
}

TEST_F(PictureTest, IsTheImageOfTheScreenTarget) {
    showScreen(3, 2);
    const auto picture = guest_.function().picture();
    ASSERT_TRUE(picture);
    EXPECT_EQ(picture->width, 3u);
    EXPECT_EQ(picture->height, 2u);
    ASSERT_EQ(picture->pixels.size(), 3u * 2 * 4);
    EXPECT_EQ(pixel(*picture, 0, 0), (Pixel{200, 0, 0, 255}));
    EXPECT_EQ(pixel(*picture, 2, 1), (Pixel{200, 1, 2, 255}));
}

TEST_F(PictureTest, IsBlackBeyondTheImageAndWithoutOne) {
    showScreen(5, 3);
    auto picture = guest_.function().picture();
    ASSERT_TRUE(picture);
    EXPECT_EQ(pixel(*picture, 3, 1), (Pixel{200, 1, 3, 255}));
    EXPECT_EQ(pixel(*picture, 4, 1), (Pixel{0, 0, 0, 255}));
    EXPECT_EQ(pixel(*picture, 0, 2), (Pixel{0, 0, 0, 255}));
    for (const uint32_t surface : {kSurface + 1, uint32_t{SVGA3D_INVALID_ID}}) {
        showScreen(5, 3, surface);
        picture = guest_.function().picture();
        ASSERT_TRUE(picture);
        EXPECT_EQ(pixel(*picture, 0, 0), (Pixel{0, 0, 0, 255}));
    }
}

class OtherFormat : public PictureTest {
protected:
    OtherFormat()
        : PictureTest(SVGA3D_R32_FLOAT) {}
};

TEST_F(OtherFormat, IsBlack) {
    showScreen(4, 2);
    const auto picture = guest_.function().picture();
    ASSERT_TRUE(picture);
    EXPECT_EQ(pixel(*picture, 0, 0), (Pixel{0, 0, 0, 255}));
}

TEST_F(PictureTest, CursorIsBlendedAtItsHotSpot) {
    showScreen(4, 2);
    showCursor(2, 1);
    auto picture = guest_.function().picture();
    ASSERT_TRUE(picture);
    EXPECT_EQ(pixel(*picture, 0, 1), (Pixel{200, 1, 0, 255}));
    EXPECT_EQ(pixel(*picture, 1, 1), (Pixel{100, 0, 0, 255})); // half of what was there: 200, 1, 1
    EXPECT_EQ(pixel(*picture, 2, 1), (Pixel{30, 20, 10, 255}));
    EXPECT_EQ(pixel(*picture, 3, 1), (Pixel{200, 1, 3, 255}));
    guest_.writeRegister(SVGA_REG_CURSOR4_ON, SVGA_CURSOR_ON_HIDE);
    picture = guest_.function().picture();
    EXPECT_EQ(pixel(*picture, 2, 1), (Pixel{200, 1, 2, 255}));
}

TEST_F(PictureTest, CursorIsCutOffAtTheEdges) {
    showScreen(4, 2);
    showCursor(0, 0); // its first pixel is left of the screen
    EXPECT_EQ(pixel(*guest_.function().picture(), 0, 0), (Pixel{30, 20, 10, 255}));
    guest_.writeRegister(SVGA_REG_CURSOR4_X, static_cast<uint32_t>(-5));
    guest_.writeRegister(SVGA_REG_CURSOR4_Y, 0x7fffffff);
    EXPECT_EQ(pixel(*guest_.function().picture(), 0, 0), (Pixel{200, 0, 0, 255}));
}

TEST_F(PictureTest, BadCursorsAreLeftOut) {
    showScreen(4, 2);
    showCursor(1, 0, SVGA_COLOR_CURSOR);
    EXPECT_EQ(pixel(*guest_.function().picture(), 1, 0), (Pixel{200, 0, 1, 255}));
    guest_.writeRegister(SVGA_REG_CURSOR_MOBID, 12345);
    EXPECT_EQ(pixel(*guest_.function().picture(), 1, 0), (Pixel{200, 0, 1, 255}));
}

TEST_F(PictureTest, CursorsLargerThanTheirMemoryAreLeftOut) {
    showScreen(4, 2);
    showCursor(1, 0, SVGA_ALPHA_CURSOR, 0x40000001); // times four it is small
    EXPECT_EQ(pixel(*guest_.function().picture(), 1, 0), (Pixel{200, 0, 1, 255}));
}

TEST(Statistics, CountCommandsAndTheirMemory) {
    constexpr uint32_t kCopy = SVGA_3D_CMD_UPDATE_GB_IMAGE;
    constexpr uint32_t kReadback = SVGA_3D_CMD_READBACK_GB_SURFACE;
    /** An update that reads 300 bytes of a MOB, a readback that writes 20. */
    class CopyRenderer final : public Renderer {
    public:
        explicit CopyRenderer(const MobLookup& mobs)
            : mobs_(mobs) {}
        void registerCommands(CommandTable& table) override {
            table.add(kCopy, "UPDATE_GB_IMAGE", [this](uint32_t, CommandBody body) {
                std::vector<std::byte> bytes(300);
                mobs_.get(body.take<uint32_t>())->read(0, bytes);
            });
            table.add(kReadback, "READBACK_GB_SURFACE", [this](uint32_t, CommandBody body) {
                mobs_.get(body.take<uint32_t>())->write(0, std::vector<std::byte>(20));
            });
        }
        uint32_t devcap(uint32_t) const override { return 0; }
        uint64_t submit() override { return 0; }
        void wait(uint64_t) override {}

    private:
        const MobLookup& mobs_;
    };
    auto statistics = std::make_shared<device::Statistics>();
    TestGuest guest(
        nullptr, [](const MobLookup& mobs) { return std::make_unique<CopyRenderer>(mobs); }, statistics);
    for (int round = 0; round < 2; ++round) {
        guest.bringUp();
        CommandStream commands;
        commands
            .command(
                SVGA_3D_CMD_DEFINE_GB_MOB64,
                SVGA3dCmdDefineGBMob64{5, SVGA3D_MOBFMT_RANGE, TestGuest::page(guest.allocate(kPageSize)), kPageSize})
            .command(kCopy, uint32_t{5})
            .command(kCopy, uint32_t{5})
            .command(kReadback, uint32_t{5})
            .command(kCopy, uint32_t{6}); // there is no such MOB
        EXPECT_EQ(guest.execute(commands).status, SVGA_CB_STATUS_COMMAND_ERROR);
        guest.client().reset(); // after which counting goes on
    }
    std::ostringstream stream;
    writeStatistics(stream, *statistics);
    const auto json = nlohmann::json::parse(stream.str());
    EXPECT_EQ(json["bytes_uploaded"], 2 * 2 * 300);
    EXPECT_EQ(json["bytes_read_back"], 2 * 20);
    const auto& update = json["commands"]["UPDATE_GB_IMAGE"];
    EXPECT_EQ(update["count"], 4);
    EXPECT_EQ(update["failures"], 2);
    EXPECT_EQ(update["bytes"], 4 * 12);
    EXPECT_EQ(update["memory_read"], 4 * 300);
    EXPECT_EQ(update["memory_written"], 0);
    EXPECT_EQ(json["commands"]["READBACK_GB_SURFACE"]["memory_written"], 2 * 20);
    EXPECT_EQ(json["commands"]["DEFINE_GB_MOB64"]["count"], 2);
}

} // namespace
} // namespace svga::device::test
