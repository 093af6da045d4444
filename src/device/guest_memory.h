// SPDX-License-Identifier: MIT
/**
 * \file
 * Guest memory: the ranges of guest-physical addresses that the client has given the device.
 *
 * Each range is a part of a file (DMA_MAP), mapped shared. Ranges come and go while commands run: the vfio-user thread
 * adds and removes them, the command thread reads and writes. An access is never in progress in a range that was
 * removed; what was looked up before (a MOB's pages) is looked up anew once Access::generation() has changed.
 */
#pragma once

#include "util/error.h"
#include "util/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>

namespace svga::device {

inline constexpr uint64_t kPageSize = 4096;

/** \brief An address range that cannot be mapped, or overlaps another. */
class GuestMemoryError : public Error {
public:
    using Error::Error;
};

/** \brief One range of guest memory and its mapping, which lives as long as the object. */
class GuestRange {
public:
    /** \throws GuestMemoryError where the file cannot be mapped. */
    GuestRange(uint64_t address, uint64_t size, UniqueFd fd, uint64_t fileOffset, bool writable);
    ~GuestRange();
    GuestRange(const GuestRange&) = delete;
    GuestRange& operator=(const GuestRange&) = delete;

    uint64_t address() const { return address_; }
    uint64_t size() const { return size_; }
    bool writable() const { return writable_; }
    std::span<std::byte> bytes() const { return bytes_; }
    int fd() const { return fd_.get(); }
    uint64_t fileOffset() const { return fileOffset_; }

private:
    uint64_t address_, size_;
    UniqueFd fd_;
    uint64_t fileOffset_;
    bool writable_;
    std::span<std::byte> bytes_;
};

class GuestMemory {
public:
    /** \throws GuestMemoryError */
    void map(uint64_t address, uint64_t size, UniqueFd fd, uint64_t fileOffset, bool writable);

    /**
     * \brief Removes all ranges within [\p address, \p address + \p size); returns when no access to them is in
     * progress. \return false, and nothing is removed, where a range reaches across a border.
     */
    bool unmap(uint64_t address, uint64_t size);

    /** \brief Copies out of guest memory; false where a byte of it is not there. Any thread. */
    bool read(uint64_t address, std::span<std::byte> out) const;
    /** \brief Copies into guest memory; false, and nothing is written, where a byte of it is not there or is read-only.
     * Any thread. */
    bool write(uint64_t address, std::span<const std::byte> in);
    /**
     * \brief Stores a word that the guest waits for, once and after all that was written before.
     *
     * The guest may use the memory for something else as soon as it sees the word; memcpy() may store it a second time
     * then.
     *
     * \return false, and nothing is stored, where it is not there, read-only or \p address no multiple of 4. Any
     * thread.
     */
    bool publish(uint64_t address, uint32_t value);

    /** \brief While one of these lives, no range comes or goes. Any thread; not together with another call by the same
     * thread. */
    class Access {
    public:
        explicit Access(const GuestMemory& memory)
            : memory_(memory)
            , lock_(memory.mutex_) {}
        /** \brief The range that \p address is in; null where there is none. */
        std::shared_ptr<GuestRange> find(uint64_t address) const { return memory_.findLocked(address); }
        uint64_t generation() const { return memory_.generation_; }

    private:
        const GuestMemory& memory_;
        std::shared_lock<std::shared_mutex> lock_;
    };

private:
    std::shared_ptr<GuestRange> findLocked(uint64_t address) const;
    template <typename Copy>
    bool forEachPiece(uint64_t address, uint64_t size, bool writing, Copy copy) const;

    mutable std::shared_mutex mutex_;
    std::map<uint64_t, std::shared_ptr<GuestRange>> ranges_; ///< by address; they do not overlap
    uint64_t generation_ = 1;
};

} // namespace svga::device
