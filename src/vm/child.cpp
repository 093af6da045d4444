// SPDX-License-Identifier: MIT
#include "vm/child.h"

#include "util/error.h"
#include "util/exec_pointers.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace svga::vm {

namespace {

constexpr int kExitNotStarted = 127;

} // namespace

Child::Child(const ChildOptions& options) {
    const auto arguments = execPointers(options.command);
    const auto variables = execPointers(options.environment);
    const UniqueFd log(::open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!log || !null)
        throw Error("the log {} cannot be written: {}", options.log.string(), std::strerror(errno));
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0)
        throw Error("no process can be made: {}", std::strerror(errno));
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) // it died before the line above
            ::_exit(kExitNotStarted);
        ::setpgid(0, 0); // what the terminal sends is for the program in the guest
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::dup2(null.get(), STDIN_FILENO);
        ::dup2(log.get(), STDOUT_FILENO);
        ::dup2(log.get(), STDERR_FILENO);
        for (const int fd : options.inherited)
            ::fcntl(fd, F_SETFD, 0);
        ::execve(arguments[0], arguments.data(), variables.data());
        ::dprintf(STDERR_FILENO, "cannot run %s: %s\n", arguments[0], std::strerror(errno));
        ::_exit(kExitNotStarted);
    }
    pidFd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidFd_)
        throw Error("a process cannot be watched (pidfd_open): {}", std::strerror(errno));
}

Child::~Child() {
    if (pid_ > 0 && !status_) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void Child::signal(int number) const {
    if (!status_)
        ::kill(pid_, number);
}

std::optional<int> Child::wait(std::chrono::milliseconds limit) {
    if (status_)
        return status_;
    pollfd ended{pidFd_.get(), POLLIN, 0};
    ::poll(&ended, 1, static_cast<int>(limit.count()));
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_)
        status_ = status;
    return status_;
}

std::string describeStatus(int status) {
    if (WIFSIGNALED(status))
        return fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    return fmt::format("exit code {}", WEXITSTATUS(status));
}

} // namespace svga::vm
