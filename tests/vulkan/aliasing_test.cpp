// SPDX-License-Identifier: MIT
//
// Images in the same memory.
#include "image.h"

#include <gtest/gtest.h>

#include <numeric>

namespace svga::test {

TEST(Aliasing, ImagesThatAreAlikeHoldTheSame) {
    Gpu gpu;
    ImageInfo info;
    info.extent = {33, 17};
    info.flags = VK_IMAGE_CREATE_ALIAS_BIT;
    std::vector<uint32_t> texels(33 * 17);
    std::iota(texels.begin(), texels.end(), 0x01020304u);
    auto first = std::make_unique<Image>(gpu, info);
    Image second = Image::aliasOf(*first);
    first->write<uint32_t>(texels);
    EXPECT_EQ(second.read<uint32_t>(), texels);
    texels[5] = 77;
    second.write<uint32_t>(texels);
    EXPECT_EQ(first->read<uint32_t>(), texels);
    first.reset();
    EXPECT_EQ(second.read<uint32_t>(), texels);
}

} // namespace svga::test
