/* SPDX-License-Identifier: MIT */
/**
 * \file
 * What our SVGA device tells a guest beyond what VMware's device does. Plain C: user space and the kernel include it.
 *
 * The device may draw from guest memory in place: a surface of format SVGA3D_BUFFER that is bound to a MOB then has no copy on the
 * device. What the CPU writes to the MOB is seen by each command executed after the write, what a command writes is seen by
 * the CPU once a fence after it has passed, and UPDATE_GB_SURFACE/IMAGE and READBACK_GB_SURFACE/IMAGE of such a buffer do
 * nothing. A guest that knows this need not track which pages of the buffer were written.
 *
 * A guest asks by writing one of the indices below to SVGA_REG_DEV_CAP and reading the register back. They are far
 * beyond SVGA3D_DEVCAP_MAX; a device that does not know them answers 0 (VMware's does), and so does ours where the feature is off.
 */
#ifndef SVGA_COHERENT_DEVICE_H
#define SVGA_COHERENT_DEVICE_H

/**
 * Non-zero: buffers are drawn in place. The value is the greatest number of runs a MOB may have for that. A run is a stretch
 * of pages that follow each other in guest-physical memory as well; a MOB of one page or one range (SVGA3D_MOBFMT_RANGE) has
 * one. Buffers on MOBs with more runs are copied, as on VMware's device. Images are always copied.
 */
#define SVGA_COHERENT_DEVCAP_BUFFER_IN_PLACE_RUNS 0x434f4800u

#endif
