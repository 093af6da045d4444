// SPDX-License-Identifier: MIT
#include "device/vulkan/format.h"

#include <svga3d_surfacedefs.h>

#include <array>
#include <map>

namespace svga::device {

namespace {

using vgpu10::NumericType;
constexpr NumericType F = NumericType::Float, S = NumericType::Sint, U = NumericType::Uint;

constexpr VkComponentSwizzle kZero = VK_COMPONENT_SWIZZLE_ZERO, kOne = VK_COMPONENT_SWIZZLE_ONE,
                             kR = VK_COMPONENT_SWIZZLE_R, kG = VK_COMPONENT_SWIZZLE_G;
constexpr VkComponentMapping kRgba{};
constexpr VkComponentMapping kRgb1{VK_COMPONENT_SWIZZLE_IDENTITY, VK_COMPONENT_SWIZZLE_IDENTITY,
                                   VK_COMPONENT_SWIZZLE_IDENTITY, kOne};
constexpr VkComponentMapping kAlpha{kZero, kZero, kZero, kR};
constexpr VkComponentMapping kLuminance{kR, kR, kR, kOne};
constexpr VkComponentMapping kLuminanceAlpha{kR, kR, kR, kG};
/// The formats that show stencil have it in green.
constexpr VkComponentMapping kStencil{kZero, kR, kZero, kOne};

class FormatTable {
public:
    FormatTable() {
        for (uint32_t i = 0; i < formats_.size(); ++i) {
            const SVGA3dSurfaceDesc& desc = g_SVGA3dSurfaceDescs[i];
            formats_[i].blockWidth = desc.blockSize.width;
            formats_[i].blockHeight = desc.blockSize.height;
            formats_[i].blockDepth = desc.blockSize.depth;
            formats_[i].bytesPerBlock = desc.bytesPerBlock;
        }
        addColor();
        addPacked();
        addCompressed();
        addLegacy();
        addDepth();
        for (const FormatInfo& info : formats_)
            if (info.image != VK_FORMAT_UNDEFINED && info.aspect == VK_IMAGE_ASPECT_COLOR_BIT)
                families_.emplace(info.vulkan, Family{info.bytesPerBlock, compression(info.vulkan), info.numericType});
    }

    struct Family {
        uint32_t bytes;
        uint32_t compression; ///< BC number; 0: none
        NumericType type;
    };

    const FormatInfo* find(SVGA3dSurfaceFormat format) const {
        auto index = static_cast<uint32_t>(format);
        if (index >= formats_.size() || (formats_[index].vulkan == VK_FORMAT_UNDEFINED && format != SVGA3D_BUFFER))
            return nullptr;
        return &formats_[index];
    }

    const Family* family(VkFormat format) const {
        auto it = families_.find(format);
        return it == families_.end() ? nullptr : &it->second;
    }

private:
    /** Only views within one BCn are allowed. */
    static uint32_t compression(VkFormat format) {
        switch (format) {
        case VK_FORMAT_BC1_RGBA_UNORM_BLOCK:
        case VK_FORMAT_BC1_RGBA_SRGB_BLOCK:
            return 1;
        case VK_FORMAT_BC2_UNORM_BLOCK:
        case VK_FORMAT_BC2_SRGB_BLOCK:
            return 2;
        case VK_FORMAT_BC3_UNORM_BLOCK:
        case VK_FORMAT_BC3_SRGB_BLOCK:
            return 3;
        case VK_FORMAT_BC4_UNORM_BLOCK:
        case VK_FORMAT_BC4_SNORM_BLOCK:
            return 4;
        case VK_FORMAT_BC5_UNORM_BLOCK:
        case VK_FORMAT_BC5_SNORM_BLOCK:
            return 5;
        case VK_FORMAT_BC6H_UFLOAT_BLOCK:
        case VK_FORMAT_BC6H_SFLOAT_BLOCK:
            return 6;
        case VK_FORMAT_BC7_UNORM_BLOCK:
        case VK_FORMAT_BC7_SRGB_BLOCK:
            return 7;
        default:
            return 0;
        }
    }

    FormatInfo& color(SVGA3dSurfaceFormat format, VkFormat vulkan, NumericType type = F,
                      VkComponentMapping swizzle = kRgba) {
        FormatInfo& info = formats_[format];
        info.vulkan = info.image = vulkan;
        info.numericType = type;
        info.swizzle = swizzle;
        return info;
    }
    void typeless(SVGA3dSurfaceFormat format, VkFormat usual, VkComponentMapping swizzle = kRgba) {
        color(format, usual, F, swizzle).typeless = true;
    }
    /** A format whose images can also, or only, be depth images. */
    FormatInfo& depth(SVGA3dSurfaceFormat format, VkFormat depthImage, DepthPacking packing) {
        FormatInfo& info = formats_[format];
        info.depthImage = depthImage;
        info.packing = packing;
        return info;
    }
    void onlyDepth(SVGA3dSurfaceFormat format, VkFormat depthImage, DepthPacking packing, VkImageAspectFlags aspect,
                   VkComponentMapping swizzle = kRgba) {
        FormatInfo& info = depth(format, depthImage, packing);
        info.vulkan = info.image = depthImage;
        info.aspect = aspect;
        info.swizzle = swizzle;
        info.depthStencil = true;
        if (aspect == VK_IMAGE_ASPECT_STENCIL_BIT)
            info.numericType = U;
    }

    void addColor() {
        typeless(SVGA3D_R32G32B32A32_TYPELESS, VK_FORMAT_R32G32B32A32_SFLOAT);
        color(SVGA3D_R32G32B32A32_FLOAT, VK_FORMAT_R32G32B32A32_SFLOAT);
        color(SVGA3D_R32G32B32A32_UINT, VK_FORMAT_R32G32B32A32_UINT, U);
        color(SVGA3D_R32G32B32A32_SINT, VK_FORMAT_R32G32B32A32_SINT, S);
        typeless(SVGA3D_R32G32B32_TYPELESS, VK_FORMAT_R32G32B32_SFLOAT);
        color(SVGA3D_R32G32B32_FLOAT, VK_FORMAT_R32G32B32_SFLOAT);
        color(SVGA3D_R32G32B32_UINT, VK_FORMAT_R32G32B32_UINT, U);
        color(SVGA3D_R32G32B32_SINT, VK_FORMAT_R32G32B32_SINT, S);
        typeless(SVGA3D_R16G16B16A16_TYPELESS, VK_FORMAT_R16G16B16A16_SFLOAT);
        color(SVGA3D_R16G16B16A16_FLOAT, VK_FORMAT_R16G16B16A16_SFLOAT);
        color(SVGA3D_R16G16B16A16_UNORM, VK_FORMAT_R16G16B16A16_UNORM);
        color(SVGA3D_R16G16B16A16_SNORM, VK_FORMAT_R16G16B16A16_SNORM);
        color(SVGA3D_R16G16B16A16_UINT, VK_FORMAT_R16G16B16A16_UINT, U);
        color(SVGA3D_R16G16B16A16_SINT, VK_FORMAT_R16G16B16A16_SINT, S);
        typeless(SVGA3D_R32G32_TYPELESS, VK_FORMAT_R32G32_SFLOAT);
        color(SVGA3D_R32G32_FLOAT, VK_FORMAT_R32G32_SFLOAT);
        color(SVGA3D_R32G32_UINT, VK_FORMAT_R32G32_UINT, U);
        color(SVGA3D_R32G32_SINT, VK_FORMAT_R32G32_SINT, S);
        typeless(SVGA3D_R8G8B8A8_TYPELESS, VK_FORMAT_R8G8B8A8_UNORM);
        color(SVGA3D_R8G8B8A8_UNORM, VK_FORMAT_R8G8B8A8_UNORM);
        color(SVGA3D_R8G8B8A8_UNORM_SRGB, VK_FORMAT_R8G8B8A8_SRGB);
        color(SVGA3D_R8G8B8A8_SNORM, VK_FORMAT_R8G8B8A8_SNORM);
        color(SVGA3D_R8G8B8A8_UINT, VK_FORMAT_R8G8B8A8_UINT, U);
        color(SVGA3D_R8G8B8A8_SINT, VK_FORMAT_R8G8B8A8_SINT, S);
        typeless(SVGA3D_B8G8R8A8_TYPELESS, VK_FORMAT_B8G8R8A8_UNORM);
        color(SVGA3D_B8G8R8A8_UNORM, VK_FORMAT_B8G8R8A8_UNORM);
        color(SVGA3D_B8G8R8A8_UNORM_SRGB, VK_FORMAT_B8G8R8A8_SRGB);
        typeless(SVGA3D_B8G8R8X8_TYPELESS, VK_FORMAT_B8G8R8A8_UNORM, kRgb1);
        color(SVGA3D_B8G8R8X8_UNORM, VK_FORMAT_B8G8R8A8_UNORM, F, kRgb1);
        color(SVGA3D_B8G8R8X8_UNORM_SRGB, VK_FORMAT_B8G8R8A8_SRGB, F, kRgb1);
        typeless(SVGA3D_R16G16_TYPELESS, VK_FORMAT_R16G16_SFLOAT);
        color(SVGA3D_R16G16_FLOAT, VK_FORMAT_R16G16_SFLOAT);
        color(SVGA3D_R16G16_UNORM, VK_FORMAT_R16G16_UNORM);
        color(SVGA3D_R16G16_SNORM, VK_FORMAT_R16G16_SNORM);
        color(SVGA3D_R16G16_UINT, VK_FORMAT_R16G16_UINT, U);
        color(SVGA3D_R16G16_SINT, VK_FORMAT_R16G16_SINT, S);
        typeless(SVGA3D_R32_TYPELESS, VK_FORMAT_R32_SFLOAT);
        color(SVGA3D_R32_FLOAT, VK_FORMAT_R32_SFLOAT);
        color(SVGA3D_R32_UINT, VK_FORMAT_R32_UINT, U);
        color(SVGA3D_R32_SINT, VK_FORMAT_R32_SINT, S);
        typeless(SVGA3D_R8G8_TYPELESS, VK_FORMAT_R8G8_UNORM);
        color(SVGA3D_R8G8_UNORM, VK_FORMAT_R8G8_UNORM);
        color(SVGA3D_R8G8_SNORM, VK_FORMAT_R8G8_SNORM);
        color(SVGA3D_R8G8_UINT, VK_FORMAT_R8G8_UINT, U);
        color(SVGA3D_R8G8_SINT, VK_FORMAT_R8G8_SINT, S);
        typeless(SVGA3D_R16_TYPELESS, VK_FORMAT_R16_UNORM);
        color(SVGA3D_R16_FLOAT, VK_FORMAT_R16_SFLOAT);
        color(SVGA3D_R16_UNORM, VK_FORMAT_R16_UNORM);
        color(SVGA3D_R16_SNORM, VK_FORMAT_R16_SNORM);
        color(SVGA3D_R16_UINT, VK_FORMAT_R16_UINT, U);
        color(SVGA3D_R16_SINT, VK_FORMAT_R16_SINT, S);
        typeless(SVGA3D_R8_TYPELESS, VK_FORMAT_R8_UNORM);
        color(SVGA3D_R8_UNORM, VK_FORMAT_R8_UNORM);
        color(SVGA3D_R8_SNORM, VK_FORMAT_R8_SNORM);
        color(SVGA3D_R8_UINT, VK_FORMAT_R8_UINT, U);
        color(SVGA3D_R8_SINT, VK_FORMAT_R8_SINT, S);
        color(SVGA3D_A8_UNORM, VK_FORMAT_R8_UNORM, F, kAlpha);
    }

    void addPacked() {
        typeless(SVGA3D_R10G10B10A2_TYPELESS, VK_FORMAT_A2B10G10R10_UNORM_PACK32);
        color(SVGA3D_R10G10B10A2_UNORM, VK_FORMAT_A2B10G10R10_UNORM_PACK32);
        color(SVGA3D_R10G10B10A2_UINT, VK_FORMAT_A2B10G10R10_UINT_PACK32, U);
        typeless(SVGA3D_R11G11B10_TYPELESS, VK_FORMAT_B10G11R11_UFLOAT_PACK32);
        color(SVGA3D_R11G11B10_FLOAT, VK_FORMAT_B10G11R11_UFLOAT_PACK32);
        color(SVGA3D_R9G9B9E5_SHAREDEXP, VK_FORMAT_E5B9G9R9_UFLOAT_PACK32);
        color(SVGA3D_B5G6R5_UNORM, VK_FORMAT_R5G6B5_UNORM_PACK16);
        color(SVGA3D_B5G5R5A1_UNORM, VK_FORMAT_A1R5G5B5_UNORM_PACK16);
        color(SVGA3D_B4G4R4A4_UNORM, VK_FORMAT_A4R4G4B4_UNORM_PACK16);
    }

    void addCompressed() {
        typeless(SVGA3D_BC1_TYPELESS, VK_FORMAT_BC1_RGBA_UNORM_BLOCK);
        color(SVGA3D_BC1_UNORM, VK_FORMAT_BC1_RGBA_UNORM_BLOCK);
        color(SVGA3D_BC1_UNORM_SRGB, VK_FORMAT_BC1_RGBA_SRGB_BLOCK);
        typeless(SVGA3D_BC2_TYPELESS, VK_FORMAT_BC2_UNORM_BLOCK);
        color(SVGA3D_BC2_UNORM, VK_FORMAT_BC2_UNORM_BLOCK);
        color(SVGA3D_BC2_UNORM_SRGB, VK_FORMAT_BC2_SRGB_BLOCK);
        typeless(SVGA3D_BC3_TYPELESS, VK_FORMAT_BC3_UNORM_BLOCK);
        color(SVGA3D_BC3_UNORM, VK_FORMAT_BC3_UNORM_BLOCK);
        color(SVGA3D_BC3_UNORM_SRGB, VK_FORMAT_BC3_SRGB_BLOCK);
        typeless(SVGA3D_BC4_TYPELESS, VK_FORMAT_BC4_UNORM_BLOCK);
        color(SVGA3D_BC4_UNORM, VK_FORMAT_BC4_UNORM_BLOCK);
        color(SVGA3D_BC4_SNORM, VK_FORMAT_BC4_SNORM_BLOCK);
        typeless(SVGA3D_BC5_TYPELESS, VK_FORMAT_BC5_UNORM_BLOCK);
        color(SVGA3D_BC5_UNORM, VK_FORMAT_BC5_UNORM_BLOCK);
        color(SVGA3D_BC5_SNORM, VK_FORMAT_BC5_SNORM_BLOCK);
        typeless(SVGA3D_BC6H_TYPELESS, VK_FORMAT_BC6H_UFLOAT_BLOCK);
        color(SVGA3D_BC6H_UF16, VK_FORMAT_BC6H_UFLOAT_BLOCK);
        color(SVGA3D_BC6H_SF16, VK_FORMAT_BC6H_SFLOAT_BLOCK);
        typeless(SVGA3D_BC7_TYPELESS, VK_FORMAT_BC7_UNORM_BLOCK);
        color(SVGA3D_BC7_UNORM, VK_FORMAT_BC7_UNORM_BLOCK);
        color(SVGA3D_BC7_UNORM_SRGB, VK_FORMAT_BC7_SRGB_BLOCK);
    }

    /** D3D9's names; what Vulkan has no format for (luminance-bump mixes, palettes, YUV) is left out. */
    void addLegacy() {
        color(SVGA3D_X8R8G8B8, VK_FORMAT_B8G8R8A8_UNORM, F, kRgb1);
        color(SVGA3D_A8R8G8B8, VK_FORMAT_B8G8R8A8_UNORM);
        color(SVGA3D_R5G6B5, VK_FORMAT_R5G6B5_UNORM_PACK16);
        color(SVGA3D_X1R5G5B5, VK_FORMAT_A1R5G5B5_UNORM_PACK16, F, kRgb1);
        color(SVGA3D_A1R5G5B5, VK_FORMAT_A1R5G5B5_UNORM_PACK16);
        color(SVGA3D_A4R4G4B4, VK_FORMAT_A4R4G4B4_UNORM_PACK16);
        color(SVGA3D_LUMINANCE8, VK_FORMAT_R8_UNORM, F, kLuminance);
        color(SVGA3D_LUMINANCE16, VK_FORMAT_R16_UNORM, F, kLuminance);
        color(SVGA3D_LUMINANCE8_ALPHA8, VK_FORMAT_R8G8_UNORM, F, kLuminanceAlpha);
        color(SVGA3D_ALPHA8, VK_FORMAT_R8_UNORM, F, kAlpha);
        color(SVGA3D_DXT1, VK_FORMAT_BC1_RGBA_UNORM_BLOCK);
        color(SVGA3D_DXT2, VK_FORMAT_BC2_UNORM_BLOCK);
        color(SVGA3D_DXT3, VK_FORMAT_BC2_UNORM_BLOCK);
        color(SVGA3D_DXT4, VK_FORMAT_BC3_UNORM_BLOCK);
        color(SVGA3D_DXT5, VK_FORMAT_BC3_UNORM_BLOCK);
        color(SVGA3D_ATI1, VK_FORMAT_BC4_UNORM_BLOCK);
        color(SVGA3D_ATI2, VK_FORMAT_BC5_UNORM_BLOCK);
        color(SVGA3D_ARGB_S10E5, VK_FORMAT_R16G16B16A16_SFLOAT);
        color(SVGA3D_ARGB_S23E8, VK_FORMAT_R32G32B32A32_SFLOAT);
        color(SVGA3D_A2R10G10B10, VK_FORMAT_A2R10G10B10_UNORM_PACK32);
        color(SVGA3D_BUMPU8V8, VK_FORMAT_R8G8_SNORM);
        color(SVGA3D_V8U8, VK_FORMAT_R8G8_SNORM);
        color(SVGA3D_Q8W8V8U8, VK_FORMAT_R8G8B8A8_SNORM);
        color(SVGA3D_V16U16, VK_FORMAT_R16G16_SNORM);
        color(SVGA3D_R_S10E5, VK_FORMAT_R16_SFLOAT);
        color(SVGA3D_R_S23E8, VK_FORMAT_R32_SFLOAT);
        color(SVGA3D_RG_S10E5, VK_FORMAT_R16G16_SFLOAT);
        color(SVGA3D_RG_S23E8, VK_FORMAT_R32G32_SFLOAT);
        color(SVGA3D_G16R16, VK_FORMAT_R16G16_UNORM);
        color(SVGA3D_A16B16G16R16, VK_FORMAT_R16G16B16A16_UNORM);
    }

    void addDepth() {
        constexpr VkImageAspectFlags kDepth = VK_IMAGE_ASPECT_DEPTH_BIT, kStencilAspect = VK_IMAGE_ASPECT_STENCIL_BIT;
        constexpr VkFormat kD24 = VK_FORMAT_D24_UNORM_S8_UINT, kD32S8 = VK_FORMAT_D32_SFLOAT_S8_UINT;

        for (SVGA3dSurfaceFormat format : {SVGA3D_R16_TYPELESS, SVGA3D_R16_UNORM})
            depth(format, VK_FORMAT_D16_UNORM, DepthPacking::D16);
        for (SVGA3dSurfaceFormat format : {SVGA3D_R32_TYPELESS, SVGA3D_R32_FLOAT})
            depth(format, VK_FORMAT_D32_SFLOAT, DepthPacking::D32);

        for (SVGA3dSurfaceFormat format : {SVGA3D_D16_UNORM, SVGA3D_Z_D16, SVGA3D_Z_DF16})
            onlyDepth(format, VK_FORMAT_D16_UNORM, DepthPacking::D16, kDepth);
        onlyDepth(SVGA3D_D32_FLOAT, VK_FORMAT_D32_SFLOAT, DepthPacking::D32, kDepth);

        onlyDepth(SVGA3D_D24_UNORM_S8_UINT, kD24, DepthPacking::D24S8, kDepth | kStencilAspect);
        onlyDepth(SVGA3D_R24G8_TYPELESS, kD24, DepthPacking::D24S8, kDepth | kStencilAspect);
        onlyDepth(SVGA3D_R24_UNORM_X8, kD24, DepthPacking::D24S8, kDepth);
        onlyDepth(SVGA3D_X24_G8_UINT, kD24, DepthPacking::D24S8, kStencilAspect, kStencil);
        for (SVGA3dSurfaceFormat format : {SVGA3D_Z_D24S8, SVGA3D_Z_D24X8, SVGA3D_Z_DF24, SVGA3D_Z_D24S8_INT})
            onlyDepth(format, kD24, DepthPacking::S8D24, kDepth | kStencilAspect);

        onlyDepth(SVGA3D_D32_FLOAT_S8X24_UINT, kD32S8, DepthPacking::D32S8X24, kDepth | kStencilAspect);
        onlyDepth(SVGA3D_R32G8X24_TYPELESS, kD32S8, DepthPacking::D32S8X24, kDepth | kStencilAspect);
        onlyDepth(SVGA3D_R32_FLOAT_X8X24, kD32S8, DepthPacking::D32S8X24, kDepth);
        onlyDepth(SVGA3D_X32_G8X24_UINT, kD32S8, DepthPacking::D32S8X24, kStencilAspect, kStencil);
        for (SVGA3dSurfaceFormat format : {SVGA3D_R24G8_TYPELESS, SVGA3D_R32G8X24_TYPELESS})
            formats_[format].typeless = true;
    }

    std::array<FormatInfo, SVGA3D_FORMAT_MAX> formats_{};
    std::map<VkFormat, Family> families_;
};

const FormatTable& table() {
    static const FormatTable instance; // immutable once built
    return instance;
}

} // namespace

const FormatInfo* formatInfo(SVGA3dSurfaceFormat format) {
    return table().find(format);
}

uint32_t blockBytes(VkFormat colorFormat) {
    const auto* family = table().family(colorFormat);
    return family ? family->bytes : 0;
}

vgpu10::NumericType numericType(VkFormat colorFormat) {
    const auto* family = table().family(colorFormat);
    return family ? family->type : F;
}

bool viewCompatible(VkFormat image, VkFormat view) {
    if (image == view)
        return true;
    const auto* a = table().family(image);
    const auto* b = table().family(view);
    return a && b && a->bytes == b->bytes && a->compression == b->compression;
}

} // namespace svga::device
