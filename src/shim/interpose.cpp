// SPDX-License-Identifier: MIT
/**
 * \file
 * The C library functions that the preloaded library replaces.
 *
 * Each asks whether the path, descriptor or address is ours, and else does what the C library does. Nothing here
 * decides anything; see Shim, DeviceTree and OpenFile.
 */
#include "shim/libc.h"
#include "shim/shim.h"
#include "shim/tree_file.h"

#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <optional>

using svga::shim::DeviceTree;
using svga::shim::OpenFile;
using svga::shim::Shim;
using svga::shim::TreeFile;
namespace libc = svga::shim::libc;

#define SVGA_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

/// A path as the device tree sees it; `elsewhere` where it is the file system's, if that has it.
struct Target {
    DeviceTree::Resolution resolution;
    bool elsewhere;
    const char* path() const { return resolution.path.c_str(); }
    /// The file system was asked, and has not got what the tree has.
    bool lackedThere() const { return errno == ENOENT && resolution.entry != nullptr; }
};

std::optional<Target> lookUp(const char* path, bool follow = true) {
    if (!DeviceTree::mayHold(path))
        return std::nullopt;
    auto resolution = Shim::instance().tree().resolve(path, follow);
    const bool elsewhere =
        resolution.where == DeviceTree::Where::Elsewhere || resolution.where == DeviceTree::Where::Shared;
    return Target{std::move(resolution), elsewhere};
}

int fail(int error) {
    errno = error;
    return -1;
}

std::shared_ptr<OpenFile> fileOf(int fd) {
    auto& descriptors = Shim::instance().descriptors();
    return descriptors.mayBeOurs(fd) ? descriptors.find(fd) : nullptr;
}

/// The place in the device tree that is open behind \p fd, if it is one.
std::shared_ptr<TreeFile> placeOf(int fd) {
    return std::dynamic_pointer_cast<TreeFile>(fileOf(fd));
}

/**
 * The absolute path of \p path, which is relative to an open folder, where it may be the tree's; nothing for others. An
 * empty \p path is the folder itself.
 */
std::optional<std::string> pathBelow(int directory, const char* path) {
    if (directory == AT_FDCWD || path == nullptr || *path == '/')
        return std::nullopt;
    if (const auto place = placeOf(directory))
        return place->path() + "/" + path;
    if (!Shim::instance().tree().mayHoldName(path))
        return std::nullopt;
    char folder[PATH_MAX];
    const std::string link = "/proc/self/fd/" + std::to_string(directory);
    const ssize_t length = libc::readlink(link.c_str(), folder, sizeof(folder));
    if (length <= 0)
        return std::nullopt;
    return std::string(folder, static_cast<size_t>(length)) + "/" + path;
}

/// lookUp() for a path that may be relative to an open folder.
std::optional<Target> lookUpAt(int directory, const char* path, bool follow = true) {
    const auto absolute = pathBelow(directory, path);
    return lookUp(absolute ? absolute->c_str() : path, follow);
}

int openPath(int directory, const char* path, int flags, mode_t mode) {
    auto target = lookUpAt(directory, path, (flags & O_NOFOLLOW) == 0);
    if (!target)
        return libc::openat(directory, path, flags, mode);
    if (target->elsewhere) {
        const int fd = libc::openat(AT_FDCWD, target->path(), flags, mode);
        if (fd >= 0 || !target->lackedThere())
            return fd;
    }
    return Shim::instance().open(target->resolution, flags);
}

mode_t modeOf(int flags, va_list arguments) {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

int statPath(const char* path, struct stat* out, bool follow, int (*other)(const char*, struct stat*)) {
    auto target = lookUp(path, follow);
    if (!target)
        return other(path, out);
    if (target->elsewhere) {
        const int result = other(target->path(), out);
        if (result == 0 || !target->lackedThere())
            return result;
    }
    if (target->resolution.where == DeviceTree::Where::Missing)
        return fail(ENOENT);
    DeviceTree::fill(*target->resolution.entry, *out);
    return 0;
}

int statFd(int fd, struct stat* out) {
    const int result = libc::fstat(fd, out);
    if (result == 0) {
        if (auto file = fileOf(fd))
            file->stat(*out);
    }
    return result;
}

int realStat(const char* path, struct stat* out) {
    return libc::fstatat(AT_FDCWD, path, out, 0);
}
int realLstat(const char* path, struct stat* out) {
    return libc::fstatat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

int statAt(int directory, const char* path, struct stat* out, int flags) {
    if (path != nullptr && *path == '\0' && (flags & AT_EMPTY_PATH) != 0 && fileOf(directory))
        return statFd(directory, out);
    const auto below = pathBelow(directory, path);
    const char* whole = below ? below->c_str() : path;
    if (DeviceTree::mayHold(whole))
        return statPath(whole, out, (flags & AT_SYMLINK_NOFOLLOW) == 0,
                        (flags & AT_SYMLINK_NOFOLLOW) == 0 ? realStat : realLstat);
    return libc::fstatat(directory, path, out, flags);
}

void toStatx(const struct stat& from, struct statx* out) {
    std::memset(out, 0, sizeof(*out));
    out->stx_mask = STATX_BASIC_STATS;
    out->stx_blksize = static_cast<uint32_t>(from.st_blksize);
    out->stx_nlink = static_cast<uint32_t>(from.st_nlink);
    out->stx_mode = static_cast<uint16_t>(from.st_mode);
    out->stx_ino = from.st_ino;
    out->stx_size = static_cast<uint64_t>(from.st_size);
    out->stx_rdev_major = major(from.st_rdev);
    out->stx_rdev_minor = minor(from.st_rdev);
    out->stx_dev_major = major(from.st_dev);
    out->stx_dev_minor = minor(from.st_dev);
}

ssize_t readLink(const DeviceTree::Resolution& resolution, char* buffer, size_t size) {
    if (resolution.where == DeviceTree::Where::Missing)
        return fail(ENOENT);
    if (resolution.entry->kind != DeviceTree::Kind::Link)
        return fail(EINVAL);
    const std::string& target = resolution.entry->content;
    const size_t length = std::min(size, target.size());
    std::memcpy(buffer, target.data(), length);
    return static_cast<ssize_t>(length);
}

int accessPath(const DeviceTree::Resolution& resolution, int mode) {
    if (resolution.where == DeviceTree::Where::Missing)
        return fail(ENOENT);
    const bool writable = resolution.entry->kind == DeviceTree::Kind::Node;
    return (mode & W_OK) != 0 && !writable ? fail(EACCES) : 0;
}

/// realpath() for a path that runs through our tree; empty where it does not.
std::optional<std::string> realPath(const char* path, int& error) {
    auto target = lookUp(path);
    if (!target)
        return std::nullopt;
    error = target->resolution.where == DeviceTree::Where::Missing ? ENOENT : 0;
    // A link of ours may lead to what this machine has not: the tree's word goes for its ancestors.
    return target->resolution.path;
}

char* giveRealPath(const std::string& path, char* out) {
    if (out == nullptr)
        return ::strdup(path.c_str());
    if (path.size() >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return nullptr;
    }
    return std::strcpy(out, path.c_str());
}

FILE* openStream(const char* path, const char* mode) {
    auto target = lookUp(path);
    if (!target)
        return libc::fopen(path, mode);
    if (target->elsewhere)
        return libc::fopen(target->path(), mode);
    const bool writes = std::strpbrk(mode, "wa+") != nullptr;
    const int fd = Shim::instance().open(target->resolution, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    return fd >= 0 ? ::fdopen(fd, mode) : nullptr;
}

unsigned char directoryType(DeviceTree::Kind kind) {
    switch (kind) {
    case DeviceTree::Kind::Directory:
        return DT_DIR;
    case DeviceTree::Kind::File:
        return DT_REG;
    case DeviceTree::Kind::Link:
        return DT_LNK;
    case DeviceTree::Kind::Node:
        return DT_CHR;
    }
    return DT_UNKNOWN;
}

int duplicated(int from, int to) {
    if (to >= 0 && Shim::instance().descriptors().mayBeOurs(from))
        Shim::instance().descriptors().duplicate(from, to);
    return to;
}

} // namespace

// --- opening and closing

SVGA_EXPORT int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = modeOf(flags, arguments);
    va_end(arguments);
    return openPath(AT_FDCWD, path, flags, mode);
}

SVGA_EXPORT int open64(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = modeOf(flags, arguments);
    va_end(arguments);
    return openPath(AT_FDCWD, path, flags, mode);
}

SVGA_EXPORT int openat(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = modeOf(flags, arguments);
    va_end(arguments);
    return openPath(directory, path, flags, mode);
}

SVGA_EXPORT int openat64(int directory, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = modeOf(flags, arguments);
    va_end(arguments);
    return openPath(directory, path, flags, mode);
}

SVGA_EXPORT int __open_2(const char* path, int flags) {
    return openPath(AT_FDCWD, path, flags, 0);
}
SVGA_EXPORT int __open64_2(const char* path, int flags) {
    return openPath(AT_FDCWD, path, flags, 0);
}
SVGA_EXPORT int __openat_2(int directory, const char* path, int flags) {
    return openPath(directory, path, flags, 0);
}
SVGA_EXPORT int __openat64_2(int directory, const char* path, int flags) {
    return openPath(directory, path, flags, 0);
}

SVGA_EXPORT FILE* fopen(const char* path, const char* mode) {
    return openStream(path, mode);
}
SVGA_EXPORT FILE* fopen64(const char* path, const char* mode) {
    return openStream(path, mode);
}

SVGA_EXPORT int close(int fd) {
    if (Shim::instance().descriptors().mayBeOurs(fd))
        Shim::instance().descriptors().remove(fd);
    return libc::close(fd);
}

SVGA_EXPORT int close_range(unsigned first, unsigned last, int flags) noexcept {
    if ((flags & CLOSE_RANGE_CLOEXEC) == 0)
        Shim::instance().descriptors().removeRange(first, last);
    return libc::close_range(first, last, flags);
}

SVGA_EXPORT int dup(int fd) noexcept {
    return duplicated(fd, libc::dup(fd));
}

SVGA_EXPORT int dup2(int fd, int to) noexcept {
    if (fd != to && Shim::instance().descriptors().mayBeOurs(to))
        Shim::instance().descriptors().remove(to);
    const int result = libc::dup2(fd, to);
    return fd != to ? duplicated(fd, result) : result;
}

SVGA_EXPORT int dup3(int fd, int to, int flags) noexcept {
    if (fd != to && Shim::instance().descriptors().mayBeOurs(to))
        Shim::instance().descriptors().remove(to);
    return duplicated(fd, libc::dup3(fd, to, flags));
}

static int controlFile(int fd, int command, void* argument) {
    const int result = libc::fcntl(fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(fd, result) : result;
}

SVGA_EXPORT int fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    return controlFile(fd, command, argument);
}

SVGA_EXPORT int fcntl64(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    return controlFile(fd, command, argument);
}

SVGA_EXPORT int ioctl(int fd, unsigned long request, ...) noexcept {
    va_list arguments;
    va_start(arguments, request);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    if (auto file = fileOf(fd)) {
        const int result = file->ioctl(request, argument);
        return result < 0 ? fail(-result) : result;
    }
    return libc::ioctl(fd, request, argument);
}

// --- mappings

SVGA_EXPORT void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
    if ((flags & MAP_ANONYMOUS) == 0) {
        if (auto file = fileOf(fd))
            return Shim::instance().map(*file, address, size, protection, flags, offset);
    }
    if ((flags & MAP_FIXED) != 0)
        Shim::instance().unmapping(address, size);
    return libc::mmap(address, size, protection, flags, fd, offset);
}

SVGA_EXPORT void* mmap64(void* address, size_t size, int protection, int flags, int fd, off64_t offset) noexcept {
    return mmap(address, size, protection, flags, fd, offset);
}

SVGA_EXPORT int munmap(void* address, size_t size) noexcept {
    Shim::instance().unmapping(address, size);
    return libc::munmap(address, size);
}

SVGA_EXPORT void* mremap(void* address, size_t size, size_t newSize, int flags, ...) noexcept {
    va_list arguments;
    va_start(arguments, flags);
    void* target = (flags & MREMAP_FIXED) != 0 ? va_arg(arguments, void*) : nullptr;
    va_end(arguments);
    Shim& shim = Shim::instance();
    const auto kernel = shim.runningKernel();
    const auto shown = kernel && kernel->mayBeMapped(address, size) ? kernel->mappingAt(address) : std::nullopt;
    if (target != nullptr)
        shim.unmapping(target, newSize);
    if (shown)
        shim.unmapping(address, size);
    void* result = libc::mremap(address, size, newSize, flags, target);
    if (shown) {
        void* where = result != MAP_FAILED ? result : address;
        kernel->addMapping(where, shown->offset, result != MAP_FAILED ? newSize : size, shown->writable);
    }
    return result;
}

// --- what files are

SVGA_EXPORT int stat(const char* path, struct stat* out) noexcept {
    return statPath(path, out, true, realStat);
}
SVGA_EXPORT int stat64(const char* path, struct stat64* out) noexcept {
    return statPath(path, reinterpret_cast<struct stat*>(out), true, realStat);
}
SVGA_EXPORT int lstat(const char* path, struct stat* out) noexcept {
    return statPath(path, out, false, realLstat);
}
SVGA_EXPORT int lstat64(const char* path, struct stat64* out) noexcept {
    return statPath(path, reinterpret_cast<struct stat*>(out), false, realLstat);
}
SVGA_EXPORT int fstat(int fd, struct stat* out) noexcept {
    return statFd(fd, out);
}
SVGA_EXPORT int fstat64(int fd, struct stat64* out) noexcept {
    return statFd(fd, reinterpret_cast<struct stat*>(out));
}
SVGA_EXPORT int fstatat(int directory, const char* path, struct stat* out, int flags) noexcept {
    return statAt(directory, path, out, flags);
}
SVGA_EXPORT int fstatat64(int directory, const char* path, struct stat64* out, int flags) noexcept {
    return statAt(directory, path, reinterpret_cast<struct stat*>(out), flags);
}

// libudev believes in a file of /sys only where it is on a file system of that kind.

SVGA_EXPORT int fstatfs(int fd, struct statfs* out) noexcept {
    const auto place = placeOf(fd);
    if (place == nullptr)
        return libc::fstatfs(fd, out);
    std::memset(out, 0, sizeof(*out));
    out->f_type = place->path().starts_with("/sys") ? SYSFS_MAGIC : TMPFS_MAGIC;
    out->f_bsize = 4096;
    return 0;
}
SVGA_EXPORT int fstatfs64(int fd, struct statfs64* out) noexcept {
    return fstatfs(fd, reinterpret_cast<struct statfs*>(out));
}

// Programs linked against a C library older than 2.33 call these.
SVGA_EXPORT int __xstat(int, const char* path, struct stat* out) noexcept {
    return statPath(path, out, true, realStat);
}
SVGA_EXPORT int __xstat64(int, const char* path, struct stat64* out) noexcept {
    return statPath(path, reinterpret_cast<struct stat*>(out), true, realStat);
}
SVGA_EXPORT int __lxstat(int, const char* path, struct stat* out) noexcept {
    return statPath(path, out, false, realLstat);
}
SVGA_EXPORT int __lxstat64(int, const char* path, struct stat64* out) noexcept {
    return statPath(path, reinterpret_cast<struct stat*>(out), false, realLstat);
}
SVGA_EXPORT int __fxstat(int, int fd, struct stat* out) noexcept {
    return statFd(fd, out);
}
SVGA_EXPORT int __fxstat64(int, int fd, struct stat64* out) noexcept {
    return statFd(fd, reinterpret_cast<struct stat*>(out));
}
SVGA_EXPORT int __fxstatat(int, int directory, const char* path, struct stat* out, int flags) noexcept {
    return statAt(directory, path, out, flags);
}
SVGA_EXPORT int __fxstatat64(int, int directory, const char* path, struct stat64* out, int flags) noexcept {
    return statAt(directory, path, reinterpret_cast<struct stat*>(out), flags);
}

SVGA_EXPORT int statx(int directory, const char* path, int flags, unsigned mask, struct statx* out) noexcept {
    const bool byFd = *path == '\0' && (flags & AT_EMPTY_PATH) != 0 && fileOf(directory);
    if (!byFd && !lookUpAt(directory, path))
        return libc::statx(directory, path, flags, mask, out);
    struct stat status {};
    const int result = statAt(directory, path, &status, flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
    if (result == 0)
        toStatx(status, out);
    return result;
}

SVGA_EXPORT int access(const char* path, int mode) noexcept {
    return faccessat(AT_FDCWD, path, mode, 0);
}

SVGA_EXPORT int faccessat(int directory, const char* path, int mode, int flags) noexcept {
    auto target = lookUpAt(directory, path, (flags & AT_SYMLINK_NOFOLLOW) == 0);
    if (!target)
        return libc::faccessat(directory, path, mode, flags);
    if (target->elsewhere) {
        const int result = libc::faccessat(AT_FDCWD, target->path(), mode, flags);
        if (result == 0 || !target->lackedThere())
            return result;
    }
    return accessPath(target->resolution, mode);
}

SVGA_EXPORT ssize_t readlink(const char* path, char* buffer, size_t size) noexcept {
    auto target = lookUp(path, false);
    if (!target)
        return libc::readlink(path, buffer, size);
    return target->elsewhere ? libc::readlink(target->path(), buffer, size)
                             : readLink(target->resolution, buffer, size);
}

SVGA_EXPORT ssize_t __readlink_chk(const char* path, char* buffer, size_t size, size_t) noexcept {
    return readlink(path, buffer, size);
}

SVGA_EXPORT ssize_t readlinkat(int directory, const char* path, char* buffer, size_t size) noexcept {
    auto target = lookUpAt(directory, path, false);
    if (!target)
        return libc::readlinkat(directory, path, buffer, size);
    return target->elsewhere ? libc::readlinkat(AT_FDCWD, target->path(), buffer, size)
                             : readLink(target->resolution, buffer, size);
}

SVGA_EXPORT char* realpath(const char* path, char* out) noexcept {
    int error = 0;
    if (const auto resolved = realPath(path, error)) {
        if (error == 0 && !resolved->empty() && *resolved != path)
            return giveRealPath(*resolved, out);
        if (error == 0 && lookUp(path)->resolution.entry != nullptr)
            return giveRealPath(*resolved, out);
        if (error != 0) {
            errno = error;
            return nullptr;
        }
    }
    return libc::realpath(path, out);
}

SVGA_EXPORT char* __realpath_chk(const char* path, char* out, size_t) noexcept {
    return realpath(path, out);
}
SVGA_EXPORT char* canonicalize_file_name(const char* path) noexcept {
    return realpath(path, nullptr);
}

// --- directories

SVGA_EXPORT DIR* opendir(const char* path) {
    auto target = lookUp(path);
    if (!target)
        return libc::opendir(path);
    const auto& [where, resolved, entry] = target->resolution;
    if (where == DeviceTree::Where::Elsewhere)
        return libc::opendir(target->path());
    if (entry == nullptr || entry->kind != DeviceTree::Kind::Directory) {
        errno = entry != nullptr ? ENOTDIR : ENOENT;
        return nullptr;
    }
    return Shim::instance().openDirectory(resolved);
}

/// Of a folder of the tree that was opened as a file.
SVGA_EXPORT DIR* fdopendir(int fd) {
    const auto place = placeOf(fd);
    if (place == nullptr)
        return libc::fdopendir(fd);
    DIR* directory = opendir(place->path().c_str());
    if (directory != nullptr)
        close(fd);
    return directory;
}

SVGA_EXPORT struct dirent* readdir(DIR* directory) {
    auto* fake = Shim::instance().fakeDirectory(directory);
    if (fake == nullptr)
        return libc::readdir(directory);
    if (fake->next == fake->names.size())
        return nullptr;
    const auto& [name, kind] = fake->names[fake->next++];
    fake->entry = {};
    fake->entry.d_ino = fake->next;
    fake->entry.d_reclen = sizeof(fake->entry);
    fake->entry.d_type = directoryType(kind);
    std::strncpy(fake->entry.d_name, name.c_str(), sizeof(fake->entry.d_name) - 1);
    return &fake->entry;
}

SVGA_EXPORT struct dirent64* readdir64(DIR* directory) {
    return reinterpret_cast<struct dirent64*>(readdir(directory));
}

SVGA_EXPORT int closedir(DIR* directory) {
    return Shim::instance().closeDirectory(directory) ? 0 : libc::closedir(directory);
}

SVGA_EXPORT void rewinddir(DIR* directory) noexcept {
    if (auto* fake = Shim::instance().fakeDirectory(directory))
        fake->next = 0;
    else
        libc::rewinddir(directory);
}

SVGA_EXPORT int dirfd(DIR* directory) noexcept {
    return Shim::instance().fakeDirectory(directory) != nullptr ? fail(ENOTSUP) : libc::dirfd(directory);
}

SVGA_EXPORT int scandir(const char* path, struct dirent*** out, int (*filter)(const struct dirent*),
                        int (*compare)(const struct dirent**, const struct dirent**)) {
    auto target = lookUp(path);
    if (!target || target->elsewhere)
        return libc::scandir(target ? target->path() : path, out, filter, compare);
    DIR* directory = opendir(path);
    if (directory == nullptr)
        return -1;
    std::vector<struct dirent*> entries;
    while (const struct dirent* entry = readdir(directory)) {
        if (filter != nullptr && filter(entry) == 0)
            continue;
        auto* copy = static_cast<struct dirent*>(std::malloc(sizeof(struct dirent)));
        *copy = *entry;
        entries.push_back(copy);
    }
    closedir(directory);
    auto** list =
        static_cast<struct dirent**>(std::malloc(std::max<size_t>(entries.size(), 1) * sizeof(struct dirent*)));
    std::copy(entries.begin(), entries.end(), list);
    if (compare != nullptr)
        std::qsort(list, entries.size(), sizeof(*list), reinterpret_cast<int (*)(const void*, const void*)>(compare));
    *out = list;
    return static_cast<int>(entries.size());
}

SVGA_EXPORT int scandir64(const char* path, struct dirent64*** out, int (*filter)(const struct dirent64*),
                          int (*compare)(const struct dirent64**, const struct dirent64**)) {
    return scandir(path, reinterpret_cast<struct dirent***>(out),
                   reinterpret_cast<int (*)(const struct dirent*)>(filter),
                   reinterpret_cast<int (*)(const struct dirent**, const struct dirent**)>(compare));
}
