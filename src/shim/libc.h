// SPDX-License-Identifier: MIT
/**
 * \file
 * The C library below the interposers.
 *
 * The preloaded library defines open(), ioctl() and their like; these are the functions it hides. They are looked up on
 * first use, for other libraries' constructors call the interposers before ours have run.
 */
#pragma once

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>

namespace svga::shim::libc {

template <typename Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// Declares `libc::name(...)`: the next definition of \p name after ours.
#define SVGA_LIBC(name, Result, ...)                                                                                   \
    template <typename... Args>                                                                                        \
    inline Result name(Args... args) {                                                                                 \
        static auto* const function = next<Result(__VA_ARGS__)>(#name);                                                \
        return function(args...);                                                                                      \
    }

SVGA_LIBC(open, int, const char*, int, ...)
SVGA_LIBC(openat, int, int, const char*, int, ...)
SVGA_LIBC(close, int, int)
SVGA_LIBC(dup, int, int)
SVGA_LIBC(dup2, int, int, int)
SVGA_LIBC(dup3, int, int, int, int)
SVGA_LIBC(close_range, int, unsigned, unsigned, int)
SVGA_LIBC(fcntl, int, int, int, ...)
SVGA_LIBC(ioctl, int, int, unsigned long, ...)
SVGA_LIBC(mmap, void*, void*, size_t, int, int, int, off_t)
SVGA_LIBC(munmap, int, void*, size_t)
SVGA_LIBC(mremap, void*, void*, size_t, size_t, int, ...)
SVGA_LIBC(stat, int, const char*, struct stat*)
SVGA_LIBC(lstat, int, const char*, struct stat*)
SVGA_LIBC(fstat, int, int, struct stat*)
SVGA_LIBC(fstatat, int, int, const char*, struct stat*, int)
SVGA_LIBC(fstatfs, int, int, struct statfs*)
SVGA_LIBC(statx, int, int, const char*, int, unsigned, struct statx*)
SVGA_LIBC(__xstat, int, int, const char*, struct stat*)
SVGA_LIBC(__lxstat, int, int, const char*, struct stat*)
SVGA_LIBC(__fxstat, int, int, int, struct stat*)
SVGA_LIBC(__fxstatat, int, int, int, const char*, struct stat*, int)
SVGA_LIBC(access, int, const char*, int)
SVGA_LIBC(faccessat, int, int, const char*, int, int)
SVGA_LIBC(readlink, ssize_t, const char*, char*, size_t)
SVGA_LIBC(readlinkat, ssize_t, int, const char*, char*, size_t)
SVGA_LIBC(realpath, char*, const char*, char*)
SVGA_LIBC(__realpath_chk, char*, const char*, char*, size_t)
SVGA_LIBC(canonicalize_file_name, char*, const char*)
SVGA_LIBC(fopen, FILE*, const char*, const char*)
SVGA_LIBC(opendir, DIR*, const char*)
SVGA_LIBC(fdopendir, DIR*, int)
SVGA_LIBC(readdir, struct dirent*, DIR*)
SVGA_LIBC(closedir, int, DIR*)
SVGA_LIBC(rewinddir, void, DIR*)
SVGA_LIBC(dirfd, int, DIR*)
SVGA_LIBC(scandir, int, const char*, struct dirent***, int (*)(const struct dirent*),
          int (*)(const struct dirent**, const struct dirent**))

#undef SVGA_LIBC

} // namespace svga::shim::libc
