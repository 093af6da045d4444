// SPDX-License-Identifier: MIT
#pragma once

#include "shim/tracker/tracker_base.h"

namespace svga::shim {

/**
 * \brief Every followed page that is mapped counts as written; so do those unmapped since the last collect.
 *
 * Right by construction, needs nothing of the kernel, and is what the other modes are tested against. Reads are not
 * noticed.
 */
class AllTracker final : public TrackerBase {
public:
    explicit AllTracker(Counters& counters)
        : TrackerBase(counters) {}

    TrackerMode mode() const override { return TrackerMode::All; }
    bool readsAreTracked() const override { return false; }
    void addMapping(void* address, uint64_t offset, uint64_t size) override;
    void removeMapping(void* address, uint64_t size) override;
    void enable(PageRun range) override;
    void disable(PageRun range) override;
    void collect(std::span<const PageRun> ranges, std::vector<PageRun>& written) override;
    void invalidate(PageRun range) override;
    void validate(PageRun range) override;
    std::vector<PageRun> stale(PageRun range) override;
    void prepare(PageRun range, bool write) override;
    FaultCounts faults(uint64_t) override { return {}; }
};

} // namespace svga::shim
