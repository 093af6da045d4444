// SPDX-License-Identifier: MIT
#include "shim/kernel/display.h"

#include "shim/kernel/kernel.h"
#include "shim/kernel/thread.h"

#include <sys/socket.h>

#include <svga3d_cmd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace svga::shim {

namespace {

constexpr uint32_t kScreenTarget = 0;
constexpr std::pair<uint32_t, uint32_t> kUsualSizes[] = {{1920, 1080}, {1280, 1024}, {1280, 720},
                                                         {1024, 768},  {800, 600},   {640, 480}};

/// Blanking as narrow as monitors without a beam have it; nothing here depends on it but the numbers told.
drm_mode_modeinfo makeMode(uint32_t width, uint32_t height, bool preferred) {
    drm_mode_modeinfo mode{};
    mode.hdisplay = static_cast<uint16_t>(width);
    mode.hsync_start = static_cast<uint16_t>(width + 48);
    mode.hsync_end = static_cast<uint16_t>(width + 80);
    mode.htotal = static_cast<uint16_t>(width + 160);
    mode.vdisplay = static_cast<uint16_t>(height);
    mode.vsync_start = static_cast<uint16_t>(height + 3);
    mode.vsync_end = static_cast<uint16_t>(height + 9);
    mode.vtotal = static_cast<uint16_t>(height + 23);
    mode.clock = mode.htotal * mode.vtotal * Display::kRefreshRate / 1000;
    mode.vrefresh = Display::kRefreshRate;
    mode.flags = DRM_MODE_FLAG_PHSYNC | DRM_MODE_FLAG_NVSYNC;
    mode.type = DRM_MODE_TYPE_DRIVER | (preferred ? DRM_MODE_TYPE_PREFERRED : 0);
    const std::string name = fmt::format("{}x{}", width, height);
    name.copy(mode.name, sizeof(mode.name) - 1);
    return mode;
}

std::vector<drm_mode_modeinfo> makeModes(const ScreenSize& preferred) {
    std::vector<drm_mode_modeinfo> modes{makeMode(preferred.width, preferred.height, true)};
    for (const auto& [width, height] : kUsualSizes) {
        const bool smaller = width <= preferred.width && height <= preferred.height;
        if (smaller && (width != preferred.width || height != preferred.height))
            modes.push_back(makeMode(width, height, false));
    }
    return modes;
}

} // namespace

void EventSink::send(const drm_event_vblank& event) {
    [[maybe_unused]] const auto sent = ::send(socket_.get(), &event, sizeof(event), MSG_DONTWAIT | MSG_NOSIGNAL);
}

Display::Display(Kernel& kernel, const DisplayOptions& options)
    : kernel_(kernel)
    , options_(options)
    , modes_(makeModes(options.size))
    , thread_(startThread([this] { run(); })) {}

Display::~Display() {
    {
        auto held = kernel_.lock();
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    auto held = kernel_.lock();
    framebuffers_.clear();
}

uint32_t Display::addFramebuffer(Framebuffer framebuffer) {
    const uint32_t id = nextFramebuffer_++;
    framebuffers_.emplace(id, std::move(framebuffer));
    return id;
}

const Display::Framebuffer* Display::framebuffer(uint32_t id) const {
    const auto it = framebuffers_.find(id);
    return it != framebuffers_.end() ? &it->second : nullptr;
}

bool Display::removeFramebuffer(uint32_t id, const void* owner) {
    const auto it = framebuffers_.find(id);
    if (it == framebuffers_.end() || it->second.owner != owner)
        return false;
    // A flip that was asked for comes first, as in Linux, where the removal is a commit after it.
    if (flip_ && (flip_->framebuffer == id || shown_ == id))
        carryOutFlip();
    if (shown_ == id)
        turnOff();
    framebuffers_.erase(it);
    return true;
}

std::vector<uint32_t> Display::framebuffers(const void* owner) const {
    std::vector<uint32_t> ids;
    for (const auto& [id, framebuffer] : framebuffers_) {
        if (framebuffer.owner == owner)
            ids.push_back(id);
    }
    return ids;
}

void Display::forget(const void* owner, const EventSink* sink) {
    for (const uint32_t id : framebuffers(owner))
        removeFramebuffer(id, owner);
    std::erase_if(events_, [&](const auto& entry) { return entry.second.sink.get() == sink; });
}

uint64_t Display::setMode(const drm_mode_modeinfo& mode, uint32_t id) {
    const Framebuffer* framebuffer = this->framebuffer(id);
    if (!framebuffer)
        throw IoctlError(ENOENT);
    if (mode.hdisplay == 0 || mode.vdisplay == 0)
        throw IoctlError(EINVAL);
    if (framebuffer->width < mode.hdisplay || framebuffer->height < mode.vdisplay)
        throw IoctlError(ENOSPC);
    const bool resized = !mode_ || mode_->hdisplay != mode.hdisplay || mode_->vdisplay != mode.vdisplay;
    const uint64_t seqno = show(*framebuffer, resized ? &mode : nullptr);
    mode_ = mode;
    shown_ = id;
    return seqno;
}

void Display::turnOff() {
    if (!mode_)
        return;
    kernel_.prologue().add(SVGA_3D_CMD_DESTROY_GB_SCREENTARGET, SVGA3dCmdDestroyGBScreenTarget{kScreenTarget});
    mode_.reset();
    shown_ = 0;
}

void Display::flip(uint32_t id, std::optional<RequestedEvent> event) {
    const Framebuffer* framebuffer = this->framebuffer(id);
    if (!framebuffer)
        throw IoctlError(ENOENT);
    if (flip_ || !mode_)
        throw IoctlError(EBUSY);
    if (framebuffer->width < mode_->hdisplay || framebuffer->height < mode_->vdisplay)
        throw IoctlError(ENOSPC);
    const auto& memory = framebuffer->surface->backup;
    flip_ = Flip{id, std::move(event), memory ? memory->lastUse : kernel_.submitted(), std::nullopt};
    if (kernel_.retired() < flip_->drawn)
        kernel_.whenRetired(flip_->drawn, [this] { changed_.notify_all(); });
    changed_.notify_all();
}

void Display::update(uint32_t id) {
    const Framebuffer* framebuffer = this->framebuffer(id);
    if (!framebuffer)
        throw IoctlError(ENOENT);
    if (id == shown_)
        show(*framebuffer, nullptr);
}

/// \param define the screen is to have this mode's size from now on
uint64_t Display::show(const Framebuffer& framebuffer, const drm_mode_modeinfo* define) {
    const drm_mode_modeinfo& mode = define ? *define : *mode_;
    CommandStream commands, after;
    Kernel::InFlight inFlight;
    inFlight.surfaces.push_back(framebuffer.surface);
    kernel_.coherence().prepare(inFlight.surfaces, {}, commands, after, inFlight.merges);
    if (define) {
        SVGA3dCmdDefineGBScreenTarget target{};
        target.stid = kScreenTarget;
        target.width = mode.hdisplay;
        target.height = mode.vdisplay;
        target.flags = SVGA_STFLAG_PRIMARY;
        commands.add(SVGA_3D_CMD_DEFINE_GB_SCREENTARGET, target);
    }
    commands.add(SVGA_3D_CMD_BIND_GB_SCREENTARGET,
                 SVGA3dCmdBindGBScreenTarget{kScreenTarget, {framebuffer.surface->id, 0, 0}});
    commands.add(SVGA_3D_CMD_UPDATE_GB_SCREENTARGET,
                 SVGA3dCmdUpdateGBScreenTarget{kScreenTarget, {0, 0, mode.hdisplay, mode.vdisplay}});
    commands.append(after);
    return kernel_.submit(commands, std::nullopt, std::move(inFlight));
}

uint64_t Display::sequence() const {
    return static_cast<uint64_t>((Clock::now() - epoch_) / std::chrono::nanoseconds(std::nano::den / kRefreshRate));
}

Display::Clock::time_point Display::timeOf(uint64_t sequence) const {
    return epoch_ + sequence * std::chrono::nanoseconds(std::nano::den / kRefreshRate);
}

void Display::sendAt(uint64_t sequence, RequestedEvent event) {
    events_.emplace(sequence, std::move(event));
    changed_.notify_all();
}

void Display::send(const RequestedEvent& event, uint32_t type, uint64_t sequence) {
    // As DRM_CAP_TIMESTAMP_MONOTONIC promises: this clock is CLOCK_MONOTONIC.
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
    drm_event_vblank out{};
    out.base.type = type;
    out.base.length = sizeof(out);
    out.user_data = event.userData;
    out.tv_sec = static_cast<uint32_t>(now / 1'000'000);
    out.tv_usec = static_cast<uint32_t>(now % 1'000'000);
    out.sequence = static_cast<uint32_t>(sequence);
    out.crtc_id = kCrtc;
    event.sink->send(out);
}

/// \return whether others wait for a later blank.
bool Display::sendDueEvents() {
    const uint64_t now = sequence();
    const auto end = events_.upper_bound(now);
    for (auto it = events_.begin(); it != end; ++it)
        send(it->second, DRM_EVENT_VBLANK, now);
    events_.erase(events_.begin(), end);
    return !events_.empty();
}

void Display::carryOutFlip() {
    // Where the display was turned off meanwhile there is nothing to show, but the program still waits for its event.
    if (mode_ && !kernel_.lost()) {
        show(framebuffers_.at(flip_->framebuffer), nullptr);
        shown_ = flip_->framebuffer;
    }
    const Flip done = std::move(*flip_);
    flip_.reset();
    if (done.event)
        send(*done.event, DRM_EVENT_FLIP_COMPLETE, sequence());
}

/// \return whether a flip has been drawn and waits for its blank only.
bool Display::flipIsDrawn() {
    if (!flip_ || kernel_.retired() < flip_->drawn)
        return false;
    if (!flip_->blank)
        flip_->blank = options_.vsync ? sequence() + 1 : 0;
    return true;
}

void Display::run() {
    auto held = kernel_.lock();
    while (!stopping_) {
        bool waiting = sendDueEvents();
        uint64_t next = waiting ? events_.begin()->first : 0;
        if (flipIsDrawn()) {
            if (timeOf(*flip_->blank) <= Clock::now()) {
                carryOutFlip();
                continue;
            }
            next = waiting ? std::min(next, *flip_->blank) : *flip_->blank;
            waiting = true;
        }
        if (waiting)
            changed_.wait_until(held, timeOf(next));
        else
            changed_.wait(held);
    }
}

} // namespace svga::shim
