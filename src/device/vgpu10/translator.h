// SPDX-License-Identifier: MIT
/**
 * \file
 * VGPU10 -> SPIR-V.
 *
 * A VGPU10 shader is a DXBC-like token stream (VGPU10ShaderTokens.h) without containers, names or types: registers are
 * four untyped 32-bit components and stages link by register number and component mask. The translator keeps that
 * model: every register is a uvec4 in the SPIR-V module and each operation bitcasts its operands to what it needs, so
 * that bits survive exactly as they would on the virtual hardware.
 *
 * What the token stream does not say, because D3D takes it from the pipeline, is given in TranslateOptions.
 *
 * Interface rules of the modules made here:
 *  - the entry point is "main";
 *  - Location = register number, for vertex inputs, varyings and pixel outputs (SV_Target n is Location n);
 *  - varyings are vec4 of 32-bit float in both stages, whatever bits they carry, so that any two stages link;
 *  - resources are bound by BindingLayout: separate images and samplers, constant buffers as uniform blocks of uvec4[],
 *    typed buffers as texel buffers, raw and structured buffers as storage buffers, typed UAVs as storage images (texel
 *    buffers) without a format, but R32 where the shader does atomics on them;
 *  - stream output is transform feedback: XfbBuffer is the output slot.
 *
 * The modules are SPIR-V 1.6 and need these features of the device where the shader uses what they are for:
 * shaderDemoteToHelperInvocation (DISCARD), shaderDrawParameters (vertex and instance ids), shaderClipDistance,
 * shaderCullDistance, multiViewport, shaderOutputLayer and shaderOutputViewportIndex, sampleRateShading,
 * imageCubeArray, shaderImageGatherExtended, shaderStorageImage{Read,Write}WithoutFormat, shaderFloat64,
 * transformFeedback and geometryStreams, and robustBufferAccess and robustImageAccess for what lies out of bounds.
 *
 * Translation is a pure function: no state is kept, any thread may call it. The token stream is guest input: whatever
 * it holds, the result is a module valid for spirv-val or a TranslateError, never a crash.
 */
#pragma once

#include "util/error.h"

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace svga::vgpu10 {

enum class Stage : uint8_t { Vertex, Hull, Domain, Geometry, Pixel, Compute };
inline constexpr uint32_t kStageCount = 6;

/** \brief How the bits of a component are to be read: the numeric class of a vertex attribute or of a render target. */
enum class NumericType : uint8_t { Float, Sint, Uint };

/**
 * \brief Where a stage's resources live: descriptor set, and the binding of slot 0 of each register file.
 *
 * Slot n of a file is at binding base + n. The defaults give each stage 256 bindings in one set:
 * constant buffers 0-15, samplers 16-31, shader resources 32-159, unordered access views 160-223.
 */
struct BindingLayout {
    static constexpr uint32_t kBindingsPerStage = 256;
    static constexpr uint32_t kConstantBuffers = 0, kConstantBufferCount = 16;
    static constexpr uint32_t kSamplers = 16, kSamplerCount = 16;
    static constexpr uint32_t kShaderResources = 32, kShaderResourceCount = 128;
    static constexpr uint32_t kUavs = 160, kUavCount = 64;

    uint32_t set = 0;
    uint32_t base = 0; ///< added to each of the bindings above; stage * kBindingsPerStage by convention
};

/** \brief One stream-output entry: components of an output register written to a buffer
 * (SVGA3dStreamOutputDeclarationEntry). */
struct StreamOutputEntry {
    uint32_t registerIndex = 0;
    uint8_t registerMask = 0; ///< 4 bits, x = 1; must be a contiguous run
    uint32_t outputSlot = 0;  ///< buffer 0-3
    uint32_t stream = 0;
    uint32_t byteOffset = 0; ///< in the vertex of that buffer
};

struct StreamOutput {
    std::vector<StreamOutputEntry> entries;
    std::array<uint32_t, 4> strideInBytes{};
    uint32_t rasterizedStream = 0;
};

struct TranslateOptions {
    BindingLayout bindings;
    /// Vertex: numeric class of each attribute (by input register).
    std::array<NumericType, 32> vertexInputs{};
    /// Pixel: numeric class of each render target.
    std::array<NumericType, 8> renderTargets{};
    /// Pixel: bit n: render target n has alpha alone, and that in its red component: alpha is written to all.
    uint32_t alphaTargets = 0;
    /// Vertex, domain, geometry: set on the last stage before rasterization when stream output is bound.
    const StreamOutput* streamOutput = nullptr;
    /// Vertex, domain, geometry: whether this is the last stage before rasterization (it then writes Position for
    /// real).
    bool lastBeforeRasterizer = true;
    /// Pixel: run per sample even where the shader does not ask for it. The position stays the pixel's centre.
    bool forcePerSample = false;
    /// Pixel: o0 and o1 are the two sources of a dual-source blend: both at Location 0, o1 at Index 1.
    bool dualSourceBlend = false;
    /// Pixel: samples per pixel of the render targets. Read only where ShaderInfo::usesRasterizerSamples is set.
    uint32_t rasterizerSamples = 1;
    /// Whether the GPU exchanges floats in images (shaderImageFloat32Atomics).
    bool floatImageAtomics = false;
};

enum class ResourceDimension : uint8_t {
    Unknown,
    Buffer,
    RawBuffer,
    StructuredBuffer,
    Texture1D,
    Texture1DArray,
    Texture2D,
    Texture2DArray,
    Texture2DMS,
    Texture2DMSArray,
    Texture3D,
    TextureCube,
    TextureCubeArray
};

/** \brief What a shader uses: enough to build descriptor set layouts and pipelines without looking at the tokens again.
 */
struct ShaderInfo {
    struct ConstantBuffer {
        uint32_t slot;
        uint32_t sizeInVec4;
    };
    struct Resource {
        uint32_t slot;
        ResourceDimension dimension;
        NumericType returnType;
    };
    struct Sampler {
        uint32_t slot;
        bool comparison;
        std::bitset<BindingLayout::kShaderResourceCount> resources; ///< slots of those that it samples
    };
    struct Uav {
        uint32_t slot;
        ResourceDimension dimension;
        NumericType returnType;
        bool hasCounter;
    };
    struct Signature {
        uint32_t registerIndex;
        uint8_t mask;
        uint32_t systemValue; /* VGPU10_SYSTEM_NAME, 0: none */
    };

    Stage stage = Stage::Vertex;
    std::vector<ConstantBuffer> constantBuffers;
    std::vector<Resource> resources;
    std::vector<Sampler> samplers;
    std::vector<Uav> uavs;
    std::vector<Signature> inputs;
    std::vector<Signature> outputs;
    bool writesDepth = false;
    bool usesDiscard = false;
    bool perSample = false;
    bool usesRasterizerSamples = false; ///< pixel: asks for the sample count or positions of its render targets
    uint32_t gsInputPrimitive = 0;      ///< VGPU10_PRIMITIVE_*
    uint32_t gsOutputTopology = 0;      ///< VGPU10_PRIMITIVE_TOPOLOGY_*
    uint32_t gsInstances = 1;
    uint32_t hsControlPoints = 0; ///< hull: input control points (patch size)
    std::array<uint32_t, 3> threadGroup{1, 1, 1};
};

struct ShaderModule {
    std::vector<uint32_t> spirv;
    ShaderInfo info;
};

/** \brief The token stream is not a shader this device can run. The message names the token offset and what is wrong.
 */
class TranslateError : public Error {
public:
    using Error::Error;
};

/**
 * \brief Where \p sample of \p count lies in the standard pattern of D3D and Vulkan: pixels from the pixel's centre, y
 * down. Nothing where there is no such pattern.
 */
std::optional<std::array<float, 2>> standardSamplePosition(uint32_t count, uint32_t sample);

/** \brief Reads the declarations alone. Cheap; done when a shader is bound. \throws TranslateError */
ShaderInfo inspect(std::span<const uint32_t> tokens);

/** \brief Translates a whole shader. \throws TranslateError */
ShaderModule translate(std::span<const uint32_t> tokens, const TranslateOptions& options);

} // namespace svga::vgpu10
