// SPDX-License-Identifier: MIT
#include "shim/kernel/gpu.h"

#include "shim/kernel/report.h"
#include "shim/kernel/thread.h"
#include "svga_coherent_device.h"
#include "util/error.h"
#include "util/object_tables.h"

#include <linux/vfio.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <svga3d_cmd.h>
#include <svga3d_devcaps.h>
#include <svga3d_dx.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace svga::shim {

namespace {

/// Command buffers in the device's queue; more wait here (SVGA_CB_MAX_QUEUED_PER_CONTEXT).
constexpr std::size_t kMaxInFlight = SVGA_CB_MAX_QUEUED_PER_CONTEXT - 1;
constexpr uint32_t kDefaultCommandBuffer = 512 * 1024; // SVGA_CB_MAX_SIZE_DEFAULT, whose macro lacks a definition
constexpr uint64_t kSmallSlot = 128 * 1024;
constexpr std::size_t kMaxIdleSlots = 40;
constexpr uint32_t kMaxRefusalsReported = 20;
constexpr auto kQueuePoll = std::chrono::milliseconds(100);

struct FenceCommand {
    uint32_t id = SVGA_CMD_FENCE;
    uint32_t seqno = 0;
};

uint32_t tableEntries(SVGAOTableType type) {
    switch (type) {
    case SVGA_OTABLE_MOB:
        return Gpu::kMaxMobs;
    case SVGA_OTABLE_SURFACE:
        return Gpu::kMaxSurfaces;
    default:
        return Gpu::kMaxContexts;
    }
}

} // namespace

Gpu::Gpu(UniqueFd socket, GuestMemory& memory)
    : memory_(memory)
    , client_(std::move(socket))
    , interrupt_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!interrupt_)
        throw Error("cannot make the interrupt's eventfd: {}", std::strerror(errno));
    client_.dmaMap(0, memory_.size(), memory_.fd(), 0);
    client_.setIrqEventFd(VFIO_PCI_MSI_IRQ_INDEX, 0, interrupt_.get());

    writeRegister(SVGA_REG_ID, SVGA_ID_3);
    if (const uint32_t id = readRegister(SVGA_REG_ID); id != SVGA_ID_3)
        throw Error("the device says it is {:#x}, not an SVGA III", id);
    readCapabilities();
    deviceCommandPage_ = memory_.allocate(kPageSize).value();
    writeRegister(SVGA_REG_GUEST_DRIVER_ID, SVGA_REG_GUEST_DRIVER_ID_LINUX);
    writeRegister(SVGA_REG_GUEST_DRIVER_ID, SVGA_REG_GUEST_DRIVER_ID_SUBMIT);
    writeRegister(SVGA_REG_ENABLE, SVGA_REG_ENABLE_ENABLE | SVGA_REG_ENABLE_HIDE);
    writeRegister(SVGA_REG_CONFIG_DONE, 1);
    writeRegister(SVGA_REG_IRQ_STATUS, ~0u);
    writeRegister(SVGA_REG_IRQMASK, SVGA_IRQFLAG_ANY_FENCE | SVGA_IRQFLAG_COMMAND_BUFFER | SVGA_IRQFLAG_ERROR);
    startStop(true);
    interruptThread_ = startThread([this] { interruptLoop(); });
    setObjectTables();
}

Gpu::~Gpu() {
    stop();
}

void Gpu::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    const uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(interrupt_.get(), &one, sizeof(one));
    if (interruptThread_.joinable())
        interruptThread_.join();
}

void Gpu::readCapabilities() {
    GpuCapabilities& caps = capabilities_;
    caps.capabilities = readRegister(SVGA_REG_CAPABILITIES);
    constexpr uint32_t kNeeded = SVGA_CAP_GBOBJECTS | SVGA_CAP_COMMAND_BUFFERS | SVGA_CAP_CAP2_REGISTER | SVGA_CAP_DX;
    if ((caps.capabilities & kNeeded) != kNeeded)
        throw Error("the device lacks guest-backed objects, command buffers or DX (capabilities {:#x})",
                    caps.capabilities);
    caps.capabilities2 = readRegister(SVGA_REG_CAP2);
    caps.maxMobSize = readRegister(SVGA_REG_MOB_MAX_SIZE);
    caps.maxMobMemory = uint64_t{readRegister(SVGA_REG_GBOBJECT_MEM_SIZE_KB)} * 1024;
    caps.videoMemory = readRegister(SVGA_REG_VRAM_SIZE);
    caps.maxCommandBuffer = (caps.capabilities2 & SVGA_CAP2_CB_MAX_SIZE_4MB) != 0
                                ? static_cast<uint32_t>(SVGA_CB_MAX_SIZE_4MB)
                                : kDefaultCommandBuffer;
    const auto devcap = [this](uint32_t index) {
        client_.postRegister(0, SVGA_REG_DEV_CAP * 4, index);
        return readRegister(SVGA_REG_DEV_CAP);
    };
    for (uint32_t i = 0; i < caps.devcaps.size(); ++i)
        caps.devcaps[i] = devcap(i);
    caps.buffersInPlace = devcap(SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS) >= 1;
}

void Gpu::setObjectTables() {
    std::vector<std::byte> commands;
    for (int type = SVGA_OTABLE_MOB; type <= SVGA_OTABLE_DXCONTEXT; ++type) {
        const auto tableType = static_cast<SVGAOTableType>(type);
        const auto table = memory_.allocate(uint64_t{tableEntries(tableType)} * kObjectTableEntrySizes[tableType]);
        struct {
            SVGA3dCmdHeader header;
            SVGA3dCmdSetOTableBase64 body;
        } command{};
        command.header = {SVGA_3D_CMD_SET_OTABLE_BASE64, sizeof(command.body)};
        command.body.type = tableType;
        command.body.baseAddress = table.value().offset / kPageSize;
        command.body.sizeInBytes = static_cast<uint32_t>(table->size);
        command.body.validSizeInBytes = 0;
        command.body.ptDepth = table->size == kPageSize ? SVGA3D_MOBFMT_PT64_0 : SVGA3D_MOBFMT_RANGE;
        const auto bytes = std::as_bytes(std::span(&command, 1));
        commands.insert(commands.end(), bytes.begin(), bytes.end());
    }
    if (wait(submit(commands, std::nullopt), Clock::now() + std::chrono::seconds(30)) != WaitResult::Done)
        throw Error("the device did not take its object tables");
}

void Gpu::deviceCommand(uint32_t id, std::span<const uint32_t> body) {
    auto* header = reinterpret_cast<SVGACBHeader*>(memory_.at(deviceCommandPage_.offset));
    std::byte* commands = memory_.at(deviceCommandPage_.offset + sizeof(SVGACBHeader));
    std::memcpy(commands, &id, sizeof(id));
    std::memcpy(commands + sizeof(id), body.data(), body.size_bytes());
    *header = SVGACBHeader{};
    header->flags = SVGA_CB_FLAG_NO_IRQ;
    header->length = static_cast<uint32_t>(sizeof(id) + body.size_bytes());
    header->ptr.pa = deviceCommandPage_.offset + sizeof(SVGACBHeader);
    client_.postRegister(0, SVGA_REG_COMMAND_HIGH * 4, static_cast<uint32_t>(deviceCommandPage_.offset >> 32));
    writeRegister(SVGA_REG_COMMAND_LOW, static_cast<uint32_t>(deviceCommandPage_.offset) | SVGA_CB_CONTEXT_DEVICE);
    if (header->status != SVGA_CB_STATUS_COMPLETED)
        throw Error("the device refused device command {} (status {})", id, static_cast<int>(header->status));
}

void Gpu::startStop(bool start) {
    const uint32_t body[] = {start ? 1u : 0u, SVGA_CB_CONTEXT_0};
    deviceCommand(SVGA_DC_CMD_START_STOP_CONTEXT, body);
}

Gpu::Slot Gpu::takeSlot(uint32_t size, std::unique_lock<std::mutex>& lock) {
    while (!lost() && inFlight_.size() >= kMaxInFlight) {
        changed_.wait_for(lock, kQueuePoll);
        reclaim();
    }
    for (auto it = idle_.begin(); it != idle_.end(); ++it) {
        if (it->memory.size >= size) {
            Slot slot = *it;
            idle_.erase(it);
            return slot;
        }
    }
    const auto memory = memory_.allocate(std::max<uint64_t>(size, kSmallSlot));
    if (!memory)
        throw Error("out of guest memory for commands");
    Slot slot{};
    slot.memory = *memory;
    return slot;
}

uint64_t Gpu::submit(std::span<const std::byte> bytes, std::optional<uint32_t> dxContext) {
    std::unique_lock lock(mutex_);
    const uint64_t seqno = ++submitted_;
    if (lost()) {
        completed_ = seqno;
        return seqno;
    }
    FenceCommand fence;
    fence.seqno = static_cast<uint32_t>(seqno);
    const auto length = static_cast<uint32_t>(bytes.size() + sizeof(fence));
    Slot slot = takeSlot(sizeof(SVGACBHeader) + length, lock);
    if (!bytes.empty())
        std::memcpy(commands(slot), bytes.data(), bytes.size());
    std::memcpy(commands(slot) + bytes.size(), &fence, sizeof(fence));
    slot.seqno = seqno;
    slot.dxContext = dxContext;
    slot.length = length;
    slot.start = 0;
    inFlight_.push_back(slot);
    try {
        send(slot);
    } catch (const Error&) {
        lock.unlock();
        lose();
    }
    return seqno;
}

void Gpu::send(const Slot& slot) {
    SVGACBHeader fresh{};
    fresh.id = slot.seqno;
    fresh.flags = slot.dxContext ? SVGA_CB_FLAG_DX_CONTEXT : SVGA_CB_FLAG_NONE;
    fresh.length = slot.length - slot.start;
    fresh.ptr.pa = slot.memory.offset + sizeof(SVGACBHeader) + slot.start;
    fresh.dxContext = slot.dxContext.value_or(0);
    std::memcpy(header(slot), &fresh, sizeof(fresh));
    std::atomic_thread_fence(std::memory_order_release);
    client_.postRegister(0, SVGA_REG_COMMAND_HIGH * 4, static_cast<uint32_t>(slot.memory.offset >> 32));
    client_.postRegister(0, SVGA_REG_COMMAND_LOW * 4, static_cast<uint32_t>(slot.memory.offset) | SVGA_CB_CONTEXT_0);
}

/// Takes back the memory of buffers that the device is done with. With mutex_ held.
void Gpu::reclaim() {
    while (!inFlight_.empty() && header(inFlight_.front())->status == SVGA_CB_STATUS_COMPLETED) {
        Slot slot = inFlight_.front();
        inFlight_.pop_front();
        if (idle_.size() < kMaxIdleSlots && slot.memory.size == kSmallSlot)
            idle_.push_back(slot);
        else
            memory_.free(slot.memory);
    }
}

/// Moves a slot whose buffer ended in an error behind the command that the device refused, and says so.
void Gpu::skipRefused(Slot& slot) {
    const SVGACBHeader* failed = header(slot);
    const uint32_t offset = slot.start + failed->errorOffset;
    uint32_t next = slot.length - sizeof(FenceCommand);
    uint32_t id = 0;
    if (offset + sizeof(SVGA3dCmdHeader) <= slot.length - sizeof(FenceCommand)) {
        SVGA3dCmdHeader command;
        std::memcpy(&command, commands(slot) + offset, sizeof(command));
        id = command.id;
        const uint64_t behind = uint64_t{offset} + sizeof(command) + command.size;
        if (behind <= next)
            next = static_cast<uint32_t>(behind);
    }
    if (++refusalsReported_ <= kMaxRefusalsReported)
        report("the device refused command {} (status {}, offset {}); it is skipped{}", id,
               static_cast<int>(failed->status), offset,
               refusalsReported_ == kMaxRefusalsReported ? "; further ones are not reported" : "");
    slot.start = next;
}

/// A buffer ended in an error: the device's queue stands still. Empty it, step over the command, and queue all again.
void Gpu::recover() {
    std::unique_lock lock(mutex_);
    reclaim();
    const auto refused = std::find_if(inFlight_.begin(), inFlight_.end(), [this](const Slot& slot) {
        const int status = header(slot)->status;
        return status != SVGA_CB_STATUS_NONE && status != SVGA_CB_STATUS_COMPLETED;
    });
    if (refused == inFlight_.end())
        return;
    startStop(false);
    const uint32_t preempt[] = {SVGA_CB_CONTEXT_0, 0};
    deviceCommand(SVGA_DC_CMD_PREEMPT, preempt);
    startStop(true);
    for (Slot& slot : inFlight_) {
        switch (header(slot)->status) {
        case SVGA_CB_STATUS_NONE:
        case SVGA_CB_STATUS_COMPLETED:
            continue;
        case SVGA_CB_STATUS_PREEMPTED:
        case SVGA_CB_STATUS_QUEUE_FULL:
            break;
        default:
            skipRefused(slot);
        }
        send(slot);
    }
}

void Gpu::progress() {
    // Which interrupt it was does not matter: all that one can tell is looked at. What happens after the flags are
    // cleared raises another.
    client_.postRegister(0, SVGA_REG_IRQ_STATUS * 4, ~0u);
    const uint32_t passed = readRegister(SVGA_REG_FENCE);
    bool refused = false;
    {
        std::lock_guard lock(mutex_);
        // The register holds the low half; the fence is never more than half a wrap behind what was submitted.
        const uint64_t submitted = submitted_;
        const uint64_t behind = static_cast<uint32_t>(static_cast<uint32_t>(submitted) - passed);
        if (behind <= submitted && submitted - behind > completed_)
            completed_.store(submitted - behind, std::memory_order_release);
        reclaim();
        for (const Slot& slot : inFlight_) {
            const int state = header(slot)->status;
            refused |= state != SVGA_CB_STATUS_NONE && state != SVGA_CB_STATUS_COMPLETED;
        }
    }
    changed_.notify_all();
    if (refused)
        recover();
}

void Gpu::lose() {
    {
        std::lock_guard lock(mutex_);
        if (lost_.exchange(true))
            return;
        completed_ = submitted_.load();
    }
    client_.shutdown();
    report("the device process is gone; its GPU is lost");
    changed_.notify_all();
}

void Gpu::interruptLoop() {
    pollfd events[] = {{interrupt_.get(), POLLIN, 0}, {client_.pollFd(), 0, 0}};
    while (!stopping_) {
        if (::poll(events, 2, -1) < 0 && errno != EINTR)
            break;
        if (stopping_)
            return;
        uint64_t count;
        const bool raised = ::read(interrupt_.get(), &count, sizeof(count)) == sizeof(count);
        const bool gone = (events[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
        try {
            if (gone)
                throw vfio_user::DeviceLost("end of file");
            if (raised)
                progress();
        } catch (const Error&) {
            lose();
        }
        if (lost())
            return;
    }
}

bool Gpu::waitBeyond(uint64_t seqno) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || lost() || completed() > seqno; });
    return !stopping_;
}

Gpu::WaitResult Gpu::wait(uint64_t seqno, std::optional<Clock::time_point> deadline) {
    std::unique_lock lock(mutex_);
    const auto passed = [&] { return lost() || completed() >= seqno; };
    if (deadline) {
        if (!changed_.wait_until(lock, *deadline, passed))
            return WaitResult::TimedOut;
    } else {
        changed_.wait(lock, passed);
    }
    return lost() ? WaitResult::Lost : WaitResult::Done;
}

} // namespace svga::shim
