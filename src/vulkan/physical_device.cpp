// SPDX-License-Identifier: MIT
#include "vulkan/physical_device.h"

#include "gallium/winsys/svga/core/drm_kernel.h"
#include "util/unique_fd.h"
#include "vulkan/compiler/compiler.h"
#include "vulkan/instance.h"
#include "vulkan/limits.h"
#include "vulkan/sync.h"

#include <svga3d_devcaps.h>
#include <svga3d_dx.h>
#include <svga3d_limits.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <xf86drm.h>

#include "git_sha1.h"
#include "util/mesa-sha1.h"
#include "vk_common_entrypoints.h"
#include "vk_shader_module.h"

namespace svga::vulkan {

namespace {

constexpr uint32_t kVendor = 0x15ad; ///< VMware, of the PCI device
constexpr uint32_t kDriverVersion = VK_MAKE_VERSION(0, 1, 0);

vk_device_extension_table deviceExtensions(const PhysicalDevice& device) {
    vk_device_extension_table table{};
    table.KHR_16bit_storage = true;
    table.KHR_8bit_storage = true;
    table.KHR_bind_memory2 = true;
    table.KHR_copy_commands2 = true;
    table.KHR_create_renderpass2 = true;
    table.KHR_dedicated_allocation = true;
    table.KHR_depth_stencil_resolve = true;
    table.KHR_device_group = true;
    table.KHR_dynamic_rendering = true;
    table.KHR_external_memory = true;
    table.KHR_external_memory_fd = true;
    table.KHR_format_feature_flags2 = true;
    table.KHR_image_format_list = true;
    table.KHR_imageless_framebuffer = true;
    table.KHR_descriptor_update_template = true;
    table.KHR_get_memory_requirements2 = true;
    table.KHR_load_store_op_none = true;
    table.KHR_maintenance1 = true;
    table.KHR_maintenance2 = true;
    table.KHR_maintenance3 = true;
    table.KHR_maintenance4 = true;
    table.KHR_map_memory2 = true;
    table.KHR_multiview = true;
    table.KHR_push_descriptor = true;
    table.KHR_relaxed_block_layout = true;
    table.KHR_sampler_mirror_clamp_to_edge = true;
    table.KHR_separate_depth_stencil_layouts = true;
    table.KHR_shader_draw_parameters = true;
    table.KHR_shader_float16_int8 = true;
    table.KHR_shader_float_controls = true;
    table.KHR_shader_integer_dot_product = true;
    table.KHR_shader_non_semantic_info = true;
    table.KHR_shader_subgroup_extended_types = true;
    table.KHR_shader_terminate_invocation = true;
    table.KHR_spirv_1_4 = true;
    table.KHR_storage_buffer_storage_class = true;
    table.KHR_swapchain = true;
    table.KHR_synchronization2 = true;
    table.KHR_timeline_semaphore = true;
    table.KHR_uniform_buffer_standard_layout = true;
    table.KHR_vertex_attribute_divisor = true;
    table.KHR_vulkan_memory_model = true;
    table.KHR_workgroup_memory_explicit_layout = true;
    table.KHR_zero_initialize_workgroup_memory = true;
    table.EXT_border_color_swizzle = true;
    table.EXT_color_write_enable = true;
    table.EXT_custom_border_color = true;
    table.EXT_extended_dynamic_state = true;
    table.EXT_extended_dynamic_state2 = true;
    table.EXT_extended_dynamic_state3 = true;
    table.EXT_external_memory_dma_buf = true;
    table.EXT_host_query_reset = true;
    table.EXT_load_store_op_none = true;
    table.EXT_map_memory_placed = true;
    table.EXT_multi_draw = true;
    table.EXT_mutable_descriptor_type = true;
    table.EXT_pipeline_creation_cache_control = true;
    table.EXT_pipeline_creation_feedback = true;
    table.EXT_pipeline_protected_access = true;
    table.EXT_primitive_topology_list_restart = true;
    table.EXT_private_data = true;
    table.EXT_provoking_vertex = device.devcap(SVGA3D_DEVCAP_DX_PROVOKING_VERTEX) != 0;
    table.EXT_scalar_block_layout = true;
    table.EXT_separate_stencil_usage = true;
    table.EXT_shader_demote_to_helper_invocation = true;
    table.EXT_shader_module_identifier = true;
    table.EXT_tooling_info = true;
    table.EXT_vertex_attribute_divisor = true;
    table.EXT_vertex_input_dynamic_state = true;
    return table;
}

void addDrawingFeatures(vk_features& features, const PhysicalDevice& device) {
    features.fullDrawIndexUint32 = true;
    features.imageCubeArray = true;
    features.independentBlend = true;
    features.geometryShader = true;
    features.tessellationShader = true;
    features.sampleRateShading = true;
    features.dualSrcBlend = true;
    features.logicOp = device.devcap(SVGA3D_DEVCAP_LOGIC_BLENDOPS) != 0;
    features.multiDrawIndirect = true; // one draw after the other
    features.drawIndirectFirstInstance = true;
    features.depthClamp = true;
    features.depthBiasClamp = true;
    features.fillModeNonSolid = true;
    features.samplerAnisotropy = device.devcap(SVGA3D_DEVCAP_MAX_TEXTURE_ANISOTROPY) > 1;
    features.samplerMirrorClampToEdge = true;
    features.occlusionQueryPrecise = true;
    features.hostQueryReset = true;
    features.multiview = true;
    features.multiviewGeometryShader = true;
    features.multiviewTessellationShader = true;
    features.dynamicRendering = true;
    features.imagelessFramebuffer = true;
    features.separateDepthStencilLayouts = true;
    features.colorWriteEnable = true;
    features.multiDraw = true;
    features.provokingVertexLast = device.devcap(SVGA3D_DEVCAP_DX_PROVOKING_VERTEX) != 0;
    features.vertexAttributeInstanceRateDivisor = true;
    features.vertexAttributeInstanceRateZeroDivisor = true;
    features.customBorderColors = true;
    features.customBorderColorWithoutFormat = true;
    features.borderColorSwizzle = true; // shaders swizzle, so that borders are swizzled as texels are
    features.borderColorSwizzleFromImage = true;
    features.primitiveTopologyListRestart = true; // the device restarts whatever the topology
    features.primitiveTopologyPatchListRestart = true;
}

/** What shaders are compiled for may not be dynamic: the number of control points, and the shading rate. */
void addDynamicStates(vk_features& features) {
    features.extendedDynamicState = true;
    features.extendedDynamicState2 = true;
    features.extendedDynamicState2LogicOp = features.logicOp;
    features.extendedDynamicState3DepthClampEnable = true;
    features.extendedDynamicState3PolygonMode = true;
    features.extendedDynamicState3RasterizationSamples = true;
    features.extendedDynamicState3SampleMask = true;
    features.extendedDynamicState3AlphaToCoverageEnable = true;
    features.extendedDynamicState3LogicOpEnable = features.logicOp;
    features.extendedDynamicState3ColorBlendEnable = true;
    features.extendedDynamicState3ColorBlendEquation = true;
    features.extendedDynamicState3ColorWriteMask = true;
    features.extendedDynamicState3ProvokingVertexMode = features.provokingVertexLast;
    features.vertexInputDynamicState = true;
}

/** See compiler/compiler.h and docs/vulkan-compiler.md. */
void addShaderFeatures(vk_features& features, bool gl43) {
    features.robustBufferAccess = true;
    features.vertexPipelineStoresAndAtomics = gl43; // eight views of the pixel stage alone without it
    features.fragmentStoresAndAtomics = true;
    features.shaderImageGatherExtended = true;
    features.shaderUniformBufferArrayDynamicIndexing = true; // by branches: compiler/resources.cpp
    features.shaderSampledImageArrayDynamicIndexing = true;
    features.shaderStorageBufferArrayDynamicIndexing = true;
    features.shaderStorageImageArrayDynamicIndexing = true;
    features.shaderStorageImageExtendedFormats = gl43;   // formats.cpp
    features.shaderStorageImageReadWithoutFormat = true; // a typed view has its own
    features.shaderStorageImageWriteWithoutFormat = true;
    features.shaderInputAttachmentArrayDynamicIndexing = true;
    features.shaderUniformTexelBufferArrayDynamicIndexing = true;
    features.shaderStorageTexelBufferArrayDynamicIndexing = true;
    features.shaderUniformBufferArrayNonUniformIndexing = true;
    features.shaderSampledImageArrayNonUniformIndexing = true;
    features.shaderStorageBufferArrayNonUniformIndexing = true;
    features.shaderStorageImageArrayNonUniformIndexing = true;
    features.shaderInputAttachmentArrayNonUniformIndexing = true;
    features.shaderUniformTexelBufferArrayNonUniformIndexing = true;
    features.shaderStorageTexelBufferArrayNonUniformIndexing = true;
    features.subgroupBroadcastDynamicId = true;
    features.shaderClipDistance = true;
    features.shaderCullDistance = true;
    features.shaderFloat64 = true;
    features.shaderInt64 = true;
    features.shaderInt16 = true;
    features.shaderInt8 = true;
    features.shaderFloat16 = true;
    features.storageBuffer16BitAccess = true;
    features.uniformAndStorageBuffer16BitAccess = true;
    features.storagePushConstant16 = true;
    features.storageBuffer8BitAccess = true;
    features.uniformAndStorageBuffer8BitAccess = true;
    features.storagePushConstant8 = true;
    features.scalarBlockLayout = true;
    features.uniformBufferStandardLayout = true;
    features.workgroupMemoryExplicitLayout = true;
    features.workgroupMemoryExplicitLayoutScalarBlockLayout = true;
    features.workgroupMemoryExplicitLayout8BitAccess = true;
    features.workgroupMemoryExplicitLayout16BitAccess = true;
    features.shaderZeroInitializeWorkgroupMemory = true;
    features.shaderDemoteToHelperInvocation = true;
    features.shaderTerminateInvocation = true;
    features.shaderIntegerDotProduct = true;
    features.shaderSubgroupExtendedTypes = true;
    features.vulkanMemoryModel = true;
    features.vulkanMemoryModelDeviceScope = true;
    features.shaderDrawParameters = true;
}

vk_features supportedFeatures(const PhysicalDevice& device) {
    vk_features features{};
    addDrawingFeatures(features, device);
    addDynamicStates(features);
    addShaderFeatures(features, device.winsys->info().gl43);
    features.memoryMapPlaced = true;
    features.memoryUnmapReserve = true;
    features.mutableDescriptorType = true;
    features.pipelineCreationCacheControl = true;
    features.pipelineProtectedAccess = true; // no memory is protected
    features.shaderModuleIdentifier = true;
    features.synchronization2 = true;
    features.maintenance4 = true;
    features.timelineSemaphore = true;
    features.privateData = true;
    return features;
}

/** As much as a MOB may hold, and 32 bits of byte offset address. */
uint64_t maxAllocation(const winsys::DeviceInfo& info) {
    return std::min<uint64_t>(info.maxMobSize, std::numeric_limits<uint32_t>::max() & ~uint32_t(4095));
}

void setImageLimits(vk_properties& limits, const PhysicalDevice& device) {
    const uint32_t extent = device.devcap(SVGA3D_DEVCAP_MAX_TEXTURE_WIDTH);
    const bool sm5 = device.winsys->info().sm5;
    const VkSampleCountFlags samples =
        VK_SAMPLE_COUNT_1_BIT | (device.devcap(SVGA3D_DEVCAP_MULTISAMPLE_4X) ? VK_SAMPLE_COUNT_4_BIT : 0);
    limits.maxImageDimension1D = limits.maxImageDimension2D = limits.maxImageDimensionCube = extent;
    limits.maxImageDimension3D = device.devcap(SVGA3D_DEVCAP_MAX_VOLUME_EXTENT);
    limits.maxImageArrayLayers = sm5 ? SVGA3D_SM5_MAX_SURFACE_ARRAYSIZE : SVGA3D_SM4_MAX_SURFACE_ARRAYSIZE;
    limits.bufferImageGranularity = 1;
    limits.maxFramebufferWidth = limits.maxFramebufferHeight = extent;
    limits.maxFramebufferLayers = limits.maxImageArrayLayers;
    limits.maxColorAttachments =
        std::min<uint32_t>(device.devcap(SVGA3D_DEVCAP_MAX_RENDER_TARGETS), SVGA3D_DX_MAX_RENDER_TARGETS);
    limits.framebufferColorSampleCounts = limits.framebufferDepthSampleCounts = samples;
    limits.framebufferStencilSampleCounts = limits.framebufferNoAttachmentsSampleCounts = samples;
    limits.framebufferIntegerColorSampleCounts = samples;
    limits.sampledImageColorSampleCounts = limits.sampledImageIntegerSampleCounts = samples;
    limits.sampledImageDepthSampleCounts = limits.sampledImageStencilSampleCounts = samples;
    limits.storageImageSampleCounts = VK_SAMPLE_COUNT_1_BIT;
    limits.maxSampleMaskWords = 1;
    limits.standardSampleLocations = true;
    limits.minTexelOffset = limits.minTexelGatherOffset = -8;
    limits.maxTexelOffset = limits.maxTexelGatherOffset = 7;
    limits.minInterpolationOffset = -0.5f;
    limits.maxInterpolationOffset = 0.4375f;
    limits.subPixelInterpolationOffsetBits = 4;
    limits.subPixelPrecisionBits = limits.subTexelPrecisionBits = limits.mipmapPrecisionBits = 8;
    limits.maxSamplerLodBias = 15;
    limits.maxSamplerAnisotropy = std::max(device.devcap(SVGA3D_DEVCAP_MAX_TEXTURE_ANISOTROPY), 1u);
    limits.maxSamplerAllocationCount = 4000;
    limits.maxCustomBorderColorSamplers = limits.maxSamplerAllocationCount;
}

/** Descriptors take registers of VGPU10's stages: see compiler/compiler.h. */
void setDescriptorLimits(vk_properties& limits, const PhysicalDevice& device) {
    constexpr uint32_t kStages = 6;
    const uint32_t constantBuffers =
        std::min<uint32_t>(device.devcap(SVGA3D_DEVCAP_DX_MAX_CONSTANT_BUFFERS), SVGA3D_DX_MAX_CONSTBUFFERS);
    limits.maxBoundDescriptorSets = kMaxDescriptorSets;
    limits.maxPerStageDescriptorSamplers = SVGA3D_DX_MAX_SAMPLERS;
    limits.maxPerStageDescriptorUniformBuffers = constantBuffers ? constantBuffers - 1 : 0; // one is the driver's
    limits.maxPerStageDescriptorStorageBuffers = kStorageBuffersPerStage;
    limits.maxPerStageDescriptorStorageImages = kStorageImagesPerStage;
    limits.maxPerStageDescriptorInputAttachments = SVGA3D_DX_MAX_RENDER_TARGETS;
    limits.maxPerStageDescriptorSampledImages =
        SVGA3D_DX_MAX_SRVIEWS - kStorageBuffersPerStage - SVGA3D_DX_MAX_RENDER_TARGETS;
    limits.maxPerStageResources = SVGA3D_DX_MAX_SRVIEWS;
    limits.maxDescriptorSetSamplers = kStages * limits.maxPerStageDescriptorSamplers;
    limits.maxDescriptorSetUniformBuffers = kStages * limits.maxPerStageDescriptorUniformBuffers;
    limits.maxDescriptorSetUniformBuffersDynamic = kMaxDynamicBuffers / 2;
    limits.maxDescriptorSetStorageBuffers = kStages * limits.maxPerStageDescriptorStorageBuffers;
    limits.maxDescriptorSetStorageBuffersDynamic = kMaxDynamicBuffers / 2;
    limits.maxDescriptorSetSampledImages = kStages * limits.maxPerStageDescriptorSampledImages;
    limits.maxDescriptorSetStorageImages = kStages * limits.maxPerStageDescriptorStorageImages;
    limits.maxDescriptorSetInputAttachments = limits.maxPerStageDescriptorInputAttachments;
    limits.maxPushConstantsSize = kMaxPushConstants;
    limits.maxPerSetDescriptors = 4096;
    limits.maxPushDescriptors = kMaxPushDescriptors;
}

void setBufferLimits(vk_properties& limits, const winsys::DeviceInfo& info) {
    const auto largest = static_cast<uint32_t>(maxAllocation(info));
    limits.maxTexelBufferElements = std::min<uint32_t>(largest, 1u << 27);
    limits.maxUniformBufferRange = SVGA3D_DX_MAX_CONSTBUF_BINDING_SIZE;
    limits.maxStorageBufferRange = largest;
    limits.maxMemoryAllocationCount = SVGA3D_HB_MAX_SURFACE_IDS / 2; // each is a surface; images want some as well
    limits.maxMemoryAllocationSize = maxAllocation(info);
    limits.maxBufferSize = maxAllocation(info);
    limits.minMemoryMapAlignment = limits.minPlacedMemoryMapAlignment = kPlacedMapAlignment;
    limits.minTexelBufferOffsetAlignment = 16;
    limits.minUniformBufferOffsetAlignment = kConstantBufferAlignment;
    limits.minStorageBufferOffsetAlignment = kRawViewAlignment;
    limits.optimalBufferCopyOffsetAlignment = 1;
    limits.optimalBufferCopyRowPitchAlignment = 1;
    limits.nonCoherentAtomSize = 1; // there is no memory that is not coherent
}

void setGeometryLimits(vk_properties& limits, const PhysicalDevice& device) {
    limits.maxVertexInputAttributes = SVGA3D_DX_MAX_VERTEXINPUTREGISTERS;
    limits.maxVertexInputBindings =
        std::min<uint32_t>(device.devcap(SVGA3D_DEVCAP_DX_MAX_VERTEXBUFFERS), SVGA3D_DX_MAX_VERTEXBUFFERS);
    limits.maxVertexInputAttributeOffset = 2047;
    limits.maxVertexInputBindingStride = 2048;
    limits.maxVertexOutputComponents = 4 * kMaxLocations;
    limits.maxFragmentInputComponents = 4 * kMaxLocations;
    limits.maxTessellationGenerationLevel = 64;
    limits.maxTessellationPatchSize = 32;
    limits.maxTessellationControlPerVertexInputComponents = 4 * kMaxLocations;
    limits.maxTessellationControlPerVertexOutputComponents = 4 * kMaxLocations;
    limits.maxTessellationControlPerPatchOutputComponents = 120;
    limits.maxTessellationControlTotalOutputComponents = 4 * 32 * kMaxLocations;
    limits.maxTessellationEvaluationInputComponents = 4 * kMaxLocations;
    limits.maxTessellationEvaluationOutputComponents = 4 * kMaxLocations;
    limits.maxGeometryShaderInvocations = 32;
    limits.maxGeometryInputComponents = 4 * kMaxLocations;
    limits.maxGeometryOutputComponents = 4 * kMaxLocations;
    limits.maxGeometryOutputVertices = 256;
    limits.maxGeometryTotalOutputComponents = 1024;
    limits.maxFragmentDualSrcAttachments = 1;
    limits.maxClipDistances = limits.maxCullDistances = limits.maxCombinedClipAndCullDistances = 8;
    limits.supportedDepthResolveModes = VK_RESOLVE_MODE_SAMPLE_ZERO_BIT;
    limits.supportedStencilResolveModes = VK_RESOLVE_MODE_SAMPLE_ZERO_BIT;
    limits.maxFragmentOutputAttachments = limits.maxColorAttachments;
    limits.maxFragmentCombinedOutputResources =
        limits.maxColorAttachments + kStorageBuffersPerStage + kStorageImagesPerStage;
    limits.maxDrawIndexedIndexValue = std::numeric_limits<uint32_t>::max();
    limits.maxDrawIndirectCount = std::numeric_limits<uint32_t>::max();
    limits.maxMultiDrawCount = std::numeric_limits<uint32_t>::max();
    limits.maxVertexAttribDivisor = std::numeric_limits<uint32_t>::max();
    limits.supportsNonZeroFirstInstance = true;
    limits.provokingVertexModePerPipeline = true;
    limits.maxViewports = 1;
    limits.maxViewportDimensions[0] = limits.maxViewportDimensions[1] = limits.maxImageDimension2D;
    limits.viewportBoundsRange[0] = -2.0f * static_cast<float>(limits.maxImageDimension2D);
    limits.viewportBoundsRange[1] = 2.0f * static_cast<float>(limits.maxImageDimension2D) - 1;
    limits.viewportSubPixelBits = 8;
    limits.pointSizeRange[0] = limits.pointSizeRange[1] = 1;
    limits.lineWidthRange[0] = limits.lineWidthRange[1] = 1;
    limits.discreteQueuePriorities = 2;
    limits.pointClippingBehavior = VK_POINT_CLIPPING_BEHAVIOR_ALL_CLIP_PLANES;
    limits.maxMultiviewViewCount = 6;
    limits.maxMultiviewInstanceIndex = (1u << 27) - 1;
}

void setComputeLimits(vk_properties& limits) {
    limits.maxComputeSharedMemorySize = 32768;
    for (uint32_t& count : limits.maxComputeWorkGroupCount)
        count = SVGA3D_MAX_SHADER_THREAD_GROUPS;
    limits.maxComputeWorkGroupInvocations = 1024;
    limits.maxComputeWorkGroupSize[0] = limits.maxComputeWorkGroupSize[1] = 1024;
    limits.maxComputeWorkGroupSize[2] = 64;
    // VGPU10 knows no subgroups: each invocation is one.
    limits.subgroupSize = limits.minSubgroupSize = limits.maxSubgroupSize = 1;
    limits.subgroupSupportedStages =
        VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT | VK_SHADER_STAGE_COMPUTE_BIT;
    limits.subgroupSupportedOperations = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_VOTE_BIT |
                                         VK_SUBGROUP_FEATURE_ARITHMETIC_BIT | VK_SUBGROUP_FEATURE_BALLOT_BIT |
                                         VK_SUBGROUP_FEATURE_SHUFFLE_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT |
                                         VK_SUBGROUP_FEATURE_CLUSTERED_BIT;
}

/** What tells this driver and device from others, and so whose pipeline caches are whose. */
void setIdentity(vk_properties& properties, const winsys::DeviceInfo& info) {
    properties.apiVersion = kApiVersion;
    properties.driverVersion = kDriverVersion;
    properties.vendorID = kVendor;
    properties.deviceID = info.deviceId;
    properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU;
    std::snprintf(properties.deviceName, sizeof(properties.deviceName), "SVGA3D (%s)",
                  info.gl43  ? "shader model 5.1"
                  : info.sm5 ? "shader model 5"
                             : "shader model 4");
    std::snprintf(properties.driverName, sizeof(properties.driverName), "svga"); // none is registered as VkDriverId
    std::snprintf(properties.driverInfo, sizeof(properties.driverInfo), "Mesa " PACKAGE_VERSION MESA_GIT_SHA1);
    const auto digest = [](uint8_t* uuid, const std::string& what) {
        uint8_t sha1[SHA1_DIGEST_LENGTH];
        _mesa_sha1_compute(what.data(), what.size(), sha1);
        std::memcpy(uuid, sha1, VK_UUID_SIZE);
    };
    const std::string driver = std::string("svga " PACKAGE_VERSION MESA_GIT_SHA1 " ") + std::to_string(kDriverVersion);
    digest(properties.driverUUID, driver);
    digest(properties.deviceUUID, "svga " + std::to_string(info.deviceId));
    std::string device = driver;
    device.append(reinterpret_cast<const char*>(info.devcaps.data()), info.devcaps.size() * sizeof(uint32_t));
    digest(properties.pipelineCacheUUID, device);
}

vk_properties knownProperties(const PhysicalDevice& device) {
    vk_properties properties{};
    setIdentity(properties, device.winsys->info());
    setImageLimits(properties, device);
    setDescriptorLimits(properties, device);
    setBufferLimits(properties, device.winsys->info());
    setGeometryLimits(properties, device);
    setComputeLimits(properties);
    std::memcpy(properties.shaderModuleIdentifierAlgorithmUUID, vk_shaderModuleIdentifierAlgorithmUUID, VK_UUID_SIZE);
    properties.maxTimelineSemaphoreValueDifference = std::numeric_limits<uint64_t>::max();
    return properties;
}

VkPhysicalDeviceMemoryProperties memoryProperties(const winsys::DeviceInfo& info) {
    VkPhysicalDeviceMemoryProperties memory{};
    memory.memoryHeapCount = 1;
    memory.memoryHeaps[0] = {info.maxMobMemory, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
    memory.memoryTypeCount = kMemoryTypes;
    memory.memoryTypes[kDeviceLocalMemory] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
    memory.memoryTypes[kCoherentMemory] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                               VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                                               VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
                                           0};
    return memory;
}

PFN_vkVoidFunction VKAPI_PTR wsiProcAddr(VkPhysicalDevice handle, const char* name) {
    return vk_instance_get_proc_addr_unchecked(vk_physical_device_from_handle(handle)->instance, name);
}

/** Windows are shown by the CPU: an image is copied into coherent memory and from there to the window system. */
VkResult initialiseWsi(PhysicalDevice& device) {
    wsi_device_options options{};
    options.sw_device = true;
    const VkResult result = wsi_device_init(&device.wsi, vk_physical_device_to_handle(&device), wsiProcAddr,
                                            &device.instance->alloc, -1, nullptr, &options);
    if (result == VK_SUCCESS)
        device.wsi_device = &device.wsi;
    return result;
}

bool isVmwgfx(int fd) {
    drmVersion* version = drmGetVersion(fd);
    const bool is = version && std::strcmp(version->name, "vmwgfx") == 0;
    drmFreeVersion(version);
    return is;
}

std::unique_ptr<winsys::Device> openNode(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd)
        throw Error("cannot open {}: {}", path, std::strerror(errno));
    return std::make_unique<winsys::Device>(std::make_unique<winsys::DrmKernel>(fd.get()));
}

} // namespace

VkResult PhysicalDevice::tryCreate(vk_instance* instance, drmDevice* drm, vk_physical_device** out) {
    if (!(drm->available_nodes & (1 << DRM_NODE_RENDER)))
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    const char* path = drm->nodes[DRM_NODE_RENDER];
    return guarded(instance, VK_ERROR_INCOMPATIBLE_DRIVER, [&] {
        {
            const UniqueFd fd(::open(path, O_RDWR | O_CLOEXEC));
            if (!fd || !isVmwgfx(fd.get()))
                return VK_ERROR_INCOMPATIBLE_DRIVER;
        }
        auto* device = allocate<PhysicalDevice>(instance->alloc, nullptr, VK_SYSTEM_ALLOCATION_SCOPE_INSTANCE);
        const VkResult result = guarded(instance, VK_ERROR_INCOMPATIBLE_DRIVER, [&] {
            device->path = path;
            device->winsys = openNode(device->path);
            if (!device->winsys->info().sm5)
                throw Error("{}: Vulkan needs a device with shader model 5", path);
            device->syncTypes = {&kFenceSyncType, &kTimelineSyncType.sync, nullptr};
            device->memory = memoryProperties(device->winsys->info());
            vk_physical_device_dispatch_table dispatch;
            vk_physical_device_dispatch_table_from_entrypoints(&dispatch, &svga_physical_device_entrypoints, true);
            vk_physical_device_dispatch_table_from_entrypoints(&dispatch, &wsi_physical_device_entrypoints, false);
            const vk_device_extension_table extensions = deviceExtensions(*device);
            const vk_features supported = supportedFeatures(*device);
            const vk_properties known = knownProperties(*device);
            const VkResult done = vk_physical_device_init(device, instance, &extensions, &supported, &known, &dispatch);
            if (done != VK_SUCCESS)
                return done;
            device->supported_sync_types = device->syncTypes.data();
            const VkResult presenting = initialiseWsi(*device);
            if (presenting != VK_SUCCESS)
                vk_physical_device_finish(device);
            return presenting;
        });
        if (result != VK_SUCCESS) {
            release(instance->alloc, nullptr, device);
            return result;
        }
        *out = device;
        return VK_SUCCESS;
    });
}

void PhysicalDevice::destroy(vk_physical_device* base) {
    PhysicalDevice& device = as<PhysicalDevice>(base);
    const VkAllocationCallbacks& alloc = device.instance->alloc;
    device.wsi_device = nullptr;
    wsi_device_finish(&device.wsi, &alloc);
    vk_physical_device_finish(&device);
    release(alloc, nullptr, &device);
}

std::unique_ptr<winsys::Device> PhysicalDevice::open() const {
    return openNode(path);
}

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR void VKAPI_CALL svga_GetPhysicalDeviceQueueFamilyProperties2(VkPhysicalDevice, uint32_t* count,
                                                                        VkQueueFamilyProperties2* properties) {
    VK_OUTARRAY_MAKE_TYPED(VkQueueFamilyProperties2, out, properties, count);
    vk_outarray_append_typed(VkQueueFamilyProperties2, &out, family) {
        family->queueFamilyProperties.queueFlags = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;
        family->queueFamilyProperties.queueCount = 1;
        family->queueFamilyProperties.timestampValidBits = 0;
        family->queueFamilyProperties.minImageTransferGranularity = {1, 1, 1};
    }
}

VKAPI_ATTR void VKAPI_CALL svga_GetPhysicalDeviceMemoryProperties2(VkPhysicalDevice handle,
                                                                   VkPhysicalDeviceMemoryProperties2* properties) {
    properties->memoryProperties = as<PhysicalDevice>(vk_physical_device_from_handle(handle)).memory;
}

} // extern "C"
