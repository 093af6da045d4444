// SPDX-License-Identifier: MIT
#include "launcher/counters_page.h"
#include "launcher/embedded.h"
#include "launcher/options.h"
#include "launcher/process.h"
#include "launcher/stack.h"
#include "launcher/stats.h"
#include "util/error.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace {

using namespace svga::launcher;

/// The device writes its files when the program has ended, which takes it a while where the machine is busy.
std::chrono::seconds graceFor(const Options& options) {
    const bool writes = !options.screenshotFile.empty() || !options.recordFile.empty();
    return std::chrono::seconds(writes ? 30 : 1);
}

int launch(const Options& options) {
    const auto executable = std::filesystem::read_symlink("/proc/self/exe");
    const auto shim = findEmbeddedKernel(executable);
    const Stack stack = findStack(options, executable);
    std::ofstream statsFile;
    if (!options.statsFile.empty()) {
        statsFile.open(options.statsFile);
        if (!statsFile)
            throw svga::Error("--stats: {} cannot be written", options.statsFile);
    }

    const CountersPage page;
    std::vector<std::string> inherited;
    for (char** variable = environ; *variable; ++variable)
        inherited.emplace_back(*variable);
    const auto environment = programEnvironment(options, stack, shim, page.path(), inherited);
    const int exitCode = runProgram(options.program, environment, graceFor(options));
    if (options.stats)
        writeStats(statsFile.is_open() ? statsFile : std::cerr, options, page.counters(), exitCode);
    return exitCode;
}

} // namespace

int main(int argc, char** argv) {
    int errorCode = kExitWrongOption;
    try {
        const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
        const auto options = parseOptions(arguments);
        if (!options)
            return 0;
        errorCode = kExitCannotRun;
        return launch(*options);
    } catch (const std::exception& error) {
        std::cerr << "svga-run: " << error.what() << '\n';
        return errorCode;
    }
}
