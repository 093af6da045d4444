// SPDX-License-Identifier: MIT
#pragma once

#include "vulkan/executor.h"

#include <memory>

namespace svga::vulkan {

/**
 * \brief The one queue of a device. Submissions are executed by a thread of the runtime's, one after the other.
 *
 * A submission that cannot be executed loses the device. Its fences signal all the same, so that nobody waits for ever.
 */
struct Queue : vk_queue {
    /** \brief Throws Error, std::bad_alloc. */
    static std::unique_ptr<Queue> create(Device& device, const VkDeviceQueueCreateInfo& info);
    ~Queue();

    Executor& executor() { return *executor_; }

private:
    static VkResult submit(vk_queue* queue, vk_queue_submit* submission);

    std::unique_ptr<Executor> executor_;
    bool initialised_ = false; ///< the runtime's part
};

} // namespace svga::vulkan
