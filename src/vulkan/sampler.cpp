// SPDX-License-Identifier: MIT
#include "vulkan/image.h"

#include <algorithm>

#include "vk_sampler.h"

using namespace svga::vulkan;

namespace {

uint8_t address(VkSamplerAddressMode mode) {
    switch (mode) {
    case VK_SAMPLER_ADDRESS_MODE_REPEAT:
        return SVGA3D_TEX_ADDRESS_WRAP;
    case VK_SAMPLER_ADDRESS_MODE_MIRRORED_REPEAT:
        return SVGA3D_TEX_ADDRESS_MIRROR;
    case VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER:
        return SVGA3D_TEX_ADDRESS_BORDER;
    case VK_SAMPLER_ADDRESS_MODE_MIRROR_CLAMP_TO_EDGE:
        return SVGA3D_TEX_ADDRESS_MIRRORONCE;
    default:
        return SVGA3D_TEX_ADDRESS_CLAMP;
    }
}

SVGA3dCmdDXDefineSamplerState stateOf(const VkSamplerCreateInfo& info, const vk_sampler& sampler) {
    SVGA3dCmdDXDefineSamplerState state{};
    state.filter = (info.minFilter == VK_FILTER_LINEAR ? SVGA3D_FILTER_MIN_LINEAR : 0) |
                   (info.magFilter == VK_FILTER_LINEAR ? SVGA3D_FILTER_MAG_LINEAR : 0) |
                   (info.mipmapMode == VK_SAMPLER_MIPMAP_MODE_LINEAR ? SVGA3D_FILTER_MIP_LINEAR : 0) |
                   (info.anisotropyEnable ? SVGA3D_FILTER_ANISOTROPIC : 0) |
                   (info.compareEnable ? SVGA3D_FILTER_COMPARE : 0);
    state.addressU = address(info.addressModeU);
    state.addressV = address(info.addressModeV);
    state.addressW = address(info.addressModeW);
    state.mipLODBias = info.mipLodBias;
    state.maxAnisotropy = static_cast<uint8_t>(info.anisotropyEnable ? std::clamp(info.maxAnisotropy, 1.0f, 16.0f) : 1);
    state.comparisonFunc = static_cast<SVGA3dComparisonFunc>(
        info.compareEnable ? SVGA3D_COMPARISON_NEVER + (info.compareOp - VK_COMPARE_OP_NEVER)
                           : SVGA3D_COMPARISON_NEVER);
    const float* border = sampler.border_color_value.float32;
    std::copy_n(border, 4, state.borderColor.value);
    state.minLOD = info.minLod;
    state.maxLOD = info.maxLod;
    return state;
}

} // namespace

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateSampler(VkDevice handle, const VkSamplerCreateInfo* info,
                                                  const VkAllocationCallbacks* allocator, VkSampler* out) {
    vk_device* device = vk_device_from_handle(handle);
    auto* sampler = static_cast<Sampler*>(vk_sampler_create(device, info, allocator, sizeof(Sampler)));
    if (!sampler)
        return vk_error(device, VK_ERROR_OUT_OF_HOST_MEMORY);
    sampler->state = stateOf(*info, *sampler);
    sampler->takesTexels = info->unnormalizedCoordinates;
    *out = vk_sampler_to_handle(sampler);
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL svga_DestroySampler(VkDevice handle, VkSampler sampler,
                                               const VkAllocationCallbacks* allocator) {
    if (sampler)
        vk_sampler_destroy(vk_device_from_handle(handle), allocator, vk_sampler_from_handle(sampler));
}

} // extern "C"
