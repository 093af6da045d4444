// SPDX-License-Identifier: MIT
//
// Memory that two devices share, and memory mapped where the application wants it.
#include "gpu.h"
#include "map_memory_placed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace svga::test {

namespace {

constexpr VkDeviceSize kSize = 256 * 1024;
constexpr VkExternalMemoryHandleTypeFlagBits kOpaque = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;

/** A buffer over coherent memory that is exported, or imported from a file descriptor. */
class SharedBuffer {
public:
    explicit SharedBuffer(Gpu& gpu, int import = -1)
        : gpu_(gpu) {
        VkExternalMemoryBufferCreateInfo external{};
        external.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO;
        external.handleTypes = kOpaque;
        VkBufferCreateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
        info.pNext = &external;
        info.size = kSize;
        info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
        check(vkCreateBuffer(gpu.device(), &info, nullptr, &buffer), "vkCreateBuffer");
        VkExportMemoryAllocateInfo exported{};
        exported.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO;
        exported.handleTypes = kOpaque;
        VkImportMemoryFdInfoKHR imported{};
        imported.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR;
        imported.handleType = kOpaque;
        imported.fd = import;
        VkMemoryAllocateInfo allocate{};
        allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
        allocate.pNext = import < 0 ? static_cast<const void*>(&exported) : &imported;
        allocate.allocationSize = kSize;
        allocate.memoryTypeIndex = gpu.memoryType(Gpu::kCoherent);
        result = vkAllocateMemory(gpu.device(), &allocate, nullptr, &memory);
        if (result != VK_SUCCESS)
            return;
        check(vkBindBufferMemory(gpu.device(), buffer, memory, 0), "vkBindBufferMemory");
        void* address;
        check(vkMapMemory(gpu.device(), memory, 0, VK_WHOLE_SIZE, 0, &address), "vkMapMemory");
        words = {static_cast<uint32_t*>(address), kSize / 4};
    }
    ~SharedBuffer() {
        vkDestroyBuffer(gpu_.device(), buffer, nullptr);
        vkFreeMemory(gpu_.device(), memory, nullptr);
    }
    SharedBuffer(const SharedBuffer&) = delete;
    SharedBuffer& operator=(const SharedBuffer&) = delete;

    int fd() const {
        VkMemoryGetFdInfoKHR info{};
        info.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR;
        info.memory = memory;
        info.handleType = kOpaque;
        int fd = -1;
        check(gpu_.function<PFN_vkGetMemoryFdKHR>("vkGetMemoryFdKHR")(gpu_.device(), &info, &fd), "vkGetMemoryFdKHR");
        return fd;
    }
    /** Has the device write `value`. */
    void fill(VkDeviceSize offset, VkDeviceSize size, uint32_t value) {
        gpu_.run([&](VkCommandBuffer commands) {
            vkCmdFillBuffer(commands, buffer, offset, size, value);
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
    }

    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkResult result = VK_SUCCESS;
    std::span<uint32_t> words;

private:
    Gpu& gpu_;
};

class SharedMemory : public testing::Test {
protected:
    void SetUp() override {
        if (!gpu.has(VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME))
            GTEST_SKIP() << "memory is not shared";
    }
    Gpu gpu, other;
};

} // namespace

TEST_F(SharedMemory, IsOneForTwoDevices) {
    SharedBuffer here(gpu);
    SharedBuffer there(other, here.fd());
    ASSERT_EQ(there.result, VK_SUCCESS);
    for (uint32_t round = 1; round <= 5; ++round) {
        here.fill(0, 4096, round);
        there.fill(4096, 4096, round + 100);
        here.words[4000] = round + 200;
        EXPECT_EQ(there.words[1000], round);
        EXPECT_EQ(here.words[2000], round + 100);
        EXPECT_EQ(there.words[4000], round + 200);
        // And what the CPU has written through one, the device reads through the other.
        CoherentBuffer copy(other, kSize);
        other.run([&](VkCommandBuffer commands) {
            const VkBufferCopy all{0, 0, kSize};
            vkCmdCopyBuffer(commands, there.buffer, copy.buffer.handle(), 1, &all);
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
        EXPECT_TRUE(std::ranges::equal(copy.memory.as<uint32_t>().first(kSize / 4), here.words)) << round;
    }
}

TEST_F(SharedMemory, OutlivesWhoMadeIt) {
    auto here = std::make_unique<SharedBuffer>(gpu);
    here->fill(0, kSize, 77);
    SharedBuffer there(other, here->fd());
    ASSERT_EQ(there.result, VK_SUCCESS);
    here.reset();
    EXPECT_EQ(there.words[kSize / 4 - 1], 77u);
    there.fill(0, kSize, 78);
    EXPECT_EQ(there.words[0], 78u);
}

TEST_F(SharedMemory, OtherFilesAreRefused) {
    if (gpu.properties().vendorID != 0x15ad)
        GTEST_SKIP() << "other drivers need not survive this";
    const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    {
        SharedBuffer none(gpu, fd);
        EXPECT_EQ(none.result, VK_ERROR_INVALID_EXTERNAL_HANDLE);
    }
    close(fd); // still ours
}

/** Addresses that nothing is mapped to. */
class Reservation {
public:
    Reservation()
        : address_(mmap(nullptr, kSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
    ~Reservation() { munmap(address_, kSize); }
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;

    void* address() const { return address_; }
    /** Reserves them once more. \return whether nothing was mapped there, not even reserved */
    bool renew() const {
        return mmap(address_, kSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == address_;
    }

private:
    void* address_;
};

TEST(PlacedMapping, IsCoherentAndLeavesWhatItIsToldTo) {
    Gpu gpu;
    if (!gpu.has(VK_EXT_MAP_MEMORY_PLACED_EXTENSION_NAME))
        GTEST_SKIP() << "no VK_EXT_map_memory_placed";
    const Reservation reservation;
    CoherentBuffer buffer(gpu, kSize), copy(gpu, kSize);
    vkUnmapMemory(gpu.device(), buffer.memory.handle());

    VkMemoryMapPlacedInfoEXT placed{};
    placed.sType = VK_STRUCTURE_TYPE_MEMORY_MAP_PLACED_INFO_EXT;
    placed.pPlacedAddress = reservation.address();
    VkMemoryMapInfoKHR map{};
    map.sType = VK_STRUCTURE_TYPE_MEMORY_MAP_INFO_KHR;
    map.pNext = &placed;
    map.flags = VK_MEMORY_MAP_PLACED_BIT_EXT;
    map.memory = buffer.memory.handle();
    map.size = VK_WHOLE_SIZE;
    VkMemoryUnmapInfoKHR unmap{};
    unmap.sType = VK_STRUCTURE_TYPE_MEMORY_UNMAP_INFO_KHR;
    unmap.memory = buffer.memory.handle();
    const auto mapMemory = gpu.function<PFN_vkMapMemory2KHR>("vkMapMemory2KHR");
    const auto unmapMemory = gpu.function<PFN_vkUnmapMemory2KHR>("vkUnmapMemory2KHR");

    for (const VkFlags end : {VkFlags{0}, VkFlags{VK_MEMORY_UNMAP_RESERVE_BIT_EXT}}) {
        void* address = nullptr;
        check(mapMemory(gpu.device(), &map, &address), "vkMapMemory2KHR");
        ASSERT_EQ(address, reservation.address());
        const std::span words(static_cast<uint32_t*>(address), kSize / 4);
        std::ranges::fill(words, 0x11223344u);
        gpu.run([&](VkCommandBuffer commands) {
            const VkBufferCopy all{0, 0, kSize};
            vkCmdCopyBuffer(commands, buffer.buffer.handle(), copy.buffer.handle(), 1, &all);
            barrier(commands, VK_ACCESS_TRANSFER_READ_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
            vkCmdFillBuffer(commands, buffer.buffer.handle(), kSize / 2, kSize / 2, 0x55667788u);
            barrier(commands, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
        EXPECT_TRUE(std::ranges::all_of(copy.memory.as<uint32_t>(), [](uint32_t w) { return w == 0x11223344u; }));
        EXPECT_EQ(words[kSize / 8 - 1], 0x11223344u);
        EXPECT_EQ(words[kSize / 8], 0x55667788u);
        unmap.flags = end;
        check(unmapMemory(gpu.device(), &unmap), "vkUnmapMemory2KHR");
        EXPECT_EQ(reservation.renew(), end == 0);
    }
}

} // namespace svga::test
