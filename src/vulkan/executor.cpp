// SPDX-License-Identifier: MIT
#include "vulkan/executor.h"

#include "vulkan/device.h"

namespace svga::vulkan {

namespace {

/** The pool of the executor alone. */
vk_command_pool* createPool(Device& device) {
    VkCommandPoolCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    auto* pool = allocate<vk_command_pool>(device, nullptr);
    if (vk_command_pool_init(&device, pool, &info, nullptr) != VK_SUCCESS)
        throw std::bad_alloc();
    return pool;
}

constexpr vk_command_buffer_ops kNoOps{};

} // namespace

Executor::Executor(Device& device)
    : vk_command_buffer{}
    , encoder_(*device.winsys)
    , uploads_(*device.winsys) {
    if (vk_command_buffer_init(createPool(device), this, &kNoOps, VK_COMMAND_BUFFER_LEVEL_PRIMARY) != VK_SUCCESS)
        throw std::bad_alloc();
}

Executor::~Executor() {
    vk_device& device = *base.device;
    vk_command_pool* ownPool = pool;
    vk_command_buffer_finish(this);
    vk_command_pool_finish(ownPool);
    release(device, nullptr, ownPool);
}

void Executor::execute(vk_command_buffer& recorded) {
    vk_command_buffer_reset(this);
    state = MESA_VK_COMMAND_BUFFER_STATE_RECORDING;
    failure_ = nullptr;
    vk_cmd_queue_execute(&recorded.cmd_queue, vk_command_buffer_to_handle(this), base.device->command_dispatch_table);
    if (failure_)
        std::rethrow_exception(std::exchange(failure_, nullptr));
    if (record_result != VK_SUCCESS)
        throw Error("a recorded command could not be executed: {}", vk_Result_to_str(record_result));
}

winsys::Ref<winsys::Fence> Executor::submit() {
    winsys::Ref<winsys::Fence> fence = encoder_.flush();
    uploads_.submitted(fence);
    return fence;
}

void Executor::finish() {
    if (const winsys::Ref<winsys::Fence> fence = submit())
        fence->wait(winsys::Fence::kInfinite);
}

void Executor::forget(winsys::Surface&) {}

} // namespace svga::vulkan
