// SPDX-License-Identifier: MIT
#pragma once

#include <epoxy/gl.h>

#include <cstddef>

namespace svga::coherency {

/**
 * \brief Copies between buffers by drawing: vertex attributes in, stream output out.
 *
 * glCopyBufferSubData may be carried out by a driver on the CPU, or by a copy engine; this way the bytes are
 * fetched and stored by the drawing pipeline for certain, four bytes a vertex. Leaves a framebuffer, a program and
 * vertex array zero of its own choice bound.
 */
class GpuCopy {
public:
    GpuCopy();
    ~GpuCopy();
    GpuCopy(const GpuCopy&) = delete;
    GpuCopy& operator=(const GpuCopy&) = delete;

    /** Offsets and size are multiples of four; ranges of one buffer may not overlap (nor, in core GL, be of one
     * buffer). */
    void operator()(GLuint source, std::size_t sourceOffset, GLuint destination, std::size_t destinationOffset,
                    std::size_t size) const;

private:
    GLuint program_ = 0;
    GLuint vertexArray_ = 0;
    GLuint renderbuffer_ = 0;
    GLuint framebuffer_ =
        0; ///< without a window system nothing is drawn, not even discarded, but to a framebuffer object
};

/** \brief Compiles and links a program. \throws std::runtime_error with the driver's log. */
GLuint buildProgram(const char* vertexSource, const char* fragmentSource, const char* streamOutput = nullptr);

} // namespace svga::coherency
