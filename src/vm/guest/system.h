// SPDX-License-Identifier: MIT
/**
 * \file
 * The guest's system, brought up just as far as a graphics program needs it: kernel file systems, modules, and the
 * host's files in place of a distribution. There is no udev, no daemon and no network but the loopback device.
 *
 * All functions throw std::runtime_error with a message that names what failed.
 */
#pragma once

#include <string>
#include <vector>

namespace svga::vm::guest {

/** \brief Mounts /proc, /sys and /dev, and makes the console this process's standard output and error. */
void mountKernelFileSystems();

/** \brief Opens the channel to the launcher. \returns its descriptor */
int openChannel();

/**
 * \brief Loads modules from kModuleFolder, in order.
 *
 * Words of the kernel's command line of the form "module.parameter=value" are given to that module.
 */
void loadModules(const std::vector<std::string>& files);

/**
 * \brief Makes the host's root folder, exported over 9p, the root of this process and of all that follow.
 *
 * /dev, /proc and /sys are the guest's own; /run, /dev/shm, the X servers' sockets and the terminals are new and empty.
 */
void enterHostFiles();

/** \brief Lets every user open the graphics devices, gives the guest a name and its loopback device. */
void finishSystem();

/**
 * \brief What vmwgfx has counted, lines of a name and a number; empty where this vmwgfx does not count.
 *
 * That is debugfs' dri/N/vmwgfx_dirty_tracking of a kernel with this project's patches.
 */
std::string driverCounters();

/** \brief Writes everything back and switches the machine off. */
[[noreturn]] void powerOff();

} // namespace svga::vm::guest
