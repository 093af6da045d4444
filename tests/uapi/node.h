// SPDX-License-Identifier: MIT
/**
 * \file
 * An opened vmwgfx device node and the few objects that the tests of its uAPI need, on libdrm alone.
 *
 * The same binary runs on Linux's vmwgfx and on the embedded kernel, and cannot tell which it has.
 */
#pragma once

#include "util/unique_fd.h"

#include <cstdint>

#include <drm.h>
#include <svga3d_cmd.h>
#include <svga3d_dx.h>
#include <svga_coherent_drm.h>
#include <vmwgfx_drm.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace svga::uapi {

inline constexpr uint64_t kPage = 4096;

/** \brief An open file of the node. Ioctls give 0 or a negative errno; what a signal interrupts is restarted. */
class Node {
public:
    /** \brief Throws Error where there is no such node, or it is no vmwgfx. */
    explicit Node(const std::string& path);

    int fd() const { return fd_.get(); }

    template <typename T>
    int write(unsigned index, T& argument) {
        return command(_IOC_WRITE, index, &argument, sizeof(T));
    }
    template <typename T>
    int read(unsigned index, T& argument) {
        return command(_IOC_READ, index, &argument, sizeof(T));
    }
    template <typename T>
    int exchange(unsigned index, T& argument) {
        return command(_IOC_READ | _IOC_WRITE, index, &argument, sizeof(T));
    }
    /** \brief An ioctl of DRM's core. */
    int core(unsigned long request, void* argument);
    int command(unsigned direction, unsigned index, void* argument, std::size_t size);

    std::optional<uint64_t> parameter(uint32_t index);

private:
    UniqueFd fd_;
};

/** \brief A buffer object from DRM_VMW_ALLOC_BO. */
class Buffer {
public:
    Buffer(Node& node, uint32_t size);
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    uint32_t handle() const { return reply_.handle; }
    uint64_t mapHandle() const { return reply_.map_handle; }

private:
    Node& node_;
    drm_vmw_bo_rep reply_{};
};

/** \brief An mmap() of a buffer object. */
class Mapping {
public:
    Mapping(Node& node, uint64_t mapHandle, std::size_t size, int protection);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    uint8_t* data() const { return data_; }
    uint64_t address() const { return reinterpret_cast<uintptr_t>(data_); }

private:
    uint8_t* data_;
    std::size_t size_;
};

/**
 * \brief A coherent texture whose every row is a page, mapped, and the buffer object that backs it.
 *
 * A texture, for a device that draws buffers straight from guest memory leaves a kernel nothing to track of those.
 */
class Image {
public:
    /** \param buffer a buffer object to back it, which stays the caller's; without one it gets its own. */
    Image(Node& node, uint32_t rows, uint32_t layers = 1, const Buffer* buffer = nullptr);
    ~Image();
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;

    uint32_t surface() const { return reply_.handle; }
    uint32_t buffer() const { return reply_.buffer_handle; }
    uint32_t rows() const { return rows_; } ///< of a layer
    uint64_t pages() const { return pages_; }
    uint64_t mapHandle() const { return reply_.buffer_map_handle; }
    const drm_vmw_gb_surface_create_rep& reply() const { return reply_; }

    uint8_t* page(uint64_t index) const { return mapping_->data() + index * kPage; }
    uint64_t address(uint64_t index) const { return mapping_->address() + index * kPage; }
    /** \brief Writes all of a page. */
    void fill(uint64_t index, uint8_t value) const;
    /** \brief Whether all bytes of a page are \p value. */
    bool holds(uint64_t index, uint8_t value) const;

private:
    Node& node_;
    const uint32_t rows_;
    const uint64_t pages_;
    const bool ownsBuffer_;
    drm_vmw_gb_surface_create_rep reply_{};
    std::optional<Mapping> mapping_;
};

/** \brief Commands in the making. */
class Commands {
public:
    template <typename Body>
    void add(uint32_t id, const Body& body) {
        const SVGA3dCmdHeader header{id, sizeof(Body)};
        append(&header, sizeof(header));
        append(&body, sizeof(body));
    }
    void append(const void* data, std::size_t size);
    /** \brief Copies rows of a layer, the same place in both. */
    void copy(const Image& to, uint32_t toLayer, const Image& from, uint32_t fromLayer, uint32_t row, uint32_t rows);
    const std::vector<std::byte>& bytes() const { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

/** \brief A DX context. */
class Context {
public:
    explicit Context(Node& node);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    uint32_t id() const { return id_; }
    /** \return 0 or a negative errno. \p fence gets the handle of a fence, which is the caller's to unref. */
    int submit(const Commands& commands, uint32_t& fence);
    /** \brief Submits and waits. \return 0 or a negative errno. */
    int run(const Commands& commands);

private:
    Node& node_;
    uint32_t id_ = 0;
};

int waitForFence(Node& node, uint32_t handle, uint64_t microseconds = 60'000'000);
int unrefFence(Node& node, uint32_t handle);

/** \brief The answer of DRM_VMW_BO_DIRTY_QUERY. */
struct Dirty : drm_vmw_bo_dirty_query_arg {
    std::vector<drm_vmw_bo_range> runs;
    bool holds(uint64_t page) const;
};
/** \brief Throws Error where the query fails. */
Dirty queryDirty(Node& node, uint32_t buffer, uint32_t flags = DRM_VMW_BO_DIRTY_QUERY_SCAN);

int access(Node& node, std::vector<drm_vmw_bo_access> entries, uint32_t flags = 0, uint32_t* fence = nullptr);
/** \brief An entry for whole pages of \p image; with \p mapped, of its mapping. */
drm_vmw_bo_access entryOf(const Image& image, uint32_t flags, uint64_t page, uint64_t pages, bool mapped = true);
int setMode(Node& node, uint32_t buffer, uint32_t mode);

} // namespace svga::uapi
