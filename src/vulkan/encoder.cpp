// SPDX-License-Identifier: MIT
#include "vulkan/encoder.h"

namespace svga::vulkan {

winsys::Ref<winsys::Fence> Encoder::flush() {
    return context_.submit({});
}

void* Encoder::reserve(size_t bytes, uint32_t references) {
    winsys::CommandStream& stream = context_.stream();
    const auto size = static_cast<uint32_t>(bytes);
    stream.allowEarlySubmit();
    if (void* room = stream.reserve(size, references))
        return room;
    flush();
    if (void* room = stream.reserve(size, references))
        return room;
    throw Error("a command of {} bytes that names {} objects fits no batch", bytes, references);
}

} // namespace svga::vulkan
