// SPDX-License-Identifier: MIT
#include "device/vulkan/devcaps.h"

#include "device/vulkan/format.h"

#include <svga3d_devcaps.h>
#include <svga3d_limits.h>
#include <svga_coherent_device.h>

#include <algorithm>
#include <bit>

namespace svga::device {

namespace {

/// What a guest's image may be used for at most: with fewer uses a device allows no less.
constexpr VkImageUsageFlags kTransfers = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;

/** The format an image has in fact: see GpuSurface. */
VkFormat existing(const VulkanDevice& device, VkFormat format) {
    bool lacking = format == VK_FORMAT_D24_UNORM_S8_UINT && device.formatProperties(format).optimalTilingFeatures == 0;
    return lacking ? VK_FORMAT_D32_SFLOAT_S8_UINT : format;
}

uint32_t colorCaps(const VulkanDevice& device, const FormatInfo& info) {
    VkFormatProperties properties = device.formatProperties(info.image);
    VkFormatFeatureFlags features = properties.optimalTilingFeatures;
    uint32_t caps = 0;
    if (features & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT)
        caps |= SVGA3D_DXFMT_SUPPORTED | SVGA3D_DXFMT_SHADER_SAMPLE | SVGA3D_DXFMT_MIPS | SVGA3D_DXFMT_ARRAY;
    // What is swizzled on reading (luminance) cannot be on writing, but for alpha; an X8 may hold anything.
    bool inOrder =
        (info.swizzle.r == VK_COMPONENT_SWIZZLE_IDENTITY && info.swizzle.g == VK_COMPONENT_SWIZZLE_IDENTITY) ||
        info.alphaAsRed();
    VkImageUsageFlags usage = kTransfers | VK_IMAGE_USAGE_SAMPLED_BIT;
    if (inOrder && (features & VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT)) {
        caps |= SVGA3D_DXFMT_SUPPORTED | SVGA3D_DXFMT_COLOR_RENDERTARGET;
        usage |= VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
        if (features & VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BLEND_BIT)
            caps |= SVGA3D_DXFMT_BLENDABLE;
        if (device.sampleCounts(info.image, usage) & VK_SAMPLE_COUNT_4_BIT)
            caps |= SVGA3D_DXFMT_MULTISAMPLE;
    }
    if ((caps & SVGA3D_DXFMT_SHADER_SAMPLE) &&
        device.imageProperties(info.image, VK_IMAGE_TYPE_3D, usage).maxExtent.depth != 0)
        caps |= SVGA3D_DXFMT_VOLUME;
    if (!info.compressed() && (properties.bufferFeatures & VK_FORMAT_FEATURE_VERTEX_BUFFER_BIT))
        caps |= SVGA3D_DXFMT_SUPPORTED | SVGA3D_DXFMT_DX_VERTEX_BUFFER;
    return caps;
}

uint32_t depthCaps(const VulkanDevice& device, const FormatInfo& info) {
    VkFormat format = existing(device, info.depthImage);
    VkFormatFeatureFlags features = device.formatProperties(format).optimalTilingFeatures;
    uint32_t caps = 0;
    if (features & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT)
        caps |= SVGA3D_DXFMT_SUPPORTED | SVGA3D_DXFMT_SHADER_SAMPLE | SVGA3D_DXFMT_MIPS | SVGA3D_DXFMT_ARRAY;
    if (features & VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT) {
        caps |= SVGA3D_DXFMT_SUPPORTED | SVGA3D_DXFMT_DEPTH_RENDERTARGET | SVGA3D_DXFMT_MIPS | SVGA3D_DXFMT_ARRAY;
        if (device.sampleCounts(format,
                                kTransfers | VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT | VK_IMAGE_USAGE_SAMPLED_BIT) &
            VK_SAMPLE_COUNT_4_BIT)
            caps |= SVGA3D_DXFMT_MULTISAMPLE;
    }
    return caps;
}

/** Whether what Mesa makes multisampled can be: 8 bit colour with depth and stencil. */
bool hasSamples(const VulkanDevice& device, VkSampleCountFlagBits count) {
    const VkPhysicalDeviceLimits& limits = device.properties().limits;
    return limits.framebufferColorSampleCounts & limits.framebufferDepthSampleCounts &
           limits.framebufferStencilSampleCounts & limits.sampledImageColorSampleCounts & count;
}

} // namespace

uint32_t formatCaps(const VulkanDevice& device, SVGA3dSurfaceFormat format) {
    const FormatInfo* info = formatInfo(format);
    if (!info)
        return 0;
    if (format == SVGA3D_BUFFER)
        return SVGA3D_DXFMT_SUPPORTED | SVGA3D_DXFMT_DX_VERTEX_BUFFER;
    uint32_t caps = 0;
    if (!info->depthStencil)
        caps |= colorCaps(device, *info);
    if (info->depthImage != VK_FORMAT_UNDEFINED && (info->depthStencil || info->typeless))
        caps |= depthCaps(device, *info);
    return caps;
}

uint32_t devcap(const VulkanDevice& device, const DevcapOptions& options, uint32_t index) {
    const VkPhysicalDeviceLimits& limits = device.properties().limits;
    const VulkanDevice::Features& features = device.features();

    // The format capabilities are in the formats' order.
    if (index >= SVGA3D_DEVCAP_DXFMT_X8R8G8B8 && index <= SVGA3D_DEVCAP_DXFMT_BC5_UNORM)
        return formatCaps(device,
                          static_cast<SVGA3dSurfaceFormat>(index - SVGA3D_DEVCAP_DXFMT_X8R8G8B8 + SVGA3D_X8R8G8B8));
    if (index >= SVGA3D_DEVCAP_DXFMT_BC6H_TYPELESS && index <= SVGA3D_DEVCAP_DXFMT_BC7_UNORM_SRGB)
        return formatCaps(
            device, static_cast<SVGA3dSurfaceFormat>(index - SVGA3D_DEVCAP_DXFMT_BC6H_TYPELESS + SVGA3D_BC6H_TYPELESS));
    switch (index) {
    case SVGA3D_DEVCAP_3D: // none without DX contexts: nothing here carries out the commands before them
    case SVGA3D_DEVCAP_DXCONTEXT:
        return features.vgpu10;
    case SVGA3D_DEVCAP_SM41:
        return features.sm41;
    case SVGA3D_DEVCAP_SM5:
        return features.sm5;
    case SVGA3D_DEVCAP_GL43:
        return features.gl43;

    case SVGA3D_DEVCAP_MAX_TEXTURE_WIDTH:
    case SVGA3D_DEVCAP_MAX_TEXTURE_HEIGHT:
        return std::min(limits.maxImageDimension2D, limits.maxImageDimensionCube);
    case SVGA3D_DEVCAP_MAX_VOLUME_EXTENT:
        return limits.maxImageDimension3D;
    case SVGA3D_DEVCAP_MAX_TEXTURE_REPEAT:
    case SVGA3D_DEVCAP_MAX_TEXTURE_ASPECT_RATIO:
        return limits.maxImageDimension2D;
    case SVGA3D_DEVCAP_MAX_TEXTURE_ANISOTROPY:
        return features.samplerAnisotropy ? static_cast<uint32_t>(limits.maxSamplerAnisotropy) : 1;

    case SVGA3D_DEVCAP_MAX_RENDER_TARGETS:
    case SVGA3D_DEVCAP_MAX_SIMULTANEOUS_RENDER_TARGETS:
        return std::min<uint32_t>(limits.maxColorAttachments, SVGA3D_DX_MAX_RENDER_TARGETS);
    case SVGA3D_DEVCAP_MAX_CLIP_PLANES:
        return std::min<uint32_t>(limits.maxClipDistances, SVGA3D_MAX_CLIP_PLANES);
    case SVGA3D_DEVCAP_MAX_SHADER_TEXTURES:
    case SVGA3D_DEVCAP_MAX_TEXTURES:
        return 16; // sampler registers of a VGPU10 stage
    case SVGA3D_DEVCAP_MAX_PRIMITIVE_COUNT:
    case SVGA3D_DEVCAP_MAX_VERTEX_INDEX:
        return limits.maxDrawIndexedIndexValue;
    case SVGA3D_DEVCAP_MAX_VERTEX_SHADER_INSTRUCTIONS:
    case SVGA3D_DEVCAP_MAX_FRAGMENT_SHADER_INSTRUCTIONS:
        return 65536;
    case SVGA3D_DEVCAP_MAX_VERTEX_SHADER_TEMPS:
    case SVGA3D_DEVCAP_MAX_FRAGMENT_SHADER_TEMPS:
        return 4096; // temporaries of a VGPU10 shader
    case SVGA3D_DEVCAP_MAX_CONTEXT_IDS:
        return SVGA3D_HB_MAX_CONTEXT_IDS;
    case SVGA3D_DEVCAP_MAX_SURFACE_IDS:
        return SVGA3D_HB_MAX_SURFACE_IDS;
    case SVGA3D_DEVCAP_DX_MAX_VERTEXBUFFERS:
        return std::min<uint32_t>(limits.maxVertexInputBindings, SVGA3D_MAX_VERTEX_ARRAYS);
    case SVGA3D_DEVCAP_DX_MAX_CONSTANT_BUFFERS:
        // Slots of a VGPU10 stage that a program may use.
        return std::min<uint32_t>(limits.maxPerStageDescriptorUniformBuffers, 14);
    case SVGA3D_DEVCAP_DX_PROVOKING_VERTEX:
        return features.provokingVertexLast;

    case SVGA3D_DEVCAP_LINE_STIPPLE:
        return features.stippledLines;
    case SVGA3D_DEVCAP_MAX_LINE_WIDTH:
    case SVGA3D_DEVCAP_MAX_AA_LINE_WIDTH:
        return std::bit_cast<uint32_t>(limits.lineWidthRange[1]);
    case SVGA3D_DEVCAP_MAX_POINT_SIZE:
        return std::bit_cast<uint32_t>(limits.pointSizeRange[1]);

    case SVGA3D_DEVCAP_MULTISAMPLE_2X:
        return hasSamples(device, VK_SAMPLE_COUNT_2_BIT);
    case SVGA3D_DEVCAP_MULTISAMPLE_4X:
        return hasSamples(device, VK_SAMPLE_COUNT_4_BIT);
    case SVGA3D_DEVCAP_MULTISAMPLE_8X:
        return features.sm5 && hasSamples(device, VK_SAMPLE_COUNT_8_BIT);
    case SVGA3D_DEVCAP_MS_FULL_QUALITY:
        return hasSamples(device, VK_SAMPLE_COUNT_4_BIT);
    case SVGA3D_DEVCAP_MAX_FORCED_SAMPLE_COUNT:
        return hasSamples(device, VK_SAMPLE_COUNT_4_BIT) ? 4 : 0;
    case SVGA3D_DEVCAP_LOGIC_BLENDOPS:
        return features.logicOp;

    case SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS:
        return features.externalMemoryHost ? options.bufferInPlaceRuns : 0;
    default:
        return 0;
    }
}

} // namespace svga::device
