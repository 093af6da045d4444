// SPDX-License-Identifier: MIT
/**
 * \file
 * The environment variables through which the launcher, the embedded kernel and the device process meet.
 *
 * The launcher sets them for the program it starts; the embedded kernel, preloaded into that program and into every
 * process that inherits its environment, reads them once, when it is loaded. Every one of them is optional: without the
 * launcher the embedded kernel takes the value named with each. A value that cannot be read is an error that names the
 * variable and the value.
 */
#pragma once

namespace svga::environment {

/// Dirty tracking: "auto" (default: the best that works here), "async", "thread" or "all".
inline constexpr const char* kTracker = "SVGA_SHIM_TRACKER";

/// "1": the device copies every buffer and never draws from guest memory directly. Default: "0".
inline constexpr const char* kCopyOnly = "SVGA_SHIM_COPY_ONLY";

/**
 * Path of a file of at least sizeof(Counters) zero-filled bytes, to be mapped shared and added to (util/counters.h).
 * The launcher passes /proc/<pid>/fd/<n> of a memfd that it keeps open, so that the path is good in every process,
 * whatever descriptors it closes, as long as the launcher lives. Default: counted in private memory.
 */
inline constexpr const char* kCounters = "SVGA_SHIM_COUNTERS";

/**
 * Absolute path of the file the command stream is recorded to. A program that opens several devices, itself or in its
 * children, makes one file each: the first FILE, the next FILE.2 and so on. Default: nothing is recorded.
 */
inline constexpr const char* kRecord = "SVGA_SHIM_RECORD";

/// What the device takes its GPU not to have, as its option --without does. Default: nothing.
inline constexpr const char* kWithout = "SVGA_SHIM_WITHOUT";

/// Size of the embedded display in pixels, as "1280x800" (the default).
inline constexpr const char* kScreen = "SVGA_SHIM_SCREEN";

/// "1" (the default): page flips wait for a vertical blank, 60 times a second. "0": they do not.
inline constexpr const char* kVsync = "SVGA_SHIM_VSYNC";

/// "[HOST:]PORT": the first device of the program shows the display to VNC clients there. Default: it does not.
inline constexpr const char* kVnc = "SVGA_SHIM_VNC";

/// Absolute path of a PNG file for what the display showed last. As kRecord: one file for each device. Default: none.
inline constexpr const char* kScreenshot = "SVGA_SHIM_SCREENSHOT";

/// Absolute path of the svga-device executable. Default: found beside the preloaded library.
inline constexpr const char* kDevice = "SVGA_SHIM_DEVICE";

/// Absolute path of a folder with the files shown as /sys and /dev/dri, where the embedded kernel wants one on disk.
inline constexpr const char* kRoot = "SVGA_SHIM_ROOT";

/**
 * SVGA_DEVICE_ENV_<NAME>=value: the device process is given <NAME>=value. The Vulkan driver below the device is chosen so
 * (VK_DRIVER_FILES, VK_ICD_FILENAMES, LD_LIBRARY_PATH) without touching what the program itself sees. The device process
 * inherits the rest of the program's environment, except LD_PRELOAD, LD_LIBRARY_PATH and the SVGA_* variables.
 */
inline constexpr const char* kDevicePrefix = "SVGA_DEVICE_ENV_";

} // namespace svga::environment
