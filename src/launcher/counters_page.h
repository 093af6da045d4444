// SPDX-License-Identifier: MIT
#pragma once

#include "util/counters.h"
#include "util/unique_fd.h"

#include <string>

namespace svga::launcher {

/**
 * \brief The page of counters that the launcher shares with every process of the program.
 *
 * It is a memfd, so nothing is left behind whatever becomes of the launcher.
 */
class CountersPage {
public:
    /// \throws svga::Error where there is no memory
    CountersPage();
    ~CountersPage();
    CountersPage(const CountersPage&) = delete;
    CountersPage& operator=(const CountersPage&) = delete;

    const Counters& counters() const { return *counters_; }

    /// Path under which any process of this user can open the page while the launcher lives.
    std::string path() const;

private:
    UniqueFd fd_;
    Counters* counters_; ///< in the mapping of fd_
};

} // namespace svga::launcher
