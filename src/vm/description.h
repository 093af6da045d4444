// SPDX-License-Identifier: MIT
/**
 * \file
 * Where QEMU and the guest's kernel lie, as the set-up (scripts/setup.sh --vm) wrote it to vm.json beside svga-vm:
 *
 *     { "qemu": { "command": [WORD...], "variables": { NAME: VALUE... } },
 *       "kernel": { "release": TEXT, "image": FILE, "modules": FOLDER } }
 *
 * The command runs QEMU as far as its own files go. The image is an uncompressed kernel that can be booted by PVH. The
 * folder holds uncompressed modules and "order", a list of them in which each comes after those it needs.
 */
#pragma once

#include "vm/options.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace svga::vm {

struct Description {
    std::vector<std::string> qemu;                    ///< the first words of its command line
    std::map<std::string, std::string> qemuVariables; ///< for its environment
    std::string release;                              ///< of the kernel, as uname -r tells it
    std::filesystem::path image;
    std::vector<std::filesystem::path> modules; ///< in the order in which they are loaded
    std::filesystem::path init;                 ///< the guest's first program
};

/**
 * \brief Finds what the virtual machine consists of, with the vmwgfx that \p options ask for.
 *
 * \param executable the launcher's own file
 * \throws svga::Error that names what is missing and how it is made
 */
Description findDescription(const Options& options, const std::filesystem::path& executable);

} // namespace svga::vm
