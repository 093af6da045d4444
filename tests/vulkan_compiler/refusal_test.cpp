// SPDX-License-Identifier: MIT
/** What the compiler refuses, and how it says so: shaders are an application's input. */
#include "job.h"

#include "util/error.h"

#include <gtest/gtest.h>

#include <random>

namespace svga::vulkan::test {
namespace {

void refused(Stage stage, const std::string& glsl, const std::string& why) {
    try {
        compileGlsl(stage, glsl);
        ADD_FAILURE() << "was compiled:\n" << glsl;
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
}

TEST(Refusal, NamesWhatTheDeviceHasNot) {
    refused(Stage::Compute, R"(#version 450
layout(set = 2, binding = 5, rgba32f) uniform image2DMS a;
void main() { imageStore(a, ivec2(0), 0, vec4(0.0)); })",
            "set 2, binding 5: multisampled storage images");
    refused(Stage::Compute, R"(#version 450
#extension GL_EXT_shader_atomic_float : require
layout(set = 0, binding = 0) buffer B { float x; } b;
void main() { atomicAdd(b.x, 1.0); })",
            "atomic");
    refused(Stage::Compute, R"(#version 450
#extension GL_KHR_shader_subgroup_quad : require
layout(set = 0, binding = 0) buffer B { uint x; } b;
void main() { b.x = subgroupQuadSwapHorizontal(b.x); })",
            "quad");
    refused(Stage::Vertex,
            "#version 450\nlayout(location = 28) out vec4 a;\nvoid main() { a = vec4(1.0); gl_Position = a; }",
            "location 28");
    refused(Stage::Fragment, "#version 450\nlayout(location = 8) out vec4 a;\nvoid main() { a = vec4(1.0); }",
            "no such output");
    refused(Stage::TessControl, R"(#version 450
layout(vertices = 3) out;
layout(location = 0) out float a[];
layout(location = 1) out float b[];
void main() {
    a[gl_InvocationID] = float(gl_InvocationID);
    barrier();
    b[gl_InvocationID] = a[(gl_InvocationID + 1) % 3];
})",
            "another invocation's");
}

TEST(Refusal, RegistersThatRunOut) {
    std::string blocks = "#version 450\n", sum = "void main() { o.x = 0u";
    for (int n = 0; n < 15; ++n) {
        blocks += "layout(set = 0, binding = " + std::to_string(n + 1) + ") uniform U" + std::to_string(n) +
                  " { uint x; } u" + std::to_string(n) + ";\n";
        sum += " + u" + std::to_string(n) + ".x";
    }
    refused(Stage::Compute, blocks + "layout(set = 0, binding = 0) buffer O { uint x; } o;\n" + sum + "; }",
            "constant buffers");
    refused(Stage::Compute, R"(#version 450
layout(set = 0, binding = 0) buffer B { uint x[]; } b;
void main() {
    uint a[5000];
    for (int n = 0; n < 5000; ++n) a[n] = b.x[n];
    b.x[0] = a[b.x[1]];
})",
            "temporaries");
    refused(Stage::Compute, R"(#version 450
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer B { uint x[]; } b;
shared uint s[9000];
void main() { s[gl_LocalInvocationIndex] = 1u; barrier(); b.x[0] = s[b.x[1]]; })",
            "shared memory");
}

/** \brief Whatever the words, the tool says no or gives tokens; it does not die of a signal. */
TEST(Refusal, ModulesThatAreNone) {
    EXPECT_THROW(compileSpirv(Stage::Compute, {}), Error);
    EXPECT_THROW(compileSpirv(Stage::Compute, {0x07230203}), Error);
    EXPECT_THROW(compileSpirv(Stage::Compute, {1, 2, 3, 4, 5, 6, 7, 8}), Error);
    const auto spirv = toSpirv(Stage::Compute, "#version 450\nlayout(set = 0, binding = 0) buffer B { uint x; } b;\n"
                                               "void main() { b.x += 1u; }");
    EXPECT_THROW(compileSpirv(Stage::Fragment, spirv), Error); // no entry point of that stage
    const auto cut = std::vector<uint32_t>(spirv.begin(), spirv.begin() + static_cast<long>(spirv.size() / 2));
    try {
        compileSpirv(Stage::Compute, cut);
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find("signal"), std::string::npos) << error.what();
    }
}

} // namespace
} // namespace svga::vulkan::test
