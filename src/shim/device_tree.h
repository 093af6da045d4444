// SPDX-License-Identifier: MIT
/**
 * \file
 * The piece of /dev and /sys that shows the embedded device.
 *
 * libdrm and Mesa's loader find a GPU by its nodes in /dev/dri and by what /sys says of the character device's PCI
 * parent; libudev lists /sys/class and walks what it finds, folder by folder. The tree answers for exactly those paths,
 * wholly in memory: one PCI device 15ad:0406 driven by vmwgfx, with card0 and renderD128. Whatever GPU the host has at
 * these paths is hidden.
 */
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace svga::shim {

class DeviceTree {
public:
    enum class Kind : uint8_t { Directory, File, Link, Node };

    struct Entry {
        Kind kind;
        std::string content; ///< File: its bytes. Link: its target.
        dev_t device = 0;    ///< Node
        uint64_t inode = 0;
        bool shared = false; ///< Directory: the file system may have it too
    };

    enum class Where : uint8_t {
        Elsewhere, ///< not ours: ask the file system for `path`
        Here,      ///< `entry`
        Shared,    ///< a folder on the way to ours: the file system's and, where that has none, `entry`
        Missing    ///< ours, and there is no such thing
    };

    struct Resolution {
        Where where;
        std::string path;             ///< without links and dots as far as they are ours
        const Entry* entry = nullptr; ///< lives as long as the tree
    };

    static constexpr unsigned kMajor = 226;
    static constexpr unsigned kPrimaryMinor = 0;
    static constexpr unsigned kRenderMinor = 128;

    DeviceTree();

    /** \brief A quick, conservative test: whether \p path could be ours. */
    static bool mayHold(const char* path);

    /** \brief As mayHold(), for a path that begins with the name \p path begins with, in whatever folder. */
    bool mayHoldName(std::string_view path) const;

    /** \param follow whether a link at the end of \p path is followed. \p path is absolute. */
    Resolution resolve(std::string_view path, bool follow) const;

    /** \brief Names in the directory \p path (as in Resolution), "." and ".." first. */
    std::vector<std::pair<std::string, Kind>> list(const std::string& path) const;

    static void fill(const Entry& entry, struct stat& out);
    /** \brief What fstat() says of an open device node. */
    static void fillNode(unsigned minor, struct stat& out);

private:
    void add(const std::string& path, Kind kind, std::string content = {}, dev_t device = 0);
    bool hides(std::string_view path) const;

    std::map<std::string, Entry, std::less<>> entries_;
    std::set<std::string, std::less<>> names_; ///< of all entries, without their folders
};

} // namespace svga::shim
