// SPDX-License-Identifier: MIT
/**
 * \file
 * The SVGA III device as its driver sees it: registers, command buffers, fences, interrupts.
 *
 * Commands go to the device in command buffers: a header and the commands, both in guest memory, whose address is
 * written to a register. Each submission ends with a FENCE command, and its number (seqno) is how all of the embedded
 * kernel speaks of "when that is done". Seqnos count up from 1 and are 64 bits here, 32 bits on the device.
 *
 * One thread of its own waits for interrupts. A command the device refuses is skipped and reported in one line; the
 * rest of its buffer and all buffers behind it still run, as under vmwgfx, so that each fence passes.
 */
#pragma once

#include "shim/kernel/device_process.h"
#include "shim/kernel/guest_memory.h"
#include "util/unique_fd.h"
#include "vfio_user/client.h"

#include <svga3d_reg.h>
#include <svga_reg.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace svga::shim {

/** \brief What the device says of itself; read once. */
struct GpuCapabilities {
    uint32_t capabilities = 0;  ///< SVGA_CAP_*
    uint32_t capabilities2 = 0; ///< SVGA_CAP2_*
    uint64_t maxMobSize = 0;    ///< bytes
    uint64_t maxMobMemory = 0;  ///< bytes of all MOBs
    uint64_t videoMemory = 0;   ///< bytes
    uint32_t maxCommandBuffer = 0;
    bool buffersInPlace = false; ///< see svga_coherent_device.h
    std::array<uint32_t, SVGA3D_DEVCAP_MAX> devcaps{};

    bool dx() const { return (capabilities & SVGA_CAP_DX) != 0 && devcaps[SVGA3D_DEVCAP_DXCONTEXT] != 0; }
    bool sm41() const { return dx() && (capabilities2 & SVGA_CAP2_DX2) != 0 && devcaps[SVGA3D_DEVCAP_SM41] != 0; }
    bool sm5() const { return sm41() && (capabilities2 & SVGA_CAP2_DX3) != 0 && devcaps[SVGA3D_DEVCAP_SM5] != 0; }
    bool gl43() const { return sm5() && devcaps[SVGA3D_DEVCAP_GL43] != 0; }
};

class Gpu {
public:
    enum class WaitResult : uint8_t { Done, TimedOut, Lost };
    using Clock = std::chrono::steady_clock;

    /**
     * \brief Brings the device up: maps guest memory for it, enables it, sets its object tables.
     *
     * \throws Error where the device does not answer as an SVGA III with guest-backed objects and DX.
     */
    Gpu(UniqueFd socket, GuestMemory& memory);
    ~Gpu();
    Gpu(const Gpu&) = delete;
    Gpu& operator=(const Gpu&) = delete;

    /** \brief Ends the interrupt thread, and all waits. */
    void stop();

    const GpuCapabilities& capabilities() const { return capabilities_; }

    /** Object ids are below these. */
    static constexpr uint32_t kMaxMobs = 1u << 16;
    static constexpr uint32_t kMaxSurfaces = 1u << 16;
    static constexpr uint32_t kMaxContexts = 1u << 10;

    /** \brief The most bytes of commands one submit() takes. */
    uint32_t maxSubmission() const { return capabilities_.maxCommandBuffer - sizeof(SVGACBHeader) - 64; }

    /**
     * \brief Has the device carry out \p commands, then a fence.
     *
     * Waits where the device's queue is full. Where the device is lost the commands go nowhere.
     * \return the fence's seqno. Callers take turns (the embedded kernel's lock).
     */
    uint64_t submit(std::span<const std::byte> commands, std::optional<uint32_t> dxContext);

    uint64_t submitted() const { return submitted_; }
    /** \brief All fences up to this one have passed. After the device is lost, all there are. */
    uint64_t completed() const { return completed_.load(std::memory_order_acquire); }
    /** \brief Waits for a fence to pass. Any thread; an idle device that is lost meanwhile ends the wait at once. */
    WaitResult wait(uint64_t seqno, std::optional<Clock::time_point> deadline = std::nullopt);
    /** \brief Waits for any fence after \p seqno to pass, or the device to be lost. \return false: stop() was called.
     */
    bool waitBeyond(uint64_t seqno);
    bool lost() const { return lost_.load(std::memory_order_acquire); }

    /** The socket, for closing it in a forked child. */
    int socketFd() const { return client_.pollFd(); }

private:
    static constexpr uint32_t kSlotAlignment = 64;

    /** A piece of guest memory for one command buffer: header first, then commands. */
    struct Slot {
        PageRun memory;
        uint64_t seqno = 0;
        std::optional<uint32_t> dxContext;
        uint32_t length = 0;
        uint32_t start = 0; ///< offset of the first command still to be carried out
    };

    uint32_t readRegister(uint32_t index) { return client_.readRegister(0, index * 4); }
    void writeRegister(uint32_t index, uint32_t value) { client_.writeRegister(0, index * 4, value); }
    void readCapabilities();
    void setObjectTables();
    void deviceCommand(uint32_t id, std::span<const uint32_t> body);
    void startStop(bool start);

    SVGACBHeader* header(const Slot& slot) { return reinterpret_cast<SVGACBHeader*>(memory_.at(slot.memory.offset)); }
    std::byte* commands(const Slot& slot) { return memory_.at(slot.memory.offset + sizeof(SVGACBHeader)); }
    Slot takeSlot(uint32_t size, std::unique_lock<std::mutex>& lock);
    void send(const Slot& slot);
    void reclaim();
    void recover();
    void skipRefused(Slot& slot);
    void interruptLoop();
    void progress();
    void lose();

    GuestMemory& memory_;
    vfio_user::Client client_;
    GpuCapabilities capabilities_;
    PageRun deviceCommandPage_{};

    std::mutex mutex_; ///< guards the slots and what is sent through COMMAND_LOW
    std::condition_variable changed_;
    std::deque<Slot> inFlight_;
    std::vector<Slot> idle_;
    std::atomic<uint64_t> submitted_ = 0;
    std::atomic<uint64_t> completed_ = 0;
    std::atomic<bool> lost_ = false;
    std::atomic<bool> stopping_ = false;
    uint32_t refusalsReported_ = 0;

    UniqueFd interrupt_;
    std::thread interruptThread_;
};

} // namespace svga::shim
