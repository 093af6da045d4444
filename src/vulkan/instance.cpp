// SPDX-License-Identifier: MIT
#include "vulkan/instance.h"

#include "vulkan/physical_device.h"

#include "vk_instance.h"
#include "wsi_common.h"

using namespace svga::vulkan;

namespace {

vk_instance_extension_table supportedExtensions() {
    vk_instance_extension_table table{};
    table.KHR_device_group_creation = true;
    table.KHR_external_fence_capabilities = true;
    table.KHR_external_memory_capabilities = true;
    table.KHR_external_semaphore_capabilities = true;
    table.KHR_get_physical_device_properties2 = true;
    table.KHR_get_surface_capabilities2 = true;
    table.KHR_surface = true;
    table.KHR_xcb_surface = true;
    table.KHR_xlib_surface = true;
    table.EXT_debug_report = true;
    table.EXT_debug_utils = true;
    table.EXT_headless_surface = true;
    return table;
}

const vk_instance_extension_table kExtensions = supportedExtensions();

} // namespace

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_EnumerateInstanceVersion(uint32_t* version) {
    *version = kApiVersion;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL svga_EnumerateInstanceExtensionProperties(const char* layerName, uint32_t* count,
                                                                         VkExtensionProperties* properties) {
    if (layerName)
        return vk_error(NULL, VK_ERROR_LAYER_NOT_PRESENT);
    return vk_enumerate_instance_extension_properties(&kExtensions, count, properties);
}

VKAPI_ATTR VkResult VKAPI_CALL svga_EnumerateInstanceLayerProperties(uint32_t* count, VkLayerProperties*) {
    *count = 0;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateInstance(const VkInstanceCreateInfo* createInfo,
                                                   const VkAllocationCallbacks* allocator, VkInstance* handle) {
    const VkAllocationCallbacks& alloc = allocator ? *allocator : *vk_default_allocator();
    return guarded(static_cast<vk_instance*>(nullptr), VK_ERROR_INITIALIZATION_FAILED, [&] {
        Instance* instance = allocate<Instance>(alloc, nullptr, VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE);
        vk_instance_dispatch_table dispatch;
        vk_instance_dispatch_table_from_entrypoints(&dispatch, &svga_instance_entrypoints, true);
        vk_instance_dispatch_table_from_entrypoints(&dispatch, &wsi_instance_entrypoints, false);
        const VkResult result = vk_instance_init(instance, &kExtensions, &dispatch, createInfo, &alloc);
        if (result != VK_SUCCESS) {
            release(alloc, nullptr, instance);
            return result;
        }
        instance->physical_devices.try_create_for_drm = PhysicalDevice::tryCreate;
        instance->physical_devices.destroy = PhysicalDevice::destroy;
        *handle = vk_instance_to_handle(instance);
        return VK_SUCCESS;
    });
}

VKAPI_ATTR void VKAPI_CALL svga_DestroyInstance(VkInstance handle, const VkAllocationCallbacks*) {
    if (!handle)
        return;
    Instance& instance = as<Instance>(vk_instance_from_handle(handle));
    const VkAllocationCallbacks alloc = instance.alloc;
    vk_instance_finish(&instance);
    release(alloc, nullptr, &instance);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL svga_GetInstanceProcAddr(VkInstance handle, const char* name) {
    return vk_instance_get_proc_addr(vk_instance_from_handle(handle), &svga_instance_entrypoints, name);
}

/** The loader's way in. */
PUBLIC VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance, const char* name) {
    return svga_GetInstanceProcAddr(instance, name);
}

} // extern "C"
