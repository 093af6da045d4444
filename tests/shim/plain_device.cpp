// SPDX-License-Identifier: MIT
/**
 * \file
 * A device for tests of coherence: the real front, and surfaces that are plain bytes apart from guest memory.
 *
 * It knows the commands that move bytes between guest memory and surfaces and between surfaces, carries them out a
 * little late, and ignores all others. Whatever the embedded kernel forgets to update or to read back shows.
 */
#include "device/command_error.h"
#include "device/pci_function.h"
#include "device/renderer.h"
#include "shim/kernel/surface_layout.h"
#include "util/error.h"
#include "vfio_user/server.h"

#include <spdlog/spdlog.h>
#include <svga3d_cmd.h>
#include <svga3d_devcaps.h>
#include <svga3d_dx.h>
#include <svga3d_surfacedefs.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>

namespace {

using namespace svga;
using device::CommandBody;
using device::CommandError;
using shim::SurfaceLayout;

struct PlainSurface {
    SurfaceLayout layout; ///< of one sheet
    SVGA3dSurfaceFormat format;
    SVGA3dSize size;
    std::vector<std::byte> bytes; ///< all sheets
    std::shared_ptr<device::Mob> mob;
};

class PlainRenderer final : public device::Renderer {
public:
    explicit PlainRenderer(const device::MobLookup& mobs)
        : mobs_(mobs) {}

    void registerCommands(device::CommandTable& table) override {
        for (uint32_t id = SVGA_3D_CMD_BASE; id < SVGA_3D_CMD_MAX; ++id)
            table.add(id, "ignored", [](uint32_t, CommandBody) {});
        table.add(SVGA_3D_CMD_DEFINE_GB_SURFACE_V3, "define", [this](uint32_t, CommandBody body) {
            const auto define = body.take<SVGA3dCmdDefineGBSurface_v3>();
            this->define(define.sid, define.format, define.size, define.numMipLevels, define.arraySize,
                         define.multisampleCount);
        });
        table.add(SVGA_3D_CMD_DEFINE_GB_SURFACE_V4, "define", [this](uint32_t, CommandBody body) {
            const auto define = body.take<SVGA3dCmdDefineGBSurface_v4>();
            this->define(define.sid, define.format, define.size, define.numMipLevels, define.arraySize,
                         define.multisampleCount);
        });
        table.add(SVGA_3D_CMD_DESTROY_GB_SURFACE, "destroy",
                  [this](uint32_t, CommandBody body) { surfaces_.erase(body.take<SVGA3dCmdDestroyGBSurface>().sid); });
        table.add(SVGA_3D_CMD_BIND_GB_SURFACE, "bind", [this](uint32_t, CommandBody body) {
            const auto bind = body.take<SVGA3dCmdBindGBSurface>();
            surface(bind.sid).mob = bind.mobid == SVGA3D_INVALID_ID ? nullptr : mobs_.get(bind.mobid);
        });
        table.add(SVGA_3D_CMD_UPDATE_GB_SURFACE, "update", [this](uint32_t, CommandBody body) {
            PlainSurface& surface = this->surface(body.take<SVGA3dCmdUpdateGBSurface>().sid);
            delay();
            surface.mob->read(0, surface.bytes);
        });
        table.add(SVGA_3D_CMD_READBACK_GB_SURFACE, "readback", [this](uint32_t, CommandBody body) {
            PlainSurface& surface = this->surface(body.take<SVGA3dCmdReadbackGBSurface>().sid);
            delay();
            surface.mob->write(0, surface.bytes);
        });
        table.add(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, "update", [this](uint32_t, CommandBody body) {
            const auto update = body.take<SVGA3dCmdDXUpdateSubResource>();
            PlainSurface& surface = this->surface(update.sid);
            delay();
            eachRow(surface, update.subResource, update.box, [&](uint64_t offset, uint64_t size) {
                surface.mob->read(offset, std::span(surface.bytes).subspan(offset, size));
            });
        });
        table.add(SVGA_3D_CMD_DX_READBACK_SUBRESOURCE, "readback", [this](uint32_t, CommandBody body) {
            const auto readback = body.take<SVGA3dCmdDXReadbackSubResource>();
            PlainSurface& surface = this->surface(readback.sid);
            const auto place = surface.layout.subresource(readback.subResource);
            delay();
            surface.mob->write(place.offset, std::span(surface.bytes).subspan(place.offset, place.size));
        });
        table.add(SVGA_3D_CMD_DX_BUFFER_COPY, "copy", [this](uint32_t, CommandBody body) {
            const auto copy = body.take<SVGA3dCmdDXBufferCopy>();
            delay();
            std::memmove(&surface(copy.dest).bytes.at(copy.destX + copy.width - 1) - (copy.width - 1),
                         &surface(copy.src).bytes.at(copy.srcX + copy.width - 1) - (copy.width - 1), copy.width);
        });
        table.add(SVGA_3D_CMD_DX_PRED_COPY_REGION, "copy", [this](uint32_t, CommandBody body) {
            const auto copy = body.take<SVGA3dCmdDXPredCopyRegion>();
            PlainSurface& from = surface(copy.srcSid);
            PlainSurface& to = surface(copy.dstSid);
            if (from.bytes.size() / from.layout.size() != to.bytes.size() / to.layout.size())
                throw CommandError("copy between sample counts");
            delay();
            for (uint64_t sheet = 0; sheet < from.bytes.size() / from.layout.size(); ++sheet) {
                std::vector<std::byte> moved;
                const std::byte* source = from.bytes.data() + sheet * from.layout.size();
                eachRow(from, copy.srcSubResource,
                        {copy.box.srcx, copy.box.srcy, copy.box.srcz, copy.box.w, copy.box.h, copy.box.d},
                        [&](uint64_t offset, uint64_t size) {
                            moved.insert(moved.end(), source + offset, source + offset + size);
                        });
                std::byte* target = to.bytes.data() + sheet * to.layout.size();
                std::size_t at = 0;
                eachRow(to, copy.dstSubResource,
                        {copy.box.x, copy.box.y, copy.box.z, copy.box.w, copy.box.h, copy.box.d},
                        [&](uint64_t offset, uint64_t size) {
                            std::memcpy(target + offset, moved.data() + at, size);
                            at += size;
                        });
            }
        });
    }

    uint32_t devcap(uint32_t index) const override {
        return index == SVGA3D_DEVCAP_3D || index == SVGA3D_DEVCAP_DXCONTEXT || index == SVGA3D_DEVCAP_SM41;
    }
    uint64_t submit() override { return 0; }
    void wait(uint64_t) override {}

private:
    PlainSurface& surface(uint32_t id) {
        auto it = surfaces_.find(id);
        if (it == surfaces_.end())
            throw CommandError("no surface {}", id);
        return it->second;
    }

    void define(uint32_t id, SVGA3dSurfaceFormat format, SVGA3dSize size, uint32_t levels, uint32_t layers,
                uint32_t samples) {
        auto layout = SurfaceLayout::create({format, size, levels, layers, 1});
        if (!layout)
            throw CommandError("surface {} has no layout", id);
        const auto bytes = layout->size() * std::max(samples, 1u);
        surfaces_.insert_or_assign(id, PlainSurface{*layout, format, size, std::vector<std::byte>(bytes), nullptr});
    }

    /// Formats of one texel per block only.
    template <typename Function>
    void eachRow(const PlainSurface& surface, uint32_t subresource, SVGA3dBox box, Function function) {
        const auto place = surface.layout.subresource(subresource);
        const uint64_t texel = g_SVGA3dSurfaceDescs[surface.format].bytesPerBlock;
        const uint64_t width = std::max(surface.size.width >> place.level, 1u);
        const uint64_t height = std::max(surface.size.height >> place.level, 1u);
        for (uint32_t z = box.z; z < box.z + box.d; ++z) {
            for (uint32_t y = box.y; y < box.y + box.h; ++y) {
                const uint64_t offset = place.offset + ((z * height + y) * width + box.x) * texel;
                if (box.x + box.w > width || offset + box.w * texel > place.offset + place.size)
                    throw CommandError("box beyond subresource {}", subresource);
                function(offset, box.w * texel);
            }
        }
    }

    static void delay() { std::this_thread::sleep_for(std::chrono::microseconds(50)); }

    const device::MobLookup& mobs_;
    std::map<uint32_t, PlainSurface> surfaces_;
};

} // namespace

int main(int, char** argv) {
    const std::string_view argument = argv[1];
    const int fd = std::atoi(argument.substr(argument.find('=') + 1).data());
    device::MachineOptions machine;
    machine.renderer = [](const device::MobLookup& mobs) { return std::make_unique<PlainRenderer>(mobs); };
    machine.onLost = [](const char*) { std::_Exit(EXIT_FAILURE); };
    device::PciFunction function(std::move(machine));
    vfio_user::Server(UniqueFd(fd), function).run();
    return EXIT_SUCCESS;
}
