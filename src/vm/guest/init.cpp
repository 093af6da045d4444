// SPDX-License-Identifier: MIT
/**
 * \file
 * The guest's first process: brings the system up, runs one program, tells the launcher how it ended.
 */
#include "vm/guest/channel.h"
#include "vm/guest/program.h"
#include "vm/guest/relay.h"
#include "vm/guest/request.h"
#include "vm/guest/system.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace {

using namespace svga::vm;
using namespace svga::vm::guest;

constexpr int kExitCannotRun = 126;

Request readRequest() {
    std::ifstream stream(kRequestFile, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    auto request = decodeRequest(text);
    if (!request)
        throw std::runtime_error("the initramfs holds no valid request");
    return *std::move(request);
}

void runRequest(int channel) {
    const Request request = readRequest();
    loadModules(request.modules);
    enterHostFiles();
    finishSystem();
    blockRelaySignals();
    sendMessage(channel, MessageType::Started, {});
    const int exitCode = relay(startProgram(request), channel);
    ::sync();
    const std::string counters = driverCounters();
    sendMessage(channel, MessageType::Counters,
                std::as_bytes(std::span(counters).first(std::min<size_t>(counters.size(), kMaxMessageSize))));
    sendMessage(channel, MessageType::Exited, std::as_bytes(std::span(&exitCode, 1)));
}

void sendFailure(int channel, int exitCode, const std::string& text) {
    std::vector<std::byte> bytes(sizeof exitCode + text.size());
    std::memcpy(bytes.data(), &exitCode, sizeof exitCode);
    std::memcpy(bytes.data() + sizeof exitCode, text.data(), text.size());
    sendMessage(channel, MessageType::Failed, bytes);
}

} // namespace

int main() {
    int channel = -1;
    try {
        mountKernelFileSystems();
        channel = openChannel();
        runRequest(channel);
    } catch (const CannotRun& error) {
        sendFailure(channel, error.exitCode, error.what());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "svga-vm: %s\n", error.what());
        sendFailure(channel, kExitCannotRun, error.what());
    }
    powerOff();
}
