// SPDX-License-Identifier: MIT
/**
 * \file
 * DX contexts: where commands run.
 */
#pragma once

#include "gallium/winsys/svga/core/command_stream.h"
#include "gallium/winsys/svga/core/fence.h"

namespace svga::winsys {

/** \brief A DX context of the device and the batch being built for it. One thread at a time. */
class Context {
public:
    /** \brief Makes a DX context. Throws Error. */
    explicit Context(Device& device);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    uint32_t id() const { return id_; }
    CommandStream& stream() { return stream_; }

    struct Submission {
        bool exportFence = false; ///< the fence shall have a sync file
        UniqueFd waitFor;         ///< sync file that the device waits for before it begins
    };

    /**
     * \brief Submits the batch and begins a new one.
     * \return a fence that signals when all that this context ever submitted is done; null: it is done already.
     *
     * Nothing goes to the kernel where there is nothing to do, wait for or export. Throws Error where the kernel
     * refuses the batch, which is then lost.
     */
    Ref<Fence> submit(Submission submission);

    struct Mapping {
        void* address;    ///< null: see below
        bool submitFirst; ///< the batch uses the surface: submit it and map again. Otherwise null means busy
    };

    /** \brief Maps a surface so that the batch's use of it comes before the CPU's. As Surface::map(). */
    Mapping map(Surface& surface, const MapAccess& access);

private:
    Device& device_;
    uint32_t id_;
    CommandStream stream_;
    Ref<Fence> lastFence_;
};

} // namespace svga::winsys
