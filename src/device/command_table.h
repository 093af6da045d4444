// SPDX-License-Identifier: MIT
/**
 * \file
 * What the device does for each command id.
 *
 * Each part of the device registers handlers for the commands it carries out: `table.add(SVGA_3D_CMD_..., "name",
 * handler)`. A handler gets the DX context the command buffer was submitted for and the command's body (after its
 * SVGA3dCmdHeader), takes it apart with CommandBody and throws CommandError where it is malformed. Handlers run on
 * the command thread, one at a time.
 */
#pragma once

#include "device/command_error.h"

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <type_traits>
#include <unordered_map>
#include <vector>

namespace svga::device {

/** \brief A command's body, read front to back. Copies out, so that a guest that writes meanwhile cannot fool a check.
 */
class CommandBody {
public:
    explicit CommandBody(std::span<const std::byte> bytes)
        : rest_(bytes) {}

    /** \throws CommandError where fewer than sizeof(T) bytes are left. */
    template <typename T>
    T take() {
        static_assert(std::is_trivially_copyable_v<T>);
        if (rest_.size() < sizeof(T))
            throw CommandError("body too short: {} bytes wanted, {} left", sizeof(T), rest_.size());
        T value;
        std::memcpy(&value, rest_.data(), sizeof(T));
        rest_ = rest_.subspan(sizeof(T));
        return value;
    }

    /** \brief Takes everything that is left as whole Ts. \throws CommandError where a part of one would remain. */
    template <typename T>
    std::vector<T> takeRest() {
        static_assert(std::is_trivially_copyable_v<T>);
        if (rest_.size() % sizeof(T) != 0)
            throw CommandError("body has {} trailing bytes, not a multiple of {}", rest_.size(), sizeof(T));
        std::vector<T> values(rest_.size() / sizeof(T));
        if (!values.empty())
            std::memcpy(values.data(), rest_.data(), rest_.size());
        rest_ = {};
        return values;
    }

    std::size_t remaining() const { return rest_.size(); }

private:
    std::span<const std::byte> rest_;
};

using CommandHandler = std::function<void(uint32_t dxContextId, CommandBody body)>;

class CommandTable {
public:
    struct Entry {
        const char* name;
        CommandHandler handler;
    };

    /** Each id is added once. \p name is a string literal, for messages and statistics. */
    void add(uint32_t commandId, const char* name, CommandHandler handler) {
        entries_.insert_or_assign(commandId, Entry{name, std::move(handler)});
    }

    const Entry* find(uint32_t commandId) const {
        auto it = entries_.find(commandId);
        return it == entries_.end() ? nullptr : &it->second;
    }

private:
    std::unordered_map<uint32_t, Entry> entries_;
};

} // namespace svga::device
