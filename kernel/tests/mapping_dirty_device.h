/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * /dev/mapping_dirty: pages that any number of processes may map, and calls of the kernel's two helpers that find and stop
 * writes to them (mm/mapping_dirty_helpers.c). A test in user space writes, calls, and knows what must come out.
 *
 * There is one set of pages, for all who open the device. A page is mapped by a fault, writable or not according to the way of
 * tracking; offsets of mmap() are those of the pages. The device holds a lock while it maps pages and while it looks at them, as
 * a driver holds the reservation of a buffer object.
 */
#ifndef MAPPING_DIRTY_DEVICE_H
#define MAPPING_DIRTY_DEVICE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MAPPING_DIRTY_NODE "/dev/mapping_dirty"
/* Pages of the device: three times what one page of page table entries maps */
#define MAPPING_DIRTY_PAGES 1536

enum mapping_dirty_way {
	/* Writable at once; dirty bits of page table entries tell of writes */
	MAPPING_DIRTY_PAGE_TABLE,
	/* Write-protected; a write faults, and its page is noted and made writable under the lock */
	MAPPING_DIRTY_FAULT,
	/* As FAULT, but the page is made writable by the caller of pfn_mkwrite(), when the lock is gone */
	MAPPING_DIRTY_LATE_FAULT,
	/* Entries of 2 MiB, which are not writable; a write makes the pages small, and they are as PAGE_TABLE's */
	MAPPING_DIRTY_HUGE,
	/* Entries of 2 MiB, which are writable: nothing finds what is written there, and the helpers warn of them */
	MAPPING_DIRTY_HUGE_WRITABLE,
};

/* Begins anew: nobody has the pages mapped, and nothing is noted. @way, then zero. */
struct mapping_dirty_reset {
	__u32 way;
	__u32 pad;
};

/*
 * A call for the pages from @first to @first + @num: @count is what the helper returned. @bitmap is the address of a bitmap of
 * all pages, to which bits are added. @start and @end are in and out, as the helper has them.
 */
struct mapping_dirty_call {
	__u64 first;
	__u64 num;
	__u64 bitmap;
	__u64 start;
	__u64 end;
	__u64 count;
};

#define MAPPING_DIRTY_RESET _IOW('M', 0, struct mapping_dirty_reset)
/* wp_shared_mapping_range() */
#define MAPPING_DIRTY_PROTECT _IOWR('M', 1, struct mapping_dirty_call)
/* clean_record_shared_mapping_range(), with the bitmap beginning at page 0 */
#define MAPPING_DIRTY_CLEAN _IOWR('M', 2, struct mapping_dirty_call)
/* Write-protects, and moves what faults have noted to @bitmap; @count is the number of such pages */
#define MAPPING_DIRTY_TAKE _IOWR('M', 3, struct mapping_dirty_call)
/* unmap_mapping_range(), as for a page that is to be read back */
#define MAPPING_DIRTY_UNMAP _IOWR('M', 4, struct mapping_dirty_call)
/* Adds what faults have noted to @bitmap and leaves it noted; @count as for TAKE. Without the lock. */
#define MAPPING_DIRTY_NOTED _IOWR('M', 5, struct mapping_dirty_call)
/* Whether faults that LATE_FAULT has noted are to wait (argument 1) before they return, or to go on (0) */
#define MAPPING_DIRTY_HOLD _IO('M', 6)
/* Returns how many entries of 2 MiB have been made since RESET */
#define MAPPING_DIRTY_HUGE_ENTRIES _IO('M', 7)

#endif
