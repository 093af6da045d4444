// SPDX-License-Identifier: MIT
#include "device/vulkan/surface_manager.h"

#include <svga3d_limits.h>

namespace svga::device {

namespace {

/// vmwgfx has 64 Ki; far beyond that only a hostile guest goes.
constexpr uint32_t kMaxSurfaceIds = 1u << 20;

/// Staging memory that a guest can have us use before it has to wait.
constexpr VkDeviceSize kMaxStaged = 256u << 20;

} // namespace

SurfaceManager::SurfaceManager(const VulkanDevice& device, GpuQueue& queue, const MobLookup& mobs,
                               const Options& options)
    : environment_{device, queue, SurfaceBudget(options.memoryLimit ? options.memoryLimit : device.memorySize() / 2),
                   options.zeroCopy && device.features().externalMemoryHost, SampleSheets(device, queue)}
    , mobs_(mobs) {}

SurfaceManager::~SurfaceManager() {
    // What is recorded with the surfaces runs before they go, and nothing of theirs stays with the queue, which lives
    // on.
    try {
        collectGarbage();
    } catch (const Error&) {
        // The device is lost: nothing runs any more.
    }
}

void SurfaceManager::collectGarbage() {
    environment_.queue.finish();
    environment_.queue.submit();
}

void SurfaceManager::limitBacklog() {
    if (environment_.queue.staged() > kMaxStaged)
        collectGarbage();
}

std::shared_ptr<GpuSurface> SurfaceManager::at(uint32_t surfaceId) const {
    auto it = surfaces_.find(surfaceId);
    if (it == surfaces_.end())
        throw CommandError("no surface {}", surfaceId);
    return it->second;
}

void SurfaceManager::define(const SurfaceDesc& desc) {
    if (desc.id >= kMaxSurfaceIds)
        throw CommandError("surface id {} is not below {}", desc.id, kMaxSurfaceIds);
    if (surfaces_.contains(desc.id))
        throw CommandError("surface {} exists already", desc.id);
    std::shared_ptr<GpuSurface> surface;
    try {
        surface = std::make_shared<GpuSurface>(environment_, desc);
    } catch (const OutOfMemory&) {
        collectGarbage();
        surface = std::make_shared<GpuSurface>(environment_, desc);
    }
    surfaces_.emplace(desc.id, std::move(surface));
}

void SurfaceManager::destroy(uint32_t surfaceId) {
    auto it = surfaces_.find(surfaceId);
    if (it == surfaces_.end())
        throw CommandError("no surface {}", surfaceId);
    environment_.queue.keepAlive(std::move(it->second));
    surfaces_.erase(it);
}

void SurfaceManager::bind(uint32_t surfaceId, uint32_t mobId, uint32_t pitch) {
    auto surface = at(surfaceId);
    surface->bind(mobId == SVGA3D_INVALID_ID ? nullptr : mobs_.get(mobId), pitch);
}

void SurfaceManager::update(uint32_t surfaceId) {
    auto surface = at(surfaceId);
    for (uint32_t i = 0; i < surface->desc().subresources(); ++i)
        device::update(queue(), *surface, surface->layout().whole(i));
}

void SurfaceManager::update(uint32_t surfaceId, uint32_t subresource, const SVGA3dBox& box) {
    auto surface = at(surfaceId);
    device::update(queue(), *surface, surface->layout().region(subresource, box));
}

void SurfaceManager::readback(uint32_t surfaceId) {
    auto surface = at(surfaceId);
    Readbacks readbacks(queue());
    for (uint32_t i = 0; i < surface->desc().subresources(); ++i)
        readbacks.add(surface, surface->layout().whole(i));
    readbacks.complete();
}

void SurfaceManager::readback(uint32_t surfaceId, uint32_t subresource) {
    auto surface = at(surfaceId);
    Readbacks readbacks(queue());
    readbacks.add(surface, surface->layout().whole(subresource));
    readbacks.complete();
}

void SurfaceManager::readback(uint32_t surfaceId, uint32_t subresource, const SVGA3dBox& box) {
    auto surface = at(surfaceId);
    Readbacks readbacks(queue());
    readbacks.add(surface, surface->layout().region(subresource, box));
    readbacks.complete();
}

uint32_t SurfaceManager::subresource(const SVGA3dSurfaceImageId& image) const {
    const SurfaceDesc& desc = at(image.sid)->desc();
    if (image.face >= desc.arraySize || image.mipmap >= desc.mipLevels)
        throw CommandError("surface {}: no image at face {}, level {} of {} and {}", image.sid, image.face,
                           image.mipmap, desc.arraySize, desc.mipLevels);
    return image.face * desc.mipLevels + image.mipmap;
}

} // namespace svga::device
