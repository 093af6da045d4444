// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/query.h"

#include "util/error.h"

#include <cstring>

namespace svga::winsys {

Query::Query(Device& device, uint32_t size)
    : bo_(Bo::create(device, size)) {}

uint8_t* Query::at(uint64_t offset, uint64_t size) const {
    if (offset % sizeof(uint32_t) || offset + size > bo_->size())
        throw Error("no query slot with {} bytes at offset {}: there are {} bytes", size, offset, bo_->size());
    return static_cast<uint8_t*>(bo_->map()) + offset;
}

void Query::setState(uint32_t offset, uint32_t state) {
    auto* word = reinterpret_cast<uint32_t*>(at(offset, sizeof(uint32_t)));
    std::atomic_ref<uint32_t>(*word).store(state, std::memory_order_release);
}

uint32_t Query::state(uint32_t offset) const {
    auto* word = reinterpret_cast<uint32_t*>(at(offset, sizeof(uint32_t)));
    return std::atomic_ref<uint32_t>(*word).load(std::memory_order_acquire);
}

void Query::readResult(uint32_t offset, void* result, uint32_t size) const {
    std::memcpy(result, at(uint64_t(offset) + sizeof(uint32_t), size), size);
}

} // namespace svga::winsys
