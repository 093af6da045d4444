// SPDX-License-Identifier: MIT
/**
 * \file
 * VK_EXT_image_sliced_view_of_3d for Vulkan headers from before it (1.3.240), as Debian 12's are. From the Vulkan
 * specification.
 */
#pragma once

#include <vulkan/vulkan_core.h>

#ifndef VK_EXT_image_sliced_view_of_3d
#define VK_EXT_IMAGE_SLICED_VIEW_OF_3D_EXTENSION_NAME "VK_EXT_image_sliced_view_of_3d"
#define VK_REMAINING_3D_SLICES_EXT (~0u)

constexpr auto VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_SLICED_VIEW_OF_3D_FEATURES_EXT = VkStructureType(1000418000);
constexpr auto VK_STRUCTURE_TYPE_IMAGE_VIEW_SLICED_CREATE_INFO_EXT = VkStructureType(1000418001);

struct VkPhysicalDeviceImageSlicedViewOf3DFeaturesEXT {
    VkStructureType sType;
    void* pNext;
    VkBool32 imageSlicedViewOf3D;
};

struct VkImageViewSlicedCreateInfoEXT {
    VkStructureType sType;
    const void* pNext;
    uint32_t sliceOffset;
    uint32_t sliceCount;
};
#endif
