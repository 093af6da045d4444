// SPDX-License-Identifier: MIT
#include "vulkan/buffer.h"
#include "vulkan/executor.h"

#include <svga3d_dx.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace svga::vulkan {

bool Executor::prepareCompute(const DriverConstants& constants) {
    Shader* shader = shaders_[MESA_SHADER_COMPUTE];
    if (!shader)
        return false;
    if (objects_.trim())
        forgetBound();
    binder_.bindStage(SVGA3D_SHADERTYPE_CS, shader, compute_, constants, pushConstants_);
    binder_.bindComputeUavs();
    return true;
}

void Executor::dispatch(const std::array<uint32_t, 3>& base, const std::array<uint32_t, 3>& count) {
    DriverConstants constants{};
    constants.workgroupCount = count;
    constants.baseWorkgroup = base;
    if (std::ranges::find(count, 0u) != count.end() || !prepareCompute(constants))
        return;
    encoder_.emit<SVGA3dCmdDXDispatch>(SVGA_3D_CMD_DX_DISPATCH, 0, [&](auto& body) {
        body.threadGroupCountX = count[0];
        body.threadGroupCountY = count[1];
        body.threadGroupCountZ = count[2];
    });
}

void Executor::dispatchIndirect(const Buffer& buffer, uint64_t offset) {
    binder_.forgetDriverConstants(SVGA3D_SHADERTYPE_CS);
    if (!prepareCompute({}))
        return;
    const auto arguments = static_cast<uint32_t>(buffer.offset + offset);
    if (shaders_[MESA_SHADER_COMPUTE]->code.usesDriverConstants) {
        // The shader may ask for the count, which only the device knows.
        const ConstantRange& constants = binder_.driverConstants(SVGA3D_SHADERTYPE_CS);
        encoder_.emit<SVGA3dCmdDXBufferCopy>(SVGA_3D_CMD_DX_BUFFER_COPY, 2, [&](auto& body) {
            body.dest = encoder_.name(*constants.surface);
            body.src = encoder_.name(*buffer.surface);
            body.destX = constants.offset + static_cast<uint32_t>(offsetof(DriverConstants, workgroupCount));
            body.srcX = arguments;
            body.width = sizeof(DriverConstants::workgroupCount);
        });
    }
    encoder_.emit<SVGA3dCmdDXDispatchIndirect>(SVGA_3D_CMD_DX_DISPATCH_INDIRECT, 1, [&](auto& body) {
        body.argsBufferSid = encoder_.name(*buffer.surface);
        body.byteOffsetForArgs = arguments;
    });
    binder_.forgetDriverConstants(SVGA3D_SHADERTYPE_CS);
}

void Executor::runProgram(const Program& program, std::span<const std::byte> pushed, std::span<const uint32_t> views,
                          const std::array<uint32_t, 3>& groups) {
    const auto bytes = static_cast<uint32_t>(kPushConstantOffset + pushed.size());
    const uint32_t size = (bytes + kVectorBytes - 1) / kVectorBytes * kVectorBytes;
    const UploadRing::Range range = uploads_.take(size, kConstantBufferAlignment);
    // Its first constants are of the whole dispatch, from the first workgroup on.
    std::memset(range.data, 0, kPushConstantOffset);
    std::ranges::copy(pushed, range.data + kPushConstantOffset);
    binder_.bindProgram(program.code, program.id, views, {range.surface, range.offset, size});
    encoder_.emit<SVGA3dCmdDXDispatch>(SVGA_3D_CMD_DX_DISPATCH, 0, [&](auto& body) {
        body.threadGroupCountX = groups[0];
        body.threadGroupCountY = groups[1];
        body.threadGroupCountZ = groups[2];
    });
    binder_.forgetDriverConstants(SVGA3D_SHADERTYPE_CS);
}

} // namespace svga::vulkan

using namespace svga::vulkan;

extern "C" {

VKAPI_ATTR void VKAPI_CALL svga_CmdDispatchBase(VkCommandBuffer handle, uint32_t baseX, uint32_t baseY, uint32_t baseZ,
                                                uint32_t x, uint32_t y, uint32_t z) {
    Executor::run(handle, [&](Executor& executor) { executor.dispatch({baseX, baseY, baseZ}, {x, y, z}); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdDispatchIndirect(VkCommandBuffer handle, VkBuffer buffer, VkDeviceSize offset) {
    Executor::run(handle, [&](Executor& executor) {
        executor.dispatchIndirect(as<Buffer>(vk_buffer_from_handle(buffer)), offset);
    });
}

} // extern "C"
