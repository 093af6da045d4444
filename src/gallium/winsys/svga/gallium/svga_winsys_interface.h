// SPDX-License-Identifier: MIT
/**
 * \file
 * svga_winsys.h, the C interface that this folder implements, for inclusion from C++.
 */
#pragma once

#include <cstdint>
#include <cstring>

// Mesa's own headers have their guards for C++; those of the svga driver have none, so what they include comes first.
#include "util/u_debug.h"

#include "frontend/winsys_handle.h"
#include "pipe/p_defines.h"

extern "C" {
#include "svga_drm_public.h"
#include "svga_winsys.h"
}
