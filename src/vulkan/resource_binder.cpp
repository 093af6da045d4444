// SPDX-License-Identifier: MIT
#include "vulkan/resource_binder.h"

#include "vulkan/buffer.h"
#include "vulkan/formats.h"
#include "vulkan/image.h"
#include "vulkan/limits.h"

#include <algorithm>

#include "vk_format.h"

namespace svga::vulkan {

namespace {

constexpr uint32_t kNone = SVGA3D_INVALID_ID;
constexpr std::array<uint8_t, 4> kIdentity{0, 1, 2, 3};
constexpr uint32_t kUnknown = SVGA3D_INVALID_ID - 1; ///< not known to the driver: is to be set

uint32_t typedView(ContextObjects& objects, RegisterFile file, const BufferView& view) {
    const Buffer& buffer = static_cast<const Buffer&>(*view.buffer);
    const auto first = static_cast<uint32_t>((buffer.offset + view.offset) / vk_format_get_blocksize(view.format));
    const auto count = static_cast<uint32_t>(view.elements);
    if (file == RegisterFile::UnorderedAccess) {
        SVGA3dCmdDXDefineUAView body{};
        body.format = findFormat(view.format)->typed;
        body.resourceDimension = SVGA3D_RESOURCE_BUFFER;
        body.desc.buffer.firstElement = first;
        body.desc.buffer.numElements = count;
        return objects.view(ContextObjects::UnorderedAccessView, *buffer.surface, body);
    }
    SVGA3dCmdDXDefineShaderResourceView body{};
    body.format = findFormat(view.format)->typed;
    body.resourceDimension = SVGA3D_RESOURCE_BUFFER;
    body.desc.buffer.firstElement = first;
    body.desc.buffer.numElements = count;
    return objects.view(ContextObjects::ShaderResourceView, *buffer.surface, body);
}

ConstantRange constantRange(const Descriptor& descriptor, uint32_t dynamicOffset) {
    if (!descriptor.buffer)
        return {};
    const uint64_t size = std::min<uint64_t>(descriptor.range, SVGA3D_DX_MAX_CONSTBUF_BINDING_SIZE);
    return {descriptor.buffer->surface.get(),
            static_cast<uint32_t>(descriptor.buffer->offset + descriptor.offset + dynamicOffset),
            static_cast<uint32_t>((size + kVectorBytes - 1) / kVectorBytes * kVectorBytes)};
}

/** The descriptor of \p binding and its dynamic offset; null where none is bound. */
const Descriptor* lookUp(const ShaderBinding& binding, const BindPoint& bindPoint, uint32_t& dynamicOffset) {
    dynamicOffset = 0;
    const DescriptorSet* set = binding.set < kMaxDescriptorSets ? bindPoint.sets[binding.set] : nullptr;
    const Descriptor* descriptor = set ? set->find(binding.binding, binding.element) : nullptr;
    if (!descriptor)
        return nullptr;
    const DescriptorSetLayout::Binding& layout = set->layout().bindings[binding.binding];
    if (layout.type == VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC ||
        layout.type == VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC)
        dynamicOffset = bindPoint.dynamicOffsets[binding.set].at(layout.firstDynamic + binding.element);
    return descriptor;
}

} // namespace

uint32_t rawView(ContextObjects& objects, RegisterFile file, winsys::Surface& surface, uint64_t offset,
                 uint64_t range) {
    const auto first = static_cast<uint32_t>(offset / sizeof(uint32_t));
    const auto count = static_cast<uint32_t>((range + sizeof(uint32_t) - 1) / sizeof(uint32_t));
    if (file == RegisterFile::UnorderedAccess) {
        SVGA3dCmdDXDefineUAView body{};
        body.format = SVGA3D_R32_TYPELESS;
        body.resourceDimension = SVGA3D_RESOURCE_BUFFER;
        body.desc.buffer.firstElement = first;
        body.desc.buffer.numElements = count;
        body.desc.buffer.flags = SVGA3D_UABUFFER_RAW;
        return objects.view(ContextObjects::UnorderedAccessView, surface, body);
    }
    SVGA3dCmdDXDefineShaderResourceView body{};
    body.format = SVGA3D_R32_TYPELESS;
    body.resourceDimension = SVGA3D_RESOURCE_BUFFEREX;
    body.desc.bufferex.firstElement = first;
    body.desc.bufferex.numElements = count;
    body.desc.bufferex.flags = SVGA3D_BUFFEREX_SRV_RAW;
    return objects.view(ContextObjects::ShaderResourceView, surface, body);
}

struct ResourceBinder::Wanted {
    Wanted() {
        resources.fill(kNone);
        samplers.fill(kNone);
    }
    std::array<uint32_t, SVGA3D_DX_MAX_SRVIEWS> resources;
    std::array<uint32_t, SVGA3D_DX_MAX_SAMPLERS> samplers;
    std::vector<TextureSwizzle> swizzles; ///< of the resources that have any
    uint32_t texelSamplers = 0;           ///< registers of samplers that take coordinates in texels
};

ResourceBinder::ResourceBinder(Encoder& encoder, ContextObjects& objects, UploadRing& uploads)
    : encoder_(encoder)
    , objects_(objects)
    , uploads_(uploads) {
    wantedUavs_.fill(kNone);
    invalidate();
}

void ResourceBinder::invalidate() {
    for (Stage& stage : stages_) {
        stage.shader.reset();
        stage.constants.fill({nullptr, kUnknown, 0});
        stage.resources.fill(kUnknown);
        stage.samplers.fill(kUnknown);
    }
    computeUavs_.fill(kUnknown);
    graphicsUavs_.fill(kUnknown);
}

uint32_t ResourceBinder::view(const ShaderBinding& binding, const Descriptor& descriptor, uint32_t dynamicOffset) {
    switch (binding.kind) {
    case ViewKind::RawBuffer:
        return descriptor.buffer
                   ? rawView(objects_, binding.file, *descriptor.buffer->surface,
                             descriptor.buffer->offset + descriptor.offset + dynamicOffset, descriptor.range)
                   : kNone;
    case ViewKind::TypedBuffer:
        return descriptor.texels ? typedView(objects_, binding.file, *descriptor.texels) : kNone;
    case ViewKind::Texture:
        return descriptor.image ? descriptor.image->shaderResource(objects_) : kNone;
    case ViewKind::Image:
        return descriptor.image ? descriptor.image->unorderedAccess(objects_) : kNone;
    default:
        return kNone;
    }
}

void ResourceBinder::setConstants(SVGA3dShaderType type, uint32_t slot, const ConstantRange& range) {
    ConstantRange& bound = stages_[type].constants[slot];
    if (bound == range)
        return;
    encoder_.emit<SVGA3dCmdDXSetSingleConstantBuffer>(SVGA_3D_CMD_DX_SET_SINGLE_CONSTANT_BUFFER, 1, [&](auto& body) {
        body.slot = slot;
        body.type = type;
        body.sid = range.surface ? encoder_.name(*range.surface) : kNone;
        body.offsetInBytes = range.offset;
        body.sizeInBytes = range.size;
    });
    bound = range;
}

void ResourceBinder::setDriverConstants(SVGA3dShaderType type, const DriverConstants& constants,
                                        const PushConstants& pushed) {
    Stage& stage = stages_[type];
    const bool known = stage.constants[0].offset != kUnknown && stage.constants[0].surface;
    if (known && std::memcmp(&stage.driver, &constants, sizeof(constants)) == 0 && stage.pushed == pushed)
        return;
    constexpr uint32_t kSize = kPushConstantOffset + kMaxPushConstants;
    const UploadRing::Range range = uploads_.take(kSize, kConstantBufferAlignment);
    std::memcpy(range.data, &constants, sizeof(constants));
    std::memcpy(range.data + kPushConstantOffset, pushed.data(), pushed.size());
    setConstants(type, 0, {range.surface, range.offset, kSize});
    stage.driver = constants;
    stage.pushed = pushed;
}

template <typename Command, typename Begin, size_t kCount>
void ResourceBinder::setDifferent(uint32_t id, std::array<uint32_t, kCount>& before,
                                  const std::array<uint32_t, kCount>& after, Begin&& begin) {
    const auto [from, same] = std::ranges::mismatch(before, after);
    if (from == before.end())
        return;
    const auto first = static_cast<uint32_t>(from - before.begin());
    uint32_t last = kCount - 1;
    while (before[last] == after[last])
        --last;
    encoder_.emit<Command>(
        id, 0, [&](Command& body) { begin(body, first); },
        std::span<const uint32_t>(after).subspan(first, last - first + 1));
    before = after;
}

ResourceBinder::Wanted ResourceBinder::resources(SVGA3dShaderType type, const Shader& shader,
                                                 const BindPoint& bindPoint) {
    Wanted wanted;
    for (const ShaderBinding& binding : shader.code.bindings) {
        uint32_t dynamicOffset;
        const Descriptor* descriptor = lookUp(binding, bindPoint, dynamicOffset);
        if (!descriptor)
            continue;
        switch (binding.file) {
        case RegisterFile::ConstantBuffer:
            setConstants(type, binding.reg, constantRange(*descriptor, dynamicOffset));
            break;
        case RegisterFile::Sampler:
            if (descriptor->sampler) {
                wanted.samplers.at(binding.reg) =
                    objects_.state(ContextObjects::SamplerState, descriptor->sampler->state);
                wanted.texelSamplers |= uint32_t{descriptor->sampler->takesTexels} << binding.reg;
            }
            break;
        case RegisterFile::ShaderResource:
            wanted.resources.at(binding.reg) = view(binding, *descriptor, dynamicOffset);
            if (binding.kind == ViewKind::Texture && descriptor->image)
                if (const auto components = descriptor->image->sampledComponents(); components != kIdentity)
                    wanted.swizzles.push_back({binding.reg, components});
            break;
        case RegisterFile::UnorderedAccess:
            wantedUavs_.at(binding.reg) = view(binding, *descriptor, dynamicOffset);
            break;
        }
    }
    return wanted;
}

void ResourceBinder::setShader(SVGA3dShaderType type, uint32_t id) {
    if (stages_[type].shader == id)
        return;
    encoder_.emit<SVGA3dCmdDXSetShader>(SVGA_3D_CMD_DX_SET_SHADER, 0, [&](auto& body) {
        body.shaderId = id;
        body.type = type;
    });
    stages_[type].shader = id;
}

void ResourceBinder::setResources(SVGA3dShaderType type, const std::array<uint32_t, SVGA3D_DX_MAX_SRVIEWS>& views) {
    setDifferent<SVGA3dCmdDXSetShaderResources>(SVGA_3D_CMD_DX_SET_SHADER_RESOURCES, stages_[type].resources, views,
                                                [type](auto& body, uint32_t first) {
                                                    body.startView = first;
                                                    body.type = type;
                                                });
}

void ResourceBinder::bindProgram(const CompiledShader& code, uint32_t id, std::span<const uint32_t> views,
                                 const ConstantRange& constants) {
    setShader(SVGA3D_SHADERTYPE_CS, id);
    setConstants(SVGA3D_SHADERTYPE_CS, 0, constants);
    Wanted wanted;
    for (const ShaderBinding& binding : code.bindings) {
        if (binding.file == RegisterFile::UnorderedAccess)
            wantedUavs_.at(binding.reg) = views[binding.binding];
        else
            wanted.resources.at(binding.reg) = views[binding.binding];
    }
    setResources(SVGA3D_SHADERTYPE_CS, wanted.resources);
    bindComputeUavs();
}

void ResourceBinder::bindStage(SVGA3dShaderType type, Shader* shader, const BindPoint& bindPoint,
                               const DriverConstants& constants, const PushConstants& pushed) {
    if (!shader) {
        setShader(type, kNone);
        return;
    }
    Stage& stage = stages_[type];
    const Wanted wanted = resources(type, *shader, bindPoint);
    setShader(type, shader->idFor(objects_, wanted.swizzles, wanted.texelSamplers));
    if (shader->code.usesDriverConstants || shader->code.usesPushConstants)
        setDriverConstants(type, constants, pushed);
    setResources(type, wanted.resources);
    setDifferent<SVGA3dCmdDXSetSamplers>(SVGA_3D_CMD_DX_SET_SAMPLERS, stage.samplers, wanted.samplers,
                                         [type](auto& body, uint32_t first) {
                                             body.startSampler = first;
                                             body.type = type;
                                         });
}

void ResourceBinder::bindComputeUavs() {
    setDifferent<SVGA3dCmdDXSetCSUAViews>(SVGA_3D_CMD_DX_SET_CS_UA_VIEWS, computeUavs_, wantedUavs_,
                                          [](auto& body, uint32_t first) { body.startIndex = first; });
    wantedUavs_.fill(kNone);
}

void ResourceBinder::bindGraphicsUavs() {
    // The command sets all views from the first on.
    if (graphicsUavs_ != wantedUavs_) {
        encoder_.emit<SVGA3dCmdDXSetUAViews>(
            SVGA_3D_CMD_DX_SET_UA_VIEWS, 0, [](auto& body) { body.uavSpliceIndex = 0; },
            std::span<const uint32_t>(wantedUavs_));
        graphicsUavs_ = wantedUavs_;
    }
    wantedUavs_.fill(kNone);
}

} // namespace svga::vulkan
