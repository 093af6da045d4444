// SPDX-License-Identifier: MIT
#include "device/dx/dx_contexts.h"
#include "device/guest_mob.h"
#include "device/renderer.h"
#include "device/vulkan/devcaps.h"
#include "device/vulkan/gpu_queue.h"
#include "device/vulkan/surface_manager.h"
#include "device/vulkan/surface_transfer.h"
#include "device/vulkan/vulkan_device.h"

#include <spdlog/spdlog.h>

namespace svga::device {

namespace {

DevcapOptions devcapOptions(const SurfaceManager& surfaces) {
    DevcapOptions options;
    options.bufferInPlaceRuns = surfaces.zeroCopy() ? kMaxContiguousRuns : 0;
    return options;
}

class VulkanRenderer final : public Renderer {
public:
    VulkanRenderer(const MobLookup& mobs, const VulkanRendererOptions& options)
        : device_(VulkanDevice::create(options.mask))
        , queue_(GpuQueue::create(*device_))
        , surfaces_(*device_, *queue_, mobs, {.zeroCopy = !options.copyOnly})
        , contexts_(DxContexts::create(*device_, *queue_, mobs, surfaces_))
        , devcapOptions_(devcapOptions(surfaces_)) {
        if (!device_->features().vgpu10)
            spdlog::warn("{} lacks {}: the guest gets a screen, and no 3D", device_->properties().deviceName,
                         device_->missingForVgpu10());
    }

    void registerCommands(CommandTable& table) override {
        registerSurfaceCommands(table, surfaces_,
                                [this](uint32_t contextId) { return contexts_->predicateSkips(contextId); });
        if (device_->features().vgpu10)
            registerDxCommands(table, *contexts_);
    }

    uint32_t devcap(uint32_t index) const override { return device::devcap(*device_, devcapOptions_, index); }

    uint64_t submit() override {
        contexts_->finishQueries();
        return queue_->submit();
    }

    std::optional<ImageBytes> readImage(const SVGA3dSurfaceImageId& image) override {
        try {
            const auto surface = surfaces_.at(image.sid);
            const uint32_t subresource = surfaces_.subresource(image);
            if (surface->desc().isBuffer())
                return std::nullopt;
            const Region region = surface->layout().whole(subresource);
            return ImageBytes{surface->desc().format, region.extent.width, region.extent.height,
                              Readbacks::fetch(*queue_, *surface, region)};
        } catch (const CommandError&) {
            return std::nullopt;
        }
    }

    void wait(uint64_t value) override { queue_->wait(value); }

private:
    std::unique_ptr<VulkanDevice> device_;
    std::unique_ptr<GpuQueue> queue_;
    SurfaceManager surfaces_;
    std::unique_ptr<DxContexts> contexts_;
    DevcapOptions devcapOptions_;
};

} // namespace

std::unique_ptr<Renderer> createVulkanRenderer(const MobLookup& mobs, const VulkanRendererOptions& options) {
    return std::make_unique<VulkanRenderer>(mobs, options);
}

} // namespace svga::device
