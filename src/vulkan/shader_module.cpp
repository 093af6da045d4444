// SPDX-License-Identifier: MIT
//
// Shader modules are the runtime's, but for one thing: what is not valid SPIR-V goes no further. spirv_to_nir() takes
// modules for valid, and does not survive everything else.
#include "vulkan/mesa.h"

#include "vk_common_entrypoints.h"

#ifdef HAVE_SPIRV_TOOLS
#include <memory>
#include <spirv-tools/libspirv.h>
#endif

namespace svga::vulkan {

namespace {

#ifdef HAVE_SPIRV_TOOLS

/**
 * Throws Error with what is wrong. The rules are those of SPIR-V, which NIR relies on, and not Vulkan's for it: nothing
 * that other drivers take is refused.
 */
void validate(const VkShaderModuleCreateInfo& info) {
    const std::unique_ptr<spv_context_t, decltype(&spvContextDestroy)> context(spvContextCreate(SPV_ENV_UNIVERSAL_1_6),
                                                                               spvContextDestroy);
    const std::unique_ptr<spv_validator_options_t, decltype(&spvValidatorOptionsDestroy)> options(
        spvValidatorOptionsCreate(), spvValidatorOptionsDestroy);
    if (!context || !options)
        throw std::bad_alloc();
    spvValidatorOptionsSetRelaxBlockLayout(options.get(), true);
    spvValidatorOptionsSetUniformBufferStandardLayout(options.get(), true);
    spvValidatorOptionsSetScalarBlockLayout(options.get(), true);
    spvValidatorOptionsSetWorkgroupScalarBlockLayout(options.get(), true);
    spv_const_binary_t code{info.pCode, info.codeSize / sizeof(uint32_t)};
    spv_diagnostic found = nullptr;
    const spv_result_t result = spvValidateWithOptions(context.get(), options.get(), &code, &found);
    const std::unique_ptr<spv_diagnostic_t, decltype(&spvDiagnosticDestroy)> diagnostic(found, spvDiagnosticDestroy);
    if (result == SPV_ERROR_OUT_OF_MEMORY)
        throw std::bad_alloc();
    if (result != SPV_SUCCESS)
        throw Error("invalid SPIR-V: {}", diagnostic && diagnostic->error ? diagnostic->error : "it cannot be parsed");
}

#else

void validate(const VkShaderModuleCreateInfo&) {}

#endif

} // namespace

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR VkResult VKAPI_CALL svga_CreateShaderModule(VkDevice handle, const VkShaderModuleCreateInfo* info,
                                                       const VkAllocationCallbacks* allocator, VkShaderModule* out) {
    const VkResult result =
        guarded(vk_device_from_handle(handle), VK_ERROR_INVALID_SHADER_NV, [info] { validate(*info); });
    return result == VK_SUCCESS ? vk_common_CreateShaderModule(handle, info, allocator, out) : result;
}

} // extern "C"
