// SPDX-License-Identifier: MIT
#include "vm/logs.h"

#include "util/error.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>

namespace svga::vm {

namespace fs = std::filesystem;

namespace {

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
    std::string name = (fs::temp_directory_path() / "svga-vm-XXXXXX").string();
    if (!::mkdtemp(name.data()))
        throw Error("no folder can be made in {}: {}", fs::temp_directory_path().string(), std::strerror(errno));
    work_ = name;
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
