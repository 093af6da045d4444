// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * From a bitmap of dirty pages to boxes, by the driver's own code, in the kernel it runs in: held against a model that knows
 * of every byte whether its page is dirty and whether a box covers it. The tests run when the module is loaded.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "ktap.h"
#include "vmwgfx_dirty_region.h"

#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/vmalloc.h>

static unsigned int sequences = 100000;
module_param(sequences, uint, 0444);
MODULE_PARM_DESC(sequences, "How many random bitmaps are turned into boxes");

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "What the random numbers begin with");

/* The largest layout of the random sequences: 1500 x 20 x 6 blocks of 16 bytes */
#define MAX_BYTES (1500 * 20 * 6 * 16)
/* The smallest page of theirs; pages smaller than the kernel's make the same cases with fewer bytes */
#define MIN_PAGE 64

static u8 *covered; /* by a box, for each byte */
static unsigned long *bitmap; /* of dirty pages */
static struct vmw_dirty_region region;
static struct rnd_state random;

static u32 below(u32 bound)
{
	return prandom_u32_state(&random) % bound;
}

/* Adds what a bitmap says, run by run, as the driver does. Returns the number of runs. */
static u32 add_bitmap(u32 page_size, u32 num_pages)
{
	unsigned long start = 0, end = 0;
	u32 runs = 0;

	for (;;) {
		start = find_next_bit(bitmap, num_pages, end);
		if (start >= num_pages)
			return runs;
		end = find_next_zero_bit(bitmap, num_pages, start + 1);
		vmw_dirty_region_add(&region, (u64)start * page_size, (u64)end * page_size);
		++runs;
	}
}

/* Marks in the model what a box covers. */
static bool cover_box(const struct vmw_dirty_layout *layout, const struct vmw_dirty_box *box)
{
	u64 y, z;

	KTAP_EXPECT(box->w && box->h && box->d, "%ux%ux%u", box->w, box->h, box->d);
	KTAP_EXPECT((u64)box->x + box->w <= layout->width, "%u + %u of %u", box->x, box->w, layout->width);
	KTAP_EXPECT((u64)box->y + box->h <= layout->height, "%u + %u of %u", box->y, box->h, layout->height);
	KTAP_EXPECT((u64)box->z + box->d <= layout->depth, "%u + %u of %u", box->z, box->d, layout->depth);
	for (z = box->z; z < (u64)box->z + box->d; ++z)
		for (y = box->y; y < (u64)box->y + box->h; ++y)
			memset(covered + ((z * layout->height + y) * layout->width + box->x) * layout->block_bytes,
			       1, (size_t)box->w * layout->block_bytes);

	return true;
}

/* Whether the model's bytes of all blocks that touch a dirty page are covered. Adds up how many bytes that are. */
static bool all_covered(const struct vmw_dirty_layout *layout, u32 page_size, u64 *needed)
{
	const u64 size = vmw_dirty_layout_bytes(layout);
	u64 block;

	*needed = 0;
	for (block = 0; block < size; block += layout->block_bytes) {
		const u64 last = block + layout->block_bytes - 1;
		u64 page, byte;
		bool dirty = false;

		for (page = block / page_size; page <= last / page_size; ++page)
			dirty |= test_bit(page, bitmap);
		if (!dirty)
			continue;
		*needed += layout->block_bytes;
		for (byte = block; byte <= last; ++byte)
			KTAP_EXPECT(covered[byte], "byte %llu of %ux%ux%u blocks of %u", byte, layout->width,
				    layout->height, layout->depth, layout->block_bytes);
	}

	return true;
}

static bool check_layout(const struct vmw_dirty_layout *layout, u32 page_size, u32 num_pages)
{
	u64 needed, bytes = 0;
	u32 i, runs, most;

	memset(covered, 0, vmw_dirty_layout_bytes(layout));
	vmw_dirty_region_init(&region, layout);
	runs = add_bitmap(page_size, num_pages);
	KTAP_EXPECT(region.num_boxes <= VMW_DIRTY_REGION_BOXES, "%u", region.num_boxes);
	for (i = 0; i < region.num_boxes; ++i) {
		if (!cover_box(layout, &region.boxes[i]))
			return false;
		bytes += vmw_dirty_box_bytes(layout, &region.boxes[i]);
	}
	if (!all_covered(layout, page_size, &needed))
		return false;

	/* A merge may never cost more than two boxes did, unless there is no room for another. */
	most = 5 * runs;
	if (most <= VMW_DIRTY_REGION_BOXES)
		KTAP_EXPECT(bytes + (u64)region.num_boxes * VMW_DIRTY_BOX_COST <=
			    needed + (u64)most * VMW_DIRTY_BOX_COST,
			    "%llu bytes in %u boxes for %llu in %u runs", bytes, region.num_boxes, needed, runs);

	return true;
}

static bool random_sequences_lose_nothing_and_waste_little(void)
{
	static const u32 block_bytes[] = { 1, 2, 4, 8, 12, 16 };
	u32 sequence;

	for (sequence = 0; sequence < sequences; ++sequence) {
		const u32 page_size = sequence % 20 == 0 ? PAGE_SIZE : below(2) ? 256 : MIN_PAGE;
		struct vmw_dirty_layout layout = {
			.width = 1 + below(page_size == PAGE_SIZE ? 1500 : 60),
			.height = 1 + below(20),
			.depth = below(3) == 0 ? 1 + below(6) : 1,
			.block_bytes = block_bytes[below(ARRAY_SIZE(block_bytes))],
		};
		const u32 density = 1 + below(9);
		u32 page, num_pages;

		if (below(6) == 0)
			layout = (struct vmw_dirty_layout){ 1 + below(20000), 1, 1, 1 };
		num_pages = DIV_ROUND_UP((u32)vmw_dirty_layout_bytes(&layout), page_size);
		bitmap_zero(bitmap, num_pages);
		for (page = 0; page < num_pages; ++page)
			if (below(10) < density)
				__set_bit(page, bitmap);
		if (!check_layout(&layout, page_size, num_pages)) {
			pr_info("# sequence %u of seed %u\n", sequence, seed);
			return false;
		}
		cond_resched();
	}
	pr_info("# %u sequences\n", sequences);

	return true;
}

static void region_of_pages(const struct vmw_dirty_layout *layout, const u32 *pages, u32 num)
{
	u32 i;

	bitmap_zero(bitmap, MAX_BYTES / MIN_PAGE);
	for (i = 0; i < num; ++i)
		__set_bit(pages[i], bitmap);
	vmw_dirty_region_init(&region, layout);
	add_bitmap(PAGE_SIZE, MAX_BYTES / MIN_PAGE);
}

/* A line is two pages. One bounding box loses the second half of line 0 when its origin moves to 0. */
static bool two_pages_of_a_wide_image_are_two_boxes(void)
{
	const struct vmw_dirty_layout layout = { 2048, 64, 1, 4 };
	static const u32 pages[] = { 1, 4 };

	region_of_pages(&layout, pages, ARRAY_SIZE(pages));
	KTAP_EXPECT(region.num_boxes == 2, "%u", region.num_boxes);
	KTAP_EXPECT(region.boxes[0].x == 1024 && region.boxes[0].y == 0 && region.boxes[0].w == 1024 &&
		    region.boxes[0].h == 1, "at %u, %u", region.boxes[0].x, region.boxes[0].y);
	KTAP_EXPECT(region.boxes[1].x == 0 && region.boxes[1].y == 2 && region.boxes[1].w == 1024 &&
		    region.boxes[1].h == 1, "at %u, %u", region.boxes[1].x, region.boxes[1].y);

	return true;
}

static bool first_and_last_page_are_not_the_whole_image(void)
{
	const struct vmw_dirty_layout layout = { 1024, 1024, 1, 4 };
	static const u32 pages[] = { 0, 1023 };
	u64 bytes;

	region_of_pages(&layout, pages, ARRAY_SIZE(pages));
	KTAP_EXPECT(region.num_boxes == 2, "%u", region.num_boxes);
	bytes = vmw_dirty_box_bytes(&layout, &region.boxes[0]) + vmw_dirty_box_bytes(&layout, &region.boxes[1]);
	KTAP_EXPECT(bytes == 2 * PAGE_SIZE, "%llu", bytes);

	return true;
}

static const struct ktap_case cases[] = {
	{ "two_pages_of_a_wide_image_are_two_boxes", two_pages_of_a_wide_image_are_two_boxes },
	{ "first_and_last_page_are_not_the_whole_image", first_and_last_page_are_not_the_whole_image },
	{ "random_sequences_lose_nothing_and_waste_little", random_sequences_lose_nothing_and_waste_little },
};

static int __init dirty_region_test_init(void)
{
	covered = vzalloc(MAX_BYTES);
	bitmap = bitmap_zalloc(MAX_BYTES / MIN_PAGE, GFP_KERNEL);
	prandom_seed_state(&random, seed);
	if (covered && bitmap)
		ktap_run(cases, ARRAY_SIZE(cases));
	bitmap_free(bitmap);
	vfree(covered);

	return covered && bitmap ? 0 : -ENOMEM;
}

static void __exit dirty_region_test_exit(void)
{
}

module_init(dirty_region_test_init);
module_exit(dirty_region_test_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Test of vmwgfx's arithmetic from dirty pages to boxes");
