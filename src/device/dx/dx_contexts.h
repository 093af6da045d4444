// SPDX-License-Identifier: MIT
/**
 * \file
 * DX contexts: all DX_* commands that define, bind and draw.
 *
 * A DX context is the guest's rendering context. What it has bound is kept in the layout the guest knows
 * (SVGADXContextMobFormat), what it has defined (views, state objects, shaders, queries) lives in its COTables, which
 * are guest memory. A draw reads the bound entries from there, checks them and derives the Vulkan state anew; what is
 * costly to make (shader modules, pipelines, samplers, descriptor sets) is cached by value and shared by all contexts.
 * So a table that moves, an object destroyed while bound, a surface that is gone need no bookkeeping: they read as
 * unbound.
 *
 * Command thread only.
 */
#pragma once

#include "device/command_table.h"
#include "device/mob.h"
#include "device/vulkan/gpu_queue.h"
#include "device/vulkan/surface_manager.h"
#include "device/vulkan/vulkan_device.h"

#include <cstdint>
#include <memory>

namespace svga::device {

class DxContexts {
public:
    /** All arguments are kept by reference and must outlive the object. \throws Error when Vulkan refuses. */
    static std::unique_ptr<DxContexts> create(const VulkanDevice& device, GpuQueue& queue, const MobLookup& mobs,
                                              SurfaceManager& surfaces);

    virtual ~DxContexts() = default;

    /**
     * \brief Writes the results of all queries that have ended to their MOBs, waiting for the GPU where needed.
     *
     * To be called before a fence or the end of a command buffer is reported to the guest. Costs nothing where no query
     * has ended since the last call.
     * \throws Error when the Vulkan device is lost.
     */
    virtual void finishQueries() = 0;

    /**
     * \brief Whether the predicate of context \p contextId has the device skip rendering and PRED_* copies now.
     *
     * May wait for the GPU. False where there is no such context or no predicate.
     */
    virtual bool predicateSkips(uint32_t contextId) = 0;

protected:
    DxContexts() = default;
    friend void registerDxCommands(CommandTable& table, DxContexts& contexts);
    virtual void registerCommands(CommandTable& table) = 0;
};

/** \brief Adds the DX_* commands listed in dx_commands.cpp to \p table. \p contexts must outlive it. */
void registerDxCommands(CommandTable& table, DxContexts& contexts);

} // namespace svga::device
