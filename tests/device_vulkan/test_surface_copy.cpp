// SPDX-License-Identifier: MIT
#include "surface_fixture.h"

#include <algorithm>
#include <cmath>

namespace svga::device::test {
namespace {

class SurfaceCopyTest : public SurfaceTest {
protected:
    void copy(uint32_t to, uint32_t toSubresource, uint32_t from, uint32_t fromSubresource, const SVGA3dCopyBox& box) {
        send(SVGA_3D_CMD_DX_PRED_COPY_REGION, SVGA3dCmdDXPredCopyRegion{to, toSubresource, from, fromSubresource, box});
    }

    std::shared_ptr<FakeMob> defineFilled(const SurfaceDesc& desc) {
        auto mob = defineBacked(desc);
        fillValid(mob->bytes(), (desc.flags & SVGA3D_SURFACE_BIND_DEPTH_STENCIL) ? SVGA3D_D32_FLOAT : desc.format);
        update(desc.id);
        return mob;
    }

    /** Texel (block) at a place of what hostCopy() gave. */
    std::span<const std::byte> texel(const std::vector<std::byte>& packed, uint32_t surface, uint32_t level, uint32_t x,
                                     uint32_t y, uint32_t z = 0) {
        auto gpuSurface = surfaces->at(surface);
        const auto& size = gpuSurface->layout().level(level);
        uint32_t bytes = gpuSurface->format().bytesPerBlock;
        return std::span(packed).subspan((std::size_t{z} * size.blocksHigh + y) * size.blocksWide * bytes + x * bytes,
                                         bytes);
    }

    /** Whether the blocks [to, to + blocks) are the source's and the others what they were. */
    void expectCopied(uint32_t to, uint32_t level, const std::vector<std::byte>& before, uint32_t from,
                      uint32_t fromLevel, const std::vector<std::byte>& source, VkOffset3D at, VkOffset3D sourceAt,
                      VkExtent3D blocks) {
        auto after = hostCopy(to, surfaces->at(to)->desc().mipLevels == 1 ? 0 : level);
        const auto& size = surfaces->at(to)->layout().level(level);
        for (uint32_t z = 0; z < size.blocksDeep; ++z)
            for (uint32_t y = 0; y < size.blocksHigh; ++y)
                for (uint32_t x = 0; x < size.blocksWide; ++x) {
                    uint32_t dx = x - at.x, dy = y - at.y, dz = z - at.z;
                    bool inside = dx < blocks.width && dy < blocks.height && dz < blocks.depth;
                    auto want = inside
                                    ? texel(source, from, fromLevel, sourceAt.x + dx, sourceAt.y + dy, sourceAt.z + dz)
                                    : texel(before, to, level, x, y, z);
                    auto have = texel(after, to, level, x, y, z);
                    ASSERT_TRUE(std::equal(want.begin(), want.end(), have.begin())) << x << "," << y << "," << z;
                }
    }
};

TEST_F(SurfaceCopyTest, SameFormats) {
    for (SVGA3dSurfaceFormat format : {SVGA3D_R8G8B8A8_UNORM, SVGA3D_R8_UNORM, SVGA3D_R32G32B32A32_UINT,
                                       SVGA3D_D24_UNORM_S8_UINT, SVGA3D_D32_FLOAT_S8X24_UINT, SVGA3D_D16_UNORM}) {
        defineFilled(image(1, format, 20, 16));
        defineFilled(image(2, format, 30, 14));
        auto source = hostCopy(1, 0), before = hostCopy(2, 0);
        copy(2, 0, 1, 0, {7, 3, 0, 9, 10, 1, 2, 1, 0});
        expectCopied(2, 0, before, 1, 0, source, {7, 3, 0}, {2, 1, 0}, {9, 10, 1});
        destroy(1);
        destroy(2);
    }
}

TEST_F(SurfaceCopyTest, DifferentFormatsOfOneSize) {
    struct {
        SVGA3dSurfaceFormat from, to;
        SVGA3dSurfaceAllFlags fromFlags, toFlags;
    } cases[] = {
        {SVGA3D_R8G8B8A8_UNORM, SVGA3D_R32_UINT, 0, 0},
        {SVGA3D_R32_FLOAT, SVGA3D_R32_TYPELESS, 0, SVGA3D_SURFACE_BIND_DEPTH_STENCIL},
        {SVGA3D_D32_FLOAT, SVGA3D_R32_UINT, 0, 0},
        {SVGA3D_R16_UNORM, SVGA3D_D16_UNORM, 0, 0},
        {SVGA3D_R24G8_TYPELESS, SVGA3D_D24_UNORM_S8_UINT, 0, 0},
        {SVGA3D_R16G16B16A16_FLOAT, SVGA3D_R32G32_UINT, 0, 0},
        {SVGA3D_R32G32B32_FLOAT, SVGA3D_R32G32B32_UINT, 0, 0},
    };
    for (const auto& c : cases) {
        SurfaceDesc a = image(1, c.from, 13, 11), b = image(2, c.to, 16, 16);
        a.flags = c.fromFlags;
        b.flags = c.toFlags;
        auto mob = defineBacked(a);
        // Bits that are a number in every format: small floats, no NaN.
        fillValid(mob->bytes(), blockBytes(formatInfo(c.from)->vulkan) == 2          ? SVGA3D_R16_UNORM
                                : formatInfo(c.from)->packing == DepthPacking::D24S8 ? c.from
                                                                                     : SVGA3D_D32_FLOAT);
        update(1);
        define(b);
        auto source = hostCopy(1, 0), before = hostCopy(2, 0);
        copy(2, 0, 1, 0, {1, 2, 0, 10, 9, 1, 3, 1, 0});
        expectCopied(2, 0, before, 1, 0, source, {1, 2, 0}, {3, 1, 0}, {10, 9, 1});
        destroy(1);
        destroy(2);
    }
}

TEST_F(SurfaceCopyTest, Blocks) {
    defineFilled(image(1, SVGA3D_BC3_UNORM, 30, 22)); // 8 x 6 blocks, the last ones over the edge
    defineFilled(image(2, SVGA3D_BC2_UNORM, 32, 32));
    defineFilled(image(3, SVGA3D_R32G32B32A32_UINT, 10, 10));
    auto source = hostCopy(1, 0), before = hostCopy(2, 0);
    copy(2, 0, 1, 0, {4, 8, 0, 10, 6, 1, 20, 16, 0});
    expectCopied(2, 0, before, 1, 0, source, {1, 2, 0}, {5, 4, 0}, {3, 2, 1});
    // Blocks become texels and back.
    before = hostCopy(3, 0);
    copy(3, 0, 1, 0, {1, 2, 0, 30, 22, 1, 0, 0, 0});
    expectCopied(3, 0, before, 1, 0, source, {1, 2, 0}, {0, 0, 0}, {8, 6, 1});
    auto texels = hostCopy(3, 0);
    before = hostCopy(1, 0);
    copy(1, 0, 3, 0, {8, 4, 0, 3, 4, 1, 5, 5, 0});
    expectCopied(1, 0, before, 3, 0, texels, {2, 1, 0}, {5, 5, 0}, {3, 4, 1});
}

TEST_F(SurfaceCopyTest, VolumesLayersAndLines) {
    defineFilled(image(1, SVGA3D_R8G8B8A8_UNORM, 8, 8, 6));
    defineFilled(image(2, SVGA3D_R8G8B8A8_UNORM, 8, 8, 4));
    auto source = hostCopy(1, 0), before = hostCopy(2, 0);
    copy(2, 0, 1, 0, {1, 0, 2, 5, 8, 2, 2, 0, 3});
    expectCopied(2, 0, before, 1, 0, source, {1, 0, 2}, {2, 0, 3}, {5, 8, 2});
    // A slice to a layer.
    SurfaceDesc array = image(3, SVGA3D_R8G8B8A8_UNORM, 8, 8);
    array.arraySize = 3;
    defineFilled(array);
    copy(3, 2, 1, 0, {0, 0, 0, 8, 8, 1, 0, 0, 5});
    auto layer = hostCopy(3, 2);
    EXPECT_EQ(std::memcmp(layer.data(), source.data() + 5 * 256, 256), 0);
    // A row to a line.
    SurfaceDesc line = image(4, SVGA3D_R8G8B8A8_UNORM, 8);
    line.flags = SVGA3D_SURFACE_1D;
    defineFilled(line);
    copy(4, 0, 1, 0, {0, 0, 0, 8, 1, 1, 0, 3, 2});
    auto row = hostCopy(4, 0);
    EXPECT_EQ(std::memcmp(row.data(), source.data() + 2 * 256 + 3 * 32, 32), 0);
}

TEST_F(SurfaceCopyTest, WithinOneSubresourceThatOverlaps) {
    defineFilled(image(1, SVGA3D_R8G8B8A8_UNORM, 32, 32));
    for (auto [dx, dy] : {std::pair{3, 2}, std::pair{-3, -2}, std::pair{0, 1}, std::pair{1, 0}}) {
        auto before = hostCopy(1, 0);
        send(SVGA_3D_CMD_INTRA_SURFACE_COPY,
             SVGA3dCmdIntraSurfaceCopy{{1, 0, 0}, {uint32_t(5 + dx), uint32_t(5 + dy), 0, 20, 20, 1, 5, 5, 0}});
        expectCopied(1, 0, before, 1, 0, before, {5 + dx, 5 + dy, 0}, {5, 5, 0}, {20, 20, 1});
    }
}

TEST_F(SurfaceCopyTest, SurfaceCopyTakesSeveralBoxes) {
    SurfaceDesc desc = image(1, SVGA3D_R8_UINT, 16, 16);
    desc.mipLevels = 2;
    desc.arraySize = 2;
    defineFilled(desc);
    desc.id = 2;
    define(desc);
    struct {
        SVGA3dCmdSurfaceCopy body;
        SVGA3dCopyBox boxes[2];
    } command{{{1, 1, 1}, {2, 0, 1}}, {{0, 0, 0, 4, 8, 1, 4, 0, 0}, {4, 0, 0, 4, 8, 1, 0, 0, 0}}};
    send(SVGA_3D_CMD_SURFACE_COPY, command);
    auto from = hostCopy(1, 3), to = hostCopy(2, 1);
    for (int y = 0; y < 8; ++y)
        for (int x = 0; x < 8; ++x)
            EXPECT_EQ(to[y * 8 + x], from[y * 8 + (x ^ 4)]);
}

TEST_F(SurfaceCopyTest, PredicateSkips) {
    defineFilled(image(1, SVGA3D_R8_UNORM, 8, 8));
    define(image(2, SVGA3D_R8_UNORM, 8, 8));
    predicateSkips = true;
    copy(2, 0, 1, 0, {0, 0, 0, 8, 8, 1, 0, 0, 0});
    EXPECT_EQ(hostCopy(2, 0), std::vector<std::byte>(64));
    predicateSkips = false;
    send(SVGA_3D_CMD_DX_PRED_COPY, SVGA3dCmdDXPredCopy{2, 1});
    EXPECT_EQ(hostCopy(2, 0), hostCopy(1, 0));
}

TEST_F(SurfaceCopyTest, BuffersOverlapToo) {
    auto mob = defineFilled(buffer(1, 1000));
    std::vector<std::byte> model(mob->bytes().begin(), mob->bytes().begin() + 1000);
    send(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{1, 1, 10, 0, 900});
    std::memmove(model.data() + 10, model.data(), 900);
    send(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{1, 1, 3, 77, 900});
    std::memmove(model.data() + 3, model.data() + 77, 900);
    copy(1, 0, 1, 0, {500, 0, 0, 100, 1, 1, 20, 0, 0});
    std::memmove(model.data() + 500, model.data() + 20, 100);
    EXPECT_EQ(hostCopy(1, 0), model);
}

TEST_F(SurfaceCopyTest, BuffersInPlaceInOneMobAreOneMemory) {
    if (!device.features().externalMemoryHost)
        GTEST_SKIP() << "no VK_EXT_external_memory_host";
    start(true);
    auto mob = defineFilled(buffer(1, 1000));
    define(buffer(2, 1000));
    bind(2, 1);
    ASSERT_TRUE(surfaces->at(1)->sharesMemory(*surfaces->at(2)));
    std::vector<std::byte> model(mob->bytes().begin(), mob->bytes().begin() + 1000);
    // The copy onto itself is none: Vulkan has no overlapping copies.
    send(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{2, 1, 0, 0, 1000});
    copy(2, 0, 1, 0, {0, 0, 0, 1000, 1, 1, 0, 0, 0});
    send(SVGA_3D_CMD_DX_PRED_COPY, SVGA3dCmdDXPredCopy{2, 1});
    send(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{2, 1, 10, 0, 900});
    std::memmove(model.data() + 10, model.data(), 900);
    send(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{1, 2, 3, 77, 900});
    std::memmove(model.data() + 3, model.data() + 77, 900);
    queue->finish();
    EXPECT_EQ(std::memcmp(mob->bytes().data(), model.data(), 1000), 0);

    define(buffer(3, 1000));
    back(3);
    EXPECT_FALSE(surfaces->at(1)->sharesMemory(*surfaces->at(3)));
    start(false);
    defineBacked(buffer(1, 1000));
    define(buffer(2, 1000));
    bind(2, 1);
    EXPECT_FALSE(surfaces->at(1)->sharesMemory(*surfaces->at(2))) << "each has a copy of its own";
}

TEST_F(SurfaceCopyTest, TransferFromBuffer) {
    struct Case {
        SVGA3dSurfaceFormat format;
        uint32_t offset, pitch, slicePitch;
    } cases[] = {
        {SVGA3D_R8G8B8A8_UNORM, 0, 64, 64 * 20},
        {SVGA3D_R8G8B8A8_UNORM, 16, 52, 52 * 11},
        {SVGA3D_R8G8B8A8_UNORM, 3, 53, 600},
        {SVGA3D_R8_UNORM, 5, 17, 17 * 9},
        {SVGA3D_R32G32B32_FLOAT, 4, 160, 160 * 10},
        {SVGA3D_D24_UNORM_S8_UINT, 32, 64, 64 * 9},
        {SVGA3D_D32_FLOAT, 8, 64, 64 * 9},
        {SVGA3D_BC1_UNORM, 8, 40, 40 * 5},
        {SVGA3D_R16G16_FLOAT, 0, 0, 0},
    };
    auto mob = defineFilled(buffer(1, 1 << 16));
    for (const Case& c : cases) {
        const FormatInfo& format = *formatInfo(c.format);
        fillValid(mob->bytes(), c.format);
        if (format.packing == DepthPacking::D32) // the floats lie at the offset
            fillValid(mob->bytes().subspan(c.offset), c.format);
        update(1);
        define(image(2, c.format, 16, 16));
        auto before = hostCopy(2, 0);
        SVGA3dBox box{4, 4, 0, 12, 8, 1};
        send(SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER,
             SVGA3dCmdDXTransferFromBuffer{1, c.offset, c.pitch, c.slicePitch, 2, 0, box});
        auto after = hostCopy(2, 0);
        uint32_t bytes = format.bytesPerBlock, wide = 16 / format.blockWidth, high = 16 / format.blockHeight;
        for (uint32_t y = 0; y < high; ++y)
            for (uint32_t x = 0; x < wide; ++x) {
                uint32_t bx = x - 4 / format.blockWidth, by = y - 4 / format.blockHeight;
                bool inside = bx < 12 / format.blockWidth && by < 8 / format.blockHeight;
                const std::byte* want = inside ? mob->bytes().data() + c.offset + by * c.pitch + bx * bytes
                                               : before.data() + (y * wide + x) * bytes;
                ASSERT_EQ(std::memcmp(after.data() + (y * wide + x) * bytes, want, bytes), 0)
                    << c.format << " pitch " << c.pitch << " at " << x << "," << y;
            }
        destroy(2);
    }
    // Slices of a volume, with room between them.
    define(image(2, SVGA3D_R8G8B8A8_UNORM, 4, 4, 3));
    send(SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER, SVGA3dCmdDXTransferFromBuffer{1, 64, 20, 100, 2, 0, {0, 0, 0, 4, 4, 3}});
    auto texels = hostCopy(2, 0);
    for (int z = 0; z < 3; ++z)
        for (int y = 0; y < 4; ++y)
            EXPECT_EQ(std::memcmp(texels.data() + z * 64 + y * 16, mob->bytes().data() + 64 + z * 100 + y * 20, 16), 0);
}

TEST_F(SurfaceCopyTest, CopyAndReadback) {
    defineFilled(image(1, SVGA3D_R8G8B8A8_UNORM, 8, 8));
    auto mob = defineBacked(image(2, SVGA3D_R8G8B8A8_UNORM, 8, 8));
    send(SVGA_3D_CMD_DX_SURFACE_COPY_AND_READBACK,
         SVGA3dCmdDXSurfaceCopyAndReadback{1, 2, {0, 0, 0, 8, 8, 1, 0, 0, 0}});
    EXPECT_EQ(std::memcmp(mob->bytes().data(), hostCopy(1, 0).data(), 256), 0);
}

TEST_F(SurfaceCopyTest, Resolve) {
    for (SVGA3dSurfaceFormat format : {SVGA3D_R8G8B8A8_UNORM, SVGA3D_B8G8R8X8_UNORM, SVGA3D_R16G16B16A16_FLOAT,
                                       SVGA3D_R8G8B8A8_TYPELESS, SVGA3D_R11G11B10_FLOAT}) {
        SurfaceDesc desc = image(1, format, 16, 8);
        desc.sampleCount = 4;
        desc.flags = SVGA3D_SURFACE_MULTISAMPLE;
        define(desc);
        define(image(2, format, 16, 8));
        define(image(3, format, 16, 8));
        VkClearColorValue color{{0.25f, 0.5f, 0.75f, 1.0f}};
        VkImageSubresourceRange all{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
        for (uint32_t id : {1u, 3u})
            vkCmdClearColorImage(queue->transfer(), surfaces->at(id)->image(), VK_IMAGE_LAYOUT_GENERAL, &color, 1,
                                 &all);
        send(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{2, 0, 1, 0, format});
        EXPECT_EQ(hostCopy(2, 0), hostCopy(3, 0)) << format;
        // One sample: a copy. Display targets come so.
        define(image(4, format, 16, 8));
        send(SVGA_3D_CMD_DX_PRED_RESOLVE_COPY, SVGA3dCmdDXPredResolveCopy{4, 0, 3, 0, format});
        EXPECT_EQ(hostCopy(4, 0), hostCopy(3, 0)) << format;
        for (uint32_t id : {1u, 2u, 3u, 4u})
            destroy(id);
    }
}

TEST_F(SurfaceCopyTest, ResolveDepth) {
    SurfaceDesc desc = image(1, SVGA3D_D24_UNORM_S8_UINT, 16, 8);
    desc.sampleCount = 4;
    define(desc);
    define(image(2, SVGA3D_D24_UNORM_S8_UINT, 16, 8));
    VkClearDepthStencilValue value{1.0f, 0x5a};
    VkImageSubresourceRange all{VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT, 0, 1, 0, 1};
    vkCmdClearDepthStencilImage(queue->transfer(), surfaces->at(1)->image(), VK_IMAGE_LAYOUT_GENERAL, &value, 1, &all);
    send(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{2, 0, 1, 0, SVGA3D_D24_UNORM_S8_UINT});
    auto texels = hostCopy(2, 0);
    for (std::size_t i = 0; i < texels.size(); i += 4) {
        uint32_t texel;
        std::memcpy(&texel, texels.data() + i, 4);
        ASSERT_EQ(texel, 0x5affffffu) << i;
    }
}

TEST_F(SurfaceCopyTest, CopyOfSamples) {
    SurfaceDesc desc = image(1, SVGA3D_R8G8B8A8_UNORM, 8, 8);
    desc.sampleCount = 4;
    define(desc);
    desc.id = 2;
    define(desc);
    define(image(3, SVGA3D_R8G8B8A8_UNORM, 8, 8));
    VkClearColorValue color{{1.0f, 0.0f, 1.0f, 0.0f}};
    VkImageSubresourceRange all{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    vkCmdClearColorImage(queue->transfer(), surfaces->at(1)->image(), VK_IMAGE_LAYOUT_GENERAL, &color, 1, &all);
    copy(2, 0, 1, 0, {0, 0, 0, 8, 8, 1, 0, 0, 0});
    send(SVGA_3D_CMD_DX_RESOLVE_COPY, SVGA3dCmdDXResolveCopy{3, 0, 2, 0, SVGA3D_R8G8B8A8_UNORM});
    EXPECT_EQ(hostCopy(3, 0)[2], std::byte{255});
    EXPECT_THROW(copy(3, 0, 1, 0, {0, 0, 0, 8, 8, 1, 0, 0, 0}), CommandError);
    // Samples have no place in the guest's layout: nothing happens, nothing fails.
    auto mob = back(1);
    update(1);
    readback(1);
}

TEST_F(SurfaceCopyTest, StretchScalesAndConverts) {
    auto mob = defineBacked(image(1, SVGA3D_R8G8B8A8_UNORM, 4, 4));
    for (int i = 0; i < 16; ++i)
        std::memset(mob->bytes().data() + i * 4, i * 16, 4);
    update(1);
    define(image(2, SVGA3D_R32G32B32A32_FLOAT, 8, 8));
    send(SVGA_3D_CMD_DX_PRESENTBLT, SVGA3dCmdDXPresentBlt{1, 0, 2, 0, {0, 0, 0, 4, 4, 1}, {0, 0, 0, 8, 8, 1}, 0});
    auto texels = hostCopy(2, 0);
    for (int y = 0; y < 8; ++y)
        for (int x = 0; x < 8; ++x) {
            float value;
            std::memcpy(&value, texels.data() + (y * 8 + x) * 16, 4);
            EXPECT_NEAR(value, ((y / 2) * 4 + x / 2) * 16 / 255.0f, 1e-6f);
        }
    // Halved with filtering: the average of two by two.
    define(image(3, SVGA3D_R8G8B8A8_UNORM, 2, 2));
    send(SVGA_3D_CMD_SURFACE_STRETCHBLT,
         SVGA3dCmdSurfaceStretchBlt{
             {1, 0, 0}, {3, 0, 0}, {0, 0, 0, 4, 4, 1}, {0, 0, 0, 2, 2, 1}, SVGA3D_STRETCH_BLT_LINEAR});
    EXPECT_EQ(hostCopy(3, 0)[0], std::byte{(0 + 16 + 64 + 80) / 4});
    EXPECT_THROW(
        send(SVGA_3D_CMD_DX_PRESENTBLT, SVGA3dCmdDXPresentBlt{1, 0, 1, 0, {0, 0, 0, 2, 2, 1}, {0, 0, 0, 4, 4, 1}, 0}),
        CommandError);
}

TEST_F(SurfaceCopyTest, GenerateMips) {
    for (SVGA3dSurfaceFormat format : {SVGA3D_R8G8B8A8_UNORM, SVGA3D_R8G8B8A8_UNORM_SRGB}) {
        SurfaceDesc desc = image(1, SVGA3D_R8G8B8A8_TYPELESS, 8, 8);
        desc.mipLevels = 4;
        desc.arraySize = 2;
        auto mob = defineBacked(desc);
        // Columns of black and white.
        for (uint32_t layer = 0; layer < 2; ++layer)
            for (int i = 0; i < 64; ++i)
                std::memset(mob->bytes().data() + surfaces->at(1)->layout().offset(layer * 4) + i * 4, i % 2 ? 255 : 0,
                            4);
        update(1);
        surfaces->generateMips(1, format, {0, 4, 1, 1});
        // Half of the light; sRGB encodes that as 188.
        int half = format == SVGA3D_R8G8B8A8_UNORM ? 128 : 188;
        for (uint32_t level = 1; level < 4; ++level) {
            auto texels = hostCopy(1, 4 + level);
            for (std::size_t i = 0; i < texels.size(); i += 4) {
                EXPECT_NEAR(std::to_integer<int>(texels[i]), half, 1) << level;
                EXPECT_NEAR(std::to_integer<int>(texels[i + 3]), 128, 1) << level; // alpha is linear
            }
            EXPECT_EQ(std::to_integer<int>(hostCopy(1, level)[0]), 0) << "the other layer";
        }
        destroy(1);
    }
    define(image(1, SVGA3D_R8_UNORM, 4, 4));
    EXPECT_THROW(surfaces->generateMips(1, SVGA3D_R8_UNORM, {0, 2, 0, 1}), CommandError);
    EXPECT_THROW(surfaces->generateMips(1, SVGA3D_R16_UNORM, {0, 1, 0, 1}), CommandError);
    EXPECT_THROW(surfaces->generateMips(1, SVGA3D_R8_UNORM, {0xffffffff, 2, 0, 1}), CommandError);
}

TEST_F(SurfaceCopyTest, GenerateMipsOfWhatCannotBeBlitted) {
    for (SVGA3dSurfaceFormat format : {SVGA3D_R11G11B10_FLOAT, SVGA3D_R32G32B32_FLOAT}) {
        SurfaceDesc desc = image(1, format, 8, 4);
        desc.mipLevels = 3;
        desc.arraySize = 2;
        auto mob = defineBacked(desc);
        uint32_t bytes = formatInfo(format)->bytesPerBlock;
        // Columns of 0 and 1, in red alone.
        for (uint32_t layer = 0; layer < 2; ++layer)
            for (uint32_t i = 1; i < 32; i += 2) {
                uint32_t one = format == SVGA3D_R11G11B10_FLOAT ? 15u << 6 : 0x3f800000;
                std::memcpy(mob->bytes().data() + surfaces->at(1)->layout().offset(layer * 3) + i * bytes, &one, 4);
            }
        update(1);
        surfaces->generateMips(1, format, {0, 3, 1, 1});
        uint32_t half = format == SVGA3D_R11G11B10_FLOAT ? 14u << 6 : 0x3f000000;
        for (uint32_t level : {1u, 2u}) {
            auto texels = hostCopy(1, 3 + level);
            for (std::size_t i = 0; i < texels.size(); i += bytes)
                ASSERT_EQ(std::memcmp(texels.data() + i, &half, 4), 0) << format << " level " << level;
        }
        EXPECT_EQ(hostCopy(1, 1), std::vector<std::byte>(8 * bytes)) << "the other layer";
        destroy(1);
    }
}

TEST_F(SurfaceCopyTest, GenerateMipsOfVolumes) {
    SurfaceDesc desc = image(1, SVGA3D_R8_UNORM, 4, 4, 4);
    desc.mipLevels = 3;
    desc.flags = SVGA3D_SURFACE_VOLUME;
    auto mob = defineBacked(desc);
    for (int i = 0; i < 64; ++i)
        mob->bytes()[i] = static_cast<std::byte>(i / 16 % 2 ? 200 : 100); // slice by slice
    update(1);
    surfaces->generateMips(1, SVGA3D_R8_UNORM, {0, 3, 0, 1});
    for (std::byte texel : hostCopy(1, 1))
        EXPECT_NEAR(std::to_integer<int>(texel), 150, 1);
    EXPECT_NEAR(std::to_integer<int>(hostCopy(1, 2)[0]), 150, 1);
}

} // namespace
} // namespace svga::device::test
