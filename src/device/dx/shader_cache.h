// SPDX-License-Identifier: MIT
/**
 * \file
 * Shaders by their bytes, and their translations to SPIR-V.
 *
 * The same token stream bound under several ids, contexts or MOBs is one Shader. What a stream means to Vulkan depends
 * on state outside of it (vertex formats, render target formats, stream output, ...); each combination met is a
 * variant, translated when it is first drawn with and kept.
 */
#pragma once

#include "device/vgpu10/translator.h"
#include "device/vulkan/vulkan_device.h"

#include <svga3d_reg.h>

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace svga::device {

/** \throws CommandError for a type that is none. */
vgpu10::Stage stageOf(SVGA3dShaderType type);
/** Index of \p stage in SVGADXContextMobFormat::shaderState. */
uint32_t shaderStateIndex(vgpu10::Stage stage);
VkShaderStageFlagBits vulkanStage(vgpu10::Stage stage);

/** \brief One translation. Immutable; lives as long as its Shader. */
struct ShaderVariant {
    VkShaderModule module = VK_NULL_HANDLE;
    vgpu10::ShaderInfo info;
};

class Shader {
public:
    /** \throws vgpu10::TranslateError where \p tokens is no shader of that type. */
    Shader(const VulkanDevice& device, SVGA3dShaderType type, std::vector<uint32_t> tokens);
    ~Shader();
    Shader(const Shader&) = delete;
    Shader& operator=(const Shader&) = delete;

    SVGA3dShaderType type() const { return type_; }
    const vgpu10::ShaderInfo& info() const { return info_; }
    const std::vector<uint32_t>& tokens() const { return tokens_; }

    /** \brief The translation for \p options (its bindings are set here). Null where there is none, which is logged
     * once. */
    const ShaderVariant* variant(vgpu10::TranslateOptions options);

private:
    const VulkanDevice& device_;
    SVGA3dShaderType type_;
    std::vector<uint32_t> tokens_;
    vgpu10::ShaderInfo info_;
    std::map<std::vector<uint32_t>, std::unique_ptr<ShaderVariant>> variants_;
};

class ShaderCache {
public:
    explicit ShaderCache(const VulkanDevice& device)
        : device_(device) {}

    /** \throws vgpu10::TranslateError */
    std::shared_ptr<Shader> get(SVGA3dShaderType type, std::vector<uint32_t> tokens);

private:
    void dropUnused();

    const VulkanDevice& device_;
    /// By hash. Weak: contexts and pipelines keep a shader; one that nobody has leaves with its modules.
    std::unordered_multimap<uint64_t, std::weak_ptr<Shader>> shaders_;
    std::size_t dropAt_ = 256;
};

} // namespace svga::device
