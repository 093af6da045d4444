// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace svga::launcher {

constexpr int kExitCannotRun = 126; ///< the program or a part of the stack is there, or should be, but cannot be used
constexpr int kExitNoProgram = 127; ///< there is no such program
constexpr int kExitWrongOption = 2;
constexpr int kExitSignalBase = 128; ///< plus the signal's number

/**
 * \brief Runs a program and waits for it and for everything it started.
 *
 * Signals that ask the launcher to end are passed on to the program. The program is killed if the launcher dies. When
 * it has ended, processes that it left behind get some time to end as well and are killed then. To be called from a
 * process with one thread.
 *
 * \param command the program, looked for in PATH, and its arguments
 * \param environment "NAME=value" strings
 * \param grace how long what the program left behind may take to end
 * \returns the program's exit code, kExitSignalBase + signal, or, with a line on standard error, kExitCannotRun or
 *          kExitNoProgram
 * \throws svga::Error where no process can be made
 */
int runProgram(const std::vector<std::string>& command, const std::vector<std::string>& environment,
               std::chrono::seconds grace);

} // namespace svga::launcher
