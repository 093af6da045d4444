// SPDX-License-Identifier: MIT
/**
 * \file
 * A batch of device commands in the making.
 *
 * Commands are written in place: reserve() room, fill it, name the objects it uses, commit(). Naming an object is its
 * relocation: the stream returns the kernel handle that belongs in the command, where the kernel puts the device's own
 * id at submission, and keeps the object alive until the stream is cleared. While a stream names an object its handle
 * does not change, so nothing is patched later but by commit() itself.
 */
#pragma once

#include "gallium/winsys/svga/core/surface.h"

#include <span>
#include <unordered_set>

namespace svga::winsys {

/** \brief One command stream. One thread at a time. */
class CommandStream {
public:
    static constexpr uint32_t kCapacity = 64 * 1024; ///< bytes of commands in one batch
    static constexpr uint32_t kMaxReferences = 2048; ///< objects that one batch may use

    /** \brief Bounds the guest memory, in bytes, that a batch refers to, where allowEarlySubmit() lets it. */
    explicit CommandStream(uint64_t memoryLimit);
    ~CommandStream();
    CommandStream(const CommandStream&) = delete;
    CommandStream& operator=(const CommandStream&) = delete;

    /**
     * \brief Room for \p bytes of commands that will name up to \p references objects.
     * \return null where the batch has to be submitted first; also where the request is larger than any batch.
     *
     * What was reserved before and not committed is given up.
     */
    void* reserve(uint32_t bytes, uint32_t references);

    /**
     * \brief Names a surface that the reserved commands use; returns its id.
     * \param internal the commands only move the surface's content between device and backing: that alone does not make
     * a later CPU access conflict with the batch
     */
    uint32_t reference(Surface& surface, bool internal);

    /** \brief Names a buffer object that the reserved commands use; returns its MOB id. */
    uint32_t reference(Bo& bo);

    /**
     * \brief Makes the reserved commands part of the batch. Throws Error.
     *
     * A copy of the whole of a mapped persistent buffer to one that nobody has used and that has other bind flags is
     * how the driver replaces a surface, and there alone it shows that the two are one buffer to the application. The
     * destination moves onto the source's memory (Surface::moveOnto()), so that what is mapped stays what is used. (An
     * application's own copy looks the same only where it copies all of a mapped persistent buffer to another one of
     * the same size that was made for another target and is untouched.) It moves, rather than being made so late: a
     * surface out of the driver's cache has its memory already, and to make others twice costs little, once in the life
     * of few buffers. The copy stays: where surfaces have copies on the device, it brings what is newer there; where
     * the device works in the memory itself, it is a copy onto itself, which does nothing.
     *
     * But not commands that synchronise a coherent surface with its backing (UPDATE_*, READBACK_*): the kernel does
     * that of its own accord, and the command would upload, or wait for, whole images once more. Callers that think a
     * surface not coherent (the svga pipe driver of every imported texture) emit them nevertheless.
     */
    void commit();

    /**
     * \brief Whether the batch has commands that may use \p surface's content, by a binding of an earlier batch or
     * through another surface on its memory too.
     */
    bool references(const Surface& surface) const;

    /** \brief Says that the commands so far may be submitted on their own where memory gets short. */
    void allowEarlySubmit() { mayEnd_ = true; }

    std::span<const uint8_t> commands() const { return {buffer_.get(), used_}; }

    /** \brief Empties the batch and drops its references. */
    void clear();

private:
    struct SurfaceEntry {
        Ref<Surface> surface;
        uint64_t memory; ///< its share of memoryUsed_
    };
    struct Reference {
        Surface* surface;
        bool content; ///< the commands use what is in it, not only move or invalidate it
    };

    /** Whether the reserved commands name surfaces, and all of them are coherent. */
    bool namesOnlyCoherent() const;
    void shareMemoryOfCopy();
    void dropStaged();

    const uint64_t memoryLimit_;
    const std::unique_ptr<uint8_t[]> buffer_;
    uint32_t used_ = 0;
    uint32_t reserved_ = 0;
    bool mayEnd_ = false;
    bool writesOutputs_ = false; ///< has commands that write to what is bound
    uint64_t memoryUsed_ = 0;    ///< bytes of guest memory that the batch refers to

    std::vector<SurfaceEntry> surfaces_;
    std::vector<Ref<Bo>> bos_;
    size_t committedSurfaces_ = 0; ///< entries behind these belong to the reserved commands
    size_t committedBos_ = 0;
    std::unordered_map<const void*, size_t> index_; ///< object to its place in surfaces_ or bos_
    std::vector<Reference> reservedSurfaces_;       ///< all that the reserved commands name
    std::unordered_set<const Bo*> contents_;        ///< memory of surfaces whose content committed commands use
};

} // namespace svga::winsys
