// SPDX-License-Identifier: MIT
//
// Arrays of descriptors, indexed by what only the shader knows.
#include "pipeline.h"

#include <gtest/gtest.h>

#include <numeric>

namespace svga::test {

namespace {

constexpr uint32_t kElements = 4;

VkDescriptorSetLayoutBinding arrayOf(VkDescriptorType type) {
    return {1, type, kElements, VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, nullptr};
}

constexpr VkDescriptorSetLayoutBinding kOut{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1,
                                            VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, nullptr};

/** Invocations of one workgroup each take another element, but index the array with what all of them know. */
class Indexing : public testing::Test {
protected:
    static constexpr std::array<uint32_t, kElements> kOrder{3, 0, 2, 1};

    /** Every invocation gets a value by `body`, in GLSL: from a[index], with `declaration` of a. */
    std::string shader(const std::string& declaration, const std::string& body) const {
        return "#version 450\nlayout(local_size_x = 4) in;\nlayout(set = 0, binding = 0) buffer Out { uint v[8]; };\n" +
               declaration + "\nlayout(push_constant) uniform Order { uvec4 order; };\n" +
               "void main() { uint index = order[gl_LocalInvocationIndex]; uint got; " + body +
               " v[gl_LocalInvocationIndex] = got; }";
    }

    /** A program of shader(), with an array of descriptors of `type`. */
    Pipeline pipelineOf(VkDescriptorType type, const std::string& declaration, const std::string& body) {
        return Pipeline(
            gpu,
            {.glsl = {{Stage::Compute, shader(declaration, body)}}, .bindings = {kOut, arrayOf(type)}, .pushed = 16});
    }

    /** What the invocations wrote. */
    std::vector<uint32_t> run(Pipeline& pipeline, VkDescriptorSet set) {
        CoherentBuffer out(gpu, 256);
        pipeline.write(set, 0, out.buffer);
        gpu.run([&](VkCommandBuffer commands) {
            pipeline.bind(commands, set);
            vkCmdPushConstants(commands, pipeline.layout(), VK_SHADER_STAGE_ALL, 0, sizeof(kOrder), kOrder.data());
            vkCmdDispatch(commands, 1, 1, 1);
            barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
        const std::span<uint32_t> words = out.memory.as<uint32_t>().first(kElements);
        return {words.begin(), words.end()};
    }

    /** A buffer for each element: 10, 11, 12, 13. */
    struct Numbered : CoherentBuffer {
        explicit Numbered(Gpu& gpu)
            : CoherentBuffer(gpu, kElements * 256) {
            for (uint32_t i = 0; i < kElements; ++i)
                memory.as<uint32_t>()[i * 64] = 10 + i;
        }
    };

    /** Element n of a binding of buffers begins at n * 256 of `all`. */
    void writeBuffers(VkDescriptorSet set, VkDescriptorType type, const Buffer& all) {
        std::array<VkDescriptorBufferInfo, kElements> infos;
        for (uint32_t i = 0; i < kElements; ++i)
            infos[i] = {all.handle(), i * 256, 16};
        VkWriteDescriptorSet write{};
        write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
        write.dstSet = set;
        write.dstBinding = 1;
        write.descriptorCount = kElements;
        write.descriptorType = type;
        write.pBufferInfo = infos.data();
        vkUpdateDescriptorSets(gpu.device(), 1, &write, 0, nullptr);
    }

    /** Images of one texel each: 10, 11, 12, 13. */
    void writeImages(VkDescriptorSet set, VkDescriptorType type, VkSampler sampler) {
        std::array<VkDescriptorImageInfo, kElements> infos;
        for (uint32_t i = 0; i < kElements; ++i) {
            images.push_back(std::make_unique<Image>(
                gpu, ImageInfo{.format = VK_FORMAT_R32_UINT,
                               .extent = {1, 1},
                               .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT}));
            const std::array<uint32_t, 1> texel{10 + i};
            images.back()->write(std::span<const uint32_t>(texel));
            infos[i] = {sampler, images.back()->view(), VK_IMAGE_LAYOUT_GENERAL};
        }
        VkWriteDescriptorSet write{};
        write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
        write.dstSet = set;
        write.dstBinding = 1;
        write.descriptorCount = kElements;
        write.descriptorType = type;
        write.pImageInfo = infos.data();
        vkUpdateDescriptorSets(gpu.device(), 1, &write, 0, nullptr);
    }

    Gpu gpu;
    std::vector<std::unique_ptr<Image>> images;
};

const std::vector<uint32_t> kExpected{13, 10, 12, 11};

} // namespace

TEST_F(Indexing, OfUniformBuffers) {
    if (!gpu.features().shaderUniformBufferArrayDynamicIndexing)
        GTEST_SKIP() << "arrays of uniform buffers are indexed by constants alone";
    Pipeline pipeline =
        pipelineOf(VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, "layout(set = 0, binding = 1) uniform In { uint value; } a[4];",
                   "for (uint n = 0; n < 4; ++n) if (order[n] == index) got = a[order[n]].value;");
    const Numbered in(gpu);
    const VkDescriptorSet set = pipeline.allocate();
    writeBuffers(set, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, in.buffer);
    EXPECT_EQ(run(pipeline, set), kExpected);
}

TEST_F(Indexing, OfStorageBuffers) {
    if (!gpu.features().shaderStorageBufferArrayDynamicIndexing)
        GTEST_SKIP() << "arrays of storage buffers are indexed by constants alone";
    Pipeline pipeline = pipelineOf(VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                   "layout(set = 0, binding = 1) buffer In { uint value; uint seen; } a[4];",
                                   "for (uint n = 0; n < 4; ++n) if (order[n] == index) { got = a[order[n]].value; "
                                   "a[order[n]].seen = 100 + gl_LocalInvocationIndex; }");
    const Numbered in(gpu);
    const VkDescriptorSet set = pipeline.allocate();
    writeBuffers(set, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, in.buffer);
    EXPECT_EQ(run(pipeline, set), kExpected);
    for (uint32_t i = 0; i < kElements; ++i)
        EXPECT_EQ(in.memory.as<uint32_t>()[kOrder[i] * 64 + 1], 100 + i);
}

TEST_F(Indexing, OfSampledImages) {
    if (!gpu.features().shaderSampledImageArrayDynamicIndexing)
        GTEST_SKIP() << "arrays of sampled images are indexed by constants alone";
    const Sampler sampler(gpu);
    Pipeline pipeline =
        pipelineOf(VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, "layout(set = 0, binding = 1) uniform usampler2D a[4];",
                   "for (uint n = 0; n < 4; ++n) if (order[n] == index) "
                   "got = textureLod(a[order[n]], vec2(0.5), 0.0).r;");
    const VkDescriptorSet set = pipeline.allocate();
    writeImages(set, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, sampler.handle());
    EXPECT_EQ(run(pipeline, set), kExpected);
}

TEST_F(Indexing, OfStorageImages) {
    if (!gpu.features().shaderStorageImageArrayDynamicIndexing)
        GTEST_SKIP() << "arrays of storage images are indexed by constants alone";
    Pipeline pipeline =
        pipelineOf(VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, "layout(set = 0, binding = 1, r32ui) uniform uimage2D a[4];",
                   "for (uint n = 0; n < 4; ++n) if (order[n] == index) "
                   "got = imageAtomicAdd(a[order[n]], ivec2(0), 100 + gl_LocalInvocationIndex);");
    const VkDescriptorSet set = pipeline.allocate();
    writeImages(set, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, VK_NULL_HANDLE);
    EXPECT_EQ(run(pipeline, set), kExpected);
    for (uint32_t i = 0; i < kElements; ++i)
        EXPECT_EQ(images[kOrder[i]]->read<uint32_t>(), std::vector<uint32_t>{10 + kOrder[i] + 100 + i});
}

} // namespace svga::test
