// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/command_stream.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace svga::winsys {

namespace {

/**
 * Whether a copy of \p width bytes is of the whole of a buffer whose surface has \p surfaceWidth: the driver rounds
 * buffers up to 16 bytes, and their surfaces to a power of two.
 */
bool isWhole(uint32_t width, uint32_t surfaceWidth) {
    return width % 16 == 0 && width <= surfaceWidth && width > surfaceWidth / 2;
}

/** What commit() does about a command. */
enum class CommandKind {
    Other,
    /** Synchronises a surface with its backing. */
    Sync,
    /** Makes its surface one that later draws, dispatches and clears may write without naming it. */
    MakesOutput,
    /** Writes to what is bound, or to what a view names. */
    WritesOutputs,
};

CommandKind kindOf(uint32_t id) {
    switch (id) {
    case SVGA_3D_CMD_UPDATE_GB_IMAGE:
    case SVGA_3D_CMD_UPDATE_GB_SURFACE:
    case SVGA_3D_CMD_READBACK_GB_IMAGE:
    case SVGA_3D_CMD_READBACK_GB_IMAGE_PARTIAL:
    case SVGA_3D_CMD_READBACK_GB_SURFACE:
    case SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE:
    case SVGA_3D_CMD_DX_READBACK_SUBRESOURCE:
        return CommandKind::Sync;
    case SVGA_3D_CMD_DX_DEFINE_RENDERTARGET_VIEW:
    case SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW:
    case SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW_V2:
    case SVGA_3D_CMD_DX_DEFINE_UA_VIEW:
        return CommandKind::MakesOutput;
    case SVGA_3D_CMD_DX_DRAW:
    case SVGA_3D_CMD_DX_DRAW_INDEXED:
    case SVGA_3D_CMD_DX_DRAW_INSTANCED:
    case SVGA_3D_CMD_DX_DRAW_INDEXED_INSTANCED:
    case SVGA_3D_CMD_DX_DRAW_AUTO:
    case SVGA_3D_CMD_DX_DRAW_INDEXED_INSTANCED_INDIRECT:
    case SVGA_3D_CMD_DX_DRAW_INSTANCED_INDIRECT:
    case SVGA_3D_CMD_DX_DISPATCH:
    case SVGA_3D_CMD_DX_DISPATCH_INDIRECT:
    case SVGA_3D_CMD_DX_CLEAR_RENDERTARGET_VIEW:
    case SVGA_3D_CMD_DX_CLEAR_DEPTHSTENCIL_VIEW:
    case SVGA_3D_CMD_DX_CLEAR_UA_VIEW_UINT:
    case SVGA_3D_CMD_DX_CLEAR_UA_VIEW_FLOAT:
        return CommandKind::WritesOutputs;
    default:
        return CommandKind::Other;
    }
}

/** The kind of all of \p commands; Other where they differ, or are no whole commands. */
CommandKind commonKind(std::span<const uint8_t> commands) {
    std::optional<CommandKind> common;
    while (!commands.empty()) {
        SVGA3dCmdHeader header;
        if (commands.size() < sizeof(header))
            return CommandKind::Other;
        std::memcpy(&header, commands.data(), sizeof(header));
        commands = commands.subspan(sizeof(header));
        const CommandKind kind = kindOf(header.id);
        if (header.size > commands.size() || common.value_or(kind) != kind)
            return CommandKind::Other;
        common = kind;
        commands = commands.subspan(header.size);
    }
    return common.value_or(CommandKind::Other);
}

} // namespace

CommandStream::CommandStream(uint64_t memoryLimit)
    : memoryLimit_(memoryLimit)
    , buffer_(std::make_unique<uint8_t[]>(kCapacity)) {}

CommandStream::~CommandStream() {
    clear();
}

void* CommandStream::reserve(uint32_t bytes, uint32_t references) {
    dropStaged();
    if (bytes > kCapacity - used_ || surfaces_.size() + bos_.size() + references > kMaxReferences)
        return nullptr;
    if (mayEnd_ && memoryUsed_ >= memoryLimit_)
        return nullptr;
    // What could fail for want of memory fails here, where the caller can be told.
    surfaces_.reserve(surfaces_.size() + references);
    bos_.reserve(bos_.size() + references);
    index_.reserve(index_.size() + references);
    reservedSurfaces_.reserve(references);
    contents_.reserve(contents_.size() + references);
    reserved_ = bytes;
    return buffer_.get() + used_;
}

uint32_t CommandStream::reference(Surface& surface, bool internal) {
    const auto [entry, isNew] = index_.try_emplace(&surface, surfaces_.size());
    reservedSurfaces_.push_back({&surface, !internal});
    if (!isNew)
        return surface.handle();
    const uint32_t handle = surface.beginUse();
    surfaces_.push_back({Ref<Surface>::share(surface), surface.bo()->size()});
    memoryUsed_ += surfaces_.back().memory;
    return handle;
}

uint32_t CommandStream::reference(Bo& bo) {
    if (index_.try_emplace(&bo, bos_.size()).second) {
        bos_.push_back(Ref<Bo>::share(bo));
        memoryUsed_ += bo.size();
    }
    return bo.handle();
}

bool CommandStream::namesOnlyCoherent() const {
    return !reservedSurfaces_.empty() &&
           std::all_of(reservedSurfaces_.begin(), reservedSurfaces_.end(),
                       [](const Reference& reference) { return reference.surface->isCoherent(); });
}

void CommandStream::shareMemoryOfCopy() {
    struct {
        SVGA3dCmdHeader header;
        SVGA3dCmdDXBufferCopy body;
    } copy;
    if (reserved_ != sizeof(copy) || reservedSurfaces_.size() != 2)
        return;
    std::memcpy(&copy, buffer_.get() + used_, sizeof(copy));
    if (copy.header.id != SVGA_3D_CMD_DX_BUFFER_COPY || copy.body.destX != 0 || copy.body.srcX != 0)
        return;
    Surface* destination = reservedSurfaces_[0].surface;
    Surface* source = reservedSurfaces_[1].surface;
    if (destination->handle() != copy.body.dest)
        std::swap(destination, source);
    if (destination == source || destination->handle() != copy.body.dest || source->handle() != copy.body.src ||
        !isWhole(copy.body.width, destination->width()) || !destination->moveOnto(*source))
        return;
    copy.body.dest = destination->handle();
    std::memcpy(buffer_.get() + used_, &copy, sizeof(copy));
    SurfaceEntry& entry = surfaces_[index_.at(destination)];
    memoryUsed_ -= std::exchange(entry.memory, 0); // the source's entry counts it
}

void CommandStream::commit() {
    const CommandKind kind = commonKind({buffer_.get() + used_, reserved_});
    if (kind == CommandKind::Sync && namesOnlyCoherent()) {
        dropStaged();
        return;
    }
    shareMemoryOfCopy();
    for (const Reference& reference : reservedSurfaces_) {
        reference.surface->commitUse();
        const Ref<Bo> bo = reference.surface->bo();
        if (reference.content)
            contents_.insert(bo.get());
        if (kind == CommandKind::MakesOutput)
            bo->markOutput();
    }
    writesOutputs_ |= kind == CommandKind::WritesOutputs;
    used_ += reserved_;
    reserved_ = 0;
    reservedSurfaces_.clear();
    committedSurfaces_ = surfaces_.size();
    committedBos_ = bos_.size();
}

bool CommandStream::references(const Surface& surface) const {
    const Ref<Bo> bo = surface.bo();
    // What is bound for writing stays bound, and the driver does not name it in each batch that draws to it.
    return (writesOutputs_ && bo->isOutput()) || contents_.contains(bo.get());
}

void CommandStream::dropStaged() {
    reserved_ = 0;
    reservedSurfaces_.clear();
    for (; surfaces_.size() > committedSurfaces_; surfaces_.pop_back()) {
        SurfaceEntry& use = surfaces_.back();
        use.surface->endUse();
        memoryUsed_ -= use.memory;
        index_.erase(use.surface.get());
    }
    for (; bos_.size() > committedBos_; bos_.pop_back()) {
        memoryUsed_ -= bos_.back()->size();
        index_.erase(bos_.back().get());
    }
}

void CommandStream::clear() {
    used_ = 0;
    mayEnd_ = false;
    writesOutputs_ = false;
    committedSurfaces_ = 0;
    committedBos_ = 0;
    contents_.clear();
    dropStaged();
}

} // namespace svga::winsys
