// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace svga::shim {

/** \brief Ids from 1 to limit - 1, each in use once. Freed ones are used again, last freed first. */
class IdAllocator {
public:
    explicit IdAllocator(uint32_t limit)
        : limit_(limit) {}

    std::optional<uint32_t> allocate() {
        if (!freed_.empty()) {
            const uint32_t id = freed_.back();
            freed_.pop_back();
            return id;
        }
        if (next_ >= limit_)
            return std::nullopt;
        return next_++;
    }
    void free(uint32_t id) { freed_.push_back(id); }

private:
    uint32_t limit_;
    uint32_t next_ = 1;
    std::vector<uint32_t> freed_;
};

} // namespace svga::shim
