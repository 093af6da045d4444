// SPDX-License-Identifier: MIT
/**
 * \file
 * Everything behind the registers: MOBs, command buffers, fences and the renderer, from one reset to the next.
 */
#pragma once

#include "device/command_processor.h"
#include "device/command_queue.h"
#include "device/fences.h"
#include "device/guest_memory.h"
#include "device/interrupts.h"
#include "device/mob_table.h"
#include "device/picture.h"
#include "device/renderer.h"
#include "device/screen_targets.h"
#include "device/statistics.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace svga::device {

class Recorder;

struct MachineOptions {
    RendererFactory renderer;
    std::shared_ptr<Recorder> recorder;     ///< null: nothing is recorded
    std::shared_ptr<Statistics> statistics; ///< null: nothing is counted
    bool keepLastPicture = false;           ///< for Machine::lastPicture()
    /** Called, once, from any thread, when the GPU is lost: the device has come to its end. */
    std::function<void(const char* message)> onLost;
};

class Machine {
public:
    /** \brief Makes the renderer and starts the threads. \throws Error naming what the renderer misses. */
    Machine(GuestMemory& memory, Interrupts& interrupts, const MachineOptions& options);

    void submit(uint64_t headerAddress, uint32_t contextId);
    uint32_t devcap(uint32_t index) const { return renderer_->devcap(index); }
    uint32_t fencePassed() const { return fences_.passed(); }
    uint32_t fenceGoal() const { return fences_.goal(); }
    void setFenceGoal(uint32_t goal) { fences_.setGoal(goal); }

    /** \brief What the first screen shows between two command buffers; nothing where there is no screen. One thread at
     * a time. \throws Error when the GPU is lost. */
    std::optional<Picture> picture(const CursorState& cursor);
    /**
     * \brief As picture() when all that was submitted is executed, but where the guest has turned its screen off, what
     * it showed until then, without a cursor, if MachineOptions::keepLastPicture said so.
     */
    std::optional<Picture> lastPicture(const CursorState& cursor);
    /** \brief Grows when what the screens show may have changed. */
    uint64_t screenChanges() const { return screenTargets_.changes(); }

    /** \brief Whether nothing was ever submitted: as after a reset. */
    bool pristine() const { return pristine_; }

private:
    bool pristine_ = true;
    std::shared_ptr<Recorder> recorder_;
    MobTable mobs_;
    ScreenTargets screenTargets_;
    std::optional<Picture> lastPicture_; ///< of the first screen, at its end. Command thread
    CommandTable table_;
    std::unique_ptr<Renderer> renderer_;
    CommandProcessor processor_;
    Fences fences_;      // stops before the renderer goes
    CommandQueue queue_; // stops first
};

} // namespace svga::device
