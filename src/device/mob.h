// SPDX-License-Identifier: MIT
/**
 * \file
 * Memory objects (MOBs): guest memory as the device's commands name it.
 *
 * A MOB is a list of guest pages, given by the kernel as one page, a contiguous range or a page table (SVGAMobFormat),
 * and known to commands by a 32-bit id. Guest memory behind it can be unmapped by the guest's firmware or hypervisor at
 * any time, so every access is checked.
 */
#pragma once

#include "device/command_error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace svga::device {

class Mob {
public:
    virtual ~Mob() = default;

    virtual uint32_t id() const = 0;
    /** Size in bytes: whole pages. */
    virtual uint64_t size() const = 0;

    /** \brief Copies out of guest memory. \throws CommandError where [offset, offset + size) is not wholly inside. */
    virtual void read(uint64_t offset, std::span<std::byte> out) const = 0;
    /** \brief Copies into guest memory. \throws CommandError as read(). */
    virtual void write(uint64_t offset, std::span<const std::byte> in) = 0;

    /**
     * \brief The whole MOB as one run of host memory, shared with the guest; empty where its pages are too scattered.
     *
     * Page aligned, valid while the Mob lives. The guest may write to it at any time: never read a value from it twice.
     */
    virtual std::span<std::byte> contiguous() = 0;

    template <typename T>
    T readValue(uint64_t offset) const {
        T value;
        read(offset, std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
};

/** \brief Looks MOBs up by id. Command thread only; the shared_ptr keeps a MOB's memory while a surface is bound to it.
 */
class MobLookup {
public:
    virtual ~MobLookup() = default;
    /** \throws CommandError naming the id, where there is no such MOB. */
    virtual std::shared_ptr<Mob> get(uint32_t mobId) const = 0;
};

} // namespace svga::device
