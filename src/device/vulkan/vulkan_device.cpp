// SPDX-License-Identifier: MIT
#define VMA_IMPLEMENTATION
#include "device/vulkan/vulkan_device.h"

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

/** Two-call enumeration: \p call(count, data). */
template <typename T, typename Call>
std::vector<T> enumerate(Call call) {
    std::vector<T> values;
    uint32_t count = 0;
    call(&count, nullptr);
    values.resize(count);
    call(&count, values.data());
    values.resize(count);
    return values;
}

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

/** \brief The feature structures the device asks for, chained; filled by Vulkan, then trimmed to what is used. */
struct FeatureChain {
    VkPhysicalDeviceFeatures2 core{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, {}};
    VkPhysicalDeviceVulkan11Features v11{};
    VkPhysicalDeviceVulkan12Features v12{};
    VkPhysicalDeviceVulkan13Features v13{};
    VkPhysicalDeviceTransformFeedbackFeaturesEXT transformFeedback{};
    VkPhysicalDeviceVertexInputDynamicStateFeaturesEXT vertexInput{};
    VkPhysicalDeviceConditionalRenderingFeaturesEXT conditionalRendering{};
    VkPhysicalDeviceRobustness2FeaturesEXT robustness2{};
    VkPhysicalDeviceProvokingVertexFeaturesEXT provokingVertex{};
    VkPhysicalDeviceCustomBorderColorFeaturesEXT customBorderColor{};
    VkPhysicalDeviceBorderColorSwizzleFeaturesEXT borderColorSwizzle{};
    VkPhysicalDeviceDepthClipEnableFeaturesEXT depthClipEnable{};
    VkPhysicalDeviceVertexAttributeDivisorFeaturesEXT attributeDivisor{};
    VkPhysicalDeviceLineRasterizationFeaturesEXT lineRasterization{};
    VkPhysicalDeviceImage2DViewOf3DFeaturesEXT image2DViewOf3D{};
    VkPhysicalDevicePrimitiveTopologyListRestartFeaturesEXT listRestart{};
    VkPhysicalDevicePrimitivesGeneratedQueryFeaturesEXT primitivesGenerated{};
    VkPhysicalDeviceExtendedDynamicState3FeaturesEXT dynamicState3{};
    VkPhysicalDeviceNonSeamlessCubeMapFeaturesEXT nonSeamless{};

    std::vector<const char*> extensions;

    FeatureChain(const FeatureChain&) = delete;
    explicit FeatureChain(VkPhysicalDevice physical) {
        auto available = enumerate<VkExtensionProperties>([&](uint32_t* n, VkExtensionProperties* p) {
            return vkEnumerateDeviceExtensionProperties(physical, nullptr, n, p);
        });
        for (const auto& extension : available)
            names_.insert(extension.extensionName);

        link(v11, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
        link(v12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
        link(v13, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
        linkExtension(VK_EXT_TRANSFORM_FEEDBACK_EXTENSION_NAME, transformFeedback,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT);
        linkExtension(VK_EXT_VERTEX_INPUT_DYNAMIC_STATE_EXTENSION_NAME, vertexInput,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VERTEX_INPUT_DYNAMIC_STATE_FEATURES_EXT);
        linkExtension(VK_EXT_CONDITIONAL_RENDERING_EXTENSION_NAME, conditionalRendering,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CONDITIONAL_RENDERING_FEATURES_EXT);
        linkExtension(VK_EXT_ROBUSTNESS_2_EXTENSION_NAME, robustness2,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT);
        linkExtension(VK_EXT_PROVOKING_VERTEX_EXTENSION_NAME, provokingVertex,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROVOKING_VERTEX_FEATURES_EXT);
        linkExtension(VK_EXT_CUSTOM_BORDER_COLOR_EXTENSION_NAME, customBorderColor,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_FEATURES_EXT);
        if (names_.contains(VK_EXT_CUSTOM_BORDER_COLOR_EXTENSION_NAME))
            linkExtension(VK_EXT_BORDER_COLOR_SWIZZLE_EXTENSION_NAME, borderColorSwizzle,
                          VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BORDER_COLOR_SWIZZLE_FEATURES_EXT);
        linkExtension(VK_EXT_DEPTH_CLIP_ENABLE_EXTENSION_NAME, depthClipEnable,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DEPTH_CLIP_ENABLE_FEATURES_EXT);
        linkExtension(VK_EXT_VERTEX_ATTRIBUTE_DIVISOR_EXTENSION_NAME, attributeDivisor,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VERTEX_ATTRIBUTE_DIVISOR_FEATURES_EXT);
        linkExtension(VK_EXT_LINE_RASTERIZATION_EXTENSION_NAME, lineRasterization,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_LINE_RASTERIZATION_FEATURES_EXT);
        linkExtension(VK_EXT_IMAGE_2D_VIEW_OF_3D_EXTENSION_NAME, image2DViewOf3D,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_2D_VIEW_OF_3D_FEATURES_EXT);
        linkExtension(VK_EXT_PRIMITIVE_TOPOLOGY_LIST_RESTART_EXTENSION_NAME, listRestart,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRIMITIVE_TOPOLOGY_LIST_RESTART_FEATURES_EXT);
        linkExtension(VK_EXT_PRIMITIVES_GENERATED_QUERY_EXTENSION_NAME, primitivesGenerated,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRIMITIVES_GENERATED_QUERY_FEATURES_EXT);
        linkExtension(VK_EXT_EXTENDED_DYNAMIC_STATE_3_EXTENSION_NAME, dynamicState3,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_3_FEATURES_EXT);
        linkExtension(VK_EXT_NON_SEAMLESS_CUBE_MAP_EXTENSION_NAME, nonSeamless,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_NON_SEAMLESS_CUBE_MAP_FEATURES_EXT);
        vkGetPhysicalDeviceFeatures2(physical, &core);

        // Costly or unused: leave off what validates or slows every access.
        v12.bufferDeviceAddress = v12.bufferDeviceAddressCaptureReplay = v12.bufferDeviceAddressMultiDevice = VK_FALSE;
        v11.protectedMemory = VK_FALSE;
        v13.privateData = VK_FALSE;
        attributeDivisor.vertexAttributeInstanceRateZeroDivisor &= attributeDivisor.vertexAttributeInstanceRateDivisor;

        enableExtension(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
        enableExtension(VK_EXT_SHADER_VIEWPORT_INDEX_LAYER_EXTENSION_NAME);
        enableExtension(VK_EXT_SHADER_STENCIL_EXPORT_EXTENSION_NAME);
        enableExtension(VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
        enableExtension(VK_EXT_DEPTH_RANGE_UNRESTRICTED_EXTENSION_NAME);
    }

    bool has(const char* extension) const {
        return std::any_of(extensions.begin(), extensions.end(),
                           [&](const char* name) { return std::strcmp(name, extension) == 0; });
    }

    /** What VGPU10 cannot do without and this device lacks, comma separated. */
    std::string missing() const {
        std::string list;
        auto need = [&](VkBool32 present, const char* name) {
            if (!present)
                list += (list.empty() ? "" : ", ") + std::string(name);
        };
        need(v13.dynamicRendering, "dynamicRendering");
        need(v13.synchronization2, "synchronization2");
        need(v12.timelineSemaphore, "timelineSemaphore");
        need(core.features.geometryShader, "geometryShader");
        need(core.features.robustBufferAccess, "robustBufferAccess");
        need(core.features.independentBlend, "independentBlend");
        need(core.features.dualSrcBlend, "dualSrcBlend");
        need(core.features.imageCubeArray, "imageCubeArray");
        need(core.features.depthClamp, "depthClamp");
        need(core.features.depthBiasClamp, "depthBiasClamp");
        need(transformFeedback.transformFeedback, VK_EXT_TRANSFORM_FEEDBACK_EXTENSION_NAME);
        need(vertexInput.vertexInputDynamicState, VK_EXT_VERTEX_INPUT_DYNAMIC_STATE_EXTENSION_NAME);
        need(robustness2.nullDescriptor, "nullDescriptor");
        need(attributeDivisor.vertexAttributeInstanceRateDivisor, VK_EXT_VERTEX_ATTRIBUTE_DIVISOR_EXTENSION_NAME);
        return list;
    }

private:
    template <typename T>
    void link(T& features, VkStructureType type) {
        features.sType = type;
        features.pNext = core.pNext;
        core.pNext = &features;
    }

    template <typename T>
    void linkExtension(const char* extension, T& features, VkStructureType type) {
        if (enableExtension(extension))
            link(features, type);
    }

    bool enableExtension(const char* extension) {
        if (!names_.contains(extension))
            return false;
        extensions.push_back(extension);
        return true;
    }

    std::set<std::string> names_;
};

VulkanDevice::Features featuresOf(const FeatureChain& chain) {
    const VkPhysicalDeviceFeatures& core = chain.core.features;
    VulkanDevice::Features f{};
    f.geometryShader = core.geometryShader;
    f.tessellationShader = core.tessellationShader;
    f.transformFeedback = chain.transformFeedback.transformFeedback;
    f.dualSourceBlend = core.dualSrcBlend;
    f.logicOp = core.logicOp;
    f.depthClamp = core.depthClamp;
    f.depthBiasClamp = core.depthBiasClamp;
    f.sampleRateShading = core.sampleRateShading;
    f.occlusionQueryPrecise = core.occlusionQueryPrecise;
    f.independentBlend = core.independentBlend;
    f.multiViewport = core.multiViewport;
    f.viewportIndexLayer = chain.has(VK_EXT_SHADER_VIEWPORT_INDEX_LAYER_EXTENSION_NAME);
    f.vertexInputDynamicState = chain.vertexInput.vertexInputDynamicState;
    f.conditionalRendering = chain.conditionalRendering.conditionalRendering;
    f.externalMemoryHost = chain.has(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
    f.robustness2 = chain.robustness2.robustBufferAccess2;
    f.nullDescriptor = chain.robustness2.nullDescriptor;
    f.provokingVertexLast = chain.provokingVertex.provokingVertexLast;
    f.customBorderColor = chain.customBorderColor.customBorderColors;
    f.depthClipEnable = chain.depthClipEnable.depthClipEnable;
    f.attributeDivisor = chain.attributeDivisor.vertexAttributeInstanceRateDivisor;
    f.lineRasterization = chain.lineRasterization.bresenhamLines;
    f.stippledLines = chain.lineRasterization.stippledBresenhamLines;
    f.shaderFloat64 = core.shaderFloat64;
    f.storageImageReadWithoutFormat = core.shaderStorageImageReadWithoutFormat;
    f.imageCubeArray = core.imageCubeArray;
    f.fillModeNonSolid = core.fillModeNonSolid;
    f.samplerAnisotropy = core.samplerAnisotropy;
    f.image2DViewOf3D = chain.image2DViewOf3D.image2DViewOf3D;
    f.shaderStencilExport = chain.has(VK_EXT_SHADER_STENCIL_EXPORT_EXTENSION_NAME);
    f.primitiveTopologyListRestart = chain.listRestart.primitiveTopologyListRestart;
    f.pushDescriptor = chain.has(VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
    f.primitivesGeneratedQuery = chain.primitivesGenerated.primitivesGeneratedQuery;
    f.extendedDynamicState3 = chain.has(VK_EXT_EXTENDED_DYNAMIC_STATE_3_EXTENSION_NAME);
    f.borderColorSwizzle = chain.borderColorSwizzle.borderColorSwizzle;
    f.nonSeamlessCubeMap = chain.nonSeamless.nonSeamlessCubeMap;
    f.vertexPipelineStoresAndAtomics = core.vertexPipelineStoresAndAtomics;
    f.fragmentStoresAndAtomics = core.fragmentStoresAndAtomics;
    f.shaderInt64 = core.shaderInt64;
    f.drawIndirectCount = chain.v12.drawIndirectCount;
    f.cullDistance = core.shaderCullDistance;
    f.textureCompressionBC = core.textureCompressionBC;
    return f;
}

class VulkanDeviceImpl final : public VulkanDevice {
public:
    VulkanDeviceImpl() {
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

    VkSampleCountFlags sampleCounts(VkFormat format, VkImageUsageFlags usage) const override {
        VkImageFormatProperties properties{};
        if (format == VK_FORMAT_UNDEFINED ||
            vkGetPhysicalDeviceImageFormatProperties(physical_, format, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL,
                                                     usage, 0, &properties) != VK_SUCCESS)
            return 0;
        return properties.sampleCounts;
    }

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
            vkGetPhysicalDeviceProperties(candidate, &properties_);
            std::string missing;
            if (properties_.apiVersion < VK_API_VERSION_1_3)
                missing = "Vulkan 1.3";
            else if (!findQueueFamily(candidate))
                missing = "a queue for graphics and compute";
            else
                missing = FeatureChain(candidate).missing();
            if (missing.empty()) {
                physical_ = candidate;
                return;
            }
            lacking += fmt::format("{}{} lacks {}", lacking.empty() ? "" : "; ", properties_.deviceName, missing);
        }
        throw Error("no Vulkan device: {}; {}", lacking.empty() ? "the loader lists none" : lacking, kHint);
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
        FeatureChain chain(physical_);
        features_ = featuresOf(chain);
        for (std::size_t format = VK_FORMAT_UNDEFINED + 1; format < coreFormats_.size(); ++format)
            vkGetPhysicalDeviceFormatProperties(physical_, static_cast<VkFormat>(format), &coreFormats_[format]);

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

    VkInstance instance_ = VK_NULL_HANDLE;
    VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
    VkPhysicalDevice physical_ = VK_NULL_HANDLE;
    VkDevice device_ = VK_NULL_HANDLE;
    VkQueue queue_ = VK_NULL_HANDLE;
    uint32_t family_ = 0;
    VmaAllocator allocator_ = VK_NULL_HANDLE;
    VkPhysicalDeviceProperties properties_{};
    VkDeviceSize importAlignment_ = 0;
    Features features_{};
    /// By VkFormat: each draw asks. Zero for VK_FORMAT_UNDEFINED.
    std::array<VkFormatProperties, VK_FORMAT_ASTC_12x12_SRGB_BLOCK + 1> coreFormats_{};
    Functions functions_{};
    std::atomic<uint32_t> validationErrors_ = 0;
};

} // namespace

std::unique_ptr<VulkanDevice> VulkanDevice::create() {
    return std::make_unique<VulkanDeviceImpl>();
}

} // namespace svga::device
