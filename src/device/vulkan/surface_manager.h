// SPDX-License-Identifier: MIT
#pragma once

#include "device/command_table.h"
#include "device/vulkan/gpu_surface.h"
#include "device/vulkan/surface_copy.h"
#include "device/vulkan/surface_transfer.h"

#include <functional>
#include <unordered_map>

namespace svga::device {

/**
 * \brief All surfaces, by id, and the commands on them: define, bind, update, read back, copy.
 *
 * Surfaces that were destroyed, and memory that was unbound, live on until what was recorded with them is done; a
 * surface that was got from here needs no keepAlive() of its own. Command thread only.
 */
class SurfaceManager final : public SurfaceLookup {
public:
    struct Options {
        /// Draw from buffers' guest memory in place where Vulkan can import it; off: always copy.
        bool zeroCopy = true;
        /// Bytes of host memory for all surfaces; 0: half of the device's.
        uint64_t memoryLimit = 0;
    };

    /** All arguments are kept by reference and must outlive the manager. */
    SurfaceManager(const VulkanDevice& device, GpuQueue& queue, const MobLookup& mobs, const Options& options);
    ~SurfaceManager() override;

    /** \brief Whether buffers are in fact drawn in place: asked for, and the device can. */
    bool zeroCopy() const { return environment_.zeroCopy; }

    std::shared_ptr<Surface> get(uint32_t surfaceId) const override { return at(surfaceId); }
    /** \throws CommandError where there is no such surface. */
    std::shared_ptr<GpuSurface> at(uint32_t surfaceId) const;

    /** \throws CommandError where the id is taken or too large, or as GpuSurface. */
    void define(const SurfaceDesc& desc);
    void destroy(uint32_t surfaceId);
    /** SVGA_ID_INVALID (or SVGA3D_INVALID_ID) unbinds. */
    void bind(uint32_t surfaceId, uint32_t mobId, uint32_t pitch = 0);

    void update(uint32_t surfaceId);
    void update(uint32_t surfaceId, uint32_t subresource, const SVGA3dBox& box);
    void readback(uint32_t surfaceId);
    void readback(uint32_t surfaceId, uint32_t subresource);
    void readback(uint32_t surfaceId, uint32_t subresource, const SVGA3dBox& box);

    /** \brief DX_GENMIPS, the view taken apart. */
    void generateMips(uint32_t surfaceId, SVGA3dSurfaceFormat viewFormat, const MipRange& range) {
        device::generateMips(environment_, *at(surfaceId), viewFormat, range);
    }

    /** \brief Waits for the GPU where very much is under way. To be called between commands. */
    void limitBacklog();

    GpuQueue& queue() { return environment_.queue; }
    uint64_t memoryUsed() const { return environment_.budget.used(); }

    /** \brief An image id's subresource. \throws CommandError where face or level is out of range. */
    uint32_t subresource(const SVGA3dSurfaceImageId& image) const;

private:
    /** Waits for the GPU and frees what it was the last to use. */
    void collectGarbage();

    SurfaceEnvironment environment_;
    const MobLookup& mobs_;
    std::unordered_map<uint32_t, std::shared_ptr<GpuSurface>> surfaces_;
};

/** \brief Whether the DX context given has PRED_* copies skipped now. */
using PredicateSkips = std::function<bool(uint32_t dxContextId)>;

/**
 * \brief Adds the surface commands: DEFINE/DESTROY/BIND/UPDATE/READBACK/INVALIDATE_GB_*, the copies, and the DX_* ones
 * that know no context (all but DX_GENMIPS, which needs a view).
 *
 * \p surfaces must outlive \p table. \p predicateSkips may be empty: never.
 */
void registerSurfaceCommands(CommandTable& table, SurfaceManager& surfaces, PredicateSkips predicateSkips = {});

} // namespace svga::device
