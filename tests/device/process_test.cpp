// SPDX-License-Identifier: MIT
// svga-device and svga-replay as processes: options, sockets, how they end.
#include "device/recording.h"
#include "vfio_user/client.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/vfio.h>
#include <svga_reg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace svga::device::test {
namespace {

constexpr int kClientEnd = 3; ///< the descriptor a started device finds its socket at

/** \brief A program of ours, started with \p arguments; its stderr is kept. */
class Process {
public:
    Process(const char* program, std::vector<std::string> arguments, int socket = -1) {
        int pipes[2];
        if (::pipe2(pipes, O_CLOEXEC) != 0)
            throw Error("pipe2");
        messages_ = UniqueFd(pipes[0]);
        UniqueFd writeEnd(pipes[1]);
        std::vector<char*> argv{const_cast<char*>(program)};
        for (std::string& argument : arguments)
            argv.push_back(argument.data());
        argv.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(writeEnd.get(), STDERR_FILENO);
            if (socket == kClientEnd)
                ::fcntl(socket, F_SETFD, 0);
            else if (socket >= 0)
                ::dup2(socket, kClientEnd);
            ::execv(program, argv.data());
            ::_exit(127);
        }
    }
    ~Process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    /** \return the exit code, or 128 + signal */
    int wait() {
        std::array<char, 4096> buffer;
        for (ssize_t got; (got = ::read(messages_.get(), buffer.data(), buffer.size())) > 0;)
            text_.append(buffer.data(), static_cast<std::size_t>(got));
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    const std::string& text() const { return text_; }
    long lines() const { return std::count(text_.begin(), text_.end(), '\n'); }

private:
    pid_t pid_ = -1;
    UniqueFd messages_;
    std::string text_;
};

struct SocketPair {
    SocketPair() {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
            throw Error("socketpair");
        ours = UniqueFd(pair[0]);
        theirs = UniqueFd(pair[1]);
    }
    UniqueFd ours, theirs;
};

TEST(DeviceProcess, EndsWithItsClient) {
    SocketPair sockets;
    Process device(SVGA_DEVICE, {"--no-rendering", "--socket-fd=3"}, sockets.theirs.get());
    sockets.theirs.reset();
    {
        vfio_user::Client client(std::move(sockets.ours));
        EXPECT_EQ(client.readRegister(VFIO_PCI_BAR0_REGION_INDEX, SVGA_REG_ID * 4), 0x90000003u);
    }
    EXPECT_EQ(device.wait(), 0);
    EXPECT_EQ(device.text(), "");
}

TEST(DeviceProcess, ListensAtAPathAndLeavesNothingThere) {
    auto path = std::filesystem::temp_directory_path() / fmt::format("svga-device-test-{}", ::getpid());
    Process device(SVGA_DEVICE, {"--no-rendering", "--socket=" + path.string()});
    UniqueFd socket;
    while (!socket) {
        try {
            socket = vfio_user::Client::connect(path.string());
        } catch (const Error&) { // not there yet
            std::this_thread::yield();
        }
    }
    {
        vfio_user::Client client(std::move(socket));
        EXPECT_EQ(client.irqCount(VFIO_PCI_MSI_IRQ_INDEX), 1u);
    }
    EXPECT_EQ(device.wait(), 0);
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(DeviceProcess, ServesTheFirstClientOfAListeningSocket) {
    auto path = std::filesystem::temp_directory_path() / fmt::format("svga-device-listen-{}", ::getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    UniqueFd socket = vfio_user::Client::connect(path.string()); // before there is a device
    Process device(SVGA_DEVICE, {"--no-rendering", "--socket-fd=3"}, listener.get());
    listener.reset();
    {
        vfio_user::Client client(std::move(socket));
        EXPECT_EQ(client.readRegister(VFIO_PCI_BAR0_REGION_INDEX, SVGA_REG_ID * 4), 0x90000003u);
    }
    EXPECT_EQ(device.wait(), 0);
    EXPECT_EQ(device.text(), "");
    std::filesystem::remove(path);
}

TEST(DeviceProcess, WritesStatisticsAndMissesAScreen) {
    auto path = std::filesystem::temp_directory_path() / fmt::format("svga-device-stats-{}", ::getpid());
    for (const bool screenshot : {false, true}) {
        SocketPair sockets;
        std::vector<std::string> arguments{"--no-rendering", "--socket-fd=3", "--stats=" + path.string()};
        if (screenshot)
            arguments = {"--no-rendering", "--socket-fd=3", "--screenshot=/nonexistent/file"};
        Process device(SVGA_DEVICE, arguments, sockets.theirs.get());
        sockets.theirs.reset();
        { vfio_user::Client client(std::move(sockets.ours)); }
        EXPECT_EQ(device.wait(), screenshot ? 1 : 0);
        EXPECT_EQ(device.text().find("shown nothing") != std::string::npos, screenshot) << device.text();
    }
    EXPECT_GT(std::filesystem::file_size(path), 0u);
    std::filesystem::remove(path);
}

TEST(DeviceProcess, SaysInOneLineWhatIsWrong) {
    struct Case {
        std::vector<std::string> arguments;
        const char* says;
    };
    const Case cases[] = {
        {{}, "--socket-fd"},
        {{"--no-rendering", "--socket-fd=99"}, "--socket-fd=99"},
        {{"--no-rendering", "--socket=/nonexistent/socket"}, "/nonexistent/socket"},
        {{"--no-rendering", "--socket=/" + std::string(200, 'x')}, "longer"},
        {{"--no-rendering", "--socket-fd=3", "--record=/nonexistent/file"}, "/nonexistent/file"},
        {{"--log-level=loud", "--no-rendering"}, "--log-level"},
    };
    for (const Case& wrong : cases) {
        SocketPair sockets;
        Process device(SVGA_DEVICE, wrong.arguments, sockets.theirs.get());
        EXPECT_EQ(device.wait(), 1) << wrong.says;
        EXPECT_NE(device.text().find(wrong.says), std::string::npos) << device.text();
        EXPECT_EQ(device.lines(), 1) << device.text();
    }
}

TEST(ReplayProcess, TellsWhatItPlayedAndWhatIsNoRecording) {
    auto path = std::filesystem::temp_directory_path() / fmt::format("svga-replay-test-{}", ::getpid());
    {
        Recorder recorder(path.string());
        std::array<uint32_t, 2> unknown{1039, 0};
        recorder.command(std::as_bytes(std::span(unknown)), 0);
    }
    Process failing(SVGA_REPLAY, {"--no-rendering", path.string()});
    EXPECT_EQ(failing.wait(), 2);
    EXPECT_EQ(failing.lines(), 1) << failing.text();
    Process dump(SVGA_REPLAY, {"--no-rendering", "--dump-surface=nonsense", path.string()});
    EXPECT_EQ(dump.wait(), 1);
    std::filesystem::remove(path);
    Process missing(SVGA_REPLAY, {"--no-rendering", path.string()});
    EXPECT_EQ(missing.wait(), 1);
    EXPECT_NE(missing.text().find(path.string()), std::string::npos);
}

} // namespace
} // namespace svga::device::test
