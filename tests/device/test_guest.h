// SPDX-License-Identifier: MIT
/**
 * \file
 * A guest in a test: guest memory, a vfio-user client, and the device it drives in the same process.
 */
#pragma once

#include "device/pci_function.h"
#include "vfio_user/client.h"
#include "vfio_user/server.h"

#include <svga3d_cmd.h>
#include <svga_reg.h>

#include <cstring>
#include <functional>
#include <thread>
#include <vector>

namespace svga::device::test {

/** \brief Builds the bytes of a command buffer. */
class CommandStream {
public:
    template <typename T>
    CommandStream& raw(const T& value) {
        auto bytes = std::as_bytes(std::span(&value, 1));
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }

    /** \brief A 3D command: header and body. */
    template <typename T>
    CommandStream& command(uint32_t id, const T& body) {
        return raw(id).raw(static_cast<uint32_t>(sizeof(T))).raw(body);
    }

    CommandStream& fence(uint32_t number) { return raw(uint32_t{SVGA_CMD_FENCE}).raw(number); }

    const std::vector<std::byte>& bytes() const { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

/** \brief How a command buffer ended. */
struct Completion {
    SVGACBStatus status;
    uint32_t errorOffset;
};

class TestGuest {
public:
    static constexpr uint64_t kMemorySize = 16u << 20;
    static constexpr uint64_t kBase = 0x1'0000'0000; ///< guest-physical address of the memory: not 0, above 4 GiB

    explicit TestGuest(
        std::shared_ptr<Recorder> recorder = nullptr,
        RendererFactory renderer = [](const MobLookup&) { return createNullRenderer(); },
        std::shared_ptr<Statistics> statistics = nullptr);
    ~TestGuest();

    vfio_user::Client& client() { return *client_; }
    uint32_t readRegister(uint32_t index);
    void writeRegister(uint32_t index, uint32_t value);

    /** \brief Guest memory as the guest's CPU sees it; \p address is guest-physical. */
    std::span<std::byte> memory(uint64_t address, uint64_t size);
    template <typename T>
    T& at(uint64_t address) {
        return *reinterpret_cast<T*>(memory(address, sizeof(T)).data());
    }

    /** \brief \p size bytes of guest memory nobody else has, page aligned and zero. */
    uint64_t allocate(uint64_t size);
    static uint64_t page(uint64_t address) { return address / kPageSize; }

    /** \brief Submits a header as it stands, without waiting. \return its address */
    uint64_t submitHeader(const SVGACBHeader& header, uint32_t contextId);
    /** \brief Submits a header for \p commands, without waiting. \return its address */
    uint64_t submit(std::span<const std::byte> commands, uint32_t contextId = SVGA_CB_CONTEXT_0,
                    uint32_t flags = SVGA_CB_FLAG_NO_IRQ, uint32_t offset = 0);
    /** \brief Waits until the device has set the status of the header at \p address. */
    Completion wait(uint64_t address);
    Completion execute(const CommandStream& commands, uint32_t contextId = SVGA_CB_CONTEXT_0);
    void startContext(uint32_t contextId, bool enable = true);

    /** \brief Starts context 0 and sets an object table for MOBs with room for \p mobs. */
    void bringUp(uint32_t mobs = 1024);
    /** \brief Waits until the fence register has reached \p number. */
    void waitFence(uint32_t number);

    PciFunction& function() { return *function_; }
    /** \brief What the device said when it was lost; empty: it was not. */
    std::string lostMessage() const;

private:
    UniqueFd memoryFd_;
    std::span<std::byte> memory_;
    uint64_t allocated_ = 0;
    mutable std::mutex lostMutex_;
    std::string lostMessage_;
    std::unique_ptr<PciFunction> function_;
    std::unique_ptr<vfio_user::Server> server_;
    std::thread thread_;
    std::unique_ptr<vfio_user::Client> client_;
};

} // namespace svga::device::test
