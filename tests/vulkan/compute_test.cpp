// SPDX-License-Identifier: MIT
//
// Compute shaders, and what they are given.
#include "compute_pipeline.h"
#include "gpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace svga::test {

namespace {

class Compute : public testing::Test {
protected:
    void SetUp() override {
        if (!(gpu.queueFlags() & VK_QUEUE_COMPUTE_BIT))
            GTEST_SKIP() << "the queue does not compute";
    }

    /** Records a dispatch with `descriptors` bound, and what it writes made visible. */
    VkCommandBuffer record(const ComputePipeline& pipeline, VkDescriptorSet set, uint32_t x, uint32_t y = 1,
                           uint32_t z = 1) {
        return gpu.record([&](VkCommandBuffer commands) {
            pipeline.bind(commands, set);
            vkCmdDispatch(commands, x, y, z);
            barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
    }

    Gpu gpu;
};

constexpr VkDescriptorType kStorage = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kUniform = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
                           kDynamicStorage = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC,
                           kDynamicUniform = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC;

} // namespace

TEST_F(Compute, ReadsAndWritesStorageBuffers) {
    const ComputePipeline pipeline(gpu, {kStorage, kStorage}, R"(#version 450
        layout(local_size_x = 64) in;
        layout(set = 0, binding = 0) readonly buffer In { uint a[]; };
        layout(set = 0, binding = 1) writeonly buffer Out { uint b[]; };
        void main() { b[gl_GlobalInvocationID.x] = a[gl_GlobalInvocationID.x] * 3u + 1u; })");
    CoherentBuffer in(gpu, 64 * 64 * 4), out(gpu, 64 * 64 * 4);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, in.buffer);
    pipeline.write(set, 1, out.buffer);
    const VkCommandBuffer commands = record(pipeline, set, 64);
    for (uint32_t round = 0; round < 5; ++round) {
        std::iota(in.memory.as<uint32_t>().begin(), in.memory.as<uint32_t>().end(), 1000 * round);
        gpu.wait(gpu.submit({&commands, 1}));
        for (uint32_t i = 0; i < 64 * 64; ++i)
            ASSERT_EQ(out.memory.as<uint32_t>()[i], (1000 * round + i) * 3 + 1) << "round " << round;
    }
}

TEST_F(Compute, RangesOfOneAllocation) {
    const ComputePipeline pipeline(gpu, {kStorage, kStorage}, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) readonly buffer In { uint a[16]; };
        layout(set = 0, binding = 1) buffer Out { uint b[]; };
        void main() { b[gl_GlobalInvocationID.x] = a[gl_GlobalInvocationID.x] + uint(b.length()); })");
    Allocation memory(gpu, 65536, Gpu::kCoherent);
    Buffer all(gpu, memory, 0, 65536);
    const std::span<uint32_t> words = memory.as<uint32_t>();
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, all, 1024, 64);
    pipeline.write(set, 1, all, 8192, 256);
    std::iota(words.begin() + 256, words.begin() + 272, 7u);
    const VkCommandBuffer commands = record(pipeline, set, 16);
    gpu.wait(gpu.submit({&commands, 1}));
    for (uint32_t i = 0; i < 16; ++i)
        EXPECT_EQ(words[2048 + i], 7 + i + 64);
    EXPECT_EQ(words[2048 + 16], 0u);
}

TEST_F(Compute, UniformsAndPushConstants) {
    const ComputePipeline pipeline(gpu, {kStorage, kUniform}, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { vec4 result; };
        layout(set = 0, binding = 1) uniform In { vec4 scale; vec4 offset; };
        layout(push_constant) uniform Push { vec4 value; };
        void main() { result = value * scale + offset; })",
                                   16);
    CoherentBuffer out(gpu, 256), in(gpu, 1024);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, out.buffer);
    pipeline.write(set, 1, in.buffer, 512, 32);
    const float uniforms[8]{2, 3, 4, 5, 10, 20, 30, 40}, pushed[4]{1, 2, 3, 4};
    std::memcpy(in.memory.bytes().data() + 512, uniforms, sizeof(uniforms));
    gpu.run([&](VkCommandBuffer commands) {
        pipeline.bind(commands, set);
        vkCmdPushConstants(commands, pipeline.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(pushed), pushed);
        vkCmdDispatch(commands, 1, 1, 1);
        barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    for (uint32_t i = 0; i < 4; ++i)
        EXPECT_EQ(out.memory.as<float>()[i], pushed[i] * uniforms[i] + uniforms[4 + i]);
}

/** What a submission pushes is what it was in the last one, but much has been uploaded between. */
TEST_F(Compute, PushConstantsAreNotOverwritten) {
    const ComputePipeline pipeline(gpu, {kStorage}, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { uint result; };
        layout(push_constant) uniform Push { uint value; };
        void main() { result = value; })",
                                   4);
    CoherentBuffer out(gpu, 256), filled(gpu, 1 << 20);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, out.buffer);
    const VkCommandBuffer dispatch = gpu.record([&](VkCommandBuffer commands) {
        const uint32_t pushed = 4711;
        pipeline.bind(commands, set);
        vkCmdPushConstants(commands, pipeline.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(pushed), &pushed);
        vkCmdDispatch(commands, 1, 1, 1);
        barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    const VkCommandBuffer fill = gpu.record(
        [&](VkCommandBuffer commands) { vkCmdFillBuffer(commands, filled.buffer.handle(), 0, 1 << 20, 0xa5a5a5a5); });
    for (uint32_t round = 0; round < 8; ++round) {
        out.memory.as<uint32_t>()[0] = 0;
        gpu.wait(gpu.submit({&dispatch, 1}));
        EXPECT_EQ(out.memory.as<uint32_t>()[0], 4711u) << "round " << round;
        for (uint32_t i = 0; i < 4; ++i)
            gpu.wait(gpu.submit({&fill, 1}));
    }
}

TEST_F(Compute, DynamicOffsets) {
    const ComputePipeline pipeline(gpu, {kDynamicStorage, kDynamicUniform}, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { uint result; };
        layout(set = 0, binding = 1) uniform In { uint value; };
        void main() { result = value; })");
    CoherentBuffer out(gpu, 4096), in(gpu, 4096);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, out.buffer, 0, 4);
    pipeline.write(set, 1, in.buffer, 0, 16);
    gpu.run([&](VkCommandBuffer commands) {
        for (uint32_t i = 0; i < 16; ++i) {
            in.memory.as<uint32_t>()[64 * i] = 100 + i;
            pipeline.bind(commands, set, {256 * (15 - i), 256 * i});
            vkCmdDispatch(commands, 1, 1, 1);
        }
        barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    for (uint32_t i = 0; i < 16; ++i)
        EXPECT_EQ(out.memory.as<uint32_t>()[64 * (15 - i)], 100 + i);
}

TEST_F(Compute, WorkgroupCountsOfDirectAndIndirectDispatches) {
    const ComputePipeline pipeline(gpu, {kStorage}, R"(#version 450
        layout(local_size_x = 2, local_size_y = 2) in;
        layout(set = 0, binding = 0) buffer Out { uvec4 counts; uint invocations; };
        void main() { counts.xyz = gl_NumWorkGroups; atomicAdd(invocations, 1u); })");
    CoherentBuffer out(gpu, 256), arguments(gpu, 256);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, out.buffer);
    const std::span<uint32_t> words = out.memory.as<uint32_t>(), counts = arguments.memory.as<uint32_t>();
    const VkCommandBuffer direct = record(pipeline, set, 3, 4, 5);
    gpu.wait(gpu.submit({&direct, 1}));
    EXPECT_TRUE(std::ranges::equal(words.first(3), std::vector{3u, 4u, 5u}));
    EXPECT_EQ(words[4], 3u * 4 * 5 * 4);

    const VkCommandBuffer indirect = gpu.record([&](VkCommandBuffer commands) {
        pipeline.bind(commands, set);
        vkCmdDispatchIndirect(commands, arguments.buffer.handle(), 16);
        barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    for (uint32_t round = 1; round < 4; ++round) {
        words[4] = 0;
        counts[4] = round, counts[5] = 2, counts[6] = 7;
        gpu.wait(gpu.submit({&indirect, 1}));
        EXPECT_TRUE(std::ranges::equal(words.first(3), std::vector{round, 2u, 7u}));
        EXPECT_EQ(words[4], round * 2 * 7 * 4);
    }
}

TEST_F(Compute, HostAndDeviceWriteDifferentBytesOfAPage) {
    const ComputePipeline pipeline(gpu, {kStorage}, R"(#version 450
        layout(local_size_x = 64) in;
        layout(set = 0, binding = 0) buffer Out { uint words[]; };
        void main() { words[2u * gl_GlobalInvocationID.x] = gl_GlobalInvocationID.x; })");
    CoherentBuffer shared(gpu, 8 * 4096);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, shared.buffer);
    const VkCommandBuffer commands = record(pipeline, set, 64);
    const std::span<uint32_t> words = shared.memory.as<uint32_t>();
    for (uint32_t round = 1; round <= 10; ++round) {
        for (uint32_t i = 1; i < words.size(); i += 2)
            words[i] = round;
        gpu.wait(gpu.submit({&commands, 1}));
        for (uint32_t i = 0; i < words.size(); ++i)
            ASSERT_EQ(words[i], i % 2 ? round : i / 2) << "round " << round;
    }
}

TEST_F(Compute, SpecialisationConstantsAndSharedMemory) {
    const uint32_t size = 32;
    const VkSpecializationMapEntry entry{0, 0, 4};
    const VkSpecializationInfo specialisation{1, &entry, sizeof(size), &size};
    const ComputePipeline pipeline(gpu, {kStorage}, R"(#version 450
        layout(local_size_x_id = 0) in;
        layout(constant_id = 0) const uint kSize = 8;
        layout(set = 0, binding = 0) buffer Data { uint words[]; };
        shared uint held[kSize];
        void main() {
            uint i = gl_LocalInvocationID.x;
            held[i] = words[gl_GlobalInvocationID.x];
            barrier();
            words[gl_GlobalInvocationID.x] = held[kSize - 1u - i];
        })",
                                   0, &specialisation);
    CoherentBuffer data(gpu, 4 * size * 4);
    std::iota(data.memory.as<uint32_t>().begin(), data.memory.as<uint32_t>().end(), 0u);
    const VkDescriptorSet set = pipeline.allocate();
    pipeline.write(set, 0, data.buffer);
    const VkCommandBuffer commands = record(pipeline, set, 4);
    gpu.wait(gpu.submit({&commands, 1}));
    for (uint32_t i = 0; i < 4 * size; ++i)
        EXPECT_EQ(data.memory.as<uint32_t>()[i], i / size * size + size - 1 - i % size);
}

TEST_F(Compute, ManyBuffersAndSetsComeAndGo) {
    const ComputePipeline pipeline(gpu, {kStorage}, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Out { uint word; };
        void main() { word = word + 1u; })");
    for (uint32_t round = 0; round < 300; ++round) {
        CoherentBuffer buffer(gpu, 256);
        buffer.memory.as<uint32_t>()[0] = round;
        const VkDescriptorSet set = pipeline.allocate();
        pipeline.write(set, 0, buffer.buffer);
        const VkCommandBuffer commands = record(pipeline, set, 1);
        gpu.wait(gpu.submit({&commands, 1}));
        ASSERT_EQ(buffer.memory.as<uint32_t>()[0], round + 1);
    }
}

} // namespace svga::test
