/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/**
 * \file
 * The dirty-tracking ioctls of vmwgfx: what the kernel patches of kernel/patches add to include/uapi/drm/vmwgfx_drm.h, for user
 * space whose vmwgfx_drm.h does not have them yet. The embedded kernel (src/shim) answers the same ioctls.
 *
 * Both kernels are held to what is written here by tests/uapi. Where they may differ:
 *
 *  - A kernel may take a page for dirty that is not, never the other way round. The embedded one does where it may not
 *    have page faults, and takes all that is mapped for written.
 *  - PAGETABLE and MKWRITE are a matter of cost, and a kernel that has but one of them takes it for both:
 *    DRM_VMW_BO_TRACKING accepts either, and DRM_VMW_BO_DIRTY_QUERY tells the one in use. Linux's has both; the embedded
 *    one MKWRITE, or PAGETABLE without page faults. EXPLICIT they all have.
 *  - A kernel that cannot make the CPU wait brings what the device wrote to memory before the fence of the writing
 *    commands signals: then no page is ever stale.
 */
#ifndef SVGA_COHERENT_DRM_H
#define SVGA_COHERENT_DRM_H

#include <drm.h>

#ifndef DRM_VMW_PARAM_DIRTY_TRACKING

#if defined(__cplusplus)
extern "C" {
#endif

/* What follows is, line for line, what the patches add to vmwgfx_drm.h; "make -C kernel check" compares them. */
/* vmwgfx_drm.h { */
#define DRM_VMW_PARAM_DIRTY_TRACKING   19

#define DRM_VMW_BO_DIRTY_QUERY          33
#define DRM_VMW_BO_ACCESS               34
#define DRM_VMW_BO_TRACKING             35

/*************************************************************************/
/**
 * DOC: Dirty-tracking of coherent buffer objects
 *
 * A buffer object that backs a surface created with
 * drm_vmw_surface_flag_coherent is tracked: the kernel finds the pages which
 * the CPU has written, uploads them before the commands of the next
 * DRM_VMW_EXECBUF that uses the surface, and reads device content back when the
 * CPU touches a page whose newest content is on the device. User space does
 * nothing for that. The three ioctls below let it do better where it knows
 * more, and look at the tracking:
 *
 * * DRM_VMW_BO_ACCESS tells what the CPU is about to do with a range, so that
 *   no page faults are paid for it.
 * * DRM_VMW_BO_TRACKING chooses how writes are found.
 * * DRM_VMW_BO_DIRTY_QUERY tells which pages are dirty, and what the tracking
 *   has cost.
 *
 * None of them is ever needed for correctness, save DRM_VMW_BO_ACCESS_WRITE
 * for a buffer object in mode DRM_VMW_BO_TRACKING_EXPLICIT.
 *
 * DRM_VMW_PARAM_DIRTY_TRACKING is the version of this interface, 1. A kernel
 * without it fails DRM_VMW_GET_PARAM with -EINVAL. A higher version only adds.
 *
 * All handles are buffer object handles (drm_vmw_gb_surface_create_rep.
 * buffer_handle, or from DRM_VMW_ALLOC_BO), looked up in the calling file. All
 * offsets and lengths are bytes, and the unit of tracking is the page.
 *
 * A page is *dirty* when the CPU has written it, or declared that it will, and
 * no upload has followed. The kernel may take pages for written that are not,
 * as those next to a sequence of writes. It is *stale* when the device has, or
 * is about to get, newer content than it holds; stale pages are not mapped.
 *
 * Errors all three have in common:
 *
 * * -EINVAL: an unknown flag or mode, a padding field that is not 0, a range
 *   that is empty or does not lie in the buffer object.
 * * -ENOENT: no such handle in this file.
 * * -ENODATA: the buffer object is not tracked (BO_ACCESS, BO_TRACKING).
 * * -EFAULT: a pointer to memory that cannot be read, or written.
 * * -ERESTARTSYS, seen as -EINTR or a restart: a signal came during a wait.
 */

/*************************************************************************/
/**
 * DRM_VMW_BO_DIRTY_QUERY - Ask which pages of a buffer object are dirty
 *
 * Changes nothing that can be seen but its counters: dirty pages stay dirty
 * and will be uploaded.
 */

/**
 * enum drm_vmw_bo_tracking_mode - How writes of the CPU are found
 *
 * @DRM_VMW_BO_TRACKING_NONE: They are not; the buffer object backs no coherent
 * surface. Only returned.
 * @DRM_VMW_BO_TRACKING_AUTO: The kernel chooses, and changes its mind with what
 * it sees. The default. Only an argument.
 * @DRM_VMW_BO_TRACKING_PAGETABLE: Pages are writable, and the dirty bits of
 * the page table are scanned at each submission. No fault for a write, but
 * each scan costs. Best where much of the buffer is written each time.
 * @DRM_VMW_BO_TRACKING_MKWRITE: Pages are write-protected until the first
 * write after an upload. One fault for each page written, or run of pages; no
 * scan where nothing was written. Best where little is written.
 * @DRM_VMW_BO_TRACKING_EXPLICIT: Pages are writable and writes are not looked
 * for; only ranges declared by DRM_VMW_BO_ACCESS_WRITE are uploaded. A write
 * that is not declared may never reach the device.
 */
enum drm_vmw_bo_tracking_mode {
	DRM_VMW_BO_TRACKING_NONE = 0,
	DRM_VMW_BO_TRACKING_AUTO = 1,
	DRM_VMW_BO_TRACKING_PAGETABLE = 2,
	DRM_VMW_BO_TRACKING_MKWRITE = 3,
	DRM_VMW_BO_TRACKING_EXPLICIT = 4
};

/**
 * struct drm_vmw_bo_range - A range of a buffer object
 *
 * @offset: First byte.
 * @length: Number of bytes.
 */
struct drm_vmw_bo_range {
	__u64 offset;
	__u64 length;
};

/*
 * Collect what has been written up to now, as a submission would. Without
 * this flag the answer holds what the kernel happens to know already, which in
 * mode PAGETABLE may be older.
 */
#define DRM_VMW_BO_DIRTY_QUERY_SCAN    (1 << 0)

/**
 * struct drm_vmw_bo_dirty_query_arg - Argument of DRM_VMW_BO_DIRTY_QUERY
 *
 * @ranges: In: User pointer to an array of struct drm_vmw_bo_range that
 * receives the dirty ranges: whole pages, in ascending order, with clean pages
 * between each two. Not used if @num_ranges is 0.
 * @num_ranges: In: How many entries @ranges has room for. Out: How many dirty
 * ranges there are, which may be more than were written to @ranges.
 * @handle: In: Handle of the buffer object.
 * @flags: In: DRM_VMW_BO_DIRTY_QUERY_x.
 * @pad: In: Must be 0.
 * @mode: Out: How writes are found at present, NONE, PAGETABLE, MKWRITE or
 * EXPLICIT. All that follows is 0 where it is NONE.
 * @pinned: Out: 1 if @mode was chosen by DRM_VMW_BO_TRACKING, 0 if it may change.
 * @dirty_pages: Out: Number of dirty pages.
 * @stale_pages: Out: Number of stale pages.
 * @read_faults: Out: Page faults served by mapping pages of the buffer object.
 * This and all that follow count from when tracking of it began.
 * @write_faults: Out: Page faults served by making a protected page writable.
 * @declared_pages: Out: Pages declared by DRM_VMW_BO_ACCESS_WRITE.
 * @scans: Out: Times that the page tables were scanned, or write-protected.
 * @uploaded_pages: Out: Pages found dirty and handed to a surface for upload.
 * @uploaded_bytes: Out: Bytes of the boxes of the uploads.
 * @read_back_bytes: Out: Bytes that the device was told to read back.
 *
 * Fields marked Out are ignored on input.
 */
struct drm_vmw_bo_dirty_query_arg {
	__u64 ranges;
	__u32 num_ranges;
	__u32 handle;
	__u32 flags;
	__u32 pad;
	__u32 mode;
	__u32 pinned;
	__u64 dirty_pages;
	__u64 stale_pages;
	__u64 read_faults;
	__u64 write_faults;
	__u64 declared_pages;
	__u64 scans;
	__u64 uploaded_pages;
	__u64 uploaded_bytes;
	__u64 read_back_bytes;
};

/*************************************************************************/
/**
 * DRM_VMW_BO_ACCESS - Declare what the CPU is about to do
 *
 * READ brings the device's content to the pages of a range that are stale, and
 * leaves the rest of the buffer object alone.
 *
 * WRITE marks the pages of a range dirty, so that they will be uploaded
 * whether or not the writes are seen. It holds until the next submission
 * which uses the range: who goes on writing after that declares again, or
 * (except in mode EXPLICIT) pays the faults. As a write to part of a page keeps
 * the rest of it, WRITE includes READ.
 *
 * DISCARD says that the content of the range may be lost, because all of it is
 * overwritten or of no interest. Subresources that lie wholly inside the range
 * are not read back, and their content is undefined until it is written; what
 * the range covers in part is read back if READ or WRITE asks for it. A buffer
 * is one subresource.
 *
 * Entries are handled in order, after all of them have been checked as far as
 * they can be without looking at memory; where one fails, those before it have
 * been done.
 */

#define DRM_VMW_BO_ACCESS_READ         (1 << 0)
#define DRM_VMW_BO_ACCESS_WRITE        (1 << 1)
#define DRM_VMW_BO_ACCESS_DISCARD      (1 << 2)

/**
 * struct drm_vmw_bo_access - One range that is about to be accessed
 *
 * @handle: Handle of the buffer object.
 * @flags: DRM_VMW_BO_ACCESS_x, at least one.
 * @offset: First byte of the range.
 * @length: Number of bytes, not 0.
 * @address: Address of the range's first byte in a mapping of the buffer
 * object by the caller, or 0. Where given, the pages are made present there
 * (with WRITE: writable) so that touching them does not fault. -EINVAL if the
 * range is not mapped there by one mapping, -EACCES for WRITE to a mapping that
 * is not shared and writable.
 */
struct drm_vmw_bo_access {
	__u32 handle;
	__u32 flags;
	__u64 offset;
	__u64 length;
	__u64 address;
};

/*
 * Do not wait for readbacks; return a fence for them. Touching the pages before
 * it has signalled is allowed, and waits. Pages are not made present at
 * drm_vmw_bo_access.address where that would have to wait.
 */
#define DRM_VMW_BO_ACCESS_FENCE        (1 << 0)

/* The most entries that one DRM_VMW_BO_ACCESS takes */
#define DRM_VMW_BO_ACCESS_MAX          1024

/**
 * struct drm_vmw_bo_access_arg - Argument of DRM_VMW_BO_ACCESS
 *
 * @accesses: In: User pointer to an array of struct drm_vmw_bo_access.
 * @num_accesses: In: Its number of entries, up to DRM_VMW_BO_ACCESS_MAX. With 0
 * nothing is done.
 * @flags: In: DRM_VMW_BO_ACCESS_FENCE or 0.
 * @fence_handle: Out: With DRM_VMW_BO_ACCESS_FENCE, handle of a fence that
 * signals when all readbacks are done, for DRM_VMW_FENCE_WAIT and to be given
 * up by DRM_VMW_FENCE_UNREF; 0 where there was nothing to read back.
 * @pad: In: Must be 0.
 */
struct drm_vmw_bo_access_arg {
	__u64 accesses;
	__u32 num_accesses;
	__u32 flags;
	__u32 fence_handle;
	__u32 pad;
};

/*************************************************************************/
/**
 * DRM_VMW_BO_TRACKING - Choose how writes to a buffer object are found
 *
 * Writes from before the change are not lost, whatever the change. The mode
 * belongs to the buffer object, so to all processes which share it, and lasts
 * until it backs no coherent surface any more.
 */

/**
 * struct drm_vmw_bo_tracking_arg - Argument of DRM_VMW_BO_TRACKING
 *
 * @handle: In: Handle of the buffer object.
 * @mode: In: enum drm_vmw_bo_tracking_mode; NONE is -EINVAL.
 * @flags: In: Must be 0.
 * @pad: In: Must be 0.
 */
struct drm_vmw_bo_tracking_arg {
	__u32 handle;
	__u32 mode;
	__u32 flags;
	__u32 pad;
};

#define DRM_IOCTL_VMW_BO_DIRTY_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VMW_BO_DIRTY_QUERY, \
		 struct drm_vmw_bo_dirty_query_arg)
#define DRM_IOCTL_VMW_BO_ACCESS \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VMW_BO_ACCESS, \
		 struct drm_vmw_bo_access_arg)
#define DRM_IOCTL_VMW_BO_TRACKING \
	DRM_IOW(DRM_COMMAND_BASE + DRM_VMW_BO_TRACKING, \
		struct drm_vmw_bo_tracking_arg)
/* } vmwgfx_drm.h */

#if defined(__cplusplus)
}
#endif

#endif /* DRM_VMW_PARAM_DIRTY_TRACKING */

#endif
