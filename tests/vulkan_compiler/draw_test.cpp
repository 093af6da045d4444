// SPDX-License-Identifier: MIT
/** Vertex and fragment shaders: what passes between the stages, and what the rasterizer tells and is told. */
#include "job.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace svga::vulkan::test {
namespace {

constexpr VkFormat kFloat4 = VK_FORMAT_R32G32B32A32_SFLOAT;
constexpr VkFormat kUint4 = VK_FORMAT_R32G32B32A32_UINT;

/** \brief A job that draws to one target of floats. */
GraphicsJob job(uint32_t width, uint32_t height, const std::string& fragment) {
    GraphicsJob result;
    result.draw.width = width;
    result.draw.height = height;
    result.draw.targets = {kFloat4};
    result.glsl[Stage::Fragment] = "#version 450\nlayout(location = 0) out vec4 color;\n" + fragment;
    return result;
}

void addVertex(GraphicsJob& job, std::initializer_list<float> words) {
    for (const float word : words)
        job.draw.vertices.push_back(bits(word));
}

TEST(Draw, TheUpperLeftCornerIsVulkans) {
    GraphicsJob j = job(8, 8, "void main() { color = gl_FragCoord; }");
    const auto result = run(j);
    for (uint32_t y = 0; y < 8; ++y)
        for (uint32_t x = 0; x < 8; ++x) {
            const uint32_t* pixel = &result.targets[0][(y * 8 + x) * 4];
            EXPECT_EQ(number(pixel[0]), static_cast<float>(x) + 0.5f);
            EXPECT_EQ(number(pixel[1]), static_cast<float>(y) + 0.5f);
            EXPECT_FLOAT_EQ(number(pixel[2]), 0.5f);
            EXPECT_FLOAT_EQ(number(pixel[3]), 1.0f);
        }
}

TEST(Draw, PositionsAreDownwards) {
    GraphicsJob j = job(4, 4, "void main() { color = vec4(1); }");
    // The upper left quarter, in Vulkan's coordinates, of w = 2.
    j.glsl[Stage::Vertex] = R"(#version 450
void main() {
    vec2 p = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
    gl_Position = vec4(p - 1.0, 0.25, 1.0) * 2.0;
})";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    j.draw.vertexCount = 4;
    const auto result = run(j);
    for (uint32_t y = 0; y < 4; ++y)
        for (uint32_t x = 0; x < 4; ++x)
            EXPECT_EQ(number(result.targets[0][(y * 4 + x) * 4]), x < 2 && y < 2 ? 1 : 0) << x << ' ' << y;
}

TEST(Draw, StructuresMayHoldIntegers) {
    GraphicsJob j = job(4, 4, R"(layout(location = 0) flat in struct { vec2 a; ivec4 b; } passed;
void main() { color = vec4(passed.b) + vec4(passed.a, 0, 0); })");
    j.glsl[Stage::Vertex] = R"(#version 450
layout(location = 0) out struct { vec2 a; ivec4 b; } passed;
void main() {
    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0);
    passed.a = vec2(0.25, 0.5);
    passed.b = ivec4(-16, 12, 20, 80);
})";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    j.draw.vertexCount = 3;
    const auto result = run(j);
    constexpr float kExpected[] = {-15.75f, 12.5f, 20, 80};
    for (size_t i = 0; i < result.targets[0].size(); ++i)
        EXPECT_EQ(number(result.targets[0][i]), kExpected[i % 4]) << i;
}

TEST(Draw, FragmentWIsReciprocal) {
    GraphicsJob j = job(2, 2, "void main() { color = gl_FragCoord; }");
    j.glsl[Stage::Vertex] = R"(#version 450
void main() {
    gl_Position = 4.0 * vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0);
})";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    j.draw.vertexCount = 3;
    EXPECT_FLOAT_EQ(number(run(j).targets[0][3]), 0.25f);
}

TEST(Draw, AttributesOfEveryClassAndVertexAndInstanceIndices) {
    GraphicsJob j;
    j.draw.width = 4;
    j.draw.height = 1;
    j.draw.targets = {kUint4, kUint4};
    j.targetTypes.fill(vgpu10::NumericType::Uint);
    j.draw.attributes = {kFloat4, VK_FORMAT_R32G32B32A32_SINT, kUint4};
    j.attributeTypes[1] = vgpu10::NumericType::Sint;
    j.attributeTypes[2] = vgpu10::NumericType::Uint;
    for (uint32_t vertex = 0; vertex < 8; ++vertex) {
        addVertex(j, {(static_cast<float>(vertex % 4) + 0.5f) / 2 - 1, 0, 0, 1});
        for (uint32_t c = 0; c < 4; ++c)
            j.draw.vertices.push_back(static_cast<uint32_t>(-3 - static_cast<int>(vertex + c)));
        for (uint32_t c = 0; c < 4; ++c)
            j.draw.vertices.push_back(100 + vertex + c);
    }
    j.glsl[Stage::Vertex] = R"(#version 450
layout(location = 0) in vec2 position;
layout(location = 1) in ivec3 a;
layout(location = 2) in uint b;
layout(location = 3) flat out ivec2 first;
layout(location = 3, component = 2) flat out uint second;
layout(location = 5) flat out uvec4 indices;
void main() {
    gl_Position = vec4(position, 0.0, 1.0);
    gl_PointSize = 1.0;
    first = a.zy;
    second = b;
    indices = uvec4(gl_VertexIndex, gl_InstanceIndex, 1, 2);
})";
    j.glsl[Stage::Fragment] = R"(#version 450
layout(location = 3) flat in ivec2 first;
layout(location = 3, component = 2) flat in uint second;
layout(location = 5) flat in uvec4 indices;
layout(location = 0) out uvec4 a;
layout(location = 1) out uvec4 b;
void main() { a = uvec4(first, second, 7u); b = indices; }
)";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_POINT_LIST;
    j.draw.firstVertex = 4;
    j.draw.vertexCount = 4;
    j.draw.firstInstance = 9;
    const auto result = run(j);
    for (uint32_t x = 0; x < 4; ++x) {
        const uint32_t* a = &result.targets[0][x * 4];
        const uint32_t* b = &result.targets[1][x * 4];
        EXPECT_EQ(static_cast<int32_t>(a[0]), -3 - static_cast<int>(4 + x + 2));
        EXPECT_EQ(static_cast<int32_t>(a[1]), -3 - static_cast<int>(4 + x + 1));
        EXPECT_EQ(a[2], 104 + x);
        EXPECT_EQ(b[0], 4 + x);
        EXPECT_EQ(b[1], 9u);
    }
}

/** \brief Two triangles over the target whose right side has w = 3, and a varying that goes from 0 to 1. */
GraphicsJob perspective(const std::string& qualifier, const std::string& fragment) {
    GraphicsJob j = job(8, 1, "layout(location = 2) " + qualifier + " in vec4 v;\n" + fragment);
    j.glsl[Stage::Vertex] = R"(#version 450
layout(location = 2) )" + qualifier +
                            R"( out vec4 v;
void main() {
    vec2 p = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
    gl_Position = vec4(p * 2.0 - 1.0, 0.5, 1.0) * (p.x > 0.5 ? 3.0 : 1.0);
    v = vec4(p, 5.0, gl_VertexIndex);
})";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    j.draw.vertexCount = 4;
    return j;
}

TEST(Draw, InterpolationQualifiers) {
    for (const std::string qualifier : {"smooth", "noperspective", "flat", "centroid", "sample"}) {
        GraphicsJob j = perspective(qualifier, "void main() { color = v; }");
        const auto result = run(j);
        for (uint32_t x = 0; x < 8; ++x) {
            const float at = (static_cast<float>(x) + 0.5f) / 8;
            const float smooth = at / 3 / ((1 - at) + at / 3);
            const float provoking = at < 0.5f ? 0 : 1; // of the first triangle vertex 0, of the second one vertex 1
            const float expected = qualifier == "noperspective" ? at : qualifier == "flat" ? provoking : smooth;
            EXPECT_NEAR(number(result.targets[0][x * 4]), expected, 1e-4) << qualifier << ' ' << x;
            EXPECT_NEAR(number(result.targets[0][x * 4 + 2]), 5, 1e-4);
        }
    }
}

TEST(Draw, InterpolationOnRequest) {
    GraphicsJob j = perspective("noperspective", R"(void main() {
    color = vec4(interpolateAtOffset(v, vec2(0.25, 0.0)).x, interpolateAtOffset(v, vec2(-0.5, 0.0)).x,
                 interpolateAtCentroid(v).x, interpolateAtSample(v, 0).x);
})");
    const auto result = run(j);
    for (uint32_t x = 0; x < 8; ++x) {
        const float at = (static_cast<float>(x) + 0.5f) / 8;
        EXPECT_NEAR(number(result.targets[0][x * 4]), at + 0.25f / 8, 1e-4);
        EXPECT_NEAR(number(result.targets[0][x * 4 + 1]), at - 0.5f / 8, 1e-4);
        EXPECT_NEAR(number(result.targets[0][x * 4 + 2]), at, 1e-4);
        EXPECT_NEAR(number(result.targets[0][x * 4 + 3]), at, 1e-4);
    }
}

TEST(Draw, VaryingsOfEveryShape) {
    GraphicsJob j = job(1, 1, R"(
struct S { float a; vec3 b; };
layout(location = 0) flat in S s;
layout(location = 4) flat in mat3 m;
layout(location = 8) flat in float array[4];
layout(location = 14) in Block { flat vec2 c; flat float d[2]; } block;
layout(location = 27) flat in vec4 last;
layout(std140, set = 0, binding = 0) uniform U { uint k; } u;
void main() {
    color = vec4(s.a + s.b.z * 10.0, m[u.k].y, array[u.k + 1u] + block.d[u.k - 1u] * 100.0, last.w + block.c.y * 10.0);
})");
    j.uniform[0] = {2, 0, 0, 0};
    j.glsl[Stage::Vertex] = R"(#version 450
struct S { float a; vec3 b; };
layout(location = 0) flat out S s;
layout(location = 4) flat out mat3 m;
layout(location = 8) flat out float array[4];
layout(location = 14) out Block { flat vec2 c; flat float d[2]; } block;
layout(location = 27) flat out vec4 last;
layout(std140, set = 0, binding = 0) uniform U { uint k; } u;
void main() {
    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0);
    s = S(1.0, vec3(2.0, 3.0, 4.0));
    m = mat3(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0);
    for (uint n = 0u; n < 4u; ++n) array[n] = float(n * u.k);
    block.c = vec2(3.0, 6.0);
    block.d[u.k & 1u] = 1.0;
    block.d[u.k - 1u] = 9.0;
    last = vec4(1.0, 2.0, 3.0, 4.0);
})";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    j.draw.vertexCount = 3;
    const auto result = run(j);
    EXPECT_EQ(number(result.targets[0][0]), 41);
    EXPECT_EQ(number(result.targets[0][1]), 8);
    EXPECT_EQ(number(result.targets[0][2]), 906);
    EXPECT_EQ(number(result.targets[0][3]), 64);
}

TEST(Draw, FrontFacing) {
    for (const bool mirrored : {false, true}) {
        GraphicsJob j = job(1, 1, "void main() { color = gl_FrontFacing ? vec4(1) : vec4(2); }");
        j.glsl[Stage::Vertex] = std::string("#version 450\nvoid main() { gl_Position = vec4(gl_VertexIndex == ") +
                                (mirrored ? "2" : "1") + " ? 3.0 : -1.0, gl_VertexIndex == " + (mirrored ? "1" : "2") +
                                " ? 3.0 : -1.0, 0.5, 1.0); }";
        j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
        j.draw.vertexCount = 3;
        // The runner calls what is counterclockwise on the screen, y up, the front; Vulkan's y is down.
        EXPECT_EQ(number(run(j).targets[0][0]), mirrored ? 1 : 2);
    }
}

TEST(Draw, DiscardAndDemote) {
    for (const std::string statement : {"discard", "demote"}) {
        GraphicsJob j = job(4, 4,
                            R"(void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    if (((at.x ^ at.y) & 1) == 1) )" +
                                statement + R"(;
    float v = float(at.x);
    color = vec4(1.0, abs(dFdx(v)), abs(dFdy(float(at.y))), 1.0);
})");
        if (statement == "demote")
            j.glsl[Stage::Fragment].insert(sizeof("#version 450"),
                                           "#extension GL_EXT_demote_to_helper_invocation : require\n");
        const auto result = run(j);
        for (uint32_t y = 0; y < 4; ++y)
            for (uint32_t x = 0; x < 4; ++x) {
                const uint32_t* pixel = &result.targets[0][(y * 4 + x) * 4];
                const bool gone = (x ^ y) & 1;
                EXPECT_EQ(number(pixel[0]), gone ? 0 : 1);
                if (!gone) {
                    EXPECT_EQ(number(pixel[1]), 1);
                    EXPECT_EQ(number(pixel[2]), 1);
                }
            }
    }
}

TEST(Draw, TerminatedInvocationsWriteNothing) {
    GraphicsJob j = job(2, 1, R"(layout(std430, set = 0, binding = 0) buffer B { uint n; } b;
void main() {
    if (gl_FragCoord.x < 1.0) terminateInvocation;
    atomicAdd(b.n, 1u);
    color = vec4(1);
})");
    j.glsl[Stage::Fragment].insert(sizeof("#version 450"), "#extension GL_EXT_terminate_invocation : require\n");
    j.storage[0].resize(4);
    const auto result = run(j);
    EXPECT_EQ(number(result.targets[0][0]), 0);
    EXPECT_EQ(number(result.targets[0][4]), 1);
    EXPECT_EQ(j.storage[0][0], 1u);
}

TEST(Draw, ALoopThatOnlyADiscardLeavesEnds) {
    GraphicsJob j = job(2, 1, R"(void main() {
    color = vec4(1);
    if (gl_FragCoord.x < 1.0) return;
    int n = 0;
    while (true) { if (++n > 5) discard; }
})");
    const auto result = run(j);
    EXPECT_EQ(number(result.targets[0][0]), 1);
    EXPECT_EQ(number(result.targets[0][4]), 0);
}

TEST(Draw, Derivatives) {
    GraphicsJob j = job(4, 4, R"(void main() {
    vec2 p = gl_FragCoord.xy * vec2(3.0, 5.0);
    color = vec4(dFdx(p.x) + dFdxFine(p.x) * 10.0, dFdy(p.y) + dFdyCoarse(p.y) * 10.0, fwidth(p.x + p.y), dFdxCoarse(p.x) + dFdyFine(p.y));
})");
    const auto result = run(j);
    for (uint32_t n = 0; n < 16; ++n) {
        const uint32_t* pixel = &result.targets[0][n * 4];
        EXPECT_EQ(number(pixel[0]), 33);
        EXPECT_EQ(number(pixel[1]), 55);
        EXPECT_EQ(number(pixel[2]), 8);
        EXPECT_EQ(number(pixel[3]), 8);
    }
}

TEST(Draw, DepthOutput) {
    for (const std::string layout : {"", "layout(depth_greater) out float gl_FragDepth;\n"}) {
        GraphicsJob j =
            job(4, 1, layout + "void main() { gl_FragDepth = 0.5 + gl_FragCoord.x * 0.1; color = vec4(1); }");
        j.draw.depth = true;
        const auto result = run(j);
        for (uint32_t x = 0; x < 4; ++x)
            EXPECT_FLOAT_EQ(result.depth[x], 0.5f + (static_cast<float>(x) + 0.5f) * 0.1f);
    }
}

TEST(Draw, SampleMaskAndIds) {
    GraphicsJob j = job(1, 1, R"(void main() {
    gl_SampleMask[0] = gl_SampleMaskIn[0] & 3;
    color = vec4(1);
})");
    j.draw.samples = VK_SAMPLE_COUNT_4_BIT;
    EXPECT_FLOAT_EQ(number(run(j).targets[0][0]), 0.5f); // two of four, resolved

    GraphicsJob ids = job(1, 1, R"(void main() {
    color = vec4(float(1 << (4 * gl_SampleID)), gl_SamplePosition.x, gl_FragCoord.x, float(gl_SampleMaskIn[0]));
})");
    ids.draw.samples = VK_SAMPLE_COUNT_4_BIT;
    const auto result = run(ids);
    EXPECT_FLOAT_EQ(number(result.targets[0][0]), (1 + 16 + 256 + 4096) / 4.0f);
    EXPECT_FLOAT_EQ(number(result.targets[0][1]), 0.5f); // the standard pattern's mean
    EXPECT_FLOAT_EQ(number(result.targets[0][2]), 0.5f);
    EXPECT_FLOAT_EQ(number(result.targets[0][3]), (1 + 2 + 4 + 8) / 4.0f);
}

TEST(Draw, PerSampleShadingIsForced) {
    GraphicsJob j = job(1, 1, R"(layout(std430, set = 0, binding = 0) buffer B { uint n; uint x[]; } b;
void main() {
    uint at = atomicAdd(b.n, 1u);
    b.x[at] = floatBitsToUint(gl_FragCoord.x);
    color = vec4(1);
})");
    j.storage[0].resize(16);
    j.draw.samples = VK_SAMPLE_COUNT_4_BIT;
    j.perSample = true;
    run(j);
    EXPECT_EQ(j.storage[0][0], 4u);
    std::vector<float> xs;
    for (uint32_t n = 0; n < 4; ++n)
        xs.push_back(number(j.storage[0][1 + n]));
    std::ranges::sort(xs);
    EXPECT_EQ(xs, (std::vector<float>{0.125f, 0.375f, 0.625f, 0.875f}));
}

TEST(Draw, SeveralTargetsOfDifferentClasses) {
    GraphicsJob j;
    j.draw.targets = {kFloat4, kUint4, VK_FORMAT_R32G32B32A32_SINT};
    j.targetTypes[1] = vgpu10::NumericType::Uint;
    j.targetTypes[2] = vgpu10::NumericType::Sint;
    j.glsl[Stage::Fragment] = R"(#version 450
layout(location = 0) out vec2 a;
layout(location = 1, component = 1) out uvec2 b;
layout(location = 2) out ivec4 c;
void main() { a = vec2(0.5, 0.25); b = uvec2(7u, 8u); c = ivec4(-1, -2, -3, -4); }
)";
    const auto result = run(j);
    EXPECT_EQ(number(result.targets[0][0]), 0.5f);
    EXPECT_EQ(number(result.targets[0][1]), 0.25f);
    EXPECT_EQ(result.targets[1][1], 7u);
    EXPECT_EQ(result.targets[1][2], 8u);
    for (uint32_t c = 0; c < 4; ++c)
        EXPECT_EQ(static_cast<int32_t>(result.targets[2][c]), -1 - static_cast<int>(c));
}

TEST(Draw, ClipAndCullDistances) {
    GraphicsJob j = job(8, 2, "void main() { color = vec4(1.0, gl_ClipDistance[0], gl_ClipDistance[1], 0.0); }");
    j.glsl[Stage::Vertex] = R"(#version 450
out float gl_ClipDistance[2];
void main() {
    vec2 p = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
    gl_Position = vec4(p * 2.0 - 1.0, 0.5, 1.0);
    gl_ClipDistance[0] = p.x - 0.25;
    gl_ClipDistance[1] = 2.0;
})";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    j.draw.vertexCount = 4;
    const auto clipped = run(j);
    for (uint32_t x = 0; x < 8; ++x) {
        EXPECT_EQ(number(clipped.targets[0][x * 4]), x < 2 ? 0 : 1) << x;
        if (x >= 2) {
            EXPECT_NEAR(number(clipped.targets[0][x * 4 + 1]), (static_cast<float>(x) + 0.5f) / 8 - 0.25f, 1e-4);
            EXPECT_NEAR(number(clipped.targets[0][x * 4 + 2]), 2, 1e-4);
        }
    }

    for (const bool culled : {false, true}) {
        GraphicsJob c = job(2, 2, "void main() { color = vec4(1); }");
        c.glsl[Stage::Vertex] = std::string(R"(#version 450
out float gl_ClipDistance[1];
out float gl_CullDistance[1];
void main() {
    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0);
    gl_ClipDistance[0] = 1.0;
    gl_CullDistance[0] = )") + (culled ? "-1.0" : "1.0") +
                                ";\n}";
        c.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
        c.draw.vertexCount = 3;
        EXPECT_EQ(number(run(c).targets[0][0]), culled ? 0 : 1);
    }
}

TEST(Draw, LayersByTheVertexShader) {
    GraphicsJob j =
        job(1, 1,
            "layout(location = 0) flat in int n;\nvoid main() { color = vec4(float(n), float(gl_Layer), 0.0, 1.0); }");
    j.glsl[Stage::Vertex] = R"(#version 450
#extension GL_ARB_shader_viewport_layer_array : require
layout(location = 0) flat out int n;
void main() {
    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0);
    n = gl_InstanceIndex + 5;
    gl_Layer = gl_InstanceIndex;
})";
    j.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    j.draw.vertexCount = 3;
    j.draw.instanceCount = 3;
    j.draw.layers = 3;
    const auto result = run(j);
    for (uint32_t layer = 0; layer < 3; ++layer) {
        EXPECT_EQ(number(result.targets[0][layer * 4]), static_cast<float>(layer + 5));
        EXPECT_EQ(number(result.targets[0][layer * 4 + 1]), static_cast<float>(layer));
    }
}

} // namespace
} // namespace svga::vulkan::test
