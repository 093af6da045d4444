// SPDX-License-Identifier: MIT
#include "winsys_fixture.h"

#include <svga_reg.h>

#include <cerrno>

namespace svga::winsys::test {

namespace {

using DeviceTest = WinsysTest;

std::string errorOfDevice(const std::function<void(FakeState&)>& change) {
    const auto state = std::make_shared<FakeState>();
    change(*state);
    return errorOf([&] { Device device(std::make_unique<FakeKernel>(state)); });
}

} // namespace

TEST_F(DeviceTest, KnowsWhatTheKernelTold) {
    const DeviceInfo& info = device_->info();
    EXPECT_EQ(info.version.major, 2);
    EXPECT_EQ(info.version.minor, 20);
    EXPECT_EQ(info.maxMobMemory, 64u << 20);
    EXPECT_EQ(info.maxMobSize, 16u << 20);
    EXPECT_EQ(info.deviceId, 0x0406);
    EXPECT_TRUE(info.intraSurfaceCopy);
    EXPECT_TRUE(info.sm41 && info.sm5 && info.gl43);
}

TEST_F(DeviceTest, ShaderModelsImplyTheOnesBefore) {
    state_->params[DRM_VMW_PARAM_SM4_1] = 0;
    const Device device(std::make_unique<FakeKernel>(state_));
    EXPECT_FALSE(device.info().sm41 || device.info().sm5 || device.info().gl43);
}

TEST_F(DeviceTest, OldKernelsLackParametersThatHaveDefaults) {
    for (const uint32_t param :
         {DRM_VMW_PARAM_MAX_MOB_MEMORY, DRM_VMW_PARAM_MAX_MOB_SIZE, DRM_VMW_PARAM_DEVICE_ID, DRM_VMW_PARAM_HW_CAPS2})
        state_->params.erase(param);
    const Device device(std::make_unique<FakeKernel>(state_));
    EXPECT_EQ(device.info().maxMobMemory, 256u << 20);
    EXPECT_EQ(device.info().maxMobSize, 128u << 20);
    EXPECT_EQ(device.info().deviceId, 0x0405);
    EXPECT_FALSE(device.info().intraSurfaceCopy);
}

TEST_F(DeviceTest, DevcapsEndWhereTheKernelsDo) {
    EXPECT_EQ(device_->devcap(0), 1000u);
    EXPECT_EQ(device_->devcap(261), 1261u);
    EXPECT_FALSE(device_->devcap(262));
    EXPECT_FALSE(device_->devcap(~0u));
}

TEST(DeviceErrorTest, SaysWhatIsMissing) {
    EXPECT_EQ(errorOfDevice([](FakeState& state) { state.isDrm = false; }), "not a DRM device");
    EXPECT_EQ(errorOfDevice([](FakeState& state) {
                  state.version = {2, 19};
              }),
              "vmwgfx 2.20 or later is needed, the kernel has 2.19");
    EXPECT_EQ(errorOfDevice([](FakeState& state) {
                  state.version = {1, 99};
              }),
              "vmwgfx 2.20 or later is needed, the kernel has 1.99");
    EXPECT_NE(errorOfDevice([](FakeState& state) { state.params[DRM_VMW_PARAM_3D] = 0; }).find("3D"),
              std::string::npos);
    EXPECT_EQ(errorOfDevice([](FakeState& state) { state.params[DRM_VMW_PARAM_HW_CAPS] = SVGA_CAP_DX; }),
              "the device has no guest-backed objects");
    EXPECT_NE(errorOfDevice([](FakeState& state) { state.params[DRM_VMW_PARAM_DX] = 0; }).find("DX contexts"),
              std::string::npos);
    EXPECT_EQ(errorOfDevice([](FakeState& state) { state.failNext(DRM_VMW_GET_3D_CAP, -EIO); }),
              "cannot read the device's 3D capabilities: Input/output error");
    EXPECT_NE(errorOfDevice([](FakeState& state) {
                  state.params[DRM_VMW_PARAM_3D_CAPS_SIZE] = uint64_t(1) << 40;
              }).find("3D capabilities"),
              std::string::npos);
}

TEST(DeviceErrorTest, ANewerMajorVersionWillDo) {
    const auto state = std::make_shared<FakeState>();
    state->version = {3, 0};
    EXPECT_NO_THROW(Device(std::make_unique<FakeKernel>(state)));
}

TEST_F(DeviceTest, LogsToTheHostWhereThereIsOne) {
    device_->hostLog("hello");
    ASSERT_EQ(state_->hostMessages.size(), 1u);
    EXPECT_EQ(state_->hostMessages[0], "log hello");
    state_->failNext(DRM_VMW_MSG, -EINVAL);
    EXPECT_NO_THROW(device_->hostLog("nobody listens"));
}

} // namespace svga::winsys::test
