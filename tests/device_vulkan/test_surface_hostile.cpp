// SPDX-License-Identifier: MIT
#include "surface_fixture.h"

#include <algorithm>
#include <cstdlib>

namespace svga::device::test {
namespace {

class HostileTest : public SurfaceTest {
protected:
    /** The command fails, and says so by CommandError alone. */
    template <typename Body>
    void refused(uint32_t id, const Body& body) {
        EXPECT_THROW(send(id, body), CommandError) << table.find(id)->name;
    }
    void refusedDefinition(const std::function<void(SurfaceDesc&)>& change) {
        SurfaceDesc desc = image(1, SVGA3D_R8G8B8A8_UNORM, 16, 16);
        change(desc);
        EXPECT_THROW(define(desc), CommandError);
        EXPECT_THROW(surfaces->at(1), CommandError);
    }
};

TEST_F(HostileTest, Definitions) {
    refusedDefinition([](SurfaceDesc& d) { d.size.width = 0; });
    refusedDefinition([](SurfaceDesc& d) { d.size.depth = 0; });
    refusedDefinition([](SurfaceDesc& d) { d.size.width = 0xffffffff; });
    refusedDefinition([](SurfaceDesc& d) { d.size = {0xffffffff, 0xffffffff, 0xffffffff}; });
    refusedDefinition([](SurfaceDesc& d) { d.size = {65536, 65536, 1}; });
    refusedDefinition([](SurfaceDesc& d) { d.size = {16384, 16384, 1}, d.arraySize = 2; }); // of 1 GiB
    refusedDefinition([](SurfaceDesc& d) { d.size = {2048, 2048, 2048}; });
    refusedDefinition([](SurfaceDesc& d) { d.mipLevels = 0; });
    refusedDefinition([](SurfaceDesc& d) { d.mipLevels = 6; });
    refusedDefinition([](SurfaceDesc& d) { d.mipLevels = 0xffffffff; });
    refusedDefinition([](SurfaceDesc& d) { d.arraySize = 0xffffffff; });
    refusedDefinition([](SurfaceDesc& d) { d.arraySize = 4096; });
    refusedDefinition([](SurfaceDesc& d) { d.sampleCount = 2; }); // lavapipe has 1 and 4
    refusedDefinition([](SurfaceDesc& d) { d.sampleCount = 3; });
    refusedDefinition([](SurfaceDesc& d) { d.sampleCount = 0x80000000; });
    refusedDefinition([](SurfaceDesc& d) { d.sampleCount = 0xffffffff; });
    refusedDefinition([](SurfaceDesc& d) { d.sampleCount = 4, d.mipLevels = 2; });
    refusedDefinition([](SurfaceDesc& d) { d.sampleCount = 4, d.size.depth = 2; });
    refusedDefinition([](SurfaceDesc& d) { d.sampleCount = 4, d.format = SVGA3D_BC1_UNORM; });
    refusedDefinition([](SurfaceDesc& d) { d.size.depth = 4, d.arraySize = 2; });
    refusedDefinition([](SurfaceDesc& d) { d.format = SVGA3D_FORMAT_INVALID; });
    refusedDefinition([](SurfaceDesc& d) { d.format = SVGA3D_FORMAT_MAX; });
    refusedDefinition([](SurfaceDesc& d) { d.format = SVGA3D_NV12; });
    refusedDefinition([](SurfaceDesc& d) { d.format = SVGA3D_BUFFER; }); // of 16 rows
    refusedDefinition([](SurfaceDesc& d) { d = buffer(1, 0x80000000); });
    refusedDefinition([](SurfaceDesc& d) { d = buffer(1, 16), d.arraySize = 2; });
    refusedDefinition([](SurfaceDesc& d) { d = buffer(1, 16), d.sampleCount = 4; });
    EXPECT_THROW(define(image(0xffffffff, SVGA3D_R8_UNORM, 1)), CommandError);
    define(image(1, SVGA3D_R8_UNORM, 1));
    EXPECT_THROW(define(image(1, SVGA3D_R8_UNORM, 1)), CommandError);
}

TEST_F(HostileTest, UnknownSurfacesAndMobs) {
    refused(SVGA_3D_CMD_DESTROY_GB_SURFACE, SVGA3dCmdDestroyGBSurface{9});
    refused(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{9, SVGA3D_INVALID_ID});
    refused(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{9});
    refused(SVGA_3D_CMD_READBACK_GB_SURFACE, SVGA3dCmdReadbackGBSurface{0xffffffff});
    refused(SVGA_3D_CMD_INVALIDATE_GB_SURFACE, SVGA3dCmdInvalidateGBSurface{9});
    define(image(1, SVGA3D_R8_UNORM, 8, 8));
    refused(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{1, 77});
    refused(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{1}); // not bound
    refused(SVGA_3D_CMD_READBACK_GB_SURFACE, SVGA3dCmdReadbackGBSurface{1});
    refused(SVGA_3D_CMD_DX_PRED_COPY, SVGA3dCmdDXPredCopy{1, 9});
    refused(SVGA_3D_CMD_DX_PRED_COPY, SVGA3dCmdDXPredCopy{9, 1});
}

TEST_F(HostileTest, SubresourcesAndBoxes) {
    SurfaceDesc desc = image(1, SVGA3D_R8G8B8A8_UNORM, 16, 16);
    desc.mipLevels = 2;
    auto mob = defineBacked(desc);
    refused(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, SVGA3dCmdDXUpdateSubResource{1, 2, {0, 0, 0, 1, 1, 1}});
    refused(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, SVGA3dCmdDXUpdateSubResource{1, 0xffffffff, {0, 0, 0, 1, 1, 1}});
    refused(SVGA_3D_CMD_UPDATE_GB_IMAGE, SVGA3dCmdUpdateGBImage{{1, 1, 0}, {0, 0, 0, 1, 1, 1}});
    refused(SVGA_3D_CMD_UPDATE_GB_IMAGE, SVGA3dCmdUpdateGBImage{{1, 0, 2}, {0, 0, 0, 1, 1, 1}});
    refused(SVGA_3D_CMD_READBACK_GB_IMAGE, SVGA3dCmdReadbackGBImage{{1, 0x80000000, 0}});
    refused(SVGA_3D_CMD_DX_READBACK_SUBRESOURCE, SVGA3dCmdDXReadbackSubResource{1, 2});
    refused(SVGA_3D_CMD_DX_INVALIDATE_SUBRESOURCE, SVGA3dCmdDXInvalidateSubResource{1, 2});
    for (SVGA3dBox box : {SVGA3dBox{0, 0, 0, 17, 1, 1}, SVGA3dBox{16, 0, 0, 1, 1, 1}, SVGA3dBox{0, 17, 0, 1, 0, 1},
                          SVGA3dBox{0xffffffff, 0, 0, 1, 1, 1}, SVGA3dBox{1, 0, 0, 0xffffffff, 1, 1},
                          SVGA3dBox{0, 0, 1, 1, 1, 1}, SVGA3dBox{0, 0, 0, 1, 1, 2},
                          SVGA3dBox{0x80000000, 0x80000000, 0x80000000, 0x80000000, 0x80000000, 0x80000000}}) {
        refused(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, SVGA3dCmdDXUpdateSubResource{1, 0, box});
        refused(SVGA_3D_CMD_READBACK_GB_IMAGE_PARTIAL, SVGA3dCmdReadbackGBImagePartial{{1, 0, 0}, box, 0});
    }
    update(1, 0, {16, 16, 0, 0, 0, 1}); // nothing, which is fine

    defineBacked(image(2, SVGA3D_BC1_UNORM, 18, 18));
    refused(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, SVGA3dCmdDXUpdateSubResource{2, 0, {1, 0, 0, 4, 4, 1}});
    refused(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, SVGA3dCmdDXUpdateSubResource{2, 0, {0, 0, 0, 5, 4, 1}});
    update(2, 0, {16, 16, 0, 2, 2, 1}); // to the edge
    update(2, 0, {16, 16, 0, 4, 4, 1}); // the whole last block
    refused(SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, SVGA3dCmdDXUpdateSubResource{2, 0, {16, 16, 0, 8, 4, 1}});
}

TEST_F(HostileTest, MobTooSmall) {
    define(image(1, SVGA3D_R8G8B8A8_UNORM, 64, 64));
    auto mob = mobs.make(1, 4096);
    bind(1, 1);
    refused(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{1});
    refused(SVGA_3D_CMD_READBACK_GB_SURFACE, SVGA3dCmdReadbackGBSurface{1});
    update(1, 0, {0, 0, 0, 64, 16, 1}); // the part that is there
    start(true);
    define(buffer(1, 100000));
    bind(1, 1);
    EXPECT_FALSE(surfaces->at(1)->zeroCopy());
    refused(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{1});
}

TEST_F(HostileTest, Copies) {
    define(image(1, SVGA3D_R8G8B8A8_UNORM, 16, 16));
    define(image(2, SVGA3D_R16_UNORM, 16, 16));
    define(image(3, SVGA3D_D24_UNORM_S8_UINT, 16, 16));
    define(image(4, SVGA3D_BC1_UNORM, 16, 16));
    define(buffer(5, 1024));
    SurfaceDesc samples = image(6, SVGA3D_R8G8B8A8_UNORM, 16, 16);
    samples.sampleCount = 4;
    define(samples);
    const SVGA3dCopyBox all{0, 0, 0, 16, 16, 1, 0, 0, 0};
    for (auto [to, from] : {std::pair{1u, 2u}, {1u, 3u}, {3u, 1u}, {1u, 4u}, {1u, 5u}, {5u, 1u}, {6u, 1u}, {1u, 6u}})
        refused(SVGA_3D_CMD_DX_PRED_COPY_REGION, SVGA3dCmdDXPredCopyRegion{to, 0, from, 0, all});
    for (SVGA3dCopyBox box :
         {SVGA3dCopyBox{1, 0, 0, 16, 16, 1, 0, 0, 0}, SVGA3dCopyBox{0, 0, 0, 16, 16, 1, 1, 0, 0},
          SVGA3dCopyBox{0xfffffff0, 0, 0, 16, 1, 1, 0, 0, 0}, SVGA3dCopyBox{0, 0, 0, 16, 1, 1, 0xfffffff8, 0, 0},
          SVGA3dCopyBox{0, 0, 0x80000000, 1, 1, 1, 0, 0, 0}, SVGA3dCopyBox{0, 0, 0, 1, 1, 2, 0, 0, 0}}) {
        refused(SVGA_3D_CMD_DX_PRED_COPY_REGION, SVGA3dCmdDXPredCopyRegion{1, 0, 1, 0, box});
        refused(SVGA_3D_CMD_INTRA_SURFACE_COPY, SVGA3dCmdIntraSurfaceCopy{{1, 0, 0}, box});
    }
    refused(SVGA_3D_CMD_DX_PRED_COPY_REGION, SVGA3dCmdDXPredCopyRegion{1, 1, 1, 0, all});
    refused(SVGA_3D_CMD_DX_PRED_COPY_REGION, SVGA3dCmdDXPredCopyRegion{1, 0, 1, 0xffffffff, all});
    refused(SVGA_3D_CMD_DX_PRED_COPY_REGION, SVGA3dCmdDXPredCopyRegion{4, 0, 4, 0, {1, 0, 0, 4, 4, 1, 0, 0, 0}});
    refused(SVGA_3D_CMD_DX_PRED_COPY_REGION, SVGA3dCmdDXPredCopyRegion{5, 0, 5, 0, {0, 0, 0, 4, 2, 1, 0, 0, 0}});
    refused(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{5, 5, 0, 0, 1025});
    refused(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{5, 5, 0xffffffff, 0, 2});
    refused(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{1, 5, 0, 0, 2});
    refused(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{6, 0, 1, 0, SVGA3D_R8G8B8A8_UNORM});
    refused(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{3, 0, 6, 0, SVGA3D_R8G8B8A8_UNORM});
    refused(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{1, 0, 6, 0, SVGA3D_NV12});
    refused(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{1, 0, 6, 0, SVGA3D_R16_UNORM});
    refused(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{1, 1, 6, 0, SVGA3D_R8G8B8A8_UNORM});
    refused(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{5, 0, 6, 0, SVGA3D_R8G8B8A8_UNORM});
    for (auto [offset, pitch, slice] : {std::tuple{1021u, 64u, 0u},
                                        {0u, 65u, 0u},
                                        {0xffffffffu, 0u, 0u},
                                        {0u, 0xffffffffu, 0xffffffffu},
                                        {1u, 64u, 1024u}})
        refused(SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER,
                SVGA3dCmdDXTransferFromBuffer{5, offset, pitch, slice, 1, 0, {0, 0, 0, 16, 16, 1}});
    refused(SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER, SVGA3dCmdDXTransferFromBuffer{1, 0, 64, 0, 1, 0, {0, 0, 0, 1, 1, 1}});
    refused(SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER, SVGA3dCmdDXTransferFromBuffer{5, 0, 64, 0, 5, 0, {0, 0, 0, 1, 1, 1}});
    refused(SVGA_3D_CMD_DX_PRESENTBLT, SVGA3dCmdDXPresentBlt{1, 0, 3, 0, {0, 0, 0, 16, 16, 1}, {0, 0, 0, 8, 8, 1}, 1});
}

TEST_F(HostileTest, ShortAndLongBodies) {
    std::vector<std::byte> body(4096);
    for (uint32_t id = SVGA_3D_CMD_BASE; id < SVGA_3D_CMD_MAX; ++id) {
        if (!table.find(id))
            continue;
        EXPECT_THROW(send(id, std::span(body).first(3)), CommandError) << id;
        EXPECT_THROW(send(id, std::span(body).first(4093)), CommandError) << id;
    }
}

/** \brief Commands at random, most of them nearly right: only CommandErrors may come of it, and no Vulkan misuse. */
class RandomCommands : public HostileTest {
protected:
    static constexpr uint32_t kIds = 10;

    bool rarely() { return random() % 24 == 0; }
    uint32_t id() { return rarely() ? random() : 1 + random() % kIds; }
    uint32_t number(uint32_t below) { return rarely() ? random() : random() % (below + rarely() + (below == 0)); }
    SVGA3dSurfaceFormat format() {
        // Mostly of a few, so that they meet.
        constexpr SVGA3dSurfaceFormat kUsual[] = {SVGA3D_R8G8B8A8_UNORM, SVGA3D_R8G8B8A8_TYPELESS,
                                                  SVGA3D_R32_FLOAT,      SVGA3D_D24_UNORM_S8_UINT,
                                                  SVGA3D_BC1_UNORM,      SVGA3D_R32G32_UINT};
        return random() % 3 ? kUsual[random() % std::size(kUsual)]
                            : static_cast<SVGA3dSurfaceFormat>(number(SVGA3D_FORMAT_MAX));
    }

    /** A subresource of a surface, and a box in it: most times. */
    struct Place {
        uint32_t id, subresource;
        SVGA3dBox box;
    };
    Place place() {
        Place place{id(), number(8), {number(16), number(16), 0, number(17), number(17), 1}};
        try {
            auto surface = surfaces->at(place.id);
            place.subresource = number(surface->desc().subresources());
            const auto& level = surface->layout().level(place.subresource % surface->desc().mipLevels);
            const FormatInfo& format = surface->format();
            auto axis = [&](uint32_t size, uint32_t block, uint32_t& start, uint32_t& length) {
                start = number(size) / block * block;
                length = start < size && random() % 3 ? number(size - start) / block * block : size - start;
            };
            axis(level.width, format.blockWidth, place.box.x, place.box.w);
            axis(level.height, format.blockHeight, place.box.y, place.box.h);
            axis(level.depth, 1, place.box.z, place.box.d);
        } catch (const CommandError&) {
        }
        return place;
    }
    static SVGA3dCopyBox copyBox(const Place& to, const Place& from) {
        return {to.box.x,
                to.box.y,
                to.box.z,
                std::min(to.box.w, from.box.w),
                std::min(to.box.h, from.box.h),
                std::min(to.box.d, from.box.d),
                from.box.x,
                from.box.y,
                from.box.z};
    }
    SVGA3dSurfaceImageId imageId(const Place& place) {
        uint32_t levels = 1;
        try {
            levels = surfaces->at(place.id)->desc().mipLevels;
        } catch (const CommandError&) {
        }
        return {place.id, place.subresource / levels, place.subresource % levels};
    }

    void randomDefinition() {
        uint32_t side = 1 + number(32);
        SurfaceDesc desc = image(id(), format(), side, random() % 2 ? side : 1 + number(32));
        if (random() % 6 == 0)
            desc.size.depth = 1 + number(7);
        else if (random() % 3 == 0)
            desc.arraySize = 1 + number(12);
        if (random() % 3 == 0)
            desc = buffer(desc.id, 1 + number(20000));
        else if (random() % 6 == 0)
            desc.sampleCount = 4;
        else if (random() % 2)
            desc.mipLevels = 1 + number(5);
        if (rarely())
            desc.flags = uint64_t(random()) << 32 | random();
        if (rarely())
            destroy(desc.id);
        define(desc);
    }

    void step() {
        Place a = place(), b = place();
        switch (random() % 22) {
        case 0:
        case 1:
            return randomDefinition();
        case 2:
            return random() % 8 ? randomView() : destroy(a.id);
        case 3:
        case 4:
            return bind(a.id, random() % 8 ? 1 + random() % 4 : SVGA3D_INVALID_ID);
        case 5:
            return send(SVGA_3D_CMD_BIND_GB_SURFACE_WITH_PITCH,
                        SVGA3dCmdBindGBSurfaceWithPitch{a.id, 1 + uint32_t(random() % 4), number(300)});
        case 6:
            return update(a.id);
        case 7:
        case 8:
            return update(a.id, a.subresource, a.box);
        case 9:
            return readback(a.id);
        case 10:
            return send(SVGA_3D_CMD_READBACK_GB_IMAGE_PARTIAL,
                        SVGA3dCmdReadbackGBImagePartial{imageId(a), a.box, number(2)});
        case 11:
        case 12:
            return send(SVGA_3D_CMD_DX_PRED_COPY_REGION,
                        SVGA3dCmdDXPredCopyRegion{a.id, a.subresource, b.id, b.subresource, copyBox(a, b)});
        case 13:
            return send(SVGA_3D_CMD_INTRA_SURFACE_COPY,
                        SVGA3dCmdIntraSurfaceCopy{
                            imageId(a), {number(8), number(8), 0, number(8), number(8), 1, number(8), number(8), 0}});
        case 14:
            return send(SVGA_3D_CMD_DX_PRED_COPY, SVGA3dCmdDXPredCopy{a.id, b.id});
        case 15:
            return send(SVGA_3D_CMD_DX_BUFFER_COPY,
                        SVGA3dCmdDXBufferCopy{a.id, b.id, number(5000), number(5000), number(5000)});
        case 16:
            return send(SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER,
                        SVGA3dCmdDXTransferFromBuffer{b.id, number(4000), number(200), number(2000), a.id,
                                                      a.subresource, a.box});
        case 17:
            return send(SVGA_3D_CMD_DX_RESOLVE_COPY,
                        SVGA3dCmdDXResolveCopy{a.id, a.subresource, b.id, b.subresource, format()});
        case 18:
            return send(SVGA_3D_CMD_DX_PRESENTBLT,
                        SVGA3dCmdDXPresentBlt{b.id, b.subresource, a.id, a.subresource, b.box, a.box, number(4)});
        case 19:
            return surfaces->generateMips(a.id, format(), {number(3), number(5), number(3), number(7)});
        case 20:
            return randomView();
        default:
            queue->submit();
        }
    }

    void randomView() {
        auto surface = surfaces->at(id());
        ImageViewKey key;
        if (const FormatInfo* info = formatInfo(random() % 2 ? format() : surface->desc().format)) {
            key.format = info->vulkan;
            key.aspect = info->aspect;
            key.swizzle = info->swizzle;
        }
        key.type = static_cast<VkImageViewType>(number(7));
        key.firstLevel = number(3);
        key.levels = 1 + number(2);
        key.firstLayer = number(3);
        key.layers = random() % 2 ? 1 : number(7);
        if (surface->desc().isBuffer())
            surface->bufferView(key.format, number(300) * 16, number(300) * 16);
        else
            surface->view(key);
    }
};

TEST_F(RandomCommands, OnlyCommandErrors) {
    // SVGA_TEST_SEEDS: how many runs of 400 commands.
    const char* wanted = std::getenv("SVGA_TEST_SEEDS");
    uint32_t seeds = wanted ? static_cast<uint32_t>(std::atoi(wanted)) : 25;
    uint32_t done = 0, refused = 0;
    for (uint32_t seed = 1; seed <= seeds; ++seed) {
        start(seed % 2);
        random.seed(seed);
        for (uint32_t mob = 1; mob <= 4; ++mob)
            mobs.make(mob, 4096u << (2 * mob), mob != 3);
        for (int i = 0; i < 400; ++i) {
            try {
                step();
                ++done;
            } catch (const CommandError&) {
                ++refused;
            }
        }
        queue->finish();
        ASSERT_EQ(device.validationErrors(), errorsBefore) << "seed " << seed;
    }
    std::printf("%u done, %u refused\n", done, refused);
    EXPECT_GT(done, refused / 4);

    // It all still works.
    start(false);
    auto mob = defineBacked(image(1, SVGA3D_R8G8B8A8_UNORM, 16, 16));
    std::memset(mob->bytes().data(), 0x5a, mob->bytes().size());
    update(1);
    EXPECT_EQ(hostCopy(1, 0)[1023], std::byte{0x5a});
}

} // namespace
} // namespace svga::device::test
