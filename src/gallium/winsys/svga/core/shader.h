// SPDX-License-Identifier: MIT
#pragma once

#include "gallium/winsys/svga/core/bo.h"

#include <span>

namespace svga::winsys {

/** \brief A shader's code in memory of its own, where the device reads it. Defining and binding it are commands. Any
 * thread. */
class Shader final : public RefCounted<Shader> {
public:
    /** \brief Copies \p code and, behind it, \p signature (may be empty). Throws Error. */
    static Ref<Shader> create(Device& device, uint32_t id, std::span<const uint8_t> code,
                              std::span<const uint8_t> signature);

    uint32_t id() const { return id_; } ///< as the caller numbers shaders in its context
    Bo& bo() const { return *bo_; }

private:
    friend class RefCounted<Shader>;
    Shader(uint32_t id, Ref<Bo> bo);
    ~Shader() = default;

    const uint32_t id_;
    const Ref<Bo> bo_;
};

} // namespace svga::winsys
