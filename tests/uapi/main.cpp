// SPDX-License-Identifier: MIT
#include "uapi_test.h"

#include "tests/number_option.h"

#include <cstdio>
#include <string_view>

namespace svga::uapi {

Settings& Settings::instance() {
    static Settings settings;
    return settings;
}

} // namespace svga::uapi

namespace {

constexpr const char* kUsage =
    "svga-uapi [--node=PATH] [--fuzz-seconds=N] [--seed=N] [GoogleTest options]\n"
    "\n"
    "Tests of the uAPI of vmwgfx, with the dirty-tracking ioctls where the kernel has them.\n"
    "  --node=PATH       the device node (default /dev/dri/renderD128)\n"
    "  --fuzz-seconds=N  how long the random calls go on (default 2)\n"
    "  --seed=N          what they begin with (default 1)\n";

} // namespace

int main(int argc, char** argv) {
    using svga::test::takeNumber;
    ::testing::InitGoogleTest(&argc, argv);
    auto& settings = svga::uapi::Settings::instance();
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        uint64_t number = 0;
        if (argument == "--help" || argument == "-h") {
            std::fputs(kUsage, stdout);
            return 0;
        }
        if (argument.starts_with("--node=")) {
            settings.node = argument.substr(7);
        } else if (takeNumber(argument, "--fuzz-seconds=", number)) {
            settings.fuzz = std::chrono::seconds(number);
        } else if (takeNumber(argument, "--seed=", number)) {
            settings.seed = number;
        } else {
            std::fprintf(stderr, "svga-uapi: '%s' is not an option\n%s", argv[i], kUsage);
            return 2;
        }
    }
    try {
        svga::uapi::Node node(settings.node);
        const auto version = node.parameter(DRM_VMW_PARAM_DIRTY_TRACKING);
        std::printf("dirty-tracking ioctls: %s\n", version ? std::to_string(*version).c_str() : "none");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "svga-uapi: %s\n", error.what());
        return 1;
    }
    return RUN_ALL_TESTS();
}
