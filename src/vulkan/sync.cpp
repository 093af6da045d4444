// SPDX-License-Identifier: MIT
#include "vulkan/sync.h"

#include "vulkan/device.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "util/os_time.h"

namespace svga::vulkan {

namespace {

using winsys::Fence;
using winsys::Ref;

struct FenceSync : vk_sync {
    /** What is constructed and destroyed here; the runtime makes the rest. */
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        bool signalled = false;
        Ref<Fence> fence; ///< pending: signalled when this is
    };
    alignas(State) std::byte storage[sizeof(State)];

    State& state() { return *std::launder(reinterpret_cast<State*>(storage)); }
};

FenceSync::State& stateOf(vk_sync* sync) {
    return static_cast<FenceSync*>(sync)->state();
}

void set(vk_sync* sync, bool signalled, Ref<Fence> fence) {
    FenceSync::State& state = stateOf(sync);
    const std::lock_guard lock(state.mutex);
    state.signalled = signalled;
    state.fence = std::move(fence);
    state.changed.notify_all();
}

VkResult initialise(vk_device*, vk_sync* sync, uint64_t initialValue) {
    new (static_cast<FenceSync*>(sync)->storage) FenceSync::State;
    stateOf(sync).signalled = initialValue != 0;
    return VK_SUCCESS;
}

void finish(vk_device*, vk_sync* sync) {
    stateOf(sync).~State();
}

VkResult signal(vk_device*, vk_sync* sync, uint64_t) {
    set(sync, true, {});
    return VK_SUCCESS;
}

VkResult reset(vk_device*, vk_sync* sync) {
    set(sync, false, {});
    return VK_SUCCESS;
}

VkResult move(vk_device*, vk_sync* destination, vk_sync* source) {
    bool signalled;
    Ref<Fence> fence;
    {
        FenceSync::State& state = stateOf(source);
        const std::lock_guard lock(state.mutex);
        signalled = std::exchange(state.signalled, false);
        fence = std::move(state.fence);
        state.fence = {};
        state.changed.notify_all();
    }
    set(destination, signalled, std::move(fence));
    return VK_SUCCESS;
}

/** Nanoseconds from now to \p deadline of the monotonic clock. */
uint64_t remaining(uint64_t deadline) {
    const uint64_t now = os_time_get_nano();
    return deadline > now ? deadline - now : 0;
}

/** Waits until it is pending or signalled. \return whether it is. */
bool waitPending(FenceSync::State& state, std::unique_lock<std::mutex>& lock, uint64_t deadline) {
    const auto is = [&] { return state.signalled || state.fence; };
    if (deadline >= INT64_MAX) {
        state.changed.wait(lock, is);
        return true;
    }
    return state.changed.wait_for(lock, std::chrono::nanoseconds(remaining(deadline)), is);
}

VkResult wait(vk_device* device, vk_sync* sync, uint64_t, vk_sync_wait_flags flags, uint64_t deadline) {
    FenceSync::State& state = stateOf(sync);
    std::unique_lock lock(state.mutex);
    if (!waitPending(state, lock, deadline))
        return VK_TIMEOUT;
    if (state.signalled || flags & VK_SYNC_WAIT_PENDING)
        return VK_SUCCESS;
    const Ref<Fence> fence = state.fence;
    lock.unlock();
    try {
        if (!fence->wait(deadline >= INT64_MAX ? Fence::kInfinite : remaining(deadline)))
            return VK_TIMEOUT;
    } catch (const std::exception& error) {
        return vk_device_set_lost(device, "%s", error.what());
    }
    lock.lock();
    if (state.fence.get() == fence.get()) {
        state.fence = {};
        state.signalled = true;
    }
    return VK_SUCCESS;
}

vk_sync_type fenceSyncType() {
    vk_sync_type type{};
    type.size = sizeof(FenceSync);
    type.features = vk_sync_features(
        VK_SYNC_FEATURE_BINARY | VK_SYNC_FEATURE_GPU_WAIT | VK_SYNC_FEATURE_GPU_MULTI_WAIT | VK_SYNC_FEATURE_CPU_WAIT |
        VK_SYNC_FEATURE_CPU_RESET | VK_SYNC_FEATURE_CPU_SIGNAL | VK_SYNC_FEATURE_WAIT_PENDING);
    type.init = initialise;
    type.finish = finish;
    type.signal = signal;
    type.reset = reset;
    type.move = move;
    type.wait = wait;
    return type;
}

} // namespace

const vk_sync_type kFenceSyncType = fenceSyncType();
const vk_sync_timeline_type kTimelineSyncType = vk_sync_timeline_get_type(&kFenceSyncType);

void signalWith(vk_sync& sync, Ref<Fence> fence) {
    const bool done = !fence;
    set(&sync, done, std::move(fence));
}

} // namespace svga::vulkan
