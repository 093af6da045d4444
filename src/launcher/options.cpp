// SPDX-License-Identifier: MIT
#include "launcher/options.h"

#include "launcher/command_line.h"
#include "util/error.h"
#include "util/screen_size.h"

#include <map>

namespace svga::launcher {

namespace {

constexpr const char* kDescription =
    "Runs a program on the SVGA virtual GPU: Mesa's svga driver, an embedded kernel and a device process that draws "
    "with "
    "Vulkan.\nNo virtual machine and no privilege is needed. The exit code is the program's own, 128 + N where signal "
    "N "
    "ended it,\n2 for a wrong option, 126 where the program or a part of the stack cannot be used, 127 where there is "
    "no "
    "such program.\nWhat the program leaves running has a second to end after it, and is then ended.";

/// CLI11's manner: what is wrong with \p value; empty where nothing is.
std::string checkScreenSize(const std::string& value) {
    return parseScreenSize(value) ? "" : value + " is no size such as 1280x800";
}

} // namespace

std::optional<Options> parseOptions(std::span<const std::string> arguments) {
    Options options;
    CommandLine commandLine(kDescription, "svga-run", "-- PROGRAM [ARGS...]");
    commandLine.addStackOptions(options);
    CLI::App& app = commandLine.options();
    app.add_option("--tracker", options.tracker, "how writes to mapped memory are found")
        ->check(CLI::IsMember({"auto", "async", "thread", "all"}))
        ->capture_default_str();
    app.add_flag("--copy-only", options.copyOnly,
                 "the device copies every buffer instead of drawing from guest memory");
    const auto* stats = commandLine.addOptionalFile("--stats", options.statsFile,
                                                    "write counters as JSON at exit, to FILE or standard error");
    app.add_option(
           "--without", options.without,
           "take the GPU for a lesser one: a list of Vulkan features, extensions and limits (NAME=VALUE) that it "
           "has not (svga-device --help has an example)")
        ->type_name("LIST");
    app.add_option("--record", options.recordFile, "record the command stream for svga-replay")->type_name("FILE");
    app.add_option("--screen", options.screen, "size of the display that mode setting shows")
        ->type_name("WIDTHxHEIGHT")
        ->check(checkScreenSize)
        ->capture_default_str();
    app.add_option("--vsync", options.vsync, "on: page flips wait for a vertical blank, 60 times a second")
        ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"on", true}, {"off", false}}))
        ->type_name("on|off")
        ->default_str("on");
    app.add_option("--screenshot", options.screenshotFile, "write what the display showed last, as PNG")
        ->type_name("FILE");
    commandLine.addVncOption(options.vncAddress);

    if (!commandLine.parse(arguments, options.program))
        return std::nullopt;
    if (options.program.empty())
        throw Error("no program named: svga-run [OPTIONS] -- PROGRAM [ARGS...]");
    options.stats = stats->count() > 0;
    options.statsFile = absolutePath(options.statsFile);
    options.screenshotFile = absolutePath(options.screenshotFile);
    options.recordFile = absolutePath(options.recordFile);
    return options;
}

} // namespace svga::launcher
