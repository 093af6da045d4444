// SPDX-License-Identifier: MIT
#pragma once

#include "launcher/stack.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace svga::vm {

/** \brief What the command line of svga-vm asks for. */
struct Options : launcher::StackChoice {
    std::string kernel = "stock";     ///< "stock", "patched" or a file: the vmwgfx.ko to load
    std::string descriptionFile;      ///< absolute; empty: vm.json beside svga-vm
    std::string kernelArguments;      ///< added to the kernel's command line
    std::string accelerator = "auto"; ///< "auto", "kvm" or "tcg"
    unsigned memory = 2048;           ///< MiB
    unsigned processors = 0;          ///< 0: as many as the host has, at most 4
    double timeout = 0;               ///< seconds from the start of the program on; 0: none
    bool root = false;                ///< the program runs as the guest's root
    bool copyOnly = false;
    bool stats = false;
    std::string statsFile;            ///< absolute; empty: standard error
    std::string recordFile;           ///< absolute; empty: nothing is recorded
    std::string screenshotFile;       ///< absolute; empty: none
    std::string vncAddress;           ///< [HOST:]PORT; empty: the screen is not served
    std::string logFolder;            ///< absolute; empty: a temporary one, kept where something went wrong
    std::vector<std::string> program; ///< the program and its arguments, at least one
};

/**
 * \brief Reads the command line, everything after the program's own name.
 *
 * \returns nothing where --help was asked for and has been printed
 * \throws svga::Error where an option is unknown or has a wrong value
 */
std::optional<Options> parseOptions(std::span<const std::string> arguments);

} // namespace svga::vm
