// SPDX-License-Identifier: MIT
/**
 * \file
 * Render target and depth stencil views as attachments of Vulkan's dynamic rendering.
 */
#pragma once

#include "device/dx/dx_context.h"
#include "device/vulkan/format.h"
#include "device/vulkan/gpu_queue.h"
#include "device/vulkan/surface.h"

#include <array>
#include <memory>

namespace svga::device {

/** \brief One attachment; \c view is null where nothing (usable) is bound. */
struct Attachment {
    std::shared_ptr<Surface> surface;
    VkImageView view = VK_NULL_HANDLE;
    VkFormat format = VK_FORMAT_UNDEFINED;
    VkImageAspectFlags aspects = 0;
    const FormatInfo* info = nullptr;
    uint32_t width = 0, height = 0, layers = 0, samples = 1;
    bool depthReadOnly = false, stencilReadOnly = false;
};

/** \brief The attachment that \p entry describes; without a view where its surface is gone or cannot be rendered to. */
Attachment colorAttachment(const VulkanDevice& device, const SurfaceLookup& surfaces,
                           const SVGACOTableDXRTViewEntry& entry);
Attachment depthAttachment(const SurfaceLookup& surfaces, const SVGACOTableDXDSViewEntry& entry);

/** \brief A set of attachments, and the VkRenderingInfo that names them. Stays where it is: the info points into it. */
class Targets {
public:
    Targets() = default;
    Targets(const Targets&) = delete;
    Targets& operator=(const Targets&) = delete;

    /** \brief What \p context has bound. \p emptyExtent is the area where it has nothing bound. */
    void resolve(const VulkanDevice& device, const SurfaceLookup& surfaces, const DxContext& context,
                 VkExtent2D emptyExtent, uint32_t emptySamples);
    /** \brief One attachment alone, to be cleared when rendering begins. */
    void clearOf(Attachment color, const VkClearColorValue& value);
    void clearOf(Attachment depth, VkImageAspectFlags aspects, const VkClearDepthStencilValue& value);

    const VkRenderingInfo& info() const { return info_; }
    /** \brief GpuQueue::rendering()'s key: the same for the same attachments, never 0. */
    uint64_t key() const;

    std::array<Attachment, SVGA3D_DX_MAX_RENDER_TARGETS> colors;
    uint32_t colorCount = 0; ///< slots up to the last that is bound
    Attachment depth;
    VkExtent2D extent{};
    uint32_t samples = 1;

private:
    void finishInfo(VkAttachmentLoadOp colorLoad, VkAttachmentLoadOp depthLoad, VkAttachmentLoadOp stencilLoad,
                    const VkClearValue& clear);

    std::array<VkRenderingAttachmentInfo, SVGA3D_DX_MAX_RENDER_TARGETS> colorInfos_{};
    VkRenderingAttachmentInfo depthInfo_{}, stencilInfo_{};
    VkRenderingInfo info_{};
};

} // namespace svga::device
