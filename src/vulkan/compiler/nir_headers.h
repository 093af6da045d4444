// SPDX-License-Identifier: MIT
/**
 * \file
 * Mesa's NIR, for C++: its headers are C, and not free of what our warnings are about.
 */
#pragma once

#include "util/error.h" // before Mesa's macros

#include <cstdint>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wnarrowing"
#include "compiler/nir/nir.h"
#include "compiler/nir/nir_builder.h"
#include "compiler/nir/nir_builtin_builder.h"
extern "C" { // has no guard of its own
#include "compiler/nir/nir_legacy.h"
}
#pragma GCC diagnostic pop

/// Runs a pass whose progress nobody asks for.
#define SVGA_NIR_PASS(nir, ...)                                                                                        \
    do {                                                                                                               \
        [[maybe_unused]] bool progress_ = false;                                                                       \
        NIR_PASS(progress_, nir, __VA_ARGS__);                                                                         \
    } while (false)
