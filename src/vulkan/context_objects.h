// SPDX-License-Identifier: MIT
/**
 * \file
 * Views, states and shaders in the queue's DX context.
 *
 * They are made when a draw or dispatch first needs them, found again by their content, and go when their surface goes
 * or there are too many. Their ids are the context's: small numbers, given out again.
 */
#pragma once

#include "vulkan/encoder.h"

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

namespace svga::vulkan {

/** \brief Gives out small numbers. */
class IdAllocator {
public:
    uint32_t take() {
        if (free_.empty())
            return next_++;
        const uint32_t id = free_.back();
        free_.pop_back();
        return id;
    }
    void give(uint32_t id) { free_.push_back(id); }

private:
    uint32_t next_ = 0;
    std::vector<uint32_t> free_;
};

/** \brief One thread at a time. */
class ContextObjects {
public:
    enum Kind {
        ShaderResourceView,
        UnorderedAccessView,
        RenderTargetView,
        DepthStencilView,
        SamplerState,
        BlendState,
        DepthStencilState,
        RasterizerState,
        ElementLayout,
        kKinds
    };

    explicit ContextObjects(Encoder& encoder)
        : encoder_(encoder) {}

    /**
     * \brief Id of the view that \p body, a DEFINE command's, describes; of it, id and surface id are filled here.
     * Throws Error.
     */
    template <typename Body>
    uint32_t view(Kind kind, winsys::Surface& surface, const Body& body) {
        return find(kind, &surface, &body, sizeof(body), {});
    }

    /** \brief Id of the state that \p body, a DEFINE command's, and what follows it describe. Throws Error. */
    template <typename Body>
    uint32_t state(Kind kind, const Body& body, std::span<const std::byte> array = {}) {
        return find(kind, nullptr, &body, sizeof(body), array);
    }

    /** \brief Destroys the views of \p surface. \return whether there were any. */
    bool forget(const winsys::Surface& surface);

    /**
     * \brief Destroys all objects of kinds of which there are many. To be called where no id is in use but by what is
     * bound. \return whether any went: then nothing is bound any more.
     */
    bool trim();

    /** \brief Makes a shader of tokens and signature. Throws Error. */
    uint32_t createShader(SVGA3dShaderType type, std::span<const uint32_t> tokens, std::span<const uint32_t> signature);
    void destroyShader(uint32_t id);

private:
    struct Object {
        uint32_t id;
        const winsys::Surface* surface; ///< of a view
    };

    uint32_t find(Kind kind, winsys::Surface* surface, const void* body, size_t size, std::span<const std::byte> array);
    void destroy(Kind kind, uint32_t id);

    Encoder& encoder_;
    std::array<IdAllocator, kKinds> ids_;
    std::array<std::unordered_map<std::string, Object>, kKinds> objects_;
    std::unordered_map<const winsys::Surface*, std::vector<std::pair<Kind, std::string>>> views_;
    IdAllocator shaderIds_;
    std::unordered_map<uint32_t, winsys::Ref<winsys::Bo>> shaders_;
};

} // namespace svga::vulkan
