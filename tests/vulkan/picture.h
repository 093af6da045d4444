// SPDX-License-Identifier: MIT
#pragma once

#include "gpu.h"

#include <array>
#include <optional>
#include <string>

namespace svga::test {

/** \brief A color image of R8G8B8A8_UNORM that is drawn to; what is in it is read through coherent memory. */
class Picture {
public:
    Picture(Gpu& gpu, uint32_t width, uint32_t height);
    ~Picture();
    Picture(const Picture&) = delete;
    Picture& operator=(const Picture&) = delete;

    uint32_t width() const { return width_; }
    uint32_t height() const { return height_; }
    VkRenderPass renderPass() const { return renderPass_; }

    /** \brief Clears it, draws in one render pass, and reads it. */
    void draw(const std::array<float, 4>& clear, const std::function<void(VkCommandBuffer)>& commands);
    /** \brief Copies all its texels out of \p buffer, and reads it. */
    void upload(const Buffer& buffer, VkDeviceSize offset);
    /** \brief Copies all of \p from to (\p x, \p y), and reads it. */
    void copyFrom(const Picture& from, int32_t x, int32_t y);
    /** \brief Scales all of \p from to all of it, and reads it. */
    void blitFrom(const Picture& from);

    /** \brief Of what was read: a texel, red in the low byte, and how many there are of a value. */
    uint32_t at(uint32_t x, uint32_t y) const { return texels_.memory.as<uint32_t>()[y * width_ + x]; }
    uint32_t count(uint32_t value) const;

private:
    void read(VkCommandBuffer commands);

    Gpu& gpu_;
    uint32_t width_, height_;
    VkImage image_ = VK_NULL_HANDLE;
    std::optional<Allocation> memory_;
    VkImageView view_ = VK_NULL_HANDLE;
    VkRenderPass renderPass_ = VK_NULL_HANDLE;
    VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
    CoherentBuffer texels_;
};

/** \brief A graphics pipeline that draws to a Picture. */
class GraphicsPipeline {
public:
    struct Settings {
        std::string vertexShader, fragmentShader;
        uint32_t stride = 0; ///< of binding 0; 0: there are no vertices
        std::vector<VkVertexInputAttributeDescription> attributes;
        VkPrimitiveTopology topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
        VkCullModeFlags cull = VK_CULL_MODE_NONE;
        VkFrontFace front = VK_FRONT_FACE_CLOCKWISE;
        bool blend = false;   ///< adds
        bool uniform = false; ///< set 0, binding 0 is a uniform buffer of the fragment shader
    };
    GraphicsPipeline(Gpu& gpu, const Picture& target, const Settings& settings);
    ~GraphicsPipeline();
    GraphicsPipeline(const GraphicsPipeline&) = delete;
    GraphicsPipeline& operator=(const GraphicsPipeline&) = delete;

    void write(const Buffer& buffer, VkDeviceSize offset, VkDeviceSize range) const;
    void bind(VkCommandBuffer commands) const;

private:
    Gpu& gpu_;
    VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
    VkDescriptorSet set_ = VK_NULL_HANDLE;
    VkPipelineLayout layout_ = VK_NULL_HANDLE;
    VkPipeline pipeline_ = VK_NULL_HANDLE;
};

} // namespace svga::test
