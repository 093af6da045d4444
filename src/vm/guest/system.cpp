// SPDX-License-Identifier: MIT
#include "vm/guest/system.h"

#include "vm/guest/channel.h"
#include "vm/guest/request.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <stdexcept>

namespace svga::vm::guest {

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

void mountAt(const char* source, const char* target, const char* type, unsigned long flags, const char* options) {
    ::mkdir(target, 0755); // it may be there
    if (::mount(source, target, type, flags, options) != 0)
        fail(std::string("cannot mount ") + target);
}

std::string readFile(const std::string& path) {
    std::string text;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    char bytes[4096];
    for (ssize_t count = 0; fd >= 0 && (count = ::read(fd, bytes, sizeof bytes)) > 0;)
        text.append(bytes, static_cast<size_t>(count));
    if (fd >= 0)
        ::close(fd);
    return text;
}

std::vector<std::string> entriesOf(const char* folder) {
    std::vector<std::string> names;
    if (DIR* directory = ::opendir(folder)) {
        while (const dirent* entry = ::readdir(directory))
            if (entry->d_name[0] != '.')
                names.emplace_back(entry->d_name);
        ::closedir(directory);
    }
    return names;
}

/// The parameters of the module in \p file that the kernel's command line holds, as one string.
std::string moduleParameters(const std::string& file, const std::string& commandLine) {
    std::string prefix = file.substr(0, file.find('.')) + ".";
    std::string parameters;
    std::istringstream words(commandLine);
    for (std::string word; words >> word;)
        if (word.starts_with(prefix))
            parameters += word.substr(prefix.size()) + " ";
    return parameters;
}

} // namespace

void mountKernelFileSystems() {
    mountAt("devtmpfs", "/dev", "devtmpfs", 0, "");
    const int console = ::open("/dev/console", O_RDWR);
    for (int fd = 0; console >= 0 && fd <= 2; ++fd)
        ::dup2(console, fd);
    mountAt("proc", "/proc", "proc", 0, "");
    mountAt("sys", "/sys", "sysfs", 0, "");
}

int openChannel() {
    const std::string folder = "/sys/class/virtio-ports/";
    for (const std::string& port : entriesOf(folder.c_str())) {
        if (readFile(folder + port + "/name") != std::string(kChannelName) + "\n")
            continue;
        const int fd = ::open(("/dev/" + port).c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0)
            fail("cannot open the channel to the launcher");
        return fd;
    }
    throw std::runtime_error("there is no channel to the launcher");
}

void loadModules(const std::vector<std::string>& files) {
    const std::string commandLine = readFile("/proc/cmdline");
    for (const std::string& file : files) {
        const int fd = ::open((std::string(kModuleFolder) + "/" + file).c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            fail("cannot open the kernel module " + file);
        const std::string parameters = moduleParameters(file, commandLine);
        const bool loaded = ::syscall(SYS_finit_module, fd, parameters.c_str(), 0) == 0;
        if (!loaded)
            fail("cannot load the kernel module " + file);
        ::close(fd);
    }
}

void enterHostFiles() {
    // The cache may be generous: while this machine runs, its files are for the program in it.
    mountAt(kHostTag, "/host", "9p", 0, "trans=virtio,version=9p2000.L,msize=512000,cache=loose");
    for (const char* folder : {"/dev", "/proc", "/sys"})
        if (::mount(folder, (std::string("/host") + folder).c_str(), nullptr, MS_MOVE, nullptr) != 0)
            fail(std::string("cannot move ") + folder);
    if (::chdir("/host") != 0 || ::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 || ::chroot(".") != 0 ||
        ::chdir("/") != 0)
        fail("cannot enter the host's files");
    mountAt("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
    mountAt("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    mountAt("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=620,ptmxmode=666");
    // An X server of the guest listens here; sockets in the host's folder would be seen there, and stay.
    mountAt("X11", "/tmp/.X11-unix", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    mountAt("debugfs", "/sys/kernel/debug", "debugfs", 0, "");
    mountAt("tracefs", "/sys/kernel/tracing", "tracefs", 0, "");
}

void finishSystem() {
    for (const std::string& name : entriesOf("/dev/dri"))
        ::chmod(("/dev/dri/" + name).c_str(), 0666);
    for (const char* name : {"/dev/kvm", "/dev/ptmx", "/dev/fuse"})
        ::chmod(name, 0666); // those that are there
    const std::pair<const char*, const char*> links[] = {
        {"/proc/self/fd", "/dev/fd"}, {"fd/0", "/dev/stdin"}, {"fd/1", "/dev/stdout"}, {"fd/2", "/dev/stderr"}};
    for (const auto& [target, link] : links)
        [[maybe_unused]] const int ignored = ::symlink(target, link);
    ::sethostname(kChannelName, std::strlen(kChannelName));
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP | IFF_RUNNING;
    ::ioctl(socket, SIOCSIFFLAGS, &loopback);
    ::close(socket);
}

std::string driverCounters() {
    const std::string folder = "/sys/kernel/debug/dri/";
    for (const std::string& device : entriesOf(folder.c_str()))
        if (const auto text = readFile(folder + device + "/vmwgfx_dirty_tracking"); !text.empty())
            return text;
    return {};
}

void powerOff() {
    ::sync();
    ::reboot(RB_POWER_OFF);
    for (;;)
        ::pause();
}

} // namespace svga::vm::guest
