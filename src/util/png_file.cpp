// SPDX-License-Identifier: MIT
#include "util/png_file.h"

#include "util/error.h"

#include <png.h>

#include <cstddef>

namespace svga {

void writePng(const std::string& path, uint32_t width, uint32_t height, std::span<const uint8_t> rgba) {
    if (rgba.size() != std::size_t{width} * height * 4)
        throw Error("{}: {} bytes are not {}x{} RGBA pixels", path, rgba.size(), width, height);
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGBA;
    if (!png_image_write_to_file(&image, path.c_str(), 0, rgba.data(), 0, nullptr))
        throw Error("{}: {}", path, image.message);
}

} // namespace svga
