// SPDX-License-Identifier: MIT
/**
 * \file
 * What a shader declares, gathered from its instruction list and checked: registers, resources, stage properties.
 *
 * Everything that the translator indexes by a number from the shader is bounded here: register numbers, array sizes,
 * resource slots. A hull shader is split into its phases; every other shader is a single phase.
 */
#pragma once

#include "device/vgpu10/decoder.h"

#include <map>

namespace svga::vgpu10 {

/// Interface locations: registers that pass between stages.
inline constexpr uint32_t kMaxLocations = 32;
/// Register numbers, counting those that system values occupy past the interface's.
inline constexpr uint32_t kMaxRegisters = 64;

/** \brief One DCL_INPUT* or DCL_OUTPUT*: some components of a register. A register may be declared in several parts. */
struct RegisterDeclaration {
    uint32_t index = 0;
    uint8_t mask = 0;
    uint32_t systemValue = 0;   ///< VGPU10_SYSTEM_NAME, 0: none
    uint32_t interpolation = 0; ///< VGPU10_INTERPOLATION_MODE
    uint32_t stream = 0;        ///< geometry outputs
};

struct ResourceDeclaration {
    ResourceDimension dimension = ResourceDimension::Unknown;
    NumericType returnType = NumericType::Float;
    uint32_t stride = 0; ///< StructuredBuffer: bytes
};

struct UavDeclaration {
    ResourceDimension dimension = ResourceDimension::Unknown;
    NumericType returnType = NumericType::Float;
    uint32_t stride = 0;
    bool coherent = false;
    bool hasCounter = false;
    bool atomic = false; ///< some instruction does an atomic operation on it
};

struct SharedMemoryDeclaration {
    uint32_t bytes = 0;
    uint32_t stride = 0; ///< 0: raw
};

enum class PhaseKind : uint8_t { Main, ControlPoint, Fork, Join };

struct Phase {
    PhaseKind kind = PhaseKind::Main;
    size_t begin = 0, end = 0; ///< instructions
    uint32_t instances = 1;
    uint32_t temps = 0;
    std::map<uint32_t, uint32_t> indexableTemps; ///< array number -> registers
    std::vector<RegisterDeclaration> outputs;
};

struct Declarations {
    std::vector<Phase> phases;
    std::vector<RegisterDeclaration> inputs;         ///< v#
    std::vector<RegisterDeclaration> patchConstants; ///< vpc#, domain shader and fork phases
    std::map<uint32_t, uint32_t> constantBuffers;    ///< slot -> size in vec4
    std::map<uint32_t, bool> samplers;               ///< slot -> used for comparison
    std::map<uint32_t, ResourceDeclaration> resources;
    std::map<uint32_t, UavDeclaration> uavs;
    std::map<uint32_t, SharedMemoryDeclaration> sharedMemory;

    bool writesDepth = false, writesCoverage = false, usesDiscard = false, earlyDepthStencil = false;
    bool usesRasterizerSamples = false;
    uint32_t depthOutput = 0; ///< VGPU10_OPERAND_TYPE_OUTPUT_DEPTH*, 0: none
    uint32_t gsInputPrimitive = 0, gsOutputTopology = 0, gsMaxVertices = 0, gsInstances = 1;
    uint32_t inputControlPoints = 0, outputControlPoints = 0;
    uint32_t tessDomain = 0, tessPartitioning = 0, tessOutputPrimitive = 0;
    std::array<uint32_t, 3> threadGroup{};
};

/** \throws TranslateError */
Declarations collectDeclarations(const Program& program);

/** \brief Vertices that a geometry shader's input primitive (VGPU10_PRIMITIVE) has; 0: none is such. */
uint32_t verticesOf(uint32_t primitive);

/** \throws TranslateError where a stage lacks what it must declare */
ShaderInfo describe(const Program& program, const Declarations& declarations);

} // namespace svga::vgpu10
