// SPDX-License-Identifier: MIT
#include "vulkan/compiler/emitter.h"

#include <bit>

namespace svga::vulkan {
namespace {

constexpr float kMaxTessFactor = 64;

uint32_t domainOf(uint8_t primitive) {
    switch (primitive) {
    case TESS_PRIMITIVE_TRIANGLES:
        return VGPU10_TESSELLATOR_DOMAIN_TRI;
    case TESS_PRIMITIVE_QUADS:
        return VGPU10_TESSELLATOR_DOMAIN_QUAD;
    case TESS_PRIMITIVE_ISOLINES:
        return VGPU10_TESSELLATOR_DOMAIN_ISOLINE;
    default:
        throw Error("no tessellation stage names its primitive");
    }
}

} // namespace

/** \brief Factors are one to a register, the outer ones in x and the inner ones in y. \return none: of no meaning */
std::optional<VaryingPlace> Emitter::tessellationPlace(uint32_t slot, uint32_t component) const {
    const bool inner = slot == VARYING_SLOT_TESS_LEVEL_INNER;
    const auto place = [&](uint32_t systemValue) {
        return VaryingPlace{kMaxLocations + component, static_cast<uint8_t>(inner ? 1 : 0), systemValue};
    };
    switch (options_.tessellation.primitive) {
    case TESS_PRIMITIVE_QUADS:
        if (component < (inner ? 2u : 4u))
            return place(
                (inner ? VGPU10_NAME_FINAL_QUAD_U_INSIDE_TESSFACTOR : VGPU10_NAME_FINAL_QUAD_U_EQ_0_EDGE_TESSFACTOR) +
                component);
        break;
    case TESS_PRIMITIVE_TRIANGLES:
        if (component < (inner ? 1u : 3u))
            return place(
                (inner ? VGPU10_NAME_FINAL_TRI_INSIDE_TESSFACTOR : VGPU10_NAME_FINAL_TRI_U_EQ_0_EDGE_TESSFACTOR) +
                component);
        break;
    case TESS_PRIMITIVE_ISOLINES:
        if (!inner && component < 2)
            return place(VGPU10_NAME_FINAL_LINE_DETAIL_TESSFACTOR + component);
        break;
    default:
        break;
    }
    return std::nullopt;
}

void Emitter::declareTessellation(TokenBuilder& declarations) const {
    const TessellationModes& modes = options_.tessellation;
    const auto field = [&](uint32_t opcode, uint32_t value) { declarations.declare(opcode, {}, {}, value << 11); };
    field(VGPU10_OPCODE_DCL_INPUT_CONTROL_POINT_COUNT, inputVertices());
    field(VGPU10_OPCODE_DCL_TESS_DOMAIN, domainOf(modes.primitive));
    if (nir_.info.stage != MESA_SHADER_TESS_CTRL)
        return;
    field(VGPU10_OPCODE_DCL_OUTPUT_CONTROL_POINT_COUNT, nir_.info.tess.tcs_vertices_out);
    field(VGPU10_OPCODE_DCL_TESS_PARTITIONING,
          modes.spacing == TESS_SPACING_FRACTIONAL_ODD    ? VGPU10_TESSELLATOR_PARTITIONING_FRACTIONAL_ODD
          : modes.spacing == TESS_SPACING_FRACTIONAL_EVEN ? VGPU10_TESSELLATOR_PARTITIONING_FRACTIONAL_EVEN
                                                          : VGPU10_TESSELLATOR_PARTITIONING_INTEGER);
    field(VGPU10_OPCODE_DCL_TESS_OUTPUT_PRIMITIVE, modes.points ? VGPU10_TESSELLATOR_OUTPUT_POINT
                                                   : modes.primitive == TESS_PRIMITIVE_ISOLINES
                                                       ? VGPU10_TESSELLATOR_OUTPUT_LINE
                                                   : modes.counterclockwise ? VGPU10_TESSELLATOR_OUTPUT_TRIANGLE_CCW
                                                                            : VGPU10_TESSELLATOR_OUTPUT_TRIANGLE_CW);
    declarations.declare(VGPU10_OPCODE_DCL_HS_MAX_TESSFACTOR, {}, {std::bit_cast<uint32_t>(kMaxTessFactor)});
}

CompiledShader Emitter::emitHull(Emitter& controlPoint, Emitter& patch, uint32_t instances) {
    controlPoint.run();
    patch.run();
    Emitter& e = controlPoint;
    e.usesDoubles_ |= patch.usesDoubles_;
    e.result_.usesDriverConstants |= patch.result_.usesDriverConstants;
    e.result_.usesPushConstants |= patch.result_.usesPushConstants;

    TokenBuilder out;
    out.op(VGPU10_OPCODE_HS_DECLS);
    e.declareGlobals(out);
    e.declareTessellation(out);
    out.op(VGPU10_OPCODE_HS_CONTROL_POINT_PHASE);
    controlPoint.declareCommon(out);
    out.append(controlPoint.code_.tokens());
    out.op(VGPU10_OPCODE_HS_FORK_PHASE);
    if (instances > 1)
        out.declare(VGPU10_OPCODE_DCL_HS_FORK_PHASE_INSTANCE_COUNT, {}, {instances});
    patch.declareCommon(out);
    out.append(patch.code_.tokens());

    e.result_.tokens = e.program(out);
    for (const auto& [key, entry] : patch.inputs_.entries())
        e.inputs_.use(entry.reg, entry.systemValue, entry.mask);
    e.result_.signature = encodeSignature(e.inputs_, e.outputs_, patch.outputs_);
    e.finish();
    return std::move(e.result_);
}

} // namespace svga::vulkan
