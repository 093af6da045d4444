// SPDX-License-Identifier: MIT
#pragma once

#include "util/counters.h"
#include "util/embedded_environment.h"
#include "util/error.h"
#include "util/unique_fd.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace svga::test {

inline constexpr uint64_t kTrackerAll = 3; ///< see Counters::tracker

struct UnmapCounters {
    void operator()(const Counters* counters) const { munmap(const_cast<Counters*>(counters), sizeof(Counters)); }
};
using StackCounters = std::unique_ptr<const Counters, UnmapCounters>;

/** \brief What the stack below this program counts as it runs; null where nobody counts, which is all but svga-run.
 * \throws Error where the counters cannot be read */
inline StackCounters stackCounters() {
    const char* path = std::getenv(environment::kCounters);
    if (!path)
        return nullptr;
    const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
    void* page = file ? mmap(nullptr, sizeof(Counters), PROT_READ, MAP_SHARED, file.get(), 0) : MAP_FAILED;
    if (page == MAP_FAILED)
        throw Error("{}: {}", path, std::strerror(errno));
    return StackCounters(static_cast<const Counters*>(page));
}

} // namespace svga::test
