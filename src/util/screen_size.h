// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace svga {

/** \brief Width and height of a display, in pixels. */
struct ScreenSize {
    static constexpr uint32_t kMax = 8192; ///< either way

    uint32_t width = 1280, height = 800;
};

/** \brief Reads "1280x800". \return nothing where it is no size, or one that no display has. */
inline std::optional<ScreenSize> parseScreenSize(std::string_view text) {
    const auto read = [&text](uint32_t& value) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        return error == std::errc() && value != 0 && value <= ScreenSize::kMax;
    };
    ScreenSize size;
    if (!read(size.width) || !text.starts_with('x'))
        return std::nullopt;
    text.remove_prefix(1);
    return read(size.height) && text.empty() ? std::optional(size) : std::nullopt;
}

} // namespace svga
