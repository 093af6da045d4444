// SPDX-License-Identifier: MIT
#include "vulkan/compiler/resources.h"

#include "vulkan/compiler/nir_headers.h"

#include <VGPU10ShaderTokens.h>

#include <algorithm>
#include <functional>

namespace svga::vulkan {
namespace {

constexpr uint32_t kMaxUavs = 64;

const char* fileName(RegisterFile file) {
    switch (file) {
    case RegisterFile::ConstantBuffer:
        return "constant buffers";
    case RegisterFile::Sampler:
        return "samplers";
    case RegisterFile::ShaderResource:
        return "shader resources";
    case RegisterFile::UnorderedAccess:
        break;
    }
    return "unordered access views";
}

} // namespace

uint32_t ResourceTable::next(RegisterFile file) {
    struct Counter {
        uint32_t& next;
        uint32_t limit;
    };
    const Counter counter = [&]() -> Counter {
        switch (file) {
        case RegisterFile::ConstantBuffer:
            return {constantBuffers_, 1 + kMaxUniformBuffers};
        case RegisterFile::Sampler:
            return {samplers_, kMaxSamplers};
        case RegisterFile::ShaderResource:
            return {resources_, kMaxShaderResources};
        case RegisterFile::UnorderedAccess:
            break;
        }
        return {uavs_, kMaxUavs};
    }();
    if (counter.next >= counter.limit)
        throw Error("the shader uses more than {} {}", counter.limit, fileName(file));
    return counter.next++;
}

ResourceTable::Entry& ResourceTable::require(const Use& use) {
    for (Entry& entry : entries_)
        if (entry.file == use.file && entry.kind == use.kind && entry.dimension == use.dimension &&
            entry.returnType == use.returnType && entry.comparison == use.comparison && entry.set == use.set &&
            entry.binding == use.binding && entry.element == use.element)
            return entry;
    entries_.push_back({use, next(use.file)});
    return entries_.back();
}

ResourceTable::Entry& ResourceTable::at(RegisterFile file, uint32_t reg) {
    for (Entry& entry : entries_)
        if (entry.file == file && entry.reg == reg)
            return entry;
    throw Error("register {} of {} belongs to no descriptor", reg, fileName(file));
}

std::vector<ShaderBinding> ResourceTable::bindings() const {
    std::vector<ShaderBinding> result;
    for (const Entry& e : entries_)
        result.push_back({e.file, e.kind, e.dimension, e.written, e.reg, e.set, e.binding, e.element});
    return result;
}

namespace {

/** \brief A descriptor as the shader names it: a binding, and an index into its array: \p index + \p constant. */
struct Descriptor {
    uint32_t set = 0, binding = 0;
    uint32_t count = 1; ///< elements in the binding
    uint32_t constant = 0;
    nir_def* index = nullptr;
    nir_variable* variable = nullptr;
};

uint8_t textureDimension(glsl_sampler_dim dim, bool isArray) {
    switch (dim) {
    case GLSL_SAMPLER_DIM_1D:
        return isArray ? VGPU10_RESOURCE_DIMENSION_TEXTURE1DARRAY : VGPU10_RESOURCE_DIMENSION_TEXTURE1D;
    case GLSL_SAMPLER_DIM_2D:
    case GLSL_SAMPLER_DIM_RECT:
    case GLSL_SAMPLER_DIM_EXTERNAL:
    case GLSL_SAMPLER_DIM_SUBPASS:
        return isArray ? VGPU10_RESOURCE_DIMENSION_TEXTURE2DARRAY : VGPU10_RESOURCE_DIMENSION_TEXTURE2D;
    case GLSL_SAMPLER_DIM_MS:
    case GLSL_SAMPLER_DIM_SUBPASS_MS:
        return isArray ? VGPU10_RESOURCE_DIMENSION_TEXTURE2DMSARRAY : VGPU10_RESOURCE_DIMENSION_TEXTURE2DMS;
    case GLSL_SAMPLER_DIM_3D:
        return VGPU10_RESOURCE_DIMENSION_TEXTURE3D;
    case GLSL_SAMPLER_DIM_CUBE:
        return isArray ? VGPU10_RESOURCE_DIMENSION_TEXTURECUBEARRAY : VGPU10_RESOURCE_DIMENSION_TEXTURECUBE;
    case GLSL_SAMPLER_DIM_BUF:
        return VGPU10_RESOURCE_DIMENSION_BUFFER;
    }
    throw Error("a texture of dimension {} cannot be declared", static_cast<int>(dim));
}

uint32_t returnTypeOf(nir_alu_type type) {
    switch (nir_alu_type_get_base_type(type)) {
    case nir_type_int:
        return VGPU10_RETURN_TYPE_SINT;
    case nir_type_uint:
        return VGPU10_RETURN_TYPE_UINT;
    default:
        return VGPU10_RETURN_TYPE_FLOAT;
    }
}

uint32_t returnTypeOf(glsl_base_type type) {
    switch (type) {
    case GLSL_TYPE_INT:
        return VGPU10_RETURN_TYPE_SINT;
    case GLSL_TYPE_UINT:
        return VGPU10_RETURN_TYPE_UINT;
    default:
        return VGPU10_RETURN_TYPE_FLOAT;
    }
}

/** \brief The pass of assignResources(). */
class Assigner {
public:
    Assigner(nir_shader& nir, ResourceTable& table)
        : nir_(nir)
        , table_(table) {}

    void run() {
        nir_foreach_function_impl(impl, &nir_) {
            b_ = nir_builder_create(impl);
            for (nir_instr* instr : gather(impl)) {
                b_.cursor = nir_before_instr(instr);
                if (instr->type == nir_instr_type_tex)
                    texture(nir_instr_as_tex(instr));
                else
                    intrinsic(nir_instr_as_intrinsic(instr));
            }
            // Copies made for the elements of an array of textures may index an array of samplers.
            for (nir_instr* instr : gather(impl)) {
                b_.cursor = nir_before_instr(instr);
                if (instr->type == nir_instr_type_tex)
                    sampler(nir_instr_as_tex(instr));
            }
            dropDescriptors(impl);
            nir_metadata_preserve(impl, nir_metadata_none);
        }
    }

private:
    using Bind = std::function<void(nir_instr*, uint32_t element)>;

    /** \brief What uses resources. Branches split blocks, so all is gathered before anything is changed. */
    static std::vector<nir_instr*> gather(nir_function_impl* impl) {
        std::vector<nir_instr*> found;
        nir_foreach_block(block, impl) nir_foreach_instr(instr, block) if (uses(instr)) found.push_back(instr);
        return found;
    }

    /** \brief What is left of a descriptor's address is the offset at which it begins: zero. */
    void dropDescriptors(nir_function_impl* impl) {
        nir_foreach_block(block, impl) {
            nir_foreach_instr_safe(instr, block) {
                if (instr->type != nir_instr_type_intrinsic)
                    continue;
                nir_intrinsic_instr* intrinsic = nir_instr_as_intrinsic(instr);
                if (intrinsic->intrinsic != nir_intrinsic_load_vulkan_descriptor)
                    continue;
                b_.cursor = nir_before_instr(instr);
                nir_def_replace(&intrinsic->def, nir_imm_zero(&b_, intrinsic->def.num_components, 32));
            }
        }
    }

    static bool isImage(nir_intrinsic_op op) {
        switch (op) {
        case nir_intrinsic_image_deref_load:
        case nir_intrinsic_image_deref_store:
        case nir_intrinsic_image_deref_atomic:
        case nir_intrinsic_image_deref_atomic_swap:
        case nir_intrinsic_image_deref_size:
        case nir_intrinsic_image_deref_samples:
            return true;
        default:
            return false;
        }
    }

    static bool uses(const nir_instr* instr) {
        if (instr->type == nir_instr_type_tex)
            return true;
        if (instr->type != nir_instr_type_intrinsic)
            return false;
        switch (nir_instr_as_intrinsic(instr)->intrinsic) {
        case nir_intrinsic_load_ubo:
        case nir_intrinsic_load_ssbo:
        case nir_intrinsic_store_ssbo:
        case nir_intrinsic_ssbo_atomic:
        case nir_intrinsic_ssbo_atomic_swap:
        case nir_intrinsic_get_ssbo_size:
            return true;
        default:
            return isImage(nir_instr_as_intrinsic(instr)->intrinsic);
        }
    }

    void addIndex(Descriptor& descriptor, nir_src index, uint32_t scale) {
        if (nir_src_is_const(index)) {
            descriptor.constant += static_cast<uint32_t>(nir_src_as_uint(index)) * scale;
            return;
        }
        nir_def* scaled = nir_imul_imm(&b_, index.ssa, scale);
        descriptor.index = descriptor.index ? nir_iadd(&b_, descriptor.index, scaled) : scaled;
    }

    static void checkIndex(Descriptor& descriptor) {
        if (!descriptor.index && descriptor.constant >= descriptor.count)
            descriptor.constant = descriptor.count - 1;
    }

    /** \brief Through load_vulkan_descriptor and vulkan_resource_reindex to vulkan_resource_index. */
    Descriptor bufferDescriptor(nir_src source) {
        Descriptor descriptor;
        nir_def* def = source.ssa;
        for (;;) {
            nir_instr* parent = def->parent_instr;
            if (parent->type == nir_instr_type_alu) {
                nir_alu_instr* alu = nir_instr_as_alu(parent);
                if (alu->op != nir_op_mov && !nir_op_is_vec(alu->op))
                    break;
                def = alu->src[0].src.ssa;
                continue;
            }
            if (parent->type != nir_instr_type_intrinsic)
                break;
            nir_intrinsic_instr* intrinsic = nir_instr_as_intrinsic(parent);
            if (intrinsic->intrinsic == nir_intrinsic_load_vulkan_descriptor) {
                def = intrinsic->src[0].ssa;
            } else if (intrinsic->intrinsic == nir_intrinsic_vulkan_resource_reindex) {
                addIndex(descriptor, intrinsic->src[1], 1);
                def = intrinsic->src[0].ssa;
            } else if (intrinsic->intrinsic == nir_intrinsic_vulkan_resource_index) {
                addIndex(descriptor, intrinsic->src[0], 1);
                descriptor.set = nir_intrinsic_desc_set(intrinsic);
                descriptor.binding = nir_intrinsic_binding(intrinsic);
                nir_foreach_variable_with_modes(variable, &nir_, nir_var_mem_ubo | nir_var_mem_ssbo) {
                    if (variable->data.descriptor_set == descriptor.set &&
                        variable->data.binding == descriptor.binding && glsl_type_is_array(variable->type))
                        descriptor.count = std::max(descriptor.count, glsl_get_aoa_size(variable->type));
                }
                checkIndex(descriptor);
                return descriptor;
            } else {
                break;
            }
        }
        throw Error("a buffer is reached by a pointer that names no descriptor (variable pointers are not supported)");
    }

    Descriptor derefDescriptor(nir_deref_instr* deref) {
        Descriptor descriptor;
        uint32_t scale = 1;
        for (; deref->deref_type == nir_deref_type_array; deref = nir_deref_instr_parent(deref)) {
            addIndex(descriptor, deref->arr.index, scale);
            scale *= std::max(1u, glsl_get_length(nir_deref_instr_parent(deref)->type));
        }
        if (deref->deref_type != nir_deref_type_var)
            throw Error("an image or sampler is reached by a pointer that names no descriptor");
        descriptor.variable = deref->var;
        descriptor.set = deref->var->data.descriptor_set;
        descriptor.binding = deref->var->data.binding;
        if (glsl_type_is_array(deref->var->type))
            descriptor.count = glsl_get_aoa_size(deref->var->type);
        if (descriptor.count == 0)
            throw Error("set {}, binding {}: an array of descriptors without a size", descriptor.set,
                        descriptor.binding);
        checkIndex(descriptor);
        return descriptor;
    }

    /** \brief Calls \p bind on \p instr, or on a copy of it for each element where the index is not known. */
    nir_def* specialize(nir_instr* instr, const Descriptor& descriptor, const Bind& bind) {
        if (!descriptor.index) {
            bind(instr, descriptor.constant);
            return nullptr;
        }
        b_.cursor = nir_before_instr(instr);
        nir_def* index = nir_iadd_imm(&b_, descriptor.index, descriptor.constant);
        nir_def* result = branch(instr, index, 0, descriptor.count, bind);
        nir_def* old = nir_instr_def(instr);
        if (old && result)
            nir_def_rewrite_uses(old, result);
        nir_instr_remove(instr);
        return result;
    }

    nir_def* branch(nir_instr* instr, nir_def* index, uint32_t first, uint32_t end, const Bind& bind) {
        if (end - first == 1) {
            nir_instr* copy = nir_instr_clone(&nir_, instr);
            nir_builder_instr_insert(&b_, copy);
            const nir_cursor after = b_.cursor;
            bind(copy, first);
            b_.cursor = after;
            return nir_instr_def(copy);
        }
        const uint32_t middle = first + (end - first) / 2;
        nir_push_if(&b_, nir_ult_imm(&b_, index, middle));
        nir_def* low = branch(instr, index, first, middle, bind);
        nir_push_else(&b_, nullptr);
        nir_def* high = branch(instr, index, middle, end, bind);
        nir_pop_if(&b_, nullptr);
        return low ? nir_if_phi(&b_, low, high) : nullptr;
    }

    void intrinsic(nir_intrinsic_instr* intrinsic) {
        if (isImage(intrinsic->intrinsic)) {
            image(intrinsic);
            return;
        }
        const unsigned position = intrinsic->intrinsic == nir_intrinsic_store_ssbo ? 1 : 0;
        const bool uniform = intrinsic->intrinsic == nir_intrinsic_load_ubo;
        const bool writes = intrinsic->intrinsic != nir_intrinsic_load_ssbo &&
                            intrinsic->intrinsic != nir_intrinsic_get_ssbo_size && !uniform;
        const Descriptor descriptor = bufferDescriptor(intrinsic->src[position]);
        specialize(&intrinsic->instr, descriptor, [&](nir_instr* instr, uint32_t element) {
            nir_intrinsic_instr* copy = nir_instr_as_intrinsic(instr);
            ResourceTable::Use use{.set = descriptor.set, .binding = descriptor.binding, .element = element};
            if (!uniform) {
                use.file = RegisterFile::UnorderedAccess;
                use.kind = ViewKind::RawBuffer;
            }
            ResourceTable::Entry& entry = table_.require(use);
            entry.written |= writes;
            if (!uniform && nir_intrinsic_has_access(copy))
                entry.coherent |= (nir_intrinsic_access(copy) & (ACCESS_COHERENT | ACCESS_VOLATILE)) != 0;
            b_.cursor = nir_before_instr(instr);
            nir_src_rewrite(&copy->src[position], nir_imm_int(&b_, static_cast<int>(entry.reg)));
        });
    }

    void image(nir_intrinsic_instr* intrinsic) {
        const Descriptor descriptor = derefDescriptor(nir_src_as_deref(intrinsic->src[0]));
        const glsl_type* type = glsl_without_array(descriptor.variable->type);
        const glsl_sampler_dim dim = nir_intrinsic_image_dim(intrinsic);
        if (dim == GLSL_SAMPLER_DIM_MS || dim == GLSL_SAMPLER_DIM_SUBPASS_MS)
            throw Error("set {}, binding {}: multisampled storage images are not supported", descriptor.set,
                        descriptor.binding);
        const bool writes = intrinsic->intrinsic == nir_intrinsic_image_deref_store ||
                            intrinsic->intrinsic == nir_intrinsic_image_deref_atomic ||
                            intrinsic->intrinsic == nir_intrinsic_image_deref_atomic_swap;
        // Unordered access has no cubes: they are arrays of six layers each.
        const bool cube = dim == GLSL_SAMPLER_DIM_CUBE;
        const bool isArray = nir_intrinsic_image_array(intrinsic) || cube;
        const uint8_t dimension = textureDimension(cube ? GLSL_SAMPLER_DIM_2D : dim, isArray);
        const auto access = static_cast<uint32_t>(descriptor.variable->data.access | nir_intrinsic_access(intrinsic));
        specialize(&intrinsic->instr, descriptor, [&](nir_instr* instr, uint32_t element) {
            ResourceTable::Entry& entry = table_.require(
                {.file = RegisterFile::UnorderedAccess,
                 .kind = dim == GLSL_SAMPLER_DIM_BUF ? ViewKind::TypedBuffer : ViewKind::Image,
                 .dimension = dimension,
                 .returnType = returnTypeOf(static_cast<glsl_base_type>(glsl_get_sampler_result_type(type))),
                 .set = descriptor.set,
                 .binding = descriptor.binding,
                 .element = element});
            entry.written |= writes;
            entry.coherent |= (access & (ACCESS_COHERENT | ACCESS_VOLATILE)) != 0;
            b_.cursor = nir_before_instr(instr);
            nir_rewrite_image_intrinsic(nir_instr_as_intrinsic(instr), nir_imm_int(&b_, static_cast<int>(entry.reg)),
                                        false);
        });
    }

    void texture(nir_tex_instr* tex) {
        const int textureSource = nir_tex_instr_src_index(tex, nir_tex_src_texture_deref);
        const int samplerSource = nir_tex_instr_src_index(tex, nir_tex_src_sampler_deref);
        if (textureSource < 0)
            throw Error("a texture instruction without a texture");
        // A combined image and sampler: one index speaks for both.
        const bool combined = samplerSource >= 0 && tex->src[samplerSource].src.ssa == tex->src[textureSource].src.ssa;
        const Descriptor descriptor = derefDescriptor(nir_src_as_deref(tex->src[textureSource].src));
        specialize(&tex->instr, descriptor, [&](nir_instr* instr, uint32_t element) {
            nir_tex_instr* copy = nir_instr_as_tex(instr);
            const bool buffer = copy->sampler_dim == GLSL_SAMPLER_DIM_BUF;
            removeSource(copy, nir_tex_src_texture_deref);
            copy->texture_index = table_
                                      .require({.file = RegisterFile::ShaderResource,
                                                .kind = buffer ? ViewKind::TypedBuffer : ViewKind::Texture,
                                                .dimension = textureDimension(copy->sampler_dim, copy->is_array),
                                                .returnType = textureType(copy, descriptor.variable),
                                                .set = descriptor.set,
                                                .binding = descriptor.binding,
                                                .element = element})
                                      .reg;
            if (samplerSource >= 0 && !nir_tex_instr_need_sampler(copy))
                removeSource(copy, nir_tex_src_sampler_deref);
            else if (combined)
                bindSampler(copy, descriptor, element);
        });
    }

    /** \brief Queries have a type of their own: the image's is that of its variable. */
    static uint32_t textureType(const nir_tex_instr* tex, const nir_variable* variable) {
        const glsl_type* type = glsl_without_array(variable->type);
        if (glsl_type_is_sampler(type) || glsl_type_is_texture(type) || glsl_type_is_image(type))
            return returnTypeOf(static_cast<glsl_base_type>(glsl_get_sampler_result_type(type)));
        return returnTypeOf(tex->dest_type);
    }

    static void removeSource(nir_tex_instr* tex, nir_tex_src_type type) {
        nir_tex_instr_remove_src(tex, static_cast<unsigned>(nir_tex_instr_src_index(tex, type)));
    }

    void bindSampler(nir_tex_instr* tex, const Descriptor& descriptor, uint32_t element) {
        removeSource(tex, nir_tex_src_sampler_deref);
        tex->sampler_index = table_
                                 .require({.file = RegisterFile::Sampler,
                                           .kind = ViewKind::Sampler,
                                           .comparison = tex->is_shadow,
                                           .set = descriptor.set,
                                           .binding = descriptor.binding,
                                           .element = element})
                                 .reg;
    }

    void sampler(nir_tex_instr* tex) {
        const int source = nir_tex_instr_src_index(tex, nir_tex_src_sampler_deref);
        if (source < 0)
            return;
        const Descriptor descriptor = derefDescriptor(nir_src_as_deref(tex->src[source].src));
        specialize(&tex->instr, descriptor, [&](nir_instr* instr, uint32_t element) {
            bindSampler(nir_instr_as_tex(instr), descriptor, element);
        });
    }

    nir_shader& nir_;
    ResourceTable& table_;
    nir_builder b_{};
};

} // namespace

void assignResources(nir_shader& nir, ResourceTable& table) {
    Assigner(nir, table).run();
}

} // namespace svga::vulkan
