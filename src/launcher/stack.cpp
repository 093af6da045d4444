// SPDX-License-Identifier: MIT
#include "launcher/stack.h"

#include "util/embedded_environment.h"
#include "util/error.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <initializer_list>

namespace svga::launcher {

namespace fs = std::filesystem;

namespace {

using Variables = std::map<std::string, std::string>;

/// The first of \p candidates, relative to \p folder, that exists.
fs::path findSibling(const fs::path& folder, const char* what, std::initializer_list<const char*> candidates) {
    for (const char* candidate : candidates) {
        const fs::path path = folder / candidate;
        if (fs::exists(path))
            return path.lexically_normal();
    }
    throw Error("{} is missing: there is no {}; build it first (./run does)", what,
                (folder / *candidates.begin()).string());
}

StackPart readPart(const nlohmann::json& part) {
    StackPart result;
    for (const auto& file : part.at("needs"))
        result.needs.emplace_back(file.get<std::string>());
    result.libraryPath = part.at("library_path").get<std::string>();
    result.variables = part.at("variables").get<Variables>();
    return result;
}

void prependPath(Variables& variables, const char* name, const std::string& path) {
    if (path.empty())
        return;
    std::string& value = variables[name];
    value = value.empty() ? path : path + ":" + value;
}

} // namespace

void StackPart::requireComplete(const std::string& what) const {
    for (const fs::path& file : needs)
        if (!fs::exists(file))
            throw Error("{} is missing: there is no {}; ./run fetches or builds it", what, file.string());
}

Stack findStack(const Options& options, const fs::path& executable) {
    const fs::path folder = executable.parent_path();
    Stack stack;
    stack.shim = findSibling(folder, "the embedded kernel",
                             {"src/shim/libsvga-shim.so", "../lib/svga-coherent/libsvga-shim.so"});
    stack.device =
        findSibling(folder, "the device", {"src/device/svga-device", "../libexec/svga-coherent/svga-device"});

    const fs::path file = options.stackFile.empty() ? findSibling(folder, "the description of the stack",
                                                                  {"stack.json", "../share/svga-coherent/stack.json"})
                                                    : fs::path(options.stackFile);
    try {
        std::ifstream stream(file);
        if (!stream)
            throw Error("the description of the stack, {}, cannot be read", file.string());
        const auto description = nlohmann::json::parse(stream);
        stack.winsys = readPart(description.at(options.winsys));
        stack.vulkan = readPart(description.at("device"));
    } catch (const nlohmann::json::exception& error) {
        throw Error("the description of the stack, {}, is not understood: {}", file.string(), error.what());
    }
    if (!options.vulkanIcd.empty())
        stack.vulkan = {
            {options.vulkanIcd}, "", {{"VK_DRIVER_FILES", options.vulkanIcd}, {"VK_ICD_FILENAMES", options.vulkanIcd}}};
    stack.winsys.requireComplete("Mesa with the " + options.winsys + " winsys");
    stack.vulkan.requireComplete("the Vulkan driver of the device");
    return stack;
}

std::vector<std::string> programEnvironment(const Options& options, const Stack& stack, const std::string& countersPath,
                                            const std::vector<std::string>& inherited) {
    Variables variables;
    for (const std::string& entry : inherited) {
        const size_t equals = entry.find('=');
        if (equals != std::string::npos && !entry.starts_with("SVGA_"))
            variables[entry.substr(0, equals)] = entry.substr(equals + 1);
    }

    prependPath(variables, "LD_PRELOAD", stack.shim.string());
    prependPath(variables, "LD_LIBRARY_PATH", stack.winsys.libraryPath);
    for (const auto& [name, value] : stack.winsys.variables)
        variables[name] = value;
    // waffle looks for a GBM device with udev, which knows the host's devices and not ours.
    variables["WAFFLE_GBM_DEVICE"] = "/dev/dri/renderD128";

    variables[environment::kTracker] = options.tracker;
    variables[environment::kCopyOnly] = options.copyOnly ? "1" : "0";
    variables[environment::kCounters] = countersPath;
    variables[environment::kDevice] = stack.device.string();
    if (!options.recordFile.empty())
        variables[environment::kRecord] = options.recordFile;
    const std::string prefix = environment::kDevicePrefix;
    if (!stack.vulkan.libraryPath.empty())
        variables[prefix + "LD_LIBRARY_PATH"] = stack.vulkan.libraryPath;
    for (const auto& [name, value] : stack.vulkan.variables)
        variables[prefix + name] = value;

    std::vector<std::string> result;
    result.reserve(variables.size());
    for (const auto& [name, value] : variables)
        result.push_back(name + "=" + value);
    return result;
}

} // namespace svga::launcher
