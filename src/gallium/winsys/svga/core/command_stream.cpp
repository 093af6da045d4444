// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/command_stream.h"

#include <svga3d_cmd.h>

#include <algorithm>
#include <cstring>

namespace svga::winsys {

namespace {

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
    reserved_ = bytes;
    return buffer_.get() + used_;
}

uint32_t CommandStream::reference(Surface& surface, bool internal) {
    const auto [entry, isNew] = index_.try_emplace(&surface, surfaces_.size());
    if (isNew) {
        surfaces_.push_back({Ref<Surface>::share(surface), false});
        surface.pending_.fetch_add(1, std::memory_order_acq_rel);
        surface.used_ = true;
        memoryUsed_ += surface.bo().size();
    }
    surfaces_[entry->second].content |= !internal;
    reservedSurfaces_.push_back(&surface);
    return surface.handle();
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
                       [](const Surface* surface) { return surface->isCoherent(); });
}

void CommandStream::commit() {
    if (isNeedlessSync()) {
        dropStaged();
        return;
    }
    if (reservedAre(makesOutput)) {
        for (Surface* surface : reservedSurfaces_)
            surface->bo().markOutput();
    }
    writesOutputs_ |= reservedAre(writesOutputs);
    used_ += reserved_;
    reserved_ = 0;
    reservedSurfaces_.clear();
    committedSurfaces_ = surfaces_.size();
    committedBos_ = bos_.size();
}

bool CommandStream::references(const Surface& surface) const {
    // What is bound for writing stays bound, and the driver does not name it in each batch that draws to it.
    if (writesOutputs_ && surface.bo().isOutput())
        return true;
    const auto entry = index_.find(&surface);
    return entry != index_.end() && surfaces_[entry->second].content;
}

void CommandStream::dropStaged() {
    reserved_ = 0;
    reservedSurfaces_.clear();
    for (; surfaces_.size() > committedSurfaces_; surfaces_.pop_back()) {
        SurfaceEntry& use = surfaces_.back();
        use.surface->pending_.fetch_sub(1, std::memory_order_acq_rel);
        memoryUsed_ -= use.surface->bo().size();
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
    dropStaged();
}

} // namespace svga::winsys
