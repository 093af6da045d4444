// SPDX-License-Identifier: MIT
/**
 * \file
 * One DX context: what the guest has bound and defined in it.
 */
#pragma once

#include "device/dx/cotable.h"
#include "device/dx/queries.h"
#include "device/dx/shader_cache.h"

#include <svga3d_reg.h>

#include <array>
#include <memory>
#include <unordered_map>

namespace svga::device {

/** \brief What is bound. \c guest is what READBACK_CONTEXT writes; the rest is what that format has no room for. */
struct BoundState {
    SVGADXContextMobFormat guest;
    std::array<uint32_t, SVGA3D_DX_MAX_VERTEXBUFFERS> vertexBufferSizes; ///< UINT32_MAX: up to the end of the surface
    uint32_t indexBufferSize = UINT32_MAX;

    BoundState();
};

class DxContext {
public:
    explicit DxContext(uint32_t id)
        : id_(id) {}

    uint32_t id() const { return id_; }

    /** \brief BIND_CONTEXT: \p mob backs the context; null unbinds. With \p validContents what is bound is read from
     * it. */
    void bind(std::shared_ptr<Mob> mob, bool validContents);
    /** \brief READBACK_CONTEXT. \throws CommandError where no MOB is bound or it is too small. */
    void readback();

    CoTable& table(uint32_t type);

    template <typename Entry>
    CoTable& tableOf() {
        return tables_[CoTableOf<Entry>::type];
    }
    template <typename Entry>
    std::optional<Entry> find(uint32_t id) const {
        return tables_[CoTableOf<Entry>::type].template read<Entry>(id);
    }
    /** \throws CommandError naming the id where the table does not reach so far. */
    template <typename Entry>
    Entry get(uint32_t id) const {
        auto entry = find<Entry>(id);
        if (!entry)
            throw CommandError("{} {} is not defined", CoTableOf<Entry>::name, id);
        return *entry;
    }

    /**
     * \brief The shader \p id, read from its MOB when it is first used after it was defined or bound.
     *
     * Null where it is undefined, unbound, of another type or no valid shader (which is logged once).
     */
    std::shared_ptr<Shader> shader(uint32_t id, SVGA3dShaderType type, ShaderCache& cache, const MobLookup& mobs);
    /** \brief Forgets the bytes of \p id: it was defined, bound or destroyed. */
    void invalidateShader(uint32_t id) { shaders_.erase(id); }
    void invalidateShaders() { shaders_.clear(); }

    BoundState state;
    /// Queries that were begun: the counting of each, by id. Absent: never begun.
    std::unordered_map<uint32_t, std::shared_ptr<QueryRun>> queries;

private:
    uint32_t id_;
    std::shared_ptr<Mob> mob_;
    std::array<CoTable, SVGA_COTABLE_MAX> tables_;
    std::unordered_map<uint32_t, std::shared_ptr<Shader>> shaders_;
};

} // namespace svga::device
