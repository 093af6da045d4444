// SPDX-License-Identifier: MIT
/**
 * \file
 * Queries: how many samples passed.
 *
 * Each query of a pool has a query of the device, whose result is written to the pool's memory, where the CPU finds it.
 */
#pragma once

#include "gallium/winsys/svga/core/query.h"
#include "vulkan/mesa.h"

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "vk_query_pool.h"

namespace svga::vulkan {

/** \brief A VkQueryPool. */
struct QueryPool : vk_query_pool {
    static constexpr uint32_t kSlotSize = 16; ///< bytes: a state word, and a result of eight bytes

    /** \brief The result of query \p index, where the device has it. Any thread. */
    std::optional<uint64_t> result(uint32_t index) const;

    std::unique_ptr<winsys::Query> memory;
    std::vector<std::optional<uint32_t>> ids; ///< the device's, in the queue's context; the executor's
};

VK_DEFINE_NONDISP_HANDLE_CASTS(vk_query_pool, base, VkQueryPool, VK_OBJECT_TYPE_QUERY_POOL)

} // namespace svga::vulkan
