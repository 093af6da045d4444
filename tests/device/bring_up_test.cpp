// SPDX-License-Identifier: MIT
#include "test_guest.h"

#include "device/capabilities.h"
#include "svga_coherent_device.h"

#include <gtest/gtest.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <svga3d_devcaps.h>
#include <sys/eventfd.h>

namespace svga::device::test {
namespace {

TEST(ConfigSpace, NamesTheDeviceAndSizesItsBars) {
    TestGuest guest;
    auto& client = guest.client();
    constexpr uint32_t config = VFIO_PCI_CONFIG_REGION_INDEX;
    EXPECT_EQ(client.readRegister(config, PCI_VENDOR_ID), 0x040615adu);
    client.writeRegister(config, PCI_BASE_ADDRESS_0, ~0u);
    EXPECT_EQ(client.readRegister(config, PCI_BASE_ADDRESS_0), 0xffffe004u);
    client.writeRegister(config, PCI_BASE_ADDRESS_2, ~0u);
    EXPECT_EQ(client.readRegister(config, PCI_BASE_ADDRESS_2), 0xff00000cu);
    client.writeRegister(config, PCI_VENDOR_ID, 0);
    EXPECT_EQ(client.readRegister(config, PCI_VENDOR_ID), 0x040615adu);
    EXPECT_EQ(client.irqCount(VFIO_PCI_MSI_IRQ_INDEX), 1u);
    EXPECT_EQ(client.irqCount(VFIO_PCI_INTX_IRQ_INDEX), 0u);
}

TEST(VideoMemory, IsSharedAndAccessible) {
    TestGuest guest;
    uint32_t value = 0;
    guest.client().writeRegister(VFIO_PCI_BAR2_REGION_INDEX, kVideoMemorySize - 4, 0xabcdef01);
    auto region = guest.client().regionInfo(VFIO_PCI_BAR2_REGION_INDEX);
    ASSERT_TRUE(region.fd);
    ASSERT_EQ(::pread(region.fd.get(), &value, 4, kVideoMemorySize - 4), 4);
    EXPECT_EQ(value, 0xabcdef01u);
}

TEST(Registers, SayWhatADriverNeeds) {
    TestGuest guest;
    EXPECT_EQ(guest.readRegister(SVGA_REG_ID), 0x90000003u);
    for (uint32_t bit : std::initializer_list<uint32_t>{SVGA_CAP_PITCHLOCK, SVGA_CAP_IRQMASK, SVGA_CAP_COMMAND_BUFFERS,
                                                        SVGA_CAP_GBOBJECTS, SVGA_CAP_DX, SVGA_CAP_CAP2_REGISTER})
        EXPECT_TRUE(guest.readRegister(SVGA_REG_CAPABILITIES) & bit) << std::hex << bit;
    EXPECT_TRUE(guest.readRegister(SVGA_REG_CAP2) & SVGA_CAP2_EXTRA_REGS);
    guest.writeRegister(SVGA_REG_CAPABILITIES, 0);
    EXPECT_EQ(guest.readRegister(SVGA_REG_CAPABILITIES), kCapabilities);
    guest.writeRegister(SVGA_REG_WIDTH, 1024);
    EXPECT_EQ(guest.readRegister(SVGA_REG_WIDTH), 1024u);
    EXPECT_EQ(guest.readRegister(SVGA_REG_BUSY), 0u);
    EXPECT_EQ(guest.readRegister(1023), 0u);
    guest.writeRegister(1023, 5);
    EXPECT_EQ(guest.readRegister(1023), 0u);
    // vmwgfx writes gamma ramps here, though there is no palette.
    for (uint32_t index = SVGA_PALETTE_BASE; index < SVGA_SCRATCH_BASE; ++index)
        guest.writeRegister(index, 0x80);
    EXPECT_EQ(guest.readRegister(SVGA_SCRATCH_BASE - 1), 0u);
    guest.writeRegister(SVGA_REG_DEV_CAP, SVGA3D_DEVCAP_DXCONTEXT);
    EXPECT_EQ(guest.readRegister(SVGA_REG_DEV_CAP), 1u);
    guest.writeRegister(SVGA_REG_DEV_CAP, SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS);
    EXPECT_EQ(guest.readRegister(SVGA_REG_DEV_CAP), 0u);
}

TEST(Registers, AreReadInAnyWidthAndWrittenAsWords) {
    TestGuest guest;
    std::byte bytes[7];
    guest.client().read(VFIO_PCI_BAR0_REGION_INDEX, 1, bytes);
    EXPECT_EQ(bytes[0], std::byte{0});    // byte 1 of the id
    EXPECT_EQ(bytes[2], std::byte{0x90}); // its byte 3
    EXPECT_THROW(guest.client().write(VFIO_PCI_BAR0_REGION_INDEX, 8, std::span(bytes).first(2)),
                 vfio_user::RequestFailed);
    EXPECT_THROW(guest.client().write(VFIO_PCI_BAR0_REGION_INDEX, 2, std::span(bytes).first(4)),
                 vfio_user::RequestFailed);
}

TEST(Fences, ArePublishedInOrderAndRaiseInterrupts) {
    TestGuest guest;
    UniqueFd event(::eventfd(0, EFD_CLOEXEC));
    guest.client().setIrqEventFd(VFIO_PCI_MSI_IRQ_INDEX, 0, event.get());
    guest.writeRegister(SVGA_REG_IRQMASK, SVGA_IRQFLAG_ANY_FENCE | SVGA_IRQFLAG_REG_FENCE_GOAL);
    guest.bringUp();
    guest.writeRegister(SVGA_REG_FENCE_GOAL, 3);
    CommandStream commands;
    commands.fence(1).fence(2);
    EXPECT_EQ(guest.execute(commands).status, SVGA_CB_STATUS_COMPLETED);
    guest.waitFence(2);
    pollfd poll{event.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&poll, 1, 5000), 1);
    eventfd_t count = 0;
    ASSERT_EQ(::eventfd_read(event.get(), &count), 0);
    while (!(guest.readRegister(SVGA_REG_IRQ_STATUS) & SVGA_IRQFLAG_ANY_FENCE))
        std::this_thread::yield();
    EXPECT_FALSE(guest.readRegister(SVGA_REG_IRQ_STATUS) & SVGA_IRQFLAG_REG_FENCE_GOAL);

    CommandStream more;
    more.fence(4);
    EXPECT_EQ(guest.execute(more).status, SVGA_CB_STATUS_COMPLETED);
    guest.waitFence(4);
    while (!(guest.readRegister(SVGA_REG_IRQ_STATUS) & SVGA_IRQFLAG_REG_FENCE_GOAL))
        std::this_thread::yield();
    guest.writeRegister(SVGA_REG_IRQ_STATUS, ~0u);
    EXPECT_EQ(guest.readRegister(SVGA_REG_IRQ_STATUS), 0u);
}

TEST(Interrupts, PendingOnesAreToldWhenUnmasked) {
    TestGuest guest;
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    guest.client().setIrqEventFd(VFIO_PCI_MSI_IRQ_INDEX, 0, event.get());
    guest.bringUp();
    CommandStream commands;
    commands.raw(uint32_t{SVGA_CMD_NOP});
    guest.wait(guest.submit(commands.bytes(), SVGA_CB_CONTEXT_0, SVGA_CB_FLAG_NONE));
    while (!(guest.readRegister(SVGA_REG_IRQ_STATUS) & SVGA_IRQFLAG_COMMAND_BUFFER))
        std::this_thread::yield();
    eventfd_t count = 0;
    EXPECT_NE(::eventfd_read(event.get(), &count), 0); // masked
    guest.writeRegister(SVGA_REG_IRQMASK, SVGA_IRQFLAG_COMMAND_BUFFER);
    EXPECT_EQ(::eventfd_read(event.get(), &count), 0);
}

TEST(Reset, ForgetsEverythingButGuestMemory) {
    TestGuest guest;
    guest.bringUp();
    CommandStream commands;
    commands.fence(7);
    guest.execute(commands);
    guest.waitFence(7);
    guest.writeRegister(SVGA_REG_IRQMASK, 1);
    guest.writeRegister(SVGA_REG_WIDTH, 640);
    guest.client().reset();
    EXPECT_EQ(guest.readRegister(SVGA_REG_FENCE), 0u);
    EXPECT_EQ(guest.readRegister(SVGA_REG_IRQMASK), 0u);
    EXPECT_EQ(guest.readRegister(SVGA_REG_IRQ_STATUS), 0u);
    EXPECT_NE(guest.readRegister(SVGA_REG_WIDTH), 640u);
    guest.bringUp();
    EXPECT_EQ(guest.execute(commands).status, SVGA_CB_STATUS_COMPLETED);
    guest.waitFence(7);
}

} // namespace
} // namespace svga::device::test
