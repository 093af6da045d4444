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
#include "vulkan/resource_binder.h"

#include <exception>
#include <memory>
#include <mutex>

namespace svga::vulkan {

struct Device;

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

    /** \brief Nobody uses \p surface, or shader \p id, any more: before the next submission they go. Any thread. */
    void forget(winsys::Surface& surface);
    void forgetShader(uint32_t id);

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
    struct BoundSets : BindPoint {
        std::array<std::unique_ptr<DescriptorSet>, kMaxDescriptorSets> pushed;
    };

    DescriptorSet& pushedSet(BoundSets& at, VkPipelineLayout layout, uint32_t set);
    /** Gives up what nobody uses any more. */
    void dropForgotten();
    /** Puts the compute stage and its resources in place. \return whether there is something to dispatch. */
    bool prepareCompute(const DriverConstants& constants);

    std::exception_ptr failure_;
    Encoder encoder_;
    UploadRing uploads_;
    ContextObjects objects_;
    ResourceBinder binder_;

    std::array<Shader*, MESA_SHADER_STAGES> shaders_{};
    BoundSets graphics_, compute_;
    PushConstants pushConstants_{};

    std::mutex forgottenMutex_;
    std::vector<const winsys::Surface*> forgottenSurfaces_;
    std::vector<uint32_t> forgottenShaders_;
};

} // namespace svga::vulkan
