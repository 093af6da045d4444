// SPDX-License-Identifier: MIT
#include "device/renderer.h"

#include <svga3d_cmd.h>
#include <svga3d_devcaps.h>

namespace svga::device {

namespace {

class NullRenderer final : public Renderer {
public:
    void registerCommands(CommandTable& table) override {
        for (uint32_t id = SVGA_3D_CMD_BASE; id < SVGA_3D_CMD_MAX; ++id)
            table.add(id, "ignored", [](uint32_t, CommandBody) {});
    }

    uint32_t devcap(uint32_t index) const override {
        switch (index) {
        case SVGA3D_DEVCAP_3D:
        case SVGA3D_DEVCAP_DXCONTEXT:
        case SVGA3D_DEVCAP_SM41:
            return 1;
        case SVGA3D_DEVCAP_MAX_TEXTURE_WIDTH:
        case SVGA3D_DEVCAP_MAX_TEXTURE_HEIGHT:
            return 8192;
        default:
            return 0;
        }
    }

    uint64_t submit() override { return 0; }
    void wait(uint64_t) override {}
};

} // namespace

std::unique_ptr<Renderer> createNullRenderer() {
    return std::make_unique<NullRenderer>();
}

} // namespace svga::device
