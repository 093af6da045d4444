/* SPDX-License-Identifier: MIT */
/* The kernel's min and max: both sides are evaluated once. */
#pragma once

#define min(a, b) __extension__({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) __extension__({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })
