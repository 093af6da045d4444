// SPDX-License-Identifier: MIT
/**
 * \file
 * The device's object tables and the MOBs that are defined.
 *
 * On real hardware the object tables (OTables) are guest memory that the guest lends the device to keep its objects in,
 * and their sizes limit the ids of objects. This device keeps its objects itself and takes the limits from the tables;
 * the guest may not look into them. Command thread only.
 */
#pragma once

#include "device/command_table.h"
#include "device/guest_mob.h"
#include "device/mob.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace svga::device {

class MobTable final : public MobLookup {
public:
    /** \brief Makes the MOB of a DEFINE_GB_MOB command. \throws CommandError */
    using MobFactory = std::function<std::shared_ptr<Mob>(uint32_t id, const MobLayout& layout)>;

    explicit MobTable(MobFactory factory)
        : factory_(std::move(factory)) {}

    /** \brief Adds the commands for object tables and MOBs. \p table must not outlive this object. */
    void registerCommands(CommandTable& table);

    std::shared_ptr<Mob> get(uint32_t mobId) const override;

    /** \brief Number of objects that the object table \p type has room for; 0 where it is not set. */
    uint32_t capacity(SVGAOTableType type) const { return capacities_.at(type); }

private:
    void setObjectTable(SVGAOTableType type, const MobLayout& layout, uint32_t validSize, bool grow);
    void define(uint32_t id, const MobLayout& layout, bool redefine);

    MobFactory factory_;
    std::unordered_map<uint32_t, std::shared_ptr<Mob>> mobs_;
    std::unordered_map<uint32_t, MobLayout> layouts_;
    std::array<uint32_t, SVGA_OTABLE_DX_MAX> capacities_{};
};

} // namespace svga::device
