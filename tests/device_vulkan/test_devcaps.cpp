// SPDX-License-Identifier: MIT
#include "gpu.h"

#include "device/vulkan/devcaps.h"
#include "device/vulkan/format.h"

#include <svga3d_devcaps.h>
#include <svga_coherent_device.h>

namespace svga::device::test {
namespace {

class DevcapTest : public GpuTest {
protected:
    uint32_t cap(uint32_t index, DevcapOptions options = {}) { return devcap(device, options, index); }
};

constexpr uint32_t kTexture =
    SVGA3D_DXFMT_SUPPORTED | SVGA3D_DXFMT_SHADER_SAMPLE | SVGA3D_DXFMT_MIPS | SVGA3D_DXFMT_ARRAY;
constexpr uint32_t kTarget = kTexture | SVGA3D_DXFMT_COLOR_RENDERTARGET | SVGA3D_DXFMT_BLENDABLE;

TEST_F(DevcapTest, WhatMesaNeedsForGl33) {
    EXPECT_EQ(cap(SVGA3D_DEVCAP_3D), 1u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DXCONTEXT), 1u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_SM41), 1u);
    EXPECT_GE(cap(SVGA3D_DEVCAP_MAX_TEXTURE_WIDTH), 8192u);
    EXPECT_GE(cap(SVGA3D_DEVCAP_MAX_VOLUME_EXTENT), 256u);
    EXPECT_GE(cap(SVGA3D_DEVCAP_MAX_TEXTURE_ANISOTROPY), 1u);
    EXPECT_GE(cap(SVGA3D_DEVCAP_DX_MAX_CONSTANT_BUFFERS), 12u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MULTISAMPLE_4X), 1u);
}

TEST_F(DevcapTest, RequiredTexturesAndTargetsOfGl33) {
    for (uint32_t index :
         {SVGA3D_DEVCAP_DXFMT_R8G8B8A8_UNORM, SVGA3D_DEVCAP_DXFMT_B8G8R8A8_UNORM, SVGA3D_DEVCAP_DXFMT_B8G8R8X8_UNORM,
          SVGA3D_DEVCAP_DXFMT_R8G8B8A8_UNORM_SRGB, SVGA3D_DEVCAP_DXFMT_R8_UNORM, SVGA3D_DEVCAP_DXFMT_R8G8_UNORM,
          SVGA3D_DEVCAP_DXFMT_R16_UNORM, SVGA3D_DEVCAP_DXFMT_R16G16B16A16_UNORM, SVGA3D_DEVCAP_DXFMT_R16_FLOAT,
          SVGA3D_DEVCAP_DXFMT_R16G16B16A16_FLOAT, SVGA3D_DEVCAP_DXFMT_R32_FLOAT, SVGA3D_DEVCAP_DXFMT_R32G32B32A32_FLOAT,
          SVGA3D_DEVCAP_DXFMT_R11G11B10_FLOAT, SVGA3D_DEVCAP_DXFMT_R10G10B10A2_UNORM,
          SVGA3D_DEVCAP_DXFMT_B5G6R5_UNORM}) {
        EXPECT_EQ(cap(index) & kTarget, kTarget) << index;
        EXPECT_TRUE(cap(index) & SVGA3D_DXFMT_VOLUME) << index;
    }
    constexpr uint32_t kInteger = kTexture | SVGA3D_DXFMT_COLOR_RENDERTARGET;
    for (uint32_t index : {SVGA3D_DEVCAP_DXFMT_R8G8B8A8_UINT, SVGA3D_DEVCAP_DXFMT_R32_SINT,
                           SVGA3D_DEVCAP_DXFMT_R16G16_UINT, SVGA3D_DEVCAP_DXFMT_R10G10B10A2_UINT})
        EXPECT_EQ(cap(index) & kInteger, kInteger) << index;
    constexpr uint32_t kDepth = kTexture | SVGA3D_DXFMT_DEPTH_RENDERTARGET;
    for (uint32_t index : {SVGA3D_DEVCAP_DXFMT_D16_UNORM, SVGA3D_DEVCAP_DXFMT_D24_UNORM_S8_UINT,
                           SVGA3D_DEVCAP_DXFMT_D32_FLOAT, SVGA3D_DEVCAP_DXFMT_D32_FLOAT_S8X24_UINT})
        EXPECT_EQ(cap(index) & kDepth, kDepth) << index;
    for (uint32_t index :
         {SVGA3D_DEVCAP_DXFMT_R24_UNORM_X8, SVGA3D_DEVCAP_DXFMT_R32_FLOAT_X8X24, SVGA3D_DEVCAP_DXFMT_R9G9B9E5_SHAREDEXP,
          SVGA3D_DEVCAP_DXFMT_BC1_UNORM, SVGA3D_DEVCAP_DXFMT_BC3_UNORM_SRGB, SVGA3D_DEVCAP_DXFMT_BC5_SNORM})
        EXPECT_EQ(cap(index) & kTexture, kTexture) << index;
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DXFMT_A8_UNORM) & kTarget, kTarget);
    EXPECT_FALSE(cap(SVGA3D_DEVCAP_DXFMT_LUMINANCE8) & SVGA3D_DXFMT_COLOR_RENDERTARGET);
}

TEST_F(DevcapTest, FormatIndicesMatchTheFormats) {
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DXFMT_BUFFER), formatCaps(device, SVGA3D_BUFFER));
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DXFMT_R9G9B9E5_SHAREDEXP), formatCaps(device, SVGA3D_R9G9B9E5_SHAREDEXP));
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DXFMT_D16_UNORM), formatCaps(device, SVGA3D_D16_UNORM));
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DXFMT_BC5_UNORM), formatCaps(device, SVGA3D_BC5_UNORM));
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DXFMT_BC7_UNORM_SRGB), formatCaps(device, SVGA3D_BC7_UNORM_SRGB));
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DXFMT_NV12), 0u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DXFMT_P8), 0u);
}

TEST_F(DevcapTest, OptionsAndUnknownIndices) {
    EXPECT_EQ(cap(SVGA3D_DEVCAP_SM5), 0u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_GL43), 0u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_GL43, {.sm5 = true, .gl43 = true}), 1u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_GL43, {.gl43 = true}), 0u);
    EXPECT_EQ(cap(SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS), 0u);
    EXPECT_EQ(cap(SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS, {.bufferInPlaceRuns = 256}),
              device.features().externalMemoryHost ? 256u : 0u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MAX), 0u);
    EXPECT_EQ(cap(0xffffffff), 0u);
}

} // namespace
} // namespace svga::device::test
