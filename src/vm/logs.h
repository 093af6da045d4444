// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.h"

#include <filesystem>
#include <optional>
#include <string>

namespace svga::vm {

/**
 * \brief The logs of one virtual machine, and a folder for the files that only live as long as it does.
 *
 * Logs that nobody asked for are removed with the object, unless they are to be kept. What a svga-vm that was killed
 * has left behind is removed by the next: as long as a folder is in use its file "lock" is locked (flock), and a folder
 * that is kept has none.
 */
class LogFolder {
public:
    /** \param wanted the folder for the logs; empty: a temporary one. \throws svga::Error where it cannot be made */
    explicit LogFolder(const std::filesystem::path& wanted);
    ~LogFolder();
    LogFolder(const LogFolder&) = delete;
    LogFolder& operator=(const LogFolder&) = delete;

    void keep() { keep_ = true; }

    const std::filesystem::path& work() const { return work_; }
    std::filesystem::path kernel() const { return logs_ / "kernel.log"; }
    std::filesystem::path device() const { return logs_ / "device.log"; }
    std::filesystem::path qemu() const { return logs_ / "qemu.log"; }

    /** \brief Why the guest's kernel panicked, if it did. */
    std::optional<std::string> kernelPanic() const;
    /** \brief The first warning, bug or oops in the kernel's log. */
    std::optional<std::string> kernelComplaint() const;

private:
    std::filesystem::path work_; ///< temporary
    UniqueFd lock_;              ///< says that work_ is in use
    std::filesystem::path logs_; ///< work_, or what was wanted
    bool keep_ = false;
};

} // namespace svga::vm
