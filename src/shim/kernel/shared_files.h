// SPDX-License-Identifier: MIT
/**
 * \file
 * Files that user space passes around: fences (sync_file) and buffers (dma-buf).
 */
#pragma once

#include "shim/kernel/kernel.h"
#include "shim/kernel/objects.h"
#include "shim/open_file.h"

#include <functional>
#include <memory>
#include <variant>

namespace svga::shim {

class DescriptorSource;

/**
 * \brief What a fence descriptor stands for: poll() says readable once the fence has passed.
 *
 * Behind it is an eventfd; the sync_file ioctls (SYNC_IOC_MERGE, SYNC_IOC_FILE_INFO) work on it.
 */
class FenceFile final : public OpenFile {
public:
    FenceFile(std::shared_ptr<Kernel> kernel, uint64_t seqno, DescriptorSource& descriptors);

    /** \brief Puts a new one behind a descriptor. \return it, or a negative errno. */
    static int create(const std::shared_ptr<Kernel>& kernel, uint64_t seqno, DescriptorSource& descriptors);

    int ioctl(unsigned long request, void* argument) override;
    void stat(struct stat&) const override {}
    int64_t mapOffset(uint64_t, uint64_t) override;
    void mapped(void*, uint64_t, uint64_t, bool) override {}

    const Kernel* kernel() const { return kernel_.get(); }
    uint64_t seqno() const { return seqno_; }

private:
    int merge(void* argument);
    int describe(void* argument);

    std::shared_ptr<Kernel> kernel_;
    uint64_t seqno_;
    DescriptorSource& descriptors_;
};

/** \brief An exported surface or buffer object. Behind it is guest memory; it can be mapped from offset 0 on. */
class SharedBufferFile final : public OpenFile {
public:
    using Object = std::variant<std::shared_ptr<BufferObject>, std::shared_ptr<Surface>>;

    SharedBufferFile(std::shared_ptr<Kernel> kernel, Object object);
    ~SharedBufferFile() override;

    int ioctl(unsigned long request, void* argument) override;
    void stat(struct stat& out) const override;
    int64_t mapOffset(uint64_t offset, uint64_t size) override;
    void mapped(void* address, uint64_t offset, uint64_t size, bool writable) override;

    const Kernel* kernel() const { return kernel_.get(); }
    /** With the kernel's lock held. */
    const Object& object() const { return object_; }

private:
    const BufferObject* buffer() const;

    std::shared_ptr<Kernel> kernel_;
    Object object_;
};

} // namespace svga::shim
