// SPDX-License-Identifier: MIT
#include "vm/stats.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>

namespace svga::vm {

namespace {

nlohmann::ordered_json parseCounters(const std::string& text) {
    if (text.empty())
        return nullptr;
    nlohmann::ordered_json counters = nlohmann::ordered_json::object();
    std::istringstream stream(text);
    std::string name;
    for (long long value = 0; stream >> name >> value;)
        counters[name] = value;
    return counters;
}

nlohmann::ordered_json parseFile(const std::filesystem::path& file) {
    std::ifstream stream(file);
    auto json = nlohmann::ordered_json::parse(stream, nullptr, false);
    return json.is_discarded() ? nlohmann::ordered_json(nullptr) : json;
}

} // namespace

void writeStats(std::ostream& stream, const Options& options, const RunFacts& facts,
                const std::filesystem::path& device) {
    nlohmann::ordered_json stats;
    stats["program"] = options.program;
    stats["exit_code"] = facts.exitCode;
    stats["kernel"] = options.kernel;
    stats["winsys"] = options.winsys;
    stats["copy_only"] = options.copyOnly || !options.recordFile.empty();
    stats["accelerator"] = facts.accelerator;
    stats["boot_seconds"] = facts.bootSeconds;
    stats["run_seconds"] = facts.runSeconds;
    stats["kernel_counters"] = parseCounters(facts.kernelCounters);
    stats["device"] = parseFile(device);
    // A program's arguments need not be UTF-8.
    stream << stats.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

} // namespace svga::vm
