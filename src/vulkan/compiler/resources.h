// SPDX-License-Identifier: MIT
/**
 * \file
 * Registers for descriptors.
 *
 * VGPU10 reaches resources by the numbers of registers and by nothing else. Each array element of each descriptor
 * binding that a shader really uses gets registers of its own here, one for each way in which it is used: the same
 * sampler is two registers where it both compares and does not, the same image is two where it is read as two types.
 *
 * An index into an array of descriptors that is known only at run time becomes a tree of branches over its elements,
 * each with a number of its own. What lies out of bounds takes the last element.
 */
#pragma once

#include "vulkan/compiler/compiler.h"

#include <vector>

namespace svga::vulkan {

class ResourceTable {
public:
    explicit ResourceTable(uint32_t firstUav)
        : firstUav_(firstUav)
        , uavs_(firstUav) {}

    struct Use {
        RegisterFile file = RegisterFile::ConstantBuffer;
        ViewKind kind = ViewKind::ConstantBuffer;
        uint8_t dimension = 0;   ///< VGPU10_RESOURCE_DIMENSION
        uint32_t returnType = 0; ///< VGPU10_RESOURCE_RETURN_TYPE of t# and typed u#
        bool comparison = false; ///< s#
        uint32_t set = 0, binding = 0, element = 0;
    };
    struct Entry : Use {
        uint32_t reg = 0;
        bool written = false, coherent = false;
    };

    /** \brief Its register, new or known. \throws Error where the register file is used up */
    Entry& require(const Use& use);
    Entry& at(RegisterFile file, uint32_t reg);
    const std::vector<Entry>& entries() const { return entries_; }
    uint32_t uavCount() const { return uavs_ - firstUav_; }
    std::vector<ShaderBinding> bindings() const;

private:
    uint32_t next(RegisterFile file);

    std::vector<Entry> entries_;
    uint32_t firstUav_;
    uint32_t constantBuffers_ = 1, samplers_ = 0, resources_ = 0, uavs_; ///< next free; cb0 is the driver's
};

/**
 * \brief Replaces descriptors by register numbers in \p nir, after nir_lower_explicit_io(): sources of load_ubo,
 * *_ssbo* and image_* intrinsics, texture_index and sampler_index of texture instructions.
 */
void assignResources(nir_shader& nir, ResourceTable& table);

} // namespace svga::vulkan
