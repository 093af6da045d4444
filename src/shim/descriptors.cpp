// SPDX-License-Identifier: MIT
#include "shim/descriptors.h"

namespace svga::shim {

void Descriptors::mark(int fd, bool ours) {
    if (static_cast<std::size_t>(fd) < marks_.size())
        marks_[fd].store(ours, std::memory_order_release);
    else if (ours)
        overflow_ = true;
}

std::shared_ptr<OpenFile> Descriptors::find(int fd) const {
    if (!mayBeOurs(fd))
        return nullptr;
    std::lock_guard lock(mutex_);
    auto it = files_.find(fd);
    return it != files_.end() ? it->second : nullptr;
}

void Descriptors::add(int fd, std::shared_ptr<OpenFile> file) {
    if (inVforkedChild())
        return;
    std::lock_guard lock(mutex_);
    files_[fd] = std::move(file);
    mark(fd, true);
}

void Descriptors::duplicate(int from, int to) {
    if (auto file = find(from))
        add(to, std::move(file));
}

void Descriptors::remove(int fd) {
    if (!mayBeOurs(fd) || inVforkedChild())
        return;
    std::shared_ptr<OpenFile> last; // declared first: its destructor runs without our lock
    std::lock_guard lock(mutex_);
    auto it = files_.find(fd);
    if (it == files_.end())
        return;
    last = std::move(it->second);
    files_.erase(it);
    mark(fd, false);
}

void Descriptors::removeRange(unsigned first, unsigned last) {
    if (inVforkedChild())
        return;
    std::vector<int> ours;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [fd, file] : files_) {
            if (static_cast<unsigned>(fd) >= first && static_cast<unsigned>(fd) <= last)
                ours.push_back(fd);
        }
    }
    for (int fd : ours)
        remove(fd);
}

int Descriptors::install(UniqueFd real, std::shared_ptr<OpenFile> file) {
    const int fd = real.release();
    add(fd, std::move(file));
    return fd;
}

} // namespace svga::shim
