// SPDX-License-Identifier: MIT
// The folder of a virtual machine: when it goes, when it stays, and who removes it.
#include "vm/logs.h"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace svga::vm {
namespace {

namespace fs = std::filesystem;

class LogFolderTest : public testing::Test {
protected:
    LogFolderTest() {
        std::string name = (fs::temp_directory_path() / "logs-test-XXXXXX").string();
        temporary = ::mkdtemp(name.data());
        ::setenv("TMPDIR", temporary.c_str(), 1);
    }
    ~LogFolderTest() override {
        ::unsetenv("TMPDIR");
        fs::remove_all(temporary);
    }

    /** A folder whose owner was killed. */
    fs::path leaveBehind() {
        int pipes[2];
        EXPECT_EQ(::pipe(pipes), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            const LogFolder logs({});
            const std::string path = logs.work().string();
            (void)!::write(pipes[1], path.data(), path.size());
            ::pause();
        }
        char path[4096] = {};
        EXPECT_GT(::read(pipes[0], path, sizeof(path) - 1), 0);
        EXPECT_TRUE(fs::exists(fs::path(path) / "kernel.log"));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        ::close(pipes[0]);
        ::close(pipes[1]);
        return path;
    }

    fs::path temporary;
};

TEST_F(LogFolderTest, GoesWithItsOwnerAndStaysIfItIsKept) {
    fs::path gone, kept;
    {
        LogFolder first({}), second({});
        gone = first.work();
        kept = second.work();
        std::ofstream(kept / "initramfs") << "large";
        second.keep();
    }
    EXPECT_FALSE(fs::exists(gone));
    EXPECT_TRUE(fs::exists(kept / "kernel.log"));
    EXPECT_FALSE(fs::exists(kept / "initramfs"));
    const LogFolder next({});
    EXPECT_TRUE(fs::exists(kept / "kernel.log"));
}

TEST_F(LogFolderTest, OfAKilledOwnerIsRemovedByTheNext) {
    const fs::path dead = leaveBehind();
    EXPECT_TRUE(fs::exists(dead));
    const LogFolder alive({});
    EXPECT_FALSE(fs::exists(dead));
    const LogFolder another({});
    EXPECT_TRUE(fs::exists(alive.work() / "kernel.log"));
}

TEST_F(LogFolderTest, RemovesNothingElse) {
    const fs::path dead = leaveBehind();
    const fs::path other = temporary / "other";
    fs::rename(dead, other); // by another name
    fs::create_directory_symlink(other, temporary / "svga-vm-abcdef");
    fs::create_directory(temporary / "svga-vm-ghijkl"); // not ours, or just being made
    std::ofstream(temporary / "svga-vm-mnopqr") << "a file";
    const LogFolder alive({});
    EXPECT_TRUE(fs::exists(other / "kernel.log"));
    EXPECT_TRUE(fs::is_symlink(temporary / "svga-vm-abcdef"));
    EXPECT_TRUE(fs::exists(temporary / "svga-vm-ghijkl"));
    EXPECT_TRUE(fs::exists(temporary / "svga-vm-mnopqr"));
}

} // namespace
} // namespace svga::vm
