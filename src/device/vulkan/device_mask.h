// SPDX-License-Identifier: MIT
/**
 * \file
 * A lesser GPU than there is: to see what a guest is told where Vulkan offers less.
 */
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace svga::device {

/**
 * \brief What the Vulkan device is taken not to have.
 *
 * Features go by their names in VkPhysicalDeviceFeatures, extensions by theirs, and limits are lowered, never raised.
 */
class DeviceMask {
public:
    /**
     * \brief Reads a list such as "geometryShader,VK_EXT_transform_feedback,samples=1,maxImageDimension2D=4096".
     *
     * samples=N leaves no sample count above N. \throws Error naming the word that is no such thing.
     */
    static DeviceMask parse(std::string_view list);

    bool hides(std::string_view extension) const { return extensions_.contains(extension); }
    void apply(VkPhysicalDeviceFeatures& features) const;
    void apply(VkPhysicalDeviceLimits& limits) const;
    void apply(VkImageFormatProperties& properties, VkImageType type) const;
    /** \brief Formats go with the feature that is about them. */
    void apply(VkFormatProperties& properties, VkFormat format) const;

private:
    VkSampleCountFlags samples(VkSampleCountFlags counts) const { return counts & (maxSamples_ * 2 - 1); }

    std::set<std::string, std::less<>> features_, extensions_;
    std::map<std::string, uint32_t, std::less<>> limits_;
    uint32_t maxSamples_ = VK_SAMPLE_COUNT_64_BIT;
};

} // namespace svga::device
