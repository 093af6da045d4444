// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace svga {

/**
 * \brief An error that a person can act on.
 *
 * Thrown where an object cannot be created or an input cannot be accepted. The message names what failed, where,
 * and, where there is something to do about it, what to do.
 */
class Error : public std::runtime_error {
public:
    explicit Error(const std::string& message)
        : std::runtime_error(message) {}

    template <typename... Args>
    explicit Error(fmt::format_string<Args...> format, Args&&... args)
        : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)) {}
};

} // namespace svga
