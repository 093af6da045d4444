// SPDX-License-Identifier: MIT
// The launcher as a user meets it: a copy of svga-run in a folder laid out like a build, with stand-ins for the rest.
#include "launcher/options.h"
#include "util/error.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace {

namespace fs = std::filesystem;

fs::path gLauncher, gShim, gProgram; // from the command line

std::string read(const fs::path& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

template <typename Condition>
bool within(std::chrono::milliseconds limit, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

bool alive(pid_t pid) {
    return ::kill(pid, 0) == 0;
}

/// A folder with a launcher and all it needs, removed at the end.
class LauncherTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "svga-launcher-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        fs::create_directories(folder_ / "src/shim");
        fs::create_directories(folder_ / "src/device");
        fs::copy_file(gLauncher, folder_ / "svga-run");
        fs::copy_file(gShim, folder_ / "src/shim/libsvga-shim.so");
        touch("src/device/svga-device");
        touch("libEGL.so.1");
        touch("icd.json");
        touch("other-icd.json");
        nlohmann::json stack;
        for (const char* part : {"coherent", "stock", "device"}) {
            stack[part]["needs"] = {(folder_ / (part == std::string("device") ? "icd.json" : "libEGL.so.1")).string()};
            stack[part]["library_path"] = "/libraries/" + std::string(part);
            stack[part]["variables"] = {{"PART_OF_THE_STACK", part}};
        }
        std::ofstream(folder_ / "stack.json") << stack;
    }
    void TearDown() override { fs::remove_all(folder_); }

    void touch(const fs::path& file) { std::ofstream(folder_ / file) << ""; }

    /// Starts svga-run with output and errors in files of the folder.
    pid_t start(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), (folder_ / "svga-run").string());
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::dup2(::open((folder_ / "out").c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600), 1);
            ::dup2(::open((folder_ / "err").c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600), 2);
            std::vector<char*> argv;
            for (auto& argument : arguments)
                argv.push_back(argument.data());
            argv.push_back(nullptr);
            ::execv(argv[0], argv.data());
            ::_exit(99);
        }
        return pid;
    }
    int finish(pid_t pid) {
        int status = 0;
        ::waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    int run(std::vector<std::string> arguments) { return finish(start(std::move(arguments))); }

    std::string out() { return read(folder_ / "out"); }
    std::string err() { return read(folder_ / "err"); }
    bool printed(const std::string& line) { return ("\n" + out()).find("\n" + line + "\n") != std::string::npos; }
    /// The launcher said one line and no more.
    void expectOneLine(const std::string& part) {
        const std::string text = err();
        EXPECT_NE(text.find(part), std::string::npos) << text;
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
        EXPECT_TRUE(text.starts_with("svga-run: ")) << text;
    }

    fs::path folder_;
    const std::string program_ = gProgram.string();
};

TEST_F(LauncherTest, ExitCodeIsTheProgramsOwn) {
    EXPECT_EQ(run({"--", program_, "exit", "0"}), 0);
    EXPECT_EQ(run({"--", program_, "exit", "42"}), 42);
    EXPECT_EQ(run({"--", program_, "exit", "255"}), 255);
    EXPECT_EQ(err(), "");
}

TEST_F(LauncherTest, SignalIsToldAs128PlusItsNumber) {
    EXPECT_EQ(run({"--", program_, "raise", std::to_string(SIGKILL)}), 128 + SIGKILL);
    EXPECT_EQ(run({"--", program_, "raise", std::to_string(SIGSEGV)}), 128 + SIGSEGV);
}

TEST_F(LauncherTest, ArgumentsReachTheProgramUnchanged) {
    EXPECT_EQ(run({"--tracker=all", "--", program_, "show", "--tracker=async", "--", "", "two words"}), 0);
    EXPECT_TRUE(printed("argument --tracker=async"));
    EXPECT_TRUE(printed("argument --"));
    EXPECT_TRUE(printed("argument "));
    EXPECT_TRUE(printed("argument two words"));
}

TEST_F(LauncherTest, EnvironmentOfTheCoherentWinsys) {
    ::setenv("LD_LIBRARY_PATH", "/users/own", 1);
    ::setenv("SVGA_SHIM_RECORD", "/of/an/outer/launcher", 1);
    EXPECT_EQ(run({"--tracker=thread", "--copy-only", "--", program_, "show"}), 0);
    ::unsetenv("LD_LIBRARY_PATH");
    ::unsetenv("SVGA_SHIM_RECORD");
    EXPECT_TRUE(printed("LD_PRELOAD=" + (folder_ / "src/shim/libsvga-shim.so").string()));
    EXPECT_TRUE(printed("LD_LIBRARY_PATH=/libraries/coherent:/users/own"));
    EXPECT_TRUE(printed("PART_OF_THE_STACK=coherent"));
    EXPECT_TRUE(printed("SVGA_SHIM_TRACKER=thread"));
    EXPECT_TRUE(printed("SVGA_SHIM_COPY_ONLY=1"));
    EXPECT_TRUE(printed("SVGA_SHIM_DEVICE=" + (folder_ / "src/device/svga-device").string()));
    EXPECT_TRUE(printed("SVGA_DEVICE_ENV_LD_LIBRARY_PATH=/libraries/device"));
    EXPECT_TRUE(printed("SVGA_DEVICE_ENV_PART_OF_THE_STACK=device"));
    EXPECT_EQ(out().find("SVGA_SHIM_RECORD"), std::string::npos);
}

TEST_F(LauncherTest, EnvironmentOfTheStockWinsysAndOptions) {
    EXPECT_EQ(run({"--winsys=stock", "--record=commands.bin", "--vulkan-icd=" + (folder_ / "other-icd.json").string(),
                   "--", program_, "show"}),
              0);
    EXPECT_TRUE(printed("LD_LIBRARY_PATH=/libraries/stock"));
    EXPECT_TRUE(printed("SVGA_SHIM_TRACKER=auto"));
    EXPECT_TRUE(printed("SVGA_SHIM_COPY_ONLY=0"));
    EXPECT_TRUE(printed("SVGA_SHIM_RECORD=" + fs::absolute("commands.bin").string()));
    EXPECT_TRUE(printed("SVGA_DEVICE_ENV_VK_DRIVER_FILES=" + (folder_ / "other-icd.json").string()));
    EXPECT_EQ(out().find("SVGA_DEVICE_ENV_LD_LIBRARY_PATH"), std::string::npos);
}

TEST_F(LauncherTest, StatsAreCountedByEveryProcess) {
    const fs::path file = folder_ / "stats.json";
    // A shell and the program it starts: the stand-in counts one device each.
    EXPECT_EQ(run({"--stats=" + file.string(), "--", "/bin/sh", "-c", program_ + " exit 3; exit 5"}), 5);
    const auto stats = nlohmann::json::parse(read(file));
    EXPECT_EQ(stats["devices"], 2);
    EXPECT_EQ(stats["bytes_uploaded"], 2 * 4096);
    EXPECT_EQ(stats["tracker"], "thread");
    EXPECT_EQ(stats["exit_code"], 5);
    EXPECT_EQ(stats["userspace_updates"], 0);
    EXPECT_EQ(stats["userspace_readbacks"], 0);
}

TEST_F(LauncherTest, StatsGoToStandardErrorWithoutFile) {
    EXPECT_EQ(run({"--stats", "--", program_, "raise", std::to_string(SIGKILL)}), 128 + SIGKILL);
    EXPECT_EQ(nlohmann::json::parse(err())["devices"], 1);
}

TEST_F(LauncherTest, TerminationIsPassedOn) {
    const pid_t launcher = start({"--", program_, "wait", (folder_ / "ready").string()});
    ASSERT_TRUE(within(std::chrono::seconds(10), [&] { return !read(folder_ / "ready").empty(); }));
    ::kill(launcher, SIGTERM);
    EXPECT_EQ(finish(launcher), 7);
}

TEST_F(LauncherTest, ProgramDiesWithTheLauncher) {
    const pid_t launcher = start({"--", program_, "wait", (folder_ / "ready").string()});
    ASSERT_TRUE(within(std::chrono::seconds(10), [&] { return !read(folder_ / "ready").empty(); }));
    const pid_t program = std::stoi(read(folder_ / "ready"));
    ASSERT_TRUE(alive(program));
    ::kill(launcher, SIGKILL);
    EXPECT_EQ(finish(launcher), -SIGKILL);
    // It may stay as a zombie where nobody reaps orphans.
    EXPECT_TRUE(within(std::chrono::seconds(10), [&] {
        const std::string status = read("/proc/" + std::to_string(program) + "/stat");
        return status.empty() || status.find(") Z ") != std::string::npos;
    }));
}

TEST_F(LauncherTest, NothingTheProgramStartedIsLeft) {
    EXPECT_EQ(run({"--", program_, "orphan", (folder_ / "id").string()}), 0);
    const std::string id = read(folder_ / "id");
    ASSERT_FALSE(id.empty());
    EXPECT_FALSE(alive(std::stoi(id)));
}

TEST_F(LauncherTest, WrongOptions) {
    EXPECT_EQ(run({"--no-such-option", "--", program_, "exit", "0"}), 2);
    expectOneLine("--no-such-option");
    EXPECT_EQ(run({"--tracker=signal", "--", program_, "exit", "0"}), 2);
    expectOneLine("signal");
    EXPECT_EQ(run({"--winsys=", "--", program_, "exit", "0"}), 2);
    expectOneLine("--winsys");
    EXPECT_EQ(run({program_, "exit", "0"}), 2);
    expectOneLine(program_);
    EXPECT_EQ(run({"--"}), 2);
    expectOneLine("no program");
    EXPECT_EQ(run({}), 2);
    expectOneLine("no program");
    EXPECT_EQ(run({"--vulkan-icd=/no/such/file", "--", program_, "exit", "0"}), 2);
    expectOneLine("/no/such/file");
}

TEST_F(LauncherTest, HelpNamesEveryOption) {
    EXPECT_EQ(run({"--help"}), 0);
    for (const char* option : {"--winsys", "--tracker", "--copy-only", "--stats", "--record", "--vulkan-icd", "--help"})
        EXPECT_NE(out().find(option), std::string::npos) << option;
    EXPECT_EQ(err(), "");
}

TEST_F(LauncherTest, ProgramThatCannotBeRun) {
    EXPECT_EQ(run({"--", (folder_ / "none").string()}), 127);
    expectOneLine("none");
    EXPECT_EQ(run({"--", (folder_ / "icd.json").string()}), 126);
    expectOneLine("icd.json");
}

TEST_F(LauncherTest, MissingPartIsNamed) {
    const std::pair<const char*, const char*> parts[] = {{"src/shim/libsvga-shim.so", "embedded kernel"},
                                                         {"src/device/svga-device", "device"},
                                                         {"libEGL.so.1", "Mesa"},
                                                         {"icd.json", "Vulkan"},
                                                         {"stack.json", "stack"}};
    for (const auto& [file, what] : parts) {
        fs::rename(folder_ / file, folder_ / "away");
        EXPECT_EQ(run({"--", program_, "exit", "0"}), 126) << file;
        expectOneLine(what);
        expectOneLine(fs::path(file).filename().string());
        fs::rename(folder_ / "away", folder_ / file);
    }
    EXPECT_EQ(run({"--stats=" + (folder_ / "no/such/folder").string(), "--", program_, "exit", "0"}), 126);
    expectOneLine("no/such/folder");
}

TEST_F(LauncherTest, BrokenStackDescription) {
    for (const char* text :
         {"", "{", "[]", "{}", R"({"coherent": 1, "device": 2})", R"({"coherent": {"needs": [3]}})"}) {
        std::ofstream(folder_ / "stack.json") << text;
        EXPECT_EQ(run({"--", program_, "exit", "0"}), 126) << text;
        expectOneLine("stack.json");
    }
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (argc != 4) {
        std::fprintf(stderr, "usage: launcher_test SVGA_RUN FAKE_SHIM PROGRAM\n");
        return 2;
    }
    gLauncher = fs::absolute(argv[1]);
    gShim = fs::absolute(argv[2]);
    gProgram = fs::absolute(argv[3]);
    return RUN_ALL_TESTS();
}
