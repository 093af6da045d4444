// SPDX-License-Identifier: MIT
#include "shim/tracker/kernel_check.h"

#include "shim/tracker/pagemap.h"
#include "shim/tracker/system_call.h"
#include "shim/tracker/userfault.h"
#include "shim/tracker/userfault_uapi.h"
#include "util/error.h"
#include "util/unique_fd.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace svga::shim {

namespace {

/** \brief A few pages of shared memory, which exist, mapped and registered but not in the page table yet. */
class Scratch {
public:
    static constexpr size_t kPages = 4;

    Scratch(Userfault& userfault, uint64_t registration)
        : userfault_(userfault)
        , pageSize_(static_cast<size_t>(::sysconf(_SC_PAGESIZE)))
        , memory_(static_cast<int>(::syscall(SYS_memfd_create, "svga-tracker-check", MFD_CLOEXEC))) {
        if (!memory_ || ::ftruncate(memory_.get(), static_cast<off_t>(size())) ||
            sys::fallocate(memory_.get(), 0, 0, static_cast<off_t>(size())))
            throw Error("memfd of {} bytes: {}", size(), std::strerror(errno));
        const long mapped = ::syscall(SYS_mmap, nullptr, size(), PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
        if (mapped == -1)
            throw Error("mmap of {} bytes: {}", size(), std::strerror(errno));
        bytes_ = reinterpret_cast<volatile char*>(mapped);
        try {
            userfault_.add(address(), size(), registration);
        } catch (...) {
            ::syscall(SYS_munmap, bytes_, size());
            throw;
        }
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { ::syscall(SYS_munmap, bytes_, size()); }

    uintptr_t address(size_t page = 0) const { return reinterpret_cast<uintptr_t>(bytes_) + page * pageSize_; }
    size_t size() const { return kPages * pageSize_; }
    void write(size_t page) { bytes_[page * pageSize_] = 1; }
    void drop() { sys::madvise(const_cast<char*>(bytes_), size(), MADV_DONTNEED); }

    /** \brief The written pages, one character each: 'w' or '-'. */
    std::string scan(PagemapScanner& scanner) {
        std::vector<PagemapScanner::AddressRange> written;
        if (const int error = scanner.scan(address(), address(kPages), written))
            throw Error("PAGEMAP_SCAN (Linux >= 6.7): {}", std::strerror(error));
        std::string pages(kPages, '-');
        for (const auto& range : written)
            for (uintptr_t at = range.start; at < range.end; at += pageSize_)
                pages[(at - address()) / pageSize_] = 'w';
        return pages;
    }

private:
    Userfault& userfault_;
    size_t pageSize_;
    UniqueFd memory_;
    volatile char* bytes_ = nullptr;
};

void expect(const std::string& found, const char* expected, const char* situation) {
    if (found != expected)
        throw Error("this kernel's PAGEMAP_SCAN reports {} for {}, not {} as dirty tracking needs", found, situation,
                    expected);
}

} // namespace

bool canProceedProtected(Userfault& userfault) {
    if (!(userfault.features() & UFFD_FEATURE_MINOR_SHMEM))
        return false;
    Scratch scratch(userfault, UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MINOR);
    return userfault.proceed(scratch.address(), scratch.size()).error == 0;
}

void checkAsyncProtection(Userfault& userfault, PagemapScanner& scanner) {
    Scratch scratch(userfault, UFFDIO_REGISTER_MODE_WP);
    expect(scratch.scan(scanner), "wwww", "pages that were never protected");
    expect(scratch.scan(scanner), "----", "protected pages");
    scratch.write(1);
    expect(scratch.scan(scanner), "-w--", "a write to page 1");
    scratch.write(2);
    scratch.drop();
    expect(scratch.scan(scanner), "--w-", "page 2 written and all dropped");
}

} // namespace svga::shim
