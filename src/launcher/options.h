// SPDX-License-Identifier: MIT
#pragma once

#include "launcher/stack.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace svga::launcher {

/** \brief What the command line asks for. */
struct Options : StackChoice {
    std::string tracker = "auto"; ///< "auto", "async", "thread" or "all"
    bool copyOnly = false;
    bool stats = false;
    std::string statsFile;           ///< empty: standard error
    std::string recordFile;          ///< absolute; empty: nothing is recorded
    std::string screen = "1280x800"; ///< WIDTHxHEIGHT of the display
    bool vsync = true;
    std::string screenshotFile;       ///< absolute; empty: none is made
    std::string without;              ///< what the GPU below is taken not to have
    std::string vncAddress;           ///< empty: not served
    std::vector<std::string> program; ///< the program and its arguments, at least one
};

/**
 * \brief Reads the command line, everything after the program's own name.
 *
 * \returns nothing where --help was asked for and has been printed
 * \throws svga::Error where an option is unknown or has a wrong value, or no program is named
 */
std::optional<Options> parseOptions(std::span<const std::string> arguments);

} // namespace svga::launcher
