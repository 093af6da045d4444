// SPDX-License-Identifier: MIT
/**
 * \file
 * The vfio-user wire format.
 *
 * vfio-user is the VFIO device interface as messages over a unix stream socket: a client (a VMM, or the embedded
 * kernel) talks to a server that emulates one PCI device. File descriptors travel beside a message as SCM_RIGHTS.
 * Source: the vfio-user protocol specification, version 0.0 to 0.2 (QEMU's docs/interop/vfio-user.rst). All fields are
 * little endian; flag values of the VFIO structures are those of <linux/vfio.h>.
 */
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace svga::vfio_user {

static_assert(std::endian::native == std::endian::little, "wire structures are copied as they are");

enum class Command : uint16_t {
    Version = 1,
    DmaMap = 2,
    DmaUnmap = 3,
    DeviceGetInfo = 4,
    DeviceGetRegionInfo = 5,
    DeviceGetRegionIoFds = 6,
    DeviceGetIrqInfo = 7,
    DeviceSetIrqs = 8,
    RegionRead = 9,
    RegionWrite = 10,
    DmaRead = 11,
    DmaWrite = 12,
    DeviceReset = 13,
    RegionWriteMulti = 15,
};

namespace header_flags {
inline constexpr uint32_t kTypeMask = 0xf;
inline constexpr uint32_t kTypeCommand = 0;
inline constexpr uint32_t kTypeReply = 1;
inline constexpr uint32_t kNoReply = 1u << 4; ///< the sender wants no reply
inline constexpr uint32_t kError = 1u << 5;   ///< a reply whose errorNumber says why
} // namespace header_flags

/** \brief Opens every message; \p size counts it too. */
struct Header {
    uint16_t id;
    Command command;
    uint32_t size;
    uint32_t flags;
    uint32_t errorNumber;
};
static_assert(sizeof(Header) == 16);

/** \brief Payload of VERSION; a NUL-terminated JSON object with capabilities may follow. */
struct VersionPayload {
    uint16_t major;
    uint16_t minor;
};
static_assert(sizeof(VersionPayload) == 4);

struct DmaMapPayload {
    uint32_t argsz;
    uint32_t flags;  ///< VFIO_DMA_MAP_FLAG_*
    uint64_t offset; ///< in the file that came with the message
    uint64_t address;
    uint64_t size;
};
static_assert(sizeof(DmaMapPayload) == 32);

struct DmaUnmapPayload {
    uint32_t argsz;
    uint32_t flags;
    uint64_t address;
    uint64_t size;
};
static_assert(sizeof(DmaUnmapPayload) == 24);

struct DeviceInfoPayload {
    uint32_t argsz;
    uint32_t flags; ///< VFIO_DEVICE_FLAGS_*
    uint32_t regions;
    uint32_t irqs;
};
static_assert(sizeof(DeviceInfoPayload) == 16);

struct RegionInfoPayload {
    uint32_t argsz;
    uint32_t flags; ///< VFIO_REGION_INFO_FLAG_*
    uint32_t index;
    uint32_t capOffset;
    uint64_t size;
    uint64_t offset; ///< where the region begins in the file that comes with the reply
};
static_assert(sizeof(RegionInfoPayload) == 32);

struct IrqInfoPayload {
    uint32_t argsz;
    uint32_t flags; ///< VFIO_IRQ_INFO_*
    uint32_t index;
    uint32_t count;
};
static_assert(sizeof(IrqInfoPayload) == 16);

/** \brief Payload of SET_IRQS; with VFIO_IRQ_SET_DATA_BOOL \p count bytes follow, with _DATA_EVENTFD descriptors come
 * along. */
struct SetIrqsPayload {
    uint32_t argsz;
    uint32_t flags; ///< VFIO_IRQ_SET_*
    uint32_t index;
    uint32_t start;
    uint32_t count;
};
static_assert(sizeof(SetIrqsPayload) == 20);

/** \brief Payload of REGION_READ and REGION_WRITE; \p count bytes of data follow in a write and in a read's reply. */
struct RegionAccessPayload {
    uint64_t offset;
    uint32_t region;
    uint32_t count;
};
static_assert(sizeof(RegionAccessPayload) == 16);

/** \brief One write of a REGION_WRITE_MULTI message, which is a u64 number of writes and then as many of these. */
struct MultiWrite {
    uint64_t offset;
    uint32_t region;
    uint32_t count; ///< bytes of data used: at most 8
    std::byte data[8];
};
static_assert(sizeof(MultiWrite) == 24);

/** \brief File descriptors that may come with one message. */
inline constexpr std::size_t kMaxMessageFds = 8;
/** \brief Bytes one REGION_READ or REGION_WRITE may carry. */
inline constexpr uint32_t kMaxTransferSize = 1u << 20;
/** \brief The longest message that is accepted, header included. */
inline constexpr uint32_t kMaxMessageSize = kMaxTransferSize + 4096;

} // namespace svga::vfio_user
