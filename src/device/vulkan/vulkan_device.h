// SPDX-License-Identifier: MIT
/**
 * \file
 * The Vulkan device that draws: instance, physical device, logical device, memory allocator, queue family.
 *
 * Chosen once at start: the first physical device of the loader's list that has what VGPU10 needs (geometry shaders,
 * transform feedback, ...); else the first that can show a guest's screen at least. What it has is in Features, and
 * every capability that is told to the guest is derived from there. All features in Features that the device has are
 * enabled.
 *
 * SVGA_VULKAN_VALIDATION=1 in the environment loads the Khronos validation layer where it is installed; what it finds
 * goes to stderr and is counted by validationErrors().
 *
 * Immutable after create(): any thread may call it.
 */
#pragma once

#include "device/vulkan/device_mask.h"

#include <vk_mem_alloc.h>
#include <vulkan/vulkan.h>

#include <memory>
#include <string>

namespace svga::device {

class VulkanDevice {
public:
    /** \brief Extension entry points that the loader does not export. Null where the extension is absent. */
    struct Functions {
        PFN_vkCmdSetVertexInputEXT cmdSetVertexInput;
        PFN_vkCmdBindTransformFeedbackBuffersEXT cmdBindTransformFeedbackBuffers;
        PFN_vkCmdBeginTransformFeedbackEXT cmdBeginTransformFeedback;
        PFN_vkCmdEndTransformFeedbackEXT cmdEndTransformFeedback;
        PFN_vkCmdBeginQueryIndexedEXT cmdBeginQueryIndexed;
        PFN_vkCmdEndQueryIndexedEXT cmdEndQueryIndexed;
        PFN_vkCmdDrawIndirectByteCountEXT cmdDrawIndirectByteCount;
        PFN_vkCmdBeginConditionalRenderingEXT cmdBeginConditionalRendering;
        PFN_vkCmdEndConditionalRenderingEXT cmdEndConditionalRendering;
        PFN_vkGetMemoryHostPointerPropertiesEXT getMemoryHostPointerProperties;
        PFN_vkCmdPushDescriptorSetKHR cmdPushDescriptorSet;
    };

    struct Features {
        bool geometryShader, tessellationShader, transformFeedback, dualSourceBlend, logicOp, depthClamp,
            depthBiasClamp;
        bool sampleRateShading, occlusionQueryPrecise, independentBlend, multiViewport, viewportIndexLayer;
        bool vertexInputDynamicState, conditionalRendering, externalMemoryHost, robustness2, nullDescriptor;
        bool provokingVertexLast, customBorderColor, depthClipEnable, attributeDivisor, lineRasterization,
            stippledLines;
        bool shaderFloat64, storageImageReadWithoutFormat, imageCubeArray, fillModeNonSolid, samplerAnisotropy;
        bool imageSlicedViewOf3D, shaderStencilExport, primitiveTopologyListRestart, pushDescriptor;
        bool primitivesGeneratedQuery, extendedDynamicState3, borderColorSwizzle, nonSeamlessCubeMap;
        bool vertexPipelineStoresAndAtomics, fragmentStoresAndAtomics, shaderInt64, drawIndirectCount;
        bool textureCompressionBC, imageFloat32Atomics;

        // What follows from all of these, and from limits, for the guest.
        bool vgpu10; ///< it can have DX contexts: shader model 4
        bool sm41, sm5;
        bool gl43; ///< what Mesa needs beyond shader model 5 for OpenGL 4.3
    };

    /**
     * \param mask what the GPU is taken not to have
     * \throws Error naming what is missing: no loader, no device, or which feature each device lacks.
     */
    static std::unique_ptr<VulkanDevice> create(const DeviceMask& mask = {});

    virtual ~VulkanDevice() = default;

    virtual VkInstance instance() const = 0;
    virtual VkPhysicalDevice physicalDevice() const = 0;
    virtual VkDevice handle() const = 0;
    virtual VkQueue queue() const = 0;
    virtual uint32_t queueFamily() const = 0;
    virtual VmaAllocator allocator() const = 0;
    virtual const VkPhysicalDeviceProperties& properties() const = 0;
    virtual const Features& features() const = 0;
    virtual const Functions& functions() const = 0;
    /** All zero for a format the device does not know. */
    virtual VkFormatProperties formatProperties(VkFormat format) const = 0;
    /** What optimally tiled images may be at most; all zero where there can be none. */
    virtual VkImageFormatProperties imageProperties(VkFormat format, VkImageType type, VkImageUsageFlags usage,
                                                    VkImageCreateFlags flags = 0) const = 0;
    /** Sample counts of optimally tiled 2D images; 0 where there can be no such image at all. */
    VkSampleCountFlags sampleCounts(VkFormat format, VkImageUsageFlags usage) const {
        return imageProperties(format, VK_IMAGE_TYPE_2D, usage).sampleCounts;
    }
    /** Alignment of pointers and sizes given to VK_EXT_external_memory_host; 0 without it. */
    virtual VkDeviceSize importAlignment() const = 0;
    /** What VGPU10 needs and the device lacks, comma separated. */
    virtual const std::string& missingForVgpu10() const = 0;
    /** Bytes of device-local memory. */
    virtual VkDeviceSize memorySize() const = 0;
    /** Errors the validation layer has reported; 0 without it. */
    virtual uint32_t validationErrors() const = 0;
};

} // namespace svga::device
