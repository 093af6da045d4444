// SPDX-License-Identifier: MIT
#pragma once

#include "vm/guest/channel.h"
#include "vm/guest/program.h"

namespace svga::vm::guest {

/** \brief Sends one message. Blocks until the launcher has taken it; nothing happens where \p channel is -1. */
void sendMessage(int channel, MessageType type, std::span<const std::byte> bytes);

/** \brief Blocks the signals that relay() waits for. To be called before a program is started. */
void blockRelaySignals();

/**
 * \brief Carries the program's streams to the launcher and the launcher's input, signals and sizes to the program,
 * until the program has ended. Reaps every process that ends in the guest.
 *
 * What the program left running has a second to close the streams.
 *
 * \returns the exit code as a shell tells it: the program's own, or 128 plus the signal
 */
int relay(Program program, int channel);

} // namespace svga::vm::guest
