// SPDX-License-Identifier: MIT
#include "device/command_processor.h"

#include <svga3d_cmd.h>
#include <svga_reg.h>

#include <exception>
#include <new>

namespace svga::device {

namespace {

template <typename T>
T peek(std::span<const std::byte> body, const char* name) {
    if (body.size() < sizeof(T))
        throw CommandError("{}: {} bytes where {} are needed", name, body.size(), sizeof(T));
    T value;
    std::memcpy(&value, body.data(), sizeof(T));
    return value;
}

/** Bytes of a cursor's mask: rows are padded to 32 bits. */
uint64_t maskBytes(uint32_t width, uint32_t height, uint32_t depth) {
    if (width > SVGA_MAX_CURSOR_CMD_DIMENSION || height > SVGA_MAX_CURSOR_CMD_DIMENSION || depth > 32)
        throw CommandError("cursor of {} x {}, depth {}, is too large", width, height, depth);
    return (uint64_t{width} * depth + 31) / 32 * 4 * height;
}

struct LegacyCommand {
    const char* name;
    uint64_t bodySize;
};

/** Name and size of a 2D command's body (svga_reg.h describes each beside its structure). */
LegacyCommand describeLegacy(uint32_t id, std::span<const std::byte> body) {
    switch (id) {
    case SVGA_CMD_UPDATE:
        return {"UPDATE", sizeof(SVGAFifoCmdUpdate)};
    case SVGA_CMD_RECT_COPY:
        return {"RECT_COPY", sizeof(SVGAFifoCmdRectCopy)};
    case SVGA_CMD_RECT_ROP_COPY:
        return {"RECT_ROP_COPY", sizeof(SVGAFifoCmdRectRopCopy)};
    case SVGA_CMD_DEFINE_CURSOR: {
        auto cursor = peek<SVGAFifoCmdDefineCursor>(body, "DEFINE_CURSOR");
        return {"DEFINE_CURSOR", sizeof(cursor) + maskBytes(cursor.width, cursor.height, cursor.andMaskDepth) +
                                     maskBytes(cursor.width, cursor.height, cursor.xorMaskDepth)};
    }
    case SVGA_CMD_DEFINE_ALPHA_CURSOR: {
        auto cursor = peek<SVGAFifoCmdDefineAlphaCursor>(body, "DEFINE_ALPHA_CURSOR");
        return {"DEFINE_ALPHA_CURSOR", sizeof(cursor) + maskBytes(cursor.width, cursor.height, 32)};
    }
    case SVGA_CMD_UPDATE_VERBOSE:
        return {"UPDATE_VERBOSE", sizeof(SVGAFifoCmdUpdateVerbose)};
    case SVGA_CMD_FRONT_ROP_FILL:
        return {"FRONT_ROP_FILL", sizeof(SVGAFifoCmdFrontRopFill)};
    case SVGA_CMD_FENCE:
        return {"FENCE", sizeof(SVGAFifoCmdFence)};
    case SVGA_CMD_ESCAPE:
        return {"ESCAPE", sizeof(SVGAFifoCmdEscape) + uint64_t{peek<SVGAFifoCmdEscape>(body, "ESCAPE").size}};
    case SVGA_CMD_DEFINE_SCREEN: {
        uint32_t size = peek<uint32_t>(body, "DEFINE_SCREEN"); // its first member counts itself
        if (size < sizeof(uint32_t) || size > sizeof(SVGAScreenObject))
            throw CommandError("DEFINE_SCREEN with a structure of {} bytes", size);
        return {"DEFINE_SCREEN", size};
    }
    case SVGA_CMD_DESTROY_SCREEN:
        return {"DESTROY_SCREEN", sizeof(SVGAFifoCmdDestroyScreen)};
    case SVGA_CMD_DEFINE_GMRFB:
        return {"DEFINE_GMRFB", sizeof(SVGAFifoCmdDefineGMRFB)};
    case SVGA_CMD_BLIT_GMRFB_TO_SCREEN:
        return {"BLIT_GMRFB_TO_SCREEN", sizeof(SVGAFifoCmdBlitGMRFBToScreen)};
    case SVGA_CMD_BLIT_SCREEN_TO_GMRFB:
        return {"BLIT_SCREEN_TO_GMRFB", sizeof(SVGAFifoCmdBlitScreenToGMRFB)};
    case SVGA_CMD_ANNOTATION_FILL:
        return {"ANNOTATION_FILL", sizeof(SVGAFifoCmdAnnotationFill)};
    case SVGA_CMD_ANNOTATION_COPY:
        return {"ANNOTATION_COPY", sizeof(SVGAFifoCmdAnnotationCopy)};
    case SVGA_CMD_DEFINE_GMR2:
        return {"DEFINE_GMR2", sizeof(SVGAFifoCmdDefineGMR2)};
    case SVGA_CMD_REMAP_GMR2: {
        auto remap = peek<SVGAFifoCmdRemapGMR2>(body, "REMAP_GMR2");
        uint64_t entry = remap.flags & SVGA_REMAP_GMR2_VIA_GMR ? sizeof(SVGAGuestPtr)
                         : remap.flags & SVGA_REMAP_GMR2_PPN64 ? sizeof(uint64_t)
                                                               : sizeof(uint32_t);
        bool single = remap.flags & (SVGA_REMAP_GMR2_VIA_GMR | SVGA_REMAP_GMR2_SINGLE_PPN);
        return {"REMAP_GMR2", sizeof(remap) + entry * (single ? 1 : remap.numPages)};
    }
    case SVGA_CMD_NOP:
        return {"NOP", 0};
    case SVGA_CMD_NOP_ERROR:
        throw CommandError("NOP_ERROR"); // an error is what it asks for
    default:
        throw CommandError("command {} is unknown", id);
    }
}

} // namespace

CommandProcessor::Command CommandProcessor::parse(std::span<const std::byte> rest) const {
    auto id = peek<uint32_t>(rest, "command id");
    if (id < SVGA_3D_CMD_BASE) {
        auto body = rest.subspan(sizeof(id));
        LegacyCommand legacy = describeLegacy(id, body);
        if (legacy.bodySize > body.size())
            throw CommandError("{}: {} bytes where {} are needed", legacy.name, body.size(), legacy.bodySize);
        return {id, static_cast<uint32_t>(sizeof(id) + legacy.bodySize), legacy.name, nullptr,
                body.first(legacy.bodySize)};
    }

    auto header = peek<SVGA3dCmdHeader>(rest, "command header");
    auto body = rest.subspan(sizeof(header));
    const CommandTable::Entry* entry = table_.find(id);
    if (!entry)
        throw CommandError("command {} is unknown", id);
    if (header.size > body.size())
        throw CommandError("{}: its {} bytes reach beyond the command buffer", entry->name, header.size);
    return {id, static_cast<uint32_t>(sizeof(header) + header.size), entry->name, entry, body.first(header.size)};
}

void CommandProcessor::carryOut(const Command& command, uint32_t dxContextId) {
    if (command.entry)
        command.entry->handler(dxContextId, CommandBody(command.body));
    else if (command.id == SVGA_CMD_FENCE)
        onFence_(peek<SVGAFifoCmdFence>(command.body, "FENCE").fence);
}

void CommandProcessor::carryOutCounted(const Command& command, uint32_t dxContextId) {
    const uint64_t read = statistics_->memoryRead;
    const uint64_t written = statistics_->memoryWritten;
    const auto begin = std::chrono::steady_clock::now();
    carryOut(command, dxContextId);
    CommandStatistics& row = statistics_->commands[command.name];
    ++row.count;
    row.bytes += command.size;
    row.memoryRead += statistics_->memoryRead - read;
    row.memoryWritten += statistics_->memoryWritten - written;
    row.time += std::chrono::steady_clock::now() - begin;
}

std::optional<CommandFailure> CommandProcessor::execute(std::span<const std::byte> commands, uint32_t offset,
                                                        uint32_t dxContextId) {
    while (offset < commands.size()) {
        const char* name = "command";
        try {
            Command command = parse(commands.subspan(offset));
            name = command.name;
            if (observer_)
                observer_(commands.subspan(offset, command.size), dxContextId);
            if (statistics_)
                carryOutCounted(command, dxContextId);
            else
                carryOut(command, dxContextId);
            offset += command.size;
        } catch (const CommandError& error) {
            if (statistics_)
                ++statistics_->commands[name].failures;
            return CommandFailure{offset, fmt::format("{}: {}", name, error.what())};
        } catch (const std::bad_alloc&) {
            if (statistics_)
                ++statistics_->commands[name].failures;
            return CommandFailure{offset, fmt::format("{}: out of memory", name)};
        }
    }
    return std::nullopt;
}

} // namespace svga::device
