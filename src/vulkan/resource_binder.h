// SPDX-License-Identifier: MIT
/**
 * \file
 * From bound descriptor sets to the registers of the stages.
 *
 * What is bound on the device is remembered, and only what differs is set.
 */
#pragma once

#include "vulkan/context_objects.h"
#include "vulkan/descriptor_set.h"
#include "vulkan/shader.h"
#include "vulkan/upload_ring.h"

#include <svga3d_dx.h>

namespace svga::vulkan {

/** \brief What is bound at one of Vulkan's bind points. */
struct BindPoint {
    std::array<const DescriptorSet*, kMaxDescriptorSets> sets{};
    std::array<std::array<uint32_t, kMaxDynamicBuffers>, kMaxDescriptorSets> dynamicOffsets{};
};

using PushConstants = std::array<std::byte, kMaxPushConstants>;

/** \brief Where a stage's constant buffer 0 is. */
struct ConstantRange {
    winsys::Surface* surface = nullptr;
    uint32_t offset = 0, size = 0; ///< bytes
    bool operator==(const ConstantRange&) const = default;
};

/** \brief A view of bytes of a buffer surface, of a multiple of kRawViewAlignment on, for \p file. Throws Error. */
uint32_t rawView(ContextObjects& objects, RegisterFile file, winsys::Surface& surface, uint64_t offset, uint64_t range);

class ResourceBinder {
public:
    ResourceBinder(Encoder& encoder, ContextObjects& objects, UploadRing& uploads);

    /** \brief Puts \p shader, or none, and all it uses at a stage. Throws Error. */
    void bindStage(SVGA3dShaderType type, Shader* shader, const BindPoint& bindPoint, const DriverConstants& constants,
                   const PushConstants& pushed);

    /** \brief Puts a compute program of the driver's own in place: \p views by binding number, \p constants in constant
     * buffer 0. Throws Error. */
    void bindProgram(const CompiledShader& code, uint32_t id, std::span<const uint32_t> views,
                     const ConstantRange& constants);

    /** \brief Sets the unordered access views that bindStage() has found since the last
     * call. */
    void bindComputeUavs();
    void bindGraphicsUavs();

    /** \brief Where the last bindStage() of \p type put constant buffer 0. */
    const ConstantRange& driverConstants(SVGA3dShaderType type) const { return stages_[type].constants[0]; }

    /** \brief The next bindStage() of \p type writes a new constant buffer 0. */
    void forgetDriverConstants(SVGA3dShaderType type) { stages_[type].constants[0] = {}; }
    /** \brief Those of all stages. */
    void forgetDriverConstants() {
        for (Stage& stage : stages_)
            stage.constants[0] = {};
    }

    /** \brief Nothing of what was bound may be taken for bound any more. */
    void invalidate();

private:
    static constexpr uint32_t kUavs = 64;
    struct Stage {
        std::optional<uint32_t> shader; ///< SVGA3D_INVALID_ID: none
        std::array<ConstantRange, SVGA3D_DX_MAX_CONSTBUFFERS> constants{};
        std::array<uint32_t, SVGA3D_DX_MAX_SRVIEWS> resources;
        std::array<uint32_t, SVGA3D_DX_MAX_SAMPLERS> samplers;
        /// What constant buffer 0 holds.
        DriverConstants driver{};
        PushConstants pushed{};
    };
    /** What a shader wants in its registers, but for constant buffers. */
    struct Wanted;

    uint32_t view(const ShaderBinding& binding, const Descriptor& descriptor, uint32_t dynamicOffset);
    /** Looks up what \p shader uses, and sets its constant buffers but the driver's. */
    Wanted resources(SVGA3dShaderType type, const Shader& shader, const BindPoint& bindPoint);
    void setShader(SVGA3dShaderType type, uint32_t id);
    void setResources(SVGA3dShaderType type, const std::array<uint32_t, SVGA3D_DX_MAX_SRVIEWS>& views);
    void setConstants(SVGA3dShaderType type, uint32_t slot, const ConstantRange& range);
    void setDriverConstants(SVGA3dShaderType type, const DriverConstants& constants, const PushConstants& pushed);
    /** Sets what differs between \p before and \p after, and makes them equal. */
    template <typename Command, typename Begin, size_t kCount>
    void setDifferent(uint32_t id, std::array<uint32_t, kCount>& before, const std::array<uint32_t, kCount>& after,
                      Begin&& begin);

    Encoder& encoder_;
    ContextObjects& objects_;
    UploadRing& uploads_;
    std::array<Stage, SVGA3D_SHADERTYPE_MAX> stages_;
    std::array<uint32_t, kUavs> wantedUavs_;
    std::array<uint32_t, kUavs> computeUavs_, graphicsUavs_;
};

} // namespace svga::vulkan
