// SPDX-License-Identifier: MIT
/**
 * \file
 * Command buffers: from the guest's write of SVGA_REG_COMMAND_LOW to the status in the buffer's header.
 *
 * A command buffer is an SVGACBHeader in guest memory that names the commands' bytes. It is submitted to one of the
 * command buffer contexts: 0 and 1 (1 goes first) are queues that the command thread executes; SVGA_CB_CONTEXT_DEVICE
 * carries commands for the queues themselves (start, stop, preempt), executed before submit() returns. A command that
 * fails stops its queue until the guest starts it again, so that the guest can resubmit the rest in order. Source: the
 * comments of svga_reg.h in Linux and how vmwgfx_cmdbuf.c uses them.
 */
#pragma once

#include "device/command_processor.h"
#include "device/guest_memory.h"
#include "device/interrupts.h"
#include "device/mob.h"

#include <svga_reg.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace svga::device {

class CommandQueue {
public:
    /** \brief Executes one buffer's commands from \p offset on, on the command thread. \throws svga::Error when the GPU
     * is lost */
    using Execute = std::function<std::optional<CommandFailure>(std::span<const std::byte> commands, uint32_t offset,
                                                                uint32_t dxContextId)>;

    /** \param onLost is called, once, when Execute throws; nothing is executed any more */
    CommandQueue(GuestMemory& memory, Interrupts& interrupts, const MobLookup& mobs, Execute execute,
                 std::function<void(const char*)> onLost);
    /** \brief Finishes the buffer being executed; what is queued is not. */
    ~CommandQueue();

    /** \brief SVGA_REG_COMMAND_LOW was written: the header is at \p headerAddress. */
    void submit(uint64_t headerAddress, uint32_t contextId);

    /** \brief Returns when every started queue is empty and nothing is being executed. */
    void waitIdle();

    /**
     * \brief Calls \p look while nothing is executed, between two buffers, so that it may use what is the command
     * thread's.
     *
     * Any thread but the command thread, one at a time.
     */
    void betweenBuffers(const std::function<void()>& look);

private:
    struct Buffer {
        uint64_t headerAddress;
        SVGACBHeader header;
    };
    struct Context {
        bool started = false;
        bool executing = false;
        std::deque<Buffer> queue;
    };

    void enqueue(const Buffer& buffer, uint32_t contextId);
    SVGACBStatus executeDeviceCommands(const Buffer& buffer, uint32_t& errorOffset);
    void executeDeviceCommand(uint32_t id, CommandBody& body);
    Context& contextAt(uint32_t contextId);
    void preempt(Context& context, bool ignoreIdZero);
    void run();
    bool executeNext(std::unique_lock<std::mutex>& lock, Context& context);
    std::optional<CommandFailure> execute(const Buffer& buffer);
    std::vector<std::byte> fetch(const Buffer& buffer) const;
    void finish(const Buffer& buffer, SVGACBStatus status, uint32_t errorOffset = 0);

    GuestMemory& memory_;
    Interrupts& interrupts_;
    const MobLookup& mobs_;
    Execute execute_;
    std::function<void(const char*)> onLost_;

    std::mutex mutex_; ///< guards what follows
    std::condition_variable changed_;
    std::array<Context, SVGA_CB_CONTEXT_MAX> contexts_;
    bool stopping_ = false;
    bool paused_ = false;   ///< nothing new is executed
    uint32_t failures_ = 0; ///< command buffers that ended in an error
    std::thread thread_;
};

} // namespace svga::device
