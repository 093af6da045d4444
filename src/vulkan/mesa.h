// SPDX-License-Identifier: MIT
/**
 * \file
 * The border to Mesa's Vulkan runtime, which is C.
 *
 * Each Vulkan object here derives from the runtime's struct for it, which comes first in memory, so that the runtime's
 * handle conversions hold for both. Objects live in memory of the application's allocation callbacks: allocate() and
 * release() are their new and delete. Exceptions end at the entry points: guarded() makes the VkResult of them.
 *
 * To be included before the headers of the SVGA device.
 */
#pragma once

#include "util/error.h"

#include <new>
#include <type_traits>
#include <utility>

#include "util/macros.h"

#include "vk_alloc.h"
#include "vk_buffer.h"
#include "vk_command_buffer.h"
#include "vk_command_pool.h"
#include "vk_device.h"
#include "vk_device_memory.h"
#include "vk_enum_to_str.h"
#include "vk_image.h"
#include "vk_instance.h"
#include "vk_log.h"
#include "vk_object.h"
#include "vk_physical_device.h"
#include "vk_queue.h"
#include "vk_util.h"

#include "svga_entrypoints.h"

// Xlib, which Vulkan's headers bring along for its surfaces, has macros of everyday names.
#undef Always
#undef Bool
#undef None
#undef Status
#undef Success

namespace svga::vulkan {

/** \brief The `T`, derived from the runtime's struct, that \p object is. */
template <typename T, typename Base>
T& as(Base* object) {
    return *static_cast<T*>(object);
}

/** \brief Memory of the application's choice with a `T` in it, of which the runtime's part is still zero. Throws
 * std::bad_alloc. Ended by release(). */
template <typename T, typename... Args>
T* allocate(const VkAllocationCallbacks& parent, const VkAllocationCallbacks* own, VkSystemAllocationScope scope,
            Args&&... args) {
    void* memory = vk_zalloc2(&parent, own, sizeof(T), alignof(T), scope);
    if (!memory)
        throw std::bad_alloc();
    try {
        return new (memory) T(std::forward<Args>(args)...);
    } catch (...) {
        vk_free2(&parent, own, memory);
        throw;
    }
}

template <typename T>
void release(const VkAllocationCallbacks& parent, const VkAllocationCallbacks* own, T* object) {
    object->~T();
    vk_free2(&parent, own, object);
}

/** \brief An object of a device. */
template <typename T, typename... Args>
T* allocate(vk_device& device, const VkAllocationCallbacks* own, Args&&... args) {
    return allocate<T>(device.alloc, own, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT, std::forward<Args>(args)...);
}

template <typename T>
void release(vk_device& device, const VkAllocationCallbacks* own, T* object) {
    release(device.alloc, own, object);
}

/**
 * \brief Runs \p work, which returns a VkResult or nothing, and makes a VkResult of what it throws: of an Error \p
 * onError, with its message in the log of \p object (a struct of the runtime).
 */
template <typename Object, typename Work>
VkResult guarded(Object* object, VkResult onError, Work&& work) {
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<Work>>) {
            std::forward<Work>(work)();
            return VK_SUCCESS;
        } else {
            return std::forward<Work>(work)();
        }
    } catch (const std::bad_alloc&) {
        return vk_error(object, VK_ERROR_OUT_OF_HOST_MEMORY);
    } catch (const std::exception& error) {
        return vk_errorf(object, onError, "%s", error.what());
    }
}

} // namespace svga::vulkan
