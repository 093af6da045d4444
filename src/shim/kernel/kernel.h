// SPDX-License-Identifier: MIT
/**
 * \file
 * The embedded kernel: vmwgfx's services, in the application's process.
 *
 * It owns the device (Gpu), guest memory, object ids and the coherence of mapped memory. Open files of the device node
 * (DeviceFile) turn ioctls into calls of it. One lock guards all objects; it is never held while application memory is
 * touched or while a thread waits for a fence without need, for the tracker's thread takes it while a CPU access waits.
 *
 * Commands of its own (defining and destroying objects) gather in a prologue that goes ahead of the next submission.
 */
#pragma once

#include "shim/kernel/coherence.h"
#include "shim/kernel/device_process.h"
#include "shim/kernel/display.h"
#include "shim/kernel/gpu.h"
#include "shim/kernel/id_allocator.h"
#include "shim/kernel/objects.h"
#include "shim/tracker/tracker.h"
#include "util/counters.h"

#include <drm.h>
#include <vmwgfx_drm.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

namespace svga::shim {

struct KernelOptions {
    DeviceProcessOptions device;
    TrackerChoice tracker = TrackerChoice::Best;
    DisplayOptions display;
    uint64_t guestMemory = 0; ///< bytes; 0: a size that suits this machine
};

/** \brief An ioctl's failure. */
class IoctlError {
public:
    explicit IoctlError(int errorNumber)
        : errorNumber(errorNumber) {}
    int errorNumber;
};

/** \brief Commands being put together. */
class CommandStream {
public:
    template <typename Body>
    void add(uint32_t id, const Body& body) {
        const SVGA3dCmdHeader header{id, sizeof(Body)};
        append(&header, sizeof(header));
        append(&body, sizeof(body));
    }
    void append(const void* data, std::size_t size) {
        // Not insert(): g++ 12 warns of an overflow in it where it is inlined for an empty vector.
        const std::size_t end = bytes_.size();
        bytes_.resize(end + size);
        std::copy_n(static_cast<const std::byte*>(data), size, bytes_.data() + end);
    }
    void append(const CommandStream& other) { append(other.bytes_.data(), other.bytes_.size()); }

    std::size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }
    std::span<const std::byte> bytes() const { return bytes_; }
    std::byte* data() { return bytes_.data(); }
    void clear() { bytes_.clear(); }

private:
    std::vector<std::byte> bytes_;
};

class Kernel final : private ReadbackHandler {
public:
    using Lock = std::unique_lock<std::mutex>;

    /** \throws Error where the device or the tracker cannot be had. \p counters outlives the kernel. */
    Kernel(const KernelOptions& options, Counters& counters);
    ~Kernel() override;

    Lock lock() { return Lock(mutex_); }

    const GpuCapabilities& capabilities() const { return gpu_->capabilities(); }
    Counters& counters() { return counters_; }
    GuestMemory& memory() { return memory_; }
    Tracker& tracker() { return *tracker_; }
    Coherence& coherence() { return *coherence_; }
    /** \brief The display, from its first use on. With the lock held. */
    Display& display();
    /** \brief As Display::forget(), where there is a display. With the lock held. */
    void forgetDisplayOf(const void* owner, const EventSink* sink) {
        if (display_)
            display_->forget(owner, sink);
    }
    bool lost() const { return gpu_->lost(); }
    int socketFd() const { return gpu_->socketFd(); }

    // All of these with the lock held; they throw IoctlError.
    std::shared_ptr<BufferObject> createBuffer(uint64_t size);
    std::shared_ptr<Surface> createSurface(const drm_vmw_gb_surface_create_ext_req& request,
                                           std::shared_ptr<BufferObject> backup);
    std::shared_ptr<Context> createContext();
    /** \brief Makes room for \p entries in a co-table. */
    void growCoTable(Context& context, SVGACOTableType type, uint32_t entries);
    /** \brief The surface's content is in \p buffer from now on; \p commands gets what tells the device. */
    void bindSurface(const std::shared_ptr<Surface>& surface, std::shared_ptr<BufferObject> buffer,
                     CommandStream& commands);

    /** \brief What a submission needs until its fence has passed. */
    struct InFlight {
        uint64_t seqno = 0;
        std::vector<std::shared_ptr<Surface>> surfaces;
        std::vector<std::shared_ptr<BufferObject>> buffers;
        std::vector<std::shared_ptr<Surface>> merges; ///< shadows with a readback in it
        std::vector<PageRun> frees;
    };

    /** \brief Submits the prologue, then \p commands. With the lock held. \return the seqno. */
    uint64_t submit(const CommandStream& commands, std::optional<uint32_t> dxContext, InFlight inFlight);
    CommandStream& prologue() { return prologue_; }
    uint64_t nextBatchStamp() { return ++batchStamp_; }

    /** Fences up to this one have passed, and what they promise holds in guest memory. */
    uint64_t retired() const { return retired_.load(std::memory_order_acquire); }
    uint64_t submitted() const { return gpu_->submitted(); }
    /** \brief Waits, with the lock held throughout, for \p seqno to be retired. For internal, short waits. */
    void waitLocked(uint64_t seqno);
    /** \brief Waits for \p seqno to be retired, without the lock. */
    Gpu::WaitResult wait(uint64_t seqno, std::optional<Gpu::Clock::time_point> deadline);
    /** \brief Calls \p action once \p seqno is retired: now, or on another thread with the lock held. With the lock
     * held. */
    void whenRetired(uint64_t seqno, std::function<void()> action);

    /**
     * \brief Has the device bring guest memory [offset, offset + size), a part of \p buffer, up to date.
     * \return the seqno after which it is, if nothing more is submitted; 0: it is now. With the lock held.
     */
    uint64_t startReadback(const std::shared_ptr<BufferObject>& buffer, uint64_t offset, uint64_t size);
    /**
     * \brief As startReadback(), and waits. \p held is given up meanwhile, if that does not take too often.
     * \return whether the memory is current: not where the device is lost.
     */
    bool readBackAndWait(const std::shared_ptr<BufferObject>& buffer, uint64_t offset, uint64_t size, Lock& held);

    /** \brief Whether [offset, offset + size) lies in one buffer object. With the lock held. */
    std::shared_ptr<BufferObject> bufferAt(uint64_t offset, uint64_t size);

    // Mappings of guest memory by the application. Without the lock.
    void addMapping(void* address, uint64_t offset, uint64_t size, bool writable);
    void removeMapping(void* address, uint64_t size);
    /** \brief Whether a mapping may lie within [address, address + size); quick, and any thread. */
    bool mayBeMapped(const void* address, uint64_t size) const;
    /** \brief What a mapping shows at an address. */
    struct Shown {
        uint64_t offset; ///< of guest memory
        bool writable;   ///< when it was mapped
    };
    /** \brief Empty where \p address is in no mapping. */
    std::optional<Shown> mappingAt(const void* address);
    /** \brief What [address, address + size) shows, if it lies in one mapping. With the lock held. */
    std::optional<Shown> shownAt(uintptr_t address, uint64_t size) const;

    uint32_t allocateMob(PageRun memory, CommandStream& commands);
    void freeMob(uint32_t mobId, CommandStream& commands);
    /** \brief \p run is free once everything submitted so far, and the prologue, is retired. */
    void freeLater(PageRun run) { pendingFrees_.push_back(run); }

private:
    struct Mapping {
        uint64_t size;
        uint64_t offset;
        std::shared_ptr<BufferObject> buffer;
        bool writable;
    };

    PageRun readBack(uint64_t offset) noexcept override;
    void destroy(BufferObject* buffer);
    void destroy(Surface* surface);
    void destroy(Context* context);
    void retire();
    void retireLoop();
    void updateMappingBounds();

    Counters& counters_;
    GuestMemory memory_;
    std::unique_ptr<Gpu> gpu_;
    std::unique_ptr<Tracker> tracker_;
    std::unique_ptr<Coherence> coherence_;

    std::mutex mutex_;
    std::atomic<uint64_t> retired_ = 0;
    std::deque<InFlight> inFlight_;
    std::multimap<uint64_t, std::function<void()>> whenRetired_;
    CommandStream prologue_;
    uint64_t batchStamp_ = 0;
    std::vector<PageRun> pendingFrees_;
    std::map<uint64_t, std::weak_ptr<BufferObject>> buffers_; ///< by offset in guest memory

    IdAllocator mobIds_{Gpu::kMaxMobs};
    IdAllocator surfaceIds_{Gpu::kMaxSurfaces};
    IdAllocator contextIds_{Gpu::kMaxContexts};

    std::map<uintptr_t, Mapping> mappings_; ///< by address; under mutex_
    std::atomic<uintptr_t> lowestMapping_ = UINTPTR_MAX;
    std::atomic<uintptr_t> highestMapping_ = 0;

    const DisplayOptions displayOptions_;
    std::unique_ptr<Display> display_;
    std::thread retireThread_;
};

} // namespace svga::shim
