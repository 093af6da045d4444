// SPDX-License-Identifier: MIT
/**
 * \file
 * The embedded display: one virtual monitor, as vmwgfx's mode setting shows it to user space.
 *
 * There is one connector, always connected, one encoder, and one CRTC with its primary plane. Underneath is the
 * device's screen target 0: setting a mode defines it, showing a framebuffer binds the framebuffer's surface to it and
 * announces an update. Nothing is copied, the device shows the surface itself.
 *
 * A page flip happens at the first vertical blank after the surface has been rendered; without vsync as soon as it has
 * been. Blanks are those of a clock: blank n is at n / 60 seconds after the display was first used. What is to happen
 * at one is left to a thread of the display's own, which also sends the events that a program reads from its file of
 * the device node.
 */
#pragma once

#include "shim/kernel/objects.h"
#include "util/screen_size.h"
#include "util/unique_fd.h"

#include <drm.h>
#include <drm_mode.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace svga::shim {

class Kernel;

struct DisplayOptions {
    ScreenSize size;   ///< of the mode that the monitor prefers
    bool vsync = true; ///< flips wait for a vertical blank
};

/** \brief Where an open file of the device node gets its events from; what read() of it gives. Any thread. */
class EventSink {
public:
    explicit EventSink(UniqueFd socket)
        : socket_(std::move(socket)) {}

    /** \brief Queues one event whole. One that nobody makes room for by reading is lost. */
    void send(const drm_event_vblank& event);

private:
    UniqueFd socket_; ///< the other end of a SOCK_SEQPACKET pair
};

/** \brief An event that a program asked for. */
struct RequestedEvent {
    std::shared_ptr<EventSink> sink;
    uint64_t userData = 0;
};

/** \brief The display. With the kernel's lock held, where nothing else is said. */
class Display {
public:
    // Ids of mode objects. Framebuffers have those from kFirstFramebuffer on.
    static constexpr uint32_t kConnector = 1, kEncoder = 2, kCrtc = 3, kPlane = 4;
    static constexpr uint32_t kDpmsProperty = 5, kPlaneTypeProperty = 6;
    static constexpr uint32_t kFirstFramebuffer = 16;
    static constexpr uint32_t kRefreshRate = 60; ///< Hz

    struct Framebuffer {
        std::shared_ptr<Surface> surface;
        uint32_t width = 0, height = 0; ///< pixels
        uint32_t pitch = 0;             ///< bytes
        uint32_t format = 0;            ///< DRM_FORMAT_*
        const void* owner = nullptr;    ///< the open file that made it
    };

    Display(Kernel& kernel, const DisplayOptions& options);
    /** \brief Without the lock. */
    ~Display();
    Display(const Display&) = delete;
    Display& operator=(const Display&) = delete;

    /** \brief The modes of the monitor, the preferred one, which is the largest, first. */
    const std::vector<drm_mode_modeinfo>& modes() const { return modes_; }

    uint32_t addFramebuffer(Framebuffer framebuffer);
    /** \brief Null where there is no such framebuffer. */
    const Framebuffer* framebuffer(uint32_t id) const;
    /**
     * \brief Removes one, and turns the display off where it shows that. A flip to it, or from it, is carried out
     * before.
     *
     * \return false: \p owner has none of that id
     */
    bool removeFramebuffer(uint32_t id, const void* owner);
    /** \brief The open file \p owner goes: so do its framebuffers, and the events it asked for. */
    void forget(const void* owner, const EventSink* sink);
    /** \brief Ids of the framebuffers that \p owner made. */
    std::vector<uint32_t> framebuffers(const void* owner) const;

    /** \brief Shows framebuffer \p id in \p mode. \throws IoctlError. \return seqno after which it is shown. */
    uint64_t setMode(const drm_mode_modeinfo& mode, uint32_t id);
    void turnOff();
    /** \brief The mode that is set; nothing while the display is off. */
    const std::optional<drm_mode_modeinfo>& mode() const { return mode_; }
    /** \brief Framebuffer shown; 0: none. */
    uint32_t shown() const { return shown_; }

    /** \brief Shows framebuffer \p id from the next blank on. \throws IoctlError: EBUSY while another flip waits. */
    void flip(uint32_t id, std::optional<RequestedEvent> event);
    /** \brief The content of \p id has changed: shows it anew where it is the one that is shown. */
    void update(uint32_t id);

    /** \brief Number of the last blank. */
    uint64_t sequence() const;
    /** \brief When blank \p sequence is, or was. */
    std::chrono::steady_clock::time_point timeOf(uint64_t sequence) const;
    /** \brief Sends \p event at blank \p sequence; at once where that is over. */
    void sendAt(uint64_t sequence, RequestedEvent event);

private:
    using Clock = std::chrono::steady_clock;
    struct Flip {
        uint32_t framebuffer; ///< is there: none is removed with a flip to it left
        std::optional<RequestedEvent> event;
        uint64_t drawn;                ///< seqno after which the framebuffer can be shown
        std::optional<uint64_t> blank; ///< when it will be; not known until it is drawn
    };

    uint64_t show(const Framebuffer& framebuffer, const drm_mode_modeinfo* define);
    void run();
    bool flipIsDrawn();
    void carryOutFlip();
    bool sendDueEvents();
    static void send(const RequestedEvent& event, uint32_t type, uint64_t sequence);

    Kernel& kernel_;
    const DisplayOptions options_;
    const std::vector<drm_mode_modeinfo> modes_;
    const Clock::time_point epoch_ = Clock::now();

    std::map<uint32_t, Framebuffer> framebuffers_;
    uint32_t nextFramebuffer_ = kFirstFramebuffer;
    std::optional<drm_mode_modeinfo> mode_;
    uint32_t shown_ = 0;
    std::optional<Flip> flip_;                       ///< asked for and not done yet
    std::multimap<uint64_t, RequestedEvent> events_; ///< by the blank they are for
    std::condition_variable changed_;                ///< flip_, events_ or stopping_
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace svga::shim
