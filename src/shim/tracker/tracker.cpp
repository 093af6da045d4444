// SPDX-License-Identifier: MIT
#include "shim/tracker/tracker.h"

#include "shim/tracker/all_tracker.h"
#include "shim/tracker/userfault_tracker.h"
#include "util/error.h"

namespace svga::shim {

std::string_view name(TrackerMode mode) {
    switch (mode) {
    case TrackerMode::Async:
        return "async";
    case TrackerMode::Thread:
        return "thread";
    case TrackerMode::All:
        return "all";
    }
    return "unknown";
}

std::unique_ptr<Tracker> createTracker(TrackerChoice choice, int guestMemory, ReadbackHandler& handler,
                                       Counters& counters) {
    const auto create = [&](TrackerMode mode) -> std::unique_ptr<Tracker> {
        try {
            return std::make_unique<UserfaultTracker>(mode, guestMemory, handler, counters);
        } catch (const Error& error) {
            throw Error("dirty tracking in mode \"{}\" cannot be had here: {}", name(mode), error.what());
        }
    };
    switch (choice) {
    case TrackerChoice::Async:
        return create(TrackerMode::Async);
    case TrackerChoice::Thread:
        return create(TrackerMode::Thread);
    case TrackerChoice::Best:
        for (const TrackerMode mode : {TrackerMode::Async, TrackerMode::Thread}) {
            try {
                return create(mode);
            } catch (const Error&) {
                // The next one then.
            }
        }
        break;
    case TrackerChoice::All:
        break;
    }
    return std::make_unique<AllTracker>(counters);
}

} // namespace svga::shim
