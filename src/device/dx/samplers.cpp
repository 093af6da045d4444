// SPDX-License-Identifier: MIT
#include "device/dx/convert.h"
#include "device/dx/descriptors.h"
#include "device/vulkan/vulkan_error.h"

#include <algorithm>
#include <cmath>

namespace svga::device {

namespace {

float finite(float value, float otherwise) {
    return std::isfinite(value) ? value : otherwise;
}

} // namespace

Samplers::~Samplers() {
    clear();
}

void Samplers::clear() {
    for (auto& [key, sampler] : samplers_)
        vkDestroySampler(device_.handle(), sampler, nullptr);
    samplers_.clear();
}

VkSampler Samplers::get(const SVGACOTableDXSamplerEntry& entry, bool comparison) {
    Key key{};
    key.entry = entry;
    std::fill(std::begin(key.entry.pad2), std::end(key.entry.pad2), 0);
    key.comparison = comparison;
    if (auto known = samplers_.find(key); known != samplers_.end())
        return known->second;
    const uint32_t limit = std::min(device_.properties().limits.maxSamplerAllocationCount, 2048u);
    if (samplers_.size() >= limit) {
        queue_.finish();
        clear();
    }
    VkSampler sampler = create(entry, comparison);
    samplers_.emplace(key, sampler);
    return sampler;
}

VkSampler Samplers::create(const SVGACOTableDXSamplerEntry& entry, bool comparison) const {
    const VkPhysicalDeviceLimits& limits = device_.properties().limits;
    const bool anisotropic = (entry.filter & SVGA3D_FILTER_ANISOTROPIC) && device_.features().samplerAnisotropy;
    const auto linear = [&](uint32_t bit) { return anisotropic || (entry.filter & bit); };

    VkSamplerCreateInfo create{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
    create.magFilter = linear(SVGA3D_FILTER_MAG_LINEAR) ? VK_FILTER_LINEAR : VK_FILTER_NEAREST;
    create.minFilter = linear(SVGA3D_FILTER_MIN_LINEAR) ? VK_FILTER_LINEAR : VK_FILTER_NEAREST;
    create.mipmapMode =
        linear(SVGA3D_FILTER_MIP_LINEAR) ? VK_SAMPLER_MIPMAP_MODE_LINEAR : VK_SAMPLER_MIPMAP_MODE_NEAREST;
    create.addressModeU = addressMode(entry.addressU);
    create.addressModeV = addressMode(entry.addressV);
    create.addressModeW = addressMode(entry.addressW);
    create.mipLodBias = std::clamp(finite(entry.mipLODBias, 0), -limits.maxSamplerLodBias, limits.maxSamplerLodBias);
    create.anisotropyEnable = anisotropic;
    create.maxAnisotropy = std::clamp(float(entry.maxAnisotropy), 1.0f, std::max(limits.maxSamplerAnisotropy, 1.0f));
    create.compareEnable = comparison;
    create.compareOp = compareOp(entry.comparisonFunc, VK_COMPARE_OP_NEVER);
    create.minLod = std::max(finite(entry.minLOD, 0), 0.0f);
    create.maxLod = std::max(finite(entry.maxLOD, VK_LOD_CLAMP_NONE), create.minLod);

    const auto& border = entry.borderColor;
    const bool sameRgb = border.r == border.g && border.g == border.b;
    VkSamplerCustomBorderColorCreateInfoEXT custom{VK_STRUCTURE_TYPE_SAMPLER_CUSTOM_BORDER_COLOR_CREATE_INFO_EXT};
    if (sameRgb && border.r == 0 && border.a == 0)
        create.borderColor = VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK;
    else if (sameRgb && border.r == 0 && border.a == 1)
        create.borderColor = VK_BORDER_COLOR_FLOAT_OPAQUE_BLACK;
    else if (sameRgb && border.r == 1 && border.a == 1)
        create.borderColor = VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE;
    else if (device_.features().customBorderColor) {
        create.borderColor = VK_BORDER_COLOR_FLOAT_CUSTOM_EXT;
        std::copy(border.value, border.value + 4, custom.customBorderColor.float32);
        create.pNext = &custom;
    }
    VkSampler sampler = VK_NULL_HANDLE;
    check(vkCreateSampler(device_.handle(), &create, nullptr, &sampler), "vkCreateSampler");
    return sampler;
}

} // namespace svga::device
