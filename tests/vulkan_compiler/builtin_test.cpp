// SPDX-License-Identifier: MIT
/** Built-in values and features that are the driver's to give: what it tells by constants, and what it binds. */
#include "job.h"

#include <gtest/gtest.h>

namespace svga::vulkan::test {
namespace {

constexpr VkFormat kFloat4 = VK_FORMAT_R32G32B32A32_SFLOAT;

GraphicsJob fullscreen(const std::string& fragment) {
    GraphicsJob j;
    j.draw.width = j.draw.height = 2;
    j.draw.targets = {kFloat4};
    j.glsl[Stage::Fragment] = "#version 450\n" + fragment;
    return j;
}

TEST(Builtin, DrawParameters) {
    GraphicsJob j = fullscreen("layout(location = 0) flat in uvec4 a;\nlayout(location = 0) out vec4 color;\n"
                               "void main() { color = vec4(a); }");
    j.glsl[Stage::Vertex] = R"(#version 460
#extension GL_EXT_multiview : require
layout(location = 0) flat out uvec4 a;
void main() {
    int n = gl_VertexIndex - gl_BaseVertex;
    gl_Position = vec4(n == 1 ? 3.0 : -1.0, n == 2 ? 3.0 : -1.0, 0.5, 1.0);
    a = uvec4(gl_BaseVertex, gl_BaseInstance, gl_DrawID, gl_ViewIndex);
})";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    j.draw.firstVertex = 6;
    j.draw.vertexCount = 3;
    j.draw.firstInstance = 2;
    const auto result = run(j);
    EXPECT_EQ(number(result.targets[0][0]), 6);
    EXPECT_EQ(number(result.targets[0][1]), 2);
    EXPECT_EQ(number(result.targets[0][2]), 0);
    EXPECT_EQ(number(result.targets[0][3]), 0);
}

TEST(Builtin, InputAttachmentsAreFetchedWhereTheFragmentIs) {
    GraphicsJob j = fullscreen(R"(
layout(input_attachment_index = 0, set = 0, binding = 1) uniform subpassInput a;
layout(location = 0) out vec4 color;
void main() { color = subpassLoad(a); }
)");
    Texture& texture = j.textures[1];
    texture.extent = {2, 2, 1};
    texture.view = VK_IMAGE_VIEW_TYPE_2D_ARRAY;
    for (uint32_t n = 0; n < 16; ++n)
        texture.data.push_back(bits(static_cast<float>(n)));
    const auto result = run(j);
    EXPECT_EQ(result.targets[0], texture.data);
}

TEST(Builtin, StoresAndAtomicsOfFragmentsLeaveHelpersOut) {
    GraphicsJob j = fullscreen(R"(
layout(std430, set = 0, binding = 0) buffer B { uint all, helpers, discarded; } b;
layout(location = 0) out vec4 color;
void main() {
    atomicAdd(b.all, 1u);
    if (gl_HelperInvocation) atomicAdd(b.helpers, 1u);
    color = vec4(gl_PointCoord, 0.0, 1.0);
    if (gl_FragCoord.x < 1.0) discard;
    atomicAdd(b.discarded, 1u);
})");
    j.storage[0].resize(4);
    run(j);
    EXPECT_EQ(j.storage[0], (Words{4, 0, 2, 0}));
}

TEST(Builtin, PushConstantsAndUniformsInEveryStage) {
    GraphicsJob j = fullscreen(R"(
layout(push_constant) uniform P { layout(offset = 16) vec4 b; } p;
layout(set = 0, binding = 3) uniform U { vec4 x; } u[2];
layout(location = 1) in vec4 a;
layout(location = 0) out vec4 color;
void main() { color = a + p.b + u[1].x; }
)");
    j.glsl[Stage::Vertex] = R"(#version 450
layout(push_constant) uniform P { vec4 a; } p;
layout(location = 1) out vec4 a;
void main() {
    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0);
    a = p.a;
})";
    for (uint32_t n = 0; n < 8; ++n)
        j.push.push_back(bits(static_cast<float>(n)));
    j.uniform[4] = {bits(100), bits(200), bits(300), bits(400)};
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    j.draw.vertexCount = 3;
    const auto result = run(j);
    for (uint32_t c = 0; c < 4; ++c)
        EXPECT_FLOAT_EQ(number(result.targets[0][c]), static_cast<float>(c + c + 4 + 100 * (c + 1)));
}

TEST(Builtin, UnorderedAccessGoesOnFromStageToStage) {
    const std::string buffer = "layout(std430, set = 0, binding = 0) buffer B { uint x[]; } b;\n";
    const Compiled vertex =
        compileGlsl(Stage::Vertex, "#version 450\n" + buffer + "void main() { b.x[0] = 1u; gl_Position = vec4(0); }");
    const Compiled fragment = compileGlsl(Stage::Fragment, "#version 450\n" + buffer + "void main() { b.x[1] = 1u; }",
                                          {"--first-uav", std::to_string(vertex.uavCount)});
    EXPECT_EQ(vertex.reg(kUav, 0), 0u);
    EXPECT_EQ(fragment.reg(kUav, 0), 1u);
    EXPECT_EQ(fragment.uavCount, 1u);
    EXPECT_TRUE(vertex.bindings.at(0).written);
}

TEST(Builtin, TwoSourcesOfABlend) {
    const std::string glsl =
        "#version 450\nlayout(location = 0, index = 0) out vec4 a;\n"
        "layout(location = 0, index = 1) out vec4 b;\nvoid main() { a = vec4(1.0); b = vec4(2.0); }";
    EXPECT_EQ(compileGlsl(Stage::Fragment, glsl).renderTargets, 1u);
    GraphicsJob j = fullscreen("");
    j.glsl[Stage::Fragment] = glsl;
    j.draw.targets = {kFloat4, kFloat4}; // seen as two targets, where no blending joins them
    const auto result = run(j);
    EXPECT_EQ(number(result.targets[0][0]), 1);
    EXPECT_EQ(number(result.targets[1][0]), 2);
}

TEST(Builtin, ClipDistancesOfALoopIndex) {
    GraphicsJob j = fullscreen("layout(location = 0) out vec4 color;\nvoid main() { color = vec4(1.0); }");
    j.draw.width = 8;
    j.glsl[Stage::Vertex] = R"(#version 450
layout(push_constant) uniform P { uint count; } p;
out float gl_ClipDistance[6];
void main() {
    vec2 at = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
    gl_Position = vec4(at * 2.0 - 1.0, 0.5, 1.0);
    for (uint n = 0u; n < 6u; ++n) gl_ClipDistance[n] = 1.0;
    for (uint n = 0u; n < p.count; ++n) gl_ClipDistance[n] = at.x - 0.125 * float(n);
})";
    j.push = {6};
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    j.draw.vertexCount = 4;
    const auto result = run(j);
    for (uint32_t x = 0; x < 8; ++x)
        EXPECT_EQ(number(result.targets[0][x * 4]), x < 5 ? 0 : 1);
}

TEST(Builtin, MatricesAndWideVaryings) {
    GraphicsJob j = fullscreen(R"(
layout(location = 0) flat in dvec3 d;
layout(location = 4) in mat4 m[2];
layout(location = 0) out vec4 color;
void main() { color = vec4(d.xy, d.z, m[1][2].y); }
)");
    j.glsl[Stage::Vertex] = R"(#version 450
layout(location = 0) flat out dvec3 d;
layout(location = 4) out mat4 m[2];
void main() {
    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0);
    d = dvec3(1.5LF, 2.5LF, 3.5LF);
    m[0] = mat4(1.0);
    m[1] = mat4(vec4(0.0), vec4(1.0), vec4(2.0, 7.0, 0.0, 0.0), vec4(3.0));
})";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    j.draw.vertexCount = 3;
    const auto result = run(j);
    EXPECT_EQ(number(result.targets[0][0]), 1.5f);
    EXPECT_EQ(number(result.targets[0][1]), 2.5f);
    EXPECT_EQ(number(result.targets[0][2]), 3.5f);
    EXPECT_FLOAT_EQ(number(result.targets[0][3]), 7);
}

} // namespace
} // namespace svga::vulkan::test
