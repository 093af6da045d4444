// SPDX-License-Identifier: MIT
/**
 * \file
 * Images.
 *
 * An image of optimal tiling is a surface, made when memory is bound. An image of linear tiling is a range of the
 * buffer surface of its memory, and can only be copied.
 */
#pragma once

#include "gallium/winsys/svga/core/surface.h"
#include "vulkan/context_objects.h"
#include "vulkan/formats.h"
#include "vulkan/mesa.h"

#include <svga3d_dx.h>

#include <array>

#include "vk_sampler.h"

namespace svga::vulkan {

inline constexpr uint32_t kAllLayers = ~0u; ///< of a view

/** \brief A VkImage. */
struct Image : vk_image {
    ~Image();

    /** \brief What its surface is. */
    winsys::SurfaceDesc surfaceDesc() const;
    /** \brief Number of a subresource, as the device counts. */
    uint32_t subresource(uint32_t layer, uint32_t level) const { return layer * mip_levels + level; }
    /** \brief Id of a view to read all layers of \p level through \p format. Throws Error. */
    uint32_t texels(ContextObjects& objects, SVGA3dSurfaceFormat format, uint32_t level) const;

    bool isLinear() const { return tiling == VK_IMAGE_TILING_LINEAR; }
    /** \brief Bytes from one row of a linear image to the next. */
    uint32_t linearRow() const;

    const Format* info = nullptr;
    winsys::Ref<winsys::Surface> surface; ///< null until it is bound; of a linear image the memory's
    uint32_t offset = 0;                  ///< of a linear image: bytes into the surface
};

/** \brief A VkImageView. */
struct ImageView : vk_image_view {
    Image& owner() const { return static_cast<Image&>(*image); }

    /** \brief Where a shader is to take the components from that it samples, as the device's view has them:
     * TextureSwizzle::components. */
    std::array<uint8_t, 4> sampledComponents() const;

    /** \brief Ids of views of the device: to sample, to store through, to draw to. Throw Error. */
    uint32_t shaderResource(ContextObjects& objects) const;
    uint32_t unorderedAccess(ContextObjects& objects) const;
    /** \param layer of the view, counted from its first, or kAllLayers */
    uint32_t renderTarget(ContextObjects& objects, uint32_t layer) const;
    uint32_t depthStencil(ContextObjects& objects, uint32_t layer) const;
};

/** \brief A VkSampler. */
struct Sampler : vk_sampler {
    SVGA3dCmdDXDefineSamplerState state{};
    bool takesTexels = false; ///< coordinates are not normalised
};

} // namespace svga::vulkan
