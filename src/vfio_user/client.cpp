// SPDX-License-Identifier: MIT
#include "vfio_user/client.h"

#include <linux/vfio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace svga::vfio_user {

namespace {

using Parts = std::array<std::span<const std::byte>, 2>;

template <typename T>
T parseReply(const Message& reply, const char* name) {
    auto value = parse<T>(reply.payload);
    if (!value)
        throw Error("vfio-user: the reply to {} has {} bytes where {} were expected", name, reply.payload.size(),
                    sizeof(T));
    return *value;
}

} // namespace

RequestFailed::RequestFailed(const char* request, int errorNumber)
    : Error("vfio-user: {} was refused: {}", request, std::strerror(errorNumber))
    , errorNumber(errorNumber) {}

Client::Client(UniqueFd socket)
    : channel_(std::move(socket)) {
    negotiate();
}

UniqueFd Client::connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        throw Error("vfio-user: the socket path \"{}\" is longer than {} bytes", path, sizeof(address.sun_path) - 1);
    path.copy(address.sun_path, path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        throw Error("vfio-user: cannot connect to \"{}\": {}", path, std::strerror(errno));
    return fd;
}

Header Client::nextHeader(Command command) {
    return Header{nextId_++, command, 0, header_flags::kTypeCommand, 0};
}

Message Client::request(Command command, const char* name, std::span<const std::span<const std::byte>> parts,
                        std::span<const int> fds) {
    std::lock_guard lock(mutex_);
    Header header = nextHeader(command);
    channel_.send(header, parts, fds);
    std::optional<Message> reply;
    try {
        reply = channel_.receive();
    } catch (const FramingError& error) {
        channel_.shutdown();
        throw DeviceLost("{}", error.what());
    }
    if (!reply)
        throw DeviceLost("vfio-user: the device's process is gone (waiting for the reply to {})", name);
    if (reply->header.id != header.id || reply->header.command != command ||
        (reply->header.flags & header_flags::kTypeMask) != header_flags::kTypeReply) {
        // Requests and replies can no longer be told apart.
        channel_.shutdown();
        throw DeviceLost("vfio-user: the reply to {} belongs to another request", name);
    }
    if (reply->header.flags & header_flags::kError)
        throw RequestFailed(name, static_cast<int>(reply->header.errorNumber));
    return std::move(*reply);
}

void Client::negotiate() {
    VersionPayload wanted{0, 0};
    static constexpr std::string_view kCapabilities =
        R"({"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576}})";
    Parts parts{bytesOf(wanted), std::as_bytes(std::span(kCapabilities.data(), kCapabilities.size() + 1))};
    auto offered = parseReply<VersionPayload>(request(Command::Version, "VERSION", parts), "VERSION");
    if (offered.major != wanted.major)
        throw Error("vfio-user: the device speaks version {}.{}, this client {}.{}", offered.major, offered.minor,
                    wanted.major, wanted.minor);
}

DeviceInfo Client::deviceInfo() {
    DeviceInfoPayload ask{sizeof(DeviceInfoPayload), 0, 0, 0};
    Parts parts{bytesOf(ask), {}};
    auto info = parseReply<DeviceInfoPayload>(request(Command::DeviceGetInfo, "DEVICE_GET_INFO", parts), "GET_INFO");
    return {info.flags, info.regions, info.irqs};
}

RegionInfo Client::regionInfo(uint32_t region) {
    RegionInfoPayload ask{sizeof(RegionInfoPayload), 0, region, 0, 0, 0};
    Parts parts{bytesOf(ask), {}};
    Message reply = request(Command::DeviceGetRegionInfo, "DEVICE_GET_REGION_INFO", parts);
    auto info = parseReply<RegionInfoPayload>(reply, "DEVICE_GET_REGION_INFO");
    RegionInfo result{info.size, info.flags, {}, info.offset};
    if (!reply.fds.empty())
        result.fd = std::move(reply.fds.front());
    return result;
}

uint32_t Client::irqCount(uint32_t irqIndex) {
    IrqInfoPayload ask{sizeof(IrqInfoPayload), 0, irqIndex, 0};
    Parts parts{bytesOf(ask), {}};
    Message reply = request(Command::DeviceGetIrqInfo, "DEVICE_GET_IRQ_INFO", parts);
    return parseReply<IrqInfoPayload>(reply, "DEVICE_GET_IRQ_INFO").count;
}

void Client::read(uint32_t region, uint64_t offset, std::span<std::byte> out) {
    if (out.size() > kMaxTransferSize)
        throw Error("vfio-user: a read of {} bytes is longer than the {} allowed", out.size(), kMaxTransferSize);
    RegionAccessPayload ask{offset, region, static_cast<uint32_t>(out.size())};
    Parts parts{bytesOf(ask), {}};
    Message reply = request(Command::RegionRead, "REGION_READ", parts);
    if (reply.payload.size() != sizeof(ask) + out.size())
        throw Error("vfio-user: REGION_READ of {} bytes was answered with {}", out.size(), reply.payload.size());
    if (!out.empty())
        std::memcpy(out.data(), reply.payload.data() + sizeof(ask), out.size());
}

void Client::write(uint32_t region, uint64_t offset, std::span<const std::byte> in) {
    if (in.size() > kMaxTransferSize)
        throw Error("vfio-user: a write of {} bytes is longer than the {} allowed", in.size(), kMaxTransferSize);
    RegionAccessPayload ask{offset, region, static_cast<uint32_t>(in.size())};
    Parts parts{bytesOf(ask), in};
    request(Command::RegionWrite, "REGION_WRITE", parts);
}

uint32_t Client::readRegister(uint32_t region, uint64_t offset) {
    uint32_t value = 0;
    read(region, offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

void Client::writeRegister(uint32_t region, uint64_t offset, uint32_t value) {
    write(region, offset, bytesOf(value));
}

void Client::postRegister(uint32_t region, uint64_t offset, uint32_t value) {
    RegionAccessPayload ask{offset, region, sizeof(value)};
    Parts parts{bytesOf(ask), bytesOf(value)};
    std::lock_guard lock(mutex_);
    Header header = nextHeader(Command::RegionWrite);
    header.flags |= header_flags::kNoReply;
    channel_.send(header, parts);
}

void Client::dmaMap(uint64_t iova, uint64_t size, int fd, uint64_t fileOffset) {
    DmaMapPayload ask{sizeof(DmaMapPayload), VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE, fileOffset, iova, size};
    Parts parts{bytesOf(ask), {}};
    request(Command::DmaMap, "DMA_MAP", parts, std::span(&fd, 1));
}

void Client::dmaUnmap(uint64_t iova, uint64_t size) {
    DmaUnmapPayload ask{sizeof(DmaUnmapPayload), 0, iova, size};
    Parts parts{bytesOf(ask), {}};
    request(Command::DmaUnmap, "DMA_UNMAP", parts);
}

void Client::setIrqEventFd(uint32_t irqIndex, uint32_t vector, int eventFd) {
    SetIrqsPayload ask{sizeof(SetIrqsPayload), VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, irqIndex,
                       vector, 1};
    Parts parts{bytesOf(ask), {}};
    request(Command::DeviceSetIrqs, "DEVICE_SET_IRQS", parts,
            eventFd >= 0 ? std::span<const int>(&eventFd, 1) : std::span<const int>{});
}

void Client::reset() {
    request(Command::DeviceReset, "DEVICE_RESET", {});
}

} // namespace svga::vfio_user
