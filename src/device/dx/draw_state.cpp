// SPDX-License-Identifier: MIT
/**
 * \file
 * DrawEngine: what D3D's state means to Vulkan, as a pipeline key, dynamic state and vertex input. Nothing is recorded
 * here but that state.
 */
#include "device/dx/draw_engine.h"

#include <VGPU10ShaderTokens.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace svga::device {

using vgpu10::Stage;

namespace {

/// D3D10's default states, where nothing (defined) is bound. 0 in an entry means the same, see convert.h.
SVGACOTableDXDepthStencilEntry defaultDepthStencil() {
    SVGACOTableDXDepthStencilEntry entry{};
    entry.depthEnable = 1;
    entry.depthWriteMask = SVGA3D_DEPTH_WRITE_MASK_ALL;
    entry.depthFunc = SVGA3D_COMPARISON_LESS;
    entry.stencilReadMask = entry.stencilWriteMask = 0xff;
    return entry;
}

SVGACOTableDXRasterizerStateEntry defaultRasterizer() {
    SVGACOTableDXRasterizerStateEntry entry{};
    entry.fillMode = SVGA3D_FILLMODE_FILL;
    entry.cullMode = SVGA3D_CULL_BACK;
    entry.depthClipEnable = 1;
    entry.lineWidth = 1.0f;
    return entry;
}

SVGACOTableDXBlendStateEntry defaultBlend() {
    SVGACOTableDXBlendStateEntry entry{};
    for (auto& target : entry.perRT)
        target.renderTargetWriteMask = SVGA3D_COLOR_WRITE_ENABLE_ALL;
    return entry;
}

VkStencilOpState stencilFace(const SVGACOTableDXDepthStencilEntry& state, bool front, uint32_t reference) {
    VkStencilOpState face{};
    face.failOp = stencilOp(front ? state.frontStencilFailOp : state.backStencilFailOp);
    face.passOp = stencilOp(front ? state.frontStencilPassOp : state.backStencilPassOp);
    face.depthFailOp = stencilOp(front ? state.frontStencilDepthFailOp : state.backStencilDepthFailOp);
    face.compareOp = compareOp(front ? state.frontStencilFunc : state.backStencilFunc, VK_COMPARE_OP_ALWAYS);
    face.compareMask = state.stencilReadMask;
    face.writeMask = state.stencilWriteMask;
    face.reference = reference & 0xff;
    return face;
}

/** \brief A face whose tests are off: all pass, nothing is written. */
VkStencilOpState idleStencilFace() {
    VkStencilOpState face{};
    face.compareOp = VK_COMPARE_OP_ALWAYS;
    return face;
}

float finite(float value) {
    return std::isfinite(value) ? value : 0.0f;
}

/** \brief D3D's viewport in Vulkan's terms: y upwards, so of negative height. */
VkViewport viewportOf(const SVGA3dViewport& source, const VkPhysicalDeviceLimits& limits) {
    const float low = limits.viewportBoundsRange[0], high = limits.viewportBoundsRange[1];
    VkViewport viewport{};
    viewport.x = std::clamp(finite(source.x), low, high);
    viewport.width = std::clamp(finite(source.width), 1.0f / 256, float(limits.maxViewportDimensions[0]));
    const float height = std::clamp(finite(source.height), 0.0f, float(limits.maxViewportDimensions[1]));
    viewport.y = std::clamp(finite(source.y) + height, low, high);
    viewport.height = -height;
    viewport.minDepth = std::clamp(finite(source.minDepth), 0.0f, 1.0f);
    viewport.maxDepth = std::clamp(finite(source.maxDepth), 0.0f, 1.0f);
    return viewport;
}

/** \brief \p rect within \p area; empty where they do not meet. */
VkRect2D scissorOf(const SVGASignedRect& rect, VkExtent2D area) {
    const int32_t left = std::clamp<int32_t>(rect.left, 0, int32_t(area.width));
    const int32_t top = std::clamp<int32_t>(rect.top, 0, int32_t(area.height));
    const int32_t right = std::clamp<int32_t>(rect.right, left, int32_t(area.width));
    const int32_t bottom = std::clamp<int32_t>(rect.bottom, top, int32_t(area.height));
    return {{left, top}, {uint32_t(right - left), uint32_t(bottom - top)}};
}

/** \brief The factor for a target without alpha, whose alpha reads as 1. */
VkBlendFactor withoutTargetAlpha(VkBlendFactor factor) {
    switch (factor) {
    case VK_BLEND_FACTOR_DST_ALPHA:
        return VK_BLEND_FACTOR_ONE;
    case VK_BLEND_FACTOR_ONE_MINUS_DST_ALPHA:
    case VK_BLEND_FACTOR_SRC_ALPHA_SATURATE:
        return VK_BLEND_FACTOR_ZERO;
    default:
        return factor;
    }
}

/** \brief The factor of a target's alpha that is in its red component. The shader's alpha is in all of its output. */
uint32_t alphaAsRed(uint32_t factor) {
    switch (factor) {
    case VK_BLEND_FACTOR_DST_ALPHA:
        return VK_BLEND_FACTOR_DST_COLOR;
    case VK_BLEND_FACTOR_ONE_MINUS_DST_ALPHA:
        return VK_BLEND_FACTOR_ONE_MINUS_DST_COLOR;
    case VK_BLEND_FACTOR_SRC_ALPHA_SATURATE: // which is 1 for alpha
        return VK_BLEND_FACTOR_ONE;
    default:
        return factor;
    }
}

bool isDualSource(const SVGA3dDXBlendStatePerRT& blend) {
    return blend.blendEnable && (usesSecondSource(blend.srcBlend) || usesSecondSource(blend.destBlend) ||
                                 usesSecondSource(blend.srcBlendAlpha) || usesSecondSource(blend.destBlendAlpha));
}

bool writesTarget(const vgpu10::ShaderInfo& pixel, uint32_t target) {
    return std::any_of(pixel.outputs.begin(), pixel.outputs.end(), [target](const auto& output) {
        return output.registerIndex == target && output.systemValue == 0;
    });
}

} // namespace

DrawEngine::States DrawEngine::statesOf(const DxContext& context) const {
    const auto& render = context.state.guest.renderState;
    States states;
    states.blend = context.find<SVGACOTableDXBlendStateEntry>(render.blendStateId).value_or(defaultBlend());
    states.depthStencil =
        context.find<SVGACOTableDXDepthStencilEntry>(render.depthStencilStateId).value_or(defaultDepthStencil());
    states.rasterizer =
        context.find<SVGACOTableDXRasterizerStateEntry>(render.rasterizerStateId).value_or(defaultRasterizer());
    return states;
}

bool DrawEngine::translate(Shaders& shaders, const VertexInput& vertices, const States& states,
                           const vgpu10::StreamOutput* output, bool wholePixels) {
    const auto& stages = shaders.stages;
    Stage last = Stage::Vertex;
    if (stages[std::size_t(Stage::Domain)])
        last = Stage::Domain;
    if (stages[std::size_t(Stage::Geometry)])
        last = Stage::Geometry;
    for (Stage stage : kGraphicsStages) {
        const auto& shader = stages[std::size_t(stage)];
        if (!shader)
            continue;
        vgpu10::TranslateOptions options;
        options.lastBeforeRasterizer = stage == last;
        if (stage == last)
            options.streamOutput = output;
        if (stage == Stage::Vertex)
            options.vertexInputs = vertices.types;
        if (stage == Stage::Pixel) {
            options.dualSourceBlend = isDualSource(states.blend.perRT[0]);
            options.rasterizerSamples = targets_.samples;
            options.forcePerSample = wholePixels;
            for (uint32_t i = 0; i < targets_.colorCount; ++i)
                if (targets_.colors[i].view) {
                    options.renderTargets[i] = targets_.colors[i].info->numericType;
                    options.alphaTargets |= uint32_t(targets_.colors[i].info->alphaAsRed()) << i;
                }
        }
        shaders.variants[std::size_t(stage)] = shader->variant(options);
        if (!shaders.variants[std::size_t(stage)])
            return false;
    }
    return true;
}

PipelineKey::Blend DrawEngine::blendKey(const SVGA3dDXBlendStatePerRT& blend, const Attachment& target,
                                        bool written) const {
    PipelineKey::Blend key{};
    if (!target.view || !written)
        return key;
    key.writeMask = blend.renderTargetWriteMask & SVGA3D_COLOR_WRITE_ENABLE_ALL; // same bits
    if (target.info->alphaAsRed())
        key.writeMask = key.writeMask & SVGA3D_COLOR_WRITE_ENABLE_ALPHA ? VK_COLOR_COMPONENT_R_BIT : 0;
    const bool blendable =
        target.info->numericType == vgpu10::NumericType::Float &&
        (device_.formatProperties(target.format).optimalTilingFeatures & VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BLEND_BIT);
    if (!blend.blendEnable || blend.logicOpEnable || !blendable)
        return key;
    const bool hasAlpha = target.info->swizzle.a != VK_COMPONENT_SWIZZLE_ONE;
    const auto factor = [hasAlpha](uint8_t source, bool alpha, VkBlendFactor otherwise) {
        const VkBlendFactor converted = blendFactor(source, alpha, otherwise);
        return hasAlpha ? converted : withoutTargetAlpha(converted);
    };
    key.enable = 1;
    key.srcColor = factor(blend.srcBlend, false, VK_BLEND_FACTOR_ONE);
    key.dstColor = factor(blend.destBlend, false, VK_BLEND_FACTOR_ZERO);
    key.colorOp = blendEquation(blend.blendOp);
    key.srcAlpha = factor(blend.srcBlendAlpha, true, VK_BLEND_FACTOR_ONE);
    key.dstAlpha = factor(blend.destBlendAlpha, true, VK_BLEND_FACTOR_ZERO);
    key.alphaOp = blendEquation(blend.blendOpAlpha);
    if (target.info->alphaAsRed()) {
        key.srcColor = alphaAsRed(key.srcAlpha);
        key.dstColor = alphaAsRed(key.dstAlpha);
        key.colorOp = key.alphaOp;
    }
    return key;
}

bool DrawEngine::drawsWholePixels(const DrawPass& pass) const {
    const uint32_t count = targets_.samples;
    if (pass.states.rasterizer.multisampleEnable != SVGA3D_MULTISAMPLE_RAST_DISABLE ||
        !vgpu10::standardSamplePosition(count, 1) || !device_.properties().limits.standardSampleLocations ||
        !device_.features().sampleRateShading || pass.streams || pass.discard)
        return false;
    const auto& stages = pass.shaders.stages;
    const auto& geometry = stages[std::size_t(Stage::Geometry)];
    const bool triangles =
        geometry ? geometry->info().gsOutputTopology == VGPU10_PRIMITIVE_TOPOLOGY_TRIANGLESTRIP
                 : pass.topology.controlPoints != 0 || pass.topology.classOf == VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    // It takes several passes: nothing may be counted or written in each of them but samples.
    const bool counts = std::any_of(pass.runs.begin(), pass.runs.end(), [](const auto& run) {
        return run->type != SVGA3D_QUERYTYPE_OCCLUSION && run->type != SVGA3D_QUERYTYPE_OCCLUSIONPREDICATE;
    });
    const bool writes = std::any_of(stages.begin(), stages.end(),
                                    [](const auto& shader) { return shader && !shader->info().uavs.empty(); });
    return triangles && polygonMode(pass.states.rasterizer.fillMode) == VK_POLYGON_MODE_FILL && !counts && !writes;
}

PipelineKey DrawEngine::pipelineKey(const DxContext& context, const DrawPass& pass) const {
    const auto& [shaders, states, topology] = std::tie(pass.shaders, pass.states, pass.topology);
    PipelineKey key;
    key.stages = shaders.variants;
    const ShaderVariant* pixel = shaders.variants[std::size_t(Stage::Pixel)];
    const bool dualSource = isDualSource(states.blend.perRT[0]);
    key.colorCount = targets_.colorCount;
    for (uint32_t i = 0; i < targets_.colorCount; ++i) {
        const Attachment& target = targets_.colors[i];
        if (target.view)
            key.colorFormats[i] = target.format;
        const auto& blend = states.blend.perRT[states.blend.independentBlendEnable ? i : 0];
        // Of what no shader output covers Vulkan would write anything; D3D leaves it.
        key.blend[i] = blendKey(blend, target, pixel && writesTarget(pixel->info, i) && !(dualSource && i > 0));
    }
    if (targets_.depth.aspects & VK_IMAGE_ASPECT_DEPTH_BIT)
        key.depthFormat = targets_.depth.format;
    if (targets_.depth.aspects & VK_IMAGE_ASPECT_STENCIL_BIT)
        key.stencilFormat = targets_.depth.format;
    key.samples = targets_.samples;
    key.sampleMask = context.state.guest.renderState.sampleMask;
    if (pass.sample)
        key.sampleMask &= 1u << *pass.sample;
    key.alphaToCoverage = states.blend.alphaToCoverageEnable != 0;
    key.logicOpEnable = states.blend.perRT[0].logicOpEnable != 0;
    key.logicOp = key.logicOpEnable ? logicOp(states.blend.perRT[0].logicOp) : 0;
    key.topologyClass = topology.classOf;
    key.patchControlPoints = topology.controlPoints;

    const auto& rasterizer = states.rasterizer;
    key.polygonMode = polygonMode(rasterizer.fillMode);
    key.depthClip = rasterizer.depthClipEnable != 0;
    key.provokingVertexLast = rasterizer.provokingVertexLast != 0;
    key.rasterizerDiscard = pass.discard;
    key.rasterizedStream = pass.rasterizedStream;
    // Vulkan has alpha to coverage with rectangular lines only.
    if (key.alphaToCoverage || (rasterizer.multisampleEnable == SVGA3D_MULTISAMPLE_RAST_ENABLE && targets_.samples > 1))
        key.lineMode = VK_LINE_RASTERIZATION_MODE_RECTANGULAR_EXT;
    else if (rasterizer.antialiasedLineEnable)
        key.lineMode = VK_LINE_RASTERIZATION_MODE_RECTANGULAR_SMOOTH_EXT;
    else
        key.lineMode = VK_LINE_RASTERIZATION_MODE_BRESENHAM_EXT;
    if (rasterizer.lineStippleEnable) {
        // Mesa's svga driver gives one less than glLineStipple()'s factor.
        key.stippleFactor = rasterizer.lineStippleFactor + 1u;
        key.stipplePattern = rasterizer.lineStipplePattern;
    }
    return key;
}

DynamicState DrawEngine::dynamicState(const DxContext& context, const Topology& topology, const States& states) const {
    const auto& guest = context.state.guest;
    const VkPhysicalDeviceLimits& limits = device_.properties().limits;
    DynamicState out;
    out.viewportCount = std::clamp<uint32_t>(guest.numViewports, 1, std::min(limits.maxViewports, 16u));
    for (uint32_t i = 0; i < out.viewportCount; ++i) {
        // Without a viewport nothing is drawn: an empty scissor does that in Vulkan, which wants at least one of each.
        out.viewports[i] = viewportOf(guest.viewports[i], limits);
        const bool drawn = i < guest.numViewports && guest.viewports[i].width > 0 && guest.viewports[i].height > 0;
        if (!drawn)
            out.scissors[i] = {};
        else if (!states.rasterizer.scissorEnable)
            out.scissors[i] = {{0, 0}, targets_.extent};
        else if (i < guest.numScissorRects)
            out.scissors[i] = scissorOf(guest.scissorRects[i], targets_.extent);
    }

    const auto& rasterizer = states.rasterizer;
    out.lineWidth = std::clamp(finite(rasterizer.lineWidth), limits.lineWidthRange[0], limits.lineWidthRange[1]);
    out.depthBias = float(rasterizer.depthBias);
    out.depthBiasClamp = device_.features().depthBiasClamp ? finite(rasterizer.depthBiasClamp) : 0.0f;
    out.depthBiasSlope = finite(rasterizer.slopeScaledDepthBias);
    out.depthBiasEnable = out.depthBias != 0 || out.depthBiasSlope != 0;
    out.cullMode = cullMode(rasterizer.cullMode);
    out.frontFace = rasterizer.frontCounterClockwise ? VK_FRONT_FACE_COUNTER_CLOCKWISE : VK_FRONT_FACE_CLOCKWISE;

    for (uint32_t i = 0; i < 4; ++i)
        std::memcpy(&out.blendConstants[i], &guest.renderState.blendFactor[i], sizeof(float));

    const auto& depth = states.depthStencil;
    out.depthTest = depth.depthEnable != 0 && (targets_.depth.aspects & VK_IMAGE_ASPECT_DEPTH_BIT);
    out.depthWrite = out.depthTest && depth.depthWriteMask && !targets_.depth.depthReadOnly;
    out.depthCompare = compareOp(depth.depthFunc, VK_COMPARE_OP_LESS);
    out.stencilTest = depth.stencilEnable != 0 && (targets_.depth.aspects & VK_IMAGE_ASPECT_STENCIL_BIT);
    if (out.stencilTest) {
        const uint32_t reference = guest.renderState.stencilRef;
        out.front = depth.frontEnable ? stencilFace(depth, true, reference) : idleStencilFace();
        out.back = depth.backEnable ? stencilFace(depth, false, reference) : idleStencilFace();
        if (targets_.depth.stencilReadOnly)
            out.front.writeMask = out.back.writeMask = 0;
    }
    out.topology = topology.topology;
    // D3D's cut index is always on. Guests rely on it in lists, too, where Vulkan can.
    const bool list = !topology.strip && topology.controlPoints == 0;
    out.primitiveRestart = topology.strip || (list && device_.features().primitiveTopologyListRestart);
    return out;
}

VkExtent2D DrawEngine::emptyExtent(const DxContext& context) const {
    // Without attachments the viewports bound what is rasterized; a large area would cost for nothing.
    const VkPhysicalDeviceLimits& limits = device_.properties().limits;
    float width = 1, height = 1;
    const auto& guest = context.state.guest;
    for (uint32_t i = 0; i < guest.numViewports; ++i) {
        width = std::max(width, finite(guest.viewports[i].x) + finite(guest.viewports[i].width));
        height = std::max(height, finite(guest.viewports[i].y) + finite(guest.viewports[i].height));
    }
    return {uint32_t(std::min(std::ceil(width), float(limits.maxFramebufferWidth))),
            uint32_t(std::min(std::ceil(height), float(limits.maxFramebufferHeight)))};
}

void DrawEngine::setDynamicState(VkCommandBuffer commands, const DynamicState& state) {
    vkCmdSetViewportWithCount(commands, state.viewportCount, state.viewports.data());
    vkCmdSetScissorWithCount(commands, state.viewportCount, state.scissors.data());
    vkCmdSetLineWidth(commands, state.lineWidth);
    vkCmdSetDepthBiasEnable(commands, state.depthBiasEnable);
    vkCmdSetDepthBias(commands, state.depthBias, state.depthBiasClamp, state.depthBiasSlope);
    vkCmdSetBlendConstants(commands, state.blendConstants);
    vkCmdSetDepthTestEnable(commands, state.depthTest);
    vkCmdSetDepthWriteEnable(commands, state.depthWrite);
    vkCmdSetDepthCompareOp(commands, state.depthCompare);
    vkCmdSetStencilTestEnable(commands, state.stencilTest);
    for (const auto& [faces, face] :
         {std::pair(VK_STENCIL_FACE_FRONT_BIT, state.front), {VK_STENCIL_FACE_BACK_BIT, state.back}}) {
        vkCmdSetStencilOp(commands, faces, face.failOp, face.passOp, face.depthFailOp, face.compareOp);
        vkCmdSetStencilCompareMask(commands, faces, face.compareMask);
        vkCmdSetStencilWriteMask(commands, faces, face.writeMask);
        vkCmdSetStencilReference(commands, faces, face.reference);
    }
    vkCmdSetCullMode(commands, state.cullMode);
    vkCmdSetFrontFace(commands, state.frontFace);
    vkCmdSetPrimitiveTopology(commands, state.topology);
    vkCmdSetPrimitiveRestartEnable(commands, state.primitiveRestart);
}

} // namespace svga::device
