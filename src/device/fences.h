// SPDX-License-Identifier: MIT
#pragma once

#include "device/interrupts.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace svga::device {

/**
 * \brief Tells the guest how far the GPU has come.
 *
 * The guest numbers its FENCE commands; the number last passed is in SVGA_REG_FENCE. A thread waits for the GPU on
 * behalf of each fence, in order, publishes its number and raises ANY_FENCE, and REG_FENCE_GOAL where the number
 * reaches the goal.
 */
class Fences {
public:
    /**
     * \param wait returns when the GPU has reached a value; throws svga::Error when the GPU is lost
     * \param onLost is then called, once, with the message; no fence is passed any more
     */
    Fences(Interrupts& interrupts, std::function<void(uint64_t)> wait, std::function<void(const char*)> onLost);
    /** \brief Waits until all fences that were added have passed. */
    ~Fences();

    /** \brief Fence \p number is passed when the GPU has reached \p value. */
    void add(uint32_t number, uint64_t value);

    /** \brief The number last passed. */
    uint32_t passed() const { return passed_.load(std::memory_order_acquire); }

    /** \brief The number at which REG_FENCE_GOAL is raised; numbers wrap around. */
    void setGoal(uint32_t number);
    uint32_t goal() const { return goal_.load(std::memory_order_relaxed); }

private:
    struct Pending {
        uint32_t number;
        uint64_t value;
    };

    void run();

    Interrupts& interrupts_;
    std::function<void(uint64_t)> wait_;
    std::function<void(const char*)> onLost_;
    std::atomic<uint32_t> passed_{0};
    std::atomic<uint32_t> goal_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Pending> pending_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace svga::device
