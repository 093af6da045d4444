// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/command_stream.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <algorithm>
#include <cstring>
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

bool isSyncCommand(uint32_t id) {
    switch (id) {
    case SVGA_3D_CMD_UPDATE_GB_IMAGE:
    case SVGA_3D_CMD_UPDATE_GB_SURFACE:
    case SVGA_3D_CMD_READBACK_GB_IMAGE:
    case SVGA_3D_CMD_READBACK_GB_IMAGE_PARTIAL:
    case SVGA_3D_CMD_READBACK_GB_SURFACE:
    case SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE:
    case SVGA_3D_CMD_DX_READBACK_SUBRESOURCE:
        return true;
    default:
        return false;
    }
}

/** Whether a command makes its surface one that later draws, dispatches and clears may write without naming it. */
bool makesOutput(uint32_t id) {
    switch (id) {
    case SVGA_3D_CMD_DX_DEFINE_RENDERTARGET_VIEW:
    case SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW:
    case SVGA_3D_CMD_DX_DEFINE_DEPTHSTENCIL_VIEW_V2:
    case SVGA_3D_CMD_DX_DEFINE_UA_VIEW:
        return true;
    default:
        return false;
    }
}

/** Whether a command writes to what is bound, or to what a view names. */
bool writesOutputs(uint32_t id) {
    switch (id) {
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
        return true;
    default:
        return false;
    }
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

bool CommandStream::reservedAre(bool (*kind)(uint32_t commandId)) const {
    if (reserved_ == 0)
        return false;
    for (uint32_t offset = used_; offset < used_ + reserved_;) {
        SVGA3dCmdHeader header;
        if (used_ + reserved_ - offset < sizeof(header))
            return false;
        std::memcpy(&header, buffer_.get() + offset, sizeof(header));
        if (!kind(header.id) || header.size > used_ + reserved_ - offset - sizeof(header))
            return false;
        offset += sizeof(header) + header.size;
    }
    return true;
}

bool CommandStream::isNeedlessSync() const {
    return !reservedSurfaces_.empty() && reservedAre(isSyncCommand) &&
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
    if (isNeedlessSync()) {
        dropStaged();
        return;
    }
    shareMemoryOfCopy();
    const bool makeOutputs = reservedAre(makesOutput);
    for (const Reference& reference : reservedSurfaces_) {
        reference.surface->commitUse();
        const Ref<Bo> bo = reference.surface->bo();
        if (reference.content)
            contents_.insert(bo.get());
        if (makeOutputs)
            bo->markOutput();
    }
    writesOutputs_ |= reservedAre(writesOutputs);
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
