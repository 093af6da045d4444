// SPDX-License-Identifier: MIT
#pragma once

#include "device/command_processor.h"
#include "device/mob_table.h"
#include "device/recording.h"
#include "device/renderer.h"
#include "device/screen_targets.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace svga::device {

/**
 * \brief Plays a recording to a renderer, without a guest.
 *
 * The recording may be anything: what is wrong with it is an Error, or a failed command, as it would be for a guest.
 */
class Player {
public:
    /** \brief What the device wrote to MOBs, in order: equal for equal results. */
    struct Writes {
        uint64_t count = 0;
        uint64_t bytes = 0;
        uint64_t hash = 0xcbf29ce484222325; ///< FNV-1a, 64 bits, of MOB, offset and bytes of each write
    };

    /** \throws Error naming what the renderer misses. */
    explicit Player(const RendererFactory& renderer);
    ~Player();

    /**
     * \brief Plays \p reader to its end, or until \p commands commands were played. A failed command is logged and
     * counted. \throws Error where the recording is nonsense or the GPU is lost.
     */
    void play(RecordingReader& reader, uint64_t commands = ~uint64_t{0});

    /** \brief The bytes of the surface in guest layout, by binding and reading it back. \throws Error where there is no
     * such surface. */
    std::vector<std::byte> dumpSurface(uint32_t surfaceId);

    uint64_t commands() const { return commands_; }
    uint64_t failures() const { return failures_; }
    const Writes& writes() const { return writes_; }
    const Statistics& statistics() const { return *statistics_; }

private:
    class PlainMob;

    void carryOut(const Record& command, const std::vector<Record>& mobData);
    template <typename T>
    void require(uint32_t commandId, const T& body);

    std::unordered_map<uint32_t, std::weak_ptr<PlainMob>> plainMobs_;
    Writes writes_;
    std::shared_ptr<Statistics> statistics_ = std::make_shared<Statistics>();
    MobTable mobs_;
    ScreenTargets screenTargets_;
    CommandTable table_;
    std::unique_ptr<Renderer> renderer_;
    CommandProcessor processor_;
    uint64_t commands_ = 0;
    uint64_t failures_ = 0;
};

} // namespace svga::device
