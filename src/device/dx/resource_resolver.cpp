// SPDX-License-Identifier: MIT
#include "device/dx/convert.h"
#include "device/dx/descriptors.h"
#include "device/vulkan/format.h"

#include <algorithm>
#include <optional>

namespace svga::device {

using vgpu10::ResourceDimension;
using vgpu10::Stage;

namespace {

/** \brief How an image of some shape is seen through a shader's declaration. */
struct ViewShape {
    VkImageViewType type;
    VkImageType image;
    uint32_t layerUnit; ///< layers come in multiples of this
    bool array;
    bool multisample;
};

/** \brief Nothing for what is no image. */
std::optional<ViewShape> viewShapeOf(ResourceDimension dimension) {
    using enum ResourceDimension;
    constexpr auto OneD = VK_IMAGE_TYPE_1D, TwoD = VK_IMAGE_TYPE_2D, ThreeD = VK_IMAGE_TYPE_3D;
    switch (dimension) {
    case Texture1D:
        return ViewShape{VK_IMAGE_VIEW_TYPE_1D, OneD, 1, false, false};
    case Texture1DArray:
        return ViewShape{VK_IMAGE_VIEW_TYPE_1D_ARRAY, OneD, 1, true, false};
    case Texture2D:
        return ViewShape{VK_IMAGE_VIEW_TYPE_2D, TwoD, 1, false, false};
    case Texture2DArray:
        return ViewShape{VK_IMAGE_VIEW_TYPE_2D_ARRAY, TwoD, 1, true, false};
    case Texture2DMS:
        return ViewShape{VK_IMAGE_VIEW_TYPE_2D, TwoD, 1, false, true};
    case Texture2DMSArray:
        return ViewShape{VK_IMAGE_VIEW_TYPE_2D_ARRAY, TwoD, 1, true, true};
    case Texture3D:
        return ViewShape{VK_IMAGE_VIEW_TYPE_3D, ThreeD, 1, false, false};
    case TextureCube:
        return ViewShape{VK_IMAGE_VIEW_TYPE_CUBE, TwoD, 6, false, false};
    case TextureCubeArray:
        return ViewShape{VK_IMAGE_VIEW_TYPE_CUBE_ARRAY, TwoD, 6, true, false};
    case Unknown:
    case Buffer:
    case RawBuffer:
    case StructuredBuffer:
        break;
    }
    return std::nullopt;
}

/** \brief Levels and layers [first, first + count) of \p total, at most; count 0 where nothing is left. */
uint32_t clampCount(uint32_t first, uint32_t count, uint32_t total) {
    return first < total ? std::min(count, total - first) : 0;
}

/**
 * \brief The view of \p surface for what the shader declared; it rules over what the view was defined as, since a
 * descriptor of another shape would be undefined behaviour. Null where the image has no such view.
 */
VkImageView imageView(Surface& surface, ResourceDimension dimension, const FormatInfo& format, bool storage,
                      uint32_t firstLevel, uint32_t levels, uint32_t firstLayer, uint32_t layers) {
    const SurfaceDesc& desc = surface.desc();
    const auto known = viewShapeOf(dimension);
    if (!known || known->image != imageTypeOf(desc) || known->multisample != (desc.sampleCount > 1))
        return VK_NULL_HANDLE;
    const ViewShape& shape = *known;
    if (shape.layerUnit == 6 && desc.size.width != desc.size.height)
        return VK_NULL_HANDLE; // not made to be seen as a cube

    ImageViewKey key;
    key.type = shape.type;
    key.firstLevel = firstLevel;
    key.levels = storage ? 1 : clampCount(firstLevel, levels, desc.mipLevels);
    key.firstLayer = shape.image == VK_IMAGE_TYPE_3D ? 0 : firstLayer;
    key.layers = shape.image == VK_IMAGE_TYPE_3D ? 1 : clampCount(firstLayer, layers, desc.arraySize);
    key.layers = shape.array ? key.layers / shape.layerUnit * shape.layerUnit : std::min(key.layers, shape.layerUnit);
    if (key.levels == 0 || key.layers == 0 || key.layers % shape.layerUnit != 0)
        return VK_NULL_HANDLE;

    if (shape.image == VK_IMAGE_TYPE_3D && storage) {
        const uint32_t depth = std::max(1u, desc.size.depth >> firstLevel);
        const uint32_t slices = clampCount(firstLayer, layers, depth);
        if (slices == 0)
            return VK_NULL_HANDLE;
        if (slices != depth)
            key.firstSlice = firstLayer, key.slices = slices;
    }

    key.format = format.vulkan;
    if (!storage)
        key.swizzle = format.swizzle;
    key.aspect = format.aspect;
    if (const VkImageAspectFlags aspects = depthStencilAspects(surface.imageFormat())) {
        // Depth formats have one view format; which aspect is read is all that the guest's format says.
        key.format = surface.imageFormat();
        const bool stencil = (format.aspect & aspects) == VK_IMAGE_ASPECT_STENCIL_BIT;
        const bool hasDepth = (aspects & VK_IMAGE_ASPECT_DEPTH_BIT) != 0;
        key.aspect = stencil || !hasDepth ? VK_IMAGE_ASPECT_STENCIL_BIT : VK_IMAGE_ASPECT_DEPTH_BIT;
    }
    return surface.view(key);
}

} // namespace

VkImageType imageTypeOf(const SurfaceDesc& desc) {
    if ((desc.flags & SVGA3D_SURFACE_VOLUME) || desc.size.depth > 1)
        return VK_IMAGE_TYPE_3D;
    return (desc.flags & SVGA3D_SURFACE_1D) && desc.size.height == 1 ? VK_IMAGE_TYPE_1D : VK_IMAGE_TYPE_2D;
}

std::shared_ptr<Surface> findSurface(const SurfaceLookup& surfaces, uint32_t id) {
    if (id == SVGA3D_INVALID_ID)
        return nullptr;
    try {
        return surfaces.get(id);
    } catch (const CommandError&) {
        return nullptr;
    }
}

VkImageAspectFlags depthStencilAspects(VkFormat format) {
    switch (format) {
    case VK_FORMAT_D16_UNORM:
    case VK_FORMAT_X8_D24_UNORM_PACK32:
    case VK_FORMAT_D32_SFLOAT:
        return VK_IMAGE_ASPECT_DEPTH_BIT;
    case VK_FORMAT_S8_UINT:
        return VK_IMAGE_ASPECT_STENCIL_BIT;
    case VK_FORMAT_D16_UNORM_S8_UINT:
    case VK_FORMAT_D24_UNORM_S8_UINT:
    case VK_FORMAT_D32_SFLOAT_S8_UINT:
        return VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;
    default:
        return 0;
    }
}

Descriptor ResourceResolver::constantBuffer(const DxContext& context, const ResourceUse& use) {
    Descriptor out{use.binding, uint32_t(use.type)};
    const auto& bound = context.state.guest.shaderState[shaderStateIndex(use.stage)].constantBuffers[use.slot];
    auto surface = findSurface(surfaces_, bound.sid);
    const VkPhysicalDeviceLimits& limits = device_.properties().limits;
    if (!surface || !surface->buffer() || bound.offsetInBytes >= surface->bufferSize() || bound.sizeInBytes == 0 ||
        bound.offsetInBytes % limits.minUniformBufferOffsetAlignment != 0)
        return out;
    out.handle = uint64_t(surface->buffer());
    out.offset = bound.offsetInBytes;
    out.size =
        std::min<uint64_t>({bound.sizeInBytes, surface->bufferSize() - out.offset, limits.maxUniformBufferRange});
    return out;
}

Descriptor ResourceResolver::bufferView(Surface& surface, const ResourceUse& use, SVGA3dSurfaceFormat format,
                                        uint32_t first, uint32_t count, bool raw) {
    Descriptor out{use.binding, uint32_t(use.type)};
    const FormatInfo* info = formatInfo(format);
    if (!surface.buffer())
        return out;
    const bool typed = use.dimension == ResourceDimension::Buffer;
    if (!typed && use.dimension != ResourceDimension::RawBuffer && use.dimension != ResourceDimension::StructuredBuffer)
        return out;
    uint64_t elementSize = raw ? 4 : info ? info->bytesPerBlock : 0;
    if (use.dimension == ResourceDimension::StructuredBuffer && surface.desc().bufferByteStride != 0)
        elementSize = surface.desc().bufferByteStride;
    const VkPhysicalDeviceLimits& limits = device_.properties().limits;
    const uint64_t offset = first * elementSize;
    if (elementSize == 0 || offset >= surface.bufferSize())
        return out;
    uint64_t size = std::min<uint64_t>(count * elementSize, surface.bufferSize() - offset);
    size -= size % elementSize;
    if (size == 0)
        return out;
    if (typed) {
        if (!info || info->vulkan == VK_FORMAT_UNDEFINED || offset % limits.minTexelBufferOffsetAlignment != 0)
            return out;
        size = std::min<uint64_t>(size, uint64_t(limits.maxTexelBufferElements) * elementSize);
        out.handle = uint64_t(surface.bufferView(info->vulkan, offset, size));
        return out;
    }
    if (offset % limits.minStorageBufferOffsetAlignment != 0)
        return out;
    out.handle = uint64_t(surface.buffer());
    out.offset = offset;
    out.size = std::min<uint64_t>(size, limits.maxStorageBufferRange);
    return out;
}

Descriptor ResourceResolver::shaderResource(const DxContext& context, const ResourceUse& use) {
    Descriptor out{use.binding, uint32_t(use.type)};
    const uint32_t id = context.state.guest.shaderState[shaderStateIndex(use.stage)].shaderResources[use.slot];
    const auto entry = context.find<SVGACOTableDXSRViewEntry>(id);
    if (!entry || entry->format == SVGA3D_FORMAT_INVALID)
        return out;
    auto surface = findSurface(surfaces_, entry->sid);
    const FormatInfo* format = formatInfo(entry->format);
    if (!surface || !format)
        return out;
    const auto& desc = entry->desc;
    if (surface->desc().isBuffer()) {
        const bool raw = entry->resourceDimension == SVGA3D_RESOURCE_BUFFEREX
                             ? (desc.bufferex.flags & SVGA3D_BUFFEREX_SRV_RAW) != 0
                             : use.dimension == ResourceDimension::RawBuffer;
        out = bufferView(*surface, use, entry->format, desc.buffer.firstElement, desc.buffer.numElements, raw);
    } else if (use.type == VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE && format->vulkan != VK_FORMAT_UNDEFINED) {
        out.handle = uint64_t(imageView(*surface, use.dimension, *format, false, desc.tex.mostDetailedMip,
                                        desc.tex.mipLevels, desc.tex.firstArraySlice, desc.tex.arraySize));
    }
    return out;
}

Descriptor ResourceResolver::uav(const DxContext& context, const ResourceUse& use) {
    Descriptor out{use.binding, uint32_t(use.type)};
    const auto& guest = context.state.guest;
    const bool compute = use.stage == Stage::Compute;
    const uint32_t first = compute ? 0 : guest.uavSpliceIndex; // drawing: registers below it are render targets
    if (use.slot < first || use.slot - first >= SVGA3D_DX11_1_MAX_UAVIEWS)
        return out;
    const uint32_t id = (compute ? guest.csuaViewIds : guest.uaViewIds)[use.slot - first];
    const auto entry = context.find<SVGACOTableDXUAViewEntry>(id);
    if (!entry || entry->format == SVGA3D_FORMAT_INVALID)
        return out;
    auto surface = findSurface(surfaces_, entry->sid);
    const FormatInfo* format = formatInfo(entry->format);
    if (!surface || !format)
        return out;
    const auto& desc = entry->desc;
    if (surface->desc().isBuffer()) {
        out = bufferView(*surface, use, entry->format, desc.buffer.firstElement, desc.buffer.numElements,
                         (desc.buffer.flags & SVGA3D_UABUFFER_RAW) != 0);
    } else if (use.type == VK_DESCRIPTOR_TYPE_STORAGE_IMAGE && format->vulkan != VK_FORMAT_UNDEFINED) {
        out.handle = uint64_t(imageView(*surface, use.dimension, *format, true, desc.tex.mipSlice, 1,
                                        desc.tex.firstArraySlice, desc.tex.arraySize));
    }
    return out;
}

Descriptor ResourceResolver::sampler(const DxContext& context, const ResourceUse& use) {
    const auto& state = context.state.guest.shaderState[shaderStateIndex(use.stage)];
    auto entry =
        context.find<SVGACOTableDXSamplerEntry>(state.samplers[use.slot]).value_or(SVGACOTableDXSamplerEntry{});
    const auto isAlphaAsRed = [&](uint32_t slot) {
        const auto view = context.find<SVGACOTableDXSRViewEntry>(state.shaderResources[slot]);
        const FormatInfo* format = view ? formatInfo(view->format) : nullptr;
        return format && format->alphaAsRed();
    };
    const auto hasBorder = [](uint8_t address) {
        return addressMode(address) == VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER;
    };
    if (hasBorder(entry.addressU) || hasBorder(entry.addressV) || hasBorder(entry.addressW)) {
        // It goes through the view's component mapping as texels do: where alpha is red, its alpha is to be red.
        bool alphaAsRed = use.sampled.any();
        for (uint32_t slot = 0; alphaAsRed && slot < use.sampled.size(); ++slot)
            alphaAsRed = !use.sampled[slot] || isAlphaAsRed(slot);
        if (alphaAsRed)
            entry.borderColor.r = entry.borderColor.a;
    }
    return {use.binding, uint32_t(use.type), uint64_t(samplers_.get(entry, use.comparison))};
}

void ResourceResolver::resolve(const DxContext& context, const PipelineLayout& layout, std::vector<Descriptor>& out,
                               bool& writes) {
    out.clear();
    writes = false;
    for (const ResourceUse& use : layout.uses) {
        switch (use.kind) {
        case ResourceUse::Kind::ConstantBuffer:
            out.push_back(constantBuffer(context, use));
            break;
        case ResourceUse::Kind::ShaderResource:
            out.push_back(shaderResource(context, use));
            break;
        case ResourceUse::Kind::Uav:
            out.push_back(uav(context, use));
            writes |= out.back().handle != 0;
            break;
        case ResourceUse::Kind::Sampler:
            out.push_back(sampler(context, use));
            break;
        }
    }
}

} // namespace svga::device
