// SPDX-License-Identifier: MIT
// The screen over VNC, seen by a client that knows as much of the protocol (RFC 6143) as it needs.
#include "test_guest.h"

#include "device/vnc_server.h"
#include "util/error.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <string>
#include <thread>

namespace svga::device::test {
namespace {

constexpr int kPatience = 20000; // ms until a test gives up

/** A client that can do raw pixels and, if it is told to, other sizes. \throws svga::Error where the server hangs up */
class VncClient {
public:
    explicit VncClient(uint16_t port, bool resizes = true)
        : socket_(connectTo(port)) {
        send("RFB 003.008\n");
        EXPECT_EQ(receive(12), "RFB 003.008\n");
        EXPECT_EQ(receive(2), std::string("\1\1")); // one security type: none
        send(std::string("\1"));
        EXPECT_EQ(receive(4), std::string(4, '\0'));
        send(std::string("\1")); // shared
        const std::string init = receive(24);
        width = number(init, 0, 2);
        height = number(init, 2, 2);
        receive(number(init, 20, 4)); // the name
        // 32 bits a pixel, little endian, red in the first byte.
        send({"\0\0\0\0\x20\x18\0\1\0\xff\0\xff\0\xff\0\x08\x10\0\0\0", 20});
        if (resizes)
            send({"\2\0\0\2\0\0\0\0\xff\xff\xff\x21", 12}); // raw, and DesktopSize
        else
            send({"\2\0\0\1\0\0\0\0", 8});
    }

    void request(bool incremental) {
        std::string message{'\3', static_cast<char>(incremental)};
        for (const uint32_t value : {0u, 0u, width, height})
            message += {static_cast<char>(value >> 8), static_cast<char>(value)};
        send(message);
    }

    /** Takes one update into the frame. */
    void update() {
        const std::string header = receive(4);
        ASSERT_EQ(header[0], '\0');
        for (uint32_t left = number(header, 2, 2); left > 0; --left) {
            const std::string at = receive(12);
            const uint32_t x = number(at, 0, 2), y = number(at, 2, 2), w = number(at, 4, 2), h = number(at, 6, 2);
            if (number(at, 8, 4) == 0xffffff21) {
                width = w;
                height = h;
                pixels.assign(std::size_t{4} * w * h, 0);
                continue;
            }
            ASSERT_EQ(number(at, 8, 4), 0u);
            pixels.resize(std::size_t{4} * width * height);
            ASSERT_LE(x + w, width);
            ASSERT_LE(y + h, height);
            for (uint32_t row = 0; row < h; ++row) {
                const std::string line = receive(std::size_t{4} * w);
                std::copy(line.begin(), line.end(),
                          pixels.begin() + static_cast<std::ptrdiff_t>(4 * (std::size_t{width} * (y + row) + x)));
            }
        }
    }

    bool shows(const Picture& picture) const {
        if (width != picture.width || height != picture.height || pixels.size() != picture.pixels.size())
            return false;
        for (std::size_t i = 0; i < pixels.size(); ++i)
            if (i % 4 != 3 && pixels[i] != picture.pixels[i]) // the fourth byte means nothing
                return false;
        return true;
    }

    void send(const std::string& bytes) {
        if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
            throw Error("the server takes nothing more");
    }

    std::string receive(std::size_t size) {
        std::string bytes(size, '\0');
        for (std::size_t done = 0; done < size;) {
            pollfd ready{socket_.get(), POLLIN, 0};
            if (::poll(&ready, 1, kPatience) != 1)
                throw Error("the server says nothing");
            const ssize_t count = ::recv(socket_.get(), bytes.data() + done, size - done, 0);
            if (count <= 0)
                throw Error("the server has hung up");
            done += static_cast<std::size_t>(count);
        }
        return bytes;
    }

    static UniqueFd connectTo(uint16_t port) {
        UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
            throw Error("nobody listens");
        return socket;
    }

    uint32_t width = 0, height = 0;
    std::vector<uint8_t> pixels;

private:
    static uint32_t number(const std::string& bytes, std::size_t at, std::size_t size) {
        uint32_t value = 0;
        for (std::size_t i = 0; i < size; ++i)
            value = value << 8 | static_cast<uint8_t>(bytes.at(at + i));
        return value;
    }

    UniqueFd socket_;
};

Picture noise(uint32_t width, uint32_t height, uint32_t seed) {
    Picture picture{width, height, std::vector<uint8_t>(std::size_t{4} * width * height)};
    std::mt19937 random(seed);
    for (uint8_t& value : picture.pixels)
        value = static_cast<uint8_t>(random());
    return picture;
}

/** A screen that shows what it is told. */
class Screen {
public:
    void show(std::optional<Picture> picture) {
        std::lock_guard lock(mutex_);
        picture_ = std::move(picture);
        changed_ = true;
    }
    ScreenSource source() {
        return {[this] {
                    std::lock_guard lock(mutex_);
                    return changed_;
                },
                [this] {
                    std::lock_guard lock(mutex_);
                    changed_ = false;
                    return picture_;
                }};
    }

private:
    std::mutex mutex_;
    std::optional<Picture> picture_;
    bool changed_ = true;
};

/** Takes updates until the client shows \p picture. */
void expectShown(VncClient& client, const Picture& picture) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
    while (!client.shows(picture)) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        client.request(true);
        ASSERT_NO_FATAL_FAILURE(client.update());
    }
}

class VncTest : public testing::Test {
protected:
    Screen screen;
    VncServer server{"0", screen.source()};
};

TEST_F(VncTest, ShowsWhatTheScreenShows) {
    const Picture picture = noise(101, 67, 1);
    screen.show(picture);
    VncClient client(server.port());
    EXPECT_EQ(client.width, picture.width);
    EXPECT_EQ(client.height, picture.height);
    client.request(false);
    client.update();
    EXPECT_TRUE(client.shows(picture));
}

TEST_F(VncTest, SendsTheLinesThatChange) {
    Picture picture = noise(64, 64, 1);
    screen.show(picture);
    VncClient client(server.port()), other(server.port());
    expectShown(client, picture);
    for (const uint32_t line : {0u, 63u, 17u}) {
        picture.pixels[4 * (64 * line + line)] ^= 1;
        screen.show(picture);
        expectShown(client, picture);
    }
    expectShown(other, picture);
}

TEST_F(VncTest, IsBlackWithoutAScreen) {
    VncClient client(server.port());
    client.request(false);
    client.update();
    EXPECT_TRUE(client.shows({640, 480, std::vector<uint8_t>(std::size_t{4} * 640 * 480)}));
}

TEST_F(VncTest, FollowsTheSizeOfTheScreen) {
    screen.show(noise(300, 200, 1));
    VncClient client(server.port());
    VncClient rigid(server.port(), false);
    rigid.request(false);
    rigid.update();
    for (const auto& picture : {noise(1000, 800, 2), noise(1, 1, 3), noise(37, 2000, 4), noise(300, 200, 5)}) {
        screen.show(picture);
        expectShown(client, picture);
    }
    screen.show(std::nullopt);
    expectShown(client, {640, 480, std::vector<uint8_t>(std::size_t{4} * 640 * 480)});
    // Who cannot follow is let go, rather than sent lines of another length.
    EXPECT_THROW(rigid.receive(1), Error);
}

TEST_F(VncTest, OutlivesClientsThatTalkNonsense) {
    screen.show(noise(500, 400, 1));
    std::mt19937 random(7);
    for (int round = 0; round < 40; ++round) {
        std::string bytes(random() % 3000, '\0');
        for (char& byte : bytes)
            byte = static_cast<char>(random());
        try {
            if (round % 2 == 0) { // before the handshake, and after it
                const UniqueFd socket = VncClient::connectTo(server.port());
                (void)!::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            } else {
                VncClient client(server.port());
                client.request(false);
                client.send(bytes);
            }
        } catch (const Error&) { // turned away, as the clients before it are not all gone
        }
    }
    const Picture picture = noise(500, 400, 2);
    screen.show(picture);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
    for (;;) {
        try {
            VncClient client(server.port());
            expectShown(client, picture);
            break;
        } catch (const Error&) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        }
    }
}

TEST_F(VncTest, DoesNotWaitForAClientThatReadsNothing) {
    screen.show(noise(2000, 2000, 1));
    VncClient silent(server.port());
    for (int i = 0; i < 10; ++i)
        silent.request(false); // 16 MB each: more than sockets hold
    const Picture picture = noise(2000, 2000, 2);
    screen.show(picture);
    VncClient client(server.port());
    expectShown(client, picture);
} // and ends with the silent one still there

TEST_F(VncTest, TurnsAwayTheNinthClient) {
    std::vector<std::unique_ptr<VncClient>> clients;
    for (int i = 0; i < 8; ++i)
        clients.push_back(std::make_unique<VncClient>(server.port()));
    EXPECT_THROW(VncClient(server.port()), Error);
}

TEST(VncAddress, SaysWhatIsWrongWithIt) {
    Screen screen;
    const VncServer server("127.0.0.1:0", screen.source());
    for (const std::string& address :
         {std::string("x"), std::string(""), std::string(":5900"), std::string("99999999"), std::string("::1:0"),
          std::string("192.0.2.1:0"), fmt::format("127.0.0.1:{}", server.port())}) {
        try {
            const VncServer wrong(address, screen.source());
            ADD_FAILURE() << address << " is taken";
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("--vnc=" + address), std::string::npos) << error.what();
        }
    }
}

/** Its image is as large as the screen target is, and says how many commands there were before. */
class CountingRenderer final : public Renderer {
public:
    void registerCommands(CommandTable&) override {}
    uint32_t devcap(uint32_t) const override { return 0; }
    uint64_t submit() override {
        ++submits_;
        return 0;
    }
    void wait(uint64_t) override {}
    std::optional<ImageBytes> readImage(const SVGA3dSurfaceImageId&) override {
        return ImageBytes{SVGA3D_B8G8R8X8_UNORM, 16, 16, std::vector<std::byte>(1024, std::byte(submits_))};
    }

private:
    unsigned submits_ = 0; // without a lock: a look must not come while commands are carried out
};

TEST(VncDevice, IsLookedAtWhileTheGuestWorksAndResets) {
    TestGuest guest(nullptr, [](const MobLookup&) { return std::make_unique<CountingRenderer>(); });
    guest.bringUp();
    std::atomic<bool> stop{false};
    std::atomic<unsigned> pictures{0};
    std::thread looks([&] {
        PciFunction::ScreenRevision seen;
        while (!stop) {
            const auto revision = guest.function().screenRevision();
            const auto picture = guest.function().picture();
            pictures += picture && !(revision == seen);
            seen = revision;
        }
    });
    for (int round = 0; round < 5 || pictures < 5; ++round) {
        CommandStream commands;
        commands.command(SVGA_3D_CMD_DEFINE_GB_SCREENTARGET, SVGA3dCmdDefineGBScreenTarget{0, 16, 16, 0, 0, 0, 0})
            .command(SVGA_3D_CMD_BIND_GB_SCREENTARGET, SVGA3dCmdBindGBScreenTarget{0, {1, 0, 0}});
        ASSERT_EQ(guest.execute(commands).status, SVGA_CB_STATUS_COMPLETED);
        for (uint32_t fence = 1; fence < 50; ++fence) {
            CommandStream update;
            update.command(SVGA_3D_CMD_UPDATE_GB_SCREENTARGET, SVGA3dCmdUpdateGBScreenTarget{0, {0, 0, 16, 16}})
                .fence(fence);
            ASSERT_EQ(guest.execute(update).status, SVGA_CB_STATUS_COMPLETED);
            guest.writeRegister(SVGA_REG_CURSOR4_X, fence);
        }
        guest.client().reset();
        guest.bringUp();
    }
    stop = true;
    looks.join();
}

} // namespace
} // namespace svga::device::test
