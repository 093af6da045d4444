// SPDX-License-Identifier: MIT
#pragma once

#include "vulkan/mesa.h"

namespace svga::vulkan {

/** The newest version of Vulkan that the driver knows. A physical device may know less. */
inline constexpr uint32_t kApiVersion = VK_MAKE_VERSION(1, 2, VK_HEADER_VERSION);

/** \brief An instance. Its physical devices are found by libdrm: every render node of the vmwgfx driver. */
struct Instance : vk_instance {};

} // namespace svga::vulkan
