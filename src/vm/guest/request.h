// SPDX-License-Identifier: MIT
/**
 * \file
 * What the guest is to run: a file of the initramfs, written by svga-vm and read by the guest's init.
 *
 * It is a list of strings, each ended by a NUL, in pairs of a key and a value. Lists are pairs with the same key.
 */
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svga::vm {

inline constexpr const char* kRequestFile = "/request";
inline constexpr const char* kModuleFolder = "/modules";
inline constexpr const char* kHostTag = "host"; ///< the 9p export of the host's root folder

struct Request {
    std::vector<std::string> modules;     ///< files of kModuleFolder, in the order in which they are loaded
    std::vector<std::string> program;     ///< the program and its arguments, at least one
    std::vector<std::string> environment; ///< "NAME=value"
    std::string folder;                   ///< the current folder
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;
    bool terminal = false; ///< the program gets a terminal instead of pipes
};

std::string encode(const Request& request);

/** \returns nothing where \p text is no request */
std::optional<Request> decodeRequest(std::string_view text);

} // namespace svga::vm
