// SPDX-License-Identifier: MIT
#include "vm/options.h"

#include "launcher/command_line.h"
#include "util/error.h"

#include <cstdlib>

namespace svga::vm {

namespace {

constexpr const char* kDescription =
    "Runs a program in a virtual machine: Debian's Linux with its driver vmwgfx, on the SVGA device.\n"
    "The guest has the host's own files, and the program its environment, current folder and standard streams; "
    "without\n"
    "a program it is a shell. The exit code is the program's own, 128 + N where signal N ended it, 2 for a wrong "
    "option,\n"
    "124 where the time limit was reached, 125 where the guest or the device broke, 126 where the program or a part "
    "of\n"
    "the stack cannot be used, 127 where there is no such program.";

constexpr unsigned kMinMemory = 256;     // MiB; less does not boot
constexpr unsigned kMaxMemory = 1 << 20; // MiB
constexpr unsigned kMaxProcessors = 64;
constexpr double kMaxTimeout = 1e6; // seconds

} // namespace

std::optional<Options> parseOptions(std::span<const std::string> arguments) {
    Options options;
    launcher::CommandLine commandLine(kDescription, "svga-vm", "[-- PROGRAM [ARGS...]]");
    CLI::App& app = commandLine.options();
    app.add_option("--kernel", options.kernel,
                   "the vmwgfx of the guest: stock, patched (build/kernel/vmwgfx.ko), or a vmwgfx.ko file")
        ->type_name("KERNEL")
        ->capture_default_str();
    app.add_option("--description", options.descriptionFile,
                   "where QEMU and the guest's kernel lie, for another machine than that of the set-up")
        ->type_name("FILE")
        ->transform(launcher::absolutePath);
    commandLine.addStackOptions(options);
    app.add_flag("--copy-only", options.copyOnly,
                 "the device copies every buffer instead of drawing from guest memory");
    const auto* stats = commandLine.addOptionalFile(
        "--stats", options.statsFile, "write what the device was given, as JSON, to FILE or standard error");
    app.add_option("--record", options.recordFile, "record the command stream for svga-replay")
        ->type_name("FILE")
        ->transform(launcher::absolutePath);
    app.add_option("--screenshot", options.screenshotFile, "write what the guest's screen shows at the end, as PNG")
        ->type_name("FILE")
        ->transform(launcher::absolutePath);
    commandLine.addVncOption(options.vncAddress);
    app.add_option("--accel", options.accelerator, "auto: KVM where it can run the guest's kernel, else TCG")
        ->check(CLI::IsMember({"auto", "kvm", "tcg"}))
        ->capture_default_str();
    app.add_option("--timeout", options.timeout, "end the program after so many seconds (0: never)")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, kMaxTimeout));
    app.add_option("--memory", options.memory, "the guest's memory")
        ->type_name("MIB")
        ->check(CLI::Range(kMinMemory, kMaxMemory))
        ->capture_default_str();
    app.add_option("--cpus", options.processors, "the guest's processors (default: the host's, at most 4)")
        ->type_name("N")
        ->check(CLI::Range(1u, kMaxProcessors));
    app.add_flag("--root", options.root, "the program runs as the guest's root, with your rights to the host's files");
    app.add_option("--kernel-args", options.kernelArguments,
                   "added to the kernel's command line; MODULE.PARAMETER=VALUE reaches modules too")
        ->expected(0, 1)
        ->type_name("WORDS");
    app.add_option("--log", options.logFolder, "keep the logs of kernel, device and QEMU in this folder")
        ->type_name("FOLDER")
        ->transform(launcher::absolutePath);

    if (!commandLine.parse(arguments, options.program))
        return std::nullopt;
    if (options.program.empty()) {
        const char* shell = std::getenv("SHELL");
        options.program = {shell && *shell ? shell : "/bin/sh"};
    }
    options.stats = stats->count() > 0;
    options.statsFile = launcher::absolutePath(options.statsFile);
    return options;
}

} // namespace svga::vm
