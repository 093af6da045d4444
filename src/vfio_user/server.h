// SPDX-License-Identifier: MIT
/**
 * \file
 * The device's end of vfio-user.
 *
 * A Server reads requests from one client and has a PciDevice carry them out, one at a time on the thread that calls
 * run(). Nothing a client sends can do more than end its own connection: every size, count and index is checked before
 * the device hears of it, and what the device refuses (RequestError) is answered with its errno.
 */
#pragma once

#include "util/error.h"
#include "util/unique_fd.h"
#include "vfio_user/channel.h"

#include <cstdint>
#include <span>
#include <string>

namespace svga::vfio_user {

/** \brief Thrown by a PciDevice that refuses a request. */
class RequestError : public Error {
public:
    template <typename... Args>
    explicit RequestError(int errorNumber, fmt::format_string<Args...> format, Args&&... args)
        : Error(format, std::forward<Args>(args)...)
        , errorNumber(errorNumber) {}
    int errorNumber;
};

/** \brief What a device says of one of its regions. */
struct Region {
    uint64_t size = 0;  ///< bytes; 0: there is none
    uint32_t flags = 0; ///< VFIO_REGION_INFO_FLAG_*
    int fd = -1;        ///< borrowed: the region as a file from offset 0 on, where clients may map it
};

/** \brief An emulated PCI function. All calls come from the thread in Server::run(). */
class PciDevice {
public:
    virtual ~PciDevice() = default;

    /** \param index below VFIO_PCI_NUM_REGIONS */
    virtual Region region(uint32_t index) const = 0;
    /** \brief Number of vectors of the interrupt \p index (VFIO_PCI_*_IRQ_INDEX). */
    virtual uint32_t irqCount(uint32_t index) const = 0;

    /** \brief Accesses lie wholly within the region and have at least one byte. \throws RequestError */
    virtual void regionRead(uint32_t region, uint64_t offset, std::span<std::byte> out) = 0;
    virtual void regionWrite(uint32_t region, uint64_t offset, std::span<const std::byte> in) = 0;

    /** \brief \p vector is below irqCount(\p index); an empty \p eventFd: nobody is told any more. */
    virtual void setIrqEventFd(uint32_t index, uint32_t vector, UniqueFd eventFd) = 0;

    /**
     * \brief Guest memory [\p iova, \p iova + \p size) is \p fd from \p fileOffset on; nothing overflows, all is page
     * aligned.
     *
     * \p fd is empty for ranges that the client has but does not share (its ROMs, our own BARs as others see them).
     * \throws RequestError where the range overlaps another or cannot be mapped.
     */
    virtual void dmaMap(uint64_t iova, uint64_t size, UniqueFd fd, uint64_t fileOffset, bool writable) = 0;
    /** \brief Takes all ranges within [\p iova, \p iova + \p size) away. \throws RequestError where one reaches across
     * a border. */
    virtual void dmaUnmap(uint64_t iova, uint64_t size) = 0;

    virtual void reset() = 0;
};

class Server {
public:
    Server(UniqueFd socket, PciDevice& device)
        : channel_(std::move(socket))
        , device_(device) {}

    /** \brief Listens at \p path, replacing a socket that is there, and accepts one client. \throws Error naming the
     * path. */
    static UniqueFd acceptAt(const std::string& path);

    /** \brief Accepts one client of a listening socket. \throws Error */
    static UniqueFd acceptFrom(const UniqueFd& listener);

    /** \brief Serves until the client is gone or breaks the framing. \throws nothing the client can provoke. */
    void run();

    /** \brief Makes run() return. Any thread. */
    void shutdown() { channel_.shutdown(); }

private:
    /** What goes back: the payload (in one buffer) and borrowed descriptors. */
    struct Reply {
        std::vector<std::byte> payload;
        int fd = -1;
    };

    Reply handle(Message& message);
    Reply version(const Message& message);
    Reply dmaMap(Message& message);
    Reply dmaUnmap(const Message& message);
    Reply regionInfo(const Message& message);
    Reply irqInfo(const Message& message);
    Reply setIrqs(Message& message);
    Reply regionRead(const Message& message);
    Reply regionWrite(const Message& message);
    Reply regionWriteMulti(const Message& message);
    void answer(const Header& request, const Reply& reply);
    void refuse(const Header& request, int errorNumber);

    Channel channel_;
    PciDevice& device_;
    bool negotiated_ = false;
};

} // namespace svga::vfio_user
