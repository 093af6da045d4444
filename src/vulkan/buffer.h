// SPDX-License-Identifier: MIT
#pragma once

#include "vulkan/memory.h"

#include "vk_buffer_view.h"

namespace svga::vulkan {

/** \brief A VkBuffer: a range of the buffer surface of the memory that it is bound to. */
struct Buffer : vk_buffer {
    winsys::Ref<winsys::Surface> surface; ///< null until it is bound
    uint32_t offset = 0;                  ///< bytes into the surface
};

/** \brief A VkBufferView. */
struct BufferView : vk_buffer_view {};

} // namespace svga::vulkan
