// SPDX-License-Identifier: MIT
#include "device/vgpu10/translator_impl.h"

#include <algorithm>

namespace svga::vgpu10 {

using spv::Op;
using spv::StorageClass;

namespace {

constexpr auto kDeviceScope = static_cast<uint32_t>(spv::Scope::Device);
constexpr auto kWorkgroupScope = static_cast<uint32_t>(spv::Scope::Workgroup);

struct AtomicOp {
    Op opcode;
    bool isSigned = false;
};

std::optional<AtomicOp> atomicOf(uint32_t opcode) {
    switch (opcode) {
    case VGPU10_OPCODE_ATOMIC_AND:
    case VGPU10_OPCODE_IMM_ATOMIC_AND:
        return AtomicOp{Op::OpAtomicAnd};
    case VGPU10_OPCODE_ATOMIC_OR:
    case VGPU10_OPCODE_IMM_ATOMIC_OR:
        return AtomicOp{Op::OpAtomicOr};
    case VGPU10_OPCODE_ATOMIC_XOR:
    case VGPU10_OPCODE_IMM_ATOMIC_XOR:
        return AtomicOp{Op::OpAtomicXor};
    case VGPU10_OPCODE_ATOMIC_IADD:
    case VGPU10_OPCODE_IMM_ATOMIC_IADD:
        return AtomicOp{Op::OpAtomicIAdd};
    case VGPU10_OPCODE_ATOMIC_IMAX:
    case VGPU10_OPCODE_IMM_ATOMIC_IMAX:
        return AtomicOp{Op::OpAtomicSMax, true};
    case VGPU10_OPCODE_ATOMIC_IMIN:
    case VGPU10_OPCODE_IMM_ATOMIC_IMIN:
        return AtomicOp{Op::OpAtomicSMin, true};
    case VGPU10_OPCODE_ATOMIC_UMAX:
    case VGPU10_OPCODE_IMM_ATOMIC_UMAX:
        return AtomicOp{Op::OpAtomicUMax};
    case VGPU10_OPCODE_ATOMIC_UMIN:
    case VGPU10_OPCODE_IMM_ATOMIC_UMIN:
        return AtomicOp{Op::OpAtomicUMin};
    case VGPU10_OPCODE_IMM_ATOMIC_EXCH:
        return AtomicOp{Op::OpAtomicExchange};
    case VGPU10_OPCODE_ATOMIC_CMP_STORE:
    case VGPU10_OPCODE_IMM_ATOMIC_CMP_EXCH:
        return AtomicOp{Op::OpAtomicCompareExchange};
    default:
        return std::nullopt;
    }
}

uint32_t coordinatesOf(ResourceDimension dimension) {
    switch (dimension) {
    case ResourceDimension::Buffer:
    case ResourceDimension::Texture1D:
        return 1;
    case ResourceDimension::Texture1DArray:
    case ResourceDimension::Texture2D:
        return 2;
    default:
        return 3;
    }
}

} // namespace

/** \brief The words behind a raw or structured view or shared memory. */
Translator::Memory& Translator::memory(const Operand& operand) {
    const uint32_t slot = constantIndex(operand, 0);
    const auto [found, added] = memories_.try_emplace({operand.type, slot});
    Memory& memory = found->second;
    if (!added)
        return memory;
    const Id word = b_.type(Kind::Uint);
    const auto buffer = [&](ResourceDimension dimension, uint32_t stride, bool writable, uint32_t binding) {
        require(dimension == ResourceDimension::RawBuffer || dimension == ResourceDimension::StructuredBuffer,
                "resource is neither raw nor structured");
        memory.stride = stride;
        memory.writable = writable;
        memory.variable = b_.variable(StorageClass::StorageBuffer, b_.bufferBlock(word, 4, 0, !writable));
        b_.decorate(memory.variable, spv::Decoration::DescriptorSet, {options_.bindings.set});
        b_.decorate(memory.variable, spv::Decoration::Binding, {options_.bindings.base + binding});
    };
    switch (operand.type) {
    case VGPU10_OPERAND_TYPE_RESOURCE: {
        const auto declared = declarations_.resources.find(slot);
        require(declared != declarations_.resources.end(), "resource was not declared");
        buffer(declared->second.dimension, declared->second.stride, false, BindingLayout::kShaderResources + slot);
        break;
    }
    case VGPU10_OPERAND_TYPE_UAV: {
        const auto declared = declarations_.uavs.find(slot);
        require(declared != declarations_.uavs.end(), "unordered access view was not declared");
        buffer(declared->second.dimension, declared->second.stride, true, BindingLayout::kUavs + slot);
        if (declared->second.coherent)
            b_.decorate(memory.variable, spv::Decoration::Coherent);
        break;
    }
    case VGPU10_OPERAND_TYPE_THREAD_GROUP_SHARED_MEMORY: {
        const auto declared = declarations_.sharedMemory.find(slot);
        require(declared != declarations_.sharedMemory.end(), "shared memory was not declared");
        memory.storage = StorageClass::Workgroup;
        memory.words = (declared->second.bytes + 3) / 4;
        memory.stride = declared->second.stride;
        memory.writable = true;
        memory.variable = b_.variable(StorageClass::Workgroup, b_.arrayType(word, memory.words));
        break;
    }
    default:
        fail("operand is no memory");
    }
    return memory;
}

/** \brief Whether a word of shared memory exists. Buffers are bounded by their descriptor's range instead. */
Value Translator::inBounds(const Memory& memory, Value word) {
    return op(Op::OpULessThan, Kind::Bool, word, constantValue(Kind::Uint, memory.words));
}

Id Translator::wordPointer(const Memory& memory, Value word) {
    const Id type = b_.pointerType(memory.storage, b_.type(Kind::Uint));
    if (memory.words)
        return b_.op(Op::OpAccessChain, type, {memory.variable, word.id});
    return b_.op(Op::OpAccessChain, type, {memory.variable, b_.constant(Kind::Uint, 0), word.id});
}

/** \brief Word index of a byte offset into structure number \p structure. */
Value Translator::structureWord(const Memory& memory, const Operand& structure, const Operand& offset) {
    require(memory.stride > 0, "resource is not structured");
    const Value base =
        op(Op::OpIMul, Kind::Uint, loadScalar(structure, Kind::Uint), constantValue(Kind::Uint, memory.stride / 4));
    const Value word =
        op(Op::OpShiftRightLogical, Kind::Uint, loadScalar(offset, Kind::Uint), constantValue(Kind::Uint, 2));
    return op(Op::OpIAdd, Kind::Uint, base, word);
}

void Translator::emitLoadWords(const Instruction& i, const Operand& target, Value word) {
    const Operand& destination = i.operands[0];
    const Memory& source = memory(target);
    if (destination.type == VGPU10_OPERAND_TYPE_NULL || destination.mask == 0)
        return;
    std::array<Id, 4> parts{};
    uint32_t count = 0;
    for (uint32_t c = 0; c < 4; ++c) {
        if (!(destination.mask & (1 << c)))
            continue;
        Value at = op(Op::OpIAdd, Kind::Uint, word, constantValue(Kind::Uint, target.swizzle[c]));
        if (source.words) {
            const Value inside = inBounds(source, at);
            at = select(inside, at, constantValue(Kind::Uint, 0));
            const Value loaded = loadVariable(wordPointer(source, at), Kind::Uint, 1);
            parts[count++] = select(inside, loaded, constantValue(Kind::Uint, 0)).id;
        } else {
            parts[count++] = loadVariable(wordPointer(source, at), Kind::Uint, 1).id;
        }
    }
    store(destination, construct(Kind::Uint, std::span(parts).first(count)));
}

void Translator::emitStoreWords(const Instruction&, const Operand& target, Value word, const Operand& source) {
    const Memory& memory = this->memory(target);
    require(memory.writable, "resource cannot be written");
    if (target.mask == 0)
        return;
    const Value values = load(source, Kind::Uint, target.mask);
    uint32_t from = 0;
    for (uint32_t c = 0; c < 4; ++c) {
        if (!(target.mask & (1 << c)))
            continue;
        const Value at = op(Op::OpIAdd, Kind::Uint, word, constantValue(Kind::Uint, c));
        const Value value = extract(values, from++);
        if (!memory.words) {
            b_.effect(Op::OpStore, {wordPointer(memory, at), value.id});
            continue;
        }
        const Id then = b_.newId(), merge = b_.newId();
        const Value inside = inBounds(memory, at);
        b_.effect(Op::OpSelectionMerge, {merge, 0});
        b_.effect(Op::OpBranchConditional, {inside.id, then, merge});
        openBlock(then);
        b_.effect(Op::OpStore, {wordPointer(memory, at), value.id});
        branch(merge);
        openBlock(merge);
    }
}

Translator::Image& Translator::uavImage(const Operand& operand) {
    require(operand.type == VGPU10_OPERAND_TYPE_UAV, "operand is no unordered access view");
    const uint32_t slot = constantIndex(operand, 0);
    const auto declared = declarations_.uavs.find(slot);
    require(declared != declarations_.uavs.end(), "unordered access view was not declared");
    const UavDeclaration& uav = declared->second;
    const auto [found, added] = uavImages_.try_emplace(slot);
    if (!added)
        return found->second;
    // Atomic operations need a format; everything else takes the view's, whatever it is.
    auto format = spv::ImageFormat::Unknown;
    if (uav.atomic)
        format = uav.returnType == NumericType::Float  ? spv::ImageFormat::R32f
                 : uav.returnType == NumericType::Sint ? spv::ImageFormat::R32i
                                                       : spv::ImageFormat::R32ui;
    found->second = declareImage(uav.dimension, uav.returnType, true, format, BindingLayout::kUavs + slot);
    if (uav.coherent)
        b_.decorate(found->second.variable, spv::Decoration::Coherent);
    return found->second;
}

void Translator::emitLoadTyped(const Instruction& i) {
    const Image& image = uavImage(i.operands[2]);
    require(image.dimension != ResourceDimension::TextureCube && image.dimension != ResourceDimension::TextureCubeArray,
            "cube views cannot be accessed");
    b_.capability(spv::Capability::StorageImageReadWithoutFormat);
    const auto mask = static_cast<uint8_t>((1 << coordinatesOf(image.dimension)) - 1);
    const Id texel =
        b_.op(Op::OpImageRead, b_.type(image.kind, 4), {loadImage(image), load(i.operands[1], Kind::Int, mask).id});
    storeSwizzled(i, {texel, image.kind, 4}, i.operands[2]);
}

void Translator::emitStoreTyped(const Instruction& i) {
    const Image& image = uavImage(i.operands[0]);
    require(image.dimension != ResourceDimension::TextureCube && image.dimension != ResourceDimension::TextureCubeArray,
            "cube views cannot be accessed");
    b_.capability(spv::Capability::StorageImageWriteWithoutFormat);
    const auto mask = static_cast<uint8_t>((1 << coordinatesOf(image.dimension)) - 1);
    const Value coordinates = load(i.operands[1], Kind::Int, mask);
    b_.effect(Op::OpImageWrite, {loadImage(image), coordinates.id, load(i.operands[2], image.kind, 0xf).id});
}

/**
 * \brief Pointer to the word that an atomic operates on; \p bounds has an id where it may lie out of bounds.
 * \param exchanges what VGPU10 does to floats as well
 */
Id Translator::atomicPointer(const Operand& target, const Operand& address, bool exchanges, Kind& kind, Value& bounds) {
    const auto slot = constantIndex(target, 0);
    const auto uav = declarations_.uavs.find(slot);
    const bool typed = target.type == VGPU10_OPERAND_TYPE_UAV && uav != declarations_.uavs.end() &&
                       uav->second.dimension != ResourceDimension::RawBuffer &&
                       uav->second.dimension != ResourceDimension::StructuredBuffer;
    if (typed) {
        const Image& image = uavImage(target);
        require(image.kind != Kind::Float || exchanges, "atomic operation on a float view");
        require(image.kind != Kind::Float || options_.floatImageAtomics, "this GPU exchanges no floats in images");
        require(image.dimension != ResourceDimension::TextureCube &&
                    image.dimension != ResourceDimension::TextureCubeArray,
                "cube views cannot be accessed");
        kind = image.kind;
        const auto mask = static_cast<uint8_t>((1 << coordinatesOf(image.dimension)) - 1);
        const Value coordinates = load(address, Kind::Int, mask);
        return b_.op(Op::OpImageTexelPointer, b_.pointerType(StorageClass::Image, b_.type(kind)),
                     {image.variable, coordinates.id, b_.constant(Kind::Uint, 0)});
    }
    const Memory& memory = this->memory(target);
    require(memory.writable, "resource cannot be written");
    kind = Kind::Uint;
    Value word;
    if (memory.stride > 0) {
        const Value parts = load(address, Kind::Uint, 0x3);
        const Value base = op(Op::OpIMul, Kind::Uint, extract(parts, 0), constantValue(Kind::Uint, memory.stride / 4));
        word = op(Op::OpIAdd, Kind::Uint, base,
                  op(Op::OpShiftRightLogical, Kind::Uint, extract(parts, 1), constantValue(Kind::Uint, 2)));
    } else {
        word = op(Op::OpShiftRightLogical, Kind::Uint, loadScalar(address, Kind::Uint), constantValue(Kind::Uint, 2));
    }
    if (memory.words) {
        bounds = inBounds(memory, word);
        word = select(bounds, word, constantValue(Kind::Uint, 0));
    }
    return wordPointer(memory, word);
}

void Translator::emitAtomic(const Instruction& i, bool returns) {
    const AtomicOp atomic = *atomicOf(i.opcode);
    const size_t first = returns ? 1 : 0; // target, address, values
    const bool compares = atomic.opcode == Op::OpAtomicCompareExchange;
    Kind kind = Kind::Uint;
    Value bounds;
    // Values first: what they do must not lie between the test of bounds and its use.
    const bool exchanges = atomic.opcode == Op::OpAtomicExchange;
    const Id pointer = atomicPointer(i.operands[first], i.operands[first + 1], exchanges, kind, bounds);
    const Id value = loadScalar(i.operands[first + 2], kind).id;
    const Id exchange = compares ? loadScalar(i.operands[first + 3], kind).id : 0;

    const Id scope = b_.constant(Kind::Uint, kDeviceScope), relaxed = b_.constant(Kind::Uint, 0);
    const Id type = b_.type(kind);
    const auto operate = [&] {
        if (compares) // VGPU10 names what is compared with first
            return b_.op(atomic.opcode, type, {pointer, scope, relaxed, relaxed, exchange, value});
        return b_.op(atomic.opcode, type, {pointer, scope, relaxed, value});
    };
    Value result{0, kind, 1};
    if (bounds.id) {
        const Id then = b_.newId(), merge = b_.newId(), before = b_.newId();
        branch(before);
        openBlock(before);
        b_.effect(Op::OpSelectionMerge, {merge, 0});
        b_.effect(Op::OpBranchConditional, {bounds.id, then, merge});
        openBlock(then);
        const Id old = operate();
        branch(merge);
        openBlock(merge);
        result.id = b_.op(Op::OpPhi, type, {old, then, b_.constant(kind, 0), before});
    } else {
        result.id = operate();
    }
    if (returns)
        store(i.operands[0], result);
}

void Translator::emitSync(const Instruction& i) {
    const bool threads = i.control & (1u << 11), shared = i.control & (1u << 12);
    const bool group = i.control & (1u << 13), global = i.control & (1u << 14);
    require(program_.stage == Stage::Compute || (!threads && !shared), "needs a thread group");
    auto semantics = static_cast<uint32_t>(spv::MemorySemanticsMask::AcquireRelease);
    if (shared)
        semantics |= static_cast<uint32_t>(spv::MemorySemanticsMask::WorkgroupMemory);
    if (group || global)
        semantics |= static_cast<uint32_t>(spv::MemorySemanticsMask::UniformMemory) |
                     static_cast<uint32_t>(spv::MemorySemanticsMask::ImageMemory);
    const Id scope = b_.constant(Kind::Uint, global ? kDeviceScope : kWorkgroupScope);
    if (threads && !shared && !group && !global)
        semantics = 0;
    if (threads)
        b_.effect(Op::OpControlBarrier,
                  {b_.constant(Kind::Uint, kWorkgroupScope), scope, b_.constant(Kind::Uint, semantics)});
    else if (shared || group || global)
        b_.effect(Op::OpMemoryBarrier, {scope, b_.constant(Kind::Uint, semantics)});
}

/** \brief Number of elements: typed by the format, structured by the stride, raw by bytes. */
void Translator::emitBufferInfo(const Instruction& i) {
    const Operand& resource = i.operands[1];
    const bool isUav = resource.type == VGPU10_OPERAND_TYPE_UAV;
    require(isUav || resource.type == VGPU10_OPERAND_TYPE_RESOURCE, "operand is no resource");
    const uint32_t slot = constantIndex(resource, 0);
    ResourceDimension dimension = ResourceDimension::Unknown;
    if (isUav && declarations_.uavs.contains(slot))
        dimension = declarations_.uavs.at(slot).dimension;
    else if (!isUav && declarations_.resources.contains(slot))
        dimension = declarations_.resources.at(slot).dimension;
    Value count{0, Kind::Uint, 1};
    if (dimension == ResourceDimension::Buffer) {
        b_.capability(spv::Capability::ImageQuery);
        const Image& buffer = isUav ? uavImage(resource) : image(resource);
        count.id = b_.op(Op::OpImageQuerySize, b_.type(Kind::Uint), {loadImage(buffer)});
    } else {
        const Memory& buffer = memory(resource);
        require(buffer.words == 0, "resource is no buffer");
        count.id = b_.op(Op::OpArrayLength, b_.type(Kind::Uint), {buffer.variable, 0});
        if (buffer.stride > 0)
            count = op(Op::OpUDiv, Kind::Uint, count, constantValue(Kind::Uint, buffer.stride / 4));
        else
            count = op(Op::OpShiftLeftLogical, Kind::Uint, count, constantValue(Kind::Uint, 2));
    }
    storeSwizzled(i, count, resource);
}

bool Translator::emitMemory(const Instruction& i) {
    const auto rawWord = [&](const Operand& offset) {
        return op(Op::OpShiftRightLogical, Kind::Uint, loadScalar(offset, Kind::Uint), constantValue(Kind::Uint, 2));
    };
    switch (i.opcode) {
    case VGPU10_OPCODE_LD_RAW:
        emitLoadWords(i, i.operands[2], rawWord(i.operands[1]));
        return true;
    case VGPU10_OPCODE_STORE_RAW:
        emitStoreWords(i, i.operands[0], rawWord(i.operands[1]), i.operands[2]);
        return true;
    case VGPU10_OPCODE_LD_STRUCTURED:
        emitLoadWords(i, i.operands[3], structureWord(memory(i.operands[3]), i.operands[1], i.operands[2]));
        return true;
    case VGPU10_OPCODE_STORE_STRUCTURED:
        emitStoreWords(i, i.operands[0], structureWord(memory(i.operands[0]), i.operands[1], i.operands[2]),
                       i.operands[3]);
        return true;
    case VGPU10_OPCODE_LD_UAV_TYPED:
        emitLoadTyped(i);
        return true;
    case VGPU10_OPCODE_STORE_UAV_TYPED:
        emitStoreTyped(i);
        return true;
    case VGPU10_OPCODE_SYNC:
        emitSync(i);
        return true;
    default:
        break;
    }
    if (!atomicOf(i.opcode))
        return false;
    emitAtomic(i, i.opcode >= VGPU10_OPCODE_IMM_ATOMIC_ALLOC);
    return true;
}

} // namespace svga::vgpu10
