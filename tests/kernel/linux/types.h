/* SPDX-License-Identifier: MIT */
/* The kernel's types, as far as vmwgfx_dirty_region needs them, on top of those that user space has by this name. */
#ifndef TESTS_KERNEL_LINUX_TYPES_H
#define TESTS_KERNEL_LINUX_TYPES_H

#include_next <linux/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
#define S64_MAX INT64_MAX

#endif
