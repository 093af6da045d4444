// SPDX-License-Identifier: MIT
/**
 * \file
 * MOBs in guest memory: from the page tables of SVGAMobFormat to runs of pages, and access to them.
 */
#pragma once

#include "device/guest_memory.h"
#include "device/mob.h"

#include <svga3d_reg.h>
#include <svga_reg.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace svga::device {

/** \brief A MOB with more runs than this is not made contiguous: each costs the process a mapping. */
inline constexpr uint32_t kMaxContiguousRuns = 256;
/** \brief The largest MOB (SVGA_REG_MOB_MAX_SIZE). */
inline constexpr uint64_t kMaxMobSize = 1u << 30;

/** \brief Where a MOB's pages are: what the DEFINE_GB_MOB commands say. */
struct MobLayout {
    SVGAMobFormat format = SVGA3D_MOBFMT_INVALID;
    uint64_t basePage = 0; ///< physical page number: of the page, of the first page, or of the root page table
    uint64_t sizeInBytes = 0;
};

/** \brief Pages that follow each other in the MOB and in guest memory. */
struct PageRun {
    uint64_t mobOffset;
    uint64_t address;
    uint64_t size;
};

/**
 * \brief Reads \p layout's page tables. The runs cover the size rounded up to whole pages, in order.
 * \throws CommandError where the format is unknown, the size too large for it or above kMaxMobSize, or a page or a
 * table is not in guest memory.
 */
std::vector<PageRun> readPageTables(const GuestMemory& memory, const MobLayout& layout);

class GuestMob final : public Mob {
public:
    /** \param memory outlives the MOB. \throws CommandError as readPageTables(). */
    GuestMob(uint32_t id, GuestMemory& memory, const MobLayout& layout);
    ~GuestMob() override;

    uint32_t id() const override { return id_; }
    uint64_t size() const override { return size_; }
    void read(uint64_t offset, std::span<std::byte> out) const override;
    void write(uint64_t offset, std::span<const std::byte> in) override;
    std::span<std::byte> contiguous() override;

private:
    /** A stretch of the MOB that is one in host memory too. */
    struct HostRun {
        uint64_t mobOffset;
        std::span<std::byte> bytes;
        std::shared_ptr<GuestRange> range;
    };

    std::vector<HostRun> resolve(const GuestMemory::Access& access) const;
    template <typename Copy>
    void forEachPiece(uint64_t offset, uint64_t size, bool writing, Copy copy) const;
    std::span<std::byte> mapRuns(const std::vector<HostRun>& runs);

    uint32_t id_;
    GuestMemory& memory_;
    std::vector<PageRun> runs_;
    uint64_t size_ = 0;

    mutable std::vector<HostRun> host_; ///< good while resolvedGeneration_ is the guest memory's
    mutable uint64_t resolvedGeneration_ = 0;

    std::shared_ptr<GuestRange> contiguousRange_; ///< what contiguous_ is a part of, unless it is a mapping of its own
    std::span<std::byte> contiguous_;
};

} // namespace svga::device
