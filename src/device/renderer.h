// SPDX-License-Identifier: MIT
/**
 * \file
 * What the front of the device (registers, memory, command buffers, fences) needs of its back (surfaces, contexts,
 * drawing).
 */
#pragma once

#include "device/command_table.h"
#include "device/mob.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace svga::device {

/**
 * \brief Carries out the surface and drawing commands.
 *
 * Made, used and destroyed by one thread at a time (the command thread while that runs), except wait().
 */
class Renderer {
public:
    virtual ~Renderer() = default;

    /** \brief Adds its commands to \p table, which the renderer outlives. */
    virtual void registerCommands(CommandTable& table) = 0;

    /** \brief SVGA3D_DEVCAP_* and those of svga_coherent_device.h; 0 for what it does not know. Any thread. */
    virtual uint32_t devcap(uint32_t index) const = 0;

    /**
     * \brief Submits all that was recorded and returns a value that is reached when it is done and its results are in
     * guest memory. \throws Error when the GPU is lost.
     */
    virtual uint64_t submit() = 0;

    /** \brief Waits until \p value is reached. Any thread. \throws Error when the GPU is lost. */
    virtual void wait(uint64_t value) = 0;
};

/** \brief Makes a renderer whose commands find MOBs in \p mobs, which outlives it. \throws Error naming what is
 * missing. */
using RendererFactory = std::function<std::unique_ptr<Renderer>(const MobLookup& mobs)>;

/** \brief A renderer that accepts every 3D command and draws nothing: to bring up a driver, and for tests of the front.
 */
std::unique_ptr<Renderer> createNullRenderer();

struct VulkanRendererOptions {
    bool copyOnly = false; ///< never draw from guest memory directly
};

/** \brief The renderer that draws with Vulkan. \throws Error naming what is missing. */
std::unique_ptr<Renderer> createVulkanRenderer(const MobLookup& mobs, const VulkanRendererOptions& options);

} // namespace svga::device
