// SPDX-License-Identifier: MIT
/**
 * \file
 * Where the parts of the stack lie, and the environment that makes a program find them.
 *
 * The launcher knows its own siblings (the preloaded library and the device, built or installed beside it). What comes
 * from elsewhere, two builds of Mesa and a Vulkan driver, is described by a file that the set-up writes:
 *
 *     { "coherent": PART, "stock": PART, "device": PART }
 *     PART = { "needs": [FILE...], "library_path": FOLDERS, "variables": { NAME: VALUE... } }
 *
 * "coherent" and "stock" are for the program, "device" for the device process. A part can be used when all the files it
 * needs are there.
 */
#pragma once

#include "launcher/options.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace svga::launcher {

/** \brief One part of the stack that is not built here. */
struct StackPart {
    std::vector<std::filesystem::path> needs;
    std::string libraryPath; ///< for LD_LIBRARY_PATH; may be empty
    std::map<std::string, std::string> variables;

    /// \throws svga::Error that names the first missing file; \p what says what the part is
    void requireComplete(const std::string& what) const;
};

/** \brief The whole stack, as far as one program needs it. */
struct Stack {
    std::filesystem::path shim;   ///< the library to preload
    std::filesystem::path device; ///< the device's executable
    StackPart winsys;
    StackPart vulkan;
};

/**
 * \brief Finds the stack that \p options ask for.
 *
 * \param executable the launcher's own file, beside which the rest is looked for
 * \throws svga::Error that names what is missing
 */
Stack findStack(const Options& options, const std::filesystem::path& executable);

/**
 * \brief The environment of the program, as "NAME=value" strings.
 *
 * \param inherited the launcher's own; SVGA_* variables in it, of a launcher around this one, are dropped
 * \param countersPath path of the shared page of counters, good in every process
 */
std::vector<std::string> programEnvironment(const Options& options, const Stack& stack, const std::string& countersPath,
                                            const std::vector<std::string>& inherited);

} // namespace svga::launcher
