// SPDX-License-Identifier: MIT
#include "coherency_test.h"

#include "tests/number_option.h"

#include <cstdio>
#include <string_view>

namespace svga::coherency {

Settings& Settings::instance() {
    static Settings settings;
    return settings;
}

} // namespace svga::coherency

namespace {

constexpr const char* kUsage =
    "svga-coherency [--seeds=N] [--first-seed=N] [GoogleTest options]\n"
    "\n"
    "Coherency tests: OpenGL with persistent coherent mappings, on whatever driver EGL finds.\n"
    "  --seeds=N       how many seeds the random test runs (default 20)\n"
    "  --first-seed=N  the first of them (default 1)\n"
    "  --gtest_list_tests, --gtest_filter=PATTERN, --gtest_output=xml:FILE, ... as in any GoogleTest program\n";

} // namespace

int main(int argc, char** argv) {
    using svga::test::takeNumber;
    ::testing::InitGoogleTest(&argc, argv);
    auto& settings = svga::coherency::Settings::instance();
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--help" || argument == "-h") {
            std::fputs(kUsage, stdout);
            return 0;
        }
        if (!takeNumber(argument, "--seeds=", settings.seeds) &&
            !takeNumber(argument, "--first-seed=", settings.firstSeed)) {
            std::fprintf(stderr, "svga-coherency: '%s' is not an option\n%s", argv[i], kUsage);
            return 2;
        }
    }
    try {
        std::printf("%s\n", svga::coherency::GlContext().description().c_str());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "svga-coherency: %s\n", error.what());
        return 1;
    }
    return RUN_ALL_TESTS();
}
