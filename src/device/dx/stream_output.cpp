// SPDX-License-Identifier: MIT
#include "device/dx/stream_output.h"

#include "device/dx/descriptors.h"
#include "device/vulkan/vulkan_error.h"

#include <algorithm>

namespace svga::device {

namespace {

constexpr uint32_t kCounters = 16384;
/// Counter 0 belongs to nobody: bound where a slot has no buffer.
constexpr uint32_t kDummy = 0;

} // namespace

StreamOutputs::StreamOutputs(const VulkanDevice& device, GpuQueue& queue, const SurfaceLookup& surfaces,
                             const MobLookup& mobs)
    : device_(device)
    , queue_(queue)
    , surfaces_(surfaces)
    , mobs_(mobs) {
    VkBufferCreateInfo create{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    create.size = kCounters * sizeof(uint32_t);
    create.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT |
                   VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT |
                   VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_COUNTER_BUFFER_BIT_EXT;
    VmaAllocationCreateInfo allocate{};
    allocate.usage = VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE;
    check(vmaCreateBuffer(device.allocator(), &create, &allocate, &counters_, &memory_, nullptr), "vmaCreateBuffer");
    for (uint32_t index = kCounters; index-- > kDummy + 1;)
        freeIndices_.push_back(index);
}

StreamOutputs::~StreamOutputs() {
    vmaDestroyBuffer(device_.allocator(), counters_, memory_);
}

StreamOutputs::Counter& StreamOutputs::counter(const std::shared_ptr<Surface>& surface) {
    auto known = known_.find(surface.get());
    if (known != known_.end() && known->second.surface.lock() == surface)
        return known->second;
    // A surface at the same address as one that is gone, or a new one: counters of the dead are free again.
    if (freeIndices_.empty() || known != known_.end())
        std::erase_if(known_, [this](const auto& item) {
            if (!item.second.surface.expired())
                return false;
            freeIndices_.push_back(item.second.index);
            return true;
        });
    if (freeIndices_.empty())
        throw CommandError("more than {} surfaces are stream output targets", kCounters - 1);
    const uint32_t index = freeIndices_.back();
    freeIndices_.pop_back();
    Counter& added = known_[surface.get()] = {surface, index};
    vkCmdFillBuffer(queue_.transfer(), counters_, added.offset(), sizeof(uint32_t), 0);
    return added;
}

VkDeviceSize StreamOutputs::counterOf(const std::shared_ptr<Surface>& surface) {
    return counter(surface).offset();
}

void StreamOutputs::setRange(const std::shared_ptr<Surface>& surface, uint32_t offset, uint32_t size) {
    Counter& range = counter(surface);
    range.end = uint64_t(offset) + size;
    vkCmdFillBuffer(queue_.transfer(), counters_, range.offset(), sizeof(uint32_t), offset & ~3u);
}

std::optional<vgpu10::StreamOutput> StreamOutputs::declaration(const DxContext& context) const {
    const auto& bound = context.state.guest.streamOut;
    const auto entry = context.find<SVGACOTableDXStreamOutputEntry>(bound.soid);
    if (!entry || entry->numOutputStreamEntries == 0)
        return std::nullopt;
    const uint32_t limit = entry->usesMob ? SVGA3D_MAX_STREAMOUT_DECLS : SVGA3D_MAX_DX10_STREAMOUT_DECLS;
    if (entry->numOutputStreamEntries > limit)
        throw CommandError("stream output {} has {} entries, {} at most", bound.soid, entry->numOutputStreamEntries,
                           limit);
    std::vector<SVGA3dStreamOutputDeclarationEntry> entries(entry->numOutputStreamEntries);
    if (entry->usesMob)
        mobs_.get(entry->mobid)->read(entry->offsetInBytes, std::as_writable_bytes(std::span(entries)));
    else
        std::copy_n(entry->decl, entries.size(), entries.begin());

    vgpu10::StreamOutput out;
    std::copy_n(entry->streamOutputStrideInBytes, out.strideInBytes.size(), out.strideInBytes.begin());
    out.rasterizedStream = entry->rasterizedStream;
    std::array<uint32_t, SVGA3D_DX_MAX_SOTARGETS> filled{};
    for (const auto& source : entries) {
        if (source.outputSlot >= filled.size() || source.stream >= 4)
            throw CommandError("stream output {} names slot {} and stream {}", bound.soid, source.outputSlot,
                               source.stream);
        // Entries of a slot lie one after another; one without a register is a gap.
        const uint8_t mask = source.registerMask & 0xf;
        const uint32_t offset = filled[source.outputSlot];
        filled[source.outputSlot] += uint32_t(__builtin_popcount(mask)) * sizeof(uint32_t);
        if (source.registerIndex == SVGA3D_INVALID_ID || mask == 0)
            continue;
        if (!findSurface(surfaces_, bound.targets[source.outputSlot]))
            continue;
        out.entries.push_back({source.registerIndex, mask, source.outputSlot, source.stream, offset});
    }
    // A stride of 0 is as many bytes as are declared.
    for (uint32_t slot = 0; slot < filled.size(); ++slot)
        if (out.strideInBytes[slot] == 0)
            out.strideInBytes[slot] = filled[slot];
    return out;
}

bool StreamOutputs::prepare(const DxContext& context) {
    const auto& bound = context.state.guest.streamOut;
    bindings_ = {};
    for (uint32_t slot = 0; slot < SVGA3D_DX_MAX_SOTARGETS; ++slot) {
        bindings_.buffers[slot] = counters_;
        bindings_.sizes[slot] = sizeof(uint32_t);
        auto surface = findSurface(surfaces_, bound.targets[slot]);
        if (!surface || !surface->buffer())
            continue;
        const Counter& filled = counter(surface);
        const uint64_t end = std::min<uint64_t>(filled.end, surface->bufferSize());
        bindings_.buffers[slot] = surface->buffer();
        bindings_.sizes[slot] = std::max<uint64_t>(end & ~3ull, sizeof(uint32_t));
        bindings_.counterBuffers[slot] = counters_;
        bindings_.counterOffsets[slot] = filled.offset();
        bindings_.count = slot + 1;
    }
    return bindings_.count != 0;
}

void StreamOutputs::begin(VkCommandBuffer commands) {
    const auto& functions = device_.functions();
    functions.cmdBindTransformFeedbackBuffers(commands, 0, bindings_.count, bindings_.buffers.data(),
                                              bindings_.offsets.data(), bindings_.sizes.data());
    functions.cmdBeginTransformFeedback(commands, 0, bindings_.count, bindings_.counterBuffers.data(),
                                        bindings_.counterOffsets.data());
}

void StreamOutputs::end(VkCommandBuffer commands) {
    device_.functions().cmdEndTransformFeedback(commands, 0, bindings_.count, bindings_.counterBuffers.data(),
                                                bindings_.counterOffsets.data());
}

} // namespace svga::device
