// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace svga {

/** \brief Writes 8-bit RGBA pixels, first row at the top. \throws Error naming the file and what failed. */
void writePng(const std::string& path, uint32_t width, uint32_t height, std::span<const uint8_t> rgba);

} // namespace svga
