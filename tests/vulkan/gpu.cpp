// SPDX-License-Identifier: MIT
#include "gpu.h"

#include "map_memory_placed.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace svga::test {

void check(VkResult result, const char* what) {
    if (result != VK_SUCCESS)
        throw std::runtime_error(fmt::format("{}: VkResult {}", what, static_cast<int>(result)));
}

Allocation::Allocation(Gpu& gpu, VkDeviceSize size, VkMemoryPropertyFlags properties)
    : gpu_(gpu) {
    VkMemoryAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    info.allocationSize = size;
    info.memoryTypeIndex = gpu.memoryType(properties);
    check(vkAllocateMemory(gpu.device(), &info, nullptr, &handle_), "vkAllocateMemory");
    if (gpu.memory().memoryTypes[info.memoryTypeIndex].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
        void* address;
        check(vkMapMemory(gpu.device(), handle_, 0, VK_WHOLE_SIZE, 0, &address), "vkMapMemory");
        bytes_ = {static_cast<std::byte*>(address), static_cast<size_t>(size)};
    }
}

Allocation::~Allocation() {
    vkFreeMemory(gpu_.device(), handle_, nullptr);
}

Buffer::Buffer(Gpu& gpu, const Allocation& memory, VkDeviceSize offset, VkDeviceSize size)
    : gpu_(gpu)
    , size_(size) {
    VkBufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    info.size = size;
    info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                 VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                 VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |
                 VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    check(vkCreateBuffer(gpu.device(), &info, nullptr, &handle_), "vkCreateBuffer");
    check(vkBindBufferMemory(gpu.device(), handle_, memory.handle(), offset), "vkBindBufferMemory");
}

Buffer::~Buffer() {
    vkDestroyBuffer(gpu_.device(), handle_, nullptr);
}

CoherentBuffer::CoherentBuffer(Gpu& gpu, VkDeviceSize size)
    : memory(gpu, (size + 255) / 256 * 256, Gpu::kCoherent)
    , buffer(gpu, memory, 0, size) {}

void CoherentBuffer::bindVertices(VkCommandBuffer commands, VkDeviceSize offset) const {
    const VkBuffer handle = buffer.handle();
    vkCmdBindVertexBuffers(commands, 0, 1, &handle, &offset);
}

Gpu::Gpu() {
    VkApplicationInfo application{};
    application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
    application.apiVersion = VK_API_VERSION_1_1;
    VkInstanceCreateInfo instanceInfo{};
    instanceInfo.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
    instanceInfo.pApplicationInfo = &application;
    check(vkCreateInstance(&instanceInfo, nullptr, &instance_), "vkCreateInstance");
    uint32_t count = 1;
    const VkResult result = vkEnumeratePhysicalDevices(instance_, &count, &physicalDevice_);
    if (result != VK_INCOMPLETE)
        check(result, "vkEnumeratePhysicalDevices");
    if (count == 0)
        throw std::runtime_error("there is no Vulkan device");
    vkGetPhysicalDeviceProperties(physicalDevice_, &properties_);
    vkGetPhysicalDeviceMemoryProperties(physicalDevice_, &memory_);
    count = 1;
    VkQueueFamilyProperties family;
    vkGetPhysicalDeviceQueueFamilyProperties(physicalDevice_, &count, &family);
    queueFlags_ = family.queueFlags;

    createDevice();
    vkGetDeviceQueue(device_, 0, 0, &queue_);
    VkCommandPoolCreateInfo poolInfo{};
    poolInfo.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    check(vkCreateCommandPool(device_, &poolInfo, nullptr, &pool_), "vkCreateCommandPool");
}

namespace {

/** Those of Vulkan 1.1's that tests use. */
constexpr std::array kExtensions{
    VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME,
    VK_KHR_CREATE_RENDERPASS_2_EXTENSION_NAME,
    VK_KHR_DEPTH_STENCIL_RESOLVE_EXTENSION_NAME,
    VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME,
    VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME,
    VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,
    VK_KHR_MAP_MEMORY_2_EXTENSION_NAME,
    VK_KHR_16BIT_STORAGE_EXTENSION_NAME,
    VK_KHR_8BIT_STORAGE_EXTENSION_NAME,
    VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME,
    VK_EXT_CUSTOM_BORDER_COLOR_EXTENSION_NAME,
    VK_EXT_EXTENDED_DYNAMIC_STATE_EXTENSION_NAME,
    VK_EXT_HOST_QUERY_RESET_EXTENSION_NAME,
    VK_EXT_MAP_MEMORY_PLACED_EXTENSION_NAME,
    VK_EXT_MULTI_DRAW_EXTENSION_NAME,
    VK_EXT_MUTABLE_DESCRIPTOR_TYPE_EXTENSION_NAME,
    VK_EXT_SCALAR_BLOCK_LAYOUT_EXTENSION_NAME,
    VK_EXT_VERTEX_ATTRIBUTE_DIVISOR_EXTENSION_NAME,
    VK_EXT_VERTEX_INPUT_DYNAMIC_STATE_EXTENSION_NAME,
};

/** Features of these extensions, of Vulkan 1.1 and of what it needs for the tests. */
class FeatureChain {
public:
    explicit FeatureChain(VkPhysicalDeviceFeatures2& features)
        : last_(&features.pNext) {
        add(multiview_, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_FEATURES);
        add(timeline_, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES);
        add(rendering_, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES);
        add(draws_, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_DRAW_PARAMETERS_FEATURES);
        add(storage16_, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
    }
    FeatureChain(const FeatureChain&) = delete;
    FeatureChain& operator=(const FeatureChain&) = delete;

    void add(std::string_view extension) {
        const auto of = [&](const char* name, auto& features, VkStructureType type) {
            if (extension == name)
                add(features, type);
        };
        of(VK_KHR_8BIT_STORAGE_EXTENSION_NAME, storage8_, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES);
        of(VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME, narrow_,
           VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES);
        of(VK_EXT_CUSTOM_BORDER_COLOR_EXTENSION_NAME, border_,
           VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_FEATURES_EXT);
        of(VK_EXT_EXTENDED_DYNAMIC_STATE_EXTENSION_NAME, dynamic_,
           VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_FEATURES_EXT);
        of(VK_EXT_HOST_QUERY_RESET_EXTENSION_NAME, queryReset_,
           VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_HOST_QUERY_RESET_FEATURES);
        of(VK_EXT_MAP_MEMORY_PLACED_EXTENSION_NAME, placed_,
           VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAP_MEMORY_PLACED_FEATURES_EXT);
        of(VK_EXT_MULTI_DRAW_EXTENSION_NAME, multiDraw_, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTI_DRAW_FEATURES_EXT);
        of(VK_EXT_MUTABLE_DESCRIPTOR_TYPE_EXTENSION_NAME, mutable_,
           VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MUTABLE_DESCRIPTOR_TYPE_FEATURES_EXT);
        of(VK_EXT_SCALAR_BLOCK_LAYOUT_EXTENSION_NAME, scalar_,
           VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SCALAR_BLOCK_LAYOUT_FEATURES);
        of(VK_EXT_VERTEX_ATTRIBUTE_DIVISOR_EXTENSION_NAME, divisor_,
           VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_FEATURES_EXT);
        of(VK_EXT_VERTEX_INPUT_DYNAMIC_STATE_EXTENSION_NAME, vertexInput_,
           VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VERTEX_INPUT_DYNAMIC_STATE_FEATURES_EXT);
    }

private:
    template <typename Features>
    void add(Features& features, VkStructureType type) {
        features.sType = type;
        *last_ = &features;
        last_ = &features.pNext;
    }

    void** last_;
    VkPhysicalDeviceMultiviewFeatures multiview_{};
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline_{};
    VkPhysicalDeviceDynamicRenderingFeatures rendering_{};
    VkPhysicalDeviceShaderDrawParametersFeatures draws_{};
    VkPhysicalDevice16BitStorageFeatures storage16_{};
    VkPhysicalDevice8BitStorageFeatures storage8_{};
    VkPhysicalDeviceShaderFloat16Int8Features narrow_{};
    VkPhysicalDeviceCustomBorderColorFeaturesEXT border_{};
    VkPhysicalDeviceExtendedDynamicStateFeaturesEXT dynamic_{};
    VkPhysicalDeviceHostQueryResetFeatures queryReset_{};
    VkPhysicalDeviceMapMemoryPlacedFeaturesEXT placed_{};
    VkPhysicalDeviceMultiDrawFeaturesEXT multiDraw_{};
    VkPhysicalDeviceMutableDescriptorTypeFeaturesEXT mutable_{};
    VkPhysicalDeviceScalarBlockLayoutFeatures scalar_{};
    VkPhysicalDeviceVertexAttributeDivisorFeaturesEXT divisor_{};
    VkPhysicalDeviceVertexInputDynamicStateFeaturesEXT vertexInput_{};
};

std::vector<const char*> supported(VkPhysicalDevice device) {
    uint32_t count = 0;
    check(vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr),
          "vkEnumerateDeviceExtensionProperties");
    std::vector<VkExtensionProperties> properties(count);
    check(vkEnumerateDeviceExtensionProperties(device, nullptr, &count, properties.data()),
          "vkEnumerateDeviceExtensionProperties");
    std::vector<const char*> names;
    for (const char* name : kExtensions)
        if (std::ranges::any_of(properties, [name](const VkExtensionProperties& extension) {
                return std::string_view(extension.extensionName) == name;
            }))
            names.push_back(name);
    return names;
}

} // namespace

void Gpu::createDevice() {
    const float priority = 1;
    VkDeviceQueueCreateInfo queueInfo{};
    queueInfo.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
    queueInfo.queueCount = 1;
    queueInfo.pQueuePriorities = &priority;
    VkPhysicalDeviceFeatures2 features{};
    features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    FeatureChain chain(features);
    extensions_ = supported(physicalDevice_);
    for (const char* extension : extensions_)
        chain.add(extension);
    vkGetPhysicalDeviceFeatures2(physicalDevice_, &features); // all there are, are enabled
    features_ = features.features;
    VkDeviceCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    info.pNext = &features;
    info.queueCreateInfoCount = 1;
    info.pQueueCreateInfos = &queueInfo;
    info.enabledExtensionCount = static_cast<uint32_t>(extensions_.size());
    info.ppEnabledExtensionNames = extensions_.data();
    check(vkCreateDevice(physicalDevice_, &info, nullptr, &device_), "vkCreateDevice");
}

bool Gpu::has(std::string_view extension) const {
    return std::ranges::find(extensions_, extension) != extensions_.end();
}

void Gpu::beginRendering(VkCommandBuffer commands, const VkRenderingInfo& info) const {
    function<PFN_vkCmdBeginRenderingKHR>("vkCmdBeginRenderingKHR")(commands, &info);
}

void Gpu::endRendering(VkCommandBuffer commands) const {
    function<PFN_vkCmdEndRenderingKHR>("vkCmdEndRenderingKHR")(commands);
}

Gpu::~Gpu() {
    if (device_) {
        vkDeviceWaitIdle(device_);
        vkDestroyCommandPool(device_, pool_, nullptr);
        vkDestroyDevice(device_, nullptr);
    }
    vkDestroyInstance(instance_, nullptr);
}

uint32_t Gpu::memoryType(VkMemoryPropertyFlags properties, uint32_t types) const {
    for (uint32_t i = 0; i < memory_.memoryTypeCount; ++i)
        if (types & (1u << i) && (memory_.memoryTypes[i].propertyFlags & properties) == properties)
            return i;
    throw std::runtime_error(fmt::format("there is no memory type with properties {:#x}", properties));
}

VkCommandBuffer Gpu::record(const std::function<void(VkCommandBuffer)>& commands, VkCommandBufferLevel level,
                            const VkCommandBufferInheritanceRenderingInfo* rendering) {
    VkCommandBufferAllocateInfo allocate{};
    allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    allocate.commandPool = pool_;
    allocate.level = level;
    allocate.commandBufferCount = 1;
    VkCommandBuffer buffer;
    check(vkAllocateCommandBuffers(device_, &allocate, &buffer), "vkAllocateCommandBuffers");
    VkCommandBufferInheritanceInfo inheritance{};
    inheritance.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO;
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    begin.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
    if (rendering)
        begin.flags |= VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT;
    inheritance.pNext = rendering;
    begin.pInheritanceInfo = &inheritance;
    check(vkBeginCommandBuffer(buffer, &begin), "vkBeginCommandBuffer");
    commands(buffer);
    check(vkEndCommandBuffer(buffer), "vkEndCommandBuffer");
    return buffer;
}

VkFence Gpu::submit(std::span<const VkCommandBuffer> commands, const void* next, uint32_t signals,
                    const VkSemaphore* signal, uint32_t waits, const VkSemaphore* wait) {
    VkFenceCreateInfo fenceInfo{};
    fenceInfo.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
    VkFence fence;
    check(vkCreateFence(device_, &fenceInfo, nullptr, &fence), "vkCreateFence");
    const std::vector<VkPipelineStageFlags> stages(waits, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
    VkSubmitInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    info.pNext = next;
    info.commandBufferCount = static_cast<uint32_t>(commands.size());
    info.pCommandBuffers = commands.data();
    info.signalSemaphoreCount = signals;
    info.pSignalSemaphores = signal;
    info.waitSemaphoreCount = waits;
    info.pWaitSemaphores = wait;
    info.pWaitDstStageMask = stages.data();
    check(vkQueueSubmit(queue_, 1, &info, fence), "vkQueueSubmit");
    return fence;
}

void Gpu::wait(VkFence fence) {
    const VkResult result = vkWaitForFences(device_, 1, &fence, VK_TRUE, UINT64_MAX);
    vkDestroyFence(device_, fence, nullptr);
    check(result, "vkWaitForFences");
}

void Gpu::run(const std::function<void(VkCommandBuffer)>& commands) {
    const VkCommandBuffer buffer = record(commands);
    wait(submit({&buffer, 1}));
    vkFreeCommandBuffers(device_, pool_, 1, &buffer);
}

void barrier(VkCommandBuffer commands, VkAccessFlags before, VkAccessFlags after) {
    VkMemoryBarrier memory{};
    memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    memory.srcAccessMask = before;
    memory.dstAccessMask = after;
    constexpr VkPipelineStageFlags kStages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT;
    vkCmdPipelineBarrier(commands, kStages, kStages, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

} // namespace svga::test
