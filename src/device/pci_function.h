// SPDX-License-Identifier: MIT
/**
 * \file
 * The SVGA III as a PCI function (15ad:0406): config space, BAR 0 (registers), BAR 2 (video memory), MSI.
 */
#pragma once

#include "device/guest_memory.h"
#include "device/interrupts.h"
#include "device/machine.h"
#include "device/registers.h"
#include "vfio_user/server.h"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace svga::device {

class PciFunction final : public vfio_user::PciDevice {
public:
    /** \throws Error naming what the renderer misses. */
    explicit PciFunction(MachineOptions options);
    ~PciFunction() override;

    vfio_user::Region region(uint32_t index) const override;
    uint32_t irqCount(uint32_t index) const override;
    void regionRead(uint32_t region, uint64_t offset, std::span<std::byte> out) override;
    void regionWrite(uint32_t region, uint64_t offset, std::span<const std::byte> in) override;
    void setIrqEventFd(uint32_t index, uint32_t vector, UniqueFd eventFd) override;
    void dmaMap(uint64_t iova, uint64_t size, UniqueFd fd, uint64_t fileOffset, bool writable) override;
    void dmaUnmap(uint64_t iova, uint64_t size) override;
    void reset() override;

    /** \brief Differs from an earlier one where the first screen may show something else. */
    struct ScreenRevision {
        uint64_t resets = 0, commands = 0, cursor = 0;
        bool operator==(const ScreenRevision&) const = default;
    };
    /** \brief Any thread. */
    ScreenRevision screenRevision();
    /** \brief What the first screen shows; nothing where there is no screen. Any thread. \throws Error when the GPU is
     * lost. */
    std::optional<Picture> picture();
    /** \brief Machine::lastPicture(). Any thread. \throws Error when the GPU is lost. */
    std::optional<Picture> lastPicture();

private:
    static constexpr std::size_t kConfigSize = 256;

    void initializeConfig();
    void readRegisters(uint64_t offset, std::span<std::byte> out);
    void writeRegisters(uint64_t offset, std::span<const std::byte> in);
    void accessVideoMemory(uint64_t offset, std::span<std::byte> out, std::span<const std::byte> in);

    MachineOptions options_;
    UniqueFd videoMemory_;
    std::array<std::byte, kConfigSize> config_{}, writable_{};
    GuestMemory memory_;
    Interrupts interrupts_;
    Registers registers_;
    std::mutex machineMutex_; ///< guards that there is a machine, against threads that look at its screen
    std::unique_ptr<Machine> machine_;
    uint64_t resets_ = 0;
};

} // namespace svga::device
