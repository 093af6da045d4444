// SPDX-License-Identifier: MIT
//
// What is drawn to, and how: samples, depth and stencil, all stages, several views, secondary command buffers.
#include "pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace svga::test {

namespace {

constexpr VkImageUsageFlags kColor = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
                            kDepthStencil = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
constexpr uint32_t kRed = 0xff0000ff, kGreen = 0xff00ff00, kBlue = 0xffff0000, kBlack = 0xff000000, kWhite = 0xffffffff;
constexpr const char* kPushedColor = R"(#version 450
    layout(push_constant) uniform Push { vec4 value; float depth; };
    layout(location = 0) out vec4 color;
    void main() { color = value; })";
/** As kEverything, at a depth that is pushed. */
constexpr const char* kAtPushedDepth = R"(#version 450
    layout(push_constant) uniform Push { vec4 value; float depth; };
    void main() {
        gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, depth, 1.0);
    })";

struct Pushed {
    std::array<float, 4> color;
    float depth = 0.5f;
};

size_t count(const std::vector<uint32_t>& texels, uint32_t value) {
    return static_cast<size_t>(std::ranges::count(texels, value));
}

class Rendering : public testing::Test {
protected:
    void SetUp() override {
        if (!(gpu.queueFlags() & VK_QUEUE_GRAPHICS_BIT) || !gpu.has(VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME))
            GTEST_SKIP() << "the device does not draw so";
    }

    static void push(VkCommandBuffer commands, const Pipeline& pipeline, const Pushed& pushed) {
        vkCmdPushConstants(commands, pipeline.layout(), VK_SHADER_STAGE_ALL, 0, sizeof(pushed), &pushed);
    }

    /** Draws three vertices into `target`. */
    void drawInto(Image& target, const Pipeline& pipeline, VkDescriptorSet set = VK_NULL_HANDLE,
                  uint32_t vertices = 3) {
        gpu.run([&](VkCommandBuffer commands) {
            render(gpu, commands, {.extent = target.info().extent, .color = target.view()}, [&] {
                pipeline.bind(commands, set);
                vkCmdDraw(commands, vertices, 1, 0, 0);
            });
        });
    }

    Gpu gpu;
};

} // namespace

/** A triangle whose edge crosses texels has some of their samples; both ways to resolve average them. */
/** One of several targets, each of a format of its own, is cleared in a part; the others keep what they have. What was
 * drawn to no color at all before makes no difference. */
TEST_F(Rendering, OneOfSeveralTargetsIsCleared) {
    constexpr std::array kFormats{VK_FORMAT_R32G32B32A32_SFLOAT, VK_FORMAT_R8_UNORM, VK_FORMAT_R8_SNORM,
                                  VK_FORMAT_R8G8B8A8_SINT};
    constexpr VkRect2D kPart{{0, 0}, {8, 8}};
    std::vector<std::unique_ptr<Image>> images;
    Image depth(gpu, {.format = VK_FORMAT_D32_SFLOAT, .usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT});
    for (const VkFormat format : kFormats)
        images.push_back(
            std::make_unique<Image>(gpu, ImageInfo{.format = format, .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT}));
    for (size_t cleared = 0; cleared < kFormats.size(); ++cleared) {
        for (const auto& image : images) {
            if (image->info().format == VK_FORMAT_R32G32B32A32_SFLOAT)
                image->write(std::span<const std::array<float, 4>>(std::vector<std::array<float, 4>>(256)));
            else if (image->info().format == VK_FORMAT_R8G8B8A8_SINT)
                image->write(std::span<const uint32_t>(std::vector<uint32_t>(256)));
            else
                image->write(std::span<const uint8_t>(std::vector<uint8_t>(256)));
        }
        std::array<VkRenderingAttachmentInfo, kFormats.size()> attachments{};
        for (size_t i = 0; i < attachments.size(); ++i) {
            attachments[i].sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO;
            attachments[i].imageView = images[i]->view();
            attachments[i].imageLayout = VK_IMAGE_LAYOUT_GENERAL;
            attachments[i].loadOp = i == cleared ? VK_ATTACHMENT_LOAD_OP_CLEAR : VK_ATTACHMENT_LOAD_OP_LOAD;
            attachments[i].storeOp = VK_ATTACHMENT_STORE_OP_STORE;
            if (kFormats[i] == VK_FORMAT_R8G8B8A8_SINT)
                attachments[i].clearValue.color = {.int32 = {1, 1, 1, 1}};
            else
                attachments[i].clearValue.color = {.float32 = {1, 1, 1, 1}};
        }
        VkRenderingInfo info{};
        info.sType = VK_STRUCTURE_TYPE_RENDERING_INFO;
        info.renderArea = kPart;
        info.layerCount = 1;
        info.colorAttachmentCount = attachments.size();
        info.pColorAttachments = attachments.data();
        gpu.run([&](VkCommandBuffer commands) {
            render(gpu, commands, {.area = kPart, .depth = depth.view({.aspects = VK_IMAGE_ASPECT_DEPTH_BIT})}, [] {});
            gpu.beginRendering(commands, info);
            gpu.endRendering(commands);
            barrier(commands, VK_ACCESS_MEMORY_WRITE_BIT, VK_ACCESS_MEMORY_READ_BIT);
        });
        // What is in the first texel, and in the last, outside the area.
        const auto texels = [](const auto& values) { return std::pair(values.front(), values.back()); };
        const bool is0 = cleared == 0;
        const float one = is0 ? 1.0f : 0.0f;
        EXPECT_EQ(texels(images[0]->read<std::array<float, 4>>()),
                  (std::pair(std::array{one, one, one, one}, std::array<float, 4>{})));
        EXPECT_EQ(texels(images[1]->read<uint8_t>()), (std::pair<uint8_t, uint8_t>(cleared == 1 ? 255 : 0, 0)));
        EXPECT_EQ(texels(images[2]->read<uint8_t>()), (std::pair<uint8_t, uint8_t>(cleared == 2 ? 127 : 0, 0)));
        EXPECT_EQ(texels(images[3]->read<uint32_t>()),
                  (std::pair<uint32_t, uint32_t>(cleared == 3 ? 0x01010101 : 0, 0)));
    }
}

TEST_F(Rendering, FourSamplesAreResolved) {
    Image several(gpu, {.usage = kColor, .samples = VK_SAMPLE_COUNT_4_BIT});
    Image atEnd(gpu, {.usage = kColor}), byCommand(gpu, {.usage = kColor});
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, R"(#version 450
        void main() { gl_Position = vec4(gl_VertexIndex == 1 ? 3.2 : -1.2, gl_VertexIndex == 2 ? 2.9 : -1.3, 0.5, 1.0);
                      gl_Position.xy *= 0.5; })"},
                                           {Stage::Fragment, kPushedColor}},
                                  .pushed = sizeof(Pushed),
                                  .samples = VK_SAMPLE_COUNT_4_BIT});
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands, {.color = several.view(), .resolve = atEnd.view()}, [&] {
            pipeline.bind(commands);
            push(commands, pipeline, {{1, 0, 0, 1}});
            vkCmdDraw(commands, 3, 1, 0, 0);
        });
        VkImageResolve region{};
        region.srcSubresource = region.dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
        region.extent = {16, 16, 1};
        vkCmdResolveImage(commands, several.handle(), VK_IMAGE_LAYOUT_GENERAL, byCommand.handle(),
                          VK_IMAGE_LAYOUT_GENERAL, 1, &region);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT);
    });
    const std::vector<uint32_t> first = atEnd.read<uint32_t>(), second = byCommand.read<uint32_t>();
    EXPECT_EQ(first, second);
    EXPECT_GT(count(first, kRed), 20u);
    EXPECT_GT(count(first, kBlack), 20u);
    size_t partly = 0;
    for (const uint32_t texel : first) {
        const double covered = (texel & 0xff) / 63.75;
        EXPECT_NEAR(covered, std::round(covered), 0.02) << std::hex << texel;
        partly += texel != kRed && texel != kBlack;
    }
    EXPECT_GT(partly, 5u);
}

TEST_F(Rendering, SamplesHaveValuesOfTheirOwn) {
    if (!gpu.features().sampleRateShading)
        GTEST_SKIP();
    Image several(gpu, {.usage = kColor, .samples = VK_SAMPLE_COUNT_4_BIT}), resolved(gpu, {.usage = kColor});
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, R"(#version 450
        layout(location = 0) out vec4 color;
        void main() { color = gl_SampleID == 2 ? vec4(1) : vec4(0); })"}},
                                  .samples = VK_SAMPLE_COUNT_4_BIT});
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands, {.color = several.view(), .resolve = resolved.view()}, [&] {
            pipeline.bind(commands);
            vkCmdDraw(commands, 3, 1, 0, 0);
        });
    });
    EXPECT_EQ(count(resolved.read<uint32_t>(), 0x40404040), 256u);
}

TEST_F(Rendering, ResolvesKeepToTheirArea) {
    Image several(gpu, {.usage = kColor, .samples = VK_SAMPLE_COUNT_4_BIT}), resolved(gpu, {.usage = kColor});
    resolved.write(std::span<const uint32_t>(std::vector<uint32_t>(256, kBlue)));
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands,
               {.area = VkRect2D{{4, 2}, {8, 6}},
                .color = several.view(),
                .resolve = resolved.view(),
                .clearColor = {{1, 0, 0, 1}}},
               [] {});
    });
    const std::vector<uint32_t> texels = resolved.read<uint32_t>();
    EXPECT_EQ(count(texels, kRed), 48u);
    EXPECT_EQ(count(texels, kBlue), 208u);
    EXPECT_EQ(texels[2 * 16 + 4], kRed);
}

TEST_F(Rendering, DepthAndStencilAreResolved) {
    const VkFormat format = VK_FORMAT_D32_SFLOAT_S8_UINT;
    constexpr VkImageAspectFlags kBoth = VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;
    Image several(gpu, {.format = format, .usage = kDepthStencil, .samples = VK_SAMPLE_COUNT_4_BIT}),
        resolved(gpu, {.format = format, .usage = kDepthStencil});
    VkPipelineDepthStencilStateCreateInfo state{};
    state.depthTestEnable = state.depthWriteEnable = state.stencilTestEnable = VK_TRUE;
    state.depthCompareOp = VK_COMPARE_OP_ALWAYS;
    state.front = state.back = {
        VK_STENCIL_OP_KEEP, VK_STENCIL_OP_REPLACE, VK_STENCIL_OP_KEEP, VK_COMPARE_OP_ALWAYS, 0xff, 0xff, 0xa7};
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, kAtPushedDepth}},
                                  .pushed = sizeof(Pushed),
                                  .colors = {},
                                  .depthStencilFormat = format,
                                  .depthStencil = state,
                                  .samples = VK_SAMPLE_COUNT_4_BIT});
    const VkImageView view = several.view({.aspects = kBoth});
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands,
               {.depth = view, .stencil = view, .resolveDepthStencil = resolved.view({.aspects = kBoth})}, [&] {
                   pipeline.bind(commands);
                   push(commands, pipeline, {{}, 0.375f});
                   const VkRect2D half{{}, {8, 16}};
                   vkCmdSetScissor(commands, 0, 1, &half);
                   vkCmdDraw(commands, 3, 1, 0, 0);
               });
    });
    const std::vector<float> depths = resolved.read<float>(VK_IMAGE_ASPECT_DEPTH_BIT);
    const std::vector<uint8_t> stencils = resolved.read<uint8_t>(VK_IMAGE_ASPECT_STENCIL_BIT);
    EXPECT_EQ(std::ranges::count(depths, 0.375f), 128);
    EXPECT_EQ(std::ranges::count(depths, 1.0f), 128);
    EXPECT_EQ(depths[7], 0.375f);
    EXPECT_EQ(std::ranges::count(stencils, 0xa7), 128);
    EXPECT_EQ(std::ranges::count(stencils, 0), 128);
    EXPECT_EQ(stencils[7], 0xa7);
}

TEST_F(Rendering, TheDepthTestKeepsTheNearest) {
    for (const VkFormat format : {VK_FORMAT_D16_UNORM, VK_FORMAT_D32_SFLOAT, VK_FORMAT_D32_SFLOAT_S8_UINT}) {
        Image color(gpu, {.usage = kColor}), depth(gpu, {.format = format, .usage = kDepthStencil});
        const VkImageView depthView = depth.view(
            {.aspects = format == VK_FORMAT_D32_SFLOAT_S8_UINT ? VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT
                                                               : VkImageAspectFlags{VK_IMAGE_ASPECT_DEPTH_BIT}});
        VkPipelineDepthStencilStateCreateInfo state{};
        state.depthTestEnable = state.depthWriteEnable = VK_TRUE;
        state.depthCompareOp = VK_COMPARE_OP_LESS;
        const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, kAtPushedDepth}, {Stage::Fragment, kPushedColor}},
                                      .pushed = sizeof(Pushed),
                                      .depthStencilFormat = format,
                                      .depthStencil = state});
        const VkImageView stencilView = format == VK_FORMAT_D32_SFLOAT_S8_UINT ? depthView : VK_NULL_HANDLE;
        gpu.run([&](VkCommandBuffer commands) {
            render(gpu, commands,
                   {.color = color.view(), .depth = depthView, .stencil = stencilView, .clearDepth = 0.75f}, [&] {
                       pipeline.bind(commands);
                       push(commands, pipeline, {{1, 0, 0, 1}, 0.5f});
                       vkCmdDraw(commands, 3, 1, 0, 0);
                       push(commands, pipeline, {{0, 1, 0, 1}, 0.625f}); // behind it
                       vkCmdDraw(commands, 3, 1, 0, 0);
                       const VkRect2D half{{}, {16, 8}};
                       vkCmdSetScissor(commands, 0, 1, &half);
                       push(commands, pipeline, {{0, 0, 1, 1}, 0.25f}); // before it
                       vkCmdDraw(commands, 3, 1, 0, 0);
                       push(commands, pipeline, {{1, 1, 1, 1}, 0.875f}); // behind all
                       vkCmdDraw(commands, 3, 1, 0, 0);
                   });
        });
        const std::vector<uint32_t> texels = color.read<uint32_t>();
        EXPECT_EQ(count(texels, kBlue), 128u) << "format " << format;
        EXPECT_EQ(count(texels, kRed), 128u) << "format " << format;
        const auto near = [](auto value, double expected, double most) {
            EXPECT_NEAR(static_cast<double>(value) / most, expected, 1e-4);
        };
        if (format == VK_FORMAT_D16_UNORM) {
            const std::vector<uint16_t> depths = depth.read<uint16_t>(VK_IMAGE_ASPECT_DEPTH_BIT);
            near(depths[0], 0.25, 65535);
            near(depths[255], 0.5, 65535);
        } else {
            const std::vector<float> depths = depth.read<float>(VK_IMAGE_ASPECT_DEPTH_BIT);
            near(depths[0], 0.25, 1);
            near(depths[255], 0.5, 1);
        }
    }
}

TEST_F(Rendering, ClearsOfDepthAndStencilAreApart) {
    const VkFormat format = VK_FORMAT_D32_SFLOAT_S8_UINT;
    Image image(gpu, {.format = format, .usage = kDepthStencil});
    const VkImageView view = image.view({.aspects = VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT});
    const auto clear = [&](VkImageAspectFlags aspects, float depth, uint32_t stencil) {
        gpu.run([&](VkCommandBuffer commands) {
            const VkClearDepthStencilValue value{depth, stencil};
            const VkImageSubresourceRange range{aspects, 0, 1, 0, 1};
            vkCmdClearDepthStencilImage(commands, image.handle(), VK_IMAGE_LAYOUT_GENERAL, &value, 1, &range);
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_MEMORY_READ_BIT);
        });
    };
    const auto expect = [&](size_t at, float depth, uint32_t stencil) {
        EXPECT_EQ(image.read<float>(VK_IMAGE_ASPECT_DEPTH_BIT)[at], depth) << at;
        EXPECT_EQ(image.read<uint8_t>(VK_IMAGE_ASPECT_STENCIL_BIT)[at], stencil) << at;
    };
    clear(VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT, 0.5f, 10);
    expect(100, 0.5f, 10);
    clear(VK_IMAGE_ASPECT_DEPTH_BIT, 0.125f, 99);
    expect(100, 0.125f, 10);
    clear(VK_IMAGE_ASPECT_STENCIL_BIT, 1, 20);
    expect(100, 0.125f, 20);
    // Of a part, in a rendering that loads them.
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands, {.depth = view, .stencil = view, .clearDepth = {}, .clearStencil = {}}, [&] {
            VkClearAttachment attachment{};
            attachment.aspectMask = VK_IMAGE_ASPECT_STENCIL_BIT;
            attachment.clearValue.depthStencil = {1, 30};
            const VkClearRect rect{{{4, 4}, {8, 8}}, 0, 1};
            vkCmdClearAttachments(commands, 1, &attachment, 1, &rect);
            attachment.aspectMask = VK_IMAGE_ASPECT_DEPTH_BIT;
            attachment.clearValue.depthStencil = {0.75f, 1};
            const VkClearRect corner{{{0, 0}, {5, 5}}, 0, 1};
            vkCmdClearAttachments(commands, 1, &attachment, 1, &corner);
        });
    });
    expect(0, 0.75f, 20);
    expect(4 * 16 + 4, 0.75f, 30);
    expect(11 * 16 + 11, 0.125f, 30);
    expect(12 * 16 + 12, 0.125f, 20);
}

TEST_F(Rendering, StencilCountsAndMasks) {
    const VkFormat format = VK_FORMAT_D32_SFLOAT_S8_UINT;
    Image color(gpu, {.usage = kColor}), stencil(gpu, {.format = format, .usage = kDepthStencil});
    const VkImageView view = stencil.view({.aspects = VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT});
    const auto pipeline = [&](const VkStencilOpState& state) {
        VkPipelineDepthStencilStateCreateInfo info{};
        info.stencilTestEnable = VK_TRUE;
        info.front = info.back = state;
        return std::make_unique<Pipeline>(
            gpu, PipelineInfo{.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, kPushedColor}},
                              .pushed = sizeof(Pushed),
                              .depthStencilFormat = format,
                              .depthStencil = info});
    };
    const auto increments = pipeline({VK_STENCIL_OP_KEEP, VK_STENCIL_OP_INCREMENT_AND_WRAP, VK_STENCIL_OP_KEEP,
                                      VK_COMPARE_OP_ALWAYS, 0xff, 0x0f, 0});
    const auto passes =
        pipeline({VK_STENCIL_OP_INVERT, VK_STENCIL_OP_KEEP, VK_STENCIL_OP_KEEP, VK_COMPARE_OP_EQUAL, 0x03, 0xff, 0x42});
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands, {.color = color.view(), .depth = view, .stencil = view, .clearStencil = 0xf0u}, [&] {
            increments->bind(commands);
            push(commands, *increments, {{1, 0, 0, 1}});
            for (uint32_t i = 0; i < 3; ++i) {
                const VkRect2D rows{{}, {16, 4 * (i + 1)}};
                vkCmdSetScissor(commands, 0, 1, &rows);
                vkCmdDraw(commands, 3, 1, 0, 0);
            }
            const VkRect2D all{{}, {16, 16}};
            vkCmdSetScissor(commands, 0, 1, &all);
            passes->bind(commands);
            push(commands, *passes, {{0, 1, 0, 1}});
            vkCmdDraw(commands, 3, 1, 0, 0);
        });
    });
    // Rows 0-3 were counted to f3, 4-7 to f2, which passes, 8-11 to f1; the last are f0. What failed is inverted.
    const std::vector<uint8_t> values = stencil.read<uint8_t>(VK_IMAGE_ASPECT_STENCIL_BIT);
    EXPECT_EQ(values[0], 0x0c);
    EXPECT_EQ(values[4 * 16], 0xf2);
    EXPECT_EQ(values[8 * 16], 0x0e);
    EXPECT_EQ(values[12 * 16], 0x0f);
    const std::vector<uint32_t> texels = color.read<uint32_t>();
    EXPECT_EQ(count(texels, kGreen), 64u);
    EXPECT_EQ(texels[4 * 16], kGreen);
}

TEST_F(Rendering, FrontAndBackHaveMasksAndReferencesOfTheirOwn) {
    const VkFormat format = VK_FORMAT_D32_SFLOAT_S8_UINT;
    // The left half is a triangle strip's front, the right half its back.
    constexpr const char* kBothFaces = R"(#version 450
        void main() {
            int i = gl_VertexIndex % 6;
            bool back = gl_VertexIndex >= 6;
            vec2 corner = vec2(i == 1 || i == 2 || i == 4, i >= 2 && i != 3);
            if (back)
                corner.x = 1.0 - corner.x;
            gl_Position = vec4(corner.x - (back ? 0.0 : 1.0), corner.y * 2.0 - 1.0, 0.5, 1.0);
        })";
    for (const VkCullModeFlags cull : {VK_CULL_MODE_NONE, VK_CULL_MODE_FRONT_BIT, VK_CULL_MODE_BACK_BIT}) {
        Image color(gpu, {.usage = kColor}), stencil(gpu, {.format = format, .usage = kDepthStencil});
        const VkImageView view = stencil.view({.aspects = VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT});
        VkPipelineDepthStencilStateCreateInfo state{};
        state.stencilTestEnable = VK_TRUE;
        state.front = {
            VK_STENCIL_OP_KEEP, VK_STENCIL_OP_REPLACE, VK_STENCIL_OP_KEEP, VK_COMPARE_OP_LESS, 0x0f, 0x3c, 0x0d};
        state.back = {
            VK_STENCIL_OP_KEEP, VK_STENCIL_OP_REPLACE, VK_STENCIL_OP_KEEP, VK_COMPARE_OP_NOT_EQUAL, 0xf0, 0xff, 0x77};
        const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, kBothFaces}, {Stage::Fragment, kPushedColor}},
                                      .pushed = sizeof(Pushed),
                                      .depthStencilFormat = format,
                                      .depthStencil = state,
                                      .cull = cull});
        gpu.run([&](VkCommandBuffer commands) {
            render(gpu, commands, {.color = color.view(), .depth = view, .stencil = view, .clearStencil = 0x8eu}, [&] {
                pipeline.bind(commands);
                push(commands, pipeline, {{0, 1, 0, 1}});
                vkCmdDraw(commands, 12, 1, 0, 0);
            });
        });
        const std::vector<uint8_t> values = stencil.read<uint8_t>(VK_IMAGE_ASPECT_STENCIL_BIT);
        const bool front = cull != VK_CULL_MODE_FRONT_BIT, back = cull != VK_CULL_MODE_BACK_BIT;
        EXPECT_EQ(values[8 * 16 + 3], front ? (0x8e & ~0x3c) | (0x0d & 0x3c) : 0x8e) << cull;
        EXPECT_EQ(values[8 * 16 + 12], back ? 0x77 : 0x8e) << cull;
        EXPECT_EQ(count(color.read<uint32_t>(), kGreen), (front ? 128u : 0u) + (back ? 128u : 0u)) << cull;
    }
}

TEST_F(Rendering, CopiesOfDepthAndStencil) {
    for (const VkFormat format : {VK_FORMAT_D24_UNORM_S8_UINT, VK_FORMAT_D32_SFLOAT_S8_UINT}) {
        VkFormatProperties properties;
        vkGetPhysicalDeviceFormatProperties(gpu.physicalDevice(), format, &properties);
        if (!(properties.optimalTilingFeatures & VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT))
            continue;
        Image first(gpu, {.format = format, .extent = {20, 12}, .usage = kDepthStencil}),
            second(gpu, {.format = format, .extent = {20, 12}, .usage = kDepthStencil});
        std::vector<uint32_t> depths(240);
        std::vector<uint8_t> stencils(240);
        const bool d24 = format == VK_FORMAT_D24_UNORM_S8_UINT;
        for (uint32_t i = 0; i < 240; ++i) {
            const float depth = static_cast<float>(i) / 256;
            std::memcpy(&depths[i], &depth, sizeof(depth));
            if (d24)
                depths[i] = i * 69905;
            stencils[i] = static_cast<uint8_t>(i * 7);
        }
        first.write(std::span<const uint32_t>(depths), VK_IMAGE_ASPECT_DEPTH_BIT);
        first.write(std::span<const uint8_t>(stencils), VK_IMAGE_ASPECT_STENCIL_BIT);
        gpu.run([&](VkCommandBuffer commands) {
            VkImageCopy region{};
            region.srcSubresource =
                region.dstSubresource = {VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT, 0, 0, 1};
            region.extent = {20, 12, 1};
            vkCmdCopyImage(commands, first.handle(), VK_IMAGE_LAYOUT_GENERAL, second.handle(), VK_IMAGE_LAYOUT_GENERAL,
                           1, &region);
        });
        std::vector<uint32_t> readDepths = second.read<uint32_t>(VK_IMAGE_ASPECT_DEPTH_BIT);
        if (d24)
            for (uint32_t& depth : readDepths)
                depth &= 0xffffff; // the rest is undefined
        EXPECT_EQ(readDepths, depths) << "format " << format;
        EXPECT_EQ(second.read<uint8_t>(VK_IMAGE_ASPECT_STENCIL_BIT), stencils) << "format " << format;
    }
}

TEST_F(Rendering, TessellationMakesAQuad) {
    if (!gpu.features().tessellationShader)
        GTEST_SKIP();
    Image target(gpu, {.usage = kColor});
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, R"(#version 450
        void main() { gl_Position = vec4(gl_VertexIndex & 1, gl_VertexIndex >> 1, 0.0, 1.0); })"},
                                           {Stage::TessControl, R"(#version 450
        layout(vertices = 4) out;
        layout(location = 0) patch out vec4 tint;
        void main() {
            gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
            if (gl_InvocationID == 0) {
                gl_TessLevelOuter = float[4](3.0, 3.0, 3.0, 3.0);
                gl_TessLevelInner = float[2](3.0, 3.0);
                tint = vec4(0, 1, 0, 1);
            }
        })"},
                                           {Stage::TessEvaluation, R"(#version 450
        layout(quads, equal_spacing, cw) in;
        layout(location = 0) patch in vec4 tint;
        layout(location = 0) out vec4 passed;
        void main() {
            vec4 top = mix(gl_in[0].gl_Position, gl_in[1].gl_Position, gl_TessCoord.x);
            vec4 bottom = mix(gl_in[2].gl_Position, gl_in[3].gl_Position, gl_TessCoord.x);
            gl_Position = mix(top, bottom, gl_TessCoord.y); // the lower right quarter of the target
            passed = tint;
        })"},
                                           {Stage::Fragment, R"(#version 450
        layout(location = 0) in vec4 passed;
        layout(location = 0) out vec4 color;
        void main() { color = passed; })"}},
                                  .topology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST,
                                  .patchSize = 4});
    drawInto(target, pipeline, VK_NULL_HANDLE, 4);
    const std::vector<uint32_t> texels = target.read<uint32_t>();
    EXPECT_EQ(count(texels, kGreen), 64u);
    EXPECT_EQ(texels[8 * 16 + 8], kGreen);
    EXPECT_EQ(texels[7 * 16 + 8], kBlack);
}

TEST_F(Rendering, GeometryShadersMakePrimitivesAndChooseLayers) {
    if (!gpu.features().geometryShader)
        GTEST_SKIP();
    Image target(gpu, {.usage = kColor, .layers = 3});
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, R"(#version 450
        void main() { gl_Position = vec4(0, 0, 0, 1); })"},
                                           {Stage::Geometry, R"(#version 450
        layout(points) in;
        layout(triangle_strip, max_vertices = 12) out;
        layout(location = 0) out vec4 passed;
        void main() {
            for (int layer = 0; layer < 3; ++layer) {
                for (int i = 0; i < 4; ++i) {
                    gl_Layer = layer;
                    passed = vec4(layer == 0, layer == 1, layer == 2, 1);
                    gl_Position = vec4((i & 1) != 0 ? 1.0 : -1.0, (i >> 1) != 0 ? 0.0 : -1.0, 0.0, 1.0); // the upper half
                    EmitVertex();
                }
                EndPrimitive();
            }
        })"},
                                           {Stage::Fragment, R"(#version 450
        layout(location = 0) in vec4 passed;
        layout(location = 0) out vec4 color;
        void main() { color = passed; })"}},
                                  .topology = VK_PRIMITIVE_TOPOLOGY_POINT_LIST});
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands, {.color = target.view({.type = VK_IMAGE_VIEW_TYPE_2D_ARRAY, .layers = 3}), .layers = 3},
               [&] {
                   pipeline.bind(commands);
                   vkCmdDraw(commands, 1, 1, 0, 0);
               });
    });
    for (uint32_t layer = 0; layer < 3; ++layer) {
        const std::vector<uint32_t> texels = target.read<uint32_t>(VK_IMAGE_ASPECT_COLOR_BIT, layer);
        EXPECT_EQ(count(texels, std::array{kRed, kGreen, kBlue}[layer]), 128u) << layer;
        EXPECT_EQ(count(texels, kBlack), 128u) << layer;
        EXPECT_EQ(texels[255], kBlack) << layer;
    }
}

TEST_F(Rendering, EachViewIsDrawnAndCleared) {
    Image target(gpu, {.usage = kColor, .layers = 4});
    const VkImageView view = target.view({.type = VK_IMAGE_VIEW_TYPE_2D_ARRAY, .layers = 4});
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, R"(#version 450
        #extension GL_EXT_multiview : require
        layout(location = 0) out vec4 color;
        void main() { color = vec4(gl_ViewIndex == 0, gl_ViewIndex == 2, gl_ViewIndex == 3, 1); })"}},
                                  .viewMask = 0xd});
    gpu.run([&](VkCommandBuffer commands) {
        VkClearColorValue white{{1, 1, 1, 1}};
        const VkImageSubresourceRange all{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 4};
        vkCmdClearColorImage(commands, target.handle(), VK_IMAGE_LAYOUT_GENERAL, &white, 1, &all);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT);
        render(gpu, commands, {.color = view, .viewMask = 0xd}, [&] {
            const VkRect2D half{{}, {16, 8}};
            vkCmdSetScissor(commands, 0, 1, &half);
            pipeline.bind(commands);
            vkCmdDraw(commands, 3, 1, 0, 0);
        });
    });
    for (const auto& [layer, drawn] : {std::pair{0u, kRed}, {2u, kGreen}, {3u, kBlue}}) {
        const std::vector<uint32_t> texels = target.read<uint32_t>(VK_IMAGE_ASPECT_COLOR_BIT, layer);
        EXPECT_EQ(count(texels, drawn), 128u) << layer;
        EXPECT_EQ(count(texels, kBlack), 128u) << layer;
    }
    EXPECT_EQ(count(target.read<uint32_t>(VK_IMAGE_ASPECT_COLOR_BIT, 1), kWhite), 256u);
}

TEST_F(Rendering, SecondaryCommandBuffersDraw) {
    Image target(gpu, {.usage = kColor});
    const Pipeline pipeline(
        gpu, {.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, kPushedColor}}, .pushed = sizeof(Pushed)});
    VkCommandBufferInheritanceRenderingInfo rendering{};
    rendering.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_RENDERING_INFO;
    const VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
    rendering.colorAttachmentCount = 1;
    rendering.pColorAttachmentFormats = &format;
    rendering.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
    const auto half = [&](int32_t y, const std::array<float, 4>& color) {
        return gpu.record(
            [&, y](VkCommandBuffer commands) {
                setWholeViewport(commands, {16, 16});
                const VkRect2D rows{{0, y}, {16, 8}};
                vkCmdSetScissor(commands, 0, 1, &rows);
                pipeline.bind(commands);
                push(commands, pipeline, {color});
                vkCmdDraw(commands, 3, 1, 0, 0);
            },
            VK_COMMAND_BUFFER_LEVEL_SECONDARY, &rendering);
    };
    const std::array halves{half(0, {1, 0, 0, 1}), half(8, {0, 0, 1, 1})};
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands, {.color = target.view(), .secondary = true},
               [&] { vkCmdExecuteCommands(commands, halves.size(), halves.data()); });
    });
    const std::vector<uint32_t> texels = target.read<uint32_t>();
    EXPECT_EQ(count(texels, kRed), 128u);
    EXPECT_EQ(count(texels, kBlue), 128u);
    EXPECT_EQ(texels[0], kRed);
}

TEST_F(Rendering, IndexedIndirectDraws) {
    Image target(gpu, {.usage = kColor});
    // Vertices 10 to 13 are corners of a column whose number is the instance.
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, R"(#version 450
        layout(location = 0) out vec4 passed;
        void main() {
            int corner = gl_VertexIndex - 10;
            gl_Position = vec4(float(gl_InstanceIndex + (corner & 1)) / 2.0 - 1.0, (corner >> 1) * 2.0 - 1.0, 0.0, 1.0);
            passed = vec4(gl_InstanceIndex == 1, gl_InstanceIndex == 2, gl_InstanceIndex == 3, 1);
        })"},
                                           {Stage::Fragment, R"(#version 450
        layout(location = 0) in vec4 passed;
        layout(location = 0) out vec4 color;
        void main() { color = passed; })"}}});
    CoherentBuffer buffer(gpu, 4096);
    const std::array<uint32_t, 6> indices{5, 6, 7, 7, 6, 8};
    std::memcpy(buffer.memory.bytes().data() + 64, indices.data(), sizeof(indices));
    const std::array<VkDrawIndexedIndirectCommand, 2> draws{{{6, 1, 4, 5, 1}, {6, 2, 4, 5, 2}}};
    std::memcpy(buffer.memory.bytes().data() + 1024, draws.data(), sizeof(draws));
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands, {.color = target.view()}, [&] {
            pipeline.bind(commands);
            vkCmdBindIndexBuffer(commands, buffer.buffer.handle(), 48, VK_INDEX_TYPE_UINT32);
            for (const VkDeviceSize offset : {1024u, 1044u})
                vkCmdDrawIndexedIndirect(commands, buffer.buffer.handle(), offset, 1, sizeof(draws[0]));
        });
    });
    const std::vector<uint32_t> texels = target.read<uint32_t>();
    for (const uint32_t color : {kBlack, kRed, kGreen, kBlue})
        EXPECT_EQ(count(texels, color), 64u) << std::hex << color;
    EXPECT_EQ(texels[4], kRed);
    EXPECT_EQ(texels[12], kBlue);
}

TEST_F(Rendering, PushedDescriptors) {
    if (!gpu.has(VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME))
        GTEST_SKIP();
    Image target(gpu, {.usage = kColor});
    const Pipeline pipeline(
        gpu, {.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, R"(#version 450
        layout(set = 0, binding = 2) uniform Block { vec4 value; };
        layout(location = 0) out vec4 color;
        void main() { color = value; })"}},
              .bindings = {{2, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_FRAGMENT_BIT, nullptr}},
              .setFlags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR});
    CoherentBuffer buffer(gpu, 1024);
    const std::array<float, 4> red{1, 0, 0, 1}, blue{0, 0, 1, 1};
    std::memcpy(buffer.memory.bytes().data() + 256, red.data(), sizeof(red));
    std::memcpy(buffer.memory.bytes().data() + 512, blue.data(), sizeof(blue));
    const auto pushSet = gpu.function<PFN_vkCmdPushDescriptorSetKHR>("vkCmdPushDescriptorSetKHR");
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands, {.color = target.view()}, [&] {
            pipeline.bind(commands);
            for (uint32_t i = 0; i < 2; ++i) {
                const VkRect2D half{{0, static_cast<int32_t>(8 * i)}, {16, 8}};
                vkCmdSetScissor(commands, 0, 1, &half);
                const VkDescriptorBufferInfo info{buffer.buffer.handle(), 256 * (i + 1), 16};
                VkWriteDescriptorSet write{};
                write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
                write.dstBinding = 2;
                write.descriptorCount = 1;
                write.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
                write.pBufferInfo = &info;
                pushSet(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline.layout(), 0, 1, &write);
                vkCmdDraw(commands, 3, 1, 0, 0);
            }
        });
    });
    const std::vector<uint32_t> texels = target.read<uint32_t>();
    EXPECT_EQ(count(texels, kRed), 128u);
    EXPECT_EQ(count(texels, kBlue), 128u);
}

TEST_F(Rendering, SpecialisedStages) {
    Image target(gpu, {.usage = kColor});
    const struct {
        float red;
        VkBool32 green;
    } values{0.0f, VK_TRUE};
    const std::array<VkSpecializationMapEntry, 2> entries{{{3, 0, 4}, {7, 4, 4}}};
    const VkSpecializationInfo info{entries.size(), entries.data(), sizeof(values), &values};
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, R"(#version 450
        layout(constant_id = 3) const float kRed = 1.0;
        layout(constant_id = 7) const bool kGreen = false;
        layout(constant_id = 9) const float kBlue = 0.0; // stays
        layout(location = 0) out vec4 color;
        void main() { color = vec4(kRed, kGreen ? 1.0 : 0.0, kBlue, 1.0); })"}},
                                  .specialisation = &info});
    drawInto(target, pipeline);
    EXPECT_EQ(count(target.read<uint32_t>(), kGreen), 256u);
}

TEST_F(Rendering, QueriesAreResetAndUsedAgain) {
    Image target(gpu, {.usage = kColor});
    const Pipeline pipeline(
        gpu, {.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, kPushedColor}}, .pushed = sizeof(Pushed)});
    VkQueryPoolCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    info.queryType = VK_QUERY_TYPE_OCCLUSION;
    info.queryCount = 1;
    VkQueryPool pool;
    check(vkCreateQueryPool(gpu.device(), &info, nullptr, &pool), "vkCreateQueryPool");
    for (uint32_t rows = 1; rows <= 16; ++rows) {
        gpu.run([&](VkCommandBuffer commands) {
            vkCmdResetQueryPool(commands, pool, 0, 1);
            render(gpu, commands, {.color = target.view()}, [&] {
                const VkRect2D part{{}, {16, rows}};
                vkCmdSetScissor(commands, 0, 1, &part);
                pipeline.bind(commands);
                push(commands, pipeline, {{1, 1, 1, 1}});
                vkCmdBeginQuery(commands, pool, 0, gpu.features().occlusionQueryPrecise);
                vkCmdDraw(commands, 3, 1, 0, 0);
                vkCmdEndQuery(commands, pool, 0);
            });
        });
        uint64_t samples = 0;
        check(vkGetQueryPoolResults(gpu.device(), pool, 0, 1, 8, &samples, 8,
                                    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
              "vkGetQueryPoolResults");
        ASSERT_EQ(samples, 16 * rows);
    }
    vkDestroyQueryPool(gpu.device(), pool, nullptr);
}

/** Each submission resets what the one before it may still be counting. */
TEST_F(Rendering, QueriesInFlightAreReset) {
    constexpr uint32_t kRounds = 12;
    Image target(gpu, {.usage = kColor});
    const VkImageView view = target.view();
    const Pipeline pipeline(
        gpu, {.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, kPushedColor}}, .pushed = sizeof(Pushed)});
    VkQueryPoolCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    info.queryType = VK_QUERY_TYPE_OCCLUSION;
    info.queryCount = 2;
    VkQueryPool pool;
    check(vkCreateQueryPool(gpu.device(), &info, nullptr, &pool), "vkCreateQueryPool");
    CoherentBuffer results(gpu, kRounds * 2 * sizeof(uint64_t));
    std::vector<VkFence> fences;
    for (uint32_t round = 0; round < kRounds; ++round) {
        const VkCommandBuffer commands = gpu.record([&](VkCommandBuffer recording) {
            vkCmdResetQueryPool(recording, pool, 0, 2);
            render(gpu, recording, {.color = view}, [&] {
                pipeline.bind(recording);
                push(recording, pipeline, {{1, 1, 1, 1}});
                for (uint32_t query = 0; query < 2; ++query) {
                    const VkRect2D part{{}, {16 - query, round + 1}};
                    vkCmdSetScissor(recording, 0, 1, &part);
                    vkCmdBeginQuery(recording, pool, query, gpu.features().occlusionQueryPrecise);
                    vkCmdDraw(recording, 3, 1, 0, 0);
                    vkCmdEndQuery(recording, pool, query);
                }
            });
            vkCmdCopyQueryPoolResults(recording, pool, 0, 2, results.buffer.handle(), round * 16, 8,
                                      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
            barrier(recording, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
        fences.push_back(gpu.submit({&commands, 1}));
    }
    for (VkFence fence : fences)
        gpu.wait(fence);
    for (uint32_t round = 0; round < kRounds; ++round)
        for (uint32_t query = 0; query < 2; ++query)
            EXPECT_EQ(results.memory.as<uint64_t>()[2 * round + query], (16 - query) * (round + 1)) << round;
    vkDestroyQueryPool(gpu.device(), pool, nullptr);
}

} // namespace svga::test
