// SPDX-License-Identifier: MIT
#include "fake_device.h"

#include "vfio_user/client.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

namespace svga::vfio_user::test {
namespace {

TEST(Client, ReadsAndWritesRegistersInOrder) {
    ServerFixture server;
    Client client(std::move(server.client));
    client.writeRegister(VFIO_PCI_BAR0_REGION_INDEX, 4 * 48, 0x12345678);
    EXPECT_EQ(client.readRegister(VFIO_PCI_BAR0_REGION_INDEX, 4 * 48), 0x12345678u);
    for (uint32_t i = 0; i < 100; ++i)
        client.postRegister(VFIO_PCI_BAR0_REGION_INDEX, 4 * 48, i);
    EXPECT_EQ(client.readRegister(VFIO_PCI_BAR0_REGION_INDEX, 4 * 48), 99u);
    EXPECT_EQ(server.device.writes, 101);
}

TEST(Client, DescribesTheDevice) {
    ServerFixture server;
    Client client(std::move(server.client));
    EXPECT_EQ(client.deviceInfo().regions, static_cast<uint32_t>(VFIO_PCI_NUM_REGIONS));
    EXPECT_EQ(client.irqCount(VFIO_PCI_MSI_IRQ_INDEX), 2u);
    EXPECT_EQ(client.regionInfo(VFIO_PCI_BAR0_REGION_INDEX).size, 4096u);
    RegionInfo vram = client.regionInfo(VFIO_PCI_BAR2_REGION_INDEX);
    EXPECT_EQ(vram.size, 8192u);
    EXPECT_TRUE(vram.flags & VFIO_REGION_INFO_FLAG_MMAP);
    ASSERT_TRUE(vram.fd);
    EXPECT_NE(::fcntl(vram.fd.get(), F_GETFD), -1);
    EXPECT_EQ(client.regionInfo(VFIO_PCI_BAR1_REGION_INDEX).size, 0u);
}

TEST(Client, MapsGuestMemory) {
    ServerFixture server;
    Client client(std::move(server.client));
    UniqueFd memory(::memfd_create("guest", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(memory.get(), 16384), 0);
    char mark = 'x';
    ASSERT_EQ(::pwrite(memory.get(), &mark, 1, 8192), 1);

    client.dmaMap(0x100000, 8192, memory.get(), 8192);
    auto& mapping = server.device.mappings.at(0x100000);
    EXPECT_EQ(mapping.size, 8192u);
    EXPECT_EQ(mapping.first, std::byte{'x'});
    EXPECT_TRUE(mapping.hasFd);
    EXPECT_TRUE(mapping.writable);

    EXPECT_THROW(client.dmaMap(0x100000, 8192, memory.get(), 0), RequestFailed);            // the device refuses
    EXPECT_THROW(client.dmaMap(0x200000, 8192, memory.get(), 16384), RequestFailed);        // beyond the file's end
    EXPECT_THROW(client.dmaMap(0x200010, 4096, memory.get(), 0), RequestFailed);            // not whole pages
    EXPECT_THROW(client.dmaMap(0x200000, 0, memory.get(), 0), RequestFailed);               // nothing
    EXPECT_THROW(client.dmaMap(~uint64_t{0} - 4095, 8192, memory.get(), 0), RequestFailed); // wraps around
    client.dmaUnmap(0x100000, 8192);
    EXPECT_TRUE(server.device.mappings.empty());
    EXPECT_THROW(client.dmaUnmap(0x100000, 8192), RequestFailed);
}

TEST(Client, SetsInterruptEventFds) {
    ServerFixture server;
    Client client(std::move(server.client));
    UniqueFd event(::eventfd(0, EFD_CLOEXEC));
    client.setIrqEventFd(VFIO_PCI_MSI_IRQ_INDEX, 1, event.get());
    ASSERT_TRUE(server.device.irq[1]);
    EXPECT_FALSE(server.device.irq[0]);
    ASSERT_EQ(::eventfd_write(server.device.irq[1].get(), 3), 0);
    eventfd_t value = 0;
    ASSERT_EQ(::eventfd_read(event.get(), &value), 0);
    EXPECT_EQ(value, 3u);
    client.setIrqEventFd(VFIO_PCI_MSI_IRQ_INDEX, 1, -1);
    EXPECT_FALSE(server.device.irq[1]);
    EXPECT_THROW(client.setIrqEventFd(VFIO_PCI_MSI_IRQ_INDEX, 2, event.get()), RequestFailed);
    EXPECT_THROW(client.setIrqEventFd(VFIO_PCI_INTX_IRQ_INDEX, 0, event.get()), RequestFailed);
}

TEST(Client, ReadsAndWritesBulkData) {
    ServerFixture server;
    Client client(std::move(server.client));
    std::vector<std::byte> out(4096), in(4096);
    for (std::size_t i = 0; i < in.size(); ++i)
        in[i] = static_cast<std::byte>(i * 7);
    client.write(VFIO_PCI_BAR0_REGION_INDEX, 0, in);
    client.read(VFIO_PCI_BAR0_REGION_INDEX, 0, out);
    EXPECT_EQ(in, out);
    EXPECT_THROW(client.read(VFIO_PCI_BAR0_REGION_INDEX, 1, out), RequestFailed);
    EXPECT_THROW(client.write(VFIO_PCI_ROM_REGION_INDEX, 0, std::span(in).first(4)), RequestFailed);
    EXPECT_THROW(client.readRegister(VFIO_PCI_BAR1_REGION_INDEX, 0), RequestFailed);
    client.reset();
    EXPECT_EQ(server.device.resets, 1);
}

TEST(Client, IsSharedByThreads) {
    ServerFixture server;
    Client client(std::move(server.client));
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 4; ++t)
        threads.emplace_back([&client, t] {
            for (uint32_t i = 0; i < 500; ++i) {
                client.writeRegister(VFIO_PCI_BAR0_REGION_INDEX, t * 4, i);
                EXPECT_EQ(client.readRegister(VFIO_PCI_BAR0_REGION_INDEX, t * 4), i);
            }
        });
    for (auto& thread : threads)
        thread.join();
}

TEST(Client, TellsWhenTheDeviceIsGone) {
    ServerFixture server;
    Client client(std::move(server.client));
    server.stop();
    EXPECT_THROW(for (;;) client.readRegister(VFIO_PCI_BAR0_REGION_INDEX, 0), DeviceLost);
    EXPECT_THROW(client.writeRegister(VFIO_PCI_BAR0_REGION_INDEX, 0, 1), DeviceLost);
    EXPECT_THROW(client.postRegister(VFIO_PCI_BAR0_REGION_INDEX, 0, 1), DeviceLost);
}

} // namespace
} // namespace svga::vfio_user::test
