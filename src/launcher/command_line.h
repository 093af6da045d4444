// SPDX-License-Identifier: MIT
#pragma once

#include "launcher/stack.h"

#include <CLI/CLI.hpp>

#include <span>
#include <string>
#include <vector>

namespace svga::launcher {

/**
 * \brief A command line of the form "NAME [OPTIONS] -- PROGRAM [ARGS...]".
 *
 * Everything after the first "--" belongs to the program and is not looked at.
 */
class CommandLine {
public:
    /// \param program how the usage line names what follows the options, for example "-- PROGRAM [ARGS...]"
    CommandLine(const std::string& description, const std::string& name, const std::string& program);

    CLI::App& options() { return app_; }

    /// Adds --winsys, --vulkan-icd and --stack.
    void addStackOptions(StackChoice& choice);
    /// Adds --vnc.
    void addVncOption(std::string& address);
    /// Adds an option whose FILE may be left out. \returns the option: its count() says whether it was there
    CLI::Option* addOptionalFile(const std::string& name, std::string& file, const std::string& description);

    /**
     * \brief Reads \p arguments, everything after the program's own name.
     *
     * \param program set to what follows "--"; empty where nothing does
     * \returns false where --help was asked for and has been printed
     * \throws svga::Error where an option is unknown or has a wrong value
     */
    bool parse(std::span<const std::string> arguments, std::vector<std::string>& program);

private:
    CLI::App app_;
};

/// \p path, absolute; nothing remains nothing.
std::string absolutePath(const std::string& path);

} // namespace svga::launcher
