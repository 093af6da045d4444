// SPDX-License-Identifier: MIT
/**
 * \file
 * svga-replay: plays what svga-device --record wrote, without a guest, and tells what came of it.
 */
#include "device/player.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace svga;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr int kCommandsFailed = 2;

struct Options {
    std::string file;
    std::vector<std::string> dumps; ///< ID:FILE
    uint64_t commands = ~uint64_t{0};
    bool inPlace = false;
    bool noRendering = false;
};

void printStatistics(const device::Player& player) {
    const auto& statistics = player.statistics().commands;
    std::vector<std::pair<std::string, device::CommandStatistics>> rows(statistics.begin(), statistics.end());
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second.time > b.second.time; });
    fmt::print("{:<36} {:>9} {:>12} {:>10} {:>8}\n", "command", "count", "bytes", "ms", "failed");
    for (const auto& [name, row] : rows)
        fmt::print("{:<36} {:>9} {:>12} {:>10.3f} {:>8}\n", name, row.count, row.bytes, Milliseconds(row.time).count(),
                   row.failures);
    const auto& writes = player.writes();
    fmt::print("commands {}, failed {}; written to MOBs: {} times, {} bytes, hash {:016x}\n", player.commands(),
               player.failures(), writes.count, writes.bytes, writes.hash);
}

void dump(device::Player& player, const std::string& request) {
    auto colon = request.find(':');
    char* end = nullptr;
    unsigned long id = std::strtoul(request.c_str(), &end, 0);
    if (colon == std::string::npos || end != request.c_str() + colon || colon + 1 == request.size())
        throw Error("--dump-surface={}: this is not ID:FILE", request);
    std::string path = request.substr(colon + 1);
    std::vector<std::byte> bytes = player.dumpSurface(static_cast<uint32_t>(id));
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush())
        throw Error("cannot write \"{}\"", path);
    fmt::print("surface {}: {} bytes in {}\n", id, bytes.size(), path);
}

int play(const Options& options) {
    device::RecordingReader reader(options.file);
    device::Player player([&options](const device::MobLookup& mobs) {
        return options.noRendering ? device::createNullRenderer()
                                   : device::createVulkanRenderer(mobs, {.copyOnly = !options.inPlace});
    });
    player.play(reader, options.commands);
    printStatistics(player);
    for (const std::string& request : options.dumps)
        dump(player, request);
    return player.failures() == 0 ? EXIT_SUCCESS : kCommandsFailed;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("svga-replay: plays a recording of svga-device --record and prints statistics and a hash of all that "
                 "was written to guest memory. Exit code 2: a command failed.");
    app.add_option("FILE", options.file, "The recording")->required();
    app.add_option("--dump-surface", options.dumps, "ID:FILE: write a surface's bytes, as they are at the end, to FILE")
        ->allow_extra_args(false);
    app.add_option("--commands", options.commands, "Stop after so many commands");
    app.add_flag("--in-place", options.inPlace, "Draw buffers in place where that is possible");
    app.add_flag("--no-rendering", options.noRendering, "Draw nothing; needs no Vulkan");
    CLI11_PARSE(app, argc, argv);

    spdlog::set_default_logger(spdlog::stderr_color_mt("svga-replay"));
    spdlog::set_pattern("%n: %l: %v");
    try {
        return play(options);
    } catch (const std::exception& error) {
        spdlog::critical("{}", error.what());
        return EXIT_FAILURE;
    }
}
