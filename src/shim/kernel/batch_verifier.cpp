// SPDX-License-Identifier: MIT
#include "shim/kernel/batch.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

namespace svga::shim {

namespace {

/// Commands that only a kernel may give, for they make and unmake what user space has handles for.
bool isKernelsOwn(uint32_t id) {
    switch (id) {
    case SVGA_3D_CMD_SET_OTABLE_BASE:
    case SVGA_3D_CMD_SET_OTABLE_BASE64:
    case SVGA_3D_CMD_READBACK_OTABLE:
    case SVGA_3D_CMD_DEFINE_GB_MOB:
    case SVGA_3D_CMD_DESTROY_GB_MOB:
    case SVGA_3D_CMD_REDEFINE_GB_MOB64:
    case SVGA_3D_CMD_UPDATE_GB_MOB_MAPPING:
    case SVGA_3D_CMD_DEFINE_GB_SURFACE:
    case SVGA_3D_CMD_DEFINE_GB_SURFACE_V2:
    case SVGA_3D_CMD_DEFINE_GB_SURFACE_V4:
    case SVGA_3D_CMD_DESTROY_GB_SURFACE:
    case SVGA_3D_CMD_DX_DEFINE_CONTEXT:
    case SVGA_3D_CMD_DX_DESTROY_CONTEXT:
    case SVGA_3D_CMD_DX_BIND_CONTEXT:
    case SVGA_3D_CMD_DX_READBACK_CONTEXT:
        return true;
    default:
        return false;
    }
}

[[noreturn]] void refuse() {
    throw IoctlError(EINVAL);
}

class Verifier {
public:
    Verifier(const BatchScope& scope, std::vector<std::byte> commands)
        : scope_(scope) {
        batch_.commands = std::move(commands);
    }

    VerifiedBatch run() {
        std::vector<std::byte>& bytes = batch_.commands;
        std::size_t offset = 0;
        while (offset < bytes.size()) {
            SVGA3dCmdHeader header;
            if (bytes.size() - offset < sizeof(header))
                refuse();
            std::memcpy(&header, bytes.data() + offset, sizeof(header));
            offset += sizeof(header);
            if (header.size > bytes.size() - offset || header.size % 4 != 0)
                refuse();
            command(header, static_cast<uint32_t>(offset));
            offset += header.size;
        }
        return std::move(batch_);
    }

private:
    using Step = VerifiedBatch::Step;

    void command(const SVGA3dCmdHeader& header, uint32_t body) {
        const CommandInfo* info = findCommand(header.id);
        if (info == nullptr && isKernelsOwn(header.id))
            throw IoctlError(EPERM);
        if (info == nullptr || header.size < info->bodySize || (info->needsContext && !scope_.context))
            refuse();
        const uint32_t rest = header.size - info->bodySize;
        const uint32_t count = info->elementSize != 0 ? rest / info->elementSize : 0;
        if (rest != count * info->elementSize || count > info->maxElements)
            refuse();
        const Step step{info, body, header.size, static_cast<uint32_t>(batch_.surfaces.size())};
        batch_.steps.push_back(step);
        for (uint8_t i = 0; i < info->fieldCount; ++i)
            reference(info->fields[i], body + info->fields[i].offset);
        if (info->element) {
            for (uint32_t i = 0; i < count; ++i)
                reference(*info->element, body + info->bodySize + i * info->elementSize + info->element->offset);
        }
        slots(step, count);
        objects(step);
    }

    /// A range of slots must lie within what there is.
    void slots(const Step& step, uint32_t count) {
        const auto stage = [&](std::size_t offset) {
            const uint32_t type = batch_.word(step, offset);
            if (type < SVGA3D_SHADERTYPE_MIN || type >= SVGA3D_SHADERTYPE_MAX)
                refuse();
        };
        const auto range = [&] {
            const uint32_t first = batch_.word(step, 0);
            if (first > step.info->maxElements || count > step.info->maxElements - first)
                refuse();
        };
        switch (step.info->id) {
        case SVGA_3D_CMD_DX_SET_SINGLE_CONSTANT_BUFFER:
            stage(offsetof(SVGA3dCmdDXSetSingleConstantBuffer, type));
            if (batch_.word(step, 0) >= SVGA3D_DX_MAX_CONSTBUFFERS)
                refuse();
            break;
        case SVGA_3D_CMD_DX_SET_SHADER_RESOURCES:
        case SVGA_3D_CMD_DX_SET_SAMPLERS:
            stage(4);
            range();
            break;
        case SVGA_3D_CMD_DX_SET_SHADER:
            stage(offsetof(SVGA3dCmdDXSetShader, type));
            break;
        case SVGA_3D_CMD_DX_SET_VERTEX_BUFFERS:
        case SVGA_3D_CMD_DX_SET_CS_UA_VIEWS:
            range();
            break;
        default:
            break;
        }
    }

    /// Ids that user space chooses: room in the co-table, and which views there are from here on.
    void objects(const Step& step) {
        switch (step.info->effect) {
        case Effect::DefineView:
        case Effect::DefineState: {
            const uint32_t id = batch_.word(step, 0);
            if (id >= SVGA_COTABLE_MAX_IDS)
                refuse();
            auto& entries = batch_.coTableEntries[step.info->coTable];
            entries = std::max(entries, id + 1);
            if (step.info->effect == Effect::DefineView)
                views_[{step.info->coTable, id}] = true;
            break;
        }
        case Effect::DestroyView:
            if (!viewExists(step.info->coTable, batch_.word(step, 0)))
                refuse();
            views_[{step.info->coTable, batch_.word(step, 0)}] = false;
            break;
        default:
            break;
        }
    }

    const Context::Views& contextViews(int8_t coTable) const {
        switch (coTable) {
        case SVGA_COTABLE_SRVIEW:
            return scope_.context->shaderResourceViews;
        case SVGA_COTABLE_RTVIEW:
            return scope_.context->renderTargetViews;
        case SVGA_COTABLE_DSVIEW:
            return scope_.context->depthStencilViews;
        default:
            return scope_.context->unorderedAccessViews;
        }
    }

    bool viewExists(int8_t coTable, uint32_t id) const {
        if (auto it = views_.find({coTable, id}); it != views_.end())
            return it->second;
        return contextViews(coTable).contains(id);
    }

    void reference(const ReferenceField& field, std::size_t at) {
        uint32_t value;
        std::memcpy(&value, batch_.commands.data() + at, sizeof(value));
        const bool none = value == SVGA3D_INVALID_ID;
        if (none && field.presence == Presence::Required)
            refuse();
        switch (field.reference) {
        case Reference::Surface:
            batch_.surfaces.push_back(none ? nullptr : surface(value));
            if (!none)
                patch(at, batch_.surfaces.back()->id);
            return;
        case Reference::Mob:
            if (!none)
                patch(at, mob(value));
            return;
        case Reference::Context:
            if (!scope_.context || value != scope_.contextHandle)
                refuse();
            patch(at, scope_.context->id);
            return;
        case Reference::ShaderView:
            view(SVGA_COTABLE_SRVIEW, value, none);
            return;
        case Reference::RenderView:
            view(SVGA_COTABLE_RTVIEW, value, none);
            return;
        case Reference::DepthView:
            view(SVGA_COTABLE_DSVIEW, value, none);
            return;
        case Reference::UnorderedView:
            view(SVGA_COTABLE_UAVIEW, value, none);
            return;
        }
    }

    void view(int8_t coTable, uint32_t id, bool none) {
        if (!none && !viewExists(coTable, id))
            refuse();
    }

    std::shared_ptr<Surface> surface(uint32_t handle) {
        auto surface = scope_.handles.find<Surface>(handle);
        if (!surface)
            refuse();
        if (surface->backup && surface->backup->cpuGrabs > 0)
            throw IoctlError(EBUSY);
        return surface;
    }

    uint32_t mob(uint32_t handle) {
        auto buffer = scope_.handles.find<BufferObject>(handle);
        if (!buffer)
            refuse();
        if (buffer->cpuGrabs > 0)
            throw IoctlError(EBUSY);
        const uint32_t id = buffer->mobId;
        batch_.buffers[id] = std::move(buffer);
        return id;
    }

    void patch(std::size_t at, uint32_t id) { std::memcpy(batch_.commands.data() + at, &id, sizeof(id)); }

    const BatchScope& scope_;
    VerifiedBatch batch_;
    std::map<std::pair<int8_t, uint32_t>, bool> views_; ///< as this batch leaves them
};

} // namespace

VerifiedBatch verifyBatch(const BatchScope& scope, std::vector<std::byte> commands) {
    return Verifier(scope, std::move(commands)).run();
}

} // namespace svga::shim
