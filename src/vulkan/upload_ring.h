// SPDX-License-Identifier: MIT
/**
 * \file
 * Memory for what the driver itself hands to the device: contents of vkCmdUpdateBuffer, constants.
 *
 * Blocks of coherent buffer surface are filled from front to back, and filled again when a fence says that the device
 * is done with them.
 */
#pragma once

#include "vulkan/encoder.h"

#include <deque>

namespace svga::vulkan {

/** \brief One thread at a time. */
class UploadRing {
public:
    /** \brief Bytes of a block, and so the largest range that can be had. */
    static constexpr uint32_t kBlockSize = 256 * 1024;

    struct Range {
        winsys::Surface* surface; ///< kept by the ring until what was submitted with it is done
        uint32_t offset;          ///< bytes into it
        std::byte* data;
    };

    explicit UploadRing(winsys::Device& device)
        : device_(device) {}
    ~UploadRing();

    /** \brief \p size bytes at a multiple of \p alignment, to be filled at once and used by the next commands. Throws
     * Error. */
    Range take(uint32_t size, uint32_t alignment);

    /** \brief All that was taken so far is used by commands up to \p fence (null: done). */
    void submitted(const winsys::Ref<winsys::Fence>& fence);

private:
    struct Block {
        winsys::Ref<winsys::Surface> surface;
        std::byte* data;
        winsys::Ref<winsys::Fence> lastUse;
        bool unsubmitted = false; ///< used by commands that have no fence yet
    };

    void advance();

    winsys::Device& device_;
    std::deque<Block> blocks_; ///< the last one is being filled
    uint32_t used_ = kBlockSize;
};

} // namespace svga::vulkan
