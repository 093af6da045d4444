// SPDX-License-Identifier: MIT
#include "compute_job.h"

#include "util/error.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace svga::vulkan::test {
namespace {

/** \brief The compiler is built with the driver, inside Mesa: a tree that was not set up wholly has none. */
class NeedsTool : public ::testing::Environment {
public:
    void SetUp() override {
        const char* tool = std::getenv("SVGA_SPIRV_TO_VGPU10");
        if (!tool || access(tool, X_OK) != 0)
            GTEST_SKIP() << "SVGA_SPIRV_TO_VGPU10 names no program: " << (tool ? tool : "it is not set");
    }
};

[[maybe_unused]] const auto* const kNeedsTool = ::testing::AddGlobalTestEnvironment(new NeedsTool);

} // namespace

ShaderRunner& runner() {
    static ShaderRunner instance;
    return instance;
}

Words constantBuffer0(const ComputeJob& job) {
    Words words(16 + std::max<size_t>(64, job.push.size()));
    words[0] = bits(-1.0f);
    for (size_t c = 0; c < 3; ++c) {
        words[4 + c] = job.groups[c];
        words[8 + c] = job.base[c];
    }
    std::ranges::copy(job.push, words.begin() + 16);
    return words;
}

void run(const std::string& glsl, ComputeJob& job) {
    const Compiled compiled = compileGlsl(Stage::Compute, glsl, job.options);
    vgpu10::test::StageJob stage;
    stage.tokens = compiled.tokens;
    stage.constantBuffers[0] = constantBuffer0(job);
    for (const Binding& b : compiled.bindings) {
        const uint32_t at = b.binding + b.element;
        switch (b.file) {
        case kConstantBuffer:
            stage.constantBuffers[b.reg] = job.uniform.at(at);
            break;
        case kSampler:
            stage.samplers[b.reg] = job.samplers.at(at);
            break;
        case kResource:
            if (job.texelBuffers.contains(at))
                stage.buffers[b.reg] = job.texelBuffers.at(at);
            else
                stage.textures[b.reg] = job.textures.at(at);
            break;
        case kUav:
            if (job.storage.contains(at))
                stage.uavBuffers[b.reg] = job.storage.at(at);
            else
                stage.uavTextures[b.reg] = job.images.at(at);
            break;
        }
    }
    runner().dispatch(stage, job.groups[0], job.groups[1], job.groups[2]);
    for (const Binding& b : compiled.bindings) {
        if (b.file != kUav)
            continue;
        const uint32_t at = b.binding + b.element;
        if (job.storage.contains(at))
            job.storage[at] = stage.uavBuffers[b.reg];
        else
            job.images[at] = stage.uavTextures[b.reg];
    }
}

} // namespace svga::vulkan::test
