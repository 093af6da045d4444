// SPDX-License-Identifier: MIT
// Systems and processes that allow less, made in a child process each; and what a child of fork() finds.
#include "guest.h"

#include "shim/tracker/userfault_uapi.h"
#include "util/error.h"

#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

namespace svga::shim::test {
namespace {

using Runs = std::vector<PageRun>;

constexpr int kSkip = 77;

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            throw Error("line {}: {}", __LINE__, #condition);                                                          \
    } while (false)

/** \brief Runs \p body in a child process. \return its exit status: 0, kSkip (what \p body returned), or 1 after a
 * throw. */
int inChild(int (*body)()) {
    const pid_t child = ::fork();
    if (child == 0) {
        int status = 1;
        try {
            status = body();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "in the child: %s\n", error.what());
        }
        ::_exit(status);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/** \brief From now on userfaultfd(2) fails with \p error, and so does /dev/userfaultfd if \p nodeToo. */
void refuseUserfaultfd(int error, bool nodeToo) {
    const auto load = [](size_t field) {
        return sock_filter(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(field)));
    };
    const auto skipUnless = [](unsigned value, uint8_t count) {
        return sock_filter(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
    };
    const sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error));
    const sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    std::vector<sock_filter> program{load(offsetof(seccomp_data, nr)), skipUnless(SYS_userfaultfd, 1), refuse};
    if (nodeToo)
        for (const sock_filter& step : {skipUnless(SYS_ioctl, 3), load(offsetof(seccomp_data, args[1])),
                                        skipUnless(USERFAULTFD_IOC_NEW, 1), refuse})
            program.push_back(step);
    program.push_back(allow);
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    REQUIRE(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

Runs collectAll(Tracker& tracker, GuestMemory& memory) {
    Runs written;
    tracker.collect(Runs{memory.run()}, written);
    return written;
}

std::string refusal(TrackerChoice choice, GuestMemory& memory, FakeDevice& device, Counters& counters) {
    try {
        createTracker(choice, memory.fd(), device, counters);
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

int seccomp(int error) {
    GuestMemory memory(8);
    FakeDevice device(memory);
    Counters counters{};
    refuseUserfaultfd(error, true);
    const auto best = createTracker(TrackerChoice::Best, memory.fd(), device, counters);
    REQUIRE(best->mode() == TrackerMode::All);
    REQUIRE(!best->readsAreTracked());
    best->enable(memory.run());
    Mapping mapping(*best, memory, pages(2, 3));
    mapping.write(0, 1);
    REQUIRE(collectAll(*best, memory) == Runs{pages(2, 3)});
    for (const TrackerChoice choice : {TrackerChoice::Async, TrackerChoice::Thread}) {
        const std::string message = refusal(choice, memory, device, counters);
        REQUIRE(message.find("userfaultfd") != std::string::npos);
        REQUIRE(message.find(std::strerror(error)) != std::string::npos);
    }
    return 0;
}

TEST(Privileges, WithoutUserfaultfdBestIsAll) {
    EXPECT_EQ(inChild([] { return seccomp(EPERM); }), 0);
    EXPECT_EQ(inChild([] { return seccomp(ENOSYS); }), 0);
}

TEST(Privileges, TheDeviceNodeIsAnotherWay) {
    const int status = inChild([] {
        if (::access("/dev/userfaultfd", R_OK | W_OK))
            return kSkip;
        refuseUserfaultfd(EPERM, false);
        GuestMemory memory(8);
        FakeDevice device(memory);
        Counters counters{};
        const auto best = createTracker(TrackerChoice::Best, memory.fd(), device, counters);
        REQUIRE(best->mode() != TrackerMode::All);
        REQUIRE(best->readsAreTracked());
        return 0;
    });
    if (status == kSkip)
        GTEST_SKIP() << "no access to /dev/userfaultfd";
    EXPECT_EQ(status, 0);
}

int unprivileged() {
    // A process like any other: no capabilities, and its own /proc files readable, as after an exec.
    if (::geteuid() == 0) {
        REQUIRE(::setgroups(0, nullptr) == 0);
        REQUIRE(::setresgid(65534, 65534, 65534) == 0);
        REQUIRE(::setresuid(65534, 65534, 65534) == 0);
        REQUIRE(::prctl(PR_SET_DUMPABLE, 1) == 0);
    }
    GuestMemory memory(8);
    FakeDevice device(memory);
    Counters counters{};
    const auto best = createTracker(TrackerChoice::Best, memory.fd(), device, counters);
    if (best->mode() != TrackerMode::Async || best->readsAreTracked())
        return kSkip;
    best->enable(memory.run());
    Mapping mapping(*best, memory, memory.run());
    mapping.write(1, 1);
    std::memset(memory.page(4), 7, kPage); // in the page cache, not mapped: a trap if it raised minor faults
    UniqueFd file(::memfd_create("file", MFD_CLOEXEC));
    REQUIRE(::pwrite(file.get(), "abcd", 4, 0) == 4);
    REQUIRE(::pread(file.get(), mapping.page(4), 4, 0) == 4);
    REQUIRE(::pwrite(file.get(), mapping.page(5), 4, 0) == 4);
    REQUIRE((collectAll(*best, memory) == Runs{pages(1), pages(4)}));
    REQUIRE(collectAll(*best, memory).empty());

    best->invalidate(memory.run());
    REQUIRE(mapping.read(4) == 'a');
    REQUIRE(device.readbacks == 0);
    mapping.write(6, 1);
    REQUIRE(collectAll(*best, memory) == Runs{pages(6)});
    REQUIRE(refusal(TrackerChoice::Thread, memory, device, counters).find("UFFD_USER_MODE_ONLY") != std::string::npos);
    return 0;
}

TEST(Privileges, AnUnprivilegedProcessTracksWrites) {
    const int status = inChild(unprivileged);
    if (status == kSkip)
        GTEST_SKIP() << "unprivileged processes may have all of userfaultfd here, or nothing of it";
    EXPECT_EQ(status, 0);
}

class Fork : public TrackerTest {};
INSTANTIATE_TEST_SUITE_P(Mode, Fork, kAllModes, modeName);

TEST_P(Fork, TheChildSharesNothingOfTheTracker) {
    tracker->enable(memory.run());
    Mapping mapping(*tracker, memory, memory.run());
    mapping.write(1, 1);
    tracker->invalidate(pages(8));
    const pid_t child = ::fork();
    if (child == 0) {
        // Guest memory is shared and ordinary: nothing waits for a thread that is not there.
        const bool shared = mapping.read(1) == 1 && mapping.read(8) == 0;
        mapping.write(2, 5);
        tracker.reset();
        ::_exit(shared ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(mapping.read(2), 5);
    EXPECT_EQ(collect(), exact() ? Runs{pages(1)} : Runs{memory.run()}) << "what the child writes is not seen";
    mapping.write(3, 1);
    EXPECT_EQ(collect(), exact() ? Runs{pages(3)} : Runs{memory.run()});
    if (tracker->readsAreTracked()) {
        device.draw(pages(8), 9);
        EXPECT_EQ(mapping.read(8), 9);
    }
}

} // namespace
} // namespace svga::shim::test
