// SPDX-License-Identifier: MIT
#include "vulkan/device.h"

#include "vulkan/buffer.h"
#include "vulkan/command_buffer.h"

#include "vk_cmd_enqueue_entrypoints.h"
#include "vk_common_entrypoints.h"

namespace svga::vulkan {

bool Device::takeMemory(uint64_t bytes) {
    const uint64_t heap = physicalDevice().memory.memoryHeaps[0].size;
    uint64_t taken = memoryTaken_.load(std::memory_order_relaxed);
    do
        if (bytes > heap - taken)
            return false;
    while (!memoryTaken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
    return true;
}

namespace {

VkResult bindUpload(vk_command_buffer* commands, vk_meta_device*, VkBuffer buffer, void** data) {
    Executor& executor = as<Executor>(commands);
    return guarded(commands, VK_ERROR_OUT_OF_DEVICE_MEMORY,
                   [&] { *data = executor.bindUpload(as<Buffer>(vk_buffer_from_handle(buffer))); });
}

VkResult initialiseMeta(Device& device) {
    const VkResult result = vk_meta_device_init(&device, &device.meta);
    if (result != VK_SUCCESS)
        return result;
    device.meta.use_gs_for_layer = true;
    device.meta.use_rect_list_pipeline = true; // made of triangles by the runtime
    device.meta.max_bind_map_buffer_size_B = 64 * 1024;
    device.meta.cmd_bind_map_buffer = bindUpload;
    return VK_SUCCESS;
}

VkResult initialise(Device& device, PhysicalDevice& physical, const VkDeviceCreateInfo& info,
                    const VkAllocationCallbacks* allocator) {
    vk_device_dispatch_table dispatch;
    vk_device_dispatch_table_from_entrypoints(&dispatch, &vk_cmd_enqueue_unless_primary_device_entrypoints, true);
    vk_device_dispatch_table_from_entrypoints(&dispatch, &svga_device_entrypoints, false);
    vk_device_dispatch_table_from_entrypoints(&dispatch, &wsi_device_entrypoints, false);
    const VkResult result = vk_device_init(&device, &physical, &dispatch, &info, allocator);
    if (result != VK_SUCCESS)
        return result;
    vk_device_dispatch_table_from_entrypoints(&device.execution, &svga_device_entrypoints, true);
    vk_device_dispatch_table_from_entrypoints(&device.execution, &vk_common_device_entrypoints, false);
    device.command_dispatch_table = &device.execution;
    device.command_buffer_ops = &kCommandBufferOps;
    device.shader_ops = &kShaderOps;
    return VK_SUCCESS;
}

} // namespace

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateDevice(VkPhysicalDevice handle, const VkDeviceCreateInfo* info,
                                                 const VkAllocationCallbacks* allocator, VkDevice* out) {
    PhysicalDevice& physical = as<PhysicalDevice>(vk_physical_device_from_handle(handle));
    const VkAllocationCallbacks& parent = physical.instance->alloc;
    return guarded(&physical, VK_ERROR_INITIALIZATION_FAILED, [&] {
        auto* device = allocate<Device>(parent, allocator, VK_SYSTEM_ALLOCATION_SCOPE_DEVICE);
        bool initialised = false;
        const VkResult result = guarded(&physical, VK_ERROR_INITIALIZATION_FAILED, [&] {
            device->winsys = physical.open();
            const VkResult done = initialise(*device, physical, *info, allocator);
            if (done != VK_SUCCESS)
                return done;
            initialised = true;
            vk_device_enable_threaded_submit(device);
            device->queue = Queue::create(*device, info->pQueueCreateInfos[0]);
            return initialiseMeta(*device);
        });
        if (result != VK_SUCCESS) {
            device->queue.reset();
            if (initialised)
                vk_device_finish(device);
            release(parent, allocator, device);
            return result;
        }
        *out = vk_device_to_handle(device);
        return VK_SUCCESS;
    });
}

VKAPI_ATTR void VKAPI_CALL svga_DestroyDevice(VkDevice handle, const VkAllocationCallbacks* allocator) {
    if (!handle)
        return;
    Device& device = as<Device>(vk_device_from_handle(handle));
    const VkAllocationCallbacks& parent = device.physical->instance->alloc;
    vk_meta_device_finish(&device, &device.meta);
    device.queue.reset();
    vk_device_finish(&device);
    release(parent, allocator, &device);
}

} // extern "C"
