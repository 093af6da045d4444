// SPDX-License-Identifier: MIT
#include "shim/kernel/batch.h"

#include <gtest/gtest.h>

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

#include <cerrno>
#include <set>

namespace svga::shim {
namespace {

/// One file with a surface, a buffer object and a context, none of which has an id that looks like its handle.
class BatchVerifier : public ::testing::Test {
protected:
    BatchVerifier() {
        buffer_ = std::make_shared<BufferObject>();
        buffer_->mobId = 31;
        surface_ = std::make_shared<Surface>(SurfaceLayout::create({SVGA3D_BUFFER, {4096, 1, 1}, 1, 1, 1}).value());
        surface_->id = 42;
        surface_->backup = buffer_;
        context_ = std::make_shared<Context>();
        context_->id = 7;
        context_->shaderResourceViews.emplace(3, View{surface_, {}});
        mob = handles_.add(buffer_);
        sid = handles_.add(surface_);
        cid = handles_.add(context_);
    }

    /// The errno a batch is refused with; 0: it is not.
    int refusal(const CommandStream& commands, bool withContext = true) {
        try {
            result_ = verify(commands, withContext);
            return 0;
        } catch (const IoctlError& error) {
            return error.errorNumber;
        }
    }

    VerifiedBatch verify(const CommandStream& commands, bool withContext = true) {
        const BatchScope scope{handles_, withContext ? context_ : nullptr, withContext ? cid : SVGA3D_INVALID_ID};
        const auto bytes = commands.bytes();
        return verifyBatch(scope, {bytes.begin(), bytes.end()});
    }

    template <typename Body>
    int refusalOf(uint32_t id, const Body& body, bool withContext = true) {
        CommandStream commands;
        commands.add(id, body);
        return refusal(commands, withContext);
    }

    Handles handles_;
    std::shared_ptr<BufferObject> buffer_;
    std::shared_ptr<Surface> surface_;
    std::shared_ptr<Context> context_;
    uint32_t mob, sid, cid;
    VerifiedBatch result_;
};

constexpr uint32_t kNone = SVGA3D_INVALID_ID;
constexpr uint32_t kUnknown = 0x7777777;

TEST_F(BatchVerifier, AcceptsAnEmptyBatch) {
    EXPECT_EQ(refusal({}), 0);
}

TEST_F(BatchVerifier, ReplacesHandlesByIds) {
    CommandStream commands;
    commands.add(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{sid, mob});
    commands.add(SVGA_3D_CMD_DX_BIND_SHADER, SVGA3dCmdDXBindShader{cid, 5, mob, 64});
    const auto batch = verify(commands);
    ASSERT_EQ(batch.steps.size(), 2u);
    EXPECT_EQ(batch.word(batch.steps[0], offsetof(SVGA3dCmdBindGBSurface, sid)), 42u);
    EXPECT_EQ(batch.word(batch.steps[0], offsetof(SVGA3dCmdBindGBSurface, mobid)), 31u);
    EXPECT_EQ(batch.word(batch.steps[1], offsetof(SVGA3dCmdDXBindShader, cid)), 7u);
    EXPECT_EQ(batch.word(batch.steps[1], offsetof(SVGA3dCmdDXBindShader, shid)), 5u); // user space's own number
    EXPECT_EQ(batch.word(batch.steps[1], offsetof(SVGA3dCmdDXBindShader, mobid)), 31u);
    EXPECT_EQ(batch.word(batch.steps[1], offsetof(SVGA3dCmdDXBindShader, offsetInBytes)), 64u);
    ASSERT_EQ(batch.surfaces.size(), 1u);
    EXPECT_EQ(batch.surfaces[0], surface_);
    ASSERT_EQ(batch.buffers.count(31), 1u);
    EXPECT_EQ(batch.buffers.at(31), buffer_);
}

TEST_F(BatchVerifier, ReplacesHandlesInArrays) {
    struct {
        SVGA3dCmdDXSetVertexBuffers head{4};
        SVGA3dVertexBuffer buffers[3];
    } command;
    command.buffers[0] = {sid, 16, 0};
    command.buffers[1] = {kNone, 0, 0};
    command.buffers[2] = {sid, 8, 4};
    CommandStream commands;
    commands.add(SVGA_3D_CMD_DX_SET_VERTEX_BUFFERS, command);
    const auto batch = verify(commands);
    EXPECT_EQ(batch.word(batch.steps[0], 4), 42u);
    EXPECT_EQ(batch.word(batch.steps[0], 16), kNone);
    EXPECT_EQ(batch.word(batch.steps[0], 28), 42u);
    ASSERT_EQ(batch.surfaces.size(), 3u);
    EXPECT_EQ(batch.surfaces[1], nullptr);
}

TEST_F(BatchVerifier, RefusesMalformedBatches) {
    CommandStream halfHeader;
    const uint32_t word = SVGA_3D_CMD_NOP;
    halfHeader.append(&word, sizeof(word));
    EXPECT_EQ(refusal(halfHeader), EINVAL);

    const auto raw = [this](uint32_t id, uint32_t size, std::size_t present) {
        CommandStream commands;
        const SVGA3dCmdHeader header{id, size};
        commands.append(&header, sizeof(header));
        const std::vector<std::byte> body(present);
        commands.append(body.data(), body.size());
        return refusal(commands);
    };
    EXPECT_EQ(raw(SVGA_3D_CMD_NOP, 0, 0), 0);
    EXPECT_EQ(raw(SVGA_3D_CMD_NOP, 8, 4), EINVAL);          // reaches beyond the batch
    EXPECT_EQ(raw(SVGA_3D_CMD_NOP, 0xfffffffc, 8), EINVAL); // overflows
    EXPECT_EQ(raw(SVGA_3D_CMD_NOP, 6, 6), EINVAL);          // not whole words
    EXPECT_EQ(raw(0, 0, 0), EINVAL);
    EXPECT_EQ(raw(0xffffffff, 0, 0), EINVAL);
    EXPECT_EQ(raw(SVGA_3D_CMD_MAX, 0, 0), EINVAL);
    EXPECT_EQ(raw(SVGA_3D_CMD_SURFACE_DMA, 64, 64), EINVAL);      // not a command of guest-backed objects
    EXPECT_EQ(raw(SVGA_3D_CMD_DEFINE_GB_MOB64, 20, 20), EINVAL);  // the kernel's own
    EXPECT_EQ(raw(SVGA_3D_CMD_SET_OTABLE_BASE64, 24, 24), EPERM); // the kernel's own
    EXPECT_EQ(raw(SVGA_3D_CMD_DX_SET_COTABLE, 16, 16), EINVAL);   // the kernel's own
    EXPECT_EQ(raw(SVGA_3D_CMD_DX_DEFINE_CONTEXT, 4, 4), EPERM);   // the kernel's own
}

TEST_F(BatchVerifier, RefusesEveryCommandWithAWrongSize) {
    for (const CommandInfo& info : commandTable()) {
        for (int change : {-4, 4}) {
            const int64_t size = int64_t{info.bodySize} + change;
            const bool wholeElements = change > 0 && info.elementSize == 4;
            if (size < 0 || wholeElements)
                continue;
            CommandStream commands;
            const SVGA3dCmdHeader header{info.id, static_cast<uint32_t>(size)};
            commands.append(&header, sizeof(header));
            const std::vector<std::byte> body(static_cast<std::size_t>(size));
            commands.append(body.data(), body.size());
            EXPECT_EQ(refusal(commands), EINVAL) << info.name << " with " << size << " bytes";
        }
    }
}

TEST_F(BatchVerifier, RefusesUnknownHandlesInEveryField) {
    for (const CommandInfo& info : commandTable()) {
        for (uint8_t i = 0; i < info.fieldCount; ++i) {
            std::vector<std::byte> body(info.bodySize);
            // All other references are good ones.
            for (uint8_t j = 0; j < info.fieldCount; ++j) {
                const auto& field = info.fields[j];
                uint32_t value = 3;
                if (field.reference == Reference::Surface)
                    value = sid;
                else if (field.reference == Reference::Mob)
                    value = mob;
                else if (field.reference == Reference::Context)
                    value = cid;
                if (j == i)
                    value = kUnknown;
                std::memcpy(body.data() + field.offset, &value, sizeof(value));
            }
            CommandStream commands;
            const SVGA3dCmdHeader header{info.id, info.bodySize};
            commands.append(&header, sizeof(header));
            commands.append(body.data(), body.size());
            EXPECT_EQ(refusal(commands), EINVAL) << info.name << ", field " << int{i};
        }
    }
}

TEST_F(BatchVerifier, RefusesHandlesOfAnotherKind) {
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{sid}), 0);
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{mob}), EINVAL);
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{42}), EINVAL); // an id, not a handle
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{sid, sid}), EINVAL);
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_DX_BIND_SHADER, SVGA3dCmdDXBindShader{sid, 0, mob, 0}), EINVAL);
}

TEST_F(BatchVerifier, RequiresWhatMayNotBeMissing) {
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{kNone}), EINVAL);
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{sid, kNone}), 0);
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_DX_GENMIPS, SVGA3dCmdDXGenMips{kNone}), EINVAL);
}

TEST_F(BatchVerifier, DxCommandsNeedAContext) {
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_DX_DRAW, SVGA3dCmdDXDraw{3, 0}), 0);
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_DX_DRAW, SVGA3dCmdDXDraw{3, 0}, false), EINVAL);
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_DX_BIND_SHADER, SVGA3dCmdDXBindShader{cid, 0, mob, 0}, false), EINVAL);
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{sid}, false), 0);
}

TEST_F(BatchVerifier, FollowsViewsThroughTheBatch) {
    const auto use = [](CommandStream& commands, uint32_t id) {
        commands.add(SVGA_3D_CMD_DX_GENMIPS, SVGA3dCmdDXGenMips{id});
    };
    const auto define = [this](CommandStream& commands, uint32_t id) {
        SVGA3dCmdDXDefineShaderResourceView view{};
        view.shaderResourceViewId = id;
        view.sid = sid;
        commands.add(SVGA_3D_CMD_DX_DEFINE_SHADERRESOURCE_VIEW, view);
    };
    const auto destroy = [](CommandStream& commands, uint32_t id) {
        commands.add(SVGA_3D_CMD_DX_DESTROY_SHADERRESOURCE_VIEW, SVGA3dCmdDXDestroyShaderResourceView{id});
    };
    CommandStream known, unknown, defined, destroyed, destroyedUnknown, again;
    use(known, 3);
    EXPECT_EQ(refusal(known), 0);
    use(unknown, 9);
    EXPECT_EQ(refusal(unknown), EINVAL);
    define(defined, 9), use(defined, 9);
    EXPECT_EQ(refusal(defined), 0);
    EXPECT_EQ(result_.coTableEntries[SVGA_COTABLE_SRVIEW], 10u);
    destroy(destroyed, 3), use(destroyed, 3);
    EXPECT_EQ(refusal(destroyed), EINVAL);
    destroy(destroyedUnknown, 9);
    EXPECT_EQ(refusal(destroyedUnknown), EINVAL);
    destroy(again, 3), define(again, 3), use(again, 3);
    EXPECT_EQ(refusal(again), 0);
    // Nothing of all that had an effect.
    EXPECT_EQ(context_->shaderResourceViews.size(), 1u);
}

TEST_F(BatchVerifier, RefusesIdsBeyondTheCoTables) {
    const auto define = [this](uint32_t id) {
        SVGA3dCmdDXDefineSamplerState state{};
        state.samplerId = id;
        return refusalOf(SVGA_3D_CMD_DX_DEFINE_SAMPLER_STATE, state);
    };
    EXPECT_EQ(define(SVGA_COTABLE_MAX_IDS - 1), 0);
    EXPECT_EQ(define(SVGA_COTABLE_MAX_IDS), EINVAL);
    EXPECT_EQ(define(kNone), EINVAL);
}

TEST_F(BatchVerifier, RefusesSlotsThatAreNotThere) {
    const auto constants = [this](uint32_t slot, uint32_t type) {
        return refusalOf(SVGA_3D_CMD_DX_SET_SINGLE_CONSTANT_BUFFER,
                         SVGA3dCmdDXSetSingleConstantBuffer{slot, static_cast<SVGA3dShaderType>(type), sid, 0, 16});
    };
    EXPECT_EQ(constants(15, SVGA3D_SHADERTYPE_CS), 0);
    EXPECT_EQ(constants(16, SVGA3D_SHADERTYPE_VS), EINVAL);
    EXPECT_EQ(constants(0, 0), EINVAL);
    EXPECT_EQ(constants(0, SVGA3D_SHADERTYPE_MAX), EINVAL);
    const auto vertexBuffers = [this](uint32_t first) {
        struct {
            SVGA3dCmdDXSetVertexBuffers head;
            SVGA3dVertexBuffer buffer;
        } command{{first}, {sid, 16, 0}};
        return refusalOf(SVGA_3D_CMD_DX_SET_VERTEX_BUFFERS, command);
    };
    EXPECT_EQ(vertexBuffers(31), 0);
    EXPECT_EQ(vertexBuffers(32), EINVAL);
    EXPECT_EQ(vertexBuffers(0xffffffff), EINVAL);
}

TEST_F(BatchVerifier, KeepsOutOfGrabbedBuffers) {
    buffer_->cpuGrabs = 1;
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{sid}), EBUSY);
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_DX_BIND_SHADER, SVGA3dCmdDXBindShader{cid, 0, mob, 0}), EBUSY);
    buffer_->cpuGrabs = 0;
    EXPECT_EQ(refusalOf(SVGA_3D_CMD_UPDATE_GB_SURFACE, SVGA3dCmdUpdateGBSurface{sid}), 0);
}

TEST(CommandTable, FieldsLieWithinTheirCommands) {
    std::set<uint32_t> seen;
    for (const CommandInfo& info : commandTable()) {
        EXPECT_TRUE(seen.insert(info.id).second) << info.name;
        EXPECT_EQ(findCommand(info.id), &info);
        for (uint8_t i = 0; i < info.fieldCount; ++i)
            EXPECT_LE(info.fields[i].offset + sizeof(uint32_t), info.bodySize) << info.name;
        if (info.element) {
            EXPECT_LE(info.element->offset + sizeof(uint32_t), info.elementSize) << info.name;
        }
        EXPECT_EQ(info.bodySize % 4, 0u) << info.name;
    }
    EXPECT_EQ(findCommand(SVGA_3D_CMD_BASE - 1), nullptr);
    EXPECT_EQ(findCommand(SVGA_3D_CMD_MAX), nullptr);
}

TEST(Handles, CountReferencesAndKeepKindsApart) {
    Handles handles;
    auto buffer = std::make_shared<BufferObject>();
    const uint32_t handle = handles.add(buffer);
    EXPECT_EQ(handles.add(buffer), handle);
    EXPECT_EQ(handles.find<BufferObject>(handle), buffer);
    EXPECT_EQ(handles.find<Surface>(handle), nullptr);
    EXPECT_FALSE(handles.remove<Surface>(handle));
    EXPECT_TRUE(handles.remove<BufferObject>(handle));
    EXPECT_EQ(handles.find<BufferObject>(handle), buffer);
    EXPECT_TRUE(handles.remove<BufferObject>(handle));
    EXPECT_EQ(handles.find<BufferObject>(handle), nullptr);
    EXPECT_FALSE(handles.remove<BufferObject>(handle));
    EXPECT_EQ(buffer.use_count(), 1);
    EXPECT_NE(handles.add(buffer), handle); // a stale handle does not name something new
}

} // namespace
} // namespace svga::shim
