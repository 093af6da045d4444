// SPDX-License-Identifier: MIT
#include "device/dx/cotable.h"

#include <algorithm>
#include <array>

namespace svga::device {

void CoTable::bind(std::shared_ptr<Mob> mob, uint64_t validBytes) {
    // Memory fresh from the guest's allocator holds anything; what was never defined has to read as undefined.
    if (mob) {
        static constexpr std::array<std::byte, 4096> kZeros{};
        for (uint64_t offset = validBytes; offset < mob->size();) {
            const uint64_t size = std::min<uint64_t>(kZeros.size(), mob->size() - offset);
            mob->write(offset, std::span(kZeros).first(size));
            offset += size;
        }
    }
    mob_ = std::move(mob);
}

uint32_t CoTable::capacity(uint32_t entrySize) const {
    return mob_ ? uint32_t(std::min<uint64_t>(mob_->size() / entrySize, SVGA_COTABLE_MAX_IDS)) : 0;
}

} // namespace svga::device
