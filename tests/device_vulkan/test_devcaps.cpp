// SPDX-License-Identifier: MIT
#include "gpu.h"

#include "device/vulkan/devcaps.h"
#include "device/vulkan/format.h"

#include <svga3d_devcaps.h>
#include <svga_coherent_device.h>

#include <array>
#include <string>
#include <utility>

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
    EXPECT_EQ(cap(SVGA3D_DEVCAP_SM5), 1u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_GL43), 1u);
    EXPECT_EQ(cap(SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS), 0u);
    EXPECT_EQ(cap(SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS, {.bufferInPlaceRuns = 256}),
              device.features().externalMemoryHost ? 256u : 0u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MAX), 0u);
    EXPECT_EQ(cap(0xffffffff), 0u);
}

/** \brief A GPU that has less, by DeviceMask. */
class LesserGpu : public ::testing::Test {
protected:
    void without(const char* list) { device_ = VulkanDevice::create(DeviceMask::parse(list)); }
    uint32_t cap(uint32_t index) { return devcap(*device_, {.bufferInPlaceRuns = 256}, index); }
    std::array<uint32_t, 4> models() {
        return {cap(SVGA3D_DEVCAP_DXCONTEXT), cap(SVGA3D_DEVCAP_SM41), cap(SVGA3D_DEVCAP_SM5), cap(SVGA3D_DEVCAP_GL43)};
    }

    std::unique_ptr<VulkanDevice> device_;
};

TEST_F(LesserGpu, OffersTheShaderModelsThatItHasAllOf) {
    using Models = std::array<uint32_t, 4>;
    const std::pair<const char*, Models> cases[] = {
        {"", {1, 1, 1, 1}},
        {"vertexPipelineStoresAndAtomics", {1, 1, 1, 0}},
        {"shaderStorageImageReadWithoutFormat", {1, 1, 1, 0}},
        {"tessellationShader", {1, 1, 0, 0}},
        {"shaderFloat64", {1, 1, 0, 0}},
        {"fragmentStoresAndAtomics", {1, 1, 0, 0}},
        {"shaderImageGatherExtended", {1, 1, 0, 0}},
        {"maxComputeWorkGroupInvocations=128", {1, 1, 0, 0}},
        {"maxComputeSharedMemorySize=16384", {1, 1, 0, 0}},
        {"maxPerStageDescriptorStorageBuffers=4", {1, 1, 0, 0}},
        {"sampleRateShading", {1, 0, 0, 0}},
        {"imageCubeArray", {1, 0, 0, 0}},
        {"geometryShader", {0, 0, 0, 0}},
        {"dualSrcBlend", {0, 0, 0, 0}},
        {"VK_EXT_transform_feedback", {0, 0, 0, 0}},
        {"VK_EXT_vertex_input_dynamic_state", {0, 0, 0, 0}},
        {"VK_EXT_robustness2", {0, 0, 0, 0}},
    };
    for (const auto& [list, expected] : cases) {
        without(list);
        EXPECT_EQ(models(), expected) << list;
        EXPECT_EQ(cap(SVGA3D_DEVCAP_3D), expected[0]) << list;
        EXPECT_EQ(device_->missingForVgpu10().empty(), expected[0] == 1) << list;
    }
}

TEST_F(LesserGpu, SaysSoInEachCapabilityThatRestsOnWhatItLacks) {
    without("samples=1");
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MULTISAMPLE_4X), 0u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MAX_FORCED_SAMPLE_COUNT), 0u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MS_FULL_QUALITY), 0u);
    for (uint32_t index = SVGA3D_DEVCAP_DXFMT_X8R8G8B8; index <= SVGA3D_DEVCAP_DXFMT_BC5_UNORM; ++index)
        EXPECT_FALSE(cap(index) & SVGA3D_DXFMT_MULTISAMPLE) << index;

    without("textureCompressionBC,logicOp,samplerAnisotropy,VK_EXT_line_rasterization,VK_EXT_provoking_vertex,"
            "VK_EXT_external_memory_host");
    EXPECT_EQ(cap(SVGA3D_DEVCAP_LOGIC_BLENDOPS), 0u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MAX_TEXTURE_ANISOTROPY), 1u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_LINE_STIPPLE), 0u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DX_PROVOKING_VERTEX), 0u);
    EXPECT_EQ(cap(SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS), 0u);
    for (uint32_t index : {SVGA3D_DEVCAP_DXFMT_BC1_UNORM, SVGA3D_DEVCAP_DXFMT_BC3_UNORM_SRGB,
                           SVGA3D_DEVCAP_DXFMT_BC5_SNORM, SVGA3D_DEVCAP_DXFMT_BC7_UNORM})
        EXPECT_EQ(cap(index), 0u) << index;

    without("maxImageDimension2D=4096,maxImageDimensionCube=2048,maxImageDimension3D=128,maxColorAttachments=4,"
            "maxVertexInputBindings=16,maxClipDistances=6,maxPerStageDescriptorUniformBuffers=12");
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MAX_TEXTURE_WIDTH), 2048u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MAX_VOLUME_EXTENT), 128u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MAX_RENDER_TARGETS), 4u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DX_MAX_VERTEXBUFFERS), 16u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_MAX_CLIP_PLANES), 6u);
    EXPECT_EQ(cap(SVGA3D_DEVCAP_DX_MAX_CONSTANT_BUFFERS), 12u);
    EXPECT_EQ(device_->imageProperties(VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_TYPE_2D, VK_IMAGE_USAGE_SAMPLED_BIT)
                  .maxExtent.width,
              4096u);
}

TEST_F(LesserGpu, WithoutWhatTheDeviceItselfNeedsThereIsNone) {
    try {
        without("robustBufferAccess");
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("lacks robustBufferAccess"), std::string::npos) << error.what();
    }
}

TEST_F(LesserGpu, IsAskedForByNamesThatThereAre) {
    for (const char* list :
         {"geometry", "samples", "samples=", "samples=x", "maxImageDimension2D", "nothing=4", ",", "VK_EXT_x=1"})
        EXPECT_THROW(DeviceMask::parse(list), Error) << list;
    EXPECT_NO_THROW(DeviceMask::parse("VK_EXT_unheard_of"));
}

} // namespace
} // namespace svga::device::test
