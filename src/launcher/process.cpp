// SPDX-License-Identifier: MIT
#include "launcher/process.h"

#include "util/error.h"
#include "util/exec_pointers.h"
#include "util/unique_fd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <optional>

namespace svga::launcher {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kForwardedSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

int exitCode(int status) {
    return WIFSIGNALED(status) ? kExitSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
}

/// In the child: becomes the program, or tells the launcher through \p report why not.
[[noreturn]] void becomeProgram(char** arguments, char** environment, pid_t launcher, const sigset_t& signalMask,
                                int report) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != launcher) // it died before the line above
        ::_exit(kExitCannotRun);
    ::sigprocmask(SIG_SETMASK, &signalMask, nullptr);
    ::execvpe(arguments[0], arguments, environment);
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof error);
    ::_exit(kExitCannotRun);
}

/// Reaps whatever has ended. \returns the status of \p program if it was among them; \p left says if any child remains.
std::optional<int> reap(pid_t program, bool& left) {
    std::optional<int> result;
    for (;;) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0) {
            left = pid == 0;
            return result;
        }
        if (pid == program)
            result = status;
    }
}

/// What the program left behind became our children, as we are their subreaper: waits for them, then kills them.
void endDescendants(const sigset_t& signals, std::chrono::seconds grace) {
    const std::string children = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
    const auto deadline = Clock::now() + grace;
    for (bool left = true;;) {
        reap(-1, left);
        if (!left)
            return;
        if (Clock::now() >= deadline) {
            std::ifstream stream(children);
            for (pid_t pid = 0; stream >> pid;)
                ::kill(pid, SIGKILL);
        }
        const timespec pause{0, 20'000'000};
        ::sigtimedwait(&signals, nullptr, &pause);
    }
}

int waitForProgram(pid_t program, const sigset_t& signals) {
    for (;;) {
        siginfo_t info{};
        const int signal = ::sigwaitinfo(&signals, &info);
        if (signal == SIGCHLD) {
            bool left = false;
            if (const auto status = reap(program, left))
                return exitCode(*status);
        } else if (signal > 0 && info.si_code != SI_KERNEL) {
            // A signal from the terminal (SI_KERNEL) went to the whole process group, the program included.
            ::kill(program, signal);
        }
    }
}

} // namespace

int runProgram(const std::vector<std::string>& command, const std::vector<std::string>& environment,
               std::chrono::seconds grace) {
    std::vector<char*> arguments = execPointers(command);
    std::vector<char*> variables = execPointers(environment);
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0)
        throw Error("no pipe can be made: {}", std::strerror(errno));
    const UniqueFd report(pipe[0]);
    UniqueFd reportEnd(pipe[1]);

    sigset_t signals;
    sigset_t originalMask;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGCHLD);
    for (const int signal : kForwardedSignals)
        ::sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, &originalMask);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);

    const pid_t launcher = ::getpid();
    const pid_t program = ::fork();
    if (program < 0)
        throw Error("no process can be made: {}", std::strerror(errno));
    if (program == 0)
        becomeProgram(arguments.data(), variables.data(), launcher, originalMask, reportEnd.get());

    reportEnd.reset();
    int error = 0;
    if (::read(report.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
        ::waitpid(program, nullptr, 0);
        fmt::print(stderr, "svga-run: cannot run '{}': {}\n", command.front(), std::strerror(error));
        return error == ENOENT ? kExitNoProgram : kExitCannotRun;
    }
    const int result = waitForProgram(program, signals);
    endDescendants(signals, grace);
    return result;
}

} // namespace svga::launcher
