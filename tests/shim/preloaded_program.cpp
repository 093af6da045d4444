// SPDX-License-Identifier: MIT
/**
 * \file
 * Run with the shim preloaded: the device as any program meets it, by the C library's functions alone.
 */
#include <gtest/gtest.h>

#include <dirent.h>
#include <drm.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmwgfx_drm.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <thread>

namespace {

std::string read(const char* path) {
    char text[512] = {};
    if (FILE* file = std::fopen(path, "r")) {
        [[maybe_unused]] auto size = std::fread(text, 1, sizeof(text) - 1, file);
        std::fclose(file);
    }
    return text;
}

int open() {
    return ::open("/dev/dri/renderD128", O_RDWR | O_CLOEXEC);
}

std::string driver(int fd) {
    char name[32] = {};
    drm_version version{};
    version.name = name;
    version.name_len = sizeof(name) - 1;
    return ::ioctl(fd, DRM_IOCTL_VERSION, &version) == 0 ? name : std::strerror(errno);
}

template <typename T>
int command(int fd, unsigned number, T& argument) {
    return ::ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, DRM_COMMAND_BASE + number, sizeof(T)), &argument);
}

drm_vmw_bo_rep allocate(int fd, uint32_t size) {
    drm_vmw_alloc_bo_arg arg{};
    arg.req.size = size;
    EXPECT_EQ(command(fd, DRM_VMW_ALLOC_BO, arg), 0) << std::strerror(errno);
    return arg.rep;
}

int submitNothing(int fd) {
    drm_vmw_fence_rep reply{};
    drm_vmw_execbuf_arg arg{};
    arg.version = 2;
    arg.context_handle = ~0u;
    arg.fence_rep = reinterpret_cast<uint64_t>(&reply);
    if (command(fd, DRM_VMW_EXECBUF, arg) != 0)
        return errno;
    drm_vmw_fence_wait_arg wait{};
    wait.handle = reply.handle;
    wait.timeout_us = 60000000;
    return command(fd, DRM_VMW_FENCE_WAIT, wait) == 0 ? 0 : errno;
}

/// Marks the device process of this program, by its environment.
const std::string kMark = [] {
    const std::string mark = std::to_string(::getpid());
    ::setenv("SVGA_DEVICE_ENV_SHIM_TEST", mark.c_str(), 1);
    return "SHIM_TEST=" + mark;
}();

std::set<pid_t> deviceProcesses() {
    std::set<pid_t> found;
    DIR* directory = ::opendir("/proc");
    while (const dirent* entry = ::readdir(directory)) {
        const pid_t pid = std::atoi(entry->d_name);
        if (pid <= 0)
            continue;
        std::ifstream file("/proc/" + std::string(entry->d_name) + "/environ");
        std::string variable;
        while (std::getline(file, variable, '\0')) {
            if (variable == kMark)
                found.insert(pid);
        }
    }
    ::closedir(directory);
    return found;
}

TEST(Preloaded, FindsTheDeviceInItsFolders) {
    std::set<std::string> names;
    DIR* directory = ::opendir("/dev/dri");
    ASSERT_NE(directory, nullptr);
    while (const dirent* entry = ::readdir(directory))
        names.insert(entry->d_name);
    EXPECT_EQ(::closedir(directory), 0);
    EXPECT_EQ(names, (std::set<std::string>{".", "..", "card0", "renderD128"}));
    EXPECT_EQ(read("/sys/dev/char/226:128/device/vendor"), "0x15ad\n");
    EXPECT_EQ(read("/sys/dev/char/226:128/device/device"), "0x0406\n");
    char path[PATH_MAX] = {};
    ASSERT_NE(::realpath("/sys/dev/char/226:128/device", path), nullptr);
    EXPECT_STREQ(path, "/sys/devices/pci0000:00/0000:00:0f.0");
    ASSERT_GT(::readlink("/sys/dev/char/226:128/device/subsystem", path, sizeof(path)), 0);
    EXPECT_NE(std::strstr(path, "/pci"), nullptr);
    EXPECT_EQ(::access("/dev/dri/card0", R_OK | W_OK), 0);
    EXPECT_EQ(::access("/dev/dri/card1", F_OK), -1);
    EXPECT_EQ(errno, ENOENT);
    EXPECT_EQ(::open("/dev/dri/card1", O_RDWR), -1);
    EXPECT_EQ(errno, ENOENT);
}

/// As libudev goes: from the root, one name at a time, links as they come.
TEST(Preloaded, TheDeviceIsFoundStepByStep) {
    int place = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(place, 0);
    for (const char* name : {"sys", "class", "drm"}) {
        const int next = ::openat(place, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        ASSERT_GE(next, 0) << name;
        struct stat status {};
        ASSERT_EQ(::fstat(next, &status), 0);
        EXPECT_TRUE(S_ISDIR(status.st_mode)) << name;
        ::close(place);
        place = next;
    }
    const int link = ::openat(place, "card0", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    ASSERT_GE(link, 0);
    struct stat status {};
    ASSERT_EQ(::fstat(link, &status), 0);
    EXPECT_TRUE(S_ISLNK(status.st_mode));
    char target[PATH_MAX] = {};
    EXPECT_GT(::readlinkat(link, "", target, sizeof(target)), 0);
    EXPECT_STREQ(target, "../../devices/pci0000:00/0000:00:0f.0/drm/card0");
    ::close(link);
    // Up is the file system's again; and down the link's way is ours.
    const int up = ::openat(place, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(up, 0);
    const int card = ::openat(up, "../devices/pci0000:00/0000:00:0f.0/drm/card0", O_PATH | O_CLOEXEC);
    ::close(up);
    ::close(place);
    ASSERT_GE(card, 0);
    EXPECT_EQ(::faccessat(card, "uevent", F_OK, 0), 0);
    EXPECT_EQ(::faccessat(card, "no such file", F_OK, 0), -1);
    struct statfs kind {};
    ASSERT_EQ(::fstatfs(card, &kind), 0);
    EXPECT_EQ(kind.f_type, SYSFS_MAGIC);
    const int uevent = ::openat(card, "uevent", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(uevent, 0);
    char text[256] = {};
    EXPECT_GT(::read(uevent, text, sizeof(text) - 1), 0);
    EXPECT_NE(std::strstr(text, "DEVNAME=dri/card0\n"), nullptr);
    ::close(uevent);
    ::close(card);
}

TEST(Preloaded, FoldersAboveItListTheMachinesOwnTooAndOurs) {
    std::set<std::string> names;
    DIR* directory = ::opendir("/sys/class");
    ASSERT_NE(directory, nullptr);
    while (const dirent* entry = ::readdir(directory))
        EXPECT_TRUE(names.insert(entry->d_name).second) << entry->d_name; // none twice
    ::closedir(directory);
    EXPECT_TRUE(names.contains("drm"));
    EXPECT_TRUE(names.contains("net"));
}

TEST(Preloaded, LeavesTheRestOfTheSystemAlone) {
    struct stat status {};
    EXPECT_EQ(::stat("/dev/null", &status), 0);
    EXPECT_TRUE(S_ISCHR(status.st_mode));
    EXPECT_EQ(::stat("/no/such/file", &status), -1);
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(read("/proc/self/status").empty());
    char path[PATH_MAX] = {};
    EXPECT_NE(::realpath("/proc/..", path), nullptr);
    EXPECT_STREQ(path, "/");
    void* memory = ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    memory = ::mremap(memory, 8192, 4096, 0);
    ASSERT_NE(memory, MAP_FAILED);
    EXPECT_EQ(::munmap(memory, 4096), 0);
}

TEST(Preloaded, TheNodeIsACharacterDevice) {
    const int fd = open();
    ASSERT_GE(fd, 0);
    struct stat byPath {
    }, byFd{};
    ASSERT_EQ(::stat("/dev/dri/renderD128", &byPath), 0);
    ASSERT_EQ(::fstat(fd, &byFd), 0);
    EXPECT_TRUE(S_ISCHR(byPath.st_mode));
    EXPECT_TRUE(S_ISCHR(byFd.st_mode));
    EXPECT_EQ(byFd.st_rdev, makedev(226, 128));
    EXPECT_EQ(byPath.st_rdev, byFd.st_rdev);
    struct statx extended {};
    ASSERT_EQ(::statx(AT_FDCWD, "/dev/dri/card0", 0, STATX_BASIC_STATS, &extended), 0);
    EXPECT_EQ(extended.stx_rdev_major, 226u);
    EXPECT_EQ(extended.stx_rdev_minor, 0u);
    pollfd event{fd, POLLIN, 0};
    EXPECT_EQ(::poll(&event, 1, 0), 0); // no events, ever
    ::close(fd);
}

TEST(Preloaded, DescriptorsMayBeDuplicatedAndClosed) {
    const int fd = open();
    const int second = ::dup(fd);
    const int third = ::fcntl(fd, F_DUPFD_CLOEXEC, 100);
    const int fourth = ::dup2(fd, 200);
    EXPECT_EQ(fourth, 200);
    const auto buffer = allocate(fd, 4096);
    EXPECT_EQ(::close(fd), 0);
    EXPECT_EQ(driver(fd), std::strerror(EBADF));
    for (int duplicate : {second, third, fourth}) {
        EXPECT_EQ(driver(duplicate), "vmwgfx");
        // One file: its handles are there behind every descriptor.
        void* memory =
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, duplicate, static_cast<off_t>(buffer.map_handle));
        ASSERT_NE(memory, MAP_FAILED);
        EXPECT_EQ(::munmap(memory, 4096), 0);
    }
    EXPECT_EQ(::close_range(100, 300, 0), 0);
    EXPECT_EQ(driver(third), std::strerror(EBADF));
    // The number is used again, by something that is none of ours.
    EXPECT_EQ(::close(second), 0);
    const int other = ::open("/dev/null", O_RDWR);
    EXPECT_EQ(driver(other), std::strerror(ENOTTY));
    ::close(other);
}

TEST(Preloaded, MappingsShareMemoryAndEndWithMunmap) {
    const int fd = open();
    const auto buffer = allocate(fd, 5 * 4096);
    const auto map = [&](std::size_t size, off_t offset) {
        return static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                                         static_cast<off_t>(buffer.map_handle) + offset));
    };
    char* first = map(5 * 4096, 0);
    char* second = map(4096, 8192);
    ASSERT_NE(first, MAP_FAILED);
    ASSERT_NE(second, MAP_FAILED);
    first[8192] = 42;
    EXPECT_EQ(second[0], 42);
    EXPECT_EQ(::munmap(first + 4096, 4096), 0); // a hole
    EXPECT_EQ(first[8192], 42);
    char* grown = static_cast<char*>(::mremap(second, 4096, 8192, MREMAP_MAYMOVE));
    ASSERT_NE(grown, MAP_FAILED);
    grown[4096] = 7;
    EXPECT_EQ(first[12288], 7);
    EXPECT_EQ(map(4096, 5 * 4096), MAP_FAILED); // beyond the buffer
    EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, static_cast<off_t>(buffer.map_handle)), MAP_FAILED);
    EXPECT_EQ(errno, EINVAL);
    // A mapping outlives the descriptor.
    ::close(fd);
    first[0] = 1;
    EXPECT_EQ(::munmap(first, 5 * 4096), 0);
    EXPECT_EQ(::munmap(grown, 8192), 0);
}

TEST(Preloaded, AForkedChildOpensADeviceOfItsOwn) {
    const int fd = open();
    ASSERT_EQ(submitNothing(fd), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const int fresh = open();
        const bool works = fresh >= 0 && submitNothing(fresh) == 0;
        const bool inherited = driver(fd) == "vmwgfx"; // the parent's: not usable here
        std::_Exit(works && !inherited ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(submitNothing(fd), 0); // and the parent's still works
    // wait() knows of no device process.
    EXPECT_EQ(::wait(&status), -1);
    EXPECT_EQ(errno, ECHILD);
    ::close(fd);
}

TEST(Preloaded, AVforkedChildClosesOnlyItsOwnDescriptors) {
    const int fd = open();
    const pid_t child = ::vfork();
    if (child == 0) {
        ::close(fd); // what starts programs closes all it does not pass on
        ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(driver(fd), "vmwgfx");
    ::close(fd);
}

TEST(Preloaded, KillingTheDeviceEndsInAnError) {
    const int fd = open();
    ASSERT_EQ(submitNothing(fd), 0);
    // That of an earlier test's child ends by itself, but takes its time.
    auto start = std::chrono::steady_clock::now();
    auto devices = deviceProcesses();
    while (devices.size() > 1 && std::chrono::steady_clock::now() - start < std::chrono::seconds(30)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        devices = deviceProcesses();
    }
    ASSERT_EQ(devices.size(), 1u);
    ASSERT_EQ(::kill(*devices.begin(), SIGKILL), 0);
    start = std::chrono::steady_clock::now();
    int error = 0;
    while (error == 0 && std::chrono::steady_clock::now() - start < std::chrono::seconds(5))
        error = submitNothing(fd);
    EXPECT_EQ(error, EIO);
    ::close(fd);
}

} // namespace
