// SPDX-License-Identifier: MIT
/** Sampled images, storage images and texel buffers. */
#include "job.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace svga::vulkan::test {
namespace {

constexpr VkFormat kFloat4 = VK_FORMAT_R32G32B32A32_SFLOAT;

/** \brief Texel (x, y) of layer l of level n is (x, y, l, n). */
Texture numbered(VkImageType type, VkImageViewType view, VkExtent3D extent, uint32_t layers, uint32_t levels) {
    Texture texture;
    texture.type = type;
    texture.view = view;
    texture.extent = extent;
    texture.layers = layers;
    texture.levels = levels;
    for (uint32_t level = 0; level < levels; ++level) {
        const uint32_t width = std::max(1u, extent.width >> level), height = std::max(1u, extent.height >> level);
        const uint32_t depth = std::max(1u, extent.depth >> level);
        for (uint32_t layer = 0; layer < layers * depth; ++layer)
            for (uint32_t y = 0; y < height; ++y)
                for (uint32_t x = 0; x < width; ++x)
                    for (const uint32_t part : {x, y, layer, level})
                        texture.data.push_back(bits(static_cast<float>(part)));
    }
    return texture;
}

/** \brief One invocation that stores vec4s; \p body says `put(vec4)`. */
std::string program(const std::string& declarations, const std::string& body) {
    return "#version 450\nlayout(local_size_x = 1) in;\n"
           "layout(std430, set = 0, binding = 0) buffer Out { vec4 values[]; } result;\n"
           "layout(std140, set = 0, binding = 30) uniform Zero { ivec4 i; vec4 f; } zero;\n" +
           declarations + "\nvoid main() { uint n = 0u;\n#define put(v) result.values[n++] = (v)\n" + body + "\n}\n";
}

/** \brief Runs program(). */
std::vector<std::array<float, 4>> evaluate(const std::string& declarations, const std::string& body, ComputeJob& job,
                                           uint32_t count) {
    job.storage[0].assign(count * 4, 0xcccccccc);
    job.uniform[30].resize(8);
    run(program(declarations, body), job);
    std::vector<std::array<float, 4>> values(count);
    for (size_t n = 0; n < values.size() * 4; ++n)
        values[n / 4][n % 4] = number(job.storage[0][n]);
    return values;
}

using Value = std::array<float, 4>;

TEST(Texture, FetchesOfEveryDimension) {
    ComputeJob job;
    job.textures[1] = numbered(VK_IMAGE_TYPE_1D, VK_IMAGE_VIEW_TYPE_1D, {8, 1, 1}, 1, 1);
    job.textures[2] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {8, 4, 1}, 1, 3);
    job.textures[3] = numbered(VK_IMAGE_TYPE_3D, VK_IMAGE_VIEW_TYPE_3D, {4, 4, 4}, 1, 1);
    job.textures[4] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D_ARRAY, {4, 4, 1}, 3, 2);
    job.textures[5] = numbered(VK_IMAGE_TYPE_1D, VK_IMAGE_VIEW_TYPE_1D_ARRAY, {4, 1, 1}, 3, 1);
    const auto v = evaluate(R"(
layout(set = 0, binding = 1) uniform texture1D a;
layout(set = 0, binding = 2) uniform texture2D b;
layout(set = 0, binding = 3) uniform texture3D c;
layout(set = 0, binding = 4) uniform texture2DArray d;
layout(set = 0, binding = 5) uniform texture1DArray e;
#extension GL_EXT_samplerless_texture_functions : require
)",
                            R"(
put(texelFetch(a, 5, 0));
put(texelFetch(b, ivec2(6, 3), 0));
put(texelFetch(b, ivec2(1, 0) + zero.i.xy, 1 + zero.i.x));
put(texelFetchOffset(b, ivec2(1, 0) + zero.i.xy, 0, ivec2(2, 1)));
put(texelFetch(c, ivec3(1, 2, 3), 0));
put(texelFetch(d, ivec3(1, 0, 2) + zero.i.xyz, 1));
put(texelFetch(e, ivec2(3, 2), 0));
put(vec4(textureSize(a, 0), textureSize(b, 1), textureQueryLevels(b)));
put(vec4(textureSize(c, 0), textureQueryLevels(d)));
put(vec4(textureSize(d, zero.i.x), textureSize(e, 0).y));
)",
                            job, 10);
    EXPECT_EQ(v[0], (Value{5, 0, 0, 0}));
    EXPECT_EQ(v[1], (Value{6, 3, 0, 0}));
    EXPECT_EQ(v[2], (Value{1, 0, 0, 1}));
    EXPECT_EQ(v[3], (Value{3, 1, 0, 0}));
    EXPECT_EQ(v[4], (Value{1, 2, 3, 0}));
    EXPECT_EQ(v[5], (Value{1, 0, 2, 1}));
    EXPECT_EQ(v[6], (Value{3, 0, 2, 0}));
    EXPECT_EQ(v[7], (Value{8, 4, 2, 3}));
    EXPECT_EQ(v[8], (Value{4, 4, 4, 2}));
    EXPECT_EQ(v[9], (Value{4, 4, 3, 3}));
}

TEST(Texture, SamplesWithLevelsGradientsAndOffsets) {
    ComputeJob job;
    job.textures[2] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {8, 8, 1}, 1, 4);
    job.textures[3] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_CUBE, {4, 4, 1}, 6, 1);
    job.textures[4] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D_ARRAY, {4, 4, 1}, 3, 1);
    job.textures[5] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_CUBE_ARRAY, {4, 4, 1}, 12, 1);
    job.samplers[2] = job.samplers[3] = job.samplers[5] = {};
    job.samplers[6] = {.filter = VK_FILTER_LINEAR};
    const auto v = evaluate(R"(
layout(set = 0, binding = 2) uniform sampler2D a;
layout(set = 0, binding = 3) uniform samplerCube b;
layout(set = 0, binding = 4) uniform texture2DArray c;
layout(set = 0, binding = 5) uniform samplerCubeArray d;
layout(set = 0, binding = 6) uniform sampler s;
)",
                            R"(
vec2 at = vec2(2.5, 5.5) / 8.0 + zero.f.xy;
put(texture(a, at));
put(textureLod(a, at, 1.0));
put(textureLodOffset(a, at, 0.0, ivec2(3, -2)));
put(textureGrad(a, at, vec2(0.5, 0.0), vec2(0.0, 0.5)));
put(textureGradOffset(a, at, vec2(0.25, 0.0), vec2(0.0), ivec2(1, 0)));
put(textureProj(a, vec3(at * 4.0, 4.0)));
put(textureLod(b, vec3(0.1, -1.0, 0.1), 0.0));
put(texture(sampler2DArray(c, s), vec3(0.5, 0.5, 2.2)));
put(texture(d, vec4(1.0, 0.1, 0.1, 1.0)));
put(vec4(textureSize(d, 0), textureSize(b, 0).x));
put(textureLod(a, at, 9.0));
)",
                            job, 11);
    EXPECT_EQ(v[0], (Value{2, 5, 0, 0}));
    EXPECT_EQ(v[1], (Value{1, 2, 0, 1}));
    EXPECT_EQ(v[2], (Value{5, 3, 0, 0}));
    EXPECT_EQ(v[3][3], 2);
    EXPECT_EQ(v[4], (Value{2, 2, 0, 1}));
    EXPECT_EQ(v[5], (Value{2, 5, 0, 0}));
    EXPECT_EQ(v[6][2], 3); // -y
    EXPECT_EQ(v[7], (Value{1.5f, 1.5f, 2, 0}));
    EXPECT_EQ(v[8][2], 6); // the second cube's +x
    EXPECT_EQ(v[9], (Value{4, 4, 2, 4}));
    EXPECT_EQ(v[10][3], 3);
}

TEST(Texture, Gathers) {
    ComputeJob job;
    job.textures[2] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {8, 8, 1}, 1, 1);
    job.textures[3] = job.textures[2];
    job.textures[3].format = VK_FORMAT_D32_SFLOAT;
    job.textures[3].data.clear();
    for (uint32_t n = 0; n < 64; ++n)
        job.textures[3].data.push_back(bits(static_cast<float>(n) / 64));
    job.samplers[2] = {};
    job.samplers[3] = {.compare = VK_COMPARE_OP_LESS};
    const auto v = evaluate(R"(
layout(set = 0, binding = 2) uniform sampler2D a;
layout(set = 0, binding = 3) uniform sampler2DShadow b;
)",
                            R"(
vec2 at = vec2(3.0, 5.0) / 8.0;
put(textureGather(a, at));
put(textureGather(a, at, 1));
put(textureGatherOffset(a, at, ivec2(2, 1)));
put(textureGatherOffset(a, at, ivec2(3, 1) + zero.i.xy, 1));
put(textureGatherOffsets(a, at, ivec2[4](ivec2(0), ivec2(1, 0), ivec2(0, 1), ivec2(2, 2))));
put(textureGather(b, at, 35.5 / 64.0));
put(textureGatherOffset(b, at, 35.5 / 64.0, ivec2(0, -1) + zero.i.xy));
put(vec4(textureLod(b, vec3(at, 0.9), 0.0)));
)",
                            job, 8);
    EXPECT_EQ(v[0], (Value{2, 3, 3, 2}));
    EXPECT_EQ(v[1], (Value{5, 5, 4, 4}));
    EXPECT_EQ(v[2], (Value{4, 5, 5, 4}));
    EXPECT_EQ(v[3], (Value{6, 6, 5, 5}));
    EXPECT_EQ(v[4], (Value{2, 3, 2, 4}));
    // Texels 42, 43, 35, 34: the reference is less than the first two.
    EXPECT_EQ(v[5], (Value{1, 1, 0, 0}));
    EXPECT_EQ(v[6], (Value{0, 0, 0, 0}));
    EXPECT_EQ(v[7][0], 0);
}

TEST(Texture, ImplicitLevelsBiasAndComparison) {
    GraphicsJob j;
    j.draw.width = j.draw.height = 4;
    j.draw.targets = {kFloat4, kFloat4};
    j.textures[1] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {16, 16, 1}, 1, 5);
    j.textures[2] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {4, 4, 1}, 1, 1);
    j.textures[2].format = VK_FORMAT_D32_SFLOAT;
    j.textures[2].data.assign(16, bits(0.5f));
    j.samplers[1] = {};
    j.samplers[2] = {.compare = VK_COMPARE_OP_GREATER};
    j.glsl[Stage::Fragment] = R"(#version 450
layout(set = 0, binding = 1) uniform sampler2D a;
layout(set = 0, binding = 2) uniform sampler2DShadow b;
layout(location = 0) out vec4 first;
layout(location = 1) out vec4 second;
void main() {
    vec2 at = gl_FragCoord.xy / 4.0;
    first = vec4(texture(a, at).w, texture(a, at, 1.0).w, texture(a, at * 2.0).w, texture(b, vec3(at, 0.6)));
    second = vec4(texture(b, vec3(at, 0.4)), textureQueryLod(a, at), textureOffset(a, at, ivec2(1, 0)).x);
})";
    const auto result = run(j);
    for (uint32_t n = 0; n < 16; ++n) {
        const uint32_t* a = &result.targets[0][n * 4];
        const uint32_t* b = &result.targets[1][n * 4];
        EXPECT_EQ(number(a[0]), 2);
        EXPECT_EQ(number(a[1]), 3);
        EXPECT_EQ(number(a[2]), 3);
        EXPECT_EQ(number(a[3]), 1);
        EXPECT_EQ(number(b[0]), 0);
        EXPECT_EQ(number(b[1]), 2);
        EXPECT_EQ(number(b[2]), 2);
        EXPECT_EQ(number(b[3]), std::min(3.0f, static_cast<float>(n % 4) + 1));
    }
}

TEST(Texture, IntegersAndArraysOfTextures) {
    ComputeJob job;
    for (uint32_t n = 0; n < 3; ++n) {
        Texture& texture = job.textures[1 + n] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {2, 2, 1}, 1, 1);
        texture.format = VK_FORMAT_R32G32B32A32_UINT;
        for (uint32_t& word : texture.data)
            word = 0xf0000000 + n;
        job.textures[10 + n] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {2, 2, 1}, 1, 1);
        for (uint32_t& word : job.textures[10 + n].data)
            word = bits(static_cast<float>(n));
        job.samplers[10 + n] = {};
    }
    const auto v = evaluate(R"(
#extension GL_EXT_samplerless_texture_functions : require
layout(set = 0, binding = 1) uniform utexture2D a[3];
layout(set = 0, binding = 10) uniform sampler2D b[3];
)",
                            R"(
for (int k = 0; k < 3; ++k) {
    int at = (k + zero.i.x) % 3;
    put(uintBitsToFloat(texelFetch(a[at], ivec2(1), 0)));
    put(textureLod(b[at], vec2(0.5), 0.0));
}
put(textureLod(b[2], vec2(0.5), 0.0));
)",
                            job, 7);
    for (uint32_t k = 0; k < 3; ++k) {
        EXPECT_EQ(bits(v[2 * k][0]), 0xf0000000 + k);
        EXPECT_EQ(v[2 * k + 1][0], static_cast<float>(k));
    }
    EXPECT_EQ(v[6][0], 2);
}

TEST(Texture, Multisampled) {
    GraphicsJob j;
    j.draw.targets = {kFloat4};
    j.textures[1].samples = VK_SAMPLE_COUNT_4_BIT;
    j.textures[1].extent = {4, 4, 1};
    j.glsl[Stage::Fragment] = R"(#version 450
layout(set = 0, binding = 1) uniform sampler2DMS a;
layout(location = 0) out vec4 color;
void main() {
    color = vec4(textureSize(a), textureSamples(a), 1.0) + texelFetch(a, ivec2(1, 2), 3) * 0.0;
})";
    const auto result = run(j);
    EXPECT_EQ(number(result.targets[0][0]), 4);
    EXPECT_EQ(number(result.targets[0][1]), 4);
    EXPECT_EQ(number(result.targets[0][2]), 4);
}

TEST(Image, LoadsStoresAndSizes) {
    ComputeJob job;
    job.images[1] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {8, 4, 1}, 1, 1);
    job.images[2] = numbered(VK_IMAGE_TYPE_3D, VK_IMAGE_VIEW_TYPE_3D, {4, 4, 4}, 1, 1);
    job.images[3] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D_ARRAY, {4, 4, 1}, 6, 1);
    job.images[4] = numbered(VK_IMAGE_TYPE_1D, VK_IMAGE_VIEW_TYPE_1D, {8, 1, 1}, 1, 1);
    for (auto& [binding, image] : job.images)
        image.storage = true;
    const auto v = evaluate(R"(
layout(set = 0, binding = 1, rgba32f) uniform image2D a;
layout(set = 0, binding = 2, rgba32f) readonly uniform image3D b;
layout(set = 0, binding = 3, rgba32f) uniform imageCube c;
layout(set = 0, binding = 4, rgba32f) writeonly uniform image1D d;
)",
                            R"(
put(imageLoad(a, ivec2(5, 2)));
put(imageLoad(b, ivec3(1, 2, 3)));
put(imageLoad(c, ivec3(1, 2, 4)));
imageStore(a, ivec2(7, 3) + zero.i.xy, vec4(9.0, 8.0, 7.0, 6.0));
imageStore(c, ivec3(0, 0, 5), vec4(5.0));
imageStore(d, 3, vec4(1.0, 2.0, 3.0, 4.0));
put(vec4(imageSize(a), imageSize(c)));
put(vec4(imageSize(b), imageSize(d)));
)",
                            job, 5);
    EXPECT_EQ(v[0], (Value{5, 2, 0, 0}));
    EXPECT_EQ(v[1], (Value{1, 2, 3, 0}));
    EXPECT_EQ(v[2], (Value{1, 2, 4, 0}));
    EXPECT_EQ(v[3], (Value{8, 4, 4, 4}));
    EXPECT_EQ(v[4], (Value{4, 4, 4, 8}));
    EXPECT_EQ(number(job.images[1].data[(3 * 8 + 7) * 4 + 1]), 8);
    EXPECT_EQ(number(job.images[3].data[5 * 16 * 4]), 5);
    EXPECT_EQ(number(job.images[4].data[3 * 4 + 2]), 3);
}

TEST(Image, Atomics) {
    ComputeJob job;
    for (const uint32_t binding : {1u, 2u}) {
        Texture& image = job.images[binding];
        image.format = binding == 1 ? VK_FORMAT_R32_UINT : VK_FORMAT_R32_SINT;
        image.extent = {4, 2, 1};
        image.storage = true;
        image.data.assign(8, 10);
    }
    job.storage[3].assign(8, 100);
    const auto v = evaluate(R"(
layout(set = 0, binding = 1, r32ui) uniform uimage2D a;
layout(set = 0, binding = 2, r32i) uniform iimage2D b;
layout(set = 0, binding = 3, r32ui) uniform uimageBuffer c;
)",
                            R"(
put(vec4(imageAtomicAdd(a, ivec2(1, 1), 5u), imageAtomicExchange(a, ivec2(2, 1), 77u), imageAtomicCompSwap(a, ivec2(3, 1), 10u, 99u), 0.0));
put(vec4(imageAtomicMin(b, ivec2(0, 1), -4), imageAtomicMax(b, ivec2(1, 0), 40), 0.0, 0.0));
put(vec4(imageAtomicOr(c, 2, 1u), imageAtomicXor(c, 3, 1u), imageAtomicAnd(c, 4, 4u), imageSize(c)));
imageStore(c, 7, uvec4(imageLoad(c, 6).x + 11u));
)",
                            job, 3);
    EXPECT_EQ(v[0], (Value{10, 10, 10, 0}));
    EXPECT_EQ(v[1], (Value{10, 10, 0, 0}));
    EXPECT_EQ(v[2], (Value{100, 100, 100, 8}));
    EXPECT_EQ(job.images[1].data, (Words{10, 10, 10, 10, 10, 15, 77, 99}));
    EXPECT_EQ(job.images[2].data, (Words{10, 40, 10, 10, static_cast<uint32_t>(-4), 10, 10, 10}));
    EXPECT_EQ(job.storage[3], (Words{100, 100, 101, 101, 4, 100, 100, 111}));
}

TEST(Image, ArraysOfImagesAndTexelBuffersIndexedAtRunTime) {
    ComputeJob job;
    for (uint32_t n = 0; n < 3; ++n) {
        job.images[1 + n] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {2, 2, 1}, 1, 1);
        job.images[1 + n].storage = true;
        job.images[1 + n].data[0] = bits(static_cast<float>(10 * n));
        job.texelBuffers[10 + n] = {100 * n, 100 * n + 1};
        job.storage[20 + n] = {0, 0};
    }
    const auto v = evaluate(R"(
#extension GL_EXT_nonuniform_qualifier : require
layout(set = 0, binding = 1, rgba32f) uniform image2D a[3];
layout(set = 0, binding = 10) uniform usamplerBuffer b[3];
layout(set = 0, binding = 20, r32ui) uniform uimageBuffer c[3];
)",
                            R"(
for (int k = 0; k < 3; ++k) {
    int at = (k + zero.i.x) % 3;
    put(vec4(imageLoad(a[nonuniformEXT(at)], ivec2(0)).x, texelFetch(b[nonuniformEXT(at)], 1).x, imageSize(c[nonuniformEXT(at)]), 0.0));
    imageStore(c[nonuniformEXT(at)], 1, uvec4(uint(at) + 7u));
}
)",
                            job, 3);
    for (uint32_t k = 0; k < 3; ++k) {
        EXPECT_EQ(v[k], (Value{static_cast<float>(10 * k), static_cast<float>(100 * k + 1), 2, 0}));
        EXPECT_EQ(job.storage[20 + k][1], k + 7);
    }
}

/** \brief Options of the tool that give \p bindings, by number, component mappings. */
std::vector<std::string> swizzles(const std::string& glsl, const std::map<uint32_t, std::string>& bindings) {
    const Compiled plain = compileGlsl(Stage::Compute, glsl);
    std::vector<std::string> options;
    for (const auto& [binding, swizzle] : bindings) {
        options.push_back("--swizzle");
        options.push_back(std::to_string(plain.reg(kResource, binding)) + "=" + swizzle);
    }
    return options;
}

TEST(Texture, SwizzlesOfEveryWayToRead) {
    ComputeJob job;
    job.textures[2] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {4, 4, 1}, 1, 2);
    job.textures[3] = numbered(VK_IMAGE_TYPE_2D, VK_IMAGE_VIEW_TYPE_2D, {4, 4, 1}, 1, 1);
    Texture whole;
    whole.format = VK_FORMAT_R32G32B32A32_UINT;
    whole.extent = {1, 1, 1};
    whole.data = {21, 22, 23, 24};
    job.textures[4] = whole;
    for (const uint32_t binding : {2, 3, 4})
        job.samplers[binding] = {};
    const std::string declarations = R"(
layout(set = 0, binding = 2) uniform sampler2D a; // abgr with a one
layout(set = 0, binding = 3) uniform sampler2D b; // as it is
layout(set = 0, binding = 4) uniform usampler2D c;
)";
    const std::string body = R"(
vec2 at = vec2(2.5, 1.5) / 4.0 + zero.f.xy;
put(texture(a, at));
put(textureLod(a, at, 0.0));
put(textureGrad(a, at, vec2(0.01, 0.0), vec2(0.0)));
put(texelFetch(a, ivec2(1, 0), 1));
put(vec4(texture(a, at).w, texture(a, at).y, 0.0, 0.0));
put(textureGather(a, vec2(0.5) + zero.f.xy, 3));
put(textureGather(a, vec2(0.5) + zero.f.xy, 0));
put(texture(b, at));
put(vec4(texelFetch(c, ivec2(0), 0)));
)";
    job.options = swizzles(program(declarations, body), {{2, "1b0g"}, {4, "a1gr"}});
    const auto v = evaluate(declarations, body, job, 9);
    for (const size_t n : {0, 1, 2})
        EXPECT_EQ(v[n], (Value{1, 0, 0, 1})) << n; // x 2, y 1, layer 0, level 0
    EXPECT_EQ(v[3], (Value{1, 0, 0, 0}));
    EXPECT_EQ(v[4], (Value{1, 0, 0, 0}));
    EXPECT_EQ(v[5], (Value{2, 2, 1, 1})); // y, of the texels around the middle
    EXPECT_EQ(v[6], (Value{1, 1, 1, 1}));
    EXPECT_EQ(v[7], (Value{2, 1, 0, 0}));
    EXPECT_EQ(v[8], (Value{24, 1, 22, 21}));
}

TEST(TexelBuffer, Uniform) {
    ComputeJob job;
    job.texelBuffers[1] = {3, 1, 4, 1, 5, 9};
    const auto v =
        evaluate("layout(set = 0, binding = 1) uniform usamplerBuffer a;",
                 "put(vec4(texelFetch(a, 4).x, texelFetch(a, 5 + zero.i.x).x, textureSize(a), 0.0));", job, 1);
    EXPECT_EQ(v[0], (Value{5, 9, 6, 0}));
}

} // namespace
} // namespace svga::vulkan::test
