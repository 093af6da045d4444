// SPDX-License-Identifier: MIT
#include "vulkan/queue.h"

#include "vulkan/device.h"
#include "vulkan/sync.h"

namespace svga::vulkan {

namespace {

void check(VkResult result, const char* what) {
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        throw std::bad_alloc();
    if (result != VK_SUCCESS)
        throw Error("{}: {}", what, vk_Result_to_str(result));
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
    for (uint32_t i = 0; i < submission->signal_count; ++i)
        signalWith(*submission->signals[i].sync, fence);
    return VK_SUCCESS;
}

} // namespace svga::vulkan
