// SPDX-License-Identifier: MIT
/**
 * \file
 * The preloaded library's one instance: what the interposers share.
 */
#pragma once

#include "shim/descriptors.h"
#include "shim/device_tree.h"
#include "shim/environment.h"

#include <dirent.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>

namespace svga::shim {

/** \brief A directory of the device tree, as opendir() gives it. */
struct FakeDirectory {
    std::vector<std::pair<std::string, DeviceTree::Kind>> names;
    std::size_t next = 0;
    struct dirent entry {};
};

class Shim {
public:
    /** \brief Made on first use, and never destroyed: the program's last calls come after all destructors. */
    static Shim& instance();

    const DeviceTree& tree() const { return tree_; }
    Descriptors& descriptors() { return descriptors_; }

    /** \brief Opens what the tree has at \p path: a node, a file. \return a descriptor, or -1 with errno set. */
    int open(const DeviceTree::Resolution& resolution, int flags);

    DIR* openDirectory(const std::string& path);
    FakeDirectory* fakeDirectory(DIR* directory);
    /** \return false where \p directory is none of ours. */
    bool closeDirectory(DIR* directory);

    /** \brief Maps a file of ours. \return the address, or MAP_FAILED with errno set. */
    void* map(OpenFile& file, void* address, size_t size, int protection, int flags, off_t offset);
    /** \brief [address, address + size) is about to be unmapped or replaced. */
    void unmapping(void* address, size_t size);
    /** \brief The running kernel, if any. */
    std::shared_ptr<Kernel> runningKernel() const;

private:
    Shim();
    std::shared_ptr<Kernel> startKernel();
    int openNode(unsigned minor, int flags);
    static void forkedChild();

    DeviceTree tree_;
    Descriptors descriptors_;

    mutable std::mutex mutex_;
    std::shared_ptr<Kernel> kernel_; ///< for good, once started
    std::atomic<Kernel*> running_ = nullptr;

    std::mutex directoriesMutex_;
    std::set<FakeDirectory*> directories_;
};

} // namespace svga::shim
