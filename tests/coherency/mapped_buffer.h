// SPDX-License-Identifier: MIT
#pragma once

#include <epoxy/gl.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

namespace svga::coherency {

inline constexpr GLbitfield kCoherentReadWrite =
    GL_MAP_READ_BIT | GL_MAP_WRITE_BIT | GL_MAP_PERSISTENT_BIT | GL_MAP_COHERENT_BIT;

/** \brief An immutable buffer, wholly mapped for as long as it lives. */
class MappedBuffer {
public:
    /**
     * \param mapFlags      flags of glMapBufferRange (kCoherentReadWrite, or with GL_MAP_FLUSH_EXPLICIT_BIT and the
     * like) \param storageFlags  further flags of glBufferStorage; the storage gets all of \p mapFlags that apply to it
     */
    explicit MappedBuffer(std::size_t size, GLbitfield mapFlags = kCoherentReadWrite, GLbitfield storageFlags = 0)
        : size_(size) {
        glGenBuffers(1, &name_);
        glBindBuffer(GL_COPY_WRITE_BUFFER, name_);
        glBufferStorage(GL_COPY_WRITE_BUFFER, static_cast<GLsizeiptr>(size), nullptr,
                        (mapFlags & kCoherentReadWrite) | storageFlags);
        // Mesa's svga driver (25.0) with its own winsys takes a buffer that was never unmapped for undefined, and drops
        // copies from it (see Buffers.CopyFromBufferThatWasNeverUnmapped).
        glMapBufferRange(GL_COPY_WRITE_BUFFER, 0, static_cast<GLsizeiptr>(size), mapFlags);
        glUnmapBuffer(GL_COPY_WRITE_BUFFER);
        address_ = glMapBufferRange(GL_COPY_WRITE_BUFFER, 0, static_cast<GLsizeiptr>(size), mapFlags);
        if (!address_)
            throw std::runtime_error("glMapBufferRange gave no mapping");
    }
    MappedBuffer(MappedBuffer&& other) noexcept
        : name_(other.name_)
        , size_(other.size_)
        , address_(other.address_) {
        other.name_ = 0;
    }
    MappedBuffer& operator=(MappedBuffer&&) = delete;
    /** Deleting a mapped buffer unmaps it: that path is a test of its own, so there is no glUnmapBuffer here. */
    ~MappedBuffer() {
        if (name_)
            glDeleteBuffers(1, &name_);
    }

    GLuint name() const { return name_; }
    std::size_t size() const { return size_; }
    std::span<std::byte> bytes() const { return {static_cast<std::byte*>(address_), size_}; }
    std::span<uint32_t> words() const { return {static_cast<uint32_t*>(address_), size_ / sizeof(uint32_t)}; }

private:
    GLuint name_ = 0;
    std::size_t size_;
    void* address_ = nullptr;
};

/** \brief A buffer that is never mapped; what the GPU has in it is read by glGetBufferSubData. */
class PlainBuffer {
public:
    explicit PlainBuffer(std::size_t size)
        : size_(size) {
        glGenBuffers(1, &name_);
        glBindBuffer(GL_COPY_WRITE_BUFFER, name_);
        glBufferData(GL_COPY_WRITE_BUFFER, static_cast<GLsizeiptr>(size), nullptr, GL_DYNAMIC_COPY);
    }
    PlainBuffer(const PlainBuffer&) = delete;
    PlainBuffer& operator=(const PlainBuffer&) = delete;
    ~PlainBuffer() { glDeleteBuffers(1, &name_); }

    GLuint name() const { return name_; }
    std::size_t size() const { return size_; }

    void write(std::size_t offset, std::span<const std::byte> data) {
        glBindBuffer(GL_COPY_WRITE_BUFFER, name_);
        glBufferSubData(GL_COPY_WRITE_BUFFER, static_cast<GLintptr>(offset), static_cast<GLsizeiptr>(data.size()),
                        data.data());
    }
    void read(std::size_t offset, std::span<std::byte> data) const {
        glBindBuffer(GL_COPY_READ_BUFFER, name_);
        glGetBufferSubData(GL_COPY_READ_BUFFER, static_cast<GLintptr>(offset), static_cast<GLsizeiptr>(data.size()),
                           data.data());
    }

private:
    GLuint name_ = 0;
    std::size_t size_;
};

/** \brief Waits, at most ten seconds, until the GPU has done all that was asked so far, by way of a fence. */
inline void waitFence() {
    GLsync fence = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);
    const GLenum result = glClientWaitSync(fence, GL_SYNC_FLUSH_COMMANDS_BIT, 10'000'000'000ull);
    glDeleteSync(fence);
    if (result != GL_ALREADY_SIGNALED && result != GL_CONDITION_SATISFIED)
        throw std::runtime_error("the fence did not signal within ten seconds");
}

} // namespace svga::coherency
