// SPDX-License-Identifier: MIT
#include "vulkan/texel_programs.h"

#include "vulkan/compiler/nir_passes.h"

#include <algorithm>
#include <cstddef>
#include <memory>

namespace svga::vulkan {

namespace {

using Channels = std::array<TexelLayout::Channel, 4>;
using Conversion = TexelLayout::Conversion;

constexpr TexelLayout integers(SVGA3dSurfaceFormat view, uint8_t count, uint8_t bits) {
    TexelLayout layout{view, Conversion::None, static_cast<uint8_t>(count * bits / 8), {}};
    for (uint8_t i = 0; i < count; ++i)
        layout.channels[i] = {i, bits};
    return layout;
}

constexpr TexelLayout unorm(SVGA3dSurfaceFormat view, uint8_t bytes, const Channels& channels) {
    return {view, Conversion::Unorm, bytes, channels};
}

std::optional<TexelLayout> ofColor(SVGA3dSurfaceFormat surface) {
    switch (surface) {
    case SVGA3D_R32G32B32A32_TYPELESS:
        return integers(SVGA3D_R32G32B32A32_UINT, 4, 32);
    case SVGA3D_R32G32B32_TYPELESS:
        return integers(SVGA3D_R32G32B32_UINT, 3, 32);
    case SVGA3D_R32G32_TYPELESS:
        return integers(SVGA3D_R32G32_UINT, 2, 32);
    case SVGA3D_R32_TYPELESS:
        return integers(SVGA3D_R32_UINT, 1, 32);
    case SVGA3D_R16G16B16A16_TYPELESS:
        return integers(SVGA3D_R16G16B16A16_UINT, 4, 16);
    case SVGA3D_R16G16_TYPELESS:
        return integers(SVGA3D_R16G16_UINT, 2, 16);
    case SVGA3D_R16_TYPELESS:
        return integers(SVGA3D_R16_UINT, 1, 16);
    case SVGA3D_R8G8B8A8_TYPELESS:
        return integers(SVGA3D_R8G8B8A8_UINT, 4, 8);
    case SVGA3D_R8G8_TYPELESS:
        return integers(SVGA3D_R8G8_UINT, 2, 8);
    case SVGA3D_R8_TYPELESS:
        return integers(SVGA3D_R8_UINT, 1, 8);
    case SVGA3D_R10G10B10A2_TYPELESS:
        return TexelLayout{SVGA3D_R10G10B10A2_UINT, Conversion::None, 4, {{{0, 10}, {1, 10}, {2, 10}, {3, 2}}}};
    case SVGA3D_B8G8R8A8_TYPELESS:
        return unorm(SVGA3D_B8G8R8A8_UNORM, 4, {{{2, 8}, {1, 8}, {0, 8}, {3, 8}}});
    case SVGA3D_B5G6R5_UNORM:
        return unorm(SVGA3D_B5G6R5_UNORM, 2, {{{2, 5}, {1, 6}, {0, 5}}});
    case SVGA3D_B5G5R5A1_UNORM:
        return unorm(SVGA3D_B5G5R5A1_UNORM, 2, {{{2, 5}, {1, 5}, {0, 5}, {3, 1}}});
    default:
        return {};
    }
}

using NirShader = std::unique_ptr<nir_shader, decltype(&ralloc_free)>;

/** What both programs begin with and are made of. */
class ProgramBuilder {
public:
    explicit ProgramBuilder(const char* name)
        : b_(nir_builder_init_simple_shader(MESA_SHADER_COMPUTE, &nirOptions(), "%s", name)) {
        b_.shader->info.workgroup_size[0] = b_.shader->info.workgroup_size[1] = TexelPrograms::kGroup;
        b_.shader->info.workgroup_size[2] = 1;
        id_ = nir_load_global_invocation_id(&b_, 32);
        nir_def* inside = nir_ult(&b_, id_, pushed(offsetof(TexelCopy, extent), 3));
        nir_push_if(&b_, nir_ball(&b_, inside));
    }

    nir_builder* nir() { return &b_; }

    nir_def* pushed(size_t offset, unsigned components) {
        return nir_load_push_constant(&b_, components, 32, nir_imm_int(&b_, static_cast<int>(offset)));
    }

    /** The invocation's texel of the image. */
    nir_def* texel(VkImageType type, Conversion conversion) {
        const glsl_sampler_dim dim = type == VK_IMAGE_TYPE_1D   ? GLSL_SAMPLER_DIM_1D
                                     : type == VK_IMAGE_TYPE_3D ? GLSL_SAMPLER_DIM_3D
                                                                : GLSL_SAMPLER_DIM_2D;
        const glsl_base_type base = conversion == Conversion::None ? GLSL_TYPE_UINT : GLSL_TYPE_FLOAT;
        nir_variable* image = nir_variable_create(b_.shader, nir_var_uniform,
                                                  glsl_texture_type(dim, type != VK_IMAGE_TYPE_3D, base), "texels");
        image->data.descriptor_set = 0;
        image->data.binding = TexelPrograms::kImage;
        nir_def* at = nir_iadd(&b_, id_, pushed(offsetof(TexelCopy, origin), 3));
        if (type == VK_IMAGE_TYPE_1D)
            at = nir_vec2(&b_, nir_channel(&b_, at, 0), nir_channel(&b_, at, 2));
        return nir_txf_deref(&b_, nir_build_deref_var(&b_, image), at, nir_imm_int(&b_, 0));
    }

    /** Offset of the invocation's texel of \p bytes in the buffer. */
    nir_def* address(uint32_t bytes) {
        nir_def* pitches = pushed(offsetof(TexelCopy, row), 2);
        return nir_iadd(
            &b_,
            nir_iadd(&b_, pushed(offsetof(TexelCopy, offset), 1), nir_imul_imm(&b_, nir_channel(&b_, id_, 0), bytes)),
            nir_iadd(&b_, nir_imul(&b_, nir_channel(&b_, id_, 1), nir_channel(&b_, pitches, 0)),
                     nir_imul(&b_, nir_channel(&b_, id_, 2), nir_channel(&b_, pitches, 1))));
    }

    /** The same, where rows follow one another. */
    nir_def* packedAddress(uint32_t bytes) {
        nir_def* extent = pushed(offsetof(TexelCopy, extent), 3);
        nir_def* row = nir_iadd(&b_, nir_channel(&b_, id_, 1),
                                nir_imul(&b_, nir_channel(&b_, id_, 2), nir_channel(&b_, extent, 1)));
        return nir_imul_imm(
            &b_, nir_iadd(&b_, nir_channel(&b_, id_, 0), nir_imul(&b_, row, nir_channel(&b_, extent, 0))), bytes);
    }

    nir_def* load(uint32_t binding, nir_def* address, uint32_t bytes) {
        return nir_u2u32(&b_, nir_load_ssbo(&b_, 1, std::min(32u, 8 * bytes), storageBuffer(&b_, binding), address));
    }

    /** Stores the \p bytes that \p words begin with. */
    void store(uint32_t binding, nir_def* address, nir_def* words, uint32_t bytes) {
        if (bytes < 4)
            words = nir_u2uN(&b_, words, 8 * bytes);
        nir_store_ssbo(&b_, words, storageBuffer(&b_, binding), address);
    }

    /** The words of \p texel as \p layout has them in a buffer. */
    nir_def* pack(nir_def* texel, const TexelLayout& layout) {
        std::array<nir_def*, 4> words{};
        unsigned position = 0;
        for (const auto& [component, bits] : layout.channels) {
            if (bits == 0)
                break;
            nir_def* value = nir_channel(&b_, texel, component);
            if (layout.conversion == Conversion::Unorm)
                value = nir_f2u32(&b_, nir_fround_even(&b_, nir_fmul_imm(&b_, value, (uint64_t{1} << bits) - 1)));
            nir_def*& word = words[position / 32];
            value = nir_ishl_imm(&b_, value, position % 32);
            word = word ? nir_ior(&b_, word, value) : value;
            position += bits;
        }
        return nir_vec(&b_, words.data(), (position + 31) / 32);
    }

    NirShader finish() {
        nir_pop_if(&b_, nullptr);
        return {b_.shader, ralloc_free};
    }

private:
    nir_builder b_;
    nir_def* id_;
};

} // namespace

std::optional<TexelLayout> TexelLayout::of(const Image& image, VkImageAspectFlags aspect) {
    const SVGA3dSurfaceFormat surface = image.info->surface;
    if (aspect == VK_IMAGE_ASPECT_STENCIL_BIT)
        return TexelLayout{image.info->stencil, Conversion::None, 1, {{{1, 8}}}}; // green
    if (aspect != VK_IMAGE_ASPECT_DEPTH_BIT)
        return ofColor(surface);
    if (surface == SVGA3D_R16_TYPELESS)
        return unorm(image.info->depth, 2, {{{0, 16}}});
    if (surface == SVGA3D_R24G8_TYPELESS) {
        TexelLayout layout = unorm(image.info->depth, 4, {{{0, 24}}});
        layout.exact = false;
        return layout;
    }
    return TexelLayout{image.info->depth, Conversion::Float, 4, {{{0, 32}}}};
}

template <typename Build>
const Program& TexelPrograms::find(ContextObjects& objects, const Key& key, Build&& build) {
    if (const auto known = programs_.find(key); known != programs_.end())
        return known->second;
    const NirShader nir = build();
    return programs_.emplace(key, Program(objects, compile(*nir, {}))).first->second;
}

const Program& TexelPrograms::toBuffer(ContextObjects& objects, const TexelLayout& layout, VkImageType type) {
    return find(objects, {layout, {}, type}, [&] {
        ProgramBuilder b("texels to a buffer");
        b.store(kBuffer, b.address(layout.bytes), b.pack(b.texel(type, layout.conversion), layout), layout.bytes);
        return b.finish();
    });
}

uint32_t TexelPrograms::joinedBytes(const TexelLayout& layout, const TexelLayout& other) {
    const TexelLayout& depth = layout.bytes == 1 ? other : layout;
    return depth.channels[0].bits == 24 ? 4 : 8;
}

const Program& TexelPrograms::join(ContextObjects& objects, const TexelLayout& layout, const TexelLayout& other) {
    return find(objects, {layout, other, VK_IMAGE_TYPE_2D}, [&] {
        ProgramBuilder b("depth and stencil joined");
        nir_def* given = b.load(kBuffer, b.address(layout.bytes), layout.bytes);
        nir_def* kept = nir_channel(b.nir(), b.pack(b.texel(VK_IMAGE_TYPE_2D, other.conversion), other), 0);
        const bool stencilGiven = layout.bytes == 1;
        nir_def* depth = stencilGiven ? kept : given;
        nir_def* stencil = stencilGiven ? given : kept;
        const uint32_t bytes = joinedBytes(layout, other);
        nir_def* words = bytes == 4 ? nir_ior(b.nir(), nir_iand_imm(b.nir(), depth, (1 << 24) - 1),
                                              nir_ishl_imm(b.nir(), stencil, 24))
                                    : nir_vec2(b.nir(), depth, stencil);
        b.store(kJoined, b.packedAddress(bytes), words, bytes);
        return b.finish();
    });
}

} // namespace svga::vulkan
