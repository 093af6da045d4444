// SPDX-License-Identifier: MIT
#include "vulkan/formats.h"

#include "vulkan/device.h"

#include <svga3d_devcaps.h>

#include <map>

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
    table[VK_FORMAT_D24_UNORM_S8_UINT] = {SVGA3D_D24_UNORM_S8_UINT, SVGA3D_R24G8_TYPELESS, SVGA3D_R24_UNORM_X8,
                                          SVGA3D_X24_G8_UINT};
    table[VK_FORMAT_X8_D24_UNORM_PACK32] = {SVGA3D_D24_UNORM_S8_UINT, SVGA3D_R24G8_TYPELESS, SVGA3D_R24_UNORM_X8,
                                            SVGA3D_FORMAT_INVALID};
    table[VK_FORMAT_D32_SFLOAT_S8_UINT] = {SVGA3D_D32_FLOAT_S8X24_UINT, SVGA3D_R32G8X24_TYPELESS,
                                           SVGA3D_R32_FLOAT_X8X24, SVGA3D_X32_G8X24_UINT};
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

} // namespace

const Format* findFormat(VkFormat format) {
    static const Table table = makeTable(); // immutable once built
    const auto entry = table.find(format);
    return entry == table.end() ? nullptr : &entry->second;
}

VkFormatFeatureFlags2 optimalFeatures(const PhysicalDevice&, VkFormat) {
    return 0;
}

VkFormatFeatureFlags2 linearFeatures(const PhysicalDevice&, VkFormat) {
    return 0;
}

VkFormatFeatureFlags2 bufferFeatures(const PhysicalDevice& device, VkFormat format) {
    const Format* known = findFormat(format);
    if (!known || !vk_format_is_color(format) || vk_format_is_compressed(format))
        return 0;
    capabilities(device, known->typed);
    return 0;
}

} // namespace svga::vulkan

using namespace svga::vulkan;

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

VKAPI_ATTR VkResult VKAPI_CALL svga_GetPhysicalDeviceImageFormatProperties2(VkPhysicalDevice,
                                                                            const VkPhysicalDeviceImageFormatInfo2*,
                                                                            VkImageFormatProperties2* properties) {
    properties->imageFormatProperties = {};
    return VK_ERROR_FORMAT_NOT_SUPPORTED;
}

VKAPI_ATTR void VKAPI_CALL svga_GetPhysicalDeviceSparseImageFormatProperties2(
    VkPhysicalDevice, const VkPhysicalDeviceSparseImageFormatInfo2*, uint32_t* count, VkSparseImageFormatProperties2*) {
    *count = 0;
}

VKAPI_ATTR void VKAPI_CALL svga_GetPhysicalDeviceExternalBufferProperties(VkPhysicalDevice,
                                                                          const VkPhysicalDeviceExternalBufferInfo*,
                                                                          VkExternalBufferProperties* properties) {
    properties->externalMemoryProperties = {};
}

} // extern "C"
