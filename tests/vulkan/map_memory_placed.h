// SPDX-License-Identifier: MIT
/**
 * \file
 * VK_KHR_map_memory2 and VK_EXT_map_memory_placed for Vulkan headers from before them, as Debian 12's are. From the
 * Vulkan specification.
 */
#pragma once

#include <vulkan/vulkan_core.h>

#ifndef VK_KHR_map_memory2
#define VK_KHR_MAP_MEMORY_2_EXTENSION_NAME "VK_KHR_map_memory2"

constexpr auto VK_STRUCTURE_TYPE_MEMORY_MAP_INFO_KHR = VkStructureType(1000271000);
constexpr auto VK_STRUCTURE_TYPE_MEMORY_UNMAP_INFO_KHR = VkStructureType(1000271001);

struct VkMemoryMapInfoKHR {
    VkStructureType sType;
    const void* pNext;
    VkMemoryMapFlags flags;
    VkDeviceMemory memory;
    VkDeviceSize offset;
    VkDeviceSize size;
};

struct VkMemoryUnmapInfoKHR {
    VkStructureType sType;
    const void* pNext;
    VkFlags flags;
    VkDeviceMemory memory;
};

using PFN_vkMapMemory2KHR = VkResult(VKAPI_PTR*)(VkDevice, const VkMemoryMapInfoKHR*, void**);
using PFN_vkUnmapMemory2KHR = VkResult(VKAPI_PTR*)(VkDevice, const VkMemoryUnmapInfoKHR*);
#endif

#ifndef VK_EXT_map_memory_placed
#define VK_EXT_MAP_MEMORY_PLACED_EXTENSION_NAME "VK_EXT_map_memory_placed"

constexpr auto VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAP_MEMORY_PLACED_FEATURES_EXT = VkStructureType(1000272000);
constexpr auto VK_STRUCTURE_TYPE_MEMORY_MAP_PLACED_INFO_EXT = VkStructureType(1000272002);
constexpr VkFlags VK_MEMORY_MAP_PLACED_BIT_EXT = 1, VK_MEMORY_UNMAP_RESERVE_BIT_EXT = 1;

struct VkPhysicalDeviceMapMemoryPlacedFeaturesEXT {
    VkStructureType sType;
    void* pNext;
    VkBool32 memoryMapPlaced;
    VkBool32 memoryMapRangePlaced;
    VkBool32 memoryUnmapReserve;
};

struct VkMemoryMapPlacedInfoEXT {
    VkStructureType sType;
    const void* pNext;
    void* pPlacedAddress;
};
#endif
