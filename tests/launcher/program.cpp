// SPDX-License-Identifier: MIT
// What the launcher's tests run under it: says what it was given, and ends in the way it is told to.
//
//   show            prints its arguments and its environment
//   exit N          exits with N
//   raise N         ends by signal N
//   wait FILE       makes FILE, waits for SIGTERM, then exits with 7
//   orphan FILE     leaves a process behind that never ends by itself and has written its id to FILE
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool is(const char* argument, const char* word) {
    return std::strcmp(argument, word) == 0;
}

void writeId(const char* path) {
    if (std::FILE* file = std::fopen(path, "w")) {
        std::fprintf(file, "%d\n", ::getpid());
        std::fclose(file);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2)
        return 99;
    if (is(argv[1], "show")) {
        for (int i = 1; i < argc; ++i)
            std::printf("argument %s\n", argv[i]);
        for (char** variable = environ; *variable; ++variable)
            std::puts(*variable);
        return 0;
    }
    if (argc < 3)
        return 99;
    if (is(argv[1], "exit"))
        return std::atoi(argv[2]);
    if (is(argv[1], "raise")) {
        ::signal(std::atoi(argv[2]), SIG_DFL);
        return ::raise(std::atoi(argv[2]));
    }
    if (is(argv[1], "wait")) {
        ::signal(SIGTERM, [](int) { ::_exit(7); });
        writeId(argv[2]);
        for (;;)
            ::pause();
    }
    if (is(argv[1], "orphan")) {
        if (::fork() == 0) {
            ::signal(SIGTERM, SIG_IGN);
            ::setsid();
            writeId(argv[2]);
            for (;;)
                ::pause();
        }
        while (::access(argv[2], F_OK) != 0)
            ::usleep(1000);
        return 0;
    }
    return 99;
}
