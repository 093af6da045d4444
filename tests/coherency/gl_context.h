// SPDX-License-Identifier: MIT
#pragma once

#include <epoxy/egl.h>
#include <epoxy/gl.h>

#include <string>

namespace svga::coherency {

/**
 * \brief An OpenGL 3.3 core (or later) context without a window system, current on the thread that made it.
 *
 * Uses EGL_PLATFORM_SURFACELESS_MESA, so that it runs on any Mesa driver. Needs GL_ARB_buffer_storage.
 */
class GlContext {
public:
    /** \param share a context whose objects this one shares, or null. \throws std::runtime_error naming what is
     * missing. */
    explicit GlContext(const GlContext* share = nullptr);
    ~GlContext();
    GlContext(const GlContext&) = delete;
    GlContext& operator=(const GlContext&) = delete;

    void makeCurrent() const;
    static void releaseCurrent();
    std::string description() const;

private:
    EGLDisplay display_ = EGL_NO_DISPLAY;
    EGLContext context_ = EGL_NO_CONTEXT;
};

} // namespace svga::coherency
