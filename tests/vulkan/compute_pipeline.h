// SPDX-License-Identifier: MIT
#pragma once

#include "gpu.h"

#include <string>

namespace svga::test {

/** \brief A compute pipeline with one descriptor set layout, and a pool for sets of it. */
class ComputePipeline {
public:
    /**
     * \param bindings types of set 0's bindings, one descriptor each
     * \param pushed bytes of push constants
     */
    ComputePipeline(Gpu& gpu, const std::vector<VkDescriptorType>& bindings, const std::string& glsl,
                    uint32_t pushed = 0, const VkSpecializationInfo* specialisation = nullptr);
    ~ComputePipeline();
    ComputePipeline(const ComputePipeline&) = delete;
    ComputePipeline& operator=(const ComputePipeline&) = delete;

    VkPipelineLayout layout() const { return layout_; }

    /** \brief A set that lives as long as the pipeline. */
    VkDescriptorSet allocate() const;
    void write(VkDescriptorSet set, uint32_t binding, const Buffer& buffer, VkDeviceSize offset = 0,
               VkDeviceSize range = VK_WHOLE_SIZE) const;
    void bind(VkCommandBuffer commands, VkDescriptorSet set, const std::vector<uint32_t>& dynamicOffsets = {}) const;

private:
    Gpu& gpu_;
    std::vector<VkDescriptorType> bindings_;
    VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
    VkPipelineLayout layout_ = VK_NULL_HANDLE;
    VkPipeline pipeline_ = VK_NULL_HANDLE;
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
};

} // namespace svga::test
