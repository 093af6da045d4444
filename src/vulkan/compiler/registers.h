// SPDX-License-Identifier: MIT
/**
 * \file
 * Which temporary holds which value.
 *
 * Each SSA value and each NIR register without elements lives in one r#, from the first component on, for the span of
 * the program in which it is live; spans that do not meet share a temporary. NIR registers with elements are x#.
 */
#pragma once

#include "vulkan/compiler/nir_headers.h"

#include <unordered_map>
#include <vector>

namespace svga::vulkan {

struct RegisterMap {
    struct Array {
        uint32_t elements = 0;
        uint32_t components = 0;
    };

    std::vector<uint32_t> temps;                         ///< by nir_def::index; kNone where it needs no register
    std::unordered_map<const nir_def*, uint32_t> arrays; ///< decl_reg with elements -> x#
    std::vector<Array> arrayShapes;                      ///< by x#
    uint32_t count = 0;                                  ///< temporaries in all

    static constexpr uint32_t kNone = ~0u;
};

/** \brief \p impl has no phis. Numbers its blocks and instructions on the way. \throws Error: too many registers */
RegisterMap allocateRegisters(nir_function_impl& impl);

/** \brief Whether a value is never in a register: constants stand in the instructions that use them. */
bool isImmediate(const nir_def& def);

} // namespace svga::vulkan
