// SPDX-License-Identifier: MIT
//
// Copies between buffers, and what the CPU puts into them.
#include "vulkan/buffer.h"
#include "vulkan/executor.h"
#include "vulkan/limits.h"

#include <svga3d_dx.h>

#include <algorithm>

namespace svga::vulkan {

void Executor::copyBytes(winsys::Surface& to, uint64_t toOffset, winsys::Surface& from, uint64_t fromOffset,
                         uint64_t size) {
    encoder_.emit<SVGA3dCmdDXBufferCopy>(SVGA_3D_CMD_DX_BUFFER_COPY, 2, [&](auto& body) {
        body.dest = encoder_.name(to);
        body.src = encoder_.name(from);
        body.destX = static_cast<uint32_t>(toOffset);
        body.srcX = static_cast<uint32_t>(fromOffset);
        body.width = static_cast<uint32_t>(size);
    });
}

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR void VKAPI_CALL svga_CmdCopyBuffer2(VkCommandBuffer handle, const VkCopyBufferInfo2* info) {
    Executor::run(handle, [&](Executor& executor) {
        const Buffer& source = as<Buffer>(vk_buffer_from_handle(info->srcBuffer));
        const Buffer& destination = as<Buffer>(vk_buffer_from_handle(info->dstBuffer));
        for (uint32_t i = 0; i < info->regionCount; ++i) {
            const VkBufferCopy2& region = info->pRegions[i];
            executor.copyBytes(*destination.surface, destination.offset + region.dstOffset, *source.surface,
                               source.offset + region.srcOffset, region.size);
        }
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdUpdateBuffer(VkCommandBuffer handle, VkBuffer bufferHandle, VkDeviceSize offset,
                                                VkDeviceSize size, const void* data) {
    Executor::run(handle, [&](Executor& executor) {
        const Buffer& buffer = as<Buffer>(vk_buffer_from_handle(bufferHandle));
        const auto bytes = static_cast<uint32_t>(size);
        const UploadRing::Range range = executor.uploads().take(bytes, kUploadAlignment);
        std::memcpy(range.data, data, bytes);
        executor.copyBytes(*buffer.surface, buffer.offset + offset, *range.surface, range.offset, bytes);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdFillBuffer(VkCommandBuffer handle, VkBuffer bufferHandle, VkDeviceSize offset,
                                              VkDeviceSize size, uint32_t value) {
    Executor::run(handle, [&](Executor& executor) {
        const Buffer& buffer = as<Buffer>(vk_buffer_from_handle(bufferHandle));
        // What is no multiple of four at the end of a whole buffer stays as it is.
        uint64_t left = vk_buffer_range(&buffer, offset, size) & ~uint64_t{3};
        if (left == 0)
            return;
        const auto piece = static_cast<uint32_t>(std::min<uint64_t>(left, kLargestFill));
        const UploadRing::Range range = executor.uploads().take(piece, kUploadAlignment);
        auto* words = reinterpret_cast<uint32_t*>(range.data);
        std::fill(words, words + piece / sizeof(uint32_t), value);
        for (uint64_t at = buffer.offset + offset; left > 0;) {
            const uint64_t bytes = std::min<uint64_t>(left, piece);
            executor.copyBytes(*buffer.surface, at, *range.surface, range.offset, bytes);
            at += bytes;
            left -= bytes;
        }
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdPipelineBarrier2(VkCommandBuffer, const VkDependencyInfo*) {
    // The device runs commands in order and sees to hazards itself. What it has written the CPU sees once a fence has
    // signalled, and what the CPU has written it sees in the next submission.
}

} // extern "C"
