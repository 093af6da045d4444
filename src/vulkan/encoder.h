// SPDX-License-Identifier: MIT
/**
 * \file
 * Writes commands of the SVGA device into the winsys' command stream.
 *
 * A command that finds no room ends the batch: the device's state lives in its context, not in a batch, so that a batch
 * may end between any two commands.
 */
#pragma once

#include "gallium/winsys/svga/core/context.h"
#include "vulkan/mesa.h"

#include <svga3d_cmd.h>

#include <cstring>
#include <span>

namespace svga::vulkan {

/** \brief One thread at a time. */
class Encoder {
public:
    explicit Encoder(winsys::Device& device)
        : context_(device) {}

    /**
     * \brief Appends command \p id, whose body \p fill completes.
     *
     * \param references how many objects \p fill names at most, by name()
     * \param fill called with the body, zeroed
     * \param array follows the body
     * Throws Error where the command fits no batch, or the kernel refuses the batch that had to end for it.
     */
    template <typename Body, typename Fill, typename Element = uint32_t>
    void emit(uint32_t id, uint32_t references, Fill&& fill, std::span<const Element> array = {}) {
        auto* room =
            static_cast<std::byte*>(reserve(sizeof(SVGA3dCmdHeader) + sizeof(Body) + array.size_bytes(), references));
        const SVGA3dCmdHeader header{id, static_cast<uint32_t>(sizeof(Body) + array.size_bytes())};
        Body body{};
        fill(body);
        std::memcpy(room, &header, sizeof(header));
        std::memcpy(room + sizeof(header), &body, sizeof(body));
        if (!array.empty())
            std::memcpy(room + sizeof(header) + sizeof(body), array.data(), array.size_bytes());
        context_.stream().commit();
    }

    /** \brief The ids of what the command being filled uses. */
    uint32_t name(winsys::Surface& surface) { return context_.stream().reference(surface, false); }
    uint32_t name(winsys::Bo& bo) { return context_.stream().reference(bo); }

    /** \brief Submits the batch. \return a fence for all that was ever submitted; null: it is done. Throws Error. */
    winsys::Ref<winsys::Fence> flush();

    winsys::Context& context() { return context_; }

private:
    void* reserve(size_t bytes, uint32_t references);

    winsys::Context context_;
};

} // namespace svga::vulkan
