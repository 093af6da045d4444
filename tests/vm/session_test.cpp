// SPDX-License-Identifier: MIT
// The launcher's side of a session, with a guest that is a thread at the other end of the channel.
#include "vm/session.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

namespace svga::vm {
namespace {

/// The guest's end of the channel.
class Guest {
public:
    explicit Guest(int channel)
        : channel_(channel) {}

    void send(MessageType type, std::string_view text = {}) {
        write(encodeMessage(type, std::as_bytes(std::span(text))));
    }
    void exit(int32_t code) { write(encodeMessage(MessageType::Exited, std::as_bytes(std::span(&code, 1)))); }
    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::send(channel_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0)
                return;
            bytes = bytes.subspan(static_cast<size_t>(count));
        }
    }
    /// The next message; type 0 at the end.
    Message receive() {
        for (;;) {
            if (auto message = reader_.next())
                return *message;
            std::byte bytes[1000];
            const ssize_t count = ::recv(channel_, bytes, sizeof bytes, 0);
            if (count <= 0)
                return {};
            reader_.append(std::span(bytes).first(static_cast<size_t>(count)));
        }
    }
    void hangUp() { ::shutdown(channel_, SHUT_RDWR); }

private:
    int channel_;
    MessageReader reader_;
};

/// Standard streams are files and pipes of the test while it runs.
class SessionTest : public testing::Test {
protected:
    void SetUp() override {
        int pair[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        ours_ = UniqueFd(pair[0]);
        theirs_ = UniqueFd(pair[1]);
        process_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
        for (int fd = 0; fd < 3; ++fd)
            saved_[fd] = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 10));
        output_ = UniqueFd(::memfd_create("output", MFD_CLOEXEC));
        error_ = UniqueFd(::memfd_create("error", MFD_CLOEXEC));
    }

    /// Runs a session with \p guest at the other end, and \p input as standard input.
    Ending run(const std::function<void(Guest&)>& guest, const std::string& input = "", double timeout = 0) {
        const UniqueFd inputFile(::memfd_create("input", MFD_CLOEXEC));
        EXPECT_EQ(::write(inputFile.get(), input.data(), input.size()), static_cast<ssize_t>(input.size()));
        ::lseek(inputFile.get(), 0, SEEK_SET);
        Session session({std::move(ours_), {process_.get()}, false, timeout});
        std::thread thread([&] {
            Guest end(theirs_.get());
            guest(end);
        });
        ::dup2(inputFile.get(), STDIN_FILENO);
        ::dup2(output_.get(), STDOUT_FILENO);
        ::dup2(error_.get(), STDERR_FILENO);
        Ending ending = session.run();
        for (int fd = 0; fd < 3; ++fd)
            ::dup2(saved_[fd].get(), fd);
        ::shutdown(theirs_.get(), SHUT_RDWR);
        thread.join();
        counters_ = session.kernelCounters();
        started_ = session.started().has_value();
        return ending;
    }

    static std::string content(const UniqueFd& file) {
        std::string text(static_cast<size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
        EXPECT_EQ(::pread(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
        return text;
    }

    UniqueFd ours_, theirs_, process_, saved_[3], output_, error_;
    std::string counters_;
    bool started_ = false;
};

TEST_F(SessionTest, CarriesOutputAndTheExitCode) {
    const std::string large(kMaxMessageSize, 'y');
    const Ending ending = run([&](Guest& guest) {
        guest.send(MessageType::Started);
        guest.send(MessageType::Output, "one ");
        guest.send(MessageType::Error, "wrong");
        guest.send(MessageType::Output, large);
        guest.send(MessageType::Counters, "uploads 3\n");
        guest.exit(42);
    });
    EXPECT_EQ(ending.kind, Ending::Kind::Exited);
    EXPECT_EQ(ending.exitCode, 42);
    EXPECT_EQ(content(output_), "one " + large);
    EXPECT_EQ(content(error_), "wrong");
    EXPECT_EQ(counters_, "uploads 3\n");
    EXPECT_TRUE(started_);
}

TEST_F(SessionTest, SendsInputWhenItIsWantedAndItsEnd) {
    const std::string input(3 * kMaxMessageSize + 17, 'i');
    std::string received;
    bool early = false;
    const Ending ending = run(
        [&](Guest& guest) {
            guest.send(MessageType::Started);
            for (bool more = true; more;) {
                guest.send(MessageType::InputWanted);
                const Message message = guest.receive();
                early |= message.type != MessageType::Input;
                received.append(reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size());
                more = !message.bytes.empty();
            }
            guest.exit(0);
        },
        input);
    EXPECT_EQ(ending.kind, Ending::Kind::Exited);
    EXPECT_FALSE(early);
    EXPECT_EQ(received, input);
}

TEST_F(SessionTest, AProgramThatCannotBeRunSaysWhy) {
    const Ending ending = run([](Guest& guest) {
        guest.send(MessageType::Started);
        const int32_t code = 127;
        std::string bytes(reinterpret_cast<const char*>(&code), sizeof code);
        guest.send(MessageType::Failed, bytes + "no such program");
    });
    EXPECT_EQ(ending.kind, Ending::Kind::CannotRun);
    EXPECT_EQ(ending.exitCode, 127);
    EXPECT_EQ(ending.text, "no such program");
}

TEST_F(SessionTest, TheTimeLimitBeginsWithTheProgram) {
    const Ending ending = run(
        [](Guest& guest) {
            guest.send(MessageType::Started);
            guest.receive();
        },
        "", 0.05);
    EXPECT_EQ(ending.kind, Ending::Kind::TimedOut);
}

TEST_F(SessionTest, TheEndOfTheChannelOrOfAProcessIsTheEnd) {
    EXPECT_EQ(run([](Guest& guest) { guest.hangUp(); }).kind, Ending::Kind::Broken);
}

TEST_F(SessionTest, WhatWasSaidBeforeAProcessEndedIsNotLost) {
    const Ending ending = run([this](Guest& guest) {
        guest.send(MessageType::Started);
        guest.send(MessageType::Output, std::string(kMaxMessageSize, 'z'));
        guest.exit(3);
        ::eventfd_write(process_.get(), 1);
    });
    EXPECT_EQ(ending.kind, Ending::Kind::Exited);
    EXPECT_EQ(ending.exitCode, 3);
    EXPECT_EQ(content(output_).size(), kMaxMessageSize);
}

TEST_F(SessionTest, AProcessThatEndsFirstBreaksTheMachine) {
    const Ending ending = run([this](Guest& guest) {
        guest.send(MessageType::Started);
        ::eventfd_write(process_.get(), 1);
        guest.receive();
    });
    EXPECT_EQ(ending.kind, Ending::Kind::Broken);
    EXPECT_EQ(ending.text, "");
}

TEST_F(SessionTest, NonsenseFromTheGuestBreaksTheMachine) {
    const MessageHeader header{MessageType::Output, 0xffffffff};
    EXPECT_EQ(run([&](Guest& guest) { guest.write(std::as_bytes(std::span(&header, 1))); }).kind, Ending::Kind::Broken);
}

TEST_F(SessionTest, UnknownMessagesBreakTheMachine) {
    EXPECT_EQ(run([&](Guest& guest) { guest.send(static_cast<MessageType>(77), "?"); }).kind, Ending::Kind::Broken);
}

TEST_F(SessionTest, ASignalGoesToTheProgramAndTheSecondEndsTheSession) {
    int32_t signal = 0;
    const Ending ending = run([&](Guest& guest) {
        guest.send(MessageType::Started);
        guest.send(MessageType::Output, "!");
        while (content(output_).empty()) // the session has seen the start
            std::this_thread::yield();
        ::kill(::getpid(), SIGTERM);
        signal = guest.receive().value<int32_t>();
        ::kill(::getpid(), SIGTERM);
        guest.receive();
    });
    EXPECT_EQ(signal, SIGTERM);
    EXPECT_EQ(ending.kind, Ending::Kind::Interrupted);
    EXPECT_EQ(ending.exitCode, 128 + SIGTERM);
}

TEST_F(SessionTest, ASignalBeforeTheProgramStartsEndsTheSession) {
    const Ending ending = run([](Guest& guest) {
        ::kill(::getpid(), SIGINT);
        guest.receive();
    });
    EXPECT_EQ(ending.kind, Ending::Kind::Interrupted);
    EXPECT_EQ(ending.exitCode, 128 + SIGINT);
    EXPECT_FALSE(started_);
}

} // namespace
} // namespace svga::vm
