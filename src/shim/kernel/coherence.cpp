// SPDX-License-Identifier: MIT
#include "shim/kernel/coherence.h"

#include "shim/kernel/kernel.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <algorithm>
#include <cstring>

namespace svga::shim {

namespace {

/// Joins boxes of one column of rows: what a left half of an image, written line by line, comes to.
void joinRows(std::vector<SubresourceBox>& boxes) {
    std::size_t last = 0;
    for (std::size_t i = 1; i < boxes.size(); ++i) {
        SubresourceBox& a = boxes[last];
        const SubresourceBox& b = boxes[i];
        const bool joins = a.subresource == b.subresource && a.box.d == 1 && b.box.d == 1 && a.box.z == b.box.z &&
                           a.box.x == b.box.x && a.box.w == b.box.w && a.box.y + a.box.h == b.box.y;
        if (joins) {
            a.box.h += b.box.h;
            a.bytes += b.bytes;
        } else {
            boxes[++last] = b;
        }
    }
    if (!boxes.empty())
        boxes.resize(last + 1);
}

/// Whether a batch's later write makes \p write, to a buffer on the same memory, out of date.
bool isSuperseded(const SurfaceWrite& write, std::span<const SurfaceWrite> writes) {
    return std::any_of(writes.begin(), writes.end(), [&](const SurfaceWrite& other) {
        return other.surface->backup == write.surface->backup && other.order > write.order &&
               other.surface->isBuffer() && write.surface->isBuffer();
    });
}

} // namespace

Coherence::Coherence(Kernel& kernel)
    : kernel_(kernel) {}

void Coherence::follow(Surface& surface) {
    BufferObject& buffer = *surface.backup;
    surface.deviceNewer.assign(surface.layout.subresources(), false);
    if (!buffer.isTracked())
        kernel_.tracker().enable(buffer.memory);
    buffer.coherentSurfaces.push_back(&surface);
    surface.followed = true;
}

void Coherence::unfollow(Surface& surface, CommandStream& commands) {
    BufferObject& buffer = *surface.backup;
    std::erase(buffer.coherentSurfaces, &surface);
    if (!buffer.isTracked()) {
        kernel_.tracker().disable(buffer.memory);
        buffer.tracking = {};
    }
    surface.followed = false;
    surface.pending.clear();
    if (surface.shadow) {
        kernel_.freeMob(surface.shadow->mobId, commands);
        kernel_.freeLater(surface.shadow->memory);
        surface.shadow.reset();
    }
}

void Coherence::markWritten(Surface& surface) {
    surface.pending.add(pagesOf(0, surface.layout.size()));
}

PageRun Coherence::pages(const Surface& surface, uint32_t subresource) const {
    const auto place = surface.layout.subresource(subresource);
    const uint64_t begin = surface.backup->memory.offset + place.offset;
    return pagesOf(begin, begin + place.size);
}

void Coherence::prepare(std::span<const std::shared_ptr<Surface>> surfaces, std::span<const SurfaceWrite> writes,
                        CommandStream& before, CommandStream& after, std::vector<std::shared_ptr<Surface>>& merges) {
    const bool waits = kernel_.tracker().readsAreTracked();
    settle(surfaces);
    if (waits) {
        // First make the CPU wait, then collect: a write that races with this either came before, and is collected,
        // or comes after the readback.
        for (const SurfaceWrite& write : writes) {
            PageRunSet invalid;
            for (uint32_t i = 0; i < write.subresources.size(); ++i) {
                if (write.subresources[i] && !write.surface->deviceNewer[i])
                    invalid.add(pages(*write.surface, i));
            }
            for (const PageRun& run : invalid.runs())
                kernel_.tracker().invalidate(run);
        }
    }
    collect(surfaces);
    for (const SurfaceWrite& write : writes) {
        if (needsShadow(*write.surface, true))
            makeShadow(*write.surface, before);
    }
    for (const auto& surface : surfaces) {
        if (!surface->followed)
            continue;
        if (needsShadow(*surface, false))
            makeShadow(*surface, before);
        upload(*surface, before);
    }
    for (const SurfaceWrite& write : writes) {
        Surface& surface = *write.surface;
        if (isSuperseded(write, writes)) {
            markWritten(surface);
            if (surface.shadow)
                surface.shadow->unknown = true;
            continue;
        }
        const bool now = !waits && surface.shadow && surface.backup->mappings > 0;
        for (uint32_t i = 0; i < write.subresources.size(); ++i) {
            if (!write.subresources[i])
                continue;
            if (now)
                readBackSubresource(surface, i, after);
            else
                surface.deviceNewer[i] = true;
        }
        if (now)
            merges.push_back(write.surface);
    }
}

/// Brings to memory what the device has newer in surfaces that share memory with one of \p surfaces.
void Coherence::settle(std::span<const std::shared_ptr<Surface>> surfaces) {
    CommandStream commands;
    Kernel::InFlight inFlight;
    uint64_t merged = 0;
    for (const auto& surface : surfaces) {
        if (!surface->followed)
            continue;
        for (Surface* other : surface->backup->coherentSurfaces) {
            if (other == surface.get())
                continue;
            bool here = false;
            for (uint32_t i = 0; i < other->deviceNewer.size(); ++i) {
                if (!other->deviceNewer[i])
                    continue;
                readBackSubresource(*other, i, commands);
                here = true;
            }
            if (here)
                inFlight.surfaces.push_back(other->shared_from_this());
            if (here && other->shadow)
                inFlight.merges.push_back(other->shared_from_this());
            else if (other->shadow)
                merged = std::max(merged, other->shadow->readback);
        }
    }
    if (!commands.empty()) {
        const auto read = inFlight.surfaces;
        const uint64_t seqno = kernel_.submit(commands, std::nullopt, std::move(inFlight));
        for (const auto& surface : read)
            surface->backup->readback = seqno;
        merged = std::max(merged, seqno);
    }
    // The CPU copies a shadow's content, both ways: then it has to be there.
    if (merged != 0 && !kernel_.tracker().readsAreTracked())
        kernel_.waitLocked(merged);
}

void Coherence::markOthersWritten(const Surface& surface, PageRun pages) {
    for (Surface* other : surface.backup->coherentSurfaces) {
        if (other != &surface)
            other->pending.add(pages);
    }
}

void Coherence::collect(std::span<const std::shared_ptr<Surface>> surfaces) {
    std::vector<BufferObject*> buffers;
    for (const auto& surface : surfaces) {
        if (surface->followed && surface->backup->mayBeWritten &&
            surface->backup->tracking.mode != DRM_VMW_BO_TRACKING_EXPLICIT)
            buffers.push_back(surface->backup.get());
    }
    const auto before = [](const BufferObject* a, const BufferObject* b) {
        return a->memory.offset < b->memory.offset;
    };
    std::sort(buffers.begin(), buffers.end(), before);
    buffers.erase(std::unique(buffers.begin(), buffers.end()), buffers.end());
    collect(buffers);
}

/// \p buffers are in the order of their memory, none twice.
void Coherence::collect(std::span<BufferObject* const> buffers) {
    if (buffers.empty())
        return;
    std::vector<PageRun> ranges;
    for (BufferObject* buffer : buffers) {
        ranges.push_back(buffer->memory);
        buffer->mayBeWritten = buffer->mappings > 0;
        ++buffer->tracking.scans;
    }
    std::vector<PageRun> written;
    kernel_.tracker().collect(ranges, written);
    // Runs come sorted but may reach over several buffers.
    std::size_t next = 0;
    for (const PageRun& run : written) {
        while (next < buffers.size() && buffers[next]->memory.offset + buffers[next]->memory.size <= run.offset)
            ++next;
        for (std::size_t i = next; i < buffers.size() && buffers[i]->memory.offset < run.offset + run.size; ++i) {
            const PageRun& memory = buffers[i]->memory;
            const uint64_t begin = std::max(run.offset, memory.offset);
            const uint64_t end = std::min(run.offset + run.size, memory.offset + memory.size);
            for (Surface* surface : buffers[i]->coherentSurfaces)
                surface->pending.add({begin - memory.offset, end - begin});
        }
    }
}

void Coherence::upload(Surface& surface, CommandStream& commands) {
    if (surface.pending.empty())
        return;
    std::vector<PageRun> runs = surface.pending.runs();
    surface.pending.clear();
    for (const PageRun& run : runs)
        surface.backup->tracking.uploadedPages += run.size / kPageSize;
    if (surface.shadow)
        updateShadow(surface, runs);
    uploadRuns(surface, runs, commands);
}

void Coherence::countUploaded(Surface& surface, uint64_t bytes) {
    kernel_.counters().bytes_uploaded += bytes;
    surface.backup->tracking.uploadedBytes += bytes;
}

void Coherence::uploadRuns(Surface& surface, std::span<const PageRun> runs, CommandStream& commands) {
    if (surface.layout.multisampled()) {
        if (runs.empty() || surface.deviceNewer[0])
            return;
        commands.add(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{surface.id});
        countUploaded(surface, surface.layout.size());
        return;
    }
    std::vector<SubresourceBox> boxes;
    for (const PageRun& run : runs)
        surface.layout.boxes(run.offset, std::min(run.offset + run.size, surface.layout.size()), boxes);
    joinRows(boxes);
    for (const SubresourceBox& box : boxes) {
        // On a page shared with a written subresource lie bytes of one that is newer on the device.
        if (surface.deviceNewer[box.subresource])
            continue;
        commands.add(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE,
                     SVGA3dCmdDXUpdateSubResource{surface.id, box.subresource, box.box});
        countUploaded(surface, box.bytes);
    }
}

bool Coherence::needsShadow(const Surface& surface, bool written) const {
    if (!surface.followed || surface.shadow || surface.backup->mappings == 0 || kernel_.tracker().readsAreTracked())
        return false;
    return written || kernel_.tracker().mode() == TrackerMode::All;
}

/// Gives the surface device memory of its own, with all of its content, so that what the device holds is known.
void Coherence::makeShadow(Surface& surface, CommandStream& commands) {
    const uint64_t size = surface.backup->memory.size;
    auto memory = kernel_.memory().allocate(size);
    if (!memory)
        throw IoctlError(ENOMEM);
    auto shadow = std::make_unique<Shadow>();
    shadow->memory = *memory;
    shadow->mobId = kernel_.allocateMob(*memory, commands);
    shadow->known.resize(size);
    shadow->pending.assign(surface.layout.subresources(), false);
    std::memcpy(shadow->known.data(), kernel_.memory().at(surface.backup->memory.offset), size);
    std::memcpy(kernel_.memory().at(memory->offset), shadow->known.data(), size);
    surface.shadow = std::move(shadow);
    commands.add(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{surface.id, surface.shadow->mobId});
    surface.pending.clear();
    const PageRun whole = pagesOf(0, surface.layout.size());
    uploadRuns(surface, std::span(&whole, 1), commands);
}

/// Copies written pages to the shadow and leaves in \p runs those that changed something.
void Coherence::updateShadow(Surface& surface, std::vector<PageRun>& runs) {
    Shadow& shadow = *surface.shadow;
    const std::byte* guest = kernel_.memory().at(surface.backup->memory.offset);
    PageRunSet changed;
    for (const PageRun& run : runs) {
        for (uint64_t page = run.offset; page < run.offset + run.size; page += kPageSize) {
            if (shadow.unknown || std::memcmp(guest + page, shadow.known.data() + page, kPageSize) != 0)
                changed.add({page, kPageSize});
        }
    }
    shadow.unknown = false;
    runs = changed.runs();
    if (runs.empty())
        return;
    // What the device wrote must be in guest memory before a page of that goes back to the device.
    if (shadow.readback != 0)
        kernel_.waitLocked(shadow.readback);
    std::byte* device = kernel_.memory().at(shadow.memory.offset);
    for (const PageRun& run : runs) {
        std::memcpy(shadow.known.data() + run.offset, guest + run.offset, run.size);
        std::memcpy(device + run.offset, shadow.known.data() + run.offset, run.size);
    }
}

void Coherence::readBackSubresource(Surface& surface, uint32_t subresource, CommandStream& commands) {
    if (surface.layout.multisampled())
        commands.add(SVGA_3D_CMD_READBACK_GB_SURFACE, SVGA3dCmdReadbackGBSurface{surface.id});
    else
        commands.add(SVGA_3D_CMD_DX_READBACK_SUBRESOURCE, SVGA3dCmdDXReadbackSubResource{surface.id, subresource});
    kernel_.counters().bytes_read_back += surface.layout.subresource(subresource).size;
    surface.backup->tracking.readBackBytes += surface.layout.subresource(subresource).size;
    surface.deviceNewer[subresource] = false;
    if (surface.shadow) {
        surface.shadow->pending[subresource] = true;
        surface.shadow->readback = kernel_.submitted() + 1; // at the earliest; retire() knows the batch
    } else {
        const auto place = surface.layout.subresource(subresource);
        markOthersWritten(surface, pagesOf(place.offset, place.offset + place.size));
    }
}

bool Coherence::readBack(BufferObject& buffer, uint64_t offset, uint64_t size, CommandStream& commands,
                         std::vector<Surface*>& merges) {
    bool found = false;
    const uint64_t begin = offset - buffer.memory.offset;
    for (Surface* surface : buffer.coherentSurfaces) {
        bool here = false;
        const auto [first, last] = surface->layout.overlapping(begin, begin + size);
        for (uint32_t i = first; i < last; ++i) {
            if (!surface->deviceNewer[i])
                continue;
            readBackSubresource(*surface, i, commands);
            here = true;
        }
        if (here && surface->shadow)
            merges.push_back(surface);
        found |= here;
    }
    return found;
}

PageRun Coherence::currentAround(const BufferObject& buffer, uint64_t offset) const {
    uint64_t begin = buffer.memory.offset;
    uint64_t end = begin + buffer.memory.size;
    for (const Surface* surface : buffer.coherentSurfaces) {
        for (uint32_t i = 0; i < surface->deviceNewer.size(); ++i) {
            if (!surface->deviceNewer[i])
                continue;
            const PageRun stale = pages(*surface, i);
            if (stale.offset + stale.size <= offset)
                begin = std::max(begin, stale.offset + stale.size);
            else if (stale.offset > offset)
                end = std::min(end, stale.offset);
            else
                return {offset, 0};
        }
    }
    return {begin, end - begin};
}

void Coherence::scan(BufferObject& buffer) {
    BufferObject* const one = &buffer;
    if (buffer.mayBeWritten && buffer.tracking.mode != DRM_VMW_BO_TRACKING_EXPLICIT)
        collect(std::span(&one, 1));
}

std::vector<PageRun> Coherence::dirty(const BufferObject& buffer) const {
    PageRunSet pages;
    for (const Surface* surface : buffer.coherentSurfaces) {
        for (const PageRun& run : surface->pending.runs())
            pages.add(run);
    }
    return pages.runs();
}

std::vector<PageRun> Coherence::stale(const BufferObject& buffer) const {
    PageRunSet stale;
    for (const Surface* surface : buffer.coherentSurfaces) {
        for (uint32_t i = 0; i < surface->deviceNewer.size(); ++i) {
            if (surface->deviceNewer[i])
                stale.add(pages(*surface, i));
        }
    }
    if (buffer.readback > kernel_.retired()) {
        for (const PageRun& run : kernel_.tracker().stale(buffer.memory))
            stale.add(run);
    }
    return stale.runs();
}

void Coherence::prepareAccess(BufferObject& buffer, uint64_t begin, uint64_t end, bool write) {
    const PageRun run = pagesOf(begin, end);
    if (write) {
        for (Surface* surface : buffer.coherentSurfaces)
            surface->pending.add(run);
        buffer.tracking.declaredPages += run.size / kPageSize;
    }
    kernel_.tracker().prepare({buffer.memory.offset + run.offset, run.size}, write);
}

void Coherence::discard(BufferObject& buffer, uint64_t begin, uint64_t end) {
    for (Surface* surface : buffer.coherentSurfaces) {
        const auto [first, last] = surface->layout.overlapping(begin, end);
        for (uint32_t i = first; i < last; ++i) {
            const auto place = surface->layout.subresource(i);
            if (place.offset < begin || place.offset + place.size > end)
                continue;
            const bool merging = surface->shadow && surface->shadow->pending[i];
            if (surface->shadow && (merging || surface->deviceNewer[i]))
                surface->shadow->unknown = true;
            if (merging)
                surface->shadow->pending[i] = false;
            surface->deviceNewer[i] = false;
        }
    }
    validate(buffer);
}

void Coherence::validate(BufferObject& buffer) {
    if (buffer.readback > kernel_.retired())
        return; // what that brings is not there yet
    uint64_t current = buffer.memory.offset;
    for (const PageRun& run : stale(buffer)) {
        if (run.offset > current)
            kernel_.tracker().validate({current, run.offset - current});
        current = run.offset + run.size;
    }
    const uint64_t end = buffer.memory.offset + buffer.memory.size;
    if (current < end)
        kernel_.tracker().validate({current, end - current});
}

void Coherence::setMode(BufferObject& buffer, enum drm_vmw_bo_tracking_mode mode) {
    // Nobody looks for writes from now on, so those up to now are noted; and all pages become writable.
    if (mode == DRM_VMW_BO_TRACKING_EXPLICIT && buffer.tracking.mode != mode) {
        scan(buffer);
        kernel_.tracker().prepare(buffer.memory, true);
    }
    buffer.tracking.mode = mode;
}

void Coherence::merge(Surface& surface, uint64_t retired) {
    if (!surface.shadow || surface.shadow->readback == 0)
        return;
    Shadow& shadow = *surface.shadow;
    std::byte* guest = kernel_.memory().at(surface.backup->memory.offset);
    const std::byte* device = kernel_.memory().at(shadow.memory.offset);
    std::vector<std::byte> fresh(kPageSize);
    for (uint32_t i = 0; i < shadow.pending.size(); ++i) {
        if (!shadow.pending[i])
            continue;
        const auto place = surface.layout.subresource(i);
        for (uint64_t at = place.offset; at < place.offset + place.size; at += fresh.size()) {
            const std::size_t size = std::min<uint64_t>(fresh.size(), place.offset + place.size - at);
            std::memcpy(fresh.data(), device + at, size); // read once: a later readback may be under way
            if (std::memcmp(fresh.data(), shadow.known.data() + at, size) == 0)
                continue;
            markOthersWritten(surface, pagesOf(at, at + size));
            for (std::size_t byte = 0; byte < size; ++byte) {
                if (fresh[byte] != shadow.known[at + byte])
                    guest[at + byte] = shadow.known[at + byte] = fresh[byte];
            }
        }
    }
    if (shadow.readback <= retired) {
        shadow.readback = 0;
        shadow.pending.assign(shadow.pending.size(), false);
    }
}

} // namespace svga::shim
