// SPDX-License-Identifier: MIT
//
// Events. The device has none: setting one on the device ends a batch, and the event is set when the batch's fence has
// signalled; waiting for one is the queue's thread waiting.
#include "vulkan/device.h"

#include <condition_variable>
#include <mutex>

namespace svga::vulkan {

namespace {

struct Event : vk_object_base {
    void set(winsys::Ref<winsys::Fence> after) {
        const std::lock_guard lock(mutex);
        isSet = true;
        fence = std::move(after);
        changed.notify_all();
    }
    void reset() {
        const std::lock_guard lock(mutex);
        isSet = false;
        fence = {};
    }

    std::mutex mutex;
    std::condition_variable changed;
    bool isSet = false;
    winsys::Ref<winsys::Fence> fence; ///< set by the device, once this has signalled
};

Event& eventOf(VkEvent handle) {
    return as<Event>(vk_object_base_from_u64_handle(reinterpret_cast<uintptr_t>(handle), VK_OBJECT_TYPE_EVENT));
}

} // namespace

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateEvent(VkDevice handle, const VkEventCreateInfo*,
                                                const VkAllocationCallbacks* allocator, VkEvent* out) {
    vk_device* device = vk_device_from_handle(handle);
    return guarded(device, VK_ERROR_OUT_OF_HOST_MEMORY, [&] {
        auto* event = allocate<Event>(*device, allocator);
        vk_object_base_init(device, event, VK_OBJECT_TYPE_EVENT);
        *out = reinterpret_cast<VkEvent>(static_cast<vk_object_base*>(event));
    });
}

VKAPI_ATTR void VKAPI_CALL svga_DestroyEvent(VkDevice handle, VkEvent eventHandle,
                                             const VkAllocationCallbacks* allocator) {
    if (!eventHandle)
        return;
    Event& event = eventOf(eventHandle);
    vk_object_base_finish(&event);
    release(*vk_device_from_handle(handle), allocator, &event);
}

VKAPI_ATTR VkResult VKAPI_CALL svga_GetEventStatus(VkDevice handle, VkEvent eventHandle) {
    vk_device* device = vk_device_from_handle(handle);
    if (vk_device_is_lost(device))
        return VK_ERROR_DEVICE_LOST;
    return guarded(device, VK_ERROR_DEVICE_LOST, [&] {
        Event& event = eventOf(eventHandle);
        const std::lock_guard lock(event.mutex);
        const bool isSet = event.isSet && (!event.fence || event.fence->isSignalled());
        return isSet ? VK_EVENT_SET : VK_EVENT_RESET;
    });
}

VKAPI_ATTR VkResult VKAPI_CALL svga_SetEvent(VkDevice, VkEvent event) {
    eventOf(event).set({});
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL svga_ResetEvent(VkDevice, VkEvent event) {
    eventOf(event).reset();
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL svga_CmdSetEvent2(VkCommandBuffer handle, VkEvent event, const VkDependencyInfo*) {
    Executor::run(handle, [&](Executor& executor) { eventOf(event).set(executor.submit()); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdResetEvent2(VkCommandBuffer handle, VkEvent event, VkPipelineStageFlags2) {
    Executor::run(handle, [&](Executor&) { eventOf(event).reset(); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdWaitEvents2(VkCommandBuffer handle, uint32_t count, const VkEvent* events,
                                               const VkDependencyInfo*) {
    Executor::run(handle, [&](Executor& executor) {
        executor.submit(); // the device goes on meanwhile
        for (uint32_t i = 0; i < count; ++i) {
            // What the device sets was set before, in order; only the application's may be still to come.
            Event& event = eventOf(events[i]);
            std::unique_lock lock(event.mutex);
            event.changed.wait(lock, [&event] { return event.isSet; });
        }
    });
}

} // extern "C"
