// SPDX-License-Identifier: MIT
#include "job.h"

#include "util/error.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

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

/** \brief Where the driver's constants lie in constant buffer 0, in words (vulkan::DriverConstants). */
constexpr size_t kFirstVertex = 1, kFirstInstance = 2, kWorkgroupCount = 4, kBaseWorkgroup = 8, kPushConstants = 16;

Words constantBuffer0(const Resources& resources) {
    Words words(kPushConstants + std::max<size_t>(64, resources.push.size()));
    words[0] = bits(-1.0f); // a viewport of positive height
    std::ranges::copy(resources.push, words.begin() + kPushConstants);
    return words;
}

vgpu10::test::StageJob bind(const Compiled& compiled, const Resources& resources) {
    vgpu10::test::StageJob stage;
    stage.tokens = compiled.tokens;
    stage.constantBuffers[0] = constantBuffer0(resources);
    for (const Binding& b : compiled.bindings) {
        const uint32_t at = b.binding + b.element;
        switch (b.file) {
        case kConstantBuffer:
            stage.constantBuffers[b.reg] = resources.uniform.at(at);
            break;
        case kSampler:
            stage.samplers[b.reg] = resources.samplers.at(at);
            break;
        case kResource:
            if (resources.texelBuffers.contains(at))
                stage.buffers[b.reg] = resources.texelBuffers.at(at);
            else
                stage.textures[b.reg] = resources.textures.at(at);
            break;
        case kUav:
            if (resources.storage.contains(at))
                stage.uavBuffers[b.reg] = resources.storage.at(at);
            else
                stage.uavTextures[b.reg] = resources.images.at(at);
            break;
        }
    }
    return stage;
}

void readBack(const Compiled& compiled, vgpu10::test::StageJob& stage, Resources& resources) {
    for (const Binding& b : compiled.bindings) {
        if (b.file != kUav)
            continue;
        const uint32_t at = b.binding + b.element;
        if (resources.storage.contains(at))
            resources.storage[at] = stage.uavBuffers[b.reg];
        else
            resources.images[at] = stage.uavTextures[b.reg];
    }
}

} // namespace

namespace {

/** \brief A module in a file, for the tool to look at the other tessellation stage. */
class ModuleFile {
public:
    explicit ModuleFile(const std::vector<uint32_t>& spirv)
        : path_(::testing::TempDir() + "svga-other-stage-" + std::to_string(getpid()) + ".spv") {
        std::ofstream(path_, std::ios::binary)
            .write(reinterpret_cast<const char*>(spirv.data()),
                   static_cast<std::streamsize>(spirv.size() * sizeof(uint32_t)));
    }
    ~ModuleFile() { std::remove(path_.c_str()); }
    ModuleFile(const ModuleFile&) = delete;
    ModuleFile& operator=(const ModuleFile&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

} // namespace

const char* const GraphicsJob::kFullscreen = R"(#version 450
void main() {
    gl_Position = vec4(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0, 0.5, 1.0);
})";

ShaderRunner& runner() {
    static ShaderRunner instance;
    return instance;
}

void run(const std::string& glsl, ComputeJob& job) {
    const Compiled compiled = compileGlsl(Stage::Compute, glsl, job.options);
    vgpu10::test::StageJob stage = bind(compiled, job);
    std::ranges::copy(job.groups, stage.constantBuffers[0].begin() + kWorkgroupCount);
    std::ranges::copy(job.base, stage.constantBuffers[0].begin() + kBaseWorkgroup);
    runner().dispatch(stage, job.groups[0], job.groups[1], job.groups[2]);
    readBack(compiled, stage, job);
}

vgpu10::test::DrawResult run(GraphicsJob& job) {
    if (!job.glsl.contains(Stage::Vertex)) {
        job.glsl[Stage::Vertex] = GraphicsJob::kFullscreen;
        job.draw.vertexCount = 3;
        job.draw.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    }
    std::map<Stage, Compiled> compiled;
    uint32_t firstUav = 0;
    for (const auto& [stage, glsl] : job.glsl) { // in the pipeline's order
        std::vector<std::string> options{"--first-uav", std::to_string(firstUav)};
        const bool last = stage == Stage::Geometry || !job.glsl.contains(Stage::Geometry);
        if (!last || (stage == Stage::Vertex && job.glsl.contains(Stage::TessControl)))
            options.push_back("--not-last");
        if (job.perSample)
            options.push_back("--per-sample");
        if (stage == Stage::TessControl || stage == Stage::TessEvaluation) {
            const Stage other = stage == Stage::TessControl ? Stage::TessEvaluation : Stage::TessControl;
            const ModuleFile file(toSpirv(other, job.glsl.at(other)));
            options.insert(options.end(),
                           {"--other", file.path(), "--patch-vertices", std::to_string(job.draw.patchSize)});
            compiled[stage] = compileGlsl(stage, glsl, options);
        } else {
            compiled[stage] = compileGlsl(stage, glsl, options);
        }
        firstUav += compiled[stage].uavCount;
        vgpu10::test::StageJob bound = bind(compiled[stage], job);
        bound.constantBuffers[0][kFirstVertex] = job.draw.firstVertex;
        bound.constantBuffers[0][kFirstInstance] = job.draw.firstInstance;
        bound.options.vertexInputs = job.attributeTypes;
        std::copy_n(job.targetTypes.begin(), 8, bound.options.renderTargets.begin());
        bound.options.rasterizerSamples = job.draw.samples;
        switch (stage) {
        case Stage::Vertex:
            job.draw.vertex = std::move(bound);
            break;
        case Stage::TessControl:
            job.draw.hull = std::move(bound);
            break;
        case Stage::TessEvaluation:
            job.draw.domain = std::move(bound);
            break;
        case Stage::Geometry:
            job.draw.geometry = std::move(bound);
            break;
        default:
            job.draw.pixel = std::move(bound);
            break;
        }
    }
    vgpu10::test::DrawResult result = runner().draw(job.draw);
    for (const auto& [stage, c] : compiled)
        if (stage == Stage::Fragment)
            readBack(c, *job.draw.pixel, job);
    return result;
}

} // namespace svga::vulkan::test
