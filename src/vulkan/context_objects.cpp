// SPDX-License-Identifier: MIT
#include "vulkan/context_objects.h"

#include <svga3d_dx.h>

namespace svga::vulkan {

namespace {

constexpr size_t kMany = 4096; ///< objects of a kind

struct Commands {
    uint32_t define, destroy;
};

constexpr std::array<Commands, ContextObjects::kKinds> kCommands{{
    {SVGA_3D_CMD_DX_DEFINE_SHADERRESOURCE_VIEW, SVGA_3D_CMD_DX_DESTROY_SHADERRESOURCE_VIEW},
    {SVGA_3D_CMD_DX_DEFINE_UA_VIEW, SVGA_3D_CMD_DX_DESTROY_UA_VIEW},
    {SVGA_3D_CMD_DX_DEFINE_RENDERTARGET_VIEW, SVGA_3D_CMD_DX_DESTROY_RENDERTARGET_VIEW},
    {SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW, SVGA_3D_CMD_DX_DESTROY_DEPTHSTENCIL_VIEW},
    {SVGA_3D_CMD_DX_DEFINE_SAMPLER_STATE, SVGA_3D_CMD_DX_DESTROY_SAMPLER_STATE},
    {SVGA_3D_CMD_DX_DEFINE_BLEND_STATE, SVGA_3D_CMD_DX_DESTROY_BLEND_STATE},
    {SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_STATE, SVGA_3D_CMD_DX_DESTROY_DEPTHSTENCIL_STATE},
    {SVGA_3D_CMD_DX_DEFINE_RASTERIZER_STATE, SVGA_3D_CMD_DX_DESTROY_RASTERIZER_STATE},
    {SVGA_3D_CMD_DX_DEFINE_ELEMENTLAYOUT, SVGA_3D_CMD_DX_DESTROY_ELEMENTLAYOUT},
}};

/// Commands that destroy have nothing but the id; those that define begin with it, and views' with the surface's then.
struct IdOnly {
    uint32_t id;
};
struct Nothing {};

} // namespace

uint32_t ContextObjects::find(Kind kind, winsys::Surface* surface, const void* body, size_t size,
                              std::span<const std::byte> array) {
    std::string key(static_cast<const char*>(body), size);
    key.append(reinterpret_cast<const char*>(array.data()), array.size());
    key.append(reinterpret_cast<const char*>(&surface), sizeof(surface));
    if (const auto found = objects_[kind].find(key); found != objects_[kind].end())
        return found->second.id;

    std::vector<std::byte> command(size + array.size());
    std::memcpy(command.data(), body, size);
    if (!array.empty())
        std::memcpy(command.data() + size, array.data(), array.size());
    const uint32_t id = ids_[kind].take();
    std::memcpy(command.data(), &id, sizeof(id));
    encoder_.emitBytes(
        kCommands[kind].define, surface ? 1 : 0,
        [&]() -> std::span<const std::byte> {
            if (surface) {
                const uint32_t name = encoder_.name(*surface);
                std::memcpy(command.data() + sizeof(id), &name, sizeof(name));
            }
            return command;
        },
        command.size());
    if (surface)
        views_[surface].emplace_back(kind, key);
    objects_[kind].emplace(std::move(key), Object{id, surface});
    return id;
}

void ContextObjects::destroy(Kind kind, uint32_t id) {
    encoder_.emit<IdOnly>(kCommands[kind].destroy, 0, [id](auto& body) { body.id = id; });
    ids_[kind].give(id);
}

bool ContextObjects::forget(const winsys::Surface& surface) {
    const auto found = views_.find(&surface);
    if (found == views_.end())
        return false;
    for (const auto& [kind, key] : found->second) {
        const auto object = objects_[kind].find(key);
        destroy(kind, object->second.id);
        objects_[kind].erase(object);
    }
    views_.erase(found);
    return true;
}

bool ContextObjects::trim() {
    bool any = false;
    for (int i = 0; i < kKinds; ++i) {
        const auto kind = static_cast<Kind>(i);
        if (objects_[kind].size() < kMany)
            continue;
        any = true;
        for (const auto& [key, object] : objects_[kind])
            destroy(kind, object.id);
        objects_[kind].clear();
        for (auto& [surface, views] : views_)
            std::erase_if(views, [kind](const auto& view) { return view.first == kind; });
    }
    return any;
}

uint32_t ContextObjects::createShader(SVGA3dShaderType type, std::span<const uint32_t> tokens,
                                      std::span<const uint32_t> signature) {
    const auto size = static_cast<uint32_t>(tokens.size_bytes() + signature.size_bytes());
    winsys::Ref<winsys::Bo> memory = winsys::Bo::create(encoder_.device(), size);
    auto* bytes = static_cast<std::byte*>(memory->map());
    std::memcpy(bytes, tokens.data(), tokens.size_bytes());
    if (!signature.empty())
        std::memcpy(bytes + tokens.size_bytes(), signature.data(), signature.size_bytes());
    memory->unmap();
    const uint32_t id = shaderIds_.take();
    encoder_.emit<SVGA3dCmdDXDefineShader>(SVGA_3D_CMD_DX_DEFINE_SHADER, 0, [&](auto& body) {
        body.shaderId = id;
        body.type = type;
        body.sizeInBytes = size;
    });
    encoder_.emit<SVGA3dCmdDXBindShader>(SVGA_3D_CMD_DX_BIND_SHADER, 1, [&](auto& body) {
        body.cid = encoder_.context().id();
        body.shid = id;
        body.mobid = encoder_.name(*memory);
        body.offsetInBytes = 0;
    });
    shaders_[id] = std::move(memory);
    return id;
}

void ContextObjects::destroyShader(uint32_t id) {
    encoder_.emit<SVGA3dCmdDXDestroyShader>(SVGA_3D_CMD_DX_DESTROY_SHADER, 0, [id](auto& body) { body.shaderId = id; });
    shaders_.erase(id);
    shaderIds_.give(id);
}

} // namespace svga::vulkan
