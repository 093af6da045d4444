// SPDX-License-Identifier: MIT
/**
 * \file
 * Multisampled surfaces in guest memory: a sheet for each sample.
 */
#include "surface_fixture.h"

#include <algorithm>
#include <cstdlib>

namespace svga::device::test {

namespace {

class SampleSheetsTest : public SurfaceTest {
protected:
    static constexpr uint32_t kSamples = 4;

    static SurfaceDesc multisampled(uint32_t id, SVGA3dSurfaceFormat format, uint32_t width, uint32_t height,
                                    uint32_t layers = 1) {
        SurfaceDesc desc = image(id, format, width, height);
        const FormatInfo* info = formatInfo(format);
        desc.flags = SVGA3D_SURFACE_MULTISAMPLE |
                     (info->depthStencil ? SVGA3D_SURFACE_BIND_DEPTH_STENCIL : SVGA3D_SURFACE_BIND_RENDER_TARGET);
        desc.sampleCount = kSamples;
        desc.arraySize = layers;
        return desc;
    }

    /** Defines it and binds a MOB of just all sheets. */
    std::shared_ptr<FakeMob> defineSheets(const SurfaceDesc& desc) {
        define(desc);
        auto mob = mobs.make(desc.id, surfaces->at(desc.id)->layout().size() * kSamples);
        bind(desc.id, desc.id);
        return mob;
    }

    /**
     * \brief Whether two sheets hold the same texels. A depth of 24 bits passes through floats of as many, and drivers
     * round twice on the way: it may be two units off. Stencil is exact.
     */
    static ::testing::AssertionResult same(std::span<const std::byte> a, std::span<const std::byte> b,
                                           SVGA3dSurfaceFormat format) {
        for (std::size_t i = 0; i + 4 <= a.size(); i += 4) {
            uint32_t x, y;
            std::memcpy(&x, a.data() + i, 4);
            std::memcpy(&y, b.data() + i, 4);
            const uint32_t depths = std::abs(int32_t(x & 0xffffff) - int32_t(y & 0xffffff));
            const bool close = format == SVGA3D_D24_UNORM_S8_UINT && x >> 24 == y >> 24 && depths <= 2;
            if (x != y && !close)
                return ::testing::AssertionFailure()
                       << "format " << format << ", byte " << i << std::hex << ": " << x << ", not " << y;
        }
        return ::testing::AssertionSuccess();
    }

    /** All sheets of surface \p id in its MOB, which has whole pages. */
    std::vector<std::byte> sheetsOf(uint32_t id, FakeMob& mob) const {
        const auto bytes = mob.bytes().first(surfaces->at(id)->layout().size() * kSamples);
        return {bytes.begin(), bytes.end()};
    }
};

TEST_F(SampleSheetsTest, WhatIsUpdatedIsReadBack) {
    for (SVGA3dSurfaceFormat format :
         {SVGA3D_R8_UNORM, SVGA3D_B5G6R5_UNORM, SVGA3D_R8G8B8A8_UNORM, SVGA3D_B8G8R8A8_UNORM_SRGB, SVGA3D_R32_SINT,
          SVGA3D_R16G16B16A16_FLOAT, SVGA3D_R32G32B32A32_UINT, SVGA3D_D16_UNORM, SVGA3D_D24_UNORM_S8_UINT,
          SVGA3D_D32_FLOAT, SVGA3D_D32_FLOAT_S8X24_UINT}) {
        auto mob = defineSheets(multisampled(1, format, 13, 7, 2));
        fillValid(mob->bytes(), format);
        const auto written = sheetsOf(1, *mob);
        update(1);
        std::fill(mob->bytes().begin(), mob->bytes().end(), std::byte{0});
        readback(1);
        EXPECT_TRUE(same(sheetsOf(1, *mob), written, format));
        destroy(1);
    }
}

TEST_F(SampleSheetsTest, EachSheetIsOneSample) {
    auto sheets = defineSheets(multisampled(1, SVGA3D_R8G8B8A8_UNORM, 5, 3));
    const auto size = surfaces->at(1)->layout().size();
    const uint8_t values[kSamples] = {8, 40, 100, 252};
    for (uint32_t sample = 0; sample < kSamples; ++sample)
        std::fill_n(sheets->bytes().begin() + sample * size, size, std::byte{values[sample]});
    update(1);
    auto average = defineBacked(image(2, SVGA3D_R8G8B8A8_UNORM, 5, 3));
    send(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{2, 0, 1, 0, SVGA3D_R8G8B8A8_UNORM});
    for (std::byte byte : hostCopy(2, 0))
        ASSERT_EQ(byte, std::byte{100}); // the average

    // An integer format resolves to sample 0.
    sheets = defineSheets(multisampled(3, SVGA3D_R8G8B8A8_UINT, 5, 3));
    for (uint32_t sample = 0; sample < kSamples; ++sample)
        std::fill_n(sheets->bytes().begin() + sample * size, size, std::byte{values[sample]});
    update(3);
    define(image(4, SVGA3D_R8G8B8A8_UINT, 5, 3));
    send(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{4, 0, 3, 0, SVGA3D_R8G8B8A8_UINT});
    for (std::byte byte : hostCopy(4, 0))
        ASSERT_EQ(byte, std::byte{values[0]});
}

TEST_F(SampleSheetsTest, ABoxIsMovedInEachSheet) {
    for (SVGA3dSurfaceFormat format : {SVGA3D_R8G8B8A8_UNORM, SVGA3D_D24_UNORM_S8_UINT}) {
        auto mob = defineSheets(multisampled(1, format, 8, 6, 2));
        const uint32_t sheetSize = static_cast<uint32_t>(surfaces->at(1)->layout().size());
        fillValid(mob->bytes(), format);
        auto expected = sheetsOf(1, *mob);
        update(1, 1, {2, 1, 0, 3, 4, 1});
        std::fill(mob->bytes().begin(), mob->bytes().end(), std::byte{0xee});
        readback(1);
        const auto inside = [&](uint32_t at) {
            const uint32_t texel = at % sheetSize / 4, layer = texel / 48, y = texel / 8 % 6, x = texel % 8;
            return layer == 1 && x >= 2 && x < 5 && y >= 1 && y < 5;
        };
        for (uint32_t i = 0; i < expected.size(); ++i)
            if (!inside(i))
                expected[i] = std::byte{0};
        EXPECT_TRUE(same(sheetsOf(1, *mob), expected, format));
        destroy(1);
    }
}

TEST_F(SampleSheetsTest, ATypelessSurfaceStillResolvesAsItWasDrawn) {
    auto sheets = defineSheets(multisampled(1, SVGA3D_R8G8B8A8_TYPELESS, 4, 4));
    const auto size = surfaces->at(1)->layout().size();
    for (uint32_t sample = 0; sample < kSamples; ++sample)
        std::fill_n(sheets->bytes().begin() + sample * size, size, std::byte(sample * 20));
    ImageViewKey key;
    key.format = VK_FORMAT_R8G8B8A8_UNORM;
    surfaces->at(1)->view(key);
    update(1);
    define(image(2, SVGA3D_R8G8B8A8_TYPELESS, 4, 4));
    send(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{2, 0, 1, 0, SVGA3D_R8G8B8A8_TYPELESS});
    for (std::byte byte : hostCopy(2, 0))
        ASSERT_EQ(byte, std::byte{30});
}

TEST_F(SampleSheetsTest, AMobForOneSheetIsTooSmall) {
    define(multisampled(1, SVGA3D_R8G8B8A8_UNORM, 64, 64));
    back(1); // one sheet: 16 KiB
    EXPECT_THROW(update(1), CommandError);
    EXPECT_THROW(readback(1), CommandError);
}

} // namespace

} // namespace svga::device::test
