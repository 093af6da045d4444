// SPDX-License-Identifier: MIT
#include "vm/guest/relay.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace svga::vm::guest {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kGracePeriod = std::chrono::seconds(1);
constexpr int kExitSignalBase = 128;

class Relay {
public:
    Relay(const Program& program, int channel, int signals)
        : program_(program)
        , channel_(channel)
        , signals_(signals) {}

    int run();

private:
    bool streamsOpen() const { return program_.output >= 0 || program_.error >= 0; }
    void reap();
    void forward(int& stream, MessageType type);
    void receive();
    void handle(const Message& message);
    void writeInput();
    void closeInput();

    Program program_;
    int channel_;
    int signals_;
    MessageReader reader_;
    std::vector<std::byte> input_; ///< not yet taken by the program
    bool inputWanted_ = false;     ///< the launcher was told that there is room
    bool inputEnded_ = false;
    bool exited_ = false;
    int exitCode_ = 0;
};

int Relay::run() {
    Clock::time_point deadline{};
    while (!exited_ || (streamsOpen() && Clock::now() < deadline)) {
        if (input_.empty() && !inputWanted_ && !inputEnded_ && program_.input >= 0) {
            sendMessage(channel_, MessageType::InputWanted, {});
            inputWanted_ = true;
        }
        std::array<pollfd, 5> fds{{{signals_, POLLIN, 0},
                                   {channel_, POLLIN, 0},
                                   {program_.output, POLLIN, 0},
                                   {program_.error, POLLIN, 0},
                                   {input_.empty() ? -1 : program_.input, POLLOUT, 0}}};
        ::poll(fds.data(), fds.size(), exited_ ? 50 : -1);
        if (fds[2].revents)
            forward(program_.output, MessageType::Output);
        if (fds[3].revents)
            forward(program_.error, MessageType::Error);
        if (fds[4].revents)
            writeInput();
        if (fds[1].revents & POLLIN)
            receive();
        const bool before = exited_;
        if (fds[0].revents)
            reap();
        if (exited_ && !before)
            deadline = Clock::now() + kGracePeriod;
    }
    return exitCode_;
}

void Relay::reap() {
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof info) > 0) {
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != program_.pid)
            continue;
        exited_ = true;
        exitCode_ = WIFSIGNALED(status) ? kExitSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
    }
}

void Relay::forward(int& stream, MessageType type) {
    std::array<std::byte, kMaxMessageSize> bytes;
    const ssize_t count = ::read(stream, bytes.data(), bytes.size());
    if (count > 0) {
        sendMessage(channel_, type, std::span(bytes).first(static_cast<size_t>(count)));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) { // a terminal nobody has open any more says EIO
        if (program_.input == stream)
            program_.input = -1;
        ::close(stream);
        stream = -1;
    }
}

void Relay::receive() {
    std::array<std::byte, 4096> bytes;
    const ssize_t count = ::read(channel_, bytes.data(), bytes.size());
    if (count <= 0)
        return;
    reader_.append(std::span(bytes).first(static_cast<size_t>(count)));
    while (const auto message = reader_.next())
        handle(*message);
}

void Relay::handle(const Message& message) {
    switch (message.type) {
    case MessageType::Input:
        inputWanted_ = false;
        input_ = message.bytes;
        inputEnded_ |= input_.empty();
        writeInput();
        break;
    case MessageType::Signal:
        if (!exited_)
            ::kill(-program_.pid, message.value<int32_t>());
        break;
    case MessageType::WindowSize:
        program_.resize(message.value<Extent>());
        break;
    default:
        break;
    }
}

void Relay::writeInput() {
    if (program_.input >= 0 && !input_.empty()) {
        const ssize_t count = ::write(program_.input, input_.data(), input_.size());
        if (count > 0)
            input_.erase(input_.begin(), input_.begin() + count);
        else if (errno != EAGAIN && errno != EINTR)
            closeInput(); // nobody reads it
    }
    if (input_.empty() && inputEnded_)
        closeInput();
}

void Relay::closeInput() {
    input_.clear();
    inputEnded_ = true;
    if (!program_.terminal && program_.input >= 0) // a terminal's end is one with its output
        ::close(program_.input);
    program_.input = -1;
}

} // namespace

void sendMessage(int channel, MessageType type, std::span<const std::byte> bytes) {
    const auto message = encodeMessage(type, bytes);
    for (size_t done = 0; channel >= 0 && done < message.size();) {
        const ssize_t count = ::write(channel, message.data() + done, message.size() - done);
        if (count < 0 && errno != EINTR)
            return; // the launcher is gone, and with it soon the machine
        done += static_cast<size_t>(std::max<ssize_t>(count, 0));
    }
}

void blockRelaySignals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

int relay(Program program, int channel) {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGCHLD);
    const int descriptor = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    const int result = Relay(program, channel, descriptor).run();
    ::close(descriptor);
    return result;
}

} // namespace svga::vm::guest
