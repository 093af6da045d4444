// SPDX-License-Identifier: MIT
#include "vm/initramfs.h"

#include "util/error.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>

namespace svga::vm {

namespace {

constexpr size_t kAlignment = 4;
constexpr const char* kEnd = "TRAILER!!!";

} // namespace

void Initramfs::add(std::string_view path, unsigned mode, std::string_view bytes) {
    const auto align = [this] { archive_.resize((archive_.size() + kAlignment - 1) / kAlignment * kAlignment, '\0'); };
    // magic, inode, mode, uid, gid, links, mtime, size, device (2), device of a node (2), length of the name, checksum
    archive_ += fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
                            ++inodes_, mode, 0, 0, 1, 0, bytes.size(), 0, 0, 0, 0, path.size() + 1, 0);
    archive_.append(path).push_back('\0');
    align();
    archive_.append(bytes);
    align();
}

void Initramfs::addFolder(std::string_view path) {
    add(path, S_IFDIR | 0755, {});
}

void Initramfs::addFile(std::string_view path, std::string_view bytes, bool executable) {
    add(path, S_IFREG | (executable ? 0755u : 0644u), bytes);
}

void Initramfs::copyFile(std::string_view path, const std::filesystem::path& source, bool executable) {
    std::ifstream stream(source, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    if (!stream)
        throw Error("{} cannot be read", source.string());
    addFile(path, bytes, executable);
}

void Initramfs::write(const std::filesystem::path& file) {
    add(kEnd, 0, {});
    std::ofstream stream(file, std::ios::binary);
    stream.write(archive_.data(), static_cast<std::streamsize>(archive_.size()));
    stream.close();
    if (!stream)
        throw Error("{} cannot be written", file.string());
}

} // namespace svga::vm
