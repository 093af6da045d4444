// SPDX-License-Identifier: MIT
#include "launcher/process.h"
#include "vm/options.h"
#include "vm/vm.h"

#include <algorithm>
#include <filesystem>
#include <iostream>

int main(int argc, char** argv) {
    int errorCode = svga::launcher::kExitWrongOption;
    try {
        const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
        const auto options = svga::vm::parseOptions(arguments);
        if (!options)
            return 0;
        errorCode = svga::launcher::kExitCannotRun;
        return svga::vm::runInMachine(*options, std::filesystem::read_symlink("/proc/self/exe"));
    } catch (const std::exception& error) {
        std::cerr << "svga-vm: " << error.what() << '\n';
        return errorCode;
    }
}
