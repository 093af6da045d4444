// SPDX-License-Identifier: MIT
#include "winsys_fixture.h"

#include "gallium/winsys/svga/core/context.h"

#include <svga3d_types.h>

#include <array>
#include <cstring>
#include <latch>
#include <thread>

namespace svga::winsys::test {

namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 300;

using ThreadTest = WinsysTest;

/** \brief Runs \p action(thread index) in all threads at once. */
template <typename Action>
void inThreads(Action&& action) {
    std::latch start(kThreads);
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] {
            start.arrive_and_wait();
            action(i);
        });
}

SurfaceDesc buffer(uint32_t bytes) {
    SurfaceDesc desc;
    desc.format = SVGA3D_BUFFER;
    desc.width = bytes;
    return desc;
}

} // namespace

TEST_F(ThreadTest, AllThreadsGetTheOneMapping) {
    state_->mapDelay = std::chrono::milliseconds(2); // long enough for all to come before the first has it
    for (int round = 0; round < 10; ++round) {
        const Ref<Surface> surface = Surface::create(*device_, buffer(4096));
        std::array<void*, kThreads> addresses{};
        inThreads([&](int i) {
            addresses[i] = surface->map({.write = true, .unsynchronized = i % 2 == 0});
            surface->unmap();
        });
        for (void* address : addresses)
            EXPECT_EQ(address, addresses[0]);
        EXPECT_EQ(state_->surfaces.at(surface->handle()).memory->mappings, 1);
    }
}

TEST_F(ThreadTest, ContextsShareSurfaces) {
    std::vector<Ref<Surface>> surfaces;
    for (int i = 0; i < 8; ++i)
        surfaces.push_back(Surface::create(*device_, buffer(4096)));
    inThreads([&](int thread) {
        Context context(*device_);
        for (int round = 0; round < kRounds; ++round) {
            context.stream().reserve(8, 8);
            for (int i = thread % 2; i < 8; i += 2)
                context.stream().reference(*surfaces[i], false);
            context.stream().commit();
            const Ref<Fence> fence = context.submit({});
            {
                const std::lock_guard lock(state_->mutex);
                state_->passedSeqno = state_->nextSeqno - 1;
            }
            EXPECT_TRUE(fence->wait(Fence::kInfinite));
        }
    });
    for (const Ref<Surface>& surface : surfaces)
        EXPECT_FALSE(surface->isPending());
    EXPECT_EQ(state_->executions.size(), size_t(kThreads * kRounds));
}

TEST_F(ThreadTest, ImportsMeetTheDestructionOfTheSameSurface) {
    for (int round = 0; round < kRounds; ++round) {
        Ref<Surface> surface = Surface::create(*device_, buffer(4096));
        const uint32_t handle = surface->exportKernelHandle();
        {
            const std::lock_guard lock(state_->mutex);
            ++state_->surfaces.at(handle).references; // someone else keeps the handle valid
        }
        std::array<Ref<Surface>, kThreads> imports;
        inThreads([&](int i) {
            if (i == 0)
                surface = {};
            else
                imports[i] = Surface::import(*device_, {SharedHandle::Type::Kernel, handle});
        });
        for (int i = 1; i < kThreads; ++i) {
            EXPECT_EQ(imports[i].get(), imports[1].get());
            EXPECT_EQ(imports[i]->handle(), handle);
        }
        imports = {};
        EXPECT_EQ(state_->surfaces.at(handle).references, 1u);
        state_->surfaces.erase(handle);
        EXPECT_TRUE(state_->buffers.empty());
    }
}

TEST_F(ThreadTest, SurfacesComeAndGo) {
    inThreads([&](int thread) {
        for (int round = 0; round < kRounds; ++round) {
            const Ref<Surface> surface = Surface::create(*device_, buffer(64 + thread));
            std::memset(surface->map({.write = true}), thread, 64);
            surface->unmap();
        }
    });
    EXPECT_TRUE(state_->surfaces.empty());
}

} // namespace svga::winsys::test
