// SPDX-License-Identifier: MIT
#include "vm/description.h"

#include "util/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>

namespace svga::vm {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDriver = "vmwgfx.ko";

void require(const fs::path& file, const char* what, const char* remedy) {
    if (!fs::exists(file))
        throw Error("{} is missing: there is no {}; {}", what, file.string(), remedy);
}

std::vector<fs::path> modulesIn(const fs::path& folder) {
    const fs::path order = folder / "order";
    require(order, "the list of the guest's kernel modules", "scripts/setup.sh --vm fetches them");
    std::vector<fs::path> modules;
    std::ifstream stream(order);
    for (std::string name; std::getline(stream, name);)
        modules.push_back(folder / name);
    return modules;
}

/// The vmwgfx.ko that is asked for; nothing for that of the kernel itself.
fs::path chosenDriver(const Options& options, const fs::path& executable) {
    if (options.kernel == "stock")
        return {};
    const bool patched = options.kernel == "patched";
    const fs::path file = patched ? executable.parent_path() / "kernel" / kDriver : fs::absolute(options.kernel);
    require(file, "the guest's vmwgfx", patched ? "'make -C kernel' builds it" : "--kernel=stock takes Debian's own");
    return file;
}

} // namespace

Description findDescription(const Options& options, const fs::path& executable) {
    const char* const what = "the description of the virtual machine";
    const fs::path file = options.descriptionFile.empty()
                              ? launcher::findBeside(executable, what, {"vm.json", "../share/svga-coherent/vm.json"},
                                                     "scripts/setup.sh --vm makes it")
                              : fs::path(options.descriptionFile);
    require(file, what, "--description has to name one");
    Description description;
    try {
        std::ifstream stream(file);
        const auto json = nlohmann::json::parse(stream);
        description.qemu = json.at("qemu").at("command").get<std::vector<std::string>>();
        description.qemuVariables = json.at("qemu").at("variables").get<std::map<std::string, std::string>>();
        description.release = json.at("kernel").at("release").get<std::string>();
        description.image = json.at("kernel").at("image").get<std::string>();
        description.modules = modulesIn(json.at("kernel").at("modules").get<std::string>());
    } catch (const nlohmann::json::exception& error) {
        throw Error("the description of the virtual machine, {}, is not understood: {}", file.string(), error.what());
    }
    if (description.qemu.empty())
        throw Error("the description of the virtual machine, {}, names no QEMU", file.string());
    description.init = launcher::findBeside(executable, "the guest's init",
                                            {"src/vm/svga-vm-init", "../libexec/svga-coherent/svga-vm-init"});
    if (const fs::path driver = chosenDriver(options, executable); !driver.empty()) {
        const auto found = std::find_if(description.modules.begin(), description.modules.end(),
                                        [](const fs::path& module) { return module.filename() == kDriver; });
        if (found == description.modules.end())
            throw Error("the guest's kernel has no {} that could be replaced", kDriver);
        *found = driver;
    }
    require(description.qemu.front(), "QEMU", "scripts/setup.sh --vm fetches it");
    require(description.image, "the guest's kernel", "scripts/setup.sh --vm fetches it");
    for (const fs::path& module : description.modules)
        require(module, "a module of the guest's kernel", "scripts/setup.sh --vm fetches it");
    return description;
}

} // namespace svga::vm
