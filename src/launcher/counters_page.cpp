// SPDX-License-Identifier: MIT
#include "launcher/counters_page.h"

#include "util/error.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>

namespace svga::launcher {

namespace {
constexpr size_t kPageSize = 4096;
static_assert(sizeof(Counters) <= kPageSize);
} // namespace

CountersPage::CountersPage()
    : fd_(::memfd_create("svga-counters", MFD_CLOEXEC)) {
    if (!fd_ || ::ftruncate(fd_.get(), kPageSize) != 0)
        throw Error("the page of counters cannot be made: {}", std::strerror(errno));
    void* const memory = ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (memory == MAP_FAILED)
        throw Error("the page of counters cannot be mapped: {}", std::strerror(errno));
    counters_ = new (memory) Counters{};
}

CountersPage::~CountersPage() {
    ::munmap(counters_, kPageSize);
}

std::string CountersPage::path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_.get());
}

} // namespace svga::launcher
