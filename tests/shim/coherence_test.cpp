// SPDX-License-Identifier: MIT
/**
 * \file
 * Mapped surfaces and the device's copies of them, against plain memory, with every kind of tracker.
 */
#include "embedded_device.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

namespace svga::shim {
namespace {

using test::EmbeddedDevice;
using test::Mapping;
using test::SurfaceHandle;

/// Null where the tracker cannot be had here; whatever else fails is thrown on.
std::unique_ptr<EmbeddedDevice> makeDevice(TrackerChoice tracker) {
    try {
        return std::make_unique<EmbeddedDevice>(tracker);
    } catch (const Error& error) {
        if (tracker == TrackerChoice::All || !std::string_view(error.what()).starts_with("dirty tracking in mode"))
            throw;
        return nullptr;
    }
}

class CoherenceTest : public ::testing::TestWithParam<TrackerChoice> {
protected:
    void SetUp() override {
        device = makeDevice(GetParam());
        if (!device)
            GTEST_SKIP() << "this tracker is not to be had here";
    }

    static CommandStream copy(const SurfaceHandle& to, uint32_t toX, const SurfaceHandle& from, uint32_t fromX,
                              uint32_t size) {
        CommandStream commands;
        commands.add(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{to.handle, from.handle, toX, fromX, size});
        return commands;
    }

    uint64_t uploaded() const { return device->counters->bytes_uploaded; }
    uint64_t readBack() const { return device->counters->bytes_read_back; }

    std::unique_ptr<EmbeddedDevice> device;
};

std::string trackerName(const ::testing::TestParamInfo<TrackerChoice>& info) {
    switch (info.param) {
    case TrackerChoice::Async:
        return "Async";
    case TrackerChoice::Thread:
        return "Thread";
    case TrackerChoice::All:
        return "All";
    case TrackerChoice::Best:
        return "Best";
    }
    return "Unknown";
}

INSTANTIATE_TEST_SUITE_P(Trackers, CoherenceTest,
                         ::testing::Values(TrackerChoice::Async, TrackerChoice::Thread, TrackerChoice::All),
                         trackerName);

TEST_P(CoherenceTest, WritesReachTheDeviceAndComeBack) {
    const auto from = device->createBuffer(20000);
    const auto to = device->createBuffer(20000);
    auto source = device->map(from);
    auto target = device->map(to);
    for (int round = 0; round < 5; ++round) {
        for (uint32_t i = 0; i < 20000; ++i)
            (*source)[i] = static_cast<uint8_t>(i * 7 + round);
        device->run(copy(to, 0, from, 0, 20000));
        for (uint32_t i = 0; i < 20000; ++i)
            ASSERT_EQ((*target)[i], static_cast<uint8_t>(i * 7 + round)) << "round " << round << ", byte " << i;
    }
    EXPECT_EQ(device->counters->userspace_updates.load(), 0u);
    EXPECT_EQ(device->counters->userspace_readbacks.load(), 0u);
}

TEST_P(CoherenceTest, OnlyWrittenPagesAreUploaded) {
    constexpr uint32_t kSize = 4u << 20;
    const auto from = device->createBuffer(kSize);
    const auto to = device->createBuffer(16);
    auto source = device->map(from);
    device->run(copy(to, 0, from, 0, 16));
    const uint64_t before = uploaded();
    for (uint32_t page = 3; page < kSize / 4096; page += 100)
        (*source)[page * 4096 + 5] = 1;
    device->run(copy(to, 0, from, 0, 16));
    const uint64_t pages = (kSize / 4096 - 3 + 99) / 100;
    EXPECT_EQ(uploaded() - before, pages * 4096);
    // Nobody writes: nothing more is uploaded.
    const uint64_t idle = uploaded();
    for (int i = 0; i < 3; ++i)
        device->run(copy(to, 0, from, 0, 16));
    EXPECT_EQ(uploaded(), idle);
}

TEST_P(CoherenceTest, TheDevicesWritesAreReadBackOnceWhenTheyAreLookedAt) {
    const auto from = device->createBuffer(8192);
    const auto to = device->createBuffer(1u << 20);
    auto source = device->map(from);
    auto target = device->map(to);
    (*source)[0] = 77;
    device->run(copy(to, 500000, from, 0, 1));
    const uint64_t before = readBack();
    if (device->kernel->tracker().readsAreTracked()) {
        EXPECT_EQ(before, 0u); // nobody has looked yet
    }
    EXPECT_EQ((*target)[500000], 77);
    EXPECT_EQ((*target)[500001], 0);
    EXPECT_EQ((*target)[10], 0);
    EXPECT_EQ(readBack(), 1u << 20);
}

TEST_P(CoherenceTest, CpuAndDeviceWriteDifferentBytesOfOnePage) {
    const auto from = device->createBuffer(4096);
    const auto to = device->createBuffer(4096);
    auto source = device->map(from);
    auto target = device->map(to);
    for (uint32_t round = 1; round <= 100; ++round) {
        const auto device_ = static_cast<uint8_t>(round);
        const auto cpu = static_cast<uint8_t>(round + 100);
        for (uint32_t i = 0; i < 4096; ++i)
            (*source)[i] = device_;
        drm_vmw_fence_rep fence{};
        auto commands = copy(to, 0, from, 0, 1024);
        commands.append(copy(to, 2048, from, 0, 1024));
        ASSERT_EQ(device->execute(commands, SVGA3D_INVALID_ID, &fence), 0);
        // While the device is at it.
        for (uint32_t i = 1024; i < 2048; ++i)
            (*target)[i] = cpu;
        ASSERT_EQ(device->execute(copy(to, 3072, from, 0, 100), SVGA3D_INVALID_ID, &fence), 0);
        for (uint32_t i = 3500; i < 4096; ++i)
            (*target)[i] = cpu;
        ASSERT_EQ(device->wait(fence), 0);
        for (uint32_t i = 0; i < 4096; ++i) {
            const bool byDevice = i < 1024 || (i >= 2048 && i < 3172);
            const bool byCpu = (i >= 1024 && i < 2048) || i >= 3500;
            if (byDevice || byCpu) {
                ASSERT_EQ((*target)[i], byDevice ? device_ : cpu) << "round " << round << ", byte " << i;
            }
        }
        // And the device sees both.
        const auto result = device->createBuffer(4096);
        auto seen = device->map(result);
        device->run(copy(result, 0, to, 0, 4096));
        ASSERT_EQ(std::memcmp(seen->data(), target->data(), 4096), 0) << "round " << round;
    }
}

TEST_P(CoherenceTest, MemoryMappedAfterTheDeviceWroteIsCurrent) {
    const auto from = device->createBuffer(5000);
    const auto to = device->createBuffer(5000);
    {
        auto source = device->map(from);
        std::memset(source->data(), 9, 5000);
    } // written, unmapped, and not yet submitted
    device->run(copy(to, 0, from, 0, 5000));
    for (int times = 0; times < 2; ++times) {
        auto target = device->map(to);
        for (int i = 0; i < 5000; ++i)
            ASSERT_EQ((*target)[i], 9);
    }
    // Write, unmap and map again; two mappings of one buffer.
    auto first = device->map(to);
    auto second = device->map(to);
    (*first)[4999] = 1;
    EXPECT_EQ((*second)[4999], 1);
    auto back = device->map(from);
    device->run(copy(from, 0, to, 4999, 1));
    EXPECT_EQ((*back)[0], 1);
}

TEST_P(CoherenceTest, SubresourcesOfOddSizesShareTheirPages) {
    // 61 bytes a row, several levels and layers: most pages hold pieces of several subresources.
    constexpr uint32_t kWidth = 61, kHeight = 57, kLevels = 5, kLayers = 3;
    const auto make = [&] {
        return device->createSurface(SVGA3D_R8_UNORM, {kWidth, kHeight, 1, 0}, kLevels, kLayers,
                                     SVGA3D_SURFACE_HINT_TEXTURE | SVGA3D_SURFACE_BIND_SHADER_RESOURCE);
    };
    const auto from = make();
    const auto to = make();
    const auto layout = SurfaceLayout::create({SVGA3D_R8_UNORM, {kWidth, kHeight, 1}, kLevels, kLayers, 1}).value();
    auto source = device->map(from);
    auto target = device->map(to);
    std::vector<uint8_t> expected(layout.size(), 0);
    std::mt19937 random(11);
    for (int round = 0; round < 60; ++round) {
        const uint32_t subresource = random() % layout.subresources();
        const auto place = layout.subresource(subresource);
        for (uint64_t i = 0; i < place.size; ++i)
            (*source)[place.offset + i] = static_cast<uint8_t>(random());
        CommandStream commands;
        SVGA3dCmdDXPredCopyRegion region{};
        region.dstSid = to.handle;
        region.srcSid = from.handle;
        region.dstSubResource = region.srcSubResource = subresource;
        region.box.w = std::max(kWidth >> place.level, 1u);
        region.box.h = std::max(kHeight >> place.level, 1u);
        region.box.d = 1;
        commands.add(SVGA_3D_CMD_DX_PRED_COPY_REGION, region);
        device->run(commands);
        std::memcpy(expected.data() + place.offset, source->data() + place.offset, place.size);
        // The CPU writes into another subresource of the target.
        const auto other = layout.subresource(random() % layout.subresources());
        expected[other.offset + other.size - 1] = (*target)[other.offset + other.size - 1] =
            static_cast<uint8_t>(round);
        if (random() % 3 == 0) {
            ASSERT_EQ(std::memcmp(expected.data(), target->data(), expected.size()), 0) << "round " << round;
        }
    }
    ASSERT_EQ(std::memcmp(expected.data(), target->data(), expected.size()), 0);
}

TEST_P(CoherenceTest, SamplesReachTheDeviceAndComeBack) {
    const auto create = [&] {
        return device->createSurface(SVGA3D_R8G8B8A8_UNORM, {64, 32, 1, 0}, 1, 2, SVGA3D_SURFACE_BIND_RENDER_TARGET,
                                     drm_vmw_surface_flag_create_buffer | drm_vmw_surface_flag_coherent,
                                     SVGA3D_INVALID_ID, 4);
    };
    const auto from = create(), to = create();
    constexpr uint32_t kLayer = 64 * 32 * 4, kSheet = 2 * kLayer;
    ASSERT_GE(from.size, 4 * kSheet);
    auto source = device->map(from);
    auto target = device->map(to);
    for (uint32_t round = 0; round < 3; ++round) {
        // One sheet is written, the others come along; then the second layer is copied, all its samples.
        for (uint32_t i = round * kSheet; i < (round + 1) * kSheet; ++i)
            (*source)[i] = static_cast<uint8_t>(i / 64 + 1);
        CommandStream commands;
        commands.add(SVGA_3D_CMD_DX_PRED_COPY_REGION,
                     SVGA3dCmdDXPredCopyRegion{to.handle, 1, from.handle, 1, {0, 0, 0, 64, 32, 1, 0, 0, 0}});
        device->run(commands);
        for (uint32_t i = 0; i < 4 * kSheet; ++i) {
            const bool copied = i / kSheet <= round && i % kSheet >= kLayer;
            ASSERT_EQ((*target)[i], copied ? static_cast<uint8_t>(i / 64 + 1) : 0)
                << "round " << round << ", byte " << i;
        }
    }
}

TEST_P(CoherenceTest, AnotherBufferObjectBringsItsContent) {
    auto surface = device->createBuffer(4096);
    const auto result = device->createBuffer(4096);
    auto seen = device->map(result);
    drm_vmw_alloc_bo_arg bo{};
    bo.req.size = 4096;
    ASSERT_EQ(device->command(DRM_VMW_ALLOC_BO, bo), 0);
    Mapping fresh(*device->kernel, *device->file, bo.rep.map_handle, 4096);
    std::memset(fresh.data(), 33, 4096);
    CommandStream commands;
    commands.add(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{surface.handle, bo.rep.handle});
    commands.append(copy(result, 0, surface, 0, 4096));
    device->run(commands);
    EXPECT_EQ((*seen)[4095], 33);
    fresh[4095] = 34;
    device->run(copy(result, 0, surface, 0, 4096));
    EXPECT_EQ((*seen)[4095], 34);
}

TEST_P(CoherenceTest, UserSpacesOwnSynchronisationDoesNoHarm) {
    const auto from = device->createBuffer(4096);
    const auto to = device->createBuffer(4096);
    auto source = device->map(from);
    auto target = device->map(to);
    (*source)[0] = 5;
    device->run(copy(to, 0, from, 0, 1));
    CommandStream commands; // would upload what is older than the device's copy
    commands.add(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{to.handle});
    commands.add(SVGA_3D_CMD_READBACK_GB_SURFACE, SVGA3dCmdReadbackGBSurface{to.handle});
    device->run(commands);
    EXPECT_EQ((*target)[0], 5);
    EXPECT_EQ(device->counters->userspace_updates.load(), 1u);
    EXPECT_EQ(device->counters->userspace_readbacks.load(), 1u);
}

TEST_P(CoherenceTest, CreateMapDestroyFromTwoThreads) {
    const auto work = [&](uint8_t seed) {
        for (int i = 0; i < 60; ++i) {
            const auto from = device->createBuffer(9000);
            const auto to = device->createBuffer(9000);
            auto source = device->map(from);
            auto target = device->map(to);
            std::memset(source->data(), seed + i, 9000);
            drm_vmw_fence_rep fence{};
            ASSERT_EQ(device->execute(copy(to, 0, from, 0, 9000), SVGA3D_INVALID_ID, &fence), 0);
            ASSERT_EQ(device->wait(fence), 0);
            ASSERT_EQ((*target)[8999], static_cast<uint8_t>(seed + i));
            drm_vmw_fence_arg done{fence.handle, 0};
            ASSERT_EQ(device->command(DRM_VMW_FENCE_UNREF, done), 0);
            for (const auto& surface : {from, to}) {
                drm_vmw_surface_arg unref{};
                unref.sid = static_cast<int32_t>(surface.handle);
                ASSERT_EQ(device->command(DRM_VMW_UNREF_SURFACE, unref), 0);
                drm_vmw_handle_close_arg close{surface.buffer, 0};
                ASSERT_EQ(device->command(DRM_VMW_HANDLE_CLOSE, close), 0);
            }
        }
    };
    std::thread other(work, uint8_t{100});
    work(0);
    other.join();
}

TEST_P(CoherenceTest, SurfacesOnOneMemoryAllSeeWhatTheCpuWrites) {
    constexpr uint32_t kSize = 20000;
    const auto a = device->createBuffer(kSize);
    const auto b = device->createBufferOn(a, kSize);
    const auto seen = device->createBuffer(kSize);
    auto memory = device->map(a);
    auto target = device->map(seen);
    for (uint32_t round = 1; round < 6; ++round) {
        const auto value = static_cast<uint8_t>(round);
        std::memset(memory->data() + 3000 * round, value, 3000);
        for (const auto& surface : {a, b}) {
            device->run(copy(seen, 0, surface, 0, kSize));
            ASSERT_EQ(std::memcmp(target->data(), memory->data(), kSize), 0) << "round " << round;
            // Away with it, so that the next copy has something to do.
            std::memset(target->data(), 0xff, kSize);
        }
    }
}

TEST_P(CoherenceTest, WhatTheDeviceWritesToOneSurfaceReachesTheMemoryAndTheOther) {
    constexpr uint32_t kSize = 9000;
    const auto a = device->createBuffer(kSize);
    const auto b = device->createBufferOn(a, kSize);
    const auto from = device->createBuffer(kSize);
    const auto seen = device->createBuffer(kSize);
    auto memory = device->map(a);
    auto source = device->map(from);
    auto target = device->map(seen);
    for (uint32_t round = 0; round < 12; ++round) {
        const auto& written = round % 2 == 0 ? b : a;
        const auto& used = round % 2 == 0 ? a : b;
        std::memset(source->data(), static_cast<int>(round + 1), kSize);
        (*memory)[8999] = static_cast<uint8_t>(round + 100);
        device->run(copy(written, 1000, from, 0, 5000));
        if (round % 3 == 0) { // the CPU looks first, or the device does
            ASSERT_EQ((*memory)[1000], round + 1) << "round " << round;
        }
        device->run(copy(seen, 0, used, 0, kSize));
        ASSERT_EQ((*target)[1000], round + 1) << "round " << round;
        ASSERT_EQ((*target)[5999], round + 1) << "round " << round;
        ASSERT_EQ((*target)[8999], round + 100) << "round " << round;
        ASSERT_EQ((*memory)[5999], round + 1) << "round " << round;
        ASSERT_EQ((*memory)[8999], round + 100) << "round " << round;
    }
}

TEST_P(CoherenceTest, TheSurfaceWrittenLastInABatchCounts) {
    constexpr uint32_t kSize = 8192;
    const auto a = device->createBuffer(kSize);
    const auto b = device->createBufferOn(a, kSize);
    const auto from = device->createBuffer(kSize);
    const auto seen = device->createBuffer(kSize);
    auto memory = device->map(a);
    auto source = device->map(from);
    auto target = device->map(seen);
    for (uint32_t round = 1; round < 9; ++round) {
        // As the driver replaces a surface: the whole is copied over, then the new one is drawn to.
        const auto& old = round % 2 == 0 ? a : b;
        const auto& replacement = round % 2 == 0 ? b : a;
        std::memset(source->data(), static_cast<int>(round), kSize);
        (*memory)[10] = static_cast<uint8_t>(round + 50);
        auto commands = copy(old, 100, from, 0, 100);
        commands.append(copy(replacement, 0, old, 0, kSize));
        commands.append(copy(replacement, 4000, from, 0, 500));
        device->run(commands);
        if (round % 3 == 0) {
            ASSERT_EQ((*memory)[4000], round);
        }
        device->run(copy(seen, 0, old, 0, kSize));
        for (const uint32_t at : {100u, 199u, 4000u, 4499u})
            ASSERT_EQ((*target)[at], round) << "round " << round << ", byte " << at;
        ASSERT_EQ((*target)[10], round + 50) << "round " << round;
        for (const uint32_t at : {100u, 199u, 4000u, 4499u})
            ASSERT_EQ((*memory)[at], round) << "round " << round << ", byte " << at;
    }
}

TEST_P(CoherenceTest, InvalidatingASurfaceLeavesTheMemoryItShares) {
    const auto a = device->createBuffer(4096);
    const auto b = device->createBufferOn(a, 4096);
    const auto from = device->createBuffer(4096);
    auto memory = device->map(a);
    auto source = device->map(from);
    (*source)[0] = 5;
    device->run(copy(b, 7, from, 0, 1));
    const uint64_t before = readBack();
    CommandStream commands;
    commands.add(SVGA_3D_CMD_INVALIDATE_GB_SURFACE, SVGA3dCmdInvalidateGBSurface{a.handle});
    device->run(commands);
    EXPECT_EQ(readBack(), before) << "that is no use of the content";
    EXPECT_EQ((*memory)[7], 5);
}

TEST_P(CoherenceTest, ASurfaceOnGivenMemoryTakesItsHandleAndUploadsNothing) {
    drm_vmw_alloc_bo_arg allocate{};
    allocate.req.size = 8192;
    ASSERT_EQ(device->command(DRM_VMW_ALLOC_DMABUF, allocate), 0);
    SurfaceHandle given{};
    given.buffer = allocate.rep.handle;
    EXPECT_THROW(device->createBufferOn(given, 8193), Error);
    const auto surface = device->createBufferOn(given, 8192);
    EXPECT_EQ(surface.buffer, given.buffer);
    const auto to = device->createBuffer(16);
    const uint64_t before = uploaded();
    device->run(copy(to, 0, surface, 0, 16));
    EXPECT_EQ(uploaded(), before) << "it is zero on both sides";
    drm_vmw_handle_close_arg close{given.buffer, 0};
    EXPECT_EQ(device->command(DRM_VMW_HANDLE_CLOSE, close), 0);
    EXPECT_NE(device->command(DRM_VMW_HANDLE_CLOSE, close), 0) << "the surface took no handle of its own";
}

/// Random writes, copies and reads of a few buffers, each with several surfaces, against plain memory.
class RandomCoherence {
public:
    RandomCoherence(EmbeddedDevice& device, uint32_t seed)
        : device_(device)
        , random_(seed) {
        for (int i = 0; i < 4; ++i) {
            Buffer buffer;
            buffer.size = pick(1, 30000);
            buffer.handle = device_.createBuffer(buffer.size);
            buffer.surfaces.assign(1, buffer.handle);
            for (int other = 0; other < i; ++other)
                buffer.surfaces.push_back(device_.createBufferOn(buffer.handle, buffer.size));
            buffer.mapping = device_.map(buffer.handle);
            buffer.model.assign(buffer.size, 0);
            buffer.busy.assign(buffer.size, false);
            buffers_.push_back(std::move(buffer));
        }
    }

    void run(int steps) {
        for (int step = 0; step < steps && !::testing::Test::HasFatalFailure(); ++step) {
            switch (pick(0, 9)) {
            case 0:
            case 1:
            case 2:
            case 3:
                write();
                break;
            case 4:
            case 5:
            case 6:
                copy();
                break;
            case 7:
                finish();
                break;
            case 8:
                read(step);
                break;
            default:
                remap();
                break;
            }
        }
        finish();
        for (const Buffer& buffer : buffers_)
            ASSERT_EQ(std::memcmp(buffer.mapping->data(), buffer.model.data(), buffer.size), 0);
    }

private:
    struct Buffer {
        uint32_t size;
        SurfaceHandle handle;
        std::vector<SurfaceHandle> surfaces; ///< on the one memory
        std::unique_ptr<Mapping> mapping;
        std::vector<uint8_t> model;
        std::vector<bool> busy; ///< in a copy that may not be done: the CPU keeps off these bytes
    };

    uint32_t pick(uint32_t first, uint32_t last) {
        return std::uniform_int_distribution<uint32_t>(first, last)(random_);
    }

    void write() {
        Buffer& buffer = buffers_[pick(0, 3)];
        const uint32_t begin = pick(0, buffer.size - 1);
        const uint32_t end = std::min(buffer.size, begin + pick(1, pick(1, 6000)));
        for (uint32_t i = begin; i < end; ++i) {
            if (!buffer.busy[i])
                (*buffer.mapping)[i] = buffer.model[i] = static_cast<uint8_t>(random_());
        }
    }

    void copy() {
        Buffer& from = buffers_[pick(0, 3)];
        Buffer& to = buffers_[pick(0, 3)];
        if (&from == &to)
            return;
        const uint32_t size = pick(1, std::min(from.size, to.size));
        const uint32_t fromX = pick(0, from.size - size);
        const uint32_t toX = pick(0, to.size - size);
        const auto any = [this](const Buffer& buffer) {
            return buffer.surfaces[pick(0, static_cast<uint32_t>(buffer.surfaces.size()) - 1)].handle;
        };
        CommandStream commands;
        commands.add(SVGA_3D_CMD_DX_BUFFER_COPY, SVGA3dCmdDXBufferCopy{any(to), any(from), toX, fromX, size});
        ASSERT_EQ(device_.execute(commands, SVGA3D_INVALID_ID, &last_), 0);
        std::memcpy(to.model.data() + toX, from.model.data() + fromX, size);
        std::fill_n(to.busy.begin() + toX, size, true);
        std::fill_n(from.busy.begin() + fromX, size, true);
    }

    void finish() {
        if (last_.handle == 0)
            return;
        ASSERT_EQ(device_.wait(last_), 0);
        for (Buffer& buffer : buffers_)
            std::fill(buffer.busy.begin(), buffer.busy.end(), false);
    }

    void read(int step) {
        Buffer& buffer = buffers_[pick(0, 3)];
        for (int i = 0; i < 20; ++i) {
            const uint32_t at = pick(0, buffer.size - 1);
            if (!buffer.busy[at]) {
                ASSERT_EQ((*buffer.mapping)[at], buffer.model[at]) << "step " << step << ", byte " << at;
            }
        }
    }

    void remap() {
        Buffer& buffer = buffers_[pick(0, 3)];
        buffer.mapping.reset();
        if (pick(0, 1) == 0)
            copy();
        buffer.mapping = device_.map(buffer.handle);
    }

    EmbeddedDevice& device_;
    std::mt19937 random_;
    std::vector<Buffer> buffers_;
    drm_vmw_fence_rep last_{};
};

TEST_P(CoherenceTest, AgreesWithPlainMemory) {
    const char* seeds = std::getenv("SVGA_TEST_SEEDS");
    const int count = seeds != nullptr ? std::atoi(seeds) : 20;
    for (int seed = 0; seed < count; ++seed) {
        SCOPED_TRACE(seed);
        RandomCoherence(*device, static_cast<uint32_t>(seed)).run(300);
        if (HasFatalFailure())
            return;
    }
}

} // namespace
} // namespace svga::shim
