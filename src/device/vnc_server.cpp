// SPDX-License-Identifier: MIT
#include "device/vnc_server.h"

#include "util/error.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

namespace svga::device {

namespace {

constexpr std::size_t kPixelSize = 4;
constexpr int kBitsPerSample = 8;
constexpr int kSamples = 3;
constexpr unsigned kMaxClients = 8;
constexpr int kClientPatience = 1000; // ms; a write that stands still is given up after 5 s whatever is asked for
constexpr int kFrameTime = 40000;     // us between two looks at the screen
constexpr int kBacklog = 8;
constexpr const char* kDefaultHost = "127.0.0.1";
constexpr const char* kTitle = "svga-device";
constexpr uint32_t kNoScreenWidth = 640, kNoScreenHeight = 480;

/// HOST and PORT of "[HOST:]PORT".
std::pair<std::string, std::string> splitAddress(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos)
        return {kDefaultHost, address};
    std::string host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string::npos)
        throw Error("--vnc={}: an IPv6 address belongs in brackets: [::1]:5900", address);
    return {host, address.substr(colon + 1)};
}

struct AddressList {
    explicit AddressList(const std::string& address) {
        const auto [host, port] = splitAddress(address);
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
        uint16_t number = 0;
        const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
        if (host.empty() || parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size())
            throw Error("--vnc={}: this is not [HOST:]PORT", address);
        if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &first))
            throw Error("--vnc={}: {}", address, ::gai_strerror(error));
    }
    ~AddressList() { ::freeaddrinfo(first); }
    AddressList(const AddressList&) = delete;
    AddressList& operator=(const AddressList&) = delete;
    addrinfo* first = nullptr;
};

UniqueFd listenAt(const std::string& address) {
    const AddressList list(address);
    const addrinfo& at = *list.first;
    UniqueFd socket(::socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        ::bind(socket.get(), at.ai_addr, at.ai_addrlen) != 0 || ::listen(socket.get(), kBacklog) != 0)
        throw Error("--vnc={}: cannot listen there: {}", address, std::strerror(errno));
    return socket;
}

uint16_t portOf(const UniqueFd& socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    // The port is at the same place for both families.
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Picture blackPicture() {
    return {kNoScreenWidth, kNoScreenHeight,
            std::vector<uint8_t>(kPixelSize * kNoScreenWidth * std::size_t{kNoScreenHeight})};
}

} // namespace

/** The connected clients and what they are shown. */
class VncServer::Clients {
public:
    explicit Clients(ScreenSource source)
        : source_(std::move(source))
        , shown_(blackPicture()) {
        ::rfbLogEnable(0); // what strangers do is not worth a log
        screen_ = ::rfbGetScreen(nullptr, nullptr, static_cast<int>(shown_.width), static_cast<int>(shown_.height),
                                 kBitsPerSample, kSamples, kPixelSize);
        if (!screen_)
            throw Error("--vnc: no memory for a screen");
        screen_->frameBuffer = reinterpret_cast<char*>(shown_.pixels.data());
        screen_->desktopName = kTitle;
        screen_->alwaysShared = TRUE;
        screen_->cursor = nullptr; // the picture has the guest's
        screen_->maxClientWait = kClientPatience;
        screen_->port = screen_->ipv6port = 0; // it is we who listen
        screen_->newClientHook = [](rfbClientPtr client) {
            client->viewOnly = TRUE;
            return RFB_CLIENT_ACCEPT;
        };
        ::rfbInitServer(screen_);
    }
    ~Clients() {
        ::rfbShutdownServer(screen_, TRUE);
        screen_->frameBuffer = nullptr;
        ::rfbScreenCleanup(screen_);
    }
    Clients(const Clients&) = delete;
    Clients& operator=(const Clients&) = delete;

    bool empty() const { return !screen_->clientHead; }

    void add(UniqueFd socket) {
        // libvncserver waits with select(), which knows of so many descriptors only.
        if (count() >= kMaxClients || socket.get() >= FD_SETSIZE)
            return;
        if (empty())
            refresh();
        ::rfbNewClient(screen_, socket.release());
    }

    /** Brings what is shown up to date, then reads and writes what there is, for one frame's time at most. */
    void serve() {
        refresh();
        ::rfbProcessEvents(screen_, kFrameTime);
    }

private:
    unsigned count() const {
        unsigned clients = 0;
        for (auto* client = screen_->clientHead; client; client = client->next)
            ++clients;
        return clients;
    }

    void refresh() {
        if (!source_.changed())
            return;
        auto picture = source_.picture();
        if (!picture || picture->pixels.empty())
            picture = blackPicture();
        if (picture->width == shown_.width && picture->height == shown_.height)
            mark(*picture);
        else
            resize(*picture);
        // The library keeps a pointer into the pixels.
        shown_ = std::move(*picture);
        screen_->frameBuffer = reinterpret_cast<char*>(shown_.pixels.data());
    }

    /** Runs of lines that differ. */
    void mark(const Picture& next) {
        const std::size_t line = kPixelSize * next.width;
        const auto differs = [&](uint32_t y) {
            return std::memcmp(&next.pixels[y * line], &shown_.pixels[y * line], line) != 0;
        };
        for (uint32_t y = 0; y < next.height; ++y) {
            const uint32_t first = y;
            while (y < next.height && differs(y))
                ++y;
            if (y > first)
                ::rfbMarkRectAsModified(screen_, 0, static_cast<int>(first), static_cast<int>(next.width),
                                        static_cast<int>(y));
        }
    }

    void resize(Picture& next) {
        // Who cannot be told of a new size would take what follows for pixels of the old one.
        for (auto* client = screen_->clientHead; client; client = client->next)
            if (!client->useNewFBSize && !client->useExtDesktopSize && client->state == rfbClientRec::RFB_NORMAL)
                ::rfbCloseClient(client);
        ::rfbNewFramebuffer(screen_, reinterpret_cast<char*>(next.pixels.data()), static_cast<int>(next.width),
                            static_cast<int>(next.height), kBitsPerSample, kSamples, kPixelSize);
    }

    ScreenSource source_;
    Picture shown_;
    rfbScreenInfoPtr screen_ = nullptr;
};

VncServer::VncServer(const std::string& address, ScreenSource source)
    : listener_(listenAt(address))
    , stop_(::eventfd(0, EFD_CLOEXEC))
    , port_(portOf(listener_))
    , clients_(std::make_unique<Clients>(std::move(source)))
    , thread_([this] { run(); }) {}

VncServer::~VncServer() {
    const uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof(one));
    thread_.join();
}

void VncServer::run() {
    try {
        for (;;) {
            pollfd ready[] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
            ::poll(ready, std::size(ready), clients_->empty() ? -1 : 0);
            if (ready[1].revents)
                return;
            if (ready[0].revents)
                if (UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)); socket)
                    clients_->add(std::move(socket));
            if (!clients_->empty())
                clients_->serve();
        }
    } catch (const std::exception& error) { // the GPU is lost: the device tells of it itself
        spdlog::error("the screen is served no longer: {}", error.what());
    }
}

} // namespace svga::device
