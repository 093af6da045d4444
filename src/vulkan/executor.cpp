// SPDX-License-Identifier: MIT
#include "vulkan/executor.h"

#include "vulkan/buffer.h"
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
    , uploads_(*device.winsys)
    , objects_(encoder_)
    , binder_(encoder_, objects_, uploads_)
    , graphicsState_(encoder_, objects_) {
    if (vk_command_buffer_init(createPool(device), this, &kNoOps, VK_COMMAND_BUFFER_LEVEL_PRIMARY) != VK_SUCCESS)
        throw std::bad_alloc();
    dynamic_graphics_state.vi = &vertexInput_;
    dynamic_graphics_state.ms.sample_locations = &sampleLocations_;
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
    shaders_ = {};
    vertexBuffers_ = {};
    indexBuffer_ = {};
    rendering_ = {};
    dropForgotten();
    vk_cmd_queue_execute(&recorded.cmd_queue, vk_command_buffer_to_handle(this), base.device->command_dispatch_table);
    if (failure_)
        std::rethrow_exception(std::exchange(failure_, nullptr));
    if (record_result != VK_SUCCESS)
        throw Error("a recorded command could not be executed: {}", vk_Result_to_str(record_result));
}

winsys::Ref<winsys::Fence> Executor::submit() {
    winsys::Ref<winsys::Fence> fence = encoder_.flush();
    uploads_.submitted(fence);
    // What was uploaded may be overwritten once the device is done with it.
    binder_.forgetDriverConstants();
    return fence;
}

void Executor::finish() {
    if (const winsys::Ref<winsys::Fence> fence = submit())
        fence->wait(winsys::Fence::kInfinite);
}

void Executor::forget(winsys::Surface& surface) {
    const std::lock_guard lock(forgottenMutex_);
    forgottenSurfaces_.push_back(&surface);
}

void Executor::forgetShader(uint32_t id) {
    const std::lock_guard lock(forgottenMutex_);
    forgottenShaders_.push_back(id);
}

void Executor::forgetQuery(uint32_t id) {
    const std::lock_guard lock(forgottenMutex_);
    forgottenQueries_.push_back(id);
}

void Executor::dropForgotten() {
    std::vector<const winsys::Surface*> surfaces;
    std::vector<uint32_t> shaders, queries;
    {
        const std::lock_guard lock(forgottenMutex_);
        surfaces.swap(forgottenSurfaces_);
        shaders.swap(forgottenShaders_);
        queries.swap(forgottenQueries_);
    }
    for (const winsys::Ref<winsys::Surface>& surface : scratch_)
        surfaces.push_back(surface.get());
    for (const winsys::Surface* surface : surfaces)
        objects_.forget(*surface);
    scratch_.clear();
    for (const uint32_t id : shaders)
        objects_.destroyShader(id);
    for (const uint32_t id : queries) {
        encoder_.emit<SVGA3dCmdDXDestroyQuery>(SVGA_3D_CMD_DX_DESTROY_QUERY, 0,
                                               [id](auto& body) { body.queryId = id; });
        queryIds_.give(id);
    }
    // A new surface may have the place of an old one, and a new object its id.
    if (objects_.trim() || !surfaces.empty() || !shaders.empty())
        forgetBound();
}

void Executor::forgetBound() {
    binder_.invalidate();
    graphicsState_.invalidate();
}

Device& Executor::device() const {
    return as<Device>(base.device);
}

std::byte* Executor::bindUpload(Buffer& buffer) {
    const UploadRing::Range range = uploads_.take(static_cast<uint32_t>(buffer.size), kConstantBufferAlignment);
    buffer.surface = winsys::Ref<winsys::Surface>::share(*range.surface);
    buffer.offset = range.offset;
    return range.data;
}

} // namespace svga::vulkan
