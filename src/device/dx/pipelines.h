// SPDX-License-Identifier: MIT
/**
 * \file
 * Graphics and compute pipelines and their layouts, by value.
 *
 * What Vulkan lets be dynamic is set at each draw (see DynamicState in draw_state.h); the rest is in PipelineKey.
 */
#pragma once

#include "device/dx/hash.h"
#include "device/dx/shader_cache.h"
#include "device/vulkan/gpu_queue.h"

#include <array>
#include <bitset>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace svga::device {

inline constexpr uint32_t kMaxRenderTargets = SVGA3D_DX_MAX_RENDER_TARGETS;
inline constexpr std::array kGraphicsStages = {vgpu10::Stage::Vertex, vgpu10::Stage::Hull, vgpu10::Stage::Domain,
                                               vgpu10::Stage::Geometry, vgpu10::Stage::Pixel};

/** \brief One resource a pipeline's shaders use: where it is bound in the context, and where in the descriptor set. */
struct ResourceUse {
    enum class Kind : uint32_t { ConstantBuffer, Sampler, ShaderResource, Uav };
    vgpu10::Stage stage;
    Kind kind;
    uint32_t slot;
    uint32_t binding;
    VkDescriptorType type;
    vgpu10::ResourceDimension dimension = vgpu10::ResourceDimension::Unknown;
    bool comparison = false;                                               ///< samplers
    std::bitset<vgpu10::BindingLayout::kShaderResourceCount> sampled = {}; ///< samplers: slots of what they sample
};

struct PipelineLayout {
    std::vector<ResourceUse> uses;
    VkDescriptorSetLayout set = VK_NULL_HANDLE;
    VkPipelineLayout handle = VK_NULL_HANDLE;
};

/** \brief Everything a graphics pipeline is made from. Words only, so that it can be compared by its bytes. */
struct PipelineKey {
    struct Blend {
        uint32_t enable, srcColor, dstColor, colorOp, srcAlpha, dstAlpha, alphaOp, writeMask;
    };
    std::array<const ShaderVariant*, vgpu10::kStageCount> stages{}; ///< by vgpu10::Stage; null: none
    std::array<uint32_t, kMaxRenderTargets> colorFormats{};         ///< VkFormat
    std::array<Blend, kMaxRenderTargets> blend{};
    uint32_t colorCount = 0;
    uint32_t depthFormat = 0, stencilFormat = 0;
    uint32_t samples = 1;
    uint32_t sampleMask = UINT32_MAX;
    uint32_t alphaToCoverage = 0;
    uint32_t logicOpEnable = 0, logicOp = 0;
    uint32_t topologyClass = 0, patchControlPoints = 0;
    uint32_t polygonMode = 0;
    uint32_t depthClip = 1;
    uint32_t provokingVertexLast = 0;
    uint32_t rasterizerDiscard = 0;
    uint32_t rasterizedStream = 0;
    uint32_t lineMode = 0;                          ///< VkLineRasterizationModeEXT
    uint32_t stippleFactor = 0, stipplePattern = 0; ///< factor 0: no stipple
};

struct Pipeline {
    VkPipeline handle = VK_NULL_HANDLE;
    const PipelineLayout* layout = nullptr;
};

class Pipelines {
public:
    Pipelines(const VulkanDevice& device, GpuQueue& queue);
    ~Pipelines();
    Pipelines(const Pipelines&) = delete;
    Pipelines& operator=(const Pipelines&) = delete;

    /**
     * \brief The pipeline for \p key, made when it is first asked for; good until the next call.
     *
     * \p shaders are kept as long as the pipeline: \p key points into them. \throws Error when Vulkan refuses.
     */
    const Pipeline& graphics(const PipelineKey& key, const std::vector<std::shared_ptr<Shader>>& shaders);
    const Pipeline& compute(const ShaderVariant& variant, const std::shared_ptr<Shader>& shader);

private:
    struct Entry {
        Pipeline pipeline;
        std::vector<std::shared_ptr<Shader>> shaders;
    };

    const PipelineLayout& layoutOf(const std::vector<const ShaderVariant*>& variants);
    VkPipeline create(const PipelineKey& key, const PipelineLayout& layout);
    void clearIfFull();
    void clear();

    const VulkanDevice& device_;
    GpuQueue& queue_;
    VkPipelineCache cache_ = VK_NULL_HANDLE;
    std::unordered_map<PipelineKey, Entry, BytesHash<PipelineKey>, BytesEqual<PipelineKey>> graphics_;
    std::unordered_map<const ShaderVariant*, Entry> compute_;
    std::map<std::vector<uint32_t>, std::unique_ptr<PipelineLayout>> layouts_;
};

} // namespace svga::device
