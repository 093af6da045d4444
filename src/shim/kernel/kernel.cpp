// SPDX-License-Identifier: MIT
#include "shim/kernel/kernel.h"

#include "shim/kernel/report.h"
#include "shim/kernel/thread.h"
#include "util/object_tables.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace svga::shim {

namespace {

constexpr uint64_t kDefaultGuestMemory = uint64_t{64} << 30;
/// Freed guest memory waits for the device; beyond this much it is not left to the next submission to let it go.
constexpr uint64_t kMaxPendingFrees = 64u << 20;
constexpr int kUnlockedReadbacks = 8;
constexpr auto kLostPoll = std::chrono::milliseconds(100);

constexpr uint32_t kFirstCoTableEntries = 512;

} // namespace

Kernel::Kernel(const KernelOptions& options, Counters& counters)
    : counters_(counters)
    , memory_(options.guestMemory != 0 ? options.guestMemory : kDefaultGuestMemory)
    , displayOptions_(options.display) {
    gpu_ = std::make_unique<Gpu>(startDeviceProcess(options.device), memory_);
    tracker_ = createTracker(options.tracker, memory_.fd(), *this, counters_);
    coherence_ = std::make_unique<Coherence>(*this);
    counters_.tracker = static_cast<uint64_t>(tracker_->mode()) + 1;
    counters_.zero_copy = capabilities().buffersInPlace ? 1 : 0;
    ++counters_.devices;
    retireThread_ = startThread([this] { retireLoop(); });
}

Kernel::~Kernel() {
    gpu_->stop();
    retireThread_.join();
    display_.reset();
    {
        // Objects first, for they let go of ids and memory that the other members keep.
        Lock held = lock();
        whenRetired_.clear();
        mappings_.clear();
        while (!inFlight_.empty())
            inFlight_.pop_front();
    }
    tracker_.reset();
    gpu_.reset();
}

Display& Kernel::display() {
    if (!display_)
        display_ = std::make_unique<Display>(*this, displayOptions_);
    return *display_;
}

uint32_t Kernel::allocateMob(PageRun memory, CommandStream& commands) {
    const auto id = mobIds_.allocate();
    if (!id)
        throw IoctlError(ENOMEM);
    SVGA3dCmdDefineGBMob64 define{};
    define.mobid = *id;
    define.ptDepth = memory.size == kPageSize ? SVGA3D_MOBFMT_PT64_0 : SVGA3D_MOBFMT_RANGE;
    define.base = memory.offset / kPageSize;
    define.sizeInBytes = static_cast<uint32_t>(memory.size);
    commands.add(SVGA_3D_CMD_DEFINE_GB_MOB64, define);
    return *id;
}

void Kernel::freeMob(uint32_t mobId, CommandStream& commands) {
    commands.add(SVGA_3D_CMD_DESTROY_GB_MOB, SVGA3dCmdDestroyGBMob{mobId});
    mobIds_.free(mobId);
}

std::shared_ptr<BufferObject> Kernel::createBuffer(uint64_t size) {
    if (size == 0 || size > UINT32_MAX - kPageSize)
        throw IoctlError(EINVAL);
    uint64_t waiting = 0;
    for (const PageRun& run : pendingFrees_)
        waiting += run.size;
    if (waiting > kMaxPendingFrees)
        submit({}, std::nullopt, {});
    auto memory = memory_.allocate(size);
    if (!memory) {
        waitLocked(submit({}, std::nullopt, {}));
        memory = memory_.allocate(size);
    }
    if (!memory)
        throw IoctlError(ENOMEM);
    auto buffer = std::unique_ptr<BufferObject>(new BufferObject{});
    buffer->memory = *memory;
    buffer->size = size;
    try {
        buffer->mobId = allocateMob(*memory, prologue_);
    } catch (...) {
        memory_.free(*memory);
        throw;
    }
    std::shared_ptr<BufferObject> shared(buffer.release(), [this](BufferObject* dead) { destroy(dead); });
    buffers_[shared->memory.offset] = shared;
    return shared;
}

void Kernel::destroy(BufferObject* buffer) {
    freeMob(buffer->mobId, prologue_);
    pendingFrees_.push_back(buffer->memory);
    buffers_.erase(buffer->memory.offset);
    delete buffer;
}

std::shared_ptr<BufferObject> Kernel::bufferAt(uint64_t offset, uint64_t size) {
    auto it = buffers_.upper_bound(offset);
    if (it == buffers_.begin())
        return nullptr;
    auto buffer = std::prev(it)->second.lock();
    if (!buffer || size > buffer->memory.size || offset - buffer->memory.offset > buffer->memory.size - size)
        return nullptr;
    return buffer;
}

std::shared_ptr<Surface> Kernel::createSurface(const drm_vmw_gb_surface_create_ext_req& request,
                                               std::shared_ptr<BufferObject> backup) {
    const auto& base = request.base;
    SurfaceLayout::Description description;
    description.format = static_cast<SVGA3dSurfaceFormat>(base.format);
    description.size = {base.base_size.width, base.base_size.height, base.base_size.depth};
    description.levels = base.mip_levels;
    const SVGA3dSurfaceAllFlags flags = uint64_t{request.svga3d_flags_upper_32_bits} << 32 | base.svga3d_flags;
    const bool cube = (flags & SVGA3D_SURFACE_CUBEMAP) != 0;
    description.layers = base.array_size != 0 ? base.array_size : (cube ? SVGA3D_MAX_SURFACE_FACES : 1);
    description.samples = base.multisample_count;
    auto layout = SurfaceLayout::create(description);
    if (!layout)
        throw IoctlError(EINVAL);
    uint64_t size = layout->size();
    if ((flags & SVGA3D_SURFACE_BIND_STREAM_OUTPUT) != 0)
        size += sizeof(SVGA3dDXSOState); // the device keeps the position there
    if (size > capabilities().maxMobSize)
        throw IoctlError(EINVAL);
    if (backup && backup->size < size)
        throw IoctlError(EINVAL);
    const bool used = backup && (backup->wasMapped || backup->lastUse != 0);
    if (!backup && (base.drm_surface_flags & (drm_vmw_surface_flag_create_buffer | drm_vmw_surface_flag_coherent)) != 0)
        backup = createBuffer(size);
    const auto id = surfaceIds_.allocate();
    if (!id)
        throw IoctlError(ENOMEM);

    auto surface = std::shared_ptr<Surface>(new Surface(*layout), [this](Surface* dead) { destroy(dead); });
    surface->id = *id;
    surface->description = description;
    surface->flags = flags;
    surface->drmFlags = base.drm_surface_flags;
    surface->multisamplePattern = request.multisample_pattern;
    surface->qualityLevel = request.quality_level;
    surface->bufferByteStride = request.buffer_byte_stride;
    surface->autogenFilter = base.autogen_filter;
    surface->backupSize = static_cast<uint32_t>(size);
    surface->coherent = (base.drm_surface_flags & drm_vmw_surface_flag_coherent) != 0;

    SVGA3dCmdDefineGBSurface_v4 define{};
    define.sid = *id;
    define.surfaceFlags = flags;
    define.format = description.format;
    define.numMipLevels = description.levels;
    define.multisampleCount = base.multisample_count;
    define.multisamplePattern = static_cast<SVGA3dMSPattern>(request.multisample_pattern);
    define.qualityLevel = static_cast<SVGA3dMSQualityLevel>(request.quality_level);
    define.autogenFilter = static_cast<SVGA3dTextureFilter>(base.autogen_filter);
    define.size = description.size;
    define.arraySize = description.layers;
    define.bufferByteStride = request.buffer_byte_stride;
    if (capabilities().sm5()) {
        prologue_.add(SVGA_3D_CMD_DEFINE_GB_SURFACE_V4, define);
    } else if (capabilities().sm41()) {
        // V4 only adds a field at the end.
        SVGA3dCmdDefineGBSurface_v3 v3{};
        static_assert(sizeof(v3) < sizeof(define));
        std::memcpy(&v3, &define, sizeof(v3));
        prologue_.add(SVGA_3D_CMD_DEFINE_GB_SURFACE_V3, v3);
    } else {
        SVGA3dCmdDefineGBSurface_v2 v2{};
        v2.sid = *id;
        v2.surfaceFlags = static_cast<SVGA3dSurface1Flags>(flags);
        v2.format = define.format;
        v2.numMipLevels = define.numMipLevels;
        v2.multisampleCount = define.multisampleCount;
        v2.autogenFilter = define.autogenFilter;
        v2.size = define.size;
        v2.arraySize = define.arraySize;
        prologue_.add(SVGA_3D_CMD_DEFINE_GB_SURFACE_V2, v2);
    }
    if (backup) {
        bindSurface(surface, std::move(backup), prologue_);
        if (!used)
            surface->pending.clear(); // zeroed memory that nobody has seen
    }
    return surface;
}

void Kernel::bindSurface(const std::shared_ptr<Surface>& surface, std::shared_ptr<BufferObject> buffer,
                         CommandStream& commands) {
    if (surface->followed)
        coherence_->unfollow(*surface, commands);
    surface->backup = std::move(buffer);
    const uint32_t mobId = surface->backup ? surface->backup->mobId : SVGA3D_INVALID_ID;
    commands.add(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{surface->id, mobId});
    const bool inPlace = surface->isBuffer() && capabilities().buffersInPlace;
    if (surface->backup && surface->coherent && !inPlace) {
        coherence_->follow(*surface);
        coherence_->markWritten(*surface);
    }
}

void Kernel::destroy(Surface* surface) {
    if (surface->followed)
        coherence_->unfollow(*surface, prologue_);
    // Not unbound before: of a buffer drawn in place the device would copy all to host memory first.
    prologue_.add(SVGA_3D_CMD_DESTROY_GB_SURFACE, SVGA3dCmdDestroyGBSurface{surface->id});
    surfaceIds_.free(surface->id);
    delete surface;
}

std::shared_ptr<Context> Kernel::createContext() {
    const auto id = contextIds_.allocate();
    if (!id)
        throw IoctlError(ENOMEM);
    auto context = std::shared_ptr<Context>(new Context{}, [this](Context* dead) { destroy(dead); });
    context->id = *id;
    prologue_.add(SVGA_3D_CMD_DX_DEFINE_CONTEXT, SVGA3dCmdDXDefineContext{*id});
    context->memory = createBuffer(sizeof(SVGADXContextMobFormat));
    prologue_.add(SVGA_3D_CMD_DX_BIND_CONTEXT, SVGA3dCmdDXBindContext{*id, context->memory->mobId, 0});
    const int tables = capabilities().sm5() ? SVGA_COTABLE_MAX : SVGA_COTABLE_DX10_MAX;
    for (int type = 0; type < tables; ++type) {
        const auto tableType = static_cast<SVGACOTableType>(type);
        CoTable& table = context->coTables[type];
        table.memory = createBuffer(uint64_t{kFirstCoTableEntries} * kCoTableEntrySizes[tableType]);
        table.entries = kFirstCoTableEntries;
        prologue_.add(SVGA_3D_CMD_DX_SET_COTABLE, SVGA3dCmdDXSetCOTable{*id, table.memory->mobId, tableType, 0});
    }
    return context;
}

void Kernel::destroy(Context* context) {
    prologue_.add(SVGA_3D_CMD_DX_DESTROY_CONTEXT, SVGA3dCmdDXDestroyContext{context->id});
    contextIds_.free(context->id);
    delete context;
}

void Kernel::growCoTable(Context& context, SVGACOTableType type, uint32_t entries) {
    CoTable& table = context.coTables[type];
    if (entries <= table.entries)
        return;
    if (!table.memory || entries > SVGA_COTABLE_MAX_IDS)
        throw IoctlError(EINVAL);
    uint32_t grown = table.entries;
    while (grown < entries)
        grown *= 2;
    grown = std::min<uint32_t>(grown, SVGA_COTABLE_MAX_IDS);
    auto memory = createBuffer(uint64_t{grown} * kCoTableEntrySizes[type]);
    CommandStream readback;
    readback.add(SVGA_3D_CMD_DX_READBACK_COTABLE, SVGA3dCmdDXReadbackCOTable{context.id, type});
    waitLocked(submit(readback, std::nullopt, {}));
    const uint64_t valid = uint64_t{table.entries} * kCoTableEntrySizes[type];
    std::memcpy(memory_.at(memory->memory.offset), memory_.at(table.memory->memory.offset), valid);
    prologue_.add(SVGA_3D_CMD_DX_SET_COTABLE,
                  SVGA3dCmdDXSetCOTable{context.id, memory->mobId, type, static_cast<uint32_t>(valid)});
    table.memory = std::move(memory);
    table.entries = grown;
}

uint64_t Kernel::submit(const CommandStream& commands, std::optional<uint32_t> dxContext, InFlight inFlight) {
    CommandStream all = std::move(prologue_);
    prologue_.clear();
    all.append(commands);
    inFlight.frees = std::move(pendingFrees_);
    pendingFrees_.clear();

    std::span<const std::byte> rest = all.bytes();
    const std::size_t limit = gpu_->maxSubmission();
    while (rest.size() > limit) {
        std::size_t size = 0;
        for (;;) {
            SVGA3dCmdHeader header;
            std::memcpy(&header, rest.data() + size, sizeof(header));
            if (size + sizeof(header) + header.size > limit)
                break;
            size += sizeof(header) + header.size;
        }
        gpu_->submit(rest.first(size), dxContext);
        rest = rest.subspan(size);
    }
    inFlight.seqno = gpu_->submit(rest, dxContext);
    for (const auto& surface : inFlight.surfaces) {
        if (surface->backup)
            surface->backup->lastUse = inFlight.seqno;
    }
    for (const auto& buffer : inFlight.buffers)
        buffer->lastUse = inFlight.seqno;
    for (const auto& surface : inFlight.merges)
        surface->shadow->readback = inFlight.seqno;
    const uint64_t seqno = inFlight.seqno;
    inFlight_.push_back(std::move(inFlight));
    return seqno;
}

/// With the lock held.
void Kernel::retire() {
    const uint64_t completed = gpu_->completed();
    while (!inFlight_.empty() && inFlight_.front().seqno <= completed) {
        InFlight done = std::move(inFlight_.front());
        inFlight_.pop_front();
        if (!gpu_->lost()) {
            for (const auto& surface : done.merges)
                coherence_->merge(*surface, completed);
        }
        for (const PageRun& run : done.frees)
            memory_.free(run);
    }
    if (completed > retired_) {
        retired_.store(completed, std::memory_order_release);
        const auto end = whenRetired_.upper_bound(completed);
        for (auto it = whenRetired_.begin(); it != end; ++it)
            it->second();
        whenRetired_.erase(whenRetired_.begin(), end);
    }
}

/// Sees to what happens after a fence where nobody waits for it: fence descriptors, memory to be freed.
void Kernel::retireLoop() {
    uint64_t seen = 0;
    while (gpu_->waitBeyond(seen)) {
        Lock held = lock();
        retire();
        seen = retired_;
        if (gpu_->lost() && retired_ >= gpu_->submitted()) {
            held.unlock();
            std::this_thread::sleep_for(kLostPoll);
        }
    }
}

void Kernel::waitLocked(uint64_t seqno) {
    gpu_->wait(seqno);
    retire();
}

Gpu::WaitResult Kernel::wait(uint64_t seqno, std::optional<Gpu::Clock::time_point> deadline) {
    if (retired() >= seqno)
        return lost() ? Gpu::WaitResult::Lost : Gpu::WaitResult::Done;
    ++counters_.fences_waited;
    const auto result = gpu_->wait(seqno, deadline);
    if (result != Gpu::WaitResult::TimedOut) {
        Lock held = lock();
        retire();
    }
    return result;
}

void Kernel::whenRetired(uint64_t seqno, std::function<void()> action) {
    if (retired() >= seqno)
        action();
    else
        whenRetired_.emplace(seqno, std::move(action));
}

PageRun Kernel::readBack(uint64_t offset) noexcept {
    const PageRun page = pagesOf(offset, offset + 1);
    Lock held = lock();
    const auto buffer = bufferAt(page.offset, page.size);
    if (!buffer)
        return page;
    if (!readBackAndWait(buffer, page.offset, page.size, held))
        return page;
    const PageRun run = coherence_->currentAround(*buffer, page.offset);
    return run.size != 0 ? run : page;
}

uint64_t Kernel::startReadback(const std::shared_ptr<BufferObject>& buffer, uint64_t offset, uint64_t size) {
    CommandStream commands;
    std::vector<Surface*> merges;
    if (coherence_->readBack(*buffer, offset, size, commands, merges)) {
        InFlight inFlight;
        inFlight.buffers.push_back(buffer);
        for (Surface* surface : merges)
            inFlight.merges.push_back(surface->shared_from_this());
        buffer->readback = submit(commands, std::nullopt, std::move(inFlight));
    }
    uint64_t seqno = buffer->readback;
    for (const Surface* surface : buffer->coherentSurfaces) {
        if (surface->shadow)
            seqno = std::max(seqno, surface->shadow->readback);
    }
    return seqno > retired() ? seqno : 0;
}

bool Kernel::readBackAndWait(const std::shared_ptr<BufferObject>& buffer, uint64_t offset, uint64_t size, Lock& held) {
    for (int attempt = 0; !lost(); ++attempt) {
        const uint64_t seqno = startReadback(buffer, offset, size);
        if (seqno == 0)
            return true;
        // Another thread's batches may make it stale again and again; in the end keep them out.
        if (attempt < kUnlockedReadbacks) {
            held.unlock();
            wait(seqno, std::nullopt);
            held.lock();
        } else {
            waitLocked(seqno);
        }
    }
    return false;
}

void Kernel::addMapping(void* address, uint64_t offset, uint64_t size, bool writable) {
    Lock held = lock();
    auto buffer = bufferAt(offset, pageCeil(size));
    if (!buffer)
        return;
    tracker_->addMapping(address, offset, pageCeil(size));
    ++buffer->mappings;
    buffer->wasMapped = buffer->mayBeWritten = true;
    if (!tracker_->readsAreTracked()) {
        if (const uint64_t seqno = startReadback(buffer, offset, pageCeil(size)))
            waitLocked(seqno);
    }
    mappings_[reinterpret_cast<uintptr_t>(address)] = {pageCeil(size), offset, std::move(buffer), writable};
    updateMappingBounds();
}

void Kernel::updateMappingBounds() {
    if (mappings_.empty()) {
        lowestMapping_ = UINTPTR_MAX;
        highestMapping_ = 0;
        return;
    }
    lowestMapping_ = mappings_.begin()->first;
    highestMapping_ = mappings_.rbegin()->first + mappings_.rbegin()->second.size;
}

bool Kernel::mayBeMapped(const void* address, uint64_t size) const {
    const auto begin = reinterpret_cast<uintptr_t>(address);
    return begin < highestMapping_.load() && begin + size > lowestMapping_.load();
}

void Kernel::removeMapping(void* address, uint64_t size) {
    const auto begin = reinterpret_cast<uintptr_t>(address);
    const uintptr_t end = begin + pageCeil(size);
    Lock held = lock();
    auto it = mappings_.upper_bound(begin);
    if (it != mappings_.begin())
        --it;
    bool found = false;
    while (it != mappings_.end() && it->first < end) {
        const uintptr_t first = it->first;
        const uintptr_t last = first + it->second.size;
        if (last <= begin) {
            ++it;
            continue;
        }
        if (!found)
            tracker_->removeMapping(address, pageCeil(size));
        found = true;
        const Mapping mapping = it->second;
        it = mappings_.erase(it);
        --mapping.buffer->mappings;
        const auto keep = [&](uintptr_t from, uintptr_t to) {
            ++mapping.buffer->mappings;
            mappings_[from] = {to - from, mapping.offset + (from - first), mapping.buffer, mapping.writable};
        };
        if (first < begin)
            keep(first, begin);
        if (last > end)
            keep(end, last);
    }
    if (found)
        updateMappingBounds();
}

std::optional<Kernel::Shown> Kernel::mappingAt(const void* address) {
    Lock held = lock();
    return shownAt(reinterpret_cast<uintptr_t>(address), 1);
}

std::optional<Kernel::Shown> Kernel::shownAt(uintptr_t address, uint64_t size) const {
    auto it = mappings_.upper_bound(address);
    if (it == mappings_.begin())
        return std::nullopt;
    const auto& [first, mapping] = *--it;
    const uint64_t within = address - first;
    if (within >= mapping.size || size > mapping.size - within)
        return std::nullopt;
    return Shown{mapping.offset + within, mapping.writable};
}

} // namespace svga::shim
