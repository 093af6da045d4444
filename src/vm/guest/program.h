// SPDX-License-Identifier: MIT
#pragma once

#include "vm/guest/channel.h"
#include "vm/guest/request.h"

#include <stdexcept>
#include <string>

namespace svga::vm::guest {

/** \brief Why a program cannot be run, and the exit code that says so. */
struct CannotRun : std::runtime_error {
    CannotRun(int exitCode, const std::string& message)
        : std::runtime_error(message)
        , exitCode(exitCode) {}
    int exitCode;
};

/** \brief A running program and this process's ends of its standard streams. */
struct Program {
    pid_t pid = -1;
    int input = -1;  ///< non-blocking; on a terminal the same descriptor as output
    int output = -1; ///< non-blocking
    int error = -1;  ///< non-blocking; -1 on a terminal
    bool terminal = false;

    void resize(Extent extent) const;
};

/**
 * \brief Starts the program of \p request in a session of its own, as the user it names.
 *
 * \throws CannotRun with the exit codes of a shell: 127 where there is no such program, else 126
 */
Program startProgram(const Request& request);

} // namespace svga::vm::guest
