// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace svga {

/** \brief The strings as execve() takes arguments and environment: ended by a null. Valid while \p strings is
 * unchanged. */
inline std::vector<char*> execPointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (const std::string& string : strings)
        result.push_back(const_cast<char*>(string.c_str())); // execve takes them as const in all but type
    result.push_back(nullptr);
    return result;
}

} // namespace svga
