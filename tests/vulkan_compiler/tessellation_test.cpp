// SPDX-License-Identifier: MIT
/** Tessellation: a control shader as the phases of a hull shader, and what the evaluation shader reads of it. */
#include "job.h"

#include <gtest/gtest.h>

#include <set>

namespace svga::vulkan::test {
namespace {

constexpr VkFormat kFloat4 = VK_FORMAT_R32G32B32A32_SFLOAT;

/** \brief A patch of four corners of the target, left where the stages do not move it. */
GraphicsJob patch(const std::string& control, const std::string& evaluation, const std::string& fragment) {
    GraphicsJob j;
    j.draw.width = j.draw.height = 8;
    j.draw.targets = {kFloat4};
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST;
    j.draw.patchSize = 4;
    j.draw.vertexCount = 4;
    j.glsl[Stage::Vertex] = R"(#version 450
layout(location = 0) out vec3 a;
void main() {
    vec2 p = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
    gl_Position = vec4(p * 2.0 - 1.0, 0.5, 1.0);
    a = vec3(p, gl_VertexIndex);
})";
    j.glsl[Stage::TessControl] = "#version 450\nlayout(vertices = 4) out;\n" + control;
    j.glsl[Stage::TessEvaluation] = "#version 450\n" + evaluation;
    j.glsl[Stage::Fragment] = "#version 450\nlayout(location = 0) out vec4 color;\n" + fragment;
    return j;
}

const char* const kBilinear = R"(
vec4 mixed(vec4 a, vec4 b, vec4 c, vec4 d) { return mix(mix(a, b, gl_TessCoord.x), mix(c, d, gl_TessCoord.x), gl_TessCoord.y); }
#define POSITION mixed(gl_in[0].gl_Position, gl_in[1].gl_Position, gl_in[2].gl_Position, gl_in[3].gl_Position)
)";

TEST(Tessellation, QuadsWithPatchOutputsOfTheFirstInvocation) {
    GraphicsJob j = patch(R"(
layout(location = 0) in vec3 a[];
layout(location = 0) out vec3 b[];
layout(location = 1) out float array[][2];
layout(location = 3) patch out vec4 p;
layout(location = 4) patch out float q[2];
void main() {
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    b[gl_InvocationID] = a[gl_InvocationID] * 2.0;
    array[gl_InvocationID][1] = float(gl_InvocationID);
    barrier();
    if (gl_InvocationID == 0) {
        gl_TessLevelOuter[0] = gl_TessLevelOuter[1] = gl_TessLevelOuter[2] = gl_TessLevelOuter[3] = 2.0;
        gl_TessLevelInner[0] = gl_TessLevelInner[1] = 3.0;
        p = vec4(b[0].z, b[1].z, b[2].z, b[3].z); // of the others, after the barrier
        q[1] = float(gl_PatchVerticesIn) + float(gl_PrimitiveID);
    }
})",
                          std::string(R"(
layout(quads, equal_spacing, cw) in;
layout(location = 0) in vec3 b[];
layout(location = 1) in float array[][2];
layout(location = 3) patch in vec4 p;
layout(location = 4) patch in float q[2];
layout(location = 0) out vec4 c;
layout(location = 1) out vec4 d;
)") + kBilinear + R"(
void main() {
    gl_Position = POSITION;
    c = vec4(mix(b[0].x, b[1].x, gl_TessCoord.x), mix(b[0].y, b[2].y, gl_TessCoord.y), array[3][1], q[1]);
    d = p + vec4(gl_TessLevelOuter[1], gl_TessLevelInner[1], 0.0, float(gl_PatchVerticesIn));
})",
                          R"(
layout(location = 0) in vec4 c;
layout(location = 1) in vec4 d;
void main() { color = gl_FragCoord.x < 4.0 ? c : d; }
)");
    const auto result = run(j);
    for (uint32_t y = 0; y < 8; ++y)
        for (uint32_t x = 0; x < 8; ++x) {
            const uint32_t* pixel = &result.targets[0][(y * 8 + x) * 4];
            const float u = (static_cast<float>(x) + 0.5f) / 8, v = (static_cast<float>(y) + 0.5f) / 8;
            const std::array<float, 4> expected =
                x < 4 ? std::array<float, 4>{u * 2, v * 2, 3, 4} : std::array<float, 4>{0 + 2, 2 + 3, 4, 6 + 4};
            for (uint32_t n = 0; n < 4; ++n)
                EXPECT_NEAR(number(pixel[n]), expected[n], 1e-4) << x << ' ' << y << ' ' << n;
        }
}

TEST(Tessellation, PatchOutputsOfEveryInvocation) {
    GraphicsJob j = patch(R"(
layout(location = 0) patch out float p[4];
void main() {
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    gl_TessLevelOuter[gl_InvocationID] = 1.0;
    gl_TessLevelInner[gl_InvocationID & 1] = 1.0;
    if (gl_InvocationID == 0) p[0] = 1.0;
    else if (gl_InvocationID == 1) p[1] = 2.0;
    else if (gl_InvocationID == 2) p[2] = 3.0;
    else p[3] = 4.0;
})",
                          std::string("layout(quads) in;\nlayout(location = 0) patch in float p[4];\n"
                                      "layout(location = 0) out vec4 c;\n") +
                              kBilinear + "void main() { gl_Position = POSITION; c = vec4(p[0], p[1], p[2], p[3]); }",
                          "layout(location = 0) in vec4 c;\nvoid main() { color = c; }");
    const auto result = run(j);
    for (uint32_t n = 0; n < 64; ++n)
        for (uint32_t c = 0; c < 4; ++c)
            EXPECT_NEAR(number(result.targets[0][n * 4 + c]), static_cast<float>(c + 1), 1e-5);
}

TEST(Tessellation, LocationsIndexedAtRunTime) {
    GraphicsJob j = patch(
        R"(
layout(location = 0) in vec3 a[];
layout(location = 4) out float b[][3];
layout(location = 8) patch out vec2 p[4];
void main() {
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    for (int n = 0; n < 3; ++n) b[gl_InvocationID][int(a[gl_InvocationID].z + float(n)) % 3] = float(n);
    gl_TessLevelOuter[gl_InvocationID] = 1.0;
    gl_TessLevelInner[gl_InvocationID & 1] = 1.0;
    p[gl_InvocationID].y = a[gl_InvocationID].z * 2.0;
})",
        std::string(R"(
layout(quads) in;
layout(location = 4) in float b[][3];
layout(location = 8) patch in vec2 p[4];
layout(set = 0, binding = 0) uniform U { int k; } u;
layout(location = 0) out vec4 c;
)") + kBilinear +
            "void main() { gl_Position = POSITION; c = vec4(p[u.k].y, p[u.k - 1].y, b[u.k][u.k], b[1][u.k - 1]); }",
        "layout(location = 0) in vec4 c;\nvoid main() { color = c; }");
    j.uniform[0] = {2, 0, 0, 0};
    const auto result = run(j);
    for (uint32_t n = 0; n < 64; ++n) {
        EXPECT_NEAR(number(result.targets[0][n * 4]), 4, 1e-5);
        EXPECT_NEAR(number(result.targets[0][n * 4 + 1]), 2, 1e-5);
        EXPECT_NEAR(number(result.targets[0][n * 4 + 2]), 0, 1e-5); // 2 + 0
        EXPECT_NEAR(number(result.targets[0][n * 4 + 3]), 0, 1e-5); // 1 + 0
    }
}

TEST(Tessellation, TrianglesByPoints) {
    GraphicsJob j = patch(R"(
void main() {
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    gl_TessLevelOuter[0] = gl_TessLevelOuter[1] = gl_TessLevelOuter[2] = 2.0;
    gl_TessLevelInner[0] = 2.0;
})",
                          R"(
layout(triangles, equal_spacing, point_mode) in;
void main() { gl_Position = vec4(gl_TessCoord.xy * 1.5 - 0.75, 0.5, 1.0); gl_PointSize = 1.0; }
)",
                          "void main() { color = vec4(1.0); }");
    const auto result = run(j);
    uint32_t points = 0;
    for (uint32_t n = 0; n < 64; ++n)
        points += number(result.targets[0][n * 4]) == 1;
    EXPECT_EQ(points, 7u); // corners, middles of edges, the centre
}

TEST(Tessellation, Isolines) {
    GraphicsJob j = patch(R"(
void main() {
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    gl_TessLevelOuter[0] = 4.0;
    gl_TessLevelOuter[1] = 2.0;
})",
                          std::string("layout(isolines, equal_spacing) in;\n") + kBilinear +
                              "void main() { gl_Position = POSITION + vec4(0.0, 0.125, 0.0, 0.0); }",
                          "void main() { color = vec4(1.0); }");
    const auto result = run(j);
    std::set<uint32_t> rows;
    for (uint32_t n = 0; n < 64; ++n)
        if (number(result.targets[0][n * 4]) == 1)
            rows.insert(n / 8);
    EXPECT_EQ(rows, (std::set<uint32_t>{0, 2, 4, 6}));
}

TEST(Tessellation, IntoAGeometryShader) {
    GraphicsJob j = patch(R"(
void main() {
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    gl_TessLevelOuter[0] = gl_TessLevelOuter[1] = gl_TessLevelOuter[2] = gl_TessLevelOuter[3] = 1.0;
    gl_TessLevelInner[0] = gl_TessLevelInner[1] = 1.0;
})",
                          std::string("layout(quads) in;\nlayout(location = 2) out vec2 uv;\n") + kBilinear +
                              "void main() { gl_Position = POSITION; uv = gl_TessCoord.xy; }",
                          "layout(location = 5) in vec2 uv;\nvoid main() { color = vec4(uv, 0.0, 1.0); }");
    j.glsl[Stage::Geometry] = R"(#version 450
layout(triangles) in;
layout(triangle_strip, max_vertices = 3) out;
layout(location = 2) in vec2 uv[];
layout(location = 5) out vec2 result;
void main() {
    for (int n = 0; n < 3; ++n) { gl_Position = gl_in[n].gl_Position; result = uv[n] * 3.0; EmitVertex(); }
})";
    const auto result = run(j);
    for (uint32_t n = 0; n < 64; ++n) {
        EXPECT_NEAR(number(result.targets[0][n * 4]), (static_cast<float>(n % 8) + 0.5f) / 8 * 3, 1e-4);
        EXPECT_NEAR(number(result.targets[0][n * 4 + 1]), (static_cast<float>(n / 8) + 0.5f) / 8 * 3, 1e-4);
    }
}

} // namespace
} // namespace svga::vulkan::test
