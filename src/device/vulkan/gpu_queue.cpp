// SPDX-License-Identifier: MIT
#include "device/vulkan/gpu_queue.h"

#include "device/vulkan/vulkan_device.h"
#include "device/vulkan/vulkan_error.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <vector>

namespace svga::device {

namespace {

constexpr VkDeviceSize kStagingAlignment = 256;
constexpr VkDeviceSize kStagingBlockSize = 4u << 20;
/// Free staging memory that is kept for the next batches.
constexpr VkDeviceSize kStagingPoolSize = 64u << 20;
/// Batches that are submitted and not done.
constexpr std::size_t kMaxPending = 4;

/** \brief One host-visible buffer, mapped for as long as it lives; staging() carves transfers out of it. */
class StagingBlock {
public:
    StagingBlock(VmaAllocator allocator, VkDeviceSize size)
        : allocator_(allocator)
        , size_(size) {
        VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
        info.size = size;
        info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
        VmaAllocationCreateInfo memory{};
        memory.usage = VMA_MEMORY_USAGE_AUTO;
        memory.flags = VMA_ALLOCATION_CREATE_HOST_ACCESS_RANDOM_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT;
        memory.requiredFlags = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
        VmaAllocationInfo allocated{};
        VkResult result = vmaCreateBuffer(allocator, &info, &memory, &buffer_, &allocation_, &allocated);
        if (result != VK_SUCCESS)
            throw Error("no staging memory of {} bytes: {}", size, resultName(result));
        bytes_ = {static_cast<std::byte*>(allocated.pMappedData), static_cast<std::size_t>(size)};
    }
    StagingBlock(const StagingBlock&) = delete;
    ~StagingBlock() { vmaDestroyBuffer(allocator_, buffer_, allocation_); }

    VkDeviceSize size() const { return size_; }
    void reset() { used_ = 0; }

    std::optional<Staging> carve(VkDeviceSize size) {
        if (size > size_ - used_)
            return std::nullopt;
        Staging staging{buffer_, used_, bytes_.subspan(used_, size)};
        used_ = std::min(size_, (used_ + size + kStagingAlignment - 1) & ~(kStagingAlignment - 1));
        return staging;
    }

private:
    VmaAllocator allocator_;
    VkDeviceSize size_, used_ = 0;
    VkBuffer buffer_ = VK_NULL_HANDLE;
    VmaAllocation allocation_ = VK_NULL_HANDLE;
    std::span<std::byte> bytes_;
};

/** \brief A command buffer and all that must live until it has completed. */
struct Batch {
    VkCommandPool pool = VK_NULL_HANDLE;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    uint64_t value = 0;
    std::vector<std::unique_ptr<StagingBlock>> staging;
    std::vector<std::shared_ptr<const void>> kept;
};

class GpuQueueImpl final : public GpuQueue {
public:
    explicit GpuQueueImpl(const VulkanDevice& device)
        : device_(device) {
        VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
        type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
        VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
        check(vkCreateSemaphore(device_.handle(), &info, nullptr, &timeline_), "vkCreateSemaphore");
    }

    ~GpuQueueImpl() override {
        vkDeviceWaitIdle(device_.handle());
        auto destroy = [&](Batch& batch) {
            if (batch.pool)
                vkDestroyCommandPool(device_.handle(), batch.pool, nullptr);
        };
        destroy(current_);
        for (Batch& batch : pending_)
            destroy(batch);
        for (Batch& batch : idle_)
            destroy(batch);
        vkDestroySemaphore(device_.handle(), timeline_, nullptr);
    }

    VkCommandBuffer transfer() override {
        endRendering();
        fullBarrier();
        return current_.commands;
    }

    VkCommandBuffer rendering(const VkRenderingInfo& info, uint64_t key, bool& restarted) override {
        restarted = renderingKey_ != key;
        if (restarted) {
            endRendering();
            fullBarrier();
            vkCmdBeginRendering(current_.commands, &info);
            renderingKey_ = key;
        }
        return current_.commands;
    }

    void endRendering() override {
        if (renderingKey_ == 0)
            return;
        vkCmdEndRendering(current_.commands);
        renderingKey_ = 0;
    }

    Staging staging(VkDeviceSize size) override {
        size = std::max<VkDeviceSize>(size, 1);
        if (!current_.staging.empty())
            if (auto staging = current_.staging.back()->carve(size))
                return *staging;
        collect();
        std::unique_ptr<StagingBlock> block;
        if (size <= kStagingBlockSize && !freeStaging_.empty()) {
            block = std::move(freeStaging_.back());
            freeStaging_.pop_back();
        } else {
            block = std::make_unique<StagingBlock>(device_.allocator(), std::max(size, kStagingBlockSize));
        }
        Staging staging = block->carve(size).value();
        staged_ += block->size();
        current_.staging.push_back(std::move(block));
        return staging;
    }

    VkDeviceSize staged() const override { return staged_; }

    void keepAlive(std::shared_ptr<const void> object) override { current_.kept.push_back(std::move(object)); }

    uint64_t submit() override {
        endRendering();
        if (!recording_) {
            // What was kept can be in use by earlier batches only.
            if (!pending_.empty())
                std::move(current_.kept.begin(), current_.kept.end(), std::back_inserter(pending_.back().kept));
            current_.kept.clear();
            collect();
            return submitted_;
        }
        fullBarrier();
        check(vkEndCommandBuffer(current_.commands), "vkEndCommandBuffer");
        recording_ = false;

        VkCommandBufferSubmitInfo commands{VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO};
        commands.commandBuffer = current_.commands;
        VkSemaphoreSubmitInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO};
        signal.semaphore = timeline_;
        signal.value = submitted_ + 1;
        signal.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
        VkSubmitInfo2 info{VK_STRUCTURE_TYPE_SUBMIT_INFO_2};
        info.commandBufferInfoCount = 1;
        info.pCommandBufferInfos = &commands;
        info.signalSemaphoreInfoCount = 1;
        info.pSignalSemaphoreInfos = &signal;
        check(vkQueueSubmit2(device_.queue(), 1, &info, VK_NULL_HANDLE), "vkQueueSubmit2");

        current_.value = ++submitted_;
        pending_.push_back(std::move(current_));
        current_ = {};
        // What a guest destroys lives on until the GPU is done with it: one that runs ahead of the GPU is held back.
        if (pending_.size() > kMaxPending)
            wait(pending_[pending_.size() - 1 - kMaxPending].value);
        collect();
        return submitted_;
    }

    void wait(uint64_t value) override {
        VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
        info.semaphoreCount = 1;
        info.pSemaphores = &timeline_;
        info.pValues = &value;
        check(vkWaitSemaphores(device_.handle(), &info, UINT64_MAX), "vkWaitSemaphores");
    }

private:
    /** Opens the current command buffer if there is none, then orders all before against all after, host accesses too.
     */
    void fullBarrier() {
        begin();
        VkMemoryBarrier2 barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER_2};
        barrier.srcStageMask = barrier.dstStageMask =
            VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_2_HOST_BIT;
        barrier.srcAccessMask = barrier.dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT |
                                                        VK_ACCESS_2_HOST_READ_BIT | VK_ACCESS_2_HOST_WRITE_BIT;
        VkDependencyInfo dependency{VK_STRUCTURE_TYPE_DEPENDENCY_INFO};
        dependency.memoryBarrierCount = 1;
        dependency.pMemoryBarriers = &barrier;
        vkCmdPipelineBarrier2(current_.commands, &dependency);
    }

    void begin() {
        if (recording_)
            return;
        collect();
        if (!current_.commands && !idle_.empty()) {
            current_.pool = idle_.back().pool;
            current_.commands = idle_.back().commands;
            idle_.pop_back();
        } else if (!current_.commands) {
            createCommandBuffer();
        }
        check(vkResetCommandPool(device_.handle(), current_.pool, 0), "vkResetCommandPool");
        VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
        info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
        check(vkBeginCommandBuffer(current_.commands, &info), "vkBeginCommandBuffer");
        recording_ = true;
    }

    void createCommandBuffer() {
        VkCommandPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
        poolInfo.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
        poolInfo.queueFamilyIndex = device_.queueFamily();
        check(vkCreateCommandPool(device_.handle(), &poolInfo, nullptr, &current_.pool), "vkCreateCommandPool");
        VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
        info.commandPool = current_.pool;
        info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
        info.commandBufferCount = 1;
        check(vkAllocateCommandBuffers(device_.handle(), &info, &current_.commands), "vkAllocateCommandBuffers");
    }

    /** Takes back what completed batches held. */
    void collect() {
        uint64_t reached = 0;
        check(vkGetSemaphoreCounterValue(device_.handle(), timeline_, &reached), "vkGetSemaphoreCounterValue");
        while (!pending_.empty() && pending_.front().value <= reached) {
            Batch batch = std::move(pending_.front());
            pending_.pop_front();
            for (auto& block : batch.staging) {
                staged_ -= block->size();
                if (block->size() == kStagingBlockSize && freeStaging_.size() * kStagingBlockSize < kStagingPoolSize) {
                    block->reset();
                    freeStaging_.push_back(std::move(block));
                }
            }
            batch.staging.clear();
            batch.kept.clear();
            idle_.push_back(std::move(batch));
        }
    }

    const VulkanDevice& device_;
    VkSemaphore timeline_ = VK_NULL_HANDLE;
    uint64_t submitted_ = 0;

    Batch current_;
    bool recording_ = false;
    uint64_t renderingKey_ = 0; ///< of the rendering that is open; 0: none
    std::deque<Batch> pending_;
    std::vector<Batch> idle_; ///< command buffers for re-use
    std::vector<std::unique_ptr<StagingBlock>> freeStaging_;
    VkDeviceSize staged_ = 0;
};

} // namespace

std::unique_ptr<GpuQueue> GpuQueue::create(const VulkanDevice& device) {
    return std::make_unique<GpuQueueImpl>(device);
}

} // namespace svga::device
