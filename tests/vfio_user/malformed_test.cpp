// SPDX-License-Identifier: MIT
// What a hostile or broken client may send: answered with an errno, and the server lives on.
#include "fake_device.h"

#include "vfio_user/channel.h"

#include <gtest/gtest.h>

#include <random>

namespace svga::vfio_user::test {
namespace {

template <typename... T>
std::vector<std::byte> payload(const T&... values) {
    std::vector<std::byte> bytes;
    auto put = [&bytes](const auto& value) {
        auto part = bytesOf(value);
        bytes.insert(bytes.end(), part.begin(), part.end());
    };
    (put(values), ...);
    return bytes;
}

/** \brief Speaks the protocol without any of a client's care. */
class RawClient {
public:
    explicit RawClient(UniqueFd socket)
        : channel(std::move(socket)) {}

    void negotiate() { EXPECT_EQ(ask(Command::Version, payload(VersionPayload{0, 0})), 0); }

    /** \return the errno of the reply; -1 where the server hung up */
    int ask(Command command, std::span<const std::byte> bytes, std::span<const int> fds = {}) {
        channel.send(Header{++id, command, 0, header_flags::kTypeCommand, 0}, std::span(&bytes, 1), fds);
        auto reply = channel.receive();
        if (!reply)
            return -1;
        EXPECT_EQ(reply->header.id, id);
        EXPECT_EQ(reply->header.command, command);
        last = std::move(reply->payload);
        bool failed = reply->header.flags & header_flags::kError;
        return failed ? static_cast<int>(reply->header.errorNumber) : 0;
    }

    Channel channel;
    uint16_t id = 0;
    std::vector<std::byte> last;
};

constexpr uint32_t kBar0 = VFIO_PCI_BAR0_REGION_INDEX;
constexpr uint32_t kTrigger = VFIO_IRQ_SET_ACTION_TRIGGER;
constexpr uint32_t kEventFd = VFIO_IRQ_SET_DATA_EVENTFD;

struct Malformed {
    const char* name;
    Command command;
    std::vector<std::byte> bytes;
    int error;
};

std::vector<Malformed> malformedMessages() {
    constexpr uint64_t huge = ~uint64_t{0};
    return {
        {"unknown command", static_cast<Command>(99), {}, ENOTSUP},
        {"command 0", static_cast<Command>(0), {}, ENOTSUP},
        {"DMA_READ is ours to send", Command::DmaRead, payload(huge, huge), ENOTSUP},
        {"no region io fds", Command::DeviceGetRegionIoFds, payload(huge, huge), ENOTSUP},
        {"version: empty", Command::Version, {}, EINVAL},
        {"version: another major", Command::Version, payload(VersionPayload{7, 0}), EINVAL},
        {"info: short", Command::DeviceGetInfo, payload(uint32_t{16}), EINVAL},
        {"region info: short", Command::DeviceGetRegionInfo, payload(huge), EINVAL},
        {"region info: no such region", Command::DeviceGetRegionInfo, payload(RegionInfoPayload{32, 0, 9, 0, 0, 0}),
         EINVAL},
        {"irq info: no such index", Command::DeviceGetIrqInfo, payload(IrqInfoPayload{16, 0, 5, 0}), EINVAL},
        {"read: short", Command::RegionRead, payload(huge), EINVAL},
        {"read: no such region", Command::RegionRead, payload(RegionAccessPayload{0, 9, 4}), EINVAL},
        {"read: region of size 0", Command::RegionRead, payload(RegionAccessPayload{0, 1, 4}), EINVAL},
        {"read: nothing", Command::RegionRead, payload(RegionAccessPayload{0, kBar0, 0}), EINVAL},
        {"read: across the end", Command::RegionRead, payload(RegionAccessPayload{4094, kBar0, 4}), EINVAL},
        {"read: offset wraps", Command::RegionRead, payload(RegionAccessPayload{huge, kBar0, 4}), EINVAL},
        {"read: 4 GiB", Command::RegionRead, payload(RegionAccessPayload{0, kBar0, ~0u}), EINVAL},
        {"write: less data than said", Command::RegionWrite, payload(RegionAccessPayload{0, kBar0, 8}, uint32_t{1}),
         EINVAL},
        {"write: more data than said", Command::RegionWrite, payload(RegionAccessPayload{0, kBar0, 4}, huge), EINVAL},
        {"write: read-only region", Command::RegionWrite,
         payload(RegionAccessPayload{0, VFIO_PCI_ROM_REGION_INDEX, 4}, uint32_t{1}), EACCES},
        {"write: the device refuses", Command::RegionWrite,
         payload(RegionAccessPayload{0, VFIO_PCI_BAR2_REGION_INDEX, 4}, uint32_t{1}), EPERM},
        {"multi: a count that overflows", Command::RegionWriteMulti, payload(huge), EINVAL},
        {"multi: fewer than said", Command::RegionWriteMulti, payload(uint64_t{2}, MultiWrite{0, kBar0, 4, {}}),
         EINVAL},
        {"multi: 9 bytes in 8", Command::RegionWriteMulti, payload(uint64_t{1}, MultiWrite{0, kBar0, 9, {}}), EINVAL},
        {"multi: out of range", Command::RegionWriteMulti, payload(uint64_t{1}, MultiWrite{4093, kBar0, 4, {}}),
         EINVAL},
        {"map: short", Command::DmaMap, payload(huge, huge), EINVAL},
        {"map: nothing", Command::DmaMap, payload(DmaMapPayload{32, 3, 0, 4096, 0}), EINVAL},
        {"map: not whole pages", Command::DmaMap, payload(DmaMapPayload{32, 3, 0, 4096, 100}), EINVAL},
        {"map: address wraps", Command::DmaMap, payload(DmaMapPayload{32, 3, 0, huge - 4095, 8192}), EINVAL},
        {"unmap: short", Command::DmaUnmap, payload(huge), EINVAL},
        {"unmap: not mapped", Command::DmaUnmap, payload(DmaUnmapPayload{24, 0, 4096, 4096}), ENOENT},
        {"unmap: all, and a range", Command::DmaUnmap,
         payload(DmaUnmapPayload{24, VFIO_DMA_UNMAP_FLAG_ALL, 4096, 4096}), EINVAL},
        {"irqs: short", Command::DeviceSetIrqs, payload(huge), EINVAL},
        {"irqs: no such index", Command::DeviceSetIrqs, payload(SetIrqsPayload{20, kEventFd | kTrigger, 5, 0, 1}),
         EINVAL},
        {"irqs: no such vector", Command::DeviceSetIrqs,
         payload(SetIrqsPayload{20, kEventFd | kTrigger, VFIO_PCI_MSI_IRQ_INDEX, 2, 1}), EINVAL},
        {"irqs: vectors wrap", Command::DeviceSetIrqs,
         payload(SetIrqsPayload{20, kEventFd | kTrigger, VFIO_PCI_MSI_IRQ_INDEX, 1, ~0u}), EINVAL},
        {"irqs: mask", Command::DeviceSetIrqs,
         payload(SetIrqsPayload{20, kEventFd | VFIO_IRQ_SET_ACTION_MASK, VFIO_PCI_MSI_IRQ_INDEX, 0, 1}), ENOTSUP},
        {"irqs: bools", Command::DeviceSetIrqs,
         payload(SetIrqsPayload{20, VFIO_IRQ_SET_DATA_BOOL | kTrigger, VFIO_PCI_MSI_IRQ_INDEX, 0, 1}), ENOTSUP},
        {"irqs: two kinds of data", Command::DeviceSetIrqs,
         payload(SetIrqsPayload{20, kEventFd | VFIO_IRQ_SET_DATA_NONE | kTrigger, VFIO_PCI_MSI_IRQ_INDEX, 0, 1}),
         ENOTSUP},
    };
}

TEST(Malformed, IsAnsweredWithAnErrno) {
    ServerFixture server;
    RawClient client(std::move(server.client));
    EXPECT_EQ(client.ask(Command::DeviceReset, {}), EINVAL) << "before the version is negotiated";
    client.negotiate();
    for (const Malformed& message : malformedMessages())
        EXPECT_EQ(client.ask(message.command, message.bytes), message.error) << message.name;
    // None of it did anything, and the server still serves.
    EXPECT_EQ(server.device.writes, 0);
    EXPECT_EQ(client.ask(Command::RegionWrite, payload(RegionAccessPayload{8, kBar0, 4}, uint32_t{0x1234})), 0);
    EXPECT_EQ(client.ask(Command::RegionRead, payload(RegionAccessPayload{8, kBar0, 4})), 0);
    EXPECT_EQ(client.last, payload(RegionAccessPayload{8, kBar0, 4}, uint32_t{0x1234}));
    EXPECT_TRUE(server.device.mappings.empty());
}

TEST(Malformed, SeveralWritesInOneMessageAreDone) {
    ServerFixture server;
    RawClient client(std::move(server.client));
    client.negotiate();
    MultiWrite first{0, kBar0, 4, {std::byte{1}}}, second{4, kBar0, 2, {std::byte{2}}};
    EXPECT_EQ(client.ask(Command::RegionWriteMulti, payload(uint64_t{2}, first, second)), 0);
    EXPECT_EQ(server.device.bar0[0], std::byte{1});
    EXPECT_EQ(server.device.bar0[4], std::byte{2});
}

TEST(Malformed, TooManyDescriptorsAreRefusedAndClosed) {
    ServerFixture server;
    RawClient client(std::move(server.client));
    client.negotiate();
    UniqueFd memory(::memfd_create("guest", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(memory.get(), 8192), 0);
    int two[2] = {memory.get(), memory.get()};
    EXPECT_EQ(client.ask(Command::DmaMap, payload(DmaMapPayload{32, 3, 0, 4096, 4096}), two), EINVAL);
    EXPECT_EQ(client.ask(Command::DeviceSetIrqs,
                         payload(SetIrqsPayload{20, kEventFd | kTrigger, VFIO_PCI_MSI_IRQ_INDEX, 0, 1}), two),
              EINVAL);

    // More than a channel sends by itself.
    std::vector<int> many(kMaxMessageFds + 5, memory.get());
    std::vector<std::byte> control(CMSG_SPACE(many.size() * sizeof(int)));
    Header header{77, Command::DeviceReset, sizeof(Header), 0, 0};
    iovec vector{&header, sizeof(header)};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(many.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), many.data(), many.size() * sizeof(int));
    ASSERT_EQ(::sendmsg(client.channel.fd(), &message, 0), static_cast<ssize_t>(sizeof(header)));
    auto reply = client.channel.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->header.errorNumber, static_cast<uint32_t>(EINVAL));
    EXPECT_EQ(server.device.resets, 0);
    EXPECT_EQ(client.ask(Command::DeviceReset, {}), 0);
}

TEST(Malformed, AFileThatIsTooSmallOrNoFileIsNotMapped) {
    ServerFixture server;
    RawClient client(std::move(server.client));
    client.negotiate();
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    UniqueFd in(pipes[0]), out(pipes[1]);
    EXPECT_EQ(client.ask(Command::DmaMap, payload(DmaMapPayload{32, 3, 0, 4096, 4096}), std::span(pipes, 1)), EINVAL);
    UniqueFd memory(::memfd_create("guest", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(memory.get(), 4096), 0);
    int fd = memory.get();
    for (uint64_t offset : {uint64_t{4096}, uint64_t{100}, ~uint64_t{0} - 4095})
        EXPECT_EQ(client.ask(Command::DmaMap, payload(DmaMapPayload{32, 3, offset, 4096, 4096}), std::span(&fd, 1)),
                  EINVAL);
    // Without a descriptor it is memory that the device cannot have: fine, and of no use.
    EXPECT_EQ(client.ask(Command::DmaMap, payload(DmaMapPayload{32, 3, 0, 4096, 4096})), 0);
}

TEST(Malformed, ASizeThatCannotBeEndsTheConnection) {
    for (uint32_t size : {0u, 15u, kMaxMessageSize + 1, ~0u}) {
        ServerFixture server;
        UniqueFd client = std::move(server.client);
        Header header{5, Command::DeviceReset, size, 0, 0};
        ASSERT_EQ(::send(client.get(), &header, sizeof(header), 0), static_cast<ssize_t>(sizeof(header)));
        Channel channel(std::move(client));
        auto reply = channel.receive();
        ASSERT_TRUE(reply) << size;
        EXPECT_EQ(reply->header.errorNumber, static_cast<uint32_t>(size < sizeof(Header) ? EINVAL : EMSGSIZE));
        EXPECT_FALSE(channel.receive()) << "the server hangs up";
        EXPECT_EQ(server.device.resets, 0);
    }
}

TEST(Malformed, AMessageCutOffEndsTheConnection) {
    for (std::size_t sent : {std::size_t{1}, sizeof(Header) - 1, sizeof(Header), sizeof(Header) + 3}) {
        ServerFixture server;
        std::vector<std::byte> bytes = payload(Header{5, Command::RegionRead, 32, 0, 0}, uint64_t{0});
        ASSERT_EQ(::send(server.client.get(), bytes.data(), sent, 0), static_cast<ssize_t>(sent));
        ::shutdown(server.client.get(), SHUT_WR);
        std::byte byte;
        EXPECT_EQ(::recv(server.client.get(), &byte, 1, 0), 0) << "the server hangs up, silently";
    }
}

TEST(Malformed, RepliesAndMessagesThatWantNoReplyAreNotAnswered) {
    ServerFixture server;
    RawClient client(std::move(server.client));
    client.negotiate();
    client.channel.send(Header{1, Command::DeviceReset, 0, header_flags::kTypeReply, 0}, {});
    client.channel.send(Header{2, Command::DeviceReset, 0, header_flags::kNoReply, 0}, {});
    client.channel.send(Header{3, static_cast<Command>(55), 0, header_flags::kNoReply, 0}, {});
    EXPECT_EQ(client.ask(Command::DeviceReset, {}), 0); // the next reply there is, is to this
    EXPECT_EQ(server.device.resets, 2);
}

/** Messages whose fields are random, but often near what is right; whatever is answered, the server must live. */
TEST(Fuzz, RandomMessagesAreSurvived) {
    for (uint32_t seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        ServerFixture server;
        RawClient client(std::move(server.client));
        client.negotiate();
        UniqueFd memory(::memfd_create("guest", MFD_CLOEXEC));
        ASSERT_EQ(::ftruncate(memory.get(), 1 << 16), 0);
        std::vector<int> fds(kMaxMessageFds, memory.get());
        std::vector<Malformed> table = malformedMessages();
        for (int i = 0; i < 300; ++i) {
            std::vector<std::byte> bytes = table[random() % table.size()].bytes;
            bytes.resize(random() % 3 ? bytes.size() : random() % 128);
            for (uint64_t changes = random() % 4; changes > 0 && !bytes.empty(); --changes)
                bytes[random() % bytes.size()] = static_cast<std::byte>(random() % 2 ? random() : random() % 10);
            auto command = static_cast<Command>(random() % 18);
            std::size_t count = random() % 4 ? 0 : random() % (fds.size() + 1);
            ASSERT_GE(client.ask(command, bytes, std::span(fds).first(count)), 0);
        }
        EXPECT_EQ(client.ask(Command::RegionRead, payload(RegionAccessPayload{0, kBar0, 4})), 0);
    }
}

/** Bytes that are no messages at all: the server may hang up, and nothing else. */
TEST(Fuzz, RandomBytesEndTheConnectionAtMost) {
    for (uint32_t seed = 0; seed < 100; ++seed) {
        std::mt19937 random(seed);
        ServerFixture server;
        std::vector<uint32_t> words(1 + random() % 64);
        for (auto& word : words)
            word = random() % 2 ? random() % 64 : random();
        ::send(server.client.get(), words.data(), words.size() * 4, MSG_NOSIGNAL);
        ::shutdown(server.client.get(), SHUT_WR);
        std::byte sink[4096];
        while (::recv(server.client.get(), sink, sizeof(sink), 0) > 0) {
        }
    }
}

} // namespace
} // namespace svga::vfio_user::test
