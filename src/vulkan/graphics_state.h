// SPDX-License-Identifier: MIT
/**
 * \file
 * From Vulkan's graphics state, which is all dynamic by the time it is executed, to the states of the device.
 *
 * The device's front and back faces share the masks and the reference of the stencil test. Where Vulkan's differ, each
 * face has a draw of its own, with the other one culled.
 */
#pragma once

#include "vulkan/context_objects.h"
#include "vulkan/resource_binder.h"

#include <svga3d_dx.h>

#include "vk_graphics_state.h"

namespace svga::vulkan {

struct VertexBuffer {
    winsys::Ref<winsys::Surface> surface;
    uint32_t offset = 0; ///< bytes
    uint64_t size = 0;   ///< bytes from there to the end of the VkBuffer
};

/** \brief What is drawn to. */
struct TargetInfo {
    bool hasDepth = false, hasStencil = false;
    uint32_t samples = 1;
};

/** \brief The faces that one draw of the device is for. */
enum class Faces { Both, Front, Back };

/** \brief Whether front and back want what the device has one of. */
bool stencilFacesDiffer(const vk_dynamic_graphics_state& state, const TargetInfo& targets);

/** \brief Sets states of the device, only where they differ from what is set. */
class GraphicsState {
public:
    GraphicsState(Encoder& encoder, ContextObjects& objects)
        : encoder_(encoder)
        , objects_(objects) {}

    void setInputLayout(const vk_dynamic_graphics_state& state, uint32_t attributesRead);
    void setVertexBuffers(const vk_dynamic_graphics_state& state, std::span<const VertexBuffer> buffers);
    void setTopology(const vk_dynamic_graphics_state& state);
    /** \param rasterizes where not, scissors are empty: the stages before are run all the same */
    void setViewportsAndScissors(const vk_dynamic_graphics_state& state, bool rasterizes);
    void setRasterizer(const vk_dynamic_graphics_state& state, const TargetInfo& targets, Faces faces);
    void setBlend(const vk_dynamic_graphics_state& state);
    void setDepthStencil(const vk_dynamic_graphics_state& state, const TargetInfo& targets, Faces faces);
    void setTargets(std::span<const uint32_t> colors, uint32_t depthStencil);

    /** \brief Nothing of what was set may be taken for set any more. */
    void invalidate() { set_.clear(); }

private:
    /** Emits the command unless the same was emitted last. */
    template <typename Body>
    void set(uint32_t command, const Body& body, std::span<const std::byte> array = {});

    Encoder& encoder_;
    ContextObjects& objects_;
    std::unordered_map<uint32_t, std::string> set_; ///< bodies by command
};

/** \brief What the position's y is multiplied by, for the first viewport. */
float yScale(const vk_dynamic_graphics_state& state);

} // namespace svga::vulkan
