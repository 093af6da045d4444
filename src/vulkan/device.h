// SPDX-License-Identifier: MIT
#pragma once

#include "vulkan/physical_device.h"
#include "vulkan/queue.h"

#include <atomic>

namespace svga::vulkan {

/**
 * \brief A logical device: an opened SVGA device, and its one queue.
 *
 * Commands are recorded in Mesa's command queue (vk_cmd_queue) by every command buffer of the application, and executed
 * when they are submitted: see executor.h. So here each command has two implementations, told apart by the command
 * buffer's level in the runtime's sense: the application's are all "secondary" there, and record; the queue's own one
 * is the only "primary", and executes.
 */
struct Device : vk_device {
    PhysicalDevice& physicalDevice() const { return as<PhysicalDevice>(physical); }

    /** \brief Takes \p bytes out of the heap. \return whether there were as many. Any thread. */
    bool takeMemory(uint64_t bytes);
    void giveMemory(uint64_t bytes) { memoryTaken_.fetch_sub(bytes, std::memory_order_relaxed); }

    std::unique_ptr<winsys::Device> winsys;
    vk_device_dispatch_table execution; ///< the commands' implementations that execute
    std::unique_ptr<Queue> queue;
    vk_meta_device meta{}; ///< draws and dispatches of the runtime's, for commands that the device has not

private:
    std::atomic<uint64_t> memoryTaken_{0};
};

} // namespace svga::vulkan
