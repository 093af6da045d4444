// SPDX-License-Identifier: MIT
#include "device/fences.h"

#include "util/error.h"

#include <svga_reg.h>

namespace svga::device {

namespace {

/** Whether \p number is at or after \p goal, in numbers that wrap around. */
bool reaches(uint32_t number, uint32_t goal) {
    return static_cast<int32_t>(number - goal) >= 0;
}

} // namespace

Fences::Fences(Interrupts& interrupts, std::function<void(uint64_t)> wait, std::function<void(const char*)> onLost)
    : interrupts_(interrupts)
    , wait_(std::move(wait))
    , onLost_(std::move(onLost))
    , thread_([this] { run(); }) {}

Fences::~Fences() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Fences::add(uint32_t number, uint64_t value) {
    {
        std::lock_guard lock(mutex_);
        pending_.push_back({number, value});
    }
    changed_.notify_all();
}

void Fences::setGoal(uint32_t number) {
    goal_.store(number, std::memory_order_relaxed);
}

void Fences::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
        if (pending_.empty())
            return;
        Pending fence = pending_.front();
        pending_.pop_front();
        lock.unlock();
        try {
            wait_(fence.value);
        } catch (const Error& error) {
            onLost_(error.what());
            return;
        }
        uint32_t before = passed_.exchange(fence.number, std::memory_order_acq_rel);
        uint32_t goal = goal_.load(std::memory_order_relaxed);
        bool goalReached = reaches(fence.number, goal) && !reaches(before, goal);
        interrupts_.raise(SVGA_IRQFLAG_ANY_FENCE | (goalReached ? SVGA_IRQFLAG_REG_FENCE_GOAL : 0u));
        lock.lock();
    }
}

} // namespace svga::device
