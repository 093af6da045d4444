// SPDX-License-Identifier: MIT
#include "vfio_user/channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace svga::vfio_user {

namespace {

// Header plus payload parts of one message; none of ours has more than two parts.
constexpr std::size_t kMaxParts = 4;
// One more than allowed, so that a message with too many is told from one with just enough.
constexpr std::size_t kReceiveFds = kMaxMessageFds + 1;

} // namespace

FramingError::FramingError(const Header& header, int errorNumber)
    : Error("vfio-user: message {} of command {} claims an impossible size of {} bytes", header.id,
            static_cast<unsigned>(header.command), header.size)
    , header(header)
    , errorNumber(errorNumber) {}

void Channel::send(Header header, std::span<const std::span<const std::byte>> parts, std::span<const int> fds) {
    std::array<iovec, kMaxParts + 1> vectors{};
    if (parts.size() > kMaxParts || fds.size() > kMaxMessageFds)
        throw Error("vfio-user: a message of {} parts and {} descriptors cannot be sent", parts.size(), fds.size());

    std::size_t total = sizeof(Header);
    std::size_t count = 1;
    for (auto part : parts) {
        vectors[count++] = {const_cast<std::byte*>(part.data()), part.size()};
        total += part.size();
    }
    if (total > kMaxMessageSize)
        throw Error("vfio-user: a message of {} bytes is longer than the {} allowed", total, kMaxMessageSize);
    header.size = static_cast<uint32_t>(total);
    vectors[0] = {&header, sizeof(header)};

    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kMaxMessageFds)> control{};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }

    for (;;) {
        ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR)
                continue;
            throw DeviceLost("vfio-user: sending failed: {}", std::strerror(errno));
        }
        total -= static_cast<std::size_t>(sent);
        if (total == 0)
            return;
        // A partial send: the descriptors went with the first byte, go on with what is left.
        message.msg_control = nullptr;
        message.msg_controllen = 0;
        auto left = static_cast<std::size_t>(sent);
        while (left >= message.msg_iov->iov_len) {
            left -= message.msg_iov->iov_len;
            ++message.msg_iov;
            --message.msg_iovlen;
        }
        message.msg_iov->iov_base = static_cast<std::byte*>(message.msg_iov->iov_base) + left;
        message.msg_iov->iov_len -= left;
    }
}

bool Channel::receiveExactly(std::span<std::byte> out, Message& message) {
    std::size_t done = 0;
    while (done < out.size()) {
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kReceiveFds)> control;
        iovec vector{out.data() + done, out.size() - done};
        msghdr received{};
        received.msg_iov = &vector;
        received.msg_iovlen = 1;
        received.msg_control = control.data();
        received.msg_controllen = control.size();

        ssize_t got = ::recvmsg(socket_.get(), &received, MSG_CMSG_CLOEXEC);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            throw DeviceLost("vfio-user: receiving failed: {}", std::strerror(errno));
        }
        for (cmsghdr* part = CMSG_FIRSTHDR(&received); part; part = CMSG_NXTHDR(&received, part)) {
            if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
                continue;
            std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
                message.fds.emplace_back(fd);
            }
        }
        if ((received.msg_flags & MSG_CTRUNC) || message.fds.size() > kMaxMessageFds) {
            message.tooManyFds = true;
            message.fds.clear();
        }
        if (got == 0) {
            if (done == 0)
                return false;
            throw DeviceLost("vfio-user: the peer went away in the middle of a message");
        }
        done += static_cast<std::size_t>(got);
    }
    return true;
}

std::optional<Message> Channel::receive() {
    Message message;
    if (!receiveExactly(std::as_writable_bytes(std::span(&message.header, 1)), message))
        return std::nullopt;
    if (message.header.size < sizeof(Header))
        throw FramingError(message.header, EINVAL);
    if (message.header.size > kMaxMessageSize)
        throw FramingError(message.header, EMSGSIZE);
    message.payload.resize(message.header.size - sizeof(Header));
    if (!message.payload.empty() && !receiveExactly(message.payload, message))
        throw DeviceLost("vfio-user: the peer went away in the middle of a message");
    return message;
}

void Channel::shutdown() {
    ::shutdown(socket_.get(), SHUT_RDWR);
}

} // namespace svga::vfio_user
