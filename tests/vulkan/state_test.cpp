// SPDX-License-Identifier: MIT
//
// State that command buffers set, draws of which one command makes several, and descriptors that change their type.
#include "pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace svga::test {

namespace {

constexpr VkImageUsageFlags kColor = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
constexpr uint32_t kBlack = 0xff000000;

/// Quads (triangle strips) of one column of sixteen each: number n covers column n.
const char* const kColumns = R"(#version 450
    #extension GL_ARB_shader_draw_parameters : require
    layout(location = 0) flat out uint draw;
    void main() {
        float x = (gl_VertexIndex / 4 + gl_VertexIndex % 2) / 8.0 - 1.0;
        gl_Position = vec4(x, gl_VertexIndex % 4 < 2 ? -1.0 : 1.0, 0.5, 1.0);
        draw = gl_DrawIDARB;
    })";
const char* const kGreens = R"(#version 450
    layout(location = 0) flat in uint draw;
    layout(location = 0) out vec4 color;
    void main() { color = vec4(0.0, float(draw + 1) / 255.0, 0.0, 1.0); })";
const char* const kWhite = R"(#version 450
    layout(location = 0) out vec4 color;
    void main() { color = vec4(1.0); })";

class State : public testing::Test {
protected:
    void SetUp() override {
        if (!gpu.has(VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME))
            GTEST_SKIP() << "renderings are of render passes";
    }

    /** The first row of what `draws` draws over black. */
    std::vector<uint32_t> row(const std::function<void(VkCommandBuffer)>& draws) {
        Image target(gpu, {.usage = kColor});
        gpu.run([&](VkCommandBuffer commands) {
            render(gpu, commands, {.color = target.view()}, [&] { draws(commands); });
        });
        const std::vector<uint32_t> texels = target.read<uint32_t>();
        return {texels.begin(), texels.begin() + 16};
    }

    Gpu gpu;
};

} // namespace

TEST_F(State, SeveralDrawsOfOneCommand) {
    if (!gpu.has(VK_EXT_MULTI_DRAW_EXTENSION_NAME))
        GTEST_SKIP() << "a command is a draw";
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, kColumns}, {Stage::Fragment, kGreens}},
                                  .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP});
    struct Info {
        VkMultiDrawInfoEXT draw;
        uint32_t between;
    };
    const std::array<Info, 3> infos{{{{8, 4}, 0}, {{0, 4}, 0}, {{20, 4}, 0}}};
    std::vector<uint32_t> texels = row([&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        gpu.function<PFN_vkCmdDrawMultiEXT>("vkCmdDrawMultiEXT")(commands, 3, &infos[0].draw, 1, 0, sizeof(Info));
    });
    std::vector<uint32_t> expected(16, kBlack);
    expected[2] |= 1 << 8, expected[0] |= 2 << 8, expected[5] |= 3 << 8;
    EXPECT_EQ(texels, expected);

    CoherentBuffer indices(gpu, 64);
    std::ranges::copy(std::array<uint32_t, 8>{0, 1, 2, 3, 8, 9, 10, 11}, indices.memory.as<uint32_t>().begin());
    const std::array<VkMultiDrawIndexedInfoEXT, 2> indexed{{{4, 4, 0}, {0, 4, 12}}};
    texels = row([&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        vkCmdBindIndexBuffer(commands, indices.buffer.handle(), 0, VK_INDEX_TYPE_UINT32);
        gpu.function<PFN_vkCmdDrawMultiIndexedEXT>("vkCmdDrawMultiIndexedEXT")(
            commands, 2, indexed.data(), 1, 0, sizeof(VkMultiDrawIndexedInfoEXT), nullptr);
    });
    expected.assign(16, kBlack);
    expected[2] |= 1 << 8, expected[3] |= 2 << 8;
    EXPECT_EQ(texels, expected);
}

TEST_F(State, OfCommandBuffersIsTheirs) {
    if (!gpu.has(VK_EXT_EXTENDED_DYNAMIC_STATE_EXTENSION_NAME))
        GTEST_SKIP() << "state is the pipeline's";
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, kWhite}},
                                  .dynamic = {VK_DYNAMIC_STATE_CULL_MODE, VK_DYNAMIC_STATE_FRONT_FACE,
                                              VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY}});
    const auto drawn = [&](VkCullModeFlags cull, VkFrontFace front, VkPrimitiveTopology topology) {
        const std::vector<uint32_t> texels = row([&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            gpu.function<PFN_vkCmdSetCullModeEXT>("vkCmdSetCullModeEXT")(commands, cull);
            gpu.function<PFN_vkCmdSetFrontFaceEXT>("vkCmdSetFrontFaceEXT")(commands, front);
            gpu.function<PFN_vkCmdSetPrimitiveTopologyEXT>("vkCmdSetPrimitiveTopologyEXT")(commands, topology);
            vkCmdDraw(commands, 3, 1, 0, 0);
        });
        return std::ranges::count(texels, kBlack) == 0;
    };
    constexpr auto kList = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST, kStrip = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    EXPECT_TRUE(drawn(VK_CULL_MODE_NONE, VK_FRONT_FACE_CLOCKWISE, kList));
    EXPECT_TRUE(drawn(VK_CULL_MODE_BACK_BIT, VK_FRONT_FACE_CLOCKWISE, kList));
    EXPECT_FALSE(drawn(VK_CULL_MODE_BACK_BIT, VK_FRONT_FACE_COUNTER_CLOCKWISE, kStrip));
    EXPECT_FALSE(drawn(VK_CULL_MODE_FRONT_BIT, VK_FRONT_FACE_CLOCKWISE, kStrip));
    EXPECT_TRUE(drawn(VK_CULL_MODE_FRONT_BIT, VK_FRONT_FACE_COUNTER_CLOCKWISE, kList));
    EXPECT_FALSE(drawn(VK_CULL_MODE_FRONT_AND_BACK, VK_FRONT_FACE_CLOCKWISE, kList));
}

TEST_F(State, VertexInputAndDivisors) {
    if (!gpu.has(VK_EXT_VERTEX_INPUT_DYNAMIC_STATE_EXTENSION_NAME) ||
        !gpu.has(VK_EXT_VERTEX_ATTRIBUTE_DIVISOR_EXTENSION_NAME))
        GTEST_SKIP() << "vertex input is the pipeline's";
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, R"(#version 450
                                                layout(location = 0) in vec4 given;
                                                layout(location = 0) out vec4 color;
                                                void main() {
                                                    float x = (gl_InstanceIndex + gl_VertexIndex % 2) / 8.0 - 1.0;
                                                    gl_Position = vec4(x, gl_VertexIndex < 2 ? -1.0 : 1.0, 0.5, 1.0);
                                                    color = given;
                                                })"},
                                           {Stage::Fragment, R"(#version 450
                                                layout(location = 0) in vec4 given;
                                                layout(location = 0) out vec4 color;
                                                void main() { color = given; })"}},
                                  .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
                                  .dynamic = {VK_DYNAMIC_STATE_VERTEX_INPUT_EXT}});
    CoherentBuffer colors(gpu, 16 * 4);
    for (uint32_t i = 0; i < 16; ++i)
        colors.memory.as<uint32_t>()[i] = kBlack + i + 1;
    for (const uint32_t divisor : {0u, 1u, 3u}) {
        const std::vector<uint32_t> texels = row([&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            VkVertexInputBindingDescription2EXT binding{};
            binding.sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_BINDING_DESCRIPTION_2_EXT;
            binding.stride = 4;
            binding.inputRate = VK_VERTEX_INPUT_RATE_INSTANCE;
            binding.divisor = divisor;
            VkVertexInputAttributeDescription2EXT attribute{};
            attribute.sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_ATTRIBUTE_DESCRIPTION_2_EXT;
            attribute.format = VK_FORMAT_R8G8B8A8_UNORM;
            gpu.function<PFN_vkCmdSetVertexInputEXT>("vkCmdSetVertexInputEXT")(commands, 1, &binding, 1, &attribute);
            colors.bindVertices(commands);
            vkCmdDraw(commands, 4, 16, 0, 0);
        });
        for (uint32_t i = 0; i < 16; ++i)
            EXPECT_EQ(texels[i], kBlack + 1 + (divisor ? i / divisor : 0)) << "column " << i << ", divisor " << divisor;
    }
}

TEST_F(State, StagesRunThoughNothingIsRasterized) {
    if (!gpu.has(VK_EXT_EXTENDED_DYNAMIC_STATE_EXTENSION_NAME) || !gpu.features().vertexPipelineStoresAndAtomics)
        GTEST_SKIP() << "vertex shaders store nothing";
    Pipeline pipeline(gpu,
                      {.glsl = {{Stage::Vertex, R"(#version 450
                            layout(set = 0, binding = 0) buffer Out { uint seen; };
                            void main() {
                                atomicAdd(seen, 1u);
                                gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0,
                                                   0.5, 1.0);
                            })"},
                                {Stage::Fragment, kWhite}},
                       .bindings = {{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_VERTEX_BIT, nullptr}},
                       .cull = VK_CULL_MODE_FRONT_AND_BACK});
    CoherentBuffer out(gpu, 256);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, out.buffer);
    const std::vector<uint32_t> texels = row([&](VkCommandBuffer commands) {
        pipeline.bind(commands, set);
        vkCmdDraw(commands, 3, 1, 0, 0);
    });
    EXPECT_EQ(texels, std::vector<uint32_t>(16, kBlack));
    EXPECT_GE(out.memory.as<uint32_t>()[0], 3u);
}

TEST_F(State, QueriesAreResetByTheCpu) {
    if (!gpu.has(VK_EXT_HOST_QUERY_RESET_EXTENSION_NAME))
        GTEST_SKIP() << "queries are reset by commands";
    const Pipeline pipeline(gpu, {.glsl = {{Stage::Vertex, kColumns}, {Stage::Fragment, kGreens}},
                                  .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP});
    VkQueryPoolCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    info.queryType = VK_QUERY_TYPE_OCCLUSION;
    info.queryCount = 2;
    VkQueryPool pool;
    check(vkCreateQueryPool(gpu.device(), &info, nullptr, &pool), "vkCreateQueryPool");
    for (uint32_t round = 1; round < 4; ++round) {
        gpu.function<PFN_vkResetQueryPoolEXT>("vkResetQueryPoolEXT")(gpu.device(), pool, 0, 2);
        uint64_t samples = 0;
        EXPECT_EQ(vkGetQueryPoolResults(gpu.device(), pool, 1, 1, 8, &samples, 8, VK_QUERY_RESULT_64_BIT),
                  VK_NOT_READY);
        row([&](VkCommandBuffer commands) {
            vkCmdBeginQuery(commands, pool, 1, VK_QUERY_CONTROL_PRECISE_BIT);
            pipeline.bind(commands);
            for (uint32_t n = 0; n < round; ++n)
                vkCmdDraw(commands, 4, 1, 4 * n, 0);
            vkCmdEndQuery(commands, pool, 1);
        });
        EXPECT_EQ(vkGetQueryPoolResults(gpu.device(), pool, 1, 1, 8, &samples, 8,
                                        VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                  VK_SUCCESS);
        EXPECT_EQ(samples, 16 * round);
    }
    vkDestroyQueryPool(gpu.device(), pool, nullptr);
}

TEST_F(State, LogicOperations) {
    if (!gpu.features().logicOp)
        GTEST_SKIP() << "colors are blended by arithmetic alone";
    Image target(gpu, {.format = VK_FORMAT_R8G8B8A8_UNORM, .usage = kColor});
    const auto logic = [](VkLogicOp op) {
        PipelineInfo info{.glsl = {{Stage::Vertex, kEverything}, {Stage::Fragment, R"(#version 450
            layout(location = 0) out vec4 color;
            void main() { color = vec4(0.0, 12.0, 10.0, 255.0) / 255.0; })"}}};
        info.logicOp = op;
        return info;
    };
    const Pipeline xors(gpu, logic(VK_LOGIC_OP_XOR)), ands(gpu, logic(VK_LOGIC_OP_AND_INVERTED));
    gpu.run([&](VkCommandBuffer commands) {
        const std::array<float, 4> clear{1.0f, 10.0f / 255, 10.0f / 255, 0};
        render(gpu, commands, {.color = target.view(), .clearColor = clear}, [&] {
            xors.bind(commands);
            vkCmdDraw(commands, 3, 1, 0, 0);
        });
    });
    EXPECT_EQ(target.read<uint32_t>()[0], 0xff0006ffu);
    gpu.run([&](VkCommandBuffer commands) {
        render(gpu, commands, {.color = target.view(), .clearColor = {}}, [&] {
            ands.bind(commands);
            vkCmdDraw(commands, 3, 1, 0, 0);
        });
    });
    EXPECT_EQ(target.read<uint32_t>()[0], 0x000002ffu);
}

TEST_F(State, DescriptorsChangeTheirType) {
    if (!gpu.has(VK_EXT_MUTABLE_DESCRIPTOR_TYPE_EXTENSION_NAME))
        GTEST_SKIP() << "descriptors keep their type";
    constexpr std::array kTypes{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE};
    const auto pipeline = [&](const std::string& declaration, const std::string& read) {
        PipelineInfo info{.glsl = {{Stage::Compute, R"(#version 450
            #extension GL_EXT_samplerless_texture_functions : require
            layout(local_size_x = 1) in;
            layout(set = 0, binding = 0) buffer Out { uint v[]; };
            layout(set = 0, binding = 1) )" + declaration +
                                                        "; void main() { v[0] = " + read + "; }"}},
                          .bindings = {{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_ALL, nullptr},
                                       {1, VK_DESCRIPTOR_TYPE_MUTABLE_EXT, 1, VK_SHADER_STAGE_ALL, nullptr}}};
        info.mutableTypes.assign(kTypes.begin(), kTypes.end());
        return info;
    };
    Pipeline uniform(gpu, pipeline("uniform In { uint value; }", "value")),
        storage(gpu, pipeline("buffer In { uint value; }", "value++")),
        image(gpu, pipeline("uniform utexture2D given", "texelFetch(given, ivec2(0), 0).r"));
    CoherentBuffer out(gpu, 256), in(gpu, 512);
    in.memory.as<uint32_t>()[0] = 7, in.memory.as<uint32_t>()[64] = 8;
    Image texel(gpu, {.format = VK_FORMAT_R32_UINT, .extent = {1, 1}, .usage = VK_IMAGE_USAGE_SAMPLED_BIT});
    texel.write(std::span<const uint32_t>(std::array<uint32_t, 1>{9}));
    const auto run = [&](Pipeline& with, VkDescriptorSet set) {
        gpu.run([&](VkCommandBuffer commands) {
            with.bind(commands, set);
            vkCmdDispatch(commands, 1, 1, 1);
            barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
        return out.memory.as<uint32_t>()[0];
    };
    // One set for all: its layout is each pipeline's.
    const VkDescriptorSet set = uniform.allocate();
    uniform.write(set, 0, out.buffer);
    uniform.write(set, 1, in.buffer, 0, 16, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER);
    EXPECT_EQ(run(uniform, set), 7u);
    storage.write(set, 1, in.buffer, 256, 16, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
    EXPECT_EQ(run(storage, set), 8u);
    EXPECT_EQ(in.memory.as<uint32_t>()[64], 9u);
    image.write(set, 1, texel.view(), VK_NULL_HANDLE, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE);
    EXPECT_EQ(run(image, set), 9u);
    uniform.write(set, 1, in.buffer, 256, 16, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER);
    EXPECT_EQ(run(uniform, set), 9u);
}

} // namespace svga::test
