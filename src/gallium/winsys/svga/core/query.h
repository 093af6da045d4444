// SPDX-License-Identifier: MIT
#pragma once

#include "gallium/winsys/svga/core/bo.h"

namespace svga::winsys {

/**
 * \brief Memory in which the device reports query results: slots of a state word followed by the result.
 *
 * The device writes while the CPU polls, so nothing here waits: a slot's result is there once its state says so. Any
 * thread.
 */
class Query final {
public:
    /** \brief Makes room for \p size bytes of slots. Throws Error. */
    Query(Device& device, uint32_t size);

    Bo& bo() const { return *bo_; }

    /** \brief Sets the state (SVGA3dQueryState) of the slot at byte \p offset. Throws Error for an offset outside. */
    void setState(uint32_t offset, uint32_t state);

    /** \brief The state of the slot at byte \p offset. */
    uint32_t state(uint32_t offset) const;

    /** \brief Copies \p size bytes of the slot's result. */
    void readResult(uint32_t offset, void* result, uint32_t size) const;

private:
    uint8_t* at(uint64_t offset, uint64_t size) const;

    Ref<Bo> bo_;
};

} // namespace svga::winsys
