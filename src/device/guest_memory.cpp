// SPDX-License-Identifier: MIT
#include "device/guest_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

namespace svga::device {

GuestRange::GuestRange(uint64_t address, uint64_t size, UniqueFd fd, uint64_t fileOffset, bool writable)
    : address_(address)
    , size_(size)
    , fd_(std::move(fd))
    , fileOffset_(fileOffset)
    , writable_(writable) {
    void* mapping = ::mmap(nullptr, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd_.get(),
                           static_cast<off_t>(fileOffset));
    if (mapping == MAP_FAILED)
        throw GuestMemoryError("cannot map guest memory {:#x} + {:#x}: {}", address, size, std::strerror(errno));
    bytes_ = {static_cast<std::byte*>(mapping), size};
}

GuestRange::~GuestRange() {
    ::munmap(bytes_.data(), bytes_.size());
}

void GuestMemory::map(uint64_t address, uint64_t size, UniqueFd fd, uint64_t fileOffset, bool writable) {
    auto range = std::make_shared<GuestRange>(address, size, std::move(fd), fileOffset, writable);
    std::unique_lock lock(mutex_);
    auto next = ranges_.lower_bound(address);
    bool overlaps = next != ranges_.end() && next->first - address < size;
    if (next != ranges_.begin()) {
        const GuestRange& previous = *std::prev(next)->second;
        overlaps |= address - previous.address() < previous.size();
    }
    if (overlaps)
        throw GuestMemoryError("guest memory {:#x} + {:#x} overlaps another range", address, size);
    ranges_.emplace(address, std::move(range));
    ++generation_;
}

bool GuestMemory::unmap(uint64_t address, uint64_t size) {
    std::vector<std::shared_ptr<GuestRange>> removed; // unmapped after the lock is gone
    std::unique_lock lock(mutex_);
    auto first = ranges_.lower_bound(address);
    if (first != ranges_.begin()) {
        const GuestRange& previous = *std::prev(first)->second;
        if (address - previous.address() < previous.size())
            return false;
    }
    auto last = first;
    for (; last != ranges_.end() && last->first - address < size; ++last)
        if (last->second->size() > size - (last->first - address))
            return false;
    if (first == last)
        return true;
    for (auto it = first; it != last; ++it)
        removed.push_back(it->second);
    ranges_.erase(first, last);
    ++generation_;
    lock.unlock();
    return true;
}

std::shared_ptr<GuestRange> GuestMemory::findLocked(uint64_t address) const {
    auto next = ranges_.upper_bound(address);
    if (next == ranges_.begin())
        return nullptr;
    const auto& range = std::prev(next)->second;
    return address - range->address() < range->size() ? range : nullptr;
}

template <typename Copy>
bool GuestMemory::forEachPiece(uint64_t address, uint64_t size, bool writing, Copy copy) const {
    for (uint64_t done = 0; done < size;) {
        if (address + done < address)
            return false;
        auto range = findLocked(address + done);
        if (!range || (writing && !range->writable()))
            return false;
        uint64_t offset = address + done - range->address();
        uint64_t count = std::min(size - done, range->size() - offset);
        copy(done, range->bytes().subspan(offset, count));
        done += count;
    }
    return true;
}

bool GuestMemory::read(uint64_t address, std::span<std::byte> out) const {
    std::shared_lock lock(mutex_);
    return forEachPiece(address, out.size(), false, [&](uint64_t done, std::span<std::byte> piece) {
        std::memcpy(out.data() + done, piece.data(), piece.size());
    });
}

bool GuestMemory::write(uint64_t address, std::span<const std::byte> in) {
    std::shared_lock lock(mutex_);
    if (!forEachPiece(address, in.size(), true, [](uint64_t, std::span<std::byte>) {}))
        return false;
    return forEachPiece(address, in.size(), true, [&](uint64_t done, std::span<std::byte> piece) {
        std::memcpy(piece.data(), in.data() + done, piece.size());
    });
}

bool GuestMemory::publish(uint64_t address, uint32_t value) {
    std::shared_lock lock(mutex_);
    const auto range = findLocked(address);
    if (!range || !range->writable() || address % sizeof(value) ||
        range->size() - (address - range->address()) < sizeof(value))
        return false;
    auto* word = reinterpret_cast<uint32_t*>(range->bytes().data() + (address - range->address()));
    if (reinterpret_cast<uintptr_t>(word) % sizeof(value))
        return false;
    std::atomic_ref(*word).store(value, std::memory_order_release);
    return true;
}

} // namespace svga::device
