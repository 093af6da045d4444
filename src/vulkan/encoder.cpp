// SPDX-License-Identifier: MIT
#include "vulkan/encoder.h"

namespace svga::vulkan {

winsys::Ref<winsys::Fence> Encoder::flush() {
    return context_.submit({});
}

std::byte* Encoder::begin(uint32_t id, uint32_t references, size_t size) {
    winsys::CommandStream& stream = context_.stream();
    const auto bytes = static_cast<uint32_t>(sizeof(SVGA3dCmdHeader) + size);
    stream.allowEarlySubmit();
    void* room = stream.reserve(bytes, references);
    if (!room) {
        flush();
        room = stream.reserve(bytes, references);
    }
    if (!room)
        throw Error("a command of {} bytes that names {} objects fits no batch", bytes, references);
    const SVGA3dCmdHeader header{id, static_cast<uint32_t>(size)};
    std::memcpy(room, &header, sizeof(header));
    return static_cast<std::byte*>(room) + sizeof(header);
}

} // namespace svga::vulkan
