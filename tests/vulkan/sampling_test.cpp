// SPDX-License-Identifier: MIT
//
// Sampled images: component mappings of views, aspects of depth and stencil, samplers.
#include "pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace svga::test {

namespace {

constexpr VkComponentSwizzle kR = VK_COMPONENT_SWIZZLE_R, kG = VK_COMPONENT_SWIZZLE_G, kB = VK_COMPONENT_SWIZZLE_B,
                             kA = VK_COMPONENT_SWIZZLE_A, kZero = VK_COMPONENT_SWIZZLE_ZERO,
                             kOne = VK_COMPONENT_SWIZZLE_ONE, kSame = VK_COMPONENT_SWIZZLE_IDENTITY;
constexpr VkDescriptorSetLayoutBinding kResult{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT,
                                               nullptr};

constexpr VkDescriptorSetLayoutBinding textureAt(uint32_t binding) {
    return {binding, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
}

using Texel = std::array<float, 4>;

class Sampling : public testing::Test {
protected:
    /** Dispatches one workgroup of `pipeline`, which writes vectors to binding 0 of `set`. */
    std::vector<Texel> evaluate(Pipeline& pipeline, VkDescriptorSet set, size_t count) {
        CoherentBuffer out(gpu, count * sizeof(Texel));
        pipeline.write(set, 0, out.buffer);
        gpu.run([&](VkCommandBuffer commands) {
            pipeline.bind(commands, set);
            vkCmdDispatch(commands, 1, 1, 1);
            barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
        const std::span<Texel> values = out.memory.as<Texel>().first(count);
        return {values.begin(), values.end()};
    }

    Gpu gpu;
};

} // namespace

TEST_F(Sampling, ViewsMapTheirComponents) {
    Image image(gpu, {.format = VK_FORMAT_R32G32B32A32_SFLOAT, .extent = {2, 2}, .usage = VK_IMAGE_USAGE_SAMPLED_BIT});
    const std::vector<Texel> texels(4, Texel{2, 3, 4, 5});
    image.write(std::span(texels));
    Pipeline pipeline(gpu, {.glsl = {{Stage::Compute, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { vec4 v[]; };
        layout(set = 0, binding = 1) uniform sampler2D mapped;
        layout(set = 0, binding = 2) uniform sampler2D plain;
        void main() {
            v[0] = texture(mapped, vec2(0.5));
            v[1] = texelFetch(mapped, ivec2(1, 1), 0);
            v[2] = textureGather(mapped, vec2(0.5), 0);
            v[3] = textureGather(mapped, vec2(0.5), 3);
            v[4] = texture(plain, vec2(0.5));
        })"}},
                            .bindings = {kResult, textureAt(1), textureAt(2)}});
    const Sampler sampler(gpu);
    struct Case {
        VkComponentMapping mapping;
        Texel expected;
    };
    const VkImageView plain = image.view();
    // One pipeline for all: what is mapped how it learns when it runs.
    for (const Case& c : {Case{{kSame, kSame, kSame, kSame}, {2, 3, 4, 5}}, Case{{kB, kG, kR, kOne}, {4, 3, 2, 1}},
                          Case{{kA, kA, kZero, kR}, {5, 5, 0, 2}}, Case{{kOne, kR, kR, kG}, {1, 2, 2, 3}},
                          Case{{kR, kG, kB, kA}, {2, 3, 4, 5}}}) {
        const VkDescriptorSet set = pipeline.allocate();
        pipeline.write(set, 1, image.view({.components = c.mapping}), sampler.handle());
        pipeline.write(set, 2, plain, sampler.handle());
        const std::vector<Texel> v = evaluate(pipeline, set, 5);
        EXPECT_EQ(v[0], c.expected);
        EXPECT_EQ(v[1], c.expected);
        for (size_t i = 0; i < 4; ++i) {
            EXPECT_EQ(v[2][i], c.expected[0]);
            EXPECT_EQ(v[3][i], c.expected[3]);
        }
        EXPECT_EQ(v[4], (Texel{2, 3, 4, 5}));
    }
}

TEST_F(Sampling, IntegersAreMappedToIntegerOne) {
    Image image(gpu, {.format = VK_FORMAT_R32G32B32A32_UINT, .extent = {2, 2}, .usage = VK_IMAGE_USAGE_SAMPLED_BIT});
    const std::vector<std::array<uint32_t, 4>> texels(4, {7, 8, 9, 10});
    image.write(std::span(texels));
    Pipeline pipeline(gpu, {.glsl = {{Stage::Compute, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { vec4 v[]; };
        layout(set = 0, binding = 1) uniform usampler2D mapped;
        void main() { v[0] = vec4(texelFetch(mapped, ivec2(1, 1), 0)); })"}},
                            .bindings = {kResult, textureAt(1)}});
    const Sampler sampler(gpu);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 1, image.view({.components = {kOne, kA, kZero, kG}}), sampler.handle());
    EXPECT_EQ(evaluate(pipeline, set, 1)[0], (Texel{1, 10, 0, 8}));
}

TEST_F(Sampling, CoordinatesMayBeTexels) {
    Image image(gpu, {.format = VK_FORMAT_R32_SFLOAT, .extent = {5, 3}, .usage = VK_IMAGE_USAGE_SAMPLED_BIT});
    std::vector<float> texels(15);
    for (size_t i = 0; i < texels.size(); ++i)
        texels[i] = static_cast<float>(i);
    image.write(std::span<const float>(texels));
    Pipeline pipeline(gpu, {.glsl = {{Stage::Compute, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { vec4 v[]; };
        layout(set = 0, binding = 1) uniform sampler2D inTexels;
        layout(set = 0, binding = 2) uniform sampler2D normalised;
        void main() {
            for (int y = 0; y < 3; ++y)
                for (int x = 0; x < 5; ++x)
                    v[y * 5 + x] = vec4(textureLod(inTexels, vec2(x, y) + 0.5, 0.0).r,
                                        textureLod(normalised, (vec2(x, y) + 0.5) / vec2(5, 3), 0.0).r, 0, 0);
        })"}},
                            .bindings = {kResult, textureAt(1), textureAt(2)}});
    const Sampler inTexels(gpu,
                           [](VkSamplerCreateInfo&info) {
                               info.unnormalizedCoordinates = VK_TRUE;
                               info.maxLod = 0;
                           }),
        normalised(gpu);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 1, image.view(), inTexels.handle());
    pipeline.write(set, 2, image.view(), normalised.handle());
    const std::vector<Texel> v = evaluate(pipeline, set, texels.size());
    for (size_t i = 0; i < texels.size(); ++i)
        EXPECT_EQ(v[i], (Texel{texels[i], texels[i], 0, 0})) << i;
}

TEST_F(Sampling, DepthAndStencilAreRed) {
    Image image(gpu, {.format = VK_FORMAT_D32_SFLOAT_S8_UINT,
                      .extent = {4, 4},
                      .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT});
    image.write(std::span<const float>(std::vector<float>(16, 0.25f)), VK_IMAGE_ASPECT_DEPTH_BIT);
    image.write(std::span<const uint8_t>(std::vector<uint8_t>(16, 77)), VK_IMAGE_ASPECT_STENCIL_BIT);
    Pipeline pipeline(gpu, {.glsl = {{Stage::Compute, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { vec4 v[]; };
        layout(set = 0, binding = 1) uniform sampler2D depth;
        layout(set = 0, binding = 2) uniform usampler2D stencil;
        layout(set = 0, binding = 3) uniform sampler2D mapped;
        void main() {
            v[0] = texture(depth, vec2(0.5));
            v[1] = vec4(texelFetch(stencil, ivec2(3, 2), 0));
            v[2] = texture(mapped, vec2(0.5));
        })"}},
                            .bindings = {kResult, textureAt(1), textureAt(2), textureAt(3)}});
    const Sampler sampler(gpu);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 1, image.view({.aspects = VK_IMAGE_ASPECT_DEPTH_BIT}), sampler.handle());
    pipeline.write(set, 2, image.view({.aspects = VK_IMAGE_ASPECT_STENCIL_BIT}), sampler.handle());
    pipeline.write(set, 3, image.view({.aspects = VK_IMAGE_ASPECT_DEPTH_BIT, .components = {kOne, kR, kZero, kR}}),
                   sampler.handle());
    const std::vector<Texel> v = evaluate(pipeline, set, 3);
    EXPECT_EQ(v[0][0], 0.25f);
    EXPECT_EQ(v[1][0], 77.0f);
    EXPECT_EQ(v[2], (Texel{1, 0.25f, 0, 0.25f}));
}

TEST_F(Sampling, ImmutableSamplersAreOfTheLayout) {
    Image image(gpu, {.extent = {2, 1}, .usage = VK_IMAGE_USAGE_SAMPLED_BIT});
    const std::array<uint32_t, 2> texels{0xff000000, 0xff0000ff};
    image.write(std::span<const uint32_t>(texels));
    const Sampler linear(gpu, [](VkSamplerCreateInfo&info) { info.minFilter = info.magFilter = VK_FILTER_LINEAR; }),
        nearest(gpu);
    VkDescriptorSetLayoutBinding immutable = textureAt(1);
    const VkSampler handle = linear.handle();
    immutable.pImmutableSamplers = &handle;
    Pipeline pipeline(gpu, {.glsl = {{Stage::Compute, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { vec4 v[]; };
        layout(set = 0, binding = 1) uniform sampler2D a;
        layout(set = 0, binding = 2) uniform sampler2D b;
        void main() { v[0] = texture(a, vec2(0.5)); v[1] = texture(b, vec2(0.4, 0.5)); })"}},
                            .bindings = {kResult, immutable, textureAt(2)}});
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 1, image.view(), nearest.handle()); // the sampler is ignored
    pipeline.write(set, 2, image.view(), nearest.handle());
    const std::vector<Texel> v = evaluate(pipeline, set, 2);
    EXPECT_NEAR(v[0][0], 0.5f, 0.01);
    EXPECT_EQ(v[1][0], 0.0f);
}

TEST_F(Sampling, BordersHaveTheirColors) {
    Image image(gpu, {.extent = {2, 2}, .usage = VK_IMAGE_USAGE_SAMPLED_BIT});
    image.write(std::span<const uint32_t>(std::vector<uint32_t>(4, 0x80808080)));
    Image integers(gpu, {.format = VK_FORMAT_R32_UINT, .extent = {2, 2}, .usage = VK_IMAGE_USAGE_SAMPLED_BIT});
    integers.write(std::span<const uint32_t>(std::vector<uint32_t>(4, 9)));
    Pipeline pipeline(gpu, {.glsl = {{Stage::Compute, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { vec4 v[]; };
        layout(set = 0, binding = 1) uniform sampler2D a;
        layout(set = 0, binding = 2) uniform usampler2D b;
        void main() {
            v[0] = texture(a, vec2(-0.5, 0.5));
            v[1] = vec4(texture(b, vec2(1.5, 0.5)));
            v[2] = vec4(texture(b, vec2(0.5, 0.5)));
        })"}},
                            .bindings = {kResult, textureAt(1), textureAt(2)}});
    struct Case {
        VkBorderColor floats, integers;
        Texel expected;
    };
    for (const Case& c : {Case{VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK, VK_BORDER_COLOR_INT_TRANSPARENT_BLACK, {}},
                          Case{VK_BORDER_COLOR_FLOAT_OPAQUE_BLACK, VK_BORDER_COLOR_INT_OPAQUE_BLACK, {0, 0, 0, 1}},
                          Case{VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE, VK_BORDER_COLOR_INT_OPAQUE_WHITE, {1, 1, 1, 1}}}) {
        const auto bordered = [this](VkBorderColor color) {
            return std::make_unique<Sampler>(gpu, [color](VkSamplerCreateInfo& info) {
                info.addressModeU = info.addressModeV = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER;
                info.borderColor = color;
            });
        };
        const auto first = bordered(c.floats), second = bordered(c.integers);
        const VkDescriptorSet set = pipeline.allocate();
        pipeline.write(set, 1, image.view(), first->handle());
        pipeline.write(set, 2, integers.view(), second->handle());
        const std::vector<Texel> v = evaluate(pipeline, set, 3);
        EXPECT_EQ(v[0], c.expected);
        EXPECT_EQ(v[1][0], c.expected[0]); // one component: green, blue are 0, alpha 1 where it is not the border's
        EXPECT_EQ(v[2][0], 9.0f);
    }
}

} // namespace svga::test
