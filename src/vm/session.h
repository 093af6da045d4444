// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.h"
#include "vm/guest/channel.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace svga::vm {

/** \brief How a session came to its end. */
struct Ending {
    enum class Kind {
        Exited,      ///< exitCode is the program's
        CannotRun,   ///< exitCode and text say why
        TimedOut,    ///< the time limit of the program
        NeverBooted, ///< the time limit of the guest's start
        Broken,      ///< a process of the machine ended, or the guest said what it may not
        Interrupted, ///< exitCode is 128 plus the signal: svga-vm was told to end, not the program
    };
    Kind kind = Kind::Broken;
    int exitCode = 0;
    std::string text;
};

/**
 * \brief Carries standard streams and signals between svga-vm and the program in the guest, until one of them ends.
 *
 * Signals that ask svga-vm to end are passed on to the program; where it has not started yet, or the same signal comes
 * again, they end the session.
 */
class Session {
public:
    using Clock = std::chrono::steady_clock;

    struct Watch {
        UniqueFd channel;           ///< svga-vm's end
        std::vector<int> processes; ///< pidfds: the machine ends with any of these
        bool terminal = false;      ///< the program has a terminal, of svga-vm's size
        double timeout = 0;         ///< seconds from the start of the program on; 0: none
    };

    /// Blocks the signals it waits for, in this thread and those made later.
    explicit Session(Watch watch);

    Ending run();

    /** \brief When the program was started, if it was. */
    std::optional<Clock::time_point> started() const { return started_; }

    /** \brief What the guest's vmwgfx has counted, if it told. */
    const std::string& kernelCounters() const { return kernelCounters_; }

private:
    void receive();
    void handle(const Message& message);
    void takeInput();
    void takeSignals();
    void writeOutput();
    void send(MessageType type, std::span<const std::byte> bytes);
    void writeChannel();
    std::optional<Ending> overdue() const;
    int millisecondsLeft() const;

    Watch watch_;
    UniqueFd signals_;
    Clock::time_point bootDeadline_;
    std::optional<Clock::time_point> started_;
    std::string kernelCounters_;
    MessageReader reader_;
    std::vector<std::byte> outgoing_; ///< for the channel
    std::vector<std::byte> output_;   ///< not yet written to outputStream_
    int outputStream_ = -1;
    bool inputWanted_ = false;
    bool closed_ = false; ///< nothing more comes from the channel
    uint64_t signalsSeen_ = 0;
    std::optional<int> interrupted_; ///< by this signal
    std::optional<Ending> ending_;
};

} // namespace svga::vm
