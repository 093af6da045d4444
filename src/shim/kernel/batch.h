// SPDX-License-Identifier: MIT
/**
 * \file
 * One EXECBUF: user space's commands on their way to the device.
 *
 * First everything is verified, without effect: a batch with one bad command is refused as a whole. Then it is applied:
 * the context's bindings follow its commands, and so it is known which surfaces it reads and writes.
 */
#pragma once

#include "shim/kernel/coherence.h"
#include "shim/kernel/command_table.h"
#include "shim/kernel/handles.h"
#include "shim/kernel/kernel.h"

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace svga::shim {

/** \brief What a batch's references are looked up in. */
struct BatchScope {
    const Handles& handles;
    std::shared_ptr<Context> context; ///< null: the batch is for none
    uint32_t contextHandle = SVGA3D_INVALID_ID;
};

/** \brief The result of verification: commands with device ids in them, and where each is. */
struct VerifiedBatch {
    struct Step {
        const CommandInfo* info;
        uint32_t body;       ///< offset of its body
        uint32_t size;       ///< of its body
        uint32_t references; ///< index in surfaces of its first reference
    };
    std::vector<std::byte> commands;
    std::vector<Step> steps;
    /// The surfaces each step names, in order; null for none.
    std::vector<std::shared_ptr<Surface>> surfaces;
    std::map<uint32_t, std::shared_ptr<BufferObject>> buffers; ///< by MOB id
    std::array<uint32_t, SVGA_COTABLE_MAX> coTableEntries{};   ///< that it needs

    uint32_t word(const Step& step, std::size_t offset) const {
        uint32_t value;
        std::memcpy(&value, commands.data() + step.body + offset, sizeof(value));
        return value;
    }
};

/**
 * \brief Checks every command, and replaces handles by ids.
 * \throws IoctlError: EINVAL for a command that is unknown, has a wrong size or names what does not exist; EBUSY where
 * an object is grabbed by the CPU (SYNCCPU).
 */
VerifiedBatch verifyBatch(const BatchScope& scope, std::vector<std::byte> commands);

class Batch {
public:
    Batch(Kernel& kernel, std::shared_ptr<Context> context, VerifiedBatch verified);

    /** \brief Applies the batch and hands it to the device. \return its seqno. */
    uint64_t submit();

private:
    using Step = VerifiedBatch::Step;

    void apply(const Step& step);
    void pass(const Step& step);
    void reference(const std::shared_ptr<Surface>& surface);
    void write(const std::shared_ptr<Surface>& surface, SubresourceRange range);
    void write(const View& view);
    void writeWhole(const std::shared_ptr<Surface>& surface);
    void writeSubresource(const std::shared_ptr<Surface>& surface, uint32_t index);

    void bindInputs(const Step& step);
    void bindInput(uint32_t slot, std::shared_ptr<Surface> surface);
    void bindOutputs(const Step& step);
    void bindOutput(std::unordered_map<uint32_t, View>& outputs, uint32_t slot, const View* view);
    void unbind(std::unordered_map<uint32_t, View>& outputs, uint32_t firstSlot, uint32_t count);
    void draw(const std::unordered_map<uint32_t, View>& outputs);
    void clearView(const Step& step);
    void generateMips(const Step& step);
    void defineView(const Step& step);
    void destroyView(const Step& step);
    void attach(const Step& step);
    void synchronise(const Step& step);
    void bindSurface(const Step& step);
    Context::Views& views(Reference reference);
    Context::Views& views(int8_t coTable);

    Kernel& kernel_;
    std::shared_ptr<Context> context_;
    VerifiedBatch verified_;
    uint64_t stamp_;
    CommandStream before_, commands_, after_;
    Kernel::InFlight inFlight_;
    std::vector<SurfaceWrite> writes_;
    uint64_t writeOrder_ = 0;
    std::unordered_map<const Surface*, std::size_t> writeIndex_;
    bool inputsReferenced_ = false;
    bool outputsChanged_ = true;
    bool computeOutputsChanged_ = true;
};

} // namespace svga::shim
