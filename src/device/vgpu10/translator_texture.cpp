// SPDX-License-Identifier: MIT
#include "device/vgpu10/translator_impl.h"

#include <algorithm>

namespace svga::vgpu10 {

using spv::Op;
using spv::StorageClass;

namespace {

struct DimensionShape {
    spv::Dim dim = spv::Dim::Dim2D;
    bool arrayed = false;
    bool multisampled = false;
    uint32_t coordinates = 0; ///< with the array index
    uint32_t offsets = 0;     ///< coordinates that take a texel offset
    uint32_t sizes = 0;       ///< components of a size query
};

DimensionShape shapeOf(ResourceDimension dimension) {
    switch (dimension) {
    case ResourceDimension::Buffer:
        return {spv::Dim::Buffer, false, false, 1, 0, 1};
    case ResourceDimension::Texture1D:
        return {spv::Dim::Dim1D, false, false, 1, 1, 1};
    case ResourceDimension::Texture1DArray:
        return {spv::Dim::Dim1D, true, false, 2, 1, 2};
    case ResourceDimension::Texture2D:
        return {spv::Dim::Dim2D, false, false, 2, 2, 2};
    case ResourceDimension::Texture2DArray:
        return {spv::Dim::Dim2D, true, false, 3, 2, 3};
    case ResourceDimension::Texture2DMS:
        return {spv::Dim::Dim2D, false, true, 2, 2, 2};
    case ResourceDimension::Texture2DMSArray:
        return {spv::Dim::Dim2D, true, true, 3, 2, 3};
    case ResourceDimension::Texture3D:
        return {spv::Dim::Dim3D, false, false, 3, 3, 3};
    case ResourceDimension::TextureCube:
        return {spv::Dim::Cube, false, false, 3, 0, 2};
    case ResourceDimension::TextureCubeArray:
        return {spv::Dim::Cube, true, false, 4, 0, 3};
    default:
        return {};
    }
}

uint8_t lowMask(uint32_t components) {
    return static_cast<uint8_t>((1 << components) - 1);
}

/// Standard sample patterns of D3D and Vulkan for 1, 2, 4, 8 and 16 samples, in sixteenths of a pixel from its centre:
/// the pattern of n samples starts at n - 1.
constexpr int8_t kSamplePositions[31][2] = {
    {0, 0},                                                                      // 1
    {4, 4},   {-4, -4},                                                          // 2
    {-2, -6}, {6, -2},  {-6, 2},  {2, 6},                                        // 4
    {1, -3},  {-1, 3},  {5, 1},   {-3, -5}, {-5, 5},  {-7, -1}, {3, 7}, {7, -7}, // 8
    {1, 1},   {-1, -3}, {-3, 2},  {4, -1},  {-5, -2}, {2, 5},   {5, 3}, {3, -5}, // 16
    {-2, 6},  {0, -7},  {-4, -6}, {-6, 4},  {-8, 0},  {7, -4},  {6, 7}, {-7, -8},
};

} // namespace

std::optional<std::array<float, 2>> standardSamplePosition(uint32_t count, uint32_t sample) {
    if (!std::has_single_bit(count) || count > 16 || sample >= count)
        return std::nullopt;
    const auto& position = kSamplePositions[count - 1 + sample];
    return std::array{static_cast<float>(position[0]) / 16, static_cast<float>(position[1]) / 16};
}

Translator::Image Translator::declareImage(ResourceDimension dimension, NumericType type, bool storage,
                                           spv::ImageFormat format, uint32_t binding) {
    const DimensionShape shape = shapeOf(dimension);
    require(shape.coordinates > 0, "resource is no texture");
    Image image;
    image.dimension = dimension;
    image.kind = type == NumericType::Float ? Kind::Float : type == NumericType::Sint ? Kind::Int : Kind::Uint;
    if (shape.dim == spv::Dim::Dim1D)
        b_.capability(storage ? spv::Capability::Image1D : spv::Capability::Sampled1D);
    else if (shape.dim == spv::Dim::Buffer)
        b_.capability(storage ? spv::Capability::ImageBuffer : spv::Capability::SampledBuffer);
    else if (shape.dim == spv::Dim::Cube && shape.arrayed)
        b_.capability(storage ? spv::Capability::ImageCubeArray : spv::Capability::SampledCubeArray);
    image.type = b_.imageType(image.kind, shape.dim, shape.arrayed, shape.multisampled, storage, format);
    image.variable = b_.variable(StorageClass::UniformConstant, image.type);
    b_.decorate(image.variable, spv::Decoration::DescriptorSet, {options_.bindings.set});
    b_.decorate(image.variable, spv::Decoration::Binding, {options_.bindings.base + binding});
    return image;
}

Translator::Image& Translator::image(const Operand& operand) {
    require(operand.type == VGPU10_OPERAND_TYPE_RESOURCE, "operand is no resource");
    const uint32_t slot = constantIndex(operand, 0);
    const auto declared = declarations_.resources.find(slot);
    require(declared != declarations_.resources.end(), "resource was not declared");
    const auto [found, added] = images_.try_emplace(slot);
    if (added) {
        found->second = declareImage(declared->second.dimension, declared->second.returnType, false,
                                     spv::ImageFormat::Unknown, BindingLayout::kShaderResources + slot);
        found->second.slot = slot;
    }
    return found->second;
}

Id Translator::loadImage(const Image& image) {
    return b_.op(Op::OpLoad, image.type, {image.variable});
}

Id Translator::sampledImage(const Image& image, const Operand& sampler) {
    require(sampler.type == VGPU10_OPERAND_TYPE_SAMPLER, "operand is no sampler");
    const DimensionShape shape = shapeOf(image.dimension);
    require(!shape.multisampled && shape.dim != spv::Dim::Buffer, "resource cannot be sampled");
    const uint32_t slot = constantIndex(sampler, 0);
    require(declarations_.samplers.contains(slot), "sampler was not declared");
    const auto [found, added] = samplers_.try_emplace(slot, 0);
    if (added) {
        found->second = b_.variable(StorageClass::UniformConstant, b_.samplerType());
        b_.decorate(found->second, spv::Decoration::DescriptorSet, {options_.bindings.set});
        b_.decorate(found->second, spv::Decoration::Binding,
                    {options_.bindings.base + BindingLayout::kSamplers + slot});
    }
    std::ranges::find(info_.samplers, slot, &ShaderInfo::Sampler::slot)->resources.set(image.slot);
    const Id loaded = b_.op(Op::OpLoad, b_.samplerType(), {found->second});
    return b_.op(Op::OpSampledImage, b_.sampledImageType(image.type), {loadImage(image), loaded});
}

std::optional<Id> Translator::constantOffset(const Instruction& i, const Image& image) {
    if (i.texelOffset == std::array<int8_t, 3>{})
        return std::nullopt;
    const uint32_t count = shapeOf(image.dimension).offsets;
    require(count > 0, "resource takes no texel offset");
    std::array<Id, 3> parts{};
    for (uint32_t c = 0; c < count; ++c)
        parts[c] = b_.constant(Kind::Int, static_cast<uint32_t>(static_cast<int32_t>(i.texelOffset[c])));
    return count == 1 ? parts[0] : b_.composite(b_.type(Kind::Int, count), std::span(parts).first(count));
}

/** \brief Stores what a resource gave, swizzled by the resource operand. */
void Translator::storeSwizzled(const Instruction& i, Value texel, const Operand& resource) {
    const Operand& destination = i.operands[0];
    std::array<uint8_t, 4> components{};
    uint32_t count = 0;
    for (uint32_t c = 0; c < 4; ++c)
        if (destination.mask & (1 << c))
            components[count++] = resource.swizzle[c];
    if (count == 0 || destination.type == VGPU10_OPERAND_TYPE_NULL)
        return;
    store(destination, shuffle(texel, std::span(components).first(count)), i.saturate());
}

void Translator::emitSample(const Instruction& i) {
    const Image& texture = image(i.operands[2]);
    const DimensionShape shape = shapeOf(texture.dimension);
    const bool compares = i.opcode == VGPU10_OPCODE_SAMPLE_C || i.opcode == VGPU10_OPCODE_SAMPLE_C_LZ;
    const bool implicit =
        program_.stage == Stage::Pixel &&
        (i.opcode == VGPU10_OPCODE_SAMPLE || i.opcode == VGPU10_OPCODE_SAMPLE_C || i.opcode == VGPU10_OPCODE_SAMPLE_B);
    const Id combined = sampledImage(texture, i.operands[3]);
    std::vector<uint32_t> operands{combined, load(i.operands[1], Kind::Float, lowMask(shape.coordinates)).id};
    if (compares) {
        require(texture.kind == Kind::Float && texture.dimension != ResourceDimension::Texture3D,
                "resource cannot be compared against");
        operands.push_back(loadScalar(i.operands[4], Kind::Float).id);
    }

    uint32_t which = 0;
    std::vector<uint32_t> imageOperands;
    const auto add = [&](spv::ImageOperandsMask bit, std::initializer_list<uint32_t> values) {
        which |= static_cast<uint32_t>(bit);
        imageOperands.insert(imageOperands.end(), values);
    };
    // In the order of the mask's bits: Bias, Lod, Grad, ConstOffset.
    if (i.opcode == VGPU10_OPCODE_SAMPLE_D) {
        const uint8_t mask = lowMask(shape.dim == spv::Dim::Cube ? 3 : shape.offsets);
        add(spv::ImageOperandsMask::Grad,
            {load(i.operands[4], Kind::Float, mask).id, load(i.operands[5], Kind::Float, mask).id});
    } else if (i.opcode == VGPU10_OPCODE_SAMPLE_L || (i.opcode == VGPU10_OPCODE_SAMPLE_B && !implicit)) {
        // Outside of pixel shaders the level is zero before a bias.
        add(spv::ImageOperandsMask::Lod, {loadScalar(i.operands[4], Kind::Float).id});
    } else if (i.opcode == VGPU10_OPCODE_SAMPLE_B) {
        add(spv::ImageOperandsMask::Bias, {loadScalar(i.operands[4], Kind::Float).id});
    } else if (!implicit) {
        add(spv::ImageOperandsMask::Lod, {b_.constant(Kind::Float, 0)});
    }
    if (const auto offset = constantOffset(i, texture))
        add(spv::ImageOperandsMask::ConstOffset, {*offset});
    if (which) {
        operands.push_back(which);
        operands.insert(operands.end(), imageOperands.begin(), imageOperands.end());
    }

    if (compares) {
        const Op opcode = implicit ? Op::OpImageSampleDrefImplicitLod : Op::OpImageSampleDrefExplicitLod;
        const Value result{b_.op(opcode, b_.type(Kind::Float), operands), Kind::Float, 1};
        storeSwizzled(i, result, i.operands[2]);
        return;
    }
    const Op opcode = implicit ? Op::OpImageSampleImplicitLod : Op::OpImageSampleExplicitLod;
    storeSwizzled(i, {b_.op(opcode, b_.type(texture.kind, 4), operands), texture.kind, 4}, i.operands[2]);
}

void Translator::emitGather(const Instruction& i) {
    const bool programmable = i.opcode == VGPU10_OPCODE_GATHER4_PO || i.opcode == VGPU10_OPCODE_GATHER4_PO_C;
    const bool compares = i.opcode == VGPU10_OPCODE_GATHER4_C || i.opcode == VGPU10_OPCODE_GATHER4_PO_C;
    const size_t resource = programmable ? 3 : 2;
    const Image& texture = image(i.operands[resource]);
    const DimensionShape shape = shapeOf(texture.dimension);
    require(shape.dim == spv::Dim::Dim2D || shape.dim == spv::Dim::Cube, "resource cannot be gathered from");
    const Operand& sampler = i.operands[resource + 1];
    std::vector<uint32_t> operands{sampledImage(texture, sampler),
                                   load(i.operands[1], Kind::Float, lowMask(shape.coordinates)).id};
    if (compares) {
        require(texture.kind == Kind::Float, "resource cannot be compared against");
        operands.push_back(loadScalar(i.operands[resource + 2], Kind::Float).id);
    } else {
        operands.push_back(b_.constant(Kind::Uint, sampler.swizzle[0]));
    }
    if (programmable) {
        require(shape.offsets == 2, "resource takes no texel offset");
        b_.capability(spv::Capability::ImageGatherExtended);
        // Offsets are the low six bits, signed.
        const Value words = load(i.operands[2], Kind::Int, 0x3);
        const Value shift = constantValue(Kind::Uint, 26, 2);
        const Value offset =
            op(Op::OpShiftRightArithmetic, Kind::Int, op(Op::OpShiftLeftLogical, Kind::Int, words, shift), shift);
        operands.push_back(static_cast<uint32_t>(spv::ImageOperandsMask::Offset));
        operands.push_back(offset.id);
    } else if (const auto offset = constantOffset(i, texture)) {
        operands.push_back(static_cast<uint32_t>(spv::ImageOperandsMask::ConstOffset));
        operands.push_back(*offset);
    }
    const Op opcode = compares ? Op::OpImageDrefGather : Op::OpImageGather;
    storeSwizzled(i, {b_.op(opcode, b_.type(texture.kind, 4), operands), texture.kind, 4}, i.operands[resource]);
}

void Translator::emitFetch(const Instruction& i) {
    const Image& texture = image(i.operands[2]);
    const DimensionShape shape = shapeOf(texture.dimension);
    const bool multisampled = i.opcode == VGPU10_OPCODE_LD_MS;
    require(shape.dim != spv::Dim::Cube, "texels of a cube cannot be fetched");
    require(multisampled == shape.multisampled, "instruction does not fit the resource's sample count");
    Value coordinates = load(i.operands[1], Kind::Int, lowMask(shape.coordinates));
    if (shape.multisampled && i.texelOffset != std::array<int8_t, 3>{}) {
        // Vulkan has offsets for fetches without samples alone; adding them is the same.
        std::array<Id, 4> parts{};
        for (uint32_t c = 0; c < shape.coordinates; ++c)
            parts[c] = b_.constant(
                Kind::Int, c < shape.offsets ? static_cast<uint32_t>(static_cast<int32_t>(i.texelOffset[c])) : 0);
        const Id offset =
            b_.composite(b_.type(Kind::Int, shape.coordinates), std::span(parts).first(shape.coordinates));
        coordinates = op(Op::OpIAdd, Kind::Int, coordinates, {offset, Kind::Int, shape.coordinates});
    }
    std::vector<uint32_t> operands{loadImage(texture), coordinates.id};
    if (multisampled) {
        operands.push_back(static_cast<uint32_t>(spv::ImageOperandsMask::Sample));
        operands.push_back(loadScalar(i.operands[3], Kind::Int).id);
    } else if (shape.dim != spv::Dim::Buffer) {
        const auto offset = constantOffset(i, texture);
        auto which = static_cast<uint32_t>(spv::ImageOperandsMask::Lod);
        if (offset)
            which |= static_cast<uint32_t>(spv::ImageOperandsMask::ConstOffset);
        operands.push_back(which);
        operands.push_back(load(i.operands[1], Kind::Int, 0x8).id); // the level is in w
        if (offset)
            operands.push_back(*offset);
    }
    storeSwizzled(i, {b_.op(Op::OpImageFetch, b_.type(texture.kind, 4), operands), texture.kind, 4}, i.operands[2]);
}

void Translator::emitLod(const Instruction& i) {
    requireStage(Stage::Pixel);
    const Image& texture = image(i.operands[2]);
    const DimensionShape shape = shapeOf(texture.dimension);
    b_.capability(spv::Capability::ImageQuery);
    const Id combined = sampledImage(texture, i.operands[3]);
    const uint32_t coordinates = shape.arrayed ? shape.coordinates - 1 : shape.coordinates;
    const Id level = b_.op(Op::OpImageQueryLod, b_.type(Kind::Float, 2),
                           {combined, load(i.operands[1], Kind::Float, lowMask(coordinates)).id});
    storeSwizzled(i, zeroExtend({level, Kind::Float, 2}, 4), i.operands[2]);
}

/** \brief Sizes in x, y and z, levels in w. A level that does not exist has no size. */
void Translator::emitResourceInfo(const Instruction& i) {
    const Operand& resource = i.operands[2];
    const bool isUav = resource.type == VGPU10_OPERAND_TYPE_UAV;
    const Image& texture = isUav ? uavImage(resource) : image(resource);
    const DimensionShape shape = shapeOf(texture.dimension);
    require(shape.dim != spv::Dim::Buffer, "resource is a buffer");
    b_.capability(spv::Capability::ImageQuery);
    const Id loaded = loadImage(texture);
    const Id type = b_.type(Kind::Uint, shape.sizes);
    Value size{0, Kind::Uint, shape.sizes};
    Value levels = constantValue(Kind::Uint, 1);
    if (isUav || shape.multisampled) {
        size.id = b_.op(Op::OpImageQuerySize, type, {loaded});
    } else {
        levels = {b_.op(Op::OpImageQueryLevels, b_.type(Kind::Uint), {loaded}), Kind::Uint, 1};
        const Value level = loadScalar(i.operands[1], Kind::Uint);
        const Value exists = op(Op::OpULessThan, Kind::Bool, level, levels);
        const Value safe = select(exists, level, constantValue(Kind::Uint, 0));
        size.id = b_.op(Op::OpImageQuerySizeLod, type, {loaded, safe.id});
        size = select(shape.sizes == 1 ? exists : replicate(exists, shape.sizes), size,
                      constantValue(Kind::Uint, 0, shape.sizes));
    }
    const uint32_t returnType = (i.control >> 11) & 3;
    const uint32_t spatial = shape.arrayed ? shape.sizes - 1 : shape.sizes;
    std::array<Id, 4> parts{};
    for (uint32_t c = 0; c < 4; ++c) {
        Value part = c == 3 ? levels : c < shape.sizes ? extract(size, c) : constantValue(Kind::Uint, 0);
        if (returnType != VGPU10_RESINFO_RETURN_UINT) {
            part = op(Op::OpConvertUToF, Kind::Float, part);
            if (returnType == VGPU10_RESINFO_RETURN_RCPFLOAT && c < spatial)
                part = op(Op::OpFDiv, Kind::Float, floatValue(1.0f), part);
        }
        parts[c] = part.id;
    }
    const Kind kind = returnType == VGPU10_RESINFO_RETURN_UINT ? Kind::Uint : Kind::Float;
    storeSwizzled(i, construct(kind, parts), resource);
}

Value Translator::querySamples(const Operand& operand) {
    if (operand.type == VGPU10_OPERAND_TYPE_RASTERIZER) {
        requireStage(Stage::Pixel);
        return constantValue(Kind::Uint, options_.rasterizerSamples);
    }
    const Image& texture = image(operand);
    if (!shapeOf(texture.dimension).multisampled)
        return constantValue(Kind::Uint, 1);
    b_.capability(spv::Capability::ImageQuery);
    return {b_.op(Op::OpImageQuerySamples, b_.type(Kind::Uint), {loadImage(texture)}), Kind::Uint, 1};
}

void Translator::emitSampleInfo(const Instruction& i) {
    Value count = querySamples(i.operands[1]);
    if (((i.control >> 11) & 3) != VGPU10_INSTRUCTION_RETURN_UINT)
        count = op(Op::OpConvertUToF, Kind::Float, count);
    storeSwizzled(i, zeroExtend(count, 4), i.operands[1]);
}

Id Translator::samplePositionTable() {
    if (!samplePositions_) {
        const Id pairType = b_.type(Kind::Float, 2);
        std::vector<Id> elements;
        const auto add = [&](float x, float y) {
            const Id parts[] = {b_.constant(Kind::Float, std::bit_cast<uint32_t>(x)),
                                b_.constant(Kind::Float, std::bit_cast<uint32_t>(y))};
            elements.push_back(b_.composite(pairType, parts));
        };
        for (const auto& position : kSamplePositions)
            add(static_cast<float>(position[0]) / 16, static_cast<float>(position[1]) / 16);
        const Id type = b_.arrayType(pairType, static_cast<uint32_t>(elements.size()));
        samplePositions_ = b_.variable(StorageClass::Private, type, b_.composite(type, elements));
    }
    return samplePositions_;
}

/** \brief Offset from the pixel's centre; zero for a sample that does not exist or a count without standard pattern. */
void Translator::emitSamplePosition(const Instruction& i) {
    const Value count = querySamples(i.operands[1]);
    const Value sample = loadScalar(i.operands[2], Kind::Uint);
    const Value index =
        op(Op::OpIAdd, Kind::Uint, sample, op(Op::OpISub, Kind::Uint, count, constantValue(Kind::Uint, 1)));
    const Value inTable =
        op(Op::OpULessThan, Kind::Bool, index, constantValue(Kind::Uint, std::size(kSamplePositions)));
    const Value exists = op(Op::OpLogicalAnd, Kind::Bool, op(Op::OpULessThan, Kind::Bool, sample, count), inTable);
    const Value safe = select(exists, index, constantValue(Kind::Uint, 0)); // the centre
    const Id pointer = b_.op(Op::OpAccessChain, b_.pointerType(StorageClass::Private, b_.type(Kind::Float, 2)),
                             {samplePositionTable(), safe.id});
    storeSwizzled(i, zeroExtend(loadVariable(pointer, Kind::Float, 2), 4), i.operands[1]);
}

bool Translator::emitDerivative(const Instruction& i) {
    Op opcode;
    bool control = true;
    switch (i.opcode) {
    case VGPU10_OPCODE_DERIV_RTX:
        opcode = Op::OpDPdx;
        control = false;
        break;
    case VGPU10_OPCODE_DERIV_RTY:
        opcode = Op::OpDPdy;
        control = false;
        break;
    case VGPU10_OPCODE_DERIV_RTX_COARSE:
        opcode = Op::OpDPdxCoarse;
        break;
    case VGPU10_OPCODE_DERIV_RTY_COARSE:
        opcode = Op::OpDPdyCoarse;
        break;
    case VGPU10_OPCODE_DERIV_RTX_FINE:
        opcode = Op::OpDPdxFine;
        break;
    case VGPU10_OPCODE_DERIV_RTY_FINE:
        opcode = Op::OpDPdyFine;
        break;
    default:
        return false;
    }
    requireStage(Stage::Pixel);
    if (control)
        b_.capability(spv::Capability::DerivativeControl);
    if (i.operands[0].mask != 0 && i.operands[0].type != VGPU10_OPERAND_TYPE_NULL)
        store(i.operands[0], op(opcode, Kind::Float, load(i.operands[1], Kind::Float, i.operands[0].mask)),
              i.saturate());
    return true;
}

bool Translator::emitTexture(const Instruction& i) {
    switch (i.opcode) {
    case VGPU10_OPCODE_SAMPLE:
    case VGPU10_OPCODE_SAMPLE_B:
    case VGPU10_OPCODE_SAMPLE_C:
    case VGPU10_OPCODE_SAMPLE_C_LZ:
    case VGPU10_OPCODE_SAMPLE_D:
    case VGPU10_OPCODE_SAMPLE_L:
        emitSample(i);
        return true;
    case VGPU10_OPCODE_GATHER4:
    case VGPU10_OPCODE_GATHER4_C:
    case VGPU10_OPCODE_GATHER4_PO:
    case VGPU10_OPCODE_GATHER4_PO_C:
        emitGather(i);
        return true;
    case VGPU10_OPCODE_LD:
    case VGPU10_OPCODE_LD_MS:
        emitFetch(i);
        return true;
    case VGPU10_OPCODE_LOD:
        emitLod(i);
        return true;
    case VGPU10_OPCODE_RESINFO:
        emitResourceInfo(i);
        return true;
    case VGPU10_OPCODE_SAMPLE_INFO:
        emitSampleInfo(i);
        return true;
    case VGPU10_OPCODE_SAMPLE_POS:
        emitSamplePosition(i);
        return true;
    case VGPU10_OPCODE_BUFINFO:
        emitBufferInfo(i);
        return true;
    default:
        return emitDerivative(i);
    }
}

} // namespace svga::vgpu10
