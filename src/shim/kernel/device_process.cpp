// SPDX-License-Identifier: MIT
#include "shim/kernel/device_process.h"

#include "util/error.h"
#include "util/exec_pointers.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

namespace svga::shim {

namespace {

constexpr int kSocketInChild = 3;
constexpr std::size_t kChildStack = 64 * 1024;

/// What the child needs; it shares our memory until it executes, and may only make system calls.
struct Launch {
    const char* path;
    char* const* arguments;
    char* const* environment;
    int socket;
    int error;
    char* stack; ///< end of the second child's
};

int runDevice(void* argument) {
    auto* launch = static_cast<Launch*>(argument);
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal)
        ::sigaction(signal, &standard, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setsid();
    // Standard input and output are the program's. Descriptors keep their numbers only in this child.
    const int null = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR));
    int socket = launch->socket;
    if (socket <= kSocketInChild)
        socket = static_cast<int>(::syscall(SYS_fcntl, socket, F_DUPFD, kSocketInChild + 1));
    if (null >= 0) {
        ::syscall(SYS_dup3, null, 0, 0);
        ::syscall(SYS_dup3, null, 1, 0);
    }
    ::syscall(SYS_dup3, socket, kSocketInChild, 0);
    ::syscall(SYS_close_range, kSocketInChild + 1, ~0u, 0);
    ::execve(launch->path, launch->arguments, launch->environment);
    launch->error = errno;
    ::_exit(127);
}

/// Executing a program makes any child one that wait() sees. So the device is the child of a child, which ends at once.
int runIntermediate(void* argument) {
    auto* launch = static_cast<Launch*>(argument);
    if (::clone(runDevice, launch->stack, CLONE_VM | CLONE_VFORK, launch) < 0)
        launch->error = errno;
    ::_exit(0);
}

} // namespace

UniqueFd startDeviceProcess(const DeviceProcessOptions& options) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw Error("cannot make a socket for the device: {}", std::strerror(errno));
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);

    std::vector<std::string> arguments{options.executable, fmt::format("--socket-fd={}", kSocketInChild)};
    if (options.copyOnly)
        arguments.emplace_back("--copy-only");
    if (!options.record.empty())
        arguments.push_back("--record=" + options.record);
    if (!options.screenshot.empty())
        arguments.push_back("--screenshot=" + options.screenshot);
    if (!options.without.empty())
        arguments.push_back("--without=" + options.without);
    if (!options.vnc.empty())
        arguments.push_back("--vnc=" + options.vnc);
    std::vector<std::string> environment = options.environment;
    auto argumentPointers = execPointers(arguments);
    auto environmentPointers = execPointers(environment);

    void* stacks =
        ::mmap(nullptr, 2 * kChildStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stacks == MAP_FAILED)
        throw Error("no memory to start {}", options.executable);
    char* firstStack = static_cast<char*>(stacks) + kChildStack;
    Launch launch{options.executable.c_str(), argumentPointers.data(), environmentPointers.data(), theirs.get(), 0,
                  firstStack + kChildStack};
    sigset_t all, previous;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &previous);
    // No exit signal, so the program's wait() and SIGCHLD handler never meet this child. CLONE_VFORK: returns once it
    // has ended, and so once the device has been executed or could not be.
    const pid_t pid = ::clone(runIntermediate, firstStack, CLONE_VM | CLONE_VFORK, &launch);
    if (pid < 0)
        launch.error = errno;
    else
        ::waitpid(pid, nullptr, __WCLONE);
    ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
    ::munmap(stacks, 2 * kChildStack);
    if (launch.error != 0)
        throw Error("cannot start the device {}: {}", options.executable, std::strerror(launch.error));
    return ours;
}

} // namespace svga::shim
