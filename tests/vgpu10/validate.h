// SPDX-License-Identifier: MIT
#pragma once

#include <spirv-tools/libspirv.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace svga::vgpu10::test {

/** \brief What spirv-val says against a module for Vulkan 1.3; empty: nothing. Disassembly follows the message. */
inline std::string validationError(const std::vector<uint32_t>& spirv) {
    spvtools::SpirvTools tools(SPV_ENV_VULKAN_1_3);
    std::string message;
    tools.SetMessageConsumer([&](spv_message_level_t, const char*, const spv_position_t& at, const char* text) {
        message += std::to_string(at.index) + ": " + text + "\n";
    });
    if (tools.Validate(spirv))
        return {};
    if (message.empty())
        message = "invalid\n";
    std::string text;
    tools.Disassemble(spirv, &text, SPV_BINARY_TO_TEXT_OPTION_INDENT);
    return message + text;
}

} // namespace svga::vgpu10::test
