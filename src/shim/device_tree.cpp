// SPDX-License-Identifier: MIT
#include "shim/device_tree.h"

#include "util/error.h"

#include <sys/sysmacros.h>

#include <cstring>

namespace svga::shim {

namespace {

constexpr std::string_view kSlot = "0000:00:0f.0";
constexpr std::string_view kDevice = "/sys/devices/pci0000:00/0000:00:0f.0";

/// Whatever the host has below these is not shown.
constexpr std::string_view kHidden[] = {"/dev/dri", "/sys/class/drm", "/sys/dev/char/226:", kDevice};

/// The first bytes of the function's config space: ids, class display/VGA.
std::string configSpace() {
    std::string bytes(64, '\0');
    const unsigned char head[] = {0xad, 0x15, 0x06, 0x04, 0x07, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x03};
    std::memcpy(bytes.data(), head, sizeof(head));
    const unsigned char subsystem[] = {0xad, 0x15, 0x06, 0x04};
    std::memcpy(bytes.data() + 0x2c, subsystem, sizeof(subsystem));
    return bytes;
}

bool beginsWith(std::string_view path, std::string_view prefix) {
    if (path.substr(0, prefix.size()) != prefix)
        return false;
    return path.size() == prefix.size() || prefix.back() == ':' || path[prefix.size()] == '/';
}

} // namespace

DeviceTree::DeviceTree() {
    const std::string device(kDevice);
    add("/dev/dri", Kind::Directory);
    add("/sys/class/drm", Kind::Directory);
    add(device, Kind::Directory);
    add(device + "/drm", Kind::Directory);
    add(device + "/vendor", Kind::File, "0x15ad\n");
    add(device + "/device", Kind::File, "0x0406\n");
    add(device + "/subsystem_vendor", Kind::File, "0x15ad\n");
    add(device + "/subsystem_device", Kind::File, "0x0406\n");
    add(device + "/revision", Kind::File, "0x00\n");
    add(device + "/class", Kind::File, "0x030000\n");
    add(device + "/boot_vga", Kind::File, "1\n");
    add(device + "/config", Kind::File, configSpace());
    add(device + "/uevent", Kind::File,
        fmt::format("DRIVER=vmwgfx\nPCI_CLASS=30000\nPCI_ID=15AD:0406\nPCI_SUBSYS_ID=15AD:0406\nPCI_SLOT_NAME={}\n"
                    "MODALIAS=pci:v000015ADd00000406sv000015ADsd00000406bc03sc00i00\n",
                    kSlot));
    add(device + "/subsystem", Kind::Link, "../../../bus/pci");
    add(device + "/driver", Kind::Link, "../../../bus/pci/drivers/vmwgfx");
    add(fmt::format("/sys/bus/pci/devices/{}", kSlot), Kind::Link,
        fmt::format("../../../devices/pci0000:00/{}", kSlot));

    for (auto [name, minor] : {std::pair{"card0", kPrimaryMinor}, std::pair{"renderD128", kRenderMinor}}) {
        const std::string node = fmt::format("{}/drm/{}", device, name);
        const dev_t number = makedev(kMajor, minor);
        add(fmt::format("/dev/dri/{}", name), Kind::Node, {}, number);
        add(node, Kind::Directory);
        add(node + "/dev", Kind::File, fmt::format("{}:{}\n", kMajor, minor));
        add(node + "/uevent", Kind::File,
            fmt::format("MAJOR={}\nMINOR={}\nDEVNAME=dri/{}\nDEVTYPE=drm_minor\n", kMajor, minor, name));
        add(node + "/device", Kind::Link, fmt::format("../../../{}", kSlot));
        add(node + "/subsystem", Kind::Link, "../../../../../class/drm");
        add(fmt::format("/sys/dev/char/{}:{}", kMajor, minor), Kind::Link,
            fmt::format("../../devices/pci0000:00/{}/drm/{}", kSlot, name));
        add(fmt::format("/sys/class/drm/{}", name), Kind::Link,
            fmt::format("../../devices/pci0000:00/{}/drm/{}", kSlot, name));
    }
}

void DeviceTree::add(const std::string& path, Kind kind, std::string content, dev_t device) {
    const std::size_t slash = path.rfind('/');
    names_.insert(path.substr(slash + 1));
    if (const std::string folder = path.substr(0, slash); !folder.empty() && !entries_.contains(folder)) {
        add(folder, Kind::Directory);
        entries_.at(folder).shared = !hides(folder);
    }
    const uint64_t inode = 0x5000 + entries_.size();
    entries_.emplace(path, Entry{kind, std::move(content), device, inode});
}

bool DeviceTree::mayHoldName(std::string_view path) const {
    const std::string_view name = path.substr(0, path.find('/'));
    const bool goesUpAndOn = name == ".." && name.size() < path.size();
    return goesUpAndOn || names_.contains(name);
}

bool DeviceTree::mayHold(const char* path) {
    return path != nullptr && (std::strncmp(path, "/dev/dri", 8) == 0 || std::strncmp(path, "/sys/", 5) == 0 ||
                               std::strncmp(path, "/dev//", 6) == 0 || std::strncmp(path, "//", 2) == 0);
}

bool DeviceTree::hides(std::string_view path) const {
    for (std::string_view prefix : kHidden) {
        if (beginsWith(path, prefix))
            return true;
    }
    return false;
}

DeviceTree::Resolution DeviceTree::resolve(std::string_view path, bool follow) const {
    std::string rest(path);
    std::string current;
    bool throughLink = false;
    for (int links = 0; !rest.empty();) {
        const std::size_t begin = rest.find_first_not_of('/');
        if (begin == std::string::npos)
            break;
        const std::size_t end = rest.find('/', begin);
        const std::string name = rest.substr(begin, end == std::string::npos ? end : end - begin);
        rest = end == std::string::npos ? std::string() : rest.substr(end);
        if (name == ".")
            continue;
        if (name == "..") {
            current.resize(current.empty() ? 0 : current.rfind('/'));
            continue;
        }
        const bool last = rest.find_first_not_of('/') == std::string::npos;
        current += '/';
        current += name;
        auto it = entries_.find(current);
        if (it == entries_.end() || it->second.kind != Kind::Link || (last && !follow))
            continue;
        if (++links > 40)
            return {Where::Missing, current};
        throughLink = true;
        rest = it->second.content + rest;
        current.resize(current.rfind('/'));
    }
    if (auto it = entries_.find(current); it != entries_.end())
        return {it->second.shared ? Where::Shared : Where::Here, current, &it->second};
    if (hides(current))
        return {Where::Missing, current};
    return {Where::Elsewhere, throughLink ? current : std::string(path)};
}

std::vector<std::pair<std::string, DeviceTree::Kind>> DeviceTree::list(const std::string& path) const {
    std::vector<std::pair<std::string, Kind>> names{{".", Kind::Directory}, {"..", Kind::Directory}};
    const std::string prefix = path + "/";
    for (auto it = entries_.lower_bound(prefix); it != entries_.end() && it->first.starts_with(prefix); ++it) {
        const std::string name = it->first.substr(prefix.size());
        if (name.find('/') == std::string::npos)
            names.emplace_back(name, it->second.kind);
    }
    return names;
}

void DeviceTree::fill(const Entry& entry, struct stat& out) {
    out = {};
    out.st_dev = makedev(0, 21);
    out.st_ino = entry.inode;
    out.st_nlink = 1;
    out.st_blksize = 4096;
    switch (entry.kind) {
    case Kind::Directory:
        out.st_mode = S_IFDIR | 0755;
        break;
    case Kind::File:
        out.st_mode = S_IFREG | 0444;
        out.st_size = 4096;
        break;
    case Kind::Link:
        out.st_mode = S_IFLNK | 0777;
        out.st_size = static_cast<off_t>(entry.content.size());
        break;
    case Kind::Node:
        out.st_mode = S_IFCHR | 0666;
        out.st_rdev = entry.device;
        break;
    }
}

void DeviceTree::fillNode(unsigned minor, struct stat& out) {
    fill(Entry{Kind::Node, {}, makedev(kMajor, minor), 0x4000 + minor}, out);
}

} // namespace svga::shim
