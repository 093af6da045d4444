// SPDX-License-Identifier: MIT
/**
 * \file
 * Compute programs of the driver's own, for copies between images and buffers that the device has no command for.
 *
 * The device transfers from buffers to images, and not back; and depth that shares its texels with stencil can only be
 * transferred with it. So one program reads texels and writes them to a buffer, as Vulkan lays them out there; and one
 * joins the depth or stencil of a buffer with the other of an image, for a transfer of both.
 */
#pragma once

#include "vulkan/compiler/compiler.h"
#include "vulkan/context_objects.h"
#include "vulkan/image.h"

#include <compare>
#include <map>
#include <optional>

namespace svga::vulkan {

/** \brief How the bits that Vulkan has in a buffer come from what a shader reads. */
struct TexelLayout {
    enum class Conversion : uint8_t {
        None,  ///< bits as they are, of integers
        Float, ///< bits as they are, of a float
        Unorm  ///< numbers from 0 to 1, rounded
    };
    struct Channel {
        uint8_t component, bits;
        auto operator<=>(const Channel&) const = default;
    };

    SVGA3dSurfaceFormat view = SVGA3D_FORMAT_INVALID; ///< that a shader reads them through
    Conversion conversion = Conversion::None;
    uint8_t bytes = 0;                 ///< of a texel in the buffer
    std::array<Channel, 4> channels{}; ///< from the lowest bit on; with no bits: there are no more
    /// Whether what is read leads back to the bits that are in the image. Of 24 bits of depth, of which a shader gets a
    /// float, it need not.
    bool exact = true;
    auto operator<=>(const TexelLayout&) const = default;

    /** \brief Of \p aspect of \p image; nothing where no view shows the bits (block compression, shared exponents). */
    static std::optional<TexelLayout> of(const Image& image, VkImageAspectFlags aspect);
};

/** \brief What the programs are told, as push constants. Copies of one subresource of an image or a range of layers. */
struct TexelCopy {
    std::array<uint32_t, 3> origin; ///< texels; z is the slice, or the layer of the image
    uint32_t offset;                ///< bytes, of the first texel in the buffer as it is bound
    std::array<uint32_t, 3> extent; ///< texels; z counts slices or layers
    uint32_t row, slice;            ///< bytes from one to the next in the buffer
};

/** \brief A compute program of the driver's own, in the queue's context. */
struct Program {
    /** \brief Throws Error. */
    Program(ContextObjects& objects, CompiledShader compiled)
        : code(std::move(compiled))
        , id(objects.createShader(SVGA3D_SHADERTYPE_CS, code.tokens, code.signature)) {}

    CompiledShader code;
    uint32_t id;
};

/** \brief The programs in the queue's context. One thread at a time. */
class TexelPrograms {
public:
    static constexpr uint32_t kGroup = 8; ///< invocations in x and y
    /// Binding numbers of what a program uses.
    static constexpr uint32_t kImage = 0, kBuffer = 1, kJoined = 2;

    /** \brief Reads kImage, of \p type, and writes kBuffer. Throws Error. */
    const Program& toBuffer(ContextObjects& objects, const TexelLayout& layout, VkImageType type);

    /** \brief Bytes of a texel of depth and stencil in kJoined: 24 bits and 8, or a float and a word. */
    static uint32_t joinedBytes(const TexelLayout& layout, const TexelLayout& other);

    /** \brief Reads \p layout of kBuffer and the other aspect of kImage, as \p other has it, and writes both to
     * kJoined, row after row. Throws Error. */
    const Program& join(ContextObjects& objects, const TexelLayout& layout, const TexelLayout& other);

private:
    struct Key {
        TexelLayout layout, other; ///< other: has a view where it joins
        VkImageType type;
        auto operator<=>(const Key&) const = default;
    };
    template <typename Build>
    const Program& find(ContextObjects& objects, const Key& key, Build&& build);

    std::map<Key, Program> programs_;
};

} // namespace svga::vulkan
