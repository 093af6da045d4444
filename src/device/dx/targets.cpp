// SPDX-License-Identifier: MIT
#include "device/dx/targets.h"

#include "device/dx/descriptors.h"
#include "device/dx/hash.h"

#include <algorithm>

namespace svga::device {

namespace {

/** \brief Sets the view of \p level and \p layers of \p attachment's surface. Leaves it null where they are out of
 * range. */
void makeView(Attachment& attachment, uint32_t level, uint32_t firstLayer, uint32_t layers) {
    const SurfaceDesc& desc = attachment.surface->desc();
    if (level >= desc.mipLevels)
        return;
    const VkImageType imageType = imageTypeOf(desc);
    const uint32_t total = imageType == VK_IMAGE_TYPE_3D ? std::max(desc.size.depth >> level, 1u) : desc.arraySize;
    if (firstLayer >= total || layers == 0)
        return;
    layers = std::min(layers, total - firstLayer);

    ImageViewKey key;
    const bool oneD = imageType == VK_IMAGE_TYPE_1D;
    key.type = layers > 1 ? (oneD ? VK_IMAGE_VIEW_TYPE_1D_ARRAY : VK_IMAGE_VIEW_TYPE_2D_ARRAY)
                          : (oneD ? VK_IMAGE_VIEW_TYPE_1D : VK_IMAGE_VIEW_TYPE_2D);
    key.format = attachment.format;
    key.aspect = attachment.aspects;
    key.firstLevel = level;
    key.firstLayer = firstLayer;
    key.layers = layers;
    attachment.view = attachment.surface->view(key);
    attachment.width = std::max(desc.size.width >> level, 1u);
    attachment.height = std::max(desc.size.height >> level, 1u);
    attachment.layers = layers;
    attachment.samples = std::max(desc.sampleCount, 1u);
}

VkRenderingAttachmentInfo attachmentInfo(VkImageView view, VkAttachmentLoadOp load, const VkClearValue& clear) {
    VkRenderingAttachmentInfo info{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
    info.imageView = view;
    info.imageLayout = VK_IMAGE_LAYOUT_GENERAL;
    info.loadOp = load;
    info.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    info.clearValue = clear;
    return info;
}

} // namespace

Attachment colorAttachment(const VulkanDevice& device, const SurfaceLookup& surfaces,
                           const SVGACOTableDXRTViewEntry& entry) {
    Attachment attachment;
    attachment.info = formatInfo(entry.format);
    attachment.surface = findSurface(surfaces, entry.sid);
    if (!attachment.info || !attachment.surface || attachment.surface->desc().isBuffer())
        return attachment;
    attachment.format = attachment.info->vulkan;
    attachment.aspects = VK_IMAGE_ASPECT_COLOR_BIT;
    if (!(device.formatProperties(attachment.format).optimalTilingFeatures & VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT) ||
        depthStencilAspects(attachment.surface->imageFormat()))
        return attachment;
    makeView(attachment, entry.desc.tex.mipSlice, entry.desc.tex.firstArraySlice, entry.desc.tex.arraySize);
    return attachment;
}

Attachment depthAttachment(const SurfaceLookup& surfaces, const SVGACOTableDXDSViewEntry& entry) {
    Attachment attachment;
    attachment.info = formatInfo(entry.format);
    attachment.surface = findSurface(surfaces, entry.sid);
    if (!attachment.info || !attachment.surface)
        return attachment;
    attachment.format = attachment.surface->imageFormat();
    attachment.aspects = depthStencilAspects(attachment.format);
    if (attachment.aspects == 0)
        return attachment;
    attachment.depthReadOnly = (entry.flags & SVGA3D_DXDSVIEW_CREATE_READ_ONLY_DEPTH) != 0;
    attachment.stencilReadOnly = (entry.flags & SVGA3D_DXDSVIEW_CREATE_READ_ONLY_STENCIL) != 0;
    makeView(attachment, entry.mipSlice, entry.firstArraySlice, entry.arraySize);
    return attachment;
}

void Targets::resolve(const VulkanDevice& device, const SurfaceLookup& surfaces, const DxContext& context,
                      VkExtent2D emptyExtent, uint32_t emptySamples) {
    colors = {};
    depth = {};
    colorCount = 0;
    extent = {UINT32_MAX, UINT32_MAX};
    samples = 0;
    // D3D wants all attachments to agree in size and samples; the smallest area and the first's samples rule.
    const auto fits = [this](const Attachment& attachment) {
        if (!attachment.view || (samples != 0 && attachment.samples != samples))
            return false;
        samples = attachment.samples;
        extent.width = std::min(extent.width, attachment.width);
        extent.height = std::min(extent.height, attachment.height);
        return true;
    };
    const auto& render = context.state.guest.renderState;
    for (uint32_t i = 0; i < colors.size(); ++i) {
        const auto entry = context.find<SVGACOTableDXRTViewEntry>(render.renderTargetViewIds[i]);
        if (!entry)
            continue;
        Attachment attachment = colorAttachment(device, surfaces, *entry);
        if (fits(attachment)) {
            colors[i] = std::move(attachment);
            colorCount = i + 1;
        }
    }
    if (const auto entry = context.find<SVGACOTableDXDSViewEntry>(render.depthStencilViewId)) {
        Attachment attachment = depthAttachment(surfaces, *entry);
        if (fits(attachment))
            depth = std::move(attachment);
    }
    if (samples == 0) {
        samples = emptySamples;
        extent = emptyExtent;
    }
    finishInfo(VK_ATTACHMENT_LOAD_OP_LOAD, VK_ATTACHMENT_LOAD_OP_LOAD, VK_ATTACHMENT_LOAD_OP_LOAD, {});
}

void Targets::clearOf(Attachment color, const VkClearColorValue& value) {
    extent = {color.width, color.height};
    samples = color.samples;
    colors = {};
    depth = {};
    colors[0] = std::move(color);
    colorCount = 1;
    VkClearValue clear{};
    clear.color = value;
    finishInfo(VK_ATTACHMENT_LOAD_OP_CLEAR, VK_ATTACHMENT_LOAD_OP_LOAD, VK_ATTACHMENT_LOAD_OP_LOAD, clear);
}

void Targets::clearOf(Attachment depthStencil, VkImageAspectFlags aspects, const VkClearDepthStencilValue& value) {
    extent = {depthStencil.width, depthStencil.height};
    samples = depthStencil.samples;
    colors = {};
    colorCount = 0;
    depth = std::move(depthStencil);
    VkClearValue clear{};
    clear.depthStencil = value;
    const auto load = [aspects](VkImageAspectFlags aspect) {
        return aspects & aspect ? VK_ATTACHMENT_LOAD_OP_CLEAR : VK_ATTACHMENT_LOAD_OP_LOAD;
    };
    finishInfo(VK_ATTACHMENT_LOAD_OP_LOAD, load(VK_IMAGE_ASPECT_DEPTH_BIT), load(VK_IMAGE_ASPECT_STENCIL_BIT), clear);
}

void Targets::finishInfo(VkAttachmentLoadOp colorLoad, VkAttachmentLoadOp depthLoad, VkAttachmentLoadOp stencilLoad,
                         const VkClearValue& clear) {
    uint32_t layers = UINT32_MAX;
    for (uint32_t i = 0; i < colorCount; ++i) {
        colorInfos_[i] = attachmentInfo(colors[i].view, colorLoad, clear);
        if (colors[i].view)
            layers = std::min(layers, colors[i].layers);
    }
    if (depth.view)
        layers = std::min(layers, depth.layers);
    depthInfo_ = attachmentInfo(depth.view, depthLoad, clear);
    stencilInfo_ = attachmentInfo(depth.view, stencilLoad, clear);

    info_ = {VK_STRUCTURE_TYPE_RENDERING_INFO};
    info_.renderArea.extent = extent;
    info_.layerCount = layers == UINT32_MAX ? 1 : layers;
    if (colorCount == 0)
        colorInfos_[0] = attachmentInfo(VK_NULL_HANDLE, colorLoad, clear);
    info_.colorAttachmentCount = std::max(colorCount, kFewestColorAttachments);
    info_.pColorAttachments = colorInfos_.data();
    info_.pDepthAttachment = depth.aspects & VK_IMAGE_ASPECT_DEPTH_BIT ? &depthInfo_ : nullptr;
    info_.pStencilAttachment = depth.aspects & VK_IMAGE_ASPECT_STENCIL_BIT ? &stencilInfo_ : nullptr;
}

uint64_t Targets::key() const {
    std::array<uint64_t, SVGA3D_DX_MAX_RENDER_TARGETS + 3> words{};
    for (uint32_t i = 0; i < colorCount; ++i)
        words[i] = uint64_t(colors[i].view);
    words[SVGA3D_DX_MAX_RENDER_TARGETS] = uint64_t(depth.view);
    words[SVGA3D_DX_MAX_RENDER_TARGETS + 1] = uint64_t(extent.width) << 32 | extent.height;
    words[SVGA3D_DX_MAX_RENDER_TARGETS + 2] = uint64_t(colorCount) << 32 | info_.layerCount;
    return hashBytes(words.data(), sizeof(words)) | 1;
}

} // namespace svga::device
