// SPDX-License-Identifier: MIT
/**
 * \file
 * Executes what command buffers recorded.
 *
 * To the runtime the executor is a command buffer itself, the only primary one (see device.h): replaying a recorded
 * command calls its implementation with the executor's handle, and all that the runtime does between an application's
 * command and a driver's - render passes made of dynamic rendering, old commands made of new ones, blits and clears
 * made of draws (vk_meta), dynamic state kept - it does here, at execution. So secondary command buffers, resubmission
 * and simultaneous use need nothing of their own.
 *
 * A command's implementation writes commands of the device. They run in one DX context, in order: a submission need not
 * wait for an earlier one.
 */
#pragma once

#include "vulkan/encoder.h"
#include "vulkan/graphics_state.h"
#include "vulkan/image.h"
#include "vulkan/query_pool.h"
#include "vulkan/resource_binder.h"
#include "vulkan/texel_programs.h"

#include <exception>
#include <memory>
#include <mutex>

#include "vk_meta.h"

namespace svga::vulkan {

struct Device;

/** \brief What is drawn to between vkCmdBeginRendering() and vkCmdEndRendering(). */
struct Rendering {
    std::array<ImageView*, SVGA3D_DX_MAX_RENDER_TARGETS> colors{};
    uint32_t colorCount = 0;
    ImageView* depth = nullptr;
    ImageView* stencil = nullptr;
    uint32_t viewMask = 0, layerCount = 0;
    VkRect2D area{};
    /// What is resolved at the end.
    std::vector<VkRenderingAttachmentInfo> resolvedColors;
    std::optional<VkRenderingAttachmentInfo> resolvedDepth, resolvedStencil;

    TargetInfo info() const;
};

/** \brief The queue's thread uses it; forget() any. */
class Executor : public vk_command_buffer {
public:
    /** \brief Throws Error, std::bad_alloc. */
    explicit Executor(Device& device);
    ~Executor();

    /** \brief The executor that a command is called for. */
    static Executor& from(VkCommandBuffer handle) { return as<Executor>(vk_command_buffer_from_handle(handle)); }

    /** \brief Replays \p recorded. Throws what commands throw. */
    void execute(vk_command_buffer& recorded);

    /** \brief Hands over what was written since. \return a fence for all that was ever handed over; null: it is done.
     * Throws Error. */
    winsys::Ref<winsys::Fence> submit();

    /** \brief Waits until the device has done all that was written. Throws Error. */
    void finish();

    /** \brief Nobody uses \p surface, or shader or query \p id, any more: before the next submission they go. Any
     * thread. */
    void forget(winsys::Surface& surface);
    void forgetShader(uint32_t id);
    void forgetQuery(uint32_t id);

    /** \brief Commands that bind. */
    void bindShader(gl_shader_stage stage, Shader* shader) { shaders_.at(stage) = shader; }
    void bindDescriptorSets(const VkBindDescriptorSetsInfoKHR& info);
    void push(const VkPushConstantsInfoKHR& info);
    /** \brief The set that descriptors are pushed to, at each bind point that \p stages are of. */
    template <typename Write>
    void pushDescriptors(VkShaderStageFlags stages, VkPipelineLayout layout, uint32_t set, Write&& write) {
        if (stages & VK_SHADER_STAGE_COMPUTE_BIT)
            write(pushedSet(compute_, layout, set));
        if (stages & VK_SHADER_STAGE_ALL_GRAPHICS)
            write(pushedSet(graphics_, layout, set));
    }

    void dispatch(const std::array<uint32_t, 3>& base, const std::array<uint32_t, 3>& count);
    void dispatchIndirect(const Buffer& buffer, uint64_t offset);

    void bindVertexBuffers(uint32_t first, std::span<const VkBuffer> buffers, std::span<const VkDeviceSize> offsets);
    void bindIndexBuffer(const Buffer& buffer, uint64_t offset, VkIndexType type);
    /** \param index of the draw among those of its command, as for other draws */
    void draw(uint32_t vertices, uint32_t instances, uint32_t firstVertex, uint32_t firstInstance, uint32_t index = 0);
    void drawIndexed(uint32_t indices, uint32_t instances, uint32_t firstIndex, int32_t vertexOffset,
                     uint32_t firstInstance, uint32_t index = 0);
    void drawIndirect(const Buffer& buffer, uint64_t offset, uint32_t index, bool indexed);

    void beginRendering(const VkRenderingInfo& info);
    void endRendering();
    /** \brief The rendering that has begun, for vk_meta's draws in it. */
    vk_meta_rendering_info metaRendering() const;

    /** \brief Copies bytes between buffer surfaces. */
    void copyBytes(winsys::Surface& to, uint64_t toOffset, winsys::Surface& from, uint64_t fromOffset, uint64_t size);
    /** \brief A buffer surface until the next command buffer begins. Throws Error. */
    winsys::Ref<winsys::Surface> scratch(uint64_t bytes);
    /** \brief Texels of an image become a buffer's. Only where TexelLayout knows them. */
    void copyToBuffer(const Image& image, const Buffer& buffer, const VkBufferImageCopy2& region,
                      const TexelLayout& layout);
    /** \brief Depth or stencil of a buffer becomes an image's that has both. */
    void copyToDepthOrStencil(const Buffer& buffer, const Image& image, const VkBufferImageCopy2& region);

    void beginQuery(QueryPool& pool, uint32_t index);
    void endQuery(QueryPool& pool, uint32_t index);
    void resetQueries(QueryPool& pool, uint32_t first, uint32_t count);
    void copyResults(QueryPool& pool, uint32_t first, uint32_t count, const Buffer& buffer, uint64_t offset,
                     uint64_t stride, VkQueryResultFlags flags);

    /** \brief Gives \p buffer, of vk_meta's, memory for as long as the submission takes. Throws Error. */
    std::byte* bindUpload(Buffer& buffer);

    Device& device() const;
    Encoder& encoder() { return encoder_; }
    UploadRing& uploads() { return uploads_; }

    /** \brief Runs a command's implementation: what it throws is thrown by execute(). */
    template <typename Work>
    static void run(VkCommandBuffer handle, Work&& work) {
        Executor& executor = from(handle);
        if (executor.failure_)
            return;
        try {
            work(executor);
        } catch (...) {
            // Not through the runtime's C code.
            executor.failure_ = std::current_exception();
        }
    }

private:
    friend class MetaScope;

    struct BoundSets : BindPoint {
        std::array<std::unique_ptr<DescriptorSet>, kMaxDescriptorSets> pushed;
    };

    DescriptorSet& pushedSet(BoundSets& at, VkPipelineLayout layout, uint32_t set);
    /** Gives up what nobody uses any more. */
    void dropForgotten();
    /** Puts the compute stage and its resources in place. \return whether there is something to dispatch. */
    bool prepareCompute(const DriverConstants& constants);
    /** Whether anything of a draw can come to be seen. */
    bool rasterizes() const;
    /** The draws that one draw takes, by the faces that they are for. */
    std::span<const Faces> passes() const;
    /** Puts all that a draw needs in place. \p view: of the rendering, or kAllLayers */
    void prepareDraw(const DriverConstants& constants, uint32_t view, Faces faces);
    /** Runs workgroups of a program of the driver's own. \p pushed: its push constants; \p views: by binding numbers */
    void runProgram(const Program& program, std::span<const std::byte> pushed, std::span<const uint32_t> views,
                    const std::array<uint32_t, 3>& groups);
    /** Runs \p program for the texels of \p copy. \p views: see TexelPrograms::kImage and so on */
    void runProgram(const Program& program, const TexelCopy& copy, std::span<const uint32_t> views);
    template <typename Emit>
    void draw(DriverConstants constants, Emit&& emit);
    void setIndexBuffer(winsys::Surface& surface, uint32_t offset, SVGA3dSurfaceFormat format);
    /** Whether 0xffff among the indices may name a vertex, which the device would take for the end of a primitive. */
    bool cutIndexIsVertex(int64_t vertexOffset) const;
    /** \p count 16-bit indices of the index buffer from number \p first on as 32-bit ones. */
    winsys::Surface& widenIndices(uint64_t first, uint32_t count);
    void bindTargets(uint32_t layer);
    bool clearWhole(const VkRenderingInfo& info);
    bool clearColor(const ImageView& view, uint32_t layer, const VkClearColorValue& value);
    void clearDepthStencil(const ImageView& view, uint32_t layer, VkImageAspectFlags aspects,
                           const VkClearDepthStencilValue& value);
    void forgetBound();

    std::exception_ptr failure_;
    Encoder encoder_;
    UploadRing uploads_;
    ContextObjects objects_;
    ResourceBinder binder_;
    GraphicsState graphicsState_;
    TexelPrograms texelPrograms_;
    std::vector<winsys::Ref<winsys::Surface>> scratch_; ///< of the driver's own, until the next command buffer

    std::array<Shader*, MESA_SHADER_STAGES> shaders_{};
    BoundSets graphics_, compute_;
    PushConstants pushConstants_{};
    std::array<VertexBuffer, SVGA3D_DX_MAX_VERTEXBUFFERS> vertexBuffers_;
    VertexBuffer indexBuffer_;
    SVGA3dSurfaceFormat indexFormat_ = SVGA3D_R32_UINT;
    winsys::Ref<winsys::Surface> wideIndices_; ///< of one draw after the other
    std::optional<Program> widening_;
    vk_vertex_input_state vertexInput_{}; ///< dynamic_graphics_state's, as what follows
    vk_sample_locations_state sampleLocations_{};
    Rendering rendering_;
    IdAllocator queryIds_;

    std::mutex forgottenMutex_;
    std::vector<const winsys::Surface*> forgottenSurfaces_;
    std::vector<uint32_t> forgottenShaders_, forgottenQueries_;
};

/** \brief While it lives, vk_meta may bind and set what it likes: all is as before after it. */
class MetaScope {
public:
    explicit MetaScope(Executor& executor);
    ~MetaScope();
    MetaScope(const MetaScope&) = delete;
    MetaScope& operator=(const MetaScope&) = delete;

private:
    Executor& executor_;
    vk_dynamic_graphics_state dynamic_;
    vk_vertex_input_state vertexInput_;
    vk_sample_locations_state sampleLocations_;
    std::array<Shader*, MESA_SHADER_STAGES> shaders_;
    VertexBuffer vertexBuffer_;
    PushConstants pushConstants_;
    Executor::BoundSets graphics_, compute_;
};

} // namespace svga::vulkan
