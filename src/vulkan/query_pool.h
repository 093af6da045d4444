// SPDX-License-Identifier: MIT
/**
 * \file
 * Queries: how many samples passed.
 *
 * A result has a place in the pool's memory, which a query of the device writes and the CPU reads. The device has no
 * command that takes a result back, and one may still be on its way when the queue comes to reset its query: so what is
 * reset gets another place, and the old one is used again once its result has arrived.
 */
#pragma once

#include "gallium/winsys/svga/core/query.h"
#include "vulkan/mesa.h"

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "vk_query_pool.h"

namespace svga::vulkan {

/** \brief A VkQueryPool. */
struct QueryPool : vk_query_pool {
    static constexpr uint32_t kSlotSize = 16; ///< bytes: a state word, and a result of eight bytes

    /** \brief A place for a result. But for what result() reads, it belongs to who may use the query: the queue's
     * thread, or the application's that resets it. */
    struct Slot {
        winsys::Query* memory;
        uint32_t offset;                 ///< bytes
        bool used = false;               ///< since it was last reset
        std::optional<uint64_t> known{}; ///< the result, where the device does not write it
        std::optional<uint32_t> id{};    ///< of the device's query, in the queue's context, once there is one
    };

    explicit QueryPool(winsys::Device& device)
        : device_(device) {}
    /** \brief Gives each of the pool's queries a slot. Throws Error. */
    void initialise();

    /** \brief The result of query \p index, where there is one. Any thread. */
    std::optional<uint64_t> result(uint32_t index) const;

    /** \brief Query \p index has no result, from now on. Throws Error. */
    void reset(uint32_t index);
    /** \brief Query \p index counted nothing. The queue's thread. */
    void setZero(uint32_t index);
    Slot& slot(uint32_t index) { return *current_.at(index); }
    const std::deque<Slot>& slots() const { return slots_; }

private:
    void addSlots();
    Slot& fresh();

    winsys::Device& device_;
    mutable std::mutex mutex_; ///< of what result() reads
    std::vector<std::unique_ptr<winsys::Query>> memory_;
    std::deque<Slot> slots_;
    std::vector<Slot*> current_; ///< by query
    std::deque<Slot*> unused_, retired_;
};

VK_DEFINE_NONDISP_HANDLE_CASTS(vk_query_pool, base, VkQueryPool, VK_OBJECT_TYPE_QUERY_POOL)

} // namespace svga::vulkan
