// SPDX-License-Identifier: MIT
#pragma once

#include "device/command_table.h"
#include "device/dx/draw_engine.h"
#include "device/dx/dx_context.h"

#include <functional>
#include <unordered_map>

namespace svga::device {

/** \brief All DX contexts of the device, by id. */
class ContextTable {
public:
    /** \throws CommandError where there is no such context. */
    DxContext& get(uint32_t id) {
        auto it = contexts_.find(id);
        if (it == contexts_.end())
            throw CommandError("DX context {} is not defined", id);
        return it->second;
    }
    DxContext* find(uint32_t id) {
        auto it = contexts_.find(id);
        return it == contexts_.end() ? nullptr : &it->second;
    }
    /** A context defined again begins anew. */
    void define(uint32_t id) {
        contexts_.erase(id);
        contexts_.emplace(id, id);
    }
    void destroy(uint32_t id) { contexts_.erase(id); }

private:
    std::unordered_map<uint32_t, DxContext> contexts_;
};

/** \brief Adds handlers that are written against a DxContext and a command's struct. */
class DxRegistrar {
public:
    DxRegistrar(CommandTable& table, ContextTable& contexts)
        : table_(table)
        , contexts_(contexts) {}

    /** \p handler(context, command): for the context of the command buffer. */
    template <typename Command, typename Handler>
    void add(uint32_t id, const char* name, Handler handler) {
        table_.add(id, name, [&contexts = contexts_, handler](uint32_t contextId, CommandBody body) {
            const Command command = body.take<Command>();
            handler(contexts.get(contextId), command);
        });
    }

    /** \p handler(context, command, items): the command's struct is followed by any number of \p Item. */
    template <typename Command, typename Item, typename Handler>
    void addList(uint32_t id, const char* name, Handler handler) {
        table_.add(id, name, [&contexts = contexts_, handler](uint32_t contextId, CommandBody body) {
            const Command command = body.take<Command>();
            std::vector<Item> items = body.takeRest<Item>();
            handler(contexts.get(contextId), command, items);
        });
    }

    /** \p handler(contextId, command): for commands that name their context themselves (field cid). */
    template <typename Command, typename Handler>
    void addDirect(uint32_t id, const char* name, Handler handler) {
        table_.add(id, name,
                   [handler](uint32_t contextId, CommandBody body) { handler(contextId, body.take<Command>()); });
    }

private:
    CommandTable& table_;
    ContextTable& contexts_;
};

/** DX_DEFINE_CONTEXT ... DX_INVALIDATE_CONTEXT and the COTables. */
void addContextCommands(DxRegistrar& registrar, ContextTable& contexts, DrawEngine& engine);
/** DX_DEFINE_* and DX_DESTROY_* of views, state objects, shaders and stream output; DX_BIND_SHADER and the like. */
void addObjectCommands(DxRegistrar& registrar, ContextTable& contexts, DrawEngine& engine);
/** DX_SET_*. */
void addStateCommands(DxRegistrar& registrar, DrawEngine& engine);
/** Draws, dispatches and clears. */
void addDrawCommands(DxRegistrar& registrar, DrawEngine& engine);
/** DX_*_QUERY and predication. */
void addQueryCommands(DxRegistrar& registrar, ContextTable& contexts, DrawEngine& engine);

} // namespace svga::device
