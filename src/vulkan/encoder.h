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
        : device_(device)
        , context_(device) {}

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
        std::byte* room = begin(id, references, sizeof(Body) + array.size_bytes());
        Body body{};
        fill(body);
        std::memcpy(room, &body, sizeof(body));
        if (!array.empty())
            std::memcpy(room + sizeof(body), array.data(), array.size_bytes());
        context_.stream().commit();
    }

    /** \brief The same for a command of \p size bytes that \p make returns. */
    template <typename Make>
    void emitBytes(uint32_t id, uint32_t references, Make&& make, size_t size) {
        std::byte* room = begin(id, references, size);
        const std::span<const std::byte> bytes = make();
        std::memcpy(room, bytes.data(), size);
        context_.stream().commit();
    }

    /** \brief The ids of what the command being filled uses. */
    uint32_t name(winsys::Surface& surface) { return context_.stream().reference(surface, false); }
    uint32_t name(winsys::Bo& bo) { return context_.stream().reference(bo); }

    /** \brief Submits the batch. \return a fence for all that was ever submitted; null: it is done. Throws Error. */
    winsys::Ref<winsys::Fence> flush();

    winsys::Context& context() { return context_; }
    winsys::Device& device() { return device_; }

private:
    /** \brief Room for the body of a command, of \p size bytes, behind its header. */
    std::byte* begin(uint32_t id, uint32_t references, size_t size);

    winsys::Device& device_;
    winsys::Context context_;
};

} // namespace svga::vulkan
