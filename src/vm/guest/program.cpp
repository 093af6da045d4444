// SPDX-License-Identifier: MIT
#include "vm/guest/program.h"

#include "util/exec_pointers.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace svga::vm::guest {

namespace {

constexpr int kExitCannotRun = 126;
constexpr int kExitNoProgram = 127;

struct Pipe {
    int ours = -1, theirs = -1;
};

Pipe makePipe(bool programReads) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw CannotRun(kExitCannotRun, std::string("no pipe can be made: ") + std::strerror(errno));
    const Pipe pipe = programReads ? Pipe{ends[1], ends[0]} : Pipe{ends[0], ends[1]};
    ::fcntl(pipe.ours, F_SETFL, O_NONBLOCK);
    return pipe;
}

Pipe makeTerminal() {
    const int master = ::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    int unlock = 0;
    if (master < 0 || ::ioctl(master, TIOCSPTLCK, &unlock) != 0)
        throw CannotRun(kExitCannotRun, std::string("no terminal can be made: ") + std::strerror(errno));
    const int slave = ::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        throw CannotRun(kExitCannotRun, std::string("no terminal can be opened: ") + std::strerror(errno));
    return {master, slave};
}

/// In the child. \returns only where the program cannot be run, with errno
void becomeProgram(const Request& request, const std::array<int, 3>& streams) {
    ::setsid();
    if (request.terminal)
        ::ioctl(streams[0], TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; ++fd)
        ::dup2(streams[static_cast<size_t>(fd)], fd);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    // In this order: each step needs the rights that a later one gives up.
    if (::setgroups(request.groups.size(), request.groups.data()) != 0 || ::setgid(request.group) != 0 ||
        ::setuid(request.user) != 0 || ::chdir(request.folder.c_str()) != 0)
        return;
    const auto arguments = execPointers(request.program);
    auto variables = execPointers(request.environment);
    ::clearenv();
    for (char* variable : variables)
        if (variable)
            ::putenv(variable); // for PATH, by which the program is looked for
    ::execvpe(arguments[0], arguments.data(), variables.data());
}

} // namespace

void Program::resize(Extent extent) const {
    const winsize size{extent.rows, extent.columns, 0, 0};
    if (terminal)
        ::ioctl(output, TIOCSWINSZ, &size);
}

Program startProgram(const Request& request) {
    Pipe input, output, error;
    if (request.terminal) {
        input = output = error = makeTerminal();
    } else {
        input = makePipe(true);
        output = makePipe(false);
        error = makePipe(false);
    }
    int report[2];
    if (::pipe2(report, O_CLOEXEC) != 0)
        throw CannotRun(kExitCannotRun, std::string("no pipe can be made: ") + std::strerror(errno));

    const pid_t pid = ::fork();
    if (pid < 0)
        throw CannotRun(kExitCannotRun, std::string("no process can be made: ") + std::strerror(errno));
    if (pid == 0) {
        becomeProgram(request, {input.theirs, output.theirs, error.theirs});
        const int why = errno;
        [[maybe_unused]] const ssize_t written = ::write(report[1], &why, sizeof why);
        ::_exit(kExitCannotRun);
    }
    ::close(report[1]);
    for (const Pipe& pipe : {input, output, error})
        ::close(pipe.theirs); // on a terminal the same one each time, which does no harm
    int why = 0;
    const bool failed = ::read(report[0], &why, sizeof why) == static_cast<ssize_t>(sizeof why);
    ::close(report[0]);
    if (failed)
        throw CannotRun(why == ENOENT ? kExitNoProgram : kExitCannotRun,
                        "cannot run '" + request.program.front() + "': " + std::strerror(why));
    return {pid, input.ours, output.ours, request.terminal ? -1 : error.ours, request.terminal};
}

} // namespace svga::vm::guest
