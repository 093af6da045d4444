// SPDX-License-Identifier: MIT
#include "gl_context.h"

#include <stdexcept>

namespace svga::coherency {

GlContext::GlContext(const GlContext* share) {
    display_ = eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr);
    if (display_ == EGL_NO_DISPLAY || !eglInitialize(display_, nullptr, nullptr))
        throw std::runtime_error("EGL: no surfaceless display (EGL_MESA_platform_surfaceless) on this system");
    if (!eglBindAPI(EGL_OPENGL_API))
        throw std::runtime_error("EGL: desktop OpenGL is not supported");
    const EGLint attributes[] = {
        EGL_CONTEXT_MAJOR_VERSION,           3,       EGL_CONTEXT_MINOR_VERSION, 3, EGL_CONTEXT_OPENGL_PROFILE_MASK,
        EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT, EGL_NONE};
    context_ = eglCreateContext(display_, EGL_NO_CONFIG_KHR, share ? share->context_ : EGL_NO_CONTEXT, attributes);
    if (context_ == EGL_NO_CONTEXT)
        throw std::runtime_error("EGL: no OpenGL 3.3 core context from this driver");
    makeCurrent();
    if (!epoxy_has_gl_extension("GL_ARB_buffer_storage"))
        throw std::runtime_error("OpenGL: this driver has no GL_ARB_buffer_storage");
}

GlContext::~GlContext() {
    // The display is shared by all contexts of the process and stays initialised.
    if (eglGetCurrentContext() == context_)
        releaseCurrent();
    eglDestroyContext(display_, context_);
}

void GlContext::makeCurrent() const {
    if (!eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, context_))
        throw std::runtime_error("EGL: cannot make the context current without a surface");
}

void GlContext::releaseCurrent() {
    eglMakeCurrent(eglGetCurrentDisplay(), EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
}

std::string GlContext::description() const {
    auto text = [](GLenum name) { return reinterpret_cast<const char*>(glGetString(name)); };
    return std::string(text(GL_RENDERER)) + ", OpenGL " + text(GL_VERSION);
}

} // namespace svga::coherency
