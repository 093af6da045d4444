// SPDX-License-Identifier: MIT
#include "vulkan/query_pool.h"

#include "vulkan/buffer.h"
#include "vulkan/device.h"
#include "vulkan/limits.h"

#include <svga3d_dx.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <thread>

namespace svga::vulkan {

namespace {

constexpr std::chrono::microseconds kPause{50};

/** Writes a result, or that there is none yet, as the flags want it. */
void store(std::byte* to, const std::optional<uint64_t>& result, VkQueryResultFlags flags) {
    const auto put = [&](uint32_t index, uint64_t value) {
        if (flags & VK_QUERY_RESULT_64_BIT) {
            std::memcpy(to + index * sizeof(uint64_t), &value, sizeof(value));
        } else {
            const auto word = static_cast<uint32_t>(std::min<uint64_t>(value, UINT32_MAX));
            std::memcpy(to + index * sizeof(uint32_t), &word, sizeof(word));
        }
    };
    if (result || flags & VK_QUERY_RESULT_PARTIAL_BIT)
        put(0, result.value_or(0));
    if (flags & VK_QUERY_RESULT_WITH_AVAILABILITY_BIT)
        put(1, result.has_value());
}

uint32_t resultBytes(VkQueryResultFlags flags) {
    const uint32_t size = flags & VK_QUERY_RESULT_64_BIT ? sizeof(uint64_t) : sizeof(uint32_t);
    return flags & VK_QUERY_RESULT_WITH_AVAILABILITY_BIT ? 2 * size : size;
}

} // namespace

void QueryPool::addSlots() {
    memory_.push_back(std::make_unique<winsys::Query>(device_, query_count * kSlotSize));
    for (uint32_t i = 0; i < query_count; ++i) {
        memory_.back()->setState(i * kSlotSize, SVGA3D_QUERYSTATE_PENDING);
        unused_.push_back(&slots_.emplace_back(Slot{memory_.back().get(), i * kSlotSize}));
    }
}

QueryPool::Slot& QueryPool::fresh() {
    if (unused_.empty() && !retired_.empty()) {
        Slot& oldest = *retired_.front();
        if (oldest.known || oldest.memory->state(oldest.offset) != SVGA3D_QUERYSTATE_PENDING) {
            retired_.pop_front();
            oldest.memory->setState(oldest.offset, SVGA3D_QUERYSTATE_PENDING);
            oldest.known.reset();
            oldest.used = false;
            return oldest;
        }
    }
    if (unused_.empty())
        addSlots();
    Slot& slot = *unused_.front();
    unused_.pop_front();
    return slot;
}

void QueryPool::initialise() {
    current_.resize(query_count);
    for (Slot*& slot : current_)
        slot = &fresh();
}

std::optional<uint64_t> QueryPool::result(uint32_t index) const {
    const std::lock_guard lock(mutex_);
    const Slot& slot = *current_.at(index);
    if (slot.known)
        return slot.known;
    if (slot.memory->state(slot.offset) != SVGA3D_QUERYSTATE_SUCCEEDED)
        return {};
    SVGADXOcclusionQueryResult value;
    slot.memory->readResult(slot.offset, &value, sizeof(value));
    return value.samplesRendered;
}

void QueryPool::reset(uint32_t index) {
    Slot*& slot = current_.at(index);
    if (!slot->used)
        return;
    const std::lock_guard lock(mutex_);
    retired_.push_back(slot);
    slot = &fresh();
}

void QueryPool::setZero(uint32_t index) {
    const std::lock_guard lock(mutex_);
    Slot& zero = slot(index);
    zero.used = true;
    zero.known = 0;
}

void Executor::beginQuery(QueryPool& pool, uint32_t index) {
    QueryPool::Slot& slot = pool.slot(index);
    slot.used = true;
    if (!slot.id) {
        slot.id = queryIds_.take();
        encoder_.emit<SVGA3dCmdDXDefineQuery>(SVGA_3D_CMD_DX_DEFINE_QUERY, 0, [&](auto& body) {
            body.queryId = *slot.id;
            body.type = SVGA3D_QUERYTYPE_OCCLUSION;
        });
        encoder_.emit<SVGA3dCmdDXBindQuery>(SVGA_3D_CMD_DX_BIND_QUERY, 1, [&](auto& body) {
            body.queryId = *slot.id;
            body.mobid = encoder_.name(slot.memory->bo());
        });
        encoder_.emit<SVGA3dCmdDXSetQueryOffset>(SVGA_3D_CMD_DX_SET_QUERY_OFFSET, 0, [&](auto& body) {
            body.queryId = *slot.id;
            body.mobOffset = slot.offset;
        });
    }
    encoder_.emit<SVGA3dCmdDXBeginQuery>(SVGA_3D_CMD_DX_BEGIN_QUERY, 0, [&](auto& body) { body.queryId = *slot.id; });
}

void Executor::endQuery(QueryPool& pool, uint32_t index) {
    encoder_.emit<SVGA3dCmdDXEndQuery>(SVGA_3D_CMD_DX_END_QUERY, 0,
                                       [&](auto& body) { body.queryId = pool.slot(index).id.value(); });
    // In a rendering of several views a query is as many, of which one may count for all.
    for (uint32_t view = 1; view < static_cast<uint32_t>(std::popcount(rendering_.viewMask)); ++view)
        pool.setZero(index + view);
}

void Executor::resetQueries(QueryPool& pool, uint32_t first, uint32_t count) {
    for (uint32_t i = first; i < first + count; ++i)
        pool.reset(i);
}

void Executor::copyResults(QueryPool& pool, uint32_t first, uint32_t count, const Buffer& buffer, uint64_t offset,
                           uint64_t stride, VkQueryResultFlags flags) {
    finish();
    const uint32_t size = resultBytes(flags);
    for (uint32_t i = 0; i < count; ++i) {
        const std::optional<uint64_t> result = pool.result(first + i);
        if (!result && !(flags & (VK_QUERY_RESULT_PARTIAL_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT)))
            continue;
        const UploadRing::Range range = uploads_.take(size, kUploadAlignment);
        std::memset(range.data, 0, size);
        store(range.data, result, flags);
        encoder_.emit<SVGA3dCmdDXBufferCopy>(SVGA_3D_CMD_DX_BUFFER_COPY, 2, [&](auto& body) {
            body.dest = encoder_.name(*buffer.surface);
            body.src = encoder_.name(*range.surface);
            body.destX = static_cast<uint32_t>(buffer.offset + offset + i * stride);
            body.srcX = range.offset;
            body.width = size;
        });
    }
}

} // namespace svga::vulkan

using namespace svga::vulkan;

namespace {

QueryPool& poolOf(VkQueryPool handle) {
    return as<QueryPool>(vk_query_pool_from_handle(handle));
}

} // namespace

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateQueryPool(VkDevice handle, const VkQueryPoolCreateInfo* info,
                                                    const VkAllocationCallbacks* allocator, VkQueryPool* out) {
    Device& device = as<Device>(vk_device_from_handle(handle));
    return guarded(&device, VK_ERROR_OUT_OF_DEVICE_MEMORY, [&] {
        if (info->queryType != VK_QUERY_TYPE_OCCLUSION)
            throw svga::Error("there are no queries of type {}", static_cast<int>(info->queryType));
        auto* pool = allocate<QueryPool>(device, allocator, *device.winsys);
        vk_query_pool_init(&device, pool, info);
        try {
            pool->initialise();
        } catch (...) {
            vk_query_pool_finish(pool);
            release(device, allocator, pool);
            throw;
        }
        *out = vk_query_pool_to_handle(pool);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_DestroyQueryPool(VkDevice handle, VkQueryPool poolHandle,
                                                 const VkAllocationCallbacks* allocator) {
    if (!poolHandle)
        return;
    Device& device = as<Device>(vk_device_from_handle(handle));
    QueryPool& pool = poolOf(poolHandle);
    for (const QueryPool::Slot& slot : pool.slots())
        if (slot.id)
            device.queue->executor().forgetQuery(*slot.id);
    vk_query_pool_finish(&pool);
    release(device, allocator, &pool);
}

VKAPI_ATTR VkResult VKAPI_CALL svga_GetQueryPoolResults(VkDevice handle, VkQueryPool poolHandle, uint32_t first,
                                                        uint32_t count, size_t, void* data, VkDeviceSize stride,
                                                        VkQueryResultFlags flags) {
    vk_device* device = vk_device_from_handle(handle);
    const QueryPool& pool = poolOf(poolHandle);
    VkResult status = VK_SUCCESS;
    for (uint32_t i = 0; i < count; ++i) {
        std::optional<uint64_t> result = pool.result(first + i);
        while (!result && flags & VK_QUERY_RESULT_WAIT_BIT) {
            if (vk_device_is_lost(device))
                return VK_ERROR_DEVICE_LOST;
            std::this_thread::sleep_for(kPause);
            result = pool.result(first + i);
        }
        if (!result)
            status = VK_NOT_READY;
        store(static_cast<std::byte*>(data) + i * stride, result, flags);
    }
    return status;
}

VKAPI_ATTR void VKAPI_CALL svga_ResetQueryPool(VkDevice handle, VkQueryPool pool, uint32_t first, uint32_t count) {
    guarded(vk_device_from_handle(handle), VK_ERROR_OUT_OF_DEVICE_MEMORY, [&] {
        for (uint32_t i = first; i < first + count; ++i)
            poolOf(pool).reset(i);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdResetQueryPool(VkCommandBuffer handle, VkQueryPool pool, uint32_t first,
                                                  uint32_t count) {
    Executor::run(handle, [&](Executor& executor) { executor.resetQueries(poolOf(pool), first, count); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdBeginQuery(VkCommandBuffer handle, VkQueryPool pool, uint32_t query,
                                              VkQueryControlFlags) {
    Executor::run(handle, [&](Executor& executor) { executor.beginQuery(poolOf(pool), query); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdEndQuery(VkCommandBuffer handle, VkQueryPool pool, uint32_t query) {
    Executor::run(handle, [&](Executor& executor) { executor.endQuery(poolOf(pool), query); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdCopyQueryPoolResults(VkCommandBuffer handle, VkQueryPool pool, uint32_t first,
                                                        uint32_t count, VkBuffer buffer, VkDeviceSize offset,
                                                        VkDeviceSize stride, VkQueryResultFlags flags) {
    Executor::run(handle, [&](Executor& executor) {
        executor.copyResults(poolOf(pool), first, count, as<Buffer>(vk_buffer_from_handle(buffer)), offset, stride,
                             flags);
    });
}

} // extern "C"
