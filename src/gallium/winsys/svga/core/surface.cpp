// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/surface.h"

#include "util/error.h"

#include <svga3d_dx.h>
#include <svga3d_surfacedefs.h>
#include <vmwgfx_drm.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace svga::winsys {

namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

uint64_t multiply(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? kMax : product;
}

uint64_t add(uint64_t a, uint64_t b) {
    return a > kMax - b ? kMax : a + b;
}

uint64_t mipSize(const SVGA3dSurfaceDesc& format, const SurfaceDesc& desc, uint32_t level) {
    const auto blocks = [level](uint32_t pixels, uint32_t block) {
        const uint64_t size = std::max<uint32_t>(level < 32 ? pixels >> level : 0, 1);
        return (size + block - 1) / block;
    };
    const uint64_t width = blocks(desc.width, format.blockSize.width);
    // Of planar formats the block counts all planes, of the others the pitch is what a row takes.
    const bool planar = format.blockDesc & SVGA3DBLOCKDESC_PLANAR_YUV;
    const uint64_t row = multiply(width, planar ? format.bytesPerBlock : format.pitchBytesPerBlock);
    return multiply(multiply(row, blocks(desc.height, format.blockSize.height)),
                    blocks(desc.depth, format.blockSize.depth));
}

uint64_t imagesSize(const SurfaceDesc& desc) {
    if (desc.format >= std::size(g_SVGA3dSurfaceDescs))
        return 0;
    const SVGA3dSurfaceDesc& format = g_SVGA3dSurfaceDescs[desc.format];
    uint64_t layer = 0;
    for (uint32_t level = 0; level < desc.mipLevels; ++level) {
        layer = add(layer, mipSize(format, desc, level));
        if (layer == kMax)
            break;
    }
    return multiply(multiply(layer, desc.layers), std::max(desc.sampleCount, 1u));
}

void closeSurface(Device& device, uint32_t handle) {
    drm_vmw_surface_arg arg{};
    arg.sid = static_cast<int32_t>(handle);
    device.kernel().write(DRM_VMW_UNREF_SURFACE, arg);
}

drm_vmw_gb_surface_create_ext_req createRequest(const SurfaceDesc& desc) {
    drm_vmw_gb_surface_create_ext_req request{};
    request.version = drm_vmw_gb_surface_v1;
    request.base.svga3d_flags = static_cast<uint32_t>(desc.flags);
    request.svga3d_flags_upper_32_bits = static_cast<uint32_t>(desc.flags >> 32);
    request.base.format = desc.format;
    request.base.mip_levels = desc.mipLevels;
    uint32_t flags =
        drm_vmw_surface_flag_shareable | drm_vmw_surface_flag_create_buffer | drm_vmw_surface_flag_coherent;
    if (desc.scanout)
        flags |= drm_vmw_surface_flag_scanout;
    request.base.drm_surface_flags = static_cast<drm_vmw_surface_flags>(flags);
    request.base.multisample_count = desc.sampleCount;
    request.base.autogen_filter = SVGA3D_TEX_FILTER_NONE;
    request.base.buffer_handle = SVGA3D_INVALID_ID;
    request.base.array_size = desc.layers;
    request.base.base_size.width = desc.width;
    request.base.base_size.height = desc.height;
    request.base.base_size.depth = desc.depth;
    if (desc.flags & SVGA3D_SURFACE_MULTISAMPLE) {
        request.multisample_pattern = SVGA3D_MS_PATTERN_STANDARD;
        request.quality_level = SVGA3D_MS_QUALITY_FULL;
    }
    return request;
}

} // namespace

uint64_t backingSize(const SurfaceDesc& desc) {
    const uint64_t images = imagesSize(desc);
    return desc.flags & SVGA3D_SURFACE_BIND_STREAM_OUTPUT && images ? add(images, sizeof(SVGA3dDXSOState)) : images;
}

Surface::Surface(Device& device, uint32_t handle, const SurfaceDesc& desc, bool coherent, Ref<Bo> bo)
    : device_(device)
    , handle_(handle)
    , desc_(desc)
    , coherent_(coherent)
    , bo_(std::move(bo)) {}

Surface::~Surface() {
    {
        // An import of the same handle may have put its own object in the place of this dying one.
        const std::lock_guard lock(device_.surfacesMutex_);
        const auto entry = device_.surfaces_.find(handle_);
        if (entry != device_.surfaces_.end() && entry->second == this)
            device_.surfaces_.erase(entry);
    }
    closeSurface(device_, handle_);
}

Ref<Surface> Surface::enroll(Device& device, uint32_t handle, const SurfaceDesc& desc, bool coherent, Ref<Bo> bo) {
    const std::lock_guard lock(device.surfacesMutex_);
    const auto entry = device.surfaces_.try_emplace(handle, nullptr).first;
    if (entry->second && entry->second->tryRef()) {
        // Known already: the kernel counts references to the handle, and this object needs but one.
        closeSurface(device, handle);
        return Ref<Surface>::adopt(entry->second);
    }
    try {
        entry->second = new Surface(device, handle, desc, coherent, std::move(bo));
    } catch (...) {
        device.surfaces_.erase(entry);
        throw;
    }
    return Ref<Surface>::adopt(entry->second);
}

Ref<Surface> Surface::create(Device& device, const SurfaceDesc& desc) {
    if (desc.flags & SVGA3D_SURFACE_MULTISAMPLE && desc.sampleCount == 0)
        throw Error("a multisampled surface needs a sample count");
    const uint64_t size = backingSize(desc);
    if (size == 0 || size > device.info().maxMobSize)
        throw Error(
            "a surface of {}x{}x{}, {} layers, {} mip levels, {} samples and format {} needs {} bytes; the device "
            "takes 1 to {}",
            desc.width, desc.height, desc.depth, desc.layers, desc.mipLevels, desc.sampleCount, desc.format, size,
            device.info().maxMobSize);

    drm_vmw_gb_surface_create_ext_arg arg{};
    arg.req = createRequest(desc);
    if (const int result = device.kernel().exchange(DRM_VMW_GB_SURFACE_CREATE_EXT, arg))
        throw Error("cannot create a surface of {} bytes: {}", size, std::strerror(-result));
    const drm_vmw_gb_surface_create_rep reply = arg.rep;
    try {
        Ref<Bo> bo = Bo::adopt(device, reply.buffer_handle, reply.buffer_map_handle, reply.backup_size);
        if (reply.backup_size < size)
            throw Error("the kernel backs a surface of {} bytes with {}", size, reply.backup_size);
        return enroll(device, reply.handle, desc, true, std::move(bo));
    } catch (...) {
        closeSurface(device, reply.handle);
        throw;
    }
}

Ref<Surface> Surface::import(Device& device, const SharedHandle& shared) {
    const bool prime = shared.type == SharedHandle::Type::Prime;
    drm_vmw_gb_surface_reference_ext_arg arg{};
    arg.req.sid = static_cast<int32_t>(shared.value);
    arg.req.handle_type = prime ? DRM_VMW_HANDLE_PRIME : DRM_VMW_HANDLE_LEGACY;
    if (const int result = device.kernel().exchange(DRM_VMW_GB_SURFACE_REF_EXT, arg))
        throw Error("cannot import the surface of {} {}: {}", prime ? "file descriptor" : "handle", shared.value,
                    std::strerror(-result));
    const drm_vmw_gb_surface_ref_ext_rep reply = arg.rep;
    SurfaceDesc desc;
    desc.flags = uint64_t(reply.creq.svga3d_flags_upper_32_bits) << 32 | reply.creq.base.svga3d_flags;
    desc.format = reply.creq.base.format;
    desc.width = reply.creq.base.base_size.width;
    desc.height = reply.creq.base.base_size.height;
    desc.depth = reply.creq.base.base_size.depth;
    desc.layers = std::max(reply.creq.base.array_size, 1u);
    desc.mipLevels = reply.creq.base.mip_levels;
    desc.sampleCount = reply.creq.base.multisample_count;
    const bool coherent = reply.creq.base.drm_surface_flags & drm_vmw_surface_flag_coherent;
    try {
        Ref<Bo> bo = Bo::adopt(device, reply.crep.buffer_handle, reply.crep.buffer_map_handle, reply.crep.backup_size);
        Ref<Surface> surface = enroll(device, reply.crep.handle, desc, coherent, std::move(bo));
        surface->used_ = true;
        return surface;
    } catch (...) {
        closeSurface(device, reply.crep.handle);
        throw;
    }
}

uint32_t Surface::exportKernelHandle() {
    used_ = true;
    return handle_;
}

UniqueFd Surface::exportPrime() {
    UniqueFd fd;
    if (const int result = device_.kernel().exportHandle(handle_, fd))
        throw Error("cannot export surface {}: {}", handle_, std::strerror(-result));
    used_ = true;
    return fd;
}

void* Surface::map(const MapAccess& access) {
    void* address = bo_->map();
    if (access.write)
        used_ = true;
    const CpuAccess grab{.write = access.write, .dontBlock = access.dontBlock, .exclusive = !coherent_};
    if (!access.unsynchronized && !bo_->beginCpuAccess(grab))
        return nullptr;
    const std::lock_guard lock(mapsMutex_);
    ++mapCount_;
    if (!access.unsynchronized && grab.exclusive)
        exclusiveGrabs_.push_back(grab);
    return address;
}

void Surface::unmap() {
    const std::lock_guard lock(mapsMutex_);
    if (mapCount_ == 0)
        return;
    --mapCount_;
    // Which of several mappings ends is not known: grabs are held as long as one of them may need it.
    if (exclusiveGrabs_.size() > mapCount_) {
        bo_->endCpuAccess(exclusiveGrabs_.back());
        exclusiveGrabs_.pop_back();
    }
}

void Surface::zero(uint64_t bytes) {
    if (!used_)
        return;
    auto* backing = static_cast<uint8_t*>(map({.write = true}));
    std::memset(backing, 0, std::min<uint64_t>(bytes, bo_->size()));
    if (desc_.flags & SVGA3D_SURFACE_BIND_STREAM_OUTPUT) {
        const uint64_t position = imagesSize(desc_);
        if (position + sizeof(SVGA3dDXSOState) <= bo_->size())
            std::memset(backing + position, 0, sizeof(SVGA3dDXSOState));
    }
    unmap();
}

} // namespace svga::winsys
