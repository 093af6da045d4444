// SPDX-License-Identifier: MIT
#include "shim/kernel/user_memory.h"

#include "shim/kernel/kernel.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace svga::shim {

namespace {

using Transfer = ssize_t (*)(pid_t, const iovec*, unsigned long, const iovec*, unsigned long, unsigned long);

/// \return false where a sandbox forbids the call.
bool transfer(Transfer call, void* own, uint64_t address, std::size_t size) {
    const iovec local{own, size};
    const iovec remote{reinterpret_cast<void*>(address), size};
    const ssize_t done = call(::getpid(), &local, 1, &remote, 1, 0);
    if (done == static_cast<ssize_t>(size))
        return true;
    if (done >= 0 || errno == EFAULT || address == 0)
        throw IoctlError(EFAULT);
    return false;
}

} // namespace

void copyFromUser(void* destination, uint64_t address, std::size_t size) {
    if (size != 0 && !transfer(::process_vm_readv, destination, address, size))
        std::memcpy(destination, reinterpret_cast<const void*>(address), size);
}

void copyToUser(uint64_t address, const void* source, std::size_t size) {
    if (size != 0 && !transfer(::process_vm_writev, const_cast<void*>(source), address, size))
        std::memcpy(reinterpret_cast<void*>(address), source, size);
}

} // namespace svga::shim
