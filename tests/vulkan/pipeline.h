// SPDX-License-Identifier: MIT
#pragma once

#include "image.h"

#include "vulkan_compiler/glsl.h"

#include <array>
#include <map>
#include <optional>
#include <string>

namespace svga::test {

using vulkan::test::Stage;

/** \brief Whoever takes it destroys it. */
VkShaderModule createModule(const Gpu& gpu, Stage stage, const std::string& glsl);

struct PipelineInfo {
    std::map<Stage, std::string> glsl{};                  ///< of graphics stages, or compute alone
    std::vector<VkDescriptorSetLayoutBinding> bindings{}; ///< of set 0
    VkDescriptorSetLayoutCreateFlags setFlags = 0;
    std::vector<VkDescriptorType> mutableTypes{};         ///< of bindings of VK_DESCRIPTOR_TYPE_MUTABLE_EXT
    uint32_t pushed = 0;                                  ///< bytes of push constants
    const VkSpecializationInfo* specialisation = nullptr; ///< of all stages

    // What graphics pipelines alone have. Viewport and scissor are dynamic.
    std::vector<VkFormat> colors{VK_FORMAT_R8G8B8A8_UNORM};
    VkFormat depthStencilFormat = VK_FORMAT_UNDEFINED;
    VkPipelineDepthStencilStateCreateInfo depthStencil{};
    VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
    VkPrimitiveTopology topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    uint32_t patchSize = 0;
    VkCullModeFlags cull = VK_CULL_MODE_NONE;
    uint32_t viewMask = 0;
    std::optional<VkLogicOp> logicOp{};
    std::vector<VkDynamicState> dynamic{}; ///< besides
};

/** \brief A pipeline and what belongs to its descriptor set 0. Graphics needs VK_KHR_dynamic_rendering. */
class Pipeline {
public:
    Pipeline(Gpu& gpu, const PipelineInfo& info);
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    /** What write() takes for the type that the binding has; one of type VK_DESCRIPTOR_TYPE_MUTABLE_EXT has to be told.
     */
    static constexpr VkDescriptorType kOfLayout = VK_DESCRIPTOR_TYPE_MAX_ENUM;

    VkPipelineLayout layout() const { return layout_; }
    /** \brief A set that lives as long as the pipeline. */
    VkDescriptorSet allocate();
    void write(VkDescriptorSet set, uint32_t binding, const Buffer& buffer, VkDeviceSize offset = 0,
               VkDeviceSize range = VK_WHOLE_SIZE, VkDescriptorType type = kOfLayout) const;
    void write(VkDescriptorSet set, uint32_t binding, VkImageView view, VkSampler sampler = VK_NULL_HANDLE,
               VkDescriptorType type = kOfLayout) const;
    void bind(VkCommandBuffer commands, VkDescriptorSet set = VK_NULL_HANDLE,
              const std::vector<uint32_t>& dynamicOffsets = {}) const;

private:
    void createLayout();
    void createCompute(const VkPipelineShaderStageCreateInfo& stage);
    void createGraphics(std::span<const VkPipelineShaderStageCreateInfo> stages);
    VkWriteDescriptorSet writeOf(VkDescriptorSet set, uint32_t binding, VkDescriptorType type) const;

    Gpu& gpu_;
    PipelineInfo info_;
    VkPipelineBindPoint bindPoint_;
    VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
    VkPipelineLayout layout_ = VK_NULL_HANDLE;
    VkPipeline pipeline_ = VK_NULL_HANDLE;
};

/** \brief What is drawn to. */
struct Targets {
    VkExtent2D extent{16, 16};
    std::optional<VkRect2D> area{}; ///< all of them where there is none
    VkImageView color = VK_NULL_HANDLE, resolve = VK_NULL_HANDLE;
    VkImageView depth = VK_NULL_HANDLE, stencil = VK_NULL_HANDLE;
    VkImageView resolveDepthStencil = VK_NULL_HANDLE;             ///< sample zero
    std::optional<std::array<float, 4>> clearColor{{0, 0, 0, 1}}; ///< loaded where there is none
    std::optional<float> clearDepth = 1.0f;
    std::optional<uint32_t> clearStencil = 0u;
    uint32_t layers = 1, viewMask = 0;
    bool secondary = false; ///< what is drawn is in secondary command buffers
};

/** \brief Records a rendering, with viewport and scissor of the whole targets. */
void render(Gpu& gpu, VkCommandBuffer commands, const Targets& targets, const std::function<void()>& draws);

/** \brief What render() sets, for secondary command buffers. */
void setWholeViewport(VkCommandBuffer commands, VkExtent2D extent);

/** \brief A triangle that covers everything, at depth 0.5, from no vertices. */
extern const char* const kEverything;

} // namespace svga::test
