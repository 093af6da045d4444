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
#include <memory>
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

    /** \brief What the first screen shows; nothing where there is no screen. */
    std::optional<Picture> picture() { return machine_->picture(registers_.cursor()); }

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
    std::unique_ptr<Machine> machine_;
};

} // namespace svga::device
