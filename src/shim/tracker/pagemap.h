// SPDX-License-Identifier: MIT
/**
 * \file
 * PAGEMAP_SCAN: which pages of an address range were written, and their protection renewed, in one step of the kernel.
 */
#pragma once

#include "shim/tracker/userfault_uapi.h"
#include "util/unique_fd.h"

#include <cstdint>
#include <vector>

namespace svga::shim {

class PagemapScanner {
public:
    /** \throws Error if the pagemap of this process cannot be read. */
    PagemapScanner();

    struct AddressRange {
        uintptr_t start;
        uintptr_t end;
    };

    /**
     * \brief Appends the ranges of [start, end) written since they were last protected, and protects them again.
     *
     * All of it must be registered with asynchronous write-protection; gaps where nothing is mapped are passed over.
     * A page without an entry in the page table and without a protection marker counts as written: a written page
     * that was dropped looks like that.
     * \return 0 or an errno value: EPERM where a mapping in the range is not registered. Any page of the range may then
     * have been protected without being reported.
     */
    int scan(uintptr_t start, uintptr_t end, std::vector<AddressRange>& written);

private:
    UniqueFd fd_;
    std::vector<uapi::PageRegion> regions_;
};

} // namespace svga::shim
