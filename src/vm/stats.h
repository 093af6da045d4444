// SPDX-License-Identifier: MIT
#pragma once

#include "vm/options.h"

#include <filesystem>
#include <ostream>
#include <string>

namespace svga::vm {

/** \brief What is told of one run beside what the device counted. */
struct RunFacts {
    int exitCode = 0;
    std::string accelerator;
    double bootSeconds = 0;     ///< from the start of svga-vm to that of the program
    double runSeconds = 0;      ///< from there to the program's end
    std::string kernelCounters; ///< lines of a name and a number; empty where the guest's vmwgfx counts nothing
};

/**
 * \brief Writes one JSON object: the facts, what the guest's kernel counted, and what the device did.
 *
 * \param device the file that svga-device --stats wrote; without it "device" is null
 */
void writeStats(std::ostream& stream, const Options& options, const RunFacts& facts,
                const std::filesystem::path& device);

} // namespace svga::vm
