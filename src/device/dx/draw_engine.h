// SPDX-License-Identifier: MIT
/**
 * \file
 * Drawing: from what a context has bound to recorded Vulkan commands.
 */
#pragma once

#include "device/dx/convert.h"
#include "device/dx/descriptors.h"
#include "device/dx/pipelines.h"
#include "device/dx/queries.h"
#include "device/dx/stream_output.h"
#include "device/dx/targets.h"
#include "device/vulkan/surface_manager.h"

#include <array>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace svga::device {

/** \brief One draw command. */
struct DrawCall {
    enum class Kind { Plain, Indexed, Indirect, IndexedIndirect, Auto };
    Kind kind = Kind::Plain;
    uint32_t count = 0, instances = 1; ///< vertices or indices
    uint32_t first = 0;                ///< vertex or index
    int32_t baseVertex = 0;
    uint32_t firstInstance = 0;
    uint32_t argumentsSid = SVGA3D_INVALID_ID; ///< indirect: surface and byte offset of the arguments
    uint32_t argumentsOffset = 0;

    bool indexed() const { return kind == Kind::Indexed || kind == Kind::IndexedIndirect; }
};

/** \brief Vulkan's dynamic state of a draw, as plain words: set again only where it differs from the last draw's. */
struct DynamicState {
    std::array<VkViewport, SVGA3D_DX_MAX_VIEWPORTS> viewports{};
    std::array<VkRect2D, SVGA3D_DX_MAX_SCISSORRECTS> scissors{};
    uint32_t viewportCount = 1;
    float lineWidth = 1.0f;
    float depthBias = 0, depthBiasClamp = 0, depthBiasSlope = 0;
    float blendConstants[4] = {};
    VkBool32 depthBiasEnable = false;
    VkBool32 depthTest = false, depthWrite = false, stencilTest = false;
    VkCompareOp depthCompare = VK_COMPARE_OP_ALWAYS;
    VkStencilOpState front{}, back{};
    VkCullModeFlags cullMode = VK_CULL_MODE_NONE;
    VkFrontFace frontFace = VK_FRONT_FACE_CLOCKWISE;
    VkPrimitiveTopology topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    VkBool32 primitiveRestart = false;
};

/** \brief Vertex buffers and attributes: one Vulkan binding for each distinct (slot, class, step rate) of the layout.
 */
struct VertexInput {
    struct Binding {
        VkBuffer buffer;
        VkDeviceSize offset, size;
        uint32_t stride, divisor, perInstance, slot;
    };
    std::array<Binding, 32> bindings{};
    std::array<VkVertexInputAttributeDescription2EXT, 32> attributes{};
    uint32_t bindingCount = 0, attributeCount = 0;
    std::array<vgpu10::NumericType, 32> types{}; ///< by register
};

class DrawEngine {
public:
    DrawEngine(const VulkanDevice& device, GpuQueue& queue, const MobLookup& mobs, SurfaceManager& surfaces);

    /** \brief Draws; does nothing where what is bound cannot draw (logged once per reason). \throws Error for a lost
     * device. */
    void draw(DxContext& context, const DrawCall& call);
    void dispatch(DxContext& context, const std::array<uint32_t, 3>& groups);
    void dispatchIndirect(DxContext& context, uint32_t argumentsSid, uint32_t argumentsOffset);

    void clearColor(const SVGACOTableDXRTViewEntry& view, const SVGA3dRGBAFloat& color);
    void clearDepthStencil(const SVGACOTableDXDSViewEntry& view, bool depth, bool stencil, float depthValue,
                           uint8_t stencilValue);
    /** \brief Whether \p context's predicate has rendering skipped. May wait for the GPU. */
    bool predicateSkips(DxContext& context);

    Queries& queries() { return queries_; }
    StreamOutputs& streamOutputs() { return streamOutputs_; }
    SurfaceManager& surfaces() { return surfaces_; }
    const MobLookup& mobs() const { return mobs_; }
    GpuQueue& queue() { return queue_; }

private:
    struct Shaders {
        std::array<std::shared_ptr<Shader>, vgpu10::kStageCount> stages;
        std::array<const ShaderVariant*, vgpu10::kStageCount> variants{};
    };
    /// A draw with its buffers found and its range checked.
    struct DrawSource {
        DrawCall call;
        std::shared_ptr<Surface> indices, arguments;
        VkDeviceSize indexOffset = 0, indexSize = 0;
        VkIndexType indexType = VK_INDEX_TYPE_UINT16;
        VkDeviceSize counter = 0; ///< Auto: offset of the vertex buffer's fill position
        uint32_t counterBase = 0, vertexStride = 0;
    };
    /// The state objects bound, or D3D's defaults.
    struct States {
        SVGACOTableDXBlendStateEntry blend;
        SVGACOTableDXDepthStencilEntry depthStencil;
        SVGACOTableDXRasterizerStateEntry rasterizer;
    };

    /// A draw that is found sound, up to what it is recorded with.
    struct DrawPass {
        Shaders shaders;
        VertexInput vertices;
        Topology topology;
        States states;
        DrawSource source;
        std::vector<std::shared_ptr<QueryRun>> runs; ///< that are counting
        bool streams = false, discard = false;
        uint32_t rasterizedStream = 0;
        /// Whole pixels: the one sample that is drawn, where pixels are to be seen from its place. Else all are.
        std::optional<uint32_t> sample;
    };

    void record(DxContext& context, const DrawCall& call);
    void record(DxContext& context, const DrawPass& pass);
    bool selectShaders(DxContext& context, const Topology& topology, Shaders& out);
    bool translate(Shaders& shaders, const VertexInput& vertices, const States& states,
                   const vgpu10::StreamOutput* output, bool wholePixels);
    /// Whether multisampling is off for triangles that are drawn to a multisampled target: a pixel has all its samples
    /// or none.
    bool drawsWholePixels(const DrawPass& pass) const;
    States statesOf(const DxContext& context) const;
    VertexInput vertexInputOf(const DxContext& context);
    PipelineKey pipelineKey(const DxContext& context, const DrawPass& pass) const;
    PipelineKey::Blend blendKey(const SVGA3dDXBlendStatePerRT& blend, const Attachment& target, bool written) const;
    DynamicState dynamicState(const DxContext& context, const Topology& topology, const States& states) const;
    VkExtent2D emptyExtent(const DxContext& context) const;

    void setDynamicState(VkCommandBuffer commands, const DynamicState& state);
    void setVertexInput(VkCommandBuffer commands, const VertexInput& input);
    void bindDescriptors(VkCommandBuffer commands, VkPipelineBindPoint point, const PipelineLayout& layout);
    bool resolveSource(const DxContext& context, DrawCall call, DrawSource& out);
    void issue(VkCommandBuffer commands, const DrawSource& source);
    template <typename Record>
    void compute(DxContext& context, Record&& record);
    void logSkipped(const DxContext& context, const char* what, const Error& error);

    const VulkanDevice& device_;
    GpuQueue& queue_;
    const MobLookup& mobs_;
    SurfaceManager& surfaces_;
    ShaderCache shaderCache_;
    Pipelines pipelines_;
    Samplers samplers_;
    DescriptorSets descriptorSets_;
    ResourceResolver resolver_;
    Queries queries_;
    StreamOutputs streamOutputs_;
    Targets targets_;
    uint64_t clearKey_ = 0;

    // What the last draw of the current rendering has set; void once rendering is restarted.
    VkPipeline lastPipeline_ = VK_NULL_HANDLE;
    const PipelineLayout* lastLayout_ = nullptr;
    std::vector<Descriptor> lastDescriptors_;
    DynamicState lastDynamic_;
    VertexInput lastVertices_;
    std::vector<Descriptor> descriptors_;
    std::unordered_set<std::string> logged_;
};

} // namespace svga::device
