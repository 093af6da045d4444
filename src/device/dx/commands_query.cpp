// SPDX-License-Identifier: MIT
#include "device/dx/commands.h"

namespace svga::device {

namespace {

using Entry = SVGACOTableDXQueryEntry;

void store(DxContext& context, uint32_t id, const Entry& entry) {
    context.tableOf<Entry>().write(id, entry);
}

/** \brief The run's destination as \p entry has it now; a place that is out of range is an error of the command. */
void aim(QueryRun& run, const Entry& entry, const MobLookup& mobs) {
    run.mob = nullptr;
    if (entry.mobid == SVGA3D_INVALID_ID)
        return;
    auto mob = mobs.get(entry.mobid);
    const uint64_t end = uint64_t(entry.offset) + sizeof(uint32_t) + queryResultSize(run.type);
    if (end > mob->size())
        throw CommandError("a query's result at byte {} is beyond MOB {} of {} bytes", entry.offset, entry.mobid,
                           mob->size());
    run.mob = std::move(mob);
    run.offset = entry.offset;
}

void beginQuery(DxContext& context, DrawEngine& engine, uint32_t id) {
    auto entry = context.get<Entry>(id);
    queryResultSize(entry.type);
    entry.state = SVGADX_QDSTATE_ACTIVE;
    store(context, id, entry);
    context.queries[id] = engine.queries().begin(SVGA3dQueryType(entry.type));
}

void endQuery(DxContext& context, DrawEngine& engine, uint32_t id) {
    auto entry = context.get<Entry>(id);
    auto& run = context.queries[id];
    // Timestamps need no begin; ended without one, anything else has counted nothing.
    if (!run || !run->active || run->type != entry.type) {
        queryResultSize(entry.type);
        run = engine.queries().begin(SVGA3dQueryType(entry.type));
    }
    aim(*run, entry, engine.mobs());
    entry.state = SVGADX_QDSTATE_PENDING;
    store(context, id, entry);
    engine.queries().end(run);
}

/** \brief Writes the result of \p id to where the query is bound now. */
void readbackQuery(DxContext& context, DrawEngine& engine, uint32_t id) {
    const auto entry = context.find<Entry>(id);
    auto known = context.queries.find(id);
    if (!entry || known == context.queries.end() || known->second->active)
        return;
    engine.queries().finish();
    aim(*known->second, *entry, engine.mobs());
    engine.queries().writeResult(*known->second);
}

void readbackAll(DxContext& context, DrawEngine& engine) {
    for (const auto& [id, run] : context.queries)
        readbackQuery(context, engine, id);
}

void bindAll(DxContext& context, uint32_t mobid) {
    CoTable& table = context.tableOf<Entry>();
    const uint32_t count = table.capacity(sizeof(Entry));
    for (uint32_t id = 0; id < count; ++id) {
        auto entry = table.read<Entry>(id);
        // Never defined: all zero, which a defined query is not, its MOB being invalid until it is bound.
        if (!entry || (entry->mobid == 0 && entry->offset == 0 && entry->type == 0 && entry->flags == 0))
            continue;
        entry->mobid = mobid;
        table.write(id, *entry);
    }
}

} // namespace

void addQueryCommands(DxRegistrar& registrar, ContextTable& contexts, DrawEngine& engine) {
    registrar.add<SVGA3dCmdDXDefineQuery>(SVGA_3D_CMD_DX_DEFINE_QUERY, "DX_DEFINE_QUERY",
                                          [](DxContext& c, const auto& cmd) {
                                              queryResultSize(cmd.type);
                                              Entry entry{};
                                              entry.type = SVGA3dQueryTypeUint8(cmd.type);
                                              entry.state = SVGADX_QDSTATE_IDLE;
                                              entry.flags = cmd.flags;
                                              entry.mobid = SVGA3D_INVALID_ID;
                                              store(c, cmd.queryId, entry);
                                              c.queries.erase(cmd.queryId);
                                          });
    registrar.add<SVGA3dCmdDXDestroyQuery>(SVGA_3D_CMD_DX_DESTROY_QUERY, "DX_DESTROY_QUERY",
                                           [](DxContext& c, const auto& cmd) {
                                               if (c.find<Entry>(cmd.queryId))
                                                   store(c, cmd.queryId, Entry{});
                                               c.queries.erase(cmd.queryId);
                                           });
    registrar.add<SVGA3dCmdDXBindQuery>(SVGA_3D_CMD_DX_BIND_QUERY, "DX_BIND_QUERY", [](DxContext& c, const auto& cmd) {
        auto entry = c.get<Entry>(cmd.queryId);
        entry.mobid = cmd.mobid;
        store(c, cmd.queryId, entry);
    });
    registrar.add<SVGA3dCmdDXSetQueryOffset>(SVGA_3D_CMD_DX_SET_QUERY_OFFSET, "DX_SET_QUERY_OFFSET",
                                             [](DxContext& c, const auto& cmd) {
                                                 auto entry = c.get<Entry>(cmd.queryId);
                                                 entry.offset = cmd.mobOffset;
                                                 store(c, cmd.queryId, entry);
                                             });
    registrar.add<SVGA3dCmdDXMoveQuery>(SVGA_3D_CMD_DX_MOVE_QUERY, "DX_MOVE_QUERY", [](DxContext& c, const auto& cmd) {
        auto entry = c.get<Entry>(cmd.queryId);
        entry.mobid = cmd.mobid;
        entry.offset = cmd.mobOffset;
        store(c, cmd.queryId, entry);
    });
    registrar.add<SVGA3dCmdDXBeginQuery>(SVGA_3D_CMD_DX_BEGIN_QUERY, "DX_BEGIN_QUERY",
                                         [&](DxContext& c, const auto& cmd) { beginQuery(c, engine, cmd.queryId); });
    registrar.add<SVGA3dCmdDXEndQuery>(SVGA_3D_CMD_DX_END_QUERY, "DX_END_QUERY",
                                       [&](DxContext& c, const auto& cmd) { endQuery(c, engine, cmd.queryId); });
    registrar.add<SVGA3dCmdDXReadbackQuery>(
        SVGA_3D_CMD_DX_READBACK_QUERY, "DX_READBACK_QUERY",
        [&](DxContext& c, const auto& cmd) { readbackQuery(c, engine, cmd.queryId); });
    registrar.addDirect<SVGA3dCmdDXBindAllQuery>(
        SVGA_3D_CMD_DX_BIND_ALL_QUERY, "DX_BIND_ALL_QUERY",
        [&](uint32_t, const auto& cmd) { bindAll(contexts.get(cmd.cid), cmd.mobid); });
    registrar.addDirect<SVGA3dCmdDXReadbackAllQuery>(
        SVGA_3D_CMD_DX_READBACK_ALL_QUERY, "DX_READBACK_ALL_QUERY",
        [&](uint32_t, const auto& cmd) { readbackAll(contexts.get(cmd.cid), engine); });
    registrar.add<SVGA3dCmdDXSetPredication>(SVGA_3D_CMD_DX_SET_PREDICATION, "DX_SET_PREDICATION",
                                             [](DxContext& c, const auto& cmd) {
                                                 c.state.guest.predication.queryID = cmd.queryId;
                                                 c.state.guest.predication.value = cmd.predicateValue;
                                             });
}

} // namespace svga::device
