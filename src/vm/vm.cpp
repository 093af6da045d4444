// SPDX-License-Identifier: MIT
#include "vm/vm.h"

#include "util/error.h"
#include "vm/child.h"
#include "vm/description.h"
#include "vm/guest/request.h"
#include "vm/initramfs.h"
#include "vm/logs.h"
#include "vm/qemu.h"
#include "vm/session.h"
#include "vm/stats.h"
#include "vm/terminal.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <thread>

namespace svga::vm {

namespace fs = std::filesystem;

namespace {

using std::chrono::seconds;

constexpr unsigned kMostProcessors = 4; // that a guest gets by itself
constexpr auto kQemuGrace = seconds(5);
constexpr auto kDeviceGrace = seconds(20); // it may have a recording to finish
constexpr auto kCrashGrace = seconds(2);   // for the processes that end because another did

std::vector<std::string> ownEnvironment() {
    std::vector<std::string> result;
    for (char** variable = environ; *variable; ++variable)
        result.emplace_back(*variable);
    return result;
}

Request makeRequest(const Options& options, const Description& description, const launcher::Stack& stack) {
    Request request;
    for (const fs::path& module : description.modules)
        request.modules.push_back(module.filename().string());
    request.program = options.program;
    auto variables = launcher::inheritedVariables(ownEnvironment());
    launcher::addWinsys(variables, stack.winsys);
    request.environment = launcher::environmentStrings(variables);
    request.folder = fs::current_path().string();
    if (!options.root) {
        request.user = ::getuid();
        request.group = ::getgid();
        request.groups.resize(static_cast<size_t>(std::max(0, ::getgroups(0, nullptr))));
        ::getgroups(static_cast<int>(request.groups.size()), request.groups.data());
    }
    request.terminal = onTerminal();
    return request;
}

void writeInitramfs(const fs::path& file, const Description& description, const Request& request) {
    Initramfs initramfs;
    for (const char* folder : {"dev", "proc", "sys", "host"})
        initramfs.addFolder(folder);
    initramfs.copyFile("init", description.init, true);
    initramfs.addFile(std::string_view(kRequestFile).substr(1), encode(request));
    const std::string modules = kModuleFolder + 1;
    initramfs.addFolder(modules);
    for (const fs::path& module : description.modules)
        initramfs.copyFile(modules + "/" + module.filename().string(), module);
    initramfs.write(file);
}

/// Listens before the device process is there to accept, so that QEMU may be started at the same time.
UniqueFd listenAt(const fs::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.string().size() >= sizeof(address.sun_path))
        throw Error("the socket path {} is longer than {} bytes", path.string(), sizeof(address.sun_path) - 1);
    path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener.get(), 1) != 0)
        throw Error("cannot listen at {}: {}", path.string(), std::strerror(errno));
    return listener;
}

fs::path deviceStatistics(const LogFolder& logs) {
    return logs.work() / "device.json";
}

ChildOptions deviceProcess(const Options& options, const launcher::Stack& stack, const LogFolder& logs, int listener) {
    ChildOptions device;
    device.command = {stack.device.string(), fmt::format("--socket-fd={}", listener)};
    if (options.copyOnly)
        device.command.emplace_back("--copy-only");
    if (!options.recordFile.empty())
        device.command.push_back("--record=" + options.recordFile);
    if (!options.screenshotFile.empty())
        device.command.push_back("--screenshot=" + options.screenshotFile);
    if (!options.vncAddress.empty())
        device.command.push_back("--vnc=" + options.vncAddress);
    if (options.stats)
        device.command.push_back("--stats=" + deviceStatistics(logs).string());
    auto variables = launcher::inheritedVariables(ownEnvironment());
    variables.erase("LD_PRELOAD");
    launcher::addPart(variables, stack.vulkan);
    device.environment = launcher::environmentStrings(variables);
    device.log = logs.device();
    device.inherited = {listener};
    return device;
}

/// What became of the processes before svga-vm itself ended them: nothing where they were still there.
struct Casualties {
    std::optional<int> device, qemu;
};

/// Brings the machine to its end. \returns who had ended without being told to
Casualties stop(Child& qemu, Child& device, bool broken) {
    Casualties casualties;
    if (broken) {
        casualties.device = device.wait(kCrashGrace);
        casualties.qemu = qemu.wait(kCrashGrace);
    }
    qemu.signal(SIGTERM);
    if (!qemu.wait(kQemuGrace))
        qemu.signal(SIGKILL);
    qemu.wait(kQemuGrace);
    // The device ends by itself when its client is gone.
    const auto status = device.wait(kDeviceGrace);
    if (!casualties.device && status && *status != 0)
        casualties.device = status;
    return casualties;
}

/// One line on what broke, with the log that says more.
std::string diagnose(const Ending& ending, const Casualties& casualties, const LogFolder& logs) {
    if (const auto panic = logs.kernelPanic())
        return fmt::format("the guest's kernel panicked ({}); its log is {}", *panic, logs.kernel().string());
    if (casualties.device && *casualties.device != 0)
        return fmt::format("the device ended with {}; its log is {}", describeStatus(*casualties.device),
                           logs.device().string());
    if (casualties.qemu && *casualties.qemu != 0)
        return fmt::format("QEMU ended with {}; its log is {}", describeStatus(*casualties.qemu), logs.qemu().string());
    if (!ending.text.empty())
        return fmt::format("{}; the log is {}", ending.text, logs.kernel().string());
    return fmt::format("the guest went off before the program had ended; its log is {}", logs.kernel().string());
}

/// \returns the exit code, after telling what went wrong
int conclude(const Options& options, const Ending& ending, const Casualties& casualties, LogFolder& logs) {
    using Kind = Ending::Kind;
    int exitCode = ending.exitCode;
    std::string problem;
    if (ending.kind == Kind::TimedOut) {
        exitCode = kExitTimeout;
        problem = fmt::format("the program did not end within {:g} s; the guest's log is {}", options.timeout,
                              logs.kernel().string());
    } else if (ending.kind == Kind::NeverBooted) {
        exitCode = kExitTimeout;
        problem = fmt::format("the guest does not start; its log is {}", logs.kernel().string());
    } else if (ending.kind == Kind::Broken || (casualties.device && *casualties.device != 0)) {
        exitCode = kExitBroken;
        problem = diagnose(ending, casualties, logs);
    } else if (ending.kind == Kind::CannotRun) {
        problem = ending.text;
    } else if (const auto complaint = logs.kernelComplaint()) {
        // Not the program's failure, but nobody should miss it.
        problem = fmt::format("the guest's kernel complained ({}); its log is {}", *complaint, logs.kernel().string());
    }
    if (!problem.empty())
        fmt::print(stderr, "svga-vm: {}\n", problem);
    if (!problem.empty() && ending.kind != Kind::CannotRun)
        logs.keep();
    return exitCode;
}

} // namespace

int runInMachine(const Options& options, const fs::path& executable) {
    const auto begin = Session::Clock::now();
    std::ofstream statsFile;
    if (!options.statsFile.empty()) {
        statsFile.open(options.statsFile);
        if (!statsFile)
            throw Error("--stats: {} cannot be written", options.statsFile);
    }
    const Description description = findDescription(options, executable);
    const launcher::Stack stack = launcher::findStack(options, executable);
    LogFolder logs(options.logFolder);

    MachineOptions machine;
    machine.accelerator = chooseAccelerator(options.accelerator, description, logs.work());
    machine.memory = options.memory;
    machine.processors =
        options.processors ? options.processors : std::clamp(std::thread::hardware_concurrency(), 1u, kMostProcessors);
    machine.console = !options.screenshotFile.empty() || !options.vncAddress.empty();
    machine.kernelArguments = options.kernelArguments;
    machine.initramfs = logs.work() / "initramfs";
    machine.kernelLog = logs.kernel();
    machine.deviceSocket = logs.work() / "device";
    const Request request = makeRequest(options, description, stack);
    writeInitramfs(machine.initramfs, description, request);

    int channel[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0)
        throw Error("no socket can be made: {}", std::strerror(errno));
    UniqueFd ours(channel[0]);
    UniqueFd theirs(channel[1]);
    machine.channel = theirs.get();
    UniqueFd listener = listenAt(machine.deviceSocket);
    Child device(deviceProcess(options, stack, logs, listener.get()));
    Child qemu({qemuCommand(description, machine), qemuEnvironment(description), logs.qemu(), {theirs.get()}});
    listener.reset();
    theirs.reset();

    Session session({std::move(ours), {qemu.pidFd(), device.pidFd()}, request.terminal, options.timeout});
    Ending ending;
    {
        std::optional<RawTerminal> raw;
        if (request.terminal)
            raw.emplace();
        ending = session.run();
    }
    const auto end = Session::Clock::now();
    const Casualties casualties = stop(qemu, device, ending.kind == Ending::Kind::Broken);
    const int exitCode = conclude(options, ending, casualties, logs);
    if (options.stats) {
        using Seconds = std::chrono::duration<double>;
        const auto started = session.started().value_or(end);
        writeStats(statsFile.is_open() ? statsFile : std::cerr, options,
                   {exitCode, machine.accelerator, Seconds(started - begin).count(), Seconds(end - started).count(),
                    session.kernelCounters()},
                   deviceStatistics(logs));
    }
    return exitCode;
}

} // namespace svga::vm
