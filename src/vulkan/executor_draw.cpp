// SPDX-License-Identifier: MIT
//
// Draws, and what is bound for them alone.
#include "vulkan/buffer.h"
#include "vulkan/executor.h"
#include "vulkan/image.h"

#include <svga3d_dx.h>

#include <algorithm>
#include <cstddef>
#include <limits>

#include "util/bitscan.h"

namespace svga::vulkan {

namespace {

constexpr std::array kGraphicsStages{MESA_SHADER_VERTEX, MESA_SHADER_TESS_CTRL, MESA_SHADER_TESS_EVAL,
                                     MESA_SHADER_GEOMETRY, MESA_SHADER_FRAGMENT};

using Stages = std::array<Shader*, MESA_SHADER_STAGES>;

/** Whether what is rasterized has faces. */
bool makesPolygons(const vk_dynamic_graphics_state& state, const Stages& stages) {
    for (const gl_shader_stage stage : {MESA_SHADER_GEOMETRY, MESA_SHADER_TESS_EVAL})
        if (stages[stage])
            return stages[stage]->code.makesPolygons;
    switch (state.ia.primitive_topology) {
    case VK_PRIMITIVE_TOPOLOGY_POINT_LIST:
    case VK_PRIMITIVE_TOPOLOGY_LINE_LIST:
    case VK_PRIMITIVE_TOPOLOGY_LINE_STRIP:
    case VK_PRIMITIVE_TOPOLOGY_LINE_LIST_WITH_ADJACENCY:
    case VK_PRIMITIVE_TOPOLOGY_LINE_STRIP_WITH_ADJACENCY:
        return false;
    default:
        return true;
    }
}

bool storesBeforeRasterizer(const Stages& stages) {
    return std::ranges::any_of(kGraphicsStages, [&stages](gl_shader_stage stage) {
        return stage != MESA_SHADER_FRAGMENT && stages[stage] &&
               std::ranges::any_of(stages[stage]->code.bindings, &ShaderBinding::written);
    });
}

} // namespace

void Executor::bindVertexBuffers(uint32_t first, std::span<const VkBuffer> buffers,
                                 std::span<const VkDeviceSize> offsets) {
    for (size_t i = 0; i < buffers.size(); ++i) {
        VertexBuffer& to = vertexBuffers_.at(first + i);
        to = {};
        if (buffers[i]) {
            const Buffer& from = as<Buffer>(vk_buffer_from_handle(buffers[i]));
            to = {from.surface, from.offset + static_cast<uint32_t>(offsets[i]), from.size - offsets[i]};
        }
    }
}

void Executor::bindIndexBuffer(const Buffer& buffer, uint64_t offset, VkIndexType type) {
    indexBuffer_ = {buffer.surface, buffer.offset + static_cast<uint32_t>(offset), buffer.size - offset};
    indexFormat_ = type == VK_INDEX_TYPE_UINT16 ? SVGA3D_R16_UINT : SVGA3D_R32_UINT;
}

void Executor::setIndexBuffer(winsys::Surface& surface, uint32_t offset, SVGA3dSurfaceFormat format) {
    encoder_.emit<SVGA3dCmdDXSetIndexBuffer>(SVGA_3D_CMD_DX_SET_INDEX_BUFFER, 1, [&](auto& body) {
        body.sid = encoder_.name(surface);
        body.format = format;
        body.offset = offset;
    });
}

bool Executor::rasterizes() const {
    const vk_rasterization_state& state = dynamic_graphics_state.rs;
    return !state.rasterizer_discard_enable &&
           (state.cull_mode != VK_CULL_MODE_FRONT_AND_BACK || !makesPolygons(dynamic_graphics_state, shaders_));
}

std::span<const Faces> Executor::passes() const {
    static constexpr std::array kBoth{Faces::Both};
    static constexpr std::array kEach{Faces::Front, Faces::Back};
    const vk_dynamic_graphics_state& state = dynamic_graphics_state;
    if (!stencilFacesDiffer(state, rendering_.info()))
        return kBoth;
    const std::span<const Faces> front = std::span(kEach).first(1), back = std::span(kEach).last(1);
    // What has no faces counts as front, and is never culled.
    if (!makesPolygons(state, shaders_))
        return kBoth;
    if (state.rs.cull_mode != VK_CULL_MODE_NONE)
        return state.rs.cull_mode == VK_CULL_MODE_BACK_BIT ? front : back;
    // What stages before the rasterizer write they may not write twice: the back face then takes the front's.
    return storesBeforeRasterizer(shaders_) ? std::span<const Faces>(kBoth) : kEach;
}

void Executor::prepareDraw(const DriverConstants& constants, uint32_t view, Faces faces) {
    if (objects_.trim())
        forgetBound();
    for (const gl_shader_stage stage : kGraphicsStages)
        binder_.bindStage(shaderType(stage), shaders_[stage], graphics_, constants, pushConstants_);
    binder_.bindGraphicsUavs();

    const vk_dynamic_graphics_state& state = dynamic_graphics_state;
    const TargetInfo targets = rendering_.info();
    graphicsState_.setInputLayout(state, shaders_[MESA_SHADER_VERTEX]->code.vertexInputs);
    graphicsState_.setVertexBuffers(state, vertexBuffers_);
    graphicsState_.setTopology(state);
    graphicsState_.setViewportsAndScissors(state, rasterizes());
    graphicsState_.setRasterizer(state, targets, faces);
    graphicsState_.setBlend(state);
    graphicsState_.setDepthStencil(state, targets, faces);
    bindTargets(view);
}

template <typename Emit>
void Executor::draw(DriverConstants constants, Emit&& emit) {
    if (!shaders_[MESA_SHADER_VERTEX] || (!rasterizes() && !storesBeforeRasterizer(shaders_)))
        return;
    constants.yScale = yScale(dynamic_graphics_state);
    // Views of a multiview rendering are drawn one after the other.
    uint32_t views = rendering_.viewMask ? rendering_.viewMask : 1;
    while (views) {
        const auto view = static_cast<uint32_t>(u_bit_scan(&views));
        constants.viewIndex = view;
        for (const Faces faces : passes()) {
            prepareDraw(constants, rendering_.viewMask ? view : kAllLayers, faces);
            emit();
        }
    }
}

void Executor::draw(uint32_t vertices, uint32_t instances, uint32_t firstVertex, uint32_t firstInstance,
                    uint32_t index) {
    DriverConstants constants{};
    constants.drawIndex = index;
    constants.firstVertex = firstVertex;
    constants.firstInstance = firstInstance;
    draw(constants, [&] {
        encoder_.emit<SVGA3dCmdDXDrawInstanced>(SVGA_3D_CMD_DX_DRAW_INSTANCED, 0, [&](auto& body) {
            body.vertexCountPerInstance = vertices;
            body.instanceCount = instances;
            body.startVertexLocation = firstVertex;
            body.startInstanceLocation = firstInstance;
        });
    });
}

void Executor::drawIndexed(uint32_t indices, uint32_t instances, uint32_t firstIndex, int32_t vertexOffset,
                           uint32_t firstInstance, uint32_t index) {
    if (!indexBuffer_.surface)
        return;
    DriverConstants constants{};
    constants.drawIndex = index;
    constants.firstVertex = static_cast<uint32_t>(vertexOffset);
    constants.firstInstance = firstInstance;
    winsys::Surface* wide = cutIndexIsVertex(vertexOffset) ? &widenIndices(firstIndex, indices) : nullptr;
    if (wide)
        firstIndex = 0;
    draw(constants, [&] {
        if (wide)
            setIndexBuffer(*wide, 0, SVGA3D_R32_UINT);
        else
            setIndexBuffer(*indexBuffer_.surface, indexBuffer_.offset, indexFormat_);
        encoder_.emit<SVGA3dCmdDXDrawIndexedInstanced>(SVGA_3D_CMD_DX_DRAW_INDEXED_INSTANCED, 0, [&](auto& body) {
            body.indexCountPerInstance = indices;
            body.instanceCount = instances;
            body.startIndexLocation = firstIndex;
            body.baseVertexLocation = vertexOffset;
            body.startInstanceLocation = firstInstance;
        });
    });
}

void Executor::drawIndirect(const Buffer& buffer, uint64_t offset, uint32_t index, bool indexed) {
    if (indexed && !indexBuffer_.surface)
        return;
    const auto arguments = static_cast<uint32_t>(buffer.offset + offset);
    DriverConstants constants{};
    constants.drawIndex = index;
    binder_.forgetDriverConstants(SVGA3D_SHADERTYPE_VS);
    winsys::Surface* wide = nullptr;
    if (indexed && cutIndexIsVertex(0)) // which indices it takes only the device knows
        wide = &widenIndices(0, std::numeric_limits<uint32_t>::max());
    draw(constants, [&] {
        if (shaders_[MESA_SHADER_VERTEX]->code.usesDriverConstants) {
            // Where the vertices and instances begin only the device knows.
            static_assert(offsetof(DriverConstants, firstInstance) == offsetof(DriverConstants, firstVertex) + 4);
            const size_t from = indexed ? offsetof(VkDrawIndexedIndirectCommand, vertexOffset)
                                        : offsetof(VkDrawIndirectCommand, firstVertex);
            const ConstantRange& range = binder_.driverConstants(SVGA3D_SHADERTYPE_VS);
            encoder_.emit<SVGA3dCmdDXBufferCopy>(SVGA_3D_CMD_DX_BUFFER_COPY, 2, [&](auto& body) {
                body.dest = encoder_.name(*range.surface);
                body.src = encoder_.name(*buffer.surface);
                body.destX = range.offset + static_cast<uint32_t>(offsetof(DriverConstants, firstVertex));
                body.srcX = arguments + static_cast<uint32_t>(from);
                body.width = 2 * sizeof(uint32_t);
            });
        }
        if (indexed) {
            if (wide)
                setIndexBuffer(*wide, 0, SVGA3D_R32_UINT);
            else
                setIndexBuffer(*indexBuffer_.surface, indexBuffer_.offset, indexFormat_);
            encoder_.emit<SVGA3dCmdDXDrawIndexedInstancedIndirect>(
                SVGA_3D_CMD_DX_DRAW_INDEXED_INSTANCED_INDIRECT, 1, [&](auto& body) {
                    body.argsBufferSid = encoder_.name(*buffer.surface);
                    body.byteOffsetForArgs = arguments;
                });
        } else {
            encoder_.emit<SVGA3dCmdDXDrawInstancedIndirect>(SVGA_3D_CMD_DX_DRAW_INSTANCED_INDIRECT, 1, [&](auto& body) {
                body.argsBufferSid = encoder_.name(*buffer.surface);
                body.byteOffsetForArgs = arguments;
            });
        }
        binder_.forgetDriverConstants(SVGA3D_SHADERTYPE_VS);
    });
}

} // namespace svga::vulkan

using namespace svga::vulkan;

namespace {

void drawIndirect(VkCommandBuffer handle, VkBuffer buffer, VkDeviceSize offset, uint32_t count, uint32_t stride,
                  bool indexed) {
    Executor::run(handle, [&](Executor& executor) {
        for (uint32_t i = 0; i < count; ++i)
            executor.drawIndirect(as<Buffer>(vk_buffer_from_handle(buffer)), offset + uint64_t{i} * stride, i, indexed);
    });
}

} // namespace

extern "C" {

VKAPI_ATTR void VKAPI_CALL svga_CmdBindVertexBuffers2(VkCommandBuffer handle, uint32_t first, uint32_t count,
                                                      const VkBuffer* buffers, const VkDeviceSize* offsets,
                                                      const VkDeviceSize*, const VkDeviceSize* strides) {
    Executor::run(handle, [&](Executor& executor) {
        if (strides)
            vk_cmd_set_vertex_binding_strides(&executor, first, count, strides);
        executor.bindVertexBuffers(first, {buffers, count}, {offsets, count});
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdBindIndexBuffer2KHR(VkCommandBuffer handle, VkBuffer buffer, VkDeviceSize offset,
                                                       VkDeviceSize, VkIndexType type) {
    Executor::run(handle, [&](Executor& executor) {
        executor.bindIndexBuffer(as<Buffer>(vk_buffer_from_handle(buffer)), offset, type);
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdDraw(VkCommandBuffer handle, uint32_t vertices, uint32_t instances,
                                        uint32_t firstVertex, uint32_t firstInstance) {
    Executor::run(handle, [&](Executor& executor) { executor.draw(vertices, instances, firstVertex, firstInstance); });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdDrawIndexed(VkCommandBuffer handle, uint32_t indices, uint32_t instances,
                                               uint32_t firstIndex, int32_t vertexOffset, uint32_t firstInstance) {
    Executor::run(handle, [&](Executor& executor) {
        executor.drawIndexed(indices, instances, firstIndex, vertexOffset, firstInstance);
    });
}

// What was recorded is packed, whatever stride the application had.
VKAPI_ATTR void VKAPI_CALL svga_CmdDrawMultiEXT(VkCommandBuffer handle, uint32_t count, const VkMultiDrawInfoEXT* infos,
                                                uint32_t instances, uint32_t firstInstance, uint32_t) {
    Executor::run(handle, [&](Executor& executor) {
        for (uint32_t i = 0; i < count; ++i) {
            const VkMultiDrawInfoEXT& info = infos[i];
            executor.draw(info.vertexCount, instances, info.firstVertex, firstInstance, i);
        }
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdDrawMultiIndexedEXT(VkCommandBuffer handle, uint32_t count,
                                                       const VkMultiDrawIndexedInfoEXT* infos, uint32_t instances,
                                                       uint32_t firstInstance, uint32_t, const int32_t* vertexOffset) {
    Executor::run(handle, [&](Executor& executor) {
        for (uint32_t i = 0; i < count; ++i) {
            const VkMultiDrawIndexedInfoEXT& info = infos[i];
            executor.drawIndexed(info.indexCount, instances, info.firstIndex,
                                 vertexOffset ? *vertexOffset : info.vertexOffset, firstInstance, i);
        }
    });
}

VKAPI_ATTR void VKAPI_CALL svga_CmdDrawIndirect(VkCommandBuffer handle, VkBuffer buffer, VkDeviceSize offset,
                                                uint32_t count, uint32_t stride) {
    drawIndirect(handle, buffer, offset, count, stride, false);
}

VKAPI_ATTR void VKAPI_CALL svga_CmdDrawIndexedIndirect(VkCommandBuffer handle, VkBuffer buffer, VkDeviceSize offset,
                                                       uint32_t count, uint32_t stride) {
    drawIndirect(handle, buffer, offset, count, stride, true);
}

} // extern "C"
