// SPDX-License-Identifier: MIT
#include "vulkan/buffer.h"

#include "vulkan/device.h"
#include "vulkan/limits.h"

#include "util/u_math.h"

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateBuffer(VkDevice handle, const VkBufferCreateInfo* info,
                                                 const VkAllocationCallbacks* allocator, VkBuffer* out) {
    Device& device = as<Device>(vk_device_from_handle(handle));
    return guarded(&device, VK_ERROR_OUT_OF_DEVICE_MEMORY, [&] {
        if (info->size > device.physical->properties.maxBufferSize)
            throw svga::Error("a buffer of {} bytes is larger than any memory for it", info->size);
        auto* buffer = allocate<Buffer>(device, allocator);
        vk_buffer_init(&device, buffer, info);
        *out = vk_buffer_to_handle(buffer);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_DestroyBuffer(VkDevice handle, VkBuffer bufferHandle,
                                              const VkAllocationCallbacks* allocator) {
    if (!bufferHandle)
        return;
    Buffer& buffer = as<Buffer>(vk_buffer_from_handle(bufferHandle));
    vk_buffer_finish(&buffer);
    release(*vk_device_from_handle(handle), allocator, &buffer);
}

VKAPI_ATTR void VKAPI_CALL svga_GetDeviceBufferMemoryRequirements(VkDevice,
                                                                  const VkDeviceBufferMemoryRequirements* info,
                                                                  VkMemoryRequirements2* requirements) {
    VkMemoryRequirements& memory = requirements->memoryRequirements;
    memory.memoryTypeBits = 1u << kDeviceLocalMemory | 1u << kCoherentMemory;
    memory.alignment = kConstantBufferAlignment;
    memory.size = align64(info->pCreateInfo->size, kRawViewAlignment);
    vk_foreach_struct(extension, requirements->pNext) {
        if (extension->sType == VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS) {
            auto* dedicated = reinterpret_cast<VkMemoryDedicatedRequirements*>(extension);
            dedicated->prefersDedicatedAllocation = dedicated->requiresDedicatedAllocation = false;
        }
    }
}

VKAPI_ATTR VkResult VKAPI_CALL svga_BindBufferMemory2(VkDevice handle, uint32_t count,
                                                      const VkBindBufferMemoryInfo* infos) {
    vk_device* device = vk_device_from_handle(handle);
    return guarded(device, VK_ERROR_OUT_OF_DEVICE_MEMORY, [&] {
        for (uint32_t i = 0; i < count; ++i) {
            Buffer& buffer = as<Buffer>(vk_buffer_from_handle(infos[i].buffer));
            buffer.surface = as<Memory>(vk_device_memory_from_handle(infos[i].memory)).surface();
            buffer.offset = static_cast<uint32_t>(infos[i].memoryOffset);
            const auto* status =
                static_cast<const VkBindMemoryStatusKHR*>(vk_find_struct_const(infos[i].pNext, BIND_MEMORY_STATUS_KHR));
            if (status)
                *status->pResult = VK_SUCCESS;
        }
    });
}

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateBufferView(VkDevice handle, const VkBufferViewCreateInfo* info,
                                                     const VkAllocationCallbacks* allocator, VkBufferView* out) {
    vk_device* device = vk_device_from_handle(handle);
    return guarded(device, VK_ERROR_OUT_OF_HOST_MEMORY, [&] {
        auto* view = allocate<BufferView>(*device, allocator);
        vk_buffer_view_init(device, view, info);
        *out = vk_buffer_view_to_handle(view);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_DestroyBufferView(VkDevice handle, VkBufferView viewHandle,
                                                  const VkAllocationCallbacks* allocator) {
    if (!viewHandle)
        return;
    BufferView& view = as<BufferView>(vk_buffer_view_from_handle(viewHandle));
    vk_buffer_view_finish(&view);
    release(*vk_device_from_handle(handle), allocator, &view);
}

} // extern "C"
