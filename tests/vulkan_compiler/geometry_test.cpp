// SPDX-License-Identifier: MIT
/** Geometry shaders. */
#include "job.h"

#include <gtest/gtest.h>

namespace svga::vulkan::test {
namespace {

constexpr VkFormat kFloat4 = VK_FORMAT_R32G32B32A32_SFLOAT;

const char* const kVertex = R"(#version 450
layout(location = 0) out vec4 a;
layout(location = 1) out vec2 array[3];
void main() {
    gl_Position = vec4((float(gl_VertexIndex) + 0.5) / 2.0 - 1.0, -0.5, 0.5, 1.0);
    gl_PointSize = 1.0;
    a = vec4(gl_VertexIndex, 1.0, 2.0, 3.0);
    for (int n = 0; n < 3; ++n) array[n] = vec2(n, gl_VertexIndex * 10 + n);
})";

TEST(Geometry, PointsToTrianglesWithLayersAndInstances) {
    GraphicsJob j;
    j.draw.width = 4;
    j.draw.height = 2;
    j.draw.layers = 2;
    j.draw.targets = {kFloat4};
    j.draw.vertexCount = 4;
    j.uniform[0] = {1, 0, 0, 0};
    j.glsl[Stage::Vertex] = kVertex;
    j.glsl[Stage::Geometry] = R"(#version 450
layout(points, invocations = 2) in;
layout(triangle_strip, max_vertices = 4) out;
layout(location = 0) in vec4 a[];
layout(location = 1) in vec2 array[][3];
layout(location = 0) out vec4 b;
layout(std140, set = 0, binding = 0) uniform U { int k; } u;
void main() {
    for (int n = 0; n < 4; ++n) {
        vec2 corner = vec2(n & 1, n >> 1) - 0.5;
        gl_Position = gl_in[0].gl_Position + vec4(corner * vec2(0.5, 1.0), 0.0, 0.0);
        gl_Layer = gl_InvocationID;
        b = vec4(a[0].x, float(gl_PrimitiveIDIn), array[u.k - 1][u.k + 1].y, gl_in[0].gl_PointSize);
        EmitVertex();
    }
    EndPrimitive();
})";
    j.glsl[Stage::Fragment] = R"(#version 450
layout(location = 0) in vec4 b;
layout(location = 0) out vec4 color;
void main() { color = b; }
)";
    const auto result = run(j);
    for (uint32_t layer = 0; layer < 2; ++layer)
        for (uint32_t x = 0; x < 4; ++x) {
            const uint32_t* pixel = &result.targets[0][(layer * 8 + x) * 4]; // the upper row
            EXPECT_EQ(number(pixel[0]), static_cast<float>(x));
            EXPECT_EQ(number(pixel[1]), static_cast<float>(x));
            EXPECT_EQ(number(pixel[2]), static_cast<float>(x * 10 + 2));
            EXPECT_EQ(number(pixel[3]), 1);
            EXPECT_EQ(number(result.targets[0][(layer * 8 + 4 + x) * 4 + 3]), 0);
        }
}

TEST(Geometry, VerticesByIndexAndPrimitiveIdPassedOn) {
    GraphicsJob j;
    j.draw.width = 4;
    j.draw.height = 1;
    j.draw.targets = {kFloat4};
    j.draw.vertexCount = 4;
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_LINE_LIST;
    j.glsl[Stage::Vertex] = kVertex;
    j.glsl[Stage::Geometry] = R"(#version 450
layout(lines) in;
layout(points, max_vertices = 2) out;
layout(location = 0) in vec4 a[];
layout(location = 3) flat out vec4 b;
void main() {
    for (int n = 1; n >= 0; --n) {
        gl_Position = vec4(gl_in[n].gl_Position.x, 0.0, 0.5, 1.0);
        gl_PrimitiveID = 7 + gl_PrimitiveIDIn;
        b = vec4(a[n].x, a[1 - n].x, 0.0, 0.0);
        EmitVertex();
    }
})";
    j.glsl[Stage::Fragment] = R"(#version 450
layout(location = 3) flat in vec4 b;
layout(location = 0) out vec4 color;
void main() { color = vec4(b.xy, gl_PrimitiveID, 1.0); }
)";
    const auto result = run(j);
    for (uint32_t x = 0; x < 4; ++x) {
        const uint32_t* pixel = &result.targets[0][x * 4];
        EXPECT_EQ(number(pixel[0]), static_cast<float>(x));
        EXPECT_EQ(number(pixel[1]), static_cast<float>(x ^ 1));
        EXPECT_EQ(number(pixel[2]), static_cast<float>(7 + x / 2));
    }
}

} // namespace
} // namespace svga::vulkan::test
