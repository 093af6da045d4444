// SPDX-License-Identifier: MIT
#include "device/pci_function.h"

#include "device/capabilities.h"

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace svga::device {

namespace {

using vfio_user::RequestError;

constexpr uint16_t kVendor = 0x15ad;
constexpr uint16_t kDevice = 0x0406;
constexpr uint8_t kMsiCapability = 0x40;

} // namespace

PciFunction::PciFunction(MachineOptions options)
    : options_(std::move(options))
    , videoMemory_(::memfd_create("svga-vram", MFD_CLOEXEC))
    , registers_(interrupts_) {
    if (!videoMemory_ || ::ftruncate(videoMemory_.get(), kVideoMemorySize) != 0)
        throw Error("cannot allocate {} MiB of video memory: {}", kVideoMemorySize >> 20, std::strerror(errno));
    initializeConfig();
    machine_ = std::make_unique<Machine>(memory_, interrupts_, options_);
}

PciFunction::~PciFunction() = default;

void PciFunction::initializeConfig() {
    auto put = [](auto& space, std::size_t offset, auto value) {
        std::memcpy(space.data() + offset, &value, sizeof(value));
    };
    config_ = {};
    writable_ = {};
    put(config_, PCI_VENDOR_ID, kVendor);
    put(config_, PCI_DEVICE_ID, kDevice);
    put(config_, PCI_STATUS, uint16_t{PCI_STATUS_CAP_LIST});
    put(config_, PCI_CLASS_DEVICE, uint16_t{0x0300}); // VGA-compatible display controller
    put(config_, PCI_SUBSYSTEM_VENDOR_ID, kVendor);
    put(config_, PCI_SUBSYSTEM_ID, kDevice);
    put(config_, PCI_BASE_ADDRESS_0, uint32_t{PCI_BASE_ADDRESS_MEM_TYPE_64});
    put(config_, PCI_BASE_ADDRESS_2, uint32_t{PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH});
    // No interrupt pin: message signalled interrupts only.
    put(config_, PCI_CAPABILITY_LIST, kMsiCapability);
    put(config_, kMsiCapability, uint8_t{PCI_CAP_ID_MSI});
    put(config_, kMsiCapability + PCI_MSI_FLAGS, uint16_t{PCI_MSI_FLAGS_64BIT});

    put(writable_, PCI_COMMAND, uint16_t{PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE});
    put(writable_, PCI_CACHE_LINE_SIZE, uint8_t{0xff});
    put(writable_, PCI_LATENCY_TIMER, uint8_t{0xff});
    put(writable_, PCI_INTERRUPT_LINE, uint8_t{0xff});
    // A BAR's size is told by which address bits cannot be set.
    put(writable_, PCI_BASE_ADDRESS_0, ~uint64_t{kRegisterBarSize - 1});
    put(writable_, PCI_BASE_ADDRESS_2, ~uint64_t{kVideoMemorySize - 1});
    put(writable_, kMsiCapability + PCI_MSI_FLAGS, uint16_t{PCI_MSI_FLAGS_ENABLE});
    put(writable_, kMsiCapability + PCI_MSI_ADDRESS_LO, uint32_t{0xfffffffc});
    put(writable_, kMsiCapability + PCI_MSI_ADDRESS_HI, ~uint32_t{0});
    put(writable_, kMsiCapability + PCI_MSI_DATA_64, uint16_t{0xffff});
}

vfio_user::Region PciFunction::region(uint32_t index) const {
    constexpr uint32_t readWrite = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    switch (index) {
    case VFIO_PCI_BAR0_REGION_INDEX:
        return {kRegisterBarSize, readWrite, -1};
    case VFIO_PCI_BAR2_REGION_INDEX:
        return {kVideoMemorySize, readWrite | VFIO_REGION_INFO_FLAG_MMAP, videoMemory_.get()};
    case VFIO_PCI_CONFIG_REGION_INDEX:
        return {kConfigSize, readWrite, -1};
    default:
        return {};
    }
}

uint32_t PciFunction::irqCount(uint32_t index) const {
    return index == VFIO_PCI_MSI_IRQ_INDEX ? 1 : 0;
}

void PciFunction::regionRead(uint32_t region, uint64_t offset, std::span<std::byte> out) {
    switch (region) {
    case VFIO_PCI_BAR0_REGION_INDEX:
        return readRegisters(offset, out);
    case VFIO_PCI_BAR2_REGION_INDEX:
        return accessVideoMemory(offset, out, {});
    default:
        std::memcpy(out.data(), config_.data() + offset, out.size());
    }
}

void PciFunction::regionWrite(uint32_t region, uint64_t offset, std::span<const std::byte> in) {
    switch (region) {
    case VFIO_PCI_BAR0_REGION_INDEX:
        return writeRegisters(offset, in);
    case VFIO_PCI_BAR2_REGION_INDEX:
        return accessVideoMemory(offset, {}, in);
    default:
        for (std::size_t i = 0; i < in.size(); ++i) {
            std::byte& byte = config_[offset + i];
            byte = (byte & ~writable_[offset + i]) | (in[i] & writable_[offset + i]);
        }
    }
}

void PciFunction::readRegisters(uint64_t offset, std::span<std::byte> out) {
    // Any width, as a bus allows: the word that each byte is in is read once.
    for (std::size_t done = 0; done < out.size();) {
        uint64_t within = (offset + done) % sizeof(uint32_t);
        uint32_t value = registers_.read(static_cast<uint32_t>((offset + done) / sizeof(uint32_t)), *machine_);
        std::size_t count = std::min(out.size() - done, sizeof(value) - within);
        std::memcpy(out.data() + done, reinterpret_cast<const std::byte*>(&value) + within, count);
        done += count;
    }
}

void PciFunction::writeRegisters(uint64_t offset, std::span<const std::byte> in) {
    if (offset % sizeof(uint32_t) || in.size() % sizeof(uint32_t))
        throw RequestError(EINVAL, "registers are written as whole words, not {} bytes at {:#x}", in.size(), offset);
    for (std::size_t done = 0; done < in.size(); done += sizeof(uint32_t)) {
        uint32_t value;
        std::memcpy(&value, in.data() + done, sizeof(value));
        registers_.write(static_cast<uint32_t>((offset + done) / sizeof(uint32_t)), value, *machine_);
    }
}

void PciFunction::accessVideoMemory(uint64_t offset, std::span<std::byte> out, std::span<const std::byte> in) {
    auto done = out.empty() ? ::pwrite(videoMemory_.get(), in.data(), in.size(), static_cast<off_t>(offset))
                            : ::pread(videoMemory_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (done != static_cast<ssize_t>(std::max(out.size(), in.size())))
        throw RequestError(EIO, "video memory at {:#x} cannot be accessed", offset);
}

void PciFunction::setIrqEventFd(uint32_t, uint32_t, UniqueFd eventFd) {
    interrupts_.setEventFd(std::move(eventFd));
}

void PciFunction::dmaMap(uint64_t iova, uint64_t size, UniqueFd fd, uint64_t fileOffset, bool writable) {
    if (!fd)
        return; // memory of another kind, which no command names
    try {
        memory_.map(iova, size, std::move(fd), fileOffset, writable);
    } catch (const GuestMemoryError& error) {
        throw RequestError(EINVAL, "{}", error.what());
    }
}

void PciFunction::dmaUnmap(uint64_t iova, uint64_t size) {
    // Ranges without a file were never kept, so nothing to remove is not an error; a range in part is.
    if (!memory_.unmap(iova, size))
        throw RequestError(EINVAL, "guest memory {:#x} + {:#x} is a part of a range", iova, size);
}

void PciFunction::reset() {
    if (!machine_->pristine()) {
        std::lock_guard lock(machineMutex_);
        machine_.reset(); // finishes what is being executed; what is queued is dropped
        machine_ = std::make_unique<Machine>(memory_, interrupts_, options_);
        ++resets_;
    }
    interrupts_.reset();
    registers_.reset();
    initializeConfig();
}

PciFunction::ScreenRevision PciFunction::screenRevision() {
    std::lock_guard lock(machineMutex_);
    return {resets_, machine_->screenChanges(), registers_.cursorChanges()};
}

std::optional<Picture> PciFunction::picture() {
    std::lock_guard lock(machineMutex_);
    return machine_->picture(registers_.cursor());
}

std::optional<Picture> PciFunction::lastPicture() {
    std::lock_guard lock(machineMutex_);
    return machine_->lastPicture(registers_.cursor());
}

} // namespace svga::device
