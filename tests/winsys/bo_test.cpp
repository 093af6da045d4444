// SPDX-License-Identifier: MIT
#include "winsys_fixture.h"

#include "gallium/winsys/svga/core/bo.h"
#include "gallium/winsys/svga/core/query.h"
#include "gallium/winsys/svga/core/shader.h"

#include <cerrno>

namespace svga::winsys::test {

namespace {

class BoTest : public WinsysTest {
protected:
    uint8_t* memoryOf(const Bo& bo) { return state_->memory.at(state_->buffers.at(bo.handle()))->bytes.data(); }
};

} // namespace

TEST_F(BoTest, MapsOnceAndStaysMapped) {
    const Ref<Bo> bo = Bo::create(*device_, 5000);
    EXPECT_EQ(bo->size(), 5000u);
    void* address = bo->map();
    EXPECT_EQ(address, memoryOf(*bo));
    EXPECT_EQ(bo->map(), address);
    const auto& memory = state_->memory.at(state_->buffers.at(bo->handle()));
    EXPECT_EQ(memory->mappings, 1);
    bo->unmap();
    EXPECT_EQ(memory->mappings, 0);
    EXPECT_EQ(bo->map(), address);
}

TEST_F(BoTest, DiesWithItsLastReference) {
    Ref<Bo> first = Bo::create(*device_, 64);
    Ref<Bo> second = first;
    first = {};
    EXPECT_EQ(calls(DRM_VMW_UNREF_DMABUF), 0u);
    second->map();
    second = {};
    EXPECT_EQ(calls(DRM_VMW_UNREF_DMABUF), 1u);
}

TEST_F(BoTest, GrabsSayWhatTheCpuDoes) {
    const Ref<Bo> bo = Bo::create(*device_, 64);
    EXPECT_TRUE(bo->beginCpuAccess({}));
    EXPECT_TRUE(bo->beginCpuAccess({.write = true}));
    EXPECT_TRUE(bo->beginCpuAccess({.dontBlock = true}));
    ASSERT_EQ(state_->syncs.size(), 3u);
    for (const drm_vmw_synccpu_arg& sync : state_->syncs) {
        EXPECT_EQ(sync.op, drm_vmw_synccpu_grab);
        EXPECT_EQ(sync.handle, bo->handle());
    }
    EXPECT_EQ(unsigned(state_->syncs[0].flags), unsigned(drm_vmw_synccpu_read | drm_vmw_synccpu_allow_cs));
    EXPECT_EQ(unsigned(state_->syncs[1].flags),
              unsigned(drm_vmw_synccpu_read | drm_vmw_synccpu_write | drm_vmw_synccpu_allow_cs));
    EXPECT_EQ(unsigned(state_->syncs[2].flags),
              unsigned(drm_vmw_synccpu_read | drm_vmw_synccpu_dontblock | drm_vmw_synccpu_allow_cs));
    bo->endCpuAccess({.write = true});
    EXPECT_EQ(state_->syncs.size(), 3u) << "a grab that allows submissions holds nothing";
}

TEST_F(BoTest, ExclusiveGrabsAreReleasedWithTheSameFlags) {
    const Ref<Bo> bo = Bo::create(*device_, 64);
    const CpuAccess access{.write = true, .dontBlock = true, .exclusive = true};
    EXPECT_TRUE(bo->beginCpuAccess(access));
    bo->endCpuAccess(access);
    ASSERT_EQ(state_->syncs.size(), 2u);
    constexpr unsigned kReadWrite = drm_vmw_synccpu_read | drm_vmw_synccpu_write;
    EXPECT_EQ(unsigned(state_->syncs[0].flags), kReadWrite | drm_vmw_synccpu_dontblock);
    EXPECT_EQ(state_->syncs[1].op, drm_vmw_synccpu_release);
    EXPECT_EQ(unsigned(state_->syncs[1].flags), kReadWrite);
    EXPECT_EQ(state_->syncs[1].handle, bo->handle());
}

TEST_F(BoTest, BusyFailsOnlyWhereWaitingIsNotWanted) {
    const Ref<Bo> bo = Bo::create(*device_, 64);
    state_->busy = true;
    EXPECT_FALSE(bo->beginCpuAccess({.dontBlock = true}));
    EXPECT_EQ(state_->syncs.size(), 1u);
    // An interrupted blocking wait answers EBUSY as well; it has to go on.
    state_->failNext(DRM_VMW_SYNCCPU, -EBUSY);
    state_->failNext(DRM_VMW_SYNCCPU, -EBUSY);
    EXPECT_TRUE(bo->beginCpuAccess({}));
    EXPECT_EQ(calls(DRM_VMW_SYNCCPU), 4u);
}

TEST_F(BoTest, ErrorsNameTheBuffer) {
    state_->failNext(DRM_VMW_ALLOC_DMABUF, -ENOMEM);
    EXPECT_EQ(errorOf([&] { Bo::create(*device_, 4096); }),
              "cannot allocate a buffer object of 4096 bytes: Cannot allocate memory");
    const Ref<Bo> bo = Bo::create(*device_, 64);
    state_->failNext(DRM_VMW_SYNCCPU, -EIO);
    EXPECT_NE(errorOf([&] { bo->beginCpuAccess({}); }).find("Input/output error"), std::string::npos);
    state_->cannotMap = true;
    EXPECT_NE(errorOf([&] { bo->map(); }).find("cannot map buffer object"), std::string::npos);
    state_->cannotMap = false;
    EXPECT_NE(bo->map(), nullptr) << "a failure does not stick";
}

TEST_F(BoTest, QuerySlotsArePolledWithoutWaiting) {
    Query query(*device_, 64);
    query.setState(16, 3);
    auto* memory = reinterpret_cast<uint32_t*>(memoryOf(query.bo()));
    EXPECT_EQ(memory[4], 3u);
    memory[4] = 1;
    memory[5] = 0xabcd;
    memory[6] = 0x1234;
    uint32_t result[2] = {};
    query.readResult(16, result, sizeof(result));
    EXPECT_EQ(query.state(16), 1u);
    EXPECT_EQ(result[0], 0xabcdu);
    EXPECT_EQ(result[1], 0x1234u);
    EXPECT_EQ(calls(DRM_VMW_SYNCCPU), 0u);
}

TEST_F(BoTest, QuerySlotsLieInside) {
    Query query(*device_, 64);
    uint64_t result;
    EXPECT_NO_THROW(query.readResult(52, &result, 8));
    EXPECT_THROW(query.readResult(56, &result, 8), std::exception);
    EXPECT_THROW(query.readResult(~3u, &result, 8), std::exception);
    EXPECT_THROW(query.setState(64, 0), std::exception);
    EXPECT_THROW(query.setState(2, 0), std::exception);
    EXPECT_THROW(query.state(~3u), std::exception);
}

TEST_F(BoTest, ShadersAreCodeThenSignature) {
    const std::vector<uint8_t> code{1, 2, 3, 4}, signature{5, 6};
    const Ref<Shader> shader = Shader::create(*device_, 7, code, signature);
    EXPECT_EQ(shader->id(), 7u);
    const auto& memory = state_->memory.at(state_->buffers.at(shader->bo().handle()));
    EXPECT_EQ(memory->bytes, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(memory->mappings, 0) << "shaders are many and are written once";
}

} // namespace svga::winsys::test
