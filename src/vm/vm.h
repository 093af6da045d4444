// SPDX-License-Identifier: MIT
/**
 * \file
 * One virtual machine for one program: started, watched and brought to its end, with what went wrong told in one line.
 */
#pragma once

#include "vm/options.h"

#include <filesystem>

namespace svga::vm {

constexpr int kExitTimeout = 124; ///< as coreutils' timeout(1) has it
constexpr int kExitBroken = 125;  ///< the guest's kernel or a process of the machine came to an end

/**
 * \brief Runs the program of \p options in a new virtual machine.
 *
 * To be called from a process with one thread. What goes wrong in the machine is told on standard error, with the log.
 *
 * \param executable the launcher's own file
 * \returns the exit code of svga-vm
 * \throws svga::Error where the machine cannot be started
 */
int runInMachine(const Options& options, const std::filesystem::path& executable);

} // namespace svga::vm
