// SPDX-License-Identifier: MIT
#pragma once

#include "shim/kernel/device_file.h"
#include "shim/open_file.h"

#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace svga::shim {

/**
 * \brief Which file descriptors of this process are ours, and what is behind them.
 *
 * Several descriptors may share a file (dup). Whether one is ours is asked for every close() and ioctl() of the
 * program, so that costs one load. A child made by vfork() shares this memory but has descriptors of its own: what it
 * does to them changes nothing here.
 */
class Descriptors final : public DescriptorSource {
public:
    bool mayBeOurs(int fd) const {
        return fd >= 0 && (static_cast<std::size_t>(fd) >= marks_.size() ? overflow_.load(std::memory_order_relaxed)
                                                                         : marks_[fd].load(std::memory_order_acquire));
    }
    std::shared_ptr<OpenFile> find(int fd) const override;
    void add(int fd, std::shared_ptr<OpenFile> file);
    /** \brief \p to is another descriptor of what \p from is. */
    void duplicate(int from, int to);
    /** \brief To be called before the descriptor is closed or replaced: another thread may get its number right after.
     */
    void remove(int fd);
    void removeRange(unsigned first, unsigned last);
    int install(UniqueFd real, std::shared_ptr<OpenFile> file) override;

private:
    void mark(int fd, bool ours);
    bool inVforkedChild() const { return ::getpid() != process_; }

    const pid_t process_ = ::getpid();
    static constexpr std::size_t kMarked = 1 << 16;
    std::array<std::atomic<bool>, kMarked> marks_{};
    std::atomic<bool> overflow_ = false; ///< one beyond marks_ was ours once
    mutable std::mutex mutex_;
    std::unordered_map<int, std::shared_ptr<OpenFile>> files_;
};

} // namespace svga::shim
