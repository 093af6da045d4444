// SPDX-License-Identifier: MIT
#include "vulkan/shader.h"

#include "vulkan/device.h"
#include "vulkan/limits.h"

#include <algorithm>
#include <memory>
#include <span>

#include "compiler/spirv/nir_spirv.h"
#include "nir.h"
#include "nir_builder.h"
#include "nir_serialize.h"
#include "util/blob.h"
#include "util/mesa-blake3.h"
#include "vk_graphics_state.h"
#include "vk_pipeline.h"

namespace svga::vulkan {

namespace {

/// u# registers that each stage of a graphics pipeline finds reserved: stages are compiled apart, and share them.
constexpr uint32_t kUavsPerStage = kStorageBuffersPerStage + kStorageImagesPerStage;

extern const vk_shader_ops kOps;

void destroy(vk_device* device, vk_shader* base, const VkAllocationCallbacks* allocator) {
    Shader& shader = as<Shader>(base);
    for (const auto& [sampled, id] : shader.ids)
        as<Device>(device).queue->executor().forgetShader(id);
    vk_object_base_finish(&shader.base);
    release(*device, allocator, &shader);
}

/** A shader without code. */
Shader* create(vk_device* device, gl_shader_stage stage, const VkAllocationCallbacks* allocator) {
    auto* shader = allocate<Shader>(*device, allocator);
    vk_object_base_init(device, &shader->base, VK_OBJECT_TYPE_SHADER_EXT);
    shader->ops = &kOps;
    shader->stage = stage;
    return shader;
}

void write(blob* out, const std::vector<uint32_t>& words) {
    blob_write_uint32(out, static_cast<uint32_t>(words.size()));
    blob_write_bytes(out, words.data(), words.size() * sizeof(uint32_t));
}

/** Throws Error where there are not as many words as it says. */
std::vector<uint32_t> readWords(blob_reader* in) {
    const uint32_t count = blob_read_uint32(in);
    const void* bytes = blob_read_bytes(in, size_t{count} * sizeof(uint32_t));
    if (in->overrun)
        throw Error("a shader from a pipeline cache is too short");
    std::vector<uint32_t> words(count);
    std::memcpy(words.data(), bytes, words.size() * sizeof(uint32_t));
    return words;
}

bool serialize(vk_device*, const vk_shader* base, blob* out) {
    const Shader& shader = *static_cast<const Shader*>(base);
    const CompiledShader& code = shader.code;
    blob_write_uint32(out, base->stage);
    write(out, code.tokens);
    write(out, code.signature);
    blob_write_uint32(out, static_cast<uint32_t>(code.bindings.size()));
    for (const ShaderBinding& binding : code.bindings)
        for (const uint32_t word :
             {uint32_t(binding.file), uint32_t(binding.kind), uint32_t(binding.dimension), uint32_t(binding.written),
              binding.reg, binding.set, binding.binding, binding.element})
            blob_write_uint32(out, word);
    for (const uint32_t word : {code.uavCount, code.vertexInputs, code.renderTargets, uint32_t(code.makesPolygons),
                                uint32_t(code.usesDriverConstants), uint32_t(code.usesPushConstants)})
        blob_write_uint32(out, word);
    for (const uint32_t size : code.workgroupSize)
        blob_write_uint32(out, size);
    const CompileOptions& options = shader.options;
    for (const uint32_t word :
         {options.firstUav, uint32_t(options.lastBeforeRasterizer), uint32_t(options.robustBufferAccess),
          uint32_t(options.perSample), uint32_t(options.tessellation.primitive), uint32_t(options.tessellation.spacing),
          uint32_t(options.tessellation.counterclockwise), uint32_t(options.tessellation.points),
          options.patchControlPoints})
        blob_write_uint32(out, word);
    blob_write_uint32(out, static_cast<uint32_t>(shader.nir.size()));
    blob_write_bytes(out, shader.nir.data(), shader.nir.size());
    return !out->out_of_memory;
}

void read(CompiledShader& code, blob_reader* in) {
    code.tokens = readWords(in);
    code.signature = readWords(in);
    const uint32_t bindings = blob_read_uint32(in);
    for (uint32_t i = 0; i < bindings && !in->overrun; ++i) {
        ShaderBinding binding{};
        binding.file = static_cast<RegisterFile>(blob_read_uint32(in));
        binding.kind = static_cast<ViewKind>(blob_read_uint32(in));
        binding.dimension = static_cast<uint8_t>(blob_read_uint32(in));
        binding.written = blob_read_uint32(in) != 0;
        for (uint32_t* word : {&binding.reg, &binding.set, &binding.binding, &binding.element})
            *word = blob_read_uint32(in);
        code.bindings.push_back(binding);
    }
    code.uavCount = blob_read_uint32(in);
    code.vertexInputs = blob_read_uint32(in);
    code.renderTargets = blob_read_uint32(in);
    code.makesPolygons = blob_read_uint32(in) != 0;
    code.usesDriverConstants = blob_read_uint32(in) != 0;
    code.usesPushConstants = blob_read_uint32(in) != 0;
    for (uint32_t& size : code.workgroupSize)
        size = blob_read_uint32(in);
    if (in->overrun)
        throw Error("a shader from a pipeline cache is too short");
}

void read(CompileOptions& options, blob_reader* in) {
    options.firstUav = blob_read_uint32(in);
    options.lastBeforeRasterizer = blob_read_uint32(in) != 0;
    options.robustBufferAccess = blob_read_uint32(in) != 0;
    options.perSample = blob_read_uint32(in) != 0;
    options.tessellation.primitive = static_cast<uint8_t>(blob_read_uint32(in));
    options.tessellation.spacing = static_cast<uint8_t>(blob_read_uint32(in));
    options.tessellation.counterclockwise = blob_read_uint32(in) != 0;
    options.tessellation.points = blob_read_uint32(in) != 0;
    options.patchControlPoints = blob_read_uint32(in);
}

/** Throws Error where there are not as many bytes as it says. */
std::vector<uint8_t> readBytes(blob_reader* in) {
    const uint32_t size = blob_read_uint32(in);
    const auto* bytes = static_cast<const uint8_t*>(blob_read_bytes(in, size));
    if (in->overrun)
        throw Error("a shader from a pipeline cache is too short");
    return {bytes, bytes + size};
}

VkResult deserialize(vk_device* device, blob_reader* in, uint32_t, const VkAllocationCallbacks* allocator,
                     vk_shader** out) {
    return guarded(device, VK_ERROR_UNKNOWN, [&] {
        Shader* shader = create(device, static_cast<gl_shader_stage>(blob_read_uint32(in)), allocator);
        try {
            read(shader->code, in);
            read(shader->options, in);
            shader->nir = readBytes(in);
        } catch (...) {
            destroy(device, shader, allocator);
            throw;
        }
        *out = shader;
    });
}

/** What the tessellation stages among \p infos say together. */
TessellationModes tessellationOf(std::span<const vk_shader_compile_info> infos) {
    const auto find = [infos](gl_shader_stage stage) {
        return std::ranges::find(infos, stage, &vk_shader_compile_info::stage);
    };
    const auto control = find(MESA_SHADER_TESS_CTRL), evaluation = find(MESA_SHADER_TESS_EVAL);
    return control != infos.end() && evaluation != infos.end() ? tessellationModes(*control->nir, *evaluation->nir)
                                                               : TessellationModes{};
}

uint32_t patchControlPoints(const vk_graphics_pipeline_state* state) {
    return state && state->ts ? state->ts->patch_control_points : 0;
}

CompileOptions optionsFor(const vk_shader_compile_info& info, const vk_graphics_pipeline_state* state,
                          const TessellationModes& tessellation) {
    CompileOptions options;
    options.tessellation = tessellation;
    options.patchControlPoints = patchControlPoints(state);
    if (info.stage != MESA_SHADER_COMPUTE)
        options.firstUav = static_cast<uint32_t>(info.stage) * kUavsPerStage;
    options.lastBeforeRasterizer = !(info.next_stage_mask & ~VkShaderStageFlags(VK_SHADER_STAGE_FRAGMENT_BIT));
    options.robustBufferAccess =
        info.robustness && info.robustness->storage_buffers != VK_PIPELINE_ROBUSTNESS_BUFFER_BEHAVIOR_DISABLED_EXT;
    options.perSample = state && state->ms && state->ms->sample_shading_enable;
    return options;
}

/** vk_meta's shaders ask for the layer as SPIR-V's never do: that has an input for it. */
bool layerAsInput(nir_builder* builder, nir_intrinsic_instr* intrinsic, void*) {
    if (intrinsic->intrinsic != nir_intrinsic_load_layer_id)
        return false;
    builder->cursor = nir_before_instr(&intrinsic->instr);
    nir_variable* layer = nir_find_variable_with_location(builder->shader, nir_var_shader_in, VARYING_SLOT_LAYER);
    if (!layer) {
        layer = nir_variable_create(builder->shader, nir_var_shader_in, glsl_int_type(), "gl_Layer");
        layer->data.location = VARYING_SLOT_LAYER;
        layer->data.interpolation = INTERP_MODE_FLAT;
    }
    nir_def_rewrite_uses(&intrinsic->def, nir_load_var(builder, layer));
    return true;
}

bool samplesImages(const CompiledShader& code) {
    return std::ranges::any_of(code.bindings,
                               [](const ShaderBinding& binding) { return binding.kind == ViewKind::Texture; });
}

std::vector<uint8_t> serialised(const nir_shader& nir) {
    blob blob;
    blob_init(&blob);
    nir_serialize(&blob, &nir, true);
    std::vector<uint8_t> bytes;
    if (!blob.out_of_memory)
        bytes.assign(blob.data, blob.data + blob.size);
    blob_finish(&blob);
    if (bytes.empty())
        throw std::bad_alloc();
    return bytes;
}

void compileInto(Shader& shader, nir_shader& nir) {
    shader.nir = serialised(nir); // compilation changes it
    shader.code = compile(nir, shader.options);
    if (!samplesImages(shader.code))
        shader.nir = {};
}

VkResult compileAll(vk_device* device, uint32_t count, vk_shader_compile_info* infos,
                    const vk_graphics_pipeline_state* state, const VkAllocationCallbacks* allocator, vk_shader** out) {
    uint32_t made = 0;
    const VkResult result = guarded(device, VK_ERROR_UNKNOWN, [&] {
        const TessellationModes tessellation = tessellationOf({infos, count});
        for (; made < count; ++made) {
            Shader* shader = create(device, infos[made].stage, allocator);
            try {
                if (infos[made].stage == MESA_SHADER_FRAGMENT)
                    nir_shader_intrinsics_pass(infos[made].nir, layerAsInput, nir_metadata_control_flow, nullptr);
                shader->options = optionsFor(infos[made], state, tessellation);
                compileInto(*shader, *infos[made].nir);
            } catch (...) {
                destroy(device, shader, allocator);
                throw;
            }
            out[made] = shader;
        }
    });
    for (uint32_t i = 0; i < count; ++i)
        ralloc_free(infos[i].nir);
    if (result != VK_SUCCESS)
        while (made-- > 0)
            destroy(device, out[made], allocator);
    return result;
}

const nir_shader_compiler_options* nirOptionsOf(vk_physical_device*, gl_shader_stage,
                                                const vk_pipeline_robustness_state*) {
    return &nirOptions();
}

spirv_to_nir_options spirvOptionsOf(vk_physical_device*, gl_shader_stage, const vk_pipeline_robustness_state*) {
    return spirvOptions();
}

/** What of the state compileAll() looks at. */
void hashState(vk_physical_device*, const vk_graphics_pipeline_state* state, VkShaderStageFlags, blake3_hash out) {
    struct mesa_blake3 context;
    _mesa_blake3_init(&context);
    const bool perSample = state && state->ms && state->ms->sample_shading_enable;
    const uint32_t points = patchControlPoints(state);
    _mesa_blake3_update(&context, &perSample, sizeof(perSample));
    _mesa_blake3_update(&context, &points, sizeof(points));
    _mesa_blake3_final(&context, out);
}

void bind(vk_command_buffer* commands, uint32_t count, const gl_shader_stage* stages, vk_shader** const shaders) {
    Executor& executor = as<Executor>(commands);
    for (uint32_t i = 0; i < count; ++i)
        executor.bindShader(stages[i], static_cast<Shader*>(shaders[i]));
}

vk_shader_ops shaderOps() {
    vk_shader_ops ops{};
    ops.destroy = destroy;
    ops.serialize = serialize;
    return ops;
}

const vk_shader_ops kOps = shaderOps();

vk_device_shader_ops deviceShaderOps() {
    vk_device_shader_ops ops{};
    ops.link_geom_stages = true; // the tessellation stages need to know of each other
    ops.get_nir_options = nirOptionsOf;
    ops.get_spirv_options = spirvOptionsOf;
    ops.hash_graphics_state = hashState;
    ops.compile = compileAll;
    ops.deserialize = deserialize;
    ops.cmd_bind_shaders = bind;
    ops.cmd_set_dynamic_graphics_state = vk_cmd_set_dynamic_graphics_state;
    return ops;
}

} // namespace

SVGA3dShaderType shaderType(gl_shader_stage stage) {
    switch (stage) {
    case MESA_SHADER_VERTEX:
        return SVGA3D_SHADERTYPE_VS;
    case MESA_SHADER_TESS_CTRL:
        return SVGA3D_SHADERTYPE_HS;
    case MESA_SHADER_TESS_EVAL:
        return SVGA3D_SHADERTYPE_DS;
    case MESA_SHADER_GEOMETRY:
        return SVGA3D_SHADERTYPE_GS;
    case MESA_SHADER_FRAGMENT:
        return SVGA3D_SHADERTYPE_PS;
    case MESA_SHADER_COMPUTE:
        return SVGA3D_SHADERTYPE_CS;
    default:
        throw Error("the device has no shader stage {}", static_cast<int>(stage));
    }
}

SVGA3dShaderType Shader::type() const {
    return shaderType(stage);
}

uint32_t Shader::idFor(ContextObjects& objects, const std::vector<TextureSwizzle>& swizzles, uint32_t texelSamplers) {
    const std::pair key(swizzles, texelSamplers);
    if (const auto known = ids.find(key); known != ids.end())
        return known->second;
    const auto create = [&](const CompiledShader& made) {
        return ids.emplace(key, objects.createShader(type(), made.tokens, made.signature)).first->second;
    };
    if (swizzles.empty() && !texelSamplers)
        return create(code);
    blob_reader reader;
    blob_reader_init(&reader, nir.data(), nir.size());
    const std::unique_ptr<nir_shader, decltype(&ralloc_free)> copy(nir_deserialize(nullptr, &nirOptions(), &reader),
                                                                   ralloc_free);
    CompileOptions changed = options;
    changed.swizzles = swizzles;
    changed.texelSamplers = texelSamplers;
    return create(compile(*copy, changed));
}

const vk_device_shader_ops kShaderOps = deviceShaderOps();

} // namespace svga::vulkan
