// SPDX-License-Identifier: MIT
#define VMA_IMPLEMENTATION
#include "device/vulkan/vulkan_device.h"

#include "device/vulkan/feature_chain.h"
#include "device/vulkan/vulkan_error.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <vector>

namespace svga::device {

std::string resultName(VkResult result) {
    switch (result) {
#define NAME(x)                                                                                                        \
    case x:                                                                                                            \
        return #x
        NAME(VK_SUCCESS);
        NAME(VK_TIMEOUT);
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY);
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        NAME(VK_ERROR_INITIALIZATION_FAILED);
        NAME(VK_ERROR_DEVICE_LOST);
        NAME(VK_ERROR_MEMORY_MAP_FAILED);
        NAME(VK_ERROR_LAYER_NOT_PRESENT);
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT);
        NAME(VK_ERROR_FEATURE_NOT_PRESENT);
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER);
        NAME(VK_ERROR_TOO_MANY_OBJECTS);
        NAME(VK_ERROR_FORMAT_NOT_SUPPORTED);
        NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE);
#undef NAME
    default:
        return fmt::format("VkResult {}", static_cast<int>(result));
    }
}

namespace {

constexpr const char* kHint = "install mesa-vulkan-drivers or set VK_DRIVER_FILES";
constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

bool validationWanted() {
    const char* value = std::getenv("SVGA_VULKAN_VALIDATION");
    if (!value || std::strcmp(value, "1") != 0)
        return false;
    auto layers = enumerate<VkLayerProperties>(
        [](uint32_t* n, VkLayerProperties* p) { return vkEnumerateInstanceLayerProperties(n, p); });
    bool found = std::any_of(layers.begin(), layers.end(),
                             [](const auto& layer) { return std::strcmp(layer.layerName, kValidationLayer) == 0; });
    if (!found)
        std::fprintf(stderr, "svga-device: SVGA_VULKAN_VALIDATION=1, but %s is not installed\n", kValidationLayer);
    return found;
}

VKAPI_ATTR VkBool32 VKAPI_CALL onValidationMessage(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                   VkDebugUtilsMessageTypeFlagsEXT,
                                                   const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
    if (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT)
        ++*static_cast<std::atomic<uint32_t>*>(user);
    std::fprintf(stderr, "vulkan: %s\n", data->pMessage);
    return VK_FALSE;
}

class VulkanDeviceImpl final : public VulkanDevice {
public:
    explicit VulkanDeviceImpl(const DeviceMask& mask)
        : mask_(mask) {
        createInstance();
        try {
            choosePhysicalDevice();
            createDevice();
        } catch (...) {
            destroy();
            throw;
        }
    }
    ~VulkanDeviceImpl() override { destroy(); }

    VkInstance instance() const override { return instance_; }
    VkPhysicalDevice physicalDevice() const override { return physical_; }
    VkDevice handle() const override { return device_; }
    VkQueue queue() const override { return queue_; }
    uint32_t queueFamily() const override { return family_; }
    VmaAllocator allocator() const override { return allocator_; }
    const VkPhysicalDeviceProperties& properties() const override { return properties_; }
    const Features& features() const override { return features_; }
    const Functions& functions() const override { return functions_; }
    VkDeviceSize importAlignment() const override { return importAlignment_; }
    uint32_t validationErrors() const override { return validationErrors_; }

    VkFormatProperties formatProperties(VkFormat format) const override {
        if (static_cast<std::size_t>(format) < coreFormats_.size())
            return coreFormats_[format];
        VkFormatProperties properties{};
        vkGetPhysicalDeviceFormatProperties(physical_, format, &properties);
        return properties;
    }

    VkImageFormatProperties imageProperties(VkFormat format, VkImageType type, VkImageUsageFlags usage,
                                            VkImageCreateFlags flags) const override {
        VkImageFormatProperties properties{};
        if (format == VK_FORMAT_UNDEFINED ||
            vkGetPhysicalDeviceImageFormatProperties(physical_, format, type, VK_IMAGE_TILING_OPTIMAL, usage, flags,
                                                     &properties) != VK_SUCCESS)
            return {};
        mask_.apply(properties, type);
        return properties;
    }

    const std::string& missingForVgpu10() const override { return missingForVgpu10_; }

    VkDeviceSize memorySize() const override {
        VkPhysicalDeviceMemoryProperties memory;
        vkGetPhysicalDeviceMemoryProperties(physical_, &memory);
        VkDeviceSize size = 0;
        for (uint32_t i = 0; i < memory.memoryHeapCount; ++i)
            if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
                size = std::max(size, memory.memoryHeaps[i].size);
        return size;
    }

private:
    void createInstance() {
        uint32_t version = VK_API_VERSION_1_0;
        vkEnumerateInstanceVersion(&version);
        if (version < VK_API_VERSION_1_3)
            throw Error("no Vulkan device: the loader knows Vulkan {}.{} only, 1.3 is needed",
                        VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
        bool validation = validationWanted();

        VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
        application.pApplicationName = "svga-device";
        application.apiVersion = VK_API_VERSION_1_3;
        VkDebugUtilsMessengerCreateInfoEXT messenger{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
        messenger.messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
        messenger.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
        messenger.pfnUserCallback = onValidationMessage;
        messenger.pUserData = &validationErrors_;

        const char* layers[] = {kValidationLayer};
        const char* extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
        VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
        info.pApplicationInfo = &application;
        if (validation) {
            info.pNext = &messenger;
            info.enabledLayerCount = info.enabledExtensionCount = 1;
            info.ppEnabledLayerNames = layers;
            info.ppEnabledExtensionNames = extensions;
        }
        VkResult result = vkCreateInstance(&info, nullptr, &instance_);
        if (result != VK_SUCCESS)
            throw Error("no Vulkan device: vkCreateInstance says {}; {}", resultName(result), kHint);
        if (validation) {
            auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
                vkGetInstanceProcAddr(instance_, "vkCreateDebugUtilsMessengerEXT"));
            if (create)
                create(instance_, &messenger, nullptr, &messenger_);
        }
    }

    void choosePhysicalDevice() {
        auto devices = enumerate<VkPhysicalDevice>(
            [&](uint32_t* n, VkPhysicalDevice* p) { return vkEnumeratePhysicalDevices(instance_, n, p); });
        std::string lacking;
        for (VkPhysicalDevice candidate : devices) {
            VkPhysicalDeviceProperties properties;
            vkGetPhysicalDeviceProperties(candidate, &properties);
            std::string missing;
            if (properties.apiVersion < VK_API_VERSION_1_3)
                missing = "Vulkan 1.3";
            else if (!findQueueFamily(candidate))
                missing = "a queue for graphics and compute";
            else
                missing = FeatureChain(candidate, mask_).missing();
            if (!missing.empty()) {
                lacking += fmt::format("{}{} lacks {}", lacking.empty() ? "" : "; ", properties.deviceName, missing);
                continue;
            }
            std::string lesser = FeatureChain(candidate, mask_).missingForVgpu10();
            if (physical_ != VK_NULL_HANDLE && !lesser.empty())
                continue;
            physical_ = candidate;
            properties_ = properties;
            missingForVgpu10_ = std::move(lesser);
            if (missingForVgpu10_.empty())
                break;
        }
        if (physical_ == VK_NULL_HANDLE)
            throw Error("no Vulkan device: {}; {}", lacking.empty() ? "the loader lists none" : lacking, kHint);
        findQueueFamily(physical_);
        mask_.apply(properties_.limits);
    }

    bool findQueueFamily(VkPhysicalDevice candidate) {
        auto families = enumerate<VkQueueFamilyProperties>([&](uint32_t* n, VkQueueFamilyProperties* p) {
            vkGetPhysicalDeviceQueueFamilyProperties(candidate, n, p);
            return VK_SUCCESS;
        });
        constexpr VkQueueFlags kWanted = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
        for (family_ = 0; family_ < families.size(); ++family_)
            if ((families[family_].queueFlags & kWanted) == kWanted)
                return true;
        return false;
    }

    void createDevice() {
        FeatureChain chain(physical_, mask_);
        features_ = chain.features(properties_.limits);
        for (std::size_t format = VK_FORMAT_UNDEFINED + 1; format < coreFormats_.size(); ++format) {
            vkGetPhysicalDeviceFormatProperties(physical_, static_cast<VkFormat>(format), &coreFormats_[format]);
            mask_.apply(coreFormats_[format], static_cast<VkFormat>(format));
        }

        float priority = 1.0f;
        VkDeviceQueueCreateInfo queueInfo{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
        queueInfo.queueFamilyIndex = family_;
        queueInfo.queueCount = 1;
        queueInfo.pQueuePriorities = &priority;
        VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
        info.pNext = &chain.core;
        info.queueCreateInfoCount = 1;
        info.pQueueCreateInfos = &queueInfo;
        info.enabledExtensionCount = static_cast<uint32_t>(chain.extensions.size());
        info.ppEnabledExtensionNames = chain.extensions.data();
        check(vkCreateDevice(physical_, &info, nullptr, &device_), "vkCreateDevice");
        vkGetDeviceQueue(device_, family_, 0, &queue_);

        VkPhysicalDeviceExternalMemoryHostPropertiesEXT host{
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
        VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
        if (features_.externalMemoryHost)
            properties.pNext = &host;
        vkGetPhysicalDeviceProperties2(physical_, &properties);
        importAlignment_ = features_.externalMemoryHost ? host.minImportedHostPointerAlignment : 0;
        loadFunctions();

        VmaAllocatorCreateInfo allocatorInfo{};
        allocatorInfo.instance = instance_;
        allocatorInfo.physicalDevice = physical_;
        allocatorInfo.device = device_;
        allocatorInfo.vulkanApiVersion = VK_API_VERSION_1_3;
        check(vmaCreateAllocator(&allocatorInfo, &allocator_), "vmaCreateAllocator");
    }

    void loadFunctions() {
        auto load = [&](auto& function, const char* name) {
            function =
                reinterpret_cast<std::remove_reference_t<decltype(function)>>(vkGetDeviceProcAddr(device_, name));
        };
        load(functions_.cmdSetVertexInput, "vkCmdSetVertexInputEXT");
        load(functions_.cmdBindTransformFeedbackBuffers, "vkCmdBindTransformFeedbackBuffersEXT");
        load(functions_.cmdBeginTransformFeedback, "vkCmdBeginTransformFeedbackEXT");
        load(functions_.cmdEndTransformFeedback, "vkCmdEndTransformFeedbackEXT");
        load(functions_.cmdBeginQueryIndexed, "vkCmdBeginQueryIndexedEXT");
        load(functions_.cmdEndQueryIndexed, "vkCmdEndQueryIndexedEXT");
        load(functions_.cmdDrawIndirectByteCount, "vkCmdDrawIndirectByteCountEXT");
        load(functions_.cmdBeginConditionalRendering, "vkCmdBeginConditionalRenderingEXT");
        load(functions_.cmdEndConditionalRendering, "vkCmdEndConditionalRenderingEXT");
        load(functions_.getMemoryHostPointerProperties, "vkGetMemoryHostPointerPropertiesEXT");
        load(functions_.cmdPushDescriptorSet, "vkCmdPushDescriptorSetKHR");
    }

    void destroy() {
        if (allocator_)
            vmaDestroyAllocator(allocator_);
        if (device_)
            vkDestroyDevice(device_, nullptr);
        if (messenger_) {
            auto destroyMessenger = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
                vkGetInstanceProcAddr(instance_, "vkDestroyDebugUtilsMessengerEXT"));
            if (destroyMessenger)
                destroyMessenger(instance_, messenger_, nullptr);
        }
        if (instance_)
            vkDestroyInstance(instance_, nullptr);
    }

    const DeviceMask mask_;
    VkInstance instance_ = VK_NULL_HANDLE;
    VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
    VkPhysicalDevice physical_ = VK_NULL_HANDLE;
    VkDevice device_ = VK_NULL_HANDLE;
    VkQueue queue_ = VK_NULL_HANDLE;
    uint32_t family_ = 0;
    VmaAllocator allocator_ = VK_NULL_HANDLE;
    VkPhysicalDeviceProperties properties_{};
    std::string missingForVgpu10_;
    VkDeviceSize importAlignment_ = 0;
    Features features_{};
    /// By VkFormat: each draw asks. Zero for VK_FORMAT_UNDEFINED.
    std::array<VkFormatProperties, VK_FORMAT_ASTC_12x12_SRGB_BLOCK + 1> coreFormats_{};
    Functions functions_{};
    std::atomic<uint32_t> validationErrors_ = 0;
};

} // namespace

std::unique_ptr<VulkanDevice> VulkanDevice::create(const DeviceMask& mask) {
    return std::make_unique<VulkanDeviceImpl>(mask);
}

} // namespace svga::device
