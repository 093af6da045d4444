// SPDX-License-Identifier: MIT
#pragma once

#include "node.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace svga::uapi {

/** \brief What the command line says. */
struct Settings {
    std::string node = "/dev/dri/renderD128";
    std::chrono::milliseconds fuzz{2000};
    uint64_t seed = 1;
    static Settings& instance();
};

/** \brief A node, opened for each test. */
class UapiTest : public ::testing::Test {
protected:
    Node node{Settings::instance().node};
};

/** \brief With the dirty-tracking ioctls; skipped where the kernel has none. */
class TrackingTest : public UapiTest {
protected:
    void SetUp() override {
        if (node.parameter(DRM_VMW_PARAM_DIRTY_TRACKING).value_or(0) < 1)
            GTEST_SKIP() << "this kernel has no dirty-tracking ioctls (DRM_VMW_PARAM_DIRTY_TRACKING)";
        context = std::make_unique<Context>(node);
    }

    /** \brief Has the device take \p image once as it is. \return whether that leaves nothing dirty. */
    bool settle(const Image& image) {
        Image other(node, image.rows());
        Commands commands;
        commands.copy(other, 0, image, 0, 0, image.rows());
        EXPECT_EQ(context->run(commands), 0);
        // A kernel may take pages for written that are not: one without page faults takes all that are mapped.
        return queryDirty(node, image.buffer()).dirty_pages == 0;
    }

    /** \brief Has the device write \p value to all of \p image, and waits for that. */
    void draw(const Image& image, uint8_t value) {
        Image source(node, image.rows());
        for (uint64_t page = 0; page < source.pages(); ++page)
            source.fill(page, value);
        Commands commands;
        for (uint32_t layer = 0; layer < image.pages() / image.rows(); ++layer)
            commands.copy(image, layer, source, 0, 0, image.rows());
        ASSERT_EQ(context->run(commands), 0);
    }

    /** \brief What the device holds of a page, as it copies it elsewhere. */
    bool deviceHolds(const Image& image, uint64_t page, uint8_t value) {
        Image target(node, image.rows());
        Commands commands;
        commands.copy(target, 0, image, static_cast<uint32_t>(page / image.rows()), 0, image.rows());
        EXPECT_EQ(context->run(commands), 0);
        return target.holds(page % image.rows(), value);
    }

    std::unique_ptr<Context> context;
};

} // namespace svga::uapi
