// SPDX-License-Identifier: MIT
/**
 * \file
 * A vmwgfx without a device, strict about how it is called.
 *
 * It keeps handles as the real driver does (reference counts on surface handles, a new buffer handle with each
 * reference), refuses arguments of the wrong size or direction, and notes what it was asked. Tests steer it by
 * FakeState, which outlives the Device that owns the FakeKernel, so that leaks can be counted at the end. Any thread.
 */
#pragma once

#include "gallium/winsys/svga/core/kernel.h"

#include <svga_coherent_drm.h>
#include <vmwgfx_drm.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace svga::winsys::test {

struct Execution {
    std::vector<uint8_t> commands;
    drm_vmw_execbuf_arg arg;
};

struct FakeState {
    struct Memory {
        std::vector<uint8_t> bytes;
        int mappings = 0;
    };
    struct FakeSurface {
        drm_vmw_gb_surface_create_ext_req request;
        std::shared_ptr<Memory> memory;
        uint64_t mapHandle;
        uint32_t references;
        bool tellCoherent = false; ///< whether a reference reply has the coherent flag, which stock kernels do not
    };

    FakeState();

    /** \brief The next call of ioctl \p index answers \p error (negative) and does nothing else. Queued. */
    void failNext(unsigned index, int error) { failures[index].push_back(error); }

    /** \brief Puts a surface there that some other process made. */
    uint32_t addForeignSurface(uint32_t width, uint32_t mipLevels, bool tellCoherent);

    /** \brief Lets the device pass all up to \p seqno. */
    void pass(uint32_t seqno) { passedSeqno = seqno; }

    bool isEmpty() const { return buffers.empty() && surfaces.empty() && contexts.empty() && fences.empty(); }

    std::mutex mutex;

    // What the driver and device are.
    DrmVersion version{2, 20};
    bool isDrm = true;
    std::map<uint32_t, uint64_t> params;
    std::vector<uint32_t> devcaps;

    // What happens.
    std::map<unsigned, std::deque<int>> failures;
    bool cannotMap = false;
    std::chrono::microseconds mapDelay{0}; ///< how long a mapping takes
    bool cannotMerge = false;
    bool tracksNothing = false; ///< BO_ACCESS finds no buffer that is tracked
    bool busy = false;          ///< non-blocking SYNCCPU grabs find the buffer in use
    bool fenceLost = false;     ///< EXECBUF makes no fence
    uint32_t nextSeqno = 1;
    uint32_t passedSeqno = 0;
    int exportedFd = -1; ///< what EXECBUF gives as sync file; handed over

    // What is there.
    uint32_t nextHandle = 1;
    uint64_t nextOffset = 0x100000;
    std::map<uint32_t, uint64_t> buffers;               ///< buffer handle to map handle
    std::map<uint64_t, std::shared_ptr<Memory>> memory; ///< by map handle
    std::map<uint32_t, FakeSurface> surfaces;
    std::map<uint32_t, bool> contexts;
    std::map<uint32_t, uint32_t> fences; ///< handle to sequence number
    std::map<int, uint32_t> primes;      ///< exported file descriptor to surface

    // What was asked.
    std::map<unsigned, unsigned> calls;
    std::vector<drm_vmw_synccpu_arg> syncs;
    std::vector<drm_vmw_bo_access> accesses;
    std::vector<drm_vmw_fence_wait_arg> waits;
    std::vector<Execution> executions;
    std::vector<int> syncFileWaits; ///< milliseconds of each
    std::vector<std::string> hostMessages;
};

class FakeKernel final : public Kernel {
public:
    explicit FakeKernel(std::shared_ptr<FakeState> state)
        : state_(std::move(state)) {}

    int command(unsigned index, Direction direction, void* argument, size_t size) override;
    std::optional<DrmVersion> version() override;
    int fd() const override { return 42; }
    void* map(uint64_t offset, size_t size, void* address) override;
    void unmap(void* address, size_t size) override;
    int exportHandle(uint32_t handle, UniqueFd& fd) override;
    int waitSyncFile(int fd, int milliseconds) override;
    int mergeSyncFiles(int a, int b, UniqueFd& merged) override;

private:
    std::shared_ptr<FakeState> state_;
};

} // namespace svga::winsys::test
