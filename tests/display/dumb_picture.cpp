// SPDX-License-Identifier: MIT
/**
 * \file
 * A program that draws with the CPU and shows it by mode setting: two dumb buffers, flipped FRAMES times.
 *
 * Pixel (x, y) of frame n is red x, green y, blue 16 n, each modulo 256. After the last frame it says "shown" and waits
 * for the end of its standard input, so that someone may look.
 */
#include "util/error.h"
#include "util/unique_fd.h"

#include <drm.h>
#include <drm_mode.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

using svga::Error;
using svga::UniqueFd;

class Card {
public:
    Card()
        : fd_(::open("/dev/dri/card0", O_RDWR | O_CLOEXEC)) {
        if (!fd_)
            throw Error("/dev/dri/card0: {}", std::strerror(errno));
    }

    template <typename T>
    void ioctl(unsigned long request, T& argument, const char* what) {
        if (::ioctl(fd_.get(), request, &argument) != 0)
            throw Error("{}: {}", what, std::strerror(errno));
    }

    void* map(uint64_t offset, size_t size) {
        void* address =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), static_cast<off_t>(offset));
        if (address == MAP_FAILED)
            throw Error("mmap of a dumb buffer: {}", std::strerror(errno));
        return address;
    }

    /// Waits for the flip's event.
    void waitForFlip(uint64_t frame) {
        std::array<char, 256> bytes{};
        const ssize_t size = ::read(fd_.get(), bytes.data(), bytes.size());
        drm_event_vblank event{};
        std::memcpy(&event, bytes.data(), sizeof(event));
        if (size != sizeof(event) || event.base.type != DRM_EVENT_FLIP_COMPLETE || event.user_data != frame)
            throw Error("read() of {} bytes, event {} for frame {} in place of the flip to {}", size, event.base.type,
                        event.user_data, frame);
    }

private:
    UniqueFd fd_;
};

struct Screen {
    uint32_t connector, crtc;
    drm_mode_modeinfo mode;
};

Screen findScreen(Card& card) {
    Screen screen{};
    drm_mode_card_res resources{};
    resources.connector_id_ptr = reinterpret_cast<uint64_t>(&screen.connector);
    resources.crtc_id_ptr = reinterpret_cast<uint64_t>(&screen.crtc);
    resources.count_connectors = resources.count_crtcs = 1;
    card.ioctl(DRM_IOCTL_MODE_GETRESOURCES, resources, "GETRESOURCES");
    std::array<drm_mode_modeinfo, 32> modes{};
    drm_mode_get_connector connector{};
    connector.connector_id = screen.connector;
    connector.modes_ptr = reinterpret_cast<uint64_t>(modes.data());
    connector.count_modes = modes.size();
    card.ioctl(DRM_IOCTL_MODE_GETCONNECTOR, connector, "GETCONNECTOR");
    screen.mode = modes[0];
    return screen;
}

struct DumbBuffer {
    DumbBuffer(Card& card, uint32_t width, uint32_t height) {
        drm_mode_create_dumb create{};
        create.width = width;
        create.height = height;
        create.bpp = 32;
        card.ioctl(DRM_IOCTL_MODE_CREATE_DUMB, create, "CREATE_DUMB");
        pitch = create.pitch;
        drm_mode_map_dumb map{};
        map.handle = create.handle;
        card.ioctl(DRM_IOCTL_MODE_MAP_DUMB, map, "MAP_DUMB");
        pixels = static_cast<uint8_t*>(card.map(map.offset, create.size));
        drm_mode_fb_cmd add{};
        add.width = width;
        add.height = height;
        add.pitch = pitch;
        add.bpp = 32;
        add.depth = 24;
        add.handle = create.handle;
        card.ioctl(DRM_IOCTL_MODE_ADDFB, add, "ADDFB");
        framebuffer = add.fb_id;
    }

    void draw(const drm_mode_modeinfo& mode, unsigned frame) {
        for (uint32_t y = 0; y < mode.vdisplay; ++y) {
            for (uint32_t x = 0; x < mode.hdisplay; ++x) {
                uint8_t* bgrx = pixels + size_t{y} * pitch + size_t{x} * 4;
                bgrx[0] = static_cast<uint8_t>(frame * 16);
                bgrx[1] = static_cast<uint8_t>(y);
                bgrx[2] = static_cast<uint8_t>(x);
            }
        }
    }

    uint32_t framebuffer = 0, pitch = 0;
    uint8_t* pixels = nullptr; ///< mapped until the program ends
};

void show(unsigned frames) {
    Card card;
    const Screen screen = findScreen(card);
    DumbBuffer buffers[] = {{card, screen.mode.hdisplay, screen.mode.vdisplay},
                            {card, screen.mode.hdisplay, screen.mode.vdisplay}};
    buffers[0].draw(screen.mode, 0);
    drm_mode_crtc set{};
    set.crtc_id = screen.crtc;
    set.fb_id = buffers[0].framebuffer;
    set.set_connectors_ptr = reinterpret_cast<uint64_t>(&screen.connector);
    set.count_connectors = 1;
    set.mode_valid = 1;
    set.mode = screen.mode;
    card.ioctl(DRM_IOCTL_MODE_SETCRTC, set, "SETCRTC");
    for (unsigned frame = 1; frame <= frames; ++frame) {
        DumbBuffer& next = buffers[frame % 2];
        next.draw(screen.mode, frame);
        drm_mode_crtc_page_flip flip{};
        flip.crtc_id = screen.crtc;
        flip.fb_id = next.framebuffer;
        flip.flags = DRM_MODE_PAGE_FLIP_EVENT;
        flip.user_data = frame;
        card.ioctl(DRM_IOCTL_MODE_PAGE_FLIP, flip, "PAGE_FLIP");
        card.waitForFlip(frame);
    }
    std::puts("shown");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: svga-dumb-picture FRAMES\n");
        return 2;
    }
    try {
        show(static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)));
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "svga-dumb-picture: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
