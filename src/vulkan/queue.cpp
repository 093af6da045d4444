// SPDX-License-Identifier: MIT
#include "vulkan/queue.h"

#include "vulkan/device.h"
#include "vulkan/sync.h"

#include <utility>

namespace svga::vulkan {

namespace {

void check(VkResult result, const char* what) {
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        throw std::bad_alloc();
    if (result != VK_SUCCESS)
        throw Error("{}: {}", what, vk_Result_to_str(result));
}

/**
 * The runtime lets go of the points of timelines that were waited for, and makes known those that are signalled, when
 * the driver's submit has returned. Whoever waits for a signal may have destroyed the semaphores by then, so both is
 * done here, before the last signal: a submission's fence comes after its semaphores.
 */
void complete(vk_queue* queue, vk_queue_submit& submission, const winsys::Ref<winsys::Fence>& fence) {
    vk_device* device = queue->base.device;
    for (uint32_t i = 0; submission._wait_points && i < submission.wait_count; ++i)
        if (auto* point = std::exchange(submission._wait_points[i], nullptr))
            vk_sync_timeline_point_release(device, point);
    for (uint32_t i = 0; submission._signal_points && i < submission.signal_count; ++i)
        if (auto* point = submission._signal_points[i]) {
            signalWith(*submission.signals[i].sync, fence);
            if (vk_sync_timeline_point_install(device, point) != VK_SUCCESS)
                vk_queue_set_lost(queue, "cannot signal a timeline");
            submission.signals[i].sync = nullptr;
            submission._signal_points[i] = nullptr;
        }
    for (uint32_t i = 0; i < submission.signal_count; ++i)
        if (submission.signals[i].sync)
            signalWith(*submission.signals[i].sync, fence);
}

} // namespace

std::unique_ptr<Queue> Queue::create(Device& device, const VkDeviceQueueCreateInfo& info) {
    auto queue = std::make_unique<Queue>();
    queue->executor_ = std::make_unique<Executor>(device);
    check(vk_queue_init(queue.get(), &device, &info, 0), "cannot make a queue");
    queue->initialised_ = true;
    queue->driver_submit = submit;
    check(vk_queue_enable_submit_thread(queue.get()), "cannot start a queue's thread");
    return queue;
}

Queue::~Queue() {
    if (initialised_)
        vk_queue_finish(this);
}

VkResult Queue::submit(vk_queue* base, vk_queue_submit* submission) {
    Queue& queue = as<Queue>(base);
    winsys::Ref<winsys::Fence> fence;
    if (!vk_queue_is_lost(base)) {
        try {
            // What is waited for is pending, so it was submitted to this very context before.
            for (uint32_t i = 0; i < submission->command_buffer_count; ++i)
                queue.executor_->execute(*submission->command_buffers[i]);
            fence = queue.executor_->submit();
        } catch (const std::exception& error) {
            vk_queue_set_lost(base, "%s", error.what());
            fence = {};
        }
    }
    complete(base, *submission, fence);
    return VK_SUCCESS;
}

} // namespace svga::vulkan
