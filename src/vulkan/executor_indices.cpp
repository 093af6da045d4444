// SPDX-License-Identifier: MIT
//
// Indices of 16 bits made ones of 32 bits.
//
// To the device an index of all ones always ends a primitive. To Vulkan it is one like others where primitive restart
// is not enabled, and with 16 bits it may well name a vertex. As 32 bits it is no longer all ones.
#include "vulkan/compiler/nir_passes.h"
#include "vulkan/device.h"
#include "vulkan/executor.h"
#include "vulkan/memory.h"

#include <svga3d_dx.h>

#include <algorithm>

#include "util/bitscan.h"

namespace svga::vulkan {

namespace {

constexpr uint32_t kGroupSize = 64;
constexpr uint32_t kMostGroups = 65535; ///< of a dispatch
constexpr uint32_t kCutIndex = 0xffff;

struct Parameters {
    uint32_t source; ///< byte in its view at which the first index is
    uint32_t first;  ///< number of the first index of this dispatch
    uint32_t count;  ///< of all indices
};

/** Each invocation copies an index from the buffer of binding 0 to that of binding 1. */
CompiledShader makeShader() {
    nir_builder builder = nir_builder_init_simple_shader(MESA_SHADER_COMPUTE, &nirOptions(), "wider indices");
    nir_builder* b = &builder;
    b->shader->info.workgroup_size[0] = kGroupSize;
    nir_def* parameters = nir_load_push_constant(b, 3, 32, nir_imm_int(b, 0));
    nir_intrinsic_set_range(nir_instr_as_intrinsic(parameters->parent_instr), sizeof(Parameters));
    nir_def* index =
        nir_iadd(b, nir_channel(b, parameters, 1), nir_channel(b, nir_load_global_invocation_id(b, 32), 0));
    nir_push_if(b, nir_ult(b, index, nir_channel(b, parameters, 2)));
    {
        nir_def* from = nir_iadd(b, nir_channel(b, parameters, 0), nir_imul_imm(b, index, sizeof(uint16_t)));
        nir_def* word = nir_load_ssbo(b, 1, 32, storageBuffer(b, 0), nir_iand_imm(b, from, ~3u));
        nir_intrinsic_set_align(nir_instr_as_intrinsic(word->parent_instr), sizeof(uint32_t), 0);
        nir_def* half = nir_ushr(b, word, nir_imul_imm(b, nir_iand_imm(b, from, 2), 8));
        nir_intrinsic_instr* store = nir_store_ssbo(b, nir_iand_imm(b, half, 0xffff), storageBuffer(b, 1),
                                                    nir_imul_imm(b, index, sizeof(uint32_t)));
        nir_intrinsic_set_align(store, sizeof(uint32_t), 0);
    }
    nir_pop_if(b, nullptr);
    nir_shader_gather_info(b->shader, nir_shader_get_entrypoint(b->shader));
    const std::unique_ptr<nir_shader, void (*)(void*)> owned(b->shader, ralloc_free);
    return compile(*b->shader, {});
}

} // namespace

bool Executor::cutIndexIsVertex(int64_t vertexOffset) const {
    const vk_dynamic_graphics_state& state = dynamic_graphics_state;
    const Shader* vertexShader = shaders_[MESA_SHADER_VERTEX];
    if (indexFormat_ != SVGA3D_R16_UINT || state.ia.primitive_restart_enable || !vertexShader)
        return false;
    uint32_t inputs = vertexShader->code.vertexInputs & state.vi->attributes_valid;
    while (inputs) {
        const uint32_t binding = state.vi->attributes[u_bit_scan(&inputs)].binding;
        const uint32_t stride = state.vi_binding_strides[binding];
        if (state.vi->bindings[binding].input_rate == VK_VERTEX_INPUT_RATE_VERTEX && stride &&
            static_cast<int64_t>(vertexBuffers_.at(binding).size / stride) <= kCutIndex + vertexOffset)
            return false; // no vertex buffer goes as far
    }
    return true;
}

winsys::Surface& Executor::widenIndices(uint64_t first, uint32_t count) {
    const uint64_t available = indexBuffer_.size / sizeof(uint16_t);
    count = static_cast<uint32_t>(first < available ? std::min<uint64_t>(count, available - first) : 0);
    const uint64_t bytes = std::max<uint64_t>(uint64_t{count} * sizeof(uint32_t), 4096);
    if (objects_.trim())
        forgetBound();
    if (!wideIndices_ || wideIndices_->width() < bytes) {
        if (wideIndices_)
            objects_.forget(*wideIndices_);
        wideIndices_ = createBufferSurface(*device().winsys, bytes);
    }
    if (!widening_)
        widening_.emplace(objects_, makeShader());
    const uint64_t source = indexBuffer_.offset + first * sizeof(uint16_t);
    const uint64_t base = source / kRawViewAlignment * kRawViewAlignment;
    const Parameters parameters{static_cast<uint32_t>(source - base), 0, count};
    const std::array views{
        rawView(objects_, RegisterFile::UnorderedAccess, *indexBuffer_.surface, base,
                parameters.source + uint64_t{count} * sizeof(uint16_t)),
        rawView(objects_, RegisterFile::UnorderedAccess, *wideIndices_, 0, wideIndices_->width()),
    };
    for (Parameters part = parameters; part.first < count; part.first += kMostGroups * kGroupSize) {
        const uint32_t groups = (count - part.first + kGroupSize - 1) / kGroupSize;
        runProgram(*widening_, std::as_bytes(std::span(&part, 1)), views, {std::min(groups, kMostGroups), 1, 1});
    }
    return *wideIndices_;
}

} // namespace svga::vulkan
