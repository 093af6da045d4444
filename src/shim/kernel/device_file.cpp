// SPDX-License-Identifier: MIT
#include "shim/kernel/device_file.h"

#include "shim/device_tree.h"
#include "shim/kernel/batch.h"
#include "shim/kernel/report.h"
#include "shim/kernel/shared_files.h"
#include "shim/kernel/user_memory.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace svga::shim {

namespace {

constexpr std::string_view kDriverName = "vmwgfx";
constexpr std::string_view kDriverDate = "20211206";
constexpr std::string_view kDriverDescription = "Linux drm driver for VMware graphics devices (embedded)";
constexpr int kMajorVersion = 2, kMinorVersion = 20;
constexpr uint32_t kPciDevice = 0x0406;
constexpr uint32_t kHardwareVersion = 2u << 16 | 1; // SVGA3D_HWVERSION_WS8_B1, as vmwgfx says of SVGA III
constexpr uint64_t kDirtyTrackingVersion = 1;
constexpr auto kMaxWait = std::chrono::hours(24);

/// Runs \p function on a copy of the ioctl's argument, and copies that back where \p function succeeds.
template <typename T, typename Function>
int withArgument(void* argument, unsigned size, Function function) {
    T copy{};
    std::memcpy(static_cast<void*>(&copy), argument, std::min<std::size_t>(size, sizeof(T)));
    function(copy);
    std::memcpy(argument, static_cast<const void*>(&copy), std::min<std::size_t>(size, sizeof(T)));
    return 0;
}

void copyString(std::string_view text, char* out, __kernel_size_t& size) {
    if (out != nullptr)
        std::memcpy(out, text.data(), std::min<std::size_t>(text.size(), size));
    size = text.size();
}

} // namespace

DeviceFile::DeviceFile(unsigned minor, KernelSource kernel, DescriptorSource& descriptors,
                       std::shared_ptr<EventSink> events)
    : minor_(minor)
    , source_(std::move(kernel))
    , descriptors_(descriptors)
    , events_(std::move(events)) {}

DeviceFile::~DeviceFile() {
    if (!kernel_)
        return;
    auto held = kernel_->lock();
    kernel_->forgetDisplayOf(this, events_.get());
    handles_ = Handles();
}

Kernel& DeviceFile::kernel() {
    std::call_once(started_, [this] { kernel_ = source_(); });
    if (!kernel_)
        throw IoctlError(ENODEV);
    if (kernel_->lost())
        throw IoctlError(EIO);
    return *kernel_;
}

void DeviceFile::stat(struct stat& out) const {
    DeviceTree::fillNode(minor_, out);
}

int64_t DeviceFile::mapOffset(uint64_t offset, uint64_t size) {
    if (!kernel_)
        return -EINVAL;
    auto held = kernel_->lock();
    return kernel_->bufferAt(offset, pageCeil(size)) ? static_cast<int64_t>(offset) : -EINVAL;
}

void DeviceFile::mapped(void* address, uint64_t offset, uint64_t size, bool writable) {
    kernel_->addMapping(address, offset, size, writable);
}

int DeviceFile::ioctl(unsigned long request, void* argument) {
    if (_IOC_TYPE(request) != DRM_IOCTL_BASE)
        return -ENOTTY;
    const unsigned number = _IOC_NR(request);
    const unsigned size = _IOC_SIZE(request);
    if (size != 0 && argument == nullptr)
        return -EFAULT;
    // As in DRM: an argument shorter than ours is padded with zeros, a longer one cut.
    std::vector<std::byte> copy(std::max<std::size_t>(size, 256));
    if (size != 0)
        std::memcpy(copy.data(), argument, size);
    int result;
    try {
        result = number >= DRM_COMMAND_BASE && number < DRM_COMMAND_END ? driver(number - DRM_COMMAND_BASE, copy.data())
                                                                        : core(number, copy.data());
    } catch (const IoctlError& error) {
        return -error.errorNumber;
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    } catch (const std::exception& error) {
        report("ioctl {:#x}: {}", number, error.what());
        return kernel_ && kernel_->lost() ? -EIO : -ENOMEM;
    }
    if (result >= 0 && (_IOC_DIR(request) & _IOC_READ) != 0)
        std::memcpy(argument, copy.data(), size);
    return result;
}

int DeviceFile::core(unsigned number, void* argument) {
    switch (number) {
    case _IOC_NR(DRM_IOCTL_VERSION): {
        auto& version = *static_cast<drm_version*>(argument);
        version.version_major = kMajorVersion;
        version.version_minor = kMinorVersion;
        version.version_patchlevel = 0;
        copyString(kDriverName, version.name, version.name_len);
        copyString(kDriverDate, version.date, version.date_len);
        copyString(kDriverDescription, version.desc, version.desc_len);
        return 0;
    }
    case _IOC_NR(DRM_IOCTL_GET_UNIQUE): {
        auto& unique = *static_cast<drm_unique*>(argument);
        copyString("pci:0000:00:0f.0", unique.unique, unique.unique_len);
        return 0;
    }
    case _IOC_NR(DRM_IOCTL_SET_VERSION):
    case _IOC_NR(DRM_IOCTL_AUTH_MAGIC):
    case _IOC_NR(DRM_IOCTL_SET_MASTER):
    case _IOC_NR(DRM_IOCTL_DROP_MASTER):
        return minor_ == DeviceTree::kPrimaryMinor ? 0 : -EACCES;
    case _IOC_NR(DRM_IOCTL_GET_MAGIC):
        if (minor_ != DeviceTree::kPrimaryMinor)
            return -EACCES;
        static_cast<drm_auth*>(argument)->magic = 1;
        return 0;
    case _IOC_NR(DRM_IOCTL_SET_CLIENT_CAP): {
        const auto& cap = *static_cast<drm_set_client_cap*>(argument);
        if (minor_ != DeviceTree::kPrimaryMinor || cap.capability != DRM_CLIENT_CAP_UNIVERSAL_PLANES)
            return -EOPNOTSUPP;
        return cap.value <= 1 ? 0 : -EINVAL; // the one plane is listed in any case
    }
    case _IOC_NR(DRM_IOCTL_GET_CAP): {
        auto& cap = *static_cast<drm_get_cap*>(argument);
        switch (cap.capability) {
        case DRM_CAP_PRIME:
            cap.value = DRM_PRIME_CAP_IMPORT | DRM_PRIME_CAP_EXPORT;
            return 0;
        case DRM_CAP_TIMESTAMP_MONOTONIC:
        case DRM_CAP_DUMB_BUFFER:
        case DRM_CAP_CRTC_IN_VBLANK_EVENT:
            cap.value = 1;
            return 0;
        case DRM_CAP_DUMB_PREFERRED_DEPTH:
            cap.value = 24;
            return 0;
        case DRM_CAP_SYNCOBJ:
        case DRM_CAP_SYNCOBJ_TIMELINE:
        case DRM_CAP_ASYNC_PAGE_FLIP:
        case DRM_CAP_ADDFB2_MODIFIERS:
        case DRM_CAP_VBLANK_HIGH_CRTC:
        case DRM_CAP_DUMB_PREFER_SHADOW:
            cap.value = 0;
            return 0;
        default:
            return -EOPNOTSUPP;
        }
    }
    case _IOC_NR(DRM_IOCTL_GEM_CLOSE):
        close(static_cast<drm_gem_close*>(argument)->handle);
        return 0;
    case _IOC_NR(DRM_IOCTL_PRIME_HANDLE_TO_FD):
        exportHandle(*static_cast<drm_prime_handle*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE):
        importHandle(*static_cast<drm_prime_handle*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_WAIT_VBLANK):
        return modes(number, argument);
    default:
        return number >= _IOC_NR(DRM_IOCTL_MODE_GETRESOURCES) ? modes(number, argument) : -EINVAL;
    }
}

int DeviceFile::driver(unsigned number, void* argument) {
    switch (number) {
    case DRM_VMW_GET_PARAM:
        getParameter(*static_cast<drm_vmw_getparam_arg*>(argument));
        return 0;
    case DRM_VMW_GET_3D_CAP:
        get3dCapabilities(*static_cast<drm_vmw_get_3d_cap_arg*>(argument));
        return 0;
    case DRM_VMW_ALLOC_BO:
        allocateBuffer(*static_cast<drm_vmw_alloc_bo_arg*>(argument));
        return 0;
    case DRM_VMW_HANDLE_CLOSE:
        close(static_cast<drm_vmw_handle_close_arg*>(argument)->handle);
        return 0;
    case DRM_VMW_CREATE_CONTEXT:
        return -EINVAL; // contexts without DX
    case DRM_VMW_CREATE_EXTENDED_CONTEXT: {
        auto& arg = *static_cast<drm_vmw_extended_context_arg*>(argument);
        createContext(static_cast<uint32_t>(arg.req), arg.rep);
        return 0;
    }
    case DRM_VMW_UNREF_CONTEXT: {
        auto held = kernel().lock();
        if (!handles_.remove<Context>(static_cast<uint32_t>(static_cast<drm_vmw_context_arg*>(argument)->cid)))
            return -EINVAL;
        return 0;
    }
    case DRM_VMW_UNREF_SURFACE: {
        auto held = kernel().lock();
        if (!handles_.remove<Surface>(static_cast<uint32_t>(static_cast<drm_vmw_surface_arg*>(argument)->sid)))
            return -EINVAL;
        return 0;
    }
    case DRM_VMW_GB_SURFACE_CREATE: {
        auto& arg = *static_cast<drm_vmw_gb_surface_create_arg*>(argument);
        drm_vmw_gb_surface_create_ext_req request{};
        request.base = arg.req;
        createSurface(request, arg.rep);
        return 0;
    }
    case DRM_VMW_GB_SURFACE_CREATE_EXT: {
        auto& arg = *static_cast<drm_vmw_gb_surface_create_ext_arg*>(argument);
        const auto request = arg.req;
        createSurface(request, arg.rep);
        return 0;
    }
    case DRM_VMW_GB_SURFACE_REF: {
        auto& arg = *static_cast<drm_vmw_gb_surface_reference_arg*>(argument);
        drm_vmw_gb_surface_ref_ext_rep reply{};
        referenceSurface(arg.req, reply);
        arg.rep.creq = reply.creq.base;
        arg.rep.crep = reply.crep;
        return 0;
    }
    case DRM_VMW_GB_SURFACE_REF_EXT: {
        auto& arg = *static_cast<drm_vmw_gb_surface_reference_ext_arg*>(argument);
        const auto request = arg.req;
        referenceSurface(request, arg.rep);
        return 0;
    }
    case DRM_VMW_EXECBUF:
        execute(*static_cast<drm_vmw_execbuf_arg*>(argument));
        return 0;
    case DRM_VMW_FENCE_WAIT:
        waitForFence(*static_cast<drm_vmw_fence_wait_arg*>(argument));
        return 0;
    case DRM_VMW_FENCE_SIGNALED:
        queryFence(*static_cast<drm_vmw_fence_signaled_arg*>(argument));
        return 0;
    case DRM_VMW_FENCE_UNREF: {
        auto held = kernel().lock();
        return handles_.remove<FenceObject>(static_cast<drm_vmw_fence_arg*>(argument)->handle) ? 0 : -EINVAL;
    }
    case DRM_VMW_SYNCCPU:
        synchronise(*static_cast<drm_vmw_synccpu_arg*>(argument));
        return 0;
    case DRM_VMW_BO_DIRTY_QUERY:
        queryDirty(*static_cast<drm_vmw_bo_dirty_query_arg*>(argument));
        return 0;
    case DRM_VMW_BO_ACCESS:
        declareAccess(*static_cast<drm_vmw_bo_access_arg*>(argument));
        return 0;
    case DRM_VMW_BO_TRACKING:
        setTracking(*static_cast<drm_vmw_bo_tracking_arg*>(argument));
        return 0;
    case DRM_VMW_MKSSTAT_RESET:
    case DRM_VMW_MKSSTAT_ADD:
    case DRM_VMW_MKSSTAT_REMOVE:
    case DRM_VMW_MSG:
    case DRM_VMW_FENCE_EVENT:
        return -ENOSYS;
    default:
        return -EINVAL;
    }
}

void DeviceFile::getParameter(drm_vmw_getparam_arg& arg) {
    const GpuCapabilities& caps = kernel().capabilities();
    switch (arg.param) {
    case DRM_VMW_PARAM_NUM_STREAMS:
    case DRM_VMW_PARAM_NUM_FREE_STREAMS:
    case DRM_VMW_PARAM_FIFO_CAPS:
        arg.value = 0;
        return;
    case DRM_VMW_PARAM_3D:
        arg.value = caps.devcaps[SVGA3D_DEVCAP_3D] != 0;
        return;
    case DRM_VMW_PARAM_HW_CAPS:
        arg.value = caps.capabilities;
        return;
    case DRM_VMW_PARAM_HW_CAPS2:
        arg.value = caps.capabilities2;
        return;
    case DRM_VMW_PARAM_MAX_FB_SIZE:
        arg.value = caps.videoMemory;
        return;
    case DRM_VMW_PARAM_FIFO_HW_VERSION:
        arg.value = kHardwareVersion;
        return;
    case DRM_VMW_PARAM_MAX_SURF_MEMORY:
    case DRM_VMW_PARAM_MAX_MOB_MEMORY:
        arg.value = caps.maxMobMemory;
        return;
    case DRM_VMW_PARAM_3D_CAPS_SIZE:
        arg.value = sizeof(caps.devcaps);
        return;
    case DRM_VMW_PARAM_MAX_MOB_SIZE:
        arg.value = caps.maxMobSize;
        return;
    case DRM_VMW_PARAM_SCREEN_TARGET:
        arg.value = 1;
        return;
    case DRM_VMW_PARAM_DX:
        arg.value = caps.dx();
        return;
    case DRM_VMW_PARAM_SM4_1:
        arg.value = caps.sm41();
        return;
    case DRM_VMW_PARAM_SM5:
        arg.value = caps.sm5();
        return;
    case DRM_VMW_PARAM_GL43:
        arg.value = caps.gl43();
        return;
    case DRM_VMW_PARAM_DEVICE_ID:
        arg.value = kPciDevice;
        return;
    case DRM_VMW_PARAM_DIRTY_TRACKING:
        arg.value = kDirtyTrackingVersion;
        return;
    default:
        throw IoctlError(EINVAL);
    }
}

void DeviceFile::get3dCapabilities(const drm_vmw_get_3d_cap_arg& arg) {
    const auto& devcaps = kernel().capabilities().devcaps;
    if (arg.pad64 != 0 || arg.max_size == 0)
        throw IoctlError(EINVAL);
    copyToUser(arg.buffer, devcaps.data(), std::min<std::size_t>(arg.max_size, sizeof(devcaps)));
}

void DeviceFile::allocateBuffer(drm_vmw_alloc_bo_arg& arg) {
    auto held = kernel().lock();
    auto buffer = kernel_->createBuffer(arg.req.size);
    drm_vmw_bo_rep reply{};
    reply.map_handle = buffer->memory.offset;
    reply.handle = handles_.add(buffer);
    reply.cur_gmr_id = reply.handle;
    arg.rep = reply;
}

void DeviceFile::createContext(uint32_t type, drm_vmw_context_arg& reply) {
    if (type != drm_vmw_context_dx)
        throw IoctlError(EINVAL);
    auto held = kernel().lock();
    reply.cid = static_cast<int32_t>(handles_.add(kernel_->createContext()));
    reply.pad64 = 0;
}

void DeviceFile::fill(const std::shared_ptr<Surface>& surface, drm_vmw_gb_surface_create_rep& reply) {
    reply = {};
    reply.handle = handles_.add(surface);
    reply.backup_size = surface->backupSize;
    reply.buffer_handle = SVGA3D_INVALID_ID;
    if (surface->backup) {
        reply.buffer_handle = handles_.add(surface->backup);
        reply.buffer_map_handle = surface->backup->memory.offset;
        reply.buffer_size = static_cast<uint32_t>(surface->backup->memory.size);
    }
}

void DeviceFile::createSurface(const drm_vmw_gb_surface_create_ext_req& request, drm_vmw_gb_surface_create_rep& reply) {
    constexpr uint32_t kKnownFlags = drm_vmw_surface_flag_shareable | drm_vmw_surface_flag_scanout |
                                     drm_vmw_surface_flag_create_buffer | drm_vmw_surface_flag_coherent;
    if (request.version != drm_vmw_gb_surface_v1 || request.must_be_zero != 0 ||
        (static_cast<uint32_t>(request.base.drm_surface_flags) & ~kKnownFlags) != 0)
        throw IoctlError(EINVAL);
    auto held = kernel().lock();
    std::shared_ptr<BufferObject> backup;
    if (request.base.buffer_handle != SVGA3D_INVALID_ID) {
        backup = handles_.find<BufferObject>(request.base.buffer_handle);
        if (!backup)
            throw IoctlError(ESRCH);
    }
    const bool named = backup != nullptr;
    fill(kernel_->createSurface(request, std::move(backup)), reply);
    if (named) // the reply has the caller's own handle, and no reference more
        handles_.remove<BufferObject>(reply.buffer_handle);
}

void DeviceFile::referenceSurface(const drm_vmw_surface_arg& request, drm_vmw_gb_surface_ref_ext_rep& reply) {
    std::shared_ptr<OpenFile> file; // outlives the lock: its destructor takes it
    if (request.handle_type == DRM_VMW_HANDLE_PRIME)
        file = descriptors_.find(request.sid);
    auto held = kernel().lock();
    std::shared_ptr<Surface> surface;
    if (request.handle_type == DRM_VMW_HANDLE_PRIME) {
        const auto* shared = dynamic_cast<const SharedBufferFile*>(file.get());
        if (shared && shared->kernel() == kernel_.get()) {
            if (const auto* object = std::get_if<std::shared_ptr<Surface>>(&shared->object()))
                surface = *object;
        }
    } else {
        surface = handles_.find<Surface>(static_cast<uint32_t>(request.sid));
    }
    if (!surface)
        throw IoctlError(EINVAL);
    reply = {};
    fill(surface, reply.crep);
    auto& base = reply.creq.base;
    base.svga3d_flags = static_cast<uint32_t>(surface->flags);
    reply.creq.svga3d_flags_upper_32_bits = static_cast<uint32_t>(surface->flags >> 32);
    base.format = surface->description.format;
    base.mip_levels = surface->description.levels;
    base.drm_surface_flags = static_cast<drm_vmw_surface_flags>(surface->drmFlags);
    base.multisample_count = surface->description.samples;
    base.autogen_filter = surface->autogenFilter;
    base.buffer_handle = reply.crep.buffer_handle;
    base.array_size = surface->description.layers;
    base.base_size = {surface->description.size.width, surface->description.size.height,
                      surface->description.size.depth, 0};
    reply.creq.version = drm_vmw_gb_surface_v1;
    reply.creq.multisample_pattern = surface->multisamplePattern;
    reply.creq.quality_level = surface->qualityLevel;
    reply.creq.buffer_byte_stride = surface->bufferByteStride;
}

int DeviceFile::exportFence(uint64_t seqno) {
    return FenceFile::create(kernel_, seqno, descriptors_);
}

/// Fences of this device pass in order anyway; others are waited for.
void DeviceFile::waitForImported(int fd) {
    const auto file = descriptors_.find(fd);
    const auto* fence = dynamic_cast<const FenceFile*>(file.get());
    if (fence && fence->kernel() == kernel_.get())
        return;
    if (fd < 0)
        throw IoctlError(EINVAL);
    pollfd event{fd, POLLIN, 0};
    while (::poll(&event, 1, -1) < 0) {
        if (errno != EINTR)
            throw IoctlError(errno);
    }
    if ((event.revents & POLLNVAL) != 0)
        throw IoctlError(EINVAL);
}

void DeviceFile::execute(const drm_vmw_execbuf_arg& given) {
    drm_vmw_execbuf_arg arg = given;
    constexpr uint32_t kKnownFlags = DRM_VMW_EXECBUF_FLAG_IMPORT_FENCE_FD | DRM_VMW_EXECBUF_FLAG_EXPORT_FENCE_FD;
    if (arg.version == 1) { // ends with the flags
        arg.context_handle = SVGA3D_INVALID_ID;
        arg.flags = 0;
    } else if (arg.version != DRM_VMW_EXECBUF_VERSION) {
        throw IoctlError(EINVAL);
    }
    if ((arg.flags & ~kKnownFlags) != 0 || arg.command_size > SVGA_CB_MAX_SIZE)
        throw IoctlError(EINVAL);
    // All of the program's memory is read before the lock is taken: a touch of it may wait for a readback, which takes
    // it.
    std::vector<std::byte> commands(arg.command_size);
    copyFromUser(commands.data(), arg.commands, commands.size());
    kernel();
    if ((arg.flags & DRM_VMW_EXECBUF_FLAG_IMPORT_FENCE_FD) != 0)
        waitForImported(arg.imported_fence_fd);

    drm_vmw_fence_rep reply{};
    uint64_t seqno;
    {
        auto held = kernel_->lock();
        BatchScope scope{handles_, nullptr, arg.context_handle};
        if (arg.context_handle != SVGA3D_INVALID_ID) {
            scope.context = handles_.find<Context>(arg.context_handle);
            if (!scope.context)
                throw IoctlError(EINVAL);
        }
        seqno = Batch(*kernel_, scope.context, verifyBatch(scope, std::move(commands))).submit();
        ++kernel_->counters().submits;
        if (arg.fence_rep != 0)
            reply.handle = handles_.add(std::make_shared<FenceObject>(FenceObject{seqno}));
        reply.passed_seqno = static_cast<uint32_t>(kernel_->retired());
    }
    // The mask stays 0, as vmwgfx leaves it: user space takes what is set there for signalled already.
    reply.seqno = static_cast<uint32_t>(seqno);
    reply.fd = -1;
    if ((arg.flags & DRM_VMW_EXECBUF_FLAG_EXPORT_FENCE_FD) != 0) {
        const int fd = exportFence(seqno);
        if (fd < 0) // As vmwgfx: the work is on its way, so wait for it instead.
            kernel_->wait(seqno, std::nullopt);
        else
            reply.fd = fd;
    }
    if (arg.fence_rep != 0)
        std::memcpy(reinterpret_cast<void*>(arg.fence_rep), &reply, sizeof(reply));
}

void DeviceFile::waitForFence(drm_vmw_fence_wait_arg& arg) {
    uint64_t seqno;
    {
        auto held = kernel().lock();
        const auto fence = handles_.find<FenceObject>(arg.handle);
        if (!fence)
            throw IoctlError(EINVAL);
        seqno = fence->seqno;
    }
    using namespace std::chrono;
    const auto limit = std::min<uint64_t>(arg.timeout_us, duration_cast<microseconds>(kMaxWait).count());
    const auto result = kernel_->wait(seqno, Gpu::Clock::now() + microseconds(limit));
    if (result == Gpu::WaitResult::TimedOut)
        throw IoctlError(EBUSY);
    if ((arg.wait_options & DRM_VMW_WAIT_OPTION_UNREF) != 0) {
        auto held = kernel_->lock();
        handles_.remove<FenceObject>(arg.handle);
    }
    if (result == Gpu::WaitResult::Lost)
        throw IoctlError(EIO);
}

void DeviceFile::queryFence(drm_vmw_fence_signaled_arg& arg) {
    auto held = kernel().lock();
    const auto fence = handles_.find<FenceObject>(arg.handle);
    if (!fence)
        throw IoctlError(EINVAL);
    arg.signaled = kernel_->retired() >= fence->seqno;
    arg.signaled_flags = arg.signaled ? arg.flags : 0;
    arg.passed_seqno = static_cast<uint32_t>(kernel_->retired());
}

void DeviceFile::synchronise(const drm_vmw_synccpu_arg& arg) {
    constexpr uint32_t kKnownFlags =
        drm_vmw_synccpu_read | drm_vmw_synccpu_write | drm_vmw_synccpu_dontblock | drm_vmw_synccpu_allow_cs;
    const auto flags = static_cast<uint32_t>(arg.flags);
    if ((flags & ~kKnownFlags) != 0 || (flags & (drm_vmw_synccpu_read | drm_vmw_synccpu_write)) == 0)
        throw IoctlError(EINVAL);
    const bool keepsOut = (flags & drm_vmw_synccpu_allow_cs) == 0;
    uint64_t seqno;
    {
        auto held = kernel().lock();
        const auto buffer = handles_.find<BufferObject>(arg.handle);
        if (!buffer)
            throw IoctlError(ESRCH);
        if (arg.op == drm_vmw_synccpu_release) {
            if (keepsOut && buffer->cpuGrabs > 0)
                --buffer->cpuGrabs;
            return;
        }
        if (arg.op != drm_vmw_synccpu_grab)
            throw IoctlError(EINVAL);
        seqno = buffer->lastUse;
        if (keepsOut && ((flags & drm_vmw_synccpu_dontblock) == 0 || kernel_->retired() >= seqno))
            ++buffer->cpuGrabs; // first, so that no later submission delays the wait
    }
    if (kernel_->retired() >= seqno)
        return;
    if ((flags & drm_vmw_synccpu_dontblock) != 0)
        throw IoctlError(EBUSY);
    if (kernel_->wait(seqno, std::nullopt) == Gpu::WaitResult::Lost)
        throw IoctlError(EIO);
}

void DeviceFile::exportHandle(drm_prime_handle& arg) {
    std::shared_ptr<SharedBufferFile> file;
    {
        auto held = kernel().lock();
        if (auto surface = handles_.find<Surface>(arg.handle))
            file = std::make_shared<SharedBufferFile>(kernel_, std::move(surface));
        else if (auto buffer = handles_.find<BufferObject>(arg.handle))
            file = std::make_shared<SharedBufferFile>(kernel_, std::move(buffer));
    }
    if (!file)
        throw IoctlError(ENOENT);
    const std::string path = fmt::format("/proc/self/fd/{}", kernel_->memory().fd());
    UniqueFd real(::open(path.c_str(), O_RDWR | ((arg.flags & DRM_CLOEXEC) != 0 ? O_CLOEXEC : 0)));
    if (!real)
        throw IoctlError(errno);
    arg.fd = descriptors_.install(std::move(real), std::move(file));
}

void DeviceFile::importHandle(drm_prime_handle& arg) {
    const auto file = descriptors_.find(arg.fd);
    const auto* shared = dynamic_cast<const SharedBufferFile*>(file.get());
    auto held = kernel().lock();
    if (!shared || shared->kernel() != kernel_.get())
        throw IoctlError(EINVAL);
    arg.handle = std::visit([this](const auto& object) { return handles_.add(object); }, shared->object());
}

void DeviceFile::close(uint32_t handle) {
    auto held = kernel().lock();
    if (!handles_.remove<BufferObject>(handle) && !handles_.remove<Surface>(handle))
        throw IoctlError(EINVAL);
}

} // namespace svga::shim
