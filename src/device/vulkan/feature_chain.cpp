// SPDX-License-Identifier: MIT
#include "device/vulkan/feature_chain.h"

#include <algorithm>

namespace svga::device {

namespace {

/// Names what is needed and not there, comma separated.
class Needs {
public:
    void operator()(bool present, const char* name) {
        if (!present)
            list_ += (list_.empty() ? "" : ", ") + std::string(name);
    }
    const std::string& lacking() const { return list_; }

private:
    std::string list_;
};

// What shader model 5 promises whoever uses it.
constexpr uint32_t kComputeThreads = 1024, kComputeMemory = 32768, kUnorderedAccessViews = 8;

} // namespace

FeatureChain::FeatureChain(VkPhysicalDevice physical, const DeviceMask& mask) {
    auto available = enumerate<VkExtensionProperties>([&](uint32_t* n, VkExtensionProperties* p) {
        return vkEnumerateDeviceExtensionProperties(physical, nullptr, n, p);
    });
    for (const auto& extension : available) {
        if (!mask.hides(extension.extensionName))
            names_.insert(extension.extensionName);
    }
    linkAll();
    vkGetPhysicalDeviceFeatures2(physical, &core);
    mask.apply(core.features);

    // Costly or unused: leave off what validates or slows every access.
    v12.bufferDeviceAddress = v12.bufferDeviceAddressCaptureReplay = v12.bufferDeviceAddressMultiDevice = VK_FALSE;
    v11.protectedMemory = VK_FALSE;
    v13.privateData = VK_FALSE;
    attributeDivisor.vertexAttributeInstanceRateZeroDivisor &= attributeDivisor.vertexAttributeInstanceRateDivisor;

    enableExtension(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
    enableExtension(VK_EXT_SHADER_VIEWPORT_INDEX_LAYER_EXTENSION_NAME);
    enableExtension(VK_EXT_SHADER_STENCIL_EXPORT_EXTENSION_NAME);
    enableExtension(VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
    enableExtension(VK_EXT_DEPTH_RANGE_UNRESTRICTED_EXTENSION_NAME);
}

void FeatureChain::linkAll() {
    link(v11, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
    link(v12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    link(v13, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
    linkExtension(VK_EXT_TRANSFORM_FEEDBACK_EXTENSION_NAME, transformFeedback,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT);
    linkExtension(VK_EXT_VERTEX_INPUT_DYNAMIC_STATE_EXTENSION_NAME, vertexInput,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VERTEX_INPUT_DYNAMIC_STATE_FEATURES_EXT);
    linkExtension(VK_EXT_CONDITIONAL_RENDERING_EXTENSION_NAME, conditionalRendering,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CONDITIONAL_RENDERING_FEATURES_EXT);
    linkExtension(VK_EXT_ROBUSTNESS_2_EXTENSION_NAME, robustness2,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT);
    linkExtension(VK_EXT_PROVOKING_VERTEX_EXTENSION_NAME, provokingVertex,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROVOKING_VERTEX_FEATURES_EXT);
    linkExtension(VK_EXT_CUSTOM_BORDER_COLOR_EXTENSION_NAME, customBorderColor,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_FEATURES_EXT);
    if (names_.contains(VK_EXT_CUSTOM_BORDER_COLOR_EXTENSION_NAME))
        linkExtension(VK_EXT_BORDER_COLOR_SWIZZLE_EXTENSION_NAME, borderColorSwizzle,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BORDER_COLOR_SWIZZLE_FEATURES_EXT);
    linkExtension(VK_EXT_DEPTH_CLIP_ENABLE_EXTENSION_NAME, depthClipEnable,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DEPTH_CLIP_ENABLE_FEATURES_EXT);
    linkExtension(VK_EXT_VERTEX_ATTRIBUTE_DIVISOR_EXTENSION_NAME, attributeDivisor,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_FEATURES_EXT);
    linkExtension(VK_EXT_LINE_RASTERIZATION_EXTENSION_NAME, lineRasterization,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_LINE_RASTERIZATION_FEATURES_EXT);
    linkExtension(VK_EXT_IMAGE_SLICED_VIEW_OF_3D_EXTENSION_NAME, slicedView,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_SLICED_VIEW_OF_3D_FEATURES_EXT);
    linkExtension(VK_EXT_PRIMITIVE_TOPOLOGY_LIST_RESTART_EXTENSION_NAME, listRestart,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRIMITIVE_TOPOLOGY_LIST_RESTART_FEATURES_EXT);
    linkExtension(VK_EXT_PRIMITIVES_GENERATED_QUERY_EXTENSION_NAME, primitivesGenerated,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRIMITIVES_GENERATED_QUERY_FEATURES_EXT);
    linkExtension(VK_EXT_EXTENDED_DYNAMIC_STATE_3_EXTENSION_NAME, dynamicState3,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_3_FEATURES_EXT);
    linkExtension(VK_EXT_NON_SEAMLESS_CUBE_MAP_EXTENSION_NAME, nonSeamless,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_NON_SEAMLESS_CUBE_MAP_FEATURES_EXT);
    linkExtension(VK_EXT_SHADER_ATOMIC_FLOAT_EXTENSION_NAME, atomicFloat,
                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT_FEATURES_EXT);
}

bool FeatureChain::enableExtension(const char* extension) {
    if (!names_.contains(extension))
        return false;
    extensions.push_back(extension);
    return true;
}

bool FeatureChain::has(std::string_view extension) const {
    return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

std::string FeatureChain::missing() const {
    Needs need;
    need(v13.dynamicRendering, "dynamicRendering");
    need(v13.synchronization2, "synchronization2");
    need(v12.timelineSemaphore, "timelineSemaphore");
    need(core.features.robustBufferAccess, "robustBufferAccess");
    return need.lacking();
}

std::string FeatureChain::missingForVgpu10() const {
    Needs need;
    need(core.features.geometryShader, "geometryShader");
    need(core.features.independentBlend, "independentBlend");
    need(core.features.dualSrcBlend, "dualSrcBlend");
    need(core.features.depthClamp, "depthClamp");
    need(core.features.depthBiasClamp, "depthBiasClamp");
    need(core.features.fillModeNonSolid, "fillModeNonSolid");
    need(core.features.multiViewport, "multiViewport");
    need(core.features.shaderClipDistance, "shaderClipDistance");
    need(core.features.shaderCullDistance, "shaderCullDistance");
    need(v11.shaderDrawParameters, "shaderDrawParameters");
    need(v13.shaderDemoteToHelperInvocation, "shaderDemoteToHelperInvocation");
    need(v13.robustImageAccess, "robustImageAccess");
    need(transformFeedback.transformFeedback, VK_EXT_TRANSFORM_FEEDBACK_EXTENSION_NAME);
    need(vertexInput.vertexInputDynamicState, VK_EXT_VERTEX_INPUT_DYNAMIC_STATE_EXTENSION_NAME);
    need(robustness2.nullDescriptor, "nullDescriptor");
    need(attributeDivisor.vertexAttributeInstanceRateDivisor, VK_EXT_VERTEX_ATTRIBUTE_DIVISOR_EXTENSION_NAME);
    return need.lacking();
}

VulkanDevice::Features FeatureChain::features(const VkPhysicalDeviceLimits& limits) const {
    const VkPhysicalDeviceFeatures& core = this->core.features;
    VulkanDevice::Features f{};
    f.geometryShader = core.geometryShader;
    f.tessellationShader = core.tessellationShader;
    f.transformFeedback = transformFeedback.transformFeedback;
    f.dualSourceBlend = core.dualSrcBlend;
    f.logicOp = core.logicOp;
    f.depthClamp = core.depthClamp;
    f.depthBiasClamp = core.depthBiasClamp;
    f.sampleRateShading = core.sampleRateShading;
    f.occlusionQueryPrecise = core.occlusionQueryPrecise;
    f.independentBlend = core.independentBlend;
    f.multiViewport = core.multiViewport;
    f.viewportIndexLayer = has(VK_EXT_SHADER_VIEWPORT_INDEX_LAYER_EXTENSION_NAME);
    f.vertexInputDynamicState = vertexInput.vertexInputDynamicState;
    f.conditionalRendering = conditionalRendering.conditionalRendering;
    f.externalMemoryHost = has(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
    f.robustness2 = robustness2.robustBufferAccess2;
    f.nullDescriptor = robustness2.nullDescriptor;
    f.provokingVertexLast = provokingVertex.provokingVertexLast;
    f.customBorderColor = customBorderColor.customBorderColors;
    f.depthClipEnable = depthClipEnable.depthClipEnable;
    f.attributeDivisor = attributeDivisor.vertexAttributeInstanceRateDivisor;
    f.lineRasterization = lineRasterization.bresenhamLines;
    f.stippledLines = lineRasterization.stippledBresenhamLines;
    f.shaderFloat64 = core.shaderFloat64;
    f.storageImageReadWithoutFormat = core.shaderStorageImageReadWithoutFormat;
    f.imageCubeArray = core.imageCubeArray;
    f.fillModeNonSolid = core.fillModeNonSolid;
    f.samplerAnisotropy = core.samplerAnisotropy;
    f.imageSlicedViewOf3D = slicedView.imageSlicedViewOf3D;
    f.shaderStencilExport = has(VK_EXT_SHADER_STENCIL_EXPORT_EXTENSION_NAME);
    f.primitiveTopologyListRestart = listRestart.primitiveTopologyListRestart;
    f.pushDescriptor = has(VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
    f.primitivesGeneratedQuery = primitivesGenerated.primitivesGeneratedQuery;
    f.extendedDynamicState3 = has(VK_EXT_EXTENDED_DYNAMIC_STATE_3_EXTENSION_NAME);
    f.borderColorSwizzle = borderColorSwizzle.borderColorSwizzle;
    f.nonSeamlessCubeMap = nonSeamless.nonSeamlessCubeMap;
    f.vertexPipelineStoresAndAtomics = core.vertexPipelineStoresAndAtomics;
    f.fragmentStoresAndAtomics = core.fragmentStoresAndAtomics;
    f.shaderInt64 = core.shaderInt64;
    f.drawIndirectCount = v12.drawIndirectCount;
    f.textureCompressionBC = core.textureCompressionBC;
    f.imageFloat32Atomics = atomicFloat.shaderImageFloat32Atomics;

    // What a guest may rely on as a whole, each with all before it.
    f.vgpu10 = missingForVgpu10().empty();
    f.sm41 = f.vgpu10 && f.sampleRateShading && f.imageCubeArray;
    f.sm5 = f.sm41 && f.tessellationShader && f.shaderFloat64 && f.fragmentStoresAndAtomics &&
            core.shaderImageGatherExtended && core.shaderStorageImageWriteWithoutFormat &&
            transformFeedback.geometryStreams && limits.maxComputeWorkGroupInvocations >= kComputeThreads &&
            limits.maxComputeSharedMemorySize >= kComputeMemory &&
            limits.maxPerStageDescriptorStorageBuffers >= kUnorderedAccessViews &&
            limits.maxPerStageDescriptorStorageImages >= kUnorderedAccessViews;
    f.gl43 = f.sm5 && f.vertexPipelineStoresAndAtomics && f.storageImageReadWithoutFormat;
    return f;
}

} // namespace svga::device
