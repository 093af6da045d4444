// SPDX-License-Identifier: MIT
#pragma once

#include "vfio_user/server.h"

#include <linux/vfio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <thread>
#include <vector>

namespace svga::vfio_user::test {

/** \brief A device that keeps what it is told: BAR0 is 4 KiB of memory, BAR2 a file, MSI has two vectors. */
class FakeDevice : public PciDevice {
public:
    struct Mapping {
        uint64_t size = 0, fileOffset = 0;
        bool hasFd = false, writable = false;
        std::byte first{};
    };

    FakeDevice()
        : bar0(4096)
        , vram_(::memfd_create("vram", MFD_CLOEXEC)) {
        if (::ftruncate(vram_.get(), 8192) != 0)
            throw Error("ftruncate");
    }

    Region region(uint32_t index) const override {
        constexpr uint32_t readWrite = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
        if (index == VFIO_PCI_BAR0_REGION_INDEX)
            return {bar0.size(), readWrite, -1};
        if (index == VFIO_PCI_BAR2_REGION_INDEX)
            return {8192, readWrite | VFIO_REGION_INFO_FLAG_MMAP, vram_.get()};
        if (index == VFIO_PCI_ROM_REGION_INDEX)
            return {512, VFIO_REGION_INFO_FLAG_READ, -1};
        return {};
    }
    uint32_t irqCount(uint32_t index) const override { return index == VFIO_PCI_MSI_IRQ_INDEX ? 2 : 0; }

    void regionRead(uint32_t region, uint64_t offset, std::span<std::byte> out) override {
        if (region == VFIO_PCI_BAR0_REGION_INDEX)
            std::memcpy(out.data(), bar0.data() + offset, out.size());
        else
            std::memset(out.data(), 0x5a, out.size());
    }
    void regionWrite(uint32_t region, uint64_t offset, std::span<const std::byte> in) override {
        if (region != VFIO_PCI_BAR0_REGION_INDEX)
            throw RequestError(EPERM, "only BAR0 can be written");
        std::memcpy(bar0.data() + offset, in.data(), in.size());
        ++writes;
    }
    void setIrqEventFd(uint32_t, uint32_t vector, UniqueFd eventFd) override { irq.at(vector) = std::move(eventFd); }
    void dmaMap(uint64_t iova, uint64_t size, UniqueFd fd, uint64_t fileOffset, bool writable) override {
        if (mappings.contains(iova))
            throw RequestError(EEXIST, "mapped already");
        Mapping mapping{size, fileOffset, static_cast<bool>(fd), writable, {}};
        if (fd && ::pread(fd.get(), &mapping.first, 1, static_cast<off_t>(fileOffset)) != 1)
            throw RequestError(EIO, "cannot read");
        mappings[iova] = mapping;
    }
    void dmaUnmap(uint64_t iova, uint64_t size) override {
        auto it = mappings.find(iova);
        if (it == mappings.end() || it->second.size != size)
            throw RequestError(ENOENT, "not mapped");
        mappings.erase(it);
    }
    void reset() override { ++resets; }

    std::vector<std::byte> bar0;
    std::array<UniqueFd, 2> irq;
    std::map<uint64_t, Mapping> mappings;
    int resets = 0;
    int writes = 0;

private:
    UniqueFd vram_;
};

/** \brief A server for a FakeDevice on a thread of its own; \p client is the other end of its socket. */
class ServerFixture {
public:
    ServerFixture() {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
            throw Error("socketpair");
        client = UniqueFd(pair[0]);
        server_.emplace(UniqueFd(pair[1]), device);
        thread_ = std::thread([this] {
            server_->run();
            server_->shutdown();
        });
    }
    ~ServerFixture() {
        server_->shutdown();
        thread_.join();
    }
    void stop() { server_->shutdown(); }

    FakeDevice device;
    UniqueFd client;

private:
    std::optional<Server> server_;
    std::thread thread_;
};

} // namespace svga::vfio_user::test
