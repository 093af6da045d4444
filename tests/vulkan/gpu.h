// SPDX-License-Identifier: MIT
/**
 * \file
 * A Vulkan device for tests, and the objects on it that a test of memory needs. Only Vulkan: the tests hold on any
 * driver.
 *
 * All of it throws std::runtime_error, with the VkResult, where a call fails.
 */
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace svga::test {

/** \brief Throws where \p result is not VK_SUCCESS. */
void check(VkResult result, const char* what);

class Gpu;

/** \brief An allocation, mapped as long as it lives where it can be. */
class Allocation {
public:
    Allocation(Gpu& gpu, VkDeviceSize size, VkMemoryPropertyFlags properties);
    ~Allocation();
    Allocation(const Allocation&) = delete;
    Allocation& operator=(const Allocation&) = delete;

    VkDeviceMemory handle() const { return handle_; }
    std::span<std::byte> bytes() const { return bytes_; }
    template <typename T>
    std::span<T> as() const {
        return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
    }

private:
    Gpu& gpu_;
    VkDeviceMemory handle_ = VK_NULL_HANDLE;
    std::span<std::byte> bytes_;
};

/** \brief A buffer for any use, bound to a range of an allocation. */
class Buffer {
public:
    /** \brief On \p memory, from \p offset on. */
    Buffer(Gpu& gpu, const Allocation& memory, VkDeviceSize offset, VkDeviceSize size);
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    VkBuffer handle() const { return handle_; }
    VkDeviceSize size() const { return size_; }

private:
    Gpu& gpu_;
    VkBuffer handle_ = VK_NULL_HANDLE;
    VkDeviceSize size_;
};

/** \brief A coherent buffer with memory of its own. */
struct CoherentBuffer {
    CoherentBuffer(Gpu& gpu, VkDeviceSize size);
    /** \brief Binds it as vertex buffer 0. */
    void bindVertices(VkCommandBuffer commands, VkDeviceSize offset = 0) const;
    Allocation memory;
    Buffer buffer;
};

/** \brief One device and its first queue. One thread at a time, but for the queue's host synchronisation the same as in
 * Vulkan. */
class Gpu {
public:
    /** Memory that the CPU can write and read without flushing. */
    static constexpr VkMemoryPropertyFlags kCoherent =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

    Gpu();
    ~Gpu();
    Gpu(const Gpu&) = delete;
    Gpu& operator=(const Gpu&) = delete;

    VkPhysicalDevice physicalDevice() const { return physicalDevice_; }
    VkDevice device() const { return device_; }
    VkQueue queue() const { return queue_; }
    VkQueueFlags queueFlags() const { return queueFlags_; }
    const VkPhysicalDeviceMemoryProperties& memory() const { return memory_; }
    const VkPhysicalDeviceProperties& properties() const { return properties_; }

    /** \brief Index of a memory type with all of \p properties, among \p types. */
    uint32_t memoryType(VkMemoryPropertyFlags properties, uint32_t types = ~0u) const;

    /** \brief Records commands; the buffer can be submitted any number of times, as long as the Gpu lives. \p
     * rendering: what a secondary one goes on with. */
    VkCommandBuffer record(const std::function<void(VkCommandBuffer)>& commands,
                           VkCommandBufferLevel level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                           const VkCommandBufferInheritanceRenderingInfo* rendering = nullptr);

    /** \brief Submits \p commands; a new fence, or \p next, signals when they are done. */
    VkFence submit(std::span<const VkCommandBuffer> commands, const void* next = nullptr, uint32_t signals = 0,
                   const VkSemaphore* signal = nullptr, uint32_t waits = 0, const VkSemaphore* wait = nullptr);
    /** \brief Waits for \p fence, and destroys it. */
    void wait(VkFence fence);

    /** \brief Whether VK_KHR_dynamic_rendering, VK_KHR_push_descriptor... is there, and enabled. */
    bool has(std::string_view extension) const;
    /** \brief Features that are there, and enabled. */
    const VkPhysicalDeviceFeatures& features() const { return features_; }
    /** \brief vkCmd*KHR of extensions. */
    void beginRendering(VkCommandBuffer commands, const VkRenderingInfo& info) const;
    void endRendering(VkCommandBuffer commands) const;
    /** \brief Any other function of the device. */
    template <typename Function>
    Function function(const char* name) const {
        return reinterpret_cast<Function>(vkGetDeviceProcAddr(device_, name));
    }

    /** \brief Records, submits and waits. */
    void run(const std::function<void(VkCommandBuffer)>& commands);

private:
    void createDevice();

    VkInstance instance_ = VK_NULL_HANDLE;
    VkPhysicalDevice physicalDevice_ = VK_NULL_HANDLE;
    VkPhysicalDeviceProperties properties_{};
    VkPhysicalDeviceMemoryProperties memory_{};
    VkPhysicalDeviceFeatures features_{};
    std::vector<const char*> extensions_;
    VkDevice device_ = VK_NULL_HANDLE;
    VkQueue queue_ = VK_NULL_HANDLE;
    VkQueueFlags queueFlags_ = 0;
    VkCommandPool pool_ = VK_NULL_HANDLE;
};

/** \brief Makes what the host has written available to commands, and what commands write available to the host. */
void barrier(VkCommandBuffer commands, VkAccessFlags before, VkAccessFlags after);

} // namespace svga::test
