// SPDX-License-Identifier: MIT
/**
 * \file
 * The commands user space may submit, and where in each the names of objects are.
 *
 * User space names objects by its handles; the device knows ids. What is in this table is checked for size, its handles
 * are looked up and replaced by ids; what is not in it is refused, and with it the whole batch. In it is what vmwgfx
 * takes (vmw_cmd_entries) of commands for guest-backed objects: a driver that needs more would fail on a real kernel.
 */
#pragma once

#include <cstdint>
#include <span>
#include <svga3d_reg.h>

#include <array>
#include <optional>

namespace svga::shim {

/** \brief What a 32-bit field names. */
enum class Reference : uint8_t {
    Surface,    ///< a surface's handle
    Mob,        ///< a buffer object's handle
    Context,    ///< the handle of the context the batch is for
    ShaderView, ///< ids of the batch's context, chosen by user space: views that must be defined
    RenderView,
    DepthView,
    UnorderedView,
};

enum class Presence : uint8_t {
    Required,
    Optional ///< SVGA3D_INVALID_ID means none
};

struct ReferenceField {
    uint16_t offset; ///< in the body, or in an element of its array
    Reference reference;
    Presence presence;
};

/** \brief What the embedded kernel does beside passing the command on; see Batch::apply. */
enum class Effect : uint8_t {
    None,
    Draw,
    Dispatch,
    BindInput,  ///< of a slot: constant, vertex and index buffers, shader resources
    BindOutput, ///< render targets, stream-output targets, UA views
    ClearView,
    CopyToSubresource,
    CopyWhole,
    WriteBuffer,
    GenerateMips,
    IntraSurfaceCopy,
    DefineView,
    DestroyView,
    DefineState, ///< an entry in a co-table
    Attach,      ///< a MOB is tied to a shader, query or stream output
    Detach,
    BindSurface,
    Update,   ///< user space synchronises by itself: guest memory -> device
    Readback, ///< device -> guest memory
    Invalidate
};

struct CommandInfo {
    uint32_t id;
    const char* name;
    uint32_t bodySize;    ///< bytes before the array
    uint32_t elementSize; ///< of the array that follows; 0: none
    uint32_t maxElements;
    bool needsContext;
    Effect effect;
    /// Co-table and offset of the id in the body: DefineState, DefineView, Attach.
    int8_t coTable;
    std::array<ReferenceField, 2> fields;
    uint8_t fieldCount;
    std::optional<ReferenceField> element;
};

/** \brief Null for commands that are refused. */
const CommandInfo* findCommand(uint32_t id);
/** \brief All of them, by id. */
std::span<const CommandInfo> commandTable();

} // namespace svga::shim
