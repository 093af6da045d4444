// SPDX-License-Identifier: MIT
/**
 * \file
 * The guest's first screen over VNC (RFC 6143), to look at: keys and pointer go nowhere, as the device has no input.
 *
 * Clients are strangers. They see the screen and nothing else of the process: no clipboard, no files. What they send is
 * read by libvncserver in a thread of its own, in which a client that stops in the middle of a message is dropped
 * within seconds; the guest and the device never wait for one. There is no password, so who can reach the address can
 * look.
 */
#pragma once

#include "device/picture.h"
#include "util/unique_fd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace svga::device {

/** \brief What a VNC server shows. Both are called by its thread alone. */
struct ScreenSource {
    /** \brief Whether the screen may show something else than when picture() was last called. Cheap. */
    std::function<bool()> changed;
    /** \brief What it shows; nothing where there is no screen. */
    std::function<std::optional<Picture>()> picture;
};

class VncServer {
public:
    /**
     * \brief Listens from now on, and serves until it is destroyed.
     *
     * \param address "[HOST:]PORT", HOST a name or an address, IPv6 in brackets. Without HOST the loopback interface;
     *                port 0 is a free one.
     * \param source has to outlive the server
     * \throws Error naming the address and what is wrong with it
     */
    VncServer(const std::string& address, ScreenSource source);
    ~VncServer();
    VncServer(const VncServer&) = delete;
    VncServer& operator=(const VncServer&) = delete;

    uint16_t port() const { return port_; }

private:
    class Clients;

    void run();

    UniqueFd listener_;
    UniqueFd stop_; ///< an eventfd, readable when it is to end
    uint16_t port_ = 0;
    std::unique_ptr<Clients> clients_; ///< the thread's
    std::thread thread_;
};

} // namespace svga::device
