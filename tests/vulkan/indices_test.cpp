// SPDX-License-Identifier: MIT
//
// Index 0xffff, which ends a primitive only where primitive restart is enabled.
#include "gpu.h"
#include "picture.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace svga::test {

namespace {

constexpr uint32_t kGreen = 0xff00ff00;

/** Vertices 0, 1 and 65535 make a triangle over all of the target. */
constexpr const char* kCorners = R"(#version 450
    void main() { gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 65535 ? 3.0 : -1.0, 0.5, 1.0); })";
constexpr const char* kGreenOnly = R"(#version 450
    layout(location = 0) out vec4 color;
    void main() { color = vec4(0, 1, 0, 1); })";
constexpr uint32_t kIndicesAt = 256, kArgumentsAt = 1024;

class Indices : public testing::Test {
protected:
    void SetUp() override {
        if (!(gpu.queueFlags() & VK_QUEUE_GRAPHICS_BIT))
            GTEST_SKIP() << "the queue does not draw";
    }

    /** Draws indices that begin \p skipped indices behind kIndicesAt. */
    void draw(VkPrimitiveTopology topology, uint32_t skipped, bool indirect) {
        Picture picture(gpu, 16, 16);
        GraphicsPipeline::Settings settings;
        settings.vertexShader = kCorners;
        settings.fragmentShader = kGreenOnly;
        settings.topology = topology;
        const GraphicsPipeline pipeline(gpu, picture, settings);
        CoherentBuffer buffer(gpu, 4096);
        const std::array<uint16_t, 3> indices{0, 1, 0xffff};
        std::memcpy(buffer.memory.bytes().data() + kIndicesAt + skipped * sizeof(uint16_t), indices.data(),
                    sizeof(indices));
        const VkDrawIndexedIndirectCommand arguments{3, 1, skipped - 1, 0, 0};
        std::memcpy(buffer.memory.bytes().data() + kArgumentsAt, &arguments, sizeof(arguments));
        picture.draw({0, 0, 0, 1}, [&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            vkCmdBindIndexBuffer(commands, buffer.buffer.handle(), kIndicesAt + sizeof(uint16_t), VK_INDEX_TYPE_UINT16);
            if (indirect)
                vkCmdDrawIndexedIndirect(commands, buffer.buffer.handle(), kArgumentsAt, 1, sizeof(arguments));
            else
                vkCmdDrawIndexed(commands, 3, 1, skipped - 1, 0, 0);
        });
        EXPECT_EQ(picture.count(kGreen), 256u);
    }

    Gpu gpu;
};

} // namespace

TEST_F(Indices, TheLastOf16BitsIsAVertex) {
    draw(VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, 1, false);
    draw(VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, 6, false);
}

TEST_F(Indices, TheLastOf16BitsIsAVertexInAStrip) {
    draw(VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP, 1, false);
}

TEST_F(Indices, TheLastOf16BitsIsAVertexOfAnIndirectDraw) {
    draw(VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, 4, true);
}

} // namespace svga::test
