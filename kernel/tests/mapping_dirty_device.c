// SPDX-License-Identifier: GPL-2.0 OR MIT
/* See mapping_dirty_device.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "mapping_dirty_device.h"

#include <linux/bitmap.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/pfn_t.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define PAGES MAPPING_DIRTY_PAGES
#define HUGE_PAGES (PAGES / HPAGE_PMD_NR)

static struct page *blocks[HUGE_PAGES]; /* each of 2 MiB, so that it can be mapped by one entry */
static DEFINE_MUTEX(lock); /* as a buffer object's reservation */
static enum mapping_dirty_way way; /* protected by lock */
static DECLARE_BITMAP(noted, PAGES); /* by faults; changed under lock */
static unsigned int huge_entries; /* protected by lock */
static bool hold;
static DECLARE_WAIT_QUEUE_HEAD(released);

static unsigned long pfn_of(pgoff_t page)
{
	return page_to_pfn(blocks[page / HPAGE_PMD_NR]) + page % HPAGE_PMD_NR;
}

static pgprot_t read_only(struct vm_area_struct *vma)
{
	return vm_get_page_prot(vma->vm_flags & ~VM_SHARED);
}

static bool by_faults(void)
{
	return way == MAPPING_DIRTY_FAULT || way == MAPPING_DIRTY_LATE_FAULT;
}

static vm_fault_t device_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	pgprot_t prot;
	vm_fault_t ret;

	if (vmf->pgoff >= PAGES)
		return VM_FAULT_SIGBUS;

	mutex_lock(&lock);
	prot = vm_get_page_prot(vma->vm_flags);
	if (by_faults()) {
		if (vmf->flags & FAULT_FLAG_WRITE)
			__set_bit(vmf->pgoff, noted);
		else
			prot = read_only(vma);
	}
	ret = vmf_insert_pfn_prot(vma, vmf->address, pfn_of(vmf->pgoff), prot);
	mutex_unlock(&lock);

	return ret;
}

/* A write to an entry that is present and write-protected. */
static vm_fault_t device_pfn_mkwrite(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long address = vmf->address & PAGE_MASK;
	vm_fault_t ret = 0;

	mutex_lock(&lock);
	if (by_faults())
		__set_bit(vmf->pgoff, noted);
	if (way == MAPPING_DIRTY_FAULT) {
		/* Inserting leaves a present entry alone, so take it out first */
		zap_vma_ptes(vma, address, PAGE_SIZE);
		ret = vmf_insert_pfn_prot(vma, address, pfn_of(vmf->pgoff), vm_get_page_prot(vma->vm_flags));
	}
	mutex_unlock(&lock);
	wait_event_killable(released, !READ_ONCE(hold));

	return ret;
}

static vm_fault_t device_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	const unsigned long address = vmf->address & HPAGE_PMD_MASK;
	struct vm_area_struct *vma = vmf->vma;
	const bool write = vmf->flags & FAULT_FLAG_WRITE;
	vm_fault_t ret = VM_FAULT_FALLBACK;
	pgoff_t page;

	mutex_lock(&lock);
	if (order == HPAGE_PMD_ORDER && address >= vma->vm_start && address + HPAGE_PMD_SIZE <= vma->vm_end &&
	    (way == MAPPING_DIRTY_HUGE_WRITABLE || (way == MAPPING_DIRTY_HUGE && !write))) {
		page = linear_page_index(vma, address);
		if (page % HPAGE_PMD_NR == 0 && page < PAGES)
			ret = vmf_insert_pfn_pmd(vmf, pfn_to_pfn_t(pfn_of(page)), write);
		huge_entries += ret == VM_FAULT_NOPAGE;
	}
	mutex_unlock(&lock);

	return ret;
}

static const struct vm_operations_struct device_vm_ops = {
	.fault = device_fault,
	.huge_fault = device_huge_fault,
	.pfn_mkwrite = device_pfn_mkwrite,
};

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff > PAGES || vma_pages(vma) > PAGES - vma->vm_pgoff)
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &device_vm_ops;

	return 0;
}

/* Moves or copies what is noted to a bitmap that came from user space. */
static u64 add_noted(unsigned long *bitmap, bool take)
{
	const u64 count = bitmap_weight(noted, PAGES);

	bitmap_or(bitmap, bitmap, noted, PAGES);
	if (take)
		bitmap_zero(noted, PAGES);

	return count;
}

static void carry_out(unsigned int cmd, struct address_space *mapping, struct mapping_dirty_call *call,
		      unsigned long *bitmap)
{
	pgoff_t start = call->start, end = call->end;

	if (cmd == MAPPING_DIRTY_NOTED) {
		call->count = add_noted(bitmap, false);
		return;
	}

	mutex_lock(&lock);
	switch (cmd) {
	case MAPPING_DIRTY_PROTECT:
		call->count = wp_shared_mapping_range(mapping, call->first, call->num);
		break;
	case MAPPING_DIRTY_CLEAN:
		call->count = clean_record_shared_mapping_range(mapping, call->first, call->num, 0, bitmap, &start,
								&end);
		call->start = start;
		call->end = end;
		break;
	case MAPPING_DIRTY_TAKE:
		wp_shared_mapping_range(mapping, 0, PAGES);
		call->count = add_noted(bitmap, true);
		break;
	case MAPPING_DIRTY_UNMAP:
		unmap_mapping_range(mapping, (loff_t)call->first << PAGE_SHIFT, (loff_t)call->num << PAGE_SHIFT, 1);
		break;
	}
	mutex_unlock(&lock);
}

static long device_call(unsigned int cmd, struct address_space *mapping, void __user *arg)
{
	struct mapping_dirty_call call;
	unsigned long *bitmap;
	void __user *users;
	long ret = 0;

	if (copy_from_user(&call, arg, sizeof(call)))
		return -EFAULT;
	if (!call.num || call.first >= PAGES || call.num > PAGES - call.first)
		return -EINVAL;
	bitmap = bitmap_zalloc(PAGES, GFP_KERNEL);
	if (!bitmap)
		return -ENOMEM;

	users = u64_to_user_ptr(call.bitmap);
	if (users && copy_from_user(bitmap, users, PAGES / BITS_PER_BYTE))
		ret = -EFAULT;
	if (!ret) {
		carry_out(cmd, mapping, &call, bitmap);
		if ((users && copy_to_user(users, bitmap, PAGES / BITS_PER_BYTE)) ||
		    copy_to_user(arg, &call, sizeof(call)))
			ret = -EFAULT;
	}
	bitmap_free(bitmap);

	return ret;
}

static long device_reset(struct address_space *mapping, const void __user *arg)
{
	struct mapping_dirty_reset reset;
	unsigned int i;

	if (copy_from_user(&reset, arg, sizeof(reset)))
		return -EFAULT;
	if (reset.way > MAPPING_DIRTY_HUGE_WRITABLE || reset.pad)
		return -EINVAL;

	mutex_lock(&lock);
	unmap_mapping_range(mapping, 0, 0, 1);
	bitmap_zero(noted, PAGES);
	huge_entries = 0;
	way = reset.way;
	for (i = 0; i < HUGE_PAGES; ++i)
		memset(page_address(blocks[i]), 0, HPAGE_PMD_SIZE);
	mutex_unlock(&lock);

	return 0;
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case MAPPING_DIRTY_RESET:
		return device_reset(file->f_mapping, (void __user *)arg);
	case MAPPING_DIRTY_HOLD:
		WRITE_ONCE(hold, arg != 0);
		wake_up_all(&released);
		return 0;
	case MAPPING_DIRTY_HUGE_ENTRIES:
		return READ_ONCE(huge_entries);
	case MAPPING_DIRTY_PROTECT:
	case MAPPING_DIRTY_CLEAN:
	case MAPPING_DIRTY_TAKE:
	case MAPPING_DIRTY_UNMAP:
	case MAPPING_DIRTY_NOTED:
		return device_call(cmd, file->f_mapping, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.mmap = device_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.unlocked_ioctl = device_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mapping_dirty",
	.fops = &device_fops,
	.mode = 0600,
};

static void free_blocks(void)
{
	unsigned int i;

	for (i = 0; i < HUGE_PAGES; ++i)
		if (blocks[i])
			__free_pages(blocks[i], HPAGE_PMD_ORDER);
}

static int __init mapping_dirty_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < HUGE_PAGES; ++i) {
		blocks[i] = alloc_pages(GFP_KERNEL | __GFP_ZERO, HPAGE_PMD_ORDER);
		if (!blocks[i]) {
			free_blocks();
			return -ENOMEM;
		}
	}
	ret = misc_register(&device);
	if (ret)
		free_blocks();

	return ret;
}

static void __exit mapping_dirty_exit(void)
{
	misc_deregister(&device);
	free_blocks();
}

module_init(mapping_dirty_init);
module_exit(mapping_dirty_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Mappings whose writes are found by mm/mapping_dirty_helpers.c, for a test in user space");
