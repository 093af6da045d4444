// SPDX-License-Identifier: MIT
/**
 * \file
 * Whole vfio-user messages over a stream socket, each with the file descriptors that came with it.
 */
#pragma once

#include "util/error.h"
#include "util/unique_fd.h"
#include "vfio_user/protocol.h"

#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace svga::vfio_user {

/** \brief The peer is gone (end of file, reset), or a transfer failed; nothing more can be said to it. */
class DeviceLost : public Error {
public:
    using Error::Error;
};

/** \brief A message whose size field cannot be true: where the next message begins is unknown, so the channel is of no
 * more use. */
class FramingError : public Error {
public:
    FramingError(const Header& header, int errorNumber);
    Header header;
    int errorNumber;
};

struct Message {
    Header header{};
    std::vector<std::byte> payload;
    std::vector<UniqueFd> fds;
    bool tooManyFds = false; ///< more came than kMaxMessageFds: all are closed
};

/**
 * \brief One end of a vfio-user connection.
 *
 * One thread may send while another receives; more need a lock of their own. No call raises SIGPIPE.
 */
class Channel {
public:
    explicit Channel(UniqueFd socket)
        : socket_(std::move(socket)) {}

    /**
     * \brief Sends \p header (its size field is filled in), the \p parts of the payload and \p fds (borrowed).
     * \throws DeviceLost where the peer is gone.
     */
    void send(Header header, std::span<const std::span<const std::byte>> parts, std::span<const int> fds = {});

    /**
     * \brief Waits for the next message; empty where the peer closed between two messages.
     * \throws DeviceLost where it went away within one, FramingError where the size field is below that of a header or
     * above kMaxMessageSize.
     */
    std::optional<Message> receive();

    /** \brief Ends the connection for both ends, waking whoever waits in receive(). Any thread. */
    void shutdown();

    int fd() const { return socket_.get(); }

private:
    /** False at end of file before the first byte. */
    bool receiveExactly(std::span<std::byte> out, Message& message);

    UniqueFd socket_;
};

/** \brief The bytes of a wire structure. */
template <typename T>
std::span<const std::byte> bytesOf(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_bytes(std::span(&value, 1));
}

/** \brief Reads a wire structure at the front of \p payload; empty where that is too short. */
template <typename T>
std::optional<T> parse(std::span<const std::byte> payload) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (payload.size() < sizeof(T))
        return std::nullopt;
    T value;
    std::memcpy(&value, payload.data(), sizeof(T));
    return value;
}

} // namespace svga::vfio_user
