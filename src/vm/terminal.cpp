// SPDX-License-Identifier: MIT
#include "vm/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace svga::vm {

bool onTerminal() {
    return ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO);
}

Extent terminalSize() {
    winsize size{};
    ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    return {size.ws_row, size.ws_col};
}

RawTerminal::RawTerminal() {
    termios settings{};
    if (::tcgetattr(STDIN_FILENO, &settings) != 0)
        return;
    before_ = settings;
    ::cfmakeraw(&settings);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
}

RawTerminal::~RawTerminal() {
    if (before_)
        ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
}

} // namespace svga::vm
