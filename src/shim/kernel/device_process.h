// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.h"

#include <string>
#include <vector>

namespace svga::shim {

/** \brief How the device process is started; see util/embedded_environment.h for where the values come from. */
struct DeviceProcessOptions {
    std::string executable;
    bool copyOnly = false;
    std::string record;                   ///< empty: not recorded
    std::string screenshot;               ///< empty: none is made
    std::string without;                  ///< what the GPU is taken not to have
    std::string vnc;                      ///< empty: not served
    std::vector<std::string> environment; ///< "NAME=value"
};

/**
 * \brief Starts svga-device and returns our end of its socket.
 *
 * The process ends by itself once every copy of that end is closed, so also when this process is killed. It has a
 * session of its own (a terminal's Ctrl-C is for the program) and raises no SIGCHLD, and wait() in the program does not
 * see it. \throws Error naming the executable where it cannot be started.
 */
UniqueFd startDeviceProcess(const DeviceProcessOptions& options);

} // namespace svga::shim
