// SPDX-License-Identifier: MIT
/**
 * \file
 * The embedded kernel with the real device process below it, opened without being preloaded.
 */
#pragma once

#include "shim/descriptors.h"
#include "shim/environment.h"
#include "shim/kernel/device_file.h"
#include "shim/kernel/kernel.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace svga::shim::test {

/** \brief An mmap() of guest memory as the interposers make it. */
class Mapping {
public:
    Mapping(Kernel& kernel, OpenFile& file, uint64_t handle, uint64_t size)
        : kernel_(kernel)
        , size_(size) {
        const int64_t offset = file.mapOffset(handle, size);
        if (offset < 0)
            throw Error("cannot map: {}", -offset);
        void* address =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, kernel.memory().fd(), static_cast<off_t>(offset));
        if (address == MAP_FAILED)
            throw Error("mmap failed");
        data_ = static_cast<uint8_t*>(address);
        file.mapped(data_, static_cast<uint64_t>(offset), size, true);
    }
    ~Mapping() {
        kernel_.removeMapping(data_, size_);
        ::munmap(data_, size_);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    uint8_t* data() const { return data_; }
    uint8_t& operator[](std::size_t index) const { return data_[index]; }

private:
    Kernel& kernel_;
    uint64_t size_;
    uint8_t* data_;
};

struct SurfaceHandle {
    uint32_t handle;
    uint32_t buffer;
    uint64_t mapHandle;
    uint32_t size;
};

class EmbeddedDevice {
public:
    explicit EmbeddedDevice(TrackerChoice tracker = TrackerChoice::Best, bool copyOnly = true) {
        KernelOptions options;
        options.device.executable = SVGA_DEVICE_PATH;
        options.device.copyOnly = copyOnly;
        for (char** entry = environ; *entry != nullptr; ++entry)
            options.device.environment.emplace_back(*entry);
        options.tracker = tracker;
        counters = std::make_unique<Counters>();
        kernel = std::make_shared<Kernel>(options, *counters);
        file = open();
    }

    std::shared_ptr<DeviceFile> open() {
        return std::make_shared<DeviceFile>(
            128, [this] { return kernel; }, descriptors);
    }

    template <typename T>
    int command(unsigned number, T& argument, DeviceFile* on = nullptr) {
        const unsigned long request =
            _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, DRM_COMMAND_BASE + number, sizeof(T));
        return (on != nullptr ? on : file.get())->ioctl(request, &argument);
    }

    SurfaceHandle createSurface(uint32_t format, drm_vmw_size size, uint32_t levels, uint32_t layers, uint32_t flags,
                                uint32_t drmFlags = drm_vmw_surface_flag_create_buffer | drm_vmw_surface_flag_coherent,
                                uint32_t buffer = SVGA3D_INVALID_ID, uint32_t samples = 0) {
        drm_vmw_gb_surface_create_ext_arg arg{};
        arg.req.base.format = format;
        arg.req.base.svga3d_flags = flags;
        arg.req.base.base_size = size;
        arg.req.base.mip_levels = levels;
        arg.req.base.array_size = layers;
        arg.req.base.multisample_count = samples;
        arg.req.base.buffer_handle = buffer;
        arg.req.base.drm_surface_flags = static_cast<drm_vmw_surface_flags>(drmFlags);
        arg.req.version = drm_vmw_gb_surface_v1;
        const int result = command(DRM_VMW_GB_SURFACE_CREATE_EXT, arg);
        if (result != 0)
            throw Error("cannot create a surface: {}", -result);
        return {arg.rep.handle, arg.rep.buffer_handle, arg.rep.buffer_map_handle, arg.rep.buffer_size};
    }

    SurfaceHandle createBuffer(uint32_t size) {
        return createSurface(SVGA3D_BUFFER, {size, 1, 1, 0}, 1, 1,
                             SVGA3D_SURFACE_BIND_VERTEX_BUFFER | SVGA3D_SURFACE_HINT_VERTEXBUFFER);
    }

    /// Another surface on the memory of \p other.
    SurfaceHandle createBufferOn(const SurfaceHandle& other, uint32_t size) {
        return createSurface(SVGA3D_BUFFER, {size, 1, 1, 0}, 1, 1, SVGA3D_SURFACE_BIND_INDEX_BUFFER,
                             drm_vmw_surface_flag_coherent, other.buffer);
    }

    /// \return 0 or a negative errno; \p fence gets the fence's handle.
    int execute(const CommandStream& commands, uint32_t context = SVGA3D_INVALID_ID,
                drm_vmw_fence_rep* fence = nullptr) {
        drm_vmw_fence_rep reply{};
        drm_vmw_execbuf_arg arg{};
        arg.commands = reinterpret_cast<uint64_t>(commands.bytes().data());
        arg.command_size = static_cast<uint32_t>(commands.size());
        arg.fence_rep = reinterpret_cast<uint64_t>(&reply);
        arg.version = 2;
        arg.context_handle = context;
        const int result = command(DRM_VMW_EXECBUF, arg);
        if (fence != nullptr)
            *fence = reply;
        return result;
    }

    int wait(const drm_vmw_fence_rep& fence, uint64_t timeoutUs = 60000000) {
        drm_vmw_fence_wait_arg arg{};
        arg.handle = fence.handle;
        arg.timeout_us = timeoutUs;
        return command(DRM_VMW_FENCE_WAIT, arg);
    }

    /// Executes and waits.
    void run(const CommandStream& commands, uint32_t context = SVGA3D_INVALID_ID) {
        drm_vmw_fence_rep fence{};
        ASSERT_EQ(execute(commands, context, &fence), 0);
        ASSERT_EQ(wait(fence), 0);
    }

    std::unique_ptr<Mapping> map(const SurfaceHandle& surface) {
        return std::make_unique<Mapping>(*kernel, *file, surface.mapHandle, surface.size);
    }

    std::unique_ptr<Counters> counters; // outlive all below
    Descriptors descriptors;
    std::shared_ptr<Kernel> kernel;
    std::shared_ptr<DeviceFile> file;
};

} // namespace svga::shim::test
