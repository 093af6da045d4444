// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/format.h>

#include <unistd.h>

#include <string>
#include <utility>

namespace svga::shim {

/** \brief Writes one line to standard error, whole, whatever the program does with its streams. */
template <typename... Args>
void report(fmt::format_string<Args...> format, Args&&... args) {
    const std::string line = fmt::format("svga: {}\n", fmt::format(format, std::forward<Args>(args)...));
    [[maybe_unused]] auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

} // namespace svga::shim
