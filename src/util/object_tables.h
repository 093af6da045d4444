// SPDX-License-Identifier: MIT
/**
 * \file
 * The tables an SVGA guest keeps in its own memory for the device: one object table of a kind for the whole device, and
 * the context-object tables (COTables) of each DX context. A guest sizes them and a device bounds ids by the size of an
 * entry.
 *
 * Source: svga3d_cmd.h (SVGAOTable...Entry), svga3d_dx.h (SVGACOTable...Entry).
 */
#pragma once

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <array>
#include <cstdint>

namespace svga {

/** \brief Bytes of an entry, by SVGAOTableType. */
inline constexpr std::array<uint32_t, SVGA_OTABLE_DX_MAX> kObjectTableEntrySizes = {
    sizeof(SVGAOTableMobEntry),    sizeof(SVGAOTableSurfaceEntry),      sizeof(SVGAOTableContextEntry),
    sizeof(SVGAOTableShaderEntry), sizeof(SVGAOTableScreenTargetEntry), sizeof(SVGAOTableDXContextEntry),
};

/** \brief Bytes of an entry, by SVGACOTableType. */
inline constexpr std::array<uint32_t, SVGA_COTABLE_MAX> kCoTableEntrySizes = {
    sizeof(SVGACOTableDXRTViewEntry),          sizeof(SVGACOTableDXDSViewEntry),
    sizeof(SVGACOTableDXSRViewEntry),          sizeof(SVGACOTableDXElementLayoutEntry),
    sizeof(SVGACOTableDXBlendStateEntry),      sizeof(SVGACOTableDXDepthStencilEntry),
    sizeof(SVGACOTableDXRasterizerStateEntry), sizeof(SVGACOTableDXSamplerEntry),
    sizeof(SVGACOTableDXStreamOutputEntry),    sizeof(SVGACOTableDXQueryEntry),
    sizeof(SVGACOTableDXShaderEntry),          sizeof(SVGACOTableDXUAViewEntry),
};

} // namespace svga
