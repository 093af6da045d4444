// SPDX-License-Identifier: MIT
#include "shim/environment.h"

#include "util/embedded_environment.h"
#include "util/error.h"
#include "util/screen_size.h"
#include "util/unique_fd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

extern char** environ;

namespace svga::shim {

namespace {

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

TrackerChoice trackerChoice(std::string_view value) {
    if (value.empty() || value == "auto")
        return TrackerChoice::Best;
    if (value == "async")
        return TrackerChoice::Async;
    if (value == "thread")
        return TrackerChoice::Thread;
    if (value == "all")
        return TrackerChoice::All;
    throw Error("{}={}: not one of auto, async, thread, all", environment::kTracker, value);
}

bool flag(const char* name, bool otherwise = false) {
    const std::string_view value = variable(name);
    if (value.empty())
        return otherwise;
    if (value == "0")
        return false;
    if (value == "1")
        return true;
    throw Error("{}={}: not 0 or 1", name, value);
}

DisplayOptions displayOptions() {
    DisplayOptions options;
    if (const std::string_view value = variable(environment::kScreen); !value.empty()) {
        const auto size = parseScreenSize(value);
        if (!size)
            throw Error("{}={}: not a size such as 1280x800, of at most {} x {}", environment::kScreen, value,
                        ScreenSize::kMax, ScreenSize::kMax);
        options.size = *size;
    }
    options.vsync = flag(environment::kVsync, true);
    return options;
}

/// The program's environment without what is meant for the program, and with what is meant for the device.
std::vector<std::string> deviceEnvironment() {
    constexpr std::string_view kPrefix = environment::kDevicePrefix;
    std::vector<std::string> kept, given;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        if (text.starts_with(kPrefix))
            given.emplace_back(text.substr(kPrefix.size()));
        else if (!text.starts_with("LD_PRELOAD=") && !text.starts_with("LD_LIBRARY_PATH=") &&
                 !text.starts_with("SVGA_"))
            kept.emplace_back(text);
    }
    for (const std::string& entry : given) {
        const std::string name = entry.substr(0, entry.find('=') + 1);
        std::erase_if(kept, [&](const std::string& other) { return other.starts_with(name); });
        kept.push_back(entry);
    }
    return kept;
}

} // namespace

Environment readEnvironment(const std::string& library) {
    Environment result;
    result.kernel.tracker = trackerChoice(variable(environment::kTracker));
    result.kernel.device.copyOnly = flag(environment::kCopyOnly);
    result.kernel.device.record = variable(environment::kRecord);
    result.kernel.device.screenshot = variable(environment::kScreenshot);
    result.kernel.device.without = variable(environment::kWithout);
    result.kernel.device.vnc = variable(environment::kVnc);
    result.kernel.display = displayOptions();
    result.kernel.device.executable = variable(environment::kDevice);
    if (result.kernel.device.executable.empty())
        result.kernel.device.executable = library.substr(0, library.rfind('/') + 1) + "svga-device";
    result.kernel.device.environment = deviceEnvironment();
    result.counters = variable(environment::kCounters);
    return result;
}

std::string numberedPath(const std::string& file, uint64_t number) {
    return file.empty() || number <= 1 ? file : fmt::format("{}.{}", file, number);
}

Counters& mapCounters(const std::string& path) {
    if (path.empty()) {
        static Counters counters{};
        return counters;
    }
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0)
        throw Error("{}={}: {}", environment::kCounters, path, std::strerror(errno));
    if (static_cast<std::size_t>(status.st_size) < sizeof(Counters))
        throw Error("{}={}: too small for the counters", environment::kCounters, path);
    void* page = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (page == MAP_FAILED)
        throw Error("{}={}: {}", environment::kCounters, path, std::strerror(errno));
    return *static_cast<Counters*>(page);
}

} // namespace svga::shim
