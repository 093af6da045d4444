// SPDX-License-Identifier: MIT
/**
 * \file
 * Runs translated shaders on the Vulkan device: a dispatch or a draw with its inputs in host memory, results read back.
 *
 * Descriptor set layouts are made from ShaderInfo and BindingLayout, so that these are tested too.
 */
#pragma once

#include "device/vgpu10/translator.h"
#include "device/vulkan/gpu_queue.h"
#include "device/vulkan/vulkan_device.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace svga::vgpu10::test {

using Words = std::vector<uint32_t>;

struct Texture {
    VkFormat format = VK_FORMAT_R32G32B32A32_SFLOAT;
    VkImageType type = VK_IMAGE_TYPE_2D;
    VkImageViewType view = VK_IMAGE_VIEW_TYPE_2D;
    VkExtent3D extent{1, 1, 1};
    uint32_t layers = 1;
    uint32_t levels = 1;
    VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
    bool storage = false;
    Words data; ///< level after level, each its layers; 4 bytes a component. Storage images are read back into it.
};

struct SamplerState {
    VkFilter filter = VK_FILTER_NEAREST;
    VkSamplerAddressMode address = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE;
    std::optional<VkCompareOp> compare;
};

/** \brief One shader and what its slots hold. */
struct StageJob {
    std::vector<uint32_t> tokens;
    TranslateOptions options;
    std::map<uint32_t, Words> constantBuffers;
    std::map<uint32_t, Words> buffers; ///< raw and structured resources; typed ones are R32_UINT
    std::map<uint32_t, Texture> textures;
    std::map<uint32_t, SamplerState> samplers;
    std::map<uint32_t, Words> uavBuffers; ///< read back
    std::map<uint32_t, Texture> uavTextures;
};

struct DrawJob {
    StageJob vertex;
    std::optional<StageJob> hull, domain, geometry, pixel;
    std::vector<VkFormat> attributes; ///< input register n, tightly packed in one buffer
    Words vertices;
    uint32_t stride = 0;
    VkPrimitiveTopology topology = VK_PRIMITIVE_TOPOLOGY_POINT_LIST;
    uint32_t patchSize = 0;
    uint32_t vertexCount = 1, instanceCount = 1, firstVertex = 0, firstInstance = 0;
    std::vector<VkFormat> targets; ///< four 32-bit components
    VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
    uint32_t width = 1, height = 1, layers = 1;
    bool depth = false;                ///< D32_SFLOAT, always passes, written
    std::array<uint32_t, 4> capture{}; ///< bytes of each transfer feedback buffer
};

struct DrawResult {
    std::vector<Words>
        targets; ///< layer after layer, row after row, four words a pixel; multisampled ones are resolved
    std::vector<float> depth;
    std::array<Words, 4> captured;
};

class ShaderRunner {
public:
    ShaderRunner();
    ~ShaderRunner();
    void dispatch(StageJob& job, uint32_t groupsX, uint32_t groupsY = 1, uint32_t groupsZ = 1);
    DrawResult draw(DrawJob& job);
    const device::VulkanDevice& device() const { return *device_; }

private:
    struct Bindings;
    struct Buffer;
    struct Image;
    std::shared_ptr<Buffer> buffer(VkDeviceSize size, VkBufferUsageFlags usage, const Words* data = nullptr);
    std::shared_ptr<Image> image(const Texture& texture, VkImageUsageFlags usage, VkImageAspectFlags aspect);
    void copy(Image& image, const Texture& texture, Buffer& buffer, bool upload, VkImageAspectFlags aspect);
    void bind(Bindings& bindings, StageJob& job, const ShaderInfo& info, VkShaderStageFlags stages);
    void finishBindings(Bindings& bindings);
    void readBack(Bindings& bindings);
    VkShaderModule module(const ShaderModule& shader);

    std::unique_ptr<device::VulkanDevice> device_;
    std::unique_ptr<device::GpuQueue> queue_;
};

} // namespace svga::vgpu10::test
