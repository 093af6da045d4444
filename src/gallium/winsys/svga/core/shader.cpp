// SPDX-License-Identifier: MIT
#include "gallium/winsys/svga/core/shader.h"

#include <algorithm>

namespace svga::winsys {

Shader::Shader(uint32_t id, Ref<Bo> bo)
    : id_(id)
    , bo_(std::move(bo)) {}

Ref<Shader> Shader::create(Device& device, uint32_t id, std::span<const uint8_t> code,
                           std::span<const uint8_t> signature) {
    Ref<Bo> bo = Bo::create(device, static_cast<uint32_t>(code.size() + signature.size()));
    auto* memory = static_cast<uint8_t*>(bo->map());
    std::copy(signature.begin(), signature.end(), std::copy(code.begin(), code.end(), memory));
    bo->unmap(); // written once, and an application has thousands
    return Ref<Shader>::adopt(new Shader(id, std::move(bo)));
}

} // namespace svga::winsys
