// SPDX-License-Identifier: MIT
#pragma once

#include "vulkan/mesa.h"

namespace svga::vulkan {

/** \brief How the application's command buffers are made: each only records (see device.h). */
extern const vk_command_buffer_ops kCommandBufferOps;

} // namespace svga::vulkan
