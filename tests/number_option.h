// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace svga::test {

/** \brief Takes the number of an argument "--option=NUMBER". \return false where \p argument is not that, or no number.
 */
inline bool takeNumber(std::string_view argument, std::string_view option, uint64_t& value) {
    if (!argument.starts_with(option))
        return false;
    const char* digits = argument.data() + option.size(); // of argv, and so ended by a null
    char* end = nullptr;
    value = std::strtoull(digits, &end, 10);
    return end != digits && *end == '\0';
}

} // namespace svga::test
