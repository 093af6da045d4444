// SPDX-License-Identifier: MIT
#pragma once

#include "util/error.h"

#include <vulkan/vulkan.h>

namespace svga::device {

/** \brief VkResult's name for messages, e.g. "VK_ERROR_DEVICE_LOST"; its number where it has none here. */
std::string resultName(VkResult result);

/** \throws Error "<what>: <result>" for anything but VK_SUCCESS. */
inline void check(VkResult result, const char* what) {
    if (result != VK_SUCCESS)
        throw Error("{}: {}", what, resultName(result));
}

} // namespace svga::device
