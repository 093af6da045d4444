// SPDX-License-Identifier: MIT
#include "vulkan/image.h"

#include "vulkan/compiler/compiler.h"
#include "vulkan/device.h"
#include "vulkan/memory.h"

#include <algorithm>

#include "util/u_math.h"
#include "vk_format.h"
#include "vk_meta.h"

namespace svga::vulkan {

namespace {

constexpr uint64_t kImageAlignment = 4096; ///< bytes; a surface has pages of its own

/** The kind of resource that views of \p image are of. */
SVGA3dResourceType dimension(const vk_image& image) {
    switch (image.image_type) {
    case VK_IMAGE_TYPE_1D:
        return SVGA3D_RESOURCE_TEXTURE1D;
    case VK_IMAGE_TYPE_3D:
        return SVGA3D_RESOURCE_TEXTURE3D;
    default:
        return SVGA3D_RESOURCE_TEXTURE2D;
    }
}

uint64_t bindFlags(const Image& image) {
    constexpr VkImageUsageFlags kRead = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
    // Commands that copy, blit and clear are draws and dispatches of the driver's.
    const VkImageUsageFlags usage = image.usage | image.stencil_usage;
    uint64_t flags = 0;
    // Of depth and stencil a copy writes both, and reads the one that is to stay.
    const bool joined = image.info->stencil != SVGA3D_FORMAT_INVALID && usage & VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    const bool resolved = image.samples > VK_SAMPLE_COUNT_1_BIT;
    if (usage & (kRead | VK_IMAGE_USAGE_TRANSFER_SRC_BIT) || joined || resolved)
        flags |= SVGA3D_SURFACE_BIND_SHADER_RESOURCE;
    if (usage & VK_IMAGE_USAGE_STORAGE_BIT)
        flags |= SVGA3D_SURFACE_BIND_UAVIEW;
    const bool color = image.aspects & VK_IMAGE_ASPECT_COLOR_BIT;
    const bool drawn = usage & (VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT |
                                VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    if (!color)
        flags |= SVGA3D_SURFACE_BIND_DEPTH_STENCIL;
    else if (drawn && !vk_format_is_compressed(image.format))
        flags |= SVGA3D_SURFACE_BIND_RENDER_TARGET;
    return flags;
}

} // namespace

Image::~Image() {
    if (surface && !isLinear())
        as<Device>(base.device).queue->executor().forget(*surface);
}

uint32_t Image::linearRow() const {
    constexpr uint32_t kTexels = 16; // rows begin where any copy may
    return align(extent.width, kTexels) * vk_format_get_blocksize(format);
}

winsys::SurfaceDesc Image::surfaceDesc() const {
    winsys::SurfaceDesc desc;
    desc.format = info->surface;
    desc.width = extent.width;
    desc.height = extent.height;
    desc.depth = extent.depth;
    desc.layers = array_layers;
    desc.mipLevels = mip_levels;
    desc.flags = bindFlags(*this);
    if (image_type == VK_IMAGE_TYPE_1D)
        desc.flags |= SVGA3D_SURFACE_1D;
    if (image_type == VK_IMAGE_TYPE_3D)
        desc.flags |= SVGA3D_SURFACE_VOLUME;
    if (create_flags & VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT)
        desc.flags |= SVGA3D_SURFACE_CUBEMAP;
    if (array_layers > (create_flags & VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT ? 6u : 1u))
        desc.flags |= SVGA3D_SURFACE_ARRAY;
    if (samples > VK_SAMPLE_COUNT_1_BIT) {
        desc.flags |= SVGA3D_SURFACE_MULTISAMPLE;
        desc.sampleCount = samples;
    }
    return desc;
}

uint32_t Image::texels(ContextObjects& objects, SVGA3dSurfaceFormat format, uint32_t level) const {
    SVGA3dCmdDXDefineShaderResourceView body{};
    body.format = format;
    body.resourceDimension = dimension(*this);
    body.desc.tex.mostDetailedMip = level;
    body.desc.tex.mipLevels = 1;
    body.desc.tex.arraySize = array_layers;
    return objects.view(ContextObjects::ShaderResourceView, *surface, body);
}

uint32_t ImageView::shaderResource(ContextObjects& objects) const {
    const Image& of = owner();
    SVGA3dCmdDXDefineShaderResourceView body{};
    body.format = aspects & VK_IMAGE_ASPECT_DEPTH_BIT     ? of.info->depth
                  : aspects & VK_IMAGE_ASPECT_STENCIL_BIT ? of.info->stencil
                                                          : findFormat(format)->typed;
    const bool cube = view_type == VK_IMAGE_VIEW_TYPE_CUBE || view_type == VK_IMAGE_VIEW_TYPE_CUBE_ARRAY;
    body.resourceDimension = cube ? SVGA3D_RESOURCE_TEXTURECUBE : dimension(of);
    body.desc.tex.mostDetailedMip = base_mip_level;
    body.desc.tex.mipLevels = level_count;
    body.desc.tex.firstArraySlice = base_array_layer;
    body.desc.tex.arraySize = layer_count;
    return objects.view(ContextObjects::ShaderResourceView, *of.surface, body);
}

std::array<uint8_t, 4> ImageView::sampledComponents() const {
    // Stencil is red in Vulkan, and green in the formats that show it here.
    const bool isStencil = !(aspects & (VK_IMAGE_ASPECT_COLOR_BIT | VK_IMAGE_ASPECT_DEPTH_BIT));
    const std::array<uint8_t, 4> components =
        isStencil ? std::array<uint8_t, 4>{1, TextureSwizzle::kZero, TextureSwizzle::kZero, TextureSwizzle::kOne}
                  : std::array<uint8_t, 4>{0, 1, 2, 3};
    const auto from = [&components](VkComponentSwizzle source) -> uint8_t {
        if (source == VK_COMPONENT_SWIZZLE_ZERO)
            return TextureSwizzle::kZero;
        if (source == VK_COMPONENT_SWIZZLE_ONE)
            return TextureSwizzle::kOne;
        return components[source - VK_COMPONENT_SWIZZLE_R];
    };
    return {from(swizzle.r), from(swizzle.g), from(swizzle.b), from(swizzle.a)};
}

uint32_t ImageView::unorderedAccess(ContextObjects& objects) const {
    const Image& of = owner();
    SVGA3dCmdDXDefineUAView body{};
    body.format = findFormat(format)->typed;
    body.resourceDimension = dimension(of);
    body.desc.tex.mipSlice = base_mip_level;
    body.desc.tex.firstArraySlice = base_array_layer;
    body.desc.tex.arraySize = layer_count;
    if (of.image_type == VK_IMAGE_TYPE_3D) {
        body.desc.tex3D.firstW = 0;
        body.desc.tex3D.wSize = std::max(of.extent.depth >> base_mip_level, 1u);
    }
    return objects.view(ContextObjects::UnorderedAccessView, *of.surface, body);
}

uint32_t ImageView::renderTarget(ContextObjects& objects, uint32_t layer) const {
    const Image& of = owner();
    SVGA3dCmdDXDefineRenderTargetView body{};
    body.format = findFormat(format)->typed;
    body.resourceDimension = dimension(of);
    // Layers of a view of a three-dimensional image are its slices.
    body.desc.tex.mipSlice = base_mip_level;
    body.desc.tex.firstArraySlice = base_array_layer + (layer == kAllLayers ? 0 : layer);
    body.desc.tex.arraySize = layer == kAllLayers ? layer_count : 1;
    return objects.view(ContextObjects::RenderTargetView, *of.surface, body);
}

uint32_t ImageView::depthStencil(ContextObjects& objects, uint32_t layer) const {
    const Image& of = owner();
    SVGA3dCmdDXDefineDepthStencilView body{};
    body.format = of.info->typed;
    body.resourceDimension = dimension(of);
    body.mipSlice = base_mip_level;
    body.firstArraySlice = base_array_layer + (layer == kAllLayers ? 0 : layer);
    body.arraySize = layer == kAllLayers ? layer_count : 1;
    return objects.view(ContextObjects::DepthStencilView, *of.surface, body);
}

} // namespace svga::vulkan

using namespace svga::vulkan;

namespace {

void requirements(const Image& image, VkMemoryRequirements2& out) {
    VkMemoryRequirements& memory = out.memoryRequirements;
    memory.memoryTypeBits = 1u << kDeviceLocalMemory;
    memory.alignment = kImageAlignment;
    memory.size = align64(svga::winsys::backingSize(image.surfaceDesc()), kImageAlignment);
    if (image.isLinear()) {
        memory.memoryTypeBits |= 1u << kCoherentMemory;
        memory.size = align64(uint64_t{image.linearRow()} * image.extent.height, kImageAlignment);
    }
    vk_foreach_struct(extension, out.pNext) {
        if (extension->sType == VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS) {
            auto* dedicated = reinterpret_cast<VkMemoryDedicatedRequirements*>(extension);
            dedicated->prefersDedicatedAllocation = dedicated->requiresDedicatedAllocation = false;
        }
    }
}

/** Makes an image that has no memory yet. */
Image* createImage(vk_device& device, const VkImageCreateInfo& info, const VkAllocationCallbacks* allocator) {
    auto* image = allocate<Image>(device, allocator);
    vk_image_init(&device, image, &info);
    image->info = findFormat(info.format);
    return image;
}

void destroyImage(vk_device& device, Image* image, const VkAllocationCallbacks* allocator) {
    vk_image_finish(image);
    release(device, allocator, image);
}

} // namespace

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateImage(VkDevice handle, const VkImageCreateInfo* info,
                                                const VkAllocationCallbacks* allocator, VkImage* out) {
    vk_device* device = vk_device_from_handle(handle);
    return guarded(device, VK_ERROR_OUT_OF_HOST_MEMORY,
                   [&] { *out = vk_image_to_handle(createImage(*device, *info, allocator)); });
}

VKAPI_ATTR void VKAPI_CALL svga_DestroyImage(VkDevice handle, VkImage image, const VkAllocationCallbacks* allocator) {
    if (image)
        destroyImage(*vk_device_from_handle(handle), &as<Image>(vk_image_from_handle(image)), allocator);
}

VKAPI_ATTR void VKAPI_CALL svga_GetImageMemoryRequirements2(VkDevice, const VkImageMemoryRequirementsInfo2* info,
                                                            VkMemoryRequirements2* out) {
    requirements(as<Image>(vk_image_from_handle(info->image)), *out);
}

VKAPI_ATTR void VKAPI_CALL svga_GetDeviceImageMemoryRequirements(VkDevice handle,
                                                                 const VkDeviceImageMemoryRequirements* info,
                                                                 VkMemoryRequirements2* out) {
    vk_device* device = vk_device_from_handle(handle);
    guarded(device, VK_ERROR_OUT_OF_HOST_MEMORY, [&] {
        Image* image = createImage(*device, *info->pCreateInfo, nullptr);
        requirements(*image, *out);
        destroyImage(*device, image, nullptr);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_GetImageSubresourceLayout2KHR(VkDevice, VkImage handle, const VkImageSubresource2KHR*,
                                                              VkSubresourceLayout2KHR* out) {
    const Image& image = as<Image>(vk_image_from_handle(handle));
    const uint64_t row = image.linearRow(), size = row * image.extent.height;
    out->subresourceLayout = {0, size, row, size, size}; // a linear image has one subresource
}

VKAPI_ATTR void VKAPI_CALL svga_GetImageSparseMemoryRequirements2(VkDevice, const VkImageSparseMemoryRequirementsInfo2*,
                                                                  uint32_t* count, VkSparseImageMemoryRequirements2*) {
    *count = 0;
}

VKAPI_ATTR void VKAPI_CALL svga_GetDeviceImageSparseMemoryRequirements(VkDevice, const VkDeviceImageMemoryRequirements*,
                                                                       uint32_t* count,
                                                                       VkSparseImageMemoryRequirements2*) {
    *count = 0;
}

VKAPI_ATTR VkResult VKAPI_CALL svga_BindImageMemory2(VkDevice handle, uint32_t count,
                                                     const VkBindImageMemoryInfo* infos) {
    Device& device = as<Device>(vk_device_from_handle(handle));
    return guarded(&device, VK_ERROR_OUT_OF_DEVICE_MEMORY, [&] {
        for (uint32_t i = 0; i < count; ++i) {
            Image& image = as<Image>(vk_image_from_handle(infos[i].image));
            Memory* memory = infos[i].memory ? &as<Memory>(vk_device_memory_from_handle(infos[i].memory)) : nullptr;
            if (image.isLinear()) {
                image.surface = memory->surface();
                image.offset = static_cast<uint32_t>(infos[i].memoryOffset);
            } else if (memory && image.create_flags & VK_IMAGE_CREATE_ALIAS_BIT) {
                image.surface = memory->aliasedSurface(image.surfaceDesc(), infos[i].memoryOffset);
            } else {
                image.surface = svga::winsys::Surface::create(*device.winsys, image.surfaceDesc());
            }
            const auto* status =
                static_cast<const VkBindMemoryStatusKHR*>(vk_find_struct_const(infos[i].pNext, BIND_MEMORY_STATUS_KHR));
            if (status)
                *status->pResult = VK_SUCCESS;
        }
    });
}

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateImageView(VkDevice handle, const VkImageViewCreateInfo* info,
                                                    const VkAllocationCallbacks* allocator, VkImageView* out) {
    vk_device* device = vk_device_from_handle(handle);
    return guarded(device, VK_ERROR_OUT_OF_HOST_MEMORY, [&] {
        auto* view = allocate<ImageView>(*device, allocator);
        const bool internal = info->flags & VK_IMAGE_VIEW_CREATE_DRIVER_INTERNAL_BIT_MESA;
        vk_image_view_init(device, view, internal, info);
        *out = vk_image_view_to_handle(view);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_DestroyImageView(VkDevice handle, VkImageView viewHandle,
                                                 const VkAllocationCallbacks* allocator) {
    if (!viewHandle)
        return;
    ImageView& view = as<ImageView>(vk_image_view_from_handle(viewHandle));
    vk_image_view_finish(&view);
    release(*vk_device_from_handle(handle), allocator, &view);
}

} // extern "C"
