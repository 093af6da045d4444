// SPDX-License-Identifier: MIT
/**
 * \file
 * System calls past the C library.
 *
 * The tracker lives in a process whose ioctl, mmap, read and so on are interposed by the embedded kernel. Calls by name
 * would come back into it, and take its locks on the thread that serves page faults - which the holder of such a lock
 * may be waiting for. Errors are reported as by the C library, in errno.
 */
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace svga::shim::sys {

inline int ioctl(int fd, unsigned long request, void* argument) {
    return static_cast<int>(::syscall(SYS_ioctl, fd, request, argument));
}

inline int open(const char* path, int flags) {
    return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, 0));
}

inline ssize_t read(int fd, void* buffer, size_t size) {
    return ::syscall(SYS_read, fd, buffer, size);
}

inline ssize_t write(int fd, const void* buffer, size_t size) {
    return ::syscall(SYS_write, fd, buffer, size);
}

inline int madvise(void* address, size_t size, int advice) {
    return static_cast<int>(::syscall(SYS_madvise, address, size, advice));
}

inline int fallocate(int fd, int mode, off_t offset, off_t size) {
    return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, size));
}

} // namespace svga::shim::sys
