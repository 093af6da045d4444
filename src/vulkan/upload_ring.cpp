// SPDX-License-Identifier: MIT
#include "vulkan/upload_ring.h"

#include "vulkan/memory.h"

namespace svga::vulkan {

UploadRing::~UploadRing() {
    for (const Block& block : blocks_)
        block.surface->unmap();
}

UploadRing::Range UploadRing::take(uint32_t size, uint32_t alignment) {
    if (size > kBlockSize)
        throw Error("{} bytes are more than a block of the upload ring", size);
    uint32_t offset = (used_ + alignment - 1) / alignment * alignment;
    if (blocks_.empty() || offset > kBlockSize - size) {
        advance();
        offset = 0;
    }
    used_ = offset + size;
    Block& block = blocks_.back();
    block.unsubmitted = true;
    return {block.surface.get(), offset, block.data + offset};
}

void UploadRing::submitted(const winsys::Ref<winsys::Fence>& fence) {
    for (Block& block : blocks_)
        if (block.unsubmitted) {
            block.lastUse = fence;
            block.unsubmitted = false;
        }
}

void UploadRing::advance() {
    if (!blocks_.empty()) {
        Block& oldest = blocks_.front();
        if (!oldest.unsubmitted && (!oldest.lastUse || oldest.lastUse->isSignalled())) {
            blocks_.push_back(std::move(oldest));
            blocks_.pop_front();
            return;
        }
    }
    Block block{createBufferSurface(device_, kBlockSize), nullptr, {}};
    block.data = static_cast<std::byte*>(block.surface->map({.write = true, .unsynchronized = true}));
    blocks_.push_back(std::move(block));
}

} // namespace svga::vulkan
