// SPDX-License-Identifier: MIT
#pragma once

#include "shim/device_tree.h"
#include "shim/open_file.h"

#include <cerrno>
#include <string>

namespace svga::shim {

/**
 * \brief A place in the device tree, opened as a directory or by its path alone (O_PATH).
 *
 * What walks a path step by step, as libudev does, opens such places one below the other.
 */
class TreeFile final : public OpenFile {
public:
    TreeFile(std::string path, const DeviceTree::Entry& entry)
        : path_(std::move(path))
        , entry_(entry) {}

    const std::string& path() const { return path_; }
    const DeviceTree::Entry& entry() const { return entry_; }

    int ioctl(unsigned long, void*) override { return -ENOTTY; }
    void stat(struct stat& out) const override { DeviceTree::fill(entry_, out); }
    int64_t mapOffset(uint64_t, uint64_t) override { return -ENODEV; }
    void mapped(void*, uint64_t, uint64_t, bool) override {}

private:
    const std::string path_;
    const DeviceTree::Entry& entry_; ///< of the tree, which is never destroyed
};

} // namespace svga::shim
