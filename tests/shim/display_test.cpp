// SPDX-License-Identifier: MIT
/**
 * \file
 * Mode setting as a program on the primary node sees it. What the display shows is looked at by
 * scripts/display_tests.py.
 */
#include "embedded_device.h"

#include "shim/device_tree.h"

#include <drm_fourcc.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace svga::shim {
namespace {

using test::EmbeddedDevice;
using test::Mapping;

constexpr uint32_t kWidth = 1280, kHeight = 800; // of the preferred mode

/// The primary node, opened by a program.
struct Card {
    explicit Card(EmbeddedDevice& device) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
            throw Error("no socket");
        events = UniqueFd(ends[0]);
        file = std::make_shared<DeviceFile>(
            DeviceTree::kPrimaryMinor, [&device] { return device.kernel; }, device.descriptors,
            std::make_shared<EventSink>(UniqueFd(ends[1])));
    }

    template <typename T>
    int ioctl(unsigned long request, T& argument) {
        return file->ioctl(request, &argument);
    }

    /// A framebuffer on memory that the CPU draws in.
    struct Dumb {
        uint32_t framebuffer = 0, handle = 0, pitch = 0;
        uint64_t size = 0, offset = 0;
    };
    Dumb createDumb(uint32_t width = kWidth, uint32_t height = kHeight) {
        drm_mode_create_dumb create{};
        create.width = width;
        create.height = height;
        create.bpp = 32;
        EXPECT_EQ(ioctl(DRM_IOCTL_MODE_CREATE_DUMB, create), 0);
        drm_mode_map_dumb map{};
        map.handle = create.handle;
        EXPECT_EQ(ioctl(DRM_IOCTL_MODE_MAP_DUMB, map), 0);
        drm_mode_fb_cmd2 add = framebufferOf(create.handle, width, height, create.pitch);
        EXPECT_EQ(ioctl(DRM_IOCTL_MODE_ADDFB2, add), 0);
        return {add.fb_id, create.handle, create.pitch, create.size, map.offset};
    }

    static drm_mode_fb_cmd2 framebufferOf(uint32_t handle, uint32_t width, uint32_t height, uint32_t pitch) {
        drm_mode_fb_cmd2 add{};
        add.width = width;
        add.height = height;
        add.pixel_format = DRM_FORMAT_XRGB8888;
        add.handles[0] = handle;
        add.pitches[0] = pitch;
        return add;
    }

    drm_mode_modeinfo preferredMode() {
        std::array<drm_mode_modeinfo, 16> modes{};
        drm_mode_get_connector connector{};
        connector.connector_id = Display::kConnector;
        connector.modes_ptr = reinterpret_cast<uint64_t>(modes.data());
        connector.count_modes = modes.size();
        EXPECT_EQ(ioctl(DRM_IOCTL_MODE_GETCONNECTOR, connector), 0);
        return modes[0];
    }

    int setCrtc(uint32_t framebuffer, const drm_mode_modeinfo& mode) {
        const uint32_t connector = Display::kConnector;
        drm_mode_crtc set{};
        set.crtc_id = Display::kCrtc;
        set.fb_id = framebuffer;
        set.set_connectors_ptr = reinterpret_cast<uint64_t>(&connector);
        set.count_connectors = 1;
        set.mode_valid = 1;
        set.mode = mode;
        return ioctl(DRM_IOCTL_MODE_SETCRTC, set);
    }

    drm_mode_crtc crtc() {
        drm_mode_crtc get{};
        get.crtc_id = Display::kCrtc;
        EXPECT_EQ(ioctl(DRM_IOCTL_MODE_GETCRTC, get), 0);
        return get;
    }

    int flip(uint32_t framebuffer, uint64_t userData) {
        drm_mode_crtc_page_flip flip{};
        flip.crtc_id = Display::kCrtc;
        flip.fb_id = framebuffer;
        flip.flags = DRM_MODE_PAGE_FLIP_EVENT;
        flip.user_data = userData;
        return ioctl(DRM_IOCTL_MODE_PAGE_FLIP, flip);
    }

    /// The next event, if one comes within \p milliseconds.
    std::optional<drm_event_vblank> event(int milliseconds = 30'000) {
        pollfd ready{events.get(), POLLIN, 0};
        drm_event_vblank event{};
        if (::poll(&ready, 1, milliseconds) != 1 || ::read(events.get(), &event, sizeof(event)) != sizeof(event))
            return std::nullopt;
        return event;
    }

    UniqueFd events;
    std::shared_ptr<DeviceFile> file;
};

class DisplayTest : public ::testing::Test {
protected:
    EmbeddedDevice device;
    Card card{device};
};

TEST_F(DisplayTest, IsOneConnectedMonitorThatPrefersItsLargestMode) {
    std::array<uint32_t, 4> crtcs{}, connectors{}, encoders{};
    drm_mode_card_res resources{};
    resources.crtc_id_ptr = reinterpret_cast<uint64_t>(crtcs.data());
    resources.connector_id_ptr = reinterpret_cast<uint64_t>(connectors.data());
    resources.encoder_id_ptr = reinterpret_cast<uint64_t>(encoders.data());
    resources.count_crtcs = resources.count_connectors = resources.count_encoders = 4;
    ASSERT_EQ(card.ioctl(DRM_IOCTL_MODE_GETRESOURCES, resources), 0);
    EXPECT_EQ(resources.count_crtcs, 1u);
    EXPECT_EQ(resources.count_connectors, 1u);
    EXPECT_EQ(resources.count_encoders, 1u);
    EXPECT_EQ(crtcs[0], Display::kCrtc);
    EXPECT_EQ(connectors[0], Display::kConnector);
    EXPECT_EQ(encoders[0], Display::kEncoder);

    std::array<drm_mode_modeinfo, 16> modes{};
    drm_mode_get_connector connector{};
    connector.connector_id = Display::kConnector;
    connector.count_modes = 1; // too few for the list: none is given, and how many there are
    connector.modes_ptr = reinterpret_cast<uint64_t>(modes.data());
    ASSERT_EQ(card.ioctl(DRM_IOCTL_MODE_GETCONNECTOR, connector), 0);
    EXPECT_EQ(connector.connection, 1u);
    ASSERT_GT(connector.count_modes, 1u);
    EXPECT_EQ(modes[0].hdisplay, 0);
    ASSERT_EQ(card.ioctl(DRM_IOCTL_MODE_GETCONNECTOR, connector), 0);
    EXPECT_EQ(modes[0].hdisplay, kWidth);
    EXPECT_EQ(modes[0].vdisplay, kHeight);
    EXPECT_TRUE(modes[0].type & DRM_MODE_TYPE_PREFERRED);
    for (uint32_t i = 1; i < connector.count_modes; ++i) {
        EXPECT_LE(modes[i].hdisplay, kWidth);
        EXPECT_LE(modes[i].vdisplay, kHeight);
        EXPECT_FALSE(modes[i].type & DRM_MODE_TYPE_PREFERRED);
    }

    drm_mode_get_encoder encoder{};
    encoder.encoder_id = Display::kEncoder;
    ASSERT_EQ(card.ioctl(DRM_IOCTL_MODE_GETENCODER, encoder), 0);
    EXPECT_EQ(encoder.crtc_id, Display::kCrtc);
    EXPECT_EQ(encoder.possible_crtcs, 1u);
}

TEST_F(DisplayTest, NamesItsProperties) {
    uint32_t id = 0;
    uint64_t value = 0;
    drm_mode_obj_get_properties object{};
    object.obj_id = Display::kPlane;
    object.obj_type = DRM_MODE_OBJECT_PLANE;
    object.count_props = 1;
    object.props_ptr = reinterpret_cast<uint64_t>(&id);
    object.prop_values_ptr = reinterpret_cast<uint64_t>(&value);
    ASSERT_EQ(card.ioctl(DRM_IOCTL_MODE_OBJ_GETPROPERTIES, object), 0);
    ASSERT_EQ(object.count_props, 1u);
    std::array<drm_mode_property_enum, 3> names{};
    drm_mode_get_property property{};
    property.prop_id = id;
    property.count_enum_blobs = names.size();
    property.enum_blob_ptr = reinterpret_cast<uint64_t>(names.data());
    ASSERT_EQ(card.ioctl(DRM_IOCTL_MODE_GETPROPERTY, property), 0);
    EXPECT_STREQ(property.name, "type");
    ASSERT_LT(value, names.size());
    EXPECT_STREQ(names[value].name, "Primary");
}

TEST_F(DisplayTest, UploadsWhatTheCpuDrewAndNoMore) {
    const auto dumb = card.createDumb();
    Mapping pixels(*device.kernel, *card.file, dumb.offset, dumb.size);
    std::memset(pixels.data(), 0x80, dumb.size);
    ASSERT_EQ(card.setCrtc(dumb.framebuffer, card.preferredMode()), 0);
    EXPECT_EQ(card.crtc().fb_id, dumb.framebuffer);
    EXPECT_EQ(card.crtc().mode.hdisplay, kWidth);
    const uint64_t first = device.counters->bytes_uploaded;
    EXPECT_GE(first, uint64_t{dumb.pitch} * kHeight);

    drm_mode_fb_dirty_cmd dirty{};
    dirty.fb_id = dumb.framebuffer;
    ASSERT_EQ(card.ioctl(DRM_IOCTL_MODE_DIRTYFB, dirty), 0);
    EXPECT_EQ(device.counters->bytes_uploaded, first); // nothing was drawn

    pixels[100 * dumb.pitch] = 1;
    ASSERT_EQ(card.ioctl(DRM_IOCTL_MODE_DIRTYFB, dirty), 0);
    EXPECT_GT(device.counters->bytes_uploaded, first);
    EXPECT_LE(device.counters->bytes_uploaded, first + kPageSize);
}

TEST_F(DisplayTest, FlipsOnceAtABlankAndSaysSo) {
    const auto a = card.createDumb(), b = card.createDumb();
    const auto mode = card.preferredMode();
    EXPECT_EQ(card.flip(a.framebuffer, 1), -EBUSY); // the display is off
    ASSERT_EQ(card.setCrtc(a.framebuffer, mode), 0);
    drm_event_vblank before{};
    for (uint64_t frame = 1; frame <= 4; ++frame) {
        const auto& next = frame % 2 != 0 ? b : a;
        ASSERT_EQ(card.flip(next.framebuffer, frame), 0);
        const int again = card.flip(next.framebuffer, 99);
        const auto event = card.event();
        ASSERT_TRUE(event);
        if (again == 0) { // the first was over by then
            ASSERT_TRUE(card.event());
        } else {
            EXPECT_EQ(again, -EBUSY);
        }
        EXPECT_EQ(event->base.type, uint32_t{DRM_EVENT_FLIP_COMPLETE});
        EXPECT_EQ(event->base.length, sizeof(*event));
        EXPECT_EQ(event->user_data, frame);
        EXPECT_EQ(event->crtc_id, Display::kCrtc);
        EXPECT_GT(event->sequence, before.sequence);
        EXPECT_GT(event->tv_sec * 1'000'000ll + event->tv_usec, before.tv_sec * 1'000'000ll + before.tv_usec);
        EXPECT_EQ(card.crtc().fb_id, next.framebuffer);
        before = *event;
    }
    EXPECT_FALSE(card.event(0));
}

TEST_F(DisplayTest, CountsBlanks) {
    drm_wait_vblank wait{};
    wait.request.type = _DRM_VBLANK_RELATIVE;
    ASSERT_EQ(card.ioctl(DRM_IOCTL_WAIT_VBLANK, wait), 0);
    const uint32_t now = wait.reply.sequence;
    wait.request.type = _DRM_VBLANK_RELATIVE;
    wait.request.sequence = 3;
    ASSERT_EQ(card.ioctl(DRM_IOCTL_WAIT_VBLANK, wait), 0);
    EXPECT_GE(wait.reply.sequence, now + 3);

    wait.request.type = static_cast<drm_vblank_seq_type>(_DRM_VBLANK_ABSOLUTE | _DRM_VBLANK_EVENT);
    wait.request.sequence = wait.reply.sequence + 2;
    wait.request.signal = 77;
    const uint32_t asked = wait.request.sequence;
    ASSERT_EQ(card.ioctl(DRM_IOCTL_WAIT_VBLANK, wait), 0);
    const auto event = card.event();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->base.type, uint32_t{DRM_EVENT_VBLANK});
    EXPECT_EQ(event->user_data, 77u);
    EXPECT_GE(event->sequence, asked);
}

TEST_F(DisplayTest, RefusesWhatItCannotShow) {
    const auto dumb = card.createDumb(640, 480);
    const auto mode = card.preferredMode();
    EXPECT_EQ(card.setCrtc(dumb.framebuffer, mode), -ENOSPC); // smaller than the mode
    EXPECT_EQ(card.setCrtc(9999, mode), -ENOENT);
    drm_mode_modeinfo empty{};
    EXPECT_EQ(card.setCrtc(dumb.framebuffer, empty), -EINVAL);
    EXPECT_EQ(card.crtc().mode_valid, 0u);

    const auto refused = [&](auto change) {
        auto add = Card::framebufferOf(dumb.handle, 640, 480, dumb.pitch);
        change(add);
        return card.ioctl(DRM_IOCTL_MODE_ADDFB2, add);
    };
    EXPECT_EQ(refused([](auto& add) { add.handles[0] = 4711; }), -ENOENT);
    EXPECT_EQ(refused([](auto& add) { add.pixel_format = DRM_FORMAT_NV12; }), -EINVAL);
    EXPECT_EQ(refused([](auto& add) { add.flags = DRM_MODE_FB_MODIFIERS; }), -EINVAL);
    EXPECT_EQ(refused([](auto& add) { add.width = 0; }), -EINVAL);
    EXPECT_EQ(refused([](auto& add) { add.height = 481; }), -EINVAL); // more than there is memory for
    EXPECT_EQ(refused([](auto& add) { add.pitches[0] = 639 * 4; }), -EINVAL);
    EXPECT_EQ(refused([](auto& add) { add.offsets[0] = 4096; }), -EINVAL);
    EXPECT_EQ(refused([](auto& add) { add.width = add.height = 0x10000; }), -EINVAL);

    drm_mode_create_dumb create{};
    create.width = create.height = 0xffffffff;
    create.bpp = 32;
    EXPECT_EQ(card.ioctl(DRM_IOCTL_MODE_CREATE_DUMB, create), -EINVAL);
    drm_mode_crtc other{};
    other.crtc_id = 1234;
    EXPECT_EQ(card.ioctl(DRM_IOCTL_MODE_GETCRTC, other), -ENOENT);
    drm_mode_get_connector noRoom{};
    noRoom.connector_id = Display::kConnector;
    noRoom.count_modes = 1000;
    noRoom.modes_ptr = 16; // no memory of the program's
    EXPECT_EQ(card.ioctl(DRM_IOCTL_MODE_GETCONNECTOR, noRoom), -EFAULT);
}

TEST_F(DisplayTest, IsForThePrimaryNodeOnly) {
    drm_mode_card_res resources{};
    EXPECT_EQ(device.file->ioctl(DRM_IOCTL_MODE_GETRESOURCES, &resources), -EACCES);
    drm_mode_create_dumb create{};
    EXPECT_EQ(device.file->ioctl(DRM_IOCTL_MODE_CREATE_DUMB, &create), -EACCES);
}

TEST_F(DisplayTest, GoesOffWithTheFramebufferItShows) {
    const auto dumb = card.createDumb();
    ASSERT_EQ(card.setCrtc(dumb.framebuffer, card.preferredMode()), 0);
    {
        Card other(device);
        uint32_t id = dumb.framebuffer;
        EXPECT_EQ(other.ioctl(DRM_IOCTL_MODE_RMFB, id), -ENOENT); // not the other's
        EXPECT_EQ(other.crtc().fb_id, dumb.framebuffer);
        const auto its = other.createDumb();
        ASSERT_EQ(other.setCrtc(its.framebuffer, card.preferredMode()), 0);
    } // closed: with it goes what it had
    EXPECT_EQ(card.crtc().mode_valid, 0u);
    ASSERT_EQ(card.setCrtc(dumb.framebuffer, card.preferredMode()), 0);
    uint32_t id = dumb.framebuffer;
    EXPECT_EQ(card.ioctl(DRM_IOCTL_MODE_RMFB, id), 0);
    EXPECT_EQ(card.crtc().mode_valid, 0u);
    EXPECT_EQ(card.ioctl(DRM_IOCTL_MODE_RMFB, id), -ENOENT);
}

TEST_F(DisplayTest, ShowsTheLastFrameOfAProgramThatCleansUpAtOnce) {
    for (const bool shownFirst : {true, false}) {
        const auto a = card.createDumb(), b = card.createDumb();
        Mapping pixels(*device.kernel, *card.file, b.offset, b.size);
        ASSERT_EQ(card.setCrtc(a.framebuffer, card.preferredMode()), 0);
        std::memset(pixels.data(), 0x80, b.size);
        const uint64_t before = device.counters->bytes_uploaded;
        ASSERT_EQ(card.flip(b.framebuffer, 7), 0);
        for (uint32_t id :
             shownFirst ? std::array{a.framebuffer, b.framebuffer} : std::array{b.framebuffer, a.framebuffer})
            EXPECT_EQ(card.ioctl(DRM_IOCTL_MODE_RMFB, id), 0);
        EXPECT_GE(device.counters->bytes_uploaded - before, uint64_t{b.pitch} * kHeight);
        const auto event = card.event();
        ASSERT_TRUE(event);
        EXPECT_EQ(event->user_data, 7u);
        EXPECT_EQ(card.crtc().mode_valid, 0u);
    }
}

TEST_F(DisplayTest, AFileMayGoWithItsFlipStillToCome) {
    for (int i = 0; i < 20; ++i) {
        Card other(device);
        const auto a = other.createDumb(), b = other.createDumb();
        ASSERT_EQ(other.setCrtc(a.framebuffer, other.preferredMode()), 0);
        ASSERT_EQ(other.flip(b.framebuffer, 1), 0);
    }
    // The last flip may still wait for its blank; then the display is free for others.
    const auto dumb = card.createDumb();
    ASSERT_EQ(card.setCrtc(dumb.framebuffer, card.preferredMode()), 0);
    int result;
    while ((result = card.flip(dumb.framebuffer, 5)) == -EBUSY)
        ::usleep(1000);
    ASSERT_EQ(result, 0);
    const auto event = card.event();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->user_data, 5u);
}

} // namespace
} // namespace svga::shim
