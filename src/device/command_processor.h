// SPDX-License-Identifier: MIT
/**
 * \file
 * Takes a command buffer's bytes apart and has each command carried out.
 *
 * Two kinds of command share a buffer: 3D commands (id from SVGA_3D_CMD_BASE on) carry their size in a header and are
 * looked up in the CommandTable; the older 2D commands have sizes of their own and, but for FENCE, mean nothing to a
 * device whose guest uses screen targets: they are checked for size and skipped.
 */
#pragma once

#include "device/command_table.h"
#include "device/statistics.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace svga::device {

/** \brief Why a command buffer stopped, and at which of its bytes the command at fault begins. */
struct CommandFailure {
    uint32_t offset = 0;
    std::string message;
};

class CommandProcessor {
public:
    /** \param onFence is called for each FENCE command with its number. It may throw svga::Error, which passes through
     * execute(). */
    CommandProcessor(const CommandTable& table, std::function<void(uint32_t)> onFence)
        : table_(table)
        , onFence_(std::move(onFence)) {}

    /** \brief \p observer is shown each command's bytes, header included, before it is carried out. */
    using Observer = std::function<void(std::span<const std::byte> command, uint32_t dxContextId)>;
    void observe(Observer observer) { observer_ = std::move(observer); }

    /** \brief Adds each command from now on to \p statistics. */
    void collectStatistics(std::shared_ptr<Statistics> statistics) { statistics_ = std::move(statistics); }

    /** \brief Executes \p commands from \p offset on; stops at the first that fails. */
    std::optional<CommandFailure> execute(std::span<const std::byte> commands, uint32_t offset, uint32_t dxContextId);

private:
    struct Command {
        uint32_t id;
        uint32_t size; ///< of all of it, header included
        const char* name;
        const CommandTable::Entry* entry; ///< null: a 2D command
        std::span<const std::byte> body;
    };

    Command parse(std::span<const std::byte> rest) const;
    void carryOut(const Command& command, uint32_t dxContextId);
    void carryOutCounted(const Command& command, uint32_t dxContextId);

    const CommandTable& table_;
    std::function<void(uint32_t)> onFence_;
    Observer observer_;
    std::shared_ptr<Statistics> statistics_; ///< null: nobody wants any
};

} // namespace svga::device
