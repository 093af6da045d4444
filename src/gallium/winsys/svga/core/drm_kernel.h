// SPDX-License-Identifier: MIT
#pragma once

#include "gallium/winsys/svga/core/kernel.h"

namespace svga::winsys {

/** \brief The running kernel, asked through libdrm. */
class DrmKernel final : public Kernel {
public:
    /** \brief Works on a duplicate of \p fd, which stays the caller's. Throws Error where it cannot be duplicated. */
    explicit DrmKernel(int fd);

    int command(unsigned index, Direction direction, void* argument, size_t size) override;
    std::optional<DrmVersion> version() override;
    int fd() const override { return fd_.get(); }
    void* map(uint64_t offset, size_t size, void* address) override;
    void unmap(void* address, size_t size) override;
    int exportHandle(uint32_t handle, UniqueFd& fd) override;
    int waitSyncFile(int fd, int milliseconds) override;
    int mergeSyncFiles(int a, int b, UniqueFd& merged) override;

private:
    UniqueFd fd_;
};

} // namespace svga::winsys
