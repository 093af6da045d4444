// SPDX-License-Identifier: MIT
#include "gpu.h"

#include "device/vulkan/format.h"

#include <svga3d_surfacedefs.h>

namespace svga::device::test {
namespace {

using FormatTest = GpuTest;

TEST(Format, BlocksAreThoseOfTheDeviceHeader) {
    for (const SVGA3dSurfaceDesc& desc : g_SVGA3dSurfaceDescs) {
        const FormatInfo* info = formatInfo(desc.format);
        if (!info)
            continue;
        EXPECT_EQ(info->blockWidth, desc.blockSize.width) << desc.format;
        EXPECT_EQ(info->blockHeight, desc.blockSize.height) << desc.format;
        EXPECT_EQ(info->blockDepth, desc.blockSize.depth) << desc.format;
        EXPECT_EQ(info->bytesPerBlock, desc.bytesPerBlock) << desc.format;
        if (info->aspect == VK_IMAGE_ASPECT_COLOR_BIT && desc.format != SVGA3D_BUFFER) {
            EXPECT_EQ(blockBytes(info->vulkan), desc.bytesPerBlock) << desc.format;
        }
    }
}

TEST(Format, ClassesAgreeWithTheDeviceHeader) {
    for (const SVGA3dSurfaceDesc& desc : g_SVGA3dSurfaceDescs) {
        const FormatInfo* info = formatInfo(desc.format);
        if (!info || desc.format == SVGA3D_BUFFER)
            continue;
        EXPECT_EQ(info->compressed(), (desc.blockDesc & SVGA3DBLOCKDESC_COMPRESSED) != 0) << desc.format;
        EXPECT_EQ(info->typeless, (desc.blockDesc & SVGA3DBLOCKDESC_TYPELESS) != 0) << desc.format;
        if (desc.blockDesc & SVGA3DBLOCKDESC_DEPTH) {
            EXPECT_TRUE(info->depthStencil) << desc.format;
        }
        bool integer = (desc.blockDesc & (SVGA3DBLOCKDESC_UINT | SVGA3DBLOCKDESC_SINT)) &&
                       !(desc.blockDesc & SVGA3DBLOCKDESC_NORM) && !info->compressed();
        EXPECT_EQ(info->numericType != vgpu10::NumericType::Float, integer) << desc.format;
    }
}

TEST(Format, UnknownNumbersAndYuvAreRefused) {
    for (uint32_t format : {0u, uint32_t(SVGA3D_FORMAT_MAX), 0xffffffffu, uint32_t(SVGA3D_NV12), uint32_t(SVGA3D_YV12),
                            uint32_t(SVGA3D_UYVY), uint32_t(SVGA3D_YUY2), uint32_t(SVGA3D_AYUV), uint32_t(SVGA3D_P8)})
        EXPECT_EQ(formatInfo(static_cast<SVGA3dSurfaceFormat>(format)), nullptr) << format;
}

TEST(Format, FormatsWithoutAlphaReadOne) {
    for (SVGA3dSurfaceFormat format : {SVGA3D_B8G8R8X8_UNORM, SVGA3D_B8G8R8X8_UNORM_SRGB, SVGA3D_X8R8G8B8})
        EXPECT_EQ(formatInfo(format)->swizzle.a, VK_COMPONENT_SWIZZLE_ONE) << format;
    EXPECT_EQ(formatInfo(SVGA3D_A8_UNORM)->swizzle.a, VK_COMPONENT_SWIZZLE_R);
    EXPECT_EQ(formatInfo(SVGA3D_A8_UNORM)->swizzle.r, VK_COMPONENT_SWIZZLE_ZERO);
    EXPECT_EQ(formatInfo(SVGA3D_X24_G8_UINT)->swizzle.g, VK_COMPONENT_SWIZZLE_R);
}

TEST(Format, ViewsStayWithinAFamily) {
    EXPECT_TRUE(viewCompatible(VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R8G8B8A8_SRGB));
    EXPECT_TRUE(viewCompatible(VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R32_UINT));
    EXPECT_FALSE(viewCompatible(VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R16_UINT));
    EXPECT_FALSE(viewCompatible(VK_FORMAT_R32_SFLOAT, VK_FORMAT_D32_SFLOAT));
    EXPECT_TRUE(viewCompatible(VK_FORMAT_BC1_RGBA_UNORM_BLOCK, VK_FORMAT_BC1_RGBA_SRGB_BLOCK));
    EXPECT_FALSE(viewCompatible(VK_FORMAT_BC1_RGBA_UNORM_BLOCK, VK_FORMAT_BC4_UNORM_BLOCK));
    EXPECT_FALSE(viewCompatible(VK_FORMAT_BC1_RGBA_UNORM_BLOCK, VK_FORMAT_R32G32_UINT));
}

} // namespace
} // namespace svga::device::test
