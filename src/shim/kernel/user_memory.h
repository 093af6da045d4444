// SPDX-License-Identifier: MIT
/**
 * \file
 * Reading and writing the program's memory where an ioctl's argument points to it.
 *
 * A pointer that leads nowhere is the program's error, EFAULT, and must not bring down the embedded kernel, so the real
 * one does the copying. Never with the embedded kernel's lock held: what is touched may have to be read back first.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace svga::shim {

/** \brief Copies \p size bytes from the program's \p address. \throws IoctlError */
void copyFromUser(void* destination, uint64_t address, std::size_t size);
/** \brief Copies \p size bytes to the program's \p address. \throws IoctlError */
void copyToUser(uint64_t address, const void* source, std::size_t size);

} // namespace svga::shim
