// SPDX-License-Identifier: MIT
#include "shim/device_tree.h"

#include <gtest/gtest.h>

#include <sys/sysmacros.h>

#include <algorithm>

namespace svga::shim {
namespace {

using Where = DeviceTree::Where;
using Kind = DeviceTree::Kind;

class DeviceTreeTest : public ::testing::Test {
protected:
    DeviceTree tree;

    std::string content(const char* path) {
        const auto found = tree.resolve(path, true);
        return found.where == Where::Here && found.entry->kind == Kind::File ? found.entry->content : "none";
    }
};

TEST_F(DeviceTreeTest, ShowsTheDeviceAsLibdrmLooksForIt) {
    EXPECT_EQ(content("/sys/dev/char/226:128/device/vendor"), "0x15ad\n");
    EXPECT_EQ(content("/sys/dev/char/226:0/device/device"), "0x0406\n");
    EXPECT_EQ(content("/sys/class/drm/renderD128/dev"), "226:128\n");
    EXPECT_NE(content("/sys/dev/char/226:128/device/uevent").find("PCI_SLOT_NAME=0000:00:0f.0\n"), std::string::npos);
    EXPECT_EQ(content("/sys/bus/pci/devices/0000:00:0f.0/class"), "0x030000\n");
    const auto subsystem = tree.resolve("/sys/dev/char/226:128/device/subsystem", false);
    ASSERT_EQ(subsystem.where, Where::Here);
    EXPECT_TRUE(subsystem.entry->content.ends_with("/pci"));
    EXPECT_EQ(tree.resolve("/sys/dev/char/226:128/device", true).path, "/sys/devices/pci0000:00/0000:00:0f.0");
}

TEST_F(DeviceTreeTest, ShowsNodesAsCharacterDevices) {
    const auto node = tree.resolve("/dev/dri/renderD128", true);
    ASSERT_EQ(node.where, Where::Here);
    struct stat status {};
    DeviceTree::fill(*node.entry, status);
    EXPECT_TRUE(S_ISCHR(status.st_mode));
    EXPECT_EQ(status.st_rdev, makedev(226, 128));
}

TEST_F(DeviceTreeTest, ListsItsDirectories) {
    auto names = tree.list("/dev/dri");
    ASSERT_EQ(names.size(), 4u);
    EXPECT_EQ(names[2].first, "card0");
    EXPECT_EQ(names[3].first, "renderD128");
    EXPECT_EQ(names[3].second, Kind::Node);
    const auto drm = tree.list("/sys/devices/pci0000:00/0000:00:0f.0/drm");
    EXPECT_EQ(drm.size(), 4u);
}

TEST_F(DeviceTreeTest, HidesTheHostsDevices) {
    EXPECT_EQ(tree.resolve("/dev/dri/card1", true).where, Where::Missing);
    EXPECT_EQ(tree.resolve("/dev/dri/by-path/x", true).where, Where::Missing);
    EXPECT_EQ(tree.resolve("/sys/dev/char/226:129/device", true).where, Where::Missing);
    EXPECT_EQ(tree.resolve("/sys/class/drm/card7", true).where, Where::Missing);
}

TEST_F(DeviceTreeTest, LeavesAllElseAlone) {
    for (const char* path : {"/sys/dev/char/1:3", "/sys/class/net", "/dev/null", "/sys/devices/system/cpu",
                             "/dev/driver", "/sys/class/drm_dp_aux_dev"}) {
        EXPECT_EQ(tree.resolve(path, true).where, Where::Elsewhere) << path;
    }
    EXPECT_FALSE(DeviceTree::mayHold("/etc/passwd"));
    EXPECT_FALSE(DeviceTree::mayHold(nullptr));
    EXPECT_TRUE(DeviceTree::mayHold("/dev/dri"));
}

TEST_F(DeviceTreeTest, ResolvesDotsAndLinksOnTheWayOut) {
    EXPECT_EQ(tree.resolve("/dev/./dri/../dri//card0", true).where, Where::Here);
    const auto out = tree.resolve("/sys/dev/char/226:128/device/driver", true);
    EXPECT_EQ(out.where, Where::Elsewhere);
    EXPECT_EQ(out.path, "/sys/bus/pci/drivers/vmwgfx");
    EXPECT_EQ(tree.resolve("/../../..", true).where, Where::Elsewhere);
}

} // namespace
} // namespace svga::shim
