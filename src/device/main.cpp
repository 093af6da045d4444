// SPDX-License-Identifier: MIT
/**
 * \file
 * svga-device: an SVGA III virtual GPU as a process, served over vfio-user to one client.
 */
#include "device/pci_function.h"
#include "device/recording.h"
#include "device/vnc_server.h"
#include "util/png_file.h"
#include "vfio_user/server.h"

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

namespace {

using namespace svga;

struct Options {
    int socketFd = -1;
    std::string socketPath;
    std::string record;
    std::string statistics;
    std::string screenshot;
    std::string vnc;
    std::string without;
    std::string logLevel = "warn";
    bool copyOnly = false;
    bool noRendering = false;
};

device::RendererFactory rendererFactory(const Options& options) {
    if (options.noRendering)
        return [](const device::MobLookup&) { return device::createNullRenderer(); };
    // What is read in place is not seen by a recorder.
    device::VulkanRendererOptions vulkan{.copyOnly = options.copyOnly || !options.record.empty(),
                                         .mask = device::DeviceMask::parse(options.without)};
    return [vulkan](const device::MobLookup& mobs) { return device::createVulkanRenderer(mobs, vulkan); };
}

UniqueFd connectedSocket(const Options& options) {
    if (!options.socketPath.empty())
        return vfio_user::Server::acceptAt(options.socketPath);
    struct stat status {};
    if (::fstat(options.socketFd, &status) != 0 || !S_ISSOCK(status.st_mode))
        throw Error("--socket-fd={}: this is no open socket", options.socketFd);
    UniqueFd socket(options.socketFd);
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
        return vfio_user::Server::acceptFrom(socket);
    return socket;
}

device::ScreenSource screenOf(device::PciFunction& function) {
    const auto seen = std::make_shared<std::optional<device::PciFunction::ScreenRevision>>();
    return {.changed = [&function, seen] { return *seen != function.screenRevision(); },
            .picture =
                [&function, seen] {
                    *seen = function.screenRevision(); // first: what changes meanwhile is seen next time
                    return function.picture();
                }};
}

void writeScreenshot(device::PciFunction& function, const std::string& path) {
    const auto picture = function.lastPicture();
    if (!picture || picture->pixels.empty())
        throw Error("--screenshot={}: the guest has shown nothing", path);
    writePng(path, picture->width, picture->height, picture->pixels);
}

void serve(const Options& options) {
    device::MachineOptions machine;
    machine.renderer = rendererFactory(options);
    if (!options.record.empty())
        machine.recorder = std::make_shared<device::Recorder>(options.record);
    machine.keepLastPicture = !options.screenshot.empty();
    std::ofstream statistics;
    if (!options.statistics.empty()) {
        statistics.open(options.statistics);
        if (!statistics)
            throw Error("--stats={}: this file cannot be written", options.statistics);
        machine.statistics = std::make_shared<device::Statistics>();
    }
    machine.onLost = [](const char* message) {
        // Neither the guest nor a message to it can help any more: the client sees its device go.
        spdlog::critical("the device cannot go on: {}", message);
        std::_Exit(EXIT_FAILURE);
    };
    // The renderer first: a client that is accepted finds a device that works.
    {
        device::PciFunction function(machine);
        std::optional<device::VncServer> vnc;
        if (!options.vnc.empty()) {
            vnc.emplace(options.vnc, screenOf(function));
            spdlog::info("the screen is at VNC port {}", vnc->port());
        }
        vfio_user::Server(connectedSocket(options), function).run();
        if (!options.screenshot.empty())
            writeScreenshot(function, options.screenshot);
    }
    if (machine.statistics)
        device::writeStatistics(statistics, *machine.statistics);
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("svga-device: an SVGA III virtual GPU, served over vfio-user. Ends when its client goes away.");
    auto* fd = app.add_option("--socket-fd", options.socketFd,
                              "Serve the client at the other end of this open socket; of one that listens, the first");
    auto* path =
        app.add_option("--socket", options.socketPath, "Listen at this path and serve the first client (QEMU)");
    fd->excludes(path);
    app.add_flag("--copy-only", options.copyOnly, "Copy every buffer; never draw from guest memory directly");
    app.add_option("--record", options.record, "Write all that the device is given to this file (see svga-replay)");
    app.add_option("--stats", options.statistics, "Write at the end what the device was given, as JSON, to this file");
    app.add_option("--screenshot", options.screenshot, "Write at the end what the guest's screen shows, as PNG");
    app.add_option(
           "--vnc", options.vnc,
           "Show the guest's screen to VNC clients at this TCP port, which only this machine reaches unless HOST is "
           "given; there is no password")
        ->type_name("[HOST:]PORT");
    app.add_option(
        "--without", options.without,
        "Take the GPU for a lesser one: a list of Vulkan features, extensions and limits (NAME=VALUE) that it "
        "has not, e.g. tessellationShader,VK_EXT_custom_border_color,samples=1,maxImageDimension2D=4096");
    app.add_flag("--no-rendering", options.noRendering, "Accept all commands and draw nothing; needs no Vulkan");
    app.add_option("--log-level", options.logLevel, "trace, debug, info, warn, err, critical or off")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    spdlog::set_default_logger(spdlog::stderr_color_mt("svga-device"));
    spdlog::set_pattern("%n[%P]: %l: %v");
    auto level = spdlog::level::from_str(options.logLevel);
    if (level == spdlog::level::off && options.logLevel != "off") { // what it makes of any other word
        spdlog::critical("--log-level={}: there is no such level (see --help)", options.logLevel);
        return EXIT_FAILURE;
    }
    spdlog::set_level(level);
    if (options.socketFd < 0 && options.socketPath.empty()) {
        spdlog::critical("one of --socket-fd and --socket is needed (see --help)");
        return EXIT_FAILURE;
    }
    try {
        serve(options);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        spdlog::critical("{}", error.what());
        return EXIT_FAILURE;
    }
}
