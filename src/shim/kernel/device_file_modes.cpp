// SPDX-License-Identifier: MIT
/**
 * \file
 * The ioctls of mode setting: those that vmwgfx has through DRM's core, without atomic ones and without a cursor plane
 * (a program that is refused one draws its cursor itself).
 */
#include "shim/kernel/device_file.h"

#include "shim/device_tree.h"
#include "shim/kernel/display.h"
#include "shim/kernel/user_memory.h"

#include <drm_fourcc.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

namespace svga::shim {

namespace {

constexpr uint32_t kPixelSize = 4; ///< bytes, of all formats shown
constexpr uint32_t kMaxSize = ScreenSize::kMax;
constexpr uint32_t kMillimetresPerPixelTimes100 = 26; ///< of a monitor of about 96 dots an inch
constexpr std::array kFormats{DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888};

/// Gives user space the list it asks for, if it made room for all of it, and tells how long it is.
template <typename List>
void giveList(const List& list, uint64_t address, uint32_t& count) {
    if (address != 0 && count >= list.size() && !list.empty())
        copyToUser(address, list.data(), list.size() * sizeof(*list.data()));
    count = static_cast<uint32_t>(list.size());
}

struct Property {
    uint32_t id;
    uint32_t flags;
    const char* name;
    std::vector<std::pair<uint64_t, const char*>> values;
};

const std::array<Property, 2>& properties() {
    static const std::array<Property, 2> all{Property{Display::kDpmsProperty,
                                                      DRM_MODE_PROP_ENUM,
                                                      "DPMS",
                                                      {{DRM_MODE_DPMS_ON, "On"},
                                                       {DRM_MODE_DPMS_STANDBY, "Standby"},
                                                       {DRM_MODE_DPMS_SUSPEND, "Suspend"},
                                                       {DRM_MODE_DPMS_OFF, "Off"}}},
                                             Property{Display::kPlaneTypeProperty,
                                                      DRM_MODE_PROP_ENUM | DRM_MODE_PROP_IMMUTABLE,
                                                      "type",
                                                      {{0, "Overlay"}, {1, "Primary"}, {2, "Cursor"}}}};
    return all;
}

constexpr uint64_t kPrimaryPlane = 1;

/// The properties that an object has, and their values.
std::pair<std::vector<uint32_t>, std::vector<uint64_t>> propertiesOf(uint32_t object) {
    switch (object) {
    case Display::kConnector:
        return {{Display::kDpmsProperty}, {DRM_MODE_DPMS_ON}};
    case Display::kPlane:
        return {{Display::kPlaneTypeProperty}, {kPrimaryPlane}};
    case Display::kCrtc:
    case Display::kEncoder:
        return {};
    default:
        throw IoctlError(ENOENT);
    }
}

template <std::size_t N>
void copyName(const char* name, char (&out)[N]) {
    std::memset(out, 0, N);
    std::strncpy(out, name, N - 1);
}

void require(uint32_t id, uint32_t expected) {
    if (id != expected)
        throw IoctlError(ENOENT);
}

uint32_t formatOf(uint32_t bitsPerPixel, uint32_t depth) {
    if (bitsPerPixel == 32 && depth == 24)
        return DRM_FORMAT_XRGB8888;
    if (bitsPerPixel == 32 && depth == 32)
        return DRM_FORMAT_ARGB8888;
    throw IoctlError(EINVAL);
}

/// Formats of surfaces that a screen target shows.
bool isShown(uint32_t format) {
    return format == SVGA3D_X8R8G8B8 || format == SVGA3D_A8R8G8B8 || format == SVGA3D_B8G8R8A8_UNORM ||
           format == SVGA3D_B8G8R8X8_UNORM || format == SVGA3D_B8G8R8A8_UNORM_SRGB ||
           format == SVGA3D_B8G8R8X8_UNORM_SRGB || format == SVGA3D_B8G8R8A8_TYPELESS ||
           format == SVGA3D_B8G8R8X8_TYPELESS;
}

} // namespace

Display& DeviceFile::display(Kernel::Lock&) {
    return kernel_->display();
}

int DeviceFile::modes(unsigned number, void* argument) {
    if (minor_ != DeviceTree::kPrimaryMinor)
        return -EACCES;
    kernel();
    switch (number) {
    case _IOC_NR(DRM_IOCTL_WAIT_VBLANK):
        waitForBlank(*static_cast<drm_wait_vblank*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_GETRESOURCES):
        getResources(*static_cast<drm_mode_card_res*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_GETCRTC):
        getCrtc(*static_cast<drm_mode_crtc*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_SETCRTC):
        setCrtc(*static_cast<drm_mode_crtc*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_GETENCODER): {
        auto& encoder = *static_cast<drm_mode_get_encoder*>(argument);
        require(encoder.encoder_id, Display::kEncoder);
        encoder = {Display::kEncoder, DRM_MODE_ENCODER_VIRTUAL, Display::kCrtc, 1, 0};
        return 0;
    }
    case _IOC_NR(DRM_IOCTL_MODE_GETCONNECTOR):
        getConnector(*static_cast<drm_mode_get_connector*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_GETPLANERESOURCES): {
        auto& planes = *static_cast<drm_mode_get_plane_res*>(argument);
        giveList(std::array{Display::kPlane}, planes.plane_id_ptr, planes.count_planes);
        return 0;
    }
    case _IOC_NR(DRM_IOCTL_MODE_GETPLANE):
        getPlane(*static_cast<drm_mode_get_plane*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_GETPROPERTY):
        getProperty(*static_cast<drm_mode_get_property*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_OBJ_GETPROPERTIES): {
        auto& object = *static_cast<drm_mode_obj_get_properties*>(argument);
        const auto [ids, values] = propertiesOf(object.obj_id);
        uint32_t count = object.count_props;
        giveList(ids, object.props_ptr, count);
        giveList(values, object.prop_values_ptr, object.count_props);
        return 0;
    }
    case _IOC_NR(DRM_IOCTL_MODE_SETPROPERTY): { // of a connector: its power, and a virtual monitor has none
        const auto& set = *static_cast<drm_mode_connector_set_property*>(argument);
        require(set.connector_id, Display::kConnector);
        require(set.prop_id, Display::kDpmsProperty);
        return set.value <= DRM_MODE_DPMS_OFF ? 0 : -EINVAL;
    }
    case _IOC_NR(DRM_IOCTL_MODE_ADDFB): {
        auto& add = *static_cast<drm_mode_fb_cmd*>(argument);
        add.fb_id = addFramebuffer(add.handle, add.width, add.height, add.pitch, formatOf(add.bpp, add.depth));
        return 0;
    }
    case _IOC_NR(DRM_IOCTL_MODE_ADDFB2): {
        auto& add = *static_cast<drm_mode_fb_cmd2*>(argument);
        if (add.flags != 0 || add.offsets[0] != 0 ||
            add.handles[1] != 0) // modifiers, and planes, are for other formats
            return -EINVAL;
        add.fb_id = addFramebuffer(add.handles[0], add.width, add.height, add.pitches[0], add.pixel_format);
        return 0;
    }
    case _IOC_NR(DRM_IOCTL_MODE_RMFB): {
        auto held = kernel_->lock();
        return display(held).removeFramebuffer(*static_cast<uint32_t*>(argument), this) ? 0 : -ENOENT;
    }
    case _IOC_NR(DRM_IOCTL_MODE_GETFB):
        getFramebuffer(*static_cast<drm_mode_fb_cmd*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_PAGE_FLIP):
        flip(*static_cast<drm_mode_crtc_page_flip*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_DIRTYFB): {
        auto held = kernel_->lock();
        display(held).update(static_cast<drm_mode_fb_dirty_cmd*>(argument)->fb_id);
        return 0;
    }
    case _IOC_NR(DRM_IOCTL_MODE_CREATE_DUMB):
        createDumb(*static_cast<drm_mode_create_dumb*>(argument));
        return 0;
    case _IOC_NR(DRM_IOCTL_MODE_MAP_DUMB): {
        auto& map = *static_cast<drm_mode_map_dumb*>(argument);
        auto held = kernel_->lock();
        const auto buffer = handles_.find<BufferObject>(map.handle);
        if (!buffer)
            return -ENOENT;
        map.offset = buffer->memory.offset;
        return 0;
    }
    case _IOC_NR(DRM_IOCTL_MODE_DESTROY_DUMB): {
        auto held = kernel_->lock();
        return handles_.remove<BufferObject>(static_cast<drm_mode_destroy_dumb*>(argument)->handle) ? 0 : -ENOENT;
    }
    case _IOC_NR(DRM_IOCTL_MODE_CURSOR):
    case _IOC_NR(DRM_IOCTL_MODE_CURSOR2):
        return -ENXIO; // as DRM says where a CRTC has no cursor
    case _IOC_NR(DRM_IOCTL_MODE_GETGAMMA):
    case _IOC_NR(DRM_IOCTL_MODE_SETGAMMA):
        return -ENOSYS;
    default:
        return -EOPNOTSUPP;
    }
}

void DeviceFile::getResources(drm_mode_card_res& out) {
    std::vector<uint32_t> framebuffers;
    {
        auto held = kernel_->lock();
        framebuffers = display(held).framebuffers(this);
    }
    giveList(framebuffers, out.fb_id_ptr, out.count_fbs);
    giveList(std::array{Display::kCrtc}, out.crtc_id_ptr, out.count_crtcs);
    giveList(std::array{Display::kConnector}, out.connector_id_ptr, out.count_connectors);
    giveList(std::array{Display::kEncoder}, out.encoder_id_ptr, out.count_encoders);
    out.min_width = out.min_height = 1;
    out.max_width = out.max_height = kMaxSize;
}

void DeviceFile::getConnector(drm_mode_get_connector& out) {
    require(out.connector_id, Display::kConnector);
    std::vector<drm_mode_modeinfo> modes;
    {
        auto held = kernel_->lock();
        modes = display(held).modes();
    }
    const auto [ids, values] = propertiesOf(Display::kConnector);
    uint32_t count = out.count_props;
    giveList(ids, out.props_ptr, count);
    giveList(values, out.prop_values_ptr, out.count_props);
    giveList(modes, out.modes_ptr, out.count_modes);
    giveList(std::array{Display::kEncoder}, out.encoders_ptr, out.count_encoders);
    out.encoder_id = Display::kEncoder;
    out.connector_type = DRM_MODE_CONNECTOR_VIRTUAL;
    out.connector_type_id = 1;
    out.connection = 1; // connected
    out.mm_width = modes.front().hdisplay * kMillimetresPerPixelTimes100 / 100;
    out.mm_height = modes.front().vdisplay * kMillimetresPerPixelTimes100 / 100;
    out.subpixel = 1; // unknown
}

void DeviceFile::getCrtc(drm_mode_crtc& out) {
    require(out.crtc_id, Display::kCrtc);
    auto held = kernel_->lock();
    const Display& display = this->display(held);
    out.fb_id = display.shown();
    out.x = out.y = out.gamma_size = 0;
    out.mode_valid = display.mode().has_value();
    out.mode = display.mode().value_or(drm_mode_modeinfo{});
}

void DeviceFile::setCrtc(const drm_mode_crtc& arg) {
    require(arg.crtc_id, Display::kCrtc);
    std::vector<uint32_t> connectors(std::min<uint32_t>(arg.count_connectors, 2));
    if (arg.count_connectors > 1 || (arg.mode_valid != 0) != (arg.count_connectors != 0))
        throw IoctlError(EINVAL);
    copyFromUser(connectors.data(), arg.set_connectors_ptr, connectors.size() * sizeof(uint32_t));
    for (const uint32_t connector : connectors)
        require(connector, Display::kConnector);
    auto held = kernel_->lock();
    Display& display = this->display(held);
    if (arg.mode_valid == 0) {
        display.turnOff();
        return;
    }
    if (arg.x != 0 || arg.y != 0) // a screen target shows an image from its corner on
        throw IoctlError(EINVAL);
    constexpr uint32_t kSame = ~0u;
    const uint64_t seqno = display.setMode(arg.mode, arg.fb_id == kSame ? display.shown() : arg.fb_id);
    held.unlock();
    kernel_->wait(seqno, std::nullopt);
}

void DeviceFile::getPlane(drm_mode_get_plane& out) {
    require(out.plane_id, Display::kPlane);
    {
        auto held = kernel_->lock();
        out.fb_id = display(held).shown();
    }
    out.crtc_id = out.fb_id != 0 ? Display::kCrtc : 0;
    out.possible_crtcs = 1;
    out.gamma_size = 0;
    giveList(kFormats, out.format_type_ptr, out.count_format_types);
}

void DeviceFile::getProperty(drm_mode_get_property& out) {
    const auto& all = properties();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Property& property) { return property.id == out.prop_id; });
    if (found == all.end())
        throw IoctlError(ENOENT);
    std::vector<uint64_t> values;
    std::vector<drm_mode_property_enum> names;
    for (const auto& [value, name] : found->values) {
        values.push_back(value);
        copyName(name, names.emplace_back(drm_mode_property_enum{value, {}}).name);
    }
    copyName(found->name, out.name);
    out.flags = found->flags;
    giveList(values, out.values_ptr, out.count_values);
    giveList(names, out.enum_blob_ptr, out.count_enum_blobs);
}

/// The surface that shows a dumb buffer: one on the buffer's memory.
std::shared_ptr<Surface> DeviceFile::surfaceOn(std::shared_ptr<BufferObject> buffer, uint32_t width, uint32_t height) {
    drm_vmw_gb_surface_create_ext_req request{};
    request.version = drm_vmw_gb_surface_v1;
    request.base.format = SVGA3D_X8R8G8B8;
    request.base.svga3d_flags = SVGA3D_SURFACE_SCREENTARGET;
    request.base.mip_levels = 1;
    request.base.drm_surface_flags =
        static_cast<drm_vmw_surface_flags>(drm_vmw_surface_flag_scanout | drm_vmw_surface_flag_coherent);
    request.base.base_size = {width, height, 1, 0};
    return kernel_->createSurface(request, std::move(buffer));
}

uint32_t DeviceFile::addFramebuffer(uint32_t handle, uint32_t width, uint32_t height, uint32_t pitch, uint32_t format) {
    if (width == 0 || height == 0 || width > kMaxSize || height > kMaxSize ||
        std::find(kFormats.begin(), kFormats.end(), format) == kFormats.end())
        throw IoctlError(EINVAL);
    auto held = kernel_->lock();
    auto surface = handles_.find<Surface>(handle);
    if (auto buffer = surface ? nullptr : handles_.find<BufferObject>(handle)) {
        if (pitch % kPixelSize != 0 || pitch / kPixelSize < width || pitch / kPixelSize > kMaxSize)
            throw IoctlError(EINVAL);
        surface = surfaceOn(std::move(buffer), pitch / kPixelSize, height);
    }
    if (!surface)
        throw IoctlError(ENOENT);
    const auto& description = surface->description;
    if (!isShown(description.format) || description.size.width < width || description.size.height < height ||
        description.samples > 1 || pitch < width * kPixelSize)
        throw IoctlError(EINVAL);
    return display(held).addFramebuffer({std::move(surface), width, height, pitch, format, this});
}

void DeviceFile::getFramebuffer(drm_mode_fb_cmd& out) {
    auto held = kernel_->lock();
    const Display::Framebuffer* framebuffer = display(held).framebuffer(out.fb_id);
    if (!framebuffer)
        throw IoctlError(ENOENT);
    out.width = framebuffer->width;
    out.height = framebuffer->height;
    out.pitch = framebuffer->pitch;
    out.bpp = kPixelSize * 8;
    out.depth = framebuffer->format == DRM_FORMAT_ARGB8888 ? 32 : 24;
    out.handle = 0; // DRM gives handles to masters and administrators only
}

void DeviceFile::flip(const drm_mode_crtc_page_flip& arg) {
    // An asynchronous flip is refused as vmwgfx does: without vsync all flips are such.
    if ((arg.flags & ~uint32_t{DRM_MODE_PAGE_FLIP_EVENT}) != 0 || arg.reserved != 0)
        throw IoctlError(EINVAL);
    require(arg.crtc_id, Display::kCrtc);
    std::optional<RequestedEvent> event;
    if ((arg.flags & DRM_MODE_PAGE_FLIP_EVENT) != 0)
        event = RequestedEvent{events_, arg.user_data};
    auto held = kernel_->lock();
    display(held).flip(arg.fb_id, std::move(event));
}

void DeviceFile::createDumb(drm_mode_create_dumb& arg) {
    if (arg.flags != 0 || arg.bpp != kPixelSize * 8 || arg.width == 0 || arg.height == 0 || arg.width > kMaxSize ||
        arg.height > kMaxSize)
        throw IoctlError(EINVAL);
    auto held = kernel_->lock();
    arg.pitch = arg.width * kPixelSize;
    arg.size = pageCeil(uint64_t{arg.pitch} * arg.height);
    arg.handle = handles_.add(kernel_->createBuffer(arg.size));
}

void DeviceFile::waitForBlank(drm_wait_vblank& arg) {
    constexpr uint32_t kKnown =
        _DRM_VBLANK_TYPES_MASK | _DRM_VBLANK_EVENT | _DRM_VBLANK_NEXTONMISS | _DRM_VBLANK_SIGNAL;
    const auto type = static_cast<uint32_t>(arg.request.type);
    if ((type & ~kKnown) != 0 || (type & _DRM_VBLANK_SIGNAL) != 0) // other bits: another CRTC than the one there is
        throw IoctlError(EINVAL);
    auto held = kernel_->lock();
    Display& display = this->display(held);
    const uint64_t now = display.sequence();
    // 32 bits are told and asked for; what is asked for lies within half their range of now.
    const bool relative = (type & _DRM_VBLANK_TYPES_MASK) == _DRM_VBLANK_RELATIVE;
    const int32_t distance = relative ? static_cast<int32_t>(arg.request.sequence)
                                      : static_cast<int32_t>(arg.request.sequence - static_cast<uint32_t>(now));
    uint64_t target = now + static_cast<uint64_t>(std::max(distance, 0));
    if ((type & _DRM_VBLANK_NEXTONMISS) != 0 && distance <= 0 && !relative)
        target = now + 1;
    if ((type & _DRM_VBLANK_EVENT) != 0) {
        display.sendAt(target, {events_, static_cast<uint64_t>(arg.request.signal)});
        arg.reply.sequence = static_cast<uint32_t>(target);
        return;
    }
    const auto when = display.timeOf(target);
    held.unlock();
    std::this_thread::sleep_until(when);
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch()).count();
    arg.reply.sequence = static_cast<uint32_t>(target);
    arg.reply.tval_sec = time / 1'000'000;
    arg.reply.tval_usec = time % 1'000'000;
}

} // namespace svga::shim
