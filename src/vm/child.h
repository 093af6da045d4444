// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace svga::vm {

/** \brief How to start a process that belongs to the virtual machine. */
struct ChildOptions {
    std::vector<std::string> command;     ///< an absolute path and arguments
    std::vector<std::string> environment; ///< "NAME=value"
    std::filesystem::path log;            ///< takes its standard output and error
    std::vector<int> inherited;           ///< descriptors it keeps under their numbers; all others close
};

/** \brief A process of the virtual machine. It is killed with this object, and by the kernel when svga-vm dies. */
class Child {
public:
    /** \throws svga::Error where it cannot be started */
    explicit Child(const ChildOptions& options);
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /** \brief Readable, for poll(), when the process has ended. */
    int pidFd() const { return pidFd_.get(); }
    void signal(int number) const;

    /** \brief Waits for its end, at most \p limit. \returns the wait status; nothing where it still runs */
    std::optional<int> wait(std::chrono::milliseconds limit);

private:
    pid_t pid_ = -1;
    UniqueFd pidFd_;
    std::optional<int> status_;
};

/** \brief "exit code 3" or "signal 9 (Killed)". */
std::string describeStatus(int status);

} // namespace svga::vm
