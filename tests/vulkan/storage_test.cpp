// SPDX-License-Identifier: MIT
//
// Storage images of all formats, that shaders do not know.
#include "pipeline.h"

#include <gtest/gtest.h>

namespace svga::test {

namespace {

struct FormatCase {
    VkFormat format;
    uint32_t components;
    enum { Float, Unorm, Snorm, Uint, Sint } kind;
    float step = 0; ///< of numbers near one half
};

class Storage : public testing::TestWithParam<FormatCase> {
protected:
    Gpu gpu;
};

std::string nameOf(const testing::TestParamInfo<FormatCase>& info) {
    return std::to_string(info.param.format);
}

} // namespace

/** What is stored through a view is loaded through it, and sampled. */
TEST_P(Storage, ImagesAreStoredAndLoaded) {
    const FormatCase& c = GetParam();
    VkFormatProperties properties;
    vkGetPhysicalDeviceFormatProperties(gpu.physicalDevice(), c.format, &properties);
    if (!(properties.optimalTilingFeatures & VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT) ||
        !gpu.features().shaderStorageImageReadWithoutFormat || !gpu.features().shaderStorageImageWriteWithoutFormat)
        GTEST_SKIP() << "shaders do not store it";
    const std::string prefix = c.kind == FormatCase::Uint ? "u" : c.kind == FormatCase::Sint ? "i" : "";
    const std::string value = c.kind == FormatCase::Uint    ? "uvec4(3u, 2u, 1u, 1u)"
                              : c.kind == FormatCase::Sint  ? "ivec4(-3, 2, -1, 1)"
                              : c.kind == FormatCase::Snorm ? "vec4(-0.5, 0.25, -1.0, 1.0)"
                                                            : "vec4(0.5, 0.25, 1.0, 1.0)";
    Pipeline pipeline(
        gpu, {.glsl = {{Stage::Compute, R"(#version 450
            #extension GL_EXT_shader_image_load_formatted : require
            layout(local_size_x = 1) in;
            layout(set = 0, binding = 0) buffer Out { vec4 v[]; };
            layout(set = 0, binding = 1) uniform )" +
                                            prefix + R"(image2D stored;
            layout(set = 0, binding = 2) uniform )" +
                                            prefix + R"(sampler2D sampled;
            layout(push_constant) uniform Push { uint reads; };
            void main() {
                if (reads == 0u) {
                    imageStore(stored, ivec2(1, 2), )" +
                                            value + R"();
                } else {
                    v[0] = vec4(imageLoad(stored, ivec2(1, 2)));
                    v[1] = vec4(texelFetch(sampled, ivec2(1, 2), 0));
                    v[2] = vec4(imageLoad(stored, ivec2(2, 1)));
                }
            })"}},
              .bindings = {{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr},
                           {1, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr},
                           {2, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr}},
              .pushed = 4});
    Image image(
        gpu, {.format = c.format, .extent = {4, 4}, .usage = VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_SAMPLED_BIT});
    const Sampler sampler(gpu);
    CoherentBuffer out(gpu, 256);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, out.buffer);
    pipeline.write(set, 1, image.view());
    pipeline.write(set, 2, image.view(), sampler.handle());
    gpu.run([&](VkCommandBuffer commands) {
        const VkClearColorValue zero{};
        const VkImageSubresourceRange all{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
        vkCmdClearColorImage(commands, image.handle(), VK_IMAGE_LAYOUT_GENERAL, &zero, 1, &all);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
        for (const uint32_t reads : {0u, 1u}) {
            pipeline.bind(commands, set);
            vkCmdPushConstants(commands, pipeline.layout(), VK_SHADER_STAGE_ALL, 0, sizeof(reads), &reads);
            vkCmdDispatch(commands, 1, 1, 1);
            barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_HOST_READ_BIT);
        }
    });
    const std::array<float, 4> expected = c.kind == FormatCase::Uint    ? std::array<float, 4>{3, 2, 1, 1}
                                          : c.kind == FormatCase::Sint  ? std::array<float, 4>{-3, 2, -1, 1}
                                          : c.kind == FormatCase::Snorm ? std::array<float, 4>{-0.5f, 0.25f, -1, 1}
                                                                        : std::array<float, 4>{0.5f, 0.25f, 1, 1};
    const std::span<float> v = out.memory.as<float>();
    for (uint32_t i = 0; i < 4; ++i) {
        const float missing = i == 3 ? 1.0f : 0.0f;
        EXPECT_NEAR(v[i], i < c.components ? expected[i] : missing, c.step) << "loaded, component " << i;
        EXPECT_NEAR(v[4 + i], i < c.components ? expected[i] : missing, c.step) << "sampled, component " << i;
        EXPECT_EQ(v[8 + i], i < c.components ? 0.0f : missing) << "beside, component " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, Storage,
                         testing::Values(FormatCase{VK_FORMAT_R32G32B32A32_SFLOAT, 4, FormatCase::Float},
                                         FormatCase{VK_FORMAT_R32G32_UINT, 2, FormatCase::Uint},
                                         FormatCase{VK_FORMAT_R32_SINT, 1, FormatCase::Sint},
                                         FormatCase{VK_FORMAT_R16G16B16A16_SFLOAT, 4, FormatCase::Float},
                                         FormatCase{VK_FORMAT_R16G16B16A16_UNORM, 4, FormatCase::Unorm, 0.00002f},
                                         FormatCase{VK_FORMAT_R16G16B16A16_SNORM, 4, FormatCase::Snorm, 0.00004f},
                                         FormatCase{VK_FORMAT_R16G16_SFLOAT, 2, FormatCase::Float},
                                         FormatCase{VK_FORMAT_R16G16_UNORM, 2, FormatCase::Unorm, 0.00002f},
                                         FormatCase{VK_FORMAT_R16G16_SNORM, 2, FormatCase::Snorm, 0.00004f},
                                         FormatCase{VK_FORMAT_R16G16_UINT, 2, FormatCase::Uint},
                                         FormatCase{VK_FORMAT_R16G16_SINT, 2, FormatCase::Sint},
                                         FormatCase{VK_FORMAT_R16_SFLOAT, 1, FormatCase::Float},
                                         FormatCase{VK_FORMAT_R16_UNORM, 1, FormatCase::Unorm, 0.00002f},
                                         FormatCase{VK_FORMAT_R16_SNORM, 1, FormatCase::Snorm, 0.00004f},
                                         FormatCase{VK_FORMAT_R16_UINT, 1, FormatCase::Uint},
                                         FormatCase{VK_FORMAT_R16_SINT, 1, FormatCase::Sint},
                                         FormatCase{VK_FORMAT_A2B10G10R10_UNORM_PACK32, 4, FormatCase::Unorm, 0.001f},
                                         FormatCase{VK_FORMAT_A2B10G10R10_UINT_PACK32, 4, FormatCase::Uint},
                                         FormatCase{VK_FORMAT_B10G11R11_UFLOAT_PACK32, 3, FormatCase::Float},
                                         FormatCase{VK_FORMAT_R8G8B8A8_UNORM, 4, FormatCase::Unorm, 0.004f},
                                         FormatCase{VK_FORMAT_R8G8B8A8_SNORM, 4, FormatCase::Snorm, 0.008f},
                                         FormatCase{VK_FORMAT_R8G8_UNORM, 2, FormatCase::Unorm, 0.004f},
                                         FormatCase{VK_FORMAT_R8G8_SNORM, 2, FormatCase::Snorm, 0.008f},
                                         FormatCase{VK_FORMAT_R8G8_UINT, 2, FormatCase::Uint},
                                         FormatCase{VK_FORMAT_R8G8_SINT, 2, FormatCase::Sint},
                                         FormatCase{VK_FORMAT_R8_UNORM, 1, FormatCase::Unorm, 0.004f},
                                         FormatCase{VK_FORMAT_R8_SNORM, 1, FormatCase::Snorm, 0.008f},
                                         FormatCase{VK_FORMAT_R8_UINT, 1, FormatCase::Uint},
                                         FormatCase{VK_FORMAT_R8_SINT, 1, FormatCase::Sint}),
                         nameOf);

} // namespace svga::test
