// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace svga::vm {

/**
 * \brief The guest's first root file system: a cpio archive in the "newc" format
 * (Documentation/driver-api/early-userspace/buffer-format.rst), uncompressed. All files belong to root.
 */
class Initramfs {
public:
    /// \param path without a leading slash; its folder was added before
    void addFolder(std::string_view path);
    void addFile(std::string_view path, std::string_view bytes, bool executable = false);
    /// The content of \p source. \throws svga::Error where it cannot be read
    void copyFile(std::string_view path, const std::filesystem::path& source, bool executable = false);

    /// \throws svga::Error
    void write(const std::filesystem::path& file);

private:
    void add(std::string_view path, unsigned mode, std::string_view bytes);

    std::string archive_;
    unsigned inodes_ = 0;
};

} // namespace svga::vm
