// SPDX-License-Identifier: MIT
#include "node.h"

#include "util/error.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace svga::uapi {

Node::Node(const std::string& path)
    : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    if (!fd_)
        throw Error("{}: {}", path, std::strerror(errno));
    const std::unique_ptr<drmVersion, decltype(&drmFreeVersion)> version(drmGetVersion(fd_.get()), drmFreeVersion);
    if (!version || std::strcmp(version->name, "vmwgfx") != 0)
        throw Error("{} is a node of \"{}\", not of vmwgfx", path, version ? version->name : "?");
}

int Node::core(unsigned long request, void* argument) {
    return drmIoctl(fd_.get(), request, argument) == 0 ? 0 : -errno;
}

int Node::command(unsigned direction, unsigned index, void* argument, std::size_t size) {
    return core(_IOC(direction, DRM_IOCTL_BASE, DRM_COMMAND_BASE + index, size), argument);
}

std::optional<uint64_t> Node::parameter(uint32_t index) {
    drm_vmw_getparam_arg arg{};
    arg.param = index;
    if (exchange(DRM_VMW_GET_PARAM, arg) != 0)
        return std::nullopt;
    return arg.value;
}

Buffer::Buffer(Node& node, uint32_t size)
    : node_(node) {
    drm_vmw_alloc_bo_arg arg{};
    arg.req.size = size;
    if (const int result = node.exchange(DRM_VMW_ALLOC_BO, arg))
        throw Error("DRM_VMW_ALLOC_BO: {}", std::strerror(-result));
    reply_ = arg.rep;
}

Buffer::~Buffer() {
    drm_vmw_handle_close_arg arg{};
    arg.handle = reply_.handle;
    node_.write(DRM_VMW_HANDLE_CLOSE, arg);
}

Mapping::Mapping(Node& node, uint64_t mapHandle, std::size_t size, int protection)
    : size_(size) {
    void* address = ::mmap(nullptr, size, protection, MAP_SHARED, node.fd(), static_cast<off_t>(mapHandle));
    if (address == MAP_FAILED)
        throw Error("mmap: {}", std::strerror(errno));
    data_ = static_cast<uint8_t*>(address);
}

Mapping::~Mapping() {
    ::munmap(data_, size_);
}

Image::Image(Node& node, uint32_t rows, uint32_t layers, const Buffer* buffer)
    : node_(node)
    , rows_(rows)
    , pages_(uint64_t{rows} * layers)
    , ownsBuffer_(buffer == nullptr) {
    drm_vmw_gb_surface_create_ext_arg arg{};
    auto& base = arg.req.base;
    base.svga3d_flags = SVGA3D_SURFACE_BIND_SHADER_RESOURCE | SVGA3D_SURFACE_BIND_RENDER_TARGET;
    base.format = SVGA3D_R8_UNORM;
    base.mip_levels = 1;
    base.array_size = layers;
    base.base_size = {static_cast<uint32_t>(kPage), rows, 1, 0};
    base.buffer_handle = buffer != nullptr ? buffer->handle() : SVGA3D_INVALID_ID;
    uint32_t flags = drm_vmw_surface_flag_shareable | drm_vmw_surface_flag_coherent;
    if (buffer == nullptr)
        flags |= drm_vmw_surface_flag_create_buffer;
    base.drm_surface_flags = static_cast<drm_vmw_surface_flags>(flags);
    arg.req.version = drm_vmw_gb_surface_v1;
    if (const int result = node.exchange(DRM_VMW_GB_SURFACE_CREATE_EXT, arg))
        throw Error("DRM_VMW_GB_SURFACE_CREATE_EXT: {}", std::strerror(-result));
    reply_ = arg.rep;
    mapping_.emplace(node, reply_.buffer_map_handle, pages_ * kPage, PROT_READ | PROT_WRITE);
}

Image::~Image() {
    drm_vmw_surface_arg surface{};
    surface.sid = static_cast<int32_t>(reply_.handle);
    node_.write(DRM_VMW_UNREF_SURFACE, surface);
    if (!ownsBuffer_)
        return;
    drm_vmw_handle_close_arg buffer{};
    buffer.handle = reply_.buffer_handle;
    node_.write(DRM_VMW_HANDLE_CLOSE, buffer);
}

void Image::fill(uint64_t index, uint8_t value) const {
    std::memset(page(index), value, kPage);
}

bool Image::holds(uint64_t index, uint8_t value) const {
    return std::all_of(page(index), page(index) + kPage, [value](uint8_t byte) { return byte == value; });
}

void Commands::append(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
}

void Commands::copy(const Image& to, uint32_t toLayer, const Image& from, uint32_t fromLayer, uint32_t row,
                    uint32_t rows) {
    SVGA3dCmdDXPredCopyRegion copy{};
    copy.dstSid = to.surface();
    copy.dstSubResource = toLayer;
    copy.srcSid = from.surface();
    copy.srcSubResource = fromLayer;
    copy.box.y = copy.box.srcy = row;
    copy.box.w = kPage;
    copy.box.h = rows;
    copy.box.d = 1;
    add(SVGA_3D_CMD_DX_PRED_COPY_REGION, copy);
}

Context::Context(Node& node)
    : node_(node) {
    drm_vmw_extended_context_arg arg{};
    arg.req = drm_vmw_context_dx;
    if (const int result = node.exchange(DRM_VMW_CREATE_EXTENDED_CONTEXT, arg))
        throw Error("DRM_VMW_CREATE_EXTENDED_CONTEXT: {}", std::strerror(-result));
    id_ = static_cast<uint32_t>(arg.rep.cid);
}

Context::~Context() {
    drm_vmw_context_arg arg{};
    arg.cid = static_cast<int32_t>(id_);
    node_.write(DRM_VMW_UNREF_CONTEXT, arg);
}

int Context::submit(const Commands& commands, uint32_t& fence) {
    drm_vmw_fence_rep reply{};
    reply.error = -EFAULT;
    drm_vmw_execbuf_arg arg{};
    arg.commands = reinterpret_cast<uintptr_t>(commands.bytes().data());
    arg.command_size = static_cast<uint32_t>(commands.bytes().size());
    arg.fence_rep = reinterpret_cast<uintptr_t>(&reply);
    arg.version = DRM_VMW_EXECBUF_VERSION;
    arg.context_handle = id_;
    arg.imported_fence_fd = -1;
    if (const int result = node_.write(DRM_VMW_EXECBUF, arg))
        return result;
    fence = reply.handle;
    return reply.error;
}

int Context::run(const Commands& commands) {
    uint32_t fence = 0;
    if (const int result = submit(commands, fence))
        return result;
    const int result = waitForFence(node_, fence);
    unrefFence(node_, fence);
    return result;
}

int waitForFence(Node& node, uint32_t handle, uint64_t microseconds) {
    drm_vmw_fence_wait_arg arg{};
    arg.handle = handle;
    arg.timeout_us = microseconds;
    arg.flags = DRM_VMW_FENCE_FLAG_EXEC;
    return node.exchange(DRM_VMW_FENCE_WAIT, arg);
}

int unrefFence(Node& node, uint32_t handle) {
    drm_vmw_fence_arg arg{};
    arg.handle = handle;
    return node.write(DRM_VMW_FENCE_UNREF, arg);
}

bool Dirty::holds(uint64_t page) const {
    return std::any_of(runs.begin(), runs.end(), [page](const drm_vmw_bo_range& run) {
        return run.offset <= page * kPage && (page + 1) * kPage <= run.offset + run.length;
    });
}

Dirty queryDirty(Node& node, uint32_t buffer, uint32_t flags) {
    Dirty answer{};
    answer.runs.resize(4096);
    answer.ranges = reinterpret_cast<uintptr_t>(answer.runs.data());
    answer.num_ranges = static_cast<uint32_t>(answer.runs.size());
    answer.handle = buffer;
    answer.flags = flags;
    if (const int result = node.exchange<drm_vmw_bo_dirty_query_arg>(DRM_VMW_BO_DIRTY_QUERY, answer))
        throw Error("DRM_VMW_BO_DIRTY_QUERY: {}", std::strerror(-result));
    if (answer.num_ranges > answer.runs.size())
        throw Error("DRM_VMW_BO_DIRTY_QUERY: {} ranges", answer.num_ranges);
    answer.runs.resize(answer.num_ranges);
    return answer;
}

int access(Node& node, std::vector<drm_vmw_bo_access> entries, uint32_t flags, uint32_t* fence) {
    drm_vmw_bo_access_arg arg{};
    arg.accesses = reinterpret_cast<uintptr_t>(entries.data());
    arg.num_accesses = static_cast<uint32_t>(entries.size());
    arg.flags = flags;
    const int result = node.exchange(DRM_VMW_BO_ACCESS, arg);
    if (fence != nullptr)
        *fence = arg.fence_handle;
    return result;
}

drm_vmw_bo_access entryOf(const Image& image, uint32_t flags, uint64_t page, uint64_t pages, bool mapped) {
    return {image.buffer(), flags, page * kPage, pages * kPage, mapped ? image.address(page) : 0};
}

int setMode(Node& node, uint32_t buffer, uint32_t mode) {
    drm_vmw_bo_tracking_arg arg{};
    arg.handle = buffer;
    arg.mode = mode;
    return node.write(DRM_VMW_BO_TRACKING, arg);
}

} // namespace svga::uapi
