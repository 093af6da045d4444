// SPDX-License-Identifier: MIT
#include "device/vulkan/sample_sheets.h"

#include "device/vgpu10/spirv_builder.h"
#include "device/vulkan/gpu_surface.h"
#include "device/vulkan/vulkan_error.h"

#include <bit>
#include <memory>
#include <utility>
#include <vector>

namespace svga::device {

namespace {

using spv::Op;
using spv::StorageClass;
using vgpu10::Id;
using vgpu10::Kind;
using vgpu10::SpirvBuilder;

/** What the pixel shader is told. Stencil: texels with no bit in (stencil | always) & mask are left as they are. */
struct Constants {
    int32_t sample;
    uint32_t mask, always;
};

/** The format that moves a colour image's bits; undefined where no unsigned format has that size. */
VkFormat bitsFormat(const GpuSurface& surface) {
    switch (surface.format().bytesPerBlock) {
    case 1:
        return VK_FORMAT_R8_UINT;
    case 2:
        return VK_FORMAT_R16_UINT;
    case 4:
        return VK_FORMAT_R32_UINT;
    case 8:
        return VK_FORMAT_R32G32_UINT;
    case 16:
        return VK_FORMAT_R32G32B32A32_UINT;
    default:
        return VK_FORMAT_UNDEFINED;
    }
}

bool isColor(const GpuSurface& surface) {
    return (surface.aspects() & VK_IMAGE_ASPECT_COLOR_BIT) != 0;
}

VkFormat movedFormat(const GpuSurface& surface) {
    return isColor(surface) ? bitsFormat(surface) : surface.imageFormat();
}

VkImageUsageFlags targetUsage(const GpuSurface& surface) {
    return isColor(surface) ? VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT : VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
}

/** One triangle that covers everything: (-1, -1), (3, -1), (-1, 3). */
std::vector<uint32_t> vertexShader() {
    SpirvBuilder b;
    const Id uint1 = b.type(Kind::Uint), float1 = b.type(Kind::Float), float4 = b.type(Kind::Float, 4);
    const Id vertex = b.variable(StorageClass::Input, uint1), position = b.variable(StorageClass::Output, float4);
    b.decorate(vertex, spv::Decoration::BuiltIn, {uint32_t(spv::BuiltIn::VertexIndex)});
    b.decorate(position, spv::Decoration::BuiltIn, {uint32_t(spv::BuiltIn::Position)});
    const Id main = b.newId();
    b.beginFunction(main, b.voidType());
    const Id index = b.op(Op::OpLoad, uint1, {vertex});
    const auto coordinate = [&](uint32_t farVertex) {
        const Id isFar = b.op(Op::OpIEqual, b.type(Kind::Bool), {index, b.constant(Kind::Uint, farVertex)});
        return b.op(Op::OpSelect, float1,
                    {isFar, b.constant(Kind::Float, std::bit_cast<uint32_t>(3.0f)),
                     b.constant(Kind::Float, std::bit_cast<uint32_t>(-1.0f))});
    };
    const Id x = coordinate(1), y = coordinate(2);
    const Id zero = b.constant(Kind::Float, 0), one = b.constant(Kind::Float, std::bit_cast<uint32_t>(1.0f));
    b.effect(Op::OpStore, {position, b.op(Op::OpCompositeConstruct, float4, {x, y, zero, one})});
    b.effect(Op::OpReturn);
    b.endFunction();
    return b.finish(spv::ExecutionModel::Vertex, main, "main");
}

/** Fetches the texel at the pixel, of a sample or of an image with one, and writes it as \p aspect. */
std::vector<uint32_t> pixelShader(VkImageAspectFlagBits aspect, bool fromSamples) {
    SpirvBuilder b;
    const Kind kind = aspect == VK_IMAGE_ASPECT_DEPTH_BIT ? Kind::Float : Kind::Uint;
    const Id texelType = b.type(kind, 4), scalar = b.type(kind), uint1 = b.type(Kind::Uint);
    const Id imageType = b.imageType(kind, spv::Dim::Dim2D, false, fromSamples, false, spv::ImageFormat::Unknown);
    const Id image = b.variable(StorageClass::UniformConstant, imageType);
    b.decorate(image, spv::Decoration::DescriptorSet, {0});
    b.decorate(image, spv::Decoration::Binding, {0});
    const Id block = b.structType({b.type(Kind::Int), uint1, uint1});
    b.decorate(block, spv::Decoration::Block);
    for (uint32_t member = 0; member < 3; ++member)
        b.decorateMember(block, member, spv::Decoration::Offset, {4 * member});
    const Id constants = b.variable(StorageClass::PushConstant, block);
    const Id pixel = b.variable(StorageClass::Input, b.type(Kind::Float, 4));
    b.decorate(pixel, spv::Decoration::BuiltIn, {uint32_t(spv::BuiltIn::FragCoord)});
    b.executionMode(spv::ExecutionMode::OriginUpperLeft);

    const Id main = b.newId();
    b.beginFunction(main, b.voidType());
    const auto constant = [&](uint32_t member, Kind type) {
        const Id pointer = b.op(Op::OpAccessChain, b.pointerType(StorageClass::PushConstant, b.type(type)),
                                {constants, b.constant(Kind::Uint, member)});
        return b.op(Op::OpLoad, b.type(type), {pointer});
    };
    const Id place = b.op(Op::OpLoad, b.type(Kind::Float, 4), {pixel});
    const Id corner = b.op(Op::OpVectorShuffle, b.type(Kind::Float, 2), {place, place, 0, 1});
    const Id coordinates = b.op(Op::OpConvertFToS, b.type(Kind::Int, 2), {corner});
    const auto operand = fromSamples ? spv::ImageOperandsMask::Sample : spv::ImageOperandsMask::Lod;
    const Id operandValue = fromSamples ? constant(0, Kind::Int) : b.constant(Kind::Int, 0);
    const Id texel = b.op(Op::OpImageFetch, texelType,
                          {b.op(Op::OpLoad, imageType, {image}), coordinates, uint32_t(operand), operandValue});
    if (aspect == VK_IMAGE_ASPECT_COLOR_BIT) {
        const Id color = b.variable(StorageClass::Output, texelType);
        b.decorate(color, spv::Decoration::Location, {0});
        b.effect(Op::OpStore, {color, texel});
        b.effect(Op::OpReturn);
    } else if (aspect == VK_IMAGE_ASPECT_DEPTH_BIT) {
        const Id depth = b.variable(StorageClass::Output, scalar);
        b.decorate(depth, spv::Decoration::BuiltIn, {uint32_t(spv::BuiltIn::FragDepth)});
        b.executionMode(spv::ExecutionMode::DepthReplacing);
        b.effect(Op::OpStore, {depth, b.op(Op::OpCompositeExtract, scalar, {texel, 0})});
        b.effect(Op::OpReturn);
    } else {
        const Id stencil = b.op(Op::OpCompositeExtract, scalar, {texel, 0});
        const Id bits =
            b.op(Op::OpBitwiseAnd, uint1,
                 {b.op(Op::OpBitwiseOr, uint1, {stencil, constant(2, Kind::Uint)}), constant(1, Kind::Uint)});
        const Id none = b.op(Op::OpIEqual, b.type(Kind::Bool), {bits, b.constant(Kind::Uint, 0)});
        const Id discard = b.newId(), keep = b.newId();
        b.effect(Op::OpSelectionMerge, {keep, 0});
        b.effect(Op::OpBranchConditional, {none, discard, keep});
        b.label(discard);
        b.effect(Op::OpTerminateInvocation);
        b.label(keep);
        b.effect(Op::OpReturn);
    }
    b.endFunction();
    return b.finish(spv::ExecutionModel::Fragment, main, "main");
}

/** A shader module for as long as a pipeline is made of it. */
class Module {
public:
    Module(VkDevice device, const std::vector<uint32_t>& spirv)
        : device_(device) {
        VkShaderModuleCreateInfo create{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
        create.codeSize = spirv.size() * sizeof(uint32_t);
        create.pCode = spirv.data();
        check(vkCreateShaderModule(device, &create, nullptr, &handle_), "vkCreateShaderModule");
    }
    Module(const Module&) = delete;
    ~Module() { vkDestroyShaderModule(device_, handle_, nullptr); }

    VkPipelineShaderStageCreateInfo stage(VkShaderStageFlagBits bit) const {
        VkPipelineShaderStageCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO};
        info.stage = bit;
        info.module = handle_;
        info.pName = "main";
        return info;
    }

private:
    VkDevice device_;
    VkShaderModule handle_ = VK_NULL_HANDLE;
};

} // namespace

/**
 * \brief What one move refers to, until the GPU is done: views of both images, and a descriptor set for each aspect.
 *
 * The views are not the surfaces' own, which say how the guest looks at them.
 */
class SampleSheets::Views {
public:
    Views(const VulkanDevice& device, VkDescriptorSetLayout layout, Place from, Place to)
        : device_(device.handle()) {
        try {
            create(layout, from, to);
        } catch (...) {
            destroy();
            throw;
        }
    }
    Views(const Views&) = delete;
    ~Views() { destroy(); }

    VkImageView target() const { return target_; }
    VkDescriptorSet source(VkImageAspectFlagBits aspect) const { return sources_.at(aspect).set; }

private:
    struct Source {
        VkImageView view = VK_NULL_HANDLE;
        VkDescriptorSet set = VK_NULL_HANDLE;
    };

    VkImageView view(Place place, VkImageAspectFlags aspects, VkImageUsageFlags uses) const {
        VkImageViewUsageCreateInfo usage{VK_STRUCTURE_TYPE_IMAGE_VIEW_USAGE_CREATE_INFO};
        usage.usage = uses;
        VkImageViewCreateInfo create{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO, &usage};
        create.image = place.surface->image();
        create.viewType = VK_IMAGE_VIEW_TYPE_2D;
        create.format = movedFormat(*place.surface);
        create.subresourceRange = {aspects, 0, 1, place.layer, 1};
        VkImageView handle = VK_NULL_HANDLE;
        check(vkCreateImageView(device_, &create, nullptr, &handle), "vkCreateImageView");
        return handle;
    }

    void create(VkDescriptorSetLayout layout, Place from, Place to) {
        const VkImageAspectFlags aspects = from.surface->aspects();
        target_ = view(to, aspects, targetUsage(*to.surface));
        const auto count = static_cast<uint32_t>(std::popcount(aspects));
        const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, count};
        VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
        pool.maxSets = count;
        pool.poolSizeCount = 1;
        pool.pPoolSizes = &size;
        check(vkCreateDescriptorPool(device_, &pool, nullptr, &pool_), "vkCreateDescriptorPool");
        for (VkImageAspectFlagBits aspect :
             {VK_IMAGE_ASPECT_COLOR_BIT, VK_IMAGE_ASPECT_DEPTH_BIT, VK_IMAGE_ASPECT_STENCIL_BIT}) {
            if (!(aspects & aspect))
                continue;
            Source& source = sources_[aspect];
            source.view = view(from, aspect, VK_IMAGE_USAGE_SAMPLED_BIT);
            VkDescriptorSetAllocateInfo allocate{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
            allocate.descriptorPool = pool_;
            allocate.descriptorSetCount = 1;
            allocate.pSetLayouts = &layout;
            check(vkAllocateDescriptorSets(device_, &allocate, &source.set), "vkAllocateDescriptorSets");
            const VkDescriptorImageInfo info{VK_NULL_HANDLE, source.view, VK_IMAGE_LAYOUT_GENERAL};
            VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
            write.dstSet = source.set;
            write.descriptorCount = 1;
            write.descriptorType = VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
            write.pImageInfo = &info;
            vkUpdateDescriptorSets(device_, 1, &write, 0, nullptr);
        }
    }

    void destroy() {
        vkDestroyDescriptorPool(device_, pool_, nullptr);
        for (const auto& [aspect, source] : sources_)
            vkDestroyImageView(device_, source.view, nullptr);
        vkDestroyImageView(device_, target_, nullptr);
    }

    VkDevice device_;
    VkImageView target_ = VK_NULL_HANDLE;
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
    std::map<VkImageAspectFlagBits, Source> sources_;
};

SampleSheets::~SampleSheets() {
    for (const auto& [key, pipeline] : pipelines_)
        vkDestroyPipeline(device_.handle(), pipeline, nullptr);
    vkDestroyPipelineLayout(device_.handle(), layout_, nullptr);
    vkDestroyDescriptorSetLayout(device_.handle(), setLayout_, nullptr);
}

bool SampleSheets::canMove(const GpuSurface& surface) const {
    const VkFormat format = movedFormat(surface);
    const VkImageUsageFlags uses = targetUsage(surface) | VK_IMAGE_USAGE_SAMPLED_BIT;
    return format != VK_FORMAT_UNDEFINED && (surface.imageUsage() & uses) == uses &&
           surface.imageType() == VK_IMAGE_TYPE_2D &&
           (device_.sampleCounts(format, uses) & surface.desc().sampleCount) != 0;
}

void SampleSheets::move(Place from, Place to, uint32_t sample, const VkRect2D& area) {
    if (layout_ == VK_NULL_HANDLE)
        createLayouts();
    auto views = std::make_shared<Views>(device_, setLayout_, from, to);
    const VkImageAspectFlags aspects = to.surface->aspects();
    Key key{};
    key.format = movedFormat(*to.surface);
    key.fromSamples = from.surface->multisampled();
    key.targetSamples = to.surface->multisampled() ? to.surface->desc().sampleCount : 1;
    key.sampleMask = to.surface->multisampled() ? 1u << sample : ~0u;

    VkRenderingAttachmentInfo attachment{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
    attachment.imageView = views->target();
    attachment.imageLayout = VK_IMAGE_LAYOUT_GENERAL;
    attachment.loadOp = VK_ATTACHMENT_LOAD_OP_LOAD;
    attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    VkRenderingInfo info{VK_STRUCTURE_TYPE_RENDERING_INFO};
    info.renderArea = area;
    info.layerCount = 1;
    const VkRenderingAttachmentInfo none{VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO};
    info.colorAttachmentCount = kFewestColorAttachments;
    info.pColorAttachments = aspects & VK_IMAGE_ASPECT_COLOR_BIT ? &attachment : &none;
    if (aspects & VK_IMAGE_ASPECT_DEPTH_BIT)
        info.pDepthAttachment = &attachment;
    if (aspects & VK_IMAGE_ASPECT_STENCIL_BIT)
        info.pStencilAttachment = &attachment;

    // Pipelines first: nothing is recorded where one cannot be made.
    std::vector<VkImageAspectFlagBits> parts;
    for (VkImageAspectFlagBits aspect :
         {VK_IMAGE_ASPECT_COLOR_BIT, VK_IMAGE_ASPECT_DEPTH_BIT, VK_IMAGE_ASPECT_STENCIL_BIT}) {
        if (!(aspects & aspect))
            continue;
        key.aspect = aspect;
        pipeline(key);
        parts.push_back(aspect);
    }
    const VkCommandBuffer commands = queue_.transfer();
    vkCmdBeginRendering(commands, &info);
    const VkViewport viewport{0, 0, float(to.surface->desc().size.width), float(to.surface->desc().size.height), 0, 1};
    vkCmdSetViewportWithCount(commands, 1, &viewport);
    vkCmdSetScissorWithCount(commands, 1, &area);
    for (VkImageAspectFlagBits aspect : parts) {
        key.aspect = aspect;
        draw(commands, *views, key, sample);
    }
    vkCmdEndRendering(commands);
    queue_.keepAlive(std::move(views));
}

void SampleSheets::draw(VkCommandBuffer commands, const Views& views, const Key& key, uint32_t sample) {
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline(key));
    const VkDescriptorSet set = views.source(key.aspect);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 0, 1, &set, 0, nullptr);
    const auto pass = [&](Constants constants) {
        vkCmdPushConstants(commands, layout_, VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(constants), &constants);
        vkCmdDraw(commands, 3, 1, 0, 0);
    };
    if (key.aspect != VK_IMAGE_ASPECT_STENCIL_BIT) {
        pass({int32_t(sample), 0, 0});
        return;
    }
    const auto write = [&](uint32_t bits, uint32_t value) {
        vkCmdSetStencilWriteMask(commands, VK_STENCIL_FACE_FRONT_AND_BACK, bits);
        vkCmdSetStencilReference(commands, VK_STENCIL_FACE_FRONT_AND_BACK, value);
    };
    write(0xff, 0);
    pass({int32_t(sample), 0xff, 0xff});
    for (uint32_t bit = 1; bit < 0x100; bit <<= 1) {
        write(bit, 0xff);
        pass({int32_t(sample), bit, 0});
    }
}

VkPipeline SampleSheets::pipeline(const Key& key) {
    auto it = pipelines_.find(key);
    if (it == pipelines_.end())
        it = pipelines_.emplace(key, create(key)).first;
    return it->second;
}

VkPipeline SampleSheets::create(const Key& key) {
    const Module vertex(device_.handle(), vertexShader());
    const Module pixel(device_.handle(), pixelShader(key.aspect, key.fromSamples));
    const std::array stages{vertex.stage(VK_SHADER_STAGE_VERTEX_BIT), pixel.stage(VK_SHADER_STAGE_FRAGMENT_BIT)};
    const bool color = key.aspect == VK_IMAGE_ASPECT_COLOR_BIT;
    const bool depth = key.aspect == VK_IMAGE_ASPECT_DEPTH_BIT, stencil = key.aspect == VK_IMAGE_ASPECT_STENCIL_BIT;

    VkPipelineVertexInputStateCreateInfo vertices{VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
    VkPipelineInputAssemblyStateCreateInfo assembly{VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO};
    assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    VkPipelineViewportStateCreateInfo viewport{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
    VkPipelineRasterizationStateCreateInfo rasterization{VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
    rasterization.lineWidth = 1.0f;
    VkPipelineMultisampleStateCreateInfo multisample{VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
    multisample.rasterizationSamples = VkSampleCountFlagBits(key.targetSamples);
    multisample.pSampleMask = &key.sampleMask;
    VkPipelineDepthStencilStateCreateInfo tests{VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO};
    tests.depthTestEnable = tests.depthWriteEnable = depth;
    tests.depthCompareOp = VK_COMPARE_OP_ALWAYS;
    tests.stencilTestEnable = stencil;
    tests.front.passOp = VK_STENCIL_OP_REPLACE;
    tests.front.compareOp = VK_COMPARE_OP_ALWAYS;
    tests.back = tests.front;
    VkPipelineColorBlendAttachmentState target{};
    target.colorWriteMask =
        VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT | VK_COLOR_COMPONENT_B_BIT | VK_COLOR_COMPONENT_A_BIT;
    VkPipelineColorBlendStateCreateInfo blend{VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
    blend.attachmentCount = kFewestColorAttachments;
    blend.pAttachments = &target;
    std::vector<VkDynamicState> states{VK_DYNAMIC_STATE_VIEWPORT_WITH_COUNT, VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT};
    if (stencil)
        states.insert(states.end(), {VK_DYNAMIC_STATE_STENCIL_WRITE_MASK, VK_DYNAMIC_STATE_STENCIL_REFERENCE});
    VkPipelineDynamicStateCreateInfo dynamic{VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO};
    dynamic.dynamicStateCount = static_cast<uint32_t>(states.size());
    dynamic.pDynamicStates = states.data();
    VkPipelineRenderingCreateInfo rendering{VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO};
    const VkFormat colorFormat = color ? key.format : VK_FORMAT_UNDEFINED;
    rendering.colorAttachmentCount = kFewestColorAttachments;
    rendering.pColorAttachmentFormats = &colorFormat;
    if (!color) {
        rendering.depthAttachmentFormat = key.format;
        const bool both = key.format == VK_FORMAT_D24_UNORM_S8_UINT || key.format == VK_FORMAT_D32_SFLOAT_S8_UINT;
        rendering.stencilAttachmentFormat = both ? key.format : VK_FORMAT_UNDEFINED;
    }

    VkGraphicsPipelineCreateInfo create{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO, &rendering};
    create.stageCount = static_cast<uint32_t>(stages.size());
    create.pStages = stages.data();
    create.pVertexInputState = &vertices;
    create.pInputAssemblyState = &assembly;
    create.pViewportState = &viewport;
    create.pRasterizationState = &rasterization;
    create.pMultisampleState = &multisample;
    create.pDepthStencilState = &tests;
    create.pColorBlendState = &blend;
    create.pDynamicState = &dynamic;
    create.layout = layout_;
    VkPipeline pipeline = VK_NULL_HANDLE;
    check(vkCreateGraphicsPipelines(device_.handle(), VK_NULL_HANDLE, 1, &create, nullptr, &pipeline),
          "vkCreateGraphicsPipelines");
    return pipeline;
}

void SampleSheets::createLayouts() {
    const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 1, VK_SHADER_STAGE_FRAGMENT_BIT,
                                               nullptr};
    VkDescriptorSetLayoutCreateInfo set{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    set.bindingCount = 1;
    set.pBindings = &binding;
    if (setLayout_ == VK_NULL_HANDLE)
        check(vkCreateDescriptorSetLayout(device_.handle(), &set, nullptr, &setLayout_), "vkCreateDescriptorSetLayout");
    const VkPushConstantRange constants{VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(Constants)};
    VkPipelineLayoutCreateInfo create{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    create.setLayoutCount = 1;
    create.pSetLayouts = &setLayout_;
    create.pushConstantRangeCount = 1;
    create.pPushConstantRanges = &constants;
    check(vkCreatePipelineLayout(device_.handle(), &create, nullptr, &layout_), "vkCreatePipelineLayout");
}

} // namespace svga::device
