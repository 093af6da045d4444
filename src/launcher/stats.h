// SPDX-License-Identifier: MIT
#pragma once

#include "launcher/options.h"
#include "util/counters.h"

#include <ostream>

namespace svga::launcher {

/** \brief Writes what was counted, as one JSON object whose members are named as in util/counters.h. */
void writeStats(std::ostream& stream, const Options& options, const Counters& counters, int exitCode);

} // namespace svga::launcher
