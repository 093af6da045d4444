// SPDX-License-Identifier: MIT
#include "vulkan/command_buffer.h"

#include "vulkan/device.h"

#include "vk_common_entrypoints.h"

namespace svga::vulkan {

namespace {

VkResult create(vk_command_pool* pool, VkCommandBufferLevel level, vk_command_buffer** out) {
    return guarded(pool, VK_ERROR_OUT_OF_HOST_MEMORY, [&] {
        auto* buffer = allocate<vk_command_buffer>(pool->alloc, nullptr, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
        const VkResult result = vk_command_buffer_init(pool, buffer, &kCommandBufferOps, level);
        if (result != VK_SUCCESS) {
            release(pool->alloc, nullptr, buffer);
            return result;
        }
        *out = buffer;
        return VK_SUCCESS;
    });
}

void reset(vk_command_buffer* buffer, VkCommandBufferResetFlags) {
    vk_command_buffer_reset(buffer);
}

void destroy(vk_command_buffer* buffer) {
    const VkAllocationCallbacks& alloc = buffer->pool->alloc;
    vk_command_buffer_finish(buffer);
    release(alloc, nullptr, buffer);
}

} // namespace

const vk_command_buffer_ops kCommandBufferOps{create, reset, destroy};

} // namespace svga::vulkan

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_AllocateCommandBuffers(VkDevice device, const VkCommandBufferAllocateInfo* info,
                                                           VkCommandBuffer* buffers) {
    // Of whatever level to the application, to the runtime they are such whose commands are recorded.
    VkCommandBufferAllocateInfo recording = *info;
    recording.level = VK_COMMAND_BUFFER_LEVEL_SECONDARY;
    return vk_common_AllocateCommandBuffers(device, &recording, buffers);
}

VKAPI_ATTR VkResult VKAPI_CALL svga_BeginCommandBuffer(VkCommandBuffer handle, const VkCommandBufferBeginInfo* info) {
    vk_command_buffer_begin(vk_command_buffer_from_handle(handle), info);
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL svga_EndCommandBuffer(VkCommandBuffer handle) {
    return vk_command_buffer_end(vk_command_buffer_from_handle(handle));
}

} // extern "C"
