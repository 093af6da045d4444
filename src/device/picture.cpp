// SPDX-License-Identifier: MIT
#include "device/picture.h"

#include "device/capabilities.h"
#include "device/command_error.h"

#include <svga_reg.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace svga::device {

namespace {

constexpr std::size_t kPixelSize = 4; // of a picture, and of all formats shown

/// Formats with blue in the first byte, then green and red; what is in the fourth is not shown.
bool isBgr(SVGA3dSurfaceFormat format) {
    constexpr std::array<SVGA3dSurfaceFormat, 8> formats{
        SVGA3D_X8R8G8B8,          SVGA3D_A8R8G8B8,          SVGA3D_B8G8R8A8_UNORM,      SVGA3D_B8G8R8X8_UNORM,
        SVGA3D_B8G8R8A8_TYPELESS, SVGA3D_B8G8R8X8_TYPELESS, SVGA3D_B8G8R8A8_UNORM_SRGB, SVGA3D_B8G8R8X8_UNORM_SRGB};
    return std::find(formats.begin(), formats.end(), format) != formats.end();
}

void putPixel(uint8_t* to, const std::byte* bgra) {
    to[0] = std::to_integer<uint8_t>(bgra[2]);
    to[1] = std::to_integer<uint8_t>(bgra[1]);
    to[2] = std::to_integer<uint8_t>(bgra[0]);
}

void drawImage(Picture& picture, const ImageBytes& image) {
    const uint32_t width = std::min(picture.width, image.width);
    const uint32_t height = std::min(picture.height, image.height);
    if (!isBgr(image.format) || image.bytes.size() < kPixelSize * image.width * std::size_t{height})
        return;
    for (uint32_t y = 0; y < height; ++y)
        for (uint32_t x = 0; x < width; ++x)
            putPixel(&picture.pixels[kPixelSize * (std::size_t{picture.width} * y + x)],
                     &image.bytes[kPixelSize * (std::size_t{image.width} * y + x)]);
}

/// Colours of the cursor are multiplied with its alpha already.
void blend(uint8_t* to, const std::byte* bgra) {
    const unsigned rest = 255 - std::to_integer<unsigned>(bgra[3]);
    for (std::size_t i = 0; i < 3; ++i)
        to[i] =
            static_cast<uint8_t>(std::min(255u, std::to_integer<unsigned>(bgra[2 - i]) + (to[i] * rest + 127) / 255));
}

void drawCursor(Picture& picture, const CursorState& cursor, const MobLookup& mobs) {
    const auto mob = mobs.get(cursor.mobId);
    const auto header = mob->readValue<SVGAGBCursorHeader>(0);
    const auto& alpha = header.header.alphaHeader;
    if (header.type != SVGA_ALPHA_CURSOR || alpha.width > kMaxCursorDimension || alpha.height > kMaxCursorDimension)
        return;
    std::vector<std::byte> pixels(kPixelSize * alpha.width * alpha.height);
    mob->read(sizeof(header), pixels);
    for (uint32_t row = 0; row < alpha.height; ++row) {
        for (uint32_t column = 0; column < alpha.width; ++column) {
            const int64_t x = int64_t{cursor.x} + column - alpha.hotspotX;
            const int64_t y = int64_t{cursor.y} + row - alpha.hotspotY;
            if (x >= 0 && y >= 0 && x < picture.width && y < picture.height)
                blend(&picture.pixels[kPixelSize *
                                      (picture.width * static_cast<std::size_t>(y) + static_cast<std::size_t>(x))],
                      &pixels[kPixelSize * (std::size_t{alpha.width} * row + column)]);
        }
    }
}

} // namespace

Picture makePicture(const ScreenTargets::Target& target, Renderer& renderer, const CursorState& cursor,
                    const MobLookup& mobs) {
    Picture picture{target.width, target.height,
                    std::vector<uint8_t>(kPixelSize * target.width * std::size_t{target.height})};
    for (std::size_t i = kPixelSize - 1; i < picture.pixels.size(); i += kPixelSize)
        picture.pixels[i] = 255;
    if (target.image.sid != SVGA3D_INVALID_ID)
        if (const auto image = renderer.readImage(target.image))
            drawImage(picture, *image);
    if (cursor.shown) {
        try {
            drawCursor(picture, cursor, mobs);
        } catch (const CommandError&) { // no such MOB, or one that is too small
        }
    }
    return picture;
}

} // namespace svga::device
