// SPDX-License-Identifier: MIT
#include "surface_fixture.h"

#include <algorithm>
#include <cstdio>

namespace svga::device::test {
namespace {

struct Shape {
    const char* name;
    SVGA3dSize size;
    uint32_t levels, layers;
    SVGA3dSurfaceAllFlags flags;
};
const Shape kShapes[] = {
    {"2D", {37, 21, 1}, 1, 1, 0},
    {"2D mips", {37, 21, 1}, 6, 1, 0},
    {"1D", {45, 1, 1}, 3, 1, SVGA3D_SURFACE_1D},
    {"1D array", {33, 1, 1}, 2, 3, SVGA3D_SURFACE_1D | SVGA3D_SURFACE_ARRAY},
    {"2D array", {17, 12, 1}, 3, 4, SVGA3D_SURFACE_ARRAY},
    {"cube", {16, 16, 1}, 5, 6, SVGA3D_SURFACE_CUBEMAP},
    {"cube array", {8, 8, 1}, 2, 12, SVGA3D_SURFACE_CUBEMAP | SVGA3D_SURFACE_ARRAY},
    {"3D", {13, 9, 7}, 3, 1, SVGA3D_SURFACE_VOLUME},
    {"3D flat", {12, 12, 1}, 1, 1, SVGA3D_SURFACE_VOLUME},
};

/** What a box of an update leaves in a plain copy of the MOB. */
class Model {
public:
    Model(const SurfaceLayout& layout)
        : layout_(layout)
        , bytes(layout.size()) {}
    void update(const Region& region, std::span<const std::byte> mob) {
        layout_.forEachRun(region, [&](uint64_t offset, uint64_t, uint64_t size) {
            std::memcpy(bytes.data() + offset, mob.data() + offset, size);
        });
    }

private:
    SurfaceLayout layout_;

public:
    std::vector<std::byte> bytes;
};

class RoundTrip : public SurfaceTest, public ::testing::WithParamInterface<Shape> {
protected:
    SVGA3dBox randomBox(const GpuSurface& surface, uint32_t subresource) {
        const auto& level = surface.layout().level(subresource % surface.desc().mipLevels);
        const FormatInfo& format = surface.format();
        auto axis = [&](uint32_t size, uint32_t block, uint32_t& start, uint32_t& length) {
            uint32_t blocks = (size + block - 1) / block;
            uint32_t first = random() % blocks, count = 1 + random() % (blocks - first);
            start = first * block;
            length = std::min(count * block, size - start);
        };
        SVGA3dBox box{};
        axis(level.width, format.blockWidth, box.x, box.w);
        axis(level.height, format.blockHeight, box.y, box.h);
        axis(level.depth, format.blockDepth, box.z, box.d);
        return box;
    }
};

TEST_P(RoundTrip, EveryFormat) {
    const Shape& shape = GetParam();
    uint32_t tried = 0;
    std::string refused;
    for (uint32_t i = 1; i < SVGA3D_FORMAT_MAX; ++i) {
        auto format = static_cast<SVGA3dSurfaceFormat>(i);
        if (!formatInfo(format) || format == SVGA3D_BUFFER)
            continue;
        SurfaceDesc desc = image(i, format, shape.size.width, shape.size.height, shape.size.depth);
        desc.mipLevels = shape.levels;
        desc.arraySize = shape.layers;
        desc.flags = shape.flags;
        for (bool depth : {false, true}) {
            if (depth && (formatInfo(format)->depthStencil || formatInfo(format)->depthImage == VK_FORMAT_UNDEFINED))
                continue;
            if (depth)
                desc.flags |= SVGA3D_SURFACE_BIND_DEPTH_STENCIL;
            try {
                define(desc);
            } catch (const CommandError& error) {
                refused += fmt::format(" {}", i);
                continue;
            }
            ++tried;
            auto mob = back(desc.id);
            auto surface = surfaces->at(desc.id);
            Model model(surface->layout());
            for (int round = 0; round < 4; ++round) {
                fillValid(mob->bytes(), depth ? SVGA3D_D32_FLOAT : format);
                uint32_t subresource = random() % desc.subresources();
                SVGA3dBox box = randomBox(*surface, subresource);
                model.update(surface->layout().region(subresource, box), mob->bytes());
                update(desc.id, subresource, box);
            }
            std::memset(mob->bytes().data(), 0xee, mob->bytes().size());
            readback(desc.id);
            ASSERT_EQ(std::memcmp(mob->bytes().data(), model.bytes.data(), model.bytes.size()), 0)
                << "format " << i << (depth ? " as depth" : "");
            destroy(desc.id);
        }
    }
    std::printf("%s: %u formats, refused:%s\n", shape.name, tried, refused.c_str());
    EXPECT_GT(tried, 70u);
}

INSTANTIATE_TEST_SUITE_P(Shapes, RoundTrip, ::testing::ValuesIn(kShapes), [](const auto& info) {
    std::string name = info.param.name;
    std::replace(name.begin(), name.end(), ' ', '_');
    return name;
});

TEST_F(SurfaceTest, PartialReadbackLeavesTheRestOfTheMob) {
    auto mob = defineBacked(image(1, SVGA3D_R8G8B8A8_UNORM, 16, 8));
    fillValid(mob->bytes(), SVGA3D_R8G8B8A8_UNORM);
    std::vector<std::byte> expected(mob->bytes().begin(), mob->bytes().end());
    update(1);
    std::memset(mob->bytes().data(), 0, mob->bytes().size());
    send(SVGA_3D_CMD_READBACK_GB_IMAGE_PARTIAL, SVGA3dCmdReadbackGBImagePartial{{1, 0, 0}, {3, 2, 0, 5, 4, 1}, 0});
    for (uint32_t y = 0; y < 8; ++y)
        for (uint32_t x = 0; x < 16 * 4; ++x) {
            bool inside = y >= 2 && y < 6 && x >= 12 && x < 32;
            ASSERT_EQ(mob->bytes()[y * 64 + x], inside ? expected[y * 64 + x] : std::byte{0}) << x << "," << y;
        }
}

TEST_F(SurfaceTest, BufferRoundTrip) {
    auto mob = defineBacked(buffer(1, 10001));
    std::vector<std::byte> model(10001);
    for (int i = 0; i < 50; ++i) {
        fillValid(mob->bytes(), SVGA3D_BUFFER);
        uint32_t x = random() % 10001, w = random() % (10002 - x);
        std::memcpy(model.data() + x, mob->bytes().data() + x, w);
        update(1, 0, {x, 0, 0, w, 1, 1});
    }
    std::memset(mob->bytes().data(), 0xee, mob->bytes().size());
    readback(1);
    EXPECT_EQ(std::memcmp(mob->bytes().data(), model.data(), model.size()), 0);
    EXPECT_EQ(mob->bytes()[10001], std::byte{0xee}); // not a byte beyond
}

TEST_F(SurfaceTest, HostCopyOutlivesItsBinding) {
    auto mob = defineBacked(image(1, SVGA3D_R8_UNORM, 8, 8));
    std::memset(mob->bytes().data(), 0x5a, 64);
    update(1);
    bind(1, SVGA3D_INVALID_ID);
    EXPECT_THROW(update(1), CommandError);
    auto other = mobs.make(2, 4096);
    bind(1, 2);
    readback(1);
    EXPECT_EQ(other->bytes()[63], std::byte{0x5a});
    EXPECT_EQ(other->bytes()[64], std::byte{0});
}

TEST_F(SurfaceTest, PitchOfTheBinding) {
    define(image(1, SVGA3D_R8G8B8A8_UNORM, 5, 3));
    auto mob = mobs.make(1, 4096);
    send(SVGA_3D_CMD_BIND_GB_SURFACE_WITH_PITCH, SVGA3dCmdBindGBSurfaceWithPitch{1, 1, 32});
    fillValid(mob->bytes(), SVGA3D_R8G8B8A8_UNORM);
    update(1);
    auto texels = hostCopy(1, 0);
    for (int y = 0; y < 3; ++y)
        EXPECT_EQ(std::memcmp(texels.data() + y * 20, mob->bytes().data() + y * 32, 20), 0);
    EXPECT_THROW(send(SVGA_3D_CMD_BIND_GB_SURFACE_WITH_PITCH, SVGA3dCmdBindGBSurfaceWithPitch{1, 1, 19}), CommandError);
}

TEST_F(SurfaceTest, DefinitionVersionsAgree) {
    send(SVGA_3D_CMD_DEFINE_GB_SURFACE,
         SVGA3dCmdDefineGBSurface{1, SVGA3D_SURFACE_CUBEMAP, SVGA3D_R8_UNORM, 3, 0, SVGA3D_TEX_FILTER_NONE, {8, 8, 1}});
    EXPECT_EQ(surfaces->at(1)->desc().arraySize, 6u);
    EXPECT_EQ(surfaces->at(1)->desc().sampleCount, 1u);
    send(SVGA_3D_CMD_DEFINE_GB_SURFACE_V2,
         SVGA3dCmdDefineGBSurface_v2{2, 0, SVGA3D_R8_UNORM, 1, 1, SVGA3D_TEX_FILTER_NONE, {8, 8, 1}, 7, 0});
    EXPECT_EQ(surfaces->at(2)->desc().arraySize, 7u);
    send(SVGA_3D_CMD_DEFINE_GB_SURFACE_V3, SVGA3dCmdDefineGBSurface_v3{3,
                                                                       SVGA3D_SURFACE_MULTISAMPLE,
                                                                       SVGA3D_R8G8B8A8_UNORM,
                                                                       1,
                                                                       4,
                                                                       SVGA3D_MS_PATTERN_STANDARD,
                                                                       SVGA3D_MS_QUALITY_FULL,
                                                                       SVGA3D_TEX_FILTER_NONE,
                                                                       {8, 8, 1},
                                                                       1});
    EXPECT_EQ(surfaces->at(3)->desc().sampleCount, 4u);
}

TEST_F(SurfaceTest, NewSurfacesAreZero) {
    for (SVGA3dSurfaceFormat format : {SVGA3D_R32G32B32A32_FLOAT, SVGA3D_BC3_UNORM, SVGA3D_D24_UNORM_S8_UINT,
                                       SVGA3D_R9G9B9E5_SHAREDEXP, SVGA3D_B5G6R5_UNORM}) {
        SurfaceDesc desc = image(1, format, 20, 12);
        desc.mipLevels = 3;
        desc.arraySize = 2;
        define(desc);
        for (uint32_t i = 0; i < desc.subresources(); ++i)
            for (std::byte byte : hostCopy(1, i))
                ASSERT_EQ(byte, std::byte{0}) << format;
        destroy(1);
    }
    define(buffer(1, 5000));
    for (std::byte byte : hostCopy(1, 0))
        ASSERT_EQ(byte, std::byte{0});
}

TEST_F(SurfaceTest, ZeroCopyBufferIsTheMob) {
    if (!device.features().externalMemoryHost)
        GTEST_SKIP() << "no VK_EXT_external_memory_host";
    start(true);
    ASSERT_TRUE(surfaces->zeroCopy());
    auto a = defineBacked(buffer(1, 6000)), b = defineBacked(buffer(2, 6000));
    fillValid(a->bytes(), SVGA3D_BUFFER);
    uint64_t generation = surfaces->at(1)->generation();
    // No UPDATE before, no READBACK after: the GPU reads and writes the guest's pages.
    send(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{2, 1, 100, 50, 5000});
    queue->finish();
    EXPECT_EQ(std::memcmp(b->bytes().data() + 100, a->bytes().data() + 50, 5000), 0);

    // Bound to other memory: that memory's bytes are the buffer's.
    auto c = mobs.make(3, 6000);
    std::memset(c->bytes().data(), 0x77, 6000);
    bind(1, 3);
    EXPECT_NE(surfaces->at(1)->generation(), generation);
    send(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{2, 1, 0, 0, 6000});
    queue->finish();
    EXPECT_EQ(b->bytes()[5999], std::byte{0x77});

    // Unbound: the contents stay, the MOB is left alone.
    bind(1, SVGA3D_INVALID_ID);
    queue->finish(); // a guest waits for a fence before it uses the memory otherwise
    std::memset(c->bytes().data(), 0x11, 6000);
    send(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{2, 1, 0, 0, 6000});
    queue->finish();
    EXPECT_EQ(b->bytes()[5999], std::byte{0x77});
}

TEST_F(SurfaceTest, ScatteredMobIsCopied) {
    start(true);
    define(buffer(1, 4096));
    auto mob = mobs.make(1, 4096, false);
    bind(1, 1);
    EXPECT_FALSE(surfaces->at(1)->zeroCopy());
    std::memset(mob->bytes().data(), 0x42, 4096);
    EXPECT_EQ(hostCopy(1, 0)[0], std::byte{0});
    update(1);
    EXPECT_EQ(hostCopy(1, 0)[0], std::byte{0x42});
}

TEST_F(SurfaceTest, MobMayGoWhileBound) {
    start(true);
    auto mob = defineBacked(buffer(1, 4096));
    std::memset(mob->bytes().data(), 0x42, 4096);
    std::weak_ptr<FakeMob> watch = mob;
    mob.reset();
    mobs.drop(1);
    EXPECT_EQ(hostCopy(1, 0)[4095], std::byte{0x42});
    destroy(1);
    queue->finish();
    queue->submit();
    EXPECT_TRUE(watch.expired());
}

TEST_F(SurfaceTest, DestroyedSurfaceLivesUntilTheGpuIsDone) {
    auto mob = defineBacked(image(1, SVGA3D_R8G8B8A8_UNORM, 256, 256));
    define(image(2, SVGA3D_R8G8B8A8_UNORM, 256, 256));
    for (int i = 0; i < 20; ++i) {
        std::memset(mob->bytes().data(), i, mob->bytes().size());
        update(1);
        send(SVGA_3D_CMD_DX_PRED_COPY, SVGA3dCmdDXPredCopy{2, 1});
        destroy(1);
        define(image(1, SVGA3D_R8G8B8A8_UNORM, 256, 256));
        bind(1, 1);
    }
    EXPECT_EQ(hostCopy(2, 0)[77], std::byte{19});
}

TEST_F(SurfaceTest, MemoryIsLimitedAndGivenBack) {
    std::vector<uint32_t> made;
    for (uint32_t id = 1; id < 100; ++id) {
        try {
            define(buffer(id, 64u << 20));
            made.push_back(id);
        } catch (const CommandError&) {
            break;
        }
    }
    EXPECT_EQ(made.size(), 16u); // of 1 GiB
    for (uint32_t id : made)
        destroy(id);
    queue->finish();
    queue->submit();
    EXPECT_EQ(surfaces->memoryUsed(), 0u);
}

TEST_F(SurfaceTest, MemoryOfDestroyedSurfacesIsThereWhenItIsNeeded) {
    for (uint32_t i = 0; i < 40; ++i) { // 64 MiB each, of 1 GiB, and nothing is submitted
        define(buffer(1, 64u << 20));
        destroy(1);
    }
}

TEST_F(SurfaceTest, StagingMemoryIsLimited) {
    auto mob = defineBacked(buffer(1, 32u << 20));
    for (int i = 0; i < 40; ++i) {
        update(1);
        ASSERT_LE(queue->staged(), 320u << 20);
    }
}

TEST_F(SurfaceTest, ViewsAreCheckedAndCached) {
    SurfaceDesc desc = image(1, SVGA3D_R8G8B8A8_TYPELESS, 16, 16);
    desc.mipLevels = 5;
    desc.arraySize = 6;
    define(desc);
    auto surface = surfaces->at(1);
    ImageViewKey key;
    key.format = VK_FORMAT_R8G8B8A8_SRGB;
    VkImageView view = surface->view(key);
    EXPECT_NE(view, VkImageView{});
    EXPECT_EQ(surface->view(key), view);
    key.type = VK_IMAGE_VIEW_TYPE_CUBE;
    key.levels = 5;
    key.layers = 6;
    EXPECT_NE(surface->view(key), view);

    auto bad = [&](auto change) {
        ImageViewKey other = key;
        change(other);
        EXPECT_THROW(surface->view(other), CommandError);
    };
    bad([](ImageViewKey& k) { k.levels = 6; });
    bad([](ImageViewKey& k) { k.levels = 0; });
    bad([](ImageViewKey& k) { k.firstLevel = 0xffffffff; });
    bad([](ImageViewKey& k) { k.firstLayer = 1; });
    bad([](ImageViewKey& k) { k.layers = 0xffffffff; });
    bad([](ImageViewKey& k) { k.layers = 5; });
    bad([](ImageViewKey& k) { k.format = VK_FORMAT_R16_UNORM; });
    bad([](ImageViewKey& k) { k.format = VK_FORMAT_D32_SFLOAT; });
    bad([](ImageViewKey& k) { k.format = static_cast<VkFormat>(0x7fffffff); });
    bad([](ImageViewKey& k) { k.type = VK_IMAGE_VIEW_TYPE_3D; });
    bad([](ImageViewKey& k) { k.type = static_cast<VkImageViewType>(99); });
    bad([](ImageViewKey& k) { k.aspect = VK_IMAGE_ASPECT_DEPTH_BIT; });

    define(image(2, SVGA3D_D24_UNORM_S8_UINT, 8, 8));
    key = {};
    key.format = formatInfo(SVGA3D_R24_UNORM_X8)->vulkan;
    key.aspect = formatInfo(SVGA3D_R24_UNORM_X8)->aspect;
    EXPECT_NE(surfaces->at(2)->view(key), VkImageView{});
    key.aspect = formatInfo(SVGA3D_X24_G8_UINT)->aspect;
    EXPECT_NE(surfaces->at(2)->view(key), VkImageView{});

    // A colour format of a depth surface shows its depth.
    desc = image(3, SVGA3D_R32_TYPELESS, 8, 8);
    desc.flags = SVGA3D_SURFACE_BIND_DEPTH_STENCIL;
    define(desc);
    key = {};
    key.format = VK_FORMAT_R32_SFLOAT;
    EXPECT_NE(surfaces->at(3)->view(key), VkImageView{});

    define(image(4, SVGA3D_R8G8B8A8_UNORM, 8, 8, 4));
    key = {};
    key.format = VK_FORMAT_R8G8B8A8_UNORM;
    key.firstLayer = 3;
    EXPECT_NE(surfaces->at(4)->view(key), VkImageView{});
    key.firstLayer = 4;
    EXPECT_THROW(surfaces->at(4)->view(key), CommandError);

    define(buffer(5, 1024));
    EXPECT_THROW(surfaces->at(5)->view(key), CommandError);
    auto buffer = surfaces->at(5);
    EXPECT_NE(buffer->bufferView(VK_FORMAT_R32G32B32A32_SFLOAT, 256, 512), VkBufferView{});
    EXPECT_EQ(buffer->bufferView(VK_FORMAT_R8_UINT, 0, 7), buffer->bufferView(VK_FORMAT_R8_UINT, 0, 7));
    EXPECT_THROW(buffer->bufferView(VK_FORMAT_R32_UINT, 0, 7), CommandError);
    EXPECT_THROW(buffer->bufferView(VK_FORMAT_R32_UINT, 1024, 4), CommandError);
    EXPECT_THROW(buffer->bufferView(VK_FORMAT_R32_UINT, UINT64_MAX, 8), CommandError);
    EXPECT_THROW(buffer->bufferView(VK_FORMAT_D32_SFLOAT, 0, 8), CommandError);
    EXPECT_THROW(surface->bufferView(VK_FORMAT_R32_UINT, 0, 4), CommandError);
}

} // namespace
} // namespace svga::device::test
