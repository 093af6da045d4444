// SPDX-License-Identifier: MIT
#pragma once

#include <epoxy/gl.h>

#include <cstddef>

namespace svga::coherency {

/**
 * \brief Copies between buffers by drawing: vertex attributes in, stream output out, and from there to the destination.
 *
 * glCopyBufferSubData alone may be carried out by a driver on the CPU; this way the bytes come out of the drawing
 * pipeline for certain, four bytes a vertex. They go through a buffer that is never mapped because Mesa's svga driver
 * (25.0) gives a buffer another surface when it becomes a stream output target, and leaves the mapping with the old one
 * (see GpuWrites.StreamOutputIntoMapping). Leaves a framebuffer, a program and vertex array zero of its own choice
 * bound.
 */
class GpuCopy {
public:
    GpuCopy();
    ~GpuCopy();
    GpuCopy(const GpuCopy&) = delete;
    GpuCopy& operator=(const GpuCopy&) = delete;

    /** Draws into the destination itself. */
    void streamOutput(GLuint source, std::size_t sourceOffset, GLuint destination, std::size_t destinationOffset,
                      std::size_t size) const;

    /** Offsets and size are multiples of four; ranges of one buffer may not overlap (nor, in core GL, be of one
     * buffer). */
    void operator()(GLuint source, std::size_t sourceOffset, GLuint destination, std::size_t destinationOffset,
                    std::size_t size) const;

private:
    GLuint program_ = 0;
    GLuint vertexArray_ = 0;
    GLuint renderbuffer_ = 0;
    GLuint scratch_ = 0; ///< between stream output and the destination
    GLuint framebuffer_ =
        0; ///< without a window system nothing is drawn, not even discarded, but to a framebuffer object
};

/** \brief Compiles and links a program. \throws std::runtime_error with the driver's log. */
GLuint buildProgram(const char* vertexSource, const char* fragmentSource, const char* streamOutput = nullptr);

} // namespace svga::coherency
