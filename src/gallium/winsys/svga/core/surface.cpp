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

drm_vmw_gb_surface_create_ext_req createRequest(const SurfaceDesc& desc, uint32_t buffer) {
    drm_vmw_gb_surface_create_ext_req request{};
    request.version = drm_vmw_gb_surface_v1;
    request.base.svga3d_flags = static_cast<uint32_t>(desc.flags);
    request.svga3d_flags_upper_32_bits = static_cast<uint32_t>(desc.flags >> 32);
    request.base.format = desc.format;
    request.base.mip_levels = desc.mipLevels;
    uint32_t flags = drm_vmw_surface_flag_shareable | drm_vmw_surface_flag_coherent;
    if (buffer == SVGA3D_INVALID_ID)
        flags |= drm_vmw_surface_flag_create_buffer;
    if (desc.scanout)
        flags |= drm_vmw_surface_flag_scanout;
    request.base.drm_surface_flags = static_cast<drm_vmw_surface_flags>(flags);
    request.base.multisample_count = desc.sampleCount;
    request.base.autogen_filter = SVGA3D_TEX_FILTER_NONE;
    request.base.buffer_handle = buffer;
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

drm_vmw_gb_surface_create_rep createInKernel(Device& device, const SurfaceDesc& desc, uint32_t buffer) {
    drm_vmw_gb_surface_create_ext_arg arg{};
    arg.req = createRequest(desc, buffer);
    if (const int result = device.kernel().exchange(DRM_VMW_GB_SURFACE_CREATE_EXT, arg))
        throw Error("cannot create a surface of {} bytes: {}", backingSize(desc), std::strerror(-result));
    return arg.rep;
}

} // namespace

uint64_t backingSize(const SurfaceDesc& desc) {
    const uint64_t images = imagesSize(desc);
    return desc.flags & SVGA3D_SURFACE_BIND_STREAM_OUTPUT && images ? add(images, sizeof(SVGA3dDXSOState)) : images;
}

Surface::KernelSurface::KernelSurface(Device& device, uint32_t handle, Ref<Bo> bo)
    : device_(&device)
    , handle_(handle)
    , bo_(std::move(bo)) {
    bo_->surfaces_.fetch_add(1, std::memory_order_relaxed);
}

Surface::KernelSurface::KernelSurface(KernelSurface&& other) noexcept
    : device_(other.device_)
    , handle_(other.handle_)
    , bo_(std::move(other.bo_)) {}

Surface::KernelSurface& Surface::KernelSurface::operator=(KernelSurface&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    std::swap(bo_, other.bo_);
    return *this;
}

Surface::KernelSurface::~KernelSurface() {
    if (!bo_)
        return;
    bo_->surfaces_.fetch_sub(1, std::memory_order_relaxed);
    closeSurface(*device_, handle_);
}

Surface::KernelSurface Surface::KernelSurface::create(Device& device, const SurfaceDesc& desc) {
    const uint64_t size = backingSize(desc);
    if (desc.persistent) {
        // The kernel would make the memory just large enough. With room for a stream-output position at its end, a
        // surface that is a stream-output target can move onto it as well.
        SurfaceDesc largest = desc;
        largest.flags |= SVGA3D_SURFACE_BIND_STREAM_OUTPUT;
        const uint64_t roomy = std::min(backingSize(largest), std::max(size, device.info().maxMobSize));
        return createOn(device, desc, Bo::create(device, static_cast<uint32_t>(roomy)));
    }
    const drm_vmw_gb_surface_create_rep reply = createInKernel(device, desc, SVGA3D_INVALID_ID);
    try {
        Ref<Bo> bo = Bo::adopt(device, reply.buffer_handle, reply.buffer_map_handle, reply.backup_size);
        if (reply.backup_size < size)
            throw Error("the kernel backs a surface of {} bytes with {}", size, reply.backup_size);
        return {device, reply.handle, std::move(bo)};
    } catch (...) {
        closeSurface(device, reply.handle);
        throw;
    }
}

Surface::KernelSurface Surface::KernelSurface::createOn(Device& device, const SurfaceDesc& desc, Ref<Bo> bo) {
    const uint32_t handle = createInKernel(device, desc, bo->handle()).handle;
    return {device, handle, std::move(bo)};
}

Surface::Surface(Device& device, KernelSurface kernel, const SurfaceDesc& desc, bool coherent)
    : device_(device)
    , desc_(desc)
    , coherent_(coherent)
    , kernel_(std::move(kernel)) {}

Surface::~Surface() {
    strike();
}

void Surface::strike() {
    // An import of the same handle may have put its own object in the place of this dying one.
    const std::lock_guard lock(device_.surfacesMutex_);
    const auto entry = device_.surfaces_.find(kernel_.handle());
    if (entry != device_.surfaces_.end() && entry->second == this)
        device_.surfaces_.erase(entry);
}

Ref<Surface> Surface::enroll(Device& device, KernelSurface kernel, const SurfaceDesc& desc, bool coherent) {
    const std::lock_guard lock(device.surfacesMutex_);
    const auto entry = device.surfaces_.try_emplace(kernel.handle(), nullptr).first;
    // Where it is known already, the kernel's second reference to the handle closes with the argument.
    if (entry->second && entry->second->tryRef())
        return Ref<Surface>::adopt(entry->second);
    try {
        entry->second = new Surface(device, std::move(kernel), desc, coherent);
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
    return enroll(device, KernelSurface::create(device, desc), desc, true);
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
    const auto kernelSurface = [&]() -> KernelSurface {
        try {
            return {device, reply.crep.handle,
                    Bo::adopt(device, reply.crep.buffer_handle, reply.crep.buffer_map_handle, reply.crep.backup_size)};
        } catch (...) {
            closeSurface(device, reply.crep.handle);
            throw;
        }
    };
    Ref<Surface> surface = enroll(device, kernelSurface(), desc, coherent);
    surface->used_ = true;
    surface->fresh_ = false;
    return surface;
}

uint32_t Surface::handle() const {
    const std::lock_guard lock(mutex_);
    return kernel_.handle();
}

Ref<Bo> Surface::bo() const {
    const std::lock_guard lock(mutex_);
    return kernel_.bo();
}

uint32_t Surface::beginUse() {
    const std::lock_guard lock(mutex_);
    pending_.fetch_add(1, std::memory_order_acq_rel);
    used_ = true;
    return kernel_.handle();
}

uint32_t Surface::exportKernelHandle() {
    const std::lock_guard lock(mutex_);
    used_ = true;
    fresh_ = false;
    return kernel_.handle();
}

UniqueFd Surface::exportPrime() {
    const uint32_t handle = exportKernelHandle();
    UniqueFd fd;
    if (const int result = device_.kernel().exportHandle(handle, fd))
        throw Error("cannot export surface {}: {}", handle, std::strerror(-result));
    return fd;
}

void* Surface::map(const MapAccess& access) {
    Ref<Bo> bo;
    bool fresh;
    {
        const std::lock_guard lock(mutex_);
        bo = kernel_.bo();
        fresh = fresh_.exchange(false);
        if (access.write)
            used_ = true;
    }
    void* address = beginMapping(*bo, access);
    const bool fills = fresh && desc_.format != SVGA3D_BUFFER;
    if (address && access.write && (access.discard || fills))
        bo->announceWrite(0, std::min<uint64_t>(backingSize(desc_), bo->size()), access.discard);
    return address;
}

void* Surface::beginMapping(Bo& bo, const MapAccess& access) {
    const CpuAccess grab{.write = access.write, .dontBlock = access.dontBlock, .exclusive = !coherent_};
    return bo.beginMapping(grab, !access.unsynchronized);
}

void Surface::unmap() {
    bo()->endMapping();
}

void Surface::become(KernelSurface kernel) {
    strike();
    {
        const std::lock_guard lock(device_.surfacesMutex_);
        device_.surfaces_.insert_or_assign(kernel.handle(), this);
    }
    kernel_ = std::move(kernel);
}

void Surface::renew(uint64_t bytes) {
    {
        const std::lock_guard lock(mutex_);
        if (pending_ != 0)
            throw Error("surface {} is named by commands that are still to be submitted", kernel_.handle());
        if (desc_.persistent && kernel_.bo()->isShared()) {
            become(KernelSurface::create(device_, desc_));
            used_ = false;
        }
        fresh_ = true;
    }
    if (used_)
        zero(bytes);
}

bool Surface::moveOnto(const Surface& source) {
    constexpr uint64_t kHints = SVGA3D_SURFACE_HINT_STATIC | SVGA3D_SURFACE_HINT_DYNAMIC |
                                SVGA3D_SURFACE_HINT_INDEXBUFFER | SVGA3D_SURFACE_HINT_VERTEXBUFFER;
    Ref<Bo> bo = source.bo();
    const bool replaces = desc_.persistent && source.desc_.persistent && desc_.width == source.desc_.width &&
                          desc_.flags & ~source.desc_.flags & ~kHints && bo->isMapped();
    const std::lock_guard lock(mutex_);
    if (!replaces || backingSize(desc_) > bo->size() || !fresh_ || pending_ != 1 || kernel_.bo().get() == bo.get())
        return false;
    become(KernelSurface::createOn(device_, desc_, std::move(bo)));
    return true;
}

void Surface::zero(uint64_t bytes) {
    const Ref<Bo> bo = this->bo();
    bytes = std::min<uint64_t>(bytes, bo->size());
    auto* backing = static_cast<uint8_t*>(beginMapping(*bo, {.write = true}));
    bo->announceWrite(0, bytes, true); // what the device wrote for its last user is not read back
    std::memset(backing, 0, bytes);
    if (desc_.flags & SVGA3D_SURFACE_BIND_STREAM_OUTPUT) {
        const uint64_t position = imagesSize(desc_);
        if (position + sizeof(SVGA3dDXSOState) <= bo->size())
            std::memset(backing + position, 0, sizeof(SVGA3dDXSOState));
    }
    bo->endMapping();
}

} // namespace svga::winsys
