// SPDX-License-Identifier: MIT
#pragma once

#include "fake_kernel.h"

#include "gallium/winsys/svga/core/device.h"

#include <gtest/gtest.h>

namespace svga::winsys::test {

/** \brief A Device on a fake kernel; at the end nothing may be left there. */
class WinsysTest : public ::testing::Test {
protected:
    void SetUp() override { device_ = std::make_unique<Device>(std::make_unique<FakeKernel>(state_)); }

    void TearDown() override {
        device_.reset();
        EXPECT_EQ(state_->buffers.size(), 0u);
        EXPECT_EQ(state_->surfaces.size(), 0u);
        EXPECT_EQ(state_->contexts.size(), 0u);
        EXPECT_EQ(state_->fences.size(), 0u);
        for (const auto& [offset, memory] : state_->memory)
            EXPECT_EQ(memory->mappings, 0) << "mapping at " << offset;
    }

    unsigned calls(unsigned index) const { return state_->calls[index]; }

    const std::shared_ptr<FakeState> state_ = std::make_shared<FakeState>();
    std::unique_ptr<Device> device_;
};

/** \brief The message of the Error that \p action throws. */
template <typename Action>
std::string errorOf(Action&& action) {
    try {
        action();
    } catch (const std::exception& error) {
        return error.what();
    }
    ADD_FAILURE() << "no Error was thrown";
    return {};
}

} // namespace svga::winsys::test
