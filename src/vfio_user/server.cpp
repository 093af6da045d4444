// SPDX-License-Identifier: MIT
#include "vfio_user/server.h"

#include <linux/vfio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace svga::vfio_user {

namespace {

constexpr uint64_t kPageSize = 4096;
constexpr std::string_view kCapabilities =
    R"({"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576,"pgsizes":4096,"write_multiple":true}})";
static_assert(kMaxMessageFds == 8 && kMaxTransferSize == 1048576, "kCapabilities says so");

template <typename T>
T payloadOf(const Message& message) {
    auto value = parse<T>(message.payload);
    if (!value)
        throw RequestError(EINVAL, "payload of {} bytes where {} are needed", message.payload.size(), sizeof(T));
    return *value;
}

template <typename T>
std::vector<std::byte> toVector(const T& value) {
    auto bytes = bytesOf(value);
    return {bytes.begin(), bytes.end()};
}

void checkPageRange(uint64_t address, uint64_t size) {
    if (size == 0 || address % kPageSize || size % kPageSize || address + (size - 1) < address)
        throw RequestError(EINVAL, "guest memory {:#x} + {:#x} is not a range of whole pages", address, size);
}

void checkAccess(const PciDevice& device, const RegionAccessPayload& access, uint32_t needed) {
    if (access.region >= VFIO_PCI_NUM_REGIONS)
        throw RequestError(EINVAL, "there is no region {}", access.region);
    if (access.count == 0 || access.count > kMaxTransferSize)
        throw RequestError(EINVAL, "an access of {} bytes is outside 1 to {}", access.count, kMaxTransferSize);
    Region region = device.region(access.region);
    if (access.offset > region.size || access.count > region.size - access.offset)
        throw RequestError(EINVAL, "region {}: {:#x} + {} is beyond its {:#x} bytes", access.region, access.offset,
                           access.count, region.size);
    if (!(region.flags & needed))
        throw RequestError(EACCES, "region {} does not allow the access", access.region);
}

} // namespace

UniqueFd Server::acceptAt(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        throw Error("vfio-user: the socket path \"{}\" is longer than {} bytes", path, sizeof(address.sun_path) - 1);
    path.copy(address.sun_path, path.size());

    // Only a socket is replaced: a typing error shall not delete a file.
    struct stat existing {};
    if (::lstat(path.c_str(), &existing) == 0 && S_ISSOCK(existing.st_mode))
        ::unlink(path.c_str());
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener.get(), 1) != 0)
        throw Error("vfio-user: cannot listen at \"{}\": {}", path, std::strerror(errno));

    UniqueFd client = acceptFrom(listener);
    ::unlink(path.c_str());
    return client;
}

UniqueFd Server::acceptFrom(const UniqueFd& listener) {
    UniqueFd client;
    do {
        client.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    } while (!client && errno == EINTR);
    if (!client)
        throw Error("vfio-user: cannot accept a client: {}", std::strerror(errno));
    return client;
}

void Server::run() {
    try {
        while (auto message = channel_.receive()) {
            if ((message->header.flags & header_flags::kTypeMask) != header_flags::kTypeCommand)
                continue; // a reply to nothing: this server asks nothing of clients
            try {
                answer(message->header, handle(*message));
            } catch (const RequestError& error) {
                refuse(message->header, error.errorNumber);
            } catch (const DeviceLost&) {
                throw;
            } catch (const std::bad_alloc&) {
                refuse(message->header, ENOMEM);
            } catch (const Error&) {
                refuse(message->header, EIO);
            }
        }
    } catch (const FramingError& error) {
        try {
            refuse(error.header, error.errorNumber);
        } catch (const DeviceLost&) {
        }
        channel_.shutdown();
    } catch (const DeviceLost&) {
    }
}

void Server::answer(const Header& request, const Reply& reply) {
    if (request.flags & header_flags::kNoReply)
        return;
    std::span<const std::byte> payload = reply.payload;
    channel_.send(Header{request.id, request.command, 0, header_flags::kTypeReply, 0}, std::span(&payload, 1),
                  reply.fd >= 0 ? std::span<const int>(&reply.fd, 1) : std::span<const int>{});
}

void Server::refuse(const Header& request, int errorNumber) {
    if (request.flags & header_flags::kNoReply)
        return;
    channel_.send(Header{request.id, request.command, 0, header_flags::kTypeReply | header_flags::kError,
                         static_cast<uint32_t>(errorNumber)},
                  {});
}

Server::Reply Server::handle(Message& message) {
    if (message.tooManyFds)
        throw RequestError(EINVAL, "more than {} descriptors with one message", kMaxMessageFds);
    if (!negotiated_ && message.header.command != Command::Version)
        throw RequestError(EINVAL, "command {} before the version was negotiated",
                           static_cast<unsigned>(message.header.command));
    switch (message.header.command) {
    case Command::Version:
        return version(message);
    case Command::DmaMap:
        return dmaMap(message);
    case Command::DmaUnmap:
        return dmaUnmap(message);
    case Command::DeviceGetInfo: {
        payloadOf<DeviceInfoPayload>(message);
        DeviceInfoPayload info{sizeof(DeviceInfoPayload), VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
                               VFIO_PCI_NUM_REGIONS, VFIO_PCI_NUM_IRQS};
        return {toVector(info)};
    }
    case Command::DeviceGetRegionInfo:
        return regionInfo(message);
    case Command::DeviceGetIrqInfo:
        return irqInfo(message);
    case Command::DeviceSetIrqs:
        return setIrqs(message);
    case Command::RegionRead:
        return regionRead(message);
    case Command::RegionWrite:
        return regionWrite(message);
    case Command::RegionWriteMulti:
        return regionWriteMulti(message);
    case Command::DeviceReset:
        device_.reset();
        return {};
    default:
        throw RequestError(ENOTSUP, "command {} is not supported", static_cast<unsigned>(message.header.command));
    }
}

Server::Reply Server::version(const Message& message) {
    auto wanted = payloadOf<VersionPayload>(message);
    if (wanted.major != 0)
        throw RequestError(EINVAL, "version {}.{} is not supported", wanted.major, wanted.minor);
    negotiated_ = true;
    VersionPayload offered{0, 0};
    Reply reply{std::vector<std::byte>(sizeof(offered) + kCapabilities.size() + 1)}; // the NUL is there already
    std::memcpy(reply.payload.data(), &offered, sizeof(offered));
    kCapabilities.copy(reinterpret_cast<char*>(reply.payload.data() + sizeof(offered)), kCapabilities.size());
    return reply;
}

Server::Reply Server::dmaMap(Message& message) {
    auto map = payloadOf<DmaMapPayload>(message);
    checkPageRange(map.address, map.size);
    if (message.fds.size() > 1)
        throw RequestError(EINVAL, "DMA_MAP with {} descriptors", message.fds.size());
    UniqueFd fd;
    if (!message.fds.empty()) {
        fd = std::move(message.fds.front());
        // The file is not asked for its size: an mmap beyond its end would succeed and fault later.
        struct stat file {};
        if (map.offset % kPageSize || map.offset + map.size < map.offset || ::fstat(fd.get(), &file) != 0 ||
            !S_ISREG(file.st_mode) || map.offset + map.size > static_cast<uint64_t>(file.st_size))
            throw RequestError(EINVAL, "DMA_MAP of {:#x} + {:#x} is not within its file", map.offset, map.size);
    }
    device_.dmaMap(map.address, map.size, std::move(fd), map.offset, (map.flags & VFIO_DMA_MAP_FLAG_WRITE) != 0);
    return {};
}

Server::Reply Server::dmaUnmap(const Message& message) {
    auto unmap = payloadOf<DmaUnmapPayload>(message);
    if (unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL) {
        if (unmap.address != 0 || unmap.size != 0)
            throw RequestError(EINVAL, "DMA_UNMAP of all with a range");
        device_.dmaUnmap(0, ~uint64_t{0});
    } else {
        checkPageRange(unmap.address, unmap.size);
        device_.dmaUnmap(unmap.address, unmap.size);
    }
    return {toVector(unmap)};
}

Server::Reply Server::regionInfo(const Message& message) {
    auto ask = payloadOf<RegionInfoPayload>(message);
    if (ask.index >= VFIO_PCI_NUM_REGIONS)
        throw RequestError(EINVAL, "there is no region {}", ask.index);
    Region region = device_.region(ask.index);
    RegionInfoPayload info{sizeof(RegionInfoPayload), region.flags, ask.index, 0, region.size, 0};
    return {toVector(info), region.fd};
}

Server::Reply Server::irqInfo(const Message& message) {
    auto ask = payloadOf<IrqInfoPayload>(message);
    if (ask.index >= VFIO_PCI_NUM_IRQS)
        throw RequestError(EINVAL, "there is no interrupt index {}", ask.index);
    uint32_t count = device_.irqCount(ask.index);
    IrqInfoPayload info{sizeof(IrqInfoPayload), count ? VFIO_IRQ_INFO_EVENTFD : 0u, ask.index, count};
    return {toVector(info)};
}

Server::Reply Server::setIrqs(Message& message) {
    auto set = payloadOf<SetIrqsPayload>(message);
    if (set.index >= VFIO_PCI_NUM_IRQS)
        throw RequestError(EINVAL, "there is no interrupt index {}", set.index);
    uint32_t vectors = device_.irqCount(set.index);
    if (set.start > vectors || set.count > vectors - set.start)
        throw RequestError(EINVAL, "interrupt {}: vectors {} + {} of {}", set.index, set.start, set.count, vectors);
    if ((set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) != VFIO_IRQ_SET_ACTION_TRIGGER)
        throw RequestError(ENOTSUP, "interrupts cannot be masked");

    switch (set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
    case VFIO_IRQ_SET_DATA_EVENTFD:
        // Fewer descriptors than vectors: the rest is disabled (the specification's -1 cannot be sent).
        if (message.fds.size() > set.count)
            throw RequestError(EINVAL, "{} descriptors for {} vectors", message.fds.size(), set.count);
        for (uint32_t i = 0; i < set.count; ++i)
            device_.setIrqEventFd(set.index, set.start + i,
                                  i < message.fds.size() ? std::move(message.fds[i]) : UniqueFd{});
        return {};
    case VFIO_IRQ_SET_DATA_NONE:
        if (set.count != 0)
            throw RequestError(ENOTSUP, "interrupts cannot be triggered by the client");
        for (uint32_t vector = 0; vector < vectors; ++vector)
            device_.setIrqEventFd(set.index, vector, {});
        return {};
    default:
        throw RequestError(ENOTSUP, "SET_IRQS flags {:#x} are not supported", set.flags);
    }
}

Server::Reply Server::regionRead(const Message& message) {
    auto access = payloadOf<RegionAccessPayload>(message);
    checkAccess(device_, access, VFIO_REGION_INFO_FLAG_READ);
    Reply reply{toVector(access)};
    reply.payload.resize(sizeof(access) + access.count);
    device_.regionRead(access.region, access.offset, std::span(reply.payload).subspan(sizeof(access)));
    return reply;
}

Server::Reply Server::regionWrite(const Message& message) {
    auto access = payloadOf<RegionAccessPayload>(message);
    checkAccess(device_, access, VFIO_REGION_INFO_FLAG_WRITE);
    auto data = std::span(message.payload).subspan(sizeof(access));
    if (data.size() != access.count)
        throw RequestError(EINVAL, "a write of {} bytes with {} bytes of data", access.count, data.size());
    device_.regionWrite(access.region, access.offset, data);
    return {toVector(access)};
}

Server::Reply Server::regionWriteMulti(const Message& message) {
    auto count = payloadOf<uint64_t>(message);
    auto rest = std::span(message.payload).subspan(sizeof(count));
    if (count != rest.size() / sizeof(MultiWrite) || rest.size() % sizeof(MultiWrite) != 0)
        throw RequestError(EINVAL, "{} writes in {} bytes", count, rest.size());
    for (uint64_t i = 0; i < count; ++i) {
        auto write = *parse<MultiWrite>(rest.subspan(i * sizeof(MultiWrite)));
        if (write.count > sizeof(write.data))
            throw RequestError(EINVAL, "one of several writes has {} bytes", write.count);
        checkAccess(device_, {write.offset, write.region, write.count}, VFIO_REGION_INFO_FLAG_WRITE);
        device_.regionWrite(write.region, write.offset, std::span(write.data, write.count));
    }
    return {toVector(count)};
}

} // namespace svga::vfio_user
