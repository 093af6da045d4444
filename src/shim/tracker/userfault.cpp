// SPDX-License-Identifier: MIT
#include "shim/tracker/userfault.h"

#include "shim/tracker/system_call.h"
#include "shim/tracker/userfault_uapi.h"
#include "util/error.h"

#include <cerrno>
#include <cstring>

namespace svga::shim {

namespace {

constexpr int kOpenFlags = O_CLOEXEC | O_NONBLOCK;

struct Opened {
    UniqueFd fd;
    bool servesSystemCalls;
};

Opened openUserfault() {
    UniqueFd fd(static_cast<int>(::syscall(SYS_userfaultfd, kOpenFlags)));
    if (fd)
        return {std::move(fd), true};
    const int callError = errno;

    UniqueFd node(sys::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
    if (node)
        fd.reset(static_cast<int>(::syscall(SYS_ioctl, node.get(), USERFAULTFD_IOC_NEW, kOpenFlags)));
    if (fd)
        return {std::move(fd), true};
    const int nodeError = errno;

    fd.reset(static_cast<int>(::syscall(SYS_userfaultfd, kOpenFlags | UFFD_USER_MODE_ONLY)));
    if (fd)
        return {std::move(fd), false};
    throw Error("userfaultfd is refused to this process: userfaultfd(2): {}; /dev/userfaultfd: {}; with "
                "UFFD_USER_MODE_ONLY: {} (a container's seccomp profile may forbid it)",
                std::strerror(callError), std::strerror(nodeError), std::strerror(errno));
}

/** \return the features of the kernel; those in \p features are enabled on \p fd (a descriptor can be set up but once).
 */
uint64_t handshake(int fd, uint64_t features) {
    uffdio_api api{.api = UFFD_API, .features = features, .ioctls = 0};
    if (sys::ioctl(fd, UFFDIO_API, &api))
        throw Error("userfaultfd: UFFDIO_API with features {:#x}: {}", features, std::strerror(errno));
    return api.features;
}

} // namespace

Userfault::Userfault(uint64_t features, uint64_t fullFeatures) {
    const Opened question = openUserfault();
    const uint64_t offered = handshake(question.fd.get(), 0);
    if (const uint64_t lacking = features & ~offered)
        throw Error("this kernel's userfaultfd lacks features {:#x} of {:#x} (it offers {:#x})", lacking, features,
                    offered);

    Opened opened = openUserfault();
    fd_ = std::move(opened.fd);
    servesSystemCalls_ = opened.servesSystemCalls;
    features_ = features | (servesSystemCalls_ ? fullFeatures & offered : 0);
    handshake(fd_.get(), features_);
}

void Userfault::add(uintptr_t address, uint64_t size, uint64_t mode) {
    uffdio_register argument{.range = {address, size}, .mode = mode, .ioctls = 0};
    if (sys::ioctl(fd_.get(), UFFDIO_REGISTER, &argument))
        throw Error("userfaultfd: registering [{:#x}, {:#x}): {}", address, address + size, std::strerror(errno));
}

void Userfault::remove(uintptr_t address, uint64_t size) noexcept {
    uffdio_range range{address, size};
    sys::ioctl(fd_.get(), UFFDIO_UNREGISTER, &range);
}

int Userfault::protect(uintptr_t address, uint64_t size) noexcept {
    uffdio_writeprotect argument{.range = {address, size}, .mode = UFFDIO_WRITEPROTECT_MODE_WP};
    return sys::ioctl(fd_.get(), UFFDIO_WRITEPROTECT, &argument) ? errno : 0;
}

int Userfault::unprotect(uintptr_t address, uint64_t size) noexcept {
    uffdio_writeprotect argument{.range = {address, size}, .mode = 0};
    return sys::ioctl(fd_.get(), UFFDIO_WRITEPROTECT, &argument) ? errno : 0;
}

Userfault::Progress Userfault::proceed(uintptr_t address, uint64_t size, bool writable) noexcept {
    Progress progress{0, 0};
    while (progress.size < size) {
        uffdio_continue argument{.range = {address + progress.size, size - progress.size},
                                 .mode = writable ? 0 : UFFDIO_CONTINUE_MODE_WP,
                                 .mapped = 0};
        if (!sys::ioctl(fd_.get(), UFFDIO_CONTINUE, &argument)) {
            progress.size = size;
            break;
        }
        // On a partial success mapped holds the bytes done and errno is EAGAIN; what stopped it shows on the next try.
        if (errno != EAGAIN) {
            progress.error = errno;
            break;
        }
        if (argument.mapped > 0)
            progress.size += static_cast<uint64_t>(argument.mapped);
    }
    return progress;
}

void Userfault::wake(uintptr_t address, uint64_t size) noexcept {
    uffdio_range range{address, size};
    sys::ioctl(fd_.get(), UFFDIO_WAKE, &range);
}

bool Userfault::read(uffd_msg& message) noexcept {
    return sys::read(fd_.get(), &message, sizeof message) == sizeof message;
}

} // namespace svga::shim
