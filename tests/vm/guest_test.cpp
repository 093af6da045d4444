// SPDX-License-Identifier: MIT
// What svga-vm and the guest's init agree on: the request, the messages, and the initramfs they travel in.
#include "vm/guest/channel.h"
#include "vm/guest/request.h"
#include "vm/initramfs.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace svga::vm {
namespace {

namespace fs = std::filesystem;

TEST(Request, ArrivesAsItWasSent) {
    Request request;
    request.modules = {"ttm.ko", "vmwgfx.ko"};
    request.program = {"/bin/sh", "-c", "", "two words\nand a line"};
    request.environment = {"PATH=/bin", "EMPTY=", "argument=user"};
    request.folder = "/a folder";
    request.user = 1000;
    request.group = 0xfffffffe;
    request.groups = {4, 24};
    request.terminal = true;
    const auto decoded = decodeRequest(encode(request));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->modules, request.modules);
    EXPECT_EQ(decoded->program, request.program);
    EXPECT_EQ(decoded->environment, request.environment);
    EXPECT_EQ(decoded->folder, request.folder);
    EXPECT_EQ(decoded->user, request.user);
    EXPECT_EQ(decoded->group, request.group);
    EXPECT_EQ(decoded->groups, request.groups);
    EXPECT_EQ(decoded->terminal, request.terminal);
}

TEST(Request, NonsenseIsNone) {
    using namespace std::string_literals;
    EXPECT_FALSE(decodeRequest(""));
    EXPECT_FALSE(decodeRequest("argument\0ls"s));
    EXPECT_FALSE(decodeRequest("argument\0ls\0what"s));
    EXPECT_FALSE(decodeRequest("argument\0ls\0what\0value\0"s));
    EXPECT_FALSE(decodeRequest("argument\0ls\0user\0root\0"s));
    EXPECT_FALSE(decodeRequest("argument\0ls\0user\0-1\0"s));
    EXPECT_FALSE(decodeRequest("user\0000\0"s)); // no program
    EXPECT_TRUE(decodeRequest("argument\0ls\0"s));
}

TEST(Channel, MessagesComeOutWholeHoweverTheyAreCut) {
    std::mt19937 random(1);
    std::vector<std::byte> stream;
    std::vector<std::vector<std::byte>> sent;
    for (uint32_t size : {0u, 1u, 7u, 8u, 5000u, kMaxMessageSize}) {
        std::vector<std::byte> bytes(size);
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(random());
        const auto message = encodeMessage(MessageType::Output, bytes);
        stream.insert(stream.end(), message.begin(), message.end());
        sent.push_back(std::move(bytes));
    }
    for (size_t step : {size_t{1}, size_t{3}, size_t{4096}, stream.size()}) {
        MessageReader reader;
        std::vector<std::vector<std::byte>> received;
        for (size_t done = 0; done < stream.size(); done += step) {
            reader.append(std::span(stream).subspan(done, std::min(step, stream.size() - done)));
            while (auto message = reader.next()) {
                EXPECT_EQ(message->type, MessageType::Output);
                received.push_back(std::move(message->bytes));
            }
        }
        EXPECT_EQ(received, sent) << step;
        EXPECT_FALSE(reader.broken());
    }
}

TEST(Channel, TooLargeAMessageIsRefused) {
    const MessageHeader header{MessageType::Output, kMaxMessageSize + 1};
    MessageReader reader;
    reader.append(std::as_bytes(std::span(&header, 1)));
    EXPECT_FALSE(reader.next());
    EXPECT_TRUE(reader.broken());
}

TEST(Channel, ValuesOfShortMessagesAreZero) {
    EXPECT_EQ((Message{MessageType::Exited, {std::byte{9}, std::byte{0}}}.value<int32_t>()), 0);
    const int32_t code = 42;
    EXPECT_EQ((Message{MessageType::Exited,
                       {std::as_bytes(std::span(&code, 1)).begin(), std::as_bytes(std::span(&code, 1)).end()}}
                   .value<int32_t>()),
              42);
}

/// One entry of an archive in the "newc" format.
struct Entry {
    std::string name, bytes;
    unsigned long mode;
};

/// Reads an archive strictly by the format's description. Fails where anything is not as it says.
std::vector<Entry> readArchive(const std::string& archive) {
    constexpr size_t kHeader = 110;
    std::vector<Entry> entries;
    const auto aligned = [](size_t offset) { return (offset + 3) / 4 * 4; };
    for (size_t offset = 0; offset < archive.size();) {
        if (archive.compare(offset, 6, "070701") != 0 || archive.size() < offset + kHeader) {
            ADD_FAILURE() << "no header at " << offset;
            break;
        }
        const auto field = [&](size_t index) {
            return std::stoul(archive.substr(offset + 6 + 8 * index, 8), nullptr, 16);
        };
        const size_t nameSize = field(11);
        const size_t data = aligned(offset + kHeader + nameSize);
        EXPECT_EQ(archive.at(offset + kHeader + nameSize - 1), '\0');
        entries.push_back({archive.substr(offset + kHeader, nameSize - 1), archive.substr(data, field(6)), field(1)});
        offset = aligned(data + field(6));
        EXPECT_LE(offset, archive.size());
    }
    return entries;
}

TEST(Initramfs, IsACpioArchive) {
    const fs::path file = fs::temp_directory_path() / ("svga-initramfs-test-" + std::to_string(::getpid()));
    Initramfs initramfs;
    initramfs.addFolder("modules");
    initramfs.addFile("modules/odd", "12345");
    initramfs.addFile("empty", "");
    initramfs.copyFile("self", "/proc/self/comm", true);
    initramfs.write(file);
    std::ifstream stream(file, std::ios::binary);
    const auto entries = readArchive({std::istreambuf_iterator<char>(stream), {}});
    fs::remove(file);
    ASSERT_EQ(entries.size(), 5u);
    EXPECT_EQ(entries[0].name, "modules");
    EXPECT_EQ(entries[0].mode, 0040755u);
    EXPECT_EQ(entries[1].name, "modules/odd");
    EXPECT_EQ(entries[1].bytes, "12345");
    EXPECT_EQ(entries[1].mode, 0100644u);
    EXPECT_EQ(entries[2].bytes, "");
    EXPECT_EQ(entries[3].mode, 0100755u);
    EXPECT_FALSE(entries[3].bytes.empty());
    EXPECT_EQ(entries[4].name, "TRAILER!!!");
}

TEST(Initramfs, FilesThatAreNotThereAreNamed) {
    Initramfs initramfs;
    try {
        initramfs.copyFile("x", "/no/such/file");
        ADD_FAILURE() << "no error";
    } catch (const std::exception& error) {
        EXPECT_NE(std::string(error.what()).find("/no/such/file"), std::string::npos);
    }
}

} // namespace
} // namespace svga::vm
