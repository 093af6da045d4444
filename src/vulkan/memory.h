// SPDX-License-Identifier: MIT
/**
 * \file
 * Device memory.
 *
 * An allocation of the coherent type is one buffer surface, as large as the allocation, that can be bound in every way,
 * over one coherent MOB that is mapped once. A VkBuffer is a range of it: offsets, several buffers and aliases in one
 * allocation come by themselves, and what the CPU and the device write meets in the same memory. No flush or invalidate
 * has anything to do.
 *
 * Memory of the device-local type has such a surface once a buffer is bound to it. An image has a surface of its own
 * (SVGA lays images out as it likes, and knows no image in a buffer): for images the allocation is a mere number.
 * Images made to alias each other share one, where they are alike and begin at the same byte: only then does Vulkan say
 * what they hold.
 *
 * What is exported is the buffer surface, as a dma-buf; so memory is shared for buffers, and not for images.
 *
 * The device must take surfaces that can be bound in every way at once. This project's does; see docs/vulkan.md.
 */
#pragma once

#include "gallium/winsys/svga/core/surface.h"
#include "vulkan/mesa.h"

#include <mutex>
#include <vector>

namespace svga::vulkan {

/** \brief A VkDeviceMemory. */
struct Memory : vk_device_memory {
    /** \brief The buffer surface over all of it, made where there is none yet. Any thread. Throws Error. */
    winsys::Ref<winsys::Surface> surface();

    /** \brief The surface of images described by \p desc that alias each other at \p offset. Any thread. Throws Error.
     */
    winsys::Ref<winsys::Surface> aliasedSurface(const winsys::SurfaceDesc& desc, uint64_t offset);

    /** \brief Makes \p surface the one over all of it, before there is another. */
    void adopt(winsys::Ref<winsys::Surface> surface);

    /** \brief Maps it for as long as it lives. Throws Error. */
    void map();
    /** \brief Maps it at \p address as well, of whole pages, in place of what is there. Throws Error. */
    void mapAt(void* address);
    /** \brief Ends that. \param reserve leaves addresses that nothing else is mapped to. Throws Error. */
    void unmapPlaced(bool reserve);
    ~Memory();

    std::byte* mapped = nullptr; ///< where the CPU has it; only of the coherent type

private:
    size_t wholePages() const;

    std::mutex mutex_;
    winsys::Ref<winsys::Surface> surface_;
    void* placed_ = nullptr; ///< by mapAt()
    struct Aliased {
        winsys::SurfaceDesc desc;
        uint64_t offset;
        winsys::Ref<winsys::Surface> surface;
    };
    std::vector<Aliased> aliased_;
};

/** \brief The buffer surface that \p fd stands for. Throws Error where it is none that this driver makes for \p size
 * bytes. */
winsys::Ref<winsys::Surface> importBufferSurface(winsys::Device& device, int fd, uint64_t size);

/** \brief A surface for \p size bytes that can be bound as whatever a buffer can be. Throws Error. */
winsys::Ref<winsys::Surface> createBufferSurface(winsys::Device& device, uint64_t size);

} // namespace svga::vulkan
