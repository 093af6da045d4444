// SPDX-License-Identifier: MIT
#include "device/guest_mob.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace svga::device {

namespace {

constexpr uint64_t kMaxPageNumber = ~uint64_t{0} / kPageSize;

uint64_t pageAddress(uint64_t pageNumber) {
    if (pageNumber > kMaxPageNumber)
        throw CommandError("page number {:#x} is beyond the address space", pageNumber);
    return pageNumber * kPageSize;
}

/** The entries of one page of a page table: 32 or 64 bits each. */
template <typename Entry>
class PageTableReader {
public:
    static constexpr uint64_t kEntries = kPageSize / sizeof(Entry);

    PageTableReader(const GuestMemory& memory, uint64_t pages)
        : memory_(memory)
        , left_(pages) {}

    /** Reads the tables of \p depth levels below the page \p root; depth 0: the page itself. */
    void walk(uint64_t root, unsigned depth, std::vector<uint64_t>& pageNumbers) {
        if (depth == 0) {
            pageNumbers.push_back(root);
            --left_;
            return;
        }
        std::array<Entry, kEntries> entries;
        if (!memory_.read(pageAddress(root), std::as_writable_bytes(std::span(entries))))
            throw CommandError("the page table at page {:#x} is not in guest memory", root);
        for (uint64_t i = 0; i < kEntries && left_ > 0; ++i)
            walk(entries[i], depth - 1, pageNumbers);
    }

private:
    const GuestMemory& memory_;
    uint64_t left_;
};

template <typename Entry>
std::vector<uint64_t> pagesOfTables(const GuestMemory& memory, uint64_t root, unsigned depth, uint64_t pages) {
    constexpr uint64_t entries = PageTableReader<Entry>::kEntries;
    uint64_t reachable = depth == 0 ? 1 : depth == 1 ? entries : entries * entries;
    if (pages > reachable)
        throw CommandError("{} pages are more than a page table of depth {} can hold", pages, depth);
    std::vector<uint64_t> pageNumbers;
    pageNumbers.reserve(pages);
    PageTableReader<Entry>(memory, pages).walk(root, depth, pageNumbers);
    return pageNumbers;
}

std::vector<PageRun> runsOf(const std::vector<uint64_t>& pageNumbers) {
    std::vector<PageRun> runs;
    for (uint64_t i = 0; i < pageNumbers.size(); ++i) {
        uint64_t address = pageAddress(pageNumbers[i]);
        if (!runs.empty() && runs.back().address + runs.back().size == address)
            runs.back().size += kPageSize;
        else
            runs.push_back({i * kPageSize, address, kPageSize});
    }
    return runs;
}

} // namespace

std::vector<PageRun> readPageTables(const GuestMemory& memory, const MobLayout& layout) {
    if (layout.sizeInBytes > kMaxMobSize)
        throw CommandError("a MOB of {} bytes is larger than the {} allowed", layout.sizeInBytes, kMaxMobSize);
    uint64_t pages = (layout.sizeInBytes + kPageSize - 1) / kPageSize;
    if (layout.format == SVGA3D_MOBFMT_EMPTY || pages == 0)
        return {};

    std::vector<PageRun> runs;
    switch (layout.format) {
    case SVGA3D_MOBFMT_RANGE: {
        uint64_t address = pageAddress(layout.basePage);
        if (pages * kPageSize - 1 > ~uint64_t{0} - address)
            throw CommandError("a range of {} pages at page {:#x} overflows", pages, layout.basePage);
        runs = {{0, address, pages * kPageSize}};
        break;
    }
    case SVGA3D_MOBFMT_PT_0:
    case SVGA3D_MOBFMT_PT_1:
    case SVGA3D_MOBFMT_PT_2:
        runs = runsOf(pagesOfTables<uint32_t>(memory, layout.basePage, layout.format - SVGA3D_MOBFMT_PT_0, pages));
        break;
    case SVGA3D_MOBFMT_PT64_0:
    case SVGA3D_MOBFMT_PT64_1:
    case SVGA3D_MOBFMT_PT64_2:
        runs = runsOf(pagesOfTables<uint64_t>(memory, layout.basePage, layout.format - SVGA3D_MOBFMT_PT64_0, pages));
        break;
    default:
        throw CommandError("MOB format {} is unknown", static_cast<uint32_t>(layout.format));
    }
    return runs;
}

GuestMob::GuestMob(uint32_t id, GuestMemory& memory, const MobLayout& layout)
    : id_(id)
    , memory_(memory)
    , runs_(readPageTables(memory, layout)) {
    if (!runs_.empty())
        size_ = runs_.back().mobOffset + runs_.back().size;
    GuestMemory::Access access(memory_);
    host_ = resolve(access);
    resolvedGeneration_ = access.generation();
}

GuestMob::~GuestMob() {
    if (!contiguous_.empty() && !contiguousRange_)
        ::munmap(contiguous_.data(), contiguous_.size());
}

std::vector<GuestMob::HostRun> GuestMob::resolve(const GuestMemory::Access& access) const {
    std::vector<HostRun> host;
    for (const PageRun& run : runs_) {
        for (uint64_t done = 0; done < run.size;) {
            auto range = access.find(run.address + done);
            if (!range)
                throw CommandError("MOB {}: page {:#x} is not in guest memory", id_, (run.address + done) / kPageSize);
            uint64_t offset = run.address + done - range->address();
            uint64_t count = std::min(run.size - done, range->size() - offset);
            host.push_back({run.mobOffset + done, range->bytes().subspan(offset, count), std::move(range)});
            done += count;
        }
    }
    return host;
}

template <typename Copy>
void GuestMob::forEachPiece(uint64_t offset, uint64_t size, bool writing, Copy copy) const {
    if (offset > size_ || size > size_ - offset)
        throw CommandError("MOB {}: {:#x} + {:#x} is beyond its {:#x} bytes", id_, offset, size, size_);
    if (size == 0)
        return;
    GuestMemory::Access access(memory_);
    if (access.generation() != resolvedGeneration_) {
        host_ = resolve(access);
        resolvedGeneration_ = access.generation();
    }
    auto after = std::upper_bound(host_.begin(), host_.end(), offset,
                                  [](uint64_t value, const HostRun& run) { return value < run.mobOffset; });
    uint64_t done = 0;
    for (auto run = std::prev(after); done < size; ++run) {
        if (writing && !run->range->writable())
            throw CommandError("MOB {}: the guest's memory at {:#x} is read-only", id_, offset + done);
        uint64_t inRun = offset + done - run->mobOffset;
        uint64_t count = std::min<uint64_t>(size - done, run->bytes.size() - inRun);
        copy(done, run->bytes.subspan(inRun, count));
        done += count;
    }
}

void GuestMob::read(uint64_t offset, std::span<std::byte> out) const {
    forEachPiece(offset, out.size(), false, [&](uint64_t done, std::span<std::byte> piece) {
        std::memcpy(out.data() + done, piece.data(), piece.size());
    });
}

void GuestMob::write(uint64_t offset, std::span<const std::byte> in) {
    forEachPiece(offset, in.size(), true, [&](uint64_t done, std::span<std::byte> piece) {
        std::memcpy(piece.data(), in.data() + done, piece.size());
    });
}

std::span<std::byte> GuestMob::contiguous() {
    if (!contiguous_.empty())
        return contiguous_;
    if (runs_.empty() || runs_.size() > kMaxContiguousRuns)
        return {};
    GuestMemory::Access access(memory_);
    std::vector<HostRun> runs = resolve(access);
    // What is drawn from is also drawn to: Vulkan knows no read-only import.
    if (std::any_of(runs.begin(), runs.end(), [](const HostRun& run) { return !run.range->writable(); }))
        return {};
    if (runs.size() == 1) {
        contiguousRange_ = runs.front().range;
        contiguous_ = runs.front().bytes;
    } else {
        contiguous_ = mapRuns(runs);
    }
    return contiguous_;
}

std::span<std::byte> GuestMob::mapRuns(const std::vector<HostRun>& runs) {
    void* reserved = ::mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED)
        throw CommandError("MOB {}: no address space for its {:#x} bytes: {}", id_, size_, std::strerror(errno));
    auto* base = static_cast<std::byte*>(reserved);
    for (const HostRun& run : runs) {
        auto inRange = static_cast<uint64_t>(run.bytes.data() - run.range->bytes().data());
        void* mapped = ::mmap(base + run.mobOffset, run.bytes.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                              run.range->fd(), static_cast<off_t>(run.range->fileOffset() + inRange));
        if (mapped == MAP_FAILED) {
            int error = errno;
            ::munmap(reserved, size_);
            throw CommandError("MOB {}: cannot map its pages: {}", id_, std::strerror(error));
        }
    }
    return {base, size_};
}

} // namespace svga::device
