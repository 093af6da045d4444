// SPDX-License-Identifier: MIT
/**
 * \file
 * What a physical device can do, as Vulkan's structures tell it, and what follows from that for a guest.
 */
#pragma once

#include "device/vulkan/device_mask.h"
#include "device/vulkan/sliced_view.h"
#include "device/vulkan/vulkan_device.h"

#include <vulkan/vulkan.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace svga::device {

/** Two-call enumeration: \p call(count, data). */
template <typename T, typename Call>
std::vector<T> enumerate(Call call) {
    std::vector<T> values;
    uint32_t count = 0;
    call(&count, nullptr);
    values.resize(count);
    call(&count, values.data());
    values.resize(count);
    return values;
}

/** \brief The feature structures the device asks for, chained; filled by Vulkan, then trimmed to what is used. */
struct FeatureChain {
    VkPhysicalDeviceFeatures2 core{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, {}};
    VkPhysicalDeviceVulkan11Features v11{};
    VkPhysicalDeviceVulkan12Features v12{};
    VkPhysicalDeviceVulkan13Features v13{};
    VkPhysicalDeviceTransformFeedbackFeaturesEXT transformFeedback{};
    VkPhysicalDeviceVertexInputDynamicStateFeaturesEXT vertexInput{};
    VkPhysicalDeviceConditionalRenderingFeaturesEXT conditionalRendering{};
    VkPhysicalDeviceRobustness2FeaturesEXT robustness2{};
    VkPhysicalDeviceProvokingVertexFeaturesEXT provokingVertex{};
    VkPhysicalDeviceCustomBorderColorFeaturesEXT customBorderColor{};
    VkPhysicalDeviceBorderColorSwizzleFeaturesEXT borderColorSwizzle{};
    VkPhysicalDeviceDepthClipEnableFeaturesEXT depthClipEnable{};
    VkPhysicalDeviceVertexAttributeDivisorFeaturesEXT attributeDivisor{};
    VkPhysicalDeviceLineRasterizationFeaturesEXT lineRasterization{};
    VkPhysicalDeviceImageSlicedViewOf3DFeaturesEXT slicedView{};
    VkPhysicalDevicePrimitiveTopologyListRestartFeaturesEXT listRestart{};
    VkPhysicalDevicePrimitivesGeneratedQueryFeaturesEXT primitivesGenerated{};
    VkPhysicalDeviceExtendedDynamicState3FeaturesEXT dynamicState3{};
    VkPhysicalDeviceNonSeamlessCubeMapFeaturesEXT nonSeamless{};
    VkPhysicalDeviceShaderAtomicFloatFeaturesEXT atomicFloat{};

    std::vector<const char*> extensions;

    FeatureChain(const FeatureChain&) = delete;
    FeatureChain(VkPhysicalDevice physical, const DeviceMask& mask);

    bool has(std::string_view extension) const;

    /** \brief What the device cannot work without and this GPU lacks, comma separated. */
    std::string missing() const;
    /** \brief What a VGPU10 device cannot do without and this GPU lacks, comma separated. */
    std::string missingForVgpu10() const;

    VulkanDevice::Features features(const VkPhysicalDeviceLimits& limits) const;

private:
    void linkAll();
    bool enableExtension(const char* extension);

    template <typename T>
    void link(T& features, VkStructureType type) {
        features.sType = type;
        features.pNext = core.pNext;
        core.pNext = &features;
    }

    template <typename T>
    void linkExtension(const char* extension, T& features, VkStructureType type) {
        if (enableExtension(extension))
            link(features, type);
    }

    std::set<std::string> names_; ///< of the extensions that the GPU has
};

} // namespace svga::device
