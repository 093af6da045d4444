// SPDX-License-Identifier: MIT
/**
 * \file
 * A clock by which an animation is the same each time it runs: preloaded (LD_PRELOAD) into a program that moves with
 * time.
 *
 * Each time the program itself asks for the time, STEADY_CLOCK_STEP microseconds (0 where the variable is not set: time
 * stands still) have passed since it last did. The libraries it uses, drivers above all, get the real time, as do
 * files' time stamps.
 */
#include <dlfcn.h>
#include <link.h>
#include <sys/time.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr int64_t kStart = 1'000'000'000; ///< seconds, on each of the program's clocks
constexpr int64_t kMicroseconds = 1'000'000;

struct AddressRange {
    uintptr_t begin = UINTPTR_MAX, end = 0;
};

/// Where the program is, without the libraries: the first object that the dynamic linker tells of.
AddressRange programRange() {
    AddressRange range;
    ::dl_iterate_phdr(
        [](dl_phdr_info* object, size_t, void* data) {
            auto& found = *static_cast<AddressRange*>(data);
            for (int i = 0; i < object->dlpi_phnum; ++i) {
                const auto& segment = object->dlpi_phdr[i];
                if (segment.p_type != PT_LOAD)
                    continue;
                const uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
                found = {std::min(found.begin, begin), std::max(found.end, begin + segment.p_memsz)};
            }
            return 1;
        },
        &range);
    return range;
}

bool isProgram(const void* caller) {
    static const AddressRange range = programRange();
    const auto address = reinterpret_cast<uintptr_t>(caller);
    return address >= range.begin && address < range.end;
}

/// Microseconds since kStart.
int64_t advance() {
    static std::atomic<int64_t> now{0};
    static const char* const step = std::getenv("STEADY_CLOCK_STEP");
    return now.fetch_add(step ? std::atoll(step) : 0);
}

template <typename Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

} // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* out) noexcept {
    static auto* const real = next<int(clockid_t, timespec*)>("clock_gettime");
    if (!isProgram(__builtin_return_address(0)))
        return real(clock, out);
    const int64_t passed = advance();
    *out = {kStart + passed / kMicroseconds, passed % kMicroseconds * 1000};
    return 0;
}

extern "C" int gettimeofday(timeval* out, void* zone) noexcept {
    static auto* const real = next<int(timeval*, void*)>("gettimeofday");
    if (!isProgram(__builtin_return_address(0)))
        return real(out, zone);
    const int64_t passed = advance();
    *out = {kStart + passed / kMicroseconds, passed % kMicroseconds};
    return 0;
}

extern "C" time_t time(time_t* out) noexcept {
    static auto* const real = next<time_t(time_t*)>("time");
    if (!isProgram(__builtin_return_address(0)))
        return real(out);
    if (out)
        *out = kStart;
    return kStart; // what random numbers are seeded with
}
