// SPDX-License-Identifier: MIT
/**
 * \file
 * COTables: where a DX context's objects are defined, in guest memory.
 *
 * A COTable is an array of SVGACOTable*Entry, one type per table, index = object id. The guest gives the memory
 * (SET_COTABLE, GROW_COTABLE) and moves it when it needs more; the device writes an entry when an object is defined and
 * reads it when the object is used. Nothing else is kept, so the bytes in the MOB are the object. Entries are untrusted
 * when read: the guest may have written to them.
 */
#pragma once

#include "device/mob.h"

#include <svga3d_reg.h>

#include <memory>
#include <optional>
#include <span>
#include <type_traits>

namespace svga::device {

/** \brief The table type that holds \p Entry: CoTableOf<Entry>::type and its name for messages. */
template <typename Entry>
struct CoTableOf;

#define SVGA_COTABLE_OF(Entry, Type, Name)                                                                             \
    template <>                                                                                                        \
    struct CoTableOf<Entry> {                                                                                          \
        static constexpr SVGACOTableType type = Type;                                                                  \
        static constexpr const char* name = Name;                                                                      \
    }
SVGA_COTABLE_OF(SVGACOTableDXRTViewEntry, SVGA_COTABLE_RTVIEW, "render target view");
SVGA_COTABLE_OF(SVGACOTableDXDSViewEntry, SVGA_COTABLE_DSVIEW, "depth stencil view");
SVGA_COTABLE_OF(SVGACOTableDXSRViewEntry, SVGA_COTABLE_SRVIEW, "shader resource view");
SVGA_COTABLE_OF(SVGACOTableDXElementLayoutEntry, SVGA_COTABLE_ELEMENTLAYOUT, "element layout");
SVGA_COTABLE_OF(SVGACOTableDXBlendStateEntry, SVGA_COTABLE_BLENDSTATE, "blend state");
SVGA_COTABLE_OF(SVGACOTableDXDepthStencilEntry, SVGA_COTABLE_DEPTHSTENCIL, "depth stencil state");
SVGA_COTABLE_OF(SVGACOTableDXRasterizerStateEntry, SVGA_COTABLE_RASTERIZERSTATE, "rasterizer state");
SVGA_COTABLE_OF(SVGACOTableDXSamplerEntry, SVGA_COTABLE_SAMPLER, "sampler");
SVGA_COTABLE_OF(SVGACOTableDXStreamOutputEntry, SVGA_COTABLE_STREAMOUTPUT, "stream output");
SVGA_COTABLE_OF(SVGACOTableDXQueryEntry, SVGA_COTABLE_DXQUERY, "query");
SVGA_COTABLE_OF(SVGACOTableDXShaderEntry, SVGA_COTABLE_DXSHADER, "shader");
SVGA_COTABLE_OF(SVGACOTableDXUAViewEntry, SVGA_COTABLE_UAVIEW, "unordered access view");
#undef SVGA_COTABLE_OF

class CoTable {
public:
    /**
     * \brief Takes \p mob as the table's memory; the first \p validBytes of it hold entries, the rest is cleared.
     *
     * A null \p mob unbinds: then no id is defined and none can be.
     */
    void bind(std::shared_ptr<Mob> mob, uint64_t validBytes);

    const std::shared_ptr<Mob>& mob() const { return mob_; }

    /** \brief The entry of \p id, nothing where the table does not reach so far. Never throws for a bad id. */
    template <typename Entry>
    std::optional<Entry> read(uint32_t id) const {
        if (!contains(id, sizeof(Entry)))
            return std::nullopt;
        return mob_->readValue<Entry>(uint64_t(id) * sizeof(Entry));
    }

    /** \throws CommandError where the table does not reach so far. */
    template <typename Entry>
    void write(uint32_t id, const Entry& entry) {
        static_assert(std::is_trivially_copyable_v<Entry>);
        if (!contains(id, sizeof(Entry)))
            throw CommandError("{} {} is beyond its COTable of {} bytes", CoTableOf<Entry>::name, id,
                               mob_ ? mob_->size() : 0);
        mob_->write(uint64_t(id) * sizeof(Entry), std::as_bytes(std::span(&entry, 1)));
    }

    /** \brief Number of entries of \p entrySize bytes that fit. */
    uint32_t capacity(uint32_t entrySize) const;

private:
    bool contains(uint32_t id, uint64_t entrySize) const {
        return mob_ && id < SVGA_COTABLE_MAX_IDS && (uint64_t(id) + 1) * entrySize <= mob_->size();
    }

    std::shared_ptr<Mob> mob_;
};

} // namespace svga::device
