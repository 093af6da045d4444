// SPDX-License-Identifier: MIT
#include "launcher/options.h"

#include "util/error.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

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

/// The program after "--" is taken off before CLI11 sees the command line, so its usage has to be told.
class HelpFormatter : public CLI::Formatter {
    std::string make_usage(const CLI::App*, std::string) const override {
        return "Usage: svga-run [OPTIONS] -- PROGRAM [ARGS...]\n";
    }
};

std::string absolute(const std::string& path) {
    return path.empty() ? path : std::filesystem::absolute(path).string();
}

} // namespace

std::optional<Options> parseOptions(std::span<const std::string> arguments) {
    const auto separator = std::find(arguments.begin(), arguments.end(), "--");
    Options options;
    if (separator != arguments.end())
        options.program.assign(separator + 1, arguments.end());

    CLI::App app(kDescription, "svga-run");
    app.formatter(std::make_shared<HelpFormatter>());
    app.add_option("--winsys", options.winsys,
                   "coherent: Mesa with the all-coherent winsys of this tree; stock: Debian's own Mesa")
        ->check(CLI::IsMember({"coherent", "stock"}))
        ->capture_default_str();
    app.add_option("--tracker", options.tracker, "how writes to mapped memory are found")
        ->check(CLI::IsMember({"auto", "async", "thread", "all"}))
        ->capture_default_str();
    app.add_flag("--copy-only", options.copyOnly,
                 "the device copies every buffer instead of drawing from guest memory");
    auto* stats =
        app.add_option("--stats", options.statsFile, "write counters as JSON at exit, to FILE or standard error")
            ->type_name("[FILE]")
            ->expected(0, 1);
    app.add_option("--record", options.recordFile, "record the command stream for svga-replay")->type_name("FILE");
    app.add_option("--vulkan-icd", options.vulkanIcd, "the Vulkan driver the device draws with (default: lavapipe)")
        ->type_name("FILE")
        ->check(CLI::ExistingFile);
    app.add_option("--stack", options.stackFile, "the description of the stack (default: stack.json beside svga-run)")
        ->type_name("FILE");

    try {
        // CLI11 takes its arguments from the back.
        app.parse(std::vector<std::string>(std::make_reverse_iterator(separator), arguments.rend()));
    } catch (const CLI::CallForHelp&) {
        std::cout << app.help();
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        throw Error("{} (--help tells the options)", error.what());
    }
    if (options.program.empty())
        throw Error("no program named: svga-run [OPTIONS] -- PROGRAM [ARGS...]");
    options.stats = stats->count() > 0;
    options.statsFile = absolute(options.statsFile);
    options.recordFile = absolute(options.recordFile);
    options.vulkanIcd = absolute(options.vulkanIcd);
    return options;
}

} // namespace svga::launcher
