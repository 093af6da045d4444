// SPDX-License-Identifier: MIT
/**
 * \file
 * Kernel interface newer than the C library's kernel headers: values of Linux 6.7's include/uapi/linux/userfaultfd.h
 * and include/uapi/linux/fs.h, which are stable. Whether the running kernel has them is asked at run time.
 */
#pragma once

#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cstdint>

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef UFFDIO_CONTINUE_MODE_WP
#define UFFDIO_CONTINUE_MODE_WP (static_cast<__u64>(1) << 1)
#endif
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 // include/uapi/asm-generic/mman-common.h, Linux 5.18
#endif

namespace svga::shim::uapi {

/// struct page_region
struct PageRegion {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};

/// struct pm_scan_arg
struct PagemapScanArguments {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end; ///< out: where the walk stopped
    uint64_t vec;      ///< address of an array of PageRegion
    uint64_t vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};

inline constexpr unsigned long kPagemapScan = _IOWR('f', 16, PagemapScanArguments); ///< PAGEMAP_SCAN
inline constexpr uint64_t kPageIsWritten = 1 << 1;                                  ///< PAGE_IS_WRITTEN
inline constexpr uint64_t kScanProtectMatching = 1 << 0;                            ///< PM_SCAN_WP_MATCHING
inline constexpr uint64_t kScanCheckAsync = 1 << 1;                                 ///< PM_SCAN_CHECK_WPASYNC

} // namespace svga::shim::uapi
