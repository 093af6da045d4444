// SPDX-License-Identifier: MIT
/**
 * \file
 * The driver's end of vfio-user: drives a PCI device that another process emulates.
 *
 * A client maps guest memory for the device (any range of any file that can be mapped shared), reads and writes the
 * device's regions (BARs, config space) and is told of interrupts through eventfds. Regions have the numbers of
 * <linux/vfio.h> (VFIO_PCI_BAR0_REGION_INDEX, ..., VFIO_PCI_CONFIG_REGION_INDEX), interrupts likewise
 * (VFIO_PCI_MSI_IRQ_INDEX).
 */
#pragma once

#include "util/error.h"
#include "util/unique_fd.h"
#include "vfio_user/channel.h"

#include <cstdint>
#include <mutex>
#include <span>
#include <string>

namespace svga::vfio_user {

/** \brief The server refused one request; the connection lives on. */
class RequestFailed : public Error {
public:
    RequestFailed(const char* request, int errorNumber);
    int errorNumber;
};

struct DeviceInfo {
    uint32_t flags = 0; ///< VFIO_DEVICE_FLAGS_*
    uint32_t regions = 0;
    uint32_t irqs = 0;
};

struct RegionInfo {
    uint64_t size = 0;   ///< bytes; 0: the device has no such region
    uint32_t flags = 0;  ///< VFIO_REGION_INFO_FLAG_*
    UniqueFd fd;         ///< where the region can be mapped (VFIO_REGION_INFO_FLAG_MMAP)...
    uint64_t offset = 0; ///< ...at this offset
};

/**
 * \brief A connection to one device.
 *
 * Any thread may call; requests are carried out one after another in the order of the calls. Every call throws
 * DeviceLost once the device's process is gone, RequestFailed where the device refuses, Error where the answer makes no
 * sense.
 */
class Client {
public:
    /** \brief Negotiates the version on a connected stream socket. */
    explicit Client(UniqueFd socket);

    /** \brief Connects to a server that listens at \p path. \throws Error naming the path. */
    static UniqueFd connect(const std::string& path);

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    DeviceInfo deviceInfo();
    RegionInfo regionInfo(uint32_t region);
    /** \brief Number of interrupt vectors of \p irqIndex. */
    uint32_t irqCount(uint32_t irqIndex);

    /** \brief Reads the 32-bit register at byte \p offset of \p region. */
    uint32_t readRegister(uint32_t region, uint64_t offset);
    /** \brief Writes it; returns when the write has taken effect. */
    void writeRegister(uint32_t region, uint64_t offset, uint32_t value);
    /**
     * \brief Writes it without waiting for that; whatever is asked next of the device comes after it.
     *
     * A refusal is not told. Half the cost of writeRegister() or less: use it where nothing depends on completion.
     */
    void postRegister(uint32_t region, uint64_t offset, uint32_t value);

    /** \brief Reads or writes bytes of a region, at most kMaxTransferSize. */
    void read(uint32_t region, uint64_t offset, std::span<std::byte> out);
    void write(uint32_t region, uint64_t offset, std::span<const std::byte> in);

    /**
     * \brief Gives the device \p size bytes of the file \p fd (borrowed) from \p fileOffset on as guest memory at
     * address \p iova.
     *
     * All of it page aligned. The range must not overlap another one.
     */
    void dmaMap(uint64_t iova, uint64_t size, int fd, uint64_t fileOffset);
    /** \brief Takes away exactly one range that was mapped. The device has no access to it once this returns. */
    void dmaUnmap(uint64_t iova, uint64_t size);

    /** \brief The device signals \p eventFd (borrowed; -1: nobody) when it raises the interrupt. */
    void setIrqEventFd(uint32_t irqIndex, uint32_t vector, int eventFd);

    /** \brief Resets the device as a PCI function reset does; mapped memory stays. */
    void reset();

    /** \brief Ends the connection at once; a call that waits in another thread throws DeviceLost. */
    void shutdown() { channel_.shutdown(); }

    /** \brief Tells of end of file (POLLHUP) when the device's process is gone; not to be read from. */
    int pollFd() const { return channel_.fd(); }

private:
    Message request(Command command, const char* name, std::span<const std::span<const std::byte>> parts,
                    std::span<const int> fds = {});
    void negotiate();
    Header nextHeader(Command command);

    std::mutex mutex_;
    Channel channel_;
    uint16_t nextId_ = 1;
};

} // namespace svga::vfio_user
