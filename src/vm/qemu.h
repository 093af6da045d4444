// SPDX-License-Identifier: MIT
#pragma once

#include "vm/description.h"

#include <filesystem>
#include <string>
#include <vector>

namespace svga::vm {

/** \brief What one machine consists of beside what is in every one. */
struct MachineOptions {
    std::string accelerator; ///< "kvm" or "tcg"
    unsigned memory = 0;     ///< MiB
    unsigned processors = 1;
    bool console = false; ///< the guest has a console on its screen
    std::string kernelArguments;
    std::filesystem::path initramfs;
    std::filesystem::path kernelLog;    ///< takes what the guest's kernel says
    std::filesystem::path deviceSocket; ///< where the SVGA device listens
    int channel = -1;                   ///< QEMU's end of the channel to the guest's init, inherited
};

/** \brief The command line of QEMU for a guest that runs one program on the SVGA device. */
std::vector<std::string> qemuCommand(const Description& description, const MachineOptions& options);

/**
 * \brief "kvm" or "tcg".
 *
 * That there is a /dev/kvm does not say that a kernel boots with it: where virtualisation is nested or emulated it may
 * stand still. So "auto" boots the guest's kernel once, without devices and for a few seconds at most, and keeps the
 * verdict for as long as the host's own kernel runs.
 *
 * \param wanted "auto", "kvm" or "tcg"
 * \param folder for the log of the attempt
 * \throws svga::Error where KVM is wanted and may not be used
 */
std::string chooseAccelerator(const std::string& wanted, const Description& description,
                              const std::filesystem::path& folder);

/** \brief QEMU's environment: the caller's, without what would change the libraries it is started with. */
std::vector<std::string> qemuEnvironment(const Description& description);

} // namespace svga::vm
