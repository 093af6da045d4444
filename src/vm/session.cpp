// SPDX-License-Identifier: MIT
#include "vm/session.h"

#include "vm/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace svga::vm {

namespace {

constexpr auto kBootLimit = std::chrono::seconds(180); // ten times what an emulated guest takes
constexpr int kExitSignalBase = 128;
constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

bool endsPrograms(int signal) {
    return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

template <typename T>
std::span<const std::byte> bytesOf(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

} // namespace

Session::Session(Watch watch)
    : watch_(std::move(watch))
    , bootDeadline_(Clock::now() + kBootLimit) {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : kSignals)
        ::sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    signals_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    ::fcntl(watch_.channel.get(), F_SETFL, O_NONBLOCK);
}

Ending Session::run() {
    std::vector<pollfd> fds;
    for (;;) {
        if (interrupted_)
            return {Ending::Kind::Interrupted, kExitSignalBase + *interrupted_, ""};
        // What the guest has said goes out before its end counts.
        if (output_.empty()) {
            if (const auto message = reader_.next()) {
                handle(*message);
                continue;
            }
            if (ending_)
                return *ending_;
            if (reader_.broken())
                return {Ending::Kind::Broken, 0, "the guest's init sends nonsense"};
            if (closed_)
                return {Ending::Kind::Broken, 0, ""};
        }
        if (const auto late = overdue())
            return *late;
        const short channelEvents =
            static_cast<short>((output_.empty() ? POLLIN : 0) | (outgoing_.empty() ? 0 : POLLOUT));
        fds = {{channelEvents ? watch_.channel.get() : -1, channelEvents, 0},
               {signals_.get(), POLLIN, 0},
               {inputWanted_ && outgoing_.empty() ? STDIN_FILENO : -1, POLLIN, 0},
               {output_.empty() ? -1 : outputStream_, POLLOUT, 0}};
        for (const int process : watch_.processes)
            fds.push_back({output_.empty() ? process : -1, POLLIN, 0});
        ::poll(fds.data(), fds.size(), millisecondsLeft());
        if (fds[3].revents)
            writeOutput();
        if (fds[0].revents & POLLOUT)
            writeChannel();
        if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
            receive();
        if (fds[1].revents)
            takeSignals();
        if (fds[2].revents)
            takeInput();
        // Where a process has ended and there was nothing to read, everything that was said is read.
        closed_ |= !(fds[0].revents & POLLIN) &&
                   std::any_of(fds.begin() + 4, fds.end(), [](const pollfd& process) { return process.revents != 0; });
    }
}

std::optional<Ending> Session::overdue() const {
    const auto now = Clock::now();
    if (!started_)
        return now < bootDeadline_ ? std::nullopt : std::optional(Ending{Ending::Kind::NeverBooted, 0, ""});
    if (watch_.timeout > 0 && std::chrono::duration<double>(now - *started_).count() >= watch_.timeout)
        return Ending{Ending::Kind::TimedOut, 0, ""};
    return std::nullopt;
}

int Session::millisecondsLeft() const {
    using Milliseconds = std::chrono::duration<double, std::milli>;
    const auto now = Clock::now();
    if (!started_)
        return static_cast<int>(std::max(0.0, Milliseconds(bootDeadline_ - now).count())) + 1;
    if (watch_.timeout <= 0)
        return -1;
    const double left = watch_.timeout * 1000 - Milliseconds(now - *started_).count();
    return static_cast<int>(std::clamp(left, 0.0, INT_MAX / 2.0)) + 1;
}

void Session::receive() {
    std::array<std::byte, kMaxMessageSize> bytes;
    const ssize_t count = ::recv(watch_.channel.get(), bytes.data(), bytes.size(), 0);
    if (count > 0)
        reader_.append(std::span(bytes).first(static_cast<size_t>(count)));
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        closed_ = true;
}

void Session::handle(const Message& message) {
    switch (message.type) {
    case MessageType::Started:
        started_ = Clock::now();
        if (watch_.terminal)
            send(MessageType::WindowSize, bytesOf(terminalSize()));
        break;
    case MessageType::Output:
    case MessageType::Error:
        output_ = message.bytes;
        outputStream_ = message.type == MessageType::Output ? STDOUT_FILENO : STDERR_FILENO;
        break;
    case MessageType::InputWanted:
        inputWanted_ = true;
        break;
    case MessageType::Counters:
        kernelCounters_.assign(reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size());
        break;
    case MessageType::Exited:
        ending_ = {Ending::Kind::Exited, message.value<int32_t>(), ""};
        break;
    case MessageType::Failed: {
        const auto skip = std::min(sizeof(int32_t), message.bytes.size());
        ending_ = {Ending::Kind::CannotRun,
                   message.value<int32_t>(),
                   {reinterpret_cast<const char*>(message.bytes.data()) + skip, message.bytes.size() - skip}};
        break;
    }
    default:
        ending_ = {Ending::Kind::Broken, 0, "the guest's init sends a message that is none"};
    }
}

void Session::takeInput() {
    std::array<std::byte, kMaxMessageSize> bytes;
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    inputWanted_ = false;
    send(MessageType::Input, std::span(bytes).first(static_cast<size_t>(std::max<ssize_t>(count, 0))));
}

void Session::takeSignals() {
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const auto signal = static_cast<int32_t>(info.ssi_signo);
        const uint64_t bit = uint64_t{1} << signal;
        if (signal == SIGWINCH) {
            if (watch_.terminal && started_)
                send(MessageType::WindowSize, bytesOf(terminalSize()));
        } else if (endsPrograms(signal) && (!started_ || (signalsSeen_ & bit))) {
            interrupted_ = signal;
        } else {
            send(MessageType::Signal, bytesOf(signal));
        }
        signalsSeen_ |= bit;
    }
}

void Session::writeOutput() {
    // A pipe that is writable takes this much without blocking.
    const ssize_t count = ::write(outputStream_, output_.data(), std::min<size_t>(output_.size(), PIPE_BUF));
    if (count > 0)
        output_.erase(output_.begin(), output_.begin() + count);
    else if (count < 0 && errno != EAGAIN && errno != EINTR)
        output_.clear(); // nobody reads it
}

void Session::send(MessageType type, std::span<const std::byte> bytes) {
    const auto message = encodeMessage(type, bytes);
    outgoing_.insert(outgoing_.end(), message.begin(), message.end());
    writeChannel();
}

void Session::writeChannel() {
    const ssize_t count = ::send(watch_.channel.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
    if (count > 0)
        outgoing_.erase(outgoing_.begin(), outgoing_.begin() + count);
    else if (count < 0 && errno != EAGAIN && errno != EINTR)
        outgoing_.clear(); // the end of the channel is told where it is read
}

} // namespace svga::vm
