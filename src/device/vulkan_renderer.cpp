// SPDX-License-Identifier: MIT
#include "device/renderer.h"

#include <spdlog/spdlog.h>

namespace svga::device {

std::unique_ptr<Renderer> createVulkanRenderer(const MobLookup&, const VulkanRendererOptions&) {
    spdlog::warn("this build draws nothing");
    return createNullRenderer();
}

} // namespace svga::device
