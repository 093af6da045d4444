// SPDX-License-Identifier: MIT
/**
 * \file
 * The one queue all drawing goes through.
 *
 * Commands are recorded on the command thread into the current command buffer; submit() hands it to Vulkan and gives
 * back a value of one timeline semaphore, on which any thread may wait. Memory that recorded commands use is kept alive
 * until the GPU is done with it: staging() memory by itself, other objects by keepAlive().
 *
 * Synchronisation model: every image stays in VK_IMAGE_LAYOUT_GENERAL, and a full memory barrier separates scopes (a
 * stretch of rendering, a transfer, a dispatch). That is right by construction; finer barriers are an optimisation.
 */
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace svga::device {

/**
 * \brief Color attachments that renderings and pipelines have at least, where need be one without an image.
 *
 * Once a pipeline has had none, lavapipe (Mesa 25.0) takes the first attachment's blending and write mask for all, up
 * to the end of the command buffer.
 */
inline constexpr uint32_t kFewestColorAttachments = 1;

class VulkanDevice;

/** \brief Host-visible, coherent memory for one transfer: write \p bytes before, or read them after, the submission. */
struct Staging {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceSize offset = 0;
    std::span<std::byte> bytes;
};

class GpuQueue {
public:
    /** \p device must outlive the queue. \throws Error */
    static std::unique_ptr<GpuQueue> create(const VulkanDevice& device);

    /** Waits for everything submitted. */
    virtual ~GpuQueue() = default;

    /** \brief The command buffer to record transfers and dispatches to: outside rendering, after a full barrier. */
    virtual VkCommandBuffer transfer() = 0;

    /**
     * \brief The command buffer to draw with: inside vkCmdBeginRendering(\p info).
     *
     * \p key names the rendering's attachments (never 0): while it stays the same and nothing else was recorded the
     * current rendering goes on. \p restarted tells that a new vkCmdBeginRendering was recorded, or a new command
     * buffer begun since the last call: all dynamic state must be set anew.
     */
    virtual VkCommandBuffer rendering(const VkRenderingInfo& info, uint64_t key, bool& restarted) = 0;

    /** \brief Ends rendering if one is open (before an attachment is destroyed, or bound as texture). */
    virtual void endRendering() = 0;

    /** \brief Memory for an upload or a readback of this submission, alignment 256. \throws Error when out of memory.
     */
    virtual Staging staging(VkDeviceSize size) = 0;

    /** \brief Bytes of staging memory that is not yet back: recorded or submitted, and not done. */
    virtual VkDeviceSize staged() const = 0;

    /** \brief Keeps \p object until everything recorded so far has completed. */
    virtual void keepAlive(std::shared_ptr<const void> object) = 0;

    /**
     * \brief Submits what is recorded (nothing is fine) and returns the timeline value that is reached when it is done.
     *
     * What the GPU wrote to host-visible memory can then be read by the host. \throws Error when the Vulkan device is
     * lost.
     */
    virtual uint64_t submit() = 0;

    /** \brief Waits until \p value is reached. Any thread. \throws Error when the Vulkan device is lost. */
    virtual void wait(uint64_t value) = 0;

    void finish() { wait(submit()); }
};

} // namespace svga::device
