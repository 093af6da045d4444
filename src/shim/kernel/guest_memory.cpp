// SPDX-License-Identifier: MIT
#include "shim/kernel/guest_memory.h"

#include "util/error.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace svga::shim {

PageAllocator::PageAllocator(uint64_t begin, uint64_t end) {
    insert(begin, end);
}

void PageAllocator::insert(uint64_t begin, uint64_t end) {
    byOffset_.emplace(begin, end);
    bySize_.emplace(end - begin, begin);
    freeBytes_ += end - begin;
}

void PageAllocator::erase(std::map<uint64_t, uint64_t>::iterator it) {
    const uint64_t size = it->second - it->first;
    for (auto [entry, last] = bySize_.equal_range(size); entry != last; ++entry) {
        if (entry->second == it->first) {
            bySize_.erase(entry);
            break;
        }
    }
    freeBytes_ -= size;
    byOffset_.erase(it);
}

std::optional<PageRun> PageAllocator::allocate(uint64_t size) {
    if (size == 0 || size > freeBytes_)
        return std::nullopt;
    size = pageCeil(size);
    auto fit = bySize_.lower_bound(size);
    if (fit == bySize_.end())
        return std::nullopt;
    auto it = byOffset_.find(fit->second);
    const auto [begin, end] = *it;
    erase(it);
    if (end - begin > size)
        insert(begin + size, end);
    return PageRun{begin, size};
}

void PageAllocator::free(PageRun run) {
    uint64_t begin = run.offset;
    uint64_t end = run.offset + run.size;
    auto next = byOffset_.lower_bound(begin);
    if (next != byOffset_.end() && next->first == end) {
        end = next->second;
        erase(next);
    }
    next = byOffset_.lower_bound(begin);
    if (next != byOffset_.begin()) {
        auto previous = std::prev(next);
        if (previous->second == begin) {
            begin = previous->first;
            erase(previous);
        }
    }
    insert(begin, end);
}

GuestMemory::GuestMemory(uint64_t size)
    : size_(pageCeil(size))
    , fd_(::memfd_create("svga-guest-memory", MFD_CLOEXEC))
    , allocator_(kPageSize, size_) { // Page 0 stays free: address 0 means "none" to the device.
    if (!fd_)
        throw Error("cannot create guest memory: memfd_create: {}", std::strerror(errno));
    if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0)
        throw Error("cannot size guest memory to {} bytes: {}", size_, std::strerror(errno));
    void* base = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_.get(), 0);
    if (base == MAP_FAILED)
        throw Error("cannot map {} bytes of guest memory: {}", size_, std::strerror(errno));
    base_ = static_cast<std::byte*>(base);
    ::madvise(base, size_, MADV_DONTDUMP);
}

GuestMemory::~GuestMemory() {
    ::munmap(base_, size_);
}

std::optional<PageRun> GuestMemory::allocate(uint64_t size) {
    std::lock_guard lock(mutex_);
    return allocator_.allocate(size);
}

void GuestMemory::free(PageRun run) {
    ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(run.offset),
                static_cast<off_t>(run.size));
    std::lock_guard lock(mutex_);
    allocator_.free(run);
}

} // namespace svga::shim
