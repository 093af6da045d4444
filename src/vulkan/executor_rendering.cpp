// SPDX-License-Identifier: MIT
//
// What is drawn to: renderings begin, clear, end and resolve. Render passes are made of these by the runtime.
#include "vulkan/device.h"
#include "vulkan/executor.h"
#include "vulkan/image.h"

#include <svga3d_dx.h>

#include <algorithm>

#include "util/bitscan.h"
#include "vk_format.h"

namespace svga::vulkan {

namespace {

ImageView* viewOf(const VkRenderingAttachmentInfo* attachment) {
    if (!attachment || !attachment->imageView)
        return nullptr;
    return &as<ImageView>(vk_image_view_from_handle(attachment->imageView));
}

bool resolves(const VkRenderingAttachmentInfo* attachment) {
    return attachment && attachment->imageView && attachment->resolveMode != VK_RESOLVE_MODE_NONE &&
           attachment->resolveImageView;
}

/** Whether a clear of \p area is one of all of \p view. */
bool covers(const VkRect2D& area, const ImageView& view) {
    const uint32_t width = view.extent.width, height = view.extent.height;
    return area.offset.x <= 0 && area.offset.y <= 0 && area.offset.x + int64_t{area.extent.width} >= width &&
           area.offset.y + int64_t{area.extent.height} >= height;
}

/** The device takes colors as floats. \return whether \p value, of \p format, is one. */
bool toFloats(VkFormat format, const VkClearColorValue& value, float* floats) {
    for (int i = 0; i < 4; ++i) {
        if (vk_format_is_uint(format)) {
            floats[i] = static_cast<float>(value.uint32[i]);
            if (value.uint32[i] > 1u << 24)
                return false;
        } else if (vk_format_is_sint(format)) {
            floats[i] = static_cast<float>(value.int32[i]);
            if (std::abs(int64_t{value.int32[i]}) > 1 << 24)
                return false;
        } else {
            floats[i] = value.float32[i];
        }
    }
    return true;
}

} // namespace

TargetInfo Rendering::info() const {
    TargetInfo info;
    info.hasDepth = depth;
    info.hasStencil = stencil;
    for (const ImageView* view :
         {colors[0], colors[1], colors[2], colors[3], colors[4], colors[5], colors[6], colors[7], depth, stencil})
        if (view)
            info.samples = std::max<uint32_t>(info.samples, view->image->samples);
    return info;
}

void Executor::bindTargets(uint32_t layer) {
    std::array<uint32_t, SVGA3D_DX_MAX_RENDER_TARGETS> ids;
    ids.fill(SVGA3D_INVALID_ID);
    for (uint32_t i = 0; i < rendering_.colorCount; ++i)
        if (rendering_.colors[i])
            ids[i] = rendering_.colors[i]->renderTarget(objects_, layer);
    const ImageView* depthStencil = rendering_.depth ? rendering_.depth : rendering_.stencil;
    const uint32_t depthId = depthStencil ? depthStencil->depthStencil(objects_, layer) : SVGA3D_INVALID_ID;
    graphicsState_.setTargets(std::span(ids).first(rendering_.colorCount), depthId);
}

bool Executor::clearColor(const ImageView& view, uint32_t layer, const VkClearColorValue& value) {
    float floats[4];
    if (!toFloats(view.format, value, floats))
        return false;
    const uint32_t id = view.renderTarget(objects_, layer);
    encoder_.emit<SVGA3dCmdDXClearRenderTargetView>(SVGA_3D_CMD_DX_CLEAR_RENDERTARGET_VIEW, 0, [&](auto& body) {
        body.renderTargetViewId = id;
        std::memcpy(&body.rgba, floats, sizeof(floats));
    });
    return true;
}

void Executor::clearDepthStencil(const ImageView& view, uint32_t layer, VkImageAspectFlags aspects,
                                 const VkClearDepthStencilValue& value) {
    const uint32_t id = view.depthStencil(objects_, layer);
    encoder_.emit<SVGA3dCmdDXClearDepthStencilView>(SVGA_3D_CMD_DX_CLEAR_DEPTHSTENCIL_VIEW, 0, [&](auto& body) {
        body.flags = static_cast<uint16_t>((aspects & VK_IMAGE_ASPECT_DEPTH_BIT ? SVGA3D_CLEAR_DEPTH : 0) |
                                           (aspects & VK_IMAGE_ASPECT_STENCIL_BIT ? SVGA3D_CLEAR_STENCIL : 0));
        body.stencil = static_cast<uint16_t>(value.stencil);
        body.depthStencilViewId = id;
        body.depth = value.depth;
    });
}

/** Clears by clearing whole views. \return whether that could be done; nothing is cleared where not. */
bool Executor::clearWhole(const VkRenderingInfo& info) {
    const auto clears = [](const VkRenderingAttachmentInfo* attachment) {
        return attachment && attachment->imageView && attachment->loadOp == VK_ATTACHMENT_LOAD_OP_CLEAR;
    };
    const auto whole = [&](const VkRenderingAttachmentInfo& attachment) {
        const ImageView& view = *viewOf(&attachment);
        float unused[4];
        return covers(info.renderArea, view) && (info.viewMask || info.layerCount >= view.layer_count) &&
               (view.aspects != VK_IMAGE_ASPECT_COLOR_BIT ||
                toFloats(view.format, attachment.clearValue.color, unused));
    };
    for (uint32_t i = 0; i < info.colorAttachmentCount; ++i)
        if (clears(&info.pColorAttachments[i]) && !whole(info.pColorAttachments[i]))
            return false;
    for (const VkRenderingAttachmentInfo* attachment : {info.pDepthAttachment, info.pStencilAttachment})
        if (clears(attachment) && !whole(*attachment))
            return false;
    uint32_t views = info.viewMask ? info.viewMask : 1;
    while (views) {
        const auto bit = static_cast<uint32_t>(u_bit_scan(&views));
        const uint32_t layer = info.viewMask ? bit : kAllLayers;
        for (uint32_t i = 0; i < info.colorAttachmentCount; ++i)
            if (clears(&info.pColorAttachments[i]))
                clearColor(*viewOf(&info.pColorAttachments[i]), layer, info.pColorAttachments[i].clearValue.color);
        if (clears(info.pDepthAttachment))
            clearDepthStencil(*viewOf(info.pDepthAttachment), layer, VK_IMAGE_ASPECT_DEPTH_BIT,
                              info.pDepthAttachment->clearValue.depthStencil);
        if (clears(info.pStencilAttachment))
            clearDepthStencil(*viewOf(info.pStencilAttachment), layer, VK_IMAGE_ASPECT_STENCIL_BIT,
                              info.pStencilAttachment->clearValue.depthStencil);
    }
    return true;
}

void Executor::beginRendering(const VkRenderingInfo& info) {
    rendering_ = {};
    rendering_.colorCount = std::min<uint32_t>(info.colorAttachmentCount, SVGA3D_DX_MAX_RENDER_TARGETS);
    for (uint32_t i = 0; i < rendering_.colorCount; ++i)
        rendering_.colors[i] = viewOf(&info.pColorAttachments[i]);
    rendering_.depth = viewOf(info.pDepthAttachment);
    rendering_.stencil = viewOf(info.pStencilAttachment);
    rendering_.viewMask = info.viewMask;
    rendering_.layerCount = info.layerCount;
    rendering_.area = info.renderArea;
    if (!(info.flags & VK_RENDERING_SUSPENDING_BIT)) {
        for (uint32_t i = 0; i < rendering_.colorCount; ++i)
            if (resolves(&info.pColorAttachments[i]))
                rendering_.resolvedColors.push_back(info.pColorAttachments[i]);
        if (resolves(info.pDepthAttachment))
            rendering_.resolvedDepth = *info.pDepthAttachment;
        if (resolves(info.pStencilAttachment))
            rendering_.resolvedStencil = *info.pStencilAttachment;
    }
    if (info.flags & VK_RENDERING_RESUMING_BIT)
        return;
    if (!clearWhole(info)) {
        const MetaScope meta(*this);
        vk_meta_clear_rendering(&device().meta, this, &info);
    }
}

void Executor::endRendering() {
    const Rendering done = std::exchange(rendering_, {});
    if (done.resolvedColors.empty() && !done.resolvedDepth && !done.resolvedStencil)
        return;
    // By draws: vmwgfx lets no program send DX_RESOLVE_COPY.
    VkRenderingInfo info{};
    info.sType = VK_STRUCTURE_TYPE_RENDERING_INFO;
    info.renderArea = done.area;
    info.layerCount = done.layerCount;
    info.viewMask = done.viewMask;
    info.colorAttachmentCount = static_cast<uint32_t>(done.resolvedColors.size());
    info.pColorAttachments = done.resolvedColors.data();
    info.pDepthAttachment = done.resolvedDepth ? &*done.resolvedDepth : nullptr;
    info.pStencilAttachment = done.resolvedStencil ? &*done.resolvedStencil : nullptr;
    const MetaScope meta(*this);
    vk_meta_resolve_rendering(this, &device().meta, &info);
}

vk_meta_rendering_info Executor::metaRendering() const {
    vk_meta_rendering_info info{};
    info.view_mask = rendering_.viewMask;
    info.samples = rendering_.info().samples;
    info.color_attachment_count = rendering_.colorCount;
    for (uint32_t i = 0; i < rendering_.colorCount; ++i) {
        info.color_attachment_formats[i] = rendering_.colors[i] ? rendering_.colors[i]->format : VK_FORMAT_UNDEFINED;
        info.color_attachment_write_masks[i] = 0xf;
    }
    if (rendering_.depth)
        info.depth_attachment_format = rendering_.depth->format;
    if (rendering_.stencil)
        info.stencil_attachment_format = rendering_.stencil->format;
    return info;
}

MetaScope::MetaScope(Executor& executor)
    : executor_(executor)
    , dynamic_(executor.dynamic_graphics_state)
    , vertexInput_(executor.vertexInput_)
    , sampleLocations_(executor.sampleLocations_)
    , shaders_(executor.shaders_)
    , vertexBuffer_(executor.vertexBuffers_[0])
    , pushConstants_(executor.pushConstants_)
    , graphics_(std::exchange(executor.graphics_, {}))
    , compute_(std::exchange(executor.compute_, {})) {}

MetaScope::~MetaScope() {
    executor_.dynamic_graphics_state = dynamic_;
    executor_.vertexInput_ = vertexInput_;
    executor_.sampleLocations_ = sampleLocations_;
    executor_.shaders_ = shaders_;
    executor_.vertexBuffers_[0] = vertexBuffer_;
    executor_.pushConstants_ = pushConstants_;
    executor_.graphics_ = std::move(graphics_);
    executor_.compute_ = std::move(compute_);
}

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR void VKAPI_CALL svga_CmdBeginRendering(VkCommandBuffer handle, const VkRenderingInfo* info) {
    Executor::run(handle, [&](Executor& executor) { executor.beginRendering(*info); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdEndRendering(VkCommandBuffer handle) {
    Executor::run(handle, [&](Executor& executor) { executor.endRendering(); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdClearAttachments(VkCommandBuffer handle, uint32_t count,
                                                    const VkClearAttachment* attachments, uint32_t rectCount,
                                                    const VkClearRect* rects) {
    Executor::run(handle, [&](Executor& executor) {
        const vk_meta_rendering_info rendering = executor.metaRendering();
        const MetaScope meta(executor);
        vk_meta_clear_attachments(&executor, &executor.device().meta, &rendering, count, attachments, rectCount, rects);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdClearDepthStencilImage(VkCommandBuffer handle, VkImage image, VkImageLayout layout,
                                                          const VkClearDepthStencilValue* value, uint32_t rangeCount,
                                                          const VkImageSubresourceRange* ranges) {
    Executor::run(handle, [&](Executor& executor) {
        const MetaScope meta(executor);
        vk_meta_clear_depth_stencil_image(&executor, &executor.device().meta, vk_image_from_handle(image), layout,
                                          value, rangeCount, ranges);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdBlitImage2(VkCommandBuffer handle, const VkBlitImageInfo2* info) {
    Executor::run(handle, [&](Executor& executor) {
        const MetaScope meta(executor);
        vk_meta_blit_image2(&executor, &executor.device().meta, info);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdResolveImage2(VkCommandBuffer handle, const VkResolveImageInfo2* info) {
    Executor::run(handle, [&](Executor& executor) {
        const MetaScope meta(executor);
        vk_meta_resolve_image2(&executor, &executor.device().meta, info);
    });
}

} // extern "C"
