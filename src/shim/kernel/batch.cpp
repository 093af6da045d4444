// SPDX-License-Identifier: MIT
#include "shim/kernel/batch.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <cstring>

namespace svga::shim {

namespace {

/// Slots of a context's bindings: kind, shader stage, index.
constexpr uint32_t slotOf(uint32_t kind, uint32_t stage, uint32_t index) {
    return kind << 24 | stage << 16 | index;
}

enum InputKind : uint32_t { kConstantBuffer, kShaderResource, kVertexBuffer, kIndexBuffer };
enum OutputKind : uint32_t { kRenderTarget, kDepthStencil, kStreamOutput, kUnorderedAccess };

uint64_t attachmentKey(int8_t coTable, uint32_t id) {
    return uint64_t{static_cast<uint8_t>(coTable)} << 32 | id;
}

bool isSynchronisation(Effect effect) {
    return effect == Effect::Update || effect == Effect::Readback || effect == Effect::Invalidate;
}

SubresourceRange wholeOf(const Surface& surface) {
    return {0, surface.layout.levels(), 0, surface.layout.layers()};
}

/// The last argument of a view of one level: a range of layers, or of a volume's slices, which are one subresource.
SubresourceRange levelOf(uint32_t dimension, uint32_t level, uint32_t firstLayer, uint32_t layers) {
    if (dimension == SVGA3D_RESOURCE_BUFFER || dimension == SVGA3D_RESOURCE_BUFFEREX)
        return {};
    if (dimension == SVGA3D_RESOURCE_TEXTURE3D)
        return {level, 1, 0, 1};
    return {level, 1, firstLayer, layers};
}

} // namespace

Batch::Batch(Kernel& kernel, std::shared_ptr<Context> context, VerifiedBatch verified)
    : kernel_(kernel)
    , context_(std::move(context))
    , verified_(std::move(verified))
    , stamp_(kernel.nextBatchStamp()) {}

uint64_t Batch::submit() {
    for (int type = 0; context_ && type < SVGA_COTABLE_MAX; ++type) {
        if (verified_.coTableEntries[type] != 0)
            kernel_.growCoTable(*context_, static_cast<SVGACOTableType>(type), verified_.coTableEntries[type]);
    }
    for (std::size_t i = 0; i < verified_.steps.size(); ++i) {
        const Step& step = verified_.steps[i];
        if (isSynchronisation(step.info->effect))
            continue; // uses no content
        const std::size_t end =
            i + 1 < verified_.steps.size() ? verified_.steps[i + 1].references : verified_.surfaces.size();
        for (std::size_t named = step.references; named < end; ++named)
            reference(verified_.surfaces[named]);
    }
    for (const Step& step : verified_.steps)
        apply(step);
    for (auto& [id, buffer] : verified_.buffers)
        inFlight_.buffers.push_back(std::move(buffer));
    kernel_.coherence().prepare(inFlight_.surfaces, writes_, before_, after_, inFlight_.merges);
    before_.append(commands_);
    before_.append(after_);
    std::optional<uint32_t> dxContext;
    if (context_)
        dxContext = context_->id;
    return kernel_.submit(before_, dxContext, std::move(inFlight_));
}

void Batch::apply(const Step& step) {
    switch (step.info->effect) {
    case Effect::None:
    case Effect::DefineState:
        break;
    case Effect::Draw:
        if (outputsChanged_ || !inputsReferenced_)
            draw(context_->outputs);
        outputsChanged_ = false;
        break;
    case Effect::Dispatch:
        if (computeOutputsChanged_ || !inputsReferenced_)
            draw(context_->computeOutputs);
        computeOutputsChanged_ = false;
        break;
    case Effect::BindInput:
        bindInputs(step);
        break;
    case Effect::BindOutput:
        bindOutputs(step);
        break;
    case Effect::ClearView:
        clearView(step);
        break;
    case Effect::CopyToSubresource: {
        const std::size_t field = step.info->id == SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER
                                      ? offsetof(SVGA3dCmdDXTransferFromBuffer, destSubResource)
                                      : offsetof(SVGA3dCmdDXPredCopyRegion, dstSubResource);
        writeSubresource(verified_.surfaces[step.references], verified_.word(step, field));
        break;
    }
    case Effect::CopyWhole:
    case Effect::WriteBuffer:
        writeWhole(verified_.surfaces[step.references]);
        break;
    case Effect::IntraSurfaceCopy: {
        const auto& surface = verified_.surfaces[step.references];
        write(surface, {verified_.word(step, offsetof(SVGA3dSurfaceImageId, mipmap)), 1,
                        verified_.word(step, offsetof(SVGA3dSurfaceImageId, face)), 1});
        break;
    }
    case Effect::GenerateMips:
        generateMips(step);
        break;
    case Effect::DefineView:
        defineView(step);
        break;
    case Effect::DestroyView:
        destroyView(step);
        break;
    case Effect::Attach:
    case Effect::Detach:
        attach(step);
        break;
    case Effect::BindSurface:
        bindSurface(step);
        return;
    case Effect::Update:
    case Effect::Readback:
    case Effect::Invalidate:
        synchronise(step);
        return;
    }
    pass(step);
}

void Batch::pass(const Step& step) {
    commands_.append(verified_.commands.data() + step.body - sizeof(SVGA3dCmdHeader),
                     step.size + sizeof(SVGA3dCmdHeader));
}

void Batch::reference(const std::shared_ptr<Surface>& surface) {
    if (!surface || surface->batchStamp == stamp_)
        return;
    surface->batchStamp = stamp_;
    inFlight_.surfaces.push_back(surface);
}

void Batch::write(const std::shared_ptr<Surface>& surface, SubresourceRange range) {
    reference(surface);
    if (!surface->followed)
        return;
    auto [it, fresh] = writeIndex_.try_emplace(surface.get(), writes_.size());
    if (fresh)
        writes_.push_back({surface, std::vector<bool>(surface->layout.subresources()), 0});
    writes_[it->second].order = ++writeOrder_;
    auto& subresources = writes_[it->second].subresources;
    range = surface->layout.clip(range);
    for (uint32_t layer = range.firstLayer; layer < range.firstLayer + range.layers; ++layer) {
        for (uint32_t level = range.firstLevel; level < range.firstLevel + range.levels; ++level)
            subresources[layer * surface->layout.levels() + level] = true;
    }
}

void Batch::write(const View& view) {
    if (view.writes)
        write(view.surface, view.range);
    else
        reference(view.surface);
}

void Batch::writeWhole(const std::shared_ptr<Surface>& surface) {
    write(surface, wholeOf(*surface));
}

void Batch::writeSubresource(const std::shared_ptr<Surface>& surface, uint32_t index) {
    const uint32_t levels = surface->layout.levels();
    write(surface, {index % levels, 1, index / levels, 1});
}

void Batch::draw(const std::unordered_map<uint32_t, View>& outputs) {
    if (!inputsReferenced_) {
        inputsReferenced_ = true;
        for (const auto& [slot, surface] : context_->inputs)
            reference(surface);
    }
    for (const auto& [slot, view] : outputs)
        write(view);
}

void Batch::bindInput(uint32_t slot, std::shared_ptr<Surface> surface) {
    auto it = context_->inputs.find(slot);
    // What is unbound may still be used by commands before this one: it lives until the batch is done.
    if (it != context_->inputs.end()) {
        reference(it->second);
        context_->inputs.erase(it);
    }
    if (!surface)
        return;
    reference(surface);
    context_->inputs.emplace(slot, std::move(surface));
}

void Batch::bindInputs(const Step& step) {
    const CommandInfo& info = *step.info;
    const uint32_t count = info.elementSize != 0 ? (step.size - info.bodySize) / info.elementSize : 0;
    const uint32_t first = verified_.word(step, 0);
    switch (info.id) {
    case SVGA_3D_CMD_DX_SET_SINGLE_CONSTANT_BUFFER:
        bindInput(
            slotOf(kConstantBuffer, verified_.word(step, offsetof(SVGA3dCmdDXSetSingleConstantBuffer, type)), first),
            verified_.surfaces[step.references]);
        break;
    case SVGA_3D_CMD_DX_SET_INDEX_BUFFER:
        bindInput(slotOf(kIndexBuffer, 0, 0), verified_.surfaces[step.references]);
        break;
    case SVGA_3D_CMD_DX_SET_SHADER_RESOURCES: {
        const uint32_t stage = verified_.word(step, offsetof(SVGA3dCmdDXSetShaderResources, type));
        for (uint32_t i = 0; i < count; ++i) {
            const uint32_t id = verified_.word(step, info.bodySize + i * 4);
            auto it = context_->shaderResourceViews.find(id);
            bindInput(slotOf(kShaderResource, stage, first + i),
                      it != context_->shaderResourceViews.end() ? it->second.surface : nullptr);
        }
        break;
    }
    default: // vertex buffers
        for (uint32_t i = 0; i < count; ++i)
            bindInput(slotOf(kVertexBuffer, 0, first + i), verified_.surfaces[step.references + i]);
        break;
    }
}

void Batch::bindOutput(std::unordered_map<uint32_t, View>& outputs, uint32_t slot, const View* view) {
    auto it = outputs.find(slot);
    if (it != outputs.end()) {
        reference(it->second.surface);
        outputs.erase(it);
    }
    if (view)
        outputs.emplace(slot, *view);
}

void Batch::unbind(std::unordered_map<uint32_t, View>& outputs, uint32_t firstSlot, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i)
        bindOutput(outputs, firstSlot + i, nullptr);
}

void Batch::bindOutputs(const Step& step) {
    const CommandInfo& info = *step.info;
    const uint32_t count = (step.size - info.bodySize) / info.elementSize;
    const bool compute = info.id == SVGA_3D_CMD_DX_SET_CS_UA_VIEWS;
    auto& outputs = compute ? context_->computeOutputs : context_->outputs;
    (compute ? computeOutputsChanged_ : outputsChanged_) = true;
    const auto lookUp = [](const Context::Views& views, uint32_t id) {
        auto it = views.find(id);
        return it != views.end() ? &it->second : nullptr;
    };
    const auto element = [&](uint32_t i) { return verified_.word(step, info.bodySize + i * info.elementSize); };
    switch (info.id) {
    case SVGA_3D_CMD_DX_SET_RENDERTARGETS:
        unbind(outputs, slotOf(kRenderTarget, 0, 0), SVGA3D_DX_MAX_RENDER_TARGETS);
        bindOutput(outputs, slotOf(kDepthStencil, 0, 0), lookUp(context_->depthStencilViews, verified_.word(step, 0)));
        for (uint32_t i = 0; i < count; ++i)
            bindOutput(outputs, slotOf(kRenderTarget, 0, i), lookUp(context_->renderTargetViews, element(i)));
        break;
    case SVGA_3D_CMD_DX_SET_SOTARGETS:
        unbind(outputs, slotOf(kStreamOutput, 0, 0), SVGA3D_DX_MAX_SOTARGETS);
        for (uint32_t i = 0; i < count; ++i) {
            if (const auto& surface = verified_.surfaces[step.references + i]) {
                const View view{surface, wholeOf(*surface)};
                bindOutput(outputs, slotOf(kStreamOutput, 0, i), &view);
            }
        }
        break;
    case SVGA_3D_CMD_DX_SET_UA_VIEWS:
        unbind(outputs, slotOf(kUnorderedAccess, 0, 0), SVGA3D_DX11_1_MAX_UAVIEWS);
        for (uint32_t i = 0; i < count; ++i)
            bindOutput(outputs, slotOf(kUnorderedAccess, 0, i), lookUp(context_->unorderedAccessViews, element(i)));
        break;
    default:
        for (uint32_t i = 0; i < count; ++i)
            bindOutput(outputs, slotOf(kUnorderedAccess, 0, verified_.word(step, 0) + i),
                       lookUp(context_->unorderedAccessViews, element(i)));
        break;
    }
}

Context::Views& Batch::views(Reference reference) {
    switch (reference) {
    case Reference::ShaderView:
        return context_->shaderResourceViews;
    case Reference::RenderView:
        return context_->renderTargetViews;
    case Reference::DepthView:
        return context_->depthStencilViews;
    default:
        return context_->unorderedAccessViews;
    }
}

Context::Views& Batch::views(int8_t coTable) {
    switch (coTable) {
    case SVGA_COTABLE_SRVIEW:
        return context_->shaderResourceViews;
    case SVGA_COTABLE_RTVIEW:
        return context_->renderTargetViews;
    case SVGA_COTABLE_DSVIEW:
        return context_->depthStencilViews;
    default:
        return context_->unorderedAccessViews;
    }
}

void Batch::clearView(const Step& step) {
    const ReferenceField& field = step.info->fields[0];
    const auto& views = this->views(field.reference);
    write(views.at(verified_.word(step, field.offset)));
}

void Batch::generateMips(const Step& step) {
    const View& view = context_->shaderResourceViews.at(verified_.word(step, 0));
    SubresourceRange below = view.range;
    ++below.firstLevel;
    if (below.levels != 0 && below.levels != UINT32_MAX)
        --below.levels;
    write(view.surface, below);
}

void Batch::defineView(const Step& step) {
    const std::byte* body = verified_.commands.data() + step.body;
    const auto as = [body]<typename T>(T value) {
        std::memcpy(&value, body, sizeof(value));
        return value;
    };
    View view{verified_.surfaces[step.references], {}};
    switch (step.info->id) {
    case SVGA_3D_CMD_DX_DEFINE_SHADERRESOURCE_VIEW: {
        const auto define = as(SVGA3dCmdDXDefineShaderResourceView{});
        const auto& tex = define.desc.tex;
        const bool buffer =
            define.resourceDimension == SVGA3D_RESOURCE_BUFFER || define.resourceDimension == SVGA3D_RESOURCE_BUFFEREX;
        if (!buffer)
            view.range = {tex.mostDetailedMip, tex.mipLevels, tex.firstArraySlice, tex.arraySize};
        if (define.resourceDimension == SVGA3D_RESOURCE_TEXTURE3D) {
            view.range.firstLayer = 0;
            view.range.layers = 1;
        }
        break;
    }
    case SVGA_3D_CMD_DX_DEFINE_RENDERTARGET_VIEW: {
        const auto define = as(SVGA3dCmdDXDefineRenderTargetView{});
        view.range = levelOf(define.resourceDimension, define.desc.tex.mipSlice, define.desc.tex.firstArraySlice,
                             define.desc.tex.arraySize);
        break;
    }
    case SVGA_3D_CMD_DX_DEFINE_UA_VIEW: {
        const auto define = as(SVGA3dCmdDXDefineUAView{});
        view.range = levelOf(define.resourceDimension, define.desc.tex.mipSlice, define.desc.tex.firstArraySlice,
                             define.desc.tex.arraySize);
        break;
    }
    default: {
        const auto define = as(SVGA3dCmdDXDefineDepthStencilView{});
        view.range = levelOf(define.resourceDimension, define.mipSlice, define.firstArraySlice, define.arraySize);
        constexpr uint8_t kReadOnly = SVGA3D_DXDSVIEW_CREATE_READ_ONLY_DEPTH | SVGA3D_DXDSVIEW_CREATE_READ_ONLY_STENCIL;
        view.writes = (define.flags & kReadOnly) != kReadOnly;
        break;
    }
    }
    auto& views = this->views(step.info->coTable);
    const uint32_t id = verified_.word(step, 0);
    if (auto it = views.find(id); it != views.end())
        reference(it->second.surface);
    views.insert_or_assign(id, std::move(view));
}

void Batch::destroyView(const Step& step) {
    auto& views = this->views(step.info->coTable);
    auto it = views.find(verified_.word(step, 0));
    reference(it->second.surface);
    views.erase(it);
}

/// Ties a MOB to a shader, query or stream output, or unties it: the memory lives as long as the device may look at it.
void Batch::attach(const Step& step) {
    uint32_t id = verified_.word(step, 0);
    uint32_t mobId = SVGA3D_INVALID_ID;
    if (step.info->id == SVGA_3D_CMD_DX_BIND_SHADER)
        id = verified_.word(step, offsetof(SVGA3dCmdDXBindShader, shid));
    if (step.info->effect == Effect::Attach)
        mobId = verified_.word(step, step.info->fields[step.info->fieldCount - 1].offset);
    const uint64_t key = attachmentKey(step.info->coTable, id);
    if (auto it = context_->attachments.find(key); it != context_->attachments.end()) {
        inFlight_.buffers.push_back(std::move(it->second));
        context_->attachments.erase(it);
    }
    if (auto it = verified_.buffers.find(mobId); it != verified_.buffers.end())
        context_->attachments.emplace(key, it->second);
}

void Batch::synchronise(const Step& step) {
    if (step.info->effect == Effect::Update)
        ++kernel_.counters().userspace_updates;
    else if (step.info->effect == Effect::Readback)
        ++kernel_.counters().userspace_readbacks;
    // Of a surface that is kept coherent, guest memory may be older than the device's copy: both directions, and
    // what may be forgotten, are known better here.
    const auto& surface = verified_.surfaces[step.references];
    if (surface->followed)
        return;
    reference(surface);
    pass(step);
}

void Batch::bindSurface(const Step& step) {
    const auto& surface = verified_.surfaces[step.references];
    const uint32_t mobId = verified_.word(step, offsetof(SVGA3dCmdBindGBSurface, mobid));
    std::shared_ptr<BufferObject> buffer;
    if (auto it = verified_.buffers.find(mobId); it != verified_.buffers.end())
        buffer = it->second;
    if (surface->backup)
        inFlight_.buffers.push_back(surface->backup);
    if (surface->coherent) {
        // What the new memory holds is uploaded before the batch, so the surface is bound to it by then.
        kernel_.bindSurface(surface, std::move(buffer), before_);
    } else {
        surface->backup = std::move(buffer);
        pass(step);
    }
}

} // namespace svga::shim
