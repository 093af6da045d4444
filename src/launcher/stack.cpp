// SPDX-License-Identifier: MIT
#include "launcher/stack.h"

#include "util/error.h"

#include <nlohmann/json.hpp>

#include <fstream>

namespace svga::launcher {

namespace fs = std::filesystem;

namespace {

StackPart readPart(const nlohmann::json& part) {
    StackPart result;
    for (const auto& file : part.at("needs"))
        result.needs.emplace_back(file.get<std::string>());
    result.libraryPath = part.at("library_path").get<std::string>();
    result.variables = part.at("variables").get<Variables>();
    return result;
}

} // namespace

void StackPart::requireComplete(const std::string& what) const {
    for (const fs::path& file : needs)
        if (!fs::exists(file))
            throw Error("{} is missing: there is no {}; ./run fetches or builds it", what, file.string());
}

fs::path findBeside(const fs::path& executable, const char* what, std::initializer_list<const char*> candidates,
                    const char* remedy) {
    const fs::path folder = executable.parent_path();
    for (const char* candidate : candidates) {
        const fs::path path = folder / candidate;
        if (fs::exists(path))
            return path.lexically_normal();
    }
    throw Error("{} is missing: there is no {}; {}", what, (folder / *candidates.begin()).string(), remedy);
}

Stack findStack(const StackChoice& choice, const fs::path& executable) {
    Stack stack;
    stack.device =
        findBeside(executable, "the device", {"src/device/svga-device", "../libexec/svga-coherent/svga-device"});
    const fs::path file = choice.stackFile.empty() ? findBeside(executable, "the description of the stack",
                                                                {"stack.json", "../share/svga-coherent/stack.json"})
                                                   : fs::path(choice.stackFile);
    try {
        std::ifstream stream(file);
        if (!stream)
            throw Error("the description of the stack, {}, cannot be read", file.string());
        const auto description = nlohmann::json::parse(stream);
        stack.winsys = readPart(description.at(choice.winsys));
        stack.vulkan = readPart(description.at("device"));
    } catch (const nlohmann::json::exception& error) {
        throw Error("the description of the stack, {}, is not understood: {}", file.string(), error.what());
    }
    if (!choice.vulkanIcd.empty())
        stack.vulkan = {
            {choice.vulkanIcd}, "", {{"VK_DRIVER_FILES", choice.vulkanIcd}, {"VK_ICD_FILENAMES", choice.vulkanIcd}}};
    stack.winsys.requireComplete("Mesa with the " + choice.winsys + " winsys");
    stack.vulkan.requireComplete("the Vulkan driver of the device");
    return stack;
}

Variables inheritedVariables(const std::vector<std::string>& environment) {
    Variables variables;
    for (const std::string& entry : environment) {
        const size_t equals = entry.find('=');
        if (equals != std::string::npos && !entry.starts_with("SVGA_"))
            variables[entry.substr(0, equals)] = entry.substr(equals + 1);
    }
    return variables;
}

void prependPath(Variables& variables, const char* name, const std::string& path) {
    if (path.empty())
        return;
    std::string& value = variables[name];
    value = value.empty() ? path : path + ":" + value;
}

void addPart(Variables& variables, const StackPart& part) {
    prependPath(variables, "LD_LIBRARY_PATH", part.libraryPath);
    for (const auto& [name, value] : part.variables)
        variables[name] = value;
}

void addWinsys(Variables& variables, const StackPart& winsys) {
    addPart(variables, winsys);
    // waffle looks for a GBM device with udev, which knows the host's devices and not ours.
    variables["WAFFLE_GBM_DEVICE"] = "/dev/dri/renderD128";
}

std::vector<std::string> environmentStrings(const Variables& variables) {
    std::vector<std::string> result;
    result.reserve(variables.size());
    for (const auto& [name, value] : variables)
        result.push_back(name + "=" + value);
    return result;
}

} // namespace svga::launcher
