// SPDX-License-Identifier: MIT
#pragma once

#include "shim/kernel/kernel.h"
#include "util/counters.h"

#include <string>

namespace svga::shim {

/** \brief What the environment says (util/embedded_environment.h). */
struct Environment {
    KernelOptions kernel;
    std::string counters; ///< path of the shared counters; empty: private ones
};

/**
 * \brief Reads the environment.
 * \param library path of the preloaded library, beside which svga-device is looked for.
 * \throws Error naming a variable with a value that cannot be read.
 */
Environment readEnvironment(const std::string& library);

/** \brief The n-th file (from 1) of those that the devices of a program write, one each. */
std::string numberedPath(const std::string& file, uint64_t number);

/** \brief Maps the counters at \p path shared, for good; private ones where \p path is empty. \throws Error naming the
 * path. */
Counters& mapCounters(const std::string& path);

} // namespace svga::shim
