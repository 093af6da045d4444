// SPDX-License-Identifier: MIT
#include "device/dx/shader_cache.h"

#include "device/command_error.h"
#include "device/dx/hash.h"
#include "device/vulkan/vulkan_error.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>

namespace svga::device {

using vgpu10::Stage;

Stage stageOf(SVGA3dShaderType type) {
    switch (type) {
    case SVGA3D_SHADERTYPE_VS:
        return Stage::Vertex;
    case SVGA3D_SHADERTYPE_PS:
        return Stage::Pixel;
    case SVGA3D_SHADERTYPE_GS:
        return Stage::Geometry;
    case SVGA3D_SHADERTYPE_HS:
        return Stage::Hull;
    case SVGA3D_SHADERTYPE_DS:
        return Stage::Domain;
    case SVGA3D_SHADERTYPE_CS:
        return Stage::Compute;
    default:
        throw CommandError("shader type {} is unknown", uint32_t(type));
    }
}

uint32_t shaderStateIndex(Stage stage) {
    switch (stage) {
    case Stage::Vertex:
        return SVGA3D_SHADERTYPE_VS - SVGA3D_SHADERTYPE_MIN;
    case Stage::Pixel:
        return SVGA3D_SHADERTYPE_PS - SVGA3D_SHADERTYPE_MIN;
    case Stage::Geometry:
        return SVGA3D_SHADERTYPE_GS - SVGA3D_SHADERTYPE_MIN;
    case Stage::Hull:
        return SVGA3D_SHADERTYPE_HS - SVGA3D_SHADERTYPE_MIN;
    case Stage::Domain:
        return SVGA3D_SHADERTYPE_DS - SVGA3D_SHADERTYPE_MIN;
    case Stage::Compute:
        return SVGA3D_SHADERTYPE_CS - SVGA3D_SHADERTYPE_MIN;
    }
    return 0;
}

VkShaderStageFlagBits vulkanStage(Stage stage) {
    switch (stage) {
    case Stage::Vertex:
        return VK_SHADER_STAGE_VERTEX_BIT;
    case Stage::Pixel:
        return VK_SHADER_STAGE_FRAGMENT_BIT;
    case Stage::Geometry:
        return VK_SHADER_STAGE_GEOMETRY_BIT;
    case Stage::Hull:
        return VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT;
    case Stage::Domain:
        return VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT;
    case Stage::Compute:
        return VK_SHADER_STAGE_COMPUTE_BIT;
    }
    return VK_SHADER_STAGE_VERTEX_BIT;
}

namespace {

/** \brief All that translate() may depend on besides the tokens, as words. */
std::vector<uint32_t> variantKey(const vgpu10::TranslateOptions& options, Stage stage) {
    std::vector<uint32_t> key;
    uint32_t flags = options.lastBeforeRasterizer | options.forcePerSample << 1 | options.dualSourceBlend << 2;
    key.push_back(flags);
    key.push_back(options.rasterizerSamples);
    // Two bits each: 16 classes to a word.
    const auto pack = [&key](const auto& types) {
        for (std::size_t i = 0; i < types.size(); ++i) {
            if (i % 16 == 0)
                key.push_back(0);
            key.back() |= uint32_t(types[i]) << (i % 16 * 2);
        }
    };
    if (stage == Stage::Vertex)
        pack(options.vertexInputs);
    if (stage == Stage::Pixel) {
        pack(options.renderTargets);
        key.push_back(options.alphaTargets);
    }
    if (const vgpu10::StreamOutput* so = options.streamOutput) {
        key.push_back(so->rasterizedStream);
        key.insert(key.end(), so->strideInBytes.begin(), so->strideInBytes.end());
        for (const auto& entry : so->entries)
            key.insert(key.end(),
                       {entry.registerIndex, entry.registerMask, entry.outputSlot, entry.stream, entry.byteOffset});
    }
    return key;
}

/** \brief Slots index fixed arrays of bound state: none may lie outside. */
void checkSlots(const vgpu10::ShaderInfo& info) {
    const auto check = [](const auto& list, uint32_t count, const char* what) {
        for (const auto& item : list)
            if (item.slot >= count)
                throw vgpu10::TranslateError("{} slot {} is out of range", what, item.slot);
    };
    check(info.constantBuffers, SVGA3D_DX_MAX_CONSTBUFFERS, "constant buffer");
    check(info.samplers, SVGA3D_DX_MAX_SAMPLERS, "sampler");
    check(info.resources, SVGA3D_DX_MAX_SRVIEWS, "shader resource");
    check(info.uavs, SVGA3D_DX11_1_MAX_UAVIEWS, "unordered access view");
}

} // namespace

Shader::Shader(const VulkanDevice& device, SVGA3dShaderType type, std::vector<uint32_t> tokens)
    : device_(device)
    , type_(type)
    , tokens_(std::move(tokens))
    , info_(vgpu10::inspect(tokens_)) {
    if (info_.stage != stageOf(type))
        throw vgpu10::TranslateError("its program type is not the one it was defined with ({})", uint32_t(type));
}

Shader::~Shader() {
    for (auto& [key, variant] : variants_)
        if (variant)
            vkDestroyShaderModule(device_.handle(), variant->module, nullptr);
}

const ShaderVariant* Shader::variant(vgpu10::TranslateOptions options) {
    options.bindings = {};
    options.bindings.base = uint32_t(info_.stage) * vgpu10::BindingLayout::kBindingsPerStage;
    options.floatImageAtomics = device_.features().imageFloat32Atomics;
    if (!info_.usesRasterizerSamples)
        options.rasterizerSamples = 1;
    auto [place, isNew] = variants_.try_emplace(variantKey(options, info_.stage));
    if (!isNew)
        return place->second.get();
    try {
        vgpu10::ShaderModule translated = vgpu10::translate(tokens_, options);
        auto variant = std::make_unique<ShaderVariant>();
        variant->info = std::move(translated.info);
        checkSlots(variant->info);
        VkShaderModuleCreateInfo create{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
        create.codeSize = translated.spirv.size() * sizeof(uint32_t);
        create.pCode = translated.spirv.data();
        check(vkCreateShaderModule(device_.handle(), &create, nullptr, &variant->module), "vkCreateShaderModule");
        place->second = std::move(variant);
    } catch (const Error& error) {
        spdlog::error("a shader of type {} cannot be translated, its draws are skipped: {}", uint32_t(type_),
                      error.what());
    }
    return place->second.get();
}

std::shared_ptr<Shader> ShaderCache::get(SVGA3dShaderType type, std::vector<uint32_t> tokens) {
    const uint64_t hash = hashBytes(tokens.data(), tokens.size() * sizeof(uint32_t));
    auto [begin, end] = shaders_.equal_range(hash);
    for (auto it = begin; it != end; ++it)
        if (auto shader = it->second.lock(); shader && shader->type() == type && shader->tokens() == tokens)
            return shader;
    auto shader = std::make_shared<Shader>(device_, type, std::move(tokens));
    shaders_.emplace(hash, shader);
    dropUnused();
    return shader;
}

void ShaderCache::dropUnused() {
    if (shaders_.size() < dropAt_)
        return;
    std::erase_if(shaders_, [](const auto& item) { return item.second.expired(); });
    dropAt_ = std::max<std::size_t>(256, 2 * shaders_.size());
}

} // namespace svga::device
