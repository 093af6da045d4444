// SPDX-License-Identifier: MIT
/**
 * \file
 * Preloaded (LD_PRELOAD) into a program that makes its window with XCB and ends after so many frames: the window stays,
 * with the last of them, and "last frame" is told on standard output, until the program is killed.
 */
#include <unistd.h>

#include <cstdint>
#include <string_view>

struct xcb_connection_t;
struct xcb_void_cookie_t {
    unsigned sequence;
};

extern "C" xcb_void_cookie_t xcb_destroy_window(xcb_connection_t*, uint32_t) {
    constexpr std::string_view kTold = "last frame\n";
    [[maybe_unused]] const auto ignored = ::write(STDOUT_FILENO, kTold.data(), kTold.size());
    for (;;)
        ::pause();
}
