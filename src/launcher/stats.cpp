// SPDX-License-Identifier: MIT
#include "launcher/stats.h"

#include "shim/tracker/tracker.h"

#include <nlohmann/json.hpp>

namespace svga::launcher {

namespace {

/// The tracker in use, from Counters::tracker (a TrackerMode plus one).
const char* trackerName(uint64_t counter) {
    if (counter == 0)
        return "none";
    switch (static_cast<shim::TrackerMode>(counter - 1)) {
    case shim::TrackerMode::Async:
        return "async";
    case shim::TrackerMode::Thread:
        return "thread";
    case shim::TrackerMode::All:
        return "all";
    }
    return "unknown";
}

} // namespace

void writeStats(std::ostream& stream, const Options& options, const Counters& counters, int exitCode) {
    nlohmann::ordered_json stats;
    stats["program"] = options.program;
    stats["exit_code"] = exitCode;
    stats["winsys"] = options.winsys;
    stats["tracker"] = trackerName(counters.tracker);
    stats["zero_copy"] = counters.zero_copy != 0;
    stats["devices"] = counters.devices.load();
    stats["submits"] = counters.submits.load();
    stats["fences_waited"] = counters.fences_waited.load();
    stats["write_faults"] = counters.write_faults.load();
    stats["read_faults"] = counters.read_faults.load();
    stats["pages_dirtied"] = counters.pages_dirtied.load();
    stats["bytes_written"] = counters.bytes_written.load();
    stats["bytes_uploaded"] = counters.bytes_uploaded.load();
    stats["bytes_read_back"] = counters.bytes_read_back.load();
    stats["userspace_updates"] = counters.userspace_updates.load();
    stats["userspace_readbacks"] = counters.userspace_readbacks.load();
    stats["scans"] = counters.scans.load();
    stats["scan_nanoseconds"] = counters.scan_nanoseconds.load();
    // A program's arguments need not be UTF-8.
    stream << stats.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

} // namespace svga::launcher
