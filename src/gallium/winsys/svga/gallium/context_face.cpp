// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/gallium/face.h"

#include <cstdlib>

namespace svga::winsys {

namespace {

ContextFace& faceOf(struct svga_winsys_context* context) {
    return *static_cast<ContextFace*>(context);
}

/**
 * \brief Runs \p action, which the interface does not allow to fail.
 *
 * A command stream that misses a reference must not reach the device, and there is no way to tell the driver.
 */
template <typename Action>
void infallible(Action&& action) noexcept {
    try {
        action();
    } catch (const std::exception& error) {
        reportError(error.what());
        std::abort();
    }
}

void assign(uint32_t* destination, uint32_t value) {
    if (destination)
        *destination = value;
}

void destroyContext(struct svga_winsys_context* context) {
    ContextFace& face = faceOf(context);
    if (face.imported_fence_fd >= 0)
        UniqueFd(face.imported_fence_fd).reset();
    delete &face;
}

void* reserve(struct svga_winsys_context* context, uint32_t bytes, uint32_t relocations) {
    CommandStream& stream = faceOf(context).context.stream();
    if (context->hints & SVGA_HINT_FLAG_CAN_PRE_FLUSH)
        stream.allowEarlySubmit();
    return guarded<void*>(nullptr, [&] { return stream.reserve(bytes, relocations); });
}

unsigned commandBufferSize(struct svga_winsys_context* context) {
    return static_cast<unsigned>(faceOf(context).context.stream().commands().size());
}

void surfaceRelocation(struct svga_winsys_context* context, uint32* sid, uint32* mobid,
                       struct svga_winsys_surface* surface, unsigned flags) {
    if (!surface) {
        assign(sid, SVGA3D_INVALID_ID);
        assign(mobid, SVGA3D_INVALID_ID);
        return;
    }
    infallible([&] {
        Surface& object = *fromGallium(surface);
        assign(sid, faceOf(context).context.stream().reference(object, flags & SVGA_RELOC_INTERNAL));
        assign(mobid, object.bo()->handle());
    });
    ++context->num_surf_reloc;
}

void mobRelocation(struct svga_winsys_context* context, SVGAMobId* id, uint32* offsetIntoMob,
                   struct svga_winsys_buffer* buffer, uint32 offset, unsigned) {
    infallible([&] { assign(id, faceOf(context).context.stream().reference(*fromGallium(buffer))); });
    assign(offsetIntoMob, offset);
}

void regionRelocation(struct svga_winsys_context* context, struct SVGAGuestPtr* pointer,
                      struct svga_winsys_buffer* buffer, uint32 offset, unsigned flags) {
    mobRelocation(context, &pointer->gmrId, &pointer->offset, buffer, offset, flags);
}

void shaderRelocation(struct svga_winsys_context* context, uint32* shid, uint32* mobid, uint32* offset,
                      struct svga_winsys_gb_shader* shader, unsigned) {
    if (!shader) {
        assign(shid, SVGA3D_INVALID_ID);
        return;
    }
    infallible([&] {
        const Shader& object = *fromGallium(shader);
        assign(shid, object.id());
        assign(mobid, faceOf(context).context.stream().reference(object.bo()));
    });
    assign(offset, 0);
    ++context->num_shader_reloc;
}

void contextRelocation(struct svga_winsys_context* context, uint32* cid) {
    *cid = context->cid;
}

void queryRelocation(struct svga_winsys_context* context, SVGAMobId* id, struct svga_winsys_gb_query* query) {
    infallible([&] { assign(id, faceOf(context).context.stream().reference(fromGallium(query)->bo())); });
}

enum pipe_error bindQuery(struct svga_winsys_context*, struct svga_winsys_gb_query*, unsigned) {
    return PIPE_OK; // all queries live in one MOB, which DX_BIND_QUERY names
}

void commit(struct svga_winsys_context* context) {
    infallible([&] { faceOf(context).context.stream().commit(); });
}

enum pipe_error flush(struct svga_winsys_context* context, struct pipe_fence_handle** fence) {
    ContextFace& face = faceOf(context);
    Context::Submission submission;
    submission.exportFence = context->hints & SVGA_HINT_FLAG_EXPORT_FENCE_FD;
    submission.waitFor.reset(std::exchange(context->imported_fence_fd, -1));
    context->hints &= ~uint32(SVGA_HINT_FLAG_CAN_PRE_FLUSH | SVGA_HINT_FLAG_EXPORT_FENCE_FD);
    if (!face.context.stream().commands().empty())
        ++context->num_command_buffers;
    // The driver does not look at a flush's result and GL has no way to say that a batch was lost: going on would show
    // wrong pictures, or wait for results that never come.
    infallible([&] {
        Ref<Fence> done = face.context.submit(std::move(submission));
        if (fence)
            referenceOpaque(fence, reinterpret_cast<struct pipe_fence_handle*>(done.get()));
    });
    return PIPE_OK;
}

void* mapSurface(struct svga_winsys_context* context, struct svga_winsys_surface* surface, unsigned flags, bool* retry,
                 bool* rebind) {
    *retry = false;
    *rebind = false; // a map never changes the backing
    MapAccess access;
    access.write = flags & PIPE_MAP_WRITE;
    access.unsynchronized = flags & PIPE_MAP_UNSYNCHRONIZED;
    access.dontBlock = flags & PIPE_MAP_DONTBLOCK;
    access.discard = flags & PIPE_MAP_DISCARD_WHOLE_RESOURCE;
    return guarded<void*>(nullptr, [&] {
        const Context::Mapping mapping = faceOf(context).context.map(*fromGallium(surface), access);
        *retry = mapping.submitFirst;
        return mapping.address;
    });
}

void unmapSurface(struct svga_winsys_context*, struct svga_winsys_surface* surface, bool* rebind) {
    *rebind = false;
    fromGallium(surface)->unmap();
}

struct svga_winsys_gb_shader* createDxShader(struct svga_winsys_context* context, uint32 id, SVGA3dShaderType,
                                             const uint32* code, uint32 codeBytes,
                                             const SVGA3dDXShaderSignatureHeader* signature, uint32 signatureBytes) {
    return createShader(faceOf(context).device, id, code, codeBytes, signature, signatureBytes);
}

void destroyShader(struct svga_winsys_context*, struct svga_winsys_gb_shader* shader) {
    fromGallium(shader)->unref();
}

enum pipe_error rebindResource(struct svga_winsys_context* context, struct svga_winsys_surface* surface,
                               struct svga_winsys_gb_shader* shader, unsigned flags) {
    if (!reserve(context, 0, 1))
        return PIPE_ERROR_OUT_OF_MEMORY;
    if (surface)
        surfaceRelocation(context, nullptr, nullptr, surface, flags);
    else if (shader)
        shaderRelocation(context, nullptr, nullptr, nullptr, shader, flags);
    commit(context);
    return PIPE_OK;
}

} // namespace

ContextFace::ContextFace(Device& onDevice)
    : svga_winsys_context{}
    , device(onDevice)
    , context(onDevice) {
    svga_winsys_context::destroy = destroyContext;
    svga_winsys_context::reserve = winsys::reserve;
    get_command_buffer_size = commandBufferSize;
    surface_relocation = surfaceRelocation;
    region_relocation = regionRelocation;
    shader_relocation = shaderRelocation;
    context_relocation = contextRelocation;
    mob_relocation = mobRelocation;
    query_relocation = queryRelocation;
    query_bind = bindQuery;
    svga_winsys_context::commit = winsys::commit;
    svga_winsys_context::flush = winsys::flush;
    surface_map = mapSurface;
    surface_unmap = unmapSurface;
    shader_create = createDxShader;
    shader_destroy = destroyShader;
    resource_rebind = rebindResource;

    cid = context.id();
    imported_fence_fd = -1;
    have_gb_objects = true;
    force_coherent = true;
}

struct svga_winsys_context* createContext(struct svga_winsys_screen* screen) {
    return guarded<struct svga_winsys_context*>(nullptr, [&] { return new ContextFace(deviceOf(screen)); });
}

} // namespace svga::winsys
