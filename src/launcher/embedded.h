// SPDX-License-Identifier: MIT
#pragma once

#include "launcher/options.h"
#include "launcher/stack.h"

#include <filesystem>
#include <string>
#include <vector>

namespace svga::launcher {

/** \brief The library to preload. \throws svga::Error where it is missing beside \p executable */
std::filesystem::path findEmbeddedKernel(const std::filesystem::path& executable);

/**
 * \brief The environment of a program on the embedded kernel, as "NAME=value" strings (util/embedded_environment.h).
 *
 * \param shim the library to preload
 * \param inherited the launcher's own; SVGA_* variables in it, of a launcher around this one, are dropped
 * \param countersPath path of the shared page of counters, good in every process
 */
std::vector<std::string> programEnvironment(const Options& options, const Stack& stack,
                                            const std::filesystem::path& shim, const std::string& countersPath,
                                            const std::vector<std::string>& inherited);

} // namespace svga::launcher
