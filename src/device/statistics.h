// SPDX-License-Identifier: MIT
/**
 * \file
 * What a device was given and what it moved, from its start to its end, resets or not.
 */
#pragma once

#include "device/mob.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>

namespace svga::device {

/** \brief All commands of one name. */
struct CommandStatistics {
    uint64_t count = 0;
    uint64_t bytes = 0; ///< of the commands themselves
    uint64_t failures = 0;
    uint64_t memoryRead = 0;    ///< bytes copied out of MOBs while the commands were carried out
    uint64_t memoryWritten = 0; ///< bytes copied into MOBs; results that come later (queries) are not among them
    std::chrono::nanoseconds time{};
};

struct Statistics {
    std::map<std::string, CommandStatistics>
        commands;                            ///< of the command thread, and to be read by others when that stands
    std::atomic<uint64_t> memoryRead = 0;    ///< bytes copied out of MOBs
    std::atomic<uint64_t> memoryWritten = 0; ///< bytes copied into MOBs
};

/** \brief A MOB that is \p mob, and whose reads and writes are counted. */
std::shared_ptr<Mob> countTraffic(std::shared_ptr<Mob> mob, std::shared_ptr<Statistics> statistics);

/**
 * \brief Writes one JSON object: "commands", and their sums "bytes_uploaded" (what surface updates read of guest
 * memory) and "bytes_read_back" (what surface readbacks wrote to it).
 */
void writeStatistics(std::ostream& stream, const Statistics& statistics);

} // namespace svga::device
