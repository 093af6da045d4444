// SPDX-License-Identifier: MIT
/**
 * \file
 * What the front of the device (registers, memory, command buffers, fences) needs of its back (surfaces, contexts,
 * drawing).
 */
#pragma once

#include "device/command_table.h"
#include "device/mob.h"
#include "device/vulkan/device_mask.h"

#include <svga3d_reg.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace svga::device {

/** \brief The texels of an image, row after row, nothing between. */
struct ImageBytes {
    SVGA3dSurfaceFormat format;
    uint32_t width, height; ///< in texels
    std::vector<std::byte> bytes;
};

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

    /**
     * \brief What an image of a surface holds; nothing where there is no such image, or none that can be read. Command
     * thread only, or while that stands. \throws Error when the GPU is lost.
     */
    virtual std::optional<ImageBytes> readImage(const SVGA3dSurfaceImageId&) { return std::nullopt; }

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
    DeviceMask mask;       ///< what the GPU is taken not to have
};

/** \brief The renderer that draws with Vulkan. \throws Error naming what is missing. */
std::unique_ptr<Renderer> createVulkanRenderer(const MobLookup& mobs, const VulkanRendererOptions& options);

} // namespace svga::device
