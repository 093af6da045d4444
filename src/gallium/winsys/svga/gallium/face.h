// SPDX-License-Identifier: MIT
/**
 * \file
 * The Gallium face of the winsys: svga_winsys.h, implemented by calls into the core.
 *
 * Gallium knows the core's objects as opaque pointers: a svga_winsys_surface* is a Surface*, a pipe_fence_handle* a
 * Fence*, and so on, each pointer that was handed out standing for one reference. The two objects with function tables,
 * screen and context, derive from Mesa's structs. No exception leaves the face: a failure becomes what the interface
 * has for it, after one line on stderr.
 */
#pragma once

#include "gallium/winsys/svga/core/context.h"
#include "gallium/winsys/svga/core/query.h"
#include "gallium/winsys/svga/core/shader.h"
#include "util/error.h"

#include <cstdio>
#include <exception>
#include <functional>

// Behind everything else: Mesa's headers define macros, `unreachable` for one, that break others'.
#include "gallium/winsys/svga/gallium/svga_winsys_interface.h"

namespace svga::winsys {

inline void reportError(const char* what) {
    std::fprintf(stderr, "svga: %s\n", what);
}

/** \brief Runs \p action; where it throws, says why and returns \p failure. */
template <typename Result, typename Action>
Result guarded(Result failure, Action&& action) noexcept {
    try {
        return std::invoke(std::forward<Action>(action));
    } catch (const std::exception& error) {
        reportError(error.what());
    }
    return failure;
}

struct Screen : svga_winsys_screen {
    explicit Screen(std::unique_ptr<Kernel> kernel);

    Device device;
};

struct ContextFace : svga_winsys_context {
    explicit ContextFace(Device& onDevice);

    Device& device;
    Context context;
};

/** \brief Makes a screen on \p kernel; null, after one line on stderr, where that cannot be. */
struct svga_winsys_screen* createScreen(std::unique_ptr<Kernel> kernel);

/** \brief svga_winsys_screen::context_create. */
struct svga_winsys_context* createContext(struct svga_winsys_screen* screen);

inline Device& deviceOf(struct svga_winsys_screen* screen) {
    return static_cast<Screen*>(screen)->device;
}

/** \brief Hands a reference to Gallium as the opaque pointer it knows. */
template <typename Opaque, typename Object>
Opaque* toGallium(Ref<Object> object) {
    return reinterpret_cast<Opaque*>(object.release());
}

inline Surface* fromGallium(struct svga_winsys_surface* surface) {
    return reinterpret_cast<Surface*>(surface);
}
inline Bo* fromGallium(struct svga_winsys_buffer* buffer) {
    return reinterpret_cast<Bo*>(buffer);
}
inline Fence* fromGallium(struct pipe_fence_handle* fence) {
    return reinterpret_cast<Fence*>(fence);
}
inline Shader* fromGallium(struct svga_winsys_gb_shader* shader) {
    return reinterpret_cast<Shader*>(shader);
}
inline Query* fromGallium(struct svga_winsys_gb_query* query) {
    return reinterpret_cast<Query*>(query);
}

/** \brief The interface's reference functions: \p *destination drops what it holds and takes a reference to \p source.
 */
template <typename Opaque>
void referenceOpaque(Opaque** destination, Opaque* source) {
    if (*destination == source)
        return;
    if (source)
        fromGallium(source)->ref();
    if (Opaque* old = std::exchange(*destination, source))
        fromGallium(old)->unref();
}

/** \brief Copies a shader's code to the device's memory. */
struct svga_winsys_gb_shader* createShader(Device& device, uint32_t id, const uint32_t* code, uint32_t codeBytes,
                                           const void* signature, uint32_t signatureBytes);

} // namespace svga::winsys
