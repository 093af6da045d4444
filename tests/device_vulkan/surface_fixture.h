// SPDX-License-Identifier: MIT
#pragma once

#include "fake_mobs.h"
#include "gpu.h"

#include "device/vulkan/surface_manager.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <random>

namespace svga::device::test {

/** \brief Surfaces driven as a guest does: by commands. */
class SurfaceTest : public GpuTest {
protected:
    void SetUp() override { start(false); }

    void start(bool zeroCopy) {
        table = {};
        surfaces.reset();
        surfaces.emplace(device, *queue, mobs, SurfaceManager::Options{zeroCopy, 1ull << 30});
        registerSurfaceCommands(table, *surfaces, [this](uint32_t) { return predicateSkips; });
    }

    void TearDown() override {
        surfaces.reset();
        GpuTest::TearDown();
    }

    void send(uint32_t id, std::span<const std::byte> body) {
        const CommandTable::Entry* entry = table.find(id);
        ASSERT_NE(entry, nullptr) << id;
        entry->handler(0, CommandBody(body));
    }
    template <typename Body>
    void send(uint32_t id, const Body& body) {
        send(id, std::as_bytes(std::span(&body, 1)));
    }

    static SurfaceDesc image(uint32_t id, SVGA3dSurfaceFormat format, uint32_t width, uint32_t height = 1,
                             uint32_t depth = 1) {
        SurfaceDesc desc;
        desc.id = id;
        desc.format = format;
        desc.size = {width, height, depth};
        return desc;
    }
    static SurfaceDesc buffer(uint32_t id, uint32_t size) { return image(id, SVGA3D_BUFFER, size); }

    void define(const SurfaceDesc& desc) {
        send(SVGA_3D_CMD_DEFINE_GB_SURFACE_V4,
             SVGA3dCmdDefineGBSurface_v4{desc.id, desc.flags, desc.format, desc.mipLevels, desc.sampleCount,
                                         SVGA3D_MS_PATTERN_STANDARD, SVGA3D_MS_QUALITY_FULL, SVGA3D_TEX_FILTER_NONE,
                                         desc.size, desc.arraySize, 0});
    }
    void destroy(uint32_t id) { send(SVGA_3D_CMD_DESTROY_GB_SURFACE, SVGA3dCmdDestroyGBSurface{id}); }
    void bind(uint32_t id, uint32_t mob) { send(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{id, mob}); }
    void update(uint32_t id) { send(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{id}); }
    void update(uint32_t id, uint32_t subresource, const SVGA3dBox& box) {
        send(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, SVGA3dCmdDXUpdateSubResource{id, subresource, box});
    }
    void readback(uint32_t id) { send(SVGA_3D_CMD_READBACK_GB_SURFACE, SVGA3dCmdReadbackGBSurface{id}); }

    /** A MOB with the surface's id that is large enough for it, bound. */
    std::shared_ptr<FakeMob> back(uint32_t id) {
        auto mob = mobs.make(id, surfaces->at(id)->layout().size());
        bind(id, id);
        return mob;
    }
    std::shared_ptr<FakeMob> defineBacked(const SurfaceDesc& desc) {
        define(desc);
        return back(desc.id);
    }

    /** Random bytes that every format keeps: no NaN, no unused bits set. */
    void fillValid(std::span<std::byte> bytes, SVGA3dSurfaceFormat format) {
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(random());
        const FormatInfo* info = formatInfo(format);
        if (!info)
            return;
        if (info->packing == DepthPacking::D32S8X24)
            for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
                setFloat(bytes.data() + i);
                bytes[i + 5] = bytes[i + 6] = bytes[i + 7] = std::byte{0};
            }
        else if (info->packing == DepthPacking::D32)
            for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4)
                setFloat(bytes.data() + i);
    }

    std::vector<std::byte> hostCopy(uint32_t id, uint32_t subresource) {
        auto surface = surfaces->at(id);
        return Readbacks::fetch(*queue, *surface, surface->layout().whole(subresource));
    }

    FakeMobs mobs;
    std::optional<SurfaceManager> surfaces;
    CommandTable table;
    bool predicateSkips = false;
    std::mt19937 random{1};

private:
    void setFloat(std::byte* at) {
        float value = static_cast<float>(random() % 65536) / 65535.0f;
        std::memcpy(at, &value, 4);
    }
};

} // namespace svga::device::test
