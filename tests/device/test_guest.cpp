// SPDX-License-Identifier: MIT
#include "test_guest.h"

#include <linux/vfio.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace svga::device::test {

TestGuest::TestGuest(std::shared_ptr<Recorder> recorder, RendererFactory renderer,
                     std::shared_ptr<Statistics> statistics)
    : memoryFd_(::memfd_create("guest", MFD_CLOEXEC)) {
    int pair[2];
    if (::ftruncate(memoryFd_.get(), kMemorySize) != 0 ||
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        throw Error("no memory or socket for the guest");
    spdlog::set_level(spdlog::level::off); // what tests provoke is not worth a log
    memory_ = {
        static_cast<std::byte*>(::mmap(nullptr, kMemorySize, PROT_READ | PROT_WRITE, MAP_SHARED, memoryFd_.get(), 0)),
        kMemorySize};
    MachineOptions options;
    options.renderer = std::move(renderer);
    options.recorder = std::move(recorder);
    options.statistics = std::move(statistics);
    options.onLost = [this](const char* message) {
        std::lock_guard lock(lostMutex_);
        lostMessage_ = message;
    };
    function_ = std::make_unique<PciFunction>(std::move(options));
    server_ = std::make_unique<vfio_user::Server>(UniqueFd(pair[1]), *function_);
    thread_ = std::thread([this] { server_->run(); });
    client_ = std::make_unique<vfio_user::Client>(UniqueFd(pair[0]));
    client_->dmaMap(kBase, kMemorySize, memoryFd_.get(), 0);
}

TestGuest::~TestGuest() {
    client_.reset();
    thread_.join();
    server_.reset();
    function_.reset();
    ::munmap(memory_.data(), memory_.size());
}

std::string TestGuest::lostMessage() const {
    std::lock_guard lock(lostMutex_);
    return lostMessage_;
}

uint32_t TestGuest::readRegister(uint32_t index) {
    return client_->readRegister(VFIO_PCI_BAR0_REGION_INDEX, uint64_t{index} * 4);
}

void TestGuest::writeRegister(uint32_t index, uint32_t value) {
    client_->writeRegister(VFIO_PCI_BAR0_REGION_INDEX, uint64_t{index} * 4, value);
}

std::span<std::byte> TestGuest::memory(uint64_t address, uint64_t size) {
    return memory_.subspan(address - kBase, size);
}

uint64_t TestGuest::allocate(uint64_t size) {
    uint64_t address = kBase + allocated_;
    allocated_ += (size + kPageSize - 1) / kPageSize * kPageSize;
    if (allocated_ > kMemorySize)
        throw Error("the test's guest memory is used up");
    return address;
}

uint64_t TestGuest::submitHeader(const SVGACBHeader& header, uint32_t contextId) {
    uint64_t address = allocate(sizeof(header));
    std::memcpy(memory(address, sizeof(header)).data(), &header, sizeof(header));
    writeRegister(SVGA_REG_COMMAND_HIGH, static_cast<uint32_t>(address >> 32));
    writeRegister(SVGA_REG_COMMAND_LOW, static_cast<uint32_t>(address) | contextId);
    return address;
}

uint64_t TestGuest::submit(std::span<const std::byte> commands, uint32_t contextId, uint32_t flags, uint32_t offset) {
    uint64_t address = allocate(std::max<std::size_t>(commands.size(), 1));
    if (!commands.empty())
        std::memcpy(memory(address, commands.size()).data(), commands.data(), commands.size());
    SVGACBHeader header{};
    header.flags = static_cast<SVGACBFlags>(flags);
    header.length = static_cast<uint32_t>(commands.size());
    header.offset = offset;
    header.ptr.pa = address;
    return submitHeader(header, contextId);
}

Completion TestGuest::wait(uint64_t address) {
    auto& header = at<SVGACBHeader>(address);
    while (header.status == SVGA_CB_STATUS_NONE)
        std::this_thread::yield();
    std::atomic_thread_fence(std::memory_order_acquire);
    return {header.status, header.errorOffset};
}

Completion TestGuest::execute(const CommandStream& commands, uint32_t contextId) {
    return wait(submit(commands.bytes(), contextId));
}

void TestGuest::startContext(uint32_t contextId, bool enable) {
    CommandStream commands;
    commands.raw(uint32_t{SVGA_DC_CMD_START_STOP_CONTEXT})
        .raw(SVGADCCmdStartStop{enable, static_cast<SVGACBContext>(contextId)});
    if (execute(commands, SVGA_CB_CONTEXT_DEVICE).status != SVGA_CB_STATUS_COMPLETED)
        throw Error("the context does not start");
}

void TestGuest::bringUp(uint32_t mobs) {
    startContext(SVGA_CB_CONTEXT_0);
    uint32_t size = mobs * static_cast<uint32_t>(sizeof(SVGAOTableMobEntry));
    CommandStream commands;
    commands.command(SVGA_3D_CMD_SET_OTABLE_BASE64,
                     SVGA3dCmdSetOTableBase64{SVGA_OTABLE_MOB, page(allocate(size)), size, 0, SVGA3D_MOBFMT_RANGE});
    if (execute(commands).status != SVGA_CB_STATUS_COMPLETED)
        throw Error("the object table is refused");
}

void TestGuest::waitFence(uint32_t number) {
    while (static_cast<int32_t>(readRegister(SVGA_REG_FENCE) - number) < 0)
        std::this_thread::yield();
}

} // namespace svga::device::test
