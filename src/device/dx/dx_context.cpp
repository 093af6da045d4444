// SPDX-License-Identifier: MIT
#include "device/dx/dx_context.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>

namespace svga::device {

namespace {

/// Longest shader accepted; svga3d_limits.h gives the same for all shader memory of a context.
constexpr uint32_t kMaxShaderBytes = SVGA3D_MAX_SHADER_MEMORY_BYTES;

template <typename T, std::size_t N>
void fillInvalid(T (&ids)[N]) {
    std::fill(std::begin(ids), std::end(ids), SVGA3D_INVALID_ID);
}

} // namespace

BoundState::BoundState() {
    std::memset(&guest, 0, sizeof(guest));
    auto& inputs = guest.inputAssembly;
    inputs.layoutId = SVGA3D_INVALID_ID;
    for (auto& buffer : inputs.vertexBuffers)
        buffer.bufferId = SVGA3D_INVALID_ID;
    inputs.indexBufferSid = SVGA3D_INVALID_ID;

    auto& render = guest.renderState;
    render.blendStateId = render.depthStencilStateId = render.rasterizerStateId = SVGA3D_INVALID_ID;
    render.depthStencilViewId = SVGA3D_INVALID_ID;
    render.sampleMask = UINT32_MAX;
    fillInvalid(render.renderTargetViewIds);

    fillInvalid(guest.streamOut.targets);
    guest.streamOut.soid = SVGA3D_INVALID_ID;
    guest.predication.queryID = SVGA3D_INVALID_ID;
    guest.shaderIfaceMobid = SVGA3D_INVALID_ID;
    for (auto& stage : guest.shaderState) {
        stage.shaderId = SVGA3D_INVALID_ID;
        for (auto& buffer : stage.constantBuffers)
            buffer.sid = SVGA3D_INVALID_ID;
        fillInvalid(stage.shaderResources);
        fillInvalid(stage.samplers);
    }
    fillInvalid(guest.queryID);
    for (auto& table : guest.cotables)
        table.mobid = SVGA3D_INVALID_ID;
    fillInvalid(guest.uaViewIds);
    fillInvalid(guest.csuaViewIds);
    vertexBufferSizes.fill(UINT32_MAX);
}

void DxContext::bind(std::shared_ptr<Mob> mob, bool validContents) {
    if (mob && validContents) {
        if (mob->size() < sizeof(SVGADXContextMobFormat))
            throw CommandError("MOB {} of {} bytes is too small for context {}: {} bytes wanted", mob->id(),
                               mob->size(), id_, sizeof(SVGADXContextMobFormat));
        BoundState restored;
        restored.guest = mob->readValue<SVGADXContextMobFormat>(0);
        restored.guest.numViewports = std::min<uint8_t>(restored.guest.numViewports, SVGA3D_DX_MAX_VIEWPORTS);
        restored.guest.numScissorRects = std::min<uint8_t>(restored.guest.numScissorRects, SVGA3D_DX_MAX_SCISSORRECTS);
        // The format has no sizes; where the same buffers are bound, those that were told still hold.
        for (uint32_t slot = 0; slot < SVGA3D_DX_MAX_VERTEXBUFFERS; ++slot)
            if (restored.guest.inputAssembly.vertexBuffers[slot].bufferId ==
                state.guest.inputAssembly.vertexBuffers[slot].bufferId)
                restored.vertexBufferSizes[slot] = state.vertexBufferSizes[slot];
        state = restored;
    }
    mob_ = std::move(mob);
}

void DxContext::readback() {
    if (!mob_)
        throw CommandError("context {} has no MOB to be read back to", id_);
    for (uint32_t type = 0; type < SVGA_COTABLE_MAX; ++type)
        state.guest.cotables[type].mobid = tables_[type].mob() ? tables_[type].mob()->id() : SVGA3D_INVALID_ID;
    mob_->write(0, std::as_bytes(std::span(&state.guest, 1)));
}

CoTable& DxContext::table(uint32_t type) {
    if (type >= SVGA_COTABLE_MAX)
        throw CommandError("COTable type {} is unknown", type);
    return tables_[type];
}

std::shared_ptr<Shader> DxContext::shader(uint32_t id, SVGA3dShaderType type, ShaderCache& cache,
                                          const MobLookup& mobs) {
    if (id == SVGA3D_INVALID_ID)
        return nullptr;
    if (auto known = shaders_.find(id); known != shaders_.end())
        return known->second && known->second->type() == type ? known->second : nullptr;

    std::shared_ptr<Shader> shader;
    const auto entry = find<SVGACOTableDXShaderEntry>(id);
    if (!entry || entry->mobid == SVGA3D_INVALID_ID || entry->type != type)
        return nullptr; // not yet bound: look again at the next draw
    try {
        if (entry->sizeInBytes < 2 * sizeof(uint32_t) || entry->sizeInBytes > kMaxShaderBytes)
            throw CommandError("its size is {} bytes", entry->sizeInBytes);
        std::vector<uint32_t> tokens(entry->sizeInBytes / sizeof(uint32_t));
        mobs.get(entry->mobid)->read(entry->offsetInBytes, std::as_writable_bytes(std::span(tokens)));
        shader = cache.get(type, std::move(tokens));
    } catch (const Error& error) {
        spdlog::error("context {}: shader {} cannot be used: {}", id_, id, error.what());
    }
    shaders_[id] = shader;
    return shader;
}

} // namespace svga::device
