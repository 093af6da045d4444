// SPDX-License-Identifier: MIT
#include "vulkan/memory.h"

#include "util/unique_fd.h"
#include "vulkan/device.h"
#include "vulkan/limits.h"
#include "vulkan/queue.h"

#include <svga3d_reg.h>

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <limits>

namespace svga::vulkan {

namespace {

using winsys::Ref;
using winsys::Surface;

constexpr uint64_t kBufferFlags = SVGA3D_SURFACE_BIND_VERTEX_BUFFER | SVGA3D_SURFACE_BIND_INDEX_BUFFER |
                                  SVGA3D_SURFACE_BIND_CONSTANT_BUFFER | SVGA3D_SURFACE_BIND_SHADER_RESOURCE |
                                  SVGA3D_SURFACE_BIND_UAVIEW | SVGA3D_SURFACE_BIND_RAW_VIEWS |
                                  SVGA3D_SURFACE_DRAWINDIRECT_ARGS | SVGA3D_SURFACE_TRANSFER_FROM_BUFFER;
constexpr uint64_t kBufferGranularity = 16; ///< bytes: the widest element of a view

} // namespace

Ref<Surface> createBufferSurface(winsys::Device& device, uint64_t size) {
    if (size > std::numeric_limits<uint32_t>::max() - kBufferGranularity)
        throw Error("{} bytes are more than a surface can have", size);
    winsys::SurfaceDesc desc;
    desc.flags = kBufferFlags;
    desc.format = SVGA3D_BUFFER;
    desc.width = static_cast<uint32_t>((size + kBufferGranularity - 1) / kBufferGranularity * kBufferGranularity);
    return Surface::create(device, desc);
}

Ref<Surface> importBufferSurface(winsys::Device& device, int fd, uint64_t size) {
    if (fd < 0)
        throw Error("{} is no file descriptor", fd);
    Ref<Surface> surface = Surface::import(device, {winsys::SharedHandle::Type::Prime, static_cast<uint32_t>(fd)});
    if (surface->format() != SVGA3D_BUFFER || surface->width() < size || !surface->isCoherent() ||
        (surface->flags() & kBufferFlags) != kBufferFlags)
        throw Error("what is imported is no coherent buffer of {} bytes for any use", size);
    return surface;
}

Ref<Surface> Memory::surface() {
    const std::lock_guard lock(mutex_);
    if (!surface_)
        surface_ = createBufferSurface(*as<Device>(base.device).winsys, size);
    return surface_;
}

Ref<Surface> Memory::aliasedSurface(const winsys::SurfaceDesc& desc, uint64_t offset) {
    const std::lock_guard lock(mutex_);
    for (const Aliased& known : aliased_)
        if (known.offset == offset && known.desc == desc)
            return known.surface;
    aliased_.push_back({desc, offset, Surface::create(*as<Device>(base.device).winsys, desc)});
    return aliased_.back().surface;
}

void Memory::adopt(Ref<Surface> surface) {
    const std::lock_guard lock(mutex_);
    surface_ = std::move(surface);
}

void Memory::map() {
    mapped = static_cast<std::byte*>(surface()->map({.write = true, .unsynchronized = true}));
}

size_t Memory::wholePages() const {
    return (size + kPlacedMapAlignment - 1) / kPlacedMapAlignment * kPlacedMapAlignment;
}

void Memory::mapAt(void* address) {
    surface()->bo()->mapAt(address, wholePages());
    placed_ = address;
}

void Memory::unmapPlaced(bool reserve) {
    if (!placed_)
        return;
    constexpr int kReserved = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (!reserve)
        munmap(placed_, wholePages());
    else if (mmap(placed_, wholePages(), PROT_NONE, kReserved, -1, 0) == MAP_FAILED)
        throw svga::Error("cannot reserve {} bytes of addresses: {}", wholePages(), std::strerror(errno));
    placed_ = nullptr;
}

Memory::~Memory() {
    unmapPlaced(false);
    if (mapped)
        surface_->unmap();
    if (surface_)
        as<Device>(base.device).queue->executor().forget(*surface_);
}

} // namespace svga::vulkan

using namespace svga::vulkan;
using svga::winsys::Ref;
using svga::winsys::Surface;

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_AllocateMemory(VkDevice handle, const VkMemoryAllocateInfo* info,
                                                   const VkAllocationCallbacks* allocator, VkDeviceMemory* out) {
    Device& device = as<Device>(vk_device_from_handle(handle));
    Ref<Surface> shared;
    const auto* external =
        static_cast<const VkImportMemoryFdInfoKHR*>(vk_find_struct_const(info->pNext, IMPORT_MEMORY_FD_INFO_KHR));
    if (external && !external->handleType)
        external = nullptr;
    if (external) {
        const VkResult result = guarded(&device, VK_ERROR_INVALID_EXTERNAL_HANDLE, [&] {
            shared = importBufferSurface(*device.winsys, external->fd, info->allocationSize);
        });
        if (result != VK_SUCCESS)
            return result;
    }
    return guarded(&device, VK_ERROR_OUT_OF_DEVICE_MEMORY, [&] {
        if (!device.takeMemory(info->allocationSize))
            throw svga::Error("there is no room for {} bytes in the heap", info->allocationSize);
        Memory* memory = nullptr;
        try {
            memory = allocate<Memory>(device, allocator);
            vk_object_base_init(&device, &memory->base, VK_OBJECT_TYPE_DEVICE_MEMORY);
            memory->size = info->allocationSize;
            memory->memory_type_index = info->memoryTypeIndex;
            if (shared)
                memory->adopt(std::move(shared));
            if (info->memoryTypeIndex == kCoherentMemory)
                memory->map();
        } catch (...) {
            if (memory) {
                vk_object_base_finish(&memory->base);
                release(device, allocator, memory);
            }
            device.giveMemory(info->allocationSize);
            throw;
        }
        *out = vk_device_memory_to_handle(memory);
        if (external)
            const svga::UniqueFd taken(external->fd); // it is the driver's, once that has succeeded
    });
}

VKAPI_ATTR VkResult VKAPI_CALL svga_GetMemoryFdKHR(VkDevice handle, const VkMemoryGetFdInfoKHR* info, int* out) {
    vk_device* device = vk_device_from_handle(handle);
    return guarded(device, VK_ERROR_OUT_OF_HOST_MEMORY, [&] {
        *out = as<Memory>(vk_device_memory_from_handle(info->memory)).surface()->exportPrime().release();
    });
}

VKAPI_ATTR VkResult VKAPI_CALL svga_GetMemoryFdPropertiesKHR(VkDevice handle, VkExternalMemoryHandleTypeFlagBits,
                                                             int fd, VkMemoryFdPropertiesKHR* out) {
    Device& device = as<Device>(vk_device_from_handle(handle));
    return guarded(&device, VK_ERROR_INVALID_EXTERNAL_HANDLE, [&] {
        importBufferSurface(*device.winsys, fd, 0);
        out->memoryTypeBits = 1u << kDeviceLocalMemory | 1u << kCoherentMemory;
    });
}

VKAPI_ATTR void VKAPI_CALL svga_FreeMemory(VkDevice handle, VkDeviceMemory memoryHandle,
                                           const VkAllocationCallbacks* allocator) {
    Device& device = as<Device>(vk_device_from_handle(handle));
    if (!memoryHandle)
        return;
    Memory& memory = as<Memory>(vk_device_memory_from_handle(memoryHandle));
    device.giveMemory(memory.size);
    vk_object_base_finish(&memory.base);
    release(device, allocator, &memory);
}

VKAPI_ATTR VkResult VKAPI_CALL svga_MapMemory2KHR(VkDevice handle, const VkMemoryMapInfoKHR* info, void** data) {
    Memory& memory = as<Memory>(vk_device_memory_from_handle(info->memory));
    if (!(info->flags & VK_MEMORY_MAP_PLACED_BIT_EXT)) {
        *data = memory.mapped + info->offset;
        return VK_SUCCESS;
    }
    return guarded(vk_device_from_handle(handle), VK_ERROR_MEMORY_MAP_FAILED, [&] {
        const auto* placed =
            static_cast<const VkMemoryMapPlacedInfoEXT*>(vk_find_struct_const(info->pNext, MEMORY_MAP_PLACED_INFO_EXT));
        memory.mapAt(placed->pPlacedAddress);
        *data = placed->pPlacedAddress;
    });
}

// But for what was placed, it stays mapped as long as it lives.
VKAPI_ATTR VkResult VKAPI_CALL svga_UnmapMemory2KHR(VkDevice handle, const VkMemoryUnmapInfoKHR* info) {
    return guarded(vk_device_from_handle(handle), VK_ERROR_MEMORY_MAP_FAILED, [&] {
        as<Memory>(vk_device_memory_from_handle(info->memory))
            .unmapPlaced(info->flags & VK_MEMORY_UNMAP_RESERVE_BIT_EXT);
    });
}

VKAPI_ATTR VkResult VKAPI_CALL svga_FlushMappedMemoryRanges(VkDevice, uint32_t, const VkMappedMemoryRange*) {
    return VK_SUCCESS; // all memory that can be mapped is coherent
}

VKAPI_ATTR VkResult VKAPI_CALL svga_InvalidateMappedMemoryRanges(VkDevice, uint32_t, const VkMappedMemoryRange*) {
    return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL svga_GetDeviceMemoryCommitment(VkDevice, VkDeviceMemory, VkDeviceSize* committed) {
    *committed = 0; // of lazily allocated memory, of which there is none
}

} // extern "C"
