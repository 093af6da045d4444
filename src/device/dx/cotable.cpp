// SPDX-License-Identifier: MIT
#include "device/dx/cotable.h"

#include <algorithm>
#include <array>

namespace svga::device {

uint32_t coTableEntrySize(uint32_t type) {
    switch (type) {
    case SVGA_COTABLE_RTVIEW:
        return sizeof(SVGACOTableDXRTViewEntry);
    case SVGA_COTABLE_DSVIEW:
        return sizeof(SVGACOTableDXDSViewEntry);
    case SVGA_COTABLE_SRVIEW:
        return sizeof(SVGACOTableDXSRViewEntry);
    case SVGA_COTABLE_ELEMENTLAYOUT:
        return sizeof(SVGACOTableDXElementLayoutEntry);
    case SVGA_COTABLE_BLENDSTATE:
        return sizeof(SVGACOTableDXBlendStateEntry);
    case SVGA_COTABLE_DEPTHSTENCIL:
        return sizeof(SVGACOTableDXDepthStencilEntry);
    case SVGA_COTABLE_RASTERIZERSTATE:
        return sizeof(SVGACOTableDXRasterizerStateEntry);
    case SVGA_COTABLE_SAMPLER:
        return sizeof(SVGACOTableDXSamplerEntry);
    case SVGA_COTABLE_STREAMOUTPUT:
        return sizeof(SVGACOTableDXStreamOutputEntry);
    case SVGA_COTABLE_DXQUERY:
        return sizeof(SVGACOTableDXQueryEntry);
    case SVGA_COTABLE_DXSHADER:
        return sizeof(SVGACOTableDXShaderEntry);
    case SVGA_COTABLE_UAVIEW:
        return sizeof(SVGACOTableDXUAViewEntry);
    }
    throw CommandError("COTable type {} is unknown", type);
}

void CoTable::bind(std::shared_ptr<Mob> mob, uint64_t validBytes) {
    // Memory fresh from the guest's allocator holds anything; what was never defined has to read as undefined.
    if (mob) {
        static constexpr std::array<std::byte, 4096> kZeros{};
        for (uint64_t offset = validBytes; offset < mob->size();) {
            const uint64_t size = std::min<uint64_t>(kZeros.size(), mob->size() - offset);
            mob->write(offset, std::span(kZeros).first(size));
            offset += size;
        }
    }
    mob_ = std::move(mob);
}

uint32_t CoTable::capacity(uint32_t entrySize) const {
    return mob_ ? uint32_t(std::min<uint64_t>(mob_->size() / entrySize, SVGA_COTABLE_MAX_IDS)) : 0;
}

} // namespace svga::device
