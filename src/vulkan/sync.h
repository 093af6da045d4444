// SPDX-License-Identifier: MIT
/**
 * \file
 * What the runtime makes fences and semaphores of.
 *
 * A FenceSync is in one of three states: reset; pending, from the submission that signals it on, with the winsys' fence
 * of that submission; signalled. A submission is executed by the queue's thread some time after vkQueueSubmit(), so who
 * waits may come before it is pending, and waits for that first.
 *
 * Timeline semaphores are the runtime's emulation (vk_sync_timeline), a FenceSync for each point.
 */
#pragma once

#include "gallium/winsys/svga/core/fence.h"
#include "vulkan/mesa.h"

#include "vk_sync.h"
#include "vk_sync_timeline.h"

namespace svga::vulkan {

extern const vk_sync_type kFenceSyncType;
extern const vk_sync_timeline_type kTimelineSyncType;

/** \brief Makes \p sync, of kFenceSyncType, pending until \p fence has signalled, or signalled where that is null. */
void signalWith(vk_sync& sync, winsys::Ref<winsys::Fence> fence);

} // namespace svga::vulkan
