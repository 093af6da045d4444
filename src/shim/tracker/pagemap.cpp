// SPDX-License-Identifier: MIT
#include "shim/tracker/pagemap.h"

#include "shim/tracker/system_call.h"
#include "util/error.h"

#include <cerrno>
#include <cstring>

namespace svga::shim {

PagemapScanner::PagemapScanner()
    : fd_(sys::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC))
    , regions_(512) {
    if (!fd_)
        throw Error("/proc/self/pagemap: {}", std::strerror(errno));
}

int PagemapScanner::scan(uintptr_t start, uintptr_t end, std::vector<AddressRange>& written) {
    // With exactly this mask the kernel takes its fast path, and counts pages without an entry as written.
    uapi::PagemapScanArguments arguments{.size = sizeof arguments,
                                         .flags = uapi::kScanProtectMatching | uapi::kScanCheckAsync,
                                         .start = start,
                                         .end = end,
                                         .walk_end = 0,
                                         .vec = reinterpret_cast<uintptr_t>(regions_.data()),
                                         .vec_len = regions_.size(),
                                         .max_pages = 0,
                                         .category_inverted = 0,
                                         .category_mask = uapi::kPageIsWritten,
                                         .category_anyof_mask = 0,
                                         .return_mask = uapi::kPageIsWritten};
    while (arguments.start < end) {
        const int count = sys::ioctl(fd_.get(), uapi::kPagemapScan, &arguments);
        if (count < 0)
            return errno;
        for (int i = 0; i < count; ++i)
            written.push_back({regions_[i].start, regions_[i].end});
        if (arguments.walk_end <= arguments.start)
            break;
        arguments.start = arguments.walk_end;
    }
    return 0;
}

} // namespace svga::shim
