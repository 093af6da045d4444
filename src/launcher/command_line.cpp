// SPDX-License-Identifier: MIT
#include "launcher/command_line.h"

#include "util/error.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

namespace svga::launcher {

namespace {

/// The program after "--" is taken off before CLI11 sees the command line, so its usage has to be told.
class HelpFormatter : public CLI::Formatter {
public:
    explicit HelpFormatter(std::string usage)
        : usage_(std::move(usage)) {}
    std::string make_usage(const CLI::App*, std::string) const override { return usage_; }

private:
    std::string usage_;
};

} // namespace

CommandLine::CommandLine(const std::string& description, const std::string& name, const std::string& program)
    : app_(description, name) {
    app_.formatter(std::make_shared<HelpFormatter>(fmt::format("Usage: {} [OPTIONS] {}\n", name, program)));
}

void CommandLine::addStackOptions(StackChoice& choice) {
    app_.add_option("--winsys", choice.winsys,
                    "coherent: Mesa with the all-coherent winsys of this tree; stock: Debian's own Mesa")
        ->check(CLI::IsMember({"coherent", "stock"}))
        ->capture_default_str();
    app_.add_option("--vulkan-icd", choice.vulkanIcd, "the Vulkan driver the device draws with (default: lavapipe)")
        ->type_name("FILE")
        ->check(CLI::ExistingFile)
        ->transform(absolutePath);
    app_.add_option("--stack", choice.stackFile,
                    "the description of the stack (default: stack.json beside this program)")
        ->type_name("FILE");
}

void CommandLine::addVncOption(std::string& address) {
    app_.add_option("--vnc", address,
                    "show the screen, without input, to VNC clients at this TCP port, which only this machine reaches "
                    "unless HOST is given; there is no password")
        ->type_name("[HOST:]PORT");
}

CLI::Option* CommandLine::addOptionalFile(const std::string& name, std::string& file, const std::string& description) {
    return app_.add_option(name, file, description)->type_name("[FILE]")->expected(0, 1);
}

bool CommandLine::parse(std::span<const std::string> arguments, std::vector<std::string>& program) {
    const auto separator = std::find(arguments.begin(), arguments.end(), "--");
    program.clear();
    if (separator != arguments.end())
        program.assign(separator + 1, arguments.end());
    try {
        // CLI11 takes its arguments from the back.
        app_.parse(std::vector<std::string>(std::make_reverse_iterator(separator), arguments.rend()));
    } catch (const CLI::CallForHelp&) {
        std::cout << app_.help();
        return false;
    } catch (const CLI::ParseError& error) {
        throw Error("{} (--help tells the options)", error.what());
    }
    return true;
}

std::string absolutePath(const std::string& path) {
    return path.empty() ? path : std::filesystem::absolute(path).string();
}

} // namespace svga::launcher
