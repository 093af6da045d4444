// SPDX-License-Identifier: MIT
/**
 * \file
 * The objects an application makes: buffer objects, surfaces, contexts.
 *
 * They are shared_ptr's, held by the handles of open files, by what is bound to contexts, by mappings, and by
 * submissions on their way. All of them live under the embedded kernel's lock: they are used, and let go of, with it
 * held. When the last reference goes, the commands that destroy the device's object are queued, so they come after
 * every use.
 */
#pragma once

#include "shim/kernel/gpu.h"
#include "shim/kernel/page_runs.h"
#include "shim/kernel/surface_layout.h"

#include <svga_coherent_drm.h>

#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

namespace svga::shim {

class Surface;

/** \brief How the CPU's writes to a buffer object are found, and what that has cost; see svga_coherent_drm.h. */
struct Tracking {
    enum drm_vmw_bo_tracking_mode mode = DRM_VMW_BO_TRACKING_AUTO; ///< as asked for
    uint64_t declaredPages = 0;
    uint64_t scans = 0;
    uint64_t uploadedPages = 0;
    uint64_t uploadedBytes = 0;
    uint64_t readBackBytes = 0;
};

/** \brief A run of guest memory with a MOB id: what user space calls a buffer object. */
struct BufferObject {
    PageRun memory{};
    uint64_t size = 0; ///< as asked for, bytes
    uint32_t mobId = SVGA3D_INVALID_ID;

    uint64_t lastUse = 0;  ///< seqno of the last submission that names it
    uint64_t readback = 0; ///< seqno of the last submission that brings content here for the sake of another surface
    uint32_t cpuGrabs = 0; ///< SYNCCPU grabs that keep submissions out
    uint32_t mappings = 0;
    bool wasMapped = false;
    bool mayBeWritten = false;              ///< mapped, or was since the last collect
    std::vector<Surface*> coherentSurfaces; ///< those that are followed here; see Coherence
    Tracking tracking;                      ///< since the first of them

    bool isTracked() const { return !coherentSurfaces.empty(); }
};

/**
 * \brief The device's bytes of a surface, apart from guest memory.
 *
 * Where a CPU access cannot be made to wait for a readback, the device may not write to memory the CPU may be writing
 * to. The surface is then bound to memory of its own; what the device changed there is merged, byte by byte, when its
 * fence has passed.
 */
struct Shadow {
    PageRun memory{};
    uint32_t mobId = SVGA3D_INVALID_ID;
    std::vector<std::byte> known; ///< what the device's copy held when we last knew
    uint64_t readback = 0;        ///< seqno of the last readback that has not been merged; 0: none
    std::vector<bool> pending;    ///< subresources that are in such a readback
    bool unknown = false;         ///< the device's copy has changed, and that is not to be read back
};

class Surface : public std::enable_shared_from_this<Surface> {
public:
    uint32_t id = SVGA3D_INVALID_ID;
    SurfaceLayout::Description description;
    SVGA3dSurfaceAllFlags flags = 0;
    uint32_t drmFlags = 0;
    uint32_t multisamplePattern = 0, qualityLevel = 0, bufferByteStride = 0, autogenFilter = 0;
    uint32_t backupSize = 0; ///< bytes of MOB it takes
    SurfaceLayout layout;
    std::shared_ptr<BufferObject> backup; ///< may be null: content on the device only

    bool coherent = false;         ///< made so
    bool followed = false;         ///< Coherence keeps it coherent; false for what needs nothing (drawn in place)
    std::vector<bool> deviceNewer; ///< by subresource: the device's copy is newer than guest memory
    PageRunSet pending;            ///< pages (offsets in the MOB) written by the CPU and not uploaded yet
    std::unique_ptr<Shadow> shadow;
    uint64_t batchStamp = 0; ///< the batch that named it last

    explicit Surface(SurfaceLayout surfaceLayout)
        : layout(std::move(surfaceLayout)) {}
    bool isBuffer() const { return description.format == SVGA3D_BUFFER; }
};

/** \brief A view: a surface and the part of it that is seen. */
struct View {
    std::shared_ptr<Surface> surface;
    SubresourceRange range;
    bool writes = true; ///< false: a read-only depth/stencil view
};

/** \brief A context object table: what the device keeps of a context's views and state objects, in guest memory. */
struct CoTable {
    std::shared_ptr<BufferObject> memory;
    uint32_t entries = 0;
};

/**
 * \brief A DX context, and what is bound to it.
 *
 * The bindings say which surfaces a draw reads and writes: those are uploaded before, and newer on the device after.
 */
struct Context {
    uint32_t id = SVGA3D_INVALID_ID;
    std::shared_ptr<BufferObject> memory;
    std::array<CoTable, SVGA_COTABLE_MAX> coTables;

    using Views = std::unordered_map<uint32_t, View>;
    Views shaderResourceViews, renderTargetViews, depthStencilViews, unorderedAccessViews;
    /// MOBs that shaders, queries and stream outputs live in, by co-table type and id.
    std::unordered_map<uint64_t, std::shared_ptr<BufferObject>> attachments;

    std::unordered_map<uint32_t, std::shared_ptr<Surface>> inputs; ///< by slot; see Batch
    std::unordered_map<uint32_t, View> outputs;                    ///< of draws, by slot
    std::unordered_map<uint32_t, View> computeOutputs;             ///< of dispatches
};

} // namespace svga::shim
