// SPDX-License-Identifier: MIT
#include "device/dx/draw_engine.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace svga::device {

using vgpu10::Stage;

namespace {

/** \brief Inputs of the shader that no element feeds read 0: Vulkan wants an attribute for each. */
void addMissingInputs(VertexInput& input, const vgpu10::ShaderInfo& vertexShader) {
    uint32_t missing = 0, bound = 0;
    for (uint32_t i = 0; i < input.attributeCount; ++i)
        bound |= 1u << input.attributes[i].location;
    for (const auto& declared : vertexShader.inputs)
        if (declared.systemValue == 0 && declared.registerIndex < 32)
            missing |= 1u << declared.registerIndex & ~bound;
    if (missing == 0 || input.bindingCount == input.bindings.size())
        return;
    const uint32_t binding = input.bindingCount++;
    input.bindings[binding] = {};
    input.bindings[binding].divisor = 1;
    for (uint32_t location = 0; location < 32 && input.attributeCount < input.attributes.size(); ++location) {
        if (!(missing & 1u << location))
            continue;
        auto& attribute = input.attributes[input.attributeCount++];
        attribute = {VK_STRUCTURE_TYPE_VERTEX_INPUT_ATTRIBUTE_DESCRIPTION_2_EXT};
        attribute.location = location;
        attribute.binding = binding;
        attribute.format = VK_FORMAT_R32G32B32A32_SFLOAT;
    }
}

} // namespace

DrawEngine::DrawEngine(const VulkanDevice& device, GpuQueue& queue, const MobLookup& mobs, SurfaceManager& surfaces)
    : device_(device)
    , queue_(queue)
    , mobs_(mobs)
    , surfaces_(surfaces)
    , shaderCache_(device)
    , pipelines_(device, queue)
    , samplers_(device, queue)
    , descriptorSets_(device, queue)
    , resolver_(device, surfaces, samplers_)
    , queries_(device, queue)
    , streamOutputs_(device, queue, surfaces, mobs) {}

bool DrawEngine::predicateSkips(DxContext& context) {
    const auto& predication = context.state.guest.predication;
    if (predication.queryID == SVGA3D_INVALID_ID)
        return false;
    auto known = context.queries.find(predication.queryID);
    if (known == context.queries.end() || known->second->active)
        return false;
    if (!known->second->result)
        queries_.finish();
    if (!known->second->result)
        return false;
    const SVGADXQueryResultUnion& result = *known->second->result;
    bool passed = false;
    switch (known->second->type) {
    case SVGA3D_QUERYTYPE_OCCLUSIONPREDICATE:
        passed = result.occPred.anySamplesRendered != 0;
        break;
    case SVGA3D_QUERYTYPE_OCCLUSION:
        passed = result.occ.samplesRendered != 0;
        break;
    case SVGA3D_QUERYTYPE_OCCLUSION64:
        passed = result.occ64.samplesRendered != 0;
        break;
    case SVGA3D_QUERYTYPE_STREAMOVERFLOWPREDICATE:
    case SVGA3D_QUERYTYPE_SOP_STREAM0:
    case SVGA3D_QUERYTYPE_SOP_STREAM1:
    case SVGA3D_QUERYTYPE_SOP_STREAM2:
    case SVGA3D_QUERYTYPE_SOP_STREAM3:
        passed = result.soPred.overflowed != 0;
        break;
    default:
        return false; // no predicate
    }
    return passed == (predication.value != 0);
}

void DrawEngine::logSkipped(const DxContext& context, const char* what, const Error& error) {
    // The same guest does the same wrong thing each frame: one line for each, and an end to them.
    constexpr std::size_t kMaxLogged = 64;
    if (logged_.size() < kMaxLogged && logged_.insert(error.what()).second)
        spdlog::error("context {}: {} skipped: {}", context.id(), what, error.what());
}

void DrawEngine::draw(DxContext& context, const DrawCall& call) {
    if (predicateSkips(context))
        return;
    try {
        record(context, call);
    } catch (const CommandError& error) {
        logSkipped(context, "a draw is", error);
    }
}

bool DrawEngine::selectShaders(DxContext& context, const Topology& topology, Shaders& out) {
    const bool patches = topology.controlPoints != 0;
    for (Stage stage : kGraphicsStages) {
        if ((stage == Stage::Hull || stage == Stage::Domain) && !patches)
            continue;
        const uint32_t index = shaderStateIndex(stage);
        const uint32_t id = context.state.guest.shaderState[index].shaderId;
        if (id == SVGA3D_INVALID_ID)
            continue;
        auto& shader = out.stages[std::size_t(stage)];
        shader = context.shader(id, SVGA3dShaderType(SVGA3D_SHADERTYPE_MIN + index), shaderCache_, mobs_);
        if (!shader)
            return false;
    }
    const auto has = [&out](Stage stage) { return out.stages[std::size_t(stage)] != nullptr; };
    return has(Stage::Vertex) && has(Stage::Hull) == patches && has(Stage::Domain) == patches;
}

VertexInput DrawEngine::vertexInputOf(const DxContext& context) {
    const auto& inputs = context.state.guest.inputAssembly;
    const VkPhysicalDeviceLimits& limits = device_.properties().limits;
    const uint32_t maxBindings = std::min(limits.maxVertexInputBindings, 32u);
    VertexInput out;
    const auto layout = context.find<SVGACOTableDXElementLayoutEntry>(inputs.layoutId);
    const uint32_t count = layout ? std::min<uint32_t>(layout->numDescs, std::size(layout->descs)) : 0;
    for (uint32_t i = 0; i < count; ++i) {
        const SVGA3dInputElementDesc& element = layout->descs[i];
        const FormatInfo* format = formatInfo(element.format);
        if (element.inputSlot >= SVGA3D_DX_MAX_VERTEXBUFFERS || element.inputRegister >= out.types.size() || !format ||
            !(device_.formatProperties(format->vulkan).bufferFeatures & VK_FORMAT_FEATURE_VERTEX_BUFFER_BIT))
            continue;
        const auto& bound = inputs.vertexBuffers[element.inputSlot];
        if (bound.stride > limits.maxVertexInputBindingStride)
            throw CommandError("vertex buffer {} has a stride of {} bytes, {} at most", element.inputSlot, bound.stride,
                               limits.maxVertexInputBindingStride);
        // Elements far into a vertex get a binding that begins there.
        const bool far = element.alignedByteOffset > limits.maxVertexInputAttributeOffset;
        VertexInput::Binding binding{};
        binding.slot = element.inputSlot;
        binding.stride = bound.stride;
        binding.perInstance = element.inputSlotClass == SVGA3D_INPUT_PER_INSTANCE_DATA;
        binding.divisor = binding.perInstance ? element.instanceDataStepRate : 1;
        const uint64_t start = uint64_t(bound.offset) + (far ? element.alignedByteOffset : 0);
        if (auto surface = findSurface(surfaces_, bound.bufferId);
            surface && surface->buffer() && start < surface->bufferSize()) {
            const uint64_t told = context.state.vertexBufferSizes[element.inputSlot];
            binding.buffer = surface->buffer();
            binding.offset = start;
            binding.size = std::min<uint64_t>(surface->bufferSize() - start, told);
        }
        uint32_t index = 0;
        while (index < out.bindingCount && std::memcmp(&out.bindings[index], &binding, sizeof(binding)) != 0)
            ++index;
        if (index == out.bindingCount) {
            if (index == maxBindings)
                continue;
            out.bindings[out.bindingCount++] = binding;
        }
        const auto begin = out.attributes.begin();
        if (std::any_of(begin, begin + out.attributeCount,
                        [&](const auto& a) { return a.location == element.inputRegister; }))
            continue;
        auto& attribute = out.attributes[out.attributeCount++];
        attribute = {VK_STRUCTURE_TYPE_VERTEX_INPUT_ATTRIBUTE_DESCRIPTION_2_EXT};
        attribute.location = element.inputRegister;
        attribute.binding = index;
        attribute.format = format->vulkan;
        attribute.offset = far ? 0 : element.alignedByteOffset;
        out.types[element.inputRegister] = format->numericType;
    }
    return out;
}

bool DrawEngine::resolveSource(const DxContext& context, DrawCall call, DrawSource& out) {
    const auto& inputs = context.state.guest.inputAssembly;
    if (call.indexed()) {
        const uint32_t size = inputs.indexBufferFormat == SVGA3D_R32_UINT ? 4 : 2;
        out.indices = findSurface(surfaces_, inputs.indexBufferSid);
        out.indexType = size == 4 ? VK_INDEX_TYPE_UINT32 : VK_INDEX_TYPE_UINT16;
        out.indexOffset = inputs.indexBufferOffset;
        if (!out.indices || !out.indices->buffer() || out.indexOffset >= out.indices->bufferSize())
            return false;
        if (out.indexOffset % size != 0)
            throw CommandError("index buffer offset {} is no multiple of {}", out.indexOffset, size);
        const uint64_t bytes =
            std::min<uint64_t>(out.indices->bufferSize() - out.indexOffset, context.state.indexBufferSize);
        const uint64_t available = bytes / size;
        if (call.kind == DrawCall::Kind::Indexed) {
            // Indices beyond the buffer are not drawn.
            if (call.first >= available)
                return false;
            call.count = uint32_t(std::min<uint64_t>(call.count, available - call.first));
        }
    }
    if (call.kind == DrawCall::Kind::Indirect || call.kind == DrawCall::Kind::IndexedIndirect) {
        const uint64_t size = call.kind == DrawCall::Kind::Indirect ? sizeof(VkDrawIndirectCommand)
                                                                    : sizeof(VkDrawIndexedIndirectCommand);
        out.arguments = surfaces_.get(call.argumentsSid);
        if (!out.arguments->buffer() || call.argumentsOffset % 4 != 0 ||
            call.argumentsOffset + size > out.arguments->bufferSize())
            throw CommandError("surface {} has no draw arguments at byte {}", call.argumentsSid, call.argumentsOffset);
    } else if (call.kind == DrawCall::Kind::Auto) {
        auto surface = findSurface(surfaces_, inputs.vertexBuffers[0].bufferId);
        if (!surface || inputs.vertexBuffers[0].stride == 0)
            return false;
        out.counter = streamOutputs_.counterOf(surface);
        // An offset within the first vertex is an attribute's, not vertices to leave out.
        out.counterBase =
            inputs.vertexBuffers[0].offset / inputs.vertexBuffers[0].stride * inputs.vertexBuffers[0].stride;
        out.vertexStride = inputs.vertexBuffers[0].stride;
    } else if (call.count == 0 || call.instances == 0) {
        return false;
    }
    out.call = call;
    return true;
}

void DrawEngine::record(DxContext& context, const DrawCall& call) {
    DrawPass pass;
    if (!topologyOf(context.state.guest.inputAssembly.topology, pass.topology) ||
        !selectShaders(context, pass.topology, pass.shaders))
        return;
    pass.states = statesOf(context);
    targets_.resolve(device_, surfaces_, context, emptyExtent(context),
                     std::max<uint32_t>(pass.states.rasterizer.forcedSampleCount, 1));
    if (!resolveSource(context, call, pass.source))
        return;
    auto output = streamOutputs_.declaration(context);
    pass.streams = output && !output->entries.empty() && streamOutputs_.prepare(context);
    pass.discard = output && output->rasterizedStream == SVGA3D_DX_SO_NO_RASTERIZED_STREAM;
    if (pass.discard)
        output->rasterizedStream = 0; // the pipeline discards what the shader puts out there
    pass.rasterizedStream = output ? output->rasterizedStream : 0;
    pass.vertices = vertexInputOf(context);
    addMissingInputs(pass.vertices, pass.shaders.stages[std::size_t(Stage::Vertex)]->info());
    for (const auto& [id, run] : context.queries)
        if (run->active)
            pass.runs.push_back(run);

    const bool wholePixels = drawsWholePixels(pass);
    if (!translate(pass.shaders, pass.vertices, pass.states, pass.streams ? &*output : nullptr, wholePixels))
        return;
    if (!wholePixels) {
        record(context, pass);
        return;
    }
    for (uint32_t sample = 0; sample < targets_.samples; ++sample) {
        pass.sample = sample;
        record(context, pass);
    }
}

void DrawEngine::record(DxContext& context, const DrawPass& pass) {
    std::vector<std::shared_ptr<Shader>> kept;
    for (const auto& shader : pass.shaders.stages)
        if (shader)
            kept.push_back(shader);
    const Pipeline pipeline = pipelines_.graphics(pipelineKey(context, pass), kept);
    bool writes = false;
    resolver_.resolve(context, *pipeline.layout, descriptors_, writes);
    DynamicState dynamic = dynamicState(context, pass.topology, pass.states);
    if (pass.sample) {
        // The sample comes to lie on what was at the pixel's centre.
        const auto place = vgpu10::standardSamplePosition(targets_.samples, *pass.sample).value();
        for (VkViewport& viewport : dynamic.viewports) {
            viewport.x += place[0];
            viewport.y += place[1];
        }
    }

    bool restarted = false;
    const VkCommandBuffer commands = queue_.rendering(targets_.info(), targets_.key(), restarted);
    if (restarted) {
        lastPipeline_ = VK_NULL_HANDLE;
        lastLayout_ = nullptr;
    }
    if (restarted || std::memcmp(&dynamic, &lastDynamic_, sizeof(dynamic)) != 0)
        setDynamicState(commands, dynamic);
    lastDynamic_ = dynamic;
    if (restarted || std::memcmp(&pass.vertices, &lastVertices_, sizeof(pass.vertices)) != 0)
        setVertexInput(commands, pass.vertices);
    lastVertices_ = pass.vertices;
    if (pipeline.handle != lastPipeline_)
        vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline.handle);
    lastPipeline_ = pipeline.handle;
    if (pipeline.layout != lastLayout_ || descriptors_ != lastDescriptors_) {
        bindDescriptors(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, *pipeline.layout);
        lastLayout_ = pipeline.layout;
        lastDescriptors_ = descriptors_;
    }

    queries_.beforeDraw(commands, pass.runs, pass.streams);
    if (pass.streams)
        streamOutputs_.begin(commands);
    issue(commands, pass.source);
    if (pass.streams)
        streamOutputs_.end(commands);
    queries_.afterDraw(commands);
    // What was written besides the attachments is seen by the next draw only past a barrier.
    if (pass.streams || writes)
        queue_.endRendering();
}

void DrawEngine::setVertexInput(VkCommandBuffer commands, const VertexInput& input) {
    std::array<VkVertexInputBindingDescription2EXT, 32> bindings;
    std::array<VkBuffer, 32> buffers;
    std::array<VkDeviceSize, 32> offsets, sizes;
    for (uint32_t i = 0; i < input.bindingCount; ++i) {
        const VertexInput::Binding& source = input.bindings[i];
        bindings[i] = {VK_STRUCTURE_TYPE_VERTEX_INPUT_BINDING_DESCRIPTION_2_EXT};
        bindings[i].binding = i;
        bindings[i].stride = source.stride;
        bindings[i].inputRate = source.perInstance ? VK_VERTEX_INPUT_RATE_INSTANCE : VK_VERTEX_INPUT_RATE_VERTEX;
        bindings[i].divisor = source.divisor;
        buffers[i] = source.buffer;
        offsets[i] = source.offset;
        sizes[i] = source.buffer ? source.size : VK_WHOLE_SIZE;
    }
    device_.functions().cmdSetVertexInput(commands, input.bindingCount, bindings.data(), input.attributeCount,
                                          input.attributes.data());
    if (input.bindingCount != 0)
        vkCmdBindVertexBuffers2(commands, 0, input.bindingCount, buffers.data(), offsets.data(), sizes.data(), nullptr);
}

void DrawEngine::bindDescriptors(VkCommandBuffer commands, VkPipelineBindPoint point, const PipelineLayout& layout) {
    if (layout.uses.empty())
        return;
    const VkDescriptorSet set = descriptorSets_.make(layout, descriptors_);
    vkCmdBindDescriptorSets(commands, point, layout.handle, 0, 1, &set, 0, nullptr);
}

void DrawEngine::issue(VkCommandBuffer commands, const DrawSource& source) {
    const DrawCall& call = source.call;
    if (call.indexed())
        vkCmdBindIndexBuffer(commands, source.indices->buffer(), source.indexOffset, source.indexType);
    switch (call.kind) {
    case DrawCall::Kind::Plain:
        vkCmdDraw(commands, call.count, call.instances, call.first, call.firstInstance);
        break;
    case DrawCall::Kind::Indexed:
        vkCmdDrawIndexed(commands, call.count, call.instances, call.first, call.baseVertex, call.firstInstance);
        break;
    case DrawCall::Kind::Indirect:
        vkCmdDrawIndirect(commands, source.arguments->buffer(), call.argumentsOffset, 1, sizeof(VkDrawIndirectCommand));
        break;
    case DrawCall::Kind::IndexedIndirect:
        vkCmdDrawIndexedIndirect(commands, source.arguments->buffer(), call.argumentsOffset, 1,
                                 sizeof(VkDrawIndexedIndirectCommand));
        break;
    case DrawCall::Kind::Auto:
        device_.functions().cmdDrawIndirectByteCount(commands, 1, 0, streamOutputs_.counters(), source.counter,
                                                     source.counterBase, source.vertexStride);
        break;
    }
}

void DrawEngine::clearColor(const SVGACOTableDXRTViewEntry& view, const SVGA3dRGBAFloat& color) {
    Attachment attachment = colorAttachment(device_, surfaces_, view);
    if (!attachment.view)
        return;
    VkClearColorValue value{};
    for (uint32_t i = 0; i < 4; ++i) {
        const double component = std::isnan(color.value[i]) ? 0.0 : double(color.value[i]);
        switch (attachment.info->numericType) {
        case vgpu10::NumericType::Float:
            value.float32[i] = color.value[attachment.info->alphaAsRed() ? 3 : i];
            break;
        case vgpu10::NumericType::Sint:
            value.int32[i] = int32_t(std::clamp(component, -2147483648.0, 2147483647.0));
            break;
        case vgpu10::NumericType::Uint:
            // Mesa's svga driver clears unsigned targets too with what it holds as signed integers: -1.0 is 2^32 - 1.
            value.uint32[i] = component < 0 ? uint32_t(int32_t(std::max(component, -2147483648.0)))
                                            : uint32_t(std::min(component, 4294967295.0));
            break;
        }
    }
    targets_.clearOf(std::move(attachment), value);
    bool restarted = false;
    queue_.rendering(targets_.info(), clearKey_ += 2, restarted); // even: never a draw's
}

void DrawEngine::clearDepthStencil(const SVGACOTableDXDSViewEntry& view, bool depth, bool stencil, float depthValue,
                                   uint8_t stencilValue) {
    Attachment attachment = depthAttachment(surfaces_, view);
    const VkImageAspectFlags aspects =
        ((depth ? VK_IMAGE_ASPECT_DEPTH_BIT : 0) | (stencil ? VK_IMAGE_ASPECT_STENCIL_BIT : 0)) & attachment.aspects;
    if (!attachment.view || aspects == 0)
        return;
    const float clamped = std::isnan(depthValue) ? 0.0f : std::clamp(depthValue, 0.0f, 1.0f);
    targets_.clearOf(std::move(attachment), aspects, {clamped, stencilValue});
    bool restarted = false;
    queue_.rendering(targets_.info(), clearKey_ += 2, restarted);
}

void DrawEngine::dispatch(DxContext& context, const std::array<uint32_t, 3>& groups) {
    const auto& limits = device_.properties().limits.maxComputeWorkGroupCount;
    for (uint32_t i = 0; i < 3; ++i)
        if (groups[i] > limits[i])
            throw CommandError("{} x {} x {} thread groups are too many", groups[0], groups[1], groups[2]);
    compute(context, [&](VkCommandBuffer commands) { vkCmdDispatch(commands, groups[0], groups[1], groups[2]); });
}

void DrawEngine::dispatchIndirect(DxContext& context, uint32_t argumentsSid, uint32_t argumentsOffset) {
    const auto arguments = surfaces_.get(argumentsSid);
    if (!arguments->buffer() || argumentsOffset % 4 != 0 ||
        argumentsOffset + uint64_t(sizeof(VkDispatchIndirectCommand)) > arguments->bufferSize())
        throw CommandError("surface {} has no dispatch arguments at byte {}", argumentsSid, argumentsOffset);
    compute(context,
            [&](VkCommandBuffer commands) { vkCmdDispatchIndirect(commands, arguments->buffer(), argumentsOffset); });
}

template <typename Record>
void DrawEngine::compute(DxContext& context, Record&& record) {
    if (predicateSkips(context))
        return;
    try {
        const uint32_t id = context.state.guest.shaderState[shaderStateIndex(Stage::Compute)].shaderId;
        auto shader = context.shader(id, SVGA3D_SHADERTYPE_CS, shaderCache_, mobs_);
        const ShaderVariant* variant = shader ? shader->variant({}) : nullptr;
        if (!variant)
            return;
        const Pipeline pipeline = pipelines_.compute(*variant, shader);
        bool writes = false;
        resolver_.resolve(context, *pipeline.layout, descriptors_, writes);
        const VkCommandBuffer commands = queue_.transfer();
        vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
        bindDescriptors(commands, VK_PIPELINE_BIND_POINT_COMPUTE, *pipeline.layout);
        record(commands);
    } catch (const CommandError& error) {
        logSkipped(context, "a dispatch is", error);
    }
}

} // namespace svga::device
