// SPDX-License-Identifier: MIT
#include "shim/kernel/shared_files.h"

#include "shim/kernel/device_file.h"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace svga::shim {

FenceFile::FenceFile(std::shared_ptr<Kernel> kernel, uint64_t seqno, DescriptorSource& descriptors)
    : kernel_(std::move(kernel))
    , seqno_(seqno)
    , descriptors_(descriptors) {}

int FenceFile::create(const std::shared_ptr<Kernel>& kernel, uint64_t seqno, DescriptorSource& descriptors) {
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    // The program may close its descriptor before the fence passes: signal through one of our own.
    auto signal = std::make_shared<UniqueFd>(::fcntl(event.get(), F_DUPFD_CLOEXEC, 0));
    if (!event || !*signal)
        return -EMFILE;
    {
        auto held = kernel->lock();
        kernel->whenRetired(seqno, [signal] {
            const uint64_t one = 1;
            [[maybe_unused]] auto written = ::write(signal->get(), &one, sizeof(one));
        });
    }
    return descriptors.install(std::move(event), std::make_shared<FenceFile>(kernel, seqno, descriptors));
}

int64_t FenceFile::mapOffset(uint64_t, uint64_t) {
    return -ENODEV;
}

int FenceFile::ioctl(unsigned long request, void* argument) {
    switch (static_cast<uint32_t>(request)) {
    case SYNC_IOC_MERGE:
        return merge(argument);
    case SYNC_IOC_FILE_INFO:
        return describe(argument);
    default:
        return -ENOTTY;
    }
}

int FenceFile::merge(void* argument) {
    sync_merge_data data;
    std::memcpy(&data, argument, sizeof(data));
    const auto other = std::dynamic_pointer_cast<FenceFile>(descriptors_.find(data.fd2));
    if (!other || other->kernel_ != kernel_ || data.flags != 0 || data.pad != 0)
        return -EINVAL;
    // Fences pass in order: both have once the later one has.
    const int fd = create(kernel_, std::max(seqno_, other->seqno_), descriptors_);
    if (fd < 0)
        return fd;
    data.fence = fd;
    std::memcpy(argument, &data, sizeof(data));
    return 0;
}

int FenceFile::describe(void* argument) {
    sync_file_info info;
    std::memcpy(&info, argument, sizeof(info));
    if (info.flags != 0 || info.pad != 0)
        return -EINVAL;
    const int status = kernel_->retired() < seqno_ ? 0 : (kernel_->lost() ? -ENODEV : 1);
    std::memset(info.name, 0, sizeof(info.name));
    std::strncpy(info.name, "svga-embedded", sizeof(info.name) - 1);
    info.status = status;
    if (info.num_fences >= 1 && info.sync_fence_info != 0) {
        sync_fence_info fence{};
        std::strncpy(fence.obj_name, "svga", sizeof(fence.obj_name) - 1);
        std::strncpy(fence.driver_name, "vmwgfx", sizeof(fence.driver_name) - 1);
        fence.status = status;
        std::memcpy(reinterpret_cast<void*>(info.sync_fence_info), &fence, sizeof(fence));
    }
    info.num_fences = 1;
    std::memcpy(argument, &info, sizeof(info));
    return 0;
}

SharedBufferFile::SharedBufferFile(std::shared_ptr<Kernel> kernel, Object object)
    : kernel_(std::move(kernel))
    , object_(std::move(object)) {}

SharedBufferFile::~SharedBufferFile() {
    auto held = kernel_->lock();
    object_ = std::shared_ptr<BufferObject>();
}

const BufferObject* SharedBufferFile::buffer() const {
    if (const auto* surface = std::get_if<std::shared_ptr<Surface>>(&object_))
        return (*surface)->backup.get();
    return std::get<std::shared_ptr<BufferObject>>(object_).get();
}

int SharedBufferFile::ioctl(unsigned long request, void*) {
    // Memory is coherent: there is nothing to do around a CPU access.
    return static_cast<uint32_t>(request) == DMA_BUF_IOCTL_SYNC ? 0 : -ENOTTY;
}

void SharedBufferFile::stat(struct stat& out) const {
    auto held = kernel_->lock();
    const BufferObject* memory = buffer();
    out.st_size = memory ? static_cast<off_t>(memory->memory.size) : 0;
}

int64_t SharedBufferFile::mapOffset(uint64_t offset, uint64_t size) {
    auto held = kernel_->lock();
    const BufferObject* memory = buffer();
    if (!memory || size > memory->memory.size || offset > memory->memory.size - size)
        return -EINVAL;
    return static_cast<int64_t>(memory->memory.offset + offset);
}

void SharedBufferFile::mapped(void* address, uint64_t offset, uint64_t size, bool writable) {
    kernel_->addMapping(address, offset, size, writable);
}

} // namespace svga::shim
