// SPDX-License-Identifier: MIT
#include "vm/qemu.h"

#include "util/error.h"
#include "vm/child.h"
#include "vm/guest/channel.h"
#include "vm/guest/request.h"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace svga::vm {

namespace fs = std::filesystem;

namespace {

constexpr unsigned kProbeMemory = 256; // MiB
constexpr auto kProbeLimit = std::chrono::seconds(5);
constexpr auto kProbeStep = std::chrono::milliseconds(50);
constexpr const char* kNoRootFileSystem = "Unable to mount root fs"; // how a kernel without initramfs ends

/// How long QEMU waits for an answer of the device; by default 5 s, in which a busy host may not get it started.
constexpr unsigned kDeviceTimeout = 60000; // ms

/// A comma ends a value on QEMU's command line.
std::string quoted(const fs::path& path) {
    std::string result;
    for (const char character : path.string())
        result += character == ',' ? ",," : std::string(1, character);
    return result;
}

void append(std::vector<std::string>& words, std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
}

/// The part that every machine has, with its serial port in \p log.
std::vector<std::string> bareMachine(const Description& description, const std::string& accelerator, unsigned memory,
                                     const fs::path& log) {
    std::vector<std::string> command = description.qemu;
    append(command, {"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"});
    // Five-level page tables and their like cost an emulator much and a small guest has no use for them.
    append(command, {"-accel", accelerator, "-cpu", accelerator == "kvm" ? "host" : "max,la57=off"});
    // The device maps the guest's memory, so it has to be a file that can be shared.
    append(command, {"-m", std::to_string(memory), "-object",
                     fmt::format("memory-backend-memfd,id=memory,size={}M,share=on", memory)});
    append(command, {"-machine", "q35,memory-backend=memory,usb=off,smbus=off"});
    append(command, {"-kernel", description.image.string()});
    append(command, {"-chardev", fmt::format("file,id=log,path={}", quoted(log)), "-serial", "chardev:log"});
    return command;
}

std::string readFile(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

bool kvmBootsTheKernel(const Description& description, const fs::path& folder) {
    const fs::path log = folder / "kvm-probe.log";
    ChildOptions options;
    options.command = bareMachine(description, "kvm", kProbeMemory, log);
    append(options.command, {"-append", "console=ttyS0 panic=-1"});
    options.environment = qemuEnvironment(description);
    options.log = folder / "qemu.log";
    Child qemu(options);
    const auto deadline = std::chrono::steady_clock::now() + kProbeLimit;
    while (std::chrono::steady_clock::now() < deadline) {
        const bool ended = qemu.wait(kProbeStep).has_value();
        if (readFile(log).find(kNoRootFileSystem) != std::string::npos)
            return true;
        if (ended)
            return false;
    }
    return false;
}

/// Where the verdict is kept; empty where there is no such place.
fs::path verdictFile() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    if (cache && *cache)
        return fs::path(cache) / "svga-coherent/kvm-verdict";
    return home && *home ? fs::path(home) / ".cache/svga-coherent/kvm-verdict" : fs::path();
}

} // namespace

std::vector<std::string> qemuCommand(const Description& description, const MachineOptions& options) {
    auto command = bareMachine(description, options.accelerator, options.memory, options.kernelLog);
    append(command, {"-smp", std::to_string(options.processors), "-initrd", options.initramfs.string()});
    // A console on the screen costs time, and uploads that are not the program's.
    const char* console = options.console ? "console=tty0" : "drm_kms_helper.fbdev_emulation=0";
    append(command,
           {"-append", fmt::format("{} console=ttyS0 panic=-1 mitigations=off {}", console, options.kernelArguments)});
    append(command,
           {"-chardev", fmt::format("socket,id=channel,fd={}", options.channel), "-device", "virtio-serial-pci",
            "-device", fmt::format("virtserialport,chardev=channel,name={}", kChannelName)});
    append(command, {"-fsdev", "local,id=host,path=/,security_model=none,multidevs=remap", "-device",
                     fmt::format("virtio-9p-pci,fsdev=host,mount_tag={}", kHostTag)});
    // A register write that starts a command context has to be done when it returns: the driver looks at the outcome at
    // once.
    const nlohmann::json device = {
        {"driver", "vfio-user-pci"},
        {"socket", {{"type", "unix"}, {"path", options.deviceSocket.string()}}},
        {"rombar", 0},
        {"x-no-posted-writes", true},
        {"x-msg-timeout", kDeviceTimeout},
    };
    append(command, {"-device", device.dump()});
    return command;
}

std::string chooseAccelerator(const std::string& wanted, const Description& description, const fs::path& folder) {
    if (wanted == "tcg")
        return wanted;
    const bool usable = ::access("/dev/kvm", R_OK | W_OK) == 0;
    if (wanted == "kvm") {
        if (!usable)
            throw Error("--accel=kvm: /dev/kvm cannot be used: {}", std::strerror(errno));
        return wanted;
    }
    if (!usable)
        return "tcg";
    const std::string question = readFile("/proc/sys/kernel/random/boot_id") + description.release + "\n";
    const fs::path file = verdictFile();
    const std::string known = readFile(file);
    if (known.starts_with(question))
        return known.substr(question.size()) == "kvm" ? "kvm" : "tcg";
    const std::string verdict = kvmBootsTheKernel(description, folder) ? "kvm" : "tcg";
    if (!file.empty())
        std::ofstream(file) << question << verdict; // where that fails it is asked again
    return verdict;
}

std::vector<std::string> qemuEnvironment(const Description& description) {
    std::vector<std::string> inherited;
    for (char** variable = environ; *variable; ++variable)
        inherited.emplace_back(*variable);
    auto variables = launcher::inheritedVariables(inherited);
    variables.erase("LD_PRELOAD");
    variables.erase("LD_LIBRARY_PATH");
    for (const auto& [name, value] : description.qemuVariables)
        variables[name] = value;
    return launcher::environmentStrings(variables);
}

} // namespace svga::vm
