// SPDX-License-Identifier: MIT
#include "shim/tracker/mapping_table.h"

#include <algorithm>
#include <iterator>

namespace svga::shim {

void MappingTable::add(Piece mapping) {
    remove(mapping.address, mapping.size);
    insert(mapping);
}

void MappingTable::remove(uintptr_t address, uint64_t size) {
    for (const Piece& piece : at(address, size)) {
        const Piece whole = *find(piece.address);
        erase(whole.address);
        if (whole.address < piece.address)
            insert({whole.address, whole.offset, piece.address - whole.address});
        if (whole.end() > piece.end())
            insert({piece.end(), piece.offset + piece.size, whole.end() - piece.end()});
    }
    if (byAddress_.empty())
        largest_ = 0;
}

std::vector<Piece> MappingTable::at(uintptr_t address, uint64_t size) const {
    std::vector<Piece> pieces;
    auto next = byAddress_.upper_bound(address);
    if (next != byAddress_.begin() && std::prev(next)->first + std::prev(next)->second.size > address)
        --next;
    for (; next != byAddress_.end() && next->first < address + size; ++next) {
        const uintptr_t start = std::max(next->first, address);
        const uintptr_t stop = std::min(next->first + next->second.size, address + size);
        pieces.push_back({start, next->second.offset + (start - next->first), stop - start});
    }
    return pieces;
}

std::vector<Piece> MappingTable::showing(PageRun run) const {
    std::vector<Piece> pieces;
    const uint64_t runEnd = run.offset + run.size;
    const uint64_t first = run.offset > largest_ ? run.offset - largest_ : 0;
    for (auto next = byOffset_.lower_bound({first, 0}); next != byOffset_.end() && next->first < runEnd; ++next) {
        const auto [offset, address] = *next;
        const uint64_t start = std::max(offset, run.offset);
        const uint64_t stop = std::min(offset + byAddress_.at(address).size, runEnd);
        if (start < stop)
            pieces.push_back({address + (start - offset), start, stop - start});
    }
    return pieces;
}

std::optional<Piece> MappingTable::find(uintptr_t address) const {
    const auto next = byAddress_.upper_bound(address);
    if (next == byAddress_.begin())
        return std::nullopt;
    const auto& [start, target] = *std::prev(next);
    if (address - start >= target.size)
        return std::nullopt;
    return Piece{start, target.offset, target.size};
}

void MappingTable::insert(Piece mapping) {
    byAddress_.emplace(mapping.address, Target{mapping.offset, mapping.size});
    byOffset_.emplace(mapping.offset, mapping.address);
    largest_ = std::max(largest_, mapping.size);
}

void MappingTable::erase(uintptr_t address) {
    const auto entry = byAddress_.find(address);
    byOffset_.erase({entry->second.offset, address});
    byAddress_.erase(entry);
}

} // namespace svga::shim
