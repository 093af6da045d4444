// SPDX-License-Identifier: MIT
#include "launcher/embedded.h"

#include "util/embedded_environment.h"

namespace svga::launcher {

std::filesystem::path findEmbeddedKernel(const std::filesystem::path& executable) {
    return findBeside(executable, "the embedded kernel",
                      {"src/shim/libsvga-shim.so", "../lib/svga-coherent/libsvga-shim.so"});
}

std::vector<std::string> programEnvironment(const Options& options, const Stack& stack,
                                            const std::filesystem::path& shim, const std::string& countersPath,
                                            const std::vector<std::string>& inherited) {
    Variables variables = inheritedVariables(inherited);
    prependPath(variables, "LD_PRELOAD", shim.string());
    addWinsys(variables, stack.winsys);

    variables[environment::kTracker] = options.tracker;
    variables[environment::kCopyOnly] = options.copyOnly ? "1" : "0";
    variables[environment::kCounters] = countersPath;
    variables[environment::kDevice] = stack.device.string();
    variables[environment::kScreen] = options.screen;
    variables[environment::kVsync] = options.vsync ? "1" : "0";
    if (!options.without.empty())
        variables[environment::kWithout] = options.without;
    if (!options.vncAddress.empty())
        variables[environment::kVnc] = options.vncAddress;
    if (!options.screenshotFile.empty())
        variables[environment::kScreenshot] = options.screenshotFile;
    if (!options.recordFile.empty())
        variables[environment::kRecord] = options.recordFile;
    const std::string prefix = environment::kDevicePrefix;
    if (!stack.vulkan.libraryPath.empty())
        variables[prefix + "LD_LIBRARY_PATH"] = stack.vulkan.libraryPath;
    for (const auto& [name, value] : stack.vulkan.variables)
        variables[prefix + name] = value;
    return environmentStrings(variables);
}

} // namespace svga::launcher
