// SPDX-License-Identifier: MIT
#include "device/vulkan/device_mask.h"

#include "util/error.h"

#include <algorithm>
#include <bit>
#include <charconv>

namespace svga::device {

namespace {

/// Those that something here depends on.
const std::map<std::string, VkBool32 VkPhysicalDeviceFeatures::*, std::less<>>& features() {
#define FEATURE(name)                                                                                                  \
    { #name, &VkPhysicalDeviceFeatures::name }
    static const std::map<std::string, VkBool32 VkPhysicalDeviceFeatures::*, std::less<>> all{
        FEATURE(depthBiasClamp),
        FEATURE(depthClamp),
        FEATURE(dualSrcBlend),
        FEATURE(fillModeNonSolid),
        FEATURE(fragmentStoresAndAtomics),
        FEATURE(geometryShader),
        FEATURE(imageCubeArray),
        FEATURE(independentBlend),
        FEATURE(logicOp),
        FEATURE(multiViewport),
        FEATURE(occlusionQueryPrecise),
        FEATURE(robustBufferAccess),
        FEATURE(sampleRateShading),
        FEATURE(samplerAnisotropy),
        FEATURE(shaderClipDistance),
        FEATURE(shaderCullDistance),
        FEATURE(shaderFloat64),
        FEATURE(shaderImageGatherExtended),
        FEATURE(shaderInt64),
        FEATURE(shaderStorageImageReadWithoutFormat),
        FEATURE(shaderStorageImageWriteWithoutFormat),
        FEATURE(tessellationShader),
        FEATURE(textureCompressionBC),
        FEATURE(vertexPipelineStoresAndAtomics),
    };
#undef FEATURE
    return all;
}

const std::map<std::string, uint32_t VkPhysicalDeviceLimits::*, std::less<>>& limits() {
#define LIMIT(name)                                                                                                    \
    { #name, &VkPhysicalDeviceLimits::name }
    static const std::map<std::string, uint32_t VkPhysicalDeviceLimits::*, std::less<>> all{
        LIMIT(maxClipDistances),
        LIMIT(maxColorAttachments),
        LIMIT(maxComputeSharedMemorySize),
        LIMIT(maxComputeWorkGroupInvocations),
        LIMIT(maxImageArrayLayers),
        LIMIT(maxImageDimension2D),
        LIMIT(maxImageDimension3D),
        LIMIT(maxImageDimensionCube),
        LIMIT(maxPerStageDescriptorStorageBuffers),
        LIMIT(maxPerStageDescriptorStorageImages),
        LIMIT(maxPerStageDescriptorUniformBuffers),
        LIMIT(maxTexelBufferElements),
        LIMIT(maxVertexInputBindings),
        LIMIT(maxViewports),
    };
#undef LIMIT
    return all;
}

uint32_t number(std::string_view text, std::string_view word) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        throw Error("'{}' has no number behind its '='", word);
    return value;
}

template <typename Table>
std::string names(const Table& table) {
    std::string list;
    for (const auto& [name, member] : table)
        list += (list.empty() ? "" : ", ") + name;
    return list;
}

} // namespace

DeviceMask DeviceMask::parse(std::string_view list) {
    DeviceMask mask;
    while (!list.empty()) {
        const std::string_view word = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), word.size() + 1));
        const std::size_t equals = word.find('=');
        const std::string name(word.substr(0, equals));
        if (equals == std::string_view::npos && name.starts_with("VK_"))
            mask.extensions_.insert(name);
        else if (equals == std::string_view::npos && features().contains(name))
            mask.features_.insert(name);
        else if (equals != std::string_view::npos && name == "samples")
            mask.maxSamples_ = std::bit_floor(std::clamp(number(word.substr(equals + 1), word), 1u, 64u));
        else if (equals != std::string_view::npos && limits().contains(name))
            mask.limits_[name] = number(word.substr(equals + 1), word);
        else
            throw Error(
                "'{}' is no extension (VK_...), none of the features {}, and no value for samples or a limit of {}",
                word, names(features()), names(limits()));
    }
    return mask;
}

void DeviceMask::apply(VkPhysicalDeviceFeatures& given) const {
    for (const auto& name : features_)
        given.*features().at(name) = VK_FALSE;
}

void DeviceMask::apply(VkPhysicalDeviceLimits& given) const {
    for (const auto& [name, value] : limits_) {
        uint32_t& limit = given.*limits().at(name);
        limit = std::min(limit, value);
    }
    for (auto member :
         {&VkPhysicalDeviceLimits::framebufferColorSampleCounts, &VkPhysicalDeviceLimits::framebufferDepthSampleCounts,
          &VkPhysicalDeviceLimits::framebufferStencilSampleCounts,
          &VkPhysicalDeviceLimits::framebufferNoAttachmentsSampleCounts,
          &VkPhysicalDeviceLimits::sampledImageColorSampleCounts,
          &VkPhysicalDeviceLimits::sampledImageIntegerSampleCounts,
          &VkPhysicalDeviceLimits::sampledImageDepthSampleCounts,
          &VkPhysicalDeviceLimits::sampledImageStencilSampleCounts, &VkPhysicalDeviceLimits::storageImageSampleCounts})
        given.*member = samples(given.*member);
}

void DeviceMask::apply(VkFormatProperties& given, VkFormat format) const {
    if (format >= VK_FORMAT_BC1_RGB_UNORM_BLOCK && format <= VK_FORMAT_BC7_SRGB_BLOCK &&
        features_.contains("textureCompressionBC"))
        given = {};
}

void DeviceMask::apply(VkImageFormatProperties& given, VkImageType type) const {
    const auto lower = [this](const char* name, uint32_t& limit) {
        if (const auto it = limits_.find(name); it != limits_.end())
            limit = std::min(limit, it->second);
    };
    const char* size = type == VK_IMAGE_TYPE_3D ? "maxImageDimension3D" : "maxImageDimension2D";
    for (uint32_t* extent : {&given.maxExtent.width, &given.maxExtent.height, &given.maxExtent.depth})
        lower(size, *extent);
    lower("maxImageArrayLayers", given.maxArrayLayers);
    given.sampleCounts = samples(given.sampleCounts);
}

} // namespace svga::device
