// SPDX-License-Identifier: MIT
#include "vm/logs.h"

#include "util/error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <string_view>

namespace svga::vm {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "svga-vm-";
constexpr const char* kLock = "lock";

/// The file "lock" in \p folder, locked before anyone else can see it by that name.
UniqueFd makeLock(const fs::path& folder) {
    const fs::path unnamed = folder / "lock.tmp";
    UniqueFd lock(::open(unnamed.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 ||
        ::rename(unnamed.c_str(), (folder / kLock).c_str()) != 0)
        throw Error("no lock can be made in {}: {}", folder.string(), std::strerror(errno));
    return lock;
}

/// Whether \p folder is one of this user's whose svga-vm is gone.
bool isLeftBehind(const fs::path& folder) {
    struct stat status {};
    if (!folder.filename().string().starts_with(kPrefix) || ::lstat(folder.c_str(), &status) != 0 ||
        !S_ISDIR(status.st_mode) || status.st_uid != ::getuid())
        return false;
    const UniqueFd lock(::open((folder / kLock).c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    return lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
}

void removeLeftBehind() {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(fs::temp_directory_path(), error))
        if (isLeftBehind(entry.path()))
            fs::remove_all(entry.path(), error);
}

/// What follows the first of \p words that a line of \p file contains, without the time stamp before it.
std::optional<std::string> findLine(const fs::path& file, std::initializer_list<const char*> words) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' '))
            line.pop_back();
        for (const char* word : words)
            if (const auto position = line.find(word); position != std::string::npos)
                return line.substr(position);
    }
    return std::nullopt;
}

} // namespace

LogFolder::LogFolder(const fs::path& wanted) {
    removeLeftBehind();
    std::string name = (fs::temp_directory_path() / (std::string(kPrefix) + "XXXXXX")).string();
    if (!::mkdtemp(name.data()))
        throw Error("no folder can be made in {}: {}", fs::temp_directory_path().string(), std::strerror(errno));
    work_ = name;
    lock_ = makeLock(work_);
    logs_ = wanted.empty() ? work_ : wanted;
    std::error_code error;
    fs::create_directories(logs_, error);
    for (const fs::path& log : {kernel(), device(), qemu()}) {
        std::ofstream stream(log, std::ios::trunc);
        if (!stream) {
            fs::remove_all(work_, error);
            throw Error("the log {} cannot be written", log.string());
        }
    }
}

LogFolder::~LogFolder() {
    std::error_code error;
    if (!keep_ || logs_ != work_) {
        fs::remove_all(work_, error);
        return;
    }
    for (const auto& entry : fs::directory_iterator(work_, error))
        if (entry.path().extension() != ".log")
            fs::remove(entry.path(), error);
}

std::optional<std::string> LogFolder::kernelPanic() const {
    return findLine(kernel(), {"Kernel panic"});
}

std::optional<std::string> LogFolder::kernelComplaint() const {
    return findLine(kernel(), {"WARNING: ", "BUG: ", "kernel BUG at ", "Oops: ", "general protection fault",
                               "rcu: INFO: rcu_", "blocked for more than "});
}

} // namespace svga::vm
