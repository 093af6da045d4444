// SPDX-License-Identifier: MIT
#include "device/command_queue.h"

#include <spdlog/spdlog.h>
#include <svga3d_types.h>

#include <algorithm>
#include <cstddef>
#include <exception>

namespace svga::device {

namespace {

// The interface promises SVGA_CB_MAX_QUEUED_PER_CONTEXT (32) at least; more costs little and spares guests the wait.
constexpr std::size_t kMaxQueued = 1024;
// A guest that does nothing right shall not fill the log.
constexpr uint32_t kMaxFailuresLogged = 100;
constexpr uint32_t kKnownFlags = SVGA_CB_FLAG_NO_IRQ | SVGA_CB_FLAG_DX_CONTEXT | SVGA_CB_FLAG_MOB;
constexpr uint32_t kNoDxContext = SVGA3D_INVALID_ID;

bool plausible(const SVGACBHeader& header) {
    return header.length <= SVGA_CB_MAX_SIZE && header.offset <= header.length &&
           (static_cast<uint32_t>(header.flags) & ~kKnownFlags) == 0;
}

} // namespace

CommandQueue::CommandQueue(GuestMemory& memory, Interrupts& interrupts, const MobLookup& mobs, Execute execute,
                           std::function<void(const char*)> onLost)
    : memory_(memory)
    , interrupts_(interrupts)
    , mobs_(mobs)
    , execute_(std::move(execute))
    , onLost_(std::move(onLost))
    , thread_([this] { run(); }) {}

CommandQueue::~CommandQueue() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void CommandQueue::finish(const Buffer& buffer, SVGACBStatus status, uint32_t errorOffset) {
    // The status last: the guest may look at the offset and reuse the header as soon as it sees one.
    auto put = [&](std::size_t offset, uint32_t value) { memory_.publish(buffer.headerAddress + offset, value); };
    bool failed = status == SVGA_CB_STATUS_COMMAND_ERROR || status == SVGA_CB_STATUS_CB_HEADER_ERROR;
    if (failed)
        put(offsetof(SVGACBHeader, errorOffset), errorOffset);
    put(offsetof(SVGACBHeader, status), status);

    uint32_t raised = failed ? SVGA_IRQFLAG_ERROR : 0u;
    if (!(buffer.header.flags & SVGA_CB_FLAG_NO_IRQ))
        raised |= SVGA_IRQFLAG_COMMAND_BUFFER;
    if (raised)
        interrupts_.raise(raised);
}

void CommandQueue::submit(uint64_t headerAddress, uint32_t contextId) {
    Buffer buffer{headerAddress, {}};
    if (!memory_.read(headerAddress, std::as_writable_bytes(std::span(&buffer.header, 1)))) {
        spdlog::error("command buffer header {:#x} is not in guest memory", headerAddress);
        interrupts_.raise(SVGA_IRQFLAG_ERROR);
        return;
    }
    if (!plausible(buffer.header)) {
        spdlog::error("command buffer header {:#x}: length {}, offset {} or flags {:#x} cannot be", headerAddress,
                      buffer.header.length, buffer.header.offset, static_cast<uint32_t>(buffer.header.flags));
        finish(buffer, SVGA_CB_STATUS_CB_HEADER_ERROR);
    } else if (contextId == SVGA_CB_CONTEXT_DEVICE) {
        uint32_t errorOffset = 0;
        SVGACBStatus status = executeDeviceCommands(buffer, errorOffset);
        finish(buffer, status, errorOffset);
    } else if (contextId >= contexts_.size()) {
        spdlog::error("command buffer context {} is unknown", contextId);
        finish(buffer, SVGA_CB_STATUS_CB_HEADER_ERROR);
    } else {
        enqueue(buffer, contextId);
    }
}

void CommandQueue::enqueue(const Buffer& buffer, uint32_t contextId) {
    std::unique_lock lock(mutex_);
    auto& queue = contexts_[contextId].queue;
    if (queue.size() >= kMaxQueued) {
        lock.unlock();
        uint32_t status = SVGA_CB_STATUS_QUEUE_FULL; // told without an interrupt
        memory_.publish(buffer.headerAddress + offsetof(SVGACBHeader, status), status);
        return;
    }
    queue.push_back(buffer);
    lock.unlock();
    changed_.notify_all();
}

SVGACBStatus CommandQueue::executeDeviceCommands(const Buffer& buffer, uint32_t& errorOffset) {
    errorOffset = buffer.header.offset;
    try {
        if (buffer.header.flags & SVGA_CB_FLAG_MOB) // MOBs belong to the command thread
            throw CommandError("commands for the device context must be at a physical address");
        std::vector<std::byte> bytes = fetch(buffer);
        CommandBody body{std::span<const std::byte>(bytes).subspan(buffer.header.offset)};
        while (body.remaining() > 0) {
            errorOffset = static_cast<uint32_t>(bytes.size() - body.remaining());
            auto id = body.take<uint32_t>();
            executeDeviceCommand(id, body);
        }
    } catch (const CommandError& error) {
        spdlog::error("device context, offset {}: {}", errorOffset, error.what());
        return SVGA_CB_STATUS_COMMAND_ERROR;
    }
    return SVGA_CB_STATUS_COMPLETED;
}

CommandQueue::Context& CommandQueue::contextAt(uint32_t contextId) {
    if (contextId >= contexts_.size())
        throw CommandError("command buffer context {} is unknown", contextId);
    return contexts_[contextId];
}

void CommandQueue::executeDeviceCommand(uint32_t id, CommandBody& body) {
    std::unique_lock lock(mutex_);
    switch (id) {
    case SVGA_DC_CMD_NOP:
        break;
    case SVGA_DC_CMD_START_STOP_CONTEXT: {
        auto command = body.take<SVGADCCmdStartStop>();
        Context& context = contextAt(command.context);
        context.started = command.enable != 0;
        changed_.notify_all();
        if (!context.started) // stopped means that nothing runs any more
            changed_.wait(lock, [&] { return !context.executing; });
        break;
    }
    case SVGA_DC_CMD_PREEMPT: {
        auto command = body.take<SVGADCCmdPreempt>();
        preempt(contextAt(command.context), command.ignoreIDZero != 0);
        break;
    }
    case SVGA_DC_CMD_START_QUEUE:
        contextAt(body.take<SVGADCCmdStartQueue>().context).started = true;
        changed_.notify_all();
        break;
    case SVGA_DC_CMD_ASYNC_STOP_QUEUE:
        contextAt(body.take<SVGADCCmdAsyncStopQueue>().context).started = false;
        break;
    case SVGA_DC_CMD_EMPTY_CONTEXT_QUEUE:
        preempt(contextAt(body.take<SVGADCCmdEmptyQueue>().context), false);
        break;
    default:
        throw CommandError("device context command {} is unknown", id);
    }
}

void CommandQueue::preempt(Context& context, bool ignoreIdZero) {
    std::deque<Buffer> kept;
    for (const Buffer& buffer : context.queue) {
        if (ignoreIdZero && buffer.header.id == 0)
            kept.push_back(buffer);
        else
            finish(buffer, SVGA_CB_STATUS_PREEMPTED);
    }
    context.queue = std::move(kept);
    changed_.notify_all();
}

void CommandQueue::waitIdle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
        for (const Context& context : contexts_)
            if (context.executing || (context.started && !context.queue.empty()))
                return stopping_;
        return true;
    });
}

void CommandQueue::betweenBuffers(const std::function<void()>& look) {
    struct Pause {
        CommandQueue& queue;
        explicit Pause(CommandQueue& paused)
            : queue(paused) {
            std::unique_lock lock(queue.mutex_);
            queue.paused_ = true;
            queue.changed_.wait(lock, [this] {
                return std::none_of(queue.contexts_.begin(), queue.contexts_.end(),
                                    [](const Context& context) { return context.executing; });
            });
        }
        ~Pause() {
            {
                std::lock_guard lock(queue.mutex_);
                queue.paused_ = false;
            }
            queue.changed_.notify_all();
        }
    } pause(*this);
    look();
}

void CommandQueue::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (paused_) {
            changed_.wait(lock);
            continue;
        }
        // High priority first; a buffer is never interrupted.
        if (executeNext(lock, contexts_[SVGA_CB_CONTEXT_1]) || executeNext(lock, contexts_[SVGA_CB_CONTEXT_0]))
            continue;
        changed_.wait(lock);
    }
}

bool CommandQueue::executeNext(std::unique_lock<std::mutex>& lock, Context& context) {
    if (!context.started || context.queue.empty())
        return false;
    Buffer buffer = context.queue.front();
    context.queue.pop_front();
    context.executing = true;
    lock.unlock();

    std::optional<CommandFailure> failure;
    bool lost = false;
    try {
        failure = execute(buffer);
    } catch (const std::exception& error) {
        lost = true;
        onLost_(error.what());
    }

    lock.lock();
    if (failure) {
        if (++failures_ <= kMaxFailuresLogged)
            spdlog::error("command buffer {:#x}, offset {}: {}{}", buffer.headerAddress, failure->offset,
                          failure->message, failures_ == kMaxFailuresLogged ? " (further ones are not logged)" : "");
        context.started = false;
    }
    stopping_ |= lost;
    if (!lost) // its status under the lock: preemption of what follows is told after it
        finish(buffer, failure ? SVGA_CB_STATUS_COMMAND_ERROR : SVGA_CB_STATUS_COMPLETED,
               failure ? failure->offset : 0);
    context.executing = false;
    changed_.notify_all();
    return true;
}

std::optional<CommandFailure> CommandQueue::execute(const Buffer& buffer) {
    std::vector<std::byte> bytes;
    try {
        bytes = fetch(buffer);
    } catch (const CommandError& error) {
        return CommandFailure{buffer.header.offset, error.what()};
    }
    bool hasContext = buffer.header.flags & SVGA_CB_FLAG_DX_CONTEXT;
    return execute_(bytes, buffer.header.offset, hasContext ? buffer.header.dxContext : kNoDxContext);
}

std::vector<std::byte> CommandQueue::fetch(const Buffer& buffer) const {
    std::vector<std::byte> bytes(buffer.header.length);
    if (buffer.header.flags & SVGA_CB_FLAG_MOB)
        mobs_.get(buffer.header.ptr.mob.mobid)->read(buffer.header.ptr.mob.mobOffset, bytes);
    else if (!memory_.read(buffer.header.ptr.pa, bytes))
        throw CommandError("its {} bytes at {:#x} are not in guest memory", bytes.size(), buffer.header.ptr.pa);
    return bytes;
}

} // namespace svga::device
