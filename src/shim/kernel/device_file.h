// SPDX-License-Identifier: MIT
/**
 * \file
 * An open file of the device node: its ioctls, and the handles it has.
 *
 * The ioctls are those of vmwgfx 2.20 (vmwgfx_drm.h) that a Mesa driver uses, and of DRM's core those that libdrm asks
 * to get to know a device, to share buffers and to show pictures; and the dirty-tracking ones of svga_coherent_drm.h.
 * Others fail with an errno that vmwgfx would also give.
 */
#pragma once

#include "shim/kernel/display.h"
#include "shim/kernel/handles.h"
#include "shim/kernel/kernel.h"
#include "shim/open_file.h"

#include <drm_mode.h>

#include <functional>
#include <memory>

namespace svga::shim {

/** \brief Gives the embedded kernel, starting it when it is first needed. Empty: there is none (the reason was
 * reported). */
using KernelSource = std::function<std::shared_ptr<Kernel>()>;

/** \brief Puts a file behind a new descriptor. \return it, or a negative errno. */
class DescriptorSource {
public:
    virtual ~DescriptorSource() = default;
    /** \param real a descriptor to put it behind; becomes the file's. */
    virtual int install(UniqueFd real, std::shared_ptr<OpenFile> file) = 0;
    virtual std::shared_ptr<OpenFile> find(int fd) const = 0;
};

class DeviceFile final : public OpenFile {
public:
    /** \param events where events for the program go; of no use for a render node */
    DeviceFile(unsigned minor, KernelSource kernel, DescriptorSource& descriptors,
               std::shared_ptr<EventSink> events = nullptr);
    ~DeviceFile() override;

    int ioctl(unsigned long request, void* argument) override;
    void stat(struct stat& out) const override;
    int64_t mapOffset(uint64_t offset, uint64_t size) override;
    void mapped(void* address, uint64_t offset, uint64_t size, bool writable) override;

private:
    int core(unsigned number, void* argument);
    int driver(unsigned number, void* argument);
    Kernel& kernel();

    void getParameter(drm_vmw_getparam_arg& arg);
    void get3dCapabilities(const drm_vmw_get_3d_cap_arg& arg);
    void allocateBuffer(drm_vmw_alloc_bo_arg& arg);
    void createContext(uint32_t type, drm_vmw_context_arg& reply);
    void createSurface(const drm_vmw_gb_surface_create_ext_req& request, drm_vmw_gb_surface_create_rep& reply);
    void referenceSurface(const drm_vmw_surface_arg& request, drm_vmw_gb_surface_ref_ext_rep& reply);
    void execute(const drm_vmw_execbuf_arg& arg);
    void waitForFence(drm_vmw_fence_wait_arg& arg);
    void queryFence(drm_vmw_fence_signaled_arg& arg);
    void synchronise(const drm_vmw_synccpu_arg& arg);
    int exportFence(uint64_t seqno);
    void waitForImported(int fd);
    void exportHandle(drm_prime_handle& arg);
    void importHandle(drm_prime_handle& arg);
    void close(uint32_t handle);

    // device_file_modes.cpp
    int modes(unsigned number, void* argument);
    Display& display(Kernel::Lock& held);
    void getResources(drm_mode_card_res& out);
    void getConnector(drm_mode_get_connector& out);
    void getCrtc(drm_mode_crtc& out);
    void setCrtc(const drm_mode_crtc& arg);
    void getPlane(drm_mode_get_plane& out);
    void getProperty(drm_mode_get_property& out);
    std::shared_ptr<Surface> surfaceOn(std::shared_ptr<BufferObject> buffer, uint32_t width, uint32_t height);
    uint32_t addFramebuffer(uint32_t handle, uint32_t width, uint32_t height, uint32_t pitch, uint32_t format);
    void getFramebuffer(drm_mode_fb_cmd& out);
    void flip(const drm_mode_crtc_page_flip& arg);
    void createDumb(drm_mode_create_dumb& arg);
    void waitForBlank(drm_wait_vblank& arg);

    // device_file_tracking.cpp
    struct Access;
    void queryDirty(drm_vmw_bo_dirty_query_arg& arg);
    void declareAccess(drm_vmw_bo_access_arg& arg);
    Access checkAccess(const drm_vmw_bo_access& given);
    uint64_t carryOut(const Access& access, bool wait, Kernel::Lock& held);
    void setTracking(const drm_vmw_bo_tracking_arg& arg);
    void fill(const std::shared_ptr<Surface>& surface, drm_vmw_gb_surface_create_rep& reply);

    const unsigned minor_;
    KernelSource source_;
    DescriptorSource& descriptors_;
    const std::shared_ptr<EventSink> events_; ///< null: a render node, which has none
    std::once_flag started_;
    std::shared_ptr<Kernel> kernel_;
    Handles handles_;
};

} // namespace svga::shim
