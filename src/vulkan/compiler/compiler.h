// SPDX-License-Identifier: MIT
/**
 * \file
 * NIR -> VGPU10.
 *
 * The Vulkan driver hands a stage of a pipeline over as NIR, fresh from SPIR-V, and gets back the token stream that the
 * SVGA device takes (VGPU10ShaderTokens.h), with the signature that follows it in the shader's MOB.
 *
 * Descriptors have no place of their own in VGPU10: a stage sees register files of constant buffers (cb#), samplers
 * (s#), shader resources (t#) and unordered access views (u#). So each stage's registers are given out here, to what
 * the shader really uses, and the result says which descriptor belongs in which: the driver puts it there before it
 * draws. Unordered access views are shared by all stages of a graphics pipeline, so their registers go on from stage to
 * stage (CompileOptions::firstUav).
 *
 * Stages are compiled one by one and link by register number: see varyingRegister().
 *
 * Constant buffer 0 is the driver's own in every stage: DriverConstants, then the push constants.
 *
 * Conventions of Vulkan that SVGA does not share are met here: y of the position is negated by the last stage before
 * the rasterizer (DriverConstants::yScale), and vertex and instance indices get their bases added.
 */
#pragma once

#include "util/error.h"

#include <array>
#include <compare>
#include <cstdint>
#include <vector>

struct nir_shader;
struct nir_shader_compiler_options;
struct spirv_to_nir_options;

namespace svga::vulkan {

/** \brief What the driver tells every shader: the beginning of constant buffer 0. Push constants follow it. */
struct DriverConstants {
    float yScale; ///< position.y is multiplied by it: -1 for a viewport of positive height, 1 for a negative one
    uint32_t firstVertex; ///< added to the vertex index: vertexOffset or firstVertex of the draw
    uint32_t firstInstance;
    uint32_t drawIndex;
    std::array<uint32_t, 3> workgroupCount; ///< compute: of the dispatch
    uint32_t viewIndex;                     ///< multiview: the view being drawn
    std::array<uint32_t, 3> baseWorkgroup;  ///< compute: vkCmdDispatchBase
    uint32_t reserved;
};
static_assert(sizeof(DriverConstants) == 48);
inline constexpr uint32_t kPushConstantOffset = 64; ///< bytes from the start of constant buffer 0
inline constexpr uint32_t kMaxPushConstants = 256;  ///< bytes

// What one stage can use: the limits that a physical device may state at most.
inline constexpr uint32_t kMaxUniformBuffers = 14; ///< cb1 to cb14
inline constexpr uint32_t kMaxSamplers = 16;
inline constexpr uint32_t kMaxShaderResources = 128; ///< sampled images and uniform texel buffers
inline constexpr uint32_t kMaxLocations = 28;        ///< of varyings: maxVertexOutputComponents is 4 times as many
inline constexpr uint32_t kSubgroupSize = 1;         ///< subgroup operations are done within one invocation

enum class RegisterFile : uint8_t { ConstantBuffer, Sampler, ShaderResource, UnorderedAccess };

/** \brief How a resource register is declared, and so what kind of view belongs there. */
enum class ViewKind : uint8_t {
    ConstantBuffer, ///< a uniform buffer
    Sampler,
    Texture,     ///< sampled image or input attachment
    TypedBuffer, ///< texel buffer, uniform (t#) or storage (u#)
    RawBuffer,   ///< storage buffer, addressed in bytes
    Image        ///< storage image
};

/** \brief One register and the descriptor that belongs in it. */
struct ShaderBinding {
    RegisterFile file;
    ViewKind kind;
    uint8_t dimension; ///< VGPU10_RESOURCE_DIMENSION of t# and u# that are no raw buffer
    bool written;      ///< u#: the shader writes it or does atomics on it
    uint32_t reg;
    uint32_t set, binding, element; ///< descriptor set number, binding number, array element
};

/** \brief What SPIR-V says in either tessellation stage and VGPU10 wants in the hull shader. */
struct TessellationModes {
    uint8_t primitive = 0; ///< tess_primitive_mode
    uint8_t spacing = 0;   ///< gl_tess_spacing
    bool counterclockwise = false;
    bool points = false;
};

/**
 * \brief Component mapping of the view that a register of sampled images (t#) gets: SVGA's views have none, so that the
 * shader applies it.
 */
struct TextureSwizzle {
    static constexpr uint8_t kZero = 4, kOne = 5;

    uint32_t reg;
    std::array<uint8_t, 4> components; ///< where each comes from: 0 to 3, kZero or kOne
    auto operator<=>(const TextureSwizzle&) const = default;
};

struct CompileOptions {
    uint32_t firstUav = 0;            ///< number of the first u# register that this stage may use
    bool lastBeforeRasterizer = true; ///< vertex, domain, geometry: its position goes to the rasterizer
    bool robustBufferAccess = false;  ///< nothing depends on it: views bound every access, and arrays are clamped
    bool perSample = false;           ///< fragment: run per sample (sampleShadingEnable)
    TessellationModes tessellation{}; ///< both tessellation stages: of both together, see tessellationModes()
    /// Vertices of a patch that comes in. Control: the pipeline's patchControlPoints; evaluation: the control stage's
    /// output vertices.
    uint32_t patchControlPoints = 0;
    /// Registers are given out alike whatever is in it: those that a compilation without it names.
    std::vector<TextureSwizzle> swizzles;
    /// Bit n: the sampler of register n takes coordinates in texels: SVGA's take none, so that the shader divides.
    uint32_t texelSamplers = 0;
};

/** \brief A stage as the device takes it. */
struct CompiledShader {
    std::vector<uint32_t> tokens;    ///< VGPU10, beginning with the version token
    std::vector<uint32_t> signature; ///< SVGA3dDXShaderSignatureHeader and its entries
    std::vector<ShaderBinding> bindings;
    uint32_t uavCount = 0;      ///< u# registers used, from CompileOptions::firstUav on
    uint32_t vertexInputs = 0;  ///< vertex: bit n: attribute location n is read, from register vn
    uint32_t renderTargets = 0; ///< fragment: bit n: color attachment n is written
    bool makesPolygons = false; ///< geometry, tessellation evaluation: triangles come out, not points or lines
    bool usesDriverConstants = false;
    bool usesPushConstants = false;
    std::array<uint32_t, 3> workgroupSize{1, 1, 1}; ///< compute
};

/**
 * \brief Register that carries \p varyingSlot (gl_varying_slot) between stages: location n is register n, per-patch
 * location n is register kMaxLocations - 1 - n, and what is built in comes behind the last location. Throws Error for a
 * slot that has none.
 */
uint32_t varyingRegister(uint32_t varyingSlot);

/** \brief What the two stages of a pipeline say together; call it before either is compiled. */
TessellationModes tessellationModes(const nir_shader& control, const nir_shader& evaluation);

/**
 * \brief Compiles \p nir, which is changed on the way and stays the caller's.
 *
 * It comes as vk_pipeline_shader_stage_to_nir() or spirv_to_nir() left it, with the options of nirOptions(), functions
 * inlined, specialised, and entered at one entry point. Descriptors are reached by set and binding (derefs of
 * variables, or vulkan_resource_index). A pure function: any thread. Throws Error, naming the instruction, for what the
 * device cannot do: what a physical device does not advertise must not come here.
 */
CompiledShader compile(nir_shader& nir, const CompileOptions& options);

/** \brief What spirv_to_nir() and NIR's own passes are to know of the back end. */
const nir_shader_compiler_options& nirOptions();

/**
 * \brief How spirv_to_nir() is to address memory for this back end, and nothing else: the driver copies it, and the
 * Vulkan runtime adds the capabilities. Needs <compiler/spirv/nir_spirv.h>.
 */
const spirv_to_nir_options& spirvOptions();

} // namespace svga::vulkan
