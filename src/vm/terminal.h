// SPDX-License-Identifier: MIT
#pragma once

#include "vm/guest/channel.h"

#include <termios.h>

#include <optional>

namespace svga::vm {

/** \brief Whether both standard input and standard output are terminals. */
bool onTerminal();

/** \brief The size of the terminal that is standard output. */
Extent terminalSize();

/** \brief While it lives, every key goes to the program: nothing is echoed, nothing is a signal. */
class RawTerminal {
public:
    RawTerminal();
    ~RawTerminal();
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

private:
    std::optional<termios> before_;
};

} // namespace svga::vm
