// SPDX-License-Identifier: MIT
/**
 * \file
 * What one SVGA device can do, in Vulkan's terms.
 *
 * Everything here follows from the device capabilities that the kernel reports and from what this driver has: a
 * feature, format or limit that either lacks is not advertised.
 *
 * There is one heap, the guest memory that MOBs may take, and two types of memory in it (see memory.h).
 */
#pragma once

#include "gallium/winsys/svga/core/device.h"
#include "vulkan/mesa.h"

#include <array>
#include <memory>
#include <string>

#include "wsi_common.h"

namespace svga::vulkan {

/** \brief Memory types, by index. */
enum MemoryType : uint32_t {
    kDeviceLocalMemory = 0, ///< DEVICE_LOCAL: what only the device uses
    kCoherentMemory = 1,    ///< DEVICE_LOCAL, HOST_VISIBLE, HOST_COHERENT and HOST_CACHED
    kMemoryTypes = 2,
};

/** \brief A device that libdrm found. */
struct PhysicalDevice : vk_physical_device {
    /** \brief vk_instance::physical_devices::try_create_for_drm: takes render nodes of vmwgfx. */
    static VkResult tryCreate(vk_instance* instance, struct _drmDevice* drm, vk_physical_device** out);
    static void destroy(vk_physical_device* device);

    /** \brief Opens the device once more: each logical device has one of its own. Throws Error. */
    std::unique_ptr<winsys::Device> open() const;

    /** \brief A device capability; 0 where the kernel does not report it. */
    uint32_t devcap(uint32_t index) const { return winsys->devcap(index).value_or(0); }

    std::string path; ///< of the render node
    std::unique_ptr<winsys::Device> winsys;
    VkPhysicalDeviceMemoryProperties memory{};
    std::array<const vk_sync_type*, 3> syncTypes{};
    struct wsi_device wsi {};
};

} // namespace svga::vulkan
