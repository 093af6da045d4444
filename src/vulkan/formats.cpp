// SPDX-License-Identifier: MIT
#include "vulkan/formats.h"

#include "vulkan/device.h"

#include <svga3d_devcaps.h>

#include <map>

#include "util/u_math.h"
#include "vk_enum_defines.h"
#include "vk_format.h"

namespace svga::vulkan {

namespace {

using Table = std::map<VkFormat, Format>;

void addColors(Table& table) {
    const auto add = [&table](VkFormat format, SVGA3dSurfaceFormat typed, SVGA3dSurfaceFormat surface) {
        table[format] = {typed, surface, SVGA3D_FORMAT_INVALID, SVGA3D_FORMAT_INVALID};
    };
    const auto alone = [&add](VkFormat format, SVGA3dSurfaceFormat typed) { add(format, typed, typed); };

    add(VK_FORMAT_R32G32B32A32_SFLOAT, SVGA3D_R32G32B32A32_FLOAT, SVGA3D_R32G32B32A32_TYPELESS);
    add(VK_FORMAT_R32G32B32A32_UINT, SVGA3D_R32G32B32A32_UINT, SVGA3D_R32G32B32A32_TYPELESS);
    add(VK_FORMAT_R32G32B32A32_SINT, SVGA3D_R32G32B32A32_SINT, SVGA3D_R32G32B32A32_TYPELESS);
    add(VK_FORMAT_R32G32B32_SFLOAT, SVGA3D_R32G32B32_FLOAT, SVGA3D_R32G32B32_TYPELESS);
    add(VK_FORMAT_R32G32B32_UINT, SVGA3D_R32G32B32_UINT, SVGA3D_R32G32B32_TYPELESS);
    add(VK_FORMAT_R32G32B32_SINT, SVGA3D_R32G32B32_SINT, SVGA3D_R32G32B32_TYPELESS);
    add(VK_FORMAT_R16G16B16A16_SFLOAT, SVGA3D_R16G16B16A16_FLOAT, SVGA3D_R16G16B16A16_TYPELESS);
    add(VK_FORMAT_R16G16B16A16_UNORM, SVGA3D_R16G16B16A16_UNORM, SVGA3D_R16G16B16A16_TYPELESS);
    add(VK_FORMAT_R16G16B16A16_SNORM, SVGA3D_R16G16B16A16_SNORM, SVGA3D_R16G16B16A16_TYPELESS);
    add(VK_FORMAT_R16G16B16A16_UINT, SVGA3D_R16G16B16A16_UINT, SVGA3D_R16G16B16A16_TYPELESS);
    add(VK_FORMAT_R16G16B16A16_SINT, SVGA3D_R16G16B16A16_SINT, SVGA3D_R16G16B16A16_TYPELESS);
    add(VK_FORMAT_R32G32_SFLOAT, SVGA3D_R32G32_FLOAT, SVGA3D_R32G32_TYPELESS);
    add(VK_FORMAT_R32G32_UINT, SVGA3D_R32G32_UINT, SVGA3D_R32G32_TYPELESS);
    add(VK_FORMAT_R32G32_SINT, SVGA3D_R32G32_SINT, SVGA3D_R32G32_TYPELESS);
    for (const auto& [bytes, packed, typed] :
         {std::tuple{VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_A8B8G8R8_UNORM_PACK32, SVGA3D_R8G8B8A8_UNORM},
          std::tuple{VK_FORMAT_R8G8B8A8_SRGB, VK_FORMAT_A8B8G8R8_SRGB_PACK32, SVGA3D_R8G8B8A8_UNORM_SRGB},
          std::tuple{VK_FORMAT_R8G8B8A8_SNORM, VK_FORMAT_A8B8G8R8_SNORM_PACK32, SVGA3D_R8G8B8A8_SNORM},
          std::tuple{VK_FORMAT_R8G8B8A8_UINT, VK_FORMAT_A8B8G8R8_UINT_PACK32, SVGA3D_R8G8B8A8_UINT},
          std::tuple{VK_FORMAT_R8G8B8A8_SINT, VK_FORMAT_A8B8G8R8_SINT_PACK32, SVGA3D_R8G8B8A8_SINT}}) {
        add(bytes, typed, SVGA3D_R8G8B8A8_TYPELESS);
        add(packed, typed, SVGA3D_R8G8B8A8_TYPELESS);
    }
    add(VK_FORMAT_B8G8R8A8_UNORM, SVGA3D_B8G8R8A8_UNORM, SVGA3D_B8G8R8A8_TYPELESS);
    add(VK_FORMAT_B8G8R8A8_SRGB, SVGA3D_B8G8R8A8_UNORM_SRGB, SVGA3D_B8G8R8A8_TYPELESS);
    add(VK_FORMAT_R16G16_SFLOAT, SVGA3D_R16G16_FLOAT, SVGA3D_R16G16_TYPELESS);
    add(VK_FORMAT_R16G16_UNORM, SVGA3D_R16G16_UNORM, SVGA3D_R16G16_TYPELESS);
    add(VK_FORMAT_R16G16_SNORM, SVGA3D_R16G16_SNORM, SVGA3D_R16G16_TYPELESS);
    add(VK_FORMAT_R16G16_UINT, SVGA3D_R16G16_UINT, SVGA3D_R16G16_TYPELESS);
    add(VK_FORMAT_R16G16_SINT, SVGA3D_R16G16_SINT, SVGA3D_R16G16_TYPELESS);
    add(VK_FORMAT_R32_SFLOAT, SVGA3D_R32_FLOAT, SVGA3D_R32_TYPELESS);
    add(VK_FORMAT_R32_UINT, SVGA3D_R32_UINT, SVGA3D_R32_TYPELESS);
    add(VK_FORMAT_R32_SINT, SVGA3D_R32_SINT, SVGA3D_R32_TYPELESS);
    add(VK_FORMAT_R8G8_UNORM, SVGA3D_R8G8_UNORM, SVGA3D_R8G8_TYPELESS);
    add(VK_FORMAT_R8G8_SNORM, SVGA3D_R8G8_SNORM, SVGA3D_R8G8_TYPELESS);
    add(VK_FORMAT_R8G8_UINT, SVGA3D_R8G8_UINT, SVGA3D_R8G8_TYPELESS);
    add(VK_FORMAT_R8G8_SINT, SVGA3D_R8G8_SINT, SVGA3D_R8G8_TYPELESS);
    add(VK_FORMAT_R16_SFLOAT, SVGA3D_R16_FLOAT, SVGA3D_R16_TYPELESS);
    add(VK_FORMAT_R16_UNORM, SVGA3D_R16_UNORM, SVGA3D_R16_TYPELESS);
    add(VK_FORMAT_R16_SNORM, SVGA3D_R16_SNORM, SVGA3D_R16_TYPELESS);
    add(VK_FORMAT_R16_UINT, SVGA3D_R16_UINT, SVGA3D_R16_TYPELESS);
    add(VK_FORMAT_R16_SINT, SVGA3D_R16_SINT, SVGA3D_R16_TYPELESS);
    add(VK_FORMAT_R8_UNORM, SVGA3D_R8_UNORM, SVGA3D_R8_TYPELESS);
    add(VK_FORMAT_R8_SNORM, SVGA3D_R8_SNORM, SVGA3D_R8_TYPELESS);
    add(VK_FORMAT_R8_UINT, SVGA3D_R8_UINT, SVGA3D_R8_TYPELESS);
    add(VK_FORMAT_R8_SINT, SVGA3D_R8_SINT, SVGA3D_R8_TYPELESS);
    add(VK_FORMAT_A2B10G10R10_UNORM_PACK32, SVGA3D_R10G10B10A2_UNORM, SVGA3D_R10G10B10A2_TYPELESS);
    add(VK_FORMAT_A2B10G10R10_UINT_PACK32, SVGA3D_R10G10B10A2_UINT, SVGA3D_R10G10B10A2_TYPELESS);
    alone(VK_FORMAT_B10G11R11_UFLOAT_PACK32, SVGA3D_R11G11B10_FLOAT);
    alone(VK_FORMAT_E5B9G9R9_UFLOAT_PACK32, SVGA3D_R9G9B9E5_SHAREDEXP);
    alone(VK_FORMAT_R5G6B5_UNORM_PACK16, SVGA3D_B5G6R5_UNORM);
    alone(VK_FORMAT_A1R5G5B5_UNORM_PACK16, SVGA3D_B5G5R5A1_UNORM);
}

void addCompressed(Table& table) {
    const auto add = [&table](VkFormat format, SVGA3dSurfaceFormat typed, SVGA3dSurfaceFormat surface) {
        table[format] = {typed, surface, SVGA3D_FORMAT_INVALID, SVGA3D_FORMAT_INVALID};
    };
    add(VK_FORMAT_BC1_RGBA_UNORM_BLOCK, SVGA3D_BC1_UNORM, SVGA3D_BC1_TYPELESS);
    add(VK_FORMAT_BC1_RGBA_SRGB_BLOCK, SVGA3D_BC1_UNORM_SRGB, SVGA3D_BC1_TYPELESS);
    add(VK_FORMAT_BC2_UNORM_BLOCK, SVGA3D_BC2_UNORM, SVGA3D_BC2_TYPELESS);
    add(VK_FORMAT_BC2_SRGB_BLOCK, SVGA3D_BC2_UNORM_SRGB, SVGA3D_BC2_TYPELESS);
    add(VK_FORMAT_BC3_UNORM_BLOCK, SVGA3D_BC3_UNORM, SVGA3D_BC3_TYPELESS);
    add(VK_FORMAT_BC3_SRGB_BLOCK, SVGA3D_BC3_UNORM_SRGB, SVGA3D_BC3_TYPELESS);
    add(VK_FORMAT_BC4_UNORM_BLOCK, SVGA3D_BC4_UNORM, SVGA3D_BC4_TYPELESS);
    add(VK_FORMAT_BC4_SNORM_BLOCK, SVGA3D_BC4_SNORM, SVGA3D_BC4_TYPELESS);
    add(VK_FORMAT_BC5_UNORM_BLOCK, SVGA3D_BC5_UNORM, SVGA3D_BC5_TYPELESS);
    add(VK_FORMAT_BC5_SNORM_BLOCK, SVGA3D_BC5_SNORM, SVGA3D_BC5_TYPELESS);
    add(VK_FORMAT_BC6H_UFLOAT_BLOCK, SVGA3D_BC6H_UF16, SVGA3D_BC6H_TYPELESS);
    add(VK_FORMAT_BC6H_SFLOAT_BLOCK, SVGA3D_BC6H_SF16, SVGA3D_BC6H_TYPELESS);
    add(VK_FORMAT_BC7_UNORM_BLOCK, SVGA3D_BC7_UNORM, SVGA3D_BC7_TYPELESS);
    add(VK_FORMAT_BC7_SRGB_BLOCK, SVGA3D_BC7_UNORM_SRGB, SVGA3D_BC7_TYPELESS);
}

void addDepths(Table& table) {
    table[VK_FORMAT_D16_UNORM] = {SVGA3D_D16_UNORM, SVGA3D_R16_TYPELESS, SVGA3D_R16_UNORM, SVGA3D_FORMAT_INVALID};
    table[VK_FORMAT_D32_SFLOAT] = {SVGA3D_D32_FLOAT, SVGA3D_R32_TYPELESS, SVGA3D_R32_FLOAT, SVGA3D_FORMAT_INVALID};
    table[VK_FORMAT_D32_SFLOAT_S8_UINT] = {SVGA3D_D32_FLOAT_S8X24_UINT, SVGA3D_R32G8X24_TYPELESS,
                                           SVGA3D_R32_FLOAT_X8X24, SVGA3D_X32_G8X24_UINT};
    const Format both{SVGA3D_D24_UNORM_S8_UINT, SVGA3D_R24G8_TYPELESS, SVGA3D_R24_UNORM_X8, SVGA3D_X24_G8_UINT};
    table[VK_FORMAT_D24_UNORM_S8_UINT] = both;
    // What has one of the two has the other as well, unseen.
    table[VK_FORMAT_S8_UINT] = both;
    table[VK_FORMAT_X8_D24_UNORM_PACK32] = {both.typed, both.surface, both.depth, SVGA3D_FORMAT_INVALID};
}

Table makeTable() {
    Table table;
    addColors(table);
    addCompressed(table);
    addDepths(table);
    return table;
}

/** SVGA3D_DXFMT_* of a format of the device: the capabilities are in the formats' order, in two runs. */
uint32_t capabilities(const PhysicalDevice& device, SVGA3dSurfaceFormat format) {
    if (format >= SVGA3D_X8R8G8B8 && format <= SVGA3D_BC5_UNORM)
        return device.devcap(SVGA3D_DEVCAP_DXFMT_X8R8G8B8 + format - SVGA3D_X8R8G8B8);
    if (format >= SVGA3D_BC6H_TYPELESS && format <= SVGA3D_BC7_UNORM_SRGB)
        return device.devcap(SVGA3D_DEVCAP_DXFMT_BC6H_TYPELESS + format - SVGA3D_BC6H_TYPELESS);
    return 0;
}

/** Formats that OpenGL 4.3 loads from images and stores to them, and so the device with GL43. */
bool isStored(const PhysicalDevice& device, VkFormat format) {
    if (!device.winsys->info().gl43)
        return false;
    switch (format) {
    case VK_FORMAT_R32G32B32A32_SFLOAT:
    case VK_FORMAT_R32G32B32A32_UINT:
    case VK_FORMAT_R32G32B32A32_SINT:
    case VK_FORMAT_R16G16B16A16_SFLOAT:
    case VK_FORMAT_R16G16B16A16_UNORM:
    case VK_FORMAT_R16G16B16A16_SNORM:
    case VK_FORMAT_R16G16B16A16_UINT:
    case VK_FORMAT_R16G16B16A16_SINT:
    case VK_FORMAT_R32G32_SFLOAT:
    case VK_FORMAT_R32G32_UINT:
    case VK_FORMAT_R32G32_SINT:
    case VK_FORMAT_R8G8B8A8_UNORM:
    case VK_FORMAT_R8G8B8A8_SNORM:
    case VK_FORMAT_R8G8B8A8_UINT:
    case VK_FORMAT_R8G8B8A8_SINT:
    case VK_FORMAT_A2B10G10R10_UNORM_PACK32:
    case VK_FORMAT_A2B10G10R10_UINT_PACK32:
    case VK_FORMAT_B10G11R11_UFLOAT_PACK32:
    case VK_FORMAT_R16G16_SFLOAT:
    case VK_FORMAT_R16G16_UNORM:
    case VK_FORMAT_R16G16_SNORM:
    case VK_FORMAT_R16G16_UINT:
    case VK_FORMAT_R16G16_SINT:
    case VK_FORMAT_R32_SFLOAT:
    case VK_FORMAT_R32_UINT:
    case VK_FORMAT_R32_SINT:
    case VK_FORMAT_R8G8_UNORM:
    case VK_FORMAT_R8G8_SNORM:
    case VK_FORMAT_R8G8_UINT:
    case VK_FORMAT_R8G8_SINT:
    case VK_FORMAT_R16_SFLOAT:
    case VK_FORMAT_R16_UNORM:
    case VK_FORMAT_R16_SNORM:
    case VK_FORMAT_R16_UINT:
    case VK_FORMAT_R16_SINT:
    case VK_FORMAT_R8_UNORM:
    case VK_FORMAT_R8_SNORM:
    case VK_FORMAT_R8_UINT:
    case VK_FORMAT_R8_SINT:
        return true;
    default:
        return false;
    }
}

bool hasAtomics(VkFormat format) {
    return format == VK_FORMAT_R32_UINT || format == VK_FORMAT_R32_SINT;
}

} // namespace

const Format* findFormat(VkFormat format) {
    static const Table table = makeTable(); // immutable once built
    const auto entry = table.find(format);
    return entry == table.end() ? nullptr : &entry->second;
}

VkFormatFeatureFlags2 optimalFeatures(const PhysicalDevice& device, VkFormat format) {
    const Format* known = findFormat(format);
    if (!known)
        return 0;
    const uint32_t caps = capabilities(device, known->typed);
    const bool color = vk_format_is_color(format);
    VkFormatFeatureFlags2 features = 0;
    if (caps & SVGA3D_DXFMT_SHADER_SAMPLE) {
        features |= VK_FORMAT_FEATURE_2_SAMPLED_IMAGE_BIT | VK_FORMAT_FEATURE_2_TRANSFER_SRC_BIT |
                    VK_FORMAT_FEATURE_2_TRANSFER_DST_BIT | VK_FORMAT_FEATURE_2_BLIT_SRC_BIT;
        if (!vk_format_is_int(format) && (color || vk_format_has_depth(format)))
            features |= VK_FORMAT_FEATURE_2_SAMPLED_IMAGE_FILTER_LINEAR_BIT;
        if (vk_format_has_depth(format))
            features |= VK_FORMAT_FEATURE_2_SAMPLED_IMAGE_DEPTH_COMPARISON_BIT;
    }
    if (color && caps & SVGA3D_DXFMT_COLOR_RENDERTARGET) {
        features |= VK_FORMAT_FEATURE_2_COLOR_ATTACHMENT_BIT | VK_FORMAT_FEATURE_2_BLIT_DST_BIT;
        if (caps & SVGA3D_DXFMT_BLENDABLE)
            features |= VK_FORMAT_FEATURE_2_COLOR_ATTACHMENT_BLEND_BIT;
    }
    if (!color && caps & SVGA3D_DXFMT_DEPTH_RENDERTARGET)
        features |= VK_FORMAT_FEATURE_2_DEPTH_STENCIL_ATTACHMENT_BIT;
    if (caps & SVGA3D_DXFMT_SHADER_SAMPLE && isStored(device, format)) {
        features |= VK_FORMAT_FEATURE_2_STORAGE_IMAGE_BIT | VK_FORMAT_FEATURE_2_STORAGE_READ_WITHOUT_FORMAT_BIT |
                    VK_FORMAT_FEATURE_2_STORAGE_WRITE_WITHOUT_FORMAT_BIT;
        if (hasAtomics(format))
            features |= VK_FORMAT_FEATURE_2_STORAGE_IMAGE_ATOMIC_BIT;
    }
    return features;
}

VkFormatFeatureFlags2 linearFeatures(const PhysicalDevice& device, VkFormat format) {
    if (!vk_format_is_color(format) || vk_format_is_compressed(format))
        return 0;
    return optimalFeatures(device, format) &
           (VK_FORMAT_FEATURE_2_TRANSFER_SRC_BIT | VK_FORMAT_FEATURE_2_TRANSFER_DST_BIT);
}

VkFormatFeatureFlags2 bufferFeatures(const PhysicalDevice& device, VkFormat format) {
    const Format* known = findFormat(format);
    if (!known || !vk_format_is_color(format) || vk_format_is_compressed(format))
        return 0;
    const uint32_t caps = capabilities(device, known->typed);
    VkFormatFeatureFlags2 features = 0;
    if (caps & SVGA3D_DXFMT_DX_VERTEX_BUFFER && !vk_format_is_srgb(format))
        features |= VK_FORMAT_FEATURE_2_VERTEX_BUFFER_BIT;
    if (caps & SVGA3D_DXFMT_SHADER_SAMPLE && !vk_format_is_srgb(format))
        features |= VK_FORMAT_FEATURE_2_UNIFORM_TEXEL_BUFFER_BIT;
    if (caps & SVGA3D_DXFMT_SHADER_SAMPLE && isStored(device, format)) {
        features |= VK_FORMAT_FEATURE_2_STORAGE_TEXEL_BUFFER_BIT | VK_FORMAT_FEATURE_2_STORAGE_READ_WITHOUT_FORMAT_BIT |
                    VK_FORMAT_FEATURE_2_STORAGE_WRITE_WITHOUT_FORMAT_BIT;
        if (hasAtomics(format))
            features |= VK_FORMAT_FEATURE_2_STORAGE_TEXEL_BUFFER_ATOMIC_BIT;
    }
    return features;
}

VkSampleCountFlags sampleCounts(const PhysicalDevice& device, VkFormat format) {
    const Format* known = findFormat(format);
    const bool several = known && capabilities(device, known->typed) & SVGA3D_DXFMT_MULTISAMPLE &&
                         device.devcap(SVGA3D_DEVCAP_MULTISAMPLE_4X);
    return VK_SAMPLE_COUNT_1_BIT | (several ? VK_SAMPLE_COUNT_4_BIT : 0);
}

} // namespace svga::vulkan

using namespace svga::vulkan;

namespace {

/** What images with \p features can be used for. */
VkImageUsageFlags usable(VkFormatFeatureFlags2 features) {
    VkImageUsageFlags usage = 0;
    if (features & VK_FORMAT_FEATURE_2_TRANSFER_SRC_BIT)
        usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    if (features & VK_FORMAT_FEATURE_2_SAMPLED_IMAGE_BIT)
        usage |= VK_IMAGE_USAGE_SAMPLED_BIT;
    if (features & VK_FORMAT_FEATURE_2_STORAGE_IMAGE_BIT)
        usage |= VK_IMAGE_USAGE_STORAGE_BIT;
    if (features & VK_FORMAT_FEATURE_2_COLOR_ATTACHMENT_BIT)
        usage |= VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
    if (features & VK_FORMAT_FEATURE_2_DEPTH_STENCIL_ATTACHMENT_BIT)
        usage |= VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
    if (usage & (VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT))
        usage |= VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSIENT_ATTACHMENT_BIT;
    return usage;
}

} // namespace

extern "C" {

VKAPI_ATTR void VKAPI_CALL svga_GetPhysicalDeviceFormatProperties2(VkPhysicalDevice handle, VkFormat format,
                                                                   VkFormatProperties2* properties) {
    const PhysicalDevice& device = as<PhysicalDevice>(vk_physical_device_from_handle(handle));
    const VkFormatFeatureFlags2 linear = linearFeatures(device, format), optimal = optimalFeatures(device, format),
                                buffer = bufferFeatures(device, format);
    properties->formatProperties = {vk_format_features2_to_features(linear), vk_format_features2_to_features(optimal),
                                    vk_format_features2_to_features(buffer)};
    vk_foreach_struct(extension, properties->pNext) {
        if (extension->sType == VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3) {
            auto* more = reinterpret_cast<VkFormatProperties3*>(extension);
            more->linearTilingFeatures = linear;
            more->optimalTilingFeatures = optimal;
            more->bufferFeatures = buffer;
        }
    }
}

VKAPI_ATTR VkResult VKAPI_CALL svga_GetPhysicalDeviceImageFormatProperties2(
    VkPhysicalDevice handle, const VkPhysicalDeviceImageFormatInfo2* info, VkImageFormatProperties2* properties) {
    const PhysicalDevice& device = as<PhysicalDevice>(vk_physical_device_from_handle(handle));
    VkImageFormatProperties& out = properties->imageFormatProperties;
    out = {};
    const bool linear = info->tiling == VK_IMAGE_TILING_LINEAR;
    const VkFormatFeatureFlags2 features =
        linear ? linearFeatures(device, info->format) : optimalFeatures(device, info->format);
    constexpr VkImageCreateFlags kCreate = VK_IMAGE_CREATE_ALIAS_BIT | VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT |
                                           VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT |
                                           VK_IMAGE_CREATE_2D_ARRAY_COMPATIBLE_BIT | VK_IMAGE_CREATE_EXTENDED_USAGE_BIT;
    constexpr VkImageCreateFlags kCreateLinear = VK_IMAGE_CREATE_ALIAS_BIT | VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT;
    if (!features || (!linear && info->tiling != VK_IMAGE_TILING_OPTIMAL) ||
        info->flags & ~(linear ? kCreateLinear : kCreate) || info->usage & ~usable(features) ||
        (linear && info->type != VK_IMAGE_TYPE_2D))
        return VK_ERROR_FORMAT_NOT_SUPPORTED;
    if (vk_find_struct_const(info->pNext, PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO)) {
        const auto* external = static_cast<const VkPhysicalDeviceExternalImageFormatInfo*>(
            vk_find_struct_const(info->pNext, PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO));
        if (external->handleType)
            return VK_ERROR_FORMAT_NOT_SUPPORTED;
    }
    const vk_properties& limits = device.properties;
    const bool color = vk_format_is_color(info->format);
    switch (info->type) {
    case VK_IMAGE_TYPE_1D:
        if (!color || vk_format_is_compressed(info->format))
            return VK_ERROR_FORMAT_NOT_SUPPORTED;
        out.maxExtent = {limits.maxImageDimension1D, 1, 1};
        break;
    case VK_IMAGE_TYPE_2D:
        out.maxExtent = {limits.maxImageDimension2D, limits.maxImageDimension2D, 1};
        break;
    default:
        if (!color)
            return VK_ERROR_FORMAT_NOT_SUPPORTED;
        out.maxExtent = {limits.maxImageDimension3D, limits.maxImageDimension3D, limits.maxImageDimension3D};
        break;
    }
    out.maxArrayLayers = info->type == VK_IMAGE_TYPE_3D ? 1 : limits.maxImageArrayLayers;
    out.maxMipLevels = util_logbase2(out.maxExtent.width) + 1;
    constexpr VkImageUsageFlags kDrawn =
        VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
    const bool several = info->type == VK_IMAGE_TYPE_2D && info->usage & kDrawn &&
                         !(info->usage & VK_IMAGE_USAGE_STORAGE_BIT) &&
                         !(info->flags & VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT);
    out.sampleCounts = several ? sampleCounts(device, info->format) : VK_SAMPLE_COUNT_1_BIT;
    out.maxResourceSize = limits.maxMemoryAllocationSize;
    if (linear)
        out.maxArrayLayers = out.maxMipLevels = 1;
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL svga_GetPhysicalDeviceSparseImageFormatProperties2(
    VkPhysicalDevice, const VkPhysicalDeviceSparseImageFormatInfo2*, uint32_t* count, VkSparseImageFormatProperties2*) {
    *count = 0;
}

VKAPI_ATTR void VKAPI_CALL svga_GetPhysicalDeviceExternalBufferProperties(
    VkPhysicalDevice, const VkPhysicalDeviceExternalBufferInfo* info, VkExternalBufferProperties* properties) {
    constexpr VkExternalMemoryHandleTypeFlags kTypes =
        VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT | VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
    VkExternalMemoryProperties& out = properties->externalMemoryProperties;
    out = {};
    if (info->flags || !(info->handleType & kTypes))
        return;
    out.externalMemoryFeatures = VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
    out.exportFromImportedHandleTypes = out.compatibleHandleTypes = kTypes;
}

} // extern "C"
