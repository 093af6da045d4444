/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Test cases in a module that say how they ended in the kernel's log, as KTAP (Documentation/dev-tools/ktap.rst). For kernels
 * without KUnit, as Debian's.
 */
#ifndef TESTS_KTAP_H
#define TESTS_KTAP_H

#include <linux/kernel.h>
#include <linux/sched.h>

struct ktap_case {
	const char *name;
	/* Returns whether it passed; says why it has not */
	bool (*run)(void);
};

/* To be used in a function that returns bool. */
#define KTAP_EXPECT(condition, format, ...)					\
	do {									\
		if (!(condition)) {						\
			pr_info("# %s:%d: %s: " format "\n", __func__, __LINE__,	\
				#condition, ##__VA_ARGS__);			\
			return false;						\
		}								\
	} while (0)

static inline unsigned int ktap_run(const struct ktap_case *cases, unsigned int num)
{
	unsigned int i, failed = 0;

	pr_info("KTAP version 1\n");
	pr_info("1..%u\n", num);
	for (i = 0; i < num; ++i) {
		bool passed = cases[i].run();

		failed += !passed;
		pr_info("%s %u %s\n", passed ? "ok" : "not ok", i + 1, cases[i].name);
		cond_resched();
	}

	return failed;
}

#endif
