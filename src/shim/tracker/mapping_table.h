// SPDX-License-Identifier: MIT
/**
 * \file
 * Which addresses of this process show which guest memory.
 */
#pragma once

#include "shim/tracker/tracker.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace svga::shim {

/** \brief Whole pages of one mapping: [address, address + size) shows guest memory from \p offset on. */
struct Piece {
    uintptr_t address;
    uint64_t offset;
    uint64_t size;

    uintptr_t end() const { return address + size; }
    PageRun run() const { return {offset, size}; }
};

/** \brief The mappings, found by address and by guest memory offset. Guest memory may be mapped many times. Not locked.
 */
class MappingTable {
public:
    /** \brief Replaces whatever was known of these addresses. */
    void add(Piece mapping);

    void remove(uintptr_t address, uint64_t size);

    /** \brief The parts of all mappings within [address, address + size), by ascending address. */
    std::vector<Piece> at(uintptr_t address, uint64_t size) const;

    /** \brief The parts of all mappings that show \p run. */
    std::vector<Piece> showing(PageRun run) const;

    /** \brief The mapping that \p address lies in. */
    std::optional<Piece> find(uintptr_t address) const;

private:
    void insert(Piece mapping);
    void erase(uintptr_t address);

    struct Target {
        uint64_t offset;
        uint64_t size;
    };
    std::map<uintptr_t, Target> byAddress_;
    std::set<std::pair<uint64_t, uintptr_t>> byOffset_; ///< {offset, address}
    uint64_t largest_ = 0;                              ///< no mapping is larger: how far back a search by offset goes
};

} // namespace svga::shim
