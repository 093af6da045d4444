// SPDX-License-Identifier: MIT
//
// Drawing into images, checked by copying them into coherent memory.
#include "gpu.h"
#include "picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace svga::test {

namespace {

constexpr uint32_t kRed = 0xff0000ff, kGreen = 0xff00ff00, kBlue = 0xffff0000, kBlack = 0xff000000;

/** A triangle over the whole target, or over the upper left half with `half`. */
constexpr const char* kFullScreen = R"(#version 450
    void main() { gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0); })";
constexpr const char* kFromBuffer = R"(#version 450
    layout(location = 0) in vec2 position;
    layout(location = 1) in vec4 color;
    layout(location = 0) out vec4 passed;
    void main() { gl_Position = vec4(position, 0.25, 1.0); passed = color; })";
constexpr const char* kPassed = R"(#version 450
    layout(location = 0) in vec4 passed;
    layout(location = 0) out vec4 color;
    void main() { color = passed; })";
constexpr const char* kUniform = R"(#version 450
    layout(set = 0, binding = 0) uniform Block { vec4 value; };
    layout(location = 0) out vec4 color;
    void main() { color = value; })";

struct Vertex {
    float x, y;
    uint32_t color;
};

class Graphics : public testing::Test {
protected:
    void SetUp() override {
        if (!(gpu.queueFlags() & VK_QUEUE_GRAPHICS_BIT))
            GTEST_SKIP() << "the queue does not draw";
    }
    Gpu gpu;
};

GraphicsPipeline::Settings withVertices() {
    GraphicsPipeline::Settings settings;
    settings.vertexShader = kFromBuffer;
    settings.fragmentShader = kPassed;
    settings.stride = sizeof(Vertex);
    settings.attributes = {{0, 0, VK_FORMAT_R32G32_SFLOAT, 0}, {1, 0, VK_FORMAT_R8G8B8A8_UNORM, 8}};
    return settings;
}

} // namespace

TEST_F(Graphics, ClearIsOfAllTheTarget) {
    Picture picture(gpu, 64, 48);
    picture.draw({0, 1, 0, 1}, [](VkCommandBuffer) {});
    EXPECT_EQ(picture.count(kGreen), 64u * 48);
}

TEST_F(Graphics, AClearOfAPartKeepsTheRest) {
    Picture picture(gpu, 64, 48);
    picture.draw({0, 0, 0, 1}, [](VkCommandBuffer commands) {
        VkClearAttachment clear{VK_IMAGE_ASPECT_COLOR_BIT, 0, {{{1, 0, 0, 1}}}};
        const VkClearRect rect{{{8, 16}, {10, 20}}, 0, 1};
        vkCmdClearAttachments(commands, 1, &clear, 1, &rect);
    });
    EXPECT_EQ(picture.count(kRed), 200u);
    EXPECT_EQ(picture.at(8, 16), kRed);
    EXPECT_EQ(picture.at(17, 35), kRed);
    EXPECT_EQ(picture.at(18, 35), kBlack);
    EXPECT_EQ(picture.at(8, 15), kBlack);
}

TEST_F(Graphics, YGoesDown) {
    Picture picture(gpu, 64, 64);
    const GraphicsPipeline pipeline(gpu, picture, withVertices());
    CoherentBuffer vertices(gpu, 4096);
    // The upper left corner.
    const std::array triangle{Vertex{-1, -1, kRed}, Vertex{0, -1, kRed}, Vertex{-1, 0, kRed}};
    std::memcpy(vertices.memory.bytes().data(), triangle.data(), sizeof(triangle));
    picture.draw({0, 0, 0, 1}, [&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        vertices.bindVertices(commands);
        vkCmdDraw(commands, 3, 1, 0, 0);
    });
    EXPECT_EQ(picture.at(2, 2), kRed);
    EXPECT_EQ(picture.at(2, 61), kBlack);
    EXPECT_EQ(picture.at(61, 2), kBlack);
    EXPECT_NEAR(picture.count(kRed), 32 * 32 / 2, 40);
}

TEST_F(Graphics, CullingAndFrontFaces) {
    for (const VkFrontFace front : {VK_FRONT_FACE_CLOCKWISE, VK_FRONT_FACE_COUNTER_CLOCKWISE}) {
        Picture picture(gpu, 16, 16);
        GraphicsPipeline::Settings settings;
        settings.vertexShader = kFullScreen; // clockwise on the screen
        settings.fragmentShader = R"(#version 450
            layout(location = 0) out vec4 color;
            void main() { color = gl_FrontFacing ? vec4(0, 1, 0, 1) : vec4(1, 0, 0, 1); })";
        settings.cull = VK_CULL_MODE_BACK_BIT;
        settings.front = front;
        const GraphicsPipeline pipeline(gpu, picture, settings);
        picture.draw({0, 0, 0, 1}, [&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            vkCmdDraw(commands, 3, 1, 0, 0);
        });
        EXPECT_EQ(picture.count(kGreen), front == VK_FRONT_FACE_CLOCKWISE ? 256u : 0u);
        EXPECT_EQ(picture.count(kRed), 0u);
    }
}

TEST_F(Graphics, VerticesAndIndicesStreamThroughOneCoherentAllocation) {
    Picture picture(gpu, 32, 32);
    const GraphicsPipeline pipeline(gpu, picture, withVertices());
    CoherentBuffer buffer(gpu, 65536);
    const std::array<uint16_t, 6> indices{0, 1, 2, 2, 1, 3};
    for (uint32_t frame = 0; frame < 20; ++frame) {
        const uint32_t color = kBlack | (frame * 10 + 1), x = frame % 4, y = frame / 4 % 4;
        const float left = -1 + 0.5f * x, top = -1 + 0.5f * y;
        const std::array corners{Vertex{left, top, color}, Vertex{left + 0.5f, top, color},
                                 Vertex{left, top + 0.5f, color}, Vertex{left + 0.5f, top + 0.5f, color}};
        std::memcpy(buffer.memory.bytes().data() + 1024 * frame, corners.data(), sizeof(corners));
        std::memcpy(buffer.memory.bytes().data() + 32768 + 64 * frame, indices.data(), sizeof(indices));
        picture.draw({0, 0, 0, 1}, [&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            buffer.bindVertices(commands, 1024 * frame);
            vkCmdBindIndexBuffer(commands, buffer.buffer.handle(), 32768 + 64 * frame, VK_INDEX_TYPE_UINT16);
            vkCmdDrawIndexed(commands, 6, 1, 0, 0, 0);
        });
        ASSERT_EQ(picture.count(color), 64u) << "frame " << frame;
        ASSERT_EQ(picture.at(8 * x + 3, 8 * y + 3), color) << "frame " << frame;
    }
}

TEST_F(Graphics, UniformsAreReadAtTheirOffsets) {
    Picture picture(gpu, 16, 16);
    GraphicsPipeline::Settings settings;
    settings.vertexShader = kFullScreen;
    settings.fragmentShader = kUniform;
    settings.uniform = true;
    const GraphicsPipeline pipeline(gpu, picture, settings);
    CoherentBuffer uniforms(gpu, 4096);
    const std::array<float, 4> blue{0, 0, 1, 1};
    std::memcpy(uniforms.memory.bytes().data() + 1024, blue.data(), sizeof(blue));
    pipeline.write(uniforms.buffer, 1024, 16);
    picture.draw({0, 0, 0, 1}, [&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        vkCmdDraw(commands, 3, 1, 0, 0);
    });
    EXPECT_EQ(picture.count(kBlue), 256u);
}

TEST_F(Graphics, InstancesAndTheirFirst) {
    Picture picture(gpu, 64, 16);
    GraphicsPipeline::Settings settings;
    settings.vertexShader = R"(#version 450
        layout(location = 0) out vec4 passed;
        void main() {
            int i = gl_InstanceIndex; // 2 and 3
            vec2 corner = vec2(gl_VertexIndex & 1, (gl_VertexIndex >> 1) & 1);
            gl_Position = vec4((float(i) + corner.x) * 0.5 - 1.0, corner.y * 2.0 - 1.0, 0.0, 1.0);
            passed = gl_VertexIndex >= 4 ? vec4(0, i == 3 ? 1 : 0, i == 2 ? 1 : 0, 1) : vec4(1, 0, 0, 1);
        })";
    settings.fragmentShader = kPassed;
    settings.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    const GraphicsPipeline pipeline(gpu, picture, settings);
    CoherentBuffer arguments(gpu, 256);
    const VkDrawIndirectCommand command{4, 2, 4, 2};
    std::memcpy(arguments.memory.bytes().data() + 32, &command, sizeof(command));
    for (const bool indirect : {false, true}) {
        picture.draw({0, 0, 0, 1}, [&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            if (indirect)
                vkCmdDrawIndirect(commands, arguments.buffer.handle(), 32, 1, 16);
            else
                vkCmdDraw(commands, 4, 2, 4, 2);
        });
        EXPECT_EQ(picture.count(kBlue), 256u) << (indirect ? "indirect" : "direct");
        EXPECT_EQ(picture.count(kGreen), 256u) << (indirect ? "indirect" : "direct");
        EXPECT_EQ(picture.at(40, 8), kBlue);
        EXPECT_EQ(picture.at(60, 8), kGreen);
    }
}

TEST_F(Graphics, BlendingAddsUp) {
    Picture picture(gpu, 16, 16);
    GraphicsPipeline::Settings settings = withVertices();
    settings.blend = true;
    const GraphicsPipeline pipeline(gpu, picture, settings);
    CoherentBuffer vertices(gpu, 4096);
    const std::array triangle{Vertex{-1, -1, 0x00000060}, Vertex{3, -1, 0x00000060}, Vertex{-1, 3, 0x00000060}};
    std::memcpy(vertices.memory.bytes().data(), triangle.data(), sizeof(triangle));
    picture.draw({0, 0, 1, 1}, [&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        vertices.bindVertices(commands);
        vkCmdDraw(commands, 3, 1, 0, 0);
        vkCmdDraw(commands, 3, 1, 0, 0);
    });
    EXPECT_EQ(picture.count(0xffff00c0), 256u);
}

TEST_F(Graphics, UploadedTexelsComeBack) {
    Picture picture(gpu, 100, 60);
    CoherentBuffer texels(gpu, 100 * 60 * 4);
    for (uint32_t i = 0; i < 6000; ++i)
        texels.memory.as<uint32_t>()[i] = i * 2654435761u;
    picture.upload(texels.buffer, 0);
    for (uint32_t y = 0; y < 60; ++y)
        for (uint32_t x = 0; x < 100; ++x)
            ASSERT_EQ(picture.at(x, y), (y * 100 + x) * 2654435761u) << x << ", " << y;
}

TEST_F(Graphics, ImagesAreCopiedAndScaled) {
    Picture from(gpu, 16, 16), to(gpu, 64, 64);
    from.draw({1, 0, 0, 1}, [](VkCommandBuffer commands) {
        VkClearAttachment clear{VK_IMAGE_ASPECT_COLOR_BIT, 0, {{{0, 0, 1, 1}}}};
        const VkClearRect rect{{{8, 0}, {8, 8}}, 0, 1};
        vkCmdClearAttachments(commands, 1, &clear, 1, &rect);
    });
    to.draw({0, 0, 0, 1}, [](VkCommandBuffer) {});
    to.copyFrom(from, 4, 8);
    EXPECT_EQ(to.count(kRed), 192u);
    EXPECT_EQ(to.count(kBlue), 64u);
    EXPECT_EQ(to.at(12, 8), kBlue);
    EXPECT_EQ(to.at(11, 8), kRed);
    to.blitFrom(from);
    EXPECT_EQ(to.count(kRed), 64u * 64 * 3 / 4);
    EXPECT_EQ(to.count(kBlue), 64u * 64 / 4);
    EXPECT_EQ(to.at(63, 0), kBlue);
    EXPECT_EQ(to.at(63, 63), kRed);
}

TEST_F(Graphics, QueriesCountSamples) {
    Picture picture(gpu, 32, 32);
    GraphicsPipeline::Settings settings;
    settings.vertexShader = kFullScreen;
    settings.fragmentShader = R"(#version 450
        layout(location = 0) out vec4 color;
        void main() { color = vec4(1); if (gl_FragCoord.x > 8.0) discard; })";
    const GraphicsPipeline pipeline(gpu, picture, settings);
    VkQueryPoolCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    info.queryType = VK_QUERY_TYPE_OCCLUSION;
    info.queryCount = 3;
    VkQueryPool pool;
    check(vkCreateQueryPool(gpu.device(), &info, nullptr, &pool), "vkCreateQueryPool");
    gpu.run([&](VkCommandBuffer commands) { vkCmdResetQueryPool(commands, pool, 0, 3); });
    std::array<uint64_t, 2> results{};
    EXPECT_EQ(vkGetQueryPoolResults(gpu.device(), pool, 0, 1, 8, results.data(), 8, VK_QUERY_RESULT_64_BIT),
              VK_NOT_READY);
    picture.draw({0, 0, 0, 1}, [&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        vkCmdBeginQuery(commands, pool, 0, VK_QUERY_CONTROL_PRECISE_BIT);
        vkCmdDraw(commands, 3, 1, 0, 0);
        vkCmdEndQuery(commands, pool, 0);
        vkCmdBeginQuery(commands, pool, 1, VK_QUERY_CONTROL_PRECISE_BIT);
        vkCmdEndQuery(commands, pool, 1);
    });
    check(vkGetQueryPoolResults(gpu.device(), pool, 0, 2, sizeof(results), results.data(), 8,
                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
          "vkGetQueryPoolResults");
    EXPECT_EQ(results[0], 8u * 32);
    EXPECT_EQ(results[1], 0u);
    CoherentBuffer copied(gpu, 256);
    gpu.run([&](VkCommandBuffer commands) {
        vkCmdCopyQueryPoolResults(commands, pool, 0, 1, copied.buffer.handle(), 16, 8,
                                  VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
        barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    EXPECT_EQ(copied.memory.as<uint64_t>()[2], 8u * 32);
    vkDestroyQueryPool(gpu.device(), pool, nullptr);
}

} // namespace svga::test
