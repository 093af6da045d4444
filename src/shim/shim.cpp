// SPDX-License-Identifier: MIT
#include "shim/shim.h"

#include "shim/kernel/report.h"
#include "shim/libc.h"
#include "shim/tree_file.h"
#include "vfio_user/channel.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace svga::shim {

namespace {

std::atomic<Shim*> current = nullptr;

std::string libraryPath() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&libraryPath), &info) == 0 || info.dli_fname == nullptr)
        return {};
    return info.dli_fname;
}

DeviceTree::Kind kindOf(unsigned char directoryType) {
    switch (directoryType) {
    case DT_DIR:
        return DeviceTree::Kind::Directory;
    case DT_LNK:
        return DeviceTree::Kind::Link;
    case DT_CHR:
        return DeviceTree::Kind::Node;
    default:
        return DeviceTree::Kind::File;
    }
}

} // namespace

Shim& Shim::instance() {
    Shim* shim = current.load(std::memory_order_acquire);
    if (shim != nullptr)
        return *shim;
    static std::mutex creation;
    std::lock_guard lock(creation);
    shim = current.load();
    if (shim == nullptr) {
        shim = new Shim;
        current.store(shim, std::memory_order_release);
    }
    return *shim;
}

Shim::Shim() {
    static std::once_flag registered;
    std::call_once(registered, [] { ::pthread_atfork(nullptr, nullptr, &Shim::forkedChild); });
}

/// The child has none of our threads and its parent's locks in whatever state: it starts afresh, with no device.
void Shim::forkedChild() {
    Shim* parents = current.load();
    if (parents == nullptr)
        return;
    // The device process ends when the last copy of the socket is closed, and that is for the parent to decide.
    if (Kernel* kernel = parents->running_.load())
        libc::close(kernel->socketFd());
    current.store(nullptr);
}

std::shared_ptr<Kernel> Shim::startKernel() {
    std::lock_guard lock(mutex_);
    if (kernel_)
        return kernel_;
    try {
        Environment environment = readEnvironment(libraryPath());
        Counters& counters = mapCounters(environment.counters);
        auto& device = environment.kernel.device;
        const uint64_t number = counters.devices.load() + 1;
        device.record = numberedPath(device.record, number);
        if (number > 1)
            device.vnc.clear(); // the address is taken
        device.screenshot = numberedPath(device.screenshot, number);
        kernel_ = std::make_shared<Kernel>(environment.kernel, counters);
        running_ = kernel_.get();
    } catch (const vfio_user::DeviceLost&) {
        report("the device ended at its start; what it said above tells why");
        ::_exit(EXIT_FAILURE);
    } catch (const std::exception& error) {
        // Whoever preloads us asks for SVGA. A program that goes on without it says so in many ways of its own, or
        // draws with something else in silence.
        report("no SVGA device: {}", error.what());
        ::_exit(EXIT_FAILURE);
    }
    return kernel_;
}

std::shared_ptr<Kernel> Shim::runningKernel() const {
    if (running_.load(std::memory_order_acquire) == nullptr)
        return nullptr;
    std::lock_guard lock(mutex_);
    return kernel_;
}

int Shim::open(const DeviceTree::Resolution& resolution, int flags) {
    if (resolution.entry == nullptr) {
        errno = ENOENT;
        return -1;
    }
    const DeviceTree::Entry& entry = *resolution.entry;
    if ((flags & O_PATH) != 0 || (entry.kind == DeviceTree::Kind::Directory && (flags & O_ACCMODE) == O_RDONLY)) {
        if ((flags & O_DIRECTORY) != 0 && entry.kind != DeviceTree::Kind::Directory) {
            errno = ENOTDIR;
            return -1;
        }
        const int fd = libc::open("/dev/null", O_PATH | (flags & O_CLOEXEC));
        return fd < 0 ? fd : descriptors_.install(UniqueFd(fd), std::make_shared<TreeFile>(resolution.path, entry));
    }
    switch (entry.kind) {
    case DeviceTree::Kind::Node:
        return openNode(minor(entry.device), flags);
    case DeviceTree::Kind::File: {
        if ((flags & O_ACCMODE) != O_RDONLY) {
            errno = EACCES;
            return -1;
        }
        const int fd = ::memfd_create("svga-sysfs", (flags & O_CLOEXEC) != 0 ? MFD_CLOEXEC : 0);
        if (fd >= 0 && ::pwrite(fd, entry.content.data(), entry.content.size(), 0) < 0) {
            libc::close(fd);
            return -1;
        }
        return fd;
    }
    case DeviceTree::Kind::Directory:
        errno = EISDIR;
        return -1;
    case DeviceTree::Kind::Link:
        errno = ELOOP;
        return -1;
    }
    errno = EINVAL;
    return -1;
}

int Shim::openNode(unsigned minor, int flags) {
    // The kernel below starts with the first ioctl that needs it: many programs only ask for a driver's name.
    // To poll() and read() it is a socket that events come out of; mappings are of guest memory (map()).
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    UniqueFd theirs(ends[0]);
    auto events = std::make_shared<EventSink>(UniqueFd(ends[1]));
    if (((flags & O_CLOEXEC) == 0 && ::fcntl(theirs.get(), F_SETFD, 0) != 0) ||
        ((flags & O_NONBLOCK) != 0 && ::fcntl(theirs.get(), F_SETFL, O_NONBLOCK) != 0))
        return -1;
    return descriptors_.install(std::move(theirs),
                                std::make_shared<DeviceFile>(
                                    minor, [this] { return startKernel(); }, descriptors_, std::move(events)));
}

void* Shim::map(OpenFile& file, void* address, size_t size, int protection, int flags, off_t offset) {
    const auto kernel = runningKernel();
    const int64_t place =
        kernel && size != 0 && offset >= 0 ? file.mapOffset(static_cast<uint64_t>(offset), size) : -EINVAL;
    const bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
    if (place < 0 || !shared) {
        errno = place < 0 ? static_cast<int>(-place) : EINVAL;
        return MAP_FAILED;
    }
    if ((flags & MAP_FIXED) != 0)
        unmapping(address, size);
    void* mapped =
        libc::mmap(address, size, protection, flags & ~MAP_POPULATE, kernel->memory().fd(), static_cast<off_t>(place));
    if (mapped == MAP_FAILED)
        return mapped;
    try {
        file.mapped(mapped, static_cast<uint64_t>(place), size, (protection & PROT_WRITE) != 0);
    } catch (const std::exception& error) {
        report("cannot follow a mapping: {}", error.what());
        libc::munmap(mapped, size);
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return mapped;
}

void Shim::unmapping(void* address, size_t size) {
    Kernel* kernel = running_.load(std::memory_order_acquire);
    if (kernel == nullptr || !kernel->mayBeMapped(address, size))
        return;
    try {
        kernel->removeMapping(address, size);
    } catch (const std::exception& error) {
        report("cannot unfollow a mapping: {}", error.what());
    }
}

DIR* Shim::openDirectory(const std::string& path) {
    auto* directory = new FakeDirectory{tree_.list(path)};
    if (DIR* shared =
            tree_.resolve(path, true).where == DeviceTree::Where::Shared ? libc::opendir(path.c_str()) : nullptr) {
        while (const struct dirent* entry = libc::readdir(shared)) {
            const std::string name = entry->d_name;
            const bool hidden = name == "." || name == ".." ||
                                tree_.resolve(path + "/" + name, false).where != DeviceTree::Where::Elsewhere;
            if (!hidden)
                directory->names.emplace_back(name, kindOf(entry->d_type));
        }
        libc::closedir(shared);
    }
    std::lock_guard lock(directoriesMutex_);
    directories_.insert(directory);
    return reinterpret_cast<DIR*>(directory);
}

FakeDirectory* Shim::fakeDirectory(DIR* directory) {
    auto* fake = reinterpret_cast<FakeDirectory*>(directory);
    std::lock_guard lock(directoriesMutex_);
    return directories_.contains(fake) ? fake : nullptr;
}

bool Shim::closeDirectory(DIR* directory) {
    auto* fake = reinterpret_cast<FakeDirectory*>(directory);
    {
        std::lock_guard lock(directoriesMutex_);
        if (directories_.erase(fake) == 0)
            return false;
    }
    delete fake;
    return true;
}

} // namespace svga::shim
