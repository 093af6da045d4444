// SPDX-License-Identifier: MIT
/**
 * \file
 * Limits that the driver sets itself, within those of the device.
 */
#pragma once

#include <cstdint>

namespace svga::vulkan {

inline constexpr uint32_t kMaxDescriptorSets = 32;
inline constexpr uint32_t kMaxDynamicBuffers = 16; ///< in all sets of a pipeline layout together
inline constexpr uint32_t kMaxPushDescriptors = 32;

/// A pipeline's stages share 64 registers of unordered access views: five graphics stages are to find room in them.
inline constexpr uint32_t kStorageBuffersPerStage = 8;
inline constexpr uint32_t kStorageImagesPerStage = 4;

inline constexpr uint32_t kPlacedMapAlignment = 4096; ///< bytes: a page

inline constexpr uint32_t kVectorBytes = 16;              ///< what constant buffers are measured in
inline constexpr uint32_t kConstantBufferAlignment = 256; ///< bytes, of the offset of what is bound
inline constexpr uint32_t kRawViewAlignment = 16;         ///< bytes, likewise

/// Bytes, of contents that the driver uploads for copies.
inline constexpr uint32_t kUploadAlignment = 16;
/// Bytes that a fill uploads at most; it copies them as often as it takes.
inline constexpr uint32_t kLargestFill = 64 * 1024;

} // namespace svga::vulkan
