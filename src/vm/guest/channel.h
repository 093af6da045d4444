// SPDX-License-Identifier: MIT
/**
 * \file
 * The connection between svga-vm and the init process of its guest.
 *
 * In the guest it is a virtio-serial port, outside a stream socket: bytes arrive in order, in pieces of any size. Both
 * ends send messages, each a MessageHeader and the bytes it counts. The guest sends Started once, then Output and Error
 * as the program writes, and ends with Exited or Failed. Input is sent only where the guest has said InputWanted since
 * the last.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace svga::vm {

inline constexpr const char* kChannelName = "svga-vm"; ///< the port's name in the guest
inline constexpr uint32_t kMaxMessageSize = 32768;     ///< bytes after the header

enum class MessageType : uint32_t {
    // From the guest
    Started = 1, ///< the program is about to run
    Output,      ///< bytes of its standard output, or of its terminal
    Error,       ///< bytes of its standard error
    InputWanted, ///< there is room for one more Input
    Counters,    ///< text: what the kernel's vmwgfx has counted, if it counts; before Exited
    Exited,      ///< int32_t: the exit code as a shell tells it
    Failed,      ///< int32_t: the exit code to end with; text: why the program cannot be run
    // From the launcher
    Input,      ///< bytes for its standard input; none: the input has ended
    Signal,     ///< int32_t: for the process group of the program
    WindowSize, ///< Extent
};

struct MessageHeader {
    MessageType type;
    uint32_t size;
};

/** \brief A terminal's size in characters. */
struct Extent {
    uint16_t rows, columns;
};

struct Message {
    MessageType type;
    std::vector<std::byte> bytes;

    /// The value at the start of the bytes; zeros where there are too few.
    template <typename T>
    T value() const {
        T result{};
        if (bytes.size() >= sizeof(T))
            std::memcpy(&result, bytes.data(), sizeof(T));
        return result;
    }
};

/** \brief The bytes of one message. \param bytes at most kMaxMessageSize */
inline std::vector<std::byte> encodeMessage(MessageType type, std::span<const std::byte> bytes) {
    const MessageHeader header{type, static_cast<uint32_t>(bytes.size())};
    const auto head = std::as_bytes(std::span(&header, 1));
    std::vector<std::byte> result(head.begin(), head.end());
    result.insert(result.end(), bytes.begin(), bytes.end());
    return result;
}

/** \brief Makes messages of a stream of bytes. */
class MessageReader {
public:
    void append(std::span<const std::byte> bytes) { pending_.insert(pending_.end(), bytes.begin(), bytes.end()); }

    /** \brief The next whole message, if there is one. A stream that is broken() has no more. */
    std::optional<Message> next() {
        MessageHeader header;
        if (broken_ || pending_.size() < sizeof(header))
            return std::nullopt;
        std::memcpy(&header, pending_.data(), sizeof(header));
        if (header.size > kMaxMessageSize) {
            broken_ = true;
            return std::nullopt;
        }
        const auto end = sizeof(header) + header.size;
        if (pending_.size() < end)
            return std::nullopt;
        const auto begin = pending_.begin();
        Message message{header.type, {begin + sizeof(header), begin + static_cast<std::ptrdiff_t>(end)}};
        pending_.erase(begin, begin + static_cast<std::ptrdiff_t>(end));
        return message;
    }

    /** \brief Whether the other end does not keep to the protocol. */
    bool broken() const { return broken_; }

private:
    std::vector<std::byte> pending_;
    bool broken_ = false;
};

} // namespace svga::vm
